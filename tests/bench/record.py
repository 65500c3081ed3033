#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""make bench-record: what the last runs measured becomes what later ones are compared with
(tests/bench/recorded.json), and their plots are kept in docs/."""
import datetime
import json
import os
import shutil

import table


def rows_of(name):
    try:
        with open(os.path.join(table.FOLDER, name), encoding="utf-8") as f:
            return json.load(f)
    except OSError:
        return []


def main():
    rows = dict(table.LAST)
    for name in ("latest.json", "peers.json", "long.json", "europe.json"):
        found = [r for r in rows_of(name) if r["value"] is not None]
        rows.update({r["name"]: round(r["value"], 4) for r in found})
        print(f"{name}: {len(found)} rows")
    with open(table.RECORDED, "w", encoding="utf-8") as f:
        json.dump({"machine": table.machine(), "when": f"{datetime.date.today()}", "rows": rows}, f, indent=1)
        f.write("\n")
    for name in ("bench.svg", "long.svg"):
        path = os.path.join(table.FOLDER, name)
        if os.path.exists(path):
            shutil.copy(path, os.path.join(table.ROOT, "docs", name))
            print(f"docs/{name} written")


if __name__ == "__main__":
    main()
