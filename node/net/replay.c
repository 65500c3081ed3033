/* SPDX-License-Identifier: EUPL-1.2 */
#include "net/replay.h"

#include <string.h>

/* A scan of 128 KiB at the most, after two Diffie-Hellman operations that cost more. */
bool net_replay_seen(const struct net_replay *r, const struct node_id *peer,
	const uint8_t mac[NOISE_MAC_BYTES])
{
	for (size_t i = 0; i < r->len; i++)
		if (memcmp(r->entries[i].mac, mac, NOISE_MAC_BYTES) == 0 &&
			node_id_eq(&r->entries[i].peer, peer))
			return true;
	return false;
}

/* How many entries the peer has; *oldest is the first of them. */
static size_t entries_of(const struct net_replay *r, const struct node_id *peer, size_t *oldest)
{
	size_t count = 0;

	for (size_t i = r->len; i-- > 0;) {
		if (!node_id_eq(&r->entries[i].peer, peer))
			continue;
		*oldest = i;
		count++;
	}
	return count;
}

/*
 * Whose entry goes: the peer's own oldest once it has its share, else the oldest of somebody who
 * has more than a share. If nobody has, there are more names than sessions (peers that were removed
 * since) and the oldest of all goes.
 */
static size_t victim(const struct net_replay *r, const struct node_id *peer)
{
	size_t oldest = 0;

	if (entries_of(r, peer, &oldest) >= REPLAY_SHARE)
		return oldest;
	for (size_t i = 0; i < r->len; i++)
		if (entries_of(r, &r->entries[i].peer, &oldest) > REPLAY_SHARE)
			return oldest;
	return 0;
}

void net_replay_remember(struct net_replay *r, const struct node_id *peer,
	const uint8_t mac[NOISE_MAC_BYTES])
{
	struct net_replay_entry *e;

	if (r->len == REPLAY_MEMORY) {
		size_t at = victim(r, peer);

		r->len--;
		memmove(&r->entries[at], &r->entries[at + 1], (r->len - at) * sizeof(*r->entries));
	}
	e = &r->entries[r->len++];
	e->peer = *peer;
	memcpy(e->mac, mac, NOISE_MAC_BYTES);
}
