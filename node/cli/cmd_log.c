/* SPDX-License-Identifier: EUPL-1.2 */
/* entente log: this node's provenance log, in order, for people and for scripts. */
#include <inttypes.h>

#include "base/text.h"
#include "cli/acts.h"
#include "provenance/act.h"
#include "provenance/sentence.h"

struct logs {
	struct cli *cli;
	int64_t since_ms;
	json_t *acts;
	struct buf sentence;
};

static const char *name_of(void *ctx, const struct node_id *node)
{
	return cli_name(ctx, node);
}

static json_t *log_json(struct logs *x, const struct log_name *log)
{
	char audience[AUDIENCE_TEXT_SIZE];

	audience_text(audience, log->audience);
	return json_pack("{s:o, s:s, s:s, s:I}", "origin", cli_json_node(&log->node), "name",
		cli_name(x->cli, &log->node), "audience", audience, "incarnation",
		(json_int_t)log->incarnation);
}

static json_t *terms_json(const struct act_body *act)
{
	json_t *terms = json_array();

	for (size_t i = 0; i < act->terms_len; i++) {
		char id[17];

		cli_agreement_text(id, act->terms[i].id);
		json_array_append_new(terms, json_pack("{s:s, s:i, s:o}", "agreement", id, "serial",
						     (int)act->terms[i].serial, "hash",
						     cli_json_hex(BYTES_OF(act->terms[i].hash))));
	}
	return terms;
}

static void set_text(json_t *o, const char *key, struct bytes text)
{
	if (text.len > 0)
		json_object_set_new(o, key, cli_json_text(text));
}

static void set_hex(json_t *o, const char *key, struct bytes b)
{
	if (b.len > 0)
		json_object_set_new(o, key, cli_json_hex(b));
}

static void set_number(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

/* Only the fields that the act gives, under the names of provenance.proto. */
static json_t *act_json(struct logs *x, uint64_t index, uint64_t time_ms,
	const struct act_body *act)
{
	char time[TEXT_TIME_SIZE];
	json_t *o;

	text_time_ms(time, (int64_t)time_ms);
	o = json_pack("{s:I, s:s, s:s}", "index", (json_int_t)index, "time", time, "act",
		act_name(act->act));
	if (act->has_peer) {
		json_object_set_new(o, "peer", cli_json_node(&act->peer));
		json_object_set_new(o, "peer_name", json_string(cli_name(x->cli, &act->peer)));
	}
	set_hex(o, "session", act->session);
	if (act->terms_len > 0)
		json_object_set_new(o, "terms", terms_json(act));
	if (act->has_log)
		json_object_set_new(o, "log", log_json(x, &act->log));
	if (act->has_log || act->act == ACT_CLOCK_STEP) {
		set_number(o, "from", act->from);
		set_number(o, "to", act->to);
	} else if (act->from > 0 && act->from <= RECORD_TIME_MAX_MS) {
		text_time_ms(time, (int64_t)act->from);
		json_object_set_new(o, "when", json_string(time));
	}
	set_hex(o, "root", act->root);
	set_text(o, "rule", act->rule);
	set_text(o, "operator", act->operator_name);
	set_hex(o, "hash", act->hash);
	set_hex(o, "salt", act->salt);
	if (act->count > 0)
		set_number(o, "count", act->count);
	set_hex(o, "publication", act->publication);
	set_text(o, "text", act->text);
	if (act->serial > 0)
		set_number(o, "serial", act->serial);
	return o;
}

static void print_act(struct logs *x, uint64_t index, uint64_t time_ms, const struct act_body *act)
{
	const struct sentence_names names = {name_of, x->cli};
	char time[TEXT_TIME_SIZE];

	text_time_ms(time, (int64_t)time_ms);
	buf_reset(&x->sentence);
	sentence_act(&x->sentence, act, &names);
	printf("%s%s %6" PRIu64 "%s  %.*s\n", cli_paint(x->cli, CLI_DIM), time, index,
		cli_paint(x->cli, CLI_PLAIN), (int)x->sentence.len, (char *)x->sentence.data);
}

static int show(void *ctx, uint64_t index, uint64_t time_ms, const struct act_body *act)
{
	struct logs *x = ctx;

	if (time_ms < (uint64_t)x->since_ms)
		return 0;
	if (x->cli->json)
		json_array_append_new(x->acts, act_json(x, index, time_ms, act));
	else
		print_act(x, index, time_ms, act);
	return 0;
}

static int run(struct cli *c)
{
	const char *since = cli_value(c, "--since");
	struct logs *x;
	int rc = cli_need_store(c);

	if (rc != 0)
		return rc;
	if (!cli_own(c))
		return cli_fail(c, CLI_STORE, "this node has no card yet");
	x = arena_alloc(&c->arena, sizeof(*x));
	if (!x)
		return cli_fail_code(c, ENT_ENOMEM, "log");
	x->cli = c;
	if (since && !text_time_parse(bytes_str(since), &x->since_ms))
		return cli_usage(c,
			"--since: \"%s\" is no time; wanted: 2026-11-22 or "
			"2026-11-22T08:30:00Z",
			since);
	x->sentence = buf_with_max(65536);
	x->acts = json_array();
	rc = acts_each(c, show, x);
	buf_free(&x->sentence);
	if (rc == 0 && c->json)
		return cli_json(c, x->acts, CLI_DONE);
	json_decref(x->acts);
	return rc != 0 ? cli_fail_code(c, rc, "provenance log") : CLI_DONE;
}

static const struct cli_option options[] = {
	{"--since", "TIME", false, "only acts from this time on (RFC 3339, or a date)"},
	{0},
};

const struct cli_command cmd_log = {
	.name = "log",
	.usage = "[--since TIME]",
	.summary = "this node's provenance log: what it did, in order",
	.example = "entente log --since 2026-11-22\n",
	.options = options,
	.run = run,
};
