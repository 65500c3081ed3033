/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Receipts (PROTOCOL.md, "Receipts"): what this node durably holds it cosigns, for the origin where
 * it is a peer, and for an agreement's feed also for the other parties; what peers cosign of feeds
 * that concern this node is verified and kept. A receipt is never passed on.
 */
#include "gossip/impl.h"

#include <stdlib.h>

/* --- giving ----------------------------------------------------------------------------------- */

/* Up to which size a feed may be receipted: what is durable here, and its erasures carried out. */
static uint64_t receipt_limit(const struct gossip *g, const struct feed *f)
{
	const struct gossip_store *s = &g->config.store;
	uint64_t erasing = s->erasing_from ? s->erasing_from(s->ctx, &f->name) : UINT64_MAX;

	return erasing < f->held ? erasing : f->held;
}

/* Whom a receipt of this feed concerns at all, whatever agreements say just now. */
bool receipt_concerns(const struct gossip *g, const struct link *l)
{
	const struct feed *f = l->feed;

	return g->config.signer.receipt && !f->own &&
	       (f->name.audience.kind == AUDIENCE_AGREEMENT ||
		       node_id_eq(&l->session->peer, &f->name.node));
}

static bool may_receipt(const struct gossip *g, const struct link *l)
{
	const struct feed *f = l->feed;

	return !f->frozen && !f->origin->frozen && f->complete.size > 0 &&
	       f->complete.size <= receipt_limit(g, f) && g->now.wall_ms >= 1000 &&
	       may_send(g, l->session, &f->name);
}

/* All who get it get the same, so one signature does for them. */
static const struct cosignature *receipt_sign(struct gossip *g, struct feed *f)
{
	if (f->receipted_size != f->complete.size) {
		g->config.signer.receipt(g->config.signer.ctx, &f->complete,
			(uint64_t)g->now.wall_ms / 1000, &f->receipted);
		f->receipted_size = f->complete.size;
	}
	return &f->receipted;
}

/* Not before then; what it waits for besides may come at any time. */
uint64_t receipt_due_ms(const struct link *l)
{
	return l->receipt_ms ? l->receipt_ms + GOSSIP_RECEIPT_MS : 0;
}

void link_receipt(struct gossip *g, struct link *l)
{
	struct feed *f = l->feed;
	struct wire_message m = {.type = WIRE_RECEIPT};
	const struct cosignature *s;

	if (!receipt_concerns(g, l)) {
		l->receipt_due = false;
		return;
	}
	l->receipt_due = l->receipt_size < f->complete.size;
	if (!l->receipt_due)
		return;
	sinks_by(l->session, receipt_due_ms(l));
	if (g->now.mono_ms < receipt_due_ms(l) || !may_receipt(g, l))
		return;
	s = receipt_sign(g, f);
	m.receipt.feed = f->name;
	checkpoint_to_wire(&m.receipt.checkpoint, &f->complete);
	m.receipt.time = s->time;
	memcpy(m.receipt.signature, s->signature, sizeof(m.receipt.signature));
	send_message(g, l->session, &m);
	l->receipt_size = f->complete.size;
	l->receipt_ms = g->now.mono_ms;
	l->receipt_due = false;
}

void gossip_erased(struct gossip *g, struct gossip_time now, const struct log_name *feed)
{
	struct feed *f = feed_find(g, feed);

	g->now = now;
	for (struct link *l = f ? f->links : NULL; l; l = l->next_of_feed)
		if (l->receipt_due)
			link_receipt(g, l);
	arena_reset(&g->scratch);
}

/* --- taking ----------------------------------------------------------------------------------- */

static struct receipt *receipt_find(const struct feed *f, const struct node_id *node)
{
	for (size_t i = 0; i < f->receipts_len; i++)
		if (node_id_eq(&f->receipts[i].node, node))
			return &f->receipts[i];
	return NULL;
}

/* NULL when there are as many as a node can have peers. */
static struct receipt *receipt_need(struct feed *f, const struct node_id *node)
{
	struct receipt *r = receipt_find(f, node);

	if (r || f->receipts_len == GOSSIP_PEERS_MAX)
		return r;
	r = realloc(f->receipts, (f->receipts_len + 1) * sizeof(*r));
	if (!r)
		return NULL;
	f->receipts = r;
	r = &f->receipts[f->receipts_len++];
	*r = (struct receipt){.node = *node};
	return r;
}

/* In ten seconds, and so many more for each feed between the two: a line that was stuck may bring
 * what was said in half a minute at once. */
static bool too_many_receipts(struct gossip *g, struct session *s)
{
	if (g->now.mono_ms - s->receipts_ms > 10000) {
		s->receipts_ms = g->now.mono_ms;
		s->receipts = 0;
	}
	return ++s->receipts > GOSSIP_RECEIPTS_MAX * (1 + s->links.count);
}

/*
 * 0 when the peer's key made it. A key that a former card of the peer names made it before the
 * peer had a new one; while two cards contradict each other it may go by the one that was not taken
 * here: ENT_ENOTFOUND, no fault and no use.
 */
int cosignature_check(struct gossip *g, const struct node_id *peer, bool witness,
	const struct cosignature *s, const struct checkpoint *c)
{
	const struct origin *o = origin_find(g, peer);
	struct card_chain chain;

	if (!o)
		return ENT_ENOTFOUND;
	if (cosignature_verify(s, c, witness ? o->witness_key : o->receipt_key) == 0)
		return 0;
	if (o->frozen || card_chain_read(o->chain, "store", &g->scratch, &chain, NULL) != 0)
		return ENT_ENOTFOUND;
	for (size_t i = chain.cards_len - 1; i-- > 0;) {
		const struct card *card = &chain.cards[i];

		if (cosignature_verify(s, c,
			    witness ? card->witness.public_key : card->receipt.public_key) == 0)
			return ENT_ENOTFOUND;
	}
	return ENT_ECRYPTO;
}

bool checkpoint_same(const struct checkpoint *a, const struct checkpoint *b)
{
	return log_name_eq(&a->log, &b->log) && a->size == b->size && hash_eq(&a->root, &b->root) &&
	       memcmp(a->signature, b->signature, sizeof(a->signature)) == 0;
}

static bool origin_signed(const struct feed *f, const struct checkpoint *c)
{
	return checkpoint_same(c, &f->complete) || checkpoint_same(c, &f->seen) ||
	       checkpoint_verify(c, origin_key(f->origin, f->name.incarnation)) == 0;
}

enum receipt_root { ROOT_OURS, ROOT_OTHER, ROOT_BEYOND, ROOT_UNREADABLE };

static enum receipt_root root_compare(const struct gossip *g, const struct feed *f,
	const struct checkpoint *c)
{
	struct hash root;

	if (c->size > f->held)
		return ROOT_BEYOND;
	if (c->size == f->complete.size)
		return hash_eq(&c->root, &f->complete.root) ? ROOT_OURS : ROOT_OTHER;
	/* Below the floor the hashes are gone, and that it was signed is all there is to go by. */
	if (log_root(g, &f->name, c->size, &root) != 0)
		return c->size < f->floor ? ROOT_OURS : ROOT_UNREADABLE;
	return hash_eq(&c->root, &root) ? ROOT_OURS : ROOT_OTHER;
}

static void receipt_keep(struct gossip *g, const struct session *s, const struct checkpoint *c,
	const struct cosignature *cosignature, bool differs)
{
	struct queued_action *q = action_new(g, GOSSIP_RECEIPT);

	q->action.peer = s->peer;
	q->action.checkpoint = *c;
	q->action.cosignature = *cosignature;
	q->action.differs = differs;
}

/* Both the origin and the peer have signed a root that is not that of the tree here. */
static void receipt_differs(struct gossip *g, struct session *s, struct feed *f,
	const struct checkpoint *c, const struct cosignature *cosignature)
{
	struct link *l = link_need(g, s, f);

	receipt_keep(g, s, c, cosignature, true);
	if (f->own)
		recover_shown(g, s, f, c);
	else if (l)
		split_checkpoint(g, l, c, true);
}

void on_receipt(struct gossip *g, struct session *s, const struct wire_receipt *m)
{
	struct feed *f = feed_find(g, &m->feed);
	const struct cosignature cosignature = cosignature_from_wire(m->time, m->signature);
	struct checkpoint c;
	struct receipt *r;
	enum receipt_root root;
	struct link *l;
	int rc;

	if (too_many_receipts(g, s)) {
		misbehaved(g, s, "gives receipts again and again");
		return;
	}
	/* Nothing is to be learnt of a feed that is not here, that no card in force names, or that
	 * is none of its business. What a former incarnation has said is ours. */
	if (!f || !origin_key(f->origin, f->name.incarnation) ||
		(!node_id_eq(&f->name.node, &g->config.self) &&
			f->name.audience.kind != AUDIENCE_AGREEMENT) ||
		!may_have(g, s, &f->name) || !(r = receipt_need(f, &s->peer)) ||
		m->checkpoint.size <= r->size)
		return;
	checkpoint_from_wire(&c, &f->name, &m->checkpoint);
	rc = cosignature_check(g, &s->peer, false, &cosignature, &c);
	if (rc == 0 && !origin_signed(f, &c))
		rc = f->origin->frozen || f->origin->beaten ? ENT_ENOTFOUND : ENT_ECRYPTO;
	if (rc == ENT_ECRYPTO)
		misbehaved(g, s, "gave a receipt that was not signed by whom it names");
	if (rc != 0)
		return;
	root = root_compare(g, f, &c);
	if (root == ROOT_OTHER || (root == ROOT_BEYOND && f->own)) {
		receipt_differs(g, s, f, &c, &cosignature);
		return;
	}
	if (root == ROOT_UNREADABLE)
		return;
	r->size = c.size;
	receipt_keep(g, s, &c, &cosignature, false);
	/* Whether it fits is seen when our tree is there. */
	if (root == ROOT_BEYOND && (l = link_need(g, s, f)))
		split_checkpoint(g, l, &c, true);
}

/* --- what has become durable ------------------------------------------------------------------ */

static void receipt_kept(struct receipt *r, uint64_t size, bool durable)
{
	if (durable && size > r->kept)
		r->kept = size;
	/* Not kept after all: the next one is to be taken, were it the same. */
	if (!durable)
		r->size = r->kept;
	else if (size > r->size)
		r->size = size;
}

void gossip_receipted(struct gossip *g, const struct node_id *node, const struct checkpoint *c,
	bool durable)
{
	struct feed *f;
	struct receipt *r;

	if (c->log.audience.kind == AUDIENCE_PROVENANCE) {
		witness_kept(g, node, c, durable);
		return;
	}
	f = feed_find(g, &c->log);
	r = f ? receipt_need(f, node) : NULL;
	if (r)
		receipt_kept(r, c->size, durable);
}

unsigned gossip_receipts(const struct gossip *g, const struct log_name *feed, uint64_t size)
{
	const struct feed *f = feed_find(g, feed);
	unsigned n = 0;

	/* Who is no peer any more has confirmed it once, and may have deleted it since. */
	for (size_t i = 0; f && i < f->receipts_len; i++)
		n += f->receipts[i].kept >= size && entitled(g, &f->receipts[i].node, feed);
	return n;
}
