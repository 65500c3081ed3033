/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: merkle */
/*
 * Proof verifiers and compact ranges. The first byte chooses: numbers and hashes as a peer could
 * send them, or a small tree whose proofs must hold and, once changed, must not.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "merkle/proof.h"

#define HASHES_MAX 160
#define LEAVES_MAX 80

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void raw_input(struct cursor *c)
{
	struct hash hashes[HASHES_MAX], first_root, second_root, root;
	struct range r, right;
	uint64_t first = cursor_u64(c), second = cursor_u64(c);
	bool consistent, split;
	size_t len;

	cursor_copy(c, &first_root, sizeof(first_root));
	cursor_copy(c, &second_root, sizeof(second_root));
	for (len = 0; len < HASHES_MAX && cursor_left(c) >= HASH_BYTES; len++)
		cursor_copy(c, &hashes[len], sizeof(hashes[len]));

	if (proof_inclusion_verify(first, second, &first_root, hashes, len, &second_root) == 0)
		assert(first < second);
	consistent = proof_consistency_verify(first, second, hashes, len, &first_root,
			     &second_root) == 0;
	split = proof_split_verify(first, second, hashes, len, &first_root, &second_root) == 0;
	assert(!consistent || first <= second);
	assert(!split || (first > 0 && first < second));
	assert(!consistent || !split || (first & (first - 1)) == 0);

	if (range_set(&r, first, second, hashes, len) < 0)
		return;
	assert(r.hashes_len == len);
	if (range_set(&right, second, second, NULL, 0) == 0)
		assert(range_merge(&r, &right) == 0 && r.end == second);
	if (second < UINT64_MAX)
		range_append(&r, &first_root);
	if (first == 0)
		range_root(&r, &root);
}

struct tree {
	uint64_t size;
	struct hash leaves[LEAVES_MAX];
};

static int subtree(void *ctx, unsigned level, uint64_t index, struct hash *hash)
{
	const struct tree *tree = ctx;
	struct range r;

	assert((index + 1) << level <= tree->size);
	range_init(&r, index << level);
	while (r.end < (index + 1) << level)
		range_append(&r, &tree->leaves[r.end]);
	assert(r.hashes_len == 1);
	*hash = r.hashes[0];
	return 0;
}

static void tree_root(const struct tree *tree, uint64_t size, struct hash *root)
{
	struct range r;

	range_init(&r, 0);
	while (r.end < size)
		range_append(&r, &tree->leaves[r.end]);
	range_root(&r, root);
}

/* Changes one bit of one hash where the input says so; false where there is none to change. */
static bool proof_damage(struct proof *p, uint8_t where, uint8_t bit)
{
	if (p->hashes_len == 0)
		return false;
	p->hashes[where % p->hashes_len].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	return true;
}

static void built_input(struct cursor *c)
{
	struct tree tree = {.size = 1 + cursor_u8(c) % LEAVES_MAX};
	const uint64_t first = cursor_u8(c) % (tree.size + 1);
	const uint8_t where = cursor_u8(c), bit = cursor_u8(c);
	struct hash first_root, root;
	struct proof p;

	for (uint64_t i = 0; i < tree.size; i++)
		hash_leaf(&tree.leaves[i], cursor_bytes(c, i % 5));
	tree_root(&tree, first, &first_root);
	tree_root(&tree, tree.size, &root);

	assert(proof_consistency_build(&p, first, tree.size, subtree, &tree) == 0);
	assert(proof_consistency_verify(first, tree.size, p.hashes, p.hashes_len, &first_root,
		       &root) == 0);
	if (proof_damage(&p, where, bit))
		assert(proof_consistency_verify(first, tree.size, p.hashes, p.hashes_len,
			       &first_root, &root) == ENT_EPROOF);
	if (first == tree.size)
		return;
	assert(proof_inclusion_build(&p, first, tree.size, subtree, &tree) == 0);
	assert(proof_inclusion_verify(first, tree.size, &tree.leaves[first], p.hashes, p.hashes_len,
		       &root) == 0);
	if (proof_damage(&p, where, bit))
		assert(proof_inclusion_verify(first, tree.size, &tree.leaves[first], p.hashes,
			       p.hashes_len, &root) == ENT_EPROOF);
	if (first == 0)
		return;
	/* Nobody honest can be framed, whatever is done to the proof; a forked root is proved. */
	assert(proof_split_build(&p, first, tree.size, subtree, &tree) == 0);
	assert(proof_split_verify(first, tree.size, p.hashes, p.hashes_len, &first_root, &root) ==
		ENT_EPROOF);
	first_root.bytes[bit / 8] ^= 1;
	assert(proof_split_verify(first, tree.size, p.hashes, p.hashes_len, &first_root, &root) ==
		0);
	first_root.bytes[bit / 8] ^= 1;
	proof_damage(&p, where, bit);
	assert(proof_split_verify(first, tree.size, p.hashes, p.hashes_len, &first_root, &root) ==
		ENT_EPROOF);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct cursor c = cursor_of(bytes_from(data, size));

	if (!ready && hash_init() < 0)
		return 0;
	ready = true;
	if (cursor_u8(&c) & 1)
		built_input(&c);
	else
		raw_input(&c);
	return 0;
}
