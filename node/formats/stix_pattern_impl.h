/* SPDX-License-Identifier: EUPL-1.2 */
/* The tree between parsing a pattern and telling what it says. Private to stix_pattern*.c. */
#pragma once

#include "formats/stix_pattern.h"

enum pattern_op { OP_EQUAL, OP_IN, OP_SUBSET, OP_OTHER };

enum pattern_kind { PATTERN_TEST, PATTERN_AND, PATTERN_OR };

/* A constant as far as a value can be one: a string unescaped, or the digits of a number. */
struct pattern_constant {
	struct bytes text;
	struct pattern_constant *next;
};

struct pattern_node {
	enum pattern_kind kind;
	struct pattern_node *children, *next; /* of AND and OR */
	struct bytes path;                    /* of a test: without blanks, keys unquoted */
	enum pattern_op op;
	struct pattern_constant *constants;
};

struct pattern_tree {
	/* Only choices of observations, without qualifiers; then observations are the choices. */
	bool plain;
	struct pattern_node *observations;
};

int pattern_parse(struct pattern_tree *tree, struct bytes text, struct arena *a,
	struct err_text *err) MUST_CHECK;
