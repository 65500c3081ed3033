/* SPDX-License-Identifier: EUPL-1.2 */
/* Logs of acts of a thief, whose card is beaten by one under the next root. */
#include "unit/gossip/acts.h"

#define STOLEN  900u /* incarnations, the thief's later than that which takes its place */
#define ROTATED 200u

/* A log of acts of the actor's card with that incarnation, under keys of that number. */
static struct sim_log *acts_by(struct probe *p, struct sim_store *store, unsigned actor,
	uint64_t incarnation, uint64_t keys, uint32_t count)
{
	struct sim_random random = {0xc4a49e00u + actor + (keys << 32)};
	struct log_name acts = {cast_actor(actor)->node, CAST_EPOCH + incarnation,
		{AUDIENCE_PROVENANCE, START + incarnation}};
	struct env_rng rng = sim_random_env(&random), own = sim_random_env(&p->random);
	struct sim_log *log = sim_store_need(store, &acts);
	struct identity id;

	assert_int_equal(identity_generate(&id, acts.incarnation, &rng), 0);
	sim_log_publish(log, &id, count, 10, &own);
	identity_free(&id);
	return log;
}

static struct sim_log *acts_of(struct probe *p, unsigned actor, uint64_t incarnation,
	uint32_t count)
{
	return acts_by(p, &p->theirs, actor, incarnation, incarnation, count);
}

/* Its card is beaten by one under the next root: what is remembered of it is the owner's no more,
 * over a restart neither. */
static void what_a_thief_has_shown_stands_against_nobody(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		struct card_chain stolen, rotated;
		struct sim_log *thiefs, *log;
		struct probe p;

		acquainted(&p);
		stolen = cast_changed_card(PEER, false, STOLEN, &p.arena);
		rotated = cast_changed_card(PEER, true, ROTATED, &p.arena);
		thiefs = acts_of(&p, PEER, STOLEN, 5);
		log = acts_of(&p, PEER, ROTATED, 3);
		assert_int_equal(gossip_origin(p.g, how < 2 ? &stolen : &rotated, NULL), 0);
		if (how == 3)
			assert_int_equal(gossip_witness(p.g, &log->complete, false), 0);
		assert_int_equal(gossip_witness(p.g, &thiefs->complete, false), 0);
		if (how > 0)
			assert_int_equal(gossip_origin(p.g, &rotated, NULL), 0);
		if (how == 2)
			assert_int_equal(gossip_witness(p.g, &log->complete, false), 0);
		greets(&p, 1, &log->complete);
		if (how == 0) {
			assert_int_equal(p.kept_len, 0);
			probe_hear_cards(&p, 1, &rotated);
		}
		assert_int_equal(p.kept_len, how < 2);
		remember(&p, true);
		assert_int_equal(probe_count(&p, WIRE_WITNESS), 1);
		assert_true(log_name_eq(&probe_last(&p, WIRE_WITNESS)->witness.log, &log->name));
		assert_null(p.alarm);
		probe_free(&p);
	}
}

/* Nor does it where both have named the log alike. */
static void what_a_thief_has_shown_under_the_owners_name_neither(void **state)
{
	(void)state;
	for (unsigned rewritten = 0; rewritten < 2; rewritten++) {
		struct sim_store other = {0};
		struct card_chain stolen, rotated;
		struct sim_log *thiefs, *log;
		struct probe p;

		acquainted(&p);
		stolen = cast_rival_card(PEER, false, ROTATED, 1, &p.arena);
		rotated = cast_rival_card(PEER, true, ROTATED, 2, &p.arena);
		thiefs = acts_by(&p, &p.theirs, PEER, ROTATED, 1, 5);
		log = acts_by(&p, &other, PEER, ROTATED, 2, 3);
		assert_int_equal(gossip_origin(p.g, &stolen, NULL), 0);
		assert_int_equal(gossip_witness(p.g, &thiefs->complete, rewritten), 0);
		assert_int_equal(gossip_origin(p.g, &rotated, NULL), 0);
		greets(&p, 1, &log->complete);
		assert_int_equal(p.kept_len, 1);
		remember(&p, true);
		assert_int_equal(probe_count(&p, WIRE_WITNESS), 1);
		assert_int_equal(probe_last(&p, WIRE_WITNESS)->witness.size, 3);
		assert_null(p.alarm);
		sim_store_free(&other);
		probe_free(&p);
	}
}

/* PEER remembers what a thief did under our name, or an older copy of our card is restored here: it
 * may say so in every session. */
static void who_remembers_a_log_that_no_card_names_is_not_blamed(void **state)
{
	struct card_chain rotated;
	struct wire_message m;
	struct sim_log *thiefs;
	struct probe p;

	(void)state;
	acquainted(&p);
	rotated = cast_changed_card(SELF, true, ROTATED, &p.arena);
	assert_int_equal(gossip_origin(p.g, &rotated, NULL), 0);
	thiefs = acts_of(&p, SELF, STOLEN, 5);
	gossip_provenance(p.g, &acts_of(&p, SELF, ROTATED, 3)->complete);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	probe_forget(&p);
	m = witness_by(PEER, &thiefs->complete);
	probe_hear(&p, 1, &m);
	assert_silence(&p);
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_thief_has_shown_stands_against_nobody),
		cmocka_unit_test(what_a_thief_has_shown_under_the_owners_name_neither),
		cmocka_unit_test(who_remembers_a_log_that_no_card_names_is_not_blamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
