/* SPDX-License-Identifier: EUPL-1.2 */
/* The operator's word about the time, after the machine's clock has stepped. */
#include "cli/publish.h"

#include <unistd.h>

static int run_confirm(struct cli *c)
{
	json_t *answer;
	json_int_t waited = 0;
	int rc = cli_call_quiet(c,
		json_pack("{s:s, s:s}", "command", "clock-confirm", "operator",
			publish_operator(c)),
		10000, &answer);

	if (rc == 0 || rc == ENT_ECLOSED)
		c->err.text[0] = '\0';
	if (rc == ENT_ECLOSED) {
		/* No daemon: it finds nothing that waits when it starts. */
		unlink(cli_path(c, "keys/clock.waiting"));
	} else if (rc) {
		return cli_no_answer(c, rc);
	} else {
		rc = cli_call_status(c, answer);
		waited = json_integer_value(json_object_get(answer, "waited"));
		json_decref(answer);
		if (rc)
			return rc;
	}
	if (c->json)
		return cli_json(c, json_pack("{s:I}", "waited", waited), CLI_DONE);
	printf("the time is confirmed; agreements that waited: %lld\n", (long long)waited);
	return CLI_DONE;
}

static const struct cli_option options[] = {
	{"--operator", "NAME", false, "who says so, for provenance; default: the login name"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_clock_confirm = {
	.name = "clock confirm",
	.usage = "[--operator NAME]",
	.summary = "after the clock has stepped: the time is right, what waits may come into force",
	.example = "entente clock confirm\n",
	.options = options,
	.run = run_confirm,
};
