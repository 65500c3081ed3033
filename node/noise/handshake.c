/* SPDX-License-Identifier: EUPL-1.2 */
/* Names are those of the Noise specification, revision 34; numbers in comments are its sections. */
#include "noise/handshake.h"

#include <assert.h>
#include <sodium.h>

#include "proto/limits.h"

#define DH_BYTES    32
#define STEP_FAILED (-1)

_Static_assert(NOISE_MSG1_BYTES == DH_BYTES + (DH_BYTES + NOISE_TAG_BYTES) + NOISE_TAG_BYTES,
	"e, sealed s, sealed payload");
_Static_assert(NOISE_MSG2_BYTES == DH_BYTES + NOISE_TAG_BYTES, "e, sealed payload");

/* --- hashes (4.3, 5.2) ------------------------------------------------------------------------ */

static void blake2b(uint8_t *out, size_t out_len, struct bytes a, struct bytes b)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, out_len);
	crypto_generichash_update(&state, a.data, a.len);
	crypto_generichash_update(&state, b.data, b.len);
	crypto_generichash_final(&state, out, out_len);
	sodium_memzero(&state, sizeof(state));
}

/* HMAC (RFC 2104) over unkeyed BLAKE2b; keyed BLAKE2b would be another function. */
static void hmac(uint8_t out[NOISE_HASH_BYTES], const uint8_t key[NOISE_HASH_BYTES], struct bytes a,
	struct bytes b)
{
	enum { BLOCK = 128 };
	uint8_t pad[BLOCK], inner[NOISE_HASH_BYTES];
	crypto_generichash_state state;

	memset(pad, 0x36, sizeof(pad));
	for (size_t i = 0; i < NOISE_HASH_BYTES; i++)
		pad[i] ^= key[i];
	crypto_generichash_init(&state, NULL, 0, NOISE_HASH_BYTES);
	crypto_generichash_update(&state, pad, sizeof(pad));
	crypto_generichash_update(&state, a.data, a.len);
	crypto_generichash_update(&state, b.data, b.len);
	crypto_generichash_final(&state, inner, sizeof(inner));

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	blake2b(out, NOISE_HASH_BYTES, BYTES_OF(pad), BYTES_OF(inner));
	sodium_memzero(pad, sizeof(pad));
	sodium_memzero(inner, sizeof(inner));
	sodium_memzero(&state, sizeof(state));
}

/* HKDF (4.3) with up to three outputs behind one another in out. */
static void hkdf(uint8_t *out, size_t outputs, const uint8_t ck[NOISE_HASH_BYTES],
	struct bytes input)
{
	uint8_t temp[NOISE_HASH_BYTES];

	hmac(temp, ck, input, BYTES_NONE);
	for (size_t i = 0; i < outputs; i++) {
		const uint8_t number = (uint8_t)(i + 1);
		uint8_t *at = out + i * NOISE_HASH_BYTES;
		struct bytes before =
			i ? bytes_from(at - NOISE_HASH_BYTES, NOISE_HASH_BYTES) : BYTES_NONE;

		hmac(at, temp, before, bytes_from(&number, 1));
	}
	sodium_memzero(temp, sizeof(temp));
}

/* --- the cipher (5.1, 12.3) ------------------------------------------------------------------- */

static void nonce_of(uint8_t nonce[12], uint64_t n)
{
	memset(nonce, 0, 4);
	for (size_t i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(n >> (8 * i));
}

static void encrypt(uint8_t *out, const uint8_t key[NOISE_KEY_BYTES], uint64_t n, struct bytes ad,
	struct bytes plain)
{
	uint8_t nonce[12];

	nonce_of(nonce, n);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain.data, plain.len, ad.data, ad.len,
		NULL, nonce, key);
}

static int decrypt(uint8_t *out, const uint8_t key[NOISE_KEY_BYTES], uint64_t n, struct bytes ad,
	struct bytes sealed)
{
	uint8_t nonce[12];

	nonce_of(nonce, n);
	return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.data, sealed.len,
		       ad.data, ad.len, nonce, key) == 0
		       ? 0
		       : ENT_ECRYPTO;
}

/* --- the symmetric state (5.2) ---------------------------------------------------------------- */

static void mix_hash(struct noise_handshake *hs, struct bytes data)
{
	blake2b(hs->h, sizeof(hs->h), BYTES_OF(hs->h), data);
}

static void key_set(struct noise_handshake *hs, const uint8_t *k)
{
	memcpy(hs->k, k, sizeof(hs->k));
	hs->has_key = true;
	hs->n = 0;
}

static void mix_key(struct noise_handshake *hs, struct bytes input)
{
	uint8_t out[2 * NOISE_HASH_BYTES];

	hkdf(out, 2, hs->ck, input);
	memcpy(hs->ck, out, sizeof(hs->ck));
	key_set(hs, out + NOISE_HASH_BYTES);
	sodium_memzero(out, sizeof(out));
}

static void mix_key_and_hash(struct noise_handshake *hs, struct bytes input)
{
	uint8_t out[3 * NOISE_HASH_BYTES];

	hkdf(out, 3, hs->ck, input);
	memcpy(hs->ck, out, sizeof(hs->ck));
	mix_hash(hs, bytes_from(out + NOISE_HASH_BYTES, NOISE_HASH_BYTES));
	key_set(hs, out + 2 * NOISE_HASH_BYTES);
	sodium_memzero(out, sizeof(out));
}

/* In this pattern a key is there before anything is sealed: e mixes one in psk handshakes (9.2). */
static void encrypt_and_hash(struct noise_handshake *hs, struct bytes plain, uint8_t *out)
{
	assert(hs->has_key);
	encrypt(out, hs->k, hs->n++, BYTES_OF(hs->h), plain);
	mix_hash(hs, bytes_from(out, plain.len + NOISE_TAG_BYTES));
}

static int decrypt_and_hash(struct noise_handshake *hs, struct bytes sealed, uint8_t *out)
{
	assert(hs->has_key);
	if (decrypt(out, hs->k, hs->n++, BYTES_OF(hs->h), sealed) < 0)
		return ENT_ECRYPTO;
	mix_hash(hs, sealed);
	return 0;
}

/* --- tokens (5.3, 7.1, 9.2) ------------------------------------------------------------------- */

static void write_e(struct noise_handshake *hs, const uint8_t e_secret[32], uint8_t *out)
{
	memcpy(hs->e_secret, e_secret, sizeof(hs->e_secret));
	crypto_scalarmult_base(hs->e_public, hs->e_secret);
	memcpy(out, hs->e_public, DH_BYTES);
	mix_hash(hs, BYTES_OF(hs->e_public));
	mix_key(hs, BYTES_OF(hs->e_public));
}

static void read_e(struct noise_handshake *hs, const uint8_t *in)
{
	memcpy(hs->re, in, sizeof(hs->re));
	mix_hash(hs, BYTES_OF(hs->re));
	mix_key(hs, BYTES_OF(hs->re));
}

/* An all-zero result means a point of low order: someone wants the secret to be known to all. */
static int mix_dh(struct noise_handshake *hs, const uint8_t secret[32],
	const uint8_t public_key[32])
{
	uint8_t shared[DH_BYTES];
	int rc = crypto_scalarmult(shared, secret, public_key) == 0 ? 0 : ENT_ECRYPTO;

	if (rc == 0)
		mix_key(hs, BYTES_OF(shared));
	sodium_memzero(shared, sizeof(shared));
	return rc;
}

/* --- the handshake ---------------------------------------------------------------------------- */

void noise_init(struct noise_handshake *hs, bool initiator, struct bytes prologue,
	const uint8_t s_secret[32], const uint8_t s_public[32], const uint8_t *rs)
{
	static const char name[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b";

	_Static_assert(sizeof(name) - 1 <= NOISE_HASH_BYTES, "a short name is padded, not hashed");
	assert(initiator == (rs != NULL));
	memset(hs, 0, sizeof(*hs));
	hs->initiator = initiator;
	memcpy(hs->h, name, sizeof(name) - 1);
	memcpy(hs->ck, hs->h, sizeof(hs->ck));
	memcpy(hs->s_secret, s_secret, sizeof(hs->s_secret));
	memcpy(hs->s_public, s_public, sizeof(hs->s_public));
	if (rs)
		memcpy(hs->rs, rs, sizeof(hs->rs));
	mix_hash(hs, prologue);
	mix_hash(hs, initiator ? BYTES_OF(hs->rs) : BYTES_OF(hs->s_public));
}

void noise_wipe(struct noise_handshake *hs)
{
	sodium_memzero(hs, sizeof(*hs));
	hs->step = STEP_FAILED;
}

static int handshake_failed(struct noise_handshake *hs)
{
	noise_wipe(hs);
	return ENT_ECRYPTO;
}

int noise_write1(struct noise_handshake *hs, const uint8_t e_secret[32], struct bytes payload,
	uint8_t *out, size_t *out_len)
{
	assert(hs->initiator && hs->step == 0);
	assert(payload.len <= NOISE_MESSAGE_MAX - NOISE_MSG1_BYTES);
	write_e(hs, e_secret, out);
	if (mix_dh(hs, hs->e_secret, hs->rs) < 0)
		return handshake_failed(hs);
	encrypt_and_hash(hs, BYTES_OF(hs->s_public), out + DH_BYTES);
	if (mix_dh(hs, hs->s_secret, hs->rs) < 0)
		return handshake_failed(hs);
	encrypt_and_hash(hs, payload, out + 2 * DH_BYTES + NOISE_TAG_BYTES);
	*out_len = NOISE_MSG1_BYTES + payload.len;
	hs->step = 1;
	return 0;
}

int noise_read1(struct noise_handshake *hs, struct bytes message, uint8_t *payload,
	size_t *payload_len)
{
	struct bytes sealed_s, sealed_payload;

	assert(!hs->initiator && hs->step == 0);
	if (message.len < NOISE_MSG1_BYTES || message.len > NOISE_MESSAGE_MAX)
		return handshake_failed(hs);
	sealed_s = bytes_from(message.data + DH_BYTES, DH_BYTES + NOISE_TAG_BYTES);
	sealed_payload = bytes_skip(message, 2 * DH_BYTES + NOISE_TAG_BYTES);
	read_e(hs, message.data);
	if (mix_dh(hs, hs->s_secret, hs->re) < 0 || decrypt_and_hash(hs, sealed_s, hs->rs) < 0 ||
		mix_dh(hs, hs->s_secret, hs->rs) < 0 ||
		decrypt_and_hash(hs, sealed_payload, payload) < 0)
		return handshake_failed(hs);
	*payload_len = sealed_payload.len - NOISE_TAG_BYTES;
	hs->step = 1;
	return 0;
}

int noise_write2(struct noise_handshake *hs, const uint8_t e_secret[32], const uint8_t psk[32],
	struct bytes payload, uint8_t *out, size_t *out_len)
{
	assert(!hs->initiator && hs->step == 1);
	assert(payload.len <= NOISE_MESSAGE_MAX - NOISE_MSG2_BYTES);
	write_e(hs, e_secret, out);
	if (mix_dh(hs, hs->e_secret, hs->re) < 0 || mix_dh(hs, hs->e_secret, hs->rs) < 0)
		return handshake_failed(hs);
	mix_key_and_hash(hs, bytes_from(psk, 32));
	encrypt_and_hash(hs, payload, out + DH_BYTES);
	*out_len = NOISE_MSG2_BYTES + payload.len;
	hs->step = 2;
	return 0;
}

int noise_read2(struct noise_handshake *hs, const uint8_t psk[32], struct bytes message,
	uint8_t *payload, size_t *payload_len)
{
	struct bytes sealed;

	assert(hs->initiator && hs->step == 1);
	if (message.len < NOISE_MSG2_BYTES || message.len > NOISE_MESSAGE_MAX)
		return handshake_failed(hs);
	sealed = bytes_skip(message, DH_BYTES);
	read_e(hs, message.data);
	if (mix_dh(hs, hs->e_secret, hs->re) < 0 || mix_dh(hs, hs->s_secret, hs->re) < 0)
		return handshake_failed(hs);
	mix_key_and_hash(hs, bytes_from(psk, 32));
	if (decrypt_and_hash(hs, sealed, payload) < 0)
		return handshake_failed(hs);
	*payload_len = sealed.len - NOISE_TAG_BYTES;
	hs->step = 2;
	return 0;
}

void noise_split(struct noise_handshake *hs, struct noise_cipher *send,
	struct noise_cipher *receive, uint8_t hash[NOISE_HASH_BYTES])
{
	uint8_t keys[2 * NOISE_HASH_BYTES];
	struct noise_cipher *first = hs->initiator ? send : receive;
	struct noise_cipher *second = hs->initiator ? receive : send;

	assert(hs->step == 2);
	hkdf(keys, 2, hs->ck, BYTES_NONE);
	memset(send, 0, sizeof(*send));
	memset(receive, 0, sizeof(*receive));
	memcpy(first->key, keys, NOISE_KEY_BYTES);
	memcpy(second->key, keys + NOISE_HASH_BYTES, NOISE_KEY_BYTES);
	memcpy(hash, hs->h, NOISE_HASH_BYTES);
	sodium_memzero(keys, sizeof(keys));
}

/* --- transport (5.3, 11.3) -------------------------------------------------------------------- */

/* Both ends count the same plain bytes, so both change keys behind the same message. */
static void cipher_count(struct noise_cipher *c, size_t plain_len)
{
	c->counter++;
	c->messages++;
	c->bytes += plain_len;
	if (c->messages >= REKEY_MESSAGES || c->bytes >= REKEY_BYTES)
		noise_rekey(c);
}

int noise_seal(struct noise_cipher *c, struct bytes plain, uint8_t *out)
{
	if (plain.len > NOISE_PLAIN_MAX || c->counter == UINT64_MAX)
		return ENT_ELIMIT;
	encrypt(out, c->key, c->counter, BYTES_NONE, plain);
	cipher_count(c, plain.len);
	return 0;
}

int noise_open(struct noise_cipher *c, struct bytes message, uint8_t *out)
{
	if (c->counter == UINT64_MAX)
		return ENT_ELIMIT;
	if (message.len < NOISE_TAG_BYTES || message.len > NOISE_MESSAGE_MAX)
		return ENT_ECRYPTO;
	if (decrypt(out, c->key, c->counter, BYTES_NONE, message) < 0)
		return ENT_ECRYPTO;
	cipher_count(c, message.len - NOISE_TAG_BYTES);
	return 0;
}

void noise_rekey(struct noise_cipher *c)
{
	static const uint8_t zeros[NOISE_KEY_BYTES];
	uint8_t sealed[NOISE_KEY_BYTES + NOISE_TAG_BYTES];

	encrypt(sealed, c->key, UINT64_MAX, BYTES_NONE, BYTES_OF(zeros));
	memcpy(c->key, sealed, sizeof(c->key));
	c->messages = 0;
	c->bytes = 0;
	sodium_memzero(sealed, sizeof(sealed));
}

/* --- in front of message 1 -------------------------------------------------------------------- */

void noise_mac(uint8_t mac[NOISE_MAC_BYTES], const uint8_t responder_public[32],
	struct bytes message1)
{
	uint8_t key[32];

	blake2b(key, sizeof(key), bytes_str("entente/mac/1\n"), bytes_from(responder_public, 32));
	crypto_generichash(mac, NOISE_MAC_BYTES, message1.data, message1.len, key, sizeof(key));
}

int noise_mac_verify(const uint8_t mac[NOISE_MAC_BYTES], const uint8_t responder_public[32],
	struct bytes message1)
{
	uint8_t want[NOISE_MAC_BYTES];

	noise_mac(want, responder_public, message1);
	return sodium_memcmp(mac, want, sizeof(want)) == 0 ? 0 : ENT_ECRYPTO;
}

void noise_prologue(uint8_t out[26], const struct node_id *responder)
{
	static const char protocol[] = "entente/1\n";
	const size_t len = sizeof(protocol) - 1;

	memcpy(out, protocol, len);
	memcpy(out + len, responder->bytes, NODE_ID_BYTES);
}
