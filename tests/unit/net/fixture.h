/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Nodes for the tests of net: several nets on one loop, connected over loopback, each remembering
 * what it was told; and raw sockets for those who do not keep to the protocol.
 */
#pragma once

#include "lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "net/impl.h"

#define NODES_MAX 8
/* For what must happen, however busy the machine is; only a failure waits so long. */
#define WAIT_MS 60000u

struct world {
	uv_loop_t loop;
	uv_timer_t pulse; /* lets the loop return now and then */
	uint64_t seed;
};

struct node {
	struct world *world;
	struct net *net;
	struct node_id id;
	uint8_t secret[32], public[32];
	char address[64];
	bool stopped;

	struct {
		const struct node *node;
		uint8_t psk[32];
	} allowed[NODES_MAX];
	size_t allowed_len;

	/* What was told. */
	struct net_session *session; /* the newest that is open */
	struct net_session *sessions[NODES_MAX];
	size_t sessions_len;
	int opened, closed;
	bool clean;
	char why[NET_WHY_SIZE];
	size_t messages, flushed;
	uint8_t last_hash[NOISE_HASH_BYTES];

	/* What to do when told. */
	bool shy; /* sends no HELLO */
	void (*on_message)(struct node *node, uint8_t type, struct bytes payload);
	void (*on_flushed)(struct node *node);
	void *user;
};

static const uint8_t no_psk[32];

static inline void pulse_beats(uv_timer_t *timer)
{
	(void)timer;
}

static inline void world_start(struct world *w)
{
	assert_true(sodium_init() >= 0);
	log_level_set(LOG_ERROR);
	w->seed = 1;
	assert_int_equal(uv_loop_init(&w->loop), 0);
	uv_timer_init(&w->loop, &w->pulse);
	uv_timer_start(&w->pulse, pulse_beats, 5, 5);
}

/* One turn of the loop, 5 ms at the most. */
static inline void world_turn(struct world *w)
{
	uv_run(&w->loop, UV_RUN_ONCE);
}

static inline uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

static inline void world_run(struct world *w, uint64_t ms)
{
	uint64_t end = now_ms() + ms;

	while (now_ms() < end)
		world_turn(w);
}

/* Every handle must be gone: a leak fails here. */
static inline void world_end(struct world *w)
{
	uv_close((uv_handle_t *)&w->pulse, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
}

#define WAIT_FOR(w, condition)                                                                     \
	do {                                                                                       \
		uint64_t end_ = now_ms() + WAIT_MS;                                                \
		while (!(condition)) {                                                             \
			if (now_ms() > end_)                                                       \
				fail_msg("waited in vain for: %s", #condition);                    \
			world_turn(w);                                                             \
		}                                                                                  \
	} while (0)

static inline bool node_authorize(void *ctx, const uint8_t key[32], struct node_id *peer,
	uint8_t psk[32])
{
	struct node *node = ctx;

	for (size_t i = 0; i < node->allowed_len; i++) {
		if (memcmp(node->allowed[i].node->public, key, 32) != 0)
			continue;
		*peer = node->allowed[i].node->id;
		memcpy(psk, node->allowed[i].psk, 32);
		return true;
	}
	return false;
}

/* A message as wire_encode would write it; the caller frees. */
static inline struct bytes message_make(uint8_t type, struct bytes payload)
{
	uint8_t *m = malloc(WIRE_PREFIX_BYTES + payload.len);

	assert_non_null(m);
	be32_put(m, (uint32_t)payload.len);
	m[4] = type;
	if (payload.len)
		memcpy(m + WIRE_PREFIX_BYTES, payload.data, payload.len);
	return bytes_from(m, WIRE_PREFIX_BYTES + payload.len);
}

static inline int node_send(struct node *node, uint8_t type, struct bytes payload)
{
	struct bytes m = message_make(type, payload);
	int rc = net_send(node->session, m);

	free((void *)(uintptr_t)m.data);
	return rc;
}

static inline void node_opened(void *ctx, struct net_session *s)
{
	struct node *node = ctx;

	/* An older one with the same peer is told closed first. */
	for (size_t i = 0; i < node->sessions_len; i++)
		assert_false(node_id_eq(net_session_peer(node->sessions[i]), net_session_peer(s)));
	assert_true(node->sessions_len < NODES_MAX);
	node->sessions[node->sessions_len++] = s;
	node->session = s;
	node->opened++;
	net_session_attach(s, node);
	memcpy(node->last_hash, net_session_hash(s), sizeof(node->last_hash));
	if (!node->shy)
		assert_int_equal(node_send(node, WIRE_HELLO, bytes_str("hello")), 0);
}

/* Told opened, not told closed, and carrying what was attached. */
static inline bool node_has(const struct node *node, const struct net_session *s)
{
	for (size_t i = 0; i < node->sessions_len; i++)
		if (node->sessions[i] == s)
			return net_session_user(s) == node;
	return false;
}

static inline void node_message(void *ctx, struct net_session *s, uint8_t type,
	struct bytes payload)
{
	struct node *node = ctx;

	assert_true(node_has(node, s));
	node->messages++;
	if (node->on_message)
		node->on_message(node, type, payload);
}

static inline void node_flushed(void *ctx, struct net_session *s, size_t bytes)
{
	struct node *node = ctx;

	assert_true(node_has(node, s));
	node->flushed += bytes;
	if (node->on_flushed)
		node->on_flushed(node);
}

static inline void node_closed(void *ctx, struct net_session *s, bool clean, const char *reason)
{
	struct node *node = ctx;

	size_t i = 0;

	assert_true(node_has(node, s));
	while (node->sessions[i] != s)
		i++;
	node->sessions[i] = node->sessions[--node->sessions_len];
	node->session = node->sessions_len ? node->sessions[node->sessions_len - 1] : NULL;
	node->closed++;
	node->clean = clean;
	snprintf(node->why, sizeof(node->why), "%s", reason);
}

/* The keys are those of the number; a smaller number is a smaller node id. */
static inline void node_make(struct world *w, struct node *node, uint8_t number)
{
	*node = (struct node){.world = w};
	memset(node->id.bytes, number, sizeof(node->id.bytes));
	memset(node->secret, number, sizeof(node->secret));
	crypto_scalarmult_base(node->public, node->secret);
}

static inline void node_listen(struct node *node, const char *address)
{
	struct err_text err;

	assert_int_equal(net_listen(node->net, address, node->address, &err), 0);
}

static inline void node_start(struct world *w, struct node *node, uint8_t number)
{
	struct net_ops ops = {
		.ctx = node,
		.authorize = node_authorize,
		.opened = node_opened,
		.message = node_message,
		.flushed = node_flushed,
		.closed = node_closed,
	};
	struct net_config config;

	node_make(w, node, number);
	config = (struct net_config){
		.self = node->id,
		.transport_secret = node->secret,
		.transport_public = node->public,
		.rng = test_rng(&w->seed),
	};
	assert_int_equal(net_new(&node->net, &w->loop, &config, &ops), 0);
	node_listen(node, "127.0.0.1:0");
}

/* node accepts peer, and dials it at the address unless that is NULL. */
static inline void node_know_with(struct node *node, const struct node *peer, const char *address,
	const uint8_t psk[32])
{
	size_t i = 0;

	while (i < node->allowed_len && node->allowed[i].node != peer)
		i++;
	node->allowed[i].node = peer;
	memcpy(node->allowed[i].psk, psk, 32);
	if (i == node->allowed_len)
		node->allowed_len++;
	assert_int_equal(net_peer_set(node->net, &peer->id, peer->public, psk, &address,
				 address ? 1 : 0),
		0);
}

static inline void node_know(struct node *node, const struct node *peer, const char *address)
{
	node_know_with(node, peer, address, no_psk);
}

static inline void node_stopped(void *ctx)
{
	((struct node *)ctx)->stopped = true;
}

static inline void node_stop(struct node *node)
{
	net_stop(node->net, node_stopped, node);
	WAIT_FOR(node->world, node->stopped);
	assert_null(node->session);
	assert_int_equal(node->opened, node->closed);
	net_free(node->net);
	node->net = NULL;
}

static inline struct net_peer_info node_info(const struct node *node, const struct node *peer)
{
	struct net_peer_info info;

	assert_true(net_peer_info(node->net, &peer->id, &info));
	return info;
}

/* Two nodes, the first dials the second, and both have said HELLO. */
static inline void pair_start(struct world *w, struct node *a, struct node *b)
{
	world_start(w);
	node_start(w, a, 1);
	node_start(w, b, 2);
	node_know(b, a, NULL);
	node_know(a, b, b->address);
	WAIT_FOR(w, a->messages == 1 && b->messages == 1);
}

static inline void pair_end(struct world *w, struct node *a, struct node *b)
{
	node_stop(a);
	node_stop(b);
	world_end(w);
}

/* --- raw sockets ------------------------------------------------------------------------------ */

static inline int raw_connect(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	to.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static inline void raw_send(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

/* Bytes until want have come, the connection ends, or the time is over. *ended tells the second. */
static inline size_t raw_receive(struct world *w, int fd, uint8_t *out, size_t want, uint64_t ms,
	bool *ended)
{
	uint64_t end = now_ms() + ms;
	size_t have = 0;

	*ended = false;
	while (have < want && now_ms() < end) {
		ssize_t got = recv(fd, out + have, want - have, 0);

		if (got > 0) {
			have += (size_t)got;
			continue;
		}
		if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
			*ended = true;
			break;
		}
		world_turn(w);
	}
	return have;
}

/* Listens where only the test answers. */
static inline int raw_listen(char address[64])
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(address, 64, "127.0.0.1:%u", ntohs(at.sin_port));
	return fd;
}

static inline int raw_accept(struct world *w, int listener)
{
	int fd = -1;

	WAIT_FOR(w, (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	return fd;
}

/* --- a peer that can do the handshake and then does what it likes ----------------------------- */

struct rogue {
	int fd;
	uint8_t greeting[NET_GREETING_BYTES];
	struct noise_handshake noise;
	struct noise_cipher sending, receiving;
	uint8_t hash[NOISE_HASH_BYTES];
};

/* The greeting self would send to responder; e fills the ephemeral secret. */
static inline void rogue_greeting(struct rogue *r, const struct node *self,
	const struct node *responder, uint8_t e)
{
	uint8_t prologue[26], secret[32];
	size_t len;

	memset(secret, e, sizeof(secret));
	noise_prologue(prologue, &responder->id);
	noise_init(&r->noise, true, BYTES_OF(prologue), self->secret, self->public,
		responder->public);
	assert_int_equal(noise_write1(&r->noise, secret, BYTES_NONE, r->greeting + 18, &len), 0);
	be16_put(r->greeting + 16, NOISE_MSG1_BYTES);
	noise_mac(r->greeting, responder->public, bytes_from(r->greeting + 18, len));
}

/* Up to where message 2 has come; the keys are not confirmed yet. */
static inline void rogue_connect(struct world *w, struct rogue *r, const struct node *self,
	const struct node *responder, uint8_t e)
{
	uint8_t answer[NET_ANSWER_BYTES], payload[1];
	size_t len;
	bool ended;

	rogue_greeting(r, self, responder, e);
	r->fd = raw_connect(responder->address);
	raw_send(r->fd, r->greeting, sizeof(r->greeting));
	assert_int_equal(raw_receive(w, r->fd, answer, sizeof(answer), WAIT_MS, &ended),
		sizeof(answer));
	assert_int_equal(noise_read2(&r->noise, no_psk, bytes_from(answer + 2, NOISE_MSG2_BYTES),
				 payload, &len),
		0);
	noise_split(&r->noise, &r->sending, &r->receiving, r->hash);
}

static inline void rogue_frame(struct rogue *r, struct bytes plain)
{
	static uint8_t frame[NET_FRAME_MAX];
	int len = net_frame_seal(&r->sending, &plain, frame);

	assert_true(len > 0);
	raw_send(r->fd, frame, (size_t)len);
}

static inline void rogue_message(struct rogue *r, uint8_t type, struct bytes payload)
{
	struct bytes m = message_make(type, payload);

	rogue_frame(r, m);
	free((void *)(uintptr_t)m.data);
}
