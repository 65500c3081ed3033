/* SPDX-License-Identifier: EUPL-1.2 */
#include "proto/codec_quick.h"

#define WIRE_VARINT 0u
#define WIRE_LENGTH 2u

/* Nine bytes at the most: longer ones, which no time or count needs, are nanopb's. */
static bool varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
	const uint8_t *p = *at;
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 63 && p < end; shift += 7) {
		uint8_t b = *p++;

		value |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*at = p;
			*out = value;
			return true;
		}
	}
	return false;
}

static bool number_take(const struct codec_shape *s, uint8_t *message, uint64_t value)
{
	uint32_t narrow = (uint32_t)value;

	if (s->kind == CODEC_U64)
		memcpy(message + s->at, &value, sizeof(value));
	else if (narrow == value)
		memcpy(message + s->at, &narrow, sizeof(narrow));
	else
		return false;
	if (s->optional)
		memset(message + s->has, true, sizeof(bool));
	return true;
}

static bool view_take(const struct codec_shape *s, uint8_t *message, struct bytes view,
	struct arena *a)
{
	if (s->kind == CODEC_LIST)
		return codec_list_add((struct codec_list *)(void *)(message + s->at), a, view) == 0;
	memcpy(message + s->at, &view, sizeof(view));
	return true;
}

bool codec_quick(const struct codec_shape *shapes, size_t shapes_len, void *message,
	struct bytes input, struct arena *a)
{
	const uint8_t *at = input.data, *end = at + input.len;
	uint64_t tag, last = 0, value;

	while (at < end) {
		const struct codec_shape *s;
		bool view;

		if (!varint(&at, end, &tag) || tag >> 3 >= shapes_len)
			return false;
		s = &shapes[tag >> 3];
		/* Of what comes twice the last counts, and what nanopb makes of that is its own. */
		if (s->kind == CODEC_NONE || tag >> 3 < last ||
			(tag >> 3 == last && s->kind != CODEC_LIST))
			return false;
		last = tag >> 3;
		view = s->kind >= CODEC_BYTES;
		if ((tag & 7) != (view ? WIRE_LENGTH : WIRE_VARINT) || !varint(&at, end, &value))
			return false;
		if (!view) {
			if (!number_take(s, message, value))
				return false;
			continue;
		}
		if (value > (uint64_t)(end - at) ||
			!view_take(s, message, bytes_from(at, (size_t)value), a))
			return false;
		at += value;
	}
	return true;
}

/* --- writing ---------------------------------------------------------------------------------- */

static size_t varint_len(uint64_t value)
{
	size_t len = 1;

	for (; value >= 0x80; value >>= 7)
		len++;
	return len;
}

static uint8_t *varint_put(uint8_t *at, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

/* A field as it is written: a number, or views, as many as there are. */
struct field {
	uint64_t value;
	const struct bytes *views;
	size_t views_len;
	bool there;
};

/* False: it is none that is written here. */
static bool field_of(const struct codec_shape *s, const uint8_t *message, struct field *f)
{
	const uint8_t *at = message + s->at;
	const struct codec_list *list = (const void *)at;
	uint32_t narrow;

	*f = (struct field){0};
	switch (s->kind) {
	case CODEC_NONE:
		return true;
	case CODEC_U32:
		memcpy(&narrow, at, sizeof(narrow));
		f->value = narrow;
		f->there = s->optional ? message[s->has] != 0 : narrow != 0;
		return true;
	case CODEC_U64:
		memcpy(&f->value, at, sizeof(f->value));
		f->there = f->value != 0;
		return true;
	case CODEC_BYTES:
		f->views = (const void *)at;
		f->views_len = f->views->len > 0;
		break;
	default: /* CODEC_LIST */
		f->views = list->items;
		f->views_len = list->len;
		break;
	}
	f->there = f->views_len > 0;
	return !f->there || s->kind == CODEC_BYTES || !list->write;
}

static size_t field_len(const struct field *f, uint64_t tag)
{
	size_t len = 0;

	if (!f->there)
		return 0;
	if (!f->views)
		return varint_len(tag) + varint_len(f->value);
	for (size_t i = 0; i < f->views_len; i++)
		len += varint_len(tag) + varint_len(f->views[i].len) + f->views[i].len;
	return len;
}

static uint8_t *field_put(uint8_t *at, const struct field *f, uint64_t tag)
{
	if (!f->there)
		return at;
	if (!f->views)
		return varint_put(varint_put(at, tag | WIRE_VARINT), f->value);
	for (size_t i = 0; i < f->views_len; i++) {
		at = varint_put(varint_put(at, tag | WIRE_LENGTH), f->views[i].len);
		if (f->views[i].len > 0)
			memcpy(at, f->views[i].data, f->views[i].len);
		at += f->views[i].len;
	}
	return at;
}

bool codec_quick_encode(const struct codec_shape *shapes, size_t shapes_len, const void *message,
	size_t max, struct buf *out)
{
	struct field f;
	size_t len = 0;
	uint8_t *at;

	for (size_t n = 1; n < shapes_len; n++) {
		if (!field_of(&shapes[n], message, &f))
			return false;
		len += field_len(&f, n << 3);
	}
	if (len == 0 || len > max || buf_failed(out) || len > out->max - out->len)
		return false;
	at = buf_extend(out, len);
	if (!at)
		return false;
	for (size_t n = 1; n < shapes_len; n++) {
		(void)field_of(&shapes[n], message, &f);
		at = field_put(at, &f, n << 3);
	}
	return true;
}

bool codec_quick_split(struct bytes message, struct bytes *first, struct bytes *rest)
{
	const uint8_t *at = message.data, *end = at + message.len;
	uint64_t tag, len;

	if (!varint(&at, end, &tag) || tag != (1 << 3 | WIRE_LENGTH) || !varint(&at, end, &len) ||
		len > (uint64_t)(end - at))
		return false;
	*first = bytes_from(at, (size_t)len);
	*rest = bytes_from(at + len, (size_t)(end - at) - (size_t)len);
	return true;
}

bool codec_quick_first(struct bytes message, struct bytes first, size_t max, struct buf *out)
{
	const struct field f = {.views = &first, .views_len = 1, .there = true};
	struct bytes was, rest;
	size_t len;
	uint8_t *to;

	if (!codec_quick_split(message, &was, &rest))
		return false;
	len = field_len(&f, 1 << 3) + rest.len;
	if (len > max || buf_failed(out) || len > out->max - out->len)
		return false;
	to = buf_extend(out, len);
	if (!to)
		return false;
	to = field_put(to, &f, 1 << 3);
	if (rest.len > 0)
		memcpy(to, rest.data, rest.len);
	return true;
}
