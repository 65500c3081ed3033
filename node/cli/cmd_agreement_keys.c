/* SPDX-License-Identifier: EUPL-1.2 */
/* What an agreement does here: test, psk, revoke. */
#include "cli/cli.h"

#include <string.h>
#include <sodium.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/agreement.h"
#include "keys/file.h"
#include "keys/identity.h"
#include "policy/decide.h"

/* --- test ------------------------------------------------------------------------------------- */

#define RULES_MAX 64

/* What decide() says of every feed here towards one peer. */
struct forward_test {
	struct node_id self, peer;
	const struct agreement *const *agreements;
	size_t agreements_len;
	int64_t now_s;
	uint64_t would_send;
	size_t rules_len;
	struct {
		const char *name;
		uint64_t count;
	} withheld[RULES_MAX];
};

static void count_withheld(struct forward_test *t, const char *rule, uint64_t count)
{
	size_t i = 0;

	while (i < t->rules_len && strcmp(t->withheld[i].name, rule) != 0)
		i++;
	if (i == RULES_MAX)
		return;
	if (i == t->rules_len)
		t->withheld[t->rules_len++].name = rule;
	t->withheld[i].count += count;
}

/* The peer's own feeds are not sent back to it, and a provenance log is no feed. */
static int test_log(void *ctx, const struct store_log *log)
{
	struct forward_test *t = ctx;
	struct policy_query query = {
		.door = DOOR_FORWARD,
		.feed = &log->name,
		.self = &t->self,
		.peer = &t->peer,
		.agreements = t->agreements,
		.agreements_len = t->agreements_len,
		.now_s = t->now_s,
	};
	struct policy_verdict verdict;

	if (node_id_eq(&log->name.node, &t->peer) ||
		log->name.audience.kind == AUDIENCE_PROVENANCE || log->size == log->floor)
		return 0;
	decide(&query, &verdict);
	if (verdict.allow)
		t->would_send += log->size - log->floor;
	else
		count_withheld(t, verdict.rule_name, log->size - log->floor);
	return 0;
}

static json_t *json_test(const struct forward_test *t)
{
	json_t *withheld = json_array();

	for (size_t i = 0; i < t->rules_len; i++)
		json_array_append_new(withheld, json_pack("{s:s, s:I}", "rule", t->withheld[i].name,
							"count", (json_int_t)t->withheld[i].count));
	return json_pack("{s:o, s:I, s:o}", "peer", cli_json_node(&t->peer), "would_send",
		(json_int_t)t->would_send, "withheld", withheld);
}

static void print_test(const struct forward_test *t, const char *name)
{
	printf("%s: would get %llu entries\n", name, (unsigned long long)t->would_send);
	for (size_t i = 0; i < t->rules_len; i++)
		printf("  withheld %llu: %s\n", (unsigned long long)t->withheld[i].count,
			t->withheld[i].name);
}

/* Everything in force here, with this agreement in the place of its former serial. */
static int collect_agreements(struct cli *c, const struct agreement *a, struct forward_test *t)
{
	size_t known = c->keydir.agreements_len;
	const struct agreement **all = arena_alloc(&c->arena, (known + 1) * sizeof(*all));

	if (!all)
		return cli_fail(c, CLI_STORE, "%s", err_sentence(ENT_ENOMEM));
	for (size_t i = 0; i < known; i++)
		if (c->keydir.agreements[i]->id != a->id)
			all[t->agreements_len++] = c->keydir.agreements[i];
	all[t->agreements_len++] = a;
	t->agreements = all;
	return 0;
}

static int run_test(struct cli *c)
{
	struct agreement a;
	struct bytes note;
	json_t *array = NULL;
	int rc = cli_want_store(c);

	if (!rc)
		rc = cli_load_agreement(c, c->args[0], &a, &note);
	if (rc)
		return rc;
	if (!cli_own(c) || !agreement_party_of(&a, &cli_own(c)->node))
		return cli_fail(c, CLI_INVALID, "%s: this node is no party", c->args[0]);
	if (c->json)
		array = json_array();
	for (size_t i = 0; i < a.parties_len; i++) {
		struct forward_test t = {.self = cli_own(c)->node, .now_s = cli_now_s()};

		t.peer = a.parties[i].node;
		if (node_id_eq(&t.peer, &t.self))
			continue;
		rc = collect_agreements(c, &a, &t);
		if (!rc && c->reader && (rc = store_log_each(c->reader, test_log, &t)) != 0)
			rc = cli_fail_code(c, rc, "cannot read the store");
		if (rc) {
			json_decref(array);
			return rc;
		}
		if (array)
			json_array_append_new(array, json_test(&t));
		else
			print_test(&t, a.parties[i].name);
	}
	if (!array)
		return CLI_DONE;
	/* Two parties are the normal case, and then there is one peer. */
	if (json_array_size(array) == 1) {
		json_t *only = json_incref(json_array_get(array, 0));

		json_decref(array);
		array = only;
	}
	return cli_json(c, array, CLI_DONE);
}

const struct cli_command cmd_agreement_test = {
	.name = "agreement test",
	.usage = "ID|FILE",
	.summary = "what would go to whom today, what not, by rule",
	.example = "entente agreement test fr-de.agreement\n",
	.args_min = 1,
	.args_max = 1,
	.run = run_test,
};

/* --- psk -------------------------------------------------------------------------------------- */

static int make_psk(struct cli *c, const uint8_t id[8])
{
	uint8_t *key = sodium_malloc(32);
	int rc = ENT_ENOMEM;

	if (key) {
		randombytes_buf(key, 32);
		rc = keydir_psk_write(cli_path(c, "keys"), id, key, &c->err);
	}
	sodium_free(key);
	return rc ? cli_fail_code(c, rc, "cannot make a pre-shared key") : 0;
}

static int run_psk(struct cli *c)
{
	const char *out = cli_value(c, "-o"), *path;
	char id[HEX_TEXT_SIZE(8)], name[32];
	struct agreement a;
	struct bytes note, text;
	bool made = false;
	int rc = cli_need_keydir(c);

	/* An agreement that is not accepted yet can be given as its file. */
	if (!rc)
		rc = cli_load_agreement(c, c->args[0], &a, &note);
	if (rc)
		return rc;
	if (!a.has_psk)
		return cli_fail(c, CLI_INVALID,
			"%s: saw psk: none, wanted an agreement drafted with --psk", c->args[0]);
	text_hex_encode(id, BYTES_OF(a.psk_id));
	snprintf(name, sizeof(name), "keys/psk/%s", id);
	path = cli_path(c, name);
	if (access(path, F_OK) != 0) {
		made = true;
		rc = make_psk(c, a.psk_id);
	}
	if (!rc && out) {
		rc = cli_read_file(c, path, 256, &text);
		if (!rc)
			rc = cli_write_out(c, text, 0600);
		if (!rc)
			sodium_memzero((void *)(uintptr_t)text.data, text.len);
	}
	if (rc)
		return rc;
	if (made)
		(void)cli_reload(c);
	if (out && strcmp(out, "-") == 0)
		return CLI_DONE;
	if (c->json)
		return cli_json(c,
			json_pack("{s:s, s:s, s:b, s:s?}", "psk", id, "file", path, "made", made,
				"copy", out),
			CLI_DONE);
	printf("psk %s: %s%s\n", id, path, made ? " (new)" : "");
	printf("Every party needs the same file in its keys/psk, mode 0600, brought by hand.\n");
	return CLI_DONE;
}

static const struct cli_option psk_options[] = {
	{"-o", "FILE", false, "a copy for the other parties (0600)"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_agreement_psk = {
	.name = "agreement psk",
	.usage = "ID|FILE [-o FILE]",
	.summary = "make or copy out the pre-shared key that an agreement names",
	.example = "entente agreement psk 3f9a -o /media/courier/psk\n",
	.options = psk_options,
	.args_min = 1,
	.args_max = 1,
	.run = run_psk,
};

/* --- revoke ----------------------------------------------------------------------------------- */

#define REVOCATION_FIRST "entente/revocation/v1\n"

/* Signs, and reads again what was signed as anybody will. */
static int sign_revocation(struct cli *c, const struct agreement *a,
	const struct agreement_party *p, const struct root_key *root, struct buf *note)
{
	struct revocation r = {a->id, p->node, cli_now_s()}, again;
	struct buf text = buf_with_max(4096);
	struct note_key key;
	int rc;

	revocation_text(&text, &r);
	/* The root of the party's card in force may be another than the agreement names. */
	identity_role_key(&key, &p->node, "root", NOTE_TYPE_ED25519, root->public_key);
	rc = note_sign_file(note, buf_view(&text), "revocation", &key, root->secret, &c->err);
	buf_free(&text);
	if (!rc)
		rc = revocation_parse(buf_view(note), "revocation", a,
			c->has_keydir ? cli_chain(c, &p->node) : NULL, &again, &c->err);
	if (rc == ENT_ENOTFOUND)
		return cli_fail(c, CLI_INVALID,
			"the root key given is neither the root that the agreement names for %s "
			"nor that of its card",
			p->name);
	return rc ? cli_fail_code(c, rc, "revocation") : 0;
}

static int install_revocation(struct cli *c, const struct revocation *r, struct bytes note)
{
	char id[17], node[NODE_ID_TEXT_SIZE], name[128];
	const char *path;
	int rc;

	cli_agreement_text(id, r->agreement);
	node_id_text(node, &r->node);
	snprintf(name, sizeof(name), "keys/agreements/%s.%s.revocation", id, node);
	path = cli_path(c, name);
	rc = file_write(path, note, 0644, &c->err);
	if (rc)
		return cli_fail_code(c, rc, path);
	(void)cli_reload(c);
	if (c->json)
		return cli_json(c,
			json_pack("{s:s, s:s, s:o}", "id", id, "file", path, "time",
				cli_json_time_s(r->time)),
			CLI_DONE);
	printf("agreement %s is revoked: %s\n", id, path);
	printf("Parties that are connected are told at once. Give the file to those that are not: "
	       "in their\nkeys/agreements, or by entente agreement revoke FILE, it ends it there "
	       "too.\n");
	return CLI_DONE;
}

/* A note that was signed elsewhere, or that another party has sent. */
static int take_revocation(struct cli *c, struct bytes note, const char *file)
{
	const struct agreement *a;
	struct revocation r;
	char id[17];
	int rc = revocation_read(note, file, &r, &c->err);

	if (rc)
		return cli_fail_code(c, rc, file);
	cli_agreement_text(id, r.agreement);
	rc = cli_find_agreement(c, id, &a);
	if (rc)
		return rc;
	rc = revocation_parse(note, file, a, cli_chain(c, &r.node), &r, &c->err);
	if (rc)
		return cli_fail_code(c, rc == ENT_ENOTFOUND ? ENT_ECRYPTO : rc, file);
	return install_revocation(c, &r, note);
}

/* --party, else whose root this is. */
static const struct agreement_party *party_of(struct cli *c, const struct agreement *a,
	const struct root_key *root)
{
	const char *name = cli_value(c, "--party");

	for (size_t i = 0; i < a->parties_len; i++)
		if (name ? strcmp(a->parties[i].name, name) == 0
			 : memcmp(a->parties[i].root.public_key, root->public_key, 32) == 0)
			return &a->parties[i];
	return NULL;
}

/* From files alone: the note goes to -o. */
static int write_revocation(struct cli *c, const struct agreement *a, const struct root_key *root)
{
	const struct agreement_party *p = party_of(c, a, root);
	const char *out = cli_value(c, "-o");
	struct buf note = buf_with_max(4096);
	char id[17];
	int rc;

	if (!p)
		return cli_fail(c, CLI_INVALID,
			"the root key given is no party's: name the party with --party NAME");
	rc = sign_revocation(c, a, p, root, &note);
	if (!rc)
		rc = cli_write_out(c, buf_view(&note), 0644);
	buf_free(&note);
	if (rc || strcmp(out, "-") == 0)
		return rc;
	cli_agreement_text(id, a->id);
	if (c->json)
		return cli_json(c, json_pack("{s:s, s:s}", "id", id, "file", out), CLI_DONE);
	printf("revocation of agreement %s by %s: %s\n", id, p->name, out);
	return CLI_DONE;
}

static int revoke_here(struct cli *c, const struct agreement *a, const struct root_key *root)
{
	const struct agreement_party *self =
		cli_own(c) ? agreement_party_of(a, &cli_own(c)->node) : NULL;
	struct buf note = buf_with_max(4096);
	struct revocation r;
	int rc;

	if (!self)
		return cli_fail(c, CLI_INVALID, "%s: this node is no party", c->args[0]);
	rc = sign_revocation(c, a, self, root, &note);
	if (!rc && (rc = revocation_read(buf_view(&note), "revocation", &r, &c->err)) != 0)
		rc = cli_fail_code(c, rc, "revocation");
	if (!rc)
		rc = install_revocation(c, &r, buf_view(&note));
	buf_free(&note);
	return rc;
}

static int run_revoke(struct cli *c)
{
	const char *what = c->args[0];
	const struct agreement *known;
	struct root_key root = {0};
	struct agreement a;
	struct bytes note;
	int rc;

	if (access(what, F_OK) == 0) {
		rc = cli_read_file(c, what, NOTE_BYTES_MAX, &note);
		if (rc)
			return rc;
		if (bytes_starts(note, REVOCATION_FIRST))
			return take_revocation(c, note, what);
	}
	if (cli_has(c, "-o")) {
		rc = cli_load_agreement(c, what, &a, &note);
		known = &a;
	} else {
		rc = cli_find_agreement(c, what, &known);
	}
	if (!rc)
		rc = cli_root_key(c, &root);
	if (rc)
		return rc;
	rc = cli_has(c, "-o") ? write_revocation(c, known, &root) : revoke_here(c, known, &root);
	root_key_free(&root);
	return rc;
}

static const struct cli_option revoke_options[] = {
	CLI_OPERATOR,
	{"--root-key", "FILE", false, "the root key; else that of this home"},
	{"--passphrase-file", "F", false, "opens the root key"},
	{"-o", "FILE", false, "only write the note; needs no node when given the agreement's file"},
	{"--party", "NAME", false, "with -o: whose root it is, where the agreement names another"},
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_agreement_revoke = {
	.name = "agreement revoke",
	.usage = "ID|FILE [-o FILE] [--root-key FILE] [--passphrase-file F] [--operator NAME]",
	.summary = "end an agreement everywhere; FILE: its text (with -o), or a revocation to take",
	.example = "entente agreement revoke 3f9a\n"
		   "entente agreement revoke fr-de.agreement --root-key root.key -o fr-de.end\n"
		   "entente agreement revoke fr-de.end\n",
	.options = revoke_options,
	.args_min = 1,
	.args_max = 1,
	.run = run_revoke,
};
