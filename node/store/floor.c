/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Floors (store.h). Below the floor of a log stays the compact range [0, floor), as rows of table
 * tree; above it everything. The newest bundle of all is never deleted: the next arrival number
 * follows from it.
 */
#include "store/impl.h"

/* Of one transaction. */
#define BUNDLES_MAX 256u

#define MOVES_KEY   ".floors"

int floors_moved(struct store *s, MDB_txn *txn, uint64_t *moves)
{
	MDB_val key = db_val(MOVES_KEY, strlen(MOVES_KEY));
	MDB_val value;
	int rc = mdb_get(txn, s->log.tables[LOG_META], &key, &value);

	*moves = 0;
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : db_err(rc);
	if (value.mv_size != 8)
		return ENT_ECORRUPT;
	*moves = be64_get(value.mv_data);
	return 0;
}

int floors_count(struct store_txn *txn)
{
	uint8_t raw[8];
	uint64_t moves;
	int rc = floors_moved(txn->store, txn->mdb, &moves);

	if (rc)
		return rc;
	be64_put(raw, moves + 1);
	return txn_put(txn, LOG_META, db_val(MOVES_KEY, strlen(MOVES_KEY)),
		db_val(raw, sizeof(raw)), 0);
}

int store_floor_move(struct store_txn *txn, const struct log_name *name, uint64_t floor)
{
	struct store_log log;
	int rc = store_txn_log(txn, name, false, &log);

	if (rc)
		return rc;
	if (floor % STORE_FLOOR_STEP || !log.has_held || floor > log.held.size)
		return ENT_EINVALID;
	if (floor <= log.floor)
		return 0;
	log.floor = floor;
	rc = txn_log_put(txn, &log);
	return rc ? rc : floors_count(txn);
}

static int tree_put(struct store_txn *txn, uint32_t log, const struct range *tree)
{
	int rc = 0;

	for (unsigned i = 0; i < tree->hashes_len && rc == 0; i++) {
		uint8_t key[TREE_KEY_BYTES];
		unsigned level;
		uint64_t index;

		range_subtree(0, tree->end, i, &level, &index);
		tree_key_put(key, log, level, index);
		rc = txn_put(txn, LOG_TREE, db_val(key, sizeof(key)),
			db_val(&tree->hashes[i], HASH_BYTES), 0);
	}
	return rc;
}

int store_join(struct store_txn *txn, const struct log_name *name, const struct range *left)
{
	struct store_log log;
	int rc = store_txn_log(txn, name, true, &log);

	if (rc)
		return rc;
	/* Nothing that a frozen one has is given up. */
	if ((log.frozen && (log.size > 0 || !succession_lets(txn, &log, left->end))) ||
		left->begin != 0 || left->end % STORE_FLOOR_STEP || left->end <= log.size)
		return ENT_ESTATE;
	log.size = log.floor = left->end;
	log.tree = *left;
	/* Of what was held before nothing is all here any more. */
	log.has_held = false;
	if ((rc = tree_put(txn, log.number, left)) != 0 || (rc = txn_log_put(txn, &log)) != 0)
		return rc;
	return floors_count(txn);
}

/* --- pruning ---------------------------------------------------------------------------------- */

struct prune {
	struct store_txn *txn;
	struct index_view index;
	struct store_reader reader; /* of the write transaction */
	uint64_t last;              /* the newest arrival */
	unsigned done;
	bool more;
};

/* The first bundle of a log, if it begins below `to`. ENT_ENOTFOUND. */
static int first_below(struct prune *p, uint32_t log, uint64_t to, uint64_t *arrival,
	struct bundle *b)
{
	uint8_t raw[RUN_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_cursor *cursor;
	MDB_val value;
	int rc = mdb_cursor_open(p->txn->mdb, p->txn->store->log.tables[LOG_RUNS], &cursor);

	if (rc)
		return db_err(rc);
	run_key_put(raw, log, 0);
	rc = db_err(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
	if (rc == 0 &&
		(be32_get(key.mv_data) != log || be64_get((const uint8_t *)key.mv_data + 4) >= to))
		rc = ENT_ENOTFOUND;
	if (rc == 0) {
		*arrival = be64_get(value.mv_data);
		p->reader.arrival = 0;
		rc = reader_bundle(&p->reader, *arrival);
		rc = rc == ENT_ENOTFOUND ? ENT_ECORRUPT : rc;
		*b = p->reader.bundle;
	}
	mdb_cursor_close(cursor);
	return rc;
}

static int bundle_delete(struct prune *p, uint64_t arrival)
{
	uint8_t key[ARRIVAL_KEY_BYTES];

	be64_put(key, arrival);
	return txn_del(p->txn, LOG_ENTRIES, db_val(key, sizeof(key)));
}

static int run_delete(struct prune *p, uint64_t arrival, const struct bundle *b)
{
	uint8_t run[RUN_KEY_BYTES];
	int rc;

	run_key_put(run, b->log, b->first);
	rc = txn_del(p->txn, LOG_RUNS, db_val(run, sizeof(run)));
	return rc ? rc : bundle_delete(p, arrival);
}

/* Of a bundle that the floor cuts through the bodies below it go; the rest follows later. */
static int bundle_strip(struct prune *p, uint64_t arrival, const struct bundle *b, uint64_t to)
{
	uint32_t slots[BUNDLE_ENTRIES_MAX], len = 0;
	uint64_t dropped = 0;

	while (len < b->count && b->first + len < to) {
		slots[len] = len;
		len++;
	}
	return erase_slots(p->txn, arrival, slots, len, &dropped);
}

static int bundles_prune(struct prune *p, uint32_t log, uint64_t to)
{
	struct bundle b = {0};
	uint64_t arrival = 0;
	int rc;

	while ((rc = first_below(p, log, to, &arrival, &b)) == 0) {
		if (p->done++ >= BUNDLES_MAX) {
			p->more = true;
			return 0;
		}
		if (b.first + b.count > to || arrival == p->last)
			return bundle_strip(p, arrival, &b, to);
		if ((rc = run_delete(p, arrival, &b)) != 0)
			return rc;
	}
	return rc == ENT_ENOTFOUND ? 0 : rc;
}

int keys_delete(struct store_txn *txn, enum log_table table, const uint8_t *from, const uint8_t *to,
	size_t len, const uint8_t *but)
{
	MDB_val key = db_val(from, len);
	MDB_cursor *cursor;
	MDB_val value;
	int rc = mdb_cursor_open(txn->mdb, txn->store->log.tables[table], &cursor);

	if (rc)
		return txn_result(txn, rc);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (rc == 0 && key.mv_size == len && memcmp(key.mv_data, to, len) < 0) {
		if (!but || memcmp(key.mv_data, but, len) != 0)
			rc = log_cursor_del(txn->store, table, cursor);
		if (rc == 0)
			rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : txn_result(txn, rc);
}

/* Subtrees that lie below the floor, but for those that make up [0, floor). */
static int tree_prune(struct prune *p, uint32_t log, uint64_t floor)
{
	int rc = 0;

	for (unsigned level = TREE_LEVEL_MIN; level < 64 && floor >> level && rc == 0; level++) {
		uint8_t from[TREE_KEY_BYTES], to[TREE_KEY_BYTES], but[TREE_KEY_BYTES];
		uint64_t end = floor >> level;

		tree_key_put(from, log, level, 0);
		tree_key_put(to, log, level, end);
		tree_key_put(but, log, level, end - 1);
		rc = keys_delete(p->txn, LOG_TREE, from, to, sizeof(from), end & 1 ? but : NULL);
	}
	return rc;
}

/* The rows of a table of entries that lie below. */
static int rows_prune(struct prune *p, enum log_table table, uint32_t log, uint64_t floor)
{
	uint8_t from[RUN_KEY_BYTES], to[RUN_KEY_BYTES];

	run_key_put(from, log, 0);
	run_key_put(to, log, floor);
	return keys_delete(p->txn, table, from, to, sizeof(from), NULL);
}

/* The place of the first body that came later, if it lies below. ENT_ENOTFOUND. */
static int restored_first(struct prune *p, uint32_t log, uint64_t to, struct store_place *place)
{
	uint8_t raw[RUN_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_cursor *cursor;
	MDB_val value;
	int rc = mdb_cursor_open(p->txn->mdb, p->txn->store->log.tables[LOG_RESTORED], &cursor);

	if (rc)
		return db_err(rc);
	run_key_put(raw, log, 0);
	rc = db_err(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
	if (rc == 0 && value.mv_size != PLACE_BYTES)
		rc = ENT_ECORRUPT;
	if (rc == 0 &&
		(be32_get(key.mv_data) != log || be64_get((const uint8_t *)key.mv_data + 4) >= to))
		rc = ENT_ENOTFOUND;
	if (rc == 0)
		*place = place_get(value.mv_data);
	mdb_cursor_close(cursor);
	return rc;
}

/* Bodies that came later lie in bundles of their own, which go as the others do; no row of `runs`
 * leads to them: the one that begins at the same entry may be of a bundle that stays. */
static int restored_prune(struct prune *p, uint32_t log, uint64_t to)
{
	struct store_place place = {0};
	int rc;

	while ((rc = restored_first(p, log, to, &place)) == 0) {
		struct bundle b;

		if (p->done++ >= BUNDLES_MAX) {
			p->more = true;
			return 0;
		}
		p->reader.arrival = 0;
		if ((rc = reader_bundle(&p->reader, place.arrival)) != 0)
			return rc == ENT_ENOTFOUND ? ENT_ECORRUPT : rc;
		b = p->reader.bundle;
		if (b.first + b.count > to || place.arrival == p->last)
			return bundle_strip(p, place.arrival, &b, to);
		if ((rc = bundle_delete(p, place.arrival)) != 0 ||
			(rc = rows_prune(p, LOG_RESTORED, log, b.first + b.count)) != 0)
			return rc;
	}
	return rc == ENT_ENOTFOUND ? 0 : rc;
}

static int log_prune(void *ctx, const struct store_log *log)
{
	struct prune *p = ctx;
	uint64_t to = 0;
	int rc;

	if (log->floor == 0 || p->more)
		return 0;
	/* No further than the index has let go. */
	rc = index_floor_get(p->txn->store, p->index.txn, log->number, &to);
	if (rc || to == 0)
		return rc;
	to = to < log->floor ? to : log->floor;
	rc = bundles_prune(p, log->number, to);
	if (rc == 0 && to == log->floor)
		rc = tree_prune(p, log->number, to);
	if (rc == 0)
		rc = rows_prune(p, LOG_MISSING, log->number, to);
	return rc ? rc : restored_prune(p, log->number, to);
}

int store_prune(struct store_txn *txn)
{
	struct prune p = {.txn = txn, .reader = {.store = txn->store, .log = txn->mdb}};
	int rc;

	if (txn->failed)
		return txn->failed;
	/* Whatever an erasure says has to be read before it may go. */
	if (store_erasing(&p.reader) > 0)
		return 2;
	if ((rc = row_arrival_last(txn->store, txn->mdb, &p.last)) != 0 ||
		(rc = index_reader_begin(txn->store, &p.index)) != 0)
		return rc;
	rc = store_log_each(&p.reader, log_prune, &p);
	index_reader_end(&p.index);
	return rc ? rc : p.more;
}
