/* SPDX-License-Identifier: EUPL-1.2 */
/* Looks at whatever can be wrong with a node's directory; each failed check says what to do. */
#include "cli/cli.h"

#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"
#include "keys/identity.h"
#include "keys/rotation.h"

#define EXPIRES_SOON_S (30 * CLI_DAY_S)
#define DISK_FREE_MIN  (256ull << 20) /* below this a busy day may end in a full disk */
#define CLOCK_BACK_S   300
#define CLOCK_OLDEST_S 1735689600 /* 2025-01-01: no machine that runs this has an earlier date */
#define CONNECT_MS     2000

struct doctor {
	struct cli *cli;
	json_t *checks;
	bool failed;
	bool answering; /* the daemon answers */
};

/* what_to_do stands only behind a check that failed. */
static void check(struct doctor *d, const char *name, bool good, const char *what_to_do,
	const char *format, ...) PRINTF_LIKE(5, 6);
static void check(struct doctor *d, const char *name, bool good, const char *what_to_do,
	const char *format, ...)
{
	struct cli *c = d->cli;
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	d->failed = d->failed || !good;
	json_array_append_new(d->checks, json_pack("{s:s, s:b, s:o, s:o}", "check", name, "ok",
						 good, "text", cli_json_text(bytes_str(text)), "do",
						 good ? json_null() : json_string(what_to_do)));
	if (c->json)
		return;
	printf("%s%-4s%s  %-10s  %s\n", cli_paint(c, good ? CLI_GOOD : CLI_BAD),
		good ? "ok" : "FAIL", cli_paint(c, CLI_PLAIN), name, cli_clean(c, bytes_str(text)));
	if (!good)
		printf("                  do: %s\n", what_to_do);
}

/* --- files ------------------------------------------------------------------------------------ */

static void check_secret(struct doctor *d, const char *name, bool needed)
{
	const char *path = cli_path(d->cli, name);
	struct stat st;

	if (lstat(path, &st) != 0) {
		if (needed)
			check(d, "secrets", false, "bring it back from its backup", "%s is missing",
				path);
		return;
	}
	check(d, "secrets", S_ISREG(st.st_mode) && (st.st_mode & 077) == 0,
		"chmod 600 it, and think about who could read it until now", "%s has mode %03o",
		path, (unsigned)st.st_mode & 0777);
}

static void check_home(struct doctor *d)
{
	struct cli *c = d->cli;
	struct conf conf;
	struct stat st;
	bool good = stat(c->home, &st) == 0;

	check(d, "home", good && (st.st_mode & 022) == 0,
		"chmod go-w it: whoever writes here decides what this node does",
		"%s has mode %03o", c->home, good ? (unsigned)st.st_mode & 0777 : 0);
	check_secret(d, "keys/node.key", true);
	check_secret(d, "keys/root.key", false);
	check_secret(d, "keys/next-root.key", false);
	c->quiet = true;
	good = cli_conf_read(c, &conf) == 0;
	c->quiet = false;
	check(d, "conf", good, "mend that line (entente.conf(5))", "%s",
		good ? "entente.conf is readable" : c->err.text);
	c->err.text[0] = '\0';
	if (good)
		conf_free(&conf);
}

static void check_disk(struct doctor *d)
{
	const char *path = cli_path(d->cli, "data");
	uint64_t space;
	struct statvfs fs;

	if (statvfs(path, &fs) != 0) {
		check(d, "disk", false, "make it, or restore the node", "%s is missing", path);
		return;
	}
	space = (uint64_t)fs.f_bavail * fs.f_frsize;
	check(d, "disk", space >= DISK_FREE_MIN,
		"make room: a full disk stops the taking in of entries", "%" PRIu64 " MiB are free",
		space >> 20);
}

/* --- keys ------------------------------------------------------------------------------------- */

/* That it reads, and gives the keys that the card names; a sealed one is the daemon's to open. */
static void check_node_key(struct doctor *d)
{
	struct cli *c = d->cli;
	const struct card *own = cli_own(c);
	const struct card_log *log = own ? &own->logs[own->logs_len - 1] : NULL;
	const char *path = cli_path(c, "keys/node.key");
	struct identity id = {0};
	bool sealed = false;
	char next[PATH_MAX];
	struct stat st;
	int rc;

	/* Where a change of keys was cut short, the daemon ends it at its next start. */
	if (log &&
		rotation_next_path(next, sizeof(next), cli_path(c, "keys"), log->incarnation) ==
			0 &&
		access(next, F_OK) == 0)
		path = next;

	if (lstat(path, &st) != 0 || (st.st_mode & 077) != 0)
		return; /* check_secret has said so */
	rc = secret_file_sealed(path, &sealed, &c->err);
	if (rc == 0 && !sealed)
		rc = identity_read(&id, path, BYTES_NONE, log ? log->incarnation : 1, &c->err);
	if (rc != 0)
		check(d, "node key", false, "bring it back from its backup", "%s",
			c->err.text[0] ? c->err.text : err_sentence(rc));
	else if (sealed)
		check(d, "node key", true, "", "%s is sealed", path);
	else
		check(d, "node key", !log || memcmp(log->key.public_key, id.log_public, 32) == 0,
			"bring back keys/ as a whole from one backup",
			log ? "%s and the card %s" : "%s is readable", path,
			log && memcmp(log->key.public_key, id.log_public, 32) == 0
				? "name the same keys"
				: "name different keys");
	c->err.text[0] = '\0';
	identity_free(&id);
}

static void check_card(struct doctor *d)
{
	const struct card *own = cli_own(d->cli);
	char until[TEXT_TIME_SIZE];
	int64_t now = cli_now_s();

	if (!own) {
		check(d, "card", false,
			"bring keys/own.card back from a backup; on a new node: entente card "
			"draft, sign, install",
			"there is no signed card");
		return;
	}
	text_time_s(until, own->valid_until);
	check(d, "card", own->valid_from <= now && own->valid_until > now + EXPIRES_SOON_S,
		"entente card renew (or draft, sign, install)", "card %u is valid until %s",
		own->serial, until);
}

static void check_psk(struct doctor *d, const struct agreement *a)
{
	uint8_t psk[32];
	int rc = keydir_psk(cli_path(d->cli, "keys"), a->psk_id, psk, &d->cli->err);

	memset(psk, 0, sizeof(psk));
	check(d, "psk", rc == 0, "entente agreement psk, or bring the other party's file",
		"agreement %016" PRIx64 ": %s", a->id,
		rc == 0 ? "its pre-shared key is here" : d->cli->err.text);
	d->cli->err.text[0] = '\0';
}

/* Whoever has no card here, or one that is over, is not let in, and nobody else says why. */
static void check_parties(struct doctor *d, const struct agreement *a, int64_t now)
{
	static const char *const accept = "get its newest card, and entente agreement accept "
					  "AGREEMENT FILE.card, giving the file that is in force";
	char until[TEXT_TIME_SIZE];

	for (size_t i = 0; i < a->parties_len; i++) {
		const struct card_chain *chain = keydir_chain(&d->cli->keydir, &a->parties[i].node);
		const struct card *card = chain ? card_chain_last(chain) : NULL;

		if (!card)
			check(d, "peer card", false, accept,
				"agreement %016" PRIx64 ": cards/ has no card of %s", a->id,
				a->parties[i].name);
		else if (card->valid_until <= now && chain != &d->cli->keydir.own)
			check(d, "peer card", false, accept,
				"agreement %016" PRIx64 ": card %u of %s was valid until %s", a->id,
				card->serial, a->parties[i].name,
				(text_time_s(until, card->valid_until), until));
	}
}

static void check_agreements(struct doctor *d)
{
	const struct keydir *k = &d->cli->keydir;
	int64_t now = cli_now_s();
	size_t in_force = 0;

	/* Without the own card no agreement is complete, and none of them is to blame. */
	for (size_t i = 0; cli_own(d->cli) && i < k->problems_len; i++)
		check(d, "keys", false, "mend or remove that file", "%s",
			k->problems[i].error.text);
	for (size_t i = 0; i < k->agreements_len; i++) {
		const struct agreement *a = k->agreements[i];
		char until[TEXT_TIME_SIZE];

		if (!agreement_in_time(a, now))
			continue;
		in_force++;
		text_time_s(until, a->valid_until);
		check(d, "agreement", a->valid_until > now + EXPIRES_SOON_S,
			"entente agreement draft --amend, and have it signed",
			"%016" PRIx64 " is in force until %s", a->id, until);
		check_parties(d, a, now);
		if (a->has_psk)
			check_psk(d, a);
	}
	if (!in_force)
		check(d, "agreement", true, "", "none is in force: this node talks to nobody");
}

/* --- store ------------------------------------------------------------------------------------ */

static int newest_received(void *ctx, const struct store_log *log)
{
	int64_t *newest_ms = ctx;

	if (log->received_ms > *newest_ms)
		*newest_ms = log->received_ms;
	return 0;
}

static void check_index(struct doctor *d)
{
	struct store_reader *r = d->cli->reader;
	uint64_t done = store_index_position(r), all = store_arrival_last(r);

	/* A daemon catches up by itself; without one only an empty index is worth a word. */
	check(d, "index", done >= all || d->answering || done > 0,
		"entente reindex, or start entented, which rebuilds it",
		"%" PRIu64 " of %" PRIu64 " arrivals are indexed", done, all);
}

#define MISSING_SHOWN_MAX 1000u

struct missing {
	struct store_reader *reader;
	uint64_t bodies, feeds;
};

static int missing_count(void *ctx, const struct store_log *log)
{
	uint64_t indexes[MISSING_SHOWN_MAX];
	struct missing *m = ctx;
	size_t len;
	int rc = store_missing(m->reader, &log->name, 0, indexes, MISSING_SHOWN_MAX, &len);

	m->bodies += len;
	m->feeds += len > 0;
	return rc;
}

/* Bodies that whoever passed the feed on had taken out, though nothing erases them. */
static void check_bodies(struct doctor *d)
{
	struct missing m = {.reader = d->cli->reader};
	int rc = store_log_each(m.reader, missing_count, &m);

	check(d, "bodies", rc == 0 && m.bodies == 0,
		"neighbours that hold the feeds are asked for them; where it stays so, ask the "
		"origin",
		"%" PRIu64 " bodies of %" PRIu64 " feeds are absent, and no erasure says why",
		m.bodies, m.feeds);
}

static void check_store(struct doctor *d)
{
	struct cli *c = d->cli;
	int64_t newest_ms = 0, now = cli_now_s();
	enum cli_guard_state state;
	const char *text;
	int rc;

	c->quiet = true;
	rc = cli_want_store(c);
	c->quiet = false;
	check(d, "store", rc == 0, "look at the disk; else restore from peers or a backup", "%s",
		rc          ? c->err.text
		: c->reader ? "the store opens"
			    : "there is none yet: entented makes it");
	c->err.text[0] = '\0';
	if (c->reader) {
		check_index(d);
		check_bodies(d);
		rc = store_log_each(c->reader, newest_received, &newest_ms);
		check(d, "logs", rc == 0, "restore from peers or a backup", "%s",
			rc ? err_sentence(rc) : "every log can be read");
	}
	state = cli_guard_check(c, &text);
	check(d, "guard", state == CLI_GUARD_GOOD,
		"an older copy was restored: docs/OPERATING.md, Mute", "%s", text);
	check(d, "clock", now >= CLOCK_OLDEST_S && newest_ms / 1000 <= now + CLOCK_BACK_S,
		"set the clock (chronyd, systemd-timesyncd)", "%s",
		now < CLOCK_OLDEST_S ? "the date lies before this program"
		: newest_ms / 1000 > now + CLOCK_BACK_S
			? "the clock stands before what was received"
			: "the clock has not gone back");
}

/* --- daemon ----------------------------------------------------------------------------------- */

static bool connects(const struct addrinfo *to)
{
	struct pollfd p = {.events = POLLOUT};
	int error = 1;
	socklen_t len = sizeof(error);

	p.fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p.fd < 0)
		return false;
	if (connect(p.fd, to->ai_addr, to->ai_addrlen) == 0)
		error = 0;
	else if (poll(&p, 1, CONNECT_MS) == 1)
		getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	close(p.fd);
	return error == 0;
}

/* From this machine: listening everywhere means the loopback address here. */
static bool port_reachable(const char *listen)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found;
	const char *colon = strrchr(listen, ':');
	char host[CONF_TEXT_MAX];
	bool good = false;
	size_t len;

	if (!colon)
		return false;
	len = (size_t)(colon - listen);
	if (len >= 2 && listen[0] == '[')
		snprintf(host, sizeof(host), "%.*s", (int)len - 2, listen + 1);
	else
		snprintf(host, sizeof(host), "%.*s", (int)len, listen);
	if (strcmp(host, "0.0.0.0") == 0)
		snprintf(host, sizeof(host), "127.0.0.1");
	else if (strcmp(host, "::") == 0)
		snprintf(host, sizeof(host), "::1");
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return false;
	for (const struct addrinfo *at = found; at && !good; at = at->ai_next)
		good = connects(at);
	freeaddrinfo(found);
	return good;
}

static void check_port(struct doctor *d)
{
	json_t *ready = json_load_file(cli_path(d->cli, "run/ready"), JSON_REJECT_DUPLICATES, NULL);
	const char *listen = json_string_value(json_object_get(ready, "listen"));

	check(d, "port", listen && port_reachable(listen),
		"look at listen in entente.conf and at the firewall of this machine", "%s %s",
		listen ? listen : "run/ready",
		listen ? "is where this node listens" : "does not say where this node listens");
	json_decref(ready);
}

static void check_daemon(struct doctor *d)
{
	struct cli *c = d->cli;
	json_t *answer;
	bool mute;
	int rc = cli_call_quiet(c, json_pack("{s:s}", "command", "status"), 10000, &answer);

	d->answering = rc == 0;
	check(d, "daemon", d->answering, "start it: systemctl start entented, or entented --home",
		"%s",
		d->answering        ? "it answers"
		: rc == ENT_ECLOSED ? "no daemon runs on this home"
				    : err_sentence(rc));
	c->err.text[0] = '\0';
	if (!d->answering)
		return;
	mute = json_is_true(json_object_get(json_object_get(answer, "status"), "mute"));
	check(d, "mute", !mute, "entente recover says what it waits for; docs/OPERATING.md, Mute",
		"%s", mute ? err_sentence(ENT_EMUTE) : "the node signs what it publishes");
	json_decref(answer);
	check_port(d);
}

static int run(struct cli *c)
{
	struct doctor d = {.cli = c};
	int rc = cli_need_keydir(c);

	if (rc)
		return rc;
	d.checks = json_array();
	check_home(&d);
	check_node_key(&d);
	check_card(&d);
	check_agreements(&d);
	check_disk(&d);
	check_daemon(&d);
	check_store(&d);
	rc = d.failed ? CLI_NOT : CLI_DONE;
	if (c->json)
		return cli_json(c, d.checks, rc);
	json_decref(d.checks);
	return rc;
}

const struct cli_command cmd_doctor = {
	.name = "doctor",
	.usage = "",
	.summary = "check everything here; each failed check says what to do",
	.example = "entente doctor\n",
	.run = run,
};
