"""What turns a machine of the rig into a node: containerd and a kubelet."""
import shutil

from rig import HERE
from tap import need

SOCKET = "/run/containerd/containerd.sock"
CONTAINERD_CONFIG = f"""
version = 2
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "poterne.test/pause:1"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = "{HERE / 'runc-without-limits'}"
"""
CNI_CONFIG = """{"cniVersion": "1.0.0", "name": "pods", "plugins": [{
  "type": "bridge", "bridge": "pods", "isGateway": true, "ipMasq": false,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.98.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
"""
# The machine is not a kubelet's to manage: its cgroups and its swap are everybody's.
KUBELET_FLAGS = [
    f"--container-runtime-endpoint=unix://{SOCKET}", "--cgroup-driver=cgroupfs", "--cgroups-per-qos=false",
    "--enforce-node-allocatable=", "--fail-cgroupv1=false", "--fail-swap-on=false",
]


def write(machine, path, text):
    target = machine.root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def start_containerd(machine):
    """Debian's containerd, with a network for pods that ends at the machine."""
    for program in ("containerd", "runc"):
        need(shutil.which(program), f"needs the package '{program}', to run a kubelet")
    write(machine, "/etc/containerd/config.toml", CONTAINERD_CONFIG)
    write(machine, "/etc/cni/net.d/10-pods.conflist", CNI_CONFIG)
    socket = machine.root / SOCKET.lstrip("/")
    containerd = machine.start("containerd", ["containerd"], ready=lambda _: socket.is_socket())
    return containerd.wait_ready()


def start_kubelet(machine, flags):
    """A kubelet with its flags and what a shared machine needs. Starts containerd too."""
    start_containerd(machine)
    return machine.component("kubelet", [*flags, *KUBELET_FLAGS, f"--node-ip={machine.address}"])
