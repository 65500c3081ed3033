/* SPDX-License-Identifier: EUPL-1.2 */
/* Which agreements a node had in force at each of its acts, and what these allowed. */
#include <inttypes.h>
#include <stdlib.h>

#include "verify/verify.h"
#include "policy/bond.h"

static bool same_terms(const struct wire_agreement *x, const struct wire_agreement *y)
{
	return x->id == y->id && x->serial == y->serial && memcmp(x->hash, y->hash, 32) == 0;
}

struct term *terms_active(struct account *t, const struct wire_agreement *ref)
{
	for (size_t i = 0; i < t->counting_len; i++) {
		struct term *term = &t->terms[t->counting[i]];

		if (!term->until && same_terms(&term->ref, ref))
			return term;
	}
	return NULL;
}

static void counting_add(struct account *t, size_t term)
{
	t->counting = grow(t->counting, &t->counting_cap, t->counting_len, sizeof(*t->counting));
	t->counting[t->counting_len++] = term;
}

static void term_end(struct account *t, struct term *term)
{
	term->until = t->acts;
	term->until_ms = t->now_ms;
}

/* Not yet what ended a moment ago: some of it may have been in flight. */
static void terms_forget(struct account *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->counting_len; i++) {
		const struct term *term = &t->terms[t->counting[i]];

		if (!term->until || t->now_ms - term->until_ms <= AUDIT_GRACE_MS)
			t->counting[kept++] = t->counting[i];
	}
	t->counting_len = kept;
}

/* A node that starts says anew what counts. */
void terms_sleep(struct account *t)
{
	for (size_t i = 0; i < t->counting_len; i++) {
		struct term *term = &t->terms[t->counting[i]];

		term->asleep = !term->until;
		if (term->asleep)
			term_end(t, term);
	}
	t->counting_len = 0;
}

static bool term_wake(struct account *t, const struct wire_agreement *ref)
{
	for (size_t i = t->terms_len; i-- > 0;) {
		struct term *term = &t->terms[i];

		if (!term->asleep || !same_terms(&term->ref, ref))
			continue;
		term->asleep = false;
		term->until = 0;
		term->until_ms = 0;
		counting_add(t, i);
		return true;
	}
	return false;
}

void terms_in_force(struct account *t, const struct act_body *act)
{
	const struct wire_agreement *ref = act->terms;
	const struct text *text;

	if (act->terms_len != 1)
		return account_say(t, FOUND_ACT_OUTSIDE, act, "names no single agreement");
	terms_forget(t);
	if (terms_active(t, ref))
		return;
	text = text_find(t->audit, ref->hash);
	if (!text || !text->good || text->agreement.id != ref->id ||
		text->agreement.serial != ref->serial)
		found(t->audit, FOUND_AGREEMENT_MISSING, &t->self, NULL, 0, 0, t->now_ms,
			"act %" PRIu64 ": agreement %016" PRIx64 " (serial %u)", t->index, ref->id,
			ref->serial);
	else if (!agreement_in_time(&text->agreement, t->now_ms / 1000))
		account_say(t, FOUND_AGREEMENT_TIME, act, text->agreement.title);
	if (term_wake(t, ref))
		return;
	t->terms = grow(t->terms, &t->terms_cap, t->terms_len, sizeof(*t->terms));
	t->terms[t->terms_len] = (struct term){.ref = *ref,
		.text = text && text->good ? text : NULL,
		.from = t->acts,
		.from_ms = t->now_ms};
	counting_add(t, t->terms_len++);
}

void terms_ended(struct account *t, const struct act_body *act)
{
	struct term *term = act->terms_len == 1 ? terms_active(t, act->terms) : NULL;

	if (term)
		term_end(t, term);
}

/* From then on it counts no more, whether its end is entered or not. */
void terms_revoked(struct account *t, const struct act_body *act)
{
	for (size_t i = 0; act->terms_len == 1 && i < t->counting_len; i++) {
		struct term *term = &t->terms[t->counting[i]];

		if (term->ref.id == act->terms[0].id && !term->revoked_ms)
			term->revoked_ms = t->now_ms;
	}
}

static bool term_counts(const struct account *t, const struct term *term, bool grace)
{
	if (term->revoked_ms && t->now_ms - term->revoked_ms > AUDIT_GRACE_MS)
		return false;
	return !term->until || (grace && t->now_ms - term->until_ms <= AUDIT_GRACE_MS);
}

/* What counts at the act at hand. False when a text of it is not here. */
bool terms_now(const struct account *t, bool grace, const struct agreement *list[AGREEMENTS_MAX],
	size_t *len)
{
	bool all = true;

	*len = 0;
	for (size_t i = 0; i < t->counting_len && *len < AGREEMENTS_MAX; i++) {
		const struct term *term = &t->terms[t->counting[i]];

		if (!term_counts(t, term, grace))
			continue;
		all &= term->text != NULL;
		if (term->text)
			list[(*len)++] = &term->text->agreement;
	}
	return all;
}

bool terms_then(const struct account *t, uint64_t acts, int64_t ms, enum door door,
	const struct log_name *log, const struct node_id *peer, struct policy_verdict *v)
{
	const struct agreement *list[AGREEMENTS_MAX];
	struct policy_query q = {.door = door,
		.feed = log,
		.self = &t->self,
		.peer = peer,
		.agreements = list,
		.now_s = ms / 1000};
	bool all = true;

	for (size_t i = 0; i < t->terms_len && q.agreements_len < AGREEMENTS_MAX; i++) {
		const struct term *term = &t->terms[i];

		if (term->from > acts || (term->until && term->until <= acts))
			continue;
		all &= term->text != NULL;
		if (term->text)
			list[q.agreements_len++] = &term->text->agreement;
	}
	decide(&q, v);
	return all;
}

uint64_t terms_under(const struct walk_act *w, enum door door)
{
	struct policy_verdict v;

	(void)terms_then(&w->bundle->account, w->acts, w->when_ms, door, &w->act->log,
		&w->act->peer, &v);
	return v.agreements_len ? v.agreements[0] : 0;
}

static struct policy_bond *bond_of(struct policy_bond *bonds, size_t *len,
	const struct agreement *g, const struct node_id *self)
{
	size_t at = 0;

	while (at < *len && (bonds[at].agreement != g->id || bonds[at].serial != g->serial))
		at++;
	*len += at == *len;
	policy_bond_of(&bonds[at], g, self);
	return &bonds[at];
}

/* The node keeps bonds of the same terms, and asks the same function. */
bool terms_over(const struct account *t, struct audience audience, int64_t now_s)
{
	struct policy_bond *bonds;
	uint64_t ids[POLICY_OVER_MAX];
	size_t len = 0, ids_len;
	bool over;

	if (t->lenient || t->restored || t->clock_doubted)
		return false;
	bonds = need(calloc(t->terms_len + 1, sizeof(*bonds)));
	for (size_t i = 0; i < t->terms_len; i++) {
		const struct term *term = &t->terms[i];
		struct policy_bond *b;

		if (!term->text) {
			free(bonds);
			return false;
		}
		b = bond_of(bonds, &len, &term->text->agreement, &t->self);
		if (term->until)
			b->ended_s = policy_bond_end(b, term->until_ms / 1000);
	}
	over = policy_over(bonds, len, audience, now_s, ids, &ids_len);
	free(bonds);
	return over;
}

/* What counted then; with grace also what ended a moment before. Where the text of what was in
 * force is not here nothing is said: that it is missing is told already. */
bool terms_allow(struct account *t, enum door door, const struct log_name *log,
	const struct node_id *peer, bool grace)
{
	const struct agreement *list[AGREEMENTS_MAX];
	struct policy_query q = {.door = door,
		.feed = log,
		.self = &t->self,
		.peer = peer,
		.agreements = list,
		.now_s = t->now_ms / 1000};
	struct policy_verdict v;
	bool all = terms_now(t, grace, list, &q.agreements_len);

	decide(&q, &v);
	if (v.allow || !all || !grace)
		return v.allow || !all;
	q.now_s -= AUDIT_GRACE_MS / 1000;
	decide(&q, &v);
	if (v.allow || !t->before_ms || llabs(t->now_ms - t->stepped_ms) > AUDIT_GRACE_MS)
		return v.allow;
	/* What was under way when the clock was set had been allowed by the time before. */
	q.now_s = t->before_ms / 1000;
	decide(&q, &v);
	return v.allow;
}
