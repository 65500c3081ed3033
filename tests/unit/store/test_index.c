/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The index against a model that keeps every entry in a list and answers by going through it. What
 * is compared is one long transcript of answers: every value, every object, every expiry.
 */
#include "store/impl.h"
#include "unit/store/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define VALUES       60
#define OBJECTS      40
#define TRANSCRIPT   (64u << 20)
#define NOT_A_DOMAIN "no domain at all"

struct listed {
	uint32_t log; /* number, from 1 */
	uint64_t index;
	struct entry_header header;
	char value[80]; /* empty: none */
	uint64_t valid_until;
	const char *hidden;
	bool is_record;
};

struct world {
	struct store *store;
	const char *dir;
	uint64_t seed;
	struct env_rng rng;
	struct model_log
		logs[4];     /* two incarnations of one feed, another node's, a provenance log */
	struct listed *list; /* in order of arrival */
	size_t len, made;    /* appended; made */
};

static const char rule_odd[] = "odd-confidence";

static const char *hidden(void *ctx, const struct log_name *log, const struct store_entry *e,
	const struct record_indicator *indicator)
{
	(void)ctx;
	assert_int_equal(log->node.bytes[0], e->via.bytes[3]);
	assert_true((indicator != NULL) == (e->header.kind == KIND_INDICATOR && !e->entry.erased));
	return indicator && indicator->confidence % 8 == 7 ? rule_odd : NULL;
}

static const struct store_index_ops ops = {hidden, NULL};

/* --- making ----------------------------------------------------------------------------------- */

static void world_init(struct world *w, uint64_t seed)
{
	static const struct {
		unsigned node;
		uint64_t incarnation;
		struct audience audience;
	} names[] = {
		{1, 100, {AUDIENCE_CLEAR, 0}},
		{2, 50, {AUDIENCE_AGREEMENT, 77}},
		{1, 200, {AUDIENCE_CLEAR, 0}},
		{1, 200, {AUDIENCE_PROVENANCE, 5}},
	};
	struct store_txn *txn;
	struct store_log log;

	*w = (struct world){.dir = test_dir(), .seed = seed};
	w->rng = test_rng(&w->seed);
	w->store = model_open(w->dir, STORE_WRITE);
	assert_ok(store_begin(w->store, &txn));
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		model_log_init(&w->logs[i],
			model_name(names[i].node, names[i].incarnation, names[i].audience));
		assert_ok(store_txn_log(txn, &w->logs[i].name, true, &log));
		assert_int_equal(log.number, i + 1);
	}
	assert_ok(store_commit(txn));
}

static void world_free(struct world *w)
{
	store_close(w->store);
	for (unsigned i = 0; i < COUNT_OF(w->logs); i++)
		model_log_free(&w->logs[i]);
	free(w->list);
	test_dir_remove(w->dir);
}

static unsigned pick(struct world *w, unsigned count)
{
	return (unsigned)(env_random_u64(&w->rng) % count);
}

static void pool_value(char out[80], unsigned type, unsigned i)
{
	if (type == TYPE_STIX)
		snprintf(out, 80, "malware--00000000-0000-4000-8000-%012u", i);
	else if (type == TYPE_IPV4)
		snprintf(out, 80, "198.51.100.%u", i);
	else
		snprintf(out, 80, "host%u.example.org", i);
}

static void make_indicator(struct world *w, struct listed *l, struct buf *body)
{
	struct record_indicator r = {.has_confidence = true, .confidence = pick(w, 100)};

	l->header.type = pick(w, 2) ? TYPE_DOMAIN : TYPE_IPV4;
	pool_value(l->value, l->header.type, pick(w, VALUES));
	if (pick(w, 3))
		l->valid_until = r.valid_until = 1 + pick(w, 1000);
	if (r.confidence % 8 == 7)
		l->hidden = rule_odd;
	if (pick(w, 20) == 0) {
		snprintf(l->value, sizeof(l->value), NOT_A_DOMAIN);
		l->hidden = "not-canonical";
	}
	r.value = bytes_str(l->value);
	assert_ok(record_indicator_encode(body, &r));
	if (pick(w, 20) == 0) {
		body->data[0] = 0xff;
		l->hidden = "unreadable";
	}
}

static void make_object(struct world *w, struct listed *l, struct buf *body)
{
	struct record_object o = {.stix_type = bytes_str("malware"), .json = bytes_str("{}")};

	pool_value(l->value, TYPE_STIX, pick(w, VALUES));
	l->header.type = TYPE_STIX;
	o.stix_id = bytes_str(l->value);
	assert_ok(record_object_encode(body, &o));
}

static void make_entry(struct world *w, unsigned log)
{
	static const enum kind kinds[] = {KIND_INDICATOR, KIND_INDICATOR, KIND_INDICATOR,
		KIND_OBJECT, KIND_RETRACTION, KIND_ERASURE, KIND_SIGHTING, KIND_OPINION,
		(enum kind)99, KIND_ACT};
	struct listed l = {.log = log + 1, .index = w->logs[log].made, .is_record = true};
	struct buf body = buf_with_max(ENTRY_BODY_MAX);
	bool erased = pick(w, 15) == 0;

	l.header.version = pick(w, 30) ? ENTRY_VERSION : 2;
	l.header.kind = (uint8_t)kinds[pick(w, COUNT_OF(kinds))];
	l.header.object[0] = (uint8_t)pick(w, OBJECTS);
	l.header.object[15] = (uint8_t)pick(w, 2);
	if (l.header.kind == KIND_INDICATOR)
		make_indicator(w, &l, &body);
	else if (l.header.kind == KIND_OBJECT)
		make_object(w, &l, &body);
	if (erased) {
		l.value[0] = 0;
		l.valid_until = 0;
		l.hidden = NULL;
	}
	if (l.header.kind == 99 || l.header.kind == KIND_ACT || l.header.version != 1 || log == 3)
		l.is_record = false;
	model_entry(&w->logs[log], l.header, buf_view(&body), erased);
	w->list = realloc(w->list, (w->made + 1) * sizeof(*w->list));
	assert_non_null(w->list);
	w->list[w->made++] = l;
	buf_free(&body);
}

/* Runs of a few or very many entries in random logs, one transaction each. */
static void world_grow(struct world *w, unsigned runs)
{
	while (runs-- > 0) {
		unsigned log = pick(w, COUNT_OF(w->logs));

		for (unsigned i = pick(w, 4) ? 1 + pick(w, 10) : 1 + pick(w, 900); i > 0; i--)
			make_entry(w, log);
		model_store(w->store, &w->logs[log]);
		w->len = w->made;
	}
}

static void index_all(struct world *w, uint32_t entries_max)
{
	int rc;

	while ((rc = store_index_step(w->store, &ops, entries_max)) == 1)
		;
	assert_ok(rc);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void tell(struct buf *out, uint32_t log, uint64_t index)
{
	buf_printf(out, " %" PRIu32 "/%" PRIu64, log, index);
}

static int tell_entry(void *ctx, const struct store_entry *e)
{
	tell(ctx, e->log, e->index);
	return 0;
}

static bool stands(const struct listed *l)
{
	return l->is_record && !l->hidden;
}

static int listed_cmp(const void *a, const void *b)
{
	const struct listed *const *x = a, *const *y = b;
	int by_object = memcmp((*x)->header.object, (*y)->header.object, OBJECT_ID_BYTES);

	if (by_object)
		return by_object;
	if ((*x)->log != (*y)->log)
		return (*x)->log < (*y)->log ? -1 : 1;
	return (*x)->index < (*y)->index ? -1 : (*x)->index > (*y)->index;
}

static const struct listed **sorted(const struct world *w)
{
	const struct listed **out = malloc(w->len * sizeof(*out) + 1);

	assert_non_null(out);
	for (size_t i = 0; i < w->len; i++)
		out[i] = &w->list[i];
	qsort(out, w->len, sizeof(*out), listed_cmp);
	return out;
}

static void expected_values(const struct world *w, struct buf *out)
{
	static const unsigned types[] = {TYPE_DOMAIN, TYPE_IPV4, TYPE_STIX};

	for (unsigned t = 0; t < COUNT_OF(types); t++) {
		for (unsigned v = 0; v < VALUES; v++) {
			char value[80];

			pool_value(value, types[t], v);
			buf_printf(out, "\n%s:", value);
			for (size_t i = 0; i < w->len; i++)
				if (stands(&w->list[i]) && strcmp(w->list[i].value, value) == 0)
					tell(out, w->list[i].log, w->list[i].index);
		}
	}
}

static void answered_values(struct store_reader *r, struct buf *out)
{
	static const enum type types[] = {TYPE_DOMAIN, TYPE_IPV4, TYPE_STIX};

	for (unsigned t = 0; t < COUNT_OF(types); t++) {
		for (unsigned v = 0; v < VALUES; v++) {
			char value[80];

			pool_value(value, types[t], v);
			buf_printf(out, "\n%s:", value);
			assert_ok(store_find_value(r, types[t], bytes_str(value), tell_entry, out));
		}
	}
}

static void expected_rest(const struct world *w, struct buf *out)
{
	const struct listed **by_object = sorted(w);

	for (unsigned o = 0; o < OBJECTS; o++) {
		buf_printf(out, "\nobject %u:", o);
		for (size_t i = 0; i < w->len; i++)
			if (stands(by_object[i]) && by_object[i]->header.object[0] == o)
				tell(out, by_object[i]->log, by_object[i]->index);
	}
	for (uint64_t until = 1; until <= 1000; until++) {
		buf_printf(out, "\nuntil %" PRIu64 ":", until);
		for (size_t i = 0; i < w->len; i++)
			if (stands(&w->list[i]) && w->list[i].valid_until == until)
				tell(out, w->list[i].log, w->list[i].index);
	}
	free(by_object);
}

static void answered_rest(struct store_reader *r, struct buf *out)
{
	for (unsigned o = 0; o < OBJECTS; o++) {
		uint8_t prefix = (uint8_t)o;

		buf_printf(out, "\nobject %u:", o);
		assert_ok(store_find_object(r, &prefix, 1, tell_entry, out));
	}
	for (int64_t until = 1; until <= 1000; until++) {
		buf_printf(out, "\nuntil %" PRId64 ":", until);
		assert_ok(store_find_expiry(r, until, until + 1, tell_entry, out));
	}
}

static void compare_counts(struct store_reader *r, const struct world *w)
{
	struct store_counts expected = {0}, got;
	struct store_place at = {0, 0};
	struct store_entry e;

	for (size_t i = 0; i < w->len; i++) {
		const struct listed *l = &w->list[i];
		bool seen = l->value[0] == 0;
		const char *rule;

		assert_ok(store_entry_next(r, at, &e));
		at = (struct store_place){e.place.arrival, e.place.slot + 1};
		rule = store_hidden(r, e.place);
		assert_true((rule != NULL) == (l->is_record && l->hidden));
		if (rule)
			assert_string_equal(rule, l->hidden);
		expected.hidden += l->is_record && l->hidden;
		if (!stands(l))
			continue;
		expected.records++;
		for (size_t j = 0; j < i && !seen; j++)
			seen = stands(&w->list[j]) && strcmp(w->list[j].value, l->value) == 0;
		expected.values += !seen;
	}
	assert_ok(store_counts(r, &got));
	assert_int_equal(got.records, expected.records);
	assert_int_equal(got.values, expected.values);
	assert_int_equal(got.hidden, expected.hidden);
}

static void compare_standing(struct store_reader *r, const struct world *w)
{
	const struct listed **by_object = sorted(w);

	for (unsigned o = 0; o < OBJECTS; o++) {
		const uint8_t object[OBJECT_ID_BYTES] = {(uint8_t)o};
		const struct listed *last = NULL;
		struct store_entry e;
		int rc = store_object_standing(r, &w->logs[0].name.node,
			audience_of(AUDIENCE_CLEAR), object, &e);

		/* Logs 1 and 3 are incarnations 100 and 200 of that feed. */
		for (size_t i = 0; i < w->len; i++)
			if (stands(by_object[i]) && by_object[i]->log != 2 &&
				memcmp(by_object[i]->header.object, object, OBJECT_ID_BYTES) == 0)
				last = by_object[i];
		assert_int_equal(rc, last ? 0 : ENT_ENOTFOUND);
		if (last)
			assert_true(e.log == last->log && e.index == last->index);
		assert_int_equal(store_object_standing(r, &w->logs[0].name.node,
					 audience_of(AUDIENCE_GREEN), object, &e),
			ENT_ENOTFOUND);
	}
	free(by_object);
}

static void compare(struct world *w)
{
	struct buf expected = buf_with_max(TRANSCRIPT), got = buf_with_max(TRANSCRIPT);
	struct store_reader *r;

	assert_ok(store_reader_open(w->store, &r));
	assert_true(store_index_position(r) == store_arrival_last(r));
	expected_values(w, &expected);
	expected_rest(w, &expected);
	answered_values(r, &got);
	answered_rest(r, &got);
	assert_false(buf_failed(&expected) || buf_failed(&got));
	assert_bytes_equal(buf_view(&got), buf_view(&expected));
	compare_counts(r, w);
	compare_standing(r, w);
	store_reader_close(r);
	buf_free(&expected);
	buf_free(&got);
}

/* --- claims ----------------------------------------------------------------------------------- */

static void answers_as_the_list_does_however_it_is_stepped(void **state)
{
	static const uint32_t steps[] = {1, 50, 1000, UINT32_MAX};
	struct world w;

	(void)state;
	world_init(&w, 31);
	for (unsigned i = 0; i < COUNT_OF(steps); i++) {
		world_grow(&w, 12);
		index_all(&w, steps[i]);
		compare(&w);
	}
	world_free(&w);
}

static void a_dropped_index_comes_back_the_same(void **state)
{
	struct store_reader *r;
	struct world w;

	(void)state;
	world_init(&w, 32);
	world_grow(&w, 15);
	index_all(&w, 100);
	compare(&w);
	assert_ok(store_index_drop(w.store));
	assert_ok(store_reader_open(w.store, &r));
	assert_int_equal(store_index_position(r), 0);
	store_reader_close(r);
	index_all(&w, 700);
	compare(&w);
	world_free(&w);
}

static int stop(void *ctx, const struct store_entry *e)
{
	unsigned *left = ctx;

	(void)e;
	return --*left == 0 ? ENT_EDENIED : 0;
}

static void a_visitor_ends_a_walk(void **state)
{
	struct world w;
	struct store_reader *r;
	unsigned left = 3;

	(void)state;
	world_init(&w, 33);
	world_grow(&w, 10);
	index_all(&w, 1000);
	assert_ok(store_reader_open(w.store, &r));
	assert_int_equal(store_find_object(r, NULL, 0, stop, &left), ENT_EDENIED);
	left = 3;
	assert_int_equal(store_find_expiry(r, 0, INT64_MAX, stop, &left), ENT_EDENIED);
	left = 1;
	assert_ok(store_find_expiry(r, 0, 0, stop, &left));
	assert_int_equal(store_find_object(r, (const uint8_t *)"", 17, stop, &left), ENT_EINVALID);
	store_reader_close(r);
	world_free(&w);
}

/* Makes the index name, under the hash of (type, value), the entry at place. */
static void collide(struct store *s, enum type type, const char *value, struct store_place place)
{
	uint8_t raw[VALUE_KEY_BYTES];
	struct index_view view;

	index_value_hash(s, raw, type, bytes_str(value));
	place_put(raw + 8, place);
	assert_ok(index_write_begin(s, &view));
	assert_int_equal(index_key_put(&view, PART_VALUE, raw), 1);
	assert_ok(index_write_end(&view, 0, 0));
}

static void a_hash_that_fits_is_not_yet_the_value(void **state)
{
	struct entry_header header = {.kind = KIND_INDICATOR, .type = TYPE_DOMAIN};
	struct buf body = buf_with_max(1000);
	struct store_reader *r;
	struct world w;
	unsigned left = 1;

	(void)state;
	world_init(&w, 39);
	assert_ok(record_indicator_encode(&body,
		&(struct record_indicator){.value = bytes_str("example.org")}));
	model_entry(&w.logs[0], header, buf_view(&body), false);
	model_entry(&w.logs[0], header, buf_view(&body), true);
	model_store(w.store, &w.logs[0]);
	index_all(&w, 10);
	collide(w.store, TYPE_DOMAIN, "example.net", (struct store_place){1, 0});
	collide(w.store, TYPE_EMAIL, "example.org", (struct store_place){1, 0});
	collide(w.store, TYPE_DOMAIN, "", (struct store_place){1, 1});
	assert_ok(store_reader_open(w.store, &r));
	assert_ok(store_find_value(r, TYPE_DOMAIN, bytes_str("example.net"), stop, &left));
	assert_ok(store_find_value(r, TYPE_EMAIL, bytes_str("example.org"), stop, &left));
	assert_ok(store_find_value(r, TYPE_DOMAIN, BYTES_NONE, stop, &left));
	assert_int_equal(store_find_value(r, TYPE_DOMAIN, bytes_str("example.org"), stop, &left),
		ENT_EDENIED);
	store_reader_close(r);
	buf_free(&body);
	world_free(&w);
}

static void a_retraction_stands_until_the_claim_is_made_again(void **state)
{
	const uint8_t object[OBJECT_ID_BYTES] = {7};
	struct entry_header header = {.tlp = TLP_CLEAR, .object = {7}};
	static const enum kind kinds[] = {KIND_INDICATOR, KIND_RETRACTION, KIND_INDICATOR};
	struct buf body = buf_with_max(1000);
	struct store_reader *r;
	struct store_entry e;
	struct world w;

	(void)state;
	world_init(&w, 34);
	assert_ok(record_indicator_encode(&body,
		&(struct record_indicator){.value = bytes_str("example.org")}));
	for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
		header.kind = (uint8_t)kinds[i];
		header.type = kinds[i] == KIND_INDICATOR ? TYPE_DOMAIN : 0;
		model_entry(&w.logs[0], header,
			kinds[i] == KIND_INDICATOR ? buf_view(&body) : BYTES_NONE, false);
		model_store(w.store, &w.logs[0]);
		index_all(&w, 10);
		assert_ok(store_reader_open(w.store, &r));
		assert_ok(store_object_standing(r, &w.logs[0].name.node,
			audience_of(AUDIENCE_CLEAR), object, &e));
		assert_int_equal(e.header.kind, kinds[i]);
		assert_int_equal(e.index, i);
		store_reader_close(r);
	}
	buf_free(&body);
	world_free(&w);
}

static void state_put(const struct world *w, const char *line)
{
	char path[2048];
	FILE *f;

	snprintf(path, sizeof(path), "%s/index/state", w->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(line, f);
	assert_ok(fclose(f));
}

static uint64_t position_after_opening(struct world *w, enum store_mode mode)
{
	struct store_reader *r;
	uint64_t position;
	unsigned found = 0;
	struct store_counts counts;

	store_close(w->store);
	w->store = model_open(w->dir, mode);
	assert_ok(store_reader_open(w->store, &r));
	position = store_index_position(r);
	if (position == 0) {
		/* What is not there reads as empty. */
		found = 1;
		assert_ok(store_find_object(r, NULL, 0, stop, &found));
		assert_ok(store_counts(r, &counts));
		assert_int_equal(counts.records, 0);
	}
	store_reader_close(r);
	return position;
}

static void an_index_from_before_a_crash_of_the_machine_is_not_trusted(void **state)
{
	struct world w;
	uint64_t position;

	(void)state;
	world_init(&w, 35);
	world_grow(&w, 5);
	index_all(&w, 1000);
	position = position_after_opening(&w, STORE_READ);
	assert_true(position > 0);
	assert_true(position_after_opening(&w, STORE_WRITE) == position);
	store_close(w.store);
	w.store = NULL;
	state_put(&w, "dirty 00000000-0000-0000-0000-000000000000\n");
	assert_int_equal(position_after_opening(&w, STORE_READ), 0);
	store_close(w.store);
	w.store = NULL;
	state_put(&w, "");
	assert_int_equal(position_after_opening(&w, STORE_READ), 0);
	assert_int_equal(position_after_opening(&w, STORE_WRITE), 0);
	index_all(&w, 1000);
	compare(&w);
	assert_true(position_after_opening(&w, STORE_READ) == position);
	world_free(&w);
}

static void copy(const char *from_dir, const char *to_dir, const char *name)
{
	char path[2048];
	struct bytes data;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", from_dir, name);
	data = test_file(path);
	snprintf(path, sizeof(path), "%s/%s", to_dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data.data, 1, data.len, f), data.len);
	assert_ok(fclose(f));
	free((void *)(uintptr_t)data.data);
}

static void an_index_that_is_ahead_or_of_another_truth_is_not_trusted(void **state)
{
	struct world a, b;

	(void)state;
	world_init(&a, 36);
	world_init(&b, 37);
	world_grow(&a, 5);
	world_grow(&b, 9);
	index_all(&a, 1000);
	index_all(&b, 1000);
	store_close(b.store);
	b.store = NULL;
	copy(a.dir, b.dir, "index/data.mdb");
	assert_int_equal(position_after_opening(&b, STORE_READ), 0);
	assert_int_equal(position_after_opening(&b, STORE_WRITE), 0);
	index_all(&b, 1000);
	compare(&b);

	/* The truth goes back to a backup, the index stays. */
	store_close(a.store);
	copy(a.dir, b.dir, "log/data.mdb");
	a.store = model_open(a.dir, STORE_WRITE);
	world_grow(&a, 3);
	index_all(&a, 1000);
	store_close(a.store);
	a.store = NULL;
	copy(b.dir, a.dir, "log/data.mdb");
	assert_int_equal(position_after_opening(&a, STORE_READ), 0);
	assert_int_equal(position_after_opening(&a, STORE_WRITE), 0);
	store_close(b.store);
	b.store = NULL;
	world_free(&a);
	world_free(&b);
}

static void a_broken_index_file_is_replaced(void **state)
{
	struct world w;
	char path[2048];

	(void)state;
	world_init(&w, 38);
	world_grow(&w, 5);
	index_all(&w, 1000);
	store_close(w.store);
	w.store = NULL;
	snprintf(path, sizeof(path), "%s/index/data.mdb", w.dir);
	assert_ok(truncate(path, 100));
	assert_int_equal(position_after_opening(&w, STORE_READ), 0);
	assert_int_equal(position_after_opening(&w, STORE_WRITE), 0);
	index_all(&w, 1000);
	compare(&w);
	world_free(&w);
}

/* As the schema before wrote it: without runs, keys as they are. */
static void an_index_of_a_former_layout_is_built_anew(void **state)
{
	uint8_t about[4 + STORE_ID_BYTES + INDEX_HASH_KEY_BYTES] = {0};
	MDB_val key = db_val("about", strlen("about")), value = db_val(about, sizeof(about));
	struct world w;
	MDB_txn *txn;

	(void)state;
	world_init(&w, 40);
	world_grow(&w, 5);
	index_all(&w, 1000);
	be32_put(about, INDEX_SCHEMA - 1);
	memcpy(about + 4, w.store->id, STORE_ID_BYTES);
	assert_ok(mdb_txn_begin(w.store->index.env, NULL, 0, &txn));
	assert_ok(mdb_put(txn, w.store->index.tables[INDEX_META], &key, &value, 0));
	assert_ok(mdb_txn_commit(txn));
	assert_int_equal(position_after_opening(&w, STORE_READ), 0);
	assert_int_equal(position_after_opening(&w, STORE_WRITE), 0);
	index_all(&w, 1000);
	compare(&w);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_as_the_list_does_however_it_is_stepped),
		cmocka_unit_test(a_dropped_index_comes_back_the_same),
		cmocka_unit_test(a_visitor_ends_a_walk),
		cmocka_unit_test(a_hash_that_fits_is_not_yet_the_value),
		cmocka_unit_test(a_retraction_stands_until_the_claim_is_made_again),
		cmocka_unit_test(an_index_from_before_a_crash_of_the_machine_is_not_trusted),
		cmocka_unit_test(an_index_that_is_ahead_or_of_another_truth_is_not_trusted),
		cmocka_unit_test(a_broken_index_file_is_replaced),
		cmocka_unit_test(an_index_of_a_former_layout_is_built_anew),
	};

	int failed;

	if (hash_init() != 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	/* And where every step makes a run, and merges some. */
	index_fresh_keys_set(3);
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
