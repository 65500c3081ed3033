#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Some seeds of each mix (tests/sim/mix.h), as one test of `make check`."""

import os
import subprocess
import sys

# Each has found a fault once. What a seed plays changes with the mix, so the fault has a test of its
# own as well.
REGRESSIONS = [115, 122, 20035, 200021, 200055, 400033, 500042, 600230, 800012, 970239, 980043]
REGRESSIONS += [980073, 980296, 1000039, 1000535, 1001141, 2000260, 2000402, 2000404, 2000511]
REGRESSIONS += [2000764, 4000259, 4000485, 5000125, 5002013, 6000048, 10000808, 10001843, 10001870]
REGRESSIONS += [10002564, 10002730, 10003151, 10003804, 10004231, 10005997]
REGRESSIONS += [10008010, 10008217, 10008434, 10008780, 30000163]
REGRESSIONS += [30001083, 30001580, 30001940, 50000421, 60000421, 60001524]
REGRESSIONS += [60001616, 80001685, 90000753, 100000210, 100001629, 100002621, 100002781]
REGRESSIONS += [100004543, 100005534, 100006717, 110005762, 120001400, 130000370]
REGRESSIONS += [140002205, 140002445, 140003880, 140004340, 140005253]
REGRESSIONS += [140005971, 161001384, 161001575, 161002013, 161003277, 170006842, 170008487]
REGRESSIONS += [181000435, 191000369, 202000411, 220000590, 234002814, 244016296]
REGRESSIONS += [244012916, 245011293, 245015918, 250000619, 251000558]
REGRESSIONS += [254004316, 255006797]
REGRESSIONS_OF = {"rare": [20004251, 21000311, 23004561, 41004068], "small": [50001619, 52000992]}
NAME = "no_seed_breaks_a_promise"


def main():
    # Under sanitisers a seed takes ten times as long.
    sanitised = "/asan/" in os.environ["SIM"]
    seeds = os.environ.get("SIM_SEEDS", "20" if sanitised else "200")
    first = os.environ.get("SIM_FIRST", "1")
    others = "2" if sanitised else "20"
    runs = [(seeds, first, "standard")] + [(others, "1", mix) for mix in ("rare", "small", "floors")]
    if not sanitised:
        runs += [("1", str(seed), "standard") for seed in REGRESSIONS]
        runs += [("1", str(seed), mix) for mix, seeds in REGRESSIONS_OF.items() for seed in seeds]
    failed = 0
    for run in runs:
        done = subprocess.run([os.environ["SIM"], *run], stdout=subprocess.PIPE, text=True)
        print(done.stdout, end="")
        failed |= done.returncode != 0
    print(f"{'not ok' if failed else 'ok'} {NAME}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
