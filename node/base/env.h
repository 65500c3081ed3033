/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Time and entropy as arguments. The pure core (intel, merkle, noise, policy, gossip, provenance)
 * never asks the machine; it is handed these, real ones in the daemon, simulated ones in tests.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct env_rng {
	void (*fill)(void *ctx, void *out, size_t len);
	void *ctx;
};

static inline void env_random(const struct env_rng *rng, void *out, size_t len)
{
	rng->fill(rng->ctx, out, len);
}

static inline uint64_t env_random_u64(const struct env_rng *rng)
{
	uint64_t v;

	rng->fill(rng->ctx, &v, sizeof(v));
	return v;
}
