#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Makes the files of the worked example in docs/AUDIT.md anew: three agencies, a relay, a
retraction; and the bundle of one that hides what it sent. The text of AUDIT.md must then follow."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import ROOT, Federation, until  # noqa: E402
from bundle_ref import Bundle  # noqa: E402
import peer_ref  # noqa: E402

FOLDER = os.path.join(ROOT, "docs", "examples", "audit")
SENDING, MARK, SENT = 8, 9, 10


def lie(bundle, keys, to):
    """It sent nothing to that node, say its acts, and it signs them again."""
    log = bundle.acts()
    log.entries = [e for e in log.entries
                   if not (e.act()["act"] in (SENDING, MARK, SENT) and e.act()["peer"] == to)]
    log.sign(keys.log_seed)
    log.cosignatures = [k for k in log.cosignatures
                        if k.size <= log.end and log.root(k.size) == k.root]


def main():
    os.makedirs(FOLDER, exist_ok=True)
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        strict = "clear,green,amber"
        pair = fed.agree("fr", "de", introduces=("fr", "de"), gives={"fr": strict, "de": strict})
        fed.agree("de", "pl", introduces=("de", "pl"))
        fed.start()
        fed.wait_connected()
        fr.run("publish", "--tlp", "green", "--operator", "analyst-7", "-", stdin="".join(
            f"{name}.bad-example-zone.net\n" for name in ("evil", "worse", "mistake")))
        fr.run("publish", "--tlp", "amber", "--agreement", pair, "--operator", "analyst-7",
               "--receipts", "1", "-", stdin="case.bad-example-zone.net\n")
        pl.wait_held(fr, "green", 3)
        fr.run("retract", "mistake.bad-example-zone.net", "--reason", "it was a mistake",
               "--operator", "analyst-9")
        pl.wait_held(fr, "green", 4)
        for node in (fr, de, pl):
            node.stop()
        for node in (fr, de, pl):
            node.start()
        fed.wait_connected()
        until(lambda: all(a["to"] > 5 for n in (fr, de, pl)
                          for a in n.json("log")[-2:] if a["act"] == "witnessed"), 20, "witnessed")
        fr.wait_sealed()
        fed.stop()
        fr.run("audit", "export", "--open", "evil.bad-example-zone.net", "-o",
               os.path.join(FOLDER, "fr.audit"))
        for node in (de, pl):
            node.run("audit", "export", "-o", os.path.join(FOLDER, f"{node.name}.audit"))
        liar = Bundle.read(os.path.join(FOLDER, "de.audit"))
        lie(liar, peer_ref.Peer(de.home), Bundle.read(os.path.join(FOLDER, "pl.audit")).node)
        liar.set_made(liar.made + 60000)
        liar.write(os.path.join(FOLDER, "de-lies.audit"))


if __name__ == "__main__":
    main()
