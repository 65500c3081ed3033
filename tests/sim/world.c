/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/vocab.h"
#include "merkle/hash.h"
#include "sim/narrate.h"
#include "sim/watch.h"

#define TICK_MS    250u
#define REDIAL_MS  200u
#define START_S    ((int64_t)3600) /* into the epoch */
#define SKEW_MS    400
#define STORE_MS   20u /* a group commit at the most */
#define VERIFY_MS  5u
#define PARTING_MS 300u /* until an end has noticed that its session broke */

enum event_type {
	EVENT_TICK,
	EVENT_DIAL,
	EVENT_OPENED,
	EVENT_MESSAGE,
	EVENT_FLUSHED,
	EVENT_CLOSED,
	EVENT_VERIFY,
	EVENT_STORE,
	EVENT_ENTERED,
	EVENT_KEPT,
};

struct world_event {
	uint64_t at_ms, order;
	enum event_type type;
	struct world_node *node;
	struct world_session *session;
	unsigned end;
	size_t bytes;
	struct buf message;
	struct ingest_job *job;
	struct log_name feed;
	struct gossip_action kept; /* without what it points to */
};

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

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
}

const char *world_failure(const struct world *w)
{
	return w->failure[0] ? w->failure : NULL;
}

/* --- the trace: FNV-1a over all that happens -------------------------------------------------- */

static void trace(struct world *w, struct bytes b)
{
	uint64_t h = w->trace;

	for (size_t i = 0; i < b.len; i++)
		h = (h ^ b.data[i]) * 0x100000001b3u;
	w->trace = h;
}

static void trace_number(struct world *w, uint64_t n)
{
	uint8_t raw[8];

	be64_put(raw, n);
	trace(w, BYTES_OF(raw));
}

uint64_t world_trace(const struct world *w)
{
	return w->trace;
}

/* --- the queue of events: a heap, earliest first, in order of making -------------------------- */

static bool event_before(const struct world_event *a, const struct world_event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static struct world_event *event_new(struct world *w, enum event_type type, uint64_t at_ms)
{
	struct world_event *e = need(calloc(1, sizeof(*e)));
	size_t at = w->queue_len++;

	e->type = type;
	e->at_ms = at_ms;
	e->order = w->events++;
	if (w->queue_len > w->queue_cap) {
		w->queue_cap = w->queue_cap ? w->queue_cap * 2 : 256;
		w->queue = need(realloc(w->queue, w->queue_cap * sizeof(struct world_event *)));
	}
	while (at > 0 && event_before(e, w->queue[(at - 1) / 2])) {
		w->queue[at] = w->queue[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	w->queue[at] = e;
	return e;
}

static void event_free(struct world_event *e)
{
	buf_free(&e->message);
	ingest_job_free(e->job);
	free(e);
}

static struct world_event *event_take(struct world *w)
{
	struct world_event *first = w->queue[0], *last = w->queue[--w->queue_len];
	size_t at = 0, child;

	while ((child = at * 2 + 1) < w->queue_len) {
		if (child + 1 < w->queue_len && event_before(w->queue[child + 1], w->queue[child]))
			child++;
		if (!event_before(w->queue[child], last))
			break;
		w->queue[at] = w->queue[child];
		at = child;
	}
	if (w->queue_len)
		w->queue[at] = last;
	return first;
}

/* --- life ------------------------------------------------------------------------------------- */

struct world *world_new(uint64_t seed)
{
	struct world *w = need(calloc(1, sizeof(*w)));

	if (hash_init() != 0)
		abort();
	w->seed = seed;
	w->random.state = seed;
	w->now_ms = 1000;
	w->trace = 0xcbf29ce484222325u;
	w->delay_ms_max = 20;
	w->bytes_per_ms = 10000;
	event_new(w, EVENT_DIAL, w->now_ms);
	return w;
}

static void session_free(struct world_session *s)
{
	for (unsigned i = 0; i < 2; i++) {
		free(s->ends[i].named);
		free(s->ends[i].sendings);
	}
	free(s);
}

void world_free(struct world *w)
{
	for (size_t i = 0; i < w->queue_len; i++)
		event_free(w->queue[i]);
	for (unsigned i = 0; i < w->nodes_len; i++) {
		gossip_free(w->nodes[i].gossip);
		sim_store_free(&w->nodes[i].store);
	}
	for (size_t i = 0; i < w->sessions_len; i++)
		session_free(w->sessions[i]);
	free(w->sessions);
	free(w->queue);
	arena_free(&w->agreements);
	free(w);
}

static void node_init(struct world *w, struct world_node *n, unsigned index)
{
	struct gossip_config config = {.software = "sim"};

	n->world = w;
	n->index = index;
	n->actor = cast_actor(index);
	n->random.state = sim_random_u64(&w->random);
	n->skew_ms = (int64_t)sim_random_below(&w->random, 2 * SKEW_MS) - SKEW_MS;
	config.self = n->actor->node;
	config.rng = sim_random_env(&n->random);
	config.store = sim_store_gossip(&n->store);
	config.signer = cast_signer(n->actor);
	if (gossip_new(&n->gossip, &config) != 0 ||
		gossip_origin(n->gossip, &n->actor->chain, NULL) != 0)
		abort();
	event_new(w, EVENT_TICK, w->now_ms + sim_random_below(&w->random, TICK_MS))->node = n;
}

void world_nodes(struct world *w, unsigned n)
{
	for (; n > 0; n--) {
		assert(w->nodes_len < CAST_MAX);
		node_init(w, &w->nodes[w->nodes_len], w->nodes_len);
		w->nodes_len++;
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

/* --- sessions --------------------------------------------------------------------------------- */

bool world_willing(const struct world_node *n, const struct world_node *other)
{
	int64_t now_s = world_time(n).wall_ms / 1000;

	for (size_t i = 0; i < n->agreements_len; i++)
		if (agreement_in_time(n->agreements[i], now_s) &&
			agreement_party_of(n->agreements[i], &other->actor->node))
			return true;
	return false;
}

static void session_new(struct world *w, struct world_node *a, struct world_node *b)
{
	struct world_session *s = need(calloc(1, sizeof(*s)));
	struct world_node *nodes[2] = {a, b};

	w->sessions = need(realloc(w->sessions, (w->sessions_len + 1) * sizeof(s)));
	w->sessions[w->sessions_len++] = s;
	s->id = (uint32_t)w->sessions_len;
	sim_random_fill(&w->random, s->binding, sizeof(s->binding));
	for (unsigned end = 0; end < 2; end++) {
		uint64_t at = w->now_ms + 1 + sim_random_below(&w->random, 50);
		struct world_event *e = event_new(w, EVENT_OPENED, at);

		e->session = s;
		e->end = end;
		s->ends[end].node = nodes[end];
		/* Nothing arrives at an end before it has opened. */
		s->ends[!end].arrive_ms = at;
		nodes[end]->sessions[nodes[!end]->index] = s;
	}
}

/* The session's end at this node comes at that time. */
static void session_end(struct world *w, struct world_session *s, unsigned end, uint64_t at_ms)
{
	struct world_event *e;

	if (s->ends[end].over)
		return;
	e = event_new(w, EVENT_CLOSED, at_ms);
	e->session = s;
	e->end = end;
}

static void session_break(struct world *w, struct world_session *s)
{
	if (!s || s->cut)
		return;
	s->cut = true;
	for (unsigned end = 0; end < 2; end++)
		session_end(w, s, end, w->now_ms + sim_random_below(&w->random, PARTING_MS));
}

void world_break(struct world *w, unsigned a, unsigned b)
{
	session_break(w, w->nodes[a].sessions[b]);
}

void world_cut(struct world *w, unsigned a, unsigned b, bool cut)
{
	w->cut[a][b] = w->cut[b][a] = cut;
	if (cut)
		world_break(w, a, b);
}

static bool may_dial(const struct world *w, const struct world_node *a, const struct world_node *b)
{
	return !w->cut[a->index][b->index] && !a->sessions[b->index] && !b->sessions[a->index] &&
	       a->shuns_until_ms[b->index] <= w->now_ms &&
	       b->shuns_until_ms[a->index] <= w->now_ms && world_willing(a, b) &&
	       world_willing(b, a);
}

static void on_dial(struct world *w)
{
	for (unsigned i = 0; i < w->nodes_len; i++)
		for (unsigned k = i + 1; k < w->nodes_len; k++)
			if (may_dial(w, &w->nodes[i], &w->nodes[k]))
				session_new(w, &w->nodes[i], &w->nodes[k]);
	event_new(w, EVENT_DIAL, w->now_ms + REDIAL_MS);
}

/* --- actions of an engine --------------------------------------------------------------------- */

/* A message as the hand of a liar leaves it; false: dropped. */
static bool hand_over(struct world_session *s, unsigned end, struct wire_message *m,
	struct buf *out)
{
	struct world_node *from = s->ends[end].node;
	struct arena arena = {0};
	bool said = from->hand(from->hand_ctx, from, s->ends[!end].node, m, &arena);

	if (said && wire_encode(out, m) != 0)
		abort();
	arena_free(&arena);
	return said;
}

static void send(struct world *w, struct world_session *s, unsigned end, struct bytes message)
{
	struct world_end *from = &s->ends[end];
	struct buf copy = buf_with_max(WIRE_MESSAGE_MAX + WIRE_PREFIX_BYTES);
	struct arena arena = {0};
	struct wire_message m;
	struct world_event *e;
	uint64_t at;
	bool said = true;

	if (wire_decode(message.data[4], bytes_skip(message, WIRE_PREFIX_BYTES), &arena, &m) != 0) {
		world_fail(w, "n%u says what cannot be read", from->node->index);
		arena_free(&arena);
		return;
	}
	narrate_said(w, s, end, &m);
	watch_said(w, s, end, &m);
	if (from->node->hand)
		said = hand_over(s, end, &m, &copy);
	else
		buf_bytes(&copy, message);
	arena_free(&arena);

	if (from->line_ms < w->now_ms)
		from->line_ms = w->now_ms;
	from->line_ms += message.len / w->bytes_per_ms;
	from->node->sent_bytes += message.len;
	from->node->said++;
	e = event_new(w, EVENT_FLUSHED, from->line_ms);
	e->session = s;
	e->end = end;
	e->bytes = message.len;
	if (!said) {
		buf_free(&copy);
		return;
	}
	at = from->line_ms + 1 + sim_random_below(&w->random, w->delay_ms_max + 1);
	if (at < from->arrive_ms)
		at = from->arrive_ms;
	from->arrive_ms = at;
	e = event_new(w, EVENT_MESSAGE, at);
	e->session = s;
	e->end = !end;
	e->message = copy;
}

static uint64_t turn(uint64_t *free_ms, struct world *w, unsigned ms_max)
{
	if (*free_ms < w->now_ms)
		*free_ms = w->now_ms;
	*free_ms += sim_random_below(&w->random, ms_max + 1);
	return *free_ms;
}

static void carry_close(struct world *w, struct world_session *s, unsigned end,
	const struct gossip_action *action)
{
	struct world_node *n = s->ends[end].node, *peer = s->ends[!end].node;

	if (action->penalty_ms) {
		n->shuns_until_ms[peer->index] = w->now_ms + action->penalty_ms;
		n->punishes |= 1u << peer->index;
	}
	session_end(w, s, end, w->now_ms);
	session_end(w, s, !end, s->ends[end].arrive_ms + 1);
}

static void carry_alarm(struct world_node *n, const struct gossip_action *action)
{
	struct world_alarm *a;

	if (n->alarms_len == WORLD_ALARMS_MAX)
		return;
	a = &n->alarms[n->alarms_len++];
	snprintf(a->rule, sizeof(a->rule), "%s", action->rule);
	a->peer = action->peer;
	a->feed = action->feed;
}

static void carry_enter(struct world *w, struct world_session *s, unsigned end,
	const struct gossip_action *action)
{
	struct world_event *e;

	watch_act(w, s, end, &action->act);
	if (!action->wait)
		return;
	e = event_new(w, EVENT_ENTERED, turn(&s->ends[end].node->write_ms, w, STORE_MS));
	e->session = s;
	e->end = end;
	e->feed = action->feed;
}

static void carry_out(struct world_node *n, struct gossip_action *action)
{
	struct world *w = n->world;
	struct world_session *s = action->session ? w->sessions[action->session - 1] : NULL;
	unsigned end = s && s->ends[1].node == n;
	struct world_event *e;

	trace_number(w, (uint64_t)action->type << 32 | action->session);
	narrate_action(n, action);
	switch (action->type) {
	case GOSSIP_SEND:
		if (s->ends[end].open)
			send(w, s, end, action->message);
		return;
	case GOSSIP_CLOSE:
		carry_close(w, s, end, action);
		return;
	case GOSSIP_INGEST:
		watch_taken(w, s, end, action->job);
		e = event_new(w, EVENT_VERIFY, turn(&n->work_ms, w, VERIFY_MS));
		e->node = n;
		e->job = action->job;
		return;
	case GOSSIP_ENTER:
		carry_enter(w, s, end, action);
		return;
	case GOSSIP_PIN:
		watch_pinned(w, n, &action->node, &action->peer);
		return;
	case GOSSIP_FREEZE:
		sim_store_need(&n->store, &action->feed)->frozen = true;
		return;
	case GOSSIP_SPLIT:
		sim_log_accuse(sim_store_need(&n->store, &action->feed), action->message);
		return;
	case GOSSIP_ALARM:
		carry_alarm(n, action);
		return;
	case GOSSIP_RECEIPT:
	case GOSSIP_WITNESS:
		e = event_new(w, EVENT_KEPT, turn(&n->write_ms, w, STORE_MS));
		e->node = n;
		e->kept = *action;
		return;
	case GOSSIP_REVOKED:
		world_remove(w, n->index, action->agreement);
		return;
	case GOSSIP_MUTE:
		n->mutes++;
		return;
	case GOSSIP_RECOVERED:
	case GOSSIP_MAY_SEAL:
	case GOSSIP_CUT:
	case GOSSIP_KEEP:
	case GOSSIP_REWOUND:
		return;
	}
}

static void actions(struct world_node *n)
{
	struct gossip_action action;

	while (gossip_action_next(n->gossip, &action))
		carry_out(n, &action);
}

/* --- events ----------------------------------------------------------------------------------- */

static void on_opened(struct world_session *s, unsigned end)
{
	struct world_node *n = s->ends[end].node;

	if (s->ends[end].over)
		return;
	s->ends[end].open = true;
	narrate(n->world, "n%u opens session %u", n->index, s->id);
	gossip_opened(n->gossip, world_time(n), s->id, &s->ends[!end].node->actor->node,
		s->binding);
	actions(n);
}

static void on_message(struct world *w, struct world_session *s, unsigned end,
	const struct buf *message)
{
	struct world_node *n = s->ends[end].node;
	struct bytes payload = bytes_skip(buf_view(message), WIRE_PREFIX_BYTES);
	struct arena arena = {0};
	struct wire_message m;

	if (s->cut || !s->ends[end].open)
		return;
	trace(w, buf_view(message));
	if (wire_decode(message->data[4], payload, &arena, &m) == 0)
		watch_heard(w, s, end, &m);
	arena_free(&arena);
	if (message->data[4] == WIRE_DATA)
		n->data_bytes += message->len;
	gossip_message(n->gossip, world_time(n), s->id, message->data[4], payload);
	actions(n);
}

static void on_flushed(struct world_session *s, unsigned end, size_t bytes)
{
	struct world_node *n = s->ends[end].node;

	if (!s->ends[end].open)
		return;
	gossip_flushed(n->gossip, world_time(n), s->id, bytes);
	actions(n);
}

static void on_closed(struct world_session *s, unsigned end)
{
	struct world_node *n = s->ends[end].node, *peer = s->ends[!end].node;
	bool open = s->ends[end].open;

	if (s->ends[end].over)
		return;
	s->ends[end].over = true;
	s->ends[end].open = false;
	if (n->sessions[peer->index] == s)
		n->sessions[peer->index] = NULL;
	if (!open)
		return;
	narrate(n->world, "n%u has lost session %u", n->index, s->id);
	gossip_closed(n->gossip, world_time(n), s->id, s->cut ? "broken" : "over");
	actions(n);
}

static void reject(struct world_node *n, struct world_event *e, int code)
{
	n->refused++;
	narrate(n->world, "n%u rejects a run: %s", n->index, err_sentence(code));
	gossip_rejected(n->gossip, world_time(n), e->job, code);
	actions(n);
}

static void on_verify(struct world *w, struct world_event *e)
{
	struct world_node *n = e->node;
	struct sim_log *log = sim_store_need(&n->store, &e->job->feed);
	struct world_event *store;
	int rc;

	if (log->frontier.tree.end != e->job->start)
		sim_log_range(log, 0, log->size, &log->frontier.tree);
	rc = ingest_verify(&log->frontier, e->job);
	if (rc != 0) {
		reject(n, e, rc);
		return;
	}
	store = event_new(w, EVENT_STORE, turn(&n->write_ms, w, STORE_MS));
	store->node = n;
	store->job = e->job;
	e->job = NULL;
}

static void on_store(struct world *w, struct world_event *e)
{
	struct world_node *n = e->node;
	const struct ingest_job *job = e->job;
	struct sim_log *log = sim_store_need(&n->store, &job->feed);
	const struct checkpoint *c = &job->checkpoint;

	if (n->store_full) {
		reject(n, e, ENT_EFULL);
		return;
	}
	if (log->size != job->start) {
		/* An earlier run could not be stored: this one comes too early. */
		reject(n, e, ENT_ESTATE);
		return;
	}
	sim_log_append(log, bytes_from(job->entries, job->entries_len), job->count);
	if (c->size > log->seen.size)
		log->seen = *c;
	if (c->size <= log->size && c->size > log->complete.size)
		log->complete = *c;
	n->stored_bytes += job->wire_bytes;
	watch_stored(w, n, log);
	gossip_stored(n->gossip, world_time(n), job);
	actions(n);
}

static void on_entered(struct world *w, struct world_session *s, unsigned end,
	const struct log_name *feed)
{
	struct world_node *n = s->ends[end].node;

	watch_durable(w, s, end, feed);
	gossip_entered(n->gossip, world_time(n), s->id, feed);
	actions(n);
}

static void on_kept(const struct world_event *e)
{
	struct world_node *n = e->node;
	const struct gossip_action *kept = &e->kept;

	if (kept->differs || kept->rewritten)
		return;
	if (kept->type == GOSSIP_RECEIPT)
		gossip_receipted(n->gossip, &kept->peer, &kept->checkpoint, !n->store_full);
	else
		gossip_witnessed(n->gossip, world_time(n), kept->session, &kept->checkpoint,
			!n->store_full);
	actions(n);
}

static void on_tick(struct world *w, struct world_node *n)
{
	gossip_tick(n->gossip, world_time(n));
	actions(n);
	event_new(w, EVENT_TICK, w->now_ms + TICK_MS)->node = n;
}

static void on_event(struct world *w, struct world_event *e)
{
	trace_number(w, e->at_ms << 8 | e->type);
	switch (e->type) {
	case EVENT_TICK:
		on_tick(w, e->node);
		return;
	case EVENT_DIAL:
		on_dial(w);
		return;
	case EVENT_OPENED:
		on_opened(e->session, e->end);
		return;
	case EVENT_MESSAGE:
		on_message(w, e->session, e->end, &e->message);
		return;
	case EVENT_FLUSHED:
		on_flushed(e->session, e->end, e->bytes);
		return;
	case EVENT_CLOSED:
		on_closed(e->session, e->end);
		return;
	case EVENT_VERIFY:
		on_verify(w, e);
		return;
	case EVENT_STORE:
		on_store(w, e);
		return;
	case EVENT_ENTERED:
		on_entered(w, e->session, e->end, &e->feed);
		return;
	case EVENT_KEPT:
		on_kept(e);
		return;
	}
}

static void step(struct world *w)
{
	struct world_event *e = event_take(w);

	w->now_ms = e->at_ms;
	on_event(w, e);
	event_free(e);
}

void world_run(struct world *w, uint64_t ms)
{
	uint64_t until = w->now_ms + ms;

	while (!world_failure(w) && w->queue[0]->at_ms <= until)
		step(w);
	if (!world_failure(w))
		w->now_ms = until;
}

static bool all_hold(const struct world *w, const struct log_name *feed, uint64_t size,
	unsigned nodes)
{
	for (unsigned i = 0; i < w->nodes_len; i++)
		if ((nodes & (1u << i)) && world_held(w, i, feed) < size)
			return false;
	return true;
}

uint64_t world_run_until_held(struct world *w, const struct log_name *feed, uint64_t size,
	unsigned nodes, uint64_t ms_max)
{
	uint64_t start = w->now_ms, until = start + ms_max;

	while (!all_hold(w, feed, size, nodes)) {
		if (world_failure(w) || w->queue[0]->at_ms > until)
			return UINT64_MAX;
		step(w);
	}
	return w->now_ms - start;
}

/* --- what tests make happen ------------------------------------------------------------------- */

const struct agreement *world_draw_up(struct world *w, const struct cast_terms *terms)
{
	return cast_agreement(terms, &w->agreements);
}

const struct agreement *world_agree(struct world *w, const struct cast_terms *terms)
{
	const struct agreement *a = world_draw_up(w, terms);

	for (unsigned i = 0; i < w->nodes_len; i++)
		if (terms->parties & (1u << i))
			world_place(w, i, a);
	return a;
}

static void tell_agreements(struct world_node *n)
{
	narrate(n->world, "n%u has %zu agreements", n->index, n->agreements_len);
	gossip_agreements(n->gossip, world_time(n), n->agreements, n->agreements_len);
	actions(n);
}

void world_place(struct world *w, unsigned node, const struct agreement *a)
{
	struct world_node *n = &w->nodes[node];
	size_t at = 0;

	while (at < n->agreements_len && n->agreements[at]->id != a->id)
		at++;
	assert(at < WORLD_AGREEMENTS_MAX);
	n->agreements[at] = a;
	if (at == n->agreements_len)
		n->agreements_len++;
	/* The cards of its parties came with it. */
	for (size_t i = 0; i < a->parties_len; i++) {
		const struct world_node *party = world_node_of(w, &a->parties[i].node);

		if (party && gossip_origin(n->gossip, &party->actor->chain, NULL) != 0)
			abort();
	}
	tell_agreements(n);
}

void world_remove(struct world *w, unsigned node, uint64_t id)
{
	struct world_node *n = &w->nodes[node];

	for (size_t i = 0; i < n->agreements_len; i++)
		if (n->agreements[i]->id == id) {
			n->agreements[i] = n->agreements[--n->agreements_len];
			break;
		}
	tell_agreements(n);
}

void world_publish(struct world *w, unsigned node, struct audience audience, uint32_t count,
	size_t body_len)
{
	struct world_node *n = &w->nodes[node];
	struct log_name feed = world_feed(w, node, audience);
	struct sim_log *log = sim_store_need(&n->store, &feed);
	struct env_rng rng = sim_random_env(&w->random);

	sim_log_publish(log, &n->actor->identity, count, body_len, &rng);
	narrate(w, "n%u publishes %u of audience %d", node, count, (int)audience.kind);
	gossip_sealed(n->gossip, world_time(n), &log->complete, false);
	actions(n);
}

/* --- looking at it ---------------------------------------------------------------------------- */

struct log_name world_feed(const struct world *w, unsigned origin, struct audience audience)
{
	const struct actor *a = w->nodes[origin].actor;

	return (struct log_name){a->node, a->identity.incarnation, audience};
}

uint64_t world_held(const struct world *w, unsigned node, const struct log_name *feed)
{
	const struct sim_log *log = sim_store_find(&w->nodes[node].store, feed);

	return log ? log->size : 0;
}

struct world_node *world_node_of(struct world *w, const struct node_id *id)
{
	for (unsigned i = 0; i < w->nodes_len; i++)
		if (node_id_eq(&w->nodes[i].actor->node, id))
			return &w->nodes[i];
	return NULL;
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
