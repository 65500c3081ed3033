/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The second reading: every log from its first entry here to its last, onto its tree, and at every
 * size that anybody has signed a root for, that root against the tree's.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "verify/verify.h"

struct walk {
	struct audit *audit;
	struct bundle *bundle;
	struct section *section;
	const struct section *former; /* of logs of acts */
	bool acts;
	struct range tree;
	const struct claim *claims;
	size_t claims_len, claim;
	const struct claim *differs; /* the first that does not fit */
	bool passed;                 /* the size of its checkpoint lies within its entries, */
	struct hash passed_root;     /* with this root there */
	struct arena arena;
	bool first;
	/* of a feed: */
	struct holding *holding;
	size_t texts_len;
	const struct text **texts; /* of its agreement */
	size_t bodies_len;
	struct bodies_sent {
		const struct said *said;
		uint64_t there; /* that can have been */
	} * bodies;
	bool is_over; /* bodies may not be held any more, by what had been in force */
	uint64_t beyond, beyond_first, beyond_last;
	uint64_t missing, pending;
};

/* A finding about the log at hand, and whose bundle it is in. */
#define SAY(w, rule, ...)                                                                          \
	found((w)->audit, rule, &(w)->bundle->about.node, &(w)->section->log.name, __VA_ARGS__)

static bool is_acts(const struct section *s)
{
	return s->log.name.audience.kind == AUDIENCE_PROVENANCE;
}

/* --- roots ------------------------------------------------------------------------------------ */

static void claims_compare(struct walk *w)
{
	struct hash root;
	bool made = false;

	for (; w->claim < w->claims_len && w->claims[w->claim].checkpoint.size <= w->tree.end;
		w->claim++) {
		const struct claim *k = &w->claims[w->claim];

		if (k->checkpoint.size < w->tree.end || !k->signed_by_log)
			continue;
		if (!made)
			range_root(&w->tree, &root);
		made = true;
		if (!w->differs && !hash_eq(&root, &k->checkpoint.root))
			w->differs = k;
	}
}

/* An own log may go on behind the newest checkpoint that was stored. */
static void signed_size_pass(struct walk *w)
{
	if (w->tree.end != w->section->log.checkpoint.size || w->tree.end == w->section->log.to)
		return;
	w->passed = true;
	range_root(&w->tree, &w->passed_root);
}

static bool leads_to_root(struct walk *w)
{
	struct range whole = w->tree;
	struct hash root;

	if (!(w->section->log.flags & BUNDLE_FLAG_SIGNED))
		return true;
	if (w->passed)
		return hash_eq(&w->passed_root, &w->section->log.checkpoint.root);
	if (range_merge(&whole, &w->section->log.right) != 0)
		return false;
	range_root(&whole, &root);
	return hash_eq(&root, &w->section->log.checkpoint.root);
}

static void differing_tell(struct walk *w)
{
	const struct claim *k = w->differs;
	const struct bundle_log *log = &w->section->log;
	struct audit *a = w->audit;
	const struct node_id *by = k->time ? &k->by : &a->bundles[k->bundle].about.node;

	found(a,
		log->name.audience.kind == AUDIENCE_PROVENANCE ? FOUND_REWRITTEN : FOUND_SPLIT_VIEW,
		&log->name.node, &log->name, 0, k->checkpoint.size,
		k->time && k->time < RECORD_TIME_MAX_MS / 1000 ? (int64_t)k->time * 1000 : 0,
		"at size %" PRIu64 " %s has another root, under the same key", k->checkpoint.size,
		party_name(a, by));
}

/* Is it said by the node itself that this log of acts ended early? */
static bool end_declared(const struct account *t, const struct log_name *log)
{
	for (size_t i = 0; t->restored && i < t->kept[KEPT_LOST].len; i++)
		if (log_name_eq(&t->kept[KEPT_LOST].list[i]->log, log))
			return true;
	return false;
}

/* How far a log goes that is handed over: under its checkpoint, and behind it. */
static uint64_t log_end(const struct bundle_log *log)
{
	return log->to > log->checkpoint.size ? log->to : log->checkpoint.size;
}

static void signed_beyond(struct walk *w)
{
	const struct bundle_log *log = &w->section->log;
	const struct account *t = &w->bundle->account;
	bool declared = log->name.audience.kind == AUDIENCE_PROVENANCE ? end_declared(t, &log->name)
								       : t->restored;
	uint64_t size = log_end(log);
	int64_t made_s = w->bundle->about.made_ms / 1000;

	for (size_t i = 0; i < w->claims_len; i++) {
		const struct claim *k = &w->claims[i];

		if (k->checkpoint.size <= size || !k->signed_by_log ||
			(k->time && k->time > (uint64_t)(made_s - AUDIT_FRESH_MS / 1000)))
			continue;
		if (!k->time &&
			w->audit->bundles[k->bundle].about.made_ms > w->bundle->about.made_ms)
			continue; /* of a later bundle of the same node */
		found(w->audit, declared ? FOUND_ACTS_LOST : FOUND_TRUNCATED, &log->name.node,
			&log->name, size, k->checkpoint.size, k->time ? (int64_t)k->time * 1000 : 0,
			"it ends at %" PRIu64 "; %s has its signature for %" PRIu64, size,
			party_name(w->audit,
				k->time ? &k->by : &w->audit->bundles[k->bundle].about.node),
			k->checkpoint.size);
		return;
	}
}

/* --- the entries of a feed -------------------------------------------------------------------- */

static void feed_open(struct walk *w)
{
	struct audit *a = w->audit;
	const struct saids *bodies = &w->bundle->account.kept[KEPT_BODIES];
	const struct audience audience = w->section->log.name.audience;

	w->holding = account_holding(&w->bundle->account, &w->section->log.name);
	w->bodies = need(arena_alloc(&w->arena, (bodies->len + 1) * sizeof(*w->bodies)));
	for (size_t i = 0; i < bodies->len; i++) {
		const struct said *s = bodies->list[i];

		if (log_name_eq(&s->log, &w->section->log.name))
			w->bodies[w->bodies_len++] = (struct bodies_sent){s, s->to - s->from};
	}
	w->texts = need(arena_alloc(&w->arena, (a->texts_len + 1) * sizeof(struct text *)));
	if (audience.kind != AUDIENCE_AGREEMENT)
		return;
	for (size_t i = 0; i < a->texts_len; i++)
		if (a->texts[i]->good && a->texts[i]->agreement.id == audience.id)
			w->texts[w->texts_len++] = a->texts[i];
}

/* As its origin is to have asked: under any version of the agreement that was in time. */
static void marking_check(struct walk *w, const struct entry_header *h, uint64_t index)
{
	const struct log_name *log = &w->section->log.name;
	struct policy_query q = {.door = DOOR_PUBLISH,
		.feed = log,
		.header = h,
		.has_recipients = true, /* the body would tell */
		.self = &log->node,
		.now_s = (int64_t)(h->time_ms / 1000)};
	struct policy_verdict v = {0};

	if (h->kind == KIND_SUCCESSION || h->version != ENTRY_VERSION ||
		log->audience.kind == AUDIENCE_LOCAL)
		return;
	if (log->audience.kind != AUDIENCE_AGREEMENT) {
		decide(&q, &v);
	} else {
		for (size_t i = 0; i < w->texts_len && !v.allow; i++) {
			const struct agreement *one = &w->texts[i]->agreement;

			q.agreements = &one;
			q.agreements_len = 1;
			decide(&q, &v);
		}
	}
	/* Without the text nothing can be said but that it is missing, which its acts tell. */
	if (!v.allow && (w->texts_len || log->audience.kind != AUDIENCE_AGREEMENT))
		found(w->audit, FOUND_PUBLISHED_FORBIDDEN, &log->node, log, index, index + 1,
			(int64_t)(h->time_ms % RECORD_TIME_MAX_MS), "%s: %s, marked %s",
			v.rule_name ? v.rule_name : "not-a-party", kind_name(h->kind),
			tlp_name(h->tlp));
}

/* When this node says that the erasures up to there were carried out; 0: it does not. */
int64_t carried_out(const struct account *t, const struct log_name *log, uint64_t index)
{
	const struct said *s = account_kept(t, KEPT_ERASED, log, index);

	return s ? s->when_ms : 0;
}

const struct erasure *erasure_over(const struct audit *a, const struct bundle *b,
	const struct log_name *log, const uint8_t *object, uint64_t index)
{
	const struct erasure *x;
	uint8_t key[32];

	if (a->erasures.count == 0)
		return NULL;
	erasure_key(key, (size_t)(b - a->bundles), log, object);
	x = map_get(&a->erasures, key);
	if (!x || x->log.incarnation < log->incarnation ||
		(x->log.incarnation == log->incarnation && x->index < index))
		return NULL;
	return x;
}

/* How long the agreements that can have brought the feed allow: the longest of them. */
static int64_t erase_within_ms(const struct walk *w)
{
	const struct audit *a = w->audit;
	int64_t s = 0;

	for (size_t i = 0; i < a->texts_len; i++) {
		const struct agreement *g = &a->texts[i]->agreement;

		if (!a->texts[i]->good || !agreement_party_of(g, &w->bundle->about.node) ||
			(w->section->log.name.audience.kind == AUDIENCE_AGREEMENT &&
				g->id != w->section->log.name.audience.id))
			continue;
		if (g->erase_within_s > s)
			s = g->erase_within_s;
	}
	return (s ? s : 72 * 3600) * 1000;
}

/* It goes within the time of an erasure from when the node says that it must. */
static void after_end_check(struct walk *w, const struct said *over, uint64_t index)
{
	const struct bundle_about *about = &w->bundle->about;

	if (over->until_ms)
		SAY(w, FOUND_ERASURE_FAKED, index, index + 1, over->until_ms, "%s",
			"after the end of the agreements");
	else if (about->made_ms - over->when_ms > erase_within_ms(w) && !about->until_ms &&
		 !w->bundle->account.lenient)
		SAY(w, FOUND_ERASURE_LATE, index, index + 1, 0,
			"it may not be held since %s, after the end of the agreements",
			time_text(w->audit, over->when_ms));
}

/* As the bundle has it: within the time of an erasure they were to be gone. */
static bool feed_over(const struct walk *w)
{
	const struct bundle_about *about = &w->bundle->about;
	const struct log_name *log = &w->section->log.name;
	int64_t end_ms = about->until_ms ? about->until_ms : about->made_ms;

	return !node_id_eq(&log->node, &about->node) &&
	       terms_over(&w->bundle->account, log->audience,
		       (end_ms - erase_within_ms(w) - AUDIT_FRESH_MS) / 1000);
}

/* Bodies that are there beyond the time of all agreements, and of which no act says that they are
 * to go. */
static void beyond_check(struct walk *w, uint64_t index)
{
	if (!w->is_over)
		return;
	if (w->beyond++ == 0)
		w->beyond_first = index;
	w->beyond_last = index;
}

static void erasure_check(struct walk *w, int64_t came_ms, uint64_t index)
{
	const struct account *t = &w->bundle->account;
	int64_t done = carried_out(t, &w->section->log.name, index), within = erase_within_ms(w);

	if (done - came_ms > within)
		SAY(w, FOUND_ERASURE_LATE, index, index + 1, done, "it came %s",
			time_text(w->audit, came_ms));
	else if (!done && w->bundle->about.made_ms - came_ms > within &&
		 !w->bundle->about.until_ms && !t->lenient)
		SAY(w, FOUND_ERASURE_LATE, index, index + 1, 0,
			"it came %s, and nothing says that it was carried out",
			time_text(w->audit, came_ms));
	else if (!done)
		w->pending++;
}

/* What had been erased before a sending of bodies cannot have been among them. */
static void bodies_less(struct walk *w, uint64_t index, int64_t erased_ms)
{
	for (struct bodies_sent *b = w->bodies; b < w->bodies + w->bodies_len; b++)
		b->there -= b->said->from <= index && index < b->said->to &&
			    erased_ms <= b->said->when_ms - AUDIT_GRACE_MS;
}

static void commitment_check(struct walk *w, const struct bundle_entry *e,
	const struct entry_header *h, uint64_t index)
{
	struct hash commitment;

	if (e->state != ENTRY_STATE_PRESENT)
		return;
	hash_commitment(&commitment, e->salt, e->body);
	if (memcmp(commitment.bytes, h->commitment, HASH_BYTES) != 0)
		SAY(w, FOUND_ENTRY_MISMATCH, index, index + 1, 0, "%s", "");
}

static void body_check(struct walk *w, const struct bundle_entry *e, const struct entry_header *h,
	uint64_t index)
{
	const struct log_name *log = &w->section->log.name;
	const struct account *t = &w->bundle->account;
	const struct said *over = account_kept(t, KEPT_AFTER_END, log, index);
	const struct erasure *x = erasure_over(w->audit, w->bundle, log, h->object, index);
	bool gone = e->state == ENTRY_STATE_ERASED;
	int64_t erased_ms = x ? carried_out(t, &x->log, x->index) : 0;

	if (over && !gone)
		after_end_check(w, over, index);
	if (!over && !gone)
		beyond_check(w, index);
	if (gone && !x && !over)
		w->missing++;
	if (!gone && erased_ms)
		SAY(w, FOUND_ERASURE_FAKED, index, index + 1, erased_ms, "erased by entry %" PRIu64,
			x->index);
	if (over && over->until_ms && (!erased_ms || over->until_ms < erased_ms))
		erased_ms = over->until_ms;
	if (erased_ms)
		bodies_less(w, index, erased_ms);
}

static void feed_entry(struct walk *w, const struct walk_entry *e)
{
	struct entry_header h;

	entry_header_decode(e->entry->leaf, &h);
	marking_check(w, &h, e->index);
	commitment_check(w, e->entry, &h, e->index);
	/* What takes back is not taken back itself. */
	if (h.kind != KIND_ERASURE && h.kind != KIND_RETRACTION && h.kind != KIND_SUCCESSION)
		body_check(w, e->entry, &h, e->index);
	else if (e->entry->state == ENTRY_STATE_ERASED)
		w->missing++;
	if (h.kind == KIND_ERASURE)
		erasure_check(w, e->batch->received_ms, e->index);
}

static int span_cmp(const void *one, const void *other)
{
	const struct span *x = one, *y = other;

	return x->from < y->from ? -1 : x->from > y->from;
}

static void covered_check(struct walk *w)
{
	const struct bundle_log *log = &w->section->log;
	struct holding *h = w->holding;
	uint64_t at = log->from;
	struct account *t = &w->bundle->account;

	if (t->lenient)
		return;
	/* Of an own feed all that was published is signed a moment later. */
	if (node_id_eq(&log->name.node, &t->self) && !t->restored && h->held > log_end(log) &&
		h->last_ms < w->bundle->about.made_ms - AUDIT_FRESH_MS)
		SAY(w, FOUND_TRUNCATED, log->to, h->held, h->last_ms, "%s",
			"its acts say that it published more");
	if (h->spans_len)
		qsort(h->spans, h->spans_len, sizeof(*h->spans), span_cmp);
	for (size_t i = 0; i < h->spans_len && at < log->to; i++) {
		if (h->spans[i].to <= at)
			continue;
		if (h->spans[i].from > at)
			break;
		at = h->spans[i].to;
	}
	/* Behind the time asked for it may have moved on. */
	if (log->floor > h->floor && !w->bundle->about.until_ms)
		SAY(w, FOUND_UNACCOUNTED, h->floor, log->floor, 0, "%s",
			"they are gone, and no act says that it let them go");
	if (at < log->to)
		SAY(w, FOUND_UNACCOUNTED, at, log->to, 0, "%s", "");
}

static void feed_close(struct walk *w)
{
	const struct bundle_log *log = &w->section->log;

	covered_check(w);
	for (struct bodies_sent *b = w->bodies; b < w->bodies + w->bodies_len; b++)
		if (b->said->from >= log->from && b->said->to <= log->to &&
			b->there < b->said->count)
			SAY(w, FOUND_SENT_ERASED, b->said->from, b->said->to, b->said->when_ms,
				"act %" PRIu64 ": %" PRIu64 " bodies, and %" PRIu64
				" can have been there",
				b->said->index, b->said->count, b->there);
	if (w->beyond)
		SAY(w, FOUND_KEPT_BEYOND, w->beyond_first, w->beyond_last + 1, 0,
			"%" PRIu64 " bodies, and no act says that they are to go", w->beyond);
	if (w->missing)
		SAY(w, FOUND_BODY_MISSING, log->from, log->to, 0, "%" PRIu64, w->missing);
	if (w->pending)
		SAY(w, FOUND_ERASURE_PENDING, log->from, log->to, 0, "%" PRIu64, w->pending);
	if (log->flags & BUNDLE_FLAG_FROZEN)
		found(w->audit, FOUND_FROZEN, &log->name.node, &log->name, 0, log->to, 0, "at %s",
			party_name(w->audit, &w->bundle->about.node));
}

/* --- the entries of a log of acts ------------------------------------------------------------- */

static void act_entry_check(struct walk *w, uint64_t index, const struct bundle_entry *e)
{
	struct account *t = &w->bundle->account;
	struct act_body act = {0};
	struct entry_header h;

	entry_header_decode(e->leaf, &h);
	commitment_check(w, e, &h, index);
	arena_reset(&w->arena);
	if (h.kind != KIND_ACT || e->state != ENTRY_STATE_PRESENT ||
		h.time_ms > RECORD_TIME_MAX_MS || act_body_decode(e->body, &w->arena, &act) != 0) {
		SAY(w, FOUND_ACT_OUTSIDE, index, index + 1, 0, "%s",
			e->state == ENTRY_STATE_PRESENT ? "no act" : "not handed over");
		return;
	}
	if (w->first)
		account_first(t, w->section, w->former, &act);
	w->first = false;
	account_act(t, index, (int64_t)h.time_ms, &act);
}

/* --- a log ------------------------------------------------------------------------------------ */

static int log_entry(void *ctx, const struct walk_entry *e)
{
	struct walk *w = ctx;
	struct hash leaf;

	hash_leaf(&leaf, e->entry->leaf);
	range_append(&w->tree, &leaf);
	signed_size_pass(w);
	claims_compare(w);
	if (w->acts)
		act_entry_check(w, e->index, e->entry);
	else
		feed_entry(w, e);
	return 0;
}

static void log_close(struct walk *w)
{
	const struct bundle_log *log = &w->section->log;

	if (!(log->flags & BUNDLE_FLAG_SIGNED))
		SAY(w, FOUND_NOT_SIGNED, log->from, log->to, 0, "%s", "");
	else if (!leads_to_root(w)) {
		w->bundle->doubtful |= w->acts;
		SAY(w, FOUND_ROOT_MISMATCH, log->from, log->to, 0, "signed for size %" PRIu64,
			log->checkpoint.size);
	} else if (w->differs)
		differing_tell(w);
	else if (log->to > log->checkpoint.size)
		SAY(w, FOUND_NOT_SIGNED, log->checkpoint.size, log->to, 0, "%s",
			"its last entries");
	if (w->acts)
		return;
	if (node_id_eq(&log->name.node, &w->bundle->about.node))
		signed_beyond(w);
	feed_close(w);
}

static int walk_log(struct audit *a, struct bundle *b, struct section *s, struct section *former)
{
	struct walk w = {.audit = a,
		.bundle = b,
		.section = s,
		.former = former,
		.tree = s->log.left,
		.acts = is_acts(s),
		.first = true};
	int rc;

	w.claims = claims_of(a, &s->log.name, &w.claims_len);
	signed_size_pass(&w);
	claims_compare(&w);
	if (w.acts && !node_id_eq(&s->log.name.node, &b->about.node)) {
		b->doubtful = true;
		found(a, FOUND_ACT_OUTSIDE, &b->about.node, &s->log.name, 0, 0, 0, "%s",
			"of another node");
	}
	if (!w.acts) {
		feed_open(&w);
		w.is_over = feed_over(&w);
	}
	rc = walk_section(a, b, s, log_entry, &w);
	if (rc == 0)
		log_close(&w);
	arena_free(&w.arena);
	return rc;
}

/* Did the log begin before the node was set back, as it says? Then it can have lost it; but not a
 * log of which it says itself that it is here. */
static bool set_back_since(const struct account *t, const struct log_name *log)
{
	const struct saids *lost = &t->kept[KEPT_LOST];
	bool since = false;

	for (size_t i = 0; i < lost->len; i++) {
		if (log_name_eq(&lost->list[i]->log, log) && lost->list[i]->to > 0)
			return false;
		since |= (int64_t)log->audience.id * 1000 <= lost->list[i]->until_ms;
	}
	return t->restored && since;
}

/* Logs of acts of this node that others have witnessed, and that are not in its bundle. */
static void hidden_acts(struct audit *a, struct bundle *b)
{
	bool witnessed = false;

	for (size_t i = 0; i < a->claims_len; i++) {
		const struct claim *k = &a->claims[i];
		const struct log_name *log = &k->checkpoint.log;
		bool there = false;

		if (log->audience.kind != AUDIENCE_PROVENANCE || !k->signed_by_log ||
			!node_id_eq(&log->node, &b->about.node))
			continue;
		witnessed |= k->witness || k->serial;
		for (size_t j = 0; j < b->sections_len; j++)
			there |= log_name_eq(&b->sections[j].log.name, log);
		if (there || (int64_t)log->audience.id * 1000 > b->about.made_ms - AUDIT_FRESH_MS)
			continue;
		found(a, set_back_since(&b->account, log) ? FOUND_ACTS_LOST : FOUND_HISTORY_HIDDEN,
			&b->about.node, log, 0, k->checkpoint.size, 0, "%s has its signature",
			party_name(a, &a->bundles[k->bundle].about.node));
	}
	if (!witnessed)
		found(a, FOUND_UNWITNESSED, &b->about.node, NULL, 0, 0, 0, "%s", "");
}

/* Only when all acts are replayed is it known what the node itself says of their ends. */
static void acts_end(struct audit *a, struct bundle *b)
{
	account_end(&b->account);
	for (size_t i = 0; i < b->sections_len; i++) {
		struct walk w = {.audit = a, .bundle = b, .section = &b->sections[i]};

		if (w.section->log.name.audience.kind != AUDIENCE_PROVENANCE ||
			!node_id_eq(&w.section->log.name.node, &b->about.node))
			continue;
		w.claims = claims_of(a, &w.section->log.name, &w.claims_len);
		signed_beyond(&w);
	}
	hidden_acts(a, b);
}

static int walk_bundle(struct audit *a, struct bundle *b)
{
	struct section *former = NULL;
	size_t at;
	int rc = 0;

	account_begin(&b->account, a, b);
	for (at = 0; rc == 0 && at < b->sections_len && is_acts(&b->sections[at]); at++) {
		rc = walk_log(a, b, &b->sections[at], former);
		former = &b->sections[at];
	}
	acts_end(a, b);
	for (; rc == 0 && at < b->sections_len; at++)
		rc = walk_log(a, b, &b->sections[at], NULL);
	return rc;
}

int walk_all(struct audit *a)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < a->bundles_len; i++)
		rc = walk_bundle(a, &a->bundles[i]);
	return rc;
}

/* --- entries, one by one ---------------------------------------------------------------------- */

int walk_section(struct audit *a, struct bundle *b, struct section *s, entry_visit *visit,
	void *ctx)
{
	struct bundle_entries batch;
	struct bundle_entry entry;
	struct walk_entry e = {b, s, s->log.from, &batch, &entry};
	struct frames f;
	int rc = frames_open(&f, b->path, &a->err);

	if (rc == 0)
		rc = frames_seek(&f, s->at, &a->err);
	while (rc == 0 && e.index < s->log.to) {
		struct cursor c;

		rc = frames_next(&f, &a->err);
		if (rc < 0)
			break;
		rc = rc == 0 || f.kind == BUNDLE_LOG || f.kind == BUNDLE_END ? ENT_EINVALID : 0;
		if (rc != 0 || f.kind != BUNDLE_ENTRIES)
			continue;
		rc = bundle_entries_read(f.payload, &batch);
		c = cursor_of(batch.packed);
		for (uint32_t i = 0; rc == 0 && i < batch.count; i++, e.index++)
			if ((rc = bundle_entry_next(&c, &entry)) == 0)
				rc = visit(ctx, &e);
	}
	frames_close(&f);
	if (rc == ENT_EINVALID && !a->err.text[0])
		err_set(&a->err, rc, "%s: changed while it was read", b->path);
	return rc;
}

int walk_feeds(struct audit *a, entry_visit *visit, void *ctx)
{
	int rc = 0;

	for (struct bundle *b = a->bundles; b < a->bundles + a->bundles_len; b++)
		for (size_t i = 0; rc == 0 && i < b->sections_len; i++)
			if (!is_acts(&b->sections[i]))
				rc = walk_section(a, b, &b->sections[i], visit, ctx);
	return rc;
}

struct acts_walk {
	act_visit *visit;
	void *ctx;
	uint64_t acts;
	struct arena arena;
};

static int act_at(void *ctx, const struct walk_entry *e)
{
	struct acts_walk *x = ctx;
	struct act_body act;
	struct walk_act w = {.bundle = e->bundle,
		.index = e->index,
		.when_ms = (int64_t)be64_get(e->entry->leaf.data + ENTRY_TIME_OFFSET),
		.act = &act};

	arena_reset(&x->arena);
	if (w.when_ms < 0 || (uint64_t)w.when_ms > RECORD_TIME_MAX_MS ||
		act_body_decode(e->entry->body, &x->arena, &act) != 0)
		return 0; /* found by the check */
	w.acts = x->acts++;
	return x->visit(x->ctx, &w);
}

int walk_acts(struct audit *a, struct bundle *only, act_visit *visit, void *ctx)
{
	struct acts_walk x = {.visit = visit, .ctx = ctx};
	int rc = 0;

	for (struct bundle *b = a->bundles; b < a->bundles + a->bundles_len; b++) {
		x.acts = 0;
		for (size_t i = 0; rc == 0 && i < b->sections_len; i++)
			if (is_acts(&b->sections[i]) && (!only || b == only))
				rc = walk_section(a, b, &b->sections[i], act_at, &x);
	}
	arena_free(&x.arena);
	return rc;
}
