/* SPDX-License-Identifier: EUPL-1.2 */
/* Floors in the store: what goes, what can still be proved, and where a newcomer joins. */
#include <sys/stat.h>

#include "store/impl.h"
#include "unit/store/erasing.h"

static int floor_move(struct place *w, enum place_log log, uint64_t floor)
{
	struct store_txn *txn;
	int rc;

	assert_ok(store_begin(w->store, &txn));
	rc = store_floor_move(txn, &w->logs[log].name, floor);
	assert_ok(store_commit(txn));
	return rc;
}

static int prune_step(struct place *w)
{
	struct store_txn *txn;
	int rc;

	assert_ok(store_begin(w->store, &txn));
	rc = store_prune(txn);
	assert_true(rc >= 0);
	assert_ok(store_commit(txn));
	return rc;
}

static void prune(struct place *w)
{
	int rc;

	settle(w);
	while ((rc = store_index_prune(w->store)) > 0)
		;
	assert_ok(rc);
	while (prune_step(w) == 1)
		;
}

static void fill(struct place *w, enum place_log log, unsigned count, unsigned a_time)
{
	while (count > 0) {
		unsigned n = count < a_time ? count : a_time;
		char value[64];

		for (count -= n; n > 0; n--) {
			unsigned object = (unsigned)w->logs[log].made % 60000 + 1;

			snprintf(value, sizeof(value), "host%u.example.org", object);
			make(w, log, object, KIND_INDICATOR, value, false);
		}
		append(w, log);
	}
	hold(w, log);
}

static bool here(struct place *w, enum place_log log, uint64_t index)
{
	struct store_reader *r = look(w);
	struct store_log row;
	struct store_entry e;
	int rc;

	assert_ok(store_log_get(r, &w->logs[log].name, &row));
	rc = store_entry_get(r, row.number, index, &e);
	store_reader_close(r);
	assert_true(rc == 0 || rc == ENT_ENOTFOUND);
	return rc == 0;
}

static void below_the_floor_everything_goes_and_above_it_nothing(void **state)
{
	struct place w;
	char before[4096], after[4096];

	(void)state;
	place_init(&w, 1);
	fill(&w, NEW, 3000, 100);
	fill(&w, OTHER_NODE, 300, 7);
	settle(&w);
	assert_int_equal(found(&w, "host5.example.org"), 2);
	assert_ok(floor_move(&w, NEW, 2048));
	prune(&w);
	assert_false(here(&w, NEW, 0));
	assert_false(here(&w, NEW, 1999));
	assert_true(here(&w, NEW, 2048));
	assert_true(here(&w, NEW, 2999));
	assert_true(here(&w, OTHER_NODE, 0));
	assert_int_equal(found(&w, "host5.example.org"), 1);
	/* Of the bundle that the floor cuts through the bodies go. */
	assert_true(here(&w, NEW, 2047));
	assert_false(has_body(&w, NEW, 2047));
	assert_true(has_body(&w, NEW, 2048));
	assert_int_equal(found(&w, "host2048.example.org"), 0);
	assert_int_equal(found(&w, "host2049.example.org"), 1);
	transcript(&w, before);
	assert_ok(store_index_drop(w.store));
	prune(&w);
	transcript(&w, after);
	assert_string_equal(before, after);
	place_free(&w);
}

static void what_is_left_can_be_proved(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 2);
	fill(&w, NEW, 5000, 400);
	for (uint64_t floor = FLOOR_STEP; floor <= 4864; floor += FLOOR_STEP * (1 + pick(&w, 5))) {
		struct store_reader *r;
		struct store_tree tree;
		struct store_log log;
		struct range left, right;
		struct hash root, want;

		assert_ok(floor_move(&w, NEW, floor));
		prune(&w);
		tree.reader = r = look(&w);
		assert_ok(store_log_get(r, &w.logs[NEW].name, &log));
		tree.log = log.number;
		assert_true(log.floor == floor);
		assert_ok(proof_range_build(&left, 0, floor, store_tree_subtree, &tree));
		assert_ok(proof_range_build(&right, floor, 5000, store_tree_subtree, &tree));
		assert_ok(range_merge(&left, &right));
		range_root(&left, &root);
		range_root(&w.logs[NEW].tree, &want);
		assert_memory_equal(&root, &want, sizeof(root));
		store_reader_close(r);
	}
	/* And grows on. */
	fill(&w, NEW, 700, 90);
	assert_tree(&w);
	place_free(&w);
}

static void a_floor_moves_in_steps_and_never_down(void **state)
{
	struct place w;
	struct store_reader *r;
	struct store_log log;

	(void)state;
	place_init(&w, 3);
	fill(&w, NEW, 1000, 1000);
	assert_int_equal(floor_move(&w, NEW, 100), ENT_EINVALID);
	assert_int_equal(floor_move(&w, NEW, 1024), ENT_EINVALID);
	assert_int_equal(floor_move(&w, OLD, FLOOR_STEP), ENT_ENOTFOUND);
	assert_ok(floor_move(&w, NEW, 768));
	assert_ok(floor_move(&w, NEW, FLOOR_STEP));
	r = look(&w);
	assert_ok(store_log_get(r, &w.logs[NEW].name, &log));
	assert_true(log.floor == 768);
	store_reader_close(r);
	place_free(&w);
}

static void nothing_goes_before_the_index_has_let_go(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 4);
	fill(&w, NEW, 1000, 100);
	settle(&w);
	assert_ok(floor_move(&w, NEW, 512));
	assert_int_equal(prune_step(&w), 0);
	assert_true(here(&w, NEW, 0));
	place_reopen(&w);
	prune(&w);
	assert_false(here(&w, NEW, 0));
	place_free(&w);
}

static void an_erasure_is_carried_out_before_it_may_go(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 5);
	say(&w, OLD, 9, "old.example.org");
	erase(&w, NEW, 9, false);
	fill(&w, NEW, 600, 100);
	assert_ok(floor_move(&w, NEW, 512));
	index_on(&w);
	assert_int_equal(store_index_prune(w.store), 0);
	assert_int_equal(prune_step(&w), 2);
	assert_true(here(&w, NEW, 0));
	prune(&w);
	assert_false(here(&w, NEW, 0));
	assert_false(has_body(&w, OLD, 0));
	place_free(&w);
}

/* Entries [from, to) of one log of a place, appended to the same log of another. */
static int pass_on(struct place *from, struct place *to, enum place_log log, uint64_t begin,
	uint64_t end)
{
	struct model_log *m = &from->logs[log];
	struct range tree;
	struct store_txn *txn;
	struct store_run run = {.log = m->name,
		.start = begin,
		.count = (uint32_t)(end - begin),
		.entries = model_run(m, begin, end),
		.tree = &tree};
	struct store_log row;
	int rc;

	range_init(&tree, 0);
	for (uint64_t i = 0; i < end; i++)
		range_append(&tree, &m->leaves[i]);
	assert_ok(store_begin(to->store, &txn));
	assert_ok(store_txn_log(txn, &m->name, true, &row));
	rc = store_append(txn, &run);
	assert_ok(store_commit(txn));
	return rc;
}

static int join(struct place *from, struct place *to, enum place_log log, uint64_t floor)
{
	struct store_txn *txn;
	struct range left;
	int rc;

	range_init(&left, 0);
	for (uint64_t i = 0; i < floor; i++)
		range_append(&left, &from->logs[log].leaves[i]);
	assert_ok(store_begin(to->store, &txn));
	rc = store_join(txn, &from->logs[log].name, &left);
	assert_ok(store_commit(txn));
	return rc;
}

static void who_joins_at_a_floor_can_prove_all_that_follows(void **state)
{
	struct place w, newcomer;
	struct store_reader *r;
	struct store_tree tree;
	struct store_log log;
	struct proof proof;
	struct range range;
	struct hash first, second;

	(void)state;
	place_init(&w, 6);
	place_init(&newcomer, 7);
	fill(&w, NEW, 2000, 500);
	assert_ok(join(&w, &newcomer, NEW, 768));
	assert_ok(pass_on(&w, &newcomer, NEW, 768, 1500));
	assert_ok(pass_on(&w, &newcomer, NEW, 1500, 2000));
	assert_int_equal(join(&w, &newcomer, NEW, 1024), ENT_ESTATE);
	tree.reader = r = look(&newcomer);
	assert_ok(store_log_get(r, &w.logs[NEW].name, &log));
	tree.log = log.number;
	assert_true(log.floor == 768 && log.size == 2000);
	assert_memory_equal(log.tree.hashes, w.logs[NEW].tree.hashes,
		log.tree.hashes_len * HASH_BYTES);
	assert_ok(proof_consistency_build(&proof, 1500, 2000, store_tree_subtree, &tree));
	range_init(&range, 0);
	for (uint64_t i = 0; i < 1500; i++)
		range_append(&range, &w.logs[NEW].leaves[i]);
	range_root(&range, &first);
	range_root(&w.logs[NEW].tree, &second);
	assert_ok(proof_consistency_verify(1500, 2000, proof.hashes, proof.hashes_len, &first,
		&second));
	store_reader_close(r);
	place_free(&w);
	place_free(&newcomer);
}

static void who_joins_again_forgets_what_it_held_before(void **state)
{
	struct place w, other;

	(void)state;
	place_init(&w, 8);
	place_init(&other, 9);
	fill(&w, NEW, 2000, 500);
	assert_ok(pass_on(&w, &other, NEW, 0, 300));
	other.logs[NEW] = w.logs[NEW];
	settle(&other);
	assert_int_equal(found(&other, "host5.example.org"), 1);
	assert_ok(join(&w, &other, NEW, 1024));
	assert_ok(pass_on(&w, &other, NEW, 1024, 2000));
	prune(&other);
	assert_int_equal(found(&other, "host5.example.org"), 0);
	assert_int_equal(found(&other, "host1500.example.org"), 1);
	assert_false(here(&other, NEW, 0));
	assert_false(here(&other, NEW, 299));
	assert_true(here(&other, NEW, 1024));
	assert_tree(&other);
	memset(&other.logs[NEW], 0, sizeof(other.logs[NEW]));
	place_free(&w);
	place_free(&other);
}

/* Pages that are free are used again: with a floor that follows, the file stays as it is. */
static void disk_use_levels_off(void **state)
{
	struct place w;
	uint64_t half = 0;

	(void)state;
	place_init(&w, 10);
	for (unsigned round = 0; round < 40; round++) {
		fill(&w, NEW, 2560, 512);
		if (w.logs[NEW].size > 5120)
			assert_ok(floor_move(&w, NEW, w.logs[NEW].size - 5120));
		prune(&w);
		if (round == 20)
			half = store_disk_bytes(w.store);
	}
	assert_true(store_disk_bytes(w.store) <= half + half / 4);
	place_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(below_the_floor_everything_goes_and_above_it_nothing),
		cmocka_unit_test(what_is_left_can_be_proved),
		cmocka_unit_test(a_floor_moves_in_steps_and_never_down),
		cmocka_unit_test(nothing_goes_before_the_index_has_let_go),
		cmocka_unit_test(an_erasure_is_carried_out_before_it_may_go),
		cmocka_unit_test(who_joins_at_a_floor_can_prove_all_that_follows),
		cmocka_unit_test(who_joins_again_forgets_what_it_held_before),
		cmocka_unit_test(disk_use_levels_off),
	};

	int failed;

	if (hash_init() != 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	/* And where every step makes a run, and merges some. */
	index_fresh_keys_set(3);
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
