/* SPDX-License-Identifier: EUPL-1.2 */
/* Tells on stderr what happens in a world, one line an event, when NARRATE is set. */
#pragma once

#include "sim/world.h"

void narrate_said(struct world *w, const struct world_session *s, unsigned end,
	const struct wire_message *m);
void narrate_action(const struct world_node *n, const struct gossip_action *action);
void narrate(const struct world *w, const char *format, ...) PRINTF_LIKE(2, 3);
