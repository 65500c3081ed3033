# SPDX-License-Identifier: EUPL-1.2
"""What is measured of a federation in network namespaces (network.py), for the integration test and
for tests/bench/federation.py. Nothing is watched while it is measured: every node notes by itself
when it took a record, and is asked afterwards."""
import concurrent.futures
import datetime
import json
import random
import time

from federation import PATIENCE, Failed, until
from topology import crossing, halves, split

PROOF_ACTS = ("split-proven", "frozen")
FIRST_SEAL_S = 2.2  # a node that has just started waits so long for a peer's word before it signs


def wall_ms(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def percentile(values, p):
    values = sorted(values)
    return values[max(0, min(len(values) - 1, round(len(values) * p / 100 + 0.5) - 1))]


def anonymous_mb(node):
    with open(f"/proc/{node.process.pid}/smaps_rollup", encoding="utf-8") as f:
        for line in f:
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) / 1024
    raise Failed("no Anonymous: in smaps_rollup")


def of_all(fed, ask, parallel=2):
    """{name: ask(node)}"""
    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        return dict(zip(fed.nodes, pool.map(ask, fed.nodes.values())))


def start(fed):
    """Starts all; the seconds until every link was up."""
    began = time.monotonic()
    fed.start()
    fed.wait_connected(60)
    took = time.monotonic() - began
    time.sleep(max(0.0, FIRST_SEAL_S - took))
    return took


class Publications:
    """Single records, each from one origin, with the moment at which its publish command began."""

    def __init__(self, fed, tag, seed=1):
        self.fed, self.tag, self.rnd = fed, tag, random.Random(seed)
        self.began = {}   # value -> ms
        self.origin = {}  # value -> name
        self.sizes = {}   # name -> size of its feed

    def publish(self, name):
        value = f"{self.tag}-{len(self.began)}.bad-example-zone.net"
        self.origin[value] = name
        self.began[value] = time.time() * 1000
        done = self.fed.nodes[name].json("publish", "--tlp", "green", "-", stdin=value + "\n")
        self.sizes[name] = done["feeds"][0]["size"]
        return value

    def spread(self, count, pause, names=None):
        """Every origin in turn, in an order of the seed; pause seconds apart."""
        order = list(names or self.fed.nodes)
        self.rnd.shuffle(order)
        due = time.monotonic()
        for i in range(count):
            self.publish(order[i % len(order)])
            due = max(due + pause, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))

    def wait_everywhere(self, seconds):
        """Looks seldom: looking costs what is measured."""
        end = time.monotonic() + seconds * PATIENCE
        for node in self.fed.nodes.values():
            while not self.complete(node):
                if time.monotonic() > end:
                    raise Failed(f"not within {seconds} s: {node.name} holds everything\n"
                                 f"{node.tail()}")
                time.sleep(0.5)

    def complete(self, node):
        held = {(f["name"], f["audience"]): f["held"] for f in node.status()["feeds"]}
        return all(held.get((name, "green"), 0) >= size for name, size in self.sizes.items())

    def arrivals(self):
        """{value: {name of node: ms at which that node took it}}; of other nodes than its origin."""
        out = {value: {} for value in self.began}
        for name, node in self.fed.nodes.items():
            for line in node.run("tail", "--json").out.splitlines():
                pos = line.find(self.tag + "-")
                if pos < 0:
                    continue
                record = json.loads(line)
                if record["value"] in out and self.origin[record["value"]] != name:
                    out[record["value"]][name] = wall_ms(record["received"])
        for value, nodes in out.items():
            if len(nodes) != len(self.fed.nodes) - 1:
                raise Failed(f"{value} reached {len(nodes)} of {len(self.fed.nodes) - 1}")
        return out

    def latencies(self):
        """Milliseconds from the beginning of the publish command until the last node took it:
        (first records of an origin, which make its feed known; all others)."""
        first, later, seen = [], [], set()
        arrivals = self.arrivals()
        for value, began in self.began.items():
            took = max(arrivals[value].values()) - began
            (later if self.origin[value] in seen else first).append(took)
            seen.add(self.origin[value])
        return first, later


def recalls(fed, tag, count, pause):
    """Single records, each at all nodes, are recalled one after the other by their origins; for each
    and each node the milliseconds from the beginning of the command until that node had no body of
    it any more, as its own log of acts has it."""
    p = Publications(fed, tag)
    p.spread(count, pause)
    p.wait_everywhere(60)
    began = {}  # (name of origin, index of the erasure) -> ms
    for value, name in p.origin.items():
        at = time.time() * 1000
        done = fed.nodes[name].json("erase", value, "--reason", "the wrong list", "--now")
        p.sizes[name] = done["feeds"][0]["size"]
        began[name, p.sizes[name] - 1] = at
        time.sleep(pause)
    p.wait_everywhere(60)

    def recalled(node):
        acts = [a for a in node.json("log") if a["act"] == "recalled"]
        return {(a["log"]["name"], i): wall_ms(a["time"])
                for a in acts for i in range(a["from"], a["to"])}

    def everything(node):
        found = recalled(node)
        return found if found.keys() >= began.keys() else None

    def confirmed(name, value):
        erasure = fed.nodes[name].json("trace", value)["entries"][-1]
        return None if erasure["unconfirmed"] else erasure

    took = []
    for node in fed.nodes.values():
        done = until(lambda n=node: everything(n), 30, f"{node.name} has recalled everything", 0.5)
        took += [done[key] - at for key, at in began.items()]
        left = [c for c in node.json("find", *p.began, status=None) if c["claims"]]
        if left:
            raise Failed(f"{node.name} finds what was recalled: {left}")
    for value, name in p.origin.items():
        erasure = until(lambda n=name, v=value: confirmed(n, v), 30,
                        f"every peer of {name} confirms {value}", 0.2)
        peers = sum(name in link for link in fed.links)
        if erasure["what"] != "erasure" or len(erasure["receipts"]) != peers:
            raise Failed(f"{name} has {peers} peers: {erasure}")
    return took


def agreed_roots(fed):
    """Every node has the same roots of all feeds; how many feeds."""
    views = of_all(fed, lambda node: {
        (f["name"], f["audience"]): (f["size"], f["held"], f["root"], f["frozen"])
        for f in node.status()["feeds"]})
    first, view = next(iter(views.items()))
    for name, other in views.items():
        if other != view:
            differ = {k: (view.get(k), other.get(k)) for k in view.keys() | other.keys()
                      if view.get(k) != other.get(k)}
            raise Failed(f"{first} and {name} differ: {dict(list(differ.items())[:5])}")
    return len(view)


def traffic(fed):
    """Sums over all peers of all nodes."""
    peers = [p for status in of_all(fed, lambda n: n.status()).values() for p in status["peers"]]
    return {k: sum(p[k] for p in peers)
            for k in ("received_bytes", "data_bytes", "redundant_bytes", "received_entries")}


def quiet(fed):
    """No alarm anywhere and nobody mute."""
    for name, status in of_all(fed, lambda n: n.status()).items():
        if status["mute"] or status["alarms"]:
            raise Failed(f"{name}: mute {status['mute']}, alarms {status['alarms']}")


def parted(fed, tag, seconds, each, names):
    """Two halves without any line between them for so long, each publishes; then the lines are
    mended. Milliseconds from there until the last record was at the last node."""
    one, other = split(list(names), fed.links)
    cut = crossing(fed.links, one)
    fed.cut(cut)
    began = time.monotonic()
    try:
        p = Publications(fed, tag)
        for half in (sorted(one), sorted(other)):
            p.spread(each, 0.0, half)
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        if p.complete(fed.nodes[min(one)]) or p.complete(fed.nodes[min(other)]):
            raise Failed("the cut does not cut")
    finally:
        fed.mend(cut)
    mended = time.time() * 1000
    p.wait_everywhere(90)
    arrivals = p.arrivals()
    late = [t - mended for nodes in arrivals.values() for t in nodes.values()]
    links_up(fed, names)
    return max(late), len(cut)


def links_up(fed, names):
    """Every link of these is up; when not, which one is not, as both ends see it."""
    try:
        until(lambda: all(fed.nodes[n].connected() for n in names), 90, "all links up again", 1)
    except Failed as e:
        said = [str(e)]
        for node in (fed.nodes[n] for n in names):
            if node.process.poll() is not None:
                said.append(f"{node.name} ended with {node.process.poll()}: {node.tail()}")
            said += [f"{node.name}: {p['name']} is {p['state']} since {p['since']}: {p['last_error']}"
                     for p in node.status()["peers"] if p["state"] != "connected"]
        raise Failed("\n".join(said)) from None


def churn(fed, tag, seconds, seed):
    """Publishes while lines come and go, for a moment or until sessions give up, and while nodes are
    killed and come back; then all lines are whole. (Publications, milliseconds from there until every
    node had everything)."""
    rnd, cuts = random.Random(seed), {}
    p, end = Publications(fed, tag, seed), time.monotonic() + seconds
    while time.monotonic() < end:
        now = time.monotonic()
        over = [line for line, until_s in cuts.items() if until_s < now]
        if over:
            fed.mend(over)
        for line in over:
            del cuts[line]
        if rnd.random() < 0.6 and len(cuts) < len(fed.links) // 3:
            line = rnd.choice([x for x in fed.links if x not in cuts])
            fed.cut([line])
            cuts[line] = now + rnd.choice((0.3, 1, 3, 8, 35))
        if rnd.random() < 0.1:
            node = rnd.choice(list(fed.nodes.values()))
            node.kill()
            node.start()
        p.publish(rnd.choice(list(fed.nodes)))
        time.sleep(0.1)
    if cuts:
        fed.mend(list(cuts))
    mended = time.time() * 1000
    p.wait_everywhere(120)
    return p, max(t for nodes in p.arrivals().values() for t in nodes.values()) - mended


def publish_list(node, tag, count):
    text = "".join(f"{tag}-{i}.bad-example-zone.net\n" for i in range(count))
    return node.json("publish", "--tlp", "green", "-", stdin=text)["feeds"][0]["size"]


def split_view(fed, name, across, sizes):
    """Two copies of one node run in two camps that cannot hear each other, each signs other records;
    then the line between the camps is mended. Every node but the two must have the proof: gives
    milliseconds until the last of them had it, from mending and from when the first had it."""
    names = list(fed.nodes)
    one, other = (set(h) - {name} for h in halves(names))
    origin, clone = fed.nodes[name], fed.clone(name, "spare")
    fed.addresses["clone"] = clone.address
    bridge = [l for l in crossing(fed.links, one | {name}) if l not in across]
    fed.cut(bridge + across + [("clone", n) for n in one | {name}])
    for node in fed.nodes.values():
        node.start(wait=False)
    clone.start("--listen", f"{clone.address}:7466", wait=False)
    for node in [*fed.nodes.values(), clone]:
        node.wait_ready()
    for node, tag, size, camp in ((origin, "original", sizes[0], one), (clone, "clone", sizes[1], other)):
        until(lambda n=node: any(p["state"] == "connected" for p in n.status()["peers"]), 30,
              f"the {tag} is connected", 0.2)
        publish_list(node, tag, size)
        for member in sorted(camp):
            fed.nodes[member].wait_held(origin, "green", size, 60)
    fed.mend(bridge)
    mended = time.time() * 1000
    correct = [fed.nodes[n] for n in sorted(one | other)]
    proofs = []
    for node in correct:
        until(lambda n=node: (n.feed(origin, "green") or {}).get("frozen"), 60,
              f"{node.name} has the feed of {name} frozen", 0.2)
        acts = [a for a in node.json("log") if a["act"] in PROOF_ACTS]
        proofs.append(min(wall_ms(a["time"]) for a in acts))
    return max(proofs) - mended, max(proofs) - min(proofs), clone
