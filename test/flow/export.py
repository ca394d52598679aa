#!/usr/bin/env python3
"""Exports over earlier exports, files that are none, and authorities whose keys are elsewhere."""
import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from cluster import Poterne  # noqa: E402
from tap import main  # noqa: E402

USAGE, CONFLICT, REFUSED = 2, 4, 5
MANIFEST = ".poterne.json"


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="poterne-export-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.poterne = Poterne(self.folder)
        self.out = self.folder / "out"

    def create(self):
        self.poterne.create("demo", "--worker", "w1=10.99.0.21")

    def run_export(self, *args, machine="cp1", layout="kubeadm", name="demo", **options):
        return self.poterne.run("cluster", "export", name, "--machine", machine, "--layout", layout, "--out", self.out,
                                "-o", "json", *args, **options)

    def export(self, *args, **options):
        """The reply, and the paths of its items by action."""
        reply = json.loads(self.run_export(*args, **options).stdout)
        actions = {action: {item["path"] for item in reply["items"] if item["action"] == action}
                   for action in ("created", "updated", "unchanged", "removed")}
        for action, paths in actions.items():
            self.assertEqual(reply[action], len(paths), action)
        return actions

    def refuse(self, code, says, *args, **options):
        done = self.run_export(*args, check=False, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertRegex(done.stderr, says)

    def files(self):
        return {str(path.relative_to(self.out)) for path in self.out.rglob("*")
                if not path.is_dir() and path.name != MANIFEST}

    def known(self):
        return set(json.loads((self.out / MANIFEST).read_text())["files"])

    def records(self):
        return len(json.loads(self.poterne.run("cert", "list", "-o", "json").stdout)["items"])


class EarlierExports(Case):
    def test_another_machine(self):
        self.create()
        self.export()
        before = self.files()
        self.assertIn("super-admin.conf", before)
        self.refuse(CONFLICT, "--force", machine="w1")
        self.assertEqual(self.files(), before)

        shown = self.export("--force", "--dry-run", machine="w1")
        self.assertEqual(self.files(), before)
        done = self.export("--force", machine="w1")
        self.assertEqual(done, shown)
        self.assertLessEqual({"super-admin.conf", "pki/sa.key", "pki/etcd/server.key"}, done["removed"])
        wanted = done["created"] | done["updated"] | done["unchanged"]
        self.assertEqual(self.files(), wanted)
        self.assertEqual(self.known(), wanted)
        self.assertFalse((self.out / "pki" / "etcd").exists(), "an empty folder stays")
        again = self.export(machine="w1")
        self.assertEqual(again, {"created": set(), "updated": set(), "unchanged": wanted, "removed": set()})

    def test_another_cluster(self):
        self.create()
        self.poterne.create("more", control_plane="cp1=10.99.0.12", endpoint="10.99.0.12:6443")
        self.export()
        self.export("--force", name="more", layout="systemd")
        self.assertEqual(self.files(), self.known())
        self.assertFalse((self.out / "kubeadm.yaml").exists())

    def test_another_layout(self):
        self.create()
        self.export()
        done = self.export(layout="systemd")
        self.assertEqual(done["removed"], {"kubeadm.yaml"})
        done = self.export()
        self.assertLessEqual({"pki/super-admin.key", "systemd/etcd.service"}, done["removed"])
        self.assertEqual(self.files(), self.known())
        self.assertFalse((self.out / "systemd").exists())

    def test_the_table(self):
        self.create()
        self.poterne.export(out=self.out)
        args = ("cluster", "export", "demo", "--machine", "cp1", "--layout", "systemd", "--out", self.out)
        done = self.poterne.run(*args, "--dry-run")
        self.assertRegex(done.stdout, r"kubeadm\.yaml +0600 +removed +not of this export")
        self.assertIn("remove 1,", done.stderr)
        self.assertIn(" 1 removed", self.poterne.run(*args).stderr)

    def test_edited_files_stay(self):
        self.create()
        self.export()
        (self.out / "kubeadm.yaml").write_text("mine\n")
        for options in (["--dry-run"], [], []):
            done = self.run_export(*options, layout="systemd")
            self.assertRegex(done.stderr, r"warning: 1 file .* kubeadm\.yaml")
            self.assertEqual(json.loads(done.stdout)["removed"], 0)
            self.assertEqual((self.out / "kubeadm.yaml").read_text(), "mine\n")
        (self.out / "kubeadm.yaml").unlink()
        self.assertEqual(self.run_export(layout="systemd").stderr.count("warning"), 0)
        self.assertEqual(self.files(), self.known())

    def test_a_link_stays(self):
        self.create()
        self.export()
        (self.out / "kubeadm.yaml").rename(self.folder / "kept")
        (self.out / "kubeadm.yaml").symlink_to(self.folder / "kept")
        self.assertIn("kubeadm.yaml", self.run_export(layout="systemd").stderr)
        self.assertTrue((self.out / "kubeadm.yaml").is_symlink())

    def test_a_run_that_was_cut_short(self):
        """Everything of the new export is there, and nothing was removed yet."""
        self.create()
        self.export()
        old = {name: (self.out / name).read_bytes() for name in self.files()}
        rows = json.loads((self.out / MANIFEST).read_text())["files"]
        removed = self.export("--force", machine="w1")["removed"]
        manifest = json.loads((self.out / MANIFEST).read_text())
        for name in removed:
            (self.out / name).parent.mkdir(exist_ok=True)
            (self.out / name).write_bytes(old[name])
            manifest["files"][name] = rows[name]
        (self.out / MANIFEST).write_text(json.dumps(manifest))
        self.assertEqual(self.export(machine="w1")["removed"], removed)
        self.assertEqual(self.files(), self.known())

    def test_a_manifest_of_others(self):
        """Paths that no export writes are not followed out of the folder."""
        self.create()
        self.export()
        manifest = json.loads((self.out / MANIFEST).read_text())
        row = manifest["files"]["pki/ca.crt"]
        outside = self.folder / "ca.crt"
        shutil.copy(self.out / "pki" / "ca.crt", outside)
        for name in ("../ca.crt", str(outside), "./pki/ca.crt", "pki//ca.crt", "pki/../pki/ca.crt", "pki", ""):
            manifest["files"][name] = row
        (self.out / MANIFEST).write_text(json.dumps(manifest))
        self.assertEqual(self.export()["removed"], set())
        self.assertTrue(outside.exists())
        self.assertTrue((self.out / "pki" / "ca.crt").exists())


class Places(Case):
    def test_what_is_not_a_file(self):
        self.create()
        count = self.records()
        for name in ("pki/ca.crt", "pki/apiserver.key", "admin.conf", "pki/sa.key", MANIFEST):
            for make in (os.mkdir, os.mkfifo):
                for options in ([], ["--force"], ["--dry-run"]):
                    with self.subTest(name=name, make=make.__name__, options=options):
                        (self.out / name).parent.mkdir(parents=True, exist_ok=True)
                        make(self.out / name)
                        self.refuse(CONFLICT, "something else than a file", *options)
                        self.assertLessEqual(self.files(), {name})
                        shutil.rmtree(self.out)
        self.assertEqual(self.records(), count)

    def test_a_file_in_the_place_of_a_folder(self):
        self.create()
        count = self.records()
        self.out.mkdir()
        (self.out / "pki").write_text("mine")
        self.refuse(CONFLICT, "something else than a file", "--force")
        self.assertEqual(self.files(), {"pki"})
        self.assertEqual(self.records(), count)


class Elsewhere(Case):
    """An export is what kubeadm calls external CA mode: adopted, a cluster without the keys of its authorities."""

    def setUp(self):
        super().setUp()
        self.create()
        self.poterne.export(out=self.folder / "source")
        self.poterne.run("cluster", "adopt", "old", "--from", self.folder / "source", "--layout", "kubeadm")
        shown = json.loads(self.poterne.run("cluster", "show", "old", "-o", "json").stdout)
        self.machine = shown["machines"][0]["name"]

    def test_nothing_is_made(self):
        trail = self.poterne.run("audit", "list", "-o", "json").stdout
        for options in (["--dry-run"], [], ["--force"]):
            self.refuse(REFUSED, "authority is elsewhere.*'[a-z-]+' has to be made .missing", *options, name="old",
                        machine=self.machine)
            self.assertFalse(self.out.exists())
        self.assertEqual(self.poterne.run("audit", "list", "-o", "json").stdout, trail)


class Stdout(Case):
    def setUp(self):
        super().setUp()
        self.create()
        self.poterne.export(out=self.out)
        key = self.folder / "key.pem"
        os.system(f"openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {key} "
                  f"-out {self.folder}/csr.pem -subj /CN=jane 2>/dev/null")
        self.commands = {"kind: Config": ("kubeconfig", "issue", "demo", "jane"),
                         "BEGIN CERTIFICATE": ("cert", "sign", "demo", "--profile", "operator", "--csr",
                                               self.folder / "csr.pem")}

    def test_a_dash(self):
        for says, command in self.commands.items():
            done = self.poterne.run(*command, "--out", "-", cwd=self.folder)
            self.assertIn(says, done.stdout)
            self.assertFalse((self.folder / "-").exists())

    def test_what_is_not_a_file(self):
        fifo, link = self.folder / "fifo", self.folder / "link"
        os.mkfifo(fifo)
        (self.folder / "target").write_text("")
        link.symlink_to(self.folder / "target")
        count = self.records()
        for out in ("/dev/stdout", "/dev/null", "/dev/fd/1", fifo, link, self.folder):
            for command in self.commands.values():
                for options in ([], ["--force"]):
                    with self.subTest(out=out, command=command[:2], options=options):
                        done = self.poterne.run(*command, "--out", out, *options, check=False)
                        self.assertEqual(done.returncode, USAGE, done.stdout + done.stderr)
                        self.assertRegex(done.stderr, "is not a file.*leave out --out for stdout")
        self.assertTrue(fifo.is_fifo())
        self.assertTrue(link.is_symlink())
        self.assertEqual(self.records(), count, "a certificate was made that nobody got")


if __name__ == "__main__":
    main()
