/* SPDX-License-Identifier: EUPL-1.2 */
/* Proofs of split views: every fork is proved, nobody honest is, and the file says what it says. */
#include "lib/test.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/text.h"
#include "merkle/split.h"

#define SIZE_MAX_TESTED 70u

struct world {
	uint8_t public_key[32], secret[64], other_key[32], other_secret[64];
	struct log_name log;
};

/* Two histories that part at a place. */
struct tree {
	uint64_t parts_at;
	uint8_t branch;
};

static int subtree(void *ctx, unsigned level, uint64_t index, struct hash *hash)
{
	const struct tree *t = ctx;
	uint64_t at = index << level;
	struct range r;

	range_init(&r, at);
	for (; r.end < (index + 1) << level;) {
		uint8_t leaf[9] = {r.end >= t->parts_at ? t->branch : 0};
		struct hash h;

		be64_put(leaf + 1, r.end);
		hash_leaf(&h, BYTES_OF(leaf));
		range_append(&r, &h);
	}
	*hash = r.hashes[0];
	return 0;
}

static void root_of(struct tree *t, uint64_t size, struct hash *root)
{
	struct range r;

	assert_int_equal(proof_range_build(&r, 0, size, subtree, t), 0);
	range_root(&r, root);
}

static void signed_of(const struct world *w, struct tree *t, uint64_t size, struct checkpoint *c)
{
	c->log = w->log;
	c->size = size;
	root_of(t, size, &c->root);
	checkpoint_sign(c, w->secret);
}

/* The proof that whoever holds the larger tree can make; sizes may be equal. */
static void proof_of(const struct world *w, struct tree *smaller, uint64_t m, struct tree *larger,
	uint64_t n, struct split *s)
{
	struct proof p = {0};

	signed_of(w, smaller, m, &s->first);
	signed_of(w, larger, n, &s->second);
	if (m < n)
		assert_int_equal(proof_split_build(&p, m, n, subtree, larger), 0);
	s->hashes_len = p.hashes_len;
	memcpy(s->hashes, p.hashes, p.hashes_len * sizeof(p.hashes[0]));
}

static int setup(void **state)
{
	static struct world w;
	uint8_t seed[32] = {7}, other[32] = {8};

	if (hash_init() != 0)
		return -1;
	crypto_sign_seed_keypair(w.public_key, w.secret, seed);
	crypto_sign_seed_keypair(w.other_key, w.other_secret, other);
	w.log.node.bytes[3] = 9;
	w.log.incarnation = 1795336200;
	w.log.audience = audience_of(AUDIENCE_GREEN);
	*state = &w;
	return 0;
}

/* --- the mathematics -------------------------------------------------------------------------- */

static void every_fork_is_proved_and_no_honest_extension(void **state)
{
	const struct world *w = *state;
	struct split s;

	for (uint64_t m = 1; m <= SIZE_MAX_TESTED; m++)
		for (uint64_t n = m; n <= SIZE_MAX_TESTED; n += 1 + n % 3) {
			/* Forked below m: somewhere, and at the last entry. */
			struct tree a = {m % 7 < m ? m - 1 - m % 7 : 0, 1}, b = {a.parts_at, 2};
			/* Honest: the same up to m, whatever comes behind. */
			struct tree honest = {m, 2};

			proof_of(w, &a, m, &b, n, &s);
			assert_int_equal(split_verify(&s, w->public_key), 0);
			a.parts_at = b.parts_at = m - 1;
			proof_of(w, &a, m, &b, n, &s);
			assert_int_equal(split_verify(&s, w->public_key), 0);
			assert_true(s.hashes_len <= 65);
			a.parts_at = m;
			proof_of(w, &a, m, &honest, n, &s);
			assert_int_equal(split_verify(&s, w->public_key), ENT_EPROOF);
		}
}

static void nobody_is_framed_with_checkpoints_that_they_did_not_sign(void **state)
{
	const struct world *w = *state;
	struct tree a = {3, 1}, b = {3, 2};
	struct split good, s;

	proof_of(w, &a, 5, &b, 9, &good);
	assert_int_equal(split_verify(&good, w->public_key), 0);
	assert_int_equal(split_verify(&good, w->other_key), ENT_ECRYPTO);

	s = good; /* one of the two by somebody else */
	checkpoint_sign(&s.first, w->other_secret);
	assert_int_equal(split_verify(&s, w->public_key), ENT_ECRYPTO);
	s = good;
	checkpoint_sign(&s.second, w->other_secret);
	assert_int_equal(split_verify(&s, w->public_key), ENT_ECRYPTO);

	s = good; /* another log of the same origin */
	s.second.log.audience = audience_of(AUDIENCE_CLEAR);
	checkpoint_sign(&s.second, w->secret);
	assert_int_equal(split_verify(&s, w->public_key), ENT_EPROOF);

	s = good; /* the wrong way round */
	s.first = good.second;
	s.second = good.first;
	assert_int_equal(split_verify(&s, w->public_key), ENT_EPROOF);

	s = good; /* the same checkpoint twice */
	s.first = s.second;
	s.hashes_len = 0;
	assert_int_equal(split_verify(&s, w->public_key), ENT_EPROOF);
}

static void no_hashes_turn_an_honest_log_into_a_liar(void **state)
{
	const struct world *w = *state;
	struct tree honest = {0, 1};
	struct split s;
	uint8_t noise;

	for (uint64_t m = 1; m < 20; m++)
		for (uint64_t n = m; n < 24; n++) {
			proof_of(w, &honest, m, &honest, n, &s);
			for (size_t i = 0; i < s.hashes_len; i++) {
				struct split bent = s;

				randombytes_buf(&noise, 1);
				bent.hashes[i].bytes[noise % HASH_BYTES] ^= 1u << noise % 8;
				assert_int_not_equal(split_verify(&bent, w->public_key), 0);
				bent = s;
				bent.hashes_len = i;
				assert_int_not_equal(split_verify(&bent, w->public_key), 0);
			}
			s.hashes_len = s.hashes_len < PROOF_HASHES_MAX ? s.hashes_len + 1 : 0;
			assert_int_not_equal(split_verify(&s, w->public_key), 0);
		}
}

/* --- the file --------------------------------------------------------------------------------- */

static void the_file_carries_the_proof_whole(void **state)
{
	const struct world *w = *state;
	struct tree a = {3, 1}, b = {3, 2};

	for (uint64_t n = 5; n < 70; n += 16) {
		struct buf text = buf_with_max(SPLIT_TEXT_MAX);
		uint8_t key[32];
		struct split s, read;

		proof_of(w, &a, 5, &b, n, &s);
		split_text(&text, &s, w->public_key);
		assert_false(buf_failed(&text));
		assert_int_equal(split_parse(buf_view(&text), "split", &read, key, NULL), 0);
		assert_memory_equal(key, w->public_key, 32);
		assert_int_equal(read.hashes_len, s.hashes_len);
		assert_int_equal(split_verify(&read, key), 0);
		buf_free(&text);
	}
}

static void no_byte_of_the_file_can_be_changed(void **state)
{
	const struct world *w = *state;
	struct tree a = {3, 1}, b = {3, 2};
	struct buf text = buf_with_max(SPLIT_TEXT_MAX);
	struct split s, read;
	uint8_t key[32];

	proof_of(w, &a, 5, &b, 9, &s);
	split_text(&text, &s, w->public_key);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t was = text.data[i];

		text.data[i] ^= 1;
		if (split_parse(buf_view(&text), "split", &read, key, NULL) == 0)
			assert_int_not_equal(split_verify(&read, key), 0);
		text.data[i] = was;
		assert_int_not_equal(split_parse(bytes_from(text.data, i), "split", &read, key,
					     NULL),
			0);
	}
	buf_u8(&text, '\n');
	assert_int_equal(split_parse(buf_view(&text), "split", &read, key, NULL), ENT_EINVALID);
	buf_free(&text);
}

static void the_longest_proof_fits_its_file(void **state)
{
	const struct world *w = *state;
	struct buf text = buf_with_max(SPLIT_TEXT_MAX);
	struct tree a = {3, 1};
	struct split s, read;
	uint8_t key[32];

	proof_of(w, &a, 5, &a, 9, &s);
	s.second.size = UINT64_MAX;
	s.hashes_len = PROOF_HASHES_MAX;
	randombytes_buf(s.hashes, sizeof(s.hashes));
	split_text(&text, &s, w->public_key);
	assert_false(buf_failed(&text));
	assert_int_equal(split_parse(buf_view(&text), "split", &read, key, NULL), 0);
	assert_int_equal(read.hashes_len, PROOF_HASHES_MAX);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fork_is_proved_and_no_honest_extension),
		cmocka_unit_test(nobody_is_framed_with_checkpoints_that_they_did_not_sign),
		cmocka_unit_test(no_hashes_turn_an_honest_log_into_a_liar),
		cmocka_unit_test(the_file_carries_the_proof_whole),
		cmocka_unit_test(no_byte_of_the_file_can_be_changed),
		cmocka_unit_test(the_longest_proof_fits_its_file),
	};

	return cmocka_run_group_tests_name("split", tests, setup, NULL);
}
