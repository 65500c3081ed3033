# SPDX-License-Identifier: EUPL-1.2
"""What test_tamper.py does to honest bundles: each manipulation a small function, with the rule that
must be found and of whom. Here by anybody who has the file."""
import struct

import bundle_ref as ref
from tampering import (HOUR, by_file, change_act, first_in, forget_first, node_line, notes_with,
                       notes_without, own_greens)


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
    e = first_in(b["fr"].log("green"), ref.PRESENT)
    e.body = e.body.replace(b"a0.bad", b"a9.bad")


@by_file("entry-mismatch", "fr")
def opened_salt_altered(_, b):
    e = first_in(b["fr"].log("green"), ref.PRESENT)
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
        notes_without(bundle, ref.CARDS, node_line(c, "ua"))
    return {None, "pl"}  # the root that is not there; pl shows receipts of ua


@by_file("agreement-broken", "de")
def agreement_widened(_, b):
    for note in notes_with(b["de"], ref.AGREEMENT, b"gives de: clear green\n"):
        note[1] = note[1].replace(b"gives de: clear green\n", b"gives de: clear green amber\n")


@by_file("agreement-broken", "be")
def agreement_signature_left_out(_, b):
    for bundle in b.values():
        for note in notes_with(bundle, ref.AGREEMENT, b"party: be"):
            if b"party: de" in note[1]:
                note[1] = note[1][:note[1].rindex("— ".encode())]
    return {"fr", "de"}


@by_file("agreement-missing", "pl")
def agreement_left_out(c, b):
    for name in ("pl", "ua"):
        notes_without(b[name], ref.AGREEMENT, f"id: {c.plua}\n".encode())
    return {"ua"}


@by_file("history-hidden", "fr")
def log_of_acts_left_out(_, b):
    b["fr"].logs.remove(b["fr"].acts())


@by_file("history-hidden", "pl")
def former_log_of_acts_left_out(_, b):
    b["pl"].logs.remove(b["pl"].acts_logs()[0])


@by_file("erasure-faked", "fr")
def erased_body_is_there(_, b):
    first_in(b["fr"].log("green"), ref.ERASED).state = ref.KEPT


@by_file("erasure-faked", "pl")
def erased_body_is_there_at_a_peer(c, b):
    first_in(b["pl"].log("green", c.honest["fr"].node), ref.ERASED).state = ref.KEPT


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
    own_greens(b["be"])[-1].entries[0].change(16, b"\1")


@by_file("entry-mismatch", "fr")
def erased_body_invented(_, b):
    e = first_in(b["fr"].log("green"), ref.ERASED)
    e.state, e.salt, e.body = ref.PRESENT, bytes(16), bytes(int.from_bytes(e.header[6:8], "big"))
    return {"fr"}


@by_file("root-mismatch", "fr")
def erasure_turned_into_a_sighting(_, b):
    next(e for e in b["fr"].log("green").entries if e.kind == 5).change(1, b"\2")


@by_file("card-chain-broken", "be")
def card_before_the_rotation_altered(c, b):
    for bundle in b.values():
        for note in notes_with(bundle, ref.CARDS, node_line(c, "be")):
            note[1] = note[1].replace(b"serial: 1\n", b"serial: 7\n", 1)
    return {None, "fr", "de", "pl", "ua"}  # whoever shows it


@by_file("unaccounted", "de")
def entries_forgotten_that_no_act_tells_of(c, b):
    forget_first(b["de"].log("green", c.honest["fr"].node), 4)


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


@by_file("revocation-broken", "pl")
def revocation_forged(_, b):
    note = next(n for n in b["pl"].notes if n[0] == ref.REVOCATION)
    note[1] = note[1].replace(b"time: 20", b"time: 21")


# --- rosters, and the time after an end ------------------------------------------------------------


@by_file("roster-broken", "be")
def roster_altered(_, b):
    for note in notes_with(b["be"], ref.ROSTER, b"member: pl "):
        note[1] = note[1].replace(b"member: pl ", b"member: ua ")


@by_file("roster-broken", "be")
def roster_with_fewer_signatures(_, b):
    for note in notes_with(b["be"], ref.ROSTER, b""):
        note[1] = note[1][:note[1].rindex("— ".encode())]


@by_file("roster-missing", "be")
def roster_left_out(_, b):
    notes_without(b["be"], ref.ROSTER, b"")


@by_file("kept-after-end", "ua")
def bodies_kept_beyond_the_end(_, b):
    """Its last agreement has ended; it says erase 30d, and no act tells of that."""
    b["ua"].set_made(b["ua"].made + 40 * 24 * HOUR)
