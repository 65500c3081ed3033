/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_free(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
	b->failed = false;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

/* Makes room for len more bytes; doubles, so that appending is linear on the whole. */
static bool reserve(struct buf *b, size_t len)
{
	size_t cap = b->cap ? b->cap : 64;
	uint8_t *data;

	if (b->failed)
		return false;
	if (len > b->max || b->len > b->max - len) {
		b->failed = true;
		return false;
	}
	if (b->len + len <= b->cap)
		return true;
	while (cap < b->len + len)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

uint8_t *buf_extend(struct buf *b, size_t len)
{
	uint8_t *place;

	if (!reserve(b, len))
		return NULL;
	place = b->data + b->len;
	b->len += len;
	return place;
}

void buf_append(struct buf *b, const void *data, size_t len)
{
	uint8_t *place;

	if (len == 0)
		return;
	place = buf_extend(b, len);
	if (place)
		memcpy(place, data, len);
}

void buf_consume(struct buf *b, size_t len)
{
	if (len >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->data, b->data + len, b->len - len);
	b->len -= len;
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	char *place;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	/* One byte more for the NUL that vsnprintf writes; it is given back below. */
	if (len < 0 || !(place = (char *)buf_extend(b, (size_t)len + 1))) {
		b->failed = true;
		return;
	}
	va_start(args, format);
	vsnprintf(place, (size_t)len + 1, format, args);
	va_end(args);
	b->len--;
}
