/* SPDX-License-Identifier: EUPL-1.2 */
/* The command line of entente-audit. */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>

#include "audit/audit.h"
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

static int help(const struct command *one)
{
	if (one) {
		printf("usage: entente-audit %s %s\n\n%s\n\nexample:\n  %s\n", one->name,
			one->usage, one->summary, one->example);
		return AUDIT_CLEAN;
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
	return AUDIT_CLEAN;
}

static const struct option options[] = {{"root", required_argument, NULL, 'r'},
	{"to", required_argument, NULL, 't'}, {"since", required_argument, NULL, 's'},
	{"until", required_argument, NULL, 'u'}, {"seed", required_argument, NULL, 'n'},
	{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'}, {0}};

static int option(struct ask *q, int which, const char *given, const char **roots, bool *wants_help)
{
	struct audit *a = q->audit;

	switch (which) {
	case 'r':
		if (!root_form(optarg))
			return usage("--root: \"%s\" is neither a verifier key nor the eight words "
				     "of an agreement",
				optarg);
		roots[a->roots_len++] = optarg;
		return 0;
	case 't':
		q->to = optarg;
		return 0;
	case 'o':
		q->out = optarg;
		return 0;
	case 'n':
		if (!text_u64_parse(bytes_str(optarg), &q->seed))
			return usage("--seed: \"%s\" is no number", optarg);
		return 0;
	case 's':
	case 'u':
		if (!text_time_parse(bytes_str(optarg), which == 's' ? &q->since_ms : &q->until_ms))
			return usage("\"%s\" is no time such as 2026-11-22", optarg);
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 'v':
		puts("entente-audit " ENTENTE_VERSION);
		exit(AUDIT_CLEAN);
	case 'h':
		*wants_help = true;
		return 0;
	default:
		return usage("%s is no option, or wants a value", given);
	}
}

/* What the command wants besides bundles; *words moves behind it. */
static int understand(struct ask *q, const struct command *c, char ***words)
{
	if (c->takes & (NEED_WHAT | NEED_COUNT))
		q->what = *(*words)++;
	if ((c->takes & NEED_WHAT) && !q->what)
		return usage("%s wants a value or an object id", c->name);
	if ((c->takes & NEED_COUNT) &&
		(!q->what || !text_u64_parse(bytes_str(q->what), &q->count) || !q->count ||
			q->count > SAMPLE_MAX))
		return usage("%s wants a number of records, at most %u", c->name, SAMPLE_MAX);
	if (!**words)
		return usage("%s wants bundles", c->name);
	if ((c->takes & NEED_TO) && !q->to)
		return usage("%s wants --to NAME", c->name);
	if ((c->takes & NEED_OUT) && !q->out)
		return usage("%s wants -o FILE", c->name);
	return 0;
}

static int run(struct ask *q, const struct command *c, char **words, size_t len)
{
	struct audit *a = q->audit;
	int rc = audit_check(a, (const char *const *)words, len);
	int status = rc == 0 ? c->run(q) : AUDIT_UNREADABLE;

	if (rc != 0 && !a->err.text[0])
		err_set(&a->err, rc, "%s", err_sentence(rc));
	if (!a->err.text[0] || status == AUDIT_CLEAN)
		return status;
	fprintf(stderr, "entente-audit: %s\n", a->err.text);
	if (a->json && status != AUDIT_USAGE)
		(void)print_json(json_pack("{s:o, s:i}", "error", json_text(bytes_str(a->err.text)),
					 "status", status),
			status);
	return status;
}

static int line(struct ask *q, int argc, char **argv, const char **roots)
{
	const struct command *c = commands;
	bool wants_help = false;
	char **words;
	int rc, which;

	opterr = 0;
	while ((which = getopt_long(argc, argv, "o:", options, NULL)) != -1)
		if ((rc = option(q, which, argv[optind - 1], roots, &wants_help)) != 0)
			return rc;
	words = argv + optind;
	if (!*words || strcmp(*words, "help") == 0)
		return help(NULL);
	while (c < commands + COMMANDS_LEN && strcmp(c->name, *words) != 0)
		c++;
	if (c == commands + COMMANDS_LEN)
		return usage("there is no command \"%s\"", *words);
	if (wants_help)
		return help(c);
	words++;
	rc = understand(q, c, &words);
	return rc ? rc : run(q, c, words, (size_t)(argv + argc - words));
}

int audit_main(int argc, char **argv)
{
	static struct audit audit;
	struct ask ask = {.audit = &audit};
	const char **roots = need(calloc((size_t)argc + 1, sizeof(char *)));
	int rc;

	if (hash_init() != 0)
		fputs("entente-audit: this machine's SHA-256 instructions are wrong: using "
		      "others\n",
			stderr);
	audit.roots = roots;
	rc = line(&ask, argc, argv, roots);
	audit_free(&audit);
	free(roots);
	if (fflush(stdout) != 0 && rc == AUDIT_CLEAN)
		rc = AUDIT_UNREADABLE;
	return rc;
}
