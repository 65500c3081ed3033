#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The life of keys and agreements while data flows: keys that change while peers are connected or
away, roots that are stolen, terms that end."""
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import SANITISED, Failed, Federation, entente, run_tests, until  # noqa: E402
from test_faults import Faults  # noqa: E402


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


def test_after_a_step_of_the_clock_the_operator_has_the_last_word():
    if SANITISED:
        return "a sanitised program takes no preload"
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
        faults.set(clock=0)

        def alarms():
            return [a for a in fr.status()["alarms"] if a["rule"] == "clock-step"]
        until(lambda: any("1 agreements wait" in a["text"] for a in alarms()), 5, "the alarm")
        for _ in range(2):  # it waits over a restart too
            claim(listed(fr) == {agreement: "waits-for-clock"}, f"{listed(fr)}")
            claim(not linked(fr, "de") and len(acts(fr, "agreement-in-force")) == 1, "came back")
            fr.stop()
            faults.start()
            claim(alarms(), "no alarm after a restart")
        time.sleep(0.7)  # long enough to dial and greet
        claim(not linked(fr, "de") and not linked(de, "fr"), "came back by itself")
        claim(fr.json("clock", "confirm") == {"waited": 1}, "what has waited")
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
    test_a_roster_signed_by_two_of_three_lets_a_member_in,
    test_after_a_step_of_the_clock_the_operator_has_the_last_word,
    test_a_revocation_ends_it_for_everybody_who_is_connected,
    test_a_revocation_is_signed_where_root_is_and_taken_as_a_file,
    test_keys_change_while_peers_are_connected,
    test_keys_change_while_a_peer_is_away,
]

if __name__ == "__main__":
    run_tests(TESTS)
