/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Memory of the program that plays seeds: malloc for one thread that gives nothing back to the
 * system. A block that was freed waits in the list of its size; seeds are alike, so that what one
 * has left serves the next. It lies in huge pages, so that faults are few.
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGN     16u
#define SLAB      ((size_t)64 << 20) /* what is taken from the system at a time */
#define FINE_LOG  10u
#define FINE_MAX  (1u << FINE_LOG) /* sizes up to this one are ALIGN apart */
#define FINE      (FINE_MAX / ALIGN)
#define BLOCK_LOG 24u
#define BLOCK_MAX ((size_t)1 << BLOCK_LOG) /* larger ones come from the system, one by one */
#define LISTS     (FINE + 1 + 4 * (BLOCK_LOG - FINE_LOG))

/* Before each block; whoever asked for it gets what is behind. */
struct block {
	size_t size;        /* of what is behind */
	struct block *next; /* in the list, while free */
};

_Static_assert(sizeof(struct block) == ALIGN, "what is behind is aligned as well");

static struct block *lists[LISTS];
static uint8_t *slab;
static size_t slab_left;

/* The list of blocks that have room for so much, and how much that is: beyond FINE_MAX there are
 * four sizes to each power of two. */
static size_t list_of(size_t *size)
{
	unsigned power, step_log;

	if (*size <= FINE_MAX) {
		*size = *size ? (*size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
		return *size / ALIGN;
	}
	power = 63u - (unsigned)__builtin_clzll(*size - 1);
	step_log = power - 2;
	*size = (((*size - 1) >> step_log) + 1) << step_log;
	return FINE + 1 + (power - FINE_LOG) * 4 + ((*size - 1) >> step_log) - 4;
}

static void *from_system(size_t size)
{
	void *m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return NULL;
	if (size == SLAB)
		madvise(m, size, MADV_HUGEPAGE);
	return m;
}

static struct block *block_large(size_t size)
{
	struct block *b = size > SIZE_MAX / 2 ? NULL : from_system(sizeof(*b) + size);

	if (b)
		b->size = size;
	return b;
}

/* *fresh: it has never been used, and is zero. */
static struct block *block_new(size_t size, bool *fresh)
{
	struct block *b;
	size_t list;

	*fresh = true;
	if (size > BLOCK_MAX)
		return block_large(size);
	list = list_of(&size);
	b = lists[list];
	if (b) {
		lists[list] = b->next;
		*fresh = false;
		return b;
	}
	if (slab_left < sizeof(*b) + size) {
		slab = from_system(SLAB);
		slab_left = slab ? SLAB : 0;
		if (!slab)
			return NULL;
	}
	b = (struct block *)(void *)slab;
	b->size = size;
	slab += sizeof(*b) + size;
	slab_left -= sizeof(*b) + size;
	return b;
}

static void *given(struct block *b)
{
	if (!b)
		errno = ENOMEM;
	return b ? b + 1 : NULL;
}

void *malloc(size_t size)
{
	bool fresh;

	return given(block_new(size, &fresh));
}

void free(void *memory)
{
	struct block *b = memory;
	size_t size, list;

	if (!memory)
		return;
	size = (--b)->size;
	if (size > BLOCK_MAX) {
		munmap(b, sizeof(*b) + size);
		return;
	}
	list = list_of(&size);
	b->next = lists[list];
	lists[list] = b;
}

void *calloc(size_t n, size_t size)
{
	struct block *b;
	size_t all;
	bool fresh;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	b = block_new(all, &fresh);
	if (b && !fresh)
		memset(b + 1, 0, all);
	return given(b);
}

void *realloc(void *memory, size_t size)
{
	size_t had = memory ? malloc_usable_size(memory) : 0;
	void *larger;

	if (memory && size <= had && size >= had / 2)
		return memory;
	larger = malloc(size);
	if (!larger)
		return NULL;
	if (had)
		memcpy(larger, memory, had < size ? had : size);
	free(memory);
	return larger;
}

size_t malloc_usable_size(void *memory)
{
	return memory ? ((struct block *)memory)[-1].size : 0;
}

/* Nothing here asks for more than what every block has. */
int posix_memalign(void **memory, size_t align, size_t size)
{
	if (align > ALIGN)
		return EINVAL;
	*memory = malloc(size);
	return *memory ? 0 : ENOMEM;
}
