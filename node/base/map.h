/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A hash table from fixed-length byte keys to pointers, open addressing, with a ceiling. Keys are
 * hashed with SipHash under a random key, so that no peer can choose keys that collide.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MAP_KEY_MAX 40

struct map_slot;

struct map {
	struct map_slot *slots;
	size_t cap;   /* of slots, a power of two or 0 */
	size_t count; /* of keys held */
	size_t max;   /* keys at the most; map_put refuses beyond */
	size_t key_len;
	uint8_t hash_key[16];
};

/* key_len up to MAP_KEY_MAX. hash_key: 16 random bytes. Allocates nothing yet. */
void map_init(struct map *m, size_t key_len, size_t max, const uint8_t hash_key[16]);
void map_free(struct map *m); /* the pointers are the caller's */

void *map_get(const struct map *m, const void *key); /* NULL when absent */
/* value is not NULL. Replaces what the key had. ENT_ELIMIT at the ceiling, ENT_ENOMEM. */
int map_put(struct map *m, const void *key, void *value) MUST_CHECK;
void *map_remove(struct map *m, const void *key); /* gives back the value, NULL when absent */

/* Walks in no order: start with *at = 0; false at the end. No put or remove meanwhile. */
bool map_next(const struct map *m, size_t *at, const void **key, void **value);
