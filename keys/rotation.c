/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/rotation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sodium.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/text.h"
#include "keys/file.h"
#include "keys/secret.h"

#define PATH_BYTES  4096
#define SECRET_FILE 2048
#define NEXT_BEGIN  "next-"
#define NEXT_END    ".key"

int rotation_next_path(char *out, size_t cap, const char *dir, uint64_t incarnation)
{
	char name[64];

	snprintf(name, sizeof(name), NEXT_BEGIN "%" PRIu64 NEXT_END, incarnation);
	return file_path(out, cap, dir, name);
}

int rotation_former_path(char *out, size_t cap, const char *dir)
{
	return file_path(out, cap, dir, "former.key");
}

static int fail(struct err_text *err, const char *path, const char *what)
{
	return err_set(err, ENT_EIO, "%s: cannot %s: %s", path, what, strerror(errno));
}

/* The seed in use stays, under another name, exactly as it is sealed. */
static int keep_former(const char *dir, struct err_text *err)
{
	char path[PATH_BYTES], former[PATH_BYTES];
	uint8_t text[SECRET_FILE];
	size_t len = 0;
	int rc;

	if (file_path(path, sizeof(path), dir, "node.key") != 0 ||
		rotation_former_path(former, sizeof(former), dir) != 0)
		return err_set(err, ENT_ELIMIT, "%s: the path is too long", dir);
	rc = secret_read_private(path, text, sizeof(text), &len, err);
	if (!rc)
		rc = file_write(former, bytes_from(text, len), 0600, err);
	sodium_memzero(text, sizeof(text));
	return rc;
}

/* Seeds of drafts that the card in force has overtaken. */
static void remove_overtaken(const char *dir, uint64_t incarnation)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[PATH_BYTES];
	uint64_t of;

	while (d && (entry = readdir(d))) {
		struct bytes name = bytes_str(entry->d_name);
		size_t around = strlen(NEXT_BEGIN NEXT_END);

		if (name.len <= around || !bytes_starts(name, NEXT_BEGIN) ||
			!bytes_eq_str(bytes_skip(name, name.len - strlen(NEXT_END)), NEXT_END))
			continue;
		name = bytes_from(name.data + strlen(NEXT_BEGIN), name.len - around);
		if (text_u64_parse(name, &of) && of <= incarnation &&
			file_path(path, sizeof(path), dir, entry->d_name) == 0)
			unlink(path);
	}
	if (d)
		closedir(d);
}

static int settle(const char *dir, int dir_fd, uint64_t incarnation, bool *changed,
	struct err_text *err)
{
	char path[PATH_BYTES], next[PATH_BYTES];
	int rc;

	if (rotation_next_path(next, sizeof(next), dir, incarnation) != 0 ||
		file_path(path, sizeof(path), dir, "node.key") != 0)
		return err_set(err, ENT_ELIMIT, "%s: the path is too long", dir);
	if (access(next, F_OK) != 0)
		return 0;
	rc = keep_former(dir, err);
	if (rc)
		return rc;
	if (rename(next, path) != 0 || fsync(dir_fd) != 0)
		return fail(err, path, "replace");
	remove_overtaken(dir, incarnation);
	*changed = true;
	return 0;
}

int rotation_settle(const char *dir, const struct card *own, bool *changed, struct err_text *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	*changed = false;
	if (fd < 0)
		return fail(err, dir, "open");
	if (flock(fd, LOCK_EX) != 0)
		rc = fail(err, dir, "lock");
	else
		rc = settle(dir, fd, own->logs[own->logs_len - 1].incarnation, changed, err);
	close(fd);
	return rc;
}

int rotation_former_read(const char *dir, struct bytes passphrase, uint64_t incarnation,
	struct identity *id, struct err_text *err)
{
	char path[PATH_BYTES];

	if (rotation_former_path(path, sizeof(path), dir) != 0)
		return err_set(err, ENT_ELIMIT, "%s: the path is too long", dir);
	return identity_read(id, path, passphrase, incarnation, err);
}

int rotation_former_wipe(const char *dir, struct err_text *err)
{
	static const uint8_t zeros[SECRET_FILE];
	char path[PATH_BYTES];
	int fd, rc = 0;

	if (rotation_former_path(path, sizeof(path), dir) != 0)
		return err_set(err, ENT_ELIMIT, "%s: the path is too long", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail(err, path, "open");
	if (pwrite(fd, zeros, sizeof(zeros), 0) != (ssize_t)sizeof(zeros) || fsync(fd) != 0)
		rc = fail(err, path, "overwrite");
	close(fd);
	if (unlink(path) != 0 && !rc)
		rc = fail(err, path, "remove");
	return rc;
}
