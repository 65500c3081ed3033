/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: keys */
/* The file of the stop button: what reads writes back to the same bytes. */
#include <stdlib.h>

#include "keys/pausefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pausefile p;
	struct buf again = buf_with_max(PAUSEFILE_BYTES_MAX);
	struct err_text why;

	if (pausefile_parse(&p, bytes_from(data, size), "paused", &why) == 0) {
		pausefile_print(&again, &p);
		if (!bytes_eq(buf_view(&again), bytes_from(data, size)))
			abort();
	} else if (pausefile_any(&p)) {
		abort();
	}
	buf_free(&again);
	return 0;
}
