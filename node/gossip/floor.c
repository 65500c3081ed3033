/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Where a feed begins. Retention moves a holder's floor up; whoever stands below every floor on
 * offer can only join again at one of them, which gives up what lies between. A newcomer loses
 * nothing by it and waits but a moment for somebody who has it all; whoever holds something waits a
 * minute: a single neighbour that says it has a high floor is not to cost us what we hold.
 */
#include "base/mark.h"
#include "gossip/impl.h"

bool link_continues(const struct link *l)
{
	return l->peer_floor <= l->feed->expected;
}

/* One that gives of other feeds all the while may be a slow line on which this one has no turn yet;
 * but a neighbour that keeps only this one back must not cost it for ever. */
#define BUSY_IN_VAIN_MS 300000u

/* It gives of others, or may not give of any until the disk here has done with what it gave. */
static bool busy(const struct gossip *g, const struct session *s)
{
	return g->now.mono_ms - s->data_ms < ASK_AGAIN_MS ||
	       g->now.mono_ms - s->done_ms < ASK_AGAIN_MS || s->credit_in < SESSION_CREDIT_MIN / 4;
}

/* So often the time that it is given doubles: about as long as that. */
#define VAIN_MAX 5u

/* Asked for so long, and nothing came. Each time twice as long: a line may need more for one run,
 * and what comes when the turn is another's is dropped. */
bool link_in_vain(const struct gossip *g, const struct link *l)
{
	uint64_t asked = g->now.mono_ms - l->asked_ms;

	return l->asked_ms &&
	       asked >= (busy(g, l->session) ? BUSY_IN_VAIN_MS : (uint64_t)ASK_AGAIN_MS << l->vain);
}

/* Lower floors first; but who was asked in vain comes last, by turns. */
static bool joins_sooner(const struct gossip *g, const struct link *a, const struct link *b)
{
	if (link_in_vain(g, a) != link_in_vain(g, b))
		return link_in_vain(g, b);
	return link_in_vain(g, a) ? a->asked_ms < b->asked_ms : a->peer_floor < b->peer_floor;
}

/* It goes on from here, and may after midnight: what waits for a quota is not given up. */
static bool goes_on_tomorrow(const struct gossip *g, const struct link *l)
{
	return l->announced && l->peer_held > l->feed->expected && link_continues(l) &&
	       link_thaws(l) && quota_ends(g, l->session, l->feed);
}

/* Whom to join at among those who lead; NULL when one of them goes on from here. Who only says so,
 * and gives nothing, does not count: it may not give it to us any more. */
static struct link *cut_off(const struct gossip *g, const struct feed *f)
{
	struct link *best = NULL;

	for (struct link *l = f->links; l; l = l->next_of_feed) {
		if (goes_on_tomorrow(g, l))
			return NULL;
		/* Where nothing lies above a floor there is no run to join with. */
		if (!feed_leads(g, l) || l->peer_floor == l->peer_held)
			continue;
		if (link_continues(l) && !link_in_vain(g, l))
			return NULL;
		if (link_continues(l))
			continue;
		if (!best || joins_sooner(g, l, best))
			best = l;
	}
	return best;
}

void floor_consider(struct gossip *g, struct feed *f)
{
	struct link *l = cut_off(g, f);
	uint64_t wait = f->held ? GOSSIP_JOIN_AGAIN_MS : GOSSIP_JOIN_NEW_MS;

	/* Before anything has come somebody goes on from here after all. */
	if (!l && f->joining) {
		MARK("joining-left");
		feed_leave(g, f, true);
	}
	/* Nothing that a frozen one has is given up. */
	if (!l || f->expected != f->held || (f->frozen && f->held > 0)) {
		f->cut_ms = 0;
		return;
	}
	if (f->cut_ms == 0)
		f->cut_ms = g->now.mono_ms;
	if ((f->joining && (f->upstream == l || !link_in_vain(g, f->upstream))) ||
		g->now.mono_ms - f->cut_ms < wait || !link_may_ask(g, l))
		return;
	feed_leave(g, f, true);
	f->joining = l->peer_floor;
	l->vain += link_in_vain(g, l) && l->vain < VAIN_MAX;
	l->asked_ms = g->now.mono_ms;
	link_ask(g, l, l->peer_floor);
}

bool floor_joins(const struct feed *f, const struct wire_data *data)
{
	return f->joining && data->start == f->joining && data->start > f->expected &&
	       f->expected == f->held && data->count > 0 &&
	       data->left_len == range_hashes_count(0, data->start);
}

/* The subscriber has to join again; it is told where. */
bool floor_overtakes(struct gossip *g, struct link *l)
{
	if (l->next >= l->feed->floor)
		return false;
	sink_close(g, l);
	session_announce(g, l->session, l->feed);
	return true;
}

void floor_joined(struct gossip *g, struct feed *f, uint64_t floor)
{
	f->floor = floor;
	f->cut_ms = 0;
	/* Nothing is complete until the run that joins ends under its checkpoint. */
	f->complete = (struct checkpoint){0};
	doubts_rejoin(f);
	for (struct link *l = f->links; l; l = l->next_of_feed) {
		if (l->sink != SINK_NONE)
			sink_close(g, l);
		l->told = false;
	}
}

void gossip_floor(struct gossip *g, struct gossip_time now, const struct log_name *feed,
	uint64_t floor)
{
	struct feed *f = feed_find(g, feed);

	g->now = now;
	if (!f)
		orphan_floor(g, feed, floor);
	/* Of what was here before it was put aside. */
	if (!f || floor <= f->floor || floor > f->held)
		return;
	f->floor = floor;
	for (struct link *l = f->links; l; l = l->next_of_feed) {
		if (l->sink == SINK_NONE && l->told)
			session_announce(g, l->session, f);
		else if (l->sink == SINK_OPEN)
			floor_overtakes(g, l);
	}
	arena_reset(&g->scratch);
}
