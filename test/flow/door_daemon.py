#!/usr/bin/env python3
"""The API through a running daemon: what commands, Prometheus and a plain HTTP client see of it."""
import gzip
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from cluster import PROGRAM, SOURCE, Poterne  # noqa: E402
from daemon import PATIENCE, Daemon  # noqa: E402
from tap import main  # noqa: E402

METRIC = re.compile(r"\bpoterne_[a-z_]+")
CLUSTER = {"name": "demo", "endpoint": "10.0.0.1:6443", "control_plane": ["cp1=10.0.0.1"]}


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="poterne-door-"))
        cls.folder.chmod(0o755)  # the daemon drops to another user
        cls.daemon = Daemon(cls.folder)
        cls.daemon.ready()
        cls.poterne = Poterne(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.process.terminate()
        cls.daemon.process.wait(PATIENCE)
        shutil.rmtree(cls.folder)

    def ask(self, method, target, body=None, **fields):
        """Status, fields and body of one request."""
        data = json.dumps(body).encode() if body is not None else b""
        if data:
            fields["Content-Type"] = "application/json"
        lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(data)}",
                 *(f"{k.replace('_', '-')}: {v}" for k, v in fields.items())]
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(str(self.daemon.socket))
            s.sendall("\r\n".join([*lines, "", ""]).encode() + data)
            answer = b""
            while part := s.recv(65536):
                answer += part
        head, _, rest = answer.partition(b"\r\n\r\n")
        status, *fields = head.decode().split("\r\n")
        return int(status.split()[1]), {k.lower(): v.strip() for k, _, v in (f.partition(":") for f in fields)}, rest


class Http(Case):
    def test_semantics(self):
        status, fields, body = self.ask("POST", "/v1/clusters", CLUSTER, Idempotency_Key="k1")
        self.assertEqual((status, fields["location"]), (201, "/v1/clusters/demo"))
        self.assertEqual(self.ask("POST", "/v1/clusters", CLUSTER, Idempotency_Key="k1")[::2], (201, body))
        self.assertEqual(self.ask("POST", "/v1/clusters", {**CLUSTER, "name": "x"}, Idempotency_Key="k1")[0], 422)
        status, fields, body = self.ask("GET", "/v1/clusters/demo")
        self.assertEqual(fields["etag"], f'"{json.loads(body)["revision"]}"')
        status, again, rest = self.ask("GET", "/v1/clusters/demo", If_None_Match=fields["etag"])
        self.assertEqual((status, again["etag"], rest), (304, fields["etag"], b""))
        self.assertEqual(self.ask("DELETE", "/v1/clusters/demo", If_Match='"1"')[0], 412)
        status, fields, body = self.ask("HEAD", "/v1/clusters/demo")
        self.assertEqual((status, body), (200, b""))
        status, fields, _ = self.ask("PUT", "/v1/clusters")
        self.assertEqual((status, fields["allow"]), (405, "GET, HEAD, POST, OPTIONS"))
        self.assertEqual(self.ask("OPTIONS", "/v1/clusters")[0], 204)
        status, fields, body = self.ask("GET", "/v1/profiles", Accept_Encoding="gzip")
        self.assertEqual(fields["content-encoding"], "gzip")
        self.assertEqual(json.loads(gzip.decompress(body))["kind"], "ProfileList")
        self.assertEqual(self.ask("GET", "/v1/clusters", Accept="text/html")[0], 406)

    def test_health(self):
        for path in ("/livez", "/readyz", "/healthz"):
            status, fields, body = self.ask("GET", path)
            self.assertEqual((status, body, fields["content-type"]), (200, b"ok", "text/plain; charset=utf-8"), path)
        self.assertIn(b"[+]keeper ok", self.ask("GET", "/readyz?verbose")[2])


class Commands(Case):
    def test_they_go_there(self):
        self.poterne.create("mine")
        self.assertIn("mine", self.poterne.run("cluster", "list").stdout)
        self.assertIn('"/v1/clusters"', self.ask("GET", "/metrics")[2].decode())
        done = self.poterne.run("cluster", "show", "nope", check=False)
        self.assertEqual((done.returncode, done.stderr), (3, "poterne: there is no cluster 'nope'\n"))
        self.poterne.export("mine")  # its keys are made by the command, its certificates by the daemon
        self.assertEqual(len(self.poterne.run("audit", "export").stdout.splitlines()) > 10, True)

    def test_watch(self):
        watch = subprocess.Popen([PROGRAM, "cluster", "list", "--watch", "-o", "name", "--state", self.poterne.state],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        self.addCleanup(watch.stdout.close)
        self.poterne.create("seen")
        while (line := watch.stdout.readline()) and line != "seen\n":
            pass
        self.assertEqual(line, "seen\n")


class Contrib(Case):
    """What alerts and panels name is what /metrics has."""

    def names(self):
        self.poterne.create("any")
        self.poterne.run("cert", "list")
        self.ask("GET", "/metrics")
        self.poterne.kubeconfig("bob", name="any")
        text = self.ask("GET", "/metrics")[2].decode()
        self.assertTrue(text.endswith("# EOF\n"))
        return {m for line in text.splitlines() if not line.startswith("#") for m in METRIC.findall(line.split("{")[0])} | {
            # no machine has joined here
            m for line in text.splitlines() if line.startswith("# TYPE") for m in METRIC.findall(line)}

    def test_alerts(self):
        names = self.names()
        rules = [r for g in yaml.safe_load((SOURCE / "contrib/prometheus/alerts.yml").read_text())["groups"] for r in g["rules"]]
        self.assertGreater(len(rules), 5)
        for rule in rules:
            self.assertTrue(rule["annotations"]["summary"] and rule["labels"]["severity"], rule["alert"])
            self.assertTrue(METRIC.findall(rule["expr"]), rule["alert"])
            for name in METRIC.findall(rule["expr"]):
                self.assertIn(name, names, rule["alert"])

    def test_dashboard(self):
        names = self.names()
        board = json.loads((SOURCE / "contrib/grafana/poterne.json").read_text())
        self.assertEqual(len({p["id"] for p in board["panels"]}), len(board["panels"]))
        for panel in board["panels"]:
            for target in panel["targets"]:
                self.assertTrue(METRIC.findall(target["expr"]), panel["title"])
                for name in METRIC.findall(target["expr"]):
                    self.assertIn(name, names, panel["title"])


if __name__ == "__main__":
    main()
