/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Bodies that are missing (PROTOCOL.md, "Missing bodies"): entries that came without one though
 * nothing says that it was erased. Somebody on the way has withheld them, so they are asked for
 * from other neighbours that have the feed and may give it.
 *
 *     the one that lacks them                      the one that may have them
 *     BODIES_WANT, 256 at most         ──▶
 *                                                  finds which of them it has
 *                                                  enters bodies-sent, durably
 *                                      ◀──         BODIES, 256 KiB at most
 *     compares each with the commitment
 *     stores those still missing
 *
 * One question at a time is open in a session and for a feed, either way. An answer holds what was
 * asked for and is there, in that order; what was erased is not there, for either side.
 */
#include "base/mark.h"
#include "gossip/impl.h"

#include <stdlib.h>

/* Feeds looked at in one tick: each may cost a look into the store. */
#define LOOKS_A_TICK 64u

struct bodies_ask {
	struct session *session;
	const struct feed *feed;
	uint64_t asked_ms;
	bool answered; /* what came is on its way to the store */
	size_t len;
	uint64_t indexes[];
};

struct bodies_give {
	struct link *link;
	uint64_t terms_stamp; /* of the entitlement under which the act stands */
	unsigned ahead;       /* openings of this feed that become durable first */
	bool durable;         /* the act is */
	bool gone;            /* it may not be given any more */
	size_t len;
	uint64_t indexes[];
};

/* --- feeds that may lack some ----------------------------------------------------------------- */

void bodies_suspect(struct gossip *g, struct feed *f)
{
	f->lacks_known = false;
	f->lacks_from = 0;
	f->lacks_ms = 0;
	if (f->lacks || !g->config.store.missing)
		return;
	f->lacks = true;
	f->prev_lacking = NULL;
	f->next_lacking = g->lacking;
	if (g->lacking)
		g->lacking->prev_lacking = f;
	g->lacking = f;
}

void bodies_suspect_all(struct gossip *g, struct feed *f)
{
	for (struct feed *one = f->origin->feeds; one; one = one->next_of_origin)
		if (audience_eq(one->name.audience, f->name.audience))
			bodies_suspect(g, one);
}

static void lacks_nothing(struct gossip *g, struct feed *f)
{
	if (g->lacking_next == f)
		g->lacking_next = f->next_lacking;
	if (f->prev_lacking)
		f->prev_lacking->next_lacking = f->next_lacking;
	else
		g->lacking = f->next_lacking;
	if (f->next_lacking)
		f->next_lacking->prev_lacking = f->prev_lacking;
	f->lacks = false;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void late_end(struct session *s)
{
	free(s->late);
	s->late = NULL;
}

/* The line may be slow: what comes of it is taken all the same, and meanwhile others are asked. */
static void ask_late(struct feed *f)
{
	struct session *s = f->ask->session;

	late_end(s);
	s->late = f->ask;
	s->asked = NULL;
	f->ask = NULL;
}

static void ask_end(struct feed *f)
{
	if (f->ask && f->ask->session)
		f->ask->session->asked = NULL;
	free(f->ask);
	f->ask = NULL;
}

void bodies_forget(struct gossip *g, struct feed *f)
{
	ask_end(f);
	if (f->lacks)
		lacks_nothing(g, f);
}

/* So far it may have the feed. It has told so; or it was given it from here, and may have more of
 * it than we; or it is the one that we have subscribed at, which tells of nothing that we have. */
static uint64_t there(const struct link *l)
{
	uint64_t size = l->announced ? l->peer_held : 0;

	if (l->sink == SINK_OPEN && l->next > size)
		size = l->next;
	if (l->feed->upstream == l && l->feed->complete.size > size)
		size = l->feed->complete.size;
	return size;
}

static bool may_have_it(const struct gossip *g, const struct link *l, uint64_t index)
{
	const struct session *s = l->session;

	return there(l) > index && !s->asked && g->now.mono_ms >= s->bodies_ms &&
	       g->now.mono_ms >= l->bodies_again_ms && l->peer_floor <= index &&
	       may_take(g, s, &l->feed->name) && !quota_spent(g, s, l->feed);
}

/* Upstream comes last: it has given the entry without its body. The origin comes first. */
static unsigned rank(const struct link *l)
{
	if (node_id_eq(&l->session->peer, &l->feed->name.node))
		return 2;
	return l != l->feed->upstream;
}

static struct link *whom_to_ask(const struct gossip *g, const struct feed *f, uint64_t index)
{
	struct link *best = NULL;

	for (struct link *l = f->links; l; l = l->next_of_feed)
		if (may_have_it(g, l, index) && (!best || rank(l) > rank(best)))
			best = l;
	return best;
}

static void ask(struct gossip *g, struct link *l, const uint64_t *indexes, size_t len)
{
	struct feed *f = l->feed;
	struct wire_message m = {.type = WIRE_BODIES_WANT, .bodies_want = {f->name, indexes, len}};

	while (m.bodies_want.indexes_len > 1 && indexes[m.bodies_want.indexes_len - 1] >= there(l))
		m.bodies_want.indexes_len--;
	len = m.bodies_want.indexes_len;
	f->ask = malloc(sizeof(*f->ask) + len * sizeof(indexes[0]));
	if (!f->ask)
		abort();
	*f->ask = (struct bodies_ask){
		.session = l->session, .feed = f, .asked_ms = g->now.mono_ms, .len = len};
	memcpy(f->ask->indexes, indexes, len * sizeof(indexes[0]));
	if (l->session->late && l->session->late->feed == f)
		late_end(l->session); /* what comes answers the one or the other */
	l->session->asked = f;
	l->session->bodies_ms = g->now.mono_ms + BODIES_PAUSE_MS;
	MARK("bodies-asked-for");
	send_message(g, l->session, &m);
}

static void has_none(struct gossip *g, struct link *l)
{
	l->bodies_wait_ms = l->bodies_wait_ms == 0                    ? BODIES_AGAIN_MS
			    : l->bodies_wait_ms < BODIES_AGAIN_MS_MAX ? 2 * l->bodies_wait_ms
								      : BODIES_AGAIN_MS_MAX;
	l->bodies_again_ms = g->now.mono_ms + l->bodies_wait_ms;
}

/* Nobody may have any of these now, the last of which is given: others behind them somebody may.
 * They have their turn again when all have been asked for; where there are no others, at once. */
static void pass_over(struct feed *f, size_t len, uint64_t last)
{
	if (len == WIRE_BODIES_MAX || f->lacks_from > 0)
		f->lacks_from = last + 1;
}

/* It has given none of these: somebody else may. */
static void nothing_came(struct gossip *g, struct feed *f, struct link *l)
{
	const struct bodies_ask *a = f->ask;

	if (l)
		has_none(g, l);
	if (!whom_to_ask(g, f, a->indexes[0]))
		pass_over(f, a->len, a->indexes[a->len - 1]);
}

/* The next of those that are missing here, from where the last question ended. */
static size_t missing_next(struct gossip *g, struct feed *f, uint64_t indexes[WIRE_BODIES_MAX])
{
	const struct gossip_store *store = &g->config.store;
	size_t len = 0;

	if (store->missing(store->ctx, &f->name, f->lacks_from, indexes, WIRE_BODIES_MAX, &len) !=
		0)
		return 0;
	while (len > 0 && indexes[len - 1] >= feed_good(f))
		len--;
	if (len == 0 && f->lacks_from == 0) {
		lacks_nothing(g, f);
	} else if (len == 0) {
		/* All have been asked for: anew from the first, at once if that has brought some,
		 * else later. */
		f->lacks_from = 0;
		f->lacks_ms = g->now.mono_ms + (f->lacks_fewer ? 0 : BODIES_AGAIN_MS);
		f->lacks_fewer = false;
	}
	f->lacks_known = true;
	return len;
}

static bool anybody(const struct gossip *g, const struct feed *f)
{
	for (const struct link *l = f->links; l; l = l->next_of_feed)
		if (may_have_it(g, l, l->peer_floor))
			return true;
	return false;
}

static void consider(struct gossip *g, struct feed *f)
{
	uint64_t indexes[WIRE_BODIES_MAX];
	struct link *l = NULL;
	size_t len, first;

	if (f->ask) {
		if (f->ask->answered || g->now.mono_ms - f->ask->asked_ms < BODIES_ANSWER_MS)
			return;
		nothing_came(g, f, link_find(f->ask->session, f));
		ask_late(f);
	}
	if (feed_good(f) == 0 || f->origin->frozen || g->refusing || g->now.mono_ms < f->lacks_ms ||
		g->now.mono_ms < g->store_retry_ms ||
		g->ingest_bytes + 2 * WIRE_BODIES_BYTES_MAX > g->config.ingest_max ||
		(f->lacks_known && !anybody(g, f)))
		return;
	len = missing_next(g, f, indexes);
	/* What nobody may have now keeps nothing back that somebody may. */
	for (first = 0; first < len; first++)
		if ((l = whom_to_ask(g, f, indexes[first])) != NULL)
			break;
	if (l)
		ask(g, l, indexes + first, len - first);
	else if (len > 0 && anybody(g, f))
		pass_over(f, len, indexes[len - 1]);
}

void bodies_tick(struct gossip *g)
{
	struct feed *f = g->lacking_next ? g->lacking_next : g->lacking;

	for (unsigned i = 0; f && i < LOOKS_A_TICK; i++) {
		g->lacking_next = f->next_lacking;
		consider(g, f);
		f = g->lacking_next;
	}
}

/* --- what comes ------------------------------------------------------------------------------- */

static bool was_asked(const struct bodies_ask *a, uint64_t index)
{
	for (size_t i = 0; i < a->len; i++)
		if (a->indexes[i] == index)
			return true;
	return false;
}

/* The entry as it is stored here; its views are into packed. */
static bool entry_read(struct gossip *g, const struct feed *f, uint64_t index, struct buf *packed,
	struct entry *e)
{
	const struct gossip_store *store = &g->config.store;
	struct cursor c;
	uint32_t count;

	buf_reset(packed);
	if (store->run(store->ctx, &f->name, index, index + 1, ENTRY_PACKED_MAX, packed, &count) !=
			0 ||
		count != 1)
		return false;
	c = cursor_of(buf_view(packed));
	return entry_next(&c, e) == 0;
}

/* 0: it is what the entry was committed to; ENT_ENOTFOUND: it is of no use here. So is what does
 * not fit, from who may follow another history: its entry there is not ours. */
static int body_check(struct gossip *g, const struct link *l, const struct bodies_ask *a,
	const struct wire_body *b, struct buf *packed)
{
	const struct feed *f = l->feed;
	struct entry_header h;
	struct hash commitment;
	struct entry e;

	if (!was_asked(a, b->index) || !entry_read(g, f, b->index, packed, &e) || !e.erased)
		return ENT_ENOTFOUND;
	entry_header_decode(e.leaf, &h);
	hash_commitment(&commitment, BYTES_OF(b->salt), b->body);
	if (h.body_len == b->body.len &&
		memcmp(commitment.bytes, h.commitment, sizeof(h.commitment)) == 0)
		return 0;
	return b->index < l->agrees ? ENT_ECRYPTO : ENT_ENOTFOUND;
}

/* Keeps of the message what holds. */
static int bodies_check(struct gossip *g, const struct link *l, const struct bodies_ask *a,
	struct wire_bodies *m)
{
	struct wire_body *good = arena_alloc(&g->scratch, (m->bodies_len + 1) * sizeof(*good));
	struct buf packed = buf_with_max(2 * ENTRY_PACKED_MAX);
	size_t len = 0;
	int rc = 0;

	if (!good)
		abort();
	for (size_t i = 0; i < m->bodies_len && rc != ENT_ECRYPTO; i++) {
		rc = body_check(g, l, a, &m->bodies[i], &packed);
		if (rc == 0)
			good[len++] = m->bodies[i];
	}
	buf_free(&packed);
	m->bodies = good;
	m->bodies_len = len;
	return rc == ENT_ECRYPTO ? rc : 0;
}

static size_t bodies_bytes(const struct wire_bodies *m)
{
	size_t bytes = 0;

	for (size_t i = 0; i < m->bodies_len; i++)
		bytes += ENTRY_SALT_BYTES + m->bodies[i].body.len;
	return bytes;
}

/* What is asked for next; whom not. */
static void answer_judge(struct gossip *g, struct link *l, const struct wire_bodies *m)
{
	struct feed *f = l->feed;
	const struct bodies_ask *a = f->ask;

	if (m->bodies_len == 0) {
		nothing_came(g, f, l);
		return;
	}
	f->lacks_from = a->indexes[a->len - 1] + 1;
	f->lacks_fewer = true;
	l->bodies_wait_ms = 0;
	if (bodies_bytes(m) + ENTRY_SALT_BYTES + ENTRY_BODY_MAX > WIRE_BODIES_BYTES_MAX) {
		f->lacks_from = m->bodies[m->bodies_len - 1].index + 1;
	}
}

/* It gives, if slowly; then all is looked through again at once. */
static void late_judge(struct gossip *g, struct link *l, const struct wire_bodies *m)
{
	if (m->bodies_len == 0)
		return;
	MARK("bodies-came-late");
	l->bodies_wait_ms = 0;
	l->bodies_again_ms = g->now.mono_ms;
	l->feed->lacks_fewer = true;
}

static void bodies_take(struct gossip *g, struct session *s, const struct wire_bodies *m,
	size_t wire_bytes)
{
	struct wire_message kept = {.type = WIRE_BODIES, .bodies = *m};
	struct buf payload = buf_with_max(WIRE_MESSAGE_MAX + WIRE_PREFIX_BYTES);
	struct queued_action *q;
	struct ingest_job *job;

	if (wire_encode(&payload, &kept) != 0)
		abort(); /* it was within bounds before */
	job = ingest_bodies_new(&m->feed, m->bodies_len,
		bytes_skip(buf_view(&payload), WIRE_PREFIX_BYTES));
	buf_free(&payload);
	if (!job)
		abort();
	job->session = s->id;
	job->peer = s->peer;
	memcpy(job->binding, s->binding, sizeof(job->binding));
	job->wire_bytes = wire_bytes;
	job->packed_bytes = bodies_bytes(m);
	g->ingest_bytes += wire_bytes;
	peer_totals(g, &s->peer)->data_bytes += job->packed_bytes;
	q = action_new(g, GOSSIP_INGEST);
	q->action.session = s->id;
	q->action.job = job;
}

void on_bodies(struct gossip *g, struct session *s, struct wire_bodies *m, size_t wire_bytes)
{
	struct feed *f = feed_find(g, &m->feed);
	struct link *l = f ? link_find(s, f) : NULL;
	bool late = s->asked != f && s->late && s->late->feed == f &&
		    g->ingest_bytes + wire_bytes <= g->config.ingest_max;
	const struct bodies_ask *a = late ? s->late : s->asked == f && f ? f->ask : NULL;

	/* Unasked, or too late for any use. */
	if (!l || !a || a->answered || feed_good(f) == 0 || !may_take(g, s, &m->feed)) {
		peer_totals(g, &s->peer)->redundant_bytes += wire_bytes;
		return;
	}
	if (bodies_check(g, l, a, m) != 0) {
		MARK("body-does-not-match");
		if (!late)
			ask_end(f);
		peer_lied(g, s, &f->name,
			"sent a body that is not what the entry was committed to");
		return;
	}
	if (late)
		late_judge(g, l, m);
	else
		answer_judge(g, l, m);
	if (m->bodies_len > 0 && !g->refusing) {
		bodies_take(g, s, m, wire_bytes);
		if (!late)
			f->ask->answered = true;
	} else if (!late) {
		ask_end(f);
	}
	if (late)
		late_end(s);
}

void bodies_stored(struct gossip *g, const struct ingest_job *job, bool durable)
{
	struct feed *f = feed_find(g, &job->feed);

	if (f && durable)
		quota_bodies(g, f, &job->peer, job->packed_bytes);
	if (f && f->ask && f->ask->answered)
		ask_end(f);
	if (f && !durable)
		bodies_suspect(g, f);
}

/* --- giving ----------------------------------------------------------------------------------- */

static void give_end(struct session *s)
{
	free(s->giving);
	s->giving = NULL;
}

/* Which of them are here, with their bodies, and may be told of. */
static size_t which_are_here(struct gossip *g, const struct feed *f,
	const struct wire_bodies_want *want, uint64_t *here)
{
	struct buf packed = buf_with_max(2 * ENTRY_PACKED_MAX);
	size_t len = 0, bytes = 0;

	for (size_t i = 0; i < want->indexes_len; i++) {
		uint64_t index = want->indexes[i];
		struct entry e;

		if (index < f->floor || index >= f->complete.size ||
			!entry_read(g, f, index, &packed, &e) || e.erased)
			continue;
		bytes += ENTRY_SALT_BYTES + e.body.len;
		if (bytes > WIRE_BODIES_BYTES_MAX)
			break;
		here[len++] = index;
	}
	buf_free(&packed);
	return len;
}

static void say_none(struct gossip *g, struct session *s, const struct feed *f)
{
	const struct wire_message m = {.type = WIRE_BODIES, .bodies = {.feed = f->name}};

	send_message(g, s, &m);
}

void on_bodies_want(struct gossip *g, struct session *s, const struct wire_bodies_want *want)
{
	struct feed *f = feed_find(g, &want->feed);
	uint64_t here[WIRE_BODIES_MAX];
	struct bodies_give *give;
	struct link *l;
	size_t len;

	if (asks_too_dearly(g, s, GOSSIP_DEAR_BODIES)) {
		misbehaved(g, s, "wants bodies again and again");
		return;
	}
	if (!f || !may_send(g, s, &want->feed) || s->giving || !(l = link_need(g, s, f)))
		return;
	len = which_are_here(g, f, want, here);
	if (len == 0) {
		say_none(g, s, f);
		return;
	}
	give = malloc(sizeof(*give) + len * sizeof(here[0]));
	if (!give)
		abort();
	*give = (struct bodies_give){
		.link = l, .terms_stamp = s->shared_stamp, .ahead = l->entering, .len = len};
	memcpy(give->indexes, here, len * sizeof(here[0]));
	s->giving = give;
	enter_act(g, s, ACT_BODIES_SENT, f, here[0], here[len - 1] + 1, true);
	g->last->action.act.count = len;
}

bool bodies_entered(struct gossip *g, struct link *l)
{
	struct session *s = l->session;
	struct bodies_give *give = s->giving;

	if (!give || give->link != l || give->durable)
		return false;
	if (give->ahead > 0) {
		give->ahead--;
		return false;
	}
	give->durable = true;
	if (give->gone)
		give_end(s);
	else
		session_push(g, s);
	return true;
}

/* Those that are still here: an erasure may have come since. */
static void give_now(struct gossip *g, struct session *s, const struct bodies_give *give)
{
	const struct feed *f = give->link->feed;
	struct wire_body bodies[WIRE_BODIES_MAX];
	struct wire_message m = {
		.type = WIRE_BODIES, .bodies = {.feed = f->name, .bodies = bodies}};
	struct buf packed = buf_with_max(2 * ENTRY_PACKED_MAX);

	for (size_t i = 0; i < give->len; i++) {
		struct wire_body *b = &bodies[m.bodies.bodies_len];
		struct entry e;

		if (give->indexes[i] < f->floor ||
			!entry_read(g, f, give->indexes[i], &packed, &e) || e.erased)
			continue;
		b->index = give->indexes[i];
		memcpy(b->salt, e.salt.data, sizeof(b->salt));
		b->body = arena_copy(&g->scratch, e.body);
		m.bodies.bodies_len++;
	}
	buf_free(&packed);
	MARK("bodies-given");
	send_message(g, s, &m);
	s->data_unflushed = s->unflushed;
}

void bodies_push(struct gossip *g, struct session *s)
{
	struct bodies_give *give = s->giving;

	if (!give || s->closing)
		return;
	/* The act stands under the terms of then. */
	if (give->terms_stamp != s->shared_stamp || !may_send(g, s, &give->link->feed->name))
		give->gone = true;
	if (!give->durable || (!give->gone && s->data_unflushed))
		return;
	if (!give->gone)
		give_now(g, s, give);
	give_end(s);
}

void bodies_closed(struct session *s)
{
	if (s->asked && s->asked->ask->answered) {
		s->asked->ask->session = NULL; /* its job ends it */
		s->asked = NULL;
	} else if (s->asked) {
		ask_end(s->asked);
	}
	late_end(s);
	give_end(s);
}

void bodies_free(struct feed *f)
{
	free(f->ask);
}
