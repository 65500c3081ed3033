/* SPDX-License-Identifier: EUPL-1.2 */
/* Both sides of a real socket: the daemon's in a thread with its loop, the command's here. */
#include "lib/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "control/control.h"
#include "proto/limits.h"

struct daemon {
	const char *dir;
	char path[108];
	pthread_t thread;
	uv_loop_t loop;
	uv_async_t stop;
	struct control *control;

	/* Written by the loop's thread, read by the test after daemon_end. */
	unsigned batches, lasts, ends, gone;
	size_t batch_bytes;
	uint64_t batch_sum;             /* of every byte, in order */
	struct control_client *waiting; /* asked "later" */
	unsigned held;                  /* batches not taken yet */
};

static void on_request(void *ctx, struct control_client *c, const json_t *request)
{
	struct daemon *d = ctx;
	const char *command = json_string_value(json_object_get(request, "command"));

	if (strcmp(command, "echo") == 0) {
		control_answer(c,
			json_pack("{s:b, s:O}", "ok", 1, "said", json_object_get(request, "say")));
	} else if (strcmp(command, "later") == 0) {
		d->waiting = c;
		control_client_attach(c, d);
	} else if (strcmp(command, "gone") == 0) {
		control_answer(c, json_pack("{s:b, s:i}", "ok", 1, "gone", (int)d->gone));
	} else if (strcmp(command, "huge") == 0) {
		char *text = malloc(CONTROL_MESSAGE_MAX + 1);

		memset(text, 'x', CONTROL_MESSAGE_MAX);
		text[CONTROL_MESSAGE_MAX] = '\0';
		control_answer(c, json_pack("{s:b, s:s}", "ok", 1, "text", text));
		free(text);
	} else if (strcmp(command, "publish") == 0) {
		if (json_is_true(json_object_get(request, "refuse")))
			control_fail(c, 4, "the node is %s", "mute");
	} else if (strcmp(command, "latin") == 0) {
		control_fail(c, 2, "%s", "M\xfcnchen and M\u00fcnchen");
	} else {
		control_fail(c, 2, "no command %s", command);
	}
}

static void on_batch(void *ctx, struct control_client *c, struct bytes claims, bool last)
{
	struct daemon *d = ctx;

	d->batches++;
	d->lasts += last;
	d->batch_bytes += claims.len;
	for (size_t i = 0; i < claims.len; i++)
		d->batch_sum = d->batch_sum * 31 + claims.data[i];
	/* Every other batch waits for its successor, so that several are unanswered. */
	if (++d->held == 2) {
		control_taken(c);
		control_taken(c);
		d->held = 0;
	}
}

static void on_end(void *ctx, struct control_client *c)
{
	struct daemon *d = ctx;

	d->ends++;
	control_answer(c, json_pack("{s:b, s:i}", "ok", 1, "batches", (int)d->batches));
}

static void on_gone(void *ctx, struct control_client *c)
{
	struct daemon *d = ctx;

	if (c == d->waiting) {
		assert_ptr_equal(control_client_user(c), d);
		d->waiting = NULL;
	}
	d->gone++;
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static void on_stop(uv_async_t *async)
{
	struct daemon *d = async->data;

	control_stop(d->control, nothing, NULL);
	uv_close((uv_handle_t *)async, NULL);
}

static void *run(void *arg)
{
	struct daemon *d = arg;

	uv_run(&d->loop, UV_RUN_DEFAULT);
	return NULL;
}

static int daemon_listen(struct daemon *d, struct err_text *err)
{
	const struct control_ops ops = {d, on_request, on_batch, on_end, on_gone};

	return control_new(&d->control, &d->loop, d->path, &ops, err);
}

static void daemon_begin(struct daemon *d)
{
	struct err_text err;

	memset(d, 0, sizeof(*d));
	d->dir = test_dir();
	snprintf(d->path, sizeof(d->path), "%s/control.sock", d->dir);
	assert_int_equal(uv_loop_init(&d->loop), 0);
	assert_int_equal(daemon_listen(d, &err), 0);
	d->stop.data = d;
	assert_int_equal(uv_async_init(&d->loop, &d->stop, on_stop), 0);
	assert_int_equal(pthread_create(&d->thread, NULL, run, d), 0);
}

static void daemon_end(struct daemon *d)
{
	uv_async_send(&d->stop);
	pthread_join(d->thread, NULL);
	assert_int_equal(uv_loop_close(&d->loop), 0);
	control_free(d->control);
	assert_int_not_equal(access(d->path, F_OK), 0);
	test_dir_remove(d->dir);
}

static struct control_call *call(struct daemon *d, json_t *request)
{
	struct control_call *c;
	struct err_text err;

	assert_int_equal(control_call_open(&c, d->path, request, &err), 0);
	return c;
}

static json_t *answer(struct control_call *c)
{
	json_t *document;

	assert_int_equal(control_call_answer(c, &document, 10000), 0);
	control_call_close(c);
	return document;
}

static void answers_a_request(void **state)
{
	struct daemon d;
	struct stat st;
	json_t *said;
	(void)state;

	daemon_begin(&d);
	assert_int_equal(stat(d.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	said = answer(call(&d, json_pack("{s:s, s:s}", "command", "echo", "say", "grüezi")));
	assert_string_equal(json_string_value(json_object_get(said, "said")), "grüezi");
	json_decref(said);
	said = answer(call(&d, json_pack("{s:s}", "command", "nonsense")));
	assert_true(json_is_false(json_object_get(said, "ok")));
	assert_int_equal(json_integer_value(json_object_get(said, "status")), 2);
	json_decref(said);
	daemon_end(&d);
}

static const char *refused_with(struct daemon *d, const char *command, json_t **said)
{
	*said = answer(call(d, json_pack("{s:s}", "command", command)));
	assert_int_equal(json_integer_value(json_object_get(*said, "status")), 2);
	return json_string_value(json_object_get(*said, "error"));
}

static void a_refusal_is_cut_between_characters(void **state)
{
	char command[2 * ERR_TEXT_MAX + 8] = "x";
	struct daemon d;
	json_t *said;
	(void)state;

	daemon_begin(&d);
	for (size_t shift = 0; shift < 4; shift++) {
		const char *error;

		memset(command, 'x', shift + 1);
		for (size_t at = shift + 1; at + 4 < sizeof(command); at += 4)
			memcpy(command + at, "\U0001f41d", 5);
		error = refused_with(&d, command, &said);
		assert_memory_equal(error, "no command x", 12);
		assert_in_range(strlen(error), ERR_TEXT_MAX - 4, ERR_TEXT_MAX - 1);
		json_decref(said);
	}
	assert_string_equal(refused_with(&d, "latin", &said), "M?nchen and M\u00fcnchen");
	json_decref(said);
	daemon_end(&d);
}

static void an_answer_beyond_the_limit_becomes_an_error(void **state)
{
	struct daemon d;
	json_t *said;
	(void)state;

	daemon_begin(&d);
	said = answer(call(&d, json_pack("{s:s}", "command", "huge")));
	assert_true(json_is_false(json_object_get(said, "ok")));
	json_decref(said);
	daemon_end(&d);
}

static void batches_flow_and_are_never_too_far_ahead(void **state)
{
	static uint8_t batch[CONTROL_BATCH_BYTES];
	struct control_call *c;
	struct daemon d;
	json_t *said;
	(void)state;

	daemon_begin(&d);
	c = call(&d, json_pack("{s:s}", "command", "publish"));
	for (int i = 0; i < 100; i++)
		assert_int_equal(control_call_batch(c, BYTES_OF(batch)), 0);
	assert_int_equal(control_call_end(c), 0);
	said = answer(c);
	assert_int_equal(json_integer_value(json_object_get(said, "batches")), 100);
	json_decref(said);
	daemon_end(&d);
	assert_int_equal(d.batch_bytes, 100 * sizeof(batch));
	assert_int_equal(d.ends, 1);
	assert_int_equal(d.gone, 0);
}

static int raw_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Its end makes a batch the last when both have come in one piece, and no other does. */
static void a_batch_with_its_end_is_said_to_be_the_last(void **state)
{
	static const char all[] = "\0\0\0\x15J{\"command\":\"publish\"}"
				  "\0\0\0\1Bx"
				  "\0\0\0\1By"
				  "\0\0\0\0E";
	struct daemon d;
	char out[256];
	(void)state;

	for (size_t cut = 0; cut < 6; cut++) {
		const size_t first = sizeof(all) - 1 - cut;
		int fd;

		daemon_begin(&d);
		fd = raw_connect(d.path);
		assert_int_equal(send(fd, all, first, MSG_NOSIGNAL), first);
		/* The second batch has been read when both are said to be taken. */
		assert_int_equal(recv(fd, out, 10, MSG_WAITALL), 10);
		if (cut > 0)
			assert_int_equal(send(fd, all + first, cut, MSG_NOSIGNAL), cut);
		while (read(fd, out, sizeof(out)) > 0)
			;
		close(fd);
		daemon_end(&d);
		assert_int_equal(d.batches, 2);
		assert_int_equal(d.lasts, cut == 0);
		assert_int_equal(d.ends, 1);
	}
}

/* Large pieces of a batch are read to their place, small ones are not: lengths around both. */
static void batches_of_all_lengths_arrive_byte_for_byte(void **state)
{
	static const size_t lengths[] = {1, 65530, 65531, 65532, 65536, 131066, 131067, 131068,
		131072, 196608, 3, CONTROL_BATCH_BYTES - 1, CONTROL_BATCH_BYTES, 200000, 70000};
	static uint8_t bytes[CONTROL_BATCH_BYTES];
	uint64_t sum = 0;
	struct control_call *c;
	struct daemon d;
	(void)state;

	daemon_begin(&d);
	c = call(&d, json_pack("{s:s}", "command", "publish"));
	for (size_t i = 0; i < 2 * COUNT_OF(lengths); i++) {
		struct bytes batch = bytes_from(bytes, lengths[i % COUNT_OF(lengths)]);

		for (size_t k = 0; k < batch.len; k++) {
			bytes[k] = (uint8_t)(k * 7 + k / 251 + i);
			sum = sum * 31 + bytes[k];
		}
		assert_int_equal(control_call_batch(c, batch), 0);
	}
	assert_int_equal(control_call_end(c), 0);
	json_decref(answer(c));
	daemon_end(&d);
	assert_int_equal(d.batches, 2 * COUNT_OF(lengths));
	assert_true(d.batch_sum == sum);
}

static void a_refusal_ends_the_batches(void **state)
{
	static uint8_t batch[CONTROL_BATCH_BYTES];
	struct control_call *c;
	struct daemon d;
	json_t *said;
	int rc = 0;
	(void)state;

	daemon_begin(&d);
	c = call(&d, json_pack("{s:s, s:b}", "command", "publish", "refuse", 1));
	for (int i = 0; i < 100 && !rc; i++)
		rc = control_call_batch(c, BYTES_OF(batch));
	assert_int_equal(rc, ENT_ESTATE);
	said = answer(c);
	assert_string_equal(json_string_value(json_object_get(said, "error")), "the node is mute");
	json_decref(said);
	daemon_end(&d);
}

static int enough(void *ctx, uint64_t ms)
{
	unsigned *asked = ctx;

	assert_true(ms >= 20 * ((uint64_t)*asked + 1));
	return ++*asked < 3 ? 0 : ENT_ETIMEOUT;
}

/* A daemon that was stopped: the kernel takes what its buffers hold, and nobody reads it. */
static void patience_with_a_silent_daemon_has_an_end(void **state)
{
	static uint8_t batch[CONTROL_BATCH_BYTES];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char folder[] = "/tmp/entente-silent-XXXXXX", path[64];
	struct control_call *c;
	unsigned asked = 0;
	json_t *document;
	(void)state;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/sock", folder);
	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	for (int i = 0; i < 2; i++) {
		int rc = 0;

		assert_int_equal(control_call_open(&c, path, json_pack("{s:s}", "command", "x"),
					 NULL),
			0);
		control_call_patience(c, 20, enough, &asked);
		for (int sent = 0; i == 0 && !rc; sent++) {
			assert_true(sent < 1000);
			rc = control_call_batch(c, BYTES_OF(batch));
		}
		if (i == 1)
			rc = control_call_answer(c, &document, 0);
		assert_int_equal(rc, ENT_ETIMEOUT);
		assert_int_equal(asked, 3);
		asked = 0;
		control_call_close(c);
	}
	close(fd);
	unlink(path);
	rmdir(folder);
}

static void a_client_that_leaves_is_told_of(void **state)
{
	struct control_call *c;
	struct daemon d;
	json_t *document;
	(void)state;

	daemon_begin(&d);
	c = call(&d, json_pack("{s:s}", "command", "later"));
	assert_int_equal(control_call_answer(c, &document, 20), ENT_ETIMEOUT);
	control_call_close(c);
	for (int gone = 0, tries = 0; !gone; tries++) {
		json_t *said = answer(call(&d, json_pack("{s:s}", "command", "gone")));

		gone = (int)json_integer_value(json_object_get(said, "gone"));
		json_decref(said);
		assert_true(tries < 1000);
	}
	daemon_end(&d);
	assert_int_equal(d.gone, 1);
	assert_null(d.waiting);
}

static void stopping_closes_waiting_clients(void **state)
{
	struct control_call *c;
	struct daemon d;
	json_t *document;
	(void)state;

	daemon_begin(&d);
	c = call(&d, json_pack("{s:s}", "command", "later"));
	assert_int_equal(control_call_answer(c, &document, 20), ENT_ETIMEOUT);
	daemon_end(&d);
	assert_int_equal(control_call_answer(c, &document, 10000), ENT_ECLOSED);
	assert_int_equal(d.gone, 1);
	control_call_close(c);
}

/* --- what no command of ours would send ------------------------------------------------------- */

/* Sends the bytes one by one and reads until the daemon closes. */
static size_t raw_exchange(const char *path, struct bytes data, char *out, size_t cap)
{
	int fd = raw_connect(path);
	size_t len = 0;
	ssize_t got;

	for (size_t i = 0; i < data.len; i++)
		if (send(fd, data.data + i, 1, MSG_NOSIGNAL) != 1)
			break;
	while (len < cap - 1 && (got = read(fd, out + len, cap - 1 - len)) > 0)
		len += (size_t)got;
	out[len] = '\0';
	close(fd);
	return len;
}

static void frames_out_of_turn_close_the_connection(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"\0\0\0\0B", 5},                                    /* a batch first */
		{"\0\0\0\0E", 5},                                    /* the end first */
		{"\0\0\0\0K", 5},                                    /* the daemon's own kind */
		{"\0\0\0\0\0", 5},                                   /* no kind at all */
		{"\xff\xff\xff\xffJ", 5},                            /* too long */
		{"\0\x40\0\1J", 5},                                  /* longer by one */
		{"\0\0\0\x13J{\"command\":\"later\"}\0\0\0\0B", 29}, /* a batch for no publish */
		{"\0\0\0\x13J{\"command\":\"later\"}\0\0\0\0J", 29}, /* a second request */
	};
	struct daemon d;
	char out[256];
	(void)state;

	daemon_begin(&d);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(raw_exchange(d.path, bytes_from(cases[i].bytes, cases[i].len), out,
					 sizeof(out)),
			0);
	daemon_end(&d);
}

static void a_request_that_is_no_command_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"\0\0\0\0J", 5},
		{"\0\0\0\2J[]", 7},
		{"\0\0\0\2J{}", 7},
		{"\0\0\0\3J{]}", 8},
		{"\0\0\0\x0dJ{\"command\":1}", 18},
		{"\0\0\0\x1dJ{\"command\":\"a\",\"command\":\"b\"}", 34},
	};
	struct daemon d;
	char out[256];
	(void)state;

	daemon_begin(&d);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t len = raw_exchange(d.path, bytes_from(cases[i].bytes, cases[i].len), out,
			sizeof(out));

		assert_true(len > 5);
		assert_non_null(strstr(out + 5, "\"status\":6"));
	}
	daemon_end(&d);
}

static void a_request_in_single_bytes_is_understood(void **state)
{
	static const char bytes[] = "\0\0\0\x1cJ{\"command\":\"echo\",\"say\":\"x\"}";
	struct daemon d;
	char out[256];
	(void)state;

	daemon_begin(&d);
	assert_true(raw_exchange(d.path, bytes_from(bytes, sizeof(bytes) - 1), out, sizeof(out)) >
		    5);
	assert_string_equal(out + 5, "{\"ok\":true,\"said\":\"x\"}");
	daemon_end(&d);
}

static void too_many_batches_ahead_close_the_connection(void **state)
{
	static const char request[] = "\0\0\0\x15J{\"command\":\"publish\"}";
	struct daemon d;
	char out[256];
	struct buf b = buf_with_max(1000);
	int fd;
	(void)state;

	daemon_begin(&d);
	d.held = 1000; /* takes none */
	buf_append(&b, request, sizeof(request) - 1);
	for (int i = 0; i <= CONTROL_BATCHES_AHEAD; i++)
		buf_append(&b, "\0\0\0\0B", 5);
	fd = raw_connect(d.path);
	assert_int_equal(send(fd, b.data, b.len, MSG_NOSIGNAL), b.len);
	assert_int_equal(read(fd, out, sizeof(out)), 0);
	close(fd);
	buf_free(&b);
	daemon_end(&d);
	assert_int_equal(d.batches, CONTROL_BATCHES_AHEAD);
	assert_int_equal(d.gone, 1);
}

static void one_client_too_many_is_told_so(void **state)
{
	int fds[CONTROL_CLIENTS_MAX];
	struct control_call *c;
	struct daemon d;
	json_t *said;
	(void)state;

	daemon_begin(&d);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = raw_connect(d.path);
	c = call(&d, json_pack("{s:s}", "command", "echo"));
	said = answer(c);
	assert_int_equal(json_integer_value(json_object_get(said, "status")), 4);
	json_decref(said);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	/* Room again, as soon as the loop has seen the closes. */
	for (int tries = 0;; tries++) {
		said = answer(call(&d, json_pack("{s:s, s:i}", "command", "echo", "say", 1)));
		if (json_is_true(json_object_get(said, "ok")))
			break;
		assert_true(tries < 1000);
		json_decref(said);
		usleep(1000);
	}
	json_decref(said);
	daemon_end(&d);
}

/* --- the socket file -------------------------------------------------------------------------- */

static void no_daemon_is_said_to_be_none(void **state)
{
	const char *dir = test_dir();
	struct control_call *c;
	struct err_text err;
	char path[128];
	(void)state;

	snprintf(path, sizeof(path), "%s/none.sock", dir);
	assert_int_equal(control_call_open(&c, path, json_pack("{s:s}", "command", "x"), &err),
		ENT_ECLOSED);
	assert_null(c);
	test_dir_remove(dir);
}

static void a_stale_socket_is_replaced_and_nothing_else(void **state)
{
	struct daemon d = {.dir = test_dir()};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct daemon second;
	struct err_text err;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	FILE *f;
	(void)state;

	snprintf(d.path, sizeof(d.path), "%s/control.sock", d.dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", d.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd); /* what a crash leaves */
	assert_int_equal(uv_loop_init(&d.loop), 0);
	assert_int_equal(daemon_listen(&d, &err), 0);

	second = d;
	assert_int_equal(daemon_listen(&second, &err), ENT_EBUSY);
	control_stop(d.control, nothing, NULL);
	uv_run(&d.loop, UV_RUN_DEFAULT);
	control_free(d.control);

	f = fopen(d.path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(daemon_listen(&d, &err), ENT_EEXISTS);
	assert_int_equal(access(d.path, F_OK), 0);
	assert_int_equal(uv_loop_close(&d.loop), 0);
	test_dir_remove(d.dir);
}

static void a_path_that_would_be_cut_is_refused(void **state)
{
	char longest[108], longer[109];
	struct daemon d = {0};
	struct control_call *c;
	struct err_text err;
	uv_loop_t loop;
	const struct control_ops ops = {0};
	(void)state;

	memset(longest, 'x', sizeof(longest));
	memset(longer, 'x', sizeof(longer));
	longest[sizeof(longest) - 1] = longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(control_new(&d.control, &loop, longer, &ops, &err), ENT_ELIMIT);
	assert_non_null(strstr(err.text, "108 bytes, wanted at most 107"));
	assert_int_equal(control_call_open(&c, longer, json_object(), &err), ENT_ELIMIT);
	assert_int_equal(control_call_open(&c, longest, json_object(), &err), ENT_ECLOSED);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_a_request),
		cmocka_unit_test(a_refusal_is_cut_between_characters),
		cmocka_unit_test(an_answer_beyond_the_limit_becomes_an_error),
		cmocka_unit_test(batches_flow_and_are_never_too_far_ahead),
		cmocka_unit_test(a_batch_with_its_end_is_said_to_be_the_last),
		cmocka_unit_test(batches_of_all_lengths_arrive_byte_for_byte),
		cmocka_unit_test(a_refusal_ends_the_batches),
		cmocka_unit_test(patience_with_a_silent_daemon_has_an_end),
		cmocka_unit_test(a_client_that_leaves_is_told_of),
		cmocka_unit_test(stopping_closes_waiting_clients),
		cmocka_unit_test(frames_out_of_turn_close_the_connection),
		cmocka_unit_test(a_request_that_is_no_command_is_refused_with_a_reason),
		cmocka_unit_test(a_request_in_single_bytes_is_understood),
		cmocka_unit_test(too_many_batches_ahead_close_the_connection),
		cmocka_unit_test(one_client_too_many_is_told_so),
		cmocka_unit_test(no_daemon_is_said_to_be_none),
		cmocka_unit_test(a_stale_socket_is_replaced_and_nothing_else),
		cmocka_unit_test(a_path_that_would_be_cut_is_refused),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
