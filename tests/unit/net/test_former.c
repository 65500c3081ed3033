/* SPDX-License-Identifier: EUPL-1.2 */
/* Our transport key has changed, and peers learn of it one after the other. */
#include "unit/net/fixture.h"

/* The node before its change: what others still know of it. */
static void old_self(struct node *self, const struct node *node, uint8_t number)
{
	node_make(node->world, self, number);
	self->id = node->id;
	memcpy(self->address, node->address, sizeof(self->address));
}

/* A node with a new key and the one of number old. */
static void node_start_changed(struct world *w, struct node *node, uint8_t number, uint8_t old,
	struct node *before)
{
	node_start(w, node, number);
	old_self(before, node, old);
	node->net->config.former_secret = before->secret;
	node->net->config.former_public = before->public;
}

static void a_peer_that_knows_only_the_old_key_gets_in(void **state)
{
	static struct node a, b, a_old;
	struct world w;

	(void)state;
	world_start(&w);
	node_start_changed(&w, &a, 1, 7, &a_old);
	node_start(&w, &b, 2);
	node_know(&a, &b, NULL);
	node_know(&b, &a_old, a.address);
	WAIT_FOR(&w, a.messages == 1 && b.messages == 1);
	assert_true(net_session_former(a.session));
	assert_memory_equal(net_session_remote(a.session), b.public, 32);
	assert_memory_equal(net_session_remote(b.session), a_old.public, 32);
	pair_end(&w, &a, &b);
}

static void a_peer_that_knows_only_the_old_key_is_reached(void **state)
{
	static struct node a, b, a_old;
	struct world w;

	(void)state;
	world_start(&w);
	node_start_changed(&w, &a, 1, 7, &a_old);
	node_start(&w, &b, 2);
	node_know(&b, &a_old, NULL);
	node_know(&a, &b, b.address);
	WAIT_FOR(&w, a.messages == 1 && b.messages == 1);
	assert_true(net_session_former(a.session));
	pair_end(&w, &a, &b);
}

static void a_peer_that_refuses_the_one_key_is_tried_with_the_other(void **state)
{
	static struct node a, b, a_old;
	struct world w;

	(void)state;
	for (int told = 0; told < 2; told++) {
		world_start(&w);
		node_start_changed(&w, &a, 1, 7, &a_old);
		node_start(&w, &b, 2);
		a.net->times.handshake = 100;
		/* It knows the new key and we think not; or the other way round. */
		node_know(&b, told ? &a_old : &a, NULL);
		node_know(&a, &b, b.address);
		if (told)
			net_peer_knows(a.net, &b.id, false);
		WAIT_FOR(&w, a.messages == 1 && b.messages == 1);
		assert_int_equal(net_session_former(a.session), told);
		pair_end(&w, &a, &b);
	}
}

static void whoever_has_used_the_new_key_is_not_dialled_with_the_old(void **state)
{
	static struct node a, b, a_old;
	struct world w;

	(void)state;
	world_start(&w);
	node_start_changed(&w, &a, 1, 7, &a_old);
	node_start(&w, &b, 2);
	a.net->times.handshake = 50;
	a.net->times.redial_first = 20;
	node_know(&b, &a_old, NULL);
	node_know(&a, &b, b.address);
	net_peer_knows(a.net, &b.id, true);
	world_run(&w, 600);
	assert_int_equal(a.opened + b.opened, 0);
	assert_int_equal(node_info(&a, &b).state, NET_REFUSED);
	node_know(&b, &a, NULL);
	b.allowed[0] = b.allowed[--b.allowed_len];
	WAIT_FOR(&w, a.messages == 1);
	assert_false(net_session_former(a.session));
	pair_end(&w, &a, &b);
}

static void a_key_that_is_dropped_is_answered_no_more(void **state)
{
	static struct node a, b, a_old;
	struct world w;

	(void)state;
	world_start(&w);
	node_start_changed(&w, &a, 1, 7, &a_old);
	node_start(&w, &b, 2);
	net_former_drop(a.net);
	node_know(&a, &b, NULL);
	node_know(&b, &a_old, a.address);
	world_run(&w, 300);
	assert_int_equal(a.opened + b.opened, 0);
	assert_int_equal(a.net->stats.bytes_out, 0);
	pair_end(&w, &a, &b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_that_knows_only_the_old_key_gets_in),
		cmocka_unit_test(a_peer_that_knows_only_the_old_key_is_reached),
		cmocka_unit_test(a_peer_that_refuses_the_one_key_is_tried_with_the_other),
		cmocka_unit_test(whoever_has_used_the_new_key_is_not_dialled_with_the_old),
		cmocka_unit_test(a_key_that_is_dropped_is_answered_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
