/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: formats */
/* A pattern that is simple has values, and they are of types that indicators have. */
#include <stdlib.h>

#include "formats/stix_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err_text err = {""};
	struct arena arena = {0};
	struct pattern p;
	int ret = pattern_read(&p, bytes_from(data, size), &arena, &err);

	if (ret && (!err.text[0] || ret != ENT_EINVALID))
		abort();
	if (!ret && p.simple != (p.values != NULL))
		abort();
	for (struct pattern_value *v = ret ? NULL : p.values; v; v = v->next)
		if (v->want >= TYPE_STIX || v->port > UINT16_MAX || v->text.len > size)
			abort();
	arena_free(&arena);
	return 0;
}
