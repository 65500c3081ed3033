/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Parts of the documents that commands print (CLI.md): made by the daemon where it answers, and by
 * a command itself where no daemon runs. Both read the store, so both say the same.
 */
#pragma once

#include <jansson.h>

#include "store/store.h"

/* FEED of status. name: the origin's, for people. NULL: out of memory. */
json_t *document_feed(struct store_reader *r, const struct store_log *log, const char *name);
