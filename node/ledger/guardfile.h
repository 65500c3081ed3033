/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The guard (DESIGN 11; STORE.md, "Guard"): last signed size and root of each own feed, one line
 *
 *     <origin line> <size> <base64 root>
 *
 * each. They stand in the newer of two slots of one file (store/slot.h), which also is the store's
 * journal, or, where they are more than a slot takes, are the whole file. Made durable before a
 * checkpoint leaves the process, kept out of backups. A store that is behind it was restored: then
 * the node is mute. The ledger's owner writes it (ledger.h).
 */
#pragma once

#include "base/buf.h"
#include "merkle/checkpoint.h"

#define GUARDFILE_FEEDS_MAX 4096u
#define GUARDFILE_BYTES_MAX (GUARDFILE_FEEDS_MAX * 256u)

struct guardfile_feed {
	struct log_name log;
	uint64_t size;
	struct hash root;
};

struct guardfile {
	size_t feeds_len;
	struct guardfile_feed *feeds;
};

/* ENT_EINVALID with the file's name and the line when it is broken; then g is empty. */
int guardfile_parse(struct guardfile *g, struct bytes text, const char *name,
	struct err_text *err) MUST_CHECK;
/* The same of a file; ENT_ENOTFOUND when there is none. For whoever starts or looks: the ledger
 * itself is given what was read. */
int guardfile_read(struct guardfile *g, const char *path, struct err_text *err) MUST_CHECK;
void guardfile_print(struct buf *out, const struct guardfile *g);
/* NULL: not in it, size 0. */
const struct guardfile_feed *guardfile_find(const struct guardfile *g, const struct log_name *log);
/* ENT_ELIMIT, ENT_ENOMEM. */
int guardfile_set(struct guardfile *g, const struct log_name *log, uint64_t size,
	const struct hash *root) MUST_CHECK;
int guardfile_copy(struct guardfile *to, const struct guardfile *from) MUST_CHECK;
void guardfile_free(struct guardfile *g);
