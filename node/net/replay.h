/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * First messages that were answered, so that none is answered twice (PROTOCOL.md, "Sessions").
 * Pure.
 *
 * The memory is bounded, so something must be forgotten. Every peer keeps at least its own newest
 * REPLAY_SHARE messages, whatever other peers do: one that hurries through handshakes forgets its
 * own, and borrows only what nobody needs.
 *
 * What remains: a recorded first message that has been forgotten, or one from before a restart
 * (this memory is not kept on disk), is answered with message 2 once more. That tells whoever
 * replays it only that this node still knows the peer, which the recording had shown already.
 * Without the initiator's ephemeral secret nothing can follow, so no session is opened and none is
 * replaced.
 */
#pragma once

#include "base/name.h"
#include "noise/handshake.h"
#include "proto/limits.h"

#define REPLAY_SHARE (REPLAY_MEMORY / SESSIONS_MAX)

/* A message is told by its MAC: 128 bits of BLAKE2b over all of it. */
struct net_replay_entry {
	struct node_id peer;
	uint8_t mac[NOISE_MAC_BYTES];
};

/* All zero is empty. Entries stand in the order they came. */
struct net_replay {
	struct net_replay_entry entries[REPLAY_MEMORY];
	size_t len;
};

bool net_replay_seen(const struct net_replay *r, const struct node_id *peer,
	const uint8_t mac[NOISE_MAC_BYTES]);
void net_replay_remember(struct net_replay *r, const struct node_id *peer,
	const uint8_t mac[NOISE_MAC_BYTES]);
