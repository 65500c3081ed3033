/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Messages of a peer. Whatever it is not entitled to speak of is passed over in silence, counted;
 * whatever no correct node sends closes the session.
 */
#include "base/mark.h"
#include "gossip/impl.h"

#include <inttypes.h>
#include <stdlib.h>

void misbehaved(struct gossip *g, struct session *s, const char *what)
{
	MARK("peer-misbehaved");
	raise_alarm(g, "peer-misbehaved", what, &s->peer, NULL);
	close_session(g, s, BYE_MISBEHAVED, what, PENALTY_MS);
}

void not_signed(struct gossip *g, struct session *s, const struct origin *o, const char *what)
{
	MARK("not-signed");
	if (!o->frozen && !o->beaten)
		misbehaved(g, s, what);
}

bool asks_too_often(struct gossip *g, struct session *s)
{
	if (g->now.mono_ms - s->asks_ms > GOSSIP_ASKS_TIMES * GOSSIP_ASKS_MS) {
		s->asks_ms = g->now.mono_ms;
		s->asks = 0;
	}
	return ++s->asks > GOSSIP_ASKS_TIMES * (GOSSIP_ASKS_MAX + 2 * s->links.count);
}

bool asks_too_dearly(struct gossip *g, struct session *s, uint32_t cost)
{
	if (asks_too_often(g, s))
		return true;
	if (g->now.mono_ms - s->dear_ms > GOSSIP_ASKS_MS) {
		s->dear_ms = g->now.mono_ms;
		s->dear = 0;
	}
	s->dear += cost;
	return s->dear > GOSSIP_DEAR_MAX;
}

/* --- credit ----------------------------------------------------------------------------------- */

/* Bytes of DATA are stored or dropped: they may be sent again, told in large steps. */
void credit_return(struct gossip *g, struct session *s, size_t bytes)
{
	struct wire_message m = {.type = WIRE_CREDIT};
	uint64_t window = credit_window(g), less;

	s->credit_owed += bytes;
	/* With more sessions each has less, as it comes back; with fewer, more. */
	if (s->window < window) {
		s->credit_owed += window - s->window;
		s->window = window;
	} else {
		less = s->window - window < s->credit_owed ? s->window - window : s->credit_owed;
		s->credit_owed -= less;
		s->window -= less;
	}
	if (s->credit_owed < SESSION_CREDIT_MIN / 4)
		return;
	m.credit.bytes = s->credit_owed;
	s->credit_in += s->credit_owed;
	s->credit_owed = 0;
	send_message(g, s, &m);
}

static void on_credit(struct gossip *g, struct session *s, const struct wire_credit *credit)
{
	/* More than any honest node grants is cut, so the sum cannot overflow. */
	if (credit->bytes > SESSION_CREDIT_BYTES * 2 || s->credit_out > SESSION_CREDIT_BYTES * 2) {
		misbehaved(g, s, "granted more credit than there is");
		return;
	}
	s->credit_out += credit->bytes;
	session_push(g, s);
}

/* --- greeting --------------------------------------------------------------------------------- */

static void on_hello(struct gossip *g, struct session *s, const struct wire_hello *hello)
{
	if (hello->version != WIRE_VERSION) {
		close_session(g, s, BYE_VERSION, "speaks another protocol version", 0);
		return;
	}
	session_terms(g, s, hello->agreements, hello->agreements_len);
	s->greeted = true;
	/* They answer our HELLO first, which named other terms than are in force now. */
	if (s->terms_sent > 0)
		s->cards_due = s->cards_open;
	s->credit_out =
		hello->credit < SESSION_CREDIT_BYTES * 2 ? hello->credit : SESSION_CREDIT_BYTES * 2;
	enter_act(g, s, ACT_SESSION_OPENED, NULL, 0, 0, false);
	g->last->action.act.serial = hello->card_serial;
	g->last->action.act.text = arena_copy(&g->last->arena, hello->software);
	/* What is remembered of its acts goes ahead of the heads: when it has them all it may sign
	 * its log of acts again, and must know by then if it is an old copy. */
	if (hello->has_provenance)
		witness_hear(g, s, &hello->provenance_log, &hello->provenance);
	if (!s->closing)
		session_announce_all(g, s);
}

static void on_terms(struct gossip *g, struct session *s, const struct wire_terms *terms)
{
	if (asks_too_dearly(g, s, GOSSIP_DEAR_TERMS)) {
		misbehaved(g, s, "tells its terms again and again");
		return;
	}
	session_ask(g, s);
	/* So may this side. */
	if (session_terms(g, s, terms->agreements, terms->agreements_len))
		s->ask_heads = true;
}

/* By an agreement that says so, and within its quota. */
static bool may_introduce(struct gossip *g, const struct session *s)
{
	int64_t now_s = g->now.wall_ms / 1000;
	uint64_t quota = 0;

	for (size_t i = 0; i < s->shared_len; i++) {
		uint64_t origins = agreement_party_of(s->shared[i], &s->peer)->quota_origins;

		if (origins > quota &&
			policy_introduces(&s->shared[i], 1, &g->config.self, &s->peer, now_s))
			quota = origins;
	}
	return peer_totals(g, &s->peer)->introduced < quota;
}

/* Whose cards they say they are: the node stands at a fixed place. Nothing is verified. */
static bool chain_names(const struct wire_cards *cards, struct node_id *node)
{
	static const char head[] = "entente/card/v1\nnode: ";
	struct bytes id;

	if (cards->cards_len == 0 || !bytes_starts(cards->cards[0], head))
		return false;
	id = bytes_skip(cards->cards[0], sizeof(head) - 1);
	return id.len >= NODE_ID_TEXT_SIZE - 1 &&
	       node_id_parse(bytes_from(id.data, NODE_ID_TEXT_SIZE - 1), node);
}

/*
 * True if the very chain is known: verifying it again would only burn time, and a chain comes with
 * every session.
 */
static bool chain_known(const struct origin *o, const struct wire_cards *cards)
{
	struct card_chain chain = {
		.notes = (struct bytes *)(uintptr_t)cards->cards, .cards_len = cards->cards_len};
	struct buf text = buf_with_max(CARD_CHAIN_MAX * (CARD_BYTES_MAX + 8));
	bool known;

	card_chain_write(&text, &chain);
	known = !buf_failed(&text) && bytes_eq(buf_view(&text), o->chain);
	buf_free(&text);
	return known;
}

/* A party of an agreement needs no introduction. */
static bool is_party(const struct gossip *g, const struct node_id *node)
{
	return policy_joined(g->agreements, g->agreements_len, &g->config.self, node,
		g->now.wall_ms / 1000);
}

const struct roster *roster_of(const struct gossip *g, const struct node_id *node,
	const struct card_chain *chain)
{
	for (size_t i = 0; i < g->rosters_len; i++) {
		const struct roster *r = g->rosters[i];

		if (roster_in_time(r, g->now.wall_ms / 1000) &&
			(chain ? roster_lists(r, chain) : roster_names(r, node)))
			return r;
	}
	return NULL;
}

/* Chains that cannot change anything, whatever they prove, are not worth their signatures. */
static bool chain_idle(struct gossip *g, struct session *s, const struct wire_cards *cards)
{
	const struct origin *o;
	struct node_id node;

	if (!chain_names(cards, &node))
		return false;
	o = origin_find(g, &node);
	if (o)
		return chain_known(o, cards);
	if (is_party(g, &node) || roster_of(g, &node, NULL) || may_introduce(g, s))
		return false;
	s->missed = true;
	g->origins_ignored++;
	return true;
}

static void on_revocation(struct gossip *g, struct session *s, struct bytes note)
{
	const char *wrong = revocation_heard(g, s, note);

	if (wrong)
		misbehaved(g, s, wrong);
}

/* Several TERMS may have been answered together: then no more comes of them, unless they are asked
 * again. */
static void own_card(struct gossip *g, struct session *s)
{
	s->cards_open -= s->cards_open > 0;
	s->cards_due -= s->cards_due > 0;
	s->ask_heads |= s->cards_due > 0 && g->recovery.state != RECOVERY_GOES_ON;
}

/* What others have of this node, which alone makes its cards, and has not made: as an old copy, by
 * which feeds may be void for all others, or by somebody who has its root. */
static void own_card_shown(struct gossip *g, struct session *s, const struct card_chain *chain)
{
	struct origin *self = origin_find(g, &g->config.self);
	enum card_relation relation;
	struct card_chain known;

	if (s->own_shown || !self ||
		card_chain_read(self->chain, "store", &g->scratch, &known, NULL) != 0)
		return;
	relation = card_chain_compare(&known, chain);
	if (relation != CARD_NEWER && relation != CARD_CONTRADICTS)
		return;
	MARK("own-card-shown");
	s->own_shown = true;
	raise_alarm(g, "own-card",
		relation == CARD_NEWER
			? "peers have a newer card of this node than the one here: this is an "
			  "older copy, or somebody has its root"
			: "peers have a card of this node that contradicts the one here: this is "
			  "an older copy, or somebody has its root",
		&g->config.self, NULL);
	g->last->action.severity = "page";
}

static void on_cards(struct gossip *g, struct session *s, const struct wire_cards *cards)
{
	static const struct node_id nobody;
	struct card_chain chain;
	struct err_text why;
	struct queued_action *q;
	const struct node_id *introducer = NULL;
	const struct roster *roster = NULL;
	struct origin *known;
	struct node_id node;
	bool news;

	if ((s->cards_open > 0 || s->cards_due > 0) && chain_names(cards, &node) &&
		node_id_eq(&node, &s->peer))
		own_card(g, s);
	if (chain_idle(g, s, cards))
		return;
	if (card_chain_parse(cards->cards, cards->cards_len, "peer", &g->scratch, &chain, &why) !=
		0) {
		misbehaved(g, s, why.text);
		return;
	}
	known = origin_find(g, &card_chain_last(&chain)->node);
	if (node_id_eq(&card_chain_last(&chain)->node, &g->config.self)) {
		own_card_shown(g, s, &chain);
		return;
	}
	if (!known) {
		bool party = is_party(g, &card_chain_last(&chain)->node);

		if (!party)
			roster = roster_of(g, NULL, &chain);
		if (!party && !roster && !may_introduce(g, s)) {
			s->missed = true;
			g->origins_ignored++;
			return;
		}
		introducer = party || roster ? NULL : &s->peer;
	} else if (!node_id_eq(&known->introduced_by, &nobody)) {
		introducer = &known->introduced_by;
	}
	if (origin_learn(g, &chain, introducer, &s->peer, &news) != 0) {
		g->origins_ignored++;
		/* Once: it is a look at every feed. */
		if (known && known->frozen && !known->rival.data) {
			origin_freeze(g, s, known);
			chain_contradicted(g, s, known, &chain);
		}
		return;
	}
	if (!news) {
		/* By an older card it cannot take all that comes of the origin. */
		s->old_card |= node_id_eq(&known->node, &s->peer);
		if (card_concerns(g, s, known))
			chain_tell(g, s, known);
		return;
	}
	/* Of one that is new here nobody has a former one. */
	if (known)
		chain_tell_news(g, known);
	known = origin_find(g, &card_chain_last(&chain)->node);
	s->old_card &= !node_id_eq(&known->node, &s->peer);
	witness_consider(g, &known->node);
	q = action_new(g, GOSSIP_PIN);
	q->action.node = known->node;
	q->action.chain = arena_copy(&q->arena, known->chain);
	if (introducer)
		q->action.peer = *introducer;
	enter_act(g, s, introducer || roster ? ACT_INTRODUCED : ACT_CARD, NULL, 0, 0, false);
	if (roster) {
		struct buf by = buf_with_max(64);

		buf_printf(&by, "%016" PRIx64 ", serial %u", roster->id, roster->serial);
		g->last->action.act.rule = bytes_str("roster");
		g->last->action.act.text = arena_copy(&g->last->arena, buf_view(&by));
		buf_free(&by);
	}
	g->last->action.act.serial = known->serial;
	g->last->action.act.hash =
		arena_copy(&g->last->arena, BYTES_OF(card_chain_last(&chain)->hash));
	g->last->action.act.has_log = true;
	g->last->action.act.log = (struct log_name){.node = known->node,
		.incarnation = known->logs[known->logs_len - 1].incarnation,
		.audience = audience_of(AUDIENCE_CLEAR)};
}

/* --- heads ------------------------------------------------------------------------------------ */

static bool differs_from(const struct wire_checkpoint *w, const struct checkpoint *known)
{
	return w->size == known->size && w->size > 0 &&
	       memcmp(w->root, known->root.bytes, HASH_BYTES) != 0;
}

/* A newer checkpoint is remembered once its signature holds; one of ours that we do not hold means
 * that we were restored or that a clone runs. Whatever it says is compared with what is here.
 * False: it is signed by another key than the card here names. */
static bool consider_checkpoint(struct gossip *g, struct session *s, struct link *l,
	const struct wire_checkpoint *w)
{
	struct feed *f = l->feed;
	const uint8_t *key = origin_key(f->origin, f->name.incarnation);
	bool differs = differs_from(w, &f->complete) || differs_from(w, &f->seen);
	/* Of our own any that is not the one in force: it may be of another history. */
	bool newer = f->own ? w->size != f->complete.size : w->size > f->seen.size;
	struct checkpoint c;

	/* Of two cards that contradict each other it may go by the one that was not taken here. */
	if (!w->present || f->frozen || f->split || (f->origin->frozen && !f->own))
		return true;
	checkpoint_from_wire(&c, &f->name, w);
	if ((newer || differs) && checkpoint_verify(&c, key) != 0) {
		not_signed(g, s, f->origin, "announced a checkpoint that its origin did not sign");
		return false;
	}
	if (f->own) {
		recover_shown(g, s, f, &c);
		if (c.size <= f->complete.size)
			split_checkpoint(g, l, &c, true);
		return true;
	}
	split_checkpoint(g, l, &c, newer || differs);
	if (newer)
		f->seen = c;
	return true;
}

/* The link of a feed that the peer tells of; NULL, and counted, where it is not to be listened to.
 * */
static struct link *told_link(struct gossip *g, struct session *s, const struct log_name *feed)
{
	struct origin *o = origin_of(g, feed);
	struct link *l = NULL;
	struct feed *f;

	if (!o)
		s->missed = true;
	else if (may_take(g, s, feed) && (f = feed_need(g, feed, o)))
		l = link_need(g, s, f);
	g->heads_ignored += !l;
	return l;
}

static void on_head(struct gossip *g, struct session *s, const struct wire_head *head)
{
	struct link *l = told_link(g, s, &head->feed);
	struct feed *f;
	bool upstream;

	if (!l)
		return;
	f = l->feed;
	if (head->held > head->newest.size) {
		misbehaved(g, s, "says that it holds more than was ever signed");
		return;
	}
	if (head->floor > head->held || head->floor % FLOOR_STEP) {
		misbehaved(g, s, "has a floor where none can be");
		return;
	}
	l->peer_floor = head->floor;
	if (!consider_checkpoint(g, s, l, &head->newest) || s->closing)
		return;
	/* It only shows what it has seen of ours (worth_telling). */
	if (f->own && head->held == 0)
		return;
	/* It may have learnt of the origin only now, after our heads had passed it by. */
	if (!l->announced && l->sink == SINK_NONE && f->complete.size > head->held)
		session_announce(g, s, f);
	/* Whoever has a subscription gets no heads: it has closed ours, and opens it again on
	 * asking. */
	upstream = f->upstream == l;
	if (upstream) {
		feed_leave(g, f, false);
		l->subscribed_ms = 0; /* it wants to be asked */
	}
	feed_offer(g, l, head->held);
	/* Or the head has crossed our asking: then it must not stay open beside another, where
	 * what comes is dropped and growth is not told of any more. */
	if (upstream && f->upstream != l) {
		struct wire_message m = {.type = WIRE_UNSUBSCRIBE, .unsubscribe = {f->name}};

		MARK("head-crossed-subscription");
		send_message(g, s, &m);
	}
}

static void on_held(struct gossip *g, struct session *s, const struct wire_held *held)
{
	struct link *l = told_link(g, s, &held->feed);
	struct feed *f;

	if (!l)
		return;
	f = l->feed;
	/* More of our own than there is here: let us see the signature. */
	s->ask_heads |= f->own && held->size > f->complete.size;
	split_claim(g, l, held->size, held->root);
	feed_offer(g, l, held->size);
}

/* --- subscriptions ---------------------------------------------------------------------------- */

static void on_subscribe(struct gossip *g, struct session *s, const struct wire_subscribe *sub)
{
	struct feed *f = feed_find(g, &sub->feed);
	struct link *l;

	if (asks_too_often(g, s)) {
		misbehaved(g, s, "subscribes again and again");
		return;
	}
	if (!f || !may_send(g, s, &sub->feed) || !(l = link_need(g, s, f)))
		return;
	/* It has not heard of the floor: it was subscribed when that moved, and asks again for what
	 * it could not store. */
	if (sub->from < f->floor) {
		MARK("subscribed-below-floor");
		if (l->sink != SINK_NONE)
			sink_close(g, l);
		session_announce(g, s, f);
		return;
	}
	/* It has what is here up to there. Of what is beyond it may have no checkpoint to show. */
	if (sub->from > l->peer_held && f->complete.size > l->peer_held)
		l->peer_held = sub->from < f->complete.size ? sub->from : f->complete.size;
	if (l->sink != SINK_NONE)
		sink_close(g, l);
	sink_open(g, l, sub->from);
	/* Two that subscribe at each other hear nothing new: the smaller id looks elsewhere, unless
	 * what it lacks is on its way. */
	if (f->upstream == l && sub->from <= f->expected &&
		node_id_cmp(&g->config.self, &s->peer) < 0 &&
		!node_id_eq(&s->peer, &f->name.node)) {
		for (struct link *other = f->links; other; other = other->next_of_feed) {
			if (other == l || !other->announced ||
				!may_take(g, other->session, &f->name))
				continue;
			MARK("two-feed-each-other");
			l->distrust_until_ms = g->now.mono_ms + DISTRUST_MS;
			feed_leave(g, f, true);
			feed_choose(g, f);
			break;
		}
	}
}

static void on_unsubscribe(struct gossip *g, struct session *s,
	const struct wire_unsubscribe *unsub)
{
	struct feed *f = feed_find(g, &unsub->feed);
	struct link *l = f ? link_find(s, f) : NULL;

	if (!l || l->sink == SINK_NONE)
		return;
	sink_close(g, l);
	l->told_ms = g->now.mono_ms;
	/* What has grown while it was subscribed, and did not go out any more, is told like all. */
	link_held(g, l);
}

/* --- data ------------------------------------------------------------------------------------- */

/* What comes too late, of a subscription that has moved, or finds no room, still tells how far its
 * sender is: it has counted the run as told, and says so no more. It shows what was signed, as a
 * head does: of our own feeds, and of those whose origin may have lost it when we show it again. */
static void late_run(struct gossip *g, struct session *s, const struct wire_data *data)
{
	struct feed *f = feed_find(g, &data->feed);
	struct link *l = f ? link_find(s, f) : NULL;

	if (!l || !l->announced)
		return;
	if (!consider_checkpoint(g, s, l, &data->checkpoint) || s->closing ||
		l->peer_held >= data->checkpoint.size)
		return;
	MARK("late-run-tells");
	feed_offer(g, l, data->checkpoint.size);
}

static void on_data(struct gossip *g, struct session *s, const struct wire_data *data,
	size_t wire_bytes)
{
	struct feed *f = feed_find(g, &data->feed);
	struct queued_action *q;
	struct ingest_job *job;
	const uint8_t *key;
	bool joins;

	if (wire_bytes > s->credit_in) {
		misbehaved(g, s, "sent more than it had credit for");
		return;
	}
	s->credit_in -= wire_bytes;
	joins = f && floor_joins(f, data);
	/* Late runs of a subscription that has moved, and what nobody asked for. */
	if (!f || !feed_takes(f, &data->checkpoint) || f->origin->frozen || !f->upstream ||
		f->upstream->session != s ||
		(!joins &&
			(data->start > f->expected || data->count <= f->expected - data->start)) ||
		!data->checkpoint.present || !may_take(g, s, &data->feed) || g->refusing ||
		quota_spent(g, s, f)) {
		peer_totals(g, &s->peer)->redundant_bytes += wire_bytes;
		credit_return(g, s, wire_bytes);
		if (data->checkpoint.present)
			late_run(g, s, data);
		/* The quota has ended otherwise than by a run: nothing more is to come in vain. */
		if (f && f->upstream && f->upstream->session == s && quota_spent(g, s, f))
			quota_wait(g, s, f);
		if (f && f->upstream && f->upstream->session == s &&
			!feed_takes(f, &data->checkpoint))
			link_no_thaw(g, f->upstream);
		return;
	}
	/* The disk is slower than all who send together: later, and not so soon that every run
	 * costs a question. */
	if (g->ingest_bytes + wire_bytes > g->config.ingest_max) {
		peer_totals(g, &s->peer)->redundant_bytes += wire_bytes;
		credit_return(g, s, wire_bytes);
		MARK("too-much-waits");
		if (!g->crowded)
			g->crowded_ms = g->now.mono_ms;
		g->crowded = true;
		f->upstream->asked_ms = 0; /* it gives */
		feed_leave(g, f, true);
		late_run(g, s, data);
		return;
	}
	key = origin_key(f->origin, f->name.incarnation);
	job = ingest_job_new(data, key);
	if (!job)
		abort();
	/* Whoever has a subscription may keep the disk busy for hours: half is never done. */
	if (g->now.mono_ms - g->crowded_ms >= CROWDED_MS)
		g->crowded = false;
	job->session = s->id;
	job->peer = s->peer;
	memcpy(job->binding, s->binding, sizeof(job->binding));
	job->wire_bytes = wire_bytes;
	g->ingest_bytes += wire_bytes;
	/* Asked again while some was on its way: the beginning is here already. */
	if (!joins && ingest_job_skip(job, f->expected - data->start) != 0) {
		ingest_job_free(job);
		misbehaved(g, s, "sent malformed entries");
		return;
	}
	job->packed_bytes = job->entries_len;
	if (joins)
		ingest_job_join(job, data);
	f->joining = 0;
	/* Others were asked before, and left for this one. */
	for (struct link *l = f->links; l; l = l->next_of_feed)
		l->asked_ms = 0;
	f->upstream->vain = 0;
	f->jobs++;
	f->expected = job->start + job->count;
	f->progress_ms = s->data_ms = g->now.mono_ms;
	if (f->upstream->peer_held < f->expected)
		f->upstream->peer_held = f->expected;
	peer_totals(g, &s->peer)->received_entries += job->count;
	peer_totals(g, &s->peer)->data_bytes += job->entries_len;
	peer_totals(g, &s->peer)->redundant_bytes += data->entries.len - job->entries_len;
	q = action_new(g, GOSSIP_INGEST);
	q->action.session = s->id;
	q->action.job = job;
	quota_on_its_way(g, s, f, job);
}

/* --- trees ------------------------------------------------------------------------------------ */

int log_root(const struct gossip *g, const struct log_name *log, uint64_t size, struct hash *root)
{
	struct range range;
	int rc = g->config.store.range(g->config.store.ctx, log, 0, size, &range);

	if (rc == 0)
		range_root(&range, root);
	return rc;
}

int log_subtree(void *ctx, unsigned level, uint64_t index, struct hash *hash)
{
	const struct log_tree *t = ctx;
	struct range r;
	uint64_t begin = index << level;
	int rc = t->g->config.store.range(t->g->config.store.ctx, t->log, begin,
		begin + ((uint64_t)1 << level), &r);

	if (rc == 0)
		*hash = r.hashes[0];
	return rc;
}

/* --- all of them ------------------------------------------------------------------------------ */

static void dispatch(struct gossip *g, struct session *s, struct wire_message *m, size_t wire_bytes)
{
	switch (m->type) {
	case WIRE_HELLO:
		break; /* only the first message */
	case WIRE_TERMS:
		on_terms(g, s, &m->terms);
		return;
	case WIRE_CARDS:
		on_cards(g, s, &m->cards);
		return;
	case WIRE_HEADS:
		for (size_t i = 0; i < m->heads.heads_len && !s->closing; i++)
			on_head(g, s, &m->heads.heads[i]);
		if (m->heads.heads_len < WIRE_HEADS_MAX && !s->closing)
			recover_heard(g, s);
		return;
	case WIRE_HELD:
		on_held(g, s, &m->held);
		return;
	case WIRE_SUBSCRIBE:
		on_subscribe(g, s, &m->subscribe);
		return;
	case WIRE_UNSUBSCRIBE:
		on_unsubscribe(g, s, &m->unsubscribe);
		return;
	case WIRE_DATA:
		on_data(g, s, &m->data, wire_bytes);
		return;
	case WIRE_CREDIT:
		on_credit(g, s, &m->credit);
		return;
	case WIRE_PROOF_WANT:
		on_proof_want(g, s, &m->proof_want);
		return;
	case WIRE_REVOCATION:
		on_revocation(g, s, m->revocation.note);
		return;
	case WIRE_PROOF:
		on_proof(g, s, &m->proof);
		return;
	case WIRE_SPLIT:
		on_split(g, s, &m->split);
		return;
	case WIRE_BODIES_WANT:
		on_bodies_want(g, s, &m->bodies_want);
		return;
	case WIRE_BODIES:
		on_bodies(g, s, &m->bodies, wire_bytes);
		return;
	case WIRE_RECEIPT:
		on_receipt(g, s, &m->receipt);
		return;
	case WIRE_WITNESS_WANT:
		on_witness_want(g, s, &m->witness_want);
		return;
	case WIRE_WITNESS:
		on_witness(g, s, &m->witness);
		return;
	case WIRE_PING:
	case WIRE_BYE:
		return; /* the network's */
	}
	misbehaved(g, s, "greeted twice");
}

void gossip_message(struct gossip *g, struct gossip_time now, uint32_t id, uint8_t type,
	struct bytes payload)
{
	struct session *s = session_find(g, id);
	struct wire_message m;
	int rc;

	g->now = now;
	if (!s || s->closing)
		return;
	rc = wire_decode(type, payload, &g->scratch, &m);
	if (rc == ENT_EVERSION)
		goto out; /* a message of a later version: passed over */
	if (rc != 0)
		misbehaved(g, s, "sent a malformed message");
	else if (s->greeted)
		dispatch(g, s, &m, payload.len + WIRE_PREFIX_BYTES);
	else if (m.type == WIRE_HELLO)
		on_hello(g, s, &m.hello);
	else
		misbehaved(g, s, "did not greet first");
out:
	arena_reset(&g->scratch);
}
