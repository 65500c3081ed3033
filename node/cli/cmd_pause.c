/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * pause and resume: the stop button. The running daemon stops at once and keeps it; without one the
 * file that it reads at its start is changed.
 */
#include "cli/cli.h"
#include "cli/publish.h"
#include "keys/pausefile.h"

#define ANSWER_MS 10000

static int change_read(struct cli *c, struct pausefile_change *change)
{
	const char *what = c->args_len ? c->args[0] : "all";
	int rc;

	change->out = strcmp(what, "out") == 0 || strcmp(what, "all") == 0;
	change->in = strcmp(what, "in") == 0 || strcmp(what, "all") == 0;
	if (change->out || change->in)
		return 0;
	rc = cli_find_node(c, what, &change->peer);
	if (rc == 0 && cli_own(c) && node_id_eq(&change->peer, &cli_own(c)->node))
		return cli_fail(c, CLI_INVALID,
			"%s: saw this node itself, wanted out, in, all or a peer's name", what);
	change->has_peer = rc == 0;
	return rc;
}

static json_t *paused_json(const struct pausefile *p)
{
	json_t *peers = json_array();

	for (size_t i = 0; i < p->peers_len; i++)
		json_array_append_new(peers, cli_json_node(&p->peers[i]));
	return json_pack("{s:b, s:b, s:o}", "out", p->out, "in", p->in, "peers", peers);
}

static int offline(struct cli *c, const struct pausefile_change *change, json_t **paused)
{
	const char *path = cli_path(c, PAUSEFILE_NAME);
	struct pausefile p;
	int rc = pausefile_read(&p, path, &c->err);

	/* What cannot be read pauses everything: a change begins from there. */
	if (rc == ENT_EINVALID) {
		cli_note(c, "%s", c->err.text);
		c->err.text[0] = '\0';
		p = (struct pausefile){.out = true, .in = true};
		rc = 0;
	}
	if (rc == 0)
		rc = pausefile_apply(&p, change);
	if (rc == 0)
		rc = pausefile_write(&p, path, &c->err);
	if (rc != 0)
		return cli_fail_code(c, rc, path);
	*paused = paused_json(&p);
	return 0;
}

static json_t *request_make(struct cli *c, const struct pausefile_change *change)
{
	json_t *q =
		json_pack("{s:s, s:b, s:b, s:s}", "command", change->resume ? "resume" : "pause",
			"out", change->out, "in", change->in, "operator", publish_operator(c));

	if (change->has_peer)
		json_object_set_new(q, "peer", cli_json_node(&change->peer));
	return q;
}

static void print(struct cli *c, const json_t *paused, bool running)
{
	const json_t *peers = json_object_get(paused, "peers");
	bool out = json_is_true(json_object_get(paused, "out"));
	bool in = json_is_true(json_object_get(paused, "in"));
	const char *before = out || in ? "; both with" : " both with";

	if (!out && !in && json_array_size(peers) == 0)
		printf("nothing is paused");
	else
		printf("paused:%s%s", out ? " sending" : "",
			!in   ? ""
			: out ? " and taking"
			      : " taking");
	for (size_t i = 0; i < json_array_size(peers); i++) {
		struct node_id node;
		const char *id = json_string_value(json_array_get(peers, i));

		if (!id || !node_id_parse(bytes_str(id), &node))
			continue;
		printf("%s %s", before, cli_name(c, &node));
		before = ",";
	}
	printf("%s\n", running ? "" : "; the node does not run, and will start so");
}

static int change_run(struct cli *c, bool resume)
{
	struct pausefile_change change = {.resume = resume};
	json_t *answer = NULL, *paused = NULL;
	int rc = cli_need_keydir(c);

	if (rc == 0)
		rc = change_read(c, &change);
	if (rc != 0)
		return rc;
	rc = cli_call_quiet(c, request_make(c, &change), ANSWER_MS, &answer);
	if (rc == 0 || rc == ENT_ECLOSED)
		c->err.text[0] = '\0';
	if (rc == ENT_ECLOSED) {
		rc = offline(c, &change, &paused);
	} else if (rc != 0) {
		rc = cli_no_answer(c, rc);
	} else {
		rc = cli_call_status(c, answer);
		paused = json_incref(json_object_get(answer, "paused"));
	}
	if (rc == 0 && c->json)
		rc = cli_json(c, json_incref(paused), CLI_DONE);
	else if (rc == 0)
		print(c, paused, answer != NULL);
	json_decref(answer);
	json_decref(paused);
	return rc;
}

static int run_pause(struct cli *c)
{
	return change_run(c, false);
}

static int run_resume(struct cli *c)
{
	return change_run(c, true);
}

static const struct cli_option options[] = {
	{"--operator", "NAME", false, "who does it, for provenance; default: the login name"},
	{0},
};

const struct cli_command cmd_pause = {
	.name = "pause",
	.usage = "[out|in|all|NAME]",
	.summary = "stop sending, taking, both (the default), or both with one peer, at once",
	.example = "entente pause out\nentente pause de\n",
	.options = options,
	.args_max = 1,
	.run = run_pause,
};

const struct cli_command cmd_resume = {
	.name = "resume",
	.usage = "[out|in|all|NAME]",
	.summary = "go on with what was paused; all (the default) ends single peers' pauses too",
	.example = "entente resume\n",
	.options = options,
	.args_max = 1,
	.run = run_resume,
};
