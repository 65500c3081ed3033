/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The control socket: how commands ask the daemon to act (run/control.sock, mode 0600, same user or
 * root by peer credentials).
 *
 * A connection carries one request. Frames both ways: u32 big-endian length, u8 kind, payload.
 *
 *     'J' a JSON document: the request first; the answer last
 *     'B' a batch of claims (intake_claim frames), only after a publish request
 *     'K' the daemon has taken one more batch: at most CONTROL_BATCHES_AHEAD are unanswered
 *     'E' no more batches
 *
 * Request: {"command": NAME, ...}. Answer: {"ok": true, ...} or
 * {"ok": false, "status": EXIT STATUS, "error": TEXT}.
 */
#pragma once

#include <jansson.h>
#include <uv.h>

#include "base/bytes.h"
#include "base/err.h"

#define CONTROL_BATCHES_AHEAD 8
#define CONTROL_BATCH_BYTES   (512u * 1024u)
#define CONTROL_OPEN_MS       60000u /* many may stand in line before one is let in */

/* --- the daemon's side, on the loop thread ---------------------------------------------------- */

struct control;
struct control_client;

struct control_ops {
	void *ctx;
	/* A request. Answer now or later with control_answer; takes no reference. */
	void (*request)(void *ctx, struct control_client *c, const json_t *request);
	/* A batch ('B'); done with it: control_taken. last: its end is here, and follows. */
	void (*batch)(void *ctx, struct control_client *c, struct bytes claims, bool last);
	void (*end)(void *ctx, struct control_client *c); /* 'E' */
	/* The client is gone before its answer; c is void after the call. */
	void (*gone)(void *ctx, struct control_client *c);
};

/* Paths beyond 107 bytes are refused with a clear error. */
int control_new(struct control **out, uv_loop_t *loop, const char *path,
	const struct control_ops *ops, struct err_text *err) MUST_CHECK;
void control_stop(struct control *c, void (*done)(void *ctx), void *ctx);
void control_free(struct control *c);

/* Takes the reference to answer, sends it, closes. */
void control_answer(struct control_client *c, json_t *answer);
/* status is an exit status of CLI.md. */
void control_fail(struct control_client *c, int status, const char *format, ...) PRINTF_LIKE(3, 4);
void control_taken(struct control_client *c);
void control_client_attach(struct control_client *c, void *user);
void *control_client_user(const struct control_client *c);

/* --- the command's side, blocking ------------------------------------------------------------- */

struct control_call;

/* ENT_ECLOSED: no daemon there. ENT_ETIMEOUT: there is one, and it takes nothing. */
int control_call_open(struct control_call **out, const char *path, json_t *request,
	struct err_text *err) MUST_CHECK; /* takes the reference to request */
/*
 * A wait that has no end of its own asks here each time that nothing has come, or was taken, for
 * another every_ms; ms: for how long by now. What is not 0 ends the wait with that code.
 */
void control_call_patience(struct control_call *c, uint64_t every_ms,
	int (*silent)(void *ctx, uint64_t ms), void *ctx);
/* Waits while too many batches are unanswered. ENT_ESTATE: the daemon has answered already, with an
 * error. */
int control_call_batch(struct control_call *c, struct bytes claims) MUST_CHECK;
int control_call_end(struct control_call *c) MUST_CHECK;
/* Gives the answer (caller decrefs); timeout_ms 0 waits for ever. */
int control_call_answer(struct control_call *c, json_t **answer, uint64_t timeout_ms) MUST_CHECK;
void control_call_close(struct control_call *c);
