/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * I5 for bodies: what a node was given without its body, though nobody has erased that, it has in
 * the end from a neighbour that has it and may give it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "sim/watch.h"
#include "sim/world_impl.h"

#define LACKING_MAX 64u /* looked at of one feed */

/* The first so many entries of the feed that the node has without a body and without a reason. */
static size_t lacking(struct world_node *n, const struct log_name *feed, uint64_t *indexes)
{
	struct store_reader *r;
	struct store_log log;
	size_t len = 0;

	if (!n->up || store_reader_open(n->store, &r) != 0)
		return 0;
	if (store_log_get(r, feed, &log) == 0 && !log.frozen &&
		store_missing(r, feed, 0, indexes, LACKING_MAX, &len) != 0)
		abort();
	store_reader_close(r);
	return len;
}

/* A feed whose origin nobody vouches for any more, whose card went with its agreement, say, is
 * neither asked for nor given. Whoever could vouch by an introduction is held to that. */
static bool vouches(const bool *vouched, const struct world_node *n, const struct log_name *feed)
{
	return vouched[n->index * n->world->nodes_len + cast_actor_of(&feed->node)->number];
}

/* Would the neighbour be asked, and answer? */
static bool may_give(const struct world_node *from, const struct world_node *to,
	const struct log_name *feed)
{
	return !from->hand && watch_linked(from, to) && watch_allows(from, from, to, NULL, feed) &&
	       watch_allows(to, from, to, NULL, feed) && !watch_may_be_spent(to, from, feed);
}

/* A neighbour that has one of these bodies, under a checkpoint; NULL. */
static struct world_node *who_has(const bool *vouched, struct world_node *n,
	const struct log_name *feed, const uint64_t *indexes, size_t len)
{
	struct world *w = n->world;

	for (size_t i = 0; i < n->peers_len && vouches(vouched, n, feed); i++) {
		struct world_node *peer = &w->nodes[n->peers[i].actor];

		if (!vouches(vouched, peer, feed) || !may_give(peer, n, feed))
			continue;
		for (size_t k = 0; k < len; k++)
			if (watch_complete(peer, feed) > indexes[k] &&
				watch_has_body(peer, feed, indexes[k]))
				return peer;
	}
	return NULL;
}

static void fail(struct world *w, unsigned node, const struct world_node *other,
	const struct log_name *feed, uint64_t first)
{
	char text[LOG_NAME_TEXT_SIZE];

	log_name_text(text, feed);
	world_fail(w, "I5: n%u lacks bodies of %s, from %" PRIu64 " on, that n%u has", node, text,
		first, other->index);
}

unsigned watch_whole(struct world *w, bool must)
{
	const struct log_name *feeds;
	size_t feeds_len = watch_feeds(w, &feeds);
	bool *vouched = watch_vouched(w);
	unsigned lacks = 0;

	for (size_t i = 0; i < feeds_len; i++)
		for (unsigned k = 0; k < w->nodes_len && !watch_forked(w, &feeds[i]); k++) {
			uint64_t indexes[LACKING_MAX];
			size_t len = lacking(&w->nodes[k], &feeds[i], indexes);
			struct world_node *other =
				len && !w->nodes[k].hand
					? who_has(vouched, &w->nodes[k], &feeds[i], indexes, len)
					: NULL;

			lacks += other != NULL;
			if (other && must)
				fail(w, k, other, &feeds[i], indexes[0]);
		}
	free(vouched);
	return lacks;
}
