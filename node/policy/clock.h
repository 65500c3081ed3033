/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * After the wall clock has stepped (DESIGN 5): what ends by it, ends; what would come into force by
 * it waits until the operator has confirmed the time. Otherwise whoever moves a machine's clock
 * back, a broken time server say, would bring agreements back that are over.
 *
 * A step is a wall clock that has moved otherwise than the monotonic one by CLOCK_STEP_MS. Of the
 * agreements known at that moment those wait that were not in force just before it. What is placed
 * afterwards is the operator's word, and does not.
 *
 * Pure: the daemon and the simulator ask it the same.
 */
#pragma once

#include "base/buf.h"
#include "keys/agreement.h"

#define CLOCK_STEP_MS (5 * 60 * 1000)

struct clock_watch {
	bool started;
	int64_t offset_ms; /* wall minus monotonic, when last looked at */
	int64_t before_s;  /* what the wall clock would say without the last step */
	size_t waiting_len;
	uint8_t waiting[AGREEMENTS_MAX][32]; /* hashes of texts */
};

/* Looks at both clocks. Gives by how many milliseconds the wall clock has stepped, 0 for not. */
int64_t clock_look(struct clock_watch *c, uint64_t mono_ms, int64_t wall_ms);

/* After a step: which of these wait from now on. True if any does that did not before. */
bool clock_hold(struct clock_watch *c, const struct agreement *const *known, size_t known_len);

bool clock_waits(const struct clock_watch *c, const struct agreement *a);

/* The agreements that count: all but those that wait. out has room for known_len. */
size_t clock_filter(const struct clock_watch *c, const struct agreement *const *known,
	size_t known_len, const struct agreement **out);

/* The operator's word: nothing waits any more. */
void clock_confirm(struct clock_watch *c);

/* What waits, as text to outlive a restart: a hash in hex a line. Lines that make no sense are
 * passed over. */
void clock_text(struct buf *out, const struct clock_watch *c);
void clock_read(struct clock_watch *c, struct bytes text);
