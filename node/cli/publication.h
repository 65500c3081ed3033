/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a publication has put into own feeds, as the acts `published` of the provenance log tell:
 * for whoever published the wrong list and takes it back.
 */
#pragma once

#include "cli/cli.h"

/*
 * Calls visit for each entry of the publication whose id (hex) begins with prefix, in the order of
 * publishing; views die with the call. log: its log. not_kept: so many more lie below the floor;
 * what of them still held has been said again, under no publication. 0, the visitor's value if not
 * 0, or the exit status after cli_fail: CLI_NOT when there is none, CLI_INVALID when several ids
 * begin so. After cli_need_store; renews the reader as it goes.
 */
int publication_each(struct cli *c, const char *prefix,
	int (*visit)(void *ctx, const struct log_name *log, const struct store_entry *e), void *ctx,
	uint64_t *not_kept) MUST_CHECK;
