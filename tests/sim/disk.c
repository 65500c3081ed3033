/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Of LMDB this has what the store calls: tables of rows in order of their keys, transactions,
 * cursors. Each table is a sorted array, which for thousands of rows beats every tree; a write
 * transaction changes it in place and keeps what it needs to undo that.
 */
#include "sim/disk.h"

#include <assert.h>
#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/mark.h"
#include "store/impl.h"

struct row {
	unsigned refs; /* tables, copies of tables and undo notes that have it */
	uint32_t key_len, value_len;
	uint8_t data[]; /* key, value */
};

/* Where a row is, and how its key begins: most comparisons end there, and no row is touched. */
struct place {
	uint64_t begin[2];
	struct row *row;
};

struct table {
	struct place *rows; /* in order of keys */
	size_t len, cap;
	size_t hint;      /* the place that was asked for last */
	uint64_t version; /* rows have moved */
};

/* What stood under a key before the transaction; NULL: nothing. */
struct undo {
	struct table *table;
	struct row *now, *before;
};

struct MDB_env {
	struct disk *disk;
	bool no_sync; /* what is committed now is not synced */
	bool loose;   /* so was the last commit: what it would take to undo it stands in undo */
	struct table tables[DB_TABLES_MAX];
	struct undo *undo;
	size_t undo_len, undo_cap;
	MDB_txn *writer;
	unsigned readers;
	size_t commits;
};

struct MDB_txn {
	MDB_env *env;
	bool write;
	bool idle; /* reset, and not renewed */
	size_t id;
	struct table *tables;   /* what it sees: the environment's, or */
	struct table *snapshot; /* of its own: what stood before the writer beside it; NULL: none */
};

struct MDB_cursor {
	MDB_txn *txn;
	MDB_dbi table;
	struct row *at; /* held; NULL: before the first row */
	size_t index;   /* of it, while the table's version is */
	uint64_t version;
};

enum { ENV_LOG, ENV_INDEX, ENVS };

struct disk {
	MDB_env envs[ENVS];
	enum disk_health health;
	bool has_guard;
	struct buf guard;
	struct buf journal; /* the redo beside it */
	size_t bytes;
	uint64_t commits;
};

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* --- rows and tables -------------------------------------------------------------------------- */

static struct row *row_new(const MDB_val *key, const MDB_val *value, bool reserve)
{
	struct row *r = need(malloc(sizeof(*r) + key->mv_size + value->mv_size));

	r->refs = 1;
	r->key_len = (uint32_t)key->mv_size;
	r->value_len = (uint32_t)value->mv_size;
	memcpy(r->data, key->mv_data, key->mv_size);
	if (!reserve && value->mv_size)
		memcpy(r->data + r->key_len, value->mv_data, value->mv_size);
	return r;
}

static struct row *row_hold(struct row *r)
{
	if (r)
		r->refs++;
	return r;
}

static void row_drop(struct row *r)
{
	if (r && --r->refs == 0)
		free(r);
}

static size_t row_bytes(const struct row *r)
{
	return r ? r->key_len + (size_t)r->value_len : 0;
}

static struct place place_of(const void *key, size_t key_len)
{
	uint8_t begin[16] = {0};

	memcpy(begin, key, key_len < sizeof(begin) ? key_len : sizeof(begin));
	return (struct place){{be64_get(begin), be64_get(begin + 8)}, NULL};
}

static struct place place_for(struct row *r)
{
	struct place p = place_of(r->data, r->key_len);

	p.row = r;
	return p;
}

/* The order of the row there and the key, which begins so. */
static int place_cmp(const struct place *p, const struct place *begin, const void *key,
	size_t key_len)
{
	size_t row_len;
	int order;

	for (unsigned i = 0; i < 2; i++)
		if (p->begin[i] != begin->begin[i])
			return p->begin[i] < begin->begin[i] ? -1 : 1;
	row_len = p->row->key_len;
	order = memcmp(p->row->data, key, row_len < key_len ? row_len : key_len);
	return order ? order : (row_len > key_len) - (row_len < key_len);
}

/* The place of the first row whose key is not before this one. */
static size_t table_place(struct table *t, const void *key, size_t key_len, bool *found)
{
	const struct place begin = place_of(key, key_len);
	size_t low = 0, high = t->len;
	/* Most goes to the end, or behind the one before: these are looked at first. */
	size_t next[] = {high - 1, t->hint, t->hint + 1, t->hint - 1};

	*found = false;
	for (size_t i = 0; low < high; i++) {
		size_t at = i < 4 && next[i] >= low && next[i] < high ? next[i] : (low + high) / 2;
		int order = place_cmp(&t->rows[at], &begin, key, key_len);

		if (order < 0)
			low = at + 1;
		else
			high = at;
		if (order == 0) {
			*found = true;
			break;
		}
	}
	t->hint = *found ? high : low;
	return t->hint;
}

/* Puts the row (NULL: nothing) where one of its key stands (found) or would. Takes the row. */
static void table_set_at(struct disk *d, struct table *t, size_t at, bool found, struct row *row)
{
	struct row *old = found ? t->rows[at].row : NULL;

	d->bytes += row_bytes(row) - row_bytes(old);
	if (found && row) {
		t->rows[at].row = row;
	} else if (found) {
		memmove(&t->rows[at], &t->rows[at + 1], (--t->len - at) * sizeof(*t->rows));
		t->version++;
	} else if (row) {
		if (t->len == t->cap) {
			t->cap = t->cap ? t->cap * 2 : 16;
			t->rows = need(realloc(t->rows, t->cap * sizeof(*t->rows)));
		}
		memmove(&t->rows[at + 1], &t->rows[at], (t->len++ - at) * sizeof(*t->rows));
		t->rows[at] = place_for(row);
		t->version++;
	}
	row_drop(old);
}

/* The same in the place of the one with that key. */
static void table_set(struct disk *d, struct table *t, const struct row *key, struct row *row)
{
	bool found;
	size_t at = table_place(t, key->data, key->key_len, &found);

	table_set_at(d, t, at, found, row);
}

static struct row *table_get(struct table *t, const MDB_val *key)
{
	bool found;
	size_t at = table_place(t, key->mv_data, key->mv_size, &found);

	return found ? t->rows[at].row : NULL;
}

/* --- transactions ----------------------------------------------------------------------------- */

/* A change, at the place of the key, that the transaction may have to take back. Takes the row. */
static void change(MDB_txn *txn, MDB_dbi table, size_t at, bool found, struct row *key,
	struct row *row)
{
	MDB_env *env = txn->env;
	struct table *t = &env->tables[table];

	if (env->undo_len == env->undo_cap) {
		env->undo_cap = env->undo_cap ? env->undo_cap * 2 : 64;
		env->undo = need(realloc(env->undo, env->undo_cap * sizeof(*env->undo)));
	}
	env->undo[env->undo_len++] =
		(struct undo){t, row_hold(key), row_hold(found ? t->rows[at].row : NULL)};
	table_set_at(env->disk, t, at, found, row);
}

static void undo_forget(MDB_env *env)
{
	while (env->undo_len > 0) {
		struct undo *u = &env->undo[--env->undo_len];

		row_drop(u->now);
		row_drop(u->before);
	}
}

/* What was committed and not synced is synced now. */
static void loose_end(MDB_env *env)
{
	if (env->loose)
		undo_forget(env);
	env->loose = false;
}

static void roll_back(MDB_env *env)
{
	for (size_t i = env->undo_len; i-- > 0;)
		table_set(env->disk, env->undo[i].table, env->undo[i].now,
			row_hold(env->undo[i].before));
	undo_forget(env);
}

static void table_copy(struct table *to, const struct table *from)
{
	to->rows = need(calloc(from->len + 1, sizeof(*to->rows)));
	to->len = to->cap = from->len;
	for (size_t k = 0; k < from->len; k++) {
		to->rows[k] = from->rows[k];
		row_hold(to->rows[k].row);
	}
}

static void table_free(struct table *t)
{
	while (t->len > 0)
		row_drop(t->rows[--t->len].row);
	free(t->rows);
}

/* Whoever reads beside a writer sees what stood before it. */
static struct table *snapshot_take(MDB_env *env)
{
	struct table *tables = need(calloc(DB_TABLES_MAX, sizeof(*tables)));
	struct disk scratch = {0};

	for (unsigned i = 0; i < DB_TABLES_MAX; i++)
		table_copy(&tables[i], &env->tables[i]);
	for (size_t i = env->undo_len; i-- > 0;)
		table_set(&scratch, &tables[env->undo[i].table - env->tables], env->undo[i].now,
			row_hold(env->undo[i].before));
	return tables;
}

static void snapshot_drop(struct table *tables)
{
	for (unsigned i = 0; tables && i < DB_TABLES_MAX; i++)
		table_free(&tables[i]);
	free(tables);
}

static void txn_look(MDB_txn *txn)
{
	MDB_env *env = txn->env;

	if (env->writer)
		txn->snapshot = snapshot_take(env);
	txn->tables = txn->snapshot ? txn->snapshot : env->tables;
	txn->id = env->commits + 1 + txn->write;
	if (txn->write)
		env->writer = txn;
	else
		env->readers++;
}

int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **out)
{
	MDB_txn *txn;

	(void)parent;
	if (env->disk->health == DISK_DEAD)
		return EIO;
	txn = need(calloc(1, sizeof(*txn)));
	txn->env = env;
	txn->write = !(flags & MDB_RDONLY);
	/* One writer at a time, in one thread none begins beside readers, and none upon what is
	 * not synced. */
	assert(!txn->write || (!env->writer && env->readers == 0 && !env->loose));
	txn_look(txn);
	*out = txn;
	return 0;
}

size_t mdb_txn_id(MDB_txn *txn)
{
	return txn->id;
}

void mdb_txn_reset(MDB_txn *txn)
{
	assert(!txn->write && !txn->idle);
	txn->env->readers--;
	snapshot_drop(txn->snapshot);
	txn->snapshot = NULL;
	txn->idle = true;
}

int mdb_txn_renew(MDB_txn *txn)
{
	assert(txn->idle);
	if (txn->env->disk->health == DISK_DEAD)
		return EIO;
	txn->idle = false;
	txn_look(txn);
	return 0;
}

static void txn_end(MDB_txn *txn)
{
	if (txn->write)
		txn->env->writer = NULL;
	else if (!txn->idle)
		txn->env->readers--;
	snapshot_drop(txn->snapshot);
	free(txn);
}

void mdb_txn_abort(MDB_txn *txn)
{
	if (txn->write)
		roll_back(txn->env);
	txn_end(txn);
}

/* What a sync says to so much that is new. */
static int sync_result(const struct disk *d, bool news)
{
	switch (d->health) {
	case DISK_WELL:
	case DISK_MAP_FULL:
		return 0;
	case DISK_FULL:
		return news ? ENOSPC : 0;
	default:
		return news || d->health == DISK_DEAD ? EIO : 0;
	}
}

int mdb_txn_commit(MDB_txn *txn)
{
	MDB_env *env = txn->env;
	int rc = txn->write ? sync_result(env->disk, env->undo_len > 0) : 0;

	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	if (txn->write) {
		env->disk->commits++;
		env->commits++;
		env->loose = env->no_sync && env->undo_len > 0;
		if (!env->loose)
			undo_forget(env);
	}
	txn_end(txn);
	return 0;
}

/* --- reading and writing ---------------------------------------------------------------------- */

static void row_give(const struct row *r, MDB_val *key, MDB_val *value)
{
	uint8_t *data = (uint8_t *)(uintptr_t)r->data;

	if (key)
		*key = (MDB_val){r->key_len, data};
	if (value)
		*value = (MDB_val){r->value_len, data + r->key_len};
}

int mdb_get(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
	const struct row *r = table_get(&txn->tables[table], key);

	if (!r)
		return MDB_NOTFOUND;
	row_give(r, NULL, value);
	return 0;
}

static int write_result(const MDB_txn *txn)
{
	assert(txn->write);
	switch (txn->env->disk->health) {
	case DISK_MAP_FULL:
		return MDB_MAP_FULL;
	case DISK_DEAD:
		return EIO;
	default:
		return 0;
	}
}

int mdb_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags)
{
	struct table *t = &txn->tables[table];
	int rc = write_result(txn);
	bool found;
	size_t at;
	struct row *r;

	if (rc != 0)
		return rc;
	at = table_place(t, key->mv_data, key->mv_size, &found);
	if ((found && (flags & MDB_NOOVERWRITE)) || ((flags & MDB_APPEND) && at < t->len))
		return MDB_KEYEXIST;
	r = row_new(key, value, flags & MDB_RESERVE);
	if (flags & MDB_RESERVE)
		row_give(r, NULL, value);
	change(txn, table, at, found, r, r);
	return 0;
}

int mdb_del(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
	struct table *t = &txn->tables[table];
	int rc = write_result(txn);
	bool found;
	size_t at;

	(void)value;
	if (rc != 0)
		return rc;
	at = table_place(t, key->mv_data, key->mv_size, &found);
	if (!found)
		return MDB_NOTFOUND;
	change(txn, table, at, true, t->rows[at].row, NULL);
	return 0;
}

int mdb_drop(MDB_txn *txn, MDB_dbi table, int del)
{
	const struct table *t = &txn->tables[table];
	int rc = write_result(txn);

	(void)del;
	while (rc == 0 && t->len > 0)
		change(txn, table, t->len - 1, true, t->rows[t->len - 1].row, NULL);
	return rc;
}

int mdb_stat(MDB_txn *txn, MDB_dbi table, MDB_stat *stat)
{
	*stat = (MDB_stat){.ms_entries = txn->tables[table].len};
	return 0;
}

/* --- cursors ---------------------------------------------------------------------------------- */

int mdb_cursor_open(MDB_txn *txn, MDB_dbi table, MDB_cursor **out)
{
	MDB_cursor *c = need(calloc(1, sizeof(*c)));

	c->txn = txn;
	c->table = table;
	*out = c;
	return 0;
}

void mdb_cursor_close(MDB_cursor *c)
{
	row_drop(c->at);
	free(c);
}

static struct table *cursor_table(const MDB_cursor *c)
{
	return &c->txn->tables[c->table];
}

static int cursor_to(MDB_cursor *c, size_t index, MDB_val *key, MDB_val *value)
{
	const struct table *t = cursor_table(c);

	if (index >= t->len)
		return MDB_NOTFOUND;
	row_drop(c->at);
	c->at = row_hold(t->rows[index].row);
	c->index = index;
	c->version = t->version;
	row_give(c->at, key, value);
	return 0;
}

/* Where the cursor's row is, or was: rows may have come and gone since. */
static size_t cursor_index(const MDB_cursor *c, bool *there)
{
	*there = true;
	if (c->version == cursor_table(c)->version)
		return c->index;
	return table_place(cursor_table(c), c->at->data, c->at->key_len, there);
}

int mdb_cursor_get(MDB_cursor *c, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
	struct table *t = cursor_table(c);
	bool there = true;
	size_t at = c->at ? cursor_index(c, &there) : 0;

	switch (op) {
	case MDB_FIRST:
		return cursor_to(c, 0, key, value);
	case MDB_LAST:
		return cursor_to(c, t->len - 1, key, value);
	case MDB_NEXT:
		return cursor_to(c, c->at && there ? at + 1 : at, key, value);
	case MDB_PREV:
		if (!c->at)
			at = t->len;
		return cursor_to(c, at - 1, key, value);
	case MDB_GET_CURRENT:
		return c->at && there ? cursor_to(c, at, key, value) : EINVAL;
	case MDB_SET:
	case MDB_SET_KEY:
		at = table_place(t, key->mv_data, key->mv_size, &there);
		return there ? cursor_to(c, at, key, value) : MDB_NOTFOUND;
	case MDB_SET_RANGE:
		at = table_place(t, key->mv_data, key->mv_size, &there);
		return cursor_to(c, at, key, value);
	default:
		abort();
	}
}

int mdb_cursor_put(MDB_cursor *c, MDB_val *key, MDB_val *value, unsigned flags)
{
	return mdb_put(c->txn, c->table, key, value, flags);
}

int mdb_cursor_del(MDB_cursor *c, unsigned flags)
{
	MDB_val key;

	(void)flags;
	if (!c->at)
		return EINVAL;
	row_give(c->at, &key, NULL);
	return mdb_del(c->txn, c->table, &key, NULL);
}

/* --- what the store calls only where there are files ------------------------------------------ */

int mdb_env_create(MDB_env **env)
{
	*env = NULL;
	return ENOSYS;
}

int mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
	(void)env, (void)path, (void)flags, (void)mode;
	return ENOSYS;
}

void mdb_env_close(MDB_env *env)
{
	assert(!env->writer && env->readers == 0);
}

/* What has been written has its room. */
int mdb_env_sync(MDB_env *env, int force)
{
	int rc = env->disk->health == DISK_FULL ? 0 : sync_result(env->disk, true);

	(void)force;
	if (rc == 0)
		loose_end(env);
	return rc;
}

int mdb_env_set_flags(MDB_env *env, unsigned flags, int on)
{
	assert(flags == MDB_NOSYNC);
	env->no_sync = on;
	return 0;
}

int mdb_env_get_fd(MDB_env *env, mdb_filehandle_t *fd)
{
	(void)env, (void)fd;
	return ENOSYS;
}

int mdb_env_get_path(MDB_env *env, const char **path)
{
	(void)env, (void)path;
	return ENOSYS;
}

int mdb_env_set_mapsize(MDB_env *env, size_t size)
{
	(void)env, (void)size;
	return 0;
}

int mdb_env_set_maxdbs(MDB_env *env, MDB_dbi dbs)
{
	(void)env, (void)dbs;
	return 0;
}

int mdb_env_set_maxreaders(MDB_env *env, unsigned readers)
{
	(void)env, (void)readers;
	return 0;
}

int mdb_env_info(MDB_env *env, MDB_envinfo *info)
{
	(void)env, (void)info;
	return ENOSYS;
}

int mdb_env_stat(MDB_env *env, MDB_stat *stat)
{
	(void)env, (void)stat;
	return ENOSYS;
}

int mdb_env_copyfd2(MDB_env *env, mdb_filehandle_t fd, unsigned flags)
{
	(void)env, (void)fd, (void)flags;
	return ENOSYS;
}

int mdb_reader_list(MDB_env *env, MDB_msg_func *func, void *ctx)
{
	(void)env, (void)func, (void)ctx;
	return 0;
}

int mdb_dbi_open(MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *dbi)
{
	(void)txn, (void)name, (void)flags, (void)dbi;
	return ENOSYS;
}

int mdb_reader_check(MDB_env *env, int *dead)
{
	(void)env;
	*dead = 0;
	return 0;
}

char *mdb_strerror(int code)
{
	return strerror(code);
}

/* --- disks ------------------------------------------------------------------------------------ */

struct disk *disk_new(void)
{
	struct disk *d = need(calloc(1, sizeof(*d)));

	for (unsigned i = 0; i < ENVS; i++)
		d->envs[i].disk = d;
	d->guard = buf_with_max((size_t)1 << 20);
	d->journal = buf_with_max(STORE_REDO_MAX);
	return d;
}

struct disk *disk_copy(const struct disk *d)
{
	struct disk *copy = disk_new();

	for (unsigned i = 0; i < ENVS * DB_TABLES_MAX; i++) {
		const struct table *from = &d->envs[i / DB_TABLES_MAX].tables[i % DB_TABLES_MAX];
		struct table *to = &copy->envs[i / DB_TABLES_MAX].tables[i % DB_TABLES_MAX];

		assert(!d->envs[i / DB_TABLES_MAX].writer);
		table_copy(to, from);
	}
	copy->bytes = d->bytes;
	copy->has_guard = d->has_guard;
	buf_bytes(&copy->guard, buf_view(&d->guard));
	return copy;
}

void disk_free(struct disk *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < ENVS; i++) {
		undo_forget(&d->envs[i]);
		free(d->envs[i].undo);
		for (unsigned k = 0; k < DB_TABLES_MAX; k++)
			table_free(&d->envs[i].tables[k]);
	}
	buf_free(&d->guard);
	buf_free(&d->journal);
	free(d);
}

void disk_kill(struct disk *d)
{
	d->health = DISK_DEAD;
}

void disk_revive(struct disk *d)
{
	d->health = DISK_WELL;
}

void disk_health_set(struct disk *d, enum disk_health health)
{
	if (d->health != DISK_DEAD)
		d->health = health;
}

enum disk_health disk_health(const struct disk *d)
{
	return d->health;
}

size_t disk_bytes(const struct disk *d)
{
	return d->bytes;
}

uint64_t disk_commits(const struct disk *d)
{
	return d->commits;
}

/* --- the guard file --------------------------------------------------------------------------- */

int disk_guard_write(struct disk *d, struct bytes text, struct bytes redo)
{
	/* A slot in place needs no room. */
	if (d->health == DISK_FULL && redo.len == 0)
		return ENT_EFULL;
	/* Of a sync that failed nobody knows what it has done. */
	if (d->health == DISK_DEAD || (d->health == DISK_NO_SYNC && d->commits % 2 == 0))
		return ENT_EIO;
	buf_reset(&d->guard);
	buf_bytes(&d->guard, text);
	buf_reset(&d->journal);
	buf_bytes(&d->journal, redo);
	d->has_guard = true;
	return d->health == DISK_NO_SYNC ? ENT_EIO : 0;
}

bool disk_guard_read(const struct disk *d, struct bytes *text)
{
	*text = buf_view(&d->guard);
	return d->has_guard;
}

void disk_guard_remove(struct disk *d)
{
	d->has_guard = false;
	buf_reset(&d->guard);
	buf_reset(&d->journal);
}

/* --- the store on it -------------------------------------------------------------------------- */

/* As truth_create does it for a new store. */
static int truth_found(struct store *s, const struct env_rng *rng)
{
	MDB_val schema_key = db_val(".schema", strlen(".schema"));
	MDB_val id_key = db_val(".id", strlen(".id"));
	MDB_val value;
	uint8_t schema[4];
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->log.env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	if (mdb_get(txn, s->log.tables[LOG_META], &id_key, &value) == 0) {
		memcpy(s->id, value.mv_data, sizeof(s->id));
		mdb_txn_abort(txn);
		return 0;
	}
	be32_put(schema, STORE_SCHEMA);
	value = db_val(schema, sizeof(schema));
	if (mdb_put(txn, s->log.tables[LOG_META], &schema_key, &value, 0) != 0)
		goto failed;
	env_random(rng, s->id, sizeof(s->id));
	value = db_val(s->id, sizeof(s->id));
	if (mdb_put(txn, s->log.tables[LOG_META], &id_key, &value, 0) != 0)
		goto failed;
	return mdb_txn_commit(txn);
failed:
	mdb_txn_abort(txn);
	return EIO;
}

/*
 * What the machine had not synced when it died: gone, as after a step back, or there after all.
 * Then what the journal tells of is done again, if it follows; this is what store_open does.
 */
static int journal_finish(struct disk *d, struct store *s)
{
	MDB_env *env = &d->envs[ENV_LOG];
	bool done = false;
	int rc = 0;

	if (env->loose && d->commits % 3 != 0)
		roll_back(env);
	else
		loose_end(env);
	env->loose = env->no_sync = false;
	if (d->journal.len > 0)
		rc = redo_replay(s, buf_view(&d->journal), &done);
	if (done)
		MARK("done-again");
	if (rc == 0)
		buf_reset(&d->journal);
	return rc;
}

int disk_store_open(struct disk *d, const struct env_rng *rng, struct store **out)
{
	struct store *s = need(calloc(1, sizeof(*s)));

	s->lock_fd = -1;
	s->mode = STORE_WRITE;
	s->txn.store = s;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->readers_gone, NULL);
	s->log.env = &d->envs[ENV_LOG];
	s->index.env = &d->envs[ENV_INDEX];
	for (MDB_dbi i = 0; i < DB_TABLES_MAX; i++)
		s->log.tables[i] = s->index.tables[i] = i;
	*out = s;
	if (journal_finish(d, s) == 0 && truth_found(s, rng) == 0)
		return 0;
	disk_store_close(s);
	*out = NULL;
	return ENT_EIO;
}

void disk_store_close(struct store *s)
{
	if (!s)
		return;
	if (s->index.spare)
		mdb_txn_abort(s->index.spare);
	s->doubt = true;     /* a program that ends, ends without a word: nothing is synced */
	s->index.env = NULL; /* nothing of it lies in a file that would have to be marked clean */
	store_close(s);
}
