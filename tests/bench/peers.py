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
import tempfile
import traceback

import table
from measure import MILLION, Failed, Pair, mixed, on_a_disk
from peer_nats import Nats
from peer_postgres import Postgres
from peer_redis import Redis
from table import note, row, section

COUNT = int(os.environ.get("BENCH_PEERS", MILLION))
PEERS = {"redis": (Redis, 1.5, 3, "bulk against Redis Streams, fsync always"),
         "nats": (Nats, 1.5, 3, "bulk against NATS JetStream mirror"),
         "postgres": (Postgres, 3, 6, "bulk against PostgreSQL logical replication")}


def ours(path):
    with Pair() as pair:
        _, took, done = pair.publish(path)
        pair.check([path], verify=False)
        note(f"Entente: {done['published'] / took:,.0f} records/s")
        return done["published"] / took


def theirs(kind, path):
    """(rate, bytes a record), or why not."""
    lack = [p for p in kind.programs if not shutil.which(p)]
    if lack:
        return f"needs {', '.join(lack)}"
    try:
        with kind() as peer:
            return peer.measure(path)
    except Exception as e:  # what one of them does must not keep the others from being measured
        if not isinstance(e, Failed):
            traceback.print_exc()
        return f"failed: {e!r}"


def measure():
    on_a_disk()
    table.head()
    with tempfile.TemporaryDirectory(prefix="entente-") as folder:
        path = os.path.join(folder, "mixed.txt")
        mixed(path, COUNT)
        section("Entente, before the others")
        rates, results = [ours(path)], {}
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
        rates.append(ours(path))
    rate, why = sum(rates) / len(rates), None if COUNT == MILLION else f"measured with {COUNT:,} records"
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
    print(f"\n{table.write('peers.json')} written")
    return 1 if any(isinstance(r, str) and r.startswith("failed") for r in results.values()) else 0


if __name__ == "__main__":
    table.main(measure)
