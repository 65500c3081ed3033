#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Another implementation (tests/lib/peer_ref.py), written from the documents, interoperates."""
import base64
import json
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import AT_LEAST_S, PATIENCE, ROOT, Failed, Federation, run_tests, until  # noqa: E402
import noise_ref  # noqa: E402
import peer_ref  # noqa: E402
from peer_ref import Card, Peer, Wrong, card_file  # noqa: E402
from reference import Pair  # noqa: E402

VALUES = [f"host-{i}.bad-example-zone.net" for i in range(700)]


def unhex(kind, value):
    """A vector's field as encode() takes it."""
    if isinstance(value, list):
        return [unhex(kind, v) for v in value]
    if isinstance(value, dict):
        return fields(kind, value)
    if kind == "fixed64":
        return int(value, 16)
    if kind != "bytes" or isinstance(value, bytes):
        return value
    if value.startswith("entente/"):
        _, node, incarnation, audience = value.split("/")
        if audience.startswith("provenance-"):
            return (noise_ref.node_id(node) + int(incarnation).to_bytes(8, "big") + b"\5"
                    + int(audience.removeprefix("provenance-")).to_bytes(8, "big"))
        return peer_ref.log_pack(node, int(incarnation), audience)
    try:
        return bytes.fromhex(value)
    except ValueError:
        return value.encode()


def fields(message, values):
    kinds = {name: kind for name, kind, _ in peer_ref.SCHEMA[message].values()}
    return {name: unhex(kinds[name], value) for name, value in values.items() if name in kinds}


def test_encoder_of_the_test_side_gives_the_golden_bytes():
    """So that both sides are known to speak what proto/vectors says, and not only each other."""
    with open(os.path.join(ROOT, "proto", "vectors", "messages.json"), encoding="utf-8") as f:
        vectors = json.load(f)
    tried = 0
    for v in vectors:
        want = bytes.fromhex(v["bytes"])
        name = peer_ref.NAMES[want[4]]
        decoded = peer_ref.decode(name, want[5:])
        slim = {k: x for k, x in decoded.items() if x not in (0, b"", None, [])}
        again = peer_ref.encode(name, {k: strip(x) for k, x in slim.items()})
        if again != want[5:]:
            raise Failed(f"{v['name']}: {again.hex()} is not {want[5:].hex()}")
        tried += 1
    if tried < len(peer_ref.NUMBERS) - 1:
        raise Failed(f"only {tried} vectors")


def strip(value):
    if isinstance(value, dict):
        return {k: strip(x) for k, x in value.items() if x not in (0, b"", None, [])}
    if isinstance(value, list):
        return [strip(x) for x in value]
    return value


def test_receives_and_verifies_every_byte():
    with Federation() as fed:
        link = Pair(fed)
        s = link.session()
        size = link.publish(*VALUES)
        card = s.wait("Cards")
        chain = Card("----\n".join(c.decode() for c in card["cards"]))
        if (chain.id, chain.log_key) != (link.fr.id, link.card.log_key):
            raise Failed("the card told in the session is not fr's")
        head = s.wait("Heads", where=lambda m: m["heads"])["heads"][0]
        feed = link.feed()
        if head["feed"] != feed.packed or head["held"] != size:
            raise Failed(f"head: {head}")
        feed.verify(head["newest"], chain.log_key)
        s.collect(feed, chain.log_key, size)
        got = [peer_ref.decode("Indicator", e[81:])["value"].decode() for e in feed.entries]
        if got != VALUES:
            raise Failed(f"{len(got)} values, the first of them {got[:3]}")

        # Live: the next publication is pushed without being asked for again.
        link.publish("pushed.bad-example-zone.net")
        feed.take(s.wait("Data"), chain.log_key)
        if len(feed.entries) != size + 1:
            raise Failed("nothing was pushed")

        # A consistency proof between two sizes, for any verifier of RFC 9162.
        for first in (1, 64, 333, size):
            s.send("ProofWant", feed=feed.packed, first=first, second=size + 1)
            p = s.wait("Proof")
            old = peer_ref.tree_hash(feed.leaves[:first], 0, first)
            if not peer_ref.consistent(first, old, size + 1, feed.checkpoint["root"], p["hashes"]):
                raise Failed(f"the proof from {first} to {size + 1} does not hold")
        s.bye()

        # The same checkpoint as a note on the command line, verified as any tool for notes would.
        link.fr.wait_sealed()
        note = link.fr.run("checkpoint", "fr/green").out
        name = f"entente/{link.fr.id}/{link.card.incarnation}/green"
        number = peer_ref.key_id(name, 1, link.card.log_key).hex()
        vkey = f"{name}+{number}+" + base64.b64encode(b"\1" + link.card.log_key).decode()
        origin, count, root = peer_ref.note_verify(note, vkey).splitlines()
        if (origin, int(count)) != (name, size + 1):
            raise Failed(note)
        if base64.b64decode(root) != peer_ref.tree_hash(feed.leaves, 0, size + 1):
            raise Failed("the note's root is not that of the leaves received")
        broken = note.replace(f"\n{size + 1}\n", f"\n{size + 2}\n")
        try:
            peer_ref.note_verify(broken, vkey)
            raise Failed("the verifier takes anything")
        except Wrong:
            pass
        link.fr.stop()


def test_resumes_from_its_size():
    with Federation() as fed:
        link = Pair(fed)
        feed = link.feed()
        s = link.session()
        link.publish(*VALUES[:300])
        s.collect(feed, link.card.log_key, 300)
        s.drop()  # without farewell
        link.publish(*VALUES[300:])
        s = link.session()
        before = len(feed.entries)
        s.collect(feed, link.card.log_key, 700)
        if before != 300 or [n for n, f in s.seen if n == "Data" and f["start"] < 300]:
            raise Failed("what was held came again")
        s.bye()
        link.fr.stop()


def test_is_an_origin_for_the_daemon():
    with Federation() as fed:
        link = Pair(fed)
        own = link.peer.feed("green")
        for value in VALUES[:50]:
            own.append(peer_ref.entry(peer_ref.encode("Indicator", {"value": value.encode()})))
        # An entry of a kind and one of a version of the future: stored and proved, read by nobody.
        own.append(peer_ref.entry(b"of the future", kind=200))
        own.append(peer_ref.entry(b"of the far future", version=9))
        own.sign(link.peer.log_seed)
        s = link.session()
        s.tell_card()
        s.send("Heads", heads=[own.head()])
        sub = s.wait("Subscribe")
        if (sub["feed"], sub["from"]) != (own.packed, 0):
            raise Failed(f"subscribed to {sub}")
        s.send("Data", **own.run(0, 20))
        s.send("Data", **own.run(20, 32))
        until(lambda: link.fr.held(link.node, "green") == 52, 10, "fr holds the feed of py")
        until(lambda: link.fr.find(VALUES[49]), 10, "its values are found at fr")
        root = link.fr.feed(link.node, "green")["root"]
        if base64.b64decode(root) != own.checkpoint["root"]:
            raise Failed("fr shows another root")
        if link.fr.status()["alarms"]:
            raise Failed(str(link.fr.status()["alarms"]))
        link.fr.stop()
        s.wait_closed()
        if ("Bye", {"reason": 0}) not in s.seen:
            raise Failed(f"no farewell: {s.names()}")


def test_answers_a_dialling_daemon():
    """The other role of the handshake: the daemon dials, the other implementation answers."""
    with Federation() as fed:
        fr, py = fed.add("fr", "py")
        fed.agree("fr", "py")
        peer = Peer(py.home)
        with socket.create_server(("127.0.0.1", py.port)) as server:
            server.settimeout(AT_LEAST_S * PATIENCE)
            fr.start()
            for _ in range(3):
                sock, _ = server.accept()
                try:
                    link = noise_ref.Link.accept(sock, peer.transport, peer.node)
                    break
                except (EOFError, OSError):
                    sock.close()  # too slow for it, on a busy machine: it dials again
            else:
                raise Failed("three times no handshake")
        if link.peer != card_file(fr.card).transport:
            raise Failed("dialled with another key than the card's")
        s = peer_ref.Session(peer, link)
        hello = s.wait("Hello")
        if hello["version"] != 1 or len(hello["agreements"]) != 1:
            raise Failed(str(hello))
        s.send("Hello", version=1, card_serial=1, agreements=hello["agreements"], credit=1 << 20)
        until(lambda: fr.connected("py"), 5, "fr says that py is connected")
        s.bye()
        fr.stop()


if __name__ == "__main__":
    run_tests([test_encoder_of_the_test_side_gives_the_golden_bytes,
               test_receives_and_verifies_every_byte, test_resumes_from_its_size,
               test_is_an_origin_for_the_daemon, test_answers_a_dialling_daemon])
