/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * STIX patterns (STIX 2.1 part 9; 2.0 has the same forms). The whole language is parsed, so that a
 * pattern that is none is told from one that says more than a value; the latter is not evaluated.
 *
 * Two liberties: a backslash before anything but a quote or a backslash stands for itself, and
 * dates such as 30 February pass, as they do in the OASIS validator. Private to node/formats.
 */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/vocab.h"

#define PATTERN_DEPTH_MAX 64u /* parentheses in each other; people write three */

struct pattern_value {
	enum type want;         /* TYPE_NONE: an address or name of whatever form */
	struct bytes text;      /* unescaped */
	uint32_t port;          /* 0: none */
	struct bytes file_name; /* of the file with this hash; empty: none */
	struct pattern_value *next;
};

struct pattern {
	/*
	 * A choice of plain comparisons with values of our types (CONVENTIONS 1). What an AND adds
	 * is taken along where it only narrows the value down: a port, the type of a reference,
	 * the name of a file. Else values is empty, and the pattern is to be carried as it is.
	 */
	bool simple;
	struct pattern_value *values;
};

/* ENT_EINVALID with what was found and where, ENT_ENOMEM. Views into text or in the arena. */
int pattern_read(struct pattern *p, struct bytes text, struct arena *a,
	struct err_text *err) MUST_CHECK;
