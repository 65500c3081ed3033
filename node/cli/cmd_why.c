/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * entente why: for each feed in which a value or object stands, whether the feed goes to a peer,
 * and the rule that says so. The decision is the one that the exchange itself makes.
 */
#include <inttypes.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/records.h"
#include "keys/pausefile.h"
#include "policy/decide.h"
#include "proto/codec.h"

struct why {
	struct cli *cli;
	struct records records;
	struct record_target target;
	struct node_id peer;
	struct record_claims claims;
	const char *hidden; /* rule that hides every claim at hand, or NULL */
	json_t *places;
};

static void decide_forward(struct why *w, const struct log_name *feed, struct policy_verdict *v)
{
	const struct keydir *k = &w->cli->keydir;
	struct policy_query q = {.door = DOOR_FORWARD,
		.feed = feed,
		.self = &w->records.self,
		.peer = &w->peer,
		.agreements = (const struct agreement *const *)k->agreements,
		.agreements_len = k->agreements_len,
		.now_s = cli_now_s()};

	decide(&q, v);
}

/* Has its body gone after the end of the agreements it came under? */
static bool is_over(const struct why *w, const struct record_claim *claim)
{
	uint64_t over;

	return claim->entry.entry.erased &&
	       store_over_get(w->cli->reader, claim->entry.log, &over) == 0 &&
	       claim->entry.index < over;
}

static json_t *place_json(struct why *w, const struct record_claim *claim,
	const struct policy_verdict *v)
{
	bool own = node_id_eq(&claim->log.node, &w->records.self);
	json_t *agreements = json_array();
	char audience[AUDIENCE_TEXT_SIZE];

	audience_text(audience, claim->log.audience);
	for (size_t i = 0; i < v->agreements_len; i++) {
		char id[17];

		cli_agreement_text(id, v->agreements[i]);
		json_array_append_new(agreements, json_string(id));
	}
	return json_pack("{s:o, s:o, s:s, s:s, s:I, s:s, s:b, s:o, s:s?, s:b, s:b, s:b, s:s, s:s, "
			 "s:o, s:b}",
		"object", cli_json_hex(BYTES_OF(claim->entry.header.object)), "origin",
		cli_json_node(&claim->log.node), "name", cli_name(w->cli, &claim->log.node),
		"audience", audience, "index", (json_int_t)claim->entry.index, "tlp",
		tlp_name(claim->entry.header.tlp), "own", (int)own, "via",
		own ? json_null() : cli_json_node(&claim->entry.via), "hidden", w->hidden,
		"retracted", (int)claim->retracted, "disputed", (int)claim->disputed, "allow",
		(int)v->allow, "rule", v->rule_name, "sentence", policy_rule_sentence(v->rule),
		"agreements", agreements, "after_end", (int)is_over(w, claim));
}

static void print_place(struct why *w, const struct record_claim *claim,
	const struct policy_verdict *v)
{
	bool own = node_id_eq(&claim->log.node, &w->records.self);
	char audience[AUDIENCE_TEXT_SIZE];

	audience_text(audience, claim->log.audience);
	printf("%s/%s, entry %" PRIu64 ", %s: ", cli_name(w->cli, &claim->log.node), audience,
		claim->entry.index, tlp_name(claim->entry.header.tlp));
	printf("%s%s%s  %s: %s\n", cli_paint(w->cli, v->allow ? CLI_GOOD : CLI_BAD),
		v->allow ? "goes" : "stays", cli_paint(w->cli, CLI_PLAIN), v->rule_name,
		policy_rule_sentence(v->rule));
	for (size_t i = 0; i < v->agreements_len; i++)
		printf("    agreement %016" PRIx64 "\n", v->agreements[i]);
	printf("    here: %s%s", own ? "own" : "relayed, from ",
		own ? "" : cli_name(w->cli, &claim->entry.via));
	printf("%s%s", w->hidden ? ", hidden by " : ", indexed", w->hidden ? w->hidden : "");
	printf("%s%s%s\n", claim->retracted ? ", retracted" : "",
		is_over(w, claim) ? ", its body gone after the end of the agreements" : "",
		claim->disputed ? ", disputed: its origin signed two histories" : "");
}

static void places_show(struct why *w)
{
	for (size_t i = 0; i < w->claims.len; i++) {
		const struct record_claim *claim = &w->claims.list[i];
		struct policy_verdict v;

		decide_forward(w, &claim->log, &v);
		if (w->cli->json)
			json_array_append_new(w->places, place_json(w, claim, &v));
		else
			print_place(w, claim, &v);
	}
}

/* --- what the index does not show ------------------------------------------------------------- */

static bool is_target(const struct why *w, const struct store_entry *e, struct arena *a)
{
	const struct record_target *t = &w->target;
	struct bytes value = bytes_from(t->value.text, t->value.len);
	struct record_indicator indicator;
	struct record_object object;

	if (t->digits > 0 && record_target_fits(t, e->header.object))
		return true;
	if (!t->has_value || e->entry.erased)
		return false;
	arena_reset(a);
	if (e->header.kind == KIND_INDICATOR)
		return e->header.type == t->value.type &&
		       record_indicator_decode(e->entry.body, a, &indicator) == 0 &&
		       bytes_eq(indicator.value, value);
	return e->header.kind == KIND_OBJECT && t->value.type == TYPE_STIX &&
	       record_object_decode(e->entry.body, a, &object) == 0 &&
	       bytes_eq(object.stix_id, value);
}

/* Hidden entries are in no look-up table, by design; so all entries are gone through, and those
 * about the target shown. */
static int hidden_search(struct why *w)
{
	struct store_place at = {0, 0};
	struct arena arena = {0};
	struct store_entry e;
	uint64_t seen = 0;
	int rc;

	while ((rc = store_entry_next(w->cli->reader, at, &e)) == 0) {
		at = (struct store_place){e.place.arrival, e.place.slot + 1};
		if (++seen % 65536 == 0)
			cli_progress(w->cli, "looking through %" PRIu64 " entries", seen);
		w->hidden = is_target(w, &e, &arena) ? store_hidden(w->cli->reader, e.place) : NULL;
		if (!w->hidden)
			continue;
		w->claims.len = 0;
		rc = records_claim_add(&w->records, &w->claims, &e);
		if (rc != 0)
			break;
		places_show(w);
	}
	cli_progress(w->cli, NULL);
	arena_free(&arena);
	return rc == ENT_ENOTFOUND ? 0 : rc;
}

/* --- the command ------------------------------------------------------------------------------ */

static int why_run(struct why *w)
{
	struct store_counts counts;
	int rc = records_by_target(&w->records, &w->target, &w->claims);

	if (rc != 0)
		return cli_fail_code(w->cli, rc, w->cli->args[0]);
	places_show(w);
	if (w->claims.len > 0)
		return 0;
	rc = store_counts(w->cli->reader, &counts);
	if (rc == 0 && (counts.hidden > 0 || store_has_successions(w->cli->reader)))
		rc = hidden_search(w);
	if (rc != 0)
		return cli_fail_code(w->cli, rc, "store");
	if (w->claims.len > 0)
		return 0;
	return cli_fail(w->cli, CLI_NOT,
		"nothing is known of it here: publish --dry-run tells whether it could go out");
}

/* Does the operator keep everything from the peer just now? What does not read pauses all. */
static int is_paused(struct why *w, bool *paused)
{
	const char *path = cli_path(w->cli, PAUSEFILE_NAME);
	struct pausefile *p = arena_alloc(&w->cli->arena, sizeof(*p));
	int rc = p ? pausefile_read(p, path, &w->cli->err) : ENT_ENOMEM;

	if (rc == 0) {
		*paused = p->out;
		for (size_t i = 0; i < p->peers_len; i++)
			*paused |= node_id_eq(&p->peers[i], &w->peer);
		return 0;
	}
	if (rc != ENT_EINVALID)
		return cli_fail_code(w->cli, rc, path);
	w->cli->err.text[0] = '\0';
	*paused = true;
	return 0;
}

/* The place that answers the question in one word: the first that lets it go, else the first. */
static const json_t *telling_place(const json_t *places)
{
	for (size_t i = 0; i < json_array_size(places); i++)
		if (json_is_true(json_object_get(json_array_get(places, i), "allow")))
			return json_array_get(places, i);
	return json_array_get(places, 0);
}

static int run(struct cli *c)
{
	struct why *w;
	const json_t *verdict;
	struct store_hold hold;
	bool held_back, paused = false;
	json_t *answer;
	int rc;

	w = arena_alloc(&c->arena, sizeof(*w));
	if (!w)
		return cli_fail_code(c, ENT_ENOMEM, "why");
	w->cli = c;
	if (record_target_parse(&w->target, bytes_str(c->args[0]), &c->err) != 0)
		return cli_fail(c, CLI_INVALID, "\"%s\" is neither a value nor an object id: %s",
			c->args[0], c->err.text);
	if ((rc = records_open(&w->records, c)) != 0 ||
		(rc = cli_find_node(c, c->args[1], &w->peer)) != 0)
		return rc;
	if (!w->records.has_self)
		return cli_fail(c, CLI_STORE, "%s: this node has no card yet", c->home);
	w->places = json_array();
	cli_asked(c, record_target_text(&w->target, c->args[0]));
	rc = why_run(w);
	held_back = w->target.has_value &&
		    store_hold_get(c->reader, w->target.value.type,
			    bytes_from(w->target.value.text, w->target.value.len), &hold) == 0;
	if (rc == 0)
		rc = is_paused(w, &paused);
	if (rc == 0 && paused)
		cli_note(c, "nothing goes there now: this node is paused (entente resume)");
	if (rc == 0 && held_back)
		cli_note(c, "it is held back from every export of this node (entente unhold)");
	if (rc != 0 || !c->json) {
		json_decref(w->places);
		return rc;
	}
	verdict = telling_place(w->places);
	answer = json_pack("{s:s, s:o, s:s, s:O, s:O, s:b, s:b, s:o}", "asked", c->args[0], "peer",
		cli_json_node(&w->peer), "name", cli_name(c, &w->peer), "allow",
		json_object_get(verdict, "allow"), "rule", json_object_get(verdict, "rule"),
		"held_back", held_back, "paused", paused, "places", w->places);
	return cli_json(c, answer, CLI_DONE);
}

static const struct cli_option options[] = {
	CLI_OPERATOR,
	{0},
};

const struct cli_command cmd_why = {
	.name = "why",
	.usage = "OBJECT-ID|VALUE PEER [--operator NAME]",
	.summary = "the rule that lets a record go to a peer or keeps it, and where it stands",
	.example = "entente why evil.example de\n",
	.options = options,
	.args_min = 2,
	.args_max = 2,
	.run = run,
};
