/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Object ids: the first 16 bytes of HMAC-SHA-256 under the origin's object secret over u8 type ||
 * value (PROTOCOL.md, "Entries"). For many values under one secret what the secret costs is paid
 * once. HMAC, for it goes by the CPU's SHA instructions; a bare hash of secret and value could be
 * gone on with by whoever knows an id, were it not cut.
 */
#pragma once

#include "merkle/hash.h"
#include "proto/limits.h"

/* As secret as the secret. object_key_wipe when done. */
struct object_key {
	struct hmac_key keyed;
};

void object_key_init(struct object_key *key, const uint8_t object_secret[32]);
void object_key_wipe(struct object_key *key);

void object_id(uint8_t id[OBJECT_ID_BYTES], const struct object_key *key, unsigned type,
	struct bytes value);

/* The same of one value. */
void value_object_id(uint8_t id[OBJECT_ID_BYTES], const uint8_t object_secret[32], unsigned type,
	struct bytes value);
