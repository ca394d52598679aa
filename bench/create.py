#!/usr/bin/env python3
"""`cluster create` and `export` of kubeadm's own set, against kubeadm itself.

usage: bench/create.py POTERNE KUBEADM [RUNS]

Same key type (P-256, the service-account key too), same set of files, each run into an empty directory on the same
file system. kubeadm's two phases and our two commands are each one figure; the order alternates. Ours fsyncs
every file and the store; kubeadm does not.
"""

import os
import shutil
import sys
import tempfile

from measure import compare, expect, median, run

KUBEADM_CONFIG = """apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: 10.99.0.11}}
nodeRegistration: {{name: cp1}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: bench
kubernetesVersion: v1.36.3
controlPlaneEndpoint: 10.99.0.11:6443
certificatesDir: {folder}/pki
encryptionAlgorithm: ECDSA-P256
"""


def kubeadm(program, folder):
    config = f"{folder}/kubeadm.yaml"
    with open(config, "w", encoding="ascii") as out:
        out.write(KUBEADM_CONFIG.format(folder=folder))
    return run([program, "init", "phase", "certs", "all", "--config", config]) + \
        run([program, "init", "phase", "kubeconfig", "all", "--config", config, "--kubeconfig-dir", folder])


def ours(program, folder):
    state = ["--state", f"{folder}/state", "--quiet"]
    return run([program, "cluster", "create", "bench", "--endpoint", "10.99.0.11:6443", "--control-plane",
                "cp1=10.99.0.11", "--service-account-key-type", "p256", *state]) + \
        run([program, "cluster", "export", "bench", "--machine", "cp1", "--layout", "kubeadm", "--out",
             f"{folder}/out", *state])


def main():
    poterne, peer = (os.path.abspath(p) for p in sys.argv[1:3])
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    costs = {ours: [], kubeadm: []}
    base = tempfile.mkdtemp(prefix="poterne-bench-", dir=os.environ.get("BENCH_DIR"))
    try:
        for i in range(runs + 1):
            for side, program in ((ours, poterne), (kubeadm, peer)):
                folder = f"{base}/{side.__name__}-{i}"
                os.mkdir(folder)
                cost = side(program, folder)
                if i:  # the first pair warms caches
                    costs[side].append(cost)
                shutil.rmtree(folder)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    good = compare(f"create + export, P-256, median of {runs}", costs[ours], costs[kubeadm],
                   {"cpu": 0.1, "wall": 1 / 3})
    good &= expect("  memory of ours", median(costs[ours], "kib") / 1024, 12, "MiB")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
