#!/usr/bin/env python3
"""A real control plane starts from what each layout holds, and kubectl is who its certificate says."""
import json
import re
import shutil
import subprocess
import unittest

from cluster import ADDRESS, CONTROL_PLANE, PROGRAM, Poterne, start_control_plane
from rig import Rig, read_flags, wait_until
from tap import main, need

ADMIN = "/etc/kubernetes/admin.conf"


def whoami(machine, kubeconfig):
    review = machine.kubectl(kubeconfig, "auth", "whoami", "-o", "json").stdout
    user = json.loads(review)["status"]["userInfo"]
    return user["username"], user["groups"]


class Layout:
    """The cases that every layout must pass."""

    layout = None

    @classmethod
    def setUpClass(cls):
        cls.rig = cls.enterClassContext(Rig("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler",
                                            "kubectl"))
        cls.cp1 = cls.rig.machine("cp1", ADDRESS)
        cls.poterne = Poterne(cls.rig.dir)
        cls.poterne.create("demo", "--service-cidr", "10.96.0.0/16")
        cls.exported = cls.poterne.export(layout=cls.layout)
        cls.running = start_control_plane(cls.cp1, cls.exported, CONTROL_PLANE)

    def test_admin_is_cluster_admin_of_kubeadm(self):
        # without kubeadm nobody binds kubeadm:cluster-admins: super-admin.conf is what begins a cluster
        self.cp1.kubectl("/etc/kubernetes/super-admin.conf", "create", "clusterrolebinding", f"admins-{self.layout}",
                         "--clusterrole=cluster-admin", "--group=kubeadm:cluster-admins")
        self.assertEqual(whoami(self.cp1, ADMIN),
                         ("kubernetes-admin", ["kubeadm:cluster-admins", "system:authenticated"]))
        wait_until(lambda: not self.cp1.kubectl(ADMIN, "get", "nodes", check=False).returncode, "admin may list nodes")

    def test_a_person_is_the_user_and_groups_asked_for(self):
        kubeconfig = self.poterne.kubeconfig("jane", "--group", "dev", "--group", "ops")
        self.assertEqual(whoami(self.cp1, kubeconfig), ("jane", ["dev", "ops", "system:authenticated"]))
        refused = self.cp1.kubectl(kubeconfig, "get", "nodes", check=False)
        self.assertIn('User "jane" cannot list resource "nodes"', refused.stderr)

    def test_a_certificate_ends_when_it_says(self):
        # ten minutes ago and one second: the shortest way past the end of a real certificate
        need(shutil.which("faketime"), "needs the package 'faketime'")
        path = self.poterne.folder / "brief.conf"
        self.poterne.run("kubeconfig", "issue", "demo", "brief", "--ttl", "15s", "--out", path)
        self.assertEqual(whoami(self.cp1, path)[0], "brief")
        refused = wait_until(lambda: self.refusal(path), "the certificate's end", 40)
        self.assertRegex(refused, r"Unauthorized|provide credentials|certificate has expired|expired")

    def refusal(self, kubeconfig):
        done = self.cp1.kubectl(kubeconfig, "auth", "whoami", check=False)
        return done.stderr if done.returncode else ""

    def test_an_exec_plugin_fetches_certificates(self):
        path = self.poterne.folder / "exec.conf"
        self.poterne.run("kubeconfig", "issue", "demo", "exec-user", "--group", "dev", "--exec", "--out", path)
        self.assertNotIn("client-key-data", path.read_text())
        self.assertEqual(whoami(self.cp1, path), ("exec-user", ["dev", "system:authenticated"]))

    def test_components_are_who_they_should_be(self):
        for name, user in (("controller-manager", "system:kube-controller-manager"),
                           ("scheduler", "system:kube-scheduler"), ("kubelet", "system:node:cp1")):
            self.assertEqual(whoami(self.cp1, f"/etc/kubernetes/{name}.conf")[0], user)

    def test_a_second_export_changes_nothing(self):
        before = {path: path.stat().st_mtime_ns for path in self.exported.rglob("*")}
        self.poterne.export(layout=self.layout)
        self.assertEqual(before, {path: path.stat().st_mtime_ns for path in self.exported.rglob("*")})


class Kubeadm(Layout, unittest.TestCase):
    layout = "kubeadm"


class Systemd(Layout, unittest.TestCase):
    layout = "systemd"

    def test_units_are_what_systemd_reads(self):
        need(shutil.which("systemd-analyze"), "needs the package 'systemd'")
        for unit in sorted((self.exported / "systemd").glob("*.service")):
            text = unit.read_text()
            flags = re.findall(r"^    (--\S+)", text, re.MULTILINE)
            self.assertEqual(flags, read_flags(self.exported / "flags" / unit.stem))
            checked = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True,
                                     env={"PATH": f"{self.rig.bin}:/usr/bin:/bin"})
            faults = [line for line in checked.stderr.splitlines()
                      if unit.name in line and "is not executable" not in line and "not found" not in line]
            self.assertEqual(faults, [])

    def test_a_kubeconfig_follows_its_files(self):
        text = (self.exported / "admin.conf").read_text()
        self.assertIn('client-certificate: "/etc/kubernetes/pki/admin.crt"', text)
        self.assertNotIn("-data:", text)


if __name__ == "__main__":
    main()
