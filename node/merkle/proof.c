/* SPDX-License-Identifier: EUPL-1.2 */
#include "merkle/proof.h"

#include <assert.h>

/*
 * The root of the leaves [begin, end), begin < end, where begin is a multiple of a power of two not
 * smaller than the length. Such a tree's subtrees are the bits of its length, the largest first, so
 * it is folded from the right.
 */
static int tree_root(uint64_t begin, uint64_t end, proof_subtree *get, void *ctx, struct hash *root)
{
	bool first = true;

	assert(begin < end);
	while (end > begin) {
		unsigned level = (unsigned)__builtin_ctzll(end - begin);
		struct hash left;
		int rc;

		end -= 1ull << level;
		rc = get(ctx, level, end >> level, &left);
		if (rc < 0)
			return rc;
		if (first)
			*root = left;
		else
			hash_node(root, &left, root);
		first = false;
	}
	return 0;
}

/* The largest power of two smaller than n; n > 1. */
static uint64_t split_point(uint64_t n)
{
	return 1ull << (63 - __builtin_clzll(n - 1));
}

/* A walk from the root down to a subtree, noting the roots of what it leaves aside. */
struct walk {
	uint64_t begin, end; /* the subtree reached */
	size_t siblings_len;
	struct {
		uint64_t begin, end;
	} siblings[64];
};

static void walk_down(struct walk *w, uint64_t leaf)
{
	uint64_t middle = w->begin + split_point(w->end - w->begin);
	size_t i = w->siblings_len++;

	assert(i < sizeof(w->siblings) / sizeof(w->siblings[0]));
	if (leaf < middle) {
		w->siblings[i].begin = middle;
		w->siblings[i].end = w->end;
		w->end = middle;
	} else {
		w->siblings[i].begin = w->begin;
		w->siblings[i].end = middle;
		w->begin = middle;
	}
}

/* Appends the siblings' roots, the deepest first, as proofs list them. */
static int walk_hashes(const struct walk *w, struct proof *p, proof_subtree *get, void *ctx)
{
	for (size_t i = w->siblings_len; i > 0; i--) {
		int rc = tree_root(w->siblings[i - 1].begin, w->siblings[i - 1].end, get, ctx,
			&p->hashes[p->hashes_len]);

		if (rc < 0)
			return rc;
		p->hashes_len++;
	}
	return 0;
}

int proof_inclusion_build(struct proof *p, uint64_t index, uint64_t size, proof_subtree *get,
	void *ctx)
{
	struct walk w = {.end = size};

	p->hashes_len = 0;
	if (index >= size)
		return ENT_EINVALID;
	while (w.end - w.begin > 1)
		walk_down(&w, index);
	return walk_hashes(&w, p, get, ctx);
}

/* The subtree that ends with the smaller tree, then what lies around it (RFC 9162, 2.1.4.1). */
static int consistency_build(struct proof *p, uint64_t first, uint64_t second, bool seed_always,
	proof_subtree *get, void *ctx)
{
	struct walk w = {.end = second};

	while (w.end != first)
		walk_down(&w, first - 1);
	if (w.begin != 0 || seed_always) {
		int rc = tree_root(w.begin, w.end, get, ctx, &p->hashes[0]);

		if (rc < 0)
			return rc;
		p->hashes_len = 1;
	}
	return walk_hashes(&w, p, get, ctx);
}

int proof_consistency_build(struct proof *p, uint64_t first, uint64_t second, proof_subtree *get,
	void *ctx)
{
	p->hashes_len = 0;
	if (first > second)
		return ENT_EINVALID;
	if (first == 0 || first == second)
		return 0;
	return consistency_build(p, first, second, false, get, ctx);
}

int proof_split_build(struct proof *p, uint64_t first, uint64_t second, proof_subtree *get,
	void *ctx)
{
	p->hashes_len = 0;
	if (first == 0 || first >= second)
		return ENT_EINVALID;
	return consistency_build(p, first, second, true, get, ctx);
}

int proof_range_build(struct range *r, uint64_t begin, uint64_t end, proof_subtree *get, void *ctx)
{
	struct hash hashes[RANGE_HASHES_MAX];
	unsigned count;

	if (begin > end)
		return ENT_EINVALID;
	count = range_hashes_count(begin, end);
	for (unsigned i = 0; i < count; i++) {
		unsigned level;
		uint64_t index;
		int rc;

		range_subtree(begin, end, i, &level, &index);
		rc = get(ctx, level, index, &hashes[i]);
		if (rc < 0)
			return rc;
	}
	return range_set(r, begin, end, hashes, count);
}

/*
 * The climb of both verifiers: node is a subtree's index at its level, last the index of the last
 * subtree at that level. Where node is the last one and has no sibling, it rises until it has.
 */
static void climb_past_missing(uint64_t *node, uint64_t *last)
{
	while (!(*node & 1) && *node != 0) {
		*node >>= 1;
		*last >>= 1;
	}
}

int proof_inclusion_verify(uint64_t index, uint64_t size, const struct hash *leaf,
	const struct hash *hashes, size_t hashes_len, const struct hash *root)
{
	struct hash r = *leaf;
	uint64_t node = index, last = size - 1;

	if (index >= size)
		return ENT_EPROOF;
	for (size_t i = 0; i < hashes_len; i++) {
		if (last == 0)
			return ENT_EPROOF;
		if ((node & 1) || node == last) {
			hash_node(&r, &hashes[i], &r);
			climb_past_missing(&node, &last);
		} else {
			hash_node(&r, &r, &hashes[i]);
		}
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && hash_eq(&r, root) ? 0 : ENT_EPROOF;
}

/*
 * What the hashes make of the two trees, 0 < first < second: their roots, if the number of hashes
 * is right (RFC 9162, 2.1.4.2). seed is the root of the subtree that ends with the smaller tree.
 */
static int consistency_roots(uint64_t first, uint64_t second, const struct hash *seed,
	const struct hash *hashes, size_t hashes_len, struct hash *first_root,
	struct hash *second_root)
{
	uint64_t node = first - 1, last = second - 1;

	while (node & 1) {
		node >>= 1;
		last >>= 1;
	}
	*first_root = *second_root = *seed;
	for (size_t i = 0; i < hashes_len; i++) {
		if (last == 0)
			return ENT_EPROOF;
		if ((node & 1) || node == last) {
			hash_node(first_root, &hashes[i], first_root);
			hash_node(second_root, &hashes[i], second_root);
			climb_past_missing(&node, &last);
		} else {
			hash_node(second_root, second_root, &hashes[i]);
		}
		node >>= 1;
		last >>= 1;
	}
	return last == 0 ? 0 : ENT_EPROOF;
}

int proof_consistency_verify(uint64_t first, uint64_t second, const struct hash *hashes,
	size_t hashes_len, const struct hash *first_root, const struct hash *second_root)
{
	const struct hash *seed = first_root;
	struct hash fr, sr;

	if (first > second)
		return ENT_EPROOF;
	if (first == second)
		return hashes_len == 0 && hash_eq(first_root, second_root) ? 0 : ENT_EPROOF;
	if (first == 0)
		return hashes_len == 0 ? 0 : ENT_EPROOF;
	if (hashes_len == 0)
		return ENT_EPROOF;
	/* A power of two is one perfect subtree: its root is known and not in the proof. */
	if (first & (first - 1)) {
		seed = hashes++;
		hashes_len--;
	}
	if (consistency_roots(first, second, seed, hashes, hashes_len, &fr, &sr) < 0)
		return ENT_EPROOF;
	return hash_eq(&fr, first_root) && hash_eq(&sr, second_root) ? 0 : ENT_EPROOF;
}

int proof_roots(uint64_t first, uint64_t second, const struct hash *hashes, size_t hashes_len,
	struct hash *first_root, struct hash *second_root)
{
	if (first == 0 || first >= second || hashes_len == 0)
		return ENT_EPROOF;
	return consistency_roots(first, second, &hashes[0], hashes + 1, hashes_len - 1, first_root,
		second_root);
}

int proof_split_verify(uint64_t first, uint64_t second, const struct hash *hashes,
	size_t hashes_len, const struct hash *first_root, const struct hash *second_root)
{
	struct hash fr, sr;

	if (proof_roots(first, second, hashes, hashes_len, &fr, &sr) < 0)
		return ENT_EPROOF;
	return hash_eq(&sr, second_root) && !hash_eq(&fr, first_root) ? 0 : ENT_EPROOF;
}
