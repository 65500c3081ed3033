/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a publication has said so far. The index follows the truth at some distance, so a value that
 * stands twice in one input would be published twice if only the store were asked. This set answers
 * for what the index does not show yet; once the index has caught up it may be emptied, which keeps
 * it small however long the input is.
 *
 * Of an object that one input names several times with the same kind the first claim stands: so
 * that publishing the same list again changes nothing, even where it names an address with two
 * ports or describes a value twice. Publications may share a set; what another one has said of an
 * object is for the store to compare. So is what may have been said of it under its other name: a
 * claim has the object's id or its value, and of the value the id is not made here.
 *
 * It keeps 96 bits of a hash under a random key, 16 bytes a claim: nothing in an input can make two
 * claims look alike. Whoever knows some claims ahead has their places fetched (intake_seen_fetch):
 * in a large set each look is a miss of the cache otherwise.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/name.h"

struct intake_claim;

/* A claim as the set sees it: which object in which audience, and the kind of what is said. */
struct intake_mark {
	uint64_t key[2];
	uint64_t said; /* enum kind, never 0 */
	uint64_t publication;
	bool by_id; /* the claim has the object's id */
};

/* A mark as it is kept: four to a line of the cache. */
struct intake_slot {
	uint64_t key;
	uint64_t rest; /* 32 bits of the key, 27 of the publication's number, 5 of what was said */
};

struct intake_seen {
	struct intake_slot *slots; /* rest 0: empty */
	size_t cap;                /* a power of two, or 0 */
	size_t count;
	size_t max;       /* claims it takes */
	bool ids, values; /* some of them by the object's id, by its value */
	uint8_t hash_key[16];
};

void intake_seen_init(struct intake_seen *s, size_t max, const struct env_rng *rng);
void intake_seen_reset(struct intake_seen *s); /* empties; large memory is given back */
void intake_seen_free(struct intake_seen *s);

/* ENT_EINVALID: a value that no record takes. */
int intake_seen_mark(const struct intake_seen *s, const struct intake_claim *c,
	struct audience audience, struct intake_mark *m) MUST_CHECK;

/* Has the memory begin to fetch what the next two calls look at. */
void intake_seen_fetch(const struct intake_seen *s, const struct intake_mark *m);

/* What was said last of the same object in the same audience: 1 the same kind, 0 another,
 * ENT_ENOTFOUND nothing, ENT_ESTATE something, by another publication, or maybe something under the
 * other name. (Numbers of publications come again after 2^27.) */
int intake_seen_same(const struct intake_seen *s, const struct intake_mark *m) MUST_CHECK;

/* Takes the mark. ENT_ELIMIT when the set is full, ENT_ENOMEM; then it is as before. */
int intake_seen_put(struct intake_seen *s, const struct intake_mark *m) MUST_CHECK;
