/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdio.h>
#include <time.h>

#include "base/text.h"

static void hex_has_one_spelling(void **state)
{
	uint8_t out[4];
	char text[16];

	(void)state;
	assert_int_equal(text_hex_decode(bytes_str("00ff1a"), out, 4), 3);
	assert_memory_equal(out, "\x00\xff\x1a", 3);
	text_hex_encode(text, bytes_from(out, 3));
	assert_string_equal(text, "00ff1a");
	assert_int_equal(text_hex_decode(bytes_str("00FF1a"), out, 4), ENT_EINVALID);
	assert_int_equal(text_hex_decode(bytes_str("00f"), out, 4), ENT_EINVALID);
	assert_int_equal(text_hex_decode(bytes_str("0 ff"), out, 4), ENT_EINVALID);
	assert_int_equal(text_hex_decode(bytes_str("0011223344"), out, 4), ENT_ELIMIT);
	assert_int_equal(text_hex_decode(BYTES_NONE, out, 4), 0);
}

static void base32_survives_the_round_trip(void **state)
{
	uint64_t seed = 3;
	struct env_rng rng = test_rng(&seed);
	uint8_t raw[64], out[64];
	char text[BASE32_TEXT_SIZE(64)];

	(void)state;
	for (size_t len = 0; len <= sizeof(raw); len++) {
		env_random(&rng, raw, len);
		text_base32_encode(text, bytes_from(raw, len));
		assert_int_equal(strlen(text), (len * 8 + 4) / 5);
		assert_int_equal(text_base32_decode(bytes_str(text), out, sizeof(out)), len);
		assert_memory_equal(raw, out, len);
		if (len)
			assert_int_equal(text_base32_decode(bytes_str(text), out, len - 1),
				ENT_ELIMIT);
	}
	/* RFC 4648 section 10, in lower case and without padding. */
	text_base32_encode(text, bytes_str("foobar"));
	assert_string_equal(text, "mzxw6ytboi");
}

/* Every text of three characters either is refused or is what the encoder writes. */
static void base32_has_one_spelling(void **state)
{
	unsigned taken = 0;

	(void)state;
	for (unsigned n = 0; n < 128 * 128; n++) {
		char text[] = {(char)(n / 128), (char)(n % 128), 0}, again[8];
		uint8_t raw[4];
		int len = text_base32_decode(bytes_from(text, 2), raw, sizeof(raw));

		if (len < 0)
			continue;
		taken++;
		text_base32_encode(again, bytes_from(raw, (size_t)len));
		assert_string_equal(again, text);
	}
	assert_int_equal(taken, 256);
	/* One, three or six characters are no whole bytes. */
	assert_int_equal(text_base32_decode(bytes_str("a"), (uint8_t[8]){0}, 8), ENT_EINVALID);
	assert_int_equal(text_base32_decode(bytes_str("aaa"), (uint8_t[8]){0}, 8), ENT_EINVALID);
	assert_int_equal(text_base32_decode(bytes_str("aaaaaa"), (uint8_t[8]){0}, 8), ENT_EINVALID);
}

static void numbers_have_one_spelling(void **state)
{
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "01", "00", "1a", "0x1",
		"18446744073709551616", "99999999999999999999", "184467440737095516150"};
	uint64_t v;

	(void)state;
	assert_true(text_u64_parse(bytes_str("0"), &v) && v == 0);
	assert_true(text_u64_parse(bytes_str("10"), &v) && v == 10);
	assert_true(text_u64_parse(bytes_str("18446744073709551615"), &v) && v == UINT64_MAX);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(text_u64_parse(bytes_str(bad[i]), &v));
	assert_false(text_u64_parse(bytes_from("1\0", 2), &v));
}

static void utf8_is_well_formed(void **state)
{
	static const char *const good[] = {"", "a", "é", "€", "😀", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xf4\x8f\xbf\xbf", "eight by eight bytes é and more of them", "\x7f"};
	static const char *const bad[] = {"\x80", "\xc0\xaf", "\xc1\xbf", "\xc2", "\xe0\x80\x80",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82", "\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "12345678\xff",
		"\xe2\x28\xa1", "1234567\xc3"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(text_utf8_valid(bytes_str(good[i])));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(text_utf8_valid(bytes_str(bad[i])));
}

/* The fast path takes eight bytes at a time: a bad byte shows wherever it stands. */
static void utf8_is_cut_between_characters(void **state)
{
	static const struct {
		const char *text;
		size_t max, len;
	} cases[] = {{"abc", 5, 3}, {"abc", 2, 2}, {"a\xc3\xa9", 2, 1}, {"a\xc3\xa9", 3, 3},
		{"\xf0\x9f\x92\xa9", 3, 0}, {"ab\xff", 9, 2}, {"", 4, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(text_utf8_prefix(bytes_str(cases[i].text), cases[i].max).len,
			cases[i].len);
}

static void a_cut_character_goes_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{"", 0}, {"a", 1}, {"a\u00fc", 3}, {"a\xc3", 1}, {"\u20ac\xe2\x82", 3},
		{"\u20ac\xe2", 3}, {"\U0001f41d", 4}, {"\xf0\x9f\x90", 0},
		{"\x80\x80\x80\x80", 4}, /* the end of none */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(text_utf8_uncut(bytes_str(cases[i].text)), cases[i].len);
}

static void what_is_no_utf8_is_a_question_mark(void **state)
{
	char text[] = "\xff"
		      "a\xe2\x82 \u20ac\xed\xa0\x80z\xc3";

	(void)state;
	text_utf8_mend(text);
	assert_string_equal(text, "?a?? \u20ac???z?");
}

static void utf8_has_no_nul_anywhere(void **state)
{
	char text[40];

	(void)state;
	for (size_t len = 1; len <= sizeof(text); len++) {
		memset(text, 1, len);
		assert_true(text_utf8_valid(bytes_from(text, len)));
		for (size_t at = 0; at < len; at++) {
			text[at] = 0;
			assert_false(text_utf8_valid(bytes_from(text, len)));
			text[at] = (char)0x80;
			assert_false(text_utf8_valid(bytes_from(text, len)));
			text[at] = 0x7f;
		}
	}
}

static void printable_is_ascii_without_controls(void **state)
{
	(void)state;
	assert_true(text_printable(bytes_str(" ~")));
	assert_false(text_printable(bytes_str("\x1f")));
	assert_false(text_printable(bytes_str("\x7f")));
	assert_false(text_printable(bytes_str("é")));
	assert_false(text_printable(bytes_from("\0", 1)));
}

static void times_are_formatted_as_the_library_does(void **state)
{
	uint64_t seed = 4;
	struct env_rng rng = test_rng(&seed);

	(void)state;
	for (int i = 0; i < 2000; i++) {
		int64_t s = (int64_t)(env_random_u64(&rng) % 253402300800u);
		int64_t ms = s * 1000 + (int64_t)(env_random_u64(&rng) % 1000), again;
		char text[TEXT_TIME_SIZE], wanted[TEXT_TIME_SIZE];
		time_t t = (time_t)s;
		struct tm tm;

		assert_non_null(gmtime_r(&t, &tm));
		strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%SZ", &tm);
		text_time_s(text, s);
		assert_string_equal(text, wanted);
		text_time_ms(text, ms);
		assert_true(text_time_parse(bytes_str(text), &again));
		assert_true(again == ms);
	}
}

static void times_are_read_as_rfc_3339(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-22T08:30:00.000Z", 1795336200000},
		{"2026-11-22", 1795305600000},
		{"2024-02-29T23:59:59.9Z", 1709251199900},
		{"2026-11-22t08:30:00z", 1795336200000},
		{"2026-11-22 08:30:00Z", 1795336200000},
		{"2026-11-22T09:30:00+01:00", 1795336200000},
		{"2026-11-22T03:00:00-05:30", 1795336200000},
		{"2018-04-06T12:14:36.1948Z", 1523016876194},
		{"2018-04-06T12:14:36.123456789012Z", 1523016876123},
		{"2016-12-31T23:59:60Z", 1483228800000},
		{"9999-12-31T23:59:59.999Z", 253402300799999},
	};
	static const char *const bad[] = {"", "2026", "2026-11", "2026-13-01", "2026-00-01",
		"2026-11-00", "2026-11-31", "2023-02-29", "1969-12-31T23:59:59Z",
		"2026-11-22T08:30Z", "2026-11-22T24:00:00Z", "2026-11-22T08:60:00Z",
		"2026-11-22T08:30:61Z", "2026-11-22T08:30:00", "2026-11-22T08:30:00.Z",
		"2026-11-22T08:30:00.1234567890123Z", "2026-11-22T08:30:00Z ", " 2026-11-22",
		"2026-11-22T08:30:00+1:00", "2026-11-22T08:30:00+24:00", "+026-11-22",
		"1970-01-01T00:00:00+00:01", "2026-11-22T08:30:00ZZ", "2026/11/22", "2026-11-22T",
		"2026-11-22T08:30:00+01"};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_true(text_time_parse(bytes_str(good[i].text), &ms));
		assert_true(ms == good[i].ms);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (text_time_parse(bytes_str(bad[i]), &ms))
			fail_msg("took %s", bad[i]);
}

static void a_time_cut_anywhere_is_no_time(void **state)
{
	struct bytes whole = bytes_str("2026-11-22T08:30:00.000+01:00");
	int64_t ms;

	(void)state;
	for (size_t len = 0; len < whole.len; len++)
		assert_int_equal(text_time_parse(bytes_from(whole.data, len), &ms),
			len == strlen("2026-11-22"));
}

static void lines_and_words_are_walked(void **state)
{
	struct bytes rest = bytes_str("one  two\n\nthree"), line, word;

	(void)state;
	assert_true(text_line_next(&rest, &line));
	assert_true(bytes_eq_str(line, "one  two"));
	assert_true(text_word_next(&line, &word) && bytes_eq_str(word, "one"));
	assert_true(text_word_next(&line, &word) && bytes_eq_str(word, "two"));
	assert_false(text_word_next(&line, &word));
	assert_true(text_line_next(&rest, &line));
	assert_int_equal(line.len, 0);
	assert_true(text_line_next(&rest, &line) && bytes_eq_str(line, "three"));
	assert_false(text_line_next(&rest, &line));
	rest = bytes_str("x\n");
	assert_true(text_line_next(&rest, &line));
	assert_false(text_line_next(&rest, &line));
	rest = BYTES_NONE;
	assert_false(text_line_next(&rest, &line));
	assert_false(text_word_next(&rest, &word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_has_one_spelling),
		cmocka_unit_test(base32_survives_the_round_trip),
		cmocka_unit_test(base32_has_one_spelling),
		cmocka_unit_test(numbers_have_one_spelling),
		cmocka_unit_test(utf8_is_well_formed),
		cmocka_unit_test(utf8_is_cut_between_characters),
		cmocka_unit_test(a_cut_character_goes_and_nothing_else),
		cmocka_unit_test(what_is_no_utf8_is_a_question_mark),
		cmocka_unit_test(utf8_has_no_nul_anywhere),
		cmocka_unit_test(printable_is_ascii_without_controls),
		cmocka_unit_test(times_are_formatted_as_the_library_does),
		cmocka_unit_test(times_are_read_as_rfc_3339),
		cmocka_unit_test(a_time_cut_anywhere_is_no_time),
		cmocka_unit_test(lines_and_words_are_walked),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
