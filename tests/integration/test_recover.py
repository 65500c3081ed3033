#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Old stores, lost guards, and deaths in the middle of a seal: nothing is signed twice, what peers hold
comes back, and the node goes on by itself where that is safe. ENTENTE_LONG=1 dies more often."""
import hashlib
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import Failed, Federation, run_tests, until  # noqa: E402

LONG = os.environ.get("ENTENTE_LONG") == "1"


def values(tag, count):
    return "".join(hashlib.sha256(f"{tag} {i}".encode()).hexdigest() + "\n" for i in range(count))


def publish(node, tag, count, status=0):
    return node.run("publish", "--tlp", "green", "--json", "-", stdin=values(tag, count),
                    status=status)


def trio(fed):
    fr, de, pl = fed.add("fr", "de", "pl")
    fed.agree("fr", "de")
    fed.agree("fr", "pl")
    fed.start()
    fed.wait_connected()
    return fr, de, pl


def signs_again(node, seconds=15):
    until(lambda: not node.status()["mute"], seconds, f"{node.name} signs again")


def acts(node, name):
    return [a for a in node.json("log") if a["act"] == name]


def same_everywhere(origin, nodes, size, seconds=30):
    for node in nodes:
        node.wait_held(origin, "green", size, seconds)
    origin.wait_sealed()
    roots = {n.feed(origin, "green")["root"] for n in nodes}
    if len(roots) != 1 or [n for n in nodes if n.feed(origin, "green")["frozen"]]:
        raise Failed(f"the roots differ: {[n.feed(origin, 'green') for n in nodes]}")


def test_behind_its_guard_it_takes_its_entries_back():
    with Federation() as fed:
        fr, de, pl = trio(fed)
        publish(fr, "a", 100)
        fr.stop()
        data = os.path.join(fr.home, "data")
        shutil.copytree(data, data + ".copy")
        fr.start()
        fed.wait_connected()
        publish(fr, "b", 5000)
        de.wait_held(fr, "green", 5100)
        fr.stop()
        shutil.rmtree(data)
        shutil.move(data + ".copy", data)
        de.stop()
        pl.stop()
        fr.start()
        # Nobody is there: it says what it waits for, and signs nothing.
        said = fr.json("recover", status=4)["recovery"]
        if said["rule"] != "behind-guard" or sorted(said["waiting_for"]) != ["de", "pl"] or \
                said["feeds"] != [{"audience": "green", "held": 100, "wanted": 5100}]:
            raise Failed(f"recover says {said}")
        publish(fr, "c", 10, status=4)
        de.start()
        signs_again(fr)
        if not fr.find(values("b", 1).strip()):
            raise Failed("what came back is not found")
        done = publish(fr, "b", 5000).json
        if done["unchanged"] != 5000:
            raise Failed(f"what came back is published again: {done}")
        publish(fr, "c", 10)
        pl.start()
        same_everywhere(fr, (fr, de, pl), 5110)
        for act in ("restored", "epoch", "recovered"):
            if len(acts(fr, act)) != 1:
                raise Failed(f"act {act}: {acts(fr, act)}")
        if fr.run("recover").out != "not mute: this node signs what it publishes\n":
            raise Failed("recover when all is well")
        fed.stop()
        fed.audit()


def test_without_a_guard_every_peer_is_heard():
    with Federation() as fed:
        fr, de, pl = trio(fed)
        publish(fr, "a", 100)
        pl.wait_held(fr, "green", 100)
        de.wait_held(fr, "green", 100)
        pl.stop()
        fr.stop()
        os.remove(os.path.join(fr.home, "guard"))
        fr.start()
        until(lambda: fr.json("recover", status=4)["recovery"]["waiting_for"] == ["pl"], 10,
              "only pl is waited for")
        publish(fr, "b", 10, status=4)
        status = fr.status()
        if not [a for a in status["alarms"] if a["rule"] == "mute" and a["severity"] == "page"]:
            raise Failed(f"no alarm: {status['alarms']}")
        fr.run("recover", "--without", "de")  # heard already: no harm
        fr.run("recover", "--without", "nobody", status=1)
        fr.run("recover", "--without", "pl", "--operator", "watch")
        # It is entered behind the answer.
        until(lambda: [a["operator"] for a in acts(fr, "recovery-word") if a["peer"] == pl.id]
              == ["watch"], 10, "whose word it was")
        signs_again(fr)
        publish(fr, "b", 10)
        pl.start()
        same_everywhere(fr, (fr, de, pl), 110)
        # And the guard is there again; doctor compares it with the store as the daemon does.
        fr.stop()
        guard = os.path.join(fr.home, "guard")
        with open(guard, "rb") as f:
            good = guard_lines(f.read())
        log, size, root = good.split()
        for text, says in ((f"{log} {size} {'A' * 43}=\n", "another history"),
                           (f"{log} 99999 {root}\n", "110 of 99999"), (good, "none behind")):
            with open(guard, "w", encoding="ascii") as f:
                f.write(text)
            said, = [c for c in fr.json("doctor", status=None) if c["check"] == "guard"]
            if says not in str(said) or said["ok"] != (text == good):
                raise Failed(f"doctor of a guard that has {text}: {said}")
        fr.start()
        if fr.status()["mute"]:
            raise Failed("mute again after a restart")
        fed.stop()
        fed.audit()


def guard_lines(data):
    """Of the newer slot (STORE.md, "Guard")."""
    slots = [s for s in (data[:16384], data[16384:]) if s.startswith(b"slot ")]
    head, lines = max(slots, key=lambda s: int(s.split()[1])).split(b"\n", 1)
    return lines[:int(head.split()[2])].decode()


STEPS = ("commit", "reread", "guard", "sign", "tell", "carry", "finished")


def dies_at(fed, fr, de, step, count):
    """fr dies at a step of a seal; what it had announced is there, and it goes on."""
    tag = f"{step} {count}"
    fr.kill()
    fr.start(env={**os.environ, "ENTENTE_FAULT": f"{step}:{count}"}, wait=False)
    fr.up_or_dead(f"up or dead at {tag}")
    for i in range(20):
        if fr.dead():
            break
        # Only what is no small group gets a commit for its checkpoints.
        publish(fr, f"{tag} {i}", 1000 if step == "carry" else 50, status=None)
    if fr.process.poll() != -9:
        raise Failed(f"{tag}: it did not die there: {fr.process.poll()}")
    announced = de.feed(fr, "green")
    fr.process = None
    fr.start()
    if fr.status()["mute"]:
        raise Failed(f"{tag}: mute after a death: {fr.json('recover', status=None)}")
    if fr.held(fr, "green") < announced["size"]:
        raise Failed(f"{tag}: announced {announced}, held {fr.held(fr, 'green')}")
    publish(fr, f"{tag} last", 1)
    size = fr.held(fr, "green")
    # Who opens session after session, as all these lives do, is not answered for a minute.
    same_everywhere(fr, (fr, de), size, 120)
    if [a for a in de.json("alarms")] or not fr.find(values(f"{tag} last", 1).strip()):
        raise Failed(f"{tag}: {de.json('alarms')}")


def test_whom_it_goes_on_without_is_remembered():
    """As long as it is mute, over restarts; and in no backup."""
    with Federation() as fed:
        fr, de, pl = trio(fed)
        publish(fr, "a", 100)
        for node in (de, pl):
            node.wait_held(fr, "green", 100)
        fed.stop()
        os.remove(os.path.join(fr.home, "guard"))
        fr.start()
        fr.run("recover", "--without", "pl")
        for stop in (fr.stop, fr.kill):
            stop()
            fr.start()
            waits = fr.json("recover", status=4)["recovery"]["waiting_for"]
            if waits != ["de"]:
                raise Failed(f"it has forgotten the word: {waits}")
        copy = os.path.join(fed.dir, "backup")
        fr.run("backup", copy)
        kept = "recover.without"
        if not os.path.exists(os.path.join(fr.home, kept)) or \
                os.path.exists(os.path.join(copy, kept)):
            raise Failed("where the word is kept")
        de.start()
        signs_again(fr)
        until(lambda: not os.path.exists(os.path.join(fr.home, kept)), 10, "the word is over")
        if len(acts(fr, "recovery-word")) != 1:
            raise Failed("entered more than once")


def test_former_peers_are_waited_for():
    """Whose agreement was in force when the store was left: it may have what was signed since."""
    with Federation() as fed:
        fr, de, pl = trio(fed)
        publish(fr, "a", 100)
        for node in (de, pl):
            node.wait_held(fr, "green", 100)
        copy = os.path.join(fed.dir, "copy")
        fr.run("backup", copy)
        fr.stop()
        shutil.rmtree(os.path.join(fr.home, "data"))
        shutil.copytree(os.path.join(copy, "data"), os.path.join(fr.home, "data"))
        os.remove(os.path.join(fr.home, "guard"))
        ended = [os.path.join(fr.home, "keys", "agreements", name)
                 for name in os.listdir(os.path.join(fr.home, "keys", "agreements"))
                 if pl.id in open(os.path.join(fr.home, "keys", "agreements", name),
                                  encoding="utf-8").read()]
        for path in ended:
            os.remove(path)
        fr.start()
        # A restart forgets neither: what the store says of the agreement has changed meanwhile.
        for stop in (fr.stop, fr.kill, None):
            until(lambda: fr.json("recover", status=4)["recovery"]["waiting_for"] == ["pl"], 20,
                  "it waits for pl alone")
            if stop:
                stop()
                fr.start()
        # Nor does one that cannot read whom it waits for, or cannot keep that: it does not start.
        fr.stop()
        left = os.path.join(fr.home, "recover.left")
        os.rename(left, left + ".aside")
        os.mkdir(left)
        fr.start(wait=False)
        if fr.ended() == 0 or "recover.left: saw a directory" not in fr.tail():
            raise Failed(f"it starts without knowing whom it waits for\n{fr.tail()}")
        os.rmdir(left)
        os.rename(left + ".aside", left)
        fr.start()
        until(lambda: fr.json("recover", status=4)["recovery"]["waiting_for"] == ["pl"], 20,
              "it waits for pl alone")
        fr.run("recover", "--without", "pl")
        signs_again(fr)
        if os.path.exists(os.path.join(fr.home, "recover.left")):
            raise Failed("former peers are remembered for good")


def test_a_restart_forgets_no_former_life():
    """An agreement that the copy does not know comes back behind the recovery and a restart: what
    was signed under it in the life that is lost is heard first."""
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        fed.agree("fr", "de")
        fed.start()
        publish(fr, "a", 100)
        de.wait_held(fr, "green", 100)
        copy = os.path.join(fed.dir, "copy")
        fr.run("backup", copy)
        de.stop()
        lost = fed.agree("fr", "pl")
        until(lambda: fr.connected("pl"), 20, "fr and pl connected")
        publish(fr, "b", 50)
        pl.wait_held(fr, "green", 150)
        fr.stop()
        pl.stop()
        agreements = os.path.join(fr.home, "keys", "agreements")
        found, = [os.path.join(agreements, name) for name in os.listdir(agreements)
                  if lost in open(os.path.join(agreements, name), encoding="utf-8").read()]
        aside = os.path.join(fed.dir, "aside")
        os.rename(found, aside)
        shutil.rmtree(os.path.join(fr.home, "data"))
        shutil.copytree(os.path.join(copy, "data"), os.path.join(fr.home, "data"))
        os.remove(os.path.join(fr.home, "guard"))
        de.start()
        fr.start()
        signs_again(fr)
        fr.stop()
        os.rename(aside, found)
        for stop in (fr.stop, fr.kill, None):
            fr.start()
            said = fr.json("recover", status=4)["recovery"]
            if said["rule"] != "old-agreement" or said["waiting_for"] != ["pl"]:
                raise Failed(f"recover says {said}")
            publish(fr, "c", 10, status=4)
            if stop:
                stop()
        pl.start()
        signs_again(fr)
        publish(fr, "c", 10)
        same_everywhere(fr, (fr, de, pl), 160)
        if [a for n in (de, pl) for a in n.json("alarms") if a["rule"] == "split-view"]:
            raise Failed("two histories")
        # Known by now; and what cannot be read is not passed over.
        fr.stop()
        fr.start()
        if fr.status()["mute"]:
            raise Failed("mute again, of what it has heard")
        fr.stop()
        known = os.path.join(fr.home, "recover.known")
        with open(known, encoding="ascii") as f:
            good = f.read()
        if len(good.splitlines()) != 3 or lost not in good:
            raise Failed(f"recover.known: {good}")
        for text, says in (("", ':1: saw "", wanted'), ("since\n", ':1: saw "since", wanted'),
                           (good + "agreement 12\n", ':4: saw "agreement 12", wanted')):
            with open(known, "w", encoding="ascii") as f:
                f.write(text)
            fr.start(wait=False)
            if fr.ended() == 0 or "recover.known" + says not in fr.tail():
                raise Failed(f"it starts with {text}: {fr.tail()}")


def test_death_at_every_step_of_a_seal():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        publish(fr, "a", 100)
        de.wait_held(fr, "green", 100)
        for step in STEPS if LONG else ("reread", "sign", "tell"):
            for count in range(1, 12) if LONG else (3,):
                dies_at(fed, fr, de, step, count)
        doctor = {c["check"]: c["ok"] for c in fr.json("doctor", status=None)}
        if not doctor["store"] or not doctor["logs"] or not doctor["guard"]:
            raise Failed(f"doctor: {doctor}")
        fr.stop()
        de.stop()


if __name__ == "__main__":
    run_tests([test_behind_its_guard_it_takes_its_entries_back,
               test_without_a_guard_every_peer_is_heard,
               test_whom_it_goes_on_without_is_remembered, test_former_peers_are_waited_for,
               test_a_restart_forgets_no_former_life,
               test_death_at_every_step_of_a_seal])
