/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static int run_nothing(struct cli *c)
{
	(void)c;
	return CLI_DONE;
}

static const struct cli_option publish_options[] = {
	{"--tlp", "T", false, "marking"},
	{"--label", "L", true, "label"},
	{"--urgent", NULL, false, "first"},
	{"-o", "FILE", false, "out"},
	{NULL, NULL, false, NULL},
};

static const struct cli_option show_options[] = {
	{"--valid-days", "N", false, "days"},
	{NULL, NULL, false, NULL},
};

static const struct cli_command publish = {
	.name = "publish",
	.usage = "FILE...",
	.summary = "publishes",
	.example = "entente publish x\n",
	.options = publish_options,
	.args_min = 1,
	.args_max = -1,
	.run = run_nothing,
};

static const struct cli_command card_show = {
	.name = "card show",
	.usage = "",
	.summary = "shows",
	.example = "entente card show\n",
	.options = show_options,
	.args_max = 1,
	.run = run_nothing,
};

static const struct cli_command card = {
	.name = "card",
	.usage = "",
	.summary = "is shorter than card show",
	.example = "entente card\n",
	.args_max = 1,
	.run = run_nothing,
};

static const struct cli_command *const table[] = {&publish, &card_show, &card, NULL};

struct run {
	struct cli cli;
	int rc;
	char out[8192], err[8192];
};

/* Collects what goes to a descriptor while something runs. */
static int collect_begin(int fd, FILE *file)
{
	int kept = dup(fd);

	fflush(NULL);
	dup2(fileno(file), fd);
	return kept;
}

static void collect_end(int fd, int kept, FILE *file, char *text, size_t cap)
{
	size_t len;

	fflush(NULL);
	dup2(kept, fd);
	close(kept);
	rewind(file);
	len = fread(text, 1, cap - 1, file);
	text[len] = '\0';
	fclose(file);
}

/* words ends in NULL; "entente" stands in front by itself. */
static void parse(struct run *r, const char *const *words)
{
	FILE *out = tmpfile(), *err = tmpfile();
	char *argv[64] = {(char *)(uintptr_t) "entente"};
	int argc = 1, out_kept, err_kept;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	memset(&r->cli, 0, sizeof(r->cli));
	out_kept = collect_begin(STDOUT_FILENO, out);
	err_kept = collect_begin(STDERR_FILENO, err);
	r->rc = cli_parse(&r->cli, table, argc, argv);
	collect_end(STDERR_FILENO, err_kept, err, r->err, sizeof(r->err));
	collect_end(STDOUT_FILENO, out_kept, out, r->out, sizeof(r->out));
}

#define PARSE(r, ...) parse(r, (const char *const[]){__VA_ARGS__, NULL})

static void options_stand_anywhere(void **state)
{
	static const char *const orders[][8] = {
		{"--tlp", "green", "publish", "a", "--urgent", "b", NULL},
		{"publish", "a", "b", "--urgent", "--tlp=green", NULL},
		{"--urgent", "publish", "--tlp", "green", "a", "b", NULL},
		{"--tlp=green", "--urgent", "publish", "a", "b", NULL},
	};
	struct run r;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(orders); i++) {
		parse(&r, orders[i]);
		assert_int_equal(r.rc, 0);
		assert_ptr_equal(r.cli.command, &publish);
		assert_int_equal(r.cli.args_len, 2);
		assert_string_equal(r.cli.args[0], "a");
		assert_string_equal(r.cli.args[1], "b");
		assert_string_equal(cli_value(&r.cli, "--tlp"), "green");
		assert_true(cli_has(&r.cli, "--urgent"));
		assert_false(cli_has(&r.cli, "--json"));
		cli_close(&r.cli);
	}
}

static void commands_of_two_words_beat_those_of_one(void **state)
{
	struct run r;
	(void)state;

	PARSE(&r, "card", "show", "x");
	assert_int_equal(r.rc, 0);
	assert_ptr_equal(r.cli.command, &card_show);
	assert_int_equal(r.cli.args_len, 1);
	cli_close(&r.cli);
	PARSE(&r, "card", "x");
	assert_ptr_equal(r.cli.command, &card);
	cli_close(&r.cli);
	/* The words of a command stand together; an option between them does not part them. */
	PARSE(&r, "card", "--json", "show");
	assert_ptr_equal(r.cli.command, &card_show);
	assert_true(cli_has(&r.cli, "--json"));
	cli_close(&r.cli);
}

static void two_dashes_end_the_options(void **state)
{
	struct run r;
	(void)state;

	PARSE(&r, "publish", "--", "--tlp", "-", "--");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.cli.args_len, 3);
	assert_string_equal(r.cli.args[0], "--tlp");
	assert_string_equal(r.cli.args[1], "-");
	assert_string_equal(r.cli.args[2], "--");
	assert_false(cli_has(&r.cli, "--tlp"));
	cli_close(&r.cli);
}

static void one_dash_is_standard_input(void **state)
{
	struct run r;
	(void)state;

	PARSE(&r, "publish", "-", "-o", "-");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.cli.args_len, 1);
	assert_string_equal(r.cli.args[0], "-");
	assert_string_equal(cli_value(&r.cli, "-o"), "-");
	cli_close(&r.cli);
}

static void values_may_look_like_options(void **state)
{
	struct run r;
	(void)state;

	PARSE(&r, "publish", "f", "--tlp", "--urgent", "--label=");
	assert_int_equal(r.rc, 0);
	assert_string_equal(cli_value(&r.cli, "--tlp"), "--urgent");
	assert_false(cli_has(&r.cli, "--urgent"));
	assert_string_equal(cli_value(&r.cli, "--label"), "");
	cli_close(&r.cli);
}

static void repeated_options_keep_their_order(void **state)
{
	struct run r;
	(void)state;

	PARSE(&r, "publish", "--label", "a", "f", "--label=b", "--label", "a");
	assert_int_equal(r.rc, 0);
	assert_string_equal(cli_value_at(&r.cli, "--label", 0), "a");
	assert_string_equal(cli_value_at(&r.cli, "--label", 1), "b");
	assert_string_equal(cli_value_at(&r.cli, "--label", 2), "a");
	assert_null(cli_value_at(&r.cli, "--label", 3));
	cli_close(&r.cli);
}

static void wrong_usage_gives_2_and_a_hint(void **state)
{
	static const struct {
		const char *words[8];
		const char *wanted;
	} cases[] = {
		{{NULL}, "usage: entente COMMAND"},
		{{"publish", NULL}, "publish needs more arguments"},
		{{"publish", "f", "--tpl", "x", NULL}, "unknown option --tpl; did you mean --tlp?"},
		{{"publish", "f", "--nonsense", NULL}, "unknown option --nonsense\n"},
		{{"publish", "f", "--nonsense=x", NULL}, "unknown option --nonsense\n"},
		{{"publish", "f", "-x", NULL}, "unknown option -x"},
		{{"publish", "f", "-ofile", NULL}, "unknown option -ofile"},
		{{"publish", "f", "--tlp", NULL}, "--tlp needs a value: T"},
		{{"publish", "f", "--urgent=yes", NULL}, "--urgent takes no value"},
		{{"publish", "f", "--tlp", "a", "--tlp", "b", NULL}, "--tlp is given twice"},
		{{"publish", "f", "--valid-days", "1", NULL}, "publish has no option --valid-days"},
		{{"card", "show", "a", "b", NULL}, "too many arguments: b"},
		{{"pubish", "f", NULL}, "unknown command pubish; did you mean publish?"},
		{{"--tlp", "x", NULL}, "usage: entente COMMAND"},
		{{"publish", "f", "--home", NULL}, "--home needs a value: DIR"},
	};
	struct run r;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		parse(&r, cases[i].words);
		assert_int_equal(r.rc, CLI_USAGE);
		assert_string_equal(r.out, "");
		if (!strstr(r.err, cases[i].wanted))
			fail_msg("\"%s\" is not in\n%s", cases[i].wanted, r.err);
		assert_non_null(strstr(r.err, "--help"));
		cli_close(&r.cli);
	}
}

static void a_first_word_alone_lists_its_commands(void **state)
{
	static const struct cli_command *const only[] = {&card_show, NULL};
	char *argv[] = {(char *)(uintptr_t) "entente", (char *)(uintptr_t) "card"};
	FILE *err = tmpfile();
	struct cli c = {0};
	char text[1024];
	int kept = collect_begin(STDERR_FILENO, err), rc;
	(void)state;

	rc = cli_parse(&c, only, 2, argv);
	collect_end(STDERR_FILENO, kept, err, text, sizeof(text));
	assert_int_equal(rc, CLI_USAGE);
	assert_non_null(strstr(text, "card show"));
	cli_close(&c);
}

static void help_names_usage_options_and_example(void **state)
{
	static const char *const forms[][4] = {
		{"publish", "--help", NULL},
		{"--help", "publish", NULL},
		{"help", "publish", NULL},
		{"publish", "f", "--help", NULL},
	};
	struct run r;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		parse(&r, forms[i]);
		assert_int_equal(r.rc, CLI_HELP);
		assert_non_null(strstr(r.out, "usage: entente publish FILE..."));
		assert_non_null(strstr(r.out, "--label L"));
		assert_non_null(strstr(r.out, "--json"));
		assert_non_null(strstr(r.out, "example:\n  entente publish x\n"));
		assert_string_equal(r.err, "");
		cli_close(&r.cli);
	}
	PARSE(&r, "help");
	assert_int_equal(r.rc, CLI_HELP);
	assert_non_null(strstr(r.out, "card show"));
	cli_close(&r.cli);
	PARSE(&r, "--version");
	assert_int_equal(r.rc, CLI_HELP);
	assert_int_equal(strncmp(r.out, "entente ", 8), 0);
	cli_close(&r.cli);
}

static void numbers_are_decimal_and_bounded(void **state)
{
	static const char *const bad[] = {
		"", "0", "11", "-1", "+5", "05", "5 ", "0x5", "5.0", "99999999999999999999"};
	uint64_t value = 7;
	struct run r;
	(void)state;

	PARSE(&r, "card", "show");
	assert_int_equal(cli_number(&r.cli, "--valid-days", 1, 10, &value), 0);
	assert_int_equal(value, 7);
	cli_close(&r.cli);
	PARSE(&r, "card", "show", "--valid-days", "10");
	assert_int_equal(cli_number(&r.cli, "--valid-days", 1, 10, &value), 0);
	assert_int_equal(value, 10);
	cli_close(&r.cli);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int kept;
		FILE *err = tmpfile();
		char text[1024];

		PARSE(&r, "card", "show", "--valid-days", bad[i]);
		kept = collect_begin(STDERR_FILENO, err);
		assert_int_equal(cli_number(&r.cli, "--valid-days", 1, 10, &value), CLI_USAGE);
		collect_end(STDERR_FILENO, kept, err, text, sizeof(text));
		assert_int_equal(value, 10);
		cli_close(&r.cli);
	}
}

static void text_of_others_cannot_steer_a_terminal(void **state)
{
	static const struct {
		const char *seen, *shown;
	} cases[] = {
		{"plain", "plain"}, {"é 漢 😀", "é 漢 😀"}, {"a\x1b[31mb", "a?[31mb"},
		{"a\nb\tc\x7f", "a?b?c?"}, {"a\xc2\x9b", "a?"}, /* C1: CSI in one character */
		{"a\xe2\x80\xae"
		 "b",
			"a?b"}, /* right-to-left override */
		{"a\xe2\x80\x8b"
		 "b",
			"a?b"}, /* zero width */
		{"a\xef\xbb\xbf"
		 "b",
			"a?b"},       /* byte order mark */
		{"a\xff\xc3", "a??"}, /* no UTF-8 */
	};
	struct cli c = {0};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(cli_clean(&c, bytes_str(cases[i].seen)), cases[i].shown);
	cli_close(&c);
}

static void json_text_is_always_utf8(void **state)
{
	json_t *text = cli_json_text(bytes_str("a\xff\xc3\xa9\xc3"));
	(void)state;

	assert_string_equal(json_string_value(text), "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd");
	json_decref(text);
	text = cli_json_text(BYTES_NONE);
	assert_string_equal(json_string_value(text), "");
	json_decref(text);
}

static void errors_become_one_document_with_json(void **state)
{
	struct cli c = {.json = true};
	FILE *out = tmpfile(), *err = tmpfile();
	char said[1024], noted[1024];
	int out_kept = collect_begin(STDOUT_FILENO, out);
	int err_kept = collect_begin(STDERR_FILENO, err);
	int first, second, usage;
	(void)state;

	usage = cli_fail(&c, CLI_USAGE, "not this way");
	first = cli_fail(&c, CLI_INVALID, "x:%d: bad", 3);
	second = cli_fail(&c, CLI_STORE, "and then");
	collect_end(STDERR_FILENO, err_kept, err, noted, sizeof(noted));
	collect_end(STDOUT_FILENO, out_kept, out, said, sizeof(said));
	assert_int_equal(usage, CLI_USAGE);
	assert_int_equal(first, CLI_INVALID);
	assert_int_equal(second, CLI_STORE);
	assert_string_equal(said, "{\"error\":\"x:3: bad\",\"status\":6}\n");
	assert_string_equal(noted, "entente: not this way\nentente: x:3: bad\nentente: and then\n");
	cli_close(&c);
}

static void tables_align_and_numbers_stand_right(void **state)
{
	struct cli c = {0};
	struct cli_table t;
	FILE *out = tmpfile();
	char said[1024];
	int kept = collect_begin(STDOUT_FILENO, out);
	(void)state;

	cli_table_init(&t, &c, "NAME|SIZE|END");
	cli_table_cell(&t, CLI_PLAIN, "é");
	cli_table_cell(&t, CLI_GOOD, "%d", 7);
	cli_table_cell(&t, CLI_PLAIN, "x");
	cli_table_cell(&t, CLI_PLAIN, "longer");
	cli_table_cell(&t, CLI_PLAIN, "1234567");
	cli_table_cell(&t, CLI_PLAIN, "y");
	cli_table_print(&t);
	cli_table_init(&t, &c, "NOTHING|HERE");
	cli_table_print(&t);
	collect_end(STDOUT_FILENO, kept, out, said, sizeof(said));
	assert_string_equal(said, "NAME    SIZE     END\n"
				  "é             7  x\n"
				  "longer  1234567  y\n");
	cli_close(&c);
}

/* Options may stand before the command, so a name means the same with all of them; and scripts hold
 * on to what CLI.md promises of every command. */
static void the_table_of_commands_is_sound(void **state)
{
	(void)state;

	for (size_t i = 0; cli_commands[i]; i++) {
		const struct cli_command *a = cli_commands[i];

		assert_non_null(a->run);
		assert_non_null(a->summary);
		assert_int_equal(strncmp(a->example, "entente ", 8), 0);
		assert_int_equal(a->example[strlen(a->example) - 1], '\n');
		for (size_t k = 0; cli_commands[k]; k++) {
			const struct cli_command *b = cli_commands[k];

			assert_true(i == k || strcmp(a->name, b->name) != 0);
			for (const struct cli_option *o = a->options; o && o->name; o++)
				for (const struct cli_option *p = b->options; p && p->name; p++)
					if (strcmp(o->name, p->name) == 0 && !o->value != !p->value)
						fail_msg("%s differs: %s, %s", o->name, a->name,
							b->name);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(commands_of_two_words_beat_those_of_one),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(one_dash_is_standard_input),
		cmocka_unit_test(values_may_look_like_options),
		cmocka_unit_test(repeated_options_keep_their_order),
		cmocka_unit_test(wrong_usage_gives_2_and_a_hint),
		cmocka_unit_test(a_first_word_alone_lists_its_commands),
		cmocka_unit_test(help_names_usage_options_and_example),
		cmocka_unit_test(numbers_are_decimal_and_bounded),
		cmocka_unit_test(text_of_others_cannot_steer_a_terminal),
		cmocka_unit_test(json_text_is_always_utf8),
		cmocka_unit_test(errors_become_one_document_with_json),
		cmocka_unit_test(tables_align_and_numbers_stand_right),
		cmocka_unit_test(the_table_of_commands_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
