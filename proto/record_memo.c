/* SPDX-License-Identifier: EUPL-1.2 */
#include "proto/record_memo.h"

#include "proto/codec_quick.h"

/* The shortest value that a body can have, in front of the rest. */
static const uint8_t head[3] = {1 << 3 | 2, 1, 'x'};

static void rest_keep(struct record_memo *m, struct bytes rest)
{
	memcpy(m->body, head, sizeof(head));
	if (rest.len > 0)
		memcpy(m->body + sizeof(head), rest.data, rest.len);
	m->rest_len = rest.len;
	m->known = false;
}

/* A rest that brings another value is none: of what comes twice the last counts. */
static void rest_learn(struct record_memo *m)
{
	struct bytes body = bytes_from(m->body, sizeof(head) + m->rest_len);

	arena_reset(&m->arena);
	m->known = record_indicator_decode(body, &m->arena, &m->of) == 0 &&
		   m->of.value.data == m->body + 2 && m->of.value.len == 1;
}

static bool rest_is(const struct record_memo *m, struct bytes rest)
{
	return m->body[0] == head[0] && m->rest_len == rest.len &&
	       memcmp(m->body + sizeof(head), rest.data, rest.len) == 0;
}

int record_memo_decode(struct record_memo *m, struct bytes body, struct arena *a,
	struct record_indicator *r)
{
	struct bytes value, rest;

	if (body.len > ENTRY_BODY_MAX || !codec_quick_split(body, &value, &rest) ||
		value.len == 0 || rest.len > RECORD_MEMO_MAX ||
		codec_text_check(value, RECORD_VALUE_MAX) != 0)
		return record_indicator_decode(body, a, r);
	if (!rest_is(m, rest)) {
		/* Only what comes again is worth learning. */
		rest_keep(m, rest);
		return record_indicator_decode(body, a, r);
	}
	if (!m->known)
		rest_learn(m);
	if (!m->known)
		return record_indicator_decode(body, a, r);
	*r = m->of;
	r->value = value;
	return 0;
}

void record_memo_free(struct record_memo *m)
{
	arena_free(&m->arena);
	m->known = false;
}
