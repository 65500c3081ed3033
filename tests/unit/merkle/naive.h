/* SPDX-License-Identifier: EUPL-1.2 */
/* RFC 6962 section 2.1 word for word, recursive and slow: what the fast code must agree with. */
#pragma once

#include "merkle/hash.h"

/* MTH of the leaves whose hashes are leaves[0..n). */
static inline struct hash naive_root(const struct hash *leaves, uint64_t n)
{
	struct hash left, right;
	uint64_t k = 1;

	if (n == 0) {
		hash_sha256(&left, BYTES_NONE);
		return left;
	}
	if (n == 1)
		return leaves[0];
	while (2 * k < n)
		k *= 2;
	left = naive_root(leaves, k);
	right = naive_root(leaves + k, n - k);

	uint8_t message[1 + 2 * HASH_BYTES] = {0x01};

	memcpy(message + 1, left.bytes, HASH_BYTES);
	memcpy(message + 1 + HASH_BYTES, right.bytes, HASH_BYTES);
	hash_sha256(&left, BYTES_OF(message));
	return left;
}

/* n different leaf hashes; the same salt gives the same ones. */
static inline void naive_leaves(struct hash *leaves, uint64_t n, uint8_t salt)
{
	for (uint64_t i = 0; i < n; i++) {
		uint8_t data[9] = {salt};

		be64_put(data + 1, i);
		hash_leaf(&leaves[i], BYTES_OF(data));
	}
}
