/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: merkle */
/*
 * Proof of a split view. The first byte chooses: 0 the file that travels by hand, else the payload
 * of SPLIT. What reads is written back to the same bytes, and nothing that was not signed proves
 * anything.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "merkle/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The public key of RFC 8032, test 2: nobody has signed a checkpoint with it. */
static const uint8_t stranger[32] = {0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7,
	0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc, 0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0,
	0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c};

static void file_input(struct bytes text)
{
	struct buf again = buf_with_max(SPLIT_TEXT_MAX);
	struct split s;
	uint8_t key[32];

	if (split_parse(text, "split", &s, key, NULL) != 0)
		return;
	split_text(&again, &s, key);
	assert(bytes_eq(buf_view(&again), text));
	buf_free(&again);
	if (split_verify(&s, key) == 0)
		assert(s.first.size > 0 && s.first.size <= s.second.size);
	assert(split_verify(&s, stranger) != 0);
}

static void message_input(struct bytes payload)
{
	struct buf again = buf_with_max(WIRE_MESSAGE_MAX);
	struct wire_message m = {.type = WIRE_SPLIT};
	struct arena arena = {0};
	struct split s;

	if (wire_decode(WIRE_SPLIT, payload, &arena, &m) == 0) {
		split_from_wire(&s, &m.split);
		assert(split_verify(&s, stranger) != 0);
		m = (struct wire_message){.type = WIRE_SPLIT};
		split_to_wire(&m.split, &s);
		if (wire_encode(&again, &m) != 0)
			abort();
	}
	buf_free(&again);
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 0)
		file_input(bytes_from(data + 1, size - 1));
	else
		message_input(bytes_from(data + 1, size - 1));
	return 0;
}
