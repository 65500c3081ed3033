#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Logs as static tiles, read by another implementation (tests/lib/tiles_ref.py): feeds, logs of acts, and
feeds that begin at a floor."""
import hashlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import Failed, Federation, run_tests, until  # noqa: E402
from tiles_ref import Tiles, Wrong  # noqa: E402

LONG = os.environ.get("ENTENTE_LONG") == "1"
# Three levels: 273 full tiles and a part, one full and a part, a part.
COUNT = 70001 if LONG else 66001


def publish(node, first, end):
    for at in range(first, end, 10000):
        node.run("publish", "--tlp", "clear", "-", stdin="".join(
            hashlib.sha256(b"%d" % i).hexdigest() + "\n" for i in range(at, min(at + 10000, end))))
    node.wait_sealed()


def export(node, log, folder):
    done = node.json("tlog", "export", log, folder)
    tiles = Tiles(folder).check()
    if done["size"] != tiles.size or done["left_out"] != tiles.left_out or \
            done["floor"] != tiles.floor or done["files"] != len(tiles.seen):
        raise Failed(f"it says {done}; {tiles.left_out} left out, {len(tiles.seen)} files")
    return tiles


def test_tiles_are_those_of_the_format():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        publish(fr, 0, COUNT)
        folder = os.path.join(fed.dir, "tiles")
        tiles = export(fr, "fr/clear", folder)
        if tiles.size != COUNT or tiles.left_out or not tiles.origin.endswith("/clear"):
            raise Failed(f"{tiles.origin} {tiles.size} {tiles.left_out}")
        # Never over what is there.
        fr.run("tlog", "export", "fr/clear", folder, status=6)
        export(fr, "fr/provenance", os.path.join(fed.dir, "acts"))
        fr.stop()
        # The reader can find what is wrong.
        with open(os.path.join(folder, "tile", "1", "000"), "r+b") as f:
            f.seek(40)
            f.write(b"\0\0")
        try:
            Tiles(folder).check()
        except Wrong:
            return
        raise Failed("an altered tile is not found")


def test_a_feed_that_begins_at_a_floor_is_laid_out_from_there():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        with open(os.path.join(de.home, "entente.conf"), "a", encoding="utf-8") as f:
            f.write("retain 2s\n")
        fed.start()
        fed.wait_connected()
        publish(fr, 0, 300)
        until(lambda: (de.feed(fr, "clear") or {}).get("floor") == 256, 20, "de forgets")
        # One tile lies before the floor, and its hash is known: nothing has to be left out.
        tiles = export(de, "fr/clear", os.path.join(fed.dir, "one"))
        if (tiles.floor, tiles.left_out, tiles.size) != (256, 0, 300):
            raise Failed(f"{tiles.floor} {tiles.left_out} {tiles.size}")
        publish(fr, 300, 1500)
        until(lambda: de.feed(fr, "clear")["floor"] == 1280, 20, "de forgets more")
        tiles = export(de, "fr/clear", os.path.join(fed.dir, "more"))
        if (tiles.floor, tiles.left_out, tiles.size) != (1280, 1, 1500):
            raise Failed(f"{tiles.floor} {tiles.left_out} {tiles.size}")
        fed.stop()


if __name__ == "__main__":
    run_tests([test_tiles_are_those_of_the_format,
               test_a_feed_that_begins_at_a_floor_is_laid_out_from_there])
