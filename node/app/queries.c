/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What analysts ask: commands answer from the store in processes of their own and append a line to
 * a file (control/waiting.h). Once an hour and at the stop the lines are added up into one act, or
 * with `log-queries full` entered one by one soon after. The file is renamed, read a moment later,
 * when whoever had it open has written, and removed when its acts are durable: what a crash leaves
 * is entered by the next start, perhaps a second time, and never lost. A file that cannot be read
 * waits until it can be; one in which something is not as commands write it is kept beside.
 */
#include "app/impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "control/waiting.h"
#include "keys/file.h"

#define COUNT_MS 3600000u
#define LOOK_MS  1000u
#define RETRY_MS 10000u

static const char *const commands[] = {"find", "tail", "trace", "why"};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* One query by itself, as its act needs it. */
struct query {
	int command;
	uint64_t count, when_ms;
	uint8_t salt[16], hash[32];
	char who[ACT_OPERATOR_MAX + 1];
};

/* What is read of one file. */
struct reading {
	struct app *app;
	uint64_t counts[COMMANDS];
	bool counted;
	uint64_t unread; /* lines */
	bool waits;      /* last is to be entered: the file goes when its last act is durable */
	struct query last;
};

static void path_of(const struct app *a, const char *name, char out[600])
{
	snprintf(out, 600, "%s/%s", a->options->home, name);
}

static int command_of(struct bytes word)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (bytes_eq_str(word, commands[i]))
			return (int)i;
	return -1;
}

static void enter(struct app *a, const struct act_body *act, bool last)
{
	if (last)
		pipeline_enter_for(a->pipeline, act, &a->queries);
	else
		app_enter(a, act);
}

static void query_enter(struct reading *r, bool last)
{
	const struct query *q = &r->last;
	struct act_body act = {.act = ACT_QUERIED,
		.text = bytes_str(commands[q->command]),
		.count = q->count,
		.from = q->when_ms,
		.operator_name = bytes_str(q->who),
		.salt = BYTES_OF(q->salt),
		.hash = BYTES_OF(q->hash)};

	enter(r->app, &act, last);
	r->waits = false;
}

/* The rest of a line of the long form; false when it is none. */
static bool query_read(struct query *q, struct bytes rest)
{
	struct bytes when, salt, hash, who;

	if (!text_word_next(&rest, &when) || !text_word_next(&rest, &salt) ||
		!text_word_next(&rest, &hash) || !text_u64_parse(when, &q->when_ms) ||
		text_hex_decode(salt, q->salt, sizeof(q->salt)) != (int)sizeof(q->salt) ||
		text_hex_decode(hash, q->hash, sizeof(q->hash)) != (int)sizeof(q->hash))
		return false;
	who = text_utf8_prefix(rest.len ? bytes_skip(rest, 1) : rest, ACT_OPERATOR_MAX);
	memcpy(q->who, who.data, who.len);
	q->who[who.len] = '\0';
	return true;
}

static void line_take(struct reading *r, struct bytes line)
{
	struct query q = {0};
	struct bytes command, number;

	if (!text_word_next(&line, &command) || (q.command = command_of(command)) < 0 ||
		!text_word_next(&line, &number) || !text_u64_parse(number, &q.count) ||
		q.count > UINT32_MAX) {
		r->unread++;
		return;
	}
	if (!query_read(&q, line)) {
		r->counts[q.command] += q.count;
		r->counted = true;
		return;
	}
	if (r->waits)
		query_enter(r, false);
	r->last = q;
	r->waits = true;
}

static void counts_enter(struct reading *r)
{
	struct buf text = buf_with_max(ACT_TEXT_MAX);
	struct act_body act = {.act = ACT_QUERIED};

	for (size_t i = 0; i < COMMANDS; i++) {
		if (r->counts[i])
			buf_printf(&text, "%s%s %" PRIu64, text.len ? ", " : "", commands[i],
				r->counts[i]);
		act.count += r->counts[i];
	}
	act.text = buf_view(&text);
	enter(r->app, &act, true);
	buf_free(&text);
}

void queries_entered(struct app *a)
{
	char path[600];

	path_of(a, QUERIES_TAKEN, path);
	if (a->queries.unread)
		app_put_aside(a, path, "not all of its lines are queries; the others are entered");
	else
		unlink(path);
	a->queries.under_way = a->queries.unread = false;
}

/* False: there is nothing to enter, or not yet. */
static bool taken_read(struct app *a, struct buf *text)
{
	struct err_text err;
	char path[600];
	int rc;

	path_of(a, QUERIES_TAKEN, path);
	rc = file_read(path, text, &err);
	a->queries.renamed = rc != 0;
	if (rc == 0) {
		a->queries.unreadable = false;
		return true;
	}
	if (rc == ENT_ENOTFOUND || ((rc == ENT_EINVALID || rc == ENT_ELIMIT) &&
					   app_put_aside(a, path, err.text) == 0)) {
		a->queries.renamed = a->queries.unreadable = false;
		return false;
	}
	/* What is asked meanwhile gathers where commands write it. */
	a->queries.looked_ms = uv_now(&a->loop);
	if (!a->queries.unreadable)
		log_error("queries", "what was asked is not entered yet, and waits there: %s",
			err.text);
	a->queries.unreadable = true;
	return false;
}

/* Acts become durable in order: the last tells of all. */
static void taken_enter(struct app *a)
{
	struct buf text = buf_with_max(2 * QUERIES_BYTES_MAX);
	struct reading r = {.app = a};
	struct bytes rest, line;
	bool waits;

	if (!taken_read(a, &text)) {
		buf_free(&text);
		return;
	}
	a->queries.under_way = true;
	rest = buf_view(&text);
	while (text_line_next(&rest, &line))
		line_take(&r, line);
	a->queries.unread = r.unread > 0;
	waits = r.waits;
	if (waits)
		query_enter(&r, !r.counted);
	if (r.counted)
		counts_enter(&r);
	else if (!waits)
		queries_entered(a); /* nothing was in it */
	buf_free(&text);
}

/* Is it time for what was asked since the last time? */
static bool is_due(struct app *a)
{
	uint64_t now = uv_now(&a->loop);
	struct stat st;
	char path[600];

	if (now < a->queries.looked_ms + LOOK_MS)
		return false;
	a->queries.looked_ms = now;
	path_of(a, QUERIES_NAME, path);
	if (stat(path, &st) != 0 || st.st_size == 0)
		return false;
	return a->conf.log_queries_full || st.st_size > QUERIES_BYTES_MAX / 4 ||
	       now >= a->queries.taken_ms + COUNT_MS;
}

static void take(struct app *a)
{
	char from[600], to[600];

	path_of(a, QUERIES_NAME, from);
	path_of(a, QUERIES_TAKEN, to);
	if (rename(from, to) != 0)
		return;
	a->queries.renamed = true;
	a->queries.taken_ms = uv_now(&a->loop);
}

void queries_tick(struct app *a)
{
	if (a->queries.unreadable && uv_now(&a->loop) < a->queries.looked_ms + RETRY_MS)
		return;
	if (a->queries.renamed)
		taken_enter(a);
	else if (!a->queries.under_way && is_due(a))
		take(a);
}

/* What a crash has left goes first. */
void queries_open(struct app *a)
{
	struct stat st;
	char path[600];

	path_of(a, QUERIES_TAKEN, path);
	a->queries.taken_ms = uv_now(&a->loop);
	a->queries.renamed = lstat(path, &st) == 0;
}

/* Behind the last tick: whether it became durable is told when the pipeline stands. */
void queries_stop(struct app *a)
{
	if (a->queries.renamed)
		taken_enter(a);
	if (a->queries.under_way || a->queries.renamed)
		return; /* what was asked since is entered by the next start */
	take(a);
	if (a->queries.renamed)
		taken_enter(a);
}

void queries_close(struct app *a)
{
	struct pipeline_event e;

	while (pipeline_event_next(a->pipeline, &e)) {
		if (e.type == PIPELINE_ENTERED && e.user == &a->queries)
			queries_entered(a);
		else if (e.type == PIPELINE_ENTERED && e.user == &a->waiting)
			waiting_entered(a);
		ingest_job_free(e.job);
	}
}
