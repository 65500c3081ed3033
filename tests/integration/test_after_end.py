#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""After the end of agreements: what was got under them goes where they say erase, also when the
node was off meanwhile, and stays where one says keep or is still in force."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import Faults, needs_shim  # noqa: E402
from federation import Failed, Federation, run_tests, stays, until  # noqa: E402


def claim(holds, what):
    if not holds:
        raise Failed(what)


def value(name):
    return f"{name}.bad-example-zone.net"


def publish(node, name, tlp="green", *options):
    return node.json("publish", "--tlp", tlp, *options, "-", stdin=value(name) + "\n")


def after_end(erase):
    """Rewrites the draft before it is signed."""
    def change(text):
        text = text.replace("erase-within: 72h\n", "erase-within: 2s\n")
        return text.replace("after-end: erase 30d\n", f"after-end: {erase}\n")
    return change


def acts(node, name):
    return [a for a in node.json("log") if a["act"] == name]


def over(node, origin, audience):
    feed = node.feed(origin, audience)
    return feed["over"] if feed else 0


def test_bodies_go_after_the_end_and_a_restart_remembers():
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        with_fr = fed.agree("fr", "de", edit=after_end("erase 3s"),
                            gives={"fr": "clear,green,amber", "de": "clear,green,amber"})
        fed.agree("pl", "de", gives={"pl": "green", "de": "clear,green"},
                  edit=after_end("keep"))
        fed.start()
        fed.wait_connected()
        publish(fr, "clear", "clear")
        publish(fr, "green")
        publish(fr, "amber", "amber", "--agreement", with_fr)
        publish(de, "own", "clear")
        publish(de, "ours", "amber", "--agreement", with_fr)
        for name in ("clear", "green", "amber"):
            until(lambda n=name: de.find(value(n)), 10, f"{name} arrives")
        until(lambda: fr.find(value("ours")), 10, "ours arrives")
        found = de.json("find", value("amber"))[0]["claims"][0]["object"]
        # It ends while the node runs; the time passes while it is off.
        began = time.monotonic()
        de.run("agreement", "revoke", with_fr)
        until(lambda: acts(de, "agreement-ended"), 10, "it has ended")
        there = de.find(value("amber"))
        claim(there or time.monotonic() - began > 3, "gone before the time")
        de.stop()
        fr.wait_sealed()
        until(lambda: not fr.find(value("ours")), 20, "fr lets go of de's")
        os.remove(os.path.join(de.home, "keys", "agreements", with_fr + ".agreement"))
        de.start()
        for name in ("clear", "amber"):
            until(lambda n=name: not de.find(value(n)), 20, f"{name} goes")
        until(lambda: not de.store_holds(value("amber")), 30, "no byte is left in the files")
        # pl may have given it as well, and says keep; the own stays in any case.
        for name in ("green", "own", "ours"):
            claim(de.find(value(name)), f"{name} is gone")
        claim(over(de, fr, with_fr) == 1 and over(de, fr, "clear") == 1, "not told by status")
        claim(over(de, fr, "green") == 0 and over(de, de, with_fr) == 0, "told of too much")
        place = de.json("why", found, "pl")["places"][0]
        claim(place["after_end"], f"why does not tell: {place}")
        ended = acts(de, "after-end")
        claim(len(ended) == 2, f"acts {ended}")
        until(lambda: len([a for a in acts(de, "erased") if a["rule"] == "after-end"]) == 2, 10,
              "what is done is entered")
        # A restart in between changes nothing, and nothing is done twice.
        de.stop()
        de.start()
        stays(lambda: not de.find(value("amber")) and len(acts(de, "after-end")) == 2, 3,
              "it stays as it is")
        claim(de.run("doctor").status == 0, "the store is not whole")
        for node in (fr, de, pl):
            node.stop()
        fed.audit()


@needs_shim
def test_what_ends_while_the_clock_is_in_doubt_ends_when_the_time_is_right():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        agreement = fed.agree("fr", "de")  # after-end: erase 30d
        faults = Faults(fed, de)
        fr.start()
        faults.start()
        fed.wait_connected()
        publish(fr, "green")
        until(lambda: de.find(value("green")), 10, "it arrives")
        faults.set(clock=-10 * 366 * 86400)
        until(lambda: acts(de, "agreement-ended"), 10, "it ends by the clock")
        os.remove(os.path.join(de.home, "keys", "agreements", agreement + ".agreement"))
        time.sleep(2)
        faults.set(clock=0)
        until(lambda: len(acts(de, "clock-step")) == 2, 10, "the time is right again")
        de.run("clock", "confirm", "--operator", "watch")
        stays(lambda: de.find(value("green")) and not acts(de, "after-end"), 6,
              "it stays for thirty days")
        fed.stop()


if __name__ == "__main__":
    run_tests([
        test_bodies_go_after_the_end_and_a_restart_remembers,
        test_what_ends_while_the_clock_is_in_doubt_ends_when_the_time_is_right,
    ])
