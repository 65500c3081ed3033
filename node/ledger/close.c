/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The short way of a small group: re-read, signed and committed by journal, with one round to the
 * disk (ledger.h).
 */
#include <stdlib.h>

#include "base/mark.h"
#include "ledger/impl.h"
#include "store/slot.h"

/* So much the transaction may have changed before the checkpoints are put, each with the row of
 * its log: 300 bytes and a hash for every bit of its size. */
#define SMALL_BYTES 32768u
#define SMALL_LOGS  6u
#define ROW_BYTES   (316u + 64u * HASH_BYTES)
/* Lines of a slot (store/slot.h) are at most 200 bytes. */
#define SMALL_FEEDS 72u

_Static_assert(SMALL_BYTES + SMALL_LOGS * ROW_BYTES + 64 <= STORE_REDO_MAX,
	"what is small fits into a record");
_Static_assert(STORE_REDO_MAX + SMALL_FEEDS * 200u + 256u <= SLOT_BYTES, "and into a slot");

bool group_is_small(const struct ledger *l, const struct store_txn *txn)
{
	const struct ledger_ops *ops = &l->config.ops;

	/* What takes back, begins anew or forgets is rare, and changes what a start finds. */
	for (const struct ledger_item *i = l->items; i; i = i->next)
		if (i->type == LEDGER_CUT || i->type == LEDGER_FORGET || i->type == LEDGER_UNMUTE ||
			i->type == LEDGER_EPOCH)
			return false;
	return !l->whole && !l->beginning && !l->unmute && !l->prune &&
	       l->growing_len <= SMALL_LOGS && store_txn_redo_len(txn) <= SMALL_BYTES &&
	       l->config.guard->feeds_len <= SMALL_FEEDS && ops->journal &&
	       ops->journal(ops->ctx) == LEDGER_JOURNAL_READY;
}

/* --- the transaction -------------------------------------------------------------------------- */

struct closing {
	struct ledger *l;
	struct checkpoint signed_[SMALL_LOGS];
	bool urgent[SMALL_LOGS];
	size_t signed_len;
	struct grown left[SMALL_LOGS]; /* what may not be signed now */
	size_t left_len;
};

/* In the callback of the commit: the record is complete, nothing is on the disk. */
static int journal(void *ctx, struct bytes redo)
{
	const struct closing *c = ctx;
	const struct ledger_ops *ops = &c->l->config.ops;
	int rc;

	ledger_at(c->l, LEDGER_STEP_GUARD);
	rc = ops->guard_save(ops->ctx, c->l->config.guard, redo);
	if (rc == 0)
		ledger_at(c->l, LEDGER_STEP_COMMIT);
	return rc;
}

static int sign_all(struct closing *c, struct store_txn *txn)
{
	struct ledger *l = c->l;

	ledger_at(l, LEDGER_STEP_SIGN);
	for (size_t i = 0; i < l->growing_len; i++) {
		struct grown *w = &l->growing[i];
		struct checkpoint *s = &c->signed_[c->signed_len];
		int rc;

		/* The node may have gone mute since. */
		if (!w->checked || !may_seal(l, w)) {
			w->checked = false; /* nor does it go into the guard */
			c->left[c->left_len++] = *w;
			continue;
		}
		c->urgent[c->signed_len++] = w->urgent;
		grown_sign(l, w, s);
		rc = store_checkpoint_put(txn, s);
		if (rc != 0 && rc != ENT_ESTATE) /* frozen */
			return rc;
	}
	return 0;
}

static int close_in(struct closing *c, struct store_txn *txn)
{
	struct ledger *l = c->l;
	bool feeds;
	int rc;

	ledger_at(l, LEDGER_STEP_REREAD);
	rc = group_recompute(l, l->growing, l->growing_len, txn);
	if (rc == 0)
		rc = sign_all(c, txn);
	if (rc == 0)
		rc = guard_set(l, l->growing, l->growing_len, &feeds);
	if (rc != 0) {
		store_abort(txn);
		return rc;
	}
	return store_commit_journaled(txn, journal, c);
}

int group_close(struct ledger *l, struct store_txn *txn)
{
	struct closing *c = malloc(sizeof(*c)); /* large, and little of it is used */
	struct guardfile before = {0};
	int rc = c ? guardfile_copy(&before, l->config.guard) : ENT_ENOMEM;

	if (rc != 0) {
		store_abort(txn);
		free(c);
		return rc;
	}
	c->l = l;
	c->signed_len = c->left_len = 0;
	rc = close_in(c, txn);
	if (rc != 0) {
		/* What was signed has not left this function, and never will. */
		MARK("journal-fails");
		guardfile_free(l->config.guard);
		*l->config.guard = before;
		free(c);
		return rc;
	}
	guardfile_free(&before);
	l->closed = true;
	memcpy(l->grown, c->left, c->left_len * sizeof(l->grown[0]));
	l->grown_len = c->left_len;
	l->unsealed = c->left_len > 0 && !ledger_muted(l);
	ledger_at(l, LEDGER_STEP_TELL);
	for (size_t i = 0; i < c->signed_len; i++)
		tell_signed(l, &c->signed_[i], c->urgent[i]);
	free(c);
	return 0;
}

int doubt_end(struct ledger *l)
{
	const struct ledger_ops *ops = &l->config.ops;
	int rc;

	if (l->guard_behind && (rc = guard_catch_up(l)) != 0)
		return rc;
	if (!store_in_doubt(l->config.store))
		return 0;
	MARK("journal-in-doubt");
	rc = ops->guard_save(ops->ctx, l->config.guard, BYTES_NONE);
	if (rc == 0)
		store_doubt_over(l->config.store);
	return rc;
}
