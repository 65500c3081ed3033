/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Claims between reading and publishing. A file that proves unreadable on its last line must have
 * published nothing, so all input is read before the first claim goes out; beyond a few megabytes
 * the claims wait in an unlinked file, so that memory stays flat however large the input is. What
 * is known to be readable passes on as it is read (spool_pass).
 */
#pragma once

#include "base/buf.h"
#include "intake/intake.h"

struct spool {
	int fd;            /* -1: none needed yet */
	uint64_t spilled;  /* bytes in the file */
	struct buf frames; /* what follows: batches, each behind its u32 length */
	struct buf batch;  /* the open batch */
	int (*pass)(void *ctx, struct bytes batch); /* or NULL: batches are kept */
	void *ctx;
};

/* The claims added between two marks, as whole batches. */
struct spool_range {
	uint64_t from, to;
};

void spool_init(struct spool *s);
void spool_free(struct spool *s);

/* From now on each batch that is full is handed over instead of kept; visit NULL: is kept again. */
void spool_pass(struct spool *s, int (*visit)(void *ctx, struct bytes batch), void *ctx);
/* ENT_ELIMIT: the claim does not fit an entry; ENT_EIO, ENT_EFULL: no room for the file; or the
 * visitor's error. */
int spool_add(struct spool *s, const struct intake_claim *c) MUST_CHECK;
/* Closes the open batch and gives the place behind it. */
int spool_mark(struct spool *s, uint64_t *at) MUST_CHECK;
/* Hands over batch after batch, each at most CONTROL_BATCH_BYTES; the visitor's error ends it. */
int spool_each(struct spool *s, struct spool_range range,
	int (*visit)(void *ctx, struct bytes batch), void *ctx) MUST_CHECK;
