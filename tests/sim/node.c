/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One node: what the daemon's threads do, in turns that the seed decides.
 *
 *     engine ──runs──▶ verifier ──items──▶ ledger ──news──▶ engine
 *
 * The program may end between any two events, and its machine between any two steps of the ledger.
 * From the moment at which the machine has died its disk refuses everything and nothing is told, so
 * that whatever the ledger still does before it returns comes to nothing, as if it had not been
 * done.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/vocab.h"
#include "sim/narrate.h"
#include "sim/watch.h"
#include "sim/world_impl.h"

#define STORE_MS  15u /* a group commit at the most */
#define VERIFY_MS 5u
#define NEWS_MS   2u
#define IDLE_MS   200u /* then the ledger carries to the store what it owes */
#define RETRY_MS  500u /* after a write that failed */
#define SYNC_MS   20u  /* what was told before a sync at which the machine dies may still be said */
#define ACTS_MAX  8u

/* --- the ledger's surroundings ---------------------------------------------------------------- */

static int64_t ledger_wall_ms(void *ctx)
{
	return world_time(ctx).wall_ms;
}

static int ledger_guard_save(void *ctx, const struct guardfile *g, struct bytes redo)
{
	struct world_node *n = ctx;
	struct buf text = buf_with_max(GUARDFILE_BYTES_MAX);
	int rc;

	guardfile_print(&text, g);
	rc = disk_guard_write(n->disk, buf_view(&text), redo);
	if (rc == 0)
		watch_guarded(n->world, n, g);
	buf_free(&text);
	n->journals = rc == 0;
	return rc;
}

/* As the daemon's: once in a life, and after every failure, it is a new file without a redo. */
static enum ledger_journal ledger_journal_state(void *ctx)
{
	const struct world_node *n = ctx;

	return n->journals ? LEDGER_JOURNAL_READY : LEDGER_JOURNAL_LATER;
}

/* News goes to the engine in a moment, and in order; a dead machine tells nothing. */
static void ledger_tells(void *ctx, const struct ledger_news *news)
{
	struct world_node *n = ctx;
	uint64_t at = world_turn(n->world, &n->news_ms, NEWS_MS);

	if (n->dying) {
		ingest_job_free(news->job);
		return;
	}
	if (news->type == LEDGER_STORED)
		n->stored_bytes += news->job->wire_bytes;
	watch_news(n->world, n, news);
	event_of_node(n, EVENT_NEWS, at)->news = *news;
}

static void ledger_steps(void *ctx, enum ledger_step step)
{
	struct world_node *n = ctx;

	if (n->dies_at != (int)step)
		return;
	narrate(n->world, "n%u dies at step %u of the ledger", n->index, (unsigned)step);
	n->dies_at = -1;
	n->dying = true;
	n->speaks_on = step == LEDGER_STEP_CARRY;
	if (n->speaks_on)
		disk_health_set(n->disk, DISK_NO_SYNC);
	else
		disk_kill(n->disk);
}

static bool ledger_in_force(void *ctx, uint64_t agreement)
{
	const struct world_node *n = ctx;

	for (size_t i = 0; i < n->agreements_len; i++)
		if (n->agreements[i]->id == agreement)
			return world_in_force(n, i);
	return false;
}

struct ledger_ops node_ledger_ops(struct world_node *n)
{
	return (struct ledger_ops){n, ledger_wall_ms, ledger_guard_save, ledger_tells, ledger_steps,
		ledger_journal_state, ledger_in_force};
}

/* --- the writer ------------------------------------------------------------------------------- */

/* By then at the latest: an earlier turn stands, a later one comes to nothing. */
static void write_by(struct world_node *n, uint64_t at_ms)
{
	if (n->writes_at_ms && n->writes_at_ms <= at_ms)
		return;
	n->writes_at_ms = at_ms;
	event_of_node(n, EVENT_WRITE, at_ms);
}

static unsigned disk_ms(const struct world_node *n)
{
	return n->disk_ms ? n->disk_ms : STORE_MS;
}

static void to_write(struct world_node *n, struct ledger_item *i)
{
	i->next = NULL;
	*n->to_write_end = i;
	n->to_write_end = &i->next;
	if (!n->writes_at_ms || n->writes_at_ms > n->write_ms)
		write_by(n, world_turn(n->world, &n->write_ms, disk_ms(n)));
}

/* The group is over, well or not: what comes next, and when. */
static void after_ledger(struct world_node *n, int rc)
{
	if (n->dying) {
		if (n->speaks_on)
			event_of_node(n, EVENT_DEATH,
				n->world->now_ms + sim_random_below(&n->world->random, SYNC_MS));
		else
			node_down(n);
		return;
	}
	if (store_given_up(n->store)) { /* the program ends, and is started anew */
		n->back_ms = RETRY_MS;
		node_down(n);
		return;
	}
	if (rc != 0 && rc != ENT_EMUTE) {
		narrate(n->world, "n%u cannot write: %s", n->index, err_sentence(rc));
		write_by(n, n->world->now_ms + RETRY_MS);
	} else if (n->to_write) {
		write_by(n, world_turn(n->world, &n->write_ms, disk_ms(n)));
	} else if (ledger_owes(n->ledger)) {
		write_by(n, n->world->now_ms + IDLE_MS);
	}
}

/* What the index thread does, where erasures or floors want it: nothing else in a world looks
 * anything up. */
static void index_catch_up(struct world_node *n)
{
	while (store_index_step(n->store, NULL, 65536) == 1)
		;
}

void node_retain(struct world_node *n, struct ledger_retention *r)
{
	struct ledger_item *i;

	index_catch_up(n);
	i = ledger_item_new(LEDGER_RETAIN);
	i->retention = r;
	to_write(n, i);
}

void world_retain(struct world *w, unsigned node, int64_t retain_ms)
{
	struct ledger_retention *r;

	if (!w->nodes[node].up)
		return;
	r = need(calloc(1, sizeof(*r)));
	r->retain_ms = retain_ms;
	node_retain(&w->nodes[node], r);
}

static void forget(struct world_node *n, bool prune)
{
	struct store_reader *r;
	struct ledger_item *i;
	bool erase;

	if (n->dying || !n->up || store_reader_open(n->store, &r) != 0)
		return;
	erase = store_erasing(r) > 0;
	prune |= store_index_prunable(r);
	store_reader_close(r);
	if (!erase && !prune)
		return;
	index_catch_up(n);
	while (erase && store_index_erase(n->store, NULL) == 1)
		;
	while (prune && store_index_prune(n->store) == 1)
		;
	i = ledger_item_new(LEDGER_FORGET);
	i->count = prune;
	to_write(n, i);
}

void node_on_write(struct world_node *n)
{
	struct ledger_done done;
	int rc, settled;

	if (n->writes_at_ms != n->world->now_ms || n->dying)
		return;
	n->writes_at_ms = 0;
	while (n->to_write && ledger_fits(n->ledger, n->to_write)) {
		struct ledger_item *i = n->to_write;

		n->to_write = i->next;
		if (!n->to_write)
			n->to_write_end = &n->to_write;
		ledger_put(n->ledger, i);
	}
	rc = ledger_run(n->ledger, &done);
	settled = ledger_settle(n->ledger);
	after_ledger(n, settled ? settled : rc);
	forget(n, false);
}

void node_recover(struct world_node *n)
{
	after_ledger(n, ledger_recover(n->ledger));
	forget(n, true); /* a crash may have come between index and truth */
}

static struct ledger_item *act_item(struct world_node *n, const struct act_body *act)
{
	struct ledger_item *i = ledger_item_new(LEDGER_ACT);
	struct env_rng rng = sim_random_env(&n->random);

	/* What a node enters is within the codec's bounds. */
	if (act_entry(&i->data, act, world_time(n).wall_ms, &rng) != 0)
		abort();
	return i;
}

static void enter(struct world_node *n, const struct gossip_action *action)
{
	struct ledger_item *i = act_item(n, &action->act);

	i->wait = action->wait;
	i->session = action->session;
	i->feed = action->feed;
	to_write(n, i);
}

static void pin(struct world_node *n, const struct gossip_action *action)
{
	struct ledger_item *i = ledger_item_new(LEDGER_PIN);

	watch_pinned(n->world, n, &action->node, &action->peer);
	i->node = action->node;
	i->introduced_by = action->peer;
	buf_bytes(&i->data, action->chain);
	to_write(n, i);
}

static void keep_rival(struct world_node *n, const struct gossip_action *action)
{
	struct ledger_item *i = ledger_item_new(LEDGER_RIVAL);

	i->node = action->node;
	buf_bytes(&i->data, action->chain);
	to_write(n, i);
}

static struct ledger_item *item_of(enum ledger_item_type type, const struct log_name *feed)
{
	struct ledger_item *i = ledger_item_new(type);

	i->feed = *feed;
	return i;
}

static void keep_proof(struct world_node *n, const struct gossip_action *action)
{
	struct ledger_item *i = item_of(LEDGER_SPLIT, &action->feed);

	buf_bytes(&i->data, action->message);
	to_write(n, i);
}

static void keep_receipt(struct world_node *n, const struct gossip_action *action)
{
	struct ledger_item *i = ledger_item_new(LEDGER_RECEIPT);

	i->receipt = need(malloc(sizeof(*i->receipt)));
	*i->receipt = (struct store_receipt){.node = action->peer,
		.checkpoint = action->checkpoint,
		.cosignature = action->cosignature,
		.differs = action->differs};
	to_write(n, i);
}

static void keep_witness(struct world_node *n, const struct gossip_action *action)
{
	struct ledger_item *i = ledger_item_new(LEDGER_WITNESS);

	i->session = action->session;
	i->witness = need(malloc(sizeof(*i->witness)));
	*i->witness = (struct store_witness){.checkpoint = action->checkpoint,
		.time = (uint64_t)(world_time(n).wall_ms / 1000),
		.rewritten = action->rewritten,
		.other = action->other};
	to_write(n, i);
}

/* --- mute, and not ---------------------------------------------------------------------------- */

static void keep(struct world_node *n, enum ledger_item_type type, const struct checkpoint *c)
{
	struct ledger_item *i = ledger_item_new(type);

	i->checkpoint = *c;
	to_write(n, i);
}

static void provenance_anew(struct world_node *n)
{
	node_provenance_name(n);
	to_write(n, item_of(LEDGER_EPOCH, &n->provenance));
}

/* Also where a life that is lost began a later one. */
static void acts_rewound(struct world_node *n, const struct log_name *log)
{
	bool later = log->incarnation == n->provenance.incarnation &&
		     log->audience.id > n->provenance.audience.id;

	if (later && n->acts_later++ < ACTS_MAX)
		n->provenance.audience.id = log->audience.id;
	else if (!log_name_eq(log, &n->provenance))
		return;
	provenance_anew(n);
}

/* What this program has entered as an old copy goes into a log of its own; at the start that one
 * has begun already. */
static void go_mute(struct world_node *n, const struct gossip_action *action)
{
	bool ahead = strcmp(action->rule, "own-ahead") == 0 || strcmp(action->rule, "clone") == 0;
	struct act_body act = {.act = ACT_RESTORED,
		.rule = bytes_str(action->rule),
		.text = bytes_str(action->text)};

	n->mutes++;
	if (!n->ledger)
		return; /* at the start: it will open so */
	if (!n->mute && ahead)
		provenance_anew(n);
	n->mute = true;
	node_left(n);
	ledger_mute(n->ledger);
	to_write(n, act_item(n, &act));
}

static void unmute(struct world_node *n)
{
	struct ledger_item *i = ledger_item_new(LEDGER_UNMUTE);

	i->epoch = ledger_epoch(n->ledger);
	if (i->epoch)
		to_write(n, i);
	else
		ledger_item_free(i);
}

/* --- the verifier ----------------------------------------------------------------------------- */

static int frontier_load(struct world_node *n, struct world_log *log)
{
	struct store_reader *r;
	struct store_log stored;
	int rc = store_reader_open(n->store, &r);

	if (rc != 0)
		return rc;
	rc = store_log_get(r, &log->name, &stored);
	if (rc == 0)
		log->frontier.tree = stored.tree;
	else if (rc == ENT_ENOTFOUND)
		range_init(&log->frontier.tree, 0), rc = 0;
	store_reader_close(r);
	return rc;
}

static void reject(struct world_node *n, struct ingest_job *job, int code)
{
	char feed[LOG_NAME_TEXT_SIZE];

	n->refused++;
	log_name_text(feed, &job->feed);
	narrate(n->world, "n%u rejects a run of %s from %llu: %s", n->index, feed,
		(unsigned long long)job->start, err_sentence(code));
	gossip_rejected(n->gossip, world_time(n), job, code);
	ingest_job_free(job);
	node_actions(n);
}

void node_on_verify(struct world_node *n, struct ingest_job *job)
{
	struct world_log *log = node_log(n, &job->feed);
	struct ledger_item *i;
	int rc = 0;

	if (log->frontier.tree.end != job->start)
		rc = frontier_load(n, log);
	if (rc == 0)
		rc = ingest_verify(&log->frontier, job);
	if (rc != 0) {
		reject(n, job, rc);
		return;
	}
	ingest_drop_mismarked(job);
	i = ledger_item_new(LEDGER_RUN);
	i->job = job;
	i->bytes += job->entries_len;
	i->tree = log->frontier.tree;
	to_write(n, i);
}

/* --- publishing ------------------------------------------------------------------------------- */

static uint8_t marking_of(struct audience audience)
{
	switch (audience.kind) {
	case AUDIENCE_CLEAR:
		return TLP_CLEAR;
	case AUDIENCE_GREEN:
		return TLP_GREEN;
	default:
		return TLP_AMBER;
	}
}

/* What is to be published: count entries alike. */
struct saying {
	uint8_t kind;
	bool urgent;
	uint32_t count;
	size_t body_len;
	/* NULL: chance makes them. Of a body that is a few bytes; the rest would cost time only. */
	const uint8_t *object, *body;
};

static void entry_add(struct ledger_item *i, const struct saying *s, uint8_t tlp, int64_t now_ms,
	const struct env_rng *rng)
{
	static uint8_t chance[ENTRY_BODY_MAX];
	const uint8_t *body = s->body ? s->body : chance;
	uint8_t leaf[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES];
	struct entry entry = {BYTES_OF(leaf), BYTES_OF(salt), bytes_from(body, s->body_len), false};
	struct entry_header header = {.version = ENTRY_VERSION,
		.kind = s->kind,
		.tlp = tlp,
		.flags = i->urgent ? ENTRY_FLAG_URGENT : 0,
		.time_ms = (uint64_t)now_ms,
		.body_len = (uint16_t)s->body_len};
	struct hash commitment;

	assert(s->body_len <= sizeof(chance));
	env_random(rng, chance, s->body_len < 32 ? s->body_len : 32);
	env_random(rng, salt, sizeof(salt));
	if (s->object)
		memcpy(header.object, s->object, sizeof(header.object));
	else
		env_random(rng, header.object, sizeof(header.object));
	hash_commitment(&commitment, entry.salt, entry.body);
	memcpy(header.commitment, commitment.bytes, sizeof(header.commitment));
	entry_header_encode(leaf, &header);
	entry_pack(need(buf_extend(&i->data, entry_packed_len(&entry))), &entry);
	hash_leaf(&i->leaves[i->count++], entry.leaf);
}

static struct publication *publication_begin(struct world_node *n)
{
	struct publication *pub = need(publication_new());

	snprintf(pub->operator_name, sizeof(pub->operator_name), "operator");
	sim_random_fill(&n->random, pub->id, sizeof(pub->id));
	n->publications = need(realloc(n->publications,
		(n->publications_len + 1) * sizeof(struct publication *)));
	n->publications[n->publications_len++] = pub;
	return pub;
}

static void publication_end(struct world_node *n, struct publication *pub)
{
	size_t at = 0;

	while (n->publications[at] != pub)
		at++;
	n->publications[at] = n->publications[--n->publications_len];
	publication_free(pub);
}

static void publish(struct world *w, unsigned node, struct audience audience,
	const struct saying *s)
{
	struct world_node *n = &w->nodes[node];
	struct env_rng rng = sim_random_env(&n->random);
	struct ledger_item *i, *end;

	if (!n->up)
		return;
	narrate(w, "n%u publishes %u of audience %d", node, s->count, (int)audience.kind);
	i = ledger_item_new(LEDGER_OWN);
	i->publication = publication_begin(n);
	i->audience = audience;
	i->urgent = s->urgent || s->kind == KIND_RETRACTION || s->kind == KIND_ERASURE;
	i->data.max = BATCH_BYTES_MAX * 64u;
	i->leaves = need(calloc(s->count, sizeof(*i->leaves)));
	for (uint32_t k = 0; k < s->count; k++)
		entry_add(i, s, n->marks ? n->marks : marking_of(audience), world_time(n).wall_ms,
			&rng);
	i->bytes += i->data.len;
	end = ledger_item_new(LEDGER_PUBLICATION_END);
	end->publication = i->publication;
	to_write(n, i);
	to_write(n, end);
}

void world_publish_kind(struct world *w, unsigned node, struct audience audience, uint8_t kind,
	bool urgent, uint32_t count, size_t body_len)
{
	publish(w, node, audience,
		&(struct saying){
			.kind = kind, .urgent = urgent, .count = count, .body_len = body_len});
}

static void erase(struct world *w, unsigned node, struct audience audience, uint64_t index,
	bool now)
{
	const struct record_erasure record = {.reason = bytes_str("no more"), .now = now};
	struct world_node *n = &w->nodes[node];
	struct world_erasure e = {.feed = world_feed(w, node, audience), .index = index};
	struct buf body = buf_with_max(ENTRY_BODY_MAX);
	struct store_reader *r;
	struct store_entry entry;
	struct store_log log;
	int rc;

	if (!n->up || store_reader_open(n->store, &r) != 0)
		return;
	rc = store_log_get(r, &e.feed, &log);
	if (rc == 0)
		rc = store_entry_get(r, log.number, index, &entry);
	if (rc == 0)
		memcpy(e.object, entry.header.object, sizeof(e.object));
	if (rc == 0 && (entry.header.kind != KIND_OBJECT || entry.entry.erased))
		rc = ENT_EINVALID;
	store_reader_close(r);
	if (rc != 0)
		return;
	w->erasures = need(realloc(w->erasures, (w->erasures_len + 1) * sizeof(e)));
	w->erasures[w->erasures_len++] = e;
	if (record_erasure_encode(&body, &record) != 0)
		abort();
	publish(w, node, audience,
		&(struct saying){.kind = KIND_ERASURE,
			.count = 1,
			.object = e.object,
			.body = body.data,
			.body_len = body.len});
	buf_free(&body);
}

void world_erase(struct world *w, unsigned node, struct audience audience, uint64_t index)
{
	erase(w, node, audience, index, false);
}

void world_recall(struct world *w, unsigned node, struct audience audience, uint64_t index)
{
	erase(w, node, audience, index, true);
}

void world_publish(struct world *w, unsigned node, struct audience audience, uint32_t count,
	size_t body_len)
{
	world_publish_kind(w, node, audience, KIND_OBJECT, false, count, body_len);
}

/* --- news of the ledger ----------------------------------------------------------------------- */

static void on_published(struct world_node *n, const struct ledger_news *news)
{
	n->unpublished += news->code != 0;
	if (news->code != 0)
		narrate(n->world, "n%u has not published: %s", n->index, err_sentence(news->code));
	publication_end(n, news->publication);
}

void node_on_news(struct world_node *n, const struct ledger_news *news)
{
	struct gossip_time now = world_time(n);

	switch (news->type) {
	case LEDGER_STORED:
		if (news->job->bodies)
			watch_brought(n, news->job);
		gossip_stored(n->gossip, now, news->job);
		break;
	case LEDGER_REJECTED:
		n->refused++;
		n->lost_bytes += news->job->wire_bytes;
		narrate(n->world, "n%u does not store: %s", n->index, err_sentence(news->code));
		gossip_rejected(n->gossip, now, news->job, news->code);
		break;
	case LEDGER_SEALED:
		gossip_sealed(n->gossip, now, &news->checkpoint, news->urgent);
		break;
	case LEDGER_PROVENANCE:
		gossip_provenance(n->gossip, &news->checkpoint);
		break;
	case LEDGER_ENTERED:
		gossip_entered(n->gossip, now, news->session, &news->feed);
		break;
	case LEDGER_RECEIPTED:
		if (news->code != 0)
			world_peer_of(n, cast_actor_of(&news->node)->number)->receipt_lost = true;
		gossip_receipted(n->gossip, &news->node, &news->checkpoint, news->code == 0);
		break;
	case LEDGER_WITNESSED:
		gossip_witnessed(n->gossip, now, news->session, &news->checkpoint, news->code == 0);
		break;
	case LEDGER_COMPLETED:
		gossip_completed(n->gossip, now, &news->checkpoint, news->code == 0);
		break;
	case LEDGER_PUBLISHED:
		on_published(n, news);
		break;
	case LEDGER_SETTLED:
		gossip_settled(n->gossip, now, &news->checkpoint);
		break;
	case LEDGER_FLOOR:
		gossip_floor(n->gossip, now, &news->feed, news->floor);
		break;
	case LEDGER_ERASED:
		gossip_erased(n->gossip, now, &news->feed);
		break;
	case LEDGER_HELD:
		break;
	case LEDGER_WAS_CUT:
		gossip_cut(n->gossip, now, &news->feed, news->size, news->code == 0);
		break;
	case LEDGER_IS_ASIDE:
		gossip_put_aside(n->gossip, now, &news->feed, news->code == 0);
		break;
	case LEDGER_UNMUTED:
		narrate(n->world, "n%u signs again", n->index);
		n->mute = false;
		n->left_with = 0;
		to_write(n, act_item(n, &(struct act_body){.act = ACT_RECOVERED}));
		break;
	case LEDGER_CORRUPT:
		gossip_corrupt(n->gossip, now, &news->feed);
		break;
	}
	ingest_job_free(news->job);
	node_actions(n);
}

/* --- what the engine wants -------------------------------------------------------------------- */

static void alarm(struct world_node *n, const struct gossip_action *action)
{
	struct world_alarm *a;

	watch_alarm(n->world, n, action);
	if (n->alarms_len == WORLD_ALARMS_MAX)
		return;
	a = &n->alarms[n->alarms_len++];
	snprintf(a->rule, sizeof(a->rule), "%s", action->rule);
	a->peer = action->peer;
	a->feed = action->feed;
}

static void hear_of_end(struct world_node *n, const struct gossip_action *action)
{
	const struct world_revocation r = {
		action->agreement, action->node, arena_copy(&n->world->agreements, action->chain)};

	node_revoked(n, &r);
}

static void verify_later(struct world_node *n, struct ingest_job *job)
{
	uint64_t at = world_turn(n->world, &n->work_ms, VERIFY_MS);

	if (job->bodies) {
		struct ledger_item *i = ledger_item_new(LEDGER_BODIES);

		i->job = job;
		to_write(n, i);
		return;
	}
	event_of_node(n, EVENT_VERIFY, at)->job = job;
}

static void carry_out(struct world_node *n, struct gossip_action *action)
{
	struct world *w = n->world;
	struct world_session *s = action->session ? w->sessions[action->session - 1] : NULL;
	unsigned end = s && s->ends[1].node == n;

	trace_number(w, (uint64_t)action->type << 32 | action->session);
	narrate_action(n, action);
	switch (action->type) {
	case GOSSIP_SEND:
		if (s->ends[end].open)
			net_send(s, end, action->message);
		return;
	case GOSSIP_CLOSE:
		net_close(s, end, action);
		return;
	case GOSSIP_INGEST:
		watch_taken(w, s, end, action->job);
		n->taken++;
		verify_later(n, action->job);
		return;
	case GOSSIP_ENTER:
		if (s)
			watch_act(w, s, end, &action->act);
		enter(n, action);
		return;
	case GOSSIP_PIN:
		pin(n, action);
		return;
	case GOSSIP_RIVAL:
		keep_rival(n, action);
		return;
	case GOSSIP_FREEZE:
		to_write(n, item_of(LEDGER_FREEZE, &action->feed));
		return;
	case GOSSIP_PUT_ASIDE:
		to_write(n, item_of(LEDGER_ASIDE, &action->feed));
		return;
	case GOSSIP_SPLIT:
		keep_proof(n, action);
		return;
	case GOSSIP_REVOKED:
		hear_of_end(n, action);
		return;
	case GOSSIP_ALARM:
		alarm(n, action);
		return;
	case GOSSIP_RECEIPT:
		keep_receipt(n, action);
		return;
	case GOSSIP_WITNESS:
		keep_witness(n, action);
		return;
	case GOSSIP_MUTE:
		if (!n->shameless)
			go_mute(n, action);
		return;
	case GOSSIP_RECOVERED:
		node_recovered(n);
		unmute(n);
		return;
	case GOSSIP_MAY_SEAL:
		ledger_allow_sealing(n->ledger);
		if (ledger_owes(n->ledger))
			write_by(n, w->now_ms + 1);
		return;
	case GOSSIP_REWOUND:
		acts_rewound(n, &action->feed);
		return;
	case GOSSIP_CUT:
		to_write(n, item_of(LEDGER_CUT, &action->feed));
		return;
	case GOSSIP_KEEP:
		keep(n, LEDGER_KEEP, &action->checkpoint);
		return;
	case GOSSIP_COMPLETE:
		keep(n, LEDGER_COMPLETE, &action->checkpoint);
		return;
	}
}

void node_actions(struct world_node *n)
{
	struct gossip_action action;

	while (gossip_action_next(n->gossip, &action))
		carry_out(n, &action);
}

/* --- time and terms --------------------------------------------------------------------------- */

/* The cards of the parties lie beside the agreements. */
static void cards_learn(struct world_node *n)
{
	for (size_t i = 0; i < n->agreements_len; i++)
		for (size_t k = 0; k < n->agreements[i]->parties_len; k++) {
			const struct actor *a = cast_actor_of(&n->agreements[i]->parties[k].node);

			watch_accepted(n->world, n, &a->node);
			if (gossip_origin(n->gossip, &a->chain, NULL) != 0)
				narrate(n->world, "n%u does not take a card", n->index);
		}
}

/* With whom an agreement is in force: of the first actors. */
static void note_joined(struct world_node *n)
{
	int64_t now_s = world_time(n).wall_ms / 1000;
	uint64_t joined = 0;

	for (size_t i = 0; i < n->counting_len; i++)
		if (agreement_in_time(n->counting[i], now_s))
			joined |= n->counting_parties[i];
	n->joined = joined & ~world_party_bit(n->actor);
	n->known |= n->joined;
}

void node_agreements(struct world_node *n)
{
	if (!n->up)
		return;
	narrate(n->world, "n%u has %zu agreements", n->index, n->agreements_len);
	n->counts++;
	n->counting_len = clock_filter(n->clock, n->agreements, n->agreements_len, n->counting);
	for (size_t i = 0, k = 0; i < n->counting_len; i++, k++) {
		while (n->agreements[k] != n->counting[i])
			k++;
		n->counting_parties[i] = n->parties[k];
	}
	if (n->world->letting_go) {
		node_bonds(n);
		watch_terms(n);
	}
	for (size_t i = 0; i < n->revocations_len; i++)
		gossip_revocation(n->gossip, world_time(n), n->revocations[i].agreement,
			n->revocations[i].note);
	/* What has ended is over before a new card lets more be told; then heads of origins that
	 * were not known yet are asked for again. */
	gossip_agreements(n->gossip, world_time(n), n->counting, n->counting_len);
	cards_learn(n);
	gossip_agreements(n->gossip, world_time(n), n->counting, n->counting_len);
	note_joined(n);
	node_actions(n);
}

void node_roster(struct world_node *n, bool anew)
{
	bool counts = n->roster && roster_in_time(n->roster, world_time(n).wall_ms / 1000);

	if (!anew && counts == (n->roster_now != NULL))
		return;
	n->roster_now = counts ? n->roster : NULL;
	gossip_rosters(n->gossip, world_time(n), &n->roster_now, counts);
}

void node_clock(struct world_node *n)
{
	struct gossip_time now = world_time(n);
	int64_t step_ms = clock_look(n->clock, now.mono_ms, now.wall_ms);

	if (step_ms && clock_hold(n->clock, n->agreements, n->agreements_len)) {
		narrate(n->world, "n%u: agreements wait for its operator", n->index);
		node_agreements(n);
	}
}

void node_on_tick(struct world_node *n)
{
	event_of_node(n, EVENT_TICK, n->world->now_ms + TICK_MS);
	node_clock(n);
	if (!n->up)
		return;
	note_joined(n);
	node_roster(n, false);
	node_recovered(n);
	gossip_tick(n->gossip, world_time(n));
	node_actions(n);
	net_dial(n);
	if (n->world->letting_go) {
		node_bonds(n);
		watch_terms(n);
		node_let_go(n);
	}
	watch_tick(n->world, n);
	watch_lasting(n->world, n);
}
