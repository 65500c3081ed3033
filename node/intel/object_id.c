/* SPDX-License-Identifier: EUPL-1.2 */
/* BLAKE2b (RFC 7693) of a key of 32 bytes and a result of 16. */
#include "intel/object_id.h"

#include <assert.h>
#include <endian.h>
#include <sodium.h>

#define BLOCK_BYTES  128u
#define SECRET_BYTES 32u
#define ROUNDS       12

/* The initial state of SHA-512 (RFC 7693, section 2.6). */
static const uint64_t iv[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
	0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b,
	0x5be0cd19137e2179};

/* Which words of the message a round takes, in the order of its mixings (section 2.7). */
static const uint8_t sigma[ROUNDS][16] = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

#define INLINE __attribute__((always_inline)) static inline

INLINE uint64_t turned(uint64_t x, unsigned by)
{
	return x >> by | x << (64 - by);
}

/* Section 3.1: one column or diagonal with two words of the message. */
INLINE void mix(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d, uint64_t x, uint64_t y)
{
	*a += *b + x;
	*d = turned(*d ^ *a, 32);
	*c += *d;
	*b = turned(*b ^ *c, 24);
	*a += *b + y;
	*d = turned(*d ^ *a, 16);
	*c += *d;
	*b = turned(*b ^ *c, 63);
}

/* Told apart for the compiler, so that the sixteen words of v stay in registers and the order of
 * the message's words is known when it compiles. */
INLINE void round_of(uint64_t v[16], const uint64_t m[16], const uint8_t *s)
{
	mix(&v[0], &v[4], &v[8], &v[12], m[s[0]], m[s[1]]);
	mix(&v[1], &v[5], &v[9], &v[13], m[s[2]], m[s[3]]);
	mix(&v[2], &v[6], &v[10], &v[14], m[s[4]], m[s[5]]);
	mix(&v[3], &v[7], &v[11], &v[15], m[s[6]], m[s[7]]);
	mix(&v[0], &v[5], &v[10], &v[15], m[s[8]], m[s[9]]);
	mix(&v[1], &v[6], &v[11], &v[12], m[s[10]], m[s[11]]);
	mix(&v[2], &v[7], &v[8], &v[13], m[s[12]], m[s[13]]);
	mix(&v[3], &v[4], &v[9], &v[14], m[s[14]], m[s[15]]);
}

/* Section 3.2. total: bytes up to the end of this block, the key's block among them. */
static void compress(uint64_t h[8], const uint8_t block[BLOCK_BYTES], uint64_t total, bool last)
{
	uint64_t v[16], m[16];

	for (unsigned i = 0; i < 16; i++) {
		memcpy(&m[i], block + 8 * (size_t)i, 8);
		m[i] = le64toh(m[i]);
	}
	memcpy(v, h, 64);
	memcpy(v + 8, iv, 64);
	v[12] ^= total;
	v[14] ^= last ? UINT64_MAX : 0;
#pragma GCC unroll 12
	for (unsigned r = 0; r < ROUNDS; r++)
		round_of(v, m, sigma[r]);
	for (unsigned i = 0; i < 8; i++)
		h[i] ^= v[i] ^ v[i + 8];
}

void object_key_init(struct object_key *key, const uint8_t object_secret[32])
{
	uint8_t block[BLOCK_BYTES] = {0};

	memcpy(block, object_secret, SECRET_BYTES);
	memcpy(key->state, iv, sizeof(iv));
	key->state[0] ^= 0x01010000u ^ SECRET_BYTES << 8 ^ OBJECT_ID_BYTES;
	compress(key->state, block, BLOCK_BYTES, false);
	sodium_memzero(block, sizeof(block));
}

void object_key_wipe(struct object_key *key)
{
	sodium_memzero(key, sizeof(*key));
}

void object_id(uint8_t id[OBJECT_ID_BYTES], const struct object_key *key, unsigned type,
	struct bytes value)
{
	uint8_t block[BLOCK_BYTES];
	uint64_t h[8], total = BLOCK_BYTES;
	size_t at = 1, len; /* in the block; the type is its first byte */

	assert(type <= UINT8_MAX);
	memcpy(h, key->state, sizeof(h));
	block[0] = (uint8_t)type;
	/* The last block is a full one when nothing follows it. */
	while (value.len > BLOCK_BYTES - at) {
		memcpy(block + at, value.data, BLOCK_BYTES - at);
		value = bytes_skip(value, BLOCK_BYTES - at);
		total += BLOCK_BYTES;
		compress(h, block, total, false);
		at = 0;
	}
	if (value.len > 0)
		memcpy(block + at, value.data, value.len);
	len = at + value.len;
	memset(block + len, 0, BLOCK_BYTES - len);
	compress(h, block, total + len, true);
	for (unsigned i = 0; i < 2; i++) {
		h[i] = htole64(h[i]);
		memcpy(id + 8 * (size_t)i, &h[i], 8);
	}
}
