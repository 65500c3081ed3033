/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a transaction on the truth changes, so that it can be done again (STORE.md, "Journal").
 * Every change of `log` passes here: rows put and deleted, in order. The record:
 *
 *      0  16  "entente redo v1", NUL
 *     16  16  id of the state that it follows
 *     32  16  id of the state that it makes
 *     48 u32  page size of the file; 0: the three that follow say nothing
 *     52 u32  which of the two meta pages was the newer, 0 or 1
 *     56 2 x REDO_META_BYTES  the beginnings of both, as they were before
 *     ..      of each change: u8 1 put, 2 delete; u8 table; u16 key bytes; u32 value bytes; both
 *
 * Inside store/ only (and its tests, and the simulated disk).
 */
#pragma once

#include <lmdb.h>

#include "base/buf.h"

struct store;

#define REDO_ID_BYTES   16
#define REDO_META_BYTES 192u
#define REDO_HEAD_BYTES (56u + 2 * REDO_META_BYTES)

struct redo {
	struct buf record; /* head, changes; failed: it was too much */
	bool changed;
};

/* Empties it for the next transaction. */
void redo_begin(struct redo *r);

/*
 * The only ways in which a table of the truth is changed, inside the one write transaction. They
 * give LMDB's code. What MDB_RESERVE leaves to be filled is recorded by redo_reserved once it is.
 */
int log_put(struct store *s, MDB_txn *txn, unsigned table, MDB_val *key, MDB_val *value,
	unsigned flags) MUST_CHECK;
void redo_reserved(struct store *s, unsigned table, MDB_val key, MDB_val value);
int log_del(struct store *s, MDB_txn *txn, unsigned table, MDB_val *key) MUST_CHECK;
int log_cursor_del(struct store *s, unsigned table, MDB_cursor *cursor) MUST_CHECK;

/* Gives the state a new id; before every commit of something. LMDB's code. */
int redo_state_renew(struct store *s, MDB_txn *txn) MUST_CHECK;
/* Completes the record of the transaction at hand. ENT_ELIMIT: too much for one. */
int redo_close(struct store *s, MDB_txn *txn, struct bytes *record) MUST_CHECK;

/*
 * Does it again where the store is in the state that it follows, synced; *done: it was. Anything
 * else is left alone: another copy's, or done already. ENT_ECORRUPT: no record.
 */
int redo_replay(struct store *s, struct bytes record, bool *done) MUST_CHECK;
