/* SPDX-License-Identifier: EUPL-1.2 */
/* Sorted runs, and a model that is a plain list of keys with what stands of them. */
#pragma once

#include "store/impl.h"
#include "unit/store/model.h"

#include <dirent.h>
#include <stdio.h>
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

static inline unsigned pick(struct world *w, unsigned count)
{
	return (unsigned)(env_random_u64(&w->rng) % count);
}

/* In order of their numbers. Prefixes lie close together in pairs, and else all over. */
static inline void key_of(uint8_t out[INDEX_KEY_BYTES_MAX], enum index_part part, unsigned i)
{
	uint64_t prefix = i / PLACES;
	size_t len = index_key_len(part);

	memset(out, 0, INDEX_KEY_BYTES_MAX);
	be64_put(out, (prefix / 2) * (UINT64_MAX / PREFIXES * 2) + prefix % 2);
	if (len > 16)
		be32_put(out + 16, 1 + i % PLACES / 7);
	be64_put(out + len - 8, (uint64_t)(i % PLACES) * 65536 + 1);
}

static inline void world_open(struct world *w)
{
	w->store = model_open(w->dir, STORE_WRITE);
}

static inline void world_init(struct world *w, uint64_t seed)
{
	*w = (struct world){.dir = test_dir(), .seed = seed};
	w->rng = test_rng(&w->seed);
	for (unsigned part = 0; part < INDEX_PARTS; part++)
		w->keys[part].part = part;
	world_open(w);
}

static inline void world_free(struct world *w)
{
	store_close(w->store);
	test_dir_remove(w->dir);
}

/* --- comparing -------------------------------------------------------------------------------- */

/* Forward over everything that begins as key i does, of prefix_len bytes. */
static inline void compare_forward(const struct keys *k, struct index_scan *sc, unsigned i,
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
static inline void compare_backward(const struct keys *k, struct index_scan *sc, unsigned i)
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

static inline void compare_view(const struct world *w, const struct index_view *view)
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

static inline unsigned run_files(const char *dir)
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

static inline unsigned compare(struct world *w)
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

static inline void change_keys(struct world *w, unsigned count)
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
static inline void gather(struct world *w, struct merge_source sources[INDEX_PARTS], uint8_t *room)
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

static inline void flush(struct world *w, uint64_t *number)
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
static inline void transact(struct world *w)
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

static inline void act(struct world *w)
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

static inline void fill(struct world *w, unsigned transactions)
{
	for (unsigned i = 0; i < transactions; i++) {
		uint64_t number = 0;

		assert_ok(index_write_begin(w->store, &w->view));
		flush(w, &number);
		assert_ok(index_write_end(&w->view, 0, number));
	}
}
