/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/note.h"

#include <assert.h>
#include <stdio.h>
#include <sodium.h>

#include "base/text.h"
#include "keys/field.h"

#define DASH          "\xe2\x80\x94 " /* U+2014 and a space, in front of every signature line */
#define BLOB_KEPT_MAX (sizeof(((struct note *)0)->blobs) / NOTE_SIGNATURES_MAX)

/* A signature line's payload with its key id: the longest known today is ML-DSA-44 with 2,420 bytes
 * and a time; what is longer than this is no signature. */
#define PAYLOAD_MAX 4096

/* Unicode's White_Space, of which a key name holds none. */
static bool is_space(uint32_t code)
{
	return (code >= 0x09 && code <= 0x0d) || code == 0x20 || code == 0x85 || code == 0xa0 ||
	       code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
	       code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

static bool name_valid(struct bytes name)
{
	if (name.len == 0 || name.len > NOTE_NAME_MAX || !text_utf8_valid(name))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		const uint8_t *p = name.data + i;
		uint32_t code = p[0];

		/* Of the white space beyond ASCII, U+0085 and U+00A0 take two bytes, the rest
		 * three; the bytes are known to be well-formed. */
		if ((p[0] & 0xe0) == 0xc0)
			code = (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
		else if ((p[0] & 0xf0) == 0xe0)
			code = (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 |
			       (p[2] & 0x3f);
		if (code < 0x20 || code == '+' || is_space(code))
			return false;
	}
	return true;
}

static unsigned lines_in(struct bytes text)
{
	unsigned lines = 0;

	for (size_t i = 0; i < text.len; i++)
		lines += text.data[i] == '\n';
	return lines;
}

/* The whole file: UTF-8, no control byte but LF, an LF at the end. */
static int check_bytes(struct bytes text, const char *file, struct err_text *err)
{
	unsigned line = 1;

	if (text.len > NOTE_BYTES_MAX)
		return err_set(err, ENT_ELIMIT, "%s: saw %zu bytes, wanted at most %u", file,
			text.len, NOTE_BYTES_MAX);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < 0x20 && text.data[i] != '\n')
			return field_error(err, file, line, NULL, bytes_from(text.data + i, 1),
				"no control character but the line end LF");
		line += text.data[i] == '\n';
	}
	if (!text_utf8_valid(text)) {
		struct bytes rest = text, one;

		for (line = 1; text_line_next(&rest, &one) && text_utf8_valid(one); line++)
			;
		return field_error(err, file, line, NULL, one, "UTF-8");
	}
	if (text.len == 0 || text.data[text.len - 1] != '\n')
		return field_error(err, file, line, NULL,
			text.len ? bytes_from(text.data + text.len - 1, 1) : BYTES_NONE,
			"a line end LF as the last byte");
	return 0;
}

/* Where the text ends: behind the first LF of the last empty line; 0 when there is none. */
static size_t text_end(struct bytes note)
{
	for (size_t i = note.len; i >= 2; i--)
		if (note.data[i - 1] == '\n' && note.data[i - 2] == '\n')
			return i - 1;
	return 0;
}

static int signature_line(struct bytes line, unsigned number, const char *file, struct note *n,
	struct err_text *err)
{
	struct note_signature *s = &n->signatures[n->signatures_len];
	uint8_t *place = n->blobs + n->signatures_len * BLOB_KEPT_MAX;
	uint8_t payload[PAYLOAD_MAX];
	struct bytes rest, blob;
	const uint8_t *space;
	int len;

	if (!bytes_starts(line, DASH))
		return field_error(err, file, number, "signature", line,
			"an em dash, a space, a key name, a space and base64");
	rest = bytes_skip(line, strlen(DASH));
	space = rest.len ? memchr(rest.data, ' ', rest.len) : NULL;
	s->name = space ? bytes_from(rest.data, (size_t)(space - rest.data)) : rest;
	if (!space || !name_valid(s->name))
		return field_error(err, file, number, "signature", line,
			"a key name of at most %u bytes without spaces or \"+\", then base64",
			NOTE_NAME_MAX);
	rest = bytes_skip(rest, s->name.len + 1);
	len = text_base64_decode(rest, payload, sizeof(payload));
	if (len < 5)
		return field_error(err, file, number, "signature", rest,
			"the base64 of a key id and a signature");
	memcpy(s->key_id, payload, 4);
	s->line = number;
	for (size_t i = 0; i < n->signatures_len; i++)
		if (bytes_eq(n->signatures[i].name, s->name) &&
			memcmp(n->signatures[i].key_id, s->key_id, 4) == 0)
			return field_error(err, file, number, "signature", s->name,
				"one line for each key (see line %u)", n->signatures[i].line);
	blob = bytes_from(payload + 4, (size_t)len - 4);
	if (blob.len > BLOB_KEPT_MAX)
		return 0;
	memcpy(place, blob.data, blob.len);
	s->blob = bytes_from(place, blob.len);
	n->signatures_len++;
	return 0;
}

int note_parse_draft(struct bytes text, const char *file, struct note *n, struct err_text *err)
{
	struct bytes rest, line;
	unsigned number, lines = 0;
	size_t end;
	int rc;

	file = file ? file : "note";
	n->signatures_len = 0;
	rc = check_bytes(text, file, err);
	if (rc)
		return rc;
	end = text_end(text);
	n->text = end ? bytes_from(text.data, end) : text;
	rest = end ? bytes_skip(text, end + 1) : BYTES_NONE;
	for (number = lines_in(n->text) + 2; text_line_next(&rest, &line); number++) {
		if (++lines > NOTE_SIGNATURES_MAX)
			return err_set(err, ENT_ELIMIT, "%s:%u: saw more than %u signatures", file,
				number, NOTE_SIGNATURES_MAX);
		rc = signature_line(line, number, file, n, err);
		if (rc)
			return rc;
	}
	return 0;
}

int note_parse(struct bytes text, const char *file, struct note *n, struct err_text *err)
{
	int rc = note_parse_draft(text, file, n, err);
	size_t end;

	if (rc)
		return rc;
	end = text_end(text);
	if (end == 0 || end + 1 == text.len)
		return field_error(err, file ? file : "note", lines_in(text) + 1, NULL, BYTES_NONE,
			"%sat least one signature line", end ? "" : "an empty line and ");
	return 0;
}

void note_key_id(uint8_t id[4], struct bytes name, uint8_t type, const uint8_t public_key[32])
{
	crypto_hash_sha256_state state;
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, name.data, name.len);
	crypto_hash_sha256_update(&state, (const uint8_t *)"\n", 1);
	crypto_hash_sha256_update(&state, &type, 1);
	crypto_hash_sha256_update(&state, public_key, 32);
	crypto_hash_sha256_final(&state, hash);
	memcpy(id, hash, 4);
}

int note_key_init(struct note_key *k, const char *name, uint8_t type, const uint8_t public_key[32])
{
	size_t len = strlen(name);

	if (!name_valid(bytes_from(name, len)))
		return ENT_EINVALID;
	memset(k, 0, sizeof(*k));
	memcpy(k->name, name, len);
	k->type = type;
	memcpy(k->public_key, public_key, 32);
	note_key_id(k->id, bytes_from(name, len), type, public_key);
	return 0;
}

int note_key_parse(struct bytes text, struct note_key *k)
{
	char name[NOTE_NAME_MAX + 1];
	uint8_t id[4], key[1 + 32];
	const uint8_t *plus = text.len ? memchr(text.data, '+', text.len) : NULL;
	size_t name_len = plus ? (size_t)(plus - text.data) : 0;
	int rc;

	/* name + hex8 + base64; a name has no "+", base64 may. */
	if (!plus || name_len > NOTE_NAME_MAX || text.len < name_len + 10 || plus[9] != '+')
		return ENT_EINVALID;
	if (text_hex_decode(bytes_from(plus + 1, 8), id, sizeof(id)) != sizeof(id) ||
		text_base64_decode(bytes_skip(text, name_len + 10), key, sizeof(key)) !=
			sizeof(key))
		return ENT_EINVALID;
	if (key[0] != NOTE_TYPE_ED25519 && key[0] != NOTE_TYPE_COSIGNATURE)
		return ENT_EINVALID;
	if (memchr(text.data, 0, name_len))
		return ENT_EINVALID;
	memcpy(name, text.data, name_len);
	name[name_len] = '\0';
	rc = note_key_init(k, name, key[0], key + 1);
	if (rc)
		return rc;
	return memcmp(k->id, id, sizeof(id)) == 0 ? 0 : ENT_EINVALID;
}

void note_key_text(char out[NOTE_VKEY_TEXT_MAX], const struct note_key *k)
{
	char id[HEX_TEXT_SIZE(4)], base64[BASE64_TEXT_SIZE(33)];
	uint8_t key[1 + 32];

	key[0] = k->type;
	memcpy(key + 1, k->public_key, 32);
	text_hex_encode(id, BYTES_OF(k->id));
	text_base64_encode(base64, BYTES_OF(key));
	snprintf(out, NOTE_VKEY_TEXT_MAX, "%s+%s+%s", k->name, id, base64);
}

static const struct note_signature *signature_of(const struct note *n, const struct note_key *k)
{
	struct bytes name = bytes_str(k->name);

	for (size_t i = 0; i < n->signatures_len; i++)
		if (bytes_eq(n->signatures[i].name, name) &&
			memcmp(n->signatures[i].key_id, k->id, 4) == 0)
			return &n->signatures[i];
	return NULL;
}

unsigned note_key_line(const struct note *n, const struct note_key *k)
{
	const struct note_signature *s = signature_of(n, k);

	return s ? s->line : 0;
}

int note_verify(const struct note *n, const struct note_key *k)
{
	const struct note_signature *s = signature_of(n, k);

	if (k->type != NOTE_TYPE_ED25519)
		return ENT_ECRYPTO;
	if (!s)
		return 0;
	if (s->blob.len != crypto_sign_BYTES ||
		crypto_sign_verify_detached(s->blob.data, n->text.data, n->text.len,
			k->public_key) != 0)
		return ENT_ECRYPTO;
	return 1;
}

void note_signature_line(struct buf *out, struct bytes name, const uint8_t key_id[4],
	struct bytes blob)
{
	uint8_t payload[4 + BLOB_KEPT_MAX];
	char base64[BASE64_TEXT_SIZE(sizeof(payload))];

	assert(blob.len <= BLOB_KEPT_MAX);
	memcpy(payload, key_id, 4);
	memcpy(payload + 4, blob.data, blob.len);
	text_base64_encode(base64, bytes_from(payload, 4 + blob.len));
	buf_str(out, DASH);
	buf_bytes(out, name);
	buf_str(out, " ");
	buf_str(out, base64);
	buf_str(out, "\n");
}

void note_sign(struct buf *out, struct bytes text, const struct note_key *k,
	const uint8_t secret[64])
{
	uint8_t signature[crypto_sign_BYTES];

	crypto_sign_detached(signature, NULL, text.data, text.len, secret);
	note_signature_line(out, bytes_str(k->name), k->id, BYTES_OF(signature));
}

/* True if the signature line is one of this key. */
static bool line_is_of(struct bytes line, const struct note_key *k)
{
	struct bytes rest = bytes_skip(line, strlen(DASH));
	uint8_t payload[PAYLOAD_MAX];

	if (!bytes_starts(rest, k->name))
		return false;
	rest = bytes_skip(rest, strlen(k->name));
	return bytes_starts(rest, " ") &&
	       text_base64_decode(bytes_skip(rest, 1), payload, sizeof(payload)) >= 4 &&
	       memcmp(payload, k->id, 4) == 0;
}

int note_sign_file(struct buf *out, struct bytes input, const char *file, const struct note_key *k,
	const uint8_t secret[64], struct err_text *err)
{
	struct bytes rest, line;
	struct note n;
	int rc;

	rc = note_parse_draft(input, file, &n, err);
	if (rc)
		return rc;
	buf_bytes(out, n.text);
	buf_str(out, "\n");
	rest = bytes_skip(input, n.text.len + 1);
	while (text_line_next(&rest, &line)) {
		if (line_is_of(line, k))
			continue;
		buf_bytes(out, line);
		buf_str(out, "\n");
	}
	note_sign(out, n.text, k, secret);
	return buf_failed(out) ? ENT_ENOMEM : 0;
}
