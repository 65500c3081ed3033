/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Views of memory: the currency for input everywhere.
 *
 * A struct bytes borrows; it never owns. A view into LMDB dies with its transaction, a view into a
 * receive buffer dies with the callback. Whoever keeps the bytes longer copies them into an arena.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *data;
	size_t len;
};

/* The view of a whole array, of a C string (without its NUL), of a pair. */
#define BYTES_OF(array) ((struct bytes){(const uint8_t *)(array), sizeof(array)})
#define BYTES_NONE      ((struct bytes){NULL, 0})

static inline struct bytes bytes_from(const void *data, size_t len)
{
	return (struct bytes){(const uint8_t *)data, len};
}

static inline struct bytes bytes_str(const char *text)
{
	return bytes_from(text, strlen(text));
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool bytes_eq_str(struct bytes a, const char *text)
{
	return bytes_eq(a, bytes_str(text));
}

/* True if a starts with the C string prefix. */
static inline bool bytes_starts(struct bytes a, const char *prefix)
{
	size_t len = strlen(prefix);

	return a.len >= len && memcmp(a.data, prefix, len) == 0;
}

/* The part of a from offset on; empty when offset lies beyond the end. */
static inline struct bytes bytes_skip(struct bytes a, size_t offset)
{
	if (offset > a.len)
		offset = a.len;
	/* Of an empty view data may be NULL, to which nothing may be added. */
	return offset ? bytes_from(a.data + offset, a.len - offset) : a;
}

/* Big-endian numbers at an unaligned place. */
static inline uint16_t be16_get(const uint8_t *p)
{
	return (uint16_t)((p[0] << 8) | p[1]);
}

static inline uint32_t be32_get(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}

static inline uint64_t be64_get(const uint8_t *p)
{
	return ((uint64_t)be32_get(p) << 32) | be32_get(p + 4);
}

static inline void be16_put(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void be32_put(uint8_t *p, uint32_t v)
{
	be16_put(p, (uint16_t)(v >> 16));
	be16_put(p + 2, (uint16_t)v);
}

static inline void be64_put(uint8_t *p, uint64_t v)
{
	be32_put(p, (uint32_t)(v >> 32));
	be32_put(p + 4, (uint32_t)v);
}
