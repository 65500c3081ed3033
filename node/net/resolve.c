/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Looking up names. A few look-ups run at once and the others wait in line, for each may take the
 * half minute of a name server that does not answer, and none can be cancelled. Of names that took
 * long the last time one at most is looked up at once: they wait for each other, and nobody else
 * waits for them more than once.
 */
#include "net/impl.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

/* A look-up. It may outlive its peer, and the net. */
struct net_resolve {
	LIST_ENTRY(net_resolve) all;
	uv_getaddrinfo_t request;
	struct net *net;       /* NULL: it has stopped */
	struct net_peer *peer; /* NULL: nobody wants it any more */
	bool slow;             /* was so the last time */
	uint64_t began_ms;
};

static bool is_slow(const struct net_resolve *r)
{
	return r->slow || uv_now(r->net->loop) - r->began_ms >= r->net->times.slow_name;
}

static bool may_begin(const struct net_peer *p)
{
	const struct net *n = p->net;
	const struct net_resolve *r;

	if (n->resolves == NET_RESOLVES_MAX)
		return false;
	if (!p->slow[p->endpoint_at])
		return true;
	LIST_FOREACH(r, &n->resolving, all)
	{
		if (is_slow(r))
			return false;
	}
	return true;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list);

static void begin(struct net_peer *p)
{
	const struct net_endpoint *e = &p->endpoints[p->endpoint_at];
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct net_resolve *r = calloc(1, sizeof(*r));
	struct net *n = p->net;
	char port[8];

	if (!r) {
		net_peer_failed(p, NET_DOWN, "out of memory");
		return;
	}
	r->net = n;
	r->peer = p;
	r->slow = p->slow[p->endpoint_at];
	r->began_ms = uv_now(n->loop);
	r->request.data = r;
	snprintf(port, sizeof(port), "%u", e->port);
	if (uv_getaddrinfo(n->loop, &r->request, on_resolved, e->host, port, &hints) != 0) {
		free(r);
		net_peer_failed(p, NET_DOWN, "cannot look up the endpoint's name");
		return;
	}
	LIST_INSERT_HEAD(&n->resolving, r, all);
	p->resolve = r;
	n->resolves++;
	n->live++;
}

/* Those that came first go first, as far as they may. */
static void begin_all(struct net *n)
{
	struct net_peer *p, *next;

	for (p = TAILQ_FIRST(&n->asking); p; p = next) {
		next = TAILQ_NEXT(p, asking);
		if (!may_begin(p))
			continue;
		TAILQ_REMOVE(&n->asking, p, asking);
		p->asks = false;
		begin(p);
	}
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct net_resolve *r = request->data;
	struct net_peer *p = r->peer;
	struct net *n = r->net;

	if (!n) {
		uv_freeaddrinfo(list);
		free(r);
		return;
	}
	if (p) {
		p->resolve = NULL;
		r->slow = false;
		p->slow[p->endpoint_at] = is_slow(r);
	}
	LIST_REMOVE(r, all);
	free(r);
	n->resolves--;
	if (p)
		net_peer_resolved(p, status, list);
	uv_freeaddrinfo(list);
	begin_all(n);
	net_unlive(n);
}

void net_resolve(struct net_peer *p)
{
	TAILQ_INSERT_TAIL(&p->net->asking, p, asking);
	p->asks = true;
	begin_all(p->net);
}

void net_resolve_end(struct net_peer *p)
{
	if (p->asks)
		TAILQ_REMOVE(&p->net->asking, p, asking);
	p->asks = false;
	if (!p->resolve)
		return;
	p->resolve->peer = NULL;
	uv_cancel((uv_req_t *)&p->resolve->request);
	p->resolve = NULL;
}

void net_resolves_leave(struct net *n)
{
	struct net_resolve *r;

	while ((r = LIST_FIRST(&n->resolving))) {
		LIST_REMOVE(r, all);
		r->net = NULL;
		n->resolves--;
		net_unlive(n);
	}
}
