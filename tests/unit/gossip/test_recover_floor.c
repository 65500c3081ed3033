/* SPDX-License-Identifier: EUPL-1.2 */
/* An old copy, whose peers have forgotten what follows it: it joins its own feeds at a floor. */
#include "unit/gossip/shapes.h"

#define BACKUP 300u /* of these the copy is, with the guard of that time */

static struct world *copied(struct log_name *feed, uint32_t size, size_t body)
{
	struct world *w = world_chain(1, 2);

	*feed = world_feed(w, 0, CLEAR);
	world_publish(w, 0, CLEAR, BACKUP, 40);
	world_run(w, 5000);
	world_backup(w, 0);
	world_publish(w, 0, CLEAR, size - BACKUP, body);
	world_run(w, 20000);
	assert_int_equal(world_held(w, 1, feed), size);
	return w;
}

static void assert_back(const struct world *w, const struct log_name *feed, uint64_t size)
{
	assert_int_equal(world_held(w, 0, feed), size);
	assert_false(w->nodes[0].mute);
	assert_world(w);
}

/* Death comes between the run that joins and the end of its checkpoint. */
static void dies_while_it_joins(struct world *w, const struct log_name *feed, uint64_t copy)
{
	uint64_t held = copy;

	world_retain(w, 1, 19000);
	world_run(w, 2000);
	world_restore(w, 0, GUARD_LOST, 500);
	for (unsigned ms = 0; ms < 120000 && held <= copy; ms++) {
		world_run(w, 1);
		held = world_held(w, 0, feed);
	}
	assert_true(held > 768 && held < 1000);
	world_kill(w, 0, 500);
	world_run(w, 30000);
	assert_back(w, feed, 1000);
	world_free(w);
}

static void one_that_dies_while_it_joins_is_back(void **state)
{
	struct log_name feed;
	struct world *w = copied(&feed, 1000, 4000);

	(void)state;
	dies_while_it_joins(w, &feed, BACKUP);
}

/* Everything but the keys. */
static void who_lost_everything_and_dies_while_it_joins_is_back(void **state)
{
	struct world *w = world_chain(1, 2);
	struct log_name feed = world_feed(w, 0, CLEAR);

	(void)state;
	world_backup(w, 0);
	world_publish(w, 0, CLEAR, 1000, 4000);
	world_run(w, 20000);
	dies_while_it_joins(w, &feed, 0);
}

/* The guard of a snapshot is as old as its store: it lies below the floor that is joined at. */
static void a_guard_below_the_floor_holds_nothing_back(void **state)
{
	struct log_name feed;
	struct world *w = copied(&feed, 700, 40);

	(void)state;
	world_retain(w, 1, 1000);
	world_run(w, 2000);
	world_restore(w, 0, GUARD_OF_BACKUP, 500);
	world_run(w, 90000);
	assert_back(w, &feed, 700);
	world_publish(w, 0, CLEAR, 10, 40);
	world_run(w, 5000);
	assert_int_equal(world_held(w, 1, &feed), 710);
	assert_world(w);
	world_free(w);
}

/* It stops before it has signed, so the guard is the old one still. */
static void nor_does_it_at_the_next_start(void **state)
{
	struct log_name feed;
	struct world *w = copied(&feed, 700, 40);
	uint64_t held = BACKUP;

	(void)state;
	world_retain(w, 1, 1000);
	world_run(w, 2000);
	world_restore(w, 0, GUARD_OF_BACKUP, 500);
	for (unsigned ms = 0; ms < 120000 && held < 700; ms++) {
		world_run(w, 1);
		held = world_held(w, 0, &feed);
	}
	world_run(w, 500);
	assert_true(w->nodes[0].mute);
	world_kill(w, 0, 500);
	world_run(w, 20000);
	assert_back(w, &feed, 700);
	world_free(w);
}

/* Whoever joins needs a run to join with: something is left above each floor. */
static void one_is_back_where_all_is_old(void **state)
{
	struct log_name feed;
	struct world *w = copied(&feed, 512, 40);

	(void)state;
	world_retain(w, 1, 1000);
	world_run(w, 2000);
	world_restore(w, 0, GUARD_OF_TODAY, 500);
	world_run(w, 90000);
	assert_back(w, &feed, 512);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_dies_while_it_joins_is_back),
		cmocka_unit_test(who_lost_everything_and_dies_while_it_joins_is_back),
		cmocka_unit_test(a_guard_below_the_floor_holds_nothing_back),
		cmocka_unit_test(nor_does_it_at_the_next_start),
		cmocka_unit_test(one_is_back_where_all_is_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
