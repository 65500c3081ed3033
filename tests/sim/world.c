/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "merkle/hash.h"
#include "sim/narrate.h"
#include "sim/watch.h"
#include "sim/world_impl.h"

#define START_S ((int64_t)3600) /* into the epoch */

/* --- failure ---------------------------------------------------------------------------------- */

void world_fail(struct world *w, const char *format, ...)
{
	va_list args;
	int len;

	if (w->failure[0])
		return;
	len = snprintf(w->failure, sizeof(w->failure),
		"seed %" PRIu64 ", %" PRIu64 " ms: ", w->seed, w->now_ms);
	va_start(args, format);
	vsnprintf(w->failure + len, sizeof(w->failure) - (size_t)len, format, args);
	va_end(args);
	narrate(w, "WRONG: %s", w->failure);
}

const char *world_failure(const struct world *w)
{
	return w->failure[0] ? w->failure : NULL;
}

/* --- the trace: FNV-1a over all that happens, eight bytes at a time --------------------------- */

void trace_number(struct world *w, uint64_t n)
{
	w->trace = (w->trace ^ n) * 0x100000001b3u;
	w->trace ^= w->trace >> 29;
}

void trace_bytes(struct world *w, struct bytes b)
{
	for (; b.len >= 8; b = bytes_skip(b, 8))
		trace_number(w, be64_get(b.data));
	for (; b.len > 0; b = bytes_skip(b, 1))
		trace_number(w, b.data[0]);
}

uint64_t world_trace(const struct world *w)
{
	return w->trace;
}

/* --- the queue of events: a heap, earliest first, in order of making -------------------------- */

static bool due_before(const struct world_due *a, const struct world_due *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void event_again(struct world *w, struct world_event *e, uint64_t at_ms)
{
	const struct world_due due = {at_ms, e->order, e};
	size_t at = w->queue_len++;

	assert(at_ms >= w->now_ms);
	if (w->queue_len > w->queue_cap) {
		w->queue_cap = w->queue_cap ? w->queue_cap * 2 : 256;
		w->queue = need(realloc(w->queue, w->queue_cap * sizeof(*w->queue)));
	}
	while (at > 0 && due_before(&due, &w->queue[(at - 1) / 2])) {
		w->queue[at] = w->queue[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	w->queue[at] = due;
}

struct world_event *event_new(struct world *w, enum event_type type, uint64_t at_ms)
{
	struct world_event *e = need(calloc(1, sizeof(*e)));

	e->type = type;
	e->order = w->made++;
	event_again(w, e, at_ms);
	return e;
}

struct world_event *event_of_node(struct world_node *n, enum event_type type, uint64_t at_ms)
{
	struct world_event *e = event_new(n->world, type, at_ms);

	e->node = n;
	e->life = n->life;
	return e;
}

struct world_event *event_of_end(struct world_session *s, unsigned end, enum event_type type,
	uint64_t at_ms)
{
	struct world_event *e = event_of_node(s->ends[end].node, type, at_ms);

	e->session = s;
	e->end = end;
	e->life = s->ends[end].life;
	return e;
}

static void event_free(struct world_event *e)
{
	buf_free(&e->message);
	ingest_job_free(e->job);
	ingest_job_free(e->news.job);
	free(e);
}

static struct world_due due_take(struct world *w)
{
	const struct world_due first = w->queue[0], last = w->queue[--w->queue_len];
	size_t at = 0, child;

	while ((child = at * 2 + 1) < w->queue_len) {
		if (child + 1 < w->queue_len && due_before(&w->queue[child + 1], &w->queue[child]))
			child++;
		if (!due_before(&w->queue[child], &last))
			break;
		w->queue[at] = w->queue[child];
		at = child;
	}
	if (w->queue_len)
		w->queue[at] = last;
	return first;
}

uint64_t world_turn(struct world *w, uint64_t *free_ms, unsigned ms_max)
{
	if (*free_ms < w->now_ms)
		*free_ms = w->now_ms;
	*free_ms += sim_random_below(&w->random, ms_max + 1);
	return *free_ms;
}

/* --- life ------------------------------------------------------------------------------------- */

struct world *world_new(uint64_t seed)
{
	struct world *w = need(calloc(1, sizeof(*w)));

	if (hash_init() != 0)
		abort();
	/* Address space: memory comes as nodes do. */
	w->nodes = need(calloc(WORLD_NODES_MAX, sizeof(*w->nodes)));
	w->seed = seed;
	w->random.state = seed;
	w->now_ms = 1000;
	w->trace = 0xcbf29ce484222325u;
	w->delay_ms_max = 20;
	w->bytes_per_ms = 10000;
	w->watch = watch_new(w);
	return w;
}

static void held_up_free(struct world_session *s)
{
	for (unsigned end = 0; end < 2; end++) {
		struct world_event *next;

		for (struct world_event *e = s->ends[end].held_up; e; e = next) {
			next = e->next;
			event_free(e);
		}
	}
}

void world_free(struct world *w)
{
	for (size_t i = 0; i < w->queue_len; i++)
		event_free(w->queue[i].event);
	for (unsigned i = 0; i < w->nodes_len; i++)
		node_free(&w->nodes[i]);
	for (size_t i = 0; i < w->sessions_len; i++) {
		held_up_free(w->sessions[i]);
		net_session_free(w->sessions[i]);
	}
	watch_free(w->watch);
	free(w->nodes);
	free(w->sessions);
	free(w->queue);
	arena_free(&w->agreements);
	free(w->erasures);
	free(w);
}

void world_nodes(struct world *w, unsigned n)
{
	for (; n > 0; n--) {
		struct guise *guise = arena_alloc(&w->agreements, sizeof(*guise));

		*guise = cast_guise(w->nodes_len);
		node_init(w, w->nodes_len, guise, disk_new());
	}
}

int64_t world_wall_s(const struct world *w)
{
	return CAST_EPOCH + START_S + (int64_t)(w->now_ms / 1000);
}

struct gossip_time world_time(const struct world_node *n)
{
	const struct world *w = n->world;

	return (struct gossip_time){
		w->now_ms, (CAST_EPOCH + START_S) * 1000 + (int64_t)w->now_ms + n->skew_ms};
}

/* --- events ----------------------------------------------------------------------------------- */

/* True when the event stays where it is: held up. */
static bool on_event(struct world_event *e)
{
	struct world_node *n = e->node;

	switch (e->type) {
	case EVENT_TICK:
		node_on_tick(n);
		return false;
	case EVENT_START:
		node_on_start(n);
		return false;
	case EVENT_VERIFY:
		node_on_verify(n, e->job);
		e->job = NULL;
		return false;
	case EVENT_WRITE:
		node_on_write(n);
		return false;
	case EVENT_NEWS:
		node_on_news(n, &e->news);
		e->news.job = NULL;
		return false;
	case EVENT_DEATH:
		world_kill(n->world, n->index, n->back_ms);
		return false;
	case EVENT_OPENED:
		net_on_opened(e->session, e->end);
		return false;
	case EVENT_MESSAGE:
		return net_on_message(e);
	case EVENT_FLUSHED:
		net_on_flushed(e->session, e->end, e->bytes);
		return false;
	case EVENT_CLOSED:
		net_on_closed(e->session, e->end);
		return false;
	case EVENT_STUCK:
		net_on_stuck(e->session, e->end);
		return false;
	}
	return false;
}

static void step(struct world *w)
{
	const struct world_due due = due_take(w);
	struct world_event *e = due.event;

	w->now_ms = due.at_ms;
	if (e->life != e->node->life && e->type != EVENT_START && e->type != EVENT_TICK) {
		event_free(e);
		return;
	}
	w->events++;
	trace_number(w, due.at_ms << 16 | (uint64_t)e->type << 8 | (e->node->index & 0xff));
	if (!on_event(e))
		event_free(e);
}

void world_run(struct world *w, uint64_t ms)
{
	uint64_t until = w->now_ms + ms;

	while (!world_failure(w) && w->queue_len && w->queue[0].at_ms <= until)
		step(w);
	if (!world_failure(w))
		w->now_ms = until;
}

static bool all_hold(const struct world *w, const struct log_name *feed, uint64_t size,
	uint64_t nodes)
{
	for (unsigned i = 0; i < w->nodes_len && i < 64; i++)
		if ((nodes & cast_bit(i)) && world_held(w, i, feed) < size)
			return false;
	return true;
}

uint64_t world_run_until_held(struct world *w, const struct log_name *feed, uint64_t size,
	uint64_t nodes, uint64_t ms_max)
{
	uint64_t start = w->now_ms, until = start + ms_max;

	while (!all_hold(w, feed, size, nodes)) {
		if (world_failure(w) || !w->queue_len || w->queue[0].at_ms > until)
			return UINT64_MAX;
		step(w);
	}
	return w->now_ms - start;
}

/* --- keys directories ------------------------------------------------------------------------- */

const struct agreement *world_draw_up(struct world *w, const struct cast_terms *terms)
{
	return cast_agreement(terms, &w->agreements);
}

const struct agreement *world_agree(struct world *w, const struct cast_terms *terms)
{
	const struct agreement *a = world_draw_up(w, terms);

	for (unsigned i = 0; i < w->nodes_len && i < CAST_TERMS_MAX; i++)
		if (terms->parties & cast_bit(i))
			world_place(w, i, a);
	return a;
}

const struct world_revocation *world_revoked(const struct world_node *n, uint64_t id)
{
	for (size_t i = 0; i < n->revocations_len; i++)
		if (n->revocations[i].agreement == id)
			return &n->revocations[i];
	return NULL;
}

void node_revoked(struct world_node *n, const struct world_revocation *r)
{
	if (world_revoked(n, r->agreement))
		return;
	n->revocations =
		need(realloc(n->revocations, (n->revocations_len + 1) * sizeof(*n->revocations)));
	n->revocations[n->revocations_len++] = *r;
	world_remove(n->world, n->index, r->agreement);
}

void world_revoke(struct world *w, unsigned node, uint64_t id)
{
	struct world_node *n = &w->nodes[node];
	const struct world_revocation r = {
		id, n->actor->node, cast_revocation_by(id, n->guise, &w->agreements)};

	narrate(w, "n%u revokes %" PRIx64, node, id);
	node_revoked(n, &r);
}

void world_place(struct world *w, unsigned node, const struct agreement *a)
{
	struct world_node *n = &w->nodes[node];
	size_t at = 0;

	if (world_revoked(n, a->id))
		return;
	while (at < n->agreements_len && n->agreements[at]->id != a->id)
		at++;
	assert(at < WORLD_AGREEMENTS_MAX);
	n->agreements[at] = a;
	n->parties[at] = 0;
	n->waits[at] = false;
	if (at == n->agreements_len)
		n->agreements_len++;
	for (size_t i = 0; i < a->parties_len; i++) {
		const struct actor *party = cast_actor_of(&a->parties[i].node);

		n->parties[at] |= world_party_bit(party);
		if (party != n->actor)
			net_peer(n, party->number);
	}
	node_agreements(n);
}

void world_remove(struct world *w, unsigned node, uint64_t id)
{
	struct world_node *n = &w->nodes[node];

	for (size_t i = 0; i < n->agreements_len; i++)
		if (n->agreements[i]->id == id) {
			n->agreements[i] = n->agreements[--n->agreements_len];
			n->parties[i] = n->parties[n->agreements_len];
			n->waits[i] = n->waits[n->agreements_len];
			break;
		}
	node_agreements(n);
}

bool world_in_force(const struct world_node *n, size_t i)
{
	return !n->waits[i] && agreement_in_time(n->agreements[i], world_time(n).wall_ms / 1000);
}

bool world_willing(const struct world_node *n, const struct world_node *other)
{
	const uint64_t bit = world_party_bit(other->actor);

	for (size_t i = 0; i < n->agreements_len; i++)
		if ((n->parties[i] & bit) && world_in_force(n, i) &&
			agreement_party_of(n->agreements[i], &other->actor->node))
			return true;
	return false;
}

/* --- looking at it ---------------------------------------------------------------------------- */

struct log_name world_feed(const struct world *w, unsigned origin, struct audience audience)
{
	const struct world_node *n = &w->nodes[origin];

	return (struct log_name){n->actor->node, n->identity->incarnation, audience};
}

uint64_t world_held(const struct world *w, unsigned node, const struct log_name *feed)
{
	uint8_t key[LOG_NAME_BYTES];
	const struct world_log *log;

	log_name_pack(key, feed);
	log = map_get(&w->nodes[node].logs, key);
	return log ? log->size : 0;
}

struct world_node *world_node_of(const struct world *w, const struct node_id *id)
{
	const struct actor *a = cast_actor_of(id);

	return a && a->number < w->nodes_len ? &w->nodes[a->number] : NULL;
}

double world_redundancy(const struct world *w)
{
	uint64_t arrived = 0, stored = 0;

	for (unsigned i = 0; i < w->nodes_len; i++) {
		arrived += w->nodes[i].data_bytes;
		stored += w->nodes[i].stored_bytes;
	}
	return stored ? (double)arrived / (double)stored : 1;
}

bool world_alarmed(const struct world_node *n, const char *rule)
{
	for (size_t i = 0; i < n->alarms_len; i++)
		if (strcmp(n->alarms[i].rule, rule) == 0)
			return true;
	return false;
}
