/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What commands have entered among the node's acts: what leaves as a file, before it takes effect;
 * what was done to the store without the daemon; what analysts have asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/acts.h"
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

static void enter(struct cli *c, json_t *request)
{
	json_t *answer = NULL;
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

void cli_exported(struct cli *c, const struct cli_export *e)
{
	enter(c, request_of(c, e));
}

void cli_tended(struct cli *c, const char *what, int code)
{
	enter(c, json_pack("{s:s, s:s, s:s, s:I}", "command", what, "outcome",
			 code == 0 ? "done" : err_sentence(code), "operator", publish_operator(c),
			 "when", (json_int_t)cli_now_ms()));
}

/* --- queries ---------------------------------------------------------------------------------- */

void cli_asked_begin(struct cli *c, struct cli_asked *q)
{
	struct conf conf = {0};

	*q = (struct cli_asked){0};
	c->quiet = true;
	if (cli_conf_read(c, &conf) == 0)
		q->full = conf.log_queries_full;
	c->quiet = false;
	c->err.text[0] = '\0';
	conf_free(&conf);
	if (!q->full)
		return;
	randombytes_buf(q->salt, sizeof(q->salt));
	crypto_hash_sha256_init(&q->hash);
	crypto_hash_sha256_update(&q->hash, q->salt, sizeof(q->salt));
}

void cli_asked_about(struct cli_asked *q, struct bytes what)
{
	if (q->full && q->count)
		crypto_hash_sha256_update(&q->hash, (const uint8_t *)"\n", 1);
	if (q->full)
		crypto_hash_sha256_update(&q->hash, what.data, what.len);
	q->count++;
}

static void long_form(struct cli *c, struct cli_asked *q, struct buf *line)
{
	char salt[HEX_TEXT_SIZE(16)], hash[HEX_TEXT_SIZE(32)];
	const char *who = publish_operator(c);
	uint8_t digest[32];

	crypto_hash_sha256_final(&q->hash, digest);
	text_hex_encode(salt, BYTES_OF(q->salt));
	text_hex_encode(hash, BYTES_OF(digest));
	buf_printf(line, " %" PRId64 " %s %s ", cli_now_ms(), salt, hash);
	/* A name is one line, whatever it is. */
	for (size_t i = 0; who[i] && i < ACT_OPERATOR_MAX; i++)
		buf_u8(line, (uint8_t)who[i] < 0x20 ? '?' : (uint8_t)who[i]);
}

/* Nothing here makes a query fail, or wait: one write, which is not synced. */
void cli_asked_end(struct cli *c, struct cli_asked *q)
{
	struct buf line = buf_with_max(1024);
	int fd = open(cli_path(c, QUERIES_NAME),
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0)
		return;
	if (q->count && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_size < QUERIES_BYTES_MAX) {
		buf_printf(&line, "%s %" PRIu64, c->command->name, q->count);
		if (q->full && st.st_size < QUERIES_FULL_MAX)
			long_form(c, q, &line);
		buf_u8(&line, '\n');
		if (!buf_failed(&line) && write(fd, line.data, line.len) != (ssize_t)line.len)
			errno = 0; /* a full disk: it is not counted */
	}
	close(fd);
	buf_free(&line);
}

void cli_asked(struct cli *c, struct bytes what)
{
	struct cli_asked q;

	cli_asked_begin(c, &q);
	cli_asked_about(&q, what);
	cli_asked_end(c, &q);
}
