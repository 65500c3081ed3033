/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The auditor's program: questions about what nodes have handed over (node/verify checks it first),
 * and their answers.
 *
 *     main.c     the command line
 *     ask.c      answers as rows, and the questions whose rows are acts
 *     record.c   questions about one record
 *     sums.c     questions whose answers add up
 *     prove.c    one record's proof, for others' tools
 *     report.c   all of it as a page
 */
#pragma once

#include "verify/verify.h"

struct ask {
	struct audit *audit;
	const char *what; /* VALUE or OBJECT-ID */
	const char *to;   /* a node */
	int64_t since_ms, until_ms;
	const char *out;
	uint64_t count, seed;
	const char *none; /* what is said when there is no row */
};
int ask_who(struct ask *q);
int ask_trace(struct ask *q);
int ask_why(struct ask *q);
int ask_left(struct ask *q);
int ask_timeline(struct ask *q);
int ask_received(struct ask *q);
int ask_exports(struct ask *q);
int ask_personal(struct ask *q);
int ask_gaps(struct ask *q);
int ask_retracted(struct ask *q);
int ask_reciprocity(struct ask *q);
int ask_sample(struct ask *q);
int ask_prove(struct ask *q);
int ask_report(struct ask *q);

/* How a row is told: by its "what"; the last, for all others, has none. {FIELD} is a field of the
 * row, [...] is left out when a field in it is not there. */
struct row_words {
	const char *what, *text;
};
void row_text(struct buf *out, const char *template, const json_t *row);
/* Rows, told one by one or as JSON, or what is wrong; takes the reference, gives the status. */
int ask_answer(struct ask *q, int rc, json_t *list, const struct row_words *words);
int ask_failed(struct ask *q, int rc);
int ask_refused(struct ask *q, const char *what, const char *why);
json_t *rows_sorted(json_t *list); /* by "when" */
bool ask_in_time(const struct ask *q, int64_t ms);
bool node_find(struct ask *q, const char *text, struct node_id *node);
bool want_feeds(void *ctx, const struct bundle *b, const struct section *s);
/* Under which agreement a range may have passed: that of its feed, or the lowest that lets it. */
bool terms_under(const struct walk_act *w, enum door door, uint64_t *id);

/* What came from whom under what, summed. */
struct flow {
	struct node_id from, to;
	bool has_agreement;
	uint64_t agreement, entries;
};
struct flows {
	size_t len, cap;
	struct flow *list;
};
int flows_find(struct ask *q, struct flows *flows) MUST_CHECK;

/* main.c */
int audit_main(int argc, char **argv);
