/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: proto */
/* The body of an entry: the first byte is its kind. */
#include <assert.h>
#include <stdlib.h>

#include "base/vocab.h"
#include "proto/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes a body and encodes it again; false when it does not decode. */
static bool recode(uint8_t kind, struct bytes body, struct buf *out)
{
	struct arena arena = {0};
	union {
		struct record_indicator indicator;
		struct record_object object;
		struct record_retraction retraction;
		struct record_erasure erasure;
		struct record_succession succession;
	} r;
	int decoded = ENT_EVERSION, encoded = 0;

	switch (kind) {
	case KIND_INDICATOR:
		decoded = record_indicator_decode(body, &arena, &r.indicator);
		encoded = decoded ? 0 : record_indicator_encode(out, &r.indicator);
		break;
	case KIND_OBJECT:
		decoded = record_object_decode(body, &arena, &r.object);
		encoded = decoded ? 0 : record_object_encode(out, &r.object);
		break;
	case KIND_RETRACTION:
		decoded = record_retraction_decode(body, &r.retraction);
		encoded = decoded ? 0 : record_retraction_encode(out, &r.retraction);
		break;
	case KIND_ERASURE:
		decoded = record_erasure_decode(body, &r.erasure);
		encoded = decoded ? 0 : record_erasure_encode(out, &r.erasure);
		break;
	case KIND_SUCCESSION:
		decoded = record_succession_decode(body, &r.succession);
		encoded = decoded ? 0 : record_succession_encode(out, &r.succession);
		break;
	}
	arena_free(&arena);
	/* What decodes is within bounds, so it encodes. */
	if (encoded != 0)
		abort();
	return decoded == 0;
}

/* What was encoded decodes to the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = buf_with_max(2 * ENTRY_BODY_MAX), twice = once;

	if (size && recode(data[0], bytes_from(data + 1, size - 1), &once)) {
		assert(once.len < size);
		if (!recode(data[0], buf_view(&once), &twice))
			abort();
		assert(bytes_eq(buf_view(&once), buf_view(&twice)));
	}
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
