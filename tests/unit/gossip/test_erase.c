/* SPDX-License-Identifier: EUPL-1.2 */
/* Erasures in a world: they get everywhere, and nobody who has one serves what it covers (I9). */
#include "unit/gossip/shapes.h"

#define SAID   60u
#define ERASED 7u /* every so many */

static void erase_some(struct world *w)
{
	for (uint64_t i = 0; i < SAID; i += ERASED)
		world_erase(w, 0, CLEAR, i);
}

static void assert_erased(struct world *w)
{
	struct log_name feed = world_feed(w, 0, CLEAR);

	for (unsigned i = 0; i < w->nodes_len; i++)
		for (uint64_t k = 0; k < SAID; k++)
			if (watch_has_body(&w->nodes[i], &feed, k) != (k % ERASED != 0))
				fail_msg("seed %llu: entry %llu at n%u",
					(unsigned long long)w->seed, (unsigned long long)k, i);
}

static void erasures_reach_all_and_nobody_serves_the_body_again(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = seed % 2 ? world_chain(seed, 4) : world_ring(seed, 5);
		struct log_name feed = world_feed(w, 0, CLEAR);
		uint64_t took;

		world_publish(w, 0, CLEAR, SAID, 200);
		/* Some have all of it by then, and some have not. */
		world_run(w, 500 + seed * 37 % 900);
		world_break(w, 1, 2);
		erase_some(w);
		took = world_run_until_held(w, &feed, SAID + (SAID + ERASED - 1) / ERASED,
			cast_bit(w->nodes_len) - 1, 30000);
		assert_world(w);
		assert_true(took != UINT64_MAX);
		world_run(w, 2000);
		assert_world(w);
		assert_erased(w);
		world_free(w);
	}
}

static void who_dies_over_it_does_it_when_it_is_back(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_chain(seed, 3);

		world_publish(w, 0, CLEAR, SAID, 200);
		world_run(w, 3000);
		erase_some(w);
		world_kill_at(w, 1, (enum ledger_step)(seed % LEDGER_STEPS), 700);
		world_run(w, 30 + seed * 13 % 300);
		world_kill(w, 2, 900);
		world_run(w, 30000);
		assert_world(w);
		assert_erased(w);
		world_free(w);
	}
}

/* Who comes to know the feed later is given what is left, and finds nothing wrong with it. */
static void a_newcomer_gets_what_is_left(void **state)
{
	struct world *w = world_chain(9, 3);
	struct log_name feed = world_feed(w, 0, CLEAR);
	uint64_t took;

	(void)state;
	world_cut(w, 1, 2, true);
	world_publish(w, 0, CLEAR, SAID, 200);
	world_run(w, 3000);
	erase_some(w);
	world_run(w, 3000);
	world_cut(w, 1, 2, false);
	took = world_run_until_held(w, &feed, SAID + (SAID + ERASED - 1) / ERASED, 7, 30000);
	assert_world(w);
	assert_true(took != UINT64_MAX);
	world_run(w, 1000);
	assert_world(w);
	assert_erased(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(erasures_reach_all_and_nobody_serves_the_body_again),
		cmocka_unit_test(who_dies_over_it_does_it_when_it_is_back),
		cmocka_unit_test(a_newcomer_gets_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
