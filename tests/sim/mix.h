/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The standard mix: a federation of twenty nodes and more to which, for some minutes, everything
 * happens that the seed thinks of. Then links, clocks and disks are whole again, and whatever a
 * permitted path leads to must have arrived; then everybody parts, and what was sent must be
 * accounted for.
 */
#pragma once

#include <stdint.h>

struct mix_result {
	uint64_t trace;
	uint64_t events;
	unsigned nodes;
	char failure[512]; /* empty: all was well */
};

void mix_play(uint64_t seed, struct mix_result *r);
