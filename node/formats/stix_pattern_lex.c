/* SPDX-License-Identifier: EUPL-1.2 */
#include "formats/stix_pattern_lex.h"

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_word_start(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The byte n behind the current place; 0 beyond the end. */
static uint8_t ahead(const struct lexer *l, size_t n)
{
	return l->at + n < l->all.len ? l->all.data[l->at + n] : 0;
}

/* White space and comments, C style both. False when a comment does not end. */
static bool blanks_skip(struct lexer *l)
{
	for (;;) {
		uint8_t c = ahead(l, 0);

		if (c && memchr(" \t\r\n\v\f", c, 6)) {
			l->at++;
		} else if (c == '/' && ahead(l, 1) == '/') {
			while (l->at < l->all.len && l->all.data[l->at] != '\n')
				l->at++;
		} else if (c == '/' && ahead(l, 1) == '*') {
			const uint8_t *from = l->all.data + l->at + 2;
			const uint8_t *end = memmem(from, l->all.len - l->at - 2, "*/", 2);

			if (!end)
				return false;
			l->at = (size_t)(end - l->all.data) + 2;
		} else {
			return true;
		}
	}
}

/* From the opening quote; the text is what stands between the quotes. */
static bool string_take(struct lexer *l)
{
	size_t start = ++l->at;

	for (; l->at < l->all.len; l->at++) {
		uint8_t c = l->all.data[l->at];

		if (c == '\'') {
			l->text = bytes_from(l->all.data + start, l->at++ - start);
			return true;
		}
		/* A backslash makes a quote or backslash behind it part of the string. */
		if (c == '\\' && (ahead(l, 1) == '\'' || ahead(l, 1) == '\\'))
			l->at++;
	}
	return false;
}

static bool hex_valid(struct bytes t)
{
	for (size_t i = 0; i < t.len; i++) {
		uint8_t c = t.data[i] | 0x20;

		if (!is_digit(t.data[i]) && (c < 'a' || c > 'f'))
			return false;
	}
	return t.len % 2 == 0;
}

static bool base64_valid(struct bytes t)
{
	size_t body = t.len;

	while (body && t.len - body < 2 && t.data[body - 1] == '=')
		body--;
	for (size_t i = 0; i < body; i++) {
		uint8_t c = t.data[i];

		if (!is_digit(c) && c != '+' && c != '/' && (!is_word_start(c) || c == '_'))
			return false;
	}
	return t.len % 4 == 0;
}

/* Two digits at t, from low to high. */
static bool in_range(const uint8_t *t, unsigned low, unsigned high)
{
	unsigned v;

	if (!is_digit(t[0]) || !is_digit(t[1]))
		return false;
	v = (t[0] - '0') * 10u + (t[1] - '0');
	return v >= low && v <= high;
}

/* yyyy-mm-ddThh:mm:ss[.s+]Z; the days of a month are not counted. */
static bool time_valid(struct bytes t)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd";
	size_t n = sizeof(shape) - 1;

	if (t.len < n + 1 || t.data[t.len - 1] != 'Z')
		return false;
	for (size_t i = 0; i < n; i++)
		if (shape[i] == 'd' ? !is_digit(t.data[i]) : t.data[i] != (uint8_t)shape[i])
			return false;
	if (!in_range(t.data + 5, 1, 12) || !in_range(t.data + 8, 1, 31) ||
		!in_range(t.data + 11, 0, 23) || !in_range(t.data + 14, 0, 59) ||
		!in_range(t.data + 17, 0, 60))
		return false;
	if (t.len == n + 1)
		return true;
	if (t.data[n] != '.' || t.len == n + 2)
		return false;
	for (size_t i = n + 1; i < t.len - 1; i++)
		if (!is_digit(t.data[i]))
			return false;
	return true;
}

/* h'..', b'..', t'..': the letter is taken, the quote comes next. */
static enum token prefixed_take(struct lexer *l, uint8_t letter)
{
	if (!string_take(l))
		return TOKEN_BAD;
	switch (letter) {
	case 'h':
		return hex_valid(l->text) ? TOKEN_HEX : TOKEN_BAD;
	case 'b':
		return base64_valid(l->text) ? TOKEN_BINARY : TOKEN_BAD;
	default:
		return time_valid(l->text) ? TOKEN_TIME : TOKEN_BAD;
	}
}

static enum token word_take(struct lexer *l)
{
	size_t start = l->at;
	bool hyphen = false;

	if (memchr("hbt", ahead(l, 0), 3) && ahead(l, 1) == '\'') {
		l->at++;
		return prefixed_take(l, l->all.data[start]);
	}
	for (;; l->at++) {
		uint8_t c = ahead(l, 0);

		if (!is_word_start(c) && !is_digit(c) && c != '-')
			break;
		hyphen |= c == '-';
	}
	l->text = bytes_from(l->all.data + start, l->at - start);
	return hyphen ? TOKEN_HYPHEN_WORD : TOKEN_WORD;
}

static enum token number_take(struct lexer *l)
{
	size_t start = l->at, whole, fraction = 0;
	bool point;

	l->at += ahead(l, 0) == '+' || ahead(l, 0) == '-';
	for (whole = 0; is_digit(ahead(l, 0)); whole++)
		l->at++;
	point = ahead(l, 0) == '.' && is_digit(ahead(l, 1));
	if (point)
		for (l->at++; is_digit(ahead(l, 0)); fraction++)
			l->at++;
	l->text = bytes_from(l->all.data + start, l->at - start);
	if (point)
		return TOKEN_FLOAT;
	if (whole == 0 || (whole > 1 && l->all.data[l->at - whole] == '0'))
		return TOKEN_BAD;
	return TOKEN_INTEGER;
}

static enum token operator_take(struct lexer *l)
{
	static const char *const operators[] = {"==", "!=", "<>", "<=", ">=", "=", "<", ">"};
	struct bytes rest = bytes_skip(l->all, l->at);

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (!bytes_starts(rest, operators[i]))
			continue;
		l->text = bytes_from(rest.data, strlen(operators[i]));
		l->at += l->text.len;
		return TOKEN_OPERATOR;
	}
	return TOKEN_BAD;
}

void lexer_next(struct lexer *l)
{
	uint8_t c;

	l->text = BYTES_NONE;
	if (!blanks_skip(l)) {
		l->token = TOKEN_BAD;
		return;
	}
	c = ahead(l, 0);
	if (l->at >= l->all.len) {
		l->token = TOKEN_END;
	} else if (is_word_start(c)) {
		l->token = word_take(l);
	} else if (c == '\'') {
		l->token = string_take(l) ? TOKEN_STRING : TOKEN_BAD;
	} else if (is_digit(c) || c == '+' || c == '-' || (c == '.' && is_digit(ahead(l, 1)))) {
		l->token = number_take(l);
	} else if (memchr("()[]:.,*", c, 8)) {
		l->text = bytes_from(l->all.data + l->at++, 1);
		l->token = TOKEN_MARK;
	} else {
		l->token = operator_take(l);
	}
}
