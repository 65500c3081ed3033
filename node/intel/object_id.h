/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Object ids of many values under one object secret: BLAKE2b-128 keyed with the secret over u8
 * type || value (PROTOCOL.md, "Entries"), as value_object_id gives it for one.
 *
 * Half of what one costs is the block that holds the secret. It is hashed once here, which
 * libsodium has no call for; its BLAKE2b is what the tests hold this one to. No table is looked up
 * and no branch taken by anything that is secret.
 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "proto/limits.h"

/* What is left of the secret after its block: as secret as that. object_key_wipe when done. */
struct object_key {
	uint64_t state[8];
};

void object_key_init(struct object_key *key, const uint8_t object_secret[32]);
void object_key_wipe(struct object_key *key);

void object_id(uint8_t id[OBJECT_ID_BYTES], const struct object_key *key, unsigned type,
	struct bytes value);
