/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Entries that came without a body though nothing says that it was erased, and bodies that come
 * later. Two tables:
 *
 *     missing    log, index of entries that came without a body, until an erasure says why or the
 *                body comes
 *     restored   log, index -> the place that has the entry with its body
 *
 * A bundle cannot grow, and the index goes by arrival: a late body lies, with its header, in a new
 * bundle of its own that no row of `runs` leads to. Whoever reads an entry without a body looks
 * there.
 */
#include "store/impl.h"

/* 1: nothing says why the body of the entry is absent; 0: an erasure does. */
static int is_missing(struct store_reader *r, const struct store_log *log, uint64_t index)
{
	struct store_entry e;
	uint64_t over;
	int rc = store_over_get(r, log->number, &over);

	if (rc == 0)
		rc = store_entry_get(r, log->number, index, &e);
	if (rc == 0 && index < over && over_takes(&e.header))
		return 0;
	/* What takes back is never covered: its words are wanted. */
	if (rc == 0 && entry_erasable(&e.header))
		rc = erase_covers(r->store, r->log, &log->name, log->number, index,
			e.header.object);
	else if (rc == 0)
		rc = ENT_ENOTFOUND;
	return rc == ENT_ENOTFOUND ? 1 : rc;
}

int store_missing(struct store_reader *r, const struct log_name *name, uint64_t from,
	uint64_t *indexes, size_t max, size_t *len)
{
	uint8_t raw[RUN_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	struct store_log log;
	MDB_cursor *cursor;
	MDB_val value;
	int missing = 0, rc = store_log_get(r, name, &log);

	*len = 0;
	if (rc || !log.has_held || reader_rows(r, LOG_MISSING) == 0)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	if ((rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_MISSING], &cursor)) != 0)
		return db_err(rc);
	run_key_put(raw, log.number, from > log.floor ? from : log.floor);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (rc == 0 && *len < max && key.mv_size == RUN_KEY_BYTES &&
		be32_get(key.mv_data) == log.number) {
		uint64_t index = be64_get((const uint8_t *)key.mv_data + 4);

		if (index >= log.held.size || (missing = is_missing(r, &log, index)) < 0)
			break;
		if (missing)
			indexes[(*len)++] = index;
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	if (missing < 0)
		return missing;
	return rc == MDB_NOTFOUND ? 0 : db_err(rc);
}

/* --- reading what came later ------------------------------------------------------------------ */

static int restored_place(struct store_reader *r, uint32_t log, uint64_t index,
	struct store_place *place)
{
	uint8_t raw[RUN_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value;
	int rc;

	run_key_put(raw, log, index);
	rc = mdb_get(r->log, r->store->log.tables[LOG_RESTORED], &key, &value);
	if (rc)
		return db_err(rc);
	if (value.mv_size != PLACE_BYTES)
		return ENT_ECORRUPT;
	*place = place_get(value.mv_data);
	return 0;
}

int reader_restored(struct store_reader *r, uint32_t log, uint64_t index, struct store_entry *e)
{
	struct store_place place;
	uint64_t arrival = r->arrival;
	uint32_t slot = r->slot;
	struct bundle bundle = r->bundle;
	struct cursor at = r->at;
	int rc;

	if (reader_rows(r, LOG_RESTORED) == 0)
		return ENT_ENOTFOUND;
	if ((rc = restored_place(r, log, index, &place)) != 0)
		return rc;
	rc = store_entry_at(r, place, e);
	if (rc == ENT_ENOTFOUND || (rc == 0 && (e->log != log || e->index != index)))
		rc = ENT_ECORRUPT;
	r->arrival = arrival;
	r->slot = slot;
	r->bundle = bundle;
	r->at = at;
	return rc;
}

static bool restored_within(struct store_reader *r, uint32_t log, uint64_t from, uint64_t to)
{
	uint8_t raw[RUN_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_cursor *cursor;
	MDB_val value;
	bool within;

	if (reader_rows(r, LOG_RESTORED) == 0 ||
		mdb_cursor_open(r->log, r->store->log.tables[LOG_RESTORED], &cursor) != 0)
		return false;
	run_key_put(raw, log, from);
	within = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE) == 0 &&
		 key.mv_size == RUN_KEY_BYTES && be32_get(key.mv_data) == log &&
		 be64_get((const uint8_t *)key.mv_data + 4) < to;
	mdb_cursor_close(cursor);
	return within;
}

int restored_fill(struct store_reader *r, uint32_t log, uint64_t from, size_t bytes_max,
	struct buf *entries, size_t start, uint32_t *count)
{
	struct cursor c = cursor_of(bytes_from(entries->data + start, entries->len - start));
	struct buf whole = buf_with_max(entries->max);
	uint32_t filled = 0;
	int rc = 0;

	if (!restored_within(r, log, from, from + *count))
		return 0;
	for (; filled < *count; filled++) {
		struct store_entry later = {0};
		struct entry e;
		uint8_t *room;
		size_t len;

		if (entry_next(&c, &e) != 0)
			rc = ENT_ECORRUPT;
		else if (e.erased)
			rc = reader_restored(r, log, from + filled, &later);
		if (rc == 0 && e.erased)
			e = later.entry;
		if (rc == ENT_ENOTFOUND)
			rc = 0;
		len = rc ? 0 : entry_packed_len(&e);
		if (rc || (filled > 0 && whole.len + len > bytes_max))
			break;
		if (!(room = buf_extend(&whole, len))) {
			rc = ENT_ENOMEM;
			break;
		}
		entry_pack(room, &e);
	}
	if (rc == 0) {
		entries->len = start;
		buf_bytes(entries, buf_view(&whole));
		*count = filled;
		rc = buf_failed(entries) ? ENT_ENOMEM : 0;
	}
	buf_free(&whole);
	return rc;
}

/* --- putting them there ----------------------------------------------------------------------- */

/* Bodies of consecutive entries, gathered. */
struct restoring {
	struct store_txn *txn;
	struct store_bodies *bodies;
	const struct store_log *log;
	struct store_reader reader; /* of the write transaction */
	struct buf packed;
	uint64_t first;
	uint32_t count;
};

static int restored_put(struct restoring *w, uint64_t arrival, const struct bundle *b)
{
	int rc = txn_bundle_put(w->txn, arrival, b);

	for (uint32_t slot = 0; slot < b->count && rc == 0; slot++) {
		uint8_t raw[RUN_KEY_BYTES], place[PLACE_BYTES];

		run_key_put(raw, b->log, b->first + slot);
		place_put(place, (struct store_place){arrival, slot});
		rc = txn_put(w->txn, LOG_RESTORED, db_val(raw, sizeof(raw)),
			db_val(place, sizeof(place)), 0);
		if (rc == 0)
			rc = txn_del(w->txn, LOG_MISSING, db_val(raw, sizeof(raw)));
	}
	return rc;
}

static int restoring_flush(struct restoring *w)
{
	struct cursor c = cursor_of(buf_view(&w->packed));
	struct bundle b = {.log = w->log->number,
		.first = w->first,
		.via = w->bodies->via,
		.received_ms = w->bodies->received_ms};
	uint8_t marks[2 * BUNDLE_MARKS_MAX];
	uint64_t arrival;
	int rc = row_arrival_last(w->txn->store, w->txn->mdb, &arrival);

	for (uint32_t left = w->count; left > 0 && rc == 0; left -= b.count, b.first += b.count) {
		rc = bundle_fill(&b, &c, left, marks);
		if (rc == 0)
			rc = restored_put(w, ++arrival, &b);
		if (rc)
			break;
	}
	w->reader.arrival = 0; /* its views are void */
	w->count = 0;
	buf_reset(&w->packed);
	return rc;
}

/* ENT_ENOTFOUND: not wanted, or not what was committed to. */
static int restoring_check(struct restoring *w, const struct wire_body *body, struct store_entry *e)
{
	uint8_t raw[RUN_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	struct hash commitment;
	MDB_val value;
	int rc;

	if (!w->log->has_held || body->index < w->log->floor || body->index >= w->log->held.size)
		return ENT_ENOTFOUND;
	run_key_put(raw, w->log->number, body->index);
	rc = mdb_get(w->txn->mdb, w->txn->store->log.tables[LOG_MISSING], &key, &value);
	if (rc)
		return db_err(rc);
	if ((rc = is_missing(&w->reader, w->log, body->index)) != 1)
		return rc ? rc : ENT_ENOTFOUND;
	if ((rc = store_entry_get(&w->reader, w->log->number, body->index, e)) != 0)
		return rc;
	hash_commitment(&commitment, BYTES_OF(body->salt), body->body);
	return e->entry.erased && body->body.len == e->header.body_len &&
			       memcmp(commitment.bytes, e->header.commitment, HASH_BYTES) == 0
		       ? 0
		       : ENT_ENOTFOUND;
}

static int restoring_add(struct restoring *w, const struct wire_body *body)
{
	struct store_bodies *b = w->bodies;
	uint8_t leaf[ENTRY_HEADER_BYTES], *room;
	struct store_entry e;
	int rc = restoring_check(w, body, &e);

	if (rc)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	/* The bytes in the store move when something is put. */
	memcpy(leaf, e.entry.leaf.data, sizeof(leaf));
	e.entry = (struct entry){BYTES_OF(leaf), BYTES_OF(body->salt), body->body, false};
	if (w->count && w->first + w->count != body->index && (rc = restoring_flush(w)) != 0)
		return rc;
	if (!(room = buf_extend(&w->packed, entry_packed_len(&e.entry))))
		return ENT_ENOMEM;
	entry_pack(room, &e.entry);
	/* Of a succession nothing was known without it. */
	if ((rc = succession_note(w->txn, &w->log->name, body->index, &e.entry)) != 0)
		return rc;
	if (w->count++ == 0)
		w->first = body->index;
	b->first = b->taken ? b->first : body->index;
	b->last = body->index;
	b->taken++;
	return 0;
}

int store_bodies_put(struct store_txn *txn, struct store_bodies *b)
{
	struct store_log log;
	struct restoring w = {.txn = txn,
		.bodies = b,
		.log = &log,
		.reader = {.store = txn->store, .log = txn->mdb},
		.packed = buf_with_max(SIZE_MAX)};
	int rc = store_txn_log(txn, &b->log, false, &log);

	b->taken = 0;
	for (size_t i = 0; i < b->len && rc == 0; i++)
		rc = restoring_add(&w, &b->bodies[i]);
	if (rc == 0 && w.count)
		rc = restoring_flush(&w);
	buf_free(&w.packed);
	return rc;
}
