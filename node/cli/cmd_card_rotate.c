/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Changing keys. All online keys at once: a new seed, and with it a new incarnation, on a card that
 * root signs here or elsewhere. Root: the next root, to which every card commits, signs a card that
 * makes it root and commits to a fresh one; it beats whatever the old root signs from then on.
 */
#include "cli/card.h"

#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/field.h"
#include "keys/file.h"
#include "keys/identity.h"
#include "keys/rotation.h"

/* --- rotate-keys ------------------------------------------------------------------------------ */

/* What the change consists of, before anything stands in the keys directory. */
struct key_change {
	struct identity id;
	struct cli_passphrase passphrase; /* of node.key, and so of the new one */
	struct buf text;                  /* of the card */
	char next[PATH_MAX];              /* where a new seed waits; "" when there is none */
};

static void key_change_free(struct key_change *k)
{
	identity_free(&k->id);
	cli_passphrase_free(&k->passphrase);
	buf_free(&k->text);
}

/* Where the seed is to wait: not where another does, which a draft of the same second has made, or
 * a change that was cut short. */
static int next_free(struct cli *c, struct key_change *k, uint64_t *incarnation)
{
	int rc;

	while ((rc = rotation_next_path(k->next, sizeof(k->next), cli_path(c, "keys"),
			*incarnation)) == 0 &&
		access(k->next, F_OK) == 0)
		++*incarnation;
	return rc ? cli_fail_code(c, rc, "keys") : 0;
}

/* fresh: of a new seed. */
static int key_change_begin(struct cli *c, struct key_change *k, bool fresh)
{
	struct env_rng rng = cli_rng();
	const struct card *own;
	struct card next;
	uint64_t incarnation = (uint64_t)cli_now_s(), last;
	int rc = cli_need_own(c, &own);

	if (rc)
		return rc;
	last = own->logs[own->logs_len - 1].incarnation;
	if (incarnation <= last)
		incarnation = last + 1;
	rc = next_free(c, k, &incarnation);
	if (rc)
		return rc;
	rc = cli_identity_at(c, cli_path(c, "keys/node.key"), fresh ? last : incarnation, &k->id,
		&k->passphrase);
	if (rc)
		return rc;
	card_next(&next, own);
	rc = cli_card_options(c, &next);
	if (rc)
		return rc;
	if (fresh)
		identity_rotate(&k->id, incarnation, &rng);
	rc = card_set_keys(&next, &k->id);
	if (rc == ENT_ELIMIT)
		return cli_fail(c, CLI_INVALID, "the card names %u incarnations already",
			CARD_LOGS_MAX);
	if (!fresh)
		k->next[0] = '\0';
	card_text(&k->text, &next);
	return rc ? cli_fail_code(c, rc, "cannot make the keys") : 0;
}

static int key_change_write(struct cli *c, struct key_change *k)
{
	int rc = 0;

	if (k->next[0])
		rc = identity_write(&k->id, k->next, cli_passphrase_bytes(&k->passphrase), &c->err);
	return rc ? cli_fail_code(c, rc, k->next) : 0;
}

/* The draft goes to root; its seed waits here for the card to come back. */
static int keys_draft(struct cli *c, struct key_change *k, const char *out)
{
	bool is_signed;
	struct card card;
	int lock, rc = card_draft_parse(buf_view(&k->text), "card", &card, &is_signed, &c->err);

	if (rc)
		return cli_fail_code(c, rc, "card");
	rc = cli_card_hold(c, &lock);
	if (!rc)
		rc = key_change_write(c, k);
	cli_card_let_go(lock);
	if (!rc)
		rc = cli_write_out(c, buf_view(&k->text), 0644);
	if (rc || strcmp(out, "-") == 0)
		return rc;
	return cli_print_card(c, &card, out, false);
}

static int keys_install(struct cli *c, struct key_change *k)
{
	struct buf note = buf_with_max(CARD_BYTES_MAX);
	struct root_key root = {0};
	struct card_chain chain;
	int lock, rc = cli_root_key(c, &root);

	if (rc)
		return rc;
	rc = card_sign(&note, buf_view(&k->text), "card", &root, &c->err);
	root_key_free(&root);
	if (rc) {
		buf_free(&note);
		return cli_fail_code(c, rc, "card");
	}
	/* When the card cannot be written for certain the seed stays: if it stands after all,
	 * nothing else opens it, and if not, the next change removes the seed. */
	rc = cli_card_hold(c, &lock);
	if (!rc)
		rc = key_change_write(c, k);
	if (!rc)
		rc = cli_card_append(c, c->keydir.own.cards_len, buf_view(&note), "card", &chain);
	cli_card_let_go(lock);
	buf_free(&note);
	if (!rc)
		rc = cli_card_settle(c, card_chain_last(&chain));
	return rc ? rc : cli_print_card(c, card_chain_last(&chain), cli_path(c, OWN_CARD), true);
}

static int change_keys(struct cli *c, bool fresh)
{
	const char *out = cli_value(c, "-o");
	struct key_change k = {.text = buf_with_max(CARD_BYTES_MAX)};
	int rc = key_change_begin(c, &k, fresh);

	if (!rc)
		rc = out ? keys_draft(c, &k, out) : keys_install(c, &k);
	key_change_free(&k);
	return rc;
}

static int run_rotate_keys(struct cli *c)
{
	return change_keys(c, true);
}

/* Entries that were signed are lost for good, or two histories are signed: the seed stays, what it
 * has said beyond what is here is void. */
static int run_new_incarnation(struct cli *c)
{
	return change_keys(c, false);
}

static const struct cli_option keys_options[] = {
	{"--org", "ORG", false, "the agency"},
	{"--endpoint", "HOST:PORT", true, "where others reach the node; replaces all"},
	{"--contact", "TEXT", true, "whom others call or write to; replaces all"},
	{"--valid-days", "N", false, "how long the card is valid (365)"},
	{"-o", "FILE", false, "a draft for root that is elsewhere: card sign, card install"},
	{"--root-key", "FILE", false, "root, when it is not in this home"},
	{"--passphrase-file", "F", false, "opens the root key"},
	{"--node-passphrase-file", "F", false, "opens node.key when it is sealed"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_card_rotate_keys = {
	.name = "card rotate-keys",
	.usage = "[-o FILE] [--root-key FILE] [--passphrase-file F] [--node-passphrase-file F]",
	.summary = "new online keys: a new seed, a new incarnation, a new card",
	.example = "entente card rotate-keys --root-key /media/safe/fr/root.key\n"
		   "entente card rotate-keys -o fr-4.card\n",
	.options = keys_options,
	.run = run_rotate_keys,
};

const struct cli_command cmd_card_new_incarnation = {
	.name = "card new-incarnation",
	.usage = "[-o FILE] [--root-key FILE] [--passphrase-file F] [--node-passphrase-file F]",
	.summary = "new feeds under the same keys, when entries of the old ones are lost for good",
	.example = "entente card new-incarnation --root-key /media/safe/fr/root.key\n"
		   "entente card new-incarnation -o fr-5.card\n",
	.options = keys_options,
	.run = run_new_incarnation,
};

/* --- rotate-root ------------------------------------------------------------------------------ */

struct root_change {
	char path[PATH_MAX]; /* of the next root, which signs */
	char dir[PATH_MAX];  /* it lies in */
	struct root_key root, fresh;
	struct cli_passphrase passphrase;
	char fresh_path[PATH_MAX]; /* of the fresh one, until the names follow the roles */
};

static void root_change_free(struct root_change *r)
{
	root_key_free(&r->root);
	root_key_free(&r->fresh);
	cli_passphrase_free(&r->passphrase);
}

static int in_dir(struct cli *c, char out[PATH_MAX], const char *dir, const char *name)
{
	int rc = file_path(out, PATH_MAX, dir, name);

	return rc ? cli_fail_code(c, rc, name) : 0;
}

static int fresh_path(struct cli *c, struct root_change *r, uint32_t serial)
{
	char name[64];

	snprintf(name, sizeof(name), "next-root.card-%u.key", serial);
	return in_dir(c, r->fresh_path, r->dir, name);
}

/* Opens the next root. Of a change that was cut short between the last two names it is root.key
 * already. */
static int root_change_open(struct cli *c, struct root_change *r, uint32_t serial)
{
	const char *path = cli_value(c, "--root-key");
	char copy[PATH_MAX];
	int rc;

	path = path ? path : cli_path(c, "keys/next-root.key");
	if (strlen(path) >= sizeof(r->path))
		return cli_fail(c, CLI_INVALID, "%s: the path is too long", path);
	memcpy(r->path, path, strlen(path) + 1);
	memcpy(copy, r->path, sizeof(copy));
	snprintf(r->dir, sizeof(r->dir), "%s", dirname(copy));
	rc = fresh_path(c, r, serial);
	if (!rc && access(r->path, F_OK) != 0 && access(r->fresh_path, F_OK) == 0)
		rc = in_dir(c, r->path, r->dir, "root.key");
	return rc ? rc : cli_root_key_at(c, r->path, &r->root, &r->passphrase);
}

/* What a change that was cut short has left, if anything: else a card might commit to a key that
 * nobody has. */
static int fresh_read(struct cli *c, struct root_change *r, bool *there)
{
	int rc;

	*there = access(r->fresh_path, F_OK) == 0;
	rc = *there ? root_key_read(&r->fresh, r->fresh_path, cli_passphrase_bytes(&r->passphrase),
			      &c->err)
		    : 0;
	return rc ? cli_fail_code(c, rc, r->fresh_path) : 0;
}

static bool commits_to(const struct card *card, const struct root_key *key)
{
	uint8_t hash[32];

	crypto_hash_sha256(hash, key->public_key, 32);
	return memcmp(hash, card->next_root, 32) == 0;
}

/* Of the card that stands: is everything of its change done but for the names of the files? */
static int root_change_was_cut(struct cli *c, struct root_change *r, const struct card *card,
	bool *cut)
{
	int rc = root_change_open(c, r, card->serial);

	*cut = false;
	if (rc || memcmp(r->root.public_key, card->root.public_key, 32) != 0)
		return rc;
	rc = fresh_read(c, r, cut);
	*cut = *cut && commits_to(card, &r->fresh);
	return rc;
}

/* Under whatever name it was given. */
static bool same_file(const char *a, const char *b)
{
	struct stat of_a, of_b;

	return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
	       of_a.st_ino == of_b.st_ino;
}

/* Of a change that was ended the next root is root.key already, and the fresh one beside it. The
 * card may have come to nothing since (a medium that does not read); the draft once more makes it
 * again. Another fresh one would take the place of the only copy of that to which the first card
 * commits. */
static int fresh_again(struct cli *c, struct root_change *r)
{
	char root[PATH_MAX], next[PATH_MAX];
	int rc = in_dir(c, root, r->dir, "root.key");

	if (!rc)
		rc = in_dir(c, next, r->dir, "next-root.key");
	if (!rc && access(r->fresh_path, F_OK) != 0 && same_file(r->path, root) &&
		access(next, F_OK) == 0)
		memcpy(r->fresh_path, next, sizeof(next));
	return rc;
}

/* Makes the card one of the next root, and commits it to a fresh root, which is written first. */
static int root_change_begin(struct cli *c, struct root_change *r, struct card *card)
{
	struct env_rng rng = cli_rng();
	bool there = false;
	int rc;

	if (!commits_to(card, &r->root))
		return cli_fail(c, CLI_INVALID,
			"%s: this is not the next root that the card commits to", r->path);
	rc = fresh_path(c, r, card->serial);
	if (!rc)
		rc = fresh_again(c, r);
	if (!rc)
		rc = fresh_read(c, r, &there);
	if (!rc && !there && (rc = root_key_generate(&r->fresh, &rng)) != 0)
		rc = cli_fail_code(c, rc, "cannot make a root key");
	if (!rc && !there &&
		(rc = root_key_write(&r->fresh, r->fresh_path, cli_passphrase_bytes(&r->passphrase),
			 &c->err)) != 0)
		rc = cli_fail_code(c, rc, r->fresh_path);
	if (rc)
		return rc;
	identity_role_key(&card->root, &card->node, "root", NOTE_TYPE_ED25519, r->root.public_key);
	crypto_hash_sha256(card->next_root, r->fresh.public_key, 32);
	return 0;
}

static int move(struct cli *c, const char *from, const char *to)
{
	if (rename(from, to) == 0)
		return 0;
	return cli_fail(c, CLI_STORE, "%s: cannot rename to %s: %s", from, to, strerror(errno));
}

/* The names follow the roles: what was root.key is kept, the next root is root.key, the fresh one
 * next-root.key. */
static int root_change_end(struct cli *c, const struct root_change *r, uint32_t serial)
{
	char root[PATH_MAX], next[PATH_MAX], old[PATH_MAX], name[64];
	int rc = in_dir(c, root, r->dir, "root.key");
	bool is_root;

	snprintf(name, sizeof(name), "root.before-card-%u.key", serial);
	if (!rc)
		rc = in_dir(c, next, r->dir, "next-root.key");
	if (!rc)
		rc = in_dir(c, old, r->dir, name);
	is_root = same_file(r->path, root);
	if (!rc && !is_root && access(root, F_OK) == 0)
		rc = move(c, root, old);
	if (!rc && !is_root)
		rc = move(c, r->path, root);
	if (!rc)
		rc = move(c, r->fresh_path, next);
	if (rc || c->json)
		return rc;
	printf("%s is root now; %s is the next root: keep it elsewhere.\n", root, next);
	return 0;
}

/* Signs, and reads again what was signed. */
static int root_sign(struct cli *c, const struct root_change *r, struct card *card,
	struct buf *note)
{
	struct buf text = buf_with_max(CARD_BYTES_MAX);
	int rc;

	card_text(&text, card);
	rc = card_sign(note, buf_view(&text), "card", &r->root, &c->err);
	if (!rc)
		rc = card_parse(buf_view(note), "card", card, &c->err);
	buf_free(&text);
	return rc ? cli_fail_code(c, rc, "card") : 0;
}

/* A draft of the node, changed and signed where the next root is kept. */
static int rotate_file(struct cli *c, struct root_change *r, const char *file)
{
	struct buf note = buf_with_max(CARD_BYTES_MAX);
	struct bytes input;
	struct card card;
	bool is_signed, cut;
	int rc = cli_read_file(c, file, CARD_BYTES_MAX, &input);

	if (rc)
		return rc;
	rc = card_draft_parse(input, file, &card, &is_signed, &c->err);
	if (rc)
		return cli_fail_code(c, rc, file);
	if (!card.has_previous)
		return cli_fail(c, CLI_INVALID, "%s: saw a first card, wanted one to follow it",
			file);
	rc = root_change_was_cut(c, r, &card, &cut);
	if (!rc && !cut && is_signed)
		rc = cli_fail(c, CLI_INVALID, "%s: saw a card that is signed, wanted a draft",
			file);
	if (!rc && !cut)
		rc = root_change_begin(c, r, &card);
	if (!rc && !cut)
		rc = root_sign(c, r, &card, &note);
	if (!rc && !cut && (rc = file_write(file, buf_view(&note), 0644, &c->err)) != 0)
		rc = cli_fail_code(c, rc, file);
	if (!rc)
		rc = root_change_end(c, r, card.serial);
	buf_free(&note);
	return rc ? rc : cli_print_card(c, &card, file, true);
}

/* How many of the own cards stay: all, or with --after those up to that serial. */
static int cards_kept(struct cli *c, size_t *kept)
{
	const struct card_chain *own = &c->keydir.own;
	uint64_t serial = card_chain_last(own)->serial;
	int rc = cli_number(c, "--after", 1, UINT32_MAX, &serial);

	for (*kept = own->cards_len; !rc && *kept; --*kept)
		if (own->cards[*kept - 1].serial == serial)
			return 0;
	return rc ? rc
		  : cli_fail(c, CLI_INVALID, "--after: there is no card %llu",
			    (unsigned long long)serial);
}

static int rotate_home(struct cli *c, struct root_change *r)
{
	struct buf note = buf_with_max(CARD_BYTES_MAX);
	const struct card *own;
	struct card_chain chain;
	struct card next;
	size_t kept;
	bool cut = false;
	int lock = -1, rc = cli_need_own(c, &own);

	if (!rc)
		rc = cards_kept(c, &kept);
	if (!rc)
		rc = root_change_was_cut(c, r, own, &cut);
	if (!rc && cut)
		rc = root_change_end(c, r, own->serial);
	if (rc || cut)
		return rc ? rc : cli_print_card(c, own, cli_path(c, OWN_CARD), true);
	card_next(&next, own);
	memcpy(next.previous, c->keydir.own.cards[kept - 1].hash, 32);
	rc = cli_card_options(c, &next);
	if (!rc)
		rc = cli_card_hold(c, &lock);
	if (!rc)
		rc = root_change_begin(c, r, &next);
	if (!rc)
		rc = root_sign(c, r, &next, &note);
	if (!rc)
		rc = cli_card_append(c, kept, buf_view(&note), "card", &chain);
	cli_card_let_go(lock);
	buf_free(&note);
	if (rc)
		return rc;
	(void)cli_reload(c);
	rc = root_change_end(c, r, next.serial);
	return rc ? rc : cli_print_card(c, card_chain_last(&chain), cli_path(c, OWN_CARD), true);
}

static int run_rotate_root(struct cli *c)
{
	struct root_change r = {0};
	int rc;

	if (c->args_len && !cli_has(c, "--root-key"))
		return cli_usage(c, "--root-key FILE is missing: the next root");
	if (c->args_len && cli_has(c, "--after"))
		return cli_usage(c, "--after goes with the card of this node, not with a draft");
	rc = c->args_len ? rotate_file(c, &r, c->args[0]) : rotate_home(c, &r);
	root_change_free(&r);
	return rc;
}

static const struct cli_option root_options[] = {
	{"--root-key", "FILE", false, "the next root; else next-root.key of this home"},
	{"--passphrase-file", "F", false, "opens it, and seals the fresh one"},
	{"--after", "SERIAL", false, "stand behind that card: beats all that root signed since"},
	{"--org", "ORG", false, "the agency"},
	{"--endpoint", "HOST:PORT", true, "where others reach the node; replaces all"},
	{"--contact", "TEXT", true, "whom others call or write to; replaces all"},
	{"--valid-days", "N", false, "how long the card is valid (365)"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_card_rotate_root = {
	.name = "card rotate-root",
	.usage = "[FILE] [--root-key NEXT-ROOT.key] [--passphrase-file F] [--after SERIAL]",
	.summary = "the next root becomes root; FILE: a draft (card draft), without a node",
	.example =
		"entente card rotate-root --root-key /media/other-safe/next-root.key\n"
		"entente card rotate-root fr-4.card --root-key /media/other-safe/next-root.key\n",
	.options = root_options,
	.args_max = 1,
	.run = run_rotate_root,
};
