/* SPDX-License-Identifier: EUPL-1.2 */
/* `init` makes a node's directory; `root new` the keys that stay on another machine. */
#include "cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <string.h>
#include <sodium.h>
#include <unistd.h>

#include "keys/field.h"
#include "keys/file.h"
#include "keys/identity.h"

struct roots {
	struct root_key root, next;
};

static void roots_free(struct roots *r)
{
	root_key_free(&r->root);
	root_key_free(&r->next);
}

static int roots_generate(struct cli *c, struct roots *r)
{
	struct env_rng rng = cli_rng();
	int rc = root_key_generate(&r->root, &rng);

	if (!rc)
		rc = root_key_generate(&r->next, &rng);
	return rc ? cli_fail_code(c, rc, "cannot make a root key") : 0;
}

/* What seals the root keys: nothing with --no-passphrase. */
static int roots_passphrase(struct cli *c, struct cli_passphrase *p)
{
	*p = (struct cli_passphrase){0};
	if (!cli_has(c, "--no-passphrase"))
		return cli_passphrase(c, "the root keys", true, p);
	if (cli_has(c, "--passphrase-file"))
		return cli_usage(c, "--passphrase-file and --no-passphrase exclude each other");
	return 0;
}

static void next_root_hash(uint8_t hash[32], const struct root_key *next)
{
	crypto_hash_sha256(hash, next->public_key, 32);
}

static int roots_write(struct cli *c, const struct roots *r, const char *dir,
	struct bytes passphrase)
{
	struct buf text = buf_with_max(4096);
	uint8_t next_hash[32];
	char path[PATH_MAX];
	int rc = file_path(path, sizeof(path), dir, "root.key");

	if (!rc)
		rc = root_key_write(&r->root, path, passphrase, &c->err);
	if (!rc)
		rc = file_path(path, sizeof(path), dir, "next-root.key");
	if (!rc)
		rc = root_key_write(&r->next, path, passphrase, &c->err);
	if (!rc)
		rc = file_path(path, sizeof(path), dir, "root.public");
	next_root_hash(next_hash, &r->next);
	root_public_text(&text, r->root.public_key, next_hash);
	if (!rc)
		rc = file_create(path, buf_view(&text), 0644, &c->err);
	buf_free(&text);
	return rc ? cli_fail_code(c, rc, path) : 0;
}

/* --- directories that a failure must not leave behind ----------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int remove_content(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level ? remove_one(path, st, type, ftw) : 0;
}

/* A new directory with what above it was missing. */
struct made {
	char path[PATH_MAX];
	char first[PATH_MAX]; /* the topmost that was made here; "" for none */
};

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool empty = dir != NULL;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			empty = false;
	if (dir)
		closedir(dir);
	return empty;
}

static void made_undo(const struct made *m)
{
	if (m->first[0])
		nftw(m->first, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	else
		nftw(m->path, remove_content, 16, FTW_DEPTH | FTW_PHYS);
}

/* Fails when something is there already; an empty directory is as good as none. */
static int made_begin(struct cli *c, struct made *m, const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	*m = (struct made){0};
	if (len == 0 || len >= sizeof(m->path))
		return cli_fail(c, CLI_INVALID, "saw a path of %zu bytes, wanted 1 to %zu", len,
			sizeof(m->path) - 1);
	memcpy(m->path, path, len + 1);
	if (access(path, F_OK) == 0 && !is_empty(path))
		return cli_fail(c, CLI_INVALID,
			"%s: saw a directory with something in it, wanted none: nothing was "
			"changed",
			path);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, i == len ? 0700 : 0755) == 0) {
			if (!m->first[0])
				memcpy(m->first, part, i + 1);
		} else if (errno != EEXIST) {
			int number = errno;

			if (m->first[0])
				made_undo(m);
			return cli_fail(c, CLI_STORE, "%s: cannot make the directory: %s", part,
				strerror(number));
		}
	}
	return 0;
}

/* --- root new --------------------------------------------------------------------------------- */

static int print_root(struct cli *c, const struct roots *r, const char *dir)
{
	struct note_key key;
	struct node_id node;
	char vkey[NOTE_VKEY_TEXT_MAX], id[NODE_ID_TEXT_SIZE];

	identity_node_id(&node, r->root.public_key);
	identity_role_key(&key, &node, "root", NOTE_TYPE_ED25519, r->root.public_key);
	note_key_text(vkey, &key);
	node_id_text(id, &node);
	if (c->json)
		return cli_json(c,
			json_pack("{s:s, s:s, s:s}", "node", id, "root", vkey, "directory", dir),
			CLI_DONE);
	printf("node  %s\nroot  %s\n\n", id, vkey);
	printf("%s/root.key       signs cards and agreements: keep it offline\n", dir);
	printf("%s/next-root.key  only for the day root is lost or stolen: keep it elsewhere\n",
		dir);
	printf("%s/root.public    take this to the node: entente init --root-public\n", dir);
	return CLI_DONE;
}

static int run_root_new(struct cli *c)
{
	const char *dir = cli_value(c, "-o");
	struct cli_passphrase passphrase = {0};
	struct roots roots = {0};
	struct made made;
	int rc;

	if (!dir)
		return cli_usage(c, "-o DIR is missing");
	rc = roots_passphrase(c, &passphrase);
	if (rc)
		return rc;
	rc = made_begin(c, &made, dir);
	if (rc)
		goto out;
	rc = roots_generate(c, &roots);
	if (!rc)
		rc = roots_write(c, &roots, dir, cli_passphrase_bytes(&passphrase));
	if (rc)
		made_undo(&made);
	else
		rc = print_root(c, &roots, dir);
out:
	roots_free(&roots);
	cli_passphrase_free(&passphrase);
	return rc;
}

/* --- init ------------------------------------------------------------------------------------- */

struct init {
	struct cli *cli;
	struct roots roots; /* empty with --root-public */
	bool root_elsewhere;
	struct buf root_public; /* the file of --root-public */
	struct identity identity;
	struct card card;
	struct buf card_note; /* signed, or a draft when root is elsewhere */
};

static int text_option(struct cli *c, const char *option, char *out, size_t cap)
{
	const char *text = cli_value(c, option);

	if (!text)
		return cli_usage(c, "%s is missing", option);
	if (!*text || strlen(text) >= cap)
		return cli_fail(c, CLI_INVALID, "%s: saw %zu bytes, wanted 1 to %zu", option,
			strlen(text), cap - 1);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

/* Root's public key and the hash of the next: made here, or read from --root-public. */
static int init_root(struct init *in)
{
	struct cli *c = in->cli;
	const char *file = cli_value(c, "--root-public");
	uint8_t public_key[32];
	int rc;

	if (file) {
		in->root_elsewhere = true;
		in->root_public = buf_with_max(4096);
		rc = file_read(file, &in->root_public, &c->err);
		if (rc == ENT_ENOTFOUND)
			rc = ENT_EIO;
		if (!rc)
			rc = root_public_parse(buf_view(&in->root_public), file, public_key,
				in->card.next_root, &c->err);
		if (rc)
			return cli_fail_code(c, rc, file);
	} else {
		rc = roots_generate(c, &in->roots);
		if (rc)
			return rc;
		memcpy(public_key, in->roots.root.public_key, 32);
		next_root_hash(in->card.next_root, &in->roots.next);
	}
	identity_node_id(&in->card.node, public_key);
	identity_role_key(&in->card.root, &in->card.node, "root", NOTE_TYPE_ED25519, public_key);
	return 0;
}

static int init_card(struct init *in)
{
	struct cli *c = in->cli;
	struct buf text = buf_with_max(CARD_BYTES_MAX);
	struct env_rng rng = cli_rng();
	struct card *card = &in->card;
	int rc;

	card->serial = 1;
	rc = text_option(c, "--name", card->name, sizeof(card->name));
	if (!rc)
		rc = text_option(c, "--org", card->org, sizeof(card->org));
	if (!rc)
		rc = cli_card_options(c, card);
	if (!rc)
		rc = init_root(in);
	if (rc)
		return rc;
	rc = identity_generate(&in->identity, (uint64_t)cli_now_s(), &rng);
	if (!rc)
		rc = card_set_keys(card, &in->identity);
	if (rc)
		return cli_fail_code(c, rc, "cannot make the node's keys");
	/* Whatever the options said is checked by reading it as anybody will. */
	card_text(&text, card);
	in->card_note = buf_with_max(CARD_BYTES_MAX);
	if (in->root_elsewhere) {
		bool is_signed;

		buf_bytes(&in->card_note, buf_view(&text));
		rc = card_draft_parse(buf_view(&text), "card", card, &is_signed, &c->err);
	} else {
		rc = card_sign(&in->card_note, buf_view(&text), "card", &in->roots.root, &c->err);
	}
	buf_free(&text);
	return rc ? cli_fail_code(c, rc, "card") : 0;
}

static int write_file(struct init *in, const char *name, struct bytes data, mode_t mode)
{
	struct cli *c = in->cli;
	const char *path = cli_path(c, name);
	int rc = file_create(path, data, mode, &c->err);

	return rc ? cli_fail_code(c, rc, path) : 0;
}

static int write_conf(struct init *in)
{
	const char *listen = cli_value(in->cli, "--listen");
	struct buf text = buf_with_max(8192);
	int rc;

	buf_printf(&text,
		"# entente.conf(5): what the programs of this node are told when they start.\n"
		"name %s\n"
		"org %s\n"
		"\n"
		"# Where other nodes reach this one; what they are told stands in the card.\n"
		"listen %s\n"
		"\n"
		"# error, warn, notice, info or debug\n"
		"log-level info\n"
		"\n"
		"# Dial a node here, whatever its card says:\n"
		"# endpoint NODE-ID HOST:PORT\n",
		in->card.name, in->card.org, listen ? listen : CONF_LISTEN);
	rc = write_file(in, "entente.conf", buf_view(&text), 0640);
	buf_free(&text);
	return rc;
}

static int write_keys(struct init *in, struct bytes root_pass, struct bytes node_pass)
{
	struct cli *c = in->cli;
	const char *node_key = cli_path(c, "keys/node.key");
	int rc;

	rc = in->root_elsewhere
		     ? write_file(in, "keys/root.public", buf_view(&in->root_public), 0644)
		     : roots_write(c, &in->roots, cli_path(c, "keys"), root_pass);
	if (rc)
		return rc;
	rc = identity_write(&in->identity, node_key, node_pass, &c->err);
	if (rc)
		return cli_fail_code(c, rc, node_key);
	return write_file(in, in->root_elsewhere ? "keys/own.draft" : "keys/own.card",
		buf_view(&in->card_note), 0644);
}

static int write_home(struct init *in, struct bytes root_pass, struct bytes node_pass)
{
	static const char *const directories[] = {"keys", "keys/cards", "keys/agreements",
		"keys/psk", "keys/history", "keys/rosters", "data", "data/log", "data/index",
		"inbox", "run"};
	struct cli *c = in->cli;
	int rc;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		rc = file_directory(cli_path(c, directories[i]), 0700, &c->err);
		if (rc)
			return cli_fail_code(c, rc, directories[i]);
	}
	rc = write_keys(in, root_pass, node_pass);
	/* Empty: every own feed has size 0. Without it the node would take itself for restored. */
	if (!rc)
		rc = write_file(in, "guard", BYTES_NONE, 0600);
	return rc ? rc : write_conf(in);
}

static int print_init(struct init *in)
{
	struct cli *c = in->cli;
	char id[NODE_ID_TEXT_SIZE];

	node_id_text(id, &in->card.node);
	if (c->json)
		return cli_json(c,
			json_pack("{s:s, s:s, s:s, s:s, s:I, s:b}", "node", id, "name",
				in->card.name, "org", in->card.org, "home", c->home, "incarnation",
				(json_int_t)in->identity.incarnation, "signed",
				!in->root_elsewhere),
			CLI_DONE);
	printf("node  %s\nname  %s\norg   %s\nhome  %s\n\n", id,
		cli_clean(c, bytes_str(in->card.name)), cli_clean(c, bytes_str(in->card.org)),
		c->home);
	if (in->root_elsewhere)
		printf("The card waits for its signature:\n"
		       "  entente card draft -o own.card          here\n"
		       "  entente card sign own.card --root-key root.key    where root is kept\n"
		       "  entente card install own.card           here\n");
	else
		printf("Take %s/keys/next-root.key away from this machine, and root.key too\n"
		       "if you can. Next: entente card export -o %s.card, and exchange cards.\n",
			c->home, in->card.name);
	return CLI_DONE;
}

static int init_passphrases(struct init *in, struct cli_passphrase *root,
	struct cli_passphrase *node)
{
	struct cli *c = in->cli;
	const char *file = cli_value(c, "--node-passphrase-file");
	int rc = 0;

	if (!cli_has(c, "--root-public"))
		rc = roots_passphrase(c, root);
	if (!rc && file)
		rc = cli_passphrase_file(c, file, node);
	return rc;
}

static int check_listen(struct cli *c)
{
	const char *listen = cli_value(c, "--listen");

	if (!listen || conf_address_valid(bytes_str(listen)))
		return 0;
	return cli_fail(c, CLI_INVALID, "--listen: saw \"%s\", wanted ADDRESS:PORT, for example %s",
		listen, CONF_LISTEN);
}

/* Interrupted half-way it would leave a directory that the next init refuses. */
static void hold_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(how, &set, NULL);
}

static int run_init(struct cli *c)
{
	struct cli_passphrase root_pass = {0}, node_pass = {0};
	struct init in = {.cli = c};
	struct made made;
	int rc;

	if (access(c->home, F_OK) == 0 && !is_empty(c->home))
		return cli_fail(c, CLI_INVALID,
			"%s: saw a directory with something in it, wanted none: nothing was "
			"changed",
			c->home);
	rc = check_listen(c);
	if (!rc)
		rc = init_card(&in);
	if (!rc)
		rc = init_passphrases(&in, &root_pass, &node_pass);
	if (rc)
		goto out;
	hold_signals(SIG_BLOCK);
	rc = made_begin(c, &made, c->home);
	if (!rc) {
		rc = write_home(&in, cli_passphrase_bytes(&root_pass),
			cli_passphrase_bytes(&node_pass));
		if (rc)
			made_undo(&made);
	}
	hold_signals(SIG_UNBLOCK);
	if (!rc)
		rc = print_init(&in);
out:
	cli_passphrase_free(&root_pass);
	cli_passphrase_free(&node_pass);
	roots_free(&in.roots);
	identity_free(&in.identity);
	buf_free(&in.root_public);
	buf_free(&in.card_note);
	return rc;
}

#define PASSPHRASE_OPTIONS                                                                         \
	{"--passphrase-file", "F", false, "first line seals the root keys; - is standard input"},  \
	{                                                                                          \
		"--no-passphrase", NULL, false, "the root keys are not sealed"                     \
	}

static const struct cli_option init_options[] = {
	{"--name", "NAME", false, "short name, such as fr"},
	{"--org", "ORG", false, "the agency, such as CERT-FR"},
	{"--endpoint", "HOST:PORT", true, "where others reach this node"},
	{"--contact", "TEXT", true, "whom others call or write to"},
	{"--listen", "ADDR:PORT", false, "where this node listens (" CONF_LISTEN ")"},
	{"--valid-days", "N", false, "how long the card is valid (365)"},
	PASSPHRASE_OPTIONS,
	{"--node-passphrase-file", "F", false, "seals node.key too; the daemon then needs F"},
	{"--root-public", "FILE", false, "root stays elsewhere (entente root new)"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_init = {
	.name = "init",
	.usage = "--name NAME --org ORG [--endpoint HOST:PORT]... [--listen ADDR:PORT] "
		 "[--passphrase-file F | --no-passphrase] [--root-public FILE]",
	.summary = "make a node: its directory, keys and first card",
	.example = "entente init --name fr --org CERT-FR --endpoint ti.cert.example:7466\n",
	.options = init_options,
	.run = run_init,
};

static const struct cli_option root_new_options[] = {
	{"-o", "DIR", false, "where the three files go; made if missing"},
	PASSPHRASE_OPTIONS,
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_root_new = {
	.name = "root new",
	.usage = "-o DIR [--passphrase-file F | --no-passphrase]",
	.summary = "make root and next root on an offline machine",
	.example = "entente root new -o /media/safe/fr\n",
	.options = root_new_options,
	.run = run_root_new,
};
