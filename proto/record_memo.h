/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Bodies of indicators that say the same of different values, as those of a list do: what follows
 * the value is compared with what followed the last one, and decoded only when it is something
 * else. It gives what record_indicator_decode gives, for whatever bytes.
 */
#pragma once

#include "base/arena.h"
#include "proto/codec.h"

#define RECORD_MEMO_MAX 512u /* bytes behind the value; a longer rest is decoded each time */

/* All zero to begin with. */
struct record_memo {
	uint8_t body[3 + RECORD_MEMO_MAX]; /* a value of one byte, and the rest */
	size_t rest_len;
	bool known; /* decoded, into `of` */
	struct record_indicator of;
	struct arena arena;
};

/* What the indicator holds but for its value holds until the memo is used again. */
int record_memo_decode(struct record_memo *m, struct bytes body, struct arena *a,
	struct record_indicator *r) MUST_CHECK;
void record_memo_free(struct record_memo *m);
