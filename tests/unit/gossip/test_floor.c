/* SPDX-License-Identifier: EUPL-1.2 */
/* Floors in the engine: who cannot go on where it stands joins again, and nobody does before. */
#include "unit/gossip/probe.h"

#define LOG_SIZE 700u
#define FLOOR    512u

static void greet_third(struct probe *p)
{
	struct cast_terms terms = probe_terms(THIRD);

	probe_agree(p, &terms);
	probe_open(p, 2, THIRD);
	probe_hear_hello(p, 2, SESSION_CREDIT_BYTES);
	probe_forget(p);
}

static uint64_t subscribed_from(const struct probe *p)
{
	const struct wire_message *m = probe_last(p, WIRE_SUBSCRIBE);

	return m ? m->subscribe.from : UINT64_MAX;
}

static void a_newcomer_joins_at_the_only_floor(void **state)
{
	struct ingest_frontier f = {0};
	struct gossip_feed_view v;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, LOG_SIZE, 20);
	probe_hear_floor(&p, 1, &log->complete, FLOOR);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 0); /* somebody may have it all */
	probe_tick(&p, GOSSIP_JOIN_NEW_MS + 500);
	assert_true(subscribed_from(&p) == FLOOR);
	probe_hear_data(&p, 1, log, &log->complete, FLOOR, 600, true,
		1); /* without all of the range it is no joining */
	assert_int_equal(p.jobs_len, 0);
	probe_hear_join(&p, 1, log, &log->complete, FLOOR, 600);
	assert_int_equal(p.jobs_len, 1);
	assert_true(p.jobs[0]->joins);
	assert_int_equal(ingest_verify(&f, p.jobs[0]), 0);
	assert_true(f.tree.end == 600);
	/* What follows continues it as any other run does. */
	probe_hear_run(&p, 1, log, 600, LOG_SIZE);
	assert_int_equal(p.jobs_len, 2);
	assert_int_equal(ingest_verify(&f, p.jobs[1]), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct ingest_job *job = p.jobs[i];

		gossip_stored(p.g, probe_time(&p), job);
		probe_actions(&p);
	}
	assert_true(gossip_feed_view(p.g, &log->name, &v));
	assert_true(v.held == LOG_SIZE);
	probe_free(&p);
}

static void a_false_range_is_the_senders_lie(void **state)
{
	struct ingest_frontier f = {0};
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, LOG_SIZE, 20);
	probe_hear_floor(&p, 1, &log->complete, FLOOR);
	probe_tick(&p, GOSSIP_JOIN_NEW_MS + 500);
	probe_hear_join(&p, 1, log, &log->complete, FLOOR, LOG_SIZE);
	p.jobs[0]->left[0].bytes[5] ^= 1;
	assert_int_equal(ingest_verify(&f, p.jobs[0]), ENT_EPROOF);
	assert_true(f.tree.end == 0);
	probe_reject(&p, ENT_EPROOF);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

static void whoever_has_it_all_is_preferred(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	greet_third(&p);
	log = probe_published(&p, PEER, CLEAR, LOG_SIZE, 20);
	probe_hear_floor(&p, 1, &log->complete, FLOOR);
	probe_tick(&p, GOSSIP_JOIN_NEW_MS / 2);
	probe_hear_floor(&p, 2, &log->complete, 0);
	assert_true(subscribed_from(&p) == 0);
	assert_int_equal(p.said_to[p.said_len - 1], 2);
	probe_forget(&p);
	probe_tick(&p, 900);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 0);
	probe_free(&p);
}

/* Its terms may have narrowed: it is asked on, and others no less. */
static void who_says_that_it_goes_on_and_gives_nothing_keeps_nobody_back(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	greet_third(&p);
	log = probe_published(&p, PEER, CLEAR, LOG_SIZE, 20);
	probe_hear_floor(&p, 1, &log->complete, FLOOR);
	probe_hear_floor(&p, 2, &log->complete, 0);
	assert_true(subscribed_from(&p) == 0);
	for (unsigned i = 0; i < 3; i++) {
		probe_tick(&p, 3000);
		assert_true(subscribed_from(&p) == 0);
		probe_hear_floor(&p, 2, &log->complete, 0); /* its word alone changes nothing */
	}
	probe_forget(&p);
	probe_tick(&p, 1000 + GOSSIP_JOIN_NEW_MS + 500);
	assert_true(subscribed_from(&p) == FLOOR);
	assert_int_equal(p.said_to[p.said_len - 1], 1);
	probe_free(&p);
}

/* It may hold more than it has a whole checkpoint for. */
static void a_subscriber_is_not_asked_for_what_it_has_not_offered(void **state)
{
	struct wire_message held = {.type = WIRE_HELD};
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	greet_third(&p);
	log = probe_published(&p, PEER, CLEAR, 5, 20);
	probe_hear_floor(&p, 1, &log->complete, 0);
	probe_hear_floor(&p, 2, &log->complete, 0);
	probe_hear_run(&p, 1, log, 0, 5);
	probe_store(&p);
	probe_hear_subscribe(&p, 2, &log->name, 9);
	probe_forget(&p);
	/* So that it is thought about who leads. */
	held.held = (struct wire_held){.feed = log->name, .size = 5};
	memcpy(held.held.root, log->complete.root.bytes, sizeof(held.held.root));
	probe_hear(&p, 1, &held);
	probe_tick(&p, 15000);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 0);
	probe_free(&p);
}

/* A fork may lie below what the head names; the origin knows what it signed. */
static void behind_a_head_beyond_what_is_held_comes_its_root(void **state)
{
	const struct wire_message *held;
	struct hash root;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, 5, 20);
	root = log->complete.root;
	probe_hear_floor(&p, 1, &log->complete, 0);
	probe_hear_run(&p, 1, log, 0, 5);
	probe_store(&p);
	probe_published(&p, PEER, CLEAR, 4, 20);
	probe_hear_floor(&p, 1, &log->complete, 0);
	greet_third(&p);
	probe_open(&p, 3, THIRD);
	probe_hear_hello(&p, 3, SESSION_CREDIT_BYTES);
	held = probe_last(&p, WIRE_HELD);
	assert_non_null(held);
	assert_true(held->held.size == 5);
	assert_memory_equal(held->held.root, root.bytes, sizeof(held->held.root));
	probe_forget(&p);
	probe_open(&p, 4, PEER);
	probe_hear_hello(&p, 4, SESSION_CREDIT_BYTES);
	assert_true(probe_count(&p, WIRE_HEADS) > 0);
	assert_int_equal(probe_count(&p, WIRE_HELD), 0);
	probe_free(&p);
}

static bool subscribed_at(const struct probe *p, uint32_t session)
{
	for (size_t i = 0; i < p->said_len; i++)
		if (p->said[i].type == WIRE_SUBSCRIBE && p->said_to[i] == session)
			return true;
	return false;
}

static void the_lowest_floor_that_gives_nothing_keeps_nobody_back(void **state)
{
	(void)state;
	for (uint32_t lowest = 1; lowest <= 2; lowest++) {
		struct sim_log *log;
		struct probe p;

		probe_greeted(&p);
		greet_third(&p);
		log = probe_published(&p, PEER, CLEAR, LOG_SIZE, 20);
		probe_hear_floor(&p, 1, &log->complete, lowest == 1 ? 256 : FLOOR);
		probe_hear_floor(&p, 2, &log->complete, lowest == 2 ? 256 : FLOOR);
		probe_tick(&p, GOSSIP_JOIN_NEW_MS + 500);
		assert_true(subscribed_from(&p) == 256);
		/* Both give nothing: by turns, which grow longer. */
		for (unsigned i = 0; i < 6; i++) {
			probe_forget(&p);
			probe_tick(&p, 11000u << i / 2);
			assert_true(subscribed_at(&p, i % 2 ? lowest : 3 - lowest));
		}
		probe_free(&p);
	}
}

/* A run that comes when the other has its turn is of no use. */
static void a_line_that_is_slower_than_a_turn_gives_in_the_end(void **state)
{
	uint64_t asked[3] = {0, 0, 0};
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	greet_third(&p);
	log = probe_published(&p, PEER, CLEAR, LOG_SIZE, 20);
	probe_hear_floor(&p, 1, &log->complete, FLOOR);
	probe_hear_floor(&p, 2, &log->complete, FLOOR);
	for (unsigned s = 0; s < 600 && p.jobs_len == 0; s++) {
		probe_forget(&p);
		probe_tick(&p, 1000);
		for (uint32_t session = 1; session <= 2; session++) {
			if (subscribed_at(&p, session))
				asked[session] = p.now_ms;
			if (asked[session] && p.now_ms - asked[session] == 50000)
				probe_hear_join(&p, session, log, &log->complete, FLOOR, LOG_SIZE);
		}
	}
	assert_int_equal(p.jobs_len, 1);
	probe_free(&p);
}

/* PEER says that it goes on, and gives of another feed all the time. */
static void who_gives_of_others_only_keeps_nobody_back_for_ever(void **state)
{
	struct sim_log *log, *busy;
	bool joins = false;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	greet_third(&p);
	log = probe_published(&p, THIRD, CLEAR, LOG_SIZE, 20);
	busy = probe_published(&p, PEER, CLEAR, 1, 20);
	probe_hear_floor(&p, 1, &log->complete, 0);
	probe_hear_floor(&p, 1, &busy->complete, 0);
	probe_hear_floor(&p, 2, &log->complete, FLOOR);
	for (unsigned i = 0; i < 120 && !joins; i++) {
		probe_forget(&p);
		probe_hear_run(&p, 1, busy, busy->size - 1, busy->size);
		probe_store(&p);
		probe_tick(&p, 5000);
		probe_published(&p, PEER, CLEAR, 1, 20);
		joins = subscribed_at(&p, 2);
		assert_true(i > 50 || !joins); /* the line may be slow */
	}
	assert_true(joins);
	probe_free(&p);
}

static void whoever_holds_something_waits_before_it_gives_it_up(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, LOG_SIZE, 20);
	probe_hear_floor(&p, 1, &log->complete, 0);
	assert_true(subscribed_from(&p) == 0);
	probe_hear_run(&p, 1, log, 0, 300);
	probe_store(&p);
	probe_forget(&p);
	probe_hear_floor(&p, 1, &log->complete, FLOOR);
	probe_tick(&p, GOSSIP_JOIN_NEW_MS + 5000);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 0);
	probe_tick(&p, GOSSIP_JOIN_AGAIN_MS);
	assert_true(subscribed_from(&p) == FLOOR);
	probe_free(&p);
}

static void whoever_has_it_all_is_preferred_until_the_floor_is_joined(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	greet_third(&p);
	log = probe_published(&p, PEER, CLEAR, LOG_SIZE, 20);
	probe_hear_floor(&p, 1, &log->complete, 0);
	probe_hear_run(&p, 1, log, 0, 300);
	probe_store(&p);
	probe_hear_floor(&p, 1, &log->complete, FLOOR);
	probe_tick(&p, GOSSIP_JOIN_AGAIN_MS + 500);
	assert_true(subscribed_from(&p) == FLOOR);
	probe_hear_floor(&p, 2, &log->complete, 0);
	probe_tick(&p, 500);
	assert_true(subscribed_from(&p) == 300);
	assert_int_equal(p.said_to[p.said_len - 1], 2);
	probe_hear_join(&p, 1, log, &log->complete, FLOOR, LOG_SIZE);
	assert_int_equal(p.jobs_len, 0);
	probe_free(&p);
}

static void runs_that_join_unasked_are_dropped(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, LOG_SIZE, 20);
	probe_hear_floor(&p, 1, &log->complete, 0);
	probe_hear_join(&p, 1, log, &log->complete, FLOOR, LOG_SIZE);
	assert_int_equal(p.jobs_len, 0);
	assert_int_equal(p.closed, 0);
	probe_free(&p);
}

static void a_floor_that_cannot_be_is_misbehaviour(void **state)
{
	static const uint64_t floors[] = {1, 100, 768};

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(floors); i++) {
		struct sim_log *log;
		struct probe p;

		probe_greeted(&p);
		log = probe_published(&p, PEER, CLEAR, LOG_SIZE, 20);
		probe_hear_floor(&p, 1, &log->complete, floors[i]);
		assert_blamed(&p, 1, PEER);
		probe_free(&p);
	}
}

/* The writer has moved it, and the loop has not heard yet. */
static void a_floor_that_moves_before_its_news_alarms_nobody(void **state)
{
	struct log_name feed = probe_name(SELF, CLEAR);
	const struct wire_message *m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, LOG_SIZE, 20);
	probe_forget(&p);
	log->size = 0; /* the run is not there any more */
	probe_hear_subscribe(&p, 1, &feed, 0);
	gossip_entered(p.g, probe_time(&p), 1, &feed);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 0);
	assert_null(p.alarm);
	log->size = LOG_SIZE;
	gossip_floor(p.g, probe_time(&p), &feed, FLOOR);
	probe_actions(&p);
	m = probe_last(&p, WIRE_HEADS);
	assert_non_null(m);
	assert_true(m->heads.heads[0].floor == FLOOR);
	probe_free(&p);
}

/* A store that cannot read for a moment what it holds does not leave the subscriber waiting. */
static void what_could_not_be_read_is_told_of(void **state)
{
	struct log_name feed = probe_name(SELF, CLEAR);
	const struct wire_message *m;
	struct env_rng rng;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, 5, 20);
	probe_hear_subscribe(&p, 1, &feed, 5);
	gossip_entered(p.g, probe_time(&p), 1, &feed);
	probe_actions(&p);
	rng = sim_random_env(&p.random);
	sim_log_publish(log, &cast_actor(SELF)->identity, 5, 20, &rng);
	log->size = 0;
	gossip_sealed(p.g, probe_time(&p), &log->complete, false);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 0);
	log->size = 10;
	probe_tick(&p, 2000);
	m = probe_last(&p, WIRE_HELD);
	assert_non_null(m);
	assert_true(m->held.size == 10);
	probe_free(&p);
}

/* As long as the run that joins has not come to its end nothing is held, and no floor told: a floor
 * above what is held is misbehaviour. */
static void who_is_joining_tells_of_no_floor(void **state)
{
	const struct wire_message *m;
	struct wire_head head;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, LOG_SIZE, 20);
	probe_hear_floor(&p, 1, &log->complete, FLOOR);
	probe_tick(&p, GOSSIP_JOIN_NEW_MS + 500);
	probe_hear_join(&p, 1, log, &log->complete, FLOOR, 600);
	gossip_stored(p.g, probe_time(&p), p.jobs[0]);
	probe_actions(&p);
	/* The origin comes again, and hears of every checkpoint of its own that was seen. */
	gossip_closed(p.g, probe_time(&p), 1, "lost");
	probe_forget(&p);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	m = probe_last(&p, WIRE_HEADS);
	assert_non_null(m);
	assert_int_equal(m->heads.heads_len, 1);
	head = m->heads.heads[0];
	assert_true(head.held == 0 && head.floor == 0 && head.newest.size == LOG_SIZE);
	probe_free(&p);
}

/* THIRD wants to know about a run that it was given before: nothing of that is here any more, and
 * silence would be held against this node. */
static void who_is_joining_cannot_account_for_what_it_gave(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	for (unsigned given = 0; given < 2; given++) {
		probe_greeted(&p);
		greet_third(&p);
		log = probe_published(&p, PEER, CLEAR, 10, 20);
		probe_hear_floor(&p, 1, &log->complete, 0);
		probe_hear_run(&p, 1, log, 0, 10);
		probe_store(&p);
		if (given) {
			probe_hear_subscribe(&p, 2, &log->name, 0);
			gossip_entered(p.g, probe_time(&p), 2, &log->name);
			probe_actions(&p);
			assert_int_equal(probe_count(&p, WIRE_DATA), 1);
		}
		log = probe_published(&p, PEER, CLEAR, LOG_SIZE - 10, 20);
		probe_hear_floor(&p, 1, &log->complete, FLOOR);
		probe_tick(&p, GOSSIP_JOIN_AGAIN_MS + 1000);
		assert_true(subscribed_from(&p) == FLOOR);
		probe_hear_join(&p, 1, log, &log->complete, FLOOR, 600);
		probe_store(&p);
		probe_forget(&p);
		probe_hear_proof_want(&p, 2, &log->name, 4, 10);
		assert_null(probe_last(&p, WIRE_PROOF));
		assert_int_equal(p.closed, given ? 2 : 0);
		assert_int_equal(p.penalty_ms, 0);
		assert_null(p.alarm);
		probe_free(&p);
	}
}

static void who_begins_at_our_floor_gets_the_range_before_it(void **state)
{
	struct log_name feed = probe_name(SELF, CLEAR);
	const struct wire_message *m;
	struct sim_log *log;
	struct range left;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, LOG_SIZE, 20);
	gossip_floor(p.g, probe_time(&p), &feed, FLOOR);
	probe_actions(&p);
	m = probe_last(&p, WIRE_HEADS);
	assert_non_null(m);
	assert_true(m->heads.heads[0].floor == FLOOR);
	probe_forget(&p);
	/* Below it: the peer has not heard of it, and is told. */
	probe_hear_subscribe(&p, 1, &feed, 0);
	m = probe_last(&p, WIRE_HEADS);
	assert_non_null(m);
	assert_true(m->heads.heads[0].floor == FLOOR);
	assert_int_equal(p.openings, 0);
	probe_hear_subscribe(&p, 1, &feed, FLOOR);
	gossip_entered(p.g, probe_time(&p), 1, &feed);
	probe_actions(&p);
	m = probe_last(&p, WIRE_DATA);
	assert_non_null(m);
	sim_log_range(log, 0, FLOOR, &left);
	assert_int_equal(m->data.left_len, left.hashes_len);
	assert_memory_equal(m->data.left, left.hashes, left.hashes_len * HASH_BYTES);
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_newcomer_joins_at_the_only_floor),
		cmocka_unit_test(a_false_range_is_the_senders_lie),
		cmocka_unit_test(whoever_has_it_all_is_preferred),
		cmocka_unit_test(who_says_that_it_goes_on_and_gives_nothing_keeps_nobody_back),
		cmocka_unit_test(a_subscriber_is_not_asked_for_what_it_has_not_offered),
		cmocka_unit_test(behind_a_head_beyond_what_is_held_comes_its_root),
		cmocka_unit_test(the_lowest_floor_that_gives_nothing_keeps_nobody_back),
		cmocka_unit_test(a_line_that_is_slower_than_a_turn_gives_in_the_end),
		cmocka_unit_test(who_gives_of_others_only_keeps_nobody_back_for_ever),
		cmocka_unit_test(whoever_holds_something_waits_before_it_gives_it_up),
		cmocka_unit_test(whoever_has_it_all_is_preferred_until_the_floor_is_joined),
		cmocka_unit_test(runs_that_join_unasked_are_dropped),
		cmocka_unit_test(a_floor_that_cannot_be_is_misbehaviour),
		cmocka_unit_test(a_floor_that_moves_before_its_news_alarms_nobody),
		cmocka_unit_test(what_could_not_be_read_is_told_of),
		cmocka_unit_test(who_is_joining_tells_of_no_floor),
		cmocka_unit_test(who_is_joining_cannot_account_for_what_it_gave),
		cmocka_unit_test(who_begins_at_our_floor_gets_the_range_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
