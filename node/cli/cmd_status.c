/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * status, peers, feeds, origins, alarms. The daemon tells when it runs; without it the same
 * document is made of what the directory and the store say.
 */
#include "cli/acts.h"

#include <string.h>

#include "base/text.h"
#include "control/document.h"
#include "keys/pausefile.h"

#define ANSWER_MS 10000

/* --- the document without a daemon ------------------------------------------------------------ */

static json_t *json_peers(struct cli *c)
{
	json_t *peers = json_array();

	for (size_t i = 0; i < c->keydir.chains_len; i++) {
		const struct card *card = card_chain_last(&c->keydir.chains[i]);
		json_t *agreements = json_array();

		for (size_t k = 0; k < c->keydir.agreements_len; k++) {
			const struct agreement *a = c->keydir.agreements[k];
			char id[17];

			cli_agreement_text(id, a->id);
			if (agreement_in_time(a, cli_now_s()) && agreement_party_of(a, &card->node))
				json_array_append_new(agreements, json_string(id));
		}
		if (!json_array_size(agreements)) {
			json_decref(agreements);
			continue;
		}
		json_array_append_new(peers,
			json_pack("{s:o, s:s, s:s, s:n, s:o, s:i, s:i, s:i, s:i, s:i, s:s}", "node",
				cli_json_node(&card->node), "name", card->name, "state", "down",
				"since", "agreements", agreements, "lag_entries", 0,
				"received_entries", 0, "sent_entries", 0, "received_bytes", 0,
				"sent_bytes", 0, "last_error", "the node does not run"));
	}
	return peers;
}

struct feeds_walk {
	struct cli *cli;
	json_t *feeds;
};

static int add_feed(void *ctx, const struct store_log *log)
{
	struct feeds_walk *w = ctx;

	if (log->name.audience.kind != AUDIENCE_PROVENANCE)
		json_array_append_new(w->feeds,
			document_feed(w->cli->reader, log, cli_name(w->cli, &log->name.node)));
	return 0;
}

static void add_alarm(json_t *alarms, const char *rule, const char *severity, const char *subject,
	const char *text, const char *what_to_do)
{
	json_array_append_new(alarms,
		json_pack("{s:I, s:s, s:s, s:n, s:o, s:o, s:s}", "id",
			(json_int_t)json_array_size(alarms) + 1, "rule", rule, "severity", severity,
			"since", "subject", cli_json_text(bytes_str(subject)), "text",
			cli_json_text(bytes_str(text)), "do", what_to_do));
}

/* Somebody signed two histories, and nothing has said yet which is good. */
static bool split_is_open(const json_t *feed)
{
	const json_t *split = json_object_get(feed, "split");

	return json_is_object(split) && json_is_null(json_object_get(split, "settled_by"));
}

static const char *feed_subject(struct cli *c, const json_t *feed)
{
	char text[LOG_NAME_TEXT_SIZE + 32];

	snprintf(text, sizeof(text), "entente/%s/%lld/%s",
		json_string_value(json_object_get(feed, "origin")),
		(long long)json_integer_value(json_object_get(feed, "incarnation")),
		json_string_value(json_object_get(feed, "audience")));
	return cli_clean(c, bytes_str(text));
}

/* What can be seen without the daemon: broken files in keys/, frozen feeds, the guard. */
static json_t *json_alarms(struct cli *c, const json_t *feeds, bool mute, const char *guard)
{
	json_t *alarms = json_array(), *feed;
	size_t at;

	for (size_t i = 0; i < c->keydir.problems_len; i++)
		add_alarm(alarms, "broken-key-file", "today", c->keydir.problems[i].file,
			c->keydir.problems[i].error.text, "mend or remove the file");
	json_array_foreach(feeds, at, feed) if (split_is_open(feed))
		add_alarm(alarms, "split-view", "today", feed_subject(c, feed),
			"the origin signed two histories of this feed; it is frozen, and the proof "
			"kept",
			"entente split export, and ask the origin; docs/OPERATING.md, Alarms");
	if (mute)
		add_alarm(alarms, "mute", "page", "guard", guard, "docs/OPERATING.md, Mute");
	return alarms;
}

/* What the daemon will start with. */
static json_t *json_paused(struct cli *c)
{
	struct pausefile p;
	json_t *peers = json_array();

	if (pausefile_read(&p, cli_path(c, PAUSEFILE_NAME), NULL) != 0)
		p = (struct pausefile){.out = true, .in = true};
	for (size_t i = 0; i < p.peers_len; i++)
		json_array_append_new(peers, cli_json_node(&p.peers[i]));
	return json_pack("{s:b, s:b, s:o}", "out", p.out, "in", p.in, "peers", peers);
}

static int offline(struct cli *c, json_t **document)
{
	struct feeds_walk walk = {c, NULL};
	struct store_counts counts = {0};
	enum cli_guard_state state;
	const struct card *own;
	const char *guard;
	json_t *node;
	bool mute;
	int rc = cli_want_store(c);

	if (rc)
		return rc;
	walk.feeds = json_array();
	if (c->reader) {
		rc = store_log_each(c->reader, add_feed, &walk);
		if (!rc)
			rc = store_counts(c->reader, &counts);
		if (rc) {
			json_decref(walk.feeds);
			return cli_fail(c, CLI_STORE, "cannot read the store: %s",
				err_sentence(rc));
		}
	}
	own = cli_own(c);
	node = own ? json_pack("{s:o, s:s, s:s, s:I}", "id", cli_json_node(&own->node), "name",
			     own->name, "org", own->org, "incarnation",
			     (json_int_t)own->logs[own->logs_len - 1].incarnation)
		   : json_null();
	state = cli_guard_check(c, &guard);
	mute = state != CLI_GUARD_GOOD;
	*document = json_pack("{s:o, s:b, s:b, s:i, s:o, s:o, s:I, s:I, s:I, s:o, s:o}", "node",
		node, "ready", 0, "mute", mute, "uptime_s", 0, "peers", json_peers(c), "feeds",
		walk.feeds, "records", (json_int_t)counts.records, "values",
		(json_int_t)counts.values, "disk_bytes",
		(json_int_t)(c->store ? store_disk_bytes(c->store) : 0), "alarms",
		json_alarms(c, walk.feeds, mute, guard), "paused", json_paused(c));
	return *document ? 0 : cli_fail(c, CLI_STORE, "%s", err_sentence(ENT_ENOMEM));
}

/* The daemon's answer names so many feeds only: here are all. */
static int feeds_complete(struct cli *c, json_t *document)
{
	struct feeds_walk walk = {c, NULL};
	int rc;

	if (json_integer_value(json_object_get(document, "feeds_left_off")) == 0)
		return 0;
	rc = cli_need_store(c);
	if (rc)
		return rc;
	walk.feeds = json_array();
	rc = store_log_each(c->reader, add_feed, &walk);
	json_object_set_new(document, "feeds", walk.feeds);
	json_object_set_new(document, "feeds_left_off", json_integer(0));
	return rc ? cli_fail(c, CLI_STORE, "cannot read the store: %s", err_sentence(rc)) : 0;
}

/* --- the log of acts and its witnesses -------------------------------------------------------- */

struct witnesses {
	struct cli *cli;
	json_t *list;
	struct node_id last;
};

/* By node, then by size: of each node the last row is the newest. */
static int add_witness(void *ctx, const struct store_receipt *r)
{
	struct witnesses *w = ctx;
	size_t len = json_array_size(w->list);

	if (r->differs)
		return 0;
	if (len > 0 && node_id_eq(&w->last, &r->node))
		json_array_remove(w->list, len - 1);
	w->last = r->node;
	json_array_append_new(w->list,
		json_pack("{s:o, s:s, s:I, s:o}", "node", cli_json_node(&r->node), "name",
			cli_name(w->cli, &r->node), "size", (json_int_t)r->checkpoint.size, "time",
			cli_json_time_s(receipt_time_s(r))));
	return 0;
}

static void add_provenance(struct cli *c, json_t *document)
{
	struct witnesses w = {.cli = c};
	char name[LOG_NAME_TEXT_SIZE];
	struct store_log log;

	if (cli_want_store(c) != 0 || !c->reader || !cli_own(c) || acts_log_newest(c, &log) != 0)
		return;
	w.list = json_array();
	if (store_receipt_each(c->reader, &log.name, add_witness, &w) != 0)
		cli_note(c, "the witnesses of the log of acts cannot be read");
	log_name_text(name, &log.name);
	json_object_set_new(document, "provenance",
		json_pack("{s:s, s:I, s:o}", "origin", name, "size", (json_int_t)log.size,
			"witnesses", w.list));
}

static int status_read(struct cli *c, json_t **document)
{
	json_t *answer;
	int rc = cli_call_quiet(c, json_pack("{s:s}", "command", "status"), ANSWER_MS, &answer);

	c->err.text[0] = '\0';
	if (!rc) {
		rc = cli_call_status(c, answer);
		*document = json_incref(json_object_get(answer, "status"));
		json_decref(answer);
		if (!rc && !*document)
			rc = cli_fail(c, CLI_NODE, "the node gave no status");
		return rc ? rc : feeds_complete(c, *document);
	}
	if (rc == ENT_ECLOSED)
		return offline(c, document);
	cli_note(c, "the node does not answer: this is what its directory says");
	rc = offline(c, document);
	if (rc == 0)
		json_object_set_new(*document, "silent", json_true());
	return rc;
}

int cli_status_document(struct cli *c, json_t **document)
{
	int rc = status_read(c, document);

	if (!rc)
		add_provenance(c, *document);
	return rc;
}

/* --- text for people -------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text ? text : "-";
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* Minutes are enough for people. */
static const char *time_of(struct cli *c, const json_t *object, const char *key)
{
	const char *text = text_of(object, key);

	return strlen(text) < 16 ? text : cli_clean(c, bytes_from(text, 16));
}

static void print_peers(struct cli *c, const json_t *peers)
{
	struct cli_table table;
	json_t *peer;
	size_t at;

	cli_table_init(&table, c, "PEER|STATE|SINCE|LAG|RECEIVED|SENT|LAST ERROR");
	json_array_foreach(peers, at, peer)
	{
		const char *state = text_of(peer, "state");

		cli_table_cell(&table, CLI_PLAIN, "%s", text_of(peer, "name"));
		cli_table_cell(&table, strcmp(state, "connected") == 0 ? CLI_GOOD : CLI_WARN, "%s",
			state);
		cli_table_cell(&table, CLI_PLAIN, "%s", time_of(c, peer, "since"));
		cli_table_cell(&table, CLI_PLAIN, "%lld", number_of(peer, "lag_entries"));
		cli_table_cell(&table, CLI_PLAIN, "%lld", number_of(peer, "received_entries"));
		cli_table_cell(&table, CLI_PLAIN, "%lld", number_of(peer, "sent_entries"));
		cli_table_cell(&table, CLI_PLAIN, "%s", text_of(peer, "last_error"));
	}
	cli_table_print(&table);
}

/* A feed that two histories have frozen stays so; what matters then is whether it is settled. */
static void print_feed_state(struct cli_table *table, const json_t *feed, bool whole)
{
	const json_t *split = json_object_get(feed, "split");

	if (json_is_object(split) && !split_is_open(feed))
		cli_table_cell(table, CLI_PLAIN, "settled by %lld, good up to %lld",
			number_of(split, "settled_by"), number_of(split, "good"));
	else if (json_is_object(split))
		cli_table_cell(table, CLI_BAD, "two histories");
	else if (json_is_true(json_object_get(feed, "frozen")))
		cli_table_cell(table, CLI_BAD, "frozen");
	else if (number_of(feed, "over") > 0)
		cli_table_cell(table, CLI_WARN, "no bodies below %lld (after-end)",
			number_of(feed, "over"));
	else
		cli_table_cell(table, whole ? CLI_GOOD : CLI_WARN, whole ? "whole" : "behind");
}

static void print_feeds(struct cli *c, const json_t *feeds)
{
	struct cli_table table;
	json_t *feed;
	size_t at;

	cli_table_init(&table, c, "ORIGIN|AUDIENCE|SIZE|HELD|FLOOR|RECEIPTS|VIA|STATE");
	json_array_foreach(feeds, at, feed)
	{
		bool whole = number_of(feed, "held") >= number_of(feed, "size");
		const char *via = text_of(feed, "via");
		struct node_id node;

		cli_table_cell(&table, CLI_PLAIN, "%s", text_of(feed, "name"));
		cli_table_cell(&table, CLI_PLAIN, "%s", text_of(feed, "audience"));
		cli_table_cell(&table, CLI_PLAIN, "%lld", number_of(feed, "size"));
		cli_table_cell(&table, whole ? CLI_PLAIN : CLI_WARN, "%lld",
			number_of(feed, "held"));
		cli_table_cell(&table, CLI_PLAIN, "%lld", number_of(feed, "floor"));
		cli_table_cell(&table, CLI_PLAIN, "%lld", number_of(feed, "receipts"));
		cli_table_cell(&table, CLI_PLAIN, "%s",
			c->has_keydir && node_id_parse(bytes_str(via), &node) ? cli_name(c, &node)
									      : via);
		print_feed_state(&table, feed, whole);
	}
	cli_table_print(&table);
}

static void print_alarms(struct cli *c, const json_t *alarms)
{
	json_t *alarm;
	size_t at;

	json_array_foreach(alarms, at, alarm)
	{
		const char *severity = text_of(alarm, "severity");
		bool page = strcmp(severity, "page") == 0;

		printf("%s%-5s%s %s", cli_paint(c, page ? CLI_BAD : CLI_WARN), severity,
			cli_paint(c, CLI_PLAIN), text_of(alarm, "rule"));
		printf("  %s\n", cli_clean(c, bytes_str(text_of(alarm, "subject"))));
		printf("      %s\n", cli_clean(c, bytes_str(text_of(alarm, "text"))));
		printf("      do: %s\n", cli_clean(c, bytes_str(text_of(alarm, "do"))));
	}
}

static void print_bytes(long long bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	double shown = (double)bytes;
	unsigned unit = 0;

	for (; shown >= 1024 && unit < 4; unit++)
		shown /= 1024;
	printf("%.*f %s\n", unit ? 1 : 0, shown, units[unit]);
}

static void print_witnesses(struct cli *c, const json_t *provenance)
{
	json_t *witness;
	size_t at;

	printf("acts     %lld", number_of(provenance, "size"));
	json_array_foreach(json_object_get(provenance, "witnesses"), at,
		witness) printf("%s %s up to %lld", at ? "," : ", witnessed by",
		cli_clean(c, bytes_str(text_of(witness, "name"))), number_of(witness, "size"));
	printf("\n");
}

static void print_status(struct cli *c, const json_t *s)
{
	const json_t *node = json_object_get(s, "node"), *alarms = json_object_get(s, "alarms");
	bool ready = json_is_true(json_object_get(s, "ready"));
	bool mute = json_is_true(json_object_get(s, "mute"));
	bool silent = json_is_true(json_object_get(s, "silent"));
	long long uptime = number_of(s, "uptime_s");

	printf("node     %s  %s  %s\n", cli_clean(c, bytes_str(text_of(node, "name"))),
		text_of(node, "id"), cli_clean(c, bytes_str(text_of(node, "org"))));
	printf("state    %s%s%s", cli_paint(c, ready ? CLI_GOOD : CLI_WARN),
		ready    ? "ready"
		: silent ? "runs, and does not answer"
			 : "not running",
		cli_paint(c, CLI_PLAIN));
	if (mute)
		printf(", %smute%s", cli_paint(c, CLI_BAD), cli_paint(c, CLI_PLAIN));
	if (ready)
		printf(", up %lldd %02lld:%02lld:%02lld", uptime / 86400, uptime / 3600 % 24,
			uptime / 60 % 60, uptime % 60);
	printf("\nrecords  %lld about %lld values\ndisk     ", number_of(s, "records"),
		number_of(s, "values"));
	print_bytes(number_of(s, "disk_bytes"));
	if (json_object_get(s, "provenance"))
		print_witnesses(c, json_object_get(s, "provenance"));
	if (json_array_size(json_object_get(s, "peers"))) {
		putchar('\n');
		print_peers(c, json_object_get(s, "peers"));
	}
	if (json_array_size(json_object_get(s, "feeds"))) {
		putchar('\n');
		print_feeds(c, json_object_get(s, "feeds"));
	}
	if (json_array_size(alarms)) {
		putchar('\n');
		print_alarms(c, alarms);
	}
}

/* --- the commands ----------------------------------------------------------------------------- */

/* One part of the document, or with NULL all of it. */
static int run_part(struct cli *c, const char *part,
	void (*print)(struct cli *c, const json_t *part))
{
	json_t *document, *shown;
	int rc = cli_status_document(c, &document);

	if (rc)
		return rc;
	shown = part ? json_object_get(document, part) : document;
	if (c->json) {
		rc = cli_json(c, json_incref(shown), CLI_DONE);
	} else {
		/* Names for node ids, where they are known. */
		c->quiet = true;
		if (cli_want_store(c) != 0)
			c->err.text[0] = '\0';
		c->quiet = false;
		print(c, shown);
	}
	json_decref(document);
	return rc;
}

static int run_status(struct cli *c)
{
	return run_part(c, NULL, print_status);
}

static int run_peers(struct cli *c)
{
	return run_part(c, "peers", print_peers);
}

static int run_feeds(struct cli *c)
{
	return run_part(c, "feeds", print_feeds);
}

static int run_alarms(struct cli *c)
{
	return run_part(c, "alarms", print_alarms);
}

const struct cli_command cmd_status = {
	.name = "status",
	.usage = "",
	.summary = "the node at a glance: state, peers, feeds, alarms",
	.example = "entente status\nentente status --json | jq .mute\n",
	.run = run_status,
};

const struct cli_command cmd_peers = {
	.name = "peers",
	.usage = "",
	.summary = "who is connected, since when, and how far behind",
	.example = "entente peers\n",
	.run = run_peers,
};

const struct cli_command cmd_feeds = {
	.name = "feeds",
	.usage = "",
	.summary = "every feed held: size, what is here, receipts",
	.example = "entente feeds\n",
	.run = run_feeds,
};

const struct cli_command cmd_alarms = {
	.name = "alarms",
	.usage = "",
	.summary = "what somebody should look at, and what to do",
	.example = "entente alarms\n",
	.run = run_alarms,
};

/* --- origins ---------------------------------------------------------------------------------- */

struct origins_walk {
	struct cli *cli;
	json_t *origins, *alarms;
};

/* Two chains of its cards contradict each other: only the daemon knows, while it runs. */
static json_t *alarms_ask(struct cli *c)
{
	json_t *answer = NULL, *alarms = NULL;

	if (cli_call_quiet(c, json_pack("{s:s}", "command", "status"), ANSWER_MS, &answer) == 0)
		alarms = json_incref(json_object_get(json_object_get(answer, "status"), "alarms"));
	c->err.text[0] = '\0';
	json_decref(answer);
	return alarms;
}

static bool is_contradicted(const struct origins_walk *w, const struct node_id *node)
{
	char id[NODE_ID_TEXT_SIZE];
	json_t *alarm;
	size_t at;

	node_id_text(id, node);
	json_array_foreach(w->alarms, at, alarm)
	{
		if (strcmp(text_of(alarm, "rule"), "card-contradiction") == 0 &&
			strcmp(text_of(alarm, "subject"), id) == 0)
			return true;
	}
	return false;
}

/* The store knows who introduced an origin; the parties of agreements are known by their files. */
static void add_origin(void *ctx, const struct card *card)
{
	static const struct node_id party;
	struct origins_walk *w = ctx;
	struct cli *c = w->cli;
	struct store_origin o = {0};
	json_t *endpoints = json_array(), *incarnations = json_array();
	bool own = cli_own(c) && node_id_eq(&cli_own(c)->node, &card->node);
	bool stored = c->reader && store_origin_get(c->reader, &card->node, &o) == 0;
	bool introduced = stored && !node_id_eq(&o.introduced_by, &party);

	for (size_t i = 0; i < card->endpoints_len; i++)
		json_array_append_new(endpoints, json_string(card->endpoints[i]));
	for (size_t i = 0; i < card->logs_len; i++)
		json_array_append_new(incarnations,
			json_integer((json_int_t)card->logs[i].incarnation));
	json_array_append_new(w->origins,
		json_pack("{s:o, s:s, s:s, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:b}", "node",
			cli_json_node(&card->node), "name", card->name, "org", card->org, "serial",
			(json_int_t)card->serial, "own", own, "introduced_by",
			introduced ? cli_json_node(&o.introduced_by) : json_null(), "since",
			cli_json_time_s(stored ? o.when_ms / 1000 : 0), "valid_until",
			cli_json_time_s(card->valid_until), "incarnations", incarnations,
			"endpoint", endpoints, "contradicted", is_contradicted(w, &card->node)));
}

static int run_origins(struct cli *c)
{
	struct origins_walk walk = {.cli = c};
	struct cli_table table;
	json_t *origin;
	size_t at;
	int rc = cli_want_store(c);

	if (rc)
		return rc;
	walk.origins = json_array();
	walk.alarms = alarms_ask(c);
	rc = cli_cards_each(c, add_origin, &walk);
	json_decref(walk.alarms);
	if (rc) {
		json_decref(walk.origins);
		return cli_fail(c, CLI_STORE, "cannot read the origins: %s", err_sentence(rc));
	}
	if (c->json)
		return cli_json(c, walk.origins, CLI_DONE);
	cli_table_init(&table, c, "NAME|NODE|SERIAL|VALID UNTIL|INTRODUCED BY|STATE|ORG");
	json_array_foreach(walk.origins, at, origin)
	{
		const char *by = text_of(origin, "introduced_by");
		struct node_id node;

		cli_table_cell(&table, CLI_PLAIN, "%s", text_of(origin, "name"));
		cli_table_cell(&table, CLI_PLAIN, "%s", text_of(origin, "node"));
		cli_table_cell(&table, CLI_PLAIN, "%lld", number_of(origin, "serial"));
		cli_table_cell(&table, CLI_PLAIN, "%.10s", text_of(origin, "valid_until"));
		cli_table_cell(&table, CLI_PLAIN, "%s",
			node_id_parse(bytes_str(by), &node) ? cli_name(c, &node) : by);
		if (json_is_true(json_object_get(origin, "contradicted")))
			cli_table_cell(&table, CLI_BAD, "contradicted");
		else
			cli_table_cell(&table, CLI_PLAIN, "-");
		cli_table_cell(&table, CLI_PLAIN, "%s", text_of(origin, "org"));
	}
	cli_table_print(&table);
	json_decref(walk.origins);
	return CLI_DONE;
}

const struct cli_command cmd_origins = {
	.name = "origins",
	.usage = "",
	.summary = "every origin known: cards, and who introduced them",
	.example = "entente origins\n",
	.run = run_origins,
};
