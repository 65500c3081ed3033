/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The daemon's side of the control socket.
 *
 *   reading -> (request) -> waiting -> (control_answer) -> answering -> closing -> freed
 *
 * A client leaves any state for closing when it goes away or breaks the rules. Every callback into
 * the daemon may answer at once, so the state is looked at again after each.
 */
#include "control/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "control/frame.h"

#define READ_BYTES   65536
#define STATUS_NODE  4 /* exit statuses of CLI.md that this side gives by itself */
#define STATUS_INPUT 6

enum client_state { CLIENT_READING, CLIENT_WAITING, CLIENT_ANSWERING, CLIENT_CLOSING };

struct control_client {
	uv_pipe_t pipe; /* data: the client */
	struct control *control;
	enum client_state state;
	bool takes_batches;
	unsigned batches_ahead; /* handed over and not yet taken */
	struct buf in;
	uint8_t *in_place; /* in `in`: what is being read goes there; or NULL */
	void *user;
};

struct control {
	uv_loop_t *loop;
	uv_pipe_t listener; /* data: the control */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct control_ops ops;
	struct control_client *clients[CONTROL_CLIENTS_MAX];
	size_t clients_len;
	size_t handles; /* listener and clients that are not closed yet */
	bool stopping;
	void (*done)(void *ctx);
	void *done_ctx;
	uint8_t read[READ_BYTES];
};

struct answer_write {
	uv_write_t req;
	struct control_client *client;
	struct buf frame;
};

static void handle_closed(struct control *c)
{
	c->handles--;
	if (c->stopping && c->handles == 0)
		c->done(c->done_ctx);
}

static void client_closed(uv_handle_t *handle)
{
	struct control_client *client = handle->data;
	struct control *c = client->control;

	for (size_t i = 0; i < c->clients_len; i++) {
		if (c->clients[i] == client) {
			c->clients[i] = c->clients[--c->clients_len];
			break;
		}
	}
	buf_free(&client->in);
	free(client);
	handle_closed(c);
}

/* Whoever waits for this client's request is told that it is in vain. */
static void client_close(struct control_client *client)
{
	enum client_state former = client->state;

	if (former == CLIENT_CLOSING)
		return;
	client->state = CLIENT_CLOSING;
	if (former == CLIENT_WAITING)
		client->control->ops.gone(client->control->ops.ctx, client);
	uv_close((uv_handle_t *)&client->pipe, client_closed);
}

static void answer_written(uv_write_t *req, int status)
{
	struct answer_write *w = req->data;

	(void)status;
	client_close(w->client);
	buf_free(&w->frame);
	free(w);
}

/* The frame of a document; empty when it does not fit into one. */
static void frame_json(struct buf *frame, const json_t *document)
{
	uint8_t head[FRAME_HEAD_BYTES] = {0};
	char *text = json_dumps(document, JSON_COMPACT);

	*frame = buf_with_max(FRAME_HEAD_BYTES + CONTROL_MESSAGE_MAX);
	buf_append(frame, head, sizeof(head));
	if (text)
		buf_str(frame, text);
	if (!text || buf_failed(frame))
		buf_free(frame);
	else
		frame_head(frame->data, FRAME_JSON, frame->len - FRAME_HEAD_BYTES);
	free(text);
}

static json_t *failure(int status, const char *text)
{
	return json_pack("{s:b, s:i, s:s}", "ok", 0, "status", status, "error", text);
}

void control_answer(struct control_client *client, json_t *answer)
{
	struct answer_write *w;
	uv_buf_t out;

	if (client->state >= CLIENT_ANSWERING) {
		json_decref(answer);
		return;
	}
	client->state = CLIENT_ANSWERING;
	uv_read_stop((uv_stream_t *)&client->pipe);
	w = calloc(1, sizeof(*w));
	if (w)
		frame_json(&w->frame, answer);
	json_decref(answer);
	if (w && !w->frame.len) {
		answer = failure(STATUS_NODE, "the answer is longer than a message may be");
		frame_json(&w->frame, answer);
		json_decref(answer);
	}
	if (!w || !w->frame.len) {
		free(w);
		client_close(client);
		return;
	}
	w->client = client;
	w->req.data = w;
	out = uv_buf_init((char *)w->frame.data, (unsigned)w->frame.len);
	if (uv_write(&w->req, (uv_stream_t *)&client->pipe, &out, 1, answer_written) != 0)
		answer_written(&w->req, 0);
}

void control_fail(struct control_client *client, int status, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* What is no UTF-8 cannot be said in JSON: the command would be told something else. */
	if (len >= (int)sizeof(text))
		text[text_utf8_uncut(bytes_str(text))] = '\0';
	text_utf8_mend(text);
	control_answer(client, failure(status, text));
}

void control_taken(struct control_client *client)
{
	uint8_t head[FRAME_HEAD_BYTES];
	uv_buf_t out = uv_buf_init((char *)head, sizeof(head));

	if (client->state != CLIENT_WAITING)
		return;
	if (client->batches_ahead)
		client->batches_ahead--;
	/* Eight of these are 40 bytes, and never more are unread: they always fit at once. */
	frame_head(head, FRAME_TAKEN, 0);
	if (uv_try_write((uv_stream_t *)&client->pipe, &out, 1) != (int)sizeof(head))
		client_close(client);
}

void control_client_attach(struct control_client *client, void *user)
{
	client->user = user;
}

void *control_client_user(const struct control_client *client)
{
	return client->user;
}

static void take_request(struct control_client *client, struct bytes payload)
{
	json_error_t error;
	json_t *request =
		json_loadb((const char *)payload.data, payload.len, JSON_REJECT_DUPLICATES, &error);
	const char *command = json_string_value(json_object_get(request, "command"));

	if (!command) {
		control_fail(client, STATUS_INPUT, "the request is no JSON object with a command");
		json_decref(request);
		return;
	}
	client->state = CLIENT_WAITING;
	client->takes_batches = strcmp(command, "publish") == 0;
	client->control->ops.request(client->control->ops.ctx, client, request);
	json_decref(request);
}

/* Whether the frame behind that one has come, and is the end of the batches. */
static bool end_follows(const struct control_client *client, const struct frame *f)
{
	const size_t used = FRAME_HEAD_BYTES + f->payload.len;
	struct frame next;

	return frame_first(bytes_from(client->in.data + used, client->in.len - used), &next) == 1 &&
	       next.kind == FRAME_END;
}

static void take_frame(struct control_client *client, const struct frame *f)
{
	const struct control_ops *ops = &client->control->ops;

	if (client->state == CLIENT_READING && f->kind == FRAME_JSON) {
		take_request(client, f->payload);
	} else if (client->takes_batches && f->kind == FRAME_BATCH &&
		   client->batches_ahead < CONTROL_BATCHES_AHEAD) {
		client->batches_ahead++;
		ops->batch(ops->ctx, client, f->payload, end_follows(client, f));
	} else if (client->takes_batches && f->kind == FRAME_END) {
		client->takes_batches = false;
		ops->end(ops->ctx, client);
	} else {
		log_warn("control", "a client sent a frame out of turn kind=0x%02x", f->kind);
		client_close(client);
	}
}

static void take_frames(struct control_client *client)
{
	struct frame f;
	int rc;

	while ((rc = frame_first(buf_view(&client->in), &f)) == 1) {
		take_frame(client, &f);
		if (client->state >= CLIENT_ANSWERING)
			return;
		buf_consume(&client->in, FRAME_HEAD_BYTES + f.payload.len);
	}
	if (rc < 0)
		client_close(client);
}

/* Much of a batch that is still to come is read to where it belongs, and not beyond its end, so
 * that nothing has to be moved afterwards. Other reads go to room that all clients share. */
static void client_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct control_client *client = handle->data;
	size_t left = frame_left(buf_view(&client->in));

	(void)suggested;
	*out = uv_buf_init((char *)client->control->read, READ_BYTES);
	if (left < READ_BYTES)
		return;
	client->in_place = buf_extend(&client->in, left);
	if (client->in_place)
		*out = uv_buf_init((char *)client->in_place, (unsigned)left);
}

static void client_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *data)
{
	struct control_client *client = stream->data;
	uint8_t *in_place = client->in_place;

	client->in_place = NULL;
	if (in_place)
		client->in.len -= data->len; /* what has come of it is counted below */
	if (len < 0) {
		client_close(client);
		return;
	}
	if (in_place)
		client->in.len += (size_t)len;
	else
		buf_append(&client->in, data->base, (size_t)len);
	if (buf_failed(&client->in))
		client_close(client);
	else
		take_frames(client);
}

/* The socket's mode keeps others out already; this holds even where a directory was copied with
 * other rights. */
static bool peer_allowed(const uv_pipe_t *pipe)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)pipe, &fd) != 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	log_warn("control", "refused a client of another user uid=%u", (unsigned)peer.uid);
	return false;
}

static void refuse_busy(uv_pipe_t *pipe)
{
	json_t *answer = failure(STATUS_NODE, "the node has too many commands at once: try again");
	struct buf frame;
	uv_buf_t out;

	frame_json(&frame, answer);
	json_decref(answer);
	out = uv_buf_init((char *)frame.data, (unsigned)frame.len);
	if (frame.len && uv_try_write((uv_stream_t *)pipe, &out, 1) < 0)
		log_warn("control", "too many commands at once, one was not told");
	buf_free(&frame);
}

static void client_new(uv_stream_t *listener, int status)
{
	struct control *c = listener->data;
	struct control_client *client;
	bool busy = c->clients_len == CONTROL_CLIENTS_MAX;

	if (status < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (!client)
		return;
	client->control = c;
	client->in = buf_with_max(FRAME_HEAD_BYTES + CONTROL_MESSAGE_MAX + READ_BYTES);
	uv_pipe_init(c->loop, &client->pipe, 0);
	client->pipe.data = client;
	c->handles++;
	if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 ||
		!peer_allowed(&client->pipe)) {
		client_close(client);
	} else if (busy) {
		refuse_busy(&client->pipe);
		client_close(client);
	} else {
		c->clients[c->clients_len++] = client;
		if (uv_read_start((uv_stream_t *)&client->pipe, client_alloc, client_read) != 0)
			client_close(client);
	}
}

/* --- the listening socket --------------------------------------------------------------------- */

static int fail_errno(struct err_text *err, const char *path, const char *what)
{
	int number = errno;

	return err_set(err, ENT_EIO, "%s: cannot %s: %s", path, what, strerror(number));
}

/* A socket that nobody listens on any more was left by a crash. Anything else stays. */
static int remove_stale(const struct sockaddr_un *address, struct err_text *err)
{
	const char *path = address->sun_path;
	struct stat st;
	int fd, rc = 0;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : fail_errno(err, path, "look at it");
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ENT_EEXISTS,
			"%s: saw a file that is no socket, wanted none: remove it", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_errno(err, path, "make a socket");
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		rc = err_set(err, ENT_EBUSY, "%s: another daemon answers here", path);
	else if (errno != ECONNREFUSED || unlink(path) != 0)
		rc = fail_errno(err, path, "replace the old socket");
	close(fd);
	return rc;
}

static int bind_socket(int *out, const struct sockaddr_un *address, struct err_text *err)
{
	const char *path = address->sun_path;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return fail_errno(err, path, "make a socket");
	/* On Linux the file takes the descriptor's mode at bind: there is no moment at which
	 * others could connect, and the umask of other threads stays as it is. */
	if (fchmod(fd, 0600) != 0 ||
		bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
		close(fd);
		return fail_errno(err, path, "bind the control socket");
	}
	*out = fd;
	return 0;
}

static void failed_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int control_new(struct control **out, uv_loop_t *loop, const char *path,
	const struct control_ops *ops, struct err_text *err)
{
	struct sockaddr_un address;
	struct control *c;
	int fd = -1, rc;

	rc = frame_address(&address, path, err);
	if (!rc)
		rc = remove_stale(&address, err);
	if (!rc)
		rc = bind_socket(&fd, &address, err);
	if (rc)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		unlink(path);
		return err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	}
	c->loop = loop;
	c->ops = *ops;
	memcpy(c->path, address.sun_path, sizeof(c->path));
	uv_pipe_init(loop, &c->listener, 0);
	c->listener.data = c;
	c->handles = 1;
	rc = uv_pipe_open(&c->listener, fd);
	if (!rc)
		rc = uv_listen((uv_stream_t *)&c->listener, 16, client_new);
	if (rc) {
		unlink(path);
		uv_close((uv_handle_t *)&c->listener, failed_closed);
		return err_set(err, ENT_EIO, "%s: cannot listen: %s", path, uv_strerror(rc));
	}
	*out = c;
	return 0;
}

static void listener_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

void control_stop(struct control *c, void (*done)(void *ctx), void *ctx)
{
	c->stopping = true;
	c->done = done;
	c->done_ctx = ctx;
	unlink(c->path);
	uv_close((uv_handle_t *)&c->listener, listener_closed);
	for (size_t i = 0; i < c->clients_len; i++)
		client_close(c->clients[i]);
}

void control_free(struct control *c)
{
	free(c);
}
