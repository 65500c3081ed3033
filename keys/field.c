/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/field.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

#define SHOWN_MAX     64 /* bytes of a value that an error shows */

#define SHA256_PREFIX "sha256:"

/* Printable ASCII as it is, everything else as \xNN: an error goes to a terminal. */
static void shown(char *out, size_t cap, struct bytes seen)
{
	size_t at = 0;

	for (size_t i = 0; i < seen.len && i < SHOWN_MAX; i++) {
		uint8_t c = seen.data[i];

		if (c >= 0x20 && c <= 0x7e)
			at += (size_t)snprintf(out + at, cap - at, "%c", c);
		else
			at += (size_t)snprintf(out + at, cap - at, "\\x%02x", c);
	}
	snprintf(out + at, cap - at, "%s", seen.len > SHOWN_MAX ? "..." : "");
}

int field_error(struct err_text *err, const char *file, unsigned line, const char *key,
	struct bytes seen, const char *wanted, ...)
{
	char value[4 * SHOWN_MAX + 4], place[16] = "", text[ERR_TEXT_MAX];
	const char *quote = seen.data ? "\"" : "";
	va_list args;

	if (!err)
		return ENT_EINVALID;
	if (seen.data)
		shown(value, sizeof(value), seen);
	else
		snprintf(value, sizeof(value), "none");
	if (line)
		snprintf(place, sizeof(place), "%u:", line);
	va_start(args, wanted);
	vsnprintf(text, sizeof(text), wanted, args);
	va_end(args);
	return err_set(err, ENT_EINVALID, "%s:%s%s%s%s saw %s%s%s, wanted %s", file, place,
		key ? " " : "", key ? key : "", key ? ":" : "", quote, value, quote, text);
}

/* The next line; a view without data at the end. */
static struct bytes line_peek(const struct field_reader *r)
{
	struct bytes rest = r->rest, line;

	return text_line_next(&rest, &line) ? line : BYTES_NONE;
}

static void line_skip(struct field_reader *r)
{
	struct bytes line;

	if (text_line_next(&r->rest, &line))
		r->line++;
}

int field_first(struct field_reader *r, const char *line)
{
	struct bytes seen = line_peek(r);

	line_skip(r);
	if (!seen.data || !bytes_eq_str(seen, line))
		return field_error(r->err, r->file, 1, NULL, seen, "%s", line);
	return 0;
}

bool field_next_is(const struct field_reader *r, const char *key)
{
	struct bytes line = line_peek(r);
	size_t len = strlen(key);

	return line.data && bytes_starts(line, key) && line.len > len && line.data[len] == ':';
}

int field_take(struct field_reader *r, const char *key, struct bytes *value)
{
	struct bytes line = line_peek(r);
	size_t len = strlen(key);

	if (!field_next_is(r, key))
		return field_error(r->err, r->file, r->line + 1, NULL,
			r->secret ? FIELD_HIDDEN : line, "%s: ...", key);
	line_skip(r);
	*value = bytes_skip(line, len + 1);
	if (value->len < 2 || value->data[0] != ' ' || value->data[1] == ' ' ||
		value->data[value->len - 1] == ' ')
		return field_refuse(r, key, *value,
			"one space, then a value without spaces around it");
	*value = bytes_skip(*value, 1);
	return 0;
}

int field_end(struct field_reader *r)
{
	struct bytes line = line_peek(r);

	if (!line.data)
		return 0;
	return field_error(r->err, r->file, r->line + 1, NULL, r->secret ? FIELD_HIDDEN : line,
		"the end of the text");
}

/* Code points that show nothing, or change how their neighbours show. */
static bool is_deceptive(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0xad || code == 0x61c ||
	       code == 0x115f || code == 0x1160 || code == 0x180e ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0x3164 ||
	       (code >= 0xfe00 && code <= 0xfe0f) || code == 0xfeff || code == 0xffa0 ||
	       (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe0fff);
}

/* The code point at *i of well-formed UTF-8, moving *i on. */
static uint32_t code_next(struct bytes text, size_t *i)
{
	uint8_t c = text.data[(*i)++];
	unsigned more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	uint32_t code = more == 0 ? c : c & (0x3fu >> more);

	while (more--)
		code = code << 6 | (text.data[(*i)++] & 0x3f);
	return code;
}

int field_text(struct field_reader *r, const char *key, char *out, size_t cap)
{
	struct bytes value;
	int rc = field_take(r, key, &value);

	if (rc)
		return rc;
	if (value.len >= cap)
		return field_refuse(r, key, value, "at most %zu bytes", cap - 1);
	if (!text_utf8_valid(value))
		return field_refuse(r, key, value, "UTF-8");
	for (size_t i = 0; i < value.len;) {
		size_t start = i;

		if (is_deceptive(code_next(value, &i)))
			return field_refuse(r, key, bytes_from(value.data + start, i - start),
				"only characters that can be seen");
	}
	memcpy(out, value.data, value.len);
	out[value.len] = '\0';
	return 0;
}

bool field_name_valid(struct bytes name)
{
	if (name.len < 1 || name.len > 63 || name.data[0] == '-' || bytes_eq_str(name, "none"))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return true;
}

int field_name(struct field_reader *r, const char *key, char *out, size_t cap)
{
	struct bytes value;
	int rc = field_take(r, key, &value);

	if (rc)
		return rc;
	if (!field_name_valid(value) || value.len >= cap)
		return field_refuse(r, key, value,
			"a name of 1 to 63 characters a-z, 0-9 and \"-\", such as fr");
	memcpy(out, value.data, value.len);
	out[value.len] = '\0';
	return 0;
}

int field_u32(struct field_reader *r, const char *key, uint32_t *value)
{
	struct bytes text;
	uint64_t v;
	int rc = field_take(r, key, &text);

	if (rc)
		return rc;
	if (!text_u64_parse(text, &v) || v == 0 || v > UINT32_MAX)
		return field_refuse(r, key, text, "a number from 1 to %u", UINT32_MAX);
	*value = (uint32_t)v;
	return 0;
}

int field_sha256(struct field_reader *r, const char *key, uint8_t hash[32])
{
	struct bytes text;
	int rc = field_take(r, key, &text);

	if (rc)
		return rc;
	if (!bytes_starts(text, SHA256_PREFIX) ||
		text_hex_decode(bytes_skip(text, strlen(SHA256_PREFIX)), hash, 32) != 32)
		return field_refuse(r, key, text, "sha256: and 64 lower-case hex digits");
	return 0;
}

int field_node(struct field_reader *r, const char *key, struct node_id *node)
{
	struct bytes text;
	int rc = field_take(r, key, &text);

	if (rc)
		return rc;
	if (!node_id_parse(text, node))
		return field_refuse(r, key, text, "a node id of 26 base32 characters");
	return 0;
}

int field_id(struct field_reader *r, const char *key, uint64_t *id)
{
	struct bytes text;
	uint8_t raw[8];
	int rc = field_take(r, key, &text);

	if (rc)
		return rc;
	if (text_hex_decode(text, raw, sizeof(raw)) != sizeof(raw))
		return field_refuse(r, key, text, "16 lower-case hex digits");
	*id = be64_get(raw);
	return 0;
}

bool field_time_parse(struct bytes text, int64_t *seconds)
{
	char again[TEXT_TIME_SIZE];
	int64_t ms;

	if (!text_time_parse(text, &ms))
		return false;
	*seconds = ms / 1000;
	text_time_s(again, *seconds);
	return bytes_eq_str(text, again);
}

int field_valid(struct field_reader *r, int64_t *from, int64_t *until)
{
	struct bytes text, rest, first, second;
	int rc = field_take(r, "valid", &text);

	if (rc)
		return rc;
	rest = text;
	if (!text_word_next(&rest, &first) || !text_word_next(&rest, &second) || rest.len ||
		!field_time_parse(first, from) || !field_time_parse(second, until))
		return field_refuse(r, "valid", text,
			"<from> <until>, such as 2026-11-22T00:00:00Z");
	if (*from >= *until)
		return field_refuse(r, "valid", text, "an end later than the begin");
	return 0;
}

int field_key(struct field_reader *r, const char *key, struct bytes value,
	const struct node_id *node, const char *role, uint8_t type, struct note_key *k)
{
	char id[NODE_ID_TEXT_SIZE], name[NOTE_NAME_MAX + 1];

	node_id_text(id, node);
	snprintf(name, sizeof(name), "entente/%s/%s", id, role);
	if (note_key_parse(value, k) != 0)
		return field_refuse(r, key, value, "a verifier key <name>+<key id>+<base64>");
	if (strcmp(k->name, name) != 0 || k->type != type)
		return field_refuse(r, key, value, "a verifier key of type %02x named %s", type,
			name);
	return 0;
}

int field_same(struct bytes text, const struct buf *written, const char *file, struct err_text *err)
{
	struct bytes wanted = buf_view(written);
	struct bytes seen, want;
	unsigned line = 1;

	if (buf_failed(written))
		return err_set(err, ENT_ENOMEM, "%s: %s", file, err_sentence(ENT_ENOMEM));
	if (bytes_eq(text, wanted))
		return 0;
	for (;; line++) {
		bool more = text_line_next(&text, &seen),
		     more_wanted = text_line_next(&wanted, &want);

		if (!more_wanted)
			return field_error(err, file, line, NULL, seen, "the end of the text");
		if (!more || !bytes_eq(seen, want))
			return field_error(err, file, line, NULL, more ? seen : BYTES_NONE,
				"\"%.*s\"", (int)(want.len < 200 ? want.len : 200),
				(const char *)want.data);
	}
}

void field_put(struct buf *out, const char *key, const char *value)
{
	buf_str(out, key);
	buf_str(out, ": ");
	buf_str(out, value);
	buf_str(out, "\n");
}

void field_put_u64(struct buf *out, const char *key, uint64_t value)
{
	buf_printf(out, "%s: %" PRIu64 "\n", key, value);
}

void field_put_id(struct buf *out, const char *key, uint64_t id)
{
	buf_printf(out, "%s: %016" PRIx64 "\n", key, id);
}

void field_put_sha256(struct buf *out, const char *key, const uint8_t hash[32])
{
	char hex[HEX_TEXT_SIZE(32)];

	text_hex_encode(hex, bytes_from(hash, 32));
	buf_printf(out, "%s: " SHA256_PREFIX "%s\n", key, hex);
}

void field_put_node(struct buf *out, const char *key, const struct node_id *node)
{
	char id[NODE_ID_TEXT_SIZE];

	node_id_text(id, node);
	field_put(out, key, id);
}

void field_put_key(struct buf *out, const char *key, const struct note_key *k)
{
	char vkey[NOTE_VKEY_TEXT_MAX];

	note_key_text(vkey, k);
	field_put(out, key, vkey);
}

void field_put_valid(struct buf *out, int64_t from, int64_t until)
{
	char first[TEXT_TIME_SIZE], second[TEXT_TIME_SIZE];

	text_time_s(first, from);
	text_time_s(second, until);
	buf_printf(out, "valid: %s %s\n", first, second);
}
