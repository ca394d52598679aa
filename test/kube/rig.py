"""Machines inside this machine, with real processes on them: etcd, kube-apiserver, kubelet and the rest of a cluster.

    with Rig() as rig:
        cp1 = rig.machine("cp1", "10.99.0.11")
        cp1.mount(exported, "/etc/kubernetes")
        for component in ("etcd", "kube-apiserver"):
            cp1.component(component, read_flags(exported / "flags" / component)).wait_ready()
        cp1.kubectl("/etc/kubernetes/admin.conf", "auth", "whoami")

A machine has a network, host name, process table and file systems of its own, which nothing outside can reach and
which vanish with it. All ends when the rig closes, when the test fails and when the test is killed.
"""
import atexit
import contextlib
import functools
import http.client
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from namespaces import MACHINE_SETUP, SWITCH_SETUP, Namespaces, child_of, remove_cgroups
from tap import need

HERE = Path(__file__).resolve().parent
BUILD_SECONDS = 2400
RUN_SECONDS = 60
READY_SECONDS = 90  # a cluster is ready in seconds; the rest is for a busy machine
CONTAINERS = "/run/containerd/io.containerd.runtime.v2.task/k8s.io"

# Where a component says that it is ready: flag of its port, default port, scheme, path. It needs no credentials.
HEALTH = {
    "kube-apiserver": ("--secure-port", 6443, "https", "/readyz"),
    "kube-controller-manager": ("--secure-port", 10257, "https", "/healthz"),
    "kube-scheduler": ("--secure-port", 10259, "https", "/healthz"),
    "sample-apiserver": ("--secure-port", 443, "https", "/readyz"),
    "kubelet": ("--healthz-port", 10248, "http", "/healthz"),
}


def programs(*names):
    """Builds the programs named (all by default) where they are not built yet, and returns their folder."""
    build = subprocess.run([HERE / "build", *names], stdout=subprocess.PIPE, text=True, timeout=BUILD_SECONDS)
    need(build.returncode != 77, "needs Go, to build the programs of a real cluster")
    build.check_returncode()
    return Path(build.stdout.strip())


def need_root():
    need(os.geteuid() == 0, "needs root, for machines in network namespaces")


def read_flags(path):
    """The flags of a component, one a line."""
    return [line for line in Path(path).read_text().splitlines() if line]


def flag_value(flags, name, default=None):
    """The value of --name=value; the last one wins, as in the components."""
    values = [flag.split("=", 1)[1] for flag in flags if flag.startswith(name + "=")]
    return values[-1] if values else default


def wait_until(check, what, seconds=READY_SECONDS):
    """Calls `check` until it returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    while not (result := check()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.1)
    return result


class Process:
    """A program that runs until it is stopped. `log` is the file with what it printed."""

    def __init__(self, name, command, log, ready=None, forks=False, **options):
        self.name, self.log, self._ready, self._forks = name, log, ready, forks
        with open(log, "wb") as output:
            self._popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *command], stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True, **options)

    @property
    def pid(self):
        """Process id as seen from outside: on a machine, the program is the child of the nsenter that brought it in."""
        return (child_of(self._popen.pid) if self._forks else None) or self._popen.pid

    @property
    def returncode(self):
        """None while it runs, else its exit code, or minus the signal that ended it."""
        return self._popen.poll()

    def log_text(self):
        return self.log.read_text(errors="replace")

    def wait_ready(self, seconds=READY_SECONDS):
        """Waits until the `ready` given at the start says so; returns self. Fails at once if the program ends."""
        def check():
            if self.returncode is not None:
                raise RuntimeError(f"ended with {self.returncode}")
            return self._ready(self)
        try:
            wait_until(check, "ready", seconds)
        except (RuntimeError, TimeoutError) as error:
            tail = "\n".join(self.log_text().splitlines()[-25:])
            raise AssertionError(f"{self.name}: {error}; the end of its log:\n{tail}") from None
        return self

    def signal(self, number):
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, seconds=RUN_SECONDS):
        return self._popen.wait(seconds)

    def stop(self, seconds=10):
        """Asks it to end, insists after `seconds`; returns its exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()


class Loopback:
    """This very machine, without privileges: processes that listen on a loopback address. Its `root` is everybody's."""

    forks = False

    def __init__(self, rig, name, address="127.0.0.1"):
        self.rig, self.name, self.address = rig, name, address
        self.root = Path("/")
        self.dir = rig.dir / name  # logs, and HOME
        self.dir.mkdir()
        self._started = 0

    def command(self, argv):
        return [str(arg) for arg in argv]

    def network(self):
        return contextlib.nullcontext()

    def environment(self, extra=None):
        """Nothing of the caller's: a KUBECONFIG or a proxy of theirs must not decide what the test sees."""
        path = os.pathsep.join([str(self.rig.bin), os.environ["PATH"], "/usr/sbin", "/sbin"])
        return {"PATH": path, "HOME": str(self.dir), "LANG": "C.UTF-8", **(extra or {})}

    def start(self, name, argv, ready=None, env=None):
        """Starts a program, which the rig will end. `ready(process)` says when it is; see Process.wait_ready."""
        self._started += 1
        process = Process(f"{name} on {self.name}", self.command(argv), self.dir / f"{self._started}-{name}.log", ready,
                          self.forks, env=self.environment(env), cwd=self.dir)
        self.rig.processes.append(process)
        return process

    def run(self, argv, env=None, seconds=RUN_SECONDS, check=True, text=True, **options):
        """Runs a command to its end and returns its CompletedProcess; `check` raises with what it printed."""
        done = subprocess.run(self.command(argv), env=self.environment(env), cwd=self.dir, timeout=seconds, text=text,
                              capture_output=True, **options)
        if check and done.returncode:
            raise AssertionError(f"{argv}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def path(self, name):
        """A file of this machine as the caller sees it."""
        return self.root / str(name).lstrip("/")

    def write(self, name, text):
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def kubectl(self, kubeconfig, *args, **options):
        return self.run(["kubectl", "--kubeconfig", kubeconfig, *args], **options)

    def component(self, component, flags, **options):
        """Starts a component of a cluster with its flags. Members that need each other: start all, then wait."""
        def ready(process):
            if component == "etcd":
                return "ready to serve client requests" in process.log_text()
            return self.healthy(component, flags)
        return self.start(component, [component, *flags], ready, **options)

    def healthy(self, component, flags=()):
        """Whether a component's own health endpoint answers 200."""
        port_flag, port, scheme, path = HEALTH[component]
        address = flag_value(flags, "--bind-address", "0.0.0.0")
        if address in ("0.0.0.0", "::"):
            address = "127.0.0.1"
        try:
            status, _ = self.request(int(flag_value(flags, port_flag, port)), path, address=address, scheme=scheme)
        except OSError:
            return False
        return status == 200

    def request(self, port, path="/", address=None, scheme="https", ca=None, cert=None, key=None, headers=None,
                method="GET", body=None, seconds=10):
        """An HTTP request from this machine: (status, text). A refusal in the TLS handshake is an ssl.SSLError or a
        ConnectionError, both OSErrors. Without `ca` the server is not verified."""
        address = address or self.address
        if scheme == "http":
            connection = http.client.HTTPConnection(address, port, timeout=seconds)
        else:
            context = ssl.create_default_context(cafile=ca)
            if not ca:
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if cert:
                context.load_cert_chain(cert, key)
            connection = http.client.HTTPSConnection(address, port, timeout=seconds, context=context)
        with contextlib.closing(connection):
            with self.network():
                connection.connect()
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")


class Machine(Loopback):
    """A machine of its own on the rig's network. Needs root. `root` is its / as seen from outside."""

    forks = True  # nsenter does, to enter the process namespace

    def __init__(self, rig, name, address):
        super().__init__(rig, name, address)
        self._namespaces = Namespaces(MACHINE_SETUP, name, address)
        self.root = Path(f"/proc/{self._namespaces.pid}/root")

    def command(self, argv):
        return self._namespaces.enter(argv, self.dir)

    def network(self):
        return self._namespaces.network()

    def plug(self, switch, gateway):
        """A cable to the switch. The network of the caller never sees either end."""
        switch.cable(f"to-{self.name}"[:15], self._namespaces)
        for do in (f"address add {self.address}/24 dev eth0", "link set eth0 up", f"route add default via {gateway}"):
            self.run(["ip", *do.split()])

    def mount(self, directory, target):
        """Shows a directory of the caller on this machine, as /etc/kubernetes for example."""
        self.run(["mkdir", "-p", target])
        self.run(["mount", "--bind", directory, target])

    def close(self):
        containers = [found.name for found in self.path(CONTAINERS).glob("*")]
        self._namespaces.close()
        remove_cgroups(containers)


class Rig:
    """Machines, their network and a folder for their logs. POTERNE_RIG_KEEP=1 in the environment keeps the folder."""

    GATEWAY = "10.99.0.1"

    def __init__(self, *needed):
        """`needed` are the programs to have; all by default."""
        self._needed = needed
        self.dir = Path(tempfile.mkdtemp(prefix="poterne-rig-"))
        self.processes, self.machines, self._switch = [], [], None
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGHUP):  # so that a killed test cleans up, too
            signal.signal(number, signal.default_int_handler)

    @functools.cached_property
    def bin(self):
        """Folder of the programs. They are built when first wanted: a test that must be skipped is skipped at once."""
        return programs(*self._needed)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def loopback(self, name, address="127.0.0.1"):
        return Loopback(self, name, address)

    def machine(self, name, address):
        """A machine; addresses are in 10.99.0.0/24, and .1 is taken."""
        need_root()
        for tool in ("ip", "nsenter", "unshare"):
            need(shutil.which(tool), f"needs the program '{tool}'")
        if not self._switch:
            self._switch = Namespaces(SWITCH_SETUP, "switch", self.GATEWAY)
        machine = Machine(self, name, address)
        self.machines.append(machine)
        machine.plug(self._switch, self.GATEWAY)
        return machine

    def close(self):
        """Ends everything; calling it again is fine."""
        atexit.unregister(self.close)
        for machine in self.machines:
            machine.close()
        for process in reversed(self.processes):
            process.stop()
        if self._switch:
            self._switch.close()
        self.processes, self.machines, self._switch = [], [], None
        if os.environ.get("POTERNE_RIG_KEEP"):
            print(f"the rig's logs are in {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
