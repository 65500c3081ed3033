/* SPDX-License-Identifier: EUPL-1.2 */
/* Origins by the thousand. */
#pragma once

#include "unit/gossip/probe.h"

/* Cards of so many nodes would take minutes to sign: the engine gets them parsed. */
static inline int add_origin(struct probe *p, unsigned number)
{
	struct card card = *card_chain_last(&cast_actor(THIRD)->chain);
	struct card_chain chain = cast_actor(THIRD)->chain;

	memset(card.node.bytes, 0, sizeof(card.node.bytes));
	be32_put(card.node.bytes, number);
	chain.cards = &card;
	return gossip_origin(p->g, &chain, &cast_actor(PEER)->node);
}
