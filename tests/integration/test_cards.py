#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""A renewed card reaches those who know the former one, while they are connected."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import Failed, Federation, run_tests, until  # noqa: E402


def serial_at(node, of):
    return next((o["serial"] for o in node.json("origins") if o["node"] == of.id), 0)


def test_a_renewed_card_reaches_peers_and_those_behind_them():
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        for a, b in (("fr", "de"), ("de", "pl")):
            fed.agree(a, b, gives={a: "clear", b: "clear"}, introduces=(a, b))
        fed.start()
        fed.wait_connected()
        fr.run("publish", "--tlp", "clear", "-", stdin="one-value.net\n")
        until(lambda: pl.find("one-value.net"), 10, "the record is at pl")
        fr.run("card", "renew")
        until(lambda: serial_at(de, fr) == 2, 10, "de has the second card of fr")
        until(lambda: serial_at(pl, fr) == 2, 10, "pl has the second card of fr")
        # It lies where de looks for those whom it lets in, so a restart finds it there.
        de.stop()
        if "serial: 2" not in open(os.path.join(de.home, "keys", "cards", fr.id + ".card"),
                                   encoding="utf-8").read():
            raise Failed("de does not keep the newer card beside its keys")
        de.start()
        until(lambda: de.connected("fr"), 20, "de and fr are connected again")
        fr.run("publish", "--tlp", "clear", "-", stdin="two-values.net\n")
        until(lambda: pl.find("two-values.net"), 10, "what fr says under its new card is at pl")


run_tests([test_a_renewed_card_reaches_peers_and_those_behind_them])
