# SPDX-License-Identifier: EUPL-1.2
"""A second reader and writer of bundles, from docs/AUDIT.md: what the tamper bench lies with.

    b = Bundle.read(path)        b.write(path) gives the same bytes
    b.log("green")               a log by its audience; b.acts() the newest log of acts
    log.sign(seed)               a new checkpoint over the entries as they stand now
"""
import copy
import hashlib
import os
import struct

import ed25519_ref as ed25519
import peer_ref
from peer_ref import decode, encode, log_text, tree_hash

MAGIC = b"entente/audit/v1\n"
ABOUT, CARDS, AGREEMENT, REVOCATION, WITNESS, LOG, COSIGNATURE, SPLIT, ENTRIES, END, ROSTER = range(1, 12)
PRESENT, ERASED, KEPT = 0, 1, 2
PROVENANCE = 5


class Entry:
    def __init__(self, header, state, salt=b"", body=b"", via=bytes(16), received=0):
        self.header, self.state, self.salt, self.body = header, state, salt, body
        self.via, self.received = via, received

    @property
    def kind(self):
        return self.header[1]

    @property
    def time(self):
        return int.from_bytes(self.header[8:16], "big")

    def packed(self):
        return self.header + bytes([self.state]) + (
            self.salt + self.body if self.state == PRESENT else b"")

    def change(self, at, data):
        self.header = self.header[:at] + data + self.header[at + len(data):]

    def act(self):
        return decode("Act", self.body)

    def set_act(self, fields, time=None):
        """Another act in its place, with the commitment that belongs to it."""
        slim = {k: v for k, v in fields.items() if v not in (0, b"", None, [])}
        self.body = encode("Act", slim)
        self.salt = os.urandom(16)
        self.change(6, struct.pack(">H", len(self.body)))
        if time is not None:
            self.change(8, struct.pack(">Q", time))
        self.change(32, peer_ref.commitment(self.salt, self.body))


class Cosignature:
    def __init__(self, payload):
        self.node, self.flags = payload[:16], payload[16]
        self.size = int.from_bytes(payload[17:25], "big")
        self.root, self.signature = payload[25:57], payload[57:121]
        self.time, self.by = int.from_bytes(payload[121:129], "big"), payload[129:]

    def payload(self):
        return (self.node + bytes([self.flags]) + struct.pack(">Q", self.size) + self.root +
                self.signature + struct.pack(">Q", self.time) + self.by)


class Log:
    def __init__(self, payload):
        self.name, self.flags = payload[:33], payload[33]
        self.size, self.floor, self.begin, self.end = struct.unpack_from(">4Q", payload, 34)
        at = 66
        self.checkpoint = None
        if self.flags & 2:
            self.checkpoint = [int.from_bytes(payload[66:74], "big"), payload[74:106],
                               payload[106:170]]
            at = 170
        self.left = [payload[at + 1 + 32 * i:at + 33 + 32 * i] for i in range(payload[at])]
        at += 1 + 32 * payload[at]
        self.right = [payload[at + 1 + 32 * i:at + 33 + 32 * i] for i in range(payload[at])]
        self.cosignatures, self.splits, self.entries = [], [], []

    @property
    def audience(self):
        return log_text(self.name).split("/")[3]

    def head(self):
        out = self.name + bytes([self.flags]) + struct.pack(
            ">4Q", self.size, self.floor, self.begin, self.end)
        if self.checkpoint:
            out += struct.pack(">Q", self.checkpoint[0]) + self.checkpoint[1] + self.checkpoint[2]
        for hashes in (self.left, self.right):
            out += bytes([len(hashes)]) + b"".join(hashes)
        return out

    def root(self, size=None):
        leaves = [peer_ref.leaf_hash(e.header) for e in self.entries]
        return tree_hash(leaves, 0, len(leaves) if size is None else size)

    def fit(self):
        """The numbers of the entries that are there now."""
        self.end = self.size = len(self.entries)

    def sign(self, seed, size=None):
        self.fit()
        size = size or self.end
        root = self.root(size)
        text = f"{log_text(self.name)}\n{size}\n{peer_ref.base64.b64encode(root).decode()}\n"
        self.checkpoint = [size, root, ed25519.sign(seed, text.encode())]

    def acts(self, number):
        """(index, fields) of the acts of that number."""
        return [(i, a) for i, a in ((i, e.act()) for i, e in enumerate(self.entries))
                if a["act"] == number]

    def frames(self):
        yield LOG, self.head()
        for c in self.cosignatures:
            yield COSIGNATURE, c.payload()
        for s in self.splits:
            yield SPLIT, s
        at = 0
        while at < len(self.entries):
            first, run = self.entries[at], at
            while run < len(self.entries) and (
                    self.entries[run].via, self.entries[run].received) == (
                        first.via, first.received):
                run += 1
            yield ENTRIES, (struct.pack(">Q", self.begin + at) + first.via +
                            struct.pack(">QI", first.received, run - at) +
                            b"".join(e.packed() for e in self.entries[at:run]))
            at = run


class Bundle:
    def __init__(self):
        self.about, self.notes, self.logs = b"", [], []  # notes: [kind, payload] before the logs
        self.extra, self.behind = [], b""                # frames before the end; bytes behind it

    @staticmethod
    def read(path):
        with open(path, "rb") as f:
            data = f.read()
        if not data.startswith(MAGIC):
            raise peer_ref.Wrong("no bundle")
        b, at, digest = Bundle(), len(MAGIC), hashlib.sha256(MAGIC).digest()
        while at < len(data):
            kind, length = struct.unpack_from(">BI", data, at)
            payload = data[at + 5:at + 5 + length]
            if kind == END:
                if payload != digest or at + 5 + length != len(data):
                    raise peer_ref.Wrong("the digest")
                return b
            digest = hashlib.sha256(digest + data[at:at + 5 + length]).digest()
            b.take(kind, payload)
            at += 5 + length
        raise peer_ref.Wrong("no end")

    def take(self, kind, payload):
        if kind == ABOUT:
            self.about = payload
        elif kind == LOG:
            self.logs.append(Log(payload))
        elif kind == COSIGNATURE:
            self.logs[-1].cosignatures.append(Cosignature(payload))
        elif kind == SPLIT:
            self.logs[-1].splits.append(payload)
        elif kind == ENTRIES:
            self.take_entries(payload)
        else:
            self.notes.append([kind, payload])

    def take_entries(self, payload):
        via, at = payload[8:24], 36
        received, count = struct.unpack_from(">QI", payload, 24)
        for _ in range(count):
            header, state = payload[at:at + 64], payload[at + 64]
            at += 65
            salt = body = b""
            if state == PRESENT:
                length = int.from_bytes(header[6:8], "big")
                salt, body = payload[at:at + 16], payload[at + 16:at + 16 + length]
                at += 16 + length
            self.logs[-1].entries.append(Entry(header, state, salt, body, via, received))
        if at != len(payload):
            raise peer_ref.Wrong("entries with something behind them")

    def frames(self):
        yield ABOUT, self.about
        yield from self.notes
        for log in self.logs:
            yield from log.frames()
        yield from self.extra

    def write(self, path):
        digest = hashlib.sha256(MAGIC).digest()
        with open(path, "wb") as f:
            f.write(MAGIC)
            for kind, payload in self.frames():
                frame = struct.pack(">BI", kind, len(payload)) + payload
                digest = hashlib.sha256(digest + frame).digest()
                f.write(frame)
            f.write(struct.pack(">BI", END, 32) + digest + self.behind)

    @property
    def node(self):
        return self.about[:16]

    @property
    def made(self):
        return int.from_bytes(self.about[16:24], "big")

    def set_made(self, ms):
        self.about = self.about[:16] + struct.pack(">Q", ms) + self.about[24:]

    def log(self, audience, node=None):
        node = node or self.node
        return next(x for x in self.logs if x.name[:16] == node and x.audience == audience)

    def acts_logs(self):
        return sorted((x for x in self.logs if x.name[24] == PROVENANCE),
                      key=lambda x: x.name[25:33])

    def acts(self):
        return self.acts_logs()[-1]

    def witnessed(self):
        """Rows of what it has cosigned of others."""
        return [n for n in self.notes if n[0] == WITNESS]

    def copy(self):
        return copy.deepcopy(self)
