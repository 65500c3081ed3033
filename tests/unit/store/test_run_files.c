/* SPDX-License-Identifier: EUPL-1.2 */
/* The files of sorted runs: what goes from them, who reads them meanwhile, and what becomes of an
 * index that misses one. */
#include "unit/store/runs.h"

#include <pthread.h>
#include <sys/wait.h>

/* --- erased bytes ----------------------------------------------------------------------------- */

/* Do the bytes stand in any file of the index? */
static bool in_files(const char *dir, const uint8_t *bytes, size_t len)
{
	char path[2048];
	const struct dirent *entry;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "%s/index", dir);
	d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d))) {
		struct bytes data;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/index/%s", dir, entry->d_name);
		data = test_file(path);
		found |= data.len >= len && memmem(data.data, data.len, bytes, len) != NULL;
		free((void *)(uintptr_t)data.data);
	}
	closedir(d);
	return found;
}

static void compacting_leaves_no_byte_of_what_was_taken_out(void **state)
{
	const uint8_t key[16] = {
		0xde, 0xad, 0xbe, 0xef, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 9, 0, 0, 0, 7};
	struct world w;

	(void)state;
	for (unsigned deep = 0; deep < 2; deep++) {
		index_fresh_keys_set(1);
		world_init(&w, 33 + deep);
		fill(&w, 2);
		assert_ok(index_write_begin(w.store, &w.view));
		assert_int_equal(index_key_put(&w.view, PART_VALUE, key), 1);
		assert_ok(index_write_end(&w.view, 0, 0));
		/* In the tables, or in a run below others. */
		fill(&w, deep ? 3 : 0);
		assert_true(in_files(w.dir, key, 8));
		assert_ok(index_write_begin(w.store, &w.view));
		assert_int_equal(index_key_del(&w.view, PART_VALUE, key), 1);
		assert_ok(index_write_end(&w.view, 0, 0));
		assert_true(in_files(w.dir, key, 8));
		assert_ok(store_index_compact(w.store));
		assert_false(in_files(w.dir, key, 8));
		assert_int_equal(compare(&w), 1);
		world_free(&w);
	}
}

static void what_is_taken_out_gives_its_room_back(void **state)
{
	struct world w;
	uint64_t full;

	(void)state;
	index_fresh_keys_set(10);
	world_init(&w, 35);
	fill(&w, 30);
	while (index_merge(w.store, SIZE_MAX) > 0)
		;
	full = runs_disk_bytes(w.store);
	for (unsigned part = 0; part < INDEX_PARTS; part++) {
		uint64_t number = 0;
		struct runs_list list;

		assert_ok(index_write_begin(w.store, &w.view));
		for (unsigned i = 0; i < KEYS; i++) {
			uint8_t key[INDEX_KEY_BYTES_MAX];

			key_of(key, part, i);
			assert_int_equal(index_key_del(&w.view, part, key), w.keys[part].stands[i]);
			w.keys[part].stands[i] = false;
		}
		assert_ok(runs_list_get(w.store, w.view.txn, &list));
		assert_ok(index_flush(&w.view, NULL, &list, &number));
		assert_ok(runs_list_put(w.store, w.view.txn, &list));
		assert_ok(index_write_end(&w.view, 0, number));
	}
	while (index_merge(w.store, SIZE_MAX) > 0)
		;
	compare(&w);
	assert_true(runs_disk_bytes(w.store) < full / 2);
	world_free(&w);
}

/* --- readers beside it ------------------------------------------------------------------------ */

struct reading {
	struct store *store;
	atomic_bool stop;
	atomic_uint views;
	unsigned wrong;
};

/* What every run has stands in every view, however they are merged. */
static void *read_on(void *ctx)
{
	struct reading *r = ctx;
	uint8_t key[INDEX_KEY_BYTES_MAX];

	key_of(key, PART_VALUE, 0);
	while (!atomic_load(&r->stop)) {
		struct index_view view;
		struct index_scan sc;
		unsigned count = 0;

		if (index_reader_begin(r->store, &view) != 0) {
			r->wrong++;
			continue;
		}
		r->wrong += index_scan_open(&sc, &view, PART_VALUE) != 0;
		r->wrong += index_prefix_stands(&sc, key) != 1;
		r->wrong += index_scan_seek(&sc, key, 0) != 0;
		while (index_scan_next(&sc) == 1)
			count++;
		r->wrong += count < PLACES;
		index_scan_close(&sc);
		index_reader_end(&view);
		atomic_fetch_add(&r->views, 1);
	}
	return NULL;
}

static void merge_much(struct world *w, const struct reading *r)
{
	for (unsigned i = 0; i < 300 || (r && atomic_load(&r->views) < 100); i++) {
		uint64_t number = 0;

		assert_ok(index_room(w->store));
		assert_ok(index_write_begin(w->store, &w->view));
		for (unsigned j = PLACES; j < PLACES + 40; j++) {
			uint8_t key[INDEX_KEY_BYTES_MAX];

			key_of(key, PART_VALUE, j);
			assert_int_equal(i % 2 ? index_key_del(&w->view, PART_VALUE, key)
					       : index_key_put(&w->view, PART_VALUE, key),
				1);
		}
		flush(w, &number);
		assert_ok(index_write_end(&w->view, 0, number));
		assert_in_range(index_merge(w->store, 1 + pick(w, 4000)), 0, 1);
	}
}

static void put_first(struct world *w)
{
	assert_ok(index_write_begin(w->store, &w->view));
	for (unsigned i = 0; i < PLACES; i++) {
		uint8_t key[INDEX_KEY_BYTES_MAX];

		key_of(key, PART_VALUE, i);
		assert_int_equal(index_key_put(&w->view, PART_VALUE, key), 1);
	}
	/* All that are left stay away from what merge_much puts. */
	for (unsigned i = 0; i < 3 * PLACES; i++)
		w->keys[PART_VALUE].stands[i] = true;
	assert_ok(index_write_end(&w->view, 0, 0));
}

static void readers_see_everything_while_it_merges(void **state)
{
	struct reading reading = {0};
	struct world w;
	pthread_t thread;

	(void)state;
	index_fresh_keys_set(20);
	world_init(&w, 41);
	put_first(&w);
	reading.store = w.store;
	assert_ok(pthread_create(&thread, NULL, read_on, &reading));
	merge_much(&w, &reading);
	atomic_store(&reading.stop, true);
	assert_ok(pthread_join(thread, NULL));
	assert_int_equal(reading.wrong, 0);
	assert_true(atomic_load(&reading.views) >= 100);
	world_free(&w);
}

static bool stopped(const char *dir)
{
	char path[2048];

	snprintf(path, sizeof(path), "%s/stop", dir);
	return access(path, F_OK) == 0;
}

static void stop(const char *dir)
{
	char path[2048];
	FILE *f;

	snprintf(path, sizeof(path), "%s/stop", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_ok(fclose(f));
}

/* In a process of its own, until it is told to stop: 0 when all it saw was right. */
static int read_beside(const char *dir)
{
	uint8_t key[INDEX_KEY_BYTES_MAX];
	struct err_text err;
	struct store *s;
	unsigned views = 0;

	if (store_open(&s, dir, STORE_READ, &err) != 0)
		return 2;
	key_of(key, PART_VALUE, 0);
	for (; !stopped(dir) || views < 1; views++) {
		struct index_view view;
		struct index_scan sc;
		unsigned count = 0;

		if (index_reader_begin(s, &view) != 0)
			return 3;
		if (index_scan_open(&sc, &view, PART_VALUE) != 0 ||
			index_scan_seek(&sc, key, 8) != 0)
			return 4;
		while (index_scan_next(&sc) == 1)
			count++;
		index_scan_close(&sc);
		index_reader_end(&view);
		if (count != PLACES)
			return 5;
	}
	return 0;
}

/* A command beside the daemon: runs may be gone that its transaction has just named. */
static void so_does_another_process(void **state)
{
	struct world w;
	int status;
	pid_t pid;

	(void)state;
	index_fresh_keys_set(20);
	world_init(&w, 42);
	put_first(&w);
	store_close(w.store);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(60);
		_exit(read_beside(w.dir));
	}
	world_open(&w);
	merge_much(&w, NULL);
	assert_ok(store_index_compact(w.store));
	merge_much(&w, NULL);
	stop(w.dir);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	world_free(&w);
}

/* --- files ------------------------------------------------------------------------------------ */

static void a_run_that_is_gone_cut_or_not_of_this_index_costs_the_index(void **state)
{
	(void)state;
	index_fresh_keys_set(1);
	for (unsigned how = 0; how < 3; how++) {
		struct index_view view;
		char path[RUN_PATH_BYTES];
		struct world w;

		world_init(&w, 51 + how);
		fill(&w, 2);
		assert_ok(index_reader_begin(w.store, &view));
		run_path(w.store, path, view.runs->list.numbers[0]);
		index_reader_end(&view);
		store_close(w.store);
		if (how == 0)
			assert_ok(unlink(path));
		else if (how == 1)
			assert_ok(truncate(path, 5000));
		else {
			FILE *f = fopen(path, "r+");
			int was;

			assert_non_null(f);
			assert_ok(fseek(f, 24, SEEK_SET)); /* the tag */
			was = getc(f);
			assert_ok(fseek(f, 24, SEEK_SET));
			assert_int_equal(fputc(was ^ 1, f), was ^ 1);
			assert_ok(fclose(f));
		}
		/* Who reads sees an empty one, who writes begins anew. */
		memset(w.keys, 0, sizeof(w.keys));
		for (unsigned part = 0; part < INDEX_PARTS; part++)
			w.keys[part].part = part;
		w.store = model_open(w.dir, STORE_READ);
		assert_null(w.store->index.env);
		store_close(w.store);
		world_open(&w);
		assert_int_equal(compare(&w), 0);
		world_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compacting_leaves_no_byte_of_what_was_taken_out),
		cmocka_unit_test(what_is_taken_out_gives_its_room_back),
		cmocka_unit_test(readers_see_everything_while_it_merges),
		cmocka_unit_test(so_does_another_process),
		cmocka_unit_test(a_run_that_is_gone_cut_or_not_of_this_index_costs_the_index),
	};

	return hash_init() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
