/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/slot.h"

#include <inttypes.h>

#include "base/text.h"
#include "merkle/hash.h"

static void slot_hash(struct hash *out, uint64_t number, struct bytes lines, struct bytes redo)
{
	uint8_t raw[16];

	be64_put(raw, number);
	be64_put(raw + 8, lines.len);
	hash_sha256_parts(out, (struct bytes[]){BYTES_OF(raw), lines, redo}, 3);
}

static void former_hash(struct hash *out, uint64_t number, struct bytes lines)
{
	uint8_t raw[8];

	be64_put(raw, number);
	hash_sha256_parts(out, (struct bytes[]){BYTES_OF(raw), lines}, 2);
}

/* A slot that is whole; what stands in the first line is bounded before it is used. */
static bool slot_read(struct bytes text, bool former, struct slot *out)
{
	const size_t words_len = former ? 4 : 5;
	struct bytes line, word[5];
	uint64_t lines_len, redo_len = 0;
	struct hash want, have;

	if (!text_line_next(&text, &line))
		return false;
	for (size_t i = 0; i < words_len; i++)
		if (!text_word_next(&line, &word[i]))
			return false;
	if (line.len != 0 || !bytes_eq(word[0], bytes_str("slot")) ||
		!text_u64_parse(word[1], &out->number) || !text_u64_parse(word[2], &lines_len) ||
		lines_len > text.len || (!former && !text_u64_parse(word[3], &redo_len)) ||
		redo_len > text.len - lines_len ||
		text_base64_decode(word[words_len - 1], want.bytes, HASH_BYTES) != HASH_BYTES)
		return false;
	out->lines = bytes_from(text.data, (size_t)lines_len);
	out->redo = bytes_from(text.data + lines_len, (size_t)redo_len);
	if (former)
		former_hash(&have, out->number, out->lines);
	else
		slot_hash(&have, out->number, out->lines, out->redo);
	return hash_eq(&want, &have);
}

bool slot_newest(struct bytes file, struct slot *newest)
{
	const bool former = file.len == 2 * SLOT_BYTES_FORMER;
	const size_t len = former ? SLOT_BYTES_FORMER : SLOT_BYTES;
	bool found = false;

	if (file.len != 2 * len)
		return false;
	for (size_t i = 0; i < 2; i++) {
		struct slot slot;

		if (!slot_read(bytes_from(file.data + i * len, len), former, &slot) ||
			(found && slot.number < newest->number))
			continue;
		*newest = slot;
		found = true;
	}
	return found;
}

bool slot_print(struct buf *out, uint64_t number, struct bytes lines, struct bytes redo)
{
	char text[BASE64_TEXT_SIZE(HASH_BYTES)];
	const size_t start = out->len;
	struct hash hash;

	slot_hash(&hash, number, lines, redo);
	text_base64_encode(text, BYTES_OF(hash.bytes));
	buf_printf(out, "slot %" PRIu64 " %zu %zu %s\n", number, lines.len, redo.len, text);
	buf_bytes(out, lines);
	buf_bytes(out, redo);
	if (!buf_failed(out) && out->len - start <= SLOT_BYTES)
		return true;
	out->len = start;
	out->failed = false;
	return false;
}
