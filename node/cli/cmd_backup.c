/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A consistent copy of a home while the daemon runs, and its way back. The guard is never in it: a
 * restored node is to come up mute and hear its peers before it signs (DESIGN 11).
 */
#include "cli/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/file.h"

#define STORE_FILE "data/log/data.mdb"
#define RESTORING  ".restoring"
#define ASIDE      ".before-"

static bool starts(const char *path, const char *with)
{
	size_t len = strlen(with);

	return strncmp(path, with, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* Everything but what is derived, of the running daemon, or must not be copied. */
static bool passes(const char *path)
{
	static const char *const left_out[] = {"guard", "run", "data/index", "data/log",
		"data/lock", RESTORING, RECOVER_WITHOUT_NAME};

	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (starts(path, left_out[i]))
			return false;
	/* What a restore has set aside. */
	return strchr(path, '/') || !strstr(path, ASIDE);
}

/* Where the node itself follows a link: a copy without what lies behind it would be none. Another
 * may lead to where backups lie. */
static bool follows(const char *path)
{
	return starts(path, "entente.conf") || starts(path, "keys") || starts(path, "data");
}

/* 0 or the exit status. Within what is copied a copy would have itself in it, and the next one all
 * that were before. */
static int place_check(struct cli *c, const char *to)
{
	const char *const copied[] = {c->home, cli_path(c, "keys"), cli_path(c, "data")};
	char place[PATH_MAX], dir[PATH_MAX];

	if (!realpath(to, place))
		return cli_fail(c, CLI_STORE, "%s: %s", to, strerror(errno));
	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
		if (realpath(copied[i], dir) && starts(place, dir))
			return cli_fail(c, CLI_INVALID,
				"%s: it lies in the node's own directory; wanted another place",
				to);
	return 0;
}

/* The truth as it is at this moment. */
static int copy_store(struct cli *c, struct copy *copy)
{
	char path[PATH_MAX];
	int fd, rc = copy_parents(copy, STORE_FILE);

	if (rc)
		return rc;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", copy->to, STORE_FILE) >= sizeof(path))
		return cli_fail(c, CLI_STORE, "%s: the path is too long", copy->to);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return cli_fail(c, CLI_STORE, "%s: cannot create: %s", path, strerror(errno));
	rc = store_copy(c->store, fd);
	if (rc == 0 && fsync(fd) != 0)
		rc = errno == ENOSPC ? ENT_EFULL : ENT_EIO;
	close(fd);
	if (rc)
		return cli_fail(c, CLI_STORE, "%s: %s", path, err_sentence(rc));
	return copy_enter(copy, STORE_FILE, 0600);
}

static int print_done(struct cli *c, const struct copy *copy, const char *what)
{
	if (c->json)
		return cli_json(c,
			json_pack("{s:s, s:I, s:I}", "directory", copy->to, "files",
				(json_int_t)copy->files, "bytes", (json_int_t)copy->bytes),
			CLI_DONE);
	printf("%" PRIu64 " files, %" PRIu64 " bytes: %s\n", copy->files, copy->bytes, what);
	return CLI_DONE;
}

/* All that the node holds leaves with it. The manifest, which makes it one, is written behind the
 * act that names it. */
static int enter(struct cli *c, struct copy *copy)
{
	struct cli_export e = {.what = "backup"};
	uint8_t hash[32];
	int rc = copy_manifest_hash(copy, hash);

	e.hash = hash;
	if (rc == 0)
		cli_exported(c, &e);
	return rc;
}

static const struct cli_option backup_options[] = {
	CLI_OPERATOR,
	{NULL, NULL, false, NULL},
};

static int run_backup(struct cli *c)
{
	struct copy copy = {.cli = c,
		.from = c->home,
		.to = c->args[0],
		.pass = passes,
		.follow = follows,
		.manifest = buf_with_max(COPY_FILES_MAX * 512u)};
	int rc = cli_want_store(c);

	if (rc)
		return rc;
	/* An empty one is as good as none; rmdir says whether it is. */
	if (mkdir(copy.to, 0700) != 0 &&
		(errno != EEXIST || rmdir(copy.to) != 0 || mkdir(copy.to, 0700) != 0))
		return cli_fail(c, CLI_INVALID,
			"%s: cannot make the directory: %s; wanted a new or an empty one", copy.to,
			strerror(errno));
	rc = place_check(c, copy.to);
	/* The truth first: keys that are newer than it do no harm, older ones would not fit. */
	if (!rc && c->store)
		rc = copy_store(c, &copy);
	if (!rc)
		rc = copy_tree(&copy);
	if (!rc)
		rc = enter(c, &copy);
	if (!rc)
		rc = copy_finish(&copy);
	buf_free(&copy.manifest);
	if (rc) {
		copy_remove(copy.to);
		return rc;
	}
	return print_done(c, &copy, copy.to);
}

const struct cli_command cmd_backup = {
	.name = "backup",
	.usage = "DIR [--operator NAME]",
	.options = backup_options,
	.summary = "copy the home, also while the daemon runs, without what must not be copied",
	.example = "entente backup /media/backup/fr-2026-11-26\n",
	.args_min = 1,
	.args_max = 1,
	.run = run_backup,
};

/* --- restore ---------------------------------------------------------------------------------- */

/* What makes a node of a directory. */
static bool is_there(struct cli *c)
{
	return access(cli_path(c, "keys"), F_OK) == 0 || access(cli_path(c, "data"), F_OK) == 0;
}

/* Nobody writes there now, and nobody begins to. Gives the lock, or -1 where there is no store. */
static int store_lock(struct cli *c, int *fd)
{
	const char *path = cli_path(c, "data/lock");

	*fd = open(path, O_RDWR | O_CLOEXEC);
	if (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	close(*fd);
	return cli_fail(c, CLI_NODE, "%s: the daemon runs: stop it first", c->home);
}

/* What was there stays beside it. */
static int set_aside(struct cli *c, const char *name)
{
	const char *from = cli_path(c, name);
	char aside[NAME_MAX + 32];
	int64_t second = cli_now_s();

	do /* one that was cut short a moment ago has set its own aside */
		snprintf(aside, sizeof(aside), "%s" ASIDE "%" PRId64, name, second);
	while (access(cli_path(c, aside), F_OK) == 0 && second++);
	if (access(from, F_OK) != 0 || rename(from, cli_path(c, aside)) == 0)
		return 0;
	return cli_fail(c, CLI_STORE, "%s: cannot set aside: %s", from, strerror(errno));
}

/* The guard goes first: it is the word of another copy. So is whom the node was to do without: of
 * this one nobody has been given up. */
static int put_in_place(struct cli *c, const char *restoring)
{
	struct dirent *entry;
	char from[PATH_MAX];
	DIR *d = opendir(restoring);
	int rc = d ? set_aside(c, "guard") : cli_fail(c, CLI_STORE, "%s: cannot read", restoring);

	if (!rc)
		rc = set_aside(c, RECOVER_WITHOUT_NAME);
	while (!rc && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		rc = set_aside(c, entry->d_name);
		snprintf(from, sizeof(from), "%s/%s", restoring, entry->d_name);
		if (!rc && rename(from, cli_path(c, entry->d_name)) != 0)
			rc = cli_fail(c, CLI_STORE, "%s: cannot put in place: %s", from,
				strerror(errno));
	}
	if (d)
		closedir(d);
	return rc;
}

/* made: there was none. */
static int home_begin(struct cli *c, const char *restoring, bool *made)
{
	*made = mkdir(c->home, 0700) == 0;
	if (!*made && errno != EEXIST)
		return cli_fail(c, CLI_STORE, "%s: cannot make the directory: %s", c->home,
			strerror(errno));
	copy_remove(restoring); /* of one that was cut short */
	if (mkdir(restoring, 0700) != 0)
		return cli_fail(c, CLI_STORE, "%s: cannot make the directory: %s", restoring,
			strerror(errno));
	return 0;
}

/* Folders of keys/ that were empty are not in a copy, and people and the daemon look for them. */
static int folders_make(struct cli *c, const char *restoring)
{
	static const char *const folders[] = {"agreements", "cards", "psk", "history", "rosters"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/keys/%s", restoring, folders[i]);
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return cli_fail(c, CLI_STORE, "%s: cannot make the directory: %s", path,
				strerror(errno));
	}
	return 0;
}

/* A directory that was there may have been open to others: there are keys in it now. */
static int home_end(struct cli *c)
{
	if (mkdir(cli_path(c, "run"), 0700) != 0 && errno != EEXIST)
		return cli_fail(c, CLI_STORE, "%s: cannot make the directory: %s",
			cli_path(c, "run"), strerror(errno));
	if (chmod(c->home, 0700) != 0)
		return cli_fail(c, CLI_STORE, "%s: cannot set its mode: %s", c->home,
			strerror(errno));
	return 0;
}

static int run_restore(struct cli *c)
{
	const char *restoring = cli_path(c, RESTORING);
	struct copy copy = {.cli = c, .from = c->args[0], .to = restoring};
	bool made = false;
	int lock = -1, rc = 0;

	if (is_there(c) && !cli_has(c, "--replace"))
		return cli_fail(c, CLI_INVALID,
			"%s: there is a node here; --replace sets it aside, as NAME.before-SECOND",
			c->home);
	rc = store_lock(c, &lock);
	if (!rc)
		rc = home_begin(c, restoring, &made);
	/* All of it is there and right before anything that was here is touched. */
	if (!rc)
		rc = copy_manifest(&copy);
	if (!rc)
		rc = folders_make(c, restoring);
	if (!rc)
		sync();
	if (!rc)
		rc = home_end(c);
	if (!rc)
		rc = put_in_place(c, restoring);
	copy_remove(restoring);
	if (rc && made)
		rmdir(c->home); /* unless something is in it */
	if (lock >= 0)
		close(lock);
	if (rc)
		return rc;
	copy.to = c->home;
	return print_done(c, &copy,
		"start entented: it is mute until its peers have given back what it had signed "
		"(entente recover)");
}

static const struct cli_option restore_options[] = {
	{"--replace", NULL, false, "set aside the node that is here"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_restore = {
	.name = "restore",
	.usage = "DIR [--replace]",
	.summary = "make a home from a backup; the node then takes back what is newer",
	.example = "entente --home /var/lib/entente restore /media/backup/fr-2026-11-26\n",
	.options = restore_options,
	.args_min = 1,
	.args_max = 1,
	.run = run_restore,
};
