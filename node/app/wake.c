/* SPDX-License-Identifier: EUPL-1.2 */
#include "app/wake.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct wake *w = poll->data;
	uint64_t sent;

	(void)status;
	(void)events;
	while (read(w->fd, &sent, sizeof(sent)) < 0 && errno == EINTR)
		;
	/* Before the look at what there is: who comes after it sends again. */
	atomic_store(&w->sent, false);
	w->woken(w->ctx);
}

int wake_open(struct wake *w, uv_loop_t *loop, void (*woken)(void *ctx), void *ctx)
{
	w->woken = woken;
	w->ctx = ctx;
	atomic_init(&w->sent, false);
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->fd < 0)
		return ENT_EIO;
	if (uv_poll_init(loop, &w->poll, w->fd) != 0) {
		close(w->fd);
		return ENT_EIO;
	}
	w->poll.data = w;
	uv_poll_start(&w->poll, UV_READABLE, on_readable);
	return 0;
}

void wake_send(struct wake *w)
{
	const uint64_t one = 1;

	if (atomic_exchange(&w->sent, true))
		return;
	while (write(w->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void wake_close(struct wake *w)
{
	close(w->fd);
}
