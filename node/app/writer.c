/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The writer thread: the only one that writes the truth. It takes everything that waits, runs it
 * through the ledger group by group, and passes on what the ledger tells.
 */
#include "app/pipeline_impl.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

/* After a failure: longer and longer, so that a broken disk does not fill the log as well. */
#define RETRY_MS     500u
#define RETRY_MS_MAX 2000u
/* What was told upon the journal goes its way first: the index, and then the sync behind it, take
 * neither processor nor disk from that. */
#define INDEX_MS  1u
#define SETTLE_MS 1u

/* --- what the ledger is given ----------------------------------------------------------------- */

static int64_t ledger_wall_ms(void *ctx)
{
	(void)ctx;
	return wall_ms();
}

static int guard_save(void *ctx, const struct guardfile *g, struct bytes redo)
{
	struct pipeline *p = ctx;
	struct err_text err;
	int rc = guard_keeper_save(&p->guard, g, redo, &err);

	if (rc != 0)
		log_error("writer", "guard file not written: %s", err.text);
	return rc;
}

static enum ledger_journal journal_state(void *ctx)
{
	const struct pipeline *p = ctx;

	if (p->guard.alone)
		return LEDGER_JOURNAL_NEVER;
	return guard_keeper_journals(&p->guard) ? LEDGER_JOURNAL_READY : LEDGER_JOURNAL_LATER;
}

static enum pipeline_event_type event_type(enum ledger_news_type type)
{
	switch (type) {
	case LEDGER_STORED:
		return PIPELINE_STORED;
	case LEDGER_REJECTED:
		return PIPELINE_REJECTED;
	case LEDGER_SEALED:
		return PIPELINE_SEALED;
	case LEDGER_PROVENANCE:
		return PIPELINE_PROVENANCE;
	case LEDGER_ENTERED:
		return PIPELINE_ENTERED;
	case LEDGER_RECEIPTED:
		return PIPELINE_RECEIPTED;
	case LEDGER_WITNESSED:
		return PIPELINE_WITNESSED;
	case LEDGER_COMPLETED:
		return PIPELINE_COMPLETED;
	case LEDGER_PUBLISHED:
		return PIPELINE_PUBLISHED;
	case LEDGER_FLOOR:
		return PIPELINE_FLOOR;
	case LEDGER_ERASED:
		return PIPELINE_ERASED;
	case LEDGER_SETTLED:
		return PIPELINE_SETTLED;
	case LEDGER_HELD:
		return PIPELINE_HELD;
	case LEDGER_WAS_CUT:
		return PIPELINE_WAS_CUT;
	case LEDGER_IS_ASIDE:
		return PIPELINE_IS_ASIDE;
	case LEDGER_UNMUTED:
		return PIPELINE_UNMUTED;
	case LEDGER_CORRUPT:
		break;
	}
	return PIPELINE_CORRUPT;
}

static void ledger_told(void *ctx, const struct ledger_news *news)
{
	struct pipeline *p = ctx;
	struct pipeline_event *e = event_new(p, event_type(news->type));

	e->job = news->job;
	e->code = news->code;
	e->floor = news->floor;
	e->checkpoint = news->checkpoint;
	e->urgent = news->urgent;
	e->session = news->session;
	e->size = news->size;
	e->feed = news->feed;
	e->node = news->node;
	e->publication = news->publication;
	e->user = news->user;
	event_put(p, e); /* the loop is woken when all is told */
}

/*
 * For tests: ENTENTE_FAULT=STEP:COUNT kills this process at that step of the COUNT-th group that
 * comes to it, as a power cut would, but for what the kernel has in its caches (HACKING.md).
 */
static void fault(void *ctx, enum ledger_step step)
{
	struct pipeline *p = ctx;
	const char *name, *wanted = p->fault;
	size_t len;

	if (!wanted)
		return;
	name = ledger_step_name(step);
	len = strlen(name);
	if (strncmp(wanted, name, len) != 0 || wanted[len] != ':')
		return;
	if (++p->faults == strtoul(wanted + len + 1, NULL, 10))
		kill(getpid(), SIGKILL);
}

static bool agreement_in_force(void *ctx, uint64_t agreement)
{
	struct pipeline *p = ctx;
	bool in_force = false;

	pthread_rwlock_rdlock(&p->config.keys->lock);
	for (size_t i = 0; i < p->config.keys->agreements_len && !in_force; i++)
		in_force = p->config.keys->agreements[i]->id == agreement &&
			   agreement_in_time(p->config.keys->agreements[i],
				   ledger_wall_ms(ctx) / 1000);
	pthread_rwlock_unlock(&p->config.keys->lock);
	return in_force;
}

struct ledger_ops writer_ledger_ops(struct pipeline *p)
{
	return (struct ledger_ops){.ctx = p,
		.wall_ms = ledger_wall_ms,
		.guard_save = guard_save,
		.tell = ledger_told,
		.step = fault,
		.journal = journal_state,
		.in_force = agreement_in_force};
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Who waits for the writer's progress, the index above all, goes on. */
static void progress_show(struct pipeline *p)
{
	p->unindexed = false;
	pthread_cond_broadcast(&p->progress.changed);
}

/* The loop is woken last, by a thread that sleeps then: so it may go on where this one was, instead
 * of on a processor that is idle and has to be woken as well. */
static void progress_written(struct pipeline *p, uint64_t items)
{
	struct store_reader *r;
	uint64_t arrival = 0;

	if (store_reader_open(p->config.store, &r) == 0) {
		arrival = store_arrival_last(r);
		store_reader_close(r);
	}
	pthread_mutex_lock(&p->progress.lock);
	p->progress.written += items;
	if (arrival > p->progress.arrival)
		p->progress.arrival = arrival;
	pthread_mutex_unlock(&p->progress.lock);
	if (p->unindexed || !ledger_unsettled(p->ledger))
		progress_show(p);
	else
		p->unindexed = true;
	p->config.notify(p->config.ctx);
}

static void trouble(struct pipeline *p, int code)
{
	struct pipeline_event *e = event_new(p, PIPELINE_TROUBLE);
	struct timespec pause;

	e->code = code;
	event_send(p, e);
	p->retry_ms = p->retry_ms ? 2 * p->retry_ms : RETRY_MS;
	if (p->retry_ms > RETRY_MS_MAX)
		p->retry_ms = RETRY_MS_MAX;
	pause = (struct timespec){p->retry_ms / 1000, p->retry_ms % 1000 * 1000000L};
	nanosleep(&pause, NULL);
}

void compacted(struct pipeline *p, int code)
{
	struct pipeline_event *e = event_new(p, PIPELINE_COMPACTED);

	e->code = code;
	event_send(p, e);
}

/* Between two groups: no transaction is open. What was erased may stand in the journal as well. */
static void compact(struct pipeline *p)
{
	struct store_txn *txn;
	struct err_text err;
	int rc = store_compact(p->config.store);

	if (rc == 0 && (rc = guard_keeper_wipe(&p->guard, p->config.guard, &err)) != 0)
		log_error("writer", "journal not emptied: %s", err.text);

	if (rc == 0)
		rc = store_begin(p->config.store, &txn);
	if (rc == 0) {
		rc = store_compacted(txn);
		if (rc == 0)
			rc = store_commit(txn);
		else
			store_abort(txn);
	}
	compacted(p, rc);
}

static void run(struct pipeline *p)
{
	struct ledger_done done;
	int rc = ledger_run(p->ledger, &done);

	atomic_fetch_sub(&p->acts_waiting, done.acts);
	progress_written(p, done.own);
	if (rc != 0 && rc != ENT_EMUTE)
		trouble(p, rc);
	else
		p->retry_ms = 0;
}

static void settle(struct pipeline *p)
{
	int rc = ledger_settle(p->ledger);

	events_tell(p);
	if (rc != 0)
		trouble(p, rc);
}

void *writer_run(void *ctx)
{
	struct pipeline *p = ctx;
	struct ledger_item *waiting;
	unsigned patience;
	bool closed;
	int rc = ledger_recover(p->ledger);

	events_tell(p);
	pthread_setname_np(pthread_self(), "writer"); /* seen in top -H, and by the benchmark */
	if (rc != 0 && rc != ENT_EMUTE)
		trouble(p, rc);
	do {
		bool owes = ledger_owes(p->ledger), unsettled = ledger_unsettled(p->ledger);

		patience = p->unindexed ? INDEX_MS : unsettled ? SETTLE_MS : owes ? IDLE_MS : 0;
		waiting = queue_take_all(&p->to_writer, patience, &closed);
		if (!waiting && p->unindexed) {
			progress_show(p);
			if (!closed)
				continue;
		}
		if (!waiting && unsettled) {
			settle(p);
			continue;
		}
		/* Nothing came to carry the newest checkpoints to the store, or what the store
		 * refused before: they go by themselves. */
		if (!waiting && owes)
			run(p);
		while (waiting) {
			if (waiting->tag == WORK_COMPACT) {
				struct ledger_item *i = waiting;

				waiting = i->next;
				ledger_item_free(i);
				compact(p);
				continue;
			}
			while (waiting && waiting->tag != WORK_COMPACT &&
				ledger_fits(p->ledger, waiting)) {
				struct ledger_item *i = waiting;

				waiting = i->next;
				if (i->type == LEDGER_FORGET)
					atomic_store(&p->forgetting, false);
				if (i->type == LEDGER_RETAIN)
					atomic_store(&p->retaining, false);
				ledger_put(p->ledger, i);
			}
			run(p);
		}
	} while (!closed);
	/* What the store still refuses is said in the log, and told by the next start. */
	if (ledger_owes(p->ledger))
		run(p);
	return NULL;
}
