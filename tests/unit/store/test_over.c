/* SPDX-License-Identifier: EUPL-1.2 */
/* Bodies that may not be held after the end of agreements, and what the store keeps of these. */
#include "store/impl.h"
#include "unit/store/erasing.h"

static int set(struct place *w, enum place_log log, uint64_t mark)
{
	struct store_txn *txn;
	int rc;

	assert_ok(store_begin(w->store, &txn));
	rc = store_over_set(txn, &w->logs[log].name, mark);
	assert_ok(store_commit(txn));
	return rc;
}

static void over_told(void *ctx, const struct store_erased *e)
{
	assert_true(e->over && !e->late && !e->now);
	told(ctx, e);
}

static int carry(struct place *w)
{
	struct store_txn *txn;
	int rc;

	assert_ok(store_begin(w->store, &txn));
	rc = store_over_carry(txn, over_told, w);
	assert_true(rc >= 0);
	assert_ok(store_commit(txn));
	w->steps++;
	return rc;
}

static void index_let_go(struct place *w)
{
	int rc;

	while ((rc = store_index_prune(w->store)) > 0)
		;
	assert_ok(rc);
}

static void carry_all(struct place *w)
{
	index_let_go(w);
	while (carry(w) == 1)
		;
}

static void all_bodies_below_the_mark_go_and_the_feed_still_verifies(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 1);
	say(&w, NEW, 1, "one.example.org");
	say(&w, NEW, 2, "two.example.org");
	take_back(&w, NEW, 2, KIND_RETRACTION);
	say(&w, NEW, 3, "three.example.org");
	say(&w, OTHER_NODE, 4, "four.example.org");
	hold(&w, NEW);
	settle(&w);
	assert_int_equal(found(&w, "one.example.org"), 1);
	assert_ok(set(&w, NEW, 3));
	carry_all(&w);
	assert_int_equal(w.bodies, 2);
	assert_false(has_body(&w, NEW, 0));
	assert_false(has_body(&w, NEW, 1));
	assert_true(has_body(&w, NEW, 2)); /* what takes back stays readable */
	assert_true(has_body(&w, NEW, 3));
	assert_true(has_body(&w, OTHER_NODE, 0));
	assert_int_equal(found(&w, "one.example.org"), 0);
	assert_int_equal(found(&w, "three.example.org"), 1);
	assert_int_equal(found(&w, "four.example.org"), 1);
	assert_tree(&w);
	/* Once: nothing is left to be done, nor told. */
	carry_all(&w);
	assert_int_equal(w.bodies, 2);
	place_free(&w);
}

static void from_the_mark_on_none_is_served_and_none_goes_before_the_index(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 2);
	say(&w, NEW, 1, "one.example.org");
	say(&w, NEW, 2, "two.example.org");
	settle(&w);
	assert_ok(set(&w, NEW, 1));
	assert_false(served(&w, NEW, 0));
	assert_true(served(&w, NEW, 1));
	assert_int_equal(carry(&w), 0);
	assert_true(has_body(&w, NEW, 0));
	/* A crash between index and truth is made good. */
	index_let_go(&w);
	place_reopen(&w);
	carry_all(&w);
	assert_false(has_body(&w, NEW, 0));
	assert_true(has_body(&w, NEW, 1));
	place_free(&w);
}

static void what_is_not_indexed_yet_is_not_found_later(void **state)
{
	struct place w;

	(void)state;
	place_init(&w, 3);
	say(&w, NEW, 1, "one.example.org");
	assert_ok(set(&w, NEW, 1));
	index_let_go(&w);
	index_on(&w);
	assert_int_equal(found(&w, "one.example.org"), 0);
	carry_all(&w);
	assert_false(has_body(&w, NEW, 0));
	/* Nor by an index that is made anew. */
	assert_ok(store_index_drop(w.store));
	index_on(&w);
	carry_all(&w);
	assert_int_equal(found(&w, "one.example.org"), 0);
	place_free(&w);
}

/* An entry whose body is not there. */
static void say_without_body(struct place *w, struct buf *text)
{
	struct record_indicator r = {.value = bytes_str("one.example.org")};
	struct entry_header h = {.kind = KIND_INDICATOR, .type = TYPE_DOMAIN, .tlp = TLP_GREEN};

	assert_ok(record_indicator_encode(text, &r));
	model_entry(&w->logs[NEW], h, buf_view(text), true);
	append(w, NEW);
	hold(w, NEW);
}

/* It comes; whether it was taken. */
static bool body_comes(struct place *w, const struct buf *text)
{
	struct wire_body body = {.index = 0, .body = buf_view(text)};
	struct store_bodies b = {.log = w->logs[NEW].name, .bodies = &body, .len = 1};
	struct store_txn *txn;

	model_salt(&w->logs[NEW], 0, body.salt);
	assert_ok(store_begin(w->store, &txn));
	assert_ok(store_bodies_put(txn, &b));
	assert_ok(store_commit(txn));
	index_on(w);
	return b.taken == 1;
}

static void a_late_body_does_not_come_back(void **state)
{
	struct buf text = buf_with_max(ENTRY_BODY_MAX);
	uint64_t indexes[4];
	struct place w;

	(void)state;
	place_init(&w, 4);
	say_without_body(&w, &text);
	assert_int_equal(missing(&w, NEW, indexes), 1);
	assert_ok(set(&w, NEW, 1));
	assert_int_equal(missing(&w, NEW, indexes), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_false(body_comes(&w, &text));
		carry_all(&w);
	}
	assert_false(has_body(&w, NEW, 0));
	buf_free(&text);
	place_free(&w);
}

static void a_body_that_had_come_later_goes_too(void **state)
{
	struct buf text = buf_with_max(ENTRY_BODY_MAX);
	struct place w;

	(void)state;
	place_init(&w, 5);
	say_without_body(&w, &text);
	assert_true(body_comes(&w, &text));
	assert_int_equal(found(&w, "one.example.org"), 1);
	assert_ok(set(&w, NEW, 1));
	assert_false(served(&w, NEW, 0));
	carry_all(&w);
	assert_int_equal(w.bodies, 1);
	assert_false(has_body(&w, NEW, 0));
	assert_int_equal(found(&w, "one.example.org"), 0);
	buf_free(&text);
	place_free(&w);
}

static void many_bodies_go_in_steps(void **state)
{
	struct place w;
	char value[64];

	(void)state;
	place_init(&w, 6);
	for (unsigned i = 0; i < 600; i++) {
		snprintf(value, sizeof(value), "host%u.example.org", i);
		say(&w, NEW, i + 1, value);
	}
	settle(&w);
	assert_ok(set(&w, NEW, 600));
	w.steps = 0;
	carry_all(&w);
	assert_int_equal(w.bodies, 600);
	assert_in_range(w.steps, 2, 5);
	for (unsigned i = 0; i < 600; i++)
		assert_false(has_body(&w, NEW, i));
	place_free(&w);
}

static void the_mark_stays_and_lies_within_the_feed(void **state)
{
	struct store_reader *r;
	struct store_log row;
	uint64_t mark;
	struct place w;

	(void)state;
	place_init(&w, 7);
	assert_int_equal(set(&w, NEW, 0), ENT_ENOTFOUND);
	say(&w, NEW, 1, "one.example.org");
	say(&w, NEW, 2, "two.example.org");
	assert_int_equal(set(&w, NEW, 3), ENT_EINVALID);
	assert_ok(set(&w, NEW, 2));
	assert_ok(set(&w, NEW, 1)); /* never down */
	place_reopen(&w);
	r = look(&w);
	assert_ok(store_log_get(r, &w.logs[NEW].name, &row));
	assert_ok(store_over_get(r, row.number, &mark));
	assert_int_equal(mark, 2);
	store_reader_close(r);
	place_free(&w);
}

struct kept {
	unsigned count;
	uint64_t ids[4];
	uint32_t serials[4];
	int64_t ended[4];
	char notes[4][32];
};

static int kept_visit(void *ctx, const struct store_agreement *a)
{
	struct kept *k = ctx;

	k->ids[k->count] = a->id;
	k->serials[k->count] = a->serial;
	k->ended[k->count] = a->ended_ms;
	memcpy(k->notes[k->count++], a->note.data, a->note.len);
	return 0;
}

static int keep(struct place *w, uint64_t id, uint32_t serial, int64_t ended_ms, const char *note)
{
	struct store_agreement a = {id, serial, ended_ms, bytes_str(note)};
	struct store_txn *txn;
	int rc;

	assert_ok(store_begin(w->store, &txn));
	rc = store_agreement_put(txn, &a);
	assert_ok(store_commit(txn));
	return rc;
}

static void agreements_and_their_ends_are_remembered(void **state)
{
	struct kept k = {0};
	struct store_reader *r;
	struct place w;

	(void)state;
	place_init(&w, 8);
	assert_ok(keep(&w, 2, 1, 0, "two"));
	assert_ok(keep(&w, 1, 2, 0, "one, second"));
	assert_ok(keep(&w, 1, 1, 500, "one, first"));
	assert_ok(keep(&w, 2, 1, 900, "")); /* it has ended: the text stays */
	assert_int_equal(keep(&w, 3, 1, 900, ""), ENT_ENOTFOUND);
	place_reopen(&w);
	r = look(&w);
	assert_ok(store_agreement_each(r, kept_visit, &k));
	store_reader_close(r);
	assert_int_equal(k.count, 3);
	assert_true(k.ids[0] == 1 && k.serials[0] == 1 && k.ended[0] == 500);
	assert_true(k.ids[1] == 1 && k.serials[1] == 2 && k.ended[1] == 0);
	assert_true(k.ids[2] == 2 && k.serials[2] == 1 && k.ended[2] == 900);
	assert_string_equal(k.notes[0], "one, first");
	assert_string_equal(k.notes[2], "two");
	place_free(&w);
}

static void what_went_before_a_bundle_that_does_not_read_is_told_once(void **state)
{
	struct store_txn *txn;
	struct place w;

	(void)state;
	place_init(&w, 9);
	say(&w, NEW, 1, "one.example.org");
	say(&w, NEW, 2, "two.example.org");
	say(&w, NEW, 3, "three.example.org");
	settle(&w);
	assert_ok(set(&w, NEW, 3));
	index_let_go(&w);
	bundle_spoil(&w, NEW, 2);
	for (unsigned tries = 0; tries < 2; tries++) {
		assert_ok(store_begin(w.store, &txn));
		assert_int_equal(store_over_carry(txn, over_told, &w), ENT_ECORRUPT);
		assert_ok(store_commit(txn));
		assert_int_equal(w.bodies, 2);
	}
	assert_false(has_body(&w, NEW, 1));
	place_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_bodies_below_the_mark_go_and_the_feed_still_verifies),
		cmocka_unit_test(from_the_mark_on_none_is_served_and_none_goes_before_the_index),
		cmocka_unit_test(what_is_not_indexed_yet_is_not_found_later),
		cmocka_unit_test(a_late_body_does_not_come_back),
		cmocka_unit_test(a_body_that_had_come_later_goes_too),
		cmocka_unit_test(many_bodies_go_in_steps),
		cmocka_unit_test(what_went_before_a_bundle_that_does_not_read_is_told_once),
		cmocka_unit_test(the_mark_stays_and_lies_within_the_feed),
		cmocka_unit_test(agreements_and_their_ends_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
