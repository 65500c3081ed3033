/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * entente checkpoint: the newest signed checkpoint of a log with the cosignatures of those who hold
 * it, or of the witnesses of a provenance log, as one note that other tools verify.
 */
#include "cli/acts.h"

#include <inttypes.h>
#include <string.h>

#define COSIGNERS_MAX 64u /* a note has room for 80 lines, and only those of peers are here */

struct cosigned {
	struct cli *cli;
	struct checkpoint checkpoint;
	bool pick; /* the newest checkpoint that anybody has cosigned, instead of this one */
	size_t len;
	struct store_receipt list[COSIGNERS_MAX];
};

/* --- gathering -------------------------------------------------------------------------------- */

static int gather(void *ctx, const struct store_receipt *r)
{
	struct cosigned *x = ctx;

	if (r->differs)
		return 0;
	if (x->pick && r->checkpoint.size > x->checkpoint.size) {
		x->checkpoint = r->checkpoint;
		x->len = 0;
	}
	if (r->checkpoint.size == x->checkpoint.size &&
		hash_eq(&r->checkpoint.root, &x->checkpoint.root) && x->len < COSIGNERS_MAX)
		x->list[x->len++] = *r;
	return 0;
}

/*
 * A log of acts grows all the time, and what its witnesses have cosigned is a little behind: there
 * the newest that they have is more use than the newest of all.
 */
static int cosigned_read(struct cosigned *x, const struct store_log *log)
{
	int rc;

	x->pick = log->name.audience.kind == AUDIENCE_PROVENANCE;
	x->checkpoint = log->checkpoint;
	if (x->pick)
		x->checkpoint.size = 0;
	rc = store_receipt_each(x->cli->reader, &log->name, gather, x);
	if (x->checkpoint.size == 0)
		x->checkpoint = log->checkpoint;
	return rc;
}

/* --- the note --------------------------------------------------------------------------------- */

static void note_line(struct buf *note, const struct store_receipt *r, const struct note_key *key)
{
	uint8_t blob[8 + sizeof(r->cosignature.signature)];

	be64_put(blob, r->cosignature.time);
	memcpy(blob + 8, r->cosignature.signature, sizeof(r->cosignature.signature));
	note_signature_line(note, bytes_str(key->name), key->id, BYTES_OF(blob));
}

/* Appends the cosignatures whose key is known, as lines of type 04; gives them as JSON. */
static json_t *note_cosign(struct cosigned *x, struct buf *note)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->len; i++) {
		const struct store_receipt *r = &x->list[i];
		const struct note_key *key = receipt_key_of(x->cli, r);

		if (!key)
			continue;
		note_line(note, r, key);
		json_array_append_new(list,
			json_pack("{s:o, s:s, s:o, s:s}", "node", cli_json_node(&r->node), "name",
				cli_name(x->cli, &r->node), "time",
				cli_json_time_s(receipt_time_s(r)), "key", key->name));
	}
	return list;
}

static int print_note(struct cosigned *x, const struct store_log *log, struct bytes note,
	json_t *cosignatures)
{
	struct cli *c = x->cli;
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
	document = json_pack("{s:s, s:I, s:o, s:I, s:O}", "origin", name, "size",
		(json_int_t)x->checkpoint.size, "root",
		cli_json_base64(BYTES_OF(x->checkpoint.root.bytes)), "held", (json_int_t)log->size,
		"cosignatures", cosignatures);
	json_object_set_new(document, piped ? "checkpoint" : "file",
		piped ? cli_json_text(note) : json_string(out));
	return cli_json(c, document, CLI_DONE);
}

/* Appends the note; gives the cosignatures on it. 0, or the exit status after cli_fail. */
static int write_note(struct cosigned *x, const struct store_log *log, struct buf *note,
	json_t **cosignatures)
{
	struct cli *c = x->cli;
	/* Logs are only ever added to a card, so the newest names the keys of all incarnations. */
	const struct card *card = cli_card(c, &log->name.node);
	const struct note_key *key = card ? card_log_key(card, log->name.incarnation) : NULL;

	if (!key)
		return cli_fail(c, CLI_NOT,
			"%s: no card known here names the log key of incarnation %" PRIu64,
			c->args[0], log->name.incarnation);
	if (checkpoint_verify(&x->checkpoint, key->public_key) != 0)
		return cli_fail(c, CLI_STORE,
			"%s: the checkpoint in the store does not verify under the card's key",
			c->args[0]);
	checkpoint_note(note, &x->checkpoint, key->public_key);
	*cosignatures = note_cosign(x, note);
	return 0;
}

static int make_note(struct cosigned *x, const struct store_log *log)
{
	struct buf note = buf_with_max(NOTE_BYTES_MAX);
	json_t *cosignatures = NULL;
	int rc = write_note(x, log, &note, &cosignatures);

	if (rc == 0)
		rc = print_note(x, log, buf_view(&note), cosignatures);
	json_decref(cosignatures);
	buf_free(&note);
	return rc;
}

int checkpoint_of(struct cli *c, const struct store_log *log, struct checkpoint *used,
	struct buf *note)
{
	struct cosigned *x = arena_alloc(&c->arena, sizeof(*x));
	json_t *cosignatures = NULL;
	int rc;

	if (!x)
		return cli_fail_code(c, ENT_ENOMEM, "checkpoint");
	x->cli = c;
	rc = cosigned_read(x, log);
	if (rc != 0)
		return cli_fail_code(c, rc, "checkpoint");
	rc = write_note(x, log, note, &cosignatures);
	json_decref(cosignatures);
	*used = x->checkpoint;
	return rc;
}

/* --- the command ------------------------------------------------------------------------------ */

/* A feed, or with ORIGIN/provenance this node's newest log of acts. */
int checkpoint_log(struct cli *c, struct store_log *log)
{
	const char *arg = c->args[0], *slash = strrchr(arg, '/');
	struct log_name name;
	struct node_id node;
	int rc;

	if (slash && strcmp(slash, "/provenance") == 0) {
		char *owner = arena_strdup(&c->arena, arg);

		owner[slash - arg] = '\0';
		rc = cli_find_node(c, owner, &node);
		if (rc)
			return rc;
		if (!cli_own(c) || !node_id_eq(&node, &cli_own(c)->node))
			return cli_fail(c, CLI_NOT, "%s: only its own node has it", arg);
		rc = acts_log_newest(c, log);
	} else {
		rc = cli_find_feed(c, arg, &name);
		if (rc)
			return rc;
		rc = store_log_get(c->reader, &name, log);
	}
	if (rc == ENT_ENOTFOUND || (!rc && !log->has_checkpoint))
		return cli_fail(c, CLI_NOT, "no checkpoint of %s is known here", arg);
	return rc ? cli_fail_code(c, rc, arg) : 0;
}

static int run(struct cli *c)
{
	struct cosigned *x;
	struct store_log log;
	int rc = cli_need_store(c);

	if (!rc)
		rc = checkpoint_log(c, &log);
	if (rc)
		return rc;
	x = arena_alloc(&c->arena, sizeof(*x));
	if (!x)
		return cli_fail_code(c, ENT_ENOMEM, "checkpoint");
	x->cli = c;
	rc = cosigned_read(x, &log);
	return rc ? cli_fail_code(c, rc, c->args[0]) : make_note(x, &log);
}

static const struct cli_option options[] = {
	{"-o", "FILE", false, "where it goes; else standard output"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_checkpoint = {
	.name = "checkpoint",
	.usage = "ORIGIN/AUDIENCE|ORIGIN/provenance [-o FILE]",
	.summary = "the newest signed checkpoint of a log with its cosignatures, as a note",
	.example = "entente checkpoint fr/clear\n"
		   "entente checkpoint fr/provenance -o fr.acts\n",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
