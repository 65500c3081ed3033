/* SPDX-License-Identifier: EUPL-1.2 */
/* Sessions: opening, what each side may see, telling neighbours what stands here. */
#include "base/mark.h"
#include "gossip/impl.h"

#include <stdlib.h>

struct session *session_find(const struct gossip *g, uint32_t id)
{
	for (struct session *s = g->sessions; s; s = s->next)
		if (s->id == id)
			return s;
	return NULL;
}

/* --- entitlement: decide() under the agreements in force on both sides ------------------------ */

static bool decided(const struct gossip *g, const struct node_id *peer,
	const struct agreement *const *agreements, size_t len, const struct log_name *feed,
	enum door door)
{
	struct policy_query q = {
		.door = door,
		.feed = feed,
		.self = &g->config.self,
		.peer = peer,
		.agreements = agreements,
		.agreements_len = len,
		.now_s = g->now.wall_ms / 1000,
	};
	struct policy_verdict v;

	decide(&q, &v);
	return v.allow;
}

static bool allowed(const struct gossip *g, const struct session *s, const struct log_name *feed,
	enum door door)
{
	return s->greeted && !s->closing &&
	       decided(g, &s->peer, s->shared, s->shared_len, feed, door);
}

static bool may(const struct gossip *g, const struct session *s, const struct log_name *feed,
	enum door door)
{
	return !paused(g, s, feed, door) && allowed(g, s, feed, door);
}

bool may_have(const struct gossip *g, const struct session *s, const struct log_name *feed)
{
	return allowed(g, s, feed, DOOR_FORWARD);
}

bool may_send(const struct gossip *g, const struct session *s, const struct log_name *feed)
{
	return may(g, s, feed, DOOR_FORWARD);
}

bool may_take(const struct gossip *g, const struct session *s, const struct log_name *feed)
{
	return may(g, s, feed, DOOR_RECEIVE);
}

/* The agreements of this node in force now that name the peer too. */
static size_t own_terms(const struct gossip *g, const struct node_id *peer,
	const struct agreement *out[WIRE_AGREEMENTS_MAX])
{
	int64_t now_s = g->now.wall_ms / 1000;
	size_t len = 0;

	for (size_t i = 0; i < g->agreements_len && len < WIRE_AGREEMENTS_MAX; i++) {
		const struct agreement *a = g->agreements[i];

		if (agreement_in_time(a, now_s) && !revoked(g, a->id) &&
			agreement_party_of(a, peer) && agreement_party_of(a, &g->config.self))
			out[len++] = a;
	}
	return len;
}

bool entitled(const struct gossip *g, const struct node_id *peer, const struct log_name *feed)
{
	const struct agreement *own[WIRE_AGREEMENTS_MAX];
	size_t len = own_terms(g, peer, own);

	return decided(g, peer, own, len, feed, DOOR_FORWARD);
}

static size_t own_terms_wire(const struct gossip *g, const struct node_id *peer,
	struct wire_agreement out[WIRE_AGREEMENTS_MAX])
{
	const struct agreement *own[WIRE_AGREEMENTS_MAX];
	size_t len = own_terms(g, peer, own);

	for (size_t i = 0; i < len; i++) {
		out[i].id = own[i]->id;
		out[i].serial = own[i]->serial;
		memcpy(out[i].hash, own[i]->hash, sizeof(out[i].hash));
	}
	return len;
}

static uint64_t terms_fingerprint(const struct wire_agreement *list, size_t len)
{
	uint64_t f = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		f = (f ^ be64_get(list[i].hash) ^ list[i].id) * 0x100000001b3u;
	return f ^ len;
}

/* What has not come for so long has been answered together with something else. */
static unsigned cards_open(const struct gossip *g, struct session *s)
{
	if (g->now.mono_ms - s->terms_ms >= ANSWERED_MS)
		s->cards_open = 0;
	return s->cards_open;
}

static void shared_changed(struct gossip *g, struct session *s)
{
	s->shared_stamp = ++g->stamp;
	s->unapplied = s->greeted;
	s->heard = false; /* the heads come again, behind some that are on their way */
	/* TERMS follow. */
	if (s->greeted)
		s->cards_due = cards_open(g, s) + 1;
}

/* Works out anew what both sides have in force; true when it has changed. */
static bool shared_update(struct gossip *g, struct session *s)
{
	const struct agreement *own[WIRE_AGREEMENTS_MAX], *shared[WIRE_AGREEMENTS_MAX];
	size_t own_len = own_terms(g, &s->peer, own), len = 0;
	bool changed;

	for (size_t i = 0; i < own_len; i++)
		for (size_t k = 0; k < s->theirs_len; k++)
			if (s->theirs[k].id == own[i]->id) {
				shared[len++] = own[i];
				break;
			}
	/* Hashes, not pointers: the agreements may have been read anew without having changed. */
	changed = len != s->shared_len;
	for (size_t i = 0; i < len && !changed; i++)
		changed = memcmp(shared[i]->hash, s->shared[i]->hash, sizeof(shared[i]->hash)) != 0;
	memcpy(s->shared, shared, len * sizeof(shared[0]));
	s->shared_len = len;
	if (changed)
		shared_changed(g, s);
	return changed;
}

static void shared_drop(struct gossip *g, struct session *s, uint64_t id)
{
	size_t len = 0;

	for (size_t i = 0; i < s->shared_len; i++)
		if (s->shared[i]->id != id)
			s->shared[len++] = s->shared[i];
	if (len == s->shared_len)
		return;
	s->shared_len = len;
	shared_changed(g, s);
}

bool session_may_tell_all(const struct gossip *g, const struct session *s)
{
	const struct agreement *own[WIRE_AGREEMENTS_MAX];
	size_t own_len = own_terms(g, &s->peer, own);

	for (size_t i = 0, k; i < own_len; i++) {
		for (k = 0; k < s->shared_len && s->shared[k]->id != own[i]->id;)
			k++;
		if (k == s->shared_len)
			return false;
	}
	return own_len > 0;
}

/* --- links ------------------------------------------------------------------------------------ */

struct link *link_find(const struct session *s, const struct feed *f)
{
	return map_get(&s->links, f->key);
}

struct link *link_need(struct gossip *g, struct session *s, struct feed *f)
{
	struct link *l = link_find(s, f);

	(void)g;
	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	if (map_put(&s->links, f->key, l) != 0) {
		free(l);
		return NULL;
	}
	l->session = s;
	l->feed = f;
	l->receipt_due = true; /* what is held already: the peer may have lost the last one */
	sinks_by(s, 0);
	l->next_of_feed = f->links;
	f->links = l;
	l->next_of_session = s->first_link;
	if (s->first_link)
		s->first_link->prev_of_session = l;
	s->first_link = l;
	return l;
}

static void link_free(struct gossip *g, struct session *s, struct link *l)
{
	struct link **at = &l->feed->links;

	sink_unready(l);
	doubt_free(g, l);
	while (*at != l)
		at = &(*at)->next_of_feed;
	*at = l->next_of_feed;
	if (l->prev_of_session)
		l->prev_of_session->next_of_session = l->next_of_session;
	else
		s->first_link = l->next_of_session;
	if (l->next_of_session)
		l->next_of_session->prev_of_session = l->prev_of_session;
	free(l);
}

/* --- announcing ------------------------------------------------------------------------------- */

static void chain_say(struct gossip *g, struct session *s, struct bytes written)
{
	struct wire_message m = {.type = WIRE_CARDS};
	struct card_chain chain;

	if (card_chain_read(written, "store", &g->scratch, &chain, NULL) != 0)
		return;
	m.cards.cards = chain.notes;
	m.cards.cards_len = chain.cards_len;
	send_message(g, s, &m);
}

/* The chain of a feed's origin goes ahead of the feed's first head, once a session; behind it the
 * one that contradicts it, so that nobody takes for settled what is not. The origin itself is told
 * of what it does not know. */
void chain_tell(struct gossip *g, struct session *s, const struct origin *o)
{
	uintptr_t told = (uintptr_t)map_get(&s->chains_told, o->node.bytes);
	bool knows = node_id_eq(&o->node, &s->peer) && !s->old_card && !o->rival.data;

	if (told == (uintptr_t)o->chain_stamp || knows)
		return;
	if (map_put(&s->chains_told, o->node.bytes, (void *)(uintptr_t)o->chain_stamp) != 0)
		return;
	chain_say(g, s, o->chain);
	if (o->rival.data)
		chain_say(g, s, o->rival);
}

bool card_concerns(const struct gossip *g, const struct session *s, const struct origin *o)
{
	struct log_name feed = {.node = o->node};

	for (size_t i = 0; i < s->shared_len + 2; i++) {
		feed.audience = i == 0   ? audience_of(AUDIENCE_CLEAR)
				: i == 1 ? audience_of(AUDIENCE_GREEN)
					 : audience_agreement(s->shared[i - 2]->id);
		if (may_send(g, s, &feed) || may_take(g, s, &feed))
			return true;
	}
	return false;
}

/* Has one of the two told the other of a feed of the origin? Then it has a card of it. */
static bool has_named(const struct session *s, const struct origin *o)
{
	for (const struct feed *f = o->feeds; f; f = f->next_of_origin) {
		const struct link *l = link_find(s, f);

		if (l && (l->announced || l->told))
			return true;
	}
	return false;
}

void chain_contradicted(struct gossip *g, struct session *s, struct origin *o,
	const struct card_chain *rival)
{
	struct buf text = buf_with_max(CARD_CHAIN_MAX * (CARD_BYTES_MAX + 8));
	struct queued_action *q;

	card_chain_write(&text, rival);
	if (o->rival.data || buf_failed(&text)) {
		buf_free(&text);
		return;
	}
	MARK("contradiction-told");
	o->rival = buf_view(&text);
	q = action_new(g, GOSSIP_RIVAL);
	q->action.node = o->node;
	q->action.chain = arena_copy(&q->arena, o->rival);
	for (struct session *to = g->sessions; to; to = to->next) {
		/* Terms may have narrowed since the one was told, or it is paused, or s read them
		 * otherwise. When it concerns them again both are told. */
		if (!card_concerns(g, to, o)) {
			map_remove(&to->chains_told, o->node.bytes);
			continue;
		}
		if (!map_get(&to->chains_told, o->node.bytes)) {
			if (to == s || has_named(to, o) || node_id_eq(&to->peer, &o->node))
				chain_tell(g, to, o);
		} else if (to != s) {
			chain_say(g, to, o->rival);
		}
	}
}

/* A newer chain goes to everybody who has the former one, before its keys are used. */
void chain_tell_news(struct gossip *g, const struct origin *o)
{
	bool own = node_id_eq(&o->node, &g->config.self);

	for (struct session *s = g->sessions; s; s = s->next)
		if (s->greeted && !s->closing &&
			(own || ((map_get(&s->chains_told, o->node.bytes) || has_named(s, o)) &&
					card_concerns(g, s, o))))
			chain_tell(g, s, o);
}

static void head_fill(const struct feed *f, struct wire_head *head)
{
	*head = (struct wire_head){.feed = f->name, .held = f->complete.size};
	/* Where the run that joins at the floor has not come to its end, nothing is held yet. */
	if (f->floor <= f->complete.size)
		head->floor = f->floor;
	if (f->seen.size)
		checkpoint_to_wire(&head->newest, &f->seen);
}

static bool worth_telling(const struct gossip *g, const struct session *s, const struct feed *f)
{
	/* The origin hears of every checkpoint of its own that was ever seen here, held or not: an
	 * old copy of it would sign another in its place. */
	bool news =
		f->complete.size > 0 || (f->seen.size > 0 && node_id_eq(&f->name.node, &s->peer));

	/* A frozen feed is served as far as it stands, so newcomers see the same as everybody; one
	 * that no card in force names is nobody's. */
	return news && origin_key(f->origin, f->name.incarnation) && may_send(g, s, &f->name);
}

static void link_told(struct gossip *g, struct link *l)
{
	l->told = true;
	l->head_stamp = ++g->stamp;
	l->told_size = l->feed->complete.size;
	l->told_ms = g->now.mono_ms;
	l->held_due = false;
}

/* A head that names a checkpoint beyond what is held says nothing of the root of what is held, in
 * which a fork may lie: the reduced head behind it does. */
static void heads_send(struct gossip *g, struct session *s, const struct wire_message *m)
{
	send_message(g, s, m);
	for (size_t i = 0; i < m->heads.heads_len; i++) {
		const struct wire_head *h = &m->heads.heads[i];
		struct wire_message held = {.type = WIRE_HELD, .held = {h->feed, h->held, {0}}};

		/* The origin would ask for heads again: it is to see signatures. */
		if (h->held == 0 || h->held == h->newest.size ||
			node_id_eq(&h->feed.node, &s->peer))
			continue;
		memcpy(held.held.root, feed_find(g, &h->feed)->complete.root.bytes,
			sizeof(held.held.root));
		send_message(g, s, &held);
	}
}

void session_announce(struct gossip *g, struct session *s, struct feed *f)
{
	struct wire_message m = {.type = WIRE_HEADS};
	struct wire_head head;
	struct link *l;

	if (!worth_telling(g, s, f) || !(l = link_need(g, s, f)))
		return;
	/* By itself it would say that these were all. */
	if (s->telling) {
		l->told = false;
		return;
	}
	chain_tell(g, s, f->origin);
	head_fill(f, &head);
	m.heads.heads = &head;
	m.heads.heads_len = 1;
	heads_send(g, s, &m);
	link_told(g, l);
}

struct heads_batch {
	struct wire_head heads[WIRE_HEADS_MAX];
	struct link *links[WIRE_HEADS_MAX];
	size_t len;
};

static void batch_send(struct gossip *g, struct session *s, struct heads_batch *b)
{
	struct wire_message m = {.type = WIRE_HEADS, .heads = {b->heads, b->len}};

	heads_send(g, s, &m);
	for (size_t i = 0; i < b->len; i++)
		link_told(g, b->links[i]);
	b->len = 0;
}

/* False: too much is on its way. What is in the batch then counts as not told, but for its cards,
 * since a message that is not full says that these were all. */
static bool heads_tell(struct gossip *g, struct session *s, struct heads_batch *b)
{
	void *value;
	size_t at = 0;

	while (map_next(&g->feeds, &at, NULL, &value)) {
		struct feed *f = value;
		struct link *l;

		if (!worth_telling(g, s, f) || !(l = link_need(g, s, f)))
			continue;
		if (s->unflushed >= TELL_AHEAD)
			return false;
		/* Also of a feed to which it has subscribed: when it was told the chain nobody may
		 * have vouched for the origin there. */
		chain_tell(g, s, f->origin);
		if (l->told)
			continue;
		head_fill(f, &b->heads[b->len]);
		b->links[b->len++] = l;
		if (b->len == WIRE_HEADS_MAX)
			batch_send(g, s, b);
	}
	return true;
}

void session_announce_all(struct gossip *g, struct session *s)
{
	struct heads_batch *b = arena_alloc(&g->scratch, sizeof(*b));
	struct origin *self = origin_find(g, &g->config.self);

	if (!b)
		return;
	b->len = 0;
	if (self)
		chain_tell(g, s, self);
	s->telling = true;
	if (!heads_tell(g, s, b)) {
		MARK("heads-wait");
		return;
	}
	s->telling = false;
	/* If need be an empty one. */
	batch_send(g, s, b);
	split_tell_all(g, s);
}

void feed_announce(struct gossip *g, struct feed *f)
{
	for (struct session *s = g->sessions; s; s = s->next) {
		struct link *l = link_find(s, f);

		if (!l || !l->told)
			session_announce(g, s, f);
	}
}

/* --- terms ------------------------------------------------------------------------------------ */

/* Stops what is no longer allowed, reopens what goes on under other terms, tells what is new. */
void session_apply(struct gossip *g, struct session *s)
{
	s->unapplied = false;
	for (struct link *l = s->first_link; l; l = l->next_of_session) {
		bool send = may_send(g, s, &l->feed->name);

		if (!may_take(g, s, &l->feed->name)) {
			l->announced = false;
			/* A question about a run may have met a peer that may not answer it. */
			if (doubt_waits(l))
				doubt_pass_on(g, l);
		}
		if (!l->announced && l->feed->upstream == l) {
			feed_leave(g, l->feed, true);
			feed_choose(g, l->feed);
		} else if (l->announced && l->peer_held > l->feed->expected) {
			/* It came when the former terms were over and these were not there yet. */
			feed_choose(g, l->feed);
		}
		if (!send)
			l->told = false;
		if (l->sink == SINK_NONE || (send && l->terms_stamp == s->shared_stamp))
			continue;
		MARK("sending-under-other-terms");
		sink_close(g, l);
		if (send)
			sink_open(g, l, l->next);
	}
	session_announce_all(g, s);
	session_push(g, s);
}

static void close_ended(struct gossip *g, struct session *s)
{
	MARK("no-agreement-left");
	close_session(g, s, BYE_ENDED, "no agreement with the peer is in force", 0);
}

void session_review(struct gossip *g, struct session *s)
{
	struct wire_agreement own[WIRE_AGREEMENTS_MAX];
	size_t own_len = own_terms_wire(g, &s->peer, own);
	uint64_t fingerprint = terms_fingerprint(own, own_len);

	shared_update(g, s);
	if (s->closing)
		return;
	revocations_tell(g, s);
	if (own_len == 0) {
		close_ended(g, s);
		return;
	}
	/* Told again, terms ask for the heads again. */
	if (fingerprint != s->told_terms || s->ask_heads) {
		struct wire_message m = {.type = WIRE_TERMS, .terms = {own, own_len}};

		s->told_terms = fingerprint;
		s->terms_sent++;
		s->cards_open = cards_open(g, s) + 1;
		s->terms_ms = g->now.mono_ms;
		s->ask_heads = s->missed = false;
		send_message(g, s, &m);
	}
	if (s->unapplied)
		session_apply(g, s);
	/* What it may not tell may be over here. */
	if (s->heard)
		recover_hear(g, s);
}

/* What is left in one session is looked for in the others: none may stand by what was. */
static void sessions_review(struct gossip *g)
{
	for (struct session *s = g->sessions; s; s = s->next)
		shared_update(g, s);
	for (struct session *s = g->sessions; s; s = s->next)
		session_review(g, s);
}

/* At once. TERMS are told at the next review: of many that end together each costs the peer an
 * answer, and him who is told so all heads. */
void sessions_end(struct gossip *g, uint64_t agreement)
{
	const struct agreement *own[WIRE_AGREEMENTS_MAX];

	for (struct session *s = g->sessions; s; s = s->next)
		shared_drop(g, s, agreement);
	for (struct session *s = g->sessions; s; s = s->next) {
		if (s->closing)
			continue;
		if (own_terms(g, &s->peer, own) == 0)
			close_ended(g, s);
		else if (s->unapplied)
			session_apply(g, s);
	}
}

/* The peer may have passed over some of what it was told: it judged it by other terms, or did not
 * know the origin. What it is told from here on it hears anew, cards ahead of the rest. */
void session_ask(struct gossip *g, struct session *s)
{
	map_free(&s->chains_told);
	map_init(&s->chains_told, NODE_ID_BYTES, GOSSIP_ORIGINS_MAX, g->hash_key);
	s->terms_stamp = ++g->stamp;
	s->tell_heads = true;
}

/* Tells all heads anew to a peer that has asked. Whoever is subscribed has had them, and what was
 * told since it asked might cross its subscription. Receipts too: it took none of a feed that we
 * were not to have. */
static void session_tell_again(struct gossip *g, struct session *s)
{
	s->tell_heads = false;
	sinks_by(s, 0);
	for (struct link *l = s->first_link; l; l = l->next_of_session) {
		l->split_told = false;
		l->receipt_size = 0;
		l->receipt_due = true;
		if (l->sink == SINK_NONE && l->head_stamp < s->terms_stamp)
			l->told = false;
	}
	session_announce_all(g, s);
}

bool session_terms(struct gossip *g, struct session *s, const struct wire_agreement *list,
	size_t len)
{
	bool changed;

	s->theirs_len = len < WIRE_AGREEMENTS_MAX ? len : WIRE_AGREEMENTS_MAX;
	if (s->theirs_len)
		memcpy(s->theirs, list, s->theirs_len * sizeof(list[0]));
	revocations_tell(g, s);
	changed = shared_update(g, s);
	if (s->unapplied)
		session_apply(g, s);
	return changed;
}

void gossip_agreements(struct gossip *g, struct gossip_time now,
	const struct agreement *const *agreements, size_t agreements_len)
{
	g->now = now;
	g->agreements = agreements;
	g->agreements_len = agreements_len;
	sessions_review(g);
	recover_terms(g);
	arena_reset(&g->scratch);
}

/* --- life of a session ------------------------------------------------------------------------ */

/* What a peer may have in flight towards us: a fair part of what may wait for the disk. */
uint64_t credit_window(const struct gossip *g)
{
	uint64_t sessions = 0, part;

	for (const struct session *s = g->sessions; s; s = s->next)
		sessions++;
	part = g->config.ingest_max / (sessions ? sessions : 1);
	if (part > SESSION_CREDIT_BYTES)
		part = SESSION_CREDIT_BYTES;
	return part < SESSION_CREDIT_MIN ? SESSION_CREDIT_MIN : part;
}

void gossip_opened(struct gossip *g, struct gossip_time now, uint32_t id,
	const struct node_id *peer, const uint8_t binding[16])
{
	struct session *s = calloc(1, sizeof(*s));
	struct wire_agreement own[WIRE_AGREEMENTS_MAX];
	struct wire_message m = {.type = WIRE_HELLO};
	const struct origin *self = origin_find(g, &g->config.self);
	const struct checkpoint *told;

	g->now = now;
	if (!s)
		abort();
	s->id = id;
	s->peer = *peer;
	s->opened_ms = s->terms_ms = now.mono_ms;
	s->cards_open = 1;
	memcpy(s->binding, binding, sizeof(s->binding));
	map_init(&s->links, LOG_NAME_BYTES, GOSSIP_FEEDS_MAX, g->hash_key);
	map_init(&s->chains_told, NODE_ID_BYTES, GOSSIP_ORIGINS_MAX, g->hash_key);
	s->next = g->sessions;
	g->sessions = s;
	s->window = s->credit_in = credit_window(g);

	m.hello.version = WIRE_VERSION;
	m.hello.card_serial = self ? self->serial : 0;
	m.hello.agreements = own;
	m.hello.agreements_len = own_terms_wire(g, peer, own);
	m.hello.credit = s->credit_in;
	m.hello.software = bytes_str(g->config.software);
	told = witness_show(g, s);
	if (told->size) {
		m.hello.has_provenance = true;
		m.hello.provenance_log = told->log;
		checkpoint_to_wire(&m.hello.provenance, told);
	}
	s->told_terms = terms_fingerprint(own, m.hello.agreements_len);
	send_message(g, s, &m);
}

void gossip_flushed(struct gossip *g, struct gossip_time now, uint32_t id, size_t bytes)
{
	struct session *s = session_find(g, id);

	g->now = now;
	if (!s)
		return;
	s->unflushed -= bytes < s->unflushed ? bytes : s->unflushed;
	s->data_unflushed -= bytes < s->data_unflushed ? bytes : s->data_unflushed;
	session_push(g, s);
	if (s->closing || s->unflushed >= PUSH_AHEAD)
		goto out;
	if (s->telling)
		session_announce_all(g, s);
	else if (s->splits_wait)
		split_tell_all(g, s);
out:
	arena_reset(&g->scratch);
}

void session_free(struct gossip *g, struct session *s)
{
	struct session **at = &g->sessions;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	bodies_closed(s);
	while (s->first_link)
		link_free(g, s, s->first_link);
	map_free(&s->links);
	map_free(&s->chains_told);
	free(s);
}

void gossip_closed(struct gossip *g, struct gossip_time now, uint32_t id, const char *why)
{
	struct session *s = session_find(g, id);
	struct feed **orphans;
	size_t orphans_len = 0;

	g->now = now;
	if (!s)
		return;
	s->closing = true;
	orphans = arena_alloc(&g->scratch, sizeof(*orphans) * (s->links.count + 1));
	for (struct link *l = s->first_link; l; l = l->next_of_session) {
		if (l->sink != SINK_NONE)
			sink_close(g, l);
		doubt_pass_on(g, l);
		if (l->feed->upstream != l)
			continue;
		feed_leave(g, l->feed, false);
		if (orphans)
			orphans[orphans_len++] = l->feed;
	}
	if (s->greeted) {
		enter_act(g, s, ACT_SESSION_CLOSED, NULL, 0, 0, false);
		g->last->action.act.text = arena_copy(&g->last->arena, bytes_str(why));
	}
	session_free(g, s);
	for (size_t i = 0; i < orphans_len; i++)
		feed_choose(g, orphans[i]);
	arena_reset(&g->scratch);
}

/* --- time ------------------------------------------------------------------------------------- */

void gossip_tick(struct gossip *g, struct gossip_time now)
{
	bool second = now.mono_ms - g->second_ms >= 1000;

	g->now = now;
	feeds_tick(g);
	recover_tick(g);
	splits_tick(g);
	bodies_tick(g);
	/* Agreements begin and end by the clock. */
	if (second)
		sessions_review(g);
	for (struct session *s = g->sessions; s; s = s->next) {
		sinks_tick(g, s);
		if (!s->greeted && now.mono_ms - s->opened_ms > GREET_MS)
			close_session(g, s, BYE_MISBEHAVED, "did not greet in time", 0);
		if (!second)
			continue;
		if (s->tell_heads && s->greeted)
			session_tell_again(g, s);
		witness_tick(g, s);
	}
	if (second) {
		g->second_ms = now.mono_ms;
		quota_tick(g);
	}
	arena_reset(&g->scratch);
}
