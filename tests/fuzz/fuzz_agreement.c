/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: keys */
/* Agreements and revocations. An agreement that is taken is written back byte for byte. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "keys/agreement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_agreement(struct bytes input, struct arena *arena)
{
	struct buf text = buf_with_max(NOTE_BYTES_MAX), words = buf_with_max(200);
	struct agreement a, again;
	struct err_text err;

	if (agreement_parse(input, "f", arena, &a, &err) != 0)
		return;
	assert(a.parties_len >= 2 && a.signatures_valid <= a.parties_len);
	agreement_text(&text, &a);
	assert(input.len >= text.len &&
		bytes_eq(bytes_from(input.data, text.len), buf_view(&text)));
	assert(agreement_parse(buf_view(&text), "f", arena, &again, &err) == 0);
	assert(agreement_same_parties(&a, &again));
	agreement_words(&a, &words);
	assert(!buf_failed(&words));
	buf_free(&text);
	buf_free(&words);
}

static void check_revocation(struct bytes input)
{
	struct agreement_party party = {.name = "fr"};
	struct agreement a = {.parties = &party, .parties_len = 1};
	struct revocation r;
	struct err_text err;

	assert(revocation_parse(input, "f", &a, NULL, &r, &err) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};

	check_agreement(bytes_from(data, size), &arena);
	check_revocation(bytes_from(data, size));
	arena_free(&arena);
	return 0;
}
