#!/usr/bin/env python3
"""`poterne serve` as its people and its service manager meet it: start, reload, drain, death of each process."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from cluster import PROGRAM, SOURCE, Poterne  # noqa: E402
from tap import main, need  # noqa: E402

SANITIZED = bool(os.environ.get("POTERNE_SANITIZED"))
PATIENCE = 120 if SANITIZED else 30
ROOT = os.geteuid() == 0
ROLES = ("supervisor", "keeper", "front")


def wait_for(what, why, patience=PATIENCE):
    """Calls `what` until it answers something true, which is returned."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        answer = what()
        if answer:
            return answer
        time.sleep(0.01)
    raise AssertionError(f"not in {patience} s: {why}")


def children(pid):
    try:
        return [int(child) for task in Path(f"/proc/{pid}/task").iterdir()
                for child in (task / "children").read_text().split()]
    except FileNotFoundError:
        return []


def name(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode().removeprefix("poterne: ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def get(path, target="/v1/clusters"):
    """One request through the unix socket: status and body."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE)
        s.connect(str(path))
        s.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := s.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


class Daemon:
    """A daemon on a folder of the test's; what it tells systemd comes to a socket here."""

    def __init__(self, folder, *args, config=None, env=None, program=(PROGRAM,), **options):
        self.folder = Path(folder)
        self.state, self.socket = self.folder / "state", self.folder / "sock"
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.settimeout(PATIENCE)
        place = f"\0poterne-serve-{os.getpid()}-{id(self)}"
        self.notify.bind(place)
        self.log = open(self.folder / "log", "ab+")
        self.argv = [*program, "serve", "--state", str(self.state), "--socket", str(self.socket), "--threads", "2",
                     "--user", "nobody", *map(str, args)]
        if config is not None:
            (self.folder / "poterne.yaml").write_text(config)
            self.argv += ["--config", str(self.folder / "poterne.yaml")]
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.argv, stderr=self.log, stdout=self.log,
                                        env={**os.environ, "NOTIFY_SOCKET": "@" + place[1:], **(env or {})}, **options)

    def told(self, want, patience=PATIENCE):
        """What the service manager was told, up to a message with `want` in it, which is returned."""
        self.notify.settimeout(patience)
        while True:
            try:
                message = self.notify.recv(4096).decode()
            except TimeoutError:
                raise AssertionError(f"no {want}; the log:\n{self.logged()}") from None
            if want in message:
                return message

    def ready(self):
        return self.told("READY=1")

    def logged(self):
        return (self.folder / "log").read_text()

    def wait_logged(self, text):
        return wait_for(lambda: text in self.logged() and self.logged(), f"'{text}' in:\n{self.logged()}")

    def pids(self):
        """Of the three processes by their names; only those that run."""
        found = {name(pid): pid for pid in children(self.process.pid) if alive(pid)}
        return {"supervisor": self.process.pid, **found}

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.wait()

    def wait(self):
        return self.process.wait(PATIENCE)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.notify.close()
        self.log.close()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="poterne-serve-"))
        self.folder.chmod(0o711)  # the state directory may belong to another user
        self.addCleanup(shutil.rmtree, self.folder)
        self.poterne = Poterne(self.folder)

    def start(self, *args, ready=True, **options):
        daemon = Daemon(self.folder, *args, **options)
        self.addCleanup(daemon.close)
        if ready:
            daemon.ready()
        return daemon

    def ends(self, daemon, code, *words):
        self.assertEqual(daemon.wait(), code, daemon.logged())
        for word in words:
            self.assertIn(word, daemon.logged())


class Configuration(Case):
    def check(self, config, *args):
        (self.folder / "c.yaml").write_text(config)
        return subprocess.run([PROGRAM, "serve", "--check", "--config", self.folder / "c.yaml", *args],
                              capture_output=True, text=True, timeout=PATIENCE,
                              env={**os.environ, "XDG_RUNTIME_DIR": str(self.folder)})

    def test_good(self):
        done = self.check("# mine\nlisten: ['127.0.0.1:8443', '[::1]:8443']\nlog-format: json\n")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("c.yaml' is good", done.stderr)
        self.assertFalse(self.poterne.state.exists())

    def test_bad(self):
        for config, args, words in (
                ("listen: []\nlisen: x\n", [], ["c.yaml'", "line 2", "unknown option 'lisen'", "did you mean 'listen'"]),
                ("threads: 0\n", [], ["line 1", "from 1 to 32"]),
                ("threads: 1\nthreads: 1\n", [], ["threads"]),
                ("a: *x\n", [], ["line 1", "alias"]),
                ("", ["--drain-timeout", "2d"], ["from 1s to 1h"]),
                ("", ["--listen", "nowhere"], ["no address and port"]),
                ("", ["--config", "relative.yaml"], ["given twice"])):
            done = self.check(config, *args)
            self.assertEqual(done.returncode, 2, done.stderr)
            for word in words:
                self.assertIn(word, done.stderr)

    def test_no_such_file(self):
        done = subprocess.run([PROGRAM, "serve", "--check", "--config", "/not/there"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn("'/not/there'", done.stderr)

    def test_every_option_is_a_flag(self):
        """The command's help is made from the same table as the page."""
        text = subprocess.run([PROGRAM, "serve", "--help"], capture_output=True, text=True, check=True).stdout
        rows = [line.split("`")[1] for line in (SOURCE / "docs/configuration.md").read_text().splitlines()
                if line.startswith("| `")]
        self.assertGreater(len(rows), 10)
        for row in rows:
            self.assertIn("--" + row.removeprefix("--"), text)


class Start(Case):
    def test_ready(self):
        daemon = self.start()
        took = (time.monotonic() - daemon.started) * 1000
        print(f"ready after {took:.1f} ms")
        self.assertEqual(set(daemon.pids()), set(ROLES))
        self.assertEqual(get(daemon.socket)[0], 200)
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("stopped", daemon.logged())
        self.assertFalse(daemon.socket.exists())
        self.assertFalse((daemon.state / "daemon.json").exists())

    def test_status_says_where_and_how(self):
        daemon = self.start("--listen", "127.0.0.1:0", ready=False)
        message = daemon.ready()
        self.assertRegex(message, rf"STATUS=serving on unix:{daemon.socket}, 127\.0\.0\.1:[1-9][0-9]*; ")
        for role in ("keeper", "front"):
            self.assertRegex(message, rf"{role}: (no )?seccomp, ")

    def test_memory(self):
        daemon = self.start()
        get(daemon.socket)
        total = 0
        for role, pid in daemon.pids().items():
            text = Path(f"/proc/{pid}/smaps_rollup").read_text() if ROOT else ""
            need(ROOT, "only root may look into a process that is closed to debuggers")
            pss = int(text.partition("Pss:")[2].split()[0])
            print(f"{role}: {pss / 1024:.1f} MiB")
            total += pss
        print(f"in all: {total / 1024:.1f} MiB PSS")
        if not SANITIZED:
            self.assertLess(total / 1024, 30)

    def test_commands_go_through_the_socket(self):
        daemon = self.start()
        self.poterne.create()
        self.assertEqual(self.poterne.run("cluster", "list", "-o", "name").stdout, "demo\n")
        self.assertIn("POST /v1/clusters 201", daemon.logged())
        daemon.stop()
        self.assertEqual(self.poterne.run("cluster", "list", "-o", "name").stdout, "demo\n")
        self.assertEqual(self.poterne.run("state", "check").returncode, 0)

    def test_one_daemon_a_state(self):
        first = self.start()
        argv = [PROGRAM, "serve", "--state", str(first.state), "--socket", str(self.folder / "other"),
                "--user", "nobody"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("in use by another poterne", done.stderr)
        self.assertFalse((self.folder / "other").exists())
        self.assertEqual(get(first.socket)[0], 200)

    def test_one_daemon_a_socket(self):
        first = self.start()
        argv = [PROGRAM, "serve", "--state", str(self.folder / "other"), "--socket", str(first.socket),
                "--user", "nobody"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual(get(first.socket)[0], 200)

    def test_a_socket_that_was_left_is_taken_over(self):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(self.folder / "sock"))
        daemon = self.start()
        self.assertEqual(get(daemon.socket)[0], 200)

    def test_a_damaged_root_key(self):
        self.poterne.create()
        (self.poterne.state / "root.key").write_text("no key\n")
        daemon = self.start(ready=False)
        self.ends(daemon, 1, "root.key")

    def test_root_key_as_a_credential(self):
        """The root key is not in the state directory, and the keeper has it all the same."""
        self.poterne.create()
        credentials = self.folder / "credentials"
        credentials.mkdir()
        daemon = self.start(ready=False, env={"CREDENTIALS_DIRECTORY": str(credentials)})
        daemon.ready()  # without a file of that name all is as ever
        daemon.stop()
        (self.poterne.state / "root.key").rename(credentials / "root.key")
        daemon = self.start(env={"CREDENTIALS_DIRECTORY": str(credentials)})
        self.poterne.run("cluster", "create", "other", "--endpoint", "a:1", "--control-plane", "m=10.0.0.1")
        self.assertEqual(self.poterne.run("cluster", "list", "-o", "name").stdout, "demo\nother\n")
        daemon.stop()
        wrong = Poterne(self.folder / "wrong")
        wrong.folder.mkdir()
        wrong.create()
        shutil.copy(wrong.state / "root.key", credentials / "root.key")
        daemon = self.start(ready=False, env={"CREDENTIALS_DIRECTORY": str(credentials)})
        self.ends(daemon, 1, "the credential 'root.key'", "sealed under")

    def test_a_credential_for_nothing(self):
        (self.folder / "root.key").write_text("x\n")
        daemon = self.start(ready=False, env={"CREDENTIALS_DIRECTORY": str(self.folder)})
        self.ends(daemon, 3, "nothing has been made in the state directory yet")

    def test_socket_activation(self):
        """The socket is the service manager's: it stays when the daemon ends."""
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self.folder / "given"))
        listening.listen(8)

        script = f'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" "$@" 3<&{listening.fileno()}'
        daemon = self.start(program=("bash", "-c", script, PROGRAM), pass_fds=[listening.fileno()])
        daemon.wait_logged("serving")
        self.assertEqual(get(self.folder / "given")[0], 200)
        self.assertFalse(daemon.socket.exists())
        self.assertEqual(daemon.stop(), 0)
        self.assertTrue((self.folder / "given").exists())


class Tls(Case):
    def port(self, daemon):
        return int(daemon.ready().split("127.0.0.1:")[1].split(";")[0])

    def test_certificate(self):
        daemon = self.start("--listen", "127.0.0.1:0", "--names", "poterne.example", ready=False)
        port = self.port(daemon)
        shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-showcerts"], input="",
                               capture_output=True, text=True, timeout=PATIENCE).stdout
        text = subprocess.run(["openssl", "x509", "-noout", "-text"], input=shown, capture_output=True, text=True).stdout
        for word in ("DNS:poterne.example", "IP Address:127.0.0.1", "DNS:localhost", "TLS Web Server Authentication",
                     "prime256v1"):
            self.assertIn(word, text)
        self.assertIn("TLSv1.3", shown)
        self.assertEqual(shown.count("BEGIN CERTIFICATE"), 2)  # with the authority, which `join` pins
        done = subprocess.run(["curl", "-sk", f"https://127.0.0.1:{port}/v1/clusters"], capture_output=True, text=True)
        self.assertEqual(json.loads(done.stdout)["status"], 401)

    def test_reload_makes_a_new_one_with_the_new_names(self):
        daemon = self.start("--listen", "127.0.0.1:0", config="names: [one.example]\n", ready=False)
        port = self.port(daemon)

        def names():
            shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], input="",
                                   capture_output=True, text=True, timeout=PATIENCE).stdout
            return subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=shown,
                                  capture_output=True, text=True).stdout

        self.assertIn("one.example", names())
        (self.folder / "poterne.yaml").write_text("names: [two.example]\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "two.example" in names(), "the new name")
        self.assertNotIn("one.example", names())


class Reload(Case):
    def reload(self, daemon, config):
        (self.folder / "poterne.yaml").write_text(config)
        daemon.process.send_signal(signal.SIGHUP)
        self.assertIn("MONOTONIC_USEC=", daemon.told("RELOADING=1"))
        daemon.told("READY=1")

    def test_what_can_be_and_what_waits(self):
        daemon = self.start(config="log-format: text\n")
        self.reload(daemon, "log-format: json\nmax-connections: 9\ndrain-timeout: 2s\n")
        text = daemon.wait_logged("waits for a restart: max-connections")
        self.assertIn("reloaded: drain-timeout, log-format", text)

        def in_json():  # the front takes the new settings up a moment after the supervisor
            get(daemon.socket)
            return '"method":"GET"' in daemon.logged() and daemon.logged()
        line = json.loads(wait_for(in_json, "a request in JSON").strip().splitlines()[-1])
        self.assertEqual((line["process"], line["method"], line["path"], line["status"]),
                         ("front", "GET", "/v1/clusters", 200))
        self.reload(daemon, "log-format: json\nlog-level: warn\n")
        daemon.wait_logged("log-level")

        def is_silent():
            before = daemon.logged().count('"method"')
            get(daemon.socket)
            return daemon.logged().count('"method"') == before
        wait_for(is_silent, "no request is logged")

    def test_a_wrong_file_changes_nothing(self):
        daemon = self.start(config="log-format: text\n")
        self.reload(daemon, "log-format: json\nnonsense: 1\n")
        daemon.wait_logged("unknown option 'nonsense'; everything stays as it was")
        self.assertEqual(get(daemon.socket)[0], 200)
        daemon.wait_logged("GET /v1/clusters 200")  # as text


class Secrets(Case):
    def test_the_query_is_not_logged(self):
        daemon = self.start()
        get(daemon.socket, "/v1/clusters?cursor=topsecret")
        self.assertNotIn("topsecret", daemon.wait_logged("GET /v1/clusters"))

    def test_environment_and_descriptors(self):
        need(ROOT, "only root may look into a process that is closed to debuggers")
        daemon = self.start(env={"SECRET_OF_THE_SHELL": "x"})
        pids = daemon.pids()
        for role in ("keeper", "front"):
            self.assertEqual(Path(f"/proc/{pids[role]}/environ").read_bytes(), b"PATH=/usr/bin:/bin\0LC_ALL=C\0")
        kinds = []
        for fd in Path(f"/proc/{pids['keeper']}/fd").iterdir():
            target = os.readlink(fd)
            kinds.append("socket" if target.startswith("socket:") else target)
        # null, null, the log, the channel; its own log; and one socket a caller: two threads and the front itself
        log = [kind for kind in kinds if kind not in ("socket", "/dev/null")]
        self.assertEqual(sorted(log), sorted([str(self.folder / "log"), str(daemon.state / "keeper.log")]))
        self.assertEqual((kinds.count("/dev/null"), kinds.count("socket")), (2, 4))
        for fd in Path(f"/proc/{pids['front']}/fd").iterdir():
            self.assertNotIn("root.key", os.readlink(fd))

    def test_unprivileged(self):
        need(ROOT, "needs root to give root up")
        daemon = self.start()
        for role in ("keeper", "front"):
            status = dict(line.split(":\t", 1) for line in
                          Path(f"/proc/{daemon.pids()[role]}/status").read_text().splitlines() if ":\t" in line)
            self.assertEqual(status["Uid"].split(), [str(daemon.state.stat().st_uid)] * 4)
            self.assertNotEqual(status["Uid"].split()[0], "0")
            self.assertEqual(status.get("Groups", "").strip(), "")
            self.assertEqual((int(status["CapEff"], 16), int(status["CapPrm"], 16), int(status["CapBnd"], 16)), (0, 0, 0))
            self.assertEqual(status["NoNewPrivs"], "1")
            if not SANITIZED:
                self.assertEqual(status["Seccomp"], "2")

    def test_keeper_has_no_network(self):
        need(ROOT, "only root may look into a process that is closed to debuggers")
        daemon = self.start()
        pid = daemon.pids()["keeper"]
        need(re.search("keeper: [^;]*no network", daemon.logged()), "no network namespaces")
        self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/net"), os.readlink("/proc/self/ns/net"))
        interfaces = Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]
        self.assertEqual([line.split(":")[0].strip() for line in interfaces], ["lo"])


class Death(Case):
    def back(self, daemon, role):
        """Kills one; the others are new, and the daemon serves again."""
        before = daemon.pids()
        os.kill(before[role], signal.SIGKILL)
        daemon.told("being started again")
        daemon.ready()
        after = daemon.pids()
        self.assertEqual(set(after), set(ROLES))
        for other in ("keeper", "front"):
            self.assertNotEqual(after[other], before[other])
            self.assertFalse(alive(before[other]))
        self.assertEqual(get(daemon.socket)[0], 200)
        self.assertIn(f"the {role} was ended by signal 9", daemon.logged())

    def test_front_and_keeper(self):
        daemon = self.start()
        self.back(daemon, "front")
        self.back(daemon, "keeper")
        self.assertIn("starting again in 1 s", daemon.logged())
        self.assertIn("starting again in 2 s", daemon.logged())
        self.poterne.create()
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.poterne.run("state", "check").returncode, 0)

    def test_clients_wait_meanwhile(self):
        daemon = self.start()
        os.kill(daemon.pids()["front"], signal.SIGKILL)
        wait_for(lambda: "front" not in daemon.pids(), "its end")
        self.assertEqual(get(daemon.socket)[0], 200)  # the supervisor holds the socket

    def test_supervisor(self):
        daemon = self.start()
        pids = daemon.pids()
        daemon.process.kill()
        daemon.process.wait()
        for role in ("keeper", "front"):
            wait_for(lambda r=role: not alive(pids[r]), f"the {role} outlives its supervisor")
        again = self.start()
        self.assertEqual(get(again.socket)[0], 200)

    def test_no_zombies(self):
        daemon = self.start()
        self.back(daemon, "front")

        def states():
            try:
                return [Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0]
                        for pid in children(daemon.process.pid)]
            except OSError:  # one that is just gone
                return []
        wait_for(lambda: len(states()) == 2 and "Z" not in states(), "two children, neither of them dead")


class Stop(Case):
    def test_requests_under_way_come_to_their_end(self):
        daemon = self.start()
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(str(daemon.socket))
            body = json.dumps({"name": "late", "endpoint": "a:1", "control_plane": ["m=10.0.0.1"]}).encode()
            s.sendall(b"POST /v1/clusters HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\n\r\n" % len(body) + body[:5])
            time.sleep(0.1)
            daemon.process.send_signal(signal.SIGTERM)
            daemon.told("STOPPING=1")
            s.sendall(body[5:])
            self.assertRegex(s.recv(65536), rb"^HTTP/1.1 [24]\d\d ")
        self.assertEqual(daemon.wait(), 0)

    def test_time_is_limited(self):
        daemon = self.start("--drain-timeout", "1s")
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(daemon.socket))
            s.sendall(b"POST /v1/clusters HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            time.sleep(0.1)
            start = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - start, PATIENCE / 2)

    def test_sigint_and_twice(self):
        daemon = self.start()
        self.assertEqual(daemon.stop(signal.SIGINT), 0)
        daemon = self.start()
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(daemon.socket))
            s.sendall(b"GET /")
            time.sleep(0.1)
            daemon.process.send_signal(signal.SIGTERM)
            daemon.told("STOPPING=1")
            start = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - start, 5)

    def test_stop_while_starting(self):
        for pause in (0, 0.002, 0.005, 0.01, 0.02):
            daemon = self.start(ready=False)
            time.sleep(pause)
            self.assertIn(daemon.stop(), (0, -signal.SIGTERM))
            self.assertEqual(children(daemon.process.pid), [])


class Watchdog(Case):
    def test_signs_of_life(self):
        daemon = self.start(env={"WATCHDOG_USEC": "400000"})
        for _ in range(3):
            daemon.told("WATCHDOG=1")
        os.kill(daemon.pids()["front"], signal.SIGSTOP)
        daemon.notify.settimeout(1)
        time.sleep(0.5)
        daemon.notify.setblocking(False)
        try:
            while True:
                daemon.notify.recv(4096)
        except BlockingIOError:
            pass
        time.sleep(0.6)
        with self.assertRaises(BlockingIOError):  # a front that hangs is not alive
            daemon.notify.recv(4096)


class Hostile(Case):
    """A front that was taken over: test/tools/hostile.c runs a script where it should serve."""

    def run_script(self, script, abi=-1):
        program = os.environ.get("POTERNE_HOSTILE")
        need(program, "POTERNE_HOSTILE names no program")
        log = self.folder / "hostile"
        with open(log, "wb") as out:
            daemon = subprocess.Popen([program, script, str(abi), str(self.folder / "state"), str(self.folder / "sock")],
                                      stderr=out)
            try:
                wait_for(lambda: daemon.poll() is not None or "serving" in log.read_text(), "its end")
                daemon.terminate()
                code = daemon.wait(PATIENCE)
            finally:
                daemon.kill()
        said = dict(line.removeprefix("hostile: ").split(": ", 1) for line in log.read_text().splitlines()
                    if line.startswith("hostile: "))
        return code, said, log.read_text()

    def test_files(self):
        """seccomp refuses each opening, on any kernel; Landlock stands behind it."""
        for abi, level in ((-1, r"landlock [1-9]"), (2, r"landlock [12]"), (0, "no landlock")):
            code, said, log = self.run_script("files", abi)
            self.assertEqual(code, 0, log)
            self.assertRegex(log, rf"front: (no )?seccomp, ({level}|no landlock)")
            if abi == 0 and SANITIZED:
                continue
            self.assertEqual(set(said), {"root.key", "keeper.log", "lock", "new", "/etc/passwd", "/proc/self/maps", "/dev/mem"})
            for name, outcome in said.items():
                missing = SANITIZED and name.startswith("/") and not os.path.exists(name)
                self.assertRegex(outcome, "^refused: No such" if missing else "^refused: Permission denied", name)

    def test_what_ends_it(self):
        if SANITIZED:
            self.skipTest("a sanitizer's run time makes calls of its own")
        for script in ("exec", "ptrace", "connect", "code", "kill"):
            code, said, log = self.run_script(script)
            self.assertEqual(code, 1, log)
            self.assertIn("the front made a system call that it may not make", log)
            self.assertNotIn("DONE", log)

    def test_keeper(self):
        """Ciphertext can be read, and a signature inside of the fence be had; nothing else."""
        code, said, log = self.run_script("keeper")
        self.assertEqual(code, 0, log)
        had = {name for name, outcome in said.items() if outcome == "DONE"}
        self.assertEqual(had, {"read the sealed key", "sign inside of the fence"}, log)
        self.assertGreater(len(said), 9)
        # and the one that it had is in the log that the keeper alone writes
        lines = [json.loads(line) for line in (self.folder / "state" / "keeper.log").read_text().splitlines()]
        kinds = [line["type"] for line in lines]
        self.assertEqual(kinds.count("certificate"), 1, kinds)
        self.assertEqual([line["profile"] for line in lines if line["type"] == "certificate"], ["poterne-server"])


if __name__ == "__main__":
    main()
