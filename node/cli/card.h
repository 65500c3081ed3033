/* SPDX-License-Identifier: EUPL-1.2 */
/* What the commands about the own card share. */
#pragma once

#include "cli/cli.h"

#define OWN_CARD "keys/own.card"

/* The card in force, or an error that says what to do. */
int cli_need_own(struct cli *c, const struct card **own) MUST_CHECK;

/* Puts a signed card behind the first after cards of the own chain and makes that the chain in
 * force. */
int cli_card_append(struct cli *c, size_t after, struct bytes note, const char *file,
	struct card_chain *chain) MUST_CHECK;

/* Takes the keys of the card just installed into use, and tells the daemon. */
int cli_card_settle(struct cli *c, const struct card *card) MUST_CHECK;

int cli_print_card(struct cli *c, const struct card *card, const char *file, bool is_signed);
