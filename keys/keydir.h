/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keys directory of a node: what it knows of itself, of other nodes' cards and of agreements.
 *
 *     keys/root.key  keys/next-root.key  keys/node.key     secrets (0600)
 *     keys/own.card                                        own chain
 *     keys/cards/<node id>.card                            direct peers' chains, placed by people
 *     keys/agreements/<id>.agreement                       complete agreements
 *     keys/agreements/<id>.<node id>.revocation
 *     keys/psk/<id>                                        pre-shared keys (0600)
 *     keys/history/<id>.<serial>.agreement                 every version ever in force, kept for
 * binding
 *
 * Reading never changes anything. A broken file keeps the last valid version in force (the caller
 * passes the former state) and yields an alarm. An id is bound to its set of parties for ever
 * (history); a lower serial than history knows is refused.
 */
#pragma once

#include "base/arena.h"
#include "keys/agreement.h"
#include "keys/card.h"

struct keydir_problem {
	char file[512];
	struct err_text error;
};

struct keydir {
	struct arena arena;    /* of everything below */
	struct card_chain own; /* cards_len 0: no card yet */
	size_t chains_len;
	struct card_chain *chains; /* peers' chains */
	size_t agreements_len;
	struct agreement *
		*agreements; /* complete, this node a party, not revoked; in time or not */
	struct bytes *agreement_notes; /* as read, parallel to agreements */
	size_t problems_len;
	struct keydir_problem *problems;
};

/*
 * Reads the directory afresh. former (may be NULL) is the state before: what it had stays in force
 * where the new file is broken. The former state may be freed afterwards.
 * ENT_EIO when the directory itself cannot be read.
 */
int keydir_read(struct keydir *k, const char *dir, const struct keydir *former,
	struct err_text *err) MUST_CHECK;
void keydir_free(struct keydir *k);

/* NULL when unknown. keydir_card finds own and peers' cards by node id. */
const struct card_chain *keydir_chain(const struct keydir *k, const struct node_id *node);
const struct agreement *keydir_agreement(const struct keydir *k, uint64_t id);

/* The PSK of an id into out; 0, ENT_ENOTFOUND, ENT_EINVALID (mode, length). */
int keydir_psk(const char *dir, const uint8_t id[8], uint8_t out[32],
	struct err_text *err) MUST_CHECK;

/*
 * Installs a complete agreement with the chains of its other parties (in any order), after checking
 * all: signatures of all roots in force, this node a party, id binding, serial not lower than
 * known, not expired. Nothing is written unless everything holds. History is written first.
 */
int keydir_install(const char *dir, struct bytes agreement_note, const char *agreement_file,
	const struct bytes *chain_texts, const char *const *chain_files, size_t chains_len,
	int64_t now_s, struct err_text *err) MUST_CHECK;
