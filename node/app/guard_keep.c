/* SPDX-License-Identifier: EUPL-1.2 */
#include "app/guard_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/file.h"

/* What a disk writes at once; a part of one would have to be read first. */
#define BLOCK_BYTES 4096u

_Static_assert(GUARDFILE_SLOT_BYTES % BLOCK_BYTES == 0, "a slot is whole blocks");

void guard_keeper_init(struct guard_keeper *k, const char *path)
{
	*k = (struct guard_keeper){.path = path, .fd = -1};
}

void guard_keeper_close(struct guard_keeper *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

/* Somebody may have moved or removed the file: what is written then must not go beside it. */
static bool stands(const struct guard_keeper *k)
{
	struct stat open_file, named;

	return k->fd >= 0 && fstat(k->fd, &open_file) == 0 && lstat(k->path, &named) == 0 &&
	       open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

static size_t without_nuls(struct bytes slot)
{
	while (slot.len > 0 && slot.data[slot.len - 1] == 0)
		slot.len--;
	return slot.len;
}

static int write_new(struct guard_keeper *k, const struct guardfile *g, struct err_text *err)
{
	struct buf text = buf_with_max(GUARDFILE_BYTES_MAX);
	uint8_t *other;
	bool slots;
	int rc;

	guard_keeper_close(k);
	k->number = 1;
	k->used[0] = k->used[1] = 0;
	slots = guardfile_slot_print(&text, g, k->number);
	k->used[0] = without_nuls(buf_view(&text));
	if (slots && (other = buf_extend(&text, GUARDFILE_SLOT_BYTES)))
		memset(other, 0, GUARDFILE_SLOT_BYTES);
	else if (!slots)
		guardfile_print(&text, g); /* more feeds than a slot takes */
	rc = buf_failed(&text) ? err_set(err, ENT_ENOMEM, "out of memory")
			       : file_write(k->path, buf_view(&text), 0600, err);
	buf_free(&text);
	/* Without it the next one is a new file again, which is as good. */
	if (rc == 0 && slots)
		k->fd = open(k->path, O_WRONLY | O_DSYNC | O_NOFOLLOW | O_CLOEXEC);
	return rc;
}

/* The slot that is not the newest, but for blocks that have nothing but NULs and had nothing else.
 * Once it is on the disk it is; until then the other one counts, for nothing has been signed on the
 * strength of this. */
static int write_slot(struct guard_keeper *k, struct bytes slot, struct err_text *err)
{
	size_t other = k->number % 2, used = without_nuls(slot);
	size_t len = used > k->used[other] ? used : k->used[other];
	ssize_t put;

	len = (len + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
	do
		put = pwrite(k->fd, slot.data, len, (off_t)(other * GUARDFILE_SLOT_BYTES));
	while (put < 0 && errno == EINTR);
	/* What failed may have left anything there: the next one covers all of the slot. */
	k->used[other] = GUARDFILE_SLOT_BYTES;
	if (put == (ssize_t)len) {
		k->number++;
		k->used[other] = used;
		return 0;
	}
	return err_set(err, ENT_EIO, "%s: cannot write: %s", k->path,
		put < 0 ? strerror(errno) : "no room");
}

int guard_keeper_save(struct guard_keeper *k, const struct guardfile *g, struct err_text *err)
{
	struct buf slot = buf_with_max(GUARDFILE_SLOT_BYTES);
	int rc;

	if (!stands(k) || !guardfile_slot_print(&slot, g, k->number + 1))
		rc = write_new(k, g, err);
	else if ((rc = write_slot(k, buf_view(&slot), err)) != 0)
		guard_keeper_close(k); /* a sync that failed is not repeated: a new file is made */
	buf_free(&slot);
	return rc;
}
