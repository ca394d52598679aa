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

# What the CA/Browser Forum asks of the public Web's certificates, and a private CA does otherwise on purpose. What zlint
# finds by the RFCs is never excused.
WEB_ONLY = {
    # revocation and policies: nobody in Kubernetes asks for them
    "e_sub_cert_aia_missing", "w_sub_cert_aia_does_not_contain_issuing_ca_url", "e_missing_crl_distrib_point",
    "e_sub_cert_certificate_policies_missing", "e_sub_cert_cert_policy_empty",
    # names of a cluster are private, and its subject is who Kubernetes takes it for
    "e_dnsname_not_valid_tld", "e_ext_san_contains_reserved_ip", "w_subject_common_name_included",
    "e_subject_common_name_not_exactly_from_san", "e_dnsname_bad_character_in_label",
    "e_sub_cert_country_name_must_appear", "e_sub_cert_province_must_appear", "e_sub_cert_locality_name_must_appear",
    "e_ca_country_name_missing", "e_ca_organization_name_missing",
    # OU and L come from --subject, O is a Kubernetes group
    "e_subject_contains_organizational_unit_name_and_no_organization_name", "e_organizational_unit_name_prohibited",
    "e_sub_cert_locality_name_must_not_appear", "e_subj_orgunit_in_ca_cert",
    # bounds on a root: ours name what it may sign, the Web's must not
    "e_root_ca_extended_key_usage_present", "w_root_ca_basic_constraints_path_len_constraint_field_present",
    "e_eku_critical", "e_cabf_ecc_allowed_key_usages", "w_ext_subject_key_identifier_not_recommended_subscriber",
    # a year, as kubeadm has it; --leaf-ttl makes it less
    "w_server_cert_valid_time_longer_than_199_days", "e_server_cert_valid_time_longer_than_200_days",
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
            found = self.lints(zlint, name)
            by_rfc = self.lints(zlint, name, "-includeSources", "RFC3279,RFC5280,RFC5480,RFC5891,RFC8813,Community")
            if by_rfc | found - WEB_ONLY:
                heed[name] = sorted(by_rfc | found - WEB_ONLY)
        self.assertEqual(heed, {}, "\n" + json.dumps(heed, indent=1))

    def lints(self, zlint, name, *options):
        said = subprocess.run([zlint, *options, name], cwd=self.exported, capture_output=True, text=True, check=True)
        return {lint for lint, verdict in json.loads(said.stdout).items()
                if verdict["result"] in ("error", "warn", "fatal")}

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
