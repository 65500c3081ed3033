# SPDX-License-Identifier: EUPL-1.2
"""What test_tamper.py does to honest bundles, by who holds the online keys of the node and signs
again. A function takes the case and copies of the bundles; it may give the log to sign again, or the
names of others that may be accused besides."""
import hashlib
import struct
from base64 import b64encode

import bundle_ref as ref
import ed25519_ref as ed25519
import peer_ref
from bundle_ref import Cosignature
from peer_ref import log_pack
from tampering import (BODIES_RECEIVED, BODIES_SENT, CARD, CLOSED, ENDED, EPOCH, ERASED, HOUR,
                       INCARNATION, INTRODUCED, IN_FORCE, MARK, OPENED, PUBLISHED, RECALLED,
                       RECEIVED, RESTORED, ROSTER_IN_FORCE, SENDING, SENT, STARTED, STEP, act_at,
                       bodies_act, by_liar, change_act, find_act, forget_first, insert_act,
                       insert_behind, next_name, notes_with, opened_with, own_greens, resign,
                       with_act, without_acts)


@by_liar("sending-hidden", "fr")
def sending_hidden(c, b):
    without_acts(b["fr"].acts(), SENDING, SENT, MARK, peer=c.honest["de"].node)


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
    insert_behind(log, i, {**a, "act": SENT, "to": a["from"], "terms": []})


@by_liar("sending-hidden", "fr")
def sending_under_another_peer(c, b):
    log, other = b["fr"].acts(), c.honest["be"].node
    session = log.entries[find_act(log, OPENED, peer=other)].act()["session"]
    for i, a in log.acts(SENDING):
        if a["peer"] == c.honest["de"].node:
            change_act(log, i, peer=other, session=session)


@by_liar("unaccounted", "de")
def receiving_hidden(_, b):
    without_acts(b["de"].acts(), RECEIVED)


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
    without_acts(b["fr"].acts(), PUBLISHED)


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
    log.name = next_name(log)
    log.cosignatures = []


@by_liar("session-unknown", "fr")
def session_hidden(_, b):
    log = b["fr"].acts()
    del log.entries[log.acts(OPENED)[0][0]]


@by_liar("session-forbidden", "fr")
def agreement_never_in_force(_, b):
    without_acts(b["fr"].acts(), IN_FORCE)


@by_liar("sent-forbidden", "fr")
def sent_after_the_end(_, b):
    log = b["fr"].acts()
    i = find_act(log, SENDING)
    for _, a in log.acts(IN_FORCE)[:3]:
        insert_act(log, i, {"act": ENDED, "terms": a["terms"], "rule": b"removed"})


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
    insert_behind(log, i, {**log.entries[i].act(), "act": MARK, "to": 500, "terms": []})


@by_liar("sent-before-held", "de")
def sent_before_it_was_received(c, b):
    """The end of a sending, moved in front of what it had of it."""
    log = b["de"].acts()
    opened = find_act(log, SENDING, peer=c.honest["pl"].node)
    a = log.entries[opened].act()
    got = [i for i, r in log.acts(RECEIVED) if r["log"] == a["log"] and i > opened]
    log.entries.insert(got[0], act_at(log, opened, {
        **a, "act": MARK, "to": log.entries[got[0]].act()["to"], "terms": []}))


@by_liar("sent-forbidden", "de")
def group_feed_sent_to_a_stranger(c, b):
    log = b["de"].acts()
    i = find_act(log, SENDING, peer=c.honest["pl"].node)
    change_act(log, i, log=b["de"].log(c.group, c.honest["fr"].node).name)


@by_liar("sent-forbidden", "be")
def sent_to_nobody_known(c, b):
    log = b["be"].acts_logs()[0]
    i = log.acts(OPENED)[0][0]
    insert_behind(log, i, {
        "act": SENDING, "peer": bytes(16), "session": log.entries[i].act()["session"],
        "log": log_pack(c.nodes["fr"].id, c.keys["fr"].card.incarnation, "green")})
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
    without_acts(b["fr"].acts(), ERASED, RECALLED)
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


@by_liar("history-rewritten", "fr")
def card_that_came_into_force_hidden(_, b):
    log = b["fr"].acts()
    del log.entries[log.acts(CARD)[0][0]]


@by_liar("history-rewritten", "fr")
def end_of_a_session_hidden(_, b):
    log = b["fr"].acts()
    del log.entries[log.acts(CLOSED)[0][0]]


@by_liar("history-rewritten", "de")
def shift_excused_by_a_clock_step(_, b):
    log = b["de"].acts()
    i = find_act(log, RECEIVED)
    log.entries[i].change(8, struct.pack(">Q", log.entries[i].time - 2 * HOUR))
    insert_act(log, i, {"act": STEP, "from": log.entries[i].time, "to": log.entries[i].time})


@by_liar("history-rewritten", "fr")
def hiding_excused_by_a_restore(c, b):
    log = b["fr"].acts()
    without_acts(log, SENDING, SENT, MARK, peer=c.honest["de"].node)
    insert_act(log, log.acts(STARTED)[-1][0], {"act": RESTORED, "rule": b"no-guard"})


@by_liar("history-truncated", "fr")
def tail_cut_behind_a_new_log(c, b):
    """The former log is cut, and a new one cites it as if it had ended there."""
    former = b["fr"].acts()
    new = ref.Log(former.head())
    new.name = next_name(former)
    new.entries, new.cosignatures, new.begin, new.left, new.right = former.entries[-6:], [], 0, [], []
    del former.entries[12:]
    resign(c, b["fr"], "fr", former)
    insert_act(new, 0, {"act": EPOCH, "log": former.name, "to": former.checkpoint[0],
                        "root": former.checkpoint[1]})
    b["fr"].logs.insert(b["fr"].logs.index(former) + 1, new)


@by_liar("session-forbidden", "ua")
def session_behind_the_end(c, b):
    log = b["ua"].acts()
    i = log.acts(ENDED)[-1][0] + 1
    insert_act(log, i, {"act": OPENED, "peer": c.honest["pl"].node, "session": bytes(range(16))})


@by_liar("session-forbidden", "ua")
def session_under_terms_that_were_over(_, b):
    log = b["ua"].acts()
    i, ended = log.acts(ENDED)[-1]
    opened = dict(log.acts(OPENED)[-1][1])
    insert_act(log, i + 1, {**opened, "session": bytes(range(16)), "terms": ended["terms"]})


@by_liar("sent-forbidden", "ua")
def bodies_given_behind_the_end(c, b):
    log = b["ua"].acts()
    _, opened = opened_with(log, c.honest["pl"].node)
    insert_act(log, log.acts(ENDED)[-1][0] + 1, bodies_act(
        BODIES_SENT, opened, c.honest["fr"].log("green").name, 0, 1))


@by_liar("sent-before-held", "de")
def bodies_given_that_were_not_held(c, b):
    log = b["de"].acts()
    i, opened = opened_with(log, c.honest["pl"].node)
    insert_act(log, i + 1, bodies_act(
        BODIES_SENT, opened, c.honest["fr"].log("green").name, 400, 500, count=3))


@by_liar("received-forbidden", "pl")
def bodies_received_that_are_no_affair_of_its(c, b):
    log = b["pl"].acts()
    i, opened = opened_with(log, c.honest["de"].node)
    insert_act(log, i + 1, bodies_act(
        BODIES_RECEIVED, opened, c.honest["fr"].log(c.group).name, 0, 1))
    return {"de"}


@by_liar("unaccounted", "be")
def incarnation_hidden(_, b):
    """What it published stands behind a succession of which no act tells."""
    without_acts(b["be"].acts(), INCARNATION)


@by_liar("split-view", "be")
def feed_of_the_former_incarnation_rewritten(_, b):
    """With the keys that were replaced."""
    log = own_greens(b["be"])[0]
    log.entries[0].change(16, bytes(16))
    return log


@by_liar("unaccounted", "fr")
def own_entries_forgotten_that_no_act_tells_of(_, b):
    forget_first(b["fr"].log("green"), 4)


@by_liar("receipt-without-receiving", "be")
def receipt_without_receiving(c, b):
    """be has receipted it, and hands over neither the feed nor how it came."""
    log = b["be"].acts_logs()
    name = c.honest["fr"].log(c.pair).name
    for one in log:
        without_acts(one, RECEIVED, log=name)
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


# --- bodies by themselves, revocations -------------------------------------------------------------


def add_bodies(log, number, opened, feed, first, to, /, **fields):
    """An act of bodies in the session of that opening, behind all others."""
    act = bodies_act(number, opened, feed, first, to, **fields)
    log.entries.append(act_at(log, -1, act))
    return log.entries[-1]


@by_liar("sent-after-erased", "fr")
def erased_body_sent(c, b):
    log = b["fr"].acts()
    green = b["fr"].log("green")
    at = next(i for i, e in enumerate(green.entries) if e.state == ref.ERASED)
    _, opened = opened_with(log, c.honest["de"].node)
    e = add_bodies(log, BODIES_SENT, opened, green.name, at, at + 1, terms=opened["terms"])
    e.change(8, struct.pack(">Q", e.time + HOUR))


@by_liar("sent-forbidden", "de")
def body_sent_to_a_stranger(c, b):
    log = b["de"].acts()
    _, opened = opened_with(log, c.honest["pl"].node)
    add_bodies(log, BODIES_SENT, opened, b["de"].log(c.group, c.honest["fr"].node).name, 0, 1)


@by_liar("act-outside", "fr")
def more_bodies_than_entries(c, b):
    log = b["fr"].acts()
    _, opened = opened_with(log, c.honest["de"].node)
    add_bodies(log, BODIES_SENT, opened, b["fr"].log("green").name, 2, 3, count=9)


@by_liar("sending-hidden", "de", "fr")
def body_received_that_was_not_sent(c, b):
    log = b["de"].acts()
    _, opened = opened_with(log, c.honest["fr"].node)
    e = add_bodies(log, BODIES_RECEIVED, opened, c.honest["fr"].log("green").name, 2, 3)
    for bundle in b.values():  # nobody can hide behind the moment
        bundle.set_made(max(bundle.made, e.time + HOUR))
    return {"fr"}


# --- rosters ---------------------------------------------------------------------------------------


@by_liar("taken-unlisted", "be")
def origin_taken_that_the_roster_does_not_list(c, b):
    log, i = with_act(b["be"], INTRODUCED, rule=b"roster")
    change_act(log, i, log=log_pack(c.nodes["ua"].id, c.keys["ua"].card.incarnation, "clear"))
    resign(c, b["be"], "be", log)


@by_liar("taken-unlisted", "be")
def roster_never_in_force(c, b):
    for log in b["be"].acts_logs():
        without_acts(log, ROSTER_IN_FORCE)
        resign(c, b["be"], "be", log)


def root_of_the_liars_own(c, name, text=b""):
    """The verifier key of a root that he calls the one of that node, and its signature line."""
    key, seed = f"entente/{c.nodes[name].id}/root", name.encode() * 16
    public = ed25519.public_of(seed)
    vkey = f"{key}+{peer_ref.key_id(key, 1, public).hex()}+".encode() + b64encode(b"\1" + public)
    signed = peer_ref.key_id(key, 1, public) + ed25519.sign(seed, text)
    return vkey, f"\u2014 {key} ".encode() + b64encode(signed) + b"\n"


@by_liar("roster-root", "be")
def roster_forged(c, b):
    """In the names of fr and de, under roots of the liar's own."""
    for note in notes_with(b["be"], ref.ROSTER, b""):
        lines = note[1].split(b"\n\n")[0].split(b"\n")
        for i, line in enumerate(lines):
            if line.startswith(b"signer: "):
                words = line.split(b" ")
                lines[i] = b" ".join(words[:3] + [root_of_the_liars_own(c, words[1].decode())[0]])
        text = b"\n".join(lines) + b"\n"
        note[1] = text + b"\n" + b"".join(root_of_the_liars_own(c, n, text)[1] for n in ("fr", "de"))
    for log in b["be"].acts_logs():
        for i, act in log.acts(ROSTER_IN_FORCE):
            change_act(log, i, terms=[{**act["terms"][0], "hash": hashlib.sha256(text).digest()}])
        resign(c, b["be"], "be", log)
