#!/usr/bin/env python3
"""The isolation matrix (matrix.py) on real servers: etcd, API server, kubelet, sample-apiserver, controller manager."""
import base64
import os
import re
import subprocess
import time
import unittest
from pathlib import Path

import yaml
from aggregated import PORT as AGGREGATED_PORT
from aggregated import start_sample_apiserver
from cluster import ADDRESS, SOURCE, Poterne, start_control_plane
from matrix import CROSSINGS, MATRIX, SERVERS, crossings, table
from rig import Rig, read_flags, wait_until
from tap import main
from worker import start_kubelet

SUPER_ADMIN = "/etc/kubernetes/super-admin.conf"
W1 = "10.99.0.21"
JANE = {"X-Remote-User": "jane"}
MASTER = {"X-Remote-User": "anybody", "X-Remote-Group": "system:masters"}
BOB = {"X-Remote-User": "bob"}
OPENSSL_CA = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other-ca.key -out other-ca.crt \
    -subj "/CN=another key of the same trust" -days 1 2>/dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other-name.key -out other-name.csr \
    -subj "/CN=not-front-proxy-client" 2>/dev/null
printf 'extendedKeyUsage=clientAuth\\n' > other-name.ext
openssl x509 -req -in other-name.csr -CA other-ca.crt -CAkey other-ca.key -CAcreateserial -days 1 \
    -extfile other-name.ext -out other-name.crt 2>/dev/null
"""
GENERATION = os.environ.get("POTERNE_GENERATION", str(SOURCE / "build" / "test" / "generation"))


class Matrix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = cls.enterClassContext(Rig())
        cls.keys = cls.rig.dir / "keys"
        cls.keys.mkdir()
        cls.poterne = Poterne(cls.rig.dir)
        cls.poterne.create("demo", "--worker", f"w1={W1}")
        cls.poterne.create("other", "--worker", f"w1={W1}")
        cls.cp1 = cls.rig.machine("cp1", ADDRESS)
        cls.w1 = cls.rig.machine("w1", W1)
        cls.exported = cls.poterne.export()
        cls.worker = cls.poterne.export(machine="w1")
        cls.other = cls.poterne.export("other")
        cls.other_worker = cls.poterne.export("other", machine="w1")
        cls.trust_another_aggregation_key()
        cls.start_servers()

    @classmethod
    def trust_another_aggregation_key(cls):
        """poterne signs nothing but front-proxy-client under this authority. So that there is a certificate of another
        name which the servers trust, a CA made by openssl joins theirs."""
        subprocess.run(["sh", "-ec", OPENSSL_CA], cwd=cls.keys, check=True)
        with open(cls.exported / "pki/front-proxy-ca.crt", "a", encoding="ascii") as bundle:
            bundle.write((cls.keys / "other-ca.crt").read_text())

    @classmethod
    def start_servers(cls):
        start_control_plane(cls.cp1, cls.exported)
        cls.cp1.kubectl(SUPER_ADMIN, "create", "clusterrolebinding", "kubelet-api",
                        "--clusterrole=system:kubelet-api-admin", "--user=kube-apiserver-kubelet-client")
        start_sample_apiserver(cls.cp1, SUPER_ADMIN, read_flags(cls.exported / "flags/kube-apiserver")).wait_ready()
        cls.w1.mount(cls.worker, "/etc/kubernetes")
        start_kubelet(cls.w1, read_flags(cls.worker / "flags/kubelet")).wait_ready()

    # ---- certificates ----

    def embedded(self, kubeconfig, name):
        """The pair of a kubeconfig as two files."""
        user = yaml.safe_load(Path(kubeconfig).read_text())["users"][0]["user"]
        for suffix, member in (("crt", "client-certificate-data"), ("key", "client-key-data")):
            (self.keys / f"{name}.{suffix}").write_bytes(base64.b64decode(user[member]))
        return self.keys / name

    def person(self, user, *args, name="demo", file=None):
        path = self.keys / f"{file or user}.conf"
        self.poterne.run("kubeconfig", "issue", name, user, "--out", path, *args)
        return self.embedded(path, file or user)

    def flow(self, flow):
        return {
            "etcd": lambda: self.exported / "pki/apiserver-etcd-client",
            "control-plane": lambda: self.exported / "pki/apiserver-kubelet-client",
            "operators": lambda: self.person("jane"),
            "kubelet": lambda: self.embedded(self.worker / "kubelet.conf", "node"),
            "aggregation": lambda: self.exported / "pki/front-proxy-client",
        }[flow]()

    def expired_etcd_client(self):
        """A client of etcd that lived for three seconds: signed on a CSR, whose key never left this folder."""
        subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", "brief.key", "-out", "brief.csr", "-subj", "/CN=kube-apiserver-etcd-client"],
                       cwd=self.keys, check=True, capture_output=True)
        pem = self.poterne.run("cert", "sign", "demo", "--profile", "apiserver-etcd-client", "--csr",
                               self.keys / "brief.csr", "--ttl", "3s").stdout
        (self.keys / "brief.crt").write_text(pem)
        time.sleep(4)
        return self.keys / "brief"

    def expired_person(self):
        pair = self.person("late", "--ttl", "3s")
        time.sleep(4)
        return pair

    # ---- servers ----

    def outcome(self, server, pair, headers=None):
        machine, port, path = {
            "etcd": (self.cp1, 2379, "/version"),
            "API server": (self.cp1, 6443, "/api/v1/secrets"),
            "kubelet": (self.w1, 10250, "/pods"),
            "aggregated API": (self.cp1, AGGREGATED_PORT, "/apis/wardle.example.com/v1alpha1/flunders"),
            "controller manager": (self.cp1, 10257, "/metrics"),
        }[server]
        address = machine.address if server in ("API server", "kubelet") else "127.0.0.1"
        try:
            status, text = machine.request(port, path, address=address, cert=f"{pair}.crt", key=f"{pair}.key",
                                           headers=headers)
        except OSError as error:
            return f"handshake ({error})"
        return f"{status} {text}"

    def check(self, server, pair, expected, headers=None):
        got = self.outcome(server, pair, headers)
        status, _, user = expected.partition(" ")
        self.assertTrue(got.startswith(status), f"{server}: expected {expected}, got {got[:300]}")
        if status == "403":  # the refusal names the user
            self.assertRegex(got, rf'[Uu]ser[ =]\\?"?{re.escape(user)}\b', f"{server}: {got[:300]}")

    # ---- the tests ----

    def test_25_cells(self):
        for flow, outcomes in MATRIX.items():
            pair = self.flow(flow)
            for server, expected in zip(SERVERS, outcomes):
                with self.subTest(flow=flow, server=server):
                    self.check(server, pair, expected)

    def test_crossings(self):
        for what, server, expected in CROSSINGS:
            if "generation" in what:
                continue
            with self.subTest(what=what, server=server):
                pair, headers = self.crossing(what)
                self.check(server, pair, expected, headers)

    def crossing(self, what):
        exported, other = self.exported / "pki", self.other / "pki"
        return {
            "front-proxy-client, naming jane in X-Remote-User": lambda: (exported / "front-proxy-client", JANE),
            "front-proxy-client, naming a member of system:masters": lambda: (exported / "front-proxy-client", MASTER),
            "operator jane, naming bob in X-Remote-User": lambda: (self.person("jane"), BOB),
            "another name of the aggregation authority, naming jane": lambda: (self.keys / "other-name", JANE),
            "apiserver's serving certificate as a client": lambda: (exported / "apiserver", None),
            "kubelet's serving certificate as a client": lambda: (self.worker / "pki/kubelet-serving", None),
            "etcd's server certificate as a client": lambda: (exported / "etcd/server", None),
            "apiserver-etcd-client of another cluster": lambda: (other / "apiserver-etcd-client", None),
            "operator of another cluster": lambda: (self.person("eve", name="other"), None),
            "kubelet of another cluster": lambda: (self.embedded(self.other_worker / "kubelet.conf", "other-node"), None),
            "apiserver-kubelet-client of another cluster": lambda: (other / "apiserver-kubelet-client", None),
            "an expired operator": lambda: (self.expired_person(), None),
            "an expired apiserver-etcd-client": lambda: (self.expired_etcd_client(), None),
        }[what]()

    def test_generations(self):
        """Operators get a second generation, which then signs. The first is good until the bundle drops it. (Its name puts this
        case behind the others: super-admin.conf, which the sample-apiserver holds, is of the first.)"""
        early = self.person("early")
        subprocess.run([GENERATION, self.poterne.state, "demo", "operators"], check=True)
        late = self.person("later")
        self.check("API server", late, "401")  # not in the bundle yet
        bundle = self.exported / "pki/client-ca-bundle.crt"
        self.poterne.run("cluster", "export", "demo", "--machine", "cp1", "--layout", "kubeadm", "--out", self.exported,
                         "--force")  # front-proxy-ca.crt is no longer as we wrote it
        self.assertEqual(bundle.read_text().count("BEGIN CERTIFICATE"), 4)
        wait_until(lambda: "403" in self.outcome("API server", late), "the API server read its bundle again", 90)
        self.check("API server", early, "403 early")
        self.check("API server", late, "403 later")
        current = [self.poterne.run("authority", "cert", "demo", role).stdout
                   for role in ("control-plane", "operators", "kubelet")]
        bundle.with_suffix(".new").write_text("".join(current))
        bundle.with_suffix(".new").rename(bundle)
        wait_until(lambda: "401" in self.outcome("API server", early), "the API server read its bundle again", 90)
        self.check("API server", late, "403 later")

    def test_a_client_certificate_serves_nobody(self):
        for leaf, ca in (("apiserver-kubelet-client", "ca.crt"), ("front-proxy-client", "front-proxy-ca.crt"),
                         ("apiserver-etcd-client", "etcd/ca.crt")):
            path = self.exported / "pki"
            done = self.cp1.run(["verify", "-ca", path / ca, "-cert", path / f"{leaf}.crt", "-usage", "server", "-name",
                                 ADDRESS], check=False)
            self.assertNotEqual(done.returncode, 0, leaf)
            server = self.cp1.start("s_server", ["openssl", "s_server", "-accept", "7443", "-www", "-cert",
                                                 path / f"{leaf}.crt", "-key", path / f"{leaf}.key"],
                                    ready=lambda process: "ACCEPT" in process.log_text()).wait_ready()
            curl = self.cp1.run(["curl", "-sS", "--cacert", path / ca, f"https://{ADDRESS}:7443/"], check=False)
            server.stop()
            self.assertEqual(curl.returncode, 60, curl.stderr)
            self.assertRegex(curl.stderr, r"purpose|certificate")

    def test_the_docs_show_these_tables(self):
        text = (SOURCE / "docs/isolation.md").read_text()
        self.assertIn(table(), text)
        self.assertIn(crossings(), text)


if __name__ == "__main__":
    main()
