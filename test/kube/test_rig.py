#!/usr/bin/env python3
"""The rig itself, proved with certificates of kubeadm's own: what fails here is no fault of poterne's."""
import unittest

from rig import Rig, wait_until
from tap import main
from worker import start_kubelet

ADDRESS = "10.99.0.11"
PKI = "/etc/kubernetes/pki"
ETCD_FLAGS = f"""
--name=cp1 --data-dir=/var/lib/etcd --initial-cluster=cp1=https://{ADDRESS}:2380
--listen-client-urls=https://127.0.0.1:2379 --advertise-client-urls=https://127.0.0.1:2379
--listen-peer-urls=https://{ADDRESS}:2380 --initial-advertise-peer-urls=https://{ADDRESS}:2380
--client-cert-auth --trusted-ca-file={PKI}/etcd/ca.crt --cert-file={PKI}/etcd/server.crt --key-file={PKI}/etcd/server.key
--peer-client-cert-auth --peer-trusted-ca-file={PKI}/etcd/ca.crt
--peer-cert-file={PKI}/etcd/peer.crt --peer-key-file={PKI}/etcd/peer.key
""".split()
API_SERVER_FLAGS = f"""
--advertise-address={ADDRESS} --kubelet-preferred-address-types=InternalIP --service-cluster-ip-range=10.96.0.0/12
--authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --enable-aggregator-routing=true
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
--kubeconfig=/etc/kubernetes/kubelet.conf --client-ca-file={PKI}/ca.crt --anonymous-auth=false
--authentication-token-webhook=true --authorization-mode=Webhook
""".split()
NODE_READY = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'


def copy_tree(source, target):
    import shutil
    (target.root/"etc/kubernetes/pki").mkdir(parents=True)
    source.run("kubeadm init phase kubeconfig kubelet --node-name w1 --kubeconfig-dir /run/w1 --apiserver-advertise-address 10.99.0.11 --kubernetes-version v1.36.3".split())
    shutil.copy(source.root/"run/w1/kubelet.conf", target.root/"etc/kubernetes/kubelet.conf")
    shutil.copy(source.root/"etc/kubernetes/pki/ca.crt", target.root/"etc/kubernetes/pki/ca.crt")


class RealCluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = cls.enterClassContext(Rig())
        cls.cp1 = cls.rig.machine("cp1", ADDRESS)
        kubeadm = ["kubeadm", "init", "phase"]
        common = ["--apiserver-advertise-address", ADDRESS, "--kubernetes-version", "v1.36.3"]
        cls.cp1.run([*kubeadm, "certs", "all", *common])
        cls.cp1.run([*kubeadm, "kubeconfig", "all", *common])
        cls.cp1.component("etcd", ETCD_FLAGS).wait_ready()
        cls.cp1.component("kube-apiserver", API_SERVER_FLAGS).wait_ready()
        cls.cp1.component("kube-controller-manager", CONTROLLER_MANAGER_FLAGS).wait_ready()

    def kubectl(self, *args, **options):
        return self.cp1.kubectl("/etc/kubernetes/super-admin.conf", *args, **options).stdout

    def test_kubectl_is_who_its_certificate_says(self):
        self.assertIn("kubernetes-super-admin", self.kubectl("auth", "whoami"))
        self.assertIn("Server Version: v1.36.3", self.kubectl("version"))

    def test_requests_from_outside_enter_the_machine(self):
        pki = self.cp1.root / PKI[1:]
        self.assertEqual(self.cp1.request(6443, "/api/v1/nodes", ca=pki / "ca.crt")[0], 403)
        status, body = self.cp1.request(6443, "/api/v1/nodes", cert=pki / "apiserver-kubelet-client.crt",
                                        key=pki / "apiserver-kubelet-client.key")
        self.assertEqual(status, 403)
        self.assertIn("kube-apiserver-kubelet-client", body)

    def test_a_real_kubelet_joins(self):
        w1 = self.rig.machine("w1", "10.99.0.21")
        copy_tree(self.cp1, w1)
        start_kubelet(w1, KUBELET_FLAGS).wait_ready()
        wait_until(lambda: "True" in self.kubectl("get", "node", "w1", "-o", NODE_READY, check=False), "node w1 ready")
        self.assertEqual(w1.request(10250, "/pods")[0], 401)


if __name__ == "__main__":
    main()
