/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/text.h"

#include <stdio.h>
#include <sodium.h>

static const char base32_alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

void text_hex_encode(char *out, struct bytes b)
{
	sodium_bin2hex(out, HEX_TEXT_SIZE(b.len), b.data, b.len);
}

void text_base64_encode(char *out, struct bytes b)
{
	sodium_bin2base64(out, BASE64_TEXT_SIZE(b.len), b.data, b.len,
		sodium_base64_VARIANT_ORIGINAL);
}

void text_base32_encode(char *out, struct bytes b)
{
	uint32_t bits = 0;
	unsigned bits_len = 0;
	size_t n = 0;

	for (size_t i = 0; i < b.len; i++) {
		bits = (bits << 8) | b.data[i];
		for (bits_len += 8; bits_len >= 5; bits_len -= 5)
			out[n++] = base32_alphabet[(bits >> (bits_len - 5)) & 31];
		bits &= (1u << bits_len) - 1;
	}
	if (bits_len)
		out[n++] = base32_alphabet[(bits << (5 - bits_len)) & 31];
	out[n] = '\0';
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int text_hex_decode(struct bytes text, uint8_t *out, size_t cap)
{
	if (text.len % 2)
		return ENT_EINVALID;
	if (text.len / 2 > cap)
		return ENT_ELIMIT;
	for (size_t i = 0; i < text.len / 2; i++) {
		int high = hex_digit(text.data[2 * i]);
		int low = hex_digit(text.data[2 * i + 1]);

		if (high < 0 || low < 0)
			return ENT_EINVALID;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return (int)(text.len / 2);
}

int text_base64_decode(struct bytes text, uint8_t *out, size_t cap)
{
	const char *end;
	size_t len;

	/* libsodium refuses non-zero trailing bits and misplaced padding, but accepts a text
	 * without its padding: hence the look at the length. It skips nothing when ignore is NULL.
	 * In 1.0.18 it takes some bytes beyond ASCII for digits: hence the look at every byte. */
	if (text.len % 4)
		return ENT_EINVALID;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return ENT_EINVALID;
	if (text.len == 0)
		return 0;
	len = text.len / 4 * 3;
	len -= (size_t)(text.data[text.len - 1] == '=') + (size_t)(text.data[text.len - 2] == '=');
	if (len > cap)
		return ENT_ELIMIT;
	if (sodium_base642bin(out, cap, (const char *)text.data, text.len, NULL, &len, &end,
		    sodium_base64_VARIANT_ORIGINAL) != 0 ||
		end != (const char *)text.data + text.len)
		return ENT_EINVALID;
	return (int)len;
}

int text_base32_decode(struct bytes text, uint8_t *out, size_t cap)
{
	uint32_t bits = 0;
	unsigned bits_len = 0;
	size_t n = 0;

	if (text.len * 5 / 8 > cap)
		return ENT_ELIMIT;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		uint32_t v;

		if (c >= 'a' && c <= 'z')
			v = (uint32_t)(c - 'a');
		else if (c >= '2' && c <= '7')
			v = (uint32_t)(c - '2' + 26);
		else
			return ENT_EINVALID;
		bits = (bits << 5) | v;
		bits_len += 5;
		if (bits_len >= 8) {
			bits_len -= 8;
			out[n++] = (uint8_t)(bits >> bits_len);
			bits &= (1u << bits_len) - 1;
		}
	}
	/* Left-over bits are zero and fewer than a character holds, else it has two spellings. */
	if (bits_len >= 5 || bits != 0)
		return ENT_EINVALID;
	return (int)n;
}

bool text_u64_parse(struct bytes text, uint64_t *value)
{
	uint64_t v = 0;

	if (text.len == 0 || text.len > 20 || (text.len > 1 && text.data[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		uint64_t digit = (uint64_t)text.data[i] - '0';

		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*value = v;
	return true;
}

/* How many bytes from here on are ASCII but NUL. Eight at a time: nearly all text is ASCII. */
static size_t ascii_run(const uint8_t *p, size_t len)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	size_t i = 0;
	uint64_t v;

	for (; len - i >= sizeof(v); i += sizeof(v)) {
		memcpy(&v, p + i, sizeof(v));
		/* A top bit is not ASCII; where there is none, subtracting sets one at a NUL. */
		if ((v | (v - ones)) & tops)
			break;
	}
	while (i < len && p[i] > 0 && p[i] < 0x80)
		i++;
	return i;
}

bool text_utf8_valid(struct bytes text)
{
	size_t i = 0;

	while (i < text.len) {
		uint8_t c = text.data[i];
		uint32_t code;
		unsigned more;

		if (c < 0x80) {
			size_t run = ascii_run(text.data + i, text.len - i);

			if (run == 0)
				return false;
			i += run;
			continue;
		}
		if (c >= 0xc2 && c <= 0xdf)
			more = 1, code = c & 0x1f;
		else if (c >= 0xe0 && c <= 0xef)
			more = 2, code = c & 0x0f;
		else if (c >= 0xf0 && c <= 0xf4)
			more = 3, code = c & 0x07;
		else
			return false;
		if (text.len - i <= more)
			return false;
		for (unsigned k = 1; k <= more; k++) {
			if ((text.data[i + k] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (text.data[i + k] & 0x3f);
		}
		/* Overlong forms, surrogates, beyond the last plane. */
		if ((more == 2 && code < 0x800) ||
			(more == 3 && (code < 0x10000 || code > 0x10ffff)) ||
			(code >= 0xd800 && code <= 0xdfff))
			return false;
		i += more + 1;
	}
	return true;
}

struct bytes text_utf8_prefix(struct bytes text, size_t max)
{
	if (text.len > max)
		text.len = max;
	while (!text_utf8_valid(text))
		text.len--;
	return text;
}

size_t text_utf8_uncut(struct bytes text)
{
	for (size_t back = 1; back <= 3 && back <= text.len; back++) {
		uint8_t c = text.data[text.len - back];
		size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

		if ((c & 0xc0) != 0x80)
			return len > back ? text.len - back : text.len;
	}
	return text.len;
}

void text_utf8_mend(char *text)
{
	size_t left = strlen(text), len;

	for (; left; text += len, left -= len) {
		for (len = 1; len <= 4 && len <= left; len++)
			if (text_utf8_valid(bytes_from(text, len)))
				break;
		if (len > 4 || len > left) {
			*text = '?';
			len = 1;
		}
	}
}

bool text_printable(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			return false;
	return true;
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back. Counting from
 * March puts the leap day last in the year, so months need no table. */
static int64_t days_from_date(int64_t y, unsigned m, unsigned d)
{
	int64_t era;
	uint64_t yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (uint64_t)(y - era * 400);
	doy = (153 * (uint64_t)(m + (m > 2 ? (unsigned)-3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

static void date_from_days(int64_t days, int *y, unsigned *m, unsigned *d)
{
	int64_t era;
	uint64_t doe, yoe, doy, mp;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = (uint64_t)(days - era * 146097);
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*m = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)((int64_t)yoe + era * 400 + (*m <= 2));
}

static void time_split(int64_t seconds, char *out, size_t cap)
{
	int64_t days = seconds / 86400;
	int64_t rest = seconds % 86400;
	unsigned m, d;
	int y;

	if (rest < 0)
		rest += 86400, days--;
	date_from_days(days, &y, &m, &d);
	snprintf(out, cap, "%04d-%02u-%02uT%02d:%02d:%02d", y, m, d, (int)(rest / 3600),
		(int)(rest / 60 % 60), (int)(rest % 60));
}

void text_time_ms(char out[TEXT_TIME_SIZE], int64_t ms)
{
	int64_t seconds = ms / 1000;
	int64_t rest = ms % 1000;

	if (rest < 0)
		rest += 1000, seconds--;
	time_split(seconds, out, TEXT_TIME_SIZE - 6);
	snprintf(out + strlen(out), 6, ".%03uZ", (unsigned)rest % 1000);
}

void text_time_s(char out[TEXT_TIME_SIZE], int64_t seconds)
{
	time_split(seconds, out, TEXT_TIME_SIZE - 2);
	snprintf(out + strlen(out), 2, "Z");
}

/* Reads exactly digits decimal digits at *at, then the character behind it (0 for none). */
static bool time_field(struct bytes t, size_t *at, size_t digits, char behind, unsigned *value)
{
	unsigned v = 0;

	if (t.len - *at < digits + (behind != 0))
		return false;
	for (size_t i = 0; i < digits; i++) {
		uint8_t c = t.data[*at + i];

		if (c < '0' || c > '9')
			return false;
		v = v * 10 + (c - '0');
	}
	*at += digits;
	if (behind && t.data[(*at)++] != (uint8_t)behind)
		return false;
	*value = v;
	return true;
}

static unsigned month_days(unsigned y, unsigned m)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0))
		return 29;
	return days[m - 1];
}

bool text_time_parse(struct bytes t, int64_t *ms)
{
	unsigned y, mo, d, h = 0, mi = 0, s = 0, oh, om;
	int64_t seconds, fraction = 0;
	size_t at = 0;

	if (!time_field(t, &at, 4, '-', &y) || !time_field(t, &at, 2, '-', &mo) ||
		!time_field(t, &at, 2, 0, &d))
		return false;
	if (y < 1970 || mo < 1 || mo > 12 || d < 1 || d > month_days(y, mo))
		return false;
	seconds = days_from_date((int64_t)y, mo, d) * 86400;
	if (at == t.len) {
		*ms = seconds * 1000;
		return true;
	}
	if (t.data[at] != 'T' && t.data[at] != 't' && t.data[at] != ' ')
		return false;
	at++;
	if (!time_field(t, &at, 2, ':', &h) || !time_field(t, &at, 2, ':', &mi) ||
		!time_field(t, &at, 2, 0, &s) || h > 23 || mi > 59 || s > 60)
		return false;
	if (at < t.len && t.data[at] == '.') {
		int64_t scale = 100;
		size_t digits = 0;

		for (at++; at < t.len && t.data[at] >= '0' && t.data[at] <= '9'; at++, digits++) {
			fraction += scale * (t.data[at] - '0');
			scale /= 10;
		}
		if (digits == 0 || digits > 12)
			return false;
	}
	seconds += h * 3600 + mi * 60 + s;
	if (at < t.len && (t.data[at] == 'Z' || t.data[at] == 'z')) {
		at++;
	} else if (at < t.len && (t.data[at] == '+' || t.data[at] == '-')) {
		int sign = t.data[at++] == '-' ? 1 : -1;

		if (!time_field(t, &at, 2, ':', &oh) || !time_field(t, &at, 2, 0, &om) || oh > 23 ||
			om > 59)
			return false;
		seconds += sign * (int64_t)(oh * 3600 + om * 60);
	} else {
		return false;
	}
	if (at != t.len || seconds < 0)
		return false;
	*ms = seconds * 1000 + fraction;
	return true;
}

bool text_line_next(struct bytes *rest, struct bytes *line)
{
	const uint8_t *lf;

	if (rest->len == 0)
		return false;
	lf = memchr(rest->data, '\n', rest->len);
	*line = bytes_from(rest->data, lf ? (size_t)(lf - rest->data) : rest->len);
	*rest = bytes_skip(*rest, line->len + (lf != NULL));
	return true;
}

bool text_word_next(struct bytes *rest, struct bytes *word)
{
	size_t start = 0, end;

	while (start < rest->len && rest->data[start] == ' ')
		start++;
	for (end = start; end < rest->len && rest->data[end] != ' ';)
		end++;
	*word = bytes_from(rest->data + start, end - start);
	*rest = bytes_skip(*rest, end);
	return word->len > 0;
}
