/* SPDX-License-Identifier: EUPL-1.2 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mark.h"
#include "ledger/impl.h"
#include "merkle/leaves.h"

/* --- sealing ---------------------------------------------------------------------------------- */

/* Read at once: it stays in the cache until it is hashed, and in the heap from one group to the
 * next, where the system would give new pages for a larger piece each time. */
#define REREAD_BYTES (64u * 1024u)

/* The second path: what lies in the store now, read again and hashed again. */
static int recompute(struct ledger *l, const struct grown *w, struct store_txn *txn)
{
	struct range tree = w->before;
	struct store_reader *r = NULL;
	struct buf entries = buf_with_max(REREAD_BYTES + ENTRY_PACKED_MAX);
	struct hash want, have;
	int rc = txn ? 0 : store_reader_open(l->config.store, &r);

	while (rc == 0 && tree.end < w->after.end) {
		struct cursor c;
		uint32_t count = 0;

		buf_reset(&entries);
		rc = txn ? store_txn_run_read(txn, &w->log, tree.end, w->after.end, REREAD_BYTES,
				   &entries, &count)
			 : store_run_read(r, &w->log, tree.end, w->after.end, REREAD_BYTES,
				   &entries, &count);
		c = cursor_of(buf_view(&entries));
		while (count > 0 && rc == 0) {
			struct leaves leaves;

			rc = leaves_read(&leaves, &c, count);
			if (rc != 0)
				break;
			/* What was said and erased in one breath has no body any more. */
			if (!leaves_committed(&leaves))
				rc = ENT_ECORRUPT;
			range_append_all(&tree, leaves.hashes, leaves.len, NULL, NULL);
			count -= (uint32_t)leaves.len;
		}
	}
	buf_free(&entries);
	if (r)
		store_reader_close(r);
	if (rc != 0)
		return rc;
	range_root(&tree, &have);
	range_root(&w->after, &want);
	return hash_eq(&have, &want) ? 0 : ENT_ECORRUPT;
}

/*
 * What lies corrupt in the store is not signed, nor is any feed while the node is mute. Before a
 * peer has had the time to say that this is an old copy nothing is, but a log of acts that begins
 * with this life: it has no other history.
 */
bool may_seal(struct ledger *l, const struct grown *w)
{
	if (w->corrupt)
		return false;
	if (is_feed(&w->log))
		return atomic_load(&l->sealing) && !ledger_muted(l);
	return l->fresh || atomic_load(&l->sealing);
}

int guard_set(struct ledger *l, const struct grown *logs, size_t len, bool *feeds)
{
	int rc = 0;

	*feeds = false;
	for (size_t i = 0; i < len && rc == 0; i++) {
		const struct grown *w = &logs[i];
		struct hash root;

		if (!is_feed(&w->log) || !w->checked)
			continue;
		range_root(&w->after, &root);
		rc = guardfile_set(l->config.guard, &w->log, w->after.end, &root);
		*feeds = true;
	}
	return rc;
}

/* Saved without need it makes the journal ready for the next group. A mute node has no guard, or
 * one whose word it must not change. */
static bool journal_wanted(struct ledger *l)
{
	const struct ledger_ops *ops = &l->config.ops;

	return ops->journal && !ledger_muted(l) && ops->journal(ops->ctx) == LEDGER_JOURNAL_LATER;
}

static int guard_write(struct ledger *l)
{
	const struct ledger_ops *ops = &l->config.ops;
	bool feeds;
	int rc = guard_set(l, l->grown, l->grown_len, &feeds);

	if (rc != 0 || (!feeds && !journal_wanted(l)))
		return rc;
	ledger_at(l, LEDGER_STEP_GUARD);
	rc = ops->guard_save(ops->ctx, l->config.guard, BYTES_NONE);
	/* Nothing is signed that would have to stand in it. */
	return feeds ? rc : 0;
}

void grown_sign(const struct ledger *l, const struct grown *w, struct checkpoint *c)
{
	c->log = w->log;
	c->size = w->after.end;
	range_root(&w->after, &c->root);
	checkpoint_sign(c, l->config.identity->log_secret);
}

void tell_signed(struct ledger *l, const struct checkpoint *c, bool urgent)
{
	struct ledger_news news = {
		.type = is_feed(&c->log) ? LEDGER_SEALED : LEDGER_PROVENANCE,
		.checkpoint = *c,
		.urgent = urgent,
	};

	/* What was taken back in the same group lies below what was signed. */
	if (is_feed(&c->log))
		runs_tell(l, &c->log);
	ledger_tell(l, &news);
}

int group_recompute(struct ledger *l, struct grown *logs, size_t len, struct store_txn *txn)
{
	int rc = 0;

	for (size_t i = 0; i < len && rc == 0; i++) {
		struct grown *w = &logs[i];
		struct ledger_news news = {.type = LEDGER_CORRUPT, .feed = w->log};

		w->checked = false;
		if (!may_seal(l, w))
			continue;
		rc = recompute(l, w, txn);
		w->checked = rc == 0;
		if (rc != ENT_ECORRUPT)
			continue;
		MARK("reads-back-otherwise");
		w->corrupt = true;
		ledger_mute(l);
		ledger_tell(l, &news);
		rc = 0;
	}
	return rc;
}

/* Signs what may be, and keeps the rest. 1: there is a feed in it that is in the guard. */
static int grown_sign_all(struct ledger *l, bool urgent[GROUP_LOGS_MAX])
{
	size_t kept = 0;
	int left = 0;

	for (size_t i = 0; i < l->grown_len; i++) {
		struct grown *w = &l->grown[i];

		/* The node may have gone mute since. */
		if (w->checked && may_seal(l, w)) {
			urgent[l->pending_len] = w->urgent;
			grown_sign(l, w, &l->pending[l->pending_len++]);
		} else {
			left |= w->checked && is_feed(&w->log);
			l->grown[kept++] = *w;
		}
	}
	l->grown_len = kept;
	return left;
}

/* What stands in the guard counts as signed, after a stop: it is again as it was, but for what has
 * been signed now. */
static void guard_back(struct ledger *l, struct guardfile *before, size_t first)
{
	const struct ledger_ops *ops = &l->config.ops;
	int rc = 0;

	MARK("mute-between-guard-and-signature");
	guardfile_free(l->config.guard);
	*l->config.guard = *before;
	*before = (struct guardfile){0};
	for (size_t i = first; i < l->pending_len && rc == 0; i++)
		if (is_feed(&l->pending[i].log))
			rc = guardfile_set(l->config.guard, &l->pending[i].log, l->pending[i].size,
				&l->pending[i].root);
	if (rc == 0)
		rc = ops->guard_save(ops->ctx, l->config.guard, BYTES_NONE);
	if (rc != 0)
		log_error("ledger", "the guard has what was not signed: %s", err_sentence(rc));
}

/* Signs what has been committed and not been signed, from this group or from one whose sealing
 * failed. ENT_EMUTE: all but feeds, which stay as they are until the next start. */
int group_seal(struct ledger *l)
{
	bool urgent[GROUP_LOGS_MAX];
	size_t first = l->pending_len;
	struct guardfile before = {0};
	int rc;

	ledger_at(l, LEDGER_STEP_REREAD);
	l->unsealed = true;
	if ((rc = guardfile_copy(&before, l->config.guard)) != 0)
		return rc;
	rc = group_recompute(l, l->grown, l->grown_len, NULL);
	if (rc == 0)
		rc = guard_write(l);
	if (rc != 0) {
		guardfile_free(l->config.guard);
		*l->config.guard = before;
		return rc;
	}
	ledger_at(l, LEDGER_STEP_SIGN);
	if (grown_sign_all(l, urgent))
		guard_back(l, &before, first);
	guardfile_free(&before);
	l->unsealed = l->grown_len && !ledger_muted(l);
	ledger_at(l, LEDGER_STEP_TELL);
	for (size_t i = first; i < l->pending_len; i++)
		tell_signed(l, &l->pending[i], urgent[i]);
	return l->grown_len ? ENT_EMUTE : 0;
}

/* Is there more of it than has been signed, and is it for us to sign? */
static int find_tail(void *ctx, const struct store_log *log)
{
	struct ledger *l = ctx;
	struct grown *w = &l->grown[l->grown_len];
	uint64_t signed_size = log->has_checkpoint ? log->checkpoint.size : 0;

	if (!node_id_eq(&log->name.node, &l->config.self) || log->size <= signed_size ||
		log->name.incarnation != l->config.identity->incarnation)
		return 0;
	/* A restored node leaves its former provenance log as it is: it may have gone on elsewhere.
	 */
	if (is_feed(&log->name) ? ledger_muted(l) : !log_name_eq(&log->name, &l->config.provenance))
		return 0;
	/* An old copy may have signed it in the life that is lost, with more behind it, and nobody
	 * who was heard could tell: when the agreement is in force again its parties do. */
	if (is_feed(&log->name) && !is_heard(l, log->name.audience)) {
		MARK("unsigned-and-not-heard");
		l->tails_wait = true;
		return 0;
	}
	for (size_t i = 0; i < l->grown_len; i++)
		if (log_name_eq(&l->grown[i].log, &log->name))
			return 0;
	if (l->grown_len == GROUP_LOGS_MAX)
		return ENT_ELIMIT;
	*w = (struct grown){.log = log->name, .after = log->tree};
	w->before.end = signed_size; /* its hashes are read below, outside of this walk */
	l->grown_len++;
	return 0;
}

/* What was signed of it before, which its walk has not read. */
static int tail_before(struct store_reader *r, struct grown *w)
{
	struct store_tree tree = {.reader = r};
	struct store_log log = {0};
	int rc = store_log_get(r, &w->log, &log);

	tree.log = log.number;
	return rc != 0 ? rc
		       : proof_range_build(&w->before, 0, w->before.end, store_tree_subtree, &tree);
}

int tails_find(struct ledger *l)
{
	struct store_reader *r;
	size_t first = l->grown_len;
	int rc = store_reader_open(l->config.store, &r);

	if (rc != 0)
		return rc;
	l->tails_wait = false;
	rc = store_log_each(r, find_tail, l);
	for (size_t i = first; i < l->grown_len && rc == 0;) {
		rc = tail_before(r, &l->grown[i]);
		i += rc == 0;
		if (rc != ENT_ECORRUPT)
			continue;
		/* The others are signed all the same. */
		log_error("ledger", "a feed does not read, and what was not signed of it is not");
		l->grown[i] = l->grown[--l->grown_len];
		rc = 0;
	}
	store_reader_close(r);
	if (rc != 0)
		l->grown_len = first; /* nothing half known may be taken for what was signed */
	return rc;
}

/*
 * After a crash between commit and signature (or before the signature was stored): what lies in the
 * store beyond its newest checkpoint is sealed now, by the same steps.
 */
int ledger_recover(struct ledger *l)
{
	int rc = tails_find(l);

	if (rc == 0)
		rc = successions_look(l);
	if (rc == 0)
		rc = guard_catch_up(l);
	return rc != 0 ? rc : group_seal(l);
}
