/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Runs become fewer and larger. A run belongs to a size: each is RATIO times the one before. When
 * RATIO runs of a size have come together, with none larger between or behind them, they and the
 * smaller ones behind them become one. So a key is written about once a size, and a look-up goes
 * through RATIO - 1 runs of each size and what came since. When there is nothing else to do two are
 * enough: look-ups are left with one run of each size.
 *
 * A merge goes on in portions and holds nothing up: it reads runs that stay as they are, writes a
 * file that nobody knows yet, and one transaction puts it in their place. What it had written when
 * the process ended is swept at the next opening, and it begins anew.
 */
#include "store/impl.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

#define RATIO      8u
#define RATIO_IDLE 2u
/* From this share on of all keys that take out it is worth while. */
#define GONE_SHARE 4u
/* So many are not left together whatever their sizes. */
#define RUNS_MANY (RUNS_MAX / 4 * 3)
/* A byte is written once a size; so many sizes there are of a hundred million records. */
#define MERGED_A_BYTE 6u
/* What a merge does at once while nothing else is to be done: some ten milliseconds. */
#define PORTION_BYTES (4u << 20)
/* What a merge leaves free on the disk. */
#define ROOM_BYTES (64ull << 20)

struct merge {
	struct runs *runs; /* of which [from, to) are merged */
	unsigned from, to;
	uint64_t number;
	struct run_writer *writer;
	enum index_part part; /* at hand; INDEX_PARTS: done */
	struct merge_source sources[RUNS_MAX];
};

/* --- keys ------------------------------------------------------------------------------------- */

/* Steps over a key, however often it stands there. */
static size_t source_skip(struct merge_source *source, const uint8_t *key, size_t key_len)
{
	const uint8_t *before = source->at;

	do
		source->at += key_len;
	while (source->at != source->end && index_key_cmp(source->at, key, key_len) == 0);
	return (size_t)(source->at - before);
}

/*
 * The sources that have something left, oldest first, and what their keys begin with. Which of them
 * is next cannot be foretold, and a branch that is foretold wrongly costs more than all the rest:
 * so the least is found without one, by first bytes alone. Only when two begin alike whole keys are
 * compared.
 */
struct heads {
	uint64_t first[RUNS_MAX];
	struct merge_source *sources[RUNS_MAX];
	unsigned len;
};

static void heads_take(struct heads *h, struct merge_source *sources, unsigned len)
{
	h->len = 0;
	for (unsigned i = 0; i < len; i++) {
		if (sources[i].at == sources[i].end)
			continue;
		h->first[h->len] = be64_get(sources[i].at);
		h->sources[h->len++] = &sources[i];
	}
}

/* Once a source has moved on. */
static void head_renew(struct heads *h, unsigned i)
{
	const struct merge_source *s = h->sources[i];

	if (s->at != s->end) {
		h->first[i] = be64_get(s->at);
		return;
	}
	h->len--;
	memmove(h->first + i, h->first + i + 1, (h->len - i) * sizeof(h->first[0]));
	memmove(h->sources + i, h->sources + i + 1, (h->len - i) * sizeof(h->sources[0]));
}

static inline unsigned heads_least(const struct heads *h, bool *alike)
{
	uint64_t least = h->first[0], same = 0, at = 0;

	for (unsigned i = 1; i < h->len; i++) {
		uint64_t next = h->first[i];
		uint64_t less = 0 - (uint64_t)(next < least);

		same = (same & ~less) | (uint64_t)(next == least);
		least ^= (least ^ next) & less;
		at ^= (at ^ i) & less;
	}
	*alike = same != 0;
	return (unsigned)at;
}

/* Of those that begin as `least` does. What an older one says of the same key counts no more: it
 * steps over it. */
static unsigned heads_settle(struct heads *h, unsigned least, size_t key_len, size_t *done)
{
	uint64_t first = h->first[least];

	for (unsigned i = least + 1; i < h->len; i++) {
		const uint8_t *key = h->sources[i]->at;
		int order;

		if (h->first[i] != first)
			continue;
		order = index_key_cmp(key, h->sources[least]->at, key_len);
		if (order <= 0)
			least = i;
	}
	for (unsigned i = least; i-- > 0;) {
		if (h->first[i] != first ||
			index_key_cmp(h->sources[i]->at, h->sources[least]->at, key_len) != 0)
			continue;
		*done += source_skip(h->sources[i], h->sources[least]->at, key_len);
		if (h->sources[i]->at == h->sources[i]->end)
			least--;
		head_renew(h, i);
	}
	return least;
}

/* The least key that any other source offers; NULL: there is none. */
static const uint8_t *heads_bound(const struct heads *h, unsigned least, size_t key_len)
{
	const uint8_t *bound = NULL;

	for (unsigned i = 0; i < h->len; i++)
		if (i != least && (!bound || index_key_cmp(h->sources[i]->at, bound, key_len) < 0))
			bound = h->sources[i]->at;
	return bound;
}

struct merging {
	struct run_writer *writer;
	enum index_part part;
	size_t key_len;
	bool oldest;
	size_t done;
};

static inline void key_hand_on(struct merging *m, struct merge_source *source)
{
	const uint8_t *key = source->at;

	m->done += source_skip(source, key, m->key_len);
	if (!m->oldest || !index_key_removes(key, m->key_len))
		run_writer_put(m->writer, m->part, key);
}

/* Moments are alike in rows, and each source has its own in order. */
static void alike_hand_on(struct merging *m, struct heads *h, unsigned least, size_t budget)
{
	struct merge_source *source;
	const uint8_t *bound;

	least = heads_settle(h, least, m->key_len, &m->done);
	source = h->sources[least];
	bound = heads_bound(h, least, m->key_len);
	do
		key_hand_on(m, source);
	while (source->at != source->end && m->done < budget &&
		(!bound || index_key_cmp(source->at, bound, m->key_len) < 0));
	head_renew(h, least);
}

size_t merge_part(struct run_writer *w, enum index_part part, struct merge_source *sources,
	unsigned len, bool oldest, size_t budget)
{
	struct merging m = {w, part, index_key_len(part), oldest, 0};
	struct heads h;

	heads_take(&h, sources, len);
	while (h.len > 0 && m.done < budget) {
		bool alike;
		unsigned least = heads_least(&h, &alike);

		if (alike) {
			alike_hand_on(&m, &h, least, budget);
			continue;
		}
		key_hand_on(&m, h.sources[least]);
		head_renew(&h, least);
	}
	return m.done;
}

static void source_of(struct merge_source *source, const struct index_run *run,
	enum index_part part)
{
	source->at = index_run_key(run, part, 0);
	source->end = index_run_key(run, part, run->parts[part].count);
}

/* --- from the tables -------------------------------------------------------------------------- */

int index_fresh_count(const struct index_view *v, uint64_t *count)
{
	*count = 0;
	for (unsigned part = 0; part < INDEX_PARTS; part++) {
		MDB_stat stat;
		int rc = mdb_stat(v->txn, v->store->index.tables[INDEX_VALUE + part], &stat);

		if (rc)
			return db_err(rc);
		*count += stat.ms_entries;
	}
	return 0;
}

/* The keys of one table, in order; the caller frees. */
static int table_keys(const struct index_view *v, enum index_part part, uint8_t **keys,
	size_t *bytes)
{
	MDB_dbi table = v->store->index.tables[INDEX_VALUE + part];
	size_t len = index_key_len(part);
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_stat stat;
	uint8_t *at;
	int rc = mdb_stat(v->txn, table, &stat);

	*bytes = 0;
	*keys = NULL;
	if (rc)
		return db_err(rc);
	if (stat.ms_entries == 0)
		return 0;
	if (!(at = *keys = malloc(stat.ms_entries * len)))
		return ENT_ENOMEM;
	*bytes = stat.ms_entries * len;
	if ((rc = mdb_cursor_open(v->txn, table, &cursor)) != 0)
		return db_err(rc);
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		if (key.mv_size != len || at == *keys + *bytes) {
			rc = MDB_CORRUPTED;
			break;
		}
		memcpy(at, key.mv_data, len);
		at += len;
	}
	mdb_cursor_close(cursor);
	if (rc == MDB_NOTFOUND)
		return at == *keys + *bytes ? db_err(mdb_drop(v->txn, table, 0)) : ENT_ECORRUPT;
	return db_err(rc);
}

/* Also takes the path of the new run, so that who fails later can remove it. */
static int flush_to(const struct index_view *v, struct merge_source sources[INDEX_PARTS][2],
	struct runs_list *list, uint64_t *number)
{
	uint64_t counts[INDEX_PARTS], keys;
	char path[RUN_PATH_BYTES];
	struct run_writer *w;
	int rc;

	for (unsigned part = 0; part < INDEX_PARTS; part++)
		counts[part] = (uint64_t)(sources[part][0].end - sources[part][0].at +
					  sources[part][1].end - sources[part][1].at) /
			       index_key_len(part);
	*number = v->store->run_next++;
	run_path(v->store, path, *number);
	rc = run_writer_begin(&w, path, *number, run_tag(v->store, *number), counts);
	if (rc)
		return rc;
	for (unsigned part = 0; part < INDEX_PARTS; part++)
		merge_part(w, part, sources[part], 2, list->len == 0, SIZE_MAX);
	if ((rc = run_writer_finish(w, &keys)) != 0 || keys == 0)
		*number = 0;
	else
		list->numbers[list->len++] = *number;
	return rc;
}

int index_flush(const struct index_view *v, const struct merge_source more[INDEX_PARTS],
	struct runs_list *list, uint64_t *number)
{
	struct merge_source sources[INDEX_PARTS][2];
	uint8_t *fresh[INDEX_PARTS] = {NULL};
	int rc = 0;

	*number = 0;
	assert(list->len < RUNS_MAX);
	for (unsigned part = 0; part < INDEX_PARTS && rc == 0; part++) {
		size_t bytes;

		rc = table_keys(v, part, &fresh[part], &bytes);
		sources[part][0] = (struct merge_source){fresh[part], NULL};
		if (fresh[part])
			sources[part][0].end = fresh[part] + bytes;
		sources[part][1] = more ? more[part] : (struct merge_source){NULL, NULL};
	}
	if (rc == 0)
		rc = flush_to(v, sources, list, number);
	for (unsigned part = 0; part < INDEX_PARTS; part++)
		free(fresh[part]);
	return rc;
}

static uint64_t fresh_keys = 12u << 10;

uint64_t index_fresh_keys(void)
{
	return fresh_keys;
}

void index_fresh_keys_set(uint64_t keys)
{
	fresh_keys = keys;
}

/* --- what is to be merged --------------------------------------------------------------------- */

/* Sizes begin at what the tables hold before they are emptied. */
static unsigned size_of(const struct index_run *run)
{
	uint64_t keys = index_run_keys(run) / index_fresh_keys();
	unsigned size = 0;

	for (; keys >= RATIO; keys /= RATIO)
		size++;
	return size;
}

/* So much is taken out again that everything is worth being written anew. */
static bool mostly_gone(const struct runs *runs)
{
	uint64_t keys = 0, removes = 0;

	for (unsigned i = 0; i < runs->list.len; i++) {
		keys += index_run_keys(runs->runs[i]);
		removes += runs->runs[i]->removes;
	}
	return removes > index_fresh_keys() && removes >= keys / GONE_SHARE;
}

/* together: so many of a size. */
static bool merge_pick(const struct runs *runs, unsigned together, unsigned *from, unsigned *to)
{
	unsigned sizes[RUNS_MAX], len = runs->list.len, largest = 0;

	*from = 0;
	*to = len;
	if (len > RUNS_MANY || mostly_gone(runs))
		return true;
	for (unsigned i = 0; i < len; i++) {
		sizes[i] = size_of(runs->runs[i]);
		largest = sizes[i] > largest ? sizes[i] : largest;
	}
	for (unsigned size = 0; size <= largest; size++) {
		unsigned begin = len, count = 0;

		while (begin > 0 && sizes[begin - 1] <= size)
			count += sizes[--begin] == size;
		*from = begin;
		if (count >= together)
			return true;
	}
	return false;
}

/* --- a merge ---------------------------------------------------------------------------------- */

static void merge_free(struct store *s)
{
	pthread_mutex_lock(&s->mutex);
	runs_release(s->merge->runs);
	pthread_mutex_unlock(&s->mutex);
	free(s->merge);
	s->merge = NULL;
}

void index_merge_abort(struct store *s)
{
	if (!s->merge)
		return;
	run_writer_abort(s->merge->writer);
	merge_free(s);
}

static void part_begin(struct merge *m)
{
	for (unsigned i = m->from; i < m->to && m->part < INDEX_PARTS; i++)
		source_of(&m->sources[i - m->from], m->runs->runs[i], m->part);
}

/* What is derived must not take the last room from the truth. */
static bool room_for(struct store *s, const struct runs *runs, unsigned from, unsigned to)
{
	uint64_t bytes = ROOM_BYTES;
	struct statvfs fs;

	for (unsigned i = from; i < to; i++)
		bytes += runs->runs[i]->bytes;
	return statvfs(s->data, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= bytes;
}

static int merge_begin(struct store *s, struct runs *runs, unsigned from, unsigned to)
{
	uint64_t counts[INDEX_PARTS] = {0};
	char path[RUN_PATH_BYTES];
	struct merge *m = calloc(1, sizeof(*m));
	int rc = m ? 0 : ENT_ENOMEM;

	if (rc == 0 && !room_for(s, runs, from, to))
		rc = ENT_EFULL;
	for (unsigned i = from; i < to; i++)
		for (unsigned part = 0; part < INDEX_PARTS; part++)
			counts[part] += runs->runs[i]->parts[part].count;
	if (rc == 0) {
		*m = (struct merge){.runs = runs, .from = from, .to = to, .number = s->run_next++};
		run_path(s, path, m->number);
		rc = run_writer_begin(&m->writer, path, m->number, run_tag(s, m->number), counts);
	}
	if (rc) {
		free(m);
		return rc;
	}
	pthread_mutex_lock(&s->mutex);
	runs->refs++;
	pthread_mutex_unlock(&s->mutex);
	part_begin(m);
	s->merge = m;
	return 0;
}

/* In one transaction the new run takes the place of those it is made of; more may have come behind
 * them. */
static int list_change(struct store *s, const struct merge *m, bool empty)
{
	const struct runs_list *old = &m->runs->list;
	unsigned gone = m->to - m->from - !empty;
	struct index_view view;
	struct runs_list list;
	int rc = index_write_begin(s, &view);

	if (rc)
		return rc;
	if ((rc = runs_list_get(s, view.txn, &list)) == 0) {
		assert(list.len >= m->to &&
			memcmp(list.numbers, old->numbers, m->to * sizeof(list.numbers[0])) == 0);
		list.numbers[m->from] = m->number;
		memmove(list.numbers + m->to - gone, list.numbers + m->to,
			(list.len - m->to) * sizeof(list.numbers[0]));
		list.len -= gone;
		rc = runs_list_put(s, view.txn, &list);
	}
	return index_write_end(&view, rc, m->number);
}

static int merge_finish(struct store *s)
{
	struct merge *m = s->merge;
	char path[RUN_PATH_BYTES];
	uint64_t keys;
	int rc = run_writer_finish(m->writer, &keys);

	if (rc == 0)
		rc = list_change(s, m, keys == 0);
	for (unsigned i = m->from; rc == 0 && i < m->to; i++) {
		run_path(s, path, m->runs->list.numbers[i]);
		unlink(path);
	}
	merge_free(s);
	return rc;
}

static int merge_advance(struct store *s, size_t budget)
{
	struct merge *m = s->merge;
	size_t done = 0;

	while (m->part < INDEX_PARTS && done < budget && !run_writer_failed(m->writer)) {
		size_t part = merge_part(m->writer, m->part, m->sources, m->to - m->from,
			m->from == 0, budget - done);

		done += part;
		if (done < budget) {
			m->part++;
			part_begin(m);
		}
	}
	if (m->part == INDEX_PARTS || run_writer_failed(m->writer))
		return merge_finish(s);
	return 1;
}

/* Begins one if there is one to begin: 1; else 0. */
static int merge_next(struct store *s, unsigned together)
{
	struct index_view view;
	unsigned from, to;
	int rc = index_reader_begin(s, &view);

	if (rc)
		return rc;
	if (view.runs && view.runs->list.generation != s->merge_put_off &&
		merge_pick(view.runs, together, &from, &to)) {
		rc = merge_begin(s, view.runs, from, to);
		rc = rc ? rc : 1;
		if (rc < 0)
			s->merge_put_off = view.runs->list.generation;
	}
	index_reader_end(&view);
	return rc;
}

/* Without room everything stays as it is, and is found: until more has come, nothing is tried. */
static int put_off(struct store *s, int code)
{
	struct index_view view;

	if (index_reader_begin(s, &view) == 0) {
		s->merge_put_off = view.runs ? view.runs->list.generation : 0;
		index_reader_end(&view);
	}
	log_warn("store", "a merge of the index is put off: %s", err_sentence(code));
	return code == ENT_EFULL ? 0 : code;
}

static int merge_on(struct store *s, size_t budget, unsigned together)
{
	int rc = s->merge ? 1 : merge_next(s, together);

	if (rc == 1 && (rc = merge_advance(s, budget)) == 0)
		rc = merge_next(s, together);
	return rc < 0 ? put_off(s, rc) : rc;
}

int index_merge(struct store *s, size_t budget)
{
	return merge_on(s, budget, RATIO);
}

int index_room(struct store *s)
{
	unsigned len = 0;
	int rc = 0;

	for (bool merged = false;; merged = true) {
		struct index_view view;

		if ((rc = index_reader_begin(s, &view)) != 0)
			return rc;
		len = view.runs ? view.runs->list.len : 0;
		index_reader_end(&view);
		if (len < RUNS_MAX)
			return 0;
		if (merged)
			return ENT_EFULL;
		s->merge_put_off = 0;
		if ((rc = index_merge(s, SIZE_MAX)) < 0)
			return rc;
	}
}

/* --- all of it -------------------------------------------------------------------------------- */

static int flush_all(struct store *s)
{
	struct index_view view;
	struct runs_list list;
	uint64_t number = 0;
	int rc = index_write_begin(s, &view);

	if (rc)
		return rc;
	if ((rc = runs_list_get(s, view.txn, &list)) == 0 &&
		(rc = index_flush(&view, NULL, &list, &number)) == 0)
		rc = runs_list_put(s, view.txn, &list);
	return index_write_end(&view, rc, number);
}

int index_merge_all(struct store *s)
{
	struct index_view view;
	unsigned len;
	int rc;

	index_merge_abort(s);
	if ((rc = index_room(s)) != 0 || (rc = flush_all(s)) != 0 ||
		(rc = index_reader_begin(s, &view)) != 0)
		return rc;
	len = view.runs ? view.runs->list.len : 0;
	if (len > 1 || (len == 1 && view.runs->runs[0]->removes > 0))
		rc = merge_begin(s, view.runs, 0, len);
	index_reader_end(&view);
	return rc || !s->merge ? rc : merge_advance(s, SIZE_MAX);
}

int store_index_keep_up(struct store *s)
{
	size_t due = s->merge_due;
	int rc;

	assert(s->mode == STORE_WRITE);
	s->merge_due = 0;
	if (due == 0)
		return 0;
	rc = index_merge(s, due * MERGED_A_BYTE);
	return rc < 0 ? rc : 0;
}

int store_index_merge(struct store *s)
{
	assert(s->mode == STORE_WRITE);
	return merge_on(s, PORTION_BYTES, RATIO_IDLE);
}
