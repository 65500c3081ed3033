/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Public suffixes: names under which strangers register. The answers are libpsl's, of its newest
 * list; it is not asked about the many names of which it is known that no rule of the list says
 * anything. So much is known where the list is a file in libpsl's own format 0, a graph that is
 * gone through once; of another list libpsl is asked each time.
 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

struct suffixes;

/* The system's list or the one built into libpsl, whichever is newer. ENT_ENOMEM, ENT_ENOTFOUND (no
 * list). */
int suffixes_new(struct suffixes **s) MUST_CHECK;
void suffixes_free(struct suffixes *s); /* NULL is allowed */

/* Is this canonical name a public suffix? What is too long for a name is none. Several threads may
 * ask at once. */
bool suffixes_have(const struct suffixes *s, struct bytes name);

/* For tests: what libpsl says by itself, and whether it would be asked. */
bool suffixes_listed(const struct suffixes *s, struct bytes name);
bool suffixes_may_have(const struct suffixes *s, struct bytes name);
