/* SPDX-License-Identifier: EUPL-1.2 */
/* Retention of own feeds: what is said again before a floor moves. */
#include "unit/ledger/life.h"

static void index_follows(struct life *l)
{
	int rc;

	while ((rc = store_index_step(l->store, NULL, 65536)) > 0)
		;
	assert_int_equal(rc, 0);
}

/* What is so old goes, or has expired so long since; 0: never. */
static int retain_by(struct life *l, int64_t retain_ms, int64_t expired_ms)
{
	struct ledger_item *i = ledger_item_new(LEDGER_RETAIN);

	index_follows(l);
	i->retention = calloc(1, sizeof(*i->retention));
	i->retention->retain_ms = retain_ms;
	i->retention->expired_ms = expired_ms;
	ledger_put(l->ledger, i);
	return run(l);
}

static int retain(struct life *l)
{
	return retain_by(l, 1, 0);
}

/* Is there a whole entry of the node that stands for the object? */
static bool still_said(struct life *l, uint8_t object)
{
	const uint8_t id[OBJECT_ID_BYTES] = {object};
	struct log_name feed = feed_of(l, FIRST);
	struct store_reader *r;
	struct store_entry e;
	bool stands;

	index_follows(l);
	assert_int_equal(store_reader_open(l->store, &r), 0);
	stands = store_object_standing(r, &l->self, feed.audience, id, &e) == 0 &&
		 !e.entry.erased && e.index >= log_of(l, &feed).floor;
	store_reader_close(r);
	return stands;
}

static void publish_of(struct life *l, uint8_t object, uint32_t count)
{
	l->object = object;
	put_entries(l, count, KIND_INDICATOR);
	assert_int_equal(run(l), 0);
}

/* Somebody says that this is an old copy, in the midst of the group that says again what stood
 * below a floor: with the tail goes what was said again, and not what stood there. */
static void what_is_said_again_and_not_signed_moves_no_floor(void **state)
{
	static const enum ledger_step steps[] = {
		LEDGER_STEP_REREAD, LEDGER_STEP_GUARD, LEDGER_STEP_SIGN};

	(void)state;
	for (unsigned k = 0; k < 6; k++) {
		struct log_name feed;
		struct life l;

		life_init(&l);
		feed = feed_of(&l, FIRST);
		ledger_allow_sealing(l.ledger);
		publish_of(&l, 1, 1);
		publish_of(&l, 2, 2 * FLOOR_STEP);
		assert_int_equal(run(&l), 0);
		l.later_ms = 10;
		l.by_journal = k & 1;
		l.mute_at = steps[k / 2];
		(void)!retain(&l);
		assert_true(ledger_muted(l.ledger));
		l.mute_at = 0;
		put(&l, LEDGER_CUT, &feed);
		(void)!run(&l);
		put(&l, LEDGER_UNMUTE, NULL);
		assert_int_equal(run(&l), 0);
		assert_true(still_said(&l, 1));
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(retain(&l), 0);
			assert_true(still_said(&l, 1));
			assert_true(still_said(&l, 2));
		}
		assert_int_equal(log_of(&l, &feed).floor, 2 * FLOOR_STEP);
		life_free(&l);
	}
}

/* Entries of an object that came without their bodies; behind them erasures of another or of it. */
static struct store_run bare_run(struct buf *entries, struct hash *leaves, uint32_t count,
	uint8_t erased, int64_t said_ms)
{
	struct store_run run = {.count = count, .leaves = leaves};

	for (uint32_t i = 0; i < count; i++) {
		uint8_t raw[ENTRY_HEADER_BYTES];
		struct entry_header header = {.version = ENTRY_VERSION,
			.kind = i + 1 < count ? KIND_INDICATOR : KIND_ERASURE,
			.type = i + 1 < count ? TYPE_DOMAIN : TYPE_NONE,
			.tlp = TLP_CLEAR,
			.body_len = 9,
			.time_ms = (uint64_t)said_ms,
			.object = {i + 1 < count ? 1 : erased}};
		struct entry entry = {.leaf = BYTES_OF(raw), .erased = true};

		entry_header_encode(raw, &header);
		entry_pack(buf_extend(entries, entry_packed_len(&entry)), &entry);
		hash_leaf(&leaves[i], entry.leaf);
	}
	run.entries = buf_view(entries);
	return run;
}

#define COUNT (2 * FLOOR_STEP + 1)

/* Such a run is here, of another node, under its checkpoint. */
static struct log_name bare_feed(struct life *l, uint8_t erased, int64_t said_ms,
	int64_t received_ms)
{
	static struct hash leaves[COUNT];
	struct buf entries = buf_with_max(BATCH_BYTES_MAX);
	struct store_run run = bare_run(&entries, leaves, COUNT, erased, said_ms);
	struct checkpoint c = {.log = feed_of(l, FIRST), .size = COUNT};
	struct store_txn *txn;
	struct store_log log;

	c.log.node.bytes[0] ^= 1;
	run.log = c.log;
	run.received_ms = received_ms;
	assert_int_equal(store_begin(l->store, &txn), 0);
	assert_int_equal(store_txn_log(txn, &c.log, true, &log), 0);
	assert_int_equal(store_append(txn, &run), 0);
	assert_int_equal(store_txn_log(txn, &c.log, false, &log), 0);
	range_root(&log.tree, &c.root);
	assert_int_equal(store_checkpoint_put(txn, &c), 0);
	assert_int_equal(store_commit(txn), 0);
	buf_free(&entries);
	return c.log;
}

/* Who passes on a block without its bodies has not erased it: others have them to give. */
static void what_was_withheld_is_not_taken_for_erased(void **state)
{
	(void)state;
	for (uint8_t erased = 1; erased <= 2; erased++) {
		struct log_name feed;
		struct life l;

		life_init(&l);
		feed = bare_feed(&l, erased, 0, wall_ms(NULL));
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(retain_by(&l, 0, 1), 0);
		assert_int_equal(log_of(&l, &feed).floor, erased == 1 ? 2 * FLOOR_STEP : 0);
		/* Nobody waits for them for ever. */
		l.later_ms = 10;
		assert_int_equal(retain_by(&l, 1, 1), 0);
		assert_int_equal(log_of(&l, &feed).floor, 2 * FLOOR_STEP);
		life_free(&l);
	}
}

/* It came before the clock of this machine was set. Who says that it is of the time to come keeps
 * it from nothing. */
static void what_came_by_a_clock_that_was_behind_is_not_old(void **state)
{
	static const int64_t year_ms = 365 * 86400000ll;
	static const int64_t said_ms[] = {-1000, 1000, -2 * 365 * 86400000ll};

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(said_ms); i++) {
		struct log_name feed;
		struct life l;

		life_init(&l);
		feed = bare_feed(&l, 2, wall_ms(NULL) + said_ms[i], wall_ms(NULL) - 10 * year_ms);
		assert_int_equal(retain_by(&l, year_ms, 0), 0);
		assert_int_equal(log_of(&l, &feed).floor, i == 0 ? 0 : 2 * FLOOR_STEP);
		l.later_ms = 2 * year_ms;
		assert_int_equal(retain_by(&l, year_ms, 0), 0);
		assert_int_equal(log_of(&l, &feed).floor, 2 * FLOOR_STEP);
		life_free(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_again_and_not_signed_moves_no_floor),
		cmocka_unit_test(what_was_withheld_is_not_taken_for_erased),
		cmocka_unit_test(what_came_by_a_clock_that_was_behind_is_not_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
