/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/mix.h"

#include <stdio.h>
#include <string.h>

#include "base/vocab.h"
#include "sim/liars.h"
#include "sim/narrate.h"
#include "sim/watch.h"
#include "sim/world.h"

#define STEPS      320u
#define PACTS_MAX  120u
#define SHORT_S    20 /* an agreement that ends by the clock lives so long at the most */
#define DOWN_MS    6000u
#define ALONE_MIN  40u /* steps that a copy goes before its lines come */
#define ALONE_MAX  120u
#define KEYS_MAX   6u /* of one node */
#define HEAL_MS    60000u
#define WAIT_MS    2000u /* until operators have looked at clocks that were set right */
#define REST_MS    10000u
#define WHOLE_MS   330000u /* after so long a node that had no body is asked again */
#define CALM_MS    4000u
#define CALM_TRIES 3u
#define STORE_MS   500u
#define CROSSING   16384u /* bytes of a few runs */
/* Two runs of the largest size, and half of one. */
#define CROWDED_BYTES (5u * WIRE_DATA_BYTES_MAX / 2u)

#define CLEAR         audience_of(AUDIENCE_CLEAR)
#define GREEN         audience_of(AUDIENCE_GREEN)

struct mix {
	const struct mix_kind *kind;
	struct world *w;
	struct sim_random *random;
	struct cast_terms pacts[PACTS_MAX]; /* the newest version of each agreement */
	unsigned pacts_len;
	unsigned players; /* nodes; what comes behind them is a second machine with one's keys */
	uint64_t apart;   /* the nodes on this side of a partition; 0: there is none */
	/* Who lies, who has come back as an old copy, who has run twice: sets of actors. */
	uint64_t liars, restored, doubled;
	uint64_t slow; /* whose lines have been slow, or not read: a minute may be too short */
	unsigned alone, alone_steps; /* hears nobody, for so many steps more */
	bool listing;                /* some take whom a roster lists from anybody */
	struct cast_list list;
	bool limited;  /* by quotas that are soon used up */
	bool sweeping; /* feeds are long, and retention short */
	bool ending;   /* what came under agreements goes soon after their end */
	bool pausing;  /* operators use the stop button */
	bool revoking; /* parties end agreements by their signature */
	bool babbling; /* who lies says anything */
	bool crowding; /* disks are slower than the neighbours, and little may wait for them */
};

static unsigned below(struct mix *m, unsigned n)
{
	return sim_random_below(m->random, n);
}

static bool chance(struct mix *m, unsigned percent)
{
	return sim_random_chance(m->random, percent);
}

static unsigned some_node(struct mix *m)
{
	return below(m, m->players);
}

static unsigned some_party(struct mix *m, uint64_t parties)
{
	unsigned node;

	do
		node = some_node(m);
	while (!(parties & cast_bit(node)));
	return node;
}

/* Either of the two where somebody runs twice. */
static unsigned some_machine(struct mix *m, unsigned node)
{
	const struct world_node *twin = m->w->nodes[node].twin;

	return twin && chance(m, 50) ? twin->index : node;
}

static struct cast_terms *some_pact(struct mix *m)
{
	return &m->pacts[below(m, m->pacts_len)];
}

/* Two that have, or had, an agreement with each other: what happens to links happens there. */
static void some_pair(struct mix *m, unsigned *a, unsigned *b)
{
	uint64_t parties = some_pact(m)->parties;

	*a = some_party(m, parties);
	do
		*b = some_party(m, parties);
	while (*b == *a);
}

/* --- agreements ------------------------------------------------------------------------------- */

/* What each party gives, whether it introduces and how much it may bring, anew. */
static void pact_redraw(struct mix *m, struct cast_terms *t)
{
	t->introduces = 0;
	t->erase_s = !m->ending ? 0 : chance(m, 20) ? -1 : 1 + (int64_t)below(m, 10);
	t->quota_records = m->limited && chance(m, 30) ? 20 + below(m, 300) : 0;
	t->quota_bytes = m->limited && chance(m, 30) ? 5000 + below(m, 100000) : 0;
	for (unsigned i = 0; i < m->players; i++) {
		if (!(t->parties & cast_bit(i)))
			continue;
		t->gives[i] = (chance(m, 85) ? TLP_BIT(TLP_CLEAR) : 0) |
			      (chance(m, 70) ? TLP_BIT(TLP_GREEN) : 0) |
			      (chance(m, 50) ? TLP_BIT(TLP_AMBER) : 0);
		if (chance(m, 70))
			t->introduces |= cast_bit(i);
	}
}

static struct cast_terms *pact_between(struct mix *m, uint64_t parties)
{
	struct cast_terms *t = &m->pacts[m->pacts_len++];

	*t = (struct cast_terms){.id = 0x100 + m->pacts_len, .serial = 1, .parties = parties};
	pact_redraw(m, t);
	return t;
}

static void pact_new(struct mix *m)
{
	uint64_t parties = cast_bit(some_node(m));
	int want = chance(m, m->kind->twos) ? 2 : 3;
	struct cast_terms *t;

	if (m->pacts_len == PACTS_MAX)
		return;
	while (__builtin_popcountll(parties) < want)
		parties |= cast_bit(some_node(m));
	t = pact_between(m, parties);
	if (chance(m, 25)) {
		t->from = world_wall_s(m->w) - 1 + below(m, 5);
		t->until = t->from + 2 + below(m, SHORT_S - 6);
	}
	world_agree(m->w, t);
}

/* A new version, which reaches some of the parties now and others later or never. */
static void pact_change(struct mix *m)
{
	struct cast_terms *t = some_pact(m);
	const struct agreement *a;

	t->serial++;
	pact_redraw(m, t);
	a = world_draw_up(m->w, t);
	for (unsigned i = 0; i < m->players; i++) {
		if (!(t->parties & cast_bit(i)) || chance(m, 25))
			continue;
		world_place(m->w, i, a);
		if (chance(m, 60))
			world_run(m->w, below(m, 1500));
	}
}

static void pact_remove(struct mix *m)
{
	const struct cast_terms *t = some_pact(m);

	world_remove(m->w, some_party(m, t->parties), t->id);
}

static void pact_restore(struct mix *m)
{
	const struct cast_terms *t = some_pact(m);

	world_place(m->w, some_party(m, t->parties), world_draw_up(m->w, t));
}

/* A party ends the agreement, or two of them do so unknown to each other; often the same parties
 * make another one. */
static void pact_revoke(struct mix *m, const struct cast_terms *t)
{
	unsigned node = some_party(m, t->parties);
	struct cast_terms *next;

	world_revoke(m->w, some_machine(m, node), t->id);
	if (chance(m, 15))
		world_revoke(m->w, some_party(m, t->parties), t->id);
	if (m->pacts_len == PACTS_MAX || chance(m, 40))
		return;
	if (chance(m, 50))
		world_run(m->w, below(m, 3000));
	next = pact_between(m, t->parties);
	world_agree(m->w, next);
}

/* One of them, or all that somebody has. */
static void revoke(struct mix *m)
{
	unsigned node = some_node(m);
	unsigned len = m->pacts_len;

	if (chance(m, 90)) {
		pact_revoke(m, some_pact(m));
		return;
	}
	for (unsigned i = 0; i < len; i++)
		if (m->pacts[i].parties & cast_bit(node))
			pact_revoke(m, &m->pacts[i]);
}

static void terms(struct mix *m)
{
	unsigned what = below(m, 100);

	if (what < 20)
		pact_new(m);
	else if (what < 65)
		pact_change(m);
	else if (what < 80)
		pact_remove(m);
	else
		pact_restore(m);
}

/* --- publications ----------------------------------------------------------------------------- */

/* An own feed of somebody, there already or not. */
static struct audience some_feed(struct mix *m, unsigned *node)
{
	const struct cast_terms *t = some_pact(m);

	*node = some_node(m);
	if (chance(m, 3))
		return audience_of(AUDIENCE_LOCAL);
	if (chance(m, 60))
		return chance(m, 50) ? CLEAR : GREEN;
	*node = some_party(m, t->parties);
	return audience_agreement(t->id);
}

/* All sending, all taking, or both with one neighbour; often it all goes on soon. */
static void stop_button(struct mix *m)
{
	unsigned node = some_node(m);
	const struct world_node *n = &m->w->nodes[node];
	uint64_t with = chance(m, 50) && n->peers_len
				? cast_bit(n->peers[below(m, (unsigned)n->peers_len)].actor)
				: 0;

	if (chance(m, 50))
		world_pause(m->w, node, false, false, 0);
	else
		world_pause(m->w, node, chance(m, 40), chance(m, 40), with);
}

/* As the daemon refuses to say anything under an agreement that is not in force (policy/decide.h):
 * one that is over, revoked, not begun, or not there. */
static bool is_refused(const struct mix *m, unsigned node, struct audience audience)
{
	const struct world_node *n = &m->w->nodes[node];

	if (audience.kind != AUDIENCE_AGREEMENT)
		return false;
	for (size_t i = 0; i < n->agreements_len; i++)
		if (n->agreements[i]->id == audience.id)
			return !world_in_force(n, i) || world_revoked(n, audience.id);
	return true;
}

static void publish(struct mix *m)
{
	uint8_t kind = chance(m, 12) ? KIND_RETRACTION : KIND_OBJECT;
	uint32_t count = chance(m, 5) ? 100 + below(m, 200) : 1 + below(m, 8);
	size_t body_len = chance(m, 4) ? 50000 : 200;
	struct audience audience;
	unsigned node;

	if (m->crowding && chance(m, 20))
		body_len = 50000;
	if (m->sweeping && count > 100)
		count += 300;
	if (body_len > 1000 && count > 8)
		count = 8;
	audience = some_feed(m, &node);
	node = some_machine(m, node);
	if (is_refused(m, node, audience))
		return;
	world_publish_kind(m->w, node, audience, kind, chance(m, 8), count, body_len);
}

/* What was said is to be forgotten by everybody. */
static void erase(struct mix *m)
{
	unsigned node;
	struct audience audience = some_feed(m, &node);
	struct log_name feed = world_feed(m->w, node, audience);
	uint64_t held = world_held(m->w, node, &feed);

	if (!held || is_refused(m, node, audience))
		return;
	if (chance(m, 50))
		world_erase(m->w, node, audience, below(m, (unsigned)held));
	else
		world_recall(m->w, node, audience, below(m, (unsigned)held));
}

/* --- links ------------------------------------------------------------------------------------ */

/* Every link between this side and the others is cut, or mended again. */
static void partition(struct mix *m)
{
	uint64_t side = m->apart;

	if (!side)
		for (unsigned i = 0; i < m->players; i++)
			side |= chance(m, 40) ? cast_bit(i) : 0;
	for (unsigned i = 0; i < m->players; i++)
		for (unsigned k = 0; k < i; k++)
			if (!(side & cast_bit(i)) != !(side & cast_bit(k)))
				world_cut(m->w, i, k, !m->apart);
	m->apart = m->apart ? 0 : side;
}

static void deafen(struct mix *m, unsigned a, unsigned b)
{
	m->slow |= cast_bit(a) | cast_bit(b);
	world_deafen(m->w, a, b, chance(m, 60));
}

static void slow_down(struct mix *m, unsigned node)
{
	m->slow |= cast_bit(node);
	m->w->nodes[node].slowness = 1000 + below(m, 20000);
}

static void links(struct mix *m)
{
	unsigned what = below(m, 100), a, b;

	some_pair(m, &a, &b);
	if (what < 35)
		world_break(m->w, a, b);
	else if (what < 55)
		world_cut(m->w, a, b, !world_is_cut(m->w, a, b));
	else if (what < 75)
		deafen(m, a, b);
	else if (what < 85)
		world_duplicate(m->w, a, b);
	else if (what < 94)
		slow_down(m, a);
	else
		partition(m);
}

/* --- machines --------------------------------------------------------------------------------- */

/* By half a second, by minutes, by ten years; or it is set right. */
static void clock_step(struct mix *m, unsigned node)
{
	static const int64_t steps_s[] = {-315360000, -120, -1, 1, 120, 315360000};
	int64_t skew_ms = (int64_t)below(m, 800) - 400;

	if (chance(m, 50))
		skew_ms += 1000 * steps_s[below(m, sizeof(steps_s) / sizeof(steps_s[0]))];
	world_clock(m->w, node, skew_ms);
	if (chance(m, 40))
		world_clock_confirm(m->w, node);
}

/* What came some seconds ago goes, at most of them. */
static void sweep(struct mix *m)
{
	int64_t retain_ms = 1000 * (1 + (int64_t)below(m, 20));

	for (unsigned i = 0; i < m->players; i++)
		if (chance(m, 80))
			world_retain(m->w, i, retain_ms);
}

static void cut_off(struct mix *m, unsigned node, bool cut)
{
	for (unsigned k = 0; k < m->players; k++)
		if (k != node && world_peer_of(&m->w->nodes[node], k))
			world_cut(m->w, node, k, cut);
}

/* An older copy comes up, with the guard of today or with none: it signs nothing before it has back
 * what it had signed, least of all while its lines do not go yet. With the guard that was as old it
 * may sign another history, which comes out wherever both have gone. */
static void restore(struct mix *m, unsigned node, uint64_t back_ms)
{
	static const enum world_guard guards[] = {GUARD_OF_TODAY, GUARD_OF_TODAY, GUARD_OF_TODAY,
		GUARD_LOST, GUARD_LOST, GUARD_OF_BACKUP};

	if (!m->w->nodes[node].backup)
		return;
	if (!m->alone_steps && chance(m, 40)) {
		m->alone = node;
		m->alone_steps = ALONE_MIN + below(m, ALONE_MAX - ALONE_MIN);
		cut_off(m, node, true);
	}
	m->restored |= cast_bit(node);
	world_restore(m->w, node, guards[below(m, 6)], back_ms);
}

/* What a copy says before anybody has told it what it had said. */
static void alone(struct mix *m)
{
	if (!m->alone_steps)
		return;
	if (--m->alone_steps == 0)
		cut_off(m, m->alone, false);
	else if (chance(m, 8))
		world_publish(m->w, m->alone, CLEAR, 1 + below(m, 4), 200);
	else if (m->revoking && chance(m, 4)) /* started anew while nobody is there */
		world_kill(m->w, m->alone, 1 + below(m, DOWN_MS));
}

/*
 * A second machine runs with the keys of the first. Each peer reaches one of the two, a few
 * whichever of them dials last. Honest ones go mute when they are shown what they have not signed;
 * the others sign on, and so have two histories.
 */
static void run_twice(struct mix *m, unsigned node, bool shameless)
{
	struct world *w = m->w;
	unsigned twin = world_clone(w, node);

	m->doubled |= cast_bit(node);
	m->liars |= shameless ? cast_bit(node) : 0;
	w->nodes[node].shameless = w->nodes[twin].shameless = shameless;
	for (unsigned k = 0; k < m->players; k++)
		if (world_peer_of(&w->nodes[node], k) && chance(m, 80))
			world_hide(w, chance(m, 50) ? node : twin, k);
	/* Both speak before either has heard of the other. */
	if (chance(m, 60)) {
		world_publish(w, node, CLEAR, 1 + below(m, 4), 200);
		world_publish(w, twin, CLEAR, 1 + below(m, 4), 200);
	}
}

static void some_run_twice(struct mix *m)
{
	bool shameless = chance(m, 50);
	unsigned node = some_node(m);

	if (!m->w->nodes[node].twin)
		run_twice(m, node, shameless);
}

static void disk_slow_down(struct mix *m, unsigned node)
{
	m->w->nodes[node].disk_ms = 500 + below(m, 8000);
}

static void machines(struct mix *m)
{
	static const enum disk_health healths[] = {DISK_FULL, DISK_MAP_FULL, DISK_NO_SYNC};
	unsigned what = below(m, 100), node = some_node(m);
	uint64_t back_ms = 1 + below(m, DOWN_MS);

	if (m->crowding && chance(m, 30))
		disk_slow_down(m, node);
	else if (what < 10 && m->sweeping)
		sweep(m);
	else if (what < 20)
		world_kill(m->w, node, back_ms);
	else if (what < 30)
		world_backup(m->w, node);
	else if (what < 30 + m->kind->restores)
		restore(m, node, back_ms);
	else if (what < 60)
		world_kill_at(m->w, node, (enum ledger_step)below(m, LEDGER_STEPS), back_ms);
	else if (what < 75)
		world_health(m->w, node, healths[below(m, 3)]);
	else if (what < 90)
		world_health(m->w, node, DISK_WELL);
	else if (!m->ending) /* while the time is in doubt nothing goes */
		clock_step(m, node);
}

/* --- cards and rosters ------------------------------------------------------------------------ */

static unsigned some_neighbour(struct mix *m, unsigned node)
{
	const struct world_node *n = &m->w->nodes[node];

	return n->peers[below(m, (unsigned)n->peers_len)].actor;
}

/* All is copied to another one but the guard: it goes on as an old copy would, with a log of acts
 * of its own. */
static void replace_machine(struct mix *m, unsigned node, uint64_t back_ms)
{
	m->restored |= cast_bit(node);
	world_backup(m->w, node);
	world_restore(m->w, node, GUARD_LOST, back_ms);
}

/* A card is renewed, moves to the next root, or brings new keys, and a neighbour that is not there
 * then comes back with more to ask about than its card. Who lies or runs twice keeps what it has:
 * of two machines one alone would know. */
static void card_change(struct mix *m)
{
	unsigned node = some_node(m);
	bool keys = chance(m, 50), rotates = chance(m, 30);
	uint64_t back_ms = 1 + below(m, DOWN_MS);
	const struct guise *g = m->w->nodes[node].guise;

	if (((m->liars | m->doubled) & cast_bit(node)) || g->keys == KEYS_MAX ||
		g->root == KEYS_MAX)
		return;
	world_card(m->w, node, keys, rotates, back_ms);
	if (keys && chance(m, 40))
		replace_machine(m, some_neighbour(m, node), 1 + below(m, DOWN_MS));
}

/* A list that two of three have signed, for a while or for long, takes the place of the one before
 * at some; others strike theirs out. */
static void roster_change(struct mix *m)
{
	const struct roster *roster;

	m->list.members = 0;
	for (unsigned i = 0; i < m->players; i++)
		m->list.members |= chance(m, 60) ? cast_bit(i) : 0;
	m->list.serial++;
	m->list.from = world_wall_s(m->w) - 2;
	m->list.until = m->list.from + (chance(m, 20) ? 5 : 86400);
	roster = cast_roster(&m->list, &m->w->agreements);
	for (unsigned i = 0; i < m->players; i++)
		if (chance(m, 60))
			world_roster(m->w, i, chance(m, 80) ? roster : NULL);
}

static void standing(struct mix *m)
{
	if (m->listing && chance(m, 40))
		roster_change(m);
	else
		card_change(m);
}

/* --- the play --------------------------------------------------------------------------------- */

/* A ring, so that everybody is somehow joined to everybody, and chords across it. */
static void found(struct mix *m)
{
	const struct mix_kind *k = m->kind;
	unsigned n = k->nodes_min + below(m, k->nodes_max - k->nodes_min + 1);

	world_nodes(m->w, n);
	m->players = n;
	for (unsigned i = 0; i < n; i++)
		world_agree(m->w, pact_between(m, cast_bit(i) | cast_bit((i + 1) % n)));
	for (unsigned i = 0; i < n / 2; i++)
		pact_new(m);
	m->list = (struct cast_list){.id = 0x5eed,
		.threshold = 2,
		.signers = cast_bit(0) | cast_bit(n / 2) | cast_bit(n - 1)};
	if (m->listing)
		roster_change(m);
}

/* In every other play one or two lie, from some moment on, and never cease. */
static void turn_liar(struct mix *m)
{
	const struct liar *liar;
	unsigned node = some_node(m);
	size_t len;

	m->liars |= cast_bit(node);
	if (m->babbling) {
		narrate(m->w, "n%u babbles", node);
		liar_babbles_begin(&m->w->nodes[node]);
		return;
	}
	liar = liars(&len);
	liar += below(m, (unsigned)len);
	narrate(m->w, "n%u lies: %s", node, liar->name);
	liar_begin(liar, &m->w->nodes[node]);
}

static void step(struct mix *m)
{
	unsigned what = below(m, 100);

	if (m->pausing && chance(m, 8))
		stop_button(m);
	if (m->revoking && chance(m, 4))
		revoke(m);
	if (what < 4)
		erase(m);
	else if (what < 50)
		publish(m);
	else if (what < 70)
		links(m);
	else if (what < 84)
		terms(m);
	else if (what < 86)
		standing(m);
	else
		machines(m);
	world_run(m->w, chance(m, 30) ? 0 : below(m, 700));
}

/* What is still on its way through a slow line may take hours: the connections are given up, also
 * those that this node has closed, where the other end has not come to hear of it yet. */
static void line_clear(struct world *w, unsigned node)
{
	w->nodes[node].slowness = 1;
	for (unsigned i = 0; i < w->nodes_len; i++)
		if (i != node) {
			world_break(w, node, i);
			world_break(w, i, node);
		}
}

/* Links, clocks and disks are whole again, agreements rest, what was to end has ended; operators
 * have switched off second machines, and say so. */
static void heal(struct mix *m)
{
	struct world *w = m->w;

	narrate(w, "all is well again");
	for (unsigned i = m->players; i < w->nodes_len; i++)
		world_stop(w, i);
	for (unsigned i = 0; i < m->players; i++) {
		world_pause(w, i, false, false, 0);
		world_health(w, i, DISK_WELL);
		world_clock(w, i, 0);
		w->nodes[i].disk_ms = 0;
		w->nodes[i].dies_at = -1;
		if (w->nodes[i].slowness > 1)
			line_clear(w, i);
		for (unsigned k = 0; k < i; k++) {
			/* What liars have to say after their penalties would never come to rest. */
			world_cut(w, i, k, m->liars & (cast_bit(i) | cast_bit(k)));
			world_deafen(w, i, k, false);
			world_deafen(w, k, i, false);
		}
	}
	world_run(w, WAIT_MS);
	for (unsigned i = 0; i < m->players; i++)
		world_clock_confirm(w, i);
	world_run(w, SHORT_S * 1000);
	for (unsigned i = 0; i < m->players; i++)
		world_confirm(w, i);
	/* Whoever holds something waits a minute before it gives that up for a floor, one behind
	 * the other. */
	world_run(w, m->sweeping ? w->nodes_len * (GOSSIP_JOIN_AGAIN_MS + 1000u) : HEAL_MS);
}

/* Who was given entries without their bodies asks others, ever less often. */
static void grow_whole(struct world *w)
{
	for (unsigned i = 0; i < 3 && !world_failure(w) && watch_whole(w, false); i++)
		world_run(w, WHOLE_MS);
	watch_whole(w, true);
}

/* Bytes of runs that came, and of those that were stored, at everybody so far; what a full disk
 * refused has to come again. */
struct traffic {
	uint64_t came, stored;
};

static struct traffic traffic(const struct world *w)
{
	struct traffic t = {0};

	for (unsigned i = 0; i < w->nodes_len; i++) {
		t.came += w->nodes[i].data_bytes - w->nodes[i].lost_bytes;
		t.stored += w->nodes[i].stored_bytes;
	}
	return t;
}

/* I6: what comes a second time stays within this share of what is stored. What came last may be on
 * its way to the disk still; and a few runs cross the news that their taker has changed over. */
static void little_came_twice(struct world *w, struct traffic before, double most, const char *when)
{
	struct traffic t = traffic(w);
	double share;

	world_run(w, STORE_MS);
	t.stored = traffic(w).stored;
	t.came -= before.came;
	t.stored -= before.stored;
	share = t.stored ? (double)t.came / (double)t.stored : 1;
	if (share > most && t.came > t.stored + CROSSING)
		world_fail(w, "I6: %.3f times what was stored has come %s", share, when);
}

/* Everybody says something, and nothing else happens. What was on its way when a quota was used up
 * is dropped, and does not count. A first word brings its origin's card, which may put an agreement
 * of three into force: then it was not calm, and everybody says something more. */
static void calm(struct mix *m)
{
	struct world *w = m->w;
	unsigned terms;

	for (unsigned tries = 0; tries < CALM_TRIES && !world_failure(w); tries++) {
		struct traffic before = traffic(w);
		uint64_t since_ms = w->now_ms;

		terms = w->terms_told;
		for (unsigned i = 0; i < m->players; i++)
			world_publish(w, i, CLEAR, 4, 200);
		world_run(w, CALM_MS);
		for (unsigned i = 0; i < w->nodes_len && m->limited; i++)
			before.came += watch_over_quota(&w->nodes[i], since_ms);
		if (w->terms_told == terms) {
			little_came_twice(w, before, 1.05, "when all was calm");
			return;
		}
	}
	world_fail(w, "terms still change after %u times", CALM_TRIES);
}

/* A node still asks, once in ten seconds, for what another has told it of and ceased to give. */
static void come_to_rest(struct world *w)
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

static bool is_one_of(uint64_t nodes, const struct node_id *node)
{
	const struct actor *a = cast_actor_of(node);

	return a && (nodes & cast_bit(a->number));
}

/* Has its owner signed that log of acts twice? The guard has feeds alone: an old copy that is not
 * behind it takes itself for new, goes on with the log of acts that it has, and signs it where the
 * first to answer has witnessed no more of it, or nobody answers for two seconds (PROTOCOL.md,
 * "Recovery"). That is what witnesses are for. */
static bool signs_acts_twice(const struct mix *m, const struct log_name *log)
{
	const struct actor *a = cast_actor_of(&log->node);

	return a && a->number < m->players && watch_acts_twice(&m->w->nodes[a->number], log);
}

static bool is_slow(const struct mix *m, const struct world_node *n, const struct node_id *peer)
{
	return (m->slow & cast_bit(n->actor->number)) || is_one_of(m->slow, peer);
}

static bool is_about_silence(const char *rule)
{
	return strcmp(rule, "peer-silent") == 0 || strcmp(rule, "provenance-unproven") == 0;
}

/* Liars and forks are found out; an old copy hears from its witnesses that its log of acts is
 * behind, and whoever runs twice that he does. */
static bool alarm_is_due(const struct mix *m, const struct world_node *n,
	const struct world_alarm *a)
{
	uint64_t self = cast_bit(n->actor->number);

	if (is_about_silence(a->rule) && is_slow(m, n, &a->peer))
		return true;
	if (is_one_of(m->liars, &a->peer) || is_one_of(m->liars, &a->feed.node) ||
		watch_forked(m->w, &a->feed))
		return true;
	if ((m->restored | m->doubled) & self)
		return strncmp(a->rule, "provenance-", 11) == 0 || strcmp(a->rule, "clone") == 0 ||
		       strcmp(a->rule, "own-card") == 0;
	if (strcmp(a->rule, "provenance-rewritten") == 0 && signs_acts_twice(m, &a->feed))
		return true;
	return is_one_of(m->doubled, &a->peer) && strncmp(a->rule, "provenance-", 11) == 0;
}

/* Whose sessions it has closed since an answer did not come. */
static uint64_t silent_to(const struct mix *m, const struct world_node *n)
{
	uint64_t silent = 0;

	for (size_t i = 0; i < n->alarms_len; i++)
		if (strcmp(n->alarms[i].rule, "peer-silent") == 0 &&
			is_slow(m, n, &n->alarms[i].peer))
			silent |= cast_bit(cast_actor_of(&n->alarms[i].peer)->number);
	return silent;
}

/* Nobody but a liar is said to lie, and only old copies and doubles go mute: for ever where what
 * they had signed has reached nobody. */
static void nobody_else_is_blamed(struct mix *m)
{
	struct world *w = m->w;

	for (unsigned i = 0; i < w->nodes_len; i++) {
		const struct world_node *n = &w->nodes[i];
		uint64_t self = cast_bit(n->actor->number);

		if (m->liars & self)
			continue;
		if (n->punishes & ~(m->liars | silent_to(m, n)))
			world_fail(w, "n%u punishes somebody honest", i);
		if (n->mutes && !((m->restored | m->doubled) & self))
			world_fail(w, "n%u goes mute", i);
		for (size_t k = 0; k < n->alarms_len; k++)
			if (!alarm_is_due(m, n, &n->alarms[k]))
				world_fail(w, "n%u raises an alarm: %s", i, n->alarms[k].rule);
	}
}

/* Everything ends: each sending must have its close. */
static void part(const struct mix *m)
{
	struct world *w = m->w;

	for (unsigned i = 0; i < m->players; i++)
		for (unsigned k = 0; k < i; k++)
			world_cut(w, i, k, true);
	world_run(w, 2000);
	watch_closed(w);
}

static bool falls_on(struct mix_every every, uint64_t seed)
{
	return seed % every.seeds == every.rest;
}

void mix_play(const struct mix_kind *kind, uint64_t seed, struct mix_result *r)
{
	struct mix m = {.kind = kind, .w = world_new(seed)};
	struct world *w = m.w;
	unsigned apart = STEPS / (kind->doubles + 1);
	bool lying, doubled;

	m.random = &w->random;
	lying = chance(&m, 50);
	doubled = chance(&m, kind->doubled);
	m.limited = chance(&m, kind->limited);
	m.sweeping = chance(&m, kind->sweeping);
	m.listing = chance(&m, kind->listing);
	w->letting_go = m.ending = falls_on(kind->ending, seed);
	m.pausing = falls_on(kind->pausing, seed);
	m.revoking = falls_on(kind->revoking, seed);
	m.crowding = falls_on(kind->crowding, seed);
	m.babbling = falls_on(kind->babbling, seed);
	w->ingest_max = m.crowding ? CROWDED_BYTES : 0;
	found(&m);
	for (unsigned i = 0; i < STEPS && !world_failure(w); i++) {
		if ((lying || m.babbling) && i % (STEPS / 4) == STEPS / 8)
			turn_liar(&m);
		if (doubled && i % apart == 0 && i > 0 && i <= apart * kind->doubles)
			some_run_twice(&m);
		alone(&m);
		step(&m);
	}
	heal(&m);
	watch_settled(w);
	watch_cards(w);
	watch_revoked(w);
	grow_whole(w);
	watch_forgotten(w);
	watch_over(w);
	watch_confirmed(w);
	watch_split(w);
	if (!m.liars) {
		little_came_twice(w, (struct traffic){0}, 2, "in all");
		come_to_rest(w);
		calm(&m);
	}
	nobody_else_is_blamed(&m);
	part(&m);
	*r = (struct mix_result){
		.trace = world_trace(w), .events = w->events, .nodes = w->nodes_len};
	if (world_failure(w))
		snprintf(r->failure, sizeof(r->failure), "%s", world_failure(w));
	world_free(w);
}
