/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Agreements: the text that all parties signed (PROTOCOL.md, "Agreements"). Keys stand in this
 * order, parties in the same order everywhere; one space behind the colon, nothing else:
 *
 *     entente/agreement/v1
 *     id: <16 hex>
 *     serial: <number>                     from 1
 *     title: ...
 *     legal: ...                           "-" for nothing
 *     party: NAME <node id> <root vkey>    2 to 64; NAME of a-z, 0-9 and "-"
 *     gives NAME: clear green ...          for each party; TLPs from open to strict, or none
 *     types NAME: ...                      for each party; "*", types in order of number, or none
 *     purposes: ...                        cyber-defence law-enforcement victim-notification
 *     permitted-actions: ...               one name of IEP 2.0
 *     attribution: may | must | must-not
 *     affected-party-notifications: may | must-not
 *     unmodified-resale: may | must-not
 *     introduces: NAME ... | none
 *     quota NAME: <n> records/day <n> GiB/day <n> origins          for each party
 *     retain: 365d                         durations and sizes: keys/amount.h
 *     erase-within: 72h
 *     recall-within: 15m
 *     after-end: keep | erase 30d
 *     psk: <16 hex> | none
 *     contact NAME: ...                    for each party; "-" for nothing
 *     valid: <from> <until>                2026-11-22T00:00:00Z
 *     note: ...                            any number, each at most 511 bytes
 */
#pragma once

#include "base/name.h"
#include "base/vocab.h"
#include "keys/note.h"
#include "proto/limits.h"

#define AGREEMENT_FIELD_MAX 512
#define PARTY_NAME_MAX      64

struct arena;
struct card;
struct card_chain;
struct root_key;

struct agreement_party {
	char name[PARTY_NAME_MAX]; /* valid in this text only */
	struct node_id node;
	struct note_key root;
	uint32_t gives;  /* TLP_BIT set: what it lets pass on the link */
	uint32_t types;  /* TYPE_BIT set of its own feed for this agreement; TYPE_BITS_ALL for * */
	bool introduces; /* the others accept its introductions of further origins */
	uint64_t quota_records_day, quota_bytes_day, quota_origins;
	char contact[AGREEMENT_FIELD_MAX];
	bool signed_by; /* a valid signature of root stands under the text */
};

struct agreement {
	uint64_t id;
	uint32_t serial;
	char title[AGREEMENT_FIELD_MAX];
	char legal[AGREEMENT_FIELD_MAX];
	size_t parties_len;
	struct agreement_party *parties; /* in the arena given to the parser */
	char purposes[AGREEMENT_FIELD_MAX];
	char permitted_actions[AGREEMENT_FIELD_MAX];
	char attribution[16];
	char affected_party_notifications[16];
	char unmodified_resale[16];
	int64_t retain_s, erase_within_s, recall_within_s;
	bool after_end_keep;
	int64_t after_end_erase_s; /* when not keep */
	bool has_psk;
	uint8_t psk_id[8];
	int64_t valid_from, valid_until; /* UTC seconds */
	struct bytes notes; /* the note: lines as they stand; in the arena given to the parser */
	uint8_t hash[32];   /* SHA-256 of the text, computed */
	size_t signatures_valid;
};

void agreement_text(struct buf *out, const struct agreement *a);

/* What stands behind "quota NAME: ". */
bool agreement_quota_parse(struct bytes text, struct agreement_party *p) MUST_CHECK;

/*
 * A draft between the nodes of these cards, to be changed where it shall differ: names, roots and
 * first contacts from the cards, every party gives clear and green, all types, no introductions;
 * kept for a year, erased within 72 hours, recalled within 15 minutes, after the end erased within
 * 30 days. ENT_EINVALID (two cards of one node or name, fewer than two or too many), ENT_ENOMEM.
 * Whoever fills in text from outside parses what agreement_text gives before anybody signs it.
 */
int agreement_draft(struct agreement *a, struct arena *arena, const struct card *const *cards,
	size_t cards_len, uint64_t id, int64_t from, int64_t until,
	struct err_text *err) MUST_CHECK;

/* Writes an agreement or draft again with the signature of the party whose root this is (replacing
 * an earlier one). ENT_ECRYPTO when no party has this root. */
int agreement_sign(struct buf *out, struct bytes input, const char *file,
	const struct root_key *root, struct err_text *err) MUST_CHECK;

/*
 * Form and fields, and which parties' signatures stand and hold; a known party's signature that
 * fails sinks the file (ENT_ECRYPTO). Missing signatures are no error here, all of them may
 * be missing (a draft): see signatures_valid and each party's signed_by.
 */
int agreement_parse(struct bytes note, const char *file, struct arena *arena, struct agreement *a,
	struct err_text *err) MUST_CHECK;

/* A copy, all of it in the arena; false when out of memory. */
bool agreement_copy(struct agreement *to, const struct agreement *from, struct arena *arena);

static inline bool agreement_complete(const struct agreement *a)
{
	return a->signatures_valid == a->parties_len;
}

static inline bool agreement_in_time(const struct agreement *a, int64_t now_s)
{
	return now_s >= a->valid_from && now_s < a->valid_until;
}

/* Lines of the text, from 1, for errors: a text has one spelling, so they follow from the fields.
 * */
unsigned agreement_line_party(const struct agreement *a, size_t party);
unsigned agreement_line_valid(const struct agreement *a);
unsigned agreement_line_signatures(const struct agreement *a);

/* NULL when the node is no party. */
const struct agreement_party *agreement_party_of(const struct agreement *a,
	const struct node_id *node);

/* True if both name the same set of parties by node id: what binds an id. */
bool agreement_same_parties(const struct agreement *a, const struct agreement *b);

/*
 * A revocation: a note of the text
 *     entente/revocation/v1
 *     agreement: <id>
 *     node: <node id>
 *     time: <RFC 3339>
 * signed by that party's root as the agreement names it, or by a root that a card of the party's
 * chain names: what was revoked stays so when roots are rotated. It ends the agreement everywhere;
 * that an old root may do so too errs on the side of giving nothing.
 */
struct revocation {
	uint64_t agreement;
	struct node_id node;
	int64_t time;
};
void revocation_text(struct buf *out, const struct revocation *r);
/* The form alone. */
int revocation_read(struct bytes note, const char *file, struct revocation *r,
	struct err_text *err) MUST_CHECK;
/*
 * Form and signature. a is the agreement that it must be about; chain (may be NULL) the cards of
 * the node that it names. ENT_EINVALID: malformed, about another agreement, or of no party;
 * ENT_ENOTFOUND: not signed by a root that is known here; ENT_ECRYPTO: a signature that does not
 * hold.
 */
int revocation_parse(struct bytes note, const char *file, const struct agreement *a,
	const struct card_chain *chain, struct revocation *r, struct err_text *err) MUST_CHECK;

/* Fingerprint of text and roots, in words, to compare by phone: eight words of a list of 256
 * two-syllable words, from SHA-256("entente/words/1\n" || text hash || roots in order of party). */
void agreement_words(const struct agreement *a, struct buf *out);
