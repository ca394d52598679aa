"""Linux namespaces: what a machine of the rig is made of."""
import contextlib
import ctypes
import os
import select
import signal
import subprocess
from pathlib import Path

CLONE_NEWNET = 0x40000000
START_SECONDS = 60

# /etc, /var/lib, /var/log and /run are the machine's own: what is written there stays in memory and goes with it.
# containerd gets a folder that is no overlay, because it stacks overlays itself. The kernel settings that a kubelet
# changes are copies, because the real ones are everybody's. No name server outside is asked.
MACHINE_SETUP = """
mount -t tmpfs -o mode=755 rig /run
for dir in /etc /var/lib /var/log; do
    mkdir -p /run/rig$dir/upper /run/rig$dir/work
    mount -t overlay -o lowerdir=$dir,upperdir=/run/rig$dir/upper,workdir=/run/rig$dir/work rig $dir
done
for dir in /var/lib/containerd /var/lib/kubelet; do
    mkdir -p /run/rig$dir $dir
    mount --bind /run/rig$dir $dir
done
for file in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
    kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
    mkdir -p "/run/rig/sys/${file%/*}"
    cat /proc/sys/$file >/run/rig/sys/$file
    mount --bind /run/rig/sys/$file /proc/sys/$file
done
rm -f /etc/resolv.conf
echo nameserver 127.0.0.1 >/etc/resolv.conf
printf '%s\\n' '127.0.0.1 localhost' "$2 $1" >/etc/hosts
hostname "$1"
ip link set lo up
"""

SWITCH_SETUP = """
ip link add br0 type bridge
ip address add "$2/24" dev br0
ip link set br0 up
"""

# The first process of a PID namespace must collect its orphans, which this loop of the shell does.
HOLD = """
echo ready
while sleep 3600; do :; done
"""


def child_of(pid):
    """The first child of a process, or None."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None


class Namespaces:
    """Network, process, mount and host-name namespaces. When their first process ends, the kernel ends all others."""

    def __init__(self, setup, *arguments):
        self._popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--",
             "unshare", "--net", "--uts", "--ipc", "--mount", "--pid", "--mount-proc", "--kill-child", "--",
             "sh", "-euc", setup + HOLD, "rig", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        said = b""
        while not said.endswith(b"ready\n"):
            readable, _, _ = select.select([self._popen.stdout], [], [], START_SECONDS)
            more = os.read(self._popen.stdout.fileno(), 4096) if readable else b""
            if not more:
                self.close()
                raise RuntimeError(f"no namespaces: {said.decode() or 'no answer'}")
            said += more
        self.pid = child_of(self._popen.pid)

    def enter(self, command, directory="/"):
        return ["nsenter", "--target", str(self.pid), "--net", "--uts", "--ipc", "--mount", "--pid",
                f"--wdns={directory}", "--", *map(str, command)]

    @contextlib.contextmanager
    def network(self):
        """Sockets that the body opens are opened in here, where they stay."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as home, open(f"/proc/{self.pid}/ns/net") as there:
            if libc.setns(there.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(home.fileno(), CLONE_NEWNET)

    def cable(self, name, other):
        """A pair of interfaces: `name` on the bridge in here, eth0 in the other."""
        subprocess.run(["nsenter", "--target", str(self.pid), "--net", "ip", "link", "add", name, "up", "master", "br0",
                        "type", "veth", "peer", "name", "eth0", "netns", str(other.pid)], check=True)

    def close(self):
        first = child_of(self._popen.pid)
        if first:
            os.kill(first, signal.SIGKILL)
        else:
            self._popen.kill()
        self._popen.wait(START_SECONDS)
        self._popen.stdout.close()


def remove_cgroups(containers):
    """Cgroups are the one thing that outlives a machine. Those of a real containerd are not ours to touch."""
    for container in containers:
        for group in Path("/sys/fs/cgroup").glob(f"**/k8s.io/{container}"):
            for folder in (group, group.parent):
                with contextlib.suppress(OSError):
                    folder.rmdir()
