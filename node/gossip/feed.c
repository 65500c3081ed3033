/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Where a feed comes from. One neighbour is its upstream and pushes; the others only say how far
 * they are. When another leads for too long without anything new from upstream, the subscription
 * moves: an upstream that stalls costs a second, one that lies costs the run it lied in.
 */
#include "base/mark.h"
#include "gossip/impl.h"

/* --- feeds with somebody ahead of us, looked at on every tick --------------------------------- */

static void feed_lag(struct gossip *g, struct feed *f)
{
	if (f->lagging)
		return;
	f->lagging = true;
	f->next_lagging = NULL;
	f->prev_lagging = g->lagging_last;
	if (g->lagging_last)
		g->lagging_last->next_lagging = f;
	else
		g->lagging = f;
	g->lagging_last = f;
}

void feed_unlag(struct gossip *g, struct feed *f)
{
	if (!f->lagging)
		return;
	f->lagging = false;
	if (f->prev_lagging)
		f->prev_lagging->next_lagging = f->next_lagging;
	else
		g->lagging = f->next_lagging;
	if (f->next_lagging)
		f->next_lagging->prev_lagging = f->prev_lagging;
	else
		g->lagging_last = f->prev_lagging;
}

/* --- choosing --------------------------------------------------------------------------------- */

/* Its last run did not fit, and nothing has changed since: the same would come, again and again. So
 * it is while its answer is waited for. */
static bool unfit(const struct link *l)
{
	return doubt_waits(l) ||
	       (l->unfit_told && l->peer_held <= l->unfit_told && l->feed->held == l->unfit_held);
}

void link_unfit(struct gossip *g, struct link *l)
{
	l->unfit_told = l->peer_held;
	l->unfit_held = l->feed->held;
	if (l->feed->upstream == l)
		feed_leave(g, l->feed, true);
}

static bool usable(const struct gossip *g, const struct link *l)
{
	return !g->refusing && l->announced && link_thaws(l) && !unfit(l) &&
	       may_take(g, l->session, &l->feed->name) && !quota_spent(g, l->session, l->feed);
}

/* Does the neighbour say that it has more than is here or on its way? */
bool feed_leads(const struct gossip *g, const struct link *l)
{
	return l->peer_held > l->feed->expected && usable(g, l);
}

/*
 * Better source first: one that has not just disappointed; one that has something new; the origin
 * itself; who holds more; who does not take the feed from us (two that feed each other hear nothing
 * new).
 */
static bool better(const struct gossip *g, const struct link *a, const struct link *b)
{
	bool doubt_a = a->distrust_until_ms > g->now.mono_ms;
	bool doubt_b = b->distrust_until_ms > g->now.mono_ms;
	bool origin_a = node_id_eq(&a->session->peer, &a->feed->name.node);
	bool origin_b = node_id_eq(&b->session->peer, &b->feed->name.node);

	if (doubt_a != doubt_b)
		return doubt_b;
	if (feed_leads(g, a) != feed_leads(g, b))
		return feed_leads(g, a);
	if (origin_a != origin_b)
		return origin_a;
	if (a->peer_held != b->peer_held)
		return a->peer_held > b->peer_held;
	return a->sink == SINK_NONE && b->sink != SINK_NONE;
}

/* So many of the questions that a neighbour bears. */
#define ASKED_AGAIN_MAX (GOSSIP_ASKS_MAX / 4)

static bool asked_lately(const struct gossip *g, const struct link *l)
{
	return l->subscribed_ms && g->now.mono_ms - l->subscribed_ms < GOSSIP_ASKS_MS;
}

/*
 * A neighbour that is asked too often takes it for a flood (asks_too_often). Where the store fails
 * again and again, or is slower than all who send, feeds are left and asked for again: each once in
 * a while, and few besides.
 */
bool link_may_ask(const struct gossip *g, const struct link *l)
{
	const struct session *s = l->session;

	if (g->crowded || g->now.mono_ms < g->store_retry_ms)
		return false;
	return !asked_lately(g, l) || s->again < ASKED_AGAIN_MAX ||
	       g->now.mono_ms - s->again_ms >= GOSSIP_ASKS_MS;
}

static struct link *best_source(const struct gossip *g, const struct feed *f)
{
	struct link *best = NULL;

	for (struct link *l = f->links; l; l = l->next_of_feed)
		if (link_may_ask(g, l) && usable(g, l) && link_continues(l) &&
			(!best || better(g, l, best)))
			best = l;
	return best;
}

static bool may_take_over(const struct gossip *g, const struct link *l)
{
	return l != l->feed->upstream && link_continues(l) &&
	       l->distrust_until_ms <= g->now.mono_ms && feed_leads(g, l);
}

/* Nothing can come of it, and that is not its silence. */
static bool kept_back(const struct gossip *g, const struct link *l)
{
	return g->refusing || !may_take(g, l->session, &l->feed->name) ||
	       quota_spent(g, l->session, l->feed);
}

/* Marks whether somebody leads, and since when somebody who could take over. */
static void look_around(struct gossip *g, struct feed *f)
{
	bool anybody = false, other = false;

	for (struct link *l = f->links; l; l = l->next_of_feed) {
		if (l->asked_ms && kept_back(g, l))
			l->asked_ms = 0;
		anybody = anybody || feed_leads(g, l);
		other = other || may_take_over(g, l);
	}
	if (!other)
		f->behind_ms = 0;
	else if (f->behind_ms == 0)
		f->behind_ms = g->now.mono_ms;
	if (anybody)
		feed_lag(g, f);
	else
		feed_unlag(g, f);
}

void link_ask(struct gossip *g, struct link *l, uint64_t from)
{
	struct wire_message m = {.type = WIRE_SUBSCRIBE, .subscribe = {l->feed->name, from}};
	struct session *s = l->session;

	if (asked_lately(g, l)) {
		if (g->now.mono_ms - s->again_ms >= GOSSIP_ASKS_MS) {
			s->again_ms = g->now.mono_ms;
			s->again = 0;
		}
		s->again++;
	}
	l->subscribed_ms = l->feed->progress_ms = g->now.mono_ms;
	l->feed->upstream = l;
	send_message(g, s, &m);
}

static void subscribe(struct gossip *g, struct feed *f, struct link *l)
{
	f->joining = 0;
	if (l->asked_ms == 0 && feed_leads(g, l))
		l->asked_ms = g->now.mono_ms;
	link_ask(g, l, f->expected);
}

void feed_leave(struct gossip *g, struct feed *f, bool say)
{
	struct wire_message m = {.type = WIRE_UNSUBSCRIBE, .unsubscribe = {f->name}};

	if (f->upstream && say)
		send_message(g, f->upstream->session, &m);
	f->upstream = NULL;
	f->joining = 0;
}

void feed_choose(struct gossip *g, struct feed *f)
{
	struct link *best;

	if (f->aside || (f->frozen && !feed_thaws(f))) {
		feed_leave(g, f, true);
		feed_unlag(g, f);
		return;
	}
	/* What is our own is asked for only to take it back. */
	if ((f->own && !recover_takes(g, f)) || f->origin->frozen)
		return;
	if (!f->upstream) {
		best = best_source(g, f);
		if (best && (!f->own || feed_leads(g, best)))
			subscribe(g, f, best);
		/* One run shows whether the store is well again: were all feeds asked for, and left
		 * again, every time, the peers would take it for a flood. Another feed is next,
		 * since this one may be of those that are offered and not given. */
		if (best && g->store_doubted && feed_leads(g, best)) {
			MARK("store-tried-with-one-feed");
			g->store_retry_ms = g->now.mono_ms + STORE_RETRY_MS;
			feed_unlag(g, f);
		}
	}
	quota_notice(g, f);
	floor_consider(g, f);
	look_around(g, f);
}

/* A neighbour tells that it holds the feed up to peer_held. */
void feed_offer(struct gossip *g, struct link *l, uint64_t peer_held)
{
	l->announced = true;
	l->peer_held = peer_held;
	feed_choose(g, l->feed);
}

/* It stays as it stands and is served so; nothing further is accepted. */
void feed_freeze(struct gossip *g, struct session *s, struct feed *f)
{
	struct queued_action *q;

	if (f->frozen)
		return;
	q = action_new(g, GOSSIP_FREEZE);
	q->action.feed = f->name;
	f->frozen = true;
	feed_leave(g, f, true);
	feed_unlag(g, f);
	enter_act(g, s, ACT_FROZEN, f, 0, f->held, false);
}

void origin_freeze(struct gossip *g, struct session *s, const struct origin *o)
{
	for (struct feed *f = o->feeds; f; f = f->next_of_origin)
		feed_freeze(g, s, f);
}

/* Is there anybody to ask in its place? Else it stays: something may come of it yet. */
static bool rival_waits(const struct gossip *g, const struct feed *f)
{
	for (const struct link *l = f->links; l; l = l->next_of_feed)
		if (may_take_over(g, l) && link_may_ask(g, l))
			return true;
	return false;
}

/* True when upstream has had its chance: nothing new from it, and not because of us. */
static bool upstream_stalls(const struct gossip *g, const struct feed *f)
{
	const struct session *s = f->upstream->session;
	bool busy = g->now.mono_ms - s->data_ms < CHANGE_OVER_MS;
	uint64_t since = f->progress_ms > f->behind_ms ? f->progress_ms : f->behind_ms;
	uint64_t waited = g->now.mono_ms - since;

	if (f->expected != f->held || s->credit_in < SESSION_CREDIT_MIN / 4)
		return false;
	if (f->behind_ms)
		return waited >= (busy ? GOSSIP_STALL_MS : CHANGE_OVER_MS) && rival_waits(g, f);
	return feed_leads(g, f->upstream) && !busy &&
	       (f->joining ? link_in_vain(g, f->upstream) : waited >= ASK_AGAIN_MS) &&
	       link_may_ask(g, f->upstream);
}

/* What upstream has promised and not given is not believed for a while. */
static void change_over(struct gossip *g, struct feed *f)
{
	if (f->behind_ms && feed_leads(g, f->upstream)) {
		MARK("upstream-distrusted");
		f->upstream->distrust_until_ms = g->now.mono_ms + DISTRUST_MS;
	}
	feed_leave(g, f, true);
}

void feeds_tick(struct gossip *g)
{
	struct feed *next;

	for (struct feed *f = g->lagging; f; f = next) {
		next = f->next_lagging;
		if (f->upstream && upstream_stalls(g, f))
			change_over(g, f);
		feed_choose(g, f);
	}
}

/* --- growing ---------------------------------------------------------------------------------- */

/* More is durably held under a complete checkpoint: push it, or at least say so. */
void feed_grown(struct gossip *g, struct feed *f)
{
	feed_announce(g, f);
	for (struct link *l = f->links; l; l = l->next_of_feed) {
		if (sink_gives(l)) {
			/* Anew: it may have become urgent while it waited for its turn. */
			sink_unready(l);
			sink_ready(l);
			session_push(g, l->session);
		} else {
			link_held(g, l);
		}
		link_receipt(g, l);
	}
}

static bool may_complete(const struct gossip *g, const struct feed *f, const struct checkpoint *c)
{
	return !f->own && !f->frozen && !f->split && c->size <= f->held && c->size > f->floor &&
	       c->size > f->complete.size && c->size > f->completing &&
	       g->now.mono_ms >= g->store_retry_ms;
}

static void complete(struct gossip *g, struct feed *f, const struct checkpoint *c)
{
	struct queued_action *q;
	struct hash root;

	if (log_root(g, &f->name, c->size, &root) != 0 || !hash_eq(&root, &c->root))
		return;
	f->completing = c->size;
	q = action_new(g, GOSSIP_COMPLETE);
	q->action.checkpoint = *c;
}

/*
 * Whoever gave entries under a larger checkpoint may not go on: it has lied, its quota is spent, it
 * is gone. What others hold in the meantime is less, and signed, and all of it is here.
 */
void feed_complete(struct gossip *g, struct feed *f, const struct checkpoint *c)
{
	if (!may_complete(g, f, c) || g->reads_left == 0)
		return;
	g->reads_left--;
	complete(g, f, c);
}

/* A run that leads past a checkpoint, under a larger one whose rest may never come: what it led
 * past is all here too. That costs a read for some run, not for each. */
static void complete_passed(struct gossip *g, struct feed *f, const struct checkpoint *ground,
	const struct checkpoint *seen)
{
	const struct checkpoint *c = seen->size <= f->held ? seen : ground;

	if (c->size < f->ground.size && f->ground.size > f->held && may_complete(g, f, c))
		complete(g, f, c);
}

void gossip_completed(struct gossip *g, struct gossip_time now, const struct checkpoint *c,
	bool durable)
{
	struct feed *f = feed_find(g, &c->log);

	g->now = now;
	if (!f)
		return;
	if (f->completing == c->size)
		f->completing = 0;
	if (!durable)
		g->store_retry_ms = now.mono_ms + STORE_RETRY_MS;
	if (!durable || f->frozen || c->size > f->held || c->size <= f->floor ||
		c->size <= f->complete.size)
		return;
	MARK("completed-by-another");
	bodies_suspect(g, f); /* what is missing below it counts as such from here on */
	f->complete = *c;
	split_grown(g, f);
	feed_grown(g, f);
	arena_reset(&g->scratch);
}

static void job_done(struct gossip *g, const struct ingest_job *job)
{
	g->ingest_bytes -= job->wire_bytes;
	if (g->ingest_bytes < g->config.ingest_max / 2)
		g->crowded = false;
}

static void job_credit(struct gossip *g, struct session *s, const struct ingest_job *job)
{
	s->done_ms = g->now.mono_ms;
	credit_return(g, s, job->wire_bytes);
}

void gossip_stored(struct gossip *g, struct gossip_time now, const struct ingest_job *job)
{
	struct feed *f = feed_find(g, &job->feed);
	struct session *s = session_find(g, job->session);
	const struct checkpoint *c = &job->checkpoint;
	struct checkpoint ground, seen;

	g->now = now;
	job_done(g, job);
	if (g->store_doubted) {
		g->store_doubted = false;
		g->store_retry_ms = 0;
	}
	if (job->bodies) {
		bodies_stored(g, job, true);
		return;
	}
	quota_arrived(g, f, job, true);
	if (s)
		job_credit(g, s, job);
	if (feed_aside_run(g, f) || !f || job->start + job->count <= f->held)
		return;
	if (job->joins) {
		MARK("joined-at-floor");
		floor_joined(g, f, job->start);
	}
	f->held = job->start + job->count;
	f->progress_ms = now.mono_ms;
	if (ingest_urgent(job))
		f->urgent_until = f->held;
	if (ingest_absent(job))
		bodies_suspect(g, f);
	if (job->mismarked)
		raise_alarm(g, "mismarked",
			"the origin put entries of another marking into this feed; "
			"their bodies were dropped",
			&f->name.node, &f->name);
	if (f->expected < f->held)
		f->expected = f->held;
	ground = f->ground;
	seen = f->seen;
	f->ground = *c;
	f->ground_guessed = false;
	if (c->size > f->seen.size)
		f->seen = *c;
	complete_passed(g, f, &ground, &seen);
	if (c->size <= f->held && c->size > f->complete.size) {
		/* What is missing counts as such from here on (store_missing), the earlier runs
		 * under this checkpoint too. */
		if (job->start > f->complete.size)
			bodies_suspect(g, f);
		f->complete = *c;
		split_grown(g, f);
		feed_grown(g, f);
	}
	if (f->own)
		recover_stored(g, f);
	feed_choose(g, f);
	arena_reset(&g->scratch);
}

/* What it gives of a feed leads to nothing. */
static void peer_fails(struct gossip *g, struct session *s, const struct log_name *feed,
	const char *why)
{
	struct feed *f = feed_find(g, feed);

	if (f && f->upstream && f->upstream->session == s)
		feed_leave(g, f, false);
	close_session(g, s, BYE_MISBEHAVED, why, PENALTY_MS);
}

void peer_lied(struct gossip *g, struct session *s, const struct log_name *feed, const char *what)
{
	MARK("peer-lied");
	raise_alarm(g, "peer-lied", what, &s->peer, feed);
	peer_fails(g, s, feed, "sent entries that do not lead to the signed root");
}

void peer_silent(struct gossip *g, struct session *s, const struct log_name *feed)
{
	static const char why[] = "does not account for entries that do not lead to the "
				  "signed root";

	MARK("peer-silent");
	raise_alarm(g, "peer-silent", why, &s->peer, feed);
	peer_fails(g, s, feed, why);
}

/* A run that is not kept tells all the same what was signed: its origin may come back as an old
 * copy. The store may have failed before it was verified. */
static void refused_run_shows(struct gossip *g, struct session *s, struct feed *f,
	const struct ingest_job *job)
{
	const struct checkpoint *c = &job->checkpoint;

	if (c->size <= f->seen.size || (!job->verified && checkpoint_verify(c, job->log_key) != 0))
		return;
	if (f->own)
		recover_shown(g, s, f, c);
	else
		f->seen = *c;
}

void gossip_rejected(struct gossip *g, struct gossip_time now, const struct ingest_job *job,
	int code)
{
	struct feed *f = feed_find(g, &job->feed);
	struct session *s = session_find(g, job->session);
	bool lie = code == ENT_EPROOF || code == ENT_ECRYPTO || code == ENT_EINVALID;

	g->now = now;
	job_done(g, job);
	if (job->bodies) {
		bodies_stored(g, job, false);
		if (code != ENT_ESTATE)
			g->store_retry_ms = now.mono_ms + STORE_RETRY_MS;
		return;
	}
	quota_arrived(g, f, job, false);
	if (s)
		job_credit(g, s, job);
	if (feed_aside_run(g, f)) {
		arena_reset(&g->scratch);
		return;
	}
	if (f && !lie)
		refused_run_shows(g, s, f, job);
	if (f && !lie && code != ENT_ESTATE) {
		/* Disk full or worse: stop taking, try again later. */
		MARK("store-refused-a-run");
		g->store_doubted = true;
		g->store_retry_ms = now.mono_ms + STORE_RETRY_MS;
		feed_leave(g, f, true);
	}
	if (f && code == ENT_ESTATE && recover_misfit(g, f, job->start))
		f->expected = f->held;
	if (f && f->expected > f->held &&
		(code != ENT_ESTATE || f->expected == job->start + job->count)) {
		/* What follows the rejected run does not fit any more: ask again from what is held.
		 * */
		MARK("asked-again-from-held");
		f->expected = f->held;
		if (f->upstream && !(lie && f->upstream->session == s))
			subscribe(g, f, f->upstream);
	}
	/* A signed root that our tree does not lead to may be the origin's doing. */
	if (f && f->frozen && code == ENT_EPROOF) {
		struct link *l = s ? link_find(s, f) : NULL;

		if (l)
			link_no_thaw(g, l);
	} else if (f && f->origin->beaten && code == ENT_ECRYPTO &&
		   checkpoint_verify(&job->checkpoint, job->log_key) != 0) {
		/* By another card than the one here it may be signed. */
		struct link *l = s ? link_find(s, f) : NULL;

		MARK("run-by-a-beaten-card");
		if (l)
			link_unfit(g, l);
	} else if (lie && s && !(f && code == ENT_EPROOF && split_run(g, s, f, job)))
		peer_lied(g, s, &job->feed, err_sentence(code));
	if (f)
		feed_choose(g, f);
	arena_reset(&g->scratch);
}
