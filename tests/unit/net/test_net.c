/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/net/fixture.h"

#include <sys/resource.h>

#define IDLE_STRANGERS 500

/* Waiting at the door in numbers keeps nobody out: b gets in, again and again. */
static void a_peer_gets_in_past_hundreds_of_idle_strangers(void **state)
{
	static struct node a, b;
	int fds[IDLE_STRANGERS];
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	node_know(&a, &b, NULL);
	for (int round = 1; round <= 3; round++) {
		for (size_t i = 0; i < IDLE_STRANGERS; i++)
			fds[i] = raw_connect(a.address);
		node_know(&b, &a, a.address);
		WAIT_FOR(&w, b.opened == round && a.opened == round);
		assert_int_equal(a.closed, round - 1);
		net_peer_remove(b.net, &a.id);
		WAIT_FOR(&w, a.closed == round && b.closed == round);
		for (size_t i = 0; i < IDLE_STRANGERS; i++)
			close(fds[i]);
	}
	node_stop(&a);
	node_stop(&b);
	world_end(&w);
}

/* The peer's connection and its first message stand in the middle of a crowd that came all at
 * once. */
static void a_crowd_behind_a_peer_does_not_push_it_out(void **state)
{
	static struct node a, b;
	uint8_t answer[NET_ANSWER_BYTES];
	int fds[400];
	struct rogue r;
	struct world w;
	bool ended;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_make(&w, &b, 2);
	node_know(&a, &b, NULL);
	rogue_greeting(&r, &b, &a, 3);
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		fds[i] = raw_connect(a.address);
		if (i == COUNT_OF(fds) / 4)
			raw_send(fds[i], r.greeting, sizeof(r.greeting));
	}
	assert_int_equal(raw_receive(&w, fds[COUNT_OF(fds) / 4], answer, sizeof(answer), 2000,
				 &ended),
		sizeof(answer));
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		close(fds[i]);
	node_stop(&a);
	world_end(&w);
}

/* A peer that greets again and again and confirms nothing takes nobody's place: of all its
 * connections one waits for the keys to be confirmed, and a crowd behind another peer gives way as
 * it does otherwise. */
static void a_peer_that_confirms_nothing_keeps_nobody_out(void **state)
{
	static struct node a, b, c;
	static struct rogue held[HANDSHAKES_MAX + 6];
	uint8_t answer[NET_ANSWER_BYTES];
	int fds[2 * HANDSHAKES_MAX];
	struct rogue r;
	struct world w;
	bool ended;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_make(&w, &b, 2);
	node_make(&w, &c, 3);
	node_know(&a, &b, NULL);
	node_know(&a, &c, NULL);
	for (size_t i = 0; i < COUNT_OF(held); i++)
		rogue_connect(&w, &held[i], &b, &a, (uint8_t)(i + 1));
	rogue_greeting(&r, &c, &a, 3);
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		fds[i] = raw_connect(a.address);
		if (i == 0)
			raw_send(fds[i], r.greeting, sizeof(r.greeting));
	}
	assert_int_equal(raw_receive(&w, fds[0], answer, sizeof(answer), 2000, &ended),
		sizeof(answer));
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		close(fds[i]);
	for (size_t i = 0; i < COUNT_OF(held); i++)
		close(held[i].fd);
	node_stop(&a);
	world_end(&w);
}

static size_t handshakes_held(const struct node *node)
{
	struct net_session *s;
	size_t count = 0;

	TAILQ_FOREACH(s, &node->net->sessions, all)
	count += net_session_handshaking(s);
	return count;
}

static void strangers_at_once_are_bounded(void **state)
{
	static struct node a;
	struct net_stats stats;
	int fds[300];
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		fds[i] = raw_connect(a.address);
	WAIT_FOR(&w, (net_stats(a.net, &stats), stats.strangers == COUNT_OF(fds) - HANDSHAKES_MAX));
	assert_int_equal(handshakes_held(&a), HANDSHAKES_MAX);
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		close(fds[i]);
	WAIT_FOR(&w, handshakes_held(&a) == 0);
	node_stop(&a);
	world_end(&w);
}

/* Out of descriptors: whoever comes is turned away, what runs goes on, and later all is well. */
static void running_out_of_descriptors_is_survived(void **state)
{
	static struct node a, b;
	struct rlimit before, low;
	uint8_t back[1];
	int fds[20];
	struct world w;
	bool ended;

	(void)state;
	pair_start(&w, &a, &b);
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		fds[i] = raw_connect(b.address);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = (rlim_t)fds[COUNT_OF(fds) - 1] + 4;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(raw_receive(&w, fds[COUNT_OF(fds) - 1], back, 1, 2000, &ended), 0);
	assert_true(ended);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(node_send(&a, WIRE_HELD, BYTES_NONE), 0);
	WAIT_FOR(&w, b.messages == 2);
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		close(fds[i]);
	net_peer_remove(a.net, &b.id);
	node_know(&a, &b, b.address);
	WAIT_FOR(&w, a.opened == 2 && b.opened == 2);
	pair_end(&w, &a, &b);
}

static void listens_on_ipv6_and_by_name(void **state)
{
	static struct node a, b;
	struct err_text err;
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	assert_int_equal(net_listen(a.net, "localhost:0", a.address, &err), 0);
	if (net_listen(a.net, "[::1]:0", a.address, &err) == 0) {
		assert_memory_equal(a.address, "[::1]:", 6);
		node_know(&a, &b, NULL);
		node_know(&b, &a, a.address);
		WAIT_FOR(&w, a.messages == 1 && b.messages == 1);
	}
	node_stop(&a);
	node_stop(&b);
	world_end(&w);
}

static void says_why_it_cannot_listen(void **state)
{
	static struct node a, b;
	struct err_text err;
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	assert_int_equal(net_listen(b.net, "7466", NULL, &err), ENT_EINVALID);
	assert_string_equal(err.text, "listen address: \"7466\" is not HOST:PORT or [IPV6]:PORT");
	assert_int_equal(net_listen(b.net, a.address, NULL, &err), ENT_EIO);
	assert_non_null(strstr(err.text, "address already in use"));
	assert_non_null(strstr(err.text, a.address));
	node_stop(&a);
	node_stop(&b);
	world_end(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_gets_in_past_hundreds_of_idle_strangers),
		cmocka_unit_test(a_crowd_behind_a_peer_does_not_push_it_out),
		cmocka_unit_test(a_peer_that_confirms_nothing_keeps_nobody_out),
		cmocka_unit_test(strangers_at_once_are_bounded),
		cmocka_unit_test(running_out_of_descriptors_is_survived),
		cmocka_unit_test(listens_on_ipv6_and_by_name),
		cmocka_unit_test(says_why_it_cannot_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
