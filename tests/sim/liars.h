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
	LIAR_FROZEN,   /* what it has said as an origin is frozen at everybody who hears of it */
	LIAR_HIDDEN,   /* the bodies that it published are dropped, their leaves stay */
	LIAR_TEMPTED,  /* LIAR_LIED where others ask it, which they do last */
};

struct liar {
	const char *name, *item;
	world_hand *hand;
	enum liar_fate fate;
	uint8_t marks; /* as world_node has it */
};

const struct liar *liars(size_t *len);

/* From now on the node is this liar. */
void liar_begin(const struct liar *liar, struct world_node *n);

/* --- liars.c: neighbours ---------------------------------------------------------------------- */

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
world_hand liar_serves_an_entry_at_a_time;
world_hand liar_leans_on_whom_it_serves;
world_hand liar_strips_bodies;
world_hand liar_gives_other_bodies;
world_hand liar_accuses;
world_hand liar_forges_cards;
world_hand liar_asks_for_the_feeds_of_others;
/* The number of the keys that it signs into cards of others. */
#define LIAR_KEYS 15u
world_hand liar_has_a_former_root;
world_hand liar_keeps_to_what_has_ended;

/* What a liar has seen of others' entries. */
struct liar_memory;
struct liar_memory *liar_memory_new(void);
void liar_memory_free(struct liar_memory *memory);
/* How many bodies it has given back. */
unsigned liar_memory_used(const struct liar_memory *memory);
/* hand_ctx: its memory, from before the erasure on; without one it has nothing to give. */
world_hand liar_gives_back_what_was_erased;

/* --- liars_babble.c --------------------------------------------------------------------------- */

/* From now on the node says now and then what makes no sense, out of parts that do. It is none of
 * liars(): what is to come of it chance decides. */
void liar_babbles_begin(struct world_node *n);

/* --- liars_origin.c: origins ------------------------------------------------------------------ */
world_hand liar_tells_two_stories;
world_hand liar_tells_two_stories_of_two_sizes;
world_hand liar_has_two_cards;
world_hand liar_marks_wrongly;
