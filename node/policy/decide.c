/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/decide.h"

/* PROTOCOL.md, "Policy". Every path through this file ends in deny() or allow(): what no branch
 * allows by name is denied. */

static const struct {
	const char *name;
	const char *sentence;
} rules[] = {
#define X(name, text, sentence) [RULE_##name] = {text, sentence},
	POLICY_RULES(X)
#undef X
};

const char *policy_rule_name(enum policy_rule rule)
{
	if ((size_t)rule >= sizeof(rules) / sizeof(rules[0]))
		rule = RULE_UNKNOWN_DOOR;
	return rules[rule].name;
}

const char *policy_rule_sentence(enum policy_rule rule)
{
	if ((size_t)rule >= sizeof(rules) / sizeof(rules[0]))
		rule = RULE_UNKNOWN_DOOR;
	return rules[rule].sentence;
}

static void deny(struct policy_verdict *v, enum policy_rule rule)
{
	*v = (struct policy_verdict){.rule = rule, .rule_name = policy_rule_name(rule)};
}

/* Keeps the agreements collected so far: they are what lets it pass. */
static void allow(struct policy_verdict *v, enum policy_rule rule)
{
	v->allow = true;
	v->rule = rule;
	v->rule_name = policy_rule_name(rule);
}

/* Enters an agreement's id, lowest first; of more than fit the lowest stay. */
static void verdict_add(struct policy_verdict *v, uint64_t id)
{
	size_t max = sizeof(v->agreements) / sizeof(v->agreements[0]);
	size_t at = v->agreements_len;

	if (at == max && v->agreements[max - 1] <= id)
		return;
	if (at == max)
		at--;
	else
		v->agreements_len++;
	for (; at > 0 && v->agreements[at - 1] > id; at--)
		v->agreements[at] = v->agreements[at - 1];
	v->agreements[at] = id;
}

static const struct agreement *agreement_find(const struct policy_query *q, uint64_t id)
{
	for (size_t i = 0; i < q->agreements_len; i++)
		if (q->agreements[i]->id == id)
			return q->agreements[i];
	return NULL;
}

static bool agreement_joins(const struct agreement *a, const struct node_id *one,
	const struct node_id *other, int64_t now_s)
{
	return agreement_in_time(a, now_s) && !node_id_eq(one, other) &&
	       agreement_party_of(a, one) && agreement_party_of(a, other);
}

bool policy_joined(const struct agreement *const *agreements, size_t agreements_len,
	const struct node_id *a, const struct node_id *b, int64_t now_s)
{
	for (size_t i = 0; i < agreements_len; i++)
		if (agreement_joins(agreements[i], a, b, now_s))
			return true;
	return false;
}

bool policy_introduces(const struct agreement *const *agreements, size_t agreements_len,
	const struct node_id *self, const struct node_id *introducer, int64_t now_s)
{
	for (size_t i = 0; i < agreements_len; i++)
		if (agreement_joins(agreements[i], self, introducer, now_s) &&
			agreement_party_of(agreements[i], introducer)->introduces)
			return true;
	return false;
}

static enum tlp community_tlp(struct audience a)
{
	return a.kind == AUDIENCE_CLEAR ? TLP_CLEAR : TLP_GREEN;
}

/* Of a header of another version only length and commitment mean anything (proto/entry.h). */
static bool marked(const struct entry_header *header)
{
	return header && header->version == ENTRY_VERSION && header->tlp >= TLP_CLEAR &&
	       header->tlp <= TLP_RED;
}

/* Does giver let this community feed pass to or from taker? Collects the agreements that say so. */
static bool community_given(const struct policy_query *q, const struct node_id *giver,
	const struct node_id *taker, struct policy_verdict *v)
{
	uint32_t tlp = TLP_BIT(community_tlp(q->feed->audience));

	for (size_t i = 0; i < q->agreements_len; i++) {
		const struct agreement *a = q->agreements[i];

		if (agreement_joins(a, giver, taker, q->now_s) &&
			(agreement_party_of(a, giver)->gives & tlp))
			verdict_add(v, a->id);
	}
	return v->agreements_len > 0;
}

/* May the two nodes of a link share an agreement's feed? An id that this node does not know is
 * answered exactly as one that does not exist. */
static bool agreement_shared(const struct policy_query *q, struct policy_verdict *v)
{
	const struct agreement *a = agreement_find(q, q->feed->audience.id);

	if (!a) {
		deny(v, RULE_NOT_PARTY);
		return false;
	}
	if (!agreement_in_time(a, q->now_s)) {
		deny(v, RULE_ENDED);
		return false;
	}
	if (!agreement_party_of(a, q->self) || !agreement_party_of(a, q->peer)) {
		deny(v, RULE_NOT_PARTY);
		return false;
	}
	if (!agreement_party_of(a, &q->feed->node)) {
		deny(v, RULE_ORIGIN_NOT_PARTY);
		return false;
	}
	verdict_add(v, a->id);
	return true;
}

static void decide_forward(const struct policy_query *q, struct policy_verdict *v)
{
	struct audience audience = q->feed->audience;

	if (audience.kind != AUDIENCE_AGREEMENT && !audience_is_community(audience))
		return deny(v, RULE_LOCAL_STAYS);
	if (!q->peer ||
		!policy_joined(q->agreements, q->agreements_len, q->self, q->peer, q->now_s))
		return deny(v, RULE_NO_AGREEMENT);
	if (audience.kind == AUDIENCE_AGREEMENT) {
		if (agreement_shared(q, v))
			allow(v, RULE_ALLOW_PARTY);
		return;
	}
	if (community_given(q, q->self, q->peer, v))
		return allow(v, RULE_ALLOW_GIVES);
	/* A restored origin asks its peers for what it said itself (DESIGN 11): nothing is given
	 * away by that, so `gives` has no say in it. */
	if (node_id_eq(&q->feed->node, q->peer)) {
		for (size_t i = 0; i < q->agreements_len; i++)
			if (agreement_joins(q->agreements[i], q->self, q->peer, q->now_s))
				verdict_add(v, q->agreements[i]->id);
		return allow(v, RULE_ALLOW_OWN);
	}
	deny(v, RULE_NOT_GIVEN);
}

/* What an entry's marking must be in the feed it stands in; sets the rule that it breaks. */
static bool marking_fits(const struct policy_query *q, struct policy_verdict *v)
{
	struct audience audience = q->feed->audience;
	const struct agreement *a;

	if (!marked(q->header)) {
		deny(v, RULE_UNMARKED);
		return false;
	}
	if (audience_is_community(audience)) {
		if (q->header->tlp == community_tlp(audience))
			return true;
		deny(v, RULE_MARKING_AUDIENCE);
		return false;
	}
	/* In force or not: what was hidden under an agreement is not shown when it has ended. */
	a = agreement_find(q, audience.id);
	if (q->header->tlp == TLP_RED && a && a->parties_len != 2) {
		deny(v, RULE_RED_PARTIES);
		return false;
	}
	return true;
}

/* Without a peer the question is the index's: does this entry, which is stored, stay hidden? Then
 * agreements may have ended since, and only the marking counts. */
static void decide_receive(const struct policy_query *q, struct policy_verdict *v)
{
	struct audience audience = q->feed->audience;
	bool own = node_id_eq(&q->feed->node, q->self);

	if (own && !q->peer)
		return allow(v, RULE_ALLOW_OWN);
	if (audience.kind != AUDIENCE_AGREEMENT && !audience_is_community(audience))
		return deny(v, RULE_LOCAL_STAYS);
	if (q->peer) {
		if (!policy_joined(q->agreements, q->agreements_len, q->self, q->peer, q->now_s))
			return deny(v, RULE_NO_AGREEMENT);
		if (own)
			return allow(v, RULE_ALLOW_OWN);
		if (audience.kind == AUDIENCE_AGREEMENT) {
			if (!agreement_shared(q, v))
				return;
		} else if (!community_given(q, q->peer, q->self, v)) {
			return deny(v, RULE_NOT_GIVEN);
		}
	}
	if ((q->header || !q->peer) && !marking_fits(q, v))
		return;
	allow(v, audience.kind == AUDIENCE_AGREEMENT ? RULE_ALLOW_PARTY : RULE_ALLOW_GIVES);
}

static bool takes_back(const struct entry_header *h)
{
	return h->kind == KIND_RETRACTION || h->kind == KIND_ERASURE;
}

/* Objects, retractions, erasures and successions have no type; a type beyond the bits of the set is
 * one of the future, which only "*" includes. */
static bool type_given(const struct agreement_party *p, const struct entry_header *header)
{
	switch (header->kind) {
	case KIND_OBJECT:
	case KIND_RETRACTION:
	case KIND_ERASURE:
	case KIND_SUCCESSION:
		return true;
	default:
		break;
	}
	if (header->type == TYPE_NONE || p->types == TYPE_BITS_ALL)
		return true;
	return header->type < 32 && (p->types & TYPE_BIT(header->type));
}

static void publish_agreement(const struct policy_query *q, struct policy_verdict *v)
{
	const struct agreement *a = agreement_find(q, q->feed->audience.id);
	const struct agreement_party *self;

	if (!a)
		return deny(v, RULE_NOT_PARTY);
	if (!agreement_in_time(a, q->now_s))
		return deny(v, RULE_ENDED);
	self = agreement_party_of(a, q->self);
	if (!self)
		return deny(v, RULE_NOT_PARTY);
	/* What was said may be taken back, also after the terms have been narrowed. */
	if (!takes_back(q->header) && !(self->gives & TLP_BIT(q->header->tlp)))
		return deny(v, RULE_TLP_NOT_GIVEN);
	if (!type_given(self, q->header))
		return deny(v, RULE_TYPE_NOT_GIVEN);
	if (q->header->tlp == TLP_RED && a->parties_len != 2)
		return deny(v, RULE_RED_PARTIES);
	if (q->header->tlp == TLP_RED && !q->has_recipients)
		return deny(v, RULE_RED_RECIPIENTS);
	verdict_add(v, a->id);
	allow(v, RULE_ALLOW_PARTY);
}

static void decide_publish(const struct policy_query *q, struct policy_verdict *v)
{
	if (!marked(q->header))
		return deny(v, RULE_UNMARKED);
	switch (q->feed->audience.kind) {
	case AUDIENCE_CLEAR:
	case AUDIENCE_GREEN:
		if (q->header->tlp > TLP_GREEN)
			return deny(v, RULE_NO_AUDIENCE);
		if (q->header->tlp != community_tlp(q->feed->audience))
			return deny(v, RULE_MARKING_AUDIENCE);
		return allow(v, RULE_ALLOW_OWN);
	case AUDIENCE_AGREEMENT:
		return publish_agreement(q, v);
	case AUDIENCE_LOCAL:
		return allow(v, RULE_ALLOW_LOCAL);
	case AUDIENCE_PROVENANCE:
		break;
	}
	deny(v, RULE_NO_AUDIENCE);
}

/* What PAP lets a reader do: nothing that touches a system under RED (or under what we cannot
 * read), look passively under AMBER, act under GREEN and CLEAR. Publication is an act. */
static bool pap_permits(uint8_t pap, enum purpose purpose)
{
	switch (pap) {
	case PAP_CLEAR:
	case PAP_GREEN:
		return true;
	case PAP_NONE:
	case PAP_AMBER:
		return purpose == PURPOSE_DETECT;
	default:
		return false;
	}
}

static void decide_target(const struct policy_query *q, struct policy_verdict *v)
{
	if (q->feed->audience.kind == AUDIENCE_PROVENANCE)
		return deny(v, RULE_LOCAL_STAYS);
	if (!marked(q->header))
		return deny(v, RULE_UNMARKED);
	if (q->header->tlp == TLP_RED)
		return deny(v, RULE_RED_STAYS);
	if (q->purpose < PURPOSE_DETECT || q->purpose > PURPOSE_PUBLISH)
		return deny(v, RULE_UNKNOWN_DOOR);
	if (q->purpose == PURPOSE_PUBLISH && q->header->tlp != TLP_CLEAR)
		return deny(v, RULE_TLP_TARGET);
	if (!pap_permits(q->header->pap, q->purpose))
		return deny(v, RULE_PAP_TARGET);
	allow(v, RULE_ALLOW_TARGET);
}

/* Guard rails refuse what would otherwise pass, so that a marking is never blamed on a value. They
 * do not bind a feed as a whole, nor hide from a node what it published itself with --allow. */
static void decide_guard(const struct policy_query *q, struct policy_verdict *v)
{
	if (!v->allow || !q->guard || q->door == DOOR_FORWARD)
		return;
	if (q->door == DOOR_RECEIVE && v->rule == RULE_ALLOW_OWN)
		return;
	deny(v, RULE_GUARD);
	v->rule_name = q->guard;
}

void decide(const struct policy_query *q, struct policy_verdict *v)
{
	*v = (struct policy_verdict){0};
	switch (q->door) {
	case DOOR_PUBLISH:
		decide_publish(q, v);
		break;
	case DOOR_RECEIVE:
		decide_receive(q, v);
		break;
	case DOOR_FORWARD:
		decide_forward(q, v);
		break;
	case DOOR_SERVE:
	case DOOR_EXPORT:
		decide_target(q, v);
		break;
	default:
		deny(v, RULE_UNKNOWN_DOOR);
		break;
	}
	decide_guard(q, v);
}
