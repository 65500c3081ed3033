/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Look-ups: by value, by object id, by expiry. The index names places, the truth has the last
 * word.
 */
#include "store/impl.h"

#include <assert.h>

#define RULE_VOID    "void"
#define INDEX_BEYOND (UINT64_MAX >> 1)

/* What the index names may have gone below the floor since, or have become void: 1 here, 0 gone, or
 * an error. */
static int found(struct store_reader *r, int rc, const struct store_entry *e)
{
	if (rc == 0)
		return !reader_void(r, e->log, e->index);
	return rc == ENT_ENOTFOUND ? 0 : rc;
}

/* --- state ------------------------------------------------------------------------------------ */

uint64_t store_index_position(struct store_reader *r)
{
	struct index_state state;

	return r->index.txn && index_state_get(r->store, r->index.txn, &state) == 0 ? state.position
										    : 0;
}

int store_counts(struct store_reader *r, struct store_counts *c)
{
	struct index_state state = {0};
	int rc = r->index.txn ? index_state_get(r->store, r->index.txn, &state) : 0;

	*c = state.counts;
	return rc;
}

const char *store_hidden(struct store_reader *r, struct store_place place)
{
	uint8_t raw[PLACE_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value;

	if (reader_void_at(r, place))
		return RULE_VOID;
	place_put(raw, place);
	if (!r->index.txn ||
		mdb_get(r->index.txn, r->store->index.tables[INDEX_HIDDEN], &key, &value) != 0)
		return NULL;
	return value.mv_data; /* stored with its NUL */
}

/* --- look-ups --------------------------------------------------------------------------------- */

static bool value_matches(struct store_reader *r, const struct store_entry *e, enum type type,
	struct bytes value)
{
	struct record_indicator indicator;
	struct record_object object;

	arena_reset(&r->arena);
	if (e->entry.erased)
		return false;
	if (e->header.kind == KIND_INDICATOR)
		return e->header.type == type &&
		       record_indicator_decode(e->entry.body, &r->arena, &indicator) == 0 &&
		       bytes_eq(indicator.value, value);
	return e->header.kind == KIND_OBJECT && type == TYPE_STIX &&
	       record_object_decode(e->entry.body, &r->arena, &object) == 0 &&
	       bytes_eq(object.stix_id, value);
}

int store_find_value(struct store_reader *r, enum type type, struct bytes value,
	int (*visit)(void *ctx, const struct store_entry *e), void *ctx)
{
	uint8_t least[VALUE_KEY_BYTES] = {0};
	struct store_entry e;
	struct index_scan sc;
	int rc;

	if (value.len > RECORD_VALUE_MAX)
		return 0;
	index_value_hash(r->store, least, type, value);
	rc = index_scan_open(&sc, &r->index, PART_VALUE);
	if (rc == 0)
		rc = index_scan_seek(&sc, least, 8);
	while (rc == 0 && (rc = index_scan_next(&sc)) == 1) {
		rc = found(r, store_entry_at(r, place_get(sc.key + 8), &e), &e);
		/* Other values may have the same hash. */
		if (rc == 1)
			rc = value_matches(r, &e, type, value) ? visit(ctx, &e) : 0;
	}
	index_scan_close(&sc);
	return rc;
}

int store_find_object(struct store_reader *r, const uint8_t *prefix, size_t len,
	int (*visit)(void *ctx, const struct store_entry *e), void *ctx)
{
	uint8_t least[OBJECT_KEY_BYTES] = {0};
	struct store_entry e;
	struct index_scan sc;
	int rc;

	if (len > OBJECT_ID_BYTES)
		return ENT_EINVALID;
	if (len > 0)
		memcpy(least, prefix, len);
	rc = index_scan_open(&sc, &r->index, PART_OBJECT);
	if (rc == 0)
		rc = index_scan_seek(&sc, least, len);
	while (rc == 0 && (rc = index_scan_next(&sc)) == 1) {
		const uint8_t *place = sc.key + OBJECT_ID_BYTES;

		rc = found(r, store_entry_get(r, be32_get(place), be64_get(place + 4), &e), &e);
		if (rc == 1)
			rc = visit(ctx, &e);
	}
	index_scan_close(&sc);
	return rc;
}

int store_find_expiry(struct store_reader *r, int64_t from_ms, int64_t to_ms,
	int (*visit)(void *ctx, const struct store_entry *e), void *ctx)
{
	uint8_t least[EXPIRY_KEY_BYTES] = {0};
	struct store_entry e;
	struct index_scan sc;
	int rc;

	be64_put(least, from_ms > 0 ? (uint64_t)from_ms : 0);
	rc = index_scan_open(&sc, &r->index, PART_EXPIRY);
	if (rc == 0)
		rc = index_scan_seek(&sc, least, 0);
	while (rc == 0 && (rc = index_scan_next(&sc)) == 1) {
		if (to_ms <= 0 || be64_get(sc.key) >= (uint64_t)to_ms) {
			rc = 0;
			break;
		}
		rc = found(r, store_entry_at(r, place_get(sc.key + 8), &e), &e);
		if (rc == 1)
			rc = visit(ctx, &e);
	}
	index_scan_close(&sc);
	return rc;
}

/* --- the standing entry ----------------------------------------------------------------------- */

/* The entry that the index names. 1: it is that of a tail that was cut, in whose place there is
 * another by now, or none. ENT_ENOTFOUND: it lies below the floor. */
static int object_named(struct store_reader *r, uint32_t log, uint64_t index,
	const uint8_t object[OBJECT_ID_BYTES], struct store_entry *e)
{
	struct store_log row;
	int rc = store_entry_get(r, log, index, e);

	if (rc == 0)
		return memcmp(e->header.object, object, OBJECT_ID_BYTES) != 0;
	if (rc != ENT_ENOTFOUND || (rc = store_log_at(r, log, &row)) != 0)
		return rc;
	return index < row.floor ? ENT_ENOTFOUND : 1;
}

/* The last entry of one log about an object. ENT_ENOTFOUND. */
static int object_last(struct store_reader *r, uint32_t log, const uint8_t object[OBJECT_ID_BYTES],
	struct store_entry *e)
{
	uint8_t bound[OBJECT_KEY_BYTES];
	struct index_scan sc;
	int rc = index_scan_open(&sc, &r->index, PART_OBJECT);

	/* No log reaches that index, nothing void stands: what lies before is the last there is. */
	object_key_put(bound, object, log,
		reader_void(r, log, INDEX_BEYOND - 1) ? r->void_from : INDEX_BEYOND);
	for (int gone = rc == 0; gone == 1;) {
		rc = index_scan_before(&sc, bound, OBJECT_ID_BYTES + 4);
		if (rc != 1) {
			rc = rc == 0 ? ENT_ENOTFOUND : rc;
			break;
		}
		memcpy(bound, sc.key, sizeof(bound));
		rc = gone = object_named(r, log, be64_get(bound + OBJECT_ID_BYTES + 4), object, e);
	}
	index_scan_close(&sc);
	return rc;
}

/*
 * One row of table `names`: the standing entry if that log is of the node and audience and has
 * one.
 */
static int name_standing(struct store_reader *r, MDB_val key, MDB_val value,
	struct audience audience, const uint8_t object[OBJECT_ID_BYTES], struct store_entry *e)
{
	struct log_name name;

	if (!log_name_unpack(db_bytes(key), &name) || value.mv_size != 4)
		return ENT_ECORRUPT;
	if (!audience_eq(name.audience, audience))
		return ENT_ENOTFOUND;
	return object_last(r, be32_get(value.mv_data), object, e);
}

/*
 * Goes through the node's own logs, newest incarnation first, rather than through all entries about
 * the object: however much others write about it, the answer costs the same.
 */
int store_object_standing(struct store_reader *r, const struct node_id *node,
	struct audience audience, const uint8_t object[OBJECT_ID_BYTES], struct store_entry *e)
{
	uint8_t raw[LOG_NAME_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value;
	MDB_cursor *cursor;
	int rc;

	if (!r->index.txn)
		return ENT_ENOTFOUND;
	rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_NAMES], &cursor);
	if (rc)
		return db_err(rc);
	memset(raw, 0xff, sizeof(raw));
	memcpy(raw, node->bytes, NODE_ID_BYTES);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	rc = mdb_cursor_get(cursor, &key, &value, rc == 0 ? MDB_PREV : MDB_LAST);
	for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV)) {
		int found;

		if (memcmp(key.mv_data, node->bytes, NODE_ID_BYTES) != 0) {
			rc = MDB_NOTFOUND;
			break;
		}
		found = name_standing(r, key, value, audience, object, e);
		if (found != ENT_ENOTFOUND) {
			mdb_cursor_close(cursor);
			return found;
		}
	}
	mdb_cursor_close(cursor);
	return db_err(rc);
}
