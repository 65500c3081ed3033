/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Revocations in session. An agreement that a party has revoked is over here from the moment the
 * note is verified; whoever names it among its terms is sent the note, whenever it tells them,
 * before anything else is said about terms. So the end runs on from party to party, and nobody who
 * has never named the agreement learns that it was there.
 */
#include "gossip/impl.h"

#include <stdlib.h>
#include <string.h>

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

static bool told_before(struct session *s, uint64_t id)
{
	for (size_t i = 0; i < s->revoked_told_len; i++)
		if (s->revoked_told[i] == id)
			return true;
	if (s->revoked_told_len == WIRE_AGREEMENTS_MAX)
		return true;
	s->revoked_told[s->revoked_told_len++] = id;
	return false;
}

void revocations_tell(struct gossip *g, struct session *s)
{
	for (size_t i = 0; i < s->theirs_len; i++) {
		const struct revoked *r = revoked_find(g, s->theirs[i].id);
		struct wire_message m = {.type = WIRE_REVOCATION};

		if (!r || told_before(s, r->id))
			continue;
		m.revocation.note = r->note;
		send_message(g, s, &m);
	}
}

static void take_effect(struct gossip *g)
{
	for (struct session *s = g->sessions; s; s = s->next)
		if (!s->closing)
			revocations_tell(g, s);
	sessions_review(g);
}

void gossip_revocation(struct gossip *g, struct gossip_time now, uint64_t id, struct bytes note)
{
	g->now = now;
	if (note.len <= REVOCATION_BYTES_MAX && revoked_add(g, id, note))
		take_effect(g);
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

/*
 * Of an agreement that this node does not share with the peer it is passed over, as what does not
 * exist; also one by a root that is not known here, which may be a root to come. A signature that
 * does not hold no correct node passes on.
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
	a = revoked(g, r.agreement) ? NULL : agreement_of(g, s, r.agreement);
	if (!a)
		return NULL;
	rc = verify(g, a, &r, note, &why);
	if (rc == ENT_ENOTFOUND) {
		s->missed = true;
		return NULL;
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
	if (revoked_add(g, r.agreement, note))
		take_effect(g);
	return NULL;
}
