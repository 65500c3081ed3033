#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Acts are complete: what operators do, what leaves as a file, what alarms somebody, which cards come
into force, each with who did it; and nothing takes effect without its act, wherever the daemon dies."""
import hashlib
import json
import os
import shutil
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import SANITISED, Failed, Federation, entente, field, run_tests, until  # noqa: E402
import bundle_ref  # noqa: E402

ZONE = "bad-example-zone.net"


def acts(node, name, **fields):
    return [a for a in node.json("log") if a["act"] == name
            and all(a.get(k) == v for k, v in fields.items())]


def sha256(*path):
    with open(os.path.join(*path), "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def publish(node, *values):
    node.run("publish", "--tlp", "green", "-", stdin="".join(f"{v}.{ZONE}\n" for v in values))


def expect(what, is_so):
    if not is_so:
        raise Failed(what)


def test_what_leaves_as_a_file_is_entered_with_its_hash():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        publish(fr, "a", "b")
        fr.wait_sealed()
        bundle, tiles, copy = (os.path.join(fed.dir, n) for n in ("fr.audit", "tiles", "copy"))
        fr.run("audit", "export", "--open", f"a.{ZONE}", "--operator", "ann", "-o", bundle)
        fr.run("tlog", "export", "fr/green", tiles, "--operator", "bob")
        fr.run("backup", copy, "--operator", "eve")
        told = {(a["operator"], a["hash"], a.get("count", 0)) for a in acts(fr, "exported")}
        want = {("ann", sha256(bundle), 1), ("bob", sha256(tiles, "checkpoint"), 2),
                ("eve", sha256(copy, "MANIFEST"), 0)}
        expect(f"acts {told}, files {want}", told == want)
        # What is done while no daemon runs is entered at the next start.
        fr.stop()
        fr.run("audit", "export", "--with-bodies", "-o", bundle)
        expect("it is entered by nobody", len(acts(fr, "exported")) == 3)
        fr.start()
        until(lambda: acts(fr, "exported", hash=sha256(bundle), text="audit bundle, with bodies"),
              10, "what was exported meanwhile is entered")
        fr.stop()
        fr.start()
        expect("it is entered twice", len(acts(fr, "exported")) == 4)
        fr.stop()
        fed.audit()


def test_no_file_stands_without_its_act_wherever_the_daemon_dies():
    for step in ("commit", "reread", "sign", "tell"):
        with Federation() as fed:
            fr, = fed.add("fr")
            fr.start(env={**os.environ, "ENTENTE_FAULT": f"{step}:9"})
            path = os.path.join(fed.dir, "fr.audit")
            made = []
            for i in range(30):
                fr.run("audit", "export", "-o", path)
                made.append(sha256(path))
                if fr.process.poll() is not None:
                    break
            expect(f"{step}: it did not die", fr.process.poll() is not None)
            fr.process = None
            fr.start()
            until(lambda: {a["hash"] for a in acts(fr, "exported")} >= set(made), 10,
                  f"{step}: every file has its act")
            fr.stop()


def without_its_own_card(node):
    """It goes on with what it knows; somebody is called, since it would not start again."""
    card = os.path.join(node.home, "keys", "own.card")
    os.rename(card, card + ".away")
    node.process.send_signal(signal.SIGHUP)
    alarm, = until(lambda: node.json("alarms"), 10, "the alarm")
    expect(f"{alarm}", (alarm["rule"], alarm["severity"]) == ("keys-unreadable", "page"))
    publish(node, "without-a-card")
    # No agreement is to blame.
    failed = [c["check"] for c in node.json("doctor", status=1) if not c["ok"]]
    expect(f"doctor finds {failed}", failed == ["card"])
    began = time.monotonic()
    os.rename(card + ".away", card)
    until(lambda: not node.json("alarms"), 10, "the alarm ends")
    # keys/ is watched: it does not wait for the half minute after which all is read anew.
    expect("seen late", SANITISED or time.monotonic() - began < 10)


def test_alarms_and_cards_and_who_did_it_are_entered():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.start()
        path = os.path.join(fed.dir, "fr-de.agreement")
        fr.run("agreement", "draft", "--with", de.card, "-o", path)
        for node in (fr, de):
            node.run("agreement", "sign", path)
        fr.run("agreement", "accept", path, de.card, "--operator", "ann")
        de.run("agreement", "accept", path, fr.card)
        fed.wait_connected()
        one = field(path, "id")
        expect("who accepted", acts(fr, "agreement-in-force", operator="ann"))
        card = acts(fr, "card", operator="ann")
        expect(f"whose card: {card}", [a["log"]["origin"] for a in card] == [de.id])
        expect("the own card is one", [a for a in acts(fr, "card") if a["log"]["origin"] == fr.id])
        # One that comes in a session is entered once, with whom it came from.
        de.run("card", "renew")
        until(lambda: acts(fr, "card", serial=2), 10, "the new card is entered")
        fr.run("status")
        renewed = acts(fr, "card", serial=2)
        expect(f"{renewed}", [a["peer"] for a in renewed] == [de.id])
        expect("its own renewal is entered at de", acts(de, "card", serial=2))
        # An alarm is one act as long as it stands, however often its cause is looked at.
        broken = os.path.join(fr.home, "keys", "cards", "broken.card")
        with open(broken, "w", encoding="ascii") as f:
            f.write("nothing\n")
        until(lambda: acts(fr, "alarm", rule="broken-key-file"), 10, "the alarm is entered")
        stands = fr.json("alarms")
        for _ in range(3):
            fr.run("agreement", "accept", path, de.card)
        expect("entered again", len(acts(fr, "alarm", rule="broken-key-file")) == 1)
        expect("it is another one, or of another time", fr.json("alarms") == stands)
        with open(fr.log, encoding="utf-8") as f:
            expect("logged again", f.read().count("broken-key-file subject=") == 1)
        os.remove(broken)
        fr.run("agreement", "accept", path, de.card)
        until(lambda: "broken-key-file" not in {a["rule"] for a in fr.status()["alarms"]}, 10,
              "it is over")
        without_its_own_card(fr)
        fr.run("agreement", "revoke", one, "--operator", "bob")
        until(lambda: acts(fr, "agreement-ended", rule="revoked", operator="bob"), 10,
              "who revoked it")
        fed.stop()
        fed.audit()


def test_rosters_come_and_go_by_acts():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.start()

        def listed(serial, *options):
            path = os.path.join(fed.dir, f"{serial}.roster")
            entente("roster", "draft", *options, "-o", path)
            entente("roster", "sign", path, "--root-key", os.path.join(fr.home, "keys", "root.key"))
            fr.run("roster", "accept", path, "--operator", "ann")
            return path

        first = listed(1, "--signer", fr.card, "--member", de.card)
        listed(2, "--amend", first, "--title", "another")
        fr.stop()
        fr.start()
        lying = os.path.join(fr.home, "keys", "rosters", field(first, "id") + ".roster")
        os.remove(lying)
        until(lambda: acts(fr, "roster-ended", rule="removed"), 10, "it is gone")
        told = [(a["act"], a["terms"][0]["serial"], a.get("rule"), a.get("operator"))
                for a in fr.json("log") if a["act"].startswith("roster-")]
        expect(f"{told}", told == [("roster-in-force", 1, None, "ann"),
                                   ("roster-ended", 1, "replaced", "ann"),
                                   ("roster-in-force", 2, None, "ann"),
                                   ("roster-in-force", 2, None, None),  # at the start
                                   ("roster-ended", 2, "removed", None)])
        # All versions that ever counted are in the bundle, once they are over too.
        path = os.path.join(fed.dir, "fr.audit")
        fr.run("audit", "export", "-o", path)
        held = [n[1] for n in bundle_ref.Bundle.read(path).notes if n[0] == bundle_ref.ROSTER]
        expect(f"{held}", [b"serial: 1\n" in n for n in held] == [True, False])
        fr.stop()
        fed.audit()


def test_who_tends_the_store_is_entered():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        publish(fr, "a")
        for command in ("reindex", "compact"):
            fr.run(command, "--operator", "ann")
        fr.stop()
        for command in ("compact", "reindex"):
            fr.run(command, "--operator", "bob")
        fr.start()
        for act in ("reindexed", "compacted"):
            until(lambda a=act: len(acts(fr, a)) == 2, 10, f"both are {act}")
            told = [(a["operator"], a["rule"], a["text"], "when" in a) for a in acts(fr, act)]
            expect(f"{act}: {told}", told == [("ann", "asked", "done", False),
                                              ("bob", "asked", "done", True)])
        fr.stop()
        fed.audit()


def request(node, **document):
    """Asks over the control socket and does not wait for the answer, as one who is interrupted."""
    text = json.dumps(document).encode()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(node.home, "run", "control.sock"))
        s.sendall(len(text).to_bytes(4, "big") + b"J" + text)


def test_who_asks_while_it_is_done_is_refused_or_gets_it_done():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        publish(fr, *(f"n{i}" for i in range(20000)))
        for command, act in (("reindex", "reindexed"), ("compact", "compacted")):
            request(fr, command=command, operator="ann")
            second = fr.run(command, "--operator", "bob", status=None)
            expect(f"{command}: {second.status} {second.err}",
                   second.status == 0 or (second.status == 4 and "already" in second.err))
            told = ["ann", "bob"] if second.status == 0 else ["ann"]
            until(lambda a=act, t=told: [e["operator"] for e in acts(fr, a)] == t, 10,
                  f"{act} by {told}")
        fr.stop()
        fed.audit()


def asked(node):
    return [(a["text"], a["count"], a.get("operator")) for a in acts(node, "queried")]


def begin_anew(node):
    """Without its guard it starts mute, and with a new log of acts."""
    guard = os.path.join(node.home, "guard")
    if os.path.exists(guard):
        os.unlink(guard)
    node.start()
    node.stop()


def test_an_act_stands_once_however_often_its_log_began_anew():
    def published(node):
        return [(a["publication"], a["from"], a["to"]) for a in acts(node, "published")]

    with Federation() as fed:
        fr, = fed.add("fr")
        fed.add("de")
        fed.agree("fr", "de")
        fr.start()
        publish(fr, "a")
        fr.kill()
        before, again = os.path.join(fed.dir, "before"), 0
        shutil.copytree(fr.home, before, ignore=shutil.ignore_patterns("control.sock"))
        # Its last acts are durable and not signed: they are entered in the next log again.
        for count in range(2, 6):
            shutil.rmtree(fr.home)
            shutil.copytree(before, fr.home)
            fr.start(env={**os.environ, "ENTENTE_FAULT": f"guard:{count}"}, wait=False)
            fr.up_or_dead(f"up or dead at {count}")
            for i in range(3):
                if not fr.dead():
                    fr.run("publish", "--tlp", "green", "-", status=None,
                           stdin="".join(f"w{i}-{k}.{ZONE}\n" for k in range(3000)))
            fr.kill()
            begin_anew(fr)
            told = published(fr)
            expect(f"at {count} more than once: {told}", len(told) == len(set(told)))
            again += len(told) > 1
        expect("it never died where it should", again > 0)
        # However many logs of acts there are, all of them are read.
        for _ in range(66):
            begin_anew(fr)
        expect(f"{published(fr)}", published(fr) == told)
        expect("not all of them", len(acts(fr, "epoch")) > 64)
        fr.run("trace", f"a.{ZONE}")
        fr.run("checkpoint", "fr/provenance")
        bundle = os.path.join(fed.dir, "fr.bundle")
        fr.run("audit", "export", "-o", bundle)
        entente("audit", "check", bundle)


def test_what_analysts_ask_is_counted():
    with Federation() as fed:
        fr, de = fed.add("fr", "de")
        fed.agree("fr", "de")
        fed.start()
        publish(fr, "a", "b")
        fr.run("find", f"a.{ZONE}", f"b.{ZONE}")
        fr.run("find", "--file", "-", stdin=f"a.{ZONE}\nz.{ZONE}\n")
        fr.run("why", f"a.{ZONE}", "de")
        fr.run("trace", f"a.{ZONE}")
        expect("one by one", not asked(fr))
        # At the stop, and what is asked behind it at the next one; a crash in between loses nothing.
        fr.stop()
        fr.run("find", f"a.{ZONE}")
        fr.run("tail")
        fr.start()
        expect(f"{asked(fr)}", asked(fr) == [("find 4, trace 1, why 1", 6, None)])
        fr.kill()
        fr.start()
        fr.stop()
        expect(f"{asked(fr)}", asked(fr)[1:] == [("find 1, tail 1", 2, None)])
        # A query is answered whatever becomes of the counting.
        waiting = os.path.join(fr.home, "data", "queries")
        os.mkdir(waiting)
        fr.run("find", f"a.{ZONE}")
        os.rmdir(waiting)
        with open(waiting, "wb") as f:
            f.write(b"find x\nfind 5\nother 7\n\0\xff 1\nfind 2 3 zz\nfind 99999999999999999999\n")
        fr.start()
        fr.stop()
        expect(f"{asked(fr)}", asked(fr)[2:] == [("find 7", 7, None)])
        fed.audit()


def kept_aside(node):
    folder = os.path.join(node.home, "data")
    return sorted(n for n in os.listdir(folder) if ".unread-" in n)


def test_what_was_asked_and_does_not_read_is_kept():
    with Federation() as fed:
        fr, = fed.add("fr")
        waiting, taken, done = (os.path.join(fr.home, "data", n)
                                for n in ("queries", "queries.taken", "exported.waiting"))
        # What fails when it is read: root may read everything, and not this.
        os.symlink("queries.taken", taken)
        with open(waiting, "w", encoding="utf-8") as f:
            f.write("find 5\n")
        fr.start()
        until(lambda: "queries.taken" in fr.tail(), 10, "the log says what is not entered")
        fr.stop()
        expect("it is gone", os.path.islink(taken) and os.path.exists(waiting))
        fr.start()
        until(lambda: fr.tail(99).count("queries.taken") == 2, 10, "the log says it again")
        os.unlink(taken)
        with open(taken, "w", encoding="utf-8") as f:
            f.write("trace 2\n")
        until(lambda: asked(fr) == [("trace 2", 2, None)], 20, "it is entered when it reads")
        fr.stop()
        expect(f"{asked(fr)}", asked(fr)[1:] == [("find 5", 5, None)])
        expect(f"{kept_aside(fr)}", not kept_aside(fr))
        # No file, and one with a line that nobody wrote.
        os.mkdir(taken)
        with open(waiting, "w", encoding="utf-8") as f:
            f.write("find 1\nfind 3find 4\n")
        with open(done, "w", encoding="utf-8") as f:
            f.write('{"command": "reindexed", "outcome": "done", "when": 1}\n{"comm\n')
        fr.start()
        fr.stop()
        expect(f"{asked(fr)}", asked(fr)[2:] == [("find 1", 1, None)])
        expect("the line that reads", len(acts(fr, "reindexed")) == 1)
        kept = kept_aside(fr)
        expect(f"{kept}", [n.split(".unread-")[0] for n in kept]
               == ["exported.waiting", "queries.taken", "queries.taken"])
        for name in kept:
            expect(f"{name} is not named", name in fr.tail(99))
        fed.audit()


def test_where_it_is_wanted_each_query_is_entered_by_name():
    with Federation() as fed:
        fr, = fed.add("fr")
        with open(os.path.join(fr.home, "entente.conf"), "a", encoding="utf-8") as f:
            f.write("log-queries full\n")
        fr.start()
        publish(fr, "a", "b")
        fr.run("find", f"A[.]{ZONE}", f"b.{ZONE}", "--operator", "ann")
        fr.run("trace", f"a.{ZONE}", "--operator", "bob")
        until(lambda: len(asked(fr)) == 2, 10, "both are entered")
        expect(f"{asked(fr)}", asked(fr) == [("find", 2, "ann"), ("trace", 1, "bob")])
        for act, what in zip(acts(fr, "queried"), (f"a.{ZONE}\nb.{ZONE}", f"a.{ZONE}")):
            salted = hashlib.sha256(bytes.fromhex(act["salt"]) + what.encode()).hexdigest()
            expect("the hash is another", act["hash"] == salted)
            expect("when it was asked", "when" in act)
        fr.kill()
        fr.run("find", f"b.{ZONE}", "--operator", "eve")
        fr.start()
        until(lambda: ("find", 1, "eve") in asked(fr), 10, "that of the time between")
        fr.stop()
        fed.audit()


if __name__ == "__main__":
    run_tests([test_what_leaves_as_a_file_is_entered_with_its_hash,
               test_no_file_stands_without_its_act_wherever_the_daemon_dies,
               test_alarms_and_cards_and_who_did_it_are_entered,
               test_rosters_come_and_go_by_acts,
               test_who_tends_the_store_is_entered,
               test_who_asks_while_it_is_done_is_refused_or_gets_it_done,
               test_an_act_stands_once_however_often_its_log_began_anew,
               test_what_analysts_ask_is_counted,
               test_what_was_asked_and_does_not_read_is_kept,
               test_where_it_is_wanted_each_query_is_entered_by_name])
