#!/usr/bin/env python3
"""CSR to certificate, P-256: the keeper in a process of its own, with its log, against the keeper in ours.

usage: bench/keeper.py KEEPER [TURNS]      KEEPER: bench/keeper.c

Certificates a second of wall time for one caller that waits for each answer, or sends 15 requests at once.
"""

import os
import subprocess
import sys
import tempfile

from measure import finish, ratio


def main():
    program = os.path.abspath(sys.argv[1])
    turns = sys.argv[2] if len(sys.argv) > 2 else "60"
    with tempfile.TemporaryDirectory(prefix="poterne-bench-") as folder:
        done = subprocess.run([program, f"{folder}/keeper.log", turns], stdout=subprocess.PIPE, text=True, check=True)
    here, single, batch = (float(line.split()[0]) for line in done.stdout.splitlines())
    ratio("keeper in its own process against ours", single, here, "/s", 0.7, at_least=True)
    ratio("the same, 15 signatures at once", batch, here, "/s", 0.85, at_least=True)
    finish()


if __name__ == "__main__":
    main()
