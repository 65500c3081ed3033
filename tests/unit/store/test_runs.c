/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sorted runs against a model that is a plain list of keys: what stands, whatever was put, taken
 * out, made a run, merged, compacted, undone or cut short by a crash.
 */
#include "store/impl.h"
#include "unit/store/model.h"

#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PREFIXES 37u /* so that there are other keys beside every one */
#define PLACES   23u
#define KEYS     (PREFIXES * PLACES)

/* One part: the keys of a small space, and whether each stands. */
struct keys {
	enum index_part part;
	bool stands[KEYS], undone[KEYS];
};

struct world {
	struct store *store;
	const char *dir;
	uint64_t seed;
	struct env_rng rng;
	struct keys keys[INDEX_PARTS];
	struct index_view view; /* of the transaction at hand */
	uint64_t runs, merges;  /* seen */
};

static unsigned pick(struct world *w, unsigned count)
{
	return (unsigned)(env_random_u64(&w->rng) % count);
}

/* In order of their numbers. Prefixes lie close together in pairs, and else all over. */
static void key_of(uint8_t out[INDEX_KEY_BYTES_MAX], enum index_part part, unsigned i)
{
	uint64_t prefix = i / PLACES;
	size_t len = index_key_len(part);

	memset(out, 0, INDEX_KEY_BYTES_MAX);
	be64_put(out, (prefix / 2) * (UINT64_MAX / PREFIXES * 2) + prefix % 2);
	if (len > 16)
		be32_put(out + 16, 1 + i % PLACES / 7);
	be64_put(out + len - 8, (uint64_t)(i % PLACES) * 65536 + 1);
}

static void world_open(struct world *w)
{
	w->store = model_open(w->dir, STORE_WRITE);
}

static void world_init(struct world *w, uint64_t seed)
{
	*w = (struct world){.dir = test_dir(), .seed = seed};
	w->rng = test_rng(&w->seed);
	for (unsigned part = 0; part < INDEX_PARTS; part++)
		w->keys[part].part = part;
	world_open(w);
}

static void world_free(struct world *w)
{
	store_close(w->store);
	test_dir_remove(w->dir);
}

/* --- comparing -------------------------------------------------------------------------------- */

/* Forward over everything that begins as key i does, of prefix_len bytes. */
static void compare_forward(const struct keys *k, struct index_scan *sc, unsigned i,
	size_t prefix_len)
{
	uint8_t least[INDEX_KEY_BYTES_MAX], key[INDEX_KEY_BYTES_MAX];

	key_of(least, k->part, i);
	assert_ok(index_scan_seek(sc, least, prefix_len));
	for (; i < KEYS; i++) {
		key_of(key, k->part, i);
		if (memcmp(key, least, prefix_len) != 0)
			break;
		if (!k->stands[i])
			continue;
		assert_int_equal(index_scan_next(sc), 1);
		assert_memory_equal(sc->key, key, sc->key_len);
	}
	assert_int_equal(index_scan_next(sc), 0);
}

/* The last before key i that has its prefix. */
static void compare_backward(const struct keys *k, struct index_scan *sc, unsigned i)
{
	size_t prefix_len = index_key_len(k->part) - 8;
	uint8_t bound[INDEX_KEY_BYTES_MAX], key[INDEX_KEY_BYTES_MAX];
	int found = 0;

	key_of(bound, k->part, i);
	while (i-- > 0 && !found) {
		key_of(key, k->part, i);
		if (memcmp(key, bound, prefix_len) != 0)
			break;
		found = k->stands[i];
	}
	assert_int_equal(index_scan_before(sc, bound, prefix_len), found);
	if (found)
		assert_memory_equal(sc->key, key, sc->key_len);
}

static void compare_view(const struct world *w, const struct index_view *view)
{
	for (unsigned part = 0; part < INDEX_PARTS; part++) {
		const struct keys *k = &w->keys[part];
		struct index_scan sc;

		assert_ok(index_scan_open(&sc, view, part));
		compare_forward(k, &sc, 0, 0);
		for (unsigned i = 0; i < KEYS; i += 5) {
			compare_forward(k, &sc, i, 8);
			compare_backward(k, &sc, i);
		}
		for (unsigned i = 0; i < KEYS; i += PLACES) {
			uint8_t key[INDEX_KEY_BYTES_MAX];
			bool any = false;

			key_of(key, part, i);
			for (unsigned j = i; j < i + PLACES; j++)
				any |= k->stands[j];
			assert_int_equal(index_prefix_stands(&sc, key), any);
		}
		index_scan_close(&sc);
	}
}

static unsigned run_files(const char *dir)
{
	char path[2048];
	const struct dirent *entry;
	unsigned count = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/index", dir);
	d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d)))
		count += strncmp(entry->d_name, "run-", 4) == 0;
	closedir(d);
	return count;
}

static unsigned compare(struct world *w)
{
	struct index_view view;
	unsigned runs;

	assert_ok(index_reader_begin(w->store, &view));
	compare_view(w, &view);
	runs = view.runs->list.len;
	index_reader_end(&view);
	/* No file but those that are in use. */
	assert_int_equal(run_files(w->dir), runs + (w->store->merge != NULL));
	w->runs = runs > w->runs ? runs : w->runs;
	return runs;
}

/* --- changing --------------------------------------------------------------------------------- */

static void change_keys(struct world *w, unsigned count)
{
	while (count-- > 0) {
		struct keys *k = &w->keys[pick(w, INDEX_PARTS)];
		unsigned i = pick(w, KEYS);
		bool put = pick(w, 3) > 0;
		uint8_t key[INDEX_KEY_BYTES_MAX];

		key_of(key, k->part, i);
		assert_int_equal(put ? index_key_put(&w->view, k->part, key)
				     : index_key_del(&w->view, k->part, key),
			k->stands[i] != put);
		k->stands[i] = put;
	}
}

/* Keys that come sorted, as a step of the index has them: none of them stood before. */
static void gather(struct world *w, struct merge_source sources[INDEX_PARTS], uint8_t *room)
{
	for (unsigned part = 0; part < INDEX_PARTS; part++) {
		size_t len = index_key_len(part);

		sources[part].at = room;
		for (unsigned i = pick(w, KEYS), left = pick(w, 40); i < KEYS && left > 0; i++) {
			if (w->keys[part].stands[i])
				continue;
			key_of(room, part, i);
			index_key_encode(room, len);
			room += len;
			w->keys[part].stands[i] = true;
			left--;
		}
		sources[part].end = room;
	}
}

static void flush(struct world *w, uint64_t *number)
{
	static uint8_t room[INDEX_PARTS * 40 * INDEX_KEY_BYTES_MAX];
	struct merge_source sources[INDEX_PARTS];
	struct runs_list list;

	gather(w, sources, room);
	assert_ok(runs_list_get(w->store, w->view.txn, &list));
	assert_ok(index_flush(&w->view, sources, &list, number));
	assert_ok(runs_list_put(w->store, w->view.txn, &list));
}

/* One transaction; now and then it is undone. */
static void transact(struct world *w)
{
	struct keys before[INDEX_PARTS];
	uint64_t number = 0;
	bool undo = pick(w, 6) == 0;

	memcpy(before, w->keys, sizeof(before));
	assert_ok(index_room(w->store));
	assert_ok(index_write_begin(w->store, &w->view));
	change_keys(w, pick(w, 30));
	if (pick(w, 4) == 0)
		compare_view(w, &w->view);
	if (pick(w, 2))
		flush(w, &number);
	assert_int_equal(index_write_end(&w->view, undo ? ENT_EIO : 0, number), undo ? ENT_EIO : 0);
	if (undo)
		memcpy(w->keys, before, sizeof(before));
}

static void act(struct world *w)
{
	unsigned what = pick(w, 120);
	int rc;

	if (what == 0) {
		assert_ok(index_merge_all(w->store));
	} else if (what == 1) {
		assert_ok(store_index_compact(w->store));
	} else if (what == 2) {
		store_close(w->store);
		world_open(w);
	} else if (what == 3) {
		assert_ok(store_index_drop(w->store));
		for (unsigned part = 0; part < INDEX_PARTS; part++)
			memset(w->keys[part].stands, 0, sizeof(w->keys[part].stands));
	} else if (what < 40) {
		rc = index_merge(w->store, 1 + pick(w, 3000));
		assert_in_range(rc, 0, 1);
		w->merges += rc == 1;
	} else {
		transact(w);
	}
}

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

/* --- no room ---------------------------------------------------------------------------------- */

static void fill(struct world *w, unsigned transactions)
{
	for (unsigned i = 0; i < transactions; i++) {
		uint64_t number = 0;

		assert_ok(index_write_begin(w->store, &w->view));
		flush(w, &number);
		assert_ok(index_write_end(&w->view, 0, number));
	}
}

static void a_merge_without_room_is_put_off(void **state)
{
	struct rlimit limit, old;
	struct world w;
	unsigned runs;
	int rc;

	(void)state;
	index_fresh_keys_set(1);
	world_init(&w, 31);
	fill(&w, 9);
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

			assert_non_null(f);
			assert_ok(fseek(f, 24, SEEK_SET)); /* the tag */
			assert_int_equal(fputc(getc(f) ^ 1, f) == EOF, 0);
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
		cmocka_unit_test(keys_stand_as_in_the_model_whatever_is_done),
		cmocka_unit_test(keys_are_sorted_wherever_they_lie),
		cmocka_unit_test(a_crash_at_any_moment_leaves_what_was_committed),
		cmocka_unit_test(a_merge_without_room_is_put_off),
		cmocka_unit_test(no_more_runs_than_may_be),
		cmocka_unit_test(compacting_leaves_no_byte_of_what_was_taken_out),
		cmocka_unit_test(what_is_taken_out_gives_its_room_back),
		cmocka_unit_test(readers_see_everything_while_it_merges),
		cmocka_unit_test(so_does_another_process),
		cmocka_unit_test(a_run_that_is_gone_cut_or_not_of_this_index_costs_the_index),
	};

	return hash_init() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
