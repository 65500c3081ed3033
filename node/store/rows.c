/* SPDX-License-Identifier: EUPL-1.2 */
/* Rows of the truth that reader and writer share: names, logs, arrivals. */
#include "store/impl.h"

#include <assert.h>
#include <errno.h>

#include "base/buf.h"

#define FLAG_FROZEN     0x01u
#define FLAG_CHECKPOINT 0x02u
#define FLAG_HELD       0x04u

/* A row with all 64 hashes a tree from 0 can have stays below this. */
#define LOG_ROW_MAX 4096

int row_number_get(struct store *s, MDB_txn *txn, const struct log_name *name, uint32_t *number)
{
	uint8_t packed[LOG_NAME_BYTES];
	MDB_val key = db_val(packed, sizeof(packed));
	MDB_val value;
	int rc;

	log_name_pack(packed, name);
	rc = mdb_get(txn, s->log.tables[LOG_NAMES], &key, &value);
	if (rc)
		return db_err(rc);
	if (value.mv_size != 4)
		return ENT_ECORRUPT;
	*number = be32_get(value.mv_data);
	return 0;
}

static void checkpoint_put(struct buf *out, const struct checkpoint *c)
{
	buf_u64(out, c->size);
	buf_append(out, c->root.bytes, HASH_BYTES);
	buf_append(out, c->signature, CHECKPOINT_SIGNATURE_BYTES);
}

static void checkpoint_get(struct cursor *c, const struct log_name *name, struct checkpoint *out)
{
	out->log = *name;
	out->size = cursor_u64(c);
	cursor_copy(c, out->root.bytes, HASH_BYTES);
	cursor_copy(c, out->signature, CHECKPOINT_SIGNATURE_BYTES);
}

int row_log_decode(MDB_val key, MDB_val value, struct store_log *log)
{
	struct cursor c = cursor_of(db_bytes(value));
	struct bytes hashes;
	uint8_t flags;

	if (key.mv_size != 4)
		return ENT_ECORRUPT;
	log->number = be32_get(key.mv_data);
	if (!log_name_unpack(cursor_bytes(&c, LOG_NAME_BYTES), &log->name))
		return ENT_ECORRUPT;
	flags = cursor_u8(&c);
	log->size = cursor_u64(&c);
	log->floor = cursor_u64(&c);
	cursor_copy(&c, log->via.bytes, NODE_ID_BYTES);
	log->received_ms = (int64_t)cursor_u64(&c);
	log->receipts = cursor_u32(&c);
	checkpoint_get(&c, &log->name, &log->checkpoint);
	checkpoint_get(&c, &log->name, &log->held);
	log->frozen = flags & FLAG_FROZEN;
	log->has_checkpoint = flags & FLAG_CHECKPOINT;
	log->has_held = flags & FLAG_HELD;
	if (!cursor_ok(&c))
		return ENT_ECORRUPT;
	hashes = cursor_bytes(&c, cursor_left(&c));
	if (hashes.len % HASH_BYTES != 0 ||
		hashes.len / HASH_BYTES != range_hashes_count(0, log->size))
		return ENT_ECORRUPT;
	log->tree.begin = 0;
	log->tree.end = log->size;
	log->tree.hashes_len = (unsigned)(hashes.len / HASH_BYTES);
	if (hashes.len)
		memcpy(log->tree.hashes, hashes.data, hashes.len);
	return 0;
}

int row_log_get(struct store *s, MDB_txn *txn, uint32_t number, struct store_log *log)
{
	uint8_t raw[4];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value;
	int rc;

	be32_put(raw, number);
	rc = mdb_get(txn, s->log.tables[LOG_LOGS], &key, &value);
	return rc ? db_err(rc) : row_log_decode(key, value, log);
}

int row_log_put(struct store *s, MDB_txn *txn, const struct store_log *log)
{
	uint8_t number[4], name[LOG_NAME_BYTES];
	MDB_val key = db_val(number, sizeof(number));
	MDB_val value;
	struct buf row = buf_with_max(LOG_ROW_MAX);
	int rc;

	assert(log->tree.begin == 0 && log->tree.end == log->size);
	be32_put(number, log->number);
	log_name_pack(name, &log->name);
	buf_append(&row, name, sizeof(name));
	buf_u8(&row, (uint8_t)((log->frozen ? FLAG_FROZEN : 0) |
			       (log->has_checkpoint ? FLAG_CHECKPOINT : 0) |
			       (log->has_held ? FLAG_HELD : 0)));
	buf_u64(&row, log->size);
	buf_u64(&row, log->floor);
	buf_append(&row, log->via.bytes, NODE_ID_BYTES);
	buf_u64(&row, (uint64_t)log->received_ms);
	buf_u32(&row, log->receipts);
	checkpoint_put(&row, &log->checkpoint);
	checkpoint_put(&row, &log->held);
	buf_append(&row, log->tree.hashes, log->tree.hashes_len * sizeof(log->tree.hashes[0]));
	value = db_val(row.data, row.len);
	rc = buf_failed(&row) ? ENOMEM : log_put(s, txn, LOG_LOGS, &key, &value, 0);
	buf_free(&row);
	return rc;
}

/* The last key of a table; MDB_NOTFOUND when it is empty. */
static int last_key(MDB_txn *txn, MDB_dbi table, MDB_val *key)
{
	MDB_cursor *cursor;
	MDB_val value;
	int rc = mdb_cursor_open(txn, table, &cursor);

	if (rc)
		return rc;
	rc = mdb_cursor_get(cursor, key, &value, MDB_LAST);
	mdb_cursor_close(cursor);
	return rc;
}

int row_log_create(struct store *s, MDB_txn *txn, const struct log_name *name,
	struct store_log *log)
{
	uint8_t packed[LOG_NAME_BYTES], number[4];
	MDB_val key, value;
	int rc = last_key(txn, s->log.tables[LOG_LOGS], &key);

	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	memset(log, 0, sizeof(*log));
	log->number = rc == 0 ? be32_get(key.mv_data) + 1 : 1;
	log->name = *name;
	range_init(&log->tree, 0);
	log_name_pack(packed, name);
	be32_put(number, log->number);
	key = db_val(packed, sizeof(packed));
	value = db_val(number, sizeof(number));
	rc = log_put(s, txn, LOG_NAMES, &key, &value, MDB_NOOVERWRITE);
	return rc ? rc : row_log_put(s, txn, log);
}

/* What was given before the newest bundles were dropped. */
static int arrival_dropped(struct store *s, MDB_txn *txn, uint64_t *arrival)
{
	MDB_val key = db_val(".arrival", strlen(".arrival")), value;
	int rc = mdb_get(txn, s->log.tables[LOG_META], &key, &value);

	*arrival = 0;
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return db_err(rc);
	if (value.mv_size != ARRIVAL_KEY_BYTES)
		return ENT_ECORRUPT;
	*arrival = be64_get(value.mv_data);
	return 0;
}

int row_arrival_last(struct store *s, MDB_txn *txn, uint64_t *arrival)
{
	MDB_val key;
	int rc = last_key(txn, s->log.tables[LOG_ENTRIES], &key);

	*arrival = 0;
	if (rc == 0 && key.mv_size != ARRIVAL_KEY_BYTES)
		return ENT_ECORRUPT;
	if (rc == 0)
		*arrival = be64_get(key.mv_data);
	if (rc == 0 || rc == MDB_NOTFOUND) {
		uint64_t dropped;

		rc = arrival_dropped(s, txn, &dropped);
		if (rc == 0 && dropped > *arrival)
			*arrival = dropped;
		return rc;
	}
	return db_err(rc);
}
