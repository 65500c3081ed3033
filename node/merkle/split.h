/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Proof of a split view (PROTOCOL.md, "Split views"): two checkpoints that one log key has signed
 * over one log and that cannot both be true. Of equal sizes the pair is the proof; of unequal ones
 * the hashes for (first, second) belong to it. It takes two valid signatures of the accused, so
 * nobody can be framed, and whoever has the log key can check it from the proof alone.
 */
#pragma once

#include "base/buf.h"
#include "merkle/checkpoint.h"
#include "merkle/proof.h"

/* The file: head, two notes, at most PROOF_HASHES_MAX lines of hashes. */
#define SPLIT_TEXT_MAX 16384u

struct split {
	struct checkpoint first, second; /* first.size <= second.size */
	size_t hashes_len;
	struct hash hashes[PROOF_HASHES_MAX]; /* seed explicit; none for equal sizes */
};

/*
 * 0: the log's key has signed two histories. ENT_ECRYPTO: it has not signed both checkpoints.
 * ENT_EPROOF: both may be true, or the proof is not one of this log. Any input is safe.
 */
int split_verify(const struct split *s, const uint8_t log_key[32]) MUST_CHECK;

void split_to_wire(struct wire_split *w, const struct split *s);
void split_from_wire(struct split *s, const struct wire_split *w);

/*
 * The file that travels by hand:
 *
 *     entente/split/v1
 *     log: <origin line>
 *     key: <vkey of the log key, named by the origin line>
 *     hash: <base64>            0 to PROOF_HASHES_MAX
 *     ----
 *     <note of the first checkpoint>
 *     ----
 *     <note of the second checkpoint>
 */
void split_text(struct buf *out, const struct split *s, const uint8_t log_key[32]);

/* Reads it strictly: what it takes, split_text writes back byte for byte. Verifies nothing; log_key
 * gets the key that the file names, whosever it is. ENT_EINVALID: err names file, line, what was
 * seen and what was wanted. */
int split_parse(struct bytes text, const char *file, struct split *s, uint8_t log_key[32],
	struct err_text *err) MUST_CHECK;
