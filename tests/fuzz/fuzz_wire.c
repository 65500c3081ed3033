/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: proto */
/* A message of a session: the first byte is its type, the rest its payload. */
#include <assert.h>
#include <stdlib.h>

#include "proto/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes is within bounds, so it encodes; and what was encoded decodes to the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = buf_with_max(2 * WIRE_MESSAGE_MAX), twice = once;
	struct arena arena = {0};
	struct wire_message m;

	if (size == 0 || wire_decode(data[0], bytes_from(data + 1, size - 1), &arena, &m) != 0)
		goto out;
	if (wire_encode(&once, &m) != 0)
		abort();
	assert(once.len <= size - 1 + WIRE_PREFIX_BYTES && once.data[4] == data[0]);
	if (wire_decode(data[0], bytes_skip(buf_view(&once), WIRE_PREFIX_BYTES), &arena, &m) != 0 ||
		wire_encode(&twice, &m) != 0)
		abort();
	assert(bytes_eq(buf_view(&once), buf_view(&twice)));
out:
	buf_free(&once);
	buf_free(&twice);
	arena_free(&arena);
	return 0;
}
