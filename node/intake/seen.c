/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/seen.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "intake/intake.h"

#define SLOTS_FIRST  4096u
#define SLOTS_KEPT   65536u /* 1 MiB: what is larger is given back, and not emptied each time */
#define SLOTS_A_LINE 4u
#define LINE_BYTES   (SLOTS_A_LINE * sizeof(struct intake_slot))
#define SAID_BITS    5
#define NUMBER_BITS  27

_Static_assert(sizeof(((struct intake_seen *)0)->hash_key) == crypto_shorthash_siphashx24_KEYBYTES,
	"the key is a SipHash key");
_Static_assert(sizeof(((struct intake_mark *)0)->key) == crypto_shorthash_siphashx24_BYTES,
	"a mark's key is a hash");
_Static_assert(LINE_BYTES == 64, "slots fill lines of the cache");

void intake_seen_init(struct intake_seen *s, size_t max, const struct env_rng *rng)
{
	*s = (struct intake_seen){.max = max};
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
	s->ids = s->values = false;
}

void intake_seen_free(struct intake_seen *s)
{
	free(s->slots);
	s->slots = NULL;
	s->cap = s->count = 0;
}

int intake_seen_mark(const struct intake_seen *s, const struct intake_claim *c,
	struct audience audience, struct intake_mark *m)
{
	uint8_t raw[11 + OBJECT_ID_BYTES + RECORD_VALUE_MAX];
	struct bytes object = c->has_object ? BYTES_OF(c->object) : c->value;

	if (object.len > sizeof(raw) - 11)
		return ENT_EINVALID;
	raw[0] = (uint8_t)audience.kind;
	be64_put(raw + 1, audience.id);
	raw[9] = c->has_object;
	raw[10] = c->has_object ? 0 : c->type;
	if (object.len > 0)
		memcpy(raw + 11, object.data, object.len);
	crypto_shorthash_siphashx24((uint8_t *)m->key, raw, 11 + object.len, s->hash_key);
	m->said = c->kind;
	m->publication = 0;
	m->by_id = c->has_object;
	return 0;
}

/* Both words of the key, without the bits that say something else. */
static uint64_t rest_of(const struct intake_mark *m)
{
	assert(m->said > 0 && m->said < 1u << SAID_BITS);
	return (m->key[1] >> 32 << 32) |
	       (m->publication & ((UINT64_C(1) << NUMBER_BITS) - 1)) << SAID_BITS | m->said;
}

static bool same_object(const struct intake_slot *s, uint64_t key, uint64_t rest)
{
	return s->key == key && s->rest >> 32 == rest >> 32;
}

static uint64_t number_of(uint64_t rest)
{
	return (uint32_t)rest >> SAID_BITS;
}

static unsigned said_of(uint64_t rest)
{
	return (unsigned)rest & ((1u << SAID_BITS) - 1);
}

/* Where a key belongs: a line is filled before the next one is looked at. */
static size_t home_of(size_t cap, uint64_t key)
{
	return key & (cap - 1) & ~(size_t)(SLOTS_A_LINE - 1);
}

/* The slot that holds the key, or the empty one where it belongs. The table is never full. */
static struct intake_slot *slot_find(struct intake_slot *slots, size_t cap, uint64_t key,
	uint64_t rest)
{
	size_t at = home_of(cap, key);

	while (slots[at].rest && !same_object(&slots[at], key, rest))
		at = (at + 1) & (cap - 1);
	return &slots[at];
}

void intake_seen_fetch(const struct intake_seen *s, const struct intake_mark *m)
{
	if (s->cap > 0)
		__builtin_prefetch(&s->slots[home_of(s->cap, m->key[0])], 1);
}

/* Of huge pages where the system gives them: a large set is looked at all over. */
static struct intake_slot *slots_new(size_t cap)
{
	size_t bytes = cap * sizeof(struct intake_slot), huge = 2u << 20;
	struct intake_slot *slots = aligned_alloc(bytes >= huge ? huge : LINE_BYTES, bytes);

	if (!slots)
		return NULL;
	if (bytes >= huge)
		(void)madvise(slots, bytes, MADV_HUGEPAGE);
	memset(slots, 0, bytes);
	return slots;
}

static int grow(struct intake_seen *s)
{
	size_t cap = s->cap ? 2 * s->cap : SLOTS_FIRST;
	struct intake_slot *slots = slots_new(cap);

	if (!slots)
		return ENT_ENOMEM;
	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i].rest)
			*slot_find(slots, cap, s->slots[i].key, s->slots[i].rest) = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->cap = cap;
	return 0;
}

int intake_seen_same(const struct intake_seen *s, const struct intake_mark *m)
{
	const struct intake_slot *slot;
	uint64_t rest = rest_of(m);

	if (s->count == 0)
		return ENT_ENOTFOUND;
	slot = slot_find(s->slots, s->cap, m->key[0], rest);
	if (!slot->rest)
		return (m->by_id ? s->values : s->ids) ? ENT_ESTATE : ENT_ENOTFOUND;
	if (number_of(slot->rest) != number_of(rest))
		return ENT_ESTATE;
	return said_of(slot->rest) == m->said;
}

int intake_seen_put(struct intake_seen *s, const struct intake_mark *m)
{
	struct intake_slot *slot;
	uint64_t rest = rest_of(m);
	int rc;

	if ((s->count + 1) * 4 > s->cap * 3 && (rc = grow(s)) != 0)
		return rc;
	slot = slot_find(s->slots, s->cap, m->key[0], rest);
	if (!slot->rest) {
		if (s->count == s->max)
			return ENT_ELIMIT;
		s->count++;
	}
	*slot = (struct intake_slot){m->key[0], rest};
	*(m->by_id ? &s->ids : &s->values) = true;
	return 0;
}
