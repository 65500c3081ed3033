/* SPDX-License-Identifier: EUPL-1.2 */
/* Asking: the person for a passphrase, the daemon for an act. */
#include "cli/cli.h"
#include "cli/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <termios.h>
#include <unistd.h>

#include "control/control.h"
#include "keys/file.h"
#include "keys/identity.h"

#define SILENT_MAX_MS                                                                              \
	60000u /* a disk that is slow for so long, and a loop that waits for it, is broken */

/* --- passphrases ------------------------------------------------------------------------------ */

static int passphrase_new(struct cli *c, struct cli_passphrase *p)
{
	p->len = 0;
	p->text = sodium_malloc(CLI_PASSPHRASE_MAX + 1);
	return p->text ? 0 : cli_fail(c, CLI_STORE, "%s", err_sentence(ENT_ENOMEM));
}

void cli_passphrase_free(struct cli_passphrase *p)
{
	sodium_free(p->text);
	*p = (struct cli_passphrase){0};
}

/* Up to the first LF, into guarded memory and nowhere else. ENT_ELIMIT when it is too long. */
static int read_line(int fd, struct cli_passphrase *p)
{
	for (p->len = 0;;) {
		ssize_t got = read(fd, p->text + p->len, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ENT_EIO;
		if (got == 0 || p->text[p->len] == '\n')
			break;
		if (++p->len > CLI_PASSPHRASE_MAX)
			return ENT_ELIMIT;
	}
	if (p->len && p->text[p->len - 1] == '\r')
		p->len--;
	p->text[p->len] = '\0';
	return 0;
}

int cli_passphrase_file(struct cli *c, const char *path, struct cli_passphrase *p)
{
	struct stat st;
	int fd = STDIN_FILENO, rc;

	rc = passphrase_new(c, p);
	if (rc)
		return rc;
	if (strcmp(path, "-") != 0) {
		rc = file_open(path, 0, &fd, &st, &c->err);
		if (rc) {
			cli_passphrase_free(p);
			return cli_fail_code(c, rc, path);
		}
	}
	rc = read_line(fd, p);
	if (fd != STDIN_FILENO)
		close(fd);
	if (!rc && p->len)
		return 0;
	cli_passphrase_free(p);
	if (rc)
		return cli_fail(c, cli_status_of(rc), "%s: cannot read a passphrase: %s", path,
			err_sentence(rc));
	return cli_fail(c, CLI_INVALID,
		"%s:1: saw an empty line, wanted a passphrase (or say --no-passphrase)", path);
}

static int ask_terminal(struct cli *c, int fd, const char *prompt, const char *what,
	struct cli_passphrase *p)
{
	struct termios shown, hidden;
	int rc;

	if (tcgetattr(fd, &shown) != 0)
		return cli_fail(c, CLI_STORE, "cannot ask on the terminal: %s", strerror(errno));
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	hidden.c_lflag |= ECHONL;
	/* What was typed before the question is no answer; what comes behind it counts. */
	tcsetattr(fd, TCSAFLUSH, &hidden);
	dprintf(fd, "%s%s: ", prompt, what);
	rc = read_line(fd, p);
	tcsetattr(fd, TCSADRAIN, &shown);
	if (rc)
		return cli_fail(c, CLI_INVALID, "cannot read the passphrase: %s", err_sentence(rc));
	if (!p->len)
		return cli_fail(c, CLI_INVALID, "the passphrase is empty");
	return 0;
}

static int ask(struct cli *c, int fd, const char *what, bool confirm, struct cli_passphrase *p)
{
	struct cli_passphrase again;
	int rc;

	rc = ask_terminal(c, fd, "Passphrase for ", what, p);
	if (rc || !confirm)
		return rc;
	rc = passphrase_new(c, &again);
	if (rc)
		return rc;
	rc = ask_terminal(c, fd, "The same again for ", what, &again);
	if (!rc && (again.len != p->len || sodium_memcmp(again.text, p->text, p->len) != 0))
		rc = cli_fail(c, CLI_INVALID, "the two passphrases differ");
	cli_passphrase_free(&again);
	return rc;
}

int cli_passphrase(struct cli *c, const char *what, bool confirm, struct cli_passphrase *p)
{
	const char *path = cli_value(c, "--passphrase-file");
	int fd, rc;

	*p = (struct cli_passphrase){0};
	if (path)
		return cli_passphrase_file(c, path, p);
	fd = isatty(STDIN_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1;
	if (fd < 0)
		return cli_usage(c,
			"the passphrase for %s is wanted and there is no terminal to ask on: use "
			"--passphrase-file FILE",
			what);
	rc = passphrase_new(c, p);
	if (!rc)
		rc = ask(c, fd, what, confirm, p);
	close(fd);
	if (rc)
		cli_passphrase_free(p);
	return rc;
}

/* --- root and node keys ----------------------------------------------------------------------- */

int cli_root_key_at(struct cli *c, const char *path, struct root_key *root,
	struct cli_passphrase *kept)
{
	struct cli_passphrase p = {0};
	bool sealed;
	int rc = secret_file_sealed(path, &sealed, &c->err);

	if (rc == ENT_ENOTFOUND)
		return cli_fail(c, CLI_STORE,
			"%s: there is no root key here: name it with --root-key FILE", path);
	if (rc)
		return cli_fail_code(c, rc, path);
	rc = sealed ? cli_passphrase(c, path, false, &p) : 0;
	if (rc)
		return rc;
	rc = root_key_read(root, path, cli_passphrase_bytes(&p), &c->err);
	if (!rc && kept)
		*kept = p;
	else
		cli_passphrase_free(&p);
	return rc ? cli_fail_code(c, rc, path) : 0;
}

int cli_root_key(struct cli *c, struct root_key *root)
{
	const char *path = cli_value(c, "--root-key");

	return cli_root_key_at(c, path ? path : cli_path(c, "keys/root.key"), root, NULL);
}

int cli_identity_at(struct cli *c, const char *path, uint64_t incarnation, struct identity *id,
	struct cli_passphrase *kept)
{
	const char *file = cli_value(c, "--node-passphrase-file");
	struct cli_passphrase p = {0};
	bool sealed;
	int rc;

	rc = secret_file_sealed(path, &sealed, &c->err);
	if (rc)
		return cli_fail_code(c, rc, path);
	if (!file)
		file = getenv("ENTENTE_PASSPHRASE_FILE");
	if (sealed)
		rc = file ? cli_passphrase_file(c, file, &p) : cli_passphrase(c, path, false, &p);
	if (rc)
		return rc;
	rc = identity_read(id, path, cli_passphrase_bytes(&p), incarnation, &c->err);
	if (!rc && kept)
		*kept = p;
	else
		cli_passphrase_free(&p);
	return rc ? cli_fail_code(c, rc, path) : 0;
}

int cli_identity(struct cli *c, uint64_t incarnation, struct identity *id)
{
	return cli_identity_at(c, cli_path(c, "keys/node.key"), incarnation, id, NULL);
}

/* --- the daemon ------------------------------------------------------------------------------- */

int cli_call_quiet(struct cli *c, json_t *request, uint64_t timeout_ms, json_t **answer)
{
	struct control_call *call;
	int rc;

	*answer = NULL;
	rc = control_call_open(&call, cli_path(c, "run/control.sock"), request, &c->err);
	if (rc)
		return rc;
	control_call_patience(call, CLI_SILENT_MS, cli_patience, c);
	rc = control_call_answer(call, answer, timeout_ms);
	control_call_close(call);
	return rc;
}

int cli_patience(void *ctx, uint64_t silent_ms)
{
	struct cli *c = ctx;
	json_t *answer;
	int rc = cli_call_quiet(c, json_pack("{s:s}", "command", "status"), CLI_SILENT_MS, &answer);

	json_decref(answer);
	c->err.text[0] = '\0';
	if (rc == 0)
		return 0; /* it works on it, or on what came before */
	if (silent_ms + CLI_SILENT_MS >= SILENT_MAX_MS)
		return ENT_ETIMEOUT;
	if (!c->warned_silent)
		cli_note(c, "the node has not answered for %u s: waiting up to a minute for it",
			(unsigned)(silent_ms / 1000));
	c->warned_silent = true;
	return 0;
}

int cli_no_answer(struct cli *c, int code)
{
	if (code == ENT_ECLOSED)
		return cli_fail(c, CLI_NODE, "%s: the node does not answer: start it with entented",
			c->home);
	if (code == ENT_ETIMEOUT)
		return cli_fail(c, CLI_NODE,
			"%s: the node runs and does not answer: whether it does what was asked "
			"when "
			"it goes on is not known (see entente status)",
			c->home);
	return cli_fail(c, CLI_NODE, "the node does not answer: %s",
		c->err.text[0] ? c->err.text : err_sentence(code));
}

int cli_call_status(struct cli *c, const json_t *answer)
{
	const json_t *status = json_object_get(answer, "status");
	const char *text = json_string_value(json_object_get(answer, "error"));

	if (json_is_true(json_object_get(answer, "ok")))
		return 0;
	return cli_fail(c, json_is_integer(status) ? (int)json_integer_value(status) : CLI_NODE,
		"%s", text ? text : "the node refused without a reason");
}

int cli_call(struct cli *c, json_t *request, uint64_t timeout_ms, json_t **answer)
{
	int rc = cli_call_quiet(c, request, timeout_ms, answer);

	if (rc)
		return cli_no_answer(c, rc);
	rc = cli_call_status(c, *answer);
	if (rc) {
		json_decref(*answer);
		*answer = NULL;
	}
	return rc;
}

bool cli_daemon_there(struct cli *c)
{
	json_t *answer;
	int rc = cli_call_quiet(c, json_pack("{s:s}", "command", "status"), 5000, &answer);

	json_decref(answer);
	c->err.text[0] = '\0';
	return rc == 0;
}

bool cli_reload(struct cli *c)
{
	json_t *answer;
	int rc = cli_call_quiet(c,
		json_pack("{s:s, s:s}", "command", "reload", "operator", publish_operator(c)),
		10000, &answer);

	/* Without a daemon there is nobody to tell; a busy one watches the directory itself. */
	if (rc == 0 && !json_is_true(json_object_get(answer, "ok")))
		cli_note(c, "the node did not take it up at once: %s",
			json_string_value(json_object_get(answer, "error")));
	json_decref(answer);
	c->err.text[0] = '\0';
	return rc == 0;
}
