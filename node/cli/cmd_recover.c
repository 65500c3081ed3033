/* SPDX-License-Identifier: EUPL-1.2 */
/* A mute node: what it waits for, what can be done, and the operator's word. */
#include "cli/publish.h"

#include <inttypes.h>

#include "base/text.h"

static const char *text_of(struct cli *c, const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return cli_clean(c, bytes_str(text ? text : ""));
}

static void print_recovery(struct cli *c, const json_t *recovery)
{
	const json_t *peers = json_object_get(recovery, "waiting_for");
	const json_t *feeds = json_object_get(recovery, "feeds");
	struct cli_table t;

	printf("%smute%s: %s\n", cli_paint(c, CLI_BAD), cli_paint(c, CLI_PLAIN),
		text_of(c, recovery, "why"));
	cli_table_init(&t, c, "FEED|HELD|SIGNED ONCE");
	for (size_t i = 0; i < json_array_size(feeds); i++) {
		const json_t *f = json_array_get(feeds, i);

		cli_table_cell(&t, CLI_PLAIN, "%s", text_of(c, f, "audience"));
		cli_table_cell(&t, CLI_PLAIN, "%" PRIu64,
			(uint64_t)json_integer_value(json_object_get(f, "held")));
		cli_table_cell(&t, CLI_PLAIN, "%" PRIu64,
			(uint64_t)json_integer_value(json_object_get(f, "wanted")));
	}
	cli_table_print(&t);
	if (json_array_size(peers)) {
		printf("waits for:");
		for (size_t i = 0; i < json_array_size(peers); i++)
			printf(" %s",
				cli_clean(c,
					bytes_str(json_string_value(json_array_get(peers, i)))));
		printf("\n");
	}
	printf("do: %s\n", text_of(c, recovery, "do"));
}

static int given_up(struct cli *c, json_t *without)
{
	const char *name;

	for (size_t at = 0; (name = cli_value_at(c, "--without", at)); at++) {
		struct node_id node;
		int rc = cli_find_node(c, name, &node);

		if (rc)
			return rc;
		json_array_append_new(without, cli_json_node(&node));
	}
	return 0;
}

static int run(struct cli *c)
{
	json_t *without = json_array(), *answer, *recovery;
	bool confirm = cli_has(c, "--confirm"), said, mute;
	int rc = cli_want_store(c);

	if (!rc)
		rc = given_up(c, without);
	if (rc) {
		json_decref(without);
		return rc;
	}
	said = json_array_size(without) > 0 || confirm;
	rc = cli_call(c,
		json_pack("{s:s, s:b, s:o, s:s}", "command", "recover", "confirm", confirm,
			"without", without, "operator", publish_operator(c)),
		10000, &answer);
	if (rc)
		return rc;
	mute = json_is_true(json_object_get(answer, "mute"));
	recovery = json_object_get(answer, "recovery");
	/* A script that only asks learns from the status whether it is mute. */
	rc = mute && !said ? CLI_NODE : CLI_DONE;
	if (c->json) {
		rc = cli_json(c, json_pack("{s:b, s:O}", "mute", mute, "recovery", recovery), rc);
	} else if (mute) {
		print_recovery(c, recovery);
	} else {
		printf("not mute: this node signs what it publishes\n");
	}
	json_decref(answer);
	return rc;
}

static const struct cli_option options[] = {
	{"--without", "NAME", true, "do not wait for this peer: it is gone for good"},
	{"--confirm", NULL, false, "no second copy of this node runs: go on when all were heard"},
	{"--operator", "NAME", false, "who says so, for provenance; default: the login name"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_recover = {
	.name = "recover",
	.usage = "[--without NAME]... [--confirm] [--operator NAME]",
	.summary = "why the node is mute, what it waits for, what you can do",
	.example = "entente recover\nentente recover --without pl\n",
	.options = options,
	.run = run,
};
