/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include "base/buf.h"
#include "merkle/leaves.h"

#define ENTRIES 150

/* Every seventh is erased; bodies of many lengths. */
static void entries_make(struct buf *out)
{
	uint8_t raw[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES], body[2 * ENTRIES];

	for (unsigned n = 0; n < ENTRIES; n++) {
		struct entry_header header = {
			.version = ENTRY_VERSION, .body_len = (uint16_t)(2 * n)};
		struct entry e = {.leaf = BYTES_OF(raw), .erased = n % 7 == 3};
		struct hash commitment;

		memset(salt, (int)n, sizeof(salt));
		memset(body, (int)(n * 3), sizeof(body));
		hash_commitment(&commitment, BYTES_OF(salt), bytes_from(body, header.body_len));
		memcpy(header.commitment, commitment.bytes, HASH_BYTES);
		entry_header_encode(raw, &header);
		if (!e.erased) {
			e.salt = BYTES_OF(salt);
			e.body = bytes_from(body, header.body_len);
		}
		entry_pack(buf_extend(out, entry_packed_len(&e)), &e);
	}
}

static void entries_come_in_order_with_their_hashes(void **state)
{
	struct buf packed = buf_with_max(1u << 20);
	struct cursor c, one;
	struct leaves l;
	uint64_t left = ENTRIES;

	(void)state;
	entries_make(&packed);
	c = one = cursor_of(buf_view(&packed));
	for (; left > 0; left -= l.len) {
		assert_int_equal(leaves_read(&l, &c, left), 0);
		assert_true(l.len > 0 && l.len <= left);
		assert_true(leaves_committed(&l));
		for (size_t i = 0; i < l.len; i++) {
			struct entry e;
			struct hash want;

			assert_int_equal(entry_next(&one, &e), 0);
			hash_leaf(&want, e.leaf);
			assert_true(hash_eq(&want, &l.hashes[i]));
			assert_ptr_equal(l.entries[i].leaf.data, e.leaf.data);
			assert_int_equal(l.entries[i].erased, e.erased);
		}
	}
	assert_true(cursor_done(&c));
	buf_free(&packed);
}

static void another_body_is_seen_wherever_it_stands(void **state)
{
	struct buf packed = buf_with_max(1u << 20);
	struct cursor c;
	struct leaves l, changed;

	(void)state;
	entries_make(&packed);
	c = cursor_of(buf_view(&packed));
	assert_int_equal(leaves_read(&l, &c, ENTRIES), 0);
	for (size_t i = 0; i < l.len; i++) {
		uint8_t *salt = (uint8_t *)(uintptr_t)l.entries[i].salt.data;

		if (l.entries[i].erased)
			continue;
		c = cursor_of(buf_view(&packed));
		salt[i % ENTRY_SALT_BYTES] ^= 4;
		assert_int_equal(leaves_read(&changed, &c, ENTRIES), 0);
		assert_false(leaves_committed(&changed));
		salt[i % ENTRY_SALT_BYTES] ^= 4;
	}
	assert_true(leaves_committed(&l));
	buf_free(&packed);
}

static void what_cannot_be_read_fails_when_its_turn_comes(void **state)
{
	struct buf packed = buf_with_max(1u << 20);
	struct cursor c;
	struct leaves l;

	(void)state;
	entries_make(&packed);
	c = cursor_of(bytes_from(packed.data, 3 * (ENTRY_HEADER_BYTES + 1)));
	assert_int_equal(leaves_read(&l, &c, ENTRIES), 0);
	assert_int_equal(l.len, 2);
	assert_int_equal(leaves_read(&l, &c, ENTRIES), ENT_EINVALID);
	c = cursor_of(BYTES_NONE);
	assert_int_equal(leaves_read(&l, &c, 1), ENT_EINVALID);
	c = cursor_of(buf_view(&packed));
	assert_int_equal(leaves_read(&l, &c, 1), 0);
	assert_int_equal(l.len, 1);
	buf_free(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_in_order_with_their_hashes),
		cmocka_unit_test(another_body_is_seen_wherever_it_stands),
		cmocka_unit_test(what_cannot_be_read_fails_when_its_turn_comes),
	};

	return hash_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
