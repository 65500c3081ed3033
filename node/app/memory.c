/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the daemon takes for a load it gives back after it. By itself malloc raises its bounds with
 * every large piece that is freed, until it asks the system for nothing anew and gives nothing
 * back: then a thread keeps for good what it needed once.
 */
#include "app/impl.h"

#include <malloc.h>

/*
 * What is smaller is taken from heaps and used again and again: a page that the system gives anew
 * costs more than what is done with it. Larger are the sets of a large publication, which grow
 * seldom and are needed once.
 */
#define MEMORY_LARGE_BYTES (8 * 1024 * 1024)
/* So much may lie free at the end of a heap before it is given back at once. */
#define MEMORY_KEPT_BYTES (32 * 1024 * 1024)
/* What lies between pieces in use is given back after this many bundles, once none has come for a
 * while. */
#define MEMORY_BUNDLES 256u
#define MEMORY_IDLE_MS 500u

void memory_open(void)
{
	mallopt(M_MMAP_THRESHOLD, MEMORY_LARGE_BYTES);
	mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT_BYTES);
}

void memory_tick(struct app *a)
{
	uint64_t now = uv_now(&a->loop), arrival;

	if (now - a->memory.looked_ms < MEMORY_IDLE_MS)
		return;
	a->memory.looked_ms = now;
	arrival = pipeline_arrival(a->pipeline);
	if (arrival == a->memory.arrival && arrival - a->memory.trimmed >= MEMORY_BUNDLES) {
		malloc_trim(0);
		a->memory.trimmed = arrival;
	}
	a->memory.arrival = arrival;
}
