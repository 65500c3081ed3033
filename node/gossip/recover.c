/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * When a node may sign (DESIGN 11; PROTOCOL.md, "Recovery"): it must never sign two histories, so
 * one that may be an old copy of itself is mute until it has back what it had signed.
 *
 *     GOES_ON ──no guard─────────────────────────────▶ HEARS ──all heard, all held──▶ GOES_ON
 *             ──store behind the guard──▶ PULLS ──guard reached────────────────────▶ GOES_ON
 *                                           │ a peer shows more than the guard
 *                                           ▼
 *             ──shown an own checkpoint────▶ HEARS   the second time in a life: STOPPED
 *             ──shown another history──────▶ STOPPED
 *             ──an agreement older than HEARS is in force again────▶ HEARS
 *
 * STOPPED ends by the operator's word, and never where two histories are signed: that log key is
 * lost, and only a new incarnation goes on.
 *
 * What was shown is believed only where the own signature holds. So a peer that lies can keep
 * nobody mute, and one that remembers makes sure that nobody forks.
 */
#include <stdlib.h>

#include "base/mark.h"
#include "gossip/impl.h"

/* Peers tell of growth once a second at most: so long after the last news nothing is on its way. */
#define QUIET_MS 1500u

static bool is_mute(const struct gossip *g)
{
	return g->recovery.state != RECOVERY_GOES_ON;
}

static bool root_is(const struct gossip *g, const struct log_name *feed, uint64_t size,
	const struct hash *root, bool *failed)
{
	struct range range;
	struct hash have;

	*failed = g->config.store.range(g->config.store.ctx, feed, 0, size, &range) != 0;
	if (*failed)
		return false;
	range_root(&range, &have);
	return hash_eq(&have, root);
}

/* Is what a checkpoint of ours covers here, signed again or not? After a crash a peer may have the
 * checkpoint before it is signed here again, which gives the same bytes. */
static bool is_here(const struct gossip *g, const struct feed *f, const struct checkpoint *c)
{
	bool failed;

	if (c->size == 0)
		return true;
	if (c->size > f->held)
		return false;
	/* A store that fails accuses nobody. */
	return root_is(g, &f->name, c->size, &c->root, &failed) || failed;
}

/* --- going mute ------------------------------------------------------------------------------- */

static void say_mute(struct gossip *g, const char *rule, const char *text,
	const struct node_id *peer, const struct log_name *feed)
{
	struct queued_action *q = action_new(g, GOSSIP_MUTE);

	g->recovery.rule = q->action.rule = rule;
	g->recovery.why = q->action.text = text;
	if (peer)
		q->action.peer = *peer;
	if (feed)
		q->action.feed = *feed;
}

static void enter_state(struct gossip *g, enum gossip_recovery state)
{
	g->recovery.state = state;
	g->recovery.quiet_ms = g->now.mono_ms;
	g->recovery.confirmed = false;
	g->recovery.late_len = 0;
}

/* Whoever is connected and has told all its heads tells of news by itself; the others are to be
 * heard anew. */
static void hear_again(struct gossip *g)
{
	void *value;

	for (size_t at = 0; map_next(&g->totals, &at, NULL, &value);) {
		struct peer_totals *t = value;

		t->heard = t->given_up = false;
	}
	for (struct session *s = g->sessions; s; s = s->next) {
		if (s->heard)
			recover_hear(g, s);
		s->ask_heads |= s->greeted;
	}
	terms_note(g, true);
}

static void cut_tail(struct gossip *g, struct feed *f)
{
	struct queued_action *q;

	if (f->cutting)
		return;
	MARK("unsigned-tail-to-cut");
	f->cutting = true;
	feed_leave(g, f, true);
	q = action_new(g, GOSSIP_CUT);
	q->action.feed = f->name;
}

/* Death came between signature and the commit of the checkpoint: what is here was signed, as the
 * guard has it, and told. A store that fails says nothing against it. */
static bool guard_covers(const struct gossip *g, const struct feed *f)
{
	bool failed;

	return f->guard_size > f->complete.size && f->guard_size <= f->held &&
	       (root_is(g, &f->name, f->guard_size, &f->guard_root, &failed) || failed);
}

/* A feed whose unsigned tail cannot stand before what was signed loses it first. What is being
 * taken back lies under a signature (ground), and more of it may be on its way to the disk; and so
 * does all that came since the feed was joined at a floor, until its checkpoint is whole. */
static bool has_tail(const struct gossip *g, const struct feed *f)
{
	return f->floor <= f->complete.size && f->held > f->complete.size &&
	       f->ground.size < f->held && f->expected == f->held && !guard_covers(g, f);
}

static void want_cut(struct gossip *g, struct feed *f)
{
	if (has_tail(g, f))
		cut_tail(g, f);
}

bool recover_misfit(struct gossip *g, struct feed *f, uint64_t start)
{
	if (!f->own || !is_mute(g) || start != f->held)
		return false;
	cut_tail(g, f);
	return true;
}

static void alarm_clone(struct gossip *g, const char *text, const struct node_id *peer,
	const struct feed *f)
{
	raise_alarm(g, "clone", text, peer, &f->name);
	g->last->action.severity = "page";
}

/* What is asked for already may still come: it leads elsewhere than what is here, which is nothing
 * that whoever gives it could be blamed for. */
static void own_leave(struct gossip *g)
{
	void *value;

	for (size_t at = 0; map_next(&g->feeds, &at, NULL, &value);)
		if (((struct feed *)value)->own)
			feed_leave(g, value, true);
}

void recover_conflict(struct gossip *g, const struct node_id *peer, const struct feed *f)
{
	if (g->recovery.conflict)
		return;
	MARK("own-history-forked");
	g->recovery.conflict = true;
	own_leave(g);
	enter_state(g, RECOVERY_STOPPED);
	alarm_clone(g, "two histories were signed with this node's log key", peer, f);
	say_mute(g, "split",
		"two histories were signed with this node's log key: a clone runs, or an old copy "
		"has "
		"signed",
		peer, &f->name);
}

void gossip_corrupt(struct gossip *g, struct gossip_time now, const struct log_name *feed)
{
	g->now = now;
	MARK("own-reads-back-otherwise");
	g->recovery.conflict = true;
	own_leave(g);
	enter_state(g, RECOVERY_STOPPED);
	say_mute(g, "corrupt",
		"what was written reads back with another hash: the disk or the memory of this "
		"machine is not to be trusted",
		NULL, feed);
}

static void own_ahead(struct gossip *g, const struct node_id *peer, const struct feed *f)
{
	bool again = g->recovery.recoveries > 0;

	MARK("own-ahead");
	if (again || g->recovery.has_signed)
		alarm_clone(g,
			"a peer shows what this node has signed and does not hold, after it had "
			"gone on: a second copy of it runs",
			peer, f);
	enter_state(g, again ? RECOVERY_STOPPED : RECOVERY_HEARS);
	hear_again(g);
	if (again)
		say_mute(g, "clone",
			"a peer shows a checkpoint of ours that we do not hold, for the second "
			"time: a "
			"clone of this node runs",
			peer, &f->name);
	else
		say_mute(g, "own-ahead",
			"a peer shows a checkpoint of ours that we do not hold: this is a restored "
			"copy, or a clone runs",
			peer, &f->name);
}

/* --- what is shown ---------------------------------------------------------------------------- */

/* Is what a checkpoint of ours covers, and is not here, another history than what was signed here
 * or stands in the guard? */
static bool contradicts(const struct gossip *g, const struct feed *f, const struct checkpoint *c)
{
	return c->size <= f->complete.size ||
	       (c->size == f->seen.size && !hash_eq(&c->root, &f->seen.root)) ||
	       (c->size == f->guard_size && !hash_eq(&c->root, &f->guard_root)) ||
	       (c->size < f->guard_size && guard_covers(g, f));
}

/* Mute for some agreements alone: all others had been heard by the last life, of which this may be
 * an older copy. */
static bool older_than_known(const struct gossip *g, const struct feed *f,
	const struct checkpoint *c)
{
	if (g->recovery.late_len == 0 || g->recovery.recoveries > 0 || c->size <= f->guard_size)
		return false;
	for (size_t i = 0; i < g->recovery.late_len; i++)
		if (f->name.audience.kind == AUDIENCE_AGREEMENT &&
			f->name.audience.id == g->recovery.late[i])
			return false;
	return true;
}

static void keep_shown(struct gossip *g, struct feed *f, const struct checkpoint *c)
{
	struct queued_action *q;

	if (f->least.size == 0 || c->size < f->least.size)
		f->least = *c;
	if (c->size <= f->seen.size)
		return;
	f->seen = *c;
	MARK("own-checkpoint-kept");
	q = action_new(g, GOSSIP_KEEP);
	q->action.feed = f->name;
	q->action.checkpoint = *c;
}

/* What was shown below the newest may be of another history than that: the peer that has shown it
 * may be gone by the time that this can be seen. */
void recover_grown(struct gossip *g, struct feed *f)
{
	static const struct checkpoint none;
	struct checkpoint least = f->least;

	if (least.size == 0 || least.size > f->complete.size)
		return;
	f->least = none;
	if (is_here(g, f, &least))
		return;
	MARK("shown-before-is-another");
	recover_conflict(g, NULL, f);
	split_prove_own(g, NULL, f, &least);
}

/* A checkpoint of an own feed, the signature of which holds. */
void recover_shown(struct gossip *g, struct session *s, struct feed *f, const struct checkpoint *c)
{
	const struct node_id *peer = s ? &s->peer : NULL;
	bool conflict;

	if (is_here(g, f, c))
		return;
	conflict = contradicts(g, f, c);
	keep_shown(g, f, c);
	if (conflict) {
		recover_conflict(g, peer, f);
		if (c->size == f->seen.size)
			split_prove(g, s, f, &f->seen, c, NULL, 0);
		return;
	}
	if (!is_mute(g) || older_than_known(g, f, c))
		own_ahead(g, peer, f);
	else if (g->recovery.state == RECOVERY_PULLS && c->size > f->guard_size)
		enter_state(g, RECOVERY_HEARS);
	g->recovery.quiet_ms = g->now.mono_ms;
	want_cut(g, f);
}

/* May own entries be taken back now? */
bool recover_takes(const struct gossip *g, const struct feed *f)
{
	return is_mute(g) && !g->recovery.conflict && !f->cutting;
}

/* The tail is gone: the store has so much. Or it stays, and is no reason to take nothing more. */
void gossip_cut(struct gossip *g, struct gossip_time now, const struct log_name *name,
	uint64_t size, bool done)
{
	struct feed *f = feed_find(g, name);

	g->now = now;
	if (!f || !f->cutting)
		return;
	f->cutting = false;
	if (done) {
		f->held = f->expected = size;
		/* An erasure in it may have been carried out, and stands no more. */
		bodies_suspect_all(g, f);
	} else {
		g->store_retry_ms = now.mono_ms + STORE_RETRY_MS;
	}
	feed_choose(g, f);
	arena_reset(&g->scratch);
}

/* Of a feed under an agreement that it does not have in force a peer says nothing, and without any
 * in common of none: then all that it tells is no word on what this node has signed. */
void recover_hear(struct gossip *g, struct session *s)
{
	struct peer_totals *t = peer_totals(g, &s->peer);

	if (s->closing || !session_may_tell_all(g, s))
		return;
	g->heads_heard = true;
	if (t->heard)
		return;
	t->heard = true;
	g->recovery.quiet_ms = g->now.mono_ms;
}

void recover_heard(struct gossip *g, struct session *s)
{
	if (s->cards_due > 0)
		return;
	s->heard = true;
	recover_hear(g, s);
}

/* --- whom to hear ----------------------------------------------------------------------------- */

static bool named_before(const struct gossip *g, size_t i, const struct node_id *node)
{
	while (i-- > 0)
		if (terms_in_force(g, g->agreements[i]) &&
			agreement_party_of(g->agreements[i], node))
			return true;
	return false;
}

/* Who had an agreement with this node when the store was left, and has none now. */
static bool former_next(const struct gossip *g, size_t at, const struct node_id **node)
{
	for (size_t i = 0; i < g->recovery.former_len && is_mute(g); i++) {
		*node = &g->recovery.former[i];
		if (!named_before(g, g->agreements_len, *node) && at-- == 0)
			return true;
	}
	return false;
}

void gossip_recover_former(struct gossip *g, const struct node_id *node)
{
	struct node_id *grown;

	for (size_t i = 0; i < g->recovery.former_len; i++)
		if (node_id_eq(&g->recovery.former[i], node))
			return;
	if (node_id_eq(node, &g->config.self))
		return;
	grown = realloc(g->recovery.former, (g->recovery.former_len + 1) * sizeof(*grown));
	if (!grown)
		abort();
	grown[g->recovery.former_len++] = *node;
	g->recovery.former = grown;
}

bool gossip_recovery_former(const struct gossip *g, size_t *at, struct node_id *node)
{
	if (*at >= g->recovery.former_len)
		return false;
	*node = g->recovery.former[(*at)++];
	return true;
}

void recover_free(struct gossip *g)
{
	free(g->recovery.former);
	g->recovery.former = NULL;
	g->recovery.former_len = 0;
}

/* The at-th party of the agreements in force that is not the node itself, each once; behind them
 * those of former ones, as long as the node is mute. */
static bool party_next(const struct gossip *g, size_t *at, const struct node_id **node)
{
	size_t seen = 0;

	for (size_t i = 0; i < g->agreements_len; i++) {
		const struct agreement *a = g->agreements[i];

		for (size_t k = 0; terms_in_force(g, a) && k < a->parties_len; k++) {
			*node = &a->parties[k].node;
			if (node_id_eq(*node, &g->config.self) || named_before(g, i, *node) ||
				seen++ < *at)
				continue;
			(*at)++;
			return true;
		}
	}
	if (!former_next(g, *at - seen, node))
		return false;
	(*at)++;
	return true;
}

static bool awaited(struct gossip *g, const struct node_id *node)
{
	const struct peer_totals *t = peer_totals(g, node);

	return !t->heard && !t->given_up;
}

/* Those in force now have all been heard, or given up, and so have those who were left. */
static void mute_for_terms(struct gossip *g)
{
	const struct node_id *node;

	MARK("agreement-of-a-former-life");
	enter_state(g, RECOVERY_HEARS);
	for (size_t at = 0; party_next(g, &at, &node);)
		peer_totals(g, node)->heard = true;
	say_mute(g, "old-agreement",
		"an agreement older than the recovery is in force again: what was signed under it "
		"is not known",
		NULL, NULL);
}

/* What a party has told before says nothing of the feeds of this agreement. While the node is mute
 * the operator's word holds. */
static void unhear(struct gossip *g, const struct agreement *a, bool all)
{
	for (size_t i = 0; i < a->parties_len; i++) {
		struct peer_totals *t = peer_totals(g, &a->parties[i].node);

		t->heard = false;
		t->given_up &= !all;
	}
}

static bool hears_nobody(const struct gossip *g)
{
	return !is_mute(g) || g->recovery.state == RECOVERY_PULLS;
}

static void late_add(struct gossip *g, uint64_t id)
{
	for (size_t i = 0; i < g->recovery.late_len; i++)
		if (g->recovery.late[i] == id)
			return;
	g->recovery.late = realloc(g->recovery.late, (g->recovery.late_len + 1) * sizeof(id));
	if (!g->recovery.late)
		abort();
	g->recovery.late[g->recovery.late_len++] = id;
}

/*
 * An agreement that a backup does not have may have been in force in the life that is lost, and its
 * feed been signed: when its file is placed again its parties are heard first. Nothing was signed
 * under one that begins after the recovery, unless this is a later version of it.
 */
void recover_terms(struct gossip *g)
{
	bool was_mute = is_mute(g);

	if (!was_mute && !g->recovery.heard_s)
		return;
	for (size_t i = 0; i < g->agreements_len; i++) {
		const struct agreement *a = g->agreements[i];
		bool former = terms_former(g, a), turns = former && hears_nobody(g);

		if (!(turns ? terms_begun_soon(g, a) : terms_in_force(g, a)) ||
			terms_known(g, a->id) || (!was_mute && !former))
			continue;
		if (turns)
			mute_for_terms(g);
		if (g->recovery.late_len > 0 || turns)
			late_add(g, a->id);
		unhear(g, a, !was_mute);
	}
	terms_note(g, is_mute(g));
	for (struct session *s = g->sessions; s && is_mute(g); s = s->next)
		if (s->heard)
			recover_hear(g, s);
}

bool gossip_recovery_peer(struct gossip *g, size_t *at, struct node_id *out)
{
	const struct node_id *node;

	if (!is_mute(g))
		return false;
	while (party_next(g, at, &node)) {
		if (!awaited(g, node))
			continue;
		*out = *node;
		return true;
	}
	return false;
}

static uint64_t wanted(const struct feed *f)
{
	return f->seen.size > f->guard_size ? f->seen.size : f->guard_size;
}

bool gossip_recovery_feed(struct gossip *g, size_t *at, struct gossip_recovery_feed *out)
{
	void *value;

	if (!is_mute(g))
		return false;
	while (map_next(&g->feeds, at, NULL, &value)) {
		const struct feed *f = value;

		if (!f->own || f->complete.size >= wanted(f))
			continue;
		*out = (struct gossip_recovery_feed){f->name, f->complete.size, wanted(f)};
		return true;
	}
	return false;
}

static bool has_parties(const struct gossip *g)
{
	const struct node_id *node;
	size_t at = 0;

	return party_next(g, &at, &node);
}

void gossip_recovery_view(const struct gossip *g, struct gossip_recovery_view *v)
{
	*v = (struct gossip_recovery_view){.state = g->recovery.state,
		.rule = g->recovery.rule,
		.why = g->recovery.why,
		.conflict = g->recovery.conflict,
		.alone = !has_parties(g)};
}

int gossip_recover_without(struct gossip *g, struct gossip_time now, const struct node_id *node)
{
	const struct node_id *party;
	size_t at = 0;

	g->now = now;
	while (party_next(g, &at, &party))
		if (node_id_eq(party, node)) {
			peer_totals(g, node)->given_up = true;
			return 0;
		}
	return ENT_ENOTFOUND;
}

int gossip_recover_confirm(struct gossip *g, struct gossip_time now)
{
	g->now = now;
	if (g->recovery.conflict)
		return ENT_EPROOF;
	if (g->recovery.state == RECOVERY_STOPPED) {
		enter_state(g, RECOVERY_HEARS);
		hear_again(g);
	} else if (g->recovery.state != RECOVERY_HEARS || has_parties(g)) {
		return ENT_ESTATE;
	}
	g->recovery.confirmed = true;
	return 0;
}

/* --- going on --------------------------------------------------------------------------------- */

/*
 * Compares one feed with the guard: 1 behind it, 0 not, ENT_EPROOF when both are signed and differ,
 * other errors of the store.
 *
 * Below a floor no hashes are left to compare. What lies there is bound by a checkpoint of ours
 * that reaches the floor: retention passes no other, and a run that joins leads to one, which has
 * to be here whole. So nothing that is signed from here on contradicts that one (I1). If the guard
 * has another history, two were signed before, by a second copy of this node: here it cannot be
 * told any more, and whoever knows both proves it (I8).
 */
static int guard_compare(const struct gossip *g, const struct feed *f)
{
	bool failed;

	if (f->guard_size == 0)
		return 0;
	if (f->guard_size < f->floor)
		return f->floor > f->complete.size;
	if (f->held >= f->guard_size) {
		if (root_is(g, &f->name, f->guard_size, &f->guard_root, &failed))
			return 0;
		if (failed)
			return ENT_EIO;
		if (f->complete.size >= f->guard_size)
			return ENT_EPROOF;
	}
	return 1;
}

void recover_stored(struct gossip *g, struct feed *f)
{
	g->recovery.quiet_ms = g->now.mono_ms;
	if (g->recovery.state == RECOVERY_PULLS && f->complete.size > f->guard_size)
		enter_state(g, RECOVERY_HEARS);
	recover_grown(g, f);
	/* What the guard has lies within what was shown, and is not in it. */
	if (guard_compare(g, f) == ENT_EPROOF)
		recover_conflict(g, NULL, f);
}

/* Everything of this feed that was ever shown, or stands in the guard, is here. */
static bool feed_is_back(const struct gossip *g, const struct feed *f)
{
	return !f->cutting && f->expected == f->held && is_here(g, f, &f->seen) &&
	       guard_compare(g, f) == 0;
}

static bool all_is_back(const struct gossip *g)
{
	void *value;

	for (size_t at = 0; map_next(&g->feeds, &at, NULL, &value);)
		if (((struct feed *)value)->own && !feed_is_back(g, value))
			return false;
	return true;
}

static bool all_are_heard(struct gossip *g)
{
	struct node_id node;
	size_t at = 0;

	/* Where there is nobody to ask, somebody has to say that there is nothing to be asked. */
	if (!has_parties(g) && !g->recovery.confirmed)
		return false;
	return !gossip_recovery_peer(g, &at, &node);
}

/* Can anybody say what was signed of it? Of a feed under an agreement that is over nobody does. */
static bool is_told_of(const struct gossip *g, const struct feed *f)
{
	if (f->name.audience.kind != AUDIENCE_AGREEMENT)
		return true;
	if (revoked(g, f->name.audience.id))
		return false;
	for (size_t i = 0; i < g->agreements_len; i++)
		if (g->agreements[i]->id == f->name.audience.id &&
			terms_in_force(g, g->agreements[i]))
			return true;
	return false;
}

/* What an old copy has of such a feed and has not signed it may have signed in the life that is
 * lost, with more behind it: it goes, for no signature of today may contradict that one (I1). */
static bool tails_are_gone(struct gossip *g)
{
	bool gone = true;
	void *value;

	for (size_t at = 0; map_next(&g->feeds, &at, NULL, &value);) {
		struct feed *f = value;

		if (!f->own || is_told_of(g, f) || !has_tail(g, f))
			continue;
		if (g->now.mono_ms >= g->store_retry_ms)
			cut_tail(g, f);
		gone = false;
	}
	return gone;
}

static bool has_recovered(struct gossip *g)
{
	switch (g->recovery.state) {
	case RECOVERY_PULLS:
		return all_is_back(g);
	case RECOVERY_HEARS:
		return g->now.mono_ms - g->recovery.quiet_ms >= QUIET_MS && all_are_heard(g) &&
		       all_is_back(g) && tails_are_gone(g);
	case RECOVERY_GOES_ON:
	case RECOVERY_STOPPED:
		break;
	}
	return false;
}

static void go_on(struct gossip *g)
{
	void *value;

	MARK("recovered");
	if (g->recovery.state == RECOVERY_HEARS)
		terms_heard(g);
	terms_note(g, true);
	g->recovery.state = RECOVERY_GOES_ON;
	g->recovery.recoveries++;
	recover_free(g);
	for (size_t at = 0; map_next(&g->feeds, &at, NULL, &value);) {
		struct feed *f = value;

		if (!f->own)
			continue;
		f->guard_size = 0;
		feed_leave(g, f, true);
		feed_unlag(g, f);
	}
	/* Receipts for what was not back yet were of no use. */
	for (struct session *s = g->sessions; s; s = s->next)
		s->ask_heads |= s->greeted;
	action_new(g, GOSSIP_RECOVERED);
}

/* With an intact guard the first seal after a start waits for a peer's word on our own feeds, but
 * not for ever. */
static bool may_seal(struct gossip *g)
{
	return g->heads_heard || g->now.mono_ms - g->recovery.started_ms >= GOSSIP_FIRST_SEAL_MS ||
	       !has_parties(g);
}

void recover_tick(struct gossip *g)
{
	if (!g->recovery.started)
		return;
	/* Agreements begin by the clock. Of one that is about to, the parties are heard first. */
	if (is_mute(g) || g->now.mono_ms - g->second_ms >= 1000)
		recover_terms(g);
	if (is_mute(g) && !terms_come(g) && has_recovered(g))
		go_on(g);
	if (is_mute(g) || g->recovery.may_seal || !may_seal(g))
		return;
	g->recovery.may_seal = true;
	action_new(g, GOSSIP_MAY_SEAL);
}

/* --- start ------------------------------------------------------------------------------------ */

static int guard_take(struct gossip *g, const struct gossip_guard *guard)
{
	struct origin *self = origin_find(g, &g->config.self);

	for (size_t i = 0; i < guard->feeds_len && self; i++) {
		const struct gossip_guard_feed *line = &guard->feeds[i];
		struct feed *f;

		if (!node_id_eq(&line->log.node, &g->config.self))
			continue;
		f = feed_need(g, &line->log, self);
		if (!f)
			continue;
		f->guard_size = line->size;
		f->guard_root = line->root;
	}
	return self ? 0 : ENT_ENOTFOUND;
}

int gossip_recover_start(struct gossip *g, struct gossip_time now, const struct gossip_guard *guard)
{
	const struct feed *conflict = NULL;
	bool behind = false, ahead = false;
	void *value;
	int rc = guard ? guard_take(g, guard) : 0;

	g->now = now;
	g->recovery.started = true;
	g->recovery.started_ms = now.mono_ms;
	terms_start(g);
	for (size_t at = 0; map_next(&g->feeds, &at, NULL, &value) && rc >= 0;) {
		struct feed *f = value;

		/* Death came between commit and signature, and then new keys: nobody signs it any
		 * more, and as long as it stands it counts as said. What the guard has was signed,
		 * and maybe told: it stays. */
		if (!f->own && node_id_eq(&f->name.node, &g->config.self) &&
			f->guard_size <= f->complete.size)
			want_cut(g, f);
		if (!f->own)
			continue;
		rc = guard_compare(g, f);
		behind |= rc == 1;
		/* Shown before the last stop, and not pulled back yet; up to the guard it is what
		 * that has. */
		if (rc >= 0 && !is_here(g, f, &f->seen)) {
			ahead |= f->seen.size > f->guard_size;
			f->least = f->seen;
			if (contradicts(g, f, &f->seen))
				conflict = f;
		}
		if (rc == ENT_EPROOF) {
			conflict = f;
			rc = 0;
		}
	}
	if (rc < 0)
		return rc;
	/* The store may have the proof of it: then it has stopped already, and whatever else is
	 * wrong lets it go on no more than that. */
	if (conflict)
		recover_conflict(g, NULL, conflict);
	if (g->recovery.conflict) {
		MARK("forked-before-the-start");
	} else if (!guard) {
		enter_state(g, RECOVERY_HEARS);
		say_mute(g, "no-guard", "there is no guard file: this is a restored or copied node",
			NULL, NULL);
	} else if (ahead) {
		enter_state(g, RECOVERY_HEARS);
		say_mute(g, "own-ahead",
			"what was signed before is not all here: an older copy was restored", NULL,
			NULL);
	} else if (behind) {
		enter_state(g, RECOVERY_PULLS);
		say_mute(g, "behind-guard",
			"the store is behind the guard file: an older copy was restored", NULL,
			NULL);
	}
	/* Whoever is heard from here on is heard on these; PULLS goes by what was known before. */
	if (is_mute(g) && !(g->recovery.heard_s && hears_nobody(g)))
		terms_note(g, true);
	arena_reset(&g->scratch);
	return 0;
}

/* A node is of one incarnation as long as it lives: with another one it starts anew, and whatever
 * was wrong with the former one is over. Until then what belongs to it stays as it is. */
void recover_incarnation(struct gossip *g, const struct origin *self)
{
	uint64_t newest = self->logs[self->logs_len - 1].incarnation;

	if (!g->recovery.incarnation)
		g->recovery.incarnation = newest;
}
