/* SPDX-License-Identifier: EUPL-1.2 */
/* Whatever is asked, the answer is the one that libpsl gives by itself. */
#include "lib/test.h"

#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>

#include "intel/suffix.h"

#define LIST "/usr/share/publicsuffix/public_suffix_list.dat"

struct both {
	struct suffixes *ours;
	psl_ctx_t *theirs;
	size_t names, asked, suffixes;
};

static int setup(void **state)
{
	struct both *b = calloc(1, sizeof(*b));

	*state = b;
	b->theirs = psl_latest(NULL);
	return b->theirs ? suffixes_new(&b->ours) : -1;
}

static int teardown(void **state)
{
	struct both *b = *state;

	suffixes_free(b->ours);
	psl_free(b->theirs);
	free(b);
	return 0;
}

static void check(struct both *b, const char *name)
{
	bool want = psl_is_public_suffix(b->theirs, name);

	if (suffixes_have(b->ours, bytes_str(name)) != want ||
		suffixes_listed(b->ours, bytes_str(name)) != want)
		fail_msg("%s: libpsl says %d", name, want);
	b->names++;
	b->asked += suffixes_may_have(b->ours, bytes_str(name));
	b->suffixes += want;
}

/* The name itself, what lies above, beside and below it. */
static void check_around(struct both *b, const char *name)
{
	static const char *const below[] = {"x", "-", "www", "a.b", "xn--p1ai", "city", "0"};
	char text[400];
	const char *dot = strchr(name, '.');

	check(b, name);
	for (size_t i = 0; i < COUNT_OF(below); i++) {
		snprintf(text, sizeof(text), "%s.%s", below[i], name);
		check(b, text);
		snprintf(text, sizeof(text), "%s.%s", below[i], dot ? dot + 1 : name);
		check(b, text);
		snprintf(text, sizeof(text), "%s%s", below[i], name);
		check(b, text);
		snprintf(text, sizeof(text), "%s.%s", name, below[i]);
		check(b, text);
	}
	for (; dot; dot = strchr(dot + 1, '.'))
		check(b, dot + 1);
	check(b, name + 1);
}

static void wildcards_and_exceptions_count(void **state)
{
	static const struct {
		const char *name;
		bool suffix;
	} table[] = {
		{"com", true},
		{"evil.com", false},
		{"co.uk", true},
		{"evil.co.uk", false},
		{"github.io", true},
		{"evil.github.io", false},
		{"ck", true},
		{"com.ck", true},
		{"anything.ck", true},
		{"www.ck", false},
		{"evil.www.ck", false},
		{"evil.com.ck", false},
		{"kobe.jp", true},
		{"x.kobe.jp", true},
		{"city.kobe.jp", false},
		{"no-such-tld", true},
		{"evil.no-such-tld", false},
		{"xn--p1ai", true},
		{"xn--85x722f.com.cn", false},
	};
	struct both *b = *state;

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		if (suffixes_have(b->ours, bytes_str(table[i].name)) != table[i].suffix)
			fail_msg("%s", table[i].name);
		check_around(b, table[i].name);
	}
}

static void strange_names_are_answered_alike(void **state)
{
	static const char *const names[] = {"", ".", "..", ".com", "com.", "evil.com.", ".co.uk",
		"co..uk", "a.b.c.d.e.f.g.h.i.j.ck", "-.ck", "*.ck", "!www.ck", "CO.UK", "co.UK"};
	struct both *b = *state;
	char text[300];

	for (size_t i = 0; i < COUNT_OF(names); i++)
		check(b, names[i]);
	/* As long as a name can be: what is longer is no name. */
	memset(text, 'a', sizeof(text));
	memcpy(text + 250, ".ck", 4);
	check(b, text);
	memcpy(text + 125, ".", 1);
	check(b, text);
	text[250] = 'a';
	memcpy(text + 251, ".ck", 4);
	assert_false(suffixes_have(b->ours, bytes_str(text)));
}

/* Each rule of the list as text, and the labels of all of them at random. */
static void every_rule_and_its_neighbours_are_answered_alike(void **state)
{
	static char labels[1024][64], tlds[1024][64];
	struct both *b = *state;
	size_t labels_len = 0, tlds_len = 0, rules = 0;
	uint64_t seed = 7;
	struct env_rng rng = test_rng(&seed);
	FILE *f = fopen(LIST, "re");
	char line[512];

	if (!f)
		skip();
	while (fgets(line, sizeof(line), f)) {
		char *name = line + strspn(line, "*!.");
		size_t len = strcspn(name, " \r\n"), first = strcspn(name, ".\r\n");

		name[len] = '\0';
		if (len == 0 || name[0] == '/' || first > 63)
			continue;
		rules++;
		if (len == first)
			memcpy(tlds[tlds_len++ % COUNT_OF(tlds)], name, first + 1);
		memcpy(labels[labels_len % COUNT_OF(labels)], name, first);
		labels[labels_len++ % COUNT_OF(labels)][first] = '\0';
		for (const char *c = name; c && *c >= 0; c++)
			if (*c == '\0') { /* what is not ASCII is no canonical name */
				check_around(b, name);
				break;
			}
	}
	fclose(f);
	assert_true(rules > 5000);
	for (unsigned i = 0; i < 200000; i++) {
		uint16_t r[3];

		env_random(&rng, r, sizeof(r));
		snprintf(line, sizeof(line), "%s.%s.%s", labels[r[0] % 1024], labels[r[1] % 1024],
			tlds[r[2] % (tlds_len < 1024 ? tlds_len : 1024)]);
		for (const char *c = line; *c >= 0; c++)
			if (*c == '\0') {
				check(b, line);
				check(b, strchr(line, '.') + 1);
				break;
			}
	}
	print_message("%zu names, %zu suffixes, libpsl asked about %zu\n", b->names, b->suffixes,
		b->asked);
}

static void most_names_are_known_without_asking(void **state)
{
	const char *path = test_shared("lists/maltrail-domains.txt.zst");
	struct both *b = *state;
	char line[512];
	FILE *lines;

	if (!path)
		skip();
	snprintf(line, sizeof(line), "zstdcat %s", path);
	lines = popen(line, "re");
	assert_non_null(lines);
	while (fgets(line, sizeof(line), lines)) {
		line[strcspn(line, "\r\n")] = '\0';
		check(b, line);
	}
	pclose(lines);
	print_message("%zu names, %zu suffixes, libpsl asked about %zu\n", b->names, b->suffixes,
		b->asked);
	assert_true(b->names > 1000000);
	if (b->theirs != psl_builtin())
		assert_true(b->asked < b->names / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(wildcards_and_exceptions_count, setup, teardown),
		cmocka_unit_test_setup_teardown(strange_names_are_answered_alike, setup, teardown),
		cmocka_unit_test_setup_teardown(every_rule_and_its_neighbours_are_answered_alike,
			setup, teardown),
		cmocka_unit_test_setup_teardown(most_names_are_known_without_asking, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
