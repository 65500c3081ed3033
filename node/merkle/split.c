/* SPDX-License-Identifier: EUPL-1.2 */
#include "merkle/split.h"

#include <string.h>

#include "base/text.h"
#include "keys/field.h"

#define SPLIT_HEAD "entente/split/v1\n"
#define SPLIT_CUT  "----\n"

int split_verify(const struct split *s, const uint8_t log_key[32])
{
	const struct checkpoint *a = &s->first, *b = &s->second;

	if (!log_name_eq(&a->log, &b->log) || a->size > b->size)
		return ENT_EPROOF;
	if (checkpoint_verify(a, log_key) != 0 || checkpoint_verify(b, log_key) != 0)
		return ENT_ECRYPTO;
	if (a->size < b->size)
		return proof_split_verify(a->size, b->size, s->hashes, s->hashes_len, &a->root,
			&b->root);
	return s->hashes_len == 0 && !hash_eq(&a->root, &b->root) ? 0 : ENT_EPROOF;
}

/* --- messages --------------------------------------------------------------------------------- */

void split_to_wire(struct wire_split *w, const struct split *s)
{
	w->feed = s->first.log;
	checkpoint_to_wire(&w->first, &s->first);
	checkpoint_to_wire(&w->second, &s->second);
	w->hashes = (const uint8_t(*)[32])s->hashes;
	w->hashes_len = s->hashes_len;
}

void split_from_wire(struct split *s, const struct wire_split *w)
{
	checkpoint_from_wire(&s->first, &w->feed, &w->first);
	checkpoint_from_wire(&s->second, &w->feed, &w->second);
	s->hashes_len = w->hashes_len;
	if (w->hashes_len)
		memcpy(s->hashes, w->hashes, w->hashes_len * sizeof(s->hashes[0]));
}

/* --- the file --------------------------------------------------------------------------------- */

void split_text(struct buf *out, const struct split *s, const uint8_t log_key[32])
{
	char origin[LOG_NAME_TEXT_SIZE], vkey[NOTE_VKEY_TEXT_MAX];
	char base64[BASE64_TEXT_SIZE(HASH_BYTES)];
	struct note_key key;

	log_name_text(origin, &s->first.log);
	if (note_key_init(&key, origin, NOTE_TYPE_ED25519, log_key) != 0) {
		out->failed = true;
		return;
	}
	note_key_text(vkey, &key);
	buf_printf(out, SPLIT_HEAD "log: %s\nkey: %s\n", origin, vkey);
	for (size_t i = 0; i < s->hashes_len; i++) {
		text_base64_encode(base64, BYTES_OF(s->hashes[i].bytes));
		buf_printf(out, "hash: %s\n", base64);
	}
	buf_str(out, SPLIT_CUT);
	checkpoint_note(out, &s->first, log_key);
	buf_str(out, SPLIT_CUT);
	checkpoint_note(out, &s->second, log_key);
}

static int head_parse(struct field_reader *r, struct split *s, uint8_t log_key[32])
{
	struct note_key key;
	struct bytes value;

	if (field_first(r, "entente/split/v1") != 0 || field_take(r, "log", &value) != 0)
		return ENT_EINVALID;
	if (!log_name_parse(value, &s->first.log))
		return field_refuse(r, "log", value, "the origin line of a log");
	if (field_take(r, "key", &value) != 0)
		return ENT_EINVALID;
	if (note_key_parse(value, &key) != 0)
		return field_refuse(r, "key", value, "the verifier key of its log key");
	memcpy(log_key, key.public_key, sizeof(key.public_key));
	while (field_next_is(r, "hash")) {
		if (field_take(r, "hash", &value) != 0)
			return ENT_EINVALID;
		if (s->hashes_len == PROOF_HASHES_MAX)
			return field_refuse(r, "hash", value, "at most %d", PROOF_HASHES_MAX);
		if (text_base64_decode(value, s->hashes[s->hashes_len++].bytes, HASH_BYTES) !=
			HASH_BYTES)
			return field_refuse(r, "hash", value, "the base64 of 32 bytes");
	}
	return 0;
}

/* The line that parts what stands in the file; notes have none like it. */
static int cut_take(struct field_reader *r)
{
	struct bytes rest = r->rest, line = BYTES_NONE;

	if (!text_line_next(&rest, &line) || !bytes_eq(line, bytes_str("----")))
		return field_error(r->err, r->file, r->line + 1, NULL, line, "----");
	r->rest = rest;
	r->line++;
	return 0;
}

/* A note up to the next cut, or the end. */
static int note_take(struct field_reader *r, struct checkpoint *c)
{
	struct bytes rest = r->rest, text = {rest.data, 0}, line, first = BYTES_NONE;
	unsigned begin = r->line + 1;
	struct note note;

	while (text_line_next(&rest, &line) && !bytes_eq(line, bytes_str("----"))) {
		if (!first.data)
			first = line;
		text.len = (size_t)(rest.data - text.data);
		r->line++;
	}
	r->rest = bytes_skip(r->rest, text.len);
	if (checkpoint_parse(text, c, &note) != 0)
		return field_error(r->err, r->file, begin, NULL, first,
			"the note of a checkpoint, signed by one log key");
	return 0;
}

/* What was read, written again, is what was read: the first line where it is not. */
static int same_again(const struct split *s, const uint8_t log_key[32], struct bytes text,
	const char *file, struct err_text *err)
{
	struct buf again = buf_with_max(SPLIT_TEXT_MAX);
	struct bytes wanted, seen, a, b;
	unsigned line = 0;
	int rc = 0;

	split_text(&again, s, log_key);
	wanted = buf_view(&again);
	if (buf_failed(&again) || !bytes_eq(wanted, text)) {
		do {
			a = b = BYTES_NONE;
			line++;
		} while (text_line_next(&wanted, &a) && text_line_next(&text, &b) &&
			 bytes_eq(a, b));
		seen = b;
		rc = field_error(err, file, line, NULL, seen, "%s%.*s%s", a.data ? "\"" : "",
			a.data ? (int)a.len : 7, a.data ? (const char *)a.data : "nothing",
			a.data ? "\"" : "");
	}
	buf_free(&again);
	return rc;
}

int split_parse(struct bytes text, const char *file, struct split *s, uint8_t log_key[32],
	struct err_text *err)
{
	struct field_reader r = {.rest = text, .file = file, .err = err};

	memset(s, 0, sizeof(*s));
	if (text.len > SPLIT_TEXT_MAX)
		return err_set(err, ENT_EINVALID, "%s: saw %zu bytes, wanted at most %d", file,
			text.len, (int)SPLIT_TEXT_MAX);
	if (head_parse(&r, s, log_key) != 0 || cut_take(&r) != 0 || note_take(&r, &s->first) != 0 ||
		cut_take(&r) != 0 || note_take(&r, &s->second) != 0)
		return ENT_EINVALID;
	/* One proof, one spelling: nothing can hide between the lines. */
	return same_again(s, log_key, text, file, err);
}
