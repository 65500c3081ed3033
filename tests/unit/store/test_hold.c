/* SPDX-License-Identifier: EUPL-1.2 */
/* Values held back from exports, and what came since a moment. */
#include "unit/store/model.h"

static int hold(struct store *s, enum type type, const char *value, const char *who)
{
	struct store_hold h = {.type = type,
		.value = bytes_str(value),
		.operator_name = bytes_str(who),
		.since_ms = 1234567};
	struct store_txn *txn;
	int rc;

	assert_ok(store_begin(s, &txn));
	rc = store_hold_put(txn, &h);
	if (rc == 0)
		return store_commit(txn);
	store_abort(txn);
	return rc;
}

static bool held(struct store *s, enum type type, const char *value)
{
	struct store_reader *r;
	struct store_hold h;
	int rc;

	assert_ok(store_reader_open(s, &r));
	rc = store_hold_get(r, type, bytes_str(value), &h);
	if (rc == 0) {
		assert_true(bytes_eq_str(h.value, value));
		assert_int_equal(h.type, type);
		assert_int_equal(h.since_ms, 1234567);
		assert_true(bytes_eq_str(h.operator_name, "ana"));
	} else {
		assert_int_equal(rc, ENT_ENOTFOUND);
	}
	store_reader_close(r);
	return rc == 0;
}

static int count_hold(void *ctx, const struct store_hold *h)
{
	(void)h;
	++*(unsigned *)ctx;
	return 0;
}

static void a_held_value_stays_held_until_it_is_let_go(void **state)
{
	const char *dir = test_dir();
	struct store *s = model_open(dir, STORE_WRITE);
	static char longest[RECORD_VALUE_MAX + 2];
	struct store_reader *r;
	struct store_txn *txn;
	unsigned count = 0;

	(void)state;
	memset(longest, 'a', RECORD_VALUE_MAX + 1);
	assert_int_equal(hold(s, TYPE_URL, longest, "ana"), ENT_EINVALID);
	longest[RECORD_VALUE_MAX] = '\0';
	assert_ok(hold(s, TYPE_DOMAIN, "bad.example", "ana"));
	assert_ok(hold(s, TYPE_URL, longest, "ana"));
	assert_true(held(s, TYPE_DOMAIN, "bad.example"));
	assert_true(held(s, TYPE_URL, longest));
	/* That value of that type, and nothing like it. */
	assert_false(held(s, TYPE_URL, "bad.example"));
	assert_false(held(s, TYPE_DOMAIN, "bad.exampl"));
	store_close(s);
	s = model_open(dir, STORE_WRITE);
	assert_true(held(s, TYPE_DOMAIN, "bad.example"));
	assert_ok(store_reader_open(s, &r));
	assert_ok(store_hold_each(r, count_hold, &count));
	store_reader_close(r);
	assert_int_equal(count, 2);
	assert_ok(store_begin(s, &txn));
	assert_ok(store_hold_remove(txn, TYPE_DOMAIN, bytes_str("bad.example")));
	assert_int_equal(store_hold_remove(txn, TYPE_DOMAIN, bytes_str("never.example")),
		ENT_ENOTFOUND);
	assert_ok(store_commit(txn));
	assert_false(held(s, TYPE_DOMAIN, "bad.example"));
	store_close(s);
	test_dir_remove(dir);
}

struct sums {
	struct log_name log;
	uint64_t count, bytes;
	int64_t newest;
};

static int add_received(void *ctx, const struct store_received *received)
{
	struct sums *sums = ctx;

	assert_true(log_name_eq(received->log, &sums->log));
	assert_true(received->received_ms <= sums->newest);
	sums->newest = received->received_ms;
	sums->count += received->count;
	sums->bytes += received->bytes;
	return 0;
}

static void append_at(struct store *s, struct model_log *m, unsigned via, int64_t at_ms)
{
	struct store_run run = {.log = m->name,
		.start = m->size,
		.count = (uint32_t)(m->made - m->size),
		.entries = model_run(m, m->size, m->made),
		.tree = &m->tree,
		.received_ms = at_ms};
	struct store_txn *txn;
	struct store_log log;

	run.via.bytes[0] = (uint8_t)via;
	assert_ok(store_begin(s, &txn));
	assert_ok(store_txn_log(txn, &m->name, true, &log));
	assert_ok(store_append(txn, &run));
	assert_ok(store_commit(txn));
	m->size = m->made;
}

static void what_came_since_a_moment_is_counted_and_own_entries_are_not(void **state)
{
	const char *dir = test_dir();
	struct store *s = model_open(dir, STORE_WRITE);
	uint64_t seed = 5;
	struct env_rng rng = test_rng(&seed);
	struct model_log theirs, own;
	struct store_reader *r;
	struct sums sums = {.newest = INT64_MAX};

	(void)state;
	model_log_init(&theirs, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	model_log_init(&own, model_name(2, 1, audience_of(AUDIENCE_CLEAR)));
	sums.log = theirs.name;
	for (int day = 0; day < 3; day++) {
		model_entries(&theirs, &rng, 2000, 300);
		append_at(s, &theirs, 7, day * 1000 + 1);
		model_entries(&own, &rng, 10, 300);
		append_at(s, &own, 0, day * 1000 + 2);
	}
	assert_ok(store_reader_open(s, &r));
	assert_ok(store_received_since(r, 1000, add_received, &sums));
	assert_int_equal(sums.count, 4000);
	assert_int_equal(sums.bytes, model_run(&theirs, 2000, 6000).len);
	sums = (struct sums){.log = theirs.name, .newest = INT64_MAX};
	assert_ok(store_received_since(r, 0, add_received, &sums));
	assert_int_equal(sums.count, 6000);
	sums = (struct sums){.log = theirs.name, .newest = INT64_MAX};
	assert_ok(store_received_since(r, 3000, add_received, &sums));
	assert_int_equal(sums.count, 0);
	store_reader_close(r);
	model_log_free(&theirs);
	model_log_free(&own);
	store_close(s);
	test_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_held_value_stays_held_until_it_is_let_go),
		cmocka_unit_test(what_came_since_a_moment_is_counted_and_own_entries_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
