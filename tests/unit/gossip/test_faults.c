/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A ring of five in which the neighbour that everybody would choose stalls or lies. Everything
 * arrives by the other way, and nobody but the liar is ever blamed.
 */
#include "unit/gossip/shapes.h"

#include "sim/liars.h"

#define SEEDS 5u
#define LIAR  1u /* between the origin, 0, and 2 */

/* --- the ring --------------------------------------------------------------------------------- */

static void nobody_else_is_blamed(struct world *w, unsigned blamed)
{
	const struct node_id *liar = &w->nodes[LIAR].actor->node;

	for (unsigned i = 0; i < w->nodes_len; i++) {
		struct world_node *n = &w->nodes[i];

		if (n->punishes & ~blamed)
			world_fail(w, "n%u punishes somebody honest", i);
		for (size_t k = 0; k < n->alarms_len; k++)
			if (!blamed || !node_id_eq(&n->alarms[k].peer, liar))
				world_fail(w, "n%u blames somebody honest: %s", i,
					n->alarms[k].rule);
	}
}

/* Publishes in a ring whose node 2 listens to the liar, and waits until all have it. */
static struct world *ring_play(uint64_t seed, world_hand *hand, size_t body_len)
{
	struct world *w = world_ring(seed, 5);
	struct log_name feed = world_feed(w, 0, CLEAR);
	struct gossip_feed_view v;

	/* Everybody knows everybody, and 2 has the feed from 1. */
	world_cut(w, 2, 3, true);
	world_publish(w, 0, CLEAR, 1, 50);
	world_run(w, 4000);
	world_cut(w, 2, 3, false);
	world_run(w, 2000);
	assert_true(gossip_feed_view(w->nodes[2].gossip, &feed, &v) && v.held == 1);
	assert_true(node_id_eq(&v.upstream, &w->nodes[LIAR].actor->node));
	w->nodes[LIAR].hand = hand;
	for (uint64_t round = 1; round <= 3; round++) {
		world_publish(w, 0, CLEAR, 10, body_len);
		if (world_run_until_held(w, &feed, 1 + 10 * round, everybody(w), 8000) ==
			UINT64_MAX)
			world_fail(w, "round %u has not arrived everywhere", (unsigned)round);
		world_run(w, 3000);
	}
	watch_settled(w);
	assert_world(w);
	return w;
}

static void a_neighbour_that_stalls_is_gone_around(void **state)
{
	world_hand *hands[] = {liar_withholds, liar_boasts};

	(void)state;
	for (unsigned i = 0; i < 2 * SEEDS; i++) {
		struct world *w = ring_play(i, hands[i % 2], 200);

		nobody_else_is_blamed(w, 0);
		assert_world(w);
		/* Nothing came of the detour but the thing itself. */
		assert_true(world_redundancy(w) <= 1.05);
		world_free(w);
	}
}

static void lie(world_hand *hand, const char *name, size_t body_len)
{
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct world *w = ring_play(seed, hand, body_len);

		nobody_else_is_blamed(w, 1u << LIAR);
		assert_world(w);
		if (!(w->nodes[2].punishes & 1u << LIAR) ||
			!world_alarmed(&w->nodes[2], "peer-lied"))
			fail_msg("%s, seed %u: the liar was not caught", name, seed);
		world_free(w);
	}
}

static void a_neighbour_that_lies_is_caught_and_gone_around(void **state)
{
	size_t len;
	const struct liar *all = liars(&len);

	(void)state;
	for (size_t i = 0; i < len; i++)
		if (all[i].fate == LIAR_LIED)
			lie(all[i].hand, all[i].name,
				all[i].hand == liar_changes_a_hash ? 50000 : 200);
}

static void all_speak(struct world *w)
{
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned k = 0; k < 5; k++) {
			unsigned a = k < 4 ? k : 0, b = k < 4 ? k + 1 : 4;

			world_publish(w, k, round % 2 ? CLEAR : GREEN, 3, 200);
			world_publish(w, k, audience_agreement(terms_open(a, b).id), 3, 200);
		}
		world_run(w, 2000);
	}
	world_run(w, 20000);
	watch_settled(w);
	watch_whole(w, true);
	for (unsigned k = 0; k < 5; k++)
		if (k != LIAR && (w->nodes[k].punishes & ~cast_bit(LIAR)))
			world_fail(w, "n%u punishes somebody honest", k);
}

/* What a neighbour says beside runs: each of these is passed over in silence, or ends its session,
 * and takes nothing from anybody else. */
static void whatever_else_a_neighbour_says_harms_nobody(void **state)
{
	size_t len;
	const struct liar *all = liars(&len);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		struct world *w;
		uint64_t punished = 0;

		if (all[i].fate != LIAR_IGNORED && all[i].fate != LIAR_PUNISHED &&
			all[i].fate != LIAR_TEMPTED)
			continue;
		w = world_ring(i + 1, 5);
		w->nodes[LIAR].hand = all[i].hand;
		all_speak(w);
		for (unsigned k = 0; k < 5; k++)
			punished |= w->nodes[k].punishes;
		if (world_failure(w))
			fail_msg("%s: %s", all[i].name, world_failure(w));
		if (all[i].fate != LIAR_TEMPTED &&
			!(punished & cast_bit(LIAR)) != (all[i].fate == LIAR_IGNORED))
			fail_msg("%s: not what was to come of it", all[i].name);
		world_free(w);
	}
}

/* Nobody else is blamed, and everybody else has all, whatever it makes of what it has heard. */
static void a_neighbour_that_babbles_harms_nobody(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_ring(seed, 5);

		liar_babbles_begin(&w->nodes[LIAR]);
		all_speak(w);
		if (world_failure(w))
			fail_msg("%s", world_failure(w));
		world_free(w);
	}
}

/* Runs that follow the lie find their beginning missing: whoever sent them is not to blame. */
static void runs_behind_a_lie_are_nobodys_fault(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct world *w = world_ring(seed, 5);
		struct log_name feed = world_feed(w, 0, CLEAR);

		world_publish(w, 0, CLEAR, 60, 50000);
		w->nodes[LIAR].hand = liar_corrupts_a_body;
		world_run(w, 15000);
		watch_settled(w);
		nobody_else_is_blamed(w, 1u << LIAR);
		assert_world(w);
		assert_int_equal(world_held(w, 2, &feed), 60);
		world_free(w);
	}
}

/* A liar that comes back after its penalty lies again, and is caught again. */
static void a_liar_that_comes_back_is_caught_again(void **state)
{
	struct world *w = ring_play(1, liar_corrupts_a_body, 200);
	size_t alarms = w->nodes[2].alarms_len;

	(void)state;
	/* It takes 3 to be cut off for 2 to turn to 1 again. */
	world_run(w, 61000);
	world_cut(w, 2, 3, true);
	world_publish(w, 0, CLEAR, 1, 50);
	world_run(w, 3000);
	world_cut(w, 2, 3, false);
	world_run(w, 3000);
	watch_settled(w);
	nobody_else_is_blamed(w, 1u << LIAR);
	assert_world(w);
	assert_int_equal(w->nodes[2].alarms_len, alarms + 1);
	world_free(w);
}

/* --- liars whose moment comes later ----------------------------------------------------------- */

/* Two agreements with the liar, who is let down first in the one and then in the other: of what has
 * ended it gets not one entry more, however long it keeps the session and asks. */
static void who_keeps_to_what_has_ended_hears_no_more_of_it(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct world *w = world_chain(seed, 3);
		struct cast_terms second = terms_open(0, LIAR);
		struct log_name first_feed = world_feed(w, 0, audience_agreement(second.id)), feed;
		uint64_t held, data;

		second.id = 0x2000;
		world_agree(w, &second);
		feed = world_feed(w, 0, audience_agreement(second.id));
		w->nodes[LIAR].hand = liar_keeps_to_what_has_ended;
		world_publish(w, 0, feed.audience, 5, 200);
		assert_int_not_equal(world_run_until_held(w, &feed, 5, cast_bit(LIAR), 8000),
			UINT64_MAX);
		world_remove(w, 0, second.id);
		world_publish(w, 0, feed.audience, 5, 200);
		for (unsigned i = 0; i < 10; i++) {
			world_publish(w, 0, first_feed.audience, 1, 200);
			world_publish(w, 2, CLEAR, 1,
				200); /* so that the liar has something to say */
			world_run(w, 1500);
		}
		held = world_held(w, LIAR, &feed);
		assert_in_range(held, 5, 9);
		assert_int_equal(world_held(w, LIAR, &first_feed), 10);
		assert_non_null(world_session_of(w, 0, LIAR));
		world_remove(w, 0, terms_open(0, LIAR).id);
		world_run(w, 2000);
		data = w->nodes[LIAR].data_bytes;
		world_publish(w, 0, first_feed.audience, 5, 200);
		world_run(w, 10000);
		assert_null(world_session_of(w, 0, LIAR));
		assert_int_equal(w->nodes[LIAR].data_bytes, data);
		nobody_else_is_blamed(w, 0);
		assert_world(w);
		world_free(w);
	}
}

/* The liar remembers bodies from before they were erased, and gives them to 3, who comes to the
 * feed later. When the erasures have arrived as well, nobody has one of them, and 3, who is
 * correct, never gives one to 4. */
static void what_was_erased_does_not_come_back_by_a_liar(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct world *w = world_chain(seed, 5);
		struct log_name feed = world_feed(w, 0, CLEAR);
		struct liar_memory *memory = liar_memory_new();

		agree_open(w, LIAR, 3);
		world_cut(w, 2, 3, true);
		world_cut(w, LIAR, 3, true);
		w->nodes[LIAR].hand = liar_gives_back_what_was_erased;
		w->nodes[LIAR].hand_ctx = memory;
		world_publish(w, 0, CLEAR, 20, 200);
		assert_int_not_equal(world_run_until_held(w, &feed, 20, 7, 8000), UINT64_MAX);
		for (uint64_t i = 0; i < 20; i += 4)
			world_erase(w, 0, CLEAR, i);
		assert_int_not_equal(world_run_until_held(w, &feed, 25, 7, 8000), UINT64_MAX);
		world_run(w, 2000);
		assert_false(watch_has_body(&w->nodes[LIAR], &feed, 4));
		world_cut(w, LIAR, 3, false);
		assert_int_not_equal(world_run_until_held(w, &feed, 25, everybody(w), 15000),
			UINT64_MAX);
		assert_true(liar_memory_used(memory) >= 5);
		world_run(w, 3000);
		for (unsigned n = 0; n < 5; n++)
			for (uint64_t i = 0; i < 20; i++)
				if (watch_has_body(&w->nodes[n], &feed, i) != (i % 4 != 0))
					fail_msg("seed %u: entry %u at n%u", seed, (unsigned)i, n);
		nobody_else_is_blamed(w, 0);
		assert_world(w);
		world_free(w);
		liar_memory_free(memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_neighbour_that_stalls_is_gone_around),
		cmocka_unit_test(a_neighbour_that_lies_is_caught_and_gone_around),
		cmocka_unit_test(a_neighbour_that_babbles_harms_nobody),
		cmocka_unit_test(whatever_else_a_neighbour_says_harms_nobody),
		cmocka_unit_test(runs_behind_a_lie_are_nobodys_fault),
		cmocka_unit_test(a_liar_that_comes_back_is_caught_again),
		cmocka_unit_test(who_keeps_to_what_has_ended_hears_no_more_of_it),
		cmocka_unit_test(what_was_erased_does_not_come_back_by_a_liar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
