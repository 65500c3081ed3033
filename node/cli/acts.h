/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * This node's own account of what it did, from its provenance logs, and what peers have cosigned:
 * for commands that read them.
 */
#pragma once

#include "cli/cli.h"
#include "provenance/act.h"

/*
 * Calls visit for every act of this node, oldest first, over all its provenance logs: a restored
 * node starts a new one (DESIGN 11), together they are one history, each act of it once. An entry
 * that this version does not read comes as an act of number 0. Views die with the call. 0, the
 * visitor's value if not 0, or an ENT_E. After cli_need_store, and only with a card.
 */
int acts_each(struct cli *c,
	int (*visit)(void *ctx, uint64_t index, uint64_t time_ms, const struct act_body *act),
	void *ctx) MUST_CHECK;

/* The newest of this node's provenance logs. ENT_ENOTFOUND. */
int acts_log_newest(struct cli *c, struct store_log *log) MUST_CHECK;

/* When it was signed, as its signer says: cut at the end of year 9999, which can be printed. */
static inline int64_t receipt_time_s(const struct store_receipt *r)
{
	const uint64_t max = RECORD_TIME_MAX_MS / 1000;

	return (int64_t)(r->cosignature.time < max ? r->cosignature.time : max);
}

/*
 * The key under which a cosignature holds: the signer's receipt key, or for a provenance log its
 * witness key, of its newest card that fits. NULL when no card known here names one.
 */
const struct note_key *receipt_key_of(struct cli *c, const struct store_receipt *r);

/* --- cmd_checkpoint.c ------------------------------------------------------------------------- */

/* The log that the first argument names, ORIGIN/AUDIENCE or ORIGIN/provenance; it has a checkpoint.
 * 0, or the exit status after cli_fail. */
int checkpoint_log(struct cli *c, struct store_log *log) MUST_CHECK;
/* Appends its newest checkpoint with all cosignatures (of a log of acts: the newest that anybody
 * has cosigned); *used is which. 0, or the exit status after cli_fail. */
int checkpoint_of(struct cli *c, const struct store_log *log, struct checkpoint *used,
	struct buf *note) MUST_CHECK;
