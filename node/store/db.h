/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One LMDB environment with its tables: opening, and errors of LMDB as ours. Inside store/ only.
 *
 * The map is reserved large at once: it is address space, not memory or disk (the file grows as it
 * fills). Where address space is short (RLIMIT_AS, 32 bits) half as much is tried, down to
 * DB_MAP_BYTES_MIN. A map that fills up is doubled before it is full, which needs a moment without
 * readers.
 */
#pragma once

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define DB_TABLES_MAX    24

#define DB_MAP_BYTES_MIN (256ull << 20)

struct db {
	MDB_env *env; /* NULL: not open */
	MDB_dbi tables[DB_TABLES_MAX];
	/* A read transaction that is not in use and holds but its slot; NULL: none is kept. */
	MDB_txn *spare;
	/* What the store has remembered of this state is as it is; 0: it has nothing. */
	uint64_t known_txn;
};

/* What is reserved: 1 TiB with 64-bit addresses. Tests set less, before store_open. */
size_t db_map_bytes(void);
void db_map_bytes_set(size_t bytes);
/* How far it may grow; db_map_bytes_set sets this too. */
void db_map_bytes_max_set(size_t bytes);

/*
 * Opens dir with the named tables. write: creates what is missing, else ENT_ENOTFOUND. flags: of
 * mdb_env_open, beside those that are always set. ENT_ECORRUPT: not an LMDB file, or a broken one.
 */
int db_open(struct db *db, const char *dir, bool write, unsigned flags, const char *const *tables,
	unsigned tables_len) MUST_CHECK;
void db_close(struct db *db);

/* With the store's mutex held, or while nobody else has the store. A read transaction, NULL on
 * error; takes up a map that another process has grown when idle says that no other
 * transaction of this process is open. ENT_EBUSY: too many readers. */
int db_read(struct db *db, bool idle, MDB_txn **txn) MUST_CHECK;
/* Ends it; likewise. It serves again: beginning one costs as much as the rest of a look-up. */
void db_read_end(struct db *db, MDB_txn *txn);

/*
 * Commits. On error nothing of the transaction remains, it is gone either way, and one line says
 * so in the log. A later transaction may succeed: what is committed was synced then, and all that
 * a new one refers to beside that it writes itself. Only a meta page that cannot be written ends
 * it, and LMDB then refuses every further transaction by itself (ENT_EIO) until the environment
 * is opened anew.
 */
int db_commit(struct db *db, MDB_txn *txn) MUST_CHECK;
/* The same without syncing anything: db_sync has to follow before the next transaction. */
int db_commit_loose(struct db *db, MDB_txn *txn) MUST_CHECK;
int db_sync(struct db *db) MUST_CHECK;

/*
 * Writes what is in the tables, and nothing else, into a new file beside the environment's own:
 * free pages, and what freed room within a page still holds, stay behind. The caller sees to it
 * that nobody writes.
 */
int db_copy(struct db *db, const char *dir, const char *const *tables,
	unsigned tables_len) MUST_CHECK;
/* Puts the copy in the place of the file, which must be closed here; other processes go on reading
 * the former one until they look (db_replaced). */
int db_replace(const char *dir) MUST_CHECK;
bool db_replaced(const struct db *db);

/* Less is left of the map than the largest transaction may need. */
bool db_nearly_full(const struct db *db);
/* Doubles the map; no transaction of this process may be open. Where that cannot be it stays. */
void db_grow(struct db *db);

/* --- readers of other processes (pin.c) ------------------------------------------------------- */

/* A process whose reader keeps old pages from being used again. */
struct db_pin {
	int pid;         /* 0: none but this process */
	uint64_t txn;    /* what its reader sees */
	uint64_t behind; /* commits since then, */
	uint64_t bytes;  /* and what they could not use again */
};
/* The oldest reader of another process. */
void db_oldest_pin(struct db *db, struct db_pin *pin);
/*
 * Ends that process (SIGKILL), provided that its reader still stands there. ENT_ENOTFOUND: it does
 * not. ENT_ESTATE: whose reader it is cannot be told from here, for it runs under another numbering
 * of processes. ENT_EIO: this process may not end it.
 */
int db_pin_end(struct db *db, const struct db_pin *pin) MUST_CHECK;

/* 0 for 0, else the ENT_E… that a code of LMDB or an errno means here. */
int db_err(int code) MUST_CHECK;

static inline MDB_val db_val(const void *data, size_t len)
{
	return (MDB_val){len, (void *)(uintptr_t)data};
}

static inline struct bytes db_bytes(MDB_val v)
{
	return bytes_from(v.mv_data, v.mv_size);
}
