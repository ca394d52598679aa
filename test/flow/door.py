#!/usr/bin/env python3
"""The way of a command's requests, against a server that is not ours: Python's, over TLS and over a unix socket."""
import gzip
import http.server
import json
import os
import shutil
import socketserver
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from cluster import PROGRAM, Poterne  # noqa: E402
from tap import main  # noqa: E402

NOT_FOUND, CONFLICT, REFUSED, UNREACHABLE, USAGE = 3, 4, 5, 8, 2
LIST = {"apiVersion": "poterne/v1", "kind": "ClusterList",
        "items": [{"name": "far", "endpoint": "10.0.0.9:6443", "machines": [], "key_type": "p256",
                   "created": "2026-11-23T02:46:10Z"}]}


def openssl(*args, **options):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, **options)


class Authority:
    """A root and what it signs, by openssl."""

    def __init__(self, folder, name):
        self.key, self.cert = folder / f"{name}.key", folder / f"{name}.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.cert)

    def sign(self, csr, out, extensions, days="1"):
        config = out.with_suffix(".ext")
        config.write_text(extensions + "\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
        openssl("x509", "-req", "-in", csr, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                "-extfile", config, "-out", out)

    def leaf(self, path, extensions):
        csr, key = path.with_suffix(".csr"), path.with_suffix(".key")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=leaf",
                "-keyout", key, "-out", csr)
        self.sign(csr, path, extensions)
        return key

    def pin(self):
        public = subprocess.run(["openssl", "x509", "-in", self.cert, "-noout", "-pubkey"], check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public.stdout, check=True,
                             capture_output=True).stdout
        digest = subprocess.run(["openssl", "dgst", "-sha256", "-r"], input=der, check=True, capture_output=True)
        return "sha256:" + digest.stdout.split()[0].decode()


class Peer:
    """A server of canned answers, which remembers what it was asked."""

    def __init__(self, address, context=None):
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                subject = self.connection.getpeercert() if context else None
                peer.asked.append((self.command, self.path, dict(self.headers), body, subject))
                status, kind, answer = peer.answers.get(self.path.split("?")[0], lambda _: (404, "text/html", b"no"))(body)
                if "gzip" in self.headers.get("Accept-Encoding", "") and len(answer) > 64:
                    answer, packed = gzip.compress(answer), True
                else:
                    packed = False
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer)))
                if packed:
                    self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                self.wfile.write(answer)

            do_POST = do_DELETE = do_GET

        class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
            daemon_threads, allow_reuse_address = True, True
            address_family = 1 if isinstance(address, str) else 2

            def handle_error(self, *_):
                pass

            def get_request(self):
                connection, where = self.socket.accept()
                if context:
                    connection.settimeout(10)
                    connection = context.wrap_socket(connection, server_side=True)
                return connection, where or ("", 0)

        self.asked = []
        self.answers = {"/v1/clusters": lambda _: (200, "application/json", json.dumps(LIST).encode())}
        self.server = Server(address, Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        if not isinstance(address, str):
            self.url = f"https://localhost:{self.server.server_address[1]}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="poterne-door-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.config = self.folder / "config" / "config.yaml"
        self.env = {k: v for k, v in os.environ.items() if k != "POTERNE_STATE"}
        self.env.update(POTERNE_CONFIG=str(self.config), HOME=str(self.folder), XDG_STATE_HOME=str(self.folder / "xdg"))

    def run_it(self, *args, code=0, faketime=None, **options):
        argv = [PROGRAM, *map(str, args)]
        if faketime:
            argv = ["faketime", "-f", faketime, *argv]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=self.env, **options)
        self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        return done


class UnixSocket(Case):
    def setUp(self):
        super().setUp()
        self.poterne = Poterne(self.folder)
        self.poterne.create()
        self.socket = self.folder / "socket"
        self.file = self.poterne.state / "daemon.json"
        self.file.write_text(json.dumps({"socket": str(self.socket)}))
        self.file.chmod(0o600)

    def names(self):
        return [c["name"] for c in json.loads(self.poterne.run("cluster", "list", "-o", "json").stdout)["items"]]

    def test_daemon_is_asked(self):
        peer = Peer(str(self.socket))
        self.addCleanup(peer.stop)
        self.assertEqual(self.names(), ["far"])
        self.assertEqual(peer.asked[0][:2], ("GET", "/v1/clusters"))
        peer.answers["/v1/clusters"] = lambda _: (409, "application/problem+json", b'{"code":"conflict","detail":"is there"}')
        done = self.poterne.run("cluster", "create", "x", "--endpoint", "a:1", "--control-plane", "a=10.0.0.1", check=False)
        self.assertEqual((done.returncode, done.stderr), (CONFLICT, "poterne: is there\n"))
        method, _, headers, body, _ = peer.asked[-1]
        self.assertEqual((method, headers["Content-Type"]), ("POST", "application/json"))
        self.assertEqual(json.loads(body)["name"], "x")

    def test_body_with_key_file_stays_here(self):
        """A backup reads the root key's file, which no daemon does."""
        peer = Peer(str(self.socket))
        self.addCleanup(peer.stop)
        phrase = self.folder / "phrase"
        phrase.write_text("correct horse battery staple\n")
        self.poterne.run("state", "backup", self.folder / "backup", "--passphrase-file", phrase)
        self.assertEqual(peer.asked, [])

    def test_left_behind(self):
        """The file of a daemon that was killed says nothing."""
        self.assertEqual(self.names(), ["demo"])
        dead = Peer(str(self.socket))
        dead.stop()
        self.assertEqual(self.names(), ["demo"])
        for text in ("", "{}", "[]", '{"socket":7}', "no json"):
            self.file.write_text(text)
            self.assertEqual(self.names(), ["demo"])

    def test_watch(self):
        """What breaks off is taken up where it stopped."""
        lines = iter([b'{"type":"ADDED","sequence":0,"object":{"name":"one"}}\n{"type":"BOOKMARK","sequence":7}\n',
                      b'{"type":"DELETED","sequence":9,"object":{"uid":"u1"}}\n{"type":"ADD',
                      b'{"type":"ADDED","sequence":12,"object":{"name":"two"}}\n'])
        peer = Peer(str(self.socket))
        self.addCleanup(peer.stop)
        gone = (403, "application/problem+json", b'{"code":"refused","detail":"no more"}')
        peer.answers["/v1/clusters"] = lambda _: (lambda part: (200, "application/x-ndjson", part) if part else gone)(
            next(lines, None))
        done = self.poterne.run("cluster", "list", "--watch", "-o", "name", check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (REFUSED, "one\ndeleted u1\ntwo\n", "poterne: no more\n"))
        self.assertEqual([a[1] for a in peer.asked], ["/v1/clusters?watch=1", *(
            f"/v1/clusters?watch=1&since={n}" for n in (7, 9, 12))])

    def test_watch_in_process(self):
        self.file.unlink()
        watch = subprocess.Popen([PROGRAM, "cluster", "list", "-w", "-o", "json", "--state", self.poterne.state],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        self.addCleanup(watch.stdout.close)
        self.assertEqual(json.loads(watch.stdout.readline())["object"]["name"], "demo")
        self.poterne.create("second")
        event = json.loads(watch.stdout.readline())
        self.assertEqual((event["type"], event["object"]["name"]), ("ADDED", "second"))

    def test_no_poterne(self):
        peer = Peer(str(self.socket))
        self.addCleanup(peer.stop)
        done = self.poterne.run("profile", "list", check=False)
        self.assertEqual(done.returncode, UNREACHABLE)
        self.assertIn("is there a proxy between", done.stderr)


class TlsCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.keys = Path(tempfile.mkdtemp(prefix="poterne-door-keys-"))
        cls.ca, cls.other = Authority(cls.keys, "ca"), Authority(cls.keys, "other")
        leaf = cls.keys / "server.pem"
        key = cls.ca.leaf(leaf, "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth")
        chain = cls.keys / "chain.pem"
        chain.write_text(leaf.read_text() + cls.ca.cert.read_text())
        cls.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cls.context.load_cert_chain(chain, key)
        cls.context.load_verify_locations(cls.ca.cert)
        cls.context.verify_mode = ssl.CERT_OPTIONAL

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.keys)

    def setUp(self):
        super().setUp()
        self.peer = Peer(("127.0.0.1", 0), self.context)
        self.addCleanup(self.peer.stop)

    def add(self, name, ca, *args, server=None):
        return self.run_it("context", "add", name, "--server", server or self.peer.url, "--ca", ca, *args)


class Tls(TlsCase):
    def test_by_bundle_and_by_pin(self):
        self.add("bundle", self.ca.cert)
        self.add("pin", self.ca.pin())
        for name in ("bundle", "pin"):
            done = self.run_it("cluster", "list", "--context", name)
            self.assertIn("far", done.stdout)
        self.assertEqual(len(self.peer.asked), 2)

    def test_another_server(self):
        """Neither another authority nor another name is believed, and nothing is sent."""
        wrong = self.ca.pin()[:-1] + ("0" if self.ca.pin()[-1] != "0" else "1")
        address = self.peer.url.replace("localhost", "127.0.0.1")
        for name, ca, server in (("a", self.other.cert, None), ("b", self.other.pin(), None), ("c", wrong, None),
                                 ("d", self.ca.cert, address), ("e", self.ca.pin(), address)):
            self.add(name, ca, server=server)
            done = self.run_it("cluster", "list", "--context", name, code=REFUSED)
            self.assertIn("nothing was sent", done.stderr)
        self.assertEqual(self.peer.asked, [])

    def test_nobody_there(self):
        self.add("gone", self.ca.cert)
        self.peer.stop()
        done = self.run_it("cluster", "list", "--context", "gone", code=UNREACHABLE)
        self.assertIn("is 'poterne serve' running there?", done.stderr)

    def test_which_way(self):
        self.add("far", self.ca.cert)
        self.assertEqual(self.run_it("cluster", "list").stderr, "no clusters\n")
        self.run_it("context", "use", "far")
        self.assertIn("far", self.run_it("cluster", "list").stdout)
        self.assertIn("far", self.run_it("cluster", "list", "--server", self.peer.url).stdout)
        self.assertEqual(self.run_it("cluster", "list", "--context", "local").stderr, "no clusters\n")
        self.assertEqual(self.run_it("cluster", "list", "--state", self.folder / "none").stderr, "no clusters\n")
        self.run_it("cluster", "list", "--server", "https://nobody:1", code=NOT_FOUND)
        self.run_it("cluster", "list", "--context", "nobody", code=NOT_FOUND)
        self.run_it("cluster", "list", "--context", "far", "--server", self.peer.url, code=USAGE)
        self.run_it("context", "use", "local")
        self.assertEqual(self.run_it("cluster", "list").stderr, "no clusters\n")

    def test_client_certificate(self):
        cert = self.folder / "me.pem"
        key = self.ca.leaf(cert, "subjectAltName=URI:poterne://x/operator/y\nextendedKeyUsage=clientAuth")
        self.add("me", self.ca.cert, "--certificate", cert, "--key", key)
        self.run_it("cluster", "list", "--context", "me")
        self.assertIn(("URI", "poterne://x/operator/y"), self.peer.asked[-1][4]["subjectAltName"])

    def test_contexts(self):
        self.add("one", self.ca.cert)
        self.assertEqual(stat.S_IMODE(self.config.stat().st_mode), 0o600)
        rows = json.loads(self.run_it("context", "list", "-o", "json").stdout)["items"]
        self.assertEqual([r["name"] for r in rows], ["local", "one"])
        self.run_it("context", "add", "one", "--server", self.peer.url, "--ca", self.ca.cert, code=CONFLICT)
        for bad in (["x y"], ["local"], [".."], ["a" * 64]):
            self.run_it("context", "add", *bad, "--server", self.peer.url, "--ca", self.ca.cert, code=USAGE)
        for url in ("http://localhost:1", "https://", "https://a/b", "https://u@a", "ftp://a"):
            self.run_it("context", "add", "two", "--server", url, "--ca", self.ca.cert, code=USAGE)
        for ca in ("sha256:12", "sha256:" + "g" * 64):
            self.run_it("context", "add", "two", "--server", self.peer.url, "--ca", ca, code=USAGE)
        self.run_it("context", "remove", "one")
        self.run_it("context", "remove", "one", code=NOT_FOUND)
        self.config.write_text("contexts: 7\nother: 1\n")
        self.run_it("context", "list", code=USAGE)


class Login(TlsCase):
    EXTENSIONS = "subjectAltName=URI:poterne://inst/operator/uid\nextendedKeyUsage=clientAuth"

    def setUp(self):
        super().setUp()
        self.peer.answers["/v1/login"] = self.peer.answers["/v1/login/renewal"] = self.redeem
        self.code = self.folder / "code"
        self.code.write_text("secret-code\n")
        self.other_key = False

    def redeem(self, body):
        request = json.loads(body)
        csr, out = self.folder / "sent.csr", self.folder / "signed.pem"
        csr.write_text(request["csr"])
        if self.other_key:
            self.ca.leaf(out, self.EXTENSIONS)
        else:
            self.ca.sign(csr, out, self.EXTENSIONS)
        return 201, "application/json", json.dumps({
            "apiVersion": "poterne/v1", "kind": "Login", "certificate": out.read_text(), "ca": self.ca.cert.read_text(),
            "operator": "anna", "expires": "2030-01-01T00:00:00Z"}).encode()

    def login(self, *args, **options):
        return self.run_it("login", "--server", self.peer.url, "--ca-hash", self.ca.pin(), "--code-file", self.code, *args,
                           **options)

    def test_login(self):
        done = self.login("-o", "json")
        self.assertEqual(json.loads(done.stdout)["operator"], "anna")
        self.assertEqual(json.loads(self.peer.asked[0][3])["code"], "secret-code")
        self.assertNotIn("secret-code", done.stdout + done.stderr)
        pair = self.config.parent / "localhost" / "client.pem"
        self.assertEqual(stat.S_IMODE(pair.stat().st_mode), 0o600)
        self.assertNotIn("KEY", self.peer.asked[0][3].decode())
        self.run_it("cluster", "list")  # it is the current context now
        self.assertIn(("URI", "poterne://inst/operator/uid"), self.peer.asked[-1][4]["subjectAltName"])
        shown = self.run_it("context", "show").stdout
        self.assertIn("poterne://inst/operator/uid", shown)
        self.run_it("context", "remove", "localhost")
        self.assertFalse(pair.exists())

    def test_by_stdin(self):
        self.run_it("login", "--server", self.peer.url, "--ca", self.ca.cert, "--name", "x", input="from-stdin\r\n")
        self.assertEqual(json.loads(self.peer.asked[0][3])["code"], "from-stdin")

    def test_refused(self):
        self.run_it("login", "--server", self.peer.url, "--code-file", self.code, code=USAGE)  # nothing proves the server
        self.run_it("login", "--server", self.peer.url, "--ca-hash", self.other.pin(), "--code-file", self.code, code=REFUSED)
        self.run_it("login", "--server", self.peer.url, "--ca", self.other.cert, "--code-file", self.code, code=REFUSED)
        self.assertEqual(self.peer.asked, [], "the code was sent to somebody")
        self.other_key = True
        self.login(code=REFUSED)
        self.peer.answers["/v1/login"] = lambda _: (403, "application/problem+json", b'{"code":"refused","detail":"used"}')
        self.assertEqual(self.login(code=REFUSED).stderr, "poterne: used\n")
        self.assertFalse(self.config.exists())

    def test_renewal(self):
        self.login()
        pair = self.config.parent / "localhost" / "client.pem"
        before = pair.read_text()
        self.run_it("cluster", "list", faketime="+11h")
        self.assertEqual(pair.read_text(), before, "more than half is left")
        self.run_it("cluster", "list", faketime="+13h")
        self.assertNotEqual(pair.read_text(), before)
        self.assertIn("/v1/login/renewal", [a[1] for a in self.peer.asked])
        self.assertNotIn("code", json.loads([a for a in self.peer.asked if a[1].endswith("renewal")][0][3]))

        before = pair.read_text()
        self.peer.answers["/v1/login/renewal"] = lambda _: (403, "application/problem+json", b'{"code":"refused","detail":"no"}')
        done = self.run_it("cluster", "list", faketime="+13h")
        self.assertIn("could not be renewed: no", done.stderr)
        self.assertEqual(pair.read_text(), before)
        done = self.run_it("cluster", "list", faketime="+25h", code=REFUSED)
        self.assertIn("poterne login", done.stderr)
        self.run_it("context", "list", faketime="+25h")


if __name__ == "__main__":
    main()
