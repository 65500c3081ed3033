/* SPDX-License-Identifier: EUPL-1.2 */
/* At which of two neighbours a feed is subscribed, when one of them would have it from here. */
#include "unit/gossip/forks.h"

#define LARGER 21u /* of a larger id than this node's */
#define HELD   4u
#define MORE   3u

/* Subscribed at LARGER, session 3; session 2 has as much. */
static struct sim_log *subscribed(struct probe *p)
{
	struct sim_log *log = holding(p, HELD);

	assert_true(node_id_cmp(&cast_actor(SELF)->node, &cast_actor(LARGER)->node) < 0);
	another_comes(p, 3, LARGER, TLP_BIT(TLP_CLEAR));
	gossip_closed(p->g, probe_time(p), 1, "gone");
	probe_hear_head(p, 3, &log->complete);
	assert_int_equal(p->said_to[probe_last(p, WIRE_SUBSCRIBE) - p->said], 3);
	probe_hear_head(p, 2, &log->complete);
	probe_forget(p);
	return log;
}

static void assert_moved(const struct probe *p)
{
	assert_int_equal(probe_count(p, WIRE_UNSUBSCRIBE), 1);
	assert_int_equal(p->said_to[probe_last(p, WIRE_UNSUBSCRIBE) - p->said], 3);
	assert_int_equal(probe_count(p, WIRE_SUBSCRIBE), 1);
	assert_int_equal(p->said_to[probe_last(p, WIRE_SUBSCRIBE) - p->said], 2);
}

static void two_do_not_feed_each_other(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = subscribed(&p);
	probe_hear_subscribe(&p, 3, &log->name, HELD);
	assert_moved(&p);
	probe_free(&p);
}

/* Its own source has given it more, and ended: that is on its way, and would have to come again. */
static void who_is_ahead_is_not_left(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = subscribed(&p);
	probe_published(&p, ORIGIN, CLEAR, MORE, 10);
	probe_hear_subscribe(&p, 3, &log->name, HELD + MORE);
	probe_hear_run(&p, 3, log, HELD, HELD + MORE);
	assert_int_equal(p.jobs_len, 1);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 0);
	probe_free(&p);
}

/* Where sessions with a third come and go, feeds would move to and fro. */
static void who_else_subscribes_moves_nothing(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = subscribed(&p);
	gossip_closed(p.g, probe_time(&p), 3, "gone");
	gossip_closed(p.g, probe_time(&p), 2, "gone");
	another_comes(&p, 4, LARGER, TLP_BIT(TLP_CLEAR));
	probe_hear_subscribe(&p, 4, &log->name, HELD);
	probe_hear_head(&p, 4, &log->complete);
	another_comes(&p, 5, FOURTH, TLP_BIT(TLP_CLEAR));
	probe_hear_head(&p, 5, &log->complete);
	assert_int_equal(p.said_to[probe_last(&p, WIRE_SUBSCRIBE) - p.said], 4);
	probe_forget(&p);
	probe_hear_subscribe(&p, 5, &log->name, HELD);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 0);
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_do_not_feed_each_other),
		cmocka_unit_test(who_is_ahead_is_not_left),
		cmocka_unit_test(who_else_subscribes_moves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
