/* SPDX-License-Identifier: EUPL-1.2 */
/* The unsigned tail of an own log, dropped. */
#include "unit/store/model.h"

static struct model_log made_log(uint64_t seed, uint32_t count, size_t body_max)
{
	struct env_rng rng = test_rng(&seed);
	struct model_log m;

	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	model_entries(&m, &rng, count, body_max);
	return m;
}

static void sign(struct store *s, const struct model_log *m, uint64_t size)
{
	struct checkpoint c = {.log = m->name, .size = size, .root = model_tree(m->leaves, size)};
	struct store_txn *txn;

	assert_ok(store_begin(s, &txn));
	assert_ok(store_checkpoint_put(txn, &c));
	assert_ok(store_commit(txn));
}

static struct range range_to(const struct model_log *m, uint64_t size)
{
	struct range r;

	range_init(&r, 0);
	for (uint64_t i = 0; i < size; i++)
		range_append(&r, &m->leaves[i]);
	return r;
}

static int cut(struct store *s, const struct model_log *m, uint64_t size)
{
	struct range tree = range_to(m, size);
	struct store_txn *txn;
	int rc;

	assert_ok(store_begin(s, &txn));
	rc = store_log_cut(txn, &m->name, &tree);
	if (rc == 0)
		assert_ok(store_commit(txn));
	else
		store_abort(txn);
	return rc;
}

static uint64_t last_arrival(struct store *s)
{
	struct store_reader *r;
	uint64_t arrival;

	assert_ok(store_reader_open(s, &r));
	arrival = store_arrival_last(r);
	store_reader_close(r);
	return arrival;
}

/* The log has exactly these entries, and their tree. */
static void log_is(struct store *s, const struct model_log *m, uint64_t size)
{
	struct store_tree tree = {0};
	struct store_reader *r;
	struct store_log log;
	struct buf out = buf_with_max(1u << 30);
	struct hash root, want;
	struct range range;
	uint32_t count = 0;

	assert_ok(store_reader_open(s, &r));
	assert_ok(store_log_get(r, &m->name, &log));
	assert_true(log.size == size);
	assert_int_equal(store_run_read(r, &m->name, size, UINT64_MAX, 1000, &out, &count),
		ENT_ENOTFOUND);
	for (uint64_t at = 0; at < size; at += count)
		assert_ok(store_run_read(r, &m->name, at, size, 100000, &out, &count));
	assert_true(bytes_eq(buf_view(&out), model_run(m, 0, size)));
	tree.reader = r;
	tree.log = log.number;
	want = model_tree(m->leaves, size);
	assert_ok(proof_range_build(&range, 0, size, store_tree_subtree, &tree));
	range_root(&range, &root);
	assert_true(hash_eq(&root, &want));
	range_root(&log.tree, &root);
	assert_true(hash_eq(&root, &want));
	store_reader_close(r);
	buf_free(&out);
}

/* Bundles, and subtrees of three levels, lie on both sides of the cut. */
static void another_history_goes_on_where_the_tail_was(void **state)
{
	static const uint64_t sizes[] = {1, 255, 256, 700, 1024, 2999};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const char *dir = test_dir();
		struct store *s = model_open(dir, STORE_WRITE);
		struct model_log m = made_log(3, 3000, 200), other = made_log(3, 3000, 200);
		struct model_log first = made_log(3, (uint32_t)sizes[i], 200);
		uint64_t seed = 99, arrival;
		struct env_rng rng = test_rng(&seed);

		/* Everything in one append: the checkpoint stands in the middle of a bundle. */
		model_store(s, &m);
		sign(s, &m, sizes[i]);
		arrival = last_arrival(s);
		assert_ok(cut(s, &m, sizes[i]));
		log_is(s, &m, sizes[i]);
		assert_int_equal(cut(s, &m, sizes[i]), ENT_ESTATE);
		first.size = sizes[i];
		model_entries(&first, &rng, 3000, 100);
		model_store(s, &first);
		log_is(s, &first, sizes[i] + 3000);
		assert_true(last_arrival(s) > arrival);
		store_close(s);
		s = model_open(dir, STORE_WRITE);
		log_is(s, &first, sizes[i] + 3000);
		store_close(s);
		model_log_free(&m);
		model_log_free(&other);
		model_log_free(&first);
		test_dir_remove(dir);
	}
}

static void what_was_never_signed_at_all_goes_whole(void **state)
{
	const char *dir = test_dir();
	struct store *s = model_open(dir, STORE_WRITE);
	struct model_log m = made_log(4, 600, 50);
	struct store_reader *r;
	struct store_log log;

	(void)state;
	model_store(s, &m);
	assert_ok(cut(s, &m, 0));
	assert_ok(store_reader_open(s, &r));
	assert_ok(store_log_get(r, &m.name, &log));
	assert_true(log.size == 0 && log.tree.hashes_len == 0);
	store_reader_close(r);
	m.size = 0;
	model_store(s, &m);
	log_is(s, &m, 600);
	store_close(s);
	model_log_free(&m);
	test_dir_remove(dir);
}

static void nothing_signed_can_be_dropped(void **state)
{
	const char *dir = test_dir();
	struct store *s = model_open(dir, STORE_WRITE);
	struct model_log m = made_log(5, 100, 50);

	(void)state;
	model_store(s, &m);
	sign(s, &m, 60);
	assert_int_equal(cut(s, &m, 59), ENT_EPROOF);
	assert_int_equal(cut(s, &m, 61), ENT_EPROOF);
	assert_int_equal(cut(s, &m, 0), ENT_EPROOF);
	assert_int_equal(cut(s, &m, 100), ENT_ESTATE);
	log_is(s, &m, 100);
	assert_ok(cut(s, &m, 60));
	log_is(s, &m, 60);
	store_close(s);
	model_log_free(&m);
	test_dir_remove(dir);
}

static unsigned indexed(struct store *s)
{
	struct store_reader *r;
	struct store_counts counts;
	int rc;

	while ((rc = store_index_step(s, NULL, 65536)) > 0)
		;
	assert_ok(rc);
	assert_ok(store_reader_open(s, &r));
	assert_ok(store_counts(r, &counts));
	assert_true(store_index_position(r) == store_arrival_last(r));
	store_reader_close(r);
	return (unsigned)counts.records;
}

static void the_index_is_made_anew(void **state)
{
	const char *dir = test_dir();
	struct store *s = model_open(dir, STORE_WRITE);
	struct model_log m;

	(void)state;
	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	for (unsigned i = 0; i < 20; i++) {
		struct entry_header header = {
			.kind = KIND_RETRACTION, .tlp = TLP_CLEAR, .object = {(uint8_t)i}};

		model_entry(&m, header, bytes_from("", 0), true);
	}
	model_store(s, &m);
	assert_int_equal(indexed(s), 20);
	sign(s, &m, 12);
	assert_ok(cut(s, &m, 12));
	/* While it runs: */
	assert_ok(store_index_drop(s));
	m.size = 12;
	m.made = 12;
	assert_int_equal(store_index_step(s, NULL, 65536), 0);
	store_close(s);
	s = model_open(dir, STORE_WRITE);
	store_close(s);
	model_log_free(&m);
	test_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_history_goes_on_where_the_tail_was),
		cmocka_unit_test(what_was_never_signed_at_all_goes_whole),
		cmocka_unit_test(nothing_signed_can_be_dropped),
		cmocka_unit_test(the_index_is_made_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
