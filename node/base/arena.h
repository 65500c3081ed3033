/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One arena a message or request, dropped whole. Memory comes in blocks; single pieces are never
 * freed. arena_reset keeps the first block, so a loop of messages settles without malloc.
 */
#pragma once

#include <stddef.h>

#include "base/bytes.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t block_bytes; /* of the next block; 0 stands for 16 KiB */
	size_t used_bytes;  /* given out since the last reset */
};

void *arena_alloc(struct arena *a,
	size_t len); /* zeroed, 16-byte aligned; NULL when out of memory */
/* A copy of the bytes with a NUL behind it (not counted); data NULL when out of memory. */
struct bytes arena_copy(struct arena *a, struct bytes b);
char *arena_strdup(struct arena *a, const char *text);
void arena_reset(struct arena *a);
void arena_free(struct arena *a);
