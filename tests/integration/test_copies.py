#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Whole homes copied: an old one with its old guard, and a second one that runs beside the first."""
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import Failed, Federation, Node, free_port, run_tests, until  # noqa: E402
from test_recover import acts, publish, same_everywhere, signs_again, trio  # noqa: E402


def copy_home(node, to):
    shutil.copytree(node.home, to, ignore=shutil.ignore_patterns("*.sock", "ready"))


def replace_home(node, copy):
    shutil.rmtree(node.home)
    shutil.move(copy, node.home)


def test_a_whole_old_home_is_found_out_by_its_peers():
    with Federation() as fed:
        fr, de, pl = trio(fed)
        publish(fr, "a", 100)
        fr.stop()
        copy_home(fr, fr.home + ".copy")
        fr.start()
        fed.wait_connected()
        publish(fr, "b", 100)
        de.wait_held(fr, "green", 200)
        pl.wait_held(fr, "green", 200)
        fr.stop()
        replace_home(fr, fr.home + ".copy")
        fr.start()
        until(lambda: [a for a in acts(fr, "recovered")], 15, "it has recovered")
        publish(fr, "c", 10)
        same_everywhere(fr, (fr, de, pl), 210)
        if [a for a in de.json("alarms") + pl.json("alarms")]:
            raise Failed(f"alarms: {de.json('alarms')} {pl.json('alarms')}")
        fed.stop()
        fed.audit()


class Clone(Node):
    """A second copy of a node that runs beside it."""

    def __init__(self, original):
        self.federation, self.name = original.federation, original.name + "-clone"
        self.home = os.path.join(original.federation.dir, self.name)
        self.id, self.card, self.enter = original.id, original.card, original.enter
        self.process = None
        self.log = os.path.join(original.federation.dir, self.name + ".log")
        copy_home(original, self.home)
        self.port = free_port()
        original.federation.nodes[self.name] = self


def test_a_clone_beside_the_original_is_noticed_by_both():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        publish(fr, "a", 100)
        de.wait_held(fr, "green", 100)
        fr.stop()
        clone = Clone(fr)
        fr.start()
        until(lambda: fr.connected("de"), 20, "fr is connected")
        publish(fr, "b", 10)
        de.wait_held(fr, "green", 110)
        # Of two sessions with one peer the newer stays: the two take turns at de.
        clone.start("--listen", f"127.0.0.1:{clone.port}")
        until(lambda: acts(clone, "restored"), 20, "the clone is shown what it does not hold")
        until(lambda: not clone.status()["mute"], 30, "the clone has what the original signed")
        publish(clone, "c", 10)
        until(lambda: [a for a in fr.json("alarms") if a["rule"] == "clone"], 30,
              "the original is shown what the clone signed")
        signs_again(fr, 30)
        publish(fr, "d", 10)
        until(lambda: [a for a in clone.json("alarms") if a["rule"] == "clone"], 30,
              "the clone is shown what the original signed")
        until(lambda: clone.status()["mute"], 30, "the second time the clone stays mute")
        said = clone.json("recover", status=4)["recovery"]
        if said["rule"] != "clone" or "--confirm" not in said["do"]:
            raise Failed(f"recover says {said}")
        publish(clone, "e", 10, status=4)
        if de.feed(fr, "green")["frozen"]:
            raise Failed("two histories were signed")
        clone.stop()
        publish(fr, "e", 10)
        same_everywhere(fr, (fr, de), 140)
        fr.stop()
        de.stop()


if __name__ == "__main__":
    run_tests([test_a_whole_old_home_is_found_out_by_its_peers,
               test_a_clone_beside_the_original_is_noticed_by_both])
