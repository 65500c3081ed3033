/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/net/fixture.h"

/* A node with a peer that says HELLO and then does not read. */
static void deaf_start(struct world *w, struct node *a, struct node *b, struct rogue *r)
{
	world_start(w);
	node_start(w, a, 1);
	node_make(w, b, 2);
	node_know(a, b, NULL);
	rogue_connect(w, r, b, a, 7);
	rogue_message(r, WIRE_HELLO, BYTES_NONE);
	WAIT_FOR(w, a->messages == 1);
}

static void deaf_end(struct world *w, struct node *a, struct rogue *r)
{
	close(r->fd);
	node_stop(a);
	world_end(w);
}

static void a_slow_reader_is_cut_off_at_the_bound(void **state)
{
	static uint8_t payload[65536];
	static struct node a, b;
	struct rogue r;
	struct world w;
	int rc;

	(void)state;
	deaf_start(&w, &a, &b, &r);
	while ((rc = node_send(&a, WIRE_DATA, BYTES_OF(payload))) == 0) {
		assert_true(net_queued(a.session) <= SESSION_QUEUE_MAX);
		world_turn(&w);
	}
	assert_int_equal(rc, ENT_ELIMIT);
	assert_int_equal(a.closed, 0); /* not from within net_send */
	assert_int_equal(node_send(&a, WIRE_DATA, BYTES_NONE), ENT_ECLOSED);
	WAIT_FOR(&w, a.closed == 1);
	assert_false(a.clean);
	assert_string_equal(a.why, "the peer reads too slowly");
	deaf_end(&w, &a, &r);
}

static void a_write_without_progress_ends_the_session(void **state)
{
	static uint8_t payload[65536];
	static struct node a, b;
	struct rogue r;
	struct world w;

	(void)state;
	deaf_start(&w, &a, &b, &r);
	while (!a.session->writing) {
		assert_int_equal(node_send(&a, WIRE_DATA, BYTES_OF(payload)), 0);
		world_turn(&w);
	}
	a.net->times.dead = 700;
	uv_timer_set_repeat(&a.net->tick, 20);
	uv_timer_again(&a.net->tick);
	/* It goes on showing life, and that does not help. */
	while (!a.closed) {
		rogue_message(&r, WIRE_PING, BYTES_NONE);
		world_run(&w, 50);
	}
	assert_string_equal(a.why, "the peer does not read");
	deaf_end(&w, &a, &r);
}

/* What is said in one turn of the loop shares a frame. */
static void small_messages_share_a_frame(void **state)
{
	static struct node a, b;
	struct net_stats before, after;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	net_stats(a.net, &before);
	for (int i = 0; i < 100; i++)
		assert_int_equal(node_send(&a, WIRE_HELD, bytes_str("held")), 0);
	WAIT_FOR(&w, b.messages == 101);
	net_stats(a.net, &after);
	assert_int_equal(after.bytes_out - before.bytes_out, 2 + 100 * (5 + 4) + 16);
	pair_end(&w, &a, &b);
}

/* It waits for no timer and for nothing else to happen: turns of the loop are enough, none of which
 * ever sleeps. */
static void a_small_message_goes_out_at_once(void **state)
{
	static struct node a, b;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	uv_timer_stop(&w.pulse);
	uv_timer_stop(&a.net->tick);
	uv_timer_stop(&b.net->tick);
	for (int i = 0; i < 20; i++) {
		size_t before = b.messages;

		assert_int_equal(node_send(&a, WIRE_HELD, bytes_str("held")), 0);
		for (int turn = 0; turn < 10000 && b.messages == before; turn++)
			uv_run(&w.loop, UV_RUN_NOWAIT);
		assert_int_equal(b.messages, before + 1);
	}
	uv_timer_again(&a.net->tick);
	uv_timer_again(&b.net->tick);
	pair_end(&w, &a, &b);
}

static bool in_send;

static void flushed_is_outside_of_send(struct node *node)
{
	(void)node;
	assert_false(in_send);
}

static void every_byte_is_reported_flushed_once(void **state)
{
	static uint8_t payload[300000];
	static struct node a, b;
	size_t total;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	WAIT_FOR(&w, a.flushed == 10);
	total = a.flushed;
	a.on_flushed = flushed_is_outside_of_send;
	for (size_t i = 0; i < 60; i++) {
		size_t len = (i * 7919 * 31) % sizeof(payload);

		in_send = true;
		assert_int_equal(node_send(&a, WIRE_DATA, bytes_from(payload, len)), 0);
		in_send = false;
		total += WIRE_PREFIX_BYTES + len;
		while (net_queued(a.session) > 2u * 1024 * 1024)
			world_turn(&w);
	}
	WAIT_FOR(&w, b.messages == 61);
	WAIT_FOR(&w, a.flushed == total);
	assert_int_equal(net_queued(a.session), 0);
	pair_end(&w, &a, &b);
}

static void the_largest_message_passes(void **state)
{
	static uint8_t payload[WIRE_MESSAGE_MAX];
	static struct node a, b;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	assert_int_equal(node_send(&a, WIRE_DATA, BYTES_OF(payload)), 0);
	WAIT_FOR(&w, b.messages == 2);
	pair_end(&w, &a, &b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_reader_is_cut_off_at_the_bound),
		cmocka_unit_test(a_write_without_progress_ends_the_session),
		cmocka_unit_test(small_messages_share_a_frame),
		cmocka_unit_test(a_small_message_goes_out_at_once),
		cmocka_unit_test(every_byte_is_reported_flushed_once),
		cmocka_unit_test(the_largest_message_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
