/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Doubts (DESIGN 10; PROTOCOL.md, "Split views"): whatever a neighbour says of a feed, a size and
 * a root, is a claim about the one history there is. It costs nothing while it is so: a claim that
 * our own tree bears out is forgotten at once, one that lies ahead waits until the tree is there.
 * One that does not fit ends in one of three ways: in proof against the origin (split.c); in blame
 * for the neighbour, who said what it cannot show; or in nothing, when it was only ahead.
 *
 * The holder of the larger tree has the hashes that show the smaller one not to lie in it: us, or
 * the neighbour, who is asked for them (PROOF_WANT). So the neighbour that shows a fork is innocent
 * as long as it can show it whole.
 */
#include "base/mark.h"
#include "gossip/impl.h"

#include <stdlib.h>

/* A claim that is so far ahead of us for so long is looked into. */
#define STANDS_MS 1500u
/* By then an answer is there, or the line is slow: whoever has said the same is asked too. */
#define ANSWER_MS 10000u
/* An answer that has not come by then will not. */
#define SILENCE_MS 60000u
/* The same neighbour is asked about the same feed no sooner again. */
#define ASK_PAUSE_MS 30000u

enum claim_about {
	CLAIM_TOLD, /* in a head, whole or reduced */
	CLAIM_RUN,  /* a run under this checkpoint did not fit our tree */
};

/* What a neighbour has said of a feed and has not been borne out yet; in g->doubts. */
struct doubt {
	struct link *link;
	struct doubt *next, *prev;
	uint64_t since_ms;
	enum claim_about about;
	uint64_t start;          /* of the run */
	struct checkpoint claim; /* size; root and signature as far as they are known */
	size_t root_len;         /* 8 or 32 */
	bool has_signature, verified;
	uint64_t later_size; /* what it said while this stood; 0: nothing */
	uint8_t later_root[8];
	/* the question that is out */
	bool asked;
	bool accuses; /* the claim contradicts our tree: silence is an answer */
	bool late;    /* it has not answered in time, and may yet */
	uint64_t asked_ms, ask_again_ms;
	uint64_t first, second;
	struct checkpoint mine; /* of size first, or of size 0 */
	bool ours;              /* what is here lies under it, or it under that */
	/* what has been answered of a tree ahead: asked the same, the same would come */
	uint64_t answered_first, answered_size;
};

/* --- doubts ----------------------------------------------------------------------------------- */

static struct doubt *doubt_need(struct gossip *g, struct link *l)
{
	struct doubt *d = l->doubt;

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		abort();
	d->link = l;
	d->since_ms = g->now.mono_ms;
	d->next = g->doubts;
	if (g->doubts)
		g->doubts->prev = d;
	g->doubts = d;
	l->doubt = d;
	return d;
}

void doubt_free(struct gossip *g, struct link *l)
{
	struct doubt *d = l->doubt;

	if (!d)
		return;
	/* Whoever goes through them goes on with the one behind. */
	if (g->doubt_next == d)
		g->doubt_next = d->next;
	if (d->prev)
		d->prev->next = d->next;
	else
		g->doubts = d->next;
	if (d->next)
		d->next->prev = d->prev;
	l->doubt = NULL;
	free(d);
}

/* What l has claimed is looked into at another that has said the same. */
static void ask_another(struct gossip *g, struct link *l, uint64_t size, const uint8_t root[8])
{
	for (struct link *other = l->feed->links; other; other = other->next_of_feed) {
		if (other == l || other->same_size != size ||
			memcmp(other->same_root, root, sizeof(other->same_root)) != 0)
			continue;
		MARK("claim-passed-on");
		other->same_size = 0;
		split_claim(g, other, size, root);
		return;
	}
}

void doubt_pass_on(struct gossip *g, struct link *l)
{
	uint64_t size;
	uint8_t root[8];

	if (!l->doubt)
		return;
	size = l->doubt->claim.size;
	memcpy(root, l->doubt->claim.root.bytes, sizeof(root));
	doubt_free(g, l);
	ask_another(g, l, size, root);
}

void doubts_rejoin(const struct feed *f)
{
	for (struct link *l = f->links; l; l = l->next_of_feed) {
		struct doubt *d = l->doubt;

		l->agrees = 0;
		if (!d)
			continue;
		d->about = CLAIM_TOLD;
		d->accuses = d->ours = false;
		d->answered_first = d->answered_size = 0;
	}
}

bool doubt_waits(const struct link *l)
{
	return l->doubt && l->doubt->asked && l->doubt->about == CLAIM_RUN;
}

/* --- trees ------------------------------------------------------------------------------------ */

/* The root of what is held here, up to a size within it. */
static int own_root(struct gossip *g, const struct feed *f, uint64_t size, struct hash *root)
{
	if (size != f->complete.size)
		return log_root(g, &f->name, size, root);
	*root = f->complete.root;
	return 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* What of ours a larger tree is compared with: the largest checkpoint that is known to contain all
 * that is held here, so that a fork shows wherever it lies. */
static const struct checkpoint *comparable(const struct feed *f, uint64_t size)
{
	return f->ground.size < size && f->ground.size > f->complete.size ? &f->ground
									  : &f->complete;
}

/* Whoever has told of a feed, be it our own, learns nothing by a question about it. */
static bool may_ask(const struct gossip *g, const struct link *l)
{
	return (l->announced || may_see(g, l->session, l->feed)) &&
	       may_take(g, l->session, &l->feed->name);
}

static bool ask(struct gossip *g, struct doubt *d, uint64_t first, uint64_t second,
	const struct checkpoint *mine)
{
	struct link *l = d->link;
	struct wire_message m = {
		.type = WIRE_PROOF_WANT, .proof_want = {l->feed->name, first, second}};

	if (!may_ask(g, l))
		return false;
	d->asked = true;
	d->asked_ms = g->now.mono_ms;
	d->ask_again_ms = g->now.mono_ms + ASK_PAUSE_MS;
	d->first = first;
	d->second = second;
	if (mine)
		d->mine = *mine;
	else
		d->mine.size = 0;
	d->ours = mine != &l->feed->ground || !l->feed->ground_guessed;
	send_message(g, l->session, &m);
	return true;
}

/* When it is its turn. */
static void ask_in_turn(struct gossip *g, struct doubt *d, uint64_t first,
	const struct checkpoint *mine)
{
	if (!d->asked && g->asks_left > 0 && ask(g, d, first, d->claim.size, mine))
		g->asks_left--;
}

/* For a claim that is larger than what is held here. */
static void ask_ahead(struct gossip *g, struct doubt *d)
{
	const struct checkpoint *mine = comparable(d->link->feed, d->claim.size);
	/* A feed may wait for long, for another day's quota for one. */
	bool answered = mine->size == d->answered_first && d->claim.size <= d->answered_size;

	/* Nothing is whole here, or only what was answered about, but what the claim covers is:
	 * only its signature lacks. */
	if ((mine->size == 0 || answered) && d->claim.size <= d->link->feed->held) {
		if (!d->has_signature)
			ask_in_turn(g, d, d->claim.size, NULL);
		return;
	}
	if (answered)
		return;
	if (mine->size > 0 && mine->size < d->claim.size)
		ask_in_turn(g, d, mine->size, mine);
}

/* --- settling --------------------------------------------------------------------------------- */

/* What the neighbour has said meanwhile takes the place of its claim. */
static void doubt_end(struct gossip *g, struct link *l,
	void (*end)(struct gossip *g, struct link *l))
{
	uint64_t size = l->doubt->later_size;
	uint8_t root[8];

	memcpy(root, l->doubt->later_root, sizeof(root));
	end(g, l);
	if (size)
		split_claim(g, l, size, root);
}

static bool claim_fits(const struct doubt *d, const struct hash *root)
{
	return memcmp(d->claim.root.bytes, root->bytes, d->root_len) == 0;
}

static bool claim_signed(struct doubt *d)
{
	const struct feed *f = d->link->feed;

	if (!d->verified && d->has_signature)
		d->verified = checkpoint_verify(&d->claim,
				      origin_key(f->origin, f->name.incarnation)) == 0;
	return d->verified;
}

/* Our tree has reached the claim and says otherwise. */
static void claim_contradicts(struct gossip *g, struct doubt *d)
{
	struct link *l = d->link;
	struct session *s = l->session;
	struct feed *f = l->feed;

	MARK("claim-contradicts-own-tree");
	d->accuses = true;
	if (!d->has_signature) {
		if (may_ask(g, l))
			ask_in_turn(g, d, d->claim.size, NULL);
		else
			doubt_pass_on(g, l);
		return;
	}
	if (!claim_signed(d)) {
		doubt_pass_on(g, l);
		not_signed(g, s, f->origin, "announced a checkpoint that its origin did not sign");
	} else if (!split_prove_own(g, s, f, &d->claim)) {
		doubt_free(g, l); /* the store cannot read what it holds */
	}
}

/* Our tree bears out what l has said, and so whoever has said the same. */
static void claim_holds(struct link *l, uint64_t size, const uint8_t root[8])
{
	if (l->agrees < size)
		l->agrees = size;
	for (struct link *other = l->feed->links; other; other = other->next_of_feed)
		if (other->same_size == size && other->agrees < size &&
			memcmp(other->same_root, root, sizeof(other->same_root)) == 0)
			other->agrees = size;
}

/* Compares the claim with our tree, if that is there already. */
static void doubt_settle(struct gossip *g, struct doubt *d)
{
	const struct feed *f = d->link->feed;
	struct hash root;

	if (d->asked || d->claim.size > f->complete.size)
		return;
	if (d->claim.size != f->complete.size) {
		if (g->reads_left == 0)
			return;
		g->reads_left--;
	}
	if (own_root(g, f, d->claim.size, &root) != 0) {
		doubt_end(g, d->link, doubt_free);
	} else if (claim_fits(d, &root)) {
		claim_holds(d->link, d->claim.size, root.bytes);
		doubt_end(g, d->link, doubt_free);
	} else {
		claim_contradicts(g, d);
	}
}

/* Who told of a checkpoint and does not hold so much has nothing to show for it but its signature,
 * by which alone nothing is seen before our own tree is there. */
static bool may_show(const struct doubt *d)
{
	return d->link->peer_held >= d->claim.size ||
	       (d->has_signature && d->claim.size <= d->link->feed->held);
}

/* Has another neighbour said the same? Then it is looked into there. */
static bool claim_known(const struct feed *f, uint64_t size, const uint8_t *root, size_t root_len)
{
	for (const struct link *l = f->links; l; l = l->next_of_feed)
		if (l->doubt && !l->doubt->late && may_show(l->doubt) &&
			l->doubt->claim.size == size && l->doubt->root_len >= root_len &&
			memcmp(l->doubt->claim.root.bytes, root, root_len) == 0)
			return true;
	return false;
}

static struct doubt *claim_put(struct gossip *g, struct link *l, uint64_t size, const uint8_t *root,
	size_t root_len)
{
	const struct feed *f = l->feed;
	struct doubt *d;

	if (size == 0 || f->frozen || f->origin->frozen || f->split)
		return NULL;
	/* Nobody can hold more of ours than we have signed: that is another matter (recover.c). */
	if (f->own && size > f->complete.size)
		return NULL;
	if (size == f->complete.size && memcmp(root, f->complete.root.bytes, root_len) == 0) {
		claim_holds(l, size, root);
		return NULL;
	}
	if (!l->doubt && claim_known(f, size, root, root_len)) {
		l->same_size = size;
		memcpy(l->same_root, root, sizeof(l->same_root));
		return NULL;
	}
	/* One at a time, the one that is reached first, and the newest of the others. */
	if (l->doubt && (l->doubt->asked || l->doubt->claim.size <= size)) {
		MARK("claim-waits-for-another");
		l->doubt->later_size = size;
		memcpy(l->doubt->later_root, root, sizeof(l->doubt->later_root));
		return NULL;
	}
	d = doubt_need(g, l);
	if (d->claim.size > size && d->later_size < d->claim.size) {
		d->later_size = d->claim.size;
		memcpy(d->later_root, d->claim.root.bytes, sizeof(d->later_root));
	}
	d->about = CLAIM_TOLD;
	d->claim = (struct checkpoint){.log = f->name, .size = size};
	memcpy(d->claim.root.bytes, root, root_len);
	d->root_len = root_len;
	d->has_signature = d->verified = d->accuses = false;
	return d;
}

void split_claim(struct gossip *g, struct link *l, uint64_t size, const uint8_t root[8])
{
	struct doubt *d = claim_put(g, l, size, root, 8);

	if (d)
		doubt_settle(g, d);
}

void split_checkpoint(struct gossip *g, struct link *l, const struct checkpoint *c, bool verified)
{
	struct feed *f = l->feed;
	struct doubt *d;

	/* Of equal sizes the pair is all it takes, whatever is held. */
	if (verified && c->size == f->seen.size && !hash_eq(&c->root, &f->seen.root) &&
		split_prove(g, l->session, f, &f->seen, c, NULL, 0))
		return;
	d = claim_put(g, l, c->size, c->root.bytes, HASH_BYTES);
	if (!d)
		return;
	memcpy(d->claim.signature, c->signature, sizeof(c->signature));
	d->has_signature = true;
	d->verified = verified;
	doubt_settle(g, d);
}

void split_grown(struct gossip *g, struct feed *f)
{
	struct link *next;

	for (struct link *l = f->links; l && !f->split; l = next) {
		next = l->next_of_feed;
		if (l->doubt)
			doubt_settle(g, l->doubt);
	}
}

bool split_run(struct gossip *g, struct session *s, struct feed *f, const struct ingest_job *job)
{
	const struct checkpoint *c = &job->checkpoint;
	struct link *l = link_find(s, f);
	const struct checkpoint *mine = comparable(f, c->size);
	struct doubt *d;

	if (!l)
		return false;
	/* Its cards contradict each other since: what it has signed is not looked into. */
	if (f->origin->frozen) {
		link_unfit(g, l);
		return true;
	}
	/* Under the checkpoint that our own tree stands under, or with nothing of ours that it goes
	 * on from. */
	if (f->ground.size == c->size ? !f->ground_guessed || !hash_eq(&f->ground.root, &c->root)
				      : f->ground.size == 0 && (job->start == 0 || job->joins))
		return split_prove(g, s, f, &f->ground, c, NULL, 0);
	MARK("run-in-doubt");
	/* The agreement has ended since, or the session does: what cannot be asked about blames
	 * nobody. */
	if (mine->size > 0 && !may_ask(g, l)) {
		link_unfit(g, l);
		return true;
	}
	doubt_free(g, l);
	d = doubt_need(g, l);
	d->about = CLAIM_RUN;
	d->start = job->start;
	d->claim = *c;
	d->root_len = HASH_BYTES;
	d->has_signature = d->verified = true;
	l->distrust_until_ms = g->now.mono_ms + DISTRUST_MS;
	link_unfit(g, l);
	if (mine->size > 0)
		ask(g, d, mine->size, c->size, mine);
	return true;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* A tree that agrees with ours has not come from where the claim did. */
static void claim_refuted(struct gossip *g, struct doubt *d)
{
	struct link *l = d->link;
	struct session *s = l->session;
	enum claim_about about = d->about;

	if (about == CLAIM_RUN) {
		doubt_pass_on(g, l);
		peer_lied(g, s, &l->feed->name, err_sentence(ENT_EPROOF));
		return;
	}
	if (d->accuses)
		raise_alarm(g, "root-differs",
			"a neighbour said another root than it can show; nothing speaks against "
			"the origin",
			&s->peer, &l->feed->name);
	doubt_end(g, l, doubt_pass_on);
}

/* Asked for a checkpoint, it came with a newer one: now there is something to compare. The one that
 * was meant another may still show. */
static void answer_moved_on(struct gossip *g, struct doubt *d, const struct checkpoint *c)
{
	const struct checkpoint meant = d->claim;
	bool shown = d->has_signature || meant.size >= c->size;
	struct link *l = d->link;

	d->claim = *c;
	d->root_len = HASH_BYTES;
	d->has_signature = d->verified = true;
	if (d->mine.size == 0)
		ask_ahead(g, d);
	if (!shown)
		ask_another(g, l, meant.size, meant.root.bytes);
}

/* What goes on from the checkpoint that was taken for that of our tree does not fit it: by what is
 * whole here more may come to light. */
static void ground_is_not_ours(struct feed *f, const struct checkpoint *mine)
{
	if (!f->ground_guessed || !checkpoint_same(mine, &f->ground))
		return;
	MARK("ground-was-another");
	f->ground = f->complete;
	f->ground_guessed = false;
}

/* c is larger than anything of ours: what do its hashes say of ours? */
static void answer_larger(struct gossip *g, struct doubt *d, const struct checkpoint *c,
	const struct wire_proof *p)
{
	const struct hash *hashes = (const struct hash *)p->hashes;
	struct link *l = d->link;
	struct feed *f = l->feed;
	struct hash first, second;

	if (d->mine.size > 0) {
		d->answered_first = d->mine.size;
		d->answered_size = c->size;
	}
	if (d->mine.size == 0 || p->hashes_len == 0) {
		answer_moved_on(g, d, c);
		return;
	}
	if (proof_roots(d->mine.size, c->size, hashes, p->hashes_len, &first, &second) != 0 ||
		!hash_eq(&second, &c->root)) {
		struct session *s = l->session;

		doubt_pass_on(g, l);
		misbehaved(g, s, "answered with hashes that do not lead to its checkpoint");
		return;
	}
	if (!hash_eq(&first, &d->mine.root)) {
		if (!split_prove(g, l->session, f, &d->mine, c, hashes, p->hashes_len))
			doubt_free(g, l);
		return;
	}
	if (d->ours)
		claim_holds(l, d->mine.size, first.bytes);
	else if (d->about == CLAIM_RUN)
		ground_is_not_ours(f, &d->mine);
	feed_complete(g, f, c);
	/* It goes on from ours. Where ours reached the run, the run was a lie, as was a root within
	 * ours; else what lies ahead will tell. */
	if (d->about == CLAIM_RUN ? d->ours && d->mine.size >= d->start : d->accuses) {
		claim_refuted(g, d);
		return;
	}
	d->about = CLAIM_TOLD;
	if (d->claim.size < c->size)
		return;
	d->claim = *c;
	d->root_len = HASH_BYTES;
	d->has_signature = d->verified = true;
}

static void answer_judge(struct gossip *g, struct doubt *d, const struct checkpoint *c,
	const struct wire_proof *p)
{
	struct link *l = d->link;
	struct feed *f = l->feed;
	struct hash root;

	d->asked = false;
	/* Nobody holds more of ours than we have signed: a copy runs; perhaps a fork shows. */
	if (f->own && c->size > f->complete.size) {
		recover_shown(g, l->session, f, c);
		/* With what was shown before it may be proof: then no doubt is left. */
		if (l->doubt && d->mine.size > 0 && p->hashes_len > 0)
			answer_larger(g, d, c, p);
		doubt_free(g, l);
		return;
	}
	if (c->size == d->mine.size && !hash_eq(&c->root, &d->mine.root) &&
		split_prove(g, l->session, f, &d->mine, c, NULL, 0))
		return;
	if (c->size > f->complete.size) {
		answer_larger(g, d, c, p);
		return;
	}
	if (own_root(g, f, c->size, &root) != 0)
		doubt_free(g, l);
	else if (hash_eq(&root, &c->root))
		claim_refuted(g, d);
	else if (!split_prove_own(g, l->session, f, c))
		doubt_free(g, l);
}

void on_proof(struct gossip *g, struct session *s, const struct wire_proof *p)
{
	struct feed *f = feed_find(g, &p->feed);
	struct link *l = f ? link_find(s, f) : NULL;
	struct doubt *d = l ? l->doubt : NULL;
	struct checkpoint c;

	if (p->feed.audience.kind == AUDIENCE_PROVENANCE) {
		on_witness_proof(g, s, p);
		return;
	}
	/* Unasked, or too late. */
	if (!d || !d->asked || p->first != d->first || p->second < d->second)
		return;
	if (!p->checkpoint.present || p->checkpoint.size != p->second) {
		misbehaved(g, s, "sent a proof for another size than its checkpoint's");
		return;
	}
	checkpoint_from_wire(&c, &f->name, &p->checkpoint);
	if (checkpoint_verify(&c, origin_key(f->origin, f->name.incarnation)) != 0) {
		doubt_free(g, l);
		not_signed(g, s, f->origin, "announced a checkpoint that its origin did not sign");
		return;
	}
	answer_judge(g, d, &c, p);
}

/* It is asked about a run, perhaps, of which it may say nothing any more: paused, or by other
 * terms. Silence would be held against this node, and the end of the session against nobody. */
static void cannot_account(struct gossip *g, struct session *s)
{
	MARK("cannot-account");
	close_session(g, s, BYE_STOPPING, "may not account for what it has given", 0);
	g->last->action.drop = true;
}

void on_proof_want(struct gossip *g, struct session *s, const struct wire_proof_want *want)
{
	struct wire_message m = {.type = WIRE_PROOF};
	struct feed *f = feed_find(g, &want->feed);
	const struct link *l = f ? link_find(s, f) : NULL;
	struct log_tree tree = {g, &want->feed};
	struct proof proof = {0};

	if (asks_too_dearly(g, s, GOSSIP_DEAR_PROOF)) {
		misbehaved(g, s, "wants proofs again and again");
		return;
	}
	if (want->feed.audience.kind == AUDIENCE_PROVENANCE) {
		witness_proof_want(g, s, want);
		return;
	}
	/* Nor can it while it joins at a floor: what it has given is not here any more. */
	if (l && l->given && (!may_send(g, s, &want->feed) || f->complete.size < f->floor)) {
		cannot_account(g, s);
		return;
	}
	/* The newest that we can show a checkpoint for, which may be beyond what was asked. */
	if (!f || !may_send(g, s, &want->feed) || want->first == 0 || want->first > want->second ||
		want->second > f->complete.size)
		return;
	/* Below a floor hashes may be missing: then the checkpoint alone goes. */
	if (want->first < f->complete.size &&
		proof_split_build(&proof, want->first, f->complete.size, log_subtree, &tree) != 0)
		proof.hashes_len = 0;
	m.proof.feed = want->feed;
	m.proof.first = want->first;
	m.proof.second = f->complete.size;
	m.proof.hashes = (const uint8_t(*)[32])proof.hashes;
	m.proof.hashes_len = proof.hashes_len;
	checkpoint_to_wire(&m.proof.checkpoint, &f->complete);
	send_message(g, s, &m);
}

/* --- time ------------------------------------------------------------------------------------- */

/* It has sent a run that does not fit, and does not say why. */
static void run_unanswered(struct gossip *g, struct doubt *d)
{
	struct link *l = d->link;
	struct session *s = l->session;

	if (g->now.mono_ms - d->asked_ms >= SILENCE_MS) {
		doubt_free(g, l);
		peer_silent(g, s, &l->feed->name);
	} else if (!d->late) {
		d->late = true;
		ask_another(g, l, d->claim.size, d->claim.root.bytes);
	}
}

/* No answer. A root that stays unexplained is told to the operator. */
static void doubt_unanswered(struct gossip *g, struct doubt *d)
{
	struct link *l = d->link;

	if (!may_ask(g, l)) {
		doubt_pass_on(g, l);
	} else if (d->about == CLAIM_RUN) {
		run_unanswered(g, d);
	} else {
		d->asked = false;
		if (d->accuses)
			claim_refuted(g, d);
	}
}

static void doubt_tick(struct gossip *g, struct doubt *d)
{
	uint64_t now = g->now.mono_ms;
	struct feed *f = d->link->feed;

	if (d->link->session->closing)
		return;
	if (d->asked) {
		if (now - d->asked_ms >= ANSWER_MS)
			doubt_unanswered(g, d);
		return;
	}
	if (d->claim.size <= f->complete.size)
		doubt_settle(g, d);
	else if (now - d->since_ms < STANDS_MS)
		return;
	else if (d->claim.size <= f->held && claim_signed(d))
		feed_complete(g, f, &d->claim);
	else if (now >= d->ask_again_ms && d->link->peer_held >= d->claim.size)
		ask_ahead(g, d);
	else if (now >= d->ask_again_ms && !may_show(d)) {
		d->ask_again_ms = now + ASK_PAUSE_MS;
		ask_another(g, d->link, d->claim.size, d->claim.root.bytes);
	}
}

void splits_tick(struct gossip *g)
{
	g->reads_left = GOSSIP_DOUBT_READS;
	g->asks_left = GOSSIP_DOUBT_ASKS;
	for (struct doubt *d = g->doubts; d; d = g->doubt_next) {
		g->doubt_next = d->next;
		doubt_tick(g, d);
	}
}
