/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A quick reader and writer of messages as every encoder writes them: fields in ascending order,
 * each of the wire type and at most as often as the .proto says. It says no to whatever else there
 * is, and then nanopb has the word: so what a message means is said in one place, and this only
 * says it sooner (a tenth of the time). The shapes come from the lists of fields that nanopb's
 * generator writes.
 *
 * Private to proto/, and to the tests that hold both against each other.
 */
#pragma once

#include <stddef.h>

#include "proto/codec_impl.h"

enum codec_kind {
	CODEC_NONE,
	CODEC_U32,
	CODEC_U64,
	CODEC_BYTES,
	CODEC_LIST, /* of bytes or messages: a view each */
};

/* Of one field: its index in an array of shapes is its number. */
struct codec_shape {
	uint8_t kind;
	bool optional; /* its has_ flag stands at `has` */
	uint16_t at, has;
};

#define CODEC_SHAPE(message, storage, label, type, name, number)                                   \
	[number] = CODEC_SHAPE_##label##_##type(message, name),
#define CODEC_SHAPE_SINGULAR_BYTES(message, name)                                                  \
	{                                                                                          \
		CODEC_BYTES, false, offsetof(message, name), 0                                     \
	}
#define CODEC_SHAPE_SINGULAR_UINT32(message, name)                                                 \
	{                                                                                          \
		CODEC_U32, false, offsetof(message, name), 0                                       \
	}
#define CODEC_SHAPE_SINGULAR_UINT64(message, name)                                                 \
	{                                                                                          \
		CODEC_U64, false, offsetof(message, name), 0                                       \
	}
#define CODEC_SHAPE_REPEATED_BYTES(message, name)                                                  \
	{                                                                                          \
		CODEC_LIST, false, offsetof(message, name), 0                                      \
	}
#define CODEC_SHAPE_REPEATED_MESSAGE(message, name)                                                \
	{                                                                                          \
		CODEC_LIST, false, offsetof(message, name), 0                                      \
	}
#define CODEC_SHAPE_OPTIONAL_UINT32(message, name)                                                 \
	{                                                                                          \
		CODEC_U32, true, offsetof(message, name), offsetof(message, has_##name)            \
	}

/* The message is as codec_decode wants it; false: it is not any more, and nothing has been said. */
bool codec_quick(const struct codec_shape *shapes, size_t shapes_len, void *message,
	struct bytes input, struct arena *a) MUST_CHECK;

/* Appends the message's fields. False: it has messages within, is empty or takes more than max
 * bytes or more than out has; then out is as before, and nothing has been said. */
bool codec_quick_encode(const struct codec_shape *shapes, size_t shapes_len, const void *message,
	size_t max, struct buf *out) MUST_CHECK;

/* What a message begins with, if that is field 1 with bytes, and what follows it. */
bool codec_quick_split(struct bytes message, struct bytes *first, struct bytes *rest) MUST_CHECK;

/* Appends a message whose first field is bytes and there, with other bytes in that field. False: it
 * is none, or as above. */
bool codec_quick_first(struct bytes message, struct bytes first, size_t max,
	struct buf *out) MUST_CHECK;

/* For tests: by nanopb alone. */
int record_indicator_encode_slowly(struct buf *out, const struct record_indicator *r) MUST_CHECK;
int record_indicator_decode_slowly(struct bytes body, struct arena *a,
	struct record_indicator *r) MUST_CHECK;
int record_object_decode_slowly(struct bytes body, struct arena *a,
	struct record_object *r) MUST_CHECK;
