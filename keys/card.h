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
#define CARD_SEPARATOR "----" /* the line between the cards of a chain in a file */

struct identity;
struct root_key;

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

/*
 * The text, strict: these lines in this order, one space behind the colon, nothing else.
 *
 *     entente/card/v1
 *     node: <node id>
 *     name: <a-z, 0-9, "-">                short, for people
 *     org: ...
 *     serial: <number>                     from 1
 *     root: <vkey>                         vkeys are named entente/<node id>/<role>
 *     next-root: sha256:<hex>              of the next root's public key
 *     log: <incarnation> <vkey>            1 to CARD_LOGS_MAX, in order of incarnation
 *     receipt: <vkey>                      receipt and witness of type 04, the others of type 01
 *     witness: <vkey>
 *     transport: x25519:<base64>
 *     endpoint: <host:port or [v6]:port>   0 to CARD_ENDPOINTS_MAX
 *     contact: ...                         0 to CARD_CONTACTS_MAX
 *     valid: <from> <until>                2026-11-22T00:00:00Z
 *     previous: sha256:<hex>               not in the first card; hash of the previous card's text
 *
 * Whoever fills a struct card from outside (a command line) parses its text again before signing.
 */

/* Sets receipt, witness and transport key, and adds the log key unless the card names its
 * incarnation. The node id must be set. ENT_ELIMIT when there are too many incarnations. */
int card_set_keys(struct card *c, const struct identity *id) MUST_CHECK;

/* The card to follow this one: the same with the next serial and the link back. */
void card_next(struct card *next, const struct card *last);

/* Parses and verifies one card: form, fields, the root's signature (ENT_ECRYPTO), and for a first
 * card that the node id is that of its root. */
int card_parse(struct bytes note, const char *file, struct card *c,
	struct err_text *err) MUST_CHECK;

/* The same for a card that its root may not have signed yet; *is_signed tells. A signature of the
 * root that stands there and fails is ENT_ECRYPTO nonetheless. */
int card_draft_parse(struct bytes input, const char *file, struct card *c, bool *is_signed,
	struct err_text *err) MUST_CHECK;

/* Writes a card or draft again under its root's signature. ENT_ECRYPTO when root is not the root
 * that the card names. */
int card_sign(struct buf *out, struct bytes input, const char *file, const struct root_key *root,
	struct err_text *err) MUST_CHECK;

/* host:port with a name or IPv4 address, or [IPv6 address]:port. */
bool card_endpoint_valid(const char *text);

/*
 * A chain of cards of one node, verified link by link: serials grow, previous hashes match, each is
 * signed by its root, a changed root is the one committed to in next-root, logs are only added.
 * Also knows each card's note as received, to pass it on.
 */
struct card_chain {
	size_t cards_len;
	struct card *cards;  /* first card first; the last is in force */
	struct bytes *notes; /* as received */
	struct arena *arena; /* of both; the caller's */
};

struct arena;

int card_chain_parse(const struct bytes *notes, size_t notes_len, const char *file, struct arena *a,
	struct card_chain *chain, struct err_text *err) MUST_CHECK;

/* A copy, all of it in the arena; false when out of memory. */
bool card_chain_copy(struct card_chain *to, const struct card_chain *from, struct arena *a);

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
 * The card whose transport key the one in force has replaced, and in *since the card that brought
 * the new key; NULL when the key never changed. A former key that was seen again later is none.
 */
const struct card *card_chain_former(const struct card_chain *chain, const struct card **since);

/*
 * Whose transport key is this (DESIGN 4)? CARD_KEY_FORMER: of the card before the change, within
 * CARD_FORMER_S of the new one's begin, as long as the node has not named that new serial itself
 * (named: the highest it has named; 0: none).
 */
enum card_key { CARD_KEY_NONE, CARD_KEY_CURRENT, CARD_KEY_FORMER };
#define CARD_FORMER_S (30 * 86400)
enum card_key card_chain_transport(const struct card_chain *chain, const uint8_t transport[32],
	uint32_t named, int64_t now_s);

/* Does one name a transport key, in force or former, that the other names? */
bool card_chain_same_transport(const struct card_chain *a, const struct card_chain *b);

/*
 * What a newly seen chain is to the one known (same node): CARD_SAME, CARD_OLDER (a prefix of it),
 * CARD_NEWER (it is a prefix of the new one, or the new one's root rotation beats it, DESIGN 4),
 * CARD_CONTRADICTS (two chains that differ in any other way: freeze the origin).
 */
enum card_relation { CARD_SAME, CARD_OLDER, CARD_NEWER, CARD_CONTRADICTS };
enum card_relation card_chain_compare(const struct card_chain *known,
	const struct card_chain *seen);

/* How many cards two chains have in common, from the first on. */
size_t card_chain_shared(const struct card_chain *a, const struct card_chain *b);
