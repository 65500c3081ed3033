/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How other threads wake the loop.
 *
 * An eventfd that the loop polls. uv_async_send(3) would do the same, but the loop then waits, by
 * turning, until the sender has returned from its system call: of a record published alone that
 * cost up to 0.1 ms where the woken loop had taken the sender's processor.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "base/err.h"

struct wake {
	uv_poll_t poll; /* its handle: closed by the owner, on the loop, before wake_close */
	void (*woken)(void *ctx);
	void *ctx;
	atomic_bool sent;
	int fd;
};

/* woken(ctx) is called on the loop after wake_send: once, for as many as came until it began.
 * ENT_EIO when the system has no descriptor for it; then there is nothing to close. */
int wake_open(struct wake *w, uv_loop_t *loop, void (*woken)(void *ctx), void *ctx) MUST_CHECK;

/* From any thread. It does not wait. */
void wake_send(struct wake *w);

/* When nobody calls wake_send any more and the handle is closed. */
void wake_close(struct wake *w);
