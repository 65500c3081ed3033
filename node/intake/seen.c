/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/seen.h"

#include <stdlib.h>

#include <sodium.h>

#include "intake/intake.h"

#define SLOTS_FIRST 4096u
#define SLOTS_KEPT  65536u /* 1.5 MiB: what is larger is given back, and not emptied each time */

_Static_assert(sizeof(((struct intake_seen *)0)->hash_key) == crypto_shorthash_siphashx24_KEYBYTES,
	"the key is a SipHash key");
_Static_assert(sizeof(((struct intake_mark *)0)->key) == crypto_shorthash_siphashx24_BYTES,
	"a mark's key is a hash");

void intake_seen_init(struct intake_seen *s, size_t max, const struct env_rng *rng)
{
	*s = (struct intake_seen){.max = max, .scratch = buf_with_max(2 * RECORD_VALUE_MAX)};
	env_random(rng, s->hash_key, sizeof(s->hash_key));
}

void intake_seen_reset(struct intake_seen *s)
{
	if (s->cap > SLOTS_KEPT) {
		free(s->slots);
		s->slots = NULL;
		s->cap = 0;
	} else if (s->count > 0) {
		memset(s->slots, 0, s->cap * sizeof(*s->slots));
	}
	s->count = 0;
}

void intake_seen_free(struct intake_seen *s)
{
	free(s->slots);
	buf_free(&s->scratch);
	s->slots = NULL;
	s->cap = s->count = 0;
}

static void hash_128(const struct intake_seen *s, struct bytes data, uint64_t out[2])
{
	crypto_shorthash_siphashx24((uint8_t *)out, data.data, data.len, s->hash_key);
}

int intake_seen_mark(struct intake_seen *s, const struct intake_claim *c, struct audience audience,
	struct intake_mark *m)
{
	struct buf *b = &s->scratch;

	buf_reset(b);
	buf_u8(b, (uint8_t)audience.kind);
	buf_u64(b, audience.id);
	buf_u8(b, c->has_object);
	if (c->has_object) {
		buf_append(b, c->object, sizeof(c->object));
	} else {
		buf_u8(b, c->type);
		buf_bytes(b, c->value);
	}
	if (buf_failed(b))
		return ENT_ENOMEM;
	hash_128(s, buf_view(b), m->key);
	m->said = c->kind;
	m->publication = 0;
	return 0;
}

/* The slot that holds the key, or the empty one where it belongs. The table is never full. */
static struct intake_mark *slot_find(struct intake_mark *slots, size_t cap, const uint64_t key[2])
{
	size_t at = key[0] & (cap - 1);

	while (slots[at].said && (slots[at].key[0] != key[0] || slots[at].key[1] != key[1]))
		at = (at + 1) & (cap - 1);
	return &slots[at];
}

static int grow(struct intake_seen *s)
{
	size_t cap = s->cap ? 2 * s->cap : SLOTS_FIRST;
	struct intake_mark *slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return ENT_ENOMEM;
	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i].said)
			*slot_find(slots, cap, s->slots[i].key) = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->cap = cap;
	return 0;
}

int intake_seen_same(const struct intake_seen *s, const struct intake_mark *m)
{
	const struct intake_mark *slot;

	if (s->count == 0)
		return ENT_ENOTFOUND;
	slot = slot_find(s->slots, s->cap, m->key);
	if (!slot->said)
		return ENT_ENOTFOUND;
	if (slot->publication != m->publication)
		return ENT_ESTATE;
	return slot->said == m->said;
}

int intake_seen_put(struct intake_seen *s, const struct intake_mark *m)
{
	struct intake_mark *slot;
	int rc;

	if ((s->count + 1) * 4 > s->cap * 3 && (rc = grow(s)) != 0)
		return rc;
	slot = slot_find(s->slots, s->cap, m->key);
	if (!slot->said) {
		if (s->count == s->max)
			return ENT_ELIMIT;
		s->count++;
	}
	*slot = *m;
	return 0;
}
