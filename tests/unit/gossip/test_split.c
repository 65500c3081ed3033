/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Proof that an origin has signed two histories: told, kept, passed on; and those who accuse others
 * of it: FORMATS 8, T16 to T22. How it is found out: test_doubt.c.
 */
#include "unit/gossip/forks.h"
#undef CLEAR
#undef GREEN
#include "unit/gossip/shapes.h"

/* --- being told ------------------------------------------------------------------------------- */

static void a_proof_is_verified_kept_and_passed_on_once(void **state)
{
	struct sim_store a = {0}, b = {0};
	struct sim_log *log, *small, *large;
	struct wire_message m;
	struct probe p;

	(void)state;
	log = holding(&p, 3); /* the beginning that both have in common */
	small = forked(&p, &a, log, 3, 5);
	large = forked(&p, &b, log, 3, 9);
	m = accusation(&p, small, large);
	probe_hear(&p, 1, &m);
	assert_proven(&p, &log->name);
	assert_int_equal(told_to(&p, 1), 0);
	assert_int_equal(told_to(&p, 2), 1);
	/* Again, and by the other: nothing more comes of it. */
	probe_forget(&p);
	probe_hear(&p, 1, &m);
	probe_hear(&p, 2, &m);
	probe_tick(&p, 3000);
	assert_silence(&p);
	/* It stands as it stood, and is served so. */
	probe_hear_subscribe(&p, 2, &log->name, 0);
	gossip_entered(p.g, probe_time(&p), 2, &log->name);
	probe_actions(&p);
	assert_int_equal(probe_last(&p, WIRE_DATA)->data.count, 3);
	probe_forget(&p);
	probe_hear_run(&p, 1, large, 3, 12);
	assert_silence(&p);
	sim_store_free(&a);
	sim_store_free(&b);
	probe_free(&p);
}

static void a_feed_is_frozen_before_anything_of_it_has_come(void **state)
{
	struct sim_store a = {0};
	struct sim_log *log, *fork;
	struct wire_message m;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_hear_cards(&p, 1, &cast_actor(ORIGIN)->chain);
	log = probe_published(&p, ORIGIN, CLEAR, 5, 10);
	fork = forked(&p, &a, log, 2, 3);
	m = accusation(&p, log, fork);
	probe_forget(&p);
	probe_hear(&p, 1, &m);
	assert_int_equal(p.splits, 1);
	probe_hear_head(&p, 1, &log->complete);
	assert_null(probe_last(&p, WIRE_SUBSCRIBE));
	sim_store_free(&a);
	probe_free(&p);
}

static void nobody_can_be_framed(void **state)
{
	struct sim_store a = {0};
	struct sim_log *log, *fork;
	struct wire_message good, bad[6];
	struct checkpoint forged;
	struct probe p;
	unsigned tried = 0;

	(void)state;
	do {
		log = holding(&p, 3);
		fork = forked(&p, &a, log, 2, 6);
		good = accusation(&p, log, fork);
		for (size_t i = 0; i < COUNT_OF(bad); i++)
			bad[i] = good;
		/* One of the two signed by another; an honest extension; other hashes; a hash too
		 * many; the fork of another feed; a signature of another size. */
		sim_log_sign(fork, fork->size, &cast_actor(PEER)->identity, &forged);
		checkpoint_to_wire(&bad[0].split.second, &forged);
		probe_published(&p, ORIGIN, CLEAR, 4, 10);
		sim_log_sign(log, 3, &cast_actor(ORIGIN)->identity, &forged);
		bad[1] = accusation(&p, log, log);
		checkpoint_to_wire(&bad[1].split.first, &forged);
		{
			struct proof *honest = arena_alloc(&p.arena, sizeof(*honest));

			assert_int_equal(proof_split_build(honest, 3, 7, log_subtree, log), 0);
			bad[1].split.hashes = (const uint8_t(*)[32])honest->hashes;
			bad[1].split.hashes_len = honest->hashes_len;
		}
		bad[2].split.hashes = bad[1].split.hashes;
		bad[3].split.hashes_len++;
		bad[4].split.feed = probe_name(PEER, CLEAR);
		bad[5].split.first.size--;
		probe_hear(&p, 1, &bad[tried]);
		assert_blamed(&p, 1, PEER);
		assert_int_equal(p.splits, 0);
		assert_int_equal(p.freezes, 0);
		sim_store_free(&a);
		probe_free(&p);
	} while (++tried < COUNT_OF(bad));
}

static void accusations_about_what_may_not_be_seen_meet_silence(void **state)
{
	struct sim_store a = {0}, b = {0};
	struct sim_log *log, *fork;
	struct wire_message m;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_hear_cards(&p, 1, &cast_actor(ORIGIN)->chain);
	probe_forget(&p);
	/* A community that the peers do not share, and an origin that nobody knows. */
	log = probe_published(&p, ORIGIN, GREEN, 5, 10);
	fork = forked(&p, &a, log, 2, 3);
	m = accusation(&p, log, fork);
	probe_hear(&p, 1, &m);
	assert_silence(&p);
	log = probe_published(&p, ORIGIN, CLEAR, 5, 10);
	fork = forked(&p, &b, log, 2, 3);
	m = accusation(&p, log, fork);
	m.split.feed.node = cast_actor(CAST_MAX - 1)->node;
	probe_hear(&p, 1, &m);
	assert_silence(&p);
	assert_int_equal(p.splits, 0);
	sim_store_free(&a);
	sim_store_free(&b);
	probe_free(&p);
}

/* Of an own feed everybody is heard, and nobody told who may not see it. */
/* PEER may give it back and be given nothing: it has named the feed, and is asked before it is
 * blamed. */
static void a_run_of_a_clone_is_looked_into_whoever_brings_it(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	struct sim_store a = {0};
	struct sim_log *own, *other;
	struct env_rng rng;
	struct probe p;

	(void)state;
	probe_init(&p);
	terms.gives[SELF] = 0;
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	own = probe_published(&p, SELF, CLEAR, 3, 10);
	rng = sim_random_env(&p.random);
	other = sim_store_need(&a, &own->name);
	sim_log_publish(other, &cast_actor(SELF)->identity, 8, 10, &rng);
	probe_hear_head(&p, 1, &other->complete);
	assert_non_null(p.mute);
	assert_non_null(probe_last(&p, WIRE_SUBSCRIBE));
	probe_hear_run(&p, 1, other, 3, 8);
	assert_int_equal(p.jobs_len, 1);
	probe_reject(&p, ENT_EPROOF);
	assert_int_equal(p.closed, 0);
	assert_non_null(probe_last(&p, WIRE_PROOF_WANT));
	hear_answer(&p, 1, other);
	assert_int_equal(p.splits, 1);
	assert_int_equal(p.closed, 0);
	sim_store_free(&a);
	probe_free(&p);
}

static void an_own_feed_is_not_named_to_who_may_not_see_it(void **state)
{
	struct cast_terms secret = probe_terms(FOURTH);
	struct sim_store a = {0};
	struct sim_log *own, *other;
	struct wire_message m;
	struct env_rng rng;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_agree(&p, &secret);
	own = probe_published(&p, SELF, audience_agreement(secret.id), 6, 10);
	probe_forget(&p);
	probe_hear_held(&p, 1, &own->name, 4);
	probe_tick(&p, 3000);
	assert_silence(&p);
	rng = sim_random_env(&p.random);
	other = sim_store_need(&a, &own->name);
	sim_log_publish(other, &cast_actor(SELF)->identity, 6, 10, &rng);
	m = accusation(&p, own, other);
	probe_hear(&p, 1, &m);
	probe_tick(&p, 3000);
	assert_non_null(p.mute);
	assert_int_equal(p.said_len, 0);
	sim_store_free(&a);
	probe_free(&p);
}

/* A few rogue origins with many incarnations are all that it takes for so many. */
static void who_tells_of_many_split_views_of_strangers_is_not_blamed(void **state)
{
	struct wire_message m = {.type = WIRE_SPLIT};
	struct probe p;

	(void)state;
	probe_greeted(&p);
	m.split.first = m.split.second = (struct wire_checkpoint){.present = true, .size = 3};
	for (unsigned i = 0; i < 1000; i++) {
		m.split.feed = probe_name(20 + i / 32, CLEAR);
		m.split.feed.incarnation += i % 32;
		probe_hear(&p, 1, &m);
	}
	assert_int_equal(p.closed, 0);
	assert_null(p.alarm);
	probe_free(&p);
}

/* It tells them all again whenever it is asked for its heads, however late they come. */
static void who_is_asked_for_split_views_again_and_again_is_not_blamed(void **state)
{
	struct wire_message m[7];
	struct sim_store a = {0};
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_hear_cards(&p, 1, &cast_actor(ORIGIN)->chain);
	for (unsigned i = 0; i < COUNT_OF(m); i++) {
		struct cast_terms terms = probe_terms(PEER);
		struct sim_log *log;

		terms.id = 0x900 + i;
		terms.parties |= cast_bit(ORIGIN);
		probe_agree(&p, &terms);
		log = probe_published(&p, ORIGIN, audience_agreement(terms.id), 5, 10);
		m[i] = accusation(&p, log, forked(&p, &a, log, 2, 3));
	}
	gossip_closed(p.g, probe_time(&p), 1, "again");
	probe_actions(&p);
	probe_open(&p, 2, PEER);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	/* So often it has been asked by the time that the first ones come. */
	for (unsigned i = 0; i < 20; i++) {
		gossip_agreements(p.g, probe_time(&p), p.agreements, p.agreements_len - !(i % 2));
		probe_actions(&p);
	}
	for (unsigned i = 0; i < 20 * COUNT_OF(m); i++)
		probe_hear(&p, 2, &m[i % COUNT_OF(m)]);
	assert_int_equal(p.splits, COUNT_OF(m));
	assert_int_equal(p.closed, 0);
	sim_store_free(&a);
	probe_free(&p);
}

static void a_flood_of_accusations_is_blamed(void **state)
{
	struct sim_store a = {0};
	struct sim_log *log, *fork;
	struct wire_message m;
	unsigned told = 0;
	struct probe p;

	(void)state;
	log = holding(&p, 5);
	fork = forked(&p, &a, log, 2, 3);
	m = accusation(&p, log, fork);
	for (int i = 0; i < 1000 && !p.closed; i++, told++) {
		probe_forget(&p);
		probe_hear(&p, 1, &m);
	}
	assert_blamed(&p, 1, PEER);
	assert_in_range(told, 10, GOSSIP_ASKS_TIMES * (GOSSIP_ASKS_MAX + 8));
	sim_store_free(&a);
	probe_free(&p);
}

/* --- telling ---------------------------------------------------------------------------------- */

static void whoever_comes_later_is_told_once(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct probe p;

	(void)state;
	log = holding(&p, 5);
	fork = forked(&p, &other, log, 3, 2);
	probe_hear_head(&p, 2, &fork->complete);
	gossip_closed(p.g, probe_time(&p), 2, "test");
	probe_actions(&p);
	probe_forget(&p);
	probe_open(&p, 3, FOURTH);
	probe_hear_hello(&p, 3, SESSION_CREDIT_BYTES);
	probe_tick(&p, 5000);
	assert_int_equal(told_to(&p, 3), 1);
	assert_int_equal(told_to(&p, 1), 0);
	sim_store_free(&other);
	probe_free(&p);
}

/* Who may only give the feed may know the origin by no card that names the incarnation. */
static void the_card_goes_ahead_of_the_proof(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	unsigned cards = 0;
	struct probe p;

	(void)state;
	log = holding(&p, 5);
	another_comes(&p, 3, FIFTH, 0);
	fork = forked(&p, &other, log, 3, 2);
	probe_forget(&p);
	probe_hear_head(&p, 2, &fork->complete);
	assert_int_equal(told_to(&p, 3), 1);
	for (size_t i = 0; i < p.said_len && p.said[i].type != WIRE_SPLIT; i++)
		cards += p.said_to[i] == 3 && p.said[i].type == WIRE_CARDS &&
			 bytes_eq(p.said[i].cards.cards[0], cast_actor(ORIGIN)->chain.notes[0]);
	assert_int_equal(cards, 1);
	sim_store_free(&other);
	probe_free(&p);
}

static void a_proof_outlives_the_engine(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	struct sim_store other = {0};
	struct gossip_feed_view v;
	struct checkpoint complete;
	struct sim_log *log, *fork;
	struct probe p, again;

	(void)state;
	log = holding(&p, 5);
	complete = log->complete;
	fork = forked(&p, &other, log, 3, 2);
	probe_hear_head(&p, 2, &fork->complete);
	log = sim_store_find(&p.store, &log->name);

	probe_init(&again);
	assert_int_equal(gossip_origin(again.g, &cast_actor(ORIGIN)->chain, NULL), 0);
	assert_int_equal(gossip_feed(again.g, &log->name, 5, 0, &complete, &complete, log->frozen),
		0);
	assert_int_equal(gossip_split(again.g, buf_view(&log->proof)), 0);
	assert_true(gossip_feed_view(again.g, &log->name, &v) && v.frozen);
	probe_agree(&again, &terms);
	probe_open(&again, 1, PEER);
	probe_hear_hello(&again, 1, SESSION_CREDIT_BYTES);
	assert_int_equal(told_to(&again, 1), 1);
	probe_free(&again);
	sim_store_free(&other);
	probe_free(&p);
}

/* Its card had left the keys directory, and is put there again. */
static void a_proof_is_told_again_once_its_origin_is_known_again(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	static const struct checkpoint none;
	struct buf b = buf_with_max(WIRE_MESSAGE_MAX);
	struct sim_store other = {0};
	struct gossip_feed_view v;
	struct wire_message m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_init(&p);
	log = probe_published(&p, ORIGIN, CLEAR, 4, 10);
	m = accusation(&p, log, forked(&p, &other, log, 2, 3));
	assert_int_equal(wire_encode(&b, &m), 0);
	assert_int_equal(gossip_feed(p.g, &log->name, 0, 0, &none, &log->complete, true),
		ENT_ENOTFOUND);
	assert_int_equal(gossip_split(p.g, bytes_skip(buf_view(&b), WIRE_PREFIX_BYTES)),
		ENT_ENOTFOUND);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	assert_int_equal(told_to(&p, 1), 0);
	assert_int_equal(gossip_origin(p.g, &cast_actor(ORIGIN)->chain, NULL), 0);
	probe_actions(&p);
	assert_int_equal(told_to(&p, 1), 1);
	assert_true(gossip_feed_view(p.g, &log->name, &v) && v.frozen);
	/* And who comes later. */
	fourth_comes(&p);
	assert_int_equal(told_to(&p, 2), 1);
	buf_free(&b);
	sim_store_free(&other);
	probe_free(&p);
}

static void an_origin_that_is_told_of_itself_has_a_clone(void **state)
{
	struct sim_store a = {0};
	struct sim_log *own, *other;
	struct wire_message m;
	struct env_rng rng;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	own = probe_published(&p, SELF, CLEAR, 6, 10);
	rng = sim_random_env(&p.random);
	other = sim_store_need(&a, &own->name);
	sim_log_append(other, sim_log_entries(own, 0, 2), 2);
	sim_log_publish(other, &cast_actor(SELF)->identity, 2, 10, &rng);
	m = accusation(&p, other, own);
	probe_forget(&p);
	probe_hear(&p, 1, &m);
	assert_non_null(p.mute);
	assert_int_equal(p.splits, 1);
	assert_int_equal(p.freezes, 0);
	assert_string_equal(p.alarm, "split-view");
	probe_free(&p);

	/* Or it finds out by itself, from what a peer holds. */
	probe_greeted(&p);
	own = probe_published(&p, SELF, CLEAR, 6, 10);
	probe_forget(&p);
	probe_hear_head(&p, 1, &other->complete);
	assert_non_null(p.mute);
	assert_int_equal(p.splits, 1);
	sim_store_free(&a);
	probe_free(&p);
}

/* --- nothing in the normal case --------------------------------------------------------------- */

static void honest_heads_of_any_size_lead_to_nothing(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = holding(&p, 20);
	for (uint64_t size = 1; size < 20; size++) {
		struct checkpoint c;

		hear_held(&p, 2, log, size);
		sim_log_sign(log, size, &cast_actor(ORIGIN)->identity, &c);
		probe_hear_head(&p, 2, &c);
	}
	for (uint64_t at = 20; at < 60; at += 5) {
		probe_published(&p, ORIGIN, CLEAR, 5, 10);
		hear_held(&p, 2, log, at + 1);
		hear_held(&p, 2, log, at + 5);
		probe_hear_run(&p, 1, log, at, at + 5);
		probe_store(&p);
		probe_tick(&p, 500);
	}
	probe_tick(&p, 60000);
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), 0);
	assert_int_equal(p.splits, 0);
	assert_int_equal(p.closed, 0);
	assert_null(p.alarm);
	probe_free(&p);
}

/* --- two camps joined by one link ------------------------------------------------------------- */

#define OUTSIDER (CAST_MAX - 1)

static void camps_meet(uint64_t seed, unsigned nodes, uint32_t common, uint32_t first,
	uint32_t second)
{
	const struct actor *origin = cast_actor(OUTSIDER);
	struct log_name feed = {
		origin->node, origin->identity.incarnation, audience_of(AUDIENCE_GREEN)};
	struct sim_random random = {seed};
	struct env_rng rng = sim_random_env(&random);
	struct sim_store stores[2] = {{0}};
	struct sim_log *stories[2];
	struct world *w = world_chain(seed, nodes);

	stories[0] = sim_store_need(&stores[0], &feed);
	stories[1] = sim_store_need(&stores[1], &feed);
	if (common) {
		sim_log_publish(stories[0], &origin->identity, common, 20, &rng);
		sim_log_append(stories[1], sim_log_entries(stories[0], 0, common), common);
	}
	sim_log_publish(stories[0], &origin->identity, first, 20, &rng);
	sim_log_publish(stories[1], &origin->identity, second, 20, &rng);
	for (unsigned i = 0; i < nodes; i++)
		world_implant(w, i, stories[i >= nodes / 2]);
	world_run(w, 5000);
	assert_world(w);
	for (unsigned i = 0; i < nodes; i++) {
		struct world_node *n = &w->nodes[i];
		struct buf proof = buf_with_max(WIRE_MESSAGE_MAX);
		struct arena arena = {0};
		struct wire_message m;
		struct split split;

		if (!world_proof(w, i, &feed, &proof))
			fail_msg("seed %u: n%u of %u has no proof of %u+%u against %u+%u",
				(unsigned)seed, i, nodes, common, first, common, second);
		assert_int_equal(wire_decode(WIRE_SPLIT, buf_view(&proof), &arena, &m), 0);
		split_from_wire(&split, &m.split);
		assert_int_equal(split_verify(&split,
					 gossip_log_key(n->gossip, &feed.node, feed.incarnation)),
			0);
		assert_int_equal(n->punishes, 0);
		assert_int_equal(world_held(w, i, &feed), stories[i >= nodes / 2]->size);
		arena_free(&arena);
		buf_free(&proof);
	}
	world_free(w);
	sim_store_free(&stores[0]);
	sim_store_free(&stores[1]);
}

static void two_camps_find_out_in_seconds_whatever_the_sizes(void **state)
{
	struct sim_random random = {42};

	(void)state;
	for (unsigned seed = 1; seed <= 60; seed++)
		camps_meet(seed, 2 + (unsigned)sim_random_below(&random, 7),
			(uint32_t)sim_random_below(&random, 20),
			1 + (uint32_t)sim_random_below(&random, 20),
			1 + (uint32_t)sim_random_below(&random, 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_proof_is_verified_kept_and_passed_on_once),
		cmocka_unit_test(a_feed_is_frozen_before_anything_of_it_has_come),
		cmocka_unit_test(nobody_can_be_framed),
		cmocka_unit_test(accusations_about_what_may_not_be_seen_meet_silence),
		cmocka_unit_test(a_run_of_a_clone_is_looked_into_whoever_brings_it),
		cmocka_unit_test(an_own_feed_is_not_named_to_who_may_not_see_it),
		cmocka_unit_test(who_tells_of_many_split_views_of_strangers_is_not_blamed),
		cmocka_unit_test(who_is_asked_for_split_views_again_and_again_is_not_blamed),
		cmocka_unit_test(a_flood_of_accusations_is_blamed),
		cmocka_unit_test(whoever_comes_later_is_told_once),
		cmocka_unit_test(the_card_goes_ahead_of_the_proof),
		cmocka_unit_test(a_proof_outlives_the_engine),
		cmocka_unit_test(a_proof_is_told_again_once_its_origin_is_known_again),
		cmocka_unit_test(an_origin_that_is_told_of_itself_has_a_clone),
		cmocka_unit_test(honest_heads_of_any_size_lead_to_nothing),
		cmocka_unit_test(two_camps_find_out_in_seconds_whatever_the_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
