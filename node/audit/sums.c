/* SPDX-License-Identifier: EUPL-1.2 */
/* Answers that add up: what each gave and got, how long until it was taken back everywhere, and
 * records drawn by lot. */
#include "audit/audit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

/* --- under which agreement -------------------------------------------------------------------- */

struct terms_of {
	size_t len;
	struct wire_agreement terms[WIRE_AGREEMENTS_MAX];
};

void terms_begin(struct terms_seen *t, const struct audit *a)
{
	*t = (struct terms_seen){0};
	map_init(&t->sessions, ACT_ID_BYTES, SIZE_MAX, a->key);
}

void terms_end(struct terms_seen *t)
{
	map_free(&t->sessions);
	arena_free(&t->arena);
}

void terms_note(struct terms_seen *t, const struct act_body *act)
{
	struct terms_of *of;

	if (act->act != ACT_SESSION_OPENED || act->session.len != ACT_ID_BYTES)
		return;
	of = arena_alloc(&t->arena, sizeof(*of));
	if (!of)
		return;
	for (; of->len < act->terms_len && of->len < WIRE_AGREEMENTS_MAX; of->len++)
		of->terms[of->len] = act->terms[of->len];
	if (map_put(&t->sessions, act->session.data, of) != 0)
		of->len = 0;
}

bool terms_under(struct audit *a, const struct terms_seen *t, const struct walk_act *w,
	uint64_t *id)
{
	const struct agreement *list[WIRE_AGREEMENTS_MAX];
	struct policy_query q = {.door = DOOR_RECEIVE,
		.feed = &w->act->log,
		.self = &w->bundle->about.node,
		.peer = &w->act->peer,
		.agreements = list,
		.now_s = w->when_ms / 1000};
	const struct terms_of *of = NULL;
	struct policy_verdict v;

	if (w->act->session.len == ACT_ID_BYTES)
		of = map_get(&t->sessions, w->act->session.data);
	for (size_t i = 0; of && i < of->len; i++) {
		const struct text *text = text_find(a, of->terms[i].hash);

		if (text && text->good)
			list[q.agreements_len++] = &text->agreement;
	}
	decide(&q, &v);
	*id = v.agreements_len ? v.agreements[0] : 0;
	return v.agreements_len > 0;
}

/* --- reciprocity ------------------------------------------------------------------------------ */

struct flowing {
	struct ask *ask;
	struct flows *flows;
	struct terms_seen terms;
};

static void flow_add(struct flows *f, const struct flow *one)
{
	for (size_t i = 0; i < f->len; i++)
		if (node_id_eq(&f->list[i].from, &one->from) &&
			node_id_eq(&f->list[i].to, &one->to) &&
			f->list[i].has_agreement == one->has_agreement &&
			f->list[i].agreement == one->agreement) {
			f->list[i].entries += one->entries;
			return;
		}
	f->list = grow(f->list, &f->cap, f->len, sizeof(*f->list));
	f->list[f->len++] = *one;
}

static int flow_find(void *ctx, const struct walk_act *w)
{
	struct flowing *x = ctx;
	struct flow one = {.from = w->act->peer, .to = w->bundle->about.node};

	terms_note(&x->terms, w->act);
	if (w->act->act != ACT_RECEIVED || !w->act->has_log || w->act->to <= w->act->from ||
		!ask_in_time(x->ask, w->when_ms))
		return 0;
	one.entries = w->act->to - w->act->from;
	one.has_agreement = terms_under(x->ask->audit, &x->terms, w, &one.agreement);
	flow_add(x->flows, &one);
	return 0;
}

int flows_find(struct ask *q, struct flows *flows)
{
	struct flowing x = {.ask = q, .flows = flows};
	struct audit *a = q->audit;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < a->bundles_len; i++) {
		terms_begin(&x.terms, a);
		rc = walk_acts(a, &a->bundles[i], flow_find, &x);
		terms_end(&x.terms);
	}
	return rc;
}

static void print_flow(struct ask *q, const json_t *row)
{
	(void)q;
	printf("%-12s gave %-12s %12" PRIi64 " entries under %s\n", ask_field(row, "from_name"),
		ask_field(row, "to_name"), ask_number(row, "entries"), ask_field(row, "agreement"));
}

int ask_reciprocity(struct ask *q)
{
	json_t *list = json_array();
	struct flows flows = {0};
	int rc = flows_find(q, &flows);

	for (size_t i = 0; i < flows.len; i++) {
		const struct flow *f = &flows.list[i];
		char agreement[17];

		snprintf(agreement, sizeof(agreement), "%016" PRIx64, f->agreement);
		json_array_append_new(list,
			json_pack("{s:o, s:s, s:o, s:s, s:s?, s:I}", "from", json_node(&f->from),
				"from_name", party_name(q->audit, &f->from), "to",
				json_node(&f->to), "to_name", party_name(q->audit, &f->to),
				"agreement", f->has_agreement ? agreement : NULL, "entries",
				(json_int_t)f->entries));
	}
	free(flows.list);
	return rc ? ask_failed(q, rc, list) : ask_answer(q, list, print_flow);
}

/* --- retracted -------------------------------------------------------------------------------- */

bool want_feeds(void *ctx, const struct bundle *b, const struct section *s)
{
	(void)ctx;
	(void)b;
	return s->log.name.audience.kind != AUDIENCE_PROVENANCE;
}

struct retracting {
	struct ask *ask;
	json_t *list;
};

static const char *origin_line(char text[LOG_NAME_TEXT_SIZE], const struct log_name *log)
{
	log_name_text(text, log);
	return text;
}

/* One row for each node that has the word: when it came there, and was carried out. */
static int retraction_find(void *ctx, const struct walk_entry *e)
{
	struct retracting *x = ctx;
	struct audit *a = x->ask->audit;
	const struct account *t = &e->bundle->account;
	const struct log_name *log = &e->section->log.name;
	char object[HEX_TEXT_SIZE(OBJECT_ID_BYTES)], origin[LOG_NAME_TEXT_SIZE];
	struct entry_header h;
	int64_t done_ms = 0;

	entry_header_decode(e->entry->leaf, &h);
	if ((h.kind != KIND_RETRACTION && h.kind != KIND_ERASURE) ||
		!ask_in_time(x->ask, (int64_t)(h.time_ms % RECORD_TIME_MAX_MS)))
		return 0;
	for (size_t i = 0; h.kind == KIND_ERASURE && i < t->erased_len; i++)
		if (log_name_eq(&t->erased[i].log, log) && t->erased[i].from <= e->index &&
			e->index < t->erased[i].to && !done_ms)
			done_ms = t->erased[i].when_ms;
	text_hex_encode(object, BYTES_OF(h.object));
	json_array_append_new(x->list,
		json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:s, s:o, s:o, s:I}", "what",
			kind_name(h.kind), "object", object, "feed", log_text(a, log), "log",
			origin_line(origin, log), "index", (json_int_t)e->index, "said",
			json_time((int64_t)(h.time_ms % RECORD_TIME_MAX_MS)), "node",
			json_node(&t->self), "name", party_name(a, &t->self), "here",
			json_time(e->batch->received_ms), "carried_out", json_time(done_ms),
			"after_ms",
			(json_int_t)(e->batch->received_ms -
				     (int64_t)(h.time_ms % RECORD_TIME_MAX_MS))));
	return 0;
}

static void print_retraction(struct ask *q, const json_t *row)
{
	(void)q;
	printf("%s of %.8s (%s, entry %" PRIi64 "), said %s: at %s %s", ask_field(row, "what"),
		ask_field(row, "object"), ask_field(row, "feed"), ask_number(row, "index"),
		ask_field(row, "said"), ask_field(row, "name"), ask_field(row, "here"));
	if (json_string_value(json_object_get(row, "carried_out")))
		printf(", carried out %s", ask_field(row, "carried_out"));
	printf("\n");
}

int ask_retracted(struct ask *q)
{
	struct retracting x = {.ask = q, .list = json_array()};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < q->audit->bundles_len; i++)
		rc = walk_entries(q->audit, &q->audit->bundles[i], want_feeds, retraction_find, &x);
	return rc ? ask_failed(q, rc, x.list) : ask_answer(q, x.list, print_retraction);
}

/* --- sample ----------------------------------------------------------------------------------- */

struct drawn {
	struct hash lot;
	struct log_name log;
	uint64_t index;
	struct entry_header header;
	struct node_id at;
};

struct drawing {
	struct ask *ask;
	size_t len;
	struct drawn *list; /* by lot, lowest first */
};

/* The lot of a record follows from seed and place alone: whoever asks again draws the same. */
static int draw(void *ctx, const struct walk_entry *e)
{
	struct drawing *x = ctx;
	struct drawn one = {
		.log = e->section->log.name, .index = e->index, .at = e->bundle->about.node};
	uint8_t numbers[16], packed[LOG_NAME_BYTES];
	const struct bytes parts[] = {BYTES_OF(numbers), BYTES_OF(packed)};
	size_t at;

	be64_put(numbers, x->ask->seed);
	be64_put(numbers + 8, e->index);
	log_name_pack(packed, &one.log);
	hash_sha256_parts(&one.lot, parts, 2);
	entry_header_decode(e->entry->leaf, &one.header);
	for (at = 0; at < x->len; at++) {
		int order = memcmp(one.lot.bytes, x->list[at].lot.bytes, HASH_BYTES);

		if (order == 0)
			return 0; /* the same record at another node */
		if (order < 0)
			break;
	}
	if (at == x->ask->count)
		return 0;
	if (x->len < x->ask->count)
		x->len++;
	memmove(&x->list[at + 1], &x->list[at], (x->len - at - 1) * sizeof(*x->list));
	x->list[at] = one;
	return 0;
}

static void print_drawn(struct ask *q, const json_t *row)
{
	(void)q;
	printf("%s, entry %" PRIi64 " (%s, %s, %s), object %s, at %s\n", ask_field(row, "feed"),
		ask_number(row, "index"), ask_field(row, "kind"), ask_field(row, "tlp"),
		ask_field(row, "time"), ask_field(row, "object"), ask_field(row, "name"));
}

static json_t *drawn_json(struct audit *a, const struct drawn *d)
{
	char object[HEX_TEXT_SIZE(OBJECT_ID_BYTES)], origin[LOG_NAME_TEXT_SIZE];

	text_hex_encode(object, BYTES_OF(d->header.object));
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:o, s:o, s:s}", "feed",
		log_text(a, &d->log), "log", origin_line(origin, &d->log), "index",
		(json_int_t)d->index, "object", object, "kind", kind_name(d->header.kind), "tlp",
		tlp_name(d->header.tlp), "time",
		json_time((int64_t)(d->header.time_ms % RECORD_TIME_MAX_MS)), "node",
		json_node(&d->at), "name", party_name(a, &d->at));
}

int ask_sample(struct ask *q)
{
	struct drawing x = {.ask = q};
	json_t *list = json_array();
	int rc = 0;

	x.list = calloc(q->count + 1, sizeof(*x.list));
	if (!x.list)
		rc = ENT_ENOMEM;
	for (size_t i = 0; rc == 0 && i < q->audit->bundles_len; i++)
		rc = walk_entries(q->audit, &q->audit->bundles[i], want_feeds, draw, &x);
	for (size_t i = 0; i < x.len; i++)
		json_array_append_new(list, drawn_json(q->audit, &x.list[i]));
	free(x.list);
	return rc ? ask_failed(q, rc, list) : ask_answer(q, list, print_drawn);
}
