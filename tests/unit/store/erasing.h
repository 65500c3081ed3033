/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A small place for tests of erasure and floors: a store with some logs, in which objects are said,
 * taken back and erased, with the index behind it.
 */
#pragma once

#include <inttypes.h>
#include <stdio.h>

#include "store/impl.h"
#include "unit/store/model.h"

enum place_log { OLD, NEW, OTHER_AUDIENCE, OTHER_NODE, PLACE_LOGS };

#define PLACE_OBJECTS 12

struct place {
	const char *dir;
	struct store *store;
	uint64_t seed;
	struct env_rng rng;
	struct model_log logs[PLACE_LOGS];
	bool hide;
	/* what carrying out has told */
	uint64_t bodies;
	unsigned steps;
	bool now;
};

static inline const char *place_hidden(void *ctx, const struct log_name *log,
	const struct store_entry *e, const struct record_indicator *indicator)
{
	const struct place *w = ctx;

	(void)log;
	(void)e;
	return indicator && w->hide ? "a-guard-rail" : NULL;
}

static inline void place_init(struct place *w, uint64_t seed)
{
	const struct audience green = {AUDIENCE_GREEN, 0}, clear = {AUDIENCE_CLEAR, 0};

	*w = (struct place){.dir = test_dir(), .seed = seed};
	w->rng = test_rng(&w->seed);
	w->store = model_open(w->dir, STORE_WRITE);
	model_log_init(&w->logs[OLD], model_name(1, 100, green));
	model_log_init(&w->logs[NEW], model_name(1, 200, green));
	model_log_init(&w->logs[OTHER_AUDIENCE], model_name(1, 200, clear));
	model_log_init(&w->logs[OTHER_NODE], model_name(2, 300, green));
}

static inline void place_free(struct place *w)
{
	store_close(w->store);
	for (unsigned i = 0; i < PLACE_LOGS; i++)
		model_log_free(&w->logs[i]);
	test_dir_remove(w->dir);
}

static inline void place_reopen(struct place *w)
{
	store_close(w->store);
	w->store = model_open(w->dir, STORE_WRITE);
}

/* value NULL: the body is absent. */
static inline void make(struct place *w, enum place_log log, unsigned object, enum kind kind,
	const char *value, bool now)
{
	struct entry_header h = {
		.kind = (uint8_t)kind, .tlp = log == OTHER_AUDIENCE ? TLP_CLEAR : TLP_GREEN};
	struct buf body = buf_with_max(ENTRY_BODY_MAX);

	h.object[3] = (uint8_t)object;
	h.object[2] = (uint8_t)(object >> 8);
	if (kind == KIND_INDICATOR && value) {
		struct record_indicator r = {.value = bytes_str(value), .valid_until = 5000};

		h.type = TYPE_DOMAIN;
		assert_ok(record_indicator_encode(&body, &r));
	} else if (kind == KIND_ERASURE) {
		struct record_erasure r = {.reason = bytes_str("wrong list"), .now = now};

		assert_ok(record_erasure_encode(&body, &r));
	} else {
		buf_str(&body, "words");
	}
	model_entry(&w->logs[log], h, buf_view(&body), value == NULL);
	buf_free(&body);
}

static inline void append(struct place *w, enum place_log log)
{
	model_store(w->store, &w->logs[log]);
}

static inline void say(struct place *w, enum place_log log, unsigned object, const char *value)
{
	make(w, log, object, KIND_INDICATOR, value, false);
	append(w, log);
}

static inline void take_back(struct place *w, enum place_log log, unsigned object, enum kind kind)
{
	make(w, log, object, kind, "", false);
	append(w, log);
}

static inline void erase(struct place *w, enum place_log log, unsigned object, bool now)
{
	make(w, log, object, KIND_ERASURE, "", now);
	append(w, log);
}

static inline void hold(struct place *w, enum place_log log)
{
	struct checkpoint c = {.log = w->logs[log].name, .size = w->logs[log].size};
	struct store_txn *txn;

	range_root(&w->logs[log].tree, &c.root);
	assert_ok(store_begin(w->store, &txn));
	assert_ok(store_checkpoint_put(txn, &c));
	assert_ok(store_commit(txn));
}

/* --- carrying out ----------------------------------------------------------------------------- */

static inline void index_on(struct place *w)
{
	struct store_index_ops ops = {place_hidden, w};
	int rc;

	while ((rc = store_index_step(w->store, &ops, 1000)) > 0)
		;
	assert_ok(rc);
}

static inline void index_forget(struct place *w)
{
	struct store_index_ops ops = {place_hidden, w};
	int rc;

	while ((rc = store_index_erase(w->store, &ops)) > 0)
		;
	assert_ok(rc);
}

static inline void told(void *ctx, const struct store_erased *e)
{
	struct place *w = ctx;

	assert_true(e->from < e->to);
	w->bodies += e->bodies;
	w->now |= e->now;
}

static inline int carry_out(struct place *w)
{
	struct store_txn *txn;
	int rc;

	assert_ok(store_begin(w->store, &txn));
	rc = store_erase(txn, told, w);
	assert_true(rc >= 0);
	assert_ok(store_commit(txn));
	w->steps++;
	return rc;
}

static inline void settle(struct place *w)
{
	index_on(w);
	index_forget(w);
	while (carry_out(w) == 1)
		;
	index_on(w);
}

/* --- looking ---------------------------------------------------------------------------------- */

static inline struct store_reader *look(struct place *w)
{
	struct store_reader *r;

	assert_ok(store_reader_open(w->store, &r));
	return r;
}

static inline bool has_body(struct place *w, enum place_log log, uint64_t index)
{
	struct store_reader *r = look(w);
	struct store_log row;
	struct store_entry e;
	bool there;

	assert_ok(store_log_get(r, &w->logs[log].name, &row));
	assert_ok(store_entry_get(r, row.number, index, &e));
	there = !e.entry.erased;
	store_reader_close(r);
	return there;
}

/* Spoils the bundle that has an entry. */
static inline void bundle_spoil(struct place *w, enum place_log log, uint64_t index)
{
	struct store_reader *r = look(w);
	uint8_t arrival[ARRIVAL_KEY_BYTES];
	struct store_log row;
	struct store_entry e;
	struct store_txn *txn;

	assert_ok(store_log_get(r, &w->logs[log].name, &row));
	assert_ok(store_entry_get(r, row.number, index, &e));
	store_reader_close(r);
	be64_put(arrival, e.place.arrival);
	assert_ok(store_begin(w->store, &txn));
	assert_ok(txn_put(txn, LOG_ENTRIES, db_val(arrival, sizeof(arrival)), db_val("", 1), 0));
	assert_ok(store_commit(txn));
}

/* Is the body in what a peer would be sent? */
static inline bool served(struct place *w, enum place_log log, uint64_t index)
{
	struct store_reader *r = look(w);
	struct buf out = buf_with_max(1u << 20);
	struct cursor c;
	struct entry e;
	uint32_t count;

	assert_ok(store_run_read(r, &w->logs[log].name, index, index + 1, 1u << 20, &out, &count));
	c = cursor_of(buf_view(&out));
	assert_ok(entry_next(&c, &e));
	assert_true(count == 1 && cursor_done(&c));
	buf_free(&out);
	store_reader_close(r);
	return !e.erased;
}

static inline uint64_t erasing_from(struct place *w, enum place_log log)
{
	struct store_reader *r = look(w);
	uint64_t from = store_erasing_from(r, &w->logs[log].name);

	store_reader_close(r);
	return from;
}

static inline size_t missing(struct place *w, enum place_log log, uint64_t indexes[4])
{
	struct store_reader *r = look(w);
	size_t len;

	assert_ok(store_missing(r, &w->logs[log].name, 0, indexes, 4, &len));
	store_reader_close(r);
	return len;
}

static inline int count_visit(void *ctx, const struct store_entry *e)
{
	(void)e;
	++*(unsigned *)ctx;
	return 0;
}

static inline unsigned found(struct place *w, const char *value)
{
	struct store_reader *r = look(w);
	unsigned count = 0;

	assert_ok(store_find_value(r, TYPE_DOMAIN, bytes_str(value), count_visit, &count));
	store_reader_close(r);
	return count;
}

/* The trees are whole, whatever was erased. */
static inline void assert_tree(struct place *w)
{
	struct store_reader *r = look(w);

	for (unsigned i = 0; i < PLACE_LOGS; i++) {
		struct model_log *m = &w->logs[i];
		struct store_tree tree = {.reader = r};
		struct store_log log;
		struct range range;
		struct hash root, want;

		if (m->size == 0)
			continue;
		assert_ok(store_log_get(r, &m->name, &log));
		tree.log = log.number;
		assert_ok(proof_range_build(&range, log.floor, m->size, store_tree_subtree, &tree));
		if (log.floor > 0)
			continue;
		range_root(&range, &root);
		range_root(&m->tree, &want);
		assert_memory_equal(&root, &want, sizeof(root));
	}
	store_reader_close(r);
}

/* --- random lives ----------------------------------------------------------------------------- */

static inline unsigned pick(struct place *w, unsigned below)
{
	return (unsigned)(env_random_u64(&w->rng) % below);
}

static inline void random_life(struct place *w, unsigned steps)
{
	char value[64];

	while (steps-- > 0) {
		enum place_log log = pick(w, PLACE_LOGS);

		for (unsigned n = pick(w, 4); n > 0; n--) {
			unsigned object = 1 + pick(w, PLACE_OBJECTS);

			snprintf(value, sizeof(value), "host%u.example.org", object);
			switch (pick(w, 5)) {
			case 0:
				make(w, log, object, KIND_ERASURE, "", pick(w, 2));
				break;
			case 1:
				make(w, log, object, KIND_RETRACTION, "", false);
				break;
			default:
				make(w, log, object, KIND_INDICATOR, value, false);
			}
		}
		if (w->logs[log].made > w->logs[log].size)
			append(w, log);
		if (pick(w, 6) == 0)
			index_on(w);
		if (pick(w, 6) == 0)
			index_forget(w);
		if (pick(w, 6) == 0)
			carry_out(w);
		if (pick(w, 30) == 0)
			place_reopen(w);
	}
}

/* What ought to be there, from the headers alone: the rule of DESIGN 7, said once more. */
static inline bool ought_to_have_body(struct place *w, enum place_log log, uint64_t index)
{
	struct entry_header h, later;

	entry_header_decode(model_run(&w->logs[log], index, index + 1), &h);
	if (h.kind != KIND_INDICATOR)
		return true;
	for (unsigned at = log; at == log || (log == OLD && at == NEW); at++)
		for (uint64_t i = at == log ? index + 1 : 0; i < w->logs[at].size; i++) {
			struct bytes packed = model_run(&w->logs[at], i, i + 1);

			entry_header_decode(bytes_from(packed.data, ENTRY_HEADER_BYTES), &later);
			if (later.kind == KIND_ERASURE &&
				memcmp(later.object, h.object, OBJECT_ID_BYTES) == 0)
				return false;
		}
	return true;
}

static inline void assert_all_as_told(struct place *w)
{
	for (unsigned log = 0; log < PLACE_LOGS; log++)
		for (uint64_t i = 0; i < w->logs[log].size; i++)
			if (has_body(w, log, i) != ought_to_have_body(w, log, i))
				fail_msg("seed %" PRIu64 ": log %u entry %" PRIu64, w->seed, log,
					i);
	assert_tree(w);
}

/* What the index says, in words. */
static inline void transcript(struct place *w, char out[4096])
{
	struct store_reader *r = look(w);
	struct store_counts c;
	size_t len;

	assert_ok(store_counts(r, &c));
	len = (size_t)snprintf(out, 4096, "%" PRIu64 " %" PRIu64 " %" PRIu64, c.records, c.values,
		c.hidden);
	for (unsigned i = 1; i <= PLACE_OBJECTS; i++) {
		char value[64];
		unsigned count = 0;

		snprintf(value, sizeof(value), "host%u.example.org", i);
		assert_ok(store_find_value(r, TYPE_DOMAIN, bytes_str(value), count_visit, &count));
		len += (size_t)snprintf(out + len, 4096 - len, " %u", count);
	}
	{
		unsigned count = 0, objects = 0;

		assert_ok(store_find_expiry(r, 0, 10000, count_visit, &count));
		assert_ok(store_find_object(r, (const uint8_t *)"", 0, count_visit, &objects));
		snprintf(out + len, 4096 - len, " %u %u", count, objects);
	}
	store_reader_close(r);
}
