/* SPDX-License-Identifier: EUPL-1.2 */
/* Old copies in a small world: what one of its peers may tell, and what is remembered of it. */
#include "unit/gossip/shapes.h"

static void what_was_shown_outlives_a_stop_where_a_tail_is_longer(void **state)
{
	struct world *w = world_chain(1, 2);
	struct log_name feed = world_feed(w, 0, CLEAR);

	(void)state;
	world_publish(w, 0, CLEAR, 5, 50);
	world_run(w, 3000);
	world_backup(w, 0);
	world_publish(w, 0, CLEAR, 2, 50);
	world_run(w, 3000);
	assert_int_equal(world_held(w, 1, &feed), 7);
	world_cut(w, 0, 1, true);
	world_restore(w, 0, GUARD_OF_BACKUP, 500);
	world_run(w, 700);
	/* An importer goes on at once: before any peer is heard nothing is signed. */
	world_publish(w, 0, CLEAR, 4, 50);
	world_run(w, 200);
	world_cut(w, 0, 1, false);
	for (unsigned i = 0; i < 300 && w->nodes[0].mutes == 0; i++)
		world_run(w, 5);
	assert_int_equal(w->nodes[0].mutes, 1);
	assert_int_equal(world_held(w, 0, &feed), 5);
	world_cut(w, 0, 1, true);
	world_run(w, 200);
	/* The operator starts it again, with the peer out of reach. */
	world_kill(w, 0, 500);
	world_run(w, 6000);
	world_cut(w, 0, 1, false);
	world_run(w, 8000);
	assert_world(w);
	assert_int_equal(world_held(w, 0, &feed), 7);
	assert_false(world_alarmed(&w->nodes[1], "split-view"));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_shown_outlives_a_stop_where_a_tail_is_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
