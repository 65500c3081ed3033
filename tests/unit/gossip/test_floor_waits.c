/* SPDX-License-Identifier: EUPL-1.2 */
/* What this node has itself kept from coming is nobody's silence: it costs nothing at a floor. */
#include "unit/gossip/forks.h"

#define LOG_SIZE 700u
#define FLOOR    512u
#define DAY_MS   ((uint64_t)86400000)

/* PEER has a floor, THIRD has it all, and is asked. */
static struct sim_log *asked_of_third(struct probe *p, uint64_t quota)
{
	struct cast_terms terms = probe_terms(THIRD);
	struct sim_log *log;

	terms.quota_records = quota;
	terms.gives[THIRD] |= TLP_BIT(TLP_GREEN);
	probe_greeted(p);
	probe_agree(p, &terms);
	probe_open(p, 2, THIRD);
	probe_hear_hello(p, 2, SESSION_CREDIT_BYTES);
	log = probe_published(p, PEER, CLEAR, LOG_SIZE, 300);
	probe_hear_floor(p, 2, &log->complete, 0);
	probe_hear_floor(p, 1, &log->complete, FLOOR);
	assert_true(probe_last(p, WIRE_SUBSCRIBE)->subscribe.from == 0);
	assert_int_equal(p->jobs_len, 0);
	probe_forget(p);
	return log;
}

/* The feed is asked for at THIRD, if at all, while that might still give. Returns how often. */
static unsigned asked_within(struct probe *p, uint64_t ms, const struct log_name *feed)
{
	uint64_t until = p->now_ms + ms;
	unsigned asked = 0;

	for (;; probe_tick(p, 250)) {
		for (size_t i = 0; i < p->said_len; i++) {
			if (p->said[i].type != WIRE_SUBSCRIBE ||
				!log_name_eq(&p->said[i].subscribe.feed, feed))
				continue;
			assert_int_equal(p->said_to[i], 2);
			asked++;
		}
		p->said_len = 0;
		if (p->now_ms >= until)
			return asked;
	}
}

static void a_full_disk_costs_nothing_at_a_floor(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = asked_of_third(&p, 0);
	gossip_refuse(p.g, probe_time(&p), true);
	probe_actions(&p);
	probe_tick(&p, 20000);
	probe_forget(&p);
	gossip_refuse(p.g, probe_time(&p), false);
	probe_actions(&p);
	assert_true(asked_within(&p, 9000, &log->name) > 0);
	probe_free(&p);
}

static void a_pause_costs_nothing_at_a_floor(void **state)
{
	struct gossip_pause pause = {.in = true};
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = asked_of_third(&p, 0);
	assert_int_equal(gossip_pause(p.g, probe_time(&p), &pause), 0);
	probe_actions(&p);
	probe_tick(&p, 20000);
	probe_forget(&p);
	pause.in = false;
	assert_int_equal(gossip_pause(p.g, probe_time(&p), &pause), 0);
	probe_actions(&p);
	probe_hear_floor(&p, 1, &log->complete, FLOOR);
	probe_hear_floor(&p, 2, &log->complete, 0);
	assert_true(asked_within(&p, 9000, &log->name) > 0);
	probe_free(&p);
}

/* Another feed has used up the day. */
static void a_quota_costs_nothing_at_a_floor(void **state)
{
	struct sim_log *log, *other;
	struct probe p;

	(void)state;
	log = asked_of_third(&p, 20);
	other = probe_published(&p, THIRD, CLEAR, 40, 20);
	probe_hear_floor(&p, 2, &other->complete, 0);
	probe_hear_run(&p, 2, other, 0, 20);
	probe_store(&p);
	p.said_len = 0;
	assert_int_equal(asked_within(&p, GOSSIP_JOIN_AGAIN_MS + 5000, &log->name), 0);
	p.now_ms += DAY_MS;
	assert_true(asked_within(&p, 9000, &log->name) > 0);
	probe_free(&p);
}

/* Who may bring nothing on any day is not waited for. */
static void a_quota_of_nothing_keeps_nobody_back(void **state)
{
	struct agreement *terms;
	struct probe p;

	(void)state;
	asked_of_third(&p, 20);
	terms = (struct agreement *)(uintptr_t)p.agreements[1];
	for (size_t i = 0; i < terms->parties_len; i++)
		terms->parties[i].quota_records_day = 0;
	probe_tick(&p, 15000);
	assert_true(probe_last(&p, WIRE_SUBSCRIBE)->subscribe.from == FLOOR);
	probe_free(&p);
}

/* Runs of 240 kB from the feed of an actor's agreement. */
static void flood(struct probe *p, uint32_t session, unsigned actor, unsigned runs)
{
	struct sim_log *log =
		probe_published(p, actor, audience_agreement(0x100 + actor), 4 * runs, 60000);

	probe_hear_head(p, session, &log->complete);
	for (uint64_t at = 0; at < log->size; at += 4)
		probe_hear_run(p, session, log, at, at + 4);
}

/* What THIRD gives comes, and finds no room, as three others keep the disk busy. */
static void a_crowd_costs_nothing_at_a_floor(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = asked_of_third(&p, 0);
	another_comes(&p, 3, FOURTH, probe_terms(FOURTH).gives[SELF]);
	flood(&p, 1, PEER, 32);
	flood(&p, 3, FOURTH, 20);
	flood(&p, 2, THIRD, 18);
	p.said_len = 0;
	probe_hear_run(&p, 2, log, 0, 620);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 1);
	probe_tick(&p, 12000);
	p.said_len = 0;
	while (p.jobs_len)
		probe_store(&p);
	assert_true(asked_within(&p, 9000, &log->name) > 0);
	probe_free(&p);
}

/* THIRD has no credit left: the disk stands still. */
static void a_slow_disk_costs_nothing_at_a_floor(void **state)
{
	struct sim_log *log, *last;
	struct probe p;

	(void)state;
	log = asked_of_third(&p, 0);
	flood(&p, 2, THIRD, 34);
	last = probe_published(&p, THIRD, GREEN, 2, 60000);
	probe_hear_head(&p, 2, &last->complete);
	probe_hear_run(&p, 2, last, 0, 2);
	p.said_len = 0;
	asked_within(&p, 20000, &log->name);
	while (p.jobs_len)
		probe_store(&p);
	asked_within(&p, 9000, &log->name);
	probe_free(&p);
}

/* THIRD was asked before another was faster, and left: since then it was not asked. */
static void a_question_of_long_ago_costs_nothing_at_a_floor(void **state)
{
	struct sim_log *log, *other;
	struct probe p;

	(void)state;
	log = asked_of_third(&p, 0);
	another_comes(&p, 3, FOURTH, probe_terms(FOURTH).gives[SELF]);
	probe_hear_floor(&p, 3, &log->complete, 0);
	probe_tick(&p, 5000);
	probe_hear_run(&p, 3, log, 0, 600);
	probe_hear_run(&p, 3, log, 600, LOG_SIZE);
	probe_store(&p);
	probe_store(&p);
	probe_tick(&p, 400000);
	p.said_len = 0;
	probe_published(&p, PEER, CLEAR, 300, 20);
	gossip_closed(p.g, probe_time(&p), 3, "lost");
	probe_actions(&p);
	probe_hear_floor(&p, 2, &log->complete, 0);
	probe_hear_floor(&p, 1, &log->complete, 768);
	p.said_len = 0; /* PEER went on from what is held, until then */
	/* Its line is slow, and others have their turn. */
	for (unsigned i = 0; i < 20; i++) {
		other = probe_published(&p, THIRD, CLEAR, 1, 20);
		probe_hear_head(&p, 2, &other->complete);
		probe_hear_run(&p, 2, other, other->size - 1, other->size);
		probe_store(&p);
		asked_within(&p, 5000, &log->name);
	}
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quota_of_nothing_keeps_nobody_back),
		cmocka_unit_test(a_question_of_long_ago_costs_nothing_at_a_floor),
		cmocka_unit_test(a_crowd_costs_nothing_at_a_floor),
		cmocka_unit_test(a_slow_disk_costs_nothing_at_a_floor),
		cmocka_unit_test(a_full_disk_costs_nothing_at_a_floor),
		cmocka_unit_test(a_pause_costs_nothing_at_a_floor),
		cmocka_unit_test(a_quota_costs_nothing_at_a_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
