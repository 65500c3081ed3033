#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Agreements of three parties while data flow: narrowed, widened, at one end and at all, broken,
expired, revoked. fr sends to de, a daemon that publishes back, and to py, the second implementation,
which lets one message at a time come: so it sees on the wire that after an end at most that one follows.

At de the fence is a record of a feed that stays open: it arrives, and what was published before it
into the feed that does not is nowhere in de's files."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import Failed, Federation, run_tests, until  # noqa: E402
from peer_ref import Wrong, card_file  # noqa: E402
from reference import Neighbour, terms_of  # noqa: E402

BULK = 30000
# One full DATA and not enough for the shortest after it (PROTOCOL.md, "Credit").
ONE_MESSAGE = (256 + 16) << 10


def claim(holds, what):
    if not holds:
        raise Failed(what)


class Eye:
    """py's session with fr: what comes of one feed, message by message."""

    def __init__(self, parties):
        self.parties, self.key = parties, card_file(parties.fr.card).log_key
        self.feed = parties.py.feed_of(parties.fr)
        self.session = parties.py.peer.dial(parties.fr.port, card_file(parties.fr.card))
        self.session.greet([parties.terms()], credit=ONE_MESSAGE)
        self.session.send("Heads", heads=[])
        self.read = 0      # messages of the session that were looked at
        self.in_flight = 1  # DATA that fr may send without a further word of ours

    def news(self, name):
        """How many messages of that name have come since the last look; DATA is verified."""
        seen, count = self.session.seen, 0
        while self.read < len(seen):
            kind, fields = seen[self.read]
            self.read += 1
            count += kind == name
            if kind == "Data" and fields["feed"] == self.feed.packed:
                self.feed.take(fields, self.key)
                self.in_flight -= 1
                self.credit = len(fields["entries"]) + 1024
        return count

    def until_opened(self):
        """fr says that the feed is there to be had, and it is had: one message."""
        def told():
            while self.read < len(self.session.seen):
                kind, fields = self.session.seen[self.read]
                claim(kind != "Data", "DATA that nobody asked for")
                self.read += 1
                if kind == "Heads" and self.feed.packed in [h["feed"] for h in fields["heads"]]:
                    return True
            return False
        until(told, 20, "fr tells py of the feed")
        self.session.send("Subscribe", feed=self.feed.packed, **{"from": len(self.feed.entries)})
        self.flows()

    def allow_one(self):
        """It may be on its way when terms change."""
        if self.in_flight == 0:
            self.session.send("Credit", bytes=self.credit)
            self.in_flight = 1

    def flows(self):
        """One more message, which was allowed to come."""
        self.allow_one()
        until(lambda: self.news("Data"), 20, "a message of the feed comes")
        claim(self.in_flight == 0, "more came than was allowed")

    def fence(self):
        """fr has read everything that we said, and all that it had to say before is here."""
        clear = self.parties.py.feed_of(self.parties.fr, "clear")
        self.session.send("ProofWant", feed=clear.packed, first=1, second=1)
        self.session.wait("Proof")

    def stopped(self, what):
        """Of what was allowed at most one message came; more credit brings nothing."""
        self.fence()
        self.news("Data")
        claim(self.in_flight >= 0, f"{what}: more came than was allowed")
        before = self.in_flight
        self.allow_one()
        self.fence()
        claim(before or self.news("Data") == 0, f"{what}: DATA after the end")
        sent = [a for a in self.parties.fr.json("log") if a["act"] == "sending-closed"
                and a["peer"] == self.parties.py.node.id
                and a["log"]["audience"] == "green"][-1]["to"]
        claim(sent == len(self.feed.entries), f"{what}: {sent} entered as sent, "
              f"{len(self.feed.entries)} came")

    def ended(self, what):
        """The session ends, after at most one message."""
        before = self.in_flight
        claim(self.session.wait_closed() is not None, f"{what}: no farewell")
        came = self.news("Data")
        claim(came <= before, f"{what}: {came} messages followed")
        claim(self.session.seen[-1][0] == "Bye", f"{what}: something after the farewell")


class Parties:
    def __init__(self, fed, **options):
        began = time.monotonic()
        self.fed, self.serial, self.count = fed, 1, 0
        self.fr, self.de = fed.add("fr", "de")
        node, = fed.add("py", endpoint=False)
        self.py = Neighbour(node)
        self.id = fed.agree("fr", "de", "py", **options)
        # Never a daemon: what stops with the federation are the others.
        del fed.nodes["py"]
        fed.start()
        self.fr.run("publish", "--tlp", "green", "-", stdin="".join(
            f"b{i}.bad-example-zone.net\n" for i in range(BULK)))
        self.fr.run("publish", "--tlp", "clear", "-", stdin="open.bad-example-zone.net\n")
        self.de.wait_held(self.fr, "green", BULK)
        self.took = time.monotonic() - began  # so busy is this machine

    def terms(self):
        return terms_of(self.py.node, self.id)

    def path(self, node=None):
        return os.path.join((node or self.fr).home, "keys", "agreements", self.id + ".agreement")

    def next(self, gives="clear,green", edit=None):
        """The next serial, signed by the three, accepted by nobody yet."""
        path = os.path.join(self.fed.dir, f"{self.id}-{self.serial + 1}.agreement")
        former = os.path.join(self.fed.dir, f"{self.id}-{self.serial}.agreement")
        self.fr.run("agreement", "draft", "--amend",
                    former if os.path.exists(former) else self.id, "--gives", f"fr={gives}", "-o", path)
        if edit:
            with open(path, encoding="utf-8") as f:
                text = edit(f.read())
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        for node in (self.fr, self.de, self.py.node):
            node.run("agreement", "sign", path)
        self.serial += 1
        return path

    def accept(self, path, *nodes, eye=None):
        """In force at those daemons when this returns; eye: py says so in its session."""
        for node in nodes:
            node.run("agreement", "accept", path)
            self.wait_act(node, "agreement-in-force")
        if eye:
            self.py.node.run("agreement", "accept", path)
            eye.session.send("Terms", agreements=[self.terms()])

    def wait_act(self, node, act, serial=None):
        until(lambda: any(a["act"] == act and a["terms"][0]["agreement"] == self.id
                          and a["terms"][0]["serial"] == (serial or self.serial)
                          for a in node.json("log")), 10, f"{act} of {self.serial} at {node.name}")

    def value(self):
        self.count += 1
        return f"v{self.count}.bad-example-zone.net"

    def publish(self, tlp, *options):
        value = self.value()
        self.fr.run("publish", "--tlp", tlp, *options, "-", stdin=value + "\n")
        return value

    def reaches_de(self, what, *options):
        value = self.publish("green", *options)
        until(lambda: self.de.find(value), 20, f"{what}: it flows to de")

    def stays_from_de(self, what):
        value = self.publish("green")
        fence = self.publish("clear")
        until(lambda: self.de.find(fence), 20, f"{what}: what stays open flows to de")
        claim(not self.de.store_holds(value), f"{what}: de has it all the same")


def test_terms_of_three_narrow_and_widen_each_at_its_end():
    with Federation() as fed:
        p = Parties(fed)
        eye = Eye(p)
        eye.until_opened()
        p.reaches_de("in force", "--agreement", p.id)
        p.reaches_de("in force")

        # A file that is broken changes nothing, for nobody.
        with open(p.path(), encoding="utf-8") as f:
            good = f.read()
        with open(p.path(), "w", encoding="utf-8") as f:
            f.write(good[:200])
        until(lambda: [a for a in p.fr.json("alarms") if a["rule"] == "broken-key-file"], 10, "alarm")
        eye.flows()
        p.reaches_de("a broken file")
        with open(p.path(), "w", encoding="utf-8") as f:
            f.write(good)
        until(lambda: not p.fr.json("alarms"), 10, "the alarm ends")

        # Narrowed at the sender, while one message is on its way to py.
        eye.allow_one()
        narrow = p.next("clear")
        p.accept(narrow, p.fr)
        eye.stopped("narrowed at the sender")
        p.stays_from_de("narrowed at the sender")
        p.accept(narrow, p.de, eye=eye)

        # Widened at one end: nothing. Then towards whoever has it too, and nobody else.
        wide = p.next()
        p.accept(wide, p.fr)
        p.stays_from_de("widened at the sender only")
        eye.fence()
        claim(eye.news("Data") == 0, "widened at the sender only: DATA")
        p.accept(wide, p.de)
        p.reaches_de("widened at both")
        eye.fence()
        claim(eye.news("Data") == 0, "widened for the others: DATA")
        p.accept(wide, eye=eye)
        eye.until_opened()

        # Narrowed by one that takes: it stops there, and goes on elsewhere.
        narrow = p.next("clear")
        p.accept(narrow, p.de)
        p.stays_from_de("narrowed at a receiver")
        eye.flows()
        eye.allow_one()
        p.accept(narrow, p.fr)
        eye.stopped("narrowed at the sender too")
        claim(p.fr.connected("de"), "the sessions have ended")
        eye.session.bye()
        fed.stop()


def expires_in(seconds):
    def edit(text):
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        lines = [line.rsplit(" ", 1)[0] + " " + end if line.startswith("valid: ") else line
                 for line in text.split("\n")]
        return "\n".join(lines)
    return edit


def test_the_end_of_an_agreement_of_three_ends_every_link():
    """Expired at all at the same moment; then, under a new serial, revoked by one of them."""
    with Federation() as fed:
        p = Parties(fed)
        eye = Eye(p)
        eye.until_opened()
        short = p.next(edit=expires_in(3 + 2 * p.took))
        p.accept(short, p.fr, p.de, eye=eye)
        eye.flows()
        p.reaches_de("before it expires")
        eye.allow_one()
        eye.ended("expired")
        for node in (p.fr, p.de):
            p.wait_act(node, "agreement-ended")
        until(lambda: not p.fr.peer("de") and not p.de.peer("fr"), 10, "no peers any more")
        value = p.publish("green")
        claim(not p.py.peer.answered(p.fr.port, card_file(p.fr.card), 0.3), "py is answered")

        later = p.next(edit=expires_in(86400))
        p.accept(later, p.fr, p.de)
        p.py.node.run("agreement", "accept", later)
        until(lambda: p.de.find(value), 30, "what was published meanwhile arrives at de")
        held = len(eye.feed.entries)
        eye, feed = Eye(p), eye.feed
        eye.feed = feed
        eye.until_opened()
        claim(len(feed.entries) > held, "it does not go on where it was")
        eye.flows()
        eye.allow_one()
        p.de.run("agreement", "revoke", p.id)
        eye.ended("revoked by a third")
        claim("Revocation" in eye.session.names(), "py was not told who ended it")
        for node in (p.fr, p.de):
            p.wait_act(node, "agreement-ended")
        value = p.publish("green")
        claim(not p.py.peer.answered(p.fr.port, card_file(p.fr.card), 0.3), "py is answered")
        claim(not p.de.store_holds(value), "de has what was published after the end")
        fed.stop()


def test_differing_serials_hold_for_each_pair_by_itself():
    """Of three daemons one keeps the former serial: towards it both texts count, between the others
    the new one."""
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        both = fed.agree("fr", "de", "pl", gives={"fr": "clear", "de": "clear,green", "pl": "clear,green"})
        fed.start()
        fed.wait_connected()
        wide = os.path.join(fed.dir, "wide.agreement")
        fr.run("agreement", "draft", "--amend", both, "--gives", "fr=clear,green", "-o", wide)
        for node in (fr, de, pl):
            node.run("agreement", "sign", wide)
        for node in (fr, de):
            node.run("agreement", "accept", wide)
        fr.run("publish", "--tlp", "green", "-", stdin="two.bad-example-zone.net\n")
        until(lambda: de.find("two.bad-example-zone.net"), 20, "between the two that have it")
        fr.run("publish", "--tlp", "clear", "-", stdin="fence.bad-example-zone.net\n")
        until(lambda: pl.find("fence.bad-example-zone.net"), 20, "what both texts allow")
        # Not by fr, whom pl's text lets give no more than clear; but a community feed is passed on whole
        # to whoever an agreement reaches, and de gives green.
        until(lambda: pl.find("two.bad-example-zone.net"), 20, "by de, who gives green to pl")
        via = pl.find("two.bad-example-zone.net")[0]["via"]
        claim(via == de.id, f"it came by {via}")
        test = fr.json("agreement", "test", both)
        claim({t["peer"]: t["would_send"] for t in test}[de.id] == 2, f"{test}")
        fed.stop()


if __name__ == "__main__":
    try:
        run_tests([test_terms_of_three_narrow_and_widen_each_at_its_end,
                   test_the_end_of_an_agreement_of_three_ends_every_link,
                   test_differing_serials_hold_for_each_pair_by_itself])
    except Wrong as e:
        raise SystemExit(f"not ok: {e}") from None
