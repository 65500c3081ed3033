/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdio.h>

#include "provenance/act.h"
#include "provenance/sentence.h"

static const struct node_id fr = {{7}}, de = {{8}}, unknown = {{9}};
static const struct log_name fr_green = {{{7}}, 1700000000, {AUDIENCE_GREEN, 0}};
static const struct log_name pl_clear = {{{9}}, 1700000000, {AUDIENCE_CLEAR, 0}};

static const char *name_of(void *ctx, const struct node_id *node)
{
	(void)ctx;
	if (node_id_eq(node, &fr))
		return "fr";
	return node_id_eq(node, &de) ? "de" : NULL;
}

static const struct sentence_names names = {.name = name_of};

static void assert_sentence(const struct act_body *act, const char *want)
{
	struct buf out = buf_with_max(4096);

	sentence_act(&out, act, &names);
	buf_u8(&out, 0);
	assert_false(buf_failed(&out));
	assert_string_equal((char *)out.data, want);
	buf_free(&out);
}

static void says_what_was_done(void **state)
{
	const struct wire_agreement terms[] = {{.id = 0x1234, .serial = 2}, {.id = 1, .serial = 1}};
	const uint8_t hash[32] = {0xab, 0xcd};
	const uint8_t id[16] = {1, 2, 3, 4};
	const struct {
		struct act_body act;
		const char *want;
	} cases[] = {
		{{.act = ACT_STARTED, .text = bytes_str("entented 1.0")}, "started (entented 1.0)"},
		{{.act = ACT_STARTED}, "started"},
		{{.act = ACT_AGREEMENT_IN_FORCE, .terms = terms, .terms_len = 1},
			"agreement 0000000000001234 (serial 2) in force"},
		{{.act = ACT_AGREEMENT_ENDED,
			 .terms = terms,
			 .terms_len = 1,
			 .rule = bytes_str("revoked")},
			"agreement 0000000000001234 (serial 2) ended: revoked"},
		{{.act = ACT_SENDING_OPENED,
			 .has_peer = true,
			 .peer = de,
			 .has_log = true,
			 .log = fr_green,
			 .from = 300,
			 .terms = terms,
			 .terms_len = 2},
			"began sending fr/green from 300 to de under 0000000000001234 (serial 2), "
			"0000000000000001 (serial 1)"},
		{{.act = ACT_SENDING_CLOSED,
			 .has_peer = true,
			 .peer = de,
			 .has_log = true,
			 .log = fr_green,
			 .to = 512},
			"ended sending fr/green at 512 to de"},
		{{.act = ACT_RECEIVED,
			 .has_peer = true,
			 .peer = de,
			 .has_log = true,
			 .log = fr_green,
			 .from = 10,
			 .to = 15},
			"received 5 of fr/green, 10 to 15, from de"},
		{{.act = ACT_PUBLISHED,
			 .has_log = true,
			 .log = fr_green,
			 .from = 10,
			 .to = 15,
			 .operator_name = bytes_str("anna"),
			 .hash = BYTES_OF(hash),
			 .publication = bytes_from(id, 8)},
			"published 5 into fr/green, 10 to 15 by anna from file abcd000000000000 as "
			"0102030400000000"},
		{{.act = ACT_PUBLISHED, .has_log = true, .log = fr_green, .from = 10, .to = 15},
			"published 5 into fr/green, 10 to 15"},
		{{.act = ACT_REFUSED,
			 .rule = bytes_str("reserved"),
			 .count = 3,
			 .operator_name = bytes_str("anna")},
			"refused 3 as reserved of anna"},
		{{.act = ACT_CLOCK_STEP, .from = 1700000000000, .to = 1700000600000},
			"clock stepped from 2023-11-14T22:13:20.000Z to 2023-11-14T22:23:20.000Z"},
		{{.act = ACT_CLOCK_STEP, .from = 0, .to = UINT64_MAX},
			"clock stepped from 1970-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z"},
		{{.act = ACT_SESSION_OPENED, .session = BYTES_OF(id)},
			"opened session 01020304 with -"},
		{{.act = 77}, "unknown act 77"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_sentence(&cases[i].act, cases[i].want);
}

static void has_words_for_every_act(void **state)
{
	struct buf out = buf_with_max(4096);

	(void)state;
#define X(name, number, text)                                                                      \
	buf_reset(&out);                                                                           \
	sentence_act(&out, &(struct act_body){.act = (number)}, &names);                           \
	assert_false(bytes_starts(buf_view(&out), "unknown"));                                     \
	assert_true(out.len > 0);
	PROVENANCE_ACTS(X)
#undef X
	buf_free(&out);
}

static void writes_the_id_of_a_node_without_a_name(void **state)
{
	char id[NODE_ID_TEXT_SIZE], want[100];

	(void)state;
	node_id_text(id, &unknown);
	snprintf(want, sizeof(want), "froze %s/clear", id);
	assert_sentence(&(struct act_body){.act = ACT_FROZEN, .has_log = true, .log = pl_clear},
		want);
}

static void shows_no_control_characters(void **state)
{
	(void)state;
	assert_sentence(&(struct act_body){.act = ACT_ALARM,
				.rule = bytes_str("fork"),
				.text = bytes_str("a\x1b[2Jb\n\xc2\x9b"
						  "31m\x7f\xc3\xa9")},
		"alarm fork: a?[2Jb??31m?\xc3\xa9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_was_done),
		cmocka_unit_test(has_words_for_every_act),
		cmocka_unit_test(writes_the_id_of_a_node_without_a_name),
		cmocka_unit_test(shows_no_control_characters),
	};

	return cmocka_run_group_tests_name("provenance/sentence", tests, NULL, NULL);
}
