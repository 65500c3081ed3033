/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A reader with a sticky error: read field after field, check once at the end. After the first read
 * past the end every read gives zero or an empty view, and cursor_ok() is false.
 */
#pragma once

#include "base/bytes.h"

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static inline struct cursor cursor_of(struct bytes b)
{
	return (struct cursor){b.data, b.len ? b.data + b.len : b.data, false};
}

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

static inline struct bytes cursor_bytes(struct cursor *c, size_t len)
{
	struct bytes view;

	if (c->failed || len > cursor_left(c)) {
		c->failed = true;
		c->at = c->end; /* so that a loop while something is left ends */
		return BYTES_NONE;
	}
	view = bytes_from(c->at, len);
	if (len)
		c->at += len;
	return view;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	struct bytes v = cursor_bytes(c, 1);

	return v.len ? v.data[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
	struct bytes v = cursor_bytes(c, 2);

	return v.len ? be16_get(v.data) : 0;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
	struct bytes v = cursor_bytes(c, 4);

	return v.len ? be32_get(v.data) : 0;
}

static inline uint64_t cursor_u64(struct cursor *c)
{
	struct bytes v = cursor_bytes(c, 8);

	return v.len ? be64_get(v.data) : 0;
}

/* Copies len bytes out; zeroes the target when they are not there. */
static inline void cursor_copy(struct cursor *c, void *to, size_t len)
{
	struct bytes v = cursor_bytes(c, len);

	if (len == 0)
		return;
	if (v.len == len)
		memcpy(to, v.data, len);
	else
		memset(to, 0, len);
}

static inline bool cursor_ok(const struct cursor *c)
{
	return !c->failed;
}

/* True when nothing failed and nothing is left. */
static inline bool cursor_done(const struct cursor *c)
{
	return !c->failed && c->at == c->end;
}
