/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: proto */
/* Packed entries, one behind the other, as they travel in DATA and lie in the store. */
#include <assert.h>
#include <stdlib.h>

#include "proto/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An entry that was read packs to the very bytes it was read from, header included. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(bytes_from(data, size));
	struct entry entry;

	while (!cursor_done(&c)) {
		const uint8_t *start = c.at;
		struct entry_header h;
		uint8_t leaf[ENTRY_HEADER_BYTES], *packed;
		size_t len;

		if (entry_next(&c, &entry) != 0)
			break;
		len = entry_packed_len(&entry);
		assert(len == (size_t)(c.at - start) && len <= ENTRY_PACKED_MAX);
		packed = malloc(len);
		if (!packed)
			abort();
		entry_pack(packed, &entry);
		assert(memcmp(packed, start, len) == 0);
		free(packed);
		entry_header_decode(entry.leaf, &h);
		entry_header_encode(leaf, &h);
		assert(bytes_eq(entry.leaf, BYTES_OF(leaf)));
	}
	return 0;
}
