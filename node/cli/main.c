/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/cli.h"

#include <stdlib.h>
#include <unistd.h>

#include "merkle/hash.h"

int cli_main(const struct cli_command *const *commands, int argc, char **argv)
{
	struct cli c = {0};
	int rc;

	store_bus_explain("entente: " STORE_BUS);
	if (hash_init() != 0)
		cli_note(&c, "this machine's SHA-256 instructions are wrong: using others");
	rc = cli_parse(&c, commands, argc, argv);
	if (!rc)
		rc = cli_home(&c);
	if (!rc) {
		c.json = cli_has(&c, "--json");
		c.color = !c.json && !getenv("NO_COLOR") && isatty(STDOUT_FILENO);
		c.progress = cli_has(&c, "--progress") || isatty(STDERR_FILENO);
		rc = c.command->run(&c);
		cli_progress(&c, NULL);
	} else if (rc == CLI_HELP) {
		rc = CLI_DONE;
	}
	cli_close(&c);
	/* A full disk or a closed pipe must not pass for success. */
	if (fflush(stdout) != 0 && rc == CLI_DONE)
		rc = CLI_STORE;
	return rc;
}
