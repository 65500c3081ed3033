/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The guard file (DESIGN 11; STORE.md, "Guard"): last signed size and root of each own feed, one
 * line
 *
 *     <origin line> <size> <base64 root>
 *
 * each. Written and synced before a checkpoint leaves the process, kept out of backups. A store
 * that is behind it was restored: then the node is mute.
 */
#pragma once

#include "merkle/checkpoint.h"

#define GUARDFILE_FEEDS_MAX 4096

struct guardfile_feed {
	struct log_name log;
	uint64_t size;
	struct hash root;
};

struct guardfile {
	char path[512];
	size_t feeds_len;
	struct guardfile_feed *feeds;
};

/* ENT_ENOTFOUND when there is none; ENT_EINVALID with file and line when it is broken. */
int guardfile_read(struct guardfile *g, const char *path, struct err_text *err) MUST_CHECK;
/* NULL: not in it, size 0. */
const struct guardfile_feed *guardfile_find(const struct guardfile *g, const struct log_name *log);
/* In memory; then guardfile_write makes it durable. */
int guardfile_set(struct guardfile *g, const struct log_name *log, uint64_t size,
	const struct hash *root) MUST_CHECK;
int guardfile_write(const struct guardfile *g, struct err_text *err) MUST_CHECK;
void guardfile_free(struct guardfile *g);
