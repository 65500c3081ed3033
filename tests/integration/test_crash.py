#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Killed at any moment, out of disk: nothing that was announced is lost,
nothing is signed twice, and the node goes on. ENTENTE_LONG=1 kills more often; ENTENTE_SEED=N
repeats the moments of a run."""
import hashlib
import os
import queue
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import BIN, PATIENCE, SANITISED, Failed, Federation, run_tests, until  # noqa: E402
from peer_ref import Wrong, card_file  # noqa: E402
from reference import Neighbour  # noqa: E402

LONG = os.environ.get("ENTENTE_LONG") == "1"
ROUNDS = 100 if LONG else 3 if SANITISED else 8
FIRST = 1
EACH = 6000
# Of some 150 bytes each: more than 3 MiB.
BIG = 40000 if SANITISED and not LONG else 60000


def digests(tag, count):
    return [hashlib.sha256(f"{tag} {i}".encode()).hexdigest() for i in range(count)]


def list_file(fed, tag, count=EACH):
    path = os.path.join(fed.dir, f"{tag}.txt")
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join(digests(tag, count)) + "\n")
    return path


def publish(node, path, status=0):
    return node.run("publish", "--tlp", "green", "--json", path, status=status)


class Watcher:
    """A neighbour that writes down what a daemon announces, and verifies what it sends: a second
    signature over another history, or a size that comes back smaller, does not pass."""

    def __init__(self, neighbour, node, origin, agreement):
        self.neighbour, self.node, self.agreement = neighbour, node, agreement
        self.feed = neighbour.feed_of(origin)
        self.log_key = card_file(origin.card).log_key
        self.announced = 0
        self.roots = {}  # 8 bytes of every root that was named with a size
        self.session = None

    def watch(self):
        self.session = self.neighbour.session(self.node, self.agreement)
        self.session.send("Subscribe", feed=self.feed.packed, **{"from": len(self.feed.entries)})

    def hear(self, item):
        name, message = item
        if name == "Heads":
            for head in (h for h in message["heads"] if h["feed"] == self.feed.packed):
                self.announced = max(self.announced, head["held"])
                self.root(head["newest"]["size"], head["newest"]["root"])
                self.feed.verify(head["newest"], self.log_key)
        elif name == "Held" and message["feed"] == self.feed.packed:
            self.announced = max(self.announced, message["size"])
            self.root(message["size"], message["root"])
        elif name == "Data" and message["feed"] == self.feed.packed:
            self.feed.take(message, self.log_key)
            self.announced = max(self.announced, message["checkpoint"]["size"])
            self.root(message["checkpoint"]["size"], message["checkpoint"]["root"])
            if not self.session.closed:
                self.session.send("Credit", bytes=len(message["entries"]) + 1024)

    def root(self, size, root):
        if self.roots.setdefault(size, root[:8]) != root[:8]:
            raise Failed(f"{self.node.name} named two roots for size {size}")

    def drain(self):
        """What came before the connection broke."""
        self.session.wait_closed()
        while (item := self.session.came.get()) is not None:
            try:
                self.hear(item)
            except OSError:
                pass  # granting credit to the dead

    def collect(self, size, seconds=60):
        end = time.monotonic() + seconds * PATIENCE
        while len(self.feed.entries) < size:
            try:
                item = self.session.came.get(timeout=max(0.1, end - time.monotonic()))
            except queue.Empty:
                raise Failed(f"{len(self.feed.entries)} of {size} entries came from "
                             f"{self.node.name}, which announced {self.announced}: "
                             f"{self.session.names()[-400:]}\n{self.node.tail(60)}") from None
            if item is None:
                raise Failed(f"{self.node.name} closed: {self.session.names()[-200:]}")
            self.hear(item)

    def check(self):
        """Every root that was ever named is that of the leaves which came in the end."""
        for size, root in self.roots.items():
            if size <= len(self.feed.leaves) and self.feed.root_at(size)[:8] != root:
                raise Failed(f"{self.node.name}: the root named for {size} was another one")


def test_killed_at_random_moments():
    seed = int(os.environ.get("ENTENTE_SEED", time.time_ns() % 1000000))
    rnd = random.Random(seed)
    try:
        with Federation() as fed:
            fr, de = fed.add("fr", "de")
            py = [Neighbour(n) for n in fed.add("p0", "p1", endpoint=False)]
            fed.agree("fr", "de", introduces=("fr", "de"))
            watchers = [Watcher(py[0], fr, fr, fed.agree("fr", "p0")),
                        Watcher(py[1], de, fr, fed.agree("de", "p1", introduces=("de", "p1")))]
            fr.start()
            de.start()
            # A feed of which nothing is known yet can not be subscribed to.
            publish(fr, list_file(fed, "first", FIRST))
            de.wait_held(fr, "green", FIRST)
            sizes = []
            for w in watchers:
                w.watch()
            for n in range(ROUNDS):
                kill_round(fed, rnd, f"round{n}", fr, de, watchers, sizes)
            for w in watchers:
                w.collect(sizes[-1])
                w.check()
            if len({x.feed(fr, "green")["root"] for x in (fr, de)}) != 1:
                raise Failed("the roots differ")
            for n in range(ROUNDS):
                values = digests(f"round{n}", EACH)
                probe = [values[0], values[EACH // 2], values[-1]]
                if [v for v in probe if not de.find(v)]:
                    raise Failed(f"values of round {n} are not found at de")
            fr.stop()
            de.stop()
    except (Failed, Wrong) as e:
        raise Failed(f"{e}\nto repeat: ENTENTE_SEED={seed}") from None


def kill_round(fed, rnd, tag, fr, de, watchers, sizes):
    path = list_file(fed, tag)
    publisher = subprocess.Popen([os.path.join(BIN, "entente"), "publish", "--tlp", "green",
                                  "--home", fr.home, path], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
    time.sleep(rnd.uniform(0, 0.25) * PATIENCE)
    victims = rnd.choice(([fr], [de], [fr, de]))
    for node in victims:
        os.kill(node.process.pid, signal.SIGKILL)
    for node in victims:
        node.kill()
    if publisher.wait(60 * PATIENCE) not in ((0, 4) if fr in victims else (0,)):
        raise Failed(f"publish ended with {publisher.returncode}")
    said = {}
    for w in watchers:
        if w.node in victims:
            w.drain()
            said[w.node] = w.announced
    for node in victims:
        node.start(wait=False)
    for node in victims:
        node.wait_ready()
        if node.held(fr, "green") < said[node]:
            raise Failed(f"{node.name} had announced {said[node]}, and holds "
                         f"{node.held(fr, 'green')}")
        if node.status()["mute"]:
            raise Failed(f"{node.name} is mute after a crash")
    for w in watchers:
        if w.node in victims:
            w.watch()
    done = publish(fr, path).json
    if done["published"] + done["unchanged"] != EACH:
        raise Failed(f"published again: {done}")
    sizes.append(done["feeds"][0]["size"] if done["feeds"] else fr.held(fr, "green"))
    if sizes[-1] != FIRST + EACH * len(sizes):
        raise Failed(f"{sizes[-1]} entries for {FIRST + EACH * len(sizes)} values")
    de.wait_held(fr, "green", sizes[-1])


def pair(fed):
    fr, de = fed.add("fr", "de")
    fed.agree("fr", "de")
    fed.start()
    fed.wait_connected()
    return fr, de


def test_reindex_gives_the_same_answers():
    with Federation() as fed:
        fr, de = pair(fed)
        path = list_file(fed, "a", 3000)
        publish(fr, path)
        fr.run("retract", *digests("a", 10))
        publish(de, list_file(fed, "b", 500))
        de.wait_held(fr, "green", 3010)
        fr.wait_held(de, "green", 500)

        def answers():
            # `received` and positions come from the truth too: nothing may differ.
            return (de.run("find", "--file", path, "--json").out, de.run("tail", "--json").out,
                    [de.status()[k] for k in ("records", "values")])

        before = answers()
        de.run("reindex")
        if answers() != before:
            raise Failed("other answers after reindex with the daemon")
        publish(fr, list_file(fed, "c", 100))
        de.wait_held(fr, "green", 3110)
        before = answers()
        de.stop()
        stopped = answers()[:2]
        if stopped != before[:2]:
            raise Failed("other answers without the daemon")
        de.run("reindex")
        if answers()[:2] != before[:2]:
            raise Failed("other answers after reindex without the daemon")
        shutil.rmtree(os.path.join(de.home, "data", "index"))
        de.start()
        de.wait_held(fr, "green", 3110)
        if answers() != before:
            raise Failed("other answers from an index made anew")
        fr.stop()
        de.stop()


def limited(node, **kw):
    """Starts the daemon with room for files of 3 MiB: what a full disk does to the log."""
    def limit():
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, hard))
    # Python leaves SIGXFSZ ignored, so a write fails with an error, as on a full disk.
    node.start(preexec_fn=limit, restore_signals=False, **kw)


def lift(node):
    _, hard = resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


TROUBLE = ("store-trouble", "index-trouble")


def trouble(node):
    return [a for a in node.json("alarms") if a["rule"] in TROUBLE]


def test_a_full_disk_at_the_origin():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        limited(fr)
        de.start()
        fed.wait_connected()
        small, big = list_file(fed, "small", 500), list_file(fed, "big", BIG)
        publish(fr, small)
        de.wait_held(fr, "green", 500)
        failed = publish(fr, big, status=None)
        if failed.status != 5:
            raise Failed(f"publish on a full disk: {failed.status} {failed.out[:300]}")
        # The alarm goes when something smaller has found room; the log keeps it.
        until(lambda: "store-trouble" in fr.tail(1000), 10, "the alarm store-trouble")
        if fr.status()["mute"] or not fr.find(digests("small", 1)[0]):
            raise Failed("a full disk made it mute or deaf")
        # What de was told of is there, here too; after a restart, still without room.
        announced = de.feed(fr, "green")["size"]
        if announced < 500 or fr.held(fr, "green") < announced:
            raise Failed(f"announced {announced}, held {fr.held(fr, 'green')}")
        fr.kill()
        limited(fr)
        if fr.held(fr, "green") < announced or fr.status()["mute"]:
            raise Failed("something announced is lost")
        # Room again, while it runs.
        lift(fr)
        until(lambda: not fr.status()["refuses"], 40, "it takes records again")
        done = publish(fr, big).json
        if done["published"] + done["unchanged"] != BIG:
            raise Failed(f"with room again: {done}")
        de.wait_held(fr, "green", BIG + 500)
        fr.wait_sealed()
        if fr.feed(fr, "green")["root"] != de.feed(fr, "green")["root"]:
            raise Failed("roots differ")
        until(lambda: not trouble(fr), 10, "the alarms go")
        fr.stop()
        de.stop()


def test_a_full_disk_at_a_receiver():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fr.start()
        limited(de)
        fed.wait_connected()
        publish(fr, list_file(fed, "big", BIG))
        until(lambda: "store-trouble" in de.tail(1000), 20, "the alarm store-trouble")
        held = de.held(fr, "green")
        if held >= BIG or fr.json("alarms") or not de.connected("fr"):
            raise Failed(f"held {held}; fr: {fr.json('alarms')}; {de.peer('fr')}")
        if [a for a in de.json("alarms") if a["rule"] not in TROUBLE]:
            raise Failed(f"somebody is blamed: {de.json('alarms')}")
        lift(de)
        de.wait_held(fr, "green", BIG)
        until(lambda: not trouble(de), 10, "the alarms go")
        fr.wait_sealed()
        if fr.feed(fr, "green")["root"] != de.feed(fr, "green")["root"]:
            raise Failed("roots differ")
        if not de.find(digests("big", BIG)[-1]):
            raise Failed("the last value is not found")
        fr.stop()
        de.stop()


if __name__ == "__main__":
    run_tests([test_killed_at_random_moments, test_reindex_gives_the_same_answers,
               test_a_full_disk_at_the_origin, test_a_full_disk_at_a_receiver])
