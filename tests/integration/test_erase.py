#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""What an origin erases is gone at every holder, stays gone, and the feeds verify all the same."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import Failed, Federation, run_tests, until  # noqa: E402


def value(name):
    return f"{name}.bad-example-zone.net"


def publish(node, *names, tlp="green"):
    return node.json("publish", "--tlp", tlp, "-",
                     stdin="".join(value(n) + "\n" for n in names))


def chain(fed, *names):
    nodes = fed.add(*names)
    for a, b in zip(names, names[1:]):
        fed.agree(a, b, introduces=(a, b))
    fed.start()
    fed.wait_connected()
    return nodes


def arrives(name, *nodes):
    for node in nodes:
        until(lambda n=node: n.find(value(name)), 15, f"{name} arrives at {node.name}")


def goes(name, *nodes, seconds=15):
    for node in nodes:
        until(lambda n=node: not n.find(value(name)), seconds, f"{name} goes at {node.name}")


def same_roots(origin, *nodes):
    origin.wait_sealed()
    size = origin.feed(origin, "green")["size"]
    for node in nodes:
        node.wait_held(origin, "green", size)
    roots = {n.feed(origin, "green")["root"] for n in (origin, *nodes)}
    if len(roots) != 1:
        raise Failed(f"not the same root everywhere: {roots}")


def test_an_erasure_goes_as_far_as_the_record_went():
    with Federation() as fed:
        fr, de, pl, ua = chain(fed, "fr", "de", "pl", "ua")
        publish(fr, "private", "public")
        arrives("private", de, pl, ua)
        object_ = fr.find(value("private"))[0]["object"]
        fr.run("erase", value("private"), status=2)  # a reason is wanted
        fr.run("erase", value("private"), "--reason", "a private person")
        goes("private", fr, de, pl, ua)
        arrives("public", fr, de, pl, ua)
        # Not a byte of it is left, with the daemon running and without.
        de.run("compact")
        if de.store_holds(value("private")):
            raise Failed("de has bytes of it")
        pl.stop()
        pl.run("compact")
        if pl.store_holds(value("private")):
            raise Failed("pl has bytes of it")
        pl.start()
        arrives("public", de, pl)
        same_roots(fr, de, pl, ua)
        again = fr.json("erase", object_, "--reason", "once more")
        if again["published"] != 0 or again["unchanged"] != 1:
            raise Failed(f"erased twice: {again}")
        # A newcomer gets what is left, and may believe it.
        lv = fed.add("lv")[0]
        fed.agree("lv", "ua", introduces=("lv", "ua"))
        lv.start()
        arrives("public", lv)
        same_roots(fr, lv)
        if lv.find(value("private")):
            raise Failed("lv has it")
        # What is published again later is a claim of its own.
        publish(fr, "private")
        arrives("private", fr, de, pl, ua, lv)
        fed.stop()


def confirmed(origin, name):
    """By whom the erasure of a value is, as trace tells by the value alone."""
    entries = origin.json("trace", value(name))["entries"]
    if [e["what"] for e in entries] != ["claim", "erasure"]:
        raise Failed(f"trace of what was erased: {entries}")
    return sorted(r["name"] for r in entries[1]["receipts"])


def test_a_recall_is_done_within_seconds_and_survives_a_kill():
    with Federation() as fed:
        fr, de, pl = chain(fed, "fr", "de", "pl")
        names = [f"wrong{i}" for i in range(2000)]
        publish(fr, *names)
        arrives(names[-1], de, pl)
        pl.kill()
        start = time.monotonic()
        fr.run("erase", "--file", "-", "--reason", "the wrong list", "--now",
               stdin="".join(value(n) + "\n" for n in names))
        goes(names[-1], fr, de, seconds=20)
        print(f"      recalled at two nodes after {time.monotonic() - start:.2f} s")
        # One that was away does it as soon as it is back, also if it dies over it.
        for _ in range(3):
            pl.start()
            time.sleep(0.05)
            pl.kill()
        pl.start()
        goes(names[-1], pl)
        goes(names[0], fr, de, pl)
        # Whoever has recalled it asks by the same value who has confirmed; nobody else can.
        until(lambda: confirmed(fr, names[7]) == ["de"], 15, "de has confirmed the recall")
        de.run("trace", value(names[7]), status=1)
        same_roots(fr, de, pl)
        fed.stop()


def test_the_bytes_go_within_the_agreed_time():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de", edit=lambda t: t.replace("erase-within: 72h", "erase-within: 4s"))
        fed.start()
        fed.wait_connected()
        publish(fr, "private", "public")
        arrives("private", de)
        fr.run("erase", value("private"), "--reason", "a private person")
        goes("private", fr, de)
        for node in (fr, de):
            until(lambda n=node: not n.store_holds(value("private")), 20,
                  f"no byte of it is left at {node.name}")
        arrives("public", fr, de)
        fed.stop()


if __name__ == "__main__":
    run_tests([
        test_an_erasure_goes_as_far_as_the_record_went,
        test_the_bytes_go_within_the_agreed_time,
        test_a_recall_is_done_within_seconds_and_survives_a_kill,
    ])
