/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: net */
/* Framing: however the bytes of a connection are cut on their way, the same units come out. */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "net/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came out: how often, with which end, and a digest of all of it. */
struct outcome {
	unsigned units;
	int rc;
	uint8_t digest[16];
};

static void digest_unit(struct outcome *o, uint8_t type, const uint8_t *unit, size_t len)
{
	crypto_generichash_state s;

	crypto_generichash_init(&s, o->digest, sizeof(o->digest), sizeof(o->digest));
	crypto_generichash_update(&s, &type, 1);
	crypto_generichash_update(&s, unit, len);
	crypto_generichash_final(&s, o->digest, sizeof(o->digest));
	o->units++;
}

static int next_unit(struct net_gather *g, struct bytes *input, bool frames, struct outcome *o)
{
	struct bytes payload = BYTES_NONE;
	uint8_t *message = NULL, type = 0;
	size_t len = 0;
	int rc;

	if (frames) {
		rc = net_frame_next(g, input, &message, &len);
		if (rc == 1)
			digest_unit(o, 0, message, len);
		return rc;
	}
	rc = net_message_next(g, input, &type, &payload);
	if (rc == 1)
		digest_unit(o, type, payload.data, payload.len);
	return rc;
}

/* Feeds a copy of the input in pieces of up to step bytes. */
static struct outcome feed(const uint8_t *data, size_t size, size_t step, bool frames)
{
	struct outcome o = {0};
	struct net_gather g = {0};
	uint8_t *copy = malloc(size + 1);

	assert(copy);
	if (size)
		memcpy(copy, data, size);
	for (size_t at = 0; at < size && o.rc >= 0; at += step) {
		struct bytes piece = bytes_from(copy + at, size - at < step ? size - at : step);

		do {
			o.rc = next_unit(&g, &piece, frames, &o);
		} while (o.rc == 1);
		net_gather_trim(&g);
	}
	net_gather_free(&g);
	free(copy);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step;

	if (size == 0)
		return 0;
	step = 1u + data[0];
	for (int frames = 0; frames < 2; frames++) {
		struct outcome whole = feed(data + 1, size - 1, size, frames);
		struct outcome cut = feed(data + 1, size - 1, step, frames);

		assert(memcmp(&whole, &cut, sizeof(whole)) == 0);
	}
	return 0;
}
