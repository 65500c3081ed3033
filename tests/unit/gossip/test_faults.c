/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A ring of five in which the neighbour that everybody would choose stalls or lies. Everything
 * arrives by the other way, and nobody but the liar is ever blamed.
 */
#include "unit/gossip/shapes.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/entry.h"

#define SEEDS 5u
#define LIAR  1u /* between the origin, 0, and 2 */

/* --- hands of liars, each changing one thing in what it passes on ----------------------------- */

static bool foreign(const struct world_node *from, const struct wire_message *m)
{
	return m->type == WIRE_DATA && !node_id_eq(&m->data.feed.node, &from->actor->node);
}

/* Writable, in the arena. */
static uint8_t *entries_copy(struct wire_message *m, struct arena *arena)
{
	m->data.entries = arena_copy(arena, m->data.entries);
	return (uint8_t *)(uintptr_t)m->data.entries.data;
}

static bool withholds(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	return !foreign(from, m);
}

/* Says nothing new, and tells of more than there is. */
static bool boasts(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	if (m->type == WIRE_HELD)
		m->held.size = UINT64_MAX;
	return !foreign(from, m);
}

static bool corrupts_a_body(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to;
	if (foreign(from, m))
		entries_copy(m, arena)[m->data.entries.len - 1] ^= 1;
	return true;
}

static bool corrupts_a_header(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to;
	if (foreign(from, m))
		entries_copy(m, arena)[2] ^= 1;
	return true;
}

static bool erases_half_of_the_last_entry(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	if (foreign(from, m))
		m->data.entries.len -= 40;
	return true;
}

static bool reorders_entries(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	struct bytes first, rest;
	struct entry entry;
	struct cursor c;
	uint8_t *copy;

	(void)ctx, (void)to;
	if (!foreign(from, m) || m->data.count < 2)
		return true;
	c = cursor_of(m->data.entries);
	if (entry_next(&c, &entry) != 0)
		return true;
	first = bytes_from(m->data.entries.data, entry_packed_len(&entry));
	rest = bytes_skip(m->data.entries, first.len);
	copy = arena_alloc(arena, m->data.entries.len);
	memcpy(copy, rest.data, rest.len);
	memcpy(copy + rest.len, first.data, first.len);
	m->data.entries.data = copy;
	return true;
}

static bool changes_the_root(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	if (foreign(from, m))
		m->data.checkpoint.root[7] ^= 1;
	return true;
}

/* The right root, signed by the liar itself. */
static bool signs_itself(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	struct checkpoint c;

	(void)ctx, (void)to, (void)arena;
	if (!foreign(from, m))
		return true;
	checkpoint_from_wire(&c, &m->data.feed, &m->data.checkpoint);
	checkpoint_sign(&c, from->actor->identity.log_secret);
	checkpoint_to_wire(&m->data.checkpoint, &c);
	return true;
}

static bool counts_one_more(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	if (foreign(from, m))
		m->data.count++;
	return true;
}

static bool counts_one_less(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	if (foreign(from, m) && m->data.count > 1)
		m->data.count--;
	return true;
}

static bool adds_a_hash(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	uint8_t(*right)[32];

	(void)ctx, (void)to;
	if (!foreign(from, m))
		return true;
	right = arena_alloc(arena, (m->data.right_len + 1) * sizeof(*right));
	if (m->data.right_len)
		memcpy(right, m->data.right, m->data.right_len * sizeof(*right));
	m->data.right = (const uint8_t(*)[32])right;
	m->data.right_len++;
	return true;
}

/* Only runs that do not reach up to their checkpoint have such hashes. */
static bool changes_a_hash(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	uint8_t(*right)[32];

	(void)ctx, (void)to;
	if (!foreign(from, m) || m->data.right_len == 0)
		return true;
	right = arena_alloc(arena, m->data.right_len * sizeof(*right));
	memcpy(right, m->data.right, m->data.right_len * sizeof(*right));
	right[m->data.right_len - 1][3] ^= 1;
	m->data.right = (const uint8_t(*)[32])right;
	return true;
}

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
	world_hand *hands[] = {withholds, boasts};

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
	static const struct {
		world_hand *hand;
		const char *name;
		size_t body_len;
	} lies[] = {
		{corrupts_a_body, "corrupts a body", 200},
		{corrupts_a_header, "corrupts a header", 200},
		{erases_half_of_the_last_entry, "cuts an entry short", 200},
		{reorders_entries, "reorders entries", 200},
		{changes_the_root, "changes the root", 200},
		{signs_itself, "signs itself", 200},
		{counts_one_more, "counts one more", 200},
		{counts_one_less, "counts one less", 200},
		{adds_a_hash, "adds a hash", 200},
		{changes_a_hash, "changes a hash", 50000},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lies); i++)
		lie(lies[i].hand, lies[i].name, lies[i].body_len);
}

/* Runs that follow the lie find their beginning missing: whoever sent them is not to blame. */
static void runs_behind_a_lie_are_nobodys_fault(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct world *w = world_ring(seed, 5);
		struct log_name feed = world_feed(w, 0, CLEAR);

		world_publish(w, 0, CLEAR, 60, 50000);
		w->nodes[LIAR].hand = corrupts_a_body;
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
	struct world *w = ring_play(1, corrupts_a_body, 200);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_neighbour_that_stalls_is_gone_around),
		cmocka_unit_test(a_neighbour_that_lies_is_caught_and_gone_around),
		cmocka_unit_test(runs_behind_a_lie_are_nobodys_fault),
		cmocka_unit_test(a_liar_that_comes_back_is_caught_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
