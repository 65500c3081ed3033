/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Private to proto/: how the codec rides on nanopb. Generated headers include this file, since
 * their structs are made of struct bytes and struct codec_list (see the .options files).
 *
 * Decoding is zero-copy: a bytes field becomes a view into the input, a repeated field an array of
 * such views, in the arena; repeated messages are decoded from their views one by one. Encoding
 * goes straight into a struct buf. Bounds are checked on the plain structs of codec.h, by the same
 * function in both directions.
 */
#pragma once

#include <pb.h>

#include "proto/codec.h"

/* A repeated field. */
struct codec_list {
	const void *items; /* when decoded: struct bytes each */
	size_t len;
	size_t cap; /* decoding: room at items */
	size_t max; /* decoding: more is ENT_ELIMIT */
	/* Encoding: writes the item at an index, length first; NULL: items are struct bytes. */
	bool (*write)(pb_ostream_t *stream, const void *items, size_t at);
};

/* A decoded item. ENT_ELIMIT, ENT_ENOMEM. */
int codec_list_add(struct codec_list *list, struct arena *a, struct bytes view) MUST_CHECK;

/* The one callback of all messages: named by the .options files, called by nanopb. */
bool codec_field(pb_istream_t *istream, pb_ostream_t *ostream, const pb_field_t *field);

/* Decodes input into a message that is all zero but for the max of its lists. The arena may be NULL
 * for a message without lists. */
int codec_decode(const pb_msgdesc_t *fields, void *message, struct bytes input,
	struct arena *a) MUST_CHECK;

/* Appends the message. ENT_ELIMIT when it takes more than max bytes or out takes no more; then out
 * is as long as before. */
int codec_encode(struct buf *out, const pb_msgdesc_t *fields, const void *message,
	size_t max) MUST_CHECK;

/* --- pieces that several messages share; 0, ENT_EINVALID or ENT_ELIMIT ------------------------ */

int codec_text_check(struct bytes text, size_t max);
int codec_texts_check(const struct bytes *texts, size_t len, size_t len_max, size_t text_max);
/* Empty or exactly len bytes. */
int codec_fixed_check(struct bytes b, size_t len);

/* Lists of agreements travel in HELLO and TERMS and stand in acts. */
int codec_agreements_decode(const struct codec_list *list, struct arena *a,
	const struct wire_agreement **agreements, size_t *len) MUST_CHECK;
struct codec_list codec_agreements_list(const struct wire_agreement *agreements, size_t len);

/* What codec_wire.c has of its own kind. */
int codec_fixed_take(uint8_t *out, size_t len, struct bytes b);
int codec_feed_take(struct log_name *feed, struct bytes packed);
/* Packs the name into out, to which packed then points. */
int codec_feed_give(struct bytes *packed, uint8_t out[LOG_NAME_BYTES], const struct log_name *feed);

/* codec_bodies.c */
int codec_bodies_want_encode(struct buf *out, const struct wire_bodies_want *w);
int codec_bodies_want_decode(struct bytes payload, struct arena *a, struct wire_bodies_want *w);
int codec_bodies_encode(struct buf *out, const struct wire_bodies *b);
int codec_bodies_decode(struct bytes payload, struct arena *a, struct wire_bodies *b);
