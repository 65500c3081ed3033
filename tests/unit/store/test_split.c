/* SPDX-License-Identifier: EUPL-1.2 */
/* What is known against a log, and what settles it: in whatever order it comes. */
#include "store/db.h"
#include "unit/store/model.h"

#include <stdio.h>

#define OLD   1000u
#define NEW   2000u
#define NEWER 3000u
#define CLEAR audience_of(AUDIENCE_CLEAR)

/* An old feed of ten indicators, and feeds of later incarnations with a succession. */
struct world {
	const char *dir;
	struct store *store;
	struct model_log old, new, newer;
};

static void put_indicator(struct model_log *m, const char *value, uint8_t object)
{
	struct entry_header header = {
		.kind = KIND_INDICATOR, .tlp = TLP_CLEAR, .type = TYPE_DOMAIN, .object = {object}};
	struct buf body = buf_with_max(1000);

	assert_ok(record_indicator_encode(&body,
		&(struct record_indicator){
			.value = bytes_str(value), .valid_until = 4000000000000}));
	model_entry(m, header, buf_view(&body), false);
	buf_free(&body);
}

static const struct entry_header succession_header = {.kind = KIND_SUCCESSION, .tlp = TLP_CLEAR};

static void succession_encode(struct buf *body, const struct log_name *old, uint64_t size,
	const struct hash *root)
{
	struct record_succession s = {.old_log = *old, .size = size};

	memcpy(s.root, root->bytes, sizeof(s.root));
	assert_ok(record_succession_encode(body, &s));
}

static void put_succession(struct model_log *m, const struct log_name *old, uint64_t size,
	const struct hash *root)
{
	struct buf body = buf_with_max(1000);

	succession_encode(&body, old, size, root);
	model_entry(m, succession_header, buf_view(&body), false);
	buf_free(&body);
}

/* All that is made of a log is under a checkpoint. */
static void checkpoint(struct world *w, const struct model_log *m)
{
	struct checkpoint c = {
		.log = m->name, .size = m->made, .root = model_tree(m->leaves, m->made)};
	struct store_txn *txn;

	assert_ok(store_begin(w->store, &txn));
	assert_ok(store_checkpoint_put(txn, &c));
	assert_ok(store_commit(txn));
}

/* Something else; no index counts it among the claims. */
static void put_other(struct model_log *m)
{
	model_entry(m,
		(struct entry_header){.kind = KIND_RETRACTION, .tlp = TLP_CLEAR, .object = {9}},
		BYTES_NONE, false);
}

static void world_init(struct world *w)
{
	w->dir = test_dir();
	w->store = model_open(w->dir, STORE_WRITE);
	model_log_init(&w->old, model_name(1, OLD, CLEAR));
	model_log_init(&w->new, model_name(1, NEW, CLEAR));
	model_log_init(&w->newer, model_name(1, NEWER, CLEAR));
	for (unsigned i = 0; i < 10; i++) {
		char value[32];

		snprintf(value, sizeof(value), "v%u.example.org", i);
		put_indicator(&w->old, value, (uint8_t)(i % 5));
	}
}

static void world_free(struct world *w)
{
	store_close(w->store);
	test_dir_remove(w->dir);
	model_log_free(&w->old);
	model_log_free(&w->new);
	model_log_free(&w->newer);
}

static void index_all(struct store *s)
{
	int rc;

	while ((rc = store_index_step(s, NULL, 100)) == 1)
		;
	assert_ok(rc);
}

static int count_visit(void *ctx, const struct store_entry *e)
{
	(void)e;
	++*(unsigned *)ctx;
	return 0;
}

static unsigned finds(struct store_reader *r, unsigned i)
{
	char value[32];
	unsigned n = 0;

	snprintf(value, sizeof(value), "v%u.example.org", i);
	assert_ok(store_find_value(r, TYPE_DOMAIN, bytes_str(value), count_visit, &n));
	return n;
}

/* Everything up to there is shown, and nothing beyond, by every kind of look-up. */
static void assert_void_from(struct world *w, uint64_t until)
{
	struct store_reader *r;
	struct store_log log;
	struct store_entry e;
	unsigned n = 0;

	index_all(w->store);
	assert_ok(store_reader_open(w->store, &r));
	assert_ok(store_log_get(r, &w->old.name, &log));
	for (unsigned i = 0; i < 10; i++) {
		const char *hidden;

		assert_int_equal(finds(r, i), i < until);
		assert_ok(store_entry_get(r, log.number, i, &e));
		hidden = store_hidden(r, e.place);
		if (i < until)
			assert_null(hidden);
		else
			assert_string_equal(hidden, "void");
	}
	assert_ok(store_find_object(r, NULL, 0, count_visit, &n));
	assert_true(n >= until);
	n = 0;
	assert_ok(store_find_expiry(r, 0, INT64_MAX, count_visit, &n));
	assert_int_equal(n, until);
	/* Of two claims about an object the one that is not void stands. */
	for (uint8_t object = 0; object < 5; object++) {
		const uint8_t id[OBJECT_ID_BYTES] = {object};
		int rc = store_object_standing(r, &w->old.name.node, CLEAR, id, &e);

		/* Object 0 is also the succession's. */
		if (object == 0)
			continue;
		assert_int_equal(rc, object < until ? 0 : ENT_ENOTFOUND);
		if (rc == 0)
			assert_int_equal(e.index, object + 5u < until ? object + 5u : object);
	}
	store_reader_close(r);
}

static void what_a_later_incarnation_does_not_stand_by_is_void_whatever_comes_first(void **state)
{
	(void)state;
	for (unsigned order = 0; order < 3; order++) {
		struct world w;
		struct hash root;

		world_init(&w);
		root = model_tree(w.old.leaves, 7);
		put_succession(&w.new, &w.old.name, 7, &root);
		if (order == 0) {
			model_store(w.store, &w.old);
			index_all(w.store);
			model_store(w.store, &w.new);
		} else {
			model_store(w.store, &w.new);
			if (order == 1)
				index_all(w.store);
			model_store(w.store, &w.old);
		}
		assert_void_from(&w, 7);
		/* And once more from nothing. */
		assert_ok(store_index_drop(w.store));
		assert_void_from(&w, 7);
		world_free(&w);
	}
}

static void the_newest_incarnation_has_the_last_word(void **state)
{
	(void)state;
	for (unsigned order = 0; order < 2; order++) {
		struct world w;
		struct hash root;

		world_init(&w);
		root = model_tree(w.old.leaves, 8);
		put_succession(&w.new, &w.old.name, 8, &root);
		root = model_tree(w.old.leaves, 3);
		put_succession(&w.newer, &w.old.name, 3, &root);
		model_store(w.store, &w.old);
		model_store(w.store, order ? &w.newer : &w.new);
		model_store(w.store, order ? &w.new : &w.newer);
		assert_void_from(&w, 3);
		world_free(&w);
	}
}

/* Said in whatever entry, and in whatever part of the feed comes first: the last word counts. */
static void of_one_incarnation_what_it_says_last_counts(void **state)
{
	struct wire_body late = {0};
	struct store_bodies put = {.bodies = &late, .len = 1};
	struct buf body = buf_with_max(1000);
	struct store_txn *txn;
	struct hash root;
	struct world w;

	(void)state;
	world_init(&w);
	model_store(w.store, &w.old);
	root = model_tree(w.old.leaves, 4);
	put_succession(&w.new, &w.old.name, 4, &root);
	put_other(&w.new);
	model_store(w.store, &w.new);
	assert_void_from(&w, 4);
	put_other(&w.new);
	root = model_tree(w.old.leaves, 6);
	put_succession(&w.new, &w.old.name, 6, &root);
	model_store(w.store, &w.new);
	assert_void_from(&w, 6);
	world_free(&w);

	/* The first is the later to be known, as its body was withheld. */
	world_init(&w);
	model_store(w.store, &w.old);
	root = model_tree(w.old.leaves, 4);
	succession_encode(&body, &w.old.name, 4, &root);
	late.body = buf_view(&body);
	model_salt(&w.new, 0, late.salt);
	model_entry(&w.new, succession_header, late.body, true);
	root = model_tree(w.old.leaves, 6);
	put_succession(&w.new, &w.old.name, 6, &root);
	model_store(w.store, &w.new);
	checkpoint(&w, &w.new);
	put.log = w.new.name;
	assert_ok(store_begin(w.store, &txn));
	assert_ok(store_bodies_put(txn, &put));
	assert_int_equal(put.taken, 1);
	assert_ok(store_commit(txn));
	assert_void_from(&w, 6);
	buf_free(&body);
	world_free(&w);
}

/* Up to schema 5 a row did not tell where the succession stands: in the first entry. */
static void rows_without_a_place_are_read(void **state)
{
	static const char *tables[] = {"successions"};
	uint8_t key[LOG_NAME_BYTES], row[8 + 8 + HASH_BYTES];
	struct db db = {0};
	struct world w;
	struct hash root;
	char path[2048];
	MDB_txn *txn;
	MDB_val k = db_val(key, sizeof(key)), v = db_val(row, sizeof(row));

	(void)state;
	world_init(&w);
	model_store(w.store, &w.old);
	store_close(w.store);
	log_name_pack(key, &w.old.name);
	be64_put(row, NEW);
	be64_put(row + 8, 7);
	root = model_tree(w.old.leaves, 7);
	memcpy(row + 16, root.bytes, HASH_BYTES);
	snprintf(path, sizeof(path), "%s/log", w.dir);
	assert_ok(db_open(&db, path, true, 0, tables, 1));
	assert_ok(mdb_txn_begin(db.env, NULL, 0, &txn));
	assert_ok(mdb_put(txn, db.tables[0], &k, &v, 0));
	assert_ok(mdb_txn_commit(txn));
	db_close(&db);
	w.store = model_open(w.dir, STORE_WRITE);
	assert_void_from(&w, 7);
	/* What is said later in that feed counts. */
	put_other(&w.new);
	root = model_tree(w.old.leaves, 5);
	put_succession(&w.new, &w.old.name, 5, &root);
	model_store(w.store, &w.new);
	assert_void_from(&w, 5);
	world_free(&w);
}

/* Each of these says nothing about the old feed. */
static void only_a_later_feed_of_the_same_node_and_audience_counts(void **state)
{
	struct world w;
	struct model_log feeds[4];
	struct hash root;

	(void)state;
	world_init(&w);
	root = model_tree(w.old.leaves, 2);
	model_log_init(&feeds[0], model_name(2, NEW, CLEAR)); /* of another node */
	put_succession(&feeds[0], &w.old.name, 2, &root);
	model_log_init(&feeds[1], model_name(1, NEW, audience_of(AUDIENCE_GREEN)));
	put_succession(&feeds[1], &w.old.name, 2, &root);
	model_log_init(&feeds[2], model_name(1, OLD - 1, CLEAR)); /* an earlier one */
	put_succession(&feeds[2], &w.old.name, 2, &root);
	model_log_init(&feeds[3], model_name(1, NEWER, CLEAR)); /* without its body */
	model_entry(&feeds[3], succession_header, BYTES_NONE, true);
	model_store(w.store, &w.old);
	for (unsigned i = 0; i < COUNT_OF(feeds); i++) {
		struct store_reader *r;

		model_store(w.store, &feeds[i]);
		index_all(w.store);
		assert_ok(store_reader_open(w.store, &r));
		assert_int_equal(finds(r, 9), 1);
		store_reader_close(r);
		model_log_free(&feeds[i]);
	}
	world_free(&w);
}

static void trust_of(struct world *w, struct store_trust *t)
{
	struct store_reader *r;
	struct store_log log;

	assert_ok(store_reader_open(w->store, &r));
	assert_ok(store_log_get(r, &w->old.name, &log));
	assert_ok(store_log_trust(r, &log, t));
	store_reader_close(r);
}

static void freeze(struct world *w)
{
	struct store_txn *txn;

	assert_ok(store_begin(w->store, &txn));
	assert_ok(store_log_freeze(txn, &w->old.name));
	assert_ok(store_commit(txn));
}

static void a_frozen_feed_is_believed_as_far_as_it_is_vouched_for(void **state)
{
	static const struct hash other = {{1}};
	struct store_trust t;
	struct hash root;
	struct world w;

	(void)state;
	world_init(&w);
	model_store(w.store, &w.old);
	trust_of(&w, &t);
	assert_true(t.good == UINT64_MAX && t.until == UINT64_MAX && t.succeeded_by == 0);
	freeze(&w);
	trust_of(&w, &t);
	assert_true(t.good == 0 && t.until == UINT64_MAX);

	/* Longer than what stands here: who can say? */
	put_succession(&w.new, &w.old.name, 11, &other);
	model_store(w.store, &w.new);
	trust_of(&w, &t);
	assert_true(t.good == 0 && t.until == 11 && t.succeeded_by == NEW);

	root = model_tree(w.old.leaves, 6);
	put_succession(&w.newer, &w.old.name, 6, &root);
	model_store(w.store, &w.newer);
	trust_of(&w, &t);
	assert_true(t.good == 6 && t.until == 6 && t.succeeded_by == NEWER);
	world_free(&w);

	/* The good history is not the one that stands here, frozen or not. */
	world_init(&w);
	model_store(w.store, &w.old);
	put_succession(&w.new, &w.old.name, 6, &other);
	model_store(w.store, &w.new);
	trust_of(&w, &t);
	assert_true(t.good == 0 && t.until == 6);
	world_free(&w);
}

/* Appends [from, to) under the checkpoint that this tree has at size; gives the code. */
static int append(struct world *w, struct model_log *m, uint64_t from, uint64_t to, uint64_t size)
{
	struct checkpoint c = {
		.log = w->old.name, .size = size, .root = model_tree(m->leaves, size)};
	struct range tree;
	struct store_run run = {.log = w->old.name,
		.start = from,
		.count = (uint32_t)(to - from),
		.entries = model_run(m, from, to),
		.tree = &tree};
	struct store_txn *txn;
	struct store_log log;
	int rc;

	range_init(&tree, 0);
	for (uint64_t i = 0; i < to; i++)
		range_append(&tree, &m->leaves[i]);
	assert_ok(store_begin(w->store, &txn));
	assert_ok(store_txn_log(txn, &w->old.name, true, &log));
	rc = store_log_takes(txn, &log, &c) ? store_append(txn, &run) : ENT_ESTATE;
	if (rc == 0)
		rc = store_checkpoint_put(txn, &c);
	if (rc == 0)
		assert_ok(store_commit(txn));
	else
		store_abort(txn);
	return rc;
}

static void a_frozen_feed_grows_as_far_as_it_is_vouched_for_and_no_further(void **state)
{
	struct store_trust t;
	struct hash root;
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(append(&w, &w.old, 0, 3, 3), 0);
	freeze(&w);
	assert_int_equal(append(&w, &w.old, 3, 5, 7), ENT_ESTATE);
	root = model_tree(w.old.leaves, 7);
	put_succession(&w.new, &w.old.name, 7, &root);
	model_store(w.store, &w.new);
	assert_int_equal(append(&w, &w.old, 3, 5, 6), ENT_ESTATE);
	assert_int_equal(append(&w, &w.old, 3, 5, 7), 0);
	assert_int_equal(append(&w, &w.old, 5, 8, 8), ENT_ESTATE);
	assert_int_equal(append(&w, &w.old, 5, 7, 7), 0);
	assert_int_equal(append(&w, &w.old, 7, 8, 8), ENT_ESTATE);
	trust_of(&w, &t);
	assert_true(t.good == 7 && t.until == 7);
	world_free(&w);
}

static int said_visit(void *ctx, const struct store_said *said)
{
	*(struct store_said *)ctx = *said;
	return 0;
}

/* Somebody withheld it: what it says is heard when it comes. */
static void a_succession_whose_body_comes_late_counts_then(void **state)
{
	struct store_said heard = {0};
	struct wire_body late = {0};
	struct store_bodies put = {.bodies = &late, .len = 1};
	struct buf body = buf_with_max(1000);
	struct store_reader *r;
	const struct store_said *said;
	struct store_txn *txn;
	struct hash root;
	struct world w;
	size_t len;

	(void)state;
	world_init(&w);
	model_store(w.store, &w.old);
	assert_void_from(&w, 10);
	root = model_tree(w.old.leaves, 7);
	succession_encode(&body, &w.old.name, 7, &root);
	model_salt(&w.new, 0, late.salt);
	late.body = buf_view(&body);
	model_entry(&w.new, succession_header, late.body, true);
	model_store(w.store, &w.new);
	checkpoint(&w, &w.new);
	put.log = w.new.name;
	assert_ok(store_begin(w.store, &txn));
	assert_ok(store_bodies_put(txn, &put));
	assert_int_equal(put.taken, 1);
	said = store_txn_said(txn, &len);
	assert_int_equal(len, 1);
	assert_true(log_name_eq(&said[0].old, &w.old.name) && said[0].by.size == 7);
	assert_ok(store_commit(txn));
	assert_void_from(&w, 7);
	assert_ok(store_reader_open(w.store, &r));
	assert_ok(store_succession_each(r, said_visit, &heard));
	assert_true(log_name_eq(&heard.old, &w.old.name) && heard.by.size == 7);
	assert_true(hash_eq(&heard.by.root, &root));
	store_reader_close(r);
	buf_free(&body);
	world_free(&w);
}

static void a_proof_is_kept_with_its_log(void **state)
{
	struct store_reader *r;
	struct store_txn *txn;
	struct store_log log;
	struct bytes proof;
	struct world w;

	(void)state;
	world_init(&w);
	assert_ok(store_begin(w.store, &txn));
	assert_int_equal(store_split_put(txn, &w.old.name, bytes_str("?")), ENT_ENOTFOUND);
	assert_ok(store_txn_log(txn, &w.old.name, true, &log));
	assert_ok(store_split_put(txn, &w.old.name, bytes_str("proof")));
	assert_ok(store_commit(txn));
	store_close(w.store);
	w.store = model_open(w.dir, STORE_WRITE);
	assert_ok(store_reader_open(w.store, &r));
	assert_ok(store_split_get(r, log.number, &proof));
	assert_bytes_equal(proof, bytes_str("proof"));
	assert_int_equal(store_split_get(r, log.number + 1, &proof), ENT_ENOTFOUND);
	store_reader_close(r);
	world_free(&w);
}

/* Of the old feed good is, as the store has it; UINT64_MAX: nobody says. */
static uint64_t good_to(struct world *w)
{
	struct store_succession s = {.size = UINT64_MAX};
	struct store_reader *r;

	assert_ok(store_reader_open(w->store, &r));
	(void)!store_succession_get(r, &w->old.name, &s);
	store_reader_close(r);
	return s.size;
}

static void cut(struct world *w, struct model_log *m, uint64_t size)
{
	struct range tree;
	struct store_txn *txn;

	range_init(&tree, 0);
	for (uint64_t i = 0; i < size; i++)
		range_append(&tree, &m->leaves[i]);
	assert_ok(store_begin(w->store, &txn));
	assert_ok(store_log_cut(txn, &m->name, &tree));
	assert_ok(store_commit(txn));
	m->packed.len = m->offsets[size];
	m->made = m->size = size;
	m->tree = tree;
}

/* What went before it was signed has not been said, and does not keep what is said in its place
 * from counting. */
static void what_a_tail_said_goes_with_it(void **state)
{
	struct world w;
	struct hash root;

	(void)state;
	world_init(&w);
	model_store(w.store, &w.old);
	root = model_tree(w.old.leaves, 5);
	put_succession(&w.new, &w.old.name, 5, &root);
	model_store(w.store, &w.new);
	assert_true(good_to(&w) == 5);
	cut(&w, &w.new, 0);
	assert_true(good_to(&w) == UINT64_MAX);
	root = model_tree(w.old.leaves, 8);
	put_succession(&w.new, &w.old.name, 8, &root);
	model_store(w.store, &w.new);
	assert_true(good_to(&w) == 8);
	checkpoint(&w, &w.new);
	/* Said again, as retention does. */
	put_other(&w.new);
	put_succession(&w.new, &w.old.name, 8, &root);
	model_store(w.store, &w.new);
	cut(&w, &w.new, 1);
	assert_true(good_to(&w) == 8);
	root = model_tree(w.old.leaves, 9);
	put_succession(&w.new, &w.old.name, 9, &root);
	model_store(w.store, &w.new);
	assert_true(good_to(&w) == 9);
	world_free(&w);
}

/* Nothing is lost, and the name is free; what the log has said counts no more. */
static void a_log_that_is_put_aside_leaves_its_name(void **state)
{
	struct store_trust t;
	struct store_reader *r;
	struct store_txn *txn;
	struct store_log log;
	struct hash root;
	struct world w;

	(void)state;
	world_init(&w);
	model_store(w.store, &w.old);
	for (uint64_t times = 0; times < 2; times++) {
		uint64_t incarnation;
		struct log_name aside;
		uint32_t number;

		root = model_tree(w.old.leaves, 6);
		put_succession(&w.new, &w.old.name, 6, &root);
		put_indicator(&w.new, times ? "a.example.org" : "b.example.org", 7);
		model_store(w.store, &w.new);
		checkpoint(&w, &w.new);
		trust_of(&w, &t);
		assert_int_equal(t.until, 6);
		assert_ok(store_begin(w.store, &txn));
		assert_ok(store_txn_log(txn, &w.new.name, false, &log));
		number = log.number;
		assert_ok(store_log_put_aside(txn, &w.new.name, &incarnation));
		assert_int_equal(incarnation, times);
		assert_int_equal(store_txn_log(txn, &w.new.name, false, &log), ENT_ENOTFOUND);
		assert_int_equal(store_log_put_aside(txn, &w.new.name, &incarnation),
			ENT_ENOTFOUND);
		assert_ok(store_commit(txn));
		trust_of(&w, &t);
		assert_true(t.until == UINT64_MAX);
		aside = w.new.name;
		aside.incarnation = times;
		assert_ok(store_reader_open(w.store, &r));
		assert_ok(store_log_get(r, &aside, &log));
		assert_true(log.number == number && log.frozen && log.has_held);
		assert_int_equal(log.size, 2);
		w.new.name = aside;
		index_all(w.store);
		model_compare(r, &w.new, &(struct env_rng){0}, 0);
		store_reader_close(r);
		model_log_free(&w.new);
		model_log_init(&w.new, model_name(1, NEW, CLEAR));
	}
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_a_later_incarnation_does_not_stand_by_is_void_whatever_comes_first),
		cmocka_unit_test(the_newest_incarnation_has_the_last_word),
		cmocka_unit_test(of_one_incarnation_what_it_says_last_counts),
		cmocka_unit_test(rows_without_a_place_are_read),
		cmocka_unit_test(only_a_later_feed_of_the_same_node_and_audience_counts),
		cmocka_unit_test(a_frozen_feed_is_believed_as_far_as_it_is_vouched_for),
		cmocka_unit_test(a_frozen_feed_grows_as_far_as_it_is_vouched_for_and_no_further),
		cmocka_unit_test(a_succession_whose_body_comes_late_counts_then),
		cmocka_unit_test(what_a_tail_said_goes_with_it),
		cmocka_unit_test(a_proof_is_kept_with_its_log),
		cmocka_unit_test(a_log_that_is_put_aside_leaves_its_name),
	};

	return cmocka_run_group_tests_name("store_split", tests, NULL, NULL);
}
