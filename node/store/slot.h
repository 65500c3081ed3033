/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The file of two slots that is both guard and journal (STORE.md, "Guard" and "Journal"): bytes in,
 * bytes out. A slot is
 *
 *     slot <number> <bytes of lines> <bytes of redo> <base64 SHA-256>\n lines redo NULs
 *
 * the hash over u64 number, u64 bytes of lines, lines and redo. Of the slots that are whole the one
 * with the greater number counts, so that a write which a crash cuts short leaves the other one.
 * Former versions wrote slots of SLOT_BYTES_FORMER without redo; they are read.
 */
#pragma once

#include "base/buf.h"

/* Guard lines of a hundred feeds and a redo of STORE_REDO_MAX; pages of its own. */
#define SLOT_BYTES        65536u
#define SLOT_BYTES_FORMER 16384u
#define SLOT_LINES_MAX    16128u

struct slot {
	uint64_t number;
	struct bytes lines; /* views into the file */
	struct bytes redo;
};

/* False, and out as it was: they do not fit. Without the NULs behind. */
bool slot_print(struct buf *out, uint64_t number, struct bytes lines, struct bytes redo);
/* The slot that counts. False: the file is no two slots, or neither is whole. */
bool slot_newest(struct bytes file, struct slot *newest);
