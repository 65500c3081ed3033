#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Logs as static tiles: laid out as tlog-tiles says, and leading to the signed root."""
import base64
import hashlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import Failed, Federation, run_tests  # noqa: E402
import peer_ref  # noqa: E402

COUNT = 70001  # three levels: 273 full tiles and a part, one full and a part, a part


def tile(folder, level, number, width=256):
    name = f"{number % 1000:03}"
    while number >= 1000:
        number //= 1000
        name = f"x{number % 1000:03}/{name}"
    path = os.path.join(folder, "tile", str(level), name + (f".p/{width}" if width < 256 else ""))
    with open(path, "rb") as f:
        return f.read()


def hashes(data):
    return [data[i:i + 32] for i in range(0, len(data), 32)]


def check_tiles(folder, size, root):
    leaves = []
    for number in range((size + 255) // 256):
        width = min(256, size - number * 256)
        entries = tile(folder, "entries", number, width)
        if len(entries) != 66 * width:
            raise Failed(f"entries of tile {number}: {len(entries)} bytes")
        mine = [peer_ref.leaf_hash(entries[66 * i + 2:66 * i + 66]) for i in range(width)]
        if any(entries[66 * i:66 * i + 2] != b"\0\x40" for i in range(width)) or \
                hashes(tile(folder, 0, number, width)) != mine:
            raise Failed(f"tile {number} of level 0")
        leaves += mine
    level, below = 1, leaves
    while len(below) >= 256:
        below = [peer_ref.tree_hash(below[256 * i:256 * i + 256], 0, 256)
                 for i in range(len(below) // 256)]
        for number in range((len(below) + 255) // 256):
            part = below[number * 256:number * 256 + 256]
            if hashes(tile(folder, level, number, len(part))) != part:
                raise Failed(f"tile {number} of level {level}")
        level += 1
    if os.path.exists(os.path.join(folder, "tile", str(level))):
        raise Failed(f"there is a level {level}")
    if peer_ref.tree_hash(leaves, 0, size) != root:
        raise Failed("the tiles do not lead to the root")


def signed(folder):
    with open(os.path.join(folder, "checkpoint"), encoding="utf-8") as f:
        text, _ = peer_ref.note_read(f.read())
    origin, size, root = text.split("\n")[:3]
    return origin, int(size), base64.b64decode(root)


def test_tiles_are_those_of_the_format():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        for at in range(0, COUNT, 10000):
            fr.run("publish", "--tlp", "clear", "-", stdin="".join(
                hashlib.sha256(b"%d" % i).hexdigest() + "\n"
                for i in range(at, min(at + 10000, COUNT))))
        fr.wait_sealed()
        folder = os.path.join(fed.dir, "tiles")
        done = fr.json("tlog", "export", "fr/clear", folder)
        origin, size, root = signed(folder)
        if size != COUNT or done["size"] != COUNT or not origin.endswith("/clear"):
            raise Failed(f"{origin} {size} {done}")
        check_tiles(folder, size, root)
        # Never over what is there.
        fr.run("tlog", "export", "fr/clear", folder, status=6)
        acts = os.path.join(fed.dir, "acts")
        fr.run("tlog", "export", "fr/provenance", acts)
        origin, size, root = signed(acts)
        check_tiles(acts, size, root)
        fr.stop()


if __name__ == "__main__":
    run_tests([test_tiles_are_those_of_the_format])
