/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Bodies that no agreement lets this node hold any more (store.h, "after the end"). Setting the
 * mark is a word, as moving a floor is; the index lets go of what lies below it, and then the
 * bodies go here, some bundles in a transaction. A row of `over` has the mark and how far the
 * bodies are gone.
 */
#include "store/impl.h"

/* Of one transaction. */
#define BUNDLES_MAX 256u

#define OVER_BYTES  16 /* u64 the mark, u64 how far it is done */

bool over_takes(const struct entry_header *h)
{
	return h->version != ENTRY_VERSION ||
	       (h->kind != KIND_ERASURE && h->kind != KIND_RETRACTION &&
		       h->kind != KIND_SUCCESSION);
}

static int row_get(struct store *s, MDB_txn *txn, uint32_t log, uint64_t *mark, uint64_t *done)
{
	uint8_t raw[4];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value;
	int rc;

	*mark = *done = 0;
	be32_put(raw, log);
	rc = mdb_get(txn, s->log.tables[LOG_OVER], &key, &value);
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : db_err(rc);
	if (value.mv_size != OVER_BYTES)
		return ENT_ECORRUPT;
	*mark = be64_get(value.mv_data);
	*done = be64_get((const uint8_t *)value.mv_data + 8);
	return 0;
}

static int row_put(struct store_txn *txn, uint32_t log, uint64_t mark, uint64_t done)
{
	uint8_t raw[4], value[OVER_BYTES];

	be32_put(raw, log);
	be64_put(value, mark);
	be64_put(value + 8, done);
	return txn_put(txn, LOG_OVER, db_val(raw, sizeof(raw)), db_val(value, sizeof(value)), 0);
}

int over_get(struct store *s, MDB_txn *txn, uint32_t log, uint64_t *mark)
{
	uint64_t done;

	return row_get(s, txn, log, mark, &done);
}

int store_over_get(struct store_reader *r, uint32_t log, uint64_t *mark)
{
	return over_get(r->store, r->log, log, mark);
}

int store_txn_over(struct store_txn *txn, uint32_t log, uint64_t *mark)
{
	return over_get(txn->store, txn->mdb, log, mark);
}

int store_over_set(struct store_txn *txn, const struct log_name *name, uint64_t mark)
{
	uint64_t before, done;
	struct store_log log;
	int rc = store_txn_log(txn, name, false, &log);

	if (rc)
		return rc;
	if (mark > log.size)
		return ENT_EINVALID;
	rc = row_get(txn->store, txn->mdb, log.number, &before, &done);
	if (rc || mark <= before)
		return rc;
	rc = row_put(txn, log.number, mark, done);
	return rc ? rc : floors_count(txn);
}

/* --- carrying out ----------------------------------------------------------------------------- */

struct over {
	struct store_txn *txn;
	struct index_view index;
	struct store_reader reader; /* of the write transaction */
	void (*visit)(void *ctx, const struct store_erased *e);
	void *ctx;
	unsigned done;
	bool more;
};

/* The slots of the bundle at hand that lose their bodies. */
struct taken {
	uint64_t arrival, first, end;
	uint32_t slots[BUNDLE_ENTRIES_MAX];
	uint32_t slots_len;
	struct over *over;
	uint64_t from, to;
};

static int bundle_take(void *ctx, const struct bundle *b)
{
	struct taken *t = ctx;
	struct cursor c = cursor_of(b->entries);

	t->arrival = t->over->reader.arrival;
	t->first = b->first;
	t->end = b->first + b->count;
	for (uint32_t slot = 0; slot < b->count; slot++) {
		struct entry_header h;
		struct entry e;

		if (entry_next(&c, &e) != 0)
			return ENT_ECORRUPT;
		entry_header_decode(e.leaf, &h);
		if (b->first + slot >= t->from && b->first + slot < t->to && over_takes(&h))
			t->slots[t->slots_len++] = slot;
	}
	return 1;
}

/* Bodies that came later lie in bundles of their own. */
static int restored_take(struct over *o, uint32_t log, uint64_t from, uint64_t to, uint64_t *gone)
{
	int rc = 0;

	for (uint64_t i = from; i < to && rc == 0; i++) {
		struct store_entry e;

		o->reader.arrival = 0;
		rc = reader_restored(&o->reader, log, i, &e);
		if (rc == 0 && !e.entry.erased && over_takes(&e.header))
			rc = erase_slots(o->txn, e.place.arrival, &e.place.slot, 1, gone);
		else if (rc == ENT_ENOTFOUND)
			rc = 0;
	}
	o->reader.arrival = 0;
	return rc;
}

static int missing_drop(struct over *o, uint32_t log, uint64_t from, uint64_t to)
{
	uint8_t least[RUN_KEY_BYTES], end[RUN_KEY_BYTES];

	run_key_put(least, log, from);
	run_key_put(end, log, to);
	return keys_delete(o->txn, LOG_MISSING, least, end, sizeof(least), NULL);
}

/* One bundle, or what of it lies in [from, to); *next: where the following begins. */
static int bundle_over(struct over *o, uint32_t log, uint64_t from, uint64_t to, uint64_t *next,
	uint64_t *gone)
{
	struct taken t = {.over = o, .from = from, .to = to};
	int rc;

	o->reader.arrival = 0;
	rc = reader_bundles(&o->reader, log, from, to, bundle_take, &t);
	if (rc < 0)
		return rc;
	/* None: a gap that a floor has left. */
	*next = rc == 0 || t.end > to ? to : t.end;
	o->reader.arrival = 0;
	if (t.slots_len && (rc = erase_slots(o->txn, t.arrival, t.slots, t.slots_len, gone)) != 0)
		return rc;
	rc = restored_take(o, log, from, *next, gone);
	return rc ? rc : missing_drop(o, log, from, *next);
}

static int log_over(void *ctx, const struct store_log *log)
{
	struct over *o = ctx;
	struct store_erased told = {.log = log->name, .over = true};
	uint64_t mark, done, to;
	int put, rc = row_get(o->txn->store, o->txn->mdb, log->number, &mark, &done);

	if (rc || mark <= done || o->more)
		return rc;
	/* No further than the index has let go. */
	rc = index_over_get(o->txn->store, o->index.txn, log->number, &to);
	if (rc)
		return rc;
	to = to < mark ? to : mark;
	done = done > log->floor ? done : log->floor;
	told.from = done;
	told.to = done;
	while (rc == 0 && done < to && !o->more) {
		rc = bundle_over(o, log->number, done, to, &told.to, &told.bodies);
		done = rc == 0 ? told.to : done;
		o->more = ++o->done >= BUNDLES_MAX;
	}
	/* After an error, too, what has gone is told. */
	told.to = told.bodies > 0 ? told.to : done;
	if (told.to > told.from)
		o->visit(o->ctx, &told);
	put = done > told.from ? row_put(o->txn, log->number, mark, done) : 0;
	return rc ? rc : put;
}

int store_over_carry(struct store_txn *txn, void (*visit)(void *ctx, const struct store_erased *e),
	void *ctx)
{
	struct over o = {.txn = txn,
		.reader = {.store = txn->store, .log = txn->mdb},
		.visit = visit,
		.ctx = ctx};
	int rc;

	if (txn->failed || reader_rows(&o.reader, LOG_OVER) == 0)
		return txn->failed;
	if ((rc = index_reader_begin(txn->store, &o.index)) != 0)
		return rc;
	rc = store_log_each(&o.reader, log_over, &o);
	index_reader_end(&o.index);
	return rc ? rc : o.more;
}
