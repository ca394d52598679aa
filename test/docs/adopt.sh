#!/usr/bin/env bash
# The folder of docs/adopt.md: a control-plane machine as kubeadm leaves it, made by openssl. Same names, one CA for three
# roles, without path length or extended key usage.
leaf() { # FILE CA SUBJECT USAGE [SAN]
    openssl req -new -newkey rsa:2048 -nodes -keyout "$1.key" -subj "$3" -out "$1.csr"
    printf 'extendedKeyUsage=%s\nkeyUsage=critical,digitalSignature,keyEncipherment\n%s\n' "$4" "${5:+subjectAltName=$5}" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days "${days:-365}" -extfile "$1.ext" -out "$1.crt"
    rm "$1.csr" "$1.ext"
}
ca() { # FILE NAME
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" -subj "/CN=$2" -days 3650 \
        -addext keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign
}
kubeconfig() { # FILE USER
    cat >"old/$1.conf" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: kubernetes
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority-data: $(base64 -w 0 old/pki/ca.crt)
users:
- name: $2
  user:
    client-certificate-data: $(base64 -w 0 "$1.crt")
    client-key-data: $(base64 -w 0 "$1.key")
YAML
    rm "$1.crt" "$1.key"
}
umask 077
mkdir -p old/pki/etcd
ca old/pki/ca kubernetes
ca old/pki/front-proxy-ca front-proxy-ca
ca old/pki/etcd/ca etcd-ca
member=DNS:cp1,DNS:localhost,IP:10.0.0.1,IP:127.0.0.1
leaf old/pki/apiserver old/pki/ca /CN=kube-apiserver serverAuth \
    DNS:cp1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:10.96.0.1,IP:10.0.0.1
leaf old/pki/apiserver-kubelet-client old/pki/ca /CN=kube-apiserver-kubelet-client clientAuth
leaf old/pki/front-proxy-client old/pki/front-proxy-ca /CN=front-proxy-client clientAuth
leaf old/pki/etcd/server old/pki/etcd/ca /CN=cp1 serverAuth,clientAuth $member
leaf old/pki/etcd/peer old/pki/etcd/ca /CN=cp1 serverAuth,clientAuth $member
leaf old/pki/apiserver-etcd-client old/pki/etcd/ca /CN=kube-apiserver-etcd-client clientAuth
days=20 leaf admin old/pki/ca /O=kubeadm:cluster-admins/CN=kubernetes-admin clientAuth && kubeconfig admin kubernetes-admin
leaf kubelet old/pki/ca /O=system:nodes/CN=system:node:cp1 clientAuth && kubeconfig kubelet system:node:cp1
openssl genrsa -out old/pki/sa.key 2048 && openssl rsa -in old/pki/sa.key -pubout -out old/pki/sa.pub
rm old/pki/*.srl old/pki/etcd/*.srl
