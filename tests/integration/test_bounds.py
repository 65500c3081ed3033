#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Whatever an authenticated peer sends, the daemon lives on, its memory is bounded, the peer that
broke the protocol is closed and named, and nobody learns of what it may not see."""
import os
import struct
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import SANITISED, Failed, Federation, run_tests, until  # noqa: E402
import peer_ref  # noqa: E402
from noise_ref import frame  # noqa: E402
from peer_ref import BYE_MISBEHAVED, Feed, card_file, encode, entry, log_pack  # noqa: E402
from reference import Neighbour, Pair, terms_of  # noqa: E402

WIRE_MESSAGE_MAX = 2 << 20
HUGE = 2**64 - 1


def rss(node):
    """Kilobytes that the daemon has in memory; pages of the mapped store are the kernel's."""
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))


def grown_by(node, before, limit, why):
    grown = rss(node) - before
    if grown > limit and not SANITISED:
        raise Failed(f"{grown} KiB more {why}")


def many(fed, count):
    """fr with that many neighbours, since one that misbehaves is not answered for a while."""
    fr, = fed.add("fr")
    nodes = fed.add(*(f"p{i}" for i in range(count)), endpoint=False)
    id_ = fed.agree("fr", *(n.name for n in nodes))
    fr.start()
    return fr, [(Neighbour(node), id_) for node in nodes]


def alarm_of(fr, rule, node):
    return until(lambda: [a for a in fr.status()["alarms"] if a["rule"] == rule
                          and a["subject"].startswith(node.id)], 10,
                 f"{rule} that names {node.name}: {fr.status()['alarms']}")


def raw_message(number, payload, length=None):
    return struct.pack(">IB", len(payload) if length is None else length, number) + payload


def test_what_no_correct_node_sends_closes_and_is_named():
    def hello_twice(s):
        s.send("Hello", version=1, card_serial=1, agreements=[], credit=1)

    def no_protobuf(s):
        s.send_raw(4, b"\xff\xff\xff\xff")

    def heads_beyond_the_limit(s):
        s.send("Heads", heads=[{"feed": os.urandom(33)}] * 300)

    def not_a_card(s):
        s.send("Cards", cards=[b"entente/card/v1\nnode: nonsense\n"])

    def card_changed(s):
        note = s.peer.card.note.replace(f"name: {s.peer.card.name}", "name: zz")
        s.send("Cards", cards=[note.encode()])

    def no_cards(s):
        s.send("Cards", cards=[])

    def provenance_feed(s):
        s.send("Subscribe", feed=os.urandom(16) + struct.pack(">QBQ", 1, 5, 1), **{"from": 0})

    def held_beyond_its_checkpoint(s):
        s.tell_card()
        s.send("Heads", heads=[{"feed": s.peer.feed("green").packed, "held": HUGE}])

    def a_floor_beyond_what_is_held(s):
        s.tell_card()
        s.send("Heads", heads=[{"feed": s.peer.feed("green").packed, "floor": HUGE}])

    def too_much_credit(s):
        s.send("Credit", bytes=HUGE)

    def more_entries_than_bytes(s):
        s.send("Data", feed=s.peer.feed("green").packed, start=HUGE, count=2**32 - 1,
               entries=bytes(1000))

    def too_much_data(s):
        s.send("Data", feed=s.peer.feed("green").packed, count=1, entries=bytes(257 << 10))

    def subscribe_for_ever(s):
        for _ in range(400):
            s.send("Subscribe", feed=s.peer.feed("green").packed, **{"from": 0})

    def unsigned_checkpoint(s):
        feed = s.peer.feed("green")
        feed.append(entry(b""))
        feed.sign(os.urandom(32))
        s.tell_card()
        s.send("Heads", heads=[feed.head()])

    lies = [hello_twice, no_protobuf, heads_beyond_the_limit, not_a_card, card_changed, no_cards,
            provenance_feed, held_beyond_its_checkpoint, a_floor_beyond_what_is_held,
            too_much_credit, more_entries_than_bytes,
            too_much_data, subscribe_for_ever, unsigned_checkpoint]
    with Federation() as fed:
        fr, peers = many(fed, len(lies))
        card = card_file(fr.card)

        def tell(lie, neighbour, id_):
            s = neighbour.session(fr, id_)
            try:
                lie(s)
            except OSError:
                pass  # closed while we were still talking
            reason = s.wait_closed()
            if reason != BYE_MISBEHAVED:
                raise Failed(f"{lie.__name__}: closed with {reason}; came {s.names()}")
            if neighbour.peer.answered(fr.port, card, 0.3):
                raise Failed(f"{lie.__name__}: answered again at once")

        with ThreadPoolExecutor(len(lies)) as pool:
            for told in [pool.submit(tell, lie, *peer) for lie, peer in zip(lies, peers)]:
                told.result()
        for neighbour, _ in peers:
            alarm_of(fr, "peer-misbehaved", neighbour.node)
        wanted = {n.node.name for n, _ in peers}
        # Shown at once, entered a moment later.
        until(lambda: {a["peer_name"] for a in fr.json("log") if a["act"] == "alarm"} == wanted, 10,
              f"provenance names {wanted}")
        fr.stop()


def test_broken_frames_and_lengths_close_the_session():
    def too_long(s):
        s.link.send(raw_message(8, b"", WIRE_MESSAGE_MAX + 1))

    def longest_there_is(s):
        s.link.send(raw_message(8, b"", 0xFFFFFFFF))

    def empty_frame(s):
        s.link.sock.sendall(b"\0\0")

    def short_frame(s):
        s.link.sock.sendall(frame(b"x" * 15))

    def forged_frame(s):
        s.link.sock.sendall(frame(os.urandom(200)))

    def replayed_frame(s):
        with s.sending:
            sealed = s.link.tx.seal(raw_message(12, b""))
            s.link.sock.sendall(frame(sealed) * 2)

    lies = [too_long, longest_there_is, empty_frame, short_frame, forged_frame, replayed_frame]
    with Federation() as fed:
        fr, peers = many(fed, len(lies))
        sessions = [neighbour.session(fr, id_) for neighbour, id_ in peers]
        for lie, s in zip(lies, sessions):
            lie(s)
        for lie, s, (neighbour, _) in zip(lies, sessions, peers):
            s.wait_closed()
            until(lambda n=neighbour: fr.peer(n.node.name)["state"] != "connected", 5,
                  f"{lie.__name__}: fr says that the peer is gone")
        fr.stop()


def test_a_message_before_the_greeting_closes():
    with Federation() as fed:
        pair = Pair(fed)
        s = pair.peer.dial(pair.fr.port, pair.card)
        s.send("Heads", heads=[])
        s.wait_closed()
        pair.fr.stop()


def test_what_is_of_a_later_version_or_harmless_is_passed_over():
    with Federation() as fed:
        pair = Pair(fed)
        s = pair.session()
        size = pair.publish("one.bad-example-zone.net")
        mine = pair.peer.feed("green")
        stranger = log_pack("a" * 26, 1, "green")
        s.send_raw(99, b"of the future")
        s.send_raw(200, os.urandom(100000))
        s.send_raw(12, b"\xfa\x01\x03abc")  # PING with a field of the future
        for feed in (mine.packed, stranger, pair.feed().packed):
            s.send("Unsubscribe", feed=feed)
            s.send("Held", feed=feed, size=HUGE, root=b"12345678")
            s.send("ProofWant", feed=feed, first=HUGE, second=HUGE)
            s.send("ProofWant", feed=feed, first=0, second=0)
            s.send("Subscribe", feed=feed, **{"from": HUGE})
            s.send("Heads", heads=[{"feed": feed}])
        # DATA that nobody asked for: counted, not stored.
        unasked = pair.peer.feed("clear")
        unasked.append(entry(encode("Indicator", {"value": b"unasked.bad-example-zone.net"}),
                             tlp="clear"))
        unasked.sign(pair.peer.log_seed)
        s.send("Data", **unasked.run(0, 1))
        s.send("Data", **{**unasked.run(0, 1), "start": 2**63})
        until(lambda: pair.fr.peer("py")["redundant_bytes"] > 0, 10, "unasked DATA is counted")
        if pair.fr.find("unasked.bad-example-zone.net"):
            raise Failed("took what it had not asked for")
        feed = pair.feed()
        s.collect(feed, pair.card.log_key, size)
        if pair.fr.status()["alarms"]:
            raise Failed(str(pair.fr.status()["alarms"]))
        pair.fr.stop()


def test_sizes_beyond_reason_in_signed_checkpoints():
    """The origin itself signs a size of 2^64-1: it is asked, and what it sends is a lie."""
    with Federation() as fed:
        pair = Pair(fed)
        s = pair.session()
        s.tell_card()
        mine = pair.peer.feed("green")
        mine.append(entry(encode("Indicator", {"value": b"a.bad-example-zone.net"})))
        mine.sign(pair.peer.log_seed)
        root = os.urandom(32)
        text = mine.checkpoint_text(HUGE, root)
        mine.checkpoint = {"size": HUGE, "root": root,
                           "signature": peer_ref.ed25519.sign(pair.peer.log_seed, text)}
        s.send("Heads", heads=[mine.head(HUGE)])
        s.wait("Subscribe")
        s.send("Data", feed=mine.packed, start=0, count=1, checkpoint=mine.checkpoint,
               entries=mine.entries[0], right=[os.urandom(32)] * 63)
        if s.wait_closed() != BYE_MISBEHAVED:
            raise Failed("not closed as misbehaviour")
        alarm = until(lambda: [a for a in pair.fr.status()["alarms"] if a["rule"] == "peer-lied"],
                      10, "peer-lied")[0]
        if pair.fr.held(pair.node, "green") or "green" not in alarm["subject"]:
            raise Failed(str(alarm))
        pair.fr.stop()


def test_what_one_may_not_see_is_as_what_does_not_exist():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        py, = fed.add("py", endpoint=False)
        secret = fed.agree("fr", "de", gives={"fr": "clear,green,amber"})
        mine = fed.agree("fr", "py", gives={"fr": "clear", "py": "clear"})
        fr.start()
        de.start()
        until(lambda: fr.connected("de"), 10, "fr and de are connected")
        fr.run("publish", "--tlp", "amber", "--to", "de", "-", stdin="amber.bad-example-zone.net\n")
        fr.run("publish", "--tlp", "green", "-", stdin="green.bad-example-zone.net\n")
        fr.run("publish", "--tlp", "clear", "-", stdin="clear.bad-example-zone.net\n")
        neighbour = Neighbour(py)
        s = neighbour.session(fr, mine)
        # Even a peer that claims the agreement in its greeting and its terms.
        claimed = {"id": int(secret, 16), "serial": 1, "hash": os.urandom(32)}
        s.send("Terms", agreements=[claimed, terms_of(py, mine)])
        incarnation = card_file(fr.card).incarnation
        forbidden = [log_pack(fr.id, incarnation, secret), log_pack(fr.id, incarnation, "green")]
        unknown = [log_pack(fr.id, incarnation, "f" * 16),
                   log_pack(fr.id, incarnation - 9, "green"),
                   log_pack(de.id, card_file(de.card).incarnation, "green")]
        clear = Feed(log_pack(fr.id, incarnation, "clear"))
        for _ in range(2):  # and told again, within a second, after Terms
            s.wait("Heads", where=lambda m: m["heads"])
        for feed in forbidden + unknown:
            before = len(s.seen)
            s.send("Subscribe", feed=feed, **{"from": 0})
            s.send("ProofWant", feed=feed, first=1, second=1)
            s.send("Heads", heads=[{"feed": feed}])
            s.send("Held", feed=feed, size=1, root=b"12345678")
            s.send("ProofWant", feed=clear.packed, first=1, second=1)  # the fence
            s.wait("Proof")
            answers = [n for n, _ in s.seen[before:] if n != "Ping"]
            if answers != ["Proof"]:
                raise Failed(f"{peer_ref.log_text(feed)}: answered with {answers}")
        told = {h["feed"] for n, f in s.seen if n == "Heads" for h in f["heads"]}
        if told != {clear.packed}:
            raise Failed(f"told of {[peer_ref.log_text(t) for t in told]}")
        s.collect(clear, card_file(fr.card).log_key, 1)
        fr.stop()
        de.stop()


def test_a_flood_of_unknown_origins_takes_no_memory():
    with Federation() as fed:
        pair = Pair(fed, introduces=("py",))
        s = pair.session()
        size = pair.publish("one.bad-example-zone.net")
        before = rss(pair.fr)
        for _ in range(200):
            heads = [{"feed": os.urandom(16) + struct.pack(">QBQ", 1, 2, 0), "held": 7}
                     for _ in range(256)]
            s.send("Heads", heads=heads)
        s.collect(pair.feed(), pair.card.log_key, size)  # all of them have been read
        grown_by(pair.fr, before, 4096, "for 51,200 heads of unknown origins")
        if len(pair.fr.json("origins")) != 2:
            raise Failed("an origin without a card was taken up")
        pair.fr.stop()


def test_agreements_that_nobody_signed_open_no_feeds():
    """Heads of own and shared origins in endless agreement feeds are not remembered."""
    with Federation() as fed:
        pair = Pair(fed)
        s = pair.session()
        s.tell_card()
        size = pair.publish("one.bad-example-zone.net")
        before = rss(pair.fr)
        for i in range(100):
            heads = [{"feed": log_pack(pair.peer.id, pair.peer.card.incarnation,
                                       f"{i * 256 + k + 1:016x}"), "held": 7} for k in range(256)]
            s.send("Heads", heads=heads)
        s.collect(pair.feed(), pair.card.log_key, size)
        grown_by(pair.fr, before, 4096, "for feeds of agreements that do not exist")
        pair.fr.stop()


def test_a_reader_that_never_reads_is_bounded():
    with Federation() as fed:
        pair = Pair(fed)
        de, = fed.add("de")
        fed.agree("fr", "de")
        de.start()
        s = pair.session()
        until(lambda: pair.fr.connected("de"), 10, "de is connected")
        # Nothing is read from here on; the socket's buffers fill up.
        over = threading.Event()
        s.link.recv_frame = over.wait
        before = rss(pair.fr)
        s.send("Credit", bytes=16 << 20)
        s.send("Subscribe", feed=pair.feed().packed, **{"from": 0})
        size = pair.publish(*(f"{i:064x}" for i in range(60000)))
        s.send("Subscribe", feed=pair.feed().packed, **{"from": 0})
        de.wait_held(pair.fr, "green", size)
        grown_by(pair.fr, before, 32 * 1024, "because one peer does not read")
        de.stop()
        pair.fr.stop()


if __name__ == "__main__":
    run_tests([test_what_no_correct_node_sends_closes_and_is_named,
               test_broken_frames_and_lengths_close_the_session,
               test_a_message_before_the_greeting_closes,
               test_what_is_of_a_later_version_or_harmless_is_passed_over,
               test_sizes_beyond_reason_in_signed_checkpoints,
               test_what_one_may_not_see_is_as_what_does_not_exist,
               test_a_flood_of_unknown_origins_takes_no_memory,
               test_agreements_that_nobody_signed_open_no_feeds,
               test_a_reader_that_never_reads_is_bounded])
