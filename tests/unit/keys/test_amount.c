/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include "keys/amount.h"

static void durations_have_one_spelling(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{1, "1s"},
		{59, "59s"},
		{60, "1m"},
		{90, "90s"},
		{900, "15m"},
		{3600, "1h"},
		{5400, "90m"},
		{86400, "24h"},
		{259200, "72h"},
		{96 * 3600, "96h"},
		{99 * 3600, "99h"},
		{100 * 3600, "100h"},
		{120 * 3600, "5d"},
		{365 * 86400, "365d"},
		{366 * 86400 + 1, "31622401s"},
		{AMOUNT_DURATION_MAX_S, "36500d"},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[AMOUNT_TEXT_SIZE];
		int64_t seconds;

		amount_duration_text(text, cases[i].seconds);
		assert_string_equal(text, cases[i].text);
		assert_true(amount_duration_parse(bytes_str(text), &seconds));
		assert_int_equal(seconds, cases[i].seconds);
	}
}

static void refuses_what_is_no_duration(void **state)
{
	static const char *const bad[] = {"", "d", "0s", "01s", "1", "1w", "1 d", "-1s", "1.5h",
		"36501d", "876001h", "3153600001s", "99999999999999999999s", "1ds"};
	int64_t seconds;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(amount_duration_parse(bytes_str(bad[i]), &seconds));
}

static void sizes_have_one_spelling(void **state)
{
	static const struct {
		uint64_t count;
		const char *text;
	} cases[] = {
		{0, "0 B"},
		{1, "1 B"},
		{1023, "1023 B"},
		{1024, "1 KiB"},
		{1536 * 1024, "1536 KiB"},
		{1 << 20, "1 MiB"},
		{(uint64_t)4 << 30, "4 GiB"},
		{UINT64_MAX, "18446744073709551615 B"},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[AMOUNT_TEXT_SIZE], *space;
		uint64_t count;

		amount_bytes_text(text, cases[i].count);
		assert_string_equal(text, cases[i].text);
		space = strchr(text, ' ');
		assert_true(amount_bytes_parse(bytes_from(text, (size_t)(space - text)),
			bytes_str(space + 1), &count));
		assert_int_equal(count, cases[i].count);
	}
}

static void refuses_what_is_no_size(void **state)
{
	uint64_t count;
	(void)state;

	assert_false(amount_bytes_parse(bytes_str("1"), bytes_str("GB"), &count));
	assert_false(amount_bytes_parse(bytes_str(""), bytes_str("B"), &count));
	assert_false(amount_bytes_parse(bytes_str("01"), bytes_str("B"), &count));
	assert_false(amount_bytes_parse(bytes_str("17179869184"), bytes_str("GiB"), &count));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_one_spelling),
		cmocka_unit_test(refuses_what_is_no_duration),
		cmocka_unit_test(sizes_have_one_spelling),
		cmocka_unit_test(refuses_what_is_no_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
