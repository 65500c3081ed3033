/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Files of a home copied with their modes, and a manifest of what was copied: one line a file,
 *
 *     <SHA-256, hex> <size> <mode, octal> <path>
 *
 * behind the line "entente/backup/v1", written last. A copy that is cut short has none.
 */
#pragma once

#include "base/buf.h"
#include "cli/cli.h"

#define COPY_MANIFEST  "MANIFEST"
#define COPY_FILES_MAX 65536u

struct copy {
	struct cli *cli;
	const char *from, *to;
	bool (*pass)(const char *path); /* what is copied; a directory that is not: nothing below */
	bool (*follow)(const char *path); /* of links: they are copied as what they lead to */
	struct buf manifest;
	uint64_t files, bytes;
};

/* Every regular file below from whose path passes; directories are made, 0700. 0, or the exit
 * status after cli_fail. */
int copy_tree(struct copy *c) MUST_CHECK;
/* Enters a file that stands in the copy already: its hash as it reads there. */
int copy_enter(struct copy *c, const char *path, mode_t mode) MUST_CHECK;
/* Everything is durable, and said so. */
int copy_finish(struct copy *c) MUST_CHECK;
/* SHA-256 of the manifest that copy_finish will write. */
int copy_manifest_hash(struct copy *c, uint8_t hash[32]) MUST_CHECK;
/* Copies what the manifest in from names, comparing it. */
int copy_manifest(struct copy *c) MUST_CHECK;
/* Makes the directories that the path in `to` needs. */
int copy_parents(struct copy *c, const char *path) MUST_CHECK;
void copy_remove(const char *path); /* a tree of ours */
