/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/control.h"

#define MEMORY_BYTES    (4u * 1024u * 1024u)
#define CLAIM_BYTES_MAX (64u + RECORD_VALUE_MAX + ENTRY_BODY_MAX)

_Static_assert(CLAIM_BYTES_MAX < CONTROL_BATCH_BYTES, "a batch takes any claim");

void spool_init(struct spool *s)
{
	*s = (struct spool){.fd = -1,
		.frames = buf_with_max(MEMORY_BYTES + CONTROL_BATCH_BYTES + 4),
		.batch = buf_with_max(CONTROL_BATCH_BYTES)};
}

void spool_free(struct spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	buf_free(&s->frames);
	buf_free(&s->batch);
	s->fd = -1;
}

static int file_make(struct spool *s)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];

	if (!dir || !*dir)
		dir = "/tmp";
	if (snprintf(path, sizeof(path), "%s/entente-XXXXXX", dir) >= (int)sizeof(path))
		return ENT_EIO;
	s->fd = mkostemp(path, O_CLOEXEC);
	if (s->fd < 0)
		return errno == ENOSPC ? ENT_EFULL : ENT_EIO;
	unlink(path);
	return 0;
}

static int spill(struct spool *s)
{
	struct bytes left = buf_view(&s->frames);
	int rc = s->fd < 0 ? file_make(s) : 0;

	while (rc == 0 && left.len > 0) {
		ssize_t put = pwrite(s->fd, left.data, left.len, (off_t)s->spilled);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 && errno == ENOSPC ? ENT_EFULL : ENT_EIO;
		s->spilled += (uint64_t)put;
		left = bytes_skip(left, (size_t)put);
	}
	buf_reset(&s->frames);
	return rc;
}

void spool_pass(struct spool *s, int (*visit)(void *ctx, struct bytes batch), void *ctx)
{
	s->pass = visit;
	s->ctx = ctx;
}

static int batch_close(struct spool *s)
{
	int rc;

	if (s->batch.len == 0)
		return 0;
	if (s->pass) {
		rc = s->pass(s->ctx, buf_view(&s->batch));
		buf_reset(&s->batch);
		return rc;
	}
	buf_u32(&s->frames, (uint32_t)s->batch.len);
	buf_bytes(&s->frames, buf_view(&s->batch));
	buf_reset(&s->batch);
	if (buf_failed(&s->frames))
		return ENT_ENOMEM;
	return s->frames.len > MEMORY_BYTES ? spill(s) : 0;
}

int spool_add(struct spool *s, const struct intake_claim *c)
{
	if (c->value.len > RECORD_VALUE_MAX || c->body.len > ENTRY_BODY_MAX)
		return ENT_ELIMIT;
	intake_claim_encode(&s->batch, c);
	if (buf_failed(&s->batch))
		return ENT_ENOMEM;
	return s->batch.len > CONTROL_BATCH_BYTES - CLAIM_BYTES_MAX ? batch_close(s) : 0;
}

int spool_mark(struct spool *s, uint64_t *at)
{
	int rc = batch_close(s);

	*at = s->spilled + s->frames.len;
	return rc;
}

/* Bytes at a place, from the file or from memory; a batch and its length never lie in both. */
static int bytes_at(struct spool *s, uint64_t at, void *out, size_t len)
{
	uint8_t *to = out;

	if (at >= s->spilled) {
		memcpy(out, s->frames.data + (at - s->spilled), len);
		return 0;
	}
	while (len > 0) {
		ssize_t got = pread(s->fd, to, len, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ENT_EIO;
		to += got;
		at += (uint64_t)got;
		len -= (size_t)got;
	}
	return 0;
}

int spool_each(struct spool *s, struct spool_range range,
	int (*visit)(void *ctx, struct bytes batch), void *ctx)
{
	uint8_t *batch = malloc(CONTROL_BATCH_BYTES);
	uint8_t head[4];
	int rc = batch ? 0 : ENT_ENOMEM;

	while (rc == 0 && range.from < range.to) {
		uint32_t len;

		rc = bytes_at(s, range.from, head, sizeof(head));
		if (rc != 0)
			break;
		len = be32_get(head);
		if (len > CONTROL_BATCH_BYTES) {
			rc = ENT_EIO; /* somebody wrote into our file */
			break;
		}
		rc = bytes_at(s, range.from + sizeof(head), batch, len);
		if (rc == 0)
			rc = visit(ctx, bytes_from(batch, len));
		range.from += sizeof(head) + len;
	}
	free(batch);
	return rc;
}
