#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The life of keys and agreements while data flows: keys that change while peers are connected or
away, roots that are stolen, terms that end."""
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import Failed, Federation, entente, free_port, run_tests, until  # noqa: E402


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


TESTS = [
    test_keys_change_while_peers_are_connected,
    test_keys_change_while_a_peer_is_away,
]

if __name__ == "__main__":
    run_tests(TESTS)
