/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b (Noise rev 34): bytes in, bytes out.
 *
 *   initiator                                   responder
 *     mac(16) || message 1: e, es, s, ss  ->
 *                                         <-  message 2: e, ee, se, psk
 *     first transport message             ->      (confirms the keys)
 *
 * The responder learns the initiator's static key from message 1, decides whether to answer and
 * with which pre-shared key, and only then writes message 2. Payloads are empty. Prologue:
 * "entente/1\n" and the responder's node id (16 bytes). The MAC over message 1 is BLAKE2b-128 under
 * BLAKE2b-256("entente/mac/1\n" || responder's transport key): it lets the responder drop noise
 * before any Diffie-Hellman.
 */
#pragma once

#include "base/bytes.h"
#include "base/env.h"
#include "base/err.h"
#include "base/name.h"

#define NOISE_MAC_BYTES  16
#define NOISE_MSG1_BYTES 96 /* without MAC */
#define NOISE_MSG2_BYTES 48
#define NOISE_KEY_BYTES  32
#define NOISE_HASH_BYTES 64
#define NOISE_TAG_BYTES  16

/* One direction of a finished handshake: a key and a counter. */
struct noise_cipher {
	uint8_t key[NOISE_KEY_BYTES];
	uint64_t counter;
	uint64_t messages; /* since the last rekey */
	uint64_t bytes;
};

struct noise_handshake {
	uint8_t h[NOISE_HASH_BYTES], ck[NOISE_HASH_BYTES], k[NOISE_KEY_BYTES];
	bool has_key;
	uint64_t n;
	bool initiator;
	int step;                           /* messages done */
	uint8_t s_secret[32], s_public[32]; /* own static */
	uint8_t e_secret[32], e_public[32];
	uint8_t rs[32], re[32]; /* the other's static and ephemeral */
};

/* Own static key pair; initiator: also the responder's static key. rs NULL for the responder.
 * prologue as above (any bytes, so that the public vectors can be run). */
void noise_init(struct noise_handshake *hs, bool initiator, struct bytes prologue,
	const uint8_t s_secret[32], const uint8_t s_public[32], const uint8_t *rs);

/* Messages with a payload (empty in the protocol, not in the public vectors). out holds
 * NOISE_MSG1_BYTES or NOISE_MSG2_BYTES more than the payload; *out_len is set. e_secret: the fresh
 * ephemeral. psk before message 2. ENT_ECRYPTO on any failure, also an all-zero DH result;
 * the state is then unusable. */
int noise_write1(struct noise_handshake *hs, const uint8_t e_secret[32], struct bytes payload,
	uint8_t *out, size_t *out_len) MUST_CHECK;
int noise_read1(struct noise_handshake *hs, struct bytes message, uint8_t *payload,
	size_t *payload_len) MUST_CHECK;
int noise_write2(struct noise_handshake *hs, const uint8_t e_secret[32], const uint8_t psk[32],
	struct bytes payload, uint8_t *out, size_t *out_len) MUST_CHECK;
int noise_read2(struct noise_handshake *hs, const uint8_t psk[32], struct bytes message,
	uint8_t *payload, size_t *payload_len) MUST_CHECK;

/* After both messages: the two directions, and the handshake hash as channel binding. */
void noise_split(struct noise_handshake *hs, struct noise_cipher *send,
	struct noise_cipher *receive, uint8_t hash[NOISE_HASH_BYTES]);
void noise_wipe(struct noise_handshake *hs);

/* Transport. seal: out holds plain.len + 16. open: out holds message.len - 16. In place is allowed.
 * ENT_ECRYPTO: forged or out of order; ENT_ELIMIT: the counter is used up. */
int noise_seal(struct noise_cipher *c, struct bytes plain, uint8_t *out) MUST_CHECK;
int noise_open(struct noise_cipher *c, struct bytes message, uint8_t *out) MUST_CHECK;
/* k = first 32 bytes of ENCRYPT(k, 2^64-1, "", zeros); the counter goes on. */
void noise_rekey(struct noise_cipher *c);
/* Both sides rekey a direction after REKEY_MESSAGES messages or REKEY_BYTES plain bytes, counted
 * alike on both ends: seal and open do it by themselves. */

/* The MAC in front of message 1. verify: 0 or ENT_ECRYPTO. */
void noise_mac(uint8_t mac[NOISE_MAC_BYTES], const uint8_t responder_public[32],
	struct bytes message1);
int noise_mac_verify(const uint8_t mac[NOISE_MAC_BYTES], const uint8_t responder_public[32],
	struct bytes message1) MUST_CHECK;

/* "entente/1\n" || node id: 26 bytes. */
void noise_prologue(uint8_t out[26], const struct node_id *responder);
