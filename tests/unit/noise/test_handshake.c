/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/text.h"
#include "noise/handshake.h"
#include "proto/limits.h"

#define VECTORS "tests/data/vectors/noise/ikpsk2_25519_chachapoly_blake2b."

static int setup(void **state)
{
	(void)state;
	return sodium_init() < 0 ? -1 : 0;
}

/* --- public vectors --------------------------------------------------------------------------- */

static struct bytes hex_of(const json_t *object, const char *key, uint8_t *out, size_t cap)
{
	const char *text = json_string_value(json_object_get(object, key));
	int len = text_hex_decode(bytes_str(text ? text : ""), out, cap);

	assert_true(len >= 0);
	return bytes_from(out, (size_t)len);
}

static void key_of(const json_t *object, const char *key, uint8_t out[32])
{
	assert_int_equal(hex_of(object, key, out, 32).len, 32);
}

struct vector {
	uint8_t prologue[64];
	size_t prologue_len;
	uint8_t psk[32], hash[64];
	bool has_hash;
	uint8_t init_secret[32], init_ephemeral[32], resp_secret[32], resp_ephemeral[32];
	uint8_t init_public[32], resp_public[32];
	const json_t *messages;
};

static void assert_message(const json_t *message, const char *key, struct bytes got)
{
	uint8_t raw[256];
	struct bytes want = hex_of(message, key, raw, sizeof(raw));

	assert_bytes_equal(want, got);
}

static void run_transport(const json_t *messages, struct noise_cipher *init_send,
	struct noise_cipher *init_receive, struct noise_cipher *resp_send,
	struct noise_cipher *resp_receive)
{
	for (size_t i = 2; i < json_array_size(messages); i++) {
		const json_t *m = json_array_get(messages, i);
		struct noise_cipher *send = i % 2 == 0 ? init_send : resp_send;
		struct noise_cipher *receive = i % 2 == 0 ? resp_receive : init_receive;
		uint8_t raw[256], sealed[256], opened[256];
		struct bytes plain = hex_of(m, "payload", raw, sizeof(raw));

		assert_int_equal(noise_seal(send, plain, sealed), 0);
		assert_message(m, "ciphertext", bytes_from(sealed, plain.len + 16));
		assert_int_equal(noise_open(receive, bytes_from(sealed, plain.len + 16), opened),
			0);
		assert_message(m, "payload", bytes_from(opened, plain.len));
	}
}

static void run_vector(const struct vector *v)
{
	struct bytes prologue = bytes_from(v->prologue, v->prologue_len);
	struct noise_handshake init, resp;
	struct noise_cipher ciphers[4];
	uint8_t raw[256], message[512], payload[512], hashes[2][NOISE_HASH_BYTES];
	const json_t *m = json_array_get(v->messages, 0);
	struct bytes plain = hex_of(m, "payload", raw, sizeof(raw));
	size_t len, payload_len;

	noise_init(&init, true, prologue, v->init_secret, v->init_public, v->resp_public);
	noise_init(&resp, false, prologue, v->resp_secret, v->resp_public, NULL);

	assert_int_equal(noise_write1(&init, v->init_ephemeral, plain, message, &len), 0);
	assert_message(m, "ciphertext", bytes_from(message, len));
	assert_int_equal(noise_read1(&resp, bytes_from(message, len), payload, &payload_len), 0);
	assert_message(m, "payload", bytes_from(payload, payload_len));
	assert_memory_equal(resp.rs, v->init_public, 32);

	m = json_array_get(v->messages, 1);
	plain = hex_of(m, "payload", raw, sizeof(raw));
	assert_int_equal(noise_write2(&resp, v->resp_ephemeral, v->psk, plain, message, &len), 0);
	assert_message(m, "ciphertext", bytes_from(message, len));
	assert_int_equal(noise_read2(&init, v->psk, bytes_from(message, len), payload,
				 &payload_len),
		0);
	assert_message(m, "payload", bytes_from(payload, payload_len));

	noise_split(&init, &ciphers[0], &ciphers[1], hashes[0]);
	noise_split(&resp, &ciphers[2], &ciphers[3], hashes[1]);
	assert_memory_equal(hashes[0], hashes[1], NOISE_HASH_BYTES);
	if (v->has_hash)
		assert_memory_equal(hashes[0], v->hash, NOISE_HASH_BYTES);
	run_transport(v->messages, &ciphers[0], &ciphers[1], &ciphers[2], &ciphers[3]);
}

static void vectors_of_cacophony_hold(void **state)
{
	json_t *file = json_load_file(VECTORS "cacophony.json", 0, NULL);
	const json_t *tests = json_object_get(file, "vectors");

	(void)state;
	assert_int_equal(json_array_size(tests), 1);
	for (size_t i = 0; i < json_array_size(tests); i++) {
		const json_t *t = json_array_get(tests, i);
		const char *psk =
			json_string_value(json_array_get(json_object_get(t, "init_psks"), 0));
		struct vector v = {.has_hash = true, .messages = json_object_get(t, "messages")};

		v.prologue_len = hex_of(t, "init_prologue", v.prologue, sizeof(v.prologue)).len;
		assert_int_equal(text_hex_decode(bytes_str(psk), v.psk, 32), 32);
		assert_int_equal(hex_of(t, "handshake_hash", v.hash, 64).len, 64);
		key_of(t, "init_static", v.init_secret);
		key_of(t, "init_ephemeral", v.init_ephemeral);
		key_of(t, "resp_static", v.resp_secret);
		key_of(t, "resp_ephemeral", v.resp_ephemeral);
		key_of(t, "init_remote_static", v.resp_public);
		crypto_scalarmult_base(v.init_public, v.init_secret);
		assert_int_equal(json_array_size(v.messages), 6);
		run_vector(&v);
	}
	json_decref(file);
}

static void vectors_of_flynn_hold(void **state)
{
	json_t *file = json_load_file(VECTORS "flynn.json", 0, NULL);
	const json_t *tests = json_object_get(file, "vectors");

	(void)state;
	assert_int_equal(json_array_size(tests), 2);
	for (size_t i = 0; i < json_array_size(tests); i++) {
		const json_t *t = json_array_get(tests, i);
		struct vector v = {.messages = json_object_get(t, "messages")};

		key_of(t, "preshared_key", v.psk);
		key_of(t, "init_static", v.init_secret);
		key_of(t, "gen_init_ephemeral", v.init_ephemeral);
		key_of(t, "resp_static", v.resp_secret);
		key_of(t, "gen_resp_ephemeral", v.resp_ephemeral);
		crypto_scalarmult_base(v.init_public, v.init_secret);
		crypto_scalarmult_base(v.resp_public, v.resp_secret);
		assert_int_equal(json_array_size(v.messages), 4);
		run_vector(&v);
	}
	json_decref(file);
}

/* --- pairs of our own ------------------------------------------------------------------------- */

struct pair {
	uint8_t secrets[2][32], publics[2][32], ephemerals[2][32], psk[32];
	uint8_t prologue[26];
	struct noise_handshake init, resp;
	uint8_t message1[NOISE_MSG1_BYTES], message2[NOISE_MSG2_BYTES];
	struct noise_cipher init_send, init_receive, resp_send, resp_receive;
};

static struct pair pair_new(uint64_t seed)
{
	struct env_rng rng = test_rng(&seed);
	struct node_id responder;
	struct pair p;

	memset(&p, 0, sizeof(p));
	env_random(&rng, p.secrets, sizeof(p.secrets));
	env_random(&rng, p.ephemerals, sizeof(p.ephemerals));
	env_random(&rng, p.psk, sizeof(p.psk));
	env_random(&rng, responder.bytes, sizeof(responder.bytes));
	for (int i = 0; i < 2; i++)
		crypto_scalarmult_base(p.publics[i], p.secrets[i]);
	noise_prologue(p.prologue, &responder);
	noise_init(&p.init, true, BYTES_OF(p.prologue), p.secrets[0], p.publics[0], p.publics[1]);
	noise_init(&p.resp, false, BYTES_OF(p.prologue), p.secrets[1], p.publics[1], NULL);
	return p;
}

static void pair_write1(struct pair *p)
{
	size_t len;

	assert_int_equal(noise_write1(&p->init, p->ephemerals[0], BYTES_NONE, p->message1, &len),
		0);
	assert_int_equal(len, NOISE_MSG1_BYTES);
}

static int pair_read1(struct pair *p)
{
	uint8_t payload[1];
	size_t len;
	int rc = noise_read1(&p->resp, BYTES_OF(p->message1), payload, &len);

	if (rc == 0)
		assert_int_equal(len, 0);
	return rc;
}

static void pair_write2(struct pair *p, const uint8_t psk[32])
{
	size_t len;

	assert_int_equal(noise_write2(&p->resp, p->ephemerals[1], psk, BYTES_NONE, p->message2,
				 &len),
		0);
	assert_int_equal(len, NOISE_MSG2_BYTES);
}

static int pair_read2(struct pair *p)
{
	uint8_t payload[1];
	size_t len;

	return noise_read2(&p->init, p->psk, BYTES_OF(p->message2), payload, &len);
}

static struct pair pair_connected(uint64_t seed)
{
	struct pair p = pair_new(seed);
	uint8_t hash[NOISE_HASH_BYTES];

	pair_write1(&p);
	assert_int_equal(pair_read1(&p), 0);
	pair_write2(&p, p.psk);
	assert_int_equal(pair_read2(&p), 0);
	noise_split(&p.init, &p.init_send, &p.init_receive, hash);
	noise_split(&p.resp, &p.resp_send, &p.resp_receive, hash);
	return p;
}

static void assert_carries(struct noise_cipher *send, struct noise_cipher *receive, size_t len)
{
	static uint8_t plain[NOISE_PLAIN_MAX], wire[NOISE_MESSAGE_MAX];

	memset(plain, (int)len & 0xff, len);
	assert_int_equal(noise_seal(send, bytes_from(plain, len), wire), 0);
	assert_int_equal(noise_open(receive, bytes_from(wire, len + NOISE_TAG_BYTES), wire), 0);
	assert_memory_equal(plain, wire, len);
}

static void both_directions_carry_every_length(void **state)
{
	struct pair p = pair_connected(1);

	(void)state;
	for (size_t len = 0; len <= NOISE_PLAIN_MAX; len = len * 3 + 1) {
		assert_carries(&p.init_send, &p.resp_receive, len);
		assert_carries(&p.resp_send, &p.init_receive, len);
	}
	assert_carries(&p.init_send, &p.resp_receive, NOISE_PLAIN_MAX);
	assert_memory_not_equal(p.init_send.key, p.resp_send.key, 32);
}

/* The first vector's keys, recomputed independently of any library. */
static void known_keys_come_out_of_split_and_rekey(void **state)
{
	static const char k1[] = "c7924627a4e9eb3288cfad4a4f6a443586930653ffc63b38bf359fa1a6e44a01";
	static const char k2[] = "4876932652aae6e4bf629e3b9adbbf7cb0a9911ed1623c241cb885880ef7c199";
	static const char next[] =
		"78a86a9b2bf066be5977cf468461a508d1ced03c4fcd5132a48514e9cd02de86";
	struct pair p = pair_new(1);
	uint8_t message[256], payload[256], psk[32], hash[NOISE_HASH_BYTES];
	json_t *file = json_load_file(VECTORS "cacophony.json", 0, NULL);
	const json_t *t = json_array_get(json_object_get(file, "vectors"), 0);
	char text[HEX_TEXT_SIZE(32)];
	size_t len;

	(void)state;
	key_of(t, "init_static", p.secrets[0]);
	key_of(t, "init_ephemeral", p.ephemerals[0]);
	key_of(t, "init_remote_static", p.publics[1]);
	crypto_scalarmult_base(p.publics[0], p.secrets[0]);
	assert_int_equal(text_hex_decode(bytes_str(json_string_value(json_array_get(
						 json_object_get(t, "init_psks"), 0))),
				 psk, 32),
		32);
	noise_init(&p.init, true, bytes_str("John Galt"), p.secrets[0], p.publics[0], p.publics[1]);
	assert_int_equal(noise_write1(&p.init, p.ephemerals[0], bytes_str("Ludwig von Mises"),
				 message, &len),
		0);
	t = json_array_get(json_object_get(t, "messages"), 1);
	assert_int_equal(noise_read2(&p.init, psk,
				 hex_of(t, "ciphertext", message, sizeof(message)), payload, &len),
		0);
	noise_split(&p.init, &p.init_send, &p.init_receive, hash);
	text_hex_encode(text, BYTES_OF(p.init_send.key));
	assert_string_equal(text, k1);
	text_hex_encode(text, BYTES_OF(p.init_receive.key));
	assert_string_equal(text, k2);
	noise_rekey(&p.init_send);
	text_hex_encode(text, BYTES_OF(p.init_send.key));
	assert_string_equal(text, next);
	json_decref(file);
}

static void every_changed_byte_of_message_1_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < NOISE_MSG1_BYTES; i++) {
		struct pair p = pair_new(2);

		pair_write1(&p);
		/* The top bit of an X25519 point is ignored there, but not by the hash. */
		p.message1[i] ^= i == 31 ? 0x80 : 0x01;
		assert_int_equal(pair_read1(&p), ENT_ECRYPTO);
	}
}

static void every_changed_byte_of_message_2_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < NOISE_MSG2_BYTES; i++) {
		struct pair p = pair_new(3);

		pair_write1(&p);
		assert_int_equal(pair_read1(&p), 0);
		pair_write2(&p, p.psk);
		p.message2[i] ^= i == 31 ? 0x80 : 0x01;
		assert_int_equal(pair_read2(&p), ENT_ECRYPTO);
	}
}

static void every_wrong_length_is_refused(void **state)
{
	static uint8_t long_message[NOISE_MESSAGE_MAX + 1], payload[NOISE_MESSAGE_MAX];
	size_t len;

	(void)state;
	for (size_t cut = 0; cut < NOISE_MSG1_BYTES; cut++) {
		struct pair p = pair_new(4);

		pair_write1(&p);
		assert_int_equal(noise_read1(&p.resp, bytes_from(p.message1, cut), payload, &len),
			ENT_ECRYPTO);
	}
	for (size_t cut = 0; cut < NOISE_MSG2_BYTES; cut++) {
		struct pair p = pair_new(4);

		pair_write1(&p);
		assert_int_equal(pair_read1(&p), 0);
		pair_write2(&p, p.psk);
		assert_int_equal(noise_read2(&p.init, p.psk, bytes_from(p.message2, cut), payload,
					 &len),
			ENT_ECRYPTO);
	}
	for (size_t extra = 1; extra < 3; extra++) {
		struct pair p = pair_new(4);

		pair_write1(&p);
		memcpy(long_message, p.message1, NOISE_MSG1_BYTES);
		assert_int_equal(noise_read1(&p.resp,
					 bytes_from(long_message, NOISE_MSG1_BYTES + extra),
					 payload, &len),
			ENT_ECRYPTO);
		p = pair_new(4);
		assert_int_equal(noise_read1(&p.resp, BYTES_OF(long_message), payload, &len),
			ENT_ECRYPTO);
	}
}

static void another_psk_or_prologue_or_responder_is_refused(void **state)
{
	static const uint8_t none[32];
	struct pair p = pair_new(5), q = pair_new(6);

	(void)state;
	pair_write1(&p);
	assert_int_equal(pair_read1(&p), 0);
	pair_write2(&p, none); /* on one side only */
	assert_int_equal(pair_read2(&p), ENT_ECRYPTO);

	p = pair_new(5);
	p.prologue[25] ^= 1;
	noise_init(&p.resp, false, BYTES_OF(p.prologue), p.secrets[1], p.publics[1], NULL);
	pair_write1(&p);
	assert_int_equal(pair_read1(&p), ENT_ECRYPTO);

	p = pair_new(5);
	pair_write1(&p);
	memcpy(q.message1, p.message1, sizeof(q.message1));
	assert_int_equal(pair_read1(&q), ENT_ECRYPTO);
}

/* --- points of low order ---------------------------------------------------------------------- */

static void assert_point_refused(const uint8_t point[32])
{
	struct pair p = pair_new(7);
	uint8_t out[256], payload[1];
	size_t len;

	/* As the responder's static key. */
	noise_init(&p.init, true, BYTES_OF(p.prologue), p.secrets[0], p.publics[0], point);
	assert_int_equal(noise_write1(&p.init, p.ephemerals[0], BYTES_NONE, out, &len),
		ENT_ECRYPTO);

	/* As an ephemeral of message 1, with anything behind it. */
	p = pair_new(7);
	pair_write1(&p);
	memcpy(p.message1, point, 32);
	assert_int_equal(noise_read1(&p.resp, BYTES_OF(p.message1), payload, &len), ENT_ECRYPTO);

	/* As the initiator's static key, everything else about message 1 being right. */
	p = pair_new(7);
	noise_init(&p.init, true, BYTES_OF(p.prologue), p.secrets[0], point, p.publics[1]);
	pair_write1(&p);
	assert_int_equal(pair_read1(&p), ENT_ECRYPTO);

	/* As the ephemeral of message 2. */
	p = pair_new(7);
	pair_write1(&p);
	memcpy(p.message2, point, 32);
	assert_int_equal(pair_read2(&p), ENT_ECRYPTO);
}

static void points_of_low_order_are_refused(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(points); i++) {
		uint8_t point[32];

		assert_int_equal(text_hex_decode(bytes_str(points[i]), point, 32), 32);
		assert_point_refused(point);
		point[31] |= 0x80;
		assert_point_refused(point);
	}
}

static void points_that_wycheproof_sends_to_zero_are_refused(void **state)
{
	const char *path = test_shared("vectors/wycheproof/x25519_test.json");
	json_t *file;
	const json_t *groups;
	unsigned zero = 0;

	(void)state;
	if (!path)
		skip();
	file = json_load_file(path, 0, NULL);
	groups = json_object_get(file, "testGroups");
	for (size_t g = 0; g < json_array_size(groups); g++) {
		const json_t *tests = json_object_get(json_array_get(groups, g), "tests");

		for (size_t i = 0; i < json_array_size(tests); i++) {
			const json_t *t = json_array_get(tests, i);
			uint8_t point[32], shared[32];

			key_of(t, "shared", shared);
			key_of(t, "public", point);
			if (!sodium_is_zero(shared, sizeof(shared)))
				continue;
			assert_point_refused(point);
			zero++;
		}
	}
	assert_true(zero > 5);
	json_decref(file);
}

/* --- transport -------------------------------------------------------------------------------- */

static void replayed_reordered_reflected_and_forged_messages_are_refused(void **state)
{
	struct pair p = pair_connected(8);
	uint8_t one[20], two[20], out[4];

	(void)state;
	assert_int_equal(noise_seal(&p.init_send, bytes_str("one!"), one), 0);
	assert_int_equal(noise_seal(&p.init_send, bytes_str("two!"), two), 0);
	assert_int_equal(noise_open(&p.resp_receive, BYTES_OF(two), out), ENT_ECRYPTO);
	assert_int_equal(noise_open(&p.init_receive, BYTES_OF(one), out), ENT_ECRYPTO);
	for (size_t i = 0; i < sizeof(one); i++) {
		one[i] ^= 1;
		assert_int_equal(noise_open(&p.resp_receive, BYTES_OF(one), out), ENT_ECRYPTO);
		one[i] ^= 1;
	}
	for (size_t len = 0; len < sizeof(one); len++)
		assert_int_equal(noise_open(&p.resp_receive, bytes_from(one, len), out),
			ENT_ECRYPTO);
	assert_int_equal(noise_open(&p.resp_receive, BYTES_OF(one), out), 0);
	assert_int_equal(noise_open(&p.resp_receive, BYTES_OF(one), out), ENT_ECRYPTO);
	assert_int_equal(noise_open(&p.resp_receive, BYTES_OF(two), out), 0);
	assert_memory_equal(out, "two!", 4);
}

static void too_long_a_message_is_refused(void **state)
{
	static uint8_t plain[NOISE_PLAIN_MAX + 1], out[NOISE_MESSAGE_MAX + 1];
	struct pair p = pair_connected(9);

	(void)state;
	assert_int_equal(noise_seal(&p.init_send, BYTES_OF(plain), out), ENT_ELIMIT);
	assert_int_equal(noise_open(&p.resp_receive, BYTES_OF(out), plain), ENT_ECRYPTO);
	assert_carries(&p.init_send, &p.resp_receive, 5);
}

static void both_ends_rekey_after_the_same_message(void **state)
{
	struct pair p = pair_connected(10);
	uint8_t before[32];

	(void)state;
	memcpy(before, p.init_send.key, 32);
	p.init_send.messages = p.resp_receive.messages = REKEY_MESSAGES - 2;
	assert_carries(&p.init_send, &p.resp_receive, 9);
	assert_memory_equal(p.init_send.key, before, 32);
	assert_carries(&p.init_send, &p.resp_receive, 9);
	assert_memory_not_equal(p.init_send.key, before, 32);
	assert_memory_equal(p.init_send.key, p.resp_receive.key, 32);
	assert_int_equal(p.init_send.counter, 2); /* it goes on */
	assert_int_equal(p.init_send.messages, 0);
	assert_int_equal(p.init_send.bytes, 0);
	assert_carries(&p.init_send, &p.resp_receive, 9);
}

static void both_ends_rekey_after_the_same_byte(void **state)
{
	struct pair p = pair_connected(11);
	uint8_t before[32];

	(void)state;
	memcpy(before, p.resp_send.key, 32);
	p.resp_send.bytes = p.init_receive.bytes = REKEY_BYTES - 100;
	assert_carries(&p.resp_send, &p.init_receive, 99);
	assert_memory_equal(p.resp_send.key, before, 32);
	assert_carries(&p.resp_send, &p.init_receive, 1);
	assert_memory_not_equal(p.resp_send.key, before, 32);
	assert_carries(&p.resp_send, &p.init_receive, 1000);
}

static void a_forged_message_moves_no_rekey_boundary(void **state)
{
	struct pair p = pair_connected(12);
	uint8_t forged[40] = {0}, out[24];

	(void)state;
	p.init_send.messages = p.resp_receive.messages = REKEY_MESSAGES - 1;
	assert_int_equal(noise_open(&p.resp_receive, BYTES_OF(forged), out), ENT_ECRYPTO);
	assert_carries(&p.init_send, &p.resp_receive, 3);
	assert_carries(&p.init_send, &p.resp_receive, 3);
}

static void a_rekey_at_one_end_only_breaks_the_link(void **state)
{
	struct pair p = pair_connected(13);
	uint8_t wire[20], out[4];

	(void)state;
	p.init_send.messages = REKEY_MESSAGES - 1;
	assert_carries(&p.init_send, &p.resp_receive, 4);
	assert_int_equal(noise_seal(&p.init_send, bytes_str("next"), wire), 0);
	assert_int_equal(noise_open(&p.resp_receive, BYTES_OF(wire), out), ENT_ECRYPTO);
}

static void the_last_counter_is_never_used(void **state)
{
	struct pair p = pair_connected(14);
	uint8_t wire[20], out[4];

	(void)state;
	p.init_send.counter = p.resp_receive.counter = UINT64_MAX - 1;
	assert_carries(&p.init_send, &p.resp_receive, 4);
	assert_int_equal(noise_seal(&p.init_send, bytes_str("over"), wire), ENT_ELIMIT);
	assert_int_equal(noise_open(&p.resp_receive, BYTES_OF(wire), out), ENT_ELIMIT);
}

static void wiping_and_failing_leave_no_secret(void **state)
{
	struct pair p = pair_new(15);
	struct noise_handshake wiped;

	(void)state;
	pair_write1(&p);
	p.message1[60] ^= 1;
	assert_int_equal(pair_read1(&p), ENT_ECRYPTO);
	memset(&wiped, 0, sizeof(wiped));
	wiped.step = p.resp.step;
	assert_memory_equal(&p.resp, &wiped, sizeof(wiped));
	noise_wipe(&p.init);
	assert_memory_equal(&p.init, &wiped, sizeof(wiped));
}

/* --- in front of message 1 -------------------------------------------------------------------- */

static void mac_fits_one_responder_and_one_message(void **state)
{
	struct pair p = pair_new(16);
	uint8_t mac[NOISE_MAC_BYTES];

	(void)state;
	pair_write1(&p);
	noise_mac(mac, p.publics[1], BYTES_OF(p.message1));
	assert_int_equal(noise_mac_verify(mac, p.publics[1], BYTES_OF(p.message1)), 0);
	assert_int_equal(noise_mac_verify(mac, p.publics[0], BYTES_OF(p.message1)), ENT_ECRYPTO);
	for (size_t i = 0; i < sizeof(mac); i++) {
		mac[i] ^= 0x80;
		assert_int_equal(noise_mac_verify(mac, p.publics[1], BYTES_OF(p.message1)),
			ENT_ECRYPTO);
		mac[i] ^= 0x80;
	}
	p.message1[95] ^= 1;
	assert_int_equal(noise_mac_verify(mac, p.publics[1], BYTES_OF(p.message1)), ENT_ECRYPTO);
}

/* Computed with Python's hashlib: blake2b(bytes(96), digest_size=16, key=blake2b(
 * b"entente/mac/1\n" + bytes(range(32)), digest_size=32).digest()). */
static void known_mac_holds(void **state)
{
	uint8_t public_key[32], message[96] = {0}, mac[NOISE_MAC_BYTES];
	char text[HEX_TEXT_SIZE(NOISE_MAC_BYTES)];

	(void)state;
	for (uint8_t i = 0; i < 32; i++)
		public_key[i] = i;
	noise_mac(mac, public_key, BYTES_OF(message));
	text_hex_encode(text, BYTES_OF(mac));
	assert_string_equal(text, "a0b9883cf31da2bea37dca766df84e5f");
}

static void prologue_is_protocol_and_node(void **state)
{
	struct node_id id = {"0123456789abcdef"};
	uint8_t prologue[26];

	(void)state;
	noise_prologue(prologue, &id);
	assert_memory_equal(prologue, "entente/1\n0123456789abcdef", 26);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_cacophony_hold),
		cmocka_unit_test(vectors_of_flynn_hold),
		cmocka_unit_test(both_directions_carry_every_length),
		cmocka_unit_test(known_keys_come_out_of_split_and_rekey),
		cmocka_unit_test(every_changed_byte_of_message_1_is_refused),
		cmocka_unit_test(every_changed_byte_of_message_2_is_refused),
		cmocka_unit_test(every_wrong_length_is_refused),
		cmocka_unit_test(another_psk_or_prologue_or_responder_is_refused),
		cmocka_unit_test(points_of_low_order_are_refused),
		cmocka_unit_test(points_that_wycheproof_sends_to_zero_are_refused),
		cmocka_unit_test(replayed_reordered_reflected_and_forged_messages_are_refused),
		cmocka_unit_test(too_long_a_message_is_refused),
		cmocka_unit_test(both_ends_rekey_after_the_same_message),
		cmocka_unit_test(both_ends_rekey_after_the_same_byte),
		cmocka_unit_test(a_forged_message_moves_no_rekey_boundary),
		cmocka_unit_test(a_rekey_at_one_end_only_breaks_the_link),
		cmocka_unit_test(the_last_counter_is_never_used),
		cmocka_unit_test(wiping_and_failing_leave_no_secret),
		cmocka_unit_test(mac_fits_one_responder_and_one_message),
		cmocka_unit_test(known_mac_holds),
		cmocka_unit_test(prologue_is_protocol_and_node),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
