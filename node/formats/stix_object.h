/* SPDX-License-Identifier: EUPL-1.2 */
/* One STIX object as claims. Private to node/formats. */
#pragma once

#include "formats/reading.h"
#include "formats/stix_marking.h"

struct stix_source {
	struct bytes raw; /* the object's bytes as they stand in the input */
	unsigned line;
	const json_t *json;
	struct bytes type;
	struct value id; /* canonical */
	struct stix_marks marks;
};

/* Hands over what the object says: claims, or a refusal. */
int stix_object_read(struct reading *r, const struct stix_source *s) MUST_CHECK;
