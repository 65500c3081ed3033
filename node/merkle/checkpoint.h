/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Checkpoints (c2sp.org/tlog-checkpoint) and cosignatures (c2sp.org/tlog-cosignature, Ed25519,
 * "cosignature/v1"). A checkpoint here never has extension lines, so it is its log's name, size,
 * root and signature, and its note follows from them byte for byte. The key name of the log's
 * signature line is the origin line.
 */
#pragma once

#include "base/buf.h"
#include "base/name.h"
#include "keys/note.h"
#include "merkle/hash.h"
#include "proto/codec.h"

#define CHECKPOINT_SIGNATURE_BYTES 64

struct checkpoint {
	struct log_name log;
	uint64_t size; /* never 0 when signed */
	struct hash root;
	uint8_t signature[CHECKPOINT_SIGNATURE_BYTES];
};

/* Appends the three lines under the signature. */
void checkpoint_text(struct buf *out, const struct log_name *log, uint64_t size,
	const struct hash *root);

/* Signs; secret is the log key of the incarnation (Ed25519, 64-byte libsodium secret key).
 * Asserts size > 0. */
void checkpoint_sign(struct checkpoint *c, const uint8_t secret[64]);

/* 0 or ENT_ECRYPTO (also for size 0). public_key: that of the card chain for this incarnation,
 * or NULL, where it names none: then nobody has signed. */
int checkpoint_verify(const struct checkpoint *c, const uint8_t public_key[32]) MUST_CHECK;

/* The whole signed note, without cosignatures. public_key gives the key id. */
void checkpoint_note(struct buf *out, const struct checkpoint *c, const uint8_t public_key[32]);

/*
 * Reads a note strictly: canonical decimals and base64, no extension lines, exactly one signature
 * line whose name is the origin line; others are kept in *note. The signature is not verified.
 */
int checkpoint_parse(struct bytes text, struct checkpoint *c, struct note *note) MUST_CHECK;

/* To and from the form that messages carry. */
void checkpoint_to_wire(struct wire_checkpoint *w, const struct checkpoint *c);
void checkpoint_from_wire(struct checkpoint *c, const struct log_name *log,
	const struct wire_checkpoint *w);

/* cosignature/v1: u64 big-endian POSIX seconds and an Ed25519 signature over
 * "cosignature/v1\ntime <seconds>\n" and the checkpoint's text. */
struct cosignature {
	uint64_t time;
	uint8_t signature[64];
};

static inline struct cosignature cosignature_from_wire(uint64_t time, const uint8_t signature[64])
{
	struct cosignature s = {.time = time};

	memcpy(s.signature, signature, sizeof(s.signature));
	return s;
}

void cosignature_sign(struct cosignature *s, const struct checkpoint *c, uint64_t time,
	const uint8_t secret[64]);
int cosignature_verify(const struct cosignature *s, const struct checkpoint *c,
	const uint8_t public_key[32]) MUST_CHECK;
