/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/index_run.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 *      0  16  "entente run v1", NULs            40   u64  keys that take out
 *     16  u64 number                            48   4 times: u64 blocks, u64 keys
 *     24  u64 tag                                    then, from 4096: of each part its blocks,
 *     32  u64 bytes of the file                      of each part its keys
 */
#define HEADER_BYTES 4096u
#define MAGIC_BYTES  16u
static const uint8_t magic[MAGIC_BYTES] = "entente run v1";

/* A block: u32 the first key that begins in its stretch, or behind it; 480 bits of a filter. With
 * 48 keys a block and six bits a key, one look in fifty that should find nothing goes on. */
#define BLOCK_BYTES 64u
#define BLOCK_KEYS  48u
#define BLOCK_BITS  480u
#define BITS_A_KEY  6u

__extension__ typedef unsigned __int128 uint128;

/* A moment in time is near others: its first bytes say nothing, halving has to do. */
static bool part_has_blocks(enum index_part part)
{
	return part != PART_EXPIRY;
}

static uint64_t block_of(uint64_t prefix, uint64_t blocks)
{
	return (uint64_t)(((uint128)prefix * blocks) >> 64);
}

/* The n-th bit of a key that begins so. */
static unsigned bit_of(uint64_t prefix, unsigned n)
{
	uint64_t mixed = prefix * 0x9e3779b97f4a7c15u;

	return (unsigned)((mixed >> (54 - 10 * n) & 1023) * BLOCK_BITS >> 10);
}

uint64_t index_run_keys(const struct index_run *run)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < INDEX_PARTS; i++)
		count += run->parts[i].count;
	return count;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int header_read(struct index_run *run, uint64_t number, uint64_t tag)
{
	const uint8_t *h = run->map;
	uint64_t at = HEADER_BYTES;

	if (memcmp(h, magic, MAGIC_BYTES) != 0 || be64_get(h + 16) != number ||
		be64_get(h + 24) != tag || be64_get(h + 32) != run->bytes)
		return ENT_ECORRUPT;
	run->number = number;
	run->removes = be64_get(h + 40);
	for (unsigned i = 0; i < INDEX_PARTS; i++) {
		run->parts[i].blocks = be64_get(h + 48 + 16 * i);
		run->parts[i].count = be64_get(h + 56 + 16 * i);
		if (run->parts[i].blocks > run->bytes / BLOCK_BYTES ||
			run->parts[i].count > run->bytes / 16)
			return ENT_ECORRUPT;
		run->parts[i].filter = h + at;
		at += run->parts[i].blocks * BLOCK_BYTES;
	}
	for (unsigned i = 0; i < INDEX_PARTS; i++) {
		run->parts[i].keys = h + at;
		at += run->parts[i].count * index_key_len(i);
	}
	return at == run->bytes ? 0 : ENT_ECORRUPT;
}

int index_run_open(struct index_run **out, const char *path, uint64_t number, uint64_t tag)
{
	struct index_run *run = calloc(1, sizeof(*run));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int rc = 0;

	*out = NULL;
	if (!run)
		rc = ENT_ENOMEM;
	else if (fd < 0)
		rc = errno == ENOENT ? ENT_ENOTFOUND : ENT_EIO;
	else if (fstat(fd, &st) != 0)
		rc = ENT_EIO;
	else if (st.st_size < HEADER_BYTES)
		rc = ENT_ECORRUPT;
	if (rc == 0) {
		void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);

		run->bytes = (size_t)st.st_size;
		run->map = map == MAP_FAILED ? NULL : map;
		rc = run->map ? header_read(run, number, tag) : ENT_ENOMEM;
	}
	if (fd >= 0)
		close(fd);
	if (rc)
		index_run_close(run);
	else
		*out = run;
	return rc;
}

void index_run_close(struct index_run *run)
{
	if (run && run->map)
		munmap((void *)(uintptr_t)run->map, run->bytes);
	free(run);
}

/* The keys that begin in a block's stretch are [*lo, *hi). */
static const uint8_t *block_at(const struct index_run *run, enum index_part part, uint64_t prefix,
	uint64_t *lo, uint64_t *hi)
{
	uint64_t blocks = run->parts[part].blocks, b = block_of(prefix, blocks);
	const uint8_t *block = run->parts[part].filter + b * BLOCK_BYTES;
	uint64_t count = run->parts[part].count;

	*lo = be32_get(block);
	*hi = b + 1 < blocks ? be32_get(block + BLOCK_BYTES) : count;
	/* A file that has rotted gives wrong answers, and no read beyond its end. */
	if (*hi > count)
		*hi = count;
	if (*lo > *hi)
		*lo = *hi;
	return block;
}

void index_run_prefetch(const struct index_run *run, enum index_part part, const uint8_t *prefix)
{
	uint64_t blocks = run->parts[part].blocks;

	__builtin_prefetch(run->parts[part].filter +
			   block_of(be64_get(prefix), blocks) * BLOCK_BYTES);
}

static inline bool bits_stand(const uint8_t *block, uint64_t prefix)
{
	for (unsigned i = 0; i < BITS_A_KEY; i++) {
		unsigned bit = bit_of(prefix, i);

		if (!(block[4 + bit / 8] >> bit % 8 & 1))
			return false;
	}
	return true;
}

bool index_run_may_have(const struct index_run *run, enum index_part part, const uint8_t *prefix)
{
	uint64_t p = be64_get(prefix), lo, hi;

	if (run->parts[part].count == 0)
		return false;
	if (run->parts[part].blocks == 0)
		return true;
	return bits_stand(block_at(run, part, p, &lo, &hi), p);
}

void index_run_may_have_each(const struct index_run *run, enum index_part part, const uint8_t *keys,
	size_t count, uint8_t *may)
{
	uint64_t blocks = run->parts[part].blocks;
	size_t len = index_key_len(part);

	if (run->parts[part].count == 0)
		return;
	if (blocks == 0) {
		memset(may, 1, count);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t p = be64_get(keys + i * len);

		may[i] |=
			bits_stand(run->parts[part].filter + block_of(p, blocks) * BLOCK_BYTES, p);
	}
}

/*
 * Hashes lie evenly in their stretch: so a key is mostly within a few of where its first bytes say,
 * and one or two lines of the cache are looked at instead of four. Others cost a step or two more.
 */
static void narrow(const struct index_run *run, enum index_part part, const uint8_t *key,
	uint64_t *lo, uint64_t *hi)
{
	uint64_t in_stretch = be64_get(key) * run->parts[part].blocks; /* the fraction of 2^64 */
	uint64_t guess = *lo + (uint64_t)(((uint128)in_stretch * (*hi - *lo)) >> 64);
	size_t len = index_key_len(part);

	if (*lo == *hi)
		return;
	if (index_key_cmp(index_run_key(run, part, guess), key, len) < 0) {
		for (uint64_t step = 2; guess + step < *hi; step *= 4) {
			if (index_key_cmp(index_run_key(run, part, guess + step), key, len) >= 0) {
				*hi = guess + step;
				break;
			}
			*lo = guess + step + 1;
		}
		*lo = *lo > guess ? *lo : guess + 1;
	} else {
		*hi = guess;
		for (uint64_t step = 2; *lo + step <= guess; step *= 4) {
			if (index_key_cmp(index_run_key(run, part, guess - step), key, len) < 0) {
				*lo = guess - step + 1;
				break;
			}
			*hi = guess - step;
		}
	}
}

uint64_t index_run_lower(const struct index_run *run, enum index_part part, const uint8_t *key)
{
	size_t len = index_key_len(part);
	uint64_t lo = 0, hi = run->parts[part].count;

	if (run->parts[part].blocks > 0) {
		block_at(run, part, be64_get(key), &lo, &hi);
		narrow(run, part, key, &lo, &hi);
	}
	while (lo < hi) {
		uint64_t middle = lo + (hi - lo) / 2;

		if (index_key_cmp(index_run_key(run, part, middle), key, len) < 0)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

/* --- writing ---------------------------------------------------------------------------------- */

#define STREAM_BYTES (64u << 10)

/* A place in the file where bytes follow one another. */
struct stream {
	uint64_t at;
	size_t len;
	uint8_t bytes[STREAM_BYTES];
};

struct run_writer {
	int fd;
	int failed; /* the first error */
	char *path;
	uint64_t number, tag, removes;
	enum index_part part; /* at hand */
	struct {
		uint64_t blocks, count, filter_at;
	} parts[INDEX_PARTS];
	uint64_t block; /* at hand */
	uint8_t bits[BLOCK_BYTES];
	struct stream filter, keys;
};

static void write_at(struct run_writer *w, const uint8_t *data, size_t len, uint64_t at)
{
	while (len > 0 && !w->failed) {
		ssize_t n = pwrite(w->fd, data, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			w->failed = n < 0 && errno != ENOSPC && errno != EDQUOT && errno != EFBIG
					    ? ENT_EIO
					    : ENT_EFULL;
			return;
		}
		data += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
}

static void stream_flush(struct run_writer *w, struct stream *s)
{
	write_at(w, s->bytes, s->len, s->at);
	s->at += s->len;
	s->len = 0;
}

static void stream_put(struct run_writer *w, struct stream *s, const void *data, size_t len)
{
	if (s->len + len > STREAM_BYTES)
		stream_flush(w, s);
	memcpy(s->bytes + s->len, data, len);
	s->len += len;
}

/* Where the next block begins among the keys. */
static void block_begin(struct run_writer *w)
{
	memset(w->bits, 0, sizeof(w->bits));
	be32_put(w->bits, (uint32_t)w->parts[w->part].count);
}

static void block_end(struct run_writer *w)
{
	stream_put(w, &w->filter, w->bits, sizeof(w->bits));
	w->block++;
	block_begin(w);
}

static void part_begin(struct run_writer *w, enum index_part part)
{
	w->part = part;
	w->block = 0;
	w->filter.at = w->parts[part].filter_at;
	block_begin(w);
}

static void part_end(struct run_writer *w)
{
	while (w->block < w->parts[w->part].blocks)
		block_end(w);
	stream_flush(w, &w->filter);
}

int run_writer_begin(struct run_writer **out, const char *path, uint64_t number, uint64_t tag,
	const uint64_t counts_max[INDEX_PARTS])
{
	struct run_writer *w = malloc(sizeof(*w));
	uint64_t at = HEADER_BYTES;

	*out = NULL;
	if (!w)
		return ENT_ENOMEM;
	w->path = strdup(path);
	w->fd = w->path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	if (w->fd < 0) {
		int rc = !w->path ? ENT_ENOMEM : errno == ENOSPC ? ENT_EFULL : ENT_EIO;

		free(w->path);
		free(w);
		return rc;
	}
	w->failed = 0;
	w->number = number;
	w->tag = tag;
	w->removes = 0;
	w->filter.len = w->keys.len = 0;
	for (unsigned i = 0; i < INDEX_PARTS; i++) {
		w->parts[i].count = 0;
		w->parts[i].blocks =
			part_has_blocks(i) ? (counts_max[i] + BLOCK_KEYS - 1) / BLOCK_KEYS : 0;
		w->parts[i].filter_at = at;
		at += w->parts[i].blocks * BLOCK_BYTES;
		if (counts_max[i] > UINT32_MAX)
			w->failed = ENT_ELIMIT;
	}
	w->keys.at = at;
	part_begin(w, 0);
	*out = w;
	return 0;
}

void run_writer_put(struct run_writer *w, enum index_part part, const uint8_t *key)
{
	size_t len = index_key_len(part);
	uint64_t prefix = be64_get(key);

	assert(part >= w->part);
	while (w->part < part) {
		part_end(w);
		part_begin(w, w->part + 1);
	}
	if (w->parts[part].blocks > 0) {
		uint64_t b = block_of(prefix, w->parts[part].blocks);

		while (w->block < b)
			block_end(w);
		for (unsigned i = 0; i < BITS_A_KEY; i++) {
			unsigned bit = bit_of(prefix, i);

			w->bits[4 + bit / 8] |= (uint8_t)(1u << bit % 8);
		}
	}
	if (w->keys.len + len > STREAM_BYTES)
		stream_flush(w, &w->keys);
	/* Of a length that the compiler knows: no call. */
	if (len == 16)
		memcpy(w->keys.bytes + w->keys.len, key, 16);
	else
		memcpy(w->keys.bytes + w->keys.len, key, INDEX_KEY_BYTES_MAX);
	w->keys.len += len;
	w->parts[part].count++;
	w->removes += index_key_removes(key, len);
}

bool run_writer_failed(const struct run_writer *w)
{
	return w->failed != 0;
}

static void header_write(struct run_writer *w)
{
	uint8_t h[HEADER_BYTES] = {0};

	memcpy(h, magic, MAGIC_BYTES);
	be64_put(h + 16, w->number);
	be64_put(h + 24, w->tag);
	be64_put(h + 32, w->keys.at);
	be64_put(h + 40, w->removes);
	for (unsigned i = 0; i < INDEX_PARTS; i++) {
		be64_put(h + 48 + 16 * i, w->parts[i].blocks);
		be64_put(h + 56 + 16 * i, w->parts[i].count);
	}
	write_at(w, h, sizeof(h), 0);
}

int run_writer_finish(struct run_writer *w, uint64_t *keys)
{
	int rc;

	*keys = 0;
	while (w->part < INDEX_PARTS - 1) {
		part_end(w);
		part_begin(w, w->part + 1);
	}
	part_end(w);
	stream_flush(w, &w->keys);
	header_write(w);
	for (unsigned i = 0; i < INDEX_PARTS; i++)
		*keys += w->parts[i].count;
	rc = w->failed;
	if (close(w->fd) != 0 && rc == 0)
		rc = errno == ENOSPC || errno == EDQUOT ? ENT_EFULL : ENT_EIO;
	if (rc != 0 || *keys == 0)
		unlink(w->path);
	free(w->path);
	free(w);
	return rc;
}

void run_writer_abort(struct run_writer *w)
{
	if (!w)
		return;
	close(w->fd);
	unlink(w->path);
	free(w->path);
	free(w);
}
