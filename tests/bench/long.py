#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""make bench-long: two real daemons, one store that grows as large as the disk allows, at most 100
million records, for at most BENCH_SECONDS (3600): is it flat?

Each million is published by itself, durable and indexed at the second node before the next. The floor
program runs before, up to ten million, for comparison. Writes build/bench/long.json and long.svg.
Smaller: BENCH_LONG=300000.
"""
import json
import os
import statistics
import tempfile
import time

import plots
import table
from measure import (MILLION, Failed, Pair, Peak, anonymous_mb, cpu_seconds, disk_bytes, disk_free,
                     look_up, mixed_lists, on_a_disk, program, written_bytes)
from table import note, row, section

SECONDS = int(os.environ.get("BENCH_SECONDS", 3600))
WANTED = int(os.environ.get("BENCH_LONG", 100 * MILLION))
BYTES_A_RECORD = 850  # both nodes and the list, with room for merging
LOOKUPS = 200000


def size_of_run():
    """As large as the disk allows, in steps."""
    step = max(1, min(MILLION, WANTED // 30))
    return max(step, min(WANTED, int(disk_free() * 0.85) // BYTES_A_RECORD) // step * step), step


def floor_curve(lists, step):
    """[(records, records a second since the point before)]"""
    with tempfile.TemporaryDirectory(prefix="entente-") as folder:
        whole = os.path.join(folder, "list")
        with open(whole, "wb") as out:
            for path in lists:
                with open(path, "rb") as f:
                    out.write(f.read())
        os.mkdir(os.path.join(folder, "floor"))
        said = json.loads(program("floor/floor", os.path.join(folder, "floor"), whole, len(lists) * step))
    note(f"floor: {said['records']:,} records, {said['records'] / said['seconds']:,.0f} a second, "
         f"{said['cpu_us']:.2f} us of CPU each")
    at = [0] + said["at"]
    return [((i + 1) * MILLION, MILLION / (b - a)) for i, (a, b) in enumerate(zip(at, at[1:]))]


def grow(pair, lists):
    """[(records, records a second, receive CPU us a record)] of each step."""
    points, slowest = [], 0
    for path in lists:
        began, cpu = time.monotonic(), cpu_seconds(pair.b.process.pid)
        _, took, done = pair.publish(path)
        used = cpu_seconds(pair.b.process.pid) - cpu
        points.append((pair.size, done["published"] / took, used / done["published"] * 1e6))
        print(f"    {pair.size:>11,} records: {points[-1][1]:>9,.0f} a second, receive CPU "
              f"{points[-1][2]:.2f} us", flush=True)
        slowest = max(slowest, time.monotonic() - began)
        if time.monotonic() - table.BEGAN > SECONDS - 4 * slowest - 120:
            note("no time is left for more")
            break
    return points


def rows(pair, points, lists, peak, written):
    few = max(1, min(5, len(points) // 3))
    rates = [r for _, r, _ in points]
    seconds = sum((n - m) / r for (m, _, _), (n, r, _) in zip([(0, 0, 0)] + points, points))
    why = f"measured with {pair.size:,} records"
    if pair.size < 30 * MILLION <= WANTED:
        why += ": the disk or the time does not allow more"
    row("long run, all of it", pair.size / seconds, "records/s", None, "higher", why=why)
    row("long run, the last steps against the first", statistics.mean(rates[-few:]) /
        statistics.mean(rates[:few]), "", 0.7, "higher", 0.9, why=f"mean of {few} of {len(rates)} each")
    row("long run, the slowest step", min(rates), "records/s", None, "higher")
    row("long run, receive CPU a record, last steps", statistics.mean(c for _, _, c in points[-few:]), "us",
        None, "lower")
    row("long run, written to disk a record", written / pair.size, "B", None, "lower")
    row("long run, anonymous memory of a node under full load", peak, "MB", 128, "lower", 96)
    pair.quiet(300)
    row("long run, anonymous memory of a node, idle",
        max(anonymous_mb(n.process.pid) for n in (pair.a, pair.b)), "MB", None, "lower")
    row("long run, disk a record at the second node, everything", disk_bytes(pair.b) / pair.size, "B", 420,
        "lower", 330)
    said = look_up(pair.b, LOOKUPS, lists)
    row("long run, look-up by value in process, warm", said["warm_us"], "us", None, "lower")
    pair.b.stop()
    began = time.monotonic()
    pair.b.start(wait=False)
    while not pair.b.ready():
        time.sleep(0.002)
    pair.b.status()
    row("long run, restart to serving", time.monotonic() - began, "s", None, "lower")


def measure():
    on_a_disk()
    table.head()
    size, step = size_of_run()
    section(f"two nodes, up to {size:,} records")
    with Pair() as pair:
        lists = mixed_lists(pair.fed.dir, size, step)
        floor = floor_curve(lists[:10 * MILLION // step], step)
        peak = Peak(pair.a, pair.b)
        written = written_bytes(pair.b.process.pid)
        try:
            points = grow(pair, lists)
        except Failed as e:
            print(e)
            return 1
        written = written_bytes(pair.b.process.pid) - written
        lists = lists[:len(points)]
        rows(pair, points, lists, peak.end(), written)
        said = pair.check(lists)
    note(f"counts, roots, 1,000 random look-ups and the whole tree ({said['entries']:,} entries in "
         f"{said['seconds']:.0f} s) are right")
    plots.write(os.path.join(table.FOLDER, "long.svg"), "Entente: " + table.machine(), [
        plots.curves("Throughput against the size of the store", "records in the store, millions",
                     "records/s at the second node",
                     [("two nodes", [(n / 1e6, r) for n, r, _ in points]),
                      ("floor program", [(n / 1e6, r) for n, r in floor])]),
        plots.curves("Receive CPU a record", "records in the store, millions", "us",
                     [("second node", [(n / 1e6, c) for n, _, c in points])])])
    table.write("long-points.json", points)
    print(f"\n{table.write('long.json')} and long.svg written")
    return 0


if __name__ == "__main__":
    table.main(measure)
