#!/usr/bin/env python3
"""`cert check` and `cert show` on certificates of others, made by openssl: files, folders, kubeconfigs, live endpoints."""
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from cluster import Poterne  # noqa: E402
from tap import main  # noqa: E402

USAGE, NOT_FOUND, EXPIRING, FAULT, UNREACHABLE = 2, 3, 6, 7, 8
CA = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"
BOUNDED = CA + "extendedKeyUsage=clientAuth,serverAuth\n"
LEAF = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
SERVER = LEAF + "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n"
CLIENT = LEAF + "extendedKeyUsage=clientAuth\n"
BOTH = LEAF + "extendedKeyUsage=clientAuth,serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n"


def openssl(*args):
    return subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True).stdout


class Forge:
    """Makes certificates in a folder."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def make(self, name, extensions, issuer=None, days=3650, subject=None, digest="sha256", key="EC"):
        """name.crt and name.key below the folder; returns the path of the certificate."""
        base = self.folder / name
        base.parent.mkdir(parents=True, exist_ok=True)
        kind = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "EC" else \
            ["-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{key}"]
        openssl("genpkey", *kind, "-out", f"{base}.key")
        os.chmod(f"{base}.key", 0o600)
        subject = subject or f"/CN={Path(name).name}"
        openssl("req", "-new", "-key", f"{base}.key", "-subj", subject, "-out", f"{base}.csr")
        (self.folder / "ext").write_text(extensions)
        signer = ["-CA", f"{self.folder / issuer}.crt", "-CAkey", f"{self.folder / issuer}.key"] if issuer else \
            ["-signkey", f"{base}.key"]
        openssl("x509", "-req", "-in", f"{base}.csr", *signer, "-days", days, f"-{digest}", "-extfile", self.folder / "ext",
                "-out", f"{base}.crt")
        os.unlink(f"{base}.csr")
        os.unlink(self.folder / "ext")
        return Path(f"{base}.crt")


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="poterne-check-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.forge = Forge(self.folder / "pki")
        self.pki = self.forge.folder
        self.poterne = Poterne(self.folder)

    def check(self, code, *args):
        """{where: codes} of a check that ends with this exit code; `where` is relative to the folder of certificates."""
        done = self.poterne.run("cert", "check", *args, "-o", "json", check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.reply = json.loads(done.stdout)
        items = self.reply["items"]
        self.assertEqual(self.reply["good"] + self.reply["expiring"] + self.reply["faults"], len(items))
        for item in items:
            worst = max([{"info": 0, "expiring": 1, "fault": 2}[f["level"]] for f in item["findings"]], default=0)
            self.assertEqual(item["verdict"], ("good", "expiring", "fault")[worst])
        return {item["where"].replace(f"{self.pki}/", ""): " ".join(f["code"] for f in item["findings"]) for item in items}


class Files(Case):
    def test_good(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("web", SERVER, "ca")
        self.forge.make("user", CLIENT, "ca")
        self.assertEqual(self.check(0, self.pki), {"ca.crt": "", "user.crt": "", "web.crt": ""})
        self.assertEqual(self.check(0, self.pki / "web.crt", self.pki / "ca.crt"), {"ca.crt": "", "web.crt": "key-missing"})

    def test_nothing_is_written(self):
        self.forge.make("ca", BOUNDED)
        self.check(0, self.pki)
        self.assertFalse(self.poterne.state.exists())

    def test_each_rule(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("etcd-ca", BOUNDED)
        self.forge.make("other", BOUNDED)
        self.forge.make("wide", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
        self.forge.make("soon", CLIENT, "ca", days=20)
        self.forge.make("both", BOTH, "ca")
        self.forge.make("member", BOTH, "etcd-ca")
        self.forge.make("nameless", LEAF + "extendedKeyUsage=serverAuth\n", "ca")
        self.forge.make("weak", CLIENT, "ca", key="1024")
        self.forge.make("old", CLIENT, "ca", digest="sha1")
        self.forge.make("alien", CLIENT, "other")
        shutil.move(self.pki / "other.crt", self.folder)
        os.unlink(self.pki / "other.key")
        self.assertEqual(self.check(FAULT, self.pki), {
            "ca.crt": "", "etcd-ca.crt": "", "wide.crt": "ca-unconstrained", "soon.crt": "expiring", "both.crt": "client-and-server",
            "member.crt": "etcd-member", "nameless.crt": "name", "weak.crt": "weak-key", "old.crt": "sha1", "alien.crt": "chain"})
        self.assertEqual(self.check(0, self.pki / "ca.crt"), {"ca.crt": ""})

    def test_time(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("user", CLIENT, "ca", days=20)
        self.assertEqual(self.check(EXPIRING, self.pki)["user.crt"], "expiring")
        self.check(0, self.pki, "--within", "19d")
        self.check(EXPIRING, self.pki, "--within", "21d")
        self.check(EXPIRING, self.pki, "--within", "100y")
        self.forge.make("both", BOTH, "ca", days=20)
        self.check(FAULT, self.pki)  # before 6

    def test_ignored(self):
        self.forge.make("wide", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
        self.check(FAULT, self.pki)
        self.check(0, self.pki, "--ignore", "ca-unconstrained")
        self.assertEqual(self.reply["items"][0]["findings"][0]["level"], "info")
        done = self.poterne.run("cert", "check", self.pki, "--ignore", "tea", check=False)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("tea", done.stderr)

    def test_expired(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("user", CLIENT, "ca", days=-1)
        self.assertEqual(self.check(FAULT, self.pki), {"ca.crt": "", "user.crt": "expired"})


class Keys(Case):
    def test_readable(self):
        self.forge.make("ca", BOUNDED)
        for mode, codes, code in ((0o600, None, 0), (0o400, None, 0), (0o640, "key-group", 0), (0o644, "key-readable", FAULT),
                                  (0o604, "key-readable", FAULT), (0o660, "key-readable", FAULT), (0o602, "key-readable", FAULT)):
            os.chmod(self.pki / "ca.key", mode)
            self.assertEqual(self.check(code, self.pki).get("ca.key"), codes, oct(mode))

    def test_mismatch(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("a", CLIENT, "ca")
        self.forge.make("b", CLIENT, "ca")
        shutil.copy(self.pki / "b.key", self.pki / "a.key")
        self.assertEqual(self.check(FAULT, self.pki), {"ca.crt": "", "a.crt": "key-mismatch", "b.crt": ""})

    def test_named_otherwise(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("a", CLIENT, "ca")
        (self.pki / "a.key").rename(self.pki / "private.pem")
        self.assertEqual(self.check(0, self.pki)["a.crt"], "")
        os.unlink(self.pki / "private.pem")
        self.assertEqual(self.check(0, self.pki)["a.crt"], "key-missing")

    def test_pair_in_one_file(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("a", CLIENT, "ca")
        pair = self.pki / "pair.pem"
        pair.write_text((self.pki / "a.crt").read_text() + (self.pki / "a.key").read_text())
        os.unlink(self.pki / "a.crt")
        os.unlink(self.pki / "a.key")
        os.chmod(pair, 0o644)
        done = self.poterne.run("cert", "check", self.pki, "-o", "json", check=False)
        self.assertEqual(done.returncode, FAULT)
        self.assertIn("key-readable", done.stdout)
        os.chmod(pair, 0o600)
        self.assertEqual(self.check(0, self.pki)["pair.pem"], "")

    def test_a_key_alone(self):
        self.forge.make("weak", CLIENT, key="1024")
        self.assertEqual(self.check(FAULT, self.pki / "weak.key"), {"weak.key": "weak-key"})
        self.forge.make("good", CLIENT)
        self.assertEqual(self.check(0, self.pki / "good.key"), {"good.key": ""})

    def test_encrypted(self):
        self.forge.make("ca", BOUNDED)
        openssl("ec", "-in", self.pki / "ca.key", "-aes128", "-passout", "pass:x", "-out", self.pki / "ca.enc")
        (self.pki / "ca.enc").rename(self.pki / "ca.key")
        os.chmod(self.pki / "ca.key", 0o644)
        self.assertEqual(self.check(FAULT, self.pki), {"ca.crt": "", "ca.key": "key-readable"})


class Folders(Case):
    def test_what_is_no_certificate(self):
        self.forge.make("ca", BOUNDED)
        (self.pki / "README").write_text("-----BEGIN of a story")
        (self.pki / "data.bin").write_bytes(os.urandom(5000))
        (self.pki / "pod.yaml").write_text("kind: Pod\n")
        (self.pki / "empty.crt").write_text("")
        (self.pki / "huge.crt").write_bytes(bytes(5 << 20))
        os.mkfifo(self.pki / "pipe.crt")
        (self.pki / "nowhere.crt").symlink_to("/does/not/exist")
        (self.pki / "loop").symlink_to(self.pki)
        (self.pki / "request.pem").write_bytes(openssl("req", "-new", "-key", self.pki / "ca.key", "-subj", "/CN=x"))
        self.assertEqual(self.check(0, self.pki), {"ca.crt": ""})

    def test_what_is_broken(self):
        self.forge.make("ca", BOUNDED)
        text = (self.pki / "ca.crt").read_text()
        (self.pki / "cut.crt").write_text(text[:200])
        (self.pki / "odd.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        (self.pki / "der.der").write_bytes(openssl("x509", "-in", self.pki / "ca.crt", "-outform", "DER")[:-1])
        found = self.check(FAULT, self.pki)
        self.assertEqual(found, {"ca.crt": "", "cut.crt": "unreadable", "odd.pem": "unreadable", "der.der": "unreadable"})
        (self.pki / "text").write_text("hello")
        self.assertEqual(self.check(FAULT, self.pki / "text"), {"text": "unreadable"})

    def test_links_and_depth(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("deep/er/web", SERVER, "ca")
        (self.pki / "current.crt").symlink_to("deep/er/web.crt")  # as the kubelet keeps its own
        self.assertEqual(self.check(0, self.pki), {"ca.crt": "", "current.crt": "key-missing"})

    def test_bundle_and_der(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("web", SERVER, "ca")
        (self.pki / "chain.pem").write_text((self.pki / "web.crt").read_text() + (self.pki / "ca.crt").read_text())
        (self.pki / "ca.der").write_bytes(openssl("x509", "-in", self.pki / "ca.crt", "-outform", "DER"))
        os.unlink(self.pki / "ca.crt")
        os.unlink(self.pki / "web.crt")
        self.assertEqual(self.check(0, self.pki), {"ca.der": "", "chain.pem": ""})

    def test_a_missing_target(self):
        done = self.poterne.run("cert", "check", self.folder / "nothing", check=False)
        self.assertEqual(done.returncode, NOT_FOUND)
        self.assertIn("nothing", done.stderr)
        self.assertEqual(self.poterne.run("cert", "check", check=False).returncode, USAGE)

    def test_empty(self):
        self.pki.mkdir()
        self.assertEqual(self.check(0, self.pki), {})


class Kubeconfigs(Case):
    def write(self, name, user, authority=None):
        ca = base64.b64encode((self.pki / "ca.crt").read_bytes()).decode() if authority is None else authority
        path = self.pki / name
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "x", "contexts": [],
            "clusters": [{"name": "demo", "cluster": {"server": "https://a:6443", "certificate-authority-data": ca}}],
            "users": [{"name": "ann", "user": user}]}))
        os.chmod(path, 0o600)
        return path

    def pair(self, name):
        return {"client-certificate-data": base64.b64encode((self.pki / f"{name}.crt").read_bytes()).decode(),
                "client-key-data": base64.b64encode((self.pki / f"{name}.key").read_bytes()).decode()}

    def test_embedded(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("ann", CLIENT, "ca", days=20)
        self.forge.make("ben", CLIENT, "ca")
        path = self.write("ann.conf", self.pair("ann"))
        self.assertEqual(self.check(EXPIRING, path), {"ann.conf (cluster demo)": "", "ann.conf (user ann)": "expiring"})
        self.write("mixed.conf", {**self.pair("ben"), "client-key-data": self.pair("ann")["client-key-data"]})
        self.assertEqual(self.check(FAULT, self.pki / "mixed.conf")["mixed.conf (user ann)"], "key-mismatch")
        os.chmod(path, 0o644)
        self.assertIn("key-readable", self.check(FAULT, path).values())

    def test_a_token(self):
        self.forge.make("ca", BOUNDED)
        self.assertEqual(self.check(0, self.write("token.conf", {"token": "abc"})), {"token.conf (cluster demo)": ""})

    def test_references(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("sub/ann", CLIENT, "ca", days=20)
        path = self.write("ann.conf", {"client-certificate": "sub/ann.crt", "client-key": str(self.pki / "sub/ann.key")})
        self.assertEqual(self.check(EXPIRING, path), {"ann.conf (cluster demo)": "", "sub/ann.crt": "expiring"})
        path = self.write("gone.conf", {"client-certificate": "/nowhere/ann.crt", "client-key": "gone.key"})
        self.assertEqual(self.check(0, path), {"ann.conf (cluster demo)".replace("ann", "gone", 1): "",
                                               "gone.conf": "reference-missing"})

    def test_broken(self):
        self.forge.make("ca", BOUNDED)
        path = self.write("bad.conf", {"client-certificate-data": "***"})
        self.assertIn("unreadable", self.check(FAULT, path).values())


class Endpoints(Case):
    def serve(self, name, *args):
        """openssl s_server with that pair; returns its address."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", self.pki / f"{name}.crt", "-key",
                                   self.pki / f"{name}.key", "-quiet", *map(str, args)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return f"127.0.0.1:{port}"
            except OSError:
                time.sleep(0.01)
        self.fail("s_server does not start")

    def test_good(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("web", SERVER, "ca")
        self.forge.make("user", CLIENT, "ca")
        for args in ((), ("-tls1_2",), ("-Verify", "1", "-verify_return_error"), ("-Verify", "1", "-verify_return_error", "-tls1_2")):
            where = self.serve("web", *args)
            self.assertEqual(self.check(0, where), {where: ""})
            self.assertEqual(self.reply["items"][0]["protocol"], "TLSv1.2" if "-tls1_2" in args else "TLSv1.3")
            self.assertEqual(self.reply["items"][0]["asks_client_certificate"], "-Verify" in args)
            self.assertEqual(self.check(0, where, self.pki / "ca.crt")[where], "")

    def test_each_rule(self):
        self.forge.make("ca", BOUNDED)
        self.forge.make("other", BOUNDED)
        self.forge.make("web", SERVER, "ca")
        self.forge.make("elsewhere", LEAF + "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:b.example,IP:10.0.0.1\n", "ca")
        self.forge.make("both", BOTH, "ca")
        self.forge.make("soon", SERVER, "ca", days=20)
        for name, codes, code in (("elsewhere", "name", FAULT), ("both", "client-and-server", FAULT), ("soon", "expiring", EXPIRING)):
            where = self.serve(name)
            self.assertEqual(self.check(code, where), {where: codes})
        where = self.serve("web")
        self.assertEqual(self.check(FAULT, where, self.pki / "other.crt")[where], "chain")
        where = self.serve("web", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        self.assertEqual(self.check(FAULT, where), {where: "tls-old"})

    def test_unreachable(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            where = "127.0.0.1:%d" % closed.getsockname()[1]
            self.assertEqual(self.check(UNREACHABLE, where), {where: "unreachable"})
            self.forge.make("ca", BOUNDED)
            self.check(UNREACHABLE, where, self.pki)
            self.forge.make("wide", "basicConstraints=critical,CA:TRUE\n")
            self.check(FAULT, where, self.pki)

    def test_no_tls(self):
        with socket.create_server(("127.0.0.1", 0)) as plain:
            where = "127.0.0.1:%d" % plain.getsockname()[1]
            done = subprocess.Popen(["true"])
            child = os.fork()
            if child == 0:
                peer, _ = plain.accept()
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                os._exit(0)
            done.wait()
            self.assertEqual(self.check(FAULT, where), {where: "no-tls"})
            os.waitpid(child, 0)


class Show(Case):
    def show(self, *args):
        return json.loads(self.poterne.run("cert", "show", *args, "-o", "json").stdout)

    def test_file(self):
        self.forge.make("ca", BOUNDED)
        path = self.forge.make("web", SERVER, "ca")
        shown = self.show(path)
        self.assertEqual(shown["x509"]["subject"], "CN=web")
        self.assertEqual(shown["x509"]["sans"], ["DNS:localhost", "IP:127.0.0.1"])
        self.assertEqual(shown["x509"]["extended_key_usage"], ["server"])
        serial = openssl("x509", "-in", path, "-noout", "-serial").decode().strip().split("=")[1].lower()
        self.assertEqual(shown["x509"]["serial"], serial)
        self.assertIn("BEGIN CERTIFICATE", shown["certificate"])
        (self.pki / "chain.pem").write_text(path.read_text() + (self.pki / "ca.crt").read_text())
        self.assertEqual(self.show(self.pki / "chain.pem")["others"][0]["x509"]["subject"], "CN=ca")

    def test_refused(self):
        self.forge.make("ca", BOUNDED)
        for target, code in ((self.pki / "none", NOT_FOUND), (self.pki, NOT_FOUND), (self.pki / "ca.key", USAGE)):
            self.assertEqual(self.poterne.run("cert", "show", target, check=False).returncode, code, target)

    def test_record(self):
        self.poterne.create()
        first = json.loads(self.poterne.run("cert", "list", "-o", "json").stdout)["items"][0]
        shown = self.show(first["serial"])
        self.assertEqual(shown["x509"]["serial"], first["serial"])
        self.assertEqual(self.show(shown["x509"]["fingerprint"])["uid"], shown["uid"])
        self.assertEqual(self.poterne.run("cert", "show", "00ff", check=False).returncode, NOT_FOUND)


if __name__ == "__main__":
    main()
