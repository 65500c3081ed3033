/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Canonical values (PROTOCOL.md, "Canonical values"): two nodes must derive the same bytes from what
 * people write. Reading refangs, guesses the type unless told, and gives type and canonical form.
 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/vocab.h"
#include "proto/limits.h"

struct value {
	enum type type;
	size_t len;
	char text[RECORD_VALUE_MAX + 1]; /* canonical, NUL behind */
	uint16_t port;                   /* of ip:port or host:port; 0: none */
};

/*
 * Reads text as a value. want TYPE_NONE: the type is found from the form (a hash by its length, ...);
 * else text must be of that type (IPV4 and IPV4_NET, IPV6 and IPV6_NET stand for each other).
 * ENT_EINVALID with a reason for people ("a single label is no domain") in err.
 */
int value_parse(struct value *v, struct bytes text, enum type want, struct err_text *err) MUST_CHECK;

/* True if the bytes are the canonical form of that type: what a receiver checks. */
bool value_is_canonical(enum type type, struct bytes text);

/* The object id of (type, canonical value) under the origin's object secret:
 * BLAKE2b-128 keyed with the secret over u8 type || value. */
void value_object_id(uint8_t id[OBJECT_ID_BYTES], const uint8_t object_secret[32], unsigned type,
	struct bytes value);
