/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading and writing the fields of signed text and of secret files: one "key: value" a line, in a
 * fixed order, one space behind the colon. Every error is one line that names the file, the line,
 * the value seen and the value wanted.
 *
 * Cards and agreements are strict by one rule besides: what was read is written again and must give
 * the same bytes (field_same). So each reader here may be plain, and a text has one spelling.
 */
#pragma once

#include "base/buf.h"
#include "base/name.h"
#include "keys/note.h"

struct field_reader {
	struct bytes rest;
	const char *file;
	unsigned line; /* taken last, from 1 */
	bool secret;   /* values never reach an error text */
	struct err_text *err;
};

/*
 * err gets FILE:LINE: KEY: saw "SEEN", wanted ...; the result is ENT_EINVALID. Bytes beyond
 * printable ASCII are shown as \xNN, long values are cut. line 0 and key NULL are left out.
 */
int field_error(struct err_text *err, const char *file, unsigned line, const char *key,
	struct bytes seen, const char *wanted, ...) PRINTF_LIKE(6, 7);

/* The first line of the text, e.g. "entente/card/v1". */
int field_first(struct field_reader *r, const char *line) MUST_CHECK;
/* True if the next line starts with this key. */
bool field_next_is(const struct field_reader *r, const char *key);
/* The value of the next line, which must have this key; never empty. */
int field_take(struct field_reader *r, const char *key, struct bytes *value) MUST_CHECK;
/* Nothing may be left. */
int field_end(struct field_reader *r) MUST_CHECK;

/* What stands in an error instead of a value that is secret. */
#define FIELD_HIDDEN bytes_str("(not shown)")

/* An error about the value taken last. */
#define field_refuse(r, key, seen, ...)                                                            \
	field_error((r)->err, (r)->file, (r)->line, key, (r)->secret ? FIELD_HIDDEN : (seen),      \
		__VA_ARGS__)

/* Text for people, into out with NUL. Refuses what is invisible or reorders the line: controls,
 * direction marks, zero-width characters. A signed text shows what it says. */
int field_text(struct field_reader *r, const char *key, char *out, size_t cap) MUST_CHECK;
/* The short name of a node or party: field_name_valid. */
int field_name(struct field_reader *r, const char *key, char *out, size_t cap) MUST_CHECK;
int field_u32(struct field_reader *r, const char *key, uint32_t *value) MUST_CHECK; /* 1 or more */
/* sha256:<64 hex> */
int field_sha256(struct field_reader *r, const char *key, uint8_t hash[32]) MUST_CHECK;
int field_id(struct field_reader *r, const char *key, uint64_t *id) MUST_CHECK; /* 16 hex digits */
int field_node(struct field_reader *r, const char *key, struct node_id *node) MUST_CHECK;
/* <from> <until>, RFC 3339 UTC, whole seconds, from before until. */
int field_valid(struct field_reader *r, int64_t *from, int64_t *until) MUST_CHECK;
/* The verifier key in value, of this type and named entente/<node id>/<role>. */
int field_key(struct field_reader *r, const char *key, struct bytes value,
	const struct node_id *node, const char *role, uint8_t type, struct note_key *k) MUST_CHECK;

/* 0 when text, which starts in file at line 1, is what was written; else the first line that
 * differs. */
int field_same(struct bytes text, const struct buf *written, const char *file,
	struct err_text *err) MUST_CHECK;

/* 1 to 63 of a-z, 0-9 and "-", not "-" in front, and not the word none: so no two names look alike,
 * and no name is taken for a keyword. */
bool field_name_valid(struct bytes name);

/* A time as field_valid wants it. False when it is none. */
bool field_time_parse(struct bytes text, int64_t *seconds);

/* Writers. */
void field_put(struct buf *out, const char *key, const char *value);
void field_put_u64(struct buf *out, const char *key, uint64_t value);
void field_put_id(struct buf *out, const char *key, uint64_t id);
void field_put_sha256(struct buf *out, const char *key, const uint8_t hash[32]);
void field_put_node(struct buf *out, const char *key, const struct node_id *node);
void field_put_key(struct buf *out, const char *key, const struct note_key *k);
void field_put_valid(struct buf *out, int64_t from, int64_t until);
