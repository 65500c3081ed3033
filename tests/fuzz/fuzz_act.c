/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: proto */
/* The body of an entry of a provenance log. */
#include <assert.h>
#include <stdlib.h>

#include "proto/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes is within bounds, so it encodes; and what was encoded decodes to the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = buf_with_max(2 * ENTRY_BODY_MAX), twice = once;
	struct arena arena = {0};
	struct act_body act;

	if (act_body_decode(bytes_from(data, size), &arena, &act) != 0)
		goto out;
	if (act_body_encode(&once, &act) != 0 ||
		act_body_decode(buf_view(&once), &arena, &act) != 0 ||
		act_body_encode(&twice, &act) != 0)
		abort();
	assert(once.len <= size && bytes_eq(buf_view(&once), buf_view(&twice)));
out:
	buf_free(&once);
	buf_free(&twice);
	arena_free(&arena);
	return 0;
}
