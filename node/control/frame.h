/* SPDX-License-Identifier: EUPL-1.2 */
/* Frames of the control socket, for both of its sides: u32 payload length, u8 kind, payload. */
#pragma once

#include <sys/un.h>

#include "base/buf.h"
#include "proto/limits.h"

#define FRAME_HEAD_BYTES 5u

enum frame_kind {
	FRAME_JSON = 'J',
	FRAME_BATCH = 'B',
	FRAME_TAKEN = 'K',
	FRAME_END = 'E',
};

static inline void frame_head(uint8_t head[FRAME_HEAD_BYTES], enum frame_kind kind, size_t len)
{
	be32_put(head, (uint32_t)len);
	head[4] = (uint8_t)kind;
}

struct frame {
	uint8_t kind;
	struct bytes payload;
};

/* The first frame of what has arrived: 1, 0 when more must arrive, ENT_ELIMIT when it is longer
 * than a message may be. A view into received; drop FRAME_HEAD_BYTES and the payload afterwards. */
int frame_first(struct bytes received, struct frame *f) MUST_CHECK;

/* What is still to come of the first frame; 0 as long as it has no head, and when it is whole or
 * none. */
size_t frame_left(struct bytes received);

/* The socket's address. A longer path would be cut without a word by the system: ENT_ELIMIT. */
int frame_address(struct sockaddr_un *address, const char *path, struct err_text *err) MUST_CHECK;
