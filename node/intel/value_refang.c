/* SPDX-License-Identifier: EUPL-1.2 */
#include "intel/value_parts.h"

#include <strings.h>

#include "base/text.h"

/* --- screening ----------------------------------------------------------------------------------
 */

struct span {
	uint32_t first, last;
};

/*
 * Code points that show nothing, or only turn or space what follows: Default_Ignorable_Code_Point
 * and White_Space of Unicode, C1 controls, and the Braille blank. Somebody put them there so that a
 * value looks like another or escapes a filter.
 */
static const struct span invisible[] = {
	{0x80, 0xa0},
	{0xad, 0xad},
	{0x34f, 0x34f},
	{0x61c, 0x61c},
	{0x115f, 0x1160},
	{0x1680, 0x1680},
	{0x17b4, 0x17b5},
	{0x180b, 0x180f},
	{0x2000, 0x200f},
	{0x2028, 0x202f},
	{0x205f, 0x206f},
	{0x2800, 0x2800},
	{0x3000, 0x3000},
	{0x3164, 0x3164},
	{0xfe00, 0xfe0f},
	{0xfeff, 0xfeff},
	{0xffa0, 0xffa0},
	{0xfff0, 0xffff},
	{0x1bca0, 0x1bca3},
	{0x1d173, 0x1d17a},
	{0xe0000, 0xe0fff},
};

bool value_invisible(uint32_t code)
{
	if (code < 0x20 || code == 0x7f)
		return true;
	for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++)
		if (code >= invisible[i].first && code <= invisible[i].last)
			return true;
	return false;
}

/* The code point at *at of well-formed UTF-8. */
static uint32_t utf8_next(struct bytes t, size_t *at)
{
	uint8_t c = t.data[(*at)++];
	unsigned more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	uint32_t code = more ? c & (0x3fu >> more) : c;

	while (more--)
		code = code << 6 | (t.data[(*at)++] & 0x3f);
	return code;
}

int value_screen(struct bytes text, struct err_text *err)
{
	bool ascii = true;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c < 0x20 || c == 0x7f)
			return value_unreadable(err, "a control character inside");
		if (c == '\\')
			return value_unreadable(err, "a backslash inside");
		ascii &= c < 0x80;
	}
	if (ascii)
		return 0;
	if (!text_utf8_valid(text))
		return value_unreadable(err, "not UTF-8");
	for (size_t i = 0; i < text.len;)
		if (value_invisible(utf8_next(text, &i)))
			return value_unreadable(err, "a character inside that cannot be seen");
	return 0;
}

struct bytes value_printable(struct bytes text, char *room, size_t cap)
{
	bool utf8 = text_utf8_valid(text);
	size_t n = 0;

	if (text.len <= cap && text_printable(text))
		return text;
	for (size_t i = 0; i < text.len;) {
		size_t from = i;
		uint32_t code = utf8 ? utf8_next(text, &i) : text.data[i++];
		bool shown = !value_invisible(code) && (utf8 || code < 0x80);
		size_t len = shown ? i - from : 1;

		if (n + len > cap)
			break;
		memcpy(room + n, shown ? (const char *)text.data + from : "?", len);
		n += len;
	}
	return bytes_from(room, n);
}

/* --- refanging ----------------------------------------------------------------------------------
 */

static const struct {
	const char *seen;
	const char *plain;
} tokens[] = {
	{"[.]", "."},
	{"(.)", "."},
	{"{.}", "."},
	{"[dot]", "."},
	{"(dot)", "."},
	{"[://]", "://"},
	{"[:]", ":"},
	{"[@]", "@"},
	{"[at]", "@"},
};

#define TOKENS (sizeof(tokens) / sizeof(tokens[0]))

/* The token that t starts with; TOKENS when none. */
static size_t token_at(struct bytes t)
{
	if (t.data[0] != '[' && t.data[0] != '(' && t.data[0] != '{')
		return TOKENS;
	for (size_t i = 0; i < TOKENS; i++) {
		size_t len = strlen(tokens[i].seen);

		if (t.len >= len && strncasecmp((const char *)t.data, tokens[i].seen, len) == 0)
			return i;
	}
	return TOKENS;
}

static bool has_token(struct bytes t)
{
	for (size_t i = 0; i < t.len; i++)
		if (token_at(bytes_skip(t, i)) != TOKENS)
			return true;
	return false;
}

size_t value_scheme_len(struct bytes t)
{
	size_t n = 0;

	/* Stars belong to no scheme, but people write h**p, and that is to be named as a scheme. */
	while (n < t.len && n < 32 && ((t.data[n] | 0x20) >= 'a') && ((t.data[n] | 0x20) <= 'z'))
		n++;
	while (n < t.len && n < 32 &&
		(memchr("+-*", t.data[n], 3) ||
			((t.data[n] | 0x20) >= 'a' && (t.data[n] | 0x20) <= 'z') ||
			(t.data[n] >= '0' && t.data[n] <= '9')))
		n++;
	if (n == 0 || t.len - n < 3 || memcmp(t.data + n, "://", 3) != 0)
		return 0;
	return n;
}

/* A URL that nobody defanged: its scheme is one of ours, and no token stands before its path. */
static bool is_clean_url(struct bytes t)
{
	size_t scheme = value_scheme_len(t);
	size_t end;

	if (!scheme || (t.data[1] | 0x20) == 'x')
		return false;
	for (end = scheme + 3; end < t.len && !memchr("/?#", t.data[end], 3);)
		end++;
	return !has_token(bytes_from(t.data, end));
}

int value_refang(struct bytes text, uint8_t room[VALUE_SEEN_MAX], struct bytes *plain,
	struct err_text *err)
{
	bool changed = false;
	size_t n = 0;

	*plain = text;
	if (is_clean_url(text))
		return 0;
	for (size_t i = 0; i < text.len;) {
		size_t token = token_at(bytes_skip(text, i));

		if (token == TOKENS) {
			room[n++] = text.data[i++];
			continue;
		}
		/* "evil [dot] example": the blanks were put there with the token. */
		while (n && room[n - 1] == ' ')
			n--;
		memcpy(room + n, tokens[token].plain, strlen(tokens[token].plain));
		n += strlen(tokens[token].plain);
		for (i += strlen(tokens[token].seen); i < text.len && text.data[i] == ' ';)
			i++;
		changed = true;
	}
	if (!changed)
		return 0;
	*plain = bytes_from(room, n);
	/* One round only: a second would let "[[.]]" and "[.]" be the same value or not by how
	 * often it was read. */
	if (has_token(*plain))
		return value_unreadable(err, "defanged more than once");
	return 0;
}
