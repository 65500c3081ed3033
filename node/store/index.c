/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The index thread's work: what arrived since is read from the truth, its keys gathered, sorted and
 * put in order. Random keys put one by one touch a page each and are what decays first as a store
 * grows; sorted ones share pages as long as a group is not small beside the table.
 */
#include "store/impl.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "intel/value.h"

#define GROUP_ENTRIES_MAX  (1u << 18)
#define RULE_MAX           255

#define RULE_UNREADABLE    "unreadable"
#define RULE_NOT_CANONICAL "not-canonical"

/* Keys of one table, of one length, before they are put. */
struct group {
	size_t key_len;
	uint8_t *keys;
	size_t len;
};

struct step {
	struct store *store;
	const struct store_index_ops *ops;
	struct store_reader reader;
	MDB_txn *txn;
	struct index_state state;
	struct group values, objects, expiries, unlisted;
	struct arena arena;
	uint32_t log; /* whose name is at hand; 0: none */
	struct log_name name;
	uint64_t floor; /* of that log: what lies below it is not indexed */
};

void index_value_hash(const struct store *s, uint8_t out[8], unsigned type, struct bytes value)
{
	uint8_t raw[1 + RECORD_VALUE_MAX];

	assert(value.len <= RECORD_VALUE_MAX);
	raw[0] = (uint8_t)type;
	if (value.len)
		memcpy(raw + 1, value.data, value.len);
	crypto_shorthash(out, raw, 1 + value.len, s->index_hash_key);
}

/* --- state ------------------------------------------------------------------------------------ */

#define STATE_KEY   "state"
#define STATE_BYTES 48

int index_state_get(struct store *s, MDB_txn *txn, struct index_state *state)
{
	MDB_val key = db_val(STATE_KEY, strlen(STATE_KEY));
	MDB_val value;
	struct cursor c;
	int rc = mdb_get(txn, s->index.tables[INDEX_META], &key, &value);

	memset(state, 0, sizeof(*state));
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : db_err(rc);
	c = cursor_of(db_bytes(value));
	state->position = cursor_u64(&c);
	state->counts.records = cursor_u64(&c);
	state->counts.values = cursor_u64(&c);
	state->counts.hidden = cursor_u64(&c);
	state->erased = cursor_u64(&c);
	state->floors = cursor_u64(&c);
	return cursor_done(&c) ? 0 : ENT_ECORRUPT;
}

int index_state_put(struct store *s, MDB_txn *txn, const struct index_state *state)
{
	uint8_t raw[STATE_BYTES];
	MDB_val key = db_val(STATE_KEY, strlen(STATE_KEY));
	MDB_val value = db_val(raw, sizeof(raw));

	be64_put(raw, state->position);
	be64_put(raw + 8, state->counts.records);
	be64_put(raw + 16, state->counts.values);
	be64_put(raw + 24, state->counts.hidden);
	be64_put(raw + 32, state->erased);
	be64_put(raw + 40, state->floors);
	return db_err(mdb_put(txn, s->index.tables[INDEX_META], &key, &value, 0));
}

/* --- groups ----------------------------------------------------------------------------------- */

static int group_init(struct group *g, size_t key_len, size_t entries_max)
{
	g->key_len = key_len;
	g->keys = malloc(key_len * entries_max);
	return g->keys ? 0 : ENT_ENOMEM;
}

static uint8_t *group_add(struct group *g)
{
	return g->keys + g->key_len * g->len++;
}

static int key16_cmp(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static int key28_cmp(const void *a, const void *b)
{
	return memcmp(a, b, 28);
}

_Static_assert(VALUE_KEY_BYTES == 16 && EXPIRY_KEY_BYTES == 16 && OBJECT_KEY_BYTES == 28,
	"comparisons are of fixed length");

/* Is no key with the first eight bytes of this one in the table? */
static int prefix_is_new(MDB_cursor *cursor, const uint8_t *key, bool *is_new)
{
	uint8_t least[VALUE_KEY_BYTES] = {0};
	MDB_val at = db_val(least, sizeof(least));
	MDB_val value;
	int rc;

	memcpy(least, key, 8);
	rc = mdb_cursor_get(cursor, &at, &value, MDB_SET_RANGE);
	*is_new = rc == MDB_NOTFOUND || (rc == 0 && memcmp(at.mv_data, key, 8) != 0);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/*
 * Puts the keys of a group in order. Those beyond the table's last are appended, which leaves full
 * pages where LMDB would split each in half. prefixes_new, if not NULL, grows by the number of
 * different eight-byte prefixes that the table had not.
 */
static int group_put(struct group *g, MDB_cursor *cursor, uint64_t *prefixes_new)
{
	uint8_t last[OBJECT_KEY_BYTES];
	MDB_val key, value;
	int rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
	bool append = rc == MDB_NOTFOUND;

	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	if (rc == 0)
		memcpy(last, key.mv_data, g->key_len);
	for (size_t i = 0; i < g->len; i++) {
		const uint8_t *at = g->keys + i * g->key_len;
		bool is_new = false;

		append = append || memcmp(at, last, g->key_len) > 0;
		if (prefixes_new && (i == 0 || memcmp(at, at - g->key_len, 8) != 0)) {
			if ((rc = prefix_is_new(cursor, at, &is_new)) != 0)
				return rc;
			*prefixes_new += is_new;
		}
		key = db_val(at, g->key_len);
		value = db_val(NULL, 0);
		rc = mdb_cursor_put(cursor, &key, &value, append ? MDB_APPEND : 0);
		if (rc)
			return rc;
	}
	return 0;
}

static int group_store(struct step *st, struct group *g, enum index_table table,
	uint64_t *prefixes_new)
{
	MDB_cursor *cursor;
	int rc;

	if (g->len == 0)
		return 0;
	qsort(g->keys, g->len, g->key_len, g->key_len == 16 ? key16_cmp : key28_cmp);
	rc = mdb_cursor_open(st->txn, st->store->index.tables[table], &cursor);
	if (rc)
		return db_err(rc);
	rc = group_put(g, cursor, prefixes_new);
	mdb_cursor_close(cursor);
	return db_err(rc);
}

/* --- entries ---------------------------------------------------------------------------------- */

bool index_is_record(const struct entry_header *h)
{
	if (h->version != ENTRY_VERSION)
		return false;
	switch (h->kind) {
	case KIND_INDICATOR:
	case KIND_SIGHTING:
	case KIND_OPINION:
	case KIND_RETRACTION:
	case KIND_ERASURE:
	case KIND_OBJECT:
	case KIND_SUCCESSION:
		return true;
	default:
		return false;
	}
}

const char *index_read(struct arena *a, const struct store_entry *e, struct index_reading *out)
{
	struct record_object object;

	out->value = BYTES_NONE;
	out->valid_until = 0;
	out->has_indicator = false;
	if (e->entry.erased)
		return NULL;
	if (e->header.kind == KIND_INDICATOR) {
		if (record_indicator_decode(e->entry.body, a, &out->indicator) != 0)
			return RULE_UNREADABLE;
		if (!value_is_canonical((enum type)e->header.type, out->indicator.value))
			return RULE_NOT_CANONICAL;
		out->has_indicator = true;
		out->type = e->header.type;
		out->value = out->indicator.value;
		out->valid_until = out->indicator.valid_until;
	}
	if (e->header.kind == KIND_OBJECT) {
		if (record_object_decode(e->entry.body, a, &object) != 0)
			return RULE_UNREADABLE;
		if (!value_is_canonical(TYPE_STIX, object.stix_id))
			return RULE_NOT_CANONICAL;
		out->type = TYPE_STIX;
		out->value = object.stix_id;
	}
	return NULL;
}

/* The name of the log that an entry is of; entries of one log come in rows. */
static int log_name_take(struct step *st, uint32_t number)
{
	struct store_log log;
	int rc;

	if (number == st->log)
		return 0;
	if ((rc = store_log_at(&st->reader, number, &log)) != 0)
		return rc;
	st->log = number;
	st->name = log.name;
	st->floor = log.floor;
	return 0;
}

int index_hidden_put(struct store *s, MDB_txn *txn, struct store_place place, const char *rule)
{
	uint8_t raw[PLACE_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value = db_val(rule, strlen(rule) + 1);

	assert(value.mv_size <= RULE_MAX + 1);
	place_put(raw, place);
	return db_err(mdb_put(txn, s->index.tables[INDEX_HIDDEN], &key, &value, 0));
}

static void record_gather(struct step *st, const struct store_entry *e,
	const struct index_reading *r)
{
	uint8_t *key = group_add(&st->objects);

	object_key_put(key, e->header.object, e->log, e->index);
	if (r->value.len > 0) {
		key = group_add(&st->values);
		index_value_hash(st->store, key, r->type, r->value);
		place_put(key + 8, e->place);
	}
	if (r->valid_until > 0) {
		key = group_add(&st->expiries);
		be64_put(key, r->valid_until);
		place_put(key + 8, e->place);
	}
	st->state.counts.records++;
}

/* What no look-up finds is still found by an erasure. */
static void unlisted_gather(struct step *st, const struct store_entry *e)
{
	object_key_put(group_add(&st->unlisted), e->header.object, e->log, e->index);
}

static int entry_index(struct step *st, const struct store_entry *e)
{
	struct index_reading reading;
	const char *rule;

	if (e->index < st->floor || e->header.version != ENTRY_VERSION)
		return 0;
	if (!index_is_record(&e->header)) {
		unlisted_gather(st, e);
		return 0;
	}
	arena_reset(&st->arena);
	rule = index_read(&st->arena, e, &reading);
	if (!rule && st->ops)
		rule = st->ops->hidden(st->ops->ctx, &st->name, e,
			reading.has_indicator ? &reading.indicator : NULL);
	if (rule) {
		unlisted_gather(st, e);
		st->state.counts.hidden++;
		return index_hidden_put(st->store, st->txn, e->place, rule);
	}
	record_gather(st, e, &reading);
	return 0;
}

/* Takes whole bundles, so that the position is an arrival number. 1: there is more. */
static int entries_gather(struct step *st, uint32_t entries_max)
{
	struct store_place at = {st->state.position + 1, 0};
	struct store_entry e;
	uint32_t count = 0;
	int rc;

	while ((rc = store_entry_next(&st->reader, at, &e)) == 0) {
		if (e.place.slot == 0 && count > 0 && count + st->reader.bundle.count > entries_max)
			return 1;
		if ((rc = log_name_take(st, e.log)) != 0)
			return rc;
		/* A provenance log has acts, not records: it is passed over. */
		if (st->name.audience.kind == AUDIENCE_PROVENANCE)
			e.place.slot = st->reader.bundle.count - 1;
		else if ((rc = entry_index(st, &e)) != 0)
			return rc;
		count++;
		st->state.position = e.place.arrival;
		at = (struct store_place){e.place.arrival, e.place.slot + 1};
	}
	return rc == ENT_ENOTFOUND ? 0 : rc;
}

static int step_store(struct step *st)
{
	int rc;

	if ((rc = group_store(st, &st->values, INDEX_VALUE, &st->state.counts.values)) != 0 ||
		(rc = group_store(st, &st->objects, INDEX_OBJECT, NULL)) != 0 ||
		(rc = group_store(st, &st->expiries, INDEX_EXPIRY, NULL)) != 0 ||
		(rc = group_store(st, &st->unlisted, INDEX_UNLISTED, NULL)) != 0)
		return rc;
	return index_state_put(st->store, st->txn, &st->state);
}

/* Gathers and puts, in the open transaction. 1: there is more. */
static int step_run(struct step *st, uint32_t entries_max)
{
	/* The first bundle is taken whatever its size. */
	size_t keys_max = entries_max > BUNDLE_ENTRIES_MAX ? entries_max : BUNDLE_ENTRIES_MAX;
	int more, rc;

	if ((rc = index_state_get(st->store, st->txn, &st->state)) != 0 ||
		(rc = group_init(&st->values, VALUE_KEY_BYTES, keys_max)) != 0 ||
		(rc = group_init(&st->objects, OBJECT_KEY_BYTES, keys_max)) != 0 ||
		(rc = group_init(&st->expiries, EXPIRY_KEY_BYTES, keys_max)) != 0 ||
		(rc = group_init(&st->unlisted, OBJECT_KEY_BYTES, keys_max)) != 0)
		return rc;
	more = entries_gather(st, entries_max);
	if (more < 0)
		return more;
	rc = step_store(st);
	return rc ? rc : more;
}

int store_index_step(struct store *s, const struct store_index_ops *ops, uint32_t entries_max)
{
	struct step st = {.store = s, .ops = ops};
	int rc, committed;

	assert(s->mode == STORE_WRITE);
	if (entries_max > GROUP_ENTRIES_MAX)
		entries_max = GROUP_ENTRIES_MAX;
	store_grow(s, &s->index);
	if ((rc = reader_begin(s, false, &st.reader)) != 0)
		return rc;
	rc = db_err(mdb_txn_begin(s->index.env, NULL, 0, &st.txn));
	if (rc == 0) {
		rc = step_run(&st, entries_max);
		if (rc < 0)
			mdb_txn_abort(st.txn);
		else if ((committed = db_commit(&s->index, st.txn)) != 0)
			rc = committed;
	}
	free(st.values.keys);
	free(st.objects.keys);
	free(st.expiries.keys);
	free(st.unlisted.keys);
	arena_free(&st.arena);
	reader_end(&st.reader);
	return rc;
}

int store_index_drop(struct store *s)
{
	static const enum index_table tables[] = {INDEX_VALUE, INDEX_OBJECT, INDEX_EXPIRY,
		INDEX_HIDDEN, INDEX_UNLISTED, INDEX_FLOORS};
	const struct index_state empty = {0};
	MDB_txn *txn;
	int rc;

	assert(s->mode == STORE_WRITE);
	if ((rc = mdb_txn_begin(s->index.env, NULL, 0, &txn)) != 0)
		return db_err(rc);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && rc == 0; i++)
		rc = mdb_drop(txn, s->index.tables[tables[i]], 0);
	/* The truth may be another since its unsigned tail was dropped. */
	if (rc == 0)
		rc = index_about_put(s, txn);
	rc = rc ? db_err(rc) : index_state_put(s, txn, &empty);
	if (rc == 0)
		return db_commit(&s->index, txn);
	mdb_txn_abort(txn);
	return rc;
}
