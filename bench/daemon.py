#!/usr/bin/env python3
"""`poterne serve`: ready and idle, certificates over HTTPS, small writes, and the polls of 10,000 agents.

usage: bench/daemon.py POTERNE LOAD CFSSL [STEP_CA]      LOAD: bench/load.c, which plays the clients

BENCH_SECONDS   for how long each load runs, by default 4
BENCH_AGENTS    connections of agents, by default 10000; they poll as often as 10,000 do, whatever their number

Ours signs for an operator's client certificate and has record, audit trail and checkpoint on disk before it answers.
cfssl checks and records nothing, over plain HTTP. step-ca renews the certificate that the client shows, with its badger
database: it reads no CSR, since its sign request takes a new token each time, which the client would have to sign, and it waits for no disk: strace sees no fsync, fdatasync or msync of it.
SQLite's own writes are one row of 512 bytes a transaction, in the same folder, with the settings that our store has.
"""
import base64
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

from issue import KEY, PROFILE, cfssl_json, cpu_seconds, free_port, write
from measure import finish, ratio, row

SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
AGENTS = int(os.environ.get("BENCH_AGENTS", "10000"))
MACHINES = min(200, AGENTS)
POLLS = 10000 / 30  # a second, of 10,000 agents: each asks every 30 s
IDLE = 10


# ---- processes ----

def family(pid):
    """A process and all below it."""
    found = [pid]
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as listing:
            for child in listing.read().split():
                found += family(int(child))
    return found


def pss_mib(pid):
    total = 0
    for one in family(pid):
        with open(f"/proc/{one}/smaps_rollup", encoding="ascii") as rollup:
            total += int(re.search(r"^Pss: +(\d+)", rollup.read(), re.M).group(1))
    return total / 1024


def wake_ups(pid):
    total = 0
    for one in family(pid):
        for task in os.listdir(f"/proc/{one}/task"):
            with open(f"/proc/{one}/task/{task}/status", encoding="ascii") as status:
                total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read(), re.M).group(1))
    return total


def cpu_of(pid):
    return sum(cpu_seconds(one) for one in family(pid))


@contextlib.contextmanager
def running(argv, **options):
    process = subprocess.Popen([str(arg) for arg in argv], stdin=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def port_opens(port, process):
    while process.poll() is None:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.001)
    sys.exit(f"{process.args[0]} ended")


class Daemon:
    """`poterne serve` in a folder; what it would tell systemd comes here."""

    def __init__(self, program, folder):
        self.program, self.folder, self.port = program, folder, free_port()
        self.state, self.socket = f"{folder}/state", f"{folder}/sock"
        self.took = []

    @contextlib.contextmanager
    def run(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(f"\0poterne-bench-{os.getpid()}")
            notify.settimeout(30)
            argv = [self.program, "serve", "--state", self.state, "--socket", self.socket, "--user", "nobody",
                    "--listen", f"127.0.0.1:{self.port}", *os.environ.get("BENCH_SERVE", "").split()]
            began = time.monotonic()
            with running(argv, stderr=subprocess.DEVNULL,
                         env={**os.environ, "NOTIFY_SOCKET": f"@poterne-bench-{os.getpid()}"}) as process:
                while b"READY=1" not in notify.recv(4096):
                    pass
                self.took.append((time.monotonic() - began) * 1e3)
                self.pid = process.pid
                yield process

    def post(self, path, **body):
        """As root, through the socket."""
        text = json.dumps(body).encode()
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
            s.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                      f"Content-Length: {len(text)}\r\n\r\n".encode() + text)
            answer = b"".join(iter(lambda: s.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        if head.split()[1][:1] != b"2":
            sys.exit(f"POST {path}: {answer.decode()}")
        return json.loads(body)


def new_csr(folder, name, subject="/"):
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr", "-subj", subject], capture_output=True, check=True)
    return read(f"{folder}/{name}.csr")


def read(path):
    with open(path, encoding="utf-8") as text:
        return text.read()


# ---- load ----

class Load:
    """One run of bench/load.c, from when its connections are open."""

    def __init__(self, program, address, plan, connections=16, threads=None, period=0, seconds=SECONDS):
        self.seconds = seconds
        self.process = subprocess.Popen([program, address, str(connections), str(threads or connections), str(period),
                                         str(seconds), plan], stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline():
            sys.exit("load: no connections")

    def result(self):
        good, bad, p50, p99, _ = map(float, self.process.stdout.readline().split())
        self.process.wait()
        if bad or not good:
            sys.exit(f"load: {bad:.0f} requests failed")
        return good / self.seconds, p50 / 1e3, p99 / 1e3


# ---- 1. ready and idle ----

def idle(daemon):
    for _ in range(9):
        with daemon.run():
            pass
    row("daemon ready, ms", statistics.median(daemon.took[1:]), 20, today=60)


def idle_memory(daemon):
    time.sleep(2)
    before = wake_ups(daemon.pid)
    time.sleep(IDLE)
    row("its three processes, idle, PSS, MiB", pss_mib(daemon.pid), 15)
    row("their wake-ups a second, idle", (wake_ups(daemon.pid) - before) / IDLE, 1)


def agent(daemon):
    home, root = f"{daemon.folder}/agent", f"{daemon.folder}/machine"
    made = daemon.post("/v1/clusters/bench/nodes", machine="w1", role="worker")
    token = write(f"{daemon.folder}/token", made["token"])
    done = subprocess.run([daemon.program, "agent", "join", "--server", f"https://127.0.0.1:{daemon.port}", "--ca-hash",
                           made["ca_hash"], "--token-file", token, "--home", home, "--root", root],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"agent join: {done.stderr}")
    with running([daemon.program, "agent", "run", "--home", home], stderr=subprocess.DEVNULL) as process:
        time.sleep(3)
        row("an agent between two polls, PSS, MiB", pss_mib(process.pid), 6, today=7.5)


# ---- 2. certificates ----

@contextlib.contextmanager
def cfssl_server(cfssl, folder):
    """Its address, and a plan for the load."""
    ca = cfssl_json(cfssl, "gencert", {"CN": "bench", **KEY}, folder)
    port = free_port()
    with running([cfssl, "serve", "-address=127.0.0.1", f"-port={port}", "-loglevel=4",
                  "-ca", write(f"{folder}/cfssl.pem", ca["cert"]), "-ca-key", write(f"{folder}/cfssl.key", ca["key"]),
                  "-config", write(f"{folder}/cfssl.json", json.dumps(PROFILE))],
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        port_opens(port, process)
        body = write(f"{folder}/cfssl.body", json.dumps({"certificate_request": read(f"{folder}/leaf.csr")}))
        yield f"http://127.0.0.1:{port}", write(f"{folder}/cfssl.plan", f"- /api/v1/cfssl/sign {body}\n")


def step_certificates(folder):
    """Root, intermediate and the client's leaf, which step-ca is to renew."""
    def run(*argv):
        subprocess.run(["openssl", *argv], cwd=folder, capture_output=True, check=True)

    write(f"{folder}/step.ext", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"
                                "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    write(f"{folder}/leaf.ext", "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\n"
                                "subjectAltName=DNS:w1\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "root.key", "-out",
        "root.crt", "-days", "9", "-subj", "/CN=root")
    for name, issuer, extensions in (("step", "root", "step.ext"), ("renewed", "step", "leaf.ext")):
        new_csr(folder, name, f"/CN={name}")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.crt", "-CAkey", f"{issuer}.key", "-CAcreateserial",
            "-days", "1", "-out", f"{name}.crt", "-extfile", extensions)
    write(f"{folder}/renewed.pem", read(f"{folder}/renewed.crt") + read(f"{folder}/step.crt") + read(f"{folder}/renewed.key"))


@contextlib.contextmanager
def step_server(program, folder):
    port = free_port()
    step_certificates(folder)
    config = {"root": f"{folder}/root.crt", "crt": f"{folder}/step.crt", "key": f"{folder}/step.key",
              "address": f"127.0.0.1:{port}", "dnsNames": ["127.0.0.1"], "logger": {"format": "text"},
              "db": {"type": "badgerv2", "dataSource": f"{folder}/badger"},
              "authority": {"provisioners": [{"type": "X5C", "name": "x", "roots":
                                              base64.b64encode(read(f"{folder}/root.crt").encode()).decode()}]}}
    with running([program, write(f"{folder}/ca.json", json.dumps(config))],
                 stdout=subprocess.DEVNULL, stderr=open(f"{folder}/step.log", "wb")) as process:
        port_opens(port, process)
        body = write(f"{folder}/empty", "{}")
        yield f"https://127.0.0.1:{port}", write(f"{folder}/step.plan", f"{folder}/renewed.pem /1.0/renew {body}\n")


def certificates(daemon, load, cfssl, step):
    folder = daemon.folder
    body = {"profile": "kubelet-client", "machine": "w1", "csr": new_csr(folder, "leaf", "/O=system:nodes/CN=system:node:w1")}
    plan = write(f"{folder}/sign.plan", f"{folder}/op.pem /v1/clusters/bench/certificates "
                                        + write(f"{folder}/sign.body", json.dumps(body)) + "\n")
    rates = {"ours": [], "cfssl": [], "step": []}
    with contextlib.ExitStack() as stack:
        servers = {"ours": (f"https://127.0.0.1:{daemon.port}", plan), "cfssl": stack.enter_context(cfssl_server(cfssl, folder))}
        if step:
            servers["step"] = stack.enter_context(step_server(step, folder))
        for _ in range(3):
            for name, server in servers.items():
                rates[name].append(Load(load, *server).result()[0])
    median = {name: statistics.median(found) for name, found in rates.items() if found}
    if step:
        ratio("cert sign over HTTPS, recorded, against step-ca", median["ours"], median["step"], "/s", 5, at_least=True, today=0.6)
    ratio("the same against cfssl, which records nothing", median["ours"], median["cfssl"], "/s", None)


# ---- 3. small writes ----

def sqlite_rate(folder, seconds):
    db = sqlite3.connect(f"{folder}/plain.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b BLOB)")
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        db.execute("INSERT INTO t (b) VALUES (?)", (b"x" * 512,))
        count += 1
    db.close()
    return count / seconds


def syncs_a_write(daemon, load, address, plan):
    """fsync and fdatasync of all three processes for each write of one client."""
    report = f"{daemon.folder}/strace"
    targets = [arg for pid in family(daemon.pid) for arg in ("-p", str(pid))]
    with subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", report, *targets],
                          stderr=subprocess.DEVNULL) as tracer:
        time.sleep(1)
        count = Load(load, address, plan, 1).result()[0] * SECONDS
        tracer.send_signal(signal.SIGINT)
    return len(re.findall(r"\bf(?:data)?sync\(", read(report))) / count


def small_writes(daemon, load):
    address, targets = f"https://127.0.0.1:{daemon.port}", "/v1/clusters/bench/nodes/w1/cordon|/v1/clusters/bench/nodes/w1/uncordon"
    plan = write(f"{daemon.folder}/write.plan", f"{daemon.folder}/op.pem {targets} /dev/null\n")
    one, many, plain = [], [], []
    for _ in range(3):
        plain.append(sqlite_rate(daemon.folder, SECONDS / 2))
        one.append(Load(load, address, plan, 1).result())
        many.append(Load(load, address, plan, 16).result())
    one, many = sorted(one)[1], sorted(many)[1]
    for clients, figures in (("1 client", one), ("16 clients", many)):
        ratio(f"small durable writes, {clients}, against SQLite", figures[0], statistics.median(plain), "/s", None)
        row("their p99, ms", figures[2], 10 if figures is many else None, f"p50 {figures[1]:.2f}", today=30)
    if shutil.which("strace"):
        row("syncs of a small write, 1 client", syncs_a_write(daemon, load, address, plan), 2)


# ---- 4. agents ----

def join_machines(daemon):
    """One identity a line of the plan: as an agent asks that has what is wanted."""
    lines = []
    for i in range(MACHINES):
        name = f"m{i:03}"
        made = daemon.post("/v1/clusters/bench/nodes", machine=f"{name}=10.1.{i // 250}.{i % 250 + 1}", role="worker")
        joined = daemon.post("/v1/agent/join", token=made["token"], csr=new_csr(daemon.folder, name, f"/CN={name}"))
        pair = write(f"{daemon.folder}/{name}.pem", joined["certificate"] + read(f"{daemon.folder}/{name}.key"))
        lines.append(f"{pair} /v1/agent/desired?instance={name}")
    return lines


def ask_once(daemon, line):
    """What an agent knows after its first poll: the revision."""
    pair, path = line.split()[:2]
    done = subprocess.run(["curl", "-sk", "--cert", pair, f"https://127.0.0.1:{daemon.port}{path}"], capture_output=True, check=True)
    return f"{pair} {path.split('&')[0]}&known={json.loads(done.stdout)['revision']} -"


def agents(daemon, load):
    lines = join_machines(daemon)
    for _ in range(2):  # the first poll of each is recorded, which the others see as something new
        lines = [ask_once(daemon, line) for line in lines]
    plan = write(f"{daemon.folder}/agents.plan", "\n".join(lines) + "\n")
    period = AGENTS / POLLS  # in the first one they connect, and nothing counts
    run = Load(load, f"https://127.0.0.1:{daemon.port}", plan, AGENTS, 8, period, max(period, 5) + 1)
    began, before = time.monotonic(), cpu_of(daemon.pid)
    time.sleep(max(period, 5))
    spent, memory = (cpu_of(daemon.pid) - before) / (time.monotonic() - began), pss_mib(daemon.pid)
    rate, p50, p99 = run.result()
    row("polls of 10,000 agents, CPU of the daemon, %", spent * 100, 5, f"{rate:.0f} /s, p99 {p99:.1f} ms", today=10)
    row(f"its PSS with {AGENTS} of them connected, MiB", memory, 60, f"p50 {p50:.2f} ms")


def set_up(daemon):
    """A cluster, and an operator with a certificate."""
    subprocess.run([daemon.program, "cluster", "create", "bench", "--endpoint", "10.0.0.100:6443", "--control-plane",
                    "cp1=10.0.0.1", "--worker", "w1=10.0.0.2", "--service-account-key-type", "p256", "--state", daemon.state,
                    "--quiet"], check=True, stdout=subprocess.DEVNULL)
    code = daemon.post("/v1/operators", name="bench", role="owner", scope="/")["code"]
    certificate = daemon.post("/v1/login", code=code, csr=new_csr(daemon.folder, "op"))["certificate"]
    write(f"{daemon.folder}/op.pem", certificate + read(f"{daemon.folder}/op.key"))


def main():
    program, load, cfssl = (os.path.abspath(p) for p in sys.argv[1:4])
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="poterne-bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        os.chmod(folder, 0o711)  # root's daemon runs as another user
        daemon = Daemon(program, folder)
        idle(daemon)
        with daemon.run():
            set_up(daemon)
            idle_memory(daemon)
            agent(daemon)
            certificates(daemon, load, cfssl, sys.argv[4] if len(sys.argv) > 4 else None)
            small_writes(daemon, load)
            agents(daemon, load)
    finish()


if __name__ == "__main__":
    main()
