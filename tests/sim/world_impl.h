/* SPDX-License-Identifier: EUPL-1.2 */
/* Inside of a world, shared by its files only. */
#pragma once

#include <stdlib.h>

#include "sim/world.h"

enum event_type {
	/* of a node */
	EVENT_TICK,
	EVENT_START,
	EVENT_VERIFY, /* job */
	EVENT_WRITE,
	EVENT_NEWS, /* news */
	EVENT_DEATH,
	/* of an end of a session */
	EVENT_OPENED,
	EVENT_MESSAGE, /* message */
	EVENT_FLUSHED, /* bytes */
	EVENT_CLOSED,
	EVENT_STUCK, /* has anything passed meanwhile? */
};

struct world_event {
	uint64_t order; /* of making: breaks ties */
	enum event_type type;
	struct world_node *node;
	unsigned life; /* of the node; in another one this comes to nothing */
	struct world_session *session;
	unsigned end;
	size_t bytes;
	struct buf message;
	struct ingest_job *job;
	struct ledger_news news;
	struct world_event *next; /* of those held up */
};

static inline void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

#define TICK_MS 250u /* the daemon's pulse */

/* --- world.c ---------------------------------------------------------------------------------- */
struct world_event *event_new(struct world *w, enum event_type type, uint64_t at_ms);
struct world_event *event_of_node(struct world_node *n, enum event_type type, uint64_t at_ms);
struct world_event *event_of_end(struct world_session *s, unsigned end, enum event_type type,
	uint64_t at_ms);
/* Puts one that was taken from the queue into it again, ahead of those made later. */
void event_again(struct world *w, struct world_event *e, uint64_t at_ms);
void trace_bytes(struct world *w, struct bytes b);
void trace_number(struct world *w, uint64_t n);
/* Chance has it between now, or when *free_ms says, and ms_max later; *free_ms moves there. */
uint64_t world_turn(struct world *w, uint64_t *free_ms, unsigned ms_max);

/* --- net.c ------------------------------------------------------------------------------------ */
/* It breaks; NULL: there is none. */
void net_abandon(struct world_session *s);
void net_dial(struct world_node *n);
void net_send(struct world_session *s, unsigned end, struct bytes message);
void net_close(struct world_session *s, unsigned end, const struct gossip_action *action);
/* The node's program is gone: its sessions break. */
void net_node_down(struct world_node *n);
void net_on_opened(struct world_session *s, unsigned end);
/* Takes the event when it is held up (true). */
bool net_on_message(struct world_event *e);
void net_on_flushed(struct world_session *s, unsigned end, size_t bytes);
void net_on_closed(struct world_session *s, unsigned end);
void net_on_stuck(struct world_session *s, unsigned end);
void net_session_free(struct world_session *s);
/* Makes an entry where there is none. */
struct world_peer *net_peer(struct world_node *n, unsigned actor);

/* An agreement that has not this bit of an actor does not name it; who has is looked for. */
static inline uint64_t world_party_bit(const struct actor *a)
{
	return 1ull << a->number % 64;
}

/* --- machine.c -------------------------------------------------------------------------------- */
void node_init(struct world *w, unsigned index, const struct guise *guise, struct disk *disk);
void node_free(struct world_node *n);
struct world_log *node_log(struct world_node *n, const struct log_name *name);
/* A name that no provenance log of the node has had. */
void node_provenance_name(struct world_node *n);
void node_on_start(struct world_node *n);
void node_left(struct world_node *n);
/* What a node that was restored once knows of that is kept. */
void node_recovered(struct world_node *n);
/* The machine has died. */
void node_down(struct world_node *n);

/* --- node.c ----------------------------------------------------------------------------------- */
struct ledger_ops node_ledger_ops(struct world_node *n);
/* Seals what a crash left unsigned. */
void node_recover(struct world_node *n);
/* Carries out what its engine wants. */
void node_actions(struct world_node *n);
void node_agreements(struct world_node *n);
/* A revocation is in its keys directory from now on. */
void node_revoked(struct world_node *n, const struct world_revocation *r);
/* Moves floors, and lets go of what is over. Takes the retention. */
struct ledger_retention;
void node_retain(struct world_node *n, struct ledger_retention *r);
/* It looks at its clock. */
void node_clock(struct world_node *n);
/* The roster that the operator has accepted counts while its time lasts: the engine is told when
 * that begins and ends; in any case: anew. */
void node_roster(struct world_node *n, bool anew);
/* The engine goes by what the operator has stopped. */
void node_pause(struct world_node *n);
void node_on_tick(struct world_node *n);
void node_on_verify(struct world_node *n, struct ingest_job *job);
void node_on_write(struct world_node *n);
/* Takes the news. */
void node_on_news(struct world_node *n, const struct ledger_news *news);

/* --- over.c ----------------------------------------------------------------------------------- */
/* Notes which agreements have begun and which are over; lets go of what is, now and then. */
void node_bonds(struct world_node *n);
void node_let_go(struct world_node *n);
