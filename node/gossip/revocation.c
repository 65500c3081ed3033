/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Revocations in session. An agreement that a party has revoked is over here from the moment the
 * note is verified; whoever names it among its terms is sent the note, unless it came from there,
 * before anything else is said about terms. So the end runs on from party to party, and nobody who
 * has never named the agreement learns that it was there.
 */
#include "gossip/impl.h"

#include <stdlib.h>
#include <string.h>

/* A quarter of what a peer takes in ten seconds. */
#define ENDS_AGAIN_MAX (GOSSIP_ASKS_MAX / 4)

/* --- what is over ----------------------------------------------------------------------------- */

static const struct revoked *revoked_find(const struct gossip *g, uint64_t id)
{
	for (size_t i = 0; i < g->revoked_len; i++)
		if (g->revoked[i].id == id)
			return &g->revoked[i];
	return NULL;
}

bool revoked(const struct gossip *g, uint64_t id)
{
	return revoked_find(g, id) != NULL;
}

/* True if it is news. Beyond the bound the keys directory holds no more of them either. */
static bool revoked_add(struct gossip *g, uint64_t id, struct bytes note)
{
	struct revoked *r;
	uint8_t *copy;

	if (revoked(g, id) || g->revoked_len == AGREEMENTS_MAX || note.len == 0)
		return false;
	r = realloc(g->revoked, (g->revoked_len + 1) * sizeof(*r));
	copy = malloc(note.len);
	if (!r || !copy)
		abort(); /* an end that is forgotten would be none */
	memcpy(copy, note.data, note.len);
	g->revoked = r;
	r[g->revoked_len++] = (struct revoked){id, bytes_from(copy, note.len)};
	return true;
}

void revoked_free(struct gossip *g)
{
	for (size_t i = 0; i < g->revoked_len; i++)
		free((void *)(uintptr_t)g->revoked[i].note.data);
	free(g->revoked);
}

/* --- telling ---------------------------------------------------------------------------------- */

static bool names(const struct session *s, uint64_t id)
{
	for (size_t i = 0; i < s->theirs_len; i++)
		if (s->theirs[i].id == id)
			return true;
	return false;
}

static struct told_end *told_before(struct session *s, uint64_t id)
{
	for (size_t i = 0; i < s->ends_len; i++)
		if (s->ends[i].agreement == id)
			return &s->ends[i];
	return NULL;
}

static void told(struct gossip *g, struct session *s, uint64_t id)
{
	struct told_end *t = told_before(s, id);

	if (!t && s->ends_len < WIRE_AGREEMENTS_MAX)
		t = &s->ends[s->ends_len++];
	/* In the place of one that does not matter any more. */
	for (size_t i = 0; i < s->ends_len && !t; i++)
		if (!names(s, s->ends[i].agreement))
			t = &s->ends[i];
	if (t)
		*t = (struct told_end){id, ++g->stamp};
}

/*
 * Who names the agreement still could make nothing of the note, or had not heard it when he said
 * so: of many that end at once he answers each. So only a few are told again before a while has
 * passed; by then he has named what he knows not to be over.
 */
static bool tells(struct session *s, uint64_t id)
{
	const struct told_end *t = told_before(s, id);

	return !t || (t->stamp < s->terms_stamp && s->ends_run < ENDS_AGAIN_MAX);
}

void revocations_tell(struct gossip *g, struct session *s)
{
	if (g->now.mono_ms - s->ends_ms > GOSSIP_ASKS_MS)
		s->ends_run = 0;
	for (size_t i = 0; i < s->theirs_len; i++) {
		const struct revoked *r = revoked_find(g, s->theirs[i].id);
		struct wire_message m = {.type = WIRE_REVOCATION};

		if (!r || !tells(s, r->id))
			continue;
		m.revocation.note = r->note;
		if (told_before(s, r->id))
			MARK("end-told-again");
		send_message(g, s, &m);
		told(g, s, r->id);
		s->ends_ms = g->now.mono_ms;
		s->ends_run++;
	}
}

static void take_effect(struct gossip *g, uint64_t id)
{
	for (struct session *s = g->sessions; s; s = s->next)
		if (!s->closing)
			revocations_tell(g, s);
	sessions_end(g, id);
}

void gossip_revocation(struct gossip *g, struct gossip_time now, uint64_t id, struct bytes note)
{
	g->now = now;
	if (note.len <= REVOCATION_BYTES_MAX && revoked_add(g, id, note))
		take_effect(g, id);
	arena_reset(&g->scratch);
}

/* --- hearing ---------------------------------------------------------------------------------- */

static const struct agreement *agreement_of(const struct gossip *g, const struct session *s,
	uint64_t id)
{
	for (size_t i = 0; i < g->agreements_len; i++) {
		const struct agreement *a = g->agreements[i];

		if (a->id == id && agreement_party_of(a, &s->peer) &&
			agreement_party_of(a, &g->config.self))
			return a;
	}
	return NULL;
}

static int verify(struct gossip *g, const struct agreement *a, const struct revocation *r,
	struct bytes note, struct err_text *why)
{
	const struct origin *o = origin_find(g, &r->node);
	struct card_chain chain = {0};
	struct revocation again;

	if (o && card_chain_read(o->chain, "store", &g->scratch, &chain, NULL) != 0)
		chain.cards_len = 0;
	return revocation_parse(note, "peer", a, &chain, &again, why);
}

static const char *passed_over(struct gossip *g, struct session *s)
{
	return asks_too_often(g, s) ? "revokes again and again" : NULL;
}

/*
 * Of an agreement that this node does not share with the peer it is passed over, as what does not
 * exist; also one by a root that is not known here, which may be a root to come. A signature that
 * does not hold no correct node passes on. What ends something is not counted, nor what is over
 * here already: both sides may revoke all that they share at the same time.
 */
const char *revocation_heard(struct gossip *g, struct session *s, struct bytes note)
{
	const struct agreement *a;
	struct wire_agreement *term;
	struct queued_action *q;
	struct revocation r;
	struct err_text why;
	char *node;
	int rc;

	if (revocation_read(note, "peer", &r, &why) != 0)
		return "sent a malformed revocation";
	if (revoked(g, r.agreement)) {
		told(g, s, r.agreement);
		return NULL;
	}
	a = agreement_of(g, s, r.agreement);
	if (!a)
		return passed_over(g, s);
	rc = verify(g, a, &r, note, &why);
	if (rc == ENT_ENOTFOUND) {
		MARK("end-by-an-unknown-root");
		s->missed = true;
		return passed_over(g, s);
	}
	if (rc != 0)
		return "sent a revocation that its party did not sign";
	q = action_new(g, GOSSIP_REVOKED);
	q->action.agreement = r.agreement;
	q->action.node = r.node;
	q->action.peer = s->peer;
	q->action.chain = arena_copy(&q->arena, note);
	enter_act(g, s, ACT_REVOCATION_RECEIVED, NULL, 0, 0, false);
	q = g->last;
	term = arena_alloc(&q->arena, sizeof(*term));
	node = arena_alloc(&q->arena, NODE_ID_TEXT_SIZE);
	if (!term || !node)
		abort();
	*term = (struct wire_agreement){.id = a->id, .serial = a->serial};
	memcpy(term->hash, a->hash, sizeof(term->hash));
	node_id_text(node, &r.node);
	q->action.act.terms = term;
	q->action.act.terms_len = 1;
	q->action.act.text = bytes_str(node);
	told(g, s, r.agreement);
	if (revoked_add(g, r.agreement, note))
		take_effect(g, r.agreement);
	return NULL;
}
