/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Peers and dialling. A peer without a session is dialled in rounds: every endpoint in turn, of a
 * name up to NET_ADDRESSES_MAX addresses (resolve.c), one connection at a time. Between rounds lies
 * the back-off. Each step is taken from the peer's timer, so a failure never recurses into the next
 * attempt.
 */
#include "net/impl.h"

#include <assert.h>
#include <netdb.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

static void on_timer(uv_timer_t *timer);

/* --- state ------------------------------------------------------------------------------------ */

static uint64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Logs only what changes, so that a peer that stays away fills no log. */
static void state_set(struct net_peer *p, enum net_peer_state state, const char *error)
{
	char text[NODE_ID_TEXT_SIZE];

	if (p->info.state == state && strcmp(p->info.last_error, error) == 0)
		return;
	if (p->info.state != state)
		p->info.since_ms = wall_ms();
	p->info.state = state;
	snprintf(p->info.last_error, sizeof(p->info.last_error), "%s", error);
	if (!error[0])
		return;
	node_id_text(text, &p->id);
	log_info("net", "%s peer=%s why=\"%s\"", state == NET_REFUSED ? "refused" : "not connected",
		text, error);
}

struct net_peer *net_peer_find(const struct net *n, const struct node_id *id)
{
	return map_get(&n->peers, id->bytes);
}

bool net_peer_penalised(const struct net_peer *p)
{
	return uv_now(p->net->loop) < p->penalty_until;
}

bool net_peer_info(const struct net *n, const struct node_id *peer, struct net_peer_info *info)
{
	const struct net_peer *p = net_peer_find(n, peer);

	if (p)
		*info = p->info;
	return p != NULL;
}

/* --- dialling --------------------------------------------------------------------------------- */

static void step_in(struct net_peer *p, uint64_t ms)
{
	if (!p->net->stopping)
		uv_timer_start(&p->timer, on_timer, ms, 0);
}

/* The wait before the next round: half of the back-off for certain and half by chance, so that
 * nodes which lost each other at the same moment do not come back at the same moment. */
static void wait_round(struct net_peer *p)
{
	const struct net_times *t = &p->net->times;
	uint64_t half = p->backoff / 2;

	step_in(p, half + env_random_u64(&p->net->config.rng) % (half + 1));
	p->backoff = p->backoff > t->redial_max / 2 ? t->redial_max : p->backoff * 2;
}

static void next_attempt(struct net_peer *p)
{
	if (p->address_at < p->addresses_len || p->endpoints_left > 0)
		step_in(p, 0);
	else
		wait_round(p);
}

void net_peer_failed(struct net_peer *p, enum net_peer_state state, const char *why)
{
	/* Silence may mean that the peer knows only our other key. */
	if (state == NET_REFUSED && p->net->config.former_secret && !p->knows)
		p->try_former = !p->try_former;
	state_set(p, state, why);
	next_attempt(p);
}

void net_peer_resolved(struct net_peer *p, int status, const struct addrinfo *list)
{
	char why[NET_WHY_SIZE];

	p->addresses_len = p->address_at = 0;
	for (const struct addrinfo *a = list; a && p->addresses_len < NET_ADDRESSES_MAX;
		a = a->ai_next)
		memcpy(&p->addresses[p->addresses_len++], a->ai_addr, a->ai_addrlen);
	if (p->addresses_len > 0) {
		step_in(p, 0);
		return;
	}
	snprintf(why, sizeof(why), "no address for %.80s: %s", p->endpoints[p->endpoint_at].host,
		status ? uv_strerror(status) : "none known");
	net_peer_failed(p, NET_DOWN, why);
}

static void next_endpoint(struct net_peer *p)
{
	const struct net_endpoint *e;

	if (p->endpoints_left == 0)
		p->endpoints_left = p->endpoints_len;
	p->endpoint_at = p->endpoints_len - p->endpoints_left--;
	e = &p->endpoints[p->endpoint_at];
	p->addresses_len = p->address_at = 0;
	if (!net_endpoint_literal(e, &p->addresses[0])) {
		net_resolve(p);
		return;
	}
	p->addresses_len = 1;
	step_in(p, 0);
}

/* One step: wait out a penalty, connect to the next address, or find the next endpoint's
 * addresses. */
static void on_timer(uv_timer_t *timer)
{
	struct net_peer *p = timer->data;
	struct net *n = p->net;
	struct net_session *s;

	if (n->stopping || p->endpoints_len == 0 || p->attempt || p->resolve || p->asks ||
		net_session_of(n, &p->id))
		return;
	if (net_peer_penalised(p)) {
		step_in(p, p->penalty_until - uv_now(n->loop));
		return;
	}
	if (p->address_at == p->addresses_len) {
		next_endpoint(p);
		return;
	}
	if (!p->info.last_error[0])
		state_set(p, NET_CONNECTING, "");
	s = net_session_new(n, p);
	if (s)
		net_session_connect(s, &p->addresses[p->address_at++]);
	else
		net_peer_failed(p, NET_DOWN, "out of memory");
}

/* --- sessions --------------------------------------------------------------------------------- */

static void attempt_end(struct net_peer *p, const char *why)
{
	struct net_session *attempt = p->attempt;

	p->attempt = NULL; /* so that its end does not count as a failure */
	if (attempt)
		net_session_drop(attempt, why);
	net_resolve_end(p);
	uv_timer_stop(&p->timer);
	p->endpoints_left = p->addresses_len = p->address_at = 0;
}

/* Whoever opens session after session is neither answered nor dialled until the minute is over. */
static void count_open(struct net_peer *p)
{
	uint64_t now = uv_now(p->net->loop);

	if (p->opens == 0 || now - p->opens_ms >= 60000) {
		p->opens_ms = now;
		p->opens = 0;
	}
	if (++p->opens < SESSIONS_A_MINUTE)
		return;
	if (p->penalty_until < p->opens_ms + 60000)
		p->penalty_until = p->opens_ms + 60000;
}

void net_peer_opened(struct net_peer *p, const struct net_session *s)
{
	assert(p->attempt != s);
	if (!s->former)
		p->knows = true;
	count_open(p);
	/* The attempt was not confirmed here, and before it is nobody else can have it open. */
	attempt_end(p, "another session is open");
	state_set(p, NET_CONNECTED, "");
}

void net_peer_closed(struct net_peer *p, const struct net_session *s)
{
	uint64_t lasted = uv_now(p->net->loop) - s->opened_ms;

	state_set(p, NET_DOWN, s->why);
	/* Not at once: a peer that opens and closes again and again is to be dialled ever less. */
	if (lasted >= p->net->times.settled)
		p->backoff = p->net->times.redial_first;
	if (p->endpoints_len > 0)
		wait_round(p);
}

/* --- keeping peers ---------------------------------------------------------------------------- */

/* Addresses before names: they wait for no name server. */
static bool endpoints_read(struct net_peer *p, const char *const *endpoints, size_t len)
{
	struct net_endpoint names[CARD_ENDPOINTS_MAX], e;
	struct sockaddr_storage address;
	size_t names_len = 0;

	if (len > CARD_ENDPOINTS_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!net_endpoint_parse(endpoints[i], &e) || e.port == 0)
			return false;
		if (net_endpoint_literal(&e, &address))
			p->endpoints[p->endpoints_len++] = e;
		else
			names[names_len++] = e;
	}
	for (size_t i = 0; i < names_len; i++)
		p->endpoints[p->endpoints_len++] = names[i];
	return true;
}

/* Whether the two are dialled in the same way. */
static bool same_terms(const struct net_peer *a, const struct net_peer *b)
{
	if (a->endpoints_len != b->endpoints_len ||
		sodium_memcmp(a->key, b->key, sizeof(a->key)) != 0 ||
		sodium_memcmp(a->psk, b->psk, sizeof(a->psk)) != 0)
		return false;
	for (size_t i = 0; i < a->endpoints_len; i++)
		if (a->endpoints[i].port != b->endpoints[i].port ||
			strcmp(a->endpoints[i].host, b->endpoints[i].host) != 0)
			return false;
	return true;
}

static int peer_add(struct net *n, const struct net_peer *wanted)
{
	struct net_peer *p = malloc(sizeof(*p));
	int rc;

	if (!p)
		return ENT_ENOMEM;
	*p = *wanted;
	rc = map_put(&n->peers, p->id.bytes, p);
	if (rc != 0) {
		free(p);
		return rc;
	}
	p->backoff = n->times.redial_first;
	p->try_former = true;
	p->info.since_ms = wall_ms();
	uv_timer_init(n->loop, &p->timer);
	p->timer.data = p;
	n->live++;
	step_in(p, 0);
	return 0;
}

/* New terms count from the next handshake on; what is being tried begins anew. */
static void peer_update(struct net_peer *p, const struct net_peer *wanted)
{
	if (same_terms(p, wanted))
		return;
	attempt_end(p, "the peer's terms have changed");
	memcpy(p->key, wanted->key, sizeof(p->key));
	memcpy(p->psk, wanted->psk, sizeof(p->psk));
	memcpy(p->endpoints, wanted->endpoints, sizeof(p->endpoints));
	p->endpoints_len = wanted->endpoints_len;
	memset(p->slow, 0, sizeof(p->slow));
	p->backoff = p->net->times.redial_first;
	step_in(p, 0);
}

int net_peer_set(struct net *n, const struct node_id *peer, const uint8_t transport_key[32],
	const uint8_t psk[32], const char *const *endpoints, size_t endpoints_len)
{
	struct net_peer wanted = {.net = n, .id = *peer};
	struct net_peer *p = net_peer_find(n, peer);
	int rc = 0;

	if (n->stopping)
		return ENT_ESTATE;
	if (!endpoints_read(&wanted, endpoints, endpoints_len))
		return ENT_EINVALID;
	memcpy(wanted.key, transport_key, sizeof(wanted.key));
	memcpy(wanted.psk, psk, sizeof(wanted.psk));
	if (p)
		peer_update(p, &wanted);
	else
		rc = peer_add(n, &wanted);
	sodium_memzero(&wanted, sizeof(wanted));
	return rc;
}

static void on_peer_closed(uv_handle_t *handle)
{
	struct net_peer *p = handle->data;
	struct net *n = p->net;

	sodium_memzero(p, sizeof(*p));
	free(p);
	net_unlive(n);
}

/* The peer's sessions, if any, go on without it. */
static void peer_free(struct net_peer *p)
{
	struct net_session *s;

	attempt_end(p, "the peer is removed");
	TAILQ_FOREACH(s, &p->net->sessions, all)
	if (s->peer == p)
		s->peer = NULL;
	uv_close((uv_handle_t *)&p->timer, on_peer_closed);
}

/* Ends what runs with the peer: an open session with a farewell, one that is not open at once. */
static void sessions_end(struct net_peer *p, bool open_too, const char *why)
{
	struct net_session *s;

	TAILQ_FOREACH(s, &p->net->sessions, all)
	{
		if (s->peer != p || s == p->attempt)
			continue;
		if (net_session_handshaking(s))
			net_session_drop(s, why);
		else if (open_too)
			net_close(s, BYE_ENDED, why);
	}
}

void net_peer_remove(struct net *n, const struct node_id *peer)
{
	struct net_peer *p = map_remove(&n->peers, peer->bytes);

	if (!p)
		return;
	sessions_end(p, true, "no agreement with the peer is in force");
	peer_free(p);
}

void net_peer_knows(struct net *n, const struct node_id *peer, bool sure)
{
	struct net_peer *p = net_peer_find(n, peer);

	if (!p)
		return;
	p->knows |= sure;
	p->try_former = false;
}

void net_former_drop(struct net *n)
{
	struct net_session *s;

	n->config.former_secret = n->config.former_public = NULL;
	/* Message 2 is read and written with the key of message 1. */
	TAILQ_FOREACH(s, &n->sessions, all)
	if (s->former && net_session_handshaking(s))
		net_session_drop(s, "our former key has had its time");
}

void net_peer_penalty(struct net *n, const struct node_id *peer, uint64_t ms)
{
	struct net_peer *p = net_peer_find(n, peer);

	if (!p)
		return;
	if (p->penalty_until < uv_now(n->loop) + ms)
		p->penalty_until = uv_now(n->loop) + ms;
	attempt_end(p, "the peer misbehaved");
	sessions_end(p, false, "the peer misbehaved");
	step_in(p, ms);
}

void net_peers_stop(struct net *n)
{
	const void *key;
	void *p;

	for (size_t at = 0; map_next(&n->peers, &at, &key, &p);)
		peer_free(p);
	map_free(&n->peers);
}
