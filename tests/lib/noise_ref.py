#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A second implementation of the encrypted link, to prove that the first follows its documents.

Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b (Noise revision 34), X25519 (RFC 7748), ChaCha20-Poly1305
(RFC 8439), and the framing of docs/PROTOCOL.md, written from those texts with Python's standard
library alone. It shares no code with node/noise. Slow, not constant in time: for tests only.

    link = Link.dial(sock, own_secret, their_public, their_node_id, psk)
    link = Link.accept(sock, own_secret, own_node_id, lambda their_public: psk)
    link.send(data)           any length, cut into frames
    link.read(n)              exactly n bytes, over as many frames as it takes
    link.send_message(t, b)   one protocol message: type and payload
    link.recv_message()       (type, payload)
    link.hash, link.peer      channel binding, the other side's static key

Refused input raises NoiseError; the end of the stream raises EOFError.
`noise_ref.py --self-test` runs the public vectors.
"""

import base64
import hashlib
import hmac
import json
import os
import socket
import struct
import sys
import threading
from array import array

NAME = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b"
PROTOCOL = b"entente/1\n"
MAC_CONTEXT = b"entente/mac/1\n"
NO_PSK = bytes(32)
MESSAGE_MAX = 65535
TAG = 16
PLAIN_MAX = MESSAGE_MAX - TAG
REKEY_MESSAGES = 1 << 20
REKEY_BYTES = 1 << 34


class NoiseError(Exception):
    """The other side's bytes do not fit."""


# --- X25519 (RFC 7748, section 5) ---------------------------------------------------------------

P25519 = 2**255 - 19


def x25519(scalar, point):
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = (k[31] & 127) | 64
    k = int.from_bytes(k, "little")
    x1 = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = (k >> t) & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b = x2 + z2, x2 - z2
        c, d = x3 + z3, x3 - z3
        da, cb = d * a % P25519, c * b % P25519
        aa, bb = a * a % P25519, b * b % P25519
        e = aa - bb
        x3 = (da + cb) ** 2 % P25519
        z3 = x1 * (da - cb) ** 2 % P25519
        x2 = aa * bb % P25519
        z2 = e * (aa + 121665 * e) % P25519
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P25519 - 2, P25519) % P25519).to_bytes(32, "little")


def public_of(secret):
    return x25519(secret, b"\x09" + bytes(31))


def dh(secret, point):
    shared = x25519(secret, point)
    if not any(shared):
        raise NoiseError("a point of low order")
    return shared


# --- ChaCha20-Poly1305 (RFC 8439) ---------------------------------------------------------------


def chacha20(key, counter, nonce, length):
    """Key stream, all blocks at once: an integer holds one word of every block in 64-bit lanes."""
    n = max(1, -(-length // 64))
    ones = int.from_bytes(b"\x01\0\0\0\0\0\0\0" * n, "little")
    mask = ones * 0xFFFFFFFF
    words = struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key)
    start = [w * ones for w in words]
    start.append(int.from_bytes(struct.pack("<%dQ" % n, *range(counter, counter + n)), "little"))
    start += [w * ones for w in struct.unpack("<3I", nonce)]
    s = list(start)

    def rotate(v, by):
        return ((v << by) | (v >> (32 - by))) & mask

    def quarter(a, b, c, d):
        s[a] = (s[a] + s[b]) & mask
        s[d] = rotate(s[d] ^ s[a], 16)
        s[c] = (s[c] + s[d]) & mask
        s[b] = rotate(s[b] ^ s[c], 12)
        s[a] = (s[a] + s[b]) & mask
        s[d] = rotate(s[d] ^ s[a], 8)
        s[c] = (s[c] + s[d]) & mask
        s[b] = rotate(s[b] ^ s[c], 7)

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    out = array("I", bytes(64 * n))
    for i in range(16):
        lanes = ((s[i] + start[i]) & mask).to_bytes(8 * n, "little")
        column = array("I", lanes)[::2]
        if sys.byteorder != "little":
            column.byteswap()
        out[i::16] = column
    if sys.byteorder != "little":
        out.byteswap()
    return out.tobytes()[:length]


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    acc = 0
    for i in range(0, len(data), 16):
        acc = (acc + int.from_bytes(data[i : i + 16] + b"\x01", "little")) * r % (2**130 - 5)
    return ((acc + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def xor(a, b):
    return (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).to_bytes(len(a), "little")


def aead_tag(key, nonce, ad, sealed):
    def padded(b):
        return b + bytes(-len(b) % 16)

    one_time = chacha20(key, 0, nonce, 32)
    lengths = struct.pack("<QQ", len(ad), len(sealed))
    return poly1305(one_time, padded(ad) + padded(sealed) + lengths)


def aead_seal(key, nonce, ad, plain):
    sealed = xor(plain, chacha20(key, 1, nonce, len(plain)))
    return sealed + aead_tag(key, nonce, ad, sealed)


def aead_open(key, nonce, ad, message):
    if len(message) < TAG:
        raise NoiseError("shorter than a tag")
    sealed, tag = message[:-TAG], message[-TAG:]
    if not hmac.compare_digest(tag, aead_tag(key, nonce, ad, sealed)):
        raise NoiseError("forged or out of order")
    return xor(sealed, chacha20(key, 1, nonce, len(sealed)))


# --- Noise, section 5 ---------------------------------------------------------------------------


def blake2b(*parts):
    return hashlib.blake2b(b"".join(parts)).digest()


def hkdf(ck, ikm, outputs):
    temp = hmac.new(ck, ikm, hashlib.blake2b).digest()
    out, last = [], b""
    for i in range(1, outputs + 1):
        last = hmac.new(temp, last + bytes([i]), hashlib.blake2b).digest()
        out.append(last)
    return out


def nonce_of(n):
    return bytes(4) + struct.pack("<Q", n)


class Cipher:
    """One direction: a key and a counter, rekeyed by count and by plain bytes."""

    def __init__(self, key, rekey_messages=REKEY_MESSAGES, rekey_bytes=REKEY_BYTES):
        self.key = key
        self.n = 0
        self.messages = self.bytes = 0
        self.rekey_messages, self.rekey_bytes = rekey_messages, rekey_bytes

    def rekey(self):
        self.key = aead_seal(self.key, nonce_of(2**64 - 1), b"", bytes(32))[:32]
        self.messages = self.bytes = 0

    def _count(self, plain_len):
        self.n += 1
        self.messages += 1
        self.bytes += plain_len
        if self.messages >= self.rekey_messages or self.bytes >= self.rekey_bytes:
            self.rekey()

    def seal(self, plain, ad=b""):
        message = aead_seal(self.key, nonce_of(self.n), ad, plain)
        self._count(len(plain))
        return message

    def open(self, message, ad=b""):
        plain = aead_open(self.key, nonce_of(self.n), ad, message)
        self._count(len(plain))
        return plain


class Handshake:
    """IKpsk2: <- s ... -> e, es, s, ss <- e, ee, se, psk. The psk is needed for message 2 only."""

    def __init__(self, initiator, prologue, s, rs=None, psk=NO_PSK, e=None):
        self.initiator, self.s, self.rs, self.psk = initiator, s, rs, psk
        self.e = e or os.urandom(32)
        self.re = self.k = None
        self.h = self.ck = NAME.ljust(64, b"\0")
        self.mix_hash(prologue)
        self.mix_hash(rs if initiator else public_of(s))

    def mix_hash(self, data):
        self.h = blake2b(self.h, data)

    def mix_key(self, ikm):
        self.ck, k = hkdf(self.ck, ikm, 2)
        self.k = Cipher(k[:32])

    def mix_key_and_hash(self, ikm):
        self.ck, extra, k = hkdf(self.ck, ikm, 3)
        self.mix_hash(extra)
        self.k = Cipher(k[:32])

    def seal(self, plain):
        message = self.k.seal(plain, self.h)
        self.mix_hash(message)
        return message

    def open(self, message):
        plain = self.k.open(message, self.h)
        self.mix_hash(message)
        return plain

    def write_e(self):
        public = public_of(self.e)
        self.mix_hash(public)
        self.mix_key(public)
        return public

    def read_e(self, message):
        if len(message) < 32:
            raise NoiseError("cut short")
        self.re = message[:32]
        self.mix_hash(self.re)
        self.mix_key(self.re)

    def write1(self, payload=b""):
        out = self.write_e()
        self.mix_key(dh(self.e, self.rs))
        out += self.seal(public_of(self.s))
        self.mix_key(dh(self.s, self.rs))
        return out + self.seal(payload)

    def read1(self, message):
        self.read_e(message)
        self.mix_key(dh(self.s, self.re))
        self.rs = self.open(message[32:80])
        self.mix_key(dh(self.s, self.rs))
        return self.open(message[80:])

    def write2(self, payload=b""):
        out = self.write_e()
        self.mix_key(dh(self.e, self.re))
        self.mix_key(dh(self.e, self.rs))
        self.mix_key_and_hash(self.psk)
        return out + self.seal(payload)

    def read2(self, message):
        self.read_e(message)
        self.mix_key(dh(self.e, self.re))
        self.mix_key(dh(self.s, self.re))
        self.mix_key_and_hash(self.psk)
        return self.open(message[32:])

    def split(self):
        """(send, receive)"""
        k1, k2 = (Cipher(k[:32]) for k in hkdf(self.ck, b"", 2))
        return (k1, k2) if self.initiator else (k2, k1)


# --- the link -----------------------------------------------------------------------------------


def node_id(text):
    """16 bytes from the 26 characters of a node id."""
    return base64.b32decode(text.upper() + "=" * 6)


def first_mac(responder_public, message1):
    key = hashlib.blake2b(MAC_CONTEXT + responder_public, digest_size=32).digest()
    return hashlib.blake2b(message1, digest_size=16, key=key).digest()


def recv_exactly(sock, n):
    data = b""
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def frame(message):
    return struct.pack(">H", len(message)) + message


def recv_framed(sock):
    return recv_exactly(sock, struct.unpack(">H", recv_exactly(sock, 2))[0])


class Link:
    def __init__(self, sock, handshake):
        self.sock = sock
        self.tx, self.rx = handshake.split()
        self.hash = handshake.h
        self.peer = handshake.rs
        self.unread = b""

    @classmethod
    def dial(cls, sock, secret, responder_public, responder_node, psk=NO_PSK):
        """The responder stays silent until the first send() confirms the keys."""
        hs = Handshake(True, PROTOCOL + responder_node, secret, responder_public, psk)
        message1 = hs.write1()
        sock.sendall(first_mac(responder_public, message1) + frame(message1))
        hs.read2(recv_framed(sock))
        return cls(sock, hs)

    @classmethod
    def accept(cls, sock, secret, node, psk_for=lambda public: NO_PSK):
        hs = Handshake(False, PROTOCOL + node, secret)
        mac = recv_exactly(sock, 16)
        message1 = recv_framed(sock)
        if not hmac.compare_digest(mac, first_mac(public_of(secret), message1)):
            raise NoiseError("the MAC in front of message 1")
        hs.read1(message1)
        hs.psk = psk_for(hs.rs)
        sock.sendall(frame(hs.write2()))
        return cls(sock, hs)

    def send_frame(self, plain):
        self.sock.sendall(frame(self.tx.seal(plain)))

    def recv_frame(self):
        return self.rx.open(recv_framed(self.sock))

    def send(self, data):
        for i in range(0, len(data), PLAIN_MAX):
            self.send_frame(data[i : i + PLAIN_MAX])

    def read(self, n):
        while len(self.unread) < n:
            self.unread += self.recv_frame()
        data, self.unread = self.unread[:n], self.unread[n:]
        return data

    def send_message(self, kind, payload):
        self.send(struct.pack(">IB", len(payload), kind) + payload)

    def recv_message(self):
        length, kind = struct.unpack(">IB", self.read(5))
        return kind, self.read(length)


# --- self-test ----------------------------------------------------------------------------------


def vectors(name):
    here = os.path.dirname(os.path.abspath(__file__))
    path = "../data/vectors/noise/ikpsk2_25519_chachapoly_blake2b.%s.json" % name
    with open(os.path.join(here, path), encoding="ascii") as f:
        return json.load(f)["vectors"]


def raw_fields(vector):
    names = ("protocol_name", "handshake")
    texts = {k: t for k, t in vector.items() if isinstance(t, str) and k not in names}
    return {k: bytes.fromhex(t) for k, t in texts.items()}


def run_vector(prologue, statics, ephemerals, psk, messages, handshake_hash=None):
    init = Handshake(True, prologue, statics[0], public_of(statics[1]), psk, ephemerals[0])
    resp = Handshake(False, prologue, statics[1], None, psk, ephemerals[1])
    pairs = [[bytes.fromhex(m[k]) for k in ("payload", "ciphertext")] for m in messages]
    assert init.write1(pairs[0][0]) == pairs[0][1]
    assert resp.read1(pairs[0][1]) == pairs[0][0]
    assert resp.rs == public_of(statics[0])
    assert resp.write2(pairs[1][0]) == pairs[1][1]
    assert init.read2(pairs[1][1]) == pairs[1][0]
    assert init.h == resp.h and handshake_hash in (None, init.h)
    init_ends, resp_ends = init.split(), resp.split()
    for i, (payload, ciphertext) in enumerate(pairs[2:]):
        send, receive = (init_ends[0], resp_ends[1]) if i % 2 == 0 else (resp_ends[0], init_ends[1])
        assert send.seal(payload) == ciphertext
        assert receive.open(ciphertext) == payload
    return init


def test_primitives():
    nine = b"\x09" + bytes(31)
    assert x25519(nine, nine).hex() == (
        "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    )
    key, nonce = bytes(range(0x80, 0xA0)), bytes.fromhex("070000004041424344454647")
    ad = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    text = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        b"future, sunscreen would be it."
    )
    sealed = aead_seal(key, nonce, ad, text)
    assert sealed[-16:].hex() == "1ae10b594f09e26a7e902ecbd0600691"
    assert aead_open(key, nonce, ad, sealed) == text
    for low in (bytes(32), b"\x01" + bytes(31)):
        try:
            dh(key, low)
        except NoiseError:
            continue
        raise AssertionError("a point of low order passed")


def test_vectors():
    for v in vectors("cacophony"):
        raw = raw_fields(v)
        init = run_vector(
            raw["init_prologue"],
            (raw["init_static"], raw["resp_static"]),
            (raw["init_ephemeral"], raw["resp_ephemeral"]),
            bytes.fromhex(v["init_psks"][0]),
            v["messages"],
            raw["handshake_hash"],
        )
        send, _ = init.split()
        assert send.key.hex().startswith("c7924627a4e9eb32")
        send.rekey()
        assert send.key.hex() == (
            "78a86a9b2bf066be5977cf468461a508d1ced03c4fcd5132a48514e9cd02de86"
        )
    for v in vectors("flynn"):
        raw = raw_fields(v)
        run_vector(
            b"",
            (raw["init_static"], raw["resp_static"]),
            (raw["gen_init_ephemeral"], raw["gen_resp_ephemeral"]),
            raw["preshared_key"],
            v["messages"],
        )


def test_link():
    ends = socket.socketpair()
    secrets = (os.urandom(32), os.urandom(32))
    node, psk = os.urandom(16), os.urandom(32)
    data = os.urandom(200000)
    echoed = []

    def respond():
        link = Link.accept(ends[1], secrets[1], node, lambda public: psk)
        link.tx.rekey_messages = link.rx.rekey_messages = 3
        link.tx.rekey_bytes = link.rx.rekey_bytes = 100000
        assert link.peer == public_of(secrets[0])
        for _ in range(3):
            link.send_message(*link.recv_message())
        echoed.append(link.hash)

    thread = threading.Thread(target=respond)
    thread.start()
    link = Link.dial(ends[0], secrets[0], public_of(secrets[1]), node, psk)
    link.tx.rekey_messages = link.rx.rekey_messages = 3
    link.tx.rekey_bytes = link.rx.rekey_bytes = 100000
    for payload in (b"", b"x", data):
        link.send_message(7, payload)
        assert link.recv_message() == (7, payload)
    thread.join()
    assert echoed == [link.hash]
    for end in ends:
        end.close()


def main():
    if sys.argv[1:] != ["--self-test"]:
        sys.exit("usage: noise_ref.py --self-test")
    test_primitives()
    test_vectors()
    test_link()
    print("ok")


if __name__ == "__main__":
    main()
