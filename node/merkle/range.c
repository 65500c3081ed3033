/* SPDX-License-Identifier: EUPL-1.2 */
#include "merkle/range.h"

#include <assert.h>

/* The largest perfect subtree that starts at `at`, is aligned, and ends at or before `end`. */
static unsigned level_at(uint64_t at, uint64_t end)
{
	unsigned fits = 63 - (unsigned)__builtin_clzll(end - at);
	unsigned aligned = at ? (unsigned)__builtin_ctzll(at) : 63;

	return fits < aligned ? fits : aligned;
}

void range_init(struct range *r, uint64_t begin)
{
	r->begin = r->end = begin;
	r->hashes_len = 0;
}

unsigned range_hashes_count(uint64_t begin, uint64_t end)
{
	unsigned count = 0;

	assert(begin <= end);
	for (uint64_t at = begin; at < end; count++)
		at += 1ull << level_at(at, end);
	return count;
}

void range_subtree(uint64_t begin, uint64_t end, unsigned i, unsigned *level, uint64_t *index)
{
	uint64_t at = begin;

	for (; i > 0; i--) {
		assert(at < end);
		at += 1ull << level_at(at, end);
	}
	assert(at < end);
	*level = level_at(at, end);
	*index = at >> *level;
}

int range_set(struct range *r, uint64_t begin, uint64_t end, const struct hash *hashes,
	size_t hashes_len)
{
	if (begin > end || hashes_len != range_hashes_count(begin, end))
		return ENT_EINVALID;
	r->begin = begin;
	r->end = end;
	r->hashes_len = (unsigned)hashes_len;
	if (hashes_len > 0)
		memcpy(r->hashes, hashes, hashes_len * sizeof(*hashes));
	return 0;
}

/*
 * Puts a perfect subtree at the right end. While it is a right child whose left sibling lies wholly
 * in the range, that sibling is the last hash, and the two become their parent.
 */
static void push(struct range *r, unsigned level, struct hash hash, range_visit *visit, void *ctx)
{
	uint64_t index = r->end >> level;

	assert(r->end == index << level);
	assert(r->end <= UINT64_MAX - (1ull << level));
	r->end += 1ull << level;
	while ((index & 1) && ((index - 1) << level) >= r->begin) {
		assert(r->hashes_len > 0);
		hash_node(&hash, &r->hashes[--r->hashes_len], &hash);
		index >>= 1;
		level++;
		if (visit)
			visit(ctx, level, index, &hash);
	}
	assert(r->hashes_len < RANGE_HASHES_MAX);
	r->hashes[r->hashes_len++] = hash;
}

void range_append_visit(struct range *r, const struct hash *leaf_hash, range_visit *visit,
	void *ctx)
{
	assert(r->end < UINT64_MAX);
	if (visit)
		visit(ctx, 0, r->end, leaf_hash);
	push(r, 0, *leaf_hash, visit, ctx);
}

void range_append(struct range *r, const struct hash *leaf_hash)
{
	range_append_visit(r, leaf_hash, NULL, NULL);
}

/* A perfect subtree of so many leaves is hashed level by level. */
#define SUBTREE_LEVEL_MAX 6u

static void push_subtree(struct range *r, const struct hash *leaves, unsigned level,
	range_visit *visit, void *ctx)
{
	struct hash hashes[1u << SUBTREE_LEVEL_MAX];
	const uint64_t start = r->end;

	memcpy(hashes, leaves, sizeof(hashes[0]) << level);
	for (unsigned l = 0; l < level; l++) {
		size_t parents = (size_t)1 << (level - l - 1);

		hash_nodes(hashes, hashes, parents);
		for (size_t i = 0; visit && i < parents; i++)
			visit(ctx, l + 1, (start >> (l + 1)) + i, &hashes[i]);
	}
	push(r, level, hashes[0], visit, ctx);
}

void range_append_all(struct range *r, const struct hash *leaves, size_t len, range_visit *visit,
	void *ctx)
{
	assert(len <= UINT64_MAX - r->end);
	for (size_t i = 0; visit && i < len; i++)
		visit(ctx, 0, r->end + i, &leaves[i]);
	while (len > 0) {
		unsigned level = level_at(r->end, r->end + len);
		size_t count;

		level = level < SUBTREE_LEVEL_MAX ? level : SUBTREE_LEVEL_MAX;
		count = (size_t)1 << level;
		push_subtree(r, leaves, level, visit, ctx);
		leaves += count;
		len -= count;
	}
}

int range_merge(struct range *r, const struct range *right)
{
	const uint64_t end = right->end;

	if (right->begin != r->end)
		return ENT_EINVALID;
	for (unsigned i = 0; r->end < end; i++)
		push(r, level_at(r->end, end), right->hashes[i], NULL, NULL);
	return 0;
}

void range_root(const struct range *r, struct hash *root)
{
	assert(r->begin == 0);
	if (r->end == 0) {
		hash_empty(root);
		return;
	}
	*root = r->hashes[r->hashes_len - 1];
	for (unsigned i = r->hashes_len - 1; i > 0; i--)
		hash_node(root, &r->hashes[i - 1], root);
}
