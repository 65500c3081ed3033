/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * entente trace: the way of a record, as far as this node can know it: who said it, how it came
 * here, to whom it was sent and when that began, and who has confirmed to hold it, since when at
 * the latest. What was sent is the upper bound, receipts are the lower (DESIGN 12).
 */
#include <inttypes.h>

#include "base/text.h"
#include "cli/acts.h"
#include "cli/records.h"

#define PEERS_MAX GOSSIP_PEERS_MAX

/* A sending that may have had the entry in it. */
struct sent {
	struct node_id peer;
	bool open;                 /* it has not been told yet how far it went */
	bool covered;              /* the entry was in it; else it may have been */
	uint64_t opened_ms, by_ms; /* by: when at the latest; 0: not known */
	size_t agreements_len;
	uint64_t agreements[WIRE_AGREEMENTS_MAX];
};

/* The first receipt of a peer that covers the entry. */
struct confirmed {
	struct store_receipt receipt;
};

/* One entry, and what there is about it. */
struct place {
	struct log_name log;
	uint64_t index;
	int64_t received_ms;
	uint64_t published_ms; /* 0: not known; own entries only */
	char operator_name[ACT_OPERATOR_MAX + 1];
	char publication[HEX_TEXT_SIZE(ACT_PUBLICATION_MAX)];
	size_t sent_len;
	struct sent sent[PEERS_MAX];
	size_t confirmed_len;
	struct confirmed confirmed[PEERS_MAX];
	size_t had_len; /* of a claim that was taken back: who may have it, or confirmed to */
	struct node_id had[2 * PEERS_MAX];
};

struct trace {
	struct cli *cli;
	struct records records;
	struct record_target target;
	struct record_claims claims;
	struct place *place; /* at hand */
	struct place *claim; /* what that takes back */
	json_t *places;
};

/* --- from provenance -------------------------------------------------------------------------- */

static struct sent *sent_open(struct place *p, const struct node_id *peer)
{
	for (size_t i = 0; i < p->sent_len; i++)
		if (p->sent[i].open && node_id_eq(&p->sent[i].peer, peer))
			return &p->sent[i];
	return NULL;
}

static bool sent_before(const struct place *p, const struct node_id *peer)
{
	for (size_t i = 0; i < p->sent_len; i++)
		if (node_id_eq(&p->sent[i].peer, peer))
			return true;
	return false;
}

static void sent_drop(struct place *p, struct sent *s)
{
	*s = p->sent[--p->sent_len];
}

static void on_opened(struct place *p, uint64_t time_ms, const struct act_body *act)
{
	struct sent *s;

	/* The first time is what counts: from then on the peer may have had it. */
	if (act->from > p->index || sent_before(p, &act->peer) || p->sent_len == PEERS_MAX)
		return;
	s = &p->sent[p->sent_len++];
	*s = (struct sent){.peer = act->peer, .open = true, .opened_ms = time_ms};
	/* A subscription may be older than the entry. */
	if (s->opened_ms < (uint64_t)p->received_ms)
		s->opened_ms = (uint64_t)p->received_ms;
	for (size_t i = 0; i < act->terms_len && i < WIRE_AGREEMENTS_MAX; i++)
		s->agreements[s->agreements_len++] = act->terms[i].id;
}

static void on_reached(struct place *p, uint64_t time_ms, const struct act_body *act)
{
	struct sent *s = sent_open(p, &act->peer);

	if (!s)
		return;
	if (act->to > p->index) {
		s->open = false;
		s->covered = true;
		s->by_ms = time_ms;
	} else if (act->act == ACT_SENDING_CLOSED) {
		sent_drop(p, s);
	}
}

/* The entry came there from somebody else, its body from here. */
static void on_body(struct place *p, uint64_t time_ms, const struct act_body *act)
{
	size_t before = p->sent_len;

	if (act->from > p->index || act->to <= p->index)
		return;
	on_opened(p, time_ms, act);
	if (p->sent_len > before)
		on_reached(p, time_ms, act);
}

/* After a crash the end of a sending is all that was held then. */
static void on_started(struct place *p, uint64_t time_ms)
{
	for (size_t i = p->sent_len; i-- > 0;) {
		struct sent *s = &p->sent[i];

		if (!s->open)
			continue;
		if ((uint64_t)p->received_ms > time_ms)
			sent_drop(p, s);
		else
			s->open = false;
	}
}

static void on_published(struct place *p, uint64_t time_ms, const struct act_body *act)
{
	if (act->from > p->index || act->to <= p->index)
		return;
	p->published_ms = time_ms;
	snprintf(p->operator_name, sizeof(p->operator_name), "%.*s", (int)act->operator_name.len,
		(const char *)act->operator_name.data);
	text_hex_encode(p->publication, act->publication);
}

static int on_act(void *ctx, uint64_t index, uint64_t time_ms, const struct act_body *act)
{
	struct place *p = ctx;

	(void)index;
	if (act->act == ACT_STARTED)
		on_started(p, time_ms);
	if (!act->has_log || !log_name_eq(&act->log, &p->log))
		return 0;
	if (act->act == ACT_PUBLISHED)
		on_published(p, time_ms, act);
	else if (act->act == ACT_SENDING_OPENED)
		on_opened(p, time_ms, act);
	else if (act->act == ACT_BODIES_SENT)
		on_body(p, time_ms, act);
	else if (act->act == ACT_SENDING_MARK || act->act == ACT_SENDING_CLOSED)
		on_reached(p, time_ms, act);
	return 0;
}

/* --- from receipts ---------------------------------------------------------------------------- */

static int on_receipt(void *ctx, const struct store_receipt *r)
{
	struct place *p = ctx;

	/* By node, then by size: the first that covers the entry is the earliest. */
	if (r->differs || r->checkpoint.size <= p->index || p->confirmed_len == PEERS_MAX ||
		(p->confirmed_len > 0 &&
			node_id_eq(&p->confirmed[p->confirmed_len - 1].receipt.node, &r->node)))
		return 0;
	p->confirmed[p->confirmed_len++].receipt = *r;
	return 0;
}

/* Whom receipts reach: the origin, and for an agreement's feed its parties (DESIGN 10). */
static bool receipts_come(const struct trace *t)
{
	const struct log_name *log = &t->place->log;

	return node_id_eq(&log->node, &t->records.self) || log->audience.kind == AUDIENCE_AGREEMENT;
}

static void had_add(struct place *p, const struct node_id *node)
{
	for (size_t i = 0; i < p->had_len; i++)
		if (node_id_eq(&p->had[i], node))
			return;
	if (p->had_len < sizeof(p->had) / sizeof(p->had[0]))
		p->had[p->had_len++] = *node;
}

/* Who may have the entry, or what it takes back, and has not said that it holds the entry. */
static void unconfirmed_find(struct place *p)
{
	for (size_t i = 0; i < p->sent_len; i++)
		had_add(p, &p->sent[i].peer);
	for (size_t i = p->had_len; i-- > 0;)
		for (size_t k = 0; k < p->confirmed_len; k++)
			if (node_id_eq(&p->confirmed[k].receipt.node, &p->had[i])) {
				p->had[i] = p->had[--p->had_len];
				break;
			}
}

/* had: what is known of the claim that this entry takes back, or NULL. */
static int place_read(struct trace *t, const struct log_name *log, const struct store_entry *e,
	const struct place *had)
{
	struct place *p = t->place;
	int rc;

	*p = (struct place){.log = *log, .index = e->index, .received_ms = e->received_ms};
	for (size_t i = 0; had && i < had->sent_len; i++)
		had_add(p, &had->sent[i].peer);
	for (size_t i = 0; had && i < had->confirmed_len; i++)
		had_add(p, &had->confirmed[i].receipt.node);
	rc = acts_each(t->cli, on_act, p);
	if (rc == 0)
		rc = store_receipt_each(t->cli->reader, log, on_receipt, p);
	/* What nobody has countersigned in a way that holds confirms nothing. */
	for (size_t i = p->confirmed_len; i-- > 0;)
		if (!receipt_key_of(t->cli, &p->confirmed[i].receipt))
			p->confirmed[i] = p->confirmed[--p->confirmed_len];
	if (receipts_come(t))
		unconfirmed_find(p);
	else
		p->had_len = 0;
	return rc;
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static json_t *time_json(uint64_t ms)
{
	char text[TEXT_TIME_SIZE];

	if (ms == 0)
		return json_null();
	text_time_ms(text, (int64_t)ms);
	return json_string(text);
}

static json_t *hop_json(struct trace *t, const char *how, const struct node_id *from,
	const struct node_id *to, uint64_t when_ms)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "how", how, "from",
		from ? cli_json_node(from) : json_null(), "from_name",
		from ? json_string(cli_name(t->cli, from)) : json_null(), "to",
		to ? cli_json_node(to) : json_null(), "to_name",
		to ? json_string(cli_name(t->cli, to)) : json_null(), "when", time_json(when_ms));
}

static json_t *sent_json(struct trace *t, const struct sent *s)
{
	json_t *hop = hop_json(t, "sent", &t->records.self, &s->peer, s->opened_ms);
	json_t *agreements = json_array();

	for (size_t i = 0; i < s->agreements_len; i++) {
		char id[17];

		cli_agreement_text(id, s->agreements[i]);
		json_array_append_new(agreements, json_string(id));
	}
	json_object_set_new(hop, "by", time_json(s->by_ms));
	json_object_set_new(hop, "agreements", agreements);
	return hop;
}

static json_t *hops_json(struct trace *t, const struct store_entry *e)
{
	const struct place *p = t->place;
	json_t *hops = json_array(), *hop;

	if (node_id_eq(&p->log.node, &t->records.self)) {
		hop = hop_json(t, "published", NULL, &t->records.self,
			p->published_ms ? p->published_ms : (uint64_t)p->received_ms);
		json_object_set_new(hop, "operator", cli_json_text(bytes_str(p->operator_name)));
		json_object_set_new(hop, "publication", json_string(p->publication));
	} else {
		hop = hop_json(t, "received", &e->via, &t->records.self, (uint64_t)p->received_ms);
	}
	json_array_append_new(hops, hop);
	for (size_t i = 0; i < p->sent_len; i++)
		json_array_append_new(hops, sent_json(t, &p->sent[i]));
	return hops;
}

static json_t *receipts_json(struct trace *t)
{
	const struct place *p = t->place;
	json_t *list = json_array();

	for (size_t i = 0; i < p->confirmed_len; i++) {
		const struct store_receipt *r = &p->confirmed[i].receipt;

		json_array_append_new(list,
			json_pack("{s:o, s:s, s:o, s:I}", "node", cli_json_node(&r->node), "name",
				cli_name(t->cli, &r->node), "when",
				cli_json_time_s(receipt_time_s(r)), "size",
				(json_int_t)r->checkpoint.size));
	}
	return list;
}

static json_t *unconfirmed_json(struct trace *t)
{
	const struct place *p = t->place;
	json_t *list = json_array();

	for (size_t i = 0; i < p->had_len; i++)
		json_array_append_new(list,
			json_pack("{s:o, s:s}", "node", cli_json_node(&p->had[i]), "name",
				cli_name(t->cli, &p->had[i])));
	return list;
}

static json_t *entry_json(struct trace *t, const char *what, const struct store_entry *e)
{
	const struct place *p = t->place;
	char audience[AUDIENCE_TEXT_SIZE];

	audience_text(audience, p->log.audience);
	return json_pack("{s:s, s:o, s:o, s:s, s:s, s:I, s:I, s:s, s:o, s:o, s:o, s:o}", "what",
		what, "object", cli_json_hex(BYTES_OF(e->header.object)), "origin",
		cli_json_node(&p->log.node), "name", cli_name(t->cli, &p->log.node), "audience",
		audience, "incarnation", (json_int_t)p->log.incarnation, "index",
		(json_int_t)p->index, "tlp", tlp_name(e->header.tlp), "said",
		time_json(e->header.time_ms), "hops", hops_json(t, e), "receipts", receipts_json(t),
		"unconfirmed", unconfirmed_json(t));
}

/* --- for people ------------------------------------------------------------------------------- */

static const char *time_text(char out[TEXT_TIME_SIZE], uint64_t ms)
{
	text_time_ms(out, (int64_t)ms);
	return out;
}

static void print_sent(struct trace *t, const struct sent *s)
{
	char time[TEXT_TIME_SIZE];

	printf("  %s  sent to %s, from then on", time_text(time, s->opened_ms),
		cli_name(t->cli, &s->peer));
	if (s->by_ms)
		printf(", by %s", time_text(time, s->by_ms));
	for (size_t i = 0; i < s->agreements_len; i++)
		printf("%s %016" PRIx64, i ? "," : ", under", s->agreements[i]);
	printf("\n");
}

static void print_entry(struct trace *t, const char *what, const struct store_entry *e)
{
	const struct place *p = t->place;
	char audience[AUDIENCE_TEXT_SIZE], time[TEXT_TIME_SIZE];

	audience_text(audience, p->log.audience);
	printf("%s of %s in %s/%s, entry %" PRIu64 ", %s\n", what, cli_name(t->cli, &p->log.node),
		cli_name(t->cli, &p->log.node), audience, p->index, tlp_name(e->header.tlp));
	if (node_id_eq(&p->log.node, &t->records.self))
		printf("  %s  published%s%s%s%s\n",
			time_text(time,
				p->published_ms ? p->published_ms : (uint64_t)p->received_ms),
			p->operator_name[0] ? " by " : "",
			cli_clean(t->cli, bytes_str(p->operator_name)),
			p->publication[0] ? " as " : "", p->publication);
	else
		printf("  %s  received from %s\n", time_text(time, (uint64_t)p->received_ms),
			cli_name(t->cli, &e->via));
	for (size_t i = 0; i < p->sent_len; i++)
		print_sent(t, &p->sent[i]);
	for (size_t i = 0; i < p->confirmed_len; i++) {
		const struct store_receipt *r = &p->confirmed[i].receipt;

		text_time_s(time, receipt_time_s(r));
		printf("  %-24s  %sconfirmed%s by %s\n", time, cli_paint(t->cli, CLI_GOOD),
			cli_paint(t->cli, CLI_PLAIN), cli_name(t->cli, &r->node));
	}
	for (size_t i = 0; i < p->had_len; i++)
		printf("  %-24s  %snot confirmed%s by %s\n", "-", cli_paint(t->cli, CLI_WARN),
			cli_paint(t->cli, CLI_PLAIN), cli_name(t->cli, &p->had[i]));
}

/* --- the command ------------------------------------------------------------------------------ */

static const char *what_is(const struct store_entry *e)
{
	switch (e->header.kind) {
	case KIND_RETRACTION:
		return "retraction";
	case KIND_ERASURE:
		return "erasure";
	default:
		return "claim";
	}
}

static int show_entry(struct trace *t, const struct log_name *log, const struct store_entry *e,
	const struct place *had)
{
	int rc = place_read(t, log, e, had);

	if (rc != 0)
		return rc;
	if (t->cli->json)
		json_array_append_new(t->places, entry_json(t, what_is(e), e));
	else
		print_entry(t, what_is(e), e);
	return 0;
}

/* The claim, and what took it back: who has confirmed that is asked after a recall. */
static int show_claim(struct trace *t, const struct record_claim *claim)
{
	const struct records_log *log;
	struct store_entry last;
	int rc = show_entry(t, &claim->log, &claim->entry, NULL);

	if (rc != 0)
		return rc;
	rc = store_object_standing(t->cli->reader, &claim->log.node, claim->log.audience,
		claim->entry.header.object, &last);
	if (rc == ENT_ENOTFOUND)
		return 0;
	if (rc != 0 || (last.header.kind != KIND_RETRACTION && last.header.kind != KIND_ERASURE) ||
		(last.log == claim->entry.log && last.index == claim->entry.index))
		return rc;
	log = records_log(&t->records, last.log);
	*t->claim = *t->place;
	return log ? show_entry(t, &log->name, &last, t->claim) : ENT_ECORRUPT;
}

static int trace_run(struct trace *t)
{
	int rc = records_by_target(&t->records, &t->target, &t->claims);

	if (rc == 0 && t->claims.len == 0)
		rc = records_by_own_value(&t->records, &t->target, &t->claims);
	for (size_t i = 0; rc == 0 && i < t->claims.len; i++)
		rc = show_claim(t, &t->claims.list[i]);
	if (rc != 0)
		return cli_fail_code(t->cli, rc, t->cli->args[0]);
	return t->claims.len ? 0 : cli_fail(t->cli, CLI_NOT, "nothing is known of it here");
}

static int run(struct cli *c)
{
	struct trace *t = arena_alloc(&c->arena, sizeof(*t));
	int rc;

	if (!t || !(t->place = arena_alloc(&c->arena, sizeof(*t->place))) ||
		!(t->claim = arena_alloc(&c->arena, sizeof(*t->claim))))
		return cli_fail_code(c, ENT_ENOMEM, "trace");
	t->cli = c;
	if (record_target_parse(&t->target, bytes_str(c->args[0]), &c->err) != 0)
		return cli_fail(c, CLI_INVALID, "\"%s\" is neither a value nor an object id: %s",
			c->args[0], c->err.text);
	if ((rc = records_open(&t->records, c)) != 0)
		return rc;
	if (!t->records.has_self)
		return cli_fail(c, CLI_STORE, "%s: this node has no card yet", c->home);
	t->places = json_array();
	cli_asked(c, record_target_text(&t->target, c->args[0]));
	rc = trace_run(t);
	records_own_forget(&t->records);
	if (rc == 0 && c->json)
		return cli_json(c,
			json_pack("{s:s, s:o}", "asked", c->args[0], "entries", t->places),
			CLI_DONE);
	json_decref(t->places);
	return rc;
}

static const struct cli_option options[] = {
	CLI_OPERATOR,
	{0},
};

const struct cli_command cmd_trace = {
	.name = "trace",
	.usage = "OBJECT-ID|VALUE [--operator NAME]",
	.summary =
		"the way of a record: who said it, how it came, to whom it went, who confirms it",
	.example = "entente trace evil.example\n",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
