/* SPDX-License-Identifier: EUPL-1.2 */
/* BODIES_WANT and BODIES. */
#include "proto/codec_impl.h"

#include <pb_encode.h>

#include "wire.pb.h"

static int bodies_want_check(const struct wire_bodies_want *w)
{
	if (w->indexes_len > WIRE_BODIES_MAX)
		return ENT_ELIMIT;
	for (size_t i = 1; i < w->indexes_len; i++)
		if (w->indexes[i] <= w->indexes[i - 1])
			return ENT_EINVALID;
	return w->indexes_len ? 0 : ENT_EINVALID;
}

int codec_bodies_want_encode(struct buf *out, const struct wire_bodies_want *w)
{
	uint8_t feed[LOG_NAME_BYTES];
	entente_BodiesWant m = {0};
	int rc;

	if ((rc = bodies_want_check(w)) != 0 ||
		(rc = codec_feed_give(&m.feed, feed, &w->feed)) != 0)
		return rc;
	m.indexes_count = (pb_size_t)w->indexes_len;
	memcpy(m.indexes, w->indexes, w->indexes_len * sizeof(w->indexes[0]));
	return codec_encode(out, entente_BodiesWant_fields, &m, WIRE_MESSAGE_MAX);
}

int codec_bodies_want_decode(struct bytes payload, struct arena *a, struct wire_bodies_want *w)
{
	entente_BodiesWant m = {0};
	uint64_t *all;
	int rc;

	if ((rc = codec_decode(entente_BodiesWant_fields, &m, payload, NULL)) != 0 ||
		(rc = codec_feed_take(&w->feed, m.feed)) != 0)
		return rc;
	w->indexes_len = m.indexes_count;
	if (w->indexes_len == 0)
		return ENT_EINVALID;
	all = arena_alloc(a, w->indexes_len * sizeof(*all));
	if (!all)
		return ENT_ENOMEM;
	memcpy(all, m.indexes, w->indexes_len * sizeof(*all));
	w->indexes = all;
	return bodies_want_check(w);
}

static int bodies_check(const struct wire_bodies *b)
{
	size_t bytes = 0;

	if (b->bodies_len > WIRE_BODIES_MAX)
		return ENT_ELIMIT;
	for (size_t i = 0; i < b->bodies_len; i++) {
		if (b->bodies[i].body.len > ENTRY_BODY_MAX)
			return ENT_ELIMIT;
		if (i > 0 && b->bodies[i].index <= b->bodies[i - 1].index)
			return ENT_EINVALID;
		bytes += ENTRY_SALT_BYTES + b->bodies[i].body.len;
	}
	return bytes > WIRE_BODIES_BYTES_MAX ? ENT_ELIMIT : 0;
}

static bool body_write(pb_ostream_t *stream, const void *items, size_t at)
{
	const struct wire_body *b = (const struct wire_body *)items + at;
	entente_Body m = {.index = b->index, .salt = BYTES_OF(b->salt), .body = b->body};

	return pb_encode_submessage(stream, entente_Body_fields, &m);
}

int codec_bodies_encode(struct buf *out, const struct wire_bodies *b)
{
	uint8_t feed[LOG_NAME_BYTES];
	entente_Bodies m = {
		.bodies = {.items = b->bodies, .len = b->bodies_len, .write = body_write},
	};
	int rc;

	if ((rc = bodies_check(b)) != 0 || (rc = codec_feed_give(&m.feed, feed, &b->feed)) != 0)
		return rc;
	return codec_encode(out, entente_Bodies_fields, &m, WIRE_MESSAGE_MAX);
}

static int body_decode(struct bytes view, struct wire_body *b)
{
	entente_Body m = {0};
	int rc = codec_decode(entente_Body_fields, &m, view, NULL);

	if (rc != 0)
		return rc;
	b->index = m.index;
	b->body = m.body;
	return codec_fixed_take(b->salt, sizeof(b->salt), m.salt);
}

int codec_bodies_decode(struct bytes payload, struct arena *a, struct wire_bodies *b)
{
	entente_Bodies m = {.bodies = {.max = WIRE_BODIES_MAX}};
	const struct bytes *views;
	struct wire_body *all;
	int rc;

	if ((rc = codec_decode(entente_Bodies_fields, &m, payload, a)) != 0 ||
		(rc = codec_feed_take(&b->feed, m.feed)) != 0)
		return rc;
	all = arena_alloc(a, (m.bodies.len + 1) * sizeof(*all));
	if (!all)
		return ENT_ENOMEM;
	views = m.bodies.items;
	for (size_t i = 0; i < m.bodies.len; i++)
		if ((rc = body_decode(views[i], &all[i])) != 0)
			return rc;
	b->bodies = all;
	b->bodies_len = m.bodies.len;
	return bodies_check(b);
}
