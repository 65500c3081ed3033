/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Compacting: what was erased is out of every table, but its bytes may still stand in free pages,
 * and in the gaps of pages that are in use. So everything that is left is written into a new file,
 * which takes the place of the old one. It works while the daemon runs: readers of this process
 * wait for the moment of the change, those of others look up when they begin anew.
 */
#include "store/impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"

/* A reader that takes longer than this puts the change off. */
#define PATIENCE_S 5

/* With the mutex held and no reader left. */
static int change(struct store *s, struct db *db, const char *dir, unsigned flags,
	const char *const *tables, unsigned tables_len)
{
	int rc, reopened;

	(void)s;
	db_close(db);
	rc = db_replace(dir);
	reopened = db_open(db, dir, true, flags, tables, tables_len);
	if (reopened != 0) {
		/* Without it nothing can go on; the file is whole, the next start has it. */
		log_error("store", "%s cannot be opened again: %s", dir, err_sentence(reopened));
		abort();
	}
	return rc;
}

static int compact(struct store *s, struct db *db, const char *sub, unsigned flags,
	const char *const *tables, unsigned tables_len)
{
	struct timespec until;
	char dir[4096];
	int waited = 0, rc;

	assert(s->mode == STORE_WRITE);
	snprintf(dir, sizeof(dir), "%s/%s", s->data, sub);
	if ((rc = db_copy(db, dir, tables, tables_len)) != 0)
		return rc;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&s->mutex);
	s->growing = true;
	while (s->readers > 0 && waited == 0)
		waited = pthread_cond_timedwait(&s->readers_gone, &s->mutex, &until);
	rc = s->readers == 0 ? change(s, db, dir, flags, tables, tables_len) : ENT_EBUSY;
	s->growing = false;
	pthread_cond_broadcast(&s->readers_gone);
	pthread_mutex_unlock(&s->mutex);
	return rc;
}

int store_compact(struct store *s)
{
	int rc;

	assert(!s->txn.mdb);
	rc = store_settle(s);
	return rc ? rc : compact(s, &s->log, "log", 0, store_log_tables, LOG_TABLES);
}

int store_index_compact(struct store *s)
{
	int rc = index_merge_all(s);

	/* What is merged away is gone; the pages of the tables may still have what was in them. */
	return rc ? rc
		  : compact(s, &s->index, "index", MDB_NOSYNC, store_index_tables, INDEX_TABLES);
}

int store_compacted(struct store_txn *txn)
{
	int rc = store_meta_put(txn, STORE_ERASED_SINCE, BYTES_NONE);

	return rc ? rc : store_meta_put(txn, STORE_RECALLED_SINCE, BYTES_NONE);
}

/* Asking the system costs as much as half a look-up: so it is asked once in a tick of its clock
 * (some milliseconds), which is less than a change takes. */
void store_follow(struct store *s, bool suspected)
{
	struct timespec tick;
	char dir[4096];
	int64_t ns;

	if (s->mode != STORE_READ || s->readers > 0)
		return;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &tick);
	ns = (int64_t)tick.tv_sec * 1000000000 + tick.tv_nsec;
	if (!suspected && ns == s->followed_ns && s->log.env && s->index.env)
		return;
	s->followed_ns = ns;
	if (s->index.env && db_replaced(&s->index))
		index_close(s); /* opened again with the next look-up */
	if (!s->log.env || !db_replaced(&s->log))
		return;
	snprintf(dir, sizeof(dir), "%s/log", s->data);
	db_close(&s->log);
	if (db_open(&s->log, dir, false, 0, store_log_tables, LOG_TABLES) != 0)
		log_error("store", "%s cannot be opened again", dir);
}
