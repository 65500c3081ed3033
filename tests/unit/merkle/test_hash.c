/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <sodium.h>
#include <string.h>

#include "base/text.h"
#include "merkle/hash.h"

static void assert_hex(const struct hash *h, const char *hex)
{
	char text[HEX_TEXT_SIZE(HASH_BYTES)];

	text_hex_encode(text, BYTES_OF(h->bytes));
	assert_string_equal(text, hex);
}

static void known_answers_of_fips_180_hold(void **state)
{
	struct hash h;

	(void)state;
	hash_empty(&h);
	assert_hex(&h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	hash_sha256(&h, bytes_str("abc"));
	assert_hex(&h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_sha256(&h, bytes_str("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"));
	assert_hex(&h, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void all_lengths_and_cuts_agree_with_libsodium(void **state)
{
	uint8_t data[300];
	struct hash want, got;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * i + 7 * i + 3);
	for (size_t len = 0; len <= sizeof(data); len++) {
		crypto_hash_sha256(want.bytes, data, len);
		hash_sha256(&got, bytes_from(data, len));
		assert_true(hash_eq(&want, &got));
		for (size_t cut = 0; cut <= len; cut += 7) {
			size_t rest = (len - cut) / 2;
			struct bytes parts[] = {bytes_from(data, cut), BYTES_NONE,
				bytes_from(data + cut, rest),
				bytes_from(data + cut + rest, len - cut - rest)};

			hash_sha256_parts(&got, parts, COUNT_OF(parts));
			assert_true(hash_eq(&want, &got));
		}
	}
}

static void pieces_give_the_hash_of_the_whole(void **state)
{
	struct hash_running r;
	struct hash want, got;
	uint8_t data[400];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 5 + i / 9);
	for (size_t len = 0; len <= sizeof(data); len += 3) {
		hash_sha256(&want, bytes_from(data, len));
		for (size_t piece = 1; piece <= len + 1; piece += 13) {
			hash_begin(&r);
			hash_update(&r, BYTES_NONE);
			for (size_t at = 0; at < len; at += piece)
				hash_update(&r,
					bytes_from(data + at, len - at < piece ? len - at : piece));
			hash_end(&r, &got);
			assert_true(hash_eq(&want, &got));
		}
	}
}

/* The 64-byte leaf and the node have their own path: it must be the general one's answer. */
static void prefixed_forms_are_sha256_of_their_bytes(void **state)
{
	uint8_t message[1 + 200];
	struct hash want, got, halves[2];

	(void)state;
	for (unsigned round = 0; round < 64; round++) {
		for (size_t i = 1; i < sizeof(message); i++)
			message[i] = (uint8_t)(i * (2 * round + 1) + round);
		for (size_t len = 0; len < sizeof(message); len += round % 9 + 1) {
			message[0] = 0x00;
			crypto_hash_sha256(want.bytes, message, 1 + len);
			hash_leaf(&got, bytes_from(message + 1, len));
			assert_true(hash_eq(&want, &got));
		}
		message[0] = 0x00;
		crypto_hash_sha256(want.bytes, message, 65);
		hash_leaf(&got, bytes_from(message + 1, 64));
		assert_true(hash_eq(&want, &got));
		message[0] = 0x01;
		crypto_hash_sha256(want.bytes, message, 65);
		memcpy(halves, message + 1, 64);
		hash_node(&got, &halves[0], &halves[1]);
		assert_true(hash_eq(&want, &got));
		hash_node(&halves[1], &halves[0], &halves[1]);
		assert_true(hash_eq(&want, &halves[1]));
		message[0] = 0x10;
		crypto_hash_sha256(want.bytes, message, sizeof(message));
		hash_commitment(&got, bytes_from(message + 1, 16), bytes_from(message + 17, 184));
		assert_true(hash_eq(&want, &got));
	}
}

/* Pairs, the odd one, and messages that are too long for two at once. */
static void many_at_a_time_are_each_by_itself(void **state)
{
	static const size_t lens[] = {
		0, 1, 38, 39, 46, 100, 102, 103, 110, 400, 485, 486, 487, 900, 20};
	uint8_t data[1000];
	struct bytes salts[COUNT_OF(lens)], bodies[COUNT_OF(lens)], raw[COUNT_OF(lens)];
	struct hash want, got[2 * COUNT_OF(lens)], children[2 * COUNT_OF(lens)];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 11 + i / 7);
	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		salts[i] = bytes_from(data + i, i == 3 ? 0 : 16);
		bodies[i] = bytes_from(data + 2 * i, lens[i]);
		raw[i] = bytes_from(data + 3 * i, i == 5 ? 63 : 64);
		hash_leaf(&children[2 * i], raw[i]);
		hash_leaf(&children[2 * i + 1], salts[i]);
	}
	for (size_t len = 0; len <= COUNT_OF(lens); len++) {
		hash_commitments(got, salts, bodies, len);
		for (size_t i = 0; i < len; i++) {
			hash_commitment(&want, salts[i], bodies[i]);
			assert_true(hash_eq(&want, &got[i]));
		}
		hash_leaves(got, raw, len);
		for (size_t i = 0; i < len; i++) {
			hash_leaf(&want, raw[i]);
			assert_true(hash_eq(&want, &got[i]));
		}
		memcpy(got, children, sizeof(children));
		hash_nodes(got, got, len);
		for (size_t i = 0; i < len; i++) {
			hash_node(&want, &children[2 * i], &children[2 * i + 1]);
			assert_true(hash_eq(&want, &got[i]));
		}
	}
}

static void assert_hmac(struct bytes key, struct bytes text, const char *want)
{
	char hex[HEX_TEXT_SIZE(HASH_BYTES)];
	struct hmac_key k;
	struct hash h;

	hmac_key_begin(&k, key);
	hmac_parts(&h, &k, &text, 1);
	hmac_key_wipe(&k);
	assert_true(sodium_is_zero(k.room, sizeof(k.room)));
	text_hex_encode(hex, BYTES_OF(h.bytes));
	hex[strlen(want)] = '\0'; /* the fifth is cut to 128 bits, as object ids are */
	assert_string_equal(hex, want);
}

/* Section 4. */
static void known_answers_of_rfc_4231_hold(void **state)
{
	uint8_t key[131], text[50];

	(void)state;
	memset(key, 0x0b, 20);
	assert_hmac(bytes_from(key, 20), bytes_str("Hi There"),
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_hmac(bytes_str("Jefe"), bytes_str("what do ya want for nothing?"),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	memset(text, 0xdd, sizeof(text));
	assert_hmac(bytes_from(key, 20), BYTES_OF(text),
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	assert_hmac(BYTES_OF(key),
		bytes_str("Test Using Larger Than Block-Size Key - Hash Key First"),
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_hmac(BYTES_OF(key),
		bytes_str("This is a test using a larger than block-size key and a larger than "
			  "block-size data. The key needs to be hashed before being used by the "
			  "HMAC algorithm."),
		"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
	for (size_t i = 0; i < 25; i++)
		key[i] = (uint8_t)(i + 1);
	memset(text, 0xcd, sizeof(text));
	assert_hmac(bytes_from(key, 25), BYTES_OF(text),
		"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
	memset(key, 0x0c, 20);
	assert_hmac(bytes_from(key, 20), bytes_str("Test With Truncation"),
		"a3b6167473100ee06e0c796c2955552b");
}

/* Keys and messages of all lengths around a block, cut anywhere. */
static void hmac_agrees_with_libsodium(void **state)
{
	uint8_t data[300];
	struct hash want, got;
	struct hmac_key k;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + i / 5);
	for (size_t len = 0; len <= sizeof(data); len++) {
		size_t key_len = len % 140, cut = len / 3;
		struct bytes parts[] = {
			bytes_from(data, cut), BYTES_NONE, bytes_from(data + cut, len - cut)};
		crypto_auth_hmacsha256_state s;

		crypto_auth_hmacsha256_init(&s, data, key_len);
		crypto_auth_hmacsha256_update(&s, data, len);
		crypto_auth_hmacsha256_final(&s, want.bytes);
		hmac_key_begin(&k, bytes_from(data, key_len));
		for (unsigned again = 0; again < 2; again++) {
			hmac_parts(&got, &k, parts, COUNT_OF(parts));
			assert_true(hash_eq(&want, &got));
		}
	}
}

static void portable_code_serves_until_init(void **state)
{
	(void)state;
	assert_string_equal(hash_implementation(), "portable");
}

static void init_chooses_an_implementation_that_agrees(void **state)
{
	(void)state;
	assert_int_equal(hash_init(), 0);
	print_message("SHA-256: %s\n", hash_implementation());
}

int main(void)
{
	/* The order matters: everything runs with libsodium's code and then with what init chose.
	 */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(portable_code_serves_until_init),
		cmocka_unit_test(known_answers_of_fips_180_hold),
		cmocka_unit_test(all_lengths_and_cuts_agree_with_libsodium),
		cmocka_unit_test(pieces_give_the_hash_of_the_whole),
		cmocka_unit_test(prefixed_forms_are_sha256_of_their_bytes),
		cmocka_unit_test(many_at_a_time_are_each_by_itself),
		cmocka_unit_test(known_answers_of_rfc_4231_hold),
		cmocka_unit_test(hmac_agrees_with_libsodium),
		cmocka_unit_test(init_chooses_an_implementation_that_agrees),
		cmocka_unit_test(known_answers_of_fips_180_hold),
		cmocka_unit_test(all_lengths_and_cuts_agree_with_libsodium),
		cmocka_unit_test(pieces_give_the_hash_of_the_whole),
		cmocka_unit_test(prefixed_forms_are_sha256_of_their_bytes),
		cmocka_unit_test(many_at_a_time_are_each_by_itself),
		cmocka_unit_test(known_answers_of_rfc_4231_hold),
		cmocka_unit_test(hmac_agrees_with_libsodium),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
