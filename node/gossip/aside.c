/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One name, two keys. Who has stolen a former root may name in his card the very incarnation that
 * the owner's next card names. That one beats his, but whoever took his first has entries, heads
 * and proofs of his under a name that means the owner's feed from now on. All of it is given up
 * here, and put aside in the store; then the feed begins anew, as one of which nothing was known.
 */
#include "gossip/impl.h"

#include <stdlib.h>

static void link_forget(struct gossip *g, struct link *l)
{
	if (l->sink != SINK_NONE)
		sink_close(g, l);
	doubt_free(g, l);
	l->announced = l->told = l->split_told = l->held_due = false;
	l->peer_held = l->peer_floor = l->told_size = l->same_size = l->agrees = 0;
	l->unfit_told = l->asked_ms = l->distrust_until_ms = l->receipt_size = 0;
	l->vain = 0;
	l->receipt_due = true;
	/* It may have told of the owner's feed, or does so now. */
	l->session->ask_heads = true;
}

static void feed_forget(struct gossip *g, struct feed *f)
{
	static const struct checkpoint none;

	feed_leave(g, f, true);
	feed_unlag(g, f);
	bodies_forget(g, f);
	for (struct link *l = f->links; l; l = l->next_of_feed)
		link_forget(g, l);
	g->splits -= f->split != NULL;
	free(f->split);
	f->split = NULL;
	f->frozen = f->ground_guessed = false;
	f->held = f->expected = f->floor = f->urgent_until = 0;
	f->completing = f->receipted_size = f->cut_ms = f->behind_ms = 0;
	f->complete = f->seen = f->ground = none;
	f->receipts_len = 0;
}

/* The runs that are on their way are stored first: behind them nothing of it comes any more. */
static void out(struct gossip *g, struct feed *f)
{
	if (f->jobs == 0)
		action_new(g, GOSSIP_PUT_ASIDE)->action.feed = f->name;
}

void feed_aside(struct gossip *g, struct feed *f)
{
	const uint8_t *key = origin_key(f->origin, f->name.incarnation);
	bool nothing = f->held == 0 && f->jobs == 0 && !f->frozen;

	memcpy(f->log_key, key, sizeof(f->log_key));
	feed_forget(g, f);
	if (nothing || f->aside)
		return;
	MARK("feed-put-aside");
	raise_alarm(g, "feed-put-aside",
		"what is here of this feed was signed by a key that no card in force names: a "
		"stolen root? It is put aside, and the feed is taken anew",
		NULL, &f->name);
	f->aside = true;
	out(g, f);
}

void feed_aside_stored(struct gossip *g, struct feed *f)
{
	if (f->origin->rotated && !node_id_eq(&f->name.node, &g->config.self) && f->seen.size > 0 &&
		checkpoint_verify(&f->seen, f->log_key) != 0)
		feed_aside(g, f);
}

bool feed_aside_run(struct gossip *g, struct feed *f)
{
	if (!f)
		return false;
	f->jobs -= f->jobs > 0;
	if (f->aside)
		out(g, f);
	return f->aside;
}

void gossip_put_aside(struct gossip *g, struct gossip_time now, const struct log_name *feed,
	bool done)
{
	struct feed *f = feed_find(g, feed);

	g->now = now;
	if (!f || !f->aside || !done)
		return;
	f->aside = false;
	/* What it had erased is so no more, in former feeds too. */
	bodies_suspect_all(g, f);
	feed_choose(g, f);
	arena_reset(&g->scratch);
}
