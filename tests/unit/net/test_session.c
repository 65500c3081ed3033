/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/net/fixture.h"

static void both_ends_see_one_session(void **state)
{
	static struct node a, b;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	assert_memory_equal(a.last_hash, b.last_hash, NOISE_HASH_BYTES);
	assert_true(net_session_initiator(a.session));
	assert_false(net_session_initiator(b.session));
	assert_true(node_id_eq(net_session_peer(a.session), &b.id));
	assert_true(node_id_eq(net_session_peer(b.session), &a.id));
	assert_int_equal(node_info(&a, &b).state, NET_CONNECTED);
	assert_int_equal(node_info(&b, &a).state, NET_CONNECTED);
	pair_end(&w, &a, &b);
}

static void the_initiator_confirms_even_if_it_has_nothing_to_say(void **state)
{
	static struct node a, b;
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	a.shy = true;
	node_know(&b, &a, NULL);
	node_know(&a, &b, b.address);
	WAIT_FOR(&w, a.messages == 1);
	assert_non_null(b.session);
	assert_int_equal(b.messages, 0); /* a PING is nobody's business */
	pair_end(&w, &a, &b);
}

static void bytes_are_counted_at_the_sockets(void **state)
{
	static struct node a, b;
	struct net_stats sa, sb;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	net_stats(a.net, &sa);
	net_stats(b.net, &sb);
	/* Handshake, one frame with one HELLO of five bytes each way. */
	assert_int_equal(sa.bytes_out, NET_GREETING_BYTES + 2 + 10 + 16);
	assert_int_equal(sa.bytes_in, NET_ANSWER_BYTES + 2 + 10 + 16);
	assert_int_equal(sb.bytes_out, sa.bytes_in);
	assert_int_equal(sb.bytes_in, sa.bytes_out);
	assert_int_equal(node_info(&a, &b).bytes_out, sa.bytes_out);
	assert_int_equal(node_info(&a, &b).bytes_in, sa.bytes_in);
	assert_int_equal(node_info(&b, &a).bytes_out, sb.bytes_out);
	assert_int_equal(node_info(&b, &a).bytes_in, sb.bytes_in);
	pair_end(&w, &a, &b);
}

/* --- exchange --------------------------------------------------------------------------------- */

/* Message i is a piece of one table, its length and place drawn from i: both ends know it. */
struct flow {
	size_t count, sent, received;
	size_t bytes; /* of the messages sent */
};

static uint8_t table[WIRE_MESSAGE_MAX];

static struct bytes flow_payload(size_t i)
{
	uint32_t h = (uint32_t)i * 2654435761u;
	size_t len = h % 300;
	size_t at = (h >> 7) % 4096;

	if (i % 50 == 7)
		len = h % 200000;
	if (i % 5000 == 4999)
		len = WIRE_MESSAGE_MAX - at;
	return bytes_from(table + at, len);
}

static void flow_send(struct node *node)
{
	struct flow *f = node->user;

	while (f->sent < f->count && net_queued(node->session) < 1024u * 1024) {
		assert_int_equal(node_send(node, WIRE_DATA, flow_payload(f->sent)), 0);
		f->bytes += WIRE_PREFIX_BYTES + flow_payload(f->sent).len;
		f->sent++;
	}
}

static void flow_receive(struct node *node, uint8_t type, struct bytes payload)
{
	struct flow *f = node->user;

	if (type == WIRE_HELLO)
		return;
	assert_int_equal(type, WIRE_DATA);
	assert_bytes_equal(payload, flow_payload(f->received));
	f->received++;
}

static void flow_prepare(struct world *w, struct node *node, struct flow *f)
{
	struct env_rng rng = test_rng(&w->seed);

	env_random(&rng, table, sizeof(table));
	node->user = f;
	node->on_message = flow_receive;
	node->on_flushed = flow_send;
}

static void carries_ten_thousand_messages_both_ways(void **state)
{
	static struct node a, b;
	struct flow fa = {.count = 10000}, fb = {.count = 10000};
	struct net_stats before, after;
	size_t flushed;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	WAIT_FOR(&w, a.flushed == 10); /* HELLO */
	flushed = a.flushed;
	flow_prepare(&w, &a, &fa);
	flow_prepare(&w, &b, &fb);
	net_stats(a.net, &before);
	flow_send(&a);
	flow_send(&b);
	WAIT_FOR(&w, fa.received == 10000 && fb.received == 10000);
	/* What the kernel has taken is told a turn of the loop later. */
	WAIT_FOR(&w, a.flushed == flushed + fa.bytes);
	net_stats(a.net, &after);
	/* Full frames: what goes over the socket is hardly more than what was sent. */
	assert_in_range(after.bytes_out - before.bytes_out, fa.bytes, fa.bytes + fa.bytes / 200);
	pair_end(&w, &a, &b);
}

/* Both directions come to the bound on messages several times while data are in flight. */
static void payloads_pass_rekeys_unharmed(void **state)
{
	static struct node a, b;
	struct flow fa = {.count = 2000}, fb = {.count = 2000};
	uint8_t before[NOISE_KEY_BYTES];
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	flow_prepare(&w, &a, &fa);
	flow_prepare(&w, &b, &fb);
	memcpy(before, a.session->sending.key, sizeof(before));
	a.session->sending.messages = b.session->receiving.messages = REKEY_MESSAGES - 9;
	b.session->sending.bytes = a.session->receiving.bytes = REKEY_BYTES - 100000;
	flow_send(&a);
	flow_send(&b);
	WAIT_FOR(&w, fa.received == 2000 && fb.received == 2000);
	assert_memory_not_equal(before, a.session->sending.key, sizeof(before));
	assert_true(b.session->sending.bytes < REKEY_BYTES / 2);
	pair_end(&w, &a, &b);
}

static void a_rekey_on_one_side_only_ends_the_session(void **state)
{
	static struct node a, b;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	noise_rekey(&a.session->sending);
	assert_int_equal(node_send(&a, WIRE_HELD, bytes_str("x")), 0);
	WAIT_FOR(&w, b.closed == 1);
	assert_false(b.clean);
	assert_int_equal(b.messages, 1);
	pair_end(&w, &a, &b);
}

static void a_paused_session_makes_the_sender_wait(void **state)
{
	static struct node a, b;
	struct flow fa = {.count = 3000}, fb = {.count = 0};
	size_t stalled;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	flow_prepare(&w, &a, &fa);
	flow_prepare(&w, &b, &fb);
	fa.count = 20000;
	net_pause(b.session, true);
	flow_send(&a);
	WAIT_FOR(&w, net_queued(a.session) >= 1024u * 1024);
	world_run(&w, 100);
	stalled = fa.sent;
	world_run(&w, 100);
	assert_int_equal(fa.sent, stalled);
	assert_true(fa.sent < fa.count);
	assert_int_equal(fb.received, 0);
	net_pause(b.session, false);
	WAIT_FOR(&w, fb.received == fa.count);
	pair_end(&w, &a, &b);
}

/* --- end -------------------------------------------------------------------------------------- */

static void a_farewell_is_seen_as_a_clean_end(void **state)
{
	static struct node a, b;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	node_know(&a, &b, NULL); /* no redial */
	net_close(a.session, BYE_VERSION, "enough");
	assert_non_null(a.session); /* not from within the call */
	assert_int_equal(node_send(&a, WIRE_HELD, BYTES_NONE), ENT_ECLOSED);
	WAIT_FOR(&w, a.closed == 1 && b.closed == 1);
	assert_true(a.clean);
	assert_true(b.clean);
	assert_string_equal(a.why, "enough");
	assert_string_equal(b.why,
		"farewell: the peer does not speak this version of the protocol");
	assert_int_equal(node_info(&b, &a).state, NET_DOWN);
	pair_end(&w, &a, &b);
}

static void what_was_queued_comes_before_the_farewell(void **state)
{
	static struct node a, b;
	struct flow fa = {.count = 600}, fb = {.count = 0};
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	flow_prepare(&w, &a, &fa);
	flow_prepare(&w, &b, &fb);
	node_know(&a, &b, NULL);
	flow_send(&a);
	net_close(a.session, BYE_STOPPING, "stop");
	/* The peer has things under way too: they must not make the farewell get lost. */
	assert_int_equal(node_send(&b, WIRE_HELD, BYTES_NONE), 0);
	WAIT_FOR(&w, a.closed == 1 && b.closed == 1);
	assert_true(b.clean);
	assert_int_equal(fb.received, fa.sent);
	pair_end(&w, &a, &b);
}

static void a_cut_is_seen_as_no_clean_end(void **state)
{
	static struct node a, b;
	struct rogue r;
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_make(&w, &b, 2);
	node_know(&a, &b, NULL);
	rogue_connect(&w, &r, &b, &a, 7);
	rogue_message(&r, WIRE_HELLO, BYTES_NONE);
	WAIT_FOR(&w, a.messages == 1);
	close(r.fd);
	WAIT_FOR(&w, a.closed == 1);
	assert_false(a.clean);
	assert_string_equal(a.why, "the connection ended without a farewell");
	assert_int_equal(node_info(&a, &b).state, NET_DOWN);
	assert_string_equal(node_info(&a, &b).last_error, a.why);
	node_stop(&a);
	world_end(&w);
}

static void stopping_says_farewell_to_all(void **state)
{
	static struct node a, b, c;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	node_start(&w, &c, 3);
	node_know(&a, &c, NULL);
	node_know(&c, &a, a.address);
	WAIT_FOR(&w, c.messages == 1 && a.messages == 2);
	node_stop(&a);
	assert_int_equal(a.closed, 2);
	WAIT_FOR(&w, b.closed == 1 && c.closed == 1);
	assert_true(b.clean);
	assert_true(c.clean);
	assert_string_equal(b.why, "farewell: the peer stops");
	assert_string_equal(c.why, "farewell: the peer stops");
	node_stop(&b);
	node_stop(&c);
	world_end(&w);
}

/* A peer that neither reads nor hangs up cannot hold the end back. */
static void a_farewell_does_not_wait_for_ever(void **state)
{
	static struct node a, b;
	struct rogue r;
	uint64_t begin;
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_make(&w, &b, 2);
	node_know(&a, &b, NULL);
	rogue_connect(&w, &r, &b, &a, 7);
	rogue_message(&r, WIRE_HELLO, BYTES_NONE);
	WAIT_FOR(&w, a.messages == 1);
	a.net->times.farewell = 300;
	begin = now_ms();
	node_stop(&a);
	assert_true(now_ms() - begin >= 200);
	close(r.fd);
	world_end(&w);
}

static void removing_a_peer_ends_its_session(void **state)
{
	static struct node a, b;
	struct net_peer_info info;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	b.allowed_len = 0;
	b.net->times.handshake = 300;
	net_peer_remove(b.net, &a.id);
	assert_false(net_peer_info(b.net, &a.id, &info));
	WAIT_FOR(&w, a.closed == 1 && b.closed == 1);
	assert_true(a.clean);
	assert_string_equal(a.why, "farewell: the peer sees no agreement in force");
	WAIT_FOR(&w, node_info(&a, &b).state == NET_REFUSED);
	assert_int_equal(b.opened, 1);
	/* And an agreement that comes back is served again. */
	node_know(&b, &a, NULL);
	node_know(&a, &b, NULL);
	node_know(&a, &b, b.address);
	WAIT_FOR(&w, a.opened == 2 && b.opened == 2);
	pair_end(&w, &a, &b);
}

static void a_peer_removed_and_set_again_is_dialled_again(void **state)
{
	static struct node a, b;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	net_peer_remove(a.net, &b.id);
	node_know(&a, &b, b.address);
	WAIT_FOR(&w, a.opened == 2 && b.opened == 2);
	assert_int_equal(a.closed, 1);
	pair_end(&w, &a, &b);
}

/* --- peers that break the rules --------------------------------------------------------------- */

/* What each rogue does after its HELLO, and what is said about it. */
static void rogue_is_cut(struct bytes plain, bool hello, const char *why)
{
	static struct node a, b;
	struct rogue r;
	struct world w;

	world_start(&w);
	node_start(&w, &a, 1);
	node_make(&w, &b, 2);
	node_know(&a, &b, NULL);
	rogue_connect(&w, &r, &b, &a, 7);
	if (hello)
		rogue_message(&r, WIRE_HELLO, BYTES_NONE);
	rogue_frame(&r, plain);
	/* Stays connected: the node ends it. */
	a.net->times.farewell = 100;
	WAIT_FOR(&w, a.closed == 1);
	assert_string_equal(a.why, why);
	assert_int_equal(a.messages, hello);
	close(r.fd);
	node_stop(&a);
	world_end(&w);
}

static void refuses_a_message_beyond_the_limit(void **state)
{
	static const uint8_t huge[] = {0, 0x20, 0, 1, WIRE_DATA, 1, 2, 3};

	(void)state;
	_Static_assert(WIRE_MESSAGE_MAX == 0x200000, "one more is 0x200001");
	rogue_is_cut(BYTES_OF(huge), true, "a message beyond the limit");
}

static void refuses_to_begin_without_hello(void **state)
{
	static const uint8_t heads[] = {0, 0, 0, 1, WIRE_HEADS, 0};

	(void)state;
	rogue_is_cut(BYTES_OF(heads), false, "the first message is not HELLO");
}

static void refuses_a_malformed_farewell(void **state)
{
	static const uint8_t bye[] = {0, 0, 0, 2, WIRE_BYE, 0xff, 0xff};

	(void)state;
	rogue_is_cut(BYTES_OF(bye), true, "a malformed farewell");
}

static void refuses_frames_of_impossible_length(void **state)
{
	static const uint16_t lengths[] = {0, 15, 16};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		static struct node a, b;
		uint8_t frame[40] = {0}, back[1];
		struct rogue r;
		struct world w;
		bool ended;

		world_start(&w);
		node_start(&w, &a, 1);
		node_make(&w, &b, 2);
		node_know(&a, &b, NULL);
		rogue_connect(&w, &r, &b, &a, 7);
		be16_put(frame, lengths[i]);
		raw_send(r.fd, frame, sizeof(frame));
		/* Before the keys are confirmed even this gets no byte. */
		assert_int_equal(raw_receive(&w, r.fd, back, 1, WAIT_MS, &ended), 0);
		assert_true(ended);
		assert_int_equal(a.opened, 0);
		close(r.fd);
		node_stop(&a);
		world_end(&w);
	}
}

static void a_forged_frame_ends_the_session(void **state)
{
	static struct node a, b;
	uint8_t frame[40];
	struct rogue r;
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_make(&w, &b, 2);
	node_know(&a, &b, NULL);
	rogue_connect(&w, &r, &b, &a, 7);
	rogue_message(&r, WIRE_HELLO, BYTES_NONE);
	WAIT_FOR(&w, a.messages == 1);
	memset(frame, 7, sizeof(frame));
	be16_put(frame, sizeof(frame) - 2);
	raw_send(r.fd, frame, sizeof(frame));
	WAIT_FOR(&w, a.closed == 1);
	assert_false(a.clean);
	assert_string_equal(a.why, "a frame does not authenticate");
	close(r.fd);
	node_stop(&a);
	world_end(&w);
}

/* --- time ------------------------------------------------------------------------------------- */

static void time_shorten(struct node *node, uint32_t keepalive, uint32_t dead)
{
	/* What it is without a test; here seconds would pass. */
	assert_int_equal(node->net->times.keepalive, KEEPALIVE_MS);
	assert_int_equal(node->net->times.dead, DEAD_MS);
	node->net->times.keepalive = keepalive;
	node->net->times.dead = dead;
	uv_timer_set_repeat(&node->net->tick, 20);
	uv_timer_again(&node->net->tick);
}

static void silence_is_bridged_by_pings(void **state)
{
	static struct node a, b;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	time_shorten(&a, 100, 400);
	time_shorten(&b, 100, 400);
	world_run(&w, 1000);
	assert_int_equal(a.closed, 0);
	assert_int_equal(b.closed, 0);
	assert_int_equal(a.messages, 1);
	pair_end(&w, &a, &b);
}

static void a_peer_without_a_sign_of_life_is_given_up(void **state)
{
	static struct node a, b;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	time_shorten(&b, 100, 300); /* a's first ping is ten seconds away */
	WAIT_FOR(&w, b.closed == 1);
	assert_false(b.clean);
	assert_string_equal(b.why, "no sign of life from the peer");
	pair_end(&w, &a, &b);
}

/* --- one session a peer ----------------------------------------------------------------------- */

static void a_newer_session_takes_over(void **state)
{
	static struct node a, b;
	struct rogue first, second;
	uint8_t frame[NET_FRAME_MAX];
	struct bytes bye;
	bool ended;
	size_t len;
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_make(&w, &b, 2);
	a.shy = true;
	node_know(&a, &b, NULL);
	rogue_connect(&w, &first, &b, &a, 7);
	rogue_message(&first, WIRE_HELLO, BYTES_NONE);
	WAIT_FOR(&w, a.messages == 1);
	rogue_connect(&w, &second, &b, &a, 8);
	world_run(&w, 50);
	/* Unconfirmed, it moves nothing. */
	assert_int_equal(a.closed, 0);
	rogue_message(&second, WIRE_HELLO, BYTES_NONE);
	WAIT_FOR(&w, a.opened == 2);
	assert_int_equal(a.closed, 1);
	assert_true(a.session->initiator == false);
	assert_memory_equal(a.last_hash, second.hash, sizeof(second.hash));
	/* The older one is told why. */
	len = raw_receive(&w, first.fd, frame, sizeof(frame), 2000, &ended);
	assert_true(ended);
	bye = bytes_from(frame + 2, len - 2);
	assert_int_equal(be16_get(frame), bye.len);
	assert_int_equal(noise_open(&first.receiving, bye, frame + 2), 0);
	assert_int_equal(frame[2 + 4], WIRE_BYE);
	assert_int_equal(frame[2 + 6], BYE_REPLACED);
	close(first.fd);
	close(second.fd);
	node_stop(&a);
	world_end(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_see_one_session),
		cmocka_unit_test(the_initiator_confirms_even_if_it_has_nothing_to_say),
		cmocka_unit_test(bytes_are_counted_at_the_sockets),
		cmocka_unit_test(carries_ten_thousand_messages_both_ways),
		cmocka_unit_test(payloads_pass_rekeys_unharmed),
		cmocka_unit_test(a_rekey_on_one_side_only_ends_the_session),
		cmocka_unit_test(a_paused_session_makes_the_sender_wait),
		cmocka_unit_test(a_farewell_is_seen_as_a_clean_end),
		cmocka_unit_test(what_was_queued_comes_before_the_farewell),
		cmocka_unit_test(a_cut_is_seen_as_no_clean_end),
		cmocka_unit_test(stopping_says_farewell_to_all),
		cmocka_unit_test(a_farewell_does_not_wait_for_ever),
		cmocka_unit_test(removing_a_peer_ends_its_session),
		cmocka_unit_test(a_peer_removed_and_set_again_is_dialled_again),
		cmocka_unit_test(refuses_a_message_beyond_the_limit),
		cmocka_unit_test(refuses_to_begin_without_hello),
		cmocka_unit_test(refuses_a_malformed_farewell),
		cmocka_unit_test(refuses_frames_of_impossible_length),
		cmocka_unit_test(a_forged_frame_ends_the_session),
		cmocka_unit_test(silence_is_bridged_by_pings),
		cmocka_unit_test(a_peer_without_a_sign_of_life_is_given_up),
		cmocka_unit_test(a_newer_session_takes_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
