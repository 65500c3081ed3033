/* SPDX-License-Identifier: EUPL-1.2 */
/* Two tables of keys without values: sixteen bytes, what is looked for and where it lies. */
#include "floor/floor.h"

#include <stdlib.h>

#include "base/bytes.h"

#define MAP_BYTES (64ull << 30)

static void lmdb(int rc, const char *what)
{
	if (rc != 0)
		fprintf(stderr, "floor: %s\n", mdb_strerror(rc));
	floor_check(rc == 0 ? 0 : ENT_EIO, what);
}

void floor_index_open(struct floor_index *x, const char *dir)
{
	MDB_txn *txn;

	*x = (struct floor_index){.values = calloc(FLOOR_GROUP, sizeof(*x->values)),
		.times = calloc(FLOOR_GROUP, sizeof(*x->times))};
	floor_check(x->values && x->times ? 0 : ENT_ENOMEM, "index");
	lmdb(mdb_env_create(&x->env), "index");
	lmdb(mdb_env_set_maxdbs(x->env, 2), "index");
	lmdb(mdb_env_set_mapsize(x->env, MAP_BYTES), "index");
	lmdb(mdb_env_open(x->env, dir, MDB_NOSYNC | MDB_NOMEMINIT, 0600), dir);
	lmdb(mdb_txn_begin(x->env, NULL, 0, &txn), "index");
	lmdb(mdb_dbi_open(txn, "value", MDB_CREATE, &x->value), "index");
	lmdb(mdb_dbi_open(txn, "time", MDB_CREATE, &x->time), "index");
	lmdb(mdb_txn_commit(txn), "index");
}

bool floor_index_add(struct floor_index *x, uint64_t value, uint64_t time, uint64_t place)
{
	x->values[x->len] = (struct floor_key){value, place};
	x->times[x->len] = (struct floor_key){time, place};
	return ++x->len == FLOOR_GROUP;
}

static int key_cmp(const void *a, const void *b)
{
	const struct floor_key *one = a, *other = b;

	if (one->what != other->what)
		return one->what < other->what ? -1 : 1;
	return (one->place > other->place) - (one->place < other->place);
}

/* In order of the keys, so that every page is come to once. */
static void table_write(MDB_txn *txn, MDB_dbi dbi, struct floor_key *keys, size_t len)
{
	MDB_cursor *cursor;

	qsort(keys, len, sizeof(*keys), key_cmp);
	lmdb(mdb_cursor_open(txn, dbi, &cursor), "cursor");
	for (size_t i = 0; i < len; i++) {
		uint8_t raw[16];
		MDB_val key = {sizeof(raw), raw}, none = {0, raw};

		be64_put(raw, keys[i].what);
		be64_put(raw + 8, keys[i].place);
		lmdb(mdb_cursor_put(cursor, &key, &none, 0), "put");
	}
	mdb_cursor_close(cursor);
}

void floor_index_write(struct floor_index *x)
{
	MDB_txn *txn;

	lmdb(mdb_txn_begin(x->env, NULL, 0, &txn), "begin");
	table_write(txn, x->value, x->values, x->len);
	table_write(txn, x->time, x->times, x->len);
	lmdb(mdb_txn_commit(txn), "commit");
	x->len = 0;
}

uint64_t floor_index_count(struct floor_index *x)
{
	MDB_stat value, time;
	MDB_txn *txn;

	lmdb(mdb_txn_begin(x->env, NULL, MDB_RDONLY, &txn), "begin");
	lmdb(mdb_stat(txn, x->value, &value), "stat");
	lmdb(mdb_stat(txn, x->time, &time), "stat");
	mdb_txn_abort(txn);
	return value.ms_entries == time.ms_entries ? value.ms_entries : 0;
}

void floor_index_close(struct floor_index *x)
{
	mdb_env_close(x->env);
	free(x->values);
	free(x->times);
}
