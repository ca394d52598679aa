#!/usr/bin/env python3
"""The server of src/net with real clients, slow ones and hostile ones: HTTP/1.1, HTTP/2, TLS, limits, drain."""
import base64
import concurrent.futures
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from cert_check import CA, CLIENT, Forge  # noqa: E402
from http_server import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, H2, HEADERS, PING,  # noqa: E402
                         RST_STREAM, SETTINGS, Server, connect, exchange, frame, literal, receive_all)
from tap import main, need  # noqa: E402

LEAF = ("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
        "subjectAltName=DNS:localhost,DNS:{0},IP:127.0.0.1\n")
SANITIZED = os.environ.get("POTERNE_SANITIZED")
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def run(*argv, text="", check=True):
    done = subprocess.run([str(arg) for arg in argv], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert not check or done.returncode == 0, f"{argv}: {done.returncode}: {done.stdout}{done.stderr}"
    return done


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="poterne-http-"))
        cls.forge = Forge(cls.folder)
        cls.ca = cls.forge.make("ca", CA)
        cls.forge.make("a", LEAF.format("a.example"), issuer="ca")
        cls.forge.make("b", LEAF.format("b.example"), issuer="ca")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def serve(self, *args, **kwargs):
        server = Server(*args, **kwargs)
        self.addCleanup(server.stop)
        return server

    def serve_tls(self, *args, certs=("a",), **kwargs):
        return self.serve(*args, certs=[self.folder / f"{name}.crt" for name in certs], **kwargs)

    def context(self, client=None):
        context = ssl.create_default_context(cafile=str(self.ca))
        if client:
            context.load_cert_chain(self.folder / f"{client}.crt", self.folder / f"{client}.key")
        return context

    def curl(self, *args, **kwargs):
        return run("curl", "--silent", "--show-error", "--cacert", self.ca, *args, **kwargs)

    def s_client(self, server, *args, text="Q\n", check=True):
        return run("openssl", "s_client", "-connect", f"127.0.0.1:{server.tls}", "-CAfile", self.ca, "-servername",
                   "a.example", *args, text=text, check=check)


class Clients(Case):
    """What programs that people have make of it."""

    def test_curl_keeps_the_connection(self):
        server = self.serve_tls()
        for scheme, port in (("http", server.plain), ("https", server.tls)):
            url = f"{scheme}://localhost:{port}/"
            done = self.curl("--http1.1", "-w", "%{num_connects} %{http_version}\n", url, url, url)
            self.assertEqual(done.stdout, "hello\n1 1.1\n" + "hello\n0 1.1\n" * 2)
        self.assertEqual(server.stats()["accepted"], 2)

    def test_curl_http2(self):
        server = self.serve_tls()
        url = f"https://localhost:{server.tls}/"
        done = self.curl("--http2", "-w", "%{num_connects} %{http_version}\n", url, url)
        self.assertEqual(done.stdout, "hello\n1 2\nhello\n0 2\n")
        done = self.curl("--http2-prior-knowledge", "-w", "%{http_version}", f"http://localhost:{server.plain}/")
        self.assertEqual(done.stdout, "hello\n2")

    def test_curl_bodies(self):
        """Large ones in both directions, and one that is refused before it is read."""
        server = self.serve_tls()
        body = self.folder / "body"
        body.write_bytes(os.urandom(5 << 20))
        for version in ("--http1.1", "--http2"):
            done = subprocess.run(["curl", "-s", "--cacert", self.ca, version, "--data-binary", f"@{body}",
                                   f"https://localhost:{server.tls}/echo"], capture_output=True, check=True)
            self.assertEqual(done.stdout, body.read_bytes())
            done = self.curl(version, "-w", "%{size_download}", "-o", "/dev/null",
                             f"https://localhost:{server.tls}/big/20000000")
            self.assertEqual(done.stdout, "20000000")
        done = self.curl("--http1.1", "-w", "%{http_code}", "-o", "/dev/null", "--data-binary", f"@{body}",
                         f"https://localhost:{server.tls}/", check=False)
        self.assertEqual(done.stdout, "413", done.stderr)
        # curl 7.88 shows no answer that ends before its upload does (RFC 9113 section 8.1)
        need(shutil.which("nghttp"), "nghttp is not installed")
        done = run("nghttp", "--no-verify-peer", "-v", "-d", body, f"https://localhost:{server.tls}/")
        self.assertIn(":status: 413", done.stdout)

    def test_curl_streams(self):
        server = self.serve_tls()
        for version in ("--http1.1", "--http2"):
            done = self.curl(version, "--no-buffer", f"https://localhost:{server.tls}/stream/3")
            self.assertEqual([json.loads(line)["left"] for line in done.stdout.splitlines()], [2, 1, 0])
            done = self.curl(version, f"https://localhost:{server.tls}/broken", check=False)
            self.assertNotEqual(done.returncode, 0)  # curl sees that it is not whole

    def test_unix_socket(self):
        path = self.folder / "s"
        server = self.serve(unix=path)
        peer = json.loads(self.curl("--unix-socket", path, "http://x/peer").stdout)
        self.assertEqual((peer["local"], peer["uid"], peer["address"]), (True, os.getuid(), "unix"))
        self.assertGreater(peer["pid"], 1)
        peer = json.loads(self.curl(f"http://127.0.0.1:{server.plain}/peer").stdout)
        self.assertEqual((peer["local"], peer["address"]), (False, "127.0.0.1"))

    def test_python(self):
        server = self.serve_tls()
        connection = http.client.HTTPSConnection("localhost", server.tls, context=self.context())
        for i in range(3):
            connection.request("POST", "/echo", body=b"x" * i * 100000)
            self.assertEqual(len(connection.getresponse().read()), i * 100000)
        connection.request("GET", "/missing?token=secret")
        self.assertEqual(connection.getresponse().status, 404)
        self.assertEqual(server.wait("missing"), "request 127.0.0.1 GET /missing 404 22 bytes whole")
        connection.close()

    def test_nghttp(self):
        need(shutil.which("nghttp"), "nghttp is not installed")
        server = self.serve_tls()
        done = run("nghttp", "--no-verify-peer", "--stat", "--null-out", "--multiply=50",
                   f"https://localhost:{server.tls}/big/3000")
        self.assertEqual(done.stdout.count(" 200 "), 50, done.stdout)
        self.assertEqual(server.stats()["accepted"], 1)

    def test_inherited_socket(self):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            self.serve(plain=False, inherit=listening.fileno())
        self.assertEqual(self.curl(f"http://127.0.0.1:{port}/").stdout, "hello\n")


class Tls(Case):
    def test_versions(self):
        server = self.serve_tls()
        for version in ("-tls1_3", "-tls1_2"):
            done = self.s_client(server, version, "-verify_return_error")
            self.assertIn("Verify return code: 0 (ok)", done.stdout)
        for version in ("-tls1_1", "-tls1"):
            self.s_client(server, version, "-cipher", "ALL@SECLEVEL=0", check=False)
            self.assertIn("no version of TLS from 1.2 on", server.wait("refused"))

    def test_refused_handshakes(self):
        """Each reason is told in words."""
        server = self.serve_tls()
        for args, reason in (
                (["-tls1_2", "-cipher", "AES128-SHA256"], "no shared cipher"),
                (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], "no shared cipher"),
                (["-tls1_3", "-groups", "P-521"], "no shared key exchange group"),
                (["-alpn", "spdy/3"], "neither h2 nor http/1.1"),
                (["-CAfile", self.folder / "b.crt", "-verify_return_error"], "does not trust our certificate")):
            done = self.s_client(server, *args, check=False)
            self.assertNotEqual(done.returncode, 0, args)
            self.assertIn(reason, server.wait("refused"), args)
        self.assertIn(b"https://", exchange(server.tls, REQUEST))
        self.assertIn("plain HTTP on a TLS port", server.wait("refused"))
        exchange(server.tls, b"\x16\x03\x01\x00\x05hello")
        server.wait("refused 127.0.0.1 handshake")
        exchange(server.tls, b"")
        self.assertIn("broke off", server.wait("refused"))

    def test_no_renegotiation(self):
        server = self.serve_tls()
        done = self.s_client(server, "-tls1_2", "-alpn", "http/1.1", text="R\n", check=False)
        self.assertIn("no renegotiation", done.stderr)

    def session(self, server, version, *args):
        """Whether a second connection resumes the session of the first."""
        file = self.folder / "session"
        request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        self.s_client(server, version, "-sess_out", file, "-ign_eof", *args, text=request)
        return lambda *more: "Reused, " in self.s_client(server, version, "-sess_in", file, "-ign_eof", *more,
                                                         text=request).stdout

    def test_resumption(self):
        server = self.serve_tls()
        for version in ("-tls1_3", "-tls1_2"):
            again = self.session(server, version)
            self.assertTrue(again(), version)
            server.signal(signal.SIGHUP)
            server.wait("reloaded")
            self.assertTrue(again(), f"{version} after a reload")
        self.assertEqual(server.stats()["resumed"], 4)
        other = self.serve_tls()  # has other keys
        server.tls, port = other.tls, server.tls
        self.assertFalse(again())
        server.tls = port

    def test_reconnect(self):
        """openssl's own five resumptions."""
        server = self.serve_tls()
        done = self.s_client(server, "-tls1_2", "-reconnect", text="")
        self.assertEqual(done.stdout.count("Reused, "), 5)

    def test_sni(self):
        server = self.serve_tls(certs=("a", "b"))
        for name, subject in (("a.example", "a"), ("b.example", "b"), ("c.example", "a"), (None, "a")):
            for version in ("-tls1_3", "-tls1_2"):
                names = ["-servername", name] if name else ["-noservername"]
                done = run("openssl", "s_client", "-connect", f"127.0.0.1:{server.tls}", version, *names, text="Q\n")
                self.assertIn(f"subject=CN = {subject}\n", done.stdout, name)

    def test_reload(self):
        """A new certificate is shown from then on, and an old connection goes on."""
        folder = self.folder / "live"
        folder.mkdir()
        for kind in ("crt", "key"):
            shutil.copy(self.folder / f"a.{kind}", folder / f"x.{kind}")
        server = self.serve(certs=[folder / "x.crt"])
        old = http.client.HTTPSConnection("localhost", server.tls, context=self.context())
        old.request("GET", "/")
        old.getresponse().read()
        for kind in ("crt", "key"):
            shutil.copy(self.folder / f"b.{kind}", folder / f"x.{kind}")
        server.signal(signal.SIGHUP)
        server.wait("reloaded")
        self.assertIn("subject=CN = b\n", self.s_client(server).stdout)
        old.request("GET", "/")
        self.assertEqual(old.getresponse().read(), b"hello\n")
        old.close()


class ClientCertificates(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.forge.make("clients", CA)
        cls.forge.make("strangers", CA)
        cls.forge.make("good", CLIENT, issuer="clients")
        cls.forge.make("stranger", CLIENT, issuer="strangers")
        cls.forge.make("server", LEAF.format("x"), issuer="clients")
        cls.forge.make("expired", CLIENT, issuer="clients", days=-1)
        cls.forge.make("own", CLIENT)

    def ask(self, server, client, version=ssl.TLSVersion.TLSv1_3):
        context = self.context(client)
        context.maximum_version = version
        with connect(server.tls) as sock, context.wrap_socket(sock, server_hostname="localhost") as tls:
            tls.sendall(b"GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            data = b""
            while more := tls.recv(65536):
                data += more
            return json.loads(data.split(b"\r\n\r\n", 1)[1])

    def test_good_and_none(self):
        server = self.serve_tls(client_ca=self.folder / "clients.crt")
        der = ssl.PEM_cert_to_DER_cert((self.folder / "good.crt").read_text())
        for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
            self.assertEqual(self.ask(server, "good", version)["cert"], len(der))
            self.assertEqual(self.ask(server, None, version)["cert"], 0)

    def test_bad(self):
        server = self.serve_tls(client_ca=self.folder / "clients.crt")
        for name, reason in (("stranger", "unable to get local issuer"), ("server", "unsuitable certificate purpose"),
                             ("expired", "has expired"), ("own", "self-signed")):
            for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
                with self.assertRaises((ssl.SSLError, ConnectionError), msg=name):
                    self.ask(server, name, version)
                self.assertIn(reason, server.wait("refused"), name)

    def test_authorities(self):
        """Clients are told which ones; without any, no certificate is asked for."""
        server = self.serve_tls(client_ca=self.folder / "clients.crt")
        self.assertIn("CN = clients", self.s_client(server).stdout.split("Acceptable client certificate CA names")[1])
        server = self.serve_tls()
        self.assertIn("No client certificate CA names sent", self.s_client(server).stdout)
        self.assertEqual(self.ask(server, "good")["cert"], 0)

    def test_no_resumption_under_other_authorities(self):
        """A session that began with a certificate does not outlive the authority's removal."""
        file, ca = self.folder / "session", self.folder / "live.crt"
        shutil.copy(self.folder / "clients.crt", ca)
        server = self.serve_tls(client_ca=ca)
        cert = ["-cert", self.folder / "good.crt", "-key", self.folder / "good.key"]
        request = "GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        self.s_client(server, *cert, "-sess_out", file, "-ign_eof", text=request)
        done = self.s_client(server, "-sess_in", file, "-ign_eof", text=request)
        self.assertIn("Reused, ", done.stdout)
        self.assertNotIn('"cert":0', done.stdout)  # the session brings it along
        shutil.copy(self.folder / "strangers.crt", ca)
        server.signal(signal.SIGHUP)
        server.wait("reloaded")
        done = self.s_client(server, "-sess_in", file, "-ign_eof", text=request)
        self.assertIn("New, ", done.stdout)
        self.assertIn('"cert":0', done.stdout)


class Slow(Case):
    """Whoever is slow is gone in time, and others do not wait for it."""

    LIMITS = {"handshake": 800, "head": 800, "idle": 800, "write": 800, "body_grace": 800, "linger": 300}

    def test_many_slow_ones(self):
        """200 that drip their head, 100 that never end their handshake: 20 requests of others pass meanwhile."""
        server = self.serve_tls(limits=self.LIMITS)
        before = server.rss()
        drips = [connect(server.plain) for _ in range(200)]
        hellos = [connect(server.tls) for _ in range(100)]
        for sock in hellos:
            sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        for sock in drips:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nA: b")
        began = time.monotonic()
        open_ones, slowest = list(drips), 0
        while open_ones and time.monotonic() - began < 20:
            for sock in list(open_ones):
                try:
                    sock.send(b"c")
                except OSError:
                    open_ones.remove(sock)
            asked = time.monotonic()
            self.assertEqual(self.curl(f"http://127.0.0.1:{server.plain}/").stdout, "hello\n")
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(0.1)
        self.assertFalse(open_ones)
        self.assertLess(time.monotonic() - began, 10)
        self.assertLess(slowest, 2)
        for sock in hellos:
            self.assertEqual(receive_all(sock), b"")
        for sock in drips + hellos:
            sock.close()
        stats = server.stats()
        self.assertEqual((stats["timeout-head"], stats["timeout-handshake"]), (200, 100))
        if not SANITIZED:
            self.assertLess(server.rss() - before, 30 << 20)

    def test_slow_body(self):
        server = self.serve(limits={**self.LIMITS, "body_rate": 1000})
        with connect(server.plain) as sock:
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
            for _ in range(100):
                try:
                    sock.sendall(b"x")
                except OSError:
                    break
                time.sleep(0.05)
            self.assertIn(b" 408 ", receive_all(sock))
        self.assertIn("body came too slowly", server.wait("refused"))

    def test_reader_that_does_not_read(self):
        """Of an endless answer the server makes no more than the client takes, HTTP/2 with no window included."""
        server = self.serve(limits=self.LIMITS)
        before = server.rss()
        with connect(server.plain) as sock:
            sock.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn("write", server.wait("refused"))
        for path in (b"/endless", b"/big/20000000"):
            h2 = H2(server.plain)
            h2.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x82\x86" + literal(b":path", path)
                          + literal(b":authority", b"x")))
            self.assertIn("write", server.wait("refused"))
            h2.close()
        if not SANITIZED:
            self.assertLess(server.rss() - before, 40 << 20)

    def test_idle(self):
        """Both versions are closed after a while, HTTP/2 with a GOAWAY, also when it pings on and on."""
        server = self.serve(limits=self.LIMITS)
        with connect(server.plain) as sock:
            sock.sendall(REQUEST)
            began = time.monotonic()
            self.assertIn(b"hello", receive_all(sock))
            self.assertLess(time.monotonic() - began, 3)
        h2 = H2(server.plain)
        h2.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, GET))
        try:
            for _ in range(60):
                h2.send(frame(PING, 0, 0, b"12345678"))
                time.sleep(0.05)
        except OSError:
            pass
        kinds = [kind for kind, *_ in h2.frames()]
        self.assertIn(GOAWAY, kinds)
        h2.close()
        stats = server.stats()
        self.assertEqual(stats["timeout-idle"], 2)


class Limits(Case):
    def test_per_address(self):
        server = self.serve(limits={"per_address": 50})
        socks = [connect(server.plain) for _ in range(120)]
        self.assertEqual(self.curl(f"http://127.0.0.1:{server.plain}/").stdout, "hello\n")
        stats = server.stats()
        self.assertLessEqual(stats["open"], 51)
        self.assertEqual(stats["evicted"] + stats["refused-address"], 121 - 50)
        for sock in socks:
            sock.close()

    def test_no_descriptors(self):
        """It serves on when they run out, and does not spin."""
        server = self.serve(threads=1, descriptors=40)
        socks = [connect(server.plain) for _ in range(100)]
        server.wait("descriptors")
        began = server.cpu()
        time.sleep(1)
        self.assertLess(server.cpu() - began, 0.5)
        self.assertEqual(self.curl(f"http://127.0.0.1:{server.plain}/").stdout, "hello\n")
        for sock in socks:
            sock.close()

    def test_memory_of_idle_connections(self):
        """What a quiet connection costs: plain, TLS, and HTTP/2 over TLS, each after one request."""
        if SANITIZED:
            self.skipTest("a sanitizer's memory says nothing")
        most = {"plain": 4 << 10, "tls": 24 << 10, "h2": 48 << 10}
        for kind, limit in most.items():
            server = self.serve_tls(threads=1)
            context = self.context()
            context.set_alpn_protocols(["h2"] if kind == "h2" else ["http/1.1"])
            socks, before = [], 0
            for i in range(600):
                if i == 100:  # what is allocated once is there
                    before = server.rss()
                sock = connect(server.plain if kind == "plain" else server.tls)
                if kind != "plain":
                    sock = context.wrap_socket(sock, server_hostname="localhost")
                sock.sendall(REQUEST if kind != "h2" else b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS)
                             + frame(SETTINGS, ACK) + frame(HEADERS, END_HEADERS | END_STREAM, 1, GET))
                data = b""
                while b"hello\n" not in data:
                    data += sock.recv(65536)
                socks.append(sock)
            each = (server.rss() - before) // 500
            print(f"memory of an idle connection: {kind} {each} bytes")
            self.assertLess(each, limit, kind)
            for sock in socks:
                sock.close()


class Hostile(Case):
    # label, bytes; each is refused with a 400, 431, 501 or 505 and the end of the connection
    SMUGGLING = (
        ("both lengths", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("two lengths", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nGET /"),
        ("a list of lengths", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nGET /"),
        ("a signed length", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nGET /"),
        ("a hexadecimal length", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nGET /"),
        ("a length that overflows", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551621\r\n\r\nGET /"),
        ("white space before the colon", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nGET /"),
        ("chunked twice", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        ("chunked not last", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("almost chunked", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("chunked with a tab inside", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n"),
        ("chunked in HTTP/1.0", b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a folded line", b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"),
        ("line feeds alone", b"GET / HTTP/1.1\nHost: x\n\n"),
        ("a carriage return inside", b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n"),
        ("a NUL", b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"),
        ("no Host", b"GET / HTTP/1.1\r\n\r\n"),
        ("two Hosts", b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
        ("a space before the first field", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n"),
        ("two spaces in the request line", b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("no version", b"GET /\r\nHost: x\r\n\r\n"),
        ("HTTP/2.0 by name", b"GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
        ("a method of others", b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("a chunk's size with a sign", b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n"),
        ("a chunk's size that overflows", b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                          b"10000000000000001\r\nx\r\n0\r\n\r\n"),
        ("a chunk that ends early", b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n"),
        ("a chunk ended by a line feed", b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n"),
        ("a long target", b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("a long field", b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 70000 + b"\r\n\r\n"),
        ("many fields", b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 5000 + b"\r\n"),
        ("an endless name", b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a" * 200000),
    )

    def test_smuggling(self):
        """Nothing behind such a request is answered as a second one."""
        server = self.serve()
        for label, data in self.SMUGGLING:
            with self.subTest(label):
                answer = exchange(server.plain, data + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
                status = int(answer.split(b" ", 2)[1])
                self.assertIn(status, (400, 413, 414, 431, 501, 505), answer[:200])
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)
                server.wait("refused 127.0.0.1 protocol")

    def h2_survives(self, server, h2):
        """The attacker is cut off, and others are served."""
        frames = h2.frames()
        self.assertIn(GOAWAY, [kind for kind, *_ in frames])
        h2.close()
        self.assertEqual(self.curl("--http2-prior-knowledge", f"http://127.0.0.1:{server.plain}/").stdout, "hello\n")
        return frames

    def flood(self, h2, frames, times):
        try:
            for _ in range(times):
                h2.send(*frames())
        except OSError:
            pass

    def test_rapid_reset(self):
        """CVE-2023-44487: streams that are begun and given up at once."""
        server = self.serve(threads=1)
        before, h2, stream = server.rss(), H2(server.plain), iter(range(1, 1 << 30, 2))

        def some():
            for _, number in zip(range(50), stream):
                yield frame(HEADERS, END_HEADERS | END_STREAM, number, GET) + frame(RST_STREAM, 0, number, b"\0\0\0\x08")
        self.flood(h2, some, 2000)
        self.h2_survives(server, h2)
        self.assertLess(server.stats()["2xx"], 20000)
        if not SANITIZED:
            self.assertLess(server.rss() - before, 20 << 20)

    def test_continuation_flood(self):
        """CVE-2024-28182: a head that never ends."""
        server = self.serve(threads=1)
        before, h2 = server.rss(), H2(server.plain)
        h2.send(frame(HEADERS, END_STREAM, 1, GET))
        block = literal(b"a", b"b" * 100) * 100
        self.flood(h2, lambda: [frame(CONTINUATION, 0, 1, block)], 1000)
        self.h2_survives(server, h2)
        if not SANITIZED:
            self.assertLess(server.rss() - before, 20 << 20)

    def test_hpack_bomb(self):
        """A field of 4,000 bytes in the table, named by one byte 16,000 times."""
        server = self.serve(threads=1)
        before, h2 = server.rss(), H2(server.plain)
        h2.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, GET + literal(b"a", b"b" * 4000, True) + b"\xbe" * 12000))
        frames = h2.frames()
        statuses = [payload for kind, _, stream, payload in frames if kind == HEADERS and stream == 1]
        self.assertTrue(not statuses or b"\x88" != statuses[0][:1], "answered 200")
        h2.close()
        self.assertEqual(self.curl("--http2-prior-knowledge", f"http://127.0.0.1:{server.plain}/").stdout, "hello\n")
        if not SANITIZED:
            self.assertLess(server.rss() - before, 10 << 20)

    def test_control_floods(self):
        """SETTINGS and PING that are never read the answers of, empty DATA: CVE-2019-9512, 9515, 9518."""
        for label, frames in (("ping", frame(PING, 0, 0, b"12345678") * 100),
                              ("settings", frame(SETTINGS) * 100),
                              ("empty data", frame(DATA, 0, 1) * 100)):
            with self.subTest(label):
                server = self.serve(threads=1, limits={"write": 800})
                before, h2 = server.rss(), H2(server.plain)
                if label == "empty data":
                    h2.send(frame(HEADERS, END_HEADERS, 1, GET.replace(b"\x82", b"\x83", 1)))
                h2.sock.settimeout(3)
                self.flood(h2, lambda data=frames: [data], 3000)
                if not SANITIZED:
                    self.assertLess(server.rss() - before, 20 << 20)
                h2.close()
                self.assertEqual(self.curl(f"http://127.0.0.1:{server.plain}/").stdout, "hello\n")

    def test_corpus(self):
        """Every input of llhttp's tests that it rejects is refused over a socket, too."""
        folder = Path(os.environ.get("POTERNE_CORPORA") or Path(__file__).resolve().parents[3] / "shared" / "corpora")
        if not folder.is_dir():
            self.skipTest(f"no corpora in {folder}")
        server, count = self.serve("--quiet"), 0
        for line in (folder / "http1/llhttp.jsonl").read_text().splitlines():
            case = json.loads(line)
            if case["type"] != "request" or case["outcome"] != "reject":
                continue
            with self.subTest(f"{case['file']}: {case['name']}"):
                answer = exchange(server.plain, base64.b64decode(case["input_b64"]))
                count += 1
                # nothing for one that ends in the middle; behind one that said close, nothing is answered
                statuses = [int(text) for text in re.findall(rb"HTTP/1.1 (\d{3}) ", answer)]
                closed = len(statuses) == 1 and b"connection: close" in answer and "close" in case["name"]
                self.assertTrue(not statuses or statuses[-1] in (400, 431, 501, 505) or closed, answer)
        self.assertGreater(count, 50)


class Drain(Case):
    def test_requests_end(self):
        """Streams end whole, idle connections close, new ones are refused, HTTP/2 gets its GOAWAY."""
        server = self.serve_tls()
        streaming = subprocess.Popen(["curl", "-s", "--no-buffer", f"http://127.0.0.1:{server.plain}/stream/1000000"],
                                     stdout=subprocess.PIPE)
        self.assertTrue(streaming.stdout.readline())
        idle = http.client.HTTPConnection("127.0.0.1", server.plain)
        idle.request("GET", "/")
        idle.getresponse().read()
        h2 = H2(server.plain)
        h2.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, GET))
        server.wait("GET / 200")
        time.sleep(0.2)
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        self.assertIn(GOAWAY, [kind for kind, *_ in h2.frames()])
        h2.close()
        self.assertEqual(idle.sock.recv(1), b"")
        idle.close()
        streaming.stdout.read()
        streaming.stdout.close()
        self.assertEqual(streaming.wait(timeout=10), 0)  # curl saw the end of the answer
        self.assertEqual(server.wait("drained"), "drained 0")
        self.assertLess(time.monotonic() - began, 4)
        with self.assertRaises(ConnectionRefusedError):
            connect(server.plain)

    def test_no_request_fails(self):
        """Under load: every request that was sent is answered."""
        server = self.serve(threads=2)
        results = []

        def ask():
            connection = http.client.HTTPConnection("127.0.0.1", server.plain, timeout=10)
            while True:
                try:
                    connection.request("GET", "/")
                except ConnectionRefusedError:
                    return
                except (BrokenPipeError, ConnectionResetError):
                    connection.close()
                    continue
                try:
                    answer = connection.getresponse()
                    results.append(answer.status == 200 and answer.read() == b"hello\n")
                except (http.client.RemoteDisconnected, ConnectionResetError):
                    connection.close()  # an idle connection that was closed: every client tries again
                    continue
                if answer.getheader("Connection") == "close":
                    connection.close()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(ask) for _ in range(8)]
            time.sleep(0.5)
            server.signal(signal.SIGTERM)
            for job in jobs:
                job.result()
        self.assertGreater(len(results), 100)
        self.assertTrue(all(results))
        self.assertEqual(server.wait("drained"), "drained 0")

    def test_deadline(self):
        server = self.serve("--drain", "300")
        with connect(server.plain) as sock:
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
            time.sleep(0.2)
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait("drained"), "drained 1")


if __name__ == "__main__":
    main()
