/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include "base/text.h"

/* Every byte at every place of a group: what decodes must encode back to the same characters. */
static void one_spelling_for_every_value(void **state)
{
	unsigned taken = 0;

	(void)state;
	for (size_t place = 0; place < 8; place++) {
		for (unsigned c = 0; c < 256; c++) {
			char text[] = "AAAAAAA=", again[16];
			uint8_t raw[8];
			int len;

			text[place] = (char)c;
			len = text_base64_decode(bytes_from(text, 8), raw, sizeof(raw));
			if (len < 0)
				continue;
			taken++;
			text_base64_encode(again, bytes_from(raw, (size_t)len));
			assert_string_equal(again, text);
		}
	}
	/* 64 digits at six places, then 16 whose last two bits are zero or one more padding, then
	 * 64 or the padding. */
	assert_int_equal(taken, 6 * 64 + 17 + 65);
}

static void padding_is_wanted(void **state)
{
	uint8_t raw[8];

	(void)state;
	assert_int_equal(text_base64_decode(bytes_str("AA"), raw, sizeof(raw)), ENT_EINVALID);
	assert_int_equal(text_base64_decode(bytes_str("AA="), raw, sizeof(raw)), ENT_EINVALID);
	assert_int_equal(text_base64_decode(bytes_str("AA=="), raw, sizeof(raw)), 1);
	assert_int_equal(text_base64_decode(bytes_str("AA==AAAA"), raw, sizeof(raw)), ENT_EINVALID);
	assert_int_equal(text_base64_decode(bytes_str(""), raw, 0), 0);
	assert_int_equal(text_base64_decode(bytes_str("AAAA"), raw, 2), ENT_ELIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_spelling_for_every_value),
		cmocka_unit_test(padding_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
