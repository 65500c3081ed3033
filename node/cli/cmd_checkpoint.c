/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/cli.h"

#include <inttypes.h>
#include <string.h>

static int print_note(struct cli *c, const struct store_log *log, struct bytes note)
{
	const char *out = cli_value(c, "-o");
	bool piped = !out || strcmp(out, "-") == 0;
	char name[LOG_NAME_TEXT_SIZE];
	json_t *document;
	int rc = 0;

	if (!c->json || !piped)
		rc = cli_write_out(c, note, 0644);
	if (rc || !c->json)
		return rc;
	log_name_text(name, &log->name);
	document = json_pack("{s:s, s:I, s:o, s:I}", "origin", name, "size",
		(json_int_t)log->checkpoint.size, "root",
		cli_json_base64(BYTES_OF(log->checkpoint.root.bytes)), "held",
		(json_int_t)log->size);
	json_object_set_new(document, piped ? "checkpoint" : "file",
		piped ? cli_json_text(note) : json_string(out));
	return cli_json(c, document, CLI_DONE);
}

static int run(struct cli *c)
{
	struct buf note = buf_with_max(NOTE_BYTES_MAX);
	const struct note_key *key;
	const struct card *card;
	struct log_name feed;
	struct store_log log;
	int rc = cli_need_store(c);

	if (!rc)
		rc = cli_find_feed(c, c->args[0], &feed);
	if (rc)
		return rc;
	rc = store_log_get(c->reader, &feed, &log);
	if (rc == ENT_ENOTFOUND || (!rc && !log.has_checkpoint))
		return cli_fail(c, CLI_NOT, "no checkpoint of %s is known here", c->args[0]);
	if (rc)
		return cli_fail_code(c, rc, c->args[0]);
	/* Logs are only ever added to a card, so the newest names the keys of all incarnations. */
	card = cli_card(c, &feed.node);
	key = card ? card_log_key(card, feed.incarnation) : NULL;
	if (!key)
		return cli_fail(c, CLI_NOT,
			"%s: no card known here names the log key of incarnation %" PRIu64,
			c->args[0], feed.incarnation);
	if (checkpoint_verify(&log.checkpoint, key->public_key) != 0)
		return cli_fail(c, CLI_STORE,
			"%s: the checkpoint in the store does not verify under the card's key",
			c->args[0]);
	checkpoint_note(&note, &log.checkpoint, key->public_key);
	rc = print_note(c, &log, buf_view(&note));
	buf_free(&note);
	return rc;
}

static const struct cli_option options[] = {
	{"-o", "FILE", false, "where it goes; else standard output"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_checkpoint = {
	.name = "checkpoint",
	.usage = "ORIGIN/AUDIENCE [-o FILE]",
	.summary = "the newest signed checkpoint of a feed, as a note",
	.example = "entente checkpoint fr/clear\n",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
