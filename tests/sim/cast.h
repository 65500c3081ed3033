/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The nodes that play in simulated worlds: real roots, seeds and cards, and real agreements between
 * them, signed by everybody. Their keys follow from their number, so every run has the same cast.
 */
#pragma once

#include "base/arena.h"
#include "gossip/engine.h"
#include "keys/agreement.h"
#include "keys/card.h"
#include "keys/identity.h"
#include "keys/roster.h"

#define CAST_MAX       16384u
#define CAST_TERMS_MAX 64u /* actors that a struct cast_terms can name */
/* When worlds begin, UTC second: 2026-11-22T00:00:00Z. Cards are valid from here for ten years. */
#define CAST_EPOCH 1795305600

struct actor {
	unsigned number;
	struct node_id node;
	struct root_key root, next_root;
	struct identity identity;
	struct card_chain chain; /* one card */
	struct arena arena;
};

/* Made at the first call, for good. i < CAST_MAX. */
const struct actor *cast_actor(unsigned i);
/* The actor with this id among those made so far; NULL. */
const struct actor *cast_actor_of(const struct node_id *id);

/* How whoever has these keys cosigns. */
struct gossip_signer cast_signer(const struct identity *id);

/* The card that follows the actor's chain, as a chain of two; other: in its other, contradicting
 * version. */
struct card_chain cast_next_card(unsigned i, bool other, struct arena *arena);

/* The same with new keys, of an incarnation CAST_EPOCH + add: signed by the actor's root, or by its
 * next root, which makes itself root. Keys follow from i and add. */
struct card_chain cast_changed_card(unsigned i, bool next_root, uint64_t add, struct arena *arena);
/* The same with the keys of another number. */
struct card_chain cast_rival_card(unsigned i, bool next_root, uint64_t add, uint64_t keys,
	struct arena *arena);

/* --- changes of cards ------------------------------------------------------------------------- */

/* What an actor is to others from some time on: its keys and roots, and the chain that says so.
 * Keys and roots are numbered; those numbered 0 it had from the beginning. */
struct guise {
	unsigned actor, keys, root;
	const struct guise *former; /* NULL: it is the first */
	struct card_chain chain;
};

/* Its keys of that number, of incarnation CAST_EPOCH + keys. Made at the first call, for good. */
const struct identity *cast_keys(unsigned actor, unsigned keys);

/* The actor as it begins. */
struct guise cast_guise(unsigned actor);

/* A card follows: with keys of that number, which may be those that it has; rotates: under the next
 * root. In the arena. */
const struct guise *cast_follow(const struct guise *g, unsigned keys, bool rotates,
	struct arena *arena);

/* --- rosters ---------------------------------------------------------------------------------- */

/* Of the signers so many sign it, the first of them, and no more. */
struct cast_list {
	uint64_t id;
	uint32_t serial, threshold;
	uint64_t signers, members; /* sets of actors */
	int64_t from, until;       /* UTC seconds */
};
const struct roster *cast_roster(const struct cast_list *list, struct arena *arena);

/* --- agreements ------------------------------------------------------------------------------- */

/* What differs between agreements here. Sets of actors are bit sets of their numbers. */
struct cast_terms {
	uint64_t id;
	uint32_t serial;
	uint64_t parties;
	uint64_t introduces;
	uint32_t gives[CAST_TERMS_MAX]; /* TLP_BIT set of each party */
	/* Of each party; 0: as drafts have it. */
	uint64_t quota_origins, quota_records, quota_bytes;
	int64_t from, until; /* UTC seconds; both 0: from the epoch on for ten years */
	int64_t erase_s;     /* after the end; 0: as drafts have it, -1: keep */
};

/* A revocation of the agreement by party i, under its root or, forged, under that of by. */
struct bytes cast_revocation(uint64_t agreement, unsigned i, unsigned by, struct arena *arena);

/* The same by the party as it is now, under the root that it has. */
struct bytes cast_revocation_by(uint64_t agreement, const struct guise *party, struct arena *arena);

/* The agreement's text, signed by every party and parsed again; in the arena. */
const struct agreement *cast_agreement(const struct cast_terms *terms, struct arena *arena);

/* The same for actors of any number. */
struct cast_party {
	unsigned actor;
	uint32_t gives;
	bool introduces;
};
const struct agreement *cast_agreement_of(const struct cast_terms *terms,
	const struct cast_party *parties, size_t parties_len, struct arena *arena);

static inline uint64_t cast_bit(unsigned actor)
{
	return (uint64_t)1 << actor;
}
