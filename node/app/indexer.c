/* SPDX-License-Identifier: EUPL-1.2 */
/* The index thread: follows the truth and derives what commands look up. */
#include "app/pipeline_impl.h"

#include <time.h>

#include "base/log.h"

/* A failed step of the index is tried again after so long. */
#define INDEX_RETRY_S 1
/*
 * Under load a step waits for as many bundles to have come, or for so long, or until it is no load
 * any more for a while: the more keys a run begins with, the fewer times each is written. Load is
 * bundles that come within so many milliseconds each, and not a few alone.
 */
#define INDEX_BUNDLES   192u
#define INDEX_GATHER_MS 300
#define INDEX_QUIET_MS  60
#define INDEX_LOAD      8u
#define INDEX_LOAD_MS   4
/* Between two lists, or while a command starts, there is more to do than it seems: large runs would
 * be merged by twos, again and again. */
#define MERGE_QUIET_MS 1000

static const char *hidden(void *ctx, const struct log_name *log, const struct store_entry *e,
	const struct record_indicator *indicator)
{
	struct pipeline *p = ctx;
	struct timespec now;
	const char *rule;

	/* intake_hidden would say so too: this spares lock and clock what needs neither. */
	if (node_id_eq(&log->node, &p->config.self))
		return NULL;
	clock_gettime(CLOCK_REALTIME_COARSE, &now); /* agreements end at a second */
	pthread_rwlock_rdlock(&p->config.keys->lock);
	rule = intake_hidden(&p->config.self, p->config.keys->guard, now.tv_sec, log, &e->header,
		indicator);
	pthread_rwlock_unlock(&p->config.keys->lock);
	return rule;
}

enum task {
	TASK_STOP,
	TASK_INDEX,
	TASK_REINDEX,
	TASK_COMPACT,
	TASK_MERGE, /* when there is nothing else to do */
};

static uint64_t waiting(const struct pipeline *p)
{
	return p->progress.arrival - p->progress.indexed;
}

static int64_t mono_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Nobody may wait for the index, nor anything else for its thread. */
static bool may_gather(const struct pipeline *p)
{
	return waiting(p) < INDEX_BUNDLES && !p->progress.awaited && !p->progress.reindex &&
	       !p->progress.compact && !p->progress.stop_index;
}

static void gather(struct pipeline *p)
{
	const int64_t until_ms = mono_ms() + INDEX_GATHER_MS;
	int64_t now_ms, look_ms = 0;
	uint64_t arrival = 0;

	while (may_gather(p) && (now_ms = mono_ms()) < until_ms) {
		struct timespec end = {look_ms / 1000, look_ms % 1000 * 1000000};

		if (now_ms < look_ms) {
			pthread_cond_timedwait(&p->progress.changed, &p->progress.lock, &end);
			continue;
		}
		/* So few since the last look? */
		if (look_ms > 0 && p->progress.arrival - arrival < INDEX_QUIET_MS / INDEX_LOAD_MS)
			break;
		arrival = p->progress.arrival;
		look_ms = now_ms + INDEX_QUIET_MS;
	}
}

static bool idle(const struct pipeline *p)
{
	return p->progress.indexed >= p->progress.arrival && !p->progress.reindex &&
	       !p->progress.compact && !p->progress.stop_index;
}

/* merge_ms: from then on runs may be merged, if it stays so; 0: there are none to merge. */
static void wait_idle(struct pipeline *p, int64_t merge_ms)
{
	const struct timespec until = {merge_ms / 1000, merge_ms % 1000 * 1000000};

	while (idle(p) && (merge_ms == 0 || mono_ms() < merge_ms))
		if (merge_ms == 0)
			pthread_cond_wait(&p->progress.changed, &p->progress.lock);
		else
			pthread_cond_timedwait(&p->progress.changed, &p->progress.lock, &until);
}

/* many: by what the last step took more will come. */
static enum task wait_for_work(struct pipeline *p, int64_t merge_ms, bool many)
{
	enum task what = TASK_INDEX;

	pthread_mutex_lock(&p->progress.lock);
	wait_idle(p, merge_ms);
	if (many && waiting(p) > 0)
		gather(p);
	if (p->progress.stop_index)
		what = TASK_STOP;
	else if (p->progress.reindex)
		what = TASK_REINDEX;
	else if (p->progress.compact)
		what = TASK_COMPACT;
	else if (p->progress.indexed >= p->progress.arrival)
		what = TASK_MERGE;
	p->progress.compact &= what != TASK_COMPACT;
	pthread_mutex_unlock(&p->progress.lock);
	return what;
}

/* How many bundles that was. */
static uint64_t progress_indexed(struct pipeline *p)
{
	struct store_reader *r;
	uint64_t position, before;

	if (store_reader_open(p->config.store, &r) != 0)
		return 0;
	position = store_index_position(r);
	store_reader_close(r);
	pthread_mutex_lock(&p->progress.lock);
	before = p->progress.indexed;
	p->progress.indexed = position;
	pthread_cond_broadcast(&p->progress.changed);
	pthread_mutex_unlock(&p->progress.lock);
	p->config.notify(p->config.ctx); /* somebody may wait for what can be found now */
	return position > before ? position - before : 0;
}

static bool stopping(struct pipeline *p)
{
	bool stop;

	pthread_mutex_lock(&p->progress.lock);
	stop = p->progress.stop_index;
	pthread_mutex_unlock(&p->progress.lock);
	return stop;
}

/*
 * What erasures cover, and what lies below floors, goes here first: without the body nobody could
 * find its rows. Then the writer is asked to take the rest. At the start it is asked in any case:
 * a crash may have come between index and truth.
 */
static int forget(struct pipeline *p, const struct store_index_ops *ops, bool prune)
{
	struct ledger_item *i;
	struct store_reader *r;
	bool erase;
	int rc = store_reader_open(p->config.store, &r);

	if (rc != 0)
		return rc;
	erase = store_erasing(r) > 0;
	prune |= store_index_prunable(r);
	store_reader_close(r);
	if (!erase && !prune)
		return 0;
	while (erase && (rc = store_index_erase(p->config.store, ops)) > 0)
		if (stopping(p))
			return 0;
	while (rc == 0 && prune && (rc = store_index_prune(p->config.store)) > 0) {
		if (stopping(p))
			return 0;
		rc = 0;
	}
	if (rc != 0 || (atomic_exchange(&p->forgetting, true) && !prune))
		return rc;
	i = ledger_item_new(LEDGER_FORGET);
	i->count = prune;
	queue_put(&p->to_writer, i);
	return 0;
}

/* First the index, here; then the truth, by its writer. */
static void compact(struct pipeline *p)
{
	struct ledger_item *i;
	int rc = store_index_compact(p->config.store);

	if (rc != 0) {
		compacted(p, rc);
		return;
	}
	i = ledger_item_new(LEDGER_FORGET);
	i->tag = WORK_COMPACT;
	queue_put(&p->to_writer, i);
}

/* Whoever asks from now on gets another: what it is about may be what this one has gone past. */
static struct event_node *reindex_begin(struct pipeline *p)
{
	struct event_node *asked;

	pthread_mutex_lock(&p->progress.lock);
	asked = p->progress.reindex;
	p->progress.reindex = NULL;
	p->progress.whole_at = p->progress.arrival;
	pthread_mutex_unlock(&p->progress.lock);
	return asked;
}

/* Says once that the index fails and once that it is well again, and then waits a little: it is
 * derived, so it can wait for space, and the truth goes on. */
static void index_trouble(struct pipeline *p, int code)
{
	struct timespec until;
	struct pipeline_event *e;
	bool changed;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += INDEX_RETRY_S;
	pthread_mutex_lock(&p->progress.lock);
	changed = p->progress.index_failing != (code != 0);
	p->progress.index_failing = code != 0;
	pthread_cond_broadcast(&p->progress.changed);
	while (code != 0 && !p->progress.stop_index &&
		pthread_cond_timedwait(&p->progress.changed, &p->progress.lock, &until) == 0)
		;
	pthread_mutex_unlock(&p->progress.lock);
	if (!changed)
		return;
	if (code != 0)
		log_error("index", "%s", err_sentence(code));
	e = event_new(p, PIPELINE_INDEX);
	e->code = code;
	event_send(p, e);
}

/* Nobody hears of the failure who could ask again: an index that knows of what was cut does not
 * stay. */
static void reindex_again(struct pipeline *p, struct event_node *asked)
{
	pthread_mutex_lock(&p->progress.lock);
	asked->next = p->progress.reindex;
	p->progress.reindex = asked;
	pthread_mutex_unlock(&p->progress.lock);
}

static void reindex(struct pipeline *p, const struct store_index_ops *ops)
{
	struct event_node *asked = reindex_begin(p), *next;
	int rc = store_index_drop(p->config.store);
	bool dropped = rc == 0;

	while (rc == 0 && !stopping(p) &&
		(rc = store_index_step(p->config.store, ops, INDEX_ENTRIES)) > 0)
		rc = 0;
	if (rc == 0)
		rc = forget(p, ops, true);
	progress_indexed(p);
	for (; asked; asked = next) {
		next = asked->next;
		asked->next = NULL;
		asked->event.code = rc;
		if (!dropped && !asked->event.user)
			reindex_again(p, asked);
		else
			event_send(p, &asked->event);
	}
	index_trouble(p, rc < 0 ? rc : 0);
}

static bool is_load(uint64_t bundles, int64_t *last_ms)
{
	int64_t since_ms = mono_ms() - *last_ms;

	*last_ms += since_ms;
	return bundles >= INDEX_LOAD && (int64_t)bundles * INDEX_LOAD_MS >= since_ms;
}

/* The next entries, and what goes with them; was that under load? */
static bool follow(struct pipeline *p, const struct store_index_ops *ops, int64_t *last_ms)
{
	int rc = store_index_step(p->config.store, ops, INDEX_ENTRIES);
	bool many;

	if (rc == 0)
		rc = forget(p, ops, false);
	many = is_load(progress_indexed(p), last_ms);
	if (rc >= 0)
		rc = store_index_keep_up(p->config.store);
	index_trouble(p, rc < 0 ? rc : 0);
	return many;
}

void *indexer_run(void *ctx)
{
	struct pipeline *p = ctx;
	struct store_index_ops ops = {hidden, p};
	bool many = false;
	int64_t last_ms = mono_ms(), merge_ms = last_ms + MERGE_QUIET_MS; /* what was left */
	enum task what;

	pthread_setname_np(pthread_self(), "index"); /* seen in top -H, and by the benchmark */
	thread_yields(NICE_BEHIND);
	index_trouble(p, forget(p, &ops, true));
	while ((what = wait_for_work(p, merge_ms, many)) != TASK_STOP) {
		if (what == TASK_MERGE) {
			int rc = store_index_merge(p->config.store);

			merge_ms = rc > 0 ? merge_ms : 0;
			index_trouble(p, rc < 0 ? rc : 0);
			continue;
		}
		if (what == TASK_REINDEX)
			reindex(p, &ops);
		else if (what == TASK_COMPACT)
			compact(p);
		else
			many = follow(p, &ops, &last_ms);
		merge_ms = mono_ms() + MERGE_QUIET_MS;
	}
	/* One step is all that a stop waits for; most often it is what was said last, and commands
	 * find it though nobody is there. The next start does the rest, and what fails here. */
	if (waiting(p) > 0 && store_index_step(p->config.store, &ops, INDEX_ENTRIES) < 0)
		log_warn("index", "not all is indexed: the next start does it");
	return NULL;
}
