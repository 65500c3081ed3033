/* SPDX-License-Identifier: EUPL-1.2 */
#include "net/frame.h"

#include <assert.h>

#include "proto/codec.h"

/* A unit's whole length from its prefix, or a negative error. */
typedef long unit_length(const uint8_t *prefix);

static long frame_length(const uint8_t *prefix)
{
	size_t len = be16_get(prefix);

	/* An empty plaintext would be a message about nothing; it is refused so that a flood of
	 * them costs a session rather than time. */
	if (len <= NOISE_TAG_BYTES)
		return ENT_EINVALID;
	return (long)(NET_FRAME_PREFIX + len);
}

static long message_length(const uint8_t *prefix)
{
	size_t len = be32_get(prefix);

	if (len > WIRE_MESSAGE_MAX)
		return ENT_ELIMIT;
	return (long)(WIRE_PREFIX_BYTES + len);
}

/* Moves bytes from *input until the buffer holds want; false when the input ends before. */
static bool gather(struct buf *partial, struct bytes *input, size_t want)
{
	size_t take = want - partial->len;

	if (take > input->len)
		take = input->len;
	buf_append(partial, input->data, take);
	*input = bytes_skip(*input, take);
	return partial->len == want;
}

/* 1 and the next whole unit with its prefix, 0 when more input is needed, or an error. */
static int unit_next(struct net_gather *g, struct bytes *input, size_t prefix,
	unit_length *length_of, struct bytes *unit)
{
	long length;

	if (g->given)
		buf_reset(&g->partial);
	g->given = false;
	if (input->len == 0)
		return 0;
	if (g->partial.len == 0 && input->len >= prefix) {
		length = length_of(input->data);
		if (length < 0)
			return (int)length;
		if (input->len >= (size_t)length) {
			*unit = bytes_from(input->data, (size_t)length);
			*input = bytes_skip(*input, (size_t)length);
			return 1;
		}
	}
	g->used = true;
	g->partial.max = prefix + WIRE_MESSAGE_MAX;
	if (g->partial.len < prefix && !gather(&g->partial, input, prefix))
		return buf_failed(&g->partial) ? ENT_ENOMEM : 0;
	length = length_of(g->partial.data);
	if (length < 0)
		return (int)length;
	if (!gather(&g->partial, input, (size_t)length))
		return buf_failed(&g->partial) ? ENT_ENOMEM : 0;
	g->given = true;
	*unit = buf_view(&g->partial);
	return 1;
}

int net_frame_next(struct net_gather *g, struct bytes *input, uint8_t **message, size_t *len)
{
	struct bytes unit;
	int rc = unit_next(g, input, NET_FRAME_PREFIX, frame_length, &unit);

	if (rc != 1)
		return rc;
	/* The bytes are the caller's receive buffer or our own: both may be written. */
	*message = (uint8_t *)(uintptr_t)unit.data + NET_FRAME_PREFIX;
	*len = unit.len - NET_FRAME_PREFIX;
	return 1;
}

int net_message_next(struct net_gather *g, struct bytes *plain, uint8_t *type,
	struct bytes *payload)
{
	struct bytes unit;
	int rc = unit_next(g, plain, WIRE_PREFIX_BYTES, message_length, &unit);

	if (rc != 1)
		return rc;
	*type = unit.data[WIRE_PREFIX_BYTES - 1];
	*payload = bytes_skip(unit, WIRE_PREFIX_BYTES);
	return 1;
}

int net_frame_seal(struct noise_cipher *c, struct bytes *plain, uint8_t *out)
{
	size_t len = plain->len < NOISE_PLAIN_MAX ? plain->len : NOISE_PLAIN_MAX;
	int rc;

	assert(len > 0);
	be16_put(out, (uint16_t)(len + NOISE_TAG_BYTES));
	rc = noise_seal(c, bytes_from(plain->data, len), out + NET_FRAME_PREFIX);
	if (rc != 0)
		return rc;
	*plain = bytes_skip(*plain, len);
	return (int)(NET_FRAME_PREFIX + len + NOISE_TAG_BYTES);
}

void net_gather_trim(struct net_gather *g)
{
	if (!g->used && (g->given || g->partial.len == 0))
		net_gather_free(g);
	g->used = false;
}

void net_gather_free(struct net_gather *g)
{
	buf_free(&g->partial);
	g->given = false;
}
