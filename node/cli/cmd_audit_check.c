/* SPDX-License-Identifier: EUPL-1.2 */
/* entente audit check: what an auditor would find in bundles (node/verify), before they are handed
 * over. It asks neither the daemon nor the store. */
#include <stdlib.h>

#include "cli/cli.h"
#include "verify/verify.h"

/* The statuses of both programs are the same: clean, a breach, unreadable. */
_Static_assert((int)AUDIT_CLEAN == (int)CLI_DONE && (int)AUDIT_FOUND == (int)CLI_NOT &&
		       (int)AUDIT_UNREADABLE == (int)CLI_INVALID,
	"statuses");

static int run(struct cli *c)
{
	struct audit a = {.json = c->json};
	const char **roots = arena_alloc(&c->arena, (c->given_len + 1) * sizeof(*roots)), *root;
	int rc;

	if (!roots)
		return cli_fail_code(c, ENT_ENOMEM, "--root");
	a.roots = roots;
	while ((root = cli_value_at(c, "--root", a.roots_len))) {
		if (!root_form(root))
			return cli_usage(c,
				"--root: \"%s\" is neither a verifier key nor the eight words of "
				"an agreement",
				root);
		roots[a.roots_len++] = root;
	}
	rc = audit_check(&a, c->args, c->args_len);
	if (rc != 0)
		rc = cli_fail(c, CLI_INVALID, "%s", a.err.text[0] ? a.err.text : err_sentence(rc));
	else
		rc = c->json ? cli_json(c, check_json(&a), audit_status(&a)) : print_check(&a);
	audit_free(&a);
	return rc;
}

static const struct cli_option options[] = {
	{"--root", "VKEY|WORDS", true,
		"the first root of a node, or the words of an agreement for all its parties"},
	{0},
};

const struct cli_command cmd_audit_check = {
	.name = "audit check",
	.usage = "[--root VKEY|WORDS]... BUNDLE...",
	.summary = "what an auditor finds in bundles: 1 for a breach, 6 for what is no bundle",
	.example = "entente audit check fr.audit\n",
	.options = options,
	.args_min = 1,
	.args_max = -1,
	.run = run,
};
