/* SPDX-License-Identifier: EUPL-1.2 */
#include "merkle/split.h"

#include <string.h>

#include "base/text.h"

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

/* The rest of the next line behind the words it must begin with. */
static bool field_next(struct bytes *rest, const char *words, struct bytes *value)
{
	if (!text_line_next(rest, value) || !bytes_starts(*value, words))
		return false;
	*value = bytes_skip(*value, strlen(words));
	return true;
}

static int head_parse(struct bytes *rest, struct split *s, uint8_t log_key[32])
{
	struct note_key key;
	struct bytes line;

	if (!field_next(rest, "entente/split/v1", &line) || line.len > 0 ||
		!field_next(rest, "log: ", &line) || !log_name_parse(line, &s->first.log) ||
		!field_next(rest, "key: ", &line) || note_key_parse(line, &key) != 0)
		return ENT_EINVALID;
	memcpy(log_key, key.public_key, sizeof(key.public_key));
	while (text_line_next(rest, &line) && !bytes_eq(line, bytes_str("----"))) {
		if (!bytes_starts(line, "hash: ") || s->hashes_len == PROOF_HASHES_MAX)
			return ENT_EINVALID;
		line = bytes_skip(line, strlen("hash: "));
		if (text_base64_decode(line, s->hashes[s->hashes_len++].bytes, HASH_BYTES) !=
			HASH_BYTES)
			return ENT_EINVALID;
	}
	return 0;
}

/* The notes on both sides of the line that parts them. */
static int notes_parse(struct bytes rest, struct split *s)
{
	struct bytes first = {rest.data, 0}, line;
	struct note note;
	bool parted = false;

	while (!parted && text_line_next(&rest, &line)) {
		parted = bytes_eq(line, bytes_str("----"));
		if (!parted)
			first.len = (size_t)(rest.data - first.data);
	}
	if (!parted || checkpoint_parse(first, &s->first, &note) != 0 ||
		checkpoint_parse(rest, &s->second, &note) != 0)
		return ENT_EINVALID;
	return 0;
}

int split_parse(struct bytes text, struct split *s, uint8_t log_key[32], struct err_text *err)
{
	struct buf again = buf_with_max(SPLIT_TEXT_MAX);
	struct bytes rest = text;
	bool same;

	memset(s, 0, sizeof(*s));
	if (text.len > SPLIT_TEXT_MAX || head_parse(&rest, s, log_key) != 0)
		return err_set(err, ENT_EINVALID,
			"the head is not that of an entente/split/v1 file");
	if (notes_parse(rest, s) != 0)
		return err_set(err, ENT_EINVALID,
			"two checkpoint notes are wanted behind \"----\"");
	/* One proof, one spelling: nothing can hide between the lines. */
	split_text(&again, s, log_key);
	same = !buf_failed(&again) && bytes_eq(buf_view(&again), text);
	buf_free(&again);
	return same ? 0 : err_set(err, ENT_EINVALID, "not as entente writes it");
}
