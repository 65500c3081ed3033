/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What stops the exchange from outside: a store that can take nothing, and the stop button. What is
 * paused is treated as what nobody is entitled to, until it is resumed.
 * Bytes of ours that still wait for the kernel must not leave either, and a stream cannot be cut in
 * its middle: a session with such bytes ends, and its successor begins paused.
 */
#include "gossip/impl.h"

#include <stdlib.h>

static bool names(const struct gossip_pause *p, const struct node_id *peer)
{
	for (size_t i = 0; i < p->peers_len; i++)
		if (node_id_eq(&p->peers[i], peer))
			return true;
	return false;
}

static bool stops(const struct gossip_pause *p, const struct node_id *peer, enum door door)
{
	return (door == DOOR_FORWARD ? p->out : p->in) || names(p, peer);
}

bool paused(const struct gossip *g, const struct session *s, const struct log_name *feed,
	enum door door)
{
	/* What peers know of our own feeds is heard all the same, and they hear what we know of
	 * theirs: it may say that one of us is an old copy, which must not sign again what it has
	 * said. */
	if (node_id_eq(&feed->node, door == DOOR_RECEIVE ? &g->config.self : &s->peer))
		return false;
	return stops(&g->pause, &s->peer, door);
}

static void session_pause(struct gossip *g, struct session *s, const struct gossip_pause *before)
{
	bool was_out = stops(before, &s->peer, DOOR_FORWARD);
	bool was_in = stops(before, &s->peer, DOOR_RECEIVE);
	bool out = stops(&g->pause, &s->peer, DOOR_FORWARD);
	bool in = stops(&g->pause, &s->peer, DOOR_RECEIVE);

	if (s->closing || !s->greeted || (was_out == out && was_in == in))
		return;
	if (out && !was_out && s->unflushed > 0) {
		close_session(g, s, BYE_STOPPING, "sending is paused", 0);
		g->last->action.drop = true;
		return;
	}
	/* What they told of in the meantime was passed over, split views by whom we may only give
	 * to as well. */
	s->ask_heads |= (was_in && !in) || (was_out && !out);
	session_apply(g, s);
	session_review(g, s);
}

int gossip_pause(struct gossip *g, struct gossip_time now, const struct gossip_pause *pause)
{
	struct gossip_pause before = g->pause, next = *pause;
	struct node_id *peers = calloc(pause->peers_len + 1, sizeof(*peers));

	g->now = now;
	if (!peers)
		return ENT_ENOMEM;
	if (pause->peers_len)
		memcpy(peers, pause->peers, pause->peers_len * sizeof(*peers));
	next.peers = peers;
	g->pause = next;
	for (struct session *s = g->sessions; s; s = s->next)
		session_pause(g, s, &before);
	free((void *)(uintptr_t)before.peers);
	arena_reset(&g->scratch);
	return 0;
}

void gossip_refuse(struct gossip *g, struct gossip_time now, bool refuse)
{
	void *value;
	size_t at = 0;

	g->now = now;
	if (g->refusing == refuse)
		return;
	g->refusing = refuse;
	if (!refuse)
		feeds_resume(g);
	while (refuse && map_next(&g->feeds, &at, NULL, &value)) {
		feed_leave(g, value, true);
		feed_choose(g, value);
	}
}
