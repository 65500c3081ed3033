/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/bundle.h"

#include <assert.h>

#include "proto/entry.h"

#define COUNT_DENSE 0x8000u

_Static_assert(BUNDLE_ENTRIES_MAX < COUNT_DENSE, "a count leaves the bit free");

static uint32_t stride(const struct bundle *b)
{
	return b->sparse ? BUNDLE_STRIDE_OLD : 1;
}

static size_t marks_bytes(const struct bundle *b, uint32_t count)
{
	return 2 * (size_t)((count - 1) / stride(b));
}

int bundle_decode(struct bytes raw, struct bundle *b)
{
	struct cursor c = cursor_of(raw);
	unsigned count;

	b->log = cursor_u32(&c);
	b->first = cursor_u64(&c);
	count = cursor_u16(&c);
	b->count = count & ~COUNT_DENSE;
	b->sparse = !(count & COUNT_DENSE);
	cursor_copy(&c, b->via.bytes, NODE_ID_BYTES);
	b->received_ms = (int64_t)cursor_u64(&c);
	if (!cursor_ok(&c) || b->count == 0)
		return ENT_ECORRUPT;
	b->marks = cursor_bytes(&c, marks_bytes(b, b->count));
	b->entries = cursor_bytes(&c, cursor_left(&c));
	return cursor_ok(&c) ? 0 : ENT_ECORRUPT;
}

size_t bundle_len(const struct bundle *b)
{
	return BUNDLE_HEADER_BYTES + b->marks.len + b->entries.len;
}

void bundle_encode(uint8_t *out, const struct bundle *b)
{
	assert(b->count > 0 && b->count <= BUNDLE_ENTRIES_MAX);
	assert(b->marks.len == marks_bytes(b, b->count));
	be32_put(out, b->log);
	be64_put(out + 4, b->first);
	be16_put(out + 12, (uint16_t)(b->count | (b->sparse ? 0 : COUNT_DENSE)));
	memcpy(out + 14, b->via.bytes, NODE_ID_BYTES);
	be64_put(out + 30, (uint64_t)b->received_ms);
	out += BUNDLE_HEADER_BYTES;
	if (b->marks.len)
		memcpy(out, b->marks.data, b->marks.len);
	memcpy(out + b->marks.len, b->entries.data, b->entries.len);
}

int bundle_fill(struct bundle *b, struct cursor *c, uint32_t entries_max,
	uint8_t marks_raw[2 * BUNDLE_MARKS_MAX])
{
	const uint8_t *start = c->at;
	struct cursor ahead = *c;
	struct entry entry;
	uint32_t count = 0;

	assert(entries_max > 0);
	while (count < entries_max) {
		size_t offset = (size_t)(ahead.at - start);

		if (entry_next(&ahead, &entry) != 0)
			return ENT_EINVALID;
		if (BUNDLE_HEADER_BYTES + marks_bytes(b, count + 1) + (size_t)(ahead.at - start) >
			BUNDLE_BYTES_MAX)
			break;
		if (count > 0 && count % stride(b) == 0)
			be16_put(marks_raw + marks_bytes(b, count), (uint16_t)offset);
		count++;
		*c = ahead;
	}
	assert(count > 0);
	b->count = count;
	b->entries = bytes_from(start, (size_t)(c->at - start));
	b->marks = bytes_from(marks_raw, marks_bytes(b, count));
	return 0;
}

int bundle_seek(const struct bundle *b, uint32_t slot, struct cursor *c)
{
	struct entry passed;
	uint32_t mark = slot / stride(b);

	assert(slot <= b->count);
	*c = cursor_of(b->entries);
	if (slot == b->count) {
		c->at = c->end;
		return 0;
	}
	if (mark > 0)
		cursor_bytes(c, be16_get(b->marks.data + 2 * (size_t)(mark - 1)));
	for (uint32_t i = mark * stride(b); i < slot; i++)
		if (entry_next(c, &passed) != 0)
			return ENT_ECORRUPT;
	return cursor_ok(c) ? 0 : ENT_ECORRUPT;
}
