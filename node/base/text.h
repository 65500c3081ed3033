/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Text coding, strict both ways: what decodes also encodes back to the same characters. So a value
 * has one spelling, and nothing can hide in trailing bits, signs, zeros or white space.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/* Encoders write a NUL behind the text; out holds at least the given size. */
#define HEX_TEXT_SIZE(n)    (2 * (n) + 1)
#define BASE64_TEXT_SIZE(n) (((n) + 2) / 3 * 4 + 1)
#define BASE32_TEXT_SIZE(n) (((n)*8 + 4) / 5 + 1)

void text_hex_encode(char *out, struct bytes b);    /* lower case */
void text_base64_encode(char *out, struct bytes b); /* RFC 4648 section 4, padded */
void text_base32_encode(char *out, struct bytes b); /* RFC 4648 alphabet in lower case, unpadded */

/*
 * Decoders give the number of bytes written, or ENT_EINVALID (a character, a length, a bit that the
 * encoder would not have written) or ENT_ELIMIT (more than cap bytes). Hex takes lower case only.
 */
int text_hex_decode(struct bytes text, uint8_t *out, size_t cap) MUST_CHECK;
int text_base64_decode(struct bytes text, uint8_t *out, size_t cap) MUST_CHECK;
int text_base32_decode(struct bytes text, uint8_t *out, size_t cap) MUST_CHECK;

/* A decimal number without sign, leading zeros or anything behind it. */
bool text_u64_parse(struct bytes text, uint64_t *value);

/* True if the bytes are well-formed UTF-8 (RFC 3629) without NUL. */
bool text_utf8_valid(struct bytes text);

/* The longest beginning of at most max bytes that is well-formed: cuts between characters. */
struct bytes text_utf8_prefix(struct bytes text, size_t max);

/* The length without a last character of which only the beginning is there. */
size_t text_utf8_uncut(struct bytes text);

/* A question mark for every byte that is in no well-formed character. */
void text_utf8_mend(char *text);

/* True if every byte is printable ASCII (0x20 to 0x7e). */
bool text_printable(struct bytes text);

/*
 * Times are milliseconds since 1970, UTC. Formatting writes 2026-11-22T08:30:00.000Z (or without
 * milliseconds); parsing takes RFC 3339 with 0 to 12 fraction digits and Z or an offset, and a bare
 * date (midnight UTC). Years 1970 to 9999.
 */
#define TEXT_TIME_SIZE 32
void text_time_ms(char out[TEXT_TIME_SIZE], int64_t ms);
void text_time_s(char out[TEXT_TIME_SIZE], int64_t seconds);
bool text_time_parse(struct bytes text, int64_t *ms);

/* The next line of *rest without its LF, moving *rest on; false at the end. */
bool text_line_next(struct bytes *rest, struct bytes *line);

/* The next space-separated word of *rest; false at the end. */
bool text_word_next(struct bytes *rest, struct bytes *word);
