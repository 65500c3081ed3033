/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Plain structs for every protobuf message, to and from bytes. The only code that knows nanopb.
 *
 * Decoded bytes fields are views into the input, which must outlive the struct. Lists are arrays
 * in the arena. Decoding checks every bound of limits.h, UTF-8 of what is text, and lengths of what
 * is an id or hash; a violation is ENT_EINVALID or ENT_ELIMIT. Unknown fields are skipped.
 * Encoding appends to a struct buf. ENT_EINVALID or ENT_ELIMIT for a struct out of bounds,
 * ENT_ELIMIT too when the buffer cannot take it; the buffer is then as long as before.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/name.h"
#include "proto/limits.h"

/* --- record bodies ---------------------------------------------------------------------------- */

struct record_reference {
	struct bytes source, external_id, url;
};

struct record_indicator {
	struct bytes value;
	bool has_confidence;
	uint32_t confidence;
	uint32_t credibility;
	uint64_t valid_from, valid_until, first_seen, last_seen; /* ms; 0: not given */
	const struct bytes *labels;
	size_t labels_len;
	const struct record_reference *references;
	size_t references_len;
	struct bytes name, description, lang;
	struct bytes rule, rule_language;
	struct bytes derived_log;    /* LOG_NAME_BYTES or empty */
	struct bytes derived_object; /* OBJECT_ID_BYTES or empty */
	uint32_t port;
	const struct bytes *recipients;
	size_t recipients_len;
};

struct record_object {
	struct bytes stix_id, stix_type, json;
	const struct bytes *recipients;
	size_t recipients_len;
};

struct record_retraction {
	struct bytes reason;
};

struct record_erasure {
	struct bytes reason;
	bool now;
};

struct record_succession {
	struct log_name old_log;
	uint64_t size;
	uint8_t root[32];
};

int record_indicator_encode(struct buf *out, const struct record_indicator *r) MUST_CHECK;
/* The same as encoding anew what body has, but for its value: body as record_indicator_encode wrote
 * it. Of the records of a list only the value differs. */
int record_indicator_with_value(struct buf *out, struct bytes body, struct bytes value) MUST_CHECK;
int record_indicator_decode(struct bytes body, struct arena *a,
	struct record_indicator *r) MUST_CHECK;
int record_object_encode(struct buf *out, const struct record_object *r) MUST_CHECK;
int record_object_decode(struct bytes body, struct arena *a, struct record_object *r) MUST_CHECK;
int record_retraction_encode(struct buf *out, const struct record_retraction *r) MUST_CHECK;
int record_retraction_decode(struct bytes body, struct record_retraction *r) MUST_CHECK;
int record_erasure_encode(struct buf *out, const struct record_erasure *r) MUST_CHECK;
int record_erasure_decode(struct bytes body, struct record_erasure *r) MUST_CHECK;
int record_succession_encode(struct buf *out, const struct record_succession *r) MUST_CHECK;
int record_succession_decode(struct bytes body, struct record_succession *r) MUST_CHECK;

/* --- messages of a session -------------------------------------------------------------------- */

enum wire_type {
	WIRE_HELLO = 1,
	WIRE_TERMS = 2,
	WIRE_CARDS = 3,
	WIRE_HEADS = 4,
	WIRE_HELD = 5,
	WIRE_SUBSCRIBE = 6,
	WIRE_UNSUBSCRIBE = 7,
	WIRE_DATA = 8,
	WIRE_CREDIT = 9,
	WIRE_PROOF_WANT = 10,
	WIRE_PROOF = 11,
	WIRE_PING = 12,
	WIRE_BYE = 13,
	WIRE_RECEIPT = 14,
	WIRE_WITNESS_WANT = 15,
	WIRE_WITNESS = 16,
	WIRE_SPLIT = 17,
	WIRE_BODIES_WANT = 18,
	WIRE_BODIES = 19,
	WIRE_REVOCATION = 20,
};

#define WIRE_VERSION      1
#define WIRE_PREFIX_BYTES 5 /* u32 payload length, u8 type */

struct wire_agreement {
	uint64_t id;
	uint32_t serial;
	uint8_t hash[32];
};

/* A checkpoint without its log's name. present false: the field was absent (then all zero). */
struct wire_checkpoint {
	bool present;
	uint64_t size;
	uint8_t root[32];
	uint8_t signature[64];
};

struct wire_hello {
	uint32_t version;
	uint32_t card_serial;
	const struct wire_agreement *agreements;
	size_t agreements_len;
	uint64_t credit;
	struct bytes software; /* printable ASCII */
	bool has_provenance;
	struct log_name provenance_log;
	struct wire_checkpoint provenance;
};

struct wire_terms {
	const struct wire_agreement *agreements;
	size_t agreements_len;
};

struct wire_cards {
	const struct bytes *cards; /* signed notes; CARD_CHAIN_MAX, each of CARD_BYTES_MAX */
	size_t cards_len;
};

struct wire_head {
	struct log_name feed;
	uint64_t floor;
	uint64_t held;
	struct wire_checkpoint newest;
};

struct wire_heads {
	const struct wire_head *heads;
	size_t heads_len;
};

struct wire_held {
	struct log_name feed;
	uint64_t size;
	uint8_t root[8];
};

struct wire_subscribe {
	struct log_name feed;
	uint64_t from;
};

struct wire_unsubscribe {
	struct log_name feed;
};

struct wire_data {
	struct log_name feed;
	uint64_t start;
	uint32_t count;
	struct wire_checkpoint checkpoint;
	const uint8_t (*right)[32];
	size_t right_len;
	const uint8_t (*left)[32];
	size_t left_len;
	struct bytes entries;
};

struct wire_credit {
	uint64_t bytes;
};

struct wire_proof_want {
	struct log_name feed;
	uint64_t first, second;
};

struct wire_proof {
	struct log_name feed;
	uint64_t first, second;
	const uint8_t (*hashes)[32];
	size_t hashes_len;
	struct wire_checkpoint checkpoint;
};

/* The sender durably holds the feed up to this checkpoint of its origin. */
struct wire_receipt {
	struct log_name feed;
	struct wire_checkpoint checkpoint; /* present, size not 0 */
	uint64_t time;                     /* s, 1 to 2^63 - 1 */
	uint8_t signature[64];
};

/* The sender's own log of acts has grown; its size is not 0. */
struct wire_witness_want {
	struct log_name log; /* a provenance log */
	struct wire_checkpoint checkpoint;
};

/* The sender has seen the receiver's log of acts up to here, consistent with all before. */
struct wire_witness {
	struct log_name log; /* a provenance log */
	uint64_t size;
	uint8_t root[32];
	uint64_t time;
	uint8_t signature[64];
	uint8_t log_signature[64]; /* of the checkpoint, by its log's key */
};

/* Two checkpoints of one log that cannot both be true (PROTOCOL.md, "Split views"). */
struct wire_split {
	struct log_name feed;
	struct wire_checkpoint first, second; /* both present, in order of size */
	const uint8_t (*hashes)[32];          /* none for equal sizes */
	size_t hashes_len;
};

/* Entries of which the sender has no body, though nothing says that it was erased. */
struct wire_bodies_want {
	struct log_name feed;
	const uint64_t *indexes; /* 1 to WIRE_BODIES_MAX, ascending */
	size_t indexes_len;
};

/* What the sender has of them. */
struct wire_body {
	uint64_t index;
	uint8_t salt[ENTRY_SALT_BYTES];
	struct bytes body;
};
struct wire_bodies {
	struct log_name feed;
	const struct wire_body *bodies; /* 0 to WIRE_BODIES_MAX, ascending */
	size_t bodies_len;
};

/* The end of an agreement, as a party has signed it. */
struct wire_revocation {
	struct bytes note; /* 1 to REVOCATION_BYTES_MAX bytes */
};

struct wire_bye {
	uint32_t reason; /* enum wire_bye_reason; unknown numbers are allowed */
};

enum wire_bye_reason {
	BYE_STOPPING = 0,   /* the node stops */
	BYE_REPLACED = 1,   /* a newer session takes over */
	BYE_ENDED = 2,      /* no agreement is in force any more */
	BYE_MISBEHAVED = 3, /* the other side broke the protocol */
	BYE_VERSION = 4,
};

struct wire_message {
	enum wire_type type;
	union {
		struct wire_hello hello;
		struct wire_terms terms;
		struct wire_cards cards;
		struct wire_heads heads;
		struct wire_held held;
		struct wire_subscribe subscribe;
		struct wire_unsubscribe unsubscribe;
		struct wire_data data;
		struct wire_credit credit;
		struct wire_proof_want proof_want;
		struct wire_proof proof;
		struct wire_bye bye;
		struct wire_receipt receipt;
		struct wire_witness_want witness_want;
		struct wire_witness witness;
		struct wire_split split;
		struct wire_bodies_want bodies_want;
		struct wire_bodies bodies;
		struct wire_revocation revocation;
	};
};

/* Appends prefix and payload. */
int wire_encode(struct buf *out, const struct wire_message *m) MUST_CHECK;

/*
 * Decodes a payload of the given type. An unknown type gives ENT_EVERSION: the caller skips it.
 * Feeds in messages are never local logs, and provenance logs only where they are asked about
 * (PROOF_WANT, PROOF, WITNESS_WANT, WITNESS): else such a name is ENT_EINVALID.
 */
int wire_decode(uint8_t type, struct bytes payload, struct arena *a,
	struct wire_message *m) MUST_CHECK;

/* --- provenance ------------------------------------------------------------------------------- */

struct act_body {
	uint32_t act; /* enum act of node/provenance */
	bool has_peer;
	struct node_id peer;
	struct bytes session; /* 16 bytes or empty */
	const struct wire_agreement *terms;
	size_t terms_len;
	bool has_log;
	struct log_name log;
	uint64_t from, to;
	struct bytes root; /* 32 bytes or empty */
	struct bytes rule;
	struct bytes operator_name;
	struct bytes hash; /* 32 bytes or empty */
	struct bytes salt; /* 16 bytes or empty */
	uint64_t count;
	struct bytes publication; /* 8 to 16 bytes or empty */
	struct bytes text;
	uint32_t serial;
};

int act_body_encode(struct buf *out, const struct act_body *act) MUST_CHECK;
int act_body_decode(struct bytes body, struct arena *a, struct act_body *act) MUST_CHECK;
