/* SPDX-License-Identifier: EUPL-1.2 */
/* What the engine is told of the store at start, and of what was written but not signed then. */
#include "unit/gossip/forks.h"

/* A crash between commit and signature leaves entries beyond the newest checkpoint in the store;
 * they are sealed after the engine has been told of the feed, and nothing else may follow. */
static void tells_of_entries_that_are_sealed_only_after_a_crash(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	struct log_name name = probe_name(SELF, CLEAR);
	const struct wire_message *held;
	struct checkpoint before_crash;
	struct env_rng rng;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_init(&p);
	probe_agree(&p, &terms);
	rng = sim_random_env(&p.random);
	log = sim_store_need(&p.store, &name);
	sim_log_publish(log, &cast_actor(SELF)->identity, 5, 10, &rng);
	before_crash = log->complete;
	sim_log_publish(log, &cast_actor(SELF)->identity, 3, 10, &rng);
	assert_int_equal(gossip_feed(p.g, &name, 8, 0, &before_crash, &before_crash, false), 0);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	assert_int_equal(probe_last(&p, WIRE_HEADS)->heads.heads[0].held, 5);
	probe_tick(&p, 2000);
	gossip_sealed(p.g, probe_time(&p), &log->complete, false);
	probe_actions(&p);
	held = probe_last(&p, WIRE_HELD);
	assert_non_null(held);
	assert_int_equal(held->held.size, 8);
	probe_free(&p);
}

/* The store has so much of a feed of THIRD, whom no card here names. */
static struct sim_log *feed_of_nobody(struct probe *p, uint32_t size)
{
	struct cast_terms terms = probe_terms(PEER);
	struct log_name name = probe_name(THIRD, CLEAR);
	struct env_rng rng;
	struct sim_log *log;

	probe_init(p);
	probe_agree(p, &terms);
	rng = sim_random_env(&p->random);
	log = sim_store_need(&p->store, &name);
	sim_log_publish(log, &cast_actor(THIRD)->identity, size, 10, &rng);
	assert_int_equal(gossip_feed(p->g, &name, size, 0, &log->complete, &log->complete, false),
		ENT_ENOTFOUND);
	return log;
}

/* The card of an origin may leave the keys directory while its feed stays in the store. */
static void goes_on_from_what_is_held_when_an_origin_becomes_known_again(void **state)
{
	const struct wire_message *asked;
	struct env_rng rng;
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = feed_of_nobody(&p, 5);
	rng = sim_random_env(&p.random);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	assert_int_equal(probe_last(&p, WIRE_HEADS)->heads.heads_len, 0);
	assert_int_equal(gossip_origin(p.g, &cast_actor(THIRD)->chain, NULL), 0);
	probe_actions(&p);
	assert_int_equal(probe_last(&p, WIRE_HEADS)->heads.heads[0].held, 5);
	sim_log_publish(log, &cast_actor(THIRD)->identity, 3, 10, &rng);
	probe_hear_head(&p, 1, &log->complete);
	asked = probe_last(&p, WIRE_SUBSCRIBE);
	assert_non_null(asked);
	assert_int_equal(asked->subscribe.from, 5);
	probe_free(&p);
}

/* Retention goes on meanwhile: a floor that nobody was told of would be offered and not given. */
static void remembers_where_a_feed_of_nobody_begins(void **state)
{
	const struct wire_message *m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = feed_of_nobody(&p, 600);
	gossip_floor(p.g, probe_time(&p), &log->name, 2 * FLOOR_STEP);
	gossip_floor(p.g, probe_time(&p), &log->name, FLOOR_STEP);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	assert_int_equal(gossip_origin(p.g, &cast_actor(THIRD)->chain, NULL), 0);
	probe_actions(&p);
	m = probe_last(&p, WIRE_HEADS);
	assert_int_equal(m->heads.heads[0].held, 600);
	assert_int_equal(m->heads.heads[0].floor, 2 * FLOOR_STEP);
	probe_free(&p);
}

/* A head may cross the asking that the one before it brought. */
static void leaves_no_subscription_open_beside_another(void **state)
{
	struct cast_terms with_peer = probe_terms(PEER), with_third = probe_terms(THIRD);
	struct log_name name = probe_name(THIRD, CLEAR);
	struct env_rng rng;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_init(&p);
	probe_agree(&p, &with_peer);
	probe_agree(&p, &with_third);
	rng = sim_random_env(&p.random);
	log = sim_store_need(&p.theirs, &name);
	sim_log_publish(log, &cast_actor(THIRD)->identity, 5, 10, &rng);
	for (uint32_t session = 1; session <= 2; session++) {
		probe_open(&p, session, session == 1 ? PEER : THIRD);
		probe_hear_hello(&p, session, SESSION_CREDIT_BYTES);
		probe_hear_head(&p, session, &log->complete);
	}
	probe_forget(&p);
	probe_hear_head(&p, 1, &log->complete);
	assert_non_null(probe_last(&p, WIRE_SUBSCRIBE));
	assert_int_equal(p.said_to[p.said_len - 2], 2);
	assert_non_null(probe_last(&p, WIRE_UNSUBSCRIBE));
	assert_int_equal(p.said_to[p.said_len - 1], 1);
	probe_free(&p);
}

/* Told twice, the second head might cross the subscription that the first has brought, and so bring
 * everything twice. */
static void heads_told_since_they_were_asked_for_are_not_told_again(void **state)
{
	unsigned clear = 0, secret = 0;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_published(&p, SELF, CLEAR, 5, 20);
	probe_forget(&p);
	probe_hear_terms(&p, 1);
	probe_published(&p, SELF, audience_agreement(p.agreements[0]->id), 5, 20);
	probe_tick(&p, 2000);
	for (size_t i = 0; i < p.said_len; i++)
		for (size_t k = 0; p.said[i].type == WIRE_HEADS && k < p.said[i].heads.heads_len;
			k++) {
			clear += p.said[i].heads.heads[k].feed.audience.kind == AUDIENCE_CLEAR;
			secret += p.said[i].heads.heads[k].feed.audience.kind == AUDIENCE_AGREEMENT;
		}
	assert_int_equal(clear, 1);  /* told before, and again now */
	assert_int_equal(secret, 1); /* told since */
	probe_free(&p);
}

/* When it was told the card, nobody had vouched for the origin there; heads of a feed that it has
 * subscribed to meanwhile are no news. */
static void who_asks_is_told_the_cards_of_feeds_it_has_too(void **state)
{
	const struct wire_message *m;
	struct card_chain newer;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	fourth_comes(&p);
	newer = cast_changed_card(THIRD, false, 7, &p.arena);
	probe_hear_cards(&p, 1, &newer);
	log = probe_published(&p, THIRD, CLEAR, 5, 20);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 5);
	probe_store(&p);
	assert_non_null(probe_last(&p, WIRE_CARDS));
	probe_hear_subscribe(&p, 2, &log->name, 5);
	probe_forget(&p);
	probe_hear_terms(&p, 2);
	probe_tick(&p, 2000);
	m = probe_last(&p, WIRE_CARDS);
	assert_non_null(m);
	assert_int_equal(p.said_to[m - p.said], 2);
	assert_true(bytes_eq(m->cards.cards[1], newer.notes[1]));
	assert_int_equal(probe_last(&p, WIRE_HEADS)->heads.heads_len, 0);
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_of_entries_that_are_sealed_only_after_a_crash),
		cmocka_unit_test(leaves_no_subscription_open_beside_another),
		cmocka_unit_test(heads_told_since_they_were_asked_for_are_not_told_again),
		cmocka_unit_test(who_asks_is_told_the_cards_of_feeds_it_has_too),
		cmocka_unit_test(goes_on_from_what_is_held_when_an_origin_becomes_known_again),
		cmocka_unit_test(remembers_where_a_feed_of_nobody_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
