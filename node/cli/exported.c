/* SPDX-License-Identifier: EUPL-1.2 */
/* What leaves the node as a file is entered among its acts before it takes effect. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/publish.h"
#include "control/waiting.h"
#include "base/text.h"

#define CALL_MS 10000u

int cli_file_hash(const char *path, uint8_t hash[32])
{
	crypto_hash_sha256_state state;
	uint8_t chunk[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	if (fd < 0)
		return ENT_EIO;
	crypto_hash_sha256_init(&state);
	while ((got = read(fd, chunk, sizeof(chunk))) > 0 || (got < 0 && errno == EINTR))
		if (got > 0)
			crypto_hash_sha256_update(&state, chunk, (unsigned long long)got);
	close(fd);
	crypto_hash_sha256_final(&state, hash);
	return got == 0 ? 0 : ENT_EIO;
}

static json_t *request_of(struct cli *c, const struct cli_export *e)
{
	json_t *q = json_pack("{s:s, s:s, s:I, s:s}", "command", "exported", "what", e->what,
		"count", (json_int_t)e->count, "operator", publish_operator(c));
	char hash[HEX_TEXT_SIZE(32)], log[LOG_NAME_TEXT_SIZE];

	if (q && e->hash) {
		text_hex_encode(hash, bytes_from(e->hash, 32));
		json_object_set_new(q, "hash", json_string(hash));
	}
	if (q && e->log) {
		log_name_text(log, e->log);
		json_object_set_new(q, "log", json_string(log));
	}
	return q;
}

/* Whole lines only, and never more than the daemon reads. */
static int wait_in_file(struct cli *c, const json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	size_t len = line ? strlen(line) : 0;
	int fd = open(cli_path(c, WAITING_NAME),
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool done = false;
	off_t at;

	if (line && fd >= 0) {
		line[len++] = '\n'; /* in place of the NUL */
		at = lseek(fd, 0, SEEK_END);
		done = at >= 0 && (uint64_t)at + len <= WAITING_BYTES_MAX &&
		       write(fd, line, len) == (ssize_t)len && fsync(fd) == 0;
	}
	if (fd >= 0)
		close(fd);
	free(line);
	return done ? 0 : ENT_EIO;
}

void cli_exported(struct cli *c, const struct cli_export *e)
{
	json_t *request = request_of(c, e), *answer = NULL;
	int rc = cli_call_quiet(c, json_incref(request), CALL_MS, &answer);

	if (rc != 0 || !json_is_true(json_object_get(answer, "ok")))
		rc = wait_in_file(c, request);
	if (rc != 0)
		cli_note(c, "%s: this is not entered among the node's acts: it cannot be told",
			c->home);
	json_decref(answer);
	json_decref(request);
	c->err.text[0] = '\0';
}
