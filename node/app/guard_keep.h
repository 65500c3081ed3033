/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Writes the guard (STORE.md, "Guard"): a new file first and after every failure, from then on one
 * of its two slots in place, which is one synced write instead of a new file, two syncs and a
 * rename. Called by the writer's thread alone.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "ledger/guardfile.h"

struct guard_keeper {
	const char *path; /* borrowed */
	int fd;           /* -1: the next one is a new file */
	uint64_t number;  /* of the slot last written */
	size_t used[2];   /* of each slot, what is not NULs */
};

void guard_keeper_init(struct guard_keeper *k, const char *path);
/* 0 when it is on the disk; on an error the file is what it was, or what was to be written. */
int guard_keeper_save(struct guard_keeper *k, const struct guardfile *g,
	struct err_text *err) MUST_CHECK;
void guard_keeper_close(struct guard_keeper *k);
