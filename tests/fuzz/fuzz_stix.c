/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: formats */
#include "fuzz/fuzz_reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_run(FORMAT_STIX, bytes_from(data, size));
	fuzz_run(FORMAT_AUTO, bytes_from(data, size));
	return 0;
}
