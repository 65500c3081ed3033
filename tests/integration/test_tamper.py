#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The tamper bench: honest bundles of a federation of five, with a crash, a restore, a rotation of
keys and an agreement that ended among them, give no breach; each manipulation of one of them is
found, named rightly, and nobody else is accused. A liar holds his node's online keys and signs again."""
import json
import os
import shutil
import struct
import subprocess
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from federation import BIN, PATIENCE, ROOT, Failed, Federation, run_tests, until  # noqa: E402
import bundle_ref as ref  # noqa: E402
import peer_ref  # noqa: E402
from bundle_ref import Bundle, Cosignature, Entry  # noqa: E402
from peer_ref import log_pack  # noqa: E402

ZONE = "bad-example-zone.net"
NAMES = ("fr", "de", "pl", "ua", "be")
HOUR = 3600 * 1000
# Numbers of acts, node/provenance/act.h.
STARTED, IN_FORCE, ENDED, OPENED, CLOSED, RECEIVED = 1, 3, 4, 5, 6, 7
SENDING, MARK, SENT, PUBLISHED, ERASED, EPOCH, RECALLED = 8, 9, 10, 11, 15, 24, 35


def audit(*args, status=0):
    done = subprocess.run([os.path.join(BIN, "entente-audit"), *map(str, args)],
                          capture_output=True, text=True, timeout=60 * PATIENCE, check=False)
    if done.returncode != status:
        raise Failed(f"entente-audit {' '.join(map(str, args))}: status {done.returncode}, wanted "
                     f"{status}\n{done.stdout[:3000]}\n{done.stderr[:2000]}")
    return done


# --- the honest federation ------------------------------------------------------------------------


class Case:
    """What five honest nodes hand over, and the online keys of each."""

    def __init__(self, fed):
        self.fed = fed
        self.dir = os.path.join(fed.dir, "bundles")
        os.mkdir(self.dir)
        self.nodes = dict(zip(NAMES, fed.add(*NAMES)))
        self.former = {}  # keys before a rotation
        self.live()
        self.honest, self.keys, self.roots = {}, {}, {}
        for name, node in self.nodes.items():
            options = ("--open", f"a0.{ZONE}") if name == "fr" else ()
            node.run("audit", "export", *options, "-o", self.path(name))
            self.honest[name] = Bundle.read(self.path(name))
            with open(self.path(name), "rb") as f:
                before = f.read()
            self.honest[name].write(self.path(name))
            with open(self.path(name), "rb") as f:
                if f.read() != before:
                    raise Failed("the second writer gives other bytes")
            self.keys[name] = peer_ref.Peer(node.home)
            self.roots[name] = node.json("card", "show")["root"]
        fed.stop()

    def path(self, name):
        return os.path.join(self.dir, f"{name}.audit")

    def publish(self, name, *values, to=None):
        options = ("--tlp", "amber", "--agreement", to) if to else ("--tlp", "green")
        return self.nodes[name].json("publish", *options, "-",
                                     stdin="".join(f"{v}.{ZONE}\n" for v in values))

    def held(self, size, *names):
        for name in names:
            self.nodes[name].wait_held(self.nodes["fr"], "green", size)

    def live(self):
        fed, (fr, de, pl, ua, be) = self.fed, self.nodes.values()
        strict = "clear,green,amber"
        fed.agree("fr", "de", introduces=("fr", "de"))
        fed.agree("de", "pl", introduces=("de", "pl"))
        self.plua = fed.agree("pl", "ua", introduces=("pl", "ua"))
        self.group = fed.agree("fr", "de", "be", introduces=("fr", "de"),
                               gives={n: strict for n in ("fr", "de", "be")})
        self.pair = fed.agree("fr", "be", gives={n: strict for n in ("fr", "be")})
        fed.start()
        fed.wait_connected()
        self.publish("fr", *(f"a{i}" for i in range(5)))
        self.publish("fr", "g", to=self.group)
        self.publish("fr", "t", to=self.pair)
        self.held(5, "de", "pl", "ua", "be")
        fr.run("erase", f"a1.{ZONE}", "--reason", "wrong", "--now")
        self.held(6, "de", "pl", "ua", "be")
        # A crash.
        de.kill()
        de.start()
        fed.wait_connected()
        # An old copy comes back; what it published since is held by others.
        pl.run("backup", os.path.join(fed.dir, "pl.backup"))
        self.publish("pl", "p")
        ua.wait_held(pl, "green", 1)
        pl.stop()
        shutil.rmtree(pl.home)
        pl.run("restore", os.path.join(fed.dir, "pl.backup"))
        pl.start()
        until(lambda: not pl.status()["mute"], 20, "pl signs again")
        self.publish("fr", "z")
        self.held(7, "de", "pl", "ua", "be")
        # New keys.
        self.former["be"] = peer_ref.Peer(be.home)
        be.run("card", "rotate-keys")
        until(lambda: fr.connected("be") and de.connected("be"), 20, "be is back")
        fr.run("publish", "--tlp", "amber", "--agreement", self.pair, "--receipts", "1", "-",
               stdin=f"y.{ZONE}\n")
        # An agreement that ends.
        ua.run("agreement", "revoke", self.plua)
        until(lambda: not pl.connected("ua"), 20, "pl and ua have parted")
        # Witnesses see later acts in new sessions.
        for node in (fr, de, be):
            node.stop()
        for node in (fr, de, be):
            node.start(wait=False)
        for node in (fr, de, be):
            node.wait_ready()
        until(lambda: fr.connected() and de.connected(), 20, "all are back")
        self.publish("fr", "x")
        self.held(8, "de", "pl", "be")
        until(lambda: all(any(a["act"] == "witnessed" and a["to"] > 30 for a in n.json("log"))
                          for n in (fr, de)), 20, "later acts are witnessed")
        fr.wait_sealed()
        until(lambda: fr.feed(fr, "green")["receipts"] == 2, 20, "de and be confirm it")

    def write(self, bundles):
        for name, bundle in bundles.items():
            bundle.write(self.path(name))
        return [self.path(name) for name in bundles]

    def name_of(self, node):
        return next((n for n in NAMES if self.nodes[n].id == node), None)


def find_act(log, number, /, **fields):
    """Index of the first act of that number with these fields."""
    for i, act in log.acts(number):
        if all(act[k] == v for k, v in fields.items()):
            return i
    raise Failed(f"no act {number} with {fields}")


def change_act(log, index, /, **fields):
    entry = log.entries[index]
    entry.set_act({**entry.act(), **fields})


# --- manipulations by who has the file only -------------------------------------------------------
# Each takes the case and copies of the bundles; it says which rule must be found, and of whom.

FILE, LIAR = [], []


def by_file(rule, whom, status=1):
    def add(f):
        FILE.append((f.__name__, f, rule, whom, status))
        return f
    return add


def by_liar(rule, whom, *with_it):
    """whom: the liar. with_it: others that may be named besides."""
    def add(f):
        LIAR.append((f.__name__, f, rule, whom, with_it))
        return f
    return add


@by_file("root-mismatch", "fr")
def header_altered(_, b):
    b["fr"].log("green").entries[2].change(3, b"\1")


@by_file("root-mismatch", "de")
def entry_of_another_altered(c, b):
    b["de"].log("green", c.honest["fr"].node).entries[0].change(16, b"\7")


@by_file("root-mismatch", "fr")
def entries_reordered(_, b):
    e = b["fr"].log("green").entries
    e[2], e[3] = e[3], e[2]


@by_file("root-mismatch", "fr")
def entry_replaced_by_copy(_, b):
    e = b["fr"].log("green").entries
    e[2] = e[3]


@by_file("entry-mismatch", "de")
def act_altered(_, b):
    e = b["de"].acts().entries[3]
    e.body = e.body[:-1] + bytes([e.body[-1] ^ 1])


@by_file("root-mismatch", "de")
def act_rewritten(_, b):
    change_act(b["de"].acts(), 3, peer=bytes(16))


@by_file("root-mismatch", "fr")
def act_time_shifted(_, b):
    e = b["fr"].acts().entries[4]
    e.change(8, struct.pack(">Q", e.time + 1000))


@by_file("root-mismatch", "fr")
def acts_reordered(_, b):
    e = b["fr"].acts().entries
    e[3], e[4] = e[4], e[3]


@by_file("entry-mismatch", "fr")
def opened_body_swapped(_, b):
    e = next(x for x in b["fr"].log("green").entries if x.state == ref.PRESENT)
    e.body = e.body.replace(b"a0.bad", b"a9.bad")


@by_file("entry-mismatch", "fr")
def opened_salt_altered(_, b):
    e = next(x for x in b["fr"].log("green").entries if x.state == ref.PRESENT)
    e.salt = bytes(16)


@by_file("checkpoint-signature", "fr")
def checkpoint_signature_altered(_, b):
    c = b["fr"].log("green").checkpoint
    c[2] = bytes(64)


@by_file("checkpoint-signature", "fr")
def checkpoint_of_another_log(_, b):
    log = b["fr"].log("green")
    log.checkpoint = [log.checkpoint[0], *b["fr"].acts().checkpoint[1:]]


@by_file("checkpoint-signature", "fr")
def tail_cut_without_the_key(_, b):
    log = b["fr"].acts()
    del log.entries[-5:]
    log.fit()
    log.checkpoint = [log.end, log.root(), log.checkpoint[2]]


@by_file("cosignature-forged", "fr")
def receipt_altered(_, b):
    c = b["fr"].log("green").cosignatures[0]
    c.by = c.by[:5] + bytes([c.by[5] ^ 1]) + c.by[6:]


@by_file("cosignature-forged", "fr")
def receipt_backdated(_, b):
    b["fr"].log("green").cosignatures[0].time -= 3600


@by_file("cosignature-forged", "fr")
def receipt_of_another(c, b):
    b["fr"].log("green").cosignatures[0].node = c.honest["ua"].node


@by_file("cosignature-forged", "fr")
def receipt_moved_to_another_feed(c, b):
    b["fr"].log(c.group).cosignatures.append(b["fr"].log("green").cosignatures[0])


@by_file("checkpoint-signature", "fr")
def receipt_for_more_than_was_signed(_, b):
    b["fr"].log("green").cosignatures[0].size += 1


@by_file("card-chain-broken", "fr")
def card_signature_altered(_, b):
    note = b["fr"].notes[0]
    note[1] = note[1][:-5] + b"AAA=\n"


@by_file("card-chain-broken", "de")
def card_text_altered(_, b):
    note = b["de"].notes[0]
    note[1] = note[1].replace(b"org: CERT-DE", b"org: CERT-XX")


@by_file("no-card", "ua")
def own_card_left_out(c, b):
    for bundle in b.values():
        bundle.notes = [n for n in bundle.notes if n[0] != ref.CARDS or
                        f"node: {c.nodes['ua'].id}\n".encode() not in n[1]]
    return {None, "pl"}  # the root that is not there; pl shows receipts of ua


@by_file("agreement-broken", "de")
def agreement_widened(_, b):
    for note in b["de"].notes:
        if note[0] == ref.AGREEMENT and b"gives de: clear green\n" in note[1]:
            note[1] = note[1].replace(b"gives de: clear green\n", b"gives de: clear green amber\n")


@by_file("agreement-broken", "be")
def agreement_signature_left_out(_, b):
    for bundle in b.values():
        for note in bundle.notes:
            if note[0] == ref.AGREEMENT and b"party: be" in note[1] and b"party: de" in note[1]:
                note[1] = note[1][:note[1].rindex("— ".encode())]
    return {"fr", "de"}


@by_file("agreement-missing", "pl")
def agreement_left_out(c, b):
    for name in ("pl", "ua"):
        b[name].notes = [n for n in b[name].notes
                         if n[0] != ref.AGREEMENT or f"id: {c.plua}\n".encode() not in n[1]]
    return {"ua"}


@by_file("history-hidden", "fr")
def log_of_acts_left_out(_, b):
    b["fr"].logs.remove(b["fr"].acts())


@by_file("history-hidden", "pl")
def former_log_of_acts_left_out(_, b):
    b["pl"].logs.remove(b["pl"].acts_logs()[0])


@by_file("erasure-faked", "fr")
def erased_body_is_there(_, b):
    next(e for e in b["fr"].log("green").entries if e.state == ref.ERASED).state = ref.KEPT


@by_file("erasure-faked", "pl")
def erased_body_is_there_at_a_peer(c, b):
    log = b["pl"].log("green", c.honest["fr"].node)
    next(e for e in log.entries if e.state == ref.ERASED).state = ref.KEPT


@by_file("act-outside", "de")
def bundle_under_another_name(c, b):
    b["de"].about = c.honest["de"].node[:-1] + b"\0" + b["de"].about[16:]
    return {None, "de"}  # the node that it names is nobody


@by_file("checkpoint-signature", "de")
def witness_row_forged(_, b):
    row = b["de"].witnessed()[0]
    row[1] = row[1][:42] + struct.pack(">Q", 999) + row[1][50:]


@by_file(None, None, status=6)
def act_left_out(_, b):
    del b["fr"].acts().entries[5]


@by_file(None, None, status=6)
def byte_behind_the_end(_, b):
    b["fr"].behind = b"\0"


@by_file(None, None, status=6)
def log_twice(_, b):
    b["fr"].logs.append(b["fr"].logs[-1])


@by_file(None, None, status=6)
def unknown_part(_, b):
    b["fr"].extra.append((77, b"?"))


@by_file(None, None, status=6)
def sizes_that_do_not_fit(_, b):
    b["fr"].log("green").size = 3


# --- manipulations by who holds the online keys ---------------------------------------------------


@by_liar("sending-hidden", "fr")
def sending_hidden(c, b):
    log = b["fr"].acts()
    log.entries = [e for e in log.entries
                   if not (e.act()["act"] in (SENDING, SENT, MARK) and
                           e.act()["peer"] == c.honest["de"].node)]


@by_liar("sending-hidden", "fr")
def one_sending_hidden(c, b):
    log = b["fr"].acts()
    log.entries = [e for e in log.entries
                   if not (e.act()["act"] in (SENDING, SENT, MARK) and
                           peer_ref.log_text(e.act()["log"]).endswith(c.pair))]


@by_liar("sending-hidden", "de")
def sending_told_shorter(c, b):
    log = b["de"].acts()
    i = find_act(log, SENDING, peer=c.honest["pl"].node)
    a = log.entries[i].act()
    entry = Entry(log.entries[i].header, ref.PRESENT, received=log.entries[i].received)
    entry.set_act({**a, "act": SENT, "to": a["from"], "terms": []})
    log.entries.insert(i + 1, entry)


@by_liar("sending-hidden", "fr")
def sending_under_another_peer(c, b):
    log = b["fr"].acts()
    for i, a in log.acts(SENDING):
        if a["peer"] == c.honest["de"].node:
            change_act(log, i, peer=c.honest["be"].node, session=next(
                o["session"] for _, o in log.acts(OPENED) if o["peer"] == c.honest["be"].node))


@by_liar("unaccounted", "de")
def receiving_hidden(_, b):
    log = b["de"].acts()
    log.entries = [e for e in log.entries if e.act()["act"] != RECEIVED]


@by_liar("received-gap", "de")
def one_receiving_hidden(c, b):
    log = b["de"].acts()
    del log.entries[find_act(log, RECEIVED, log=c.honest["fr"].log("green").name)]


@by_liar("session-unknown", "de")
def received_from_another(c, b):
    log = b["de"].acts()
    change_act(log, find_act(log, RECEIVED, peer=c.honest["fr"].node), peer=c.honest["pl"].node)


@by_liar("unaccounted", "fr")
def publication_hidden(_, b):
    log = b["fr"].acts()
    log.entries = [e for e in log.entries if e.act()["act"] != PUBLISHED]


@by_liar("unaccounted", "fr")
def publication_told_shorter(c, b):
    log = b["fr"].acts()
    i = log.acts(PUBLISHED)[-1][0]
    a = log.entries[i].act()
    if a["to"] - a["from"] == 1:
        del log.entries[i]


@by_liar("history-rewritten", "fr")
def operator_renamed(_, b):
    log = b["fr"].acts()
    change_act(log, log.acts(PUBLISHED)[0][0], operator_name=b"nobody")


@by_liar("history-rewritten", "de")
def source_file_changed(_, b):
    log = b["de"].acts()
    i = find_act(log, STARTED)
    change_act(log, i, text=b"entented 0.0.9")


@by_liar("history-truncated", "fr")
def tail_cut(_, b):
    del b["fr"].acts().entries[10:]


@by_liar("history-truncated", "de")
def tail_cut_by_one_session(_, b):
    log = b["de"].acts()
    del log.entries[log.acts(STARTED)[-1][0] - 1:]


@by_liar("history-hidden", "fr")
def log_of_acts_begun_anew(_, b):
    log = b["fr"].acts()
    log.name = log.name[:25] + struct.pack(">Q", int.from_bytes(log.name[25:33], "big") + 1)
    log.cosignatures = []


@by_liar("session-unknown", "fr")
def session_hidden(_, b):
    log = b["fr"].acts()
    del log.entries[log.acts(OPENED)[0][0]]


@by_liar("session-forbidden", "fr")
def agreement_never_in_force(_, b):
    log = b["fr"].acts()
    log.entries = [e for e in log.entries if e.act()["act"] != IN_FORCE]


@by_liar("sent-forbidden", "fr")
def sent_after_the_end(_, b):
    log = b["fr"].acts()
    i = find_act(log, SENDING)
    ended = []
    for a in (a for _, a in log.acts(IN_FORCE)[:3]):
        e = Entry(log.entries[i].header, ref.PRESENT, received=log.entries[i].received)
        e.set_act({"act": ENDED, "terms": a["terms"], "rule": b"removed"})
        ended.append(e)
    log.entries[i:i] = ended


@by_liar("sent-under-other-terms", "fr")
def sent_under_another_agreement(_, b):
    log = b["fr"].acts()
    i = find_act(log, SENDING)
    terms = [{**t, "serial": 7} for t in log.entries[i].act()["terms"]]
    change_act(log, i, terms=terms)


@by_liar("agreement-missing", "fr")
def agreement_swapped(_, b):
    log = b["fr"].acts()
    i = find_act(log, IN_FORCE)
    change_act(log, i, terms=[{**log.entries[i].act()["terms"][0], "hash": bytes(32)}])


@by_liar("sent-before-held", "de")
def sent_before_held(c, b):
    log = b["de"].acts()
    i = find_act(log, SENDING, peer=c.honest["pl"].node)
    a = log.entries[i].act()
    e = Entry(log.entries[i].header, ref.PRESENT, received=log.entries[i].received)
    e.set_act({**a, "act": MARK, "to": 500, "terms": []})
    log.entries.insert(i + 1, e)


@by_liar("sent-before-held", "de")
def sending_moved_before_receiving(c, b):
    log = b["de"].acts()
    first = find_act(log, RECEIVED, log=c.honest["fr"].log("green").name)
    a = log.entries[first].act()
    i = next(i for i, s in log.acts(SENDING) if s["log"] == a["log"] and s["from"] > 0)
    session = log.entries[first].act()["session"]
    e = Entry(log.entries[first].header, ref.PRESENT, received=log.entries[first].received)
    e.set_act({**log.entries[i].act(), "session": session, "peer": a["peer"]})
    log.entries.insert(first, e)


@by_liar("sent-forbidden", "de")
def group_feed_sent_to_a_stranger(c, b):
    log = b["de"].acts()
    i = find_act(log, SENDING, peer=c.honest["pl"].node)
    change_act(log, i, log=b["de"].log(c.group, c.honest["fr"].node).name)


@by_liar("sent-forbidden", "be")
def sent_to_nobody_known(c, b):
    log = b["be"].acts_logs()[0]
    i = log.acts(OPENED)[0][0]
    a = log.entries[i].act()
    e = Entry(log.entries[i].header, ref.PRESENT, received=log.entries[i].received)
    e.set_act({"act": SENDING, "peer": bytes(16), "session": a["session"],
               "log": log_pack(c.nodes["fr"].id, c.keys["fr"].card.incarnation, "green")})
    log.entries.insert(i + 1, e)
    resign(c, b["be"], "be", log)


@by_liar("sent-unopened", "fr")
def sending_never_opened(_, b):
    log = b["fr"].acts()
    i, a = log.acts(SENDING)[0]
    change_act(log, i, act=SENT, to=a["from"])


@by_liar("received-forbidden", "pl")
def received_what_is_no_affair_of_its(c, b):
    log = b["pl"].acts()
    i = log.acts(RECEIVED)[-1][0]
    change_act(log, i, log=c.honest["fr"].log(c.group).name, **{"from": 0, "to": 1})
    return {"de"}  # it does not say that it sent this: one of the two is false


@by_liar("published-over", "fr")
def published_over(c, b):
    log = b["fr"].acts()
    i = [i for i, a in log.acts(PUBLISHED) if a["log"] == c.honest["fr"].log("green").name][-1]
    change_act(log, i, **{"from": log.entries[i].act()["from"] - 1})


@by_liar("clock-back", "de")
def act_shifted_back(_, b):
    log = b["de"].acts()
    e = log.entries[find_act(log, RECEIVED)]
    e.change(8, struct.pack(">Q", e.time - 2 * HOUR))


@by_liar("time-contradicted", "fr")
def published_later_than_it_was(c, b):
    log = b["fr"].acts()
    i = find_act(log, PUBLISHED, log=c.honest["fr"].log(c.pair).name)
    for e in log.entries[i:]:
        e.change(8, struct.pack(">Q", e.time + HOUR))


@by_liar("erasure-late", "fr")
def erasure_never_done(_, b):
    log = b["fr"].acts()
    log.entries = [e for e in log.entries if e.act()["act"] not in (ERASED, RECALLED)]
    b["fr"].set_made(b["fr"].made + 100 * HOUR)


@by_liar("erasure-late", "de")
def erasure_done_late(_, b):
    log = b["de"].acts()
    i = (log.acts(RECALLED) + log.acts(ERASED))[0][0]
    for e in log.entries[i:]:
        e.change(8, struct.pack(">Q", e.time + 100 * HOUR))
    b["de"].set_made(b["de"].made + 200 * HOUR)


@by_liar("act-outside", "fr")
def entry_that_is_no_act(_, b):
    b["fr"].acts().entries[3].change(1, b"\1")


@by_liar("epoch-missing", "pl")
def new_log_cites_nothing(_, b):
    log = b["pl"].acts()
    del log.entries[0]


@by_liar("epoch-other", "pl")
def new_log_cites_less(_, b):
    log = b["pl"].acts()
    change_act(log, 0, to=log.entries[0].act()["to"] - 1)


@by_liar("epoch-other", "pl")
def new_log_cites_another_root(_, b):
    change_act(b["pl"].acts(), 0, root=bytes(range(32)))


@by_liar("split-view", "fr")
def two_stories(_, b):
    """To others it has told another entry at this place."""
    log = b["fr"].log("green")
    log.entries[2].change(16, bytes(16))
    return log


@by_liar("split-view", "fr")
def entry_of_own_feed_gone(_, b):
    log = b["fr"].log("green")
    del log.entries[3]
    return log


@by_liar("history-truncated", "fr")
def own_feed_shorter(_, b):
    log = b["fr"].log("green")
    del log.entries[-2:]
    return log


@by_liar("published-forbidden", "fr")
def amber_in_the_green_feed(_, b):
    log = b["fr"].log("green")
    log.entries[-1].change(2, b"\3")
    return log


@by_liar("receipt-without-receiving", "be")
def receipt_without_receiving(c, b):
    """be has receipted it, and hands over neither the feed nor how it came."""
    log = b["be"].acts_logs()
    name = c.honest["fr"].log(c.pair).name
    for one in log:
        one.entries = [e for e in one.entries
                       if not (e.act()["act"] == RECEIVED and e.act()["log"] == name)]
    resign(c, b["be"], "be", log[0])
    b["be"].logs = [x for x in b["be"].logs if x.name != name]
    change_act(log[1], 0, to=log[0].checkpoint[0], root=log[0].checkpoint[1])


@by_liar("key-retired", "be")
def receipt_under_a_retired_key(c, b):
    log = b["fr"].log(c.pair)
    size, root, signature = log.checkpoint
    when = b["fr"].made // 1000 + 3600
    by = peer_ref.cosign(c.former["be"].receipt_seed, log.name, size, root, when)
    log.cosignatures.append(Cosignature(
        c.honest["be"].node + b"\0" + struct.pack(">Q", size) + root + signature +
        struct.pack(">Q", when) + by))


# --- running them ---------------------------------------------------------------------------------


def seed_of(case, name, log):
    """The log key of the incarnation that the log names."""
    incarnation = int.from_bytes(log.name[16:24], "big")
    if incarnation == case.keys[name].card.incarnation:
        return case.keys[name].log_seed
    return case.former[name].log_seed


def resign(case, bundle, name, log):
    log.sign(seed_of(case, name, log))
    # Cosignatures that the own tree cannot bear any more are left out: a liar would.
    log.cosignatures = [k for k in log.cosignatures
                        if k.size <= log.end and log.root(k.size) == k.root]


def check(case, bundles, status):
    paths = case.write(bundles)
    roots = [x for name in bundles for x in ("--root", case.roots[name])]
    return audit("check", "--json", *roots, *paths, status=status)


def accused(case, found):
    return {case.name_of(f["node"]) for f in found if f["class"] == "breach"}


def one(case, name, manipulate, rule, whom, status, liar):
    bundles = {n: b.copy() for n, b in case.honest.items()}
    allowed = {whom}
    got = manipulate(case, bundles)
    if isinstance(got, set):
        allowed |= got
    if liar and case.honest[whom].made:
        log = got if isinstance(got, ref.Log) else bundles[whom].acts()
        resign(case, bundles[whom], whom, log)
    done = check(case, bundles, status)
    if status == 6:
        return
    found = json.loads(done.stdout)["findings"]
    if not any(f["rule"] == rule and case.name_of(f["node"]) in allowed for f in found):
        raise Failed(f"{name}: no {rule} of {whom} among "
                     f"{[(f['rule'], case.name_of(f['node']), f['text']) for f in found if f['class'] == 'breach']}")
    if accused(case, found) - allowed:
        raise Failed(f"{name}: others are accused: "
                     f"{[(f['rule'], case.name_of(f['node']), f['text']) for f in found if f['class'] == 'breach']}")


def test_manipulations_are_found_and_honest_bundles_are_clean():
    with Federation() as fed:
        case = Case(fed)
        done = json.loads(check(case, case.honest, 0).stdout)
        if [f for f in done["findings"] if f["class"] == "breach"]:
            raise Failed(f"honest, and accused: {done['findings']}")
        answers(case)
        if "restored" not in {f["rule"] for f in done["findings"]}:
            raise Failed("the restore is no declared gap")
        # What came just before a bundle was made counts from an hour later on: nobody can hide
        # behind the moment.
        for bundle in case.honest.values():
            bundle.set_made(bundle.made + HOUR)
        check(case, case.honest, 0)
        for name in NAMES:
            check(case, {n: b for n, b in case.honest.items() if n != name}, 0)
            check(case, {name: case.honest[name]}, 0)
        failures = []
        for name, f, rule, whom, status in FILE:
            failures += tried(case, name, f, rule, whom, status, False)
        for name, f, rule, whom, _ in LIAR:
            failures += tried(case, name, f, rule, whom, 1, True)
        if failures:
            raise Failed("\n".join(failures))
        print(f"# {len(FILE)} manipulations of files, {len(LIAR)} by liars who sign again")


# --- what is asked of honest bundles ---------------------------------------------------------------


def rows(*args):
    return json.loads(audit(*args, "--json").stdout)


def answers(case):
    paths = [case.path(n) for n in NAMES]
    value = f"a0.{ZONE}"
    knew = rows("who", value, *paths)
    if sorted(k["name"] for k in knew) != sorted(NAMES):
        raise Failed(f"who knew it: {knew}")
    came = {k["name"]: (k["from_name"], bool(k["agreement"])) for k in knew}
    if came["fr"] != (None, False) or came["pl"] != ("de", True) or came["ua"] != ("pl", True):
        raise Failed(f"from whom, under what: {came}")
    if [k["when"] for k in knew] != sorted(k["when"] for k in knew) or knew[0]["name"] != "fr":
        raise Failed(f"in which order: {knew}")
    # Without its own bundle a node is known by its receipts; who has none is not known.
    knew = rows("who", value, case.path("fr"))
    if {k["name"]: k["how"] for k in knew} != {"fr": "published", "de": "receipt", "be": "receipt"}:
        raise Failed(f"from receipts: {knew}")
    if rows("who", f"nobody.{ZONE}", *paths) or rows("who", value, case.path("de")):
        raise Failed("a value that is not opened is found")

    left = rows("left", "--to", "pl", *paths)
    if not left or {r["peer_name"] for r in left} != {"pl"} or \
            not any(r["name"] == "de" and r["what"] == "closed" and r["to"] == 7 for r in left):
        raise Failed(f"what left to pl: {left}")
    if rows("left", "--to", "pl", "--since", "2099-01-01", *paths):
        raise Failed("something left after 2099")
    audit("left", "--to", "xx", *paths, status=2)

    gave = {(r["from_name"], r["to_name"], r["agreement"]): r["entries"]
            for r in rows("reciprocity", *paths)}
    if gave["fr", "be", case.pair] < 2:  # its own feed, and green where its id is the lower
        raise Failed(f"who gave what: {gave}")
    back = [r for r in rows("retracted", *paths) if r["what"] == "erasure"]
    if {r["name"] for r in back} != set(NAMES) or not all(r["carried_out"] for r in back):
        raise Failed(f"where the erasure came: {back}")
    if rows("sample", 4, "--seed", 9, *paths) != rows("sample", 4, "--seed", 9, *paths) or \
            len(rows("sample", 4, "--seed", 9, *paths)) != 4:
        raise Failed("the lot is not the same twice")
    times = [r["when"] for r in rows("timeline", *paths)]
    if times != sorted(times) or len(times) != sum(
            len(log.entries) for b in case.honest.values() for log in b.acts_logs()):
        raise Failed("the timeline is not all acts in order")
    if "restored" not in {r["rule"] for r in rows("gaps", *paths)}:
        raise Failed("the gap is not told")
    proof(case, rows("who", value, *paths)[0], paths)
    page(case, paths)


def proof(case, known, paths):
    """The proof in the public form, checked by another implementation from the files alone."""
    entry = next(e for e in case.honest["fr"].log("green").entries if e.state == ref.PRESENT)
    prefix = os.path.join(case.dir, "record")
    audit("prove", entry.header[16:32].hex(), *paths, "-o", prefix)
    with open(prefix + ".tlog-proof", encoding="utf-8") as f:
        lines, note = f.read().split("\n\n", 1)
    head, index, *hashes = lines.split("\n")
    with open(prefix + ".leaf", "rb") as f:
        leaf = f.read()
    with open(prefix + ".opened", "rb") as f:
        opened = f.read()
    card = case.keys["fr"].card
    name = known["log"]
    vkey = (f"{name}+{peer_ref.key_id(name, 1, card.log_key).hex()}+"
            + peer_ref.base64.b64encode(b"\1" + card.log_key).decode())
    text = peer_ref.note_verify(note, vkey).splitlines()
    size, root = int(text[1]), peer_ref.base64.b64decode(text[2])
    at, last, node = int(index.removeprefix("index ")), size - 1, peer_ref.leaf_hash(leaf)
    for one in map(peer_ref.base64.b64decode, hashes):  # RFC 9162, section 2.1.3.2
        if at & 1 or at == last:
            node = peer_ref.node_hash(one, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = peer_ref.node_hash(node, one)
        at, last = at >> 1, last >> 1
    if head != "c2sp.org/tlog-proof@v1" or last or node != root or leaf != entry.header:
        raise Failed(f"the proof does not lead to the root\n{lines}\n{note}")
    if peer_ref.commitment(opened[:16], opened[16:]) != leaf[32:]:
        raise Failed("salt and body are not those of the leaf")
    if note.count("— ") < 2:
        raise Failed(f"nobody has cosigned it:\n{note}")


def page(case, paths):
    """Self-contained: nothing to run, nothing to fetch."""
    path = os.path.join(case.dir, "report.html")
    audit("report", *paths, "-o", path)
    with open(path, encoding="utf-8") as f:
        html = f.read()
    for needed in ("<svg", "Findings", "What was handed over", "Agreements", "it was restored"):
        if needed not in html:
            raise Failed(f"the report has no {needed}")
    for banned in ("<script", "http:", "https:", "src=\"", "href", "@import", "url("):
        if banned in html:
            raise Failed(f"the report has {banned}")
    if html.index("Findings") > html.index("What was handed over"):
        raise Failed("findings do not come first")


def tried(case, name, f, rule, whom, status, liar):
    try:
        one(case, name, f, rule, whom, status, liar)
    except Failed as e:
        return [f"{name}: {e}"]
    except Exception:  # which one it was
        return [f"{name}: {traceback.format_exc()}"]
    return []


def test_cut_and_flipped_bundles_are_refused():
    with Federation() as fed:
        fr, = fed.add("fr")
        fr.start()
        fr.run("publish", "--tlp", "green", "-", stdin=f"a.{ZONE}\n")
        fr.wait_sealed()
        path = os.path.join(fed.dir, "fr.audit")
        fr.run("audit", "export", "-o", path)
        fr.stop()
        audit("check", path)
        fr.run("audit", "export", "-o", path)  # without a daemon, over the former
        with open(path, "rb") as f:
            data = f.read()
        for at in range(0, len(data), max(1, len(data) // 60)):
            for changed in (data[:at], data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1:]):
                with open(path, "wb") as f:
                    f.write(changed)
                audit("check", path, status=6)


def test_the_worked_example_in_the_document_holds():
    with open(os.path.join(ROOT, "docs", "AUDIT.md"), encoding="utf-8") as f:
        lines = f.read().split("\n")
    tried_ = 0
    for at, line in enumerate(lines):
        if not line.startswith("    $ entente-audit "):
            continue
        tried_ += 1
        done = subprocess.run([os.path.join(BIN, "entente-audit"), *line.split()[2:]], check=False,
                              cwd=os.path.join(ROOT, "docs", "examples", "audit"),
                              capture_output=True, text=True)
        out = [x.rstrip() for x in done.stdout.split("\n")]
        if done.returncode != (1 if "lies" in line else 0):
            raise Failed(f"{line}: status {done.returncode}")
        end = at + 1
        while end < len(lines) and (lines[end].startswith("    ") or (
                not lines[end] and lines[end + 1].startswith("    ") and
                not lines[end + 1].startswith("    $"))):
            end += 1
        place = 0
        for want in (x[4:] for x in lines[at + 1:end] if x.strip() not in ("", "[...]")):
            while place < len(out) and out[place] != want:
                place += 1
            if place == len(out):
                raise Failed(f"{line}: does not print\n{want}\nbut\n{done.stdout}")
    if tried_ < 5:
        raise Failed(f"only {tried_} commands in the example")


if __name__ == "__main__":
    run_tests([test_the_worked_example_in_the_document_holds,
               test_manipulations_are_found_and_honest_bundles_are_clean,
               test_cut_and_flipped_bundles_are_refused])
