#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""make bench: what the federation does on this machine, printed beside what is wanted.

Real daemons over real encrypted links on loopback. Absolute figures wander with the machine; the
table says what must be reached. Also writes build/bench/latest.json (CLI.md, "make").
"""
import hashlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from federation import BIN, Failed, Federation, ROOT, data, until  # noqa: E402

BULK = int(os.environ.get("BENCH_BULK", "1000000"))
STORE = int(os.environ.get("BENCH_STORE", "10000000"))
SINGLES = int(os.environ.get("BENCH_SINGLES", "200"))
ROWS = []


def row(name, value, unit, must, better, aim=None, why=None):
    ROWS.append({"name": name, "value": value, "unit": unit, "must": must, "aim": aim,
                 "better": better, "floor": None, "why": why})
    good = "" if value is None or must is None else (
        "ok" if (value >= must if better == "higher" else value <= must) else "BELOW")
    shown = "-" if value is None else f"{value:,.3f}" if value < 100 else f"{value:,.0f}"
    print(f"{name:56} {shown:>10} {unit:10} must {must if must is not None else '-':>7}"
          f" aim {aim if aim is not None else '-':>5}  {good}", flush=True)


def note(text):
    print("    " + text, flush=True)


def thread_seconds(pid):
    """CPU seconds by thread name: the split by stage."""
    ticks = os.sysconf("SC_CLK_TCK")
    out = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/stat", encoding="utf-8") as f:
            text = f.read()
        name = text[text.index("(") + 1:text.rindex(")")]
        fields = text[text.rindex(")") + 2:].split()
        out[name] = out.get(name, 0) + (int(fields[11]) + int(fields[12])) / ticks
    return out


def split(before, after, records):
    parts = {("loop" if k == "entented" else k): (after[k] - before.get(k, 0)) / records * 1e6
             for k in after}
    return ", ".join(f"{k} {v:.2f}" for k, v in sorted(parts.items()) if v >= 0.005)


def anonymous_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
        for line in f:
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) / 1024
    return None


class Peak(threading.Thread):
    """The most anonymous memory that one of the nodes has, looked at five times a second."""

    def __init__(self, *nodes):
        super().__init__(daemon=True)
        self.pids, self.most, self.over = [n.process.pid for n in nodes], 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.2):
            self.most = max([self.most] + [anonymous_mb(pid) for pid in self.pids])

    def end(self):
        self.over.set()
        self.join()
        return self.most


def mixed(path, count):
    """Real-looking values: domains, addresses, URLs and hashes, none of them special."""
    draw = random.Random(7)
    words = ["mail", "cdn", "login", "update", "static", "secure", "api", "img", "shop", "news"]
    tlds = ["com", "net", "org", "top", "xyz", "info", "ru", "cn", "site", "online"]
    with open(path, "w", encoding="utf-8") as f:
        for i in range(count):
            kind = i % 10
            digest = hashlib.sha256(b"%d" % i).hexdigest()
            if kind < 5:
                f.write(f"{draw.choice(words)}.{digest[:14]}.{draw.choice(tlds)}\n")
            elif kind < 7:
                f.write(f"{draw.choice([5, 23, 45, 77, 91, 185, 193])}.{i >> 16 & 255}."
                        f"{i >> 8 & 255}.{i & 255}\n")
            elif kind < 9:
                f.write(f"http://{digest[:10]}.{draw.choice(tlds)}/{digest[10:30]}.php?id={i}\n")
            else:
                f.write(digest + "\n")


def bench_store():
    """The store by itself, one thread: what the index costs as it grows."""
    print(f"\nthe store by itself, {STORE:,} records of 158 bytes")
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run([os.path.join(ROOT, "build/plain/tests/bench/bench_store"), folder,
                              str(STORE)], stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = [[float(n) for n in re.findall(r"[0-9.]+", line)] for line in out.splitlines()]
    # At last how long opening took, before it of each million:
    # records, append k/s, index k/s, CPU us, look-up us, walk k/s, written B, disk B, rss MB
    opened, first, last = lines.pop()[0], lines[0], lines[-1]
    at5 = lines[min(5, len(lines)) - 1]
    million = f"{round(last[0] / 1e6)} M"
    row("index, CPU a record, 1 M", first[3], "us", None, "lower")
    row(f"index, CPU a record of 1 M against those of {million}",
        first[3] / statistics.mean(line[3] for line in lines), "", 0.7, "higher", 0.9)
    row("look-up by value in process, 1 M, warm", first[4], "us", 5, "lower", 2.5)
    row(f"look-up by value in process, {million}, warm", last[4], "us", 8, "lower", 4)
    row(f"written a record by then, {round(at5[0] / 1e6)} M, store alone", at5[6], "B", 1500, "lower", 700)
    row(f"store of {million} opened again to its first reader", opened / 1000, "s", 1, "lower", 0.2)
    row(f"disk a record, {million}, store alone", last[7], "B", 420, "lower", 330)


def bench_demo():
    print("\nthe demo federation: fr de ee pl ua, the Lumma list")
    with Federation() as fed:
        fr, _, _, _, ua = fed.add("fr", "de", "ee", "pl", "ua")
        both = "clear,green"
        for a, b in (("fr", "de"), ("de", "pl"), ("pl", "ua"), ("ee", "fr"), ("ee", "de")):
            fed.agree(a, b, gives={a: both, b: both}, introduces=(a, b))
        fed.start()
        fed.wait_connected()
        time.sleep(2.2)  # past the wait of the first seal
        start = time.monotonic()
        done = fr.json("publish", "--tlp", "green", data("lists/maltrail_lummac2.txt"))
        size = done["feeds"][0]["size"]
        for node in fed.nodes.values():
            node.wait_held(fr, "green", size)
        row("Lumma list, publish to findable at all five", time.monotonic() - start, "s", 5, "lower")
        peers = [p for n in fed.nodes.values() for p in n.status()["peers"]]
        wire, unique = (sum(p[k] for p in peers) for k in ("received_bytes", "data_bytes"))
        row("bytes on the wire / unique bytes of entries", wire / unique, "", 1.05, "lower")
        row("idle node after the Lumma list, anonymous memory", anonymous_mb(ua.process.pid), "MB", 32,
            "lower")
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
    row("single record over three hops, p50", statistics.median(latencies), "ms", None, "lower")
    row("single record over three hops, p99", latencies[int(len(latencies) * 0.99) - 1], "ms", 150,
        "lower")
    note("from the start of the publish command, a process of its own, to durable and indexed at ua")


def bench_bulk():
    print(f"\ntwo nodes, {BULK:,} mixed records in bulk")
    with Federation() as fed:
        a, b = fed.add("a", "b")
        fed.agree("a", "b", gives={"a": "clear,green", "b": "clear,green"})
        fed.start()
        fed.wait_connected()
        path = os.path.join(fed.dir, "mixed.txt")
        mixed(path, BULK)
        time.sleep(2.2)
        cpu = {n.name: thread_seconds(n.process.pid) for n in (a, b)}
        peak = Peak(a, b)
        start = time.monotonic()
        publishing = subprocess.Popen([os.path.join(BIN, "entente"), "--home", a.home, "publish", "--tlp",
                                       "green", "--json", path], stdout=subprocess.PIPE, text=True)
        out, _ = publishing.communicate()
        done = json.loads(out)
        published = time.monotonic() - start
        count = done["published"]
        b.wait_held(a, "green", done["feeds"][0]["size"], 600)
        took = time.monotonic() - start
        row("bulk, publish to durable and indexed at the second node", count / took, "records/s", 60000,
            "higher")
        row("bulk, publish command alone (durable and signed)", count / published, "records/s", None,
            "higher")
        note(f"{count:,} of {done['read']:,} published in {published:.1f} s, all there after {took:.1f} s")
        for n in (a, b):
            note(f"{n.name}: CPU us a record by thread: "
                 f"{split(cpu[n.name], thread_seconds(n.process.pid), count)}")
        row("anonymous memory of the larger node, at its peak", peak.end(), "MB", 128, "lower", 96)
        row("disk a record at the second node, everything", b.status()["disk_bytes"] / count, "B", 420,
            "lower", 330)
        probe = hashlib.sha256(b"%d" % 9).hexdigest()
        if not b.find(probe):
            raise Failed("a value of the bulk is not found at the second node")
        roots = {n.feed(a, "green")["root"] for n in (a, b)}
        if len(roots) != 1:
            raise Failed("the two nodes do not have the same root")
        bench_catch_up(fed, a, b, path)


def bench_catch_up(fed, a, b, path):
    """The second node comes back from nothing: same keys, empty store."""
    b.stop()
    c = fed.add("c")[0]
    fed.agree("a", "c", gives={"a": "clear,green", "c": "clear,green"})
    size = a.held(a, "green")
    start = time.monotonic()
    c.start()
    c.wait_held(a, "green", size, 600)
    row(f"catch-up of {size:,} by a new node, durable and indexed", time.monotonic() - start, "s", None,
        "lower")


def bench_audit():
    """entente-audit over the bundle of a node that has published much (bench_audit.c)."""
    program = os.path.join(ROOT, "build", "plain", "tests", "bench", "bench_audit")
    if not os.path.exists(program):
        for name in ("100 k", "10 M"):
            row(f"audit, {name} entries checked", None, "s", None, "lower", why="not built")
        return
    for name, entries, acts, must in (("100 k", 50000, 50000, 1), ("10 M", 9000000, 1000000, 30)):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "fr.audit")
            subprocess.run([program, path, str(entries), str(acts)], check=True)
            start = time.monotonic()
            done = subprocess.Popen([os.path.join(BIN, "entente-audit"), "check", path],
                                    stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(done.pid, 0)
            done.returncode = os.waitstatus_to_exitcode(status)
            if done.returncode != 0:
                raise Failed(f"entente-audit ended with {done.returncode}")
            row(f"audit, {name} entries checked", time.monotonic() - start, "s", must, "lower")
    row("audit, memory of the larger", usage.ru_maxrss / 1024, "MB", 256, "lower")


def main():
    start = time.monotonic()
    print(f"machine: {os.cpu_count()} CPUs; programs: {os.path.relpath(BIN, ROOT)}")
    bench_store()
    bench_demo()
    bench_bulk()
    bench_audit()
    folder = os.path.join(ROOT, "build", "bench")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "latest.json"), "w", encoding="utf-8") as f:
        json.dump(ROWS, f, indent=1)
    print(f"\n{time.monotonic() - start:.0f} s in all; build/bench/latest.json written")


if __name__ == "__main__":
    try:
        main()
    except Failed as e:
        print(e)
        sys.exit(1)
