/* SPDX-License-Identifier: EUPL-1.2 */
/* Looking into tables and runs together. */
#include "store/impl.h"

#include <assert.h>

_Static_assert(INDEX_OBJECT - INDEX_VALUE == PART_OBJECT &&
		       INDEX_EXPIRY - INDEX_VALUE == PART_EXPIRY &&
		       INDEX_UNLISTED - INDEX_VALUE == PART_UNLISTED,
	"parts are tables");
_Static_assert(OBJECT_KEY_BYTES == INDEX_KEY_BYTES_MAX, "keys are as long as runs have them");
_Static_assert(VALUE_KEY_BYTES == 16, "keys are as long as runs have them");
_Static_assert(EXPIRY_KEY_BYTES == 16, "keys are as long as runs have them");

static MDB_dbi table_of(const struct index_view *v, enum index_part part)
{
	return v->store->index.tables[INDEX_VALUE + part];
}

/* --- opening ---------------------------------------------------------------------------------- */

int index_empty_parts(struct store *s, MDB_txn *txn, unsigned *parts)
{
	*parts = 0;
	for (unsigned part = 0; part < INDEX_PARTS; part++) {
		MDB_stat stat;
		int rc = mdb_stat(txn, s->index.tables[INDEX_VALUE + part], &stat);

		if (rc)
			return db_err(rc);
		*parts |= (unsigned)(stat.ms_entries == 0) << part;
	}
	return 0;
}

int index_scan_open(struct index_scan *sc, const struct index_view *view, enum index_part part)
{
	MDB_stat stat;
	int rc;

	sc->view = view;
	sc->part = part;
	sc->key_len = index_key_len(part);
	sc->prefix_len = 0;
	sc->fresh = NULL;
	sc->fresh_at = NULL;
	sc->runs_len = 0;
	if (!view->txn || view->empty_parts & 1u << part)
		return 0;
	if ((rc = mdb_stat(view->txn, table_of(view, part), &stat)) != 0)
		return db_err(rc);
	if (stat.ms_entries == 0)
		return 0;
	return db_err(mdb_cursor_open(view->txn, table_of(view, part), &sc->fresh));
}

void index_scan_close(struct index_scan *sc)
{
	if (sc->fresh)
		mdb_cursor_close(sc->fresh);
	sc->fresh = NULL;
}

/* --- forward ---------------------------------------------------------------------------------- */

static bool begins(const struct index_scan *sc, const uint8_t *key)
{
	return memcmp(key, sc->prefix, sc->prefix_len) == 0;
}

static int fresh_move(struct index_scan *sc, MDB_val key, MDB_cursor_op op)
{
	MDB_val value;
	int rc = mdb_cursor_get(sc->fresh, &key, &value, op);

	sc->fresh_at = NULL;
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : db_err(rc);
	if (key.mv_size != sc->key_len)
		return ENT_ECORRUPT;
	if (begins(sc, key.mv_data))
		sc->fresh_at = key.mv_data;
	return 0;
}

/* Takes up the runs that have a key to offer. */
static void runs_seek(struct index_scan *sc, const uint8_t *least)
{
	const struct runs *runs = sc->view->runs;

	sc->runs_len = 0;
	for (unsigned i = 0; runs && sc->prefix_len >= 8 && i < runs->list.len; i++)
		index_run_prefetch(runs->runs[i], sc->part, least);
	for (unsigned i = runs ? runs->list.len : 0; i-- > 0;) {
		const struct index_run *run = runs->runs[i];
		uint64_t at;

		if (sc->prefix_len >= 8 && !index_run_may_have(run, sc->part, least))
			continue;
		at = index_run_lower(run, sc->part, least);
		if (at == run->parts[sc->part].count ||
			!begins(sc, index_run_key(run, sc->part, at)))
			continue;
		sc->runs[sc->runs_len].at = index_run_key(run, sc->part, at);
		sc->runs[sc->runs_len++].end =
			index_run_key(run, sc->part, run->parts[sc->part].count);
	}
}

int index_scan_seek(struct index_scan *sc, const uint8_t *least, size_t prefix_len)
{
	uint8_t raw[INDEX_KEY_BYTES_MAX];

	memcpy(raw, least, sc->key_len);
	index_key_encode(raw, sc->key_len);
	memcpy(sc->prefix, raw, sc->key_len);
	assert(prefix_len <= sc->key_len - 8);
	sc->prefix_len = prefix_len;
	runs_seek(sc, raw);
	return sc->fresh ? fresh_move(sc, db_val(raw, sc->key_len), MDB_SET_RANGE) : 0;
}

/* The least key that a source offers; of the same the newest. NULL: none. */
static const uint8_t *least_of(const struct index_scan *sc)
{
	const uint8_t *least = sc->fresh_at;

	for (unsigned i = 0; i < sc->runs_len; i++)
		if (sc->runs[i].at &&
			(!least || index_key_cmp(sc->runs[i].at, least, sc->key_len) < 0))
			least = sc->runs[i].at;
	return least;
}

/* Steps over a key wherever it is offered. */
static int step_over(struct index_scan *sc, const uint8_t *key)
{
	for (unsigned i = 0; i < sc->runs_len; i++) {
		const uint8_t *at = sc->runs[i].at;

		if (!at || index_key_cmp(at, key, sc->key_len) != 0)
			continue;
		at += sc->key_len;
		sc->runs[i].at = at < sc->runs[i].end && begins(sc, at) ? at : NULL;
	}
	if (!sc->fresh_at || index_key_cmp(sc->fresh_at, key, sc->key_len) != 0)
		return 0;
	return fresh_move(sc, db_val(NULL, 0), MDB_NEXT);
}

int index_scan_next(struct index_scan *sc)
{
	const uint8_t *least;

	while ((least = least_of(sc))) {
		bool removes = index_key_removes(least, sc->key_len);
		int rc;

		memcpy(sc->key, least, sc->key_len);
		if ((rc = step_over(sc, sc->key)) != 0)
			return rc;
		if (removes)
			continue;
		index_key_decode(sc->key, sc->key_len);
		return 1;
	}
	return 0;
}

int index_prefix_stands(struct index_scan *sc, const uint8_t *prefix)
{
	uint8_t least[INDEX_KEY_BYTES_MAX] = {0};
	int rc;

	memcpy(least, prefix, 8);
	rc = index_scan_seek(sc, least, 8);
	return rc ? rc : index_scan_next(sc);
}

/* --- backward --------------------------------------------------------------------------------- */

/* The last key of the table that is less. */
static int fresh_before(struct index_scan *sc, const uint8_t *bound)
{
	MDB_val key = db_val(bound, sc->key_len), value;
	int rc = mdb_cursor_get(sc->fresh, &key, &value, MDB_SET_RANGE);

	return fresh_move(sc, key, rc == 0 ? MDB_PREV : MDB_LAST);
}

static int before_once(struct index_scan *sc, const uint8_t *bound, const uint8_t **last)
{
	const struct runs *runs = sc->view->runs;
	int rc = sc->fresh ? fresh_before(sc, bound) : 0;

	*last = sc->fresh_at;
	for (unsigned i = runs ? runs->list.len : 0; rc == 0 && i-- > 0;) {
		const struct index_run *run = runs->runs[i];
		const uint8_t *key;
		uint64_t at;

		if (!index_run_may_have(run, sc->part, bound) ||
			(at = index_run_lower(run, sc->part, bound)) == 0)
			continue;
		key = index_run_key(run, sc->part, at - 1);
		if (begins(sc, key) && (!*last || index_key_cmp(key, *last, sc->key_len) > 0))
			*last = key;
	}
	return rc;
}

int index_scan_before(struct index_scan *sc, const uint8_t *bound, size_t prefix_len)
{
	uint8_t raw[INDEX_KEY_BYTES_MAX];
	const uint8_t *last;
	int rc;

	assert(prefix_len >= 8 && prefix_len <= sc->key_len - 8);
	memcpy(raw, bound, sc->key_len);
	index_key_encode(raw, sc->key_len);
	memcpy(sc->prefix, raw, sc->key_len);
	sc->prefix_len = prefix_len;
	while ((rc = before_once(sc, raw, &last)) == 0 && last) {
		bool removes = index_key_removes(last, sc->key_len);

		memcpy(sc->key, last, sc->key_len);
		if (!removes) {
			index_key_decode(sc->key, sc->key_len);
			return 1;
		}
		/* What is taken out: on with what is less. */
		memcpy(raw, sc->key, sc->key_len);
		raw[sc->key_len - 1] &= 0xfe;
	}
	return rc;
}

/* --- single keys ------------------------------------------------------------------------------ */

enum word {
	NOTHING,
	PUT,
	TAKEN,
};

/* What the newest run says of a key. */
static enum word runs_word(const struct index_view *v, enum index_part part, const uint8_t *key)
{
	size_t len = index_key_len(part);

	for (unsigned i = v->runs ? v->runs->list.len : 0; i-- > 0;) {
		const struct index_run *run = v->runs->runs[i];
		uint64_t at;

		if (!index_run_may_have(run, part, key))
			continue;
		at = index_run_lower(run, part, key);
		if (at < run->parts[part].count &&
			index_key_cmp(index_run_key(run, part, at), key, len) == 0)
			return index_key_removes(index_run_key(run, part, at), len) ? TAKEN : PUT;
	}
	return NOTHING;
}

/* What the table says of an encoded key, and then the runs. */
static int words_get(const struct index_view *v, enum index_part part, uint8_t *raw,
	enum word *fresh, enum word *runs)
{
	size_t len = index_key_len(part);
	MDB_val key = db_val(raw, len), value;
	int rc = mdb_get(v->txn, table_of(v, part), &key, &value);

	*fresh = rc == 0 ? PUT : NOTHING;
	if (rc == MDB_NOTFOUND) {
		raw[len - 1] |= 1;
		rc = mdb_get(v->txn, table_of(v, part), &key, &value);
		raw[len - 1] &= 0xfe;
		*fresh = rc == 0 ? TAKEN : NOTHING;
	}
	*runs = runs_word(v, part, raw);
	return rc == MDB_NOTFOUND ? 0 : db_err(rc);
}

static int table_put(const struct index_view *v, enum index_part part, uint8_t *raw, bool removes)
{
	size_t len = index_key_len(part);
	MDB_val key = db_val(raw, len), value = db_val(NULL, 0);

	raw[len - 1] |= removes;
	return db_err(mdb_put(v->txn, table_of(v, part), &key, &value, 0));
}

static int table_del(const struct index_view *v, enum index_part part, uint8_t *raw, bool removes)
{
	size_t len = index_key_len(part);
	MDB_val key = db_val(raw, len);
	int rc;

	raw[len - 1] |= removes;
	rc = db_err(mdb_del(v->txn, table_of(v, part), &key, NULL));
	raw[len - 1] &= 0xfe;
	return rc;
}

int index_key_put(const struct index_view *v, enum index_part part, const uint8_t *key)
{
	uint8_t raw[INDEX_KEY_BYTES_MAX];
	enum word fresh, runs;
	int rc;

	memcpy(raw, key, index_key_len(part));
	index_key_encode(raw, index_key_len(part));
	if ((rc = words_get(v, part, raw, &fresh, &runs)) != 0)
		return rc;
	if (fresh == PUT || (fresh == NOTHING && runs == PUT))
		return 0;
	if (fresh == TAKEN && (rc = table_del(v, part, raw, true)) != 0)
		return rc;
	rc = runs == PUT ? 0 : table_put(v, part, raw, false);
	return rc ? rc : 1;
}

int index_key_del(const struct index_view *v, enum index_part part, const uint8_t *key)
{
	uint8_t raw[INDEX_KEY_BYTES_MAX];
	enum word fresh, runs;
	int rc;

	memcpy(raw, key, index_key_len(part));
	index_key_encode(raw, index_key_len(part));
	if ((rc = words_get(v, part, raw, &fresh, &runs)) != 0)
		return rc;
	if (fresh == TAKEN || (fresh == NOTHING && runs != PUT))
		return 0;
	if (fresh == PUT && (rc = table_del(v, part, raw, false)) != 0)
		return rc;
	rc = runs == PUT ? table_put(v, part, raw, true) : 0;
	return rc ? rc : 1;
}
