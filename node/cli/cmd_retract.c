/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * entente retract and erase: take back what this node has said of a value, in every audience where
 * it stands, or what one publication has said as far as it still stands. A retraction, and an
 * erasure, is a record like others (DESIGN 7), marked as the claim that it takes back; an erasure
 * has every holder delete the claim's body besides.
 */
#include <inttypes.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/publication.h"
#include "cli/publish.h"
#include "cli/records.h"

struct retracting {
	struct publish publish;
	struct cli *cli;
	struct records records;
	struct publish_input input;
	struct buf body;
	struct arena arena; /* of one claim */
	bool erasing, now;
	struct record_claims claims;
	unsigned asked_len;
};

static const char *command(const struct retracting *r)
{
	return r->erasing ? "erase" : "retract";
}

/* The value that a claim is about, so that a refusal can name it. */
static struct bytes claim_value(struct retracting *r, const struct record_claim *claim)
{
	struct record_indicator indicator;
	struct record_object object;
	struct bytes body = claim->entry.entry.body;

	arena_reset(&r->arena);
	if (claim->entry.entry.erased)
		return BYTES_NONE;
	if (claim->entry.header.kind == KIND_INDICATOR)
		return record_indicator_decode(body, &r->arena, &indicator) == 0 ? indicator.value
										 : BYTES_NONE;
	if (claim->entry.header.kind == KIND_OBJECT)
		return record_object_decode(body, &r->arena, &object) == 0 ? object.stix_id
									   : BYTES_NONE;
	return BYTES_NONE;
}

/* It stands as it is, in a feed of a former incarnation it may be. */
static int unchanged(struct retracting *r, uint32_t standing)
{
	const struct records_log *log = records_log(&r->records, standing);

	if (!log)
		return ENT_ECORRUPT;
	publish_unchanged(&r->publish, &log->name);
	return 0;
}

static int retract_claim(struct retracting *r, const struct record_claim *claim, unsigned line)
{
	const struct entry_header *h = &claim->entry.header;
	struct intake_claim c = {.line = line,
		.kind = r->erasing ? KIND_ERASURE : KIND_RETRACTION,
		.tlp = h->tlp,
		.pap = h->pap,
		.agreement =
			claim->log.audience.kind == AUDIENCE_AGREEMENT ? claim->log.audience.id : 0,
		.has_object = true,
		.value = claim_value(r, claim),
		.body = buf_view(&r->body)};

	/* What is retracted may still be erased, and what is erased recalled: whether it is, the
	 * daemon knows. */
	if (r->erasing ? claim->erased && !r->now : claim->retracted)
		return unchanged(r, claim->standing);
	memcpy(c.object, h->object, sizeof(c.object));
	return spool_add(&r->publish.spool, &c);
}

static bool is_own_claim(const struct retracting *r, const struct record_claim *claim)
{
	return r->records.has_self && node_id_eq(&claim->log.node, &r->records.self) &&
	       claim->log.audience.kind != AUDIENCE_LOCAL &&
	       (claim->entry.header.kind == KIND_INDICATOR ||
		       claim->entry.header.kind == KIND_OBJECT);
}

static int unknown_add(struct retracting *r, unsigned line, struct bytes text, const char *why)
{
	if (cli_value(r->cli, "--file"))
		cli_note(r->cli, "%s:%u: %s: %s", r->input.name, line, cli_clean(r->cli, text),
			why);
	else
		cli_note(r->cli, "%s: %s", cli_clean(r->cli, text), why);
	json_array_append_new(r->publish.unknown, cli_json_text(text));
	return 0;
}

static int retract_one(void *ctx, unsigned line, struct bytes text)
{
	struct retracting *r = ctx;
	struct record_target *target = arena_alloc(&r->cli->arena, sizeof(*target));
	struct err_text reason = {""};
	bool own = false;
	int rc = 0;

	r->asked_len++;
	if (!target)
		return cli_fail_code(r->cli, ENT_ENOMEM, command(r));
	if (record_target_parse(target, text, &reason) != 0)
		return unknown_add(r, line, text, reason.text);
	r->claims.len = 0;
	rc = records_by_target(&r->records, target, &r->claims);
	if (rc == 0 && r->claims.len == 0)
		rc = records_by_own_value(&r->records, target, &r->claims);
	for (size_t i = 0; rc == 0 && i < r->claims.len; i++) {
		if (!is_own_claim(r, &r->claims.list[i]))
			continue;
		own = true;
		rc = retract_claim(r, &r->claims.list[i], line);
	}
	if (rc != 0)
		return cli_fail_code(r->cli, rc, command(r));
	if (own)
		return 0;
	return unknown_add(r, line, text,
		r->claims.len > 0 ? "others have published it, this node has not"
				  : "this node has not published it");
}

/* One entry of a publication. What a later claim has replaced is not the publication's any more. */
static int retract_published(void *ctx, const struct log_name *log, const struct store_entry *e)
{
	struct retracting *r = ctx;
	struct record_claim claim = {.log = *log, .entry = *e, .standing = e->log};
	struct store_entry standing;
	int rc;

	if (!is_own_claim(r, &claim))
		return 0;
	rc = store_object_standing(r->cli->reader, &log->node, log->audience, e->header.object,
		&standing);
	if (rc != 0 && rc != ENT_ENOTFOUND)
		return cli_fail_code(r->cli, rc, "store");
	r->asked_len++;
	/* The index does not come as far, though it was waited for: the daemon says what to do. */
	if (rc != 0 && store_index_position(r->cli->reader) < store_arrival_last(r->cli->reader)) {
		rc = retract_claim(r, &claim, r->asked_len);
		return rc != 0 ? cli_fail_code(r->cli, rc, command(r)) : 0;
	}
	if (rc == 0)
		claim.standing = standing.log;
	claim.erased = rc == 0 && standing.header.kind == KIND_ERASURE;
	claim.retracted = claim.erased || (rc == 0 && standing.header.kind == KIND_RETRACTION);
	if (rc != 0 || (!claim.retracted && (standing.log != e->log || standing.index != e->index)))
		rc = unchanged(r, claim.standing);
	else
		rc = retract_claim(r, &claim, r->asked_len);
	return rc != 0 ? cli_fail_code(r->cli, rc, command(r)) : 0;
}

static int publication_read(struct retracting *r, const char *id)
{
	int rc = spool_mark(&r->publish.spool, &r->input.claims.from);

	r->input.name = id;
	if (rc != 0)
		return cli_fail_code(r->cli, rc, command(r));
	rc = publication_each(r->cli, id, retract_published, r, &r->publish.not_kept);
	if (rc != 0)
		return rc;
	rc = spool_mark(&r->publish.spool, &r->input.claims.to);
	return rc != 0 ? cli_fail_code(r->cli, rc, command(r)) : 0;
}

static int arguments_read(struct retracting *r, const char *file)
{
	struct cli *c = r->cli;
	int rc = spool_mark(&r->publish.spool, &r->input.claims.from);

	r->input.name = file ? file : "arguments";
	for (size_t i = 0; rc == 0 && i < c->args_len; i++)
		rc = retract_one(r, (unsigned)i + 1, bytes_str(c->args[i]));
	if (rc == 0 && file)
		rc = records_lines(c, file, retract_one, r);
	if (rc != 0)
		return rc;
	rc = spool_mark(&r->publish.spool, &r->input.claims.to);
	return rc != 0 ? cli_fail_code(c, rc, command(r)) : 0;
}

static int reason_read(struct retracting *r)
{
	const char *reason = cli_value(r->cli, "--reason");
	struct record_retraction retraction = {.reason = bytes_str(reason ? reason : "")};
	struct record_erasure erasure = {.reason = retraction.reason, .now = r->now};
	int rc = r->erasing ? record_erasure_encode(&r->body, &erasure)
			    : record_retraction_encode(&r->body, &retraction);

	if (r->erasing && !reason)
		return cli_usage(r->cli, "--reason TEXT is wanted: it stays when the rest is gone");
	if (rc != 0 || buf_failed(&r->body))
		return cli_usage(r->cli, "--reason: up to %u bytes of UTF-8 are wanted",
			RECORD_REASON_MAX);
	return 0;
}

/* Retention has moved the floor past them, and said again what still held. */
static int not_kept(struct retracting *r, bool any)
{
	return cli_fail(r->cli, CLI_NOT,
		"%" PRIu64 " of its entries are not kept any more, and what still held of them was "
		"said again by retention, under no publication: take that back by value, or with "
		"--file and the list that was published%s",
		r->publish.not_kept, any ? "; the rest is taken back" : "");
}

static int retract_run(struct retracting *r)
{
	struct cli *c = r->cli;
	const char *file = cli_value(c, "--file"), *id = cli_value(c, "--publication");
	int rc;

	if ((file != NULL) + (id != NULL) + (c->args_len > 0) != 1)
		return cli_usage(c,
			"one of VALUE|OBJECT-ID, --file FILE and --publication ID is wanted");
	if ((rc = reason_read(r)) != 0 || (rc = records_open(&r->records, c)) != 0 ||
		(rc = id ? publication_read(r, id) : arguments_read(r, file)) != 0)
		return rc;
	if (r->asked_len > 0 && json_array_size(r->publish.unknown) == r->asked_len)
		return cli_fail(c, CLI_NOT, "this node has published none of it");
	if (r->asked_len == 0 && r->publish.not_kept > 0)
		return not_kept(r, false);
	if (id && r->asked_len == 0)
		return cli_fail(c, CLI_NOT,
			"publication %s has claimed nothing that can be taken back: it took back "
			"itself",
			id);
	r->publish.inputs = &r->input;
	r->publish.inputs_len = 1;
	rc = publish_send(&r->publish);
	if (rc == 0)
		rc = publish_print(&r->publish, false);
	return rc == 0 && r->publish.not_kept > 0 ? not_kept(r, true) : rc;
}

static int take_back(struct cli *c, bool erasing)
{
	struct retracting r = {.cli = c,
		.erasing = erasing,
		.now = erasing && cli_has(c, "--now"),
		.body = buf_with_max(ENTRY_BODY_MAX)};
	int rc = publish_init(&r.publish, c);

	r.publish.unknown = json_array();
	r.publish.takes_back = true;
	if (rc == 0)
		rc = retract_run(&r);
	records_own_forget(&r.records);
	publish_free(&r.publish);
	arena_free(&r.arena);
	buf_free(&r.body);
	return rc;
}

static int run(struct cli *c)
{
	return take_back(c, false);
}

static int run_erase(struct cli *c)
{
	return take_back(c, true);
}

static const struct cli_option options[] = {
	{"--file", "FILE", false, "one value or object id a line; - is standard input"},
	{"--publication", "ID", false, "what one publication has said, as far as it still stands"},
	{"--reason", "TEXT", false, "why, for those who have it"},
	{"--urgent", NULL, false, "sent before everything else"},
	PUBLISH_RECEIPTS_OPTIONS,
	{"--operator", "NAME", false, "who retracts, for provenance; default: the login name"},
	{0},
};

const struct cli_command cmd_retract = {
	.name = "retract",
	.usage = "VALUE|OBJECT-ID... | --file FILE | --publication ID [--reason TEXT]",
	.summary = "takes back what this node has published, wherever it stands",
	.example = "entente retract evil.example --reason 'sinkholed'\n"
		   "entente retract --publication 5f1c --reason 'wrong list'\n",
	.options = options,
	.args_max = -1,
	.run = run,
};

static const struct cli_option erase_options[] = {
	{"--file", "FILE", false, "one value or object id a line; - is standard input"},
	{"--publication", "ID", false, "what one publication has said, as far as it still stands"},
	{"--reason", "TEXT", false, "why, for those who had it: it is wanted, and it stays"},
	{"--now", NULL, false, "a recall: provenance says so, and holders have less time"},
	PUBLISH_RECEIPTS_OPTIONS,
	{"--operator", "NAME", false, "who erases, for provenance; default: the login name"},
	{0},
};

const struct cli_command cmd_erase = {
	.name = "erase",
	.usage = "VALUE|OBJECT-ID... | --file FILE | --publication ID --reason TEXT [--now]",
	.summary = "has every holder delete what this node has published of it",
	.example = "entente erase jane.example.net --reason 'a private person' --now\n",
	.options = erase_options,
	.args_max = -1,
	.run = run_erase,
};
