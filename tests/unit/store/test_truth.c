/* SPDX-License-Identifier: EUPL-1.2 */
/* The truth within one process: what is written reads back, what is refused leaves no trace. */
#include "merkle/proof.h"
#include "store/db.h"
#include "unit/store/model.h"

#include <stdio.h>
#include <sys/stat.h>

#define LOGS 5

/* --- random appends against the model --------------------------------------------------------- */

struct arrivals {
	struct {
		unsigned log;
		uint64_t index;
	} * places;
	size_t len;
};

static void arrivals_add(struct arrivals *a, unsigned log, const struct model_log *m)
{
	a->places = realloc(a->places, (a->len + (m->made - m->size)) * sizeof(*a->places) + 1);
	assert_non_null(a->places);
	for (uint64_t i = m->size; i < m->made; i++, a->len++) {
		a->places[a->len].log = log;
		a->places[a->len].index = i;
	}
}

static void arrivals_compare(struct store_reader *r, const struct arrivals *a,
	struct model_log *logs)
{
	struct store_place at = {0, 0};
	struct store_entry e, same;

	for (size_t i = 0; i < a->len; i++) {
		const struct model_log *m = &logs[a->places[i].log];
		struct store_log log;

		assert_ok(store_entry_next(r, at, &e));
		if (i % 97 == 0) {
			assert_ok(store_log_at(r, e.log, &log));
			assert_true(log_name_eq(&log.name, &m->name));
			assert_ok(store_entry_at(r, e.place, &same));
			assert_ptr_equal(same.entry.leaf.data, e.entry.leaf.data);
		}
		assert_true(e.index == a->places[i].index);
		assert_memory_equal(e.entry.leaf.data, m->packed.data + m->offsets[e.index],
			ENTRY_HEADER_BYTES);
		assert_int_equal(e.via.bytes[3], m->name.node.bytes[0]);
		at = (struct store_place){e.place.arrival, e.place.slot + 1};
	}
	assert_int_equal(store_entry_next(r, at, &e), ENT_ENOTFOUND);
	assert_true(store_arrival_last(r) == at.arrival);
}

static void compare_all(struct store *s, struct model_log *logs, const struct arrivals *a,
	const struct env_rng *rng)
{
	struct store_reader *r;

	assert_ok(store_reader_open(s, &r));
	for (unsigned i = 0; i < LOGS; i++)
		if (logs[i].size > 0)
			model_compare(r, &logs[i], rng, 12);
	arrivals_compare(r, a, logs);
	store_reader_close(r);
}

static uint32_t random_count(const struct env_rng *rng)
{
	switch (env_random_u64(rng) % 4) {
	case 0:
		return 1;
	case 1:
		return 1 + (uint32_t)(env_random_u64(rng) % 20);
	case 2:
		return 1 + (uint32_t)(env_random_u64(rng) % 700);
	default:
		return 1 + (uint32_t)(env_random_u64(rng) % 4096);
	}
}

static void random_appends_read_back_as_the_model_says(void **state)
{
	const char *dir = test_dir();
	uint64_t seed = 11;
	struct env_rng rng = test_rng(&seed);
	struct store *s = model_open(dir, STORE_WRITE);
	struct arrivals arrivals = {0};
	struct model_log logs[LOGS];

	(void)state;
	for (unsigned i = 0; i < LOGS; i++)
		model_log_init(&logs[i], model_name(i, 1000 + i, audience_of(AUDIENCE_GREEN)));
	for (unsigned round = 0; round < 40; round++) {
		unsigned used = 1 + (unsigned)(env_random_u64(&rng) % LOGS);
		bool abort = env_random_u64(&rng) % 5 == 0;
		struct store_txn *txn;

		for (unsigned i = 0; i < used; i++) {
			uint32_t count = random_count(&rng);

			model_entries(&logs[i], &rng, count, count < 20 ? ENTRY_BODY_MAX : 200);
		}
		assert_ok(store_begin(s, &txn));
		for (unsigned i = 0; i < used; i++)
			assert_ok(model_append(txn, &logs[i]));
		/* What was aborted is appended with the next round's. */
		if (abort) {
			store_abort(txn);
		} else {
			assert_ok(store_commit(txn));
			for (unsigned i = 0; i < used; i++) {
				arrivals_add(&arrivals, i, &logs[i]);
				logs[i].size = logs[i].made;
			}
		}
		if (round % 8 == 7) {
			compare_all(s, logs, &arrivals, &rng);
			store_close(s);
			s = model_open(dir, STORE_WRITE);
			compare_all(s, logs, &arrivals, &rng);
		}
	}
	assert_true(store_disk_bytes(s) > logs[0].packed.len);
	store_close(s);
	for (unsigned i = 0; i < LOGS; i++)
		model_log_free(&logs[i]);
	free(arrivals.places);
	test_dir_remove(dir);
}

static void subtrees_serve_proofs_and_ranges(void **state)
{
	const char *dir = test_dir();
	uint64_t seed = 12;
	struct env_rng rng = test_rng(&seed);
	struct store *s = model_open(dir, STORE_WRITE);
	struct store_reader *r;
	struct store_tree tree;
	struct store_log log;
	struct model_log m;
	struct hash root;

	(void)state;
	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	for (unsigned i = 0; i < 5; i++) {
		model_entries(&m, &rng, 999, 30);
		model_store(s, &m);
	}
	assert_ok(store_reader_open(s, &r));
	assert_ok(store_log_get(r, &m.name, &log));
	range_root(&log.tree, &root);
	tree = (struct store_tree){r, log.number};
	for (unsigned i = 0; i < 40; i++) {
		uint64_t index = env_random_u64(&rng) % m.size;
		uint64_t begin = env_random_u64(&rng) % m.size;
		struct range left, right;
		struct proof proof;
		struct hash got;

		assert_ok(proof_inclusion_build(&proof, index, m.size, store_tree_subtree, &tree));
		assert_ok(proof_inclusion_verify(index, m.size, &m.leaves[index], proof.hashes,
			proof.hashes_len, &root));
		assert_ok(proof_range_build(&left, 0, begin, store_tree_subtree, &tree));
		assert_ok(proof_range_build(&right, begin, m.size, store_tree_subtree, &tree));
		assert_ok(range_merge(&left, &right));
		range_root(&left, &got);
		assert_memory_equal(&got, &root, HASH_BYTES);
	}
	store_reader_close(r);
	store_close(s);
	model_log_free(&m);
	test_dir_remove(dir);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void refused_runs_leave_the_transaction_as_it_was(void **state)
{
	const char *dir = test_dir();
	uint64_t seed = 13;
	struct env_rng rng = test_rng(&seed);
	struct store *s = model_open(dir, STORE_WRITE);
	struct store_txn *txn;
	struct store_reader *r;
	struct store_log log;
	struct store_run run;
	struct model_log m;
	struct range wrong;

	(void)state;
	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	model_entries(&m, &rng, 300, 50);
	wrong = m.tree;
	wrong.hashes[0].bytes[5] ^= 1;
	run = (struct store_run){
		.log = m.name, .count = 300, .entries = buf_view(&m.packed), .tree = &m.tree};

	assert_ok(store_begin(s, &txn));
	assert_int_equal(store_append(txn, &run), ENT_ENOTFOUND);
	assert_int_equal(store_txn_log(txn, &m.name, false, &log), ENT_ENOTFOUND);
	assert_ok(store_txn_log(txn, &m.name, true, &log));
	run.start = 1;
	assert_int_equal(store_append(txn, &run), ENT_ESTATE);
	run.start = 0;
	run.tree = &wrong;
	assert_int_equal(store_append(txn, &run), ENT_EPROOF);
	run.tree = &m.tree;
	/* The hashes of the leaves stand for the tree as well. */
	m.leaves[299].bytes[31] ^= 1;
	run.leaves = m.leaves;
	run.tree = NULL;
	assert_int_equal(store_append(txn, &run), ENT_EPROOF);
	m.leaves[299].bytes[31] ^= 1;
	run.entries.len--;
	assert_int_equal(store_append(txn, &run), ENT_EINVALID);
	run.entries.len++;
	run.count = 299;
	assert_int_equal(store_append(txn, &run), ENT_EINVALID);
	run.count = 0;
	assert_int_equal(store_append(txn, &run), ENT_EINVALID);
	run.count = 300;
	assert_ok(store_append(txn, &run));
	assert_int_equal(store_append(txn, &run), ENT_ESTATE);
	assert_ok(store_txn_log(txn, &m.name, false, &log));
	assert_int_equal(log.size, 300);
	assert_ok(store_commit(txn));
	m.size = 300;

	assert_ok(store_begin(s, &txn));
	assert_ok(store_log_freeze(txn, &m.name));
	assert_ok(store_commit(txn));
	model_entries(&m, &rng, 1, 50);
	assert_ok(store_begin(s, &txn));
	assert_int_equal(model_append(txn, &m), ENT_ESTATE);
	store_abort(txn);
	assert_ok(store_reader_open(s, &r));
	model_compare(r, &m, &rng, 3);
	assert_ok(store_log_get(r, &m.name, &log));
	assert_true(log.frozen);
	store_reader_close(r);
	store_close(s);
	model_log_free(&m);
	test_dir_remove(dir);
}

static void run_read_ends_at_size_and_gives_at_least_one(void **state)
{
	const char *dir = test_dir();
	uint64_t seed = 14;
	struct env_rng rng = test_rng(&seed);
	struct store *s = model_open(dir, STORE_WRITE);
	struct buf out = buf_with_max(1u << 20);
	struct store_reader *r;
	struct model_log m;
	uint32_t count;

	(void)state;
	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	model_entries(&m, &rng, 50, 50);
	model_store(s, &m);
	assert_ok(store_reader_open(s, &r));
	assert_int_equal(store_run_read(r, &m.name, 50, 60, 1000, &out, &count), ENT_ENOTFOUND);
	assert_int_equal(store_run_read(r, &m.name, 5, 5, 1000, &out, &count), ENT_ENOTFOUND);
	assert_ok(store_run_read(r, &m.name, 49, UINT64_MAX, 0, &out, &count));
	assert_int_equal(count, 1);
	assert_ok(store_run_read(r, &m.name, 0, UINT64_MAX, SIZE_MAX, &out, &count));
	assert_int_equal(count, 50);
	m.name.incarnation++;
	assert_int_equal(store_run_read(r, &m.name, 0, 1, 1000, &out, &count), ENT_ENOTFOUND);
	store_reader_close(r);
	store_close(s);
	buf_free(&out);
	model_log_free(&m);
	test_dir_remove(dir);
}

/* --- checkpoints, origins, settings ----------------------------------------------------------- */

static void checkpoint_put(struct store *s, const struct model_log *m, uint64_t size)
{
	struct checkpoint c = {.log = m->name, .size = size, .root = model_tree(m->leaves, size)};
	struct store_txn *txn;

	c.signature[0] = (uint8_t)size;
	assert_ok(store_begin(s, &txn));
	assert_ok(store_checkpoint_put(txn, &c));
	assert_ok(store_commit(txn));
}

static void checkpoints_are(struct store *s, const struct model_log *m, uint64_t newest,
	uint64_t held)
{
	struct store_reader *r;
	struct store_log log;

	assert_ok(store_reader_open(s, &r));
	assert_ok(store_log_get(r, &m->name, &log));
	assert_true(log.has_checkpoint == (newest > 0) && log.checkpoint.size == newest);
	assert_true(log.has_held == (held > 0) && log.held.size == held);
	assert_int_equal(log.checkpoint.signature[0], (uint8_t)newest);
	assert_true(log_name_eq(&log.checkpoint.log, &m->name));
	store_reader_close(r);
}

static void keeps_the_newest_checkpoint_and_the_newest_held(void **state)
{
	const char *dir = test_dir();
	uint64_t seed = 15;
	struct env_rng rng = test_rng(&seed);
	struct store *s = model_open(dir, STORE_WRITE);
	struct store_txn *txn;
	struct checkpoint c = {.size = 1};
	struct model_log m, all;

	(void)state;
	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	model_log_init(&all, m.name);
	model_entries(&all, &rng, 20, 50);
	seed = 15;
	c.log = m.name;
	assert_ok(store_begin(s, &txn));
	assert_int_equal(store_checkpoint_put(txn, &c), ENT_ENOTFOUND);
	store_abort(txn);
	model_entries(&m, &rng, 10, 50);
	model_store(s, &m);
	checkpoints_are(s, &m, 0, 0);
	checkpoint_put(s, &all, 20);
	checkpoints_are(s, &m, 20, 0);
	checkpoint_put(s, &all, 8);
	checkpoints_are(s, &m, 20, 8);
	checkpoint_put(s, &all, 6);
	checkpoints_are(s, &m, 20, 8);
	model_entries(&m, &rng, 9, 50);
	model_store(s, &m);
	checkpoints_are(s, &m, 20, 8);
	model_entries(&m, &rng, 1, 50);
	model_store(s, &m);
	checkpoints_are(s, &m, 20, 20);
	store_close(s);
	model_log_free(&all);
	model_log_free(&m);
	test_dir_remove(dir);
}

static int origin_count(void *ctx, const struct store_origin *o)
{
	unsigned *count = ctx;

	assert_int_equal(o->node.bytes[0], *count);
	assert_true(o->when_ms == 77 + *count);
	return ++*count == 3 ? ENT_EDENIED : 0;
}

static void origins_and_settings_read_back(void **state)
{
	const char *dir = test_dir();
	struct store *s = model_open(dir, STORE_WRITE);
	struct node_id introducer = {{9, 9}};
	static uint8_t chain[70000];
	struct store_txn *txn;
	struct store_reader *r;
	struct store_origin o;
	struct bytes value;
	unsigned count = 0;
	char key[80] = "";

	(void)state;
	memset(chain, 'c', sizeof(chain));
	assert_ok(store_begin(s, &txn));
	for (unsigned i = 0; i < 4; i++) {
		struct node_id node = {{(uint8_t)i}};

		assert_ok(store_origin_put(txn, &node, BYTES_NONE, &introducer, 1));
		assert_ok(store_origin_put(txn, &node, bytes_from(chain, i * 20000), &introducer,
			77 + i));
	}
	assert_ok(store_meta_put(txn, "mute", bytes_str("yes")));
	assert_ok(store_meta_put(txn, "empty", BYTES_NONE));
	assert_int_equal(store_meta_put(txn, ".schema", bytes_str("x")), ENT_EINVALID);
	assert_int_equal(store_meta_put(txn, "", bytes_str("x")), ENT_EINVALID);
	memset(key, 'k', 64);
	assert_ok(store_meta_put(txn, key, bytes_str("x")));
	key[64] = 'k';
	assert_int_equal(store_meta_put(txn, key, bytes_str("x")), ENT_EINVALID);
	assert_ok(store_commit(txn));

	assert_ok(store_reader_open(s, &r));
	assert_ok(store_origin_get(r, &(struct node_id){{3}}, &o));
	assert_bytes_equal(o.chain, bytes_from(chain, 60000));
	assert_true(node_id_eq(&o.introduced_by, &introducer));
	assert_int_equal(store_origin_get(r, &introducer, &o), ENT_ENOTFOUND);
	assert_int_equal(store_origin_each(r, origin_count, &count), ENT_EDENIED);
	assert_int_equal(count, 3);
	assert_ok(store_meta_get(r, "mute", &value));
	assert_bytes_equal(value, bytes_str("yes"));
	assert_ok(store_meta_get(r, "empty", &value));
	assert_int_equal(value.len, 0);
	assert_int_equal(store_meta_get(r, ".schema", &value), ENT_ENOTFOUND);
	assert_int_equal(store_meta_get(r, "other", &value), ENT_ENOTFOUND);
	store_reader_close(r);
	store_close(s);
	test_dir_remove(dir);
}

static int log_visit(void *ctx, const struct store_log *log)
{
	uint32_t *last = ctx;

	assert_int_equal(log->number, *last + 1);
	assert_int_equal(log->name.node.bytes[0], 100 - *last);
	*last = log->number;
	return *last == 60 ? ENT_ENOTFOUND : 0;
}

static void logs_are_walked_in_order_of_number(void **state)
{
	const char *dir = test_dir();
	struct store *s = model_open(dir, STORE_WRITE);
	struct store_reader *r;
	struct store_txn *txn;
	uint32_t last = 0;

	(void)state;
	assert_ok(store_begin(s, &txn));
	for (unsigned i = 0; i < 50; i++) {
		struct log_name name = model_name(100 - i, 1, audience_agreement(i));
		struct store_log log;

		assert_ok(store_txn_log(txn, &name, true, &log));
		assert_ok(store_txn_log(txn, &name, true, &log));
		assert_int_equal(log.number, i + 1);
	}
	assert_ok(store_commit(txn));
	assert_ok(store_reader_open(s, &r));
	assert_ok(store_log_each(r, log_visit, &last));
	assert_int_equal(last, 50);
	last = 0;
	store_reader_close(r);
	assert_ok(store_begin(s, &txn));
	for (unsigned i = 50; i < 70; i++) {
		struct log_name name = model_name(100 - i, 1, audience_agreement(i));
		struct store_log log;

		assert_ok(store_txn_log(txn, &name, true, &log));
	}
	assert_ok(store_commit(txn));
	assert_ok(store_reader_open(s, &r));
	/* The visitor's own error is what comes back, whichever it is. */
	assert_int_equal(store_log_each(r, log_visit, &last), ENT_ENOTFOUND);
	assert_int_equal(last, 60);
	store_reader_close(r);
	store_close(s);
	test_dir_remove(dir);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void a_second_writer_is_refused(void **state)
{
	const char *dir = test_dir();
	struct store *s = model_open(dir, STORE_WRITE);
	struct err_text err;
	struct store *other;

	(void)state;
	assert_int_equal(store_open(&other, dir, STORE_WRITE, &err), ENT_EBUSY);
	assert_non_null(strstr(err.text, "another process writes"));
	store_close(s);
	s = model_open(dir, STORE_WRITE);
	store_close(s);
	test_dir_remove(dir);
}

static void reading_creates_nothing(void **state)
{
	const char *dir = test_dir();
	struct err_text err;
	struct store *s;
	char path[2048];
	struct stat st;

	(void)state;
	assert_int_equal(store_open(&s, dir, STORE_READ, &err), ENT_ENOTFOUND);
	assert_null(s);
	snprintf(path, sizeof(path), "%s/log", dir);
	assert_int_not_equal(stat(path, &st), 0);
	test_dir_remove(dir);
}

/* Says in a closed store that another schema wrote it; without drop, that has the same tables. */
static void schema_set(const char *dir, const char schema[4], const char *drop)
{
	static const char *tables[2] = {"meta"};
	MDB_val key = db_val(".schema", 7), value = db_val(schema, 4);
	struct db db = {0};
	MDB_txn *txn;
	char path[2048];

	tables[1] = drop;
	snprintf(path, sizeof(path), "%s/log", dir);
	assert_ok(db_open(&db, path, true, 0, tables, drop ? 2 : 1));
	assert_ok(mdb_txn_begin(db.env, NULL, 0, &txn));
	assert_ok(mdb_put(txn, db.tables[0], &key, &value, 0));
	if (drop)
		assert_ok(mdb_drop(txn, db.tables[1], 1));
	assert_ok(mdb_txn_commit(txn));
	db_close(&db);
}

static void an_unknown_schema_is_refused(void **state)
{
	const char *dir = test_dir();
	struct err_text err;
	struct store *s;

	(void)state;
	store_close(model_open(dir, STORE_WRITE));
	schema_set(dir, "\0\0\0\x63", NULL);
	assert_int_equal(store_open(&s, dir, STORE_WRITE, &err), ENT_EVERSION);
	assert_int_equal(store_open(&s, dir, STORE_READ, &err), ENT_EVERSION);
	test_dir_remove(dir);
}

static void the_first_schema_is_taken_up_by_a_writer(void **state)
{
	const char *dir = test_dir();
	struct model_log m;
	struct err_text err;
	struct store_reader *r;
	struct store *s;
	struct env_rng rng;
	uint64_t seed = 7;

	(void)state;
	rng = test_rng(&seed);
	model_log_init(&m, model_name(1, 100, audience_of(AUDIENCE_CLEAR)));
	s = model_open(dir, STORE_WRITE);
	model_entries(&m, &rng, 300, 50);
	model_store(s, &m);
	store_close(s);
	schema_set(dir, "\0\0\0\1", "erasing");

	assert_int_equal(store_open(&s, dir, STORE_READ, &err), ENT_EVERSION);
	store_close(model_open(dir, STORE_WRITE));
	s = model_open(dir, STORE_READ);
	assert_ok(store_reader_open(s, &r));
	model_compare(r, &m, &rng, 20);
	store_reader_close(r);
	store_close(s);
	model_log_free(&m);
	test_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_appends_read_back_as_the_model_says),
		cmocka_unit_test(subtrees_serve_proofs_and_ranges),
		cmocka_unit_test(refused_runs_leave_the_transaction_as_it_was),
		cmocka_unit_test(run_read_ends_at_size_and_gives_at_least_one),
		cmocka_unit_test(keeps_the_newest_checkpoint_and_the_newest_held),
		cmocka_unit_test(origins_and_settings_read_back),
		cmocka_unit_test(logs_are_walked_in_order_of_number),
		cmocka_unit_test(a_second_writer_is_refused),
		cmocka_unit_test(reading_creates_nothing),
		cmocka_unit_test(an_unknown_schema_is_refused),
		cmocka_unit_test(the_first_schema_is_taken_up_by_a_writer),
	};

	return hash_init() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
