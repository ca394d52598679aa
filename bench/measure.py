"""What the benchmarks share: whole processes, timed by the kernel's own accounting, and rows of one table.

BENCH_COST   the program bench/cost.c, by default where `make bench` builds it
BENCH_SLACK  a figure fails when it misses its limit by more than this factor, by default 1
"""

import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
COST = os.environ.get("BENCH_COST", os.path.join(HERE, "../build/bench/cost"))
SLACK = float(os.environ.get("BENCH_SLACK", "1"))
failed = False


class Cost:
    """CPU seconds, wall seconds and peak memory of one or more processes, run one after another."""

    def __init__(self, cpu=0, wall=0, kib=0):
        self.cpu, self.wall, self.kib = cpu, wall, kib

    def __add__(self, other):
        return Cost(self.cpu + other.cpu, self.wall + other.wall, max(self.kib, other.kib))


def run(argv):
    """Runs one process to its end; a failure ends the benchmark with what it said."""
    done = subprocess.run([COST, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr}")
    return Cost(*map(float, done.stdout.split()))


def median(costs, what):
    return statistics.median(getattr(cost, what) for cost in costs)


def row(figure, value, limit, detail="", at_least=False, today=None):
    """One figure against its limit, a line of the table. today: what it is while the limit is not reached; then
    only what misses this by more than the slack is a failure of a run that has any. limit None: to be seen only."""
    global failed
    if limit is None:
        print(f"{figure:<50}{detail:<30}{value:>9.3f}", flush=True)
        return
    good = value >= limit if at_least else value <= limit
    bound = today if today and SLACK > 1 else limit
    failed |= value < bound / SLACK if at_least else value > bound * SLACK
    print(f"{figure:<50}{detail:<30}{value:>9.3f}  {'≥' if at_least else '≤'}{limit:>7g}  {'yes' if good else 'NO'}",
          flush=True)


def ratio(figure, ours, peer, unit, limit, **kwargs):
    row(figure, ours / peer, limit, f"{ours:.2f} : {peer:.2f} {unit}", **kwargs)


def finish():
    sys.exit(1 if failed else 0)
