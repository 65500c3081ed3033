/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Carrying erasures out: whose bodies go by one, and taking them out of the bundles, some thousand
 * in a transaction.
 */
#include "store/impl.h"

#include <stdlib.h>

/* Of one transaction: rows carried out, and bundles looked into for them. */
#define ROWS_MAX    4096u
#define TARGETS_MAX 16384u

/* --- finding what an erasure covers ----------------------------------------------------------- */

struct finding {
	const struct index_view *index;
	const struct store_entry *erasure;
	uint64_t since;
	uint32_t group;
	struct buf *out;
};

/* Everything about the object in one log from one index to below another, of one part. */
static int part_find(const struct finding *f, enum index_part part, uint32_t log, uint64_t below)
{
	uint8_t least[OBJECT_KEY_BYTES];
	struct index_scan sc;
	int rc = index_scan_open(&sc, f->index, part);

	object_key_put(least, f->erasure->header.object, log, f->since);
	if (rc == 0)
		rc = index_scan_seek(&sc, least, OBJECT_ID_BYTES + 4);
	while (rc == 0 && (rc = index_scan_next(&sc)) == 1) {
		struct erase_target t = {.log = log, .group = f->group, .by = f->erasure->place};

		rc = 0;
		memcpy(t.object, f->erasure->header.object, sizeof(t.object));
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
	const struct store_entry *e, uint64_t since, uint32_t group, struct buf *out)
{
	struct finding f = {index, e, since, group, out};
	struct erase_target self = {
		.log = e->log, .group = group, .index = e->index, .by = e->place};
	struct store_log log;
	int rc;

	if ((rc = store_log_at(r, e->log, &log)) != 0)
		return rc;
	if (!entry_is_erasure(&e->header)) {
		rc = erase_covers(r->store, r->log, &log.name, e->log, e->index, e->header.object);
		if (rc != 0)
			return rc == ENT_ENOTFOUND ? 0 : rc;
		memcpy(self.object, e->header.object, sizeof(self.object));
		buf_append(out, &self, sizeof(self));
		return buf_failed(out) ? ENT_ENOMEM : 0;
	}
	if (since > 0)
		return finding_visit(&f, &log.name, e->log);
	return erase_siblings_each(r->store, r->log, &log.name, 0, log.name.incarnation,
		finding_visit, &f);
}

bool erase_means(const struct erase_target *t, const struct store_entry *e)
{
	return t->any || memcmp(t->object, e->header.object, sizeof(t->object)) == 0;
}

bool erase_takes(const struct erase_target *t, const struct store_entry *e)
{
	return erase_means(t, e) && !e->entry.erased && entry_erasable(&e->header) &&
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
	rc = log_put(txn->store, txn->mdb, LOG_ENTRIES, &key, &value, MDB_RESERVE);
	if (rc)
		return txn_result(txn, rc);
	bundle_encode(value.mv_data, &b);
	redo_reserved(txn->store, LOG_ENTRIES, key, value);
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
	next.late = !entry_is_erasure(&e->header);
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

static int erasing_gather(void *ctx, const struct erasing_row *row)
{
	struct erasing *w = ctx;
	struct store_entry e;
	int rc;

	if (w->places.len >= ROWS_MAX * sizeof(row->place) ||
		w->targets.len >= TARGETS_MAX * sizeof(struct erase_target)) {
		w->more = true;
		return 1;
	}
	buf_append(&w->places, &row->place, sizeof(row->place));
	if (buf_failed(&w->places))
		return ENT_ENOMEM;
	rc = store_entry_at(&w->reader, row->place, &e);
	if (rc == ENT_ENOTFOUND)
		return 0;
	if (rc == 0)
		rc = group_take(w, &e);
	if (rc)
		return rc;
	return erase_targets(&w->index, &w->reader, &e, row->since,
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
	uint32_t slots[BUNDLE_ENTRIES_MAX], of[BUNDLE_ENTRIES_MAX], slots_len = 0;
	uint64_t arrival = 0, dropped = 0;
	uint8_t raw[RUN_KEY_BYTES];
	int rc;

	for (; *at < len; (*at)++) {
		const struct erase_target *one = &t[*at];
		struct store_entry e;

		rc = store_entry_get(&w->reader, one->log, one->index, &e);
		if (rc == ENT_ENOTFOUND)
			continue;
		if (rc && !slots_len)
			return rc;
		if (rc || (arrival && e.place.arrival != arrival))
			break;
		if (!erase_means(one, &e))
			continue;
		run_key_put(raw, one->log, one->index);
		if (e.entry.erased && (rc = txn_del(txn, LOG_MISSING, db_val(raw, sizeof(raw)))))
			return rc;
		/* The views are void after any change. */
		w->reader.arrival = e.entry.erased ? 0 : w->reader.arrival;
		if (!erase_takes(one, &e) || (slots_len && slots[slots_len - 1] == e.place.slot))
			continue;
		arrival = e.place.arrival;
		of[slots_len] = one->group;
		slots[slots_len++] = e.place.slot;
	}
	w->reader.arrival = 0;
	rc = slots_len ? erase_slots(txn, arrival, slots, slots_len, &dropped) : 0;
	for (uint32_t i = 0; i < slots_len && rc == 0; i++)
		groups[of[i]].bodies++;
	return rc;
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

/* After an error, too: what has gone is told, though its erasure goes on waiting. */
static void groups_tell(const struct erasing *w, int code,
	void (*visit)(void *ctx, const struct store_erased *e), void *ctx)
{
	const struct store_erased *e = (const struct store_erased *)(const void *)w->groups.data;

	for (size_t i = 0; i < w->groups.len / sizeof(*e); i++)
		if (code == 0 || e[i].bodies > 0)
			visit(ctx, &e[i]);
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

	if (txn->failed || reader_rows(&w.reader, LOG_ERASING) == 0)
		return txn->failed;
	if ((rc = index_reader_begin(txn->store, &w.index)) != 0)
		return rc;
	rc = index_state_get(txn->store, w.index.txn, &state);
	if (rc == 0)
		rc = erasing_each(txn->store, txn->mdb, 0, state.erased, erasing_gather, &w);
	if (rc >= 0)
		rc = erasing_apply(txn, &w);
	index_reader_end(&w.index);
	groups_tell(&w, rc, visit, ctx);
	buf_free(&w.groups);
	buf_free(&w.targets);
	buf_free(&w.places);
	return rc ? rc : w.more;
}
