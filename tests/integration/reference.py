# SPDX-License-Identifier: EUPL-1.2
"""A daemon with the second implementation (tests/lib/peer_ref.py) as its neighbour."""
import os
import time

from federation import until
from peer_ref import Feed, Peer, Wrong, agreement_ref, card_file, log_pack

HANDSHAKE_S = 4.5  # a bit less than HANDSHAKE_MS of proto/limits.h


def terms_of(node, agreement):
    """What the node's HELLO says of an agreement in its directory."""
    path = os.path.join(node.home, "keys", "agreements", agreement + ".agreement")
    with open(path, encoding="utf-8") as f:
        return agreement_ref(f.read())


class Neighbour:
    """The second implementation as one node of a federation, never run as a daemon."""

    def __init__(self, node):
        self.node, self.peer = node, Peer(node.home)

    def session(self, other, *agreements, psk=bytes(32), acts=None):
        """A greeted session with the daemon of another node, which has been told that we hold
        nothing: its first seal waits for that."""
        while True:
            began = time.monotonic()
            try:
                s = self.peer.dial(other.port, card_file(other.card), psk)
                s.greet([terms_of(self.node, a) for a in agreements], acts=acts)
                break
            except (EOFError, OSError, Wrong):
                # Too slow for it, on a busy machine: then we dial again, as any peer does.
                if time.monotonic() - began < HANDSHAKE_S:
                    raise
        s.send("Heads", heads=[])
        return s

    def feed_of(self, other, audience="green"):
        """An empty copy of a feed of that node."""
        return Feed(log_pack(other.id, card_file(other.card).incarnation, audience))


class Pair(Neighbour):
    """The daemon fr and the neighbour py with one agreement, started."""

    def __init__(self, fed, **agreement):
        self.fr, = fed.add("fr")
        py, = fed.add("py", endpoint=False)
        self.id = fed.agree("fr", "py", **agreement)
        super().__init__(py)
        self.card = card_file(self.fr.card)
        self.fr.start()

    def session(self, *agreements):
        return super().session(self.fr, *(agreements or [self.id]))

    def feed(self, audience="green"):
        return self.feed_of(self.fr, audience)

    def publish(self, *values, tlp="green"):
        """Gives the size of the feed."""
        done = self.fr.json("publish", "--tlp", tlp, "-", stdin="\n".join(values) + "\n")
        return done["feeds"][0]["size"]

    def named(self, rule):
        """Waits until an alarm of that rule names the neighbour."""
        return until(lambda: [a for a in self.fr.status()["alarms"]
                              if a["rule"] == rule and self.node.id in a["subject"]], 10,
                     f"an alarm {rule} that names the neighbour")
