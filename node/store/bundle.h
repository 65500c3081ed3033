/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Bundles: the entries of one append as one value of table `entries` (docs/STORE.md, "Bundles").
 * Inside store/ only.
 *
 *      0  u32  log number                 30  i64  received, ms
 *      4  u64  index of the first entry   38  u16  offset of entry 1, 2, ... in the entries
 *     12  u16  count | 0x8000                  ..  packed entries
 *     14  16   via
 *
 * The offsets (marks) let a look-up go straight to an entry: to step over others costs a miss of
 * the cache each, more than all the rest of a look-up. Up to schema 3 they stood for every
 * sixteenth entry, and 0x8000 was not set; such bundles are read and, when something of them is
 * erased, written as they were.
 */
#pragma once

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/name.h"
#include "proto/limits.h"

#define BUNDLE_HEADER_BYTES 38u
#define BUNDLE_STRIDE_OLD   16u

/* Sixteen pages less the header LMDB puts into the first: no page is left mostly empty. The largest
 * entry fits, and offsets fit in 16 bits. */
#define BUNDLE_BYTES_MAX   (16u * 4096u - 16u)
#define BUNDLE_ENTRIES_MAX (BUNDLE_BYTES_MAX / (ENTRY_HEADER_BYTES + 1u))
#define BUNDLE_MARKS_MAX   BUNDLE_ENTRIES_MAX

_Static_assert(BUNDLE_HEADER_BYTES + ENTRY_PACKED_MAX <= BUNDLE_BYTES_MAX,
	"the largest entry fits");
_Static_assert(BUNDLE_BYTES_MAX <= UINT16_MAX, "an offset fits in 16 bits");

struct bundle {
	uint32_t log;
	uint64_t first;
	uint32_t count;
	struct node_id via;
	int64_t received_ms;
	bool sparse;          /* of the old kind: with few marks */
	struct bytes marks;   /* big-endian u16 */
	struct bytes entries; /* packed */
};

/* A view of a stored value. ENT_ECORRUPT. */
int bundle_decode(struct bytes raw, struct bundle *b) MUST_CHECK;
size_t bundle_len(const struct bundle *b);
void bundle_encode(uint8_t *out, const struct bundle *b); /* out: bundle_len bytes */

/*
 * Takes from the cursor as many of the next entries_max entries (at least 1) as fit one bundle,
 * sparse or not: sets count, entries and marks, which lie in marks_raw. ENT_EINVALID: not packed
 * entries.
 */
int bundle_fill(struct bundle *b, struct cursor *c, uint32_t entries_max,
	uint8_t marks_raw[2 * BUNDLE_MARKS_MAX]) MUST_CHECK;

/* A cursor at the slot-th entry (slot up to count: then at the end). ENT_ECORRUPT. */
int bundle_seek(const struct bundle *b, uint32_t slot, struct cursor *c) MUST_CHECK;
