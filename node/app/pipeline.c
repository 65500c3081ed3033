/* SPDX-License-Identifier: EUPL-1.2 */
#include "app/pipeline_impl.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/log.h"
#include "provenance/act.h"

int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* To Linux a thread is a process here: 0 is the thread that calls. What is batch work takes the
 * processor from nobody when it is woken. */
void thread_yields(int nice)
{
	const struct sched_param batch = {0};

	if (setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + nice) != 0 ||
		sched_setscheduler(0, SCHED_BATCH, &batch) != 0)
		log_warn("pipeline", "a thread keeps its priority: %s", strerror(errno));
}

/* --- items and queues ------------------------------------------------------------------------- */

/* Steps of the clock make nobody wait. */
static void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

static void queue_init(struct queue *q)
{
	pthread_mutex_init(&q->lock, NULL);
	cond_init(&q->filled);
	cond_init(&q->drained);
}

/* Whoever waits is woken when it can have the lock. */
void queue_put_all(struct queue *q, struct ledger_item *list)
{
	struct ledger_item *last = list;
	size_t bytes = list->bytes;

	for (; last->next; last = last->next)
		bytes += last->next->bytes;
	pthread_mutex_lock(&q->lock);
	if (q->last)
		q->last->next = list;
	else
		q->first = list;
	q->last = last;
	q->bytes += bytes;
	pthread_mutex_unlock(&q->lock);
	pthread_cond_signal(&q->filled);
}

void queue_put(struct queue *q, struct ledger_item *i)
{
	i->next = NULL;
	queue_put_all(q, i);
}

struct ledger_item *queue_take_all(struct queue *q, unsigned patience_ms, bool *closed)
{
	struct ledger_item *list;
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)patience_ms * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&q->lock);
	while (!q->first && !q->closed && rc != ETIMEDOUT)
		rc = patience_ms ? pthread_cond_timedwait(&q->filled, &q->lock, &until)
				 : pthread_cond_wait(&q->filled, &q->lock);
	list = q->first;
	q->first = q->last = NULL;
	q->bytes = 0;
	*closed = q->closed && !list;
	pthread_cond_broadcast(&q->drained);
	pthread_mutex_unlock(&q->lock);
	return list;
}

bool queue_is_above(struct queue *q, size_t bytes)
{
	bool above;

	pthread_mutex_lock(&q->lock);
	above = q->bytes > bytes;
	pthread_mutex_unlock(&q->lock);
	return above;
}

void queue_wait_below(struct queue *q, size_t bytes)
{
	pthread_mutex_lock(&q->lock);
	while (q->bytes > bytes)
		pthread_cond_wait(&q->drained, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

bool queue_empty(struct queue *q)
{
	bool empty;

	pthread_mutex_lock(&q->lock);
	empty = q->first == NULL;
	pthread_mutex_unlock(&q->lock);
	return empty;
}

static void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

/* --- events ----------------------------------------------------------------------------------- */

struct pipeline_event *event_new(struct pipeline *p, enum pipeline_event_type type)
{
	struct event_node *n = calloc(1, sizeof(*n));

	(void)p;
	if (!n)
		abort();
	n->event.type = type;
	return &n->event;
}

void event_put(struct pipeline *p, struct pipeline_event *e)
{
	struct event_node *n = (struct event_node *)e; /* its first member */

	pthread_mutex_lock(&p->events.lock);
	if (p->events.last)
		p->events.last->next = n;
	else
		p->events.first = n;
	p->events.last = n;
	pthread_mutex_unlock(&p->events.lock);
}

void events_tell(struct pipeline *p)
{
	bool any;

	pthread_mutex_lock(&p->events.lock);
	any = p->events.first != NULL;
	pthread_mutex_unlock(&p->events.lock);
	if (any)
		p->config.notify(p->config.ctx);
}

void event_send(struct pipeline *p, struct pipeline_event *e)
{
	event_put(p, e);
	p->config.notify(p->config.ctx);
}

/* The node has gone mute anew since: for whoever hears of it the former muteness goes on. */
static bool is_past(const struct pipeline *p, const struct pipeline_event *e)
{
	return e->type == PIPELINE_UNMUTED && ledger_muted(p->ledger);
}

static struct event_node *event_take(struct pipeline *p)
{
	struct event_node *n;

	pthread_mutex_lock(&p->events.lock);
	n = p->events.first;
	if (n) {
		p->events.first = n->next;
		if (!n->next)
			p->events.last = NULL;
	}
	pthread_mutex_unlock(&p->events.lock);
	return n;
}

bool pipeline_event_next(struct pipeline *p, struct pipeline_event *event)
{
	struct event_node *n;

	while ((n = event_take(p)) && is_past(p, &n->event))
		free(n);
	if (!n)
		return false;
	*event = n->event;
	free(n);
	return true;
}

/* --- progress --------------------------------------------------------------------------------- */

void progress_wait_indexed(struct pipeline *p, uint64_t sent)
{
	uint64_t arrival;

	pthread_mutex_lock(&p->progress.lock);
	while (p->progress.written < sent)
		pthread_cond_wait(&p->progress.changed, &p->progress.lock);
	arrival = p->progress.arrival;
	p->progress.awaited = true;
	pthread_cond_broadcast(&p->progress.changed);
	while (p->progress.indexed < arrival && !p->progress.stopping && !p->progress.index_failing)
		pthread_cond_wait(&p->progress.changed, &p->progress.lock);
	p->progress.awaited = false;
	pthread_mutex_unlock(&p->progress.lock);
}

bool progress_is_indexed(struct pipeline *p, uint64_t sent)
{
	bool done;

	pthread_mutex_lock(&p->progress.lock);
	done = p->progress.written >= sent && p->progress.indexed >= p->progress.arrival;
	pthread_mutex_unlock(&p->progress.lock);
	return done;
}

/* --- life ------------------------------------------------------------------------------------- */

static int ledger_open(struct pipeline *p)
{
	struct ledger_config config = {.store = p->config.store,
		.identity = p->config.identity,
		.self = p->config.self,
		.provenance = p->config.provenance,
		.begin_provenance = p->config.begin_provenance,
		.former = p->config.former,
		.guard = p->config.guard,
		.mute = p->config.mute,
		.rng = p->config.rng,
		.ops = writer_ledger_ops(p)};

	return ledger_new(&p->ledger, &config);
}

static int progress_init(struct pipeline *p)
{
	struct store_reader *r;
	int rc = store_reader_open(p->config.store, &r);

	if (rc != 0)
		return rc;
	p->progress.arrival = p->progress.whole_at = store_arrival_last(r);
	p->progress.indexed = store_index_position(r);
	store_reader_close(r);
	pthread_mutex_init(&p->progress.lock, NULL);
	cond_init(&p->progress.changed);
	return 0;
}

int pipeline_new(struct pipeline **out, const struct pipeline_config *config)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	uint8_t hash_key[16];
	int rc;

	if (!p)
		return ENT_ENOMEM;
	p->config = *config;
	p->fault = getenv("ENTENTE_FAULT");
	guard_keeper_init(&p->guard, config->guard_path, config->journal_path);
	atomic_init(&p->working, 0);
	atomic_init(&p->acts_waiting, 0);
	atomic_init(&p->forgetting, false);
	atomic_init(&p->retaining, false);
	env_random(&config->rng, hash_key, sizeof(hash_key));
	map_init(&p->frontiers, LOG_NAME_BYTES, GOSSIP_FEEDS_MAX, hash_key);
	intake_seen_init(&p->seen, SEEN_MAX, &config->rng);
	p->out_end = &p->out;
	queue_init(&p->to_work);
	queue_init(&p->to_writer);
	pthread_mutex_init(&p->events.lock, NULL);
	rc = progress_init(p);
	if (rc == 0)
		rc = ledger_open(p);
	if (rc != 0) {
		free(p);
		return rc;
	}
	if (pthread_create(&p->work, NULL, work_run, p) != 0 ||
		pthread_create(&p->writer, NULL, writer_run, p) != 0 ||
		pthread_create(&p->index, NULL, indexer_run, p) != 0)
		abort();
	*out = p;
	return 0;
}

/* What the index thread has asked for when the writer was gone already: the next start does it. */
static void queue_empty_out(struct queue *q)
{
	while (q->first) {
		struct ledger_item *i = q->first;

		q->first = i->next;
		ledger_item_free(i);
	}
}

static void progress_flag(struct pipeline *p, bool *flag)
{
	pthread_mutex_lock(&p->progress.lock);
	*flag = true;
	pthread_cond_broadcast(&p->progress.changed);
	pthread_mutex_unlock(&p->progress.lock);
}

void pipeline_stop(struct pipeline *p)
{
	progress_flag(p, &p->progress.stopping);
	queue_close(&p->to_work);
	pthread_join(p->work, NULL);
	queue_close(&p->to_writer);
	pthread_join(p->writer, NULL);
	progress_flag(p, &p->progress.stop_index);
	pthread_join(p->index, NULL);
}

/* Rebuildings that the stop has left undone: the next start does what is missing. */
static void reindex_empty_out(struct pipeline *p)
{
	struct event_node *n, *next;

	for (n = p->progress.reindex; n; n = next) {
		next = n->next;
		free(n);
	}
}

void pipeline_free(struct pipeline *p)
{
	struct pipeline_event e;
	void *value;

	if (!p)
		return;
	while (pipeline_event_next(p, &e))
		ingest_job_free(e.job);
	for (size_t at = 0; map_next(&p->frontiers, &at, NULL, &value);)
		free(value);
	map_free(&p->frontiers);
	intake_seen_free(&p->seen);
	queue_empty_out(&p->to_writer);
	reindex_empty_out(p);
	ledger_free(p->ledger);
	guard_keeper_close(&p->guard);
	free(p);
}

/* --- what the loop hands over ----------------------------------------------------------------- */

static void to_work(struct pipeline *p, struct ledger_item *i)
{
	atomic_fetch_add(&p->working, 1);
	queue_put(&p->to_work, i);
}

void pipeline_ingest(struct pipeline *p, struct ingest_job *job)
{
	struct ledger_item *i = ledger_item_new(job->bodies ? LEDGER_BODIES : LEDGER_RUN);

	i->job = job;
	i->bytes += job->entries_len;
	if (job->bodies) {
		queue_put(&p->to_writer, i); /* verified, and of entries that are stored */
		return;
	}
	i->tag = WORK_INGEST;
	if (!work_run_at_once(p, i))
		to_work(p, i);
}

static struct ledger_item *act_item(struct pipeline *p, const struct act_body *act)
{
	struct ledger_item *i = ledger_item_new(LEDGER_ACT);

	/* What the daemon enters is within the codec's bounds. */
	if (act_entry(&i->data, act, wall_ms(), &p->config.rng) != 0)
		abort();
	atomic_fetch_add(&p->acts_waiting, 1);
	return i;
}

void pipeline_enter(struct pipeline *p, const struct act_body *act, bool wait, uint32_t session,
	const struct log_name *feed)
{
	struct ledger_item *i = act_item(p, act);

	i->wait = wait;
	i->session = session;
	if (feed)
		i->feed = *feed;
	queue_put(&p->to_writer, i);
}

void pipeline_enter_for(struct pipeline *p, const struct act_body *act, void *user)
{
	struct ledger_item *i = act_item(p, act);

	i->wait = true;
	i->user = user;
	queue_put(&p->to_writer, i);
}

void pipeline_pin(struct pipeline *p, const struct node_id *node, struct bytes chain,
	const struct node_id *introduced_by)
{
	struct ledger_item *i = ledger_item_new(LEDGER_PIN);

	i->node = *node;
	i->introduced_by = *introduced_by;
	buf_bytes(&i->data, chain);
	queue_put(&p->to_writer, i);
}

void pipeline_rival(struct pipeline *p, const struct node_id *node, struct bytes chain)
{
	struct ledger_item *i = ledger_item_new(LEDGER_RIVAL);

	i->node = *node;
	buf_bytes(&i->data, chain);
	queue_put(&p->to_writer, i);
}

static void *copy_of(const void *data, size_t len)
{
	void *copy = malloc(len);

	if (!copy)
		abort();
	return memcpy(copy, data, len);
}

void pipeline_receipt(struct pipeline *p, const struct store_receipt *r)
{
	struct ledger_item *i = ledger_item_new(LEDGER_RECEIPT);

	i->receipt = copy_of(r, sizeof(*r));
	queue_put(&p->to_writer, i);
}

void pipeline_witness(struct pipeline *p, uint32_t session, const struct store_witness *w)
{
	struct ledger_item *i = ledger_item_new(LEDGER_WITNESS);

	i->witness = copy_of(w, sizeof(*w));
	i->session = session;
	queue_put(&p->to_writer, i);
}

void pipeline_freeze(struct pipeline *p, const struct log_name *feed)
{
	struct ledger_item *i = ledger_item_new(LEDGER_FREEZE);

	i->feed = *feed;
	queue_put(&p->to_writer, i);
}

void pipeline_put_aside(struct pipeline *p, const struct log_name *feed)
{
	struct ledger_item *i = ledger_item_new(LEDGER_ASIDE);

	i->feed = *feed;
	queue_put(&p->to_writer, i);
}

void pipeline_hold(struct pipeline *p, const struct ledger_hold *hold, struct bytes value)
{
	struct ledger_item *i = ledger_item_new(LEDGER_HOLD);

	i->hold = *hold;
	buf_bytes(&i->data, value);
	queue_put(&p->to_writer, i);
}

void pipeline_cut(struct pipeline *p, const struct log_name *feed)
{
	struct ledger_item *i = ledger_item_new(LEDGER_CUT);

	i->feed = *feed;
	queue_put(&p->to_writer, i);
}

void pipeline_keep(struct pipeline *p, const struct checkpoint *c)
{
	struct ledger_item *i = ledger_item_new(LEDGER_KEEP);

	i->checkpoint = *c;
	queue_put(&p->to_writer, i);
}

void pipeline_complete(struct pipeline *p, const struct checkpoint *c)
{
	struct ledger_item *i = ledger_item_new(LEDGER_COMPLETE);

	i->checkpoint = *c;
	queue_put(&p->to_writer, i);
}

void pipeline_epoch(struct pipeline *p, const struct log_name *provenance)
{
	struct ledger_item *i = ledger_item_new(LEDGER_EPOCH);

	i->feed = *provenance;
	queue_put(&p->to_writer, i);
}

void pipeline_unmute(struct pipeline *p)
{
	struct ledger_item *i = ledger_item_new(LEDGER_UNMUTE);

	i->epoch = ledger_epoch(p->ledger);
	if (i->epoch)
		queue_put(&p->to_writer, i);
	else
		ledger_item_free(i);
}

void pipeline_retain(struct pipeline *p, struct ledger_retention *r)
{
	struct ledger_item *i;

	if (atomic_exchange(&p->retaining, true)) {
		ledger_retention_free(r);
		return;
	}
	i = ledger_item_new(LEDGER_RETAIN);
	i->retention = r;
	queue_put(&p->to_writer, i);
}

void pipeline_agreement(struct pipeline *p, uint64_t id, uint32_t serial, int64_t ended_ms,
	struct bytes note)
{
	struct ledger_item *i = ledger_item_new(LEDGER_AGREEMENT);

	i->agreement = (struct ledger_agreement){id, serial, ended_ms};
	buf_bytes(&i->data, note);
	queue_put(&p->to_writer, i);
}

void pipeline_split(struct pipeline *p, const struct log_name *feed, struct bytes proof)
{
	struct ledger_item *i = ledger_item_new(LEDGER_SPLIT);

	i->feed = *feed;
	buf_bytes(&i->data, proof);
	queue_put(&p->to_writer, i);
}

void pipeline_compact(struct pipeline *p)
{
	pthread_mutex_lock(&p->progress.lock);
	p->progress.compact = true;
	pthread_cond_broadcast(&p->progress.changed);
	pthread_mutex_unlock(&p->progress.lock);
}

void pipeline_reindex(struct pipeline *p, void *user)
{
	struct event_node *n = (struct event_node *)event_new(p, PIPELINE_REINDEXED);
	struct event_node **end = &p->progress.reindex;

	n->event.user = user;
	pthread_mutex_lock(&p->progress.lock);
	while (*end)
		end = &(*end)->next;
	*end = n;
	pthread_cond_broadcast(&p->progress.changed);
	pthread_mutex_unlock(&p->progress.lock);
}

void pipeline_allow_sealing(struct pipeline *p)
{
	ledger_allow_sealing(p->ledger);
}

void pipeline_mute(struct pipeline *p)
{
	ledger_mute(p->ledger);
}

uint64_t pipeline_arrival(struct pipeline *p)
{
	uint64_t arrival;

	pthread_mutex_lock(&p->progress.lock);
	arrival = p->progress.arrival;
	pthread_mutex_unlock(&p->progress.lock);
	return arrival;
}

size_t pipeline_acts_waiting(const struct pipeline *p)
{
	return atomic_load(&p->acts_waiting);
}

static struct ledger_item *claims_item(struct publication *pub, struct bytes claims)
{
	struct ledger_item *i = ledger_item_new(LEDGER_OWN);

	i->tag = WORK_CLAIMS;
	i->publication = pub;
	i->data.max = CONTROL_MESSAGE_MAX;
	buf_bytes(&i->data, claims);
	i->bytes += claims.len;
	return i;
}

static struct ledger_item *end_item(struct publication *pub)
{
	struct ledger_item *i = ledger_item_new(LEDGER_PUBLICATION_END);

	i->tag = WORK_END;
	i->publication = pub;
	return i;
}

void pipeline_publish_batch(struct pipeline *p, struct publication *pub, struct bytes claims)
{
	to_work(p, claims_item(pub, claims));
}

void pipeline_publish_end(struct pipeline *p, struct publication *pub)
{
	to_work(p, end_item(pub));
}

void pipeline_publish_last(struct pipeline *p, struct publication *pub, struct bytes claims)
{
	struct ledger_item *last = claims_item(pub, claims), *end = end_item(pub);

	if (work_claims_at_once(p, last, end))
		return;
	to_work(p, last);
	to_work(p, end);
}
