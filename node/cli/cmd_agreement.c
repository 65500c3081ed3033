/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Agreements from draft to force: draft, sign (every party, on files alone), accept. And looking at
 * them: list, show, words.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/agreement.h"
#include "cli/signed.h"
#include "keys/file.h"
#include "policy/clock.h"

/* --- ID|FILE ---------------------------------------------------------------------------------- */

int cli_load_agreement(struct cli *c, const char *text, struct agreement *a, struct bytes *note)
{
	const struct agreement *known;
	int rc;

	if (cli_looks_like_id(text)) {
		rc = cli_find_agreement(c, text, &known);
		if (rc)
			return rc;
		*a = *known;
		for (size_t i = 0; i < c->keydir.agreements_len; i++)
			if (c->keydir.agreements[i] == known)
				*note = c->keydir.agreement_notes[i];
		return 0;
	}
	rc = cli_read_file(c, text, NOTE_BYTES_MAX, note);
	if (rc)
		return rc;
	rc = agreement_parse(*note, text, &c->arena, a, &c->err);
	return rc ? cli_fail_code(c, rc, text) : 0;
}

static const char *words_of(struct cli *c, const struct agreement *a)
{
	struct buf words = buf_with_max(1024);
	const char *text;

	agreement_words(a, &words);
	text = cli_clean(c, buf_view(&words));
	buf_free(&words);
	return text;
}

/* --- draft ------------------------------------------------------------------------------------ */

static struct agreement_party *party_named(struct agreement *a, struct bytes name)
{
	for (size_t i = 0; i < a->parties_len; i++)
		if (bytes_eq_str(name, a->parties[i].name))
			return &a->parties[i];
	return NULL;
}

/* The next item of a list with commas. */
static bool next_item(struct bytes *rest, struct bytes *item)
{
	const uint8_t *comma;

	if (!rest->len)
		return false;
	comma = memchr(rest->data, ',', rest->len);
	*item = bytes_from(rest->data, comma ? (size_t)(comma - rest->data) : rest->len);
	*rest = bytes_skip(*rest, item->len + (comma != NULL));
	return true;
}

/* Splits NAME=LIST and finds the party. */
static int split_party(struct cli *c, struct agreement *a, const char *option, const char *text,
	struct agreement_party **party, struct bytes *list)
{
	const char *equals = strchr(text, '=');

	if (!equals)
		return cli_usage(c, "%s: saw \"%s\", wanted NAME=LIST", option, text);
	*party = party_named(a, bytes_from(text, (size_t)(equals - text)));
	*list = bytes_str(equals + 1);
	if (*party)
		return 0;
	return cli_fail(c, CLI_INVALID, "%s: saw \"%s\", wanted the name of a party, such as %s",
		option, text, a->parties[0].name);
}

static int take_gives(struct cli *c, struct agreement *a)
{
	const char *text;

	for (size_t i = 0; (text = cli_value_at(c, "--gives", i)); i++) {
		struct agreement_party *p;
		struct bytes list, item;
		enum tlp tlp;
		int rc = split_party(c, a, "--gives", text, &p, &list);

		if (rc)
			return rc;
		p->gives = 0;
		if (bytes_eq_str(list, "none"))
			continue;
		while (next_item(&list, &item)) {
			if (!tlp_parse(item, &tlp))
				return cli_fail(c, CLI_INVALID,
					"--gives: saw \"%s\", wanted clear, green, amber, "
					"amber+strict, "
					"red or none",
					text);
			p->gives |= TLP_BIT(tlp);
		}
	}
	return 0;
}

static int take_quotas(struct cli *c, struct agreement *a)
{
	const char *text;

	for (size_t i = 0; (text = cli_value_at(c, "--quota", i)); i++) {
		struct agreement_party *p;
		struct bytes quota;
		int rc = split_party(c, a, "--quota", text, &p, &quota);

		if (rc)
			return rc;
		if (!agreement_quota_parse(quota, p))
			return cli_fail(c, CLI_INVALID,
				"--quota: saw \"%s\", wanted NAME=5000000 records/day 4 GiB/day "
				"100 origins",
				text);
	}
	return 0;
}

static int take_types(struct cli *c, struct agreement *a)
{
	const char *text;

	for (size_t i = 0; (text = cli_value_at(c, "--types", i)); i++) {
		struct agreement_party *p;
		struct bytes list, item;
		enum type type;
		int rc = split_party(c, a, "--types", text, &p, &list);

		if (rc)
			return rc;
		p->types = bytes_eq_str(list, "*") ? TYPE_BITS_ALL : 0;
		if (p->types || bytes_eq_str(list, "none"))
			continue;
		while (next_item(&list, &item)) {
			if (!type_parse(item, &type))
				return cli_fail(c, CLI_INVALID,
					"--types: saw \"%s\", wanted *, none or types such as "
					"ipv4,domain,url,sha256",
					text);
			p->types |= TYPE_BIT(type);
		}
	}
	return 0;
}

static int take_introduces(struct cli *c, struct agreement *a)
{
	const char *text = cli_value(c, "--introduces");
	struct bytes list, item;

	if (!text)
		return 0;
	for (size_t i = 0; i < a->parties_len; i++)
		a->parties[i].introduces = false;
	list = bytes_str(strcmp(text, "none") == 0 ? "" : text);
	while (next_item(&list, &item)) {
		struct agreement_party *p = party_named(a, item);

		if (!p)
			return cli_fail(c, CLI_INVALID,
				"--introduces: saw \"%s\", wanted names of parties, such as %s",
				text, a->parties[0].name);
		p->introduces = true;
	}
	return 0;
}

static int take_options(struct cli *c, struct agreement *a)
{
	struct env_rng rng = cli_rng();
	int rc = cli_title(c, a->title, sizeof(a->title));

	if (!rc)
		rc = take_gives(c, a);
	if (!rc)
		rc = take_types(c, a);
	if (!rc)
		rc = take_introduces(c, a);
	if (!rc)
		rc = take_quotas(c, a);
	if (cli_has(c, "--psk")) {
		a->has_psk = true;
		env_random(&rng, a->psk_id, sizeof(a->psk_id));
	}
	return rc;
}

/* Cards of the parties: the node's own, when there is a node here, then those of --with. */
static int draft_cards(struct cli *c, const struct card **cards, size_t *len)
{
	const char *file;
	int rc;

	*len = 0;
	if (access(cli_path(c, "keys"), F_OK) == 0) {
		rc = cli_need_keydir(c);
		if (rc)
			return rc;
		if (cli_own(c))
			cards[(*len)++] = cli_own(c);
	}
	for (size_t i = 0; (file = cli_value_at(c, "--with", i)); i++) {
		if (*len == AGREEMENT_PARTIES_MAX)
			return cli_fail(c, CLI_INVALID, "--with: saw more than %u parties",
				AGREEMENT_PARTIES_MAX);
		rc = cli_read_card(c, file, &cards[*len]);
		if (rc)
			return rc;
		/* Naming one's own card is no mistake worth stopping for. */
		if (*len == 0 || !node_id_eq(&cards[0]->node, &cards[*len]->node))
			(*len)++;
	}
	if (*len < 2)
		return cli_usage(c,
			"--with FILE.card is missing: an agreement has two parties or more");
	return 0;
}

static int draft_new(struct cli *c, struct agreement *a)
{
	const struct card *cards[AGREEMENT_PARTIES_MAX];
	struct env_rng rng = cli_rng();
	int64_t from, until;
	size_t len;
	int rc;

	rc = cli_valid_days(c, &from, &until);
	if (!rc)
		rc = draft_cards(c, cards, &len);
	if (rc)
		return rc;
	rc = agreement_draft(a, &c->arena, cards, len, env_random_u64(&rng), from, until, &c->err);
	return rc ? cli_fail_code(c, rc, "draft") : 0;
}

/* The next serial of a known agreement: same parties, under the roots of their cards in force. */
static int draft_amended(struct cli *c, struct agreement *a)
{
	struct bytes note;
	int rc;

	if (cli_has(c, "--with"))
		return cli_usage(c, "--with and --amend exclude each other: an agreement keeps its "
				    "parties");
	rc = cli_load_agreement(c, cli_value(c, "--amend"), a, &note);
	if (!rc)
		rc = cli_need_keydir(c);
	if (!rc && cli_has(c, "--valid-days"))
		rc = cli_valid_days(c, &a->valid_from, &a->valid_until);
	if (rc)
		return rc;
	a->serial++;
	a->signatures_valid = 0;
	for (size_t i = 0; i < a->parties_len; i++) {
		const struct card *card = cli_card(c, &a->parties[i].node);

		if (card)
			a->parties[i].root = card->root;
	}
	return 0;
}

static void print_parties(struct cli *c, const struct agreement *a)
{
	for (size_t i = 0; i < a->parties_len; i++)
		printf("  %s%-12s%s %s\n",
			cli_paint(c, a->parties[i].signed_by ? CLI_GOOD : CLI_WARN),
			a->parties[i].signed_by ? "signed" : "not signed", cli_paint(c, CLI_PLAIN),
			a->parties[i].name);
}

static json_t *json_agreement(struct cli *c, const struct agreement *a, const char *state)
{
	json_t *parties = json_array();
	char id[17];

	cli_agreement_text(id, a->id);
	for (size_t i = 0; i < a->parties_len; i++) {
		const struct agreement_party *p = &a->parties[i];
		json_t *gives = json_array();

		for (unsigned tlp = TLP_CLEAR; tlp <= TLP_RED; tlp++)
			if (p->gives & TLP_BIT(tlp))
				json_array_append_new(gives, json_string(tlp_name(tlp)));
		json_array_append_new(parties,
			json_pack("{s:s, s:o, s:o, s:b, s:b}", "name", p->name, "node",
				cli_json_node(&p->node), "gives", gives, "introduces",
				p->introduces, "signed", p->signed_by));
	}
	return json_pack("{s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:b, s:o, s:s}", "id", id, "serial",
		(json_int_t)a->serial, "title", a->title, "state", state, "parties", parties,
		"valid_from", cli_json_time_s(a->valid_from), "valid_until",
		cli_json_time_s(a->valid_until), "complete", agreement_complete(a), "hash",
		cli_json_hex(BYTES_OF(a->hash)), "words", words_of(c, a));
}

/* After a step of the clock some wait for the operator (policy/clock.h). */
static bool waits(struct cli *c, const struct agreement *a)
{
	struct buf text = buf_with_max(AGREEMENTS_MAX * 65);
	struct clock_watch *clock = arena_alloc(&c->arena, sizeof(*clock));
	bool waiting = false;

	if (clock && access(cli_path(c, "keys/clock.waiting"), R_OK) == 0 &&
		file_read(cli_path(c, "keys/clock.waiting"), &text, &c->err) == 0) {
		clock_read(clock, buf_view(&text));
		waiting = clock_waits(clock, a);
	}
	buf_free(&text);
	return waiting;
}

static const char *state_of(struct cli *c, const struct agreement *a)
{
	const char *state = cli_signed_state(agreement_complete(a), a->valid_from, a->valid_until);

	return strcmp(state, "in-force") == 0 && waits(c, a) ? "waits-for-clock" : state;
}

/* What a file now says, after draft or sign. */
static int print_file(struct cli *c, void *text, const char *file)
{
	const struct agreement *a = text;
	char id[17];
	json_t *document;

	if (c->json) {
		document = json_agreement(c, a, state_of(c, a));
		json_object_set_new(document, "file", json_string(file));
		return cli_json(c, document, CLI_DONE);
	}
	cli_agreement_text(id, a->id);
	printf("agreement %s, serial %u: %s\n", id, a->serial, file);
	print_parties(c, a);
	printf("words  %s\n", words_of(c, a));
	return CLI_DONE;
}

static int parse(struct cli *c, struct bytes note, const char *file, void *text)
{
	return agreement_parse(note, file, &c->arena, text, &c->err);
}

static const struct cli_signed_kind kind = {NOTE_BYTES_MAX, parse, agreement_sign, print_file};

static int run_draft(struct cli *c)
{
	struct buf text = buf_with_max(NOTE_BYTES_MAX);
	struct agreement a;
	int rc;

	if (!cli_has(c, "-o"))
		return cli_usage(c, "-o FILE is missing");
	rc = cli_has(c, "--amend") ? draft_amended(c, &a) : draft_new(c, &a);
	if (!rc)
		rc = take_options(c, &a);
	if (rc)
		return rc;
	agreement_text(&text, &a);
	rc = cli_signed_draft(c, &kind, &text, &a);
	buf_free(&text);
	return rc;
}

static const struct cli_option draft_options[] = {
	{"--with", "FILE.card", true, "another party; outside a home every party"},
	{"--title", "TEXT", false, "what it is about"},
	{"--gives", "NAME=TLP,...", true, "what NAME lets pass (clear,green)"},
	{"--types", "NAME=TYPE,...", true, "types of NAME's own feed for it (*)"},
	{"--introduces", "NAME,...", false, "whose introductions the others accept (none)"},
	{"--quota", "NAME=...", true,
		"what NAME may bring (5000000 records/day 4 GiB/day 100 origins)"},
	{"--valid-days", "N", false, "from today (365)"},
	{"--psk", NULL, false, "name a pre-shared key: entente agreement psk"},
	{"--amend", "ID", false, "the next serial of this agreement"},
	{"-o", "FILE", false, "where the draft goes"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_agreement_draft = {
	.name = "agreement draft",
	.usage = "--with FILE.card... [--title T] [--gives 'NAME=clear,green,amber']... "
		 "[--types 'NAME=*']... [--introduces NAME,...] [--quota NAME=...] [--valid-days "
		 "N] [--psk] "
		 "[--amend ID] -o FILE",
	.summary = "write an agreement for its parties to sign",
	.example = "entente agreement draft --with de.card --gives fr=clear,green,amber -o "
		   "fr-de.agreement\n",
	.options = draft_options,
	.run = run_draft,
};

/* --- sign ------------------------------------------------------------------------------------- */

static int run_sign(struct cli *c)
{
	struct agreement a;

	return cli_signed_sign(c, &kind, &a);
}

const struct cli_command cmd_agreement_sign = {
	.name = "agreement sign",
	.usage = "FILE [--root-key FILE] [--passphrase-file F]",
	.summary = "add a party's root signature, in place; needs no node and no card",
	.example = "entente agreement sign fr-de.agreement\n",
	.options = cli_sign_options,
	.args_min = 1,
	.args_max = 1,
	.run = run_sign,
};

/* --- accept ----------------------------------------------------------------------------------- */

static int run_accept(struct cli *c)
{
	size_t cards_len = c->args_len - 1;
	struct bytes *cards = arena_alloc(&c->arena, (cards_len + 1) * sizeof(*cards));
	struct agreement a;
	struct bytes note;
	int rc = cli_need_keydir(c);

	if (!rc && !cards)
		rc = cli_fail(c, CLI_STORE, "%s", err_sentence(ENT_ENOMEM));
	if (!rc)
		rc = cli_read_file(c, c->args[0], NOTE_BYTES_MAX, &note);
	for (size_t i = 0; !rc && i < cards_len; i++)
		rc = cli_read_file(c, c->args[i + 1], CARD_CHAIN_MAX * CARD_BYTES_MAX, &cards[i]);
	if (rc)
		return rc;
	rc = keydir_install(cli_path(c, "keys"), note, c->args[0], cards, c->args + 1, cards_len,
		cli_now_s(), &c->err);
	if (!rc)
		rc = agreement_parse(note, c->args[0], &c->arena, &a, &c->err);
	if (rc) /* a card that is wanted and not there: the input is incomplete */
		return cli_fail_code(c, rc == ENT_ENOTFOUND ? ENT_EINVALID : rc, c->args[0]);
	(void)cli_reload(c);
	if (c->json)
		return cli_json(c, json_agreement(c, &a, state_of(c, &a)), CLI_DONE);
	printf("agreement %016" PRIx64 ", serial %u, is %s\n", a.id, a.serial, state_of(c, &a));
	print_parties(c, &a);
	printf("words  %s\n\nCompare these words by phone: they cover the text and all roots.\n",
		words_of(c, &a));
	return CLI_DONE;
}

static const struct cli_option accept_options[] = {
	CLI_OPERATOR,
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_agreement_accept = {
	.name = "agreement accept",
	.usage = "FILE [FILE.card...] [--operator NAME]",
	.options = accept_options,
	.summary = "verify and install an agreement and its parties' cards",
	.example = "entente agreement accept fr-de.agreement de.card\n",
	.args_min = 1,
	.args_max = 1 + (int)AGREEMENT_PARTIES_MAX,
	.run = run_accept,
};

/* --- list, show, words ------------------------------------------------------------------------ */

static const char *parties_text(struct cli *c, const struct agreement *a)
{
	struct buf text = buf_with_max(AGREEMENT_PARTIES_MAX * (PARTY_NAME_MAX + 1));
	const char *clean;

	for (size_t i = 0; i < a->parties_len; i++)
		buf_printf(&text, "%s%s", i ? " " : "", a->parties[i].name);
	clean = cli_clean(c, buf_view(&text));
	buf_free(&text);
	return clean;
}

static int run_list(struct cli *c)
{
	struct cli_table table;
	json_t *array;
	int rc = cli_need_keydir(c);

	if (rc)
		return rc;
	if (c->json) {
		array = json_array();
		for (size_t i = 0; i < c->keydir.agreements_len; i++)
			json_array_append_new(array, json_agreement(c, c->keydir.agreements[i],
							     state_of(c, c->keydir.agreements[i])));
		return cli_json(c, array, CLI_DONE);
	}
	cli_table_init(&table, c, "ID|SERIAL|STATE|UNTIL|PARTIES|TITLE");
	for (size_t i = 0; i < c->keydir.agreements_len; i++) {
		const struct agreement *a = c->keydir.agreements[i];
		bool good = strcmp(state_of(c, a), "in-force") == 0;
		char until[TEXT_TIME_SIZE];

		text_time_s(until, a->valid_until);
		cli_table_cell(&table, CLI_PLAIN, "%016" PRIx64, a->id);
		cli_table_cell(&table, CLI_PLAIN, "%u", a->serial);
		cli_table_cell(&table, good ? CLI_GOOD : CLI_WARN, "%s", state_of(c, a));
		cli_table_cell(&table, CLI_PLAIN, "%.10s", until);
		cli_table_cell(&table, CLI_PLAIN, "%s", parties_text(c, a));
		cli_table_cell(&table, CLI_PLAIN, "%s", a->title);
	}
	cli_table_print(&table);
	for (size_t i = 0; i < c->keydir.problems_len; i++)
		cli_note(c, "%s", c->keydir.problems[i].error.text);
	return CLI_DONE;
}

const struct cli_command cmd_agreement_list = {
	.name = "agreement list",
	.usage = "",
	.summary = "the agreements of this node",
	.example = "entente agreement list\n",
	.run = run_list,
};

static int run_show(struct cli *c)
{
	struct agreement a;
	struct bytes note;
	int rc = cli_load_agreement(c, c->args[0], &a, &note);

	if (rc)
		return rc;
	return cli_signed_show(c, json_agreement(c, &a, state_of(c, &a)), note, state_of(c, &a));
}

const struct cli_command cmd_agreement_show = {
	.name = "agreement show",
	.usage = "ID|FILE",
	.summary = "the text of an agreement, and whose signatures hold",
	.example = "entente agreement show 3f9a\n",
	.args_min = 1,
	.args_max = 1,
	.run = run_show,
};

static int run_words(struct cli *c)
{
	struct agreement a;
	struct bytes note;
	int rc = cli_load_agreement(c, c->args[0], &a, &note);
	char id[17];

	if (rc)
		return rc;
	cli_agreement_text(id, a.id);
	if (c->json)
		return cli_json(c, json_pack("{s:s, s:s}", "id", id, "words", words_of(c, &a)),
			CLI_DONE);
	printf("%s\n", words_of(c, &a));
	return CLI_DONE;
}

const struct cli_command cmd_agreement_words = {
	.name = "agreement words",
	.usage = "ID|FILE",
	.summary = "fingerprint of text and roots, to compare by phone",
	.example = "entente agreement words fr-de.agreement\n",
	.args_min = 1,
	.args_max = 1,
	.run = run_words,
};
