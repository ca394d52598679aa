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

# nghttp2 keeps no memory of a stream that has ended, so frames that come late are ignored: RFC 9113 section 5.1 allows
# that for a while after RST_STREAM, and asks for an error later, which would cost memory for each stream of the past.
FORGOTTEN = "a closed stream is forgotten; frames of it are ignored"
# RFC 9113 section 5.3.2, RFC 9218 section 2.1: we say SETTINGS_NO_RFC7540_PRIORITIES, and PRIORITY frames are ignored.
# h2spec knows RFC 7540 only.
NO_PRIORITIES = "the priorities of RFC 7540 are switched off"
EXCUSED = {
    ("http2/5.1", "closed: Sends a DATA frame after sending RST_STREAM frame"): FORGOTTEN,
    ("http2/5.1", "closed: Sends a HEADERS frame after sending RST_STREAM frame"): FORGOTTEN,
    ("http2/5.1", "closed: Sends a DATA frame"): FORGOTTEN,
    ("http2/5.1", "closed: Sends a HEADERS frame"): FORGOTTEN,
    ("http2/5.1.1", "Sends stream identifier that is numerically smaller than previous"): FORGOTTEN,
    ("http2/5.3.1", "Sends PRIORITY frame that depend on itself"): NO_PRIORITIES,
    ("http2/6.3", "Sends a PRIORITY frame with 0x0 stream identifier"): NO_PRIORITIES,
}
# Whether the answer, which ends the stream, is out before the frame comes is a matter of microseconds.
SOMETIMES = {
    ("http2/5.1", "half closed (remote): Sends a DATA frame"): FORGOTTEN,
    ("http2/5.1", "half closed (remote): Sends a HEADERS frame"): FORGOTTEN,
    ("http2/6.1", 'Sends a DATA frame on the stream that is not in "open" or "half-closed (local)" state'): FORGOTTEN,
}
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
        self.assertEqual(failed - set(SOMETIMES), set(excused))

    def test_all(self):
        with tempfile.TemporaryDirectory(prefix="poterne-h2spec-") as folder:
            cert = Forge(folder).make("x", CERT)
            server = Server("--quiet", certs=[cert])
            try:
                with self.subTest("TLS"):
                    self.check("-t", "-k", port=server.tls, excused=EXCUSED)
                with self.subTest("plain"):
                    self.check(port=server.plain, excused=EXCUSED | PLAIN)
            finally:
                server.stop()


if __name__ == "__main__":
    main()
