#!/usr/bin/env python3
"""A cluster that kubeadm's certificates started goes on with what poterne adopted: its people, then its whole control plane."""
import json
import unittest

from cluster import ADDRESS, Poterne
from rig import Rig, read_flags
from tap import main

CONFIG = f"""
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: {ADDRESS}}}
nodeRegistration: {{name: cp1}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
controlPlaneEndpoint: {ADDRESS}:6443
encryptionAlgorithm: %s
"""
PKI = "/etc/kubernetes/pki"
ETCD = [  # as kubeadm's manifest has them (kubernetes/cmd/kubeadm/app/phases/etcd/local.go)
    "--name=cp1", "--data-dir=/var/lib/etcd", f"--initial-cluster=cp1=https://{ADDRESS}:2380",
    f"--initial-advertise-peer-urls=https://{ADDRESS}:2380", f"--listen-peer-urls=https://{ADDRESS}:2380",
    f"--advertise-client-urls=https://{ADDRESS}:2379", f"--listen-client-urls=https://127.0.0.1:2379,https://{ADDRESS}:2379",
    f"--cert-file={PKI}/etcd/server.crt", f"--key-file={PKI}/etcd/server.key", f"--trusted-ca-file={PKI}/etcd/ca.crt",
    f"--peer-cert-file={PKI}/etcd/peer.crt", f"--peer-key-file={PKI}/etcd/peer.key", f"--peer-trusted-ca-file={PKI}/etcd/ca.crt",
    "--client-cert-auth=true", "--peer-client-cert-auth=true"]
APISERVER = [  # kubernetes/cmd/kubeadm/app/phases/controlplane/manifests.go
    f"--advertise-address={ADDRESS}", "--allow-privileged=true", "--authorization-mode=Node,RBAC", "--secure-port=6443",
    f"--client-ca-file={PKI}/ca.crt", "--enable-admission-plugins=NodeRestriction", "--service-cluster-ip-range=10.96.0.0/12",
    f"--etcd-cafile={PKI}/etcd/ca.crt", f"--etcd-certfile={PKI}/apiserver-etcd-client.crt",
    f"--etcd-keyfile={PKI}/apiserver-etcd-client.key", "--etcd-servers=https://127.0.0.1:2379",
    f"--tls-cert-file={PKI}/apiserver.crt", f"--tls-private-key-file={PKI}/apiserver.key",
    f"--kubelet-client-certificate={PKI}/apiserver-kubelet-client.crt", f"--kubelet-client-key={PKI}/apiserver-kubelet-client.key",
    f"--proxy-client-cert-file={PKI}/front-proxy-client.crt", f"--proxy-client-key-file={PKI}/front-proxy-client.key",
    f"--requestheader-client-ca-file={PKI}/front-proxy-ca.crt", "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local", f"--service-account-key-file={PKI}/sa.pub",
    f"--service-account-signing-key-file={PKI}/sa.key"]


class Adopted(unittest.TestCase):
    algorithm = "RSA-2048"

    def setUp(self):
        self.rig = self.enterContext(Rig("kubeadm", "etcd", "kube-apiserver", "kubectl"))
        self.cp1 = self.rig.machine("cp1", ADDRESS)
        self.source = self.rig.dir / "kubernetes"
        self.source.mkdir()
        self.cp1.mount(self.source, "/etc/kubernetes")
        (self.rig.dir / "config.yaml").write_text(CONFIG % self.algorithm)
        for phase in ("certs", "kubeconfig"):
            self.cp1.run(["kubeadm", "init", "phase", phase, "all", "--config", self.rig.dir / "config.yaml"], seconds=120)
        self.poterne = Poterne(self.rig.dir)

    def start(self, etcd, apiserver):
        running = [self.cp1.component("etcd", etcd), self.cp1.component("kube-apiserver", apiserver)]
        for process in running:
            process.wait_ready()
        return running

    def whoami(self, kubeconfig):
        user = json.loads(self.cp1.kubectl(kubeconfig, "auth", "whoami", "-o", "json").stdout)["status"]["userInfo"]
        return user["username"], user["groups"]

    def test_a_running_cluster(self):
        running = self.start(ETCD, APISERVER)
        superuser = self.rig.dir / "super.conf"
        superuser.write_bytes((self.source / "super-admin.conf").read_bytes())
        self.cp1.kubectl(superuser, "create", "configmap", "before", "--from-literal=a=b")
        token = self.cp1.kubectl(superuser, "create", "token", "default").stdout.strip() if self.has_default(superuser) else None

        self.poterne.run("cluster", "adopt", "old", "--from", self.source, "--layout", "kubeadm")
        ann = self.poterne.kubeconfig("ann", "--group", "dev", name="old")
        self.assertEqual(self.whoami(ann), ("ann", ["dev", "system:authenticated"]))
        root = self.poterne.kubeconfig("root", "--group", "system:masters", "--privileged", name="old")
        self.assertEqual(self.cp1.kubectl(root, "get", "configmap", "before", "-o", "jsonpath={.data.a}").stdout, "b")

        checked = self.poterne.run("cert", "check", self.source, "--ignore", "ca-unconstrained", check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout)

        # the same data under certificates of ours, signed by the CAs that were there
        for process in running:
            process.stop()
        exported = self.poterne.export("old")
        self.cp1.mount(exported, "/etc/kubernetes")
        self.start(read_flags(exported / "flags/etcd"), read_flags(exported / "flags/kube-apiserver"))
        self.assertEqual(self.whoami(ann), ("ann", ["dev", "system:authenticated"]))
        self.assertEqual(self.whoami(superuser), ("kubernetes-super-admin", ["system:masters", "system:authenticated"]))
        self.assertEqual(self.cp1.kubectl(superuser, "get", "configmap", "before", "-o", "jsonpath={.data.a}").stdout, "b")
        if token:
            status, _ = self.cp1.request(6443, "/api", headers={"Authorization": f"Bearer {token}"})
            self.assertEqual(status, 200)
        self.poterne.run("state", "check")

    def has_default(self, kubeconfig):
        """The controller manager makes it, and is not running: so does this test."""
        self.cp1.kubectl(kubeconfig, "create", "serviceaccount", "default", check=False)
        return not self.cp1.kubectl(kubeconfig, "get", "serviceaccount", "default", check=False).returncode


class AdoptedEc(Adopted):
    algorithm = "ECDSA-P256"


if __name__ == "__main__":
    main()
