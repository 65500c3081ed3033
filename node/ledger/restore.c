/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Going on after a recovery (DESIGN 11): the tail that was never signed and cannot be any more, the
 * provenance log that begins anew, the guard that is written from what now stands.
 */
#include "base/log.h"
#include "base/mark.h"
#include "ledger/impl.h"

/* --- tails ------------------------------------------------------------------------------------ */

static int range_read(struct ledger *l, const struct store_log *log, uint64_t size,
	struct range *out)
{
	struct store_tree tree = {.log = log->number};
	int rc = store_reader_open(l->config.store, &tree.reader);

	if (rc != 0)
		return rc;
	rc = proof_range_build(out, 0, size, store_tree_subtree, &tree);
	store_reader_close(tree.reader);
	/* A bundle that does not read spoils nobody else's commit. */
	return rc == ENT_ECORRUPT ? ENT_EINVALID : rc;
}

static void growing_forget(struct ledger *l, const struct log_name *name)
{
	for (size_t i = 0; i < l->growing_len; i++)
		if (log_name_eq(&l->growing[i].log, name)) {
			l->growing[i] = l->growing[--l->growing_len];
			return;
		}
}

/* What a crash or a restore left behind the newest checkpoint, while others hold a signed history
 * that goes on otherwise. It was never announced; the act says how much is lost. */
int apply_cut(struct ledger *l, struct store_txn *txn, struct ledger_item *i)
{
	struct act_body act = {.act = ACT_ALARM,
		.rule = bytes_str("unsigned-dropped"),
		.has_log = true,
		.log = i->feed};
	struct store_log log;
	struct range tree;
	uint64_t size;
	int rc = store_txn_log(txn, &i->feed, false, &log);

	if (rc != 0)
		return rc;
	size = log.has_held ? log.held.size : 0;
	i->size = size < log.size ? size : log.size;
	if (size >= log.size)
		return 0;
	rc = range_read(l, &log, size, &tree);
	if (rc == 0)
		rc = store_log_cut(txn, &i->feed, &tree);
	if (rc != 0)
		return rc;
	MARK("unsigned-tail-dropped");
	log_warn("ledger", "%llu entries were never signed and are dropped",
		(unsigned long long)(log.size - size));
	growing_forget(l, &i->feed);
	/* With everything its first entry is gone, too. */
	if (size == 0) {
		l->succeeding = true;
		l->succeeded = false;
	}
	act.from = size;
	act.to = log.size;
	act.count = log.size - size;
	group_act(l, &act);
	return 0;
}

/* Nothing signed is forgotten, not even by a stop before its entries are back: what lies here in
 * their place may be as long, and was never signed. */
int apply_keep(struct store_txn *txn, const struct ledger_item *i)
{
	struct store_log log;
	int rc = store_txn_log(txn, &i->checkpoint.log, true, &log);

	return rc != 0 ? rc : store_checkpoint_keep(txn, &i->checkpoint);
}

/* It is told to others as held from then on, so the tree is asked once more. */
int apply_complete(struct ledger *l, struct store_txn *txn, const struct ledger_item *i)
{
	const struct checkpoint *c = &i->checkpoint;
	struct store_log log;
	struct range tree;
	struct hash root;
	int rc = store_txn_log(txn, &c->log, false, &log);

	if (rc == 0 && (c->size > log.size || c->size <= log.floor))
		rc = ENT_ESTATE;
	if (rc == 0)
		rc = range_read(l, &log, c->size, &tree);
	if (rc != 0)
		return rc;
	range_root(&tree, &root);
	rc = hash_eq(&root, &c->root) ? store_checkpoint_put(txn, c) : ENT_EPROOF;
	if (rc == 0)
		succession_due(l, &c->log);
	return rc;
}

/* --- a new provenance log --------------------------------------------------------------------- */

static bool acts_read(struct bytes acts, uint32_t count)
{
	struct cursor c = cursor_of(acts);
	struct entry e;

	for (uint32_t i = 0; i < count; i++)
		if (entry_next(&c, &e) != 0)
			return false;
	return true;
}

/* What was entered in the former and never signed is entered here again, as far as it reads: what
 * does not stays where it is. */
static int tail_enter(struct ledger *l, const struct store_log *former, uint64_t from)
{
	struct store_reader *r;
	uint64_t lost = 0;
	bool each = false; /* one by one, since some do not read */
	int rc = store_reader_open(l->config.store, &r);

	while (rc == 0 && from < former->size) {
		const size_t len = l->acts.len;
		uint32_t count;

		rc = store_run_read(r, &former->name, from, each ? from + 1 : former->size,
			BATCH_BYTES_MAX, &l->acts, &count);
		if (rc == 0 && !acts_read(bytes_skip(buf_view(&l->acts), len), count))
			rc = ENT_ECORRUPT;
		if (rc == ENT_ECORRUPT) {
			rc = 0;
			l->acts.len = len;
			lost += each;
			from += each;
			each = true;
			continue;
		}
		from += count;
		l->acts_len += count;
	}
	store_reader_close(r);
	if (lost > 0)
		log_error("ledger", "%llu acts that were never signed do not read and are lost",
			(unsigned long long)lost);
	return rc;
}

/* Its first entry cites the last of the former that is still here. */
int epoch_begin(struct ledger *l, struct store_txn *txn)
{
	struct act_body act = {.act = ACT_EPOCH, .has_log = true, .log = l->former};
	char text[LOG_NAME_TEXT_SIZE];
	struct store_log log;
	int rc;

	if (!l->beginning)
		return 0;
	log_name_text(text, &l->begins);
	rc = store_meta_put(txn, LEDGER_META_PROVENANCE, bytes_str(text));
	if (rc != 0 || l->former.audience.kind != AUDIENCE_PROVENANCE)
		return rc;
	rc = store_txn_log(txn, &l->former, false, &log);
	if (rc != 0)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	if (log.has_held) {
		act.to = log.held.size;
		act.root = BYTES_OF(log.held.root.bytes);
	}
	MARK("provenance-begins-anew");
	group_act(l, &act);
	growing_forget(l, &l->former);
	return tail_enter(l, &log, log.has_held ? log.held.size : 0);
}

/* --- signing again ---------------------------------------------------------------------------- */

static int guard_stands(void *ctx, const struct store_log *log)
{
	struct ledger *l = ctx;

	if (!is_feed(&log->name) || !node_id_eq(&log->name.node, &l->config.self) ||
		log->name.incarnation != l->config.identity->incarnation || !log->has_held)
		return 0;
	return guardfile_set(l->config.guard, &log->name, log->held.size, &log->held.root);
}

static int guard_behind(void *ctx, const struct store_log *log)
{
	struct ledger *l = ctx;
	const struct guardfile_feed *f = guardfile_find(l->config.guard, &log->name);

	if (!is_feed(&log->name) || !node_id_eq(&log->name.node, &l->config.self) ||
		log->name.incarnation != l->config.identity->incarnation || !log->has_held ||
		(f && f->size >= log->held.size))
		return 0;
	l->guard_behind = true;
	return guardfile_set(l->config.guard, &log->name, log->held.size, &log->held.root);
}

/*
 * What was signed in a commit by journal whose guard did not become durable as well, or was taken
 * back after a failure, and is in the store all the same after a death: it has left nobody's hands
 * yet, and stands in the guard before it does.
 */
int guard_catch_up(struct ledger *l)
{
	const struct ledger_ops *ops = &l->config.ops;
	struct store_reader *r;
	int rc;

	if (ledger_muted(l))
		return 0;
	rc = store_reader_open(l->config.store, &r);
	if (rc != 0)
		return rc;
	rc = store_log_each(r, guard_behind, l);
	store_reader_close(r);
	if (rc != 0 || !l->guard_behind)
		return rc;
	MARK("guard-catches-up");
	rc = ops->guard_save(ops->ctx, l->config.guard, BYTES_NONE);
	l->guard_behind = rc != 0;
	return rc;
}

/* Of feeds it is found anew what is unsigned: they have been taken back meanwhile. */
static void grown_forget_feeds(struct ledger *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->grown_len; i++)
		if (!is_feed(&l->grown[i].log))
			l->grown[kept++] = l->grown[i];
	l->grown_len = kept;
}

int unmute(struct ledger *l)
{
	const struct ledger_ops *ops = &l->config.ops;
	struct ledger_news news = {.type = LEDGER_UNMUTED};
	unsigned epoch = l->unmute;
	struct store_reader *r;
	int rc = store_reader_open(l->config.store, &r);

	if (rc != 0)
		return rc;
	rc = store_log_each(r, guard_stands, l);
	store_reader_close(r);
	if (rc != 0)
		return rc;
	ledger_at(l, LEDGER_STEP_GUARD);
	rc = ops->guard_save(ops->ctx, l->config.guard, BYTES_NONE);
	if (rc != 0)
		return rc;
	MARK("signs-again");
	l->unmute = 0;
	/* It may have gone mute anew since the word was given. */
	if (!atomic_compare_exchange_strong(&l->mute, &epoch, 0))
		return 0;
	grown_forget_feeds(l);
	ledger_tell(l, &news);
	return tails_find(l);
}
