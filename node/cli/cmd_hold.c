/* SPDX-License-Identifier: EUPL-1.2 */
/* hold and unhold: a value out of every export of this node, whatever origins say. */
#include "cli/cli.h"
#include "cli/publish.h"
#include "intel/value.h"

#define ANSWER_MS 60000

static int hold_run(struct cli *c, const char *command)
{
	struct value *v = arena_alloc(&c->arena, sizeof(*v));
	json_t *answer;
	int rc;

	if (!v)
		return cli_fail_code(c, ENT_ENOMEM, command);
	if (value_parse(v, bytes_str(c->args[0]), TYPE_NONE, &c->err) != 0)
		return cli_fail(c, CLI_INVALID, "\"%s\" cannot be read as a value: %s", c->args[0],
			c->err.text);
	rc = cli_call(c,
		json_pack("{s:s, s:o, s:s}", "command", command, "value",
			cli_json_text(bytes_from(v->text, v->len)), "operator",
			publish_operator(c)),
		ANSWER_MS, &answer);
	if (rc != 0)
		return rc;
	json_decref(answer);
	if (c->json)
		return cli_json(c,
			json_pack("{s:o, s:s, s:b}", "value",
				cli_json_text(bytes_from(v->text, v->len)), "type",
				type_name(v->type), "held_back", strcmp(command, "hold") == 0),
			CLI_DONE);
	printf("%s %s\n", cli_clean(c, bytes_from(v->text, v->len)),
		strcmp(command, "hold") == 0 ? "is held back from every export here"
					     : "may go to exports again");
	return CLI_DONE;
}

static int run_hold(struct cli *c)
{
	return hold_run(c, "hold");
}

static int run_unhold(struct cli *c)
{
	return hold_run(c, "unhold");
}

static const struct cli_option options[] = {
	{"--operator", "NAME", false, "who does it, for provenance; default: the login name"},
	{0},
};

const struct cli_command cmd_hold = {
	.name = "hold",
	.usage = "VALUE",
	.summary = "keep a value out of every export here at once, whatever origins say",
	.example = "entente hold update.example\n",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run_hold,
};

const struct cli_command cmd_unhold = {
	.name = "unhold",
	.usage = "VALUE",
	.summary = "let a value that was held back go to exports again",
	.example = "entente unhold update.example\n",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run_unhold,
};
