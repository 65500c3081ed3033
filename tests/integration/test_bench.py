#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The benchmarks work: at small sizes all parts of make bench and make bench-long measure what they
say, in the form that CLI.md gives, and leave nothing behind. Only with ENTENTE_LONG."""
import glob
import json
import os
import subprocess
import sys
import tempfile

from federation import Failed, ROOT, run_tests

KEYS = {"name", "value", "unit", "must", "aim", "better", "floor", "why"}
SMALL = {"BENCH_BULK": "5000", "BENCH_ROUNDS": "1", "BENCH_TEN": "10000", "BENCH_LOOKUPS": "500",
         "BENCH_SINGLES": "3", "BENCH_LATENCIES": "20", "BENCH_IMPORT": "3000", "BENCH_AUDIT": "20000",
         "BENCH_LONG": "6000", "BENCH_ONLY": "bulk,ten,import,demo,audit"}


def bench(program, **more):
    """The rows that it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, os.path.join(ROOT, "tests", "bench", program)], check=False,
                              env=dict(os.environ, TMPDIR=folder, **dict(SMALL, **more)), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise Failed(f"{program} ended with {done.returncode}:\n{done.stdout[-3000:]}")
        left = glob.glob(os.path.join(folder, "*"))
        if left:
            raise Failed(f"{program} left {left}")
    name = {"run.py": "latest.json", "long.py": "long.json"}[program]
    with open(os.path.join(ROOT, "build", "bench", name), encoding="utf-8") as f:
        return json.load(f)


def test_every_row_is_measured_or_says_why():
    if not os.environ.get("ENTENTE_LONG"):
        return "takes a minute; ENTENTE_LONG=1"
    rows = bench("run.py")
    for r in rows:
        if set(r) != KEYS or r["better"] not in ("higher", "lower"):
            raise Failed(f"not the form of CLI.md: {r}")
        if r["value"] is None and not r["why"]:
            raise Failed(f"not measured, and nobody knows why: {r}")
    missing = [r["name"] for r in rows
               if r["value"] is None and r["why"] not in ("not asked for", "`make bench-peers` measures it")]
    if missing:
        raise Failed(f"not measured: {missing}")
    return None


def test_without_time_rows_say_so():
    if not os.environ.get("ENTENTE_LONG"):
        return "ENTENTE_LONG=1"
    for r in bench("run.py", BENCH_SECONDS="1"):
        if r["value"] is not None or not r["why"]:
            raise Failed(f"measured in no time: {r}")
    return None


def test_the_long_run_goes_on_to_its_end():
    if not os.environ.get("ENTENTE_LONG"):
        return "ENTENTE_LONG=1"
    rows = {r["name"]: r for r in bench("long.py")}
    if rows["long run, all of it"]["why"] != "measured with 6,000 records":
        raise Failed(f"{rows['long run, all of it']}")
    return None


if __name__ == "__main__":
    run_tests([test_every_row_is_measured_or_says_why, test_without_time_rows_say_so,
               test_the_long_run_goes_on_to_its_end])
