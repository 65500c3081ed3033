/* SPDX-License-Identifier: EUPL-1.2 */
/* What the commands about agreements share. */
#pragma once

#include "cli/cli.h"

/* An agreement by the prefix of its id (of this home) or from a file, with the note it was read
 * from; both live as long as c. 0, or the exit status after cli_fail. */
int cli_load_agreement(struct cli *c, const char *id_or_file, struct agreement *a,
	struct bytes *note) MUST_CHECK;
