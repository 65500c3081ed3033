/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include "base/vocab.h"

static void every_word_is_read_as_it_is_written(void **state)
{
	enum tlp tlp;
	enum pap pap;
	enum kind kind;
	enum type type;

	(void)state;
#define X(name, number, text)                                                                      \
	assert_string_equal(tlp_name(number), text);                                               \
	assert_true(tlp_parse(bytes_str(text), &tlp) && tlp == TLP_##name);
	VOCAB_TLPS(X)
#undef X
#define X(name, number, text)                                                                      \
	assert_string_equal(pap_name(number), text);                                               \
	assert_true(pap_parse(bytes_str(text), &pap) && pap == PAP_##name);
	VOCAB_PAPS(X)
#undef X
#define X(name, number, text)                                                                      \
	assert_string_equal(kind_name(number), text);                                              \
	assert_true(kind_parse(bytes_str(text), &kind) && kind == KIND_##name);
	VOCAB_KINDS(X)
#undef X
#define X(name, number, text)                                                                      \
	assert_string_equal(type_name(number), text);                                              \
	assert_true((number) < TYPE_COUNT);                                                        \
	assert_true(type_parse(bytes_str(text), &type) && type == TYPE_##name);
	VOCAB_TYPES(X)
#undef X
}

static void markings_are_read_as_people_write_them(void **state)
{
	enum tlp tlp;
	enum pap pap;

	(void)state;
	assert_true(tlp_parse(bytes_str("TLP:AMBER+STRICT"), &tlp) && tlp == TLP_AMBER_STRICT);
	assert_true(tlp_parse(bytes_str("tlp:white"), &tlp) && tlp == TLP_CLEAR);
	assert_true(tlp_parse(bytes_str("White"), &tlp) && tlp == TLP_CLEAR);
	assert_true(pap_parse(bytes_str("PAP:RED"), &pap) && pap == PAP_RED);
	assert_false(tlp_parse(bytes_str("TLP:"), &tlp));
	assert_false(tlp_parse(bytes_str("amber-strict"), &tlp));
	assert_false(tlp_parse(bytes_str(" red"), &tlp));
	assert_false(tlp_parse(BYTES_NONE, &tlp));
	assert_false(tlp_parse(bytes_str("PAP:RED"), &tlp));
	assert_false(pap_parse(bytes_str("amber+strict"), &pap));
}

static void types_and_kinds_are_read_exactly(void **state)
{
	enum type type;
	enum kind kind;

	(void)state;
	assert_false(type_parse(bytes_str("IPv4"), &type));
	assert_false(type_parse(bytes_str("none"), &type));
	assert_false(type_parse(bytes_str("ipv"), &type));
	assert_false(kind_parse(bytes_str("Indicator"), &kind));
	assert_false(kind_parse(BYTES_NONE, &kind));
}

static void unknown_numbers_have_a_name_too(void **state)
{
	(void)state;
	assert_string_equal(tlp_name(0), "none");
	assert_string_equal(tlp_name(6), "unknown");
	assert_string_equal(pap_name(200), "unknown");
	assert_string_equal(kind_name(0), "unknown");
	assert_string_equal(type_name(TYPE_COUNT), "unknown");
}

static void markings_are_ordered(void **state)
{
	(void)state;
	assert_true(TLP_CLEAR < TLP_GREEN && TLP_GREEN < TLP_AMBER);
	assert_true(TLP_AMBER < TLP_AMBER_STRICT && TLP_AMBER_STRICT < TLP_RED);
	assert_true(PAP_CLEAR < PAP_GREEN && PAP_GREEN < PAP_AMBER && PAP_AMBER < PAP_RED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_is_read_as_it_is_written),
		cmocka_unit_test(markings_are_read_as_people_write_them),
		cmocka_unit_test(types_and_kinds_are_read_exactly),
		cmocka_unit_test(unknown_numbers_have_a_name_too),
		cmocka_unit_test(markings_are_ordered),
	};

	return cmocka_run_group_tests_name("vocab", tests, NULL, NULL);
}
