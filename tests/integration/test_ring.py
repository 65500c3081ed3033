#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A ring in which the chosen neighbour stalls, then one in which it lies: everything arrives by the
other way, once, and the blame falls on the right node.

    origin ---- good ---- victim ---- behind
        \\                /
         `---- py -------'           py: the second implementation, as no correct node behaves
"""
import os
import struct
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import Failed, Federation, run_tests, until  # noqa: E402
from noise_ref import frame  # noqa: E402
from peer_ref import (BYE_MISBEHAVED, border, card_file, encode, entry, leaf_hash,  # noqa: E402
                      tree_hash)
from reference import Neighbour  # noqa: E402

VALUES = [f"ring-{i}.bad-example-zone.net" for i in range(3000)]


class Ring:
    """The ring with the feed at py, and the victim subscribed at py alone: good is not up yet."""

    def __init__(self, fed):
        self.origin, self.good, self.victim, self.behind = fed.add(
            "origin", "good", "victim", "behind")
        py, = fed.add("py", endpoint=False)
        fed.agree("origin", "good", introduces=("origin", "good"))
        with_origin = fed.agree("origin", "py", introduces=("origin", "py"))
        with_victim = fed.agree("victim", "py", introduces=("victim", "py"))
        fed.agree("good", "victim", introduces=("good", "victim"))
        fed.agree("victim", "behind", introduces=("victim", "behind"))
        for node in (self.origin, self.victim, self.behind):
            node.start()
        self.py = Neighbour(py)
        self.card = card_file(self.origin.card)
        towards_origin = self.py.session(self.origin, with_origin)
        self.size = self.origin.json("publish", "--tlp", "green", "-",
                                     stdin="\n".join(VALUES) + "\n")["feeds"][0]["size"]
        self.feed = self.py.feed_of(self.origin)
        towards_origin.collect(self.feed, self.card.log_key, self.size)
        # What py tells the victim is true: it holds the feed, and introduces its origin.
        self.session = self.py.session(self.victim, with_victim)
        self.session.tell_card()
        self.session.tell_card(self.card)
        self.session.send("Heads", heads=[self.feed.head()])
        asked = self.session.wait("Subscribe")
        if (asked["feed"], asked["from"]) != (self.feed.packed, 0):
            raise Failed(f"asked for {asked}")

    def everything_arrives_once(self, received=None):
        for node in (self.victim, self.behind):
            node.wait_held(self.origin, "green", self.size)
            if node.feed(self.origin, "green")["root"] != self.origin.feed(
                    self.origin, "green")["root"]:
                raise Failed(f"{node.name}: another root")
            if not node.find(VALUES[0]) or not node.find(VALUES[-1]):
                raise Failed(f"{node.name}: values are missing")
        good, py = self.victim.peer("good"), self.victim.peer("py")
        if received is not None and good["received_entries"] != received:
            raise Failed(f"{good['received_entries']} of {received} came by good")
        redundant = good["redundant_bytes"] + (py or {"redundant_bytes": 0})["redundant_bytes"]
        wanted = good["data_bytes"]
        if redundant > wanted * 0.05:
            raise Failed(f"{redundant} bytes came twice or unasked, {wanted} once")
        behind = self.behind.peer("victim")
        if behind["received_entries"] != self.size or behind["redundant_bytes"]:
            raise Failed(f"behind: {behind}")

    def blamed(self):
        """{rule: [ids]} of the alarms at all nodes but the bad one."""
        out = {}
        for node in (self.origin, self.good, self.victim, self.behind):
            for alarm in node.json("log"):
                if alarm["act"] == "alarm":
                    out.setdefault(alarm["rule"], []).append((node.name, alarm.get("peer_name")))
        return out


def test_a_neighbour_that_stalls_is_left():
    with Federation() as fed:
        ring = Ring(fed)
        # py says nothing more. It has not lied, so the session stays and nobody is blamed.
        ring.good.start()
        ring.everything_arrives_once(ring.size)
        ring.session.wait("Unsubscribe")
        if ring.session.closed or ring.blamed():
            raise Failed(f"blamed {ring.blamed()}")
        # The next records come by good at once.
        ring.origin.run("publish", "--tlp", "green", "-", stdin="next.bad-example-zone.net\n")
        until(lambda: ring.behind.find("next.bad-example-zone.net"), 5, "the next record")
        ring.session.drop()
        for node in (ring.origin, ring.good, ring.victim, ring.behind):
            node.stop()


def test_a_neighbour_that_stalls_in_mid_transfer_is_left():
    with Federation() as fed:
        ring = Ring(fed)
        for start in range(0, 1000, 250):
            ring.session.send("Data", **ring.feed.run(start, 250))
        until(lambda: ring.victim.held(ring.origin, "green") == 1000, 10, "1000 have come by py")
        ring.good.start()
        ring.everything_arrives_once(ring.size - 1000)
        if ring.blamed():
            raise Failed(f"blamed {ring.blamed()}")
        ring.session.drop()
        for node in (ring.origin, ring.good, ring.victim, ring.behind):
            node.stop()


def test_a_neighbour_that_gives_a_byte_at_a_time_is_left():
    with Federation() as fed:
        ring = Ring(fed)
        link, enough = ring.session.link, threading.Event()
        payload = encode("Data", ring.feed.run(0, 500))

        def trickle():
            with ring.session.sending:  # no PING comes in between
                for byte in frame(link.tx.seal(struct.pack(">IB", len(payload), 8) + payload)):
                    if enough.wait(0.1):
                        return
                    try:
                        link.sock.sendall(bytes([byte]))
                    except OSError:
                        return

        giving = threading.Thread(target=trickle)
        giving.start()
        ring.good.start()
        ring.everything_arrives_once(ring.size)
        # It has done no wrong that could be proved; it has a session, and nothing hangs on it.
        if ring.blamed() or not ring.victim.connected("good", "behind"):
            raise Failed(f"blamed {ring.blamed()}")
        enough.set()
        giving.join()
        ring.session.drop()
        for node in (ring.origin, ring.good, ring.victim, ring.behind):
            node.stop()


def changed_body(feed, start, count):
    data = feed.run(start, count)
    entries = bytearray(data["entries"])
    entries[-1] ^= 1
    return {**data, "entries": bytes(entries)}


def changed_leaf(feed, start, count):
    """Header and commitment of an entry of the liar's own: only the root tells."""
    data = feed.run(start, count)
    entries = feed.entries[start:start + count]
    entries[count // 2] = entry(b"\n\x16forged.bad-example.net", tlp="green")
    return {**data, "entries": b"".join(entries)}


def left_out(feed, start, count):
    """One entry is left out, and the tree is made to fit with hashes of the liar's own."""
    entries = feed.entries[start:start + count]
    del entries[3]
    leaves = feed.leaves[:start] + [leaf_hash(e[:64]) for e in entries]
    leaves += feed.leaves[start + count - 1:]
    return {**feed.run(start, count), "count": count - 1, "entries": b"".join(entries),
            "right": border(leaves, start + count - 1, feed.checkpoint["size"])}


def cut_short(feed, start, count):
    data = feed.run(start, count)
    return {**data, "entries": data["entries"][:-5]}


def unsigned_root(feed, start, count):
    """A tree that fits in itself, under a signature that does not."""
    entries = [entry(b"\n\x16forged.bad-example.net", tlp="green") for _ in range(count)]
    leaves = feed.leaves[:start] + [leaf_hash(e[:64]) for e in entries]
    root = tree_hash(leaves, 0, len(leaves))
    return {"feed": feed.packed, "start": start, "count": count, "entries": b"".join(entries),
            "checkpoint": {"size": len(leaves), "root": root,
                           "signature": feed.checkpoint["signature"]}}


def lies(lie, truth_first=500):
    with Federation() as fed:
        ring = Ring(fed)
        ring.session.send("Data", **ring.feed.run(0, truth_first))
        ring.session.send("Data", **lie(ring.feed, truth_first, 200))
        if ring.session.wait_closed() != BYE_MISBEHAVED:
            raise Failed(f"closed without saying why: {ring.session.names()}")
        alarm = until(lambda: [a for a in ring.victim.json("alarms") if a["rule"] == "peer-lied"],
                      10, "the alarm peer-lied")[0]
        if ring.victim.held(ring.origin, "green") != truth_first:
            raise Failed("what was true before the lie is not held, or the lie is")
        if ring.py.peer.answered(ring.victim.port, card_file(ring.victim.card), 0.5):
            raise Failed("the liar is answered at once")
        ring.good.start()
        ring.everything_arrives_once(ring.size - truth_first)
        if ring.blamed() != {"peer-lied": [("victim", "py")]}:
            raise Failed(f"blamed: {ring.blamed()}")
        if alarm["subject"] != f"{ring.py.node.id} {ring.feed.text}":
            raise Failed(f"the alarm says {alarm}")
        if ring.victim.find("forged.bad-example.net") or ring.victim.store_holds("forged.bad"):
            raise Failed("a forged entry got into the store")
        for name in ("good", "behind"):
            if ring.victim.peer(name)["state"] != "connected":
                raise Failed(f"{name} was cut too")
        for node in (ring.origin, ring.good, ring.victim, ring.behind):
            node.stop()


def test_a_changed_body_is_the_senders_lie():
    lies(changed_body)


def test_a_changed_entry_is_the_senders_lie():
    lies(changed_leaf)


def test_an_entry_left_out_is_the_senders_lie():
    lies(left_out)


def test_an_entry_cut_short_is_the_senders_lie():
    lies(cut_short)


def test_a_root_that_the_origin_did_not_sign_is_the_senders_lie():
    lies(unsigned_root)


def test_bodies_that_are_withheld_come_from_somebody_else():
    with Federation() as fed:
        ring = Ring(fed)
        # Whole but for every third body: header and state "erased", as the signature allows.
        stripped = [e if i % 3 else e[:64] + b"\x01" for i, e in enumerate(ring.feed.entries)]
        bodies = sum(i % 3 == 0 for i in range(ring.size))
        for start in range(0, ring.size, 250):
            run = ring.feed.run(start, min(250, ring.size - start))
            run["entries"] = b"".join(stripped[start:start + 250])
            ring.session.send("Data", **run)
        ring.victim.wait_held(ring.origin, "green", ring.size)
        absent = "bodies of 1 feeds are absent"
        if absent not in ring.victim.run("doctor", status=1).out:
            raise Failed("the doctor sees nothing")
        if ring.victim.find(VALUES[0]):
            raise Failed("a value without a body is found")
        # py is asked, and has none of them.
        asked = ring.session.wait("BodiesWant")
        if asked["feed"] != ring.feed.packed or asked["indexes"][:3] != [0, 3, 6]:
            raise Failed(f"asked for {asked}")
        ring.session.send("Bodies", feed=ring.feed.packed)
        ring.good.start()
        ring.good.wait_held(ring.origin, "green", ring.size)
        for node in (ring.victim, ring.behind):
            until(lambda n=node: all(n.find(v) for v in VALUES[::300]), 20,
                  f"{node.name} has all bodies")
        if absent in ring.victim.run("doctor", status=None).out:
            raise Failed("the doctor still sees absent bodies")
        acts = [a for a in ring.victim.json("log") if a["act"] == "bodies-received"]
        if sum(a["count"] for a in acts) != bodies or {a["peer_name"] for a in acts} != {"good"}:
            raise Failed(f"received {acts}")
        sent = [a for a in ring.good.json("log") if a["act"] == "bodies-sent"]
        if sum(a["count"] for a in sent) != bodies or not all(a["terms"] for a in sent):
            raise Failed(f"sent {sent}")
        if ring.blamed():
            raise Failed(f"blamed {ring.blamed()}")
        ring.session.drop()
        for node in (ring.origin, ring.good, ring.victim, ring.behind):
            node.stop()


# One of each sort, and all of them with ENTENTE_LONG: every lie is played against the engine in
# tests/unit/gossip too.
TESTS = [test_a_neighbour_that_stalls_in_mid_transfer_is_left,
         test_a_neighbour_that_gives_a_byte_at_a_time_is_left,
         test_a_changed_entry_is_the_senders_lie,
         test_an_entry_cut_short_is_the_senders_lie,
         test_bodies_that_are_withheld_come_from_somebody_else]
LONG = [test_a_neighbour_that_stalls_is_left,
        test_a_changed_body_is_the_senders_lie,
        test_an_entry_left_out_is_the_senders_lie,
        test_a_root_that_the_origin_did_not_sign_is_the_senders_lie]

if __name__ == "__main__":
    run_tests(TESTS + (LONG if os.environ.get("ENTENTE_LONG") or sys.argv[1:] else []), at_once=3)
