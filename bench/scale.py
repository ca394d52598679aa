#!/usr/bin/env python3
"""10,000 clusters of 3 machines in one store: does the last creation cost what the first did?

usage: bench/scale.py POTERNE [CLUSTERS]
"""

import os
import shutil
import statistics
import sys
import tempfile

from measure import Cost, expect, run


def create(program, state, i):
    a, b = divmod(i, 250)
    return run([program, "cluster", "create", f"c{i:05}", "--endpoint", f"10.{a}.{b}.100:6443",
                "--control-plane", f"cp1=10.{a}.{b}.1", "--worker", f"w1=10.{a}.{b}.2", "--worker",
                f"w2=10.{a}.{b}.3", "--service-account-key-type", "p256", "--state", state, "--quiet"])


def total(costs):
    whole = Cost(0, 0, 0)
    for cost in costs:
        whole += cost
    return whole


def main():
    program = os.path.abspath(sys.argv[1])
    clusters = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    base = tempfile.mkdtemp(prefix="poterne-bench-", dir=os.environ.get("BENCH_DIR"))
    state = f"{base}/state"
    try:
        costs = []
        for i in range(clusters):
            costs.append(create(program, state, i))
            if i % 1000 == 999:
                print(f"  {i + 1} clusters", file=sys.stderr)
        # the very first also makes the installation
        first, last = total(costs[1:101]), total(costs[-100:])
        good = expect(f"last 100 of {clusters} creations against the first 100, CPU", last.cpu / first.cpu, 1.2, "times")
        good &= expect("the same, wall clock", last.wall / first.wall, 1.2, "times")
        good &= expect("memory, last against first", costs[-1].kib / costs[1].kib, 1.2, "times")
        listing = [program, "cert", "list", "--expiring", "30d", "--state", state, "--quiet"]
        walls = [run(listing) for _ in range(11)]
        good &= expect("cert list --expiring 30d over all, median", statistics.median(c.wall for c in walls) * 1e3, 200, "ms")
        good &= expect("  its memory", walls[0].kib / 1024, 12, "MiB")
        whole = run([program, "cert", "list", "-o", "json", "--state", state])
        print(f"cert list -o json of every authority: {whole.wall:.2f} s, {whole.kib / 1024:.1f} MiB")
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
