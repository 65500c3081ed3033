/* SPDX-License-Identifier: EUPL-1.2 */
#include "merkle/leaves.h"

#include <assert.h>

/* Another processor, or the disk's cache, has had the entries last: the memory is asked for what is
 * read a few entries later. */
#define AHEAD_BYTES 1024u
#define AHEAD_LINES 4u /* an entry of the usual size, and the line that it begins in */

static void ahead_fetch(const struct cursor *c)
{
	for (unsigned i = 0; i < AHEAD_LINES; i++)
		__builtin_prefetch((const void *)((uintptr_t)c->at + AHEAD_BYTES + 64 * i));
}

int leaves_read(struct leaves *l, struct cursor *c, uint64_t max)
{
	struct bytes raw[LEAVES_MAX];
	int rc = 0;

	assert(max > 0);
	for (l->len = 0; l->len < LEAVES_MAX && l->len < max; l->len++) {
		struct cursor next = *c;

		ahead_fetch(c);
		rc = entry_next(&next, &l->entries[l->len]);
		if (rc != 0)
			break;
		*c = next;
		raw[l->len] = l->entries[l->len].leaf;
	}
	hash_leaves(l->hashes, raw, l->len);
	return l->len > 0 ? 0 : rc;
}

bool leaves_committed(const struct leaves *l)
{
	struct bytes salts[LEAVES_MAX], bodies[LEAVES_MAX];
	const uint8_t *said[LEAVES_MAX];
	struct hash is[LEAVES_MAX];
	size_t len = 0;

	for (size_t i = 0; i < l->len; i++) {
		if (l->entries[i].erased)
			continue;
		salts[len] = l->entries[i].salt;
		bodies[len] = l->entries[i].body;
		said[len++] = l->entries[i].leaf.data + ENTRY_COMMITMENT_OFFSET;
	}
	if (len > 0)
		hash_commitments(is, salts, bodies, len);
	for (size_t i = 0; i < len; i++)
		if (memcmp(is[i].bytes, said[i], HASH_BYTES) != 0)
			return false;
	return true;
}
