#!/usr/bin/env python3
"""The rig itself, proved with certificates that kubeadm makes: what fails here is no fault of poterne's."""
import signal
import ssl
import subprocess
import sys
import unittest
from pathlib import Path

from aggregated import registration, start_sample_apiserver
from rig import HERE, Rig, need_root, wait_until
from tap import main
from worker import BUSYBOX_IMAGE, import_busybox, start_kubelet

ADDRESS = "10.99.0.11"
ADMIN = "/etc/kubernetes/super-admin.conf"
PKI = "/etc/kubernetes/pki"
ETCD_FLAGS = f"""
--name=cp1 --data-dir=/var/lib/etcd --initial-cluster=cp1=https://{ADDRESS}:2380
--listen-client-urls=https://127.0.0.1:2379 --advertise-client-urls=https://127.0.0.1:2379
--listen-peer-urls=https://{ADDRESS}:2380 --initial-advertise-peer-urls=https://{ADDRESS}:2380
--client-cert-auth --trusted-ca-file={PKI}/etcd/ca.crt
--cert-file={PKI}/etcd/server.crt --key-file={PKI}/etcd/server.key
--peer-client-cert-auth --peer-trusted-ca-file={PKI}/etcd/ca.crt
--peer-cert-file={PKI}/etcd/peer.crt --peer-key-file={PKI}/etcd/peer.key
""".split()
API_SERVER_FLAGS = f"""
--advertise-address={ADDRESS} --kubelet-preferred-address-types=InternalIP --service-cluster-ip-range=10.96.0.0/12
--authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction
--etcd-servers=https://127.0.0.1:2379 --etcd-cafile={PKI}/etcd/ca.crt
--etcd-certfile={PKI}/apiserver-etcd-client.crt --etcd-keyfile={PKI}/apiserver-etcd-client.key
--tls-cert-file={PKI}/apiserver.crt --tls-private-key-file={PKI}/apiserver.key --client-ca-file={PKI}/ca.crt
--kubelet-client-certificate={PKI}/apiserver-kubelet-client.crt --kubelet-client-key={PKI}/apiserver-kubelet-client.key
--service-account-issuer=https://kubernetes.default.svc
--service-account-key-file={PKI}/sa.pub --service-account-signing-key-file={PKI}/sa.key
--requestheader-client-ca-file={PKI}/front-proxy-ca.crt --requestheader-allowed-names=front-proxy-client
--requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group
--requestheader-extra-headers-prefix=X-Remote-Extra-
--proxy-client-cert-file={PKI}/front-proxy-client.crt --proxy-client-key-file={PKI}/front-proxy-client.key
""".split()
CONTROLLER_MANAGER_FLAGS = f"""
--kubeconfig=/etc/kubernetes/controller-manager.conf --authentication-kubeconfig=/etc/kubernetes/controller-manager.conf
--authorization-kubeconfig=/etc/kubernetes/controller-manager.conf --leader-elect=false --root-ca-file={PKI}/ca.crt
--cluster-signing-cert-file={PKI}/ca.crt --cluster-signing-key-file={PKI}/ca.key
--service-account-private-key-file={PKI}/sa.key --use-service-account-credentials=true
""".split()
KUBELET_FLAGS = f"""
--kubeconfig=/etc/kubernetes/w1/kubelet.conf --client-ca-file={PKI}/ca.crt --anonymous-auth=false
--authentication-token-webhook=true --authorization-mode=Webhook
""".split()
NODE_READY = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
POD = f"""
apiVersion: v1
kind: Pod
metadata: {{name: hello}}
spec:
  nodeName: w1
  dnsPolicy: Default
  containers:
  - {{name: main, image: "{BUSYBOX_IMAGE}", imagePullPolicy: Never,
      command: [/bin/busybox, sh, -c, "echo hello; exec /bin/busybox sleep 1000"]}}
"""
ORPHAN = """
from rig import Rig
rig = Rig("etcd")
processes = [rig.machine("m", "10.99.0.9").start("sleep", ["sleep", "600"]),
             rig.loopback("l").start("sleep", ["sleep", "600"])]
for process in processes:
    process.signal(0)
print(rig.dir, *[process.pid for process in processes], flush=True)
processes[1].wait(600)
"""


def runs(pid):
    """Whether it still does anything: one that ended waits for process 1, which may take its time."""
    try:
        return Path("/proc", pid, "stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


class RealCluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = cls.enterClassContext(Rig())
        cls.shared = cls.rig.dir / "kubernetes"
        cls.shared.mkdir()
        cls.cp1 = cls.machine("cp1", ADDRESS)
        cls.kubeadm("certs", "all")
        cls.kubeadm("kubeconfig", "all")
        cls.cp1.component("etcd", ETCD_FLAGS).wait_ready()
        cls.cp1.component("kube-apiserver", API_SERVER_FLAGS).wait_ready()
        cls.cp1.component("kube-controller-manager", CONTROLLER_MANAGER_FLAGS).wait_ready()

    @classmethod
    def machine(cls, name, address):
        machine = cls.rig.machine(name, address)
        machine.mount(cls.shared, "/etc/kubernetes")
        return machine

    @classmethod
    def kubeadm(cls, *phase):
        cls.cp1.run(["kubeadm", "init", "phase", *phase,
                     "--apiserver-advertise-address", ADDRESS, "--kubernetes-version", "v1.36.3"])

    def kubectl(self, *args, **options):
        return self.cp1.kubectl(ADMIN, *args, **options).stdout

    def request(self, port, path, leaf, **options):
        return self.cp1.request(port, path, cert=self.shared / f"pki/{leaf}.crt", key=self.shared / f"pki/{leaf}.key",
                                address="127.0.0.1", **options)

    def test_kubectl_is_who_its_certificate_says(self):
        self.assertIn("kubernetes-super-admin", self.kubectl("auth", "whoami"))
        self.assertIn("Server Version: v1.36.3", self.kubectl("version"))

    def test_requests_reach_a_machine_from_outside(self):
        status, body = self.request(6443, "/api/v1/nodes", "front-proxy-client", headers={"X-Remote-User": "jane"})
        self.assertEqual(status, 403)
        self.assertIn("jane", body)
        with self.assertRaises(ssl.SSLError):
            self.request(2379, "/version", "front-proxy-client")
        self.assertEqual(self.request(10257, "/metrics", "apiserver-etcd-client")[0], 401)

    def test_go_accepts_what_kubeadm_made(self):
        ca, leaf = f"{PKI}/ca.crt", f"{PKI}/apiserver.crt"
        verify = ["verify", "-ca", ca, "-cert", leaf, "-usage", "server", "-name"]
        self.assertEqual(self.cp1.run([*verify, ADDRESS]).stdout, "OK\n")
        self.assertIn("valid for", self.cp1.run([*verify, "other.example"], check=False).stderr)

    def test_a_kubelet_joins_and_runs_a_pod(self):
        w1 = self.machine("w1", "10.99.0.21")
        self.kubeadm("kubeconfig", "kubelet", "--node-name", "w1", "--kubeconfig-dir", "/etc/kubernetes/w1")
        self.kubectl("create", "clusterrolebinding", "kubelet-api", "--clusterrole=system:kubelet-api-admin",
                     "--user=kube-apiserver-kubelet-client")
        start_kubelet(w1, KUBELET_FLAGS).wait_ready()
        import_busybox(w1)
        wait_until(lambda: "True" in self.kubectl("get", "node", "w1", "-o", NODE_READY, check=False), "node w1 ready")
        wait_until(lambda: self.kubectl("get", "serviceaccount", "default", check=False), "default service account")
        self.assertEqual(w1.request(10250, "/pods")[0], 401)
        self.kubectl("apply", "-f", "-", input=POD)
        self.kubectl("wait", "pod", "hello", "--for=condition=Ready", "--timeout=50s")
        self.assertEqual(self.kubectl("logs", "hello"), "hello\n")

    def test_the_aggregator_reaches_the_sample_apiserver(self):
        start_sample_apiserver(self.cp1, ADMIN, API_SERVER_FLAGS).wait_ready()
        self.kubectl("apply", "-f", "-", input=registration(self.cp1))
        self.kubectl("wait", "apiservice", "v1alpha1.wardle.example.com", "--for=condition=Available", "--timeout=50s")
        self.assertIn("No resources found", self.cp1.kubectl(ADMIN, "get", "flunders").stderr)


class Cleaning(unittest.TestCase):
    def test_a_killed_test_leaves_nothing(self):
        need_root()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=number.name):
                self.kill_and_look(number)

    def kill_and_look(self, number):
        test = subprocess.Popen([sys.executable, "-c", ORPHAN], cwd=HERE, stdout=subprocess.PIPE, text=True,
                                stderr=subprocess.DEVNULL)
        folder, *pids = test.stdout.readline().split()
        self.assertEqual(len(pids), 2)
        test.send_signal(number)
        test.communicate(timeout=60)
        wait_until(lambda: not any(runs(pid) for pid in pids), "processes gone", 60)
        self.assertEqual(Path(folder).exists(), number == signal.SIGKILL)
        if number == signal.SIGKILL:
            subprocess.run(["rm", "-r", folder], check=True)


class WithoutRoot(unittest.TestCase):
    def test_etcd_on_a_loopback_address(self):
        with Rig("etcd", "etcdctl") as rig:
            host = rig.loopback("etcd", "127.0.0.77")
            client, peer = f"http://{host.address}:23790", f"http://{host.address}:23800"
            etcd = host.component("etcd", [
                "--data-dir=data", f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}"])
            etcd.wait_ready()
            self.assertEqual(host.run(["etcdctl", "--endpoints", client, "put", "a", "b"]).stdout, "OK\n")
            self.assertEqual(etcd.stop(), -signal.SIGTERM)


if __name__ == "__main__":
    main()
