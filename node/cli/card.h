/* SPDX-License-Identifier: EUPL-1.2 */
/* What the commands about the own card share. */
#pragma once

#include "cli/cli.h"

#define OWN_CARD "keys/own.card"

/* The card in force, or an error that says what to do. */
int cli_need_own(struct cli *c, const struct card **own) MUST_CHECK;

/* Whatever changes the own card, or puts beside it what waits for the next one, holds keys/
 * meanwhile, and goes on only if the card in force is still the one that it began with: two that
 * follow it, signed by two commands, would contradict each other at every peer for good, and a seed
 * that comes behind its card would take the place of the one that the card names. Let go before
 * cli_card_settle, which holds keys/ itself; in any case. */
int cli_card_hold(struct cli *c, int *lock) MUST_CHECK;
void cli_card_let_go(int lock);

/* Puts a signed card behind the first after cards of the own chain and makes that the chain in
 * force. Behind cli_card_hold. */
int cli_card_append(struct cli *c, size_t after, struct bytes note, const char *file,
	struct card_chain *chain) MUST_CHECK;

/* Takes the keys of the card just installed into use, and tells the daemon. */
int cli_card_settle(struct cli *c, const struct card *card) MUST_CHECK;

int cli_print_card(struct cli *c, const struct card *card, const char *file, bool is_signed);
