/* SPDX-License-Identifier: EUPL-1.2 */
/* Readers of the truth: logs, runs, tree, entries, origins, settings. */
#include "store/impl.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* --- readers ---------------------------------------------------------------------------------- */

/* Runs, and which tables are empty: asked again only when something was committed. */
static int view_know(struct store *s, struct index_view *view)
{
	uint64_t txn = mdb_txn_id(view->txn);
	int rc = 0;

	if (!s->runs || s->index.known_txn != txn) {
		s->index.known_txn = 0;
		rc = index_empty_parts(s, view->txn, &s->empty_parts);
		if (rc == 0)
			rc = runs_take(s, view->txn, &view->runs);
		s->index.known_txn = rc == 0 ? txn : 0;
	} else {
		view->runs = s->runs;
		s->runs->refs++;
	}
	view->empty_parts = s->empty_parts;
	return rc;
}

/* A transaction on the index and its runs; with the mutex held. */
static int view_begin(struct store *s, struct index_view *view)
{
	int rc;

	for (unsigned tries = 0; tries < INDEX_TRIES; tries++) {
		/* A command may have come before the daemon that made the index. */
		if (!s->index.env && index_open(s, NULL) != 0)
			return ENT_EIO;
		if (!s->index.env)
			return 0;
		if ((rc = db_read(&s->index, s->readers == 0, &view->txn)) != 0)
			return rc;
		if ((rc = view_know(s, view)) == 0)
			return 0;
		mdb_txn_abort(view->txn);
		view->txn = NULL;
		if (rc != ENT_ENOTFOUND)
			return rc;
		store_follow(s, true);
	}
	return ENT_EBUSY;
}

static void view_end(struct index_view *view)
{
	if (view->txn)
		db_read_end(&view->store->index, view->txn);
	runs_release(view->runs);
}

static int txns_begin(struct store *s, bool with_index, struct store_reader *r)
{
	int rc;

	store_follow(s, false);
	if (!s->log.env)
		return ENT_EIO;
	/* The index first: then the truth is at least as new, and every place it names is there. */
	if (with_index && (rc = view_begin(s, &r->index)) != 0)
		return rc;
	if ((rc = db_read(&s->log, s->readers == 0, &r->log)) != 0)
		return rc;
	r->successions_known = s->log.known_txn == mdb_txn_id(r->log);
	r->successions = s->successions;
	return 0;
}

int reader_begin(struct store *s, bool with_index, struct store_reader *r)
{
	int rc;

	*r = (struct store_reader){.store = s, .index.store = s};
	pthread_mutex_lock(&s->mutex);
	while (s->growing)
		pthread_cond_wait(&s->readers_gone, &s->mutex);
	rc = txns_begin(s, with_index, r);
	if (rc == 0)
		s->readers++;
	else
		view_end(&r->index);
	pthread_mutex_unlock(&s->mutex);
	return rc;
}

int index_reader_begin(struct store *s, struct index_view *view)
{
	int rc;

	*view = (struct index_view){.store = s};
	pthread_mutex_lock(&s->mutex);
	while (s->growing)
		pthread_cond_wait(&s->readers_gone, &s->mutex);
	rc = s->index.env ? view_begin(s, view) : ENT_EIO;
	s->readers += rc == 0;
	pthread_mutex_unlock(&s->mutex);
	return rc;
}

void index_reader_end(struct index_view *view)
{
	struct store *s = view->store;

	pthread_mutex_lock(&s->mutex);
	view_end(view);
	if (--s->readers == 0)
		pthread_cond_broadcast(&s->readers_gone);
	pthread_mutex_unlock(&s->mutex);
}

void reader_end(struct store_reader *r)
{
	struct store *s = r->store;

	arena_free(&r->arena);
	pthread_mutex_lock(&s->mutex);
	if (r->successions_known) {
		s->log.known_txn = mdb_txn_id(r->log);
		s->successions = r->successions;
	}
	db_read_end(&s->log, r->log);
	view_end(&r->index);
	if (--s->readers == 0)
		pthread_cond_broadcast(&s->readers_gone);
	pthread_mutex_unlock(&s->mutex);
}

/* Readers are short; one that is not must not stop the writer. */
#define GROW_PATIENCE_MS 100

void store_grow(struct store *s, struct db *db)
{
	struct timespec until;
	int rc = 0;

	if (!db_nearly_full(db))
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += GROW_PATIENCE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&s->mutex);
	/* New readers wait behind this, the wait ends by itself: at worst at the time given. */
	s->growing = true;
	while (s->readers > 0 && rc == 0)
		rc = pthread_cond_timedwait(&s->readers_gone, &s->mutex, &until);
	if (s->readers == 0)
		db_grow(db);
	s->growing = false;
	pthread_cond_broadcast(&s->readers_gone);
	pthread_mutex_unlock(&s->mutex);
}

int store_reader_open(struct store *s, struct store_reader **out)
{
	struct store_reader *r = malloc(sizeof(*r));
	int rc = r ? reader_begin(s, true, r) : ENT_ENOMEM;

	*out = rc ? NULL : r;
	if (rc)
		free(r);
	return rc;
}

void store_reader_close(struct store_reader *r)
{
	if (!r)
		return;
	reader_end(r);
	free(r);
}

uint64_t reader_rows(struct store_reader *r, enum log_table table)
{
	MDB_stat stat;

	return mdb_stat(r->log, r->store->log.tables[table], &stat) == 0 ? stat.ms_entries : 0;
}

/* --- logs ------------------------------------------------------------------------------------- */

int store_log_at(struct store_reader *r, uint32_t number, struct store_log *log)
{
	return row_log_get(r->store, r->log, number, log);
}

int store_log_get(struct store_reader *r, const struct log_name *name, struct store_log *log)
{
	uint32_t number;
	int rc = row_number_get(r->store, r->log, name, &number);

	return rc ? rc : store_log_at(r, number, log);
}

int store_log_each(struct store_reader *r, int (*visit)(void *ctx, const struct store_log *log),
	void *ctx)
{
	struct store_log log;
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_LOGS], &cursor);

	if (rc)
		return db_err(rc);
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		if ((rc = row_log_decode(key, value, &log)) != 0 || (rc = visit(ctx, &log)) != 0)
			goto out;
	}
	rc = rc == MDB_NOTFOUND ? 0 : db_err(rc);
out:
	mdb_cursor_close(cursor);
	return rc;
}

/* --- entries ---------------------------------------------------------------------------------- */

uint64_t store_arrival_last(struct store_reader *r)
{
	uint64_t arrival;

	return row_arrival_last(r->store, r->log, &arrival) == 0 ? arrival : 0;
}

/* slot: of the entry that is wanted. Where that begins stands elsewhere in the bundle than what is
 * read first: so both are fetched at once. */
static int bundle_take(struct store_reader *r, uint64_t arrival, MDB_val value, uint32_t slot)
{
	uintptr_t low = (uintptr_t)value.mv_data, high = low + value.mv_size;
	int rc;

	__builtin_prefetch((const uint8_t *)value.mv_data + BUNDLE_HEADER_BYTES + 2 * (size_t)slot);
	rc = bundle_decode(db_bytes(value), &r->bundle);
	if (!r->seen_high || low < r->seen_low)
		r->seen_low = low;
	if (high > r->seen_high)
		r->seen_high = high;
	r->arrival = rc == 0 ? arrival : 0;
	r->slot = 0;
	r->at = cursor_of(r->bundle.entries);
	return rc;
}

/* Values of a reader lie in the file's own pages, shared and never changed by it: what is let go is
 * read again from the file when it is looked at. */
void store_reader_relax(struct store_reader *r)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t low = r->seen_low / page * page;

	if (r->seen_high)
		(void)madvise((void *)low, r->seen_high - low, MADV_DONTNEED);
	r->seen_high = 0;
}

static int bundle_find(struct store_reader *r, uint64_t arrival, uint32_t slot)
{
	uint8_t raw[ARRIVAL_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value;
	int rc;

	if (arrival == 0)
		return ENT_ENOTFOUND;
	if (arrival == r->arrival)
		return 0;
	be64_put(raw, arrival);
	rc = mdb_get(r->log, r->store->log.tables[LOG_ENTRIES], &key, &value);
	return rc ? db_err(rc) : bundle_take(r, arrival, value, slot);
}

int reader_bundle(struct store_reader *r, uint64_t arrival)
{
	return bundle_find(r, arrival, 0);
}

int reader_entry(struct store_reader *r, uint32_t slot, struct store_entry *e)
{
	const struct bundle *b = &r->bundle;

	if (slot >= b->count)
		return ENT_ENOTFOUND;
	if ((slot != r->slot && bundle_seek(b, slot, &r->at) != 0) ||
		entry_next(&r->at, &e->entry) != 0) {
		r->arrival = 0;
		return ENT_ECORRUPT;
	}
	r->slot = slot + 1;
	e->place = (struct store_place){r->arrival, slot};
	e->log = b->log;
	e->index = b->first + slot;
	e->via = b->via;
	e->received_ms = b->received_ms;
	entry_header_decode(e->entry.leaf, &e->header);
	return 0;
}

int store_entry_at(struct store_reader *r, struct store_place place, struct store_entry *e)
{
	int rc = bundle_find(r, place.arrival, place.slot);

	return rc ? rc : reader_entry(r, place.slot, e);
}

/* The first bundle that arrived at `arrival` or later. */
static int bundle_from(struct store_reader *r, uint64_t arrival)
{
	uint8_t raw[ARRIVAL_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_cursor *cursor;
	MDB_val value;
	int rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_ENTRIES], &cursor);

	if (rc)
		return db_err(rc);
	be64_put(raw, arrival);
	rc = db_err(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
	if (rc == 0)
		rc = key.mv_size == ARRIVAL_KEY_BYTES
			     ? bundle_take(r, be64_get(key.mv_data), value, 0)
			     : ENT_ECORRUPT;
	mdb_cursor_close(cursor);
	return rc;
}

int store_entry_next(struct store_reader *r, struct store_place from, struct store_entry *e)
{
	int rc = store_entry_at(r, from, e);

	if (rc != ENT_ENOTFOUND)
		return rc;
	rc = bundle_from(r, from.arrival + 1);
	return rc ? rc : reader_entry(r, 0, e);
}

/* --- runs ------------------------------------------------------------------------------------- */

/* A walk along a log, bundle by bundle: the reader's bundle is the one that holds `index`. */
struct walk {
	struct store_reader *reader;
	MDB_cursor *runs;
	uint32_t log;
	uint64_t index;
};

/* Takes the bundle of the run the cursor stands on; it has to hold w->index of w->log. */
static int walk_take(struct walk *w, MDB_val key, MDB_val value)
{
	const struct bundle *b = &w->reader->bundle;
	int rc;

	if (key.mv_size != RUN_KEY_BYTES || value.mv_size != ARRIVAL_KEY_BYTES)
		return ENT_ECORRUPT;
	if (be32_get(key.mv_data) != w->log)
		return ENT_ENOTFOUND;
	if ((rc = reader_bundle(w->reader, be64_get(value.mv_data))) != 0)
		return rc == ENT_ENOTFOUND ? ENT_ECORRUPT : rc;
	if (b->log != w->log || b->first != be64_get((const uint8_t *)key.mv_data + 4))
		return ENT_ECORRUPT;
	return w->index >= b->first && w->index - b->first < b->count ? 0 : ENT_ENOTFOUND;
}

static int walk_find(struct walk *w)
{
	uint8_t raw[RUN_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value;
	int rc;

	run_key_put(raw, w->log, w->index);
	rc = mdb_cursor_get(w->runs, &key, &value, MDB_SET_RANGE);
	/* The run that holds the index is the one that begins there, or else the one before. */
	if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(w->runs, &key, &value, MDB_LAST);
	else if (rc == 0 && memcmp(key.mv_data, raw, sizeof(raw)) != 0)
		rc = mdb_cursor_get(w->runs, &key, &value, MDB_PREV);
	return rc ? db_err(rc) : walk_take(w, key, value);
}

/* Begins at an index; walk_close in any case. */
static int walk_open(struct walk *w, struct store_reader *r, uint32_t log, uint64_t index)
{
	int rc;

	*w = (struct walk){.reader = r, .log = log, .index = index};
	rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_RUNS], &w->runs);
	return rc ? db_err(rc) : walk_find(w);
}

/* Goes on to index, which is in this bundle or in the next. */
static int walk_next(struct walk *w, uint64_t index)
{
	MDB_val key, value;
	int rc;

	w->index = index;
	if (index - w->reader->bundle.first < w->reader->bundle.count)
		return 0;
	rc = mdb_cursor_get(w->runs, &key, &value, MDB_NEXT);
	return rc ? db_err(rc) : walk_take(w, key, value);
}

static void walk_close(struct walk *w)
{
	if (w->runs)
		mdb_cursor_close(w->runs);
}

int reader_bundles(struct store_reader *r, uint32_t log, uint64_t from, uint64_t to,
	int (*visit)(void *ctx, const struct bundle *b), void *ctx)
{
	uint8_t raw[RUN_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_cursor *runs;
	MDB_val value;
	struct walk w;
	int rc = walk_open(&w, r, log, from);

	walk_close(&w);
	if (rc != 0 && rc != ENT_ENOTFOUND)
		return rc;
	/* It may lie below the first bundle that is left. */
	run_key_put(raw, log, rc == 0 ? r->bundle.first : from);
	if ((rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_RUNS], &runs)) != 0)
		return db_err(rc);
	rc = mdb_cursor_get(runs, &key, &value, MDB_SET_RANGE);
	while (rc == 0 && key.mv_size == RUN_KEY_BYTES && be32_get(key.mv_data) == log &&
		be64_get((const uint8_t *)key.mv_data + 4) < to) {
		if (value.mv_size != ARRIVAL_KEY_BYTES ||
			(rc = reader_bundle(r, be64_get(value.mv_data))) != 0 ||
			(rc = visit(ctx, &r->bundle)) != 0) {
			mdb_cursor_close(runs);
			return rc ? rc : ENT_ECORRUPT;
		}
		rc = mdb_cursor_get(runs, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(runs);
	return rc == MDB_NOTFOUND ? 0 : db_err(rc);
}

int reader_original(struct store_reader *r, uint32_t log, uint64_t index, struct store_entry *e)
{
	struct walk w;
	int rc = walk_open(&w, r, log, index);

	walk_close(&w);
	return rc ? rc : reader_entry(r, (uint32_t)(index - r->bundle.first), e);
}

int store_entry_get(struct store_reader *r, uint32_t log, uint64_t index, struct store_entry *e)
{
	int rc = reader_original(r, log, index, e);
	struct store_entry later;

	if (rc || !e->entry.erased)
		return rc;
	rc = reader_restored(r, log, index, &later);
	if (rc == 0)
		*e = later;
	return rc == ENT_ENOTFOUND ? 0 : rc;
}

/*
 * The packed entries of the bundle from slot on, count at the most and bytes_max at the most but at
 * least one when `one` is set; *count becomes how many they are.
 */
static int bundle_part(const struct bundle *b, uint32_t slot, size_t bytes_max, bool one,
	uint32_t *count, struct bytes *part)
{
	struct cursor from, to;
	struct entry passed;
	uint32_t taken = 0;
	int rc;

	if ((rc = bundle_seek(b, slot, &from)) != 0 ||
		(rc = bundle_seek(b, slot + *count, &to)) != 0)
		return rc;
	*part = bytes_from(from.at, (size_t)(to.at - from.at));
	if (part->len <= bytes_max)
		return 0;
	for (to = from; taken < *count; taken++) {
		struct cursor ahead = to;

		if (entry_next(&ahead, &passed) != 0)
			return ENT_ECORRUPT;
		if ((size_t)(ahead.at - from.at) > bytes_max && !(one && taken == 0))
			break;
		to = ahead;
	}
	*count = taken;
	*part = bytes_from(from.at, (size_t)(to.at - from.at));
	return 0;
}

static int run_copy(struct walk *w, uint64_t to, size_t bytes_max, struct buf *out, uint32_t *count)
{
	const struct bundle *b = &w->reader->bundle;
	const size_t start = out->len;

	for (;;) {
		uint32_t slot = (uint32_t)(w->index - b->first);
		uint32_t wanted = b->count - slot;
		struct bytes part;
		uint32_t got;
		int rc;

		if (to - w->index < wanted)
			wanted = (uint32_t)(to - w->index);
		got = wanted;
		rc = bundle_part(b, slot, bytes_max - (out->len - start), *count == 0, &got, &part);
		if (rc)
			return rc;
		buf_bytes(out, part);
		if (buf_failed(out))
			return ENT_ENOMEM;
		*count += got;
		if (got < wanted || w->index + got == to || out->len - start >= bytes_max)
			return 0;
		if ((rc = walk_next(w, w->index + got)) != 0)
			return rc;
	}
}

int store_run_read(struct store_reader *r, const struct log_name *name, uint64_t from, uint64_t to,
	size_t bytes_max, struct buf *out, uint32_t *count)
{
	const size_t start = out->len;
	struct store_log log;
	struct walk w;
	int rc = store_log_get(r, name, &log);

	*count = 0;
	if (rc)
		return rc;
	if (to > log.size)
		to = log.size;
	if (from < log.floor || from >= to)
		return ENT_ENOTFOUND;
	rc = walk_open(&w, r, log.number, from);
	if (rc == 0)
		rc = run_copy(&w, to, bytes_max, out, count);
	walk_close(&w);
	if (rc == 0)
		rc = restored_fill(r, log.number, from, bytes_max, out, start, count);
	if (rc == 0)
		rc = erase_strip(r, &log, from, out, start, *count);
	/* Between floor and size every entry is here, or the store is damaged. */
	return rc == ENT_ENOTFOUND ? ENT_ECORRUPT : rc;
}

int store_txn_run_read(struct store_txn *txn, const struct log_name *name, uint64_t from,
	uint64_t to, size_t bytes_max, struct buf *out, uint32_t *count)
{
	struct store_reader r = {.store = txn->store, .log = txn->mdb};
	int rc = store_run_read(&r, name, from, to, bytes_max, out, count);

	arena_free(&r.arena);
	return rc;
}

/* --- tree ------------------------------------------------------------------------------------- */

static int subtree_stored(const struct store_tree *t, unsigned level, uint64_t index,
	struct hash *hash)
{
	uint8_t raw[TREE_KEY_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value;
	int rc;

	tree_key_put(raw, t->log, level, index);
	rc = mdb_get(t->reader->log, t->reader->store->log.tables[LOG_TREE], &key, &value);
	if (rc)
		return db_err(rc);
	if (value.mv_size != HASH_BYTES)
		return ENT_ECORRUPT;
	memcpy(hash->bytes, value.mv_data, HASH_BYTES);
	return 0;
}

/* From the headers of its entries. */
static int subtree_computed(const struct store_tree *t, unsigned level, uint64_t index,
	struct hash *hash)
{
	const uint64_t begin = index << level;
	const uint64_t end = begin + (1ull << level);
	struct range range;
	struct walk w;
	int rc = walk_open(&w, t->reader, t->log, begin);

	range_init(&range, begin);
	while (rc == 0) {
		struct store_entry e;
		struct hash leaf;

		rc = reader_entry(t->reader, (uint32_t)(range.end - t->reader->bundle.first), &e);
		if (rc)
			break;
		hash_leaf(&leaf, e.entry.leaf);
		range_append(&range, &leaf);
		if (range.end == end)
			break;
		rc = walk_next(&w, range.end);
	}
	walk_close(&w);
	if (rc)
		return rc;
	assert(range.hashes_len == 1);
	*hash = range.hashes[0];
	return 0;
}

int store_tree_subtree(void *ctx, unsigned level, uint64_t index, struct hash *hash)
{
	const struct store_tree *t = ctx;

	if (level >= 64 || index > UINT64_MAX >> level)
		return ENT_ENOTFOUND;
	return level >= TREE_LEVEL_MIN ? subtree_stored(t, level, index, hash)
				       : subtree_computed(t, level, index, hash);
}

/* --- origins and settings --------------------------------------------------------------------- */

static int origin_decode(MDB_val key, MDB_val value, struct store_origin *o)
{
	struct cursor c = cursor_of(db_bytes(value));

	if (key.mv_size != NODE_ID_BYTES)
		return ENT_ECORRUPT;
	memcpy(o->node.bytes, key.mv_data, NODE_ID_BYTES);
	cursor_copy(&c, o->introduced_by.bytes, NODE_ID_BYTES);
	o->when_ms = (int64_t)cursor_u64(&c);
	o->chain = cursor_bytes(&c, cursor_left(&c));
	return cursor_ok(&c) ? 0 : ENT_ECORRUPT;
}

int store_origin_get(struct store_reader *r, const struct node_id *node, struct store_origin *o)
{
	MDB_val key = db_val(node->bytes, NODE_ID_BYTES);
	MDB_val value;
	int rc = mdb_get(r->log, r->store->log.tables[LOG_ORIGINS], &key, &value);

	return rc ? db_err(rc) : origin_decode(key, value, o);
}

int store_origin_each(struct store_reader *r, int (*visit)(void *ctx, const struct store_origin *o),
	void *ctx)
{
	struct store_origin o;
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_ORIGINS], &cursor);

	if (rc)
		return db_err(rc);
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		if ((rc = origin_decode(key, value, &o)) != 0 || (rc = visit(ctx, &o)) != 0)
			goto out;
	}
	rc = rc == MDB_NOTFOUND ? 0 : db_err(rc);
out:
	mdb_cursor_close(cursor);
	return rc;
}

int store_rival_each(struct store_reader *r, int (*visit)(void *ctx, struct bytes chain), void *ctx)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_RIVALS], &cursor);

	if (rc)
		return db_err(rc);
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		if ((rc = visit(ctx, db_bytes(value))) != 0) {
			mdb_cursor_close(cursor);
			return rc;
		}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : db_err(rc);
}

int store_meta_get(struct store_reader *r, const char *name, struct bytes *value)
{
	MDB_val key = db_val(name, strlen(name));
	MDB_val found;
	int rc;

	if (key.mv_size == 0 || name[0] == '.')
		return ENT_ENOTFOUND;
	rc = mdb_get(r->log, r->store->log.tables[LOG_META], &key, &found);
	if (rc == 0)
		*value = db_bytes(found);
	return db_err(rc);
}
