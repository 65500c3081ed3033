/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SHA-256, its HMAC, and the tree hashes of RFC 6962, section 2.1. SHA-256 uses the CPU's own
 * instructions where they exist, chosen once by hash_init and checked there against libsodium.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define HASH_BYTES 32

struct hash {
	uint8_t bytes[HASH_BYTES];
};

_Static_assert(sizeof(struct hash) == HASH_BYTES, "arrays of hashes have no padding");

static inline bool hash_eq(const struct hash *a, const struct hash *b)
{
	return memcmp(a->bytes, b->bytes, HASH_BYTES) == 0;
}

/* Before anything else, once per process; calls sodium_init. ENT_ECRYPTO when the CPU's SHA-256
 * and libsodium's differ (then libsodium's is used). Without it libsodium's is used. */
int hash_init(void) MUST_CHECK;
const char *hash_implementation(void); /* "sha-ni" or "portable" */

void hash_sha256(struct hash *out, struct bytes data);
void hash_sha256_parts(struct hash *out, const struct bytes *parts, size_t parts_len);

/* The same of what comes in pieces; after the end it begins anew only by hash_begin. */
struct hash_running {
	_Alignas(16) uint8_t room[192];
};

void hash_begin(struct hash_running *r);
void hash_update(struct hash_running *r, struct bytes data);
void hash_end(struct hash_running *r, struct hash *out);

/*
 * HMAC-SHA-256 (RFC 2104). What is kept of a key is as secret as the key: hmac_key_wipe when done.
 * Beginning costs two blocks and is done once; each result costs two more and the message's own.
 */
struct hmac_key {
	_Alignas(16) uint8_t room[208];
};

void hmac_key_begin(struct hmac_key *k, struct bytes key);
void hmac_key_wipe(struct hmac_key *k);
void hmac_parts(struct hash *out, const struct hmac_key *k, const struct bytes *parts,
	size_t parts_len);

/* 0x00 || leaf, and 0x01 || left || right; out may be one of the inputs. */
void hash_leaf(struct hash *out, struct bytes leaf);
void hash_node(struct hash *out, const struct hash *left, const struct hash *right);
/* Many at a time, which is faster than each for itself: len results. The parent of two children
 * that follow each other; parents may be the same array. */
void hash_leaves(struct hash *out, const struct bytes *leaves, size_t len);
void hash_nodes(struct hash *parents, const struct hash *children, size_t len);
void hash_commitments(struct hash *out, const struct bytes *salts, const struct bytes *bodies,
	size_t len);
/* SHA-256(""), the root of the empty tree. */
void hash_empty(struct hash *out);
/* The commitment of an entry: SHA-256(0x10 || salt || body), PROTOCOL.md "Entries". */
void hash_commitment(struct hash *out, struct bytes salt, struct bytes body);
