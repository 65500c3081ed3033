/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the sources of store/ share; docs/STORE.md has the layouts. Inside store/ only (and its
 * tests).
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "proto/record_memo.h"
#include "store/bundle.h"
#include "store/db.h"
#include "store/index_runs.h"
#include "store/redo.h"
#include "store/store.h"

#define STORE_SCHEMA       7u
#define STORE_SCHEMA_FIRST 1u /* brought up to date in place */
#define INDEX_SCHEMA       3u
#define STORE_ID_BYTES     16

enum log_table {
	LOG_META,
	LOG_NAMES,
	LOG_LOGS,
	LOG_ENTRIES,
	LOG_RUNS,
	LOG_TREE,
	LOG_ORIGINS,
	LOG_ERASURES,
	LOG_ERASING,
	LOG_MISSING,
	LOG_RESTORED,
	LOG_RECEIPTS,
	LOG_COSIGNED,
	LOG_WITNESS,
	LOG_HOLDS,
	LOG_SPLITS,
	LOG_SUCCESSIONS,
	LOG_AGREEMENTS,
	LOG_OVER,
	LOG_RIVALS,
	LOG_TABLES
};

enum index_table {
	INDEX_META,
	/* The four parts of runs, as far as they are not in runs yet: */
	INDEX_VALUE,
	INDEX_OBJECT,
	INDEX_EXPIRY,
	INDEX_UNLISTED,
	INDEX_HIDDEN,
	INDEX_FLOORS,
	INDEX_TABLES
};

_Static_assert(LOG_TABLES <= DB_TABLES_MAX && INDEX_TABLES <= DB_TABLES_MAX, "tables fit");

#define INDEX_HASH_KEY_BYTES 16 /* of SipHash */
/* How often a reader begins again whose runs were merged before it had opened them. */
#define INDEX_TRIES 100u

struct store_txn {
	struct store *store;
	MDB_txn *mdb;      /* NULL: none is open */
	int failed;        /* the first error of LMDB: the transaction can only be aborted */
	struct buf tree;   /* subtrees that the append at hand completes */
	struct buf bundle; /* one that is being rewritten */
	struct buf said;   /* struct store_said: store_txn_said */
	struct redo redo;  /* what it has changed */
	bool renewed;      /* the truth has another id, */
	uint8_t id[STORE_ID_BYTES]; /* this one */
};

struct store {
	char *data;
	enum store_mode mode;
	int lock_fd; /* -1: not held */
	struct db log;
	struct db index; /* .env NULL: there is none that can be trusted (STORE_READ only) */
	uint8_t id[STORE_ID_BYTES]; /* of this truth; the index names the truth it belongs to */
	uint8_t index_hash_key[INDEX_HASH_KEY_BYTES];
	struct merge *merge; /* the index thread's; NULL: none is under way */
	uint64_t run_next;   /* number of the next run; likewise */
	size_t merge_due;    /* bytes of runs that nothing was merged for yet; likewise */
	/* Nothing is merged while the list is of this generation; likewise. */
	uint64_t merge_put_off;
	pthread_mutex_t mutex;       /* over the fields below, and a late opening of the index */
	int64_t followed_ns;         /* when it was looked whether the files were replaced */
	unsigned empty_parts;        /* of the index in the state index.known_txn, */
	bool successions;            /* and are there some in the truth in that of log.known_txn? */
	struct runs *runs;           /* those last read; NULL: none */
	pthread_cond_t readers_gone; /* there is none left */
	bool growing;                /* no new one for a moment */
	unsigned readers;
	atomic_bool given_up; /* by LMDB */
	bool loose;           /* the newest commit is by journal and not synced; the writer's */
	bool doubt;           /* the journal may tell of one that was not committed; likewise */
	struct store_txn txn; /* there is one writer, and it has one transaction */
};

struct store_reader {
	struct store *store;
	MDB_txn *log;
	struct index_view index;
	struct arena arena; /* bodies decoded during a look-up */
	/* Between these lie the bundles that were looked at; high 0: none was. */
	uintptr_t seen_low, seen_high;
	/* Where the last look-up stood, so that a walk does not search for every entry. */
	uint64_t arrival; /* 0: nowhere */
	uint32_t slot;    /* the entry that `at` comes to next */
	struct bundle bundle;
	struct cursor at;
	/* Where entries of the log at hand begin to be void. */
	bool successions_known, successions;
	uint32_t void_log; /* 0: none is at hand */
	uint64_t void_from;
};

/* --- writing (write.c) ------------------------------------------------------------------------ */

/* The error of an LMDB code, remembered: the transaction can only be aborted then. */
int txn_result(struct store_txn *txn, int code) MUST_CHECK;
int txn_put(struct store_txn *txn, enum log_table table, MDB_val key, MDB_val value,
	unsigned flags) MUST_CHECK;
/* What is not there needs no deleting. */
int txn_del(struct store_txn *txn, enum log_table table, MDB_val key) MUST_CHECK;
int txn_log_put(struct store_txn *txn, const struct store_log *log) MUST_CHECK;
/* Puts a bundle as the newest. Which entries of the log it has is said elsewhere. */
int txn_bundle_put(struct store_txn *txn, uint64_t arrival, const struct bundle *b) MUST_CHECK;

/* --- the journal (journal.c) ------------------------------------------------------------------ */

#define JOURNAL_NAME "journal"
/* Is there after a sync behind a commit that failed. */
#define UNSYNCED_NAME "unsynced"

/* The two meta pages as they are now, into the head of a record; nothing where there is no file.
 * ENT_EIO: they cannot be read, so that a record could not take them back. */
int journal_metas_put(struct store *s, uint8_t *out) MUST_CHECK;
/*
 * Before the environment is opened, by who has the writer's lock: takes the file back to before the
 * newest commit by journal, and gives its record (a view into file; empty: there is none) so that
 * it can be done again. ENT_EBUSY: it must be taken back, and others have the file open.
 */
int journal_step_back(struct store *s, struct buf *file, struct bytes *redo) MUST_CHECK;
/* Must it be opened to write before anybody reads? */
bool journal_due(const struct store *s);
/* Everything is synced that it tells of. */
void journal_over(const struct store *s);
void journal_sync_failed(const struct store *s);

/* --- receipts (receipt.c) --------------------------------------------------------------------- */

/* How many nodes have receipted the log's newest checkpoint, or more. Returns LMDB's code. */
int receipts_count(struct store *s, MDB_txn *txn, const struct store_log *log,
	uint32_t *count) MUST_CHECK;

/* --- split views and successions (split.c) ---------------------------------------------------- */

/* Keeps what an entry of a feed says of a former one, if it does. */
int succession_note(struct store_txn *txn, const struct log_name *feed, uint64_t index,
	const struct entry *entry) MUST_CHECK;
/* Of a feed that is cut to a size: what was said beyond it was never said. */
int succession_cut(struct store_txn *txn, const struct log_name *feed, uint64_t size) MUST_CHECK;
/* May the log have so many entries? A frozen one may as far as a succession calls it good. */
bool succession_lets(struct store_txn *txn, const struct store_log *log, uint64_t size);
/* Has a later incarnation said that the log is not good up to there? */
bool reader_void(struct store_reader *r, uint32_t log, uint64_t index);
bool reader_void_at(struct store_reader *r, struct store_place place);

/* --- keys ------------------------------------------------------------------------------------- */

#define ARRIVAL_KEY_BYTES 8
#define RUN_KEY_BYTES     12 /* u32 log, u64 first index */
#define TREE_KEY_BYTES    13 /* u32 log, u8 level, u64 index */
#define TREE_LEVEL_MIN    8  /* lower subtrees are computed from at most 2^7 headers */
#define PLACE_BYTES       8  /* u48 arrival, u16 slot */
#define VALUE_KEY_BYTES   16 /* u64 hash, place */
#define EXPIRY_KEY_BYTES  16 /* u64 valid until, place */
#define OBJECT_KEY_BYTES  28 /* object id, u32 log, u64 index */
#define RECEIPT_KEY_BYTES 29 /* u32 log, u8 class, node id, u64 size */
#define ERASURE_KEY_BYTES 20 /* u32 log, object id */

static inline void run_key_put(uint8_t out[RUN_KEY_BYTES], uint32_t log, uint64_t index)
{
	be32_put(out, log);
	be64_put(out + 4, index);
}

static inline void tree_key_put(uint8_t out[TREE_KEY_BYTES], uint32_t log, unsigned level,
	uint64_t index)
{
	be32_put(out, log);
	out[4] = (uint8_t)level;
	be64_put(out + 5, index);
}

static inline void object_key_put(uint8_t out[OBJECT_KEY_BYTES],
	const uint8_t object[OBJECT_ID_BYTES], uint32_t log, uint64_t index)
{
	memcpy(out, object, OBJECT_ID_BYTES);
	run_key_put(out + OBJECT_ID_BYTES, log, index);
}

static inline void erasure_key_put(uint8_t out[ERASURE_KEY_BYTES], uint32_t log,
	const uint8_t object[OBJECT_ID_BYTES])
{
	be32_put(out, log);
	memcpy(out + 4, object, OBJECT_ID_BYTES);
}

/* Arrivals stay below 2^47, slots below BUNDLE_ENTRIES_MAX. */
static inline void place_put(uint8_t out[PLACE_BYTES], struct store_place p)
{
	be64_put(out, p.arrival << 16 | p.slot);
}

static inline struct store_place place_get(const uint8_t *in)
{
	uint64_t v = be64_get(in);

	return (struct store_place){v >> 16, (uint32_t)(v & 0xffff)};
}

/* --- rows of the truth (rows.c) --------------------------------------------------------------- */

/* The number of a log. ENT_ENOTFOUND. */
int row_number_get(struct store *s, MDB_txn *txn, const struct log_name *name,
	uint32_t *number) MUST_CHECK;
int row_log_get(struct store *s, MDB_txn *txn, uint32_t number, struct store_log *log) MUST_CHECK;
/* Returns LMDB's code. */
int row_log_put(struct store *s, MDB_txn *txn, const struct store_log *log) MUST_CHECK;
int row_log_decode(MDB_val key, MDB_val value, struct store_log *log) MUST_CHECK;
/* A new log under the next number; fills *log. Returns LMDB's code. */
int row_log_create(struct store *s, MDB_txn *txn, const struct log_name *name,
	struct store_log *log) MUST_CHECK;
/* The last arrival number given, 0 when none. */
int row_arrival_last(struct store *s, MDB_txn *txn, uint64_t *arrival) MUST_CHECK;

/* --- reading (read.c) ------------------------------------------------------------------------- */

/* A reader of the truth alone, for the index thread; the caller's own struct. */
int reader_begin(struct store *s, bool with_index, struct store_reader *r) MUST_CHECK;
void reader_end(struct store_reader *r);
/* A reader of the index alone, for the writer in its transaction; counted like the others, so that
 * the index is not exchanged meanwhile. */
int index_reader_begin(struct store *s, struct index_view *view) MUST_CHECK;
void index_reader_end(struct index_view *view);

/* Doubles the map of an environment that is nearly full, when there is a moment without readers. No
 * transaction of the calling thread may be open. */
void store_grow(struct store *s, struct db *db);

/* How many rows a table of the truth has. */
uint64_t reader_rows(struct store_reader *r, enum log_table table);

/* The bundle with that arrival number, kept as where the reader stands. ENT_ENOTFOUND. */
int reader_bundle(struct store_reader *r, uint64_t arrival) MUST_CHECK;

/*
 * Walks the bundles of a log from the one that holds `from` (or else the first behind it) as long
 * as they begin below `to`; the reader stands at each in turn. The visitor's error ends the walk.
 */
int reader_bundles(struct store_reader *r, uint32_t log, uint64_t from, uint64_t to,
	int (*visit)(void *ctx, const struct bundle *b), void *ctx) MUST_CHECK;
/* The slot-th entry of the bundle at hand. */
int reader_entry(struct store_reader *r, uint32_t slot, struct store_entry *e) MUST_CHECK;

/* --- compacting (compact.c) ------------------------------------------------------------------- */

extern const char *const store_log_tables[LOG_TABLES], *const store_index_tables[INDEX_TABLES];
/* A file that the writer has replaced is opened anew; with the mutex held, by who only reads. */
void store_follow(struct store *s, bool suspected);

/* --- bodies that came later (missing.c) ------------------------------------------------------- */

/*
 * The entry with its body, which came after it and lies in a bundle of its own, in another place.
 * The reader stands where it stood. ENT_ENOTFOUND: there is none.
 */
int reader_restored(struct store_reader *r, uint32_t log, uint64_t index,
	struct store_entry *e) MUST_CHECK;
/* Puts such bodies into packed entries that begin at index `from`, of which so many stay as fit in
 * bytes_max, at least one. */
int restored_fill(struct store_reader *r, uint32_t log, uint64_t from, size_t bytes_max,
	struct buf *entries, size_t start, uint32_t *count) MUST_CHECK;
/* The entry in its first place, where it has no body. */
int reader_original(struct store_reader *r, uint32_t log, uint64_t index,
	struct store_entry *e) MUST_CHECK;

/* --- floors (floor.c) ------------------------------------------------------------------------- */

/* How often floors have moved, or marks (over.c). */
int floors_moved(struct store *s, MDB_txn *txn, uint64_t *moves) MUST_CHECK;
/* Up to where the index has let go of a log; 0: nothing. */
int index_floor_get(struct store *s, MDB_txn *index, uint32_t log, uint64_t *floor) MUST_CHECK;
int floors_count(struct store_txn *txn) MUST_CHECK;
/* Deletes the keys of a table from `from` on as long as they are below `to` (same length). */
int keys_delete(struct store_txn *txn, enum log_table table, const uint8_t *from, const uint8_t *to,
	size_t len, const uint8_t *but) MUST_CHECK;

/* --- after the end (over.c) ------------------------------------------------------------------- */

/* Does the body of such an entry go with the others of its feed? As with erasures: what takes back
 * or settles stays readable. */
bool over_takes(const struct entry_header *h);
/* Up to where bodies may not be held any more; 0: they may. */
int over_get(struct store *s, MDB_txn *txn, uint32_t log, uint64_t *mark) MUST_CHECK;
/* Up to where the index has let go of them. */
int index_over_get(struct store *s, MDB_txn *index, uint32_t log, uint64_t *mark) MUST_CHECK;

/* --- erasure (erase.c, erase_out.c) ----------------------------------------------------------- */

/* May an erasure take the body of such an entry? What takes back or settles stays readable. */
bool entry_erasable(const struct entry_header *h);
bool entry_is_erasure(const struct entry_header *h);
/*
 * Visits the numbers of the node's logs of that audience with incarnations in [from, to]. The
 * visitor's answer, when not 0, ends the walk and is given.
 */
int erase_siblings_each(struct store *s, MDB_txn *txn, const struct log_name *name, uint64_t from,
	uint64_t to, int (*visit)(void *ctx, const struct log_name *log, uint32_t number),
	void *ctx) MUST_CHECK;
struct erasing_row {
	struct store_place place;
	/* Of an erasure: another takes what lies below, and in older logs; 0: none does. */
	uint64_t since;
};
/* Visits the entries of table erasing in order, up to that place; likewise. */
int erasing_each(struct store *s, MDB_txn *txn, uint64_t from, uint64_t to,
	int (*visit)(void *ctx, const struct erasing_row *row), void *ctx) MUST_CHECK;
int erasing_row_get(MDB_val key, MDB_val value, struct erasing_row *row) MUST_CHECK;

/* What an append has to know of erasures: gathered while its entries are looked at. */
struct erase_notes {
	bool erasures; /* it brings some */
	bool absent;   /* entries without a body */
	bool successions;
};
void erase_note(struct erase_notes *n, const struct entry *e);
/* The bundle just put under that arrival number, whose log is `log`. */
int erase_bundle_noted(struct store_txn *txn, const struct store_log *log, uint64_t arrival,
	const struct bundle *b, const struct erase_notes *n) MUST_CHECK;

/* Of a log whose bundles have been cut to a size: what was said beyond it was never said. */
int erase_cut(struct store_txn *txn, const struct store_log *log, uint64_t size) MUST_CHECK;

/* Does an erasure that is stored here cover this entry? ENT_ENOTFOUND: none does. */
int erase_covers(struct store *s, MDB_txn *txn, const struct log_name *name, uint32_t log,
	uint64_t index, const uint8_t object[OBJECT_ID_BYTES]) MUST_CHECK;
/* Takes what an erasure covers out of packed entries that begin at index `from`. */
int erase_strip(struct store_reader *r, const struct store_log *log, uint64_t from,
	struct buf *entries, size_t start, uint32_t count) MUST_CHECK;

struct erase_target {
	uint32_t log;
	uint32_t group; /* the caller's */
	uint64_t index;
	struct store_place by; /* the entry that takes its body */
	uint8_t object[OBJECT_ID_BYTES];
	bool any; /* whatever its object */
};
/*
 * Whose bodies go by the entry at hand: for an erasure what stands in the index about its object
 * before it; for anything else, which came after the erasure that covers it, itself, if that has
 * not been cut since. Appends struct erase_target to out. Some may be gone, be of another object
 * by now (where a tail was cut), or never have had a body.
 */
int erase_targets(const struct index_view *index, struct store_reader *r,
	const struct store_entry *e, uint64_t since, uint32_t group, struct buf *out) MUST_CHECK;

/* Is the entry at a target's place the one that is meant? */
bool erase_means(const struct erase_target *t, const struct store_entry *e);
/*
 * Is there a body at a target that goes by it? What arrived after the erasure goes by itself: the
 * index may know of it already, and has not let go of it.
 */
bool erase_takes(const struct erase_target *t, const struct store_entry *e);

/* Rewrites a bundle without the bodies of these slots, which go up; *dropped grows by how many had
 * one. */
int erase_slots(struct store_txn *txn, uint64_t arrival, const uint32_t *slots, size_t slots_len,
	uint64_t *dropped) MUST_CHECK;

/* --- the index (index.c) ---------------------------------------------------------------------- */

struct index_state {
	uint64_t position; /* arrivals up to here are in the tables */
	struct store_counts counts;
	uint64_t erased; /* of what erasures at places up to here cover nothing is in the tables */
	uint64_t floors; /* how many moves of floors have been followed */
};

int index_state_get(struct store *s, MDB_txn *txn, struct index_state *state) MUST_CHECK;
int index_state_put(struct store *s, MDB_txn *txn, const struct index_state *state) MUST_CHECK;

/* What of an entry goes into the index. */
struct index_reading {
	struct bytes value; /* empty: none */
	unsigned type;
	uint64_t valid_until;
	struct record_indicator indicator;
	bool has_indicator;
};
bool index_is_record(const struct entry_header *h);
/* NULL, or the rule that hides an entry whose body cannot be used. memo: of the bodies before, or
 * NULL; what is read holds until it is used again. */
const char *index_read(struct record_memo *memo, struct arena *a, const struct store_entry *e,
	struct index_reading *out);
int index_hidden_put(struct store *s, MDB_txn *txn, struct store_place place,
	const char *rule) MUST_CHECK;
void index_value_hash(const struct store *s, uint8_t out[8], unsigned type, struct bytes value);

/* Opening and closing (index_open.c). In STORE_READ mode an index that cannot be trusted is left
 * closed, without an error. */
int index_open(struct store *s, struct err_text *err) MUST_CHECK;
/* Which truth the index is of. Returns LMDB's code. */
int index_about_put(struct store *s, MDB_txn *txn) MUST_CHECK;
void index_close(struct store *s);
