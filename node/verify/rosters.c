/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rosters: lists of nodes whose feeds may be taken without an introduction, signed by k of n named
 * roots. An origin that was taken by one must stand on it, and it must have been in force then.
 */
#include "verify/verify.h"

#include <inttypes.h>

static struct roster_text *roster_find(const struct audit *a, const uint8_t hash[32])
{
	for (size_t i = 0; i < a->rosters_len; i++)
		if (memcmp(a->rosters[i]->roster.hash, hash, 32) == 0)
			return a->rosters[i];
	return NULL;
}

int signed_roster(struct audit *a, struct bytes payload, const struct node_id *shown_by)
{
	struct roster_text *r = need(arena_alloc(&a->arena, sizeof(*r))), *known;
	struct err_text err = {0};

	if (a->rosters_len == AUDIT_TEXTS_MAX)
		return err_set(&a->err, ENT_ELIMIT, "more than %u rosters", AUDIT_TEXTS_MAX);
	*r = (struct roster_text){.note = arena_copy(&a->arena, payload), .shown_by = *shown_by};
	if (!r->note.data)
		return ENT_ENOMEM;
	if (roster_parse(r->note, "roster", &a->arena, &r->roster, &err) != 0) {
		found(a, FOUND_ROSTER_BROKEN, shown_by, NULL, 0, 0, 0, "%s", err.text);
		return 0;
	}
	r->good = roster_complete(&r->roster);
	known = roster_find(a, r->roster.hash);
	if (!r->good && (!known || !known->good))
		found(a, FOUND_ROSTER_BROKEN, shown_by, NULL, 0, 0, 0,
			"roster %016" PRIx64 " (serial %u) bears %zu signatures, and wants %u",
			r->roster.id, r->roster.serial, r->roster.signatures_valid,
			r->roster.threshold);
	if (known) {
		if (r->good)
			*known = *r;
		return 0;
	}
	a->rosters = grow(a->rosters, &a->rosters_cap, a->rosters_len, sizeof(*a->rosters));
	a->rosters[a->rosters_len++] = r;
	return 0;
}

/* Of signers whose cards are here; of others the text has the roots, to be compared. */
void rosters_check(struct audit *a)
{
	for (size_t i = 0; i < a->rosters_len; i++) {
		struct roster_text *t = a->rosters[i];
		const struct roster *r = &t->roster;

		for (size_t j = 0; j < r->signers_len; j++) {
			const struct party *p = party_get(a, &r->signers[j].node);

			if (!p || p->chain.cards_len == 0 ||
				chain_has_root(&p->chain, &r->signers[j].root))
				continue;
			found(a, FOUND_ROSTER_ROOT, &t->shown_by, NULL, 0, 0, 0,
				"roster %016" PRIx64 " (serial %u), of %s", r->id, r->serial,
				party_name(a, &p->node));
			t->good = false;
		}
	}
}

/* --- in an account ---------------------------------------------------------------------------- */

static struct roster_term *term_of(struct account *t, const struct wire_agreement *ref)
{
	for (size_t i = t->rosters_len; i-- > 0;) {
		struct roster_term *term = &t->rosters[i];

		if ((!term->until_ms || term->asleep) && term->ref.id == ref->id &&
			memcmp(term->ref.hash, ref->hash, 32) == 0)
			return term;
	}
	return NULL;
}

/* The one whose place it takes must have handed the list on: as many of its signers sign it too. */
static void follows_check(struct account *t, const struct wire_agreement *ref,
	const struct roster_text *text, const struct act_body *act)
{
	const struct roster_term *before = NULL;
	struct err_text err = {0};

	for (size_t i = 0; i < t->rosters_len; i++)
		if (t->rosters[i].ref.id == ref->id)
			before = &t->rosters[i];
	if (before && before->replaced && before->text &&
		roster_follows(&before->text->roster, &text->roster, text->note, "roster", &err) !=
			0)
		account_say(t, FOUND_ROSTER_BROKEN, act, err.text);
}

void roster_in_force(struct account *t, const struct act_body *act)
{
	const struct wire_agreement *ref = act->terms;
	const struct roster_text *text;
	struct roster_term *term;

	if (act->terms_len != 1)
		return account_say(t, FOUND_ACT_OUTSIDE, act, "names no single roster");
	text = roster_find(t->audit, ref->hash);
	if (text &&
		(!text->good || text->roster.id != ref->id || text->roster.serial != ref->serial))
		text = NULL;
	if (!text)
		found(t->audit, FOUND_ROSTER_MISSING, &t->self, NULL, 0, 0, t->now_ms,
			"act %" PRIu64 ": roster %016" PRIx64 " (serial %u)", t->index, ref->id,
			ref->serial);
	else if (!roster_in_time(&text->roster, t->now_ms / 1000))
		account_say(t, FOUND_AGREEMENT_TIME, act, text->roster.title);
	term = term_of(t, ref);
	if (term) {
		term->asleep = false;
		term->until_ms = 0;
		return;
	}
	if (text)
		follows_check(t, ref, text, act);
	t->rosters = grow(t->rosters, &t->rosters_cap, t->rosters_len, sizeof(*t->rosters));
	t->rosters[t->rosters_len++] = (struct roster_term){.ref = *ref, .text = text};
}

void roster_ended(struct account *t, const struct act_body *act)
{
	struct roster_term *term = act->terms_len == 1 ? term_of(t, act->terms) : NULL;

	if (!term)
		return;
	term->until_ms = t->now_ms;
	term->replaced = bytes_eq_str(act->rule, "replaced");
}

/* A node that starts says anew what counts. */
void rosters_sleep(struct account *t)
{
	for (size_t i = 0; i < t->rosters_len; i++)
		if (!t->rosters[i].until_ms) {
			t->rosters[i].asleep = true;
			t->rosters[i].until_ms = t->now_ms;
		}
}

static bool term_counts(const struct account *t, const struct roster_term *term)
{
	return !term->until_ms || (!term->asleep && t->now_ms - term->until_ms <= AUDIT_GRACE_MS);
}

/* The act names which one it was; others were introduced by a peer. */
void roster_introduced(struct account *t, const struct act_body *act)
{
	const struct party *p = party_get(t->audit, &act->log.node);
	const char *what = "it was not in force";
	char name[64];

	if (!bytes_eq_str(act->rule, "roster"))
		return;
	for (size_t i = 0; i < t->rosters_len; i++) {
		const struct roster_term *term = &t->rosters[i];
		const struct roster *r = term->text ? &term->text->roster : NULL;

		snprintf(name, sizeof(name), "%016" PRIx64 ", serial %u", term->ref.id,
			term->ref.serial);
		if (!term_counts(t, term) || !bytes_eq_str(act->text, name))
			continue;
		/* That its text is not here is told already. */
		if (!r ||
			(p && p->chain.cards_len ? roster_lists(r, &p->chain)
						 : act->has_log && roster_names(r, &act->log.node)))
			return;
		what = "it is not listed there";
	}
	if (!t->lenient)
		account_say(t, FOUND_TAKEN_UNLISTED, act, what);
}
