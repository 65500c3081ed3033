/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A small world: several real engines with the real verification in one thread, under simulated
 * time. Links, stores and clocks are simulated; keys, cards and agreements are real (cast.h).
 *
 *     struct world *w = world_new(seed);
 *     world_nodes(w, 3);
 *     world_agree(w, &terms);
 *     world_publish(w, 0, audience_of(AUDIENCE_CLEAR), 10, 100);
 *     world_run(w, 5000);
 *     assert(!world_failure(w));
 *
 * A watcher (watch.h) that knows everything stands beside it and looks at every message, act and
 * run. What it finds wrong ends the run: world_failure() tells what and when. One seed gives one
 * run: world_trace() hashes all that happened.
 *
 * Every event takes a time that the seed decides: messages travel, acts and runs wait for their
 * turn at the disk, the two ends of a session learn of its beginning and end at different times.
 * Sessions are kept up between any two nodes that have an agreement in force with each other,
 * unless their link is cut.
 *
 * A liar is a correct engine behind a hand that changes what it says.
 */
#pragma once

#include "gossip/engine.h"
#include "provenance/act.h"
#include "sim/cast.h"
#include "sim/random.h"
#include "sim/store.h"

#define WORLD_AGREEMENTS_MAX 32u /* in one node's keys directory */
#define WORLD_ALARMS_MAX     64u /* remembered of a node; the others are counted */

struct world;
struct world_node;
struct world_event;

/* Changes what the node is about to say to another, or drops it (false). Lists in *m that change
 * come from the arena. */
typedef bool world_hand(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena);

struct world_alarm {
	char rule[32];
	struct node_id peer;
	struct log_name feed;
};

/* What stands in the provenance log about one sending. */
struct world_sending {
	struct log_name feed;
	uint64_t from, to; /* to: how far it has gone */
	bool durable, closed;
};

/* One end of a session. */
struct world_end {
	struct world_node *node;
	bool open;          /* the engine knows of it */
	bool over;          /* and has heard of its end, or never will hear of its beginning */
	uint64_t line_ms;   /* when the line from here is free again */
	uint64_t arrive_ms; /* when the last message from here arrives */
	/* what the watcher knows */
	bool greeted;                        /* the other side's HELLO has arrived here */
	uint64_t terms[WIRE_AGREEMENTS_MAX]; /* agreements that it has said it has */
	size_t terms_len;
	struct log_name *named; /* feeds that it has named to this end */
	size_t named_len;
	struct world_sending *sendings; /* from this end */
	size_t sendings_len;
};

struct world_session {
	uint32_t id;
	bool cut; /* nothing arrives any more */
	uint8_t binding[16];
	struct world_end ends[2];
};

struct world_node {
	struct world *world;
	unsigned index;
	const struct actor *actor;
	struct gossip *gossip;
	struct sim_random random; /* of the engine */
	struct sim_store store;
	const struct agreement *agreements[WORLD_AGREEMENTS_MAX]; /* its keys directory */
	size_t agreements_len;
	int64_t skew_ms;                          /* of its wall clock */
	struct world_session *sessions[CAST_MAX]; /* by peer; NULL: none */
	uint64_t shuns_until_ms[CAST_MAX];
	uint64_t work_ms, write_ms; /* when the verifier and the writer are free again */
	bool store_full;
	world_hand *hand;
	void *hand_ctx;
	/* what was seen of it */
	uint64_t data_bytes;   /* DATA that has arrived */
	uint64_t stored_bytes; /* of these, what was stored, as it had travelled */
	uint64_t sent_bytes;   /* everything that left, */
	unsigned said;         /* in so many messages */
	struct world_alarm alarms[WORLD_ALARMS_MAX];
	size_t alarms_len;
	unsigned punishes; /* set of actors whose session it closed with a penalty */
	unsigned refused;  /* runs that were rejected */
	unsigned mutes;
};

struct world {
	uint64_t seed;
	struct sim_random random;
	uint64_t now_ms; /* monotonic, the same everywhere */
	struct world_node nodes[CAST_MAX];
	unsigned nodes_len;
	bool cut[CAST_MAX][CAST_MAX]; /* links that are cut; symmetric */
	unsigned delay_ms_max;        /* of a message, beside the base of its link */
	unsigned bytes_per_ms;        /* of each session and direction */
	struct arena agreements;
	struct world_session **sessions; /* by id - 1, all there ever were */
	size_t sessions_len;
	struct world_event **queue; /* a heap */
	size_t queue_len, queue_cap;
	uint64_t events; /* so far: breaks ties */
	uint64_t trace;
	char failure[512];
};

struct world *world_new(uint64_t seed);
void world_free(struct world *w);

/* Adds n nodes, played by the first n of the cast. */
void world_nodes(struct world *w, unsigned n);

/* The wall clock of the world, UTC seconds; nodes are off it by less than a second. */
int64_t world_wall_s(const struct world *w);
struct gossip_time world_time(const struct world_node *n);

/* --- keys directories ------------------------------------------------------------------------- */

/* The agreement is made, signed by all, and lies in the keys directory of each party. */
const struct agreement *world_agree(struct world *w, const struct cast_terms *terms);
/* The same, but it lies nowhere yet. */
const struct agreement *world_draw_up(struct world *w, const struct cast_terms *terms);
/* Puts it into one keys directory, in place of another version. */
void world_place(struct world *w, unsigned node, const struct agreement *a);
void world_remove(struct world *w, unsigned node, uint64_t id);

/* --- what happens ----------------------------------------------------------------------------- */

/* An own feed grows by count entries under one checkpoint. */
void world_publish(struct world *w, unsigned node, struct audience audience, uint32_t count,
	size_t body_len);
/* The session between two nodes breaks without a farewell; a new one follows. */
void world_break(struct world *w, unsigned a, unsigned b);
/* The link between two nodes is cut or mended. */
void world_cut(struct world *w, unsigned a, unsigned b, bool cut);

/* Lets ms pass, less after a failure. */
void world_run(struct world *w, uint64_t ms);
/* Until every node holds so much of the feed, ms_max at most; the time it took, UINT64_MAX when it
 * took longer. nodes: a bit set. */
uint64_t world_run_until_held(struct world *w, const struct log_name *feed, uint64_t size,
	unsigned nodes, uint64_t ms_max);

/* --- looking at it ---------------------------------------------------------------------------- */

/* NULL while nothing is wrong; else what is, with time and seed. */
const char *world_failure(const struct world *w);
/* Notes the first thing that goes wrong. */
void world_fail(struct world *w, const char *format, ...) PRINTF_LIKE(2, 3);
uint64_t world_trace(const struct world *w);

struct log_name world_feed(const struct world *w, unsigned origin, struct audience audience);
uint64_t world_held(const struct world *w, unsigned node, const struct log_name *feed);
/* The node of the world with this id; NULL. */
struct world_node *world_node_of(struct world *w, const struct node_id *id);
/* Has this node an agreement with that one in force? */
bool world_willing(const struct world_node *n, const struct world_node *other);
/* Bytes of DATA that arrived at all nodes for each byte of what was stored. */
double world_redundancy(const struct world *w);
/* Has the node an alarm of this rule? */
bool world_alarmed(const struct world_node *n, const char *rule);
