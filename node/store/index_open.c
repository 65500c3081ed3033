/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether the index on disk can be trusted. It is not synced, so that file index/state says under
 * which boot of the machine it is being written:
 *
 *     clean             closed in order, and synced
 *     dirty <boot id>   open, or its writer was killed
 *
 * A killed writer loses nothing, since what it wrote is in the page cache; a machine that went down
 * may have lost any page of it. Dirty under another boot is therefore as good as gone.
 */
#include "store/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define STATE_MAX    128
#define PATH_SIZE    4096

const char *const store_index_tables[INDEX_TABLES] = {
	[INDEX_META] = "meta",
	[INDEX_VALUE] = "value",
	[INDEX_OBJECT] = "object",
	[INDEX_EXPIRY] = "expiry",
	[INDEX_UNLISTED] = "unlisted",
	[INDEX_HIDDEN] = "hidden",
	[INDEX_FLOORS] = "floors",
};

static void index_path(const struct store *s, char out[PATH_SIZE], const char *name)
{
	snprintf(out, PATH_SIZE, "%s/index%s", s->data, name);
}

/* The first line of a small file without its LF; false when it cannot be read. */
static bool line_read(const char *path, char line[STATE_MAX])
{
	FILE *f = fopen(path, "re");
	bool read;

	if (!f)
		return false;
	read = fgets(line, STATE_MAX, f) != NULL;
	fclose(f);
	if (read)
		line[strcspn(line, "\n")] = 0;
	return read;
}

static bool state_trusted(const struct store *s)
{
	char path[PATH_SIZE], line[STATE_MAX], boot[STATE_MAX];

	index_path(s, path, "/state");
	if (!line_read(path, line))
		return false;
	if (strcmp(line, "clean") == 0)
		return true;
	return strncmp(line, "dirty ", 6) == 0 && line_read(BOOT_ID_PATH, boot) &&
	       strcmp(line + 6, boot) == 0;
}

static int dir_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd >= 0 ? fsync(fd) : -1;

	if (fd >= 0)
		close(fd);
	return rc;
}

/* Replaces the state file, synced. */
static int state_write(const struct store *s, const char *line)
{
	char dir[PATH_SIZE], path[PATH_SIZE], fresh[PATH_SIZE];
	FILE *f;
	bool done;

	index_path(s, dir, "");
	index_path(s, path, "/state");
	index_path(s, fresh, "/state.new");
	f = fopen(fresh, "we");
	if (!f)
		return errno == ENOSPC ? ENT_EFULL : ENT_EIO;
	done = fprintf(f, "%s\n", line) > 0 && fflush(f) == 0 && fsync(fileno(f)) == 0;
	done = fclose(f) == 0 && done;
	if (!done || rename(fresh, path) != 0 || dir_sync(dir) != 0)
		return errno == ENOSPC ? ENT_EFULL : ENT_EIO;
	return 0;
}

static int state_dirty(const struct store *s)
{
	char boot[STATE_MAX], line[2 * STATE_MAX];

	/* Without a boot id no later start will trust what was left dirty. */
	if (!line_read(BOOT_ID_PATH, boot))
		snprintf(boot, sizeof(boot), "unknown");
	snprintf(line, sizeof(line), "dirty %s", boot);
	return state_write(s, line);
}

static void files_remove(const struct store *s)
{
	static const char *const files[] = {"/data.mdb", "/lock.mdb"};
	char path[PATH_SIZE];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		index_path(s, path, files[i]);
		unlink(path);
	}
	runs_sweep(s, NULL);
}

/* What the index says about itself: u32 schema, the truth's id, the key of its hashes. */
#define ABOUT_BYTES (4 + STORE_ID_BYTES + INDEX_HASH_KEY_BYTES)

static int about_check(struct store *s, MDB_txn *txn)
{
	MDB_val key = db_val("about", strlen("about"));
	MDB_val value;
	const uint8_t *p;
	int rc = mdb_get(txn, s->index.tables[INDEX_META], &key, &value);

	if (rc)
		return db_err(rc);
	p = value.mv_data;
	if (value.mv_size != ABOUT_BYTES || be32_get(p) != INDEX_SCHEMA)
		return ENT_EVERSION;
	if (memcmp(p + 4, s->id, STORE_ID_BYTES) != 0)
		return ENT_ESTATE;
	memcpy(s->index_hash_key, p + 4 + STORE_ID_BYTES, INDEX_HASH_KEY_BYTES);
	return 0;
}

/* 0 when the open index belongs to this truth, has nothing that the truth has not, and all its
 * runs are there. */
static int index_check(struct store *s)
{
	struct index_state state;
	struct runs *runs = NULL;
	MDB_txn *txn;
	uint64_t arrival;
	int rc = db_read(&s->index, true, &txn);

	if (rc)
		return rc;
	rc = about_check(s, txn);
	if (rc == 0)
		rc = index_state_get(s, txn, &state);
	if (rc == 0)
		rc = runs_take(s, txn, &runs);
	runs_release(runs);
	mdb_txn_abort(txn);
	if (rc || (rc = db_read(&s->log, true, &txn)) != 0)
		return rc;
	rc = row_arrival_last(s, txn, &arrival);
	mdb_txn_abort(txn);
	/* A truth that was restored from a backup may have gone another way since. */
	if (rc == 0 && state.position > arrival)
		rc = ENT_ESTATE;
	return rc;
}

static int env_open(struct store *s)
{
	char dir[PATH_SIZE];

	index_path(s, dir, "");
	return db_open(&s->index, dir, s->mode == STORE_WRITE,
		s->mode == STORE_WRITE ? MDB_NOSYNC : 0, store_index_tables, INDEX_TABLES);
}

int index_about_put(struct store *s, MDB_txn *txn)
{
	uint8_t about[ABOUT_BYTES];
	MDB_val key = db_val("about", strlen("about"));
	MDB_val value = db_val(about, sizeof(about));

	be32_put(about, INDEX_SCHEMA);
	pthread_mutex_lock(&s->mutex);
	memcpy(about + 4, s->id, STORE_ID_BYTES);
	pthread_mutex_unlock(&s->mutex);
	memcpy(about + 4 + STORE_ID_BYTES, s->index_hash_key, INDEX_HASH_KEY_BYTES);
	return mdb_put(txn, s->index.tables[INDEX_META], &key, &value, 0);
}

static int index_create(struct store *s)
{
	MDB_txn *txn;
	int rc = env_open(s);

	if (rc)
		return rc;
	randombytes_buf(s->index_hash_key, sizeof(s->index_hash_key));
	if ((rc = mdb_txn_begin(s->index.env, NULL, 0, &txn)) != 0)
		return db_err(rc);
	rc = index_about_put(s, txn);
	if (rc == 0)
		return db_commit(&s->index, txn);
	mdb_txn_abort(txn);
	return db_err(rc);
}

static int open_to_read(struct store *s)
{
	int rc = ENT_ENOTFOUND;

	if (!state_trusted(s))
		return 0;
	/* A run may be merged away between the transaction that lists it and its opening. */
	for (unsigned tries = 0; tries < INDEX_TRIES && rc == ENT_ENOTFOUND; tries++) {
		if (env_open(s) != 0)
			return 0;
		rc = index_check(s);
		if (rc != 0)
			index_close(s);
	}
	return 0;
}

/*
 * The order matters: an index that is not trusted is removed before the state says that it is being
 * written under this boot, for from then on it would be trusted.
 */
static int open_to_write(struct store *s)
{
	char dir[PATH_SIZE];
	int rc;

	index_path(s, dir, "");
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return ENT_EIO;
	if (!state_trusted(s))
		files_remove(s);
	if ((rc = state_dirty(s)) != 0)
		return rc;
	if (env_open(s) == 0 && index_check(s) == 0) {
		/* What a writer left that was killed. */
		runs_sweep(s, &s->runs->list);
		s->run_next = s->runs->list.next;
		return 0;
	}
	runs_forget(s);
	db_close(&s->index);
	files_remove(s);
	s->run_next = 1;
	return index_create(s);
}

int index_open(struct store *s, struct err_text *err)
{
	int rc = s->mode == STORE_WRITE ? open_to_write(s) : open_to_read(s);

	return rc ? err_set(err, rc, "%s/index: %s", s->data, err_sentence(rc)) : 0;
}

void index_close(struct store *s)
{
	index_merge_abort(s);
	runs_forget(s);
	if (!s->index.env)
		return;
	if (s->mode == STORE_WRITE && runs_sync(s) == 0 && mdb_env_sync(s->index.env, 1) == 0 &&
		state_write(s, "clean") != 0)
		log_warn("store",
			"the index will be rebuilt at the next start: its state cannot be written");
	db_close(&s->index);
}
