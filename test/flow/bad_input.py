#!/usr/bin/env python3
"""What must be refused: each with an exit code, a message that says what to do, and nothing changed."""
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from cluster import Poterne  # noqa: E402
from tap import main, need  # noqa: E402

FAILED, USAGE, NOT_FOUND, CONFLICT, REFUSED, FAULT = 1, 2, 3, 4, 5, 7
GOOD = {"--endpoint": "10.0.0.1:6443", "--control-plane": "cp1=10.0.0.1"}


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="poterne-bad-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.poterne = Poterne(self.folder)

    def refuse(self, code, says, *args, **options):
        done = self.poterne.run(*args, check=False, **options)
        self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        self.assertRegex(done.stderr, says, str(args))
        self.assertLess(len(done.stderr), 2000)
        for sign in ("\x1b", "\u202e", "\x00"):
            self.assertNotIn(sign, done.stderr)
        return done


class ClusterArguments(Case):
    def create(self, code, says, *extra, name="demo", **replace):
        options = {**GOOD, **{f"--{key.replace('_', '-')}": value for key, value in replace.items()}}
        flat = [part for pair in options.items() if pair[1] is not None for part in pair]
        self.refuse(code, says, "cluster", "create", name, *flat, *extra)
        self.assertFalse((self.folder / "state" / "store.db").exists() and
                         self.poterne.run("cluster", "list", "-o", "name").stdout)

    def test_names(self):
        for name in ("a" * 64, "..", "a..b", "-a", "a-", "Upper", "a/b", "a b", "a\u202eb", "ünïcode", "a_b", "x\n", ""):
            with self.subTest(name=name):
                self.create(USAGE, "name|NAME|option", name=name)
        for machine in ("../etc=10.0.0.1", "CP=10.0.0.1", "=10.0.0.1", "cp1=", "cp1", "a" * 64 + "=10.0.0.1"):
            with self.subTest(machine=machine):
                self.create(USAGE, "machine|control", control_plane=machine)

    def test_addresses(self):
        for address in ("10.0.0.256", "10.0.0", "::g", "10.0.0.1/24", "0.0.0.0", "010.0.0.1", "300.1.1.1"):
            with self.subTest(address=address):
                self.create(USAGE, "address|control", control_plane=f"cp1={address}")

    def test_endpoints(self):
        for endpoint in ("10.0.0.1", "10.0.0.1:", ":6443", "10.0.0.1:0", "10.0.0.1:65536", "a b:6443", "fd00::1:6443",
                         "https://a:6443", "10.0.0.1:6443x", "../x:6443"):
            with self.subTest(endpoint=endpoint):
                self.create(USAGE, "endpoint", endpoint=endpoint)

    def test_service_networks(self):
        for cidr in ("10.96.0.0", "10.96.0.0/33", "10.96.0.1/12", "10.96.0.0/32", "10.96.0.0/31", "x/12",
                     "10.96.0.0/12,10.97.0.0/16", "10.96.0.0/12,fd00::/108,fd01::/108", "0.0.0.0/0"):
            with self.subTest(cidr=cidr):
                self.create(USAGE, "service", service_cidr=cidr)

    def test_machines_twice(self):
        self.create(USAGE, "cp1", "--control-plane", "cp1=10.0.0.2")
        self.create(USAGE, "10.0.0.1", "--worker", "w1=10.0.0.1")
        self.create(USAGE, "control", control_plane=None)

    def test_durations(self):
        for ttl in ("0", "0s", "-1h", "1", "h", "1x", "99999999999999999999y", "", "1h-1m"):
            with self.subTest(ttl=ttl):
                self.create(USAGE, "ttl|duration", f"--authority-ttl={ttl}")
        self.create(USAGE, "9999|far|beyond", "--authority-ttl", "9000y")

    def test_key_types_and_subjects(self):
        self.create(USAGE, "key-type", "--key-type", "dsa")
        self.create(REFUSED, "ed25519", "--key-type", "ed25519")
        for subject in ("C=CHE", "X=1", "O", "O=" + "a" * 65, "OU=a\u202eb", "CN=x", "C=CH,,O=x"):
            with self.subTest(subject=subject):
                self.create(USAGE, "subject", "--subject", subject)

    def test_suggestions(self):
        self.refuse(USAGE, "create", "cluster", "craete", "demo")
        self.refuse(USAGE, "cluster", "clutser", "list")
        self.refuse(USAGE, "endpoint", "cluster", "create", "demo", "--endpiont", "a:1")

    def test_what_is_not_there(self):
        self.poterne.create()
        self.refuse(NOT_FOUND, "nope", "cluster", "show", "nope")
        self.refuse(NOT_FOUND, "cp9", "cluster", "export", "demo", "--machine", "cp9", "--layout", "kubeadm", "--out",
                    self.folder / "x")
        self.refuse(USAGE, "did you mean 'etcd'", "authority", "show", "demo", "etdc")
        self.refuse(NOT_FOUND, "certificate", "cert", "show", "00ff00ff00ff00ff")
        self.refuse(NOT_FOUND, "there is no file", "cert", "check", self.folder / "missing.crt")

    def test_the_same_and_another(self):
        self.poterne.create()
        again = self.poterne.create()
        self.assertIn("nothing changed", again.stderr)
        refused = self.refuse(CONFLICT, "dns.domain|dns_domain", "cluster", "create", "demo", *sum(GOOD.items(), ()),
                              "--dns-domain", "other.local")
        self.assertIn("other.local", refused.stderr)

    def test_deletion_wants_yes(self):
        self.poterne.create()
        self.refuse(USAGE, "--yes", "cluster", "delete", "demo", stdin=subprocess.DEVNULL)
        self.poterne.run("cluster", "delete", "demo", "--yes")
        self.assertEqual(self.poterne.run("cluster", "list", "-o", "name").stdout, "")


class People(Case):
    def setUp(self):
        super().setUp()
        self.poterne.create("demo", "--authority-ttl", "30d", "--leaf-ttl", "10d", "--operator-max-ttl", "5d")

    def issue(self, code, says, user, *args):
        self.refuse(code, says, "kubeconfig", "issue", "demo", user, "--out", self.folder / "x.conf", *args)
        self.assertFalse((self.folder / "x.conf").exists())

    def test_reserved_names(self):
        for user in ("system:admin", "System:Admin", "SYSTEM:kube-scheduler", "kubeadm:x", "KubeAdm:x", "system:"):
            with self.subTest(user=user):
                self.issue(REFUSED, "system:|kubeadm:", user)
                self.issue(REFUSED, "system:|kubeadm:", "jane", "--group", user)
        for user in (" system:admin", "system:admin ", "ｓystem:masters", "system\u200b:masters", "a\u202eb", "a\tb", ""):
            with self.subTest(user=user):
                self.issue(USAGE, "(?i)user|character|name", user)

    def test_privileged_groups(self):
        for group in ("system:masters", "kubeadm:cluster-admins"):
            self.issue(REFUSED, "--privileged", "jane", "--group", group)
            done = self.poterne.run("kubeconfig", "issue", "demo", "jane", "--group", group, "--privileged", "--out",
                                    self.folder / f"{group}.conf")
            self.assertIn("warning", done.stderr)
        trail = self.poterne.run("audit", "list", "-o", "json").stdout
        self.assertIn('"privileged": true' if '": ' in trail else '"privileged":true', trail)
        self.assertIn("refused", trail)
        self.issue(REFUSED, "system:nodes|system:", "jane", "--group", "system:nodes", "--privileged")

    def test_life_times(self):
        self.issue(REFUSED, "5d|longest|operator", "jane", "--ttl", "6d")
        for ttl in ("0", "-1h", "0s"):
            self.issue(USAGE, "ttl|duration", "jane", f"--ttl={ttl}")

    def test_ends_far_away(self):
        for ttl, year in (("30y", None), ("7900y", None)):
            name = f"far{ttl}"
            self.poterne.create(name, "--authority-ttl", ttl, "--operator-max-ttl", ttl)
            pem = self.poterne.run("authority", "cert", name, "etcd").stdout
            shown = subprocess.run(["openssl", "x509", "-noout", "-enddate"], input=pem, capture_output=True, text=True)
            self.assertEqual(shown.returncode, 0, (year, shown.stderr))
        self.poterne.run("kubeconfig", "issue", "far30y", "jane", "--ttl", "10m", "--out", self.folder / "short.conf")


class Requests(Case):
    """CSRs for `cert sign`."""

    def setUp(self):
        super().setUp()
        self.poterne.create("demo", "--worker", "w1=10.0.0.2")

    def csr(self, config="", key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), subject="/CN=kubernetes-person",
            extra=()):
        path, conf = self.folder / "request.csr", self.folder / "openssl.cnf"
        conf.write_text(f"[req]\ndistinguished_name=dn\nreq_extensions=ext\n[dn]\n[ext]\n{config}\n")
        arguments = ["-config", conf] if config else []
        subprocess.run(["openssl", "req", "-new", "-newkey", *key, "-nodes", "-keyout", self.folder / "request.key", "-out",
                        path, "-subj", subject, *arguments, *extra], check=True, capture_output=True)
        return path

    def sign(self, code, says, path, profile="operator", *args):
        done = self.refuse(code, says, "cert", "sign", "demo", "--profile", profile, "--csr", path, *args)
        self.assertNotIn("BEGIN", done.stdout)

    def test_broken_ones(self):
        whole = self.csr().read_bytes()
        for label, content in (("truncated", whole[: len(whole) // 2]), ("empty", b""), ("text", b"hello"),
                               ("nul", whole.replace(b"A", b"\0", 1)), ("huge", whole + b"x" * (1 << 20)),
                               ("another", whole.replace(b"CERTIFICATE REQUEST", b"CERTIFICATE"))):
            with self.subTest(label):
                path = self.folder / "broken.csr"
                path.write_bytes(content)
                done = self.poterne.run("cert", "sign", "demo", "--profile", "operator", "--csr", path, check=False)
                self.assertIn(done.returncode, (FAILED, USAGE), done.stderr)
                self.assertIn("csr", done.stderr.lower())

    def test_bad_signature(self):
        der = subprocess.run(["openssl", "req", "-in", self.csr(), "-outform", "DER"], check=True, capture_output=True)
        damaged = bytearray(der.stdout)
        damaged[-4] ^= 1
        path = self.folder / "damaged.der"
        path.write_bytes(damaged)
        done = self.poterne.run("cert", "sign", "demo", "--profile", "operator", "--csr", path, check=False)
        self.assertIn(done.returncode, (USAGE, REFUSED))
        self.assertIn("signature", done.stderr)

    def test_weak_ones(self):
        self.sign(REFUSED, "1024|weak|2048", self.csr(key=("rsa:1024",)))
        self.sign(REFUSED, "(?i)sha-?1", self.csr(extra=("-sha1",)))
        self.sign(REFUSED, "exponent", self.csr(key=("rsa:2048", "-pkeyopt", "rsa_keygen_pubexp:3")))
        self.sign(REFUSED, "curve|key", self.csr(key=("ec", "-pkeyopt", "ec_paramgen_curve:secp256k1")))

    def test_names_that_no_profile_gives(self):
        self.sign(REFUSED, "system:", self.csr(subject="/O=system:masters/CN=jane"))
        self.sign(REFUSED, "system:", self.csr(subject="/CN=system:admin"))
        self.sign(REFUSED, "SAN|name", self.csr("subjectAltName=DNS:evil.example"))
        serving = "/O=system:nodes/CN=system:node:w1"
        self.sign(REFUSED, "10.9.9.9|not", self.csr("subjectAltName=IP:10.9.9.9", subject=serving), "kubelet-serving")
        self.sign(NOT_FOUND, "w9", self.csr(subject="/O=system:nodes/CN=system:node:w9"), "kubelet-serving")
        self.sign(REFUSED, "group|O", self.csr(subject="/O=system:masters/CN=system:node:w1"), "kubelet-client")
        self.sign(NOT_FOUND, "profile", self.csr(), "no-such-profile")
        for profile, name in (("super-admin", "kubernetes-super-admin"), ("admin", "kubernetes-admin")):
            self.sign(REFUSED, "--privileged", self.csr(subject=f"/CN={name}"), profile, "--ttl", "1h")
        self.sign(REFUSED, "longest", self.csr(subject="/CN=kubernetes-super-admin"), "super-admin", "--privileged",
                  "--ttl", "9y")

    def test_extensions_that_no_profile_gives(self):
        self.sign(REFUSED, "CA", self.csr("basicConstraints=critical,CA:TRUE"))
        self.sign(REFUSED, "usage|server", self.csr("extendedKeyUsage=serverAuth"))
        self.sign(REFUSED, "usage", self.csr("keyUsage=keyCertSign"))
        self.sign(REFUSED, "critical", self.csr("1.2.3.4=critical,DER:0500"))
        many = ",".join(f"DNS:n{i}.example" for i in range(10000))
        done = self.poterne.run("cert", "sign", "demo", "--profile", "apiserver", "--csr",
                                self.csr(f"subjectAltName={many}", subject="/CN=kube-apiserver"), check=False)
        self.assertIn(done.returncode, (FAILED, USAGE, REFUSED))
        self.assertRegex(done.stderr, "at most|SAN")


class StateDirectory(Case):
    def setUp(self):
        super().setUp()
        self.poterne.create()
        self.state = self.poterne.state

    def test_others_can_read_it(self):
        for path, mode in ((self.state, 0o755), (self.state / "root.key", 0o644), (self.state / "store.db", 0o640)):
            with self.subTest(path=path.name):
                before = path.stat().st_mode & 0o777
                path.chmod(mode)
                self.refuse(REFUSED, "chmod|others|group", "cluster", "list")
                path.chmod(before)
        self.poterne.run("cluster", "list")

    def test_root_key(self):
        key = self.state / "root.key"
        good = key.read_text()
        other = Poterne(self.folder / "other")
        other.folder.mkdir()
        other.create()
        for label, text in (("corrupt", good.replace("key ", "key A", 1)), ("garbage", "hello\n"), ("empty", ""),
                            ("swapped", (other.state / "root.key").read_text())):
            with self.subTest(label):
                key.write_text(text)
                self.refuse(FAILED, "root key.*(backup|restore)|(backup|restore).*root key", "kubeconfig", "issue", "demo",
                            "jane")
                done = self.poterne.run("state", "check", check=False)
                self.assertEqual(done.returncode, FAULT, done.stderr)
        key.unlink()
        self.refuse(FAILED, "root key|root.key", "cluster", "list")
        self.assertFalse(key.exists(), "a lost root key must not be made anew")
        key.write_text(good)
        key.chmod(0o600)
        self.poterne.run("state", "check")

    def test_a_newer_store(self):
        with sqlite3.connect(self.state / "store.db") as db:
            db.execute("pragma user_version = 99")
        db.close()
        self.refuse(CONFLICT, "newer", "cluster", "list")

    def test_a_store_that_was_cut(self):
        store = self.state / "store.db"
        shutil.copytree(self.state, self.folder / "whole")
        whole = store.read_bytes()
        for length in (0, 100, len(whole) // 2):
            with self.subTest(length=length):
                for suffix in ("-wal", "-shm"):
                    (self.state / f"store.db{suffix}").unlink(missing_ok=True)
                store.write_bytes(whole[:length])
                done = self.poterne.run("state", "check", check=False)
                self.assertIn(done.returncode, (FAILED, FAULT), done.stdout + done.stderr)
                self.assertEqual(len(store.read_bytes()), length, "a damaged store is left as it is")
        shutil.rmtree(self.state)
        shutil.copytree(self.folder / "whole", self.state)
        self.poterne.run("state", "check")

    def test_the_clock_jumped_back(self):
        need(shutil.which("faketime"), "needs the package 'faketime'")
        shutil.rmtree(self.state)
        self.poterne.run("cluster", "create", "demo", *sum(GOOD.items(), ()), faketime="-10d")
        self.poterne.run("kubeconfig", "issue", "demo", "jane")
        self.refuse(REFUSED, "clock.*--accept-clock|--accept-clock", "kubeconfig", "issue", "demo", "jane", faketime="-2h")
        self.poterne.run("kubeconfig", "issue", "demo", "jane", "--accept-clock", faketime="-2h")
        self.assertIn("clock.accept", self.poterne.run("audit", "list", "-o", "json").stdout)
        self.poterne.run("kubeconfig", "issue", "demo", "jane", faketime="-2h")
        self.poterne.run("audit", "verify")

    def tmpfs(self, size):
        need(os.geteuid() == 0, "needs root, to mount a small file system")
        path = self.folder / "small"
        path.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True)
        need(done.returncode == 0, "needs the right to mount")
        self.addCleanup(subprocess.run, ["umount", "-l", path], check=True)
        return path

    def test_a_full_disk(self):
        small = self.tmpfs("1500k")
        poterne = Poterne(small)
        poterne.create()
        (small / "filler").write_bytes(b"x" * 100)
        with open(small / "filler", "ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 4096)
            except OSError:
                pass
        done = poterne.run("cluster", "create", "more", "--endpoint", "10.0.0.2:6443", "--control-plane", "c=10.0.0.2",
                           check=False)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertRegex(done.stderr, "full|space")
        (small / "filler").unlink()
        poterne.run("state", "check")
        poterne.create("more", control_plane="c=10.0.0.2", endpoint="10.0.0.2:6443")

    def test_a_read_only_disk(self):
        small = self.tmpfs("8m")
        poterne = Poterne(small)
        poterne.create()
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        done = poterne.run("kubeconfig", "issue", "demo", "jane", check=False)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertRegex(done.stderr, "read-only")
        subprocess.run(["mount", "-o", "remount,rw", small], check=True)
        poterne.run("state", "check")


class TwoAtOnce(Case):
    def test_nothing_is_lost(self):
        argv = lambda i: ["cluster", "create", f"c{i}", "--endpoint", f"10.0.{i}.1:6443", "--control-plane",  # noqa: E731
                          f"cp1=10.0.{i}.1", "--state", str(self.poterne.state)]
        from cluster import PROGRAM
        running = [subprocess.Popen([PROGRAM, *argv(i)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                   for i in range(12)]
        for process in running:
            output, _ = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, output)
        self.assertEqual(len(self.poterne.run("cluster", "list", "-o", "name").stdout.split()), 12)
        self.poterne.run("audit", "verify")
        self.poterne.run("state", "check")

    def test_a_rotation_among_them(self):
        from cluster import PROGRAM
        self.poterne.create()
        state = ["--state", str(self.poterne.state)]
        commands = [["key", "rotate-root"], ["kubeconfig", "issue", "demo", "a"], ["key", "rotate-root", "--reseal"],
                    ["kubeconfig", "issue", "demo", "b"], ["cluster", "list"], ["kubeconfig", "issue", "demo", "c"]] * 2
        running = [subprocess.Popen([PROGRAM, *args, *state], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                   for args in commands]
        for args, process in zip(commands, running):
            output, _ = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, (args, output))
        self.poterne.run("state", "check")
        self.poterne.run("audit", "verify")


if __name__ == "__main__":
    main()
