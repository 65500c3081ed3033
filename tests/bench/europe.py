#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""make bench-europe: 43 real daemons in network namespaces on this machine, in each topology.

Prints what was measured beside what is wanted and writes build/bench/europe.json, rows as those of
make bench. BENCH_TOPOLOGIES=sparse,camps chooses; BENCH_NODES=12 takes fewer; BENCH_RECORDS=N single
records; BENCH_APART=10,45 parts the halves for so many seconds each. BENCH_SHORT=FILE: single records
only, rows into that file (make bench).
"""
import json
import os
import subprocess
import sys
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER, os.path.join(FOLDER, "..", "integration")]
import table  # noqa: E402
from table import note, row  # noqa: E402
from federation import BIN, Failed, ROOT, data  # noqa: E402
from network import NetworkedFederation, enter  # noqa: E402
from topology import EUROPE, TOPOLOGIES, camps_with_a_traveller, degrees  # noqa: E402
import scale  # noqa: E402

NODES = EUROPE[:int(os.environ.get("BENCH_NODES", len(EUROPE)))]
RECORDS = int(os.environ.get("BENCH_RECORDS", "258"))
PAUSE_S = 0.2
CONTROLS = 43
APART_S = [float(s) for s in os.environ.get("BENCH_APART", "10,45").split(",") if s]
SHORT = os.environ.get("BENCH_SHORT")
LIST = data("lists/maltrail_lummac2.txt")


def singles(fed, name):
    p = scale.Publications(fed, "single")
    p.spread(RECORDS, PAUSE_S)
    p.wait_everywhere(60)
    first, later = p.latencies()
    both = first + later
    row(f"{name}: record at all nodes, p50", scale.percentile(both, 50), "ms", None, "lower")
    row(f"{name}: record at all nodes, p99", scale.percentile(both, 99), "ms", 2000, "lower")
    row(f"{name}: first record of an origin at all nodes, p99", scale.percentile(first, 99), "ms", 2000,
        "lower")
    came = scale.traffic(fed)
    row(f"{name}: bytes of DATA received / unique", 1 + came["redundant_bytes"] / came["data_bytes"], "",
        1.05, "lower")
    note(f"{len(both)} records of {len(NODES)} origins, {1 / PAUSE_S:.0f} a second; from the start of the "
         f"publish command until the last node took it; max {max(both):.0f} ms")


def farthest(links, origin):
    """(name, hops) of the node with the longest shortest way."""
    hops, queue = {origin: 0}, [origin]
    for at in queue:
        for a, b in links:
            other = b if a == at else a if b == at else None
            if other is not None and other not in hops:
                hops[other] = hops[at] + 1
                queue.append(other)
    return queue[-1], hops[queue[-1]]


def control(fed, name):
    """The nodes' own notes are made before the commit that they stand in: the same once more with
    somebody waiting at the far end, until the record is durable and can be looked up there."""
    took, most = [], 0
    for i, origin in enumerate(NODES[:CONTROLS]):
        far, hops = farthest(fed.links, origin)
        most = max(most, hops)
        size = fed.nodes[origin].held(fed.nodes[origin], "green") + 1
        waiting = subprocess.Popen(
            [os.path.join(BIN, "entente"), "--home", fed.nodes[far].home, "wait", "--feed",
             f"{fed.nodes[origin].id}/green", "--size", str(size), "--timeout", "30"],
            stdout=subprocess.DEVNULL)
        time.sleep(0.1)
        began = time.monotonic()
        fed.nodes[origin].run("publish", "--tlp", "green", "-",
                              stdin=f"control-{i}.bad-example-zone.net\n")
        if waiting.wait(40) != 0:
            raise Failed(f"a record of {origin} did not arrive at {far}")
        took.append((time.monotonic() - began) * 1000)
    row(f"{name}: record durable and indexed at the farthest node, p50", scale.percentile(took, 50), "ms",
        None, "lower")
    row(f"{name}: record durable and indexed at the farthest node, p99", scale.percentile(took, 99), "ms",
        2000, "lower")
    note(f"{len(took)} records of as many origins, up to {most} hops away")


def bulk(fed, name):
    """A real list from one node: how long, and what goes over the wires beside the entries."""
    before = scale.traffic(fed)
    origin = fed.nodes[NODES[0]]
    began = time.monotonic()
    done = origin.json("publish", "--tlp", "green", LIST)
    size = done["feeds"][0]["size"]
    for node in fed.nodes.values():
        node.wait_held(origin, "green", size, 120)
    row(f"{name}: list of {done['published']:,} records, publish to findable at all",
        time.monotonic() - began, "s", None, "lower")
    after = scale.traffic(fed)
    came = {k: after[k] - before[k] for k in after}
    row(f"{name}: list, bytes on the wires / unique bytes of entries",
        came["received_bytes"] / came["data_bytes"], "", 1.05, "lower")


def recall(fed, name):
    took = scale.recalls(fed, "recalled", len(NODES), PAUSE_S)
    row(f"{name}: recalled record without a body at a node, p99", scale.percentile(took, 99) / 1000, "s",
        5, "lower")
    note(f"{len(NODES)} recalls of as many origins at {len(NODES)} nodes; every peer has confirmed each; "
         f"max {max(took):.0f} ms")


def memory(fed, name):
    used = sorted(scale.anonymous_mb(n) for n in fed.nodes.values())
    row(f"{name}: anonymous memory of the largest node", used[-1], "MB", 32, "lower")
    note(f"the smallest {used[0]:.1f} MB, all together {sum(used):.0f} MB")


def apart(fed, name, seconds):
    took, cut = scale.parted(fed, f"apart{seconds:.0f}", seconds, 10, NODES)
    row(f"{name}: {seconds:.0f} s in two halves, healed to everything everywhere", took / 1000, "s", 30,
        "lower")
    note(f"{cut} of {len(fed.links)} lines were cut, 20 records published on either side")


def split(sizes):
    """Two copies of one node in two camps sign different records; then the camps are joined."""
    links, name, across = camps_with_a_traveller(NODES)
    with NetworkedFederation(NODES, links, spare=["spare"]) as fed:
        took, spread, _ = scale.split_view(fed, name, across, sizes)
    row(f"split view at sizes {sizes[0]} and {sizes[1]}, camps joined to proof at all", took / 1000, "s", 5,
        "lower")
    row(f"split view at sizes {sizes[0]} and {sizes[1]}, first proof to proof at all", spread / 1000, "s", 5,
        "lower")


def bench(name):
    links = TOPOLOGIES[name](NODES)
    degree = degrees(NODES, links).values()
    print(f"\n{name}: {len(NODES)} nodes, {len(links)} links, {min(degree)} to {max(degree)} each")
    began = time.monotonic()
    with NetworkedFederation(NODES, links) as fed:
        note(f"keys, cards and agreements made by the real commands in {time.monotonic() - began:.0f} s; "
             f"all links up {scale.start(fed):.1f} s after the start")
        singles(fed, name)
        if SHORT:
            scale.quiet(fed)
            fed.stop()
            return
        control(fed, name)
        bulk(fed, name)
        recall(fed, name)
        memory(fed, name)
        for seconds in APART_S:
            apart(fed, name, seconds)
        feeds = scale.agreed_roots(fed)
        scale.quiet(fed)
        came = scale.traffic(fed)
        row(f"{name}: the same in the end, both partitions included",
            1 + came["redundant_bytes"] / came["data_bytes"], "", 1.05, "lower")
        note(f"equal roots of {feeds} feeds at all nodes, no alarm anywhere")
        fed.stop()


def main():
    why_not = enter()
    if why_not:
        print(f"not measured: {why_not}")
        return
    began = time.monotonic()
    chosen = os.environ.get("BENCH_TOPOLOGIES", ",".join(TOPOLOGIES)).split(",")
    print(f"machine: {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} before")
    for name in chosen:
        bench(name)
    if SHORT:
        with open(SHORT, "w", encoding="utf-8") as f:
            json.dump(table.ROWS, f)
        return
    print(f"\na split view among {len(NODES)} nodes in two camps")
    split((3, 5))
    split((4, 4))
    print(f"\n{time.monotonic() - began:.0f} s in all; {table.write('europe.json')} written")


if __name__ == "__main__":
    try:
        main()
    except Failed as e:
        print(e)
        sys.exit(1)
