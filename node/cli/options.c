/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading the command line. Options may stand before the command too, so whether an option takes a
 * value is looked up over all commands first, and whether it is this command's afterwards.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/version.h"

static const struct cli_option common[] = {
	{"--home", "DIR", false, "the node's directory (or ENTENTE_HOME)"},
	{"--json", NULL, false, "one JSON document on standard output"},
	{"--progress", NULL, false, "show progress although stderr is no terminal"},
	{"--help", NULL, false, "this help"},
	{"--version", NULL, false, "the version of the program"},
	{NULL, NULL, false, NULL},
};

static const struct cli_option *find_in(const struct cli_option *options, struct bytes name)
{
	for (; options && options->name; options++)
		if (bytes_eq_str(name, options->name))
			return options;
	return NULL;
}

static const struct cli_option *find_anywhere(const struct cli_command *const *commands,
	struct bytes name)
{
	const struct cli_option *found = find_in(common, name);

	for (; !found && *commands; commands++)
		found = find_in((*commands)->options, name);
	return found;
}

/* --- help ------------------------------------------------------------------------------------- */

static void help_options(FILE *out, const struct cli_option *options)
{
	for (; options && options->name; options++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%s%s", options->name, options->value ? " " : "",
			options->value ? options->value : "");
		fprintf(out, "  %-26s %s%s\n", left, options->help,
			options->repeated ? " (may be repeated)" : "");
	}
}

static void help_command(const struct cli_command *command)
{
	struct bytes rest = bytes_str(command->example), line;

	printf("entente %s: %s\n\nusage: entente %s%s%s\n\n", command->name, command->summary,
		command->name, *command->usage ? " " : "", command->usage);
	help_options(stdout, command->options);
	help_options(stdout, common);
	printf("\nexample:\n");
	while (text_line_next(&rest, &line))
		printf("  %.*s\n", (int)line.len, (const char *)line.data);
}

static void help_all(FILE *out, const struct cli_command *const *commands)
{
	fprintf(out, "usage: entente COMMAND [ARGUMENT]... [OPTION]...\n\n");
	for (; *commands; commands++)
		fprintf(out, "  %-18s %s\n", (*commands)->name, (*commands)->summary);
	fprintf(out, "\nentente COMMAND --help explains one. Options with every command:\n\n");
	help_options(out, common);
}

int cli_usage(const struct cli *c, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "entente: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (c->command)
		fprintf(stderr, "\nusage: entente %s%s%s\nhint: entente %s --help\n",
			c->command->name, *c->command->usage ? " " : "", c->command->usage,
			c->command->name);
	else
		fprintf(stderr, "\nhint: entente --help\n");
	return CLI_USAGE;
}

/* --- near misses ------------------------------------------------------------------------------ */

#define NEAR_LEN_MAX 40

/* How many letters must be put in, taken out or changed (Levenshtein). */
static unsigned distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	unsigned row[NEAR_LEN_MAX + 1];

	if (a_len > NEAR_LEN_MAX || b_len > NEAR_LEN_MAX)
		return NEAR_LEN_MAX;
	for (unsigned k = 0; k <= b_len; k++)
		row[k] = k;
	for (unsigned i = 1; i <= a_len; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned k = 1; k <= b_len; k++) {
			unsigned best = diagonal + (a[i - 1] != b[k - 1]);

			diagonal = row[k];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (row[k - 1] + 1 < best)
				best = row[k - 1] + 1;
			row[k] = best;
		}
	}
	return row[b_len];
}

static void consider(const char **best, unsigned *least, const char *seen, const char *name)
{
	unsigned d = distance(seen, name);

	if (d < *least) {
		*least = d;
		*best = name;
	}
}

static int unknown_option(const struct cli *c, const struct cli_command *const *commands,
	const char *seen)
{
	const char *best = NULL;
	unsigned least = 3;

	for (const struct cli_option *o = common; o->name; o++)
		consider(&best, &least, seen, o->name);
	for (; *commands; commands++) {
		if (c->command && c->command != *commands)
			continue;
		for (const struct cli_option *o = (*commands)->options; o && o->name; o++)
			consider(&best, &least, seen, o->name);
	}
	return cli_usage(c, "unknown option %s%s%s%s", seen, best ? "; did you mean " : "",
		best ? best : "", best ? "?" : "");
}

static int unknown_command(const struct cli *c, const struct cli_command *const *commands,
	const char *seen)
{
	const struct cli_command *const *at;
	const char *best = NULL;
	unsigned least = 3;
	size_t len = strlen(seen);

	/* The first word of several commands: name their second words. */
	for (at = commands; *at; at++)
		if (strncmp((*at)->name, seen, len) == 0 && (*at)->name[len] == ' ')
			break;
	if (*at) {
		fprintf(stderr, "entente: %s what?\n", seen);
		for (; *at; at++)
			if (strncmp((*at)->name, seen, len) == 0 && (*at)->name[len] == ' ')
				fprintf(stderr, "  %-18s %s\n", (*at)->name, (*at)->summary);
		return CLI_USAGE;
	}
	for (at = commands; *at; at++)
		consider(&best, &least, seen, (*at)->name);
	return cli_usage(c, "unknown command %s%s%s%s", seen, best ? "; did you mean " : "",
		best ? best : "", best ? "?" : "");
}

/* --- parsing ---------------------------------------------------------------------------------- */

struct parse {
	struct cli *c;
	const struct cli_command *const *commands;
	int argc;
	char **argv;
	bool options_over;
};

/* The option at argv[*at]; moves *at on to its value. */
static int take_option(struct parse *p, int *at)
{
	const char *word = p->argv[*at], *equals = strchr(word, '=');
	struct bytes name = bytes_from(word, equals ? (size_t)(equals - word) : strlen(word));
	const struct cli_option *option = find_anywhere(p->commands, name);
	struct cli_given *given = &p->c->given[p->c->given_len];

	if (!option) {
		/* With a command's own usage and options in the hint, when it is known already. */
		char *seen = strndup(word, name.len);
		int rc = unknown_option(p->c, p->commands, seen ? seen : word);

		free(seen);
		return rc;
	}
	given->option = option;
	given->value = "";
	if (option->value && equals) {
		given->value = equals + 1;
	} else if (option->value) {
		if (++*at >= p->argc)
			return cli_usage(p->c, "%s needs a value: %s", option->name, option->value);
		given->value = p->argv[*at];
	} else if (equals) {
		return cli_usage(p->c, "%s takes no value", option->name);
	}
	p->c->given_len++;
	return 0;
}

/* The command of the first one or two words; the number of its words. */
static size_t match_command(struct parse *p, const char *const *words, size_t words_len)
{
	size_t matched = 0;

	for (const struct cli_command *const *at = p->commands; *at; at++) {
		const char *name = (*at)->name, *space = strchr(name, ' ');
		size_t first = space ? (size_t)(space - name) : strlen(name);
		size_t len = space ? 2 : 1;

		if (words_len < len || len <= matched || strlen(words[0]) != first ||
			strncmp(words[0], name, first) != 0)
			continue;
		if (space && strcmp(words[1], space + 1) != 0)
			continue;
		p->c->command = *at;
		matched = len;
	}
	return matched;
}

static int find_command(struct parse *p)
{
	struct cli *c = p->c;
	bool help = c->args_len && strcmp(c->args[0], "help") == 0;
	size_t words;

	if (help) {
		c->args++;
		c->args_len--;
	}
	words = match_command(p, c->args, c->args_len);
	if (!words && (help || cli_has(c, "--help")) && !c->args_len) {
		help_all(stdout, p->commands);
		return CLI_HELP;
	}
	if (!words && !c->args_len) {
		help_all(stderr, p->commands);
		return CLI_USAGE;
	}
	if (!words)
		return unknown_command(c, p->commands, c->args[0]);
	if (help || cli_has(c, "--help")) {
		help_command(c->command);
		return CLI_HELP;
	}
	c->args += words;
	c->args_len -= words;
	return 0;
}

static int check_options(struct cli *c)
{
	for (size_t i = 0; i < c->given_len; i++) {
		const struct cli_option *o = c->given[i].option;
		struct bytes name = bytes_str(o->name);
		const struct cli_option *own = find_in(c->command->options, name);

		if (!own)
			own = find_in(common, name);
		if (!own)
			return cli_usage(c, "%s has no option %s", c->command->name, o->name);
		c->given[i].option = own;
		for (size_t k = 0; k < i; k++)
			if (c->given[k].option == own && !own->repeated)
				return cli_usage(c, "%s is given twice", own->name);
	}
	if (c->args_len < (size_t)c->command->args_min)
		return cli_usage(c, "%s needs more arguments", c->command->name);
	if (c->command->args_max >= 0 && c->args_len > (size_t)c->command->args_max)
		return cli_usage(c, "too many arguments: %s", c->args[c->command->args_max]);
	return 0;
}

int cli_parse(struct cli *c, const struct cli_command *const *commands, int argc, char **argv)
{
	struct parse p = {.c = c, .commands = commands, .argc = argc, .argv = argv};
	int rc;

	if (argc > CLI_ARGS_MAX)
		return cli_usage(c, "more than %d words", CLI_ARGS_MAX);
	c->args = arena_alloc(&c->arena, (size_t)(argc + 1) * sizeof(*c->args));
	c->given = arena_alloc(&c->arena, (size_t)(argc + 1) * sizeof(*c->given));
	if (!c->args || !c->given)
		return cli_fail(c, CLI_STORE, "%s", err_sentence(ENT_ENOMEM));
	for (int i = 1; i < argc; i++) {
		if (!p.options_over && strcmp(argv[i], "--") == 0) {
			p.options_over = true;
		} else if (p.options_over || argv[i][0] != '-' || !argv[i][1]) {
			c->args[c->args_len++] = argv[i];
			match_command(&p, c->args, c->args_len);
		} else {
			rc = take_option(&p, &i);
			if (rc)
				return rc;
		}
	}
	c->command = NULL;
	if (cli_has(c, "--version")) {
		printf(cli_has(c, "--json") ? "{\"version\":\"%s\"}\n" : "entente %s\n",
			ENTENTE_VERSION);
		return CLI_HELP;
	}
	rc = find_command(&p);
	return rc ? rc : check_options(c);
}

/* --- what was given --------------------------------------------------------------------------- */

const char *cli_value_at(const struct cli *c, const char *option, size_t at)
{
	for (size_t i = 0; i < c->given_len; i++)
		if (strcmp(c->given[i].option->name, option) == 0 && at-- == 0)
			return c->given[i].value;
	return NULL;
}

const char *cli_value(const struct cli *c, const char *option)
{
	return cli_value_at(c, option, 0);
}

bool cli_has(const struct cli *c, const char *option)
{
	return cli_value(c, option) != NULL;
}

int cli_number(struct cli *c, const char *option, uint64_t min, uint64_t max, uint64_t *value)
{
	const char *text = cli_value(c, option);
	uint64_t number;

	if (!text)
		return 0;
	if (!text_u64_parse(bytes_str(text), &number) || number < min || number > max)
		return cli_usage(c, "%s: saw \"%s\", wanted a number from %llu to %llu", option,
			text, (unsigned long long)min, (unsigned long long)max);
	*value = number;
	return 0;
}
