/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The journal as the store finds it when it opens (STORE.md, "Journal").
 *
 * A commit by journal is in the page cache, synced behind: when the machine dies meanwhile the page
 * that makes it valid may be on the disk without the pages to which that page leads. So whoever
 * comes first afterwards puts that meta page back to what it was, which takes the file back to
 * the commit before (no page of that one has been written over, for LMDB spares those of the last
 * two), and does the transaction again.
 *
 * Who has the environment open shows in a lock that LMDB keeps on the first byte of lock.mdb.
 * Where somebody has it, somebody has been first already, or the machine has not died since:
 * then nothing may be put back, nor need it be.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "store/impl.h"
#include "store/slot.h"

#define PATH_SIZE 4096

static void path_of(char out[PATH_SIZE], const struct store *s, const char *name)
{
	snprintf(out, PATH_SIZE, "%s/log/%s", s->data, name);
}

/* --- what a record says of the file ----------------------------------------------------------- */

struct metas {
	uint32_t page_bytes, newer;
	uint8_t head[2][REDO_META_BYTES];
};

static bool metas_read(int fd, struct metas *m)
{
	for (unsigned i = 0; i < 2; i++)
		if (pread(fd, m->head[i], REDO_META_BYTES, (off_t)i * m->page_bytes) !=
			(ssize_t)REDO_META_BYTES)
			return false;
	return true;
}

int journal_metas_put(struct store *s, uint8_t *out)
{
	struct metas m;
	MDB_envinfo info;
	MDB_stat stat;
	int fd;

	if (mdb_env_get_fd(s->log.env, &fd) != 0 || mdb_env_info(s->log.env, &info) != 0 ||
		mdb_env_stat(s->log.env, &stat) != 0)
		return 0;
	m.page_bytes = stat.ms_psize;
	m.newer = info.me_last_txnid & 1;
	if (!metas_read(fd, &m))
		return ENT_EIO;
	be32_put(out, m.page_bytes);
	be32_put(out + 4, m.newer);
	memcpy(out + 8, m.head, sizeof(m.head));
	return 0;
}

static bool metas_of(struct bytes redo, struct metas *m)
{
	if (redo.len < REDO_HEAD_BYTES)
		return false;
	m->page_bytes = be32_get(redo.data + 48);
	m->newer = be32_get(redo.data + 52);
	memcpy(m->head, redo.data + 56, sizeof(m->head));
	return m->page_bytes >= 512 && m->page_bytes <= 65536 && m->newer < 2;
}

enum standing {
	STANDS_ELSEWHERE, /* further on, or another file: the record is not about what is here */
	STANDS_BEFORE,    /* the transaction is not here */
	STANDS_AT,        /* it is, whether all of it or not */
};

/* The page of the commit before stays until the one after the transaction: while it is as it was
 * the transaction is the newest, or has not been. */
static enum standing standing(int fd, const struct metas *was)
{
	struct metas is = {.page_bytes = was->page_bytes};

	if (!metas_read(fd, &is) ||
		memcmp(is.head[was->newer], was->head[was->newer], REDO_META_BYTES) != 0)
		return STANDS_ELSEWHERE;
	return memcmp(is.head[!was->newer], was->head[!was->newer], REDO_META_BYTES) == 0
		       ? STANDS_BEFORE
		       : STANDS_AT;
}

/* --- reading it ------------------------------------------------------------------------------- */

/* The redo of the slot that counts; false: there is none. */
static bool journal_read(const struct store *s, struct buf *file, struct bytes *redo)
{
	char path[PATH_SIZE];
	struct slot slot;
	ssize_t got = -1;
	int fd;

	path_of(path, s, JOURNAL_NAME);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	if (buf_extend(file, 2 * SLOT_BYTES))
		got = pread(fd, file->data, 2 * SLOT_BYTES, 0);
	close(fd);
	if (got != (ssize_t)(2 * SLOT_BYTES) || !slot_newest(buf_view(file), &slot))
		return false;
	*redo = slot.redo;
	return redo->len > 0;
}

static enum standing file_standing(const struct store *s, const struct metas *was)
{
	enum standing at = STANDS_ELSEWHERE;
	char path[PATH_SIZE];
	int fd;

	path_of(path, s, "data.mdb");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return at;
	at = standing(fd, was);
	close(fd);
	return at;
}

/* --- who has it open -------------------------------------------------------------------------- */

/* Takes LMDB's lock, as long as the descriptor is open; -1: somebody has the environment open. Not
 * while this process has it: closing any descriptor of the file would give its locks up. */
static int alone(const struct store *s)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	char path[PATH_SIZE];
	int fd;

	path_of(path, s, "lock.mdb");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && fcntl(fd, F_SETLK, &whole) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* --- putting back ----------------------------------------------------------------------------- */

static int meta_put_back(const struct store *s, const struct metas *was)
{
	const unsigned other = !was->newer;
	char path[PATH_SIZE];
	int fd, rc = 0;

	path_of(path, s, "data.mdb");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return ENT_EIO;
	if (pwrite(fd, was->head[other], REDO_META_BYTES, (off_t)other * was->page_bytes) !=
			(ssize_t)REDO_META_BYTES ||
		fdatasync(fd) != 0)
		rc = ENT_EIO;
	close(fd);
	return rc;
}

/* A sync that failed has left pages that look written and are not: while others have the file open,
 * so that it cannot be taken back, nothing may be built on them. */
static bool sync_has_failed(const struct store *s)
{
	char path[PATH_SIZE];

	path_of(path, s, UNSYNCED_NAME);
	return access(path, F_OK) == 0;
}

int journal_step_back(struct store *s, struct buf *file, struct bytes *redo)
{
	struct metas was;
	int fd, rc = 0;

	*redo = BYTES_NONE;
	if (!journal_read(s, file, redo) || !metas_of(*redo, &was) ||
		file_standing(s, &was) == STANDS_ELSEWHERE)
		return 0;
	fd = alone(s);
	if (fd < 0)
		return sync_has_failed(s) ? ENT_EBUSY : 0;
	if (file_standing(s, &was) == STANDS_AT)
		rc = meta_put_back(s, &was);
	close(fd);
	return rc;
}

bool journal_due(const struct store *s)
{
	struct buf file = buf_with_max(2 * SLOT_BYTES);
	struct bytes redo;
	struct metas was;
	bool due = journal_read(s, &file, &redo) && metas_of(redo, &was) &&
		   file_standing(s, &was) != STANDS_ELSEWHERE;
	int fd = due ? alone(s) : -1;

	buf_free(&file);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

void journal_over(const struct store *s)
{
	char path[PATH_SIZE];

	path_of(path, s, JOURNAL_NAME);
	unlink(path);
	path_of(path, s, UNSYNCED_NAME);
	unlink(path);
}

void journal_sync_failed(const struct store *s)
{
	char path[PATH_SIZE];
	int fd;

	path_of(path, s, UNSYNCED_NAME);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}
