#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What an agreement lets a party bring in a day is enforced at the receiver: over it the party's
feeds wait, whole, and the node says so; a restart does not begin the day anew."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import PATIENCE, Failed, Federation, run_tests, until  # noqa: E402


def publish(node, tag, count, *options):
    node.run("publish", "--tlp", "green", *options, "-",
             stdin="".join(f"{tag}{i}.bad-example-zone.net\n" for i in range(count)))


def over(node):
    return [a["subject"] for a in node.status()["alarms"] if a["rule"] == "over-quota"]


def not_at_midnight():
    """A day that ends in the middle of the test would be another one's."""
    left = 86400 - time.time() % 86400
    if left < 60 * PATIENCE:
        time.sleep(left + 1)


def test_over_quota_a_party_waits_others_do_not_and_more_can_be_agreed():
    not_at_midnight()
    with Federation() as fed:
        fr, de, at = fed.add("fr", "de", "at")
        small = fed.agree("fr", "de", options=["--quota", "de=500 records/day 1 GiB/day 100 origins"])
        fed.agree("fr", "at")
        fed.start()
        fed.wait_connected()
        publish(de, "a", 400)
        fr.wait_held(de, "green", 400)
        if over(fr):
            raise Failed("too early")
        publish(de, "b", 300)  # taken whole: something was left
        fr.wait_held(de, "green", 700)
        publish(de, "c", 100)
        until(lambda: over(fr) == [de.id], 10, "the alarm over-quota")
        if fr.held(de, "green") != 700 or not fr.peer("de")["over_quota"]:
            raise Failed(f"{fr.held(de, 'green')} {fr.peer('de')}")
        # Nobody else waits, in either direction; nobody is blamed.
        publish(at, "x", 100)
        fr.wait_held(at, "green", 100)
        publish(fr, "y", 100)
        de.wait_held(fr, "green", 100)
        if de.status()["alarms"] or not fr.connected("de"):
            raise Failed(f"{de.status()['alarms']} {fr.peer('de')}")
        entered = [a for a in fr.json("log") if a["act"] == "over-quota"]
        if len(entered) != 1 or entered[0]["peer_name"] != "de" or entered[0]["count"] != 700:
            raise Failed(str(entered))
        # A restart does not begin the day anew.
        fr.kill()
        fr.start()
        until(lambda: over(fr) == [de.id], 20, "still over quota")
        if fr.held(de, "green") != 700:
            raise Failed("a restart has reset the quota")
        # More is agreed.
        path = os.path.join(fed.dir, "more.agreement")
        fr.run("agreement", "draft", "--amend", small, "--quota",
               "de=5000 records/day 1 GiB/day 100 origins", "-o", path)
        for node in (fr, de):
            node.run("agreement", "sign", path)
        for node, other in ((fr, de), (de, fr)):
            node.run("agreement", "accept", path, other.card)
        fr.wait_held(de, "green", 800)
        until(lambda: not over(fr), 10, "the alarm ends")
        for node in (fr, de, at):
            node.stop()


if __name__ == "__main__":
    run_tests([test_over_quota_a_party_waits_others_do_not_and_more_can_be_agreed])
