/* SPDX-License-Identifier: EUPL-1.2 */
#include "net/impl.h"

#include <assert.h>
#include <netdb.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/log.h"

#define COMPLAIN_MS 10000u

static void on_done_closed(uv_handle_t *handle)
{
	net_unlive(handle->data);
}

/*
 * Counts down handles and requests. While stopping, the last but three close the net's own three,
 * and the very last is the end.
 */
void net_unlive(struct net *n)
{
	assert(n->live > 0);
	n->live--;
	if (!n->stopping)
		return;
	if (n->live == 3 && !uv_is_closing((uv_handle_t *)&n->tick)) {
		uv_close((uv_handle_t *)&n->tick, on_done_closed);
		uv_close((uv_handle_t *)&n->flush, on_done_closed);
		uv_close((uv_handle_t *)&n->turn, on_done_closed);
	}
	if (n->live == 0 && n->done)
		n->done(n->done_ctx);
}

static void on_tick(uv_timer_t *timer)
{
	struct net *n = timer->data;
	struct net_session *s;

	TAILQ_FOREACH(s, &n->sessions, all)
	net_session_tick(s, uv_now(n->loop));
}

static int session_rank(const struct net_session *s)
{
	if (s->state == NET_SESSION_MUTE)
		return 0;
	return s->state == NET_SESSION_MESSAGE1 ? 1 : 2;
}

/*
 * Beyond HANDSHAKES_MAX one connection gives way: known strangers first, then those who have not
 * shown who they are, the oldest first. A handshake takes a round trip, so a peer is through long
 * before it is the oldest. The newest, last in the list, is spared: it had no chance yet.
 */
static void make_room(struct net *n)
{
	struct net_session *s, *victim = NULL;
	size_t count = 0;

	TAILQ_FOREACH(s, &n->sessions, all)
	{
		if (s->initiator || !net_session_handshaking(s))
			continue;
		count++;
		if (TAILQ_NEXT(s, all) && (!victim || session_rank(s) < session_rank(victim)))
			victim = s;
	}
	if (count > HANDSHAKES_MAX && victim)
		net_session_drop(victim, "gave way to a newer connection");
}

static void accept_one(struct net_listener *l)
{
	struct net *n = l->net;
	struct net_session *s = net_session_new(n, NULL);
	int rc;

	if (!s) {
		l->waiting = true;
		return;
	}
	n->accepted++;
	rc = uv_accept((uv_stream_t *)&l->tcp, (uv_stream_t *)&s->tcp);
	if (rc != 0) {
		net_session_drop(s, uv_strerror(rc));
		return;
	}
	net_session_tune(&s->tcp);
	net_session_read(s);
	make_room(n);
}

static void on_turn(uv_check_t *check)
{
	struct net *n = check->data;

	n->accepted = 0;
	for (size_t i = 0; i < n->listeners_len; i++) {
		if (!n->listeners[i].waiting || n->stopping)
			continue;
		n->listeners[i].waiting = false;
		accept_one(&n->listeners[i]);
	}
}

static void on_connection(uv_stream_t *server, int status)
{
	struct net_listener *l = server->data;
	struct net *n = l->net;

	if (status < 0) {
		/* Out of file descriptors, mostly: libuv has turned the connection away with its
		 * spare one. What runs goes on; whoever comes now comes again. */
		if (n->complained_ms && uv_now(n->loop) - n->complained_ms < COMPLAIN_MS)
			return;
		log_warn("net", "cannot accept connections error=\"%s\"", uv_strerror(status));
		n->complained_ms = uv_now(n->loop);
		return;
	}
	/* libuv stops listening until the connection is taken. */
	if (n->accepted >= NET_ACCEPTS_PER_TURN)
		l->waiting = true;
	else
		accept_one(l);
}

static int listen_resolve(struct net *n, const struct net_endpoint *e, struct sockaddr_storage *out)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	uv_getaddrinfo_t request;
	char port[8];
	int rc;

	if (net_endpoint_literal(e, out))
		return 0;
	snprintf(port, sizeof(port), "%u", e->port);
	/* Without a callback it is synchronous, which is right at start. */
	rc = uv_getaddrinfo(n->loop, &request, NULL, e->host, port, &hints);
	if (rc != 0)
		return rc;
	memcpy(out, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
	uv_freeaddrinfo(request.addrinfo);
	return 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct net_listener *l = handle->data;

	net_unlive(l->net);
}

int net_listen(struct net *n, const char *address, char bound[64], struct err_text *err)
{
	struct sockaddr_storage at;
	struct net_listener *l;
	struct net_endpoint e;
	int len = sizeof(at);
	int rc;

	if (!net_endpoint_parse(address, &e))
		return err_set(err, ENT_EINVALID,
			"listen address: \"%s\" is not HOST:PORT or [IPV6]:PORT", address);
	if (n->stopping || n->listeners_len == NET_LISTENERS_MAX)
		return err_set(err, ENT_ELIMIT, "cannot listen on %s: %u addresses at the most",
			address, NET_LISTENERS_MAX);
	l = &n->listeners[n->listeners_len];
	*l = (struct net_listener){.net = n};
	rc = listen_resolve(n, &e, &at);
	if (rc != 0)
		return err_set(err, ENT_EIO, "cannot listen on %s: %s", address, uv_strerror(rc));
	rc = uv_tcp_init(n->loop, &l->tcp);
	if (rc != 0)
		return err_set(err, ENT_EIO, "cannot listen on %s: %s", address, uv_strerror(rc));
	n->listeners_len++;
	n->live++;
	l->tcp.data = l;
	/* libuv sets SO_REUSEADDR, and takes IPv4 as well on [::]. */
	rc = uv_tcp_bind(&l->tcp, (const struct sockaddr *)&at, 0);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&l->tcp, NET_BACKLOG, on_connection);
	if (rc == 0)
		rc = uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&at, &len);
	if (rc != 0) {
		/* The slot stays taken until the net ends: nobody listens again and again. */
		uv_close((uv_handle_t *)&l->tcp, on_listener_closed);
		return err_set(err, ENT_EIO, "cannot listen on %s: %s", address, uv_strerror(rc));
	}
	if (bound)
		net_endpoint_text(&at, bound);
	return 0;
}

int net_new(struct net **out, uv_loop_t *loop, const struct net_config *config,
	const struct net_ops *ops)
{
	struct net *n = calloc(1, sizeof(*n));
	uint8_t hash_key[16];

	if (!n)
		return ENT_ENOMEM;
	n->loop = loop;
	n->config = *config;
	n->ops = *ops;
	TAILQ_INIT(&n->asking);
	LIST_INIT(&n->resolving);
	n->times = (struct net_times){
		.slow_name = NET_SLOW_NAME_MS,
		.handshake = HANDSHAKE_MS,
		.keepalive = KEEPALIVE_MS,
		.dead = DEAD_MS,
		.redial_first = REDIAL_FIRST_MS,
		.redial_max = REDIAL_MAX_MS,
		.settled = 5000,
		.farewell = 2000,
		.race = NET_RACE_MS,
		.tick = 500,
	};
	env_random(&config->rng, hash_key, sizeof(hash_key));
	map_init(&n->peers, NODE_ID_BYTES, SESSIONS_MAX, hash_key);
	TAILQ_INIT(&n->sessions);
	TAILQ_INIT(&n->dirty);
	n->next_number = 1;
	/* None of these can fail: they only fill in the handle. */
	uv_timer_init(loop, &n->tick);
	uv_idle_init(loop, &n->flush);
	uv_check_init(loop, &n->turn);
	n->tick.data = n->flush.data = n->turn.data = n;
	n->live = 3;
	uv_timer_start(&n->tick, on_tick, n->times.tick, n->times.tick);
	uv_check_start(&n->turn, on_turn);
	*out = n;
	return 0;
}

void net_stop(struct net *n, void (*done)(void *ctx), void *ctx)
{
	struct net_session *s;

	assert(!n->stopping);
	/* One more, so that nothing reaches the end before this function does. */
	n->live++;
	n->stopping = true;
	n->done = done;
	n->done_ctx = ctx;
	for (size_t i = 0; i < n->listeners_len; i++)
		if (!uv_is_closing((uv_handle_t *)&n->listeners[i].tcp))
			uv_close((uv_handle_t *)&n->listeners[i].tcp, on_listener_closed);
	TAILQ_FOREACH(s, &n->sessions, all)
	{
		if (s->state == NET_SESSION_OPEN)
			net_close(s, BYE_STOPPING, "this node stops");
		else if (s->state != NET_SESSION_FAREWELL)
			net_session_drop(s, "this node stops");
	}
	net_peers_stop(n);
	net_resolves_leave(n);
	net_unlive(n);
}

void net_free(struct net *n)
{
	if (!n)
		return;
	assert(n->live == 0);
	sodium_memzero(n, sizeof(*n));
	free(n);
}

void net_stats(const struct net *n, struct net_stats *stats)
{
	*stats = n->stats;
}
