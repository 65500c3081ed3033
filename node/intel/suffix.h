/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Public suffixes (publicsuffix.org), asked of libpsl. Hardly any name is one, and whoever looks at
 * millions of names has a filter in front: a bit for each rule of the list, so that a name which no
 * rule can be about is not looked up.
 */
#pragma once

#include "base/bytes.h"
#include "base/err.h"

struct suffixes;

/*
 * text: the list as publicsuffix.org publishes it, for names by the million: some ten milliseconds.
 * None, or one that does not read: the system's list or the one built into libpsl, whichever is
 * newer, without a filter. ENT_ENOMEM, ENT_ENOTFOUND (no list).
 */
int suffixes_new(struct suffixes **s, struct bytes text) MUST_CHECK;
void suffixes_free(struct suffixes *s);

/* Where the text of the system's list is, if it has one; false: nobody knows. */
bool suffixes_text_path(char *path, size_t cap);
/* Of when the list is that is built into libpsl, in seconds since 1970: an older text is none. */
int64_t suffixes_built_in_time(void);

/* Is the name, in canonical form, one under which strangers register? By several threads. */
bool suffixes_have(const struct suffixes *s, struct bytes name);
