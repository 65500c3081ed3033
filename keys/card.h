/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Cards: a node's root-signed description of itself and its keys (PROTOCOL.md, "Cards"). Cards only
 * move forward and travel as the whole chain from the first root; the chain is what says which key
 * belongs to which incarnation and role.
 */
#pragma once

#include "base/name.h"
#include "keys/note.h"
#include "proto/limits.h"

#define CARD_FIELD_MAX 256

struct card_log {
	uint64_t incarnation;
	struct note_key key; /* named "entente/<node id>/log" in the card */
};

struct card {
	struct node_id node;
	char name[CARD_FIELD_MAX];
	char org[CARD_FIELD_MAX];
	uint32_t serial;
	struct note_key root;
	uint8_t next_root[32]; /* SHA-256 of the next root's public key */
	size_t logs_len;
	struct card_log logs[CARD_LOGS_MAX]; /* in order of incarnation, newest last */
	struct note_key receipt;
	struct note_key witness;
	uint8_t transport[32]; /* X25519 */
	size_t endpoints_len;
	char endpoints[CARD_ENDPOINTS_MAX][CARD_FIELD_MAX]; /* host:port or [v6]:port */
	size_t contacts_len;
	char contacts[CARD_CONTACTS_MAX][CARD_FIELD_MAX];
	int64_t valid_from, valid_until; /* UTC seconds; bounds sessions, never checkpoints */
	bool has_previous;
	uint8_t previous[32]; /* SHA-256 of the previous card's text */
	uint8_t hash[32];     /* SHA-256 of this card's text, computed */
};

/* Appends the text (without signatures) of a card. */
void card_text(struct buf *out, const struct card *c);

/* Parses and verifies one card: form, fields, the root's signature (ENT_ECRYPTO), and for a first
 * card that the node id is that of its root. */
int card_parse(struct bytes note, const char *file, struct card *c, struct err_text *err) MUST_CHECK;

/*
 * A chain of cards of one node, verified link by link: serials grow, previous hashes match, each is
 * signed by its root, a changed root is the one committed to in next-root, logs are only added.
 * Also knows each card's note as received, to pass it on.
 */
struct card_chain {
	size_t cards_len;
	struct card *cards;     /* first card first; the last is in force */
	struct bytes *notes;    /* as received */
	struct arena *arena;    /* of both; the caller's */
};

struct arena;

int card_chain_parse(const struct bytes *notes, size_t notes_len, const char *file, struct arena *a,
	struct card_chain *chain, struct err_text *err) MUST_CHECK;

/*
 * Files carry a chain as notes one after the other, separated by one line "----".
 * card_chain_read splits and parses; card_chain_write appends.
 */
int card_chain_read(struct bytes text, const char *file, struct arena *a, struct card_chain *chain,
	struct err_text *err) MUST_CHECK;
void card_chain_write(struct buf *out, const struct card_chain *chain);

static inline const struct card *card_chain_last(const struct card_chain *chain)
{
	return &chain->cards[chain->cards_len - 1];
}

/* The log key of an incarnation; NULL when the card names no such one. */
const struct note_key *card_log_key(const struct card *c, uint64_t incarnation);

/*
 * What a newly seen chain is to the one known (same node): CARD_SAME, CARD_OLDER (a prefix of it),
 * CARD_NEWER (it is a prefix of the new one, or the new one's root rotation beats it, DESIGN 4),
 * CARD_CONTRADICTS (two chains that differ in any other way: freeze the origin).
 */
enum card_relation { CARD_SAME, CARD_OLDER, CARD_NEWER, CARD_CONTRADICTS };
enum card_relation card_chain_compare(const struct card_chain *known, const struct card_chain *seen);
