/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/net/fixture.h"

/* A node with one live session, so that it can be seen to live on. */
struct scene {
	struct world w;
	struct node a, b; /* a accepts b, which is connected */
};

static void scene_start(struct scene *s)
{
	world_start(&s->w);
	node_start(&s->w, &s->a, 1);
	node_start(&s->w, &s->b, 2);
	node_know(&s->a, &s->b, NULL);
	node_know(&s->b, &s->a, s->a.address);
	WAIT_FOR(&s->w, s->a.messages == 1 && s->b.messages == 1);
	s->a.net->times.handshake = 200;
	uv_timer_set_repeat(&s->a.net->tick, 20);
	uv_timer_again(&s->a.net->tick);
}

static void scene_end(struct scene *s)
{
	assert_int_equal(s->a.closed, 0);
	assert_int_equal(s->b.closed, 0);
	node_stop(&s->a);
	node_stop(&s->b);
	world_end(&s->w);
}

/* Sends the bytes in pieces; not one comes back, and the end comes when the time for a handshake
 * is over. */
static void silence_meets(struct scene *s, const uint8_t *data, size_t len, size_t piece)
{
	uint64_t begin = now_ms();
	int fd = raw_connect(s->a.address);
	uint8_t back[1];
	bool ended;

	for (size_t at = 0; at < len; at += piece) {
		raw_send(fd, data + at, len - at < piece ? len - at : piece);
		world_turn(&s->w);
	}
	assert_int_equal(raw_receive(&s->w, fd, back, 1, WAIT_MS, &ended), 0);
	assert_true(ended);
	assert_true(now_ms() - begin >= 190);
	close(fd);
}

static void strangers_get_not_one_byte(void **state)
{
	static struct scene s;
	static struct node stranger, other;
	struct net_stats stats;
	uint8_t noise[300];
	struct rogue r;

	(void)state;
	scene_start(&s);
	randombytes_buf(noise, sizeof(noise));
	silence_meets(&s, noise, 0, 1);
	silence_meets(&s, noise, sizeof(noise), sizeof(noise));
	silence_meets(&s, noise, 13, 5);
	/* A valid MAC over a valid message of a key that no agreement names. */
	node_make(&s.w, &stranger, 9);
	rogue_greeting(&r, &stranger, &s.a, 1);
	silence_meets(&s, r.greeting, sizeof(r.greeting), 30);
	/* A peer's key, but the MAC of somebody who does not know ours; and a bit wrong in
	 * message 1. */
	rogue_greeting(&r, &s.b, &s.a, 1);
	r.greeting[0] ^= 1;
	silence_meets(&s, r.greeting, sizeof(r.greeting), sizeof(r.greeting));
	rogue_greeting(&r, &s.b, &s.a, 1);
	r.greeting[18 + 50] ^= 1;
	noise_mac(r.greeting, s.a.public, bytes_from(r.greeting + 18, NOISE_MSG1_BYTES));
	silence_meets(&s, r.greeting, sizeof(r.greeting), sizeof(r.greeting));
	/* Another length in front; and one byte short. */
	rogue_greeting(&r, &s.b, &s.a, 1);
	r.greeting[17] = NOISE_MSG1_BYTES + 1;
	silence_meets(&s, r.greeting, sizeof(r.greeting), sizeof(r.greeting));
	rogue_greeting(&r, &s.b, &s.a, 1);
	silence_meets(&s, r.greeting, sizeof(r.greeting) - 1, 7);
	/* A message meant for another node: the prologue names that one. */
	other = s.a;
	other.id.bytes[0] ^= 1;
	rogue_greeting(&r, &s.b, &other, 1);
	silence_meets(&s, r.greeting, sizeof(r.greeting), sizeof(r.greeting));
	net_stats(s.a.net, &stats);
	assert_int_equal(stats.strangers, 9);
	scene_end(&s);
}

/* Points of small order, zero first: every Diffie-Hellman with them is refused. */
static void low_order_points_get_not_one_byte(void **state)
{
	static const uint8_t points[][32] = {
		{0},
		{1},
		{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
			0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62,
			0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
	};
	static struct scene s;
	struct rogue r;

	(void)state;
	scene_start(&s);
	for (size_t i = 0; i < COUNT_OF(points); i++) {
		rogue_greeting(&r, &s.b, &s.a, 1);
		memcpy(r.greeting + 18, points[i], 32);
		noise_mac(r.greeting, s.a.public, bytes_from(r.greeting + 18, NOISE_MSG1_BYTES));
		silence_meets(&s, r.greeting, sizeof(r.greeting), sizeof(r.greeting));
	}
	scene_end(&s);
}

static void a_talkative_stranger_is_cut_without_a_byte(void **state)
{
	static uint8_t noise[NET_MUTE_BYTES + 4096];
	static struct scene s;
	uint8_t back[1];
	bool ended;
	int fd;

	(void)state;
	scene_start(&s);
	s.a.net->times.handshake = HANDSHAKE_MS;
	fd = raw_connect(s.a.address);
	raw_send(fd, noise, sizeof(noise));
	assert_int_equal(raw_receive(&s.w, fd, back, 1, 2000, &ended), 0);
	assert_true(ended);
	close(fd);
	scene_end(&s);
}

/* What a wire tapper can do with the first message of a peer that it has recorded. */
static void a_replayed_first_message_gets_silence(void **state)
{
	uint8_t recorded[NET_GREETING_BYTES], back[NET_ANSWER_BYTES + 1];
	static struct scene s;
	char address[64];
	int tap, fd;
	bool ended;

	(void)state;
	scene_start(&s);
	/* The tapper stands where b believes a to be. */
	tap = raw_listen(address);
	net_peer_remove(s.b.net, &s.a.id);
	WAIT_FOR(&s.w, s.a.closed == 1);
	node_know(&s.b, &s.a, address);
	fd = raw_accept(&s.w, tap);
	assert_int_equal(raw_receive(&s.w, fd, recorded, sizeof(recorded), WAIT_MS, &ended),
		sizeof(recorded));
	close(tap);
	node_know(&s.b, &s.a, s.a.address);
	WAIT_FOR(&s.w, s.a.opened == 2 && s.b.opened == 2);
	s.a.closed = s.b.closed = 0;
	s.a.opened = s.b.opened = 1;
	close(fd);
	/* For a it is new, so it is answered, and leads nowhere. */
	s.a.net->times.handshake = HANDSHAKE_MS;
	fd = raw_connect(s.a.address);
	raw_send(fd, recorded, sizeof(recorded));
	assert_int_equal(raw_receive(&s.w, fd, back, sizeof(back), 300, &ended), NET_ANSWER_BYTES);
	s.a.net->times.handshake = 200;
	/* From then on it is known. */
	for (int i = 0; i < 2; i++)
		silence_meets(&s, recorded, sizeof(recorded), sizeof(recorded));
	close(fd);
	assert_int_equal(s.a.opened, 1);
	scene_end(&s);
}

static void nothing_follows_message_2_until_the_keys_are_confirmed(void **state)
{
	static struct scene s;
	uint8_t back[64];
	struct rogue r;
	bool ended;

	(void)state;
	scene_start(&s);
	rogue_connect(&s.w, &r, &s.b, &s.a, 7);
	assert_int_equal(raw_receive(&s.w, r.fd, back, sizeof(back), WAIT_MS, &ended), 0);
	assert_true(ended);
	assert_int_equal(s.a.opened, 1);
	close(r.fd);
	/* Nor does a frame under wrong keys get an answer. */
	rogue_connect(&s.w, &r, &s.b, &s.a, 8);
	r.sending.key[0] ^= 1;
	rogue_message(&r, WIRE_HELLO, BYTES_NONE);
	assert_int_equal(raw_receive(&s.w, r.fd, back, sizeof(back), WAIT_MS, &ended), 0);
	assert_true(ended);
	assert_int_equal(s.a.opened, 1);
	close(r.fd);
	scene_end(&s);
}

static void psk_meets(const uint8_t psk_a[32], const uint8_t psk_b[32], bool opens)
{
	static struct node a, b;
	struct world w;

	world_start(&w);
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	node_know_with(&b, &a, NULL, psk_b);
	node_know_with(&a, &b, b.address, psk_a);
	if (opens)
		WAIT_FOR(&w, a.messages == 1 && b.messages == 1);
	else
		WAIT_FOR(&w, node_info(&a, &b).state == NET_REFUSED);
	assert_int_equal(a.opened, opens);
	assert_int_equal(b.opened, opens);
	if (!opens) {
		assert_non_null(strstr(node_info(&a, &b).last_error, "pre-shared key"));
		/* The right key is taken up without a restart. */
		node_know_with(&a, &b, b.address, psk_b);
		WAIT_FOR(&w, a.messages == 1 && b.messages == 1);
	}
	node_stop(&a);
	node_stop(&b);
	world_end(&w);
}

static void both_sides_need_the_same_pre_shared_key(void **state)
{
	uint8_t one[32], two[32];

	(void)state;
	memset(one, 1, sizeof(one));
	memset(two, 2, sizeof(two));
	psk_meets(one, one, true);
	psk_meets(one, two, false);
	psk_meets(one, no_psk, false);
	psk_meets(no_psk, one, false);
}

static void a_peer_removed_in_mid_handshake_does_not_get_in(void **state)
{
	static struct node a, b;
	uint8_t back[1];
	struct rogue r;
	struct world w;
	bool ended;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_make(&w, &b, 2);
	node_know(&a, &b, NULL);
	rogue_connect(&w, &r, &b, &a, 7);
	net_peer_remove(a.net, &b.id);
	rogue_message(&r, WIRE_HELLO, BYTES_NONE);
	assert_int_equal(raw_receive(&w, r.fd, back, 1, WAIT_MS, &ended), 0);
	assert_true(ended);
	assert_int_equal(a.opened, 0);
	close(r.fd);
	node_stop(&a);
	world_end(&w);
}

static void a_penalised_peer_gets_silence(void **state)
{
	static struct node a, b;
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	node_know(&a, &b, b.address);
	node_know(&b, &a, NULL);
	WAIT_FOR(&w, b.messages == 1 && a.messages == 1);
	net_close(b.session, BYE_MISBEHAVED, "test");
	net_peer_penalty(b.net, &a.id, 1500);
	b.net->times.handshake = 200;
	uv_timer_set_repeat(&b.net->tick, 20);
	uv_timer_again(&b.net->tick);
	WAIT_FOR(&w, node_info(&a, &b).state == NET_REFUSED);
	assert_int_equal(b.opened, 1);
	WAIT_FOR(&w, b.opened == 2);
	node_stop(&a);
	node_stop(&b);
	world_end(&w);
}

static void a_peer_that_opens_session_after_session_gets_silence(void **state)
{
	static struct node a, b;
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	node_know(&a, &b, b.address);
	node_know(&b, &a, NULL);
	a.net->times.redial_first = a.net->times.redial_max = 2;
	/* It dials at once, whatever became of the last session. */
	for (int opened = 1; opened <= (int)SESSIONS_A_MINUTE; opened++) {
		WAIT_FOR(&w, b.opened == opened && b.session);
		net_peer_find(a.net, &b.id)->opens = 0;
		net_close(b.session, BYE_STOPPING, "test");
	}
	b.net->times.handshake = 200;
	uv_timer_set_repeat(&b.net->tick, 20);
	uv_timer_again(&b.net->tick);
	WAIT_FOR(&w, node_info(&a, &b).state == NET_REFUSED);
	assert_int_equal(b.opened, SESSIONS_A_MINUTE);
	node_stop(&a);
	node_stop(&b);
	world_end(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_get_not_one_byte),
		cmocka_unit_test(low_order_points_get_not_one_byte),
		cmocka_unit_test(a_talkative_stranger_is_cut_without_a_byte),
		cmocka_unit_test(a_replayed_first_message_gets_silence),
		cmocka_unit_test(nothing_follows_message_2_until_the_keys_are_confirmed),
		cmocka_unit_test(both_sides_need_the_same_pre_shared_key),
		cmocka_unit_test(a_peer_removed_in_mid_handshake_does_not_get_in),
		cmocka_unit_test(a_penalised_peer_gets_silence),
		cmocka_unit_test(a_peer_that_opens_session_after_session_gets_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
