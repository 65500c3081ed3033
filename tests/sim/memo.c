/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/memo.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "merkle/hash.h"

#define SLOTS     (1u << 16) /* a newcomer takes the place of what is there */
#define KEY_BYTES 32

/* One key signs one message in one way only (Ed25519 takes no chance), so that the two tell the
 * signature. */
static struct slot {
	uint8_t key[KEY_BYTES];
	uint8_t message[16]; /* its hash */
	uint8_t signature[64];
} memo[SLOTS];

static struct memo_counts counts;
static bool ideal;

void memo_idealise(void)
{
	ideal = true;
}

static void ideal_sign(uint8_t sig[64], const uint8_t *m, unsigned long long m_len,
	const uint8_t *key)
{
	crypto_generichash(sig, 64, m, m_len, key, KEY_BYTES);
}

int __real_crypto_sign_detached(unsigned char *sig, unsigned long long *sig_len,
	const unsigned char *m, unsigned long long m_len, const unsigned char *sk);
int __real_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
	unsigned long long m_len, const unsigned char *pk);
int __wrap_crypto_sign_detached(unsigned char *sig, unsigned long long *sig_len,
	const unsigned char *m, unsigned long long m_len, const unsigned char *sk);
int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
	unsigned long long m_len, const unsigned char *pk);

struct memo_counts memo_counts(void)
{
	return counts;
}

/* The place of this message under this key; *known: it is there. */
static struct slot *slot_of(const uint8_t *key, const uint8_t *m, unsigned long long m_len,
	uint8_t hash[16], bool *known)
{
	struct slot *s;
	uint64_t at;

	crypto_shorthash_siphashx24(hash, m, m_len, key);
	memcpy(&at, hash, sizeof(at));
	s = &memo[at % SLOTS];
	*known = memcmp(s->message, hash, 16) == 0 && memcmp(s->key, key, KEY_BYTES) == 0;
	counts.asked++;
	counts.known += *known;
	return s;
}

static void slot_fill(struct slot *s, const uint8_t *key, const uint8_t hash[16],
	const uint8_t *signature)
{
	memcpy(s->key, key, sizeof(s->key));
	memcpy(s->message, hash, sizeof(s->message));
	memcpy(s->signature, signature, sizeof(s->signature));
}

/* The second half of a secret key is the public one. */
int __wrap_crypto_sign_detached(unsigned char *sig, unsigned long long *sig_len,
	const unsigned char *m, unsigned long long m_len, const unsigned char *sk)
{
	uint8_t hash[16];
	struct slot *s;
	bool known;
	int rc;

	if (ideal) {
		ideal_sign(sig, m, m_len, sk + 32);
		if (sig_len)
			*sig_len = 64;
		return 0;
	}
	s = slot_of(sk + 32, m, m_len, hash, &known);
	if (known) {
		memcpy(sig, s->signature, sizeof(s->signature));
		if (sig_len)
			*sig_len = sizeof(s->signature);
		return 0;
	}
	rc = __real_crypto_sign_detached(sig, sig_len, m, m_len, sk);
	if (rc == 0)
		slot_fill(s, sk + 32, hash, sig);
	return rc;
}

int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
	unsigned long long m_len, const unsigned char *pk)
{
	uint8_t hash[16], want[64];
	struct slot *s;
	bool known;
	int rc;

	if (ideal) {
		ideal_sign(want, m, m_len, pk);
		return memcmp(want, sig, sizeof(want)) == 0 ? 0 : -1;
	}
	s = slot_of(pk, m, m_len, hash, &known);
	if (known && memcmp(s->signature, sig, sizeof(s->signature)) == 0)
		return 0;
	rc = __real_crypto_sign_verify_detached(sig, m, m_len, pk);
	if (rc == 0)
		slot_fill(s, pk, hash, sig);
	return rc;
}

/* --- points ----------------------------------------------------------------------------------- */

/* Whoever reads a card multiplies its transport key, to see that it is no weak one. */
#define POINTS 4096u

static struct product {
	bool there;
	int rc;
	uint8_t scalar[32], point[32], result[32];
} products[POINTS];

int __real_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p);
int __wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p);

int __wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
	struct product *at;
	uint32_t place;

	memcpy(&place, p, sizeof(place));
	at = &products[place % POINTS];
	if (!at->there || memcmp(at->scalar, n, 32) != 0 || memcmp(at->point, p, 32) != 0) {
		at->rc = __real_crypto_scalarmult(at->result, n, p);
		memcpy(at->scalar, n, 32);
		memcpy(at->point, p, 32);
		at->there = true;
	}
	memcpy(q, at->result, 32);
	return at->rc;
}

/* --- long bodies ------------------------------------------------------------------------------ */

/* Every node that gets a body holds it against its commitment. */
#define BODIES    256u
#define BODY_LONG 4096u /* shorter ones are hashed as quickly as compared */

static struct committed {
	struct buf text; /* salt, body */
	size_t salt_len;
	struct hash commitment;
} bodies_known[BODIES];

void __real_hash_commitments(struct hash *out, const struct bytes *salts,
	const struct bytes *bodies, size_t len);
void __wrap_hash_commitments(struct hash *out, const struct bytes *salts,
	const struct bytes *bodies, size_t len);

static void commitment_of_long(struct hash *out, struct bytes salt, struct bytes body)
{
	struct committed *c = &bodies_known[salt.len ? salt.data[0] % BODIES : 0];

	if (c->salt_len != salt.len || c->text.len != salt.len + body.len ||
		memcmp(c->text.data, salt.data, salt.len) != 0 ||
		memcmp(c->text.data + salt.len, body.data, body.len) != 0) {
		__real_hash_commitments(&c->commitment, &salt, &body, 1);
		buf_free(&c->text);
		c->text = buf_with_max(salt.len + body.len);
		buf_bytes(&c->text, salt);
		buf_bytes(&c->text, body);
		c->salt_len = salt.len;
		if (c->text.failed)
			abort();
	}
	*out = c->commitment;
}

void __wrap_hash_commitments(struct hash *out, const struct bytes *salts,
	const struct bytes *bodies, size_t len)
{
	for (size_t i = 0, short_ones; i < len; i += short_ones) {
		for (short_ones = 0; i + short_ones < len; short_ones++)
			if (bodies[i + short_ones].len >= BODY_LONG)
				break;
		__real_hash_commitments(&out[i], &salts[i], &bodies[i], short_ones);
		if (i + short_ones < len) {
			commitment_of_long(&out[i + short_ones], salts[i + short_ones],
				bodies[i + short_ones]);
			i++;
		}
	}
}
