/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The publish door: what turns a claim into an entry of an own feed, or refuses it by rule. The
 * daemon and `publish --dry-run` run the same code; only the daemon writes.
 *
 * For each claim, in this order: marking (unmarked), audience (no-audience, and what decide()
 * says), canonical value, guard rails, then comparison with what stands already (unchanged).
 */
#pragma once

#include "base/arena.h"
#include "base/env.h"
#include "intake/seen.h"
#include "intel/guard.h"
#include "intel/object_id.h"
#include "keys/keydir.h"
#include "merkle/hash.h"
#include "policy/decide.h"
#include "proto/codec.h"
#include "proto/entry.h"
#include "proto/record_memo.h"
#include "store/store.h"

/* A claim on its way from a command to the daemon: one frame of a batch (intake_claim_encode). */
struct intake_claim {
	uint32_t line; /* of the input */
	uint8_t kind, tlp, pap, type, flags;
	uint64_t agreement; /* audience asked for: 0 for the community feed of its TLP */
	bool has_object;    /* retraction: object id known, no value */
	uint8_t object[OBJECT_ID_BYTES];
	struct bytes value; /* canonical; for an object its STIX id */
	struct bytes body;  /* encoded record body */
};

/* out fails when value or body is longer than an entry takes. */
void intake_claim_encode(struct buf *out, const struct intake_claim *c);
/* Views into the input. ENT_EINVALID: cut short or out of bounds. */
int intake_claim_decode(struct cursor *in, struct intake_claim *c) MUST_CHECK;

enum intake_verdict { INTAKE_PUBLISH, INTAKE_UNCHANGED, INTAKE_REFUSED };

struct intake {
	struct node_id self;
	uint64_t incarnation;
	const struct guard *guard;
	const struct agreement *const *agreements;
	size_t agreements_len;
	const char *const *lifted; /* --allow, NULL-terminated or NULL */
	struct intake_seen *seen;  /* what was said and may not be in the index yet, or NULL */
	uint64_t publication; /* which of those that share the set, from 1; 0: it has its own */
	const struct intake_mark *mark; /* the claim's, from intake_ahead, or NULL */
	struct record_memo *memo;       /* for bodies that are alike, or NULL */
	int64_t now_ms;
};

struct intake_result {
	enum intake_verdict verdict;
	const char *rule;         /* when refused */
	struct audience audience; /* when published or unchanged */
	bool stands;              /* unchanged: the store shows what stands there, */
	uint32_t standing;        /* and in which of its logs: of which incarnation */
	bool lifted;              /* only because a guard rail was lifted does it pass */
	const char *lifted_rule;
};

/* What can be done for a claim some claims before its turn: its mark in in->seen, whose place the
 * memory then fetches meanwhile. What it needs of the claim is views and holds as long as these. */
int intake_ahead(const struct intake *in, const struct intake_claim *c,
	struct intake_mark *mark) MUST_CHECK;

/*
 * Judges one claim against policy, guard rails and the store. reader may be NULL (nothing stands).
 * A claim whose has_object is set is looked up by that, another by its value. What the index does
 * not show yet must be in in->seen, which also takes the claim.
 * A retraction of what does not stand, or is retracted, is unchanged.
 * Fails only for reasons of the store or memory; ENT_ELIMIT when in->seen is full, or when
 * something may have been said of the same object that only the store can tell
 * (intake_seen_same): let the index catch up, empty the set, and judge this claim again.
 */
int intake_judge(const struct intake *in, struct store_reader *reader, const struct intake_claim *c,
	struct arena *a, struct intake_result *result) MUST_CHECK;

/*
 * Makes the packed entry but for its commitment: header with object id (of the value under the key,
 * or the claim's own), fresh salt. Appends to out.
 */
int intake_entry(const struct intake_claim *c, const struct object_key *key, int64_t now_ms,
	const struct env_rng *rng, struct buf *out) MUST_CHECK;
/* Gives the count entries in out the commitments that they lack, all together, for that is faster;
 * leaves gets their leaf hashes. */
void intake_commit(struct buf *out, size_t count, struct hash *leaves);

/*
 * True if a new body says nothing new over the standing one: it is the same byte for byte, or the
 * same in all but times while at least half of the standing claim's validity is left (DESIGN 7).
 */
bool intake_same(uint8_t kind, struct bytes standing, struct bytes fresh, int64_t now_ms,
	struct arena *a);

/*
 * The receive door for the index: the rule that hides an entry, or NULL. It only hides; own entries
 * have passed the publish door. indicator is NULL for what is none. The daemon and `reindex`
 * without it ask here, so that both give the same answers.
 */
const char *intake_hidden(const struct node_id *self, const struct guard *guard, int64_t now_s,
	const struct log_name *log, const struct entry_header *header,
	const struct record_indicator *indicator);
