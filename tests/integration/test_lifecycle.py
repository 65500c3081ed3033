#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The life of keys and agreements while data flows: keys that change while peers are connected or
away, roots that are stolen, terms that end."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import Faults, needs_shim  # noqa: E402
from federation import (BIN, Failed, Federation, entente, field, run_tests, stays,  # noqa: E402
                        until)


def claim(holds, what):
    if not holds:
        raise Failed(what)


def value(name):
    return f"{name}.bad-example-zone.net"


def publish(node, name, *options):
    return node.json("publish", "--tlp", "green", *options, "-", stdin=value(name) + "\n")


def arrives(name, *nodes, seconds=10):
    for node in nodes:
        until(lambda n=node: n.find(value(name)), seconds, f"{name} arrives at {node.name}")


def card(node):
    return node.json("card", "show")


def acts(node, act):
    """The entries of the node's provenance log, all its epochs."""
    return [a for a in node.json("log") if a["act"] == act]


def serial_at(node, of):
    path = os.path.join(node.home, "keys", "cards", of.id + ".card")
    with open(path, encoding="utf-8") as f:
        return f.read().count("entente/card/v1")


def key_file(node, name):
    return os.path.join(node.home, "keys", name)


def linked(node, name):
    peer = node.peer(name)
    return peer is not None and peer["state"] == "connected"


def renewed(node, serial):
    """The daemon runs under the keys of that card."""
    until(lambda: any(a["serial"] == serial for a in acts(node, "keys-changed")) and node.ready(),
          10, f"{node.name} uses the keys of card {serial}")


# --- online keys ---------------------------------------------------------------------------------

def test_keys_change_while_peers_are_connected():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        publish(fr, "before")
        arrives("before", de)
        first, pid = card(fr), fr.process.pid
        fr.run("card", "rotate-keys")
        for i in range(10):
            publish(fr, f"at-once-{i}")
        second = card(fr)
        claim(second["serial"] == 2 and len(second["log"]) == 2, f"card {second}")
        claim(second["receipt"] != first["receipt"] and second["witness"] != first["witness"],
              "receipt or witness key stayed")
        renewed(fr, 2)
        claim(fr.process.pid == pid, "the daemon did not stay")
        until(lambda: serial_at(de, fr) == 2, 10, "de has the new card")
        until(lambda: fr.connected("de") and de.connected("fr"), 10, "connected again")
        publish(fr, "after")
        arrives("after", de)
        publish(de, "back")
        arrives("back", fr)
        claim(de.find(value("before")), "what was published before is gone")
        until(lambda: not os.path.exists(key_file(fr, "former.key")), 10,
              "the former seed is wiped once everybody knows")
        changed = acts(fr, "keys-changed")
        claim(len(changed) == 1 and changed[0]["serial"] == 2, f"acts {changed}")
        for node in (fr, de):
            node.stop()


def test_of_commands_that_sign_a_card_at_once_one_does():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        calls = [["rotate-keys"]] * 3 + [["renew", "--valid-days", "100"]] * 3
        run = [subprocess.Popen([os.path.join(BIN, "entente"), "--home", fr.home, "card", *call,
                                 "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                text=True) for call in calls]
        done = [(p.communicate()[0], p.returncode) for p in run]
        serials = [json.loads(out)["serial"] for out, status in done if status == 0]
        claim(serials and sorted(serials) == list(range(2, 2 + len(serials))), f"{done}")
        claim(fr.json("card", "show")["serial"] == 1 + len(serials), "the last is in force")
        claim({status for _, status in done} <= {0, 6}, f"{done}")
        until(fr.ready, 20, "with the keys of that card")
        fr.json("publish", "--tlp", "green", "--receipts", "1", "-", stdin="a.bad-example-zone.net\n")
        claim(not de.json("alarms"), f"{de.json('alarms')}")
        fed.stop()


def test_keys_change_while_a_peer_is_away():
    """Each of the two may be the one that dials."""
    for endpoint in ("fr", "de"):
        with Federation() as fed:
            (fr,) = fed.add("fr", endpoint=endpoint == "fr")
            (de,) = fed.add("de", endpoint=endpoint == "de")
            fed.agree("fr", "de")
            fr.start()
            fr.run("card", "rotate-keys")
            renewed(fr, 2)
            claim(os.path.exists(key_file(fr, "former.key")), "the former seed is not kept")
            publish(fr, "missed")
            de.start()
            arrives("missed", de)
            until(lambda: serial_at(de, fr) == 2, 10, "de has the new card")
            # Now both know: the next session is under the new keys, and the former seed goes.
            de.stop()
            de.start()
            until(lambda: fr.connected("de"), 15, "connected under the new keys")
            until(lambda: not os.path.exists(key_file(fr, "former.key")), 35, "wiped")


def test_who_is_away_at_two_changes_of_keys_is_named():
    """One former key is kept."""
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        agreement = fed.agree("fr", "de")
        fed.agree("fr", "pl")
        fr.start()
        pl.start()
        until(lambda: linked(fr, "pl"), 10, "pl is there")
        claim(fr.run("card", "rotate-keys").err == "", "somebody is named though all are met")
        renewed(fr, 2)
        until(lambda: linked(pl, "fr") and linked(fr, "pl"), 10, "pl has met the new keys")
        said = fr.run("card", "rotate-keys").err
        claim("de has not met the keys of card 2, which go" in said and "pl" not in said, said)
        renewed(fr, 3)
        newest = os.path.join(fed.dir, "newest.card")
        fr.run("card", "export", "-o", newest)
        de.run("agreement", "accept", key_file(de, f"agreements/{agreement}.agreement"), newest)
        de.start()
        until(lambda: linked(de, "fr"), 10, "by the file they meet")
        fed.stop()


def test_a_card_that_ends_soon_is_told_of():
    with Federation() as fed:
        (fr,) = fed.add("fr")
        fr.start()
        claim(rules(fr) == [], f"{rules(fr)}")
        fr.run("card", "renew", "--valid-days", "20")
        until(lambda: rules(fr) == ["card-ends"], 5, "it is told")
        fr.run("card", "renew")
        until(lambda: rules(fr) == [], 5, "and no more")
        fed.stop()


# --- root ----------------------------------------------------------------------------------------

def test_root_is_rotated_here_and_where_it_is_kept():
    """In a home; then on an offline machine, from a draft and key files alone."""
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        agreement = fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        first = card(fr)
        fr.run("card", "rotate-root")
        second = card(fr)
        claim(second["root"] != first["root"] and second["next-root"] != first["next-root"],
              f"{second}")
        claim(os.path.exists(key_file(fr, "root.before-card-2.key")), "the old root is not kept")
        until(lambda: serial_at(de, fr) == 2, 5, "de has the card")
        safe = os.path.join(fed.dir, "safe")
        os.mkdir(safe)
        for name in ("root.key", "next-root.key"):
            shutil.move(key_file(fr, name), os.path.join(safe, name))
        draft = os.path.join(fed.dir, "fr-3.card")
        fr.run("card", "draft", "-o", draft)
        entente("card", "rotate-root", draft, "--root-key", os.path.join(safe, "root.key"),
                status=6)
        entente("card", "rotate-root", draft, "--root-key", os.path.join(safe, "next-root.key"))
        claim(sorted(os.listdir(safe)) == ["next-root.key", "root.before-card-3.key", "root.key"],
              f"{os.listdir(safe)}")
        fr.run("card", "install", draft)
        until(lambda: serial_at(de, fr) == 3, 5, "de has the third card")
        # Everything goes on; the next serial of the agreement is signed by the roots in force.
        publish(fr, "after")
        arrives("after", de)
        text = os.path.join(fed.dir, "next.agreement")
        fr.run("agreement", "draft", "--amend", agreement, "--title", "Under new roots", "-o", text)
        entente("agreement", "sign", text, "--root-key", os.path.join(safe, "root.key"))
        de.run("agreement", "sign", text)
        for node in (fr, de):
            node.run("agreement", "accept", text)
        until(lambda: fr.connected("de") and de.connected("fr"), 5, "still connected")
        fr.run("agreement", "revoke", agreement, "--root-key", os.path.join(safe, "root.key"))
        until(lambda: listed(de) == {}, 5, "revoked under the new root")
        fed.stop()


def test_keys_change_by_a_card_that_is_signed_elsewhere():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        root = os.path.join(fed.dir, "root.key")
        shutil.move(key_file(fr, "root.key"), root)
        draft = os.path.join(fed.dir, "fr-2.card")
        fr.run("card", "rotate-keys", "-o", draft)
        publish(fr, "meanwhile")
        entente("card", "sign", draft, "--root-key", root)
        claim(card(fr)["serial"] == 1 and fr.connected("de"), "changed before its card was there")
        fr.run("card", "install", draft)
        renewed(fr, 2)
        publish(fr, "after")
        arrives("meanwhile", de)
        arrives("after", de)
        fed.stop()


def test_a_stolen_root_loses_whatever_it_signs():
    """The thief has root and node.key: a copy of the home as it was. Its card comes first."""
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        fed.agree("fr", "de")
        fed.agree("de", "pl", introduces=("de", "pl"))
        next_root = os.path.join(fed.dir, "next-root.key")
        shutil.move(key_file(fr, "next-root.key"), next_root)
        shutil.copytree(fr.home, os.path.join(fed.dir, "thief"))
        thief = os.path.join(fed.dir, "thief")
        entente("card", "renew", "--endpoint", f"127.0.0.1:{fr.port}", "--contact", "Mallory",
                home=thief)
        entente("card", "rotate-keys", home=thief)
        stolen = os.path.join(fed.dir, "stolen.card")
        entente("card", "export", "-o", stolen, home=thief)
        fed.start()
        fed.wait_connected()
        publish(fr, "early")
        arrives("early", de, pl)
        # de is given the thief's card by hand; the owner speaks with the next root.
        shutil.copy(stolen, key_file(de, f"cards/{fr.id}.card"))
        until(lambda: serial_at(de, fr) == 3, 5, "the stolen root's card has been taken")
        fr.run("card", "rotate-root", "--root-key", next_root)
        mine = os.path.join(fed.dir, "mine.card")
        fr.run("card", "export", "-o", mine)
        shutil.copy(mine, key_file(de, f"cards/{fr.id}.card"))
        until(lambda: de.connected("fr"), 15, "fr is back")
        publish(fr, "late")
        arrives("late", de, pl, seconds=15)
        # And again the thief's: it has lost for good.
        shutil.copy(stolen, key_file(de, f"cards/{fr.id}.card"))
        de.run("peers")
        publish(fr, "last")
        arrives("last", de, pl)
        claim(not any(a["rule"] == "card-contradiction" for n in (de, pl)
                      for a in n.status()["alarms"]), "a contradiction")
        fed.stop()


def rules(node):
    return [a["rule"] for a in node.status()["alarms"]]


def test_an_own_card_of_other_keys_holds_up_no_end():
    """As a change of keys leaves it whose seed the daemon cannot read: the card waits, and what is
    over is over."""
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        removed, revoked = fed.agree("fr", "de"), fed.agree("fr", "pl")
        fed.start()
        fed.wait_connected()
        other = os.path.join(fed.dir, "other")
        shutil.copytree(fr.home, other, ignore=lambda _, names: {"run", "data"} & set(names))
        entente("card", "rotate-keys", home=other)
        shutil.copy(os.path.join(other, "keys", "own.card"), key_file(fr, "own.card"))
        until(lambda: "keys-unreadable" in rules(fr), 5, "the card is found to be of other keys")
        os.unlink(key_file(fr, f"agreements/{removed}.agreement"))
        until(lambda: not linked(fr, "de") and not linked(de, "fr"), 10, "removed, and over")
        fr.run("agreement", "revoke", revoked)
        until(lambda: listed(pl) == {} and not linked(fr, "pl"), 10, "revoked, and over")
        claim("keys-unreadable" in rules(fr), f"{rules(fr)}")
        # With its seed the card is taken.
        os.replace(os.path.join(other, "keys", "node.key"), key_file(fr, "node.key"))
        renewed(fr, 2)
        until(lambda: "keys-unreadable" not in rules(fr), 5, "the alarm is over")
        fed.stop()


def test_a_card_that_names_the_key_of_another_shuts_nobody_out():
    """By its transport key alone a node is known that comes in, and every card shows one."""
    with Federation() as fed:
        hub, via = fed.add("hub", "via")
        one, two = fed.add("one", "two", endpoint=False)
        liar, honest = sorted((one, two), key=lambda n: n.id)
        agreement = fed.agree("hub", liar.name)
        for names in (("hub", honest.name), ("hub", "via"), ("via", liar.name)):
            fed.agree(*names)
        fed.start()
        fed.wait_connected()
        publish(liar, "early")
        arrives("early", hub, via)
        draft = os.path.join(fed.dir, "draft")
        liar.run("card", "draft", "-o", draft)
        with open(draft, encoding="utf-8") as f:
            text = re.sub("^transport: .*$", "transport: " + field(honest.card, "transport"),
                          f.read(), flags=re.M)
        with open(draft, "w", encoding="utf-8") as f:
            f.write(text)
        liar.run("card", "sign", draft)
        forged = os.path.join(fed.dir, "forged.card")
        with open(forged, "w", encoding="utf-8") as f, open(draft, encoding="utf-8") as last, \
                open(liar.card, encoding="utf-8") as first:
            f.write(first.read() + "----\n" + last.read())
        said = hub.run("agreement", "accept", key_file(hub, f"agreements/{agreement}.agreement"),
                       forged, status=6).err
        claim(f"transport: saw the key of {honest.id}, wanted one of its own" in said, said)
        # It comes in a session, from who does not know whose key it is.
        shutil.copy(forged, key_file(via, f"cards/{liar.id}.card"))
        until(lambda: "transport-taken" in rules(hub), 10, "it came in a session")
        claim(serial_at(hub, liar) == 1, "it lies in cards/")
        shutil.copy(forged, key_file(hub, f"cards/{liar.id}.card"))
        until(lambda: "broken-key-file" in rules(hub), 5, "it came as a file")
        honest.stop()
        honest.start()
        until(lambda: linked(hub, honest.name), 10, "the one whose key it is comes in")
        stays(lambda: linked(hub, honest.name), 2, "it goes again")
        publish(honest, "late")
        arrives("late", hub)
        claim("peer-misbehaved" not in rules(hub) + rules(honest), "somebody is blamed")
        shutil.copy(liar.card, key_file(hub, f"cards/{liar.id}.card"))
        until(lambda: "broken-key-file" not in rules(hub), 5, "the alarm is over")
        fed.stop()


def test_a_party_without_a_card_is_told_of():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        agreement = fed.agree("fr", "de")
        os.unlink(key_file(fr, f"cards/{de.id}.card"))
        fr.start()
        until(lambda: rules(fr) == ["card-missing"], 5, "the daemon says so")
        doctor = {c["text"] for c in fr.json("doctor", status=1) if not c["ok"]}
        claim(doctor == {f"agreement {agreement}: cards/ has no card of de"}, f"{doctor}")
        fr.run("agreement", "accept", key_file(fr, f"agreements/{agreement}.agreement"), de.card)
        until(lambda: rules(fr) == [], 5, "the alarm is over")
        fr.run("doctor")
        fed.stop()


def test_introducers_who_contradict_each_other_freeze_the_origin():
    """ua hears of fr through de and pl, who get two cards that root has signed for one place."""
    with Federation() as fed:
        fr, de, pl, ua = fed.add("fr", "de", "pl", "ua")
        for other in ("de", "pl"):
            fed.agree("fr", other)
            fed.agree(other, "ua", introduces=(other,))
        fed.start()
        fed.wait_connected()
        publish(fr, "first")
        arrives("first", de, pl, ua)
        fr.stop()
        pl.stop()
        fork = os.path.join(fed.dir, "fork")
        shutil.copytree(fr.home, fork)
        for home, place, contact in ((fr.home, de, "one"), (fork, pl, "other")):
            entente("card", "renew", "--contact", contact, home=home)
            path = os.path.join(fed.dir, "x.card")
            entente("card", "export", "-o", path, home=home)
            shutil.copy(path, key_file(place, f"cards/{fr.id}.card"))

        def frozen(node):
            return [a for a in node.status()["alarms"] if a["rule"] == "card-contradiction"]
        until(lambda: any(o["serial"] == 2 for o in ua.json("origins") if o["node"] == fr.id), 5,
              "ua has the one card")
        pl.start()
        alarm, = until(lambda: frozen(ua), 10, "ua sees two cards")
        claim(alarm["subject"] == fr.id and "one from de, the other from pl;" in alarm["text"],
              f"it does not say who introduced what: {alarm}")
        claim("one from de, the other from pl;" in ua.run("status").out, "nothing for people")
        claim([o["name"] for o in ua.json("origins") if o["contradicted"]] == ["fr"]
              and "contradicted" in ua.run("origins").out, "origins does not show it")
        entered, = until(lambda: [a for a in acts(ua, "alarm") if a["rule"] == "card-contradiction"],
                         10, "it is entered")
        claim(entered["peer"] == fr.id and "from pl" in entered["text"], f"{entered}")
        fr.start()
        until(lambda: linked(fr, "de"), 10, "de knows the card that fr has")
        publish(fr, "second")
        for node in (de, pl):
            until(lambda n=node: frozen(n), 10, f"{node.name} hears of it")
        claim(not de.find(value("second")), "de takes more of it")
        # Its introducers say it again to one that has forgotten.
        ua.stop()
        ua.start()
        until(lambda: frozen(ua), 20, "ua sees it after a restart")
        feed = ua.feed(fr, "green")
        claim(feed["frozen"] and feed["held"] == 1 and not ua.find(value("second")), f"{feed}")
        # The owner goes back behind what both share, with the next root and other keys.
        fr.run("card", "rotate-root", "--after", 1)
        fr.run("card", "rotate-keys")
        renewed(fr, card(fr)["serial"])
        publish(fr, "third")
        arrives("third", de, ua, seconds=20)
        for node in (de, ua):
            until(lambda n=node: not frozen(n), 10, f"{node.name}: the alarm ends with its cause")
        claim(not [o for o in ua.json("origins") if o["contradicted"]], "origins still shows it")
        fed.stop()


def test_a_card_that_contradicts_an_introduced_one_keeps_nobody_from_starting():
    """ua has been introduced to fr by one card, and then accepts an agreement with the other."""
    with Federation() as fed:
        fr, de, ua = fed.add("fr", "de", "ua")
        fed.agree("fr", "de")
        fed.agree("de", "ua", introduces=("de",))
        fed.start()
        fed.wait_connected()
        publish(fr, "first")
        arrives("first", de, ua)
        fr.stop()
        fork = os.path.join(fed.dir, "fork")
        shutil.copytree(fr.home, fork)
        entente("card", "renew", "--contact", "one", home=fork)
        entente("card", "export", "-o", os.path.join(fed.dir, "one.card"), home=fork)
        shutil.copy(os.path.join(fed.dir, "one.card"), key_file(de, f"cards/{fr.id}.card"))
        until(lambda: any(o["serial"] == 2 for o in ua.json("origins") if o["node"] == fr.id), 5,
              "ua has the one card")
        fr.run("card", "renew", "--contact", "other")
        fr.run("card", "export", "-o", fr.card)
        fed.agree("fr", "ua")

        def contradiction():
            return [a for a in ua.status()["alarms"] if a["rule"] == "card-contradiction"]
        until(contradiction, 5, "ua sees two cards")
        ua.stop()
        ua.start()
        alarm, = until(contradiction, 5, "ua sees two cards after a restart")
        claim(alarm["subject"] == fr.id, f"it is about another: {alarm}")
        until(lambda: linked(ua, "de"), 15, "ua goes on with the others")
        # The owner goes behind what both share, with the next root.
        fr.run("card", "rotate-root", "--after", 1)
        fr.run("card", "export", "-o", fr.card)
        shutil.copy(fr.card, key_file(ua, f"cards/{fr.id}.card"))
        ua.stop()
        ua.start()
        until(lambda: not contradiction(), 5, "the alarm ends with its cause")
        fed.stop()


# --- terms that change while a bulk flows --------------------------------------------------------

class Line:
    """A slow line to a node that counts what goes there."""
    def __init__(self, port, rate):
        self.port, self.rate, self.bytes = port, rate, 0
        self.listener = socket.socket()
        # What a proxy's own buffers take is no longer in the sender's hands.
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(8)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                near.close()
                continue
            for source, sink, slow in ((near, far, True), (far, near, False)):
                threading.Thread(target=self.pump, args=(source, sink, slow), daemon=True).start()

    def pump(self, source, sink, slow):
        try:
            while data := source.recv(16384):
                if slow:
                    time.sleep(len(data) / self.rate)
                    self.bytes += len(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def flows(self, what):
        start = self.bytes
        until(lambda: self.bytes > start + 200000, 20, f"{what}: data flow")

    def quiet(self):
        """Nothing more comes; a keepalive is not much."""
        last = -100
        while self.bytes - last >= 100:
            last = self.bytes
            time.sleep(0.4)


class Bulk:
    """What fr has entered as sent to de of its green feed, against what has come. The entry that closes
    a sending is made with the change itself: whatever came beyond it would have followed the end."""
    def __init__(self, fr, de, line):
        self.fr, self.de, self.line = fr, de, line

    def sendings(self, act):
        return [a["to"] for a in acts(self.fr, act) if a["peer"] == self.de.id
                and a["log"]["audience"] == "green"]

    def flows(self, what):
        self.line.flows(what)

    def stops(self, what, arrives=True):
        """arrives: the session stays, so that all that had left before comes."""
        opened = len(self.sendings("sending-opened"))
        until(lambda: len(self.sendings("sending-closed")) == opened, 10, f"{what}: it is closed")
        end = self.sendings("sending-closed")[-1]
        self.line.quiet()
        if arrives:
            self.de.wait_held(self.fr, "green", end)
        held = self.de.held(self.fr, "green")
        claim(held <= end, f"{what}: {end} entries were entered as sent, and {held} came")
        claim(held < BULK, "the bulk was through before the test was")

    def stays_stopped(self, what):
        before, held = len(self.sendings("sending-opened")), self.de.held(self.fr, "green")
        self.line.quiet()
        claim(len(self.sendings("sending-opened")) == before
              and self.de.held(self.fr, "green") == held, f"{what}: it flows")


BULK = 60000


def test_terms_change_while_a_bulk_flows():
    with Federation() as fed:
        (fr,), (de,) = fed.add("fr", endpoint=False), fed.add("de")
        agreement = fed.agree("fr", "de")
        line = Line(de.port, 1 << 20)
        flow = Bulk(fr, de, line)
        with open(os.path.join(fr.home, "entente.conf"), "a", encoding="utf-8") as f:
            f.write(f"endpoint {de.id} {line.address}\n")
        fr.start()
        bulk = "".join(f"h{i}.{'x' * 50}.bad-example-zone.net\n" for i in range(BULK))
        fr.run("publish", "--tlp", "green", "-", stdin=bulk)
        de.start()
        path = key_file(fr, f"agreements/{agreement}.agreement")
        with open(path, encoding="utf-8") as f:
            good = f.read()
        flow.flows("in force")

        with open(path, "w", encoding="utf-8") as f:
            f.write("broken\n")
        until(lambda: any(a["rule"] == "broken-key-file" for a in fr.status()["alarms"]), 5,
              "the alarm about a broken file")
        flow.flows("a broken file keeps the last version")

        texts = [path]

        def amend(gives, *takers):
            texts.append(os.path.join(fed.dir, f"{len(texts)}.agreement"))
            fr.run("agreement", "draft", "--amend", texts[-2], "--gives", f"fr={gives}", "-o",
                   texts[-1])
            for node in (fr, de):
                node.run("agreement", "sign", texts[-1])
            for node in takers:
                node.run("agreement", "accept", texts[-1])
            return texts[-1]

        with open(path, "w", encoding="utf-8") as f:
            f.write(good)
        narrow = amend("clear", fr)
        flow.stops("narrowed at the sender")
        claim(fr.connected("de"), "the session ended")
        de.run("agreement", "accept", narrow)
        wide = amend("clear,green", fr)
        flow.stays_stopped("widened at one end")
        de.run("agreement", "accept", wide)
        flow.flows("widened at both")

        os.rename(path, path + ".away")
        flow.stops("removed at the sender", arrives=False)
        claim([a["rule"] for a in acts(fr, "agreement-ended")][-1] == "removed", "not entered")
        os.rename(path + ".away", path)
        flow.flows("placed again")

        amend("none", de)
        flow.stops("narrowed at the receiver", arrives=False)
        amend("clear,green", fr, de)
        flow.flows("widened again")
        fr.run("agreement", "revoke", agreement)
        flow.stops("revoked", arrives=False)
        until(lambda: listed(de) == {}, 10, "de hears of the end")
        fed.stop()


# --- the end of an agreement ---------------------------------------------------------------------

def listed(node):
    return {a["id"]: a["state"] for a in node.json("agreement", "list")}


def test_a_revocation_ends_it_for_everybody_who_is_connected():
    """Three parties, in a row: the note runs on."""
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        three = fed.agree("fr", "de", "pl")
        pair = fed.agree("de", "pl")
        fed.start()
        fed.wait_connected()
        fr.run("agreement", "revoke", three)
        for node, left in ((de, {pair: "in-force"}), (pl, {pair: "in-force"}), (fr, {})):
            until(lambda n=node, x=left: listed(n) == x, 5, f"it has ended at {node.name}")
        for node in (de, pl):
            got = acts(node, "revocation-received")
            claim(len(got) == 1 and got[0]["terms"][0]["agreement"] == three, f"acts {got}")
            name = f"{three}.{fr.id}.revocation"
            claim(os.path.exists(key_file(node, "agreements/" + name)), "the note is kept")
            until(lambda n=node: [a["rule"] for a in acts(n, "agreement-ended")] == ["revoked"],
                  5, "the end is entered")
        until(lambda: de.connected("pl"), 5, "the other agreement goes on")
        fed.stop()


def unkept(node):
    return [a for a in node.status()["alarms"] if a["rule"] == "key-file-unkept"]


def test_a_revocation_that_cannot_be_kept_counts_and_is_kept_later():
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        three = fed.agree("fr", "de", "pl")
        pair = fed.agree("de", "pl")
        fed.start()
        fed.wait_connected()
        kept = key_file(de, f"agreements/{three}.{fr.id}.revocation")
        os.mkdir(kept)  # nothing can be written there, by root either
        fr.run("agreement", "revoke", three)
        for node in (de, pl):
            until(lambda n=node: [a["rule"] for a in acts(n, "agreement-ended")] == ["revoked"],
                  5, f"it is over at {node.name}")
        until(lambda: unkept(de), 5, "somebody is told")
        claim(os.path.isdir(kept), "something was written there")
        os.rmdir(kept)
        until(lambda: os.path.isfile(kept), 20, "it is kept when that works")
        until(lambda: not unkept(de), 5, "the alarm ends")
        de.kill()
        de.start()
        claim(listed(de) == {pair: "in-force"}, f"{listed(de)}")
        claim(len(acts(de, "agreement-ended")) == 1, "it was in force again")
        fed.stop()


def test_a_revocation_is_signed_where_root_is_and_taken_as_a_file():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        agreement = fed.agree("fr", "de")
        text = os.path.join(fed.dir, "text.agreement")
        note = os.path.join(fed.dir, "end")
        shutil.copy(key_file(fr, f"agreements/{agreement}.agreement"), text)
        root = os.path.join(fed.dir, "root.key")
        shutil.move(key_file(fr, "root.key"), root)
        entente("agreement", "revoke", text, "-o", note, "--root-key", root)
        de.start()
        de.run("agreement", "revoke", note)
        claim(listed(de) == {}, f"still there: {listed(de)}")
        fr.run("agreement", "revoke", note)
        claim(listed(fr) == {}, f"still there: {listed(fr)}")
        fr.run("agreement", "accept", text, de.card, status=None)
        claim(listed(fr) == {}, "accepted again after its end")
        de.stop()


def test_a_text_placed_by_hand_comes_into_history_when_it_can_be_written():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        agreement = fed.agree("fr", "de")
        placed, history = key_file(fr, f"agreements/{agreement}.agreement"), key_file(fr, "history")
        shutil.move(placed, os.path.join(fed.dir, "text"))
        shutil.rmtree(history)
        fr.start()
        with open(history, "w", encoding="utf-8"):
            pass
        shutil.copy(os.path.join(fed.dir, "text"), placed)

        def alarms():
            return [a for a in fr.status()["alarms"] if a["rule"] == "key-file-unkept"]
        until(lambda: listed(fr) == {agreement: "in-force"} or alarms(), 10, "it is in force")
        until(alarms, 10, "it is told that history cannot be written")
        os.remove(history)
        fr.process.send_signal(signal.SIGHUP)
        until(lambda: not alarms() and os.listdir(history) == [f"{agreement}.1.agreement"], 10,
              "it is in history")
        fr.stop()
        # A folder that cannot be listed is not an empty one: agreements would be over by it.
        for folder in (history, os.path.dirname(placed)):
            os.rename(folder, folder + ".aside")
            with open(folder, "w", encoding="utf-8"):
                pass
            listed(fr)
            fr.start(wait=False)
            claim(fr.ended() == 5 and "cannot read: Not a directory" in fr.tail(), "it starts")
            os.remove(folder)
            os.rename(folder + ".aside", folder)
        fr.start()
        claim([a["act"] for a in fr.json("log")].count("agreement-ended") == 0, "it has ended")
        fr.stop()


@needs_shim
def test_after_a_step_of_the_clock_the_operator_has_the_last_word():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        agreement = fed.agree("fr", "de")
        faults = Faults(fed, fr)
        de.start()
        faults.start()
        fed.wait_connected()
        faults.set(clock=10 * 366 * 86400)
        until(lambda: [a["rule"] for a in acts(fr, "agreement-ended")] == ["expired"], 5, "it ends")
        until(lambda: not linked(fr, "de"), 5, "the link ends")
        waiting = key_file(fr, "clock.waiting")

        def alarms():
            return [a for a in fr.status()["alarms"] if a["rule"] == "clock-step"]
        # Nothing waits, but what goes under what has ended does not come back.
        fr.stop()
        faults.start()
        claim(alarms(), "the doubt is forgotten over a restart")
        os.remove(waiting)
        os.mkdir(waiting)  # so that it cannot be written
        faults.set(clock=0)
        until(lambda: any("1 agreements wait" in a["text"] for a in alarms()), 5, "the alarm")
        until(lambda: "clock.waiting: this is no file" in fr.tail(99), 5, "it is told")
        os.rmdir(waiting)
        until(lambda: os.path.isfile(waiting), 20, "it is written after all")
        # Nor is anything let in because the file cannot be read.
        fr.stop()
        os.rename(waiting, waiting + ".aside")
        os.mkdir(waiting)
        faults.start(wait=False)
        claim(fr.ended() != 0 and "clock.waiting: saw a directory" in fr.tail(), "it starts")
        os.rmdir(waiting)
        os.rename(waiting + ".aside", waiting)
        faults.start()
        for _ in range(2):  # it waits over a restart too
            claim(listed(fr) == {agreement: "waits-for-clock"}, f"{listed(fr)}")
            claim(not linked(fr, "de") and len(acts(fr, "agreement-in-force")) == 1, "came back")
            fr.stop()
            faults.start()
            claim(alarms(), "no alarm after a restart")
        time.sleep(0.7)  # long enough to dial and greet
        claim(not linked(fr, "de") and not linked(de, "fr"), "came back by itself")
        claim(fr.json("clock", "confirm", "--operator", "watch") == {"waited": 1}, "what has waited")
        claim(acts(fr, "clock-step")[-1].get("operator") == "watch", "whose word it was")
        until(lambda: linked(fr, "de") and linked(de, "fr"), 15, "the link is back")
        claim(listed(fr) == {agreement: "in-force"} and not alarms(), "still waiting")
        fed.stop()


# --- rosters -------------------------------------------------------------------------------------

def test_a_roster_signed_by_two_of_three_lets_a_member_in():
    """fr - de - pl: no introductions, so pl's records stop at de until fr accepts a roster."""
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        fed.agree("fr", "de")
        fed.agree("de", "pl")
        fed.start()
        fed.wait_connected()
        publish(pl, "listed")
        arrives("listed", de)
        path = os.path.join(fed.dir, "eu.roster")
        entente("roster", "draft", "--signer", fr.card, "--signer", de.card, "--signer", pl.card,
                "--threshold", 2, "--member", pl.card, "-o", path)
        entente("roster", "sign", path, "--root-key", key_file(de, "root.key"))
        fr.run("roster", "accept", path, status=6)
        claim(not fr.find(value("listed")), "listed before anybody has listed it")
        entente("roster", "sign", path, "--root-key", key_file(fr, "root.key"))
        fr.run("roster", "accept", path)
        arrives("listed", fr)
        how = acts(fr, "introduced")
        claim(len(how) == 1 and how[0]["rule"] == "roster" and how[0]["peer"] == de.id, f"{how}")
        shown = fr.json("roster", "list")
        claim(len(shown) == 1 and shown[0]["state"] == "in-force", f"{shown}")
        # Nobody but the signers hands the list on.
        other = os.path.join(fed.dir, "other.roster")
        entente("roster", "draft", "--amend", path, "--signer", pl.card, "--threshold", 1, "-o",
                other)
        entente("roster", "sign", other, "--root-key", key_file(pl, "root.key"))
        fr.run("roster", "accept", other, status=6)
        fed.stop()


TESTS = [
    test_of_commands_that_sign_a_card_at_once_one_does,
    test_keys_change_while_peers_are_connected,
    test_a_revocation_ends_it_for_everybody_who_is_connected,
    test_a_revocation_that_cannot_be_kept_counts_and_is_kept_later,
    test_a_revocation_is_signed_where_root_is_and_taken_as_a_file,
    test_a_roster_signed_by_two_of_three_lets_a_member_in,
    test_an_own_card_of_other_keys_holds_up_no_end,
    test_a_card_that_names_the_key_of_another_shuts_nobody_out,
    test_a_party_without_a_card_is_told_of,
    test_who_is_away_at_two_changes_of_keys_is_named,
    test_a_card_that_ends_soon_is_told_of,
]
LONG = [
    test_keys_change_while_a_peer_is_away,
    test_keys_change_by_a_card_that_is_signed_elsewhere,
    test_root_is_rotated_here_and_where_it_is_kept,
    test_a_stolen_root_loses_whatever_it_signs,
    test_introducers_who_contradict_each_other_freeze_the_origin,
    test_a_card_that_contradicts_an_introduced_one_keeps_nobody_from_starting,
    test_after_a_step_of_the_clock_the_operator_has_the_last_word,
    test_a_text_placed_by_hand_comes_into_history_when_it_can_be_written,
    test_terms_change_while_a_bulk_flows,
]

if __name__ == "__main__":
    run_tests(TESTS + (LONG if os.environ.get("ENTENTE_LONG") or sys.argv[1:] else []))
