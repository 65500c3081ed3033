/* SPDX-License-Identifier: EUPL-1.2 */
#include "proto/codec_impl.h"

#include <assert.h>
#include <pb_decode.h>
#include <pb_encode.h>

#include "base/text.h"

#define LIST_CAP_FIRST 8u

/* What the stream of a decoding points to. */
struct input {
	const uint8_t *at;
	struct arena *arena;
	int error; /* why a callback refused; 0 when nanopb itself did */
};

static bool input_read(pb_istream_t *stream, pb_byte_t *out, size_t len)
{
	struct input *in = stream->state;

	memcpy(out, in->at, len);
	in->at += len;
	return true;
}

static bool accept(struct input *in, int error)
{
	in->error = error;
	return error == 0;
}

static bool is_list(const pb_field_t *field)
{
	return PB_HTYPE(field->type) == PB_HTYPE_REPEATED;
}

int codec_list_add(struct codec_list *list, struct arena *a, struct bytes view)
{
	struct bytes *items;

	if (list->len == list->max)
		return ENT_ELIMIT;
	if (list->len == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : LIST_CAP_FIRST;

		items = arena_alloc(a, cap * sizeof(*items));
		if (!items)
			return ENT_ENOMEM;
		if (list->len)
			memcpy(items, list->items, list->len * sizeof(*items));
		list->items = items;
		list->cap = cap;
	}
	items = (struct bytes *)(uintptr_t)list->items;
	items[list->len++] = view;
	return 0;
}

static bool field_decode(pb_istream_t *stream, const pb_field_t *field)
{
	struct input *in = stream->state;
	struct bytes view;

	/* A field of bytes that is sent as a number: nanopb hands over a copy on its stack, in a
	 * stream of its own kind. No view may outlive that, and no encoder writes it. */
	if (stream->callback != input_read)
		return false;
	view = bytes_from(in->at, stream->bytes_left);
	in->at += view.len;
	stream->bytes_left = 0;
	if (is_list(field))
		return accept(in, codec_list_add(field->pData, in->arena, view));
	memcpy(field->pData, &view, sizeof(view));
	return true;
}

static bool bytes_write(pb_ostream_t *stream, const void *items, size_t at)
{
	const struct bytes *b = (const struct bytes *)items + at;

	return pb_encode_string(stream, b->data, b->len);
}

static bool field_encode(pb_ostream_t *stream, const pb_field_t *field)
{
	const struct codec_list *list = field->pData;
	struct bytes view;

	if (!is_list(field)) {
		memcpy(&view, field->pData, sizeof(view));
		if (view.len == 0)
			return true;
		return pb_encode_tag_for_field(stream, field) && bytes_write(stream, &view, 0);
	}
	for (size_t i = 0; i < list->len; i++)
		if (!pb_encode_tag_for_field(stream, field) ||
			!(list->write ? list->write : bytes_write)(stream, list->items, i))
			return false;
	return true;
}

bool codec_field(pb_istream_t *istream, pb_ostream_t *ostream, const pb_field_t *field)
{
	size_t size = is_list(field) ? sizeof(struct codec_list) : sizeof(struct bytes);

	/* The member's type comes from the .options file. */
	assert(field->data_size == size);
	return istream ? field_decode(istream, field) : field_encode(ostream, field);
}

int codec_decode(const pb_msgdesc_t *fields, void *message, struct bytes input, struct arena *a)
{
	struct input in = {.at = input.data, .arena = a};
	pb_istream_t stream = {.callback = input_read, .state = &in, .bytes_left = input.len};

	if (pb_decode_ex(&stream, fields, message, PB_DECODE_NOINIT))
		return 0;
	return in.error ? in.error : ENT_EINVALID;
}

static bool buf_write(pb_ostream_t *stream, const pb_byte_t *data, size_t len)
{
	struct buf *out = stream->state;

	buf_append(out, data, len);
	return !buf_failed(out);
}

int codec_encode(struct buf *out, const pb_msgdesc_t *fields, const void *message, size_t max)
{
	pb_ostream_t stream = {.callback = buf_write, .state = out, .max_size = max};
	size_t start = out->len;

	if (!buf_failed(out) && pb_encode(&stream, fields, message))
		return 0;
	/* The structs were checked before, so only room can have been missing. */
	out->len = start;
	return ENT_ELIMIT;
}

int codec_text_check(struct bytes text, size_t max)
{
	if (text.len > max)
		return ENT_ELIMIT;
	return text_utf8_valid(text) ? 0 : ENT_EINVALID;
}

int codec_texts_check(const struct bytes *texts, size_t len, size_t len_max, size_t text_max)
{
	int rc;

	if (len > len_max)
		return ENT_ELIMIT;
	for (size_t i = 0; i < len; i++) {
		if (texts[i].len == 0)
			return ENT_EINVALID;
		if ((rc = codec_text_check(texts[i], text_max)) != 0)
			return rc;
	}
	return 0;
}

int codec_fixed_check(struct bytes b, size_t len)
{
	return b.len == 0 || b.len == len ? 0 : ENT_EINVALID;
}
