#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Receipts between real daemons, and provenance logs that peers witness: who holds it, since when,
and that nobody can rewrite what it did."""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import BIN, PATIENCE, Failed, Federation, run_tests, until  # noqa: E402
import peer_ref  # noqa: E402
from peer_ref import BYE_MISBEHAVED, Feed, card_file, log_pack, note_read  # noqa: E402
from reference import Neighbour  # noqa: E402

ZONE = "bad-example-zone.net"


def claim(so, what):
    if not so:
        raise Failed(what)


def publish(node, *values, status=0, options=("--tlp", "green")):
    return node.json("publish", *options, "-", stdin="\n".join(values) + "\n", status=status)


def cosigners(note, cards, role):
    """Who has cosigned a note, verified as any tool for tlog-cosignature would: {name: time}."""
    text, signatures = note_read(note)
    origin, size, root = text.split("\n")[:3]
    node, incarnation, audience = origin.split("/")[1:]
    log = log_pack(node, int(incarnation), audience)
    out = {}
    for who, number, blob in signatures:
        for card in cards:
            key = card.receipt_key if role == "receipt" else card.witness_key
            name = f"entente/{card.id}/{role}"
            if who != name:
                continue
            claim(number == peer_ref.key_id(name, 4, key), f"key id of {name}")
            when = int.from_bytes(blob[:8], "big")
            peer_ref.cosigned(key, log, int(size), peer_ref.base64.b64decode(root), when, blob[8:])
            out[card.name] = when
    return out


# --- receipts -------------------------------------------------------------------------------------


def test_publish_waits_for_receipts_and_trace_names_who_has_it():
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        fed.agree("fr", "de", introduces=("fr", "de"))
        fed.agree("de", "pl", introduces=("de", "pl"))
        fed.start()
        fed.wait_connected()
        began = time.monotonic()
        done = publish(de, f"a.{ZONE}", options=("--tlp", "green", "--receipts", "2"))
        took = time.monotonic() - began
        claim(done["receipts"] == 2 and done["published"] == 1, f"{done}")
        claim(took < 25 * PATIENCE, f"it took {took:.1f} s")

        # Whoever has published may look at once.
        traced = de.json("trace", f"a.{ZONE}")["entries"]
        claim(len(traced) == 1 and traced[0]["what"] == "claim", f"{traced}")
        confirmed = {r["name"]: r["when"] for r in traced[0]["receipts"]}
        claim(sorted(confirmed) == ["fr", "pl"], f"confirmed by {confirmed}")
        hops = {(h["how"], h["to_name"]) for h in traced[0]["hops"]}
        claim(hops == {("published", "de"), ("sent", "fr"), ("sent", "pl")}, f"{hops}")
        feed = de.feed(de, "green")
        claim(feed["receipts"] == 2, f"{feed}")
        note = de.run("checkpoint", "de/green").out
        who = cosigners(note, [card_file(n.card) for n in (fr, pl)], "receipt")
        claim(sorted(who) == ["fr", "pl"], f"the note bears {who}")

        # pl is no peer of fr's: fr gets one receipt for its feed, and status 4 when it wants two.
        done = publish(fr, f"b.{ZONE}", options=("--tlp", "green", "--receipts", "1"))
        claim((done["published"], done["receipts"]) == (1, 1), f"{done}")
        began = time.monotonic()
        done = publish(fr, f"b.{ZONE}", status=4, options=(
            "--tlp", "green", "--receipts", "2", "--receipts-timeout", "1"))
        claim((done["unchanged"], done["receipts"]) == (1, 1), f"{done}")
        claim(time.monotonic() - began < 25 * PATIENCE, "it did not end in time")
        pl.wait_held(fr, "green", 1)
        claim(pl.json("trace", f"b.{ZONE}")["entries"][0]["receipts"] == [], "pl has a receipt")
        way = pl.json("trace", f"b.{ZONE}")["entries"][0]["hops"]
        claim([(h["how"], h["from_name"]) for h in way] == [("received", "de")], f"{way}")

        # A retraction is confirmed too; and all of it is still known without a daemon.
        done = de.json("retract", "--receipts", "2", f"a.{ZONE}")
        claim(done["receipts"] == 2, f"{done}")
        for node in (fr, de, pl):
            node.stop()
        traced = de.json("trace", f"a.{ZONE}")["entries"]
        claim([e["what"] for e in traced] == ["claim", "retraction"], f"{traced}")
        for entry in traced:
            claim(sorted(r["name"] for r in entry["receipts"]) == ["fr", "pl"], f"{entry}")
        claim({r["name"]: r["when"] for r in traced[0]["receipts"]} == confirmed,
              "the first receipt is not the first any more")
        claim("confirmed" in de.run("trace", f"a.{ZONE}").out, "nothing for people")
        de.run("trace", f"nothing.{ZONE}", status=1)

        # After a restart it counts what it has; peers that come back give theirs again.
        de.start()
        claim(de.feed(de, "green")["receipts"] == 2, "the restart has lost receipts")
        de.run("wait", "--feed", f"{de.id}/green", "--size", 2, "--receipts", 2, "--timeout", 5)
        de.run("wait", "--feed", f"{de.id}/green", "--size", 2, "--receipts", 3, "--timeout", 1,
               status=1)
        de.stop()


def test_who_has_not_confirmed_is_named_and_asked_again():
    """A list, then a recall, that one of two holders has not taken yet."""
    def unconfirmed(entry):
        return sorted(n["name"] for n in entry["unconfirmed"])

    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        fed.agree("fr", "de")
        fed.agree("fr", "pl")
        fed.start()
        fed.wait_connected()
        value, path = f"a.{ZONE}", os.path.join(fed.dir, "list")
        with open(path, "w", encoding="ascii") as f:
            f.write(value + "\n")
        fr.run("publish", "--tlp", "green", "--receipts", "2", path)
        claim(unconfirmed(fr.json("trace", value)["entries"][0]) == [], "all have confirmed")

        pl.process.send_signal(signal.SIGSTOP)
        again = ("erase", value, "--reason", "wrong", "--now", "--receipts", "2",
                 "--receipts-timeout")
        fr.run("erase", value, "--reason", "wrong", "--now", "--receipts", "1")
        said = fr.run(*again, "1", status=4).err
        claim("1 of 2 peers" in said and "agreements with 2" in said, said)
        claim_, erasure = fr.json("trace", value)["entries"]
        claim(unconfirmed(claim_) == [] and unconfirmed(erasure) == ["pl"], f"{erasure}")
        claim("not confirmed by pl" in fr.run("trace", value).out, "nothing for people")
        # Nothing new is said, and it still waits for those who hold what stands.
        done = fr.json(*again, "1", status=4)
        claim((done["published"], done["unchanged"], done["receipts"]) == (0, 1, 1), f"{done}")
        pl.process.send_signal(signal.SIGCONT)
        done = fr.json(*again, "100")
        claim((done["unchanged"], done["receipts"]) == (1, 2), f"{done}")
        claim(unconfirmed(fr.json("trace", value)["entries"][1]) == [], "all have confirmed")

        # One that was down when it was recalled has nothing sent to it, and is named all the same.
        fr.run("publish", "--tlp", "green", "--receipts", "2", path)
        done = fr.json("publish", "--tlp", "green", "--receipts", "2", path)
        claim((done["unchanged"], done["receipts"]) == (1, 2), f"a repeat: {done}")
        pl.stop()
        until(lambda: fr.peer("pl")["state"] != "connected", 20, "pl is gone")
        fr.run("erase", value, "--reason", "wrong", "--receipts", "1")
        claim(unconfirmed(fr.json("trace", value)["entries"][-1]) == ["pl"], "pl is not named")
        # What is erased in its time may still be recalled, once.
        for published in 1, 0:
            done = fr.json("erase", value, "--reason", "wrong", "--now")
            claim(done["published"] == published, f"{done}")
        claim([a["act"] for a in fr.json("log") if a["act"] in ("erased", "recalled")]
              == ["recalled", "erased", "recalled"], f"{fr.run('log').out}")
        fr.stop()
        de.stop()


def test_parties_of_an_agreement_confirm_to_each_other():
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        group = fed.agree("fr", "de", "pl", gives={n: "clear,green,amber"
                                                   for n in ("fr", "de", "pl")})
        fed.start()
        fed.wait_connected()
        done = publish(fr, f"c.{ZONE}", options=("--tlp", "amber", "--agreement", group,
                                                 "--receipts", "2"))
        claim(done["receipts"] == 2, f"{done}")
        for node, others in ((de, ["pl"]), (pl, ["de"])):
            until(lambda n=node, o=others: sorted(
                r["name"] for r in n.json("trace", f"c.{ZONE}")["entries"][0]["receipts"]) == o,
                10, f"{node.name} knows that the other party has it")
        fed.stop()


def test_who_is_no_peer_any_more_confirms_nothing():
    """What it has had of this node may be gone there (after-end)."""
    with Federation() as fed:
        fr, de, pl = fed.add("fr", "de", "pl")
        over = fed.agree("fr", "de")
        fed.agree("fr", "pl")
        fr.start()
        de.start()
        until(lambda: fr.connected("de"), 20, "connected")
        once = ("--tlp", "green", "--receipts", "1", "--receipts-timeout")
        publish(fr, f"a.{ZONE}", options=(*once, "100"))
        fr.run("agreement", "revoke", over)
        done = publish(fr, f"a.{ZONE}", status=4, options=(*once, "1"))
        claim((done["unchanged"], done["receipts"]) == (1, 0), f"{done}")
        fr.run("wait", "--feed", "fr/green", "--size", 1, "--receipts", 1, "--timeout", 1, status=1)
        # That it had it is known all the same.
        had = fr.json("trace", f"a.{ZONE}")["entries"][0]["receipts"]
        claim([r["name"] for r in had] == ["de"], f"{had}")
        pl.start()
        done = publish(fr, f"a.{ZONE}", options=(*once, "100"))
        claim((done["unchanged"], done["receipts"]) == (1, 1), f"{done}")
        fed.stop()


def test_a_node_that_dies_while_receipts_are_waited_for_has_published():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fr.start()
        waits = subprocess.Popen(
            [os.path.join(BIN, "entente"), "--home", fr.home, "publish", "--tlp", "green", "--json",
             "--receipts", "1", "--receipts-timeout", "600", "-"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        waits.stdin.write(f"a.{ZONE}\n")
        waits.stdin.close()
        waits.stdin = None
        until(lambda: fr.find(f"a.{ZONE}"), 10, "it is published")
        time.sleep(1)
        fr.kill()
        out, err = waits.communicate(timeout=60 * PATIENCE)
        done = json.loads(out)
        claim(waits.returncode == 4 and "stays published" in err, f"{waits.returncode}: {err}")
        claim(done.get("published") == 1 and "receipts" not in done, f"{done}")
        fr.start()
        done = fr.json("retract", "--publication", done["publication"])
        claim(done["published"] == 1, f"{done}")
        # What takes back is a publication too, and cannot be taken back.
        for command in "retract", "erase":
            fr.run(command, "--publication", done["publication"], "--reason", "wrong", status=1)
        fr.stop()


def test_what_is_unchanged_is_confirmed_where_it_stands():
    """A long list of a former incarnation, which a peer that was away has not had, and a short feed
    of the new one, which it has at once."""
    count = 300000
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        publish(fr, f"a.{ZONE}", options=("--tlp", "green", "--receipts", "1"))
        de.stop()
        path = os.path.join(fed.dir, "long")
        with open(path, "w", encoding="ascii") as f:
            f.writelines(f"{i:064x}\n" for i in range(1, count + 1))
        fr.run("publish", "--tlp", "green", path)
        former = fr.feed(fr, "green")["incarnation"]
        fr.run("card", "rotate-keys")
        until(lambda: fr.status()["node"]["incarnation"] != former, 20, "the new incarnation")
        # Of what stands in the former feed it is that which counts, also while nobody is there.
        once = ("--tlp", "green", "--receipts", "1", "--receipts-timeout")
        publish(fr, f"b.{ZONE}")
        done = publish(fr, f"{count:064x}", status=4, options=(*once, "1"))
        claim((done["unchanged"], done["receipts"]) == (1, 0), f"{done}")

        def feeds(node):
            return {f["incarnation"] == former: f for f in node.status()["feeds"]
                    if f["origin"] == fr.id and f["audience"] == "green"}
        de.start()
        until(lambda: feeds(fr)[False]["receipts"] == 1, 60, "de has the new feed")
        done = publish(fr, f"{count:064x}", options=(*once, "100"))
        held = feeds(de)[True]["held"]
        claim(done["receipts"] == 1 and held == count + 1, f"{held} are held: {done}")
        done = fr.json("retract", "--receipts", "1", f"{count:064x}")
        claim((done["published"], done["receipts"]) == (1, 1), f"{done}")
        fr.stop()
        de.stop()


def test_receipts_of_a_second_implementation():
    with Federation() as fed:
        fr, = fed.add("fr")
        py, = fed.add("py", endpoint=False)
        both = fed.agree("fr", "py")
        fr.start()
        neighbour = Neighbour(py)
        s = neighbour.session(fr, both)
        card = card_file(fr.card)
        size = publish(fr, *(f"d{i}.{ZONE}" for i in range(5)))["feeds"][0]["size"]
        feed = neighbour.feed_of(fr)
        s.collect(feed, card.log_key, size)
        claim(fr.feed(fr, "green")["receipts"] == 0, "a receipt that nobody has given")
        s.receipt(feed, when=1795336200)
        until(lambda: fr.feed(fr, "green")["receipts"] == 1, 10, "the receipt counts")
        got = fr.json("trace", f"d4.{ZONE}")["entries"][0]["receipts"]
        claim([(r["name"], r["size"]) for r in got] == [("py", size)], f"{got}")
        claim(got[0]["when"].startswith("2026-11-22T"), f"{got}")

        # fr holds what py has published, and says so, to py alone and verifiably.
        mine = neighbour.peer.feed("green")
        for i in range(3):
            mine.append(peer_ref.entry(f"\n\x0ee{i}.example.net".encode(), tlp="green"))
        mine.sign(neighbour.peer.log_seed)
        s.tell_card()
        s.send("Heads", heads=[mine.head()])
        s.wait("Subscribe")
        s.send("Data", **mine.run(0, 3))
        r = s.wait("Receipt")
        claim(r["feed"] == mine.packed and r["checkpoint"] == mine.checkpoint, f"{r}")
        claim(abs(r["time"] - time.time()) < 60, f"time {r['time']}")
        peer_ref.cosigned(card.receipt_key, mine.packed, 3, mine.checkpoint["root"], r["time"],
                          r["signature"])

        # A receipt under another key is a lie.
        publish(fr, f"f.{ZONE}")
        feed.take(s.wait("Data", where=lambda d: d["feed"] == feed.packed), card.log_key)
        s.receipt(feed, seed=neighbour.peer.witness_seed)
        claim(s.wait_closed() == BYE_MISBEHAVED, "a forged receipt was taken")
        claim(fr.feed(fr, "green")["receipts"] == 0, "a forged receipt counts")
        fr.stop()


# --- witnesses ------------------------------------------------------------------------------------


def acts_of(peer, count, start=1795336200):
    """A log of acts of the second implementation, under its checkpoint."""
    log = Feed(log_pack(peer.id, peer.card.incarnation, f"provenance-{start}"))
    for _ in range(count):
        log.append(peer_ref.entry(b"\x08\x02", kind=64, tlp="amber+strict", type_=""))
    log.sign(peer.log_seed)
    return log


def grown(log, peer, count):
    more = Feed(log.packed)
    for e in log.entries:
        more.append(e)
    for _ in range(count):
        more.append(peer_ref.entry(b"\x08\x02", kind=64, tlp="amber+strict", type_=""))
    more.sign(peer.log_seed)
    return more


def prove(s, log):
    want = s.wait("ProofWant")
    claim(want["feed"] == log.packed and want["second"] == len(log.entries), f"{want}")
    s.send("Proof", feed=log.packed, first=want["first"], second=want["second"],
           hashes=peer_ref.proof_hashes(log.leaves, want["first"], want["second"]),
           checkpoint=log.checkpoint)
    return want["first"]


def witnessed(s, card, log, size):
    w = s.wait("Witness")
    claim((w["log"], w["size"]) == (log.packed, size), f"witnessed {w['size']}, not {size}")
    peer_ref.cosigned(card.witness_key, w["log"], w["size"], log.root_at(size), w["time"],
                      w["signature"])


def test_a_rewritten_provenance_log_is_noticed_by_the_peer():
    with Federation() as fed:
        fr, = fed.add("fr")
        py, = fed.add("py", endpoint=False)
        both = fed.agree("fr", "py")
        fr.start()
        neighbour = Neighbour(py)
        card, peer = card_file(fr.card), neighbour.peer
        log = acts_of(peer, 5)
        s = neighbour.session(fr, both, acts=log)
        witnessed(s, card, log, 5)
        s.bye()

        # It goes on: the witness wants to see that, also after a crash of its own.
        fr.kill()
        fr.start()
        log = grown(log, peer, 3)
        s = neighbour.session(fr, both, acts=log)
        claim(prove(s, log) == 5, "not what it had cosigned")
        witnessed(s, card, log, 8)
        s.bye()
        claim(not fr.json("alarms"), f"{fr.json('alarms')}")

        # A restored copy shows less, and is told what it has lost.
        less = acts_prefix(log, peer, 6)
        s = neighbour.session(fr, both, acts=less)
        witnessed(s, card, log, 8)
        s.bye()

        # Its third entry has never been what it says it was.
        forged = acts_of(peer, 12)
        s = neighbour.session(fr, both, acts=forged)
        prove(s, forged)

        def rewritten():
            return [a for a in fr.json("alarms") if a["rule"] == "provenance-rewritten"]
        alarm = until(rewritten, 10, "the alarm")[0]
        claim(alarm["severity"] == "page" and peer.id in alarm["subject"], f"{alarm}")
        entered = until(lambda: [a for a in fr.json("log") if a["act"] == "alarm"], 10, "its act")
        claim([(a["rule"], a["peer_name"]) for a in entered] == [("provenance-rewritten", "py")],
              f"{entered}")
        s.bye()

        # Nor does it forget: nothing of this log is cosigned any more.
        fr.kill()
        fr.start()
        s = neighbour.session(fr, both, acts=log)
        until(rewritten, 10, "the alarm after a restart")
        claim("Witness" not in s.names().split(), "it has cosigned it after all")
        s.bye()
        fr.stop()


def acts_prefix(log, peer, count):
    less = Feed(log.packed)
    for e in log.entries[:count]:
        less.append(e)
    less.sign(peer.log_seed)
    return less


def test_daemons_witness_each_other():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        fed.wait_connected()
        for node, other in ((fr, de), (de, fr)):
            def acts(n=node, o=other):
                return [a for a in n.json("log") if a["act"] == "witnessed"
                        and a["peer_name"] == o.name]
            until(acts, 10, f"{other.name} has witnessed {node.name}")

            def told(n=node, o=other, acts=acts):
                """Of the last time: of two sessions that were dialled at once each may have one."""
                note = n.run("checkpoint", f"{n.name}/provenance").out
                who = cosigners(note, [card_file(o.card)], "witness")
                claim(list(who) == [o.name], f"the note bears {who}")
                seen = n.json("status")["provenance"]["witnesses"]
                size = acts()[-1]["to"]
                return (int(note.split("\n")[1]) == size
                        and [(w["name"], w["size"]) for w in seen] == [(o.name, size)])
            until(told, 10, f"note, status and acts of {node.name} name the same size")
        # The next session begins with a proof of what came between.
        fr.stop()
        before = len([a for a in fr.json("log") if a["act"] == "witnessed"])
        fr.start()
        until(lambda: len([a for a in fr.json("log") if a["act"] == "witnessed"]) > before, 20,
              "witnessed again")
        claim(not fr.json("alarms") and not de.json("alarms"), "alarms")
        fed.stop()


def test_a_witness_of_a_second_implementation():
    with Federation() as fed:
        fr, = fed.add("fr")
        py, = fed.add("py", endpoint=False)
        both = fed.agree("fr", "py")
        fr.start()
        neighbour = Neighbour(py)
        card = card_file(fr.card)
        s = neighbour.session(fr, both)
        hello = next(f for n, f in s.seen if n == "Hello")
        log, first = Feed(hello["provenance_log"]), hello["provenance"]
        log.verify(first, card.log_key)
        s.witness(log.packed, first)
        until(lambda: [a for a in fr.json("log") if a["act"] == "witnessed"], 10, "it is entered")
        s.bye()
        fr.stop()
        fr.start()
        s = neighbour.session(fr, both)
        hello = next(f for n, f in s.seen if n == "Hello")
        second = hello["provenance"]
        claim(second["size"] > first["size"], "the log has not grown")
        s.send("ProofWant", feed=log.packed, first=first["size"], second=second["size"])
        hashes = s.wait("Proof")["hashes"]
        claim(peer_ref.consistent(first["size"], first["root"], second["size"], second["root"],
                                  hashes), "the log of acts is not what it was")

        # What it is told that it does not have is entered.
        lost = {"size": second["size"] + 100, "root": bytes(32)}
        lost["signature"] = peer_ref.ed25519.sign(
            peer_ref.Peer(fr.home).log_seed, log.checkpoint_text(lost["size"], lost["root"]))
        s.witness(log.packed, lost)
        until(lambda: [a for a in fr.json("log") if a["act"] == "witness-report"], 10, "report")
        claim([a["rule"] for a in fr.json("alarms")] == ["provenance-behind"],
              f"{fr.json('alarms')}")
        s.bye()
        fr.stop()


if __name__ == "__main__":
    run_tests([
        test_publish_waits_for_receipts_and_trace_names_who_has_it,
        test_who_has_not_confirmed_is_named_and_asked_again,
        test_parties_of_an_agreement_confirm_to_each_other,
        test_who_is_no_peer_any_more_confirms_nothing,
        test_a_node_that_dies_while_receipts_are_waited_for_has_published,
        test_what_is_unchanged_is_confirmed_where_it_stands,
        test_receipts_of_a_second_implementation,
        test_a_rewritten_provenance_log_is_noticed_by_the_peer,
        test_daemons_witness_each_other,
        test_a_witness_of_a_second_implementation,
    ])
