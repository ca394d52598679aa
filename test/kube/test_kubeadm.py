#!/usr/bin/env python3
"""Real kubeadm takes an export as it is: it finds every file, no CA key, and changes none."""
import hashlib
import shutil
import unittest

from cluster import ADDRESS, Poterne
from rig import Rig
from tap import main

CERTIFICATES = ("apiserver", "apiserver-kubelet-client", "front-proxy-client", "etcd/server", "etcd/peer",
                "etcd/healthcheck-client", "apiserver-etcd-client")
KUBECONFIGS = ("admin", "super-admin", "kubelet", "controller-manager", "scheduler")


def hashes(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file()}


class Kubeadm(unittest.TestCase):
    key_type = "p256"

    @classmethod
    def setUpClass(cls):
        cls.rig = cls.enterClassContext(Rig("kubeadm"))
        cls.cp1 = cls.rig.machine("cp1", ADDRESS)
        poterne = Poterne(cls.rig.dir)
        poterne.create("demo", "--key-type", cls.key_type, "--san", "api.example.com",
                       "--subject", "C=CH,L=GVA2,O=Exoscale,OU=SKS")
        cls.exported = poterne.export()
        cls.before = hashes(cls.exported)
        cls.cp1.mount(cls.exported, "/etc/kubernetes")

    def kubeadm(self, *args):
        done = self.cp1.run(["kubeadm", *args], seconds=60)
        return done.stdout + done.stderr

    def tearDown(self):
        shutil.rmtree(self.exported / "tmp", ignore_errors=True)  # where kubeadm puts dry runs
        self.assertEqual(hashes(self.exported), self.before)

    def test_no_key_of_an_authority_is_there(self):
        keys = {path.name for path in self.exported.rglob("*.key")}
        self.assertFalse({name for name in keys if "ca" in name.split(".")[0].split("-")}, keys)

    def test_certs_phase(self):
        said = self.kubeadm("init", "phase", "certs", "all", "--config", "/etc/kubernetes/kubeadm.yaml")
        for name in CERTIFICATES:
            self.assertIn(f"Using existing {name} ", said)
        self.assertIn("Using existing sa keys", said)
        self.assertNotIn("Generating", said)

    def test_kubeconfig_phase(self):
        said = self.kubeadm("init", "phase", "kubeconfig", "all", "--config", "/etc/kubernetes/kubeadm.yaml")
        for name in KUBECONFIGS:
            self.assertIn(f"Using user provided {name}.conf", said)

    def test_check_expiration_misses_none(self):
        said = self.kubeadm("certs", "check-expiration", "--config", "/etc/kubernetes/kubeadm.yaml")
        for name in (*CERTIFICATES, *(f"{name}.conf" for name in KUBECONFIGS if name != "kubelet")):
            self.assertRegex(said, rf"(?m)^{name.replace('/', '-')}\s")
        self.assertNotIn("!MISSING!", said)

    def test_manifests_carry_the_flags(self):
        self.cp1.run(["mkdir", "-p", "/var/lib/dry"])
        for phase in (("control-plane", "all"), ("etcd", "local")):
            self.cp1.run(["kubeadm", "init", "phase", *phase, "--config", "/etc/kubernetes/kubeadm.yaml", "--dry-run"],
                         env={"KUBEADM_INIT_DRYRUN_DIR": "/var/lib/dry"})
        manifests = "".join(path.read_text() for folder in (self.cp1.path("/var/lib/dry"), self.exported / "tmp")
                            for path in folder.rglob("*.yaml"))
        for flag in ("client-ca-file=/etc/kubernetes/pki/client-ca-bundle.crt",
                     "kubelet-certificate-authority=/etc/kubernetes/pki/kubelet-ca.crt",
                     "requestheader-allowed-names=front-proxy-client",
                     "tls-cert-file=/etc/kubernetes/pki/scheduler-serving.crt",
                     "service-account-issuer=https://kubernetes.default.svc.cluster.local",
                     "cluster-signing-key-file=", "peer-cert-allowed-hostname=peer.demo.etcd.poterne.internal"):
            self.assertIn(f"- --{flag}", manifests)


class KubeadmRsa(Kubeadm):
    key_type = "rsa2048"


if __name__ == "__main__":
    main()
