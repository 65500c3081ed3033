/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the questions share: rows, each a JSON object, printed one by one by a template or all as a
 * document; and the questions whose rows are acts as they stand.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "base/text.h"

bool ask_in_time(const struct ask *q, int64_t ms)
{
	return (!q->since_ms || ms >= q->since_ms) && (!q->until_ms || ms < q->until_ms);
}

int ask_failed(struct ask *q, int rc)
{
	if (!q->audit->err.text[0])
		err_set(&q->audit->err, rc, "%s", err_sentence(rc));
	return AUDIT_UNREADABLE;
}

int ask_refused(struct ask *q, const char *what, const char *why)
{
	err_set(&q->audit->err, ENT_EINVALID, "\"%s\" %s", what, why);
	return AUDIT_USAGE;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* The template of a row: that of its "what", or the last, which has none. */
static const char *template_of(const struct row_words *words, const json_t *row)
{
	const char *what = json_string_value(json_object_get(row, "what"));

	while (words->what && (!what || strcmp(what, words->what) != 0))
		words++;
	return words->text;
}

int ask_answer(struct ask *q, int rc, json_t *list, const struct row_words *words)
{
	size_t at;
	json_t *row;

	if (rc != 0) {
		json_decref(list);
		return ask_failed(q, rc);
	}
	/* The answer stands all the same: it is what the bundles say. */
	if (audit_status(q->audit))
		fprintf(stderr,
			"entente-audit: these bundles are not clean: see entente-audit check\n");
	if (q->audit->json)
		return print_json(list, audit_status(q->audit));
	if (json_array_size(list) == 0)
		printf("%s\n", q->none ? q->none : "none");
	json_array_foreach(list, at, row) print_row(template_of(words, row), row);
	json_decref(list);
	return audit_status(q->audit);
}

struct place {
	const char *when;
	size_t at;
};

/* The clocks are those of the nodes: rows of one node stay in its own order where times agree. */
static int place_cmp(const void *one, const void *other)
{
	const struct place *x = one, *y = other;
	int order = strcmp(x->when, y->when);

	return order ? order : x->at < y->at ? -1 : 1;
}

json_t *rows_sorted(json_t *list)
{
	size_t len = json_array_size(list), at;
	struct place *places = need(calloc(len + 1, sizeof(*places)));
	json_t *row, *out = json_array();

	json_array_foreach(list, at, row)
	{
		const char *when = json_string_value(json_object_get(row, "when"));

		places[at] = (struct place){when ? when : "", at};
	}
	qsort(places, len, sizeof(*places), place_cmp);
	for (size_t i = 0; i < len; i++)
		json_array_append(out, json_array_get(list, places[i].at));
	free(places);
	json_decref(list);
	return out;
}

void row_node(struct ask *q, json_t *row, const char *field, const char *name_field,
	const struct node_id *node)
{
	json_object_set_new(row, field, json_node(node));
	json_object_set_new(row, name_field, json_string(party_name(q->audit, node)));
}

bool node_find(struct ask *q, const char *text, struct node_id *node)
{
	size_t hits = 0;

	for (size_t i = 0; i < q->audit->parties.count; i++) {
		const struct party *p = q->audit->party_list[i];
		char whole[NODE_ID_TEXT_SIZE];

		node_id_text(whole, &p->node);
		if (strcmp(party_name(q->audit, &p->node), text) != 0 &&
			(strlen(text) < 4 || strncmp(whole, text, strlen(text)) != 0))
			continue;
		*node = p->node;
		hits++;
	}
	if (hits != 1)
		ask_refused(q, text,
			hits ? "is more than one node in these bundles"
			     : "is no node in these bundles");
	return hits == 1;
}

/* --- acts ------------------------------------------------------------------------------------- */

json_t *act_json(struct ask *q, const struct walk_act *w)
{
	struct sentence_names names = party_names(q->audit);
	const struct node_id *self = &w->bundle->about.node;
	struct buf text = buf_with_max(8192);
	json_t *row;

	sentence_act(&text, w->act, &names);
	row = json_pack("{s:o, s:o, s:s, s:I, s:s, s:o}", "when", json_time(w->when_ms), "node",
		json_node(self), "name", party_name(q->audit, self), "index", NUM(w->index), "act",
		act_name(w->act->act), "text", json_text(buf_view(&text)));
	buf_free(&text);
	return row;
}

/* What the act itself tells, field by field. */
static void fields_add(struct ask *q, json_t *row, const struct act_body *act, const char *what)
{
	json_t *agreements = json_array(), *more;

	for (size_t i = 0; i < act->terms_len; i++)
		json_array_append_new(agreements,
			json_sprintf("%016" PRIx64 "/%u", act->terms[i].id, act->terms[i].serial));
	more = json_pack("{s:o, s:o, s:s, s:s?, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I}",
		"what", what ? json_string(what) : json_text(act->text), "peer",
		json_node(&act->peer), "peer_name", party_name(q->audit, &act->peer), "feed",
		act->has_log ? log_text(q->audit, &act->log) : NULL, "log",
		act->has_log ? json_log(&act->log) : json_null(), "from", NUM(act->from), "to",
		NUM(act->to), "session", json_hex(act->session), "agreements", agreements,
		"operator", json_text(act->operator_name), "file", json_hex(act->hash), "salt",
		json_hex(act->salt), "entries", NUM(act->count));
	json_object_update(row, more);
	json_decref(more);
}

struct acts_asked {
	struct ask *ask;
	const uint8_t *acts;      /* those that are asked for; NULL: all */
	const struct node_id *to; /* NULL: whoever the peer is */
	json_t *list;
};

static const char *what_of(unsigned act)
{
	return act == ACT_SENDING_OPENED   ? "opened"
	       : act == ACT_SENDING_MARK   ? "reached"
	       : act == ACT_SENDING_CLOSED ? "closed"
	       : act == ACT_RECEIVED       ? "received"
	       : act == ACT_EXPORTED       ? NULL
					   : "bodies";
}

static int act_find(void *ctx, const struct walk_act *w)
{
	struct acts_asked *x = ctx;
	const struct act_body *act = w->act;
	json_t *row;

	if (x->acts && (act->act == 0 || act->act > UINT8_MAX ||
			       !strchr((const char *)x->acts, (int)act->act)))
		return 0;
	if (!ask_in_time(x->ask, w->when_ms) || (x->to && !node_id_eq(&act->peer, x->to)))
		return 0;
	row = act_json(x->ask, w);
	if (x->acts)
		fields_add(x->ask, row, act, what_of(act->act));
	json_array_append_new(x->list, row);
	return 0;
}

static int ask_acts(struct ask *q, const uint8_t *acts, const struct node_id *to,
	const struct row_words *words)
{
	struct acts_asked x = {.ask = q, .acts = acts, .to = to, .list = json_array()};
	int rc = walk_acts(q->audit, NULL, act_find, &x);

	return ask_answer(q, rc, rows_sorted(x.list), words);
}

int ask_left(struct ask *q)
{
	static const uint8_t acts[] = {
		ACT_SENDING_OPENED, ACT_SENDING_MARK, ACT_SENDING_CLOSED, ACT_BODIES_SENT, 0};
	static const struct row_words words[] = {
		{"opened", "{when}  {name} began sending {feed} from {from} on to {peer_name}"
			   "[ under {agreements}]"},
		{"bodies", "{when}  {name} sent bodies of {feed}, among {from} to {to}, to "
			   "{peer_name}[ under {agreements}]"},
		{NULL, "{when}  {name} had sent {feed} from {from} up to {to} to {peer_name}"}};
	struct node_id to;

	return node_find(q, q->to, &to) ? ask_acts(q, acts, &to, words) : AUDIT_USAGE;
}

int ask_received(struct ask *q)
{
	static const uint8_t acts[] = {ACT_RECEIVED, ACT_BODIES_RECEIVED, 0};
	static const struct row_words words[] = {
		{"bodies", "{when}  {name} received bodies of {feed}, among {from} to {to}, from "
			   "{peer_name}"},
		{NULL, "{when}  {name} received {feed}, {from} to {to}, from {peer_name}"}};

	return ask_acts(q, acts, NULL, words);
}

int ask_timeline(struct ask *q)
{
	static const struct row_words words[] = {{NULL, "{when}  {name:8} {text}"}};

	return ask_acts(q, NULL, NULL, words);
}

int ask_exports(struct ask *q)
{
	static const uint8_t acts[] = {ACT_EXPORTED, 0};
	static const struct row_words words[] = {
		{NULL, "{when}  {name:12} exported {what}[ of {feed}], {entries} records[, file "
		       "{file}][ by {operator}]"}};

	return ask_acts(q, acts, NULL, words);
}

int ask_gaps(struct ask *q)
{
	static const struct row_words words[] = {{NULL, "{name}: {sentence} ({rule})[; {text}]"}};

	return ask_answer(q, 0, findings_json(q->audit, AUDIT_GAP), words);
}
