/* SPDX-License-Identifier: EUPL-1.2 */
/* Bodies that were missing and come later: which are taken, where they are found, how they go. */
#include "store/impl.h"
#include "unit/store/erasing.h"

/* An entry that came without its body: what it would have been. */
struct withheld {
	uint64_t index;
	struct buf body;
};

static struct withheld withheld_next(struct place *w, enum place_log log, unsigned object,
	const char *value)
{
	struct record_indicator r = {.value = bytes_str(value), .valid_until = 5000};
	struct entry_header h = {.kind = KIND_INDICATOR, .type = TYPE_DOMAIN, .tlp = TLP_GREEN};
	struct withheld held = {w->logs[log].size, buf_with_max(ENTRY_BODY_MAX)};

	h.object[3] = (uint8_t)object;
	assert_ok(record_indicator_encode(&held.body, &r));
	model_entry(&w->logs[log], h, buf_view(&held.body), true);
	return held;
}

static struct withheld withhold(struct place *w, enum place_log log, unsigned object,
	const char *value)
{
	struct withheld held = withheld_next(w, log, object, value);

	append(w, log);
	return held;
}

static uint64_t put(struct place *w, enum place_log log, const struct wire_body *bodies, size_t len)
{
	struct store_bodies b = {.log = w->logs[log].name, .bodies = bodies, .len = len};
	struct store_txn *txn;

	b.via.bytes[0] = 9;
	b.received_ms = 777;
	assert_ok(store_begin(w->store, &txn));
	assert_ok(store_bodies_put(txn, &b));
	assert_ok(store_commit(txn));
	return b.taken;
}

static struct wire_body body_of(struct place *w, enum place_log log, const struct withheld *held)
{
	struct wire_body b = {.index = held->index, .body = buf_view(&held->body)};

	model_salt(&w->logs[log], held->index, b.salt);
	return b;
}

static uint64_t give_back(struct place *w, enum place_log log, const struct withheld *held)
{
	struct wire_body b = body_of(w, log, held);

	return put(w, log, &b, 1);
}

static void a_body_that_comes_later_is_there_for_everybody(void **state)
{
	struct place w;
	struct withheld one, two;
	struct wire_body both[2];
	uint64_t indexes[4];

	(void)state;
	place_init(&w, 1);
	say(&w, NEW, 7, "seven.example.org");
	one = withhold(&w, NEW, 1, "one.example.org");
	two = withhold(&w, NEW, 2, "two.example.org");
	say(&w, NEW, 8, "eight.example.org");
	hold(&w, NEW);
	settle(&w);
	assert_int_equal(missing(&w, NEW, indexes), 2);
	assert_int_equal(found(&w, "one.example.org"), 0);
	both[0] = body_of(&w, NEW, &one);
	both[1] = body_of(&w, NEW, &two);
	assert_int_equal(put(&w, NEW, both, 2), 2);
	assert_int_equal(missing(&w, NEW, indexes), 0);
	for (uint64_t i = 0; i < 4; i++)
		assert_true(has_body(&w, NEW, i) && served(&w, NEW, i));
	settle(&w);
	assert_int_equal(found(&w, "one.example.org"), 1);
	assert_int_equal(found(&w, "two.example.org"), 1);
	assert_tree(&w);
	/* It comes once. */
	assert_int_equal(put(&w, NEW, both, 2), 0);
	place_reopen(&w);
	assert_true(has_body(&w, NEW, 1) && has_body(&w, NEW, 2));
	assert_int_equal(found(&w, "two.example.org"), 1);
	buf_free(&one.body);
	buf_free(&two.body);
	place_free(&w);
}

static void what_does_not_fit_or_is_not_missing_is_passed_over(void **state)
{
	struct place w;
	struct withheld one;
	struct wire_body b;

	(void)state;
	place_init(&w, 2);
	say(&w, NEW, 7, "seven.example.org");
	one = withhold(&w, NEW, 1, "one.example.org");
	b = body_of(&w, NEW, &one);
	assert_int_equal(put(&w, NEW, &b, 1), 0); /* not all of the feed is here */
	hold(&w, NEW);
	b.salt[0] ^= 1;
	assert_int_equal(put(&w, NEW, &b, 1), 0);
	b.salt[0] ^= 1;
	b.body.len--;
	assert_int_equal(put(&w, NEW, &b, 1), 0);
	b.body.len++;
	b.index = 0;
	assert_int_equal(put(&w, NEW, &b, 1), 0);
	b.index = 900;
	assert_int_equal(put(&w, NEW, &b, 1), 0);
	assert_false(has_body(&w, NEW, 1));
	b.index = 1;
	assert_int_equal(put(&w, NEW, &b, 1), 1);
	buf_free(&one.body);
	place_free(&w);
}

static void what_was_erased_never_comes_back(void **state)
{
	struct place w;
	struct withheld one;

	(void)state;
	place_init(&w, 3);
	one = withhold(&w, NEW, 1, "one.example.org");
	erase(&w, NEW, 1, false);
	hold(&w, NEW);
	/* Before the erasure is carried out, and after. */
	assert_int_equal(give_back(&w, NEW, &one), 0);
	settle(&w);
	assert_int_equal(give_back(&w, NEW, &one), 0);
	assert_false(has_body(&w, NEW, 0));
	assert_int_equal(found(&w, "one.example.org"), 0);
	buf_free(&one.body);
	place_free(&w);
}

static void a_body_that_came_later_is_erased_like_any_other(void **state)
{
	for (int indexed = 0; indexed < 2; indexed++) {
		struct place w;
		struct withheld one;
		uint64_t indexes[4];

		(void)state;
		place_init(&w, 4);
		say(&w, NEW, 7, "seven.example.org");
		one = withhold(&w, NEW, 1, "one.example.org");
		hold(&w, NEW);
		if (indexed)
			settle(&w);
		assert_int_equal(give_back(&w, NEW, &one), 1);
		if (indexed)
			settle(&w);
		erase(&w, NEW, 1, true);
		hold(&w, NEW);
		assert_false(served(&w, NEW, 1)); /* at once, */
		settle(&w);
		assert_false(has_body(&w, NEW, 1)); /* and for good */
		assert_int_equal(w.bodies, 1);
		assert_int_equal(found(&w, "one.example.org"), 0);
		assert_int_equal(missing(&w, NEW, indexes), 0);
		assert_int_equal(give_back(&w, NEW, &one), 0);
		assert_ok(store_index_compact(w.store));
		assert_ok(store_compact(w.store));
		assert_false(has_body(&w, NEW, 1));
		assert_tree(&w);
		buf_free(&one.body);
		place_free(&w);
	}
}

static void floor_move(struct place *w, enum place_log log, uint64_t floor)
{
	struct store_txn *txn;

	assert_ok(store_begin(w->store, &txn));
	assert_ok(store_floor_move(txn, &w->logs[log].name, floor));
	assert_ok(store_commit(txn));
	while (store_index_prune(w->store) > 0)
		;
	for (int more = 1; more;) {
		assert_ok(store_begin(w->store, &txn));
		more = store_prune(txn);
		assert_true(more >= 0);
		assert_ok(store_commit(txn));
	}
}

static void it_goes_below_the_floor_with_its_rows(void **state)
{
	struct withheld held[STORE_FLOOR_STEP];
	struct wire_body bodies[STORE_FLOOR_STEP];
	size_t len = 0;
	struct place w;
	struct store_counts c;
	struct store_reader *r;

	(void)state;
	place_init(&w, 5);
	for (unsigned i = 0; i < 2 * STORE_FLOOR_STEP; i++) {
		char value[64];

		snprintf(value, sizeof(value), "host%u.example.org", i);
		if (i % 3)
			say(&w, NEW, i, value);
		else
			held[len++] = withhold(&w, NEW, i, value);
	}
	hold(&w, NEW);
	for (size_t i = 0; i < len; i++)
		bodies[i] = body_of(&w, NEW, &held[i]);
	settle(&w);
	assert_int_equal(put(&w, NEW, bodies, len), len);
	/* Not the newest of all, which stays. */
	say(&w, OLD, 1, "old.example.org");
	settle(&w);
	assert_int_equal(found(&w, "host0.example.org"), 1);
	floor_move(&w, NEW, STORE_FLOOR_STEP);
	assert_int_equal(found(&w, "host0.example.org"), 0);
	assert_int_equal(found(&w, "host258.example.org"), 1);
	assert_true(has_body(&w, NEW, 258) && served(&w, NEW, 258));
	assert_tree(&w);
	r = look(&w);
	assert_int_equal(reader_rows(r, LOG_RESTORED), len - (STORE_FLOOR_STEP + 2) / 3);
	assert_ok(store_counts(r, &c));
	assert_int_equal(c.records, STORE_FLOOR_STEP + 1);
	assert_int_equal(c.values, STORE_FLOOR_STEP + 1);
	store_reader_close(r);
	while (len-- > 0)
		buf_free(&held[len].body);
	place_free(&w);
}

/* A bundle through which the floor goes keeps its rest, also where the first of it came later. */
static void what_came_later_takes_nothing_with_it(void **state)
{
	const unsigned begins = STORE_FLOOR_STEP - 2;
	struct withheld first;
	struct place w;

	(void)state;
	place_init(&w, 8);
	for (unsigned i = 0; i < begins; i++)
		say(&w, NEW, i, "some.example.org");
	first = withheld_next(&w, NEW, begins, "first.example.org");
	for (unsigned i = begins + 1; i < begins + 6; i++)
		make(&w, NEW, i, KIND_INDICATOR, "other.example.org", false);
	append(&w, NEW);
	hold(&w, NEW);
	assert_int_equal(give_back(&w, NEW, &first), 1);
	say(&w, OLD, 1, "old.example.org"); /* not the newest of all, which stays */
	settle(&w);
	floor_move(&w, NEW, STORE_FLOOR_STEP);
	for (uint64_t i = STORE_FLOOR_STEP; i < begins + 6; i++)
		assert_true(served(&w, NEW, i));
	assert_tree(&w);
	buf_free(&first.body);
	place_free(&w);
}

/* In whatever order body, index and guard rails come: the index is as if built anew. */
static void the_index_is_as_if_built_anew(void **state)
{
	(void)state;
	for (unsigned order = 0; order < 8; order++) {
		struct place w;
		struct withheld one;
		char before[4096], after[4096];

		place_init(&w, 6);
		w.hide = order & 4;
		say(&w, NEW, 2, "host2.example.org");
		one = withhold(&w, NEW, 1, "host1.example.org");
		hold(&w, NEW);
		if (order & 1)
			settle(&w);
		assert_int_equal(give_back(&w, NEW, &one), 1);
		if (order & 2)
			say(&w, NEW, 3, "host3.example.org");
		settle(&w);
		transcript(&w, before);
		assert_ok(store_index_drop(w.store));
		settle(&w);
		transcript(&w, after);
		assert_string_equal(before, after);
		buf_free(&one.body);
		place_free(&w);
	}
}

/* A run with such bodies in it still fits what the caller has room for. */
static void a_run_stays_within_its_bytes(void **state)
{
	struct withheld held[40];
	struct wire_body bodies[40];
	struct buf out = buf_with_max(1u << 20);
	struct store_reader *r;
	struct place w;
	uint32_t count;

	(void)state;
	place_init(&w, 7);
	for (unsigned i = 0; i < 40; i++) {
		held[i] = withhold(&w, NEW, i, "some-longer-name.example.org");
		bodies[i] = body_of(&w, NEW, &held[i]);
	}
	hold(&w, NEW);
	assert_int_equal(put(&w, NEW, bodies, 40), 40);
	r = look(&w);
	for (size_t max = 1; max < 6000; max += 97) {
		buf_reset(&out);
		assert_ok(store_run_read(r, &w.logs[NEW].name, 0, 40, max, &out, &count));
		assert_true(count == 1 || (count > 0 && out.len <= max));
	}
	assert_int_equal(count, 40);
	store_reader_close(r);
	buf_free(&out);
	for (unsigned i = 0; i < 40; i++)
		buf_free(&held[i].body);
	place_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_that_comes_later_is_there_for_everybody),
		cmocka_unit_test(what_does_not_fit_or_is_not_missing_is_passed_over),
		cmocka_unit_test(what_was_erased_never_comes_back),
		cmocka_unit_test(a_body_that_came_later_is_erased_like_any_other),
		cmocka_unit_test(it_goes_below_the_floor_with_its_rows),
		cmocka_unit_test(what_came_later_takes_nothing_with_it),
		cmocka_unit_test(the_index_is_as_if_built_anew),
		cmocka_unit_test(a_run_stays_within_its_bytes),
	};

	return hash_init() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
