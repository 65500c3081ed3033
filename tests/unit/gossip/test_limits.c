/* SPDX-License-Identifier: EUPL-1.2 */
/* What the engine holds is bounded whatever peers send: one test at each limit. */
#include "unit/gossip/crowd.h"

static void holds_so_many_origins_and_no_more(void **state)
{
	struct gossip_counts counts;
	unsigned number = 0;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	gossip_counts(p.g, &counts);
	for (size_t left = GOSSIP_ORIGINS_MAX - counts.origins; left > 0; left--)
		assert_int_equal(add_origin(&p, ++number), 0);
	assert_int_equal(add_origin(&p, ++number), ENT_ELIMIT);
	/* It lives, and knows the old ones. */
	probe_hear_cards(&p, 1, &cast_actor(THIRD)->chain);
	assert_int_equal(p.closed, 0);
	assert_int_equal(p.pins, 0);
	gossip_counts(p.g, &counts);
	assert_int_equal(counts.origins, GOSSIP_ORIGINS_MAX);
	probe_free(&p);
}

/* --- doubts ----------------------------------------------------------------------------------- */

/* So many feeds of two entries, each of an origin of its own, of which PEER says a smaller size. */
static void claims_begin(struct probe *p, unsigned count, bool true_ones)
{
	struct env_rng rng = sim_random_env(&p->random);

	for (unsigned i = 1; i <= count; i++) {
		struct wire_message m = {.type = WIRE_HELD, .held = {.size = 1}};
		struct sim_log *log;
		struct range tree;
		struct hash root;

		assert_int_equal(add_origin(p, i), 0);
		m.held.feed = probe_name(THIRD, CLEAR);
		memset(m.held.feed.node.bytes, 0, sizeof(m.held.feed.node.bytes));
		be32_put(m.held.feed.node.bytes, i);
		log = sim_store_need(&p->store, &m.held.feed);
		sim_log_publish(log, &cast_actor(THIRD)->identity, 2, 10, &rng);
		assert_int_equal(gossip_feed(p->g, &log->name, 2, 0, &log->complete, &log->complete,
					 false),
			0);
		sim_log_range(log, 0, 1, &tree);
		range_root(&tree, &root);
		memcpy(m.held.root, root.bytes, sizeof(m.held.root));
		m.held.root[0] ^= !true_ones;
		probe_hear(p, 1, &m);
	}
}

static void reads_so_many_roots_between_two_ticks_and_no_more(void **state)
{
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_tick(&p, 250);
	p.store.ranges_read = 0;
	claims_begin(&p, 2 * GOSSIP_DOUBT_READS + 1, true);
	assert_int_equal(p.store.ranges_read, GOSSIP_DOUBT_READS);
	probe_tick(&p, 250);
	assert_int_equal(p.store.ranges_read, 2 * GOSSIP_DOUBT_READS);
	probe_tick(&p, 2000);
	assert_int_equal(p.store.ranges_read, 2 * GOSSIP_DOUBT_READS + 1);
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), 0);
	probe_free(&p);
}

static void asks_so_many_neighbours_between_two_ticks_and_no_more(void **state)
{
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_tick(&p, 250);
	claims_begin(&p, 2 * GOSSIP_DOUBT_ASKS + 1, false);
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), GOSSIP_DOUBT_ASKS);
	probe_tick(&p, 250);
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), 2 * GOSSIP_DOUBT_ASKS);
	probe_tick(&p, 250);
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), 2 * GOSSIP_DOUBT_ASKS + 1);
	probe_free(&p);
}

/* --- the others ------------------------------------------------------------------------------- */

static void holds_so_many_feeds_and_no_more(void **state)
{
	static const struct checkpoint none;
	struct gossip_counts counts;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	for (uint64_t i = 1; i <= GOSSIP_FEEDS_MAX; i++) {
		struct log_name name = probe_name(PEER, audience_agreement(i));

		assert_int_equal(gossip_feed(p.g, &name, 0, 0, &none, &none, false), 0);
	}
	{
		struct log_name name = probe_name(PEER, CLEAR);
		struct sim_log *log = probe_published(&p, PEER, CLEAR, 3, 10);

		assert_int_equal(gossip_feed(p.g, &name, 0, 0, &none, &none, false), ENT_ELIMIT);
		/* A peer that tells of one more is passed over. */
		probe_hear_head(&p, 1, &log->complete);
		assert_silence(&p);
	}
	gossip_counts(p.g, &counts);
	assert_int_equal(counts.feeds, GOSSIP_FEEDS_MAX);
	probe_free(&p);
}

static uint64_t window_of(struct probe *p, uint32_t session, unsigned actor)
{
	probe_forget(p);
	probe_open(p, session, actor);
	return probe_last(p, WIRE_HELLO)->hello.credit;
}

static void windows_share_what_may_wait_for_the_disk(void **state)
{
	uint64_t last = SESSION_CREDIT_BYTES;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	for (uint32_t session = 2; session < 100; session++) {
		uint64_t window = window_of(&p, session, THIRD);

		assert_in_range(window, SESSION_CREDIT_MIN, last);
		assert_true(window <= SESSION_CREDIT_MIN || window * session <= GOSSIP_INGEST_MAX);
		last = window;
	}
	assert_int_equal(last, SESSION_CREDIT_MIN);
	probe_free(&p);
}

/* Runs of 240 kB from the feed of an actor's agreement, as long as there is credit. */
static void flood(struct probe *p, uint32_t session, unsigned actor)
{
	struct sim_log *log =
		probe_published(p, actor, audience_agreement(0x100 + actor), 160, 60000);

	probe_hear_head(p, session, &log->complete);
	for (uint64_t at = 0; at < 132; at += 4)
		probe_hear_run(p, session, log, at, at + 4);
}

/* Sessions with the actors 1 to 4. */
static void four_neighbours(struct probe *p)
{
	probe_init(p);
	for (unsigned actor = 1; actor <= 4; actor++) {
		struct cast_terms terms = probe_terms(actor);

		terms.gives[actor] |= TLP_BIT(TLP_GREEN);
		probe_agree(p, &terms);
	}
	for (unsigned actor = 1; actor <= 4; actor++) {
		probe_open(p, actor, actor);
		probe_hear_hello(p, actor, SESSION_CREDIT_BYTES);
	}
	probe_forget(p);
}

static void takes_no_more_than_may_wait_for_the_disk(void **state)
{
	struct gossip_counts counts;
	struct probe p;

	(void)state;
	four_neighbours(&p);
	for (unsigned actor = 1; actor <= 2; actor++)
		flood(&p, actor, actor);
	gossip_counts(p.g, &counts);
	assert_in_range(counts.ingest_bytes, 15u << 20, GOSSIP_INGEST_MAX);
	assert_int_equal(p.closed, 0);
	/* What found no room is asked for again, from where it stands, when there is. */
	flood(&p, 3, 3);
	gossip_counts(p.g, &counts);
	assert_true(counts.ingest_bytes <= GOSSIP_INGEST_MAX);
	p.said_len = 0;
	while (p.jobs_len)
		probe_store(&p);
	probe_tick(&p, 1000);
	assert_true(probe_count(&p, WIRE_SUBSCRIBE) > 0);
	gossip_counts(p.g, &counts);
	assert_int_equal(counts.ingest_bytes, 0);
	probe_free(&p);
}

/* Its upstream has counted the run as told, and says nothing of it when it is left. */
static void growth_that_found_no_room_is_asked_for_again(void **state)
{
	const struct wire_message *m = NULL;
	struct sim_log *log;
	struct probe p;

	(void)state;
	four_neighbours(&p);
	log = probe_published(&p, 3, CLEAR, 4, 60000);
	probe_hear_head(&p, 3, &log->complete);
	probe_hear_run(&p, 3, log, 0, 4);
	probe_store(&p);
	flood(&p, 1, 1);
	flood(&p, 2, 2);
	flood(&p, 4, 4);
	probe_published(&p, 3, CLEAR, 4, 60000);
	p.said_len = 0;
	probe_hear_run(&p, 3, log, 4, 8);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 1);
	while (p.jobs_len)
		probe_store(&p);
	for (unsigned i = 0; i < 4; i++)
		probe_tick(&p, 250);
	for (size_t i = 0; i < p.said_len; i++) {
		m = &p.said[i];
		if (m->type == WIRE_SUBSCRIBE && log_name_eq(&m->subscribe.feed, &log->name))
			break;
		m = NULL;
	}
	assert_true(m && m->subscribe.from == 4);
	probe_free(&p);
}

/* PEER tells of so many feeds. */
static void feeds_between(struct probe *p, unsigned count)
{
	for (unsigned i = 1; i <= count; i++) {
		struct log_name name = probe_name(THIRD, CLEAR);

		assert_int_equal(add_origin(p, i), 0);
		memset(name.node.bytes, 0, sizeof(name.node.bytes));
		be32_put(name.node.bytes, i);
		probe_hear_held(p, 1, &name, 1);
		probe_forget(p);
	}
}

/* Each of them is looked at, at each change of terms. */
static void bears_so_many_changes_of_terms_and_no_more(void **state)
{
	enum { FEEDS = 200 };
	struct wire_agreement list[1];
	struct wire_message m = {.type = WIRE_TERMS};
	unsigned heard = 0;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	feeds_between(&p, FEEDS);
	list[0] = (struct wire_agreement){.id = p.agreements[0]->id, .serial = 1};
	m.terms.agreements = list;
	for (; heard < 2 * FEEDS && !p.closed; heard++) {
		probe_forget(&p);
		m.terms.agreements_len = (heard + 1) % 2;
		probe_hear(&p, 1, &m);
		/* Once a second, and what has waited on a line that was stuck. */
		assert_true(heard >= 96 || !p.closed);
	}
	assert_blamed(&p, 1, PEER);
	assert_true(heard <= GOSSIP_DEAR_MAX / GOSSIP_DEAR_TERMS + 1);
	probe_free(&p);
}

static void bears_so_many_questions_and_no_more(void **state)
{
	enum { FEEDS = 2500 };
	struct wire_message m[] = {{.type = WIRE_BODIES_WANT}, {.type = WIRE_PROOF_WANT}};
	const unsigned most[] = {
		GOSSIP_DEAR_MAX / GOSSIP_DEAR_BODIES, GOSSIP_DEAR_MAX / GOSSIP_DEAR_PROOF};
	const uint64_t index = 0;

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(m); i++) {
		unsigned heard = 0;
		struct probe p;

		probe_greeted(&p);
		feeds_between(&p, FEEDS);
		m[i].bodies_want.feed = probe_name(THIRD, CLEAR); /* not here */
		if (i == 0) {
			m[i].bodies_want.indexes = &index;
			m[i].bodies_want.indexes_len = 1;
		} else {
			m[i].proof_want = (struct wire_proof_want){m[i].bodies_want.feed, 1, 2};
		}
		for (; heard < 2 * FEEDS && !p.closed; heard++)
			probe_hear(&p, 1, &m[i]);
		assert_blamed(&p, 1, PEER);
		assert_int_equal(heard, most[i] + 1);
		probe_free(&p);
	}
}

/* What on_subscribe at the neighbour bears, which has as many links. */
static void assert_asks_bearable(unsigned asked, unsigned feeds)
{
	assert_in_range(asked, 1, GOSSIP_ASKS_MAX + 2 * feeds);
}

/* Until the session is given up: then the line may bring it all at once. */
static void what_is_asked_on_a_line_that_stands_still_is_borne(void **state)
{
	enum { FEEDS = 200 };
	unsigned asked = FEEDS;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	feeds_between(&p, FEEDS);
	for (unsigned ms = 0; ms < DEAD_MS; ms += 250) {
		probe_forget(&p);
		probe_tick(&p, 250);
		asked += probe_count(&p, WIRE_SUBSCRIBE);
	}
	assert_true(asked > GOSSIP_ASKS_MAX + 2 * FEEDS); /* in one window it would be a flood */
	assert_true(asked <= GOSSIP_ASKS_TIMES * (GOSSIP_ASKS_MAX + 2 * FEEDS));
	probe_free(&p);
}

static bool has_upstream(const struct probe *p, unsigned actor)
{
	struct log_name name = probe_name(actor, CLEAR);
	struct gossip_feed_view v;

	return gossip_feed_view(p->g, &name, &v) && v.has_upstream;
}

/* The disk stands still, and of each feed that is asked for a run comes. */
static void a_disk_that_stands_still_makes_no_flood(void **state)
{
	enum { FEEDS = 12 };
	struct sim_log *logs[FEEDS];
	unsigned asked = 0;
	struct probe p;

	(void)state;
	four_neighbours(&p);
	for (unsigned i = 0; i < FEEDS; i++) {
		probe_hear_cards(&p, 3, &cast_actor(10 + i)->chain);
		logs[i] = probe_published(&p, 10 + i, CLEAR, 4, 60000);
	}
	probe_forget(&p);
	for (unsigned i = 0; i < FEEDS; i++)
		probe_hear_head(&p, 3, &logs[i]->complete);
	for (unsigned actor = 1; actor <= 4; actor++)
		if (actor != 3)
			flood(&p, actor, actor);
	for (unsigned ms = 0; ms < GOSSIP_ASKS_MS; ms += 250) {
		bool now[FEEDS] = {false};

		for (size_t k = 0; k < p.said_len; k++)
			for (unsigned i = 0; p.said[k].type == WIRE_SUBSCRIBE && i < FEEDS; i++)
				now[i] |= log_name_eq(&p.said[k].subscribe.feed, &logs[i]->name);
		p.said_len = 0;
		for (unsigned i = 0; i < FEEDS; i++) {
			asked += now[i];
			if (now[i])
				probe_hear_run(&p, 3, logs[i], 0, 4);
		}
		assert_int_equal(p.closed, 0);
		probe_tick(&p, 250);
	}
	assert_asks_bearable(asked, FEEDS);
	/* When half is done all go on at once. */
	while (p.jobs_len > 30)
		probe_store(&p);
	probe_tick(&p, 250);
	for (unsigned i = 0; i < FEEDS; i++)
		assert_true(has_upstream(&p, 10 + i));
	probe_free(&p);
}

/* Nobody else may be asked then, and it is not its fault. */
static void a_crowd_costs_no_upstream(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	four_neighbours(&p);
	probe_hear_cards(&p, 3, &cast_actor(10)->chain);
	log = probe_published(&p, 10, CLEAR, 4, 10);
	probe_hear_head(&p, 3, &log->complete);
	assert_true(has_upstream(&p, 10));
	flood(&p, 1, 1);
	flood(&p, 2, 2);
	flood(&p, 4, 4);
	probe_hear_head(&p, 4, &log->complete);
	p.said_len = 0;
	probe_tick(&p, GOSSIP_ASKS_MS + 2000);
	assert_true(has_upstream(&p, 10));
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 0);
	/* When there is room it has had its chance. */
	while (p.jobs_len)
		probe_store(&p);
	probe_tick(&p, 500);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 1);
	assert_true(has_upstream(&p, 10));
	probe_free(&p);
}

/* The oldest job is stored, and its sender goes on as soon as it has the credit. */
static void keep_the_disk_busy(struct probe *p, struct sim_log *logs[2], uint64_t at[2],
	uint64_t credit[2])
{
	const uint64_t run = 250000;

	p->said_len = 0;
	probe_store(p);
	for (size_t i = 0; i < p->said_len; i++)
		if (p->said[i].type == WIRE_CREDIT)
			credit[p->said_to[i] - 1] += p->said[i].credit.bytes;
	for (uint32_t k = 0; k < 2; k++) {
		if (credit[k] < run || at[k] + 4 > logs[k]->size)
			continue;
		credit[k] -= run;
		probe_hear_run(p, k + 1, logs[k], at[k], at[k] + 4);
		at[k] += 4;
	}
}

/* Two neighbours give as much as the disk takes, for as long as they like: half is never done. */
static void who_keeps_the_disk_busy_keeps_nobody_out(void **state)
{
	uint64_t at[2] = {132, 132}, credit[2] = {0};
	struct gossip_counts counts;
	struct sim_log *logs[2], *log;
	struct probe p;

	(void)state;
	four_neighbours(&p);
	gossip_closed(p.g, probe_time(&p), 4, "gone");
	probe_actions(&p);
	log = probe_published(&p, 3, CLEAR, 4, 60000);
	probe_hear_head(&p, 3, &log->complete);
	for (unsigned k = 0; k < 2; k++) {
		flood(&p, k + 1, k + 1);
		logs[k] = probe_published(&p, k + 1, audience_agreement(0x101 + k), 140, 60000);
	}
	flood(&p, 3, 3);
	probe_hear_run(&p, 3, log, 0, 4);
	assert_false(has_upstream(&p, 3));
	for (unsigned ms = 0; ms < GOSSIP_ASKS_MS; ms += 250) {
		keep_the_disk_busy(&p, logs, at, credit);
		gossip_counts(p.g, &counts);
		assert_true(counts.ingest_bytes >= GOSSIP_INGEST_MAX / 2);
		probe_tick(&p, 250);
	}
	assert_true(has_upstream(&p, 3));
	probe_free(&p);
}

/* Nothing is taken for two seconds, one run shows that the disk is well, and the next fails. */
static void fail_once(struct probe *p)
{
	const struct wire_message *m = probe_last(p, WIRE_SUBSCRIBE);

	p->said_len = 0;
	if (!m)
		return;
	probe_hear_run(p, 1, sim_store_need(&p->theirs, &m->subscribe.feed), m->subscribe.from,
		m->subscribe.from + 1);
	probe_reject(p, ENT_EIO);
	gossip_refuse(p->g, probe_time(p), true);
	probe_tick(p, 2250);
	gossip_refuse(p->g, probe_time(p), false);
	probe_actions(p);
	m = probe_last(p, WIRE_SUBSCRIBE);
	if (!m)
		return;
	probe_hear_run(p, 1, sim_store_need(&p->theirs, &m->subscribe.feed), m->subscribe.from,
		m->subscribe.from + 1);
	probe_store(p);
}

/* PEER introduces so many, from actor 10 on. */
static void introducer_greeted(struct probe *p, unsigned feeds)
{
	struct cast_terms terms = probe_terms(PEER);

	terms.quota_origins = feeds;
	probe_init(p);
	probe_agree(p, &terms);
	probe_open(p, 1, PEER);
	probe_hear_hello(p, 1, SESSION_CREDIT_BYTES);
	for (unsigned i = 0; i < feeds; i++)
		probe_hear_cards(p, 1, &cast_actor(10 + i)->chain);
	probe_forget(p);
}

static void feeds_grow(struct probe *p, unsigned feeds, uint32_t count, size_t body)
{
	for (unsigned i = 0; i < feeds; i++)
		probe_hear_head(p, 1, &probe_published(p, 10 + i, CLEAR, count, body)->complete);
}

static void a_disk_that_fails_now_and_then_makes_no_flood(void **state)
{
	enum { FEEDS = 40 };
	unsigned asked = 0;
	uint64_t begin;
	struct probe p;

	(void)state;
	introducer_greeted(&p, FEEDS);
	feeds_grow(&p, FEEDS, 40, 100);
	for (begin = p.now_ms; p.now_ms - begin < GOSSIP_ASKS_MS;) {
		asked += probe_count(&p, WIRE_SUBSCRIBE);
		fail_once(&p);
		probe_tick(&p, 250);
	}
	assert_asks_bearable(asked, FEEDS);
	/* All go on when it stays well. */
	for (unsigned ms = 0; ms < GOSSIP_ASKS_MS; ms += 250)
		probe_tick(&p, 250);
	for (unsigned i = 0; i < FEEDS; i++)
		assert_true(has_upstream(&p, 10 + i));
	probe_free(&p);
}

/* Heads that cross the subscriptions close them there. */
static void whoever_closes_what_is_open_is_asked_anew_at_once(void **state)
{
	enum { FEEDS = 40 };
	struct probe p;

	(void)state;
	introducer_greeted(&p, FEEDS);
	feeds_grow(&p, FEEDS, 4, 10);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), FEEDS);
	feeds_grow(&p, FEEDS, 4, 10);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 2 * FEEDS);
	probe_free(&p);
}

static void a_window_follows_the_number_of_sessions(void **state)
{
	struct sim_log *log;
	uint64_t granted = 0;
	struct probe p;

	(void)state;
	probe_greeted(&p); /* 8 MiB, alone */
	log = probe_published(&p, PEER, CLEAR, 200, 60000);
	probe_hear_head(&p, 1, &log->complete);
	for (uint32_t session = 2; session < 33; session++)
		probe_open(&p, session, THIRD);
	probe_forget(&p);
	for (uint64_t at = 0; at < 128; at += 4) {
		probe_hear_run(&p, 1, log, at, at + 4);
		probe_store(&p);
	}
	for (size_t i = 0; i < p.said_len; i++)
		if (p.said[i].type == WIRE_CREDIT)
			granted += p.said[i].credit.bytes;
	/* 7.7 MB have come, and hardly any of it may come again. */
	assert_true(granted <= SESSION_CREDIT_MIN);
	for (uint32_t session = 2; session < 33; session++)
		gossip_closed(p.g, probe_time(&p), session, "gone");
	probe_actions(&p);
	probe_forget(&p);
	probe_hear_run(&p, 1, log, 128, 132);
	probe_store(&p);
	assert_true(probe_last(&p, WIRE_CREDIT)->credit.bytes > SESSION_CREDIT_BYTES / 2);
	probe_free(&p);
}

/* What has grown while it was subscribed, and never went out, is told like all. */
static void whoever_leaves_is_told_what_has_grown(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	struct wire_message leave = {.type = WIRE_UNSUBSCRIBE};
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_init(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, 0); /* it takes no runs */
	log = probe_published(&p, SELF, CLEAR, 3, 10);
	probe_hear_subscribe(&p, 1, &log->name, 0);
	gossip_entered(p.g, probe_time(&p), 1, &log->name);
	probe_actions(&p);
	probe_published(&p, SELF, CLEAR, 4, 10);
	assert_int_equal(probe_count(&p, WIRE_DATA), 0);
	probe_forget(&p);
	leave.unsubscribe.feed = log->name;
	probe_hear(&p, 1, &leave);
	probe_tick(&p, GOSSIP_HELD_MS + 100);
	assert_int_equal(probe_count(&p, WIRE_HELD), 1);
	assert_true(probe_last(&p, WIRE_HELD)->held.size == 7);
	probe_free(&p);
}

static void tells_of_a_feed_once_a_second_at_most(void **state)
{
	unsigned told = 0;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_published(&p, SELF, CLEAR, 1, 10);
	probe_forget(&p);
	for (int i = 0; i < 40; i++) {
		probe_published(&p, SELF, CLEAR, 1, 10);
		probe_tick(&p, GOSSIP_HELD_MS / 4);
	}
	told = probe_count(&p, WIRE_HELD);
	assert_in_range(told, 8, 11); /* in ten seconds */
	probe_free(&p);
}

/* PEER, which gives of another feed all the time, is left only after GOSSIP_STALL_MS. */
static void a_busy_neighbour_that_stalls_has_a_little_longer(void **state)
{
	struct cast_terms peer = probe_terms(PEER), third = probe_terms(THIRD);
	struct sim_log *stalled, *flowing;
	uint64_t begin;
	struct probe p;

	(void)state;
	probe_init(&p);
	probe_agree(&p, &peer);
	probe_agree(&p, &third);
	for (uint32_t session = 1; session <= 2; session++) {
		probe_open(&p, session, session);
		probe_hear_hello(&p, session, SESSION_CREDIT_BYTES);
	}
	stalled = probe_published(&p, PEER, CLEAR, 40, 10);
	flowing = probe_published(&p, PEER, audience_agreement(peer.id), 400, 10);
	probe_hear_head(&p, 1, &stalled->complete);
	probe_hear_head(&p, 1, &flowing->complete);
	probe_hear_head(&p, 2, &stalled->complete);
	probe_forget(&p);
	begin = p.now_ms;
	for (uint64_t at = 0; at < 100 && probe_count(&p, WIRE_SUBSCRIBE) == 0; at++) {
		probe_hear_run(&p, 1, flowing, at, at + 1);
		probe_store(&p);
		probe_tick(&p, 250);
	}
	assert_in_range(p.now_ms - begin, GOSSIP_STALL_MS, GOSSIP_STALL_MS + 750);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 1);
	probe_free(&p);
}

static void a_flood_of_cards_costs_no_signatures_where_nobody_may_introduce(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	struct card_chain broken = cast_actor(THIRD)->chain;
	struct gossip_counts counts;
	struct bytes note;
	struct probe p;

	(void)state;
	terms.introduces = 0;
	probe_init(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	probe_forget(&p);
	/* Whether it holds is not even looked at. */
	note = arena_copy(&p.arena, broken.notes[0]);
	((uint8_t *)(uintptr_t)note.data)[note.len - 10] ^= 1;
	broken.notes = &note;
	for (int i = 0; i < 1000; i++)
		probe_hear_cards(&p, 1, &broken);
	assert_silence(&p);
	gossip_counts(p.g, &counts);
	assert_int_equal(counts.origins_ignored, 1000);
	probe_free(&p);
}

static void a_million_heads_of_unknown_origins_are_only_counted(void **state)
{
	struct wire_head heads[WIRE_HEADS_MAX] = {0};
	struct wire_message m = {.type = WIRE_HEADS, .heads = {heads, WIRE_HEADS_MAX}};
	struct gossip_counts counts;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	for (unsigned i = 0; i < 1000000 / WIRE_HEADS_MAX; i++) {
		for (unsigned k = 0; k < WIRE_HEADS_MAX; k++) {
			heads[k].feed = probe_name(THIRD, CLEAR);
			be32_put(heads[k].feed.node.bytes, i * WIRE_HEADS_MAX + k);
		}
		probe_hear(&p, 1, &m);
	}
	assert_silence(&p);
	gossip_counts(p.g, &counts);
	assert_int_equal(counts.heads_ignored, 1000000 / WIRE_HEADS_MAX * WIRE_HEADS_MAX);
	assert_int_equal(counts.origins, 2);
	assert_int_equal(counts.feeds, 0);
	probe_free(&p);
}

static void a_flood_of_wanted_proofs_is_blamed(void **state)
{
	struct wire_message m = {.type = WIRE_PROOF_WANT,
		.proof_want = {.feed = probe_name(SELF, CLEAR), .first = 1, .second = 5}};
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_published(&p, SELF, CLEAR, 5, 10);
	probe_forget(&p);
	for (int i = 0; i < 400 && !p.closed; i++)
		probe_hear(&p, 1, &m);
	assert_blamed(&p, 1, PEER);
	assert_true(p.said_len < 300);
	probe_free(&p);
}

/* So many questions in forty seconds, with two more for the one feed that it was told of. */
static void a_neighbour_may_ask_so_often_and_no_more(void **state)
{
	struct wire_message m = {.type = WIRE_PROOF_WANT,
		.proof_want = {.feed = probe_name(SELF, CLEAR), .first = 1, .second = 5}};
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_published(&p, SELF, CLEAR, 5, 10);
	for (unsigned window = 0; window < 2; window++) {
		probe_forget(&p);
		for (unsigned i = 0; i < GOSSIP_ASKS_TIMES * (GOSSIP_ASKS_MAX + 2); i++)
			probe_hear(&p, 1, &m);
		assert_int_equal(p.closed, 0);
		if (window == 0)
			probe_tick(&p, GOSSIP_ASKS_TIMES * GOSSIP_ASKS_MS + 1000);
	}
	probe_hear(&p, 1, &m);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

/* A source that was left has counted the run as told, and says nothing of it again. */
static void a_run_that_comes_too_late_tells_how_far_its_sender_is(void **state)
{
	struct cast_terms terms = probe_terms(THIRD);
	const struct wire_message *m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 2, THIRD);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	log = probe_published(&p, PEER, CLEAR, 8, 20);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 8);
	probe_store(&p);
	probe_published(&p, PEER, CLEAR, 2, 20);
	probe_hear_head(&p, 2, &log->complete);
	for (unsigned i = 0; i < 8; i++)
		probe_tick(&p, 250);
	m = probe_last(&p, WIRE_SUBSCRIBE);
	assert_true(m && p.said_to[p.said_len - 1] == 2 && m->subscribe.from == 8);
	probe_hear_run(&p, 2, log, 8, 10);
	probe_store(&p);
	probe_published(&p, PEER, CLEAR, 3, 20);
	probe_hear_run(&p, 1, log, 8, 13);
	assert_int_equal(p.jobs_len, 0);
	for (unsigned i = 0; i < 8; i++)
		probe_tick(&p, 250);
	m = probe_last(&p, WIRE_SUBSCRIBE);
	assert_true(m && p.said_to[p.said_len - 1] == 1 && m->subscribe.from == 10);
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_that_comes_too_late_tells_how_far_its_sender_is),
		cmocka_unit_test(holds_so_many_origins_and_no_more),
		cmocka_unit_test(holds_so_many_feeds_and_no_more),
		cmocka_unit_test(reads_so_many_roots_between_two_ticks_and_no_more),
		cmocka_unit_test(asks_so_many_neighbours_between_two_ticks_and_no_more),
		cmocka_unit_test(bears_so_many_changes_of_terms_and_no_more),
		cmocka_unit_test(bears_so_many_questions_and_no_more),
		cmocka_unit_test(windows_share_what_may_wait_for_the_disk),
		cmocka_unit_test(takes_no_more_than_may_wait_for_the_disk),
		cmocka_unit_test(growth_that_found_no_room_is_asked_for_again),
		cmocka_unit_test(what_is_asked_on_a_line_that_stands_still_is_borne),
		cmocka_unit_test(a_disk_that_stands_still_makes_no_flood),
		cmocka_unit_test(a_crowd_costs_no_upstream),
		cmocka_unit_test(who_keeps_the_disk_busy_keeps_nobody_out),
		cmocka_unit_test(a_disk_that_fails_now_and_then_makes_no_flood),
		cmocka_unit_test(whoever_closes_what_is_open_is_asked_anew_at_once),
		cmocka_unit_test(a_window_follows_the_number_of_sessions),
		cmocka_unit_test(whoever_leaves_is_told_what_has_grown),
		cmocka_unit_test(tells_of_a_feed_once_a_second_at_most),
		cmocka_unit_test(a_busy_neighbour_that_stalls_has_a_little_longer),
		cmocka_unit_test(a_flood_of_cards_costs_no_signatures_where_nobody_may_introduce),
		cmocka_unit_test(a_million_heads_of_unknown_origins_are_only_counted),
		cmocka_unit_test(a_flood_of_wanted_proofs_is_blamed),
		cmocka_unit_test(a_neighbour_may_ask_so_often_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
