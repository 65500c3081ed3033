/* SPDX-License-Identifier: EUPL-1.2 */
/* What this node has cosigned of its peers' provenance logs: the witness's memory. */
#include "store/impl.h"

#define CHECKPOINT_BYTES 104u /* u64 size, root, signature */
#define FLAG_REWRITTEN   0x01u
#define WITNESS_BYTES    (9u + 2u * CHECKPOINT_BYTES) /* u8 flags, u64 time, two checkpoints */

static void checkpoint_put(struct buf *out, const struct checkpoint *c)
{
	buf_u64(out, c->size);
	buf_append(out, c->root.bytes, HASH_BYTES);
	buf_append(out, c->signature, CHECKPOINT_SIGNATURE_BYTES);
}

static void checkpoint_get(struct cursor *c, const struct log_name *log, struct checkpoint *out)
{
	out->log = *log;
	out->size = cursor_u64(c);
	cursor_copy(c, out->root.bytes, HASH_BYTES);
	cursor_copy(c, out->signature, CHECKPOINT_SIGNATURE_BYTES);
}

static int row_decode(MDB_val key, MDB_val value, struct store_witness *w)
{
	struct cursor c = cursor_of(db_bytes(value));
	struct log_name log;

	if (!log_name_unpack(db_bytes(key), &log))
		return ENT_ECORRUPT;
	w->rewritten = cursor_u8(&c) & FLAG_REWRITTEN;
	w->time = cursor_u64(&c);
	checkpoint_get(&c, &log, &w->checkpoint);
	checkpoint_get(&c, &log, &w->other);
	return cursor_done(&c) ? 0 : ENT_ECORRUPT;
}

static int row_put(struct store_txn *txn, const struct store_witness *w)
{
	uint8_t name[LOG_NAME_BYTES];
	struct buf row = buf_with_max(WITNESS_BYTES);
	int rc;

	log_name_pack(name, &w->checkpoint.log);
	buf_u8(&row, w->rewritten ? FLAG_REWRITTEN : 0);
	buf_u64(&row, w->time);
	checkpoint_put(&row, &w->checkpoint);
	checkpoint_put(&row, &w->other);
	rc = buf_failed(&row) ? ENT_ENOMEM
			      : txn_put(txn, LOG_WITNESS, db_val(name, sizeof(name)),
					db_val(row.data, row.len), 0);
	buf_free(&row);
	return rc;
}

/* The oldest of a node's logs that was not rewritten, and how many there are of the node. */
static int oldest_find(MDB_cursor *cursor, const struct node_id *node,
	uint8_t oldest[LOG_NAME_BYTES], bool *found, uint32_t *len)
{
	MDB_val key = db_val(node->bytes, NODE_ID_BYTES), value;
	struct store_witness w;
	int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

	*found = false;
	*len = 0;
	while (rc == 0 && key.mv_size == LOG_NAME_BYTES &&
		memcmp(key.mv_data, node->bytes, NODE_ID_BYTES) == 0) {
		(*len)++;
		if (!*found && row_decode(key, value, &w) == 0 && !w.rewritten) {
			*found = true;
			memcpy(oldest, key.mv_data, LOG_NAME_BYTES);
		}
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* A peer may begin a new log as often as it likes; what is kept of it does not grow. */
static int make_room(struct store_txn *txn, const struct node_id *node)
{
	uint8_t oldest[LOG_NAME_BYTES];
	MDB_val key = db_val(oldest, sizeof(oldest));
	MDB_cursor *cursor;
	uint32_t len;
	bool found;
	int rc = mdb_cursor_open(txn->mdb, txn->store->log.tables[LOG_WITNESS], &cursor);

	if (rc)
		return txn_result(txn, rc);
	rc = oldest_find(cursor, node, oldest, &found, &len);
	mdb_cursor_close(cursor);
	if (rc)
		return txn_result(txn, rc);
	if (len < STORE_WITNESS_LOGS)
		return 0;
	return found ? txn_del(txn, LOG_WITNESS, key) : ENT_ELIMIT;
}

/* What stands there and what is to stand there instead; ENT_ESTATE when it may not. */
static int swap(const struct store_witness *there, struct store_witness *w)
{
	const struct checkpoint *old = &there->checkpoint, *new = &w->checkpoint;

	if (w->rewritten) {
		struct checkpoint other = there->rewritten ? there->other : w->other;

		*w = *there;
		w->rewritten = true;
		w->other = other;
		return 0;
	}
	if (there->rewritten || new->size < old->size ||
		(new->size == old->size && !hash_eq(&new->root, &old->root)))
		return ENT_ESTATE;
	return 0;
}

int store_witness_put(struct store_txn *txn, const struct store_witness *w)
{
	struct store_witness row = *w, there;
	uint8_t name[LOG_NAME_BYTES];
	MDB_val key = db_val(name, sizeof(name)), value;
	int rc;

	if (txn->failed)
		return txn->failed;
	log_name_pack(name, &w->checkpoint.log);
	rc = mdb_get(txn->mdb, txn->store->log.tables[LOG_WITNESS], &key, &value);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return txn_result(txn, rc);
	if (rc == MDB_NOTFOUND) {
		rc = make_room(txn, &w->checkpoint.log.node);
	} else {
		rc = row_decode(key, value, &there);
		if (rc == 0)
			rc = swap(&there, &row);
	}
	return rc ? rc : row_put(txn, &row);
}

int store_witness_each(struct store_reader *r,
	int (*visit)(void *ctx, const struct store_witness *w), void *ctx)
{
	MDB_dbi table = r->store->log.tables[LOG_WITNESS];
	struct store_witness w;
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc;

	rc = mdb_cursor_open(r->log, table, &cursor);
	if (rc)
		return db_err(rc);
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		if ((rc = row_decode(key, value, &w)) != 0 || (rc = visit(ctx, &w)) != 0)
			goto out;
	}
	rc = rc == MDB_NOTFOUND ? 0 : db_err(rc);
out:
	mdb_cursor_close(cursor);
	return rc;
}
