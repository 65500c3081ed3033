/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "keys/file.h"
#include "merkle/hash.h"

#define HEAD           "entente/backup/v1\n"
#define CHUNK          65536u
#define MANIFEST_BYTES (COPY_FILES_MAX * 512u)

static int fail_at(struct copy *c, const char *dir, const char *path, const char *what)
{
	int number = errno;

	return cli_fail(c->cli, CLI_STORE, "%s/%s: cannot %s: %s", dir, path, what,
		strerror(number));
}

static int path_of(struct copy *c, char out[PATH_MAX], const char *dir, const char *path)
{
	if ((size_t)snprintf(out, PATH_MAX, "%s/%s", dir, path) < PATH_MAX)
		return 0;
	return cli_fail(c->cli, CLI_STORE, "%s/%s: the path is too long", dir, path);
}

int copy_parents(struct copy *c, const char *path)
{
	char part[PATH_MAX];
	int rc = path_of(c, part, c->to, path);

	for (char *slash = part + strlen(c->to) + 1; !rc && (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			rc = cli_fail(c->cli, CLI_STORE, "%s: cannot make the directory: %s", part,
				strerror(errno));
		*slash = '/';
	}
	return rc;
}

static int enter(struct copy *c, const char *path, mode_t mode, uint64_t size,
	const uint8_t digest[HASH_BYTES])
{
	char hex[HEX_TEXT_SIZE(HASH_BYTES)];

	if (strchr(path, '\n'))
		return cli_fail(c->cli, CLI_INVALID, "%s/%s: a name with a line end", c->from,
			path);
	text_hex_encode(hex, bytes_from(digest, HASH_BYTES));
	buf_printf(&c->manifest, "%s %" PRIu64 " %03o %s\n", hex, size, (unsigned)mode & 0777,
		path);
	c->files++;
	c->bytes += size;
	if (c->files > COPY_FILES_MAX || buf_failed(&c->manifest))
		return cli_fail(c->cli, CLI_STORE, "%s: more than %u files", c->from,
			COPY_FILES_MAX);
	return 0;
}

/* out -1: only reads. */
static int pump(int in, int out, uint64_t *size, uint8_t digest[HASH_BYTES])
{
	crypto_hash_sha256_state state;
	static uint8_t chunk[CHUNK];
	ssize_t got;

	crypto_hash_sha256_init(&state);
	*size = 0;
	while ((got = read(in, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		for (ssize_t done = 0; out >= 0 && done < got;) {
			ssize_t put = write(out, chunk + done, (size_t)(got - done));

			if (put < 0 && errno != EINTR)
				return -1;
			done += put > 0 ? put : 0;
		}
		crypto_hash_sha256_update(&state, chunk, (unsigned long long)got);
		*size += (uint64_t)got;
	}
	crypto_hash_sha256_final(&state, digest);
	return out >= 0 ? fsync(out) : 0;
}

static int copy_open(struct copy *c, const char *path, mode_t mode, int in, uint64_t *size,
	uint8_t digest[HASH_BYTES])
{
	char to[PATH_MAX];
	int out, rc = path_of(c, to, c->to, path);

	if (!rc)
		rc = copy_parents(c, path);
	if (rc)
		return rc;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out < 0)
		return fail_at(c, c->to, path, "create");
	if (pump(in, out, size, digest) != 0 || fchmod(out, mode & 0777) != 0)
		rc = fail_at(c, c->to, path, "write");
	close(out);
	return rc;
}

static int copy_file(struct copy *c, const char *path)
{
	uint8_t digest[HASH_BYTES];
	char from[PATH_MAX];
	struct stat st;
	uint64_t size;
	int in, rc = path_of(c, from, c->from, path);

	/* What has been removed meanwhile is not there. */
	if (rc || stat(from, &st) != 0)
		return rc;
	rc = file_open(from, 0, &in, &st, &c->cli->err);
	if (rc)
		return cli_fail_code(c->cli, rc, from);
	rc = copy_open(c, path, st.st_mode, in, &size, digest);
	close(in);
	return rc ? rc : enter(c, path, st.st_mode, size, digest);
}

int copy_enter(struct copy *c, const char *path, mode_t mode)
{
	uint8_t digest[HASH_BYTES];
	char to[PATH_MAX];
	uint64_t size;
	int in, rc = path_of(c, to, c->to, path);

	if (rc)
		return rc;
	in = open(to, O_RDONLY | O_CLOEXEC);
	if (in < 0 || pump(in, -1, &size, digest) != 0)
		rc = fail_at(c, c->to, path, "read back");
	if (in >= 0)
		close(in);
	return rc ? rc : enter(c, path, mode, size, digest);
}

/* False: it is neither to be copied nor looked into, or has been removed meanwhile. */
static bool is_copied(struct copy *c, const char *path, const char *full, struct stat *st)
{
	if (!c->pass(path) || lstat(full, st) != 0)
		return false;
	return !S_ISLNK(st->st_mode) || (c->follow(path) && stat(full, st) == 0);
}

static int copy_below(struct copy *c, const char *dir)
{
	char path[PATH_MAX], full[PATH_MAX];
	struct dirent *entry;
	struct stat st;
	DIR *d;
	int rc = path_of(c, full, c->from, dir);

	if (rc)
		return rc;
	d = opendir(full);
	if (!d)
		return fail_at(c, c->from, dir, "read");
	while (!rc && (entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "",
			    entry->d_name) >= sizeof(path))
			rc = cli_fail(c->cli, CLI_STORE, "%s: the path is too long", dir);
		if (rc || (rc = path_of(c, full, c->from, path)) != 0 ||
			!is_copied(c, path, full, &st))
			continue;
		if (S_ISDIR(st.st_mode))
			rc = copy_below(c, path);
		else if (S_ISREG(st.st_mode))
			rc = copy_file(c, path);
	}
	closedir(d);
	return rc;
}

int copy_tree(struct copy *c)
{
	return copy_below(c, "");
}

static void manifest_text(struct copy *c, struct buf *text)
{
	buf_str(text, HEAD);
	buf_bytes(text, buf_view(&c->manifest));
}

int copy_manifest_hash(struct copy *c, uint8_t hash[32])
{
	struct buf text = buf_with_max(MANIFEST_BYTES);
	int rc = 0;

	manifest_text(c, &text);
	if (buf_failed(&text))
		rc = cli_fail_code(c->cli, ENT_ENOMEM, COPY_MANIFEST);
	else
		crypto_hash_sha256(hash, text.data, text.len);
	buf_free(&text);
	return rc;
}

int copy_finish(struct copy *c)
{
	struct buf text = buf_with_max(MANIFEST_BYTES);
	char to[PATH_MAX];
	int rc = path_of(c, to, c->to, COPY_MANIFEST);

	manifest_text(c, &text);
	/* Every file is synced, and so are their names with this. */
	sync();
	if (!rc && (rc = file_write(to, buf_view(&text), 0600, &c->cli->err)) != 0)
		rc = cli_fail_code(c->cli, rc, to);
	buf_free(&text);
	return rc;
}

/* --- the way back ----------------------------------------------------------------------------- */

static bool path_is_inside(const char *path)
{
	return *path && *path != '/' && strncmp(path, "../", 3) != 0 && !strstr(path, "/../") &&
	       !strstr(path, "//");
}

/* One line: the file is there, whole, and as it was. */
static int line_copy(struct copy *c, struct bytes line)
{
	uint8_t want[HASH_BYTES], have[HASH_BYTES];
	struct bytes digest, number, octal;
	char path[PATH_MAX], from[PATH_MAX];
	uint64_t size, is;
	mode_t mode = 0;
	struct stat st;
	int in, rc;

	if (!text_word_next(&line, &digest) || !text_word_next(&line, &number) ||
		!text_word_next(&line, &octal) || octal.len != 3 || line.len < 2 ||
		line.data[0] != ' ' || line.len > sizeof(path) ||
		text_hex_decode(digest, want, sizeof(want)) != HASH_BYTES ||
		!text_u64_parse(number, &size))
		return cli_fail(c->cli, CLI_INVALID, "%s/" COPY_MANIFEST ": a line does not read",
			c->from);
	line = bytes_skip(line, 1);
	for (size_t i = 0; i < 3; i++)
		mode = mode * 8 + (mode_t)(octal.data[i] - '0');
	memcpy(path, line.data, line.len);
	path[line.len] = '\0';
	if (!path_is_inside(path))
		return cli_fail(c->cli, CLI_INVALID, "%s/" COPY_MANIFEST ": leads outside: %s",
			c->from, path);
	rc = path_of(c, from, c->from, path);
	if (rc)
		return rc;
	rc = file_open(from, O_NOFOLLOW, &in, &st, &c->cli->err);
	if (rc)
		return cli_fail(c->cli, CLI_INVALID, "%s: this copy is not whole: %s is missing",
			c->from, path);
	rc = copy_open(c, path, mode & 0777, in, &is, have);
	close(in);
	if (!rc && (is != size || sodium_memcmp(want, have, sizeof(want)) != 0))
		rc = cli_fail(c->cli, CLI_INVALID,
			"%s: this copy is not whole: %s is not what was copied", c->from, path);
	c->files++;
	c->bytes += size;
	return rc;
}

int copy_manifest(struct copy *c)
{
	struct buf text = buf_with_max(MANIFEST_BYTES);
	char path[PATH_MAX];
	struct bytes rest, line;
	int rc = path_of(c, path, c->from, COPY_MANIFEST);

	if (rc)
		return rc;
	if (access(c->from, F_OK) != 0)
		return cli_fail(c->cli, CLI_STORE, "%s: there is no such directory", c->from);
	if (file_read(path, &text, &c->cli->err) != 0 || !bytes_starts(buf_view(&text), HEAD)) {
		buf_free(&text);
		c->cli->err.text[0] = '\0';
		return cli_fail(c->cli, CLI_INVALID,
			"%s: this is no whole backup: entente backup ends with a "
			"file " COPY_MANIFEST,
			c->from);
	}
	rest = bytes_skip(buf_view(&text), sizeof(HEAD) - 1);
	while (!rc && text_line_next(&rest, &line))
		rc = line_copy(c, line);
	buf_free(&text);
	return rc;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

void copy_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
