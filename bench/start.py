#!/usr/bin/env python3
"""Start-up time and size of the program.

usage: bench/start.py POTERNE
"""

import os
import subprocess
import sys
import tempfile

from measure import finish, median, row, run


def main():
    program = os.path.abspath(sys.argv[1])
    row("poterne version, wall, ms", median([run([program, "version"]) for _ in range(51)], "wall") * 1e3, 5)
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, program], check=True)
        row("stripped binary, MB", os.path.getsize(stripped.name) / 1e6, 3)
    finish()


if __name__ == "__main__":
    main()
