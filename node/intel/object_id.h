/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Object ids of many values under one object secret: BLAKE2b-128 keyed with the secret over u8
 * type || value (PROTOCOL.md, "Entries"), as value_object_id gives it for one. The hash is set up
 * once.
 */
#pragma once

#include <sodium.h>
#include <stdint.h>

#include "base/bytes.h"
#include "proto/limits.h"

/* As secret as the secret. object_key_wipe when done. */
struct object_key {
	crypto_generichash_state keyed;
};

void object_key_init(struct object_key *key, const uint8_t object_secret[32]);
void object_key_wipe(struct object_key *key);

void object_id(uint8_t id[OBJECT_ID_BYTES], const struct object_key *key, unsigned type,
	struct bytes value);
