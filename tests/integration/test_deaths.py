#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Death at every step that reaches the disk. Not at points that somebody has thought of: the shim
(fault_shim.c) counts each call that changes a file and kills the process in place of the n-th, and n
goes up until the command, or what the daemon does, comes to its end. Every fourth, and a few for the
daemon; ENTENTE_LONG=1 takes all, ENTENTE_SEED=N others."""
import contextlib
import os
import re
import random
import shutil
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import Faults, needs_shim, publish, values  # noqa: E402
from federation import BIN, Failed, Federation, entente, run_tests, until  # noqa: E402

LONG = os.environ.get("ENTENTE_LONG") == "1"
SEED = int(os.environ.get("ENTENTE_SEED", "1"))


def claim(holds, what):
    if not holds:
        raise Failed(what)


# --- commands -------------------------------------------------------------------------------------


def sweep(fed, node, args, after):
    """Runs a command on copies of a home, each of which it leaves at a later step; after looks at
    what is left, and what comes behind."""
    whole, faults = node.home + ".whole", Faults(fed, node)
    shutil.copytree(node.home, whole)
    for step in range(1, 200) if LONG else range(1 + SEED % 4, 200, 4):
        shutil.rmtree(node.home)
        shutil.copytree(whole, node.home)
        faults.set(die=step)
        done = subprocess.run([os.path.join(BIN, "entente"), "--home", node.home, *args],
                              env=faults.env(fed.dir), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        faults.set(die=0)
        claim(done.returncode in (0, -9), f"{args} at step {step}: {done}")
        try:
            after(died=done.returncode == -9)
        except Failed as e:
            raise Failed(f"{' '.join(args)}, dead at step {step}: {e}") from None
        if done.returncode == 0:
            claim(step > 4, f"{args}: no step was counted")
            return
    raise Failed(f"{args}: it never comes to its end")


def well(node, *but):
    checks = {c["check"] for c in node.json("doctor", status=None) if not c["ok"]}
    claim(checks <= {"daemon", *but}, f"doctor: {node.run('doctor', status=None).out}")


def starts(node):
    """Under the keys that its card names, and stops again."""
    node.start()
    node.stop()
    well(node)


@needs_shim
def test_a_card_is_renewed_or_is_not():
    with Federation() as fed:
        fr, = fed.add("fr")

        def after(died):
            well(fr)
            serial = fr.json("card", "show")["serial"]
            claim(serial in (1, 2) and (died or serial == 2), f"card {serial}")
            fr.run("card", "renew")
            claim(fr.json("card", "show")["serial"] == serial + 1, "it is not renewed")
        sweep(fed, fr, ["card", "renew"], after)


@needs_shim
def test_keys_are_changed_or_are_not():
    with Federation() as fed:
        fr, = fed.add("fr")

        def after(died):
            well(fr)
            logs = len(fr.json("card", "show")["log"])
            claim(logs in (1, 2) and (died or logs == 2), f"{logs} incarnations")
            starts(fr)
            if logs == 1:
                fr.run("card", "rotate-keys")
                starts(fr)
            keys = [f for f in os.listdir(fr.home + "/keys") if f.startswith("next-1")]
            claim(not keys, f"seeds that nobody waits for: {keys}")
        sweep(fed, fr, ["card", "rotate-keys"], after)


@needs_shim
def test_root_is_changed_or_is_not():
    """Whatever is left, the same command again ends it, and both keys are where they belong."""
    with Federation() as fed:
        fr, = fed.add("fr")
        first = fr.json("card", "show")["root"]

        def after(died):
            well(fr)
            card = fr.json("card", "show")
            claim(died or card["root"] != first, "root is the same")
            if died:
                fr.run("card", "rotate-root")
            claim(fr.json("card", "show")["serial"] == 2, "it was changed twice")
            fr.run("card", "renew")
            fr.run("card", "rotate-root")
            fr.run("card", "renew")
            left = [f for f in os.listdir(fr.home + "/keys") if f.startswith("next-root.card")]
            claim(not left, f"{left}")
        sweep(fed, fr, ["card", "rotate-root"], after)


@needs_shim
def test_an_agreement_is_accepted_or_is_not():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        path = os.path.join(fed.dir, "fr-de.agreement")
        de.run("agreement", "draft", "--with", fr.card, "-o", path)
        for node in (fr, de):
            node.run("agreement", "sign", path)

        def after(died):
            well(fr)
            claim(died or len(fr.json("agreement", "list")) == 1, "it is not there")
            fr.run("agreement", "accept", path, de.card)
            claim([a["state"] for a in fr.json("agreement", "list")] == ["in-force"], "not accepted")
            well(fr)
        sweep(fed, fr, ["agreement", "accept", path, de.card], after)


@needs_shim
def test_a_copy_is_whole_or_is_refused():
    """backup, then restore over a home that has gone on since: what died is done again."""
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        publish(fr, "a", 10)
        fr.stop()
        copy, other = os.path.join(fed.dir, "copy"), os.path.join(fed.dir, "other")

        def copied(died):
            shutil.rmtree(other, ignore_errors=True)
            status = entente("restore", copy, home=other, status=None).status
            claim(status == 0 or died, "the copy is refused")
            claim(status in (0, 5, 6), f"status {status}")
            shutil.rmtree(copy, ignore_errors=True)
        sweep(fed, fr, ["backup", copy], copied)

        fr.run("backup", copy)
        shutil.rmtree(fr.home + ".whole")

        def restored(died):
            fr.run("restore", copy, "--replace")
            well(fr, "index", "guard")
            if not died:
                fr.start()  # without an agreement there is nobody to ask
                claim(fr.status()["mute"], "a restored node signs")
                fr.run("recover", "--confirm")
                until(lambda: not fr.status()["mute"], 20, "it signs")
                publish(fr, "b", 10)
                fr.stop()
                well(fr)
        sweep(fed, fr, ["restore", copy, "--replace"], restored)


# --- the daemon -----------------------------------------------------------------------------------


def deaths(most, few):
    """At which steps of a piece of work: some, or all up to where it is surely done."""
    if LONG:
        return range(1, most)
    return sorted(random.Random(SEED).sample(range(1, most), few))


def dies(node, faults, step, *works):
    """At that step, while it does these and then publishes."""
    faults.set(die=step)
    for work in works:
        work()
    for i in range(40):
        if node.dead():
            return
        publish(node, f"dies-{step}-{i}-", 1, status=None)
    raise Failed(f"step {step}: it did not die")


def rises(fr, de, faults, announced, but=("unsigned-dropped",)):
    """After a death, without help, nothing that was announced is missing and both agree."""
    claim(fr.process.poll() in (-9, None), f"it ended with {fr.process.poll()}")
    fr.kill()
    faults.set(die=0)
    faults.start()
    until(lambda: not fr.status()["mute"], 20, f"it signs: {fr.json('recover', status=None)}")
    claim(fr.held(fr, "green") >= announced, f"{announced} announced, {fr.held(fr, 'green')} here")
    until(lambda: fr.connected("de"), 30, "connected")
    publish(fr, f"after {time.monotonic_ns()} ".replace(" ", "-"), 1)
    for origin in (fr, de):
        size = origin.held(origin, "green")
        if not size:
            continue
        for node in (fr, de):
            node.wait_held(origin, "green", size)
        origin.wait_sealed()
        roots = {n.feed(origin, "green")["root"] for n in (fr, de)}
        claim(len(roots) == 1, f"the roots of {origin.name} differ: {roots}")
    for node in (fr, de):
        alarms = [a for a in node.json("alarms") if a["rule"] not in but]
        claim(not alarms, f"{node.name}: {alarms}")
    failed = [c for c in fr.json("doctor", status=None) if not c["ok"]]
    claim(not failed, f"doctor: {failed}")


@contextlib.contextmanager
def met():
    """fr, behind the shim, and de are connected; in the end both stop by themselves."""
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        faults = Faults(fed, fr)
        faults.start()
        de.start()
        fed.wait_connected()
        yield fr, de, faults
        fed.stop()


def recall(node, list_, status=0):
    node.run("erase", "--file", "-", "--reason", "wrong", "--now", status=status,
             stdin="\n".join(list_) + "\n")


@needs_shim
def test_death_while_it_publishes_takes_and_erases():
    """fr dies at some step of: a list of its own, one of de's, a recall by each."""
    with met() as (fr, de, faults):
        for step in deaths(120, 4):
            tag = f"s{step}-"
            for node in (fr, de):
                publish(node, tag + node.name, 30)
            de.wait_held(fr, "green", fr.held(fr, "green"))
            fr.wait_held(de, "green", de.held(de, "green"))
            wrong = {n: values(tag + n.name, 10) for n in (fr, de)}

            def work():
                for node in (de, fr):
                    publish(node, f"{tag}more-{node.name}", 30, status=None)
                    recall(node, wrong[node], status=None)
            dies(fr, faults, step, work)
            rises(fr, de, faults, de.feed(fr, "green")["size"])
            # What was refused in death is said again; then it is gone at both.
            recall(fr, wrong[fr])
            for node in (fr, de):
                until(lambda n=node: not any(n.find(wrong[o][0]) for o in (fr, de)), 20,
                      f"step {step}: what was recalled is gone at {node.name}")


@needs_shim
def test_death_while_keys_change_in_the_daemon():
    """It takes up a card with new keys, begins anew with them, and tells the peer."""
    with met() as (fr, de, faults):
        for step in deaths(60, 2):
            dies(fr, faults, step, lambda: fr.run("card", "rotate-keys", status=None))
            rises(fr, de, faults, 0)
            with open(os.path.join(fr.home, "keys", "heard"), encoding="ascii") as f:
                claim(de.id in f.read(), "who knows the keys is forgotten")


def in_guard(node, feed):
    """Some of its tail may have been signed, by this death or one before: what the guard has of a former
    incarnation is not dropped."""
    with open(os.path.join(node.home, "guard"), "rb") as f:
        sizes = re.findall(rb"/green (\d+) ", f.read())
    return any(int(size) > feed["size"] for size in sizes)


@needs_shim
def test_what_new_keys_cannot_sign_is_said_again():
    """Death between commit and signature of a group that is too large for the journal, then a change
    of keys: what nobody has seen is no more."""
    with met() as (fr, de, faults):
        # Just between two of these; what else reaches the disk moves it a little.
        for attempt in range(100):
            if attempt % 50 == 49:
                time.sleep(60)  # more than SESSIONS_A_MINUTE are answered by nobody
            faults.set(die=16 + attempt % 13)
            name = f"u{attempt}-"
            for i in range(20):
                publish(fr, f"{name}{i}-", 300, status=None)
                if fr.dead():
                    break
            fr.kill()
            faults.set(die=0)
            tails = [f for f in fr.json("feeds") if f["size"] < f["held"]]
            if tails and not in_guard(fr, tails[0]):
                break
            faults.start()
            until(lambda: fr.connected("de"), 30, "connected")
        else:
            raise Failed("no step left an entry that was never signed")
        fr.run("card", "rotate-keys")
        faults.start()
        until(lambda: [a for a in fr.json("alarms") if a["rule"] == "unsigned-dropped"], 20,
              "the tail is dropped")
        until(lambda: fr.connected("de"), 30, "connected")
        done = publish(fr, f"{name}{i}-", 1).json
        claim(done["published"] == 1, f"it counts as said: {done}")
        until(lambda: de.find(f"{name}{i}-0.bad-example-zone.net"), 20, "de has it")
        for f in fr.json("feeds"):
            claim(f["size"] == f["held"], f"{f}")


def lose_commit(node):
    """Puts back on the disk of a stopped node what stood there before its newest commit by journal, as
    the journal tells it: the pages by which LMDB commits."""
    with open(os.path.join(node.home, "data/log/journal"), "rb") as f:
        file = f.read()
    slots = []
    for slot in (file[:len(file) // 2], file[len(file) // 2:]):
        line, _, rest = slot.partition(b"\n")
        if line.startswith(b"slot "):
            number, lines, redo = map(int, line.split()[1:4])
            slots.append((number, rest[lines:lines + redo]))
    redo = max(slots)[1]
    claim(redo.startswith(b"entente redo v1"), "the newest commit was not by journal")
    page, newer = struct.unpack(">II", redo[48:56])
    before = [redo[56 + i * 192:][:192] for i in (0, 1)]
    with open(os.path.join(node.home, "data/log/data.mdb"), "r+b") as f:
        heads = [(f.seek(i * page), f.read(192))[1] for i in (0, 1)]
        claim(heads[newer] == before[newer], "the journal is of another state")
        claim(heads[1 - newer] != before[1 - newer], "it was not committed")
        f.seek((1 - newer) * page)
        f.write(before[1 - newer])


def test_what_the_disk_had_not_when_it_was_told_is_done_again():
    """A record is durable at both with the journal alone: either machine may lose the commit."""
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        for node in (fr, de):
            node.start()
        fed.wait_connected()
        size = 0
        for i, node in enumerate((fr, de, fr, de, fr)):
            publish(fr, f"before-{i}-", 1)
            size += 2
            name = f"lost-{i}-"
            publish(fr, name, 1)
            de.wait_held(fr, "green", size)
            node.kill()
            lose_commit(node)
            if i > 2:  # a command that reads comes before the daemon
                claim(node.held(fr, "green") == size, "a command sees what was lost")
            node.start()
            claim(node.held(fr, "green") == size, f"{size} announced, {node.held(fr, 'green')} here")
            until(lambda: fr.connected("de"), 30, "connected")
            until(lambda n=name: de.find(f"{n}0.bad-example-zone.net"), 20, "de has it")
            well(node)
        for node in (fr, de):
            claim(not node.json("alarms"), f"{node.name}: {node.json('alarms')}")
        fed.stop()


@needs_shim
def test_what_was_done_without_the_daemon_is_entered_after_all():
    """A daemon that dies before it has committed the acts which wait in the file leaves it there."""
    def acts(node):
        return [a for a in node.json("log") if a["act"] == "reindexed"]

    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        fr.stop()
        fr.run("reindex")
        waiting, faults = os.path.join(fr.home, "data/exported.waiting"), Faults(fed, fr)
        with open(waiting, encoding="utf-8") as f:
            lines = f.read()
        for step in range(1, 100):
            with open(waiting, "w", encoding="utf-8") as f:
                f.write(lines)
            before = len(acts(fr))
            faults.set(die=step)
            faults.start(wait=False)
            until(lambda: fr.dead() or not os.path.exists(waiting), 20, "dead, or it is entered")
            fr.kill()
            faults.set(die=0)
            if not os.path.exists(waiting):
                claim(len(acts(fr)) > before, f"step {step}: the file is gone, nothing is entered")
                break
        else:
            raise Failed("it never comes to its end")
        claim(step > 4, "no step was counted")


@needs_shim
def test_death_while_a_restored_node_takes_back():
    """A copy without a guard pulls back what it lacks, and dies over it, again and again."""
    with met() as (fr, de, faults):
        publish(fr, "before", 100)
        copy = fr.home + ".copy"
        fr.run("backup", copy)
        publish(fr, "behind", 300)
        de.wait_held(fr, "green", 400)
        fr.stop()
        for step in deaths(60, 3):
            fr.run("restore", copy, "--replace")
            faults.set(die=step)
            faults.start(wait=False)
            fr.up_or_dead(f"step {step}: up or dead")
            until(lambda: fr.dead() or not fr.status()["mute"], 30,
                  f"step {step}: dead, or it has back what it lacked")
            rises(fr, de, faults, 400, ("unsigned-dropped", "provenance-behind"))
            fr.stop()


if __name__ == "__main__":
    run_tests([test for name, test in list(globals().items()) if name.startswith("test_")],
              at_once=3)
