/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A ring of five in which one lies as an origin, under its own signature: what it says is frozen or
 * hidden at everybody, in seconds, and everything else arrives as ever.
 */
#include "unit/gossip/shapes.h"

#include "merkle/split.h"
#include "sim/liars.h"

#define SEEDS     5u
#define LIAR      0u
#define PROVEN_MS 5000u /* from both stories being in the network */

static const struct liar *named(const char *name)
{
	size_t len;
	const struct liar *all = liars(&len);

	while (len--)
		if (strcmp(all[len].name, name) == 0)
			return &all[len];
	fail_msg("no liar %s", name);
	return NULL;
}

/* Whatever is said against anybody is said against the liar, or about its feeds. */
static void nobody_else_is_blamed(struct world *w)
{
	const struct node_id *liar = &w->nodes[LIAR].actor->node;

	for (unsigned i = 0; i < w->nodes_len; i++) {
		const struct world_node *n = &w->nodes[i];

		if (i != LIAR && (n->punishes & ~cast_bit(LIAR)))
			world_fail(w, "n%u punishes somebody honest", i);
		if (i != LIAR && n->mutes)
			world_fail(w, "n%u goes mute", i);
		for (size_t k = 0; k < n->alarms_len && i != LIAR; k++)
			if (!node_id_eq(&n->alarms[k].peer, liar) &&
				!node_id_eq(&n->alarms[k].feed.node, liar))
				world_fail(w, "n%u blames somebody honest: %s", i,
					n->alarms[k].rule);
	}
}

/* The others go on with each other, and have everything. */
static void everybody_else_goes_on(struct world *w)
{
	for (unsigned k = 1; k < w->nodes_len; k++)
		world_publish(w, k, k % 2 ? CLEAR : GREEN, 4, 200);
	for (unsigned k = 1; k < w->nodes_len; k++) {
		struct log_name feed = world_feed(w, k, k % 2 ? CLEAR : GREEN);

		if (world_run_until_held(w, &feed, 4, everybody(w) & ~cast_bit(LIAR), 8000) ==
			UINT64_MAX)
			world_fail(w, "what n%u says does not arrive", k);
	}
	watch_settled(w);
	nobody_else_is_blamed(w);
	assert_world(w);
}

static struct world *play(uint64_t seed, const struct liar *liar)
{
	struct world *w = world_ring(seed, 5);

	liar_begin(liar, &w->nodes[LIAR]);
	world_run(w, 2000);
	return w;
}

/* A proof that holds, at every other node. */
static void assert_proven(struct world *w, const struct log_name *feed, const char *what)
{
	for (unsigned i = 1; i < w->nodes_len; i++) {
		struct world_node *n = &w->nodes[i];
		struct buf proof = buf_with_max(WIRE_MESSAGE_MAX);
		struct gossip_feed_view v;
		struct arena arena = {0};
		struct wire_message m;
		struct split split;

		if (!world_proof(w, i, feed, &proof) || !gossip_feed_view(n->gossip, feed, &v) ||
			!v.frozen)
			fail_msg("%s, seed %u: n%u has no proof", what, (unsigned)w->seed, i);
		assert_int_equal(wire_decode(WIRE_SPLIT, buf_view(&proof), &arena, &m), 0);
		split_from_wire(&split, &m.split);
		assert_int_equal(split_verify(&split,
					 gossip_log_key(n->gossip, &feed->node, feed->incarnation)),
			0);
		arena_free(&arena);
		buf_free(&proof);
	}
}

/* Sizes around powers of two: the story of unequal size ends one entry earlier. */
static void two_stories(const char *name)
{
	for (unsigned seed = 1; seed <= 3 * SEEDS; seed++) {
		struct world *w = play(seed, named(name));
		struct log_name feed = world_feed(w, LIAR, CLEAR);
		uint64_t held[5];

		world_publish(w, LIAR, CLEAR, 1 + seed, 200);
		world_run(w, PROVEN_MS);
		assert_world(w);
		assert_proven(w, &feed, name);
		/* It stands where it stood. */
		for (unsigned i = 1; i < 5; i++)
			held[i] = world_held(w, i, &feed);
		world_publish(w, LIAR, CLEAR, 3, 200);
		everybody_else_goes_on(w);
		for (unsigned i = 1; i < 5; i++)
			assert_int_equal(world_held(w, i, &feed), held[i]);
		world_free(w);
	}
}

static void two_stories_of_one_size_are_proven_to_all_and_frozen(void **state)
{
	(void)state;
	two_stories("tells two stories");
}

static void two_stories_of_two_sizes_are_proven_to_all_and_frozen(void **state)
{
	(void)state;
	two_stories("tells two stories of two sizes");
}

/* Another story than before: whoever has the beginning of the first one proves it. */
static void a_story_that_changes_in_its_middle_is_proven_as_well(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct world *w = world_ring(seed, 5);
		struct log_name feed = world_feed(w, LIAR, CLEAR);

		world_publish(w, LIAR, CLEAR, 3 + seed, 200);
		world_run(w, 3000);
		liar_begin(named("tells two stories"), &w->nodes[LIAR]);
		world_publish(w, LIAR, CLEAR, 3, 200);
		world_run(w, PROVEN_MS);
		assert_world(w);
		assert_proven(w, &feed, "in its middle");
		everybody_else_goes_on(w);
		world_free(w);
	}
}

/* Whoever hears of both cards, from whomever, takes nothing further of that origin. */
static void two_cards_freeze_their_origin_and_nobody_else(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct world *w = play(seed, named("has two cards"));
		struct log_name feed = world_feed(w, LIAR, CLEAR);
		uint64_t held[5];

		world_publish(w, LIAR, CLEAR, 5, 200);
		world_run(w, PROVEN_MS);
		assert_world(w);
		for (unsigned i = 1; i < 5; i++) {
			if (!world_alarmed(&w->nodes[i], "card-contradiction"))
				fail_msg("seed %u: n%u has not noticed", seed, i);
			held[i] = world_held(w, i, &feed);
		}
		world_publish(w, LIAR, CLEAR, 5, 200);
		everybody_else_goes_on(w);
		for (unsigned i = 1; i < 5; i++)
			assert_int_equal(world_held(w, i, &feed), held[i]);
		world_free(w);
	}
}

/* AMBER entries in a feed that is CLEAR: the leaves travel, so that the origin can be shown what it
 * did; no correct node has or passes on a body of it. */
static void what_is_marked_wrongly_stays_without_a_body(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct world *w = world_ring(seed, 5);
		struct log_name feed = world_feed(w, LIAR, CLEAR);

		world_publish(w, LIAR, CLEAR, 3, 200);
		world_run(w, 2000);
		liar_begin(named("marks wrongly"), &w->nodes[LIAR]);
		world_publish(w, LIAR, CLEAR, 5, 200);
		assert_true(world_run_until_held(w, &feed, 8, everybody(w), 8000) != UINT64_MAX);
		everybody_else_goes_on(w);
		for (unsigned i = 1; i < 5; i++) {
			assert_true(world_alarmed(&w->nodes[i], "mismarked") ||
				    !world_session_of(w, LIAR, i));
			for (uint64_t k = 0; k < 8; k++)
				assert_int_equal(watch_has_body(&w->nodes[i], &feed, k), k < 3);
		}
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_stories_of_one_size_are_proven_to_all_and_frozen),
		cmocka_unit_test(two_stories_of_two_sizes_are_proven_to_all_and_frozen),
		cmocka_unit_test(a_story_that_changes_in_its_middle_is_proven_as_well),
		cmocka_unit_test(two_cards_freeze_their_origin_and_nobody_else),
		cmocka_unit_test(what_is_marked_wrongly_stays_without_a_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
