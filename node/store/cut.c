/* SPDX-License-Identifier: EUPL-1.2 */
/* Taking back the unsigned tail of an own log. */
#include "store/impl.h"

#include <sodium.h>
#include <stdlib.h>

/* The bundle that ends at the tail's first entry or holds it keeps what lies before. */
static int bundle_cut(struct store_txn *txn, uint64_t arrival, const struct bundle *b,
	uint64_t size)
{
	uint8_t raw[ARRIVAL_KEY_BYTES], marks[2 * BUNDLE_MARKS_MAX];
	struct cursor c = cursor_of(b->entries);
	struct bundle kept = *b;
	MDB_val key = db_val(raw, sizeof(raw)), value;
	struct buf copy = buf_with_max(BUNDLE_BYTES_MAX);
	uint8_t *out;
	int rc = bundle_fill(&kept, &c, (uint32_t)(size - b->first), marks);

	/* What comes behind it is gone from this transaction already. */
	if (rc)
		return ENT_ECORRUPT;
	/* The value lies in the map and is replaced by this. */
	out = buf_extend(&copy, bundle_len(&kept));
	if (!out)
		return ENT_ENOMEM;
	bundle_encode(out, &kept);
	be64_put(raw, arrival);
	value = db_val(copy.data, copy.len);
	rc = txn_put(txn, LOG_ENTRIES, key, value, 0);
	buf_free(&copy);
	return rc;
}

/* One bundle, which begins at `first`, and the run row of which the cursor is at. What goes whole
 * need not be read for it, nor be fit to be. */
static int run_cut(struct store_txn *txn, MDB_cursor *runs, uint64_t first, MDB_val run,
	uint64_t size)
{
	MDB_val key = db_val(NULL, 0), value;
	uint8_t arrival[ARRIVAL_KEY_BYTES];
	struct bundle b;
	int rc;

	if (run.mv_size != ARRIVAL_KEY_BYTES)
		return ENT_ECORRUPT;
	memcpy(arrival, run.mv_data, sizeof(arrival));
	key = db_val(arrival, sizeof(arrival));
	if (first >= size) {
		rc = txn_del(txn, LOG_ENTRIES, key);
		return rc ? rc : txn_result(txn, log_cursor_del(txn->store, LOG_RUNS, runs));
	}
	rc = mdb_get(txn->mdb, txn->store->log.tables[LOG_ENTRIES], &key, &value);
	if (rc)
		return txn_result(txn, rc);
	if ((rc = bundle_decode(db_bytes(value), &b)) != 0)
		return rc;
	if (b.first != first)
		return ENT_ECORRUPT;
	return first + b.count > size ? bundle_cut(txn, be64_get(arrival), &b, size) : 0;
}

/* From the last bundle backwards, until one lies before the tail. */
static int runs_cut(struct store_txn *txn, const struct store_log *log, uint64_t size)
{
	uint8_t raw[RUN_KEY_BYTES];
	MDB_cursor *runs;
	int rc = mdb_cursor_open(txn->mdb, txn->store->log.tables[LOG_RUNS], &runs);

	if (rc)
		return txn_result(txn, rc);
	for (uint64_t first = size; first >= size && rc == 0;) {
		MDB_val key = db_val(raw, sizeof(raw)), value;

		/* The first row of the log that follows, or the end: ours is before it. */
		run_key_put(raw, log->number + 1, 0);
		rc = mdb_cursor_get(runs, &key, &value, MDB_SET_RANGE);
		rc = mdb_cursor_get(runs, &key, &value, rc == 0 ? MDB_PREV : MDB_LAST);
		if (rc == MDB_NOTFOUND ||
			(rc == 0 && (key.mv_size != RUN_KEY_BYTES ||
					    be32_get(key.mv_data) != log->number))) {
			rc = 0;
			break;
		}
		first = rc == 0 ? be64_get((const uint8_t *)key.mv_data + 4) : 0;
		rc = rc ? txn_result(txn, rc) : run_cut(txn, runs, first, value, size);
	}
	mdb_cursor_close(runs);
	return rc;
}

/* Subtrees that reach into the tail. */
static int tree_cut(struct store_txn *txn, uint32_t log, uint64_t from, uint64_t size)
{
	uint8_t raw[TREE_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));

	for (unsigned level = TREE_LEVEL_MIN; level < 64 && from >> level > 0; level++)
		for (uint64_t index = size >> level; index < from >> level; index++) {
			int rc;

			tree_key_put(raw, log, level, index);
			rc = txn_del(txn, LOG_TREE, key);
			if (rc)
				return rc;
		}
	return 0;
}

/* Arrival numbers are never given twice, and an index of the former truth is not one of this. */
static int truth_renew(struct store_txn *txn)
{
	uint8_t raw[ARRIVAL_KEY_BYTES];
	uint64_t arrival;
	int rc = row_arrival_last(txn->store, txn->mdb, &arrival);

	if (rc)
		return rc;
	be64_put(raw, arrival);
	randombytes_buf(txn->id, sizeof(txn->id));
	txn->renewed = true;
	rc = txn_put(txn, LOG_META, db_val(".arrival", strlen(".arrival")),
		db_val(raw, sizeof(raw)), 0);
	return rc ? rc
		  : txn_put(txn, LOG_META, db_val(".id", strlen(".id")),
			    db_val(txn->id, sizeof(txn->id)), 0);
}

int store_log_cut(struct store_txn *txn, const struct log_name *name, const struct range *tree)
{
	struct store_log log;
	struct hash root;
	uint64_t from;
	int rc = store_txn_log(txn, name, false, &log);

	if (rc)
		return rc;
	from = log.size;
	range_root(tree, &root);
	if (log.frozen || tree->begin != 0 || tree->end >= from || tree->end < log.floor)
		return ENT_ESTATE;
	if (tree->end != (log.has_held ? log.held.size : 0) ||
		(log.has_held && !hash_eq(&root, &log.held.root)))
		return ENT_EPROOF;
	if ((rc = truth_renew(txn)) != 0 || (rc = runs_cut(txn, &log, tree->end)) != 0 ||
		(rc = tree_cut(txn, log.number, from, tree->end)) != 0 ||
		(rc = erase_cut(txn, &log, tree->end)) != 0 ||
		(rc = succession_cut(txn, name, tree->end)) != 0)
		return rc;
	log.size = tree->end;
	log.tree = *tree;
	return txn_log_put(txn, &log);
}
