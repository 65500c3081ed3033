/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Links and sessions. What a session carries arrives in order or, once the connection is gone, not
 * at all: that is what TCP under Noise leaves of loss and reordering. A link that is cut takes its
 * session with it; a deaf one only holds messages up, until it hears again or the session's
 * keepalive gives up.
 */
#include <assert.h>
#include <string.h>

#include "sim/narrate.h"
#include "sim/watch.h"
#include "sim/world_impl.h"

#define REDIAL_MS  200u
#define PARTING_MS 300u   /* until an end has noticed that its session broke */
#define STUCK_MS   30000u /* a session through which nothing passes is dead */

/* --- peers ------------------------------------------------------------------------------------ */

struct world_peer *world_peer_of(const struct world_node *n, unsigned actor)
{
	if (actor < sizeof(n->peer_at))
		return n->peer_at[actor] ? &n->peers[n->peer_at[actor] - 1] : NULL;
	for (size_t i = 0; i < n->peers_len; i++)
		if (n->peers[i].actor == actor)
			return &n->peers[i];
	return NULL;
}

struct world_peer *net_peer(struct world_node *n, unsigned actor)
{
	struct world_peer *p = world_peer_of(n, actor);

	if (p)
		return p;
	n->peers = need(realloc(n->peers, (n->peers_len + 1) * sizeof(*n->peers)));
	p = &n->peers[n->peers_len++];
	if (actor < sizeof(n->peer_at))
		n->peer_at[actor] = (uint8_t)n->peers_len;
	*p = (struct world_peer){.actor = actor};
	return p;
}

/* What the end's node has with the node at the other end. */
static struct world_peer *peer_at(const struct world_session *s, unsigned end)
{
	return world_peer_of(s->ends[end].node, s->ends[!end].node->actor->number);
}

struct world_session *world_session_of(const struct world *w, unsigned a, unsigned b)
{
	struct world_peer *p = world_peer_of(&w->nodes[a], w->nodes[b].actor->number);
	struct world_session *s = p ? p->session : NULL;

	if (!s || s->cut || (s->ends[0].node != &w->nodes[b] && s->ends[1].node != &w->nodes[b]))
		return NULL;
	return s;
}

/* --- beginning -------------------------------------------------------------------------------- */

static void session_new(struct world_node *a, struct world_node *b)
{
	struct world *w = a->world;
	struct world_session *s = need(calloc(1, sizeof(*s)));
	struct world_node *nodes[2] = {a, b};

	w->sessions =
		need(realloc(w->sessions, (w->sessions_len + 1) * sizeof(struct world_session *)));
	w->sessions[w->sessions_len++] = s;
	s->id = (uint32_t)w->sessions_len;
	sim_random_fill(&w->random, s->binding, sizeof(s->binding));
	for (unsigned end = 0; end < 2; end++) {
		s->ends[end].node = nodes[end];
		s->ends[end].life = nodes[end]->life;
	}
	for (unsigned end = 0; end < 2; end++) {
		uint64_t at = w->now_ms + 1 + sim_random_below(&w->random, 50);

		event_of_end(s, end, EVENT_OPENED, at);
		/* Nothing arrives at an end before it has opened. */
		s->ends[!end].arrive_ms = at;
		net_peer(nodes[end], nodes[!end]->actor->number)->redial_ms =
			w->now_ms + REDIAL_MS + sim_random_below(&w->random, 3 * REDIAL_MS);
	}
}

static bool counts_with(const struct world_node *n, const struct world_node *other, int64_t now_s)
{
	const uint64_t bit = world_party_bit(other->actor);

	for (size_t i = 0; i < n->counting_len; i++)
		if ((n->counting_parties[i] & bit) && agreement_in_time(n->counting[i], now_s) &&
			agreement_party_of(n->counting[i], &other->actor->node))
			return true;
	return false;
}

/* Has the program an agreement with the other, by which it goes? In one second the answer is one,
 * as long as the agreements are. */
static bool willing(const struct world_node *n, const struct world_node *other,
	struct world_peer *peer)
{
	int64_t now_s = world_time(n).wall_ms / 1000;

	if (peer->willing_s != now_s || peer->willing_count != n->counts) {
		peer->willing = counts_with(n, other, now_s);
		peer->willing_s = now_s;
		peer->willing_count = n->counts;
	}
	return peer->willing;
}

/* As far as it is the one's to say, it may have a session with the other. */
static bool open_to(const struct world_node *n, const struct world_node *other,
	struct world_peer *peer)
{
	uint64_t now = n->world->now_ms;

	return n->up && !peer->cut && !peer->deaf && peer->redial_ms <= now &&
	       peer->shuns_until_ms <= now && willing(n, other, peer);
}

static bool may_dial(struct world_node *a, struct world_node *b)
{
	struct world_peer *ba = net_peer(b, a->actor->number);
	struct world_peer *ab = net_peer(a, b->actor->number);

	ab->known_there = !a->world->twins;
	return open_to(a, b, ab) && open_to(b, a, ba);
}

/* Where two machines run with the same keys, whoever dials last has the session. */
void net_dial(struct world_node *n)
{
	struct world *w = n->world;

	for (size_t i = 0; i < n->peers_len; i++) {
		struct world_node *other;

		if (n->peers[i].session || n->peers[i].actor >= w->nodes_len)
			continue;
		other = &w->nodes[n->peers[i].actor];
		/* Most that have none may not: then the other is not asked. */
		if (!w->twins && n->peers[i].known_there && !open_to(n, other, &n->peers[i]))
			continue;
		if (other->twin && sim_random_chance(&w->random, 50))
			other = other->twin;
		if (may_dial(n, other))
			session_new(n, other);
	}
}

void world_duplicate(struct world *w, unsigned a, unsigned b)
{
	/* A may not have noticed yet that b is down. */
	if (world_session_of(w, a, b) && w->nodes[a].up && w->nodes[b].up)
		session_new(&w->nodes[a], &w->nodes[b]);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* The session's end at this node comes at that time, or at once. */
static void session_end(struct world_session *s, unsigned end, uint64_t at_ms)
{
	uint64_t now_ms = s->ends[end].node->world->now_ms;

	if (!s->ends[end].over)
		event_of_end(s, end, EVENT_CLOSED, at_ms < now_ms ? now_ms : at_ms);
}

static void session_break(struct world_session *s)
{
	struct world *w = s->ends[0].node->world;

	if (s->cut)
		return;
	s->cut = true;
	for (unsigned end = 0; end < 2; end++)
		session_end(s, end, w->now_ms + sim_random_below(&w->random, PARTING_MS));
}

void net_abandon(struct world_session *s)
{
	if (s)
		session_break(s);
}

void world_break(struct world *w, unsigned a, unsigned b)
{
	struct world_session *s = world_session_of(w, a, b);

	if (s)
		session_break(s);
}

void net_close(struct world_session *s, unsigned end, const struct gossip_action *action)
{
	struct world_node *n = s->ends[end].node, *peer = s->ends[!end].node;
	struct world *w = n->world;

	if (action->penalty_ms) {
		peer_at(s, end)->shuns_until_ms = w->now_ms + action->penalty_ms;
		n->punished++;
		if (peer->actor->number < 64)
			n->punishes |= cast_bit(peer->actor->number);
	}
	session_end(s, end, w->now_ms);
	session_end(s, !end, s->ends[end].arrive_ms + 1);
}

/* Also what has not opened here yet, and has at the other end. */
void net_node_down(struct world_node *n)
{
	struct world *w = n->world;

	for (size_t i = 0; i < n->peers_len; i++)
		n->peers[i].session = NULL;
	for (size_t i = 0; i < w->sessions_len; i++) {
		struct world_session *s = w->sessions[i];
		unsigned end = s->ends[1].node == n;

		if (s->ends[end].node != n || s->ends[end].over)
			continue;
		session_break(s);
		watch_lost(w, s, end);
		s->ends[end].over = true;
		s->ends[end].open = false;
	}
}

/* The end hears that its session is over. */
static void end_closes(struct world_session *s, unsigned end, const char *why)
{
	struct world_node *n = s->ends[end].node;
	bool open = s->ends[end].open;

	if (s->ends[end].over)
		return;
	s->ends[end].over = true;
	s->ends[end].open = false;
	if (peer_at(s, end)->session == s)
		peer_at(s, end)->session = NULL;
	if (!open)
		return;
	narrate(n->world, "n%u has lost session %u: %s", n->index, s->id, why);
	gossip_closed(n->gossip, world_time(n), s->id, why);
	node_actions(n);
}

void net_on_closed(struct world_session *s, unsigned end)
{
	end_closes(s, end, s->cut ? "broken" : "over");
}

void net_on_opened(struct world_session *s, unsigned end)
{
	struct world_node *n = s->ends[end].node;
	struct world_peer *p = peer_at(s, end);
	struct world_session *old = p->session;

	if (s->ends[end].over || s->cut)
		return;
	if (old && old != s) {
		unsigned old_end = old->ends[1].node == n;

		session_end(old, !old_end, old->ends[old_end].arrive_ms + 1);
		end_closes(old, old_end, "a newer session takes over");
	}
	p->session = s;
	p->receipt_lost = false;
	s->ends[end].open = true;
	narrate(n->world, "n%u opens session %u with n%u", n->index, s->id,
		s->ends[!end].node->index);
	gossip_opened(n->gossip, world_time(n), s->id, &s->ends[!end].node->actor->node,
		s->binding);
	node_actions(n);
}

/* --- links ------------------------------------------------------------------------------------ */

void world_cut(struct world *w, unsigned a, unsigned b, bool cut)
{
	net_peer(&w->nodes[a], w->nodes[b].actor->number)->cut = cut;
	net_peer(&w->nodes[b], w->nodes[a].actor->number)->cut = cut;
	if (cut)
		world_break(w, a, b);
}

bool world_is_cut(const struct world *w, unsigned a, unsigned b)
{
	const struct world_peer *p = world_peer_of(&w->nodes[a], w->nodes[b].actor->number);

	return p && p->cut;
}

/* What was held up on its way to this end goes on, ahead of what is still on the line. */
static void release(struct world_session *s, unsigned end)
{
	struct world *w = s->ends[end].node->world;
	struct world_event *next;

	for (struct world_event *e = s->ends[end].held_up; e; e = next) {
		next = e->next;
		e->next = NULL;
		event_again(w, e, w->now_ms);
	}
	s->ends[end].held_up = s->ends[end].held_up_last = NULL;
}

void world_deafen(struct world *w, unsigned from, unsigned to, bool deaf)
{
	struct world_session *s = world_session_of(w, from, to);
	struct world_peer *p = net_peer(&w->nodes[to], w->nodes[from].actor->number);
	unsigned end;

	if (p->deaf == deaf)
		return;
	p->deaf = deaf;
	if (!s)
		return;
	end = s->ends[1].node == &w->nodes[to];
	if (deaf)
		event_of_end(s, end, EVENT_STUCK, w->now_ms + STUCK_MS);
	else
		release(s, end);
}

void net_on_stuck(struct world_session *s, unsigned end)
{
	if (peer_at(s, end)->deaf)
		session_break(s);
}

/* --- what travels ----------------------------------------------------------------------------- */

/* A message as the hand of a liar leaves it; false: dropped, as is what no codec would write. */
static bool hand_over(struct world_session *s, unsigned end, struct wire_message *m,
	struct buf *out)
{
	struct world_node *from = s->ends[end].node;
	struct arena arena = {0};
	bool said = from->hand(from->hand_ctx, from, s->ends[!end].node, m, &arena) &&
		    wire_encode(out, m) == 0;

	arena_free(&arena);
	return said;
}

static void travel(struct world_session *s, unsigned end, struct buf *message)
{
	struct world_end *from = &s->ends[end];
	struct world *w = from->node->world;
	uint64_t at = from->line_ms + 1 + sim_random_below(&w->random, w->delay_ms_max + 1);

	if (at < from->arrive_ms)
		at = from->arrive_ms;
	from->arrive_ms = at;
	event_of_end(s, !end, EVENT_MESSAGE, at)->message = *message;
}

void net_send(struct world_session *s, unsigned end, struct bytes message)
{
	struct world_end *from = &s->ends[end];
	struct world *w = from->node->world;
	struct buf copy = buf_with_max(WIRE_MESSAGE_MAX + WIRE_PREFIX_BYTES);
	struct arena arena = {0};
	struct wire_message m;
	bool said = true;

	if (wire_decode(message.data[4], bytes_skip(message, WIRE_PREFIX_BYTES), &arena, &m) != 0) {
		world_fail(w, "n%u says what cannot be read", from->node->index);
		arena_free(&arena);
		return;
	}
	narrate_said(w, s, end, &m);
	watch_said(w, s, end, &m);
	if (from->node->hand)
		said = hand_over(s, end, &m, &copy);
	else
		buf_bytes(&copy, message);
	arena_free(&arena);

	if (from->line_ms < w->now_ms)
		from->line_ms = w->now_ms;
	from->line_ms +=
		message.len * (from->node->slowness ? from->node->slowness : 1) / w->bytes_per_ms;
	from->node->sent_bytes += message.len;
	from->node->said++;
	event_of_end(s, end, EVENT_FLUSHED, from->line_ms)->bytes = message.len;
	if (said)
		travel(s, end, &copy);
	else
		buf_free(&copy);
}

/* What the watcher learns from must be read. */
static bool tells(uint8_t type)
{
	return type == WIRE_HELLO || type == WIRE_TERMS || type == WIRE_HEADS ||
	       type == WIRE_HELD || type == WIRE_SUBSCRIBE || type == WIRE_DATA;
}

bool net_on_message(struct world_event *e)
{
	struct world_session *s = e->session;
	struct world_end *to = &s->ends[e->end];
	struct world_node *n = to->node;
	struct bytes payload = bytes_skip(buf_view(&e->message), WIRE_PREFIX_BYTES);
	uint8_t type = e->message.data[4];
	struct arena arena = {0};
	struct wire_message m;
	unsigned taken = n->taken;
	bool run = type == WIRE_DATA;

	if (s->cut || !to->open)
		return false;
	if (peer_at(s, e->end)->deaf) {
		if (to->held_up_last)
			to->held_up_last->next = e;
		else
			to->held_up = e;
		to->held_up_last = e;
		return true;
	}
	trace_bytes(n->world, buf_view(&e->message));
	if (tells(type) && wire_decode(type, payload, &arena, &m) == 0)
		watch_heard(n->world, s, e->end, &m);
	else
		run = false;
	if (type == WIRE_DATA)
		n->data_bytes += e->message.len;
	gossip_message(n->gossip, world_time(n), s->id, type, payload);
	node_actions(n);
	if (run && n->taken == taken)
		watch_dropped(n, s->ends[!e->end].node, &m.data.feed, e->message.len);
	arena_free(&arena);
	return false;
}

void net_on_flushed(struct world_session *s, unsigned end, size_t bytes)
{
	struct world_node *n = s->ends[end].node;

	if (!s->ends[end].open)
		return;
	gossip_flushed(n->gossip, world_time(n), s->id, bytes);
	node_actions(n);
}

void net_session_free(struct world_session *s)
{
	for (unsigned i = 0; i < 2; i++) {
		free(s->ends[i].named);
		free(s->ends[i].sendings);
	}
	free(s);
}
