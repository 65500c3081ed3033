/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "net/replay.h"

static struct node_id peer_of(uint32_t number)
{
	struct node_id id = {{0}};

	be32_put(id.bytes, number);
	return id;
}

static const uint8_t *mac_of(uint32_t number)
{
	static uint8_t mac[NOISE_MAC_BYTES];

	be32_put(mac, number);
	return mac;
}

static void remembers_what_a_peer_has_sent(void **state)
{
	struct net_replay *r = calloc(1, sizeof(*r));
	struct node_id a = peer_of(1), b = peer_of(2);

	(void)state;
	assert_non_null(r);
	assert_false(net_replay_seen(r, &a, mac_of(7)));
	net_replay_remember(r, &a, mac_of(7));
	assert_true(net_replay_seen(r, &a, mac_of(7)));
	assert_false(net_replay_seen(r, &a, mac_of(8)));
	assert_false(net_replay_seen(r, &b, mac_of(7)));
	free(r);
}

/* At the bound a peer that hurries forgets its own; the share of every other one stays. */
static void one_peer_cannot_flush_what_others_sent(void **state)
{
	struct net_replay *r = calloc(1, sizeof(*r));
	struct node_id hasty = peer_of(0);

	(void)state;
	assert_non_null(r);
	for (uint32_t p = 1; p < SESSIONS_MAX; p++) {
		struct node_id id = peer_of(p);

		for (uint32_t i = 0; i < REPLAY_SHARE; i++)
			net_replay_remember(r, &id, mac_of(i));
	}
	for (uint32_t i = 0; i < 3 * REPLAY_MEMORY; i++)
		net_replay_remember(r, &hasty, mac_of(i));
	assert_int_equal(r->len, REPLAY_MEMORY);
	for (uint32_t p = 1; p < SESSIONS_MAX; p++) {
		struct node_id id = peer_of(p);

		for (uint32_t i = 0; i < REPLAY_SHARE; i++)
			assert_true(net_replay_seen(r, &id, mac_of(i)));
	}
	for (uint32_t i = 0; i < REPLAY_SHARE; i++)
		assert_true(net_replay_seen(r, &hasty, mac_of(3 * REPLAY_MEMORY - 1 - i)));
	free(r);
}

/* Whoever came first has taken everything; late comers still get their share of it. */
static void a_full_memory_makes_room_for_new_peers(void **state)
{
	struct net_replay *r = calloc(1, sizeof(*r));
	struct node_id first = peer_of(0);

	(void)state;
	assert_non_null(r);
	for (uint32_t i = 0; i < REPLAY_MEMORY; i++)
		net_replay_remember(r, &first, mac_of(i));
	for (uint32_t i = 0; i < REPLAY_SHARE; i++) {
		for (uint32_t p = 1; p < SESSIONS_MAX; p++) {
			struct node_id id = peer_of(p);

			net_replay_remember(r, &id, mac_of(i));
		}
	}
	for (uint32_t p = 1; p < SESSIONS_MAX; p++) {
		struct node_id id = peer_of(p);

		for (uint32_t i = 0; i < REPLAY_SHARE; i++)
			assert_true(net_replay_seen(r, &id, mac_of(i)));
	}
	for (uint32_t i = 0; i < REPLAY_SHARE; i++)
		assert_true(net_replay_seen(r, &first, mac_of(REPLAY_MEMORY - 1 - i)));
	assert_false(net_replay_seen(r, &first, mac_of(0)));
	free(r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(remembers_what_a_peer_has_sent),
		cmocka_unit_test(one_peer_cannot_flush_what_others_sent),
		cmocka_unit_test(a_full_memory_makes_room_for_new_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
