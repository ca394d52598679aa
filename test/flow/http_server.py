"""test/tools/http_server.c as a process, and raw HTTP/2 frames to throw at it."""
import json
import os
import queue
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

PROGRAM = os.environ.get("POTERNE_HTTP_SERVER", "build/test/http_server")
PATIENCE = 20 if os.environ.get("POTERNE_SANITIZED") else 8


class Server:
    """Listens on free ports; `plain`, `tls`: their numbers. lines(): what it printed since the last call."""

    def __init__(self, *args, plain=True, unix=None, certs=(), client_ca=None, threads=2, limits=None, descriptors=None,
                 inherit=None):
        argv = [PROGRAM, "--threads", str(threads), *args]
        argv += ["--plain", "127.0.0.1:0"] if plain else []
        argv += ["--plain", f"unix:{unix}"] if unix else []
        argv += ["--inherit", str(inherit)] if inherit is not None else []
        for cert in certs:
            argv += ["--cert", f"{cert}", "--key", f"{cert}".replace(".crt", ".key")]
        argv += ["--tls", "127.0.0.1:0"] if certs else []
        argv += ["--client-ca", f"{client_ca}"] if client_ca else []
        for name, value in (limits or {}).items():
            argv += ["--limit", f"{name.replace('_', '-')}={value}"]
        if descriptors:
            argv = ["prlimit", f"--nofile={descriptors}", *argv]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True,
                                        pass_fds=() if inherit is None else (inherit,))
        self.said = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        ports = []
        while (line := self.said.get(timeout=PATIENCE)) != "ready":
            assert line, "the server ended"
            if "127.0.0.1:" in line:
                ports.append(int(line.rsplit(":", 1)[1]))
        self.plain = ports.pop(0) if plain else None
        self.tls = ports.pop(0) if certs else None

    def _read(self):
        for line in self.process.stdout:
            self.said.put(line.rstrip("\n"))
        self.said.put("")

    def wait(self, part, patience=PATIENCE):
        """The next line that holds `part`."""
        end = time.monotonic() + patience
        seen = []
        while True:
            try:
                line = self.said.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no '{part}' among {seen}") from None
            if part in line:
                return line
            seen.append(line)
            assert line, f"no '{part}' among {seen}, and the server ended"

    def signal(self, number):
        self.process.send_signal(number)

    def stats(self):
        self.signal(signal.SIGUSR1)
        text = self.wait('{"accepted"')
        while not text.endswith("}"):
            text += self.said.get(timeout=PATIENCE)
        return json.loads(text)

    def stop(self):
        """Drains; returns how many connections had to be broken off. Fails when the process does."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        code = self.process.wait(timeout=PATIENCE + 10)
        self.process.stdout.close()
        assert code == 0, f"exit {code}"

    def rss(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) * 1024

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connect(port, patience=PATIENCE):
    return socket.create_connection(("127.0.0.1", port), timeout=patience)


def receive_all(sock):
    """Until the other side closes; a reset is an end, too."""
    data = b""
    try:
        while more := sock.recv(65536):
            data += more
    except (ConnectionResetError, ssl.SSLError):
        pass
    return data


def exchange(port, data):
    """What comes back for these bytes until the server closes."""
    with connect(port) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return receive_all(sock)


# ---- HTTP/2 ----

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value, index=False):
    """HPACK: a literal without Huffman, indexed or not; a length below 16511."""
    def text(data):
        if len(data) < 127:
            return bytes([len(data)]) + data
        rest = len(data) - 127
        return b"\x7f" + (bytes([rest]) if rest < 128 else bytes([rest & 127 | 128, rest >> 7])) + data
    return (b"\x40" if index else b"\x00") + text(name) + text(value)


GET = b"\x82\x86\x84" + literal(b":authority", b"x")  # GET, http, /


class H2:
    """One raw connection, without flow control of its own."""

    def __init__(self, port, settings=b""):
        self.sock = connect(port)
        self.sock.sendall(PREFACE + frame(SETTINGS, 0, 0, settings))
        self.data = b""

    def send(self, *frames):
        self.sock.sendall(b"".join(frames))

    def frames(self):
        """All until the server closes, or is silent for a second."""
        self.sock.settimeout(1)
        try:
            while more := self.sock.recv(65536):
                self.data += more
        except (TimeoutError, ConnectionResetError):
            pass
        found, at = [], 0
        while at + 9 <= len(self.data):
            length = int.from_bytes(self.data[at:at + 3], "big")
            kind, flags = self.data[at + 3], self.data[at + 4]
            stream = int.from_bytes(self.data[at + 5:at + 9], "big") & 0x7fffffff
            found.append((kind, flags, stream, self.data[at + 9:at + 9 + length]))
            at += 9 + length
        return found

    def close(self):
        self.sock.close()
