/* SPDX-License-Identifier: EUPL-1.2 */
#include "random.h"

#include "base/buf.h"

#define ROUNDS 300

static int decode_act(struct bytes b, struct arena *a)
{
	struct act_body act;

	return act_body_decode(b, a, &act);
}

static struct act_body random_act(struct random *r)
{
	struct act_body act = {
		.act = (uint32_t)(1 + random_u64(r, UINT32_MAX - 1)),
		.has_peer = random_below(r, 2),
		.session = random_maybe(r, ACT_ID_BYTES),
		.has_log = random_below(r, 2),
		.from = random_u64(r, UINT64_MAX),
		.to = random_u64(r, UINT64_MAX),
		.root = random_maybe(r, 32),
		.rule = random_text(r, 0, ACT_RULE_MAX),
		.operator_name = random_text(r, 0, ACT_OPERATOR_MAX),
		.hash = random_maybe(r, 32),
		.salt = random_maybe(r, ACT_ID_BYTES),
		.count = random_u64(r, UINT64_MAX),
		.publication = random_maybe(r, ACT_PUBLICATION_MIN + random_below(r, 9)),
		.text = random_text(r, 0, ACT_TEXT_MAX),
		.serial = (uint32_t)random_u64(r, UINT32_MAX),
	};

	if (act.has_peer)
		env_random(&r->rng, act.peer.bytes, NODE_ID_BYTES);
	if (act.has_log)
		act.log = random_log(r, (enum audience_kind)(1 + random_below(r, 5)));
	act.terms = random_agreements(r, &act.terms_len);
	return act;
}

static void assert_act_equal(const struct act_body *a, const struct act_body *b)
{
	assert_field_equal(a, b, act);
	assert_field_equal(a, b, has_peer);
	assert_true(node_id_eq(&a->peer, &b->peer));
	assert_bytes_field_equal(a, b, session);
	assert_agreements_equal(a->terms, a->terms_len, b->terms, b->terms_len);
	assert_field_equal(a, b, has_log);
	assert_feed_equal(a, b, log);
	assert_field_equal(a, b, from);
	assert_field_equal(a, b, to);
	assert_bytes_field_equal(a, b, root);
	assert_bytes_field_equal(a, b, rule);
	assert_bytes_field_equal(a, b, operator_name);
	assert_bytes_field_equal(a, b, hash);
	assert_bytes_field_equal(a, b, salt);
	assert_field_equal(a, b, count);
	assert_bytes_field_equal(a, b, publication);
	assert_bytes_field_equal(a, b, text);
	assert_field_equal(a, b, serial);
}

static void an_act_survives_the_round_trip(void **state)
{
	uint64_t seed = 7;
	struct arena arena = {0}, decoded = {0};
	struct random random = {test_rng(&seed), &arena};
	struct buf buf = buf_with_max(1u << 20), again = buf_with_max(1u << 20);

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct act_body in = random_act(&random), out;

		buf_reset(&buf);
		buf_reset(&again);
		assert_int_equal(act_body_encode(&buf, &in), 0);
		assert_int_equal(act_body_decode(buf_view(&buf), &decoded, &out), 0);
		assert_act_equal(&in, &out);
		assert_int_equal(act_body_encode(&again, &out), 0);
		assert_bytes_equal(buf_view(&buf), buf_view(&again));
		buf_append(&buf, UNKNOWN_FIELDS, sizeof(UNKNOWN_FIELDS) - 1);
		assert_int_equal(act_body_decode(buf_view(&buf), &decoded, &out), 0);
		assert_act_equal(&in, &out);
		arena_reset(&arena);
		arena_reset(&decoded);
	}
	arena_free(&arena);
	arena_free(&decoded);
	buf_free(&buf);
	buf_free(&again);
}

static void damaged_acts_do_no_harm(void **state)
{
	uint64_t seed = 8;
	struct arena arena = {0};
	struct random random = {test_rng(&seed), &arena};
	struct buf buf = buf_with_max(1u << 20);
	struct act_body act;

	(void)state;
	do {
		act = random_act(&random);
		buf_reset(&buf);
		assert_int_equal(act_body_encode(&buf, &act), 0);
	} while (buf.len > 500 || act.terms_len == 0);
	check_damage(decode_act, buf_view(&buf));
	buf_free(&buf);
	arena_free(&arena);
}

static void acts_have_bounds(void **state)
{
	static const uint8_t zeros[ACT_TEXT_MAX + 1];
	static char letters[ACT_TEXT_MAX + 1];
	const struct act_body good = {.act = 1};
	struct buf buf = buf_with_max(1u << 20);
	struct act_body act;

	(void)state;
	memset(letters, 'a', sizeof(letters));
#define REFUSED(code, change)                                                                      \
	do {                                                                                       \
		act = good;                                                                        \
		change;                                                                            \
		assert_int_equal(act_body_encode(&buf, &act), code);                               \
		assert_int_equal(buf.len, 0);                                                      \
	} while (0)
	REFUSED(ENT_EINVALID, act.act = 0);
	REFUSED(ENT_EINVALID, act.session = bytes_from(zeros, 15));
	REFUSED(ENT_EINVALID, act.salt = bytes_from(zeros, 17));
	REFUSED(ENT_EINVALID, act.root = bytes_from(zeros, 31));
	REFUSED(ENT_EINVALID, act.hash = bytes_from(zeros, 33));
	REFUSED(ENT_EINVALID, act.publication = bytes_from(zeros, ACT_PUBLICATION_MIN - 1));
	REFUSED(ENT_EINVALID, act.publication = bytes_from(zeros, ACT_PUBLICATION_MAX + 1));
	REFUSED(ENT_EINVALID, act.has_log = true);
	REFUSED(ENT_EINVALID, act.text = bytes_from(zeros, 1));
	REFUSED(ENT_ELIMIT, act.terms_len = WIRE_AGREEMENTS_MAX + 1);
	REFUSED(ENT_ELIMIT, act.rule = bytes_from(letters, ACT_RULE_MAX + 1));
	REFUSED(ENT_ELIMIT, act.operator_name = bytes_from(letters, ACT_OPERATOR_MAX + 1));
	REFUSED(ENT_ELIMIT, act.text = bytes_from(letters, ACT_TEXT_MAX + 1));
#undef REFUSED
	/* The same when decoding: no act at all, and a peer of the wrong length. */
	assert_int_equal(decode_alone(decode_act, BYTES_NONE), ENT_EINVALID);
	assert_int_equal(decode_alone(decode_act, bytes_str("\x08\x01")), 0);
	assert_int_equal(decode_alone(decode_act, bytes_str("\x08\x01\x12\x01x")), ENT_EINVALID);
	buf_free(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_act_survives_the_round_trip),
		cmocka_unit_test(damaged_acts_do_no_harm),
		cmocka_unit_test(acts_have_bounds),
	};

	return cmocka_run_group_tests_name("codec_act", tests, NULL, NULL);
}
