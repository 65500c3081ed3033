/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: keys */
/*
 * The note parser and verifier keys. A note that is taken is made of its text and its signature
 * lines, byte for byte; a verifier key that is taken is written back as it was.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t lines_in(struct bytes text)
{
	size_t lines = 0;

	for (size_t i = 0; i < text.len; i++)
		lines += text.data[i] == '\n';
	return lines;
}

static void check_note(struct bytes input)
{
	struct buf again = buf_with_max(2 * NOTE_BYTES_MAX);
	struct err_text err;
	struct note n, draft;
	int rc = note_parse(input, "f", &n, &err);
	struct bytes signatures;

	if (note_parse_draft(input, "f", &draft, NULL) != 0) {
		assert(rc != 0);
		return;
	}
	if (rc != 0)
		return;
	assert(n.signatures_len == draft.signatures_len && bytes_eq(n.text, draft.text));
	buf_bytes(&again, n.text);
	buf_str(&again, "\n");
	for (size_t i = 0; i < n.signatures_len; i++) {
		const struct note_signature *s = &n.signatures[i];

		assert(s->line > 2 && s->blob.len > 0);
		note_signature_line(&again, s->name, s->key_id, s->blob);
	}
	/* Unless lines of unknown kinds were dropped. */
	signatures = bytes_skip(input, n.text.len + 1);
	if (lines_in(signatures) == n.signatures_len)
		assert(bytes_eq(buf_view(&again), input));
	buf_free(&again);
}

static void check_key(struct bytes input)
{
	char text[NOTE_VKEY_TEXT_MAX];
	struct note_key key;

	if (note_key_parse(input, &key) != 0)
		return;
	note_key_text(text, &key);
	assert(bytes_eq_str(input, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_from(data, size);

	check_note(input);
	check_key(input);
	return 0;
}
