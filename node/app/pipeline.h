/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The threads behind the loop (ARCHITECTURE.md, "Threads"):
 *
 *     loop ──jobs──▶ work ──items──▶ writer ──commits──▶ index
 *       ▲                              │
 *       └────────────events────────────┘
 *
 * work verifies runs of other origins (the loop a small one, when work has nothing to do) and
 * judges and prepares own claims; writer appends both to the truth in group commits, seals own logs
 * (re-read, guard, sign); index derives what commands look up. Everything here is called from the
 * loop thread, which learns of results by pipeline_event_next after the notify callback (any
 * thread) has woken it.
 */
#pragma once

#include <pthread.h>

#include "base/env.h"
#include "gossip/ingest.h"
#include "intake/intake.h"
#include "intel/guard.h"
#include "keys/identity.h"
#include "ledger/ledger.h"
#include "store/store.h"

struct pipeline;

/* What the work and index threads read and the loop replaces when keys/ changes, under lock. */
struct pipeline_keys {
	pthread_rwlock_t lock;
	const struct agreement *const *agreements;
	size_t agreements_len;
	struct guard *guard;
};

struct pipeline_config {
	struct store *store;
	const struct identity *identity;
	struct node_id self;
	struct log_name provenance; /* the log of acts, */
	bool begin_provenance;      /* which begins now */
	struct log_name former;     /* and cites this one, if audience.kind is set */
	struct guardfile *guard;    /* the writer's from now on, */
	const char *guard_path;     /* and where it is kept, */
	const char *journal_path;   /* under another name as well, for the store */
	bool mute;                  /* sign no feed, as after pipeline_mute */
	struct pipeline_keys *keys;
	struct env_rng rng;
	void (*notify)(void *ctx);
	void *ctx;
};

enum pipeline_event_type {
	PIPELINE_STORED,     /* job */
	PIPELINE_REJECTED,   /* job, code */
	PIPELINE_SEALED,     /* checkpoint, urgent: an own feed grew */
	PIPELINE_PROVENANCE, /* checkpoint */
	PIPELINE_ENTERED,    /* session, feed, or user: the act waited for is durable */
	PIPELINE_RECEIPTED,  /* node, checkpoint, code: a peer's cosignature is kept, or not */
	PIPELINE_WITNESSED,  /* session, checkpoint, code: a peer's log of acts is remembered */
	PIPELINE_TAKEN,      /* publication: one more batch is through */
	PIPELINE_PUBLISHED,  /* publication, code: all of it is durable and signed, or failed */
	PIPELINE_COMPACTED,  /* code */
	PIPELINE_REINDEXED,  /* user, code */
	PIPELINE_HELD,       /* user, code: the value is held back, or let go */
	PIPELINE_TROUBLE,    /* code: the store failed; it is tried again */
	PIPELINE_INDEX,      /* code: the index failed and is tried again; 0: it is well again */
	PIPELINE_COMPLETED,  /* checkpoint, code: kept, all of which is here */
	PIPELINE_SETTLED,    /* checkpoint, unsigned: so far a former feed is good */
	PIPELINE_FLOOR,      /* feed, floor: it has moved there */
	PIPELINE_ERASED,     /* feed: some of its erasures are carried out */
	PIPELINE_IS_ASIDE,   /* feed, code: nothing is stored under the name any more */
	PIPELINE_WAS_CUT,    /* feed, size, code: its unsigned tail is gone */
	PIPELINE_UNMUTED,    /* the guard has what stands; feeds are signed again */
	PIPELINE_CORRUPT,    /* checkpoint.log: re-reading gave another root; nothing was signed */
};

struct pipeline_event {
	enum pipeline_event_type type;
	struct ingest_job *job; /* given: ingest_job_free */
	int code;
	struct checkpoint checkpoint;
	bool urgent;
	uint32_t session;
	uint64_t size;
	struct log_name feed;
	uint64_t floor;
	struct node_id node;
	struct publication *publication;
	void *user;
};

int pipeline_new(struct pipeline **out, const struct pipeline_config *config) MUST_CHECK;
/* Finishes what is queued, stops the threads; events may be left to take. */
void pipeline_stop(struct pipeline *p);
void pipeline_free(struct pipeline *p);

bool pipeline_event_next(struct pipeline *p, struct pipeline_event *event);

void pipeline_ingest(struct pipeline *p, struct ingest_job *job); /* takes the job */
/* wait: PIPELINE_ENTERED with session and feed follows when it is durable. */
void pipeline_enter(struct pipeline *p, const struct act_body *act, bool wait, uint32_t session,
	const struct log_name *feed);
/* The same for a command that waits: PIPELINE_ENTERED with user. */
void pipeline_enter_for(struct pipeline *p, const struct act_body *act, void *user);
void pipeline_pin(struct pipeline *p, const struct node_id *node, struct bytes chain,
	const struct node_id *introduced_by);
void pipeline_rival(struct pipeline *p, const struct node_id *node, struct bytes chain);
/* PIPELINE_RECEIPTED follows, unless it is evidence. */
void pipeline_receipt(struct pipeline *p, const struct store_receipt *r);
/* PIPELINE_WITNESSED follows, unless it is evidence. */
void pipeline_witness(struct pipeline *p, uint32_t session, const struct store_witness *w);
void pipeline_freeze(struct pipeline *p, const struct log_name *feed);
/* PIPELINE_IS_ASIDE follows. */
void pipeline_put_aside(struct pipeline *p, const struct log_name *feed);
/* Retention: takes the settings. Asked again before it is done it is done once. */
void pipeline_retain(struct pipeline *p, struct ledger_retention *r);
/* Keeps a version of an agreement: in force, or when it was over; note empty: as it is kept. */
void pipeline_agreement(struct pipeline *p, uint64_t id, uint32_t serial, int64_t ended_ms,
	struct bytes note);
void pipeline_split(struct pipeline *p, const struct log_name *feed, struct bytes proof);
/* PIPELINE_COMPACTED follows. */
void pipeline_compact(struct pipeline *p);
/* PIPELINE_REINDEXED follows for each call, of a rebuilding that began behind it. */
void pipeline_reindex(struct pipeline *p, void *user);
/* Holds a canonical value back from exports (remove: lets it go): PIPELINE_HELD follows. */
void pipeline_hold(struct pipeline *p, const struct ledger_hold *hold, struct bytes value);
/* Feeds may be signed from now on: what stood unsigned at the start is, too. */
void pipeline_allow_sealing(struct pipeline *p);
void pipeline_cut(struct pipeline *p, const struct log_name *feed);
void pipeline_keep(struct pipeline *p, const struct checkpoint *c);
/* All of it is here, though more is. PIPELINE_COMPLETED follows. */
void pipeline_complete(struct pipeline *p, const struct checkpoint *c);
/* A new provenance log begins, with the acts that follow. */
void pipeline_epoch(struct pipeline *p, const struct log_name *provenance);
/* Ends the time of muteness that there is now, once the guard has what stands. */
void pipeline_unmute(struct pipeline *p);
/* From now on no feed is signed; what is under way ends with ENT_EMUTE. Acts go on. */
void pipeline_mute(struct pipeline *p);
/* The newest arrival number that is committed. */
uint64_t pipeline_arrival(struct pipeline *p);
/* How many acts wait for the store. */
size_t pipeline_acts_waiting(const struct pipeline *p);

/* --- publications ----------------------------------------------------------------------------- */

void pipeline_publish_batch(struct pipeline *p, struct publication *pub, struct bytes claims);
void pipeline_publish_end(struct pipeline *p, struct publication *pub);
/* The last batch, and the end. */
void pipeline_publish_last(struct pipeline *p, struct publication *pub, struct bytes claims);
