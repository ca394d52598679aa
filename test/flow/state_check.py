#!/usr/bin/env python3
"""`state check` on damage of each class: exit 7, and the fault is named. What is good stays good."""
import json
import shutil
import sqlite3
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from cluster import Poterne  # noqa: E402
from tap import main  # noqa: E402

NOT_FOUND, FAULT = 3, 7


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="poterne-state-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.good = Poterne(cls.folder)
        cls.good.state = cls.folder / "good"
        cls.good.create("demo", "--service-account-key-type", "p256", control_plane="cp1=10.0.0.1", endpoint="10.0.0.1:6443")
        cls.good.export()
        cls.good.kubeconfig("ann")

    def setUp(self):
        self.poterne = Poterne(self.folder)
        shutil.rmtree(self.poterne.state, ignore_errors=True)
        shutil.copytree(self.good.state, self.poterne.state)

    def check(self, code):
        done = self.poterne.run("state", "check", "-o", "json", check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def damage(self, sql, *args):
        with sqlite3.connect(self.poterne.state / "store.db") as db:
            self.assertGreater(db.execute(sql, args).rowcount, 0, sql)
        db.close()

    def faults(self, *wanted):
        """Every one of these checks is among the faults, each with a subject and a sentence."""
        found = self.check(FAULT)
        self.assertFalse(found["good"])
        self.assertEqual(found["faults"], len(found["items"]))
        for fault in found["items"]:
            self.assertTrue(fault["subject"] and fault["text"], fault)
        self.assertTrue(set(wanted) <= {fault["check"] for fault in found["items"]}, found["items"])
        table = self.poterne.run("state", "check", check=False).stdout
        for fault in found["items"]:
            self.assertIn(fault["text"], table)

    def test_a_machine_that_was_removed(self):
        """Its certificates stay on record; that it is gone is no fault."""
        self.poterne.run("node", "add", "demo", "w1=10.0.0.9", "--role", "worker")
        self.poterne.export(machine="w1", out=self.folder / "w1")
        self.poterne.run("node", "remove", "demo", "w1", "--yes")
        self.check(0)

    def test_good(self):
        found = self.check(0)
        self.assertTrue(found["good"])
        self.assertEqual((found["faults"], found["items"]), (0, []))
        self.assertGreater(min(found[key] for key in ("records", "sealed", "certificates", "audit_records")), 5)

    def test_none(self):
        shutil.rmtree(self.poterne.state)
        self.assertEqual(self.poterne.run("state", "check", check=False).returncode, NOT_FOUND)

    def test_sealed_values(self):
        self.damage("UPDATE record SET body=json_set(body,'$.sealed',(SELECT body->>'sealed' FROM record r WHERE r.kind='generation'"
                    " AND r.id<>record.id LIMIT 1)) WHERE kind='generation'")
        self.faults("sealed")

    def test_data_keys(self):
        self.damage("DELETE FROM record WHERE kind='data-key' AND name LIKE 'authority/%'")
        self.faults("sealed")

    def test_keys_and_certificates(self):
        self.damage("UPDATE record SET body=json_set(body,'$.der',(SELECT body->>'der' FROM record r WHERE r.kind='generation'"
                    " AND r.id<>record.id LIMIT 1)) WHERE kind='generation'")
        self.faults("key")

    def test_chains(self):
        self.damage("UPDATE record SET issuer_serial=substr(issuer_serial,1,instr(issuer_serial,'/'))||(SELECT body->>'skid' FROM"
                    " record WHERE kind='generation' AND body->>'authority'='aggregation') WHERE kind='certificate'")
        self.faults("chain")

    def test_orphans(self):
        self.damage("DELETE FROM record WHERE kind='generation'")
        self.faults("orphan")

    def test_lost_cluster(self):
        self.damage("DELETE FROM record WHERE kind='cluster'")
        self.faults("orphan")

    def test_service_account_key(self):
        self.damage("UPDATE record SET body=json_set(body,'$.public','x') WHERE kind='service-account-key'")
        self.faults("key")

    def test_audit_head(self):
        self.damage("DELETE FROM audit WHERE kind=0 AND sequence=(SELECT max(sequence) FROM audit)")
        self.faults("audit")

    def test_audit_record(self):
        self.damage("UPDATE audit SET bytes=CAST(replace(CAST(bytes AS TEXT),'granted','refused') AS BLOB) WHERE sequence=2")
        self.faults("audit")

    def test_records(self):
        self.damage("UPDATE record SET body='{}' WHERE kind='certificate'")
        self.faults("store")

    def test_goes_on_after_a_fault(self):
        self.damage("UPDATE record SET body='{}' WHERE kind='certificate'")
        self.damage("UPDATE record SET body=json_set(body,'$.public','x') WHERE kind='service-account-key'")
        self.damage("DELETE FROM audit WHERE kind=0 AND sequence=3")
        self.faults("store", "key", "audit")

    def unopened(self, says):
        found = self.check(FAULT)
        self.assertEqual([fault["check"] for fault in found["items"]], ["open"])
        self.assertRegex(found["items"][0]["text"], says)

    def test_root_key_missing(self):
        (self.poterne.state / "root.key").unlink()
        self.unopened("root.key.*missing.*restore")

    def test_root_key_corrupt(self):
        key = self.poterne.state / "root.key"
        for text in ("", "hello\n", key.read_text()[:-10], key.read_text().replace("key ", "yek ")):
            key.write_text(text)
            self.unopened("root.key")

    def test_root_key_swapped(self):
        other = Poterne(self.folder)
        other.state = self.folder / "other"
        self.addCleanup(shutil.rmtree, other.state)
        other.create(control_plane="cp1=10.0.0.1", endpoint="10.0.0.1:6443")
        shutil.copy(other.state / "root.key", self.poterne.state / "root.key")
        self.unopened("root key")

    def test_store_cut_in_the_middle(self):
        self.poterne.run("cluster", "list")
        store = self.poterne.state / "store.db"
        for log in self.poterne.state.glob("store.db-*"):
            log.unlink()
        store.write_bytes(store.read_bytes()[:store.stat().st_size // 2])
        done = self.poterne.run("state", "check", check=False)
        self.assertEqual(done.returncode, FAULT, done.stdout + done.stderr)
        store.write_bytes(b"no store at all " * 1000)
        self.unopened("store")


if __name__ == "__main__":
    main()
