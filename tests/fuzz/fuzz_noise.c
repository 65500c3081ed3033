/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: noise */
/*
 * The handshake and the record layer under bytes of a stranger and under a wire that changes them:
 * what was not sent by the other side is never taken.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sodium.h>

#include "base/cursor.h"
#include "noise/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t psk[32] = {7};
static uint8_t secrets[2][32], publics[2][32], ephemerals[2][32];
static uint8_t *scratch; /* a payload of any length that the input can have */

struct ends {
	struct noise_handshake init, resp;
	uint8_t message1[NOISE_MSG1_BYTES], message2[NOISE_MSG2_BYTES];
};

static void ends_init(struct ends *e)
{
	struct bytes prologue = bytes_str("entente/1\n0123456789abcdef");
	size_t len;

	noise_init(&e->init, true, prologue, secrets[0], publics[0], publics[1]);
	noise_init(&e->resp, false, prologue, secrets[1], publics[1], NULL);
	assert(noise_write1(&e->init, ephemerals[0], BYTES_NONE, e->message1, &len) == 0);
}

static void ends_answer(struct ends *e)
{
	size_t len;

	assert(noise_read1(&e->resp, BYTES_OF(e->message1), scratch, &len) == 0 && len == 0);
	assert(noise_write2(&e->resp, ephemerals[1], psk, BYTES_NONE, e->message2, &len) == 0);
}

/* XORs the input over the message; false when that changes nothing. */
static bool damage(uint8_t *message, size_t len, struct cursor *c)
{
	bool changed = false;

	for (size_t i = 0; i < len && cursor_left(c) > 0; i++) {
		uint8_t x = cursor_u8(c);

		message[i] ^= x;
		changed = changed || x != 0;
	}
	return changed;
}

static void strangers_bytes(struct cursor *c)
{
	struct bytes all = cursor_bytes(c, cursor_left(c));
	uint8_t mac[NOISE_MAC_BYTES];
	struct ends e;
	size_t len;

	ends_init(&e);
	assert(noise_read1(&e.resp, all, scratch, &len) == ENT_ECRYPTO);
	assert(noise_read2(&e.init, psk, all, scratch, &len) == ENT_ECRYPTO);
	noise_mac(mac, publics[1], all);
	assert(noise_mac_verify(mac, publics[1], all) == 0);
	assert(noise_mac_verify(mac, publics[0], all) == ENT_ECRYPTO);
}

static void damaged_handshake(struct cursor *c, bool second)
{
	struct ends e;
	size_t len;
	int rc;

	ends_init(&e);
	if (!second) {
		bool changed = damage(e.message1, sizeof(e.message1), c);

		rc = noise_read1(&e.resp, BYTES_OF(e.message1), scratch, &len);
		assert((rc == 0) == !changed);
		return;
	}
	ends_answer(&e);
	bool changed = damage(e.message2, sizeof(e.message2), c);

	rc = noise_read2(&e.init, psk, BYTES_OF(e.message2), scratch, &len);
	assert((rc == 0) == !changed);
}

/* Frames in both directions, some damaged, rekey boundaries anywhere. */
static void transport(struct cursor *c)
{
	struct noise_cipher ends[2][2];
	uint8_t hash[NOISE_HASH_BYTES], frame[300], plain[300];
	struct ends e;
	size_t len;

	ends_init(&e);
	ends_answer(&e);
	assert(noise_read2(&e.init, psk, BYTES_OF(e.message2), scratch, &len) == 0);
	noise_split(&e.init, &ends[0][0], &ends[1][1], hash);
	noise_split(&e.resp, &ends[1][0], &ends[0][1], hash);
	while (cursor_ok(c) && cursor_left(c) > 0) {
		uint8_t what = cursor_u8(c);
		struct noise_cipher *send = &ends[what & 1][0], *receive = &ends[what & 1][1];
		struct bytes text = cursor_bytes(c, cursor_u8(c) % 256);

		if (what & 2)
			send->messages = receive->messages = (1u << 20) - 1;
		assert(noise_seal(send, text, frame) == 0);
		if (what & 4) {
			frame[what % (text.len + NOISE_TAG_BYTES)] ^= (uint8_t)(1 << (what >> 5));
			assert(noise_open(receive, bytes_from(frame, text.len + NOISE_TAG_BYTES),
				       plain) == ENT_ECRYPTO);
			return;
		}
		assert(noise_open(receive, bytes_from(frame, text.len + NOISE_TAG_BYTES), plain) ==
			0);
		assert(bytes_eq(text, bytes_from(plain, text.len)));
	}
}

static bool prepare(void)
{
	if (sodium_init() < 0)
		return false;
	for (uint8_t i = 0; i < 2; i++) {
		memset(secrets[i], 11 + i, sizeof(secrets[i]));
		memset(ephemerals[i], 23 + i, sizeof(ephemerals[i]));
		crypto_scalarmult_base(publics[i], secrets[i]);
	}
	scratch = malloc(65536);
	return scratch != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(bytes_from(data, size));

	if (!scratch && !prepare())
		return 0;
	switch (cursor_u8(&c) % 4) {
	case 0:
		strangers_bytes(&c);
		break;
	case 1:
		damaged_handshake(&c, false);
		break;
	case 2:
		damaged_handshake(&c, true);
		break;
	default:
		transport(&c);
	}
	return 0;
}
