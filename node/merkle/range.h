/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Compact ranges: the fewest subtree hashes that stand for the leaves [begin, end) of a log. A
 * range that begins at 0 is the state of a tree: append leaves to it and ask for its root. Two
 * ranges that touch merge, so the range of what one has and the range of the rest give the root of
 * the whole: that is how a run of entries is verified on arrival (PROTOCOL.md, "Runs").
 *
 * The hashes stand from left to right. For [begin, end) they are the perfect subtrees of the
 * canonical decomposition: growing from begin up to the largest, then shrinking down to end.
 * Source: RFC 6962 section 2.1; the form is that of the compact ranges of transparency-dev/merkle.
 */
#pragma once

#include "merkle/hash.h"

#define RANGE_HASHES_MAX 128 /* two borders of 64 levels */

struct range {
	uint64_t begin, end;
	unsigned hashes_len;
	struct hash hashes[RANGE_HASHES_MAX];
};

/* An empty range at a place. */
void range_init(struct range *r, uint64_t begin);

/* How many hashes the decomposition of [begin, end) has; begin <= end. */
unsigned range_hashes_count(uint64_t begin, uint64_t end);

/* The i-th subtree of that decomposition: its level (2^level leaves) and index at that level. */
void range_subtree(uint64_t begin, uint64_t end, unsigned i, unsigned *level, uint64_t *index);

/* Takes hashes from outside. ENT_EINVALID when their number is not the decomposition's. */
int range_set(struct range *r, uint64_t begin, uint64_t end, const struct hash *hashes,
	size_t hashes_len) MUST_CHECK;

/* Appends the leaf hash at r->end. Asserts that end does not overflow. */
void range_append(struct range *r, const struct hash *leaf_hash);

/*
 * Is told every perfect subtree that an append completes, once, lowest first, beginning with the
 * leaf itself (level 0): what a store keeps. May be NULL.
 */
typedef void range_visit(void *ctx, unsigned level, uint64_t index, const struct hash *hash);
void range_append_visit(struct range *r, const struct hash *leaf_hash, range_visit *visit,
	void *ctx);

/* The same for many leaves, faster than one after the other: children are told before parents, but
 * not as early as they are complete. */
void range_append_all(struct range *r, const struct hash *leaves, size_t len, range_visit *visit,
	void *ctx);

/* r = r + right; right->begin must be r->end (else ENT_EINVALID). */
int range_merge(struct range *r, const struct range *right) MUST_CHECK;

/* The root of a range that begins at 0 (asserted); the empty root for size 0. */
void range_root(const struct range *r, struct hash *root);
