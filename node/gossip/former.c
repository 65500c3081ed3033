/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a node that was restored goes by for good (recover.c): since when all who may have more of
 * it have said so, and under which agreements; under others it may have signed in the life that is
 * lost. They begin by the clock, which may have been behind then.
 */
#include <stdlib.h>

#include "base/mark.h"
#include "gossip/impl.h"

/* Whom an agreement makes mute is so before it begins. */
#define SOON_S 1

static bool in_force_in(const struct gossip *g, const struct agreement *a, int64_t seconds)
{
	return agreement_in_time(a, g->now.wall_ms / 1000 + seconds) &&
	       agreement_party_of(a, &g->config.self);
}

bool terms_in_force(const struct gossip *g, const struct agreement *a)
{
	return in_force_in(g, a, 0);
}

bool terms_begun_soon(const struct gossip *g, const struct agreement *a)
{
	return in_force_in(g, a, SOON_S);
}

bool terms_known(const struct gossip *g, uint64_t id)
{
	for (size_t i = 0; i < g->recovery.terms_len; i++)
		if (g->recovery.terms[i] == id)
			return true;
	return false;
}

void terms_note(struct gossip *g, bool anew)
{
	size_t len = anew ? 0 : g->recovery.terms_len;
	uint64_t *grown =
		realloc(g->recovery.terms, (len + g->agreements_len + 1) * sizeof(*grown));

	if (!grown)
		abort();
	g->recovery.terms = grown;
	g->recovery.terms_len = len;
	for (size_t i = 0; i < g->agreements_len; i++)
		if (terms_in_force(g, g->agreements[i]) && !terms_known(g, g->agreements[i]->id))
			grown[g->recovery.terms_len++] = g->agreements[i]->id;
}

static int64_t clock_offset_ms(const struct gossip *g)
{
	return g->now.wall_ms - (int64_t)g->now.mono_ms;
}

/* Since when all had been heard. The clock may have been behind then: it was as much later as that
 * has been set forward since. */
static int64_t heard_since_s(const struct gossip *g)
{
	int64_t behind_ms = clock_offset_ms(g) - g->recovery.heard_offset_ms;

	if (!g->recovery.heard_s || behind_ms < 1000)
		return g->recovery.heard_s;
	MARK("clock-behind-at-a-recovery");
	return g->recovery.heard_s + behind_ms / 1000 + 1;
}

bool terms_former(const struct gossip *g, const struct agreement *a)
{
	return g->recovery.heard_s && (a->serial > 1 || a->valid_from <= heard_since_s(g));
}

bool terms_come(const struct gossip *g)
{
	for (size_t i = 0; i < g->agreements_len; i++)
		if (!terms_in_force(g, g->agreements[i]) && terms_begun_soon(g, g->agreements[i]))
			return true;
	return false;
}

void terms_heard(struct gossip *g)
{
	g->recovery.heard_s = g->now.wall_ms / 1000;
	g->recovery.heard_offset_ms = clock_offset_ms(g);
}

void terms_start(struct gossip *g)
{
	/* A clock that is behind now says nothing of how it was in that life. */
	g->recovery.heard_offset_ms =
		g->now.wall_ms / 1000 < g->recovery.heard_s ? INT64_MAX / 2 : clock_offset_ms(g);
}

void gossip_recovered_before(struct gossip *g, const struct gossip_recovered *r)
{
	g->recovery.terms = realloc(g->recovery.terms, (r->agreements_len + 1) * sizeof(uint64_t));
	if (!g->recovery.terms)
		abort();
	if (r->agreements_len)
		memcpy(g->recovery.terms, r->agreements, r->agreements_len * sizeof(uint64_t));
	g->recovery.terms_len = r->agreements_len;
	g->recovery.heard_s = r->since_s;
}

void gossip_recovered(const struct gossip *g, struct gossip_recovered *out)
{
	*out = (struct gossip_recovered){0};
	if (g->recovery.state == RECOVERY_GOES_ON && g->recovery.heard_s)
		*out = (struct gossip_recovered){
			heard_since_s(g), g->recovery.terms, g->recovery.terms_len};
}
