/* SPDX-License-Identifier: EUPL-1.2 */
/* What a mute node has been shown counts: however it came, and over a restart. */
#include "unit/gossip/life.h"

#include "merkle/split.h"

/* What it was shown before the last stop the guard has too: others need not be heard for it. */
static void behind_its_guard_it_stays_so_over_a_restart(void **state)
{
	struct checkpoint c, shown;
	struct life l;

	(void)state;
	for (uint64_t upto = 7; upto <= SIGNED; upto++) {
		life_init(&l, HELD_FIRST, HELD_FIRST);
		sign_at(&l.all, HELD_FIRST, &c);
		sign_at(&l.all, SIGNED, &shown);
		assert_int_equal(gossip_feed(l.p.g, &c.log, HELD_FIRST, 0, &c, &shown, false), 0);
		start_with_guard(&l, upto);
		assert_int_equal(state_of(&l), upto < SIGNED ? RECOVERY_HEARS : RECOVERY_PULLS);
		meet(&l, 1, PEER, SIGNED);
		give(&l, 1, HELD_FIRST, SIGNED);
		probe_tick(&l.p, 2000);
		assert_int_equal(l.p.recovered, upto == SIGNED);
		life_free(&l);
	}
}

/* Nobody who is left shows it again. */
static void what_was_shown_before_the_last_stop_may_be_another_history(void **state)
{
	(void)state;
	for (unsigned guarded = 0; guarded <= 1; guarded++) {
		struct checkpoint c, shown;
		struct life l;

		life_init(&l, HELD_FIRST, HELD_FIRST);
		sign_at(&l.all, HELD_FIRST, &c);
		sign_at(&l.all, 7, &shown);
		shown.root.bytes[0] ^= 1;
		checkpoint_sign(&shown, cast_actor(SELF)->identity.log_secret);
		assert_int_equal(gossip_feed(l.p.g, &c.log, HELD_FIRST, 0, &c, &shown, false), 0);
		if (guarded)
			start_with_guard(&l, SIGNED);
		else
			start_without_guard(&l);
		meet(&l, 1, PEER, SIGNED);
		give(&l, 1, HELD_FIRST, SIGNED);
		assert_string_equal(l.p.mute, "split");
		assert_int_equal(l.p.splits, 1);
		life_free(&l);
	}
}

/* PEER has said another root of what is here, and answers with the other of two histories. */
static void the_proof_of_two_histories_may_come_as_an_answer(void **state)
{
	struct log_name name = probe_name(SELF, CLEAR);
	struct wire_message m = {.type = WIRE_PROOF};
	const struct wire_message *want;
	struct checkpoint c;
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_with_guard(&l, HELD_FIRST);
	meet(&l, 1, PEER, SIGNED);
	assert_string_equal(l.p.mute, "own-ahead");
	probe_hear_held(&l.p, 1, &name, 3);
	want = probe_last(&l.p, WIRE_PROOF_WANT);
	assert_non_null(want);
	sign_at(&l.all, SIGNED, &c);
	c.root.bytes[0] ^= 1;
	checkpoint_sign(&c, cast_actor(SELF)->identity.log_secret);
	m.proof.feed = name;
	m.proof.first = want->proof_want.first;
	m.proof.second = SIGNED;
	checkpoint_to_wire(&m.proof.checkpoint, &c);
	probe_hear(&l.p, 1, &m);
	assert_string_equal(l.p.mute, "split");
	assert_int_equal(l.p.splits, 1);
	assert_int_equal(l.p.closed, 0);
	life_free(&l);
}

/* PEER, who has the new agreement in force, does not know yet that it is so here too. */
static void heads_that_were_on_their_way_are_not_all_of_new_terms(void **state)
{
	struct cast_terms more = probe_terms(PEER);
	struct wire_agreement named[3];
	struct wire_message m = {.type = WIRE_TERMS, .terms = {named, 3}};
	struct checkpoint c;
	struct life l;

	(void)state;
	more.id = 0x555;
	life_init(&l, SIGNED, SIGNED);
	start_without_guard(&l);
	meet(&l, 1, PEER, SIGNED);
	meet(&l, 2, THIRD, SIGNED);
	for (size_t i = 0; i < 2; i++)
		named[i] = (struct wire_agreement){.id = l.p.agreements[i]->id, .serial = 1};
	named[2] = (struct wire_agreement){.id = more.id, .serial = 1};
	probe_hear(&l.p, 1, &m);
	probe_agree(&l.p, &more);
	assert_non_null(probe_last(&l.p, WIRE_TERMS));
	sign_at(&l.all, SIGNED, &c);
	probe_hear_head(&l.p, 1, &c);
	probe_tick(&l.p, 10000);
	assert_int_equal(l.p.recovered, 0);
	probe_hear_cards(&l.p, 1, &cast_actor(PEER)->chain);
	probe_hear_head(&l.p, 1, &c);
	probe_tick(&l.p, 2000);
	assert_int_equal(l.p.recovered, 1);
	life_free(&l);
}

static void the_second_answer_counts(struct life *l)
{
	struct checkpoint c;

	sign_at(&l->all, SIGNED, &c);
	for (int answer = 0; answer < 2; answer++) {
		probe_hear_cards(&l->p, 1, &cast_actor(PEER)->chain);
		probe_hear_head(&l->p, 1, &c);
		probe_tick(&l->p, answer == 0 ? 10000 : 2000);
		assert_int_equal(l->p.recovered, answer);
	}
}

/* The same where it came into force between our HELLO and theirs: that is answered first. */
static void nor_are_those_that_answer_a_hello_of_former_terms(void **state)
{
	struct cast_terms more = probe_terms(PEER);
	struct life l;

	(void)state;
	more.id = 0x555;
	life_init(&l, SIGNED, SIGNED);
	start_without_guard(&l);
	meet(&l, 2, THIRD, SIGNED);
	probe_open(&l.p, 1, PEER);
	probe_agree(&l.p, &more);
	assert_non_null(probe_last(&l.p, WIRE_TERMS));
	probe_hear_hello(&l.p, 1, SESSION_CREDIT_BYTES);
	the_second_answer_counts(&l);
	life_free(&l);
}

/* The first of two runs, under a smaller checkpoint than the second, finds no room on the disk. */
static void behind_one_that_failed(struct life *l)
{
	struct sim_log upto = l->all;

	sign_at(&l->all, 8, &upto.complete);
	probe_hear_run(&l->p, 1, &upto, 7, 8);
	sign_at(&l->all, SIGNED, &upto.complete);
	probe_hear_run(&l->p, 1, &upto, 8, SIGNED);
	probe_reject(&l->p, ENT_EIO);
	probe_reject(&l->p, ENT_ESTATE);
}

/* PEER has got more itself, and its run tells of that, to whom has subscribed, alone: what it shows
 * counts, though the run cannot be taken, or not be stored. */
static void a_run_that_is_not_kept_shows_what_was_signed(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		struct sim_log upto;
		struct life l;

		life_init(&l, HELD_FIRST, HELD_FIRST);
		start_without_guard(&l);
		meet(&l, 2, THIRD, 0);
		meet(&l, 1, PEER, 7);
		give(&l, 1, HELD_FIRST, 7);
		upto = l.all;
		sign_at(&l.all, SIGNED, &upto.complete);
		if (how == 0)
			gossip_refuse(l.p.g, probe_time(&l.p), true);
		if (how < 2)
			probe_hear_run(&l.p, 1, &upto, 7, SIGNED);
		gossip_refuse(l.p.g, probe_time(&l.p), false);
		probe_actions(&l.p);
		if (how == 1)
			probe_reject(&l.p, ENT_EIO);
		if (how == 2)
			behind_one_that_failed(&l);
		probe_tick(&l.p, 1750);
		assert_int_equal(l.p.recovered, 0);
		probe_tick(&l.p, 5000);
		give(&l, 1, 7, SIGNED);
		probe_tick(&l.p, 2000);
		assert_int_equal(l.p.recovered, 1);
		assert_int_equal(l.p.closed, 0);
		assert_null(l.p.alarm);
		life_free(&l);
	}
}

/* Nobody tells of a feed under an agreement that is over: what was not signed here may have been
 * in the life that is lost. */
static void what_nobody_can_tell_of_is_not_signed_on(void **state)
{
	(void)state;
	for (unsigned in_force = 0; in_force < 2; in_force++) {
		const struct cast_terms peer = probe_terms(PEER);
		struct life l;

		life_init_of(&l, audience_agreement(in_force ? peer.id : 0x999), SIGNED,
			HELD_FIRST);
		start_without_guard(&l);
		meet(&l, 1, PEER, 0);
		meet(&l, 2, THIRD, 0);
		probe_tick(&l.p, 1000);
		probe_tick(&l.p, 1000);
		assert_int_equal(l.p.cuts, !in_force);
		assert_int_equal(l.p.recovered, in_force);
		if (!in_force) {
			gossip_cut(l.p.g, probe_time(&l.p), &l.own->name, SIGNED, false);
			probe_tick(&l.p, 250);
			assert_int_equal(l.p.recovered, 0);
			probe_tick(&l.p, 3000);
			assert_int_equal(l.p.cuts, 2);
			gossip_cut(l.p.g, probe_time(&l.p), &l.own->name, HELD_FIRST, true);
			probe_tick(&l.p, 250);
			assert_int_equal(l.p.recovered, 1);
		}
		life_free(&l);
	}
}

/* Nor under one that is revoked, while its file still counts here: the keys directory may not be
 * readable for long. */
static void nor_what_stands_under_a_revoked_agreement(void **state)
{
	const struct cast_terms peer = probe_terms(PEER);
	struct cast_terms more = peer;
	struct life l;

	(void)state;
	more.id = 0x555;
	life_init_of(&l, audience_agreement(peer.id), SIGNED, HELD_FIRST);
	probe_agree(&l.p, &more);
	start_without_guard(&l);
	gossip_revocation(l.p.g, probe_time(&l.p), peer.id, bytes_str("note"));
	meet(&l, 2, THIRD, 0);
	meet(&l, 1, PEER, 0);
	probe_tick(&l.p, 2000);
	probe_tick(&l.p, 2000);
	assert_int_equal(l.p.recovered, 0);
	assert_int_equal(l.p.cuts, 1);
	gossip_cut(l.p.g, probe_time(&l.p), &l.own->name, HELD_FIRST, true);
	probe_tick(&l.p, 250);
	assert_int_equal(l.p.recovered, 1);
	life_free(&l);
}

/* Whoever has shown it may be gone before the store refuses it: the next life is to know of it too,
 * and the guard is not all that was signed. */
static void a_run_that_is_not_kept_shows_it_though_its_giver_is_gone(void **state)
{
	struct sim_log upto;
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_with_guard(&l, 7);
	meet(&l, 1, PEER, 7);
	assert_int_equal(state_of(&l), RECOVERY_PULLS);
	upto = l.all;
	sign_at(&l.all, SIGNED, &upto.complete);
	probe_hear_run(&l.p, 1, &upto, HELD_FIRST, SIGNED);
	assert_int_equal(l.p.jobs_len, 1);
	gossip_closed(l.p.g, probe_time(&l.p), 1, "over");
	l.p.ahead = 0;
	probe_reject(&l.p, ENT_EIO);
	assert_int_equal(l.p.ahead, 1);
	assert_int_equal(state_of(&l), RECOVERY_HEARS);
	assert_null(l.p.alarm);
	life_free(&l);
}

/* Another agreement comes into force while TERMS are on their way: what answers those is not all of
 * what is shared now. */
static void nor_are_those_that_answer_terms_before_the_last(void **state)
{
	struct cast_terms more = probe_terms(PEER);
	struct wire_agreement named[4];
	struct wire_message m = {.type = WIRE_TERMS, .terms = {named, 4}};
	struct life l;

	(void)state;
	life_init(&l, SIGNED, SIGNED);
	start_without_guard(&l);
	meet(&l, 1, PEER, SIGNED);
	meet(&l, 2, THIRD, SIGNED);
	for (size_t i = 0; i < 2; i++)
		named[i] = (struct wire_agreement){.id = l.p.agreements[i]->id, .serial = 1};
	named[2] = (struct wire_agreement){.id = 0x555, .serial = 1};
	named[3] = (struct wire_agreement){.id = 0x556, .serial = 1};
	probe_hear(&l.p, 1, &m);
	probe_forget(&l.p);
	more.id = 0x555;
	probe_agree(&l.p, &more);
	more.id = 0x556;
	probe_agree(&l.p, &more);
	assert_int_equal(probe_count(&l.p, WIRE_TERMS), 2);
	the_second_answer_counts(&l);
	life_free(&l);
}

/* The same where it comes into force behind their HELLO, and ahead of their answer to ours. */
static void nor_are_those_that_answer_a_hello_behind_theirs(void **state)
{
	struct cast_terms more = probe_terms(PEER);
	struct wire_agreement named[3];
	struct wire_message m = {.type = WIRE_HELLO,
		.hello = {.version = WIRE_VERSION,
			.agreements = named,
			.agreements_len = 3,
			.credit = SESSION_CREDIT_BYTES,
			.software = bytes_str("probe")}};
	struct life l;

	(void)state;
	more.id = 0x555;
	life_init(&l, SIGNED, SIGNED);
	start_without_guard(&l);
	meet(&l, 2, THIRD, SIGNED);
	for (size_t i = 0; i < 2; i++)
		named[i] = (struct wire_agreement){.id = l.p.agreements[i]->id, .serial = 1};
	named[2] = (struct wire_agreement){.id = more.id, .serial = 1};
	probe_open(&l.p, 1, PEER);
	probe_hear(&l.p, 1, &m);
	probe_agree(&l.p, &more);
	assert_non_null(probe_last(&l.p, WIRE_TERMS));
	the_second_answer_counts(&l);
	life_free(&l);
}

/* A later version may begin behind the recovery: a former one was in force before. */
static void an_agreement_that_is_extended_is_of_a_former_life(void **state)
{
	struct cast_terms more = probe_terms(PEER);
	struct life l;

	(void)state;
	for (uint32_t serial = 1; serial <= 2; serial++) {
		life_init(&l, SIGNED, SIGNED);
		start_without_guard(&l);
		meet(&l, 1, PEER, SIGNED);
		meet(&l, 2, THIRD, SIGNED);
		probe_tick(&l.p, 2000);
		assert_int_equal(l.p.recovered, 1);
		probe_tick(&l.p, 5000);
		probe_forget(&l.p);
		more.id = 0x555;
		more.serial = serial;
		more.from = probe_time(&l.p).wall_ms / 1000 - 1;
		more.until = more.from + 100000;
		probe_agree(&l.p, &more);
		if (serial == 1)
			assert_null(l.p.mute);
		else
			assert_non_null(l.p.mute);
		if (serial == 2)
			assert_string_equal(l.p.mute, "old-agreement");
		life_free(&l);
	}
}

/* What the last life knew of a recovery counts in this one too; and of all whose agreement is in
 * force, or was when it ended, only the parties of one that it did not know are waited for. */
static void a_stop_forgets_no_former_life(void **state)
{
	struct gossip_recovered r;
	struct node_id waits;
	uint64_t known[2];
	struct life l;
	size_t at = 0;

	(void)state;
	life_init(&l, SIGNED, SIGNED);
	start_without_guard(&l);
	meet(&l, 1, PEER, SIGNED);
	meet(&l, 2, THIRD, SIGNED);
	gossip_recovered(l.p.g, &r);
	assert_int_equal(r.since_s, 0);
	probe_tick(&l.p, 2000);
	assert_int_equal(l.p.recovered, 1);
	gossip_recovered(l.p.g, &r);
	assert_true(r.since_s > 0 && r.since_s <= probe_time(&l.p).wall_ms / 1000);
	assert_int_equal(r.agreements_len, 2);
	memcpy(known, r.agreements, sizeof(known));
	r.agreements = known;
	life_free(&l);
	for (; r.agreements_len > 0; r.agreements_len--) {
		life_init(&l, SIGNED, SIGNED);
		gossip_recovered_before(l.p.g, &r);
		start_with_guard(&l, SIGNED);
		gossip_recover_former(l.p.g, &cast_actor(3)->node);
		gossip_agreements(l.p.g, probe_time(&l.p), l.p.agreements, l.p.agreements_len);
		probe_actions(&l.p);
		if (r.agreements_len == 2) {
			assert_null(l.p.mute);
			life_free(&l);
			continue;
		}
		assert_non_null(l.p.mute);
		assert_string_equal(l.p.mute, "old-agreement");
		assert_true(gossip_recovery_peer(l.p.g, &at, &waits));
		assert_true(node_id_eq(&waits, &cast_actor(THIRD)->node));
		assert_false(gossip_recovery_peer(l.p.g, &at, &waits));
		meet(&l, 1, THIRD, SIGNED);
		probe_tick(&l.p, 2000);
		assert_int_equal(l.p.recovered, 1);
		life_free(&l);
	}
}

/* What the store has of it: two checkpoints of one size, of the log as it lies here. */
static void proof_write(struct life *l, struct buf *out)
{
	struct wire_message m = {.type = WIRE_SPLIT};
	struct split split = {0};

	sign_at(&l->all, SIGNED, &split.first);
	split.second = split.first;
	split.second.root.bytes[0] ^= 1;
	checkpoint_sign(&split.second, cast_actor(SELF)->identity.log_secret);
	split_to_wire(&m.split, &split);
	assert_int_equal(wire_encode(out, &m), 0);
}

/* All that was signed is here, and that it was two histories as well: then nothing that a peer can
 * say lets it go on, be it a copy without a guard or one with a newer one. */
static void what_was_proven_before_the_last_stop_ends_by_nobodys_word(void **state)
{
	static const uint64_t guards[] = {0, SIGNED, SIGNED + 1};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct buf proof = buf_with_max(WIRE_MESSAGE_MAX);
		struct gossip_recovery_view v;
		struct life l;

		life_init(&l, SIGNED, SIGNED);
		proof_write(&l, &proof);
		assert_int_equal(gossip_split(l.p.g,
					 bytes_skip(buf_view(&proof), WIRE_PREFIX_BYTES)),
			0);
		if (guards[i] > SIGNED) {
			struct gossip_guard guard = {&l.line, 1};

			l.line.size = guards[i];
			assert_int_equal(gossip_recover_start(l.p.g, probe_time(&l.p), &guard), 0);
			probe_actions(&l.p);
		} else if (guards[i]) {
			start_with_guard(&l, guards[i]);
		} else {
			start_without_guard(&l);
		}
		meet(&l, 1, PEER, SIGNED);
		meet(&l, 2, THIRD, SIGNED);
		probe_tick(&l.p, 10000);
		assert_int_equal(l.p.recovered, 0);
		gossip_recovery_view(l.p.g, &v);
		assert_int_equal(v.state, RECOVERY_STOPPED);
		assert_string_equal(v.rule, "split");
		assert_string_equal(l.p.mute, "split");
		buf_free(&proof);
		life_free(&l);
	}
}

/* A copy of a machine that was restored once, with a guard as old: it waits for the parties of one
 * agreement only, until somebody shows what it has signed since. */
static void a_copy_of_a_restored_node_hears_all_once_it_shows(void **state)
{
	struct cast_terms more = probe_terms(3);
	struct checkpoint c = {.size = SIGNED};
	struct node_id waits;
	struct life l;

	(void)state;
	for (unsigned lost = 0; lost < 2; lost++) {
		uint64_t known[2];
		struct gossip_recovered r = {.agreements = known, .agreements_len = 2};
		unsigned waiting = 0;

		life_init(&l, HELD_FIRST, HELD_FIRST);
		for (size_t i = 0; i < 2; i++)
			known[i] = l.p.agreements[i]->id;
		r.since_s = probe_time(&l.p).wall_ms / 1000 - 1;
		gossip_recovered_before(l.p.g, &r);
		start_with_guard(&l, HELD_FIRST);
		gossip_recover_former(l.p.g, &cast_actor(4)->node);
		assert_null(l.p.mute);
		probe_agree(&l.p, &more);
		assert_string_equal(l.p.mute, "old-agreement");
		meet(&l, 3, 3, HELD_FIRST);
		if (!lost) { /* what stands under that agreement is what it waits for */
			c.log = probe_name(SELF, audience_agreement(more.id));
			checkpoint_sign(&c, cast_actor(SELF)->identity.log_secret);
			probe_hear_head(&l.p, 3, &c);
			assert_int_equal(l.p.ahead, 1);
			assert_string_equal(l.p.mute, "old-agreement");
		}
		meet(&l, 1, PEER, lost ? SIGNED : HELD_FIRST);
		if (lost)
			give(&l, 1, HELD_FIRST, SIGNED);
		probe_tick(&l.p, 5000);
		assert_int_equal(l.p.recovered, 0);
		for (size_t at = 0; gossip_recovery_peer(l.p.g, &at, &waits); waiting++)
			assert_true(node_id_eq(&waits, &cast_actor(THIRD)->node) ||
				    node_id_eq(&waits, &cast_actor(4)->node));
		assert_int_equal(waiting, lost ? 2 : 0);
		life_free(&l);
	}
}

/* Its guard has what was signed since, and knows nothing of the life that was lost. */
static void behind_its_guard_a_restored_node_hears_of_an_old_agreement(void **state)
{
	struct node_id waits;
	struct life l;

	(void)state;
	for (unsigned old = 0; old < 3; old++) {
		struct cast_terms more = probe_terms(3);
		uint64_t known[3] = {0, 0, more.id};
		struct gossip_recovered r = {.agreements = known, .agreements_len = 2 + (old == 2)};
		size_t at = 0;

		life_init(&l, HELD_FIRST, HELD_FIRST);
		for (size_t i = 0; i < 2; i++)
			known[i] = l.p.agreements[i]->id;
		r.since_s = probe_time(&l.p).wall_ms / 1000 - 5;
		if (old == 0) {
			more.from = r.since_s + 1;
			more.until = more.from + 100000;
		}
		gossip_recovered_before(l.p.g, &r);
		start_with_guard(&l, SIGNED);
		assert_string_equal(l.p.mute, "behind-guard");
		probe_agree(&l.p, &more);
		meet(&l, 1, PEER, SIGNED);
		give(&l, 1, HELD_FIRST, SIGNED);
		probe_tick(&l.p, 5000);
		assert_int_equal(l.p.recovered, old != 1);
		if (old == 1) {
			assert_string_equal(l.p.mute, "old-agreement");
			assert_true(gossip_recovery_peer(l.p.g, &at, &waits));
			assert_true(node_id_eq(&waits, &cast_actor(3)->node));
			assert_false(gossip_recovery_peer(l.p.g, &at, &waits));
			meet(&l, 3, 3, HELD_FIRST);
			probe_tick(&l.p, 2000);
			assert_int_equal(l.p.recovered, 1);
		}
		life_free(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind_its_guard_it_stays_so_over_a_restart),
		cmocka_unit_test(what_was_shown_before_the_last_stop_may_be_another_history),
		cmocka_unit_test(the_proof_of_two_histories_may_come_as_an_answer),
		cmocka_unit_test(what_was_proven_before_the_last_stop_ends_by_nobodys_word),
		cmocka_unit_test(heads_that_were_on_their_way_are_not_all_of_new_terms),
		cmocka_unit_test(nor_are_those_that_answer_a_hello_of_former_terms),
		cmocka_unit_test(a_run_that_is_not_kept_shows_what_was_signed),
		cmocka_unit_test(what_nobody_can_tell_of_is_not_signed_on),
		cmocka_unit_test(nor_what_stands_under_a_revoked_agreement),
		cmocka_unit_test(a_run_that_is_not_kept_shows_it_though_its_giver_is_gone),
		cmocka_unit_test(nor_are_those_that_answer_terms_before_the_last),
		cmocka_unit_test(nor_are_those_that_answer_a_hello_behind_theirs),
		cmocka_unit_test(an_agreement_that_is_extended_is_of_a_former_life),
		cmocka_unit_test(a_stop_forgets_no_former_life),
		cmocka_unit_test(a_copy_of_a_restored_node_hears_all_once_it_shows),
		cmocka_unit_test(behind_its_guard_a_restored_node_hears_of_an_old_agreement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
