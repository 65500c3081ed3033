/* SPDX-License-Identifier: EUPL-1.2 */
/* What a party may bring in a day: over it a feed waits, whole, and says so. */
#include "unit/gossip/probe.h"
#include "unit/gossip/shapes.h"

#define FOURTH 3u
#define DAY_MS ((uint64_t)86400000)

/* SELF with PEER, who may bring so much, and a feed of 40 entries that it announces. */
static struct sim_log *limited(struct probe *p, uint64_t records, uint64_t bytes)
{
	struct cast_terms terms = probe_terms(PEER);
	struct sim_log *log;

	terms.quota_records = records;
	terms.quota_bytes = bytes;
	probe_init(p);
	probe_agree(p, &terms);
	probe_open(p, 1, PEER);
	probe_hear_hello(p, 1, SESSION_CREDIT_BYTES);
	log = probe_published(p, PEER, CLEAR, 40, 100);
	probe_hear_cards(p, 1, &cast_actor(PEER)->chain);
	probe_hear_head(p, 1, &log->complete);
	assert_int_equal(probe_count(p, WIRE_SUBSCRIBE), 1);
	probe_forget(p);
	return log;
}

static bool over_quota(const struct probe *p)
{
	struct gossip_peer_view v;

	gossip_peer_view(p->g, &cast_actor(PEER)->node, &v);
	return v.over_quota;
}

static void a_feed_waits_when_the_records_of_the_day_are_used_up(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = limited(&p, 20, 0);
	probe_hear_run(&p, 1, log, 0, 10);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 0);
	/* As long as something is left a run is taken whole. */
	probe_hear_run(&p, 1, log, 10, 25);
	assert_int_equal(p.jobs_len, 2);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 1);
	probe_store(&p);
	probe_store(&p);
	/* What was on its way is dropped, without blame. */
	probe_hear_run(&p, 1, log, 25, 30);
	assert_int_equal(p.jobs_len, 0);
	assert_int_equal(p.closed, 0);
	assert_false(over_quota(&p));
	probe_forget(&p);
	probe_tick(&p, 1500);
	assert_true(over_quota(&p));
	assert_int_equal(p.acts, 1);
	/* Said once a day. */
	probe_tick(&p, 5000);
	probe_hear_held(&p, 1, &log->name, 40);
	assert_int_equal(p.acts, 1);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 0);
	probe_free(&p);
}

static void it_goes_on_where_it_stood_after_midnight(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = limited(&p, 20, 0);
	probe_hear_run(&p, 1, log, 0, 20);
	probe_store(&p);
	probe_tick(&p, 2000);
	probe_forget(&p);
	p.now_ms += 22 * 3600 * 1000;
	probe_tick(&p, 2000);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 0);
	p.now_ms += 3600 * 1000; /* the probe's clock began an hour into the day */
	probe_tick(&p, 2000);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 1);
	assert_int_equal(probe_last(&p, WIRE_SUBSCRIBE)->subscribe.from, 20);
	assert_false(over_quota(&p));
	probe_hear_run(&p, 1, log, 20, 40);
	assert_int_equal(p.jobs_len, 1);
	probe_free(&p);
}

static void bytes_count_as_records_do(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = limited(&p, 0, 1024);
	probe_hear_run(&p, 1, log, 0, 10); /* about 1,800 bytes */
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 1);
	probe_free(&p);
}

static void what_the_store_refused_does_not_count(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = limited(&p, 20, 0);
	for (int i = 0; i < 5; i++) {
		probe_hear_run(&p, 1, log, 0, 15);
		assert_int_equal(p.jobs_len, 1);
		probe_reject(&p, ENT_EFULL);
		probe_tick(&p, 12000);
	}
	assert_false(over_quota(&p));
	probe_free(&p);
}

/* Another feed had been left because of it, between two ticks. */
static void what_was_spent_for_a_moment_is_asked_for_again(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	struct sim_log *log, *other;
	struct probe p;

	(void)state;
	terms.quota_records = 20;
	terms.gives[PEER] |= TLP_BIT(TLP_GREEN);
	probe_init(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	log = probe_published(&p, PEER, CLEAR, 40, 100);
	other = probe_published(&p, PEER, GREEN, 5, 100);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_head(&p, 1, &other->complete);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 2);
	probe_hear_run(&p, 1, log, 0, 25);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 2);
	probe_reject(&p, ENT_EFULL);
	probe_forget(&p);
	for (unsigned i = 0; i < 2; i++) { /* one feed at a time, until something is stored again */
		const struct wire_message *m;

		probe_tick(&p, 3000);
		m = probe_last(&p, WIRE_SUBSCRIBE);
		assert_non_null(m);
		if (log_name_eq(&m->subscribe.feed, &other->name))
			break;
		assert_int_equal(i, 0);
	}
	probe_free(&p);
}

/* Before the start PEER had brought as much of an origin as the quota is for; it offers more. */
static void begins_with_a_day_of(struct probe *p, unsigned origin)
{
	struct cast_terms terms = probe_terms(PEER);
	struct sim_log *log;

	terms.quota_records = 20;
	probe_init(p);
	probe_agree(p, &terms);
	gossip_taken_today(p->g, probe_time(p), &cast_actor(PEER)->node, &cast_actor(origin)->node,
		20, 2000);
	probe_open(p, 1, PEER);
	probe_hear_hello(p, 1, SESSION_CREDIT_BYTES);
	log = probe_published(p, PEER, CLEAR, 40, 100);
	probe_hear_head(p, 1, &log->complete);
}

static void a_restart_does_not_begin_the_day_anew(void **state)
{
	struct probe p;

	(void)state;
	begins_with_a_day_of(&p, PEER);
	probe_tick(&p, 2000);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 0);
	assert_true(over_quota(&p));
	probe_free(&p);
}

/* Those of a former incarnation, which is not appended to any more, are own ones all the same. */
static void own_entries_given_back_do_not_count(void **state)
{
	struct probe p;

	(void)state;
	begins_with_a_day_of(&p, SELF);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 1);
	assert_false(over_quota(&p));
	probe_free(&p);
}

static void quotas_of_several_agreements_add_up(void **state)
{
	struct cast_terms more = probe_terms(PEER);
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = limited(&p, 20, 0);
	probe_hear_run(&p, 1, log, 0, 20);
	probe_store(&p);
	probe_tick(&p, 2000);
	probe_forget(&p);
	more.id++;
	more.quota_records = 10;
	probe_agree(&p, &more);
	{
		struct wire_message m = {.type = WIRE_TERMS};
		struct wire_agreement list[2];

		for (int i = 0; i < 2; i++) {
			list[i] = (struct wire_agreement){.id = p.agreements[i]->id, .serial = 1};
			memcpy(list[i].hash, p.agreements[i]->hash, sizeof(list[i].hash));
		}
		m.terms.agreements = list;
		m.terms.agreements_len = 2;
		probe_hear(&p, 1, &m);
	}
	probe_tick(&p, 2000);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 1);
	assert_false(over_quota(&p));
	probe_hear_run(&p, 1, log, 20, 29);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 0);
	probe_hear_run(&p, 1, log, 29, 30);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 1);
	probe_free(&p);
}

/* PEER may bring 20 a day and has introduced THIRD; FOURTH, with plenty, in session 2, has brought
 * 20 of so many in THIRD's feed. */
static struct sim_log *introduced_over_quota(struct probe *p, uint32_t count)
{
	struct cast_terms small = probe_terms(PEER), large = probe_terms(FOURTH);
	struct sim_log *log;

	small.quota_records = 20;
	probe_init(p);
	probe_agree(p, &small);
	probe_agree(p, &large);
	probe_open(p, 1, PEER);
	probe_hear_hello(p, 1, SESSION_CREDIT_BYTES);
	probe_open(p, 2, FOURTH);
	probe_hear_hello(p, 2, SESSION_CREDIT_BYTES);
	probe_hear_cards(p, 1, &cast_actor(THIRD)->chain);
	log = probe_published(p, THIRD, CLEAR, count, 100);
	probe_hear_head(p, 2, &log->complete);
	probe_hear_run(p, 2, log, 0, 20);
	probe_store(p);
	assert_int_equal(probe_count(p, WIRE_UNSUBSCRIBE), 1);
	return log;
}

static void an_introduced_origin_brings_no_more_than_its_introducer_may(void **state)
{
	struct gossip_counts counts;
	struct sim_log *log, *own;
	struct probe p;

	(void)state;
	log = introduced_over_quota(&p, 40);
	gossip_counts(p.g, &counts);
	assert_int_equal(counts.origins_over_quota, 1);
	probe_forget(&p);
	probe_tick(&p, 2000);
	probe_hear_held(&p, 2, &log->name, 40);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 0);
	/* Another origin's feed goes on beside it. */
	own = probe_published(&p, FOURTH, CLEAR, 40, 100);
	probe_hear_head(&p, 2, &own->complete);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 1);
	probe_hear_run(&p, 2, own, 0, 40);
	assert_int_equal(p.jobs_len, 1);
	probe_free(&p);
}

/* As long as a roster lists it, it is nobody's introduction, though it was one. */
static void a_roster_lifts_the_quota_of_the_introducer(void **state)
{
	struct cast_list members = {.id = 0x77, .serial = 1, .threshold = 1};
	const struct roster *roster;
	struct gossip_counts counts;
	struct sim_log *log;
	struct probe p;

	(void)state;
	members.signers = cast_bit(5);
	members.members = cast_bit(THIRD);
	members.from = CAST_EPOCH;
	members.until = CAST_EPOCH + 86400;
	log = introduced_over_quota(&p, 60);
	roster = cast_roster(&members, &p.arena);
	gossip_rosters(p.g, probe_time(&p), &roster, 1);
	gossip_counts(p.g, &counts);
	assert_int_equal(counts.origins_over_quota, 0);
	probe_hear_cards(&p, 2, &cast_actor(THIRD)->chain);
	probe_forget(&p);
	probe_tick(&p, 2000);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 1);
	probe_hear_run(&p, 2, log, 20, 40);
	assert_int_equal(p.jobs_len, 1);
	probe_store(&p);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 0);
	/* It is withdrawn. */
	gossip_rosters(p.g, probe_time(&p), NULL, 0);
	probe_hear_run(&p, 2, log, 40, 60);
	assert_int_equal(p.jobs_len, 0);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 1);
	assert_int_equal(p.closed, 0);
	probe_free(&p);
}

/* All of its feeds wait, whoever brings them, also such as come up meanwhile; and they go on when
 * the introducer may bring more. */
static void all_feeds_of_an_origin_wait_and_go_on_together(void **state)
{
	struct cast_terms small = probe_terms(PEER), large = probe_terms(FOURTH);
	struct sim_log *clear, *green;
	struct probe p;

	(void)state;
	small.quota_records = 20;
	small.gives[PEER] |= TLP_BIT(TLP_GREEN);
	probe_init(&p);
	probe_agree(&p, &large);
	probe_agree(&p, &small);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	probe_open(&p, 2, FOURTH);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	probe_hear_cards(&p, 1, &cast_actor(THIRD)->chain);
	clear = probe_published(&p, THIRD, CLEAR, 40, 100);
	green = probe_published(&p, THIRD, GREEN, 5, 100);
	probe_hear_head(&p, 1, &green->complete);
	probe_hear_head(&p, 2, &clear->complete);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 2);
	probe_hear_run(&p, 2, clear, 0, 20);
	probe_store(&p);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 2);
	probe_forget(&p);
	probe_hear_head(&p, 1, &green->complete);
	probe_tick(&p, 3000);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 0);
	small.serial = 2;
	small.quota_records = 100;
	p.agreements_len--;
	probe_agree(&p, &small);
	probe_tick(&p, 2000);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 2);
	probe_free(&p);
}

/* PEER has more of the feed than THIRD, who is upstream and gets no more of it. */
static void a_feed_with_an_idle_upstream(struct probe *p, uint64_t taken)
{
	struct cast_terms small = probe_terms(PEER), third = probe_terms(THIRD);
	struct sim_log *log;

	small.quota_records = 20;
	small.gives[PEER] |= TLP_BIT(TLP_GREEN);
	probe_init(p);
	probe_agree(p, &small);
	probe_agree(p, &third);
	gossip_taken_today(p->g, probe_time(p), &cast_actor(PEER)->node, &cast_actor(PEER)->node,
		taken, 2000);
	probe_open(p, 1, PEER);
	probe_hear_hello(p, 1, SESSION_CREDIT_BYTES);
	probe_open(p, 2, THIRD);
	probe_hear_hello(p, 2, SESSION_CREDIT_BYTES);
	log = probe_published(p, PEER, CLEAR, 10, 100);
	probe_hear_head(p, 2, &log->complete);
	probe_hear_run(p, 2, log, 0, 10);
	probe_store(p);
	probe_published(p, PEER, CLEAR, 30, 100);
}

static bool asked(const struct probe *p, uint32_t session, const struct log_name *feed)
{
	for (size_t i = 0; i < p->said_len; i++)
		if (p->said[i].type == WIRE_SUBSCRIBE && p->said_to[i] == session &&
			log_name_eq(&p->said[i].subscribe.feed, feed))
			return true;
	return false;
}

static void a_new_day_is_looked_at_where_another_is_upstream(void **state)
{
	struct log_name feed = probe_name(PEER, CLEAR);
	struct probe p;

	(void)state;
	a_feed_with_an_idle_upstream(&p, 20);
	probe_hear_head(&p, 1, &sim_store_need(&p.theirs, &feed)->complete);
	probe_tick(&p, 3000);
	assert_false(asked(&p, 1, &feed));
	p.now_ms += DAY_MS;
	for (unsigned i = 0; i < 12; i++)
		probe_tick(&p, 250);
	assert_true(asked(&p, 1, &feed));
	probe_free(&p);
}

/* It is told of just while a run is on its way that spends all, and is not stored after all. */
static void what_was_spent_for_a_moment_is_looked_at_where_another_is_upstream(void **state)
{
	struct log_name feed = probe_name(PEER, CLEAR);
	struct sim_log *other;
	struct probe p;

	(void)state;
	a_feed_with_an_idle_upstream(&p, 0);
	other = probe_published(&p, PEER, GREEN, 25, 100);
	probe_hear_head(&p, 1, &other->complete);
	probe_hear_run(&p, 1, other, 0, 25);
	assert_int_equal(p.jobs_len, 1);
	probe_hear_head(&p, 1, &sim_store_need(&p.theirs, &feed)->complete);
	probe_reject(&p, ENT_EFULL);
	for (unsigned i = 0; i < 60; i++)
		probe_tick(&p, 250);
	assert_true(asked(&p, 1, &feed));
	probe_free(&p);
}

/* Everything arrives all the same, a day's part each day, and other feeds do not wait for it. */
static void days_of_quota_bring_a_whole_feed(void **state)
{
	struct world *w = world_new(7);
	struct cast_terms small = terms_open(0, 1);
	struct log_name clear, other;
	uint64_t seen = 0;

	(void)state;
	small.quota_records = 100;
	world_nodes(w, 3);
	world_agree(w, &small);
	agree_open(w, 1, 2);
	clear = world_feed(w, 0, CLEAR);
	other = world_feed(w, 2, CLEAR);
	for (unsigned i = 0; i < 6; i++)
		world_publish(w, 0, CLEAR, 50, 60000);
	world_publish(w, 2, CLEAR, 500, 100);
	world_run(w, 20000);
	assert_world(w);
	assert_int_equal(world_held(w, 1, &other), 500);
	seen = world_held(w, 1, &clear);
	/* At most one run of 256 KiB beyond it. */
	assert_in_range(seen, 100, 105);
	world_run(w, DAY_MS);
	assert_in_range(world_held(w, 1, &clear), seen + 100, seen + 105);
	world_run(w, DAY_MS);
	assert_int_equal(world_held(w, 1, &clear), 300);
	assert_world(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_feed_waits_when_the_records_of_the_day_are_used_up),
		cmocka_unit_test(it_goes_on_where_it_stood_after_midnight),
		cmocka_unit_test(bytes_count_as_records_do),
		cmocka_unit_test(what_the_store_refused_does_not_count),
		cmocka_unit_test(what_was_spent_for_a_moment_is_asked_for_again),
		cmocka_unit_test(a_restart_does_not_begin_the_day_anew),
		cmocka_unit_test(own_entries_given_back_do_not_count),
		cmocka_unit_test(quotas_of_several_agreements_add_up),
		cmocka_unit_test(an_introduced_origin_brings_no_more_than_its_introducer_may),
		cmocka_unit_test(a_roster_lifts_the_quota_of_the_introducer),
		cmocka_unit_test(all_feeds_of_an_origin_wait_and_go_on_together),
		cmocka_unit_test(a_new_day_is_looked_at_where_another_is_upstream),
		cmocka_unit_test(
			what_was_spent_for_a_moment_is_looked_at_where_another_is_upstream),
		cmocka_unit_test(days_of_quota_bring_a_whole_feed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
