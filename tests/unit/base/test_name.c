/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdio.h>

#include "base/name.h"

#define NODE "aaaqeayeaudaocajbifqydiob4" /* 00 01 02 … 0f */

static struct log_name sample(struct audience audience)
{
	struct log_name name = {.incarnation = 1795336200, .audience = audience};

	for (unsigned i = 0; i < NODE_ID_BYTES; i++)
		name.node.bytes[i] = (uint8_t)i;
	return name;
}

static void origin_lines_are_read_and_written(void **state)
{
	static const struct {
		struct audience audience;
		const char *text;
	} cases[] = {
		{{AUDIENCE_CLEAR, 0}, "entente/" NODE "/1795336200/clear"},
		{{AUDIENCE_GREEN, 0}, "entente/" NODE "/1795336200/green"},
		{{AUDIENCE_LOCAL, 0}, "entente/" NODE "/1795336200/local"},
		{{AUDIENCE_AGREEMENT, 0x0123456789abcdef},
			"entente/" NODE "/1795336200/0123456789abcdef"},
		{{AUDIENCE_PROVENANCE, 1795336300},
			"entente/" NODE "/1795336200/provenance-1795336300"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct log_name name = sample(cases[i].audience), out;
		char text[LOG_NAME_TEXT_SIZE];
		uint8_t packed[LOG_NAME_BYTES];

		log_name_text(text, &name);
		assert_string_equal(text, cases[i].text);
		assert_true(log_name_parse(bytes_str(text), &out));
		assert_true(log_name_eq(&name, &out));
		log_name_pack(packed, &name);
		assert_true(log_name_unpack(BYTES_OF(packed), &out));
		assert_true(log_name_eq(&name, &out));
	}
}

static void the_longest_origin_line_fits(void **state)
{
	struct log_name name = {
		.incarnation = UINT64_MAX, .audience = {AUDIENCE_PROVENANCE, UINT64_MAX}};
	struct log_name out;
	char text[LOG_NAME_TEXT_SIZE];

	(void)state;
	log_name_text(text, &name);
	assert_true(log_name_parse(bytes_str(text), &out));
	assert_true(log_name_eq(&name, &out));
}

static void other_spellings_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"entente/",
		"entente/" NODE,
		"entente/" NODE "/1795336200",
		"entente/" NODE "/1795336200/",
		"entente/" NODE "/01795336200/clear",
		"entente/" NODE "//clear",
		"entente/" NODE "/1/Clear",
		"entente/" NODE "/1/clear/",
		"entente/" NODE "/1/clear\n",
		"entente/" NODE "/1/0123456789ABCDEF",
		"entente/" NODE "/1/0123456789abcde",
		"entente/" NODE "/1/provenance-",
		"entente/" NODE "/1/provenance-0",
		"entente/" NODE "/1/provenance-01",
		"entente/AAAQEAYEAUDAOCAJBIFQYDIOB4/1/clear",
		"entente/aaaqeayeaudaocajbifqydiob5/1/clear", /* a bit beyond the id */
		"entente/aaaqeayeaudaocajbifqydiob/1/clear",
		"Entente/" NODE "/1/clear",
	};
	struct log_name out;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (log_name_parse(bytes_str(bad[i]), &out))
			fail_msg("took %s", bad[i]);
}

static void a_packed_name_has_one_spelling(void **state)
{
	struct log_name name = sample((struct audience){AUDIENCE_CLEAR, 0}), out;
	uint8_t packed[LOG_NAME_BYTES + 1] = {0};

	(void)state;
	log_name_pack(packed, &name);
	assert_true(log_name_unpack(bytes_from(packed, LOG_NAME_BYTES), &out));
	assert_false(log_name_unpack(bytes_from(packed, LOG_NAME_BYTES - 1), &out));
	assert_false(log_name_unpack(bytes_from(packed, LOG_NAME_BYTES + 1), &out));
	assert_false(log_name_unpack(BYTES_NONE, &out));
	packed[LOG_NAME_BYTES - 1] = 1; /* an id where the kind has none */
	assert_false(log_name_unpack(bytes_from(packed, LOG_NAME_BYTES), &out));
	packed[24] = AUDIENCE_AGREEMENT;
	assert_true(log_name_unpack(bytes_from(packed, LOG_NAME_BYTES), &out));
	packed[24] = AUDIENCE_PROVENANCE;
	assert_true(log_name_unpack(bytes_from(packed, LOG_NAME_BYTES), &out));
	packed[LOG_NAME_BYTES - 1] = 0; /* and none where it has one */
	assert_false(log_name_unpack(bytes_from(packed, LOG_NAME_BYTES), &out));
	packed[24] = 0;
	assert_false(log_name_unpack(bytes_from(packed, LOG_NAME_BYTES), &out));
	packed[24] = AUDIENCE_PROVENANCE + 1;
	assert_false(log_name_unpack(bytes_from(packed, LOG_NAME_BYTES), &out));
}

static void node_ids_are_read_and_written(void **state)
{
	struct log_name name = sample((struct audience){AUDIENCE_CLEAR, 0});
	char text[NODE_ID_TEXT_SIZE];
	struct node_id id;

	(void)state;
	node_id_text(text, &name.node);
	assert_string_equal(text, NODE);
	assert_true(node_id_parse(bytes_str(text), &id));
	assert_true(node_id_eq(&id, &name.node));
	assert_false(node_id_parse(bytes_str("a"), &id));
	assert_false(node_id_parse(bytes_str(NODE "a"), &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origin_lines_are_read_and_written),
		cmocka_unit_test(the_longest_origin_line_fits),
		cmocka_unit_test(other_spellings_are_refused),
		cmocka_unit_test(a_packed_name_has_one_spelling),
		cmocka_unit_test(node_ids_are_read_and_written),
	};

	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
