/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sorting the keys of a step. Hashes and object ids are spread evenly, moments lie in a range: so
 * keys are first put where their first eight bytes lie between the least and the greatest, and then
 * only neighbours are left to be compared. Where that does not hold, in a bucket with many, it is
 * an ordinary sort.
 */
#include "store/index_runs.h"

#include <stdlib.h>

#define BUCKET_KEYS 1u  /* on the average */
#define BUCKET_MANY 64u /* from here on comparing neighbours is dearer */

static int key16_cmp(const void *a, const void *b)
{
	return index_key_cmp(a, b, 16);
}

static int key28_cmp(const void *a, const void *b)
{
	return index_key_cmp(a, b, 28);
}

static void sort_small(uint8_t *keys, size_t count, size_t len)
{
	uint8_t key[INDEX_KEY_BYTES_MAX];

	for (size_t i = 1; i < count; i++) {
		uint8_t *at = keys + i * len;

		if (index_key_cmp(at - len, at, len) <= 0)
			continue;
		memcpy(key, at, len);
		do {
			memcpy(at, at - len, len);
			at -= len;
		} while (at > keys && index_key_cmp(at - len, key, len) > 0);
		memcpy(at, key, len);
	}
}

/* One moment may be that of all records of a list, which come in order of their places. */
static bool in_order(const uint8_t *keys, size_t count, size_t len)
{
	for (size_t i = 1; i < count; i++)
		if (index_key_cmp(keys + (i - 1) * len, keys + i * len, len) > 0)
			return false;
	return true;
}

static void sort_bucket(uint8_t *keys, size_t count, size_t len)
{
	if (count < BUCKET_MANY)
		sort_small(keys, count, len);
	else if (!in_order(keys, count, len))
		qsort(keys, count, len, len == 16 ? key16_cmp : key28_cmp);
}

/* Where a key lies between the least and the greatest: at most twice too few buckets are used. */
struct spread {
	uint64_t least;
	int shift; /* left; what lies between takes the upper bits of 64 then */
	uint64_t buckets;
};

static size_t bucket_of(const struct spread *s, const uint8_t *key)
{
	return (size_t)(((be64_get(key) - s->least) << s->shift >> 32) * s->buckets >> 32);
}

static struct spread spread_of(const uint8_t *keys, size_t count, size_t len)
{
	uint64_t least = UINT64_MAX, greatest = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t first = be64_get(keys + i * len);

		least = first < least ? first : least;
		greatest = first > greatest ? first : greatest;
	}
	return (struct spread){least, greatest == least ? 0 : __builtin_clzll(greatest - least),
		count / BUCKET_KEYS + 1};
}

/* Puts every key into its bucket; ends[b] is then where bucket b ends. */
static void spread_out(const struct spread *s, const uint8_t *keys, size_t count, size_t len,
	uint8_t *out, uint32_t *ends)
{
	uint32_t begin = 0;

	memset(ends, 0, s->buckets * sizeof(*ends));
	for (size_t i = 0; i < count; i++)
		ends[bucket_of(s, keys + i * len)]++;
	for (size_t b = 0; b < s->buckets; b++) {
		uint32_t in = ends[b];

		ends[b] = begin;
		begin += in;
	}
	for (size_t i = 0; i < count; i++)
		memcpy(out + ends[bucket_of(s, keys + i * len)]++ * len, keys + i * len, len);
}

int index_keys_sort(uint8_t *keys, size_t count, enum index_part part)
{
	size_t len = index_key_len(part), begin = 0;
	struct spread s;
	uint8_t *out;
	uint32_t *ends;

	if (in_order(keys, count, len))
		return 0;
	s = spread_of(keys, count, len);
	out = malloc(count * len);
	ends = malloc(s.buckets * sizeof(*ends));
	if (out && ends) {
		spread_out(&s, keys, count, len, out, ends);
		for (size_t b = 0; b < s.buckets; b++) {
			sort_bucket(out + begin * len, ends[b] - begin, len);
			begin = ends[b];
		}
		memcpy(keys, out, count * len);
	}
	free(out);
	free(ends);
	return out && ends ? 0 : ENT_ENOMEM;
}
