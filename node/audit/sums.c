/* SPDX-License-Identifier: EUPL-1.2 */
/* Answers that add up: what each gave and got, how long until it was taken back everywhere, and
 * records drawn by lot. */
#include <inttypes.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "base/text.h"

/* --- reciprocity ------------------------------------------------------------------------------ */

/* What came from whom under what, summed. */
struct flow {
	struct node_id from, to;
	uint64_t agreement, entries; /* agreement 0: none */
};

struct flows {
	struct ask *ask;
	size_t len, cap;
	struct flow *list;
};

static int flow_find(void *ctx, const struct walk_act *w)
{
	struct flows *x = ctx;
	struct flow one = {.from = w->act->peer, .to = w->bundle->about.node}, *f;

	if (w->act->act != ACT_RECEIVED || !w->act->has_log || w->act->to <= w->act->from ||
		!ask_in_time(x->ask, w->when_ms))
		return 0;
	one.agreement = terms_under(w, DOOR_RECEIVE);
	for (f = x->list; f < x->list + x->len; f++)
		if (node_id_eq(&f->from, &one.from) && node_id_eq(&f->to, &one.to) &&
			f->agreement == one.agreement)
			break;
	if (f == x->list + x->len) {
		x->list = grow(x->list, &x->cap, x->len, sizeof(*x->list));
		f = &x->list[x->len++];
		*f = one;
	}
	f->entries += w->act->to - w->act->from;
	return 0;
}

json_t *flows_json(struct ask *q, int *rc)
{
	struct flows x = {.ask = q};
	json_t *list = json_array();

	*rc = walk_acts(q->audit, NULL, flow_find, &x);
	for (size_t i = 0; i < x.len; i++) {
		const struct flow *f = &x.list[i];
		json_t *row = json_pack("{s:o, s:I}", "agreement", json_agreement(f->agreement),
			"entries", NUM(f->entries));

		row_node(q, row, "from", "from_name", &f->from);
		row_node(q, row, "to", "to_name", &f->to);
		json_array_append_new(list, row);
	}
	free(x.list);
	return list;
}

int ask_reciprocity(struct ask *q)
{
	static const struct row_words words[] = {
		{NULL, "{from_name:12} gave {to_name:12} {entries:-12} entries under {agreement}"}};
	int rc;
	json_t *list = flows_json(q, &rc);

	return ask_answer(q, rc, list, words);
}

/* --- retracted -------------------------------------------------------------------------------- */

struct retracting {
	struct ask *ask;
	json_t *list;
};

/* One row for each node that has the word: when it came there, and was carried out. */
static int retraction_find(void *ctx, const struct walk_entry *e)
{
	struct retracting *x = ctx;
	const struct account *t = &e->bundle->account;
	const struct log_name *log = &e->section->log.name;
	struct entry_header h;
	int64_t said_ms, done_ms = 0;
	json_t *row;

	entry_header_decode(e->entry->leaf, &h);
	said_ms = (int64_t)(h.time_ms % RECORD_TIME_MAX_MS);
	if ((h.kind != KIND_RETRACTION && h.kind != KIND_ERASURE) || !ask_in_time(x->ask, said_ms))
		return 0;
	if (h.kind == KIND_ERASURE)
		done_ms = carried_out(t, log, e->index);
	row = json_pack("{s:s, s:o, s:s, s:o, s:I, s:o, s:o, s:o, s:I}", "what", kind_name(h.kind),
		"object", json_hex(BYTES_OF(h.object)), "feed", log_text(x->ask->audit, log), "log",
		json_log(log), "index", NUM(e->index), "said", json_time(said_ms), "here",
		json_time(e->batch->received_ms), "carried_out", json_time(done_ms), "after_ms",
		NUM(e->batch->received_ms - said_ms));
	row_node(x->ask, row, "node", "name", &t->self);
	json_array_append_new(x->list, row);
	return 0;
}

int ask_retracted(struct ask *q)
{
	static const struct row_words words[] = {{NULL,
		"{what} of {object:.8} ({feed}, entry {index}), said {said}: at {name} {here}[, "
		"carried out {carried_out}]"}};
	struct retracting x = {.ask = q, .list = json_array()};
	int rc = walk_feeds(q->audit, retraction_find, &x);

	return ask_answer(q, rc, x.list, words);
}

/* --- personal data ---------------------------------------------------------------------------- */

/* What can tell of a person, and how. */
static const char *const personal[TYPE_COUNT] = {
	[TYPE_EMAIL] = "names a person",
	[TYPE_IPV4] = "can lead to a person's line",
	[TYPE_IPV6] = "can lead to a person's line",
	[TYPE_URL] = "can hold a person's name",
	[TYPE_STIX] = "an object that can hold anything",
};

/* Records of one type in one feed at one node. */
struct personal_sum {
	uint64_t entries, gone, erased, pending, over;
	int64_t oldest_ms, newest_ms;
};

struct personal_ask {
	struct ask *ask;
	struct personal_sum sums[TYPE_COUNT];
	int64_t retain_ms; /* of the section at hand */
	json_t *list, *agreements;
};

static json_t *clause_json(const struct agreement *g)
{
	json_t *after = g->after_end_keep ? json_string("keep")
					  : json_sprintf("erase within %" PRIi64 " days",
						    g->after_end_erase_s / 86400);

	return json_pack("{s:o, s:i, s:o, s:o, s:I, s:I, s:o}", "id", json_agreement(g->id),
		"serial", (int)g->serial, "legal", json_text(bytes_str(g->legal)), "purposes",
		json_text(bytes_str(g->purposes)), "retain_s", (json_int_t)g->retain_s,
		"erase_within_s", (json_int_t)g->erase_within_s, "after_end", after);
}

/* The agreements that the node has, or had last, and under which the feed can be there. */
static void clauses_find(struct personal_ask *x, const struct account *t, struct audience audience)
{
	x->retain_ms = 0;
	x->agreements = json_array();
	for (size_t i = 0; i < t->terms_len; i++) {
		const struct term *term = &t->terms[i];
		const struct agreement *g = term->text ? &term->text->agreement : NULL;

		if (!g || (audience.kind == AUDIENCE_AGREEMENT ? g->id != audience.id
							       : term->until != 0))
			continue;
		json_array_append_new(x->agreements, clause_json(g));
		if (g->retain_s * 1000 > x->retain_ms)
			x->retain_ms = g->retain_s * 1000;
	}
}

static int personal_find(void *ctx, const struct walk_entry *e)
{
	struct personal_ask *x = ctx;
	const struct bundle *b = e->bundle;
	struct personal_sum *sum;
	struct entry_header h;
	const struct erasure *over;
	bool gone = e->entry->state == ENTRY_STATE_ERASED;
	int64_t said_ms;

	entry_header_decode(e->entry->leaf, &h);
	said_ms = (int64_t)(h.time_ms % RECORD_TIME_MAX_MS);
	if (h.type >= TYPE_COUNT || !personal[h.type] || h.kind == KIND_RETRACTION ||
		h.kind == KIND_ERASURE || !ask_in_time(x->ask, said_ms))
		return 0;
	sum = &x->sums[h.type];
	over = erasure_over(x->ask->audit, b, &e->section->log.name, h.object, e->index);
	sum->entries++;
	sum->gone += gone;
	sum->erased += over && carried_out(&b->account, &over->log, over->index) != 0;
	sum->pending += over && !carried_out(&b->account, &over->log, over->index);
	sum->over +=
		!gone && x->retain_ms && b->about.made_ms - e->batch->received_ms > x->retain_ms;
	sum->oldest_ms = !sum->oldest_ms || said_ms < sum->oldest_ms ? said_ms : sum->oldest_ms;
	sum->newest_ms = said_ms > sum->newest_ms ? said_ms : sum->newest_ms;
	return 0;
}

static void personal_rows(struct personal_ask *x, const struct bundle *b,
	const struct log_name *log)
{
	for (unsigned type = 0; type < TYPE_COUNT; type++) {
		const struct personal_sum *s = &x->sums[type];
		json_t *row;

		if (!s->entries)
			continue;
		row = json_pack("{s:s, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:O}",
			"feed", log_text(x->ask->audit, log), "log", json_log(log), "type",
			type_name(type), "why", personal[type], "entries", NUM(s->entries),
			"bodies_gone", NUM(s->gone), "erasures_done", NUM(s->erased),
			"erasures_pending", NUM(s->pending), "kept_too_long", NUM(s->over),
			"oldest", json_time(s->oldest_ms), "newest", json_time(s->newest_ms),
			"agreements", x->agreements);
		row_node(x->ask, row, "node", "name", &b->about.node);
		json_array_append_new(x->list, row);
	}
	json_decref(x->agreements);
	memset(x->sums, 0, sizeof(x->sums));
}

int ask_personal(struct ask *q)
{
	static const struct row_words words[] = {{NULL,
		"{name:12} {feed}: {entries} records of type {type} ({why}), {oldest} to {newest}; "
		"bodies gone: {bodies_gone}; erasures carried out: {erasures_done}, pending: "
		"{erasures_pending}; kept longer than agreed: {kept_too_long}[; under "
		"{agreements}]"}};
	struct personal_ask x = {.ask = q, .list = json_array()};
	struct audit *a = q->audit;
	int rc = 0;

	for (size_t i = 0; i < a->bundles_len; i++)
		for (size_t j = 0; rc == 0 && j < a->bundles[i].sections_len; j++) {
			struct section *s = &a->bundles[i].sections[j];

			if (s->log.name.audience.kind == AUDIENCE_PROVENANCE)
				continue;
			clauses_find(&x, &a->bundles[i].account, s->log.name.audience);
			rc = walk_section(a, &a->bundles[i], s, personal_find, &x);
			personal_rows(&x, &a->bundles[i], &s->log.name);
		}
	return ask_answer(q, rc, x.list, words);
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

int ask_sample(struct ask *q)
{
	static const struct row_words words[] = {{NULL,
		"{feed}, entry {index} ({kind}, {tlp}, {time}), object {object}, at {name}"}};
	struct drawing x = {.ask = q, .list = calloc(q->count + 1, sizeof(*x.list))};
	int rc = x.list ? walk_feeds(q->audit, draw, &x) : ENT_ENOMEM;
	json_t *list = json_array();

	for (size_t i = 0; i < x.len; i++) {
		const struct drawn *d = &x.list[i];
		json_t *row = json_pack("{s:s, s:o, s:I, s:o, s:s, s:s, s:o}", "feed",
			log_text(q->audit, &d->log), "log", json_log(&d->log), "index",
			NUM(d->index), "object", json_hex(BYTES_OF(d->header.object)), "kind",
			kind_name(d->header.kind), "tlp", tlp_name(d->header.tlp), "time",
			json_time((int64_t)(d->header.time_ms % RECORD_TIME_MAX_MS)));

		row_node(q, row, "node", "name", &d->at);
		json_array_append_new(list, row);
	}
	free(x.list);
	return ask_answer(q, rc, list, words);
}
