/* SPDX-License-Identifier: EUPL-1.2 */
/* What is forgotten, also where something fails: what is erased, and what lies below floors. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "unit/ledger/life.h"

/* What the thread of the index does after each step; meanwhile: before the writer is asked. */
static void forget(struct life *l, bool meanwhile)
{
	struct ledger_item *i = ledger_item_new(LEDGER_FORGET);
	struct store_reader *r;
	int rc;

	while ((rc = store_index_step(l->store, NULL, 65536)) > 0)
		;
	assert_int_equal(rc, 0);
	assert_int_equal(store_reader_open(l->store, &r), 0);
	i->count = store_index_prunable(r);
	store_reader_close(r);
	while (store_index_erase(l->store, NULL) > 0)
		;
	while (i->count && store_index_prune(l->store) > 0)
		;
	if (meanwhile)
		put_entries(l, 1, KIND_ERASURE);
	ledger_put(l->ledger, i);
	assert_int_equal(run(l), 0);
}

static void what_lies_below_the_floor_goes_though_an_erasure_came_between(void **state)
{
	struct store_txn *txn;
	struct store_reader *r;
	struct store_entry e;
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 2000), 0);
	assert_int_equal(publish(&l, 1), 0);
	assert_int_equal(store_begin(l.store, &txn), 0);
	assert_int_equal(store_floor_move(txn, &feed, 1792), 0);
	assert_int_equal(store_commit(txn), 0);
	forget(&l, true);
	assert_false(ledger_owes(l.ledger)); /* the index goes first */
	forget(&l, false);
	assert_int_equal(store_reader_open(l.store, &r), 0);
	assert_int_equal(store_erasing(r), 0);
	assert_int_equal(store_entry_get(r, log_of(&l, &feed).number, 0, &e), ENT_ENOTFOUND);
	store_reader_close(r);
	life_free(&l);
}

/* The index has let go of what is erased, and of what lies below the floor. */
static void index_lets_go(struct life *l)
{
	int rc;

	while ((rc = store_index_step(l->store, NULL, 65536)) > 0)
		;
	assert_int_equal(rc, 0);
	while ((rc = store_index_erase(l->store, NULL)) > 0)
		;
	assert_int_equal(rc, 0);
	while ((rc = store_index_prune(l->store)) > 0)
		;
	assert_int_equal(rc, 0);
}

static void forget_and_prune(struct life *l)
{
	struct ledger_item *i = ledger_item_new(LEDGER_FORGET);

	i->count = 1;
	ledger_put(l->ledger, i);
}

static void an_erasure_that_does_not_read_keeps_nobody_from_the_short_way(void **state)
{
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 2), 0);
	put_entries(&l, 1, KIND_ERASURE);
	assert_int_equal(run(&l), 0);
	index_lets_go(&l);
	bundle_spoil(&l, &feed, 2);
	forget_and_prune(&l);
	assert_int_equal(run(&l), 0);
	assert_int_equal(run(&l), 0); /* takes the checkpoints to the store */
	assert_false(ledger_owes(l.ledger));
	l.by_journal = true;
	assert_int_equal(publish(&l, 1), 0);
	assert_true(l.has_redo);
	life_free(&l);
}

static bool is_set(struct life *l, const char *key)
{
	struct store_txn *txn;
	bool set;

	assert_int_equal(store_begin(l->store, &txn), 0);
	set = store_meta_set(txn, key);
	store_abort(txn);
	return set;
}

/* The act of the group at hand that says that bodies are gone; 0: none does. */
static uint64_t bodies_gone(struct life *l)
{
	struct store_log log = log_of(l, &l->provenance);
	struct store_reader *r;
	uint64_t gone = 0;

	assert_int_equal(store_reader_open(l->store, &r), 0);
	for (uint64_t i = 0; i < log.size; i++) {
		struct store_entry e;
		struct act_body a;
		struct arena arena = {0};

		assert_int_equal(store_entry_get(r, log.number, i, &e), 0);
		assert_int_equal(act_body_decode(e.entry.body, &arena, &a), 0);
		gone += a.act == ACT_ERASED ? a.count : 0;
		arena_free(&arena);
	}
	store_reader_close(r);
	return gone;
}

/* One commit takes what reads; of that the bytes are still in the file. */
static void what_goes_beside_a_bundle_that_does_not_read_is_told(void **state)
{
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	l.object = 1;
	assert_int_equal(publish(&l, 3), 0);
	assert_int_equal(publish(&l, 2), 0);
	put_entries(&l, 1, KIND_ERASURE);
	assert_int_equal(run(&l), 0);
	index_lets_go(&l);
	bundle_spoil(&l, &feed, 4);
	forget_and_prune(&l);
	assert_int_equal(run(&l), 0);
	assert_int_equal(bodies_gone(&l), 3);
	assert_true(is_set(&l, STORE_ERASED_SINCE));
	life_free(&l);
}

/* The group at hand, on a disk that takes nothing. */
static void run_without_room(struct life *l)
{
	struct rlimit before, none;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(run(l), ENT_EFULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

/* The index lets go once: nobody asks for it a second time. */
static void what_was_to_go_when_the_disk_was_full_goes_later(void **state)
{
	struct store_txn *txn;
	struct store_reader *r;
	struct store_entry e;
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 2000), 0);
	put_entries(&l, 1, KIND_ERASURE);
	assert_int_equal(run(&l), 0);
	assert_int_equal(store_begin(l.store, &txn), 0);
	assert_int_equal(store_floor_move(txn, &feed, 1792), 0);
	assert_int_equal(store_commit(txn), 0);
	index_lets_go(&l);
	forget_and_prune(&l);
	run_without_room(&l);
	assert_int_equal(publish(&l, 1), 0); /* it keeps nobody waiting */
	assert_int_equal(run(&l), 0);
	assert_int_equal(run(&l), 0);
	assert_false(ledger_owes(l.ledger));
	assert_int_equal(store_reader_open(l.store, &r), 0);
	assert_int_equal(store_erasing(r), 0);
	assert_int_equal(store_entry_get(r, log_of(&l, &feed).number, 0, &e), ENT_ENOTFOUND);
	store_reader_close(r);
	life_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lies_below_the_floor_goes_though_an_erasure_came_between),
		cmocka_unit_test(an_erasure_that_does_not_read_keeps_nobody_from_the_short_way),
		cmocka_unit_test(what_goes_beside_a_bundle_that_does_not_read_is_told),
		cmocka_unit_test(what_was_to_go_when_the_disk_was_full_goes_later),
	};

	if (hash_init() != 0)
		abort();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
