/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: keys */
/* Rosters. One that is taken is written back byte for byte. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "keys/roster.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_from(data, size);
	struct buf text = buf_with_max(NOTE_BYTES_MAX);
	struct arena arena = {0};
	struct roster r, again;
	struct err_text err;

	if (roster_parse(input, "f", &arena, &r, &err) == 0) {
		assert(r.signers_len >= 1 && r.threshold >= 1 && r.threshold <= r.signers_len);
		assert(r.signatures_valid <= r.signers_len);
		roster_text(&text, &r);
		assert(input.len >= text.len &&
			bytes_eq(bytes_from(input.data, text.len), buf_view(&text)));
		assert(roster_parse(buf_view(&text), "f", &arena, &again, &err) == 0);
		assert(roster_follows(&r, &again, buf_view(&text), "f", &err) == 0);
	}
	buf_free(&text);
	arena_free(&arena);
	return 0;
}
