/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sessions over TCP with libuv (PROTOCOL.md, "Sessions"): listen, dial, handshake, framing,
 * keepalive, rekey, farewell, bounded queues. Runs on the loop thread. Knows nothing of what the
 * messages mean, save HELLO's place (first), PING and BYE.
 *
 *   listening/dialling -> handshaking -> open -> closing -> gone
 *
 * A stranger gets silence: whatever arrives that does not authenticate as an allowed peer is read
 * until HANDSHAKE_MS or a bound is over and the connection is closed without a byte. First messages
 * are remembered, so a replay gets the same (net/replay.h says what the memory cannot do).
 *
 * There is at most one open session with a peer. The user sees closed() of the older one before
 * opened() of the one that takes over; closed() never comes from within net_send, net_close,
 * net_peer_set, net_peer_remove or net_peer_penalty.
 */
#pragma once

#include <uv.h>

#include "base/env.h"
#include "base/name.h"
#include "proto/codec.h"
#include "proto/limits.h"

struct net;
struct net_session;

struct net_ops {
	void *ctx;
	/*
	 * The responder's question about an initiator's static key: may it connect, who is it, and
	 * with which pre-shared key (32 zero bytes for none). False: silence. A peer that was not
	 * set with net_peer_set gets silence too.
	 */
	bool (*authorize)(void *ctx, const uint8_t transport_key[32], struct node_id *peer,
		uint8_t psk[32]);
	/* Keys are confirmed by both; hash is the handshake hash. user data may be attached. */
	void (*opened)(void *ctx, struct net_session *s);
	/* A whole message other than PING and BYE, the first one a HELLO. The payload dies with
	 * the call. */
	void (*message)(void *ctx, struct net_session *s, uint8_t type, struct bytes payload);
	/* Bytes of messages handed to the kernel, so the sender may go on. Never from within
	 * net_send. */
	void (*flushed)(void *ctx, struct net_session *s, size_t bytes);
	/* The session is over; s is freed after the call. clean: a farewell was seen. */
	void (*closed)(void *ctx, struct net_session *s, bool clean, const char *reason);
};

struct net_config {
	struct node_id self;
	const uint8_t *transport_secret; /* 32 bytes, guarded, borrowed for the lifetime */
	const uint8_t *transport_public;
	/* The key pair before, which peers may still expect; NULL: none. Borrowed until
	 * net_former_drop. */
	const uint8_t *former_secret;
	const uint8_t *former_public;
	struct env_rng rng;
};

struct net_stats { /* at the sockets, TCP payload bytes */
	uint64_t bytes_in, bytes_out;
	uint64_t strangers; /* connections that never authenticated */
};

int net_new(struct net **n, uv_loop_t *loop, const struct net_config *config,
	const struct net_ops *ops) MUST_CHECK;
/* Says farewell to all, closes everything; done is called when every handle is gone (then
 * net_free). Look-ups of names that run may still do so on the loop: none can be ended. */
void net_stop(struct net *n, void (*done)(void *ctx), void *ctx);
void net_free(struct net *n);

/* Up to 8 addresses. address "host:port" or "[v6]:port"; port 0 picks one; bound gets the actual
 * address. */
int net_listen(struct net *n, const char *address, char bound[64], struct err_text *err) MUST_CHECK;

/*
 * Whom to dial: kept up with back-off and jitter until removed. endpoints (CARD_ENDPOINTS_MAX at
 * the most) are tried in turn. With no endpoints the peer is only waited for. Setting again
 * updates: what has changed counts from the next handshake on. Removing closes the session with
 * BYE_ENDED. ENT_EINVALID for an endpoint that is not host:port, ENT_ELIMIT beyond SESSIONS_MAX
 * peers.
 */
int net_peer_set(struct net *n, const struct node_id *peer, const uint8_t transport_key[32],
	const uint8_t psk[32], const char *const *endpoints, size_t endpoints_len) MUST_CHECK;
void net_peer_remove(struct net *n, const struct node_id *peer);
/*
 * Our former key: the responder answers to either key. A peer is dialled with the former one, or,
 * once it was told of the new one, with that; one that refuses the one key is tried with the other.
 * sure, or after a session under the new key: with nothing but that.
 */
void net_peer_knows(struct net *n, const struct node_id *peer, bool sure);
/* Nobody is dialled with the former key or answered under it any more. */
void net_former_drop(struct net *n);
/* After misbehaviour: no dialling and no answering for that long. An open session goes on until
 * closed. */
void net_peer_penalty(struct net *n, const struct node_id *peer, uint64_t ms);

/* CONNECTING is the first try; after a failure the state says what was wrong while trying goes on.
 * REFUSED: somebody is there and does not complete the handshake. */
enum net_peer_state { NET_DOWN, NET_CONNECTING, NET_CONNECTED, NET_REFUSED };
struct net_peer_info {
	enum net_peer_state state;
	uint64_t since_ms; /* wall clock of the last change of state */
	char last_error[128];
	uint64_t bytes_in, bytes_out; /* over all sessions since start, at the sockets */
};
bool net_peer_info(const struct net *n, const struct node_id *peer, struct net_peer_info *info);

/* Queues encoded messages (wire_encode), in order; they are copied. ENT_ELIMIT when
 * SESSION_QUEUE_MAX would be passed: the session is then closed as a slow reader. ENT_ECLOSED
 * after a farewell or a failure. What is queued in one turn of the loop shares frames and is
 * written at the end of the turn, full frames at once. */
int net_send(struct net_session *s, struct bytes messages) MUST_CHECK;
/* Writes at once what is queued in this turn: what peers wait for goes before other work. Not from
 * within a callback of net_ops. */
void net_send_now(struct net *n);
size_t net_queued(const struct net_session *s); /* bytes of messages not with the kernel yet */
/* Back-pressure: stops reading from the socket, so that the peer's writes stall. What has been
 * read already (up to 128 KiB) still arrives. A pause beyond DEAD_MS makes the peer give up. */
void net_pause(struct net_session *s, bool paused);
/* Sends BYE with the reason, flushes what is queued (two seconds at the most), closes. No
 * message arrives any more; closed() follows, clean if BYE got out. Without effect on a session
 * that is ending. */
void net_close(struct net_session *s, enum wire_bye_reason reason, const char *why);
/* Closes at once, without a farewell: of what is queued not a byte follows. */
void net_drop(struct net_session *s, const char *why);

const struct node_id *net_session_peer(const struct net_session *s);
const uint8_t *net_session_hash(const struct net_session *s); /* 64 bytes */
bool net_session_initiator(const struct net_session *s);
bool net_session_former(const struct net_session *s); /* under our former key */
/* The other side's static key. */
const uint8_t *net_session_remote(const struct net_session *s);
uint32_t net_session_id(const struct net_session *s); /* unique in this net */
void net_session_attach(struct net_session *s, void *user);
void *net_session_user(const struct net_session *s);
void net_stats(const struct net *n, struct net_stats *stats);
