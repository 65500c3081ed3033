#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""make bench: what the federation does on this machine, printed beside what is wanted.

Real daemons over real encrypted links on loopback, and the floor program in the same run. Absolute
figures wander with the machine: compare within one run. It takes at most BENCH_SECONDS (900): the run
of ten million ends earlier where time or disk do not allow more, and says so, and so does a part that
is left out. Writes build/bench/latest.json (CLI.md, "make") and build/bench/bench.svg.

Smaller: BENCH_BULK=100000 BENCH_ROUNDS=1 BENCH_TEN=300000 BENCH_LOOKUPS=2000 BENCH_SINGLES=20
BENCH_LATENCIES=100 BENCH_IMPORT=50000 BENCH_NODES=6 BENCH_AUDIT=100000. BENCH_ONLY=bulk,ten chooses
parts. BENCH_DOMAINS=FILE imports a list of your own.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import traceback

import plots
import table
from measure import (BIN, FIRST_SEAL_S, MILLION, OPTIONS, Failed, Federation, Pair, Peak, anonymous_mb,
                     control_path, cpu_seconds, cpu_split, disk_bytes, disk_free, hundredth, look_up,
                     mixed, mixed_lists, on_a_disk, program, synced_writes_ms, thread_seconds,
                     wait_indexed, written_bytes)
from table import note, row, section

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def setting(name, default):
    return int(os.environ.get("BENCH_" + name, default))


BULK, ROUNDS, TEN = setting("BULK", MILLION), setting("ROUNDS", 3), setting("TEN", 10 * MILLION)
LOOKUPS, LATENCIES, SINGLES = setting("LOOKUPS", 200000), setting("LATENCIES", 1000), setting("SINGLES", 100)
IMPORT, AUDIT, SECONDS = setting("IMPORT", 1160820), setting("AUDIT", 10 * MILLION), setting("SECONDS", 900)
HEADLINE = 10 * 600 * MILLION / 86400  # ten times the vendor's, a second
BYTES_A_RECORD = 1000  # of disk, both nodes and the list, with room for merging

# key: name, unit, must, aim, better. One for each line of the table of targets, and those beside it.
WANTED = {
    "ratio": ("bulk against the floor in the same run", "", 0.6, 1.0, "higher"),
    "bulk": ("bulk, publish to durable and indexed at the second node, 1 M", "records/s", None, None, "higher"),
    "floor": ("the floor program, 1 M", "records/s", None, None, "higher"),
    "publish": ("bulk, publish command alone (durable and signed), 1 M", "records/s", None, None, "higher"),
    "receive_cpu": ("receive CPU a record", "us", 3.3, 2.0, "lower"),
    "publish_cpu": ("publishing daemon, CPU a record", "us", None, None, "lower"),
    "disk_1": ("disk a record at the second node, everything, 1 M", "B", 420, 330, "lower"),
    "latency_50": ("publish call to durable at the second node, 100/s, p50", "ms", 1.5, 0.7, "lower"),
    "latency_99": ("publish call to durable at the second node, 100/s, p99", "ms", 5, 2, "lower"),
    "sync": ("a synced write of 4 KiB, 100/s, p50: two of them are in the rows above", "ms", None, None,
             "lower"),
    "found_50": ("publish call to durable and indexed at the second node, 100/s, p50", "ms", None, None,
                 "lower"),
    "found_99": ("publish call to durable and indexed at the second node, 100/s, p99", "ms", None, None,
                 "lower"),
    "catch_up": ("catch-up of 1 M missed, durable and indexed", "s", 5, 3, "lower"),
    "ten": ("bulk, 10 M in one store", "records/s", None, None, "higher"),
    "ten_last": ("bulk, the tenth million against the first", "", 0.7, 0.9, "higher"),
    "ten_whole": ("bulk, all of 10 M against the first million", "", 0.7, 0.9, "higher"),
    "headline": ("ten times 600 million a day, every door and index on, 10 M", "records/s", HEADLINE, None,
                 "higher"),
    "written": ("written to disk a record during bulk, 5 M", "B", 1500, 700, "lower"),
    "load_mb": ("anonymous memory of a node under full load", "MB", 128, 96, "lower"),
    "idle_mb": ("anonymous memory of a node, idle with 10 M records", "MB", 64, 32, "lower"),
    "lookup_1": ("look-up by value in process, 1 M, warm", "us", 5, 2.5, "lower"),
    "lookup_10": ("look-up by value in process, 10 M, warm", "us", 8, 4, "lower"),
    "lookup_cold": ("look-up by value in process, 10 M, asked for the first time", "us", None, None, "lower"),
    "disk_10": ("disk a record at the second node, everything, 10 M", "B", 420, 330, "lower"),
    "restart": ("restart of a node with 10 M records to serving", "s", 1, 0.2, "lower"),
    "europe_50": ("43 nodes, one record to all, p50", "s", None, None, "lower"),
    "europe_99": ("43 nodes, one record to all, p99", "s", 2, 0.5, "lower"),
    "redundancy": ("43 nodes, bytes of DATA received / unique", "", 1.05, 1.01, "lower"),
    "import": ("import of a 1.16 M line domain list, ready to announce", "s", 6, 3, "lower"),
    "import_mb": ("the same, largest size of the publish command", "MB", None, None, "lower"),
    "lumma": ("Lumma list, publish to findable at all five", "s", 5, None, "lower"),
    "wire": ("bytes on the wire / unique bytes of entries, five nodes", "", 1.05, None, "lower"),
    "hops_50": ("publish command to three hops on, a single record, p50", "ms", None, None, "lower"),
    "hops_99": ("publish command to three hops on, a single record, p99", "ms", 150, None, "lower"),
    "demo_mb": ("idle node after the Lumma list, anonymous memory", "MB", 32, None, "lower"),
    "audit_100k": ("audit, 100 k entries checked", "s", 1, None, "lower"),
    "audit_10m": ("audit, 10 M entries checked", "s", 30, None, "lower"),
    "audit_mb": ("audit of 10 M, memory", "MB", 256, None, "lower"),
    "redis": ("bulk against Redis Streams, fsync always", "", 1.5, 3, "higher"),
    "nats": ("bulk against NATS JetStream mirror", "", 1.5, 3, "higher"),
    "postgres": ("bulk against PostgreSQL logical replication", "", 3, 6, "higher"),
}
DONE, DRAWN = set(), {}  # rows put; what the plots show


def put(key, value, why=None, floor=None):
    name, unit, must, aim, better = WANTED[key]
    DONE.add(key)
    row(name, value, unit, must, better, aim, why, floor)


def left_s():
    return SECONDS - (time.monotonic() - table.BEGAN)


def smaller(have, want):
    """Why a row is not of the size that its name says."""
    return None if have == want else f"measured with {have:,} records"


def rate_text(split):
    return ", ".join(f"{k} {v:.2f}" for k, v in split.items())


# --- one million, beside the floor ---------------------------------------------------------------

def floor_run(folder, path, count):
    with tempfile.TemporaryDirectory(dir=folder) as inside:
        return json.loads(program("floor/floor", inside, path, count))


def bulk_round(pair, path):
    cpu = {n: thread_seconds(n.process.pid) for n in (pair.a, pair.b)}
    whole = {n: cpu_seconds(n.process.pid) for n in (pair.a, pair.b)}
    published, took, done = pair.publish(path)
    count = done["published"]
    return {"rate": count / took, "published": count / published, "count": count,
            "cpu": {n.name: (cpu_seconds(n.process.pid) - whole[n]) / count * 1e6 for n in whole},
            "split": {n.name: cpu_split(cpu[n], thread_seconds(n.process.pid), count) for n in cpu}}


def bench_bulk():
    floors, rounds = [], []
    for i in range(ROUNDS):
        with Pair() as pair:
            path = os.path.join(pair.fed.dir, "mixed.txt")
            mixed(path, BULK)
            floors.append(floor_run(pair.fed.dir, path, BULK))
            rounds.append(bulk_round(pair, path))
            note(f"round {i + 1}: {rounds[-1]['rate']:,.0f} records/s, the floor "
                 f"{floors[-1]['records'] / floors[-1]['seconds']:,.0f}")
            if i == ROUNDS - 1:
                bulk_rows(floors, rounds)
                pair.quiet()
                put("disk_1", disk_bytes(pair.b) / pair.size, smaller(pair.size, MILLION))
                os.sync()  # what bulk left in the page cache would be written meanwhile
                latency(pair)
                catch_up(pair)
            pair.check([path])
            note("counts, roots, 1,000 random look-ups and the whole tree at the second node are right")


def bulk_rows(floors, rounds):
    why = smaller(rounds[0]["count"], MILLION)
    floor = statistics.median(f["records"] / f["seconds"] for f in floors)
    floor_cpu = statistics.median(f["cpu_us"] for f in floors)
    ratios = [r["rate"] / (f["records"] / f["seconds"]) for r, f in zip(rounds, floors)]
    put("ratio", statistics.median(ratios), why or f"median of {len(ratios)} rounds", 1)
    put("bulk", statistics.median(r["rate"] for r in rounds), why, floor)
    put("floor", floor, why)
    put("publish", statistics.median(r["published"] for r in rounds), why, floor)
    put("receive_cpu", statistics.median(r["cpu"]["b"] for r in rounds), why, floor_cpu)
    put("publish_cpu", statistics.median(r["cpu"]["a"] for r in rounds), why)
    for name, what in (("a", "publishing"), ("b", "receiving")):
        note(f"{what} node, CPU us a record by thread: {rate_text(rounds[-1]['split'][name])}")
        DRAWN[what] = rounds[-1]["split"][name]
    DRAWN["floor"] = floors[-1]["stages"]
    note(f"floor, CPU us a record: {floor_cpu:.2f}: {rate_text(floors[-1]['stages'])}")


def latency(pair):
    cpu = [cpu_seconds(n.process.pid) for n in (pair.a, pair.b)]
    took, found = pair.latencies_ms(LATENCIES)
    cpu = [(cpu_seconds(n.process.pid) - c) / len(took) * 1e6 for n, c in zip((pair.a, pair.b), cpu)]
    DRAWN["latency"] = took
    why = smaller(len(took), 1000)
    for name, times in (("latency", took), ("found", found)):
        put(name + "_50", statistics.median(times), why)
        put(name + "_99", hundredth(times), why)
    put("sync", statistics.median(synced_writes_ms(pair.fed.dir, 300)))
    note(f"{len(took)} records at 100 a second into a store of {pair.size - len(took):,}; one client and "
         f"one clock; most {took[-1]:.1f} ms; CPU a record {cpu[0]:.0f} us there, {cpu[1]:.0f} us here")


def catch_up(pair):
    """Another node that has missed everything."""
    c = pair.fed.add("c")[0]
    pair.fed.agree("a", "c", gives={"a": "clear,green", "c": "clear,green"})
    pair.b.stop()
    start = time.monotonic()
    c.start()
    wait_indexed(c, pair.a, pair.size)
    put("catch_up", time.monotonic() - start, smaller(pair.size - LATENCIES, MILLION))
    c.stop()
    pair.b.start()


# --- ten million ---------------------------------------------------------------------------------

STEP = max(1, TEN // 10)


def ten_size():
    """As many as the disk takes."""
    return max(STEP, min(TEN, int(disk_free() * 0.9) // BYTES_A_RECORD // STEP * STEP))


def grow(pair, lists, reserve_s):
    """A tenth after the other. [(records then, records a second of this one)], and look-ups after the
    first."""
    points, first, written = [], None, None
    start_written = written_bytes(pair.b.process.pid)
    for i, path in enumerate(lists):
        began = time.monotonic()
        _, took, done = pair.publish(path)
        points.append((pair.size, done["published"] / took))
        if pair.size <= 5 * STEP:
            written = (written_bytes(pair.b.process.pid) - start_written) / pair.size, pair.size
        if i == 0:
            pair.quiet(30)
            first = look_up(pair.b, LOOKUPS, lists[:1])
        print(f"    {pair.size:>11,} records: {points[-1][1]:>9,.0f} a second", flush=True)
        if left_s() < reserve_s + (time.monotonic() - began) + 40:
            break
    return points, first, written


def bench_ten(reserve_s=240):
    with Pair() as pair:
        lists = mixed_lists(pair.fed.dir, ten_size(), STEP)
        peak = Peak(pair.a, pair.b)
        points, first, written = grow(pair, lists, reserve_s)
        loaded = peak.end()
        lists = lists[:len(points)]
        why = smaller(pair.size, 10 * MILLION)
        seconds = sum((n - m) / r for (m, _), (n, r) in zip([(0, 0)] + points, points))
        put("ten", pair.size / seconds, why)
        put("ten_last", points[-1][1] / points[0][1], why)
        put("ten_whole", pair.size / seconds / points[0][1], why)
        put("headline", pair.size / seconds, why or "both nodes and the command share the processors")
        put("written", written[0], smaller(written[1], 5 * MILLION))
        put("load_mb", loaded, why)
        put("lookup_1", first["warm_us"], smaller(points[0][0], MILLION))
        pair.quiet()
        put("idle_mb", max(anonymous_mb(n.process.pid) for n in (pair.a, pair.b)), why)
        last = look_up(pair.b, LOOKUPS, lists)
        put("lookup_10", last["warm_us"], why)
        put("lookup_cold", last["first_us"], why)
        put("disk_10", disk_bytes(pair.b) / pair.size, why)
        restart(pair, why)
        said = pair.check(lists)
        note(f"counts, roots, 1,000 random look-ups and the whole tree ({said['entries']:,} entries in "
             f"{said['seconds']:.1f} s) are right")
        DRAWN["size"] = points


def restart(pair, why):
    pair.b.stop()
    start = time.monotonic()
    pair.b.start(wait=False)
    while not pair.b.ready():
        time.sleep(0.002)
    held = pair.b.held(pair.a, "green")
    put("restart", time.monotonic() - start, why)
    if held != pair.size:
        raise Failed(f"after the restart {held} of {pair.size} are held")


# --- 43 nodes ------------------------------------------------------------------------------------

def bench_europe():
    """In namespaces of its own, so in a process of its own."""
    out = os.path.join(table.FOLDER, "europe-short.json")
    env = dict(os.environ, BENCH_TOPOLOGIES="sparse", BENCH_SHORT=out, BENCH_APART="", BENCH_RECORDS="86")
    if os.path.exists(out):
        os.unlink(out)
    done = subprocess.run([sys.executable, os.path.join(TESTS, "bench", "europe.py")], env=env, check=False,
                          stdout=subprocess.PIPE, text=True, timeout=max(60, left_s()))
    if not os.path.exists(out):
        raise Failed((done.stdout.strip().splitlines() or ["nothing was said"])[-1])
    with open(out, encoding="utf-8") as f:
        rows = {r["name"]: r["value"] for r in json.load(f)}
    nodes = os.environ.get("BENCH_NODES")
    why = f"measured with {nodes} nodes" if nodes else None
    put("europe_50", rows["sparse: record at all nodes, p50"] / 1000, why)
    put("europe_99", rows["sparse: record at all nodes, p99"] / 1000, why)
    put("redundancy", rows["sparse: bytes of DATA received / unique"], why)
    note("86 records, origins in turn, 5 a second, from the start of the publish command; 3 to 5 links a node")


# --- import --------------------------------------------------------------------------------------

def bench_import():
    with Federation() as fed:
        node = fed.add("a")[0]
        fed.start()
        path, why = os.environ.get("BENCH_DOMAINS"), None
        if not path:
            path = os.path.join(fed.dir, "domains.txt")
            with open(path, "w", encoding="utf-8") as f:
                for i in range(IMPORT):
                    f.write(f"{i * 2654435761 % 2**32:08x}{i % 97}.{'abcdefgh'[i % 8]}-example{i % 1009}"
                            f".{('com', 'net', 'org', 'top', 'xyz')[i % 5]}\n")
            why = smaller(IMPORT, 1160820)
        time.sleep(FIRST_SEAL_S)
        start = time.monotonic()
        done = subprocess.Popen([os.path.join(BIN, "entente"), "--home", node.home, "publish", *OPTIONS,
                                 "--json", path], stdout=subprocess.PIPE, text=True)
        said = json.loads(done.stdout.read())
        _, status, usage = os.wait4(done.pid, 0)
        done.returncode = os.waitstatus_to_exitcode(status)
        if done.returncode != 0:
            raise Failed(f"publish ended with {done.returncode}")
        put("import", time.monotonic() - start, why)
        put("import_mb", usage.ru_maxrss / 1024, why)
        note(f"{said['published']:,} of {said['read']:,} lines are published, "
             f"{said['refused_count']:,} refused")


# --- five nodes ----------------------------------------------------------------------------------

def bench_demo():
    with Federation() as fed:
        fr, _, _, _, ua = fed.add("fr", "de", "ee", "pl", "ua")
        both = "clear,green"
        for a, b in (("fr", "de"), ("de", "pl"), ("pl", "ua"), ("ee", "fr"), ("ee", "de")):
            fed.agree(a, b, gives={a: both, b: both}, introduces=(a, b))
        fed.start()
        fed.wait_connected()
        time.sleep(FIRST_SEAL_S)
        start = time.monotonic()
        done = fr.json("publish", "--tlp", "green",
                       os.path.join(TESTS, "data", "lists", "maltrail_lummac2.txt"))
        size = done["feeds"][0]["size"]
        for node in fed.nodes.values():
            wait_indexed(node, fr, size)
        put("lumma", time.monotonic() - start)
        peers = [p for n in fed.nodes.values() for p in n.status()["peers"]]
        wire, unique = (sum(p[k] for p in peers) for k in ("received_bytes", "data_bytes"))
        put("wire", wire / unique)
        put("demo_mb", anonymous_mb(ua.process.pid))
        hops(fr, ua)


def hops(fr, ua):
    """From just before the publish command to durable and indexed three hops on."""
    latencies = []
    size = fr.held(fr, "green")
    for i in range(SINGLES):
        waiting = subprocess.Popen(
            [os.path.join(BIN, "entente"), "--home", ua.home, "wait", "--feed", f"{fr.id}/green",
             "--size", str(size + 1), "--timeout", "20"], stdout=subprocess.DEVNULL)
        time.sleep(0.02)
        start = time.monotonic()
        fr.run("publish", "--tlp", "green", "-", stdin=f"single-{i}-{os.getpid()}.net\n")
        if waiting.wait(30) != 0:
            raise Failed("a single record did not arrive")
        latencies.append((time.monotonic() - start) * 1000)
        size += 1
    latencies.sort()
    put("hops_50", statistics.median(latencies))
    put("hops_99", latencies[max(0, round(len(latencies) * 0.99) - 1)])
    note("from the start of the publish command, a process of its own, to durable and indexed at ua")


# --- the auditor ---------------------------------------------------------------------------------

def bench_audit():
    """entente-audit over the bundle of a node that has published much (bench_audit.c)."""
    for key, entries, acts in (("audit_100k", 50000, 50000), ("audit_10m", AUDIT * 9 // 10, AUDIT // 10)):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "fr.audit")
            program("bench_audit", path, entries, acts)
            start = time.monotonic()
            done = subprocess.Popen([os.path.join(BIN, "entente-audit"), "check", path],
                                    stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(done.pid, 0)
            done.returncode = os.waitstatus_to_exitcode(status)
            if done.returncode != 0:
                raise Failed(f"entente-audit ended with {done.returncode}")
            put(key, time.monotonic() - start,
                smaller(AUDIT, 10 * MILLION) if key == "audit_10m" else None)
    put("audit_mb", usage.ru_maxrss / 1024, smaller(AUDIT, 10 * MILLION))


# --- all of it -----------------------------------------------------------------------------------

# name, what is said, how, seconds that it takes at least, keys of its rows from .. to
ORDER = ("loop", "work", "writer", "index")  # of the daemon's threads, as a record comes by them
PARTS = [
    ("bulk", f"{ROUNDS} rounds of {BULK:,} records beside the floor program", bench_bulk, 60,
     ("ratio", "catch_up")),
    ("ten", f"two nodes, {TEN:,} records", bench_ten, 60, ("ten", "restart")),
    ("europe", "43 nodes in network namespaces", bench_europe, 100, ("europe_50", "redundancy")),
    ("import", "a long list of domains into one node", bench_import, 15, ("import", "import_mb")),
    ("demo", "the demo federation: fr de ee pl ua", bench_demo, 25, ("lumma", "demo_mb")),
    ("audit", "bundles for the auditor", bench_audit, 60, ("audit_100k", "audit_mb")),
]


def part(name, what, how, seconds):
    """Why its rows are not all there; None when they are."""
    section(what)
    if os.environ.get("BENCH_ONLY") and name not in os.environ["BENCH_ONLY"].split(","):
        return "not asked for"
    if left_s() < seconds:
        return f"left out: {left_s():.0f} s are left of {SECONDS}"
    try:
        how()
    except Failed as e:
        return f"failed: {e}"
    except Exception:  # one part that breaks is told, and the others are measured
        return f"failed: {traceback.format_exc()}"
    return None


def draw():
    panels = []
    if DRAWN.get("size"):
        panels.append(plots.curves(
            "Throughput against the size of the store", "records in the store, millions",
            "records/s at the second node",
            [("two nodes", [(n / 1e6, r) for n, r in DRAWN["size"]])]))
    if DRAWN.get("latency"):
        panels.append(plots.curves(
            "Publish call to durable at the second node, 100 records/s", "ms", "% of records",
            [("", plots.distribution(DRAWN["latency"]))]))
    for name, title in (("publishing", "Publishing node, CPU by thread"),
                        ("receiving", "Receiving node, CPU by thread"), ("floor", "Floor, CPU by stage")):
        if DRAWN.get(name):
            shown = sorted(DRAWN[name].items(), key=lambda x: ORDER.index(x[0]) if x[0] in ORDER else 9)
            panels.append(plots.bars(title, "us a record", shown))
    if panels:
        plots.write(os.path.join(table.FOLDER, "bench.svg"), "Entente: " + table.machine(), panels)


def measure():
    on_a_disk()
    table.head()
    failed, keys = False, list(WANTED)
    for name, what, how, seconds, (first, last) in PARTS:
        why = part(name, what, how, seconds)
        failed = failed or (why or "").startswith("failed")
        for key in keys[keys.index(first):keys.index(last) + 1]:
            if key not in DONE:
                put(key, None, why)
    section("peers")
    for key in ("redis", "nats", "postgres"):
        put(key, None, "`make bench-peers` measures it")
    draw()
    path = table.write("latest.json")
    print(f"\n{time.monotonic() - table.BEGAN:.0f} s in all; {path} and bench.svg written")
    return 1 if failed else 0


if __name__ == "__main__":
    table.main(measure)
