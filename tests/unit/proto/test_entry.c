/* SPDX-License-Identifier: EUPL-1.2 */
#include "random.h"

#include "proto/entry.h"

static struct entry_header random_header(const struct env_rng *rng)
{
	struct entry_header h;

	env_random(rng, &h, sizeof(h));
	return h;
}

static void every_header_survives_the_round_trip(void **state)
{
	uint64_t seed = 1;
	struct env_rng rng = test_rng(&seed);
	uint8_t leaf[ENTRY_HEADER_BYTES], again[ENTRY_HEADER_BYTES];

	(void)state;
	for (int round = 0; round < 100; round++) {
		struct entry_header in = random_header(&rng), out;

		entry_header_encode(leaf, &in);
		entry_header_decode(BYTES_OF(leaf), &out);
		assert_field_equal(&in, &out, version);
		assert_field_equal(&in, &out, kind);
		assert_field_equal(&in, &out, tlp);
		assert_field_equal(&in, &out, pap);
		assert_field_equal(&in, &out, type);
		assert_field_equal(&in, &out, flags);
		assert_field_equal(&in, &out, body_len);
		assert_field_equal(&in, &out, time_ms);
		assert_memory_equal(in.object, out.object, sizeof(in.object));
		assert_memory_equal(in.commitment, out.commitment, sizeof(in.commitment));
		/* And every byte pattern is a header. */
		env_random(&rng, leaf, sizeof(leaf));
		entry_header_decode(BYTES_OF(leaf), &out);
		entry_header_encode(again, &out);
		assert_memory_equal(leaf, again, sizeof(leaf));
	}
}

/* A header whose body length is len; everything else zero. */
static struct bytes leaf_of(uint8_t leaf[ENTRY_HEADER_BYTES], uint16_t len)
{
	memset(leaf, 0, ENTRY_HEADER_BYTES);
	be16_put(leaf + 6, len);
	return bytes_from(leaf, ENTRY_HEADER_BYTES);
}

static void packed_entries_are_read_one_by_one(void **state)
{
	uint8_t leaf_a[ENTRY_HEADER_BYTES], leaf_b[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES];
	struct entry a = {leaf_of(leaf_a, 5), BYTES_OF(salt), bytes_str("hello"), false};
	struct entry b = {leaf_of(leaf_b, 900), BYTES_NONE, BYTES_NONE, true};
	uint8_t packed[300];
	size_t len = entry_packed_len(&a);
	struct entry out;
	struct cursor c;

	(void)state;
	memset(salt, 9, sizeof(salt));
	assert_int_equal(len, ENTRY_HEADER_BYTES + 1 + ENTRY_SALT_BYTES + 5);
	assert_int_equal(entry_packed_len(&b), ENTRY_HEADER_BYTES + 1);
	entry_pack(packed, &a);
	entry_pack(packed + len, &b);
	c = cursor_of(bytes_from(packed, len + entry_packed_len(&b)));
	assert_int_equal(entry_next(&c, &out), 0);
	assert_bytes_equal(out.leaf, a.leaf);
	assert_bytes_equal(out.salt, a.salt);
	assert_bytes_equal(out.body, a.body);
	assert_false(out.erased);
	assert_int_equal(entry_next(&c, &out), 0);
	assert_bytes_equal(out.leaf, b.leaf);
	assert_true(out.erased);
	assert_int_equal(out.salt.len + out.body.len, 0);
	assert_true(cursor_done(&c));
}

static void an_entry_cut_short_is_refused(void **state)
{
	uint8_t leaf[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES] = {0};
	struct entry e = {leaf_of(leaf, 3), BYTES_OF(salt), bytes_str("abc"), false}, out;
	uint8_t packed[ENTRY_HEADER_BYTES + 1 + ENTRY_SALT_BYTES + 3];

	(void)state;
	entry_pack(packed, &e);
	for (size_t len = 0; len < sizeof(packed); len++) {
		struct cursor c = cursor_of(bytes_from(packed, len));

		assert_int_equal(entry_next(&c, &out), ENT_EINVALID);
	}
}

static void unknown_states_and_long_bodies_are_refused(void **state)
{
	static uint8_t packed[ENTRY_PACKED_MAX + 10];
	struct entry out;
	struct cursor c;

	(void)state;
	leaf_of(packed, ENTRY_BODY_MAX);
	c = cursor_of(BYTES_OF(packed));
	assert_int_equal(entry_next(&c, &out), 0);
	assert_int_equal(out.body.len, ENTRY_BODY_MAX);
	leaf_of(packed, ENTRY_BODY_MAX + 1);
	c = cursor_of(BYTES_OF(packed));
	assert_int_equal(entry_next(&c, &out), ENT_EINVALID);
	leaf_of(packed, 0);
	packed[ENTRY_HEADER_BYTES] = 2;
	c = cursor_of(BYTES_OF(packed));
	assert_int_equal(entry_next(&c, &out), ENT_EINVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_header_survives_the_round_trip),
		cmocka_unit_test(packed_entries_are_read_one_by_one),
		cmocka_unit_test(an_entry_cut_short_is_refused),
		cmocka_unit_test(unknown_states_and_long_bodies_are_refused),
	};

	return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
