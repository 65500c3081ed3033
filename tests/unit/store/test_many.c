/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A store of very many logs. With a folder as argument that is where it is made and stays:
 * tests/integration/test_status.py starts a daemon on it.
 */
#include "unit/store/model.h"

#include <stdio.h>

#define MANY 5000u

/* Of as many origins, each with one entry of a kind that nobody reads. */
static void many_make(const char *dir)
{
	struct store *s = model_open(dir, STORE_WRITE);
	uint64_t seed = 7;
	struct env_rng rng = test_rng(&seed);
	struct store_txn *txn;

	assert_ok(store_begin(s, &txn));
	for (unsigned i = 0; i < MANY; i++) {
		struct log_name name = model_name(1, 1000, audience_of(AUDIENCE_CLEAR));
		struct model_log m;

		be32_put(name.node.bytes + 4, i);
		model_log_init(&m, name);
		model_entries(&m, &rng, 1, 10);
		assert_ok(model_append(txn, &m));
		model_log_free(&m);
	}
	assert_ok(store_commit(txn));
	store_close(s);
}

static int count(void *ctx, const struct store_log *log)
{
	unsigned *seen = ctx;

	assert_int_equal(be32_get(log->name.node.bytes + 4), *seen);
	assert_int_equal(log->size, 1);
	++*seen;
	return 0;
}

static void a_store_of_very_many_logs_is_walked_whole(void **state)
{
	const char *dir = test_dir();
	struct store_reader *r;
	struct store *s;
	unsigned seen = 0;

	(void)state;
	many_make(dir);
	s = model_open(dir, STORE_READ);
	assert_ok(store_reader_open(s, &r));
	assert_ok(store_log_each(r, count, &seen));
	assert_int_equal(seen, MANY);
	store_reader_close(r);
	store_close(s);
	test_dir_remove(dir);
}

static const char *folder;

static void is_left_there(void **state)
{
	(void)state;
	many_make(folder);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_of_very_many_logs_is_walked_whole)};
	const struct CMUnitTest left[] = {cmocka_unit_test(is_left_there)};

	if (hash_init() != 0)
		return 1;
	if (argc > 1) {
		folder = argv[1];
		return cmocka_run_group_tests(left, NULL, NULL);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
