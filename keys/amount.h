/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Durations and sizes as agreements write them. Each amount has one spelling, which the writers
 * here give; the readers take any, since the text is compared with what the writers give.
 *
 * Durations: a number and d, h, m or s: days when they divide it and it is more than 99 hours (so
 * 72h, but 5d), else the largest of hours, minutes and seconds that divides it.
 * Sizes: a number, a space and the largest of GiB, MiB, KiB and B that divides it; "0 B".
 */
#pragma once

#include "base/bytes.h"

#define AMOUNT_TEXT_SIZE      32
#define AMOUNT_DURATION_MAX_S ((int64_t)36500 * 86400)

void amount_duration_text(char out[AMOUNT_TEXT_SIZE], int64_t seconds);
/* From 1 second to 36500 days. */
bool amount_duration_parse(struct bytes text, int64_t *seconds);

void amount_bytes_text(char out[AMOUNT_TEXT_SIZE], uint64_t count);
bool amount_bytes_parse(struct bytes number, struct bytes unit, uint64_t *count);
