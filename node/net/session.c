/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A session from its connection to its end: reading, opening, which of two stays, keepalive,
 * farewell.
 */
#include "net/impl.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define NO_ANSWER "no answer to the handshake: the peer does not accept us, or a wrong key"

/* --- beginning -------------------------------------------------------------------------------- */

/* dialled: the peer that is called, NULL for an accepted connection. NULL when out of memory. */
struct net_session *net_session_new(struct net *n, struct net_peer *dialled)
{
	struct net_session *s = calloc(1, sizeof(*s));
	uint64_t now = uv_now(n->loop);

	if (!s)
		return NULL;
	if (uv_tcp_init(n->loop, &s->tcp) != 0) {
		free(s);
		return NULL;
	}
	s->tcp.data = s;
	s->net = n;
	s->number = n->next_number++;
	s->initiator = dialled != NULL;
	s->state = dialled ? NET_SESSION_CONNECTING : NET_SESSION_MESSAGE1;
	s->started_ms = s->greeted_ms = s->sent_ms = s->received_ms = s->progress_ms = now;
	if (dialled) {
		s->peer = dialled;
		s->id = dialled->id;
		dialled->attempt = s;
	}
	TAILQ_INSERT_TAIL(&n->sessions, s, all);
	n->live++;
	return s;
}

/*
 * What the kernel has taken cannot be called back when an agreement ends, and makes a retraction
 * wait: so it takes little beyond what the line carries.
 */
void net_session_tune(uv_tcp_t *tcp)
{
	int lowat = NET_UNSENT_BYTES, fd;

	uv_tcp_nodelay(tcp, 1);
	/* Where the kernel has no such option its whole buffer fills. */
	if (uv_fileno((uv_handle_t *)tcp, &fd) == 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
}

static void on_connected(uv_connect_t *request, int status)
{
	struct net_session *s = request->handle->data;

	if (s->state != NET_SESSION_CONNECTING)
		return;
	if (status != 0) {
		net_session_drop(s, uv_strerror(status));
		return;
	}
	net_session_tune(&s->tcp);
	net_session_read(s);
	net_handshake_begin(s);
}

void net_session_connect(struct net_session *s, const struct sockaddr_storage *address)
{
	int rc = uv_tcp_connect(&s->connect, &s->tcp, (const struct sockaddr *)address,
		on_connected);

	if (rc != 0)
		net_session_drop(s, uv_strerror(rc));
}

bool net_session_handshaking(const struct net_session *s)
{
	return s->state < NET_SESSION_OPEN;
}

struct net_session *net_session_of(struct net *n, const struct node_id *peer)
{
	struct net_session *s;

	TAILQ_FOREACH(s, &n->sessions, all)
	if (s->announced && node_id_eq(&s->id, peer))
		return s;
	return NULL;
}

/* --- end -------------------------------------------------------------------------------------- */

static void tell_closed(struct net_session *s)
{
	s->announced = false;
	log_debug("net", "session closed number=%u clean=%d why=\"%s\"", s->number, s->clean,
		s->why);
	s->net->ops.closed(s->net->ops.ctx, s, s->clean, s->why);
}

static void on_closed(uv_handle_t *handle)
{
	struct net_session *s = handle->data;
	struct net *n = s->net;
	struct net_peer *peer;

	if (s->announced) {
		tell_closed(s);
		/* Looked up anew: it may have been removed and set again meanwhile. */
		peer = net_peer_find(n, &s->id);
		if (peer)
			net_peer_closed(peer, s);
	}
	TAILQ_REMOVE(&n->sessions, s, all);
	if (s->dirty)
		TAILQ_REMOVE(&n->dirty, s, dirty_next);
	net_gather_free(&s->frames);
	net_gather_free(&s->messages);
	buf_free(&s->out);
	assert(!s->rest); /* libuv ends the write request before the handle */
	sodium_memzero(s, sizeof(*s));
	free(s);
	net_unlive(n);
}

/* The first reason stays: what follows from a farewell is not news. */
static void set_why(struct net_session *s, const char *why)
{
	if (!s->why[0])
		snprintf(s->why, sizeof(s->why), "%s", why);
}

/* Ends the connection at once. closed() follows from the loop, if opened() was called. */
void net_session_drop(struct net_session *s, const char *why)
{
	enum net_state was = s->state;

	if (was == NET_SESSION_GONE)
		return;
	set_why(s, why);
	s->state = NET_SESSION_GONE;
	if (was == NET_SESSION_MESSAGE1 || was == NET_SESSION_MUTE)
		s->net->stats.strangers++;
	uv_close((uv_handle_t *)&s->tcp, on_closed);
	if (s->peer && s->peer->attempt == s) {
		s->peer->attempt = NULL;
		net_peer_failed(s->peer, was == NET_SESSION_MESSAGE2 ? NET_REFUSED : NET_DOWN,
			s->why);
	}
}

void net_drop(struct net_session *s, const char *why)
{
	net_session_drop(s, why);
}

/* BYE behind what is queued; then only the peer's end, or the clock, is awaited. */
static void farewell(struct net_session *s, enum wire_bye_reason reason, const char *why)
{
	struct wire_message m = {.type = WIRE_BYE, .bye.reason = reason};
	struct buf bye = buf_with_max(64);

	set_why(s, why);
	s->state = NET_SESSION_FAREWELL;
	s->farewell_ms = uv_now(s->net->loop);
	if (s->paused)
		net_pause(s, false);
	if (wire_encode(&bye, &m) != 0)
		net_session_drop(s, "out of memory");
	else if (net_queue(s, buf_view(&bye)) == 0)
		net_flush_later(s);
	buf_free(&bye);
}

void net_close(struct net_session *s, enum wire_bye_reason reason, const char *why)
{
	if (s->state == NET_SESSION_OPEN)
		farewell(s, reason, why);
}

/* --- opening ---------------------------------------------------------------------------------- */

/*
 * Whether the session that has just been confirmed must give way to the one that is open. Only
 * where both sides have dialled at about the same time: then the smaller node id's stays. The
 * moments compared are those of message 1, which both ends know but for the time it travelled.
 * Should they come to different verdicts all the same, both sessions end, and the jitter of
 * redialling decides.
 */
static bool gives_way(const struct net_session *s, const struct net_session *open)
{
	const struct node_id *self = &s->net->config.self;
	uint64_t apart = s->greeted_ms > open->greeted_ms ? s->greeted_ms - open->greeted_ms
							  : open->greeted_ms - s->greeted_ms;
	bool self_smaller = node_id_cmp(self, &s->id) < 0;

	if (open->state != NET_SESSION_OPEN || s->initiator == open->initiator ||
		apart >= s->net->times.race)
		return false;
	return s->initiator != self_smaller;
}

static void ping(struct net_session *s)
{
	static const uint8_t message[WIRE_PREFIX_BYTES] = {0, 0, 0, 0, WIRE_PING};

	if (net_queue(s, BYTES_OF(message)) == 0)
		net_flush_later(s);
}

/* The keys are confirmed: for the initiator by message 2, for the responder by the first frame. */
void net_session_open(struct net_session *s)
{
	struct net *n = s->net;
	struct net_session *old = net_session_of(n, &s->id);

	s->state = NET_SESSION_OPEN;
	s->opened_ms = s->received_ms = uv_now(n->loop);
	if (s->peer->attempt == s)
		s->peer->attempt = NULL;
	if (old && gives_way(s, old)) {
		farewell(s, BYE_REPLACED, "both sides dialled, the other session stays");
		return;
	}
	if (old) {
		net_close(old, BYE_REPLACED, "a newer session takes over");
		tell_closed(old);
	}
	s->announced = true;
	log_debug("net", "session opened number=%u initiator=%d", s->number, s->initiator);
	net_peer_opened(s->peer, s);
	n->ops.opened(n->ops.ctx, s);
	/* The responder opens on our first frame, so there must be one. */
	if (s->initiator && s->state == NET_SESSION_OPEN && net_queue_empty(s))
		ping(s);
}

/* --- reading ---------------------------------------------------------------------------------- */

static const char *bye_text(uint32_t reason)
{
	switch (reason) {
	case BYE_STOPPING:
		return "farewell: the peer stops";
	case BYE_REPLACED:
		return "farewell: another session takes over";
	case BYE_ENDED:
		return "farewell: the peer sees no agreement in force";
	case BYE_MISBEHAVED:
		return "farewell: the peer says that this node broke the protocol";
	case BYE_VERSION:
		return "farewell: the peer does not speak this version of the protocol";
	default:
		return "farewell";
	}
}

static void bye_take(struct net_session *s, struct bytes payload)
{
	struct wire_message m;
	struct arena arena = {0};
	int rc = wire_decode(WIRE_BYE, payload, &arena, &m);

	s->clean = rc == 0;
	net_session_drop(s, rc == 0 ? bye_text(m.bye.reason) : "a malformed farewell");
	arena_free(&arena);
}

static void message_take(struct net_session *s, uint8_t type, struct bytes payload)
{
	if (type == WIRE_PING)
		return;
	if (type == WIRE_BYE) {
		bye_take(s, payload);
		return;
	}
	if (!s->greeted && type != WIRE_HELLO) {
		net_close(s, BYE_MISBEHAVED, "the first message is not HELLO");
		return;
	}
	s->greeted = true;
	s->net->ops.message(s->net->ops.ctx, s, type, payload);
}

static void frame_take(struct net_session *s, uint8_t *message, size_t len)
{
	struct bytes plain = bytes_from(message, len - NOISE_TAG_BYTES);
	struct bytes payload;
	uint8_t type;
	int rc;

	if (noise_open(&s->receiving, bytes_from(message, len), message) != 0) {
		net_session_drop(s, "a frame does not authenticate");
		return;
	}
	s->received_ms = uv_now(s->net->loop);
	if (s->state == NET_SESSION_CONFIRM)
		net_session_open(s);
	while (s->state == NET_SESSION_OPEN) {
		rc = net_message_next(&s->messages, &plain, &type, &payload);
		if (rc == 0)
			return;
		if (rc == 1)
			message_take(s, type, payload);
		else if (rc == ENT_ELIMIT)
			net_close(s, BYE_MISBEHAVED, "a message beyond the limit");
		else
			net_session_drop(s, err_sentence(rc));
	}
}

static void frames_take(struct net_session *s, struct bytes *input)
{
	uint8_t *message;
	size_t len;
	int rc = net_frame_next(&s->frames, input, &message, &len);

	if (rc == 1)
		frame_take(s, message, len);
	else if (rc < 0)
		net_session_drop(s,
			rc == ENT_EINVALID ? "a frame of impossible length" : err_sentence(rc));
}

static void received(struct net_session *s, struct bytes input)
{
	while (input.len > 0) {
		switch (s->state) {
		case NET_SESSION_MESSAGE1:
		case NET_SESSION_MESSAGE2:
		case NET_SESSION_MUTE:
			net_handshake_take(s, &input);
			break;
		case NET_SESSION_CONFIRM:
		case NET_SESSION_OPEN:
			frames_take(s, &input);
			break;
		default:
			return; /* after a farewell nothing counts any more */
		}
	}
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct net_session *s = stream->data;

	if (s->state == NET_SESSION_GONE || len == 0)
		return;
	if (len > 0) {
		net_session_count_in(s, (size_t)len);
		received(s, bytes_from(buf->base, (size_t)len));
		return;
	}
	if (s->state == NET_SESSION_MESSAGE2)
		net_session_drop(s, NO_ANSWER);
	else
		net_session_drop(s, len == UV_EOF ? "the connection ended without a farewell"
						  : uv_strerror((int)len));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct net_session *s = handle->data;

	(void)suggested;
	*buf = uv_buf_init((char *)s->net->read, sizeof(s->net->read));
}

void net_session_read(struct net_session *s)
{
	int rc = uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read);

	if (rc != 0)
		net_session_drop(s, uv_strerror(rc));
}

void net_pause(struct net_session *s, bool paused)
{
	if (s->state == NET_SESSION_GONE || s->paused == paused)
		return;
	s->paused = paused;
	s->received_ms = uv_now(s->net->loop);
	if (paused)
		uv_read_stop((uv_stream_t *)&s->tcp);
	else
		net_session_read(s);
}

/* --- time ------------------------------------------------------------------------------------- */

static void tick_open(struct net_session *s, uint64_t now)
{
	const struct net_times *t = &s->net->times;
	size_t unsent = uv_stream_get_write_queue_size((uv_stream_t *)&s->tcp);

	if (!s->writing || unsent != s->unsent)
		s->progress_ms = now;
	s->unsent = unsent;
	if (now - s->progress_ms >= t->dead) {
		net_session_drop(s, "the peer does not read");
		return;
	}
	/* While we do not read ourselves, silence is our own doing. */
	if (!s->paused && now - s->received_ms >= t->dead) {
		net_session_drop(s, "no sign of life from the peer");
		return;
	}
	if (now - s->sent_ms >= t->keepalive && net_queue_empty(s))
		ping(s);
	net_gather_trim(&s->frames);
	net_gather_trim(&s->messages);
	if (!s->out_used && s->out.len == 0)
		buf_free(&s->out);
	s->out_used = false;
}

void net_session_tick(struct net_session *s, uint64_t now)
{
	const struct net_times *t = &s->net->times;

	switch (s->state) {
	case NET_SESSION_OPEN:
		tick_open(s, now);
		return;
	case NET_SESSION_FAREWELL:
		if (now - s->farewell_ms >= t->farewell)
			net_session_drop(s, "");
		return;
	case NET_SESSION_GONE:
		return;
	default:
		if (now - s->started_ms < t->handshake)
			return;
		net_session_drop(s, s->state == NET_SESSION_MESSAGE2 ? NO_ANSWER : "timed out");
	}
}

/* --- what is known of it ---------------------------------------------------------------------- */

void net_session_count_in(struct net_session *s, size_t len)
{
	s->bytes_in += len;
	s->net->stats.bytes_in += len;
	if (s->peer)
		s->peer->info.bytes_in += len;
}

void net_session_count_out(struct net_session *s, size_t len)
{
	s->bytes_out += len;
	s->net->stats.bytes_out += len;
	if (s->peer)
		s->peer->info.bytes_out += len;
}

const struct node_id *net_session_peer(const struct net_session *s)
{
	return &s->id;
}

const uint8_t *net_session_hash(const struct net_session *s)
{
	return s->hash;
}

bool net_session_initiator(const struct net_session *s)
{
	return s->initiator;
}

bool net_session_former(const struct net_session *s)
{
	return s->former;
}

const uint8_t *net_session_remote(const struct net_session *s)
{
	return s->remote;
}

uint32_t net_session_id(const struct net_session *s)
{
	return s->number;
}

void net_session_attach(struct net_session *s, void *user)
{
	s->user = user;
}

void *net_session_user(const struct net_session *s)
{
	return s->user;
}
