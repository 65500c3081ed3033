#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Floods at a real daemon: memory, descriptors, acts and disk stay within what proto/limits.h says,
and whoever is honest is served meanwhile."""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import AT_LEAST_S, PATIENCE, SANITISED, Failed, Federation, run_tests, until  # noqa: E402
import peer_ref  # noqa: E402
from noise_ref import first_mac, frame  # noqa: E402
from peer_ref import BYE_MISBEHAVED, card_file, log_pack  # noqa: E402
from reference import Neighbour, Pair  # noqa: E402

HANDSHAKES_MAX = 64
SESSIONS_A_MINUTE = 60
PEER_ALARMS_MAX = 32
KEYDIR_PROBLEMS_MAX = 64
HUGE = 2**64 - 1


class Gauge:
    """What a daemon takes, and by how much it grows."""

    def __init__(self, node):
        self.node, self.before = node, self.read(node)

    @staticmethod
    def read(node):
        process = f"/proc/{node.process.pid}"
        with open(f"{process}/status", encoding="ascii") as f:
            anonymous = next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
        disk = sum(os.stat(os.path.join(folder, name)).st_blocks * 512
                   for folder, _, names in os.walk(os.path.join(node.home, "data"))
                   for name in names)
        return {"memory": anonymous * 1024, "files": len(os.listdir(f"{process}/fd")),
                "disk": disk, "acts": len(node.json("log"))}

    def within(self, why, **limits):
        now = self.read(self.node)
        for what, limit in limits.items():
            grown = now[what] - self.before[what]
            if grown > limit and not (SANITISED and what == "memory"):
                raise Failed(f"{why}: {grown} more of {what}, at most {limit}")


def test_strangers_who_know_the_public_key():
    """Each passes the MAC and costs what a handshake costs, and nothing stays of it."""
    with Federation() as fed:
        pair = Pair(fed)
        gauge = Gauge(pair.fr)
        sockets = []
        try:
            for _ in range(400):
                s = socket.create_connection(("127.0.0.1", pair.fr.port), timeout=AT_LEAST_S)
                message1 = os.urandom(96)
                s.sendall(first_mac(pair.card.transport, message1) + frame(message1))
                sockets.append(s)
            gauge.within("400 strangers", memory=4 << 20, files=HANDSHAKES_MAX + 8, disk=1 << 20,
                         acts=0)
            session = pair.session()
            size = pair.publish("among-strangers.bad-example-zone.net")
            session.collect(pair.feed(), pair.card.log_key, size)
            session.bye()
        finally:
            for s in sockets:
                s.close()
        pair.fr.stop()


def test_session_after_session():
    """A peer that opens one after the other gets no more than its number in a minute; a handshake
    that it does not confirm is no session, and leaves no act."""
    with Federation() as fed:
        pair = Pair(fed)
        gauge = Gauge(pair.fr)
        for _ in range(20):
            pair.peer.answered(pair.fr.port, pair.card)
        gauge.within("20 handshakes", memory=4 << 20, files=HANDSHAKES_MAX, disk=1 << 20, acts=0)
        opened, began = 0, time.monotonic()
        while opened <= SESSIONS_A_MINUTE and pair.peer.answered(pair.fr.port, pair.card, 3 * PATIENCE):
            session = pair.session()
            opened += 1
            session.drop()
        slow = time.monotonic() - began > 59  # in the next minute as many again may come
        if opened < SESSIONS_A_MINUTE - 1 or opened > SESSIONS_A_MINUTE and not slow:
            raise Failed(f"{opened} sessions were opened")
        gauge.within("session after session", memory=4 << 20, files=HANDSHAKES_MAX, disk=2 << 20,
                     acts=4 * SESSIONS_A_MINUTE)
        pair.fr.stop()


def floods(s, fr):
    """What is asked again and again, each by itself."""
    feed = log_pack(fr.id, card_file(fr.card).incarnation, "green")
    return {
        "subscriptions": lambda i: s.send("Subscribe", feed=feed, **{"from": 0}),
        "ends and beginnings": lambda i: s.send(*(("Unsubscribe",) if i % 2 else ("Subscribe",)),
                                                feed=feed, **({} if i % 2 else {"from": 0})),
        "proofs": lambda i: s.send("ProofWant", feed=feed, first=1, second=1),
        "terms": lambda i: s.send("Terms", agreements=[]),
        "accusations": lambda i: s.send("Split", feed=feed, **accusation(i)),
        "revocations": lambda i: s.send("Revocation", note=b"entente/revocation/v1\n"),
    }


def accusation(i):
    return {which: {"size": i + 1, "root": os.urandom(32), "signature": os.urandom(64)}
            for which in ("first", "second")}


def test_requests_without_end():
    """The session ends with a name, after some hundreds of them at most; what they have left in the
    log of acts and on the disk is bounded, and another peer notices nothing."""
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        names = list(floods(None, fr))
        peers = []
        for i in range(len(names)):
            node, = fed.add(f"p{i}", endpoint=False)
            peers.append((Neighbour(node), fed.agree("fr", node.name)))
        fr.start()
        de.start()
        until(lambda: fr.connected("de"), 10, "fr and de are connected")
        fr.run("publish", "--tlp", "green", "-", stdin="one.bad-example-zone.net\n")
        for name, (neighbour, id_) in zip(names, peers):
            s = neighbour.session(fr, id_)
            gauge = Gauge(fr)
            flood = floods(s, fr)[name]
            try:
                for i in range(2000):
                    flood(i)
            except OSError:
                pass  # closed while we were still talking
            if s.wait_closed() not in (BYE_MISBEHAVED, None):
                raise Failed(f"{name}: {s.names()[-200:]}")
            until(lambda n=neighbour: [a for a in fr.status()["alarms"]
                                       if a["rule"] == "peer-misbehaved"
                                       and a["subject"].startswith(n.node.id)], 10,
                  f"{name}: the peer is named")
            gauge.within(name, memory=4 << 20, files=8, disk=2 << 20, acts=800)
        fr.run("publish", "--tlp", "green", "-", stdin="two.bad-example-zone.net\n")
        de.wait_held(fr, "green", 2)
        fr.stop()
        de.stop()


def test_heads_of_what_is_never_served():
    """An origin signs ever larger sizes and gives nothing: one checkpoint of it is kept."""
    with Federation() as fed:
        pair = Pair(fed)
        s = pair.session()
        s.tell_card()
        size = pair.publish("one.bad-example-zone.net")
        gauge = Gauge(pair.fr)
        feed = pair.peer.feed("green")
        for i in range(1, 101):
            root = os.urandom(32)
            signature = peer_ref.ed25519.sign(pair.peer.log_seed, feed.checkpoint_text(i, root))
            feed.checkpoint = {"size": i, "root": root, "signature": signature}
            s.send("Heads", heads=[feed.head(i)] * 8)
            s.send("Held", feed=feed.packed, size=HUGE - i, root=os.urandom(8))
        s.collect(pair.feed(), pair.card.log_key, size)  # all of them have been read
        gauge.within("100 checkpoints", memory=4 << 20, files=4, disk=2 << 20, acts=20)
        if pair.fr.held(pair.node, "green"):
            raise Failed("holds what was never given")
        pair.fr.stop()


def test_an_introducer_brings_no_more_origins_than_agreed():
    def few(text):
        return text.replace(" 100 origins", " 3 origins")

    with Federation() as fed:
        pair = Pair(fed, introduces=("py",), edit=few)
        s = pair.session()
        size = pair.publish("one.bad-example-zone.net")
        gauge = Gauge(pair.fr)
        strangers = [peer_ref.Invented() for _ in range(6)]
        for node in strangers:
            s.send("Cards", cards=[node.card().encode()])
            s.send("Heads", heads=[{"feed": log_pack(node.id, node.incarnation, "green")}])
        s.collect(pair.feed(), pair.card.log_key, size)
        known = {o["node"] for o in pair.fr.json("origins")}
        if len(known & {n.id for n in strangers}) != 3:
            raise Failed(f"{len(known)} origins are known")
        gauge.within("six strangers", memory=4 << 20, files=4, disk=1 << 20, acts=10)
        pair.fr.stop()


def test_alarms_without_end():
    """T37, T55: an introducer whose origins all have two cards. Each is frozen; of the alarms so
    many are entered in a minute, and that there were more is shown."""
    with Federation() as fed:
        pair = Pair(fed, introduces=("py",))
        s = pair.session()
        size = pair.publish("one.bad-example-zone.net")
        gauge = Gauge(pair.fr)
        chains = []  # all made before one is sent: signing takes a while here, and a minute is counted
        for _ in range(PEER_ALARMS_MAX + 8):
            origin = peer_ref.Invented()
            first = origin.card()
            chains += [[first, origin.card(2, org, first)] for org in ("one", "other")]
        for chain in chains:
            s.send("Cards", cards=[note.encode() for note in chain])
        s.collect(pair.feed(), pair.card.log_key, size)
        alarms = pair.fr.status()["alarms"]
        if sum(a["rule"] == "card-contradiction" for a in alarms) != PEER_ALARMS_MAX:
            raise Failed(f"{len(alarms)} alarms")
        if [a["severity"] for a in alarms if a["rule"] == "alarm-flood"] != ["page"]:
            raise Failed("it is not shown that there were more")
        gauge.within("forty with two cards", memory=8 << 20, files=4, disk=4 << 20,
                     acts=3 * (PEER_ALARMS_MAX + 8))
        pair.fr.stop()


def test_more_broken_files_than_alarms():
    """T14: keys/ fills up with files that nobody can read. What is in force stays, what is shown is
    bounded, and when they are gone so are their alarms."""
    with Federation() as fed:
        pair = Pair(fed)
        s = pair.session()
        folder = os.path.join(pair.fr.home, "keys", "agreements")
        gauge = Gauge(pair.fr)

        def broken():
            return [a for a in pair.fr.status()["alarms"] if a["rule"] == "broken-key-file"]

        paths = [os.path.join(folder, f"{i:016x}.agreement") for i in range(KEYDIR_PROBLEMS_MAX + 20)]
        for path in paths:
            with open(path, "w", encoding="utf-8") as f:
                f.write("entente/agreement/v1\nid: nonsense\n")
        until(broken, 15, "alarms")
        until(lambda: len(broken()) == KEYDIR_PROBLEMS_MAX, 15, "as many as are reported at once")
        size = pair.publish("one.bad-example-zone.net")
        s.collect(pair.feed(), pair.card.log_key, size)
        gauge.within("broken files", memory=4 << 20, files=4, disk=2 << 20, acts=2 * len(paths))
        for path in paths:
            os.remove(path)
        until(lambda: not broken(), 15, "their alarms end")
        pair.fr.stop()


def test_a_record_of_one_session_is_nothing_in_another():
    """T11: what was sealed for one session opens in no other, also between the same two."""
    with Federation() as fed:
        pair = Pair(fed)
        first = pair.session()
        with first.sending:
            sealed = frame(first.link.tx.seal(struct.pack(">IB", 0, 12)))
            first.link.sock.sendall(sealed)
        size = pair.publish("one.bad-example-zone.net")
        first.collect(pair.feed(), pair.card.log_key, size)  # it was a PING there
        first.bye()
        second = pair.session()
        second.link.sock.sendall(sealed)
        second.wait_closed()
        until(lambda: pair.fr.peer("py")["state"] != "connected", 5, "the session is over")
        third = pair.session()
        third.collect(pair.feed(), pair.card.log_key, size)
        pair.fr.stop()


if __name__ == "__main__":
    run_tests([test_strangers_who_know_the_public_key, test_session_after_session,
               test_requests_without_end, test_heads_of_what_is_never_served,
               test_an_introducer_brings_no_more_origins_than_agreed,
               test_alarms_without_end, test_more_broken_files_than_alarms,
               test_a_record_of_one_session_is_nothing_in_another])
