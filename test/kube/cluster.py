"""poterne under test, and real clusters started from what it writes."""
import os
import subprocess
from pathlib import Path

from rig import read_flags

SOURCE = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("POTERNE", str(SOURCE / "build" / "poterne"))
ADDRESS = "10.99.0.11"
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


class Poterne:
    """The program on a state directory of its own."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.state = self.folder / "state"

    def run(self, *args, check=True, faketime=None, **options):
        """One command. `faketime` is libfaketime's clock: "+2h", "2038-02-01 00:00:00"."""
        argv = [PROGRAM, *map(str, args), "--state", str(self.state)]
        if faketime:
            argv = ["faketime", "-f", faketime, *argv]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, **options)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def create(self, name="demo", *args, control_plane=f"cp1={ADDRESS}", endpoint=f"{ADDRESS}:6443"):
        return self.run("cluster", "create", name, "--endpoint", endpoint, "--control-plane", control_plane, *args)

    def export(self, name="demo", machine="cp1", layout="kubeadm", out=None, **options):
        """Exports into a folder and returns it."""
        out = out or self.folder / f"{name}-{machine}-{layout}"
        self.run("cluster", "export", name, "--machine", machine, "--layout", layout, "--out", out, **options)
        return Path(out)

    def kubeconfig(self, user, *args, name="demo"):
        """A person's kubeconfig as a file."""
        path = self.folder / f"{user}.conf"
        self.run("kubeconfig", "issue", name, user, "--out", path, *args)
        return path


def start_control_plane(machine, exported, components=CONTROL_PLANE[:3]):
    """Starts what a control-plane machine runs, from the flags in its export; {component: process}."""
    machine.mount(exported, "/etc/kubernetes")
    return {name: machine.component(name, read_flags(exported / "flags" / name)).wait_ready() for name in components}
