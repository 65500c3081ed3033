/* SPDX-License-Identifier: EUPL-1.2 */
/* The command's side of the control socket: it waits for the daemon, one call a connection. */
#include "control/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/frame.h"

#define SLICE_MS 60000u /* poll counts in an int */

struct control_call {
	int fd;
	unsigned batches_ahead; /* sent and not yet taken */
	struct buf in;
	json_t *answer;         /* as soon as it is here */
	uint64_t open_until_ms; /* as long as the call is being opened */
	uint64_t silent_every_ms;
	int (*silent)(void *ctx, uint64_t ms);
	void *silent_ctx;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Waits until something can be read or written. deadline_ms 0: for ever, or as long as the caller
 * has patience; 1: not at all. */
static int wait_for(struct control_call *c, short events, uint64_t deadline_ms)
{
	uint64_t began = now_ms(), asked = began, slice;

	slice = c->silent ? c->silent_every_ms : SLICE_MS;
	for (;;) {
		struct pollfd p = {.fd = c->fd, .events = events};
		uint64_t now = now_ms();
		uint64_t until = deadline_ms ? deadline_ms : asked + slice;
		uint64_t left = until > now ? until - now : 0;
		int rc = poll(&p, 1, left > slice ? (int)slice : (int)left);

		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return ENT_EIO;
		now = now_ms();
		if (deadline_ms && now >= deadline_ms)
			return ENT_ETIMEOUT;
		if (deadline_ms || now - asked < slice)
			continue;
		rc = c->silent ? c->silent(c->silent_ctx, now - began) : 0;
		if (rc)
			return rc;
		asked = now_ms(); /* asking may have taken a while */
	}
}

static int send_all(struct control_call *c, struct bytes data)
{
	int rc;

	while (data.len) {
		ssize_t put = send(c->fd, data.data, data.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			rc = wait_for(c, POLLOUT, c->open_until_ms);
			if (rc)
				return rc;
			continue;
		}
		if (put < 0)
			return errno == EPIPE || errno == ECONNRESET ? ENT_ECLOSED : ENT_EIO;
		data = bytes_skip(data, (size_t)put);
	}
	return 0;
}

static int send_frame(struct control_call *c, enum frame_kind kind, struct bytes payload)
{
	uint8_t head[FRAME_HEAD_BYTES];
	int rc;

	if (payload.len > CONTROL_MESSAGE_MAX)
		return ENT_ELIMIT;
	frame_head(head, kind, payload.len);
	rc = send_all(c, BYTES_OF(head));
	return rc ? rc : send_all(c, payload);
}

/* Takes what lies in the buffer already: counts batches taken, keeps the answer. */
static int take_frames(struct control_call *c)
{
	struct frame f;
	int rc;

	while (!c->answer && (rc = frame_first(buf_view(&c->in), &f)) != 0) {
		if (rc < 0)
			return rc;
		if (f.kind == FRAME_TAKEN && c->batches_ahead) {
			c->batches_ahead--;
		} else if (f.kind == FRAME_JSON) {
			c->answer = json_loadb((const char *)f.payload.data, f.payload.len,
				JSON_REJECT_DUPLICATES, NULL);
			if (!json_is_object(c->answer))
				return ENT_EINVALID;
		} else {
			return ENT_EINVALID;
		}
		buf_consume(&c->in, FRAME_HEAD_BYTES + f.payload.len);
	}
	return 0;
}

/* One read and what it brought. */
static int receive(struct control_call *c, uint64_t deadline_ms)
{
	uint8_t chunk[65536];
	ssize_t got;
	int rc = wait_for(c, POLLIN, deadline_ms);

	if (rc)
		return rc;
	do {
		got = read(c->fd, chunk, sizeof(chunk));
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got <= 0)
		return got == 0 || errno == ECONNRESET ? ENT_ECLOSED : ENT_EIO;
	buf_append(&c->in, chunk, (size_t)got);
	return buf_failed(&c->in) ? ENT_ELIMIT : take_frames(c);
}

/* A daemon that does not want to hear more has said why before it closed. */
static int sending_failed(struct control_call *c, int code)
{
	while (!c->answer)
		if (receive(c, now_ms() + 1000))
			return code;
	return ENT_ESTATE;
}

/* A daemon that accepts nobody leaves the line in front of its door full: then a socket that waits
 * would wait for ever. */
static int call_connect(struct control_call *c, const struct sockaddr_un *address, const char *path,
	struct err_text *err)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	int rc;

	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return err_set(err, ENT_EIO, "cannot make a socket: %s", strerror(errno));
	while (connect(c->fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN && now_ms() < c->open_until_ms) {
			nanosleep(&pause, NULL);
			continue;
		}
		rc = errno == EAGAIN                            ? ENT_ETIMEOUT
		     : errno == ENOENT || errno == ECONNREFUSED ? ENT_ECLOSED
								: ENT_EIO;
		return err_set(err, rc, "%s: no daemon answers: %s", path,
			rc == ENT_ETIMEOUT ? err_sentence(rc) : strerror(errno));
	}
	return 0;
}

int control_call_open(struct control_call **out, const char *path, json_t *request,
	struct err_text *err)
{
	struct control_call *c = calloc(1, sizeof(*c));
	char *text = json_dumps(request, JSON_COMPACT);
	struct sockaddr_un address;
	int rc = ENT_ENOMEM;

	json_decref(request);
	if (!c || !text) {
		err_set(err, rc, "%s", err_sentence(rc));
		goto out;
	}
	c->in = buf_with_max(FRAME_HEAD_BYTES + CONTROL_MESSAGE_MAX + 65536);
	c->fd = -1;
	c->open_until_ms = now_ms() + CONTROL_OPEN_MS;
	rc = frame_address(&address, path, err);
	if (rc)
		goto out;
	rc = call_connect(c, &address, path, err);
	if (rc)
		goto out;
	rc = send_frame(c, FRAME_JSON, bytes_str(text));
	/* A daemon that refused without reading has still answered. */
	if (rc == ENT_ECLOSED && sending_failed(c, rc) == ENT_ESTATE)
		rc = 0;
	if (rc)
		err_set(err, rc, "%s: cannot ask the daemon: %s", path, err_sentence(rc));
	c->open_until_ms = 0;
out:
	free(text);
	if (rc) {
		control_call_close(c);
		c = NULL;
	}
	*out = c;
	return rc;
}

void control_call_patience(struct control_call *c, uint64_t every_ms,
	int (*silent)(void *ctx, uint64_t ms), void *ctx)
{
	c->silent_every_ms = every_ms;
	c->silent = silent;
	c->silent_ctx = ctx;
}

int control_call_batch(struct control_call *c, struct bytes claims)
{
	bool waits = false;
	int rc = 0;

	/* What is there already is looked at without waiting, so an early refusal is seen soon. */
	while (!rc && !c->answer) {
		waits = c->batches_ahead >= CONTROL_BATCHES_AHEAD;
		rc = receive(c, waits ? 0 : 1);
	}
	if (c->answer)
		return ENT_ESTATE;
	if (rc != ENT_ETIMEOUT || waits)
		return rc;
	rc = send_frame(c, FRAME_BATCH, claims);
	if (rc)
		return sending_failed(c, rc);
	c->batches_ahead++;
	return 0;
}

int control_call_end(struct control_call *c)
{
	int rc;

	if (c->answer)
		return ENT_ESTATE;
	rc = send_frame(c, FRAME_END, BYTES_NONE);
	return rc ? sending_failed(c, rc) : 0;
}

int control_call_answer(struct control_call *c, json_t **answer, uint64_t timeout_ms)
{
	uint64_t deadline_ms = timeout_ms ? now_ms() + timeout_ms : 0;
	int rc = 0;

	*answer = NULL;
	while (!c->answer && !rc)
		rc = receive(c, deadline_ms);
	if (!c->answer)
		return rc;
	*answer = c->answer;
	c->answer = NULL;
	return 0;
}

void control_call_close(struct control_call *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	json_decref(c->answer);
	buf_free(&c->in);
	free(c);
}
