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

/* How a row is told: by its "what"; the last, for all others, has none. */
struct row_words {
	const char *what, *text;
};
/* Rows, told one by one or as JSON, or what is wrong; takes the reference, gives the status. */
int ask_answer(struct ask *q, int rc, json_t *list, const struct row_words *words);
int ask_failed(struct ask *q, int rc);
int ask_refused(struct ask *q, const char *what, const char *why);
bool ask_in_time(const struct ask *q, int64_t ms);
/* NAME, a node id, or its beginning. False after saying why. */
bool node_find(struct ask *q, const char *text, struct node_id *node);

json_t *rows_sorted(json_t *list); /* by "when"; takes the reference and gives another */
json_t *act_json(struct ask *q, const struct walk_act *w);
json_t *flows_json(struct ask *q, int *rc); /* the rows of reciprocity */
void row_node(struct ask *q, json_t *row, const char *field, const char *name_field,
	const struct node_id *node);

/* Is this an object id, or the beginning of one? Does one begin with it? */
bool object_digits(const char *text);
bool object_fits(const char *digits, const uint8_t *object);

/* main.c */
int audit_main(int argc, char **argv);
