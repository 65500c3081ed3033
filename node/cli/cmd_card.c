/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The node's card. It is renewed here when root lies in this home or is named; else a draft goes to
 * where root is kept, is signed there and comes back: draft, sign, install.
 */
#include "cli/card.h"
#include "cli/signed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/text.h"
#include "keys/file.h"
#include "keys/heard.h"
#include "keys/identity.h"
#include "keys/rotation.h"

#define OWN_DRAFT    "keys/own.draft" /* of init with a root that is elsewhere */
#define OWN_ROOT     "keys/root.public"

#define ASK_AGAIN_MS 20
#define AGAIN_S      20 /* a daemon with another incarnation has started again by then */

static const struct cli_option draft_options[] = {
	{"--org", "ORG", false, "the agency"},
	{"--endpoint", "HOST:PORT", true, "where others reach the node; replaces all"},
	{"--contact", "TEXT", true, "whom others call or write to; replaces all"},
	{"--valid-days", "N", false, "how long the card is valid (365)"},
	{"-o", "FILE", false, "where the draft goes"},
	{NULL, NULL, false, NULL},
};

int cli_valid_days(struct cli *c, int64_t *from, int64_t *until)
{
	uint64_t days = 365;
	int rc = cli_number(c, "--valid-days", 1, 3660, &days);

	*from = cli_now_s() / CLI_DAY_S * CLI_DAY_S;
	*until = *from + ((int64_t)days + 1) * CLI_DAY_S;
	return rc;
}

/* All values of a repeated option; what stood there stays when it is not given. */
static int take_values(struct cli *c, const char *option, char (*out)[CARD_FIELD_MAX], size_t max,
	size_t *len)
{
	const char *value;
	size_t at = 0;

	for (; (value = cli_value_at(c, option, at)); at++) {
		if (at == max)
			return cli_fail(c, CLI_INVALID, "%s: saw more than %zu of them", option,
				max);
		if (strlen(value) >= CARD_FIELD_MAX)
			return cli_fail(c, CLI_INVALID, "%s: saw %zu bytes, wanted at most %d",
				option, strlen(value), CARD_FIELD_MAX - 1);
		memcpy(out[at], value, strlen(value) + 1);
	}
	if (at)
		*len = at;
	return 0;
}

int cli_card_options(struct cli *c, struct card *card)
{
	const char *org = cli_value(c, "--org");
	int rc = cli_valid_days(c, &card->valid_from, &card->valid_until);

	if (!rc)
		rc = take_values(c, "--endpoint", card->endpoints, CARD_ENDPOINTS_MAX,
			&card->endpoints_len);
	if (!rc)
		rc = take_values(c, "--contact", card->contacts, CARD_CONTACTS_MAX,
			&card->contacts_len);
	if (!rc && org && strlen(org) >= sizeof(card->org))
		rc = cli_fail(c, CLI_INVALID, "--org: saw %zu bytes, wanted at most %zu",
			strlen(org), sizeof(card->org) - 1);
	if (!rc && org)
		memcpy(card->org, org, strlen(org) + 1);
	return rc;
}

/* The card in force, or an error that says what to do. */
int cli_need_own(struct cli *c, const struct card **own)
{
	int rc = cli_need_keydir(c);

	if (rc)
		return rc;
	*own = cli_own(c);
	if (*own)
		return 0;
	for (size_t i = 0; i < c->keydir.problems_len; i++)
		if (strstr(c->keydir.problems[i].file, "own.card"))
			return cli_fail(c, CLI_INVALID, "%s", c->keydir.problems[i].error.text);
	if (access(cli_path(c, OWN_DRAFT), F_OK) == 0)
		return cli_fail(c, CLI_NOT,
			"the card waits for its signature: entente card draft, sign, install");
	return cli_fail(c, CLI_NOT, "%s: there is no card", cli_path(c, OWN_CARD));
}

/* --- show ------------------------------------------------------------------------------------- */

static json_t *json_vkey(const struct note_key *key)
{
	char text[NOTE_VKEY_TEXT_MAX];

	note_key_text(text, key);
	return json_string(text);
}

static json_t *json_sha256(const uint8_t hash[32])
{
	char text[sizeof("sha256:") + HEX_TEXT_SIZE(32)] = "sha256:";

	text_hex_encode(text + strlen(text), bytes_from(hash, 32));
	return json_string(text);
}

static json_t *json_card(const struct card *card)
{
	char transport[sizeof("x25519:") + BASE64_TEXT_SIZE(32)] = "x25519:";
	json_t *logs = json_array(), *incarnations = json_array();
	json_t *endpoints = json_array(), *contacts = json_array();

	text_base64_encode(transport + strlen(transport), BYTES_OF(card->transport));
	for (size_t i = 0; i < card->logs_len; i++) {
		json_array_append_new(logs, json_vkey(&card->logs[i].key));
		json_array_append_new(incarnations,
			json_integer((json_int_t)card->logs[i].incarnation));
	}
	for (size_t i = 0; i < card->endpoints_len; i++)
		json_array_append_new(endpoints, json_string(card->endpoints[i]));
	for (size_t i = 0; i < card->contacts_len; i++)
		json_array_append_new(contacts, json_string(card->contacts[i]));
	return json_pack("{s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, "
			 "s:{s:o, s:o}, s:o}",
		"node", cli_json_node(&card->node), "name", card->name, "org", card->org, "serial",
		(json_int_t)card->serial, "root", json_vkey(&card->root), "next-root",
		json_sha256(card->next_root), "log", logs, "incarnations", incarnations, "receipt",
		json_vkey(&card->receipt), "witness", json_vkey(&card->witness), "transport",
		transport, "endpoint", endpoints, "contact", contacts, "valid", "from",
		cli_json_time_s(card->valid_from), "until", cli_json_time_s(card->valid_until),
		"previous", card->has_previous ? json_sha256(card->previous) : json_null());
}

static int run_show(struct cli *c)
{
	struct buf text = buf_with_max(CARD_BYTES_MAX);
	const struct card *card;
	struct card_chain chain;
	struct bytes file;
	int rc;

	if (c->args_len) {
		rc = cli_read_file(c, c->args[0], CARD_CHAIN_MAX * CARD_BYTES_MAX, &file);
		if (rc)
			return rc;
		rc = card_chain_read(file, c->args[0], &c->arena, &chain, &c->err);
		if (rc)
			return cli_fail_code(c, rc, c->args[0]);
		card = card_chain_last(&chain);
	} else {
		rc = cli_need_own(c, &card);
		if (rc)
			return rc;
	}
	if (c->json)
		return cli_json(c, json_card(card), CLI_DONE);
	card_text(&text, card);
	fwrite(text.data, 1, text.len, stdout);
	buf_free(&text);
	return CLI_DONE;
}

const struct cli_command cmd_card_show = {
	.name = "card show",
	.usage = "[FILE]",
	.summary = "the node's own card, or the newest in a file",
	.example = "entente card show\nentente card show de.card\n",
	.args_max = 1,
	.run = run_show,
};

/* --- export ----------------------------------------------------------------------------------- */

static int run_export(struct cli *c)
{
	struct buf text = buf_with_max(CARD_CHAIN_MAX * (CARD_BYTES_MAX + 16));
	const char *out = cli_value(c, "-o");
	const struct card *card;
	int rc = cli_need_own(c, &card);

	if (rc)
		return rc;
	card_chain_write(&text, &c->keydir.own);
	if (c->json && (!out || strcmp(out, "-") == 0))
		rc = cli_json(c, json_pack("{s:o}", "card", cli_json_text(buf_view(&text))),
			CLI_DONE);
	else
		rc = cli_write_out(c, buf_view(&text), 0644);
	buf_free(&text);
	if (rc || c->printed || !c->json)
		return rc;
	return cli_json(c,
		json_pack("{s:s, s:o, s:I}", "file", out, "node", cli_json_node(&card->node),
			"serial", (json_int_t)card->serial),
		CLI_DONE);
}

static const struct cli_option export_options[] = {
	{"-o", "FILE", false, "where it goes; else standard output"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_card_export = {
	.name = "card export",
	.usage = "[-o FILE]",
	.summary = "the whole chain of own cards, to hand to others",
	.example = "entente card export -o fr.card\n",
	.options = export_options,
	.run = run_export,
};

/* --- renew and draft -------------------------------------------------------------------------- */

int cli_print_card(struct cli *c, const struct card *card, const char *file, bool is_signed)
{
	char until[TEXT_TIME_SIZE];

	if (c->json)
		return cli_json(c,
			json_pack("{s:s, s:o, s:I, s:b}", "file", file, "node",
				cli_json_node(&card->node), "serial", (json_int_t)card->serial,
				"signed", is_signed),
			CLI_DONE);
	text_time_s(until, card->valid_until);
	printf("card %u of %s, valid until %s: %s%s\n", card->serial,
		cli_clean(c, bytes_str(card->name)), until, file,
		is_signed ? "" : " (wants the signature of root)");
	return CLI_DONE;
}

/* The text of the card to follow the one in force. */
static int next_text(struct cli *c, struct buf *text)
{
	const struct card *own;
	struct card next;
	int rc = cli_need_own(c, &own);

	if (rc)
		return rc;
	card_next(&next, own);
	rc = cli_card_options(c, &next);
	if (!rc)
		card_text(text, &next);
	return rc;
}

/* A new incarnation has signed nothing: where a restore left no guard, its guard is an empty one.
 * Behind the card, never ahead of it: for the former incarnation it would be a lie. */
static int guard_begin(struct cli *c, const struct card *own, const struct card *next)
{
	const char *path = cli_path(c, "guard");
	int rc;

	if (own->logs_len == next->logs_len || access(path, F_OK) == 0)
		return 0;
	rc = file_write(path, bytes_from("", 0), 0600, &c->err);
	return rc ? cli_fail_code(c, rc, path) : 0;
}

/* Is the card in force still the one that this command began with? Two that follow it, signed by
 * two commands, would contradict each other at every peer for good. */
static int own_check(struct cli *c)
{
	const char *path = cli_path(c, OWN_CARD);
	const struct card_chain *own = &c->keydir.own;
	struct buf text = buf_with_max(CARD_CHAIN_MAX * (CARD_BYTES_MAX + 16));
	struct card_chain now = {0};
	int rc = file_read(path, &text, &c->err);
	bool same;

	if (rc == 0)
		rc = card_chain_read(buf_view(&text), OWN_CARD, &c->arena, &now, &c->err);
	/* Without one to begin with, what lies there did not read. */
	same = own->cards_len == 0 || (rc == 0 && memcmp(card_chain_last(own)->hash,
							  card_chain_last(&now)->hash, 32) == 0);
	buf_free(&text);
	c->err.text[0] = '\0';
	if (same)
		return 0;
	return cli_fail(c, CLI_INVALID, "%s has changed meanwhile, by another command: try again",
		path);
}

int cli_card_hold(struct cli *c, int *lock)
{
	*lock = open(cli_path(c, "keys"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*lock < 0 || flock(*lock, LOCK_EX) != 0)
		return cli_fail(c, CLI_STORE, "%s: %s", cli_path(c, "keys"), strerror(errno));
	return own_check(c);
}

void cli_card_let_go(int lock)
{
	if (lock >= 0)
		close(lock);
}

int cli_card_append(struct cli *c, size_t after, struct bytes note, const char *file,
	struct card_chain *chain)
{
	const struct card_chain *own = &c->keydir.own;
	struct buf text = buf_with_max(CARD_CHAIN_MAX * (CARD_BYTES_MAX + 16));
	struct bytes notes[CARD_CHAIN_MAX];
	int rc;

	if (after == CARD_CHAIN_MAX)
		return cli_fail(c, CLI_INVALID, "%s: the chain has %u cards already", file,
			CARD_CHAIN_MAX);
	for (size_t i = 0; i < after; i++)
		notes[i] = own->notes[i];
	notes[after] = note;
	rc = card_chain_parse(notes, after + 1, file, &c->arena, chain, &c->err);
	if (rc)
		return cli_fail_code(c, rc, file);
	card_chain_write(&text, chain);
	rc = file_write(cli_path(c, OWN_CARD), buf_view(&text), 0644, &c->err);
	buf_free(&text);
	if (rc)
		return cli_fail_code(c, rc, OWN_CARD);
	return after ? guard_begin(c, card_chain_last(own), card_chain_last(chain)) : 0;
}

static int run_renew(struct cli *c)
{
	struct buf text = buf_with_max(CARD_BYTES_MAX), note = buf_with_max(CARD_BYTES_MAX);
	struct root_key root = {0};
	struct card_chain chain;
	int lock, rc;

	rc = next_text(c, &text);
	if (!rc)
		rc = cli_root_key(c, &root);
	if (rc)
		goto out;
	rc = card_sign(&note, buf_view(&text), "card", &root, &c->err);
	if (rc) {
		rc = cli_fail_code(c, rc, "card");
		goto out;
	}
	rc = cli_card_hold(c, &lock);
	if (!rc)
		rc = cli_card_append(c, c->keydir.own.cards_len, buf_view(&note), "card", &chain);
	cli_card_let_go(lock);
	if (!rc) {
		(void)cli_reload(c);
		rc = cli_print_card(c, card_chain_last(&chain), cli_path(c, OWN_CARD), true);
	}
out:
	root_key_free(&root);
	buf_free(&text);
	buf_free(&note);
	return rc;
}

static const struct cli_option renew_options[] = {
	{"--org", "ORG", false, "the agency"},
	{"--endpoint", "HOST:PORT", true, "where others reach the node; replaces all"},
	{"--contact", "TEXT", true, "whom others call or write to; replaces all"},
	{"--valid-days", "N", false, "how long the card is valid (365)"},
	{"--root-key", "FILE", false, "root, when it is not in this home"},
	{"--passphrase-file", "F", false, "opens the root key"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_card_renew = {
	.name = "card renew",
	.usage = "[--endpoint HOST:PORT]... [--contact TEXT]... [--valid-days N] [--root-key FILE]",
	.summary = "sign the next card: another year, other endpoints",
	.example = "entente card renew --endpoint ti2.cert.example:7466\n",
	.options = renew_options,
	.run = run_renew,
};

static int run_draft(struct cli *c)
{
	struct buf text = buf_with_max(CARD_BYTES_MAX);
	const char *out = cli_value(c, "-o"), *waiting = cli_path(c, OWN_DRAFT);
	bool is_signed, first;
	struct card card;
	int rc = cli_need_keydir(c);

	if (rc)
		return rc;
	if (!out)
		return cli_usage(c, "-o FILE is missing");
	first = !cli_own(c) && access(waiting, F_OK) == 0;
	if (first) {
		rc = file_read(waiting, &text, &c->err);
		if (rc)
			rc = cli_fail_code(c, rc, waiting);
	} else {
		rc = next_text(c, &text);
	}
	if (!rc && (rc = card_draft_parse(buf_view(&text), first ? waiting : "card", &card,
			    &is_signed, &c->err)) != 0)
		rc = cli_fail_code(c, rc, "card");
	if (!rc)
		rc = cli_write_out(c, buf_view(&text), 0644);
	buf_free(&text);
	if (rc || strcmp(out, "-") == 0)
		return rc;
	return cli_print_card(c, &card, out, false);
}

const struct cli_command cmd_card_draft = {
	.name = "card draft",
	.usage = "-o FILE [--endpoint HOST:PORT]... [--contact TEXT]... [--valid-days N]",
	.summary = "the next card, to be signed where root is kept",
	.example = "entente card draft -o fr-2.card\n",
	.options = draft_options,
	.run = run_draft,
};

/* --- sign ------------------------------------------------------------------------------------- */

struct card_draft {
	struct card card;
	bool is_signed;
};

static int parse(struct cli *c, struct bytes note, const char *file, void *text)
{
	struct card_draft *d = text;

	return card_draft_parse(note, file, &d->card, &d->is_signed, &c->err);
}

static int print_draft(struct cli *c, void *text, const char *file)
{
	const struct card_draft *d = text;

	return cli_print_card(c, &d->card, file, d->is_signed);
}

static const struct cli_signed_kind kind = {CARD_BYTES_MAX, parse, card_sign, print_draft};

static int run_sign(struct cli *c)
{
	struct card_draft d;

	return cli_signed_sign(c, &kind, &d);
}

const struct cli_command cmd_card_sign = {
	.name = "card sign",
	.usage = "FILE [--root-key FILE] [--passphrase-file F]",
	.summary = "sign a draft with root, in place; needs no node",
	.example = "entente card sign fr-2.card --root-key /media/safe/fr/root.key\n",
	.options = cli_sign_options,
	.args_min = 1,
	.args_max = 1,
	.run = run_sign,
};

/* --- install ---------------------------------------------------------------------------------- */

/* A card that names other keys than this node holds, or than wait here for it (card rotate-keys
 * -o), would lock it out of its own sessions. */
static int check_keys(struct cli *c, const struct card *card, const char *file)
{
	const struct card_log *log = &card->logs[card->logs_len - 1];
	const char *path = cli_path(c, "keys/node.key");
	struct identity id = {0};
	char next[PATH_MAX];
	bool same;
	int rc = rotation_next_path(next, sizeof(next), cli_path(c, "keys"), log->incarnation);

	if (rc)
		return cli_fail_code(c, rc, next);
	if (access(next, F_OK) == 0)
		path = next;
	rc = cli_identity_at(c, path, log->incarnation, &id, NULL);
	if (rc)
		return rc;
	same = memcmp(log->key.public_key, id.log_public, 32) == 0 &&
	       memcmp(card->receipt.public_key, id.receipt_public, 32) == 0 &&
	       memcmp(card->witness.public_key, id.witness_public, 32) == 0 &&
	       memcmp(card->transport, id.transport_public, 32) == 0;
	identity_free(&id);
	if (same)
		return 0;
	return cli_fail(c, CLI_INVALID,
		"%s: saw other keys than those of %s, wanted this node's card", file, path);
}

/* The first card must be of the root that init was told of. */
static int check_first(struct cli *c, const struct card *card, const char *file)
{
	const char *path = cli_path(c, OWN_ROOT);
	uint8_t root[32], next_root[32];
	struct bytes text;
	int rc;

	if (access(path, F_OK) != 0)
		return 0;
	rc = cli_read_file(c, path, 4096, &text);
	if (rc)
		return rc;
	rc = root_public_parse(text, path, root, next_root, &c->err);
	if (rc)
		return cli_fail_code(c, rc, path);
	if (memcmp(root, card->root.public_key, 32) == 0 &&
		memcmp(next_root, card->next_root, 32) == 0)
		return 0;
	return cli_fail(c, CLI_INVALID, "%s: saw another root or next root than in %s", file, path);
}

/* Behind which of our cards it stands: the newest, but for one of the next root that shall beat
 * what a stolen root has signed since (card rotate-root --after). */
static size_t base_of(struct cli *c, const struct card *card)
{
	const struct card_chain *own = &c->keydir.own;

	for (size_t i = 0; i + 1 < own->cards_len; i++)
		if (memcmp(own->cards[i].hash, card->previous, 32) == 0 &&
			memcmp(own->cards[i].root.public_key, card->root.public_key, 32) != 0 &&
			memcmp(own->cards[i + 1].root.public_key, card->root.public_key, 32) != 0)
			return i + 1;
	return own->cards_len;
}

/* Cards only move forward: an older one of ours, lying about as a file, is not taken up again. */
static int check_forward(struct cli *c, const struct card *card, const char *file)
{
	const struct card_chain *own = &c->keydir.own;

	for (size_t i = 0; i + 1 < own->cards_len; i++)
		if (memcmp(own->cards[i].hash, card->hash, 32) == 0)
			return cli_fail(c, CLI_INVALID,
				"%s: saw card %u, wanted one that follows card %u, which is "
				"installed",
				file, card->serial, card_chain_last(own)->serial);
	return 0;
}

static bool runs_as(struct cli *c, uint64_t incarnation)
{
	json_t *answer;
	int rc = cli_call_quiet(c, json_pack("{s:s}", "command", "status"), ASK_AGAIN_MS * 100,
		&answer);
	const json_t *node = json_object_get(json_object_get(answer, "status"), "node");
	bool as = rc == 0 &&
		  (uint64_t)json_integer_value(json_object_get(node, "incarnation")) == incarnation;

	json_decref(answer);
	c->err.text[0] = '\0';
	return as;
}

/* The process of the daemon, to be told when it ends; -1 when that cannot be had. */
static int daemon_open(struct cli *c)
{
	json_t *ready = json_load_file(cli_path(c, "run/ready"), JSON_REJECT_DUPLICATES, NULL);
	int fd = pidfd_open((pid_t)json_integer_value(json_object_get(ready, "pid")), 0);

	json_decref(ready);
	return fd;
}

/* A daemon of another incarnation tells its peers of the card and starts again in its process:
 * whoever has changed keys finds it there again at his next command. */
static void await_again(struct cli *c, uint64_t incarnation, int daemon)
{
	struct pollfd ended = {.fd = daemon, .events = POLLIN};
	int64_t until_s = cli_now_s() + AGAIN_S;

	while (!runs_as(c, incarnation)) {
		if (poll(&ended, 1, ASK_AGAIN_MS) > 0 || cli_now_s() > until_s) {
			cli_note(c, "the daemon has not started again: see its log");
			return;
		}
	}
}

static bool joins(struct cli *c, const struct node_id *node)
{
	for (size_t i = 0; i < c->keydir.agreements_len; i++)
		if (agreement_in_time(c->keydir.agreements[i], cli_now_s()) &&
			agreement_party_of(c->keydir.agreements[i], node))
			return true;
	return false;
}

/* Of the former keys one is kept: who has not seen those that go now, since he was away at the
 * change before, knows none of ours any more. */
static void tell_unmet(struct cli *c, const struct card *next)
{
	const struct card *since, *own = cli_own(c);
	struct buf text = buf_with_max(HEARD_MAX * 64);
	struct heard *heard = arena_alloc(&c->arena, sizeof(*heard));

	if (!own || !heard ||
		memcmp(own->transport, next->transport, sizeof(own->transport)) == 0 ||
		!card_chain_former(&c->keydir.own, &since))
		return;
	heard->nodes_len = 0;
	if (file_read(cli_path(c, "keys/heard"), &text, &c->err) == 0)
		heard_read(heard, buf_view(&text));
	c->err.text[0] = '\0';
	buf_free(&text);
	for (size_t i = 0; i < c->keydir.chains_len; i++) {
		const struct card *peer = card_chain_last(&c->keydir.chains[i]);

		if (heard_of(heard, &peer->node).knows < since->serial && joins(c, &peer->node))
			cli_note(c,
				"%s has not met the keys of card %u, which go: send it the new "
				"card as a file, to be taken with entente agreement accept",
				cli_clean(c, bytes_str(peer->name)), since->serial);
	}
}

int cli_card_settle(struct cli *c, const struct card *card)
{
	bool changed;
	int daemon, rc = rotation_settle(cli_path(c, "keys"), card, &changed, &c->err);

	if (rc)
		return cli_fail_code(c, rc, "keys");
	tell_unmet(c, card);
	daemon = daemon_open(c);
	if (cli_reload(c))
		await_again(c, card->logs[card->logs_len - 1].incarnation, daemon);
	if (daemon >= 0)
		close(daemon);
	if (changed && !c->json)
		printf("The node has new keys. Peers that are away are met under the former one, "
		       "for 30 days.\n");
	return 0;
}

static int run_install(struct cli *c)
{
	const char *file = c->args[0];
	struct card_chain chain;
	const struct card *own;
	struct bytes note;
	struct card card;
	int lock = -1, rc = cli_need_keydir(c);

	if (!rc)
		rc = cli_read_file(c, file, CARD_BYTES_MAX, &note);
	if (rc)
		return rc;
	rc = card_parse(note, file, &card, &c->err);
	if (rc)
		return cli_fail_code(c, rc, file);
	own = cli_own(c);
	if (own && !node_id_eq(&own->node, &card.node))
		return cli_fail(c, CLI_INVALID,
			"%s: saw the card of another node, wanted this node's", file);
	if (own && memcmp(own->hash, card.hash, 32) == 0)
		return cli_print_card(c, own, cli_path(c, OWN_CARD), true);
	if (card.valid_until <= cli_now_s())
		return cli_fail(c, CLI_INVALID,
			"%s: valid: saw a time that is over, wanted a card that "
			"is still valid",
			file);
	rc = own ? check_forward(c, &card, file) : check_first(c, &card, file);
	if (!rc)
		rc = check_keys(c, &card, file);
	if (!rc)
		rc = cli_card_hold(c, &lock);
	if (!rc)
		rc = cli_card_append(c, base_of(c, &card), note, file, &chain);
	cli_card_let_go(lock);
	if (!rc)
		rc = cli_card_settle(c, &card);
	if (rc)
		return rc;
	if (!own)
		unlink(cli_path(c, OWN_DRAFT));
	return cli_print_card(c, card_chain_last(&chain), cli_path(c, OWN_CARD), true);
}

static const struct cli_option install_options[] = {
	{"--node-passphrase-file", "F", false, "opens node.key when it is sealed"},
	{"--passphrase-file", "F", false, "the same"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_card_install = {
	.name = "card install",
	.usage = "FILE",
	.summary = "take up a card that root has signed elsewhere",
	.example = "entente card install fr-2.card\n",
	.options = install_options,
	.args_min = 1,
	.args_max = 1,
	.run = run_install,
};
