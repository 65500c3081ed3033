/* SPDX-License-Identifier: EUPL-1.2 */
#include "intel/object_id.h"

#include <assert.h>

void object_key_init(struct object_key *key, const uint8_t object_secret[32])
{
	crypto_generichash_init(&key->keyed, object_secret, 32, OBJECT_ID_BYTES);
}

void object_key_wipe(struct object_key *key)
{
	sodium_memzero(key, sizeof(*key));
}

void object_id(uint8_t id[OBJECT_ID_BYTES], const struct object_key *key, unsigned type,
	struct bytes value)
{
	crypto_generichash_state state = key->keyed;
	uint8_t type_byte = (uint8_t)type;

	assert(type <= UINT8_MAX);
	crypto_generichash_update(&state, &type_byte, 1);
	crypto_generichash_update(&state, value.data, value.len);
	crypto_generichash_final(&state, id, OBJECT_ID_BYTES);
}
