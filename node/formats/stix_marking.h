/* SPDX-License-Identifier: EUPL-1.2 */
/* What the marking definitions of a STIX input mean. Private to node/formats. */
#pragma once

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/vocab.h"

#define STIX_MARKINGS_MAX 1024u /* definitions in one input, besides the predefined ones */

struct stix_marking {
	char *id;
	enum tlp tlp; /* TLP_NONE and PAP_NONE: a statement, such as a copyright */
	enum pap pap;
	bool unknown; /* limits sharing in a way that is not understood here */
};

struct stix_markings {
	struct stix_marking *items;
	size_t len;
};

void stix_markings_free(struct stix_markings *m);
/* Learns a marking-definition object. ENT_ELIMIT: STIX_MARKINGS_MAX; ENT_ENOMEM. */
int stix_markings_learn(struct stix_markings *m, const char *id,
	const json_t *definition) MUST_CHECK;
/* True for the markings and the extension that STIX and FIRST define, which every reader knows. */
bool stix_is_predefined(const char *id);

/* The markings of one object together, the strictest counting. */
struct stix_marks {
	enum tlp tlp;
	enum pap pap;
	const char *undefined; /* id of a marking that is not defined (yet) */
	const char *unknown;   /* id of one that is not understood */
};

/* Reads object_marking_refs and granular_markings; false when they are not as they must be. */
bool stix_marks_read(const struct stix_markings *m, const json_t *object, struct stix_marks *marks);
