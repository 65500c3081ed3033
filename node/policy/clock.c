/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/clock.h"

#include <string.h>

#include "base/text.h"

int64_t clock_look(struct clock_watch *c, uint64_t mono_ms, int64_t wall_ms)
{
	int64_t offset = wall_ms - (int64_t)mono_ms, step = offset - c->offset_ms;

	if (c->started && (step >= CLOCK_STEP_MS || step <= -CLOCK_STEP_MS))
		c->before_s = (wall_ms - step) / 1000;
	else
		step = 0;
	c->started = true;
	c->offset_ms = offset;
	return step;
}

static bool waits(const struct clock_watch *c, const uint8_t hash[32])
{
	for (size_t i = 0; i < c->waiting_len; i++)
		if (memcmp(c->waiting[i], hash, 32) == 0)
			return true;
	return false;
}

bool clock_waits(const struct clock_watch *c, const struct agreement *a)
{
	return waits(c, a->hash);
}

static bool wait_for(struct clock_watch *c, const uint8_t hash[32])
{
	if (waits(c, hash) || c->waiting_len == AGREEMENTS_MAX)
		return false;
	memcpy(c->waiting[c->waiting_len++], hash, 32);
	return true;
}

bool clock_hold(struct clock_watch *c, const struct agreement *const *known, size_t known_len)
{
	bool more = false;

	for (size_t i = 0; i < known_len; i++)
		if (!agreement_in_time(known[i], c->before_s))
			more |= wait_for(c, known[i]->hash);
	return more;
}

size_t clock_filter(const struct clock_watch *c, const struct agreement *const *known,
	size_t known_len, const struct agreement **out)
{
	size_t len = 0;

	for (size_t i = 0; i < known_len; i++)
		if (!clock_waits(c, known[i]))
			out[len++] = known[i];
	return len;
}

void clock_confirm(struct clock_watch *c)
{
	c->waiting_len = 0;
}

void clock_text(struct buf *out, const struct clock_watch *c)
{
	char hex[HEX_TEXT_SIZE(32)];

	for (size_t i = 0; i < c->waiting_len; i++) {
		text_hex_encode(hex, BYTES_OF(c->waiting[i]));
		buf_printf(out, "%s\n", hex);
	}
}

void clock_read(struct clock_watch *c, struct bytes text)
{
	struct bytes line;
	uint8_t hash[32];

	c->waiting_len = 0;
	while (text_line_next(&text, &line))
		if (text_hex_decode(line, hash, sizeof(hash)) == (int)sizeof(hash))
			wait_for(c, hash);
}
