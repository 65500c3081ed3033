/* SPDX-License-Identifier: EUPL-1.2 */
/* Chance that a seed decides: splitmix64. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"

struct sim_random {
	uint64_t state;
};

static inline uint64_t sim_random_u64(struct sim_random *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* From 0 to n - 1; n > 0. */
static inline unsigned sim_random_below(struct sim_random *r, unsigned n)
{
	return (unsigned)(sim_random_u64(r) % n);
}

/* True so many times in a hundred. */
static inline bool sim_random_chance(struct sim_random *r, unsigned percent)
{
	return sim_random_below(r, 100) < percent;
}

static inline void sim_random_fill(void *ctx, void *out, size_t len)
{
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)sim_random_u64(ctx);
}

static inline struct env_rng sim_random_env(struct sim_random *r)
{
	return (struct env_rng){sim_random_fill, r};
}
