#!/usr/bin/env python3
"""Every certificate is what OpenSSL, GnuTLS, Go and Java take, and zlint has nothing to say that a private CA must heed."""
import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml
from cluster import ADDRESS, Poterne
from rig import HERE, programs
from tap import main, need

# leaf of an export: (its CA, usages, names it serves under)
LEAVES = {
    "pki/apiserver": ("pki/ca.crt", ["server"], [ADDRESS, "kubernetes.default.svc", "10.96.0.1", "api.example.com"]),
    "pki/apiserver-kubelet-client": ("pki/ca.crt", ["client"], []),
    "pki/controller-manager-serving": ("pki/ca.crt", ["server"], ["localhost", "127.0.0.1"]),
    "pki/scheduler-serving": ("pki/ca.crt", ["server"], ["localhost"]),
    "pki/controller-manager": ("pki/ca.crt", ["client"], []),
    "pki/scheduler": ("pki/ca.crt", ["client"], []),
    "pki/kubelet-client": ("pki/kubelet-ca.crt", ["client"], []),
    "pki/kubelet-serving": ("pki/kubelet-ca.crt", ["server"], ["cp1", ADDRESS]),
    "pki/admin": ("pki/operators-ca.crt", ["client"], []),
    "pki/super-admin": ("pki/operators-ca.crt", ["client"], []),
    "pki/etcd/server": ("pki/etcd/ca.crt", ["server", "client"], ["cp1", "127.0.0.1", ADDRESS]),
    "pki/etcd/peer": ("pki/etcd/ca.crt", ["server", "client"], [ADDRESS, "peer.demo.etcd.poterne.internal"]),
    "pki/etcd/healthcheck-client": ("pki/etcd/ca.crt", ["client"], []),
    "pki/apiserver-etcd-client": ("pki/etcd/ca.crt", ["client"], []),
    "pki/front-proxy-client": ("pki/front-proxy-ca.crt", ["client"], []),
}
AUTHORITIES = ("pki/ca.crt", "pki/kubelet-ca.crt", "pki/operators-ca.crt", "pki/front-proxy-ca.crt", "pki/etcd/ca.crt")

# What zlint says of every private CA's certificate and why it does not matter here. Anything else fails the test.
ZLINT_EXPECTED = {
    "e_sub_ca_aia_missing", "e_sub_ca_certificate_policies_missing", "e_sub_ca_crl_distribution_points_missing",
    "e_sub_cert_aia_does_not_contain_ocsp_url", "e_sub_cert_aia_missing", "e_sub_cert_certificate_policies_missing",
    "e_sub_cert_cert_policy_empty", "w_sub_cert_aia_does_not_contain_issuing_ca_url",
}


class Readers(unittest.TestCase):
    key_type = "p256"

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="poterne-readers-"))
        poterne = Poterne(cls.folder)
        poterne.create("demo", "--key-type", cls.key_type, "--san", "api.example.com", "--subject", "C=CH,L=GVA2,OU=SKS")
        cls.exported = poterne.export(layout="systemd")

    def test_the_list_is_whole(self):
        found = {str(path.relative_to(self.exported))[:-4] for path in self.exported.rglob("*.crt")}
        self.assertEqual(found - {name[:-4] for name in AUTHORITIES} - {"pki/client-ca-bundle"}, set(LEAVES))

    def test_openssl(self):
        for leaf, (ca, usages, _) in LEAVES.items():
            for usage in ("client", "server"):
                done = subprocess.run(["openssl", "verify", "-x509_strict", "-check_ss_sig", "-purpose", f"ssl{usage}",
                                       "-CAfile", ca, f"{leaf}.crt"], cwd=self.exported, capture_output=True, text=True)
                self.assertEqual(done.returncode == 0, usage in usages, f"{leaf} {usage}: {done.stdout}{done.stderr}")

    def test_gnutls(self):
        need(shutil.which("certtool"), "needs the package 'gnutls-bin'")
        for leaf, (ca, usages, names) in LEAVES.items():
            purposes = {"client": "1.3.6.1.5.5.7.3.2", "server": "1.3.6.1.5.5.7.3.1"}
            for usage, oid in purposes.items():
                command = ["certtool", "--verify", "--verify-profile", "medium", "--load-ca-certificate", ca, "--infile",
                           f"{leaf}.crt", "--verify-purpose", oid]
                if usage == "server" and names and not names[-1][0].isdigit():
                    command += ["--verify-hostname", names[-1]]
                done = subprocess.run(command, cwd=self.exported, capture_output=True, text=True)
                self.assertEqual(done.returncode == 0, usage in usages, f"{leaf} {usage}: {done.stdout}{done.stderr}")

    def test_go(self):
        verify = programs("verify") / "verify"
        for leaf, (ca, usages, names) in LEAVES.items():
            for usage in ("client", "server"):
                for name in (names if usage == "server" and names else [None]):
                    command = [verify, "-ca", ca, "-cert", f"{leaf}.crt", "-usage", usage]
                    done = subprocess.run(command + (["-name", name] if name else []), cwd=self.exported,
                                          capture_output=True, text=True)
                    self.assertEqual(done.returncode == 0, usage in usages, f"{leaf} {usage} {name}: {done.stderr}")

    def test_java(self):
        need(shutil.which("java"), "needs Java")
        sample = [(ca, f"{leaf}.crt", usage) for leaf, (ca, usages, _) in LEAVES.items() for usage in usages]
        done = subprocess.run(["java", HERE / "Verify.java", *sum(sample, ())], cwd=self.exported, capture_output=True,
                              text=True)
        self.assertEqual(done.stdout.count("OK "), len(sample), done.stderr)
        wrong = subprocess.run(["java", HERE / "Verify.java", "pki/ca.crt", "pki/apiserver.crt", "client"],
                               cwd=self.exported, capture_output=True, text=True)
        self.assertNotEqual(wrong.returncode, 0)

    def test_zlint(self):
        zlint = programs("zlint") / "zlint"
        heed = {}
        for name in (*AUTHORITIES, *(f"{leaf}.crt" for leaf in LEAVES)):
            said = subprocess.run([zlint, "-includeSources", "RFC5280,RFC5480,RFC8813,CABF_BR,Community", name],
                                  cwd=self.exported, capture_output=True, text=True, check=True)
            verdicts = json.loads(said.stdout)
            found = {lint for lint, verdict in verdicts.items() if verdict["result"] in ("error", "warn", "fatal")}
            if found - ZLINT_EXPECTED:
                heed[name] = sorted(found - ZLINT_EXPECTED)
        self.assertEqual(heed, {})

    def test_kubeconfigs_fit_their_files(self):
        for name in ("admin", "super-admin", "controller-manager", "scheduler", "kubelet"):
            user = yaml.safe_load((self.exported / f"{name}.conf").read_text())["users"][0]["user"]
            for member in ("client-certificate", "client-key"):
                path = Path(user[member]).relative_to("/etc/kubernetes")
                self.assertTrue((self.exported / path).exists(), path)


class ReadersRsa(Readers):
    key_type = "rsa2048"


class ReadersP384(Readers):
    key_type = "p384"


if __name__ == "__main__":
    main()
