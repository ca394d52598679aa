#!/usr/bin/env python3
"""`state backup` and `state restore`: what openssl and tar find inside, an empty directory, one that is not, a terminal, kill -9."""
import json
import os
import pty
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from cluster import PROGRAM, Poterne  # noqa: E402
from tap import main, need  # noqa: E402

FAILED, USAGE, NOT_FOUND, CONFLICT, REFUSED = 1, 2, 3, 4, 5
PHRASE = "correct horse battery staple"
SANITIZED = bool(os.environ.get("POTERNE_SANITIZED"))


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="poterne-backup-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.poterne = Poterne(self.folder)
        self.phrase = self.folder / "phrase"
        self.phrase.write_text(PHRASE + "\nanother line\n")
        self.file = self.folder / "backup.cms"

    def create(self, name="demo"):
        return self.poterne.create(name, "--service-account-key-type", "p256", control_plane="cp1=10.0.0.1",
                                   endpoint="10.0.0.1:6443")

    def backup(self, *args, check=True):
        args = args or ("--passphrase-file", self.phrase)
        return self.poterne.run("state", "backup", self.file, *args, check=check)

    def elsewhere(self, name="elsewhere"):
        there = Poterne(self.folder)
        there.state = self.folder / name
        return there

    def restore(self, there, *args, code=0):
        how = () if {"--recipient", "--passphrase-file"} & set(args) else ("--passphrase-file", self.phrase)
        done = there.run("state", "restore", self.file, *how, *args, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def good(self, there, clusters):
        there.run("state", "check")
        there.run("audit", "verify")
        listed = there.run("cluster", "list", "-o", "name").stdout.split()
        self.assertEqual(len(listed), clusters)

    def contents(self, tar):
        """The members of a tar as other programs see them."""
        out = self.folder / "out"
        out.mkdir()
        subprocess.run(["tar", "-xf", "-", "-C", out], input=tar, check=True)
        return {path.name: path.read_bytes() for path in out.iterdir()}

    def look_inside(self, members):
        self.assertEqual(set(members), {"manifest.json", "store.db", "root.key"})
        self.assertTrue(members["store.db"].startswith(b"SQLite format 3\0"))
        self.assertEqual(members["root.key"], (self.poterne.state / "root.key").read_bytes())
        manifest = json.loads(members["manifest.json"])
        self.assertEqual((manifest["v"], manifest["clusters"], len(manifest["generations"])), (1, 1, 5))


class Inside(Case):
    def test_openssl_opens_it_with_the_passphrase(self):
        self.create()
        done = self.backup()
        self.assertIn(f"backup written to {self.file}", done.stderr)
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        tar = subprocess.run(["openssl", "cms", "-decrypt", "-inform", "DER", "-in", self.file, "-pwri_password", PHRASE],
                             check=True, capture_output=True).stdout
        self.look_inside(self.contents(tar))
        self.assertNotIn(PHRASE.encode(), self.file.read_bytes())

    def test_openssl_opens_it_with_the_key(self):
        self.create()
        for kind in (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                     ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]):
            key, cert = self.folder / "holder.key", self.folder / "holder.crt"
            subprocess.run(["openssl", "genpkey", *kind, "-out", key], check=True, capture_output=True)
            subprocess.run(["openssl", "req", "-x509", "-key", key, "-subj", "/CN=backup", "-out", cert], check=True,
                           capture_output=True)
            self.backup("--recipient", cert, "--force")
            tar = subprocess.run(["openssl", "cms", "-decrypt", "-inform", "DER", "-in", self.file, "-inkey", key, "-recip", cert],
                                 check=True, capture_output=True).stdout
            self.look_inside(self.contents(tar))
            shutil.rmtree(self.folder / "out")
            there = self.elsewhere(kind[1])
            self.restore(there, "--recipient", cert, "--key", key)
            self.good(there, 1)

    def test_list(self):
        self.create()
        self.backup()
        there = self.elsewhere()
        listed = json.loads(self.restore(there, "--list", "-o", "json").stdout)
        self.assertEqual([g["authority"] for g in listed["manifest"]["generations"]],
                         [g["authority"] for g in json.loads(self.poterne.run(
                             "state", "restore", self.file, "--passphrase-file", self.phrase, "--list", "-o", "json").stdout)
                          ["manifest"]["generations"]])
        self.assertEqual(len(listed["manifest"]["generations"]), 5)
        self.assertFalse(there.state.exists())
        table = self.restore(there, "--list").stdout
        for authority in ("etcd", "control-plane", "operators", "kubelet", "aggregation"):
            self.assertIn(authority, table)

    def test_while_commands_run(self):
        self.create()
        failed = []

        def work():
            for i in range(3 if SANITIZED else 12):
                done = self.poterne.run("cluster", "create", f"c{i}", "--endpoint", "10.0.0.1:6443", "--control-plane",
                                        "cp1=10.0.0.1", "--service-account-key-type", "p256", check=False)
                failed.extend([done.stderr] if done.returncode else [])

        writer = threading.Thread(target=work)
        writer.start()
        made = 0
        while writer.is_alive() or not made:
            self.backup("--passphrase-file", self.phrase, "--force")
            there = self.elsewhere(f"copy{made}")
            manifest = json.loads(self.restore(there, "-o", "json").stdout)["manifest"]
            self.assertEqual(len(manifest["generations"]), 5 * manifest["clusters"])
            self.good(there, manifest["clusters"])
            made += 1
        writer.join()
        self.assertEqual(failed, [])
        self.assertEqual(list(self.poterne.state.glob("backup-*")), [])


class Arguments(Case):
    def refuse(self, code, says, *args):
        done = self.poterne.run("state", *args, check=False, stdin=subprocess.DEVNULL, start_new_session=True)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertRegex(done.stderr, says)

    def test_refused(self):
        self.create()
        self.backup()
        kept = self.file.read_bytes()
        empty, cert = self.folder / "empty", self.folder / "cert"
        empty.write_text("\n")
        cert.write_text("no certificate")
        self.refuse(CONFLICT, "--force", "backup", self.file, "--passphrase-file", self.phrase)
        self.assertEqual(self.file.read_bytes(), kept)
        other = self.folder / "other.cms"
        self.refuse(NOT_FOUND, "nothing", "backup", other, "--passphrase-file", self.folder / "nothing")
        self.refuse(USAGE, "empty", "backup", other, "--passphrase-file", empty)
        self.refuse(USAGE, "not both", "backup", other, "--passphrase-file", self.phrase, "--recipient", cert)
        self.refuse(USAGE, "cert", "backup", other, "--recipient", cert)
        self.refuse(USAGE, "terminal", "backup", other)
        self.refuse(NOT_FOUND, "such", "backup", self.folder / "no" / "such.cms", "--passphrase-file", self.phrase)
        self.assertFalse(other.exists())
        self.refuse(NOT_FOUND, "other", "restore", other, "--passphrase-file", self.phrase)
        self.refuse(USAGE, "--key", "restore", self.file, "--recipient", cert)
        self.refuse(USAGE, "cert", "restore", cert, "--passphrase-file", self.phrase)

    def test_wrong_passphrase(self):
        self.create()
        self.backup()
        wrong = self.folder / "wrong"
        wrong.write_text("wrong\n")
        there = self.elsewhere()
        done = self.restore(there, "--passphrase-file", wrong, code=REFUSED)
        self.assertIn("passphrase", done.stderr)
        self.assertFalse((there.state / "store.db").exists())

    def test_damaged(self):
        self.create()
        self.backup()
        bytes_ = bytearray(self.file.read_bytes())
        bytes_[len(bytes_) // 2] ^= 1
        self.file.write_bytes(bytes_)
        self.restore(self.elsewhere(), code=FAILED)
        self.file.write_bytes(bytes_[:1000])
        self.restore(self.elsewhere(), code=FAILED)

    def test_short_passphrase_is_warned_of(self):
        self.create()
        self.phrase.write_text("abc\n")
        self.assertIn("warning", self.backup().stderr)


class Terminal(Case):
    def talk(self, args, *answers):
        """Answers prompts on a terminal of its own; returns exit code and what was on the screen."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(PROGRAM, [PROGRAM, *map(str, args), "--state", str(self.poterne.state)])
        screen, left = b"", list(answers)
        while True:
            ready, _, _ = select.select([fd], [], [], 30)
            try:
                more = os.read(fd, 1000) if ready else b""
            except OSError:
                more = b""
            if not more:
                if not ready:
                    os.kill(pid, signal.SIGKILL)
                break
            screen += more
            if left and screen.endswith(b": "):
                os.write(fd, left.pop(0).encode() + b"\n")
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), screen.decode()

    def test_asked_twice(self):
        self.create()
        code, screen = self.talk(["state", "backup", self.file], PHRASE, PHRASE)
        self.assertEqual(code, 0, screen)
        self.assertNotIn("horse", screen)
        self.assertEqual(screen.count(": \r\n"), 2)
        there = self.elsewhere()
        self.restore(there)
        self.good(there, 1)

    def test_two_that_differ(self):
        self.create()
        code, screen = self.talk(["state", "backup", self.file], PHRASE, PHRASE + "r")
        self.assertEqual(code, USAGE, screen)
        self.assertIn("differ", screen)
        self.assertFalse(self.file.exists())

    def test_asked_once_to_restore(self):
        self.create()
        self.backup()
        code, screen = self.talk(["state", "restore", self.file, "--list"], PHRASE)
        self.assertEqual(code, 0, screen)
        self.assertIn("control-plane", screen)


class Restore(Case):
    def test_empty(self):
        self.create()
        self.backup()
        for name in ("absent", "empty"):
            there = self.elsewhere(name)
            if name == "empty":
                there.state.mkdir(0o700)
            self.restore(there)
            self.good(there, 1)
            self.assertEqual(stat.S_IMODE(there.state.stat().st_mode), 0o700)
            for file in there.state.iterdir():
                self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600, file)
            there.run("kubeconfig", "issue", "demo", "ann", "--out", self.folder / f"{name}.conf")
        last = json.loads(there.run("audit", "list", "-o", "json").stdout)["items"]
        self.assertIn("state.restore", [record["action"] for record in last])
        self.assertIn("state.backup", [record["action"] for record in last])

    def test_over_another(self):
        self.create()
        self.backup()
        there = self.elsewhere()
        there.create("other", control_plane="cp1=10.0.0.1", endpoint="10.0.0.1:6443")
        self.restore(there, code=CONFLICT)
        self.restore(there, "--replace", code=USAGE)  # names what it will destroy, and wants --yes
        self.assertEqual(there.run("cluster", "list", "-o", "name").stdout.count("other"), 1)
        self.restore(there, "--replace", "--yes")
        self.good(there, 1)
        self.assertNotIn("other", there.run("cluster", "list").stdout)
        for name in ("store.db", "root.key"):
            self.assertTrue((there.state / f"{name}.before-restore").exists())
        self.restore(there, "--replace", "--yes", code=CONFLICT)

        # what was kept is a state of its own
        back = self.elsewhere("back")
        back.state.mkdir(0o700)
        for old in there.state.glob("*.before-restore*"):
            old.rename(back.state / old.name.replace(".before-restore", ""))
        self.good(back, 1)
        self.assertIn("other", back.run("cluster", "list").stdout)

    def test_over_what_is_damaged(self):
        self.create()
        self.backup()
        self.poterne.run("cluster", "list")
        (self.poterne.state / "root.key").unlink()
        self.assertNotEqual(self.poterne.run("cluster", "list", check=False).returncode, 0)
        self.restore(self.poterne, "--replace", "--yes")
        self.good(self.poterne, 1)

    def test_an_older_root_key_comes_with_it(self):
        self.create()
        self.backup()
        self.poterne.run("key", "rotate-root", "--reseal")
        self.restore(self.poterne, "--replace", "--yes")
        self.good(self.poterne, 1)
        self.poterne.run("kubeconfig", "issue", "demo", "ann", "--out", self.folder / "ann.conf")


class Killed(Case):
    """kill -9 at every rename, link, unlink and write of `restore --replace`: the same command completes it."""

    CALLS = ("write", "pwrite64", "rename", "renameat", "link", "unlink", "mkdir", "ftruncate")

    def traced(self, there, *options):
        argv = ["strace", "-f", "-o", self.folder / "trace", *options, PROGRAM, "state", "restore", self.file,
                "--passphrase-file", self.phrase, "--replace", "--yes", "--state", there.state]
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        return subprocess.run(argv, capture_output=True, text=True, timeout=120, env=environment)

    def test_restore(self):
        need(shutil.which("strace"), "needs the package 'strace'")
        self.create()
        self.backup()
        before, there = self.elsewhere("before"), self.elsewhere("there")
        before.create("other", control_plane="cp1=10.0.0.1", endpoint="10.0.0.1:6443")
        shutil.copytree(before.state, there.state)
        self.assertEqual(self.traced(there, "-e", "trace=" + ",".join(self.CALLS)).returncode, 0)
        trace = (self.folder / "trace").read_text()
        points = [(call, n + 1) for call in self.CALLS
                  for n in range(len(re.findall(rf"^\d+ +{call}\(", trace, re.MULTILINE)))]
        for call, n in points[::5 if SANITIZED else 1]:
            shutil.rmtree(there.state)
            shutil.copytree(before.state, there.state)
            self.traced(there, "-e", f"inject={call}:signal=KILL:when={n}")
            with self.subTest(call=call, n=n):
                done = there.run("state", "restore", self.file, "--passphrase-file", self.phrase, "--replace", "--yes", check=False)
                # 4: it was complete when the signal came
                self.assertIn(done.returncode, (0, CONFLICT), done.stderr)
                self.good(there, 1)
                self.assertIn("demo", there.run("cluster", "list").stdout)
                self.assertTrue((there.state / "store.db.before-restore").exists())
                self.assertTrue((there.state / "root.key.before-restore").exists())
                self.assertFalse((there.state / "restore").exists() and done.returncode == 0)


if __name__ == "__main__":
    main()
