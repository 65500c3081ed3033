/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/watch.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/vocab.h"
#include "sim/world_impl.h"

/* --- who is entitled: DESIGN 5 and 6 in other words than decide() ----------------------------- */

/* Does this text, at that time, let the feed go from one party's node to the other's? */
static bool text_allows(const struct agreement *a, const struct node_id *from,
	const struct node_id *to, const struct log_name *feed, int64_t now_s)
{
	const struct agreement_party *giver = agreement_party_of(a, from);

	if (now_s < a->valid_from || now_s >= a->valid_until)
		return false;
	if (!giver || !agreement_party_of(a, to))
		return false;
	switch (feed->audience.kind) {
	case AUDIENCE_CLEAR:
		return giver->gives & TLP_BIT(TLP_CLEAR);
	case AUDIENCE_GREEN:
		return giver->gives & TLP_BIT(TLP_GREEN);
	case AUDIENCE_AGREEMENT:
		return feed->audience.id == a->id && agreement_party_of(a, &feed->node);
	default:
		return false;
	}
}

static bool terms_known(const struct world_end *e, uint64_t id)
{
	for (size_t i = 0; i < e->terms_len; i++)
		if (e->terms[i] == id)
			return true;
	return false;
}

/* Has the node an agreement of this id in force? */
static bool in_force_at(const struct world_node *n, uint64_t id)
{
	for (size_t i = 0; i < n->agreements_len; i++)
		if (n->agreements[i]->id == id)
			return world_in_force(n, i);
	return false;
}

/*
 * Do the texts in the keys directory of `at` let the feed go from `from` to `to`? Only agreements
 * count that the other side of the session has said it has; session NULL: that lie in its
 * directory.
 */
bool watch_allows(const struct world_node *at, const struct world_node *from,
	const struct world_node *to, const struct world_end *session, const struct log_name *feed)
{
	const struct world_node *other = at == from ? to : from;
	int64_t now_s = world_time(at).wall_ms / 1000;

	for (size_t i = 0; i < at->agreements_len; i++) {
		const struct agreement *a = at->agreements[i];
		bool both = session ? terms_known(session, a->id) : in_force_at(other, a->id);

		if (at->waits[i])
			continue;
		if (both && text_allows(a, &from->actor->node, &to->actor->node, feed, now_s))
			return true;
	}
	return false;
}

/* An agreement in force between the two, whatever it gives. */
static bool joined(const struct world_node *at, const struct world_node *other,
	const struct world_end *session)
{
	for (size_t i = 0; i < at->agreements_len; i++)
		if (world_in_force(at, i) &&
			agreement_party_of(at->agreements[i], &other->actor->node) &&
			terms_known(session, at->agreements[i]->id))
			return true;
	return false;
}

/* Has the operator of the one stopped all sending, or taking, or both with the other? */
static bool stopped(const struct world_node *n, const struct world_node *other, bool all)
{
	return all || (n->stopped_with & world_party_bit(other->actor));
}

/* A node may be shown its own community feeds by anybody who may talk to it: it said it all. */
static bool entitled(const struct world_session *s, unsigned end, const struct log_name *feed)
{
	const struct world_node *from = s->ends[end].node, *to = s->ends[!end].node;

	const bool own = node_id_eq(&feed->node, &to->actor->node);

	if (!s->ends[end].greeted || (!own && stopped(from, to, from->stopped_out)))
		return false;
	if (audience_is_community(feed->audience) && own)
		return joined(from, to, &s->ends[end]);
	return watch_allows(from, from, to, &s->ends[end], feed);
}

/* --- saying ----------------------------------------------------------------------------------- */

static void check_names(struct world *w, const struct world_session *s, unsigned end,
	const struct log_name *feed, const char *what)
{
	char text[LOG_NAME_TEXT_SIZE];

	if (entitled(s, end, feed))
		return;
	log_name_text(text, feed);
	world_fail(w, "I4: n%u says %s of %s to n%u, which is not entitled to it",
		s->ends[end].node->index, what, text, s->ends[!end].node->index);
}

/* Naming a feed in return tells nothing to whoever named it first. */
static void check_asks(struct world *w, const struct world_session *s, unsigned end,
	const struct log_name *feed)
{
	const struct world_end *e = &s->ends[end];

	for (size_t i = 0; i < e->named_len; i++)
		if (log_name_eq(&e->named[i], feed))
			return;
	world_fail(w, "I4: n%u asks n%u for a feed that it has not been told of", e->node->index,
		s->ends[!end].node->index);
}

/* The other may be shown the feed, or, by the texts that are here, may show it. */
static bool either_way(const struct world_session *s, unsigned end, const struct log_name *feed)
{
	const struct world_node *from = s->ends[end].node, *to = s->ends[!end].node;

	return entitled(s, end, feed) ||
	       (s->ends[end].greeted && watch_allows(from, to, from, &s->ends[end], feed));
}

/* A card may be shown to whoever may be shown a feed of its node, and, if it contradicts what that
 * one has, to whoever may show one. */
static void check_card(struct world *w, const struct world_session *s, unsigned end,
	const struct wire_cards *cards)
{
	const struct world_node *from = s->ends[end].node;
	struct arena arena = {0};
	struct card_chain chain;
	struct log_name feed = {0};
	bool fits;

	if (card_chain_parse(cards->cards, cards->cards_len, "said", &arena, &chain, NULL) != 0) {
		world_fail(w, "n%u says a chain of cards that does not hold", from->index);
		goto out;
	}
	feed.node = card_chain_last(&chain)->node;
	fits = node_id_eq(&feed.node, &from->actor->node);
	feed.audience = audience_of(AUDIENCE_CLEAR);
	fits |= either_way(s, end, &feed);
	feed.audience = audience_of(AUDIENCE_GREEN);
	fits |= either_way(s, end, &feed);
	for (size_t i = 0; i < from->agreements_len && !fits; i++) {
		feed.audience = audience_agreement(from->agreements[i]->id);
		fits = either_way(s, end, &feed);
	}
	if (!fits)
		world_fail(w, "I4: n%u shows n%u a card of whose feeds it may see none",
			from->index, s->ends[!end].node->index);
out:
	arena_free(&arena);
}

static struct world_sending *sending_find(struct world_end *e, const struct log_name *feed)
{
	for (size_t i = e->sendings_len; i-- > 0;)
		if (!e->sendings[i].bodies && log_name_eq(&e->sendings[i].feed, feed))
			return &e->sendings[i];
	return NULL;
}

static void check_sending(struct world *w, struct world_session *s, unsigned end,
	const struct wire_data *data)
{
	struct world_sending *open = sending_find(&s->ends[end], &data->feed);
	unsigned from = s->ends[end].node->index;

	if (!open || open->closed)
		world_fail(w, "I12: n%u sends without an act", from);
	else if (!open->durable)
		world_fail(w, "I12: n%u sends before its act is durable", from);
	else if (open->to != data->start)
		world_fail(w, "I12: n%u sends from %" PRIu64 " on, its act stands at %" PRIu64,
			from, data->start, open->to);
	else
		open->to += data->count;
}

/* The act that covers them is the newest of its kind, and durable. */
static void check_bodies(struct world *w, struct world_session *s, unsigned end,
	const struct wire_bodies *m)
{
	struct world_end *e = &s->ends[end];
	struct world_sending *act = NULL;

	check_names(w, s, end, &m->feed, "bodies");
	for (size_t i = e->sendings_len; i-- > 0 && !act;)
		if (e->sendings[i].bodies && log_name_eq(&e->sendings[i].feed, &m->feed))
			act = &e->sendings[i];
	if (m->bodies_len == 0)
		return;
	if (!act || !act->durable)
		world_fail(w, "I12: n%u sends bodies before there is a durable act",
			e->node->index);
	else if (m->bodies[0].index < act->from ||
		 m->bodies[m->bodies_len - 1].index >= act->bodies_to)
		world_fail(w, "I12: n%u sends bodies that its act does not cover", e->node->index);
	else
		act->to = act->bodies_to;
	watch_serves_bodies(w, e->node, m);
}

/* Only the origin is told, and the parties of an agreement's feed; and only what is in the store,
 * with that root. */
static void check_receipt(struct world *w, struct world_session *s, unsigned end,
	const struct wire_receipt *r)
{
	struct world_node *from = s->ends[end].node, *to = s->ends[!end].node;

	check_names(w, s, end, &r->feed, "a receipt");
	if (!node_id_eq(&r->feed.node, &to->actor->node) &&
		r->feed.audience.kind != AUDIENCE_AGREEMENT)
		world_fail(w, "n%u tells n%u what it holds of a third", from->index, to->index);
	watch_receipted(w, from, &r->feed, &r->checkpoint);
}

void watch_said(struct world *w, struct world_session *s, unsigned end,
	const struct wire_message *m)
{
	struct world_node *n = s->ends[end].node;

	switch (m->type) {
	case WIRE_CARDS:
		check_card(w, s, end, &m->cards);
		return;
	case WIRE_HEADS:
		for (size_t i = 0; i < m->heads.heads_len; i++) {
			check_names(w, s, end, &m->heads.heads[i].feed, "the head");
			watch_told(w, n, &m->heads.heads[i].feed, m->heads.heads[i].held);
		}
		return;
	case WIRE_HELD:
		check_names(w, s, end, &m->held.feed, "the reduced head");
		watch_told(w, n, &m->held.feed, m->held.size);
		return;
	case WIRE_SUBSCRIBE:
		check_asks(w, s, end, &m->subscribe.feed);
		return;
	case WIRE_UNSUBSCRIBE:
		check_asks(w, s, end, &m->unsubscribe.feed);
		return;
	case WIRE_DATA:
		check_names(w, s, end, &m->data.feed, "entries");
		check_sending(w, s, end, &m->data);
		watch_serves(w, n, &m->data);
		watch_told(w, n, &m->data.feed, m->data.start + m->data.count);
		return;
	case WIRE_BODIES_WANT:
		check_asks(w, s, end, &m->bodies_want.feed);
		return;
	case WIRE_BODIES:
		check_bodies(w, s, end, &m->bodies);
		return;
	case WIRE_SPLIT:
		/* It is told to whoever may be shown the feed, and to whoever may show it. */
		if (!either_way(s, end, &m->split.feed))
			check_names(w, s, end, &m->split.feed, "a split view");
		return;
	case WIRE_PROOF_WANT:
		if (m->proof_want.feed.audience.kind != AUDIENCE_PROVENANCE)
			check_asks(w, s, end, &m->proof_want.feed);
		return;
	case WIRE_PROOF:
		if (m->proof.feed.audience.kind != AUDIENCE_PROVENANCE)
			check_names(w, s, end, &m->proof.feed, "a proof");
		return;
	case WIRE_RECEIPT:
		check_receipt(w, s, end, &m->receipt);
		return;
	case WIRE_WITNESS:
		watch_witnesses(w, n, s->ends[!end].node, &m->witness);
		return;
	default:
		return;
	}
}

/* --- hearing ---------------------------------------------------------------------------------- */

static void learn_terms(struct world_end *e, const struct wire_agreement *list, size_t len)
{
	e->terms_len = len;
	for (size_t i = 0; i < len; i++)
		e->terms[i] = list[i].id;
}

static void learn_name(struct world_end *e, const struct log_name *feed)
{
	for (size_t i = 0; i < e->named_len; i++)
		if (log_name_eq(&e->named[i], feed))
			return;
	e->named = realloc(e->named, (e->named_len + 1) * sizeof(*e->named));
	if (!e->named)
		abort();
	e->named[e->named_len++] = *feed;
}

/* What a node may not take, or does not for now, it passes over, and does not remember. */
static void learn_line(struct world *w, struct world_session *s, unsigned end,
	const struct log_name *feed, const struct wire_checkpoint *c)
{
	const struct world_node *at = s->ends[end].node;

	if (watch_allows(at, s->ends[!end].node, at, &s->ends[end], feed) &&
		!stopped(at, s->ends[!end].node, at->stopped_in))
		watch_line_heard(w, at, feed, c);
}

void watch_heard(struct world *w, struct world_session *s, unsigned end,
	const struct wire_message *m)
{
	struct world_end *e = &s->ends[end];

	switch (m->type) {
	case WIRE_HELLO:
		e->greeted = true;
		learn_terms(e, m->hello.agreements, m->hello.agreements_len);
		return;
	case WIRE_TERMS:
		w->terms_told++;
		learn_terms(e, m->terms.agreements, m->terms.agreements_len);
		return;
	case WIRE_HEADS:
		for (size_t i = 0; i < m->heads.heads_len; i++) {
			const struct wire_head *h = &m->heads.heads[i];

			learn_name(e, &h->feed);
			learn_line(w, s, end, &h->feed, &h->newest);
		}
		return;
	case WIRE_DATA:
		learn_line(w, s, end, &m->data.feed, &m->data.checkpoint);
		return;
	case WIRE_HELD:
		learn_name(e, &m->held.feed);
		return;
	case WIRE_SUBSCRIBE:
		learn_name(e, &m->subscribe.feed);
		return;
	default:
		return;
	}
}

/* --- acts ------------------------------------------------------------------------------------- */

/* The terms written into the act are what let the feed go. */
static bool act_allows(const struct world_node *from, const struct world_node *to,
	const struct act_body *act)
{
	for (size_t i = 0; i < act->terms_len; i++)
		for (size_t k = 0; k < from->agreements_len; k++) {
			const struct agreement *a = from->agreements[k];

			if (a->id == act->terms[i].id && a->serial == act->terms[i].serial &&
				memcmp(a->hash, act->terms[i].hash, sizeof(a->hash)) == 0 &&
				(text_allows(a, &from->actor->node, &to->actor->node, &act->log,
					 world_time(from).wall_ms / 1000) ||
					node_id_eq(&act->log.node, &to->actor->node)))
				return true;
		}
	return false;
}

static void sending_opened(struct world *w, struct world_session *s, unsigned end,
	const struct act_body *act)
{
	struct world_end *e = &s->ends[end];
	struct world_sending *last = sending_find(e, &act->log);

	bool bodies = act->act == ACT_BODIES_SENT;

	if (!bodies && last && !last->closed)
		world_fail(w, "I12: n%u opens a sending twice", e->node->index);
	if (!act_allows(e->node, s->ends[!end].node, act))
		world_fail(w, "I12: n%u opens a sending under terms that do not allow it",
			e->node->index);
	e->sendings = realloc(e->sendings, (e->sendings_len + 1) * sizeof(*e->sendings));
	if (!e->sendings)
		abort();
	e->sendings[e->sendings_len++] = (struct world_sending){.feed = act->log,
		.from = act->from,
		.to = act->from,
		.closed = bodies,
		.bodies = bodies,
		.bodies_to = act->to};
}

void watch_act(struct world *w, struct world_session *s, unsigned end, const struct act_body *act)
{
	struct world_sending *open;

	if (act->act == ACT_SENDING_OPENED || act->act == ACT_BODIES_SENT) {
		sending_opened(w, s, end, act);
		return;
	}
	if (act->act != ACT_SENDING_CLOSED && act->act != ACT_SENDING_MARK)
		return;
	open = sending_find(&s->ends[end], &act->log);
	if (!open || open->closed || open->from != act->from || open->to != act->to)
		world_fail(w,
			"I12: n%u closes or marks a sending at %" PRIu64 " that stands at %" PRIu64,
			s->ends[end].node->index, act->to, open ? open->to : 0);
	else if (act->act == ACT_SENDING_CLOSED)
		open->closed = true;
}

void watch_entered(struct world *w, struct world_session *s, unsigned end,
	const struct log_name *feed)
{
	struct world_end *e = &s->ends[end];

	(void)w;
	/* The log keeps the order of acts: the oldest of this feed that was not durable yet. */
	for (size_t i = 0; i < e->sendings_len; i++)
		if (!e->sendings[i].durable && log_name_eq(&e->sendings[i].feed, feed)) {
			e->sendings[i].durable = true;
			return;
		}
}

/* Of a program that is gone nobody expects the last word; what it sent lies in openings that stayed
 * (watch_up). */
void watch_lost(struct world *w, struct world_session *s, unsigned end)
{
	struct world_end *e = &s->ends[end];

	(void)w;
	for (size_t i = 0; i < e->sendings_len; i++)
		e->sendings[i].closed = true;
}

void watch_closed(struct world *w)
{
	for (size_t i = 0; i < w->sessions_len; i++)
		for (unsigned end = 0; end < 2; end++) {
			const struct world_end *e = &w->sessions[i]->ends[end];

			for (size_t k = 0; k < e->sendings_len && e->over; k++)
				if (!e->sendings[k].closed)
					world_fail(w, "I12: a sending of n%u stays open",
						e->node->index);
		}
}

/* --- taking ----------------------------------------------------------------------------------- */

struct world_amount watch_quota(const struct world_node *n, const struct world_node *by,
	bool in_force)
{
	struct world_amount quota = {0};

	for (size_t i = 0; i < n->agreements_len; i++) {
		const struct agreement_party *p =
			agreement_party_of(n->agreements[i], &by->actor->node);

		if (!p || (in_force &&
				  !(world_in_force(n, i) && in_force_at(by, n->agreements[i]->id))))
			continue;
		quota.records += p->quota_records_day;
		quota.bytes += p->quota_bytes_day;
	}
	return quota;
}

void watch_taken(struct world *w, struct world_session *s, unsigned end,
	const struct ingest_job *job)
{
	const struct world_node *to = s->ends[end].node, *from = s->ends[!end].node;

	/* What it has said itself it may take back from anybody. */
	if (node_id_eq(&job->feed.node, &to->actor->node) && joined(to, from, &s->ends[end]))
		return;
	if (!watch_allows(to, from, to, &s->ends[end], &job->feed) ||
		stopped(to, from, to->stopped_in))
		world_fail(w, "I4: n%u takes from n%u what its own agreements do not give it",
			to->index, from->index);
	/* Bodies were asked for as long as something was left. */
	if (!job->bodies &&
		watch_spent(watch_brought_today(to, world_peer_of(to, from->actor->number)),
			watch_quota(to, from, false)))
		world_fail(w, "I7: n%u takes from n%u what is beyond the quota", to->index,
			from->index);
}

/* Has the other side said, in the session there is, that it has this agreement? */
static bool session_knows(const struct world_node *n, const struct world_node *by, uint64_t id)
{
	const struct world_peer *p = world_peer_of(n, by->actor->number);

	return p && p->session && terms_known(&p->session->ends[p->session->ends[1].node == n], id);
}

void watch_pinned(struct world *w, struct world_node *n, const struct node_id *origin,
	const struct node_id *introducer)
{
	const struct world_node *by = world_node_of(w, introducer);

	if (watch_accepted(w, n, origin) || (!by && watch_listed(n, origin)))
		return;
	for (size_t i = 0; i < n->agreements_len; i++) {
		const struct agreement *a = n->agreements[i];
		const struct agreement_party *p = agreement_party_of(a, introducer);

		if (!world_in_force(n, i))
			continue;
		if (!by && agreement_party_of(a, origin))
			return;
		if (p && p->introduces && by && session_knows(n, by, a->id))
			return;
	}
	world_fail(w, "n%u accepts an origin that nobody may introduce to it", n->index);
}

/* --- lasting ---------------------------------------------------------------------------------- */

/* Agreements end by the clock too, which engines look at once a second. */
#define ENDS_MS 1500u

void watch_lasting(struct world *w, struct world_node *n)
{
	for (size_t i = 0; i < n->peers_len; i++) {
		struct world_session *s = n->peers[i].session;
		unsigned end = s && s->ends[1].node == n;

		if (!s || !s->ends[end].open)
			continue;
		if (world_willing(n, s->ends[!end].node))
			s->ends[end].bare_ms = 0;
		else if (s->ends[end].bare_ms == 0)
			s->ends[end].bare_ms = w->now_ms;
		else if (w->now_ms - s->ends[end].bare_ms > ENDS_MS)
			world_fail(w, "I10: n%u keeps a session with n%u without an agreement",
				n->index, s->ends[!end].node->index);
	}
}

/* --- limits (I7) ------------------------------------------------------------------------------ */

void watch_alarm(struct world *w, struct world_node *n, const struct gossip_action *action)
{
	(void)w, (void)n, (void)action;
}

void watch_tick(struct world *w, struct world_node *n)
{
	struct gossip_counts counts;

	gossip_counts(n->gossip, &counts);
	if (counts.ingest_bytes > GOSSIP_INGEST_MAX + n->peers_len * SESSION_CREDIT_MIN)
		world_fail(w, "I7: %zu bytes wait for the disk of n%u", counts.ingest_bytes,
			n->index);
	if (counts.sessions > n->peers_len)
		world_fail(w, "I7: n%u has %zu sessions with %zu peers", n->index, counts.sessions,
			n->peers_len);
}
