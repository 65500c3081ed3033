/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A federation to which, for some minutes, everything happens that the seed thinks of. Then links,
 * clocks and disks are whole again, and whatever a permitted path leads to must have arrived; then
 * everybody parts, and what was sent must be accounted for.
 *
 *     standard  twenty nodes and more
 *     rare      the same; second machines, quotas, floors, lists and so on are two to five times as
 *               likely
 *     small     seven to thirteen nodes, with as many rare things: they meet more often
 *     floors    the same; most of it is about what ends, goes and is used up
 */
#pragma once

#include <stdint.h>

struct mix_result {
	uint64_t trace;
	uint64_t events;
	unsigned nodes;
	char failure[512]; /* empty: all was well */
};

/* In one of so many seeds. */
struct mix_every {
	unsigned seeds, rest;
};

/* How likely things are, in percent; and in which seeds they happen at all. */
struct mix_kind {
	const char *name;
	unsigned nodes_min, nodes_max;
	unsigned twos;             /* agreements of two parties; the others are of three */
	unsigned restores;         /* of what happens to machines */
	unsigned doubled, doubles; /* some run twice, so many of them */
	unsigned limited, sweeping, listing;
	struct mix_every ending, pausing, revoking, crowding, babbling;
};

/* NULL: there is none of this name. */
const struct mix_kind *mix_kind(const char *name);
void mix_play(const struct mix_kind *kind, uint64_t seed, struct mix_result *r);
