/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a party may bring in a day (PROTOCOL.md, "Quotas"). Counted is what is stored here of
 * others' entries, by the neighbour that brought it and by the origin; a day is one of UTC. A
 * neighbour's quota is the sum over the agreements shared with it. An origin that is known by
 * introduction alone may besides bring no more, whoever brings it, than its introducer's quota.
 *
 * A run is taken as long as something is left of the quota, so at most one more than it says. Then
 * feeds wait, whole: their subscriptions are given up, what is still on its way is dropped, and
 * after midnight they are chosen anew.
 */
#include "base/mark.h"
#include "gossip/impl.h"

static const int64_t day_ms = 86400000;

static int64_t day_of(const struct gossip *g)
{
	return g->now.wall_ms / day_ms;
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static void limit_add(struct quota_use *limit, const struct agreement_party *party)
{
	limit->records = add_saturated(limit->records, party->quota_records_day);
	limit->bytes = add_saturated(limit->bytes, party->quota_bytes_day);
}

static struct quota_use session_limit(const struct session *s)
{
	struct quota_use limit = {0};

	for (size_t i = 0; i < s->shared_len; i++)
		limit_add(&limit, agreement_party_of(s->shared[i], &s->peer));
	return limit;
}

/* Of the agreements in force here by which the introducer introduces; none: no limit of its own. */
static struct quota_use origin_limit(const struct gossip *g, const struct origin *o)
{
	struct quota_use limit = {0};
	bool any = false;

	for (size_t i = 0; i < g->agreements_len; i++) {
		if (!policy_introduces(&g->agreements[i], 1, &g->config.self, &o->introduced_by,
			    g->now.wall_ms / 1000))
			continue;
		limit_add(&limit, agreement_party_of(g->agreements[i], &o->introduced_by));
		any = true;
	}
	return any ? limit : (struct quota_use){UINT64_MAX, UINT64_MAX};
}

static bool reached(const struct quota *q, struct quota_use limit)
{
	return q->taken.records + q->in_flight.records >= limit.records ||
	       q->taken.bytes + q->in_flight.bytes >= limit.bytes;
}

static const struct quota *peer_quota(const struct gossip *g, const struct node_id *peer)
{
	static const struct quota nothing;
	const struct peer_totals *t = map_get(&g->totals, peer->bytes);

	return t ? &t->quota : &nothing;
}

/* Of this incarnation or a former one: a restored node takes its own entries back whatever their
 * number. */
static bool is_ours(const struct gossip *g, const struct feed *f)
{
	return node_id_eq(&f->name.node, &g->config.self);
}

static bool peer_spent(const struct gossip *g, const struct session *s)
{
	return reached(peer_quota(g, &s->peer), session_limit(s));
}

static bool origin_spent(const struct gossip *g, const struct origin *o)
{
	return o->introduced && reached(&o->quota, origin_limit(g, o));
}

bool quota_spent(const struct gossip *g, const struct session *s, const struct feed *f)
{
	return !is_ours(g, f) && (peer_spent(g, s) || origin_spent(g, f->origin));
}

bool quota_ends(const struct gossip *g, const struct session *s, const struct feed *f)
{
	struct quota_use limit = session_limit(s);

	return quota_spent(g, s, f) && limit.records > 0 && limit.bytes > 0;
}

/* --- waiting and going on --------------------------------------------------------------------- */

static void enter_spent(struct gossip *g, struct session *s, const struct feed *f,
	const struct quota *q)
{
	enter_act(g, s, ACT_OVER_QUOTA, f, 0, 0, false);
	g->last->action.act.count = q->taken.records + q->in_flight.records;
}

/* Of one origin, or, NULL, of any. */
static void session_waits(struct gossip *g, struct session *s, const struct origin *origin)
{
	for (struct link *l = s->first_link; l; l = l->next_of_session) {
		if (l->feed->upstream != l || (origin && l->feed->origin != origin) ||
			!quota_spent(g, s, l->feed))
			continue;
		feed_leave(g, l->feed, true);
		feed_choose(g, l->feed);
	}
}

void quota_wait(struct gossip *g, struct session *s, struct feed *f)
{
	struct quota *origin = &f->origin->quota;

	if (!origin->spent && origin_spent(g, f->origin)) {
		MARK("origin-over-quota");
		origin->spent = true;
		g->origins_over_quota++;
		enter_spent(g, s, f, origin);
		/* Its other feeds may come from others. */
		for (struct session *any = g->sessions; any; any = any->next)
			session_waits(g, any, f->origin);
	}
	session_waits(g, s, NULL);
}

void quota_notice(struct gossip *g, struct feed *f)
{
	if (is_ours(g, f))
		return;
	if (origin_spent(g, f->origin))
		f->origin->quota.waits = g->origins_wait = true;
	/* Between two ticks what is on its way may spend all of it, and not be stored after all. An
	 * upstream may stay idle while others have more. */
	for (const struct link *l = f->links; l; l = l->next_of_feed)
		if (l->announced && (!f->upstream || l->peer_held > f->expected) &&
			peer_spent(g, l->session))
			peer_totals(g, &l->session->peer)->quota.waits = true;
}

/* May more come of an origin that waited? Its introducer's agreement may have changed, or what was
 * on its way was not stored after all. */
static bool origins_go_on(struct gossip *g)
{
	bool any = false;
	void *value;
	size_t at = 0;

	if (!g->origins_wait)
		return false;
	g->origins_wait = false;
	while (map_next(&g->origins, &at, NULL, &value)) {
		struct origin *o = value;

		if (!o->quota.waits)
			continue;
		o->quota.waits = origin_spent(g, o);
		any |= !o->quota.waits;
		g->origins_wait |= o->quota.waits;
	}
	return any;
}

/* Something would come if it might. */
static bool offers_more(const struct gossip *g, const struct session *s)
{
	for (const struct link *l = s->first_link; l; l = l->next_of_session)
		if (l->announced && !is_ours(g, l->feed) && l->peer_held > l->feed->expected &&
			may_take(g, s, &l->feed->name))
			return true;
	return false;
}

void feeds_resume(struct gossip *g)
{
	void *value;
	size_t at = 0;

	while (map_next(&g->feeds, &at, NULL, &value))
		feed_choose(g, value);
}

static void day_begin(struct gossip *g)
{
	static const struct quota_use nothing;
	void *value;
	size_t at;

	for (at = 0; map_next(&g->totals, &at, NULL, &value);) {
		struct peer_totals *t = value;

		t->quota.taken = nothing;
		t->quota.spent = false;
	}
	for (at = 0; map_next(&g->origins, &at, NULL, &value);) {
		struct origin *o = value;

		o->quota.taken = nothing;
		o->quota.spent = false;
	}
	g->origins_over_quota = 0;
}

void quota_tick(struct gossip *g)
{
	bool news = g->quota_day && g->quota_day != day_of(g);

	if (news)
		day_begin(g);
	g->quota_day = day_of(g);
	for (struct session *s = g->sessions; s; s = s->next) {
		struct quota *q = &peer_totals(g, &s->peer)->quota;
		bool spent;

		if (!s->greeted || s->closing)
			continue;
		spent = peer_spent(g, s) && (q->spent || offers_more(g, s));
		if (spent && !q->spent) {
			MARK("peer-over-quota");
			enter_spent(g, s, NULL, q);
		}
		/* More may be allowed since, or what was on its way was not stored after all. */
		news |= (q->spent && !spent) || (q->waits && !peer_spent(g, s));
		q->spent = spent;
		q->waits &= peer_spent(g, s);
	}
	news |= origins_go_on(g);
	if (news)
		feeds_resume(g);
}

/* --- counting --------------------------------------------------------------------------------- */

static void use_add(struct quota_use *use, const struct ingest_job *job)
{
	use->records += job->count;
	use->bytes += job->packed_bytes;
}

static void use_take_back(struct quota_use *use, const struct ingest_job *job)
{
	use->records -= job->count;
	use->bytes -= job->packed_bytes;
}

void quota_on_its_way(struct gossip *g, struct session *s, struct feed *f,
	const struct ingest_job *job)
{
	if (is_ours(g, f))
		return;
	use_add(&peer_totals(g, &s->peer)->quota.in_flight, job);
	use_add(&f->origin->quota.in_flight, job);
	if (quota_spent(g, s, f))
		quota_wait(g, s, f);
}

void quota_arrived(struct gossip *g, const struct feed *f, const struct ingest_job *job,
	bool stored)
{
	struct quota *peer = &peer_totals(g, &job->peer)->quota;

	if (!f || is_ours(g, f))
		return;
	use_take_back(&peer->in_flight, job);
	use_take_back(&f->origin->quota.in_flight, job);
	if (!stored)
		return;
	use_add(&peer->taken, job);
	use_add(&f->origin->quota.taken, job);
}

void quota_bodies(struct gossip *g, const struct feed *f, const struct node_id *peer, size_t bytes)
{
	if (is_ours(g, f))
		return;
	peer_totals(g, peer)->quota.taken.bytes += bytes;
	f->origin->quota.taken.bytes += bytes;
}

void gossip_taken_today(struct gossip *g, struct gossip_time now, const struct node_id *peer,
	const struct node_id *origin, uint64_t records, uint64_t bytes)
{
	struct origin *o = origin_find(g, origin);
	struct quota_use *use = &peer_totals(g, peer)->quota.taken;

	g->now = now;
	g->quota_day = day_of(g);
	if (node_id_eq(origin, &g->config.self))
		return;
	use->records += records;
	use->bytes += bytes;
	if (!o)
		return;
	o->quota.taken.records += records;
	o->quota.taken.bytes += bytes;
}
