/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Acts of commands that do the thing themselves: what leaves as a file (audit export, tlog export,
 * backup) is written by the command, which has it entered here first and puts the file in its place
 * when the act is durable. What was done while the daemon did not run, reindex and compact too,
 * waits in a file (control/waiting.h) and is entered at the start.
 */
#include "app/impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "control/waiting.h"
#include "keys/file.h"

/* A command that waits; it may be gone before. */
struct entering {
	struct entering *next;
	struct control_client *client;
};

static const char *text_of(const json_t *q, const char *key)
{
	const char *text = json_string_value(json_object_get(q, key));

	return text ? text : "";
}

/* What the act borrows. */
struct done {
	struct act_body act;
	char who[ACT_OPERATOR_MAX + 1];
	uint8_t hash[32];
};

static bool exported_read(struct done *e, const json_t *q)
{
	struct bytes what = text_utf8_prefix(bytes_str(text_of(q, "what")), ACT_TEXT_MAX);
	json_int_t count = json_integer_value(json_object_get(q, "count"));

	app_operator(e->who, q);
	e->act = (struct act_body){.act = ACT_EXPORTED,
		.text = what,
		.count = count > 0 ? (uint64_t)count : 0,
		.operator_name = bytes_str(e->who)};
	if (text_hex_decode(bytes_str(text_of(q, "hash")), e->hash, sizeof(e->hash)) ==
		(int)sizeof(e->hash))
		e->act.hash = BYTES_OF(e->hash);
	e->act.has_log = log_name_parse(bytes_str(text_of(q, "log")), &e->act.log);
	return what.len > 0;
}

/* What was done to the store without the daemon, and when. */
static bool tended_read(struct done *e, enum act act, const json_t *q)
{
	struct bytes outcome = text_utf8_prefix(bytes_str(text_of(q, "outcome")), ACT_TEXT_MAX);
	json_int_t when = json_integer_value(json_object_get(q, "when"));

	app_operator(e->who, q);
	e->act = (struct act_body){.act = act,
		.rule = bytes_str("asked"),
		.text = outcome,
		.from = when > 0 ? (uint64_t)when : 0,
		.operator_name = bytes_str(e->who)};
	return outcome.len > 0;
}

static bool done_read(struct done *e, const char *command, const json_t *q)
{
	if (strcmp(command, "reindexed") == 0)
		return tended_read(e, ACT_REINDEXED, q);
	if (strcmp(command, "compacted") == 0)
		return tended_read(e, ACT_COMPACTED, q);
	return exported_read(e, q);
}

bool entering_request(struct app *a, struct control_client *c, const char *command, const json_t *q)
{
	struct entering *r;
	struct done e;

	if (strcmp(command, "exported") != 0 && strcmp(command, "reindexed") != 0 &&
		strcmp(command, "compacted") != 0)
		return false;
	if (!done_read(&e, command, q)) {
		control_fail(c, 2, "what is %s is not said", command);
		return true;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->client = c;
	r->next = a->entering;
	a->entering = r;
	pipeline_enter_for(a->pipeline, &e.act, r);
	return true;
}

static void forget(struct app *a, struct entering *r)
{
	struct entering **at = &a->entering;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	free(r);
}

void entered_for(struct app *a, void *user)
{
	struct entering *r = user;

	if (user == &a->queries)
		return queries_entered(a);
	if (user == &a->waiting)
		return waiting_entered(a);
	if (r->client)
		control_answer(r->client, json_pack("{s:b}", "ok", 1));
	forget(a, r);
}

void entering_gone(struct app *a, const struct control_client *c)
{
	for (struct entering *r = a->entering; r; r = r->next)
		if (r->client == c)
			r->client = NULL;
}

void entering_close(struct app *a)
{
	while (a->entering)
		forget(a, a->entering);
}

/* False: nothing can be made of it. */
static bool line_enter(struct app *a, struct bytes line)
{
	json_t *q = json_loadb((const char *)line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
	struct done e;
	bool read = json_is_object(q) && done_read(&e, text_of(q, "command"), q);

	if (read) {
		pipeline_enter_for(a->pipeline, &e.act, &a->waiting);
		a->waiting.under_way++;
	}
	json_decref(q);
	return read || line.len == 0;
}

int app_put_aside(const struct app *a, const char *path, const char *why)
{
	int64_t when = app_now(a).wall_ms;
	char aside[700];
	struct stat st;

	/* Nobody else writes here: what was put aside in this very millisecond stays. */
	do
		snprintf(aside, sizeof(aside), "%s.unread-%" PRId64, path, when++);
	while (lstat(aside, &st) == 0);
	if (rename(path, aside) != 0) {
		log_error("entering", "%s: cannot rename: %s: %s", path, strerror(errno), why);
		return ENT_EIO;
	}
	log_error("entering", "%s is kept as %s: %s", path, aside, why);
	return 0;
}

void app_tended(struct app *a, enum act act, const char *rule, const char *who, int code)
{
	struct act_body body = {.act = act,
		.rule = bytes_str(rule),
		.text = bytes_str(code == 0 ? "done" : err_sentence(code)),
		.operator_name = bytes_str(who)};

	app_enter(a, &body);
}

static void waiting_path(const struct app *a, char out[600])
{
	snprintf(out, 600, "%s/" WAITING_NAME, a->options->home);
}

/* What a command has added since, which found no daemon yet, waits for the next start. */
static void waiting_done(struct app *a)
{
	struct stat st;
	char path[600];

	waiting_path(a, path);
	if (stat(path, &st) == 0 && (uint64_t)st.st_size != a->waiting.size)
		return;
	if (a->waiting.unread)
		app_put_aside(a, path, "not all of its lines are acts; the others are entered");
	else
		unlink(path);
}

void waiting_entered(struct app *a)
{
	if (--a->waiting.under_way == 0)
		waiting_done(a);
}

/* Entered twice is better than not at all: the file goes when all of them are durable. */
void entering_open(struct app *a)
{
	struct buf text = buf_with_max(WAITING_BYTES_MAX);
	struct bytes left;
	struct err_text err;
	char path[600];
	int rc;

	waiting_path(a, path);
	rc = file_read(path, &text, &err);
	if (rc == 0) {
		left = buf_view(&text);
		a->waiting.size = left.len;
		while (left.len) {
			const uint8_t *end = memchr(left.data, '\n', left.len);
			size_t len = end ? (size_t)(end - left.data) : left.len;

			a->waiting.unread |= !line_enter(a, bytes_from(left.data, len));
			left = bytes_skip(left, len + (end ? 1 : 0));
		}
		if (a->waiting.under_way == 0)
			waiting_done(a);
	} else if (rc != ENT_ENOTFOUND) {
		log_error("entering", "what was done meanwhile is not entered: %s", err.text);
	}
	buf_free(&text);
}
