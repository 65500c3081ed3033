/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A run: sorted keys of the index in a file that is written once and never changed (docs/STORE.md,
 * "Runs"). Inside store/ only.
 *
 * A key is what it is in the tables, but that its last eight bytes stand shifted left by one, and
 * the bit that becomes free says that the key is taken out again. So what takes a key out stands
 * where the key stands, and one order is good for both.
 *
 * A part is sorted bytes, so what is near is found by where its first eight bytes lie among all
 * that there could be: each of as many equal stretches has a block of 64 bytes, which is a filter
 * of what begins in it and says where in the part it begins. One cache line answers most look-ups
 * that find nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum index_part { PART_VALUE, PART_OBJECT, PART_EXPIRY, PART_UNLISTED, INDEX_PARTS };

#define INDEX_KEY_BYTES_MAX 28u

static inline size_t index_key_len(enum index_part part)
{
	return part == PART_VALUE || part == PART_EXPIRY ? 16 : INDEX_KEY_BYTES_MAX;
}

static inline void index_key_encode(uint8_t *key, size_t len)
{
	be64_put(key + len - 8, be64_get(key + len - 8) << 1);
}

static inline void index_key_decode(uint8_t *key, size_t len)
{
	be64_put(key + len - 8, be64_get(key + len - 8) >> 1);
}

static inline bool index_key_removes(const uint8_t *key, size_t len)
{
	return key[len - 1] & 1;
}

/* The order of keys, whether they are put or taken out. */
static inline int index_key_cmp(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint64_t x = be64_get(a), y = be64_get(b);

	for (size_t i = 8; x == y && i + 8 < len; i += 8) {
		x = be64_get(a + i);
		y = be64_get(b + i);
	}
	if (x == y) {
		x = be64_get(a + len - 8) | 1;
		y = be64_get(b + len - 8) | 1;
	}
	return (x > y) - (x < y);
}

struct index_run {
	uint64_t number;
	unsigned refs; /* of sets; under the store's mutex */
	const uint8_t *map;
	size_t bytes;
	uint64_t removes; /* keys that take out */
	struct {
		uint64_t count, blocks; /* blocks 0: none */
		const uint8_t *keys, *filter;
	} parts[INDEX_PARTS];
};

uint64_t index_run_keys(const struct index_run *run);

/* Maps the file; tag: what its header must say beside its number. ENT_ENOTFOUND, ENT_ECORRUPT. */
int index_run_open(struct index_run **run, const char *path, uint64_t number,
	uint64_t tag) MUST_CHECK;
void index_run_close(struct index_run *run);

/* The first key that is not less. */
uint64_t index_run_lower(const struct index_run *run, enum index_part part, const uint8_t *key);
/* Has the memory begin to fetch what index_run_may_have looks at: of several runs at once. */
void index_run_prefetch(const struct index_run *run, enum index_part part, const uint8_t *prefix);
/* May there be a key that begins with these eight bytes? */
bool index_run_may_have(const struct index_run *run, enum index_part part, const uint8_t *prefix);
/* The same of many keys, which are cheapest in their order: sets may[i] for those that may. */
void index_run_may_have_each(const struct index_run *run, enum index_part part, const uint8_t *keys,
	size_t count, uint8_t *may);

static inline const uint8_t *index_run_key(const struct index_run *run, enum index_part part,
	uint64_t at)
{
	return run->parts[part].keys + at * index_key_len(part);
}

/* --- writing ---------------------------------------------------------------------------------- */

struct run_writer;

/*
 * Begins a file; keys come part after part, each in order, at most counts_max of them. Failures
 * stick and are told by run_writer_finish.
 */
int run_writer_begin(struct run_writer **w, const char *path, uint64_t number, uint64_t tag,
	const uint64_t counts_max[INDEX_PARTS]) MUST_CHECK;
void run_writer_put(struct run_writer *w, enum index_part part, const uint8_t *key);
/* Completes the file: *keys is how many it holds; it goes again on error, and when that is none.
 * The writer is gone either way. */
int run_writer_finish(struct run_writer *w, uint64_t *keys) MUST_CHECK;
void run_writer_abort(struct run_writer *w);
bool run_writer_failed(const struct run_writer *w);
