/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What must have come to rest: for each feed that its origin has signed, how far it could have come
 * by permitted paths from those who have it, held against how far it has come (I5).
 */
#include <inttypes.h>
#include <string.h>

#include "sim/watch.h"
#include "sim/world_impl.h"

struct reach {
	struct world *w;
	bool *known; /* node, origin: has the node accepted it, or could it have? */
};

/* How far a node could be with a feed, and from whom it would have that. */
struct could {
	uint64_t hold;
	unsigned from;
};

static bool *known(const struct reach *r, const struct world_node *n, unsigned origin)
{
	return &r->known[n->index * r->w->nodes_len + origin];
}

bool watch_linked(const struct world_node *a, const struct world_node *b)
{
	const struct world_peer *ab = world_peer_of(a, b->actor->number);
	const struct world_peer *ba = world_peer_of(b, a->actor->number);

	return a->up && b->up && ab && ba && !ab->cut && !ba->cut && !ab->deaf && !ba->deaf &&
	       world_willing(a, b) && world_willing(b, a);
}

static bool introduces(const struct world_node *n, const struct world_node *by)
{
	for (size_t i = 0; i < n->agreements_len; i++) {
		const struct agreement_party *p =
			agreement_party_of(n->agreements[i], &by->actor->node);

		if (!p || !p->introduces || !world_in_force(n, i))
			continue;
		for (size_t k = 0; k < by->agreements_len; k++)
			if (by->agreements[k]->id == n->agreements[i]->id)
				return true;
	}
	return false;
}

static bool is_party(const struct world_node *n, const struct node_id *origin)
{
	for (size_t i = 0; i < n->agreements_len; i++)
		if (world_in_force(n, i) && agreement_party_of(n->agreements[i], origin))
			return true;
	return false;
}

/* The operator of the node has accepted a list of whom it takes from anybody. */
bool watch_listed(const struct world_node *n, const struct node_id *origin)
{
	const struct roster *r = n->roster;
	int64_t now_s = world_time(n).wall_ms / 1000;

	for (size_t i = 0; r && i < r->members_len; i++)
		if (node_id_eq(&r->members[i].node, origin))
			return now_s >= r->valid_from && now_s < r->valid_until;
	return false;
}

bool watch_may_be_spent(const struct world_node *n, const struct world_node *by,
	const struct log_name *feed)
{
	struct world_amount quota = watch_quota(n, by, true);

	if (watch_spent(world_peer_of(n, by->actor->number)->brought, quota))
		return true;
	if (is_party(n, &feed->node))
		return false;
	for (size_t i = 0; i < n->agreements_len; i++)
		for (size_t k = 0; k < n->agreements[i]->parties_len; k++) {
			const struct agreement_party *p = &n->agreements[i]->parties[k];

			if (p->quota_records_day < quota.records)
				quota.records = p->quota_records_day;
			if (p->quota_bytes_day < quota.bytes)
				quota.bytes = p->quota_bytes_day;
		}
	return watch_spent(watch_brought_of(n, &feed->node), quota);
}

static void log_of(struct world_node *n, const struct log_name *feed, struct store_log *log)
{
	struct store_reader *r;

	*log = (struct store_log){0};
	if (!n->up || store_reader_open(n->store, &r) != 0)
		return;
	if (store_log_get(r, feed, log) != 0)
		*log = (struct store_log){0};
	store_reader_close(r);
}

/* Another neighbour goes on from what is held, when its quota of the day allows: until then nothing
 * is given up for a floor. */
static bool waits_at_floor(struct world *w, struct world_node *from, struct world_node *to,
	const struct log_name *feed)
{
	struct store_log here, there;

	log_of(to, feed, &here);
	log_of(from, feed, &there);
	if (there.floor <= here.size)
		return false;
	for (unsigned i = 0; i < w->nodes_len; i++) {
		struct world_node *by = &w->nodes[i];

		if (by == to || !watch_linked(by, to) || !watch_allows(by, by, to, NULL, feed) ||
			!watch_allows(to, by, to, NULL, feed) || !watch_may_be_spent(to, by, feed))
			continue;
		log_of(by, feed, &there);
		if (by->hand ||
			(there.has_held && there.held.size > here.size && there.floor <= here.size))
			return true;
	}
	return false;
}

/* Over one link; true when it makes more known or held there. */
static bool pass(struct reach *r, const struct log_name *feed, unsigned origin,
	struct world_node *from, struct world_node *to, struct could *could)
{
	bool news = false;

	/* A feed of whom nobody vouches for is not passed on. */
	if (to->actor->number == origin || !*known(r, from, origin) ||
		could[from->index].hold == 0 || from->hand || !watch_linked(from, to) ||
		!watch_allows(from, from, to, NULL, feed))
		return false;
	if (!*known(r, to, origin) && (introduces(to, from) || watch_listed(to, &feed->node)))
		news = *known(r, to, origin) = true;
	if (could[from->index].hold <= could[to->index].hold || !*known(r, to, origin) ||
		!watch_allows(to, from, to, NULL, feed) || watch_may_be_spent(to, from, feed) ||
		waits_at_floor(r->w, from, to, feed))
		return news;
	could[to->index] = (struct could){could[from->index].hold, from->index};
	return true;
}

static bool spread(struct reach *r, const struct log_name *feed, struct could *could)
{
	struct world *w = r->w;
	unsigned origin = cast_actor_of(&feed->node)->number;
	bool news = false;

	for (unsigned i = 0; i < w->nodes_len; i++)
		for (size_t k = 0; k < w->nodes[i].peers_len; k++) {
			unsigned peer = w->nodes[i].peers[k].actor;

			if (peer < w->nodes_len)
				news |= pass(r, feed, origin, &w->nodes[i], &w->nodes[peer], could);
		}
	return news;
}

static void reach_init(struct reach *r, struct world *w)
{
	r->w = w;
	r->known = need(calloc((size_t)w->nodes_len * w->nodes_len, sizeof(*r->known)));
	for (unsigned i = 0; i < w->nodes_len; i++)
		for (unsigned k = 0; k < w->nodes_len && w->nodes[i].up; k++) {
			uint64_t incarnation;

			*known(r, &w->nodes[i], k) = gossip_incarnation(w->nodes[i].gossip,
				&w->nodes[k].actor->node, &incarnation);
		}
}

/* What a node can give others: all that lies under one checkpoint, if anything of that is above its
 * floor: else there is no run to join with. What it has behind that it can show nobody. */
static uint64_t whole(struct world_node *n, const struct log_name *feed, bool *to_give)
{
	struct store_reader *r;
	struct store_log log;
	uint64_t size = 0;

	*to_give = false;
	if (!n->up || store_reader_open(n->store, &r) != 0)
		return 0;
	if (store_log_get(r, feed, &log) == 0 && log.has_held) {
		size = log.held.size;
		*to_give = log.floor < size;
	}
	store_reader_close(r);
	return size;
}

/* It has joined beyond that: what lies below its floor it has given up, though it may still wait
 * for the rest of what it joined with. */
static bool gave_up(struct world_node *n, const struct log_name *feed, uint64_t size)
{
	struct store_reader *r;
	struct store_log log;
	bool gone;

	if (!n->up || store_reader_open(n->store, &r) != 0)
		return false;
	gone = store_log_get(r, feed, &log) == 0 && log.floor >= size;
	store_reader_close(r);
	return gone;
}

static void compare(struct world *w, const struct log_name *feed, const struct could *could)
{
	char text[LOG_NAME_TEXT_SIZE];
	bool to_give;

	for (unsigned i = 0; i < w->nodes_len; i++) {
		uint64_t held = whole(&w->nodes[i], feed, &to_give);

		if (held >= could[i].hold || !w->nodes[i].up || w->nodes[i].hand ||
			gave_up(&w->nodes[i], feed, could[i].hold))
			continue;
		/* Told of where it stops, not of all that lies behind. */
		if (whole(&w->nodes[could[i].from], feed, &to_give) < could[i].hold || !to_give)
			continue;
		log_name_text(text, feed);
		world_fail(w,
			"I5: n%u holds %" PRIu64 " of %s (n%u) and could hold %" PRIu64 " from n%u",
			i, held, text, cast_actor_of(&feed->node)->number, could[i].hold,
			could[i].from);
	}
}

/* How far everybody could be: feed by feed, node by node, owned by the caller; r->known with it. */
static struct could *reach_all(struct reach *r, struct world *w)
{
	const struct log_name *feeds;
	size_t feeds_len = watch_feeds(w, &feeds);
	struct could *could = need(calloc(feeds_len * w->nodes_len + 1, sizeof(*could)));
	bool news = true;

	reach_init(r, w);
	for (size_t i = 0; i < feeds_len * w->nodes_len; i++) {
		const struct log_name *feed = &feeds[i / w->nodes_len];
		bool to_give;
		uint64_t size = whole(&w->nodes[i % w->nodes_len], feed, &to_give);

		if (to_give && feed->audience.kind != AUDIENCE_PROVENANCE && !watch_forked(w, feed))
			could[i].hold = size;
	}
	while (news) {
		news = false;
		for (size_t i = 0; i < feeds_len; i++)
			news |= spread(r, &feeds[i], &could[i * w->nodes_len]);
	}
	return could;
}

void watch_settled(struct world *w)
{
	const struct log_name *feeds;
	size_t feeds_len = watch_feeds(w, &feeds);
	struct reach r;
	struct could *could = reach_all(&r, w);

	for (size_t i = 0; i < feeds_len; i++)
		compare(w, &feeds[i], &could[i * w->nodes_len]);
	free(r.known);
	free(could);
}

bool *watch_vouched(struct world *w)
{
	struct reach r;

	free(reach_all(&r, w));
	return r.known;
}

static void check_cards(struct world *w, const struct world_node *n, const struct world_node *of)
{
	const struct node_id *node = &of->actor->node;
	uint64_t incarnation = 0;

	if (!gossip_incarnation(n->gossip, node, &incarnation) ||
		incarnation != CAST_EPOCH + of->guise->keys)
		world_fail(w, "n%u knows n%u by its keys %" PRIu64 ", which has keys %u", n->index,
			of->index, incarnation - CAST_EPOCH, of->guise->keys);
}

/* Something of the origin lies whole at the one and may go to the other: then its card has gone
 * too. */
static bool card_goes(struct world *w, struct world_node *from, const struct world_node *to,
	const struct node_id *origin)
{
	const struct log_name *feeds;
	size_t len = watch_feeds(w, &feeds);
	bool to_give;

	for (size_t i = 0; i < len; i++)
		if (node_id_eq(&feeds[i].node, origin) && !watch_forked(w, &feeds[i]) &&
			whole(from, &feeds[i], &to_give) > 0 &&
			watch_allows(from, from, to, NULL, &feeds[i]) &&
			watch_allows(to, from, to, NULL, &feeds[i]))
			return true;
	return false;
}

/* Whoever knows a third one by another card than a neighbour does would have been told. */
static void check_cards_passed(struct world *w, struct world_node *from,
	const struct world_node *to)
{
	for (unsigned i = 0; i < w->nodes_len; i++) {
		const struct world_node *of = &w->nodes[i];
		uint64_t incarnation = 0, newest = 0;

		if (of->hand || of->twin || of == from || of == to ||
			!gossip_incarnation(from->gossip, &of->actor->node, &newest) ||
			newest != CAST_EPOCH + of->guise->keys ||
			!gossip_incarnation(to->gossip, &of->actor->node, &incarnation) ||
			incarnation == newest || !card_goes(w, from, to, &of->actor->node))
			continue;
		world_fail(w, "n%u knows n%u by its keys %" PRIu64 ", and n%u by its keys %u",
			to->index, i, incarnation - CAST_EPOCH, from->index, of->guise->keys);
	}
}

void watch_cards(struct world *w)
{
	for (unsigned i = 0; i < w->nodes_len; i++)
		for (unsigned k = 0; k < w->nodes_len; k++) {
			struct world_node *a = &w->nodes[i], *b = &w->nodes[k];

			if (a->hand || b->hand || a->actor == b->actor || !watch_linked(a, b))
				continue;
			check_cards(w, a, b);
			check_cards_passed(w, a, b);
		}
}

/* By the party itself, whose newest card its neighbours have, or under a root that the agreement
 * names: else it may be under one that is not known there. */
static bool must_count(const struct world_node *by, const struct world_revocation *r,
	const struct agreement *a)
{
	struct revocation again;

	return node_id_eq(&r->party, &by->actor->node) ||
	       revocation_parse(r->note, "", a, NULL, &again, NULL) == 0;
}

static void check_revoked(struct world *w, const struct world_node *n, const struct world_node *by)
{
	for (size_t i = 0; i < n->agreements_len; i++) {
		const struct agreement *a = n->agreements[i];
		const struct world_revocation *r = world_revoked(by, a->id);

		if (r && world_in_force(n, i) && agreement_party_of(a, &by->actor->node) &&
			must_count(by, r, a))
			world_fail(w, "n%u goes by agreement %" PRIx64 ", which n%u knows revoked",
				n->index, a->id, by->index);
	}
}

void watch_revoked(struct world *w)
{
	for (unsigned i = 0; i < w->nodes_len; i++)
		for (unsigned k = 0; k < w->nodes_len; k++) {
			struct world_node *a = &w->nodes[i], *b = &w->nodes[k];

			if (!a->hand && !b->hand && a->actor != b->actor && watch_linked(a, b))
				check_revoked(w, a, b);
		}
}
