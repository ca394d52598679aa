"""What the benchmarks share: whole processes, timed by the kernel's own accounting."""

import os
import statistics
import subprocess
import sys
import time


class Cost:
    """CPU seconds, wall seconds and peak memory of one or more processes, run one after another."""

    def __init__(self, cpu, wall, kib):
        self.cpu, self.wall, self.kib = cpu, wall, kib

    def __add__(self, other):
        return Cost(self.cpu + other.cpu, self.wall + other.wall, max(self.kib, other.kib))


def run(argv, env=None):
    """Runs one process to its end; a failure ends the benchmark with what it said."""
    start = time.monotonic()
    process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    if process.returncode != 0:
        sys.exit(f"{' '.join(argv)}: exit {process.returncode}\n{output.decode(errors='replace')}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss)


def median(costs, what):
    return statistics.median(getattr(cost, what) for cost in costs)


def compare(title, ours, peer, limits):
    """Prints both medians and the ratio; limits: {"cpu": 0.1, ...}, what the issue promises at most."""
    good = True
    print(title)
    for what, unit, scale in (("cpu", "ms", 1e3), ("wall", "ms", 1e3), ("kib", "MiB", 1 / 1024)):
        a, b = median(ours, what), median(peer, what)
        limit = limits.get(what)
        verdict = "" if limit is None else f"  (at most {limit:.2f}: {'yes' if a / b <= limit else 'NO'})"
        good &= limit is None or a / b <= limit
        print(f"  {what:4}  ours {a * scale:8.2f} {unit:3}  peer {b * scale:8.2f} {unit:3}  ratio {a / b:6.3f}{verdict}")
    return good


def expect(title, value, limit, unit, at_least=False):
    """One figure against its promise."""
    good = value >= limit if at_least else value <= limit
    word = "at least" if at_least else "at most"
    print(f"{title}: {value:.3f} {unit} ({word} {limit:g}: {'yes' if good else 'NO'})")
    return good
