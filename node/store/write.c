/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The writer. A transaction that LMDB refused anything to is spoilt: the error sticks, and commit
 * gives it and aborts, so that half a batch is never stored.
 */
#include "store/impl.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "merkle/leaves.h"

#define META_KEY_MAX 64

/* A subtree that an append completes, until it is put. */
struct subtree {
	struct hash hash;
	uint64_t index;
	unsigned level;
};

/* An append brings a subtree for every 128 entries and some of higher levels. */
#define SUBTREE_BYTES_MAX (64u << 20)

int store_begin(struct store *s, struct store_txn **txn)
{
	int rc;

	assert(s->mode == STORE_WRITE && !s->txn.mdb);
	*txn = NULL;
	if ((rc = store_settle(s)) != 0)
		return rc;
	store_grow(s, &s->log);
	rc = mdb_txn_begin(s->log.env, NULL, 0, &s->txn.mdb);
	if (rc) {
		s->txn.mdb = NULL;
		return db_err(rc);
	}
	s->txn.failed = 0;
	s->txn.renewed = false;
	buf_reset(&s->txn.said);
	redo_begin(&s->txn.redo);
	*txn = &s->txn;
	return 0;
}

void store_abort(struct store_txn *txn)
{
	mdb_txn_abort(txn->mdb);
	txn->mdb = NULL;
}

/* LMDB shows it at the next transaction only. */
static void look_whether_given_up(struct store *s)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->log.env, NULL, MDB_RDONLY, &txn);

	if (rc == 0)
		mdb_txn_abort(txn);
	else if (rc == MDB_PANIC)
		atomic_store(&s->given_up, true);
}

/* It has been committed, or has failed to be. */
static void committed(struct store_txn *txn, int rc)
{
	txn->mdb = NULL;
	if (rc)
		look_whether_given_up(txn->store);
	if (rc == 0 && txn->renewed) {
		pthread_mutex_lock(&txn->store->mutex);
		memcpy(txn->store->id, txn->id, sizeof(txn->id));
		pthread_mutex_unlock(&txn->store->mutex);
	}
}

int store_commit(struct store_txn *txn)
{
	struct store *s = txn->store;
	int rc = txn->failed;

	/* What the journal tells of would be done again at the next start, in place of this. */
	if (rc == 0 && s->doubt)
		rc = ENT_EIO;
	if (rc == 0 && txn->redo.changed)
		rc = txn_result(txn, redo_state_renew(s, txn->mdb));
	if (rc != 0) {
		store_abort(txn);
		return rc;
	}
	rc = db_commit(&s->log, txn->mdb);
	committed(txn, rc);
	return rc;
}

/* --- by journal ------------------------------------------------------------------------------- */

size_t store_txn_redo_len(const struct store_txn *txn)
{
	return buf_failed(&txn->redo.record) ? SIZE_MAX : txn->redo.record.len;
}

int store_commit_journaled(struct store_txn *txn, int (*journal)(void *ctx, struct bytes redo),
	void *ctx)
{
	struct store *s = txn->store;
	struct bytes record;
	int rc = txn->failed;

	if (rc == 0 && !txn->redo.changed)
		return store_commit(txn);
	if (rc == 0)
		rc = redo_close(s, txn->mdb, &record);
	if (rc != 0) {
		store_abort(txn);
		return rc;
	}
	/* Until all of this has gone well nobody can tell whether the journal has it. */
	s->doubt = true;
	rc = journal(ctx, record);
	if (rc != 0) {
		store_abort(txn);
		return rc;
	}
	rc = db_commit_loose(&s->log, txn->mdb);
	committed(txn, rc);
	s->doubt = rc != 0;
	s->loose = rc == 0;
	return rc;
}

int store_settle(struct store *s)
{
	int rc;

	if (!s->loose)
		return 0;
	if (atomic_load(&s->given_up))
		return ENT_EIO;
	rc = db_sync(&s->log);
	if (rc == 0) {
		s->loose = false;
		return 0;
	}
	/* A sync is not repeated (STORE.md). The journal has what it was for. */
	log_error("store",
		"what was committed cannot be synced: it is done again at the next start");
	journal_sync_failed(s);
	atomic_store(&s->given_up, true);
	return ENT_EIO;
}

bool store_unsettled(const struct store *s)
{
	return s->loose && !atomic_load(&s->given_up);
}

bool store_in_doubt(const struct store *s)
{
	return s->doubt;
}

void store_doubt_over(struct store *s)
{
	s->doubt = false;
}

int txn_result(struct store_txn *txn, int code)
{
	int rc = db_err(code);

	if (rc && !txn->failed)
		txn->failed = rc;
	return rc;
}

int txn_put(struct store_txn *txn, enum log_table table, MDB_val key, MDB_val value, unsigned flags)
{
	return txn_result(txn, log_put(txn->store, txn->mdb, table, &key, &value, flags));
}

int store_txn_log(struct store_txn *txn, const struct log_name *name, bool create,
	struct store_log *log)
{
	uint32_t number;
	int rc;

	if (txn->failed)
		return txn->failed;
	rc = row_number_get(txn->store, txn->mdb, name, &number);
	if (rc == 0)
		return row_log_get(txn->store, txn->mdb, number, log);
	if (rc != ENT_ENOTFOUND || !create)
		return rc;
	return txn_result(txn, row_log_create(txn->store, txn->mdb, name, log));
}

int txn_del(struct store_txn *txn, enum log_table table, MDB_val key)
{
	int rc = log_del(txn->store, txn->mdb, table, &key);

	return rc == MDB_NOTFOUND ? 0 : txn_result(txn, rc);
}

int txn_log_put(struct store_txn *txn, const struct store_log *log)
{
	return txn_result(txn, row_log_put(txn->store, txn->mdb, log));
}

/* --- append ----------------------------------------------------------------------------------- */

static void subtree_keep(void *ctx, unsigned level, uint64_t index, const struct hash *hash)
{
	struct subtree s = {*hash, index, level};

	if (level >= TREE_LEVEL_MIN)
		buf_append(ctx, &s, sizeof(s));
}

static bool range_eq(const struct range *a, const struct range *b)
{
	return a->begin == b->begin && a->end == b->end && a->hashes_len == b->hashes_len &&
	       memcmp(a->hashes, b->hashes, a->hashes_len * HASH_BYTES) == 0;
}

/* Hashes the entries onto the tree and compares with what the caller says; writes nothing. */
static int run_check(struct store_txn *txn, const struct store_run *run, struct range *tree,
	struct erase_notes *notes)
{
	struct cursor c = cursor_of(run->entries);
	struct leaves leaves;
	bool same = true;

	assert(run->tree || run->leaves);
	buf_reset(&txn->tree);
	txn->tree.max = SUBTREE_BYTES_MAX;
	for (uint32_t left = run->count; left > 0; left -= (uint32_t)leaves.len) {
		if (leaves_read(&leaves, &c, left) != 0)
			return ENT_EINVALID;
		for (size_t i = 0; i < leaves.len; i++)
			erase_note(notes, &leaves.entries[i]);
		if (run->leaves)
			same &= memcmp(run->leaves + (run->count - left), leaves.hashes,
					leaves.len * HASH_BYTES) == 0;
		range_append_all(tree, leaves.hashes, leaves.len, subtree_keep, &txn->tree);
	}
	if (!cursor_done(&c))
		return ENT_EINVALID;
	if (buf_failed(&txn->tree))
		return ENT_ENOMEM;
	if (!same)
		return ENT_EPROOF;
	return run->leaves || range_eq(run->tree, tree) ? 0 : ENT_EPROOF;
}

static int subtrees_put(struct store_txn *txn, uint32_t log)
{
	struct cursor c = cursor_of(buf_view(&txn->tree));
	uint8_t key[TREE_KEY_BYTES];
	struct subtree s;
	int rc;

	while (cursor_left(&c) > 0) {
		cursor_copy(&c, &s, sizeof(s));
		tree_key_put(key, log, s.level, s.index);
		rc = txn_put(txn, LOG_TREE, db_val(key, sizeof(key)), db_val(&s.hash, HASH_BYTES),
			0);
		if (rc)
			return rc;
	}
	return 0;
}

int txn_bundle_put(struct store_txn *txn, uint64_t arrival, const struct bundle *b)
{
	uint8_t raw[ARRIVAL_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value = db_val(NULL, bundle_len(b));
	int rc;

	be64_put(raw, arrival);
	rc = log_put(txn->store, txn->mdb, LOG_ENTRIES, &key, &value, MDB_APPEND | MDB_RESERVE);
	if (rc)
		return txn_result(txn, rc);
	bundle_encode(value.mv_data, b);
	redo_reserved(txn->store, LOG_ENTRIES, key, value);
	return 0;
}

static int bundle_put(struct store_txn *txn, uint64_t arrival, const struct bundle *b)
{
	uint8_t run[RUN_KEY_BYTES], raw[ARRIVAL_KEY_BYTES];
	int rc = txn_bundle_put(txn, arrival, b);

	run_key_put(run, b->log, b->first);
	be64_put(raw, arrival);
	return rc ? rc
		  : txn_put(txn, LOG_RUNS, db_val(run, sizeof(run)), db_val(raw, sizeof(raw)), 0);
}

static int bundles_put(struct store_txn *txn, const struct store_log *log,
	const struct store_run *run, const struct erase_notes *notes)
{
	struct cursor c = cursor_of(run->entries);
	struct bundle b = {.log = log->number,
		.first = run->start,
		.via = run->via,
		.received_ms = run->received_ms};
	uint8_t marks[2 * BUNDLE_MARKS_MAX];
	uint64_t arrival;
	int rc = row_arrival_last(txn->store, txn->mdb, &arrival);

	if (rc)
		return rc;
	for (uint32_t left = run->count; left > 0; left -= b.count, b.first += b.count) {
		rc = bundle_fill(&b, &c, left, marks);
		if (rc == 0)
			rc = bundle_put(txn, ++arrival, &b);
		if (rc == 0)
			rc = erase_bundle_noted(txn, log, arrival, &b, notes);
		if (rc)
			return rc;
	}
	return 0;
}

static void log_held_update(struct store_log *log, const struct checkpoint *c)
{
	if (c->size <= log->size && (!log->has_held || c->size > log->held.size)) {
		log->has_held = true;
		log->held = *c;
	}
}

/* A checkpoint that was kept before its entries came may be of another history. */
static bool checkpoint_is_of(const struct checkpoint *c, const struct range *tree)
{
	struct hash root;

	if (c->size != tree->end)
		return false;
	range_root(tree, &root);
	return hash_eq(&root, &c->root);
}

static int successions_note(struct store_txn *txn, const struct store_run *run)
{
	struct cursor c = cursor_of(run->entries);
	struct entry e;
	int rc = 0;

	for (uint64_t i = 0; i < run->count && rc == 0; i++)
		if ((rc = entry_next(&c, &e)) == 0)
			rc = succession_note(txn, &run->log, run->start + i, &e);
	return rc;
}

int store_append(struct store_txn *txn, const struct store_run *run)
{
	struct erase_notes notes = {0};
	struct store_log log;
	int rc = store_txn_log(txn, &run->log, false, &log);

	if (rc)
		return rc;
	if (run->start != log.size || !succession_lets(txn, &log, run->start + run->count))
		return ENT_ESTATE;
	if (run->count == 0)
		return ENT_EINVALID;
	if ((rc = run_check(txn, run, &log.tree, &notes)) != 0)
		return rc;
	if ((rc = bundles_put(txn, &log, run, &notes)) != 0)
		return rc;
	if ((rc = subtrees_put(txn, log.number)) != 0)
		return rc;
	if (notes.successions && (rc = successions_note(txn, run)) != 0)
		return rc;
	log.size = log.tree.end;
	log.via = run->via;
	log.received_ms = run->received_ms;
	if (log.has_checkpoint && checkpoint_is_of(&log.checkpoint, &log.tree))
		log_held_update(&log, &log.checkpoint);
	return txn_log_put(txn, &log);
}

/* --- the rest --------------------------------------------------------------------------------- */

static int checkpoint_put(struct store_txn *txn, const struct checkpoint *c, bool held)
{
	struct store_log log;
	int rc = store_txn_log(txn, &c->log, false, &log);

	if (rc)
		return rc;
	if (!store_log_takes(txn, &log, c))
		return ENT_ESTATE;
	if (!log.has_checkpoint || c->size > log.checkpoint.size) {
		log.has_checkpoint = true;
		log.checkpoint = *c;
		rc = receipts_count(txn->store, txn->mdb, &log, &log.receipts);
		if (rc)
			return txn_result(txn, rc);
	}
	if (held)
		log_held_update(&log, c);
	return txn_log_put(txn, &log);
}

int store_checkpoint_put(struct store_txn *txn, const struct checkpoint *c)
{
	return checkpoint_put(txn, c, true);
}

int store_checkpoint_keep(struct store_txn *txn, const struct checkpoint *c)
{
	return checkpoint_put(txn, c, false);
}

int store_log_freeze(struct store_txn *txn, const struct log_name *name)
{
	struct store_log log;
	int rc = store_txn_log(txn, name, false, &log);

	if (rc)
		return rc;
	log.frozen = true;
	return txn_log_put(txn, &log);
}

int store_log_put_aside(struct store_txn *txn, const struct log_name *name, uint64_t *incarnation)
{
	uint8_t packed[LOG_NAME_BYTES], number[4];
	struct store_log log;
	int rc = store_txn_log(txn, name, false, &log);

	if (rc)
		return rc;
	log_name_pack(packed, name);
	if ((rc = succession_cut(txn, name, 0)) != 0 || (rc = erase_cut(txn, &log, 0)) != 0 ||
		(rc = txn_del(txn, LOG_NAMES, db_val(packed, sizeof(packed)))) != 0)
		return rc;
	log.frozen = true;
	for (log.name.incarnation = 0;; log.name.incarnation++) {
		uint32_t other;

		rc = row_number_get(txn->store, txn->mdb, &log.name, &other);
		if (rc == ENT_ENOTFOUND)
			break;
		if (rc)
			return txn_result(txn, rc);
	}
	*incarnation = log.name.incarnation;
	log_name_pack(packed, &log.name);
	be32_put(number, log.number);
	rc = txn_put(txn, LOG_NAMES, db_val(packed, sizeof(packed)), db_val(number, sizeof(number)),
		MDB_NOOVERWRITE);
	return rc ? rc : txn_log_put(txn, &log);
}

int store_origin_put(struct store_txn *txn, const struct node_id *node, struct bytes chain,
	const struct node_id *introduced_by, int64_t when_ms)
{
	MDB_val key = db_val(node->bytes, NODE_ID_BYTES);
	MDB_val value = db_val(NULL, NODE_ID_BYTES + 8 + chain.len);
	uint8_t *out;
	int rc;

	if (txn->failed)
		return txn->failed;
	rc = log_put(txn->store, txn->mdb, LOG_ORIGINS, &key, &value, MDB_RESERVE);
	if (rc)
		return txn_result(txn, rc);
	out = value.mv_data;
	memcpy(out, introduced_by->bytes, NODE_ID_BYTES);
	be64_put(out + NODE_ID_BYTES, (uint64_t)when_ms);
	if (chain.len)
		memcpy(out + NODE_ID_BYTES + 8, chain.data, chain.len);
	redo_reserved(txn->store, LOG_ORIGINS, key, value);
	return 0;
}

int store_rival_put(struct store_txn *txn, const struct node_id *node, struct bytes chain)
{
	return txn_put(txn, LOG_RIVALS, db_val(node->bytes, NODE_ID_BYTES),
		db_val(chain.data, chain.len), 0);
}

int store_meta_put(struct store_txn *txn, const char *key, struct bytes value)
{
	size_t len = strlen(key);

	/* A dot begins the names that the store keeps for itself. */
	if (len == 0 || len > META_KEY_MAX || key[0] == '.')
		return ENT_EINVALID;
	if (txn->failed)
		return txn->failed;
	return txn_put(txn, LOG_META, db_val(key, len), db_val(value.data, value.len), 0);
}

bool store_meta_set(struct store_txn *txn, const char *key)
{
	MDB_val name = db_val(key, strlen(key));
	MDB_val value;

	return !txn->failed &&
	       mdb_get(txn->mdb, txn->store->log.tables[LOG_META], &name, &value) == 0 &&
	       value.mv_size > 0;
}
