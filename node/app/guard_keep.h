/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Writes the guard, which also is the store's journal: one file under two names (STORE.md, "Guard"
 * and "Journal"). A new file first and after every failure, from then on one of its two slots in
 * place, which is one round to the disk instead of a new file, syncs and renames. Called by the
 * writer's thread alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "ledger/guardfile.h"

struct guard_keeper {
	const char *path;    /* borrowed */
	const char *journal; /* its other name; likewise. NULL: none */
	int fd;              /* -1: the next one is a new file */
	uint64_t number;     /* of the slot last written */
	size_t used[2];      /* of each slot, what is not NULs */
	uint8_t *block;      /* a slot, where the disk can take it from; NULL: none yet */
	bool redo[2];        /* a slot has one */
	bool linked;         /* the journal is this file, */
	bool alone;          /* or cannot be: the last new file was not linked, or has no slots */
	bool failed;         /* the last write did: what the file says is not known */
};

/* journal_path: NULL for none. */
void guard_keeper_init(struct guard_keeper *k, const char *path, const char *journal_path);
/*
 * 0 when it is on the disk; on an error the file is what it was, or what was to be written.
 * redo: only where guard_keeper_journals has just said so; empty: the journal then has none.
 */
int guard_keeper_save(struct guard_keeper *k, const struct guardfile *g, struct bytes redo,
	struct err_text *err) MUST_CHECK;
/* The slot that would be written next is of the file that stands under both names. */
bool guard_keeper_journals(const struct guard_keeper *k);
/* Takes every redo out of the file: it may have what was erased since. */
int guard_keeper_wipe(struct guard_keeper *k, const struct guardfile *g,
	struct err_text *err) MUST_CHECK;
void guard_keeper_close(struct guard_keeper *k);
