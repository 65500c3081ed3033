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
