/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The sorted keys of the index as a whole: runs, oldest first, and over them the tables of
 * environment `index`, which hold what is newest and are small. Which runs there are stands in
 * that environment too, so that one transaction changes everything. Of the same key the newest
 * word counts. docs/STORE.md, "Runs". Inside store/ only.
 */
#pragma once

#include <lmdb.h>

#include "store/index_run.h"

struct store;

/* Above this nothing is added before something is merged: what a look-up has to go through. */
#define RUNS_MAX 64u

/* Which runs there are: row `runs` of table meta. */
struct runs_list {
	uint64_t generation; /* of this list */
	uint64_t next;       /* number of the next run */
	unsigned len;
	uint64_t numbers[RUNS_MAX]; /* oldest first */
};

int runs_list_get(struct store *s, MDB_txn *txn, struct runs_list *list) MUST_CHECK;
/* As a new generation. */
int runs_list_put(struct store *s, MDB_txn *txn, struct runs_list *list) MUST_CHECK;

/* The runs of one list, mapped; shared by everybody who reads, and never changed. */
struct runs {
	unsigned refs; /* under the store's mutex */
	struct runs_list list;
	struct index_run *runs[RUNS_MAX];
};

/* What the transaction sees; with the mutex held. The one before is let go when it is another. */
int runs_take(struct store *s, MDB_txn *txn, struct runs **runs) MUST_CHECK;
/* With the mutex held. */
void runs_release(struct runs *runs);
/* Lets go of those last read, with the mutex held: the environment is closed. */
void runs_forget(struct store *s);
/* Of the newest list, for who has just changed it: frees what only the former one had. */
void runs_renew(struct store *s);

#define RUN_PATH_BYTES 4096
void run_path(const struct store *s, char out[RUN_PATH_BYTES], uint64_t number);
/* What the header of a run of this index says. */
uint64_t run_tag(const struct store *s, uint64_t number);
/* Removes the files of runs that are not in the list; NULL: all. */
void runs_sweep(const struct store *s, const struct runs_list *list);
/* All files to the disk. */
int runs_sync(const struct store *s) MUST_CHECK;
uint64_t runs_disk_bytes(const struct store *s);

/* A transaction on the index, and the runs that it sees. */
struct index_view {
	struct store *store;
	MDB_txn *txn;         /* NULL: no index, no keys */
	struct runs *runs;    /* NULL: none */
	unsigned empty_parts; /* 1 << part: its table is known to be empty */
};

/*
 * A write transaction on the index. Its end commits or, for an error, aborts and gives the error;
 * number: a run that it names and nobody else (0: none), whose file goes if it is not committed.
 */
int index_write_begin(struct store *s, struct index_view *view) MUST_CHECK;
int index_write_end(struct index_view *view, int code, uint64_t number) MUST_CHECK;

/* --- scanning (index_scan.c) ------------------------------------------------------------------ */

/*
 * Keys as they are in impl.h, not encoded. A walk over those of one part that stand, in order, or
 * a look for one.
 */
struct index_scan {
	const struct index_view *view;
	enum index_part part;
	size_t key_len, prefix_len;
	uint8_t prefix[INDEX_KEY_BYTES_MAX];
	MDB_cursor *fresh;       /* NULL: the table is empty */
	const uint8_t *fresh_at; /* NULL: at its end */
	unsigned runs_len;       /* which have such keys, newest first */
	struct {
		const uint8_t *at, *end;
	} runs[RUNS_MAX];
	uint8_t key[INDEX_KEY_BYTES_MAX]; /* at hand */
};

/* Which parts have empty tables. */
int index_empty_parts(struct store *s, MDB_txn *txn, unsigned *parts) MUST_CHECK;
/* index_scan_close in any case. */
int index_scan_open(struct index_scan *sc, const struct index_view *view,
	enum index_part part) MUST_CHECK;
void index_scan_close(struct index_scan *sc);
/* To the first key that is not less than `least`, as long as its first prefix_len bytes are the
 * same. May be done again and again. */
int index_scan_seek(struct index_scan *sc, const uint8_t *least, size_t prefix_len) MUST_CHECK;
/* 1: the next key is at hand; 0: there is none. */
int index_scan_next(struct index_scan *sc) MUST_CHECK;
/* The last key that is less than `bound` and has its first prefix_len (8 at least) bytes; 1: it is
 * at hand; 0: there is none. */
int index_scan_before(struct index_scan *sc, const uint8_t *bound, size_t prefix_len) MUST_CHECK;

/* Does one stand that begins with these eight bytes? */
int index_prefix_stands(struct index_scan *sc, const uint8_t *prefix) MUST_CHECK;

/* Puts or takes out one key, in a write transaction. 1: that changed something. */
int index_key_put(const struct index_view *v, enum index_part part, const uint8_t *key) MUST_CHECK;
int index_key_del(const struct index_view *v, enum index_part part, const uint8_t *key) MUST_CHECK;

/* --- merging (index_merge.c): the index thread ------------------------------------------------ */

/* How many keys the tables hold before they become a run. Tests set fewer, before store_open. */
uint64_t index_fresh_keys(void);
void index_fresh_keys_set(uint64_t keys);

/* Sorts encoded keys (index_sort.c). ENT_ENOMEM. */
int index_keys_sort(uint8_t *keys, size_t count, enum index_part part) MUST_CHECK;

/* Sorted keys, oldest source first: encoded, one behind the other. */
struct merge_source {
	const uint8_t *at, *end;
};
/*
 * Hands about budget bytes of keys (SIZE_MAX: all) to the writer; of the same key the last
 * source's. oldest: nothing lies below, so that what takes out need not be kept. How many bytes it
 * was.
 */
size_t merge_part(struct run_writer *w, enum index_part part, struct merge_source *sources,
	unsigned len, bool oldest, size_t budget);

/* How many keys the tables hold. */
int index_fresh_count(const struct index_view *v, uint64_t *count) MUST_CHECK;
/*
 * Writes the keys of the tables, and `more` beside them (sorted, encoded; of each part one source,
 * all newer), as a run, which `list` then names; empties the tables. The transaction, and what
 * becomes of the file when it fails, are the caller's: *number is 0 when there was nothing.
 */
int index_flush(const struct index_view *v, const struct merge_source more[INDEX_PARTS],
	struct runs_list *list, uint64_t *number) MUST_CHECK;

/* There is room for one run more: else something is merged first. ENT_EFULL. */
int index_room(struct store *s) MUST_CHECK;
/* Merges about so many bytes on. 1: there is more; 0: nothing is to be merged. On error what was
 * begun is dropped. */
int index_merge(struct store *s, size_t budget) MUST_CHECK;
/* Everything into one run, without what was taken out. */
int index_merge_all(struct store *s) MUST_CHECK;
/* Drops a merge that has been begun. */
void index_merge_abort(struct store *s);
