/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rosters: a list of nodes that counts when k of n named roots have signed it (PROTOCOL.md,
 * "Rosters"). A node whose operator has accepted a roster takes feeds of its members from any peer
 * that passes their cards on, without an introduction. Lines in this order:
 *
 *     entente/roster/v1
 *     id: <16 hex>
 *     serial: <number>                     from 1
 *     title: ...
 *     threshold: <k>                       1 to the number of signers
 *     signer: NAME <node id> <root vkey>   1 to ROSTER_SIGNERS_MAX
 *     member: NAME <node id> <root vkey>   0 to ROSTER_MEMBERS_MAX; a signer may be one
 *     valid: <from> <until>
 */
#pragma once

#include "base/name.h"
#include "keys/agreement.h"
#include "keys/card.h"

struct roster_line {
	char name[PARTY_NAME_MAX]; /* valid in this text only */
	struct node_id node;
	struct note_key root;
	bool signed_by; /* of a signer: a valid signature of root stands under the text */
};

struct roster {
	uint64_t id;
	uint32_t serial;
	char title[AGREEMENT_FIELD_MAX];
	uint32_t threshold;
	size_t signers_len, members_len;
	struct roster_line *signers, *members; /* in the arena given to the parser */
	int64_t valid_from, valid_until;       /* UTC seconds */
	uint8_t hash[32];                      /* SHA-256 of the text, computed */
	size_t signatures_valid;
};

void roster_text(struct buf *out, const struct roster *r);

/* Form and fields, and whose signatures stand and hold; a signer's signature that fails sinks the
 * file (ENT_ECRYPTO). Missing ones are no error here: see roster_complete. */
int roster_parse(struct bytes note, const char *file, struct arena *arena, struct roster *r,
	struct err_text *err) MUST_CHECK;

/* Writes a roster or draft again with the signature of the signer whose root this is. ENT_ECRYPTO
 * when it is no signer's. */
int roster_sign(struct buf *out, struct bytes input, const char *file, const struct root_key *root,
	struct err_text *err) MUST_CHECK;

static inline bool roster_complete(const struct roster *r)
{
	return r->signatures_valid >= r->threshold;
}

static inline bool roster_in_time(const struct roster *r, int64_t now_s)
{
	return now_s >= r->valid_from && now_s < r->valid_until;
}

/*
 * Whether this complete roster may take the place of the one before, of the same id: the same text,
 * or a higher serial that also bears the signatures of as many of the former signers as the former
 * threshold says. So nobody but they can hand the list on. ENT_EINVALID, ENT_ECRYPTO.
 */
int roster_follows(const struct roster *before, const struct roster *r, struct bytes note,
	const char *file, struct err_text *err) MUST_CHECK;

/* Does it name the node? */
bool roster_names(const struct roster *r, const struct node_id *node);
/* Does it list the node of this chain, under one of the chain's roots? */
bool roster_lists(const struct roster *r, const struct card_chain *chain);
