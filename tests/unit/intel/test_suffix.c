/* SPDX-License-Identifier: EUPL-1.2 */
/* What stands in front of the public suffix list changes no answer. */
#include "lib/test.h"

#include "base/text.h"
#include "intel/suffix.h"
#include "keys/file.h"

#include <stdio.h>

struct both {
	struct suffixes *many, *few;
	struct buf text;
};

static int setup(void **state)
{
	static struct both b = {.text = {.max = 4u << 20}};
	struct err_text err;
	char path[4096];

	*state = &b;
	if (suffixes_text_path(path, sizeof(path)) && file_read(path, &b.text, &err) != 0)
		buf_reset(&b.text);
	return suffixes_new(&b.many, buf_view(&b.text)) || suffixes_new(&b.few, BYTES_NONE);
}

static int teardown(void **state)
{
	const struct both *b = *state;

	suffixes_free(b->many);
	suffixes_free(b->few);
	buf_free(&((struct both *)*state)->text);
	return 0;
}

static bool same(const struct both *b, const char *name)
{
	bool is = suffixes_have(b->few, bytes_str(name));

	if (suffixes_have(b->many, bytes_str(name)) != is)
		fail_msg("%s: %sa public suffix with the filter alone", name, is ? "not " : "");
	return is;
}

/* Around a rule: itself, what lies above and below it, and what is written almost the same. */
static unsigned around(const struct both *b, struct bytes rule)
{
	static const char *const before[] = {"", "a.", "www.", "a.b.", "x"};
	unsigned found = 0;
	char name[300];

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%.*s", before[i], (int)rule.len,
			(const char *)rule.data);
		for (const char *at = name; at; at = strchr(at, '.'), at = at ? at + 1 : NULL)
			found += same(b, at);
		name[strlen(name) - 1] ^= 1;
		found += same(b, name);
	}
	return found;
}

static void every_rule_is_found(void **state)
{
	const struct both *b = *state;
	struct bytes rest = buf_view(&b->text), line;
	unsigned rules = 0, found = 0;

	if (rest.len == 0)
		skip();
	while (text_line_next(&rest, &line)) {
		if (line.len == 0 || bytes_starts(line, "//"))
			continue;
		if (line.data[0] == '!')
			line = bytes_skip(line, 1);
		if (bytes_starts(line, "*."))
			line = bytes_skip(line, 2);
		found += around(b, line);
		rules++;
	}
	assert_true(rules > 1000 && found >= rules);
}

/* Half a list would let pass what strangers register under. */
static void what_is_no_list_is_not_taken(void **state)
{
	const struct both *b = *state;
	const struct bytes texts[] = {bytes_str(""), bytes_str("nonsense"),
		bytes_str("com\nco.uk\n"), bytes_str("<html></html>\n"),
		bytes_from(b->text.data, b->text.len / 2)};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct suffixes *s;

		assert_int_equal(suffixes_new(&s, texts[i]), 0);
		assert_true(suffixes_have(s, bytes_str("github.io")));
		assert_true(suffixes_have(s, bytes_str("anything.ck")));
		assert_false(suffixes_have(s, bytes_str("example.com")));
		suffixes_free(s);
	}
}

static void names_are_what_they_are(void **state)
{
	static const struct {
		const char *name;
		bool is;
	} names[] = {
		{"com", true},
		{"co.uk", true},
		{"github.io", true},
		{"example.com", false},
		{"www.example.co.uk", false},
		{"anything.ck", true},
		{"www.ck", false},
		{"no-such-domain-at-all", true},
		{"xn--p1ai", true},
		{"xn--55qx5d.cn", true},
		{"example.xn--55qx5d.cn", false},
	};
	const struct both *b = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (same(b, names[i].name) != names[i].is)
			fail_msg("%s", names[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_is_found),
		cmocka_unit_test(what_is_no_list_is_not_taken),
		cmocka_unit_test(names_are_what_they_are),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
