/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The bytes under the signatures of checkpoints and cosignatures, for any origin line. Inside
 * merkle/ only: others name logs by struct log_name and use checkpoint.h. Bounded, so nothing can
 * fail.
 */
#pragma once

#include "base/bytes.h"
#include "merkle/hash.h"
#include "proto/limits.h"

/* "cosignature/v1", "time " and 20 digits, the origin, 20 digits, 44 characters, each with LF. */
#define SIGNED_TEXT_MAX (15 + 26 + NOTE_NAME_MAX + 1 + 21 + 45)

struct signed_text {
	size_t len;
	char data[SIGNED_TEXT_MAX + 1]; /* with NUL */
};

/* origin: at most NOTE_NAME_MAX bytes, without LF. */
void signed_text_checkpoint(struct signed_text *t, const char *origin, uint64_t size,
	const struct hash *root);
void signed_text_cosignature(struct signed_text *t, uint64_t time, const char *origin,
	uint64_t size, const struct hash *root);

static inline struct bytes signed_text_view(const struct signed_text *t)
{
	return bytes_from(t->data, t->len);
}
