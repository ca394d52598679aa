"""What turns a machine of the rig into a node: containerd, a kubelet and images for pods."""
import hashlib
import io
import json
import platform
import shutil
import tarfile
from pathlib import Path

from rig import HERE
from tap import need

BUSYBOX_IMAGE = "poterne.test/busybox:1"  # a pod names it with imagePullPolicy Never and runs /bin/busybox
SOCKET = "/run/containerd/containerd.sock"
CONTAINERD_CONFIG = f"""
version = 2
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "{BUSYBOX_IMAGE}"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = "{HERE / 'runc-without-limits'}"
"""
CNI_CONFIG = """{"cniVersion": "1.0.0", "name": "pods", "plugins": [{
  "type": "bridge", "bridge": "pods", "isGateway": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.98.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
"""
# The machine is not the kubelet's to manage: its cgroups and its swap are everybody's.
KUBELET_FLAGS = [
    f"--container-runtime-endpoint=unix://{SOCKET}", "--cgroup-driver=cgroupfs", "--cgroups-per-qos=false",
    "--enforce-node-allocatable=", "--fail-cgroupv1=false", "--fail-swap-on=false",
]


def start_containerd(machine):
    """Debian's containerd, with a network for pods that ends at the machine."""
    for program in ("containerd", "runc"):
        need(shutil.which(program), f"needs the package '{program}', to run a kubelet")
    need(Path("/usr/lib/cni/bridge").exists(), "needs the package 'containernetworking-plugins', to run a kubelet")
    machine.write("/etc/containerd/config.toml", CONTAINERD_CONFIG)
    machine.write("/etc/cni/net.d/10-pods.conflist", CNI_CONFIG)
    socket = machine.path(SOCKET)
    return machine.start("containerd", ["containerd"], ready=lambda _: socket.is_socket()).wait_ready()


def start_kubelet(machine, flags):
    """A kubelet with its flags and what a shared machine needs. Starts containerd first."""
    start_containerd(machine)
    return machine.component("kubelet", [*flags, *KUBELET_FLAGS, f"--node-ip={machine.address}"])


def import_busybox(machine):
    """The image of every pod's sandbox, and of pods that need no more than a shell."""
    busybox = shutil.which("busybox")
    need(busybox, "needs the package 'busybox-static', to run a pod")
    import_image(machine, BUSYBOX_IMAGE, busybox, "/bin/busybox", "sleep", "infinity")


def tar_of(files, mode=0o644):
    """A tar archive in memory, of a dictionary from names to bytes."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def import_image(machine, name, program, *command):
    """Gives containerd an image with one static program in its /bin, so that no registry is asked."""
    layer = tar_of({f"bin/{Path(program).name}": Path(program).read_bytes()}, mode=0o755)
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()], "os": "linux",
        "config": {"Cmd": command},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    image = tar_of({"layer.tar": layer, "config.json": json.dumps(config).encode(),
                    "manifest.json": json.dumps(manifest).encode()})
    machine.run(["ctr", "--namespace", "k8s.io", "images", "import", "-"], input=image, text=False)
