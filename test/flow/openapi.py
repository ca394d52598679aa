#!/usr/bin/env python3
"""The description of the API before public judges: a validator of OpenAPI, and schemathesis against a running daemon.

They come from PyPI into build/openapi, by CI or by hand; a machine without them, and without a way to them, skips.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from cluster import PROGRAM, SOURCE, Poterne  # noqa: E402
from daemon import PATIENCE, Daemon  # noqa: E402
from tap import main, need  # noqa: E402

PLACE = Path(os.environ.get("POTERNE_OPENAPI", SOURCE / "build" / "openapi"))
PACKAGES = ("openapi-spec-validator==0.7.1", "schemathesis==4.32.5")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def install():
    if (PLACE / "bin" / "schemathesis").exists() or not os.environ.get("CI"):
        return
    subprocess.run([sys.executable, "-m", "venv", PLACE], check=True, capture_output=True)
    subprocess.run([PLACE / "bin" / "pip", "install", "--quiet", *PACKAGES], check=False, capture_output=True, timeout=300)


class Bridge:
    """A TCP port before the unix socket, since the judges know no unix sockets."""

    def __init__(self, path):
        self.path, self.listener = str(path), socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.path)
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=(a, b), daemon=True).start()

    @staticmethod
    def copy(a, b):
        try:
            while part := a.recv(65536):
                b.sendall(part)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Judges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install()
        cls.folder = Path(tempfile.mkdtemp(prefix="poterne-openapi-"))
        cls.folder.chmod(0o755)
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.text = subprocess.run([PROGRAM, "api", "describe"], check=True, capture_output=True, text=True).stdout

    def setUp(self):
        need((PLACE / "bin" / "schemathesis").exists(), f"{' and '.join(PACKAGES)} are not in {PLACE}")

    def test_validator(self):
        path = self.folder / "openapi.json"
        path.write_text(self.text)
        done = subprocess.run([PLACE / "bin" / "openapi-spec-validator", path], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        broken = json.loads(self.text)
        broken["paths"]["/v1/clusters"]["get"]["parameters"][0]["in"] = "nowhere"
        path.write_text(json.dumps(broken))
        self.assertNotEqual(subprocess.run([PLACE / "bin" / "openapi-spec-validator", path], capture_output=True).returncode, 0)

    def test_schemathesis(self):
        daemon = Daemon(self.folder)
        self.addCleanup(daemon.process.wait, PATIENCE)
        self.addCleanup(daemon.process.terminate)
        daemon.ready()
        Poterne(self.folder).create()
        bridge = Bridge(daemon.socket)
        self.addCleanup(bridge.listener.close)
        described = json.loads(self.text)
        for operations in described["paths"].values():
            for operation in operations.values():  # a stream would be waited for to its end
                operation["parameters"] = [p for p in operation["parameters"] if p["name"] != "watch"]
        path = self.folder / "described.json"
        path.write_text(json.dumps(described))
        # TRACE is answered 501, as RFC 9110 9.1 wants of a method that nobody knows: that is no fault
        (self.folder / "schemathesis.toml").write_text(
            '[phases.coverage]\nunexpected-methods = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]\n')
        done = subprocess.run([PLACE / "bin" / "schemathesis", "run", path, "--url", bridge.url, "--checks", CHECKS,
                               "--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--workers", "2", "--seed", "1",
                               "--suppress-health-check", "all", "--request-timeout", "30"],
                              capture_output=True, text=True, timeout=840, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])
        self.assertNotIn("ended", daemon.logged())


if __name__ == "__main__":
    main()
