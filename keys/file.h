/* SPDX-License-Identifier: EUPL-1.2 */
/* Files as keys/ needs them: read whole under a bound, written whole or not at all. */
#pragma once

/* In a node's directory, while it is mute: peers that it was told to go on without, an id a line.
 * It holds for that muteness alone, so it is in no backup. */
#define RECOVER_WITHOUT_NAME "recover.without"

#include <sys/stat.h>

#include "base/buf.h"

/* Reads a regular file (never a device, FIFO or directory; "-" is standard input) of at most
 * out->max bytes in all. The error names the file and says why; ENT_ENOTFOUND when there is none.
 */
int file_read(const char *path, struct buf *out, struct err_text *err) MUST_CHECK;

/* The same for a path that may not be a symbolic link; "-" is a name like any other. */
int file_read_nofollow(const char *path, struct buf *out, struct err_text *err) MUST_CHECK;

/* Opens a regular file for reading; flags are added to open's. The caller closes *fd. */
int file_open(const char *path, int flags, int *fd, struct stat *st,
	struct err_text *err) MUST_CHECK;

/* Writes beside it, syncs file and directory, renames over. */
int file_write(const char *path, struct bytes data, mode_t mode, struct err_text *err) MUST_CHECK;

/* The same, but ENT_EEXISTS when the file is there. */
int file_create(const char *path, struct bytes data, mode_t mode, struct err_text *err) MUST_CHECK;

/* Makes a directory unless it is there. */
int file_directory(const char *path, mode_t mode, struct err_text *err) MUST_CHECK;

/* dir + "/" + name into out; ENT_ELIMIT when it does not fit. */
int file_path(char *out, size_t cap, const char *dir, const char *name) MUST_CHECK;
