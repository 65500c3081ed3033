/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include "base/vocab.h"
#include "merkle/hash.h"
#include "provenance/act.h"

#define NOW_MS 1800000000123

static const struct log_name fr_green = {{{7}}, 1700000000, {AUDIENCE_GREEN, 0}};

static void gives_an_entry_whose_commitment_holds(void **state)
{
	uint64_t seed = 1;
	struct env_rng rng = test_rng(&seed);
	struct wire_agreement terms[] = {{.id = 0x1234, .serial = 2, .hash = {9}}};
	struct act_body act = {.act = ACT_SENDING_OPENED,
		.has_peer = true,
		.peer = {{5}},
		.terms = terms,
		.terms_len = 1,
		.has_log = true,
		.log = fr_green,
		.from = 300};
	struct buf out = buf_with_max(4096);
	struct arena arena = {0};
	struct entry_header header;
	struct act_body read;
	struct cursor in;
	struct entry entry;
	struct hash commitment;

	(void)state;
	assert_int_equal(act_entry(&out, &act, NOW_MS, &rng), 0);
	in = cursor_of(buf_view(&out));
	assert_int_equal(entry_next(&in, &entry), 0);
	assert_true(cursor_done(&in));
	entry_header_decode(entry.leaf, &header);
	assert_int_equal(header.version, ENTRY_VERSION);
	assert_int_equal(header.kind, KIND_ACT);
	assert_int_equal(header.time_ms, NOW_MS);
	assert_int_equal(header.body_len, entry.body.len);
	assert_memory_equal(header.object, (uint8_t[OBJECT_ID_BYTES]){0}, OBJECT_ID_BYTES);
	hash_commitment(&commitment, entry.salt, entry.body);
	assert_memory_equal(header.commitment, commitment.bytes, sizeof(header.commitment));

	assert_int_equal(act_body_decode(entry.body, &arena, &read), 0);
	assert_int_equal(read.act, ACT_SENDING_OPENED);
	assert_true(read.has_peer && node_id_eq(&read.peer, &act.peer));
	assert_true(read.has_log && log_name_eq(&read.log, &fr_green));
	assert_int_equal(read.from, 300);
	assert_int_equal(read.terms_len, 1);
	assert_int_equal(read.terms[0].id, 0x1234);
	arena_free(&arena);
	buf_free(&out);
}

static void salts_equal_acts_differently(void **state)
{
	uint64_t seed = 1;
	struct env_rng rng = test_rng(&seed);
	struct act_body act = {.act = ACT_STOPPED};
	struct buf out = buf_with_max(4096);
	size_t len;

	(void)state;
	assert_int_equal(act_entry(&out, &act, NOW_MS, &rng), 0);
	len = out.len;
	assert_int_equal(act_entry(&out, &act, NOW_MS, &rng), 0);
	assert_int_equal(out.len, 2 * len);
	assert_memory_not_equal(out.data, out.data + len, ENTRY_HEADER_BYTES);
	buf_free(&out);
}

static void refuses_what_is_out_of_bounds(void **state)
{
	uint64_t seed = 1;
	struct env_rng rng = test_rng(&seed);
	uint8_t short_hash[31] = {0};
	const struct act_body acts[] = {
		{.act = 0},
		{.act = 999},
		{.act = ACT_CARD, .hash = BYTES_OF(short_hash)},
		{.act = ACT_ALARM, .rule = bytes_from("\xff", 1)},
	};
	struct buf out = buf_with_max(4096);
	struct buf small = buf_with_max(16);
	struct act_body stopped = {.act = ACT_STOPPED};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(acts); i++)
		assert_int_equal(act_entry(&out, &acts[i], NOW_MS, &rng), ENT_EINVALID);
	assert_int_equal(out.len, 0);
	assert_int_equal(act_entry(&out, &stopped, -1, &rng), ENT_EINVALID);
	assert_int_equal(act_entry(&small, &stopped, NOW_MS, &rng), ENT_ENOMEM);
	buf_free(&out);
	buf_free(&small);
}

static void names_every_act(void **state)
{
	(void)state;
#define X(name, number, text) assert_string_equal(act_name(number), text);
	PROVENANCE_ACTS(X)
#undef X
	assert_string_equal(act_name(0), "unknown");
	assert_string_equal(act_name(1000), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_an_entry_whose_commitment_holds),
		cmocka_unit_test(salts_equal_acts_differently),
		cmocka_unit_test(refuses_what_is_out_of_bounds),
		cmocka_unit_test(names_every_act),
	};

	return cmocka_run_group_tests_name("provenance/act", tests, NULL, NULL);
}
