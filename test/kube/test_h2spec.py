#!/usr/bin/env python3
"""h2spec against the server of src/net, with TLS and without: what it finds is a fault, except what is listed here."""
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from rig import programs
from tap import main

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flow"))
from cert_check import Forge  # noqa: E402
from http_server import Server  # noqa: E402

# Without ALPN, what does not begin as HTTP/2 does is HTTP/1.1, and gets its 400.
PLAIN = {("http2/3.5", "Sends invalid connection preface"): "answered as HTTP/1.1"}
CERT = ("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
        "subjectAltName=DNS:localhost,IP:127.0.0.1\n")


class H2spec(unittest.TestCase):
    def check(self, *args, port, excused):
        with tempfile.NamedTemporaryFile(suffix=".xml") as report:
            subprocess.run([programs("h2spec") / "h2spec", "-h", "127.0.0.1", "-p", str(port), "-o", "2", "-j", report.name,
                            *args], stdout=subprocess.DEVNULL, check=False, timeout=600)
            cases = list(ElementTree.parse(report.name).iter("testcase"))
        failed = {(case.get("package"), case.get("classname")) for case in cases
                  if case.find("failure") is not None or case.find("error") is not None}
        self.assertGreater(len(cases), 140)
        self.assertEqual(failed, set(excused))

    def test_all(self):
        with tempfile.TemporaryDirectory(prefix="poterne-h2spec-") as folder:
            cert = Forge(folder).make("x", CERT)
            server = Server("--quiet", certs=[cert])
            try:
                with self.subTest("TLS"):
                    self.check("-t", "-k", port=server.tls, excused={})
                with self.subTest("plain"):
                    self.check(port=server.plain, excused=PLAIN)
            finally:
                server.stop()


if __name__ == "__main__":
    main()
