/* SPDX-License-Identifier: EUPL-1.2 */
/* Rosters: drafted from cards, signed by k of n roots from files alone, accepted by each node. */
#include "cli/signed.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "keys/field.h"
#include "keys/roster.h"

static const char *state_of(const struct roster *r)
{
	return cli_signed_state(roster_complete(r), r->valid_from, r->valid_until);
}

static json_t *json_lines(const struct roster_line *lines, size_t len, bool signs)
{
	json_t *array = json_array();

	for (size_t i = 0; i < len; i++) {
		char vkey[NOTE_VKEY_TEXT_MAX];
		json_t *line;

		note_key_text(vkey, &lines[i].root);
		line = json_pack("{s:s, s:o, s:s}", "name", lines[i].name, "node",
			cli_json_node(&lines[i].node), "root", vkey);
		if (signs)
			json_object_set_new(line, "signed", json_boolean(lines[i].signed_by));
		json_array_append_new(array, line);
	}
	return array;
}

static json_t *json_roster(const struct roster *r)
{
	char id[17];

	cli_agreement_text(id, r->id);
	return json_pack("{s:s, s:I, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:b, s:o}", "id", id,
		"serial", (json_int_t)r->serial, "title", r->title, "state", state_of(r),
		"threshold", (json_int_t)r->threshold, "signers",
		json_lines(r->signers, r->signers_len, true), "members",
		json_lines(r->members, r->members_len, false), "valid_from",
		cli_json_time_s(r->valid_from), "valid_until", cli_json_time_s(r->valid_until),
		"complete", roster_complete(r), "hash", cli_json_hex(BYTES_OF(r->hash)));
}

/* file NULL: what is in force here. */
static int print_roster(struct cli *c, const struct roster *r, const char *file)
{
	json_t *document;
	char id[17];

	if (c->json) {
		document = json_roster(r);
		if (file)
			json_object_set_new(document, "file", json_string(file));
		return cli_json(c, document, CLI_DONE);
	}
	cli_agreement_text(id, r->id);
	printf("roster %s, serial %u, is %s%s%s\n", id, r->serial, state_of(r), file ? ": " : "",
		file ? file : "");
	for (size_t i = 0; i < r->signers_len; i++)
		printf("  %s%-12s%s %s\n",
			cli_paint(c, r->signers[i].signed_by ? CLI_GOOD : CLI_WARN),
			r->signers[i].signed_by ? "signed" : "not signed", cli_paint(c, CLI_PLAIN),
			r->signers[i].name);
	printf("  %zu of %u wanted; %zu members\n", r->signatures_valid, r->threshold,
		r->members_len);
	return CLI_DONE;
}

/* --- draft ------------------------------------------------------------------------------------ */

static int take_card(struct cli *c, const char *file, struct roster_line *line)
{
	const struct card *card;
	int rc = cli_read_card(c, file, &card);

	if (rc)
		return rc;
	*line = (struct roster_line){.node = card->node, .root = card->root};
	snprintf(line->name, sizeof(line->name), "%.63s", card->name);
	return 0;
}

/* What an option names replaces what stood there. */
static int take_cards(struct cli *c, const char *option, size_t max, struct roster_line **lines,
	size_t *len)
{
	struct roster_line *fresh;
	const char *file;
	size_t at = 0;

	if (!cli_has(c, option))
		return 0;
	fresh = arena_alloc(&c->arena, max * sizeof(*fresh));
	if (!fresh)
		return cli_fail(c, CLI_STORE, "%s", err_sentence(ENT_ENOMEM));
	for (; (file = cli_value_at(c, option, at)); at++) {
		int rc = at < max
				 ? take_card(c, file, &fresh[at])
				 : cli_fail(c, CLI_INVALID, "%s: at most %zu of them", option, max);

		if (rc)
			return rc;
	}
	*lines = fresh;
	*len = at;
	return 0;
}

/* A roster by the prefix of its id, or from a file. */
static int load(struct cli *c, const char *what, struct roster *r, struct bytes *note)
{
	char id[17];
	int rc;

	if (!cli_looks_like_id(what)) {
		rc = cli_read_file(c, what, NOTE_BYTES_MAX, note);
		if (rc)
			return rc;
		rc = roster_parse(*note, what, &c->arena, r, &c->err);
		return rc ? cli_fail_code(c, rc, what) : 0;
	}
	rc = cli_need_keydir(c);
	for (size_t i = 0; !rc && i < c->keydir.rosters_len; i++) {
		cli_agreement_text(id, c->keydir.rosters[i]->id);
		if (strncmp(id, what, strlen(what)) == 0) {
			*r = *c->keydir.rosters[i];
			*note = c->keydir.roster_notes[i];
			return 0;
		}
	}
	return rc ? rc : cli_fail(c, CLI_NOT, "%s: there is no such roster or file", what);
}

static int draft_begin(struct cli *c, struct roster *r)
{
	struct env_rng rng = cli_rng();
	struct bytes note;
	int rc;

	if (!cli_has(c, "--amend")) {
		*r = (struct roster){.id = env_random_u64(&rng), .serial = 1, .threshold = 1};
		snprintf(r->title, sizeof(r->title), "Roster");
		return cli_valid_days(c, &r->valid_from, &r->valid_until);
	}
	rc = load(c, cli_value(c, "--amend"), r, &note);
	if (!rc && cli_has(c, "--valid-days"))
		rc = cli_valid_days(c, &r->valid_from, &r->valid_until);
	r->serial++;
	return rc;
}

static int take_options(struct cli *c, struct roster *r)
{
	uint64_t threshold = r->threshold;
	int rc = take_cards(c, "--signer", ROSTER_SIGNERS_MAX, &r->signers, &r->signers_len);

	if (!rc)
		rc = take_cards(c, "--member", ROSTER_MEMBERS_MAX, &r->members, &r->members_len);
	if (!rc)
		rc = cli_number(c, "--threshold", 1, ROSTER_SIGNERS_MAX, &threshold);
	r->threshold = (uint32_t)threshold;
	if (!rc && (r->signers_len == 0 || r->members_len == 0))
		rc = cli_usage(c, "%s FILE.card is missing",
			r->signers_len == 0 ? "--signer" : "--member");
	if (!rc && threshold > r->signers_len)
		rc = cli_fail(c, CLI_INVALID,
			"--threshold: saw %u, wanted at most the %zu who sign", r->threshold,
			r->signers_len);
	if (!rc)
		rc = cli_title(c, r->title, sizeof(r->title));
	return rc;
}

static int parse(struct cli *c, struct bytes note, const char *file, void *text)
{
	return roster_parse(note, file, &c->arena, text, &c->err);
}

static int print_text(struct cli *c, void *text, const char *file)
{
	return print_roster(c, text, file);
}

static const struct cli_signed_kind kind = {NOTE_BYTES_MAX, parse, roster_sign, print_text};

static int run_draft(struct cli *c)
{
	struct buf text = buf_with_max(NOTE_BYTES_MAX);
	struct roster r;
	int rc;

	if (!cli_has(c, "-o"))
		return cli_usage(c, "-o FILE is missing");
	rc = draft_begin(c, &r);
	if (!rc)
		rc = take_options(c, &r);
	if (rc)
		return rc;
	roster_text(&text, &r);
	rc = cli_signed_draft(c, &kind, &text, &r);
	buf_free(&text);
	return rc;
}

static const struct cli_option draft_options[] = {
	{"--signer", "FILE.card", true, "whose root signs; with --amend replaces all"},
	{"--member", "FILE.card", true, "who is listed; with --amend replaces all"},
	{"--threshold", "K", false, "so many signers make it count (1)"},
	{"--title", "TEXT", false, "what it is"},
	{"--valid-days", "N", false, "from today (365)"},
	{"--amend", "ID|FILE", false, "the next serial of this roster"},
	{"-o", "FILE", false, "where the draft goes"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_roster_draft = {
	.name = "roster draft",
	.usage = "--signer FILE.card... --member FILE.card... --threshold K [--title T] "
		 "[--valid-days N] [--amend ID|FILE] -o FILE",
	.summary = "a list of nodes for k of n roots to sign",
	.example = "entente roster draft --signer fr.card --signer de.card --threshold 2 "
		   "--member lu.card -o eu.roster\n",
	.options = draft_options,
	.run = run_draft,
};

/* --- sign ------------------------------------------------------------------------------------- */

static int run_sign(struct cli *c)
{
	struct roster r;

	return cli_signed_sign(c, &kind, &r);
}

const struct cli_command cmd_roster_sign = {
	.name = "roster sign",
	.usage = "FILE [--root-key FILE] [--passphrase-file F]",
	.summary = "add a signer's root signature, in place; needs no node",
	.example = "entente roster sign eu.roster --root-key root.key\n",
	.options = cli_sign_options,
	.args_min = 1,
	.args_max = 1,
	.run = run_sign,
};

/* --- accept, list, show ----------------------------------------------------------------------- */

static int run_accept(struct cli *c)
{
	const char *file = c->args[0];
	struct bytes note;
	struct roster r;
	int rc = cli_need_keydir(c);

	if (!rc)
		rc = cli_read_file(c, file, NOTE_BYTES_MAX, &note);
	if (rc)
		return rc;
	rc = keydir_install_roster(cli_path(c, "keys"), note, file, cli_now_s(), &c->err);
	if (!rc)
		rc = roster_parse(note, file, &c->arena, &r, &c->err);
	if (rc)
		return cli_fail_code(c, rc, file);
	(void)cli_reload(c);
	return print_roster(c, &r, NULL);
}

static const struct cli_option accept_options[] = {
	CLI_OPERATOR,
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_roster_accept = {
	.name = "roster accept",
	.usage = "FILE [--operator NAME]",
	.summary = "take feeds of its members from any peer that passes their cards",
	.example = "entente roster accept eu.roster\n",
	.options = accept_options,
	.args_min = 1,
	.args_max = 1,
	.run = run_accept,
};

static int run_list(struct cli *c)
{
	struct cli_table table;
	json_t *array;
	int rc = cli_need_keydir(c);

	if (rc)
		return rc;
	if (c->json) {
		array = json_array();
		for (size_t i = 0; i < c->keydir.rosters_len; i++)
			json_array_append_new(array, json_roster(c->keydir.rosters[i]));
		return cli_json(c, array, CLI_DONE);
	}
	cli_table_init(&table, c, "ID|SERIAL|STATE|UNTIL|MEMBERS|TITLE");
	for (size_t i = 0; i < c->keydir.rosters_len; i++) {
		const struct roster *r = c->keydir.rosters[i];
		bool good = strcmp(state_of(r), "in-force") == 0;
		char until[TEXT_TIME_SIZE];

		text_time_s(until, r->valid_until);
		cli_table_cell(&table, CLI_PLAIN, "%016" PRIx64, r->id);
		cli_table_cell(&table, CLI_PLAIN, "%u", r->serial);
		cli_table_cell(&table, good ? CLI_GOOD : CLI_WARN, "%s", state_of(r));
		cli_table_cell(&table, CLI_PLAIN, "%.10s", until);
		cli_table_cell(&table, CLI_PLAIN, "%zu", r->members_len);
		cli_table_cell(&table, CLI_PLAIN, "%s", r->title);
	}
	cli_table_print(&table);
	return CLI_DONE;
}

const struct cli_command cmd_roster_list = {
	.name = "roster list",
	.usage = "",
	.summary = "the rosters that this node has accepted",
	.example = "entente roster list\n",
	.run = run_list,
};

static int run_show(struct cli *c)
{
	struct bytes note;
	struct roster r;
	int rc = load(c, c->args[0], &r, &note);

	return rc ? rc : cli_signed_show(c, json_roster(&r), note, state_of(&r));
}

const struct cli_command cmd_roster_show = {
	.name = "roster show",
	.usage = "ID|FILE",
	.summary = "the text of a roster, and whose signatures hold",
	.example = "entente roster show eu.roster\n",
	.args_min = 1,
	.args_max = 1,
	.run = run_show,
};
