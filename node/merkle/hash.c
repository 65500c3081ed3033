/* SPDX-License-Identifier: EUPL-1.2 */
#include "merkle/hash.h"

#include <sodium.h>

#include "merkle/sha_ni.h"

/* Set by hash_init alone, before there are threads. */
static bool accelerated;

#define LEAF_PREFIX       0x00
#define NODE_PREFIX       0x01
#define COMMITMENT_PREFIX 0x10

#define HMAC_BLOCK_BYTES  64

static void portable_parts(struct hash *out, const struct bytes *parts, size_t parts_len)
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < parts_len; i++)
		crypto_hash_sha256_update(&state, parts[i].data, parts[i].len);
	crypto_hash_sha256_final(&state, out->bytes);
}

/* In three pieces, of which the first fills no block. */
static void accelerated_running(struct hash *out, struct bytes data)
{
	struct sha_ni_running r;
	size_t first = data.len / 7, second = data.len - data.len / 3;

	sha_ni_begin(&r);
	sha_ni_update(&r, bytes_from(data.data, first));
	sha_ni_update(&r, bytes_from(data.data + first, second - first));
	sha_ni_update(&r, bytes_from(data.data + second, data.len - second));
	sha_ni_end(&r, out->bytes);
}

/* Two at once, in both orders of every two lengths around the end of a block. */
static bool two_agree(const uint8_t data[SHA_NI_TWO_MAX])
{
	static const size_t lengths[] = {0, 17, 55, 56, 64, 123, 200, SHA_NI_TWO_MAX};
	struct hash want[2], got[2];
	struct sha_ni_message m[2];

	for (size_t i = 0; i < 64; i++) {
		for (size_t k = 0; k < 2; k++) {
			m[k].len = lengths[k ? i / 8 : i % 8];
			memcpy(m[k].bytes, data, m[k].len);
			portable_parts(&want[k], &(struct bytes){data, m[k].len}, 1);
		}
		sha_ni_messages_two(got[0].bytes, got[1].bytes, m);
		if (!hash_eq(&want[0], &got[0]) || !hash_eq(&want[1], &got[1]))
			return false;
	}
	for (size_t k = 0; k < 2; k++)
		portable_parts(&want[k], (struct bytes[]){{data, 1}, {data + 1 + 100 * k, 64}}, 2);
	sha_ni_prefixed_two(got[0].bytes, got[1].bytes, data[0], data + 1, data + 101);
	return hash_eq(&want[0], &got[0]) && hash_eq(&want[1], &got[1]);
}

_Static_assert(sizeof(struct sha_ni_hmac) <= sizeof(struct hmac_key) &&
		       sizeof(crypto_auth_hmacsha256_state) <= sizeof(struct hmac_key),
	"either state has room");

static void accelerated_key(struct hmac_key *k, struct bytes key)
{
	uint8_t block[HMAC_BLOCK_BYTES] = {0};

	if (key.len > sizeof(block))
		sha_ni_parts(block, &key, 1);
	else if (key.len > 0)
		memcpy(block, key.data, key.len);
	sha_ni_hmac_begin((void *)k->room, block);
	sodium_memzero(block, sizeof(block));
}

/* Messages that end around the end of a block, under keys of a block and less. */
static bool hmac_agrees(const uint8_t data[256])
{
	static const size_t lengths[] = {0, 1, 55, 56, 63, 64, 119, 200};
	struct hash want, got = {{0}};
	struct hmac_key key;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		crypto_auth_hmacsha256_state state;
		size_t key_len = i % 2 ? 32 : HMAC_BLOCK_BYTES, cut = lengths[i] / 5;
		struct bytes parts[] = {
			bytes_from(data, cut), bytes_from(data + cut, lengths[i] - cut)};

		crypto_auth_hmacsha256_init(&state, data + i, key_len);
		crypto_auth_hmacsha256_update(&state, data, lengths[i]);
		crypto_auth_hmacsha256_final(&state, want.bytes);
		accelerated_key(&key, bytes_from(data + i, key_len));
		sha_ni_hmac_parts(got.bytes, (const void *)key.room, parts, 2);
		if (!hash_eq(&want, &got))
			return false;
	}
	return true;
}

/*
 * A CPU or hypervisor whose instructions are wrong must never get to sign: compare before use. The
 * lengths cross every border of the padding, and the parts every border of the block buffer.
 */
static bool accelerated_agrees(void)
{
	static const size_t lengths[] = {0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 127, 128, 200, 513};
	uint8_t data[513];
	struct hash want, got = {{0}};

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 167 + 13);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t len = lengths[i], cut = len / 3;
		struct bytes parts[] = {bytes_from(data, cut), bytes_from(data + cut, len - cut)};

		portable_parts(&want, parts, 2);
		sha_ni_parts(got.bytes, parts, 2);
		if (!hash_eq(&want, &got))
			return false;
		accelerated_running(&got, bytes_from(data, len));
		if (!hash_eq(&want, &got))
			return false;
	}
	portable_parts(&want, &(struct bytes){data, 65}, 1);
	sha_ni_prefixed(got.bytes, data[0], data + 1, data + 33);
	return hash_eq(&want, &got) && two_agree(data) && hmac_agrees(data);
}

int hash_init(void)
{
	accelerated = false;
	if (sodium_init() < 0)
		return ENT_ECRYPTO;
	if (!sha_ni_present())
		return 0;
	if (!accelerated_agrees())
		return ENT_ECRYPTO;
	accelerated = true;
	return 0;
}

const char *hash_implementation(void)
{
	return accelerated ? "sha-ni" : "portable";
}

void hash_sha256_parts(struct hash *out, const struct bytes *parts, size_t parts_len)
{
	if (accelerated)
		sha_ni_parts(out->bytes, parts, parts_len);
	else
		portable_parts(out, parts, parts_len);
}

void hash_sha256(struct hash *out, struct bytes data)
{
	hash_sha256_parts(out, &data, 1);
}

_Static_assert(sizeof(struct sha_ni_running) <= sizeof(struct hash_running) &&
		       sizeof(crypto_hash_sha256_state) <= sizeof(struct hash_running),
	"either state has room");

void hash_begin(struct hash_running *r)
{
	if (accelerated)
		sha_ni_begin((void *)r->room);
	else
		crypto_hash_sha256_init((void *)r->room);
}

void hash_update(struct hash_running *r, struct bytes data)
{
	if (accelerated)
		sha_ni_update((void *)r->room, data);
	else
		crypto_hash_sha256_update((void *)r->room, data.data, data.len);
}

void hash_end(struct hash_running *r, struct hash *out)
{
	if (accelerated)
		sha_ni_end((void *)r->room, out->bytes);
	else
		crypto_hash_sha256_final((void *)r->room, out->bytes);
}

/* --- HMAC ------------------------------------------------------------------------------------- */

static void portable_hmac(struct hash *out, const struct hmac_key *k, const struct bytes *parts,
	size_t parts_len)
{
	crypto_auth_hmacsha256_state state;

	memcpy(&state, k->room, sizeof(state));
	for (size_t i = 0; i < parts_len; i++)
		crypto_auth_hmacsha256_update(&state, parts[i].data, parts[i].len);
	crypto_auth_hmacsha256_final(&state, out->bytes);
	sodium_memzero(&state, sizeof(state));
}

void hmac_key_begin(struct hmac_key *k, struct bytes key)
{
	if (accelerated)
		accelerated_key(k, key);
	else
		crypto_auth_hmacsha256_init((void *)k->room, key.data, key.len);
}

void hmac_key_wipe(struct hmac_key *k)
{
	sodium_memzero(k, sizeof(*k));
}

void hmac_parts(struct hash *out, const struct hmac_key *k, const struct bytes *parts,
	size_t parts_len)
{
	if (accelerated)
		sha_ni_hmac_parts(out->bytes, (const void *)k->room, parts, parts_len);
	else
		portable_hmac(out, k, parts, parts_len);
}

/* --- leaves and nodes ------------------------------------------------------------------------- */

void hash_leaf(struct hash *out, struct bytes leaf)
{
	const uint8_t prefix = LEAF_PREFIX;

	/* Entry headers have 64 bytes: the length that every record passes through here with. */
	if (accelerated && leaf.len == 64)
		sha_ni_prefixed(out->bytes, prefix, leaf.data, leaf.data + 32);
	else
		hash_sha256_parts(out, (struct bytes[]){{&prefix, 1}, leaf}, 2);
}

void hash_node(struct hash *out, const struct hash *left, const struct hash *right)
{
	const uint8_t prefix = NODE_PREFIX;

	if (accelerated)
		sha_ni_prefixed(out->bytes, prefix, left->bytes, right->bytes);
	else
		portable_parts(out,
			(struct bytes[]){
				{&prefix, 1}, BYTES_OF(left->bytes), BYTES_OF(right->bytes)},
			3);
}

void hash_empty(struct hash *out)
{
	hash_sha256_parts(out, NULL, 0);
}

void hash_commitment(struct hash *out, struct bytes salt, struct bytes body)
{
	const uint8_t prefix = COMMITMENT_PREFIX;

	hash_sha256_parts(out, (struct bytes[]){{&prefix, 1}, salt, body}, 3);
}

/* --- many at a time --------------------------------------------------------------------------- */

void hash_leaves(struct hash *out, const struct bytes *leaves, size_t len)
{
	size_t i = 0;

	while (accelerated && i + 2 <= len && leaves[i].len == 64 && leaves[i + 1].len == 64) {
		sha_ni_prefixed_two(out[i].bytes, out[i + 1].bytes, LEAF_PREFIX, leaves[i].data,
			leaves[i + 1].data);
		i += 2;
	}
	for (; i < len; i++)
		hash_leaf(&out[i], leaves[i]);
}

void hash_nodes(struct hash *parents, const struct hash *children, size_t len)
{
	size_t i = 0;

	for (; accelerated && i + 2 <= len; i += 2)
		sha_ni_prefixed_two(parents[i].bytes, parents[i + 1].bytes, NODE_PREFIX,
			children[2 * i].bytes, children[2 * i + 2].bytes);
	for (; i < len; i++)
		hash_node(&parents[i], &children[2 * i], &children[2 * i + 1]);
}

/* False when it is too long for that. */
static bool message_make(struct sha_ni_message *m, struct bytes salt, struct bytes body)
{
	m->len = 1 + salt.len + body.len;
	if (m->len > SHA_NI_TWO_MAX)
		return false;
	m->bytes[0] = COMMITMENT_PREFIX;
	if (salt.len)
		memcpy(m->bytes + 1, salt.data, salt.len);
	if (body.len)
		memcpy(m->bytes + 1 + salt.len, body.data, body.len);
	return true;
}

void hash_commitments(struct hash *out, const struct bytes *salts, const struct bytes *bodies,
	size_t len)
{
	struct sha_ni_message m[2];

	for (size_t i = 0; i < len;) {
		if (accelerated && i + 2 <= len && message_make(&m[0], salts[i], bodies[i]) &&
			message_make(&m[1], salts[i + 1], bodies[i + 1])) {
			sha_ni_messages_two(out[i].bytes, out[i + 1].bytes, m);
			i += 2;
			continue;
		}
		hash_commitment(&out[i], salts[i], bodies[i]);
		i++;
	}
}
