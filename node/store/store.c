/* SPDX-License-Identifier: EUPL-1.2 */
/* Opening and closing, and what the process holds of the store as a whole. */
#include "store/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "store/slot.h"

const char *const store_log_tables[LOG_TABLES] = {
	[LOG_META] = "meta",
	[LOG_NAMES] = "names",
	[LOG_LOGS] = "logs",
	[LOG_ENTRIES] = "entries",
	[LOG_RUNS] = "runs",
	[LOG_TREE] = "tree",
	[LOG_ORIGINS] = "origins",
	[LOG_ERASURES] = "erasures",
	[LOG_ERASING] = "erasing",
	[LOG_MISSING] = "missing",
	[LOG_RESTORED] = "restored",
	[LOG_RECEIPTS] = "receipts",
	[LOG_COSIGNED] = "cosigned",
	[LOG_WITNESS] = "witness",
	[LOG_HOLDS] = "holds",
	[LOG_SPLITS] = "splits",
	[LOG_SUCCESSIONS] = "successions",
	[LOG_AGREEMENTS] = "agreements",
	[LOG_OVER] = "over",
	[LOG_RIVALS] = "rivals",
};

static int meta_get(struct store *s, MDB_txn *txn, const char *name, void *out, size_t len)
{
	MDB_val key = db_val(name, strlen(name));
	MDB_val value;
	int rc = mdb_get(txn, s->log.tables[LOG_META], &key, &value);

	if (rc)
		return db_err(rc);
	if (value.mv_size != len)
		return ENT_ECORRUPT;
	memcpy(out, value.mv_data, len);
	return 0;
}

/* Gives a new store its schema and its identity, in one transaction. */
static int truth_create(struct store *s)
{
	MDB_val key = db_val(".schema", strlen(".schema"));
	MDB_val value;
	MDB_txn *txn;
	uint8_t schema[4];
	int rc = mdb_txn_begin(s->log.env, NULL, 0, &txn);

	if (rc)
		return db_err(rc);
	be32_put(schema, STORE_SCHEMA);
	value = db_val(schema, sizeof(schema));
	if ((rc = mdb_put(txn, s->log.tables[LOG_META], &key, &value, 0)) != 0)
		goto out;
	randombytes_buf(s->id, sizeof(s->id));
	key = db_val(".id", strlen(".id"));
	value = db_val(s->id, sizeof(s->id));
	rc = mdb_put(txn, s->log.tables[LOG_META], &key, &value, 0);
out:
	if (rc == 0)
		return db_commit(&s->log, txn);
	mdb_txn_abort(txn);
	return db_err(rc);
}

/* ENT_EAGAIN: an older layout that can be taken up. */
static int truth_check(struct store *s)
{
	MDB_txn *txn;
	uint8_t schema[4];
	int rc = db_read(&s->log, true, &txn);

	if (rc)
		return rc;
	rc = meta_get(s, txn, ".schema", schema, sizeof(schema));
	if (rc == 0 && be32_get(schema) != STORE_SCHEMA)
		rc = be32_get(schema) >= STORE_SCHEMA_FIRST && be32_get(schema) < STORE_SCHEMA &&
				     s->mode == STORE_WRITE
			     ? ENT_EAGAIN
			     : ENT_EVERSION;
	if (rc == 0 || rc == ENT_EAGAIN) {
		int id = meta_get(s, txn, ".id", s->id, sizeof(s->id));

		rc = id ? id : rc;
	}
	mdb_txn_abort(txn);
	return rc;
}

/* Schemas 2, 3 and 5 have further tables, all empty at first, and nothing else: opening has made
 * them. Schema 4 has bundles of another kind beside those that are there, schema 6
 * successions that say where they stand, schema 7 a state (redo.h). */
static int truth_upgrade(struct store *s)
{
	MDB_val key = db_val(".schema", strlen(".schema"));
	MDB_val value;
	MDB_txn *txn;
	uint8_t schema[4];
	int rc = mdb_txn_begin(s->log.env, NULL, 0, &txn);

	if (rc)
		return db_err(rc);
	be32_put(schema, STORE_SCHEMA);
	value = db_val(schema, sizeof(schema));
	rc = mdb_put(txn, s->log.tables[LOG_META], &key, &value, 0);
	if (rc == 0)
		return db_commit(&s->log, txn);
	mdb_txn_abort(txn);
	return db_err(rc);
}

/* What the journal tells of is done again, unless it is here. It may have given the truth another
 * id. */
static int truth_redo(struct store *s, struct bytes redo)
{
	bool done;
	int rc = redo_replay(s, redo, &done);

	if (rc != 0 || !done)
		return rc;
	log_notice("store", "the last commit before the stop was done again");
	return truth_check(s);
}

static int truth_open(struct store *s, struct err_text *err)
{
	struct buf file = buf_with_max(2 * SLOT_BYTES);
	struct bytes redo = BYTES_NONE;
	char dir[4096];
	int rc = 0;

	snprintf(dir, sizeof(dir), "%s/log", s->data);
	if (s->mode == STORE_WRITE && mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_set(err, ENT_EIO, "%s: cannot create: %s", dir, strerror(errno));
	if (s->mode == STORE_WRITE)
		rc = journal_step_back(s, &file, &redo);
	if (rc == 0)
		rc = db_open(&s->log, dir, s->mode == STORE_WRITE, 0, store_log_tables, LOG_TABLES);
	if (rc == 0)
		rc = truth_check(s);
	if (rc == ENT_ENOTFOUND && s->mode == STORE_WRITE)
		rc = truth_create(s);
	if (rc == ENT_EAGAIN)
		rc = truth_upgrade(s);
	if (rc == 0 && redo.len > 0)
		rc = truth_redo(s, redo);
	buf_free(&file);
	/*
	 * A writer killed between writing and syncing its last commit: what is read here is
	 * announced.
	 */
	if (rc == 0 && s->mode == STORE_WRITE)
		rc = db_err(mdb_env_sync(s->log.env, 1));
	if (rc == 0 && s->mode == STORE_WRITE)
		journal_over(s);
	if (rc == ENT_EVERSION)
		return err_set(err, rc,
			"%s: written by another version; this program knows schema %u, and its "
			"daemon takes an older one up",
			dir, STORE_SCHEMA);
	return rc ? err_set(err, rc, "%s: %s", dir, err_sentence(rc)) : 0;
}

/* One process writes; the lock goes with it, however it ends. */
static int writer_lock(struct store *s, struct err_text *err)
{
	char path[4096];

	if (mkdir(s->data, 0700) != 0 && errno != EEXIST)
		return err_set(err, ENT_EIO, "%s: cannot create: %s", s->data, strerror(errno));
	snprintf(path, sizeof(path), "%s/lock", s->data);
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return err_set(err, ENT_EIO, "%s: %s", path, strerror(errno));
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, ENT_EBUSY, "%s: another process writes to this store", path);
	return 0;
}

/* How long a reader waits for a writer that is about to take up what a stop has left, and a writer
 * for such a reader. */
#define FINISH_TRIES 200

static void finish_wait(void)
{
	const struct timespec wait = {0, 10000000};

	nanosleep(&wait, NULL);
}

static int writer_lock_patient(struct store *s, struct err_text *err)
{
	int rc = writer_lock(s, err);

	for (unsigned i = 0; i < FINISH_TRIES && rc == ENT_EBUSY; i++) {
		close(s->lock_fd);
		finish_wait();
		rc = writer_lock(s, err);
	}
	return rc;
}

/* Before anybody reads, what the journal tells of is done again: by who comes first. */
static int finish(struct store *s, struct err_text *err)
{
	struct store writer = {.data = s->data, .mode = STORE_WRITE, .lock_fd = -1};
	int rc = 0;

	writer.txn.store = &writer;
	for (unsigned i = 0; i < FINISH_TRIES; i++) {
		if (!journal_due(s))
			return 0; /* somebody else has done it meanwhile */
		rc = writer_lock(&writer, err);
		if (rc == 0)
			rc = truth_open(&writer, err);
		db_close(&writer.log);
		buf_free(&writer.txn.redo.record);
		if (writer.lock_fd >= 0)
			close(writer.lock_fd);
		writer.lock_fd = -1;
		if (rc != ENT_EBUSY)
			return rc;
		finish_wait();
	}
	return rc;
}

int store_open(struct store **out, const char *data, enum store_mode mode, struct err_text *err)
{
	struct store *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;
	int rc;

	*out = NULL;
	if (!s)
		return err_set(err, ENT_ENOMEM, "%s", err_sentence(ENT_ENOMEM));
	s->lock_fd = -1;
	s->mode = mode;
	s->txn.store = s;
	pthread_mutex_init(&s->mutex, NULL);
	/* A wall clock that is set back would make a short wait a long one. */
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->readers_gone, &attr);
	pthread_condattr_destroy(&attr);
	s->data = strdup(data);
	rc = s->data ? 0 : err_set(err, ENT_ENOMEM, "%s", err_sentence(ENT_ENOMEM));
	if (rc == 0 && mode == STORE_WRITE)
		rc = writer_lock_patient(s, err);
	else if (rc == 0)
		rc = finish(s, err);
	if (rc == 0)
		rc = truth_open(s, err);
	if (rc == 0)
		rc = index_open(s, err);
	if (rc) {
		store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

int store_copy(struct store *s, int fd)
{
	return db_err(mdb_env_copyfd2(s->log.env, fd, MDB_CP_COMPACT));
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->txn.mdb)
		store_abort(&s->txn);
	if (s->mode == STORE_WRITE && s->log.env && !s->doubt && store_settle(s) == 0)
		journal_over(s);
	buf_free(&s->txn.redo.record);
	buf_free(&s->txn.tree);
	buf_free(&s->txn.said);
	buf_free(&s->txn.bundle);
	index_close(s);
	db_close(&s->log);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	pthread_cond_destroy(&s->readers_gone);
	pthread_mutex_destroy(&s->mutex);
	free(s->data);
	free(s);
}

bool store_given_up(const struct store *s)
{
	return atomic_load(&s->given_up);
}

void store_oldest_reader(struct store *s, struct store_pin *pin)
{
	struct db_pin log, index;
	const struct db_pin *worst;

	/* Not while an environment is being changed for another. */
	pthread_mutex_lock(&s->mutex);
	db_oldest_pin(&s->log, &log);
	db_oldest_pin(&s->index, &index);
	pthread_mutex_unlock(&s->mutex);
	worst = index.bytes > log.bytes || (index.bytes == log.bytes && index.behind > log.behind)
			? &index
			: &log;
	*pin = (struct store_pin){
		worst->pid, worst == &index, worst->txn, worst->behind, worst->bytes};
}

int store_reader_end(struct store *s, const struct store_pin *pin)
{
	const struct db_pin of = {.pid = pin->pid, .txn = pin->txn};
	int rc;

	pthread_mutex_lock(&s->mutex);
	rc = db_pin_end(pin->of_index ? &s->index : &s->log, &of);
	pthread_mutex_unlock(&s->mutex);
	return rc;
}

uint64_t store_disk_bytes(const struct store *s)
{
	static const char *const files[] = {
		"log/data.mdb", "log/lock.mdb", "index/data.mdb", "index/lock.mdb"};
	char path[4096];
	uint64_t bytes = runs_disk_bytes(s);
	struct stat st;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->data, files[i]);
		if (stat(path, &st) == 0)
			bytes += (uint64_t)st.st_blocks * 512;
	}
	return bytes;
}
