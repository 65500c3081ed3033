/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A growable buffer with a ceiling and a sticky error: append field after field, look once at the
 * end. After a failure (no memory, ceiling) further appends do nothing and buf_failed() says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max;
	bool failed;
};

/* An empty buffer that grows to max bytes at the most. */
static inline struct buf buf_with_max(size_t max)
{
	return (struct buf){.max = max};
}

void buf_free(struct buf *b);  /* frees and empties; the buffer may be used again */
void buf_reset(struct buf *b); /* empties, keeps the memory, forgets the error */
uint8_t *buf_extend(struct buf *b,
	size_t len); /* room for len more bytes, counted; NULL if failed */
void buf_append(struct buf *b, const void *data, size_t len);
void buf_consume(struct buf *b, size_t len); /* drops len bytes from the front */
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);

static inline void buf_bytes(struct buf *b, struct bytes v)
{
	buf_append(b, v.data, v.len);
}

static inline void buf_str(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

static inline void buf_u8(struct buf *b, uint8_t v)
{
	buf_append(b, &v, 1);
}

static inline void buf_u16(struct buf *b, uint16_t v)
{
	uint8_t raw[2];

	be16_put(raw, v);
	buf_append(b, raw, sizeof(raw));
}

static inline void buf_u32(struct buf *b, uint32_t v)
{
	uint8_t raw[4];

	be32_put(raw, v);
	buf_append(b, raw, sizeof(raw));
}

static inline void buf_u64(struct buf *b, uint64_t v)
{
	uint8_t raw[8];

	be64_put(raw, v);
	buf_append(b, raw, sizeof(raw));
}

static inline bool buf_failed(const struct buf *b)
{
	return b->failed;
}

static inline struct bytes buf_view(const struct buf *b)
{
	return bytes_from(b->data, b->len);
}
