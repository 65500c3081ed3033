/* SPDX-License-Identifier: EUPL-1.2 */
/* What stands in sorted runs, whatever was put, taken out, made a run, merged, compacted, undone or
 * cut short by a crash. */
#include "unit/store/runs.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void keys_stand_as_in_the_model_whatever_is_done(void **state)
{
	struct world w;

	(void)state;
	index_fresh_keys_set(30);
	for (uint64_t seed = 1; seed <= 6; seed++) {
		world_init(&w, seed);
		for (unsigned i = 0; i < 250; i++) {
			act(&w);
			if (i % 5 == 0)
				compare(&w);
		}
		compare(&w);
		assert_true(w.runs >= 4 && w.merges > 10);
		/* Merged down what stands is one run, or none. */
		while (index_merge(w.store, 1000) > 0)
			;
		compare(&w);
		assert_ok(index_merge_all(w.store));
		assert_in_range(compare(&w), 0, 1);
		world_free(&w);
	}
}

static int plain_cmp(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* Spread evenly, close together, all but one the same, and with gaps. */
static void keys_are_sorted_wherever_they_lie(void **state)
{
	static uint8_t keys[5000][16], sorted[5000][16];
	uint64_t seed = 61;
	struct env_rng rng = test_rng(&seed);

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		size_t count = env_random_u64(&rng) % (round < 100 ? 40 : 5000);
		unsigned how = round % 5, shift = (unsigned)(env_random_u64(&rng) % 64);

		for (size_t i = 0; i < count; i++) {
			uint64_t first = env_random_u64(&rng);

			first = how == 0   ? first
				: how == 1 ? 1780000000000 + first % 1000000
				: how == 2 ? (i ? 7 : first)
				: how == 3 ? first >> shift
					   : first << shift;
			be64_put(keys[i], first);
			be64_put(keys[i] + 8, env_random_u64(&rng) << 1);
		}
		memcpy(sorted, keys, sizeof(keys));
		qsort(sorted, count, 16, plain_cmp);
		assert_ok(index_keys_sort(keys[0], count, PART_VALUE));
		assert_memory_equal(keys, sorted, count * 16);
	}
}

/* Evenly, crowded into one stretch, on both sides of its border, and all alike. */
static uint64_t somewhere(struct env_rng *rng, unsigned how)
{
	uint64_t v = env_random_u64(rng);

	switch (how) {
	case 0:
		return v;
	case 1:
		return v % 3 ? 1000 + v % 700 : v;
	case 2:
		return (v % 2 ? UINT64_MAX / 2 - 40 : UINT64_MAX - 40) + v % 40;
	case 3:
		return v >> v % 64;
	default:
		return 7;
	}
}

static void a_key_is_found_wherever_keys_lie(void **state)
{
	static uint8_t keys[3000][16], probe[16];
	const char *dir = test_dir();
	uint64_t seed = 62;
	struct env_rng rng = test_rng(&seed);
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/run", dir);
	for (unsigned round = 0; round < 60; round++) {
		size_t count = 1 + env_random_u64(&rng) % (round < 30 ? 60 : 3000);
		uint64_t counts[INDEX_PARTS] = {[PART_VALUE] = count}, written;
		struct run_writer *w;
		struct index_run *run;

		for (size_t i = 0; i < count; i++) {
			be64_put(keys[i], somewhere(&rng, round % 5));
			be64_put(keys[i] + 8, env_random_u64(&rng) << 1);
		}
		qsort(keys, count, 16, plain_cmp);
		assert_ok(run_writer_begin(&w, path, 1, 2, counts));
		for (size_t i = 0; i < count; i++)
			run_writer_put(w, PART_VALUE, keys[i]);
		assert_ok(run_writer_finish(w, &written));
		assert_ok(index_run_open(&run, path, 1, 2));
		for (unsigned i = 0; i < 500; i++) {
			uint64_t want = 0;

			be64_put(probe, somewhere(&rng, round % 5));
			be64_put(probe + 8, env_random_u64(&rng) << 1);
			if (i % 2)
				memcpy(probe, keys[env_random_u64(&rng) % count], 16);
			while (want < count && memcmp(keys[want], probe, 16) < 0)
				want++;
			assert_int_equal(index_run_lower(run, PART_VALUE, probe), want);
			assert_true(!(i % 2) || index_run_may_have(run, PART_VALUE, probe));
		}
		index_run_close(run);
	}
	test_dir_remove(dir);
}

/* --- crashes ---------------------------------------------------------------------------------- */

/* In a process of its own: acts, and says after each how many are done. */
static void child(struct world *w, int out, unsigned acts)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	world_open(w);
	for (unsigned i = 0; i < acts; i++) {
		act(w);
		if (write(out, "", 1) != 1)
			break;
	}
	_exit(0);
}

static unsigned killed_after(struct world *w, unsigned acts, useconds_t us)
{
	unsigned done = 0;
	int ends[2], status;
	char byte;
	pid_t pid;

	assert_ok(pipe(ends));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		child(w, ends[1], acts);
	}
	close(ends[1]);
	usleep(us);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	while (read(ends[0], &byte, 1) == 1)
		done++;
	close(ends[0]);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return done;
}

static bool same(struct world *w)
{
	for (unsigned part = 0; part < INDEX_PARTS; part++) {
		struct index_view view;
		struct index_scan sc;
		unsigned i = 0;
		bool good = true;

		assert_ok(index_reader_begin(w->store, &view));
		assert_ok(index_scan_open(&sc, &view, part));
		assert_ok(index_scan_seek(&sc, (const uint8_t[INDEX_KEY_BYTES_MAX]){0}, 0));
		while (good && index_scan_next(&sc) == 1) {
			uint8_t key[INDEX_KEY_BYTES_MAX];

			while (i < KEYS && !w->keys[part].stands[i])
				i++;
			key_of(key, part, i);
			good = i++ < KEYS && memcmp(key, sc.key, sc.key_len) == 0;
		}
		while (good && i < KEYS)
			good = !w->keys[part].stands[i++];
		index_scan_close(&sc);
		index_reader_end(&view);
		if (!good)
			return false;
	}
	return true;
}

/* The same acts again in the model alone: a world with a store of its own, elsewhere. */
static void replay(struct world *w, struct world *model, unsigned acts)
{
	while (acts-- > 0)
		act(model);
	memcpy(w->keys, model->keys, sizeof(w->keys));
}

static void a_crash_at_any_moment_leaves_what_was_committed(void **state)
{
	(void)state;
	index_fresh_keys_set(30);
	for (uint64_t seed = 11; seed <= 26; seed++) {
		struct world w, model;
		unsigned done;

		world_init(&w, seed);
		world_init(&model, seed);
		store_close(w.store);
		done = killed_after(&w, 150, (useconds_t)(seed - 10) * 2500);
		world_open(&w); /* trusted: the machine did not go down */
		replay(&w, &model, done);
		if (!same(&w))
			replay(&w, &model, 1); /* committed, and killed before it was said */
		assert_int_equal(compare(&w) <= RUNS_MAX, 1);
		world_free(&w);
		world_free(&model);
	}
}

static void what_a_crash_left_of_a_merge_is_swept(void **state)
{
	struct world w;
	int status;
	pid_t pid;

	(void)state;
	index_fresh_keys_set(1);
	world_init(&w, 27);
	fill(&w, 9);
	store_close(w.store);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		world_open(&w);
		_exit(index_merge(w.store, 1) == 1 && w.store->merge ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(run_files(w.dir), 10);
	world_open(&w);
	assert_int_equal(compare(&w), 9);
	world_free(&w);
}

/* --- no room ---------------------------------------------------------------------------------- */

static void a_merge_without_room_is_put_off(void **state)
{
	struct rlimit limit, old;
	struct world w;
	unsigned runs;
	int rc;

	(void)state;
	index_fresh_keys_set(1);
	world_init(&w, 31);
	fill(&w, 17);
	runs = compare(&w);
	assert_true(runs >= 6);
	signal(SIGXFSZ, SIG_IGN);
	assert_ok(getrlimit(RLIMIT_FSIZE, &old));
	limit = (struct rlimit){4000, old.rlim_max};
	assert_ok(setrlimit(RLIMIT_FSIZE, &limit));
	while ((rc = index_merge(w.store, 500)) > 0)
		;
	/* It is not tried again, and what was begun gives its room back. */
	assert_int_equal(rc, 0);
	assert_int_equal(index_merge(w.store, 500), 0);
	assert_null(w.store->merge);
	assert_int_equal(compare(&w), runs);
	assert_int_equal(index_merge_all(w.store), ENT_EFULL);
	assert_int_equal(compare(&w), runs);
	assert_ok(setrlimit(RLIMIT_FSIZE, &old));
	fill(&w, 1);
	while ((rc = index_merge(w.store, 500)) > 0)
		;
	assert_int_equal(rc, 0);
	assert_true(compare(&w) < runs);
	world_free(&w);
}

static void no_more_runs_than_may_be(void **state)
{
	struct world w;

	(void)state;
	index_fresh_keys_set(1u << 30); /* so that none is ever due */
	world_init(&w, 32);
	for (unsigned i = 0; i < 3 * RUNS_MAX; i++) {
		uint64_t number = 0;
		uint8_t key[INDEX_KEY_BYTES_MAX];

		assert_ok(index_room(w.store));
		assert_ok(index_write_begin(w.store, &w.view));
		key_of(key, PART_VALUE, i);
		assert_int_equal(index_key_put(&w.view, PART_VALUE, key),
			!w.keys[PART_VALUE].stands[i]);
		w.keys[PART_VALUE].stands[i] = true;
		flush(&w, &number);
		assert_ok(index_write_end(&w.view, 0, number));
		assert_in_range(compare(&w), 1, RUNS_MAX);
	}
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_stand_as_in_the_model_whatever_is_done),
		cmocka_unit_test(keys_are_sorted_wherever_they_lie),
		cmocka_unit_test(a_key_is_found_wherever_keys_lie),
		cmocka_unit_test(a_crash_at_any_moment_leaves_what_was_committed),
		cmocka_unit_test(what_a_crash_left_of_a_merge_is_swept),
		cmocka_unit_test(a_merge_without_room_is_put_off),
		cmocka_unit_test(no_more_runs_than_may_be),
	};

	return hash_init() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
