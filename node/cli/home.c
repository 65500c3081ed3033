/* SPDX-License-Identifier: EUPL-1.2 */
/* A node's directory: where it is, and opening what lies in it. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <time.h>
#include <unistd.h>

#include "keys/file.h"

#define CATCH_UP_STEP_MS  2
#define CATCH_UP_STALL_MS 1000 /* under load the index gathers for a third of that */

int cli_home(struct cli *c)
{
	const char *given = cli_value(c, "--home"), *env = getenv("ENTENTE_HOME");
	const char *share = getenv("XDG_DATA_HOME"), *user = getenv("HOME");
	int len;

	if (!given && env && *env)
		given = env;
	if (given)
		len = snprintf(c->home, sizeof(c->home), "%s", given);
	else if (geteuid() == 0 || ((!share || !*share) && (!user || !*user)))
		len = snprintf(c->home, sizeof(c->home), "/var/lib/entente");
	else if (share && *share)
		len = snprintf(c->home, sizeof(c->home), "%s/entente", share);
	else
		len = snprintf(c->home, sizeof(c->home), "%s/.local/share/entente", user);
	if (!*c->home || (size_t)len >= sizeof(c->home))
		return cli_usage(c, "--home: wanted the path of a directory");
	return 0;
}

const char *cli_path(struct cli *c, const char *name)
{
	size_t size = strlen(c->home) + strlen(name) + 2;
	char *path = arena_alloc(&c->arena, size);

	if (!path)
		return "";
	snprintf(path, size, "%s/%s", c->home, name);
	return path;
}

int64_t cli_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t cli_now_s(void)
{
	return cli_now_ms() / 1000;
}

static void fill_random(void *ctx, void *out, size_t len)
{
	(void)ctx;
	randombytes_buf(out, len);
}

struct env_rng cli_rng(void)
{
	return (struct env_rng){fill_random, NULL};
}

int cli_need_keydir(struct cli *c)
{
	int rc;

	if (c->has_keydir)
		return 0;
	if (access(c->home, F_OK) != 0)
		return cli_fail(c, CLI_STORE,
			"%s: there is no node here: make one with entente init, or name another "
			"with "
			"--home",
			c->home);
	rc = keydir_read(&c->keydir, cli_path(c, "keys"), NULL, &c->err);
	if (rc)
		return cli_fail_code(c, rc, cli_path(c, "keys"));
	c->has_keydir = true;
	return 0;
}

int cli_want_store(struct cli *c)
{
	int rc = cli_need_keydir(c);

	if (rc || c->store)
		return rc;
	rc = store_open(&c->store, cli_path(c, "data"), STORE_READ, &c->err);
	if (rc == ENT_ENOTFOUND) {
		c->store = NULL;
		c->err.text[0] = '\0';
		return 0;
	}
	if (rc)
		return cli_fail(c, CLI_STORE, "%s",
			c->err.text[0] ? c->err.text : err_sentence(rc));
	rc = store_reader_open(c->store, &c->reader);
	if (rc)
		return cli_fail(c, CLI_STORE, "%s: cannot read the store: %s", cli_path(c, "data"),
			err_sentence(rc));
	return 0;
}

int cli_need_store(struct cli *c)
{
	int rc = cli_want_store(c);

	if (rc || c->reader)
		return rc;
	return cli_fail(c, CLI_NOT,
		"nothing is known here yet: entented makes the store at its first start");
}

void cli_reader_drop(struct cli *c)
{
	store_reader_close(c->reader);
	c->reader = NULL;
}

int cli_reader_renew(struct cli *c)
{
	int rc;

	if (!c->store)
		return cli_want_store(c);
	cli_reader_drop(c);
	rc = store_reader_open(c->store, &c->reader);
	if (rc)
		return cli_fail(c, CLI_STORE, "%s: cannot read the store: %s", cli_path(c, "data"),
			err_sentence(rc));
	return 0;
}

int cli_await_index(struct cli *c)
{
	const struct timespec step = {.tv_nsec = CATCH_UP_STEP_MS * 1000000};
	uint64_t goal = store_arrival_last(c->reader), at = store_index_position(c->reader);
	int rc, stalled_ms = 0;

	while (at < goal && stalled_ms < CATCH_UP_STALL_MS) {
		uint64_t before = at;

		nanosleep(&step, NULL);
		if ((rc = cli_reader_renew(c)) != 0)
			return rc;
		at = store_index_position(c->reader);
		stalled_ms = at > before ? 0 : stalled_ms + CATCH_UP_STEP_MS;
	}
	if (at < goal)
		cli_note(c, "the index is behind the store: without a running node, \"entente "
			    "reindex\" brings it up");
	return 0;
}

int cli_read_file(struct cli *c, const char *path, size_t max, struct bytes *data)
{
	struct buf text = buf_with_max(max);
	int rc = file_read(path, &text, &c->err);

	if (rc == ENT_ENOTFOUND)
		rc = cli_fail(c, CLI_STORE, "%s", c->err.text);
	else if (rc)
		rc = cli_fail_code(c, rc, path);
	*data = arena_copy(&c->arena, buf_view(&text));
	if (!rc && !data->data)
		rc = cli_fail(c, CLI_STORE, "%s: %s", path, err_sentence(ENT_ENOMEM));
	buf_free(&text);
	return rc;
}

int cli_write_out(struct cli *c, struct bytes data, mode_t mode)
{
	const char *path = cli_value(c, "-o");
	int rc;

	if (!path || strcmp(path, "-") == 0) {
		if (fwrite(data.data, 1, data.len, stdout) != data.len)
			return cli_fail(c, CLI_STORE, "cannot write to standard output");
		return 0;
	}
	rc = file_write(path, data, mode, &c->err);
	/* A folder that is missing is no answer to a question. */
	return rc ? cli_fail_code(c, rc == ENT_ENOTFOUND ? ENT_EIO : rc, path) : 0;
}

int cli_conf_read(struct cli *c, struct conf *conf)
{
	const char *path = cli_path(c, "entente.conf");
	struct buf text = buf_with_max(CONF_BYTES_MAX);
	int rc = file_read(path, &text, &c->err);

	if (!rc)
		rc = conf_parse(conf, buf_view(&text), path, &c->err);
	buf_free(&text);
	return rc ? cli_fail_code(c, rc, path) : 0;
}

void cli_keydir_drop(struct cli *c)
{
	if (c->has_keydir)
		keydir_free(&c->keydir);
	c->has_keydir = false;
}

void cli_close(struct cli *c)
{
	cli_reader_drop(c);
	if (c->store)
		store_close(c->store);
	cli_keydir_drop(c);
	map_free(&c->names);
	arena_free(&c->arena);
}
