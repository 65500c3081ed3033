/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a later incarnation says of a former feed (PROTOCOL.md, "Successions"). Whoever froze the
 * feed below what is good of it goes on so far, and no further: under the checkpoint that the
 * succession names and no other, so that of two histories it can only be the good one. A neighbour
 * has that checkpoint when it stands exactly there, as the origin itself does.
 */
#include "gossip/impl.h"

#include <stdlib.h>

struct settled {
	uint64_t size;
	struct hash root;
};

void feed_settle(const struct gossip *g, struct feed *f)
{
	f->settled = map_get(&g->settled, f->key);
}

bool feed_thaws(const struct feed *f)
{
	return f->frozen && !f->own && f->settled && f->held < f->settled->size &&
	       origin_key(f->origin, f->name.incarnation);
}

uint64_t feed_good(const struct feed *f)
{
	return !f->frozen ? UINT64_MAX : f->settled ? f->settled->size : 0;
}

bool feed_takes(const struct feed *f, const struct wire_checkpoint *c)
{
	return !f->frozen || (feed_thaws(f) && c->size == f->settled->size &&
				     memcmp(c->root, f->settled->root.bytes, HASH_BYTES) == 0);
}

bool link_thaws(const struct link *l)
{
	const struct feed *f = l->feed;

	return !f->frozen || (f->settled && l->peer_held == f->settled->size);
}

/* It has given a run that does not lead to what is good, or not from what is here: there is nobody
 * to blame, as the two of us may have been told different histories. */
void link_no_thaw(struct gossip *g, struct link *l)
{
	MARK("no-thaw-from-there");
	link_unfit(g, l);
	feed_choose(g, l->feed);
}

/* It is here, or may come by the card in force. What others say of feeds that may not, and a rogue
 * can say it of as many as it likes, takes no room from what may. */
static bool may_be_frozen(const struct gossip *g, const struct log_name *name)
{
	return origin_of(g, name) || orphan_is(g, name);
}

void gossip_settled(struct gossip *g, struct gossip_time now, const struct checkpoint *good)
{
	uint8_t key[LOG_NAME_BYTES];
	struct settled *s;
	struct feed *f;

	g->now = now;
	log_name_pack(key, &good->log);
	s = map_get(&g->settled, key);
	if (!s) {
		if (!may_be_frozen(g, &good->log))
			return;
		s = calloc(1, sizeof(*s));
		if (!s)
			abort();
		/* There are no more of them than feeds that say so. */
		if (map_put(&g->settled, key, s) != 0) {
			free(s);
			return;
		}
	}
	*s = (struct settled){good->size, good->root};
	f = feed_find(g, &good->log);
	if (!f)
		return;
	f->settled = s;
	for (struct link *l = f->links; l; l = l->next_of_feed)
		l->unfit_told = 0;
	if (f->frozen)
		bodies_suspect(g, f);
	if (feed_thaws(f)) {
		MARK("frozen-goes-on");
		feed_choose(g, f);
	}
	arena_reset(&g->scratch);
}
