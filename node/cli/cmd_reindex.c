/* SPDX-License-Identifier: EUPL-1.2 */
/* Throws the index away and makes it anew from the truth: the daemon does, or this without it. */
#include "cli/cli.h"
#include "cli/publish.h"

#include <inttypes.h>
#include <time.h>

#include "intake/intake.h"

#define STEP_ENTRIES 16384
#define PATIENCE_MS  30000
#define PAUSE_MS     100

struct reindex {
	struct node_id self;
	const struct guard *guard;
	int64_t now_s;
};

static const char *hidden(void *ctx, const struct log_name *log, const struct store_entry *e,
	const struct record_indicator *indicator)
{
	const struct reindex *x = ctx;

	return intake_hidden(&x->self, x->guard, x->now_s, log, &e->header, indicator);
}

static int rebuild(struct cli *c, struct store *s, struct reindex *x)
{
	const struct store_index_ops ops = {hidden, x};
	int rc = store_index_drop(s);

	for (unsigned steps = 1; !rc; steps++) {
		rc = store_index_step(s, &ops, STEP_ENTRIES);
		if (rc <= 0)
			break;
		rc = 0;
		cli_progress(c, "indexed about %u entries", steps * STEP_ENTRIES);
	}
	while (rc == 0 && (rc = store_index_merge(s)) > 0)
		rc = 0;
	return rc;
}

/* A daemon that was stopping when it was asked holds the store until it has finished. */
static int open_when_free(struct cli *c, struct store **s)
{
	static const struct timespec pause = {0, PAUSE_MS * 1000000L};
	int rc, tries = 0;

	while ((rc = store_open(s, cli_path(c, "data"), STORE_WRITE, &c->err)) == ENT_EBUSY &&
		tries++ < PATIENCE_MS / PAUSE_MS)
		nanosleep(&pause, NULL);
	if (rc == 0)
		c->err.text[0] = '\0';
	return rc;
}

static int offline(struct cli *c)
{
	struct reindex x = {.now_s = cli_now_s()};
	struct guard *guard = NULL;
	struct store *s;
	int rc = cli_need_store(c);

	if (rc)
		return rc;
	if (!cli_own(c))
		return cli_fail(c, CLI_NOT, "%s: this node has no card yet", c->home);
	x.self = cli_own(c)->node;
	rc = cli_guard_rails(c, &guard);
	if (rc)
		return rc;
	x.guard = guard;
	/* One environment a process and directory: the reader's goes before the writer's comes. */
	store_reader_close(c->reader);
	store_close(c->store);
	c->reader = NULL;
	c->store = NULL;
	rc = open_when_free(c, &s);
	if (!rc) {
		rc = rebuild(c, s, &x);
		store_close(s);
		cli_tended(c, "reindexed", rc);
	}
	guard_free(guard);
	return rc ? cli_fail_code(c, rc, cli_path(c, "data")) : 0;
}

static int run(struct cli *c)
{
	struct store_counts counts = {0};
	json_t *answer;
	int rc;

	rc = cli_call_quiet(c,
		json_pack("{s:s, s:s}", "command", "reindex", "operator", publish_operator(c)), 0,
		&answer);
	if (rc == 0 || rc == ENT_ECLOSED)
		c->err.text[0] = '\0';
	if (rc == ENT_ECLOSED)
		rc = offline(c);
	else if (rc)
		rc = cli_no_answer(c, rc);
	else
		rc = cli_call_status(c, answer);
	json_decref(answer);
	if (!rc)
		rc = cli_need_store(c);
	if (rc)
		return rc;
	rc = store_counts(c->reader, &counts);
	if (rc)
		return cli_fail_code(c, rc, "index");
	if (c->json)
		return cli_json(c,
			json_pack("{s:I, s:I, s:I}", "records", (json_int_t)counts.records,
				"values", (json_int_t)counts.values, "hidden",
				(json_int_t)counts.hidden),
			CLI_DONE);
	printf("%" PRIu64 " records about %" PRIu64 " values, %" PRIu64 " hidden\n", counts.records,
		counts.values, counts.hidden);
	return CLI_DONE;
}

static const struct cli_option options[] = {
	CLI_OPERATOR,
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_reindex = {
	.name = "reindex",
	.usage = "[--operator NAME]",
	.summary = "make the index anew from the log",
	.example = "entente reindex\n",
	.options = options,
	.run = run,
};
