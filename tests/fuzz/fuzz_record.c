/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: proto */
/* The body of an entry: the first byte is its kind. */
#include <assert.h>
#include <stdlib.h>

#include "base/vocab.h"
#include "proto/codec_quick.h"
#include "proto/record_memo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool indicators_equal(const struct record_indicator *a, const struct record_indicator *b)
{
	struct buf one = buf_with_max(2 * ENTRY_BODY_MAX), other = one;
	bool equal;

	if (record_indicator_encode(&one, a) != 0 || record_indicator_encode_slowly(&other, b) != 0)
		abort();
	equal = bytes_eq(buf_view(&one), buf_view(&other));
	buf_free(&one);
	buf_free(&other);
	return equal;
}

/* The quick reader and writer, and nanopb. */
static void readers_agree(struct bytes body)
{
	struct record_indicator quick, slow;
	struct record_object one, other;
	struct record_memo memo = {.known = false};
	struct arena arena = {0};
	int rc = record_indicator_decode(body, &arena, &quick);

	assert(record_indicator_decode_slowly(body, &arena, &slow) == rc);
	assert(rc != 0 || indicators_equal(&quick, &slow));
	for (unsigned i = 0; i < 3; i++) { /* new, known, known */
		assert(record_memo_decode(&memo, body, &arena, &quick) == rc);
		assert(rc != 0 || indicators_equal(&quick, &slow));
	}
	record_memo_free(&memo);
	rc = record_object_decode(body, &arena, &one);
	assert(record_object_decode_slowly(body, &arena, &other) == rc);
	assert(rc != 0 || (bytes_eq(one.stix_id, other.stix_id) && bytes_eq(one.json, other.json) &&
				  one.recipients_len == other.recipients_len));
	arena_free(&arena);
}

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

	if (size)
		readers_agree(bytes_from(data + 1, size - 1));
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
