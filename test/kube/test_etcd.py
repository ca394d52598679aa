#!/usr/bin/env python3
"""Three real etcd members: only a peer may be one."""
import unittest

from cluster import Poterne
from rig import Rig, read_flags, wait_until
from tap import main

MEMBERS = {"e1": "10.99.0.31", "e2": "10.99.0.32", "e3": "10.99.0.33"}


class Members(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = cls.enterClassContext(Rig("etcd", "etcdctl"))
        cls.poterne = Poterne(cls.rig.dir)
        etcd = [part for name, address in MEMBERS.items() for part in ("--etcd", f"{name}={address}")]
        cls.poterne.create("demo", *etcd)
        cls.control_plane = cls.poterne.export()
        cls.exported = {name: cls.poterne.export(machine=name) for name in MEMBERS}
        cls.machines, cls.processes = {}, {}
        for name, address in MEMBERS.items():
            machine = cls.machines[name] = cls.rig.machine(name, address)
            machine.mount(cls.exported[name], "/etc/kubernetes")
            cls.processes[name] = machine.component("etcd", read_flags(cls.exported[name] / "flags/etcd"))
        for process in cls.processes.values():
            process.wait_ready()

    def etcdctl(self, machine, *args, check=True):
        pki = "/etc/kubernetes/pki/etcd"
        return self.machines[machine].run(
            ["etcdctl", "--endpoints", f"https://{MEMBERS[machine]}:2379", "--cacert", f"{pki}/ca.crt", "--cert",
             f"{pki}/healthcheck-client.crt", "--key", f"{pki}/healthcheck-client.key", *args], check=check)

    def test_members_find_each_other(self):
        listed = wait_until(lambda: self.etcdctl("e1", "member", "list").stdout.count("started") == 3, "three members")
        self.assertTrue(listed)
        self.etcdctl("e1", "put", "key", "value")
        self.assertEqual(self.etcdctl("e3", "get", "key").stdout, "key\nvalue\n")
        self.etcdctl("e2", "endpoint", "health", "--cluster")

    def peer_request(self, leaf):
        e1 = self.machines["e1"]
        return e1.request(2380, "/members", address=MEMBERS["e2"], ca=self.exported["e1"] / "pki/etcd/ca.crt",
                          cert=f"{leaf}.crt", key=f"{leaf}.key")

    def test_only_a_peer_reaches_the_peer_port(self):
        peer = self.exported["e1"] / "pki/etcd/peer"
        self.assertEqual(self.peer_request(peer)[0], 200)
        for leaf in (self.control_plane / "pki/apiserver-etcd-client", self.exported["e1"] / "pki/etcd/server",
                     self.exported["e1"] / "pki/etcd/healthcheck-client",
                     self.control_plane / "pki/front-proxy-client"):
            with self.subTest(leaf=leaf.name), self.assertRaises(OSError):
                self.peer_request(leaf)

    def test_an_etcd_machine_holds_only_its_own(self):
        names = {str(path.relative_to(self.exported["e1"])) for path in self.exported["e1"].rglob("*") if path.is_file()}
        pki = {f"pki/etcd/{leaf}.{kind}" for leaf in ("server", "peer", "healthcheck-client") for kind in ("crt", "key")}
        self.assertEqual(names, pki | {"pki/etcd/ca.crt", "flags/etcd", ".poterne.json"})

    def test_an_even_number_is_warned_about(self):
        said = self.poterne.create("pair", "--etcd", "a=10.1.0.1", "--etcd", "b=10.1.0.2").stderr
        self.assertIn("warning", said)
        self.assertIn("2 etcd members", said)


if __name__ == "__main__":
    main()
