/* SPDX-License-Identifier: EUPL-1.2 */
/* Erasure in the store: what goes, what stays, in whatever order things come. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "keys/file.h"
#include "store/impl.h"
#include "unit/store/erasing.h"

static void an_erasure_takes_every_earlier_body_and_no_later_one(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 1);
	say(&w, OLD, 1, "one.example.org");
	say(&w, NEW, 1, "one.example.org");
	say(&w, NEW, 2, "two.example.org");
	erase(&w, NEW, 1, false);
	say(&w, NEW, 1, "three.example.org");
	settle(&w);
	assert_false(has_body(&w, OLD, 0));
	assert_false(has_body(&w, NEW, 0));
	assert_true(has_body(&w, NEW, 1));
	assert_true(has_body(&w, NEW, 2)); /* the erasure's own words */
	assert_true(has_body(&w, NEW, 3));
	assert_int_equal(w.bodies, 2);
	assert_int_equal(found(&w, "one.example.org"), 0);
	assert_int_equal(found(&w, "two.example.org"), 1);
	assert_int_equal(found(&w, "three.example.org"), 1);
	assert_tree(&w);
	place_free(&w);
}

static void other_audiences_and_origins_are_left_alone(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 2);
	say(&w, OTHER_AUDIENCE, 1, "one.example.org");
	say(&w, OTHER_NODE, 1, "one.example.org");
	say(&w, NEW, 1, "one.example.org");
	erase(&w, NEW, 1, true);
	settle(&w);
	assert_true(has_body(&w, OTHER_AUDIENCE, 0));
	assert_true(has_body(&w, OTHER_NODE, 0));
	assert_false(has_body(&w, NEW, 0));
	assert_int_equal(found(&w, "one.example.org"), 2);
	assert_true(w.now);
	place_free(&w);
}

static void what_takes_back_keeps_its_words(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 3);
	say(&w, NEW, 1, "one.example.org");
	take_back(&w, NEW, 1, KIND_RETRACTION);
	take_back(&w, NEW, 1, KIND_SUCCESSION);
	erase(&w, NEW, 1, false);
	erase(&w, NEW, 1, false);
	settle(&w);
	assert_false(has_body(&w, NEW, 0));
	for (uint64_t i = 1; i < 5; i++)
		assert_true(has_body(&w, NEW, i));
	place_free(&w);
}

static void a_body_of_an_older_incarnation_that_comes_late_goes_too(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 4);
	say(&w, NEW, 7, "else.example.org");
	erase(&w, NEW, 1, false);
	settle(&w);
	say(&w, OLD, 1, "one.example.org");
	say(&w, OLD, 2, "two.example.org");
	assert_false(served(&w, OLD, 0)); /* at once, */
	assert_true(served(&w, OLD, 1));
	settle(&w);
	assert_false(has_body(&w, OLD, 0)); /* and then for good */
	assert_true(has_body(&w, OLD, 1));
	assert_int_equal(found(&w, "one.example.org"), 0);
	place_free(&w);
}

static void what_waits_to_be_erased_is_not_served(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 5);
	say(&w, NEW, 1, "one.example.org");
	say(&w, NEW, 2, "two.example.org");
	assert_true(served(&w, NEW, 0));
	assert_true(erasing_from(&w, NEW) == UINT64_MAX);
	erase(&w, NEW, 1, false);
	assert_true(erasing_from(&w, NEW) == 2);
	assert_true(erasing_from(&w, OLD) == 0);
	assert_true(erasing_from(&w, OTHER_NODE) == UINT64_MAX);
	assert_true(has_body(&w, NEW, 0));
	assert_false(served(&w, NEW, 0));
	assert_true(served(&w, NEW, 1));
	/* The index is first: without it nothing is carried out. */
	assert_int_equal(carry_out(&w), 0);
	assert_true(has_body(&w, NEW, 0));
	settle(&w);
	assert_true(erasing_from(&w, NEW) == UINT64_MAX);
	assert_false(has_body(&w, NEW, 0));
	place_free(&w);
}

static void what_no_look_up_finds_is_erased_as_well(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 6);
	w.hide = true;
	say(&w, NEW, 1, "one.example.org");
	take_back(&w, NEW, 1, (enum kind)99); /* of a kind that nobody knows yet */
	erase(&w, NEW, 1, false);
	settle(&w);
	assert_false(has_body(&w, NEW, 0));
	assert_false(has_body(&w, NEW, 1));
	place_free(&w);
}

static void a_crash_between_index_and_truth_is_made_good(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 7);
	say(&w, NEW, 1, "one.example.org");
	erase(&w, NEW, 1, false);
	index_on(&w);
	index_forget(&w);
	place_reopen(&w);
	settle(&w);
	assert_false(has_body(&w, NEW, 0));

	/* And if the index is lost after it has let go. */
	say(&w, NEW, 2, "two.example.org");
	erase(&w, NEW, 2, false);
	index_on(&w);
	index_forget(&w);
	assert_ok(store_index_drop(w.store));
	assert_int_equal(carry_out(&w), 0);
	assert_true(has_body(&w, NEW, 2));
	settle(&w);
	assert_false(has_body(&w, NEW, 2));
	assert_int_equal(found(&w, "two.example.org"), 0);
	place_free(&w);
}

static void an_absent_body_is_missing_until_an_erasure_says_why(void **state)
{
	struct place w;
	uint64_t indexes[4];

	(void)state;
	place_init(&w, 8);
	say(&w, NEW, 1, NULL);
	say(&w, NEW, 2, NULL);
	say(&w, NEW, 3, "three.example.org");
	assert_int_equal(missing(&w, NEW, indexes), 0); /* more may come under this checkpoint */
	erase(&w, NEW, 1, false);
	hold(&w, NEW);
	assert_int_equal(missing(&w, NEW, indexes), 1);
	assert_true(indexes[0] == 1);
	settle(&w);
	assert_int_equal(missing(&w, NEW, indexes), 1);
	erase(&w, NEW, 2, false);
	hold(&w, NEW);
	assert_int_equal(missing(&w, NEW, indexes), 0);
	place_free(&w);
}

static void a_long_history_goes_in_steps(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 9);
	for (unsigned i = 0; i < 9000; i++)
		make(&w, NEW, 1 + i % 3000, KIND_INDICATOR, "many.example.org", false);
	append(&w, NEW);
	for (unsigned i = 0; i < 6000; i++)
		make(&w, NEW, 1 + i % 3000, KIND_ERASURE, "", false);
	append(&w, NEW);
	settle(&w);
	assert_int_equal(w.bodies, 9000);
	assert_true(w.steps > 1);
	for (uint64_t i = 0; i < 9000; i += 7)
		assert_false(has_body(&w, NEW, i));
	assert_int_equal(found(&w, "many.example.org"), 0);
	assert_tree(&w);
	place_free(&w);
}

/* Is the text in any file of the store? */
static bool in_files(struct place *w, const char *text)
{
	static const char *const files[] = {"log/data.mdb", "index/data.mdb"};
	bool there = false;

	for (unsigned i = 0; i < COUNT_OF(files); i++) {
		struct buf b = buf_with_max(1u << 30);
		char path[2048];
		struct err_text err;

		snprintf(path, sizeof(path), "%s/%s", w->dir, files[i]);
		assert_ok(file_read(path, &b, &err));
		there |= memmem(b.data, b.len, text, strlen(text)) != NULL;
		buf_free(&b);
	}
	return there;
}

static void compacting_leaves_no_byte_of_what_was_erased(void **state)
{
	struct place w;
	struct store *reading;
	struct store_reader *r;
	struct err_text err;
	struct model_log *m;
	char before[4096], after[4096];

	(void)state;
	place_init(&w, 11);
	for (unsigned i = 0; i < 300; i++) {
		char value[64];

		snprintf(value, sizeof(value), "secret%u.example.org", i);
		say(&w, i % 2 ? OLD : NEW, 1 + i, value);
		if (i % 3 == 0)
			say(&w, OTHER_NODE, 1 + i, "other.example.org");
	}
	for (unsigned i = 0; i < 300; i++)
		erase(&w, NEW, 1 + i, false);
	assert_ok(store_open(&reading, w.dir, STORE_READ, &err));
	settle(&w);
	assert_true(in_files(&w, "secret1"));
	transcript(&w, before);
	assert_ok(store_index_compact(w.store));
	assert_ok(store_compact(w.store));
	assert_false(in_files(&w, "secret"));
	transcript(&w, after);
	assert_string_equal(before, after);
	assert_tree(&w);
	/* Both go on, the writer and who had it open to read. */
	say(&w, NEW, 900, "later.example.org");
	settle(&w);
	assert_int_equal(found(&w, "later.example.org"), 1);
	assert_ok(store_reader_open(reading, &r));
	m = &w.logs[NEW];
	{
		struct store_log log;

		assert_ok(store_log_get(r, &m->name, &log));
		assert_true(log.size == m->size);
	}
	store_reader_close(r);
	store_close(reading);
	place_reopen(&w);
	assert_int_equal(found(&w, "later.example.org"), 1);
	place_free(&w);
}

static void a_reader_puts_the_change_off(void **state)
{
	struct place w;
	struct store_reader *r;

	(void)state;
	place_init(&w, 12);
	say(&w, NEW, 1, "one.example.org");
	r = look(&w);
	assert_int_equal(store_compact(w.store), ENT_EBUSY);
	store_reader_close(r);
	assert_ok(store_compact(w.store));
	assert_true(has_body(&w, NEW, 0));
	place_free(&w);
}

/* So much more of the address space may be taken than is by now. */
static struct rlimit address_space_left(size_t bytes)
{
	struct rlimit before, low;
	char line[256];
	FILE *statm = fopen("/proc/self/statm", "r");

	assert_non_null(statm);
	assert_non_null(fgets(line, sizeof(line), statm));
	fclose(statm);
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	low = before;
	low.rlim_cur = strtoull(line, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) + bytes;
	assert_int_equal(setrlimit(RLIMIT_AS, &low), 0);
	return before;
}

/* The maps of both environments leave less than another as large as the first. */
static void where_the_address_space_is_short_it_compacts_all_the_same(void **state)
{
	struct rlimit before = address_space_left(3ull << 30);
	struct place w;

	(void)state;
	place_init(&w, 13);
	say(&w, NEW, 1, "one.example.org");
	settle(&w);
	assert_ok(store_index_compact(w.store));
	assert_ok(store_compact(w.store));
	assert_int_equal(found(&w, "one.example.org"), 1);
	place_free(&w);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
}

/* Every order of the same sayings ends in the same place; the index is as if built anew. */
static void order_does_not_matter(void **state)
{
	/* Half of the seeds with large runs, and half with small ones. */
	uint64_t first = index_fresh_keys() < 100 ? 101 : 100;

	(void)state;
	for (uint64_t seed = first; seed < 140; seed += 2) {
		struct place w;
		char before[4096], after[4096];

		place_init(&w, seed);
		random_life(&w, 120);
		settle(&w);
		assert_all_as_told(&w);
		transcript(&w, before);
		assert_ok(store_index_drop(w.store));
		settle(&w);
		transcript(&w, after);
		assert_string_equal(before, after);
		place_free(&w);
	}
}

/* The unsigned tail is dropped. */
static void cut(struct place *w, enum place_log log, uint64_t size)
{
	struct range tree;
	struct store_txn *txn;

	range_init(&tree, 0);
	for (uint64_t i = 0; i < size; i++)
		range_append(&tree, &w->logs[log].leaves[i]);
	assert_ok(store_begin(w->store, &txn));
	assert_ok(store_log_cut(txn, &w->logs[log].name, &tree));
	assert_ok(store_commit(txn));
	w->logs[log].packed.len = w->logs[log].offsets[size];
	w->logs[log].size = w->logs[log].made = size;
	w->logs[log].tree = tree;
}

static void what_was_erased_under_a_signature_stays_so_when_the_tail_goes(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 15);
	say(&w, NEW, 1, "one.example.org");
	erase(&w, NEW, 1, false);
	say(&w, NEW, 2, "two.example.org");
	hold(&w, NEW);
	say(&w, NEW, 1, "one.example.org");
	erase(&w, NEW, 1, false);
	erase(&w, NEW, 2, false);
	cut(&w, NEW, 3);
	assert_false(served(&w, NEW, 0));
	assert_true(served(&w, NEW, 2)); /* only the tail said so */
	settle(&w);
	say(&w, OLD, 1, "one.example.org");
	say(&w, OLD, 2, "two.example.org");
	settle(&w);
	assert_false(served(&w, OLD, 0));
	assert_true(served(&w, OLD, 1));
	place_free(&w);
}

/* Something more is said, and then the floor moves. */
static void floor_at(struct place *w, enum place_log log, uint64_t floor)
{
	struct store_txn *txn;

	while (w->logs[log].made <= floor + 40)
		make(w, log, 2, KIND_INDICATOR, "two.example.org", false);
	append(w, log);
	hold(w, log);
	settle(w);
	assert_ok(store_begin(w->store, &txn));
	assert_ok(store_floor_move(txn, &w->logs[log].name, floor));
	assert_ok(store_commit(txn));
}

static uint64_t put_aside(struct place *w, enum place_log log)
{
	uint64_t incarnation;
	struct store_txn *txn;

	assert_ok(store_begin(w->store, &txn));
	assert_ok(store_log_put_aside(txn, &w->logs[log].name, &incarnation));
	assert_ok(store_commit(txn));
	w->logs[log].name.incarnation = incarnation;
	return incarnation;
}

/* It was not the origin that said so, wherever it let its log begin. */
static void what_was_erased_by_a_log_that_is_put_aside_is_not(void **state)
{
	const struct log_name old = model_name(1, 100, audience_of(AUDIENCE_GREEN));
	uint64_t indexes[4];
	struct store_reader *r;
	struct place w;
	size_t len;

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		const bool settled = k & 1;

		place_init(&w, 16);
		say(&w, OLD, 1, "one.example.org");
		hold(&w, OLD);
		say(&w, NEW, 2, "two.example.org");
		if (k & 2)
			floor_at(&w, NEW, 256);
		erase(&w, NEW, 1, false);
		hold(&w, NEW);
		if (settled)
			settle(&w);
		assert_false(served(&w, OLD, 0));
		assert_int_equal(put_aside(&w, NEW), 0);
		r = look(&w);
		assert_ok(store_missing(r, &old, 0, indexes, COUNT_OF(indexes), &len));
		store_reader_close(r);
		assert_int_equal(len, settled);
		assert_int_equal(served(&w, OLD, 0), !settled);
		assert_true(served(&w, NEW, k & 2 ? 256 : 0));
		settle(&w);
		assert_int_equal(served(&w, OLD, 0), !settled);
		place_free(&w);
	}
}

/* The signed erasure itself is forgotten. */
static void so_it_does_where_a_floor_has_passed_it(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 16);
	erase(&w, NEW, 1, false);
	floor_at(&w, NEW, 256);
	erase(&w, NEW, 1, false);
	cut(&w, NEW, w.logs[NEW].size - 1);
	say(&w, OLD, 1, "one.example.org");
	settle(&w);
	assert_false(served(&w, OLD, 0));
	place_free(&w);
}

/* It was carried out before it was signed. Others have these bodies and may give them. */
static void what_only_the_tail_erased_is_missing_from_then_on(void **state)
{
	uint64_t indexes[4];
	struct place w;

	(void)state;
	place_init(&w, 20);
	say(&w, OLD, 1, "one.example.org");
	say(&w, OLD, 2, "two.example.org");
	hold(&w, OLD);
	say(&w, NEW, 2, "two.example.org");
	erase(&w, NEW, 2, false);
	say(&w, NEW, 1, "one.example.org");
	hold(&w, NEW);
	erase(&w, NEW, 1, false);
	erase(&w, NEW, 2, false);
	settle(&w);
	assert_false(has_body(&w, NEW, 2));
	cut(&w, NEW, 3);
	assert_int_equal(missing(&w, NEW, indexes), 1);
	assert_true(indexes[0] == 2);
	assert_int_equal(missing(&w, OLD, indexes), 1);
	assert_true(indexes[0] == 0);
	place_free(&w);
}

/* A power cut takes the index, and so does another tail that was cut just before. */
static void so_it_is_where_the_index_has_not_got_there_yet(void **state)
{
	(void)state;
	for (unsigned indexed = 0; indexed < 2; indexed++) {
		struct store_index_ops ops = {place_hidden, NULL};
		uint64_t indexes[4];
		struct place w;

		place_init(&w, 20);
		ops.ctx = &w;
		say(&w, OLD, 2, "two.example.org");
		say(&w, OLD, 1, "one.example.org");
		hold(&w, OLD);
		say(&w, NEW, 3, "three.example.org");
		say(&w, NEW, 2, "two.example.org");
		erase(&w, NEW, 2, false);
		say(&w, NEW, 1, "one.example.org");
		say(&w, NEW, 3, "three.example.org");
		hold(&w, NEW);
		erase(&w, NEW, 1, false);
		erase(&w, NEW, 2, false);
		settle(&w);
		assert_false(has_body(&w, NEW, 3));
		assert_ok(store_index_drop(w.store));
		if (indexed)
			assert_true(store_index_step(w.store, &ops, 1) > 0);
		cut(&w, NEW, 5);
		assert_int_equal(missing(&w, NEW, indexes), 1);
		assert_true(indexes[0] == 3);
		assert_int_equal(missing(&w, OLD, indexes), 1);
		assert_true(indexes[0] == 1);
		place_free(&w);
	}
}

/* Nor does it matter whether what goes can be read: it was never signed. */
static void a_tail_that_does_not_read_is_cut_all_the_same(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 19);
	say(&w, NEW, 1, "one.example.org");
	hold(&w, NEW);
	say(&w, NEW, 2, "two.example.org");
	say(&w, NEW, 3, "three.example.org");
	bundle_spoil(&w, NEW, 1);
	cut(&w, NEW, 1);
	say(&w, NEW, 4, "four.example.org");
	settle(&w);
	assert_true(served(&w, NEW, 0) && served(&w, NEW, 1));
	assert_tree(&w);
	place_free(&w);
}

/* What it does not read may as well be spoilt: it costs nothing, however long the feed is. */
static void a_cut_reads_what_was_said_of_its_objects_and_nothing_else(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 17);
	say(&w, NEW, 6, "six.example.org");
	erase(&w, NEW, 1, false);
	say(&w, NEW, 7, "seven.example.org");
	settle(&w);
	/* Not in the index yet: */
	say(&w, NEW, 1, "one.example.org");
	erase(&w, NEW, 4, false);
	hold(&w, NEW);
	for (unsigned object = 1; object < 6; object++)
		erase(&w, NEW, object, false);
	bundle_spoil(&w, NEW, 0);
	bundle_spoil(&w, NEW, 2);
	cut(&w, NEW, 5);
	for (unsigned object = 1; object < 6; object++)
		say(&w, OLD, object, "old.example.org");
	for (unsigned object = 1; object < 6; object++)
		assert_int_equal(served(&w, OLD, object - 1), object != 1 && object != 4);
	place_free(&w);
}

/* The index may know of a tail that went before. */
static void entries_that_went_are_not_taken_for_those_in_their_place(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 18);
	erase(&w, NEW, 1, false);
	hold(&w, NEW);
	erase(&w, NEW, 2, false);
	erase(&w, NEW, 1, false);
	index_on(&w);
	cut(&w, NEW, 1);
	say(&w, NEW, 3, "three.example.org");
	erase(&w, NEW, 3, false);
	hold(&w, NEW);
	index_on(&w);
	erase(&w, NEW, 1, false);
	erase(&w, NEW, 2, false);
	erase(&w, NEW, 3, false);
	cut(&w, NEW, 3);
	for (unsigned object = 1; object < 4; object++)
		say(&w, OLD, object, "old.example.org");
	for (unsigned object = 1; object < 4; object++)
		assert_int_equal(served(&w, OLD, object - 1), object == 2);
	place_free(&w);
}

/* Said often and erased often: each erasure has only what came since the one before to look at. */
static void what_is_erased_again_costs_nothing_again(void **state)
{
	struct store_index_ops ops;
	unsigned steps = 0;
	struct place w;

	(void)state;
	place_init(&w, 21);
	ops = (struct store_index_ops){place_hidden, &w};
	for (unsigned i = 0; i < 400; i++)
		make(&w, OLD, 1, KIND_INDICATOR, "old.example.org", false);
	append(&w, OLD);
	for (unsigned i = 0; i < 400; i++)
		make(&w, NEW, 1, KIND_INDICATOR, "many.example.org", false);
	append(&w, NEW);
	for (unsigned i = 0; i < 400; i++)
		make(&w, NEW, 1, KIND_ERASURE, "", false);
	append(&w, NEW);
	index_on(&w);
	do
		steps++;
	while (store_index_erase(w.store, &ops) > 0);
	while (carry_out(&w) == 1)
		;
	index_on(&w);
	assert_int_equal(w.bodies, 800);
	assert_int_equal(found(&w, "many.example.org"), 0);
	assert_int_equal(found(&w, "old.example.org"), 0);
	assert_int_equal(steps, 1);
	assert_int_equal(w.steps, 1);
	place_free(&w);
}

/* The index still knows of a tail that went, until it is built anew. */
static void an_erasure_takes_nothing_that_came_in_the_place_of_another(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 22);
	say(&w, NEW, 1, "one.example.org");
	hold(&w, NEW);
	say(&w, NEW, 2, "two.example.org");
	index_on(&w);
	cut(&w, NEW, 1);
	say(&w, NEW, 3, "three.example.org");
	erase(&w, NEW, 2, false);
	settle(&w);
	assert_true(has_body(&w, NEW, 1));
	assert_int_equal(found(&w, "three.example.org"), 1);
	place_free(&w);
}

/* It came while the tail covered it, and waits; then nothing covers it any more. */
static void what_came_late_under_a_tail_that_went_stays(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 23);
	say(&w, NEW, 7, "else.example.org");
	hold(&w, NEW);
	erase(&w, NEW, 1, false);
	say(&w, OLD, 1, "one.example.org");
	cut(&w, NEW, 1);
	settle(&w);
	assert_true(has_body(&w, OLD, 0));
	assert_int_equal(found(&w, "one.example.org"), 1);
	place_free(&w);
}

/* Where a floor has passed it a row may stand for what only a tail that went had said. */
static void an_erasure_behind_a_floor_takes_older_logs_too(void **state)
{
	struct store_txn *txn;
	struct place w;

	(void)state;
	place_init(&w, 24);
	say(&w, OLD, 1, "one.example.org");
	for (unsigned i = 0; i < 300; i++)
		make(&w, NEW, 7, KIND_INDICATOR, "else.example.org", false);
	append(&w, NEW);
	hold(&w, NEW);
	assert_ok(store_begin(w.store, &txn));
	assert_ok(store_floor_move(txn, &w.logs[NEW].name, 256));
	assert_ok(store_commit(txn));
	erase(&w, NEW, 1, false);
	cut(&w, NEW, 300);
	settle(&w);
	erase(&w, NEW, 1, false);
	settle(&w);
	assert_false(has_body(&w, OLD, 0));
	place_free(&w);
}

/* By an index that still knows of a tail that went; the index of the entry in NEW. */
static uint64_t standing(struct place *w, unsigned object)
{
	struct store_reader *r = look(w);
	const struct log_name *name = &w->logs[NEW].name;
	uint8_t id[OBJECT_ID_BYTES] = {0};
	struct store_entry e;

	id[3] = (uint8_t)object;
	assert_ok(store_object_standing(r, &name->node, name->audience, id, &e));
	assert_int_equal(e.header.object[3], object);
	store_reader_close(r);
	return e.index;
}

static void what_stood_before_a_tail_that_went_stands(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 25);
	say(&w, NEW, 1, "one.example.org");
	hold(&w, NEW);
	say(&w, NEW, 1, "one.example.org");
	say(&w, NEW, 1, "one.example.org");
	index_on(&w);
	cut(&w, NEW, 1);
	assert_int_equal(standing(&w, 1), 0);
	say(&w, NEW, 3, "three.example.org");
	index_on(&w);
	assert_int_equal(standing(&w, 1), 0);
	assert_int_equal(standing(&w, 3), 1);
	place_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_erasure_takes_every_earlier_body_and_no_later_one),
		cmocka_unit_test(other_audiences_and_origins_are_left_alone),
		cmocka_unit_test(what_takes_back_keeps_its_words),
		cmocka_unit_test(a_body_of_an_older_incarnation_that_comes_late_goes_too),
		cmocka_unit_test(what_waits_to_be_erased_is_not_served),
		cmocka_unit_test(what_no_look_up_finds_is_erased_as_well),
		cmocka_unit_test(a_crash_between_index_and_truth_is_made_good),
		cmocka_unit_test(an_absent_body_is_missing_until_an_erasure_says_why),
		cmocka_unit_test(a_long_history_goes_in_steps),
		cmocka_unit_test(compacting_leaves_no_byte_of_what_was_erased),
		cmocka_unit_test(a_reader_puts_the_change_off),
		cmocka_unit_test(where_the_address_space_is_short_it_compacts_all_the_same),
		cmocka_unit_test(what_was_erased_under_a_signature_stays_so_when_the_tail_goes),
		cmocka_unit_test(what_was_erased_by_a_log_that_is_put_aside_is_not),
		cmocka_unit_test(so_it_does_where_a_floor_has_passed_it),
		cmocka_unit_test(what_only_the_tail_erased_is_missing_from_then_on),
		cmocka_unit_test(so_it_is_where_the_index_has_not_got_there_yet),
		cmocka_unit_test(a_tail_that_does_not_read_is_cut_all_the_same),
		cmocka_unit_test(a_cut_reads_what_was_said_of_its_objects_and_nothing_else),
		cmocka_unit_test(entries_that_went_are_not_taken_for_those_in_their_place),
		cmocka_unit_test(what_is_erased_again_costs_nothing_again),
		cmocka_unit_test(an_erasure_takes_nothing_that_came_in_the_place_of_another),
		cmocka_unit_test(what_came_late_under_a_tail_that_went_stays),
		cmocka_unit_test(an_erasure_behind_a_floor_takes_older_logs_too),
		cmocka_unit_test(what_stood_before_a_tail_that_went_stands),
		cmocka_unit_test(order_does_not_matter),
	};

	int failed;

	if (hash_init() != 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	/* And where every step makes a run, and merges some. */
	index_fresh_keys_set(3);
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
