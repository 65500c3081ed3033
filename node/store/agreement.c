/* SPDX-License-Identifier: EUPL-1.2 */
/* Every version of an agreement that was in force here, and when it was over (store.h). */
#include "store/impl.h"

#define AGREEMENT_KEY_BYTES 12 /* u64 id, u32 serial */

int store_agreement_put(struct store_txn *txn, const struct store_agreement *a)
{
	uint8_t raw[AGREEMENT_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	struct buf row = buf_with_max(8 + STORE_AGREEMENT_MAX);
	struct bytes note = a->note;
	MDB_val value;
	int rc = 0;

	be64_put(raw, a->id);
	be32_put(raw + 8, a->serial);
	if (note.len == 0) {
		rc = db_err(mdb_get(txn->mdb, txn->store->log.tables[LOG_AGREEMENTS], &key,
			&value));
		if (rc == 0 && value.mv_size <= 8)
			rc = ENT_ECORRUPT;
		if (rc == 0)
			note = bytes_skip(db_bytes(value), 8);
	}
	if (rc == 0) {
		buf_u64(&row, (uint64_t)a->ended_ms);
		buf_bytes(&row, note);
		rc = buf_failed(&row)
			     ? ENT_EINVALID
			     : txn_put(txn, LOG_AGREEMENTS, key, db_val(row.data, row.len), 0);
	}
	buf_free(&row);
	return rc;
}

int store_agreement_each(struct store_reader *r,
	int (*visit)(void *ctx, const struct store_agreement *a), void *ctx)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_AGREEMENTS], &cursor);

	if (rc)
		return db_err(rc);
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		struct store_agreement a;

		if (key.mv_size != AGREEMENT_KEY_BYTES || value.mv_size <= 8) {
			mdb_cursor_close(cursor);
			return ENT_ECORRUPT;
		}
		a.id = be64_get(key.mv_data);
		a.serial = be32_get((const uint8_t *)key.mv_data + 8);
		a.ended_ms = (int64_t)be64_get(value.mv_data);
		a.note = bytes_skip(db_bytes(value), 8);
		if ((rc = visit(ctx, &a)) != 0) {
			mdb_cursor_close(cursor);
			return rc;
		}
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : db_err(rc);
}
