/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * For scripts: returns when something is so. A feed or its origin need not be known yet, and with
 * --timeout not even the daemon need run: the command tries again until the time is over.
 */
#include "cli/cli.h"

#include <time.h>

#define ASK_AGAIN_MS 200
#define FOR_EVER_MS  (100ull * 365 * 86400 * 1000)
#define SLICE_MS     60000 /* then the daemon is asked afresh: it may be another one */

struct wait {
	const char *feed;
	uint64_t size, peers, receipts;
	int64_t until_ms;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The feed as the daemon understands it; its origin's card may have come since the last time. */
static int resolve(struct cli *c, const struct wait *w, char name[LOG_NAME_TEXT_SIZE])
{
	struct log_name feed;
	int rc;

	cli_keydir_drop(c);
	rc = cli_reader_renew(c);
	if (!rc)
		rc = cli_find_feed(c, w->feed, &feed);
	if (!rc)
		log_name_text(name, &feed);
	return rc;
}

/* One attempt: 0 when it is so, CLI_NOT when it is not yet, CLI_NODE without a daemon. */
static int attempt(struct cli *c, const struct wait *w)
{
	char feed[LOG_NAME_TEXT_SIZE] = "";
	int64_t left = w->until_ms - now_ms();
	uint64_t slice = left < 0 ? 0 : left > SLICE_MS ? SLICE_MS : (uint64_t)left;
	json_t *answer;
	int rc = w->feed ? resolve(c, w, feed) : 0;

	if (rc)
		return rc;
	rc = cli_call(c,
		json_pack("{s:s, s:s?, s:I, s:I, s:I, s:I}", "command", "wait", "feed",
			w->feed ? feed : NULL, "size", (json_int_t)w->size, "peers",
			(json_int_t)w->peers, "receipts", (json_int_t)w->receipts, "timeout_ms",
			(json_int_t)slice),
		slice + 10000, &answer);
	if (!rc)
		json_decref(answer);
	return rc;
}

static int run(struct cli *c)
{
	struct wait w = {.feed = cli_value(c, "--feed"), .size = 1};
	uint64_t timeout_s = 0;
	int rc;

	rc = cli_number(c, "--size", 0, INT64_MAX, &w.size);
	if (!rc)
		rc = cli_number(c, "--peers", 0, GOSSIP_PEERS_MAX, &w.peers);
	if (!rc)
		rc = cli_number(c, "--receipts", 0, GOSSIP_PEERS_MAX, &w.receipts);
	if (!rc)
		rc = cli_number(c, "--timeout", 0, FOR_EVER_MS / 1000, &timeout_s);
	if (!rc && (cli_has(c, "--size") || cli_has(c, "--receipts")) && !w.feed)
		rc = cli_usage(c, "--size and --receipts go with --feed ORIGIN/AUDIENCE");
	if (rc)
		return rc;
	w.until_ms = now_ms() + (int64_t)(cli_has(c, "--timeout") ? timeout_s * 1000 : FOR_EVER_MS);
	do {
		const struct timespec pause = {0, ASK_AGAIN_MS * 1000000};

		c->quiet = true;
		rc = attempt(c, &w);
		c->quiet = false;
		c->err.text[0] = '\0';
		if (rc != CLI_NOT && !(rc == CLI_NODE && cli_has(c, "--timeout")) &&
			!(rc == CLI_STORE && cli_has(c, "--timeout")))
			break;
		nanosleep(&pause, NULL);
	} while (now_ms() < w.until_ms);
	if (rc == CLI_NODE)
		return cli_fail(c, rc, "%s: the node does not answer: start it with entented",
			c->home);
	if (rc == CLI_NOT)
		return cli_fail(c, rc, "it has not happened in time");
	if (rc)
		return attempt(c, &w); /* once more, to say why */
	return c->json ? cli_json(c, json_pack("{s:b}", "ok", 1), CLI_DONE) : CLI_DONE;
}

static const struct cli_option options[] = {
	{"--feed", "ORIGIN/AUDIENCE", false, "until this feed is held here and indexed"},
	{"--size", "N", false, "up to this size (1)"},
	{"--receipts", "K", false, "and K peers have given a receipt for it"},
	{"--peers", "N", false, "until so many peers are connected"},
	{"--timeout", "SECONDS", false, "exit 1 when it has not happened then; else for ever"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_wait = {
	.name = "wait",
	.usage = "[--feed ORIGIN/AUDIENCE --size N [--receipts K]] [--peers N] [--timeout SECONDS]",
	.summary = "return when a feed is here or peers are connected: for scripts",
	.example = "entente wait --peers 1 --timeout 30\n"
		   "entente wait --feed fr/clear --size 19265 --timeout 60\n",
	.options = options,
	.run = run,
};
