/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "net/frame.h"
#include "proto/codec.h"

/* A stream of messages of many sizes, the i-th of type i mod 251 and filled with it. */
static struct bytes stream_make(size_t count, struct buf *stream)
{
	*stream = buf_with_max(64u * 1024 * 1024);
	for (size_t i = 0; i < count; i++) {
		size_t len = i % 7 == 0 ? 0 : (i * i * 37) % 100000;
		uint8_t *place;

		buf_u32(stream, (uint32_t)len);
		buf_u8(stream, (uint8_t)(i % 251));
		place = buf_extend(stream, len);
		assert_non_null(place);
		memset(place, (int)(i % 251), len);
	}
	return buf_view(stream);
}

/* Whatever the cuts, the same messages come out. */
static void messages_span_pieces_freely(void **state)
{
	static const size_t steps[] = {1, 2, 3, 4, 5, 6, 7, 4096, 65519, 1000000};
	struct buf stream;
	struct bytes all = stream_make(40, &stream);

	(void)state;
	for (size_t k = 0; k < COUNT_OF(steps); k++) {
		struct net_gather g = {0};
		size_t count = 0;

		for (size_t at = 0; at < all.len; at += steps[k]) {
			struct bytes piece = bytes_skip(all, at), payload;
			uint8_t type;
			int rc;

			if (piece.len > steps[k])
				piece.len = steps[k];
			while ((rc = net_message_next(&g, &piece, &type, &payload)) == 1) {
				size_t len = count % 7 == 0 ? 0 : (count * count * 37) % 100000;

				assert_int_equal(type, count % 251);
				assert_int_equal(payload.len, len);
				if (len) {
					assert_int_equal(payload.data[0], count % 251);
					assert_int_equal(payload.data[len - 1], count % 251);
				}
				count++;
			}
			assert_int_equal(rc, 0);
			assert_int_equal(piece.len, 0);
		}
		assert_int_equal(count, 40);
		net_gather_free(&g);
	}
	buf_free(&stream);
}

static void a_whole_message_is_not_copied(void **state)
{
	static const uint8_t input[] = {0, 0, 0, 2, 9, 'h', 'i', 0, 0};
	struct bytes plain = BYTES_OF(input), payload;
	struct net_gather g = {0};
	uint8_t type;

	(void)state;
	assert_int_equal(net_message_next(&g, &plain, &type, &payload), 1);
	assert_ptr_equal(payload.data, input + 5);
	assert_int_equal(net_message_next(&g, &plain, &type, &payload), 0);
	assert_int_equal(g.partial.len, 2);
	net_gather_free(&g);
}

static void refuses_a_message_beyond_the_limit(void **state)
{
	uint8_t prefix[5] = {0, 0, 0, 0, 8};
	struct bytes plain, payload;
	uint8_t type;

	(void)state;
	for (size_t cut = 1; cut <= 5; cut++) {
		struct net_gather g = {0};
		int rc;

		be32_put(prefix, WIRE_MESSAGE_MAX + 1);
		plain = bytes_from(prefix, cut);
		rc = net_message_next(&g, &plain, &type, &payload);
		if (cut < 5) {
			assert_int_equal(rc, 0);
			plain = bytes_from(prefix + cut, 5 - cut);
			rc = net_message_next(&g, &plain, &type, &payload);
		}
		assert_int_equal(rc, ENT_ELIMIT);
		net_gather_free(&g);
	}
}

/* What is announced costs nothing; what has come is what is held. */
static void memory_follows_what_arrived(void **state)
{
	uint8_t input[100] = {0};
	struct bytes plain = BYTES_OF(input), payload;
	struct net_gather g = {0};
	uint8_t type;

	(void)state;
	be32_put(input, WIRE_MESSAGE_MAX);
	assert_int_equal(net_message_next(&g, &plain, &type, &payload), 0);
	assert_true(g.partial.cap <= 4 * sizeof(input));
	net_gather_free(&g);
}

static void memory_is_given_back_when_idle(void **state)
{
	static const uint8_t input[] = {0, 0, 0, 2, 9, 'h', 'i'};
	struct bytes plain = bytes_from(input, 6), payload;
	struct net_gather g = {0};
	uint8_t type;

	(void)state;
	assert_int_equal(net_message_next(&g, &plain, &type, &payload), 0);
	net_gather_trim(&g);
	net_gather_trim(&g);
	assert_int_equal(g.partial.len, 6); /* not what is still needed */
	plain = bytes_from(input + 6, 1);
	assert_int_equal(net_message_next(&g, &plain, &type, &payload), 1);
	assert_bytes_equal(payload, bytes_str("hi"));
	net_gather_trim(&g);
	assert_non_null(g.partial.data);
	net_gather_trim(&g);
	assert_null(g.partial.data);
	plain = BYTES_OF(input);
	assert_int_equal(net_message_next(&g, &plain, &type, &payload), 1);
}

static void frames_keep_their_bounds(void **state)
{
	static const struct {
		uint16_t len;
		int rc;
	} rows[] = {{0, ENT_EINVALID}, {15, ENT_EINVALID}, {16, ENT_EINVALID}, {17, 1}, {65535, 1}};
	uint8_t *input = calloc(1, NET_FRAME_MAX);
	uint8_t *message;
	size_t len;

	(void)state;
	assert_non_null(input);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct net_gather g = {0};
		struct bytes in = bytes_from(input, NET_FRAME_PREFIX + rows[i].len);

		be16_put(input, rows[i].len);
		assert_int_equal(net_frame_next(&g, &in, &message, &len), rows[i].rc);
		if (rows[i].rc == 1) {
			assert_int_equal(len, rows[i].len);
			assert_ptr_equal(message, input + 2);
		}
		net_gather_free(&g);
		/* The same, byte by byte. */
		for (size_t at = 0; at < NET_FRAME_PREFIX + rows[i].len; at++) {
			int rc;

			in = bytes_from(input + at, 1);
			rc = net_frame_next(&g, &in, &message, &len);
			if (at == 1 && rows[i].rc < 0) {
				assert_int_equal(rc, ENT_EINVALID);
				break;
			}
			assert_int_equal(rc, at + 1 == NET_FRAME_PREFIX + rows[i].len);
		}
		net_gather_free(&g);
	}
	free(input);
}

static void seals_full_frames_and_the_rest(void **state)
{
	struct noise_cipher sending = {.key = {1}}, receiving = {.key = {1}};
	size_t total = 2 * NOISE_PLAIN_MAX + 10;
	uint8_t *plain = calloc(1, total), *frame = malloc(NET_FRAME_MAX);
	struct bytes left = bytes_from(plain, total);
	size_t sizes[] = {NOISE_PLAIN_MAX, NOISE_PLAIN_MAX, 10};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct net_gather g = {0};
		int len = net_frame_seal(&sending, &left, frame);
		struct bytes in = bytes_from(frame, (size_t)len);
		uint8_t *message;
		size_t message_len;

		assert_int_equal(len, sizes[i] + 18);
		assert_int_equal(net_frame_next(&g, &in, &message, &message_len), 1);
		assert_int_equal(noise_open(&receiving, bytes_from(message, message_len), message),
			0);
	}
	assert_int_equal(left.len, 0);
	free(plain);
	free(frame);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_span_pieces_freely),
		cmocka_unit_test(a_whole_message_is_not_copied),
		cmocka_unit_test(refuses_a_message_beyond_the_limit),
		cmocka_unit_test(memory_follows_what_arrived),
		cmocka_unit_test(memory_is_given_back_when_idle),
		cmocka_unit_test(frames_keep_their_bounds),
		cmocka_unit_test(seals_full_frames_and_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
