/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include "provenance/bundle.h"

static const struct log_name fr_green = {{{7}}, 1700000000, {AUDIENCE_GREEN, 0}};

static struct bytes payload_of(const struct buf *frame)
{
	return bytes_skip(buf_view(frame), BUNDLE_HEAD_BYTES);
}

static struct bundle_log whole_log(void)
{
	struct bundle_log log = {.name = fr_green,
		.flags = BUNDLE_FLAG_SIGNED,
		.size = 12,
		.from = 0,
		.to = 10,
		.checkpoint = {.log = fr_green, .size = 12}};
	struct hash hash = {{1}};

	range_init(&log.left, 0);
	range_init(&log.right, 10);
	range_append(&log.right, &hash);
	range_append(&log.right, &hash);
	return log;
}

static void a_log_reads_as_it_was_written(void **state)
{
	struct bundle_log log = whole_log(), read;
	struct buf out = buf_with_max(4096);

	(void)state;
	bundle_log_put(&out, &log);
	assert_int_equal(out.data[0], BUNDLE_LOG);
	assert_int_equal(be32_get(out.data + 1), out.len - BUNDLE_HEAD_BYTES);
	assert_int_equal(bundle_log_read(payload_of(&out), &read), 0);
	assert_true(log_name_eq(&read.name, &fr_green));
	assert_int_equal(read.to, 10);
	assert_int_equal(read.right.end, 12);
	/* Cut short, or with something behind it. */
	for (size_t len = 0; len < out.len - BUNDLE_HEAD_BYTES; len++)
		assert_int_equal(bundle_log_read(bytes_from(payload_of(&out).data, len), &read),
			ENT_EINVALID);
	buf_u8(&out, 0);
	assert_int_equal(bundle_log_read(payload_of(&out), &read), ENT_EINVALID);
	buf_free(&out);
}

static void refuses_a_log_whose_numbers_do_not_fit(void **state)
{
	const struct {
		uint64_t floor, from, to, size, signed_size;
	} wrong[] = {
		{1, 0, 10, 12, 12},         /* begins below its floor */
		{0, 11, 10, 12, 12},        /* ends before it begins */
		{0, 0, 10, 11, 12},         /* more is signed than is there */
		{0, 0, 13, 13, 12},         /* more is here than is signed */
		{0, 0, 10, 1ull << 62, 12}, /* no log is that long */
		{0, 0, UINT64_MAX, 12, 12},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct bundle_log log = whole_log(), read;
		struct buf out = buf_with_max(4096);

		log.floor = wrong[i].floor;
		log.from = wrong[i].from;
		log.to = wrong[i].to;
		log.size = wrong[i].size;
		log.checkpoint.size = wrong[i].signed_size;
		bundle_log_put(&out, &log);
		assert_int_equal(bundle_log_read(payload_of(&out), &read), ENT_EINVALID);
		buf_free(&out);
	}
}

static void a_kept_body_is_neither_here_nor_erased(void **state)
{
	uint8_t packed[ENTRY_HEADER_BYTES + 1] = {1, 1};
	struct bundle_entry e;
	struct cursor c;

	(void)state;
	for (uint8_t at = 0; at <= 4; at++) {
		int rc;

		packed[ENTRY_HEADER_BYTES] = at;
		c = cursor_of(BYTES_OF(packed));
		rc = bundle_entry_next(&c, &e);
		/* 0 wants a salt, which is not there. */
		assert_int_equal(rc,
			at == ENTRY_STATE_ERASED || at == BUNDLE_STATE_KEPT ? 0 : ENT_EINVALID);
		if (rc == 0) {
			assert_int_equal(e.state, at);
			assert_int_equal(e.body.len, 0);
		}
	}
}

static void the_digest_depends_on_every_frame_and_their_order(void **state)
{
	struct hash one, other, third;
	const struct bytes a = bytes_str("\1\0\0\0\0"), b = bytes_str("\2\0\0\0\0");

	(void)state;
	bundle_digest_begin(&one);
	bundle_digest_begin(&other);
	third = one;
	bundle_digest_add(&one, a);
	bundle_digest_add(&one, b);
	bundle_digest_add(&other, b);
	bundle_digest_add(&other, a);
	bundle_digest_add(&third, a);
	assert_false(hash_eq(&one, &other));
	assert_false(hash_eq(&one, &third));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_log_reads_as_it_was_written),
		cmocka_unit_test(refuses_a_log_whose_numbers_do_not_fit),
		cmocka_unit_test(a_kept_body_is_neither_here_nor_erased),
		cmocka_unit_test(the_digest_depends_on_every_frame_and_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
