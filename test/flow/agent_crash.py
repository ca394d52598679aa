#!/usr/bin/env python3
"""kill -9 at every write of an agent: what is left is a whole generation or a journal, and the next round completes it.

The daemon is the API in the agent's own process, so that its records are among the writes. A certificate that was signed and never
installed is on record; nothing is issued without one.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from cluster import Poterne  # noqa: E402
from tap import main, need  # noqa: E402

ROUND = os.environ.get("POTERNE_AGENT_ROUND", "agent-round")
CALLS = ("write", "pwrite64", "pwritev", "rename", "renameat", "ftruncate", "unlink", "unlinkat", "mkdir", "mkdirat", "fchmod")
STEP = 29 if os.environ.get("POTERNE_SANITIZED") else int(os.environ.get("POTERNE_CRASH_STEP", "5"))
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}


class AgentCrash(unittest.TestCase):
    def setUp(self):
        need(shutil.which("strace"), "needs the package 'strace'")
        self.folder = Path(tempfile.mkdtemp(prefix="poterne-agent-crash-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.before, self.work = self.folder / "before", self.folder / "work"
        self.work.mkdir()
        self.poterne = Poterne(self.work)
        self.poterne.run("cluster", "create", "demo", "--endpoint", "10.0.0.1:6443", "--control-plane", "cp1=10.0.0.1",
                         "--service-account-key-type", "p256")
        reply = self.poterne.run("node", "add", "demo", "cp1", "--role", "control-plane", "-o", "json").stdout
        self.token = json.loads(reply)["token"]

    def keep(self):
        shutil.copytree(self.work, self.before, symlinks=True)

    def restore(self):
        shutil.rmtree(self.work)
        shutil.copytree(self.before, self.work, symlinks=True)

    def command(self, *act):
        return [ROUND, self.work / "state", self.work / "home", *act]

    def run_act(self, *act, strace=()):
        argv = ["strace", "-f", "-o", self.folder / "trace", *strace] if strace else []
        return subprocess.run([*argv, *self.command(*act)], capture_output=True, text=True, timeout=120, env=ENVIRONMENT)

    def disarm(self):
        """No process of this machine, which may well run a kubelet, is looked at or restarted."""
        path = self.work / "home/agent.yaml"
        text = re.sub(r"process: .*", f"process: nobody-{os.getpid()}", path.read_text())
        path.write_text(re.sub(r"run: systemd\n  unit: .*", "run: none", text))

    def good(self, *act):
        if act[0] == "round":
            self.disarm()
        done = self.run_act(*act)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def pairs_fit(self):
        done = self.poterne.run("cert", "check", self.work / "kubernetes", check=False)
        return done.returncode == 0, done.stdout + done.stderr

    def check_after(self):
        fit, why = self.pairs_fit()
        self.assertTrue(fit, why)
        self.assertFalse((self.work / "home/journal.json").exists())
        left = [path for path in (self.work / "kubernetes").rglob(".*")]
        self.assertEqual(left, [])
        self.assertEqual((self.work / "kubernetes/pki/sa.key").stat().st_mode & 0o777, 0o600)

    def count(self, *act):
        self.restore()
        done = self.run_act(*act, strace=("-e", "trace=" + ",".join(CALLS)))
        self.assertEqual(done.returncode, 0, done.stderr)
        trace = (self.folder / "trace").read_text()
        return [(call, n + 1) for call in CALLS for n in range(len(re.findall(rf"^\d+ +{call}\(", trace, re.MULTILINE)))]

    def kill_everywhere(self, *act, then=("round",), fits_before=True):
        points = self.count(*act)[::STEP]
        self.assertGreater(len(points), 5)
        killed = 0
        for call, n in points:
            self.restore()
            done = self.run_act(*act, strace=("-e", f"inject={call}:signal=KILL:when={n}"))
            killed += done.returncode in (-9, 137)
            with self.subTest(call=call, n=n):
                if fits_before and not (self.work / "home/journal.json").exists():
                    fit, why = self.pairs_fit()
                    self.assertTrue(fit, f"{call} {n}: {why}")
                if then != ("round",):
                    self.good(*then)
                self.good("round")
                self.check_after()
        self.assertGreater(killed, len(points) // 2)
        print(f"# {act[0]}: killed at {killed} points", file=sys.stderr)

    def join(self):
        return ("join", self.work / "kubernetes", self.token)

    def test_join(self):
        self.keep()
        points = self.count(*self.join())[::STEP]
        for call, n in points:
            self.restore()
            self.run_act(*self.join(), strace=("-e", f"inject={call}:signal=KILL:when={n}"))
            with self.subTest(call=call, n=n):
                self.good(*self.join())  # the same token: the key that asked is the one that asks again
                self.good("round")
                self.check_after()

    def test_first_install(self):
        self.good(*self.join())
        self.disarm()
        self.keep()
        self.kill_everywhere("round", fits_before=False)

    def test_renewal(self):
        self.good(*self.join())
        self.good("round")
        self.poterne.run("node", "renew", "demo", "cp1")
        self.keep()
        self.kill_everywhere("round")


if __name__ == "__main__":
    main()
