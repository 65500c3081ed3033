#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""make bench-peers: other systems and Entente move the same million records between two servers on
loopback, in one run. BENCH_PEERS=N takes fewer records; BENCH_ONLY=redis,nats,postgres chooses.

None of them signs, encrypts or proves anything; only PostgreSQL indexes. Each is driven in the fastest
way that its makers give, and its servers have directories and ports of their own, which are gone
afterwards. Entente is measured before and after them. Writes build/bench/peers.json.
"""
import os
import shutil
import statistics
import tempfile
import traceback

import table
from measure import MILLION, Failed, Pair, hundredth, mixed, on_a_disk, synced_writes_ms
from peer_nats import Nats
from peer_postgres import Postgres
from peer_redis import Redis
from table import note, row, section

COUNT, SINGLES = int(os.environ.get("BENCH_PEERS", MILLION)), 500
PEERS = {"redis": (Redis, 1.5, 3, "bulk against Redis Streams, fsync always"),
         "nats": (Nats, 1.5, 3, "bulk against NATS JetStream mirror"),
         "postgres": (Postgres, 3, 6, "bulk against PostgreSQL logical replication")}


def ours(path):
    with Pair() as pair:
        _, took, done = pair.publish(path)
        pair.check([path], verify=False)
        note(f"Entente: {done['published'] / took:,.0f} records/s")
        pair.quiet()
        os.sync()  # what bulk left in the page cache would be written meanwhile
        return done["published"] / took, pair.latencies_ms(SINGLES)[0]


def theirs(kind, path):
    """(rate, bytes a record, latencies or None), or why not."""
    lack = [p for p in kind.programs if not shutil.which(p)]
    if lack:
        return f"needs {', '.join(lack)}"
    try:
        with kind() as peer:
            rate, disk = peer.measure(path)
            os.sync()
            return rate, disk, peer.latencies_ms(SINGLES)
    except Exception as e:  # what one of them does must not keep the others from being measured
        if not isinstance(e, Failed):
            traceback.print_exc()
        return f"failed: {e!r}"


def latency_rows(name, times):
    row(f"{name}, p50", statistics.median(times), "ms", None, "lower")
    row(f"{name}, p99", hundredth(times), "ms", None, "lower")


def measure():
    on_a_disk()
    table.head()
    with tempfile.TemporaryDirectory(prefix="entente-") as folder:
        path = os.path.join(folder, "mixed.txt")
        mixed(path, COUNT)
        section("Entente, before the others")
        runs, results = [ours(path)], {}
        for key, (kind, _, _, _) in PEERS.items():
            section(kind.name)
            if os.environ.get("BENCH_ONLY") and key not in os.environ["BENCH_ONLY"].split(","):
                results[key] = "not asked for"
            else:
                results[key] = theirs(kind, path)
            if isinstance(results[key], str):
                note(results[key])
            else:
                note(f"{results[key][0]:,.0f} records/s")
        section("Entente, after the others")
        runs.append(ours(path))
        sync = statistics.median(synced_writes_ms(folder, 300))
    rate = sum(r for r, _ in runs) / len(runs)
    why = None if COUNT == MILLION else f"measured with {COUNT:,} records"
    row("bulk, publish to durable and indexed at the second node, beside the peers", rate, "records/s",
        None, "higher", why=why)
    for key, (kind, must, aim, name) in PEERS.items():
        said = results[key]
        bad = said if isinstance(said, str) else None
        row(f"{kind.name}, all at the second server", None if bad else said[0], "records/s", None,
            "higher", why=bad or why)
        row(f"{kind.name}, disk a record at the second server", None if bad else said[1], "B", None,
            "lower", why=bad or why)
        row(name, None if bad else rate / said[0], "", must, "higher", aim, bad or why)
        if not bad and said[2]:
            latency_rows(f"{kind.name}, a record synced at both servers, 100/s", said[2])
    latency_rows("Entente, a record synced at both nodes, 100/s", sorted(runs[0][1] + runs[1][1]))
    row("one synced write of 4 KiB, 100/s, p50: two are in each of these", sync, "ms", None, "lower")
    print(f"\n{table.write('peers.json')} written")
    return 1 if any(isinstance(r, str) and r.startswith("failed") for r in results.values()) else 0


if __name__ == "__main__":
    table.main(measure)
