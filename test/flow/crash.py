#!/usr/bin/env python3
"""kill -9 at every write of the commands that change something: what is left is good, and the same command completes it.

strace delivers the signal as the kernel enters the n-th call of a kind, so that it is the very program of the user that dies, before
each of its writes and renames in turn. (Before a sync is after the write that it follows: no state of its own.) A program with
sanitizers is slow, and has the same states: there it is every seventh.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from cluster import PROGRAM, Poterne  # noqa: E402
from tap import main, need  # noqa: E402

CALLS = ("write", "writev", "pwrite64", "pwritev", "rename", "renameat", "renameat2", "link", "linkat", "ftruncate", "unlink",
         "unlinkat", "mkdir", "mkdirat")
STEP = 7 if os.environ.get("POTERNE_SANITIZED") else 1
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # leaks cannot be looked for under strace


class Crash(unittest.TestCase):
    def setUp(self):
        need(shutil.which("strace"), "needs the package 'strace'")
        self.folder = Path(tempfile.mkdtemp(prefix="poterne-crash-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.before = self.folder / "before"
        self.before.mkdir()
        self.work = self.folder / "work"

    def poterne(self):
        return Poterne(self.work)

    def restore(self):
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.before, self.work)

    def traced(self, options, args):
        argv = ["strace", "-f", "-o", self.folder / "trace", *options, PROGRAM, *args, "--state", self.work / "state"]
        return subprocess.run(argv, capture_output=True, text=True, timeout=120, env=ENVIRONMENT, cwd=self.work)

    def count(self, args):
        """How often an undisturbed run makes each of the calls."""
        self.restore()
        done = self.traced(["-e", "trace=" + ",".join(CALLS)], args)
        self.assertEqual(done.returncode, 0, done.stderr)
        trace = (self.folder / "trace").read_text()
        return {call: len(re.findall(rf"^\d+ +{call}\(", trace, re.MULTILINE)) for call in CALLS}

    def kill_everywhere(self, args, good):
        """`good()` looks at what the completed command left."""
        points = [(call, n) for call, count in self.count(args).items() for n in range(1, count + 1)]
        self.assertGreater(len(points), 5)
        good()
        killed = 0
        for call, n in points[::STEP]:
            self.restore()
            done = self.traced(["-e", f"inject={call}:signal=KILL:when={n}"], args)
            killed += done.returncode in (-9, 137)
            with self.subTest(call=call, n=n):
                self.check_state(allow_none=True)
                again = self.poterne().run(*args, check=False, env=ENVIRONMENT, cwd=self.work)
                self.assertEqual(again.returncode, 0, f"{call} {n}: {again.stdout}{again.stderr}")
                self.check_state()
                good()
        self.assertGreater(killed, len(points[::STEP]) // 2)
        print(f"# {args[0]} {args[1]}: killed at {killed} points", file=sys.stderr)

    def check_state(self, allow_none=False):
        done = self.poterne().run("state", "check", check=False, env=ENVIRONMENT)
        wanted = (0, 3) if allow_none else (0,)  # 3: it died before there was anything
        self.assertIn(done.returncode, wanted, done.stdout + done.stderr)
        if done.returncode == 0 and not allow_none:
            verified = self.poterne().run("audit", "verify", check=False, env=ENVIRONMENT)
            self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)

    # ---- the commands ----

    CREATE = ("cluster", "create", "demo", "--endpoint", "10.0.0.1:6443", "--control-plane", "cp1=10.0.0.1",
              "--service-account-key-type", "p256")

    def clusters(self, count):
        listed = self.poterne().run("cluster", "list", "-o", "name", env=ENVIRONMENT).stdout.split()
        self.assertEqual(len(listed), count)

    def prepare(self, *commands):
        self.work.mkdir()
        for args in commands:
            self.poterne().run(*args, env=ENVIRONMENT, cwd=self.work)
        shutil.rmtree(self.before)
        shutil.copytree(self.work, self.before)

    def test_the_very_first_create(self):
        self.kill_everywhere(self.CREATE, lambda: self.clusters(1))

    def test_another_create(self):
        self.prepare(("cluster", "create", "first", "--endpoint", "10.0.0.2:6443", "--control-plane", "cp1=10.0.0.2"))
        self.kill_everywhere(self.CREATE, lambda: self.clusters(2))

    def test_export(self):
        self.prepare(self.CREATE)
        export = ("cluster", "export", "demo", "--machine", "cp1", "--layout", "kubeadm", "--out", "out")

        def good():
            fit = self.poterne().run("cert", "check", "out", check=False, env=ENVIRONMENT, cwd=self.work)
            self.assertEqual(fit.returncode, 0, fit.stdout + fit.stderr)
            left = [path for path in (self.work / "out").rglob(".*") if path.name != ".poterne.json"]
            self.assertEqual(left, [])
            dry = self.poterne().run(*export, "--dry-run", "-o", "json", env=ENVIRONMENT, cwd=self.work).stdout
            self.assertIn('"created":0,"updated":0', re.sub(r"\s", "", dry))

        self.kill_everywhere(export, good)

    def rotated(self):
        self.clusters(1)
        self.assertFalse((self.work / "state/root.key.next").exists())

    def test_rotate_root(self):
        self.prepare(self.CREATE)
        self.kill_everywhere(("key", "rotate-root"), self.rotated)

    def test_rotate_root_reseal(self):
        self.prepare(self.CREATE)
        self.kill_everywhere(("key", "rotate-root", "--reseal"), self.rotated)

    def test_adopt(self):
        self.prepare()
        pki = self.before / "kubernetes/pki"
        pki.mkdir(parents=True)
        for name in ("ca", "front-proxy-ca"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", pki / f"{name}.key", "-out", pki / f"{name}.crt", "-subj", f"/CN={name}", "-days",
                            "3650"], check=True, capture_output=True)
        (pki / "etcd").mkdir()
        for suffix in ("crt", "key"):
            shutil.copy(pki / f"ca.{suffix}", pki / f"etcd/ca.{suffix}")
        self.kill_everywhere(("cluster", "adopt", "old", "--from", "kubernetes", "--layout", "kubeadm"),
                             lambda: self.clusters(1))


if __name__ == "__main__":
    main()
