/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A feed of which two histories are signed is frozen where it stands. Once a later incarnation has
 * said how far it is good, whoever stands below goes on so far: under that checkpoint alone.
 */
#include "unit/gossip/probe.h"

#define ORIGIN THIRD
#define FOURTH 3u
#define HELD   6u
#define GOOD   9u

struct scene {
	struct probe p;
	struct sim_log *good;   /* as PEER has it: all that is good */
	struct sim_log *forked; /* another history of the same size, from HELD on */
	struct sim_store other;
};

/* The feed is here up to HELD, and frozen. FOURTH is another neighbour, in session 2. */
static void scene_init(struct scene *s, uint64_t held, bool frozen)
{
	static const struct checkpoint none;
	struct cast_terms terms = probe_terms(FOURTH);
	struct log_name name = probe_name(ORIGIN, CLEAR);
	struct checkpoint mine = none;
	struct probe *p = &s->p;
	struct env_rng rng;

	memset(s, 0, sizeof(*s));
	probe_greeted(p);
	rng = sim_random_env(&p->random);
	probe_hear_cards(p, 1, &cast_actor(ORIGIN)->chain);
	probe_agree(p, &terms);
	probe_open(p, 2, FOURTH);
	probe_hear_hello(p, 2, SESSION_CREDIT_BYTES);
	s->good = probe_published(p, ORIGIN, CLEAR, GOOD, 10);
	s->forked = sim_store_need(&s->other, &name);
	sim_log_append(s->forked, sim_log_entries(s->good, 0, HELD), HELD);
	sim_log_publish(s->forked, &cast_actor(ORIGIN)->identity, GOOD - HELD, 10, &rng);
	if (held) {
		sim_log_append(sim_store_need(&p->store, &name), sim_log_entries(s->good, 0, held),
			(uint32_t)held);
		sim_log_sign(s->good, held, &cast_actor(ORIGIN)->identity, &mine);
	}
	assert_int_equal(gossip_feed(p->g, &name, held, 0, &mine, &mine, frozen), 0);
	probe_forget(p);
}

static void scene_free(struct scene *s)
{
	sim_store_free(&s->other);
	probe_free(&s->p);
}

static void settle(struct scene *s)
{
	gossip_settled(s->p.g, probe_time(&s->p), &s->good->complete);
	probe_actions(&s->p);
}

static uint64_t held(const struct scene *s)
{
	struct gossip_feed_view v;

	assert_true(gossip_feed_view(s->p.g, &s->good->name, &v) && v.frozen);
	return v.held;
}

/* Whom the engine has subscribed at last; 0: nobody since it was forgotten. */
static uint32_t asked(const struct scene *s)
{
	for (size_t i = s->p.said_len; i-- > 0;)
		if (s->p.said[i].type == WIRE_SUBSCRIBE)
			return s->p.said_to[i];
	return 0;
}

static void goes_on_as_far_as_it_is_good_and_no_further(void **state)
{
	(void)state;
	for (unsigned order = 0; order < 2; order++) {
		struct env_rng rng;
		struct scene s;

		scene_init(&s, HELD, true);
		if (order)
			settle(&s);
		probe_hear_head(&s.p, 1, &s.good->complete);
		if (!order) {
			assert_int_equal(asked(&s), 0);
			settle(&s);
		}
		assert_int_equal(asked(&s), 1);
		assert_int_equal(probe_last(&s.p, WIRE_SUBSCRIBE)->subscribe.from, HELD);
		probe_hear_run(&s.p, 1, s.good, HELD, GOOD);
		assert_int_equal(s.p.jobs_len, 1);
		probe_store(&s.p);
		assert_int_equal(held(&s), GOOD);
		/* Others hear of it; and it is as frozen as before. */
		assert_non_null(probe_last(&s.p, WIRE_HEADS));
		assert_non_null(probe_last(&s.p, WIRE_UNSUBSCRIBE));
		probe_forget(&s.p);
		rng = sim_random_env(&s.p.random);
		sim_log_publish(s.good, &cast_actor(ORIGIN)->identity, 3, 10, &rng);
		probe_hear_run(&s.p, 1, s.good, GOOD, GOOD + 3);
		probe_hear_head(&s.p, 1, &s.good->complete);
		probe_tick(&s.p, 5000);
		assert_int_equal(asked(&s), 0);
		assert_int_equal(s.p.jobs_len, 0);
		assert_int_equal(held(&s), GOOD);
		assert_null(s.p.alarm);
		scene_free(&s);
	}
}

/* Somebody has withheld bodies, before the feed was frozen: of what is good they are wanted. */
static void bodies_of_what_is_good_are_asked_for(void **state)
{
	static const uint64_t bare[] = {1, GOOD - 1};
	const struct wire_message *m;
	struct sim_log *here;
	struct scene s;

	(void)state;
	scene_init(&s, GOOD, true);
	here = sim_store_find(&s.p.store, &s.good->name);
	here->size = 0;
	buf_reset(&here->entries);
	for (uint64_t i = 0; i < GOOD; i++)
		entry_append(here, s.good, i, i == bare[0] || i == bare[1]);
	here->complete = s.good->complete;
	probe_hear_head(&s.p, 1, &s.good->complete);
	probe_tick(&s.p, 2000);
	assert_null(probe_last(&s.p, WIRE_BODIES_WANT));
	sim_log_sign(s.good, GOOD - 2, &cast_actor(ORIGIN)->identity, &s.good->complete);
	settle(&s);
	probe_tick(&s.p, 2000);
	m = probe_last(&s.p, WIRE_BODIES_WANT);
	assert_non_null(m);
	assert_int_equal(m->bodies_want.indexes_len, 1);
	assert_int_equal(m->bodies_want.indexes[0], bare[0]);
	scene_free(&s);
}

static void what_was_frozen_before_anything_came_is_had_whole(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 0, true);
	settle(&s);
	probe_hear_head(&s.p, 1, &s.good->complete);
	probe_hear_run(&s.p, 1, s.good, 0, GOOD);
	assert_int_equal(s.p.jobs_len, 1);
	probe_store(&s.p);
	assert_int_equal(held(&s), GOOD);
	scene_free(&s);
}

/* Of two who stand there one has the other history: nobody can tell before it has given a run. */
static void another_history_of_that_size_is_not_taken_and_nobody_blamed(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, HELD, true);
	settle(&s);
	probe_hear_head(&s.p, 1, &s.forked->complete);
	assert_int_equal(asked(&s), 1);
	probe_hear_head(&s.p, 2, &s.good->complete);
	probe_hear_run(&s.p, 1, s.forked, HELD, GOOD);
	assert_int_equal(s.p.jobs_len, 0);
	assert_int_equal(asked(&s), 2);
	probe_hear_run(&s.p, 2, s.good, HELD, GOOD);
	probe_store(&s.p);
	assert_int_equal(held(&s), GOOD);
	assert_int_equal(s.p.closed, 0);
	assert_null(s.p.alarm);
	scene_free(&s);
}

/* What is here is of the other history: its runs do not fit, and each neighbour is asked once. */
static void whoever_was_told_the_other_history_keeps_it(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, HELD, true);
	settle(&s);
	probe_hear_head(&s.p, 1, &s.good->complete);
	probe_hear_run(&s.p, 1, s.good, HELD, GOOD);
	probe_reject(&s.p, ENT_EPROOF);
	assert_int_equal(s.p.closed, 0);
	assert_null(s.p.alarm);
	probe_forget(&s.p);
	probe_hear_head(&s.p, 1, &s.good->complete);
	probe_tick(&s.p, 60000);
	assert_int_equal(asked(&s), 0);
	assert_int_equal(held(&s), HELD);
	scene_free(&s);
}

/* Who does not stand exactly there has not that checkpoint to show. */
static void nobody_else_is_asked(void **state)
{
	struct env_rng rng;
	struct scene s;

	(void)state;
	scene_init(&s, HELD, true);
	settle(&s);
	rng = sim_random_env(&s.p.random);
	sim_log_publish(s.good, &cast_actor(ORIGIN)->identity, 3, 10, &rng);
	probe_hear_head(&s.p, 1, &s.good->complete);
	probe_tick(&s.p, 20000);
	assert_int_equal(asked(&s), 0);
	scene_free(&s);
}

/* A feed that is not frozen goes on as ever, whatever was said of it. */
static void a_word_about_a_whole_feed_changes_nothing(void **state)
{
	struct env_rng rng;
	struct scene s;

	(void)state;
	scene_init(&s, HELD, false);
	settle(&s);
	rng = sim_random_env(&s.p.random);
	sim_log_publish(s.good, &cast_actor(ORIGIN)->identity, 3, 10, &rng);
	probe_hear_head(&s.p, 1, &s.good->complete);
	probe_hear_run(&s.p, 1, s.good, HELD, GOOD + 3);
	assert_int_equal(s.p.jobs_len, 1);
	scene_free(&s);
}

/* A rogue says so of feeds that no card of it names, as many as it likes. */
static void words_about_feeds_of_nobody_take_no_room(void **state)
{
	static const struct checkpoint none;
	struct checkpoint good = none;
	struct scene s;

	(void)state;
	scene_init(&s, HELD, true);
	good.log = probe_name(FOURTH, CLEAR);
	good.size = 1;
	for (uint64_t i = 1; i <= GOSSIP_FEEDS_MAX; i++) {
		good.log.incarnation = i;
		gossip_settled(s.p.g, probe_time(&s.p), &good);
	}
	settle(&s);
	probe_hear_head(&s.p, 1, &s.good->complete);
	assert_int_equal(asked(&s), 1);
	scene_free(&s);
}

/* Whose card comes later, and the words stand in the store. */
static void a_word_about_a_feed_of_nobody_counts_once_its_origin_is_known(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	static const struct checkpoint none;
	struct checkpoint mine = none;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_init(&p);
	log = probe_published(&p, PEER, CLEAR, GOOD, 10);
	sim_log_append(sim_store_need(&p.store, &log->name), sim_log_entries(log, 0, HELD), HELD);
	sim_log_sign(log, HELD, &cast_actor(PEER)->identity, &mine);
	assert_int_equal(gossip_feed(p.g, &log->name, HELD, 0, &mine, &mine, true), ENT_ENOTFOUND);
	gossip_settled(p.g, probe_time(&p), &log->complete);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	probe_forget(&p);
	probe_hear_head(&p, 1, &log->complete);
	assert_non_null(probe_last(&p, WIRE_SUBSCRIBE));
	assert_int_equal(probe_last(&p, WIRE_SUBSCRIBE)->subscribe.from, HELD);
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_as_far_as_it_is_good_and_no_further),
		cmocka_unit_test(bodies_of_what_is_good_are_asked_for),
		cmocka_unit_test(what_was_frozen_before_anything_came_is_had_whole),
		cmocka_unit_test(another_history_of_that_size_is_not_taken_and_nobody_blamed),
		cmocka_unit_test(whoever_was_told_the_other_history_keeps_it),
		cmocka_unit_test(nobody_else_is_asked),
		cmocka_unit_test(words_about_feeds_of_nobody_take_no_room),
		cmocka_unit_test(a_word_about_a_feed_of_nobody_counts_once_its_origin_is_known),
		cmocka_unit_test(a_word_about_a_whole_feed_changes_nothing),
	};

	return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
