/* SPDX-License-Identifier: EUPL-1.2 */
/* The command line of entente-audit. */
#include "audit/audit.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/version.h"

enum { NEED_WHAT = 1, NEED_TO = 2, NEED_OUT = 4, MAY_TIME = 8, NEED_COUNT = 16 };

#define SAMPLE_MAX 10000u

static int run_check(struct ask *q)
{
	return print_check(q->audit);
}

static const struct command {
	const char *name, *usage, *summary, *example;
	unsigned takes;
	int (*run)(struct ask *q);
} commands[] = {
	{"check", "BUNDLE... [--root VKEY]...", "every check, a line each; 1 when one fails",
		"entente-audit check fr.audit de.audit", 0, run_check},
	{"who", "VALUE|OBJECT-ID BUNDLE...", "who knew it when, from whom, under which agreement",
		"entente-audit who evil.example fr.audit de.audit", NEED_WHAT, ask_who},
	{"trace", "VALUE|OBJECT-ID BUNDLE...",
		"its way: who said it, how it went on, who confirms it, when it was taken back",
		"entente-audit trace evil.example fr.audit de.audit", NEED_WHAT, ask_trace},
	{"why", "VALUE|OBJECT-ID --to NAME BUNDLE...",
		"which rule let it go to a node, or kept it from there",
		"entente-audit why evil.example --to pl fr.audit de.audit", NEED_WHAT | NEED_TO,
		ask_why},
	{"left", "--to NAME [--since T] [--until T] BUNDLE...", "what was sent to a node",
		"entente-audit left --to pl --since 2026-01-01 fr.audit", NEED_TO | MAY_TIME,
		ask_left},
	{"received", "[--since T] [--until T] BUNDLE...", "what came, from whom",
		"entente-audit received de.audit", MAY_TIME, ask_received},
	{"exports", "[--since T] [--until T] BUNDLE...",
		"what was exported from the exchange, by whom, to where, as which file",
		"entente-audit exports fr.audit", MAY_TIME, ask_exports},
	{"timeline", "[--since T] [--until T] BUNDLE...", "every act of every node, in order",
		"entente-audit timeline fr.audit de.audit", MAY_TIME, ask_timeline},
	{"gaps", "BUNDLE...", "what the nodes themselves say is lost or unproven",
		"entente-audit gaps fr.audit", 0, ask_gaps},
	{"retracted", "[--since T] [--until T] BUNDLE...",
		"when each taking back came where, and was carried out",
		"entente-audit retracted fr.audit de.audit", MAY_TIME, ask_retracted},
	{"reciprocity", "[--since T] [--until T] BUNDLE...",
		"what each gave and got under each agreement",
		"entente-audit reciprocity fr.audit de.audit", MAY_TIME, ask_reciprocity},
	{"personal-data", "[--since T] [--until T] BUNDLE...",
		"records of types that can tell of persons: agreement, retention, erasure",
		"entente-audit personal-data fr.audit", MAY_TIME, ask_personal},
	{"sample", "N [--seed S] BUNDLE...", "records drawn by lot, for a visit",
		"entente-audit sample 20 --seed 7 fr.audit", NEED_COUNT, ask_sample},
	{"prove", "OBJECT-ID BUNDLE... -o PREFIX",
		"one record's proof, for any tool that reads tlog-proof",
		"entente-audit prove 61a2d9f0 fr.audit -o evil", NEED_WHAT | NEED_OUT, ask_prove},
	{"report", "BUNDLE... -o FILE.html", "all of it for reading, as one page",
		"entente-audit report fr.audit de.audit -o report.html", NEED_OUT | MAY_TIME,
		ask_report},
};

#define COMMANDS_LEN (sizeof(commands) / sizeof(commands[0]))

static int PRINTF_LIKE(1, 2) usage(const char *format, ...)
{
	va_list args;

	fputs("entente-audit: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\nhint: entente-audit --help\n", stderr);
	return AUDIT_USAGE;
}

static void help(const struct command *one)
{
	if (one) {
		printf("usage: entente-audit %s %s\n\n%s\n\nexample:\n  %s\n", one->name,
			one->usage, one->summary, one->example);
		return;
	}
	printf("entente-audit " ENTENTE_VERSION
	       ": checks what nodes hand over, offline (docs/AUDIT.md)\n\n");
	for (size_t i = 0; i < COMMANDS_LEN; i++)
		printf("  %-13s %-45s %s\n", commands[i].name, commands[i].usage,
			commands[i].summary);
	printf("\nWith each: --root VKEY (the first root of a node) or --root \"WORDS\" (the eight "
	       "words of an\nagreement, for the roots of all its parties), repeatable; --json, "
	       "--help.\n"
	       "Status: 0 clean, 1 breach, 2 wrong usage, 6 a file that cannot be read.\n"
	       "example: %s\n",
		commands[0].example);
}

struct line {
	const struct command *command;
	struct ask ask;
	size_t words_len, roots_len;
	const char **words, **roots;
	bool help;
};

static const char *const valued[] = {"--root", "--to", "--since", "--until", "--seed", "-o", NULL};

static bool takes_value(const char *option)
{
	for (size_t i = 0; valued[i]; i++)
		if (strcmp(valued[i], option) == 0)
			return true;
	return false;
}

static int option_value(struct line *l, const char *option, const char *value)
{
	if (strcmp(option, "--root") == 0) {
		if (!root_form(value))
			return usage("--root: \"%s\" is neither a verifier key nor the eight words "
				     "of an "
				     "agreement",
				value);
		l->roots[l->roots_len++] = value;
	} else if (strcmp(option, "--to") == 0) {
		l->ask.to = value;
	} else if (strcmp(option, "--seed") == 0) {
		if (!text_u64_parse(bytes_str(value), &l->ask.seed))
			return usage("--seed: \"%s\" is no number", value);
	} else if (strcmp(option, "-o") == 0) {
		l->ask.out = value;
	} else if (!text_time_parse(bytes_str(value),
			   strcmp(option, "--since") == 0 ? &l->ask.since_ms : &l->ask.until_ms)) {
		return usage("\"%s\" is no time such as 2026-11-22", value);
	}
	return 0;
}

static int read_line(struct line *l, int argc, char **argv)
{
	bool ended = false;

	for (int i = 1; i < argc; i++) {
		int rc;

		if (ended || argv[i][0] != '-') {
			l->words[l->words_len++] = argv[i];
		} else if (strcmp(argv[i], "--") == 0) {
			ended = true;
		} else if (strcmp(argv[i], "--json") == 0) {
			l->ask.audit->json = true;
		} else if (strcmp(argv[i], "--help") == 0) {
			l->help = true;
		} else if (strcmp(argv[i], "--version") == 0) {
			puts("entente-audit " ENTENTE_VERSION);
			exit(AUDIT_CLEAN);
		} else if (!takes_value(argv[i])) {
			return usage("unknown option %s", argv[i]);
		} else if (i + 1 == argc) {
			return usage("%s wants a value", argv[i]);
		} else {
			rc = option_value(l, argv[i], argv[i + 1]);
			if (rc)
				return rc;
			i++;
		}
	}
	return 0;
}

static int understand(struct line *l)
{
	const struct command *c = NULL;

	for (size_t i = 0; l->words_len && i < COMMANDS_LEN; i++)
		if (strcmp(commands[i].name, l->words[0]) == 0)
			c = &commands[i];
	if (l->words_len && !c && strcmp(l->words[0], "help") != 0)
		return usage("there is no command \"%s\"", l->words[0]);
	l->command = c;
	if (!c || l->help) {
		l->help = true;
		return 0;
	}
	l->words++;
	l->words_len--;
	if (c->takes & NEED_WHAT) {
		if (!l->words_len)
			return usage("%s wants a value or an object id", c->name);
		l->ask.what = l->words[0];
		l->words++;
		l->words_len--;
	}
	if (c->takes & NEED_COUNT) {
		if (!l->words_len || !text_u64_parse(bytes_str(l->words[0]), &l->ask.count) ||
			!l->ask.count || l->ask.count > SAMPLE_MAX)
			return usage("%s wants a number of records, at most %u", c->name,
				SAMPLE_MAX);
		l->words++;
		l->words_len--;
	}
	if (!l->words_len)
		return usage("%s wants bundles", c->name);
	if ((c->takes & NEED_TO) && !l->ask.to)
		return usage("%s wants --to NAME", c->name);
	if ((c->takes & NEED_OUT) && !l->ask.out)
		return usage("%s wants -o FILE", c->name);
	return 0;
}

static int run(struct line *l)
{
	struct audit *a = l->ask.audit;
	int rc = audit_check(a, l->words, l->words_len), status;

	status = rc == 0 ? l->command->run(&l->ask) : AUDIT_UNREADABLE;
	if (a->err.text[0] && status != AUDIT_CLEAN) {
		fprintf(stderr, "entente-audit: %s\n", a->err.text);
		if (a->json && status != AUDIT_USAGE)
			(void)print_json(json_pack("{s:o, s:i}", "error",
						 json_text(bytes_str(a->err.text)), "status",
						 status),
				status);
	} else if (rc != 0) {
		fprintf(stderr, "entente-audit: %s\n", err_sentence(rc));
	}
	return status;
}

int audit_main(int argc, char **argv)
{
	static struct audit audit;
	struct line l = {.ask.audit = &audit};
	const char **words = calloc((size_t)argc + 1, sizeof(char *));
	const char **roots = calloc((size_t)argc + 1, sizeof(char *));
	int rc;

	if (!words || !roots)
		return AUDIT_UNREADABLE;
	if (hash_init() != 0)
		fputs("entente-audit: this machine's SHA-256 instructions are wrong: using "
		      "others\n",
			stderr);
	l.words = words;
	l.roots = roots;
	rc = read_line(&l, argc, argv);
	audit.roots = roots;
	audit.roots_len = l.roots_len;
	if (rc == 0)
		rc = understand(&l);
	if (rc == 0 && l.help)
		help(l.command);
	else if (rc == 0)
		rc = run(&l);
	audit_free(&audit);
	free(words);
	free(roots);
	if (fflush(stdout) != 0 && rc == AUDIT_CLEAN)
		rc = AUDIT_UNREADABLE;
	return rc;
}
