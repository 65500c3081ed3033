/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/amount.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"

#define HOURS_READ_MAX 99 /* people agree on 72 hours, not on 3 days */

#define COUNT(table)   (sizeof(table) / sizeof((table)[0]))

static const struct {
	const char *name;
	int64_t seconds;
} durations[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};

static const struct {
	const char *name;
	uint64_t bytes;
} sizes[] = {{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"B", 1}};

void amount_duration_text(char out[AMOUNT_TEXT_SIZE], int64_t seconds)
{
	size_t i = seconds > HOURS_READ_MAX * 3600 ? 0 : 1;

	while (seconds % durations[i].seconds != 0)
		i++;
	snprintf(out, AMOUNT_TEXT_SIZE, "%" PRId64 "%s", seconds / durations[i].seconds,
		durations[i].name);
}

bool amount_duration_parse(struct bytes text, int64_t *seconds)
{
	for (size_t i = 0; i < COUNT(durations); i++) {
		uint64_t number;

		if (text.len < 2 || text.data[text.len - 1] != (uint8_t)durations[i].name[0])
			continue;
		if (!text_u64_parse(bytes_from(text.data, text.len - 1), &number) || number == 0 ||
			number > (uint64_t)(AMOUNT_DURATION_MAX_S / durations[i].seconds))
			return false;
		*seconds = (int64_t)number * durations[i].seconds;
		return true;
	}
	return false;
}

void amount_bytes_text(char out[AMOUNT_TEXT_SIZE], uint64_t count)
{
	size_t i = count == 0 ? COUNT(sizes) - 1 : 0;

	while (count % sizes[i].bytes != 0)
		i++;
	snprintf(out, AMOUNT_TEXT_SIZE, "%" PRIu64 " %s", count / sizes[i].bytes, sizes[i].name);
}

bool amount_bytes_parse(struct bytes number, struct bytes unit, uint64_t *count)
{
	uint64_t value;

	for (size_t i = 0; i < COUNT(sizes); i++)
		if (bytes_eq_str(unit, sizes[i].name)) {
			if (!text_u64_parse(number, &value) || value > UINT64_MAX / sizes[i].bytes)
				return false;
			*count = value * sizes[i].bytes;
			return true;
		}
	return false;
}
