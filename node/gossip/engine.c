/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/mark.h"
#include "gossip/impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* --- actions ---------------------------------------------------------------------------------- */

struct queued_action *action_new(struct gossip *g, enum gossip_action_type type)
{
	struct queued_action *q = calloc(1, sizeof(*q));

	/* An action lost for want of memory would leave the engine out of step with the world. */
	if (!q)
		abort();
	q->action.type = type;
	q->message = buf_with_max(WIRE_MESSAGE_MAX + WIRE_PREFIX_BYTES);
	if (g->last)
		g->last->next = q;
	else
		g->first = q;
	g->last = q;
	return q;
}

static void action_free(struct queued_action *q)
{
	if (!q)
		return;
	buf_free(&q->message);
	arena_free(&q->arena);
	free(q);
}

bool gossip_action_next(struct gossip *g, struct gossip_action *action)
{
	action_free(g->current);
	g->current = g->first;
	if (!g->current)
		return false;
	g->first = g->current->next;
	if (!g->first)
		g->last = NULL;
	*action = g->current->action;
	return true;
}

void send_message(struct gossip *g, struct session *s, const struct wire_message *m)
{
	struct queued_action *q;

	if (s->closing)
		return;
	q = action_new(g, GOSSIP_SEND);
	q->action.session = s->id;
	/* What the engine builds is within the codec's bounds. */
	if (wire_encode(&q->message, m) != 0)
		abort();
	q->action.message = buf_view(&q->message);
	s->unflushed += q->message.len;
}

void close_session(struct gossip *g, struct session *s, enum wire_bye_reason reason,
	const char *why, uint32_t penalty_ms)
{
	struct queued_action *q;

	if (s->closing)
		return;
	s->closing = true;
	q = action_new(g, GOSSIP_CLOSE);
	q->action.session = s->id;
	q->action.peer = s->peer;
	q->action.reason = reason;
	q->action.text = arena_strdup(&q->arena, why);
	q->action.penalty_ms = penalty_ms;
}

void enter_act(struct gossip *g, struct session *s, enum act act, const struct feed *f,
	uint64_t from, uint64_t to, bool wait)
{
	struct queued_action *q = action_new(g, GOSSIP_ENTER);
	struct act_body *body = &q->action.act;
	struct wire_agreement *terms;

	q->action.wait = wait;
	body->act = act;
	if (s) {
		q->action.session = s->id;
		body->has_peer = true;
		body->peer = s->peer;
		body->session = arena_copy(&q->arena, BYTES_OF(s->binding));
	}
	if (f) {
		q->action.feed = f->name;
		body->has_log = true;
		body->log = f->name;
	}
	body->from = from;
	body->to = to;
	if (act != ACT_SENDING_OPENED && act != ACT_SESSION_OPENED && act != ACT_BODIES_SENT)
		return;
	terms = arena_alloc(&q->arena, sizeof(*terms) * (s->shared_len + 1));
	if (!terms)
		abort();
	for (size_t i = 0; i < s->shared_len; i++) {
		terms[i].id = s->shared[i]->id;
		terms[i].serial = s->shared[i]->serial;
		memcpy(terms[i].hash, s->shared[i]->hash, sizeof(terms[i].hash));
	}
	body->terms = terms;
	body->terms_len = s->shared_len;
}

void raise_alarm(struct gossip *g, const char *rule, const char *text, const struct node_id *peer,
	const struct log_name *feed)
{
	struct queued_action *q = action_new(g, GOSSIP_ALARM);

	q->action.rule = rule;
	q->action.text = arena_strdup(&q->arena, text);
	if (peer)
		q->action.peer = *peer;
	if (feed)
		q->action.feed = *feed;
}

/* --- life ------------------------------------------------------------------------------------- */

int gossip_new(struct gossip **out, const struct gossip_config *config)
{
	struct gossip *g = calloc(1, sizeof(*g));

	if (!g)
		return ENT_ENOMEM;
	g->config = *config;
	if (!g->config.ingest_max)
		g->config.ingest_max = GOSSIP_INGEST_MAX;
	env_random(&config->rng, g->hash_key, sizeof(g->hash_key));
	map_init(&g->origins, NODE_ID_BYTES, GOSSIP_ORIGINS_MAX, g->hash_key);
	map_init(&g->feeds, LOG_NAME_BYTES, GOSSIP_FEEDS_MAX, g->hash_key);
	map_init(&g->settled, LOG_NAME_BYTES, GOSSIP_FEEDS_MAX, g->hash_key);
	map_init(&g->watched, NODE_ID_BYTES, GOSSIP_ORIGINS_MAX, g->hash_key);
	map_init(&g->cosigners, NODE_ID_BYTES, GOSSIP_ORIGINS_MAX, g->hash_key);
	map_init(&g->totals, NODE_ID_BYTES, GOSSIP_ORIGINS_MAX, g->hash_key);
	splits_tick(g);
	*out = g;
	return 0;
}

static void origin_free(struct origin *o)
{
	free(o->logs);
	free((void *)(uintptr_t)o->chain.data);
	free((void *)(uintptr_t)o->rival.data);
	free(o);
}

static void feed_free(struct feed *f)
{
	bodies_free(f);
	free(f->receipts);
	free(f->split);
	free(f);
}

static void values_free(struct map *m)
{
	void *value;
	size_t at = 0;

	while (map_next(m, &at, NULL, &value))
		free(value);
	map_free(m);
}

void gossip_free(struct gossip *g)
{
	struct gossip_action action;
	void *value;
	size_t at;

	if (!g)
		return;
	while (g->sessions)
		session_free(g, g->sessions);
	while (gossip_action_next(g, &action))
		ingest_job_free(action.job);
	for (at = 0; map_next(&g->feeds, &at, NULL, &value);)
		feed_free(value);
	for (at = 0; map_next(&g->origins, &at, NULL, &value);)
		origin_free(value);
	for (at = 0; map_next(&g->totals, &at, NULL, &value);)
		free(value);
	values_free(&g->settled);
	values_free(&g->watched);
	values_free(&g->cosigners);
	orphans_free(g);
	recover_free(g);
	free(g->recovery.terms);
	free(g->recovery.late);
	map_free(&g->feeds);
	map_free(&g->origins);
	map_free(&g->totals);
	revoked_free(g);
	arena_free(&g->scratch);
	free((void *)(uintptr_t)g->pause.peers);
	free(g);
}

/* --- origins ---------------------------------------------------------------------------------- */

struct origin *origin_find(const struct gossip *g, const struct node_id *node)
{
	return map_get(&g->origins, node->bytes);
}

const uint8_t *origin_key(const struct origin *o, uint64_t incarnation)
{
	for (size_t i = 0; i < o->logs_len; i++)
		if (o->logs[i].incarnation == incarnation)
			return o->logs[i].key;
	return NULL;
}

const uint8_t *gossip_log_key(const struct gossip *g, const struct node_id *node,
	uint64_t incarnation)
{
	const struct origin *o = origin_find(g, node);

	return o ? origin_key(o, incarnation) : NULL;
}

const char *gossip_name(const struct gossip *g, const struct node_id *node)
{
	const struct origin *o = origin_find(g, node);

	return o ? o->name : "";
}

bool gossip_incarnation(const struct gossip *g, const struct node_id *node, uint64_t *incarnation)
{
	const struct origin *o = origin_find(g, node);

	if (o)
		*incarnation = o->logs[o->logs_len - 1].incarnation;
	return o != NULL;
}

/* Keeps of a chain what every message needs, and the chain's text to pass on. */
static int origin_take(struct gossip *g, struct origin *o, const struct card_chain *chain)
{
	const struct card *last = card_chain_last(chain);
	struct buf text = buf_with_max(CARD_CHAIN_MAX * (CARD_BYTES_MAX + 8));
	struct origin_log *logs = calloc(last->logs_len, sizeof(*logs));

	card_chain_write(&text, chain);
	if (!logs || buf_failed(&text)) {
		free(logs);
		buf_free(&text);
		return ENT_ENOMEM;
	}
	for (size_t i = 0; i < last->logs_len; i++) {
		logs[i].incarnation = last->logs[i].incarnation;
		memcpy(logs[i].key, last->logs[i].key.public_key, sizeof(logs[i].key));
	}
	free(o->logs);
	free((void *)(uintptr_t)o->chain.data);
	o->logs = logs;
	o->logs_len = last->logs_len;
	o->serial = last->serial;
	o->chain_stamp = ++g->stamp;
	memcpy(o->receipt_key, last->receipt.public_key, sizeof(o->receipt_key));
	memcpy(o->witness_key, last->witness.public_key, sizeof(o->witness_key));
	memcpy(o->name, last->name, sizeof(o->name) - 1);
	o->rotated = memcmp(chain->cards[0].root.public_key, last->root.public_key, 32) != 0;
	o->chain = buf_view(&text);
	return 0;
}

static struct origin *origin_add(struct gossip *g, const struct card_chain *chain)
{
	struct origin *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->node = card_chain_last(chain)->node;
	if (origin_take(g, o, chain) != 0 || map_put(&g->origins, o->node.bytes, o) != 0) {
		origin_free(o);
		return NULL;
	}
	return o;
}

/*
 * Also keeps what a contradiction was about. A card of the next root that stands behind a card
 * which all the contradicting chains share beats them all: then the origin is whole again, though
 * not the feeds that were frozen.
 */
static enum card_relation origin_compare(struct gossip *g, struct origin *o,
	const struct card_chain *seen)
{
	struct card_chain known;
	enum card_relation relation;
	size_t shared;

	/* It parsed once, so it parses again; were it not so, the newcomer is not to win by it. */
	if (card_chain_read(o->chain, "store", &g->scratch, &known, NULL) != 0)
		return CARD_CONTRADICTS;
	relation = card_chain_compare(&known, seen);
	shared = card_chain_shared(&known, seen);
	if (relation == CARD_CONTRADICTS && (!o->frozen || shared < o->parted))
		o->parted = shared;
	o->beaten |= (relation == CARD_NEWER && shared < known.cards_len) ||
		     (relation == CARD_OLDER && shared < seen->cards_len);
	if (relation == CARD_NEWER && shared < known.cards_len && shared <= o->parted) {
		o->frozen = false;
		free((void *)(uintptr_t)o->rival.data);
		o->rival = (struct bytes){0};
	}
	return relation;
}

/*
 * A chain that takes the next root into use may beat one that a stolen root has signed: what was
 * published under keys of that one is nobody's, and stays as it stands; but where its name is that
 * of a feed of the owner it makes room.
 */
static void feeds_disown(struct gossip *g, const struct origin *o)
{
	for (struct feed *f = o->feeds; f; f = f->next_of_origin) {
		const uint8_t *key = origin_key(o, f->name.incarnation);

		if (key && memcmp(key, f->log_key, sizeof(f->log_key)) != 0 &&
			!node_id_eq(&o->node, &g->config.self))
			feed_aside(g, f);
		if (key)
			continue;
		feed_freeze(g, NULL, f);
		/* What has been said of it can be verified by nothing any more. */
		for (struct link *l = f->links; l; l = l->next_of_feed)
			doubt_free(g, l);
	}
}

static const char *teller_name(const struct gossip *g, const struct node_id *teller)
{
	static const struct node_id files;

	if (node_id_eq(teller, &files))
		return "the files here";
	return origin_find(g, teller) ? gossip_name(g, teller) : "a peer";
}

/* Whoever reads of it wants to know whom to ask. */
static void contradiction_tell(struct gossip *g, const struct origin *o,
	const struct node_id *other)
{
	char text[256];

	snprintf(text, sizeof(text),
		"two card chains of this node contradict each other, one from %s, the other from "
		"%s; its feeds are frozen",
		teller_name(g, &o->told_by), teller_name(g, other));
	MARK("card-contradiction");
	raise_alarm(g, "card-contradiction", text, &o->node, NULL);
}

/* More is known of origins: what was passed over may be of interest now. */
static void ask_for_missed(struct gossip *g)
{
	for (struct session *s = g->sessions; s; s = s->next)
		s->ask_heads |= s->missed;
}

/* It was frozen, and is whole again: what was said of its feeds in the meantime was looked at by
 * nobody. Of what was given of them nobody tells again. */
static void origin_thaws(struct gossip *g, const struct origin *o)
{
	MARK("origin-whole-again");
	for (struct feed *f = o->feeds; f; f = f->next_of_origin) {
		for (const struct link *l = f->links; l; l = l->next_of_feed)
			l->session->ask_heads |= l->announced;
		feed_choose(g, f);
	}
}

/* Its introducer's quotas are for it, or not. */
static void introduced_set(struct gossip *g, struct origin *o, bool introduced)
{
	if (introduced == o->introduced)
		return;
	o->introduced = introduced;
	if (introduced) {
		peer_totals(g, &o->introduced_by)->introduced++;
		return;
	}
	peer_totals(g, &o->introduced_by)->introduced--;
	g->origins_over_quota -= o->quota.spent;
	o->quota.spent = false;
}

/* Whom a roster in force lists is nobody's introduction, as long as that is so. */
static void origin_vouch(struct gossip *g, struct origin *o, const struct card_chain *chain)
{
	static const struct node_id nobody;

	introduced_set(g, o,
		!node_id_eq(&o->introduced_by, &nobody) && !roster_of(g, &o->node, chain));
}

int origin_learn(struct gossip *g, const struct card_chain *chain,
	const struct node_id *introduced_by, const struct node_id *told_by, bool *news)
{
	static const struct node_id files;
	const struct node_id *node = &card_chain_last(chain)->node;
	struct origin *o = origin_find(g, node);
	bool was_frozen = o && o->frozen;
	int rc;

	*news = false;
	if (!told_by)
		told_by = &files;
	if (!o) {
		o = origin_add(g, chain);
		if (!o)
			return ENT_ELIMIT;
		o->told_by = *told_by;
		if (introduced_by)
			o->introduced_by = *introduced_by;
		origin_vouch(g, o, chain);
		*news = true;
		ask_for_missed(g);
		orphans_adopt(g, o);
		return 0;
	}
	/* An agreement's word outranks an introduction. */
	if (!introduced_by) {
		if (o->introduced)
			ask_for_missed(g); /* its introducer may introduce another */
		introduced_set(g, o, false);
		o->introduced_by = (struct node_id){0};
	}
	switch (origin_compare(g, o, chain)) {
	case CARD_SAME:
	case CARD_OLDER:
		return 0;
	case CARD_NEWER:
		*news = true;
		rc = origin_take(g, o, chain);
		if (rc != 0)
			return rc;
		/* It may name an incarnation of which heads have come, or a root of which a
		 * revocation has. */
		ask_for_missed(g);
		o->told_by = *told_by;
		origin_vouch(g, o, chain);
		feeds_disown(g, o);
		if (was_frozen && !o->frozen)
			origin_thaws(g, o);
		orphans_adopt(g, o);
		return 0;
	case CARD_CONTRADICTS:
		break;
	}
	if (!o->frozen) {
		o->frozen = true;
		contradiction_tell(g, o, told_by);
	}
	return ENT_EPROOF;
}

void gossip_rosters(struct gossip *g, struct gossip_time now, const struct roster *const *rosters,
	size_t rosters_len)
{
	static const struct node_id nobody;
	void *value;
	size_t at = 0;

	g->now = now;
	g->rosters = rosters;
	g->rosters_len = rosters_len;
	while (map_next(&g->origins, &at, NULL, &value)) {
		struct origin *o = value;
		struct card_chain chain;

		/* Those that no roster names are not worth their signatures. */
		if (node_id_eq(&o->introduced_by, &nobody) ||
			(o->introduced && !roster_of(g, &o->node, NULL)))
			continue;
		if (card_chain_read(o->chain, "store", &g->scratch, &chain, NULL) == 0)
			origin_vouch(g, o, &chain);
		arena_reset(&g->scratch);
	}
	ask_for_missed(g);
}

void gossip_rival(struct gossip *g, const struct card_chain *rival)
{
	static const struct node_id files;
	struct origin *o = origin_find(g, &card_chain_last(rival)->node);
	struct buf text = buf_with_max(CARD_CHAIN_MAX * (CARD_BYTES_MAX + 8));

	card_chain_write(&text, rival);
	if (!o || o->rival.data || buf_failed(&text) ||
		origin_compare(g, o, rival) != CARD_CONTRADICTS) {
		buf_free(&text);
		return;
	}
	o->frozen = true;
	o->rival = buf_view(&text);
	MARK("contradiction-remembered");
	contradiction_tell(g, o, &files);
	arena_reset(&g->scratch);
}

int gossip_origin(struct gossip *g, const struct card_chain *chain,
	const struct node_id *introduced_by)
{
	bool news, fresh = !origin_find(g, &card_chain_last(chain)->node);
	int rc = origin_learn(g, chain, introduced_by, NULL, &news);

	if (rc == 0 && news && node_id_eq(&card_chain_last(chain)->node, &g->config.self))
		recover_incarnation(g, origin_find(g, &g->config.self));
	if (rc == 0 && news) {
		/* Of one that is new here nobody has a former one. */
		if (!fresh)
			chain_tell_news(g, origin_find(g, &card_chain_last(chain)->node));
		witness_consider(g, &card_chain_last(chain)->node);
	}
	arena_reset(&g->scratch);
	return rc;
}

/* --- feeds ------------------------------------------------------------------------------------ */

struct feed *feed_find(const struct gossip *g, const struct log_name *name)
{
	uint8_t key[LOG_NAME_BYTES];

	log_name_pack(key, name);
	return map_get(&g->feeds, key);
}

/* What a thief's card named, and the card in force does not, is still its feed. */
struct origin *origin_of(const struct gossip *g, const struct log_name *log)
{
	struct origin *o = origin_find(g, &log->node);

	return o && (origin_key(o, log->incarnation) || feed_find(g, log)) ? o : NULL;
}

/* NULL at the limit, or when the origin's card names no such incarnation. */
struct feed *feed_need(struct gossip *g, const struct log_name *name, struct origin *origin)
{
	struct feed *f = feed_find(g, name);

	if (f || !origin_key(origin, name->incarnation))
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->name = *name;
	f->origin = origin;
	f->own = node_id_eq(&name->node, &g->config.self) &&
		 name->incarnation == g->recovery.incarnation;
	log_name_pack(f->key, name);
	memcpy(f->log_key, origin_key(origin, name->incarnation), sizeof(f->log_key));
	if (map_put(&g->feeds, f->key, f) != 0) {
		free(f);
		return NULL;
	}
	f->next_of_origin = origin->feeds;
	origin->feeds = f;
	feed_settle(g, f);
	return f;
}

void feed_load(const struct gossip *g, struct feed *f, uint64_t size, uint64_t floor,
	const struct checkpoint *held, const struct checkpoint *seen, bool frozen)
{
	const bool told = !node_id_eq(&f->name.node, &g->config.self);

	f->held = f->expected = size;
	f->floor = floor;
	f->complete = *held;
	f->seen = *seen;
	/* What is stored of others beyond what is whole was verified under the newest checkpoint
	 * that is, or under one before that, which a fork may have parted from it. Of ours, of a
	 * former incarnation too, one may be that only was shown. */
	f->ground_guessed = told && held->size < size && seen->size >= size;
	f->ground = f->ground_guessed ? *seen : *held;
	f->frozen = frozen;
}

int gossip_feed(struct gossip *g, const struct log_name *name, uint64_t size, uint64_t floor,
	const struct checkpoint *held, const struct checkpoint *seen, bool frozen)
{
	struct origin *o = origin_of(g, name);
	struct feed *f;

	if (!o)
		return orphan_keep(g, name, size, floor, held, seen, frozen);
	f = feed_need(g, name, o);
	if (!f)
		return ENT_ELIMIT;
	feed_load(g, f, size, floor, held, seen, frozen);
	bodies_suspect(g, f);
	feed_aside_stored(g, f);
	return 0;
}

int gossip_split(struct gossip *g, struct bytes proof)
{
	struct wire_message m;
	struct split split;
	struct origin *o;
	struct feed *f;
	int rc = wire_decode(WIRE_SPLIT, proof, &g->scratch, &m);

	if (rc != 0)
		return rc;
	split_from_wire(&split, &m.split);
	arena_reset(&g->scratch);
	o = origin_find(g, &split.first.log.node);
	f = o ? feed_need(g, &split.first.log, o) : NULL;
	return f ? split_load(g, f, &split) : orphan_split(g, &split);
}

void gossip_sealed(struct gossip *g, struct gossip_time now, const struct checkpoint *c,
	bool urgent)
{
	struct origin *o = origin_find(g, &c->log.node);
	struct feed *f = o ? feed_need(g, &c->log, o) : NULL;

	g->now = now;
	if (!f || c->size <= f->complete.size)
		return;
	f->held = f->expected = c->size;
	f->complete = f->ground = *c;
	f->ground_guessed = false;
	if (c->size > f->seen.size)
		f->seen = *c;
	if (f->own) {
		/* What it took itself for has been said: from here on it is known who has what. */
		g->recovery.has_signed = true;
		recover_free(g);
		recover_grown(g, f);
	}
	split_grown(g, f);
	if (urgent)
		f->urgent_until = c->size;
	feed_grown(g, f);
}

void gossip_provenance(struct gossip *g, const struct checkpoint *c)
{
	g->provenance = *c;
}

/* --- looking in ------------------------------------------------------------------------------- */

struct peer_totals *peer_totals(struct gossip *g, const struct node_id *peer)
{
	struct peer_totals *t = map_get(&g->totals, peer->bytes);

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t || map_put(&g->totals, peer->bytes, t) != 0)
		abort(); /* peers are bounded far below by the agreements */
	return t;
}

void gossip_peer_view(struct gossip *g, const struct node_id *peer, struct gossip_peer_view *v)
{
	const struct peer_totals *t = peer_totals(g, peer);

	*v = (struct gossip_peer_view){
		.received_entries = t->received_entries,
		.sent_entries = t->sent_entries,
		.data_bytes = t->data_bytes,
		.redundant_bytes = t->redundant_bytes,
		.over_quota = t->quota.spent,
	};
	for (const struct session *s = g->sessions; s; s = s->next) {
		if (!node_id_eq(&s->peer, peer) || s->closing)
			continue;
		v->connected = true;
		v->agreements = s->shared;
		v->agreements_len = s->shared_len;
		for (const struct link *l = s->first_link; l; l = l->next_of_session) {
			uint64_t there = l->sink == SINK_OPEN && l->next > l->peer_held
						 ? l->next
						 : l->peer_held;

			if (l->told && l->feed->complete.size > there)
				v->lag_entries += l->feed->complete.size - there;
		}
	}
}

bool gossip_feed_view(struct gossip *g, const struct log_name *name, struct gossip_feed_view *v)
{
	const struct feed *f = feed_find(g, name);

	if (!f)
		return false;
	*v = (struct gossip_feed_view){
		.name = f->name,
		.held = f->held,
		.seen = f->seen.size,
		.frozen = f->frozen,
		.has_upstream = f->upstream != NULL,
	};
	if (f->upstream)
		v->upstream = f->upstream->session->peer;
	return true;
}

bool gossip_contradicted(const struct gossip *g, const struct node_id *node)
{
	const struct origin *o = origin_find(g, node);

	return o && o->frozen;
}

void gossip_counts(const struct gossip *g, struct gossip_counts *c)
{
	*c = (struct gossip_counts){
		.feeds = g->feeds.count,
		.origins = g->origins.count,
		.origins_ignored = g->origins_ignored,
		.heads_ignored = g->heads_ignored,
		.ingest_bytes = g->ingest_bytes,
		.origins_over_quota = g->origins_over_quota,
	};
	c->heads_heard = g->heads_heard;
	for (const struct session *s = g->sessions; s; s = s->next) {
		c->sessions++;
		c->sessions_greeted += s->greeted && !s->closing;
	}
}
