/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Cosignatures of peers: receipts of feeds, and of this node's provenance logs by their witnesses.
 *
 * Who had an entry when is read from them, so not only the newest counts. But a busy feed brings
 * one a second from every peer. One that is superseded is kept only if it stands RECEIPT_GAP_S or
 * more behind the one before it, judged when the next comes: the first receipt kept that covers an
 * entry is then at most so much later than the first that came. And of one node and log there are
 * never more than RECEIPTS_KEPT: then every second one of the older half goes.
 */
#include "store/impl.h"

#include <assert.h>

#define RECEIPT_GAP_S 60u
#define RECEIPTS_KEPT 4096u
#define EVIDENCE_KEPT 16u
#define RECEIPT_BYTES 168u /* u64 time, root, cosignature, signature of the origin */

#define CLASS_HELD    0u
#define CLASS_DIFFERS 1u

#define KEY_CLASS     4
#define KEY_NODE      5
#define KEY_SIZE      (KEY_NODE + NODE_ID_BYTES)

/* --- rows ------------------------------------------------------------------------------------- */

static enum log_table table_of(const struct log_name *log)
{
	return log->audience.kind == AUDIENCE_PROVENANCE ? LOG_COSIGNED : LOG_RECEIPTS;
}

static void key_put(uint8_t out[RECEIPT_KEY_BYTES], uint32_t log, uint8_t class,
	const struct node_id *node, uint64_t size)
{
	be32_put(out, log);
	out[KEY_CLASS] = class;
	memcpy(out + KEY_NODE, node->bytes, NODE_ID_BYTES);
	be64_put(out + KEY_SIZE, size);
}

/* Of the same log, class and node? */
static bool key_beside(MDB_val key, const uint8_t other[RECEIPT_KEY_BYTES])
{
	return key.mv_size == RECEIPT_KEY_BYTES && memcmp(key.mv_data, other, KEY_SIZE) == 0;
}

static uint64_t key_size(MDB_val key)
{
	return be64_get((const uint8_t *)key.mv_data + KEY_SIZE);
}

static int row_decode(MDB_val key, MDB_val value, const struct log_name *log,
	struct store_receipt *r)
{
	struct cursor k = cursor_of(db_bytes(key)), c = cursor_of(db_bytes(value));

	cursor_u32(&k);
	r->differs = cursor_u8(&k) == CLASS_DIFFERS;
	cursor_copy(&k, r->node.bytes, NODE_ID_BYTES);
	r->checkpoint.log = *log;
	r->checkpoint.size = cursor_u64(&k);
	r->cosignature.time = cursor_u64(&c);
	cursor_copy(&c, r->checkpoint.root.bytes, HASH_BYTES);
	cursor_copy(&c, r->cosignature.signature, sizeof(r->cosignature.signature));
	cursor_copy(&c, r->checkpoint.signature, CHECKPOINT_SIGNATURE_BYTES);
	return cursor_done(&k) && cursor_done(&c) ? 0 : ENT_ECORRUPT;
}

static void row_encode(uint8_t out[RECEIPT_BYTES], const struct store_receipt *r)
{
	be64_put(out, r->cosignature.time);
	memcpy(out + 8, r->checkpoint.root.bytes, HASH_BYTES);
	memcpy(out + 40, r->cosignature.signature, 64);
	memcpy(out + 104, r->checkpoint.signature, CHECKPOINT_SIGNATURE_BYTES);
}

/* --- counting --------------------------------------------------------------------------------- */

/* Sets the cursor on the last row at or before the key. MDB_NOTFOUND: there is none at all. */
static int seek_last(MDB_cursor *cursor, uint8_t raw[RECEIPT_KEY_BYTES], MDB_val *key,
	MDB_val *value)
{
	int rc;

	*key = db_val(raw, RECEIPT_KEY_BYTES);
	rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		return mdb_cursor_get(cursor, key, value, MDB_LAST);
	if (rc == 0 && (key->mv_size != RECEIPT_KEY_BYTES ||
			       memcmp(key->mv_data, raw, RECEIPT_KEY_BYTES) != 0))
		rc = mdb_cursor_get(cursor, key, value, MDB_PREV);
	return rc;
}

/* Two look-ups a node, however many rows it has. */
static int count_with(MDB_cursor *cursor, const struct store_log *log, uint32_t *count)
{
	static const struct node_id first;
	uint8_t raw[RECEIPT_KEY_BYTES];
	MDB_val key, value;
	int rc;

	key_put(raw, log->number, CLASS_HELD, &first, 0);
	for (;;) {
		key = db_val(raw, sizeof(raw));
		rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
		if (rc == MDB_NOTFOUND)
			return 0;
		if (rc)
			return rc;
		if (key.mv_size != RECEIPT_KEY_BYTES || memcmp(key.mv_data, raw, KEY_NODE) != 0)
			return 0;
		memcpy(raw, key.mv_data, KEY_SIZE);
		be64_put(raw + KEY_SIZE, UINT64_MAX);
		rc = seek_last(cursor, raw, &key, &value);
		if (rc)
			return rc;
		*count += key_size(key) >= log->checkpoint.size;
	}
}

int receipts_count(struct store *s, MDB_txn *txn, const struct store_log *log, uint32_t *count)
{
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, s->log.tables[table_of(&log->name)], &cursor);

	*count = 0;
	if (rc)
		return rc;
	rc = count_with(cursor, log, count);
	mdb_cursor_close(cursor);
	return rc;
}

/* --- putting ---------------------------------------------------------------------------------- */

static int rows_len(MDB_cursor *cursor, const uint8_t beside[RECEIPT_KEY_BYTES], uint32_t *len)
{
	uint8_t raw[RECEIPT_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw)), value;
	int rc;

	memcpy(raw, beside, KEY_SIZE);
	be64_put(raw + KEY_SIZE, 0);
	*len = 0;
	for (rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
		rc == 0 && key_beside(key, beside);
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))
		(*len)++;
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Rows of a table that are read and deleted. */
struct rows {
	struct store *store;
	enum log_table table;
	MDB_cursor *cursor;
};

/* Every second one of the older half; the oldest stays. */
static int rows_halve(const struct rows *rows, const uint8_t beside[RECEIPT_KEY_BYTES])
{
	MDB_cursor *cursor = rows->cursor;
	uint8_t raw[RECEIPT_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw)), value;
	int rc;

	memcpy(raw, beside, KEY_SIZE);
	be64_put(raw + KEY_SIZE, 0);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	for (uint32_t i = 0; rc == 0 && i < RECEIPTS_KEPT / 2 && key_beside(key, beside); i++) {
		if (i % 2 == 1 && (rc = log_cursor_del(rows->store, rows->table, cursor)) != 0)
			break;
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/*
 * The row at the cursor has been the newest until now. It goes if the one before it and the one
 * that comes now are close together. *kept: it stays.
 */
static int newest_supersede(const struct rows *rows, const uint8_t next[RECEIPT_KEY_BYTES],
	uint64_t next_time, bool *kept)
{
	MDB_cursor *cursor = rows->cursor;
	MDB_val key, value;
	uint64_t before;
	int rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV);

	*kept = true;
	if (rc == MDB_NOTFOUND || (rc == 0 && !key_beside(key, next)))
		return 0;
	if (rc)
		return rc;
	before = be64_get(value.mv_data);
	if (next_time > before && next_time - before >= RECEIPT_GAP_S)
		return 0;
	*kept = false;
	rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	return rc ? rc : log_cursor_del(rows->store, rows->table, cursor);
}

static int held_make_room(const struct rows *rows, uint8_t raw[RECEIPT_KEY_BYTES], uint64_t time,
	bool *news)
{
	MDB_cursor *cursor = rows->cursor;
	uint8_t newest[RECEIPT_KEY_BYTES];
	MDB_val key, value;
	uint32_t len;
	bool kept;
	int rc;

	*news = true;
	memcpy(newest, raw, KEY_SIZE);
	be64_put(newest + KEY_SIZE, UINT64_MAX);
	rc = seek_last(cursor, newest, &key, &value);
	if (rc == MDB_NOTFOUND || (rc == 0 && !key_beside(key, raw)))
		return 0;
	if (rc)
		return rc;
	*news = key_size(key) < be64_get(raw + KEY_SIZE);
	if (!*news)
		return 0;
	rc = newest_supersede(rows, raw, time, &kept);
	if (rc == 0 && kept)
		rc = rows_len(cursor, raw, &len);
	if (rc == 0 && kept && len >= RECEIPTS_KEPT)
		rc = rows_halve(rows, raw);
	return rc;
}

static int make_room(struct store_txn *txn, const struct store_receipt *r,
	uint8_t raw[RECEIPT_KEY_BYTES], bool *news)
{
	struct rows rows = {.store = txn->store, .table = table_of(&r->checkpoint.log)};
	uint32_t len = 0;
	int rc = mdb_cursor_open(txn->mdb, txn->store->log.tables[rows.table], &rows.cursor);

	if (rc)
		return txn_result(txn, rc);
	if (!r->differs)
		rc = held_make_room(&rows, raw, r->cosignature.time, news);
	else
		rc = rows_len(rows.cursor, raw, &len);
	mdb_cursor_close(rows.cursor);
	if (rc)
		return txn_result(txn, rc);
	return len >= EVIDENCE_KEPT ? ENT_ELIMIT : 0;
}

int store_receipt_put(struct store_txn *txn, const struct store_receipt *r)
{
	const struct log_name *name = &r->checkpoint.log;
	uint8_t raw[RECEIPT_KEY_BYTES], row[RECEIPT_BYTES];
	struct store_log log;
	bool news = true;
	int rc;

	if (r->checkpoint.size == 0 || r->checkpoint.size > INT64_MAX)
		return ENT_EINVALID;
	rc = store_txn_log(txn, name, true, &log);
	if (rc)
		return rc;
	key_put(raw, log.number, r->differs ? CLASS_DIFFERS : CLASS_HELD, &r->node,
		r->checkpoint.size);
	rc = make_room(txn, r, raw, &news);
	if (rc || !news)
		return rc;
	row_encode(row, r);
	rc = txn_put(txn, table_of(name), db_val(raw, sizeof(raw)), db_val(row, sizeof(row)), 0);
	if (rc || r->differs || !log.has_checkpoint || r->checkpoint.size < log.checkpoint.size)
		return rc;
	rc = receipts_count(txn->store, txn->mdb, &log, &log.receipts);
	return rc ? txn_result(txn, rc) : txn_log_put(txn, &log);
}

/* --- reading ---------------------------------------------------------------------------------- */

int store_receipt_each(struct store_reader *r, const struct log_name *log,
	int (*visit)(void *ctx, const struct store_receipt *receipt), void *ctx)
{
	MDB_dbi table = r->store->log.tables[table_of(log)];
	struct store_receipt receipt;
	MDB_cursor *cursor;
	MDB_val key, value;
	uint8_t raw[4];
	uint32_t number;
	int rc = row_number_get(r->store, r->log, log, &number);

	if (rc == ENT_ENOTFOUND)
		return 0;
	if (rc)
		return rc;
	rc = mdb_cursor_open(r->log, table, &cursor);
	if (rc)
		return db_err(rc);
	be32_put(raw, number);
	key = db_val(raw, sizeof(raw));
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (rc == 0 && key.mv_size > sizeof(raw) && memcmp(key.mv_data, raw, sizeof(raw)) == 0) {
		rc = row_decode(key, value, log, &receipt);
		if (rc == 0)
			rc = visit(ctx, &receipt);
		if (rc)
			goto out;
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	rc = rc == MDB_NOTFOUND ? 0 : db_err(rc);
out:
	mdb_cursor_close(cursor);
	return rc;
}
