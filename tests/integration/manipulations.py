# SPDX-License-Identifier: EUPL-1.2
"""What test_tamper.py does to honest bundles: each manipulation a small function, with the rule that
must be found and of whom. A function takes the case and copies of the bundles; it may give the log to
sign again, or the names of others that may be accused besides."""
import struct

import bundle_ref as ref
import peer_ref
from bundle_ref import Cosignature, Entry
from peer_ref import log_pack

ZONE = "bad-example-zone.net"
HOUR = 3600 * 1000
# Numbers of acts, node/provenance/act.h.
STARTED, IN_FORCE, ENDED, OPENED, CLOSED, RECEIVED = 1, 3, 4, 5, 6, 7
SENDING, MARK, SENT, PUBLISHED, ERASED, CARD, STEP = 8, 9, 10, 11, 15, 16, 19
INCARNATION, RESTORED, EPOCH, FLOOR, RECALLED, BODIES_SENT, BODIES_RECEIVED = 21, 22, 24, 32, 35, 39, 40


class Missing(Exception):
    """The honest bundles have not what is to be manipulated."""


def find_act(log, number, /, **fields):
    """Index of the first act of that number with these fields."""
    for i, act in log.acts(number):
        if all(act[k] == v for k, v in fields.items()):
            return i
    raise Missing(f"no act {number} with {fields}")


def change_act(log, index, /, **fields):
    entry = log.entries[index]
    entry.set_act({**entry.act(), **fields})


def insert_act(log, index, fields):
    """Another act in front of the one there, of the same time."""
    entry = Entry(log.entries[index].header, ref.PRESENT, received=log.entries[index].received)
    entry.set_act(fields)
    log.entries.insert(index, entry)


def session_with(log, peer):
    """(index, session) of the last session that was opened with that node."""
    return [(i, a["session"]) for i, a in log.acts(OPENED) if a["peer"] == peer][-1]


# --- signing again ---------------------------------------------------------------------------------


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


@by_file("cosignature-forged", "fr")
def witness_cosignature_altered(_, b):
    c = b["fr"].acts().cosignatures[0]
    c.by = c.by[:7] + bytes([c.by[7] ^ 4]) + c.by[8:]


@by_file("cosignature-forged", "fr")
def witness_cosignature_of_another(c, b):
    b["fr"].acts().cosignatures[0].node = c.honest["ua"].node


@by_file("checkpoint-signature", "fr")
def witness_cosignature_for_more(_, b):
    b["fr"].acts().cosignatures[0].size += 1


@by_file("cosignature-forged", "fr")
def receipt_in_place_of_a_witness(_, b):
    """A receipt key is no witness key."""
    b["fr"].acts().cosignatures[0].by = b["fr"].log("green").cosignatures[0].by


@by_file("root-mismatch", "be")
def succession_altered(_, b):
    new = max((x for x in b["be"].logs if x.audience == "green" and x.name[:16] == b["be"].node),
              key=lambda x: x.name[16:24])
    new.entries[0].change(16, b"\1")


@by_file("entry-mismatch", "fr")
def erased_body_invented(_, b):
    e = next(e for e in b["fr"].log("green").entries if e.state == ref.ERASED)
    e.state, e.salt, e.body = ref.PRESENT, bytes(16), bytes(int.from_bytes(e.header[6:8], "big"))
    return {"fr"}


@by_file("root-mismatch", "fr")
def erasure_turned_into_a_sighting(_, b):
    next(e for e in b["fr"].log("green").entries if e.kind == 5).change(1, b"\2")


@by_file("card-chain-broken", "be")
def card_before_the_rotation_altered(c, b):
    for bundle in b.values():
        for note in bundle.notes:
            if note[0] == ref.CARDS and f"node: {c.nodes['be'].id}\n".encode() in note[1]:
                note[1] = note[1].replace(b"serial: 1\n", b"serial: 7\n", 1)
    return {None, "fr", "de", "pl", "ua"}  # whoever shows it


@by_file("unaccounted", "de")
def entries_forgotten_that_no_act_tells_of(c, b):
    log = b["de"].log("green", c.honest["fr"].node)
    leaves = [peer_ref.leaf_hash(e.header) for e in log.entries[:4]]
    log.left = [peer_ref.tree_hash(leaves, 0, 4)]
    del log.entries[:4]
    log.floor = log.begin = 4


@by_file(None, None, status=6)
def proof_of_a_split_that_does_not_read(_, b):
    b["fr"].log("green").splits.append(b"\0\1\2")


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
def sent_before_it_was_received(c, b):
    """The end of a sending, moved in front of what it had of it."""
    log = b["de"].acts()
    opened = find_act(log, SENDING, peer=c.honest["pl"].node)
    a = log.entries[opened].act()
    got = [i for i, r in log.acts(RECEIVED) if r["log"] == a["log"] and i > opened]
    e = Entry(log.entries[opened].header, ref.PRESENT, received=log.entries[opened].received)
    e.set_act({**a, "act": MARK, "to": log.entries[got[0]].act()["to"], "terms": []})
    log.entries.insert(got[0], e)


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
    log.entries = [e for e in log.entries
                   if not (e.act()["act"] in (SENDING, SENT, MARK) and
                           e.act()["peer"] == c.honest["de"].node)]
    insert_act(log, log.acts(STARTED)[-1][0], {"act": RESTORED, "rule": b"no-guard"})


@by_liar("history-truncated", "fr")
def tail_cut_behind_a_new_log(c, b):
    """The former log is cut, and a new one cites it as if it had ended there."""
    former = b["fr"].acts()
    new = ref.Log(former.head())
    new.name = former.name[:25] + struct.pack(">Q", int.from_bytes(former.name[25:33], "big") + 1)
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
    _, session = session_with(log, c.honest["pl"].node)
    insert_act(log, log.acts(ENDED)[-1][0] + 1, {
        "act": BODIES_SENT, "peer": c.honest["pl"].node, "session": session, "from": 0, "to": 1,
        "count": 1, "log": c.honest["fr"].log("green").name})


@by_liar("sent-before-held", "de")
def bodies_given_that_were_not_held(c, b):
    log = b["de"].acts()
    i, session = session_with(log, c.honest["pl"].node)
    insert_act(log, i + 1, {
        "act": BODIES_SENT, "peer": c.honest["pl"].node, "session": session, "from": 400, "to": 500,
        "count": 3, "log": c.honest["fr"].log("green").name})


@by_liar("received-forbidden", "pl")
def bodies_received_that_are_no_affair_of_its(c, b):
    log = b["pl"].acts()
    i, session = session_with(log, c.honest["de"].node)
    insert_act(log, i + 1, {
        "act": BODIES_RECEIVED, "peer": c.honest["de"].node, "session": session, "from": 0, "to": 1,
        "count": 1, "log": c.honest["fr"].log(c.group).name})
    return {"de"}


@by_liar("unaccounted", "be")
def incarnation_hidden(_, b):
    """What it published stands behind a succession of which no act tells."""
    log = b["be"].acts()
    log.entries = [e for e in log.entries if e.act()["act"] != INCARNATION]


@by_liar("split-view", "be")
def feed_of_the_former_incarnation_rewritten(_, b):
    """With the keys that were replaced."""
    log = min((x for x in b["be"].logs if x.audience == "green" and x.name[:16] == b["be"].node),
              key=lambda x: x.name[16:24])
    log.entries[0].change(16, bytes(16))
    return log


@by_liar("unaccounted", "fr")
def own_entries_forgotten_that_no_act_tells_of(_, b):
    log = b["fr"].log("green")
    leaves = [peer_ref.leaf_hash(e.header) for e in log.entries[:4]]
    log.left = [peer_ref.tree_hash(leaves, 0, 4)]
    del log.entries[:4]
    log.floor = log.begin = 4


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


# --- bodies by themselves, revocations -------------------------------------------------------------


def add_bodies(acts, number, opened, /, **fields):
    """An act of bodies in the session of that opening, behind all others."""
    last = acts.entries[-1]
    e = Entry(last.header, ref.PRESENT, received=last.received)
    e.set_act({"act": number, "peer": opened["peer"], "session": opened["session"], "count": 1, **fields})
    acts.entries.append(e)
    return e


def opened_with(log, peer):
    return [a for _, a in log.acts(OPENED) if a["peer"] == peer][-1]


@by_liar("sent-after-erased", "fr")
def erased_body_sent(c, b):
    log = b["fr"].acts()
    green = b["fr"].log("green")
    at = next(i for i, e in enumerate(green.entries) if e.state == ref.ERASED)
    opened = opened_with(log, c.honest["de"].node)
    e = add_bodies(log, BODIES_SENT, opened, log=green.name, terms=opened["terms"],
                   **{"from": at, "to": at + 1})
    e.change(8, struct.pack(">Q", e.time + HOUR))


@by_liar("sent-forbidden", "de")
def body_sent_to_a_stranger(c, b):
    log = b["de"].acts()
    opened = opened_with(log, c.honest["pl"].node)
    add_bodies(log, BODIES_SENT, opened, log=b["de"].log(c.group, c.honest["fr"].node).name,
               **{"from": 0, "to": 1})


@by_liar("act-outside", "fr")
def more_bodies_than_entries(c, b):
    log = b["fr"].acts()
    opened = opened_with(log, c.honest["de"].node)
    add_bodies(log, BODIES_SENT, opened, log=b["fr"].log("green").name, count=9, **{"from": 2, "to": 3})


@by_liar("sending-hidden", "de", "fr")
def body_received_that_was_not_sent(c, b):
    log = b["de"].acts()
    opened = opened_with(log, c.honest["fr"].node)
    e = add_bodies(log, BODIES_RECEIVED, opened, log=c.honest["fr"].log("green").name,
                   **{"from": 2, "to": 3})
    for bundle in b.values():  # nobody can hide behind the moment
        bundle.set_made(max(bundle.made, e.time + HOUR))
    return {"fr"}


@by_file("revocation-broken", "pl")
def revocation_forged(_, b):
    note = next(n for n in b["pl"].notes if n[0] == ref.REVOCATION)
    note[1] = note[1].replace(b"time: 20", b"time: 21")
