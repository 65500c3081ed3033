/* SPDX-License-Identifier: EUPL-1.2 */
/* Table `holds` (docs/STORE.md): values held back from exports, under the hash of type and value,
 * since a value may be longer than a key. */
#include "store/impl.h"

#include <sodium.h>

#include "proto/limits.h"

static void hold_key(uint8_t out[HASH_BYTES], enum type type, struct bytes value)
{
	crypto_hash_sha256_state s;
	uint8_t number = (uint8_t)type;

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, &number, 1);
	crypto_hash_sha256_update(&s, value.data, value.len);
	crypto_hash_sha256_final(&s, out);
}

static int hold_decode(MDB_val row, struct store_hold *hold)
{
	struct cursor c = cursor_of(db_bytes(row));

	hold->since_ms = (int64_t)cursor_u64(&c);
	hold->type = cursor_u8(&c);
	hold->operator_name = cursor_bytes(&c, cursor_u8(&c));
	hold->value = cursor_bytes(&c, cursor_left(&c));
	return cursor_ok(&c) ? 0 : ENT_ECORRUPT;
}

int store_hold_put(struct store_txn *txn, const struct store_hold *hold)
{
	struct buf row = buf_with_max(RECORD_VALUE_MAX + 512);
	uint8_t raw[HASH_BYTES];
	MDB_val key = db_val(raw, sizeof(raw)), value;
	int rc;

	if (txn->failed)
		return txn->failed;
	if (hold->operator_name.len > ACT_OPERATOR_MAX || hold->value.len > RECORD_VALUE_MAX)
		return ENT_EINVALID;
	hold_key(raw, hold->type, hold->value);
	buf_u64(&row, (uint64_t)hold->since_ms);
	buf_u8(&row, (uint8_t)hold->type);
	buf_u8(&row, (uint8_t)hold->operator_name.len);
	buf_bytes(&row, hold->operator_name);
	buf_bytes(&row, hold->value);
	value = db_val(row.data, row.len);
	rc = buf_failed(&row) ? ENT_ENOMEM
			      : db_err(log_put(txn->store, txn->mdb, LOG_HOLDS, &key, &value, 0));
	buf_free(&row);
	if (rc)
		txn->failed = rc;
	return rc;
}

int store_hold_remove(struct store_txn *txn, enum type type, struct bytes value)
{
	uint8_t raw[HASH_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	int rc;

	if (txn->failed)
		return txn->failed;
	hold_key(raw, type, value);
	rc = db_err(log_del(txn->store, txn->mdb, LOG_HOLDS, &key));
	if (rc && rc != ENT_ENOTFOUND)
		txn->failed = rc;
	return rc;
}

int store_hold_get(struct store_reader *r, enum type type, struct bytes value,
	struct store_hold *hold)
{
	uint8_t raw[HASH_BYTES];
	MDB_val key = db_val(raw, sizeof(raw)), row;
	int rc;

	hold_key(raw, type, value);
	rc = mdb_get(r->log, r->store->log.tables[LOG_HOLDS], &key, &row);
	return rc ? db_err(rc) : hold_decode(row, hold);
}

int store_hold_each(struct store_reader *r, int (*visit)(void *ctx, const struct store_hold *hold),
	void *ctx)
{
	struct store_hold hold;
	MDB_cursor *cursor;
	MDB_val key, row;
	int rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_HOLDS], &cursor);

	if (rc)
		return db_err(rc);
	while ((rc = mdb_cursor_get(cursor, &key, &row, MDB_NEXT)) == 0) {
		if ((rc = hold_decode(row, &hold)) != 0 || (rc = visit(ctx, &hold)) != 0)
			goto out;
	}
	rc = rc == MDB_NOTFOUND ? 0 : db_err(rc);
out:
	mdb_cursor_close(cursor);
	return rc;
}
