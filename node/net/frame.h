/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Framing, pure (PROTOCOL.md, "Sessions"). Two layers, each a stream of units behind a length:
 *
 *   on the socket      u16 length || Noise message       17 to 65,535 bytes: never empty inside
 *   in the plaintext   u32 length || u8 type || payload  up to WIRE_MESSAGE_MAX, across frames
 *
 * A unit that lies whole in the input is given as a view of it; one that does not is gathered in a
 * buffer that grows with what has arrived, never with what was announced.
 */
#pragma once

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "noise/handshake.h"
#include "proto/limits.h"

#define NET_FRAME_PREFIX 2u
#define NET_FRAME_MAX    (NET_FRAME_PREFIX + NOISE_MESSAGE_MAX)

/* The part of a unit that has arrived so far. All zero is a good start. */
struct net_gather {
	struct buf partial;
	bool given; /* partial is whole and was handed out: the next call begins anew */
	bool used;  /* since the last net_gather_trim */
};

/*
 * The next Noise message of *input, which moves on: 1 and the message, 0 when *input is used up, or
 * ENT_EINVALID for a length that no sender forms, ENT_ENOMEM. The message may be decrypted in
 * place; it is valid until the next call and as long as the input.
 */
int net_frame_next(struct net_gather *g, struct bytes *input, uint8_t **message,
	size_t *len) MUST_CHECK;

/* The next wire message of *plain, likewise; ENT_ELIMIT when one is announced beyond
 * WIRE_MESSAGE_MAX. */
int net_message_next(struct net_gather *g, struct bytes *plain, uint8_t *type,
	struct bytes *payload) MUST_CHECK;

/* Seals up to NOISE_PLAIN_MAX bytes off the front of *plain into one frame. out holds
 * NET_FRAME_MAX. Gives the frame's length or the cipher's error. */
int net_frame_seal(struct noise_cipher *c, struct bytes *plain, uint8_t *out) MUST_CHECK;

/* Gives memory back that has not been needed since the last call. */
void net_gather_trim(struct net_gather *g);
void net_gather_free(struct net_gather *g);
