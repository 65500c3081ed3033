/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int error_of(int number)
{
	switch (number) {
	case ENOENT:
	case ENOTDIR:
		return ENT_ENOTFOUND;
	case EEXIST:
		return ENT_EEXISTS;
	case ENOSPC:
	case EDQUOT:
		return ENT_EFULL;
	case ENOMEM:
		return ENT_ENOMEM;
	default:
		return ENT_EIO;
	}
}

static int fail(struct err_text *err, const char *path, const char *what)
{
	int number = errno;

	return err_set(err, error_of(number), "%s: cannot %s: %s", path, what, strerror(number));
}

static int read_all(int fd, const char *path, struct buf *out, struct err_text *err)
{
	size_t start = out->len;

	for (;;) {
		uint8_t chunk[4096];
		ssize_t got = read(fd, chunk, sizeof(chunk));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(err, path, "read");
		if (got == 0)
			return 0;
		if ((size_t)got > out->max - out->len)
			return err_set(err, ENT_ELIMIT,
				"%s: saw more than %zu bytes, wanted at most that", path,
				out->max - start);
		buf_append(out, chunk, (size_t)got);
		if (buf_failed(out))
			return err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	}
}

/* O_NONBLOCK: opening a FIFO that nobody writes would wait for ever. */
int file_open(const char *path, int flags, int *fd, struct stat *st, struct err_text *err)
{
	int rc = 0;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
	if (*fd < 0 && errno == ELOOP && (flags & O_NOFOLLOW))
		return err_set(err, ENT_EINVALID, "%s: saw a symbolic link, wanted a regular file",
			path);
	if (*fd < 0)
		return fail(err, path, "open");
	if (fstat(*fd, st) != 0)
		rc = fail(err, path, "open");
	else if (!S_ISREG(st->st_mode))
		rc = err_set(err, ENT_EINVALID, "%s: saw a %s, wanted a regular file", path,
			S_ISDIR(st->st_mode) ? "directory" : "device or pipe");
	if (rc) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}

static int read_path(const char *path, int flags, struct buf *out, struct err_text *err)
{
	struct stat st;
	int fd, rc;

	rc = file_open(path, flags, &fd, &st, err);
	if (rc)
		return rc;
	rc = read_all(fd, path, out, err);
	close(fd);
	return rc;
}

int file_read(const char *path, struct buf *out, struct err_text *err)
{
	if (strcmp(path, "-") == 0)
		return read_all(STDIN_FILENO, "standard input", out, err);
	return read_path(path, 0, out, err);
}

int file_read_nofollow(const char *path, struct buf *out, struct err_text *err)
{
	return read_path(path, O_NOFOLLOW, out, err);
}

/* Without this a crash may lose the name though the bytes are there. */
static int sync_directory(const char *path, struct err_text *err)
{
	const char *slash = strrchr(path, '/');
	char dir[4096] = ".";
	int fd, rc = 0;

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	if (fd < 0)
		return fail(err, dir, "open");
	if (fsync(fd) != 0)
		rc = fail(err, dir, "sync");
	close(fd);
	return rc;
}

static int write_all(int fd, struct bytes data)
{
	while (data.len) {
		ssize_t put = write(fd, data.data, data.len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		data = bytes_skip(data, (size_t)put);
	}
	return fsync(fd);
}

/* A name beside path that no reader of a directory takes for one of its files. */
static int temporary_name(char *out, size_t cap, const char *path)
{
	static atomic_uint count;
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash - path) + 1 : 0;
	int len = snprintf(out, cap, "%.*s.%s.%ld-%u", dir_len, path, path + dir_len,
		(long)getpid(), atomic_fetch_add(&count, 1));

	return len < 0 || (size_t)len >= cap ? ENT_ELIMIT : 0;
}

/* Fails with EEXIST when the name is taken. Some file systems know only the one or the other way.
 */
static bool rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return true;
	return errno == EINVAL && link(from, to) == 0;
}

/* How it fails: before the name is there, then nothing has changed; or at the directory's sync,
 * then the new content stands but may not survive a crash. */
static int write_file(const char *path, struct bytes data, mode_t mode, bool replace,
	struct err_text *err)
{
	char temporary[4096];
	struct stat st;
	int fd, rc;

	if (temporary_name(temporary, sizeof(temporary), path) != 0)
		return err_set(err, ENT_ELIMIT, "%s: the path is too long", path);
	/* Root would put a file in the place of /dev/null. */
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return err_set(err, ENT_EINVALID, "%s: this is no file", path);
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0600);
	if (fd < 0)
		return fail(err, path, "create");
	if (fchmod(fd, mode) != 0 || write_all(fd, data) != 0) {
		rc = fail(err, path, "write");
		close(fd);
		goto out;
	}
	if (close(fd) != 0) {
		rc = fail(err, path, "write");
		goto out;
	}
	if (replace ? rename(temporary, path) != 0 : !rename_new(temporary, path))
		rc = fail(err, path, "create");
	else
		rc = sync_directory(path, err);
out:
	unlink(temporary);
	return rc;
}

int file_write(const char *path, struct bytes data, mode_t mode, struct err_text *err)
{
	return write_file(path, data, mode, true, err);
}

int file_create(const char *path, struct bytes data, mode_t mode, struct err_text *err)
{
	return write_file(path, data, mode, false, err);
}

int file_directory(const char *path, mode_t mode, struct err_text *err)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return sync_directory(path, err);
	if (errno != EEXIST)
		return fail(err, path, "create");
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return err_set(err, ENT_EINVALID, "%s: saw a file, wanted a directory", path);
	return 0;
}

int file_path(char *out, size_t cap, const char *dir, const char *name)
{
	int len = snprintf(out, cap, "%s/%s", dir, name);

	return len < 0 || (size_t)len >= cap ? ENT_ELIMIT : 0;
}
