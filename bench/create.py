#!/usr/bin/env python3
"""`cluster create` and `export` of kubeadm's own set, against kubeadm itself.

usage: bench/create.py POTERNE KUBEADM FLOOR [RUNS]

FLOOR is bench/floor.c: what the keys, signatures and files alone cost.

Same key type (P-256, the service-account key too), same set of files, each run into an empty directory on the same
file system. kubeadm's two phases and our two commands are each one figure; the order alternates. Ours fsyncs
every file and the store; kubeadm does not.
"""

import os
import shutil
import sys
import tempfile

from measure import finish, median, ratio, row, run

KUBEADM_CONFIG = """apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: 10.111.0.11}}
nodeRegistration: {{name: cp1}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: bench
kubernetesVersion: v1.36.3
controlPlaneEndpoint: 10.111.0.11:6443
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
    return run([program, "cluster", "create", "bench", "--endpoint", "10.111.0.11:6443", "--control-plane",
                "cp1=10.111.0.11", "--service-account-key-type", "p256", *state]) + \
        run([program, "cluster", "export", "bench", "--machine", "cp1", "--layout", "kubeadm", "--out",
             f"{folder}/out", *state])


def parts(program, folder):
    return run([program, "create", f"{folder}/state"]) + run([program, "export", f"{folder}/out"])


def main():
    poterne, peer, floor = (os.path.abspath(p) for p in sys.argv[1:4])
    runs = int(sys.argv[4]) if len(sys.argv) > 4 else 20
    costs = {ours: [], kubeadm: [], parts: []}
    base = tempfile.mkdtemp(prefix="poterne-bench-", dir=os.environ.get("BENCH_DIR"))
    try:
        for i in range(runs + 1):
            for side, program in ((ours, poterne), (kubeadm, peer), (parts, floor)):
                folder = f"{base}/{side.__name__}-{i}"
                os.mkdir(folder)
                cost = side(program, folder)
                if i:  # the first ones warm caches
                    costs[side].append(cost)
    finally:
        # not between the runs: ext4 without a journal is slow to give out inodes that were freed just now
        shutil.rmtree(base, ignore_errors=True)
    # The wall clock waits sixty times for a disk that others may use too; kubeadm never does.
    for what, limit, today in (("cpu", 0.1, 0.35), ("wall", 0.333, 2)):
        ratio(f"create + export against kubeadm, {what}", median(costs[ours], what) * 1e3,
              median(costs[kubeadm], what) * 1e3, "ms", limit, today=today)
        ratio("  its keys, signatures and files alone", median(costs[parts], what) * 1e3,
              median(costs[kubeadm], what) * 1e3, "ms", None)
    row("create + export, memory, MiB", median(costs[ours], "kib") / 1024, 12,
        f"kubeadm {median(costs[kubeadm], 'kib') / 1024:.1f}")
    finish()


if __name__ == "__main__":
    main()
