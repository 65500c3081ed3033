/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The ledger: how a node writes its truth, and signs what it says (DESIGN 6, 11; STORE.md,
 * "Sealing").
 *
 * Items are put and then run as one group:
 *
 *     commit       everything in one synced transaction, with the acts that tell of it
 *     re-read      what own logs grew by, from the store, the root recomputed by a second path
 *     guard        size and root of each own feed, made durable outside of the store
 *     sign         the checkpoints
 *     tell         runs are stored, publications are through, feeds have grown
 *
 * in this order and never in another: what is announced is durable, and what is signed is durable,
 * reads back right and stands in the guard. The signed checkpoint itself goes into the store with
 * the next commit: were it lost in a crash, entries and guard are there, and signing again gives
 * the same bytes.
 *
 * A small group takes one round to the disk instead of five (STORE.md, "Journal"):
 *
 *     re-read      within the transaction, the root recomputed by the second path
 *     sign         the checkpoints, which go into the same transaction
 *     guard        with all that the transaction changes, so that it can be done again
 *     commit       without syncing
 *     tell         the same
 *     settle       the commit is synced, when everything has been told
 *
 * What is signed here leaves the process when it is durable and in the guard, and no sooner. After
 * a death either all of it is done again or none of it has been.
 *
 * When a commit fails nothing of the group has happened: runs and publications are told so; acts,
 * pins and freezes wait and are tried again. What is wrong with one item (its log was frozen, say)
 * fails that item alone.
 *
 * The ledger has no thread, file, clock or random source of its own: the store is reached by
 * store.h, everything else by callbacks, so the daemon and the simulator run the same code, the
 * latter on simulated disks that crash between any two steps.
 *
 * Thread: the owner's, one at a time; ledger_mute and ledger_allow_sealing from any.
 */
#pragma once

#include "base/buf.h"
#include "base/env.h"
#include "gossip/ingest.h"
#include "keys/identity.h"
#include "ledger/guardfile.h"
#include "ledger/publication.h"
#include "policy/bond.h"
#include "proto/codec.h"
#include "store/store.h"

struct ledger;

/* store_meta_get: the origin line of the log of acts in use. */
#define LEDGER_META_PROVENANCE "provenance"

/* --- items ------------------------------------------------------------------------------------ */

/* How long entries are kept here, by when they came; 0: for ever. */
struct ledger_retention {
	int64_t retain_ms;  /* of any feed */
	int64_t expired_ms; /* an entry that expired so long ago is as good as old */
	/* Of every agreement that is or was in force, if one is over; owned. */
	struct policy_bond *bonds;
	size_t bonds_len;
	size_t agreements_len;
	struct ledger_retention_of {
		uint64_t agreement;
		int64_t retain_ms;
	} agreements[]; /* their own feeds besides */
};

void ledger_retention_free(struct ledger_retention *r);

enum ledger_item_type {
	LEDGER_RUN,      /* job, tree: a verified run of another origin */
	LEDGER_BODIES,   /* job: bodies of entries that came without */
	LEDGER_OWN,      /* publication, audience, data, leaves, count, urgent: own entries */
	LEDGER_ACT,      /* data: a packed act; wait, session, feed */
	LEDGER_PIN,      /* node, introduced_by, data: a card chain */
	LEDGER_RIVAL,    /* node, data: the chain that contradicts it */
	LEDGER_FREEZE,   /* feed */
	LEDGER_ASIDE,    /* feed: to be put aside; LEDGER_IS_ASIDE follows */
	LEDGER_HOLD,     /* hold, data: a value kept from exports, or let go */
	LEDGER_RECEIPT,  /* receipt: a peer's cosignature to be kept */
	LEDGER_WITNESS,  /* witness, session: what is cosigned of a peer's log of acts */
	LEDGER_CUT,      /* feed, own: drop what no checkpoint covers; LEDGER_WAS_CUT follows */
	LEDGER_KEEP,     /* checkpoint of an own feed that is not here: to be remembered */
	LEDGER_COMPLETE, /* checkpoint of a feed all of which is here, though more is */
	LEDGER_EPOCH,    /* feed: the provenance log that begins, and cites the former */
	LEDGER_UNMUTE,   /* epoch: as ledger_epoch gave it; LEDGER_UNMUTED follows */
	LEDGER_SPLIT,    /* feed, data: the proof of its split view */
	LEDGER_PUBLICATION_END, /* publication: all of it has been put */
	LEDGER_FORGET, /* carry out the erasures that the index has let go of; count: prune too */
	LEDGER_RETAIN, /* retention: move floors as far as it says, and mark what is over */
	LEDGER_AGREEMENT, /* agreement, data: its note; empty: as it stands */
};

struct ledger_item {
	enum ledger_item_type type;
	unsigned tag; /* the caller's own */
	struct ledger_item *next;
	size_t bytes; /* about so much memory */
	struct ingest_job *job;
	struct range tree; /* LEDGER_RUN: [0, end of the run) */
	int code;
	struct publication *publication;
	struct audience audience;
	struct buf data;
	struct hash *leaves;
	uint32_t count;
	bool urgent; /* LEDGER_OWN: a retraction, or said to be */
	bool wait;   /* LEDGER_ACT: LEDGER_ENTERED follows, with */
	void *user;  /* this, and session and feed */
	uint32_t session, epoch;
	uint64_t size; /* LEDGER_CUT: what is left */
	struct log_name feed;
	struct checkpoint checkpoint;
	struct node_id node, introduced_by;
	struct ledger_hold {
		enum type type;
		bool remove;
		char operator_name[ACT_OPERATOR_MAX + 1];
		void *user; /* of the news */
	} hold;
	struct store_receipt *receipt;      /* owned */
	struct store_witness *witness;      /* owned */
	struct ledger_retention *retention; /* LEDGER_RETAIN; owned */
	struct ledger_agreement {
		uint64_t id;
		uint32_t serial;
		int64_t ended_ms;
	} agreement;
};

struct ledger_item *ledger_item_new(enum ledger_item_type type);
/* With all but the publication. */
void ledger_item_free(struct ledger_item *i);

/* --- what the owner is told, and gives -------------------------------------------------------- */

enum ledger_news_type {
	LEDGER_STORED,     /* job */
	LEDGER_REJECTED,   /* job, code */
	LEDGER_SEALED,     /* checkpoint, urgent: an own feed has grown */
	LEDGER_PROVENANCE, /* checkpoint: the log of acts has */
	LEDGER_ENTERED,    /* session, feed, user: the act waited for is durable */
	LEDGER_RECEIPTED,  /* node, checkpoint, code: kept, unless it was evidence */
	LEDGER_WITNESSED,  /* session, checkpoint, code: remembered, unless it was evidence */
	LEDGER_COMPLETED,  /* checkpoint, code: kept */
	LEDGER_PUBLISHED,  /* publication, code: all of it is durable and signed, or failed */
	LEDGER_FLOOR,      /* feed, floor: it has moved there */
	LEDGER_ERASED,     /* feed: some of its erasures are carried out, durably */
	LEDGER_SETTLED,    /* checkpoint, unsigned: so far a former feed is good, says a later */
	LEDGER_HELD,       /* user, code: the value is held back, or is not any more */
	LEDGER_WAS_CUT,    /* feed, size, code */
	LEDGER_IS_ASIDE,   /* feed, code: nothing is stored under the name any more */
	LEDGER_UNMUTED,    /* the guard has what stands, and feeds are signed again */
	LEDGER_CORRUPT, /* feed: re-reading gave another root; nothing was signed, and is muted */
};

struct ledger_news {
	enum ledger_news_type type;
	int code;
	bool urgent;
	uint32_t session;
	uint64_t size;
	struct ingest_job *job; /* given: ingest_job_free */
	struct checkpoint checkpoint;
	struct log_name feed;
	uint64_t floor;
	struct node_id node;
	struct publication *publication;
	void *user;
};

/* Between the steps of a group, where a machine may die. */
enum ledger_step {
	LEDGER_STEP_COMMIT,   /* before the synced commit, or that behind the journal, */
	LEDGER_STEP_REREAD,   /* after it, before own logs are read again, */
	LEDGER_STEP_GUARD,    /* before the guard is saved, */
	LEDGER_STEP_SIGN,     /* after that, before anything is signed, */
	LEDGER_STEP_TELL,     /* signed, nothing is told yet, */
	LEDGER_STEP_CARRY,    /* before checkpoints get a commit of their own */
	LEDGER_STEP_FINISHED, /* everything has been told, */
	LEDGER_STEP_SETTLE    /* and nothing is synced yet of a small group but the journal */
};
#define LEDGER_STEPS 8u
/* "commit", "reread", ...; NULL beyond the last. */
const char *ledger_step_name(enum ledger_step step);

/* May guard_save be given a redo? */
enum ledger_journal {
	LEDGER_JOURNAL_NEVER, /* where guard and store lie there can be none */
	LEDGER_JOURNAL_LATER, /* once it has been called without one, */
	LEDGER_JOURNAL_READY, /* as it has been */
};

struct ledger_ops {
	void *ctx;
	int64_t (*wall_ms)(void *ctx);
	/*
	 * Durable once it gives 0, with the redo if there is one, else also as a journal that has
	 * none.
	 */
	int (*guard_save)(void *ctx, const struct guardfile *g, struct bytes redo);
	void (*tell)(void *ctx, const struct ledger_news *news);
	void (*step)(void *ctx, enum ledger_step step); /* may be NULL */
	enum ledger_journal (*journal)(void *ctx);      /* NULL: never */
	/* Is the agreement in force? NULL: all are. By the thread of the ledger. */
	bool (*in_force)(void *ctx, uint64_t agreement);
};

struct ledger_config {
	struct store *store; /* nobody else writes it */
	const struct identity *identity;
	struct node_id self;
	struct log_name provenance; /* the log of acts, */
	bool begin_provenance;      /* which begins now, */
	struct log_name former;     /* and cites this one; audience.kind 0: there was none */
	struct guardfile *guard;    /* the ledger's from now on */
	bool mute;                  /* sign no feed, as after ledger_mute */
	struct env_rng rng;
	struct ledger_ops ops;
};

/* --- life ------------------------------------------------------------------------------------- */

int ledger_new(struct ledger **out, const struct ledger_config *config) MUST_CHECK;
/* What still waits is dropped. */
void ledger_free(struct ledger *l);

/*
 * First of all: finds what lies in own logs beyond their newest checkpoint, after a crash between
 * commit and signature (or before the signature was stored), and seals it by the same steps.
 * ENT_EMUTE: some of it may not be signed now.
 */
int ledger_recover(struct ledger *l) MUST_CHECK;

/* --- groups ----------------------------------------------------------------------------------- */

/* True when the item fits into the group that is being gathered: 8 MiB, and of own entries what
 * one signature may cover (DESIGN 6). The first always fits. */
bool ledger_fits(const struct ledger *l, const struct ledger_item *i);
/* Takes the item. */
void ledger_put(struct ledger *l, struct ledger_item *i);

struct ledger_done {
	uint64_t own;  /* items LEDGER_OWN and LEDGER_PUBLICATION_END that are over */
	uint64_t acts; /* items LEDGER_ACT */
};

/*
 * Runs the group, also an empty one, which carries to the store what waits. 0, or the code for
 * which nothing happened (it is tried again with the next run); ENT_EMUTE: stored, but some feeds
 * were not signed.
 */
int ledger_run(struct ledger *l, struct ledger_done *done) MUST_CHECK;

/* Syncs what the last group has left unsynced; when everything else that waited for it is done. An
 * error ends the store's life (store_given_up). */
int ledger_settle(struct ledger *l) MUST_CHECK;
/* Something is left so, and can be synced: the next run does it at the latest. */
bool ledger_unsettled(const struct ledger *l);

/* Something waits for a run: checkpoints that are not in the store, items that were refused, or
 * what could not be sealed. */
bool ledger_owes(const struct ledger *l);

/* From now on no feed is signed; what is under way ends with ENT_EMUTE. Acts go on. Every time it
 * goes mute is an epoch: an item LEDGER_UNMUTE ends only the one that it names. */
void ledger_mute(struct ledger *l);
bool ledger_muted(const struct ledger *l);
uint32_t ledger_epoch(const struct ledger *l);
/* Feeds may be signed from now on: what stood unsigned at the start is, too. */
void ledger_allow_sealing(struct ledger *l);
