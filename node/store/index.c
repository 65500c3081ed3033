/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The index thread's work: what arrived since is read from the truth, its keys gathered and sorted.
 * Few are put into tables, which stay small; many, and what the tables hold by then, become a run
 * (index_runs.h). A random key in a large table would cost a page; in a run it costs its own bytes,
 * once and again with every merge.
 */
#include "store/impl.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "intel/value.h"

#define GROUP_ENTRIES_MAX (1u << 18)
#define RULE_MAX          255

/* The memory is asked so far ahead of what is read: a few entries. */
#define ENTRIES_AHEAD_BYTES 1024

#define RULE_UNREADABLE     "unreadable"
#define RULE_NOT_CANONICAL  "not-canonical"

/* Keys of one part, encoded, before they are put. */
struct group {
	uint8_t *keys;
	size_t len;
};

struct step {
	struct store *store;
	const struct store_index_ops *ops;
	struct store_reader reader;
	struct index_view view;
	struct index_state state;
	struct group groups[INDEX_PARTS];
	uint64_t number; /* of the run that this step makes; 0: none */
	struct arena arena;
	struct record_memo memo; /* a list's bodies differ in their values alone */
	uint32_t log;            /* whose name is at hand; 0: none */
	struct log_name name;
	uint64_t floor; /* of that log: what lies below it is not indexed */
	uint64_t over;  /* and up to where bodies may not be held */
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

static int groups_init(struct step *st, size_t entries_max)
{
	for (unsigned part = 0; part < INDEX_PARTS; part++) {
		st->groups[part].keys = malloc(index_key_len(part) * entries_max);
		if (!st->groups[part].keys)
			return ENT_ENOMEM;
	}
	return 0;
}

static uint8_t *group_add(struct step *st, enum index_part part)
{
	return st->groups[part].keys + index_key_len(part) * st->groups[part].len++;
}

static int groups_sort(struct step *st)
{
	int rc = 0;

	for (unsigned part = 0; part < INDEX_PARTS && rc == 0; part++) {
		struct group *g = &st->groups[part];
		size_t len = index_key_len(part);

		for (size_t i = 0; i < g->len; i++)
			index_key_encode(g->keys + i * len, len);
		rc = index_keys_sort(g->keys, g->len, part);
	}
	return rc;
}

/* Which of the group's keys any run may have: run after run, whose filters are then gone through in
 * their order. What the tables hold is not known so. */
static void values_look(const struct step *st, const struct index_scan *sc, uint8_t *may)
{
	const struct group *g = &st->groups[PART_VALUE];
	const struct runs *runs = st->view.runs;

	memset(may, sc->fresh != NULL, g->len);
	for (unsigned i = 0; runs && !sc->fresh && i < runs->list.len; i++)
		index_run_may_have_each(runs->runs[i], PART_VALUE, g->keys, g->len, may);
}

/* How many of the group's values were not there. */
static int values_count(struct step *st, uint64_t *count)
{
	const struct group *g = &st->groups[PART_VALUE];
	uint8_t *may = malloc(g->len + 1);
	struct index_scan sc;
	int rc = index_scan_open(&sc, &st->view, PART_VALUE);

	if (rc == 0 && !may)
		rc = ENT_ENOMEM;
	if (rc == 0)
		values_look(st, &sc, may);
	for (size_t i = 0; i < g->len && rc == 0; i++) {
		const uint8_t *key = g->keys + i * VALUE_KEY_BYTES;

		if (i > 0 && memcmp(key, key - VALUE_KEY_BYTES, 8) == 0)
			continue;
		rc = may[i] ? index_prefix_stands(&sc, key) : 0;
		*count += rc == 0;
		rc = rc < 0 ? rc : 0;
	}
	index_scan_close(&sc);
	free(may);
	return rc;
}

/* Puts the keys of a group in order; those beyond the table's last are appended, which fills pages
 * where LMDB would split each in half. */
static int group_put(struct step *st, enum index_part part)
{
	const struct group *g = &st->groups[part];
	size_t len = index_key_len(part);
	uint8_t last[INDEX_KEY_BYTES_MAX];
	MDB_cursor *cursor;
	MDB_val key, value;
	bool append;
	int rc;

	if (g->len == 0)
		return 0;
	rc = mdb_cursor_open(st->view.txn, st->store->index.tables[INDEX_VALUE + part], &cursor);
	if (rc)
		return db_err(rc);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
	append = rc == MDB_NOTFOUND;
	if (rc == 0)
		memcpy(last, key.mv_data, len);
	rc = append ? 0 : rc;
	for (size_t i = 0; i < g->len && rc == 0; i++) {
		const uint8_t *at = g->keys + i * len;

		append = append || memcmp(at, last, len) > 0;
		key = db_val(at, len);
		value = db_val(NULL, 0);
		rc = mdb_cursor_put(cursor, &key, &value, append ? MDB_APPEND : 0);
	}
	mdb_cursor_close(cursor);
	return db_err(rc);
}

/* With what the tables hold. */
static int groups_flush(struct step *st)
{
	struct merge_source sources[INDEX_PARTS];
	struct runs_list list;
	int rc = runs_list_get(st->store, st->view.txn, &list);

	for (unsigned part = 0; part < INDEX_PARTS; part++) {
		const struct group *g = &st->groups[part];

		sources[part] =
			(struct merge_source){g->keys, g->keys + g->len * index_key_len(part)};
	}
	if (rc == 0)
		rc = index_flush(&st->view, sources, &list, &st->number);
	return rc ? rc : runs_list_put(st->store, st->view.txn, &list);
}

static size_t groups_bytes(const struct step *st)
{
	size_t bytes = 0;

	for (unsigned part = 0; part < INDEX_PARTS; part++)
		bytes += st->groups[part].len * index_key_len(part);
	return bytes;
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

const char *index_read(struct record_memo *memo, struct arena *a, const struct store_entry *e,
	struct index_reading *out)
{
	struct record_object object;
	int rc;

	out->value = BYTES_NONE;
	out->valid_until = 0;
	out->has_indicator = false;
	if (e->entry.erased)
		return NULL;
	if (e->header.kind == KIND_INDICATOR) {
		rc = memo ? record_memo_decode(memo, e->entry.body, a, &out->indicator)
			  : record_indicator_decode(e->entry.body, a, &out->indicator);
		if (rc != 0)
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
	return over_get(st->store, st->reader.log, number, &st->over);
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

/* anew: its object stands in the part already. */
static void record_gather(struct step *st, const struct store_entry *e,
	const struct index_reading *r, bool anew)
{
	uint8_t *key;

	if (!anew)
		object_key_put(group_add(st, PART_OBJECT), e->header.object, e->log, e->index);
	if (r->value.len > 0) {
		key = group_add(st, PART_VALUE);
		index_value_hash(st->store, key, r->type, r->value);
		place_put(key + 8, e->place);
	}
	if (r->valid_until > 0) {
		key = group_add(st, PART_EXPIRY);
		be64_put(key, r->valid_until);
		place_put(key + 8, e->place);
	}
	st->state.counts.records++;
}

/* What no look-up finds is still found by an erasure. */
static void unlisted_gather(struct step *st, const struct store_entry *e)
{
	object_key_put(group_add(st, PART_UNLISTED), e->header.object, e->log, e->index);
}

/*
 * A body that came after its entry (store_bodies_put): without it the entry has been counted, under
 * its first place, and is judged anew. An entry is in one group once: where it stands already it is
 * not put again.
 */
enum before { BEFORE_NOTHING, BEFORE_SHOWN, BEFORE_HIDDEN };

static int original_forget(struct step *st, const struct store_entry *e, enum before *before)
{
	uint8_t place[PLACE_BYTES];
	MDB_val key = db_val(place, sizeof(place));
	struct store_reader first = {.store = st->store, .log = st->reader.log};
	struct store_entry later, original;
	int rc = reader_restored(&st->reader, e->log, e->index, &later);

	*before = BEFORE_NOTHING;
	if (rc || later.place.arrival != e->place.arrival)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	if ((rc = reader_original(&first, e->log, e->index, &original)) != 0)
		return rc;
	place_put(place, original.place);
	rc = mdb_del(st->view.txn, st->store->index.tables[INDEX_HIDDEN], &key, NULL);
	*before = rc == 0 || !index_is_record(&e->header) ? BEFORE_HIDDEN : BEFORE_SHOWN;
	st->state.counts.hidden -= rc == 0;
	st->state.counts.records -= *before == BEFORE_SHOWN;
	return rc == MDB_NOTFOUND ? 0 : db_err(rc);
}

/* Entries lie one behind the other, and are in no cache any more. */
static void entries_fetch(const struct store_entry *e)
{
	uintptr_t ahead = (uintptr_t)e->entry.leaf.data + ENTRIES_AHEAD_BYTES;

	for (unsigned i = 0; i < 4; i++)
		__builtin_prefetch((const void *)(ahead + 64 * i));
}

static int entry_index(struct step *st, const struct store_entry *e)
{
	struct index_reading reading;
	struct store_entry gone;
	enum before before;
	const char *rule;
	int rc;

	entries_fetch(e);
	if (e->index < st->floor || e->header.version != ENTRY_VERSION)
		return 0;
	if ((rc = original_forget(st, e, &before)) != 0)
		return rc;
	/* Its body is about to go. */
	if (e->index < st->over && over_takes(&e->header)) {
		gone = *e;
		gone.entry.erased = true;
		gone.entry.salt = gone.entry.body = BYTES_NONE;
		e = &gone;
	}
	if (!index_is_record(&e->header)) {
		if (before != BEFORE_HIDDEN)
			unlisted_gather(st, e);
		return 0;
	}
	arena_reset(&st->arena);
	rule = index_read(&st->memo, &st->arena, e, &reading);
	if (!rule && st->ops)
		rule = st->ops->hidden(st->ops->ctx, &st->name, e,
			reading.has_indicator ? &reading.indicator : NULL);
	if (rule) {
		if (before != BEFORE_HIDDEN)
			unlisted_gather(st, e);
		st->state.counts.hidden++;
		return index_hidden_put(st->store, st->view.txn, e->place, rule);
	}
	record_gather(st, e, &reading, before == BEFORE_SHOWN);
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
	uint64_t keys;
	int rc;

	if ((rc = groups_sort(st)) != 0 || (rc = values_count(st, &st->state.counts.values)) != 0 ||
		(rc = index_fresh_count(&st->view, &keys)) != 0)
		return rc;
	for (unsigned part = 0; part < INDEX_PARTS; part++)
		keys += st->groups[part].len;
	if (keys >= index_fresh_keys())
		rc = groups_flush(st);
	else
		for (unsigned part = 0; part < INDEX_PARTS && rc == 0; part++)
			rc = group_put(st, part);
	return rc ? rc : index_state_put(st->store, st->view.txn, &st->state);
}

/* Gathers and puts, in the open transaction. 1: there is more. */
static int step_run(struct step *st, uint32_t entries_max)
{
	/* The first bundle is taken whatever its size. */
	size_t keys_max = entries_max > BUNDLE_ENTRIES_MAX ? entries_max : BUNDLE_ENTRIES_MAX;
	int more, rc;

	if ((rc = index_state_get(st->store, st->view.txn, &st->state)) != 0 ||
		(rc = groups_init(st, keys_max)) != 0)
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
	int rc, more = 0;

	assert(s->mode == STORE_WRITE);
	if (entries_max > GROUP_ENTRIES_MAX)
		entries_max = GROUP_ENTRIES_MAX;
	store_grow(s, &s->index);
	if ((rc = store_index_keep_up(s)) != 0 || (rc = index_room(s)) != 0 ||
		(rc = reader_begin(s, false, &st.reader)) != 0)
		return rc;
	rc = index_write_begin(s, &st.view);
	if (rc == 0) {
		more = step_run(&st, entries_max);
		rc = index_write_end(&st.view, more < 0 ? more : 0, st.number);
		if (rc == 0 && st.number)
			s->merge_due += groups_bytes(&st);
	}
	for (unsigned part = 0; part < INDEX_PARTS; part++)
		free(st.groups[part].keys);
	arena_free(&st.arena);
	record_memo_free(&st.memo);
	reader_end(&st.reader);
	return rc ? rc : more;
}

int store_index_drop(struct store *s)
{
	static const enum index_table tables[] = {INDEX_VALUE, INDEX_OBJECT, INDEX_EXPIRY,
		INDEX_UNLISTED, INDEX_HIDDEN, INDEX_FLOORS};
	const struct index_state empty = {0};
	struct index_view view;
	struct runs_list list;
	int rc;

	assert(s->mode == STORE_WRITE);
	index_merge_abort(s);
	if ((rc = index_write_begin(s, &view)) != 0)
		return rc;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && rc == 0; i++)
		rc = mdb_drop(view.txn, s->index.tables[tables[i]], 0);
	/* The truth may be another since its unsigned tail was dropped. */
	if (rc == 0)
		rc = index_about_put(s, view.txn);
	rc = rc ? db_err(rc) : index_state_put(s, view.txn, &empty);
	if (rc == 0 && (rc = runs_list_get(s, view.txn, &list)) == 0) {
		list.len = 0;
		rc = runs_list_put(s, view.txn, &list);
	}
	if ((rc = index_write_end(&view, rc, 0)) == 0)
		runs_sweep(s, &list);
	return rc;
}
