#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Some seeds of the standard mix (tests/sim/mix.h), as one test of `make check`."""

import os
import subprocess
import sys

NAME = "no_seed_of_the_standard_mix_breaks_a_promise"


def main():
    seeds = os.environ.get("SIM_SEEDS", "200")
    first = os.environ.get("SIM_FIRST", "1000")
    done = subprocess.run([os.environ["SIM"], seeds, first], stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="")
    print(f"{'ok' if done.returncode == 0 else 'not ok'} {NAME}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
