/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which runs there are, and their files. A file is written before the transaction that names it,
 * and removed after the one that no longer does: a crash leaves files that nothing names, which the
 * next opening sweeps. A reader of another process may find one gone that its transaction names; it
 * begins again then (read.c).
 */
#include "store/impl.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_KEY    "runs"
#define NAME_BEGIN  "run-"
#define NAME_DIGITS 16u
#define HEX         "0123456789abcdef"
#define LIST_FIXED  16u
#define LIST_MAX    (LIST_FIXED + 8 * RUNS_MAX)

/* --- the list --------------------------------------------------------------------------------- */

int runs_list_get(struct store *s, MDB_txn *txn, struct runs_list *list)
{
	MDB_val key = db_val(LIST_KEY, strlen(LIST_KEY));
	MDB_val value;
	struct cursor c;
	int rc = mdb_get(txn, s->index.tables[INDEX_META], &key, &value);

	list->generation = list->len = 0;
	list->next = 1;
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : db_err(rc);
	if (value.mv_size < LIST_FIXED || value.mv_size > LIST_MAX || value.mv_size % 8 != 0)
		return ENT_ECORRUPT;
	c = cursor_of(db_bytes(value));
	list->generation = cursor_u64(&c);
	list->next = cursor_u64(&c);
	while (cursor_left(&c) > 0)
		list->numbers[list->len++] = cursor_u64(&c);
	return 0;
}

int runs_list_put(struct store *s, MDB_txn *txn, struct runs_list *list)
{
	uint8_t raw[LIST_MAX];
	MDB_val key = db_val(LIST_KEY, strlen(LIST_KEY));
	MDB_val value = db_val(raw, LIST_FIXED + 8 * list->len);

	assert(list->len <= RUNS_MAX);
	be64_put(raw, ++list->generation);
	be64_put(raw + 8, list->next = s->run_next);
	for (unsigned i = 0; i < list->len; i++)
		be64_put(raw + LIST_FIXED + 8 * i, list->numbers[i]);
	return db_err(mdb_put(txn, s->index.tables[INDEX_META], &key, &value, 0));
}

/* --- runs that are mapped --------------------------------------------------------------------- */

void run_path(const struct store *s, char out[RUN_PATH_BYTES], uint64_t number)
{
	snprintf(out, RUN_PATH_BYTES, "%s/index/" NAME_BEGIN "%016" PRIx64, s->data, number);
}

/* Under the key of this index: a file that another index left is not taken for one of its own. */
uint64_t run_tag(const struct store *s, uint64_t number)
{
	uint8_t raw[12] = "run ", out[8];

	be64_put(raw + 4, number);
	crypto_shorthash(out, raw, sizeof(raw), s->index_hash_key);
	return be64_get(out);
}

void runs_release(struct runs *runs)
{
	if (!runs || --runs->refs > 0)
		return;
	for (unsigned i = 0; i < runs->list.len && runs->runs[i]; i++)
		if (--runs->runs[i]->refs == 0)
			index_run_close(runs->runs[i]);
	free(runs);
}

static struct index_run *run_known(const struct runs *runs, uint64_t number)
{
	for (unsigned i = 0; runs && i < runs->list.len; i++)
		if (runs->list.numbers[i] == number)
			return runs->runs[i];
	return NULL;
}

static int runs_load(struct store *s, const struct runs_list *list, struct runs **out)
{
	struct runs *runs = calloc(1, sizeof(*runs));
	char path[RUN_PATH_BYTES];

	if (!runs)
		return ENT_ENOMEM;
	runs->refs = 1;
	runs->list = *list;
	for (unsigned i = 0; i < list->len; i++) {
		struct index_run *run = run_known(s->runs, list->numbers[i]);
		int rc = 0;

		if (!run) {
			run_path(s, path, list->numbers[i]);
			rc = index_run_open(&run, path, list->numbers[i],
				run_tag(s, list->numbers[i]));
		}
		if (rc) {
			runs_release(runs);
			return rc;
		}
		run->refs++;
		runs->runs[i] = run;
	}
	*out = runs;
	return 0;
}

int runs_take(struct store *s, MDB_txn *txn, struct runs **out)
{
	struct runs_list list;
	int rc = runs_list_get(s, txn, &list);

	*out = NULL;
	if (rc)
		return rc;
	if (!s->runs || s->runs->list.generation != list.generation) {
		struct runs *runs;

		if ((rc = runs_load(s, &list, &runs)) != 0)
			return rc;
		runs_release(s->runs);
		s->runs = runs;
	}
	s->runs->refs++;
	*out = s->runs;
	return 0;
}

void runs_forget(struct store *s)
{
	runs_release(s->runs);
	s->runs = NULL;
}

void runs_renew(struct store *s)
{
	struct runs *runs = NULL;
	MDB_txn *txn;

	pthread_mutex_lock(&s->mutex);
	if (db_read(&s->index, s->readers == 0, &txn) == 0) {
		/* When it fails the next reader tries again. */
		if (runs_take(s, txn, &runs) == 0)
			runs_release(runs);
		mdb_txn_abort(txn);
	}
	pthread_mutex_unlock(&s->mutex);
}

int index_write_begin(struct store *s, struct index_view *view)
{
	int rc;

	*view = (struct index_view){.store = s};
	if ((rc = mdb_txn_begin(s->index.env, NULL, 0, &view->txn)) != 0)
		return db_err(rc);
	pthread_mutex_lock(&s->mutex);
	rc = runs_take(s, view->txn, &view->runs);
	pthread_mutex_unlock(&s->mutex);
	if (rc)
		mdb_txn_abort(view->txn);
	return rc;
}

int index_write_end(struct index_view *view, int code, uint64_t number)
{
	struct store *s = view->store;
	char path[RUN_PATH_BYTES];

	if (code == 0)
		code = db_commit(&s->index, view->txn);
	else
		mdb_txn_abort(view->txn);
	pthread_mutex_lock(&s->mutex);
	runs_release(view->runs);
	pthread_mutex_unlock(&s->mutex);
	if (number != 0 && code != 0) {
		run_path(s, path, number);
		unlink(path);
	}
	if (code == 0)
		runs_renew(s);
	return code;
}

/* --- files ------------------------------------------------------------------------------------ */

/* Calls visit with every file that is a run by its name. */
static void files_each(const struct store *s,
	void (*visit)(void *ctx, int dir, const char *name, uint64_t number), void *ctx)
{
	char path[RUN_PATH_BYTES];
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/index", s->data);
	if (!(dir = opendir(path)))
		return;
	while ((entry = readdir(dir))) {
		const char *digits = entry->d_name + strlen(NAME_BEGIN);

		if (strncmp(entry->d_name, NAME_BEGIN, strlen(NAME_BEGIN)) == 0 &&
			strlen(digits) == NAME_DIGITS && strspn(digits, HEX) == NAME_DIGITS)
			visit(ctx, dirfd(dir), entry->d_name, strtoull(digits, NULL, 16));
	}
	closedir(dir);
}

static void file_sweep(void *ctx, int dir, const char *name, uint64_t number)
{
	const struct runs_list *list = ctx;

	for (unsigned i = 0; list && i < list->len; i++)
		if (list->numbers[i] == number)
			return;
	unlinkat(dir, name, 0);
}

void runs_sweep(const struct store *s, const struct runs_list *list)
{
	files_each(s, file_sweep, (void *)(uintptr_t)list);
}

static void file_sync(void *ctx, int dir, const char *name, uint64_t number)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	(void)number;
	if (fd < 0 || fsync(fd) != 0)
		*(int *)ctx = ENT_EIO;
	if (fd >= 0)
		close(fd);
}

int runs_sync(const struct store *s)
{
	int rc = 0;

	files_each(s, file_sync, &rc);
	return rc;
}

static void file_count(void *ctx, int dir, const char *name, uint64_t number)
{
	struct stat st;

	(void)number;
	if (fstatat(dir, name, &st, 0) == 0)
		*(uint64_t *)ctx += (uint64_t)st.st_blocks * 512;
}

uint64_t runs_disk_bytes(const struct store *s)
{
	uint64_t bytes = 0;

	files_each(s, file_count, &bytes);
	return bytes;
}
