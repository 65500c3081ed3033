/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * entente split: proofs that an origin signed two histories (PROTOCOL.md, "Split views"). list and
 * export read the store; verify needs nothing but the file and, to tell whose key it is, the
 * origin's card or log key.
 */
#include <inttypes.h>

#include "cli/cli.h"
#include "keys/card.h"
#include "merkle/split.h"
#include "proto/codec.h"

/* --- the store -------------------------------------------------------------------------------- */

/* What is stored is the payload of SPLIT. 0, ENT_ENOTFOUND or another error. */
static int split_load(struct cli *c, const struct store_log *log, struct split *s)
{
	struct wire_message m;
	struct bytes proof;
	int rc = store_split_get(c->reader, log->number, &proof);

	if (rc == 0)
		rc = wire_decode(WIRE_SPLIT, proof, &c->arena, &m);
	if (rc == 0)
		split_from_wire(s, &m.split);
	return rc;
}

static json_t *checkpoint_json(const struct checkpoint *c)
{
	return json_pack("{s:I, s:o}", "size", (json_int_t)c->size, "root",
		cli_json_base64(BYTES_OF(c->root.bytes)));
}

struct list {
	struct cli *cli;
	json_t *items;
	struct cli_table table;
	size_t len;
};

static void list_row(struct list *l, const struct store_log *log, const struct split *s,
	const struct store_trust *t)
{
	char audience[AUDIENCE_TEXT_SIZE];

	audience_text(audience, log->name.audience);
	cli_table_cell(&l->table, CLI_BAD, "%s", cli_name(l->cli, &log->name.node));
	cli_table_cell(&l->table, CLI_PLAIN, "%s", audience);
	cli_table_cell(&l->table, CLI_PLAIN, "%" PRIu64, log->name.incarnation);
	cli_table_cell(&l->table, CLI_PLAIN, "%" PRIu64, s->first.size);
	cli_table_cell(&l->table, CLI_PLAIN, "%" PRIu64, s->second.size);
	cli_table_cell(&l->table, CLI_PLAIN, "%" PRIu64, log->size);
	if (!t->succeeded_by)
		cli_table_cell(&l->table, CLI_WARN, "open");
	else if (t->good)
		cli_table_cell(&l->table, CLI_GOOD, "good up to %" PRIu64, t->good);
	else
		cli_table_cell(&l->table, CLI_BAD, "what stands here is not the good history");
}

static json_t *list_json(const struct list *l, const struct store_log *log, const struct split *s,
	const struct store_trust *t)
{
	char audience[AUDIENCE_TEXT_SIZE], feed[LOG_NAME_TEXT_SIZE];

	audience_text(audience, log->name.audience);
	log_name_text(feed, &log->name);
	return json_pack("{s:s, s:o, s:s, s:s, s:I, s:o, s:o, s:I, s:o, s:I}", "feed", feed,
		"origin", cli_json_node(&log->name.node), "name", cli_name(l->cli, &log->name.node),
		"audience", audience, "incarnation", (json_int_t)log->name.incarnation, "first",
		checkpoint_json(&s->first), "second", checkpoint_json(&s->second), "held",
		(json_int_t)log->size, "settled_by",
		t->succeeded_by ? json_integer((json_int_t)t->succeeded_by) : json_null(), "good",
		(json_int_t)(t->good < log->size ? t->good : log->size));
}

static int list_log(void *ctx, const struct store_log *log)
{
	struct list *l = ctx;
	struct store_trust trust;
	struct split s;
	int rc = split_load(l->cli, log, &s);

	if (rc == 0)
		rc = store_log_trust(l->cli->reader, log, &trust);
	if (rc != 0)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	l->len++;
	if (l->cli->json)
		json_array_append_new(l->items, list_json(l, log, &s, &trust));
	else
		list_row(l, log, &s, &trust);
	return 0;
}

static int run_list(struct cli *c)
{
	struct list l = {.cli = c};
	int rc = cli_need_store(c);

	if (rc)
		return rc;
	l.items = json_array();
	if (!c->json)
		cli_table_init(&l.table, c,
			"origin|audience|incarnation|one size|other size|held|state");
	rc = store_log_each(c->reader, list_log, &l);
	if (!c->json)
		cli_table_print(&l.table);
	if (rc == 0 && c->json)
		return cli_json(c, l.items, CLI_DONE);
	json_decref(l.items);
	if (rc != 0)
		return cli_fail_code(c, rc, "store");
	if (l.len == 0)
		cli_note(c, "no split view is known here");
	return CLI_DONE;
}

/* The newest incarnation of a feed against which something is known. */
struct accused {
	struct cli *cli;
	struct log_name feed;
	bool any_incarnation, found;
	struct split split;
};

static int accused_log(void *ctx, const struct store_log *log)
{
	struct accused *a = ctx;
	struct split s;
	int rc;

	if (!node_id_eq(&log->name.node, &a->feed.node) ||
		!audience_eq(log->name.audience, a->feed.audience) ||
		(!a->any_incarnation && log->name.incarnation != a->feed.incarnation) ||
		(a->found && log->name.incarnation < a->split.first.log.incarnation))
		return 0;
	rc = split_load(a->cli, log, &s);
	if (rc != 0)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	a->found = true;
	a->split = s;
	return 0;
}

static int run_export(struct cli *c)
{
	struct accused a = {.cli = c};
	struct buf text = buf_with_max(SPLIT_TEXT_MAX);
	const struct note_key *key;
	const struct card *card;
	struct log_name whole;
	int rc = cli_need_store(c);

	if (!rc)
		rc = cli_find_feed(c, c->args[0], &a.feed);
	if (rc)
		return rc;
	a.any_incarnation = !log_name_parse(bytes_str(c->args[0]), &whole);
	rc = store_log_each(c->reader, accused_log, &a);
	if (rc != 0)
		return cli_fail_code(c, rc, "store");
	if (!a.found)
		return cli_fail(c, CLI_NOT, "no split view of %s is known here", c->args[0]);
	card = cli_card(c, &a.feed.node);
	key = card ? card_log_key(card, a.split.first.log.incarnation) : NULL;
	if (!key || split_verify(&a.split, key->public_key) != 0)
		return cli_fail(c, CLI_STORE,
			"%s: the proof in the store does not hold under the card's key",
			c->args[0]);
	split_text(&text, &a.split, key->public_key);
	rc = cli_write_out(c, buf_view(&text), 0644);
	buf_free(&text);
	if (rc || !c->json || !cli_value(c, "-o") || strcmp(cli_value(c, "-o"), "-") == 0)
		return rc;
	return cli_json(c, json_pack("{s:s}", "file", cli_value(c, "-o")), CLI_DONE);
}

/* --- verify ----------------------------------------------------------------------------------- */

/* Whose is the key that the file names? 0 with where that is known from, or an exit status;
 * *why gets what is wrong with it, or NULL. */
static int key_check(struct cli *c, const struct log_name *log, const uint8_t key[32],
	const char **from, const char **why)
{
	const char *file = cli_value(c, "--card"), *vkey = cli_value(c, "--log-key");
	const struct note_key *named;
	struct card_chain chain;
	struct note_key given;
	struct bytes text;
	int rc;

	*from = "file";
	if (vkey) {
		*from = "option";
		if (note_key_parse(bytes_str(vkey), &given) != 0)
			return cli_usage(c, "--log-key: \"%s\" is no verifier key", vkey);
		if (memcmp(given.public_key, key, sizeof(given.public_key)) != 0)
			*why = "the proof is about another key than the one given";
	}
	if (!file)
		return 0;
	*from = "card";
	if ((rc = cli_read_file(c, file, CARD_CHAIN_MAX * (CARD_BYTES_MAX + 8), &text)) != 0)
		return rc;
	rc = card_chain_read(text, file, &c->arena, &chain, &c->err);
	if (rc != 0)
		return cli_fail(c, CLI_INVALID, "%s", c->err.text);
	named = card_log_key(card_chain_last(&chain), log->incarnation);
	if (!node_id_eq(&card_chain_last(&chain)->node, &log->node))
		*why = "the card is another node's";
	else if (!named || memcmp(named->public_key, key, sizeof(named->public_key)) != 0)
		*why = "the card names another key for this incarnation";
	return 0;
}

static const char *proof_check(const struct split *s, const uint8_t key[32])
{
	switch (split_verify(s, key)) {
	case 0:
		return NULL;
	case ENT_ECRYPTO:
		return "the key has not signed both checkpoints";
	default:
		return "both checkpoints may be true";
	}
}

static json_t *verdict_json(const struct split *s, const uint8_t key[32], const char *from,
	const char *why)
{
	char feed[LOG_NAME_TEXT_SIZE], vkey[NOTE_VKEY_TEXT_MAX] = "";
	struct note_key named;

	log_name_text(feed, &s->first.log);
	if (note_key_init(&named, feed, NOTE_TYPE_ED25519, key) == 0)
		note_key_text(vkey, &named);
	return json_pack("{s:b, s:s?, s:s, s:o, s:s, s:s, s:o, s:o}", "holds", why == NULL, "why",
		why, "feed", feed, "origin", cli_json_node(&s->first.log.node), "key", vkey,
		"key_from", from, "first", checkpoint_json(&s->first), "second",
		checkpoint_json(&s->second));
}

static int run_verify(struct cli *c)
{
	char feed[LOG_NAME_TEXT_SIZE];
	const char *from, *why = NULL;
	struct bytes text;
	struct split *s = arena_alloc(&c->arena, sizeof(*s));
	uint8_t key[32];
	int rc = cli_read_file(c, c->args[0], SPLIT_TEXT_MAX, &text);

	if (rc)
		return rc;
	if (!s)
		return cli_fail_code(c, ENT_ENOMEM, c->args[0]);
	if (split_parse(text, c->args[0], s, key, &c->err) != 0)
		return cli_fail(c, CLI_INVALID, "%s", c->err.text);
	if ((rc = key_check(c, &s->first.log, key, &from, &why)) != 0)
		return rc;
	if (!why)
		why = proof_check(s, key);
	if (c->json)
		return cli_json(c, verdict_json(s, key, from, why), why ? CLI_NOT : CLI_DONE);
	log_name_text(feed, &s->first.log);
	if (why)
		return cli_fail(c, CLI_NOT, "%s: no proof against %s: %s", c->args[0], feed, why);
	printf("%sholds%s  the log key of %s has signed two histories, of sizes %" PRIu64
	       " and %" PRIu64 "\n",
		cli_paint(c, CLI_BAD), cli_paint(c, CLI_PLAIN), feed, s->first.size,
		s->second.size);
	if (strcmp(from, "file") == 0)
		cli_note(c, "the key is the one that the file names; --card or --log-key tells "
			    "whether it is the origin's");
	return CLI_DONE;
}

/* --- the commands ----------------------------------------------------------------------------- */

const struct cli_command cmd_split_list = {
	.name = "split list",
	.usage = "",
	.summary = "feeds whose origin has signed two histories, and whether that is settled",
	.example = "entente split list\n",
	.run = run_list,
};

static const struct cli_option export_options[] = {
	{"-o", "FILE", false, "where it goes; else standard output"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_split_export = {
	.name = "split export",
	.usage = "ORIGIN/AUDIENCE [-o FILE]",
	.summary = "the proof against a feed's origin as a file",
	.example = "entente split export fr/green -o fr-green.split\n",
	.options = export_options,
	.args_min = 1,
	.args_max = 1,
	.run = run_export,
};

static const struct cli_option verify_options[] = {
	{"--card", "FILE", false, "the origin's card, as \"card export\" gives it"},
	{"--log-key", "VKEY", false, "or its log key, as the card names it"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_split_verify = {
	.name = "split verify",
	.usage = "FILE [--card FILE | --log-key VKEY]",
	.summary = "whether a proof of a split view holds; needs no node",
	.example = "entente split verify fr-green.split --card fr.card\n",
	.options = verify_options,
	.args_min = 1,
	.args_max = 1,
	.run = run_verify,
};
