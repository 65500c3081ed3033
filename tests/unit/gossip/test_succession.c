/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a new incarnation says of its former feeds reaches whoever comes: also when the entry that
 * said it first lies below every floor. It is said again before the origin's own floor passes it.
 */
#include "unit/gossip/shapes.h"

#define FORMER  20u
#define DAY_MS  ((int64_t)86400000)
#define KEPT_MS (DAY_MS / 2)

static uint64_t floor_of(struct world *w, unsigned node, const struct log_name *feed)
{
	struct store_reader *r;
	struct store_log log = {0};

	assert_int_equal(store_reader_open(w->nodes[node].store, &r), 0);
	assert_int_equal(store_log_get(r, feed, &log), 0);
	store_reader_close(r);
	return log.floor;
}

/* What the node knows to be said of the feed. */
static int succession_of(struct world *w, unsigned node, const struct log_name *feed,
	struct store_succession *s)
{
	struct store_reader *r;
	int rc;

	assert_int_equal(store_reader_open(w->nodes[node].store, &r), 0);
	rc = store_succession_get(r, feed, s);
	store_reader_close(r);
	return rc;
}

/* A day on which more than a block of entries comes. From that node on all but the last let go what
 * is older. */
static void a_day(struct world *w, unsigned from, int64_t day)
{
	for (unsigned i = 0; i < w->nodes_len; i++)
		world_clock(w, i, day * DAY_MS);
	world_publish_kind(w, 0, CLEAR, KIND_SIGHTING, false, 300, 50);
	world_run(w, 2000);
	for (unsigned i = 0; i + 1 < w->nodes_len; i++)
		world_retain(w, i, i < from ? 0 : KEPT_MS);
	world_run(w, 2000);
}

/* Node 0 has a feed, and then new keys; the name of its new feed. */
static struct log_name begins_anew(struct world *w)
{
	world_publish(w, 0, CLEAR, FORMER, 50);
	world_run(w, 3000);
	world_card(w, 0, true, false, 100);
	world_run(w, 5000);
	return world_feed(w, 0, CLEAR);
}

static void who_joins_at_a_floor_learns_how_far_the_former_feed_is_good(void **state)
{
	struct world *w = world_chain(1, 3);
	struct log_name old = world_feed(w, 0, CLEAR), new;
	struct store_succession first, said;

	(void)state;
	world_cut(w, 1, 2, true);
	new = begins_anew(w);
	assert_true(new.incarnation > old.incarnation);
	assert_int_equal(succession_of(w, 1, &old, &first), 0);
	assert_true(first.size == FORMER && first.index == 0);
	/* More than once: what has been said again is swept in its turn. */
	for (int64_t day = 1; day <= 5 && !world_failure(w); day++)
		a_day(w, 0, day);
	assert_world(w);
	assert_true(floor_of(w, 0, &new) > 0 && floor_of(w, 1, &new) > 512);
	assert_int_equal(succession_of(w, 2, &old, &said), ENT_ENOTFOUND);
	world_cut(w, 1, 2, false);
	world_run(w, 15000);
	assert_world(w);
	assert_true(floor_of(w, 2, &new) > 512);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(succession_of(w, i, &old, &said), 0);
		assert_true(said.incarnation == new.incarnation &&said.size == first.size);
		assert_true(hash_eq(&said.root, &first.root));
		assert_true(said.index >= floor_of(w, i, &new));
	}
	world_free(w);
}

/* The origin keeps everything, and who stands between does not. */
static void nor_does_the_floor_of_another_hide_it(void **state)
{
	struct world *w = world_chain(1, 3);
	struct log_name old = world_feed(w, 0, CLEAR), new;
	struct store_succession said;

	(void)state;
	world_cut(w, 1, 2, true);
	new = begins_anew(w);
	for (int64_t day = 1; day <= 7 && !world_failure(w); day++)
		a_day(w, 1, day);
	assert_world(w);
	assert_true(floor_of(w, 0, &new) == 0 && floor_of(w, 1, &new) > 512);
	world_cut(w, 1, 2, false);
	world_run(w, 15000);
	assert_world(w);
	/* It has what a thief may have added to the former feed, and must know that it is void. */
	assert_int_equal(world_held(w, 2, &old), FORMER);
	assert_int_equal(succession_of(w, 2, &old, &said), 0);
	assert_int_equal(said.size, FORMER);
	world_free(w);
}

/* So many entries behind the last word it is said again, and not before. */
static void it_is_said_again_behind_so_many_entries(void **state)
{
	struct world *w = world_chain(1, 2);
	struct log_name old = world_feed(w, 0, CLEAR), new;
	struct store_succession said;

	(void)state;
	new = begins_anew(w);
	world_publish_kind(w, 0, CLEAR, KIND_SIGHTING, false, SUCCESSION_AGAIN_ENTRIES - 1, 50);
	for (unsigned more = 0; more < 2; more++) {
		world_run(w, 3000);
		assert_int_equal(world_held(w, 0, &new), SUCCESSION_AGAIN_ENTRIES + more);
		world_retain(w, 0, 0);
		world_run(w, 3000);
		assert_int_equal(succession_of(w, 0, &old, &said), 0);
		assert_int_equal(said.index, more ? SUCCESSION_AGAIN_ENTRIES + 1 : 0);
		assert_int_equal(said.size, FORMER);
		world_publish_kind(w, 0, CLEAR, KIND_SIGHTING, false, 1, 50);
	}
	assert_world(w);
	world_free(w);
}

/* An origin that never says it again keeps nobody from retention for long. */
static void nor_does_it_hold_up_a_floor_for_ever(void **state)
{
	struct world *w = world_chain(1, 2);
	struct log_name new;

	(void)state;
	new = begins_anew(w);
	for (uint64_t more = 0; more < 2; more++) {
		uint64_t size = SUCCESSION_HOLDS_ENTRIES + more * 300;

		while (world_held(w, 1, &new) < size) {
			uint64_t left = size - world_held(w, 1, &new);

			world_publish_kind(w, 0, CLEAR, KIND_SIGHTING, false,
				left > 1000 ? 1000 : (unsigned)left, 50);
			world_run(w, 2000);
			assert_world(w);
		}
		assert_int_equal(world_held(w, 1, &new), size);
		world_clock(w, 1, ((int64_t)more + 1) * DAY_MS);
		for (unsigned i = 0; i < 4; i++) {
			world_retain(w, 1, KEPT_MS);
			world_run(w, 2000);
		}
		assert_int_equal(floor_of(w, 1, &new) > 0, more);
	}
	assert_world(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_joins_at_a_floor_learns_how_far_the_former_feed_is_good),
		cmocka_unit_test(nor_does_the_floor_of_another_hide_it),
		cmocka_unit_test(it_is_said_again_behind_so_many_entries),
		cmocka_unit_test(nor_does_it_hold_up_a_floor_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
