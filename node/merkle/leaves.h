/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Packed entries as leaves of a tree, some at a time: hashing several messages together is faster
 * than one after the other (hash.h).
 */
#pragma once

#include "base/cursor.h"
#include "merkle/hash.h"
#include "proto/entry.h"

#define LEAVES_MAX 64u

struct leaves {
	size_t len;
	struct entry entries[LEAVES_MAX]; /* views into what was read */
	struct hash hashes[LEAVES_MAX];
};

/* Reads and hashes up to max of the entries at the cursor, at least one. ENT_EINVALID when the
 * first of them cannot be read: those before one that cannot come first. */
int leaves_read(struct leaves *l, struct cursor *c, uint64_t max) MUST_CHECK;

/* Whether every body is the one that its entry commits to; an erased one is not there to ask. */
bool leaves_committed(const struct leaves *l);
