/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the files of this folder share.
 *
 *   net.c        life of the whole, listening, making room, the tick
 *   dial.c       peers, endpoints, back-off
 *   resolve.c    names
 *   handshake.c  messages 1 and 2
 *   session.c    from a connection to an open session and to its end
 *   send.c       the queue, frames, writes
 *   frame.c replay.c endpoint.c   pure
 *
 * Ends are never reported from within a call of the user's: net_send, net_close and net_peer_remove
 * only mark and close, and closed() comes from the handle's close callback. So no call pulls a
 * session away from under its caller. The one exception is a newer session taking over: its
 * opened() comes after the older one's closed().
 */
#pragma once

#include <sys/queue.h>

#include "base/map.h"
#include "net/endpoint.h"
#include "net/frame.h"
#include "net/net.h"
#include "net/replay.h"
#include "noise/handshake.h"

#define NET_LISTENERS_MAX 8u
#define NET_BACKLOG       512
#define NET_ADDRESSES_MAX 4u /* addresses tried of one name */
#define NET_RESOLVES_MAX  4u /* look-ups at once: half of libuv's threads (entented.c) */
#define NET_SLOW_NAME_MS  2000u
#define NET_READ_BYTES    (128u * 1024u) /* one read; shared, as reads never overlap */
#define NET_WRITE_FRAMES  4u             /* frames sealed for one write */
#define NET_MUTE_BYTES    65536u         /* of a stranger's that are read and forgotten */
#define NET_UNSENT_BYTES  (128 * 1024)   /* with the kernel and not on the line yet */
#define NET_RACE_MS       5000u
#define NET_WHY_SIZE      128

/*
 * Connections taken from the backlog in one turn of the loop. With at most this many new ones
 * between two looks at the sockets, a peer whose first message is there already is read before a
 * crowd of strangers behind it can make it give way.
 */
#define NET_ACCEPTS_PER_TURN (HANDSHAKES_MAX / 2 - 1)

/* MAC, length, message 1; length, message 2. */
#define NET_GREETING_BYTES (NOISE_MAC_BYTES + NET_FRAME_PREFIX + NOISE_MSG1_BYTES)
#define NET_ANSWER_BYTES   (NET_FRAME_PREFIX + NOISE_MSG2_BYTES)

/* Milliseconds, from limits.h; tests shorten them. */
struct net_times {
	uint32_t handshake, keepalive, dead;
	uint32_t redial_first, redial_max;
	uint32_t settled;   /* a session that lasted this long resets the back-off */
	uint32_t farewell;  /* from BYE to the end, at the most */
	uint32_t race;      /* dialled within this of each other: the smaller node id's stays */
	uint32_t slow_name; /* a look-up that took this long */
	uint32_t tick;
};

/*
 *  dialled:   CONNECTING -> MESSAGE2 -+
 *                                     +-> OPEN -> FAREWELL -> GONE
 *  accepted:  MESSAGE1 -> CONFIRM ----+
 *                  \-> MUTE -> GONE
 *
 * and from every state straight to GONE, where only the handle's close callback is awaited.
 */
enum net_state {
	NET_SESSION_CONNECTING, /* TCP */
	NET_SESSION_MESSAGE2,   /* message 1 is sent */
	NET_SESSION_MESSAGE1,   /* nothing known of the other side yet */
	NET_SESSION_MUTE,       /* a stranger: what it sends is read and forgotten */
	NET_SESSION_CONFIRM,    /* message 2 is sent, the keys are not confirmed */
	NET_SESSION_OPEN,
	NET_SESSION_FAREWELL, /* BYE is queued or sent */
	NET_SESSION_GONE,
};

struct net_session {
	TAILQ_ENTRY(net_session) all;
	TAILQ_ENTRY(net_session) dirty_next;
	struct net *net;
	struct net_peer *peer; /* NULL: not known yet, or removed */
	struct node_id id;     /* of the peer, once known */
	uint32_t number;
	enum net_state state;
	bool initiator, announced, greeted, paused, clean, shutting, dirty, writing;
	bool former; /* under our former key */
	void *user;
	char why[NET_WHY_SIZE];

	uv_tcp_t tcp;
	uv_connect_t connect;
	uv_shutdown_t shutdown;
	uv_write_t write;

	struct noise_handshake noise; /* until message 2 */
	uint8_t psk[NOISE_KEY_BYTES];
	uint8_t remote[NOISE_KEY_BYTES]; /* the other side's static key */
	uint8_t hash[NOISE_HASH_BYTES];
	struct noise_cipher sending, receiving;
	uint8_t greeting[NET_GREETING_BYTES]; /* message 1 or 2 as it arrives */
	size_t greeting_len;
	size_t mute_bytes;

	struct net_gather frames, messages;

	struct buf out; /* plaintext to be sent, from out_at on */
	size_t out_at;
	bool out_used;
	uint8_t *rest; /* what the kernel did not take at once: belongs to the write request */
	size_t rest_len;
	size_t rest_plain;
	size_t flushed; /* plaintext bytes to report */
	size_t unsent;  /* libuv's queue when it was last looked at */

	uint64_t bytes_in, bytes_out;
	uint64_t started_ms, greeted_ms, opened_ms, farewell_ms;
	uint64_t sent_ms, received_ms, progress_ms;
};
TAILQ_HEAD(net_sessions, net_session);

struct net_peer {
	struct net *net;
	struct node_id id;
	uint8_t key[NOISE_KEY_BYTES];
	uint8_t psk[NOISE_KEY_BYTES];
	struct net_endpoint endpoints[CARD_ENDPOINTS_MAX];
	size_t endpoints_len;

	uv_timer_t timer; /* the next step of dialling */
	struct net_session *attempt;
	struct net_resolve *resolve;
	TAILQ_ENTRY(net_peer) asking;
	bool asks;                          /* waits in line for a look-up */
	bool slow[CARD_ENDPOINTS_MAX];      /* to look up, the last time */
	size_t endpoint_at, endpoints_left; /* of this round */
	struct sockaddr_storage addresses[NET_ADDRESSES_MAX];
	size_t addresses_len, address_at;
	uint32_t backoff;
	bool knows;      /* our key in force */
	bool try_former; /* the next attempt is under our former key */
	uint64_t penalty_until;
	uint64_t opens_ms; /* a window of a minute, */
	uint32_t opens;    /* and how many sessions were opened in it */
	struct net_peer_info info;
};

struct net_listener {
	uv_tcp_t tcp;
	struct net *net;
	bool waiting; /* a connection is there and taken in the next turn */
};

struct net {
	uv_loop_t *loop;
	struct net_config config;
	struct net_ops ops;
	struct net_times times;
	struct map peers;
	struct net_sessions sessions;
	struct net_sessions dirty; /* something to write or to report */
	struct net_listener listeners[NET_LISTENERS_MAX];
	size_t listeners_len;
	size_t accepted;                    /* in this turn */
	TAILQ_HEAD(, net_peer) asking;      /* whose names wait to be looked up, */
	LIST_HEAD(, net_resolve) resolving; /* those that are, */
	size_t resolves;                    /* and how many */
	uint32_t next_number;
	uint64_t complained_ms; /* about accept */
	struct net_stats stats;
	struct net_replay replay;

	uv_timer_t tick;
	uv_idle_t flush;
	uv_check_t turn;
	size_t live; /* handles and requests that must end before the net does */
	bool stopping;
	void (*done)(void *ctx);
	void *done_ctx;

	uint8_t read[NET_READ_BYTES];
	uint8_t seal[NET_WRITE_FRAMES * NET_FRAME_MAX];
};

/* net.c */
void net_unlive(struct net *n);

/* resolve.c */
/* The name of the peer's endpoint in turn; net_peer_resolved follows, unless it ends. */
void net_resolve(struct net_peer *p);
void net_resolve_end(struct net_peer *p);
/* The end of the net waits for none of them. */
void net_resolves_leave(struct net *n);

/* dial.c */
void net_peer_resolved(struct net_peer *p, int status, const struct addrinfo *list);
struct net_peer *net_peer_find(const struct net *n, const struct node_id *id);
/* A session with the peer is open: whatever was tried beside it ends. */
void net_peer_opened(struct net_peer *p, const struct net_session *s);
/* The open session is over. */
void net_peer_closed(struct net_peer *p, const struct net_session *s);
/* An attempt ended without a session. */
void net_peer_failed(struct net_peer *p, enum net_peer_state state, const char *why);
bool net_peer_penalised(const struct net_peer *p);
void net_peers_stop(struct net *n);

/* handshake.c */
void net_handshake_begin(struct net_session *s);
/* Takes what belongs to the handshake off the front of *input. */
void net_handshake_take(struct net_session *s, struct bytes *input);

/* session.c */
struct net_session *net_session_new(struct net *n, struct net_peer *dialled);
void net_session_tune(uv_tcp_t *tcp);
void net_session_connect(struct net_session *s, const struct sockaddr_storage *address);
void net_session_read(struct net_session *s);
void net_session_open(struct net_session *s);
void net_session_drop(struct net_session *s, const char *why);
void net_session_tick(struct net_session *s, uint64_t now);
/* The session that was announced with that peer and whose end was not. */
struct net_session *net_session_of(struct net *n, const struct node_id *peer);
bool net_session_handshaking(const struct net_session *s);
void net_session_count_in(struct net_session *s, size_t len);
void net_session_count_out(struct net_session *s, size_t len);

/* send.c */
/* Writes at once, what the kernel does not take later. No write may be under way. */
void net_write(struct net_session *s, const uint8_t *data, size_t len, size_t plain);
int net_queue(struct net_session *s, struct bytes messages) MUST_CHECK;
void net_flush_later(struct net_session *s);
void net_flush(uv_idle_t *idle);
bool net_queue_empty(const struct net_session *s);
