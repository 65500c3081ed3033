/* SPDX-License-Identifier: EUPL-1.2 */
/* Random values within bounds, for properties that hold of all messages. */
#pragma once

#include <stdlib.h>

#include "base/arena.h"
#include "base/name.h"
#include "lib/test.h"
#include "proto/codec.h"

struct random {
	struct env_rng rng;
	struct arena *arena;
};

/* A number below n. */
static inline size_t random_below(struct random *r, size_t n)
{
	return (size_t)(env_random_u64(&r->rng) % n);
}

/* Zero, small and huge numbers alike, at most max. */
static inline uint64_t random_u64(struct random *r, uint64_t max)
{
	uint64_t v = env_random_u64(&r->rng) >> random_below(r, 64);

	switch (random_below(r, 8)) {
	case 0:
		return 0;
	case 1:
		return max;
	default:
		return v <= max ? v : v % max;
	}
}

static inline struct bytes random_bytes(struct random *r, size_t len)
{
	uint8_t *p = arena_alloc(r->arena, len);

	assert_non_null(p);
	env_random(&r->rng, p, len);
	return bytes_from(p, len);
}

/* Well-formed UTF-8 of min to max bytes; the bounds themselves come often. */
static inline struct bytes random_text(struct random *r, size_t min, size_t max)
{
	static const char *const pieces[] = {"a", "Z", "7", ".", " ", "é", "€", "😀"};
	size_t len = min + random_below(r, max - min + 1), at = 0;
	uint8_t *p;

	if (random_below(r, 8) == 0)
		len = random_below(r, 2) ? min : max;
	else if (len > min + 40)
		len = min + len % 40;
	p = arena_alloc(r->arena, len);
	assert_non_null(p);
	while (at < len) {
		const char *piece = pieces[random_below(r, COUNT_OF(pieces))];
		size_t piece_len = strlen(piece);

		if (piece_len > len - at)
			continue;
		memcpy(p + at, piece, piece_len);
		at += piece_len;
	}
	return bytes_from(p, len);
}

static inline struct bytes random_maybe(struct random *r, size_t len)
{
	return random_below(r, 2) ? random_bytes(r, len) : BYTES_NONE;
}

static inline struct log_name random_log(struct random *r, enum audience_kind kind)
{
	struct log_name name = {.audience = {.kind = kind}};

	env_random(&r->rng, name.node.bytes, NODE_ID_BYTES);
	name.incarnation = random_u64(r, UINT64_MAX);
	if (kind == AUDIENCE_AGREEMENT)
		name.audience.id = random_u64(r, UINT64_MAX);
	if (kind == AUDIENCE_PROVENANCE)
		name.audience.id = 1 + random_u64(r, UINT64_MAX - 1);
	return name;
}

static inline struct log_name random_feed(struct random *r)
{
	return random_log(r, (enum audience_kind)(AUDIENCE_CLEAR + random_below(r, 3)));
}

static inline const struct wire_agreement *random_agreements(struct random *r, size_t *len)
{
	struct wire_agreement *all;

	*len = random_below(r, 4) ? random_below(r, 5) : random_below(r, WIRE_AGREEMENTS_MAX + 1);
	all = arena_alloc(r->arena, *len * sizeof(*all));
	for (size_t i = 0; i < *len; i++) {
		all[i].id = random_u64(r, UINT64_MAX);
		all[i].serial = (uint32_t)random_u64(r, UINT32_MAX);
		env_random(&r->rng, all[i].hash, sizeof(all[i].hash));
	}
	return all;
}

/* --- comparing -------------------------------------------------------------------------------- */

#define assert_field_equal(a, b, field)       assert_true((a)->field == (b)->field)
#define assert_bytes_field_equal(a, b, field) assert_bytes_equal((a)->field, (b)->field)
#define assert_feed_equal(a, b, field)        assert_true(log_name_eq(&(a)->field, &(b)->field))

static inline void assert_texts_equal(const struct bytes *a, size_t a_len, const struct bytes *b,
	size_t b_len)
{
	assert_int_equal(a_len, b_len);
	for (size_t i = 0; i < a_len; i++)
		assert_bytes_equal(a[i], b[i]);
}

static inline void assert_agreements_equal(const struct wire_agreement *a, size_t a_len,
	const struct wire_agreement *b, size_t b_len)
{
	assert_int_equal(a_len, b_len);
	for (size_t i = 0; i < a_len; i++) {
		assert_true(a[i].id == b[i].id);
		assert_int_equal(a[i].serial, b[i].serial);
		assert_memory_equal(a[i].hash, b[i].hash, 32);
	}
}

/* --- bytes that go wrong ---------------------------------------------------------------------- */

/* Decodes bytes that lie alone on the heap, so that a sanitiser sees every step beyond them. */
typedef int decode_fn(struct bytes input, struct arena *a);

static inline int decode_alone(decode_fn *decode, struct bytes input)
{
	uint8_t *copy = malloc(input.len ? input.len : 1);
	struct arena arena = {0};
	int rc;

	assert_non_null(copy);
	if (input.len)
		memcpy(copy, input.data, input.len);
	rc = decode(bytes_from(copy, input.len), &arena);
	arena_free(&arena);
	free(copy);
	return rc;
}

/* Cut short or with a bit flipped anywhere, a message decodes or is refused with a reason. */
static inline void check_damage(decode_fn *decode, struct bytes good)
{
	uint8_t *bad = malloc(good.len ? good.len : 1);

	assert_non_null(bad);
	for (size_t len = 0; len < good.len; len++) {
		int rc = decode_alone(decode, bytes_from(good.data, len));

		assert_true(rc == 0 || rc == ENT_EINVALID || rc == ENT_ELIMIT);
	}
	for (size_t bit = 0; bit < 8 * good.len; bit++) {
		int rc;

		memcpy(bad, good.data, good.len);
		bad[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		rc = decode_alone(decode, bytes_from(bad, good.len));
		assert_true(rc == 0 || rc == ENT_EINVALID || rc == ENT_ELIMIT);
	}
	free(bad);
}

/* Fields of a later version stand at the end: number, length-delimited, fixed. */
#define UNKNOWN_FIELDS "\xc0\x3e\x96\x01\xca\x3e\x03xyz\xd5\x3e\x01\x02\x03\x04"

/* A varint that never ends. */
#define VARINT_ENDLESS "\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"
