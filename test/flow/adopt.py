#!/usr/bin/env python3
"""`cluster adopt` of folders as kubeadm and k3s leave them. kubeadm's are made by kubeadm itself where Go is; k3s comes from no
registry, so its folder is made by openssl after pkg/daemons/control/deps/deps.go of k3s."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from cluster import Poterne  # noqa: E402
from rig import programs  # noqa: E402
from tap import main  # noqa: E402

USAGE, NOT_FOUND, CONFLICT, REFUSED = 2, 3, 4, 5
ROLES = ["etcd", "control-plane", "operators", "kubelet", "aggregation"]
KUBEADM = """
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.1}
nodeRegistration: {name: cp1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
controlPlaneEndpoint: api.example.com:6443
encryptionAlgorithm: %s
certificatesDir: %s
networking: {serviceSubnet: 10.50.0.0/16, dnsDomain: k8s.test}
apiServer: {certSANs: [extra.example.com, 192.0.2.7]}
"""


def openssl(*args, **options):
    return subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, text=True, **options).stdout


def tree(folder):
    """Every file with its content and time: what must not change."""
    return {str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in Path(folder).rglob("*") if path.is_file()}


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="poterne-adopt-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.poterne = Poterne(self.folder)
        self.source = self.folder / "source"

    def adopt(self, layout, source=None, code=0, name="old"):
        before = tree(self.source)
        done = self.poterne.run("cluster", "adopt", name, "--from", source or self.source, "--layout", layout, "-o", "json",
                                check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(tree(self.source), before)
        return json.loads(done.stdout) if code == 0 else done

    def custody(self, adopted):
        return {authority["name"]: authority["custody"] for authority in adopted["authorities"]}

    def codes(self, adopted):
        return {(finding["code"], finding["path"]) for finding in adopted["findings"]}

    def listed(self):
        return json.loads(self.poterne.run("cert", "list", "old", "-o", "json").stdout)["items"]

    def audited(self):
        return len(json.loads(self.poterne.run("audit", "list", "-o", "json").stdout)["items"])

    def verify(self, ca, cert, purpose):
        openssl("verify", "-x509_strict", "-purpose", purpose, "-CAfile", ca, cert)

    def issue(self, ca):
        """A kubeconfig and a signed request under what was adopted, both by `ca`."""
        path = self.poterne.kubeconfig("ann", "--group", "dev", name="old")
        view = json.loads(self.poterne.run("cert", "show", path, "-o", "json").stdout)
        users = [view, *view.get("others", [])]
        cert = self.folder / "ann.crt"
        cert.write_text(next(one["certificate"] for one in users if one["x509"]["subject"] == "O=dev, CN=ann"))
        subprocess.run(["openssl", "verify", "-CAfile", ca, "-purpose", "sslclient", cert], check=True, capture_output=True)
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.folder / "ben.key",
                "-subj", "/CN=ben", "-out", self.folder / "ben.csr")
        self.poterne.run("cert", "sign", "old", "--profile", "operator", "--csr", self.folder / "ben.csr", "--out",
                         self.folder / "ben.crt")
        subprocess.run(["openssl", "verify", "-CAfile", ca, self.folder / "ben.crt"], check=True, capture_output=True)
        refused = self.poterne.run("kubeconfig", "issue", "old", "eve", "--group", "system:masters", "--out", self.folder / "eve",
                                   check=False)
        self.assertEqual(refused.returncode, REFUSED)

    def good(self):
        self.poterne.run("state", "check")
        self.poterne.run("audit", "verify")


class Kubeadm(Case):
    algorithm, key_type = "RSA-2048", "rsa2048"

    @classmethod
    def setUpClass(cls):
        kubeadm = programs("kubeadm") / "kubeadm"
        cls.made = Path(tempfile.mkdtemp(prefix="poterne-kubeadm-"))
        cls.addClassCleanup(shutil.rmtree, cls.made)
        config = cls.made / "config.yaml"
        etc = cls.made / "kubernetes"
        config.write_text(KUBEADM % (cls.algorithm, etc / "pki"))
        for phase in (("certs",), ("kubeconfig", "--kubeconfig-dir", etc)):
            subprocess.run([kubeadm, "init", "phase", phase[0], "all", "--config", config, *phase[1:]], check=True,
                           capture_output=True)
        cls.etc = etc

    def setUp(self):
        super().setUp()
        shutil.copytree(self.etc, self.source)

    def test_whole(self):
        adopted = self.adopt("kubeadm")
        self.assertEqual(self.custody(adopted), dict.fromkeys(ROLES, "sealed"))
        self.assertEqual(adopted["service_account_key"], "sealed")
        self.assertEqual(len(adopted["items"]), 12)  # every leaf and kubeconfig of kubeadm's
        for finding in adopted["findings"]:
            self.assertIn(finding["code"], ("ca-unconstrained", "etcd-member", "guessed"), finding)
        shown = json.loads(self.poterne.run("cluster", "show", "old", "-o", "json").stdout)
        self.assertEqual((shown["endpoint"], shown["dns_domain"], shown["service_cidr"], shown["key_type"], shown["adopted"]),
                         ("api.example.com:6443", "k8s.test", "10.50.0.0/16", self.key_type, "kubeadm"))
        self.assertEqual(shown["machines"], [{"name": "cp1", "roles": ["control-plane"], "addresses": ["10.0.0.1"], "dns": []}])
        self.assertEqual(sorted(shown["sans"]), ["192.0.2.7", "extra.example.com"])
        on_record = {item["subject"] for item in self.listed()}
        self.assertLessEqual({item["subject"] for item in adopted["items"]}, on_record)
        self.good()
        self.issue(self.source / "pki/ca.crt")
        self.good()

    def test_again(self):
        self.adopt("kubeadm")
        records, audited = len(self.listed()), self.audited()
        again = self.poterne.run("cluster", "adopt", "old", "--from", self.source, "--layout", "kubeadm")
        self.assertIn("nothing changed", again.stderr)
        self.assertEqual((len(self.listed()), self.audited()), (records, audited))

    def test_from_the_pki_folder(self):
        adopted = self.adopt("kubeadm", self.source / "pki")
        self.assertEqual(self.custody(adopted), dict.fromkeys(ROLES, "sealed"))
        self.assertEqual(adopted["machines"][0]["name"], "cp1")
        self.assertIn(("guessed", None), self.codes(adopted))

    def test_without_keys_then_with_them(self):
        kept = self.folder / "kept"
        shutil.copytree(self.source, kept)
        for key in ("ca.key", "etcd/ca.key", "front-proxy-ca.key", "sa.key"):
            (self.source / "pki" / key).unlink()
        adopted = self.adopt("kubeadm")
        self.assertEqual(self.custody(adopted), dict.fromkeys(ROLES, "elsewhere"))
        self.assertEqual(adopted["service_account_key"], "elsewhere")
        refused = self.poterne.run("kubeconfig", "issue", "old", "ann", "--out", self.folder / "ann.conf", check=False)
        self.assertEqual(refused.returncode, REFUSED)
        self.assertIn("elsewhere", refused.stderr)
        self.assertFalse((self.folder / "ann.conf").exists())
        self.good()
        self.assertEqual(self.custody(self.adopt("kubeadm", kept)), dict.fromkeys(ROLES, "sealed"))
        self.good()
        self.issue(kept / "pki/ca.crt")
        self.poterne.run("key", "rotate-root", "--reseal")
        self.good()

    def test_export_of_what_was_adopted(self):
        self.adopt("kubeadm")
        out = self.poterne.export("old", machine="cp1")
        for name, ca, purpose in (("apiserver", "ca", "sslserver"), ("apiserver-kubelet-client", "ca", "sslclient"),
                                  ("etcd/server", "etcd/ca", "sslserver"), ("apiserver-etcd-client", "etcd/ca", "sslclient"),
                                  ("front-proxy-client", "front-proxy-ca", "sslclient")):
            self.verify(self.source / f"pki/{ca}.crt", out / f"pki/{name}.crt", purpose)
        self.assertEqual((out / "pki/sa.key").read_text(), (self.source / "pki/sa.key").read_text())
        names = {kind: openssl("x509", "-in", folder / "pki/apiserver.crt", "-noout", "-ext", "subjectAltName")
                 for kind, folder in (("new", out), ("old", self.source))}
        for name in names["old"].split("\n")[1].strip().split(", "):  # whoever reached it reaches it still
            self.assertIn(name, names["new"])

    def test_no_key_of_a_leaf_is_taken(self):
        self.adopt("kubeadm")
        store = b"".join(file.read_bytes() for file in self.poterne.state.glob("store.db*"))
        for key in (self.source / "pki").rglob("*.key"):
            body = "".join(key.read_text().split("\n")[1:-2])
            self.assertNotIn(body[:60].encode(), store, key)


class KubeadmEc(Kubeadm):
    algorithm, key_type = "ECDSA-P256", "p256"


class K3s(Case):
    """server/tls of a k3s server."""

    def authority(self, name, subject):
        base = self.source / name
        base.parent.mkdir(parents=True, exist_ok=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{base}.key", "-subj",
                f"/CN={subject}@1700000000", "-days", "3650", "-out", f"{base}.crt", "-addext",
                "keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign")

    def leaf(self, name, subject, ca, usage, names=""):
        base = self.source / name
        extensions = f"keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage={usage}\nauthorityKeyIdentifier=keyid\n"
        (self.folder / "ext").write_text(extensions + (f"subjectAltName={names}\n" if names else ""))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{base}.key", "-subj",
                subject, "-out", self.folder / "csr")
        cert = openssl("x509", "-req", "-in", self.folder / "csr", "-CA", self.source / f"{ca}.crt", "-CAkey",
                       self.source / f"{ca}.key", "-days", "365", "-extfile", self.folder / "ext")
        Path(f"{base}.crt").write_text(cert + (self.source / f"{ca}.crt").read_text())

    def setUp(self):
        super().setUp()
        for name, subject in (("server-ca", "k3s-server-ca"), ("client-ca", "k3s-client-ca"), ("etcd/peer-ca", "etcd-peer-ca"),
                              ("request-header-ca", "k3s-request-header-ca"), ("etcd/server-ca", "etcd-server-ca")):
            self.authority(name, subject)
        local = "DNS:localhost,DNS:edge-7,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1,IP:192.168.7.7,IP:10.43.0.1"
        self.leaf("serving-kube-apiserver", "/CN=kube-apiserver", "server-ca", "serverAuth",
                  "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local," + local)
        for name, subject in (("client-admin", "/O=system:masters/CN=system:admin"),
                              ("client-controller", "/CN=system:kube-controller-manager"),
                              ("client-scheduler", "/CN=system:kube-scheduler"),
                              ("client-kube-apiserver", "/O=system:masters/CN=system:apiserver")):
            self.leaf(name, subject, "client-ca", "clientAuth")
        self.leaf("client-auth-proxy", "/CN=system:auth-proxy", "request-header-ca", "clientAuth")
        self.leaf("etcd/client", "/CN=etcd-client", "etcd/server-ca", "clientAuth")
        self.leaf("etcd/server-client", "/CN=etcd-server", "etcd/server-ca", "serverAuth,clientAuth", "DNS:kine.sock," + local)
        self.leaf("etcd/peer-server-client", "/CN=etcd-peer", "etcd/peer-ca", "serverAuth,clientAuth", "DNS:kine.sock," + local)
        openssl("genrsa", "-traditional", "-out", self.source / "service.key", "2048")
        shutil.copy(self.source / "service.key", self.source / "service.current.key")
        shutil.copy(self.source / "client-ca.crt", self.source / "client-ca.nochain.crt")

    def test_whole(self):
        adopted = self.adopt("k3s")
        self.assertEqual(self.custody(adopted), dict.fromkeys(ROLES, "sealed"))
        paths = {authority["name"]: authority["path"] for authority in adopted["authorities"]}
        self.assertEqual(paths, {"etcd": "etcd/server-ca.crt", "control-plane": "server-ca.crt", "operators": "client-ca.crt",
                                 "kubelet": "client-ca.crt", "aggregation": "request-header-ca.crt"})
        self.assertEqual([one["path"] for one in adopted["watched"]], ["etcd/peer-ca.crt"])
        self.assertEqual((adopted["endpoint"], adopted["service_cidr"], adopted["dns_domain"]),
                         ("192.168.7.7:6443", "10.43.0.0/16", "cluster.local"))
        self.assertEqual(adopted["machines"][0]["name"], "edge-7")
        self.assertEqual(adopted["service_account_key"], "sealed")
        self.assertEqual(len(adopted["items"]), 9)
        self.good()
        self.issue(self.source / "client-ca.crt")
        conf = self.poterne.kubeconfig("cleo", name="old")
        self.assertIn("k3s-server-ca", self.poterne.run("cert", "show", conf, "-o", "json").stdout)  # what clients trust
        self.good()

    def test_folders_above(self):
        above = self.folder / "rancher"
        (above / "server").mkdir(parents=True)
        shutil.move(self.source, above / "server/tls")
        self.source = above
        for source in (above, above / "server", above / "server/tls"):
            self.assertEqual(self.custody(self.adopt("k3s", source)), dict.fromkeys(ROLES, "sealed"), source)
        self.assertEqual(len({item["fingerprint"] for item in self.listed() if "fingerprint" in item}),
                         len([item for item in self.listed() if "fingerprint" in item]))

    def test_servers_and_clients_have_their_own_ca(self):
        self.adopt("k3s")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.folder / "k.key",
                "-subj", "/", "-out", self.folder / "k.csr")
        for profile, code in (("kubelet-client", 0), ("kubelet-serving", REFUSED), ("apiserver", 0), ("etcd-peer", REFUSED)):
            done = self.poterne.run("cert", "sign", "old", "--profile", profile, "--machine", "edge-7", "--csr",
                                    self.folder / "k.csr", "--out", self.folder / f"{profile}.crt", check=False)
            self.assertEqual(done.returncode, code, f"{profile}: {done.stderr}")
        self.verify(self.source / "client-ca.crt", self.folder / "kubelet-client.crt", "sslclient")
        self.verify(self.source / "server-ca.crt", self.folder / "apiserver.crt", "sslserver")


class Refused(Case):
    def refuse(self, code, says, layout="kubeadm", source=None):
        done = self.adopt(layout, source, code)
        self.assertRegex(done.stderr, says)

    def ca(self, name="ca", *args):
        (self.source / "pki").mkdir(parents=True, exist_ok=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                self.source / f"pki/{name}.key", "-subj", f"/CN={name}", "-days", "3650", "-out", self.source / f"pki/{name}.crt", *args)

    def test_folders(self):
        self.refuse(NOT_FOUND, "source")
        self.source.mkdir()
        self.refuse(NOT_FOUND, "no certificate")
        (self.source / "notes").write_text("hello")
        self.refuse(NOT_FOUND, "no certificate")
        self.ca("front-proxy-ca")
        self.refuse(NOT_FOUND, "ca.crt")
        self.assertFalse((self.poterne.state / "store.db").exists() and self.poterne.run("cluster", "list", "-o", "name").stdout)

    def test_what_is_no_ca(self):
        self.ca("ca", "-addext", "basicConstraints=critical,CA:FALSE")
        self.refuse(USAGE, "not a CA")
        (self.source / "pki/ca.crt").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        self.refuse(USAGE, "ca.crt")

    def test_layouts(self):
        self.ca()
        self.refuse(USAGE, "layout|kubeadm", layout="talos")
        self.refuse(NOT_FOUND, "server-ca.crt", layout="k3s")

    def test_another_cluster_of_that_name(self):
        self.ca()
        self.adopt("kubeadm")
        self.ca()
        self.refuse(CONFLICT, "another CA")
        self.poterne.create("mine", control_plane="cp1=10.0.0.1", endpoint="10.0.0.1:6443")
        done = self.adopt("kubeadm", name="mine", code=CONFLICT)
        self.assertIn("made here", done.stderr)
        self.good()

    def test_names(self):
        self.ca()
        for name in ("..", "A", "a/b", "-x", "a" * 64):
            done = self.poterne.run("cluster", "adopt", "--from", self.source, "--layout", "kubeadm", "--", name, check=False)
            self.assertEqual(done.returncode, USAGE, f"{name}: {done.stderr}")


class Named(Case):
    """What is weak, expired or does not fit is named, and does not stand in the way."""

    def authority(self, name, *args, key=("ec", "ec_paramgen_curve:P-256"), days="3650"):
        base = self.source / "pki" / name
        base.parent.mkdir(parents=True, exist_ok=True)
        openssl("req", "-new", "-newkey", key[0], "-pkeyopt", key[1], "-nodes", "-keyout", f"{base}.key", "-subj", f"/CN={name}",
                "-out", self.folder / "csr")
        (self.folder / "ext").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
        openssl("x509", "-req", "-in", self.folder / "csr", "-signkey", f"{base}.key", "-days", days, "-extfile", self.folder / "ext",
                "-out", f"{base}.crt", *args)

    def test_weak(self):
        self.authority("ca", key=("rsa", "rsa_keygen_bits:1024"))
        adopted = self.adopt("kubeadm")
        self.assertEqual(set(self.custody(adopted).values()), {"elsewhere"})
        self.assertLessEqual({("weak-key", "pki/ca.crt"), ("key-refused", "pki/ca.crt")}, self.codes(adopted))
        self.good()

    def test_sha1(self):
        self.authority("ca", "-sha1")
        self.assertIn(("sha1-root", "pki/ca.crt"), self.codes(self.adopt("kubeadm")))
        self.good()

    def test_expired(self):
        self.authority("ca", days="-1")
        adopted = self.adopt("kubeadm")
        self.assertIn(("expired", "pki/ca.crt"), self.codes(adopted))
        refused = self.poterne.run("kubeconfig", "issue", "old", "ann", "--server", "https://a:6443", "--out", self.folder / "a",
                                   check=False)
        self.assertEqual(refused.returncode, REFUSED)
        self.assertIn("expired", refused.stderr)
        self.good()

    def test_another_key(self):
        self.authority("ca")
        self.authority("other")
        (self.source / "pki/other.key").rename(self.source / "pki/ca.key")
        adopted = self.adopt("kubeadm")
        self.assertIn(("key-mismatch", "pki/ca.crt"), self.codes(adopted))
        self.assertEqual(set(self.custody(adopted).values()), {"elsewhere"})

    def test_no_endpoint(self):
        self.authority("ca")
        self.assertIn(("guessed", None), self.codes(self.adopt("kubeadm")))
        path = self.folder / "ann.conf"
        for how in ((), ("--exec",)):
            done = self.poterne.run("kubeconfig", "issue", "old", "ann", "--out", path, *how, check=False)
            self.assertEqual(done.returncode, USAGE)
            self.assertIn("--server", done.stderr)
            self.assertFalse(path.exists())
        self.assertEqual([item for item in self.listed() if item["profile"] == "operator"], [])
        self.poterne.run("kubeconfig", "issue", "old", "ann", "--server", "https://10.0.0.9:6443", "--out", path)
        self.assertIn("https://10.0.0.9:6443", path.read_text())

    def test_unreadable(self):
        self.authority("ca")
        (self.source / "pki/broken.crt").write_text("-----BEGIN CERTIFICATE-----\n")
        done = self.poterne.run("cluster", "adopt", "old", "--from", self.source, "--layout", "kubeadm")
        self.assertIn("broken.crt", done.stderr)


if __name__ == "__main__":
    main()
