/* SPDX-License-Identifier: EUPL-1.2 */
/* The questions: who knew it when, from whom, under what; what left to whom; what came; in which
 * order it all happened. All answers come from the acts and from receipts. */
#include "audit/audit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "intel/value.h"

#define PLACES_MAX 4096u

bool ask_in_time(const struct ask *q, int64_t ms)
{
	return (!q->since_ms || ms >= q->since_ms) && (!q->until_ms || ms < q->until_ms);
}

int ask_answer(struct ask *q, json_t *list, void (*print)(struct ask *q, const json_t *row))
{
	size_t at;
	json_t *row;

	if (q->audit->json)
		return print_json(list, AUDIT_CLEAN);
	json_array_foreach(list, at, row) print(q, row);
	json_decref(list);
	return AUDIT_CLEAN;
}

int ask_failed(struct ask *q, int rc, json_t *list)
{
	json_decref(list);
	if (!q->audit->err.text[0])
		err_set(&q->audit->err, rc, "%s", err_sentence(rc));
	return AUDIT_UNREADABLE;
}

const char *ask_field(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text ? text : "-";
}

int64_t ask_number(const json_t *row, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(row, name));
}

/* NAME, a node id, or its beginning. False after saying why. */
static bool node_find(struct ask *q, const char *text, struct node_id *node)
{
	const void *id;
	void *value;
	size_t at = 0, hits = 0;

	while (map_next(&q->audit->parties, &at, &id, &value)) {
		const struct party *p = value;
		char whole[NODE_ID_TEXT_SIZE];

		node_id_text(whole, &p->node);
		if (strcmp(party_name(q->audit, &p->node), text) != 0 &&
			(strlen(text) < 4 || strncmp(whole, text, strlen(text)) != 0))
			continue;
		*node = p->node;
		hits++;
	}
	if (hits != 1)
		err_set(&q->audit->err, ENT_ENOTFOUND, "\"%s\" is %s node in these bundles", text,
			hits ? "more than one" : "no");
	return hits == 1;
}

/* --- who -------------------------------------------------------------------------------------- */

struct place {
	struct log_name log;
	uint64_t index;
};

/* How a node came to it first. */
struct knowing {
	struct node_id node;
	int64_t when_ms;
	bool has_from, has_agreement, receipt;
	struct node_id from;
	uint64_t agreement;
	struct log_name log;
	uint64_t index;
};

struct who {
	struct ask *ask;
	struct value value;
	bool is_value;
	uint8_t prefix[OBJECT_ID_BYTES];
	size_t digits;
	size_t places_len;
	struct place *places;
	size_t knows_len, knows_cap;
	struct knowing *knows;
	struct terms_seen terms; /* of the bundle at hand */
	struct arena body;
};

static bool object_parse(struct who *w, const char *text)
{
	size_t len = strlen(text);
	char padded[HEX_TEXT_SIZE(OBJECT_ID_BYTES)];

	if (len < 4 || len > 2u * OBJECT_ID_BYTES)
		return false;
	memset(padded, '0', sizeof(padded) - 1);
	padded[sizeof(padded) - 1] = '\0';
	memcpy(padded, text, len);
	w->digits = len;
	return text_hex_decode(bytes_str(padded), w->prefix, sizeof(w->prefix)) == OBJECT_ID_BYTES;
}

static bool object_fits(const struct who *w, const uint8_t *object)
{
	char hex[HEX_TEXT_SIZE(OBJECT_ID_BYTES)], want[HEX_TEXT_SIZE(OBJECT_ID_BYTES)];

	text_hex_encode(hex, bytes_from(object, OBJECT_ID_BYTES));
	text_hex_encode(want, BYTES_OF(w->prefix));
	return memcmp(hex, want, w->digits) == 0;
}

static bool value_fits(struct who *w, const struct bundle_entry *e)
{
	struct record_indicator r;

	if (e->state != ENTRY_STATE_PRESENT || e->leaf.data[ENTRY_KIND_OFFSET] != KIND_INDICATOR ||
		e->leaf.data[4] != w->value.type)
		return false;
	arena_reset(&w->body);
	return record_indicator_decode(e->body, &w->body, &r) == 0 &&
	       bytes_eq(r.value, bytes_from(w->value.text, w->value.len));
}

static int place_find(void *ctx, const struct walk_entry *e)
{
	struct who *w = ctx;
	const struct log_name *log = &e->section->log.name;

	if (w->places_len == PLACES_MAX ||
		(w->is_value ? !value_fits(w, e->entry)
			     : !object_fits(w, e->entry->leaf.data + 16)))
		return 0;
	/* The taking back of a claim is no knowledge of it. */
	if (e->entry->leaf.data[ENTRY_KIND_OFFSET] == KIND_ERASURE ||
		e->entry->leaf.data[ENTRY_KIND_OFFSET] == KIND_RETRACTION)
		return 0;
	for (size_t i = 0; i < w->places_len; i++)
		if (w->places[i].index == e->index && log_name_eq(&w->places[i].log, log))
			return 0;
	w->places[w->places_len++] = (struct place){*log, e->index};
	return 0;
}

/* The first way counts. */
static void know(struct who *w, const struct knowing *k)
{
	for (size_t i = 0; i < w->knows_len; i++)
		if (node_id_eq(&w->knows[i].node, &k->node)) {
			if (k->when_ms < w->knows[i].when_ms && k->receipt <= w->knows[i].receipt)
				w->knows[i] = *k;
			return;
		}
	w->knows = grow(w->knows, &w->knows_cap, w->knows_len, sizeof(*w->knows));
	w->knows[w->knows_len++] = *k;
}

static int knowing_find(void *ctx, const struct walk_act *x)
{
	struct who *w = ctx;
	const struct act_body *act = x->act;

	terms_note(&w->terms, act);
	if (!act->has_log || (act->act != ACT_PUBLISHED && act->act != ACT_RECEIVED))
		return 0;
	for (size_t i = 0; i < w->places_len; i++) {
		const struct place *p = &w->places[i];
		struct knowing k = {.node = x->bundle->about.node,
			.when_ms = x->when_ms,
			.log = p->log,
			.index = p->index};

		if (p->index < act->from || p->index >= act->to || !log_name_eq(&p->log, &act->log))
			continue;
		if (act->act == ACT_RECEIVED) {
			k.has_from = true;
			k.from = act->peer;
			k.has_agreement = terms_under(w->ask->audit, &w->terms, x, &k.agreement);
		}
		know(w, &k);
	}
	return 0;
}

/* Nodes whose own account is not here: by their receipts. */
static void receipts_find(struct who *w)
{
	const struct audit *a = w->ask->audit;

	for (size_t i = 0; i < w->places_len; i++) {
		const struct place *p = &w->places[i];
		const struct claim *k;
		size_t len;

		k = claims_of(a, &p->log, &len);
		for (size_t j = 0; j < len; j++) {
			struct knowing by = {.node = k[j].by,
				.when_ms =
					(int64_t)(k[j].time % (RECORD_TIME_MAX_MS / 1000)) * 1000,
				.receipt = true,
				.log = p->log,
				.index = p->index};
			const struct party *party = party_get(a, &k[j].by);

			if (!k[j].serial || k[j].checkpoint.size <= p->index ||
				(party && party->account))
				continue;
			if (p->log.audience.kind == AUDIENCE_AGREEMENT) {
				by.has_agreement = true;
				by.agreement = p->log.audience.id;
			}
			know(w, &by);
		}
	}
}

static int knowing_cmp(const void *one, const void *other)
{
	const struct knowing *x = one, *y = other;

	return x->when_ms < y->when_ms ? -1 : x->when_ms > y->when_ms;
}

static json_t *knowing_json(struct audit *a, const struct knowing *k)
{
	char agreement[17], origin[LOG_NAME_TEXT_SIZE];

	snprintf(agreement, sizeof(agreement), "%016" PRIx64, k->agreement);
	log_name_text(origin, &k->log);
	return json_pack("{s:o, s:s, s:o, s:o, s:s?, s:s?, s:s, s:s, s:s, s:I}", "node",
		json_node(&k->node), "name", party_name(a, &k->node), "when", json_time(k->when_ms),
		"from", k->has_from ? json_node(&k->from) : json_null(), "from_name",
		k->has_from ? party_name(a, &k->from) : NULL, "agreement",
		k->has_agreement ? agreement : NULL, "how",
		k->receipt    ? "receipt"
		: k->has_from ? "received"
			      : "published",
		"feed", log_text(a, &k->log), "log", origin, "index", (json_int_t)k->index);
}

static void print_knowing(struct ask *q, const json_t *row)
{
	const char *how = ask_field(row, "how");

	(void)q;
	printf("%-24s  %-12s ", ask_field(row, "when"), ask_field(row, "name"));
	if (strcmp(how, "published") == 0)
		printf("published it");
	else if (strcmp(how, "receipt") == 0)
		printf("had it then at the latest, by its receipt");
	else
		printf("received it from %s under %s", ask_field(row, "from_name"),
			ask_field(row, "agreement"));
	printf(" (%s, entry %" PRIi64 ")\n", ask_field(row, "feed"), ask_number(row, "index"));
}

static int who_search(struct who *w)
{
	struct audit *a = w->ask->audit;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < a->bundles_len; i++)
		rc = walk_entries(a, &a->bundles[i], want_feeds, place_find, w);
	for (size_t i = 0; rc == 0 && i < a->bundles_len; i++) {
		terms_begin(&w->terms, a);
		rc = walk_acts(a, &a->bundles[i], knowing_find, w);
		terms_end(&w->terms);
	}
	if (rc == 0)
		receipts_find(w);
	if (w->knows_len)
		qsort(w->knows, w->knows_len, sizeof(*w->knows), knowing_cmp);
	return rc;
}

int ask_who(struct ask *q)
{
	struct who w = {.ask = q};
	json_t *list = json_array();
	struct err_text err;
	int rc;

	if (!object_parse(&w, q->what)) {
		w.is_value = value_parse(&w.value, bytes_str(q->what), TYPE_NONE, &err) == 0;
		if (!w.is_value) {
			json_decref(list);
			err_set(&q->audit->err, ENT_EINVALID,
				"\"%s\" is neither a value nor an object id", q->what);
			return AUDIT_USAGE;
		}
	}
	w.places = calloc(PLACES_MAX, sizeof(*w.places));
	rc = w.places ? who_search(&w) : ENT_ENOMEM;
	for (size_t i = 0; i < w.knows_len; i++)
		json_array_append_new(list, knowing_json(q->audit, &w.knows[i]));
	if (rc == 0 && !w.knows_len && !q->audit->json)
		printf("nothing here says that anybody had it%s\n",
			w.is_value ? "; a value is found only where its record is opened" : "");
	free(w.places);
	free(w.knows);
	arena_free(&w.body);
	return rc ? ask_failed(q, rc, list) : ask_answer(q, list, print_knowing);
}

/* --- left, received --------------------------------------------------------------------------- */

struct traffic {
	struct ask *ask;
	json_t *list;
	bool all;
	struct node_id to;
};

static json_t *terms_json(const struct act_body *act)
{
	json_t *list = json_array();

	for (size_t i = 0; i < act->terms_len; i++) {
		char text[32];

		snprintf(text, sizeof(text), "%016" PRIx64 "/%u", act->terms[i].id,
			act->terms[i].serial);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *traffic_json(struct audit *a, const struct walk_act *w, const char *what)
{
	const struct act_body *act = w->act;
	char session[HEX_TEXT_SIZE(ACT_ID_BYTES)], origin[LOG_NAME_TEXT_SIZE];

	text_hex_encode(session, act->session);
	log_name_text(origin, &act->log);
	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:s, s:s, s:s, s:I, s:I, s:s, s:o}", "what",
		what, "when", json_time(w->when_ms), "node", json_node(&w->bundle->about.node),
		"name", party_name(a, &w->bundle->about.node), "peer", json_node(&act->peer),
		"peer_name", party_name(a, &act->peer), "feed", log_text(a, &act->log), "log",
		origin, "from", (json_int_t)act->from, "to", (json_int_t)act->to, "session",
		session, "agreements", terms_json(act));
}

static int left_find(void *ctx, const struct walk_act *w)
{
	struct traffic *x = ctx;
	const char *what = w->act->act == ACT_SENDING_OPENED   ? "opened"
			   : w->act->act == ACT_SENDING_MARK   ? "reached"
			   : w->act->act == ACT_SENDING_CLOSED ? "closed"
							       : NULL;

	if (what && w->act->has_log && (x->all || node_id_eq(&w->act->peer, &x->to)) &&
		ask_in_time(x->ask, w->when_ms))
		json_array_append_new(x->list, traffic_json(x->ask->audit, w, what));
	return 0;
}

static void print_traffic(struct ask *q, const json_t *row)
{
	const char *what = ask_field(row, "what");
	const json_t *terms = json_object_get(row, "agreements"), *term;
	size_t at;

	(void)q;
	printf("%s  %s ", ask_field(row, "when"), ask_field(row, "name"));
	if (strcmp(what, "received") == 0)
		printf("received %s, %" PRIi64 " to %" PRIi64 ", from %s", ask_field(row, "feed"),
			ask_number(row, "from"), ask_number(row, "to"),
			ask_field(row, "peer_name"));
	else if (strcmp(what, "opened") == 0)
		printf("began sending %s from %" PRIi64 " on to %s", ask_field(row, "feed"),
			ask_number(row, "from"), ask_field(row, "peer_name"));
	else
		printf("had sent %s from %" PRIi64 " up to %" PRIi64 " to %s",
			ask_field(row, "feed"), ask_number(row, "from"), ask_number(row, "to"),
			ask_field(row, "peer_name"));
	json_array_foreach(terms, at, term)
		printf("%s %s", at ? "," : " under", json_string_value(term));
	printf("\n");
}

int ask_left(struct ask *q)
{
	struct traffic x = {.ask = q, .list = json_array(), .all = !q->to};
	int rc = 0;

	if (q->to && !node_find(q, q->to, &x.to)) {
		json_decref(x.list);
		return AUDIT_USAGE;
	}
	for (size_t i = 0; rc == 0 && i < q->audit->bundles_len; i++)
		rc = walk_acts(q->audit, &q->audit->bundles[i], left_find, &x);
	return rc ? ask_failed(q, rc, x.list) : ask_answer(q, x.list, print_traffic);
}

static int received_find(void *ctx, const struct walk_act *w)
{
	struct traffic *x = ctx;

	if (w->act->act == ACT_RECEIVED && w->act->has_log && ask_in_time(x->ask, w->when_ms))
		json_array_append_new(x->list, traffic_json(x->ask->audit, w, "received"));
	return 0;
}

int ask_received(struct ask *q)
{
	struct traffic x = {.ask = q, .list = json_array(), .all = true};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < q->audit->bundles_len; i++)
		rc = walk_acts(q->audit, &q->audit->bundles[i], received_find, &x);
	return rc ? ask_failed(q, rc, x.list) : ask_answer(q, x.list, print_traffic);
}

/* --- timeline, gaps --------------------------------------------------------------------------- */

static json_t *act_json(struct audit *a, const struct walk_act *w)
{
	struct sentence_names names = party_names(a);
	struct buf text = buf_with_max(8192);
	json_t *row;

	sentence_act(&text, w->act, &names);
	row = json_pack("{s:o, s:o, s:s, s:I, s:s, s:o}", "when", json_time(w->when_ms), "node",
		json_node(&w->bundle->about.node), "name", party_name(a, &w->bundle->about.node),
		"index", (json_int_t)w->index, "act", act_name(w->act->act), "text",
		json_text(buf_view(&text)));
	buf_free(&text);
	return row;
}

static int timeline_find(void *ctx, const struct walk_act *w)
{
	struct traffic *x = ctx;

	if (ask_in_time(x->ask, w->when_ms))
		json_array_append_new(x->list, act_json(x->ask->audit, w));
	return 0;
}

static void print_act(struct ask *q, const json_t *row)
{
	(void)q;
	printf("%s  %-8s %s\n", ask_field(row, "when"), ask_field(row, "name"),
		ask_field(row, "text"));
}

static int row_cmp(const void *one, const void *other)
{
	return strcmp(ask_field(*(json_t *const *)one, "when"),
		ask_field(*(json_t *const *)other, "when"));
}

/* The clocks are those of the nodes: rows of one node stay in its own order where times agree. */
static json_t *sorted(json_t *list)
{
	size_t len = json_array_size(list), at;
	json_t **rows = calloc(len + 1, sizeof(json_t *)), *row, *out = json_array();

	if (!rows)
		return list;
	json_array_foreach(list, at, row) rows[at] = row;
	qsort(rows, len, sizeof(json_t *), row_cmp);
	for (size_t i = 0; i < len; i++)
		json_array_append(out, rows[i]);
	free(rows);
	json_decref(list);
	return out;
}

int ask_timeline(struct ask *q)
{
	struct traffic x = {.ask = q, .list = json_array()};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < q->audit->bundles_len; i++)
		rc = walk_acts(q->audit, &q->audit->bundles[i], timeline_find, &x);
	return rc ? ask_failed(q, rc, x.list) : ask_answer(q, sorted(x.list), print_act);
}

static void print_gap(struct ask *q, const json_t *row)
{
	(void)q;
	printf("%s: %s (%s)%s%s\n", ask_field(row, "name"), ask_field(row, "sentence"),
		ask_field(row, "rule"),
		json_string_length(json_object_get(row, "text")) ? "; " : "",
		ask_field(row, "text"));
}

int ask_gaps(struct ask *q)
{
	struct audit *a = q->audit;
	json_t *list = json_array();

	for (size_t i = 0; i < a->findings_len; i++)
		if (rule_class(a->findings[i].rule) == AUDIT_GAP)
			json_array_append_new(list, finding_json(a, &a->findings[i]));
	return ask_answer(q, list, print_gap);
}
