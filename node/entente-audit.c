/* SPDX-License-Identifier: EUPL-1.2 */
/* The program `entente-audit`: offline verification of what nodes hand over. */
#include "audit/audit.h"

int main(int argc, char **argv)
{
	return audit_main(argc, argv);
}
