/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Random federations under a watcher that knows everything (sim/watch.h). Agreements of two and
 * three parties give, withhold, introduce, are narrowed and widened at one end or at all, end by
 * the clock, are removed and come back; links are cut and mended, sessions break, disks fill up.
 * All the while nothing may reach a node that is not entitled to it; and when all has been quiet
 * for a while, whatever a permitted path leads to must have arrived.
 *
 *     build/plain/tests/unit/gossip/test_property          a few hundred seeds
 *     SEED=17 build/plain/tests/unit/gossip/test_property  that seed alone; with SIM_TRACE=1 told
 */
#include "unit/gossip/shapes.h"

#include <inttypes.h>
#include <stdlib.h>

#define SEEDS      150u
#define SEEDS_LONG 20000u
#define STEPS      40u
#define PACTS_MAX  16u
#define SHORT_S    20 /* an agreement that ends by the clock lives so long at the most */
#define HEAL_MS    45000u
#define REST_MS    10000u

struct pact {
	struct cast_terms terms; /* of the newest version */
};

struct play {
	struct world *w;
	struct sim_random *random;
	struct pact pacts[PACTS_MAX];
	unsigned pacts_len;
};

static unsigned below(struct play *p, unsigned n)
{
	return sim_random_below(p->random, n);
}

static bool chance(struct play *p, unsigned percent)
{
	return sim_random_chance(p->random, percent);
}

static unsigned some_party(struct play *p, unsigned parties)
{
	unsigned node;

	do
		node = below(p, p->w->nodes_len);
	while (!(parties & (1u << node)));
	return node;
}

/* What each party gives and whether it introduces, anew. */
static void pact_redraw(struct play *p, struct cast_terms *t)
{
	t->introduces = 0;
	for (unsigned i = 0; i < p->w->nodes_len; i++) {
		if (!(t->parties & (1u << i)))
			continue;
		t->gives[i] = (chance(p, 75) ? TLP_BIT(TLP_CLEAR) : 0) |
			      (chance(p, 60) ? TLP_BIT(TLP_GREEN) : 0) |
			      (chance(p, 50) ? TLP_BIT(TLP_AMBER) : 0);
		if (chance(p, 60))
			t->introduces |= 1u << i;
	}
}

static void pact_new(struct play *p)
{
	struct cast_terms *t;
	unsigned want = chance(p, 75) ? 2 : 3;

	if (p->pacts_len == PACTS_MAX)
		return;
	t = &p->pacts[p->pacts_len++].terms;
	*t = (struct cast_terms){.id = 0x100 + p->pacts_len, .serial = 1};
	while ((unsigned)__builtin_popcount(t->parties) < want)
		t->parties |= 1u << below(p, p->w->nodes_len);
	pact_redraw(p, t);
	if (chance(p, 15)) {
		t->from = world_wall_s(p->w) - 1 + below(p, 5);
		t->until = t->from + 2 + below(p, SHORT_S - 6);
	}
	world_agree(p->w, t);
}

/* A new version, which reaches some of the parties now and others later or never. */
static void pact_change(struct play *p)
{
	struct cast_terms *t = &p->pacts[below(p, p->pacts_len)].terms;
	const struct agreement *a;

	t->serial++;
	pact_redraw(p, t);
	a = world_draw_up(p->w, t);
	for (unsigned i = 0; i < p->w->nodes_len; i++) {
		if (!(t->parties & (1u << i)) || chance(p, 25))
			continue;
		world_place(p->w, i, a);
		if (chance(p, 60))
			world_run(p->w, below(p, 1500));
	}
}

static void pact_remove(struct play *p)
{
	const struct cast_terms *t = &p->pacts[below(p, p->pacts_len)].terms;

	world_remove(p->w, some_party(p, t->parties), t->id);
}

static void pact_restore(struct play *p)
{
	const struct cast_terms *t = &p->pacts[below(p, p->pacts_len)].terms;
	unsigned node = some_party(p, t->parties);

	world_place(p->w, node, world_draw_up(p->w, t));
}

static void publish(struct play *p)
{
	unsigned node = below(p, p->w->nodes_len);
	const struct cast_terms *t = &p->pacts[below(p, p->pacts_len)].terms;
	uint32_t count = 1 + below(p, 8);
	size_t body_len = chance(p, 10) ? 50000 : 200;

	if (chance(p, 60))
		world_publish(p->w, node, chance(p, 50) ? CLEAR : GREEN, count, body_len);
	else
		world_publish(p->w, some_party(p, t->parties), audience_agreement(t->id), count,
			body_len);
}

static void disturb(struct play *p)
{
	unsigned a = below(p, p->w->nodes_len), b = below(p, p->w->nodes_len);

	switch (below(p, 4)) {
	case 0:
		p->w->nodes[a].store_full = !p->w->nodes[a].store_full;
		return;
	case 1:
		if (a != b)
			world_cut(p->w, a, b, !p->w->cut[a][b]);
		return;
	default:
		world_break(p->w, a, b);
		return;
	}
}

static void step(struct play *p)
{
	unsigned what = below(p, 100);

	if (what < 45)
		publish(p);
	else if (what < 65)
		disturb(p);
	else if (what < 75)
		pact_new(p);
	else if (what < 87)
		pact_change(p);
	else if (what < 93)
		pact_remove(p);
	else
		pact_restore(p);
	world_run(p->w, chance(p, 30) ? 0 : below(p, 1500));
}

/* Links and disks are whole again, agreements rest, what was to end has ended. */
static void heal(struct play *p)
{
	struct world *w = p->w;

	for (unsigned i = 0; i < w->nodes_len; i++) {
		w->nodes[i].store_full = false;
		for (unsigned k = 0; k < w->nodes_len; k++)
			if (w->cut[i][k])
				world_cut(w, i, k, false);
	}
	world_run(w, SHORT_S * 1000);
	world_run(w, HEAL_MS);
}

/* A node still asks, once in ten seconds, for what another has told it of and ceased to give. */
static void all_comes_to_rest(struct world *w)
{
	unsigned before = 0, after = 0;

	for (unsigned i = 0; i < w->nodes_len; i++)
		before += w->nodes[i].said;
	world_run(w, REST_MS);
	for (unsigned i = 0; i < w->nodes_len; i++)
		after += w->nodes[i].said;
	if (after - before > 4 * w->nodes_len)
		world_fail(w, "%u messages where nothing happens", after - before);
}

static void nobody_is_blamed(struct world *w)
{
	for (unsigned i = 0; i < w->nodes_len; i++)
		if (w->nodes[i].alarms_len || w->nodes[i].punishes || w->nodes[i].mutes)
			world_fail(w, "n%u raises an alarm: %s", i,
				w->nodes[i].alarms_len ? w->nodes[i].alarms[0].rule : "-");
}

/* Everything ends: each sending must have its close. */
static void part(struct world *w)
{
	for (unsigned i = 0; i < w->nodes_len; i++)
		for (unsigned k = 0; k < i; k++)
			world_cut(w, i, k, true);
	world_run(w, 2000);
	watch_closed(w);
}

static uint64_t play(uint64_t seed)
{
	struct play p = {.w = world_new(seed)};
	struct world *w = p.w;
	uint64_t trace;

	p.random = &w->random;
	world_nodes(w, 4 + below(&p, 5));
	for (unsigned i = 0; i < w->nodes_len + below(&p, 4); i++)
		pact_new(&p);
	for (unsigned i = 0; i < STEPS && !world_failure(w); i++)
		step(&p);
	heal(&p);
	watch_settled(w);
	all_comes_to_rest(w);
	nobody_is_blamed(w);
	part(w);
	if (world_failure(w))
		fail_msg("%s\n  again: SEED=%" PRIu64
			 " build/plain/tests/unit/gossip/test_property",
			world_failure(w), seed);
	trace = world_trace(w);
	world_free(w);
	return trace;
}

static void feeds_reach_all_who_are_entitled_and_nobody_else(void **state)
{
	const char *seed = getenv("SEED");
	uint64_t seeds = getenv("ENTENTE_LONG") ? SEEDS_LONG : SEEDS;

	(void)state;
	if (seed) {
		play(strtoull(seed, NULL, 10));
		return;
	}
	for (uint64_t i = 1; i <= seeds; i++)
		play(i);
}

static void the_same_seed_gives_the_same_trace(void **state)
{
	(void)state;
	if (getenv("SEED"))
		skip();
	assert_true(play(1) == play(1));
	assert_true(play(1) != play(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(feeds_reach_all_who_are_entitled_and_nobody_else),
		cmocka_unit_test(the_same_seed_gives_the_same_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
