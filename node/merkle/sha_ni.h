/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SHA-256 (FIPS 180-4) by the SHA instructions of x86. Inside merkle/ only: others use hash.h,
 * which chooses. Call the others only where sha_ni_present() said yes.
 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

bool sha_ni_present(void);

/* The hash of the parts, one behind the other; out holds 32 bytes. */
void sha_ni_parts(uint8_t *out, const struct bytes *parts, size_t parts_len);

/* The hash of 65 bytes: prefix || left (32) || right (32). */
void sha_ni_prefixed(uint8_t *out, uint8_t prefix, const uint8_t *left, const uint8_t *right);
