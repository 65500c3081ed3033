/* SPDX-License-Identifier: EUPL-1.2 */
/* The program `entente`: everything a person does. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return cli_main(cli_commands, argc, argv);
}
