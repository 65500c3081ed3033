/* SPDX-License-Identifier: EUPL-1.2 */
/* What holds bytes: buffers, arenas, cursors and views. */
#include "lib/test.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cursor.h"

static void a_buffer_grows_to_its_ceiling_and_no_further(void **state)
{
	struct buf b = buf_with_max(100);

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_u8(&b, (uint8_t)i);
	assert_false(buf_failed(&b));
	buf_u8(&b, 0);
	assert_true(buf_failed(&b));
	assert_int_equal(b.len, 100);
	/* The error sticks, also when there would be room. */
	b.len = 0;
	buf_u8(&b, 0);
	assert_int_equal(b.len, 0);
	assert_null(buf_extend(&b, 1));
	buf_reset(&b);
	buf_u8(&b, 7);
	assert_false(buf_failed(&b));
	assert_int_equal(b.len, 1);
	buf_free(&b);
}

static void a_length_that_overflows_is_refused(void **state)
{
	struct buf b = buf_with_max(SIZE_MAX);
	struct arena a = {0};

	(void)state;
	buf_u8(&b, 1);
	assert_null(buf_extend(&b, SIZE_MAX));
	assert_true(buf_failed(&b));
	assert_null(arena_alloc(&a, SIZE_MAX));
	buf_free(&b);
	arena_free(&a);
}

static void numbers_are_big_endian(void **state)
{
	struct buf b = buf_with_max(100);
	struct cursor c;

	(void)state;
	buf_u8(&b, 0x01);
	buf_u16(&b, 0x0203);
	buf_u32(&b, 0x04050607);
	buf_u64(&b, 0x08090a0b0c0d0e0f);
	assert_memory_equal(b.data, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 15);
	c = cursor_of(buf_view(&b));
	assert_int_equal(cursor_u8(&c), 0x01);
	assert_int_equal(cursor_u16(&c), 0x0203);
	assert_int_equal(cursor_u32(&c), 0x04050607);
	assert_true(cursor_u64(&c) == 0x08090a0b0c0d0e0f);
	assert_true(cursor_done(&c));
	buf_free(&b);
}

static void printing_and_consuming(void **state)
{
	struct buf b = buf_with_max(8);

	(void)state;
	buf_printf(&b, "%d-%s", 12, "ab");
	assert_bytes_equal(buf_view(&b), bytes_str("12-ab"));
	buf_consume(&b, 3);
	assert_bytes_equal(buf_view(&b), bytes_str("ab"));
	buf_consume(&b, 99);
	assert_int_equal(b.len, 0);
	buf_printf(&b, "%s", "too long for it");
	assert_true(buf_failed(&b));
	buf_free(&b);
}

static void a_cursor_stays_failed(void **state)
{
	struct cursor c = cursor_of(bytes_from("abc", 3));
	uint8_t copy[2] = {1, 1};

	(void)state;
	assert_int_equal(cursor_u16(&c), 0x6162);
	assert_int_equal(cursor_u16(&c), 0);
	assert_false(cursor_ok(&c));
	assert_int_equal(cursor_u8(&c), 0); /* though one byte is left */
	cursor_copy(&c, copy, 2);
	assert_memory_equal(copy, "\0\0", 2);
	assert_false(cursor_done(&c));
	c = cursor_of(BYTES_NONE);
	assert_true(cursor_done(&c));
	assert_int_equal(cursor_bytes(&c, 0).len, 0);
	assert_true(cursor_done(&c));
	assert_int_equal(cursor_bytes(&c, SIZE_MAX).len, 0);
	assert_false(cursor_ok(&c));
}

static void an_arena_gives_zeroed_aligned_pieces(void **state)
{
	struct arena a = {.block_bytes = 256};
	uint8_t *before = NULL;

	(void)state;
	for (size_t len = 0; len < 600; len += 7) {
		uint8_t *p = arena_alloc(&a, len);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, len);
		if (before)
			assert_ptr_not_equal(p, before);
		before = len ? p : NULL;
	}
	arena_free(&a);
	assert_int_equal(a.used_bytes, 0);
}

static void a_reset_arena_starts_over_in_its_first_block(void **state)
{
	struct arena a = {.block_bytes = 256};
	void *first = arena_alloc(&a, 100);

	(void)state;
	memset(first, 0xff, 100);
	assert_non_null(arena_alloc(&a, 10000));
	arena_reset(&a);
	assert_int_equal(a.used_bytes, 0);
	assert_ptr_equal(arena_alloc(&a, 100), first);
	assert_int_equal(*(uint8_t *)first, 0);
	arena_free(&a);
}

static void copies_end_in_a_nul(void **state)
{
	struct arena a = {0};
	struct bytes b = arena_copy(&a, bytes_from("ab", 2));

	(void)state;
	assert_bytes_equal(b, bytes_str("ab"));
	assert_int_equal(b.data[2], 0);
	assert_non_null(arena_copy(&a, BYTES_NONE).data);
	assert_string_equal(arena_strdup(&a, "text"), "text");
	arena_free(&a);
}

static void views_compare_and_skip(void **state)
{
	struct bytes b = bytes_str("abc");

	(void)state;
	assert_true(bytes_eq_str(bytes_skip(b, 1), "bc"));
	assert_int_equal(bytes_skip(b, 3).len, 0);
	assert_int_equal(bytes_skip(b, 99).len, 0);
	assert_int_equal(bytes_skip(BYTES_NONE, 5).len, 0);
	assert_true(bytes_eq(BYTES_NONE, bytes_str("")));
	assert_false(bytes_eq(b, bytes_str("abd")));
	assert_true(bytes_starts(b, "ab") && bytes_starts(b, ""));
	assert_false(bytes_starts(b, "abcd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_grows_to_its_ceiling_and_no_further),
		cmocka_unit_test(a_length_that_overflows_is_refused),
		cmocka_unit_test(numbers_are_big_endian),
		cmocka_unit_test(printing_and_consuming),
		cmocka_unit_test(a_cursor_stays_failed),
		cmocka_unit_test(an_arena_gives_zeroed_aligned_pieces),
		cmocka_unit_test(a_reset_arena_starts_over_in_its_first_block),
		cmocka_unit_test(copies_end_in_a_nul),
		cmocka_unit_test(views_compare_and_skip),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
