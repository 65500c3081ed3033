# SPDX-License-Identifier: EUPL-1.2
"""A reader of static tiles, from the public text (c2sp.org/tlog-tiles, tlog-checkpoint, RFC 6962) and, for
a log that begins at a floor, docs/AUDIT.md. Checks that every tile and bundle of entries that must be there
is there and right, that nothing else is, and that all leads to the root of the checkpoint."""
import base64
import os

import peer_ref

FULL = 256


class Wrong(Exception):
    """A tile is not as the text says."""


def path_of(level, number, width):
    name = f"{number % 1000:03}"
    while number >= 1000:
        number //= 1000
        name = f"x{number % 1000:03}/{name}"
    return f"tile/{level}/{name}" + (f".p/{width}" if width < FULL else "")


class Tiles:
    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "checkpoint"), encoding="utf-8") as f:
            self.note = f.read()
        lines = self.note.split("\n")
        self.origin, self.size, self.root = lines[0], int(lines[1]), base64.b64decode(lines[2])
        self.floor, self.peaks = self.read_floor()
        self.seen = {"checkpoint"} | ({"floor"} if self.floor else set())
        self.left_out = 0
        # level -> index of a hash there -> the hash
        self.known = [{}]

    def read(self, path):
        self.seen.add(path)
        with open(os.path.join(self.folder, path), "rb") as f:
            return f.read()

    def read_floor(self):
        """{(first, end): hash} of the perfect subtrees in front of the floor."""
        path = os.path.join(self.folder, "floor")
        if not os.path.exists(path):
            return 0, {}
        with open(path, encoding="utf-8") as f:
            lines = f.read().split("\n")
        if lines[0] != "entente/floor/v1" or lines[-1] or not lines[1].startswith("floor: "):
            raise Wrong(f"floor: {lines}")
        floor, at, peaks = int(lines[1][7:]), 0, {}
        hashes = [base64.b64decode(x.removeprefix("hash: ")) for x in lines[2:-1]]
        for bit in reversed(range(floor.bit_length())):
            if floor >> bit & 1:
                peaks[at, at + (1 << bit)] = hashes.pop(0)
                at += 1 << bit
        if hashes:
            raise Wrong("more hashes than the floor has")
        return floor, peaks

    def subtree(self, first, end):
        """MTH(D[first:end]) from what is known."""
        if (first, end) in self.peaks:
            return self.peaks[first, end]
        for level, known in enumerate(self.known):
            if end - first == FULL ** level and first // FULL ** level in known:
                return known[first // FULL ** level]
        if end - first == 1 or end <= self.floor:
            raise Wrong(f"nothing stands for [{first}, {end})")
        half = 1 << ((end - first - 1).bit_length() - 1)
        return peer_ref.node_hash(self.subtree(first, first + half), self.subtree(first + half, end))

    def check_entries(self, number, width):
        data = self.read(path_of("entries", number, width))
        leaves, at = [], 0
        while at < len(data):
            length = int.from_bytes(data[at:at + 2], "big")
            leaves.append(peer_ref.leaf_hash(data[at + 2:at + 2 + length]))
            at += 2 + length
        if len(leaves) != width or at != len(data):
            raise Wrong(f"{len(leaves)} entries in bundle {number}")
        return leaves

    def check_level(self, level):
        """False when the log has no tiles there."""
        span = FULL ** level
        count = self.size // span
        if count == 0:
            return False
        for number in range((self.floor // span) // FULL, (count + FULL - 1) // FULL):
            width = min(FULL, count - number * FULL)
            want = self.expected(level, number, width)
            path = path_of(level, number, width)
            if want is None:
                self.left_out += 1
                continue
            data = self.read(path)
            if [data[i:i + 32] for i in range(0, len(data), 32)] != want:
                raise Wrong(path)
            for i, one in enumerate(want):
                self.known[level][number * FULL + i] = one
        return True

    def expected(self, level, number, width):
        """The hashes of a tile, None when one in front of the floor is not to be known."""
        if level == 0:
            return self.check_entries(number, width)
        span, out = FULL ** level, []
        for i in range(number * FULL, number * FULL + width):
            try:
                out.append(self.subtree(i * span, (i + 1) * span))
            except Wrong:
                if i * span >= self.floor:
                    raise
                return None
        return out

    def check(self):
        level = 0
        while self.check_level(level):
            level += 1
            self.known.append({})
        if self.size and self.subtree(0, self.size) != self.root:
            raise Wrong("the tiles do not lead to the root")
        for folder, _, files in os.walk(self.folder):
            for name in files:
                path = os.path.relpath(os.path.join(folder, name), self.folder)
                if path not in self.seen:
                    raise Wrong(f"{path} is not of these tiles")
        return self
