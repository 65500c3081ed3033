# SPDX-License-Identifier: EUPL-1.2
"""A second implementation of a peer, to prove that the first follows its documents, and to be the
neighbour that no correct node is.

Python's standard library, noise_ref.py and ed25519_ref.py; no code shared with node/. Messages are
encoded from proto/*.proto as these files stand; trees are those of RFC 6962, by its recursion.

    peer = Peer(home)                     home: made by `entente init --no-passphrase`
    s = peer.dial(port, card_of_the_other)
    s.greet([agreement_ref(text)])        HELLO of both sides
    s.send("Subscribe", feed=..., **{"from": 0})
    name, fields = s.wait("Data")
    feed.take(fields, log_key)            verifies every byte up to the signed root

What does not hold raises Wrong.
"""
import base64
import hashlib
import os
import queue
import re
import socket
import struct
import threading
import time

import ed25519_ref as ed25519
import noise_ref as noise

PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "proto")
NUMBERS = {"Hello": 1, "Terms": 2, "Cards": 3, "Heads": 4, "Held": 5, "Subscribe": 6,
           "Unsubscribe": 7, "Data": 8, "Credit": 9, "ProofWant": 10, "Proof": 11, "Ping": 12,
           "Bye": 13, "Receipt": 14, "WitnessWant": 15, "Witness": 16, "Split": 17,
           "BodiesWant": 18, "Bodies": 19, "Revocation": 20}
NAMES = {number: name for name, number in NUMBERS.items()}
AUDIENCES = {"clear": 1, "green": 2}
PROVENANCE = 5  # an audience kind: the log of acts that began at that second
TLPS = {"clear": 1, "green": 2, "amber": 3, "amber+strict": 4, "red": 5}
TYPES = {"ipv4": 1, "domain": 5, "url": 6, "sha256": 9}
KIND_INDICATOR = 1
BYE_MISBEHAVED = 3
PING_S = 8  # after so long without sending; a session that hears nothing for 30 s is given up
PATIENCE = float(os.environ.get("ENTENTE_PATIENCE", "1"))  # waits are stretched by it


class Wrong(Exception):
    """The other side's bytes do not hold."""


# --- protobuf, from the .proto files --------------------------------------------------------------


def read_schema():
    """{message: {number: (name, type, repeated)}}"""
    schema = {}
    for file in ("wire.proto", "record.proto", "provenance.proto"):
        path = os.path.join(PROTO, file)
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as f:
            text = re.sub(r"//.*", "", f.read())
        for name, body in re.findall(r"message\s+(\w+)\s*\{([^}]*)\}", text):
            fields = re.findall(r"(repeated\s+|optional\s+)?(\w+)\s+(\w+)\s*=\s*(\d+)\s*;", body)
            schema[name] = {int(n): (field, kind, rule.strip() == "repeated")
                            for rule, kind, field, n in fields}
    return schema


SCHEMA = read_schema()


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(message, fields):
    out = b""
    known = {name: (number, kind, repeated)
             for number, (name, kind, repeated) in SCHEMA[message].items()}
    for name, value in fields.items():
        number, kind, repeated = known[name]
        if repeated and kind in ("uint32", "uint64"):  # packed, as proto3 has it
            data = b"".join(varint(one) for one in value)
            out += varint(number << 3 | 2) + varint(len(data)) + data
            continue
        for one in value if repeated else [value]:
            if kind in ("uint32", "uint64", "bool"):
                out += varint(number << 3) + varint(int(one))
            elif kind == "fixed64":
                out += varint(number << 3 | 1) + struct.pack("<Q", one)
            else:
                data = one if kind == "bytes" else encode(kind, one)
                out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def read_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def decode(message, data):
    """Every field of the message, absent ones with their defaults (messages: None)."""
    out = {name: [] if repeated else b"" if kind == "bytes" else None if kind in SCHEMA else 0
           for name, kind, repeated in SCHEMA[message].values()}
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = read_varint(data, at)
        elif wire == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif wire == 2:
            length, at = read_varint(data, at)
            value, at = data[at:at + length], at + length
        else:
            raise Wrong(f"wire type {wire}")
        if at > len(data):
            raise Wrong("cut short")
        if number not in SCHEMA[message]:
            continue
        name, kind, repeated = SCHEMA[message][number]
        if kind in SCHEMA:
            value = decode(kind, value)
        if repeated and kind in ("uint32", "uint64") and wire == 2:
            here = 0
            while here < len(value):
                one, here = read_varint(value, here)
                out[name].append(one)
        elif repeated:
            out[name].append(value)
        else:
            out[name] = value
    return out


# --- names, notes, cards --------------------------------------------------------------------------


def node_text(node):
    return base64.b32encode(node).decode().lower().rstrip("=")


def log_pack(node, incarnation, audience):
    """node: text. The packed name of a feed, as messages carry it."""
    if audience.startswith("provenance-"):
        kind, number = PROVENANCE, int(audience.removeprefix("provenance-"))
    else:
        kind = AUDIENCES.get(audience, 3)
        number = int(audience, 16) if kind == 3 else 0
    return noise.node_id(node) + struct.pack(">QBQ", incarnation, kind, number)


def log_text(packed):
    incarnation, kind, number = struct.unpack(">QBQ", packed[16:])
    audience = {1: "clear", 2: "green", PROVENANCE: f"provenance-{number}"}.get(
        kind, f"{number:016x}")
    return f"entente/{node_text(packed[:16])}/{incarnation}/{audience}"


def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def vkey_read(text):
    """(name, key id, type, public key) of a verifier key; checks that the id is the key's."""
    name, number, key = text.split("+", 2)
    raw = base64.b64decode(key)
    if key_id(name, raw[0], raw[1:]) != bytes.fromhex(number):
        raise Wrong(f"key id of {text}")
    return name, bytes.fromhex(number), raw[0], raw[1:]


def note_read(note):
    """(text, [(name, key id, signature)]); c2sp.org/signed-note."""
    split = note.rindex("\n\n")
    text, lines = note[:split + 1], note[split + 2:]
    if not lines.endswith("\n"):
        raise Wrong("the note does not end in a newline")
    signatures = []
    for line in lines[:-1].split("\n"):
        dash, name, blob = line.split(" ")
        raw = base64.b64decode(blob, validate=True)
        if dash != "\u2014" or len(raw) < 5:
            raise Wrong(f"signature line {line!r}")
        signatures.append((name, raw[:4], raw[4:]))
    return text, signatures


def note_verify(note, vkey):
    """The text of a note that this key has signed."""
    text, signatures = note_read(note)
    name, number, kind, public = vkey_read(vkey)
    for who, their, signature in signatures:
        if who == name and their == number and kind == 1:
            if not ed25519.verify(public, text.encode(), signature):
                raise Wrong(f"the signature of {name} does not hold")
            return text
    raise Wrong(f"not signed by {name}")


def fields_of(text):
    """[(key, value)] of `key: value` lines."""
    return [tuple(line.split(": ", 1)) for line in text.split("\n") if ": " in line]


class Card:
    """The newest card of a chain file: verified under the root that it names."""

    def __init__(self, text):
        self.notes = text.split("----\n")
        self.note = self.notes[-1]
        body, _ = note_read(self.note)
        fields = fields_of(body)
        get = dict(fields).get
        note_verify(self.note, get("root"))
        root = vkey_read(dict(fields_of(note_read(self.notes[0])[0]))["root"])[3]
        self.node = hashlib.sha256(b"entente/node/v1\n" + root).digest()[:16]
        if node_text(self.node) != get("node"):
            raise Wrong("the node id is not the first root's")
        self.id, self.name, self.serial = get("node"), get("name"), int(get("serial"))
        self.transport = base64.b64decode(get("transport").removeprefix("x25519:"))
        self.receipt_key = vkey_read(get("receipt"))[3]
        self.witness_key = vkey_read(get("witness"))[3]
        self.logs = {}
        for key, value in fields:
            if key == "log":
                incarnation, vkey = value.split(" ")
                self.logs[int(incarnation)] = vkey_read(vkey)[3]
        self.incarnation = max(self.logs)
        self.log_key = self.logs[self.incarnation]


def card_file(path):
    with open(path, encoding="utf-8") as f:
        return Card(f.read())


def agreement_ref(note):
    """What HELLO says of an agreement."""
    text, _ = note_read(note)
    fields = dict(fields_of(text))
    return {"id": int(fields["id"], 16), "serial": int(fields["serial"]),
            "hash": hashlib.sha256(text.encode()).digest()}


# --- the tree of RFC 6962 -------------------------------------------------------------------------


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def split_of(n):
    """The largest power of two below n."""
    return 1 << ((n - 1).bit_length() - 1)


def tree_hash(leaves, begin, end, right=(), cache=None):
    """MTH of [begin, end); what lies beyond the known leaves is taken from the hashes in right.
    cache: kept by whoever asks again and only appends; it has the perfect subtrees."""
    right = list(right)
    cache = {} if cache is None else cache

    def mth(lo, hi):
        size = hi - lo
        perfect = size & (size - 1) == 0 and lo % size == 0
        if lo >= len(leaves) and perfect:
            if not right:
                raise Wrong("too few hashes")
            return right.pop(0)
        if size == 1:
            return leaves[lo]
        if perfect and (lo, size) in cache:
            return cache[lo, size]
        middle = lo + split_of(size)
        out = node_hash(mth(lo, middle), mth(middle, hi))
        if perfect and hi <= len(leaves):
            cache[lo, size] = out
        return out

    if begin == end:
        return hashlib.sha256(b"").digest()
    root = mth(begin, end)
    if right:
        raise Wrong("too many hashes")
    return root


def border(leaves, begin, size):
    """The hashes of the perfect subtrees of the tree of that size that make up [begin, size)."""
    out = []

    def walk(lo, hi):
        n = hi - lo
        if hi <= begin:
            return
        if lo >= begin and n & (n - 1) == 0:
            out.append(tree_hash(leaves, lo, hi))
            return
        middle = lo + split_of(n)
        walk(lo, middle)
        walk(middle, hi)

    if begin < size:
        walk(0, size)
    return out


def proof_roots(first, second, proof):
    """The two roots that a proof with its seed makes (RFC 9162, section 2.1.4.2)."""
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for c in proof[1:]:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not (fn & 1 or fn == 0):
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return (fr, sr) if sn == 0 else None


def consistent(first, root1, second, root2, proof):
    """PROOF: the seed stands first, also where `first` is a power of two."""
    if first == second:
        return not proof and root1 == root2
    return proof_roots(first, second, proof) == (root1, root2)


def proof_hashes(leaves, first, second):
    """The hashes for (first, second), seed explicit, of a tree that one holds."""
    if first == second:
        return []

    def walk(lo, hi):
        if hi == first:
            return [tree_hash(leaves, lo, hi)]
        middle = lo + split_of(hi - lo)
        if first <= middle:
            return walk(lo, middle) + [tree_hash(leaves, middle, hi)]
        return walk(middle, hi) + [tree_hash(leaves, lo, middle)]

    return walk(0, second)


# --- cosignatures (c2sp.org/tlog-cosignature) -----------------------------------------------------


def cosigned_text(log, size, root, when):
    return (f"cosignature/v1\ntime {when}\n{log_text(log)}\n{size}\n"
            f"{base64.b64encode(root).decode()}\n").encode()


def cosign(seed, log, size, root, when):
    return ed25519.sign(seed, cosigned_text(log, size, root, when))


def cosigned(key, log, size, root, when, signature):
    if not ed25519.verify(key, cosigned_text(log, size, root, when), signature):
        raise Wrong("the cosignature does not hold")


# --- entries and feeds ----------------------------------------------------------------------------


def commitment(salt, body):
    return hashlib.sha256(b"\x10" + salt + body).digest()


def entry(body, kind=KIND_INDICATOR, tlp="green", type_="domain", object_id=None, version=1):
    """A packed entry of one's own."""
    salt = os.urandom(16)
    leaf = struct.pack(">BBBBBBHQ", version, kind, TLPS[tlp], 0, TYPES.get(type_, 0), 0, len(body),
                       int(time.time() * 1000))
    return leaf + (object_id or os.urandom(16)) + commitment(salt, body) + b"\0" + salt + body


def entries_split(packed):
    """The packed entries one by one, each checked against its commitment."""
    out, at = [], 0
    while at < len(packed):
        leaf = packed[at:at + 64]
        if len(leaf) < 64 or at + 64 >= len(packed):
            raise Wrong("an entry cut short")
        length = 65 + (16 + struct.unpack_from(">H", leaf, 6)[0] if packed[at + 64] == 0 else 0)
        one = packed[at:at + length]
        if len(one) != length or one[64] > 1:
            raise Wrong("an entry cut short, or of an unknown state")
        if one[64] == 0 and commitment(one[65:81], one[81:]) != leaf[32:]:
            raise Wrong("a body that is not its commitment's")
        out.append(one)
        at += length
    return out


class Feed:
    """A feed as this side holds it."""

    def __init__(self, packed):
        self.packed, self.text = packed, log_text(packed)
        self.incarnation = int.from_bytes(packed[16:24], "big")
        self.entries, self.leaves, self.checkpoint = [], [], None
        self.cache = {}  # of the tree over leaves that are proved to be the origin's

    def checkpoint_text(self, size, root):
        return f"{self.text}\n{size}\n{base64.b64encode(root).decode()}\n".encode()

    def append(self, packed):
        self.entries.append(packed)
        self.leaves.append(leaf_hash(packed[:64]))

    def sign(self, seed):
        """The checkpoint of an own feed as it stands."""
        root = tree_hash(self.leaves, 0, len(self.leaves))
        text = self.checkpoint_text(len(self.leaves), root)
        self.checkpoint = {"size": len(self.leaves), "root": root,
                           "signature": ed25519.sign(seed, text)}
        return self.checkpoint

    def verify(self, checkpoint, log_key):
        text = self.checkpoint_text(checkpoint["size"], checkpoint["root"])
        if not ed25519.verify(log_key, text, checkpoint["signature"]):
            raise Wrong("the origin has not signed this checkpoint")

    def take(self, data, log_key):
        """A DATA message: everything in it is checked before it counts."""
        if data["start"] != len(self.entries):
            raise Wrong(f"starts at {data['start']}, not {len(self.entries)}")
        entries = entries_split(data["entries"])
        if len(entries) != data["count"]:
            raise Wrong(f"{len(entries)} entries, said to be {data['count']}")
        c = data["checkpoint"]
        leaves = self.leaves + [leaf_hash(e[:64]) for e in entries]
        cache = dict(self.cache)
        if tree_hash(leaves, 0, c["size"], data["right"], cache) != c["root"]:
            raise Wrong("entries and hashes do not lead to the root")
        self.verify(c, log_key)
        self.entries += entries
        self.leaves, self.cache, self.checkpoint = leaves, cache, c

    def root_at(self, size):
        return tree_hash(self.leaves, 0, size, (), self.cache)

    def run(self, start, count):
        """A DATA message of this feed."""
        end = start + count
        return {"feed": self.packed, "start": start, "count": count, "checkpoint": self.checkpoint,
                "right": border(self.leaves, end, self.checkpoint["size"]),
                "entries": b"".join(self.entries[start:end])}

    def head(self, held=None):
        return {"feed": self.packed, "held": len(self.entries) if held is None else held,
                "newest": self.checkpoint}


# --- nodes that exist nowhere ---------------------------------------------------------------------


def vkey(name, kind, public):
    return f"{name}+{key_id(name, kind, public).hex()}+" + \
        base64.b64encode(bytes([kind]) + public).decode()


class Invented:
    """An origin of which there is nothing but its cards. card(org, previous) gives one more."""

    def __init__(self, incarnation=1795336200):
        self.root_seed, self.incarnation = os.urandom(32), incarnation
        self.root = ed25519.public_of(self.root_seed)
        self.node = hashlib.sha256(b"entente/node/v1\n" + self.root).digest()[:16]
        self.id = node_text(self.node)
        self.log_seed = os.urandom(32)
        keys = [ed25519.public_of(seed) for seed in (self.log_seed, os.urandom(32), os.urandom(32))]
        name = f"entente/{self.id}/"
        self.root_name = name + "root"
        self.lines = [f"root: {vkey(self.root_name, 1, self.root)}",
                      f"next-root: sha256:{os.urandom(32).hex()}",
                      f"log: {incarnation} {vkey(name + 'log', 1, keys[0])}",
                      f"receipt: {vkey(name + 'receipt', 4, keys[1])}",
                      f"witness: {vkey(name + 'witness', 4, keys[2])}",
                      "transport: x25519:" + base64.b64encode(
                          noise.public_of(os.urandom(32))).decode(),
                      "valid: 2026-01-01T00:00:00Z 2036-01-01T00:00:00Z"]

    def card(self, serial=1, org="CERT", previous=None):
        """A note; previous: the one before it."""
        lines = ["entente/card/v1", f"node: {self.id}", "name: nobody", f"org: {org}",
                 f"serial: {serial}", *self.lines]
        if previous:
            text, _ = note_read(previous)
            lines.append(f"previous: sha256:{hashlib.sha256(text.encode()).hexdigest()}")
        text = "\n".join(lines) + "\n"
        blob = key_id(self.root_name, 1, self.root) + ed25519.sign(self.root_seed, text.encode())
        return f"{text}\n\u2014 {self.root_name} {base64.b64encode(blob).decode()}\n"


# --- secrets --------------------------------------------------------------------------------------


def kdf(seed, context, number=0):
    """crypto_kdf of libsodium."""
    return hashlib.blake2b(b"", digest_size=32, key=seed, salt=struct.pack("<QQ", number, 0),
                           person=context.encode().ljust(16, b"\0")).digest()


class Peer:
    """A node whose keys were made by `entente init --no-passphrase`."""

    def __init__(self, home):
        with open(os.path.join(home, "keys", "node.key"), encoding="utf-8") as f:
            fields = dict(fields_of(f.read()))
        if fields["seal"] != "none":
            raise Wrong("node.key is sealed")
        seed = base64.b64decode(fields["secret"])[:32]
        self.card = card_file(os.path.join(home, "keys", "own.card"))
        self.node, self.id = self.card.node, self.card.id
        self.transport = kdf(seed, "enttrns_")
        self.log_seed = kdf(seed, "entlog__", self.card.incarnation)
        self.receipt_seed, self.witness_seed = kdf(seed, "entrcpt_"), kdf(seed, "entwitn_")
        if noise.public_of(self.transport) != self.card.transport:
            raise Wrong("the transport key is not the card's")
        if ed25519.public_of(self.log_seed) != self.card.log_key:
            raise Wrong("the log key is not the card's")
        if ed25519.public_of(self.receipt_seed) != self.card.receipt_key or \
                ed25519.public_of(self.witness_seed) != self.card.witness_key:
            raise Wrong("the cosigning keys are not the card's")

    def feed(self, audience):
        return Feed(log_pack(self.id, self.card.incarnation, audience))

    def dial(self, port, card, psk=noise.NO_PSK, seconds=30):
        sock = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        try:
            link = noise.Link.dial(sock, self.transport, card.transport, card.node, psk)
        except BaseException:
            sock.close()
            raise
        return Session(self, link)

    def answered(self, port, card, seconds=1.0):
        """True if the node answers a handshake of ours."""
        try:
            self.dial(port, card, seconds=seconds).drop()
            return True
        except (EOFError, OSError):
            return False


class Session:
    """One session. A thread reads, so that the other side never waits for the test; behind the
    greeting another sends PING, so that it does not think us dead however long the test takes."""

    def __init__(self, peer, link):
        self.peer, self.link = peer, link
        self.seen = []           # every message that came, in order: (name or number, fields)
        self.came = queue.Queue()
        self.closed = False
        self.over = threading.Event()
        self.sending = threading.Lock()  # held by whoever seals frames by himself, too
        self.sent_at = time.monotonic()
        link.sock.settimeout(None)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while True:
                number, payload = self.link.recv_message()
                name = NAMES.get(number, number)
                fields = decode(name, payload) if name in NUMBERS else payload
                self.seen.append((name, fields))
                self.came.put((name, fields))
                if name == "Bye":
                    break
        except (EOFError, OSError):
            pass
        self.closed = True
        self.drop()
        self.came.put(None)

    def send(self, message, **fields):
        self.send_raw(NUMBERS[message], encode(message, fields))

    def send_raw(self, number, payload):
        with self.sending:
            self.link.send_message(number, payload)
            self.sent_at = time.monotonic()

    def keep_alive(self):
        try:
            while not self.over.wait(max(0.1, self.sent_at + PING_S - time.monotonic())):
                if time.monotonic() - self.sent_at >= PING_S:
                    self.send("Ping")
        except OSError:
            pass  # closed meanwhile

    def wait(self, name, seconds=60, where=lambda fields: True):
        """The next message of that name; others are passed over (they stay in seen)."""
        seconds *= PATIENCE
        end = time.monotonic() + seconds
        while True:
            try:
                item = self.came.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise Wrong(f"no {name} within {seconds:.0f} s; came: {self.last()}") from None
            if item is None:
                raise Wrong(f"closed while waiting for {name}; came: {self.last()}")
            if item[0] == name and where(item[1]):
                return item[1]

    def wait_closed(self, seconds=60):
        """The reason of the farewell, None when there was none."""
        self.reader.join(seconds * PATIENCE)
        if not self.closed:
            raise Wrong(f"not closed within {seconds * PATIENCE:.0f} s; came: {self.last()}")
        return next((f["reason"] for n, f in self.seen if n == "Bye"), None)

    def names(self):
        return " ".join(str(name) for name, _ in self.seen)

    def last(self):
        """For people who look for what came instead."""
        names = self.names()
        return names if len(names) < 600 else f"{len(self.seen)} messages, the last: {names[-600:]}"

    def greet(self, agreements, credit=8 << 20, acts=None):
        """acts: a Feed that is this side's log of acts, under its checkpoint."""
        own = {"provenance_log": acts.packed, "provenance": acts.checkpoint} if acts else {}
        self.send("Hello", version=1, card_serial=self.peer.card.serial, agreements=agreements,
                  credit=credit, software=b"peer_ref", **own)
        threading.Thread(target=self.keep_alive, daemon=True).start()
        return self.wait("Hello")

    def receipt(self, feed, when=None, seed=None):
        """A receipt for a feed as it stands here."""
        c, when = feed.checkpoint, when or int(time.time())
        self.send("Receipt", feed=feed.packed, checkpoint=c, time=when, signature=cosign(
            seed or self.peer.receipt_seed, feed.packed, c["size"], c["root"], when))

    def witness(self, log, checkpoint, when=None):
        size, root, when = checkpoint["size"], checkpoint["root"], when or int(time.time())
        self.send("Witness", log=log, size=size, root=root, time=when, signature=cosign(
            self.peer.witness_seed, log, size, root, when), log_signature=checkpoint["signature"])

    def tell_card(self, *cards):
        for card in cards or [self.peer.card]:
            self.send("Cards", cards=[n.encode() for n in card.notes])

    def collect(self, feed, log_key, size, seconds=60):
        """Subscribes and takes runs until the feed stands at size."""
        self.send("Subscribe", feed=feed.packed, **{"from": len(feed.entries)})
        while len(feed.entries) < size:
            data = self.wait("Data", seconds, lambda d: d["feed"] == feed.packed)
            feed.take(data, log_key)
            self.send("Credit", bytes=len(data["entries"]) + 1024)

    def bye(self):
        self.send("Bye", reason=0)
        self.drop()

    def drop(self):
        self.over.set()
        try:
            self.link.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.link.sock.close()
