/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/arena.h"

#include <stdlib.h>

#define ARENA_ALIGN       16u
#define ARENA_BLOCK_BYTES (16u * 1024u)

struct arena_block {
	struct arena_block *next;
	size_t cap;
	size_t used;
	_Alignas(ARENA_ALIGN) uint8_t data[];
};

void *arena_alloc(struct arena *a, size_t len)
{
	size_t want = (len + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	struct arena_block *b = a->blocks;
	void *place;

	if (want < len)
		return NULL;
	if (!b || b->cap - b->used < want) {
		size_t cap = a->block_bytes ? a->block_bytes : ARENA_BLOCK_BYTES;

		if (cap < want)
			cap = want;
		b = malloc(sizeof(*b) + cap);
		if (!b)
			return NULL;
		b->cap = cap;
		b->used = 0;
		b->next = a->blocks;
		a->blocks = b;
	}
	place = b->data + b->used;
	b->used += want;
	a->used_bytes += want;
	return memset(place, 0, want);
}

struct bytes arena_copy(struct arena *a, struct bytes b)
{
	uint8_t *place = arena_alloc(a, b.len + 1);

	if (!place)
		return BYTES_NONE;
	if (b.len)
		memcpy(place, b.data, b.len);
	return bytes_from(place, b.len);
}

char *arena_strdup(struct arena *a, const char *text)
{
	return (char *)(uintptr_t)arena_copy(a, bytes_str(text)).data;
}

void arena_reset(struct arena *a)
{
	struct arena_block *first = NULL;

	while (a->blocks) {
		struct arena_block *next = a->blocks->next;

		if (next)
			free(a->blocks);
		else
			first = a->blocks;
		a->blocks = next;
	}
	if (first)
		first->used = 0;
	a->blocks = first;
	a->used_bytes = 0;
}

void arena_free(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;

		free(a->blocks);
		a->blocks = next;
	}
	a->used_bytes = 0;
}
