/* SPDX-License-Identifier: EUPL-1.2 */
/* Writes the store's files anew without what was erased: the daemon does, or this without it. */
#include "cli/cli.h"
#include "cli/publish.h"

#include <inttypes.h>

static int offline(struct cli *c)
{
	struct store_txn *txn;
	struct store *s;
	int rc = cli_need_store(c);

	if (rc)
		return rc;
	/* One environment a process and directory: the reader's goes before the writer's comes. */
	store_reader_close(c->reader);
	store_close(c->store);
	c->reader = NULL;
	c->store = NULL;
	rc = store_open(&s, cli_path(c, "data"), STORE_WRITE, &c->err);
	if (rc)
		return cli_fail_code(c, rc, cli_path(c, "data"));
	rc = store_index_compact(s);
	if (rc == 0)
		rc = store_compact(s);
	if (rc == 0 && (rc = store_begin(s, &txn)) == 0) {
		rc = store_compacted(txn);
		if (rc == 0)
			rc = store_commit(txn);
		else
			store_abort(txn);
	}
	store_close(s);
	cli_tended(c, "compacted", rc);
	return rc ? cli_fail_code(c, rc, cli_path(c, "data")) : 0;
}

static int run(struct cli *c)
{
	json_t *answer;
	int rc = cli_call_quiet(c,
		json_pack("{s:s, s:s}", "command", "compact", "operator", publish_operator(c)), 0,
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
	if (c->json)
		return cli_json(c,
			json_pack("{s:I}", "disk_bytes", (json_int_t)store_disk_bytes(c->store)),
			CLI_DONE);
	printf("compacted: %" PRIu64 " bytes on the disk\n", store_disk_bytes(c->store));
	return CLI_DONE;
}

static const struct cli_option options[] = {
	CLI_OPERATOR,
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_compact = {
	.name = "compact",
	.usage = "[--operator NAME]",
	.summary = "writes the store anew, without the bytes of what was erased",
	.example = "entente compact\n",
	.options = options,
	.run = run,
};
