/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The questions about one record: who knew it, the way it took, and why it went to a node or did
 * not. First the places where it stands are looked for, in all feeds; then what the acts say.
 * What was sent is the most that can have left, a receipt the least that had come (DESIGN 12).
 */
#include "audit/audit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "intel/value.h"

#define PLACES_MAX 4096u

/* An entry that is about it. */
struct place {
	struct log_name log;
	uint64_t index;
	struct entry_header header;
	int64_t here_ms; /* at the node at hand; 0: not yet */
	uint64_t acts;   /* so many it had entered then */
};

/* A sending that is under way. */
struct under_way {
	struct place *place;
	uint8_t session[ACT_ID_BYTES];
	int64_t opened_ms;
	json_t *row;
};

struct record {
	struct ask *ask;
	struct value value;
	bool is_value, back; /* back: what takes it back is looked for too */
	char digits[2 * OBJECT_ID_BYTES + 1];
	size_t places_len;
	struct place *places;
	size_t sending_len, sending_cap;
	struct under_way *sending;
	json_t *rows;
	struct arena body;
};

/* --- where it stands -------------------------------------------------------------------------- */

static bool taking_back(const struct entry_header *h)
{
	return h->kind == KIND_ERASURE || h->kind == KIND_RETRACTION;
}

static bool object_fits(const struct record *r, const struct entry_header *h)
{
	char hex[HEX_TEXT_SIZE(OBJECT_ID_BYTES)];

	text_hex_encode(hex, BYTES_OF(h->object));
	return strncmp(hex, r->digits, strlen(r->digits)) == 0;
}

static bool value_fits(struct record *r, const struct entry_header *h, const struct bundle_entry *e)
{
	struct record_indicator i;

	if (e->state != ENTRY_STATE_PRESENT || h->kind != KIND_INDICATOR ||
		h->type != r->value.type)
		return false;
	arena_reset(&r->body);
	return record_indicator_decode(e->body, &r->body, &i) == 0 &&
	       bytes_eq(i.value, bytes_from(r->value.text, r->value.len));
}

/* Is it the taking back of what was found? */
static bool back_fits(const struct record *r, const struct log_name *log,
	const struct entry_header *h)
{
	for (size_t i = 0; i < r->places_len; i++)
		if (node_id_eq(&r->places[i].log.node, &log->node) &&
			audience_eq(r->places[i].log.audience, log->audience) &&
			memcmp(r->places[i].header.object, h->object, OBJECT_ID_BYTES) == 0)
			return true;
	return false;
}

static int place_find(void *ctx, const struct walk_entry *e)
{
	struct record *r = ctx;
	const struct log_name *log = &e->section->log.name;
	struct entry_header h;

	entry_header_decode(e->entry->leaf, &h);
	if (r->places_len == PLACES_MAX || taking_back(&h) != r->back)
		return 0;
	if (r->back           ? !back_fits(r, log, &h)
		: r->is_value ? !value_fits(r, &h, e->entry)
			      : !object_fits(r, &h))
		return 0;
	for (size_t i = 0; i < r->places_len; i++)
		if (r->places[i].index == e->index && log_name_eq(&r->places[i].log, log))
			return 0;
	r->places[r->places_len++] = (struct place){.log = *log, .index = e->index, .header = h};
	return 0;
}

static int places_find(struct record *r)
{
	struct audit *a = r->ask->audit;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < a->bundles_len; i++)
		rc = walk_entries(a, &a->bundles[i], want_feeds, place_find, r);
	return rc;
}

/* --- what the acts say of it ------------------------------------------------------------------ */

static json_t *row_new(struct record *r, const struct place *p, const char *what,
	const struct node_id *node, int64_t when_ms)
{
	struct audit *a = r->ask->audit;

	return json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:n, s:n, s:s, s:o, s:I, s:s, s:s, s:o}",
		"what", what, "how", what, "node", json_node(node), "name", party_name(a, node),
		"when", json_time(when_ms), "from", json_null(), "from_name", "agreement", "feed",
		log_text(a, &p->log), "log", json_log(&p->log), "index", (json_int_t)p->index,
		"kind", kind_name(p->header.kind), "tlp", tlp_name(p->header.tlp), "object",
		json_hex(BYTES_OF(p->header.object)));
}

static void set_node(struct record *r, json_t *row, const char *field, const char *name_field,
	const struct node_id *node)
{
	json_object_set_new(row, field, json_node(node));
	json_object_set_new(row, name_field, json_string(party_name(r->ask->audit, node)));
}

static void set_agreement(json_t *row, const struct walk_act *w, enum door door)
{
	uint64_t id;

	if (terms_under(w, door, &id))
		json_object_set_new(row, "agreement", json_sprintf("%016" PRIx64, id));
}

static void on_here(struct record *r, struct place *p, const struct walk_act *w)
{
	const struct act_body *act = w->act;
	bool received = act->act == ACT_RECEIVED;
	json_t *row = row_new(r, p, received ? "received" : "published", &w->bundle->about.node,
		w->when_ms);

	if (received) {
		set_node(r, row, "from", "from_name", &act->peer);
		set_agreement(row, w, DOOR_RECEIVE);
	} else {
		json_object_set_new(row, "operator", json_text(act->operator_name));
		json_object_set_new(row, "publication", json_hex(act->publication));
		json_object_set_new(row, "file", json_hex(act->hash));
	}
	if (!p->here_ms) {
		p->here_ms = w->when_ms;
		p->acts = w->acts;
	}
	json_array_append_new(r->rows, row);
}

static json_t *sent_row(struct record *r, struct place *p, const struct walk_act *w,
	const char *what)
{
	json_t *row = row_new(r, p, what, &w->bundle->about.node, w->when_ms);

	set_node(r, row, "to", "to_name", &w->act->peer);
	set_agreement(row, w, DOOR_FORWARD);
	return row;
}

static void on_sending(struct record *r, struct place *p, const struct walk_act *w)
{
	struct under_way *u;

	if (w->act->from > p->index || w->act->session.len != ACT_ID_BYTES)
		return;
	r->sending = grow(r->sending, &r->sending_cap, r->sending_len, sizeof(*r->sending));
	u = &r->sending[r->sending_len++];
	*u = (struct under_way){
		.place = p, .opened_ms = w->when_ms, .row = sent_row(r, p, w, "sent")};
	memcpy(u->session, w->act->session.data, ACT_ID_BYTES);
}

/* It has ended, at by_ms, or how far is not known; it may have been before the entry was here. */
static void sending_ends(struct record *r, struct under_way *u, bool covered, int64_t by_ms)
{
	if (covered && u->place->here_ms > u->opened_ms)
		json_object_set_new(u->row, "when", json_time(u->place->here_ms));
	json_object_set_new(u->row, "by", json_time(by_ms));
	if (covered)
		json_array_append_new(r->rows, u->row);
	else
		json_decref(u->row);
	*u = r->sending[--r->sending_len];
}

static void on_reached(struct record *r, const struct place *p, const struct walk_act *w)
{
	for (size_t i = r->sending_len; i-- > 0;) {
		struct under_way *u = &r->sending[i];

		if (u->place == p && bytes_eq(w->act->session, BYTES_OF(u->session)) &&
			(w->act->to > p->index || w->act->act == ACT_SENDING_CLOSED))
			sending_ends(r, u, w->act->to > p->index, w->when_ms);
	}
}

/* Of what was under way when the node stopped, all that was held may have left. */
static void sendings_end(struct record *r)
{
	while (r->sending_len) {
		struct under_way *u = &r->sending[r->sending_len - 1];

		sending_ends(r, u, u->place->here_ms != 0, 0);
	}
}

static void on_act_about(struct record *r, struct place *p, const struct walk_act *w)
{
	const struct act_body *act = w->act;
	bool covers = act->from <= p->index && p->index < act->to;
	json_t *row;

	switch (act->act) {
	case ACT_PUBLISHED:
	case ACT_RECEIVED:
		if (covers)
			on_here(r, p, w);
		return;
	case ACT_SENDING_OPENED:
		on_sending(r, p, w);
		return;
	case ACT_SENDING_MARK:
	case ACT_SENDING_CLOSED:
		on_reached(r, p, w);
		return;
	case ACT_BODIES_SENT:
		if (covers)
			json_array_append_new(r->rows, sent_row(r, p, w, "body-sent"));
		return;
	case ACT_BODIES_RECEIVED:
		if (!covers)
			return;
		row = row_new(r, p, "body-received", &w->bundle->about.node, w->when_ms);
		set_node(r, row, "from", "from_name", &act->peer);
		json_array_append_new(r->rows, row);
		return;
	case ACT_ERASED:
	case ACT_RECALLED:
		if (covers && p->header.kind == KIND_ERASURE)
			json_array_append_new(r->rows,
				row_new(r, p, "erased", &w->bundle->about.node, w->when_ms));
		return;
	default:
		return;
	}
}

static int act_find(void *ctx, const struct walk_act *w)
{
	struct record *r = ctx;

	if (w->act->act == ACT_STARTED)
		sendings_end(r);
	for (size_t i = 0; w->act->has_log && i < r->places_len; i++)
		if (log_name_eq(&r->places[i].log, &w->act->log))
			on_act_about(r, &r->places[i], w);
	return 0;
}

/* What a bundle's node did with it. */
static int acts_find(struct record *r, struct bundle *b)
{
	int rc;

	for (size_t i = 0; i < r->places_len; i++)
		r->places[i].here_ms = 0;
	rc = walk_acts(r->ask->audit, b, act_find, r);
	sendings_end(r);
	return rc;
}

/* Each node's first receipt that covers it, by claims in order of size. */
static void receipts_find(struct record *r)
{
	const struct audit *a = r->ask->audit;

	for (size_t i = 0; i < r->places_len; i++) {
		const struct place *p = &r->places[i];
		size_t len, first = json_array_size(r->rows);
		const struct claim *k = claims_of(a, &p->log, &len);

		for (size_t j = 0; j < len; j++) {
			json_t *row, *id = json_node(&k[j].by);
			bool told = false;

			for (size_t n = first; n < json_array_size(r->rows); n++)
				told |= json_equal(id,
					json_object_get(json_array_get(r->rows, n), "node"));
			json_decref(id);
			if (told || !k[j].serial || !k[j].signed_by_log || k[j].differs ||
				k[j].checkpoint.size <= p->index)
				continue;
			row = row_new(r, p, "receipt", &k[j].by,
				(int64_t)(k[j].time % (RECORD_TIME_MAX_MS / 1000)) * 1000);
			if (p->log.audience.kind == AUDIENCE_AGREEMENT)
				json_object_set_new(row, "agreement",
					json_sprintf("%016" PRIx64, p->log.audience.id));
			json_object_set_new(row, "size",
				json_integer((json_int_t)k[j].checkpoint.size));
			json_array_append_new(r->rows, row);
		}
	}
}

/* --- asking ----------------------------------------------------------------------------------- */

/* 0, or the status after saying why. */
static int record_begin(struct record *r, struct ask *q)
{
	size_t len = strlen(q->what);
	struct err_text err;

	*r = (struct record){.ask = q, .rows = json_array()};
	r->is_value = len < 4 || len > 2u * OBJECT_ID_BYTES ||
		      q->what[strspn(q->what, "0123456789abcdef")];
	if (!r->is_value)
		memcpy(r->digits, q->what, len);
	else if (value_parse(&r->value, bytes_str(q->what), TYPE_NONE, &err) != 0)
		return ask_refused(q, q->what, "is neither a value nor an object id");
	r->places = calloc(PLACES_MAX, sizeof(*r->places));
	return r->places ? 0 : ask_failed(q, ENT_ENOMEM);
}

static int record_answer(struct record *r, int rc, json_t *rows, const struct row_words *words)
{
	struct ask *q = r->ask;

	q->none = r->is_value
			  ? "nothing here says that anybody had it; a value is found only where "
			    "its record is opened"
			  : "nothing here says that anybody had it";
	free(r->places);
	free(r->sending);
	arena_free(&r->body);
	return ask_answer(q, rc, rows, words);
}

static int rows_find(struct record *r)
{
	struct audit *a = r->ask->audit;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < a->bundles_len; i++)
		rc = acts_find(r, &a->bundles[i]);
	r->rows = rows_sorted(r->rows);
	if (rc == 0)
		receipts_find(r); /* in whole seconds: not among the others */
	return rc;
}

/* How each node had it first; by its receipt only where its own account is not here. */
static json_t *first_ways(struct record *r)
{
	json_t *out = json_array(), *row, *known;
	size_t at, i;

	json_array_foreach(r->rows, at, row)
	{
		const char *what = json_string_value(json_object_get(row, "what"));
		bool receipt = strcmp(what, "receipt") == 0, told = false;
		struct node_id node;
		const struct party *p = NULL;

		if (!receipt && strcmp(what, "published") != 0 && strcmp(what, "received") != 0)
			continue;
		if (node_id_parse(bytes_str(json_string_value(json_object_get(row, "node"))),
			    &node))
			p = party_get(r->ask->audit, &node);
		json_array_foreach(out, i, known) told |=
			json_equal(json_object_get(known, "node"), json_object_get(row, "node"));
		if (!told && !(receipt && p && p->account))
			json_array_append(out, row);
	}
	json_decref(r->rows);
	return rows_sorted(out);
}

int ask_who(struct ask *q)
{
	static const struct row_words words[] = {
		{"published", "{when:24}  {name:12} published it ({feed}, entry {index})"},
		{"receipt",
			"{when:24}  {name:12} had it then at the latest, by its receipt ({feed}, "
			"entry {index})"},
		{NULL, "{when:24}  {name:12} received it from {from_name} under {agreement} "
		       "({feed}, "
		       "entry {index})"}};
	struct record r;
	int rc = record_begin(&r, q);

	if (rc)
		return json_decref(r.rows), rc;
	rc = places_find(&r);
	if (rc == 0)
		rc = rows_find(&r);
	return record_answer(&r, rc, first_ways(&r), words);
}

int ask_trace(struct ask *q)
{
#define PLACE " ({kind}, {feed}, entry {index})"
	static const struct row_words words[] = {
		{"published", "{when:24}  {name:12} published it[ by {operator}][ from file "
			      "{file:.16}]" PLACE},
		{"sent",
			"{when:24}  {name:12} sent it to {to_name}, from then on[, by {by}][ under "
			"{agreement}]" PLACE},
		{"body-sent", "{when:24}  {name:12} sent its body to {to_name}[ under "
			      "{agreement}]" PLACE},
		{"body-received", "{when:24}  {name:12} received its body from {from_name}" PLACE},
		{"receipt", "{when:24}  {name:12} confirmed that it holds it" PLACE},
		{"erased", "{when:24}  {name:12} carried the erasure out" PLACE},
		{NULL, "{when:24}  {name:12} received it from {from_name}[ under "
		       "{agreement}]" PLACE}};
#undef PLACE
	struct record r;
	int rc = record_begin(&r, q);

	if (rc)
		return json_decref(r.rows), rc;
	rc = places_find(&r);
	r.back = true;
	if (rc == 0)
		rc = places_find(&r);
	if (rc == 0)
		rc = rows_find(&r);
	return record_answer(&r, rc, r.rows, words);
}

/* --- why -------------------------------------------------------------------------------------- */

/* What was said at one moment, until the next at which it is another. */
struct ruling {
	struct policy_verdict verdict;
	bool unknown; /* an agreement was in force whose text is not here */
};

static struct ruling rule_at(const struct account *t, const struct place *p,
	const struct node_id *to, uint64_t acts, int64_t ms)
{
	const struct agreement *list[AGREEMENTS_MAX];
	struct policy_query q = {.door = DOOR_FORWARD,
		.feed = &p->log,
		.self = &t->self,
		.peer = to,
		.agreements = list,
		.agreements_len = AGREEMENTS_MAX,
		.now_s = ms / 1000};
	struct ruling r;

	r.unknown = !terms_then(t, acts, list, &q.agreements_len);
	decide(&q, &r.verdict);
	return r;
}

static json_t *ruling_row(struct record *r, const struct account *t, const struct place *p,
	const struct node_id *to, const struct ruling *one)
{
	json_t *row = row_new(r, p, one->verdict.allow ? "let" : "kept", &t->self, 0);
	json_t *agreements = json_array();

	for (size_t i = 0; i < one->verdict.agreements_len; i++)
		json_array_append_new(agreements,
			json_sprintf("%016" PRIx64, one->verdict.agreements[i]));
	set_node(r, row, "to", "to_name", to);
	json_object_set_new(row, "allowed", json_boolean(one->verdict.allow));
	json_object_set_new(row, "rule", json_string(one->verdict.rule_name));
	json_object_set_new(row, "sentence", json_string(policy_rule_sentence(one->verdict.rule)));
	json_object_set_new(row, "agreements", agreements);
	json_object_set_new(row, "text_missing", json_boolean(one->unknown));
	return row;
}

static bool same_ruling(const struct ruling *x, const struct ruling *y)
{
	return x->verdict.rule == y->verdict.rule && x->unknown == y->unknown &&
	       x->verdict.agreements_len == y->verdict.agreements_len &&
	       memcmp(x->verdict.agreements, y->verdict.agreements,
		       sizeof(uint64_t) * x->verdict.agreements_len) == 0;
}

struct moment {
	uint64_t acts;
	int64_t ms;
};

static int moment_cmp(const void *one, const void *other)
{
	const struct moment *x = one, *y = other;

	return x->acts < y->acts ? -1 : x->acts > y->acts;
}

/* From when the node had it on, at each change of what it had in force. */
static void rulings(struct record *r, const struct account *t, const struct place *p,
	const struct node_id *to, json_t *out)
{
	struct moment *list = calloc(2 * t->terms_len + 1, sizeof(*list));
	struct ruling last = {0};
	json_t *row = NULL;
	size_t len = 0;

	if (!list)
		return;
	list[len++] = (struct moment){p->acts, p->here_ms};
	for (size_t i = 0; i < t->terms_len; i++) {
		if (t->terms[i].from > p->acts)
			list[len++] = (struct moment){t->terms[i].from, t->terms[i].from_ms};
		if (t->terms[i].until > p->acts)
			list[len++] = (struct moment){t->terms[i].until, t->terms[i].until_ms};
	}
	qsort(list, len, sizeof(*list), moment_cmp);
	for (size_t i = 0; i < len; i++) {
		struct ruling now = rule_at(t, p, to, list[i].acts, list[i].ms);

		if (row && same_ruling(&last, &now))
			continue;
		if (row)
			json_object_set_new(row, "until", json_time(list[i].ms));
		last = now;
		row = ruling_row(r, t, p, to, &now);
		json_object_set_new(row, "when", json_time(list[i].ms));
		json_array_append_new(out, row);
	}
	free(list);
}

static bool same_place(const json_t *x, const json_t *y)
{
	return json_equal(json_object_get(x, "to"), json_object_get(y, "to")) &&
	       json_equal(json_object_get(x, "log"), json_object_get(y, "log")) &&
	       json_equal(json_object_get(x, "index"), json_object_get(y, "index"));
}

/* When it may first have gone there, by the node's own account. */
static void set_sent(const json_t *rows, json_t *answer)
{
	const json_t *row;
	size_t at;

	json_array_foreach(rows, at, row)
	{
		const char *what = json_string_value(json_object_get(row, "what"));

		if ((strcmp(what, "sent") != 0 && strcmp(what, "body-sent") != 0) ||
			!same_place(row, answer))
			continue;
		json_object_set(answer, "sent", json_object_get(row, "when"));
		return;
	}
}

int ask_why(struct ask *q)
{
	static const struct row_words words[] = {
		{"let", "{when:24}  {name:12} could give it to {to_name}: {sentence} ({rule})[, "
			"{agreements}][, until {until}][; it may have gone from {sent} on] "
			"({feed}, entry "
			"{index})"},
		{NULL, "{when:24}  {name:12} could not give it to {to_name}: {sentence} ({rule})[, "
		       "until "
		       "{until}][; not all texts are here: {text_missing}] ({feed}, entry "
		       "{index})"}};
	json_t *answers = json_array();
	struct audit *a = q->audit;
	struct node_id to;
	struct record r;
	int rc = node_find(q, q->to, &to) ? record_begin(&r, q) : AUDIT_USAGE;

	if (rc) {
		json_decref(answers);
		return rc;
	}
	rc = places_find(&r);
	for (size_t i = 0; rc == 0 && i < a->bundles_len; i++) {
		struct account *t = &a->bundles[i].account;
		size_t first = json_array_size(answers);

		if (node_id_eq(&t->self, &to))
			continue;
		json_array_clear(r.rows);
		rc = acts_find(&r, &a->bundles[i]);
		for (size_t j = 0; rc == 0 && j < r.places_len; j++)
			if (r.places[j].here_ms)
				rulings(&r, t, &r.places[j], &to, answers);
		for (; first < json_array_size(answers); first++)
			set_sent(r.rows, json_array_get(answers, first));
	}
	json_decref(r.rows);
	return record_answer(&r, rc, answers, words);
}
