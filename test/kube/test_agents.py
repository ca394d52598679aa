#!/usr/bin/env python3
"""Three control-plane machines behind HAProxy whose certificates are renewed by agents while they serve."""
import base64
import http.client
import json
import shutil
import ssl
import threading
import time
import unittest
from pathlib import Path

import yaml
from cluster import PROGRAM
from rig import Rig, read_flags, wait_until
from tap import main

DAEMON, BALANCER = "10.99.0.5", "10.99.0.10"
MACHINES = {"cp1": "10.99.0.11", "cp2": "10.99.0.12", "cp3": "10.99.0.13"}
STATE = "/var/lib/poterne"
RENEWALS = 3

# What rig.md's trials found to lose nothing: a server that is not ready is left alone within a second.
HAPROXY = """
global
    log stdout format raw local0
defaults
    mode tcp
    timeout connect 2s
    timeout client 1h
    timeout server 1h
    retries 3
    option redispatch 1
frontend api
    bind {balancer}:6443
    default_backend servers
backend servers
    balance roundrobin
    option httpchk
    http-check send meth GET uri /readyz hdr Host kubernetes
    http-check expect status 200
    default-server check check-ssl verify required ca-file /etc/kubernetes/ca.crt inter 500ms fall 2 rise 2
{servers}
"""


class Client(threading.Thread):
    """Asks the API server through the balancer until it is stopped; `failed` says what a correct client would report."""

    def __init__(self, machine, folder, kubeconfig):
        super().__init__(daemon=True)
        self.machine, self.requests, self.failed, self.stopping = machine, 0, [], False
        config = yaml.safe_load(Path(kubeconfig).read_text())
        user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
        pem = Path(folder) / "client.pem"
        pem.write_bytes(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        self.context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        self.context.load_cert_chain(pem)

    def connect(self):
        connection = http.client.HTTPSConnection(BALANCER, 6443, timeout=30, context=self.context)
        with self.machine.network():
            connection.connect()
        return connection

    def ask(self, connection):
        connection.request("GET", "/api/v1/namespaces/default")
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise AssertionError(f"status {response.status}")
        self.requests += 1

    def run(self):
        while not self.stopping:
            try:
                self.turn()
            except Exception as e:  # pylint: disable=broad-except
                self.failed.append(f"{type(self).__name__} after {self.requests}: {e!r}")
                time.sleep(0.2)

    def stop(self):
        self.stopping = True
        self.join(60)


class Fresh(Client):
    """A new TLS connection for each request."""

    def turn(self):
        connection = self.connect()
        self.ask(connection)
        connection.close()
        time.sleep(0.05)


class Kept(Client):
    """One connection for all requests."""

    connection = None

    def turn(self):
        if not self.connection:
            self.connection = self.connect()
        self.ask(self.connection)
        time.sleep(0.05)


class Watch(Client):
    """One watch that sees the namespace it has made change again and again."""

    def turn(self):
        connection = self.connect()
        connection.request("GET", "/api/v1/configmaps?watch=1&allowWatchBookmarks=true")
        response = connection.getresponse()
        if response.status != 200:
            raise AssertionError(f"status {response.status}")
        connection.sock.settimeout(1)
        while not self.stopping:
            try:
                if not response.readline():
                    raise AssertionError("the watch ended")
                self.requests += 1
            except TimeoutError:
                continue
            except OSError as e:  # a time-out leaves http.client's file unusable; look at the socket alone
                if "timed out" not in str(e):
                    raise
                self.look(connection)
        connection.close()

    def look(self, connection):
        """The rest is not read as HTTP any more: what counts is that it does not end."""
        while not self.stopping:
            try:
                if not connection.sock.recv(65536):
                    raise AssertionError("the watch ended")
                self.requests += 1
            except TimeoutError:
                continue


class Agents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = cls.enterClassContext(
            Rig("etcd", "etcdctl", "kube-apiserver", "kube-controller-manager", "kubectl"))
        cls.vault = cls.rig.machine("vault", DAEMON)
        cls.start_daemon()
        cls.create_cluster()
        cls.machines = {name: cls.rig.machine(name, address) for name, address in MACHINES.items()}
        cls.start_cluster()
        cls.start_balancer()
        cls.agents = {}

    @classmethod
    def poterne(cls, *args, **options):
        return cls.vault.run([PROGRAM, *args, "--state", STATE], **options)

    @classmethod
    def start_daemon(cls):
        cls.vault.run(["useradd", "--system", "poterne"])
        cls.vault.run(["mkdir", "-p", "/run/poterne"])
        cls.start_serving()

    @classmethod
    def start_serving(cls):
        cls.daemon = cls.vault.start("daemon", [PROGRAM, "serve", "--state", STATE, "--listen", f"{DAEMON}:8443"],
                                     lambda process: "serving" in process.log_text()).wait_ready()

    @classmethod
    def create_cluster(cls):
        machines = [part for name, address in MACHINES.items() for part in ("--control-plane", f"{name}={address}")]
        cls.poterne("cluster", "create", "demo", "--endpoint", f"{BALANCER}:6443", *machines)
        cls.poterne("kubeconfig", "issue", "demo", "jane", "--group", "system:masters", "--privileged", "--out",
                    "/root/jane.conf")
        cls.kubeconfig = cls.rig.dir / "jane.conf"
        shutil.copy(cls.vault.path("/root/jane.conf"), cls.kubeconfig)

    @classmethod
    def start_cluster(cls):
        processes = []
        for name, machine in cls.machines.items():
            cls.poterne("cluster", "export", "demo", "--machine", name, "--layout", "systemd", "--out",
                        f"/var/lib/export/{name}", "--prefix", "/etc/kubernetes")
            shutil.copytree(cls.vault.path(f"/var/lib/export/{name}"), machine.path("/etc/kubernetes"),
                            dirs_exist_ok=True)
            machine.flags = {component: read_flags(machine.path(f"/etc/kubernetes/flags/{component}"))
                             for component in ("etcd", "kube-apiserver", "kube-controller-manager")}
        for component in ("etcd", "kube-apiserver", "kube-controller-manager"):
            started = [machine.component(component, machine.flags[component]) for machine in cls.machines.values()]
            for process in started:
                process.wait_ready()
            processes += started
        cls.processes = processes

    @classmethod
    def start_balancer(cls):
        cls.balancer = cls.rig.machine("lb", BALANCER)
        servers = "\n".join(f"    server {name} {address}:6443" for name, address in MACHINES.items())
        cls.balancer.write("/etc/kubernetes/ca.crt", cls.machines["cp1"].path("/etc/kubernetes/pki/ca.crt").read_text())
        cls.balancer.write("/etc/haproxy.cfg", HAPROXY.format(balancer=BALANCER, servers=servers))
        cls.balancer.start("haproxy", ["haproxy", "-f", "/etc/haproxy.cfg"])
        wait_until(lambda: cls.balancer.kubectl(cls.kubeconfig, "get", "--raw", "/readyz", check=False).stdout == "ok",
                   "the API servers behind the balancer")

    # ---- what the tests ask ----

    def serials(self):
        """What each serving port shows: {(machine, port): serial}."""
        shown = {}
        for name, machine in self.machines.items():
            for port in (2379, 6443):
                done = machine.run(["sh", "-c", f"echo | openssl s_client -connect {MACHINES[name]}:{port} 2>/dev/null |"
                                    " openssl x509 -noout -serial"])
                shown[name, port] = done.stdout.strip()
        return shown

    def behind(self):
        """Serving certificates that the agents have not seen in use, by what `cluster status` says."""
        status = json.loads(self.poterne("cluster", "status", "demo", "-o", "json").stdout)
        lines = [line for line in status["items"] if line.get("path") in ("pki/apiserver.crt", "pki/etcd/server.crt")]
        self.assertGreaterEqual(len(lines), 2 * len(MACHINES))
        return [line for line in lines if line["state"] != "current"]

    def renew(self, before):
        for name in self.machines:
            self.poterne("node", "renew", "demo", name)
        return wait_until(lambda: self.renewed(before), "a renewal", 240)

    def join(self, name):
        machine = self.machines[name]
        invited = json.loads(self.poterne("node", "add", "demo", name, "--role", "control-plane", "--join-url",
                                          f"https://{DAEMON}:8443", "-o", "json").stdout)
        machine.run([PROGRAM, "agent", "join", "--server", f"https://{DAEMON}:8443", "--ca-hash", invited["ca_hash"],
                     "--token", invited["token"], "--layout", "systemd"])
        self.agents[name] = machine.start("agent", [PROGRAM, "agent", "run"])

    def renewed(self, before):
        """Every serving port shows another certificate than before."""
        now = self.serials()
        return now if all(now[key] and now[key] != before[key] for key in now) else None

    # ---- the tests, in this order ----

    def test_1_agents_take_over_and_renew_under_load(self):
        clients = [kind(self.balancer, self.rig.dir, self.kubeconfig) for kind in (Fresh, Kept, Watch)]
        for client in clients:
            client.start()
        try:
            before = self.serials()
            started = {process.name: process.pid for process in self.processes}
            for name in self.machines:
                self.join(name)
            shown = wait_until(lambda: self.renewed(before), "the first certificates of the agents", 180)
            for _ in range(RENEWALS):
                shown = self.renew(shown)
            wait_until(lambda: not self.behind(), "every serving certificate was seen in use", 120)
        finally:
            for client in clients:
                client.stop()
        self.assertEqual([failure for client in clients for failure in client.failed], [])
        for client in clients[:2]:
            self.assertGreater(client.requests, 100, type(client).__name__)
        self.assertEqual({process.name: process.pid for process in self.processes}, started)
        self.assertGreater(clients[2].requests, 0)
        print(f"# requests: {', '.join(f'{type(c).__name__} {c.requests}' for c in clients)}")

    def test_2_a_daemon_that_was_killed(self):
        """Agents wait for it, and go on with the one that comes back."""
        before = self.serials()
        self.daemon.kill()
        wait_until(lambda: not self.vault.run(["pgrep", "-f", "poterne: "], check=False).stdout, "no process of it is left")
        self.assertEqual(self.serials(), before)
        type(self).start_serving()
        self.renew(before)
        self.daemon.stop()
        self.poterne("state", "check")
        self.poterne("audit", "verify")


if __name__ == "__main__":
    main()
