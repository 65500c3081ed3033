/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sending. Messages wait as plaintext; frames are formed when the kernel takes them, so that many
 * small messages of one turn of the loop share a frame and full queues make full frames. A frame is
 * sealed into a buffer of the net's and written at once; only what the kernel does not take is
 * copied, and then nothing more is sealed until that is gone. So a session that is not read holds
 * its plaintext queue and at most one copy of NET_WRITE_FRAMES frames.
 */
#include "net/impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t queue_len(const struct net_session *s)
{
	return s->out.len - s->out_at;
}

bool net_queue_empty(const struct net_session *s)
{
	return queue_len(s) == 0 && !s->writing;
}

size_t net_queued(const struct net_session *s)
{
	return queue_len(s) + s->rest_plain;
}

int net_queue(struct net_session *s, struct bytes messages)
{
	/* Moving the rest forward when it is the smaller half costs each byte one move at the
	 * most. */
	if (s->out_at > 0 && queue_len(s) <= s->out_at) {
		buf_consume(&s->out, s->out_at);
		s->out_at = 0;
	}
	/* Twice the limit, as up to half of the buffer may be sent already; and room for PING
	 * and BYE. */
	s->out.max = 2 * SESSION_QUEUE_MAX + 4096;
	s->out_used = true;
	buf_bytes(&s->out, messages);
	if (!buf_failed(&s->out))
		return 0;
	net_session_drop(s, "out of memory");
	return ENT_ENOMEM;
}

void net_flush_later(struct net_session *s)
{
	struct net *n = s->net;

	if (s->dirty || s->state == NET_SESSION_GONE)
		return;
	s->dirty = true;
	TAILQ_INSERT_TAIL(&n->dirty, s, dirty_next);
	/* An idle handle also keeps the loop from sleeping, whatever phase it is in now. */
	uv_idle_start(&n->flush, net_flush);
}

static void on_written(uv_write_t *request, int status)
{
	struct net_session *s = request->data;

	s->writing = false;
	free(s->rest);
	s->rest = NULL;
	if (s->state == NET_SESSION_GONE)
		return;
	if (status < 0) {
		net_session_drop(s, uv_strerror(status));
		return;
	}
	net_session_count_out(s, s->rest_len);
	s->flushed += s->rest_plain;
	s->rest_plain = 0;
	s->progress_ms = uv_now(s->net->loop);
	net_flush_later(s);
}

/* plain: how many bytes of messages the data stand for. */
void net_write(struct net_session *s, const uint8_t *data, size_t len, size_t plain)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
	uv_stream_t *stream = (uv_stream_t *)&s->tcp;
	int rc;

	assert(!s->writing);
	rc = uv_try_write(stream, &buf, 1);
	if (rc < 0 && rc != UV_EAGAIN) {
		net_session_drop(s, uv_strerror(rc));
		return;
	}
	s->sent_ms = s->progress_ms = uv_now(s->net->loop);
	if (rc > 0) {
		net_session_count_out(s, (size_t)rc);
		data += rc;
		len -= (size_t)rc;
	}
	if (len == 0) {
		s->flushed += plain;
		return;
	}
	s->rest = malloc(len);
	if (!s->rest) {
		net_session_drop(s, "out of memory");
		return;
	}
	memcpy(s->rest, data, len);
	s->rest_len = len;
	s->rest_plain = plain;
	s->unsent = 0;
	s->write.data = s;
	buf = uv_buf_init((char *)s->rest, (unsigned)len);
	rc = uv_write(&s->write, stream, &buf, 1, on_written);
	if (rc != 0) {
		free(s->rest);
		s->rest = NULL;
		net_session_drop(s, uv_strerror(rc));
		return;
	}
	s->writing = true;
}

/* Seals and writes as long as the kernel takes it and at least so many bytes are queued. */
static void send_frames(struct net_session *s, size_t least)
{
	struct net *n = s->net;

	while (!s->writing && s->state != NET_SESSION_GONE && queue_len(s) >= least) {
		struct bytes plain = bytes_from(s->out.data + s->out_at, queue_len(s));
		size_t before = plain.len, len = 0;

		for (unsigned i = 0; i < NET_WRITE_FRAMES && plain.len >= least; i++) {
			int rc = net_frame_seal(&s->sending, &plain, n->seal + len);

			if (rc < 0) {
				net_session_drop(s, err_sentence(rc));
				return;
			}
			len += (size_t)rc;
		}
		s->out_at = s->out.len - plain.len;
		if (plain.len == 0) {
			buf_reset(&s->out);
			s->out_at = 0;
		}
		net_write(s, n->seal, len, before - plain.len);
	}
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
	(void)request, (void)status; /* the other side's end, or the tick, closes */
}

static void flush_one(struct net_session *s)
{
	size_t flushed;

	if (s->state == NET_SESSION_OPEN || s->state == NET_SESSION_FAREWELL)
		send_frames(s, 1);
	flushed = s->flushed;
	s->flushed = 0;
	if (flushed && s->state == NET_SESSION_OPEN)
		s->net->ops.flushed(s->net->ops.ctx, s, flushed);
	if (s->state != NET_SESSION_FAREWELL || s->shutting || !net_queue_empty(s))
		return;
	/* BYE is with the kernel. Closing now could make it throw BYE away when the peer's bytes
	 * are still unread here, so only our half is closed, and the peer's end is awaited. */
	s->clean = true;
	s->shutting = true;
	if (uv_shutdown(&s->shutdown, (uv_stream_t *)&s->tcp, on_shutdown) != 0)
		net_session_drop(s, "");
}

void net_send_now(struct net *n)
{
	struct net_sessions now = TAILQ_HEAD_INITIALIZER(now);
	struct net_session *s;

	/* What gets dirty meanwhile has its turn in the next round. No session is freed in here. */
	TAILQ_CONCAT(&now, &n->dirty, dirty_next);
	while ((s = TAILQ_FIRST(&now))) {
		TAILQ_REMOVE(&now, s, dirty_next);
		s->dirty = false;
		flush_one(s);
	}
}

/* Runs before the loop looks at the sockets again. */
void net_flush(uv_idle_t *idle)
{
	struct net *n = idle->data;

	net_send_now(n);
	if (TAILQ_EMPTY(&n->dirty))
		uv_idle_stop(idle);
}

int net_send(struct net_session *s, struct bytes messages)
{
	int rc;

	if (s->state != NET_SESSION_OPEN)
		return ENT_ECLOSED;
	if (net_queued(s) + messages.len > SESSION_QUEUE_MAX) {
		net_session_drop(s, "the peer reads too slowly");
		return ENT_ELIMIT;
	}
	rc = net_queue(s, messages);
	if (rc != 0)
		return rc;
	/* Full frames need not wait; the last, short one goes when the turn of the loop is over. */
	if (queue_len(s) >= NOISE_PLAIN_MAX)
		send_frames(s, NOISE_PLAIN_MAX);
	net_flush_later(s);
	return 0;
}
