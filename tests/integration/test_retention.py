#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Retention moves floors: what is old goes, what is left verifies, a newcomer joins where it
begins, and what an origin still holds true it has said again before."""
import datetime
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import Faults, needs_shim  # noqa: E402
from federation import Failed, Federation, run_tests, until  # noqa: E402
from bundle_ref import Bundle  # noqa: E402


def value(i):
    return f"h{i}.bad-example-zone.net"


def publish(node, numbers, *options):
    return node.json("publish", "--tlp", "green", *options, "-",
                     stdin="".join(value(i) + "\n" for i in numbers))


def configure(node, *lines):
    with open(os.path.join(node.home, "entente.conf"), "a", encoding="utf-8") as f:
        f.write("".join(line + "\n" for line in lines))


def floor(node, origin):
    f = node.feed(origin, "green")
    return f["floor"] if f else 0


def test_a_newcomer_joins_at_the_floor():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de", introduces=("fr", "de"))
        configure(de, "retain 2s")
        fed.start()
        fed.wait_connected()
        publish(fr, range(600))
        until(lambda: de.find(value(599)), 15, "it arrives at de")
        until(lambda: floor(de, fr) == 512, 20, "de forgets what is old")
        until(lambda: not de.find(value(0)), 15, "the index has let go")
        if not de.find(value(512)) or not fr.find(value(0)):
            raise Failed("more went than was to go")

        pl = fed.add("pl")[0]
        fed.agree("pl", "de", introduces=("pl", "de"))
        pl.start()
        until(lambda: pl.find(value(599)), 20, "pl joins at the floor")
        if floor(pl, fr) != 512 or pl.find(value(100)):
            raise Failed(f"pl has a floor of {floor(pl, fr)}")
        # It goes on from there, and all agree on the root; also after a restart.
        publish(fr, range(600, 650))
        fr.wait_sealed()
        for node in (de, pl):
            node.wait_held(fr, "green", 650)
        pl.kill()
        pl.start()
        publish(fr, range(650, 660))
        fr.wait_sealed()
        for node in (de, pl):
            node.wait_held(fr, "green", 660)
        roots = {n.feed(fr, "green")["root"] for n in (fr, de, pl)}
        if len(roots) != 1:
            raise Failed(f"not the same root everywhere: {roots}")
        log = pl.run("log").out
        if "joined fr/green at 512" not in log:
            raise Failed(f"provenance does not tell of it:\n{log}")
        if "forgot fr/green" not in de.run("log").out:
            raise Failed("provenance does not tell of the floor")
        fed.stop()
        part_of_a_feed_with_a_floor(fed, (fr, de, pl))


def part_of_a_feed_with_a_floor(fed, nodes):
    """Bundles of a part of the time begin at the floor or behind it, and lead to the signed root."""
    whole = [Bundle.read(p) for p in fed.audit()]
    first = [b.log("green", whole[0].node) for b in whole]
    if [log.begin for log in first] != [floor(n, nodes[0]) for n in nodes]:
        raise Failed(f"they begin at {[log.begin for log in first]}")
    moments = [e.received for e in first[2].entries]
    for since in (moments[0] - 3600 * 1000, moments[-1], moments[-1] + 1):
        at = datetime.datetime.fromtimestamp(since / 1000, datetime.timezone.utc)
        for full, path in zip(first, fed.audit("--since", at.isoformat(timespec="milliseconds"))):
            log = Bundle.read(path).log("green", whole[0].node)
            rest = [e.header for e in full.entries if e.received >= since]
            if [e.header for e in log.entries] != rest or log.end != full.end:
                raise Failed(f"since {at}: {log.begin} to {log.end}, {len(rest)} wanted")


def test_an_origin_says_again_what_still_holds():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        configure(fr, "retain 2s")
        fed.start()
        fed.wait_connected()
        publish(fr, range(300))
        until(lambda: de.find(value(299)), 15, "it arrives at de")
        fr.run("retract", value(3), "--reason", "sinkholed")
        fr.run("erase", value(4), "--reason", "a private person")
        sizes = []
        for _ in range(4):  # what was said again is forgotten and said again in its turn
            before = floor(fr, fr)
            until(lambda b=before: floor(fr, fr) > b, 20, "the floor moves")
            sizes.append(os.path.getsize(os.path.join(fr.home, "data/log/data.mdb")))
        for i in (0, 1, 255, 256, 299):
            for node in (fr, de):
                until(lambda n=node, k=i: n.find(value(k)), 10, f"{value(i)} at {node.name}")
        for node in (fr, de):
            if [c["retracted"] for c in node.find(value(3))] not in ([], [True]):
                raise Failed(f"{node.name}: what was taken back is said again")
            if node.find(value(4)):
                raise Failed(f"{node.name}: what was erased is said again")
        if sizes[-1] > sizes[0] * 2 + (1 << 20):
            raise Failed(f"the store grows on: {sizes}")
        fed.stop()


def test_a_publication_that_is_not_kept_is_not_said_to_be_taken_back():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        configure(fr, "retain 6s")  # by then it is taken back
        fed.start()
        fed.wait_connected()
        id = publish(fr, range(300))["publication"]
        until(lambda: floor(fr, fr) == 256, 20, "the floor moves")
        until(lambda: fr.find(value(0)), 10, "what still holds is said again")
        done = fr.run("retract", "--publication", id, "--json", status=1)
        if done.json["published"] != 44 or done.json["not_kept"] != 256 or \
                "256 of its entries are not kept" not in done.err:
            raise Failed(f"{done.out}{done.err}")
        if [c["retracted"] for c in fr.find(value(0)) + fr.find(value(299))] != [False, True]:
            raise Failed("the account is wrong")
        publish(fr, range(1000, 1300))
        until(lambda: floor(fr, fr) >= 512, 20, "the floor moves on")
        for command in ("retract", "erase"):
            done = fr.run(command, "--publication", id, "--reason", "x", "--json", status=1)
            if "300 of its entries are not kept" not in done.json["error"]:
                raise Failed(f"{done.out}{done.err}")
        fed.stop()


@needs_shim
def test_nothing_is_old_by_a_clock_that_is_in_doubt():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        faults = Faults(fed, fr)
        configure(fr, "retain 90d")
        de.start()
        faults.start()
        fed.wait_connected()
        publish(fr, range(600), "--valid-days", "300")
        until(lambda: de.find(value(599)), 15, "it arrives at de")
        faults.set(clock=10 * 366 * 86400)
        until(lambda: "clock-step" in [a["rule"] for a in fr.status()["alarms"]], 10, "the alarm")
        time.sleep(5)  # retention looks every two seconds
        if floor(fr, fr) or not fr.find(value(0)):
            raise Failed("what is not old has gone, by a clock that stepped")
        # By the word of the operator it is as late as that.
        fr.run("clock", "confirm", "--operator", "watch")
        until(lambda: floor(fr, fr) == 512, 15, "what is old goes")
        fed.stop()


if __name__ == "__main__":
    run_tests([
        test_a_newcomer_joins_at_the_floor,
        test_an_origin_says_again_what_still_holds,
        test_a_publication_that_is_not_kept_is_not_said_to_be_taken_back,
        test_nothing_is_old_by_a_clock_that_is_in_doubt,
    ])
