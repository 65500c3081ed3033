/* SPDX-License-Identifier: EUPL-1.2 */
/* What is published arrives everywhere, soon, and once. */
#include "unit/gossip/shapes.h"

#define SEEDS 10u

static void crosses_a_chain_of_five_at_push_speed(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world *w = world_chain(seed, 5);
		struct log_name feed = world_feed(w, 0, CLEAR);
		uint64_t ms;

		/* The first record waits until the origin is introduced from hop to hop. */
		world_run(w, 2000);
		world_publish(w, 0, CLEAR, 1, 200);
		assert_int_not_equal(world_run_until_held(w, &feed, 1, everybody(w), 3000),
			UINT64_MAX);
		world_publish(w, 0, CLEAR, 1, 200);
		ms = world_run_until_held(w, &feed, 2, everybody(w), 3000);
		assert_world(w);
		/* Four hops of at most 21 ms on the line and 25 at the disk. */
		if (ms > 4 * 50)
			fail_msg("seed %u: took %u ms", (unsigned)seed, (unsigned)ms);
		world_free(w);
	}
}

static void history_arrives_at_a_newcomer(void **state)
{
	struct world *w = world_chain(1, 3);
	struct log_name feed = world_feed(w, 0, GREEN);

	(void)state;
	world_cut(w, 1, 2, true);
	for (int i = 0; i < 20; i++) {
		world_publish(w, 0, GREEN, 500, 400);
		world_run(w, 100);
	}
	world_cut(w, 1, 2, false);
	assert_int_not_equal(world_run_until_held(w, &feed, 10000, everybody(w), 20000),
		UINT64_MAX);
	assert_world(w);
	world_free(w);
}

static void resumes_where_an_outage_broke_it_off(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world *w = world_chain(seed, 2);
		struct log_name feed = world_feed(w, 0, CLEAR);

		world_publish(w, 0, CLEAR, 400, 10000);
		for (int i = 0; i < 5; i++) {
			world_run(w, 300);
			world_break(w, 0, 1);
		}
		assert_int_not_equal(world_run_until_held(w, &feed, 400, everybody(w), 20000),
			UINT64_MAX);
		assert_world(w);
		assert_int_equal(w->nodes[1].refused, 0);
		/* What a break loses is at most what was on its way: a credit window each time. */
		assert_true(world_redundancy(w) < 1.05);
		world_free(w);
	}
}

/* Every node publishes, in no order; all of it is to arrive, and only once (I6). */
static void published_by_all(struct world *w, const char *shape)
{
	for (int round = 0; round < 60; round++) {
		unsigned from = sim_random_below(&w->random, w->nodes_len);

		world_publish(w, from, sim_random_chance(&w->random, 50) ? CLEAR : GREEN,
			1 + sim_random_below(&w->random, 20), 300);
		world_run(w, sim_random_below(&w->random, 800));
	}
	world_run(w, 5000);
	watch_settled(w);
	assert_world(w);
	if (world_redundancy(w) > 1.05)
		fail_msg("%s: redundancy %.3f, seed %u", shape, world_redundancy(w),
			(unsigned)w->seed);
	for (unsigned i = 0; i < w->nodes_len; i++) {
		assert_int_equal(w->nodes[i].alarms_len, 0);
		assert_int_equal(w->nodes[i].refused, 0);
	}
	world_free(w);
}

static void every_byte_arrives_once_in_a_ring(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		published_by_all(world_ring(seed, 6), "ring");
}

static void every_byte_arrives_once_in_a_mesh(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		published_by_all(world_mesh(seed, 6), "mesh");
}

static void every_byte_arrives_once_at_a_hub(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		published_by_all(world_hub(seed, 8), "hub");
}

static void what_nobody_gives_goes_nowhere(void **state)
{
	struct world *w = world_new(1);
	struct cast_terms terms = terms_open(0, 1);
	struct audience audiences[] = {
		CLEAR,
		audience_agreement(terms.id),
		GREEN,
		audience_agreement(terms.id + 1),
		audience_of(AUDIENCE_LOCAL),
	};

	(void)state;
	world_nodes(w, 2);
	terms.gives[0] = TLP_BIT(TLP_CLEAR);
	world_agree(w, &terms);
	for (size_t i = 0; i < COUNT_OF(audiences); i++)
		world_publish(w, 0, audiences[i], 1, 10);
	world_run(w, 5000);
	assert_world(w);
	for (size_t i = 0; i < COUNT_OF(audiences); i++) {
		struct log_name feed = world_feed(w, 0, audiences[i]);

		assert_int_equal(world_held(w, 0, &feed), 1);
		assert_int_equal(world_held(w, 1, &feed), i < 2);
	}
	world_free(w);
}

static void one_seed_gives_one_trace(void **state)
{
	uint64_t traces[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct world *w = world_mesh(i / 2 + 1, 4);

		world_publish(w, 0, CLEAR, 3, 100);
		world_run(w, 3000);
		world_break(w, 0, 1);
		world_publish(w, 1, GREEN, 3, 100);
		world_run(w, 3000);
		traces[i] = world_trace(w);
		world_free(w);
	}
	assert_true(traces[0] == traces[1]);
	assert_true(traces[0] != traces[2]);
}

/* A line that hears again gives what it has held up before what is still on its way: also the
 * greeting, without which all that follows would be misbehaviour. */
static void what_was_held_up_comes_first(void **state)
{
	struct world *w = world_chain(1, 2);

	(void)state;
	w->nodes[0].slowness = 20000;
	while (!world_session_of(w, 0, 1) || !world_session_of(w, 1, 0))
		world_run(w, 1);
	world_deafen(w, 0, 1, true);
	world_run(w, 2000);
	world_deafen(w, 0, 1, false);
	world_run(w, 60000);
	assert_world(w);
	assert_int_equal(w->nodes[1].punished, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crosses_a_chain_of_five_at_push_speed),
		cmocka_unit_test(history_arrives_at_a_newcomer),
		cmocka_unit_test(resumes_where_an_outage_broke_it_off),
		cmocka_unit_test(every_byte_arrives_once_in_a_ring),
		cmocka_unit_test(every_byte_arrives_once_in_a_mesh),
		cmocka_unit_test(every_byte_arrives_once_at_a_hub),
		cmocka_unit_test(what_nobody_gives_goes_nowhere),
		cmocka_unit_test(one_seed_gives_one_trace),
		cmocka_unit_test(what_was_held_up_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
