/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

/* Readers of all processes together: commands and web requests, one slot of 64 bytes each. */
#define DB_READERS_MAX 510

/* For the owner alone: the log holds agreements' data, and a reader writes to lock.mdb. */
#define DB_FILE_MODE 0600

#if SIZE_MAX > UINT32_MAX
static size_t map_bytes = 1ull << 40, map_bytes_max = 1ull << 46;
#else
static size_t map_bytes = 1u << 30, map_bytes_max = 1u << 31;
#endif

size_t db_map_bytes(void)
{
	return map_bytes;
}

void db_map_bytes_set(size_t bytes)
{
	map_bytes = map_bytes_max = bytes;
}

void db_map_bytes_max_set(size_t bytes)
{
	map_bytes_max = bytes;
}

int db_err(int code)
{
	switch (code) {
	case 0:
		return 0;
	case MDB_NOTFOUND:
	case ENOENT:
		return ENT_ENOTFOUND;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ENT_EFULL;
	case ENOMEM:
		return ENT_ENOMEM;
	case MDB_TXN_FULL:
		return ENT_ELIMIT;
	case MDB_READERS_FULL:
	case MDB_MAP_RESIZED:
	case EAGAIN:
		return ENT_EBUSY;
	case MDB_VERSION_MISMATCH:
		return ENT_EVERSION;
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
		return ENT_ECORRUPT;
	default:
		return ENT_EIO;
	}
}

static int env_open(struct db *db, const char *dir, unsigned flags, size_t map)
{
	int rc = mdb_env_create(&db->env);

	if (rc)
		return rc;
	if ((rc = mdb_env_set_maxdbs(db->env, DB_TABLES_MAX)) != 0 ||
		(rc = mdb_env_set_maxreaders(db->env, DB_READERS_MAX)) != 0 ||
		(rc = mdb_env_set_mapsize(db->env, map)) != 0 ||
		(rc = mdb_env_open(db->env, dir, flags, DB_FILE_MODE)) != 0)
		db_close(db);
	return rc;
}

/* With a smaller map where the address space is short. */
static int env_open_within(struct db *db, const char *dir, unsigned flags, size_t map)
{
	int rc;

	while ((rc = env_open(db, dir, flags, map)) == ENOMEM && map / 2 >= DB_MAP_BYTES_MIN)
		map /= 2;
	return rc;
}

static int tables_open(struct db *db, bool write, const char *const *tables, unsigned tables_len)
{
	unsigned opened = 0;
	MDB_txn *txn;
	int rc = mdb_txn_begin(db->env, NULL, write ? 0 : MDB_RDONLY, &txn);

	if (rc)
		return rc;
	for (unsigned i = 0; i < tables_len && rc == 0; i++) {
		rc = mdb_dbi_open(txn, tables[i], write ? MDB_CREATE : 0, &db->tables[i]);
		opened += rc == 0;
	}
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	/* Some are there: an older layout, which only a writer brings up to date. */
	return rc == MDB_NOTFOUND && opened > 0 ? MDB_VERSION_MISMATCH : rc;
}

int db_open(struct db *db, const char *dir, bool write, unsigned flags, const char *const *tables,
	unsigned tables_len)
{
	size_t map = map_bytes;
	int dead, rc;

	assert(tables_len <= DB_TABLES_MAX);
	/* MDB_NOTLS: a reader belongs to its transaction, not to the thread that began it. */
	flags |= MDB_NOTLS | (write ? 0 : MDB_RDONLY);
	rc = env_open_within(db, dir, flags, map);
	if (rc)
		return db_err(rc);
	/* Slots of readers that were killed would keep old pages from being used again. */
	mdb_reader_check(db->env, &dead);
	rc = tables_open(db, write, tables, tables_len);
	if (rc == MDB_MAP_RESIZED && (rc = mdb_env_set_mapsize(db->env, 0)) == 0)
		rc = tables_open(db, write, tables, tables_len);
	if (rc)
		db_close(db);
	return db_err(rc);
}

/*
 * LMDB calls a short write EIO, and a disk or a file-size limit that is just being reached gives a
 * short write. So a failure beside so little room is one of room.
 */
#define DB_ROOM_BYTES (64ull << 20)

static bool room_is_short(struct db *db)
{
	struct statvfs fs;
	struct rlimit limit;
	struct stat st;
	int fd;

	if (mdb_env_get_fd(db->env, &fd) != 0 || fstatvfs(fd, &fs) != 0 || fstat(fd, &st) != 0 ||
		getrlimit(RLIMIT_FSIZE, &limit) != 0)
		return false;
	if ((uint64_t)fs.f_bavail * fs.f_frsize < DB_ROOM_BYTES)
		return true;
	return limit.rlim_cur != RLIM_INFINITY &&
	       limit.rlim_cur < (uint64_t)st.st_size + DB_ROOM_BYTES;
}

int db_commit(struct db *db, MDB_txn *txn)
{
	int code = mdb_txn_commit(txn);
	int rc = db_err(code);

	if (rc == 0)
		return 0;
	if (code == EIO && room_is_short(db))
		rc = ENT_EFULL;
	log_error("store", "commit failed error=%s cause=\"%s\"", err_name(rc), mdb_strerror(code));
	return rc;
}

int db_commit_loose(struct db *db, MDB_txn *txn)
{
	int rc = db_err(mdb_env_set_flags(db->env, MDB_NOSYNC, 1));

	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = db_commit(db, txn);
	mdb_env_set_flags(db->env, MDB_NOSYNC, 0);
	return rc;
}

int db_sync(struct db *db)
{
	return db_err(mdb_env_sync(db->env, 1));
}

/* --- growing ---------------------------------------------------------------------------------- */

/* An index group may copy a page for every key: so much is kept free of a large map. */
#define DB_MARGIN_BYTES (4ull << 30)

bool db_nearly_full(const struct db *db)
{
	MDB_envinfo info;
	MDB_stat stat;
	uint64_t used, margin;

	if (mdb_env_info(db->env, &info) != 0 || mdb_env_stat(db->env, &stat) != 0)
		return false;
	used = (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
	margin = info.me_mapsize / 4 < DB_MARGIN_BYTES ? info.me_mapsize / 4 : DB_MARGIN_BYTES;
	return info.me_mapsize < map_bytes_max && used + margin > info.me_mapsize;
}

/* LMDB takes the old map away first and has none when the new one fails: so it is tried before. */
static bool address_space(size_t bytes)
{
	void *probe =
		mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return probe != MAP_FAILED && munmap(probe, bytes) == 0;
}

static void spare_drop(struct db *db)
{
	if (db->spare)
		mdb_txn_abort(db->spare);
	db->spare = NULL;
}

void db_grow(struct db *db)
{
	MDB_envinfo info;
	size_t bytes;
	int rc;

	spare_drop(db);
	if (mdb_env_info(db->env, &info) != 0)
		return;
	bytes = info.me_mapsize <= map_bytes_max / 2 ? info.me_mapsize * 2 : map_bytes_max;
	if (!address_space(bytes))
		return;
	rc = mdb_env_set_mapsize(db->env, bytes);
	assert(rc == 0); /* without a map nothing can go on */
	log_notice("store", "the map has grown bytes=%zu", bytes);
}

/* --- copying ---------------------------------------------------------------------------------- */

/* Bytes of one transaction of the copy: its changed pages lie in memory. */
#define COPY_BYTES (32u << 20)
#define COPY_NAME  "data.new"
#define COPY_LOCK  "data.new-lock"
#define PATH_BYTES 4096

static void copy_path(char out[PATH_BYTES], const char *dir, const char *name)
{
	snprintf(out, PATH_BYTES, "%s/%s", dir, name);
}

/* Keys come in order, so pages are filled one after the other and never hold anything else. */
static int table_copy(MDB_txn *from, MDB_dbi table, MDB_env *to, const char *name)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_txn *txn = NULL;
	MDB_dbi dbi = 0;
	size_t bytes = 0;
	int rc = mdb_cursor_open(from, table, &cursor);

	if (rc)
		return rc;
	rc = mdb_txn_begin(to, NULL, 0, &txn);
	if (rc == 0)
		rc = mdb_dbi_open(txn, name, MDB_CREATE, &dbi);
	while (rc == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		rc = mdb_put(txn, dbi, &key, &value, MDB_APPEND);
		bytes += key.mv_size + value.mv_size;
		if (rc || bytes < COPY_BYTES)
			continue;
		rc = mdb_txn_commit(txn);
		txn = NULL;
		if (rc == 0)
			rc = mdb_txn_begin(to, NULL, 0, &txn);
		bytes = 0;
	}
	mdb_cursor_close(cursor);
	if (rc != MDB_NOTFOUND) {
		if (txn)
			mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

int db_copy(struct db *db, const char *dir, const char *const *tables, unsigned tables_len)
{
	struct db copy = {0};
	char path[PATH_BYTES], lock[PATH_BYTES];
	MDB_envinfo info;
	MDB_txn *txn;
	int rc;

	copy_path(path, dir, COPY_NAME);
	copy_path(lock, dir, COPY_LOCK);
	unlink(path);
	if (mdb_env_info(db->env, &info) != 0)
		return ENT_EIO;
	rc = env_open_within(&copy, path, MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOTLS, info.me_mapsize);
	if (rc)
		return db_err(rc);
	if ((rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn)) == 0) {
		for (unsigned i = 0; i < tables_len && rc == 0; i++)
			rc = table_copy(txn, db->tables[i], copy.env, tables[i]);
		mdb_txn_abort(txn);
	}
	if (rc == 0)
		rc = mdb_env_sync(copy.env, 1);
	db_close(&copy);
	unlink(lock);
	if (rc)
		unlink(path);
	return db_err(rc);
}

/* The lock goes first: whoever opens the new file makes a new one, and keeps to it. */
int db_replace(const char *dir)
{
	char from[PATH_BYTES], to[PATH_BYTES], lock[PATH_BYTES];
	int fd, rc = 0;

	copy_path(from, dir, COPY_NAME);
	copy_path(to, dir, "data.mdb");
	copy_path(lock, dir, "lock.mdb");
	unlink(lock);
	if (rename(from, to) != 0)
		return db_err(errno);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		rc = ENT_EIO;
	if (fd >= 0)
		close(fd);
	return rc;
}

bool db_replaced(const struct db *db)
{
	struct stat st;
	int fd;

	return mdb_env_get_fd(db->env, &fd) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 0;
}

void db_close(struct db *db)
{
	spare_drop(db);
	db->known_txn = 0;
	if (db->env)
		mdb_env_close(db->env);
	db->env = NULL;
}

int db_read(struct db *db, bool idle, MDB_txn **txn)
{
	MDB_txn *spare = db->spare;
	int dead, rc;

	db->spare = *txn = NULL;
	if (spare && mdb_txn_renew(spare) == 0) {
		*txn = spare;
		return 0;
	}
	if (spare)
		mdb_txn_abort(spare);
	rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, txn);
	if (rc == MDB_MAP_RESIZED && idle && (rc = mdb_env_set_mapsize(db->env, 0)) == 0)
		rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, txn);
	if (rc == MDB_READERS_FULL && mdb_reader_check(db->env, &dead) == 0 && dead > 0)
		rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, txn);
	return db_err(rc);
}

void db_read_end(struct db *db, MDB_txn *txn)
{
	if (db->spare) {
		mdb_txn_abort(txn);
		return;
	}
	mdb_txn_reset(txn);
	db->spare = txn;
}
