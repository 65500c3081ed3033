/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Erasure in the truth (store.h, "erasure"). Three tables:
 *
 *     erasures   log, object id -> index of the latest erasure: for ever, so that a body that comes
 *                late or again is known for what it is
 *     erasing    places of erasures, and of late entries, that are not carried out
 *     missing    entries that came without a body, until an erasure says why
 *
 * Headers alone decide: whoever strips the body of an erasure changes nothing.
 */
#include "store/impl.h"

#include <stdlib.h>

#include "base/vocab.h"

/* Of one transaction: rows carried out, and bundles looked into for them. */
#define ROWS_MAX    4096u
#define TARGETS_MAX 16384u

bool entry_erasable(const struct entry_header *h)
{
	return h->version == ENTRY_VERSION && h->kind != KIND_ERASURE &&
	       h->kind != KIND_RETRACTION && h->kind != KIND_SUCCESSION;
}

static bool is_erasure(const struct entry_header *h)
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

/*
 * Visits the numbers of the node's logs of that audience with incarnations in [from, to]. The
 * visitor's answer, when not 0, ends the walk and is given.
 */
static int siblings_each(struct store *s, MDB_txn *txn, const struct log_name *name, uint64_t from,
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
	int rc = siblings_each(s, txn, name, name->incarnation, UINT64_MAX, covering_visit, &c);

	if (rc < 0)
		return rc;
	return rc == 1 ? 0 : ENT_ENOTFOUND;
}

/* --- what an append notes --------------------------------------------------------------------- */

void erase_note(struct erase_notes *n, const struct entry *e)
{
	n->erasures |= e->leaf.data[ENTRY_KIND_OFFSET] == KIND_ERASURE;
	n->absent |= e->erased;
}

static int sibling_seen(void *ctx, const struct log_name *log, uint32_t number)
{
	(void)ctx;
	(void)log;
	(void)number;
	return 1;
}

static int erasing_put(struct store_txn *txn, struct store_place place)
{
	uint8_t raw[PLACE_BYTES];

	place_put(raw, place);
	return txn_put(txn, LOG_ERASING, db_val(raw, sizeof(raw)), db_val(NULL, 0), 0);
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
	int rc;

	entry_header_decode(e->leaf, &h);
	if (is_erasure(&h)) {
		rc = erasure_put(txn, log->number, index, h.object);
		if (rc == 0)
			rc = erasing_put(txn, place);
		return rc || !e->erased ? rc : missing_put(txn, log->number, index);
	}
	if (newer && entry_erasable(&h)) {
		rc = erase_covers(txn->store, txn->mdb, &log->name, log->number, index, h.object);
		if (rc == 0)
			return e->erased ? 0 : erasing_put(txn, place);
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
	newer = siblings_each(txn->store, txn->mdb, &log->name, log->name.incarnation + 1,
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

/* Rows of a table about one log whose index, in key or value, is not below the size. */
static int rows_cut(struct store_txn *txn, enum log_table table, uint32_t log, uint64_t size)
{
	uint8_t raw[4];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_cursor *cursor;
	MDB_val value;
	int rc = mdb_cursor_open(txn->mdb, txn->store->log.tables[table], &cursor);

	if (rc)
		return txn_result(txn, rc);
	be32_put(raw, log);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (rc == 0 && be32_get(key.mv_data) == log) {
		uint64_t index = be64_get(value.mv_size == 8 ? value.mv_data
							     : (const uint8_t *)key.mv_data + 4);

		if (index >= size)
			rc = mdb_cursor_del(cursor, 0);
		if (rc == 0)
			rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : txn_result(txn, rc);
}

int erase_cut(struct store_txn *txn, uint32_t log, uint64_t size)
{
	int rc = rows_cut(txn, LOG_ERASURES, log, size);

	return rc ? rc : rows_cut(txn, LOG_MISSING, log, size);
}

/* --- reading while they wait ------------------------------------------------------------------ */

static uint64_t rows(struct store_reader *r, enum log_table table)
{
	MDB_stat stat;

	return mdb_stat(r->log, r->store->log.tables[table], &stat) == 0 ? stat.ms_entries : 0;
}

uint64_t store_erasing(struct store_reader *r)
{
	return rows(r, LOG_ERASING);
}

int erase_strip(struct store_reader *r, const struct store_log *log, uint64_t from,
	struct buf *entries, size_t start, uint32_t count)
{
	struct cursor c = cursor_of(bytes_from(entries->data + start, entries->len - start));
	uint8_t *end = entries->data + start;

	if (rows(r, LOG_ERASING) == 0)
		return 0;
	/* In place: an erased entry is the start of a whole one. */
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *at = c.at;
		size_t len = ENTRY_HEADER_BYTES + 1;
		struct entry_header h;
		struct entry e;
		int rc = entry_next(&c, &e);

		if (rc)
			return ENT_ECORRUPT;
		entry_header_decode(e.leaf, &h);
		rc = e.erased || !entry_erasable(&h) ? ENT_ENOTFOUND
						     : erase_covers(r->store, r->log, &log->name,
							       log->number, from + i, h.object);
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

/* Visits the entries of table erasing in order, up to that place. */
static int erasing_each(struct store *s, MDB_txn *txn, uint64_t from, uint64_t to,
	int (*visit)(void *ctx, struct store_place place), void *ctx)
{
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
		if (key.mv_size != PLACE_BYTES) {
			mdb_cursor_close(cursor);
			return ENT_ECORRUPT;
		}
		if (be64_get(key.mv_data) > to)
			break;
		if ((rc = visit(ctx, place_get(key.mv_data))) != 0) {
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

static int oldest_visit(void *ctx, struct store_place place)
{
	struct oldest *o = ctx;
	struct store_entry e;
	struct store_log log;
	int rc = store_entry_at(o->reader, place, &e);

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

	if (rows(r, LOG_ERASING) == 0)
		return UINT64_MAX;
	/* What cannot be read is not known to be done. */
	return erasing_each(r->store, r->log, 0, UINT64_MAX, oldest_visit, &o) == 0 ? o.index : 0;
}

/* 1: nothing says why the body of the entry is absent; 0: an erasure does. */
static int is_missing(struct store_reader *r, const struct store_log *log, uint64_t index)
{
	struct store_entry e;
	int rc = store_entry_get(r, log->number, index, &e);

	/* What takes back is never covered: its words are wanted. */
	if (rc == 0 && entry_erasable(&e.header))
		rc = erase_covers(r->store, r->log, &log->name, log->number, index,
			e.header.object);
	else if (rc == 0)
		rc = ENT_ENOTFOUND;
	return rc == ENT_ENOTFOUND ? 1 : rc;
}

int store_missing(struct store_reader *r, const struct log_name *name, uint64_t *indexes,
	size_t max, size_t *len)
{
	uint8_t raw[RUN_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	struct store_log log;
	MDB_cursor *cursor;
	MDB_val value;
	int missing = 0, rc = store_log_get(r, name, &log);

	*len = 0;
	if (rc || !log.has_held || rows(r, LOG_MISSING) == 0)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	if ((rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_MISSING], &cursor)) != 0)
		return db_err(rc);
	run_key_put(raw, log.number, log.floor);
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

/* --- finding what an erasure covers ----------------------------------------------------------- */

struct finding {
	const struct index_view *index;
	const struct store_entry *erasure;
	uint32_t group;
	struct buf *out;
};

/* Everything about the object in one log below an index, of one part. */
static int part_find(const struct finding *f, enum index_part part, uint32_t log, uint64_t below)
{
	uint8_t least[OBJECT_KEY_BYTES];
	struct index_scan sc;
	int rc = index_scan_open(&sc, f->index, part);

	object_key_put(least, f->erasure->header.object, log, 0);
	if (rc == 0)
		rc = index_scan_seek(&sc, least, OBJECT_ID_BYTES + 4);
	while (rc == 0 && (rc = index_scan_next(&sc)) == 1) {
		struct erase_target t = {.log = log, .group = f->group, .by = f->erasure->place};

		rc = 0;
		t.index = be64_get(sc.key + OBJECT_ID_BYTES + 4);
		if (t.index >= below)
			break;
		buf_append(f->out, &t, sizeof(t));
	}
	index_scan_close(&sc);
	return rc == 0 && buf_failed(f->out) ? ENT_ENOMEM : rc;
}

static int finding_visit(void *ctx, const struct log_name *log, uint32_t number)
{
	const struct finding *f = ctx;
	uint64_t below = number == f->erasure->log ? f->erasure->index : UINT64_MAX;
	int rc = part_find(f, PART_OBJECT, number, below);

	(void)log;
	return rc ? rc : part_find(f, PART_UNLISTED, number, below);
}

int erase_targets(const struct index_view *index, struct store_reader *r,
	const struct store_entry *e, uint32_t group, struct buf *out)
{
	struct finding f = {index, e, group, out};
	struct erase_target self = {
		.log = e->log, .group = group, .index = e->index, .by = e->place};
	struct store_log log;
	int rc;

	if (!is_erasure(&e->header)) {
		buf_append(out, &self, sizeof(self));
		return buf_failed(out) ? ENT_ENOMEM : 0;
	}
	if ((rc = store_log_at(r, e->log, &log)) != 0)
		return rc;
	return siblings_each(r->store, r->log, &log.name, 0, log.name.incarnation, finding_visit,
		&f);
}

bool erase_takes(const struct erase_target *t, const struct store_entry *e)
{
	return !e->entry.erased && entry_erasable(&e->header) &&
	       (e->place.arrival < t->by.arrival ||
		       (e->place.arrival == t->by.arrival && e->place.slot <= t->by.slot));
}

/* --- carrying out ----------------------------------------------------------------------------- */

int erase_slots(struct store_txn *txn, uint64_t arrival, const uint32_t *slots, size_t slots_len,
	uint64_t *dropped)
{
	uint8_t raw[ARRIVAL_KEY_BYTES], marks[2 * BUNDLE_MARKS_MAX];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value;
	struct bundle b;
	struct cursor c;
	uint64_t gone = 0;
	uint32_t count;
	size_t at = 0;
	int rc;

	be64_put(raw, arrival);
	rc = mdb_get(txn->mdb, txn->store->log.tables[LOG_ENTRIES], &key, &value);
	rc = rc ? db_err(rc) : bundle_decode(db_bytes(value), &b);
	if (rc)
		return rc;
	buf_reset(&txn->bundle);
	txn->bundle.max = BUNDLE_BYTES_MAX;
	c = cursor_of(b.entries);
	for (uint32_t slot = 0; slot < b.count; slot++) {
		struct entry e;

		if (entry_next(&c, &e) != 0)
			return ENT_ECORRUPT;
		while (at < slots_len && slots[at] < slot)
			at++;
		if (at < slots_len && slots[at] == slot && !e.erased) {
			e.erased = true;
			e.salt = e.body = BYTES_NONE;
			gone++;
		}
		entry_pack(buf_extend(&txn->bundle, entry_packed_len(&e)), &e);
	}
	if (gone == 0)
		return 0;
	/* The value read is void with the first put: everything of it has been copied. */
	count = b.count;
	c = cursor_of(buf_view(&txn->bundle));
	if (bundle_fill(&b, &c, count, marks) != 0 || b.count != count)
		return ENT_ECORRUPT;
	value = db_val(NULL, bundle_len(&b));
	rc = mdb_put(txn->mdb, txn->store->log.tables[LOG_ENTRIES], &key, &value, MDB_RESERVE);
	if (rc)
		return txn_result(txn, rc);
	bundle_encode(value.mv_data, &b);
	*dropped += gone;
	return 0;
}

/* What one transaction carries out. */
struct erasing {
	struct store *store;
	struct index_view index;
	struct store_reader reader; /* of the write transaction */
	struct buf groups;          /* struct store_erased */
	struct buf targets;
	struct buf places; /* struct store_place: the rows */
	uint64_t bodies;   /* of the group being gathered */
	bool more;
};

static struct store_erased *group_last(struct erasing *w)
{
	return w->groups.len ? (struct store_erased *)(void *)(w->groups.data + w->groups.len) - 1
			     : NULL;
}

static int group_take(struct erasing *w, const struct store_entry *e)
{
	struct store_erased *last = group_last(w), next = {.from = e->index, .to = e->index + 1};
	struct record_erasure body;
	struct store_log log;
	int rc = store_log_at(&w->reader, e->log, &log);

	if (rc)
		return rc;
	next.log = log.name;
	next.late = !is_erasure(&e->header);
	next.now = !next.late && !e->entry.erased &&
		   record_erasure_decode(e->entry.body, &body) == 0 && body.now;
	if (last && log_name_eq(&last->log, &next.log) && last->now == next.now &&
		last->late == next.late && last->to <= e->index &&
		(!next.late || last->to == e->index)) {
		last->to = next.to;
		return 0;
	}
	buf_append(&w->groups, &next, sizeof(next));
	return buf_failed(&w->groups) ? ENT_ENOMEM : 0;
}

static int erasing_gather(void *ctx, struct store_place place)
{
	struct erasing *w = ctx;
	struct store_entry e;
	int rc;

	if (w->places.len >= ROWS_MAX * sizeof(place) ||
		w->targets.len >= TARGETS_MAX * sizeof(struct erase_target)) {
		w->more = true;
		return 1;
	}
	buf_append(&w->places, &place, sizeof(place));
	if (buf_failed(&w->places))
		return ENT_ENOMEM;
	rc = store_entry_at(&w->reader, place, &e);
	if (rc == ENT_ENOTFOUND)
		return 0;
	if (rc == 0)
		rc = group_take(w, &e);
	if (rc)
		return rc;
	return erase_targets(&w->index, &w->reader, &e,
		(uint32_t)(w->groups.len / sizeof(struct store_erased)) - 1, &w->targets);
}

static int target_cmp(const void *a, const void *b)
{
	const struct erase_target *x = a, *y = b;

	if (x->log != y->log)
		return x->log < y->log ? -1 : 1;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return 0;
}

/* Those of the targets, sorted, from `at` on that lie in one bundle. */
static int bundle_erase(struct store_txn *txn, struct erasing *w, const struct erase_target *t,
	size_t len, size_t *at)
{
	struct store_erased *groups = (struct store_erased *)(void *)w->groups.data;
	uint32_t slots[BUNDLE_ENTRIES_MAX], slots_len = 0;
	uint64_t arrival = 0, dropped = 0;
	uint8_t raw[RUN_KEY_BYTES];
	int rc;

	for (; *at < len; (*at)++) {
		const struct erase_target *one = &t[*at];
		struct store_entry e;

		rc = store_entry_get(&w->reader, one->log, one->index, &e);
		if (rc == ENT_ENOTFOUND)
			continue;
		if (rc)
			return rc;
		if (arrival && e.place.arrival != arrival)
			break;
		run_key_put(raw, one->log, one->index);
		if (e.entry.erased && (rc = txn_del(txn, LOG_MISSING, db_val(raw, sizeof(raw)))))
			return rc;
		/* The views are void after any change. */
		w->reader.arrival = e.entry.erased ? 0 : w->reader.arrival;
		if (!erase_takes(one, &e) || (slots_len && slots[slots_len - 1] == e.place.slot))
			continue;
		arrival = e.place.arrival;
		slots[slots_len++] = e.place.slot;
		groups[one->group].bodies++;
	}
	w->reader.arrival = 0;
	return slots_len ? erase_slots(txn, arrival, slots, slots_len, &dropped) : 0;
}

static int erasing_apply(struct store_txn *txn, struct erasing *w)
{
	struct erase_target *t = (struct erase_target *)(void *)w->targets.data;
	const struct store_place *places = (const struct store_place *)(void *)w->places.data;
	size_t len = w->targets.len / sizeof(*t), at = 0;
	int rc = 0;

	if (len)
		qsort(t, len, sizeof(*t), target_cmp);
	while (at < len && rc == 0)
		rc = bundle_erase(txn, w, t, len, &at);
	for (size_t i = 0; i < w->places.len / sizeof(*places) && rc == 0; i++) {
		uint8_t raw[PLACE_BYTES];

		place_put(raw, places[i]);
		rc = txn_del(txn, LOG_ERASING, db_val(raw, sizeof(raw)));
	}
	return rc;
}

int store_erase(struct store_txn *txn, void (*visit)(void *ctx, const struct store_erased *e),
	void *ctx)
{
	struct erasing w = {.store = txn->store,
		.reader = {.store = txn->store, .log = txn->mdb},
		.groups = buf_with_max(64u << 20),
		.targets = buf_with_max(SIZE_MAX),
		.places = buf_with_max(64u << 20)};
	struct index_state state = {0};
	int rc;

	if (txn->failed || rows(&w.reader, LOG_ERASING) == 0)
		return txn->failed;
	if ((rc = index_reader_begin(txn->store, &w.index)) != 0)
		return rc;
	rc = index_state_get(txn->store, w.index.txn, &state);
	if (rc == 0)
		rc = erasing_each(txn->store, txn->mdb, 0, state.erased, erasing_gather, &w);
	if (rc >= 0)
		rc = erasing_apply(txn, &w);
	index_reader_end(&w.index);
	for (size_t i = 0; rc == 0 && i < w.groups.len / sizeof(struct store_erased); i++)
		visit(ctx, (const struct store_erased *)(const void *)w.groups.data + i);
	buf_free(&w.groups);
	buf_free(&w.targets);
	buf_free(&w.places);
	return rc ? rc : w.more;
}
