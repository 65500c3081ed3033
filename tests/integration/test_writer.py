#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""No peer can keep a node from writing, fill its provenance log at will, or have it sign twice."""
import os
import resource
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import BIN, Failed, Federation, run_tests, until  # noqa: E402
from peer_ref import Peer, ed25519, encode, entry  # noqa: E402
from reference import Pair  # noqa: E402


def signed(feed, seed, *values):
    for value in values:
        feed.append(entry(encode("Indicator", {"value": value})))
    feed.sign(seed)
    return feed


def head_of_size(feed, seed, size):
    """A head whose checkpoint promises more than there is."""
    root = feed.checkpoint["root"]
    feed.checkpoint = {"size": size, "root": root,
                       "signature": ed25519.sign(seed, feed.checkpoint_text(size, root))}
    return feed.head(held=0)


def show_fork(pair, session):
    session.tell_card()
    for value in (b"one.bad-example-zone.net", b"other.bad-example-zone.net"):
        feed = signed(pair.peer.feed("green"), pair.peer.log_seed, value)
        session.send("Heads", heads=[feed.head(held=0)])


def test_a_fork_of_a_feed_that_is_not_held_stops_nobody():
    with Federation() as fed:
        pair = Pair(fed)
        s = pair.session()
        show_fork(pair, s)
        pair.named("split-view")
        if pair.publish("after.bad-example-zone.net") != 1:
            raise Failed("not published beside a fork")
        if "store-trouble" in str(pair.fr.status()["alarms"]):
            raise Failed(str(pair.fr.status()["alarms"]))
        pair.fr.stop()
        pair.fr.start()
        frozen = [f["frozen"] for f in pair.fr.json("feeds") if f["origin"] == pair.node.id]
        if frozen != [True]:
            raise Failed(f"after a restart: {frozen}")
        pair.publish("later.bad-example-zone.net")
        pair.fr.stop()


def test_alarms_that_a_peer_raises_are_entered_once():
    with Federation() as fed:
        pair = Pair(fed)
        s = pair.session()
        feed = signed(pair.peer.feed("green"), pair.peer.log_seed, b"one.bad-example-zone.net")
        s.tell_card()
        s.send("Heads", heads=[feed.head()])
        s.wait("Subscribe")
        s.send("Data", **feed.run(0, 1))
        pair.fr.wait_held(pair.node, "green", 1)
        for _ in range(3000):
            s.send("Held", feed=feed.packed, size=1, root=b"12345678")
        pair.fr.run("wait", "--peers", 1)
        alarms = [a for a in pair.fr.json("log") if a["act"] == "alarm"]
        if len(alarms) > 1:
            raise Failed(f"{len(alarms)} entries")
        pair.fr.stop()


def test_a_clone_makes_mute_and_nothing_more_is_signed():
    with Federation() as fed:
        pair = Pair(fed)
        fr = pair.fr
        pair.publish("one.bad-example-zone.net")
        path = os.path.join(fed.dir, "many.txt")
        with open(path, "w", encoding="ascii") as f:
            f.writelines(f"v{i}.bad-example-zone.net\n" for i in range(300000))
        seed = Peer(fr.home).log_seed
        clone = signed(pair.feed(), seed, b"other.bad-example-zone.net")
        s = pair.session()
        with subprocess.Popen([os.path.join(BIN, "entente"), "publish", "--tlp", "green", path,
                               "--home", fr.home], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as publish:
            until(lambda: fr.feed(fr, "green")["size"] > 1, 20, "publishing has begun")
            publish.send_signal(signal.SIGSTOP)  # it stands in the middle of its list
            s.send("Heads", heads=[head_of_size(clone, seed, 10**6)])
            until(lambda: fr.status()["mute"], 10, "fr is mute")
            size = fr.feed(fr, "green")["size"]
            publish.send_signal(signal.SIGCONT)
            _, err = publish.communicate()
            if publish.returncode != 4:
                raise Failed(f"publish ended with {publish.returncode}: {err}")
        fr.run("publish", "--tlp", "green", "-", stdin="x.bad-example-zone.net\n", status=4)
        if fr.feed(fr, "green")["size"] > size + 4096:
            raise Failed("signed on while mute")
        acts = [a["act"] for a in fr.json("log")]
        fr.stop()
        if [a["act"] for a in fr.json("log")][:len(acts)] != acts:
            raise Failed("the provenance log does not go on")


def test_a_long_name_of_an_operator_is_cut_between_characters():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        fr.run("publish", "--tlp", "green", "--operator", "é" * 64, "-",
               stdin="one.bad-example-zone.net\n")
        fr.stop()


def test_what_a_full_disk_refused_can_be_published_again():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        limit = resource.RLIM_INFINITY
        for batch in range(40):
            values = "".join(f"v{i}.b{batch}.bad-example-zone.net\n" for i in range(4000))
            done = fr.run("publish", "--tlp", "green", "-", stdin=values, status=None)
            if done.status == 5:
                break
            resource.prlimit(fr.process.pid, resource.RLIMIT_FSIZE, (3 << 20, limit))
        else:
            raise Failed("the limit was not felt")
        resource.prlimit(fr.process.pid, resource.RLIMIT_FSIZE, (100000, limit))
        # It may fit into pages that are free; what lies beyond the limit as a whole is a signal.
        small = fr.run("publish", "--tlp", "green", "-", stdin="x.bad-example-zone.net\n",
                       status=None).status
        if small not in (0, 5):
            raise Failed(f"status {small}: {fr.tail()}")
        resource.prlimit(fr.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        until(lambda: not fr.status()["refuses"], 40, "the node takes records again")
        size = fr.feed(fr, "green")["held"]
        done = fr.json("publish", "--tlp", "green", "-", stdin=values)
        whole = (batch + 1) * 4000 + (small == 0)
        if size + done["published"] != whole:
            raise Failed(f"{size} stood, {done['published']} came, wanted {whole}")
        fr.wait_held(fr, "green", whole)
        until(lambda: not fr.status()["alarms"], 10, "the alarms end")
        fr.stop()


if __name__ == "__main__":
    run_tests([test_a_fork_of_a_feed_that_is_not_held_stops_nobody,
               test_alarms_that_a_peer_raises_are_entered_once,
               test_a_clone_makes_mute_and_nothing_more_is_signed,
               test_a_long_name_of_an_operator_is_cut_between_characters,
               test_what_a_full_disk_refused_can_be_published_again])
