#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The stop button: what is paused stops at once and stays so over a restart, what is held back is
shown as such, and a wrong publication is taken back as a whole."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import BIN, PATIENCE, Failed, Federation, run_tests, stays, until  # noqa: E402


def pair(fed):
    fr, de = fed.add("fr", "de")
    fed.agree("fr", "de")
    fed.start()
    fed.wait_connected()
    return fr, de


def publish(node, *values, **kw):
    return node.run("publish", "--tlp", "green", "--json", "-",
                    stdin="".join(v + "\n" for v in values), **kw).json


def acts(node, act):
    return [a for a in node.json("log") if a["act"] == act]


def test_paused_out_nothing_leaves_until_it_is_resumed():
    with Federation() as fed:
        fr, de = pair(fed)
        publish(fr, "one.bad-example-zone.net")
        de.wait_held(fr, "green", 1)
        said = fr.json("pause", "out", "--operator", "ana")
        if said != {"out": True, "in": False, "peers": []}:
            raise Failed(str(said))
        publish(fr, "two.bad-example-zone.net")
        publish(de, "three.bad-example-zone.net")
        fr.wait_held(de, "green", 1)  # taking goes on
        stays(lambda: de.held(fr, "green") == 1, 1, "nothing leaves a paused node")
        status = fr.status()
        if not status["paused"]["out"] or [a["severity"] for a in status["alarms"]
                                           if a["rule"] == "paused"] != ["info"]:
            raise Failed(f"{status['paused']} {status['alarms']}")
        # A restart does not resume it.
        fr.stop()
        fr.start()
        until(lambda: fr.connected("de"), 20, "a paused node is connected")
        stays(lambda: de.held(fr, "green") == 1, 1, "nor after a restart")
        fr.run("resume", "--operator", "ana")
        de.wait_held(fr, "green", 2)
        if fr.status()["alarms"] or os.path.exists(os.path.join(fr.home, "paused")):
            raise Failed(f"after resume: {fr.status()['alarms']}")
        if [a.get("operator") for a in acts(fr, "paused")][0] != "ana" or \
                len(acts(fr, "paused")) != 2 or len(acts(fr, "resumed")) != 1:
            raise Failed(f"{acts(fr, 'paused')} {acts(fr, 'resumed')}")
        fr.stop()
        de.stop()


def test_one_peer_is_paused_also_while_the_daemon_is_down():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        at, = fed.add("at")
        fed.agree("fr", "de")
        fed.agree("fr", "at")
        fr.run("pause", "fr", status=6)
        fr.run("pause", "de")
        if fr.status()["paused"]["peers"] != [de.id]:
            raise Failed(f"without the daemon: {fr.status()['paused']}")
        fed.start()
        fed.wait_connected()
        publish(fr, "one.bad-example-zone.net")
        publish(de, "two.bad-example-zone.net")
        at.wait_held(fr, "green", 1)
        stays(lambda: de.held(fr, "green") == 0 and fr.held(de, "green") == 0, 1,
              "neither goes nor comes with a paused peer")
        if fr.status()["paused"] != {"out": False, "in": False, "peers": [de.id]}:
            raise Failed(str(fr.status()["paused"]))
        at_peer = [fr.json("why", "one.bad-example-zone.net", peer) for peer in ("de", "at")]
        if [w["paused"] for w in at_peer] != [True, False] or not all(w["allow"] for w in at_peer):
            raise Failed(f"why of a paused peer: {at_peer}")
        fr.run("resume", "de")
        de.wait_held(fr, "green", 1)
        fr.wait_held(de, "green", 1)
        for node in (fr, de, at):
            node.stop()


def at_rest(value):
    """Nothing has moved in half a second."""
    before = value()
    time.sleep(0.5)
    return value() == before


def test_a_long_transfer_stops_in_its_middle():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fr.start()
        de.start()
        until(lambda: fr.connected("de"), 20, "connected")
        de.run("pause", "in")
        path = os.path.join(fed.dir, "many.txt")
        with open(path, "w", encoding="ascii") as f:
            f.writelines(f"{i:064x}\n" for i in range(1, 60001))
        fr.run("publish", "--tlp", "green", path)
        if de.held(fr, "green"):
            raise Failed("a paused node takes")
        de.run("resume")
        until(lambda: de.held(fr, "green") > 0, 20, "the transfer has begun", 0.001)
        fr.run("pause")
        # What is in the kernel still comes; then nothing. A run of which a part had not left is cut:
        # it counts as sent, and never arrives.
        sent = fr.peer("de")["sent_entries"]
        until(lambda: at_rest(lambda: de.held(fr, "green")), 10, "what had left arrives")
        held = de.held(fr, "green")
        if held > sent:
            raise Failed(f"{held} are held, {sent} were sent")
        stays(lambda: (de.held(fr, "green"), fr.peer("de")["sent_entries"]) == (held, sent), 1,
              "a paused sender sends")
        fr.run("resume")
        de.wait_held(fr, "green", 60000)
        if de.status()["alarms"] or fr.status()["alarms"]:
            raise Failed(f"{de.status()['alarms']} {fr.status()['alarms']}")
        fr.stop()
        de.stop()


def test_a_pause_that_cannot_be_read_pauses_everything():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        with open(os.path.join(fr.home, "paused"), "w", encoding="ascii") as f:
            f.write("entente/pause/v1\nnobody knows what\n")
        fed.start()
        if fr.status()["paused"] != {"out": True, "in": True, "peers": []}:
            raise Failed(str(fr.status()["paused"]))
        publish(fr, "one.bad-example-zone.net")
        if "paused" not in fr.run("why", "one.bad-example-zone.net", "de").err:
            raise Failed("why says nothing of the pause")
        fr.run("resume")
        de.wait_held(fr, "green", 1)
        fr.stop()
        de.stop()


def test_a_value_held_back_is_shown_as_such():
    with Federation() as fed:
        fr, de = pair(fed)
        publish(fr, "update.bad-example-zone.net", "other.bad-example-zone.net")
        de.wait_held(fr, "green", 2)
        de.run("hold", "UPDATE.bad-example-zone.net.", "--operator", "ana")
        found = de.json("find", "update.bad-example-zone.net", "other.bad-example-zone.net")
        if [f["held_back"] for f in found] != [True, False]:
            raise Failed(str(found))
        tail = [t["held_back"] for t in map(json.loads, de.run("tail", "--json").out.splitlines())]
        if sorted(tail) != [False, True]:
            raise Failed(f"tail: {tail}")
        if "held-back" not in de.run("find", "update.bad-example-zone.net").out or \
                "held back" not in de.run("why", "update.bad-example-zone.net", "fr").err:
            raise Failed("find and why do not tell people")
        de.stop()
        de.start()
        if not de.json("find", "update.bad-example-zone.net")[0]["held_back"]:
            raise Failed("forgotten by a restart")
        de.run("unhold", "other.bad-example-zone.net", status=1)
        de.run("unhold", "update.bad-example-zone.net")
        if de.json("find", "update.bad-example-zone.net")[0]["held_back"]:
            raise Failed("still held back")
        hold, = acts(de, "hold")
        if hold["operator"] != "ana" or not hold["hash"] or "update" in str(hold):
            raise Failed(str(hold))
        if len(acts(de, "unhold")) != 1:
            raise Failed(str(acts(de, "unhold")))
        de.run("hold", "1.2.3.4", "--operator", "ben")
        de.run("hold", "update.bad-example-zone.net", "--operator", "ana")
        held = de.json("hold")
        if [(h["value"], h["type"], h["operator"]) for h in held] != [
                ("1.2.3.4", "ipv4", "ben"), ("update.bad-example-zone.net", "domain", "ana")]:
            raise Failed(f"held back: {held}")
        fr.stop()
        de.stop()
        if de.json("hold") != held or held[0]["since"][:2] != "20":
            raise Failed("another list without the daemon")
        if [line.split()[0] for line in de.run("hold").out.splitlines()[1:]] != [h["value"] for h in held]:
            raise Failed(de.run("hold").out)
        if fr.json("hold") != [] or "nothing is held back" not in fr.run("hold").err:
            raise Failed("nothing is held back at fr")
        de.run("hold", "update.bad-example-zone.net", status=4)


def check_refusals_are_acts(fed, fr):
    """Also of files from which nothing was sent, each with the hash of its own file."""
    before, size = len(acts(fr, "refused")), fr.held(fr, "green")
    paths = []
    for name, text in (("some.txt", "not a value\nnor this\n127.0.0.1\n"), ("none.txt", "no value\n"),
                       ("strict.txt", "good.bad-example-zone.net\n127.0.0.1\n")):
        paths.append(os.path.join(fed.dir, name))
        with open(paths[-1], "w", encoding="ascii") as f:
            f.write(text)
    fr.run("publish", "--tlp", "green", "--operator", "ana", *paths[:2], status=3)
    fr.run("publish", "--tlp", "green", "--operator", "ana", "--strict", paths[2], status=3)
    fr.run("publish", "--tlp", "green", "--dry-run", *paths, status=0)
    new = acts(fr, "refused")[before:]
    if sorted((a["rule"], a["count"], a["operator"]) for a in new) != [
            ("reserved", 1, "ana"), ("reserved", 1, "ana"), ("unreadable", 1, "ana"),
            ("unreadable", 2, "ana")]:
        raise Failed(f"refusals in provenance: {new}")
    if len({a["hash"] for a in new}) != 3 or fr.held(fr, "green") != size:
        raise Failed(f"not by file, or something was published: {new}")
    fr.stop()
    fr.run("publish", "--tlp", "green", paths[1], status=3)
    fr.start()


def test_a_wrong_publication_is_taken_back_as_a_whole():
    with Federation() as fed:
        fr, de = pair(fed)
        right = publish(fr, "a.bad-example-zone.net", "b.bad-example-zone.net")["publication"]
        path = os.path.join(fed.dir, "wrong.txt")
        wrong_values = [f"w{i}.bad-example-zone.net" for i in range(5000)]
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(wrong_values + ["not a value", "a.bad-example-zone.net"]) + "\n")
        wrong = fr.run("publish", "--tlp", "green", "--json", path).json
        if wrong["published"] != 5000:
            raise Failed(str(wrong)[:300])
        # One of them is said again since, otherwise: that is another publication's.
        again = fr.run("publish", "--tlp", "green", "--json", "--confidence", "90", "-",
                       stdin="w7.bad-example-zone.net\n").json
        if again["published"] != 1:
            raise Failed(str(again))
        done = fr.run("retract", "--publication", wrong["publication"][:8], "--reason",
                      "wrong list", "--json").json
        if done["published"] != 4999 or done["unchanged"] != 1:
            raise Failed(str(done)[:300])
        de.wait_held(fr, "green", 2 + 5000 + 1 + 4999)
        state = {v: de.find(v)[0]["retracted"] for v in
                 ("a.bad-example-zone.net", "w0.bad-example-zone.net", "w4999.bad-example-zone.net",
                  "w7.bad-example-zone.net")}
        if list(state.values()) != [False, True, True, False]:
            raise Failed(str(state))
        # Again: nothing more to do.
        done = fr.run("retract", "--publication", wrong["publication"], "--json").json
        if done["published"] != 0 or done["unchanged"] != 5000:
            raise Failed(str(done)[:300])
        refused = [a for a in acts(fr, "refused") if a["publication"] == wrong["publication"]]
        if [(a["rule"], a["count"]) for a in refused] != [("unreadable", 1)]:
            raise Failed(f"what could not be read is not in provenance: {refused}")
        fr.run("retract", "--publication", "0123456789abcdef", status=1)
        check_refusals_are_acts(fed, fr)
        fr.run("retract", "--publication", "nonsense", status=6)
        fr.run("retract", "--publication", right, "a.bad-example-zone.net", status=2)
        fr.stop()
        de.stop()


def test_while_the_index_is_rebuilt_nothing_is_said_to_be_taken_back_that_is_not():
    count = 100000  # the reader is renewed on the way
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        path = os.path.join(fed.dir, "list.txt")
        with open(path, "w", encoding="ascii") as f:
            f.writelines(f"w{i}.bad-example-zone.net\n" for i in range(count))
        for turn, seconds in enumerate((0.1, 0.3, 0.6)):
            said = fr.json("publish", "--tlp", "green", "--confidence", turn + 1, path)
            begun = subprocess.Popen([os.path.join(BIN, "entente"), "--home", fr.home, "retract",
                                      "--publication", said["publication"], "--json"],
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            time.sleep(seconds)
            fr.run("reindex")
            out = begun.communicate(timeout=60 * PATIENCE)[0]
            if begun.returncode == 0:
                done = json.loads(out)
            elif begun.returncode != 5 or "try again" not in out:
                raise Failed(f"{begun.returncode}: {out[:300]}")
            else:
                done = fr.json("retract", "--publication", said["publication"])
            # A first attempt that was cut short has taken back some: each is one entry.
            size = fr.feed(fr, "green")["size"]
            if size != 2 * count * (turn + 1):
                raise Failed(f"after {seconds} s: {size} entries, {str(done)[:300]}")
        fr.stop()


if __name__ == "__main__":
    run_tests([test_paused_out_nothing_leaves_until_it_is_resumed,
               test_one_peer_is_paused_also_while_the_daemon_is_down,
               test_a_long_transfer_stops_in_its_middle,
               test_a_pause_that_cannot_be_read_pauses_everything,
               test_a_value_held_back_is_shown_as_such,
               test_a_wrong_publication_is_taken_back_as_a_whole,
               test_while_the_index_is_rebuilt_nothing_is_said_to_be_taken_back_that_is_not])
