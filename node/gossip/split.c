/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Split views: an origin that signs two histories is proven to have done so by two checkpoints that
 * cannot both be true, which freeze the feed where it stands, are kept, and are told once to
 * everybody who may see it. How they are found out is in doubt.c.
 */
#include "base/mark.h"
#include "gossip/impl.h"

#include <stdlib.h>

/* --- proof ------------------------------------------------------------------------------------ */

/* Who may see the feed: from us, or by giving it to us. Of our own feeds, former ones too,
 * everybody's word is heard, which does not mean that they may be named to them. */
bool may_see(const struct gossip *g, const struct session *s, const struct feed *f)
{
	bool ours = node_id_eq(&f->name.node, &g->config.self);

	return may_send(g, s, &f->name) || (!ours && may_take(g, s, &f->name));
}

static void split_tell(struct gossip *g, struct session *s, struct feed *f)
{
	struct wire_message m = {.type = WIRE_SPLIT};
	struct link *l;

	/* By no card that the other takes for good it could be verified. */
	if (!may_see(g, s, f) || !origin_key(f->origin, f->name.incarnation))
		return;
	l = link_need(g, s, f);
	if (!l || l->split_told)
		return;
	if (s->unflushed >= TELL_AHEAD) {
		MARK("proofs-wait");
		s->splits_wait = true;
		return;
	}
	l->split_told = true;
	/* Without the card that names the incarnation the proof is nothing. */
	chain_tell(g, s, f->origin);
	split_to_wire(&m.split, f->split);
	send_message(g, s, &m);
}

void split_tell_all(struct gossip *g, struct session *s)
{
	void *value;
	size_t at = 0;

	s->splits_wait = false;
	for (; g->splits > 0 && map_next(&g->feeds, &at, NULL, &value);) {
		struct feed *f = value;

		if (f->split)
			split_tell(g, s, f);
	}
}

static void split_keep(struct gossip *g, struct feed *f, const struct split *split)
{
	MARK("split-proven");
	f->split = malloc(sizeof(*f->split));
	if (!f->split)
		abort();
	*f->split = *split;
	g->splits++;
}

/* Our own log key has signed what we did not: somebody else runs with it. What a former incarnation
 * signed is settled. */
static void own_split(struct gossip *g, struct feed *f, const struct session *s)
{
	const struct origin *o = f->origin;

	if (f->name.incarnation == o->logs[o->logs_len - 1].incarnation)
		recover_conflict(g, s ? &s->peer : NULL, f);
}

/* Somebody's word, s, has led to it. */
static void split_proven(struct gossip *g, struct session *s, struct feed *f,
	const struct split *split)
{
	struct wire_message m = {.type = WIRE_SPLIT};
	struct queued_action *q;

	split_keep(g, f, split);
	for (struct link *l = f->links; l; l = l->next_of_feed)
		doubt_free(g, l);
	/* What is ours is not frozen but not signed any more. */
	if (f->own)
		own_split(g, f, s);
	else
		feed_freeze(g, s, f);
	q = action_new(g, GOSSIP_SPLIT);
	q->action.feed = f->name;
	split_to_wire(&m.split, split);
	if (wire_encode(&q->message, &m) != 0)
		abort();
	q->action.message = bytes_skip(buf_view(&q->message), WIRE_PREFIX_BYTES);
	enter_act(g, s, ACT_SPLIT_PROVEN, f, split->first.size, split->second.size, false);
	raise_alarm(g, "split-view",
		f->own ? "our own log key has signed two histories of this feed: a clone runs"
		       : "the origin signed two histories of this feed; it is frozen, and the "
			 "proof "
			 "kept",
		NULL, &f->name);
	for (struct session *to = g->sessions; to; to = to->next)
		split_tell(g, to, f);
}

/* Two checkpoints, and the hashes for their sizes where these differ. False: they prove nothing. */
bool split_prove(struct gossip *g, struct session *s, struct feed *f, const struct checkpoint *a,
	const struct checkpoint *b, const struct hash *hashes, size_t hashes_len)
{
	const uint8_t *key = origin_key(f->origin, f->name.incarnation);
	struct split split = {.first = *a, .second = *b, .hashes_len = hashes_len};

	if (hashes_len)
		memcpy(split.hashes, hashes, hashes_len * sizeof(hashes[0]));
	if (f->split || split_verify(&split, key) != 0)
		return false;
	split_proven(g, s, f, &split);
	return true;
}

/* A signed checkpoint that is not a prefix of our tree, of a size that it has reached. */
bool split_prove_own(struct gossip *g, struct session *s, struct feed *f,
	const struct checkpoint *c)
{
	struct log_tree tree = {g, &f->name};
	struct proof p = {0};

	if (c->size < f->complete.size &&
		proof_split_build(&p, c->size, f->complete.size, log_subtree, &tree) != 0)
		return false;
	return split_prove(g, s, f, c, &f->complete, p.hashes, p.hashes_len);
}

int split_load(struct gossip *g, struct feed *f, const struct split *split)
{
	int rc = split_verify(split, origin_key(f->origin, f->name.incarnation));

	if (rc != 0 || f->split)
		return rc;
	split_keep(g, f, split);
	f->frozen |= !f->own;
	if (f->own)
		own_split(g, f, NULL);
	for (struct session *to = g->sessions; to; to = to->next)
		split_tell(g, to, f);
	return 0;
}

/* --- what others have proved ------------------------------------------------------------------ */

void on_split(struct gossip *g, struct session *s, const struct wire_split *w)
{
	struct origin *o = origin_find(g, &w->feed.node);
	const uint8_t *key = o ? origin_key(o, w->feed.incarnation) : NULL;
	struct feed *f = NULL;
	struct split split;
	struct link *l;

	if (!key)
		s->missed = true;
	else if (may_take(g, s, &w->feed) || may_send(g, s, &w->feed))
		f = feed_need(g, &w->feed, o);
	l = f ? link_need(g, s, f) : NULL;
	if (!l) {
		g->heads_ignored++;
		return;
	}
	/* Each is told once, and again when its teller was asked for its heads: a few rogue origins
	 * are enough for many. What is ignored costs no more than a head. */
	if (++l->splits_heard > 1 + s->terms_sent && asks_too_often(g, s)) {
		misbehaved(g, s, "tells of split views again and again");
		return;
	}
	l->split_told = true;
	if (f->split)
		return;
	split_from_wire(&split, w);
	if (split_verify(&split, key) != 0) {
		MARK("split-unproven");
		l->split_told = false;
		not_signed(g, s, o, "accuses an origin of a split view without proof");
		return;
	}
	split_proven(g, s, f, &split);
}
