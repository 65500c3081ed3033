/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: merkle */
/* A checkpoint that is read can be written again: text and own signature are as they came in. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "merkle/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The note's own line as it must have stood there. */
static void own_line(struct buf *out, const struct checkpoint *c, const struct note *note)
{
	char origin[LOG_NAME_TEXT_SIZE];

	log_name_text(origin, &c->log);
	for (size_t i = 0; i < note->signatures_len; i++)
		if (bytes_eq_str(note->signatures[i].name, origin))
			note_signature_line(out, bytes_str(origin), note->signatures[i].key_id,
				BYTES_OF(c->signature));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[32] = {1};
	struct buf text = buf_with_max(NOTE_BYTES_MAX), line = buf_with_max(NOTE_BYTES_MAX);
	struct checkpoint c, back;
	struct wire_checkpoint w;
	struct note note;

	if (checkpoint_parse(bytes_from(data, size), &c, &note) < 0)
		return 0;
	assert(c.size > 0);
	checkpoint_text(&text, &c.log, c.size, &c.root);
	assert(!buf_failed(&text) && bytes_eq(buf_view(&text), note.text));
	own_line(&line, &c, &note);
	assert(line.len > 0 && memmem(data, size, line.data, line.len));

	buf_reset(&text);
	checkpoint_note(&text, &c, key);
	assert(checkpoint_parse(buf_view(&text), &back, &note) == 0);
	assert(back.size == c.size && hash_eq(&back.root, &c.root));
	checkpoint_to_wire(&w, &back);
	checkpoint_from_wire(&c, &back.log, &w);
	assert(log_name_eq(&back.log, &c.log));
	assert(memcmp(back.signature, c.signature, sizeof(c.signature)) == 0);
	(void)!checkpoint_verify(&c, key);
	buf_free(&text);
	buf_free(&line);
	return 0;
}
