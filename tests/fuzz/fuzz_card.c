/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: keys */
/* Cards and chains. What is taken is written back byte for byte. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "keys/card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_card(struct bytes input)
{
	struct buf text = buf_with_max(NOTE_BYTES_MAX);
	struct err_text err;
	struct card c;
	bool is_signed;
	int rc = card_draft_parse(input, "f", &c, &is_signed, &err);

	assert(card_parse(input, "f", &c, NULL) != 0 || (rc == 0 && is_signed));
	if (rc != 0)
		return;
	card_text(&text, &c);
	assert(input.len >= text.len &&
		bytes_eq(bytes_from(input.data, text.len), buf_view(&text)));
	buf_free(&text);
}

static void check_chain(struct bytes input)
{
	struct buf again = buf_with_max(4 * NOTE_BYTES_MAX);
	struct arena arena = {0};
	struct card_chain chain;
	struct err_text err;

	if (card_chain_read(input, "f", &arena, &chain, &err) == 0) {
		card_chain_write(&again, &chain);
		assert(buf_failed(&again) || bytes_eq(buf_view(&again), input));
		assert(card_chain_compare(&chain, &chain) == CARD_SAME);
	}
	arena_free(&arena);
	buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_card(bytes_from(data, size));
	check_chain(bytes_from(data, size));
	return 0;
}
