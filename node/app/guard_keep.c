/* SPDX-License-Identifier: EUPL-1.2 */
#include "app/guard_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/file.h"
#include "store/slot.h"

/* What a disk writes at once; a part of one would have to be read first. */
#define BLOCK_BYTES 4096u

_Static_assert(SLOT_BYTES % BLOCK_BYTES == 0, "a slot is whole blocks");

void guard_keeper_init(struct guard_keeper *k, const char *path, const char *journal_path)
{
	*k = (struct guard_keeper){.path = path, .journal = journal_path, .fd = -1};
}

static void file_close(struct guard_keeper *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	k->linked = false;
}

void guard_keeper_close(struct guard_keeper *k)
{
	file_close(k);
	free(k->block);
	k->block = NULL;
}

static bool is_named(const struct stat *file, const char *path)
{
	struct stat named;

	return lstat(path, &named) == 0 && file->st_ino == named.st_ino &&
	       file->st_dev == named.st_dev;
}

/* Somebody may have moved or removed the file: what is written then must not go beside it. */
static bool stands(const struct guard_keeper *k)
{
	struct stat file;

	return k->fd >= 0 && fstat(k->fd, &file) == 0 && is_named(&file, k->path) &&
	       (!k->linked || is_named(&file, k->journal));
}

bool guard_keeper_journals(const struct guard_keeper *k)
{
	return k->linked && !k->failed && stands(k);
}

/* --- a new file ------------------------------------------------------------------------------- */

static int directory_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[4096] = ".";
	int fd, rc;

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

/* The journal is this file from now on, or there is none: a former one tells of what is over. Where
 * the two lie on different file systems there is none. */
static int journal_link(struct guard_keeper *k, struct err_text *err)
{
	char beside[4096];

	snprintf(beside, sizeof(beside), "%s.new", k->journal);
	unlink(beside);
	k->linked = link(k->path, beside) == 0 && rename(beside, k->journal) == 0;
	unlink(beside);
	if (!k->linked && unlink(k->journal) != 0 && errno == ENOENT)
		return 0;
	if (access(k->journal, F_OK) == 0 && !k->linked)
		return err_set(err, ENT_EIO, "%s: cannot be removed", k->journal);
	if (directory_sync(k->journal) == 0)
		return 0;
	k->linked = false;
	return err_set(err, ENT_EIO, "%s: cannot sync its directory", k->journal);
}

/* Past the page cache where the file system has that: what goes through it is written later, on
 * ticks of a clock, by some of them. */
static int file_reopen(const struct guard_keeper *k)
{
	const int flags = O_WRONLY | O_DSYNC | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(k->path, flags | O_DIRECT);

	if (fd < 0)
		fd = open(k->path, flags);
	return fd;
}

static int write_new(struct guard_keeper *k, struct bytes lines, struct err_text *err)
{
	struct buf text = buf_with_max(GUARDFILE_BYTES_MAX);
	bool slots = slot_print(&text, 1, lines, BYTES_NONE);
	size_t used = text.len;
	uint8_t *rest;
	int rc;

	file_close(k);
	if (slots && (rest = buf_extend(&text, 2 * SLOT_BYTES - used)))
		memset(rest, 0, 2 * SLOT_BYTES - used);
	else if (!slots)
		buf_bytes(&text, lines); /* more feeds than a slot takes */
	rc = buf_failed(&text) ? err_set(err, ENT_ENOMEM, "out of memory")
			       : file_write(k->path, buf_view(&text), 0600, err);
	buf_free(&text);
	if (rc != 0)
		return rc;
	k->number = 1;
	k->used[0] = used;
	k->used[1] = 0;
	k->redo[0] = k->redo[1] = false;
	if (k->journal && (rc = journal_link(k, err)) != 0)
		return rc;
	/* Without it the next one is a new file again, which is as good. */
	if (slots)
		k->fd = file_reopen(k);
	k->linked = k->linked && k->fd >= 0;
	k->alone = !k->linked;
	return 0;
}

/* --- in place --------------------------------------------------------------------------------- */

static ssize_t put(int fd, const void *data, size_t len, off_t at)
{
	ssize_t done;

	do
		done = pwrite(fd, data, len, at);
	while (done < 0 && errno == EINTR);
	return done;
}

/* The slot that is not the newest, but for blocks that have nothing but NULs and had nothing else.
 * Once it is on the disk it is; until then the other one counts, for nothing has been signed on the
 * strength of this. */
static int write_slot(struct guard_keeper *k, struct bytes slot, bool redo, struct err_text *err)
{
	size_t other = k->number % 2;
	size_t len = slot.len > k->used[other] ? slot.len : k->used[other];
	const off_t at = (off_t)(other * SLOT_BYTES);
	ssize_t done;

	len = (len + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
	memcpy(k->block, slot.data, slot.len);
	memset(k->block + slot.len, 0, len - slot.len);
	done = put(k->fd, k->block, len, at);
	/* It was opened so, and cannot be written so. */
	if (done < 0 && errno == EINVAL && fcntl(k->fd, F_SETFL, O_DSYNC) == 0)
		done = put(k->fd, k->block, len, at);
	/* What failed may have left anything there: the next one covers all of the slot. */
	k->used[other] = SLOT_BYTES;
	k->redo[other] |= redo;
	if (done == (ssize_t)len) {
		k->number++;
		k->used[other] = slot.len;
		k->redo[other] = redo;
		return 0;
	}
	return err_set(err, ENT_EIO, "%s: cannot write: %s", k->path,
		done < 0 ? strerror(errno) : "no room");
}

static bool block_make(struct guard_keeper *k)
{
	if (!k->block)
		k->block = aligned_alloc(BLOCK_BYTES, SLOT_BYTES);
	return k->block != NULL;
}

int guard_keeper_save(struct guard_keeper *k, const struct guardfile *g, struct bytes redo,
	struct err_text *err)
{
	struct buf slot = buf_with_max(SLOT_BYTES), lines = buf_with_max(GUARDFILE_BYTES_MAX);
	int rc;

	guardfile_print(&lines, g);
	if (buf_failed(&lines))
		rc = err_set(err, ENT_ENOMEM, "out of memory");
	else if (!k->failed && (redo.len > 0 ? k->linked : stands(k)) && block_make(k) &&
		 slot_print(&slot, k->number + 1, buf_view(&lines), redo))
		rc = write_slot(k, buf_view(&slot), redo.len > 0, err);
	else if (redo.len > 0) /* what has not been committed must not be in a new file */
		rc = err_set(err, ENT_EIO, "%s: not as it was", k->path);
	else
		rc = write_new(k, buf_view(&lines), err);
	/* A sync that failed is not repeated: a new file is made. */
	k->failed = rc != 0;
	buf_free(&slot);
	buf_free(&lines);
	return rc;
}

int guard_keeper_wipe(struct guard_keeper *k, const struct guardfile *g, struct err_text *err)
{
	int rc = 0;

	if (k->fd < 0)
		return 0;
	for (unsigned i = 0; i < 2 && rc == 0 && (k->redo[0] || k->redo[1] || k->failed); i++)
		rc = guard_keeper_save(k, g, BYTES_NONE, err);
	return rc;
}
