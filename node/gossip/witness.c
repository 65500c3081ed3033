/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Witnesses (PROTOCOL.md, "Witnesses"): peers cosign the checkpoints of each other's logs of acts,
 * so that nobody can rewrite what it did without that showing.
 *
 *     owner                                     witness
 *     HELLO or WITNESS_WANT, a checkpoint  ──▶
 *                                          ◀──  PROOF_WANT from the last one it has cosigned
 *     PROOF                                ──▶
 *                                               remembers it, durably; what is shown
 *                                               meanwhile is judged behind it
 *                                          ◀──  WITNESS
 *
 * Whoever sees less, or another log, than it remembers says so by WITNESS of what it remembers.
 */
#include "gossip/impl.h"

#include <stdlib.h>

/* --- the witness ------------------------------------------------------------------------------ */

static struct watched *watched_find(const struct gossip *g, const struct node_id *peer)
{
	return map_get(&g->watched, peer->bytes);
}

static struct watched *watched_need(struct gossip *g, const struct node_id *peer)
{
	struct watched *w = watched_find(g, peer);

	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	if (!w || map_put(&g->watched, peer->bytes, w) != 0) {
		free(w);
		return NULL;
	}
	return w;
}

/* A log begun later: of a later incarnation, or of the same at a later second. */
static bool log_later(const struct log_name *a, const struct log_name *b)
{
	return a->incarnation != b->incarnation ? a->incarnation > b->incarnation
						: a->audience.id > b->audience.id;
}

/* Is it signed by the key that a card in force names for the log's incarnation? Else it is a
 * thief's, whose card is beaten, and what is remembered of it stands against nobody. */
static bool counts(const struct gossip *g, const struct checkpoint *c)
{
	const struct origin *o = origin_find(g, &c->log.node);
	const uint8_t *key = o ? origin_key(o, c->log.incarnation) : NULL;

	return key && (!o->rotated || checkpoint_verify(c, key) == 0);
}

/* Is there something of the peer's log that counts? */
static bool remembers(const struct gossip *g, const struct watched *w)
{
	return w && w->newest.size > 0 && counts(g, &w->newest);
}

static void witness_say(struct gossip *g, struct session *s, const struct checkpoint *c)
{
	struct wire_message m = {.type = WIRE_WITNESS};
	const struct origin *self = origin_find(g, &g->config.self);
	struct cosignature cosignature;

	if (g->now.wall_ms < 1000)
		return;
	/* The peer's greeting is answered at once when its log has not grown: after a change of
	 * keys the card must be there before what the new witness key has signed. */
	if (self)
		chain_tell(g, s, self);
	g->config.signer.witness(g->config.signer.ctx, c, (uint64_t)g->now.wall_ms / 1000,
		&cosignature);
	m.witness.log = c->log;
	m.witness.size = c->size;
	memcpy(m.witness.root, c->root.bytes, sizeof(m.witness.root));
	m.witness.time = cosignature.time;
	memcpy(m.witness.signature, cosignature.signature, sizeof(m.witness.signature));
	memcpy(m.witness.log_signature, c->signature, sizeof(m.witness.log_signature));
	send_message(g, s, &m);
}

/* To be remembered first; then it is said. */
static void witness_accept(struct gossip *g, struct session *s)
{
	struct watched *w = watched_need(g, &s->peer);
	struct queued_action *q;

	if (!w)
		return;
	w->keeping = s->witness.theirs;
	/* What other sessions are about to prove does not start from the last any more. */
	for (struct session *o = g->sessions; o; o = o->next) {
		if (!o->witness.asked_ms || !node_id_eq(&o->peer, &s->peer))
			continue;
		o->witness.asked_ms = 0;
		o->witness.judged = false;
	}
	q = action_new(g, GOSSIP_WITNESS);
	q->action.session = s->id;
	q->action.peer = s->peer;
	q->action.checkpoint = s->witness.theirs;
}

static void alarm_rewritten(struct gossip *g, const struct session *s, const struct log_name *log)
{
	raise_alarm(g, "provenance-rewritten",
		"the peer has signed two checkpoints of its log of acts that do not belong to one "
		"history; both are kept",
		&s->peer, log);
	g->last->action.severity = "page";
}

static void witness_rewritten(struct gossip *g, struct session *s, struct watched *w)
{
	struct queued_action *q = action_new(g, GOSSIP_WITNESS);

	w->rewritten = true;
	q->action.session = s->id;
	q->action.peer = s->peer;
	q->action.checkpoint = w->newest;
	q->action.other = s->witness.theirs;
	q->action.rewritten = true;
	alarm_rewritten(g, s, &w->newest.log);
}

static void proof_ask(struct gossip *g, struct session *s, const struct watched *w)
{
	struct wire_message m = {.type = WIRE_PROOF_WANT};

	m.proof_want.feed = w->newest.log;
	m.proof_want.first = w->newest.size;
	m.proof_want.second = s->witness.theirs.size;
	s->witness.proof_first = w->newest.size;
	s->witness.asked_ms = g->now.mono_ms;
	send_message(g, s, &m);
}

/* Would it be remembered or asked about, while another is with the writer? Then that comes first:
 * of two histories the second is not to be looked at as if the first had never been. What is behind
 * the last is answered at once, as an owner that was restored needs it ahead of the heads. */
static bool witness_waits(const struct gossip *g, const struct watched *w,
	const struct checkpoint *c)
{
	if (w->keeping.size == 0)
		return false;
	if (!remembers(g, w) || log_later(&c->log, &w->newest.log))
		return true;
	return log_name_eq(&c->log, &w->newest.log) && c->size > w->newest.size;
}

/* The peer's checkpoint against what is remembered of it. */
static void witness_judge(struct gossip *g, struct session *s)
{
	const struct checkpoint *c = &s->witness.theirs;
	struct watched *w = watched_find(g, &s->peer);

	if (!remembers(g, w)) {
		witness_accept(g, s);
		return;
	}
	if (!log_name_eq(&w->newest.log, &c->log)) {
		/* A log that has ended meanwhile: its owner knows how far it was. */
		witness_say(g, s, &w->newest);
		if (log_later(&c->log, &w->newest.log))
			witness_accept(g, s);
		return;
	}
	if (w->rewritten)
		alarm_rewritten(g, s, &w->newest.log);
	else if (c->size > w->newest.size)
		proof_ask(g, s, w);
	else if (c->size == w->newest.size && !hash_eq(&c->root, &w->newest.root))
		witness_rewritten(g, s, w);
	else
		witness_say(g, s, &w->newest);
}

/* The card that names its key may still be on its way, or another checkpoint be with the writer:
 * then it is looked at again. */
static void consider(struct gossip *g, struct session *s)
{
	const struct origin *o = origin_find(g, &s->peer);
	const struct watched *w = watched_find(g, &s->peer);
	const struct checkpoint *c = &s->witness.theirs;
	const uint8_t *key = o ? origin_key(o, c->log.incarnation) : NULL;

	if (!g->config.signer.witness || !s->greeted || s->closing || c->size == 0 || !key ||
		s->witness.judged || (w && witness_waits(g, w, c)))
		return;
	s->witness.judged = true;
	if (checkpoint_verify(c, key) != 0) {
		misbehaved(g, s, "shows a checkpoint of its log of acts that it did not sign");
		return;
	}
	witness_judge(g, s);
}

void witness_consider(struct gossip *g, const struct node_id *peer)
{
	for (struct session *s = g->sessions; s; s = s->next)
		if (node_id_eq(&s->peer, peer))
			consider(g, s);
}

void witness_hear(struct gossip *g, struct session *s, const struct log_name *log,
	const struct wire_checkpoint *c)
{
	if (!c->present || c->size == 0)
		return;
	if (!node_id_eq(&log->node, &s->peer)) {
		misbehaved(g, s, "shows a log of acts that is not its own");
		return;
	}
	checkpoint_from_wire(&s->witness.theirs, log, c);
	s->witness.heard_ms = g->now.mono_ms;
	s->witness.judged = false;
	s->witness.asked_ms = 0;
	consider(g, s);
}

void on_witness_want(struct gossip *g, struct session *s, const struct wire_witness_want *m)
{
	if (s->witness.theirs.size &&
		g->now.mono_ms - s->witness.heard_ms < GOSSIP_WITNESS_MS / 2) {
		misbehaved(g, s, "wants a witness again and again");
		return;
	}
	witness_hear(g, s, &m->log, &m->checkpoint);
}

void on_witness_proof(struct gossip *g, struct session *s, const struct wire_proof *m)
{
	const struct checkpoint *c = &s->witness.theirs;
	struct watched *w = watched_find(g, &s->peer);
	struct hash first, second;
	struct proof proof = {.hashes_len = m->hashes_len};

	if (!s->witness.asked_ms || !w || w->rewritten || !log_name_eq(&m->feed, &c->log) ||
		!log_name_eq(&m->feed, &w->newest.log) || m->first != s->witness.proof_first ||
		m->first != w->newest.size || m->second != c->size ||
		m->hashes_len > PROOF_HASHES_MAX)
		return; /* late, or not asked for */
	s->witness.asked_ms = 0;
	for (size_t i = 0; i < m->hashes_len; i++)
		memcpy(proof.hashes[i].bytes, m->hashes[i], HASH_BYTES);
	if (proof_roots(m->first, m->second, proof.hashes, proof.hashes_len, &first, &second) !=
			0 ||
		!hash_eq(&second, &c->root)) {
		misbehaved(g, s, "sent a proof that does not lead to its own checkpoint");
		return;
	}
	/* These are the hashes of its own larger tree: what they say of the smaller one is its
	 * word. */
	if (hash_eq(&first, &w->newest.root))
		witness_accept(g, s);
	else
		witness_rewritten(g, s, w);
}

void gossip_witnessed(struct gossip *g, struct gossip_time now, uint32_t session,
	const struct checkpoint *c, bool durable)
{
	struct session *s = session_find(g, session);
	struct watched *w = watched_find(g, &c->log.node);

	g->now = now;
	if (!w || !checkpoint_same(&w->keeping, c))
		return;
	w->keeping.size = 0;
	if (durable) {
		/* It may have turned out meanwhile that this log has two histories. */
		if (!log_name_eq(&c->log, &w->newest.log) || !remembers(g, w))
			w->rewritten = false;
		w->newest = *c;
		/* Who has shown it is answered as all are; where it failed, in the next session. */
		if (s && checkpoint_same(&s->witness.theirs, c))
			s->witness.judged = false;
	}
	witness_consider(g, &c->log.node);
}

int gossip_witness(struct gossip *g, const struct checkpoint *c, bool rewritten)
{
	struct watched *w = watched_need(g, &c->log.node);
	bool named = counts(g, c);

	if (!w)
		return ENT_ELIMIT;
	if (w->newest.size &&
		(named == counts(g, &w->newest) ? !log_later(&c->log, &w->newest.log) : !named))
		return 0;
	w->newest = *c;
	w->rewritten = rewritten;
	return 0;
}

/* --- the owner -------------------------------------------------------------------------------- */

/*
 * Everybody is shown the same checkpoint for a while: so several cosign the same one, and nobody
 * sees from one session to the next how much happens here. That the last one was cosigned is an
 * act too; it alone is no reason to show another.
 */
static void shown_renew(struct gossip *g)
{
	uint64_t own = g->witnessed_acts - g->shown_acts;

	if (log_name_eq(&g->provenance.log, &g->shown.log) &&
		(g->now.mono_ms - g->shown_ms < GOSSIP_WITNESS_MS ||
			g->provenance.size <= g->shown.size + own))
		return;
	g->shown = g->provenance;
	g->shown_ms = g->now.mono_ms;
	g->shown_acts = g->witnessed_acts;
}

const struct checkpoint *witness_show(struct gossip *g, struct session *s)
{
	shown_renew(g);
	s->witness.told = g->shown;
	s->witness.told_ms = g->now.mono_ms;
	/* Of a log that is new to it, it first says what it remembers of the one before. */
	s->witness.answers += s->witness.told.size ? 2 : 1;
	return &s->witness.told;
}

static bool worth_showing(struct gossip *g, const struct session *s)
{
	const struct checkpoint *told = &s->witness.told;

	shown_renew(g);
	if (g->shown.size == 0 || checkpoint_same(&g->shown, told))
		return false;
	return told->size == 0 || g->now.mono_ms - s->witness.told_ms >= GOSSIP_WITNESS_MS;
}

void witness_tick(struct gossip *g, struct session *s)
{
	struct wire_message m = {.type = WIRE_WITNESS_WANT};
	const struct checkpoint *told;

	if (!s->greeted || s->closing)
		return;
	if (s->witness.asked_ms && g->now.mono_ms - s->witness.asked_ms > UNPROVEN_MS) {
		s->witness.asked_ms = 0;
		raise_alarm(g, "provenance-unproven",
			"the peer does not show that its log of acts continues what was cosigned",
			&s->peer, &s->witness.theirs.log);
	}
	if (!worth_showing(g, s))
		return;
	told = witness_show(g, s);
	m.witness_want.log = told->log;
	checkpoint_to_wire(&m.witness_want.checkpoint, told);
	send_message(g, s, &m);
}

void witness_proof_want(struct gossip *g, struct session *s, const struct wire_proof_want *want)
{
	const struct checkpoint *told = &s->witness.told;
	struct wire_message m = {.type = WIRE_PROOF};
	struct log_tree tree = {g, &told->log};
	struct proof proof;

	/* Of what was shown to this very peer, and of nothing else. */
	if (told->size == 0 || !log_name_eq(&want->feed, &told->log) ||
		want->second != told->size || want->first == 0 || want->first >= want->second ||
		proof_split_build(&proof, want->first, want->second, log_subtree, &tree) != 0)
		return;
	m.proof.feed = want->feed;
	m.proof.first = want->first;
	m.proof.second = want->second;
	m.proof.hashes = (const uint8_t(*)[32])proof.hashes;
	m.proof.hashes_len = proof.hashes_len;
	checkpoint_to_wire(&m.proof.checkpoint, told);
	send_message(g, s, &m);
}

static struct cosigner *cosigner_need(struct gossip *g, const struct node_id *peer)
{
	struct cosigner *c = map_get(&g->cosigners, peer->bytes);

	if (c)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c || map_put(&g->cosigners, peer->bytes, c) != 0) {
		free(c);
		return NULL;
	}
	return c;
}

static void act_about(struct gossip *g, struct session *s, enum act act, const struct checkpoint *c)
{
	struct queued_action *q;

	enter_act(g, s, act, NULL, 0, c->size, false);
	q = g->last;
	q->action.act.has_log = true;
	q->action.act.log = c->log;
	q->action.act.root = arena_copy(&q->arena, BYTES_OF(c->root.bytes));
}

/* What a witness remembers, and this node does not have: it was restored, or a clone runs. */
static void witness_reports(struct gossip *g, struct session *s, struct cosigner *w,
	const struct checkpoint *c)
{
	struct hash root;
	int rc = log_root(g, &c->log, c->size, &root);

	if (rc == 0 ? hash_eq(&root, &c->root) : rc != ENT_ENOTFOUND)
		return; /* it is here; or the store fails, which accuses nobody */
	if (log_name_eq(&w->reported.log, &c->log) && w->reported.size >= c->size)
		return;
	w->reported = *c;
	act_about(g, s, ACT_WITNESS_REPORT, c);
	raise_alarm(g, "provenance-behind",
		"a peer has witnessed acts of ours that are not here: this is a restored copy, or "
		"a clone runs",
		&s->peer, &c->log);
	g->last->action.severity = "page";
	action_new(g, GOSSIP_REWOUND)->action.feed = c->log;
}

static bool own_signed(const struct gossip *g, const struct checkpoint *c)
{
	const uint8_t *key = gossip_log_key(g, &g->config.self, c->log.incarnation);

	return key && checkpoint_verify(c, key) == 0;
}

void on_witness(struct gossip *g, struct session *s, const struct wire_witness *m)
{
	const struct cosignature cosignature = cosignature_from_wire(m->time, m->signature);
	const struct checkpoint *told = &s->witness.told;
	struct checkpoint c = {.log = m->log, .size = m->size};
	struct cosigner *w = cosigner_need(g, &s->peer);
	struct queued_action *q;
	int rc;

	memcpy(c.root.bytes, m->root, HASH_BYTES);
	memcpy(c.signature, m->log_signature, sizeof(c.signature));
	if (!node_id_eq(&m->log.node, &g->config.self) || s->witness.answers == 0) {
		misbehaved(g, s, "witnesses what it was not asked about");
		return;
	}
	s->witness.answers--;
	/* Of a thief's log, whose card is beaten, it has to say what it saw. */
	if (!counts(g, &c))
		return;
	rc = cosignature_check(g, &s->peer, true, &cosignature, &c);
	/* What this node has never signed nobody can have witnessed: a report costs it a log. */
	if (rc == 0 && !own_signed(g, &c))
		rc = ENT_ECRYPTO;
	if (rc == ENT_ECRYPTO)
		misbehaved(g, s, "witnesses under a signature that is not its own");
	if (rc != 0 || !w)
		return;
	if (!log_name_eq(&c.log, &told->log) || c.size != told->size ||
		!hash_eq(&c.root, &told->root)) {
		witness_reports(g, s, w, &c);
		return;
	}
	if (log_name_eq(&w->newest.log, &c.log) && w->newest.size >= c.size)
		return;
	w->newest = *told;
	q = action_new(g, GOSSIP_RECEIPT);
	q->action.peer = s->peer;
	q->action.checkpoint = *told;
	q->action.cosignature = cosignature;
	act_about(g, s, ACT_WITNESSED, told);
	g->witnessed_acts++;
}

void witness_kept(struct gossip *g, const struct node_id *node, const struct checkpoint *c,
	bool durable)
{
	struct cosigner *w = cosigner_need(g, node);

	if (!w)
		return;
	if (durable && (!log_name_eq(&w->newest.log, &c->log) || c->size > w->newest.size))
		w->newest = *c;
	else if (!durable && log_name_eq(&w->newest.log, &c->log) && c->size == w->newest.size)
		w->newest.size = 0; /* not kept after all */
}
