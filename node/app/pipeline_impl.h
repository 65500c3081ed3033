/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside of the pipeline: pipeline.c (queues, life), work.c, writer.c, indexer.c.
 */
#pragma once

#include <stdatomic.h>

#include "app/guard_keep.h"
#include "app/pipeline.h"
#include "base/map.h"

/* Bytes waiting for the writer before the work thread waits, which it does between two things only,
 * holding neither the keys nor a reader. As much again is with the writer: it takes all that waits.
 */
#define WRITE_AHEAD_BYTES (4u * 1024u * 1024u)
/* What nothing else carries to the store gets a commit of its own after so long. */
#define IDLE_MS 50u
/* Where processors are scarce loop and writer come first, for everything waits for them: how nice
 * the other threads are (setpriority). */
#define NICE_BEHIND 4
/* Entries of one index transaction. */
#define INDEX_ENTRIES 65536u
/* Claims of one publication remembered while the index does not show them: 16 bytes each, and
 * as much again until they fill their table. */
#define SEEN_MAX 1000000u
/* Random bytes are taken from the system by so many. */
#define SALTS_BYTES 4096u

/* What the work thread is to do with an item, in its tag; the writer hands it to the ledger. */
enum work {
	WORK_PASS,    /* nothing */
	WORK_INGEST,  /* verify the job: it becomes a LEDGER_RUN */
	WORK_CLAIMS,  /* judge the claims in data: they become LEDGER_OWN */
	WORK_END,     /* of a publication */
	WORK_COMPACT, /* for the writer itself: the index is done */
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled, drained;
	struct ledger_item *first, *last;
	size_t bytes;
	bool closed;
};

struct event_node {
	struct pipeline_event event;
	struct event_node *next;
};

struct pipeline {
	struct pipeline_config config;
	struct queue to_work, to_writer;
	pthread_t work, writer, index;
	const char *fault; /* ENTENTE_FAULT, and how often the step that it names has come */
	unsigned long faults;
	unsigned retry_ms; /* the writer's, after a failure */
	bool unindexed;    /* the writer's: a small group of which the index has not heard */
	struct ledger *ledger;
	struct guard_keeper guard; /* the writer's */
	atomic_size_t working;     /* items that the loop has put and work is not done with */
	atomic_size_t acts_waiting;
	atomic_bool retaining;  /* the same of retention */
	atomic_bool forgetting; /* the writer has been asked to, and has not begun */
	struct {
		pthread_mutex_t lock;
		struct event_node *first, *last;
	} events;
	/* What work and index need to know of the writer. */
	struct {
		pthread_mutex_t lock;
		pthread_cond_t changed;
		uint64_t sent;              /* items that work has handed to the writer */
		uint64_t written;           /* of those, how many it is done with */
		uint64_t arrival;           /* newest arrival committed */
		uint64_t indexed;           /* arrivals up to here are indexed */
		bool awaited;               /* work waits for the index */
		bool stopping;              /* nobody waits for the index any more, */
		bool stop_index;            /* and it may end */
		bool index_failing;         /* nobody waits for it */
		uint64_t whole_at;          /* behind this it shows not even what is long known */
		struct event_node *reindex; /* what to tell when it is done; NULL: nobody asked */
		bool compact;               /* the index, and then the truth */
	} progress;
	/* the work thread's own, and the loop's while it has nothing to do (may_at_once) */
	struct ledger_item *out, **out_end; /* done, to be handed to the writer */
	size_t out_bytes;
	struct map frontiers; /* packed feed name -> struct ingest_frontier */
	struct intake_seen seen;
	uint64_t publications, publications_open; /* begun; and not ended */
	struct {
		uint8_t bytes[SALTS_BYTES]; /* the first `left` are fresh */
		size_t left;
	} salts;
};

void queue_put(struct queue *q, struct ledger_item *i);
/* A list of at least one; whoever takes gets all of it or nothing. */
void queue_put_all(struct queue *q, struct ledger_item *list);
/* The whole list, waiting for one, at most patience_ms (0: for ever). NULL when closed and empty,
 * or when patience is at its end: closed tells which. */
struct ledger_item *queue_take_all(struct queue *q, unsigned patience_ms, bool *closed);
bool queue_is_above(struct queue *q, size_t bytes);
void queue_wait_below(struct queue *q, size_t bytes);
bool queue_empty(struct queue *q);
struct pipeline_event *event_new(struct pipeline *p, enum pipeline_event_type type);
/* The loop hears of it at once. */
void event_send(struct pipeline *p, struct pipeline_event *e);
/* The loop hears of it when events_tell is called, or with whatever else wakes it. */
void event_put(struct pipeline *p, struct pipeline_event *e);
void events_tell(struct pipeline *p);
int64_t wall_ms(void);
/* The calling thread stands back so far behind others when processors are scarce. */
void thread_yields(int nice);

/* Waits until everything that work has sent so far is written, and indexed unless the index fails
 * or the daemon stops. */
void progress_wait_indexed(struct pipeline *p, uint64_t sent);
bool progress_is_indexed(struct pipeline *p, uint64_t sent);

/* Says how compacting has ended. */
void compacted(struct pipeline *p, int code);
struct ledger_ops writer_ledger_ops(struct pipeline *p);

/* Take what is given and give true, or leave it for the work thread. Called by the loop. */
bool work_run_at_once(struct pipeline *p, struct ledger_item *i);
bool work_claims_at_once(struct pipeline *p, struct ledger_item *claims, struct ledger_item *end);

void *work_run(void *p);
void *writer_run(void *p);
void *indexer_run(void *p);
