/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/map.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct map_slot {
	void *value; /* NULL: empty */
	uint8_t key[MAP_KEY_MAX];
};

void map_init(struct map *m, size_t key_len, size_t max, const uint8_t hash_key[16])
{
	assert(key_len > 0 && key_len <= MAP_KEY_MAX);
	*m = (struct map){.max = max, .key_len = key_len};
	memcpy(m->hash_key, hash_key, sizeof(m->hash_key));
}

void map_free(struct map *m)
{
	free(m->slots);
	m->slots = NULL;
	m->cap = m->count = 0;
}

static size_t slot_home(const struct map *m, const void *key)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t v;

	crypto_shorthash(hash, key, m->key_len, m->hash_key);
	memcpy(&v, hash, sizeof(v));
	return (size_t)v & (m->cap - 1);
}

/* The slot that has the key, or the empty one where it would go. */
static size_t slot_find(const struct map *m, const void *key)
{
	size_t i = slot_home(m, key);

	while (m->slots[i].value && memcmp(m->slots[i].key, key, m->key_len) != 0)
		i = (i + 1) & (m->cap - 1);
	return i;
}

static int grow(struct map *m)
{
	struct map old = *m;

	m->cap = old.cap ? old.cap * 2 : 16;
	m->slots = calloc(m->cap, sizeof(*m->slots));
	if (!m->slots) {
		*m = old;
		return ENT_ENOMEM;
	}
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].value)
			m->slots[slot_find(m, old.slots[i].key)] = old.slots[i];
	free(old.slots);
	return 0;
}

void *map_get(const struct map *m, const void *key)
{
	return m->count ? m->slots[slot_find(m, key)].value : NULL;
}

int map_put(struct map *m, const void *key, void *value)
{
	struct map_slot *slot;
	int rc;

	assert(value);
	/* At most three quarters full, so that probing stays short and always ends. */
	if ((m->count + 1) * 4 > m->cap * 3 && (rc = grow(m)) != 0)
		return rc;
	slot = &m->slots[slot_find(m, key)];
	if (!slot->value) {
		if (m->count >= m->max)
			return ENT_ELIMIT;
		memcpy(slot->key, key, m->key_len);
		m->count++;
	}
	slot->value = value;
	return 0;
}

void *map_remove(struct map *m, const void *key)
{
	size_t hole, i;
	void *value;

	if (!m->count)
		return NULL;
	hole = slot_find(m, key);
	value = m->slots[hole].value;
	if (!value)
		return NULL;
	/* Close the gap: move back every later key of the run whose home lies at or before it. */
	for (i = (hole + 1) & (m->cap - 1); m->slots[i].value; i = (i + 1) & (m->cap - 1)) {
		size_t home = slot_home(m, m->slots[i].key);

		if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole].value = NULL;
	m->count--;
	return value;
}

bool map_next(const struct map *m, size_t *at, const void **key, void **value)
{
	for (; *at < m->cap; (*at)++) {
		if (m->slots[*at].value) {
			if (key)
				*key = m->slots[*at].key;
			*value = m->slots[*at].value;
			(*at)++;
			return true;
		}
	}
	return false;
}
