/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include "base/map.h"

#define KEYS   200
#define ROUNDS 20000

static const uint8_t hash_key[16] = "sixteen bytes...";

static void key_of(uint8_t key[8], unsigned n)
{
	be64_put(key, n);
}

/* Random puts, gets and removals beside an array that knows the answer. */
static void map_agrees_with_a_naive_model(void **state)
{
	static int values[KEYS];
	uint64_t seed = 5;
	struct env_rng rng = test_rng(&seed);
	void *model[KEYS] = {NULL};
	size_t count = 0;
	struct map m;

	(void)state;
	map_init(&m, 8, KEYS, hash_key);
	for (int round = 0; round < ROUNDS; round++) {
		unsigned n = (unsigned)(env_random_u64(&rng) % KEYS);
		void *value = &values[env_random_u64(&rng) % KEYS];
		uint8_t key[8];

		key_of(key, n);
		/* Fill and drain by turns, so that runs of slots grow and are closed again. */
		if (env_random_u64(&rng) % 100 < (round / 1000 % 2 ? 30u : 70u)) {
			assert_int_equal(map_put(&m, key, value), 0);
			count += model[n] == NULL;
			model[n] = value;
		} else {
			assert_ptr_equal(map_remove(&m, key), model[n]);
			count -= model[n] != NULL;
			model[n] = NULL;
		}
		assert_int_equal(m.count, count);
		key_of(key, (unsigned)(env_random_u64(&rng) % KEYS));
		assert_ptr_equal(map_get(&m, key), model[be64_get(key)]);
	}
	for (unsigned n = 0; n < KEYS; n++) {
		uint8_t key[8];

		key_of(key, n);
		assert_ptr_equal(map_get(&m, key), model[n]);
	}
	map_free(&m);
}

static void walking_meets_every_key_once(void **state)
{
	static int values[KEYS];
	bool met[KEYS] = {false};
	const void *key;
	void *value;
	size_t at = 0, count = 0;
	struct map m;
	uint8_t raw[8];

	(void)state;
	map_init(&m, 8, KEYS, hash_key);
	assert_false(map_next(&m, &at, &key, &value));
	for (unsigned n = 0; n < KEYS; n++) {
		key_of(raw, n);
		assert_int_equal(map_put(&m, raw, &values[n]), 0);
	}
	for (at = 0; map_next(&m, &at, &key, &value); count++) {
		uint64_t n = be64_get(key);

		assert_true(n < KEYS && !met[n]);
		assert_ptr_equal(value, &values[n]);
		met[n] = true;
	}
	assert_int_equal(count, KEYS);
	map_free(&m);
}

static void the_ceiling_holds(void **state)
{
	int value;
	struct map m;
	uint8_t key[8];

	(void)state;
	map_init(&m, 8, 3, hash_key);
	assert_null(map_get(&m, "absent.."));
	assert_null(map_remove(&m, "absent.."));
	for (unsigned n = 0; n < 3; n++) {
		key_of(key, n);
		assert_int_equal(map_put(&m, key, &value), 0);
	}
	assert_int_equal(map_put(&m, key, &m), 0); /* replacing needs no room */
	assert_ptr_equal(map_get(&m, key), &m);
	key_of(key, 3);
	assert_int_equal(map_put(&m, key, &value), ENT_ELIMIT);
	key_of(key, 0);
	assert_ptr_equal(map_remove(&m, key), &value);
	key_of(key, 3);
	assert_int_equal(map_put(&m, key, &value), 0);
	map_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_agrees_with_a_naive_model),
		cmocka_unit_test(walking_meets_every_key_once),
		cmocka_unit_test(the_ceiling_holds),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
