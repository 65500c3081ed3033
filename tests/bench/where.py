#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""make bench-where: where the time of two nodes goes while one publishes in bulk and the other takes
it, by thread and function (perf). BENCH_WHERE=N records. Prints a table in Markdown; writes
build/bench/where.md.
"""
import collections
import os
import shutil
import signal
import subprocess
import time

import table
from measure import MILLION, Pair, cpu_split, mixed, on_a_disk, thread_seconds

COUNT = int(os.environ.get("BENCH_WHERE", MILLION))
SHOWN, LEAST_SHARE = 9, 0.02
THREADS = ("loop", "work", "writer", "index")


def samples(path):
    """{(pid, thread): Counter of functions}; what the kernel does for a thread is one of them."""
    out = subprocess.run(["perf", "script", "-i", path, "-F", "pid,comm,ip,sym,dso"], capture_output=True,
                         text=True, check=True).stdout
    found = collections.defaultdict(collections.Counter)
    for text in out.splitlines():
        comm, pid, _, symbol = text.split(None, 3)
        name, _, where = symbol.rpartition(" (")
        kernel = where.startswith("[kernel") or where.startswith("[guest")
        if name == "[unknown]":
            name = os.path.basename(where.rstrip(")"))
        found[int(pid), "loop" if comm == "entented" else comm]["kernel" if kernel else name] += 1
    return found


def record(pids, path):
    p = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "997", "-o", path, "-p",
                          ",".join(map(str, pids))], stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    return None if p.poll() is not None else p


def lines_of(what, split, counts):
    """A line for each thread: us a record, and the functions that they go to."""
    for thread in THREADS:
        functions, us = counts.get(thread, {}), split.get(thread, 0)
        whole = sum(functions.values())
        if whole == 0:
            continue
        most = [(f, n / whole) for f, n in functions.most_common(SHOWN) if n / whole >= LEAST_SHARE]
        yield f"| {what}, {thread} | {us:.2f} | " + ", ".join(f"{f} {us * s:.2f}" for f, s in most) + " |"


def measure():
    on_a_disk()
    if not shutil.which("perf"):
        print("not measured: needs perf (Debian: linux-perf)")
        return 0
    with Pair() as pair:
        path = os.path.join(pair.fed.dir, "mixed.txt")
        data = os.path.join(pair.fed.dir, "perf.data")
        mixed(path, COUNT)
        nodes = {"publishing": pair.a.process.pid, "receiving": pair.b.process.pid}
        before = {k: thread_seconds(pid) for k, pid in nodes.items()}
        perf = record(nodes.values(), data)
        if not perf:
            print("not measured: perf may not look (kernel.perf_event_paranoid)")
            return 0
        pair.publish(path)
        splits = {k: cpu_split(before[k], thread_seconds(pid), COUNT) for k, pid in nodes.items()}
        perf.send_signal(signal.SIGINT)
        perf.wait(60)
        found = samples(data)
    lines = ["| node, thread | CPU us a record | of it in |", "|---|---|---|"]
    for what, pid in nodes.items():
        lines += lines_of(what, splits[what], {t: c for (p, t), c in found.items() if p == pid})
    text = "\n".join(lines) + "\n"
    print(f"{COUNT:,} records in bulk\n\n{text}")
    with open(os.path.join(table.FOLDER, "where.md"), "w", encoding="utf-8") as f:
        f.write(text)
    return 0


if __name__ == "__main__":
    table.main(measure)
