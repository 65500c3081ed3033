#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""An origin that tells two histories, real daemons that find out, and a proof that stands alone."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import BIN, SANITISED, Failed, Federation, entente, run_tests, until  # noqa: E402
import peer_ref  # noqa: E402
from bundle_ref import Bundle  # noqa: E402
from peer_ref import Peer  # noqa: E402
from reference import Neighbour  # noqa: E402

KIND_SUCCESSION = 7


def value(name):
    return f"{name}.bad-example-zone.net"


def append(feed, *names):
    for name in names:
        feed.append(peer_ref.entry(peer_ref.encode("Indicator", {"value": value(name).encode()})))


def proof(node):
    """What is known of split views there."""
    return node.json("split", "list")


class Line:
    """a - b - c, all of which know the origin py: a and c are its peers. b comes last."""

    def __init__(self, fed):
        self.a, self.b, self.c = fed.add("a", "b", "c")
        py, = fed.add("py", endpoint=False)
        self.nodes = [self.a, self.b, self.c]
        fed.agree("a", "b", introduces=("a", "b"))
        fed.agree("b", "c", introduces=("b", "c"))
        self.ids = {"a": fed.agree("a", "py"), "c": fed.agree("c", "py")}
        self.py = Neighbour(py)
        self.a.start()
        self.c.start()

    def tell(self, node, feed, card=None):
        """py tells its feed to one of its peers, which takes it as it stands."""
        s = self.py.session(node, self.ids[node.name])
        s.tell_card(card or self.py.peer.card)
        s.send("Heads", heads=[feed.head()])
        sub = s.wait("Subscribe", where=lambda m: m["feed"] == feed.packed)
        s.send("Data", **feed.run(sub["from"], len(feed.entries) - sub["from"]))
        until(lambda: any(f["held"] >= len(feed.entries) for f in node.status()["feeds"]
                          if f["origin"] == self.py.node.id and f["audience"] == "green"
                          and f["incarnation"] == feed.incarnation), 10, f"{node.name} has it")
        return s

    def stories(self, common, first, second):
        """Two feeds that part behind what they have in common."""
        one, other = self.py.peer.feed("green"), self.py.peer.feed("green")
        append(one, *(f"common-{i}" for i in range(common)))
        for packed in one.entries:
            other.append(packed)
        append(one, *(f"one-{i}" for i in range(first)))
        append(other, *(f"other-{i}" for i in range(second)))
        one.sign(self.py.peer.log_seed)
        other.sign(self.py.peer.log_seed)
        return one, other

    def stop(self):
        for node in self.nodes:
            node.stop()

    def fork(self, common, first, second):
        one, other = self.stories(common, first, second)
        sessions = [self.tell(self.a, one), self.tell(self.c, other)]
        self.b.start()
        until(lambda: self.b.connected("a", "c"), 20, "b is connected")
        for node in self.nodes:
            until(lambda n=node: proof(n), 5, f"{node.name} has proof within seconds")
        return one, other, sessions


def check_proven(line):
    py = line.py.node
    for node in line.nodes:
        known, = proof(node)
        if known["origin"] != py.id or known["settled_by"] is not None:
            raise Failed(f"{node.name}: {known}")
        feed = until(lambda n=node: n.feed(py, "green"), 5, "status knows the feed")
        if not feed["frozen"] or feed["split"] != {"settled_by": None, "good": 0}:
            raise Failed(f"{node.name}: {feed}")
        if "two histories" not in node.run("status").out:
            raise Failed(f"{node.name}: status does not tell people")
        if "split-view" not in [a["rule"] for a in node.status()["alarms"]]:
            raise Failed(f"{node.name}: {node.status()['alarms']}")
        acts = [a for a in node.json("log") if a["act"] == "split-proven"]
        if len(acts) != 1:
            raise Failed(f"{node.name}: {acts}")
        # Nobody who only passed it on is to blame.
        for other in line.nodes:
            if other is not node and node.peer(other.name) and not node.connected(other.name):
                raise Failed(f"{node.name} has parted from {other.name}")


def check_file(fed, line):
    """The proof as a file, verified without a node."""
    py, home = line.py.node, os.path.join(fed.dir, "nowhere")
    path = os.path.join(fed.dir, "py.split")
    line.b.run("split", "export", "py/green", "-o", path)
    verdict = entente("split", "verify", path, "--card", py.card, "--json", home=home).json
    if not verdict["holds"] or verdict["key_from"] != "card" or verdict["origin"] != py.id:
        raise Failed(str(verdict))
    entente("split", "verify", path, home=home)
    key = next(log for log in py.json("card", "show")["log"])
    entente("split", "verify", path, "--log-key", key if isinstance(key, str) else key["key"],
            home=home)
    # Another's card, and what was changed on the way.
    if entente("split", "verify", path, "--card", line.a.card, home=home, status=1).status != 1:
        raise Failed("holds against somebody else")
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines(keepends=True)
    for at, text in enumerate(lines):
        if SANITISED and at % 4:
            continue
        bent = os.path.join(fed.dir, "bent.split")
        with open(bent, "w", encoding="utf-8") as f:
            f.writelines(lines[:at] + [text[:-2] + ("B" if text[-2:-1] == "A" else "A") + "\n"]
                         + lines[at + 1:])
        status = entente("split", "verify", bent, "--card", py.card, home=home, status=None).status
        if status not in (1, 6):
            raise Failed(f"line {at} was changed, and verify gives {status}")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(lines[:-1])
    entente("split", "verify", path, home=home, status=6)


def check_status_says_settled(line, one, incarnation):
    """Nobody has to look at it any more, and whoever looks sees by what it was settled."""
    for node in line.nodes:
        until(lambda n=node: not n.status()["alarms"], 10, f"{node.name}: the alarm ends")
        old, = [f for f in node.status()["feeds"] if f["incarnation"] == one.incarnation
                and f["origin"] == line.py.node.id]
        good = 0 if node is line.c else 4
        if not old["frozen"] or node is not line.b and \
                old["split"] != {"settled_by": incarnation, "good": good}:
            raise Failed(f"{node.name}: {old}")
        if f"settled by {incarnation}, good up to" not in node.run("status").out:
            raise Failed(f"{node.name}: status does not tell people")


def check_settled(line, one):
    """The origin begins anew: what it said up to the fourth entry of the first history is good. That
    is what a holds, beside one entry more; c stands on the other."""
    line.py.node.run("card", "rotate-keys")
    anew = Peer(line.py.node.home)
    new = anew.feed("green")
    body = peer_ref.encode("Succession", {"old_log": one.packed, "size": 4,
                                          "root": one.root_at(4)})
    new.append(peer_ref.entry(body, kind=KIND_SUCCESSION, type_=None, object_id=bytes(16)))
    append(new, "anew")
    new.sign(anew.log_seed)
    # The former transport key is good until they know the new one.
    line.tell(line.a, new, anew.card)
    for node in line.nodes:
        until(lambda n=node: n.find(value("anew")), 10, f"{node.name} goes on")
    known, = proof(line.a)
    if known["good"] != 4 or known["settled_by"] != anew.card.incarnation:
        raise Failed(str(known))
    check_status_says_settled(line, one, anew.card.incarnation)
    claim, = line.a.find(value("one-0"))
    if claim["disputed"]:
        raise Failed(f"vouched for, and still disputed: {claim}")
    if line.a.find(value("one-1")):
        raise Failed("what the origin does not stand by is shown")
    place = line.a.json("why", value("one-1"), "b")["places"][0]
    if place["hidden"] != "void":
        raise Failed(str(place))
    # At c the good history is not what stands there.
    if not line.c.find(value("other-0"))[0]["disputed"] or line.c.find(value("other-3")):
        raise Failed("c believes the other history")


def test_two_stories_are_proven_along_the_line_and_settled_by_a_succession():
    with Federation() as fed:
        line = Line(fed)
        one, _, sessions = line.fork(3, 2, 4)
        check_proven(line)
        claim, = line.a.find(value("one-0"))
        if not claim["disputed"]:
            raise Failed(str(claim))
        place = line.a.json("why", value("common-1"), "b")["places"][0]
        if not place["disputed"]:
            raise Failed(str(place))
        check_file(fed, line)
        # It outlives the daemon, and is told to who comes later.
        held = line.b.held(line.py.node, "green")
        line.b.stop()
        line.b.start()
        if len(proof(line.b)) != 1 or line.b.held(line.py.node, "green") != held:
            raise Failed("the proof is lost, or what was frozen has moved")
        if "split-view" not in [a["rule"] for a in line.b.status()["alarms"]]:
            raise Failed("the alarm is lost")
        for s in sessions:
            s.drop()
        s = line.py.session(line.a, line.ids["a"])
        s.wait("Split")
        s.drop()
        check_settled(line, one)
        line.stop()
        # Without the daemon status says the same.
        status = line.a.status()
        if status["alarms"] or [f["split"] for f in status["feeds"] if f["frozen"]] != [
                {"settled_by": Peer(line.py.node.home).card.incarnation, "good": 4}]:
            raise Failed(f"without the daemon: {status}")
        check_bundles(fed, line, one)


def check_bundles(fed, line, one):
    """Each alone, and of no time at all, has the frozen feed and the proof, and blames the origin
    and nobody else."""
    for options in ((), ("--since", "2099-01-01")):
        for node in line.nodes:
            path = os.path.join(fed.dir, f"{node.name}.audit")
            node.run("audit", "export", *options, "-o", path)
            log, = [x for x in Bundle.read(path).logs if x.name == one.packed]
            if len(log.splits) != 1 or not log.flags & 1 or bool(log.entries) == bool(options):
                raise Failed(f"{node.name}: {len(log.splits)} proofs, {len(log.entries)} entries")
            done = subprocess.run([os.path.join(BIN, "entente-audit"), "check", "--json", path],
                                  capture_output=True, text=True, check=False)
            breaches = {(f["rule"], f["node"]) for f in json.loads(done.stdout)["findings"]
                        if f["class"] == "breach"}
            if done.returncode != 1 or breaches != {("split-view", line.py.node.id)}:
                raise Failed(f"{node.name}: {done.returncode} {breaches}")


def test_two_stories_of_equal_size_are_proven_along_the_line():
    if not os.environ.get("ENTENTE_LONG"):
        return "only with ENTENTE_LONG: the engine's own tests have it too"
    with Federation() as fed:
        line = Line(fed)
        line.fork(0, 3, 3)
        check_proven(line)
        line.stop()


if __name__ == "__main__":
    run_tests([test_two_stories_are_proven_along_the_line_and_settled_by_a_succession,
               test_two_stories_of_equal_size_are_proven_along_the_line])
