#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Five nodes under load, killed with SIGKILL at random moments, one or several at once. Whatever any
of them had announced as held, to a peer or in status, had receipted, or had answered to a publisher, is
there when it is back and everywhere in the end; no store needs repair, nobody is mute, no view is split.

    fr ---- de ---- pl ---- ua      publishers run at all five, each repeats what was not answered;
      \\    /  \\    /    .'          py, the second implementation, has a session with each and
       ee ------'------'             writes down what it announces

ENTENTE_LONG=1 kills 500 times, ENTENTE_KILLS=N so many; ENTENTE_SEED=N repeats the choices of a run.
"""
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import PATIENCE, SANITISED, Failed, Federation, run_tests, until  # noqa: E402
from peer_ref import Wrong, log_text  # noqa: E402
from reference import Neighbour  # noqa: E402
import scale  # noqa: E402

LONG = os.environ.get("ENTENTE_LONG") == "1"
KILLS = int(os.environ.get("ENTENTE_KILLS", "500" if LONG else "6" if SANITISED else "20"))
SEED = int(os.environ.get("ENTENTE_SEED", time.time_ns() % 1000000))
NAMES = ["fr", "de", "ee", "pl", "ua"]
LINKS = [("fr", "de"), ("de", "pl"), ("pl", "ua"), ("ee", "fr"), ("ee", "de"), ("ee", "pl"), ("ee", "ua")]
BATCH_MAX = 40


class Publisher(threading.Thread):
    """Publishes at one node, batch after batch; one without an answer again until there is one."""

    def __init__(self, node, seed):
        super().__init__(daemon=True)
        self.node, self.rnd = node, random.Random(seed)
        self.published = []     # values of batches that were answered with 0
        self.size = 0           # the feed's, as the last answer said
        self.repeated = 0
        self.stopping = threading.Event()
        self.wrong = None

    def run(self):
        try:
            while not self.stopping.is_set():
                self.batch()
                self.stopping.wait(self.rnd.uniform(0, 0.3))
        except (Failed, ValueError, OSError, subprocess.SubprocessError) as e:
            self.wrong = f"publisher at {self.node.name}: {e}"

    def batch(self):
        first = len(self.published)
        values = [f"{self.node.name}-{first + i}.bad-example-zone.net"
                  for i in range(self.rnd.randint(1, BATCH_MAX))]
        end = time.monotonic() + 120 * PATIENCE
        wanted = ["--receipts", "1"] if self.rnd.random() < 0.25 else []
        while True:
            done = self.node.run("publish", "--tlp", "green", "--json", *wanted, "-", status=None,
                                 stdin="\n".join(values) + "\n")
            if done.status == 0:
                break
            if done.status != 4:
                raise Failed(f"publish ended with {done.status}: {done.out[:300]} {done.err[:300]}")
            if time.monotonic() > end:
                raise Failed("no answer any more")
            self.repeated += 1
            time.sleep(0.1)
        answer = done.json
        if answer["published"] + answer["unchanged"] != len(values):
            raise Failed(f"{len(values)} values: {answer}")
        self.published += values
        if answer["feeds"]:
            self.size = answer["feeds"][0]["size"]


class Witness:
    """py: a session with every node, and all that it was told over them."""

    def __init__(self, fed):
        self.fed = fed
        self.neighbour = Neighbour(fed.add("py", endpoint=False)[0])
        del fed.nodes["py"]  # never run as a daemon
        self.agreements, self.sessions = {}, {}
        self.announced = {name: {} for name in NAMES}  # by that node: feed -> size held
        self.roots = {}  # (feed, size) -> 8 bytes of root

    def agree(self):
        self.fed.nodes["py"] = self.neighbour.node
        for name in NAMES:
            self.agreements[name] = self.fed.agree(name, "py", introduces=(name,))
        del self.fed.nodes["py"]

    def meet(self, name):
        def greeted():
            try:
                return self.neighbour.session(self.fed.nodes[name], self.agreements[name])
            except (EOFError, OSError, Wrong):
                return None
        self.sessions[name] = until(greeted, 20, f"{name} greets py", 0.2)

    def listen(self, name, closing=False):
        """Takes note of what has come; closing: of all that comes until the session is over."""
        session = self.sessions[name]
        if closing:
            session.wait_closed()
        elif not session.closed:
            try:
                session.send("Ping")
            except OSError:
                pass
        while not session.came.empty():
            item = session.came.get()
            if item is None:
                return
            kind, message = item
            if kind == "Heads":
                for head in message["heads"]:
                    self.told(name, head["feed"], head["held"])
                    if head["newest"]:
                        self.root(head["feed"], head["newest"]["size"], head["newest"]["root"])
            elif kind == "Held":
                self.told(name, message["feed"], message["size"])
                self.root(message["feed"], message["size"], message["root"])
        session.seen.clear()

    def told(self, name, feed, held):
        mine = self.announced[name]
        mine[log_text(feed)] = max(mine.get(log_text(feed), 0), held)

    def root(self, feed, size, root):
        """Whoever names it, before or after a crash: one size, one root."""
        if size and self.roots.setdefault((feed, size), root[:8]) != root[:8]:
            raise Failed(f"two roots were named for {log_text(feed)} at {size}")


class Soak:
    def __init__(self, fed):
        self.fed, self.rnd = fed, random.Random(SEED)
        fed.add(*NAMES)
        self.witness = Witness(fed)
        for link in LINKS:
            fed.agree(*link, introduces=link)
        self.witness.agree()
        self.receipted = 0
        self.said = {name: {} for name in NAMES}  # by status and receipts: feed -> size held
        fed.start()
        for name in NAMES:
            self.witness.meet(name)
        self.publishers = {n: Publisher(fed.nodes[n], SEED * 10 + i) for i, n in enumerate(NAMES)}
        for p in self.publishers.values():
            p.start()

    def receipts(self, origin):
        """What peers have receipted of the origin's feed they must hold for ever."""
        published = self.publishers[origin].published
        if not published:
            return
        for place in self.fed.nodes[origin].json("trace", published[0])["entries"]:
            feed = f"entente/{place['origin']}/{place['incarnation']}/{place['audience']}"
            for receipt in place["receipts"]:
                said = self.said[receipt["name"]]
                said[feed] = max(said.get(feed, 0), receipt["size"])
                self.receipted += 1

    def look(self, name):
        """status of a node: held only grows, nobody is mute, nothing is frozen or wrong."""
        answered = self.publishers[name].size
        status = self.fed.nodes[name].status()
        if status["mute"] or status["alarms"]:
            raise Failed(f"{name}: mute {status['mute']}, alarms {status['alarms']}")
        held = {f"entente/{f['origin']}/{f['incarnation']}/{f['audience']}": f["held"]
                for f in status["feeds"]}
        for feed, size in [*self.said[name].items(), *self.witness.announced[name].items()]:
            if held.get(feed, 0) < size:
                raise Failed(f"{name} had announced {size} of {feed}, and holds {held.get(feed, 0)}")
        own = [f["held"] for f in status["feeds"] if f["name"] == name]
        if (own[0] if own else 0) < answered:
            raise Failed(f"{name} had answered up to {answered}, and holds {own}")
        if any(f["frozen"] for f in status["feeds"]):
            raise Failed(f"{name}: a feed is frozen")
        for feed, size in held.items():
            self.said[name][feed] = max(self.said[name].get(feed, 0), size)

    def round(self):
        victims = self.rnd.sample(NAMES, self.rnd.choice((1, 1, 1, 1, 1, 1, 2, 2, 3, 5)))
        for name in NAMES:
            self.witness.listen(name)
        self.look(victims[0])
        self.receipts(self.rnd.choice(NAMES))
        time.sleep(self.rnd.uniform(0, 0.5))
        for name in victims:
            self.fed.nodes[name].kill()
        for name in victims:
            self.witness.listen(name, closing=True)
        time.sleep(self.rnd.choice((0, 0, 0.2, 1.0)) * self.rnd.random())
        for name in victims:
            self.fed.nodes[name].start(wait=False)
        for name in victims:
            self.fed.nodes[name].wait_ready()
            self.look(name)
        for name in victims:
            self.witness.meet(name)
        for p in self.publishers.values():
            if p.wrong:
                raise Failed(p.wrong)
        return len(victims)

    def end(self):
        for p in self.publishers.values():
            p.stopping.set()
        for p in self.publishers.values():
            p.join(150 * PATIENCE)
            if p.wrong or p.is_alive():
                raise Failed(p.wrong or f"the publisher at {p.node.name} does not end")
        for name in NAMES:
            for p in self.publishers.values():
                self.fed.nodes[name].wait_held(p.node, "green", len(p.published), 60)
            self.fed.nodes[name].wait_sealed()
        for name in NAMES:
            self.witness.listen(name)
            self.look(name)
        if scale.agreed_roots(self.fed) != len(NAMES):
            raise Failed("not all feeds are everywhere")
        wanted = sorted(v for p in self.publishers.values() for v in p.published)
        for name, node in self.fed.nodes.items():
            lines = node.run("tail", "--json").out.splitlines()
            have = sorted(scale.json.loads(line)["value"] for line in lines)
            if have != wanted:
                raise Failed(f"{name} shows {len(have)} records, answered were {len(wanted)}; "
                             f"{sorted(set(wanted) - set(have))[:5]} are missing")
            node.run("doctor")
        self.fed.stop()
        for node in self.fed.nodes.values():
            bad = [c["check"] for c in node.json("doctor", status=1) if not c["ok"]]
            if bad != ["daemon"]:
                raise Failed(f"{node.name}: doctor finds {bad}")
            if "corrupt" in node.tail(100000):
                raise Failed(f"{node.name}: its log speaks of corruption")
        return len(wanted)


def test_killed_under_load_again_and_again():
    began, kills = time.monotonic(), 0
    try:
        with Federation() as fed:
            soak = Soak(fed)
            while kills < KILLS:
                kills += soak.round()
            records = soak.end()
            repeated = sum(p.repeated for p in soak.publishers.values())
            print(f"# {kills} kills in {time.monotonic() - began:.0f} s: {records} records, each once at "
                  f"each; {repeated} publications repeated; {soak.receipted} receipts seen; "
                  f"{len(soak.witness.roots)} roots named, one for each size", flush=True)
    except (Failed, Wrong) as e:
        raise Failed(f"{e}\nafter {kills} kills; ENTENTE_SEED={SEED} repeats its choices") from None


if __name__ == "__main__":
    run_tests([test_killed_under_load_again_and_again])
