/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SHA-256 (FIPS 180-4) by the SHA instructions of x86. Inside merkle/ only: others use hash.h,
 * which chooses. Call the others only where sha_ni_present() said yes.
 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

bool sha_ni_present(void);

/* The hash of the parts, one behind the other; out holds 32 bytes. */
void sha_ni_parts(uint8_t *out, const struct bytes *parts, size_t parts_len);

/* The same where not all is there at once. */
struct sha_ni_running {
	uint8_t state[32]; /* as the registers have it */
	uint8_t tail[128]; /* what fills no block yet, and room for what ends the last */
	size_t tail_len;
	uint64_t total;
};

void sha_ni_begin(struct sha_ni_running *r);
void sha_ni_update(struct sha_ni_running *r, struct bytes data);
void sha_ni_end(struct sha_ni_running *r, uint8_t *out);

/* HMAC-SHA-256 (RFC 2104): how far the two hashes have got behind the key's blocks. As secret as
 * the key, which is filled up with zeros to a block. */
struct sha_ni_hmac {
	uint8_t inner[32], outer[32]; /* as the registers have it */
};

void sha_ni_hmac_begin(struct sha_ni_hmac *h, const uint8_t key[64]);
void sha_ni_hmac_parts(uint8_t *out, const struct sha_ni_hmac *h, const struct bytes *parts,
	size_t parts_len);

/* The hash of 65 bytes: prefix || left (32) || right (32). */
void sha_ni_prefixed(uint8_t *out, uint8_t prefix, const uint8_t *left, const uint8_t *right);

/*
 * Two messages at once take little more time than one: the instructions of one wait for each other
 * all along. Of 65 bytes, 64 behind the prefix; a result may lie where a message does.
 */
void sha_ni_prefixed_two(uint8_t *first_out, uint8_t *second_out, uint8_t prefix,
	const uint8_t *first, const uint8_t *second);

#define SHA_NI_TWO_BLOCKS 8u /* of a message and what ends it */
struct sha_ni_message {
	_Alignas(16) uint8_t bytes[64 * SHA_NI_TWO_BLOCKS];
	size_t len; /* at most SHA_NI_TWO_MAX; what lies behind it is overwritten */
};
#define SHA_NI_TWO_MAX (64 * SHA_NI_TWO_BLOCKS - 9)
void sha_ni_messages_two(uint8_t *first_out, uint8_t *second_out,
	struct sha_ni_message messages[2]);
