/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Feeds that the store has and whose origin nobody vouches for any more: its card left the keys
 * directory, say, and it had never been introduced. They are neither told of nor served, but they
 * are remembered: once the origin is known again the feed goes on from what is held, and from the
 * floor that retention has reached by then, and what is proven against it is told again. Were it
 * begun anew, every run from its start would be refused by the store, and asked for again without
 * end.
 */
#include "gossip/impl.h"

#include <stdlib.h>

struct orphan {
	struct log_name name;
	uint64_t size, floor;
	struct checkpoint held, seen;
	bool frozen;
	struct split *split; /* as the store has it, not verified; NULL: none */
	struct orphan *next;
};

int orphan_keep(struct gossip *g, const struct log_name *name, uint64_t size, uint64_t floor,
	const struct checkpoint *held, const struct checkpoint *seen, bool frozen)
{
	struct orphan *o = calloc(1, sizeof(*o));

	if (!o)
		return ENT_ENOMEM;
	*o = (struct orphan){*name, size, floor, *held, *seen, frozen, NULL, g->orphans};
	g->orphans = o;
	return ENT_ENOTFOUND;
}

int orphan_split(struct gossip *g, const struct split *split)
{
	for (struct orphan *o = g->orphans; o; o = o->next) {
		if (o->split || !log_name_eq(&o->name, &split->first.log))
			continue;
		o->split = malloc(sizeof(*o->split));
		if (!o->split)
			return ENT_ENOMEM;
		*o->split = *split;
	}
	return ENT_ENOTFOUND;
}

bool orphan_is(const struct gossip *g, const struct log_name *name)
{
	for (const struct orphan *o = g->orphans; o; o = o->next)
		if (log_name_eq(&o->name, name))
			return true;
	return false;
}

static void orphan_free(struct orphan *o)
{
	free(o->split);
	free(o);
}

void orphan_floor(struct gossip *g, const struct log_name *name, uint64_t floor)
{
	for (struct orphan *o = g->orphans; o; o = o->next)
		if (log_name_eq(&o->name, name) && floor > o->floor)
			o->floor = floor;
}

void orphans_adopt(struct gossip *g, struct origin *origin)
{
	struct orphan **at = &g->orphans, *o;

	while ((o = *at)) {
		struct feed *f = NULL;

		if (node_id_eq(&o->name.node, &origin->node))
			f = feed_need(g, &o->name, origin);
		if (!f) {
			at = &o->next;
			continue;
		}
		MARK("orphan-adopted");
		*at = o->next;
		feed_load(g, f, o->size, o->floor, &o->held, &o->seen, o->frozen);
		bodies_suspect(g, f);
		feed_aside_stored(g, f);
		feed_announce(g, f);
		if (o->split)
			(void)!split_load(g, f, o->split);
		orphan_free(o);
	}
}

void orphans_free(struct gossip *g)
{
	struct orphan *o;

	while ((o = g->orphans)) {
		g->orphans = o->next;
		orphan_free(o);
	}
}
