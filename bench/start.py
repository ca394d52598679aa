#!/usr/bin/env python3
"""Start-up time and size of the program.

usage: bench/start.py POTERNE
"""

import os
import statistics
import subprocess
import sys
import tempfile

from measure import expect, run


def main():
    program = os.path.abspath(sys.argv[1])
    walls = [run([program, "version"]).wall for _ in range(51)]
    good = expect("poterne version, median of 51", statistics.median(walls) * 1e3, 5, "ms")
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, program], check=True)
        good &= expect("stripped binary", os.path.getsize(stripped.name) / 1e6, 3, "MB")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
