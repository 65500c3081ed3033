/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/redo.h"

#include <assert.h>
#include <sodium.h>
#include <unistd.h>

#include "store/impl.h"

#define REDO_PUT 1u
#define REDO_DEL 2u

/* Of LMDB's. */
#define KEY_MAX 511u

static const char redo_magic[16] = "entente redo v1";

/* The state of the truth: another 16 random bytes with every commit of something. */
#define STATE_KEY ".state"

/* --- recording -------------------------------------------------------------------------------- */

void redo_begin(struct redo *r)
{
	r->record.max = STORE_REDO_MAX;
	buf_reset(&r->record);
	/* A failure here is seen at the end, like any other. */
	(void)buf_extend(&r->record, REDO_HEAD_BYTES);
	r->changed = false;
}

static void record(struct store *s, unsigned what, unsigned table, MDB_val key, MDB_val value)
{
	struct redo *r = &s->txn.redo;

	r->changed = true;
	buf_u8(&r->record, (uint8_t)what);
	buf_u8(&r->record, (uint8_t)table);
	buf_u16(&r->record, (uint16_t)key.mv_size);
	buf_u32(&r->record, (uint32_t)value.mv_size);
	buf_append(&r->record, key.mv_data, key.mv_size);
	buf_append(&r->record, value.mv_data, value.mv_size);
}

/* What is put or deleted may lie in the map and be gone afterwards. */
int log_put(struct store *s, MDB_txn *txn, unsigned table, MDB_val *key, MDB_val *value,
	unsigned flags)
{
	if (!(flags & MDB_RESERVE))
		record(s, REDO_PUT, table, *key, *value);
	return mdb_put(txn, s->log.tables[table], key, value, flags);
}

void redo_reserved(struct store *s, unsigned table, MDB_val key, MDB_val value)
{
	record(s, REDO_PUT, table, key, value);
}

static MDB_val key_copy(uint8_t out[KEY_MAX], const MDB_val *key)
{
	assert(key->mv_size <= KEY_MAX);
	memcpy(out, key->mv_data, key->mv_size);
	return db_val(out, key->mv_size);
}

int log_del(struct store *s, MDB_txn *txn, unsigned table, MDB_val *key)
{
	uint8_t raw[KEY_MAX];
	MDB_val copy = key_copy(raw, key);
	int rc = mdb_del(txn, s->log.tables[table], &copy, NULL);

	if (rc == 0)
		record(s, REDO_DEL, table, copy, db_val(NULL, 0));
	return rc;
}

int log_cursor_del(struct store *s, unsigned table, MDB_cursor *cursor)
{
	uint8_t raw[KEY_MAX];
	MDB_val key, value;
	int rc = mdb_cursor_get(cursor, &key, &value, MDB_GET_CURRENT);

	if (rc)
		return rc;
	key = key_copy(raw, &key);
	rc = mdb_cursor_del(cursor, 0);
	if (rc == 0)
		record(s, REDO_DEL, table, key, db_val(NULL, 0));
	return rc;
}

/* --- the end of a transaction ----------------------------------------------------------------- */

/* What no state was given yet is all zeros. */
static int state_get(struct store *s, MDB_txn *txn, uint8_t id[REDO_ID_BYTES])
{
	MDB_val key = db_val(STATE_KEY, strlen(STATE_KEY)), value;
	int rc = mdb_get(txn, s->log.tables[LOG_META], &key, &value);

	memset(id, 0, REDO_ID_BYTES);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc == 0 && value.mv_size == REDO_ID_BYTES)
		memcpy(id, value.mv_data, REDO_ID_BYTES);
	return rc ? rc : value.mv_size == REDO_ID_BYTES ? 0 : MDB_CORRUPTED;
}

int redo_state_renew(struct store *s, MDB_txn *txn)
{
	MDB_val key = db_val(STATE_KEY, strlen(STATE_KEY)), value;
	uint8_t id[REDO_ID_BYTES];

	randombytes_buf(id, sizeof(id));
	value = db_val(id, sizeof(id));
	return log_put(s, txn, LOG_META, &key, &value, 0);
}

int redo_close(struct store *s, MDB_txn *txn, struct bytes *out)
{
	struct buf *b = &s->txn.redo.record;
	uint8_t before[REDO_ID_BYTES], after[REDO_ID_BYTES];
	int rc = state_get(s, txn, before);

	if (rc == 0)
		rc = redo_state_renew(s, txn);
	if (rc == 0)
		rc = state_get(s, txn, after);
	if (rc)
		return db_err(rc);
	if (buf_failed(b))
		return ENT_ELIMIT;
	memset(b->data, 0, REDO_HEAD_BYTES);
	memcpy(b->data, redo_magic, sizeof(redo_magic));
	memcpy(b->data + 16, before, sizeof(before));
	memcpy(b->data + 32, after, sizeof(after));
	*out = buf_view(b);
	return journal_metas_put(s, b->data + 48);
}

/* --- doing it again --------------------------------------------------------------------------- */

static int change_again(struct store *s, MDB_txn *txn, struct cursor *c)
{
	unsigned what = cursor_u8(c), table = cursor_u8(c);
	size_t key_len = cursor_u16(c), value_len = cursor_u32(c);
	struct bytes k = cursor_bytes(c, key_len), v = cursor_bytes(c, value_len);
	MDB_val key = db_val(k.data, k.len), value = db_val(v.data, v.len);
	int rc;

	if (!cursor_ok(c) || table >= LOG_TABLES || k.len == 0 ||
		(what != REDO_PUT && what != REDO_DEL))
		return ENT_ECORRUPT;
	if (what == REDO_PUT)
		return db_err(log_put(s, txn, table, &key, &value, 0));
	rc = log_del(s, txn, table, &key);
	return rc == MDB_NOTFOUND ? 0 : db_err(rc);
}

int redo_replay(struct store *s, struct bytes redo, bool *done)
{
	struct cursor c = cursor_of(redo);
	struct bytes head = cursor_bytes(&c, REDO_HEAD_BYTES);
	uint8_t id[REDO_ID_BYTES];
	MDB_txn *txn;
	int rc;

	*done = false;
	if (!cursor_ok(&c) || memcmp(head.data, redo_magic, sizeof(redo_magic)) != 0)
		return ENT_ECORRUPT;
	if ((rc = mdb_txn_begin(s->log.env, NULL, 0, &txn)) != 0)
		return db_err(rc);
	redo_begin(&s->txn.redo);
	rc = db_err(state_get(s, txn, id));
	if (rc != 0 || memcmp(id, head.data + 16, sizeof(id)) != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	while (rc == 0 && cursor_left(&c) > 0)
		rc = change_again(s, txn, &c);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = db_commit(&s->log, txn);
	*done = rc == 0;
	return rc;
}
