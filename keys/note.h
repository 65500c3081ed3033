/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Signed notes (c2sp.org/signed-note v1.0.0): text for people, signatures under it. Cards,
 * agreements, revocations and checkpoints are all notes; this is their one parser.
 *
 * text LF  LF  then signature lines "— <name> <base64>" LF. The payload of a line is the 4-byte key
 * id and the signature. The parser is strict: UTF-8, no control byte but LF, text ends in LF, split
 * at the last empty line, canonical base64, at least one signature, at most NOTE_SIGNATURES_MAX, no
 * two lines with the same name and key id.
 */
#pragma once

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "proto/limits.h"

#define NOTE_TYPE_ED25519     0x01
#define NOTE_TYPE_COSIGNATURE 0x04

#define NOTE_VKEY_TEXT_MAX    (NOTE_NAME_MAX + 1 + 8 + 1 + 44 + 1)

struct note_signature {
	struct bytes name;
	uint8_t key_id[4];
	struct bytes blob; /* decoded signature without the key id, in the note's own buffer */
	unsigned line;     /* in the file, from 1 */
};

struct note {
	struct bytes text; /* with its final LF */
	size_t signatures_len;
	struct note_signature signatures[NOTE_SIGNATURES_MAX];
	/* Longer blobs (of key types we do not know) are dropped with their lines. */
	uint8_t blobs[NOTE_SIGNATURES_MAX * 80];
};

/* A verifier key: name+hex8+base64(type || public key). */
struct note_key {
	char name[NOTE_NAME_MAX + 1];
	uint8_t type;
	uint8_t public_key[32];
	uint8_t id[4];
};

/* file names the input in errors (NULL: "note"). Views in *n point into text. ENT_EINVALID with
 * line, value seen and value wanted; ENT_ELIMIT for too many bytes or signatures. */
int note_parse(struct bytes text, const char *file, struct note *n,
	struct err_text *err) MUST_CHECK;

/* The same, but a note that nobody has signed yet is good too: the text, with or without the empty
 * line behind it. */
int note_parse_draft(struct bytes text, const char *file, struct note *n,
	struct err_text *err) MUST_CHECK;

/* Key id of (name, type, public key): SHA-256(name || LF || type || key)[0:4]. */
void note_key_id(uint8_t id[4], struct bytes name, uint8_t type, const uint8_t public_key[32]);
int note_key_init(struct note_key *k, const char *name, uint8_t type,
	const uint8_t public_key[32]) MUST_CHECK; /* ENT_EINVALID: not a key name */
int note_key_parse(struct bytes text, struct note_key *k) MUST_CHECK;
void note_key_text(char out[NOTE_VKEY_TEXT_MAX], const struct note_key *k);

/*
 * Looks for key's line. 1 when it stands there and holds, 0 when there is none (unknown pairs are
 * ignored), ENT_ECRYPTO when the known pair's signature fails: that sinks the whole note.
 * Type 01 only (ENT_ECRYPTO for a key of another type); cosignatures are merkle's.
 */
int note_verify(const struct note *n, const struct note_key *k) MUST_CHECK;

/* The line of the file where key's signature stands, for errors; 0 when there is none. */
unsigned note_key_line(const struct note *n, const struct note_key *k);

/* Appends a type 01 signature line for text; secret is a 64-byte libsodium Ed25519 secret key. */
void note_sign(struct buf *out, struct bytes text, const struct note_key *k,
	const uint8_t secret[64]);
/* Appends a signature line from its parts; blob at most 80 bytes. */
void note_signature_line(struct buf *out, struct bytes name, const uint8_t key_id[4],
	struct bytes blob);

/*
 * Writes a note or draft again with this key's signature as the last line; a line that the key had
 * there before goes, all others stay as they are. Does not look at what the text says.
 */
int note_sign_file(struct buf *out, struct bytes input, const char *file, const struct note_key *k,
	const uint8_t secret[64], struct err_text *err) MUST_CHECK;
