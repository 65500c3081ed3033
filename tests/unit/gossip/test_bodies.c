/* SPDX-License-Identifier: EUPL-1.2 */
/* Bodies that somebody has withheld, asked for and given. */
#include "unit/gossip/forks.h"
#include "unit/gossip/shapes.h"

#include "proto/entry.h"

/* --- asking ----------------------------------------------------------------------------------- */

/* Of THIRD's feed so many entries are here, some of them without a body; PEER (1) has brought them,
 * and THIRD (2) is connected too. */
static struct sim_log *lacking_those(struct probe *p, uint32_t size, bool (*bare)(uint64_t index))
{
	struct cast_terms terms = probe_terms(THIRD);
	struct sim_log *log, *here;

	probe_greeted(p);
	probe_agree(p, &terms);
	log = probe_published(p, THIRD, CLEAR, size, 40);
	here = sim_store_need(&p->store, &log->name);
	for (uint64_t i = 0; i < size; i++)
		entry_append(here, log, i, bare(i));
	here->complete = here->seen = log->complete;
	assert_int_equal(gossip_feed(p->g, &log->name, size, 0, &log->complete, &log->complete,
				 false),
		0);
	probe_open(p, 2, THIRD);
	probe_hear_hello(p, 2, SESSION_CREDIT_BYTES);
	probe_tick(p, 1000);
	probe_forget(p);
	return log;
}

static bool bare_odd(uint64_t i)
{
	return i % 2;
}

/* Five, the second and fourth of them without a body. */
static struct sim_log *lacking(struct probe *p)
{
	return lacking_those(p, 5, bare_odd);
}

static struct wire_body body_of(const struct sim_log *log, uint64_t index)
{
	struct cursor c = cursor_of(sim_log_entries(log, index, index + 1));
	struct wire_body b = {.index = index};
	struct entry e;

	assert_int_equal(entry_next(&c, &e), 0);
	memcpy(b.salt, e.salt.data, sizeof(b.salt));
	b.body = e.body;
	return b;
}

static void answer(struct probe *p, uint32_t session, const struct sim_log *log,
	const struct wire_body *bodies, size_t len)
{
	struct wire_message m = {.type = WIRE_BODIES, .bodies = {log->name, bodies, len}};

	probe_hear(p, session, &m);
}

static void asks_whoever_says_that_it_has_them(void **state)
{
	struct probe p;
	struct sim_log *log = lacking(&p);
	const struct wire_message *m;
	struct wire_body bodies[2];

	(void)state;
	assert_silence(&p);
	probe_hear_head(&p, 2, &log->complete);
	probe_tick(&p, 1000);
	m = probe_last(&p, WIRE_BODIES_WANT);
	assert_non_null(m);
	assert_int_equal(probe_count(&p, WIRE_BODIES_WANT), 1);
	assert_int_equal(m->bodies_want.indexes_len, 2);
	assert_true(m->bodies_want.indexes[0] == 1 && m->bodies_want.indexes[1] == 3);
	bodies[0] = body_of(log, 1);
	bodies[1] = body_of(log, 3);
	answer(&p, 2, log, bodies, 2);
	assert_int_equal(p.jobs_len, 1);
	assert_true(p.jobs[0]->bodies && p.jobs[0]->count == 2);
	assert_int_equal(p.closed, 0);
	/* Said again it is of no use. */
	answer(&p, 2, log, bodies, 2);
	assert_int_equal(p.jobs_len, 1);
	gossip_stored(p.g, probe_time(&p), p.jobs[0]);
	probe_actions(&p);
	probe_free(&p);
}

/* Nothing counts as missing before all of a checkpoint is here: its earlier runs are looked through
 * then, also when the last one has all of its bodies. */
static void asks_for_what_an_earlier_run_lacked(void **state)
{
	struct sim_store bare = {0};
	struct sim_log *log, *without;
	struct cast_terms terms = probe_terms(THIRD);
	const struct wire_message *m;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_agree(&p, &terms);
	log = probe_published(&p, THIRD, CLEAR, 5, 40);
	without = sim_store_need(&bare, &log->name);
	for (uint64_t i = 0; i < 5; i++)
		entry_append(without, log, i, i == 1);
	without->complete = log->complete;
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, without, 0, 3);
	probe_store(&p);
	probe_tick(&p, 1000);
	probe_hear_run(&p, 1, without, 3, 5);
	probe_store(&p);
	probe_open(&p, 2, THIRD);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	probe_hear_head(&p, 2, &log->complete);
	probe_tick(&p, 1000);
	m = probe_last(&p, WIRE_BODIES_WANT);
	assert_non_null(m);
	assert_int_equal(m->bodies_want.indexes_len, 1);
	assert_true(m->bodies_want.indexes[0] == 1);
	sim_store_free(&bare);
	probe_free(&p);
}

/* So it is where whoever gave them does not go on, and a smaller checkpoint comes from others. */
static void asks_for_what_it_lacks_under_a_checkpoint_from_elsewhere(void **state)
{
	struct sim_store bare = {0};
	struct cast_terms terms = probe_terms(THIRD);
	struct sim_log *log, *without;
	const struct wire_message *m;
	struct checkpoint smaller;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_agree(&p, &terms);
	log = probe_published(&p, THIRD, CLEAR, 5, 40);
	sim_log_sign(log, 2, &cast_actor(THIRD)->identity, &smaller);
	without = sim_store_need(&bare, &log->name);
	for (uint64_t i = 0; i < 5; i++)
		entry_append(without, log, i, i == 1);
	without->complete = log->complete;
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, without, 0, 3);
	probe_store(&p);
	probe_tick(&p, 1000); /* nothing is missing yet */
	gossip_closed(p.g, probe_time(&p), 1, "gone");
	probe_open(&p, 2, THIRD);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	probe_hear_head(&p, 2, &smaller);
	probe_tick(&p, 2000);
	assert_int_equal(probe_count(&p, WIRE_BODIES_WANT), 0);
	sim_store_need(&p.store, &log->name)->complete = smaller;
	gossip_completed(p.g, probe_time(&p), &smaller, true);
	probe_actions(&p);
	probe_tick(&p, 1000);
	m = probe_last(&p, WIRE_BODIES_WANT);
	assert_non_null(m);
	assert_int_equal(m->bodies_want.indexes_len, 1);
	assert_true(m->bodies_want.indexes[0] == 1);
	sim_store_free(&bare);
	probe_free(&p);
}

/* It tells its upstream nothing of what it has had from there, and has bodies from elsewhere. */
static void asks_whom_it_has_given_the_entries(void **state)
{
	struct probe p;
	struct sim_log *log = lacking(&p);

	(void)state;
	probe_hear_subscribe(&p, 1, &log->name, 0);
	gossip_entered(p.g, probe_time(&p), 1, &log->name);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 1);
	probe_tick(&p, 6000);
	assert_int_equal(probe_count(&p, WIRE_BODIES_WANT), 1);
	probe_free(&p);
}

/* Of what we have ourselves it tells nothing any more. */
static void asks_whom_it_has_subscribed_at_for_all(void **state)
{
	struct probe p;
	struct sim_log *log = lacking(&p);
	struct wire_head head = {.feed = log->name, .held = 2};
	struct wire_message m = {.type = WIRE_HEADS, .heads = {&head, 1}};

	(void)state;
	checkpoint_to_wire(&head.newest, &log->complete);
	probe_hear(&p, 2, &m);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 1);
	probe_tick(&p, 1000);
	assert_int_equal(probe_last(&p, WIRE_BODIES_WANT)->bodies_want.indexes_len, 2);
	probe_free(&p);
}

static void a_body_that_does_not_fit_costs_the_session(void **state)
{
	struct probe p;
	struct sim_log *log = lacking(&p);
	struct wire_body b = body_of(log, 1);

	(void)state;
	probe_hear_head(&p, 2, &log->complete);
	probe_tick(&p, 1000);
	b.salt[3] ^= 1;
	answer(&p, 2, log, &b, 1);
	assert_int_equal(p.jobs_len, 0);
	assert_blamed(&p, 2, THIRD);
	probe_free(&p);
}

/* PEER has brought a history without its fourth body; FOURTH follows the other one, and nobody
 * knows of the fork yet. */
static void who_has_another_history_is_not_blamed_for_its_bodies(void **state)
{
	struct sim_store bare = {0}, other = {0};
	struct sim_log *log, *without, *fork;
	struct wire_body b;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_hear_cards(&p, 1, &cast_actor(ORIGIN)->chain);
	fourth_comes(&p);
	log = probe_published(&p, ORIGIN, CLEAR, 5, 10);
	without = sim_store_need(&bare, &log->name);
	for (uint64_t i = 0; i < 5; i++)
		entry_append(without, log, i, i == 3);
	without->complete = log->complete;
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, without, 0, 5);
	probe_store(&p);
	probe_tick(&p, 2000);
	answer(&p, 1, log, NULL, 0);
	probe_forget(&p);
	fork = forked(&p, &other, log, 2, 5);
	probe_hear_head(&p, 2, &fork->complete);
	probe_tick(&p, 500);
	assert_non_null(probe_last(&p, WIRE_BODIES_WANT));
	assert_int_equal(p.said_to[p.said_len - 1], 2);
	b = body_of(fork, 3);
	answer(&p, 2, fork, &b, 1);
	assert_null(p.alarm);
	assert_int_equal(p.closed, 0);
	assert_int_equal(p.jobs_len, 0);
	sim_store_free(&bare);
	sim_store_free(&other);
	probe_free(&p);
}

/* It was ahead, as another was too, and has been caught up with. */
static void who_said_the_same_as_another_is_blamed_no_less(void **state)
{
	struct probe p;
	struct sim_log *log = lacking(&p);
	struct wire_body b = body_of(log, 1);

	(void)state;
	probe_published(&p, THIRD, CLEAR, 1, 40);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_head(&p, 2, &log->complete);
	probe_hear_run(&p, 1, log, 5, 6);
	probe_hear_run(&p, 2, log, 5, 6);
	sim_store_need(&p.store, &log->name)->complete = log->complete;
	probe_store(&p);
	probe_tick(&p, 500);
	assert_int_equal(p.said_to[p.said_len - 1], 2);
	b.salt[3] ^= 1;
	answer(&p, 2, log, &b, 1);
	assert_blamed(&p, 2, THIRD);
	probe_free(&p);
}

static bool bare_5_and_600(uint64_t i)
{
	return i == 5 || i == 600;
}

static void what_others_have_is_asked_for_though_the_first_lies_below_their_floors(void **state)
{
	struct probe p;
	struct sim_log *log = lacking_those(&p, 700, bare_5_and_600);
	struct wire_head head = {.feed = log->name, .floor = 512, .held = 700};
	struct wire_message m = {.type = WIRE_HEADS, .heads = {&head, 1}};
	const struct wire_message *want;

	(void)state;
	checkpoint_to_wire(&head.newest, &log->complete);
	probe_hear(&p, 2, &m);
	probe_tick(&p, 1000);
	want = probe_last(&p, WIRE_BODIES_WANT);
	assert_non_null(want);
	assert_int_equal(want->bodies_want.indexes_len, 1);
	assert_true(want->bodies_want.indexes[0] == 600);
	probe_free(&p);
}

static bool bare_300(uint64_t i)
{
	return i < 300;
}

/* Their origin never gave them to anybody. */
static void the_first_that_nobody_has_do_not_keep_back_the_others(void **state)
{
	struct probe p;
	struct sim_log *log = lacking_those(&p, 700, bare_300);
	bool asked = false, answered = false;

	(void)state;
	for (unsigned silent = 0; silent < 2; silent++, asked = false) {
		probe_hear_head(&p, 2, &log->complete);
		for (unsigned t = 0; t < 120 && !asked; t++) {
			const struct wire_message *m = probe_last(&p, WIRE_BODIES_WANT);

			if (m)
				asked = m->bodies_want.indexes[0] == 256;
			answered = m && !silent;
			probe_forget(&p);
			if (answered)
				answer(&p, 2, log, NULL, 0);
			probe_tick(&p, 500);
		}
		assert_true(asked);
	}
	probe_free(&p);
}

/* 256 KiB take more than ten seconds on a slow line. */
static void an_answer_that_takes_long_is_of_use_all_the_same(void **state)
{
	struct probe p;
	struct sim_log *log = lacking(&p);
	struct wire_body b = body_of(log, 1), other = body_of(log, 3);

	(void)state;
	probe_hear_head(&p, 2, &log->complete);
	probe_hear_head(&p, 1, &log->complete);
	probe_tick(&p, 1000);
	assert_int_equal(p.said_to[p.said_len - 1], 2);
	probe_forget(&p);
	probe_tick(&p, 11000);
	assert_int_equal(probe_count(&p, WIRE_BODIES_WANT), 1); /* PEER, meanwhile */
	assert_int_equal(p.said_to[p.said_len - 1], 1);
	answer(&p, 2, log, &b, 1);
	assert_int_equal(p.jobs_len, 1);
	assert_true(p.jobs[0]->bodies && p.jobs[0]->count == 1);
	answer(&p, 2, log, &other, 1); /* once only */
	assert_int_equal(p.jobs_len, 1);
	answer(&p, 1, log, &other, 1);
	assert_int_equal(p.jobs_len, 2);
	assert_int_equal(p.closed, 0);
	probe_free(&p);
}

static void what_was_not_asked_for_is_dropped(void **state)
{
	struct probe p;
	struct sim_log *log = lacking(&p);
	struct wire_body b = body_of(log, 1), other = body_of(log, 2);

	(void)state;
	answer(&p, 1, log, &b, 1);
	assert_silence(&p);
	probe_hear_head(&p, 2, &log->complete);
	probe_tick(&p, 1000);
	probe_forget(&p);
	answer(&p, 1, log, &b, 1); /* of another than was asked */
	assert_silence(&p);
	answer(&p, 2, log, &other, 1); /* of another entry: as if it had none */
	assert_silence(&p);
	probe_free(&p);
}

/* Were it taken, a body that its marking keeps out could come this way. */
static void what_is_missing_and_was_not_asked_for_is_dropped(void **state)
{
	struct probe p;
	struct sim_log *log = lacking(&p);
	struct wire_head head = {.feed = log->name, .held = 2};
	struct wire_message m = {.type = WIRE_HEADS, .heads = {&head, 1}};
	struct wire_body b = body_of(log, 3);

	(void)state;
	checkpoint_to_wire(&head.newest, &log->complete);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear(&p, 2, &m);
	probe_tick(&p, 1000);
	assert_int_equal(probe_last(&p, WIRE_BODIES_WANT)->bodies_want.indexes_len, 1);
	answer(&p, 2, log, &b, 1);
	assert_int_equal(p.jobs_len, 0);
	assert_int_equal(p.closed, 0);
	probe_free(&p);
}

static void who_has_none_is_left_alone_and_another_is_asked(void **state)
{
	struct probe p;
	struct sim_log *log = lacking(&p);

	(void)state;
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_head(&p, 2, &log->complete);
	probe_tick(&p, 1000);
	assert_int_equal(probe_count(&p, WIRE_BODIES_WANT), 1); /* one at a time */
	assert_int_equal(p.said_to[p.said_len - 1], 2);         /* the origin first */
	answer(&p, 2, log, NULL, 0);
	probe_tick(&p, 1000);
	assert_int_equal(probe_count(&p, WIRE_BODIES_WANT), 2);
	assert_int_equal(p.said_to[p.said_len - 1], 1);
	/* Silence is an answer too, after a while; by then the other is asked again. */
	probe_tick(&p, 8000);
	assert_int_equal(probe_count(&p, WIRE_BODIES_WANT), 2);
	probe_tick(&p, 2000);
	assert_int_equal(probe_count(&p, WIRE_BODIES_WANT), 3);
	assert_int_equal(p.said_to[p.said_len - 1], 2);
	/* The more often in vain, the more seldom. */
	probe_forget(&p);
	for (unsigned i = 0; i < 7200; i++) {
		answer(&p, 1, log, NULL, 0);
		answer(&p, 2, log, NULL, 0);
		probe_tick(&p, 500);
	}
	assert_in_range(probe_count(&p, WIRE_BODIES_WANT), 20, 50);
	probe_free(&p);
}

static void nobody_is_asked_who_may_not_give_it(void **state)
{
	struct probe p;
	struct sim_log *log = lacking(&p);
	struct cast_terms terms = probe_terms(THIRD);

	(void)state;
	probe_hear_head(&p, 2, &log->complete);
	probe_tick(&p, 1000);
	assert_int_equal(probe_count(&p, WIRE_BODIES_WANT), 1);
	/* It is on its way when it may not be taken any more. */
	terms.serial = 2;
	terms.gives[THIRD] = 0;
	p.agreements_len--;
	probe_agree(&p, &terms);
	probe_forget(&p);
	{
		struct wire_body b = body_of(log, 1);

		answer(&p, 2, log, &b, 1);
	}
	assert_int_equal(p.jobs_len, 0);
	probe_tick(&p, 70000);
	assert_int_equal(probe_count(&p, WIRE_BODIES_WANT), 0);
	probe_free(&p);
}

/* --- giving ----------------------------------------------------------------------------------- */

static void want(struct probe *p, uint32_t session, const struct log_name *feed, uint64_t a,
	uint64_t b)
{
	uint64_t indexes[] = {a, b};
	struct wire_message m = {.type = WIRE_BODIES_WANT, .bodies_want = {*feed, indexes, 2}};

	probe_hear(p, session, &m);
}

static void gives_what_is_here_once_its_act_is_durable(void **state)
{
	struct probe p;
	struct sim_log *log;
	const struct wire_message *m;
	struct wire_body b;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, 5, 40);
	probe_forget(&p);
	want(&p, 1, &log->name, 2, 900);
	assert_int_equal(p.act, ACT_BODIES_SENT);
	gossip_flushed(p.g, probe_time(&p), 1, SIZE_MAX); /* there would be room */
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_BODIES), 0);
	/* A second question before the answer is not heard. */
	want(&p, 1, &log->name, 3, 4);
	assert_int_equal(p.acts, 1);
	gossip_entered(p.g, probe_time(&p), 1, &log->name);
	probe_actions(&p);
	m = probe_last(&p, WIRE_BODIES);
	assert_non_null(m);
	assert_int_equal(m->bodies.bodies_len, 1);
	b = body_of(log, 2);
	assert_int_equal(m->bodies.bodies[0].index, 2);
	assert_memory_equal(m->bodies.bodies[0].salt, b.salt, sizeof(b.salt));
	assert_true(bytes_eq(m->bodies.bodies[0].body, b.body));
	/* Of none it says so, and enters nothing. */
	probe_forget(&p);
	want(&p, 1, &log->name, 700, 900);
	assert_int_equal(p.acts, 0);
	assert_int_equal(probe_last(&p, WIRE_BODIES)->bodies.bodies_len, 0);
	probe_free(&p);
}

static void gives_no_more_at_once_than_a_run_has(void **state)
{
	enum { ASKED = 40, BODY = 30000 };
	uint64_t indexes[ASKED];
	struct wire_message m = {.type = WIRE_BODIES_WANT};
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, ASKED, BODY);
	probe_forget(&p);
	for (uint64_t i = 0; i < ASKED; i++)
		indexes[i] = i;
	m.bodies_want = (struct wire_bodies_want){log->name, indexes, ASKED};
	probe_hear(&p, 1, &m);
	gossip_entered(p.g, probe_time(&p), 1, &log->name);
	probe_actions(&p);
	assert_int_equal(probe_last(&p, WIRE_BODIES)->bodies.bodies_len,
		WIRE_BODIES_BYTES_MAX / BODY);
	probe_free(&p);
}

static void the_act_of_a_subscription_is_not_taken_for_it(void **state)
{
	struct probe p;
	struct sim_log *log;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, 5, 40);
	probe_forget(&p);
	probe_hear_subscribe(&p, 1, &log->name, 0);
	want(&p, 1, &log->name, 2, 3);
	probe_hear_subscribe(&p, 1, &log->name, 1);
	gossip_entered(p.g, probe_time(&p), 1, &log->name);
	probe_actions(&p);
	assert_int_equal(p.said_len, 0);
	gossip_entered(p.g, probe_time(&p), 1, &log->name);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_BODIES), 1);
	assert_int_equal(probe_count(&p, WIRE_DATA), 0);
	gossip_flushed(p.g, probe_time(&p), 1, SIZE_MAX);
	gossip_entered(p.g, probe_time(&p), 1, &log->name);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 1);
	probe_free(&p);
}

static void what_may_not_be_told_of_is_met_with_silence(void **state)
{
	struct probe p;
	struct sim_log *log;
	struct log_name nowhere;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, GREEN, 5, 40);
	nowhere = log->name;
	nowhere.audience = audience_agreement(0x777);
	probe_forget(&p);
	want(&p, 1, &log->name, 2, 3);
	want(&p, 1, &nowhere, 2, 3);
	assert_silence(&p);
	probe_free(&p);
}

static void what_ends_before_the_act_is_durable_is_not_given(void **state)
{
	struct probe p;
	struct sim_log *log;
	struct cast_terms terms = probe_terms(PEER);

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, 5, 40);
	want(&p, 1, &log->name, 2, 3);
	terms.serial = 2;
	terms.gives[SELF] = 0;
	p.agreements_len--;
	probe_agree(&p, &terms);
	probe_forget(&p);
	gossip_entered(p.g, probe_time(&p), 1, &log->name);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_BODIES), 0);
	probe_free(&p);
}

static void asking_without_end_is_misbehaviour(void **state)
{
	struct probe p;
	struct sim_log *log;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, 5, 40);
	probe_forget(&p);
	for (unsigned i = 0; i < 200 && !p.closed; i++)
		want(&p, 1, &log->name, 700, 900);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

/* --- whole nodes ------------------------------------------------------------------------------ */

#define SAID 300u

/* Every third entry of what it passes on has lost its body on the way. */
static bool withholds_bodies(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	uint8_t *packed, *end;
	struct cursor c;

	(void)ctx, (void)to;
	if (m->type == WIRE_BODIES)
		m->bodies.bodies_len = 0;
	if (m->type != WIRE_DATA || node_id_eq(&m->data.feed.node, &from->actor->node))
		return true;
	packed = end = arena_alloc(arena, m->data.entries.len);
	assert_non_null(packed);
	c = cursor_of(m->data.entries);
	for (uint32_t i = 0; i < m->data.count; i++) {
		struct entry e;

		assert_int_equal(entry_next(&c, &e), 0);
		if ((m->data.start + i) % 3 == 0) {
			e.erased = true;
			e.salt = e.body = BYTES_NONE;
		}
		entry_pack(end, &e);
		end += entry_packed_len(&e);
	}
	m->data.entries = bytes_from(packed, (size_t)(end - packed));
	return true;
}

static unsigned bodies_at(struct world *w, unsigned node, const struct log_name *feed)
{
	unsigned n = 0;

	for (uint64_t i = 0; i < SAID; i++)
		n += watch_has_body(&w->nodes[node], feed, i);
	return n;
}

/* 0 - 1 (withholds) - 2, and 0 - 3, which comes to 2 later. */
static struct world *world_withheld(uint64_t seed)
{
	struct world *w = world_chain(seed, 4);

	w->nodes[1].hand = withholds_bodies;
	agree_open(w, 0, 3);
	world_cut(w, 2, 3, true);
	world_publish(w, 0, CLEAR, SAID, 300);
	return w;
}

static void an_honest_holder_makes_it_whole(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_withheld(seed);
		struct log_name feed = world_feed(w, 0, CLEAR);

		world_run(w, 5000);
		assert_int_equal(world_held(w, 2, &feed), SAID);
		assert_int_equal(bodies_at(w, 2, &feed), SAID - SAID / 3);
		world_cut(w, 2, 3, false);
		if (seed % 4 == 0)
			world_kill_at(w, 2 + seed / 4 % 2, (enum ledger_step)(seed % LEDGER_STEPS),
				700);
		world_run(w, 20000);
		assert_world(w);
		assert_int_equal(bodies_at(w, 2, &feed), SAID);
		world_free(w);
	}
}

static void what_is_erased_meanwhile_stays_away(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_withheld(seed);
		struct log_name feed = world_feed(w, 0, CLEAR);

		world_run(w, 5000);
		for (uint64_t i = 0; i < SAID; i += 6)
			world_erase(w, 0, CLEAR, i);
		if (seed % 2)
			world_run(w, seed * 50);
		world_cut(w, 2, 3, false);
		world_run(w, 20000);
		assert_world(w);
		for (uint64_t i = 0; i < SAID; i++)
			if (watch_has_body(&w->nodes[2], &feed, i) != (i % 6 != 0))
				fail_msg("seed %llu: entry %llu", (unsigned long long)seed,
					(unsigned long long)i);
		world_free(w);
	}
}

/* The same, but 2 introduces nobody to 3, whose agreement with 0 goes, and with it the card. */
static struct world *world_unvouched(uint64_t seed)
{
	struct cast_terms terms = terms_open(2, 3);
	struct world *w = world_new(seed);

	world_nodes(w, 4);
	agree_open(w, 0, 1);
	agree_open(w, 1, 2);
	agree_open(w, 0, 3);
	terms.introduces = cast_bit(3);
	world_agree(w, &terms);
	w->nodes[1].hand = withholds_bodies;
	world_cut(w, 2, 3, true);
	world_publish(w, 0, CLEAR, SAID, 300);
	world_run(w, 5000);
	world_remove(w, 0, terms_open(0, 3).id);
	world_remove(w, 3, terms_open(0, 3).id);
	world_kill(w, 3, 500);
	world_cut(w, 2, 3, false);
	return w;
}

/* Until the card is here again. */
static void who_cannot_vouch_for_the_origin_gives_nothing_of_it(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_unvouched(seed);
		struct log_name feed = world_feed(w, 0, CLEAR);

		world_run(w, 20000);
		assert_int_equal(bodies_at(w, 3, &feed), SAID);
		assert_int_equal(bodies_at(w, 2, &feed), SAID - SAID / 3);
		assert_int_equal(watch_whole(w, true), 0);
		agree_open(w, 0, 3);
		world_run(w, 20000);
		assert_world(w);
		assert_int_equal(bodies_at(w, 2, &feed), SAID);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_whoever_says_that_it_has_them),
		cmocka_unit_test(asks_for_what_an_earlier_run_lacked),
		cmocka_unit_test(asks_for_what_it_lacks_under_a_checkpoint_from_elsewhere),
		cmocka_unit_test(asks_whom_it_has_given_the_entries),
		cmocka_unit_test(asks_whom_it_has_subscribed_at_for_all),
		cmocka_unit_test(a_body_that_does_not_fit_costs_the_session),
		cmocka_unit_test(who_has_another_history_is_not_blamed_for_its_bodies),
		cmocka_unit_test(who_said_the_same_as_another_is_blamed_no_less),
		cmocka_unit_test(
			what_others_have_is_asked_for_though_the_first_lies_below_their_floors),
		cmocka_unit_test(the_first_that_nobody_has_do_not_keep_back_the_others),
		cmocka_unit_test(an_answer_that_takes_long_is_of_use_all_the_same),
		cmocka_unit_test(what_was_not_asked_for_is_dropped),
		cmocka_unit_test(what_is_missing_and_was_not_asked_for_is_dropped),
		cmocka_unit_test(who_has_none_is_left_alone_and_another_is_asked),
		cmocka_unit_test(nobody_is_asked_who_may_not_give_it),
		cmocka_unit_test(gives_what_is_here_once_its_act_is_durable),
		cmocka_unit_test(gives_no_more_at_once_than_a_run_has),
		cmocka_unit_test(the_act_of_a_subscription_is_not_taken_for_it),
		cmocka_unit_test(what_may_not_be_told_of_is_met_with_silence),
		cmocka_unit_test(what_ends_before_the_act_is_durable_is_not_given),
		cmocka_unit_test(asking_without_end_is_misbehaviour),
		cmocka_unit_test(an_honest_holder_makes_it_whole),
		cmocka_unit_test(what_is_erased_meanwhile_stays_away),
		cmocka_unit_test(who_cannot_vouch_for_the_origin_gives_nothing_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
