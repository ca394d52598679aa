#!/usr/bin/env python3
"""Many clusters of 3 machines in one store: does the last creation cost what the first did? And do lists stay quick,
with as many leaf certificates on record as a large fleet has?

usage: bench/scale.py POTERNE FILL [CLUSTERS [LEAVES]]      by default 10000 and 300000

The last 100 creations take turns with the first 100 of a second installation, so that a machine whose speed drifts
slows both.
"""

import os
import shutil
import subprocess
import sys
import tempfile

from measure import Cost, finish, median, ratio, row, run

TURNS = 100


def create(program, state, i):
    a, b = divmod(i, 250)
    return run([program, "cluster", "create", f"c{i:05}", "--endpoint", f"10.{a}.{b}.100:6443",
                "--control-plane", f"cp1=10.{a}.{b}.1", "--worker", f"w1=10.{a}.{b}.2", "--worker",
                f"w2=10.{a}.{b}.3", "--service-cidr", "172.16.0.0/16", "--service-account-key-type", "p256",
                "--state", state, "--quiet"])


def creations(program, base, clusters):
    for i in range(clusters - TURNS):
        create(program, f"{base}/large", i)
        if i % 1000 == 999:
            print(f"  {i + 1} clusters", file=sys.stderr)
    create(program, f"{base}/small", clusters)  # makes the installation too
    first, last = [], []
    for i in range(TURNS):
        first.append(create(program, f"{base}/small", i))
        last.append(create(program, f"{base}/large", clusters - TURNS + i))
    for what, unit, scale in (("cpu", "ms", 1e3), ("wall", "ms", 1e3), ("kib", "MiB", 1 / 1024)):
        a, b = (getattr(sum(costs, Cost()), what) for costs in (last, first))
        each = 1 if what == "kib" else TURNS
        ratio(f"cluster {clusters} against the first, {what}", a * scale / each, b * scale / each, unit, 1.2)


def lists(program, base, what):
    listing = [program, "cert", "list", "--expiring", "30d", "--state", f"{base}/large", "--quiet"]
    costs = [run(listing) for _ in range(11)]
    row(f"cert list --expiring 30d, {what}, ms", median(costs, "wall") * 1e3, 200)
    row("  its memory, MiB", median(costs, "kib") / 1024, 12)


def main():
    program, fill = (os.path.abspath(p) for p in sys.argv[1:3])
    clusters = int(sys.argv[3]) if len(sys.argv) > 3 else 10000
    leaves = int(sys.argv[4]) if len(sys.argv) > 4 else 300000
    base = tempfile.mkdtemp(prefix="poterne-bench-", dir=os.environ.get("BENCH_DIR"))
    try:
        creations(program, base, clusters)
        lists(program, base, f"{clusters} clusters")
        subprocess.run([fill, f"{base}/large/store.db", str(leaves)], check=True)
        lists(program, base, f"and {leaves} leaves")
    finally:
        shutil.rmtree(base, ignore_errors=True)
    finish()


if __name__ == "__main__":
    main()
