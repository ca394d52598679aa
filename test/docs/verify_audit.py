#!/usr/bin/env python3
"""docs/verify-audit.sh accepts what `poterne audit export` prints, and refuses each kind of damage."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "test" / "kube"))
from tap import main, need  # noqa: E402

PROGRAM = os.environ.get("POTERNE", str(SOURCE / "build" / "poterne"))
SCRIPT = SOURCE / "docs" / "verify-audit.sh"


class VerifyAudit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for tool in ("openssl", "jq"):
            need(shutil.which(tool), f"needs '{tool}'")
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.early_head = None
        cls.poterne("cluster", "create", "demo", "--endpoint", "10.0.0.1:6443", "--control-plane", "cp1=10.0.0.1")
        cls.early_head = cls.poterne("audit", "head")
        cls.poterne("cluster", "export", "demo", "--machine", "cp1", "--layout", "kubeadm", "--out", cls.folder / "cp1")
        cls.poterne("kubeconfig", "issue", "demo", "alice", "--out", cls.folder / "alice.conf")
        cls.head = cls.poterne("audit", "head")
        cls.trail = cls.poterne("audit", "export").splitlines(keepends=True)

    @classmethod
    def poterne(cls, *args, code=0, state="state"):
        done = subprocess.run([PROGRAM, *map(str, args), "--state", str(cls.folder / state)], capture_output=True, text=True)
        assert done.returncode == code, f"{args}: exit {done.returncode}\n{done.stderr}"
        return done.stdout

    def verify(self, trail, head=None):
        (self.folder / "trail").write_text("".join(trail))
        argv = ["bash", SCRIPT, self.folder / "trail"]
        if head is not None:
            (self.folder / "head").write_text(head)
            argv.append(self.folder / "head")
        return subprocess.run(argv, capture_output=True, text=True)

    def good(self, trail, head=None):
        done = self.verify(trail, head)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^good: \d+ records, the last is number \d+\n$")

    def bad(self, why, trail, head=None):
        done = self.verify(trail, head)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertRegex(done.stderr, why)

    def rows(self, kind):
        return [at for at, line in enumerate(self.trail) if json.loads(line)["type"] == kind]

    def changed(self, at, before, after):
        self.assertIn(before, self.trail[at])
        return [*self.trail[:at], self.trail[at].replace(before, after, 1), *self.trail[at + 1:]]

    # ---- what is whole ----

    def test_a_whole_trail(self):
        self.assertGreater(len(self.rows("record")), 5)
        self.good(self.trail)

    def test_a_kept_head(self):
        self.good(self.trail, self.head)
        self.good(self.trail, self.early_head)

    def test_a_pruned_trail(self):
        shutil.copytree(self.folder / "state", self.folder / "pruned")
        self.poterne("audit", "prune", "--before", "9999-01-01T00:00:00Z", "--yes", state="pruned")
        pruned = self.poterne("audit", "export", state="pruned").splitlines(keepends=True)
        self.assertEqual(json.loads(pruned[1])["type"], "tombstone")
        self.good(pruned)
        self.good(pruned, self.poterne("audit", "head", state="pruned"))
        self.bad("missing", [pruned[0], *pruned[2:]])
        self.bad("bad signature", [pruned[0], pruned[1].replace("removed", "remover"), *pruned[2:]])
        # a tombstone that is put into a whole trail hides nothing
        middle = self.rows("record")[3]
        self.bad("changed|missing", [*self.trail[:middle], pruned[1], *self.trail[self.rows("record")[-1]:]])

    # ---- what is not ----

    def test_a_changed_byte(self):
        self.bad("is changed", self.changed(self.rows("record")[1], "granted", "grantes"))
        last = self.rows("record")[-1]
        self.bad("is changed", self.changed(last, "local:", "lokal:"))

    def test_a_changed_checkpoint(self):
        at = self.rows("checkpoint")[1]
        self.bad("bad signature", self.changed(at, "signatures\\\":", "signatures\\\":1"))

    def test_a_missing_record(self):
        at = self.rows("record")[4]
        self.bad("missing", self.trail[:at] + self.trail[at + 1:])

    def test_a_missing_first_record(self):
        at = self.rows("record")[0]
        self.bad("missing", self.trail[:at] + self.trail[at + 1:])

    def test_reordered_records(self):
        first, second = self.rows("record")[2:4]
        trail = list(self.trail)
        trail[first], trail[second] = trail[second], trail[first]
        self.bad("misplaced", trail)

    def test_cut_off_before_a_checkpoint(self):
        self.bad("no checkpoint covers it", self.trail[:-1])

    def test_cut_off_behind_a_checkpoint(self):
        at = self.rows("checkpoint")[-2] + 1
        self.good(self.trail[:at])  # only a head that was kept elsewhere shows it
        self.good(self.trail[:at], self.early_head)
        self.bad("changed or gone", self.trail[:at], self.head)

    def test_everything_written_anew(self):
        self.poterne("cluster", "create", "demo", "--endpoint", "10.0.0.1:6443", "--control-plane", "cp1=10.0.0.1",
                     state="anew")
        anew = self.poterne("audit", "export", state="anew").splitlines(keepends=True)
        self.good(anew)
        self.bad("bad signature|another trail", anew, self.head)
        self.bad("bad signature|another trail", [self.trail[0], *anew[1:]])

    def test_not_a_trail(self):
        self.bad("no audit export", ["hello\n"])
        self.bad("no audit export|no checkpoint", [])
        self.bad("damaged", [*self.trail[:3], "{\"type\":\"record\"\n"])
        self.bad("no checkpoint", self.trail[:1])
        self.bad("damaged", [self.trail[0], json.dumps({"type": "record", "bytes": '{"seq":"a[$(id)]"}'}) + "\n"])


if __name__ == "__main__":
    main()
