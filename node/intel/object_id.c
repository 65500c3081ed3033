/* SPDX-License-Identifier: EUPL-1.2 */
#include "intel/object_id.h"

#include <assert.h>

void object_key_init(struct object_key *key, const uint8_t object_secret[32])
{
	hmac_key_begin(&key->keyed, bytes_from(object_secret, 32));
}

void object_key_wipe(struct object_key *key)
{
	hmac_key_wipe(&key->keyed);
}

void object_id(uint8_t id[OBJECT_ID_BYTES], const struct object_key *key, unsigned type,
	struct bytes value)
{
	uint8_t type_byte = (uint8_t)type;
	struct hash whole;

	assert(type <= UINT8_MAX);
	hmac_parts(&whole, &key->keyed, (struct bytes[]){{&type_byte, 1}, value}, 2);
	memcpy(id, whole.bytes, OBJECT_ID_BYTES);
}

void value_object_id(uint8_t id[OBJECT_ID_BYTES], const uint8_t object_secret[32], unsigned type,
	struct bytes value)
{
	struct object_key key;

	object_key_init(&key, object_secret);
	object_id(id, &key, type, value);
	object_key_wipe(&key);
}
