/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A small world: several real nodes in one thread, under simulated time. Their engines, their
 * ledgers, their stores and the verification are the ones of the daemon; clock, network, disks and
 * chance are simulated; keys, cards and agreements are real (cast.h).
 *
 *     struct world *w = world_new(seed);
 *     world_nodes(w, 3);
 *     world_agree(w, &terms);
 *     world_publish(w, 0, audience_of(AUDIENCE_CLEAR), 10, 100);
 *     world_run(w, 5000);
 *     assert(!world_failure(w));
 *
 * A watcher (watch.h) that knows everything stands beside it and looks at every message, act, run
 * and signature. What it finds wrong ends the run: world_failure() tells what and when. One seed
 * gives one run: world_trace() hashes all that happened.
 *
 * Every event takes a time that the seed decides: messages travel, acts and runs wait for their
 * turn at the disk, the two ends of a session learn of its beginning and end at different times.
 * Sessions are kept up between any two nodes that have an agreement in force with each other,
 * unless their link is cut.
 *
 *     world.c  time and events, keys directories, looking at it
 *     net.c    links and sessions: what travels, and what is lost
 *     node.c   one node: engine, verifier and ledger
 *     over.c    after the end of its agreements
 *     machine.c its starts and its ends; crashes, disks, restores, clones
 *
 * A liar is a correct node behind a hand that changes what it says (liars.h).
 */
#pragma once

#include "base/map.h"
#include "gossip/engine.h"
#include "ledger/ledger.h"
#include "policy/clock.h"
#include "provenance/act.h"
#include "sim/cast.h"
#include "sim/disk.h"
#include "sim/random.h"
#include "sim/store.h"

#define WORLD_NODES_MAX      CAST_MAX
#define WORLD_RECOVERED_MAX  192u /* agreements that a restored node may know of */
#define WORLD_AGREEMENTS_MAX 64u  /* in one node's keys directory */
#define WORLD_ALARMS_MAX     64u  /* remembered of a node; the others are counted */

struct world;
struct world_node;
struct world_event;
struct watch;
struct policy_bond;
struct world_term;

/* Changes what the node is about to say to another, or drops it (false). Lists in *m that change
 * come from the arena. */
typedef bool world_hand(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena);

struct world_alarm {
	char rule[32];
	struct node_id peer;
	struct log_name feed;
};

/* A log of acts that a machine has signed, in any of its lives. */
struct world_acts {
	struct checkpoint newest;
	bool copied; /* an older copy of the machine has come up since */
	bool twice;  /* signed in two histories, by a copy that took itself for new */
};

/* What stands in the provenance log about one sending, or about bodies that were missing. */
struct world_sending {
	struct log_name feed;
	uint64_t from, to; /* to: how far it has gone */
	bool durable, closed;
	bool bodies;        /* once, */
	uint64_t bodies_to; /* and no further */
};

/* A revocation in a keys directory. */
struct world_revocation {
	uint64_t agreement;
	struct node_id party; /* who has signed it */
	struct bytes note;
};

/* One end of a session. */
struct world_end {
	struct world_node *node;
	unsigned life;      /* of the node, in which the session began */
	bool open;          /* the engine knows of it */
	bool over;          /* and has heard of its end, or never will hear of its beginning */
	uint64_t line_ms;   /* when the line from here is free again */
	uint64_t arrive_ms; /* when the last message from here arrives */
	struct world_event *held_up, *held_up_last; /* on their way to here while nothing passes */
	/* what the watcher knows */
	uint64_t bare_ms;                    /* since when no agreement is in force; 0: one is */
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

/* Of entries, for quotas. */
struct world_amount {
	uint64_t records, bytes;
};

/* What a node has with an actor that an agreement of its names or named. */
struct world_peer {
	unsigned actor;
	struct world_session *session; /* NULL: none */
	uint64_t shuns_until_ms, redial_ms;
	bool cut;     /* the link is cut */
	bool deaf;    /* nothing comes through from there */
	bool willing; /* an agreement counted, in this second, */
	int64_t willing_s;
	unsigned willing_count; /* and as of these changes of them */
	bool known_there;       /* has that one, of whom there is one only, an entry too? */
	bool receipt_lost;      /* since they met: the disk could not keep one */
	/* What it brought of others: since the start, and on that day by its clock. */
	struct world_amount brought, brought_today;
	int64_t brought_day;
};

/* A log as the node has it durably, and where its verifier stands in it. */
struct world_log {
	struct log_name name;
	uint64_t size;
	struct ingest_frontier frontier;
};

struct world_node {
	struct world *world;
	unsigned index;
	const struct actor *actor;
	const struct guise *guise; /* of its newest card */
	struct world_node *twin;   /* another node that runs with the same keys; NULL */
	bool shameless;            /* signs on, whatever it is shown */
	struct sim_random random;  /* of its program */

	/* the machine */
	struct disk *disk;
	struct disk *backup; /* NULL: none was made */
	/* Sets of actors (the first 64): with whom agreements are in force, or were when it was
	 * left; what the backup says of that; and what a mute node remembers of it. */
	uint64_t joined, joined_then, left_with;
	/* What it remembers of its last recovery, and what the backup says of that; NULL: nothing.
	 */
	struct world_recovered {
		int64_t since_s;
		uint64_t agreements[WORLD_RECOVERED_MAX];
		size_t agreements_len;
	} * recovered, *recovered_then;
	uint64_t known;    /* with whom it has had some that a copy of it can know of */
	int64_t skew_ms;   /* of its wall clock */
	unsigned slowness; /* of its line: so many times the usual; 0 is 1 */
	unsigned disk_ms;  /* a group takes up to so long to write; 0: the usual */

	/* the program; NULL and empty while it is down */
	bool up, stopped;
	unsigned life; /* how many times it has started: events of a former life come to nothing */
	const struct identity *identity; /* the keys that it has read at its start */
	struct store *store;
	struct guardfile guard;
	bool journals; /* the guard file of this life takes a redo */
	struct log_name provenance;
	unsigned acts_later; /* times that it began another, behind one of a life that is lost */
	struct ledger *ledger;
	struct gossip *gossip;
	bool mute;       /* signs no feed */
	struct map logs; /* packed name -> struct world_log */
	struct ledger_item *to_write, **to_write_end;
	uint64_t writes_at_ms; /* the next turn at the disk; 0: none */
	uint64_t work_ms, write_ms,
		news_ms;                   /* when verifier, writer and messenger are free again */
	struct publication **publications; /* under way */
	size_t publications_len;
	int dies_at; /* the step of the ledger at which its machine dies; -1: none */
	bool dying;
	bool speaks_on;   /* while its writer waits for a sync that never ends */
	uint64_t back_ms; /* how long it stays down then */

	/* its surroundings */
	const struct agreement *agreements[WORLD_AGREEMENTS_MAX]; /* its keys directory */
	uint64_t parties[WORLD_AGREEMENTS_MAX]; /* of each: world_party_bit() of all of them */
	bool waits[WORLD_AGREEMENTS_MAX];       /* for the operator, since the clock has stepped */
	size_t agreements_len;
	struct world_revocation *revocations; /* lie beside them */
	size_t revocations_len;
	/* What its operator has stopped: sending and taking, and both with these (a set of the
	 * first 64 actors). */
	bool stopped_out, stopped_in;
	uint64_t stopped_with;
	const struct roster *roster;     /* that its operator has accepted; NULL */
	const struct roster *roster_now; /* the same while its time lasts by the clock here */
	struct clock_watch *clock;       /* what the program thinks of that, */
	const struct agreement *counting[WORLD_AGREEMENTS_MAX]; /* and has its engine go by */
	uint64_t counting_parties[WORLD_AGREEMENTS_MAX];
	size_t counting_len;
	unsigned counts;     /* how often these have changed */
	uint64_t stepped_ms; /* when the clock did so last */
	/* What its daemon remembers of agreements, and what the watcher does. */
	struct policy_bond *bonds;
	size_t bonds_len;
	uint64_t let_go_ms; /* when the daemon looked at what is over */
	struct world_term *terms;
	size_t terms_len;
	struct world_peer *peers;
	size_t peers_len;
	uint8_t peer_at[64]; /* where among them one of the first actors is, and 1; 0: nowhere */
	world_hand *hand;
	void *hand_ctx;
	uint8_t marks; /* the TLP of all that it publishes; 0: that of the audience */

	/* what was seen of it */
	uint64_t data_bytes;   /* DATA that has arrived */
	uint64_t stored_bytes; /* of these, what was stored, as it had travelled, */
	uint64_t lost_bytes;   /* and what the disk had no room for */
	uint64_t sent_bytes;   /* everything that left, */
	unsigned said;         /* in so many messages */
	struct world_alarm alarms[WORLD_ALARMS_MAX];
	size_t alarms_len;
	uint64_t punishes; /* set of actors (the first 64): closed their session with a penalty */
	unsigned punished; /* how many times */
	unsigned taken;    /* runs that went on to be verified */
	unsigned refused;  /* of them, runs that were rejected */
	unsigned mutes;    /* times that it went mute */
	unsigned seals;    /* checkpoints of own feeds that it signed */
	unsigned deaths;   /* times that its machine died */
	unsigned unpublished; /* publications that failed */
	struct world_acts *acts;
	size_t acts_len;
};

/* An own entry that its origin has erased; at: where the erasure stands, once anybody knows. */
struct world_erasure {
	struct log_name feed;
	uint64_t index, at;
	uint8_t object[OBJECT_ID_BYTES];
};

/* When an event is due; of those due at once, the one made first. */
struct world_due {
	uint64_t at_ms, order;
	struct world_event *event;
};

struct world {
	uint64_t seed;
	struct sim_random random;
	uint64_t now_ms; /* monotonic, the same everywhere */
	struct world_node *nodes;
	unsigned nodes_len;
	unsigned delay_ms_max; /* of a message, beside the base of its link */
	unsigned bytes_per_ms; /* of each session and direction */
	size_t ingest_max;     /* as struct gossip_config has it, of all nodes */
	struct arena agreements;
	struct world_session **sessions; /* by id - 1, all there ever were */
	size_t sessions_len;
	struct world_due *queue; /* a heap */
	size_t queue_len, queue_cap;
	uint64_t made;   /* events so far */
	uint64_t events; /* that have happened */
	uint64_t trace;
	bool twins;          /* some nodes run with the same keys */
	bool letting_go;     /* of what came under agreements that are over */
	unsigned terms_told; /* in a session that stood already */
	struct watch *watch;
	struct world_erasure *erasures;
	size_t erasures_len;
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
/* The operator of the node, a party, revokes the agreement: what lies there of it does not count
 * any more, nor what is placed later. Others hear of it by the exchange alone. */
void world_revoke(struct world *w, unsigned node, uint64_t id);

/* A card follows that of the node: with new keys, for which it starts anew as another incarnation,
 * or the same; rotates: under its next root. Others hear of it by the exchange alone. */
void world_card(struct world *w, unsigned node, bool keys, bool rotates, uint64_t back_ms);
/* The operator of the node accepts the roster in place of another; NULL: none any more. */
void world_roster(struct world *w, unsigned node, const struct roster *roster);
/* The operator of the node stops all sending, all taking, both with these actors (a set of the
 * first 64), until the next call. */
void world_pause(struct world *w, unsigned node, bool out, bool in, uint64_t with);

/* --- what a node does ------------------------------------------------------------------------- */

/* An own feed grows by count entries, which are handed to the writer. */
void world_publish(struct world *w, unsigned node, struct audience audience, uint32_t count,
	size_t body_len);
/* The same, of a kind, and urgent or not. */
void world_publish_kind(struct world *w, unsigned node, struct audience audience, uint8_t kind,
	bool urgent, uint32_t count, size_t body_len);

/* The node erases an object of its own feed, which nobody has erased before; */
void world_erase(struct world *w, unsigned node, struct audience audience, uint64_t index);
/* the same as a recall: at once. */
void world_recall(struct world *w, unsigned node, struct audience audience, uint64_t index);

/* --- what happens to links -------------------------------------------------------------------- */

/* The session between two nodes breaks without a farewell; a new one follows. */
void world_break(struct world *w, unsigned a, unsigned b);
/* The link between two nodes is cut or mended. */
void world_cut(struct world *w, unsigned a, unsigned b, bool cut);
bool world_is_cut(const struct world *w, unsigned a, unsigned b);
/* Nothing passes from one to the other any more, unnoticed; or again. A session that is stuck so
 * for half a minute ends. */
void world_deafen(struct world *w, unsigned from, unsigned to, bool deaf);
/* A second connection between two nodes, which takes the first one's place. */
void world_duplicate(struct world *w, unsigned a, unsigned b);

/* --- what happens to machines ----------------------------------------------------------------- */

/* The machine dies now, or at this step of its next group; it is back after so long (0: not by
 * itself). */
void world_kill(struct world *w, unsigned node, uint64_t back_ms);
void world_kill_at(struct world *w, unsigned node, enum ledger_step step, uint64_t back_ms);
void world_start(struct world *w, unsigned node);
void world_health(struct world *w, unsigned node, enum disk_health health);
/* A copy of the store as it is now; the guard lies beside it, though no backup should have it. */
void world_backup(struct world *w, unsigned node);

enum world_guard {
	GUARD_OF_TODAY, /* the guard file lay elsewhere and is intact */
	GUARD_OF_BACKUP,
	GUARD_LOST,
};
/* The machine dies, and comes back with its backup. */
void world_restore(struct world *w, unsigned node, enum world_guard guard, uint64_t back_ms);
/* Another node starts with a copy of this one's disk, guard and keys; gives its index. */
unsigned world_clone(struct world *w, unsigned node);
/* Of two that run with the same keys this one is out of the actor's reach. */
void world_hide(struct world *w, unsigned node, unsigned actor);
/* The operator says that no second copy of the node runs, where that is asked, and whom it need not
 * wait for: with whom there is no agreement any more. */
void world_confirm(struct world *w, unsigned node);
/* For good. */
void world_stop(struct world *w, unsigned node);
/* The node has this of somebody who need not be in the world. */
void world_implant(struct world *w, unsigned node, const struct sim_log *story);
/* The wall clock of the node is off by so much from now on. */
void world_clock(struct world *w, unsigned node, int64_t skew_ms);
/* The operator says that the time is right. */
void world_clock_confirm(struct world *w, unsigned node);
/* Entries that came longer ago may go, in blocks. */
void world_retain(struct world *w, unsigned node, int64_t retain_ms);

/* --- time ------------------------------------------------------------------------------------- */

/* Lets ms pass, less after a failure. */
void world_run(struct world *w, uint64_t ms);
/* Until every node holds so much of the feed, ms_max at most; the time it took, UINT64_MAX when it
 * took longer. nodes: a bit set. */
uint64_t world_run_until_held(struct world *w, const struct log_name *feed, uint64_t size,
	uint64_t nodes, uint64_t ms_max);

/* --- looking at it ---------------------------------------------------------------------------- */

/* NULL while nothing is wrong; else what is, with time and seed. */
const char *world_failure(const struct world *w);
/* Notes the first thing that goes wrong. */
void world_fail(struct world *w, const char *format, ...) PRINTF_LIKE(2, 3);
uint64_t world_trace(const struct world *w);

struct log_name world_feed(const struct world *w, unsigned origin, struct audience audience);
/* So much of it is durable at the node. */
uint64_t world_held(const struct world *w, unsigned node, const struct log_name *feed);
/* The node of the world with this id; NULL. */
struct world_node *world_node_of(const struct world *w, const struct node_id *id);
/* What the node has with this actor; NULL: nothing. */
struct world_peer *world_peer_of(const struct world_node *n, unsigned actor);
/* The session between two nodes that neither has given up; NULL. */
struct world_session *world_session_of(const struct world *w, unsigned a, unsigned b);
/* Is the node's i-th agreement in force by its clock, as far as that counts? */
bool world_in_force(const struct world_node *n, size_t i);
/* What lies beside the agreement at the node, where it is revoked; NULL: nothing. */
const struct world_revocation *world_revoked(const struct world_node *n, uint64_t id);
/* Has this node an agreement with that one in force? */
bool world_willing(const struct world_node *n, const struct world_node *other);
/* Bytes of DATA that arrived at all nodes for each byte of what was stored. */
double world_redundancy(const struct world *w);
/* Has the node frozen the feed, with a proof that its origin signed two histories? Appends it. */
bool world_proof(struct world *w, unsigned node, const struct log_name *feed, struct buf *proof);
/* Has the node an alarm of this rule? */
bool world_alarmed(const struct world_node *n, const char *rule);
