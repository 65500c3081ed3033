/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Between two histories of one origin: what was here was of the one, or may have been, and who
 * gives of the other is not to blame for it.
 */
#include "unit/gossip/forks.h"

/* Part of a run of one history came, under a checkpoint beyond; what another neighbour gave of the
 * other followed, and then a restart: the newest checkpoint is not what the entries stand under. */
static void a_run_after_a_restart_blames_nobody(void **state)
{
	static const struct checkpoint none;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		const struct identity *keys = &cast_actor(ORIGIN)->identity;
		uint32_t complete = i % 3 * 3;
		struct sim_log *log, *fork, *held;
		struct sim_store other = {0};
		struct checkpoint seen;
		struct env_rng rng;
		struct probe p;

		probe_greeted(&p);
		probe_hear_cards(&p, 1, &cast_actor(ORIGIN)->chain);
		fourth_comes(&p);
		rng = sim_random_env(&p.random);
		log = probe_published(&p, ORIGIN, CLEAR, 6, 10);
		fork = forked(&p, &other, log, 2, 7);
		seen = fork->complete;
		if (i >= 3) /* it has gone on */
			sim_log_publish(fork, keys, 3, 10, &rng);
		held = sim_store_need(&p.store, &log->name);
		sim_log_append(held, sim_log_entries(log, 0, 6), 6);
		held->complete = none;
		if (complete)
			sim_log_sign(log, complete, keys, &held->complete);
		assert_int_equal(gossip_feed(p.g, &log->name, 6, 0, &held->complete, &seen, false),
			0);
		probe_hear_head(&p, 2, &fork->complete);
		assert_true(probe_last(&p, WIRE_SUBSCRIBE)->subscribe.from == 6);
		probe_hear_run(&p, 2, fork, 6, fork->size);
		assert_int_equal(p.jobs_len, 1);
		probe_reject(&p, ENT_EPROOF);
		assert_null(p.alarm);
		assert_int_equal(p.closed, 0);
		probe_tick(&p, 3000);
		if (probe_last(&p, WIRE_PROOF_WANT))
			hear_answer(&p, 2, fork);
		assert_int_equal(p.closed, 0);
		if (i == 4) { /* that one is of its history says nothing of ours */
			assert_null(p.alarm);
			probe_tick(&p, 31000);
			hear_answer(&p, 2, fork);
		}
		/* Where the only checkpoint is of the one history the other cannot be shown. */
		if (complete == 0)
			assert_null(p.alarm);
		else
			assert_proven(&p, &log->name);
		sim_store_free(&other);
		probe_free(&p);
	}
}

/* A run of the other history did not fit; then the node joined at a floor of just that one. */
static void what_did_not_fit_before_joining_blames_nobody(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct checkpoint whole;
	struct env_rng rng;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_hear_cards(&p, 1, &cast_actor(ORIGIN)->chain);
	fourth_comes(&p);
	rng = sim_random_env(&p.random);
	log = probe_published(&p, ORIGIN, CLEAR, 1000, 10);
	fork = forked(&p, &other, log, 100, 600);
	whole = fork->complete;
	sim_log_publish(fork, &cast_actor(ORIGIN)->identity, 200, 10, &rng);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 300);
	probe_store(&p);
	gossip_closed(p.g, probe_time(&p), 1, "gone");
	another_comes(&p, 3, FIFTH, TLP_BIT(TLP_CLEAR));
	probe_hear_head(&p, 2, &fork->complete);
	probe_hear_run(&p, 2, fork, 300, 900);
	probe_reject(&p, ENT_EPROOF);
	assert_int_equal(p.closed, 0);
	probe_hear_floor(&p, 3, &whole, 512);
	probe_forget(&p);
	probe_tick(&p, GOSSIP_JOIN_AGAIN_MS + 500);
	assert_non_null(probe_last(&p, WIRE_SUBSCRIBE));
	assert_true(probe_last(&p, WIRE_SUBSCRIBE)->subscribe.from == 512);
	probe_hear_join(&p, 3, fork, &whole, 512, whole.size);
	assert_int_equal(p.jobs_len, 1);
	assert_true(p.jobs[0]->joins);
	gossip_stored(p.g, probe_time(&p), p.jobs[0]);
	probe_actions(&p);
	probe_tick(&p, 3000);
	hear_answer(&p, 2, fork);
	assert_null(p.alarm);
	assert_int_equal(p.closed, 0);
	sim_store_free(&other);
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_after_a_restart_blames_nobody),
		cmocka_unit_test(what_did_not_fit_before_joining_blames_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
