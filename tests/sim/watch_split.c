/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * I8: where two correct nodes that can give each other a feed have two histories of it, both end up
 * with the proof that its origin signed two; and whoever has a proof has told it to whoever may see
 * the feed.
 */
#include "ledger/reading.h"
#include "sim/watch.h"
#include "sim/world_impl.h"

/* What a node has of a feed, as far as it tells others. */
struct view {
	uint64_t size;
	struct hash root; /* of the first so many entries */
};

/* Looks at the first `size` entries at most. */
static bool look(struct world_node *n, const struct log_name *feed, uint64_t size, struct view *v)
{
	struct gossip_store reads = ledger_reads(n->store);
	struct store_reader *r;
	struct store_log log;
	struct range range;
	bool there;

	if (store_reader_open(n->store, &r) != 0)
		return false;
	there = store_log_get(r, feed, &log) == 0 && log.has_held;
	store_reader_close(r);
	if (!there)
		return false;
	v->size = log.held.size < size ? log.held.size : size;
	if (v->size == 0 || reads.range(reads.ctx, feed, 0, v->size, &range) != 0)
		return false;
	range_root(&range, &v->root);
	return true;
}

static bool has_proof(struct world *w, const struct world_node *n, const struct log_name *feed)
{
	struct buf proof = buf_with_max(WIRE_MESSAGE_MAX);
	bool has = world_proof(w, n->index, feed, &proof);

	buf_free(&proof);
	return has;
}

static bool differ(struct world_node *a, struct world_node *b, const struct log_name *feed)
{
	struct view va, vb;

	return look(a, feed, UINT64_MAX, &va) && look(b, feed, va.size, &vb) &&
	       look(a, feed, vb.size, &va) && !hash_eq(&va.root, &vb.root);
}

static bool contradicted(const struct world_node *n, const struct log_name *feed)
{
	return gossip_contradicted(n->gossip, &feed->node);
}

/* Of two cards that contradict each other it may hold the one without the incarnation. */
static bool knows(const struct world_node *n, const struct log_name *feed)
{
	uint64_t incarnation;

	return gossip_incarnation(n->gossip, &feed->node, &incarnation) &&
	       (incarnation >= feed->incarnation || !contradicted(n, feed));
}

/* May the feed pass between the two, this way or that? */
static bool may_pass(const struct world_node *a, const struct world_node *b,
	const struct log_name *feed)
{
	return (watch_allows(a, a, b, NULL, feed) && watch_allows(b, a, b, NULL, feed)) ||
	       (watch_allows(a, b, a, NULL, feed) && watch_allows(b, b, a, NULL, feed));
}

static bool is_correct(const struct world_node *n, const struct log_name *feed)
{
	return n->up && !n->hand && !node_id_eq(&n->actor->node, &feed->node);
}

static void check_pair(struct world *w, struct world_node *a, struct world_node *b,
	const struct log_name *feed)
{
	bool at_a, at_b;

	if (!watch_linked(a, b) || !knows(a, feed) || !knows(b, feed) || !may_pass(a, b, feed))
		return;
	at_a = has_proof(w, a, feed);
	at_b = has_proof(w, b, feed);
	if (at_a != at_b)
		world_fail(w, "I8: n%u has a proof that n%u has not been told",
			(at_a ? a : b)->index, (at_a ? b : a)->index);
	/* Whose cards contradict each other is found out, and nothing more of him looked into. */
	if (!at_a && !at_b && !contradicted(a, feed) && !contradicted(b, feed) &&
		differ(a, b, feed))
		world_fail(w, "I8: n%u and n%u have two histories and no proof", a->index,
			b->index);
}

/* An honest origin that runs twice signs no more when its peers can prove that it has two. */
static void check_origin(struct world *w, const struct world_node *n, const struct log_name *feed)
{
	struct gossip_recovery_view v;

	if (!n->up || n->hand || n->shameless || !node_id_eq(&n->actor->node, &feed->node) ||
		feed->incarnation != n->identity->incarnation)
		return;
	gossip_recovery_view(n->gossip, &v);
	for (unsigned i = 0; i < w->nodes_len && !v.conflict; i++)
		if (is_correct(&w->nodes[i], feed) && watch_linked(n, &w->nodes[i]) &&
			may_pass(n, &w->nodes[i], feed) && has_proof(w, &w->nodes[i], feed))
			world_fail(w, "I1: n%u would sign on, though n%u can prove its fork",
				n->index, i);
}

void watch_split(struct world *w)
{
	const struct log_name *feeds;
	size_t feeds_len = watch_feeds(w, &feeds);

	for (size_t i = 0; i < feeds_len; i++)
		for (unsigned a = 0; a < w->nodes_len && watch_forked(w, &feeds[i]); a++) {
			check_origin(w, &w->nodes[a], &feeds[i]);
			for (unsigned b = 0; b < a; b++)
				if (is_correct(&w->nodes[a], &feeds[i]) &&
					is_correct(&w->nodes[b], &feeds[i]))
					check_pair(w, &w->nodes[a], &w->nodes[b], &feeds[i]);
		}
}
