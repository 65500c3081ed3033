/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inclusion and consistency proofs (RFC 9162 sections 2.1.3 and 2.1.4), and the proof of a split
 * view for equal or unequal sizes (PROTOCOL.md, "Split views").
 *
 * Building asks for subtree hashes through an interface that the caller provides; only perfect
 * subtrees are asked for.
 */
#pragma once

#include "merkle/hash.h"
#include "merkle/range.h"

#define PROOF_HASHES_MAX 128

/* Gives the hash of the perfect subtree of 2^level leaves at index, or an error to pass on. */
typedef int proof_subtree(void *ctx, unsigned level, uint64_t index, struct hash *hash);

struct proof {
	size_t hashes_len;
	struct hash hashes[PROOF_HASHES_MAX];
};

/* index < size, else ENT_EINVALID: the numbers may be a peer's. */
int proof_inclusion_build(struct proof *p, uint64_t index, uint64_t size, proof_subtree *get,
	void *ctx) MUST_CHECK;
/* first <= second, else ENT_EINVALID. Empty when first is 0 or equal to second. */
int proof_consistency_build(struct proof *p, uint64_t first, uint64_t second, proof_subtree *get,
	void *ctx) MUST_CHECK;
/* The compact range [begin, end) from stored subtrees. */
int proof_range_build(struct range *r, uint64_t begin, uint64_t end, proof_subtree *get,
	void *ctx) MUST_CHECK;

/* 0 or ENT_EPROOF. Any input is safe. */
int proof_inclusion_verify(uint64_t index, uint64_t size, const struct hash *leaf,
	const struct hash *hashes, size_t hashes_len, const struct hash *root) MUST_CHECK;
int proof_consistency_verify(uint64_t first, uint64_t second, const struct hash *hashes,
	size_t hashes_len, const struct hash *first_root,
	const struct hash *second_root) MUST_CHECK;

/*
 * The roots of both trees, 0 < first < second, that a consistency proof with its seed hash explicit
 * makes: what two signed roots are compared with. ENT_EPROOF: the numbers or the number of hashes
 * are wrong.
 */
int proof_roots(uint64_t first, uint64_t second, const struct hash *hashes, size_t hashes_len,
	struct hash *first_root, struct hash *second_root) MUST_CHECK;

/*
 * Split view: 0 < first < second, and hashes is the consistency proof with the seed hash explicit
 * even where first is a power of two. 0 when the hashes lead to second_root but not to first_root
 * (a fork is proven); ENT_EPROOF otherwise. proof_split_build builds those hashes from the larger
 * tree; ENT_EINVALID for other numbers.
 */
int proof_split_build(struct proof *p, uint64_t first, uint64_t second, proof_subtree *get,
	void *ctx) MUST_CHECK;
int proof_split_verify(uint64_t first, uint64_t second, const struct hash *hashes,
	size_t hashes_len, const struct hash *first_root,
	const struct hash *second_root) MUST_CHECK;
