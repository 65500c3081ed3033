/* SPDX-License-Identifier: EUPL-1.2 */
/* Federations of usual shapes, where everybody gives everything and introduces everybody. */
#pragma once

#include "lib/test.h"

#include "base/vocab.h"
#include "sim/watch.h"
#include "sim/world.h"

#define CLEAR audience_of(AUDIENCE_CLEAR)
#define GREEN audience_of(AUDIENCE_GREEN)

#define assert_world(w)                                                                            \
	do {                                                                                       \
		if (world_failure(w))                                                              \
			fail_msg("%s", world_failure(w));                                          \
	} while (0)

static inline struct cast_terms terms_open(unsigned a, unsigned b)
{
	struct cast_terms terms = {.id = 0x1000 + a * 64 + b,
		.serial = 1,
		.parties = cast_bit(a) | cast_bit(b),
		.introduces = cast_bit(a) | cast_bit(b)};

	terms.gives[a] = terms.gives[b] =
		TLP_BIT(TLP_CLEAR) | TLP_BIT(TLP_GREEN) | TLP_BIT(TLP_AMBER);
	return terms;
}

static inline void agree_open(struct world *w, unsigned a, unsigned b)
{
	struct cast_terms terms = terms_open(a, b);

	world_agree(w, &terms);
}

static inline struct world *world_chain(uint64_t seed, unsigned n)
{
	struct world *w = world_new(seed);

	world_nodes(w, n);
	for (unsigned i = 0; i + 1 < n; i++)
		agree_open(w, i, i + 1);
	return w;
}

static inline struct world *world_ring(uint64_t seed, unsigned n)
{
	struct world *w = world_chain(seed, n);

	agree_open(w, 0, n - 1);
	return w;
}

static inline struct world *world_mesh(uint64_t seed, unsigned n)
{
	struct world *w = world_new(seed);

	world_nodes(w, n);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = i + 1; k < n; k++)
			agree_open(w, i, k);
	return w;
}

/* Node 0 in the middle. */
static inline struct world *world_hub(uint64_t seed, unsigned n)
{
	struct world *w = world_new(seed);

	world_nodes(w, n);
	for (unsigned i = 1; i < n; i++)
		agree_open(w, 0, i);
	return w;
}

static inline uint64_t everybody(const struct world *w)
{
	return w->nodes_len < 64 ? cast_bit(w->nodes_len) - 1 : UINT64_MAX;
}
