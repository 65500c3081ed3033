/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Bundles: what a node hands over to an auditor, one file (docs/AUDIT.md, "The file", which
 * suffices to write another reader). `entente audit export` writes them, `entente-audit` reads
 * them; here are the frames, and nothing that opens a file.
 *
 *     "entente/audit/v1" LF
 *     frame...                 u8 kind, u32 length, payload
 *     frame of kind END        the digest of all before
 *
 * The digest is a chain: d = SHA-256(first line), then for each frame d = SHA-256(d || frame). So
 * no byte is uncovered. It shows damage; what a node did is shown by the signatures inside.
 */
#pragma once

#include "base/buf.h"
#include "base/cursor.h"
#include "merkle/checkpoint.h"
#include "merkle/range.h"
#include "proto/entry.h"

#define BUNDLE_MAGIC       "entente/audit/v1\n"
#define BUNDLE_MAGIC_BYTES (sizeof(BUNDLE_MAGIC) - 1)
#define BUNDLE_HEAD_BYTES  5u /* kind and length of a frame */
/* A chain of cards, or a batch of entries: as large as a message at the most. */
#define BUNDLE_FRAME_MAX (2u * 1024u * 1024u)

enum bundle_frame {
	BUNDLE_ABOUT = 1,       /* first, once */
	BUNDLE_CARDS = 2,       /* introducer (16; zeros: none), chain as in a card file */
	BUNDLE_AGREEMENT = 3,   /* note */
	BUNDLE_REVOCATION = 4,  /* note */
	BUNDLE_WITNESS = 5,     /* what the node has cosigned of a peer's log of acts */
	BUNDLE_LOG = 6,         /* begins a log; the kinds below are of the log at hand */
	BUNDLE_COSIGNATURE = 7, /* receipt of a feed, or of a witness */
	BUNDLE_SPLIT = 8,       /* payload of SPLIT */
	BUNDLE_ENTRIES = 9,
	BUNDLE_END = 10,    /* digest (32) */
	BUNDLE_ROSTER = 11, /* note; beside the agreements */
};

/* State of an entry behind its header, besides those of proto/entry.h: the body is there, and was
 * not handed over. */
#define BUNDLE_STATE_KEPT     2

#define BUNDLE_FLAG_BODIES    1u /* of ABOUT: with all bodies */
#define BUNDLE_FLAG_OPENED    2u /* with single ones */
#define BUNDLE_FLAG_FROZEN    1u /* of LOG */
#define BUNDLE_FLAG_SIGNED    2u /* has a checkpoint */
#define BUNDLE_FLAG_DIFFERS   1u /* of COSIGNATURE: the root is not that of the tree here */
#define BUNDLE_FLAG_REWRITTEN 1u /* of WITNESS: `other` is there */

struct bundle_about {
	struct node_id node;
	int64_t made_ms, since_ms, until_ms; /* 0: without bound */
	uint8_t flags;
	struct bytes software;
};

struct bundle_witness {
	uint8_t flags;
	uint64_t time; /* of the cosignature, s */
	struct checkpoint checkpoint, other;
};

/*
 * A log: entries [from, to) follow; left is the compact range [0, from), right that of
 * [to, checkpoint.size), so that the three lead to the signed root. Own logs are handed over to
 * their end, which may lie behind the newest checkpoint that is stored: then right is empty.
 */
struct bundle_log {
	struct log_name name;
	uint8_t flags;
	uint64_t size, floor, from, to;
	struct checkpoint checkpoint; /* the newest that lies within what is held */
	struct range left, right;
};

struct bundle_cosignature {
	struct node_id node;
	uint8_t flags;
	struct checkpoint checkpoint;
	struct cosignature cosignature;
};

/* Entries that came together. */
struct bundle_entries {
	uint64_t first;
	struct node_id via; /* zeros: own */
	int64_t received_ms;
	uint32_t count;
	struct bytes packed;
};
#define BUNDLE_ENTRIES_BYTES (8 + NODE_ID_BYTES + 8 + 4)

/* An entry as bundles have it. */
struct bundle_entry {
	struct bytes leaf, salt, body; /* salt and body empty unless they are here */
	uint8_t state;
};

/* Begins a frame at the end of out; end fills in its length. One at a time. */
size_t bundle_begin(struct buf *out, enum bundle_frame kind);
void bundle_end(struct buf *out, size_t begun);

void bundle_about_put(struct buf *out, const struct bundle_about *a);
void bundle_witness_put(struct buf *out, const struct bundle_witness *w);
void bundle_log_put(struct buf *out, const struct bundle_log *log);
void bundle_cosignature_put(struct buf *out, const struct bundle_cosignature *c);
/* What stands in front of the packed entries. */
void bundle_entries_head(uint8_t out[BUNDLE_ENTRIES_BYTES], const struct bundle_entries *e);

/* Payloads; ENT_EINVALID. Views into the payload. */
int bundle_about_read(struct bytes payload, struct bundle_about *a) MUST_CHECK;
int bundle_witness_read(struct bytes payload, struct bundle_witness *w) MUST_CHECK;
int bundle_log_read(struct bytes payload, struct bundle_log *log) MUST_CHECK;
int bundle_cosignature_read(struct bytes payload, const struct log_name *log,
	struct bundle_cosignature *c) MUST_CHECK;
int bundle_entries_read(struct bytes payload, struct bundle_entries *e) MUST_CHECK;
int bundle_entry_next(struct cursor *c, struct bundle_entry *e) MUST_CHECK;

/* The digest so far: of the first line, then over each frame as a whole. */
void bundle_digest_begin(struct hash *digest);
void bundle_digest_add(struct hash *digest, struct bytes frame);
