#!/usr/bin/env python3
"""HTTP over TLS 1.3: the test server (src/net with one thread and a fixed answer) against nginx, in turns.

usage: bench/serve.py HTTP_SERVER [SECONDS]        HTTP_SERVER: test/tools/http_server.c

Both with one worker, the same P-256 certificate and the same answer of six bytes; wrk with 16 connections asks. On two
cores one is the server's, the other wrk's, which is often the slower of the two: so the CPU time of the server for a
request is shown as well.
"""
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from issue import cpu_seconds, free_port
from measure import finish, ratio, row

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/x.crt; ssl_certificate_key {folder}/x.key;
        ssl_protocols TLSv1.3; default_type text/plain;
        location / {{ return 200 "hello\\n"; }}
    }}
}}
"""


class Server:
    def __init__(self, argv, port):
        self.port = port
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        self.rates, self.cpus, self.handshakes, self.waits = [], [], [], []

    def pin(self, core):
        subprocess.run(["taskset", "-a", "-c", "-p", str(core), str(self.pid)], capture_output=True, check=True)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listing:
        return [int(child) for child in listing.read().split()]


def load(server, connections, seconds, *args):
    """(requests a second, CPU seconds of the server for each)."""
    before = cpu_seconds(server.pid)
    done = subprocess.run(["taskset", "-c", "0", "wrk", "-t1", f"-c{connections}", f"-d{seconds}", *args,
                           f"https://127.0.0.1:{server.port}/"], capture_output=True, text=True, check=True)
    count, spent = re.search(r"(\d+) requests in ([\d.]+)s", done.stdout).groups()
    if "Non-2xx" in done.stdout or int(count) == 0:
        sys.exit(f"wrk: {done.stdout}")
    return int(count) / float(spent), (cpu_seconds(server.pid) - before) / int(count)


def measure(server, seconds):
    rate, cpu = load(server, 16, seconds)
    server.rates.append(rate)
    server.cpus.append(cpu)
    server.handshakes.append(load(server, 16, seconds, "-H", "Connection: close")[1])
    server.waits.append(1 / load(server, 1, seconds)[0])


@contextlib.contextmanager
def servers(program, folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    f"{folder}/x.key", "-out", f"{folder}/x.crt", "-days", "2", "-subj", "/CN=localhost"],
                   capture_output=True, check=True)
    port = free_port()
    ours = Server([program, "--quiet", "--tls", f"127.0.0.1:{port}", "--cert", f"{folder}/x.crt", "--key", f"{folder}/x.key"],
                  port)
    port = free_port()
    with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as out:
        out.write(NGINX.format(folder=folder, port=port))
    peer = Server([shutil.which("nginx") or "/usr/sbin/nginx", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"], port)
    try:
        time.sleep(1)
        peer.pid = children(peer.process.pid)[0]
        for server in (ours, peer):
            server.pin((os.cpu_count() or 2) - 1)
        yield ours, peer
    finally:
        for server in (ours, peer):
            server.process.terminate()
            server.process.wait()


def main():
    program, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4
    for tool in ("wrk", "taskset", "openssl"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing: apt-get install wrk nginx-light")
    with tempfile.TemporaryDirectory(prefix="poterne-bench-") as folder, servers(program, folder) as (ours, peer):
        for _ in range(5):
            for server in (ours, peer):
                measure(server, seconds)

    def median(what, scale=1.0):
        return [statistics.median(getattr(server, what)) * scale for server in (ours, peer)]

    ratio("TLS requests against nginx, 16 kept alive", *median("rates"), "/s", 0.5, at_least=True)
    ratio("the same, CPU of one request", *median("cpus", 1e6), "us", 2)
    ratio("a new TLS connection against nginx, CPU", *median("handshakes", 1e3), "ms", 1.3)
    waits = median("waits", 1e3)
    row("one connection, one request at a time, ms", waits[0], 0.12, f"nginx {waits[1]:.3f}")
    finish()


if __name__ == "__main__":
    main()
