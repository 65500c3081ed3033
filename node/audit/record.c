/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The questions about one record: who knew it, the way it took, and why it went to a node or did
 * not. First the places where it stands are looked for, in all feeds; then what the acts say.
 * What was sent is the most that can have left, a receipt the least that had come (DESIGN 12).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "audit/audit.h"
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
	const char *digits;  /* that its object id begins with */
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

bool object_fits(const char *digits, const uint8_t *object)
{
	char hex[HEX_TEXT_SIZE(OBJECT_ID_BYTES)];

	text_hex_encode(hex, bytes_from(object, OBJECT_ID_BYTES));
	return strncmp(hex, digits, strlen(digits)) == 0;
}

bool object_digits(const char *text)
{
	size_t len = strlen(text);

	return len >= 4 && len <= 2u * OBJECT_ID_BYTES && strspn(text, "0123456789abcdef") == len;
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
			      : !object_fits(r->digits, h.object))
		return 0;
	for (size_t i = 0; i < r->places_len; i++)
		if (r->places[i].index == e->index && log_name_eq(&r->places[i].log, log))
			return 0;
	r->places[r->places_len++] = (struct place){.log = *log, .index = e->index, .header = h};
	return 0;
}

/* --- what the acts say of it ------------------------------------------------------------------ */

static json_t *row_new(struct record *r, const struct place *p, const char *what,
	const struct node_id *node, int64_t when_ms)
{
	json_t *row = json_pack("{s:s, s:s, s:o, s:n, s:n, s:n, s:s, s:o, s:I, s:s, s:s, s:o}",
		"what", what, "how", what, "when", json_time(when_ms), "from", "from_name",
		"agreement", "feed", log_text(r->ask->audit, &p->log), "log", json_log(&p->log),
		"index", NUM(p->index), "kind", kind_name(p->header.kind), "tlp",
		tlp_name(p->header.tlp), "object", json_hex(BYTES_OF(p->header.object)));

	row_node(r->ask, row, "node", "name", node);
	return row;
}

/* An act about it: what it did, from or to whom, at which door. */
static json_t *act_row(struct record *r, const struct place *p, const char *what,
	const struct walk_act *w, enum door door)
{
	json_t *row = row_new(r, p, what, &w->bundle->about.node, w->when_ms);

	if (w->act->has_peer && door == DOOR_RECEIVE)
		row_node(r->ask, row, "from", "from_name", &w->act->peer);
	else if (w->act->has_peer)
		row_node(r->ask, row, "to", "to_name", &w->act->peer);
	if (w->act->has_peer)
		json_object_set_new(row, "agreement", json_agreement(terms_under(w, door)));
	return row;
}

static void on_here(struct record *r, struct place *p, const struct walk_act *w)
{
	const struct act_body *act = w->act;
	json_t *row;

	if (act->act == ACT_RECEIVED) {
		row = act_row(r, p, "received", w, DOOR_RECEIVE);
	} else {
		row = row_new(r, p, "published", &w->bundle->about.node, w->when_ms);
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

static void on_sending(struct record *r, struct place *p, const struct walk_act *w)
{
	struct under_way *u;

	if (w->act->from > p->index || w->act->session.len != ACT_ID_BYTES)
		return;
	r->sending = grow(r->sending, &r->sending_cap, r->sending_len, sizeof(*r->sending));
	u = &r->sending[r->sending_len++];
	*u = (struct under_way){
		.place = p, .opened_ms = w->when_ms, .row = act_row(r, p, "sent", w, DOOR_FORWARD)};
	memcpy(u->session, w->act->session.data, ACT_ID_BYTES);
}

/* It has ended, at by_ms, or how far is not known; it may have been before the entry was here. */
static void sending_ends(struct record *r, struct under_way *u, bool covered, int64_t by_ms)
{
	if (covered && u->place->here_ms > u->opened_ms)
		json_object_set_new(u->row, "when", json_time(u->place->here_ms));
	json_object_set_new(u->row, "by", json_time(by_ms));
	if (covered)
		json_array_append(r->rows, u->row);
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
	json_t *row = NULL;

	if (w->act->act == ACT_SENDING_OPENED)
		return on_sending(r, p, w);
	if (w->act->act == ACT_SENDING_MARK || w->act->act == ACT_SENDING_CLOSED)
		return on_reached(r, p, w);
	if (p->index < w->act->from || p->index >= w->act->to)
		return;
	if (w->act->act == ACT_PUBLISHED || w->act->act == ACT_RECEIVED)
		return on_here(r, p, w);
	if (w->act->act == ACT_BODIES_SENT)
		row = act_row(r, p, "body-sent", w, DOOR_FORWARD);
	else if (w->act->act == ACT_BODIES_RECEIVED)
		row = act_row(r, p, "body-received", w, DOOR_RECEIVE);
	else if ((w->act->act == ACT_ERASED || w->act->act == ACT_RECALLED) &&
		 p->header.kind == KIND_ERASURE)
		row = row_new(r, p, "erased", &w->bundle->about.node, w->when_ms);
	if (row)
		json_array_append_new(r->rows, row);
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

static bool receipts(const struct claim *k, const struct place *p)
{
	return k->serial && k->signed_by_log && !k->differs && k->checkpoint.size > p->index;
}

/* Each node's first receipt that covers it, by claims in order of size. */
static void receipts_find(struct record *r, const struct place *p)
{
	size_t len;
	const struct claim *k = claims_of(r->ask->audit, &p->log, &len);

	for (size_t i = 0; i < len; i++) {
		bool told = !receipts(&k[i], p);
		json_t *row;

		for (size_t n = 0; n < i && !told; n++)
			told = receipts(&k[n], p) && node_id_eq(&k[n].by, &k[i].by);
		if (told)
			continue;
		row = row_new(r, p, "receipt", &k[i].by,
			(int64_t)(k[i].time % (RECORD_TIME_MAX_MS / 1000)) * 1000);
		if (p->log.audience.kind == AUDIENCE_AGREEMENT)
			json_object_set_new(row, "agreement", json_agreement(p->log.audience.id));
		json_object_set_new(row, "size", json_integer(NUM(k[i].checkpoint.size)));
		json_array_append_new(r->rows, row);
	}
}

/* --- asking ----------------------------------------------------------------------------------- */

/* The places where it stands, and with back where it is taken back; 0, or the status after saying
 * why. */
static int record_begin(struct record *r, struct ask *q, bool back)
{
	struct err_text err;
	int rc;

	*r = (struct record){.ask = q, .is_value = !object_digits(q->what), .digits = q->what};
	if (r->is_value && value_parse(&r->value, bytes_str(q->what), TYPE_NONE, &err) != 0)
		return ask_refused(q, q->what, "is neither a value nor an object id");
	r->rows = json_array();
	r->places = calloc(PLACES_MAX, sizeof(*r->places));
	rc = r->places ? walk_feeds(q->audit, place_find, r) : ENT_ENOMEM;
	r->back = back;
	if (rc == 0 && back)
		rc = walk_feeds(q->audit, place_find, r);
	return rc;
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
	for (size_t i = 0; rc == 0 && i < r->places_len; i++)
		receipts_find(r, &r->places[i]); /* in whole seconds: not among the others */
	return rc;
}

static bool is_what(const json_t *row, const char *what)
{
	return strcmp(json_string_value(json_object_get(row, "what")), what) == 0;
}

/* Are rows the same in these fields? */
static bool agree(const json_t *x, const json_t *y, const char *one, const char *other,
	const char *third)
{
	return json_equal(json_object_get(x, one), json_object_get(y, one)) &&
	       json_equal(json_object_get(x, other), json_object_get(y, other)) &&
	       json_equal(json_object_get(x, third), json_object_get(y, third));
}

/* Has that node handed over its own account? */
static bool accounted(const struct record *r, const json_t *row)
{
	const char *text = json_string_value(json_object_get(row, "node"));
	const struct party *p = NULL;
	struct node_id node;

	if (text && node_id_parse(bytes_str(text), &node))
		p = party_get(r->ask->audit, &node);
	return p && p->account;
}

/* How each node had it first; by its receipt only where its own account is not here. */
static json_t *first_ways(struct record *r)
{
	json_t *out = json_array(), *row, *known;
	size_t at, i;

	json_array_foreach(r->rows, at, row)
	{
		bool told = is_what(row, "receipt")
				    ? accounted(r, row)
				    : !is_what(row, "published") && !is_what(row, "received");

		json_array_foreach(out, i, known) told |= agree(known, row, "node", "node", "node");
		if (!told)
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
		       "({feed}, entry {index})"}};
	struct record r;
	int rc = record_begin(&r, q, false);

	if (rc == AUDIT_USAGE)
		return rc;
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
	int rc = record_begin(&r, q, true);

	if (rc == AUDIT_USAGE)
		return rc;
	if (rc == 0)
		rc = rows_find(&r);
	return record_answer(&r, rc, r.rows, words);
}

/* --- why -------------------------------------------------------------------------------------- */

static json_t *ruling_row(struct record *r, const struct account *t, const struct place *p,
	const struct node_id *to, uint64_t acts, int64_t ms)
{
	struct policy_verdict v;
	bool all = terms_then(t, acts, ms, DOOR_FORWARD, &p->log, to, &v);
	json_t *row, *agreements = json_array();

	row = row_new(r, p, v.allow ? "let" : "kept", &t->self, ms);
	for (size_t i = 0; i < v.agreements_len; i++)
		json_array_append_new(agreements, json_agreement(v.agreements[i]));
	row_node(r->ask, row, "to", "to_name", to);
	json_object_set_new(row, "allowed", json_boolean(v.allow));
	json_object_set_new(row, "rule", json_string(v.rule_name));
	json_object_set_new(row, "sentence", json_string(policy_rule_sentence(v.rule)));
	json_object_set_new(row, "agreements", agreements);
	json_object_set_new(row, "text_missing", json_boolean(!all));
	return row;
}

/* The next moment at which something else was in force than after so many acts. */
static bool change_next(const struct account *t, uint64_t *acts, int64_t *ms)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < t->terms_len; i++) {
		const struct term *term = &t->terms[i];

		if (term->from > *acts && term->from < next) {
			next = term->from;
			*ms = term->from_ms;
		}
		if (term->until > *acts && term->until < next) {
			next = term->until;
			*ms = term->until_ms;
		}
	}
	*acts = next;
	return next != UINT64_MAX;
}

/* What was said from when the node had it on, until the next moment at which it is another. */
static void rulings(struct record *r, const struct account *t, const struct place *p,
	const struct node_id *to, json_t *out)
{
	uint64_t acts = p->acts;
	int64_t ms = p->here_ms;
	json_t *last = NULL;

	do {
		json_t *now = ruling_row(r, t, p, to, acts, ms);

		if (last && agree(last, now, "rule", "agreements", "text_missing")) {
			json_decref(now);
			continue;
		}
		if (last)
			json_object_set_new(last, "until", json_time(ms));
		last = now;
		json_array_append_new(out, now);
	} while (change_next(t, &acts, &ms));
}

/* When it may first have gone there, by the node's own account. */
static void set_sent(const json_t *rows, json_t *answer)
{
	const json_t *row;
	size_t at;

	json_array_foreach(rows, at, row)
	{
		if ((!is_what(row, "sent") && !is_what(row, "body-sent")) ||
			!agree(row, answer, "to", "log", "index"))
			continue;
		json_object_set(answer, "sent", json_object_get(row, "when"));
		return;
	}
}

int ask_why(struct ask *q)
{
#define PLACE " ({feed}, entry {index})"
	static const struct row_words words[] = {
		{"let", "{when:24}  {name:12} could give it to {to_name}: {sentence} ({rule})[, "
			"{agreements}][, until {until}][; it may have gone from {sent} on]" PLACE},
		{NULL, "{when:24}  {name:12} could not give it to {to_name}: {sentence} "
		       "({rule})[, until {until}][; not all texts are here: "
		       "{text_missing}]" PLACE}};
#undef PLACE
	json_t *answers;
	struct audit *a = q->audit;
	struct node_id to;
	struct record r;
	int rc = node_find(q, q->to, &to) ? record_begin(&r, q, false) : AUDIT_USAGE;

	if (rc == AUDIT_USAGE)
		return rc;
	answers = json_array();
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
