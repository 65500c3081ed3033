/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Erasure in the truth (store.h, "erasure"). Three tables:
 *
 *     erasures   log, object id -> index of the latest erasure: for ever, so that a body that comes
 *                late or again is known for what it is
 *     erasing    places of erasures, and of late entries, that are not carried out; of an erasure
 *                from which index on it has something to take: the one before took what lay below
 *     missing    entries that came without a body, until an erasure says why (missing.c)
 *
 * How they are carried out is in erase_out.c. Headers alone decide: whoever strips the body of an
 * erasure changes nothing.
 */
#include "store/impl.h"

#include <stdlib.h>

#include "base/vocab.h"

bool entry_erasable(const struct entry_header *h)
{
	return h->version == ENTRY_VERSION && h->kind != KIND_ERASURE &&
	       h->kind != KIND_RETRACTION && h->kind != KIND_SUCCESSION;
}

bool entry_is_erasure(const struct entry_header *h)
{
	return h->version == ENTRY_VERSION && h->kind == KIND_ERASURE;
}

/* The origin's own mistake: every correct node has dropped the body, nobody has it to give. */
static bool is_mismarked(const struct log_name *log, const struct entry_header *h)
{
	uint8_t marking = log->audience.kind == AUDIENCE_CLEAR ? TLP_CLEAR : TLP_GREEN;

	return audience_is_community(log->audience) && h->tlp != marking;
}

/* --- the logs of one node's audience, by incarnation ------------------------------------------ */

int erase_siblings_each(struct store *s, MDB_txn *txn, const struct log_name *name, uint64_t from,
	uint64_t to, int (*visit)(void *ctx, const struct log_name *log, uint32_t number),
	void *ctx)
{
	struct log_name log = *name;
	uint8_t raw[LOG_NAME_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_cursor *cursor;
	MDB_val value;
	int rc = mdb_cursor_open(txn, s->log.tables[LOG_NAMES], &cursor);

	if (rc)
		return db_err(rc);
	log.incarnation = from;
	log_name_pack(raw, &log);
	/* Audiences of one incarnation stand together: begin with its first. */
	memset(raw + NODE_ID_BYTES + 8, 0, sizeof(raw) - NODE_ID_BYTES - 8);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		if (!log_name_unpack(db_bytes(key), &log) || value.mv_size != 4) {
			mdb_cursor_close(cursor);
			return ENT_ECORRUPT;
		}
		if (!node_id_eq(&log.node, &name->node) || log.incarnation > to)
			break;
		if (!audience_eq(log.audience, name->audience))
			continue;
		if ((rc = visit(ctx, &log, be32_get(value.mv_data))) != 0) {
			mdb_cursor_close(cursor);
			return rc;
		}
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : db_err(rc);
}

struct covering {
	struct store *store;
	MDB_txn *txn;
	const uint8_t *object;
	uint32_t log; /* of the entry */
	uint64_t index;
};

/* 1: an erasure in this log covers the entry. */
static int covering_visit(void *ctx, const struct log_name *log, uint32_t number)
{
	const struct covering *c = ctx;
	uint8_t raw[ERASURE_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value;
	int rc;

	(void)log;
	erasure_key_put(raw, number, c->object);
	rc = mdb_get(c->txn, c->store->log.tables[LOG_ERASURES], &key, &value);
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : db_err(rc);
	if (value.mv_size != 8)
		return ENT_ECORRUPT;
	return number != c->log || be64_get(value.mv_data) > c->index;
}

int erase_covers(struct store *s, MDB_txn *txn, const struct log_name *name, uint32_t log,
	uint64_t index, const uint8_t object[OBJECT_ID_BYTES])
{
	struct covering c = {s, txn, object, log, index};
	int rc = erase_siblings_each(s, txn, name, name->incarnation, UINT64_MAX, covering_visit,
		&c);

	if (rc < 0)
		return rc;
	return rc == 1 ? 0 : ENT_ENOTFOUND;
}

/* --- what an append notes --------------------------------------------------------------------- */

void erase_note(struct erase_notes *n, const struct entry *e)
{
	const uint8_t kind = e->leaf.data[ENTRY_KIND_OFFSET];

	n->erasures |= kind == KIND_ERASURE;
	n->successions |= kind == KIND_SUCCESSION;
	n->absent |= e->erased;
}

static int sibling_seen(void *ctx, const struct log_name *log, uint32_t number)
{
	(void)ctx;
	(void)log;
	(void)number;
	return 1;
}

static int erasing_put(struct store_txn *txn, struct store_place place, uint64_t since)
{
	uint8_t raw[PLACE_BYTES], from[8];

	place_put(raw, place);
	be64_put(from, since);
	return txn_put(txn, LOG_ERASING, db_val(raw, sizeof(raw)),
		db_val(from, since ? sizeof(from) : 0), 0);
}

/* Behind the erasure of the same object before, which takes of the log and of those of older
 * incarnations all that has come until then; 0: there is none. What lies below the floor may never
 * have been said (erasures_cut). */
static int erased_since(struct store_txn *txn, const struct store_log *log,
	const uint8_t object[OBJECT_ID_BYTES], uint64_t *since)
{
	uint8_t raw[ERASURE_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw)), value;
	int rc;

	*since = 0;
	erasure_key_put(raw, log->number, object);
	rc = mdb_get(txn->mdb, txn->store->log.tables[LOG_ERASURES], &key, &value);
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : txn_result(txn, rc);
	if (value.mv_size != 8)
		return ENT_ECORRUPT;
	if (be64_get(value.mv_data) >= log->floor)
		*since = be64_get(value.mv_data) + 1;
	return 0;
}

static int erasure_put(struct store_txn *txn, uint32_t log, uint64_t index,
	const uint8_t object[OBJECT_ID_BYTES])
{
	uint8_t raw[ERASURE_KEY_BYTES], latest[8];

	erasure_key_put(raw, log, object);
	be64_put(latest, index);
	return txn_put(txn, LOG_ERASURES, db_val(raw, sizeof(raw)), db_val(latest, 8), 0);
}

static int missing_put(struct store_txn *txn, uint32_t log, uint64_t index)
{
	uint8_t raw[RUN_KEY_BYTES];

	run_key_put(raw, log, index);
	return txn_put(txn, LOG_MISSING, db_val(raw, sizeof(raw)), db_val(NULL, 0), 0);
}

/* newer: the origin has said something under a later incarnation that may cover the entry. */
static int entry_noted(struct store_txn *txn, const struct store_log *log, struct store_place place,
	uint64_t index, const struct entry *e, bool newer)
{
	struct entry_header h;
	uint64_t since;
	int rc;

	entry_header_decode(e->leaf, &h);
	if (entry_is_erasure(&h)) {
		rc = erased_since(txn, log, h.object, &since);
		if (rc == 0)
			rc = erasure_put(txn, log->number, index, h.object);
		if (rc == 0)
			rc = erasing_put(txn, place, since);
		return rc || !e->erased ? rc : missing_put(txn, log->number, index);
	}
	if (newer && entry_erasable(&h)) {
		rc = erase_covers(txn->store, txn->mdb, &log->name, log->number, index, h.object);
		if (rc == 0)
			return e->erased ? 0 : erasing_put(txn, place, 0);
		if (rc != ENT_ENOTFOUND)
			return rc;
	}
	if (e->erased && !is_mismarked(&log->name, &h))
		return missing_put(txn, log->number, index);
	return 0;
}

int erase_bundle_noted(struct store_txn *txn, const struct store_log *log, uint64_t arrival,
	const struct bundle *b, const struct erase_notes *n)
{
	struct cursor c = cursor_of(b->entries);
	struct entry e;
	int newer, rc = 0;

	if (log->name.audience.kind == AUDIENCE_PROVENANCE)
		return 0;
	newer = erase_siblings_each(txn->store, txn->mdb, &log->name, log->name.incarnation + 1,
		UINT64_MAX, sibling_seen, NULL);
	if (newer < 0)
		return newer;
	if (!newer && !n->erasures && !n->absent)
		return 0;
	for (uint32_t slot = 0; slot < b->count && rc == 0; slot++) {
		rc = entry_next(&c, &e);
		if (rc == 0)
			rc = entry_noted(txn, log, (struct store_place){arrival, slot},
				b->first + slot, &e, newer);
	}
	return rc;
}

/* --- a tail that is cut ----------------------------------------------------------------------- */

/* Those of one log that were said at the size or beyond; of which objects, goes to `objects`. What
 * lies below the floor cannot be read again, and may have said the same: there they stand as said
 * just below it, where anything of the log is left. */
static int erasures_cut(struct store_txn *txn, const struct store_log *log, uint64_t size,
	struct buf *objects)
{
	uint8_t raw[ERASURE_KEY_BYTES] = {0};
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_cursor *cursor;
	MDB_val value;
	int rc = mdb_cursor_open(txn->mdb, txn->store->log.tables[LOG_ERASURES], &cursor);

	if (rc)
		return txn_result(txn, rc);
	be32_put(raw, log->number);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (rc == 0 && be32_get(key.mv_data) == log->number) {
		int done = key.mv_size == sizeof(raw) && value.mv_size == 8 ? 0 : ENT_ECORRUPT;

		if (done == 0 && be64_get(value.mv_data) >= size) {
			memcpy(raw, key.mv_data, sizeof(raw));
			buf_append(objects, raw + 4, OBJECT_ID_BYTES);
			done = log->floor && size
				       ? erasure_put(txn, log->number, log->floor - 1, raw + 4)
				       : txn_result(txn,
						 log_cursor_del(txn->store, LOG_ERASURES, cursor));
		}
		if (done != 0) {
			mdb_cursor_close(cursor);
			return done;
		}
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	if (buf_failed(objects))
		return ENT_ENOMEM;
	return rc == MDB_NOTFOUND ? 0 : txn_result(txn, rc);
}

/* The latest erasure of an object below the size that a part of the index knows of. 1: there is. */
static int erasure_before(struct store_reader *r, enum index_part part, uint32_t log, uint64_t size,
	const uint8_t object[OBJECT_ID_BYTES], uint64_t *index)
{
	uint8_t bound[OBJECT_KEY_BYTES];
	struct store_entry e;
	struct index_scan sc;
	int rc = index_scan_open(&sc, &r->index, part);

	object_key_put(bound, object, log, size);
	while (rc == 0 && (rc = index_scan_before(&sc, bound, OBJECT_ID_BYTES + 4)) == 1) {
		memcpy(bound, sc.key, sizeof(bound));
		*index = be64_get(bound + OBJECT_ID_BYTES + 4);
		rc = reader_original(r, log, *index, &e);
		/* What it has of a tail that went before is another entry by now, or none. */
		if (rc == 0 && entry_is_erasure(&e.header) &&
			memcmp(e.header.object, object, OBJECT_ID_BYTES) == 0) {
			rc = 1;
			break;
		}
		rc = rc == ENT_ENOTFOUND ? 0 : rc;
	}
	index_scan_close(&sc);
	return rc;
}

static int object_again(struct store_txn *txn, struct store_reader *r, const struct store_log *log,
	uint64_t size, const uint8_t object[OBJECT_ID_BYTES])
{
	static const enum index_part parts[] = {PART_OBJECT, PART_UNLISTED};
	uint64_t index = 0, latest = 0;
	int rc, found = 0;

	for (unsigned i = 0; i < 2; i++) {
		rc = erasure_before(r, parts[i], log->number, size, object, &index);
		if (rc < 0)
			return rc;
		latest = rc == 1 && index > latest ? index : latest;
		found |= rc;
	}
	if (!found)
		return 0;
	r->arrival = 0; /* the views are void after any change */
	return erasure_put(txn, log->number, latest, object);
}

/* 1: a body is gone, and nothing that is left says why. */
static int target_lacks(struct store_reader *r, const struct erase_target *t,
	const uint8_t object[OBJECT_ID_BYTES])
{
	struct store_log log;
	struct store_entry e;
	int rc = store_log_at(r, t->log, &log);

	if (rc == 0)
		rc = store_entry_get(r, t->log, t->index, &e);
	if (rc)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	if (!e.entry.erased || !entry_erasable(&e.header) || is_mismarked(&log.name, &e.header) ||
		memcmp(e.header.object, object, OBJECT_ID_BYTES) != 0)
		return 0;
	rc = erase_covers(r->store, r->log, &log.name, t->log, t->index, object);
	return rc == ENT_ENOTFOUND ? 1 : rc;
}

/* Where begins what the index has not gone through of a log that ends at the size. */
static int unindexed_from(struct store_txn *txn, const struct store_log *log, uint64_t size,
	uint64_t position, uint64_t *from)
{
	uint8_t raw[RUN_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw)), value;
	MDB_cursor *runs;
	int rc = mdb_cursor_open(txn->mdb, txn->store->log.tables[LOG_RUNS], &runs);

	if (rc)
		return txn_result(txn, rc);
	*from = size;
	run_key_put(raw, log->number, size);
	rc = mdb_cursor_get(runs, &key, &value, MDB_SET_RANGE);
	rc = mdb_cursor_get(runs, &key, &value, rc == 0 ? MDB_PREV : MDB_LAST);
	/* Later entries arrived later. */
	while (rc == 0 && key.mv_size == RUN_KEY_BYTES && be32_get(key.mv_data) == log->number &&
		value.mv_size == ARRIVAL_KEY_BYTES && be64_get(value.mv_data) > position) {
		*from = be64_get((const uint8_t *)key.mv_data + 4);
		rc = mdb_cursor_get(runs, &key, &value, MDB_PREV);
	}
	mdb_cursor_close(runs);
	*from = *from < log->floor ? log->floor : *from;
	return rc == MDB_NOTFOUND ? 0 : txn_result(txn, rc);
}

static int erasures_again(void *ctx, const struct bundle *b)
{
	struct cursor c = cursor_of(b->entries);
	struct entry_header h;
	struct entry e;
	int rc = 0;

	for (uint32_t slot = 0; slot < b->count && rc == 0; slot++) {
		if (entry_next(&c, &e) != 0)
			return ENT_ECORRUPT;
		entry_header_decode(e.leaf, &h);
		if (entry_is_erasure(&h))
			rc = erasure_put(ctx, b->log, b->first + slot, h.object);
	}
	return rc;
}

/* What the tail alone has erased, if it was carried out, is missing: others may have it to give. */
static int targets_lack(struct store_txn *txn, struct store_reader *r, const struct buf *targets)
{
	const struct erase_target *t = (const struct erase_target *)(const void *)targets->data;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < targets->len / sizeof(*t); i++) {
		rc = target_lacks(r, &t[i], t[i].object);
		if (rc != 1)
			continue;
		r->arrival = 0; /* the views are void after any change */
		rc = missing_put(txn, t[i].log, t[i].index);
	}
	return rc;
}

static int object_lacks(struct store_txn *txn, struct store_reader *r, const struct store_log *log,
	uint64_t size, const uint8_t object[OBJECT_ID_BYTES], struct buf *targets)
{
	struct store_entry erasure = {.header = {.version = ENTRY_VERSION, .kind = KIND_ERASURE},
		.log = log->number,
		.index = size};
	int rc;

	memcpy(erasure.header.object, object, OBJECT_ID_BYTES);
	buf_reset(targets);
	rc = erase_targets(&r->index, r, &erasure, 0, 0, targets);
	return rc ? rc : targets_lack(txn, r, targets);
}

/* The same of what the index has not gone through, or not again. */
struct lacking {
	struct store_txn *txn;
	struct store_reader *reader;
	const struct store_log *cut;
	uint64_t size, position;
	struct bytes objects; /* ascending */
	struct buf *targets;
};

static int object_cmp(const void *a, const void *b)
{
	return memcmp(a, b, OBJECT_ID_BYTES);
}

static int lacking_gather(void *ctx, const struct bundle *b)
{
	const struct lacking *l = ctx;
	struct cursor c = cursor_of(b->entries);
	struct entry_header h;
	struct entry e;

	for (uint32_t slot = 0; slot < b->count; slot++) {
		struct erase_target t = {.log = b->log, .index = b->first + slot};

		if (entry_next(&c, &e) != 0)
			return ENT_ECORRUPT;
		entry_header_decode(e.leaf, &h);
		if (!e.erased ||
			!bsearch(h.object, l->objects.data, l->objects.len / OBJECT_ID_BYTES,
				OBJECT_ID_BYTES, object_cmp))
			continue;
		memcpy(t.object, h.object, sizeof(t.object));
		buf_append(l->targets, &t, sizeof(t));
	}
	return buf_failed(l->targets) ? ENT_ENOMEM : 0;
}

static int lacking_visit(void *ctx, const struct log_name *name, uint32_t number)
{
	const struct lacking *l = ctx;
	struct store_log log;
	uint64_t from, to;
	int rc = store_log_at(l->reader, number, &log);

	(void)name;
	to = number == l->cut->number ? l->size : log.size;
	if (rc == 0)
		rc = unindexed_from(l->txn, &log, to, l->position, &from);
	if (rc || from >= to)
		return rc;
	return reader_bundles(l->reader, number, from, to, lacking_gather, ctx);
}

static int unindexed_lack(struct store_txn *txn, struct store_reader *r,
	const struct store_log *log, uint64_t size, uint64_t position, struct bytes objects,
	struct buf *targets)
{
	struct lacking l = {txn, r, log, size, position, objects, targets};
	int rc;

	buf_reset(targets);
	r->arrival = 0;
	rc = erase_siblings_each(txn->store, txn->mdb, &log->name, 0, log->name.incarnation,
		lacking_visit, &l);
	return rc ? rc : targets_lack(txn, r, targets);
}

/* What the tail said hid what was said of the same before, signed. The index knows where; what it
 * has not gone through is read, and all where there is none. */
static int objects_again(struct store_txn *txn, struct store_reader *r, const struct store_log *log,
	uint64_t size, struct bytes objects)
{
	struct buf targets = buf_with_max(SIZE_MAX);
	struct index_state state = {0};
	uint64_t from = size;
	int rc = r->index.txn ? index_state_get(txn->store, r->index.txn, &state) : 0;

	for (size_t i = 0; rc == 0 && i < objects.len; i += OBJECT_ID_BYTES)
		rc = object_again(txn, r, log, size, objects.data + i);
	if (rc == 0)
		rc = unindexed_from(txn, log, size, state.position, &from);
	r->arrival = 0;
	if (rc == 0 && from < size)
		rc = reader_bundles(r, log->number, from, size, erasures_again, txn);
	r->arrival = 0;
	for (size_t i = 0; rc == 0 && i < objects.len; i += OBJECT_ID_BYTES)
		rc = object_lacks(txn, r, log, size, objects.data + i, &targets);
	if (rc == 0)
		rc = unindexed_lack(txn, r, log, size, state.position, objects, &targets);
	r->arrival = 0;
	buf_free(&targets);
	return rc;
}

int erase_cut(struct store_txn *txn, const struct store_log *log, uint64_t size)
{
	struct store_reader r = {.store = txn->store, .log = txn->mdb};
	uint8_t from[RUN_KEY_BYTES], to[RUN_KEY_BYTES];
	struct buf objects = buf_with_max(SIZE_MAX);
	int rc = erasures_cut(txn, log, size, &objects);

	if (rc == 0 && objects.len) {
		bool indexed = index_reader_begin(txn->store, &r.index) == 0;

		if (!indexed)
			r.index = (struct index_view){.store = txn->store};
		rc = objects_again(txn, &r, log, size, buf_view(&objects));
		if (indexed)
			index_reader_end(&r.index);
	}
	buf_free(&objects);
	if (rc)
		return rc;
	run_key_put(from, log->number, size);
	run_key_put(to, log->number, UINT64_MAX);
	return keys_delete(txn, LOG_MISSING, from, to, sizeof(from), NULL);
}

/* --- reading while they wait ------------------------------------------------------------------ */

uint64_t store_erasing(struct store_reader *r)
{
	return reader_rows(r, LOG_ERASING);
}

int erase_strip(struct store_reader *r, const struct store_log *log, uint64_t from,
	struct buf *entries, size_t start, uint32_t count)
{
	struct cursor c = cursor_of(bytes_from(entries->data + start, entries->len - start));
	uint8_t *end = entries->data + start;
	uint64_t over;
	int rc = store_over_get(r, log->number, &over);

	if (rc || (reader_rows(r, LOG_ERASING) == 0 && over <= from))
		return rc;
	/* In place: an erased entry is the start of a whole one. */
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *at = c.at;
		size_t len = ENTRY_HEADER_BYTES + 1;
		struct entry_header h;
		struct entry e;

		if (entry_next(&c, &e) != 0)
			return ENT_ECORRUPT;
		entry_header_decode(e.leaf, &h);
		rc = ENT_ENOTFOUND;
		if (!e.erased && from + i < over && over_takes(&h))
			rc = 0;
		else if (!e.erased && entry_erasable(&h))
			rc = erase_covers(r->store, r->log, &log->name, log->number, from + i,
				h.object);
		if (rc != 0 && rc != ENT_ENOTFOUND)
			return rc;
		if (rc != 0)
			len = (size_t)(c.at - at);
		memmove(end, at, len);
		if (rc == 0)
			end[ENTRY_HEADER_BYTES] = ENTRY_STATE_ERASED;
		end += len;
	}
	entries->len = (size_t)(end - entries->data);
	return 0;
}

int erasing_row_get(MDB_val key, MDB_val value, struct erasing_row *row)
{
	if (key.mv_size != PLACE_BYTES || (value.mv_size != 0 && value.mv_size != 8))
		return ENT_ECORRUPT;
	row->place = place_get(key.mv_data);
	row->since = value.mv_size ? be64_get(value.mv_data) : 0;
	return 0;
}

int erasing_each(struct store *s, MDB_txn *txn, uint64_t from, uint64_t to,
	int (*visit)(void *ctx, const struct erasing_row *row), void *ctx)
{
	struct erasing_row row;
	uint8_t raw[PLACE_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_cursor *cursor;
	MDB_val value;
	int rc = mdb_cursor_open(txn, s->log.tables[LOG_ERASING], &cursor);

	if (rc)
		return db_err(rc);
	be64_put(raw, from);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		if ((rc = erasing_row_get(key, value, &row)) == 0 && row.place.arrival > to)
			break;
		if (rc != 0 || (rc = visit(ctx, &row)) != 0) {
			mdb_cursor_close(cursor);
			return rc;
		}
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : db_err(rc);
}

struct oldest {
	struct store_reader *reader;
	const struct log_name *name;
	uint32_t number;
	uint64_t index;
};

static int oldest_visit(void *ctx, const struct erasing_row *row)
{
	struct oldest *o = ctx;
	struct store_entry e;
	struct store_log log;
	int rc = store_entry_at(o->reader, row->place, &e);

	if (rc == ENT_ENOTFOUND)
		return 0;
	if (rc == 0)
		rc = store_log_at(o->reader, e.log, &log);
	if (rc)
		return rc;
	if (!node_id_eq(&log.name.node, &o->name->node) ||
		!audience_eq(log.name.audience, o->name->audience) ||
		log.name.incarnation < o->name->incarnation)
		return 0;
	/* One of a later incarnation may cover anything here. */
	if (log.name.incarnation > o->name->incarnation)
		o->index = 0;
	else if (e.index < o->index)
		o->index = e.index;
	return 0;
}

uint64_t store_erasing_from(struct store_reader *r, const struct log_name *name)
{
	struct oldest o = {.reader = r, .name = name, .index = UINT64_MAX};

	if (reader_rows(r, LOG_ERASING) == 0)
		return UINT64_MAX;
	/* What cannot be read is not known to be done. */
	return erasing_each(r->store, r->log, 0, UINT64_MAX, oldest_visit, &o) == 0 ? o.index : 0;
}
