#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""make bench-record: what the last runs measured becomes what later ones are compared with
(tests/bench/recorded.json), the tables of docs/PERFORMANCE.md are made of it, and the plots are kept
in docs/."""
import datetime
import json
import os
import re
import shutil

import table
from run import MILLION, WANTED

PAGE = os.path.join(table.ROOT, "docs", "PERFORMANCE.md")
PEERS = ("Redis Streams, fsync always", "NATS JetStream mirror", "PostgreSQL logical replication")
OURS = "bulk, publish to durable and indexed at the second node, beside the peers"


def read(name):
    try:
        with open(name if os.path.isabs(name) else os.path.join(table.FOLDER, name), encoding="utf-8") as f:
            return f.read()
    except OSError:
        return None


def too_small(row):
    """Measured to try the benchmark rather than the program."""
    size = re.match(r"measured with ([0-9,]+) ", row["why"] or "")
    return size and int(size[1].replace(",", "")) < MILLION // 2


def kept(known):
    """Newer figures over older ones."""
    for name in ("latest.json", "peers.json", "long.json", "europe.json"):
        found = [r for r in json.loads(read(name) or "[]") if r["value"] is not None and not too_small(r)]
        if name == "long.json" and not any(r["why"] and "records" in r["why"] for r in found):
            found = []  # its first row says of how many the others are
        for r in found:
            known[r["name"]] = {"value": round(r["value"], 4), "unit": r["unit"], "why": r["why"],
                                "floor": round(r["floor"], 4) if r["floor"] else None}
        print(f"{name}: {len(found)} rows")
    return known


# --- tables --------------------------------------------------------------------------------------

def shown(value, unit=""):
    return "–" if value is None else table.number(value) + (" " + unit if unit else "")


def of(rows, name, key="value"):
    return rows.get(name, {}).get(key)


def now(rows, name, unit):
    """With what it was measured, where that is not what the name says."""
    why = of(rows, name, "why") or ""
    return shown(of(rows, name), unit) + (f" ({why})" if why.startswith("measured with") else "")


def targets(rows, before):
    lines = ["| | must / aim | before | now | floor |", "|---|---|---|---|---|"]
    for key, (name, unit, must, aim, _) in WANTED.items():
        unit = unit.replace("records/s", "/s")
        wanted = " / ".join(f"{w:,.6g}" for w in (must, aim) if w is not None) or "–"
        wanted += f" {unit}" if unit and must is not None else ""
        lines.append(f"| {name} | {wanted} | {before.get(key, '–')} | {now(rows, name, unit)} | "
                     f"{shown(of(rows, name, 'floor'), unit)} |")
    return lines


def synced(rows, name):
    return " / ".join(shown(of(rows, f"{name}, 100/s, {p}")) for p in ("p50", "p99"))


def peers(rows):
    ours = synced(rows, "Entente, a record synced at both nodes")
    lines = ["| | records/s, all at the second | disk a record there | a record synced at both, p50 / p99 ms "
             "| Entente's bulk is |", "|---|---|---|---|---|",
             f"| Entente | {shown(of(rows, OURS))} | {shown(of(rows, WANTED['disk_1'][0]), 'B')} | {ours} | |"]
    names = [WANTED[k][0] for k in ("redis", "nats", "postgres")]
    for peer, ratio in zip(PEERS, names):
        lines.append(f"| {peer} | {shown(of(rows, peer + ', all at the second server'))} | "
                     f"{shown(of(rows, peer + ', disk a record at the second server'), 'B')} | "
                     f"{synced(rows, peer + ', a record synced at both servers')} | "
                     f"{shown(of(rows, ratio))} times as fast |")
    return lines


def long_run(rows):
    names = [n for n in rows if n.startswith("long run, ")]
    return ["| | |", "|---|---|"] + [
        f"| {n.removeprefix('long run, ')} | {now(rows, n, rows[n]['unit'])} |" for n in names]


def plot(name, what):
    """A link to it, once it is there."""
    return ["", f"![{what}]({name})"] if os.path.exists(os.path.join(table.ROOT, "docs", name)) else []


def block(text, name, lines):
    """What stands between the markers of that name becomes these lines."""
    return re.sub(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda m: m[1] + "\n".join(lines) + "\n" + m[2],
                  text, flags=re.DOTALL)


def page_write(saved, where):
    text, rows = read(PAGE), saved["rows"]
    text = block(text, "machine", [f"Measured on {saved['machine']}, {saved['when']}, Debian 12, gcc -O2."])
    text = block(text, "targets", targets(rows, saved["before"])
                 + plot("bench.svg", "Throughput against size, latency, cost by stage"))
    text = block(text, "peers", peers(rows))
    text = block(text, "long", long_run(rows) + plot("long.svg", "Throughput and CPU against size"))
    if where:
        text = block(text, "where", where.strip().split("\n"))
    with open(PAGE, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    saved = json.loads(read(table.RECORDED) or '{"before": {}, "rows": {}}')
    saved.update(machine=table.machine(), when=f"{datetime.date.today()}", rows=kept(saved["rows"]))
    with open(table.RECORDED, "w", encoding="utf-8") as f:
        json.dump(saved, f, indent=1, ensure_ascii=False)
        f.write("\n")
    for name in ("bench.svg", "long.svg"):
        if read(name):
            shutil.copy(os.path.join(table.FOLDER, name), os.path.join(table.ROOT, "docs", name))
    page_write(saved, read("where.md"))
    print("tests/bench/recorded.json, docs/PERFORMANCE.md and plots in docs/ written")


if __name__ == "__main__":
    main()
