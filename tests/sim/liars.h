/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Authorised peers that lie: hands (world.h) that change one thing in what a correct node says.
 * Each has a name, the item of the list of hostile tests that it is about, and a fate. The standard
 * mix has some of them play along; test_faults.c plays each by itself.
 */
#pragma once

#include "sim/world.h"

enum liar_fate {
	LIAR_IGNORED,  /* nothing happens to it, and nothing comes of what it says */
	LIAR_PUNISHED, /* its session is closed with a penalty */
	LIAR_LIED,     /* the same, when a run of its does not lead to the signed root */
};

struct liar {
	const char *name, *item;
	world_hand *hand;
	enum liar_fate fate;
};

const struct liar *liars(size_t *len);

world_hand liar_withholds;
world_hand liar_boasts;
world_hand liar_corrupts_a_body;
world_hand liar_corrupts_a_header;
world_hand liar_erases_half_of_the_last_entry;
world_hand liar_reorders_entries;
world_hand liar_changes_the_root;
world_hand liar_signs_itself;
world_hand liar_counts_one_more;
world_hand liar_counts_one_less;
world_hand liar_adds_a_hash;
world_hand liar_changes_a_hash;
world_hand liar_keeps_its_heads;
world_hand liar_never_reads;
world_hand liar_asks_for_what_it_may_not_see;
world_hand liar_tells_of_strangers;
world_hand liar_grants_endless_credit;
world_hand liar_holds_more_than_was_signed;
world_hand liar_signs_heads_of_others;
world_hand liar_greets_again;
