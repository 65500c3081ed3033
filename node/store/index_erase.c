/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Taking entries out of the index again. The body still lies in the truth and tells the keys; once
 * it is gone nothing would. So the index lets go first, and says how far it has (state, floors).
 */
#include "store/impl.h"

#include <assert.h>

/* Of one transaction. */
#define TARGETS_MAX 16384u

struct removal {
	struct store *store;
	const struct store_index_ops *ops;
	struct store_reader reader;
	struct index_view view;
	struct index_state state;
	struct arena arena;
	struct buf targets;
	uint64_t position; /* of the row at hand */
	bool more;
};

/* 1: it was there. */
static int row_del(struct removal *rm, enum index_table table, const uint8_t *raw, size_t len)
{
	MDB_val key = db_val(raw, len);
	int rc = mdb_del(rm->view.txn, rm->store->index.tables[table], &key, NULL);

	if (rc == 0)
		return 1;
	return rc == MDB_NOTFOUND ? 0 : db_err(rc);
}

/* Does a value still stand whose hash this is? */
static int value_left(struct removal *rm, const uint8_t hash[8])
{
	struct index_scan sc;
	int rc = index_scan_open(&sc, &rm->view, PART_VALUE);

	if (rc == 0)
		rc = index_prefix_stands(&sc, hash);
	index_scan_close(&sc);
	return rc;
}

/* The rows that come from the body. */
static int body_remove(struct removal *rm, const struct store_entry *e)
{
	struct index_reading reading;
	uint8_t raw[VALUE_KEY_BYTES];
	int rc, there;

	arena_reset(&rm->arena);
	if (!index_is_record(&e->header) || index_read(NULL, &rm->arena, e, &reading) != NULL)
		return 0;
	if (reading.value.len > 0) {
		index_value_hash(rm->store, raw, reading.type, reading.value);
		place_put(raw + 8, e->place);
		if ((rc = index_key_del(&rm->view, PART_VALUE, raw)) < 0 ||
			(there = rc == 1 ? value_left(rm, raw) : 1) < 0)
			return rc < 0 ? rc : there;
		rm->state.counts.values -= !there;
	}
	if (reading.valid_until > 0) {
		be64_put(raw, reading.valid_until);
		place_put(raw + 8, e->place);
		if ((rc = index_key_del(&rm->view, PART_EXPIRY, raw)) < 0)
			return rc;
	}
	return 0;
}

/* 1: the entry was hidden, and is not even that any more. */
static int hidden_remove(struct removal *rm, const struct store_entry *e)
{
	uint8_t place[PLACE_BYTES], object[OBJECT_KEY_BYTES];
	int hidden, rc;

	place_put(place, e->place);
	if ((hidden = row_del(rm, INDEX_HIDDEN, place, sizeof(place))) < 0)
		return hidden;
	object_key_put(object, e->header.object, e->log, e->index);
	if (hidden && (rc = index_key_del(&rm->view, PART_UNLISTED, object)) < 0)
		return rc;
	rm->state.counts.hidden -= (uint64_t)hidden;
	return hidden;
}

/* What a body hid is judged again without it, as building the index anew would. */
static int judge_again(struct removal *rm, const struct store_entry *e)
{
	struct store_entry erased = *e;
	uint8_t object[OBJECT_KEY_BYTES];
	struct store_log log;
	const char *rule = NULL;
	int rc = store_log_at(&rm->reader, e->log, &log);

	if (rc)
		return rc;
	erased.entry.erased = true;
	erased.entry.salt = erased.entry.body = BYTES_NONE;
	if (rm->ops)
		rule = rm->ops->hidden(rm->ops->ctx, &log.name, &erased, NULL);
	object_key_put(object, e->header.object, e->log, e->index);
	if (!rule) {
		rm->state.counts.records++;
		rc = index_key_put(&rm->view, PART_OBJECT, object);
		return rc < 0 ? rc : 0;
	}
	rm->state.counts.hidden++;
	rc = index_key_put(&rm->view, PART_UNLISTED, object);
	return rc < 0 ? rc : index_hidden_put(rm->store, rm->view.txn, e->place, rule);
}

/* --- erasure ---------------------------------------------------------------------------------- */

static int target_remove(struct removal *rm, const struct erase_target *t)
{
	struct store_entry e;
	int rc = store_entry_get(&rm->reader, t->log, t->index, &e);

	if (rc == ENT_ENOTFOUND)
		return 0;
	if (rc || !erase_takes(t, &e))
		return rc;
	if ((rc = body_remove(rm, &e)) != 0 || !index_is_record(&e.header))
		return rc;
	rc = hidden_remove(rm, &e);
	return rc == 1 ? judge_again(rm, &e) : rc;
}

static int row_remove(struct removal *rm, const struct erasing_row *row)
{
	struct store_entry e;
	int rc = store_entry_at(&rm->reader, row->place, &e);

	buf_reset(&rm->targets);
	if (rc == 0)
		rc = erase_targets(&rm->view, &rm->reader, &e, row->since, 0, &rm->targets);
	if (rc == ENT_ENOTFOUND)
		return 0;
	for (size_t i = 0; rc == 0 && i < rm->targets.len / sizeof(struct erase_target); i++)
		rc = target_remove(rm,
			(const struct erase_target *)(const void *)rm->targets.data + i);
	return rc;
}

/* Goes through table erasing behind what the state says, up to the position. */
static int rows_remove(struct removal *rm)
{
	uint8_t raw[PLACE_BYTES];
	MDB_val key = db_val(raw, sizeof(raw));
	size_t done = 0;
	MDB_cursor *cursor;
	MDB_val value;
	int rc = mdb_cursor_open(rm->reader.log, rm->store->log.tables[LOG_ERASING], &cursor);

	if (rc)
		return db_err(rc);
	be64_put(raw, rm->state.erased + 1);
	rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		struct erasing_row row;

		if ((rc = erasing_row_get(key, value, &row)) != 0) {
			mdb_cursor_close(cursor);
			return rc;
		}
		if (row.place.arrival > rm->state.position)
			break;
		if (done >= TARGETS_MAX) {
			rm->more = true;
			break;
		}
		rm->position = row.place.arrival;
		if ((rc = row_remove(rm, &row)) != 0) {
			mdb_cursor_close(cursor);
			return rc;
		}
		rm->state.erased = rm->position;
		done += 1 + rm->targets.len / sizeof(struct erase_target);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : db_err(rc);
}

/* What stands in the tables becomes a run when it is much; 0 and the file's number: remove it
 * when the transaction fails. */
static int removal_end(struct removal *rm, uint64_t *number)
{
	struct runs_list list;
	uint64_t keys;
	int rc = index_state_put(rm->store, rm->view.txn, &rm->state);

	if (rc || (rc = index_fresh_count(&rm->view, &keys)) != 0 || keys < index_fresh_keys())
		return rc;
	if ((rc = runs_list_get(rm->store, rm->view.txn, &list)) != 0 ||
		(rc = index_flush(&rm->view, NULL, &list, number)) != 0)
		return rc;
	return runs_list_put(rm->store, rm->view.txn, &list);
}

/* Runs a removal in one transaction of the index. 1: there is more. */
static int removal_run(struct store *s, const struct store_index_ops *ops,
	int (*work)(struct removal *rm))
{
	struct removal rm = {.store = s, .ops = ops, .targets = buf_with_max(SIZE_MAX)};
	uint64_t number = 0;
	int rc;

	assert(s->mode == STORE_WRITE);
	if ((rc = index_room(s)) != 0 || (rc = reader_begin(s, false, &rm.reader)) != 0)
		return rc;
	rc = index_write_begin(s, &rm.view);
	if (rc == 0) {
		rc = index_state_get(s, rm.view.txn, &rm.state);
		if (rc == 0)
			rc = work(&rm);
		if (rc == 0)
			rc = removal_end(&rm, &number);
		rc = index_write_end(&rm.view, rc, number);
	}
	buf_free(&rm.targets);
	arena_free(&rm.arena);
	reader_end(&rm.reader);
	if (rc == 0 && number != 0) {
		s->merge_due += index_fresh_keys() * INDEX_KEY_BYTES_MAX;
		rc = store_index_keep_up(s);
	}
	return rc < 0 ? rc : rm.more;
}

int store_index_erase(struct store *s, const struct store_index_ops *ops)
{
	return removal_run(s, ops, rows_remove);
}

/* --- floors ----------------------------------------------------------------------------------- */

bool store_index_prunable(struct store_reader *r)
{
	struct index_state state;
	uint64_t moves;

	return r->index.txn && index_state_get(r->store, r->index.txn, &state) == 0 &&
	       floors_moved(r->store, r->log, &moves) == 0 && moves > state.floors;
}

/* What the table of floors has under a key; nothing: 0. */
static int floors_get(struct store *s, MDB_txn *index, MDB_val key, uint64_t *out)
{
	MDB_val value;
	int rc = mdb_get(index, s->index.tables[INDEX_FLOORS], &key, &value);

	*out = 0;
	if (rc)
		return rc == MDB_NOTFOUND ? 0 : db_err(rc);
	if (value.mv_size != 8)
		return ENT_ECORRUPT;
	*out = be64_get(value.mv_data);
	return 0;
}

int index_floor_get(struct store *s, MDB_txn *index, uint32_t log, uint64_t *floor)
{
	uint8_t raw[4];

	be32_put(raw, log);
	return floors_get(s, index, db_val(raw, sizeof(raw)), floor);
}

/* Beside the floor of a log, under a key that goes on. */
#define OVER_KEY_BYTES 5

static void over_key_put(uint8_t out[OVER_KEY_BYTES], uint32_t log)
{
	be32_put(out, log);
	out[4] = 1;
}

int index_over_get(struct store *s, MDB_txn *index, uint32_t log, uint64_t *mark)
{
	uint8_t raw[OVER_KEY_BYTES];

	over_key_put(raw, log);
	return floors_get(s, index, db_val(raw, sizeof(raw)), mark);
}

static int index_over_put(struct removal *rm, uint32_t log, uint64_t mark)
{
	uint8_t raw[OVER_KEY_BYTES], at[8];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value = db_val(at, sizeof(at));

	over_key_put(raw, log);
	be64_put(at, mark);
	return db_err(mdb_put(rm->view.txn, rm->store->index.tables[INDEX_FLOORS], &key, &value,
		0));
}

static int index_floor_put(struct removal *rm, uint32_t log, uint64_t floor)
{
	uint8_t raw[4], at[8];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value = db_val(at, sizeof(at));

	be32_put(raw, log);
	be64_put(at, floor);
	return db_err(mdb_put(rm->view.txn, rm->store->index.tables[INDEX_FLOORS], &key, &value,
		0));
}

static int entry_remove(struct removal *rm, const struct store_entry *e)
{
	uint8_t object[OBJECT_KEY_BYTES];
	struct store_entry later;
	int rc = e->entry.erased ? reader_restored(&rm->reader, e->log, e->index, &later)
				 : ENT_ENOTFOUND;

	/* A body that came later stands under its own place. */
	if (rc == 0)
		e = &later;
	if (rc && rc != ENT_ENOTFOUND)
		return rc;
	rc = e->entry.erased ? 0 : body_remove(rm, e);
	if (rc == 0)
		rc = hidden_remove(rm, e);
	object_key_put(object, e->header.object, e->log, e->index);
	/* It may have been shown without it, and hidden with it. */
	if (rc == 1 && e == &later)
		rc = index_key_del(&rm->view, PART_OBJECT, object) < 0 ? ENT_EIO : 1;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = index_key_del(&rm->view, index_is_record(&e->header) ? PART_OBJECT : PART_UNLISTED,
		object);
	rm->state.counts.records -= rc == 1 && index_is_record(&e->header);
	return rc < 0 ? rc : 0;
}

struct pruning {
	struct removal *removal;
	uint64_t from, to; /* of the log at hand */
	size_t done;
};

static int bundle_remove(void *ctx, const struct bundle *b)
{
	struct pruning *p = ctx;

	if (p->done >= TARGETS_MAX) {
		p->removal->more = true;
		return 1;
	}
	for (uint32_t slot = 0; slot < b->count && b->first + slot < p->to; slot++) {
		struct store_entry e;
		int rc;

		if (b->first + slot < p->from)
			continue;
		rc = reader_entry(&p->removal->reader, slot, &e);
		if (rc == 0)
			rc = entry_remove(p->removal, &e);
		if (rc)
			return rc;
		p->done++;
	}
	p->from = b->first + b->count;
	return 0;
}

static int log_remove(void *ctx, const struct store_log *log)
{
	struct pruning *p = ctx;
	struct removal *rm = p->removal;
	int more, rc = log->floor ? index_floor_get(rm->store, rm->view.txn, log->number, &p->from)
				  : 0;

	if (rc || log->floor == 0 || p->from >= log->floor)
		return rc;
	p->to = log->floor;
	rc = reader_bundles(&rm->reader, log->number, p->from, p->to, bundle_remove, p);
	if (rc < 0)
		return rc;
	if (rc == 0 || p->from > p->to)
		p->from = p->to;
	more = rc;
	rc = index_floor_put(rm, log->number, p->from);
	return rc ? rc : more;
}

/* Bodies that may not be held any more, of entries that stay. */
static int log_over(struct pruning *p, const struct store_log *log)
{
	struct removal *rm = p->removal;
	uint64_t mark, from;
	int rc = over_get(rm->store, rm->reader.log, log->number, &mark);

	if (rc == 0)
		rc = index_over_get(rm->store, rm->view.txn, log->number, &from);
	if (rc || from >= mark)
		return rc;
	from = from > log->floor ? from : log->floor;
	for (; from < mark && p->done < TARGETS_MAX && rc == 0; from++, p->done++) {
		struct erase_target t = {.log = log->number,
			.index = from,
			.any = true,
			.by = {.arrival = UINT64_MAX, .slot = UINT32_MAX}};

		rc = target_remove(rm, &t);
	}
	if (rc == 0)
		rc = index_over_put(rm, log->number, from);
	if (rc == 0 && from < mark) {
		rm->more = true;
		return 1;
	}
	return rc;
}

static int log_follow(void *ctx, const struct store_log *log)
{
	int rc = log_remove(ctx, log);

	return rc ? rc : log_over(ctx, log);
}

static int floors_follow(struct removal *rm)
{
	struct pruning p = {.removal = rm};
	uint64_t moves;
	int rc = floors_moved(rm->store, rm->reader.log, &moves);

	if (rc || moves == rm->state.floors)
		return rc;
	rc = store_log_each(&rm->reader, log_follow, &p);
	if (rc == 0)
		rm->state.floors = moves;
	return rc < 0 ? rc : 0;
}

int store_index_prune(struct store *s)
{
	return removal_run(s, NULL, floors_follow);
}
