/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What neighbours say and the own tree does not bear out: looked into until it is proof against the
 * origin, blame for the neighbour, or nothing.
 */
#include "unit/gossip/forks.h"

/* Once, and no one else. */
static void assert_asked(const struct probe *p, uint32_t session)
{
	assert_int_equal(probe_count(p, WIRE_PROOF_WANT), 1);
	assert_int_equal(p->said_to[probe_last(p, WIRE_PROOF_WANT) - p->said], session);
}

/* --- finding out ------------------------------------------------------------------------------ */

static void equal_sizes_with_other_roots_are_proof_at_once(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct probe p;

	(void)state;
	log = holding(&p, 5);
	fork = forked(&p, &other, log, 3, 2);
	probe_hear_head(&p, 2, &fork->complete);
	assert_proven(&p, &log->name);
	assert_int_equal(told_to(&p, 1), 1);
	assert_int_equal(told_to(&p, 2), 1);
	sim_store_free(&other);
	probe_free(&p);
}

static void a_smaller_fork_is_proven_from_ones_own_tree(void **state)
{
	(void)state;
	for (uint32_t keep = 0; keep < 9; keep++)
		for (uint32_t size = keep + 1; size < 10; size++) {
			struct sim_store other = {0};
			struct sim_log *log, *fork;
			struct probe p;

			log = holding(&p, 10);
			fork = forked(&p, &other, log, keep, size - keep);
			probe_hear_head(&p, 2, &fork->complete);
			assert_proven(&p, &log->name);
			sim_store_free(&other);
			probe_free(&p);
		}
}

static void a_larger_fork_is_asked_for_and_proven(void **state)
{
	(void)state;
	for (uint32_t held = 1; held < 9; held++)
		for (uint32_t size = held + 1; size < 11; size++) {
			struct sim_store other = {0};
			struct sim_log *log, *fork;
			struct probe p;

			log = holding(&p, held);
			fork = forked(&p, &other, log, held - 1, size - held + 1);
			probe_hear_head(&p, 2, &fork->complete);
			probe_tick(&p, 3000);
			assert_non_null(probe_last(&p, WIRE_PROOF_WANT));
			assert_int_equal(probe_last(&p, WIRE_PROOF_WANT)->proof_want.first, held);
			assert_int_equal(p.splits, 0);
			hear_answer(&p, 2, fork);
			assert_proven(&p, &log->name);
			sim_store_free(&other);
			probe_free(&p);
		}
}

static void a_run_of_a_fork_is_the_origins_doing(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct probe p;

	(void)state;
	log = holding(&p, 4);
	fork = forked(&p, &other, log, 2, 5);
	/* PEER, its upstream, goes on with the other history. */
	hear_held(&p, 1, fork, 7);
	probe_hear_run(&p, 1, fork, 4, 7);
	assert_int_equal(p.jobs_len, 1);
	probe_reject(&p, ENT_EPROOF);
	assert_int_equal(p.closed, 0);
	assert_non_null(probe_last(&p, WIRE_UNSUBSCRIBE));
	hear_answer(&p, 1, fork);
	assert_proven(&p, &log->name);
	sim_store_free(&other);
	probe_free(&p);
}

/* The agreement is narrowed, or ends and the session with it, while the run is being verified: what
 * may not be asked about any more blames nobody. */
static void a_run_that_may_not_be_asked_about_blames_nobody(void **state)
{
	(void)state;
	for (unsigned ends = 0; ends < 2; ends++) {
		struct cast_terms less = probe_terms(PEER);
		struct sim_store other = {0};
		struct sim_log *fork;
		struct probe p;

		fork = forked(&p, &other, holding(&p, 4), 2, 5);
		hear_held(&p, 1, fork, 7);
		probe_hear_run(&p, 1, fork, 4, 7);
		less.serial = 2;
		less.gives[PEER] = 0;
		p.agreements[0] = cast_agreement(&less, &p.arena);
		gossip_agreements(p.g, probe_time(&p), p.agreements + ends,
			p.agreements_len - ends);
		if (!ends)
			probe_actions(&p);
		probe_reject(&p, ENT_EPROOF); /* as the session is being closed */
		assert_int_equal(p.closed, ends);
		assert_int_equal(p.penalty_ms, 0);
		assert_null(p.alarm);
		assert_null(probe_last(&p, WIRE_PROOF_WANT));
		sim_store_free(&other);
		probe_free(&p);
	}
}

/* Nor does one whose origin is frozen by then, by a card in a file. */
static void a_run_of_an_origin_with_two_cards_blames_nobody(void **state)
{
	struct card_chain cards[2];
	struct sim_store other = {0};
	struct sim_log *fork;
	struct probe p;

	(void)state;
	fork = forked(&p, &other, holding(&p, 4), 2, 5);
	hear_held(&p, 1, fork, 7);
	probe_hear_run(&p, 1, fork, 4, 7);
	for (unsigned i = 0; i < 2; i++)
		cards[i] = cast_changed_card(ORIGIN, false, 7 + i, &p.arena);
	assert_int_equal(gossip_origin(p.g, &cards[0], NULL), 0);
	assert_int_equal(gossip_origin(p.g, &cards[1], NULL), ENT_EPROOF);
	probe_actions(&p);
	probe_reject(&p, ENT_EPROOF);
	assert_string_equal(p.alarm, "card-contradiction");
	assert_int_equal(p.closed, 0);
	sim_store_free(&other);
	probe_free(&p);
}

static void hear_terms(struct probe *p, uint32_t session, size_t from)
{
	struct wire_agreement list[8];
	struct wire_message m = {.type = WIRE_TERMS, .terms = {list, 0}};

	for (size_t i = from; i < p->agreements_len; i++) {
		struct wire_agreement *a = &list[m.terms.agreements_len++];

		*a = (struct wire_agreement){
			.id = p->agreements[i]->id, .serial = p->agreements[i]->serial};
		memcpy(a->hash, p->agreements[i]->hash, sizeof(a->hash));
	}
	probe_hear(p, session, &m);
}

/* PEER puts the agreement aside as the question comes, says nothing, and places it again. */
static void a_question_that_may_have_met_no_terms_blames_nobody(void **state)
{
	struct cast_terms rest = probe_terms(PEER);
	struct sim_store other = {0};
	struct sim_log *fork;
	struct probe p;

	(void)state;
	fork = forked(&p, &other, holding(&p, 4), 2, 5);
	rest.id++; /* by which the session lives on */
	rest.gives[SELF] = rest.gives[PEER] = TLP_BIT(TLP_AMBER);
	probe_agree(&p, &rest);
	hear_terms(&p, 1, 0);
	hear_held(&p, 1, fork, 7);
	probe_hear_run(&p, 1, fork, 4, 7);
	probe_reject(&p, ENT_EPROOF);
	assert_non_null(probe_last(&p, WIRE_PROOF_WANT));
	hear_terms(&p, 1, 1);
	probe_tick(&p, 2000);
	hear_terms(&p, 1, 0);
	probe_tick(&p, 65000);
	assert_int_equal(p.closed, 0);
	/* What it says from then on is looked into as ever. */
	probe_forget(&p);
	probe_hear_head(&p, 1, &fork->complete);
	probe_tick(&p, 3000);
	hear_answer(&p, 1, fork);
	assert_int_equal(p.splits, 1);
	sim_store_free(&other);
	probe_free(&p);
}

/* The other side of it: the terms that it was given a run under are narrowed here alone. */
static void who_may_not_account_for_what_it_gave_ends_the_session(void **state)
{
	struct cast_terms less = probe_terms(PEER);
	struct sim_log *log;
	struct probe p;

	(void)state;
	for (unsigned given = 0; given < 2; given++) {
		probe_greeted(&p);
		log = probe_published(&p, SELF, CLEAR, 8, 10);
		if (given) {
			probe_hear_subscribe(&p, 1, &log->name, 4);
			gossip_entered(p.g, probe_time(&p), 1, &log->name);
			probe_actions(&p);
			assert_int_equal(probe_count(&p, WIRE_DATA), 1);
		}
		less.serial = 2;
		less.gives[SELF] = 0;
		p.agreements[0] = cast_agreement(&less, &p.arena);
		gossip_agreements(p.g, probe_time(&p), p.agreements, p.agreements_len);
		probe_actions(&p);
		probe_forget(&p);
		probe_hear_proof_want(&p, 1, &log->name, 4, 8);
		assert_null(probe_last(&p, WIRE_PROOF));
		assert_int_equal(p.closed, given);
		assert_int_equal(p.penalty_ms, 0);
		assert_null(p.alarm);
		probe_free(&p);
	}
}

/* Whole up to `complete`, and two entries more of the eight that PEER had when it went. */
static struct sim_log *part_held(struct probe *p, uint32_t complete)
{
	struct sim_log *log;

	if (complete) {
		holding(p, complete);
	} else {
		probe_greeted(p);
		probe_hear_cards(p, 1, &cast_actor(ORIGIN)->chain);
		fourth_comes(p);
	}
	log = probe_published(p, ORIGIN, CLEAR, 8 - complete, 10);
	probe_hear_head(p, 1, &log->complete);
	probe_hear_run(p, 1, log, complete, complete + 2);
	probe_store(p);
	gossip_closed(p->g, probe_time(p), 1, "gone");
	probe_actions(p);
	return log;
}

/* The run cannot be judged by what is whole here; were the subscription opened again at once, the
 * same would come, and the neighbour take it for a flood. */
static void a_run_that_does_not_fit_is_not_asked_for_again(void **state)
{
	(void)state;
	for (uint32_t complete = 0; complete < 3; complete++) {
		struct sim_store other = {0};
		struct sim_log *log, *fork;
		struct env_rng rng;
		struct probe p;

		log = part_held(&p, complete);
		rng = sim_random_env(&p.random);
		fork = forked(&p, &other, log, complete, 6 - complete);
		probe_hear_head(&p, 2, &fork->complete);
		assert_non_null(probe_last(&p, WIRE_SUBSCRIBE));
		probe_forget(&p);
		probe_hear_run(&p, 2, fork, complete + 2, 6);
		probe_reject(&p, ENT_EPROOF);
		if (complete)
			hear_answer(&p, 2, fork);
		for (int i = 0; i < 4; i++)
			probe_tick(&p, 31000);
		assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 1);
		assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 0);
		assert_int_equal(p.closed, 0);
		/* With more than what is here stands under it can show who is right. */
		sim_log_publish(fork, &cast_actor(ORIGIN)->identity, 3, 10, &rng);
		probe_hear_head(&p, 2, &fork->complete);
		assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 1);
		probe_hear_run(&p, 2, fork, complete + 2, 9);
		probe_reject(&p, ENT_EPROOF);
		hear_answer(&p, 2, fork);
		assert_proven(&p, &log->name);
		sim_store_free(&other);
		probe_free(&p);
	}
}

/* The verdict on a run comes before the word that the one before it is on the disk, and that one is
 * of the other history. */
static void a_run_behind_one_on_its_way_to_the_disk_blames_nobody(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct ingest_job *first;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_hear_cards(&p, 1, &cast_actor(ORIGIN)->chain);
	fourth_comes(&p);
	log = probe_published(&p, ORIGIN, CLEAR, 4, 10);
	fork = forked(&p, &other, log, 2, 4);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 4);
	probe_hear_head(&p, 2, &fork->complete);
	gossip_closed(p.g, probe_time(&p), 1, "gone");
	probe_actions(&p);
	assert_int_equal(probe_last(&p, WIRE_SUBSCRIBE)->subscribe.from, 4);
	probe_hear_run(&p, 2, fork, 4, 6);
	assert_int_equal(p.jobs_len, 2);
	first = p.jobs[0];
	p.jobs[0] = p.jobs[1];
	p.jobs[1] = first;
	probe_reject(&p, ENT_EPROOF);
	assert_null(p.alarm);
	assert_int_equal(p.closed, 0);
	probe_store(&p);
	probe_tick(&p, 3000);
	hear_answer(&p, 2, fork);
	assert_proven(&p, &log->name);
	sim_store_free(&other);
	probe_free(&p);
}

/* What was shown of a feed of a former incarnation is not what its entries here stand under. */
static void a_run_of_an_own_former_feed_blames_nobody(void **state)
{
	const struct log_name name = probe_name(SELF, CLEAR);
	const struct identity *keys = &cast_actor(SELF)->identity;
	struct cast_terms terms = probe_terms(PEER);
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct arena arena = {0};
	struct card_chain later = cast_changed_card(SELF, true, 7, &arena);
	struct env_rng rng;
	struct probe p;

	(void)state;
	probe_init_of(&p, &later);
	rng = sim_random_env(&p.random);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	log = sim_store_need(&p.store, &name);
	sim_log_publish(log, keys, 1, 10, &rng);
	fork = sim_store_need(&other, &name);
	sim_log_publish(fork, keys, 2, 10, &rng);
	assert_int_equal(gossip_feed(p.g, &name, 1, 0, &log->complete, &fork->complete, false), 0);
	probe_hear_head(&p, 1, &fork->complete);
	probe_hear_run(&p, 1, fork, 1, 2);
	assert_int_equal(p.jobs_len, 1);
	probe_reject(&p, ENT_EPROOF);
	assert_null(p.alarm);
	assert_int_equal(p.closed, 0);
	hear_answer(&p, 1, fork);
	assert_string_equal(p.alarm, "split-view");
	assert_int_equal(p.closed, 0);
	sim_store_free(&other);
	probe_free(&p);
	arena_free(&arena);
}

static void a_reduced_head_is_enough_to_find_out(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct probe p;

	(void)state;
	log = holding(&p, 6);
	fork = forked(&p, &other, log, 1, 3);
	hear_held(&p, 2, fork, 4);
	assert_int_equal(probe_last(&p, WIRE_PROOF_WANT)->proof_want.second, 4);
	hear_answer(&p, 2, fork);
	assert_proven(&p, &log->name);
	sim_store_free(&other);
	probe_free(&p);
}

static const struct wire_message *held_to(const struct probe *p, uint32_t session)
{
	for (size_t i = 0; i < p->said_len; i++)
		if (p->said[i].type == WIRE_HELD && p->said_to[i] == session)
			return &p->said[i];
	return NULL;
}

/* It stands in another history, beyond all that is here: nothing comes of its subscription. */
static void who_is_subscribed_beyond_what_is_held_hears_of_it(void **state)
{
	const struct wire_message *m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = holding(&p, 3);
	probe_hear_subscribe(&p, 2, &log->name, 8);
	gossip_entered(p.g, probe_time(&p), 2, &log->name);
	probe_actions(&p);
	probe_published(&p, ORIGIN, CLEAR, 2, 10);
	probe_hear_run(&p, 1, log, 3, 5);
	probe_store(&p);
	m = held_to(&p, 2);
	assert_non_null(m);
	assert_true(m->held.size == 5);
	assert_memory_equal(m->held.root, log->complete.root.bytes, sizeof(m->held.root));
	/* Up to there it has what comes: the rest is pushed, and not told. */
	probe_tick(&p, 2000);
	probe_forget(&p);
	probe_published(&p, ORIGIN, CLEAR, 5, 10);
	probe_hear_run(&p, 1, log, 5, 10);
	probe_store(&p);
	assert_null(held_to(&p, 2));
	assert_int_equal(probe_last(&p, WIRE_DATA)->data.start, 8);
	probe_free(&p);
}

static void what_lies_ahead_is_compared_when_it_is_reached(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct probe p;

	(void)state;
	log = holding(&p, 3);
	fork = forked(&p, &other, log, 3, 2);
	probe_hear_head(&p, 2, &fork->complete);
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), 0);
	probe_published(&p, ORIGIN, CLEAR, 4, 10);
	probe_hear_run(&p, 1, log, 3, 7);
	probe_store(&p);
	assert_proven(&p, &log->name);
	sim_store_free(&other);
	probe_free(&p);
}

/* While one thing is waited for, another is said. */
static void nothing_that_is_said_meanwhile_is_forgotten(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct probe p;

	(void)state;
	log = holding(&p, 3);
	probe_published(&p, ORIGIN, CLEAR, 7, 10);
	fork = forked(&p, &other, log, 5, 2);
	hear_held(&p, 2, log, 5);
	hear_held(&p, 2, fork, 7);
	probe_hear_run(&p, 1, log, 3, 10);
	probe_store(&p);
	assert_int_equal(probe_last(&p, WIRE_PROOF_WANT)->proof_want.second, 7);
	hear_answer(&p, 2, fork);
	assert_proven(&p, &log->name);
	sim_store_free(&other);
	probe_free(&p);
}

/* Of two that say the same one is asked, and is gone before it answers. */
static void who_has_said_the_same_is_asked_instead(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct probe p;

	(void)state;
	log = holding(&p, 3);
	another_comes(&p, 3, FIFTH, TLP_BIT(TLP_CLEAR));
	fork = forked(&p, &other, log, 2, 3);
	hear_held(&p, 2, fork, 5);
	hear_held(&p, 3, fork, 5);
	probe_tick(&p, 3000);
	assert_asked(&p, 2);
	gossip_closed(p.g, probe_time(&p), 2, "gone");
	probe_actions(&p);
	probe_forget(&p);
	probe_tick(&p, 3000);
	assert_asked(&p, 3);
	hear_answer(&p, 3, fork);
	assert_proven(&p, &log->name);
	sim_store_free(&other);
	probe_free(&p);
}

/* One has but seen the checkpoint that another holds all of: it has nothing to show. */
static void who_has_it_is_asked_though_another_has_seen_it(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct wire_head head;
	struct wire_message m = {.type = WIRE_HEADS, .heads = {&head, 1}};
	struct probe p;

	(void)state;
	log = holding(&p, 3);
	another_comes(&p, 3, FIFTH, TLP_BIT(TLP_CLEAR));
	fork = forked(&p, &other, log, 2, 3);
	head = (struct wire_head){.feed = log->name, .held = 3};
	checkpoint_to_wire(&head.newest, &fork->complete);
	probe_hear(&p, 2, &m);
	hear_held(&p, 3, fork, 5);
	probe_tick(&p, 3000);
	assert_asked(&p, 3);
	hear_answer(&p, 3, fork);
	assert_proven(&p, &log->name);
	sim_store_free(&other);
	probe_free(&p);
}

/* The same of a root within what is held, of which the one that was asked has nothing to show. */
static void who_has_said_the_same_is_asked_after_silence(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct probe p;

	(void)state;
	log = holding(&p, 6);
	another_comes(&p, 3, FIFTH, TLP_BIT(TLP_CLEAR));
	fork = forked(&p, &other, log, 1, 3);
	hear_held(&p, 2, fork, 4);
	hear_held(&p, 3, fork, 4);
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), 1);
	probe_forget(&p);
	probe_tick(&p, 11000);
	assert_string_equal(p.alarm, "root-differs");
	assert_int_equal(p.said_to[probe_last(&p, WIRE_PROOF_WANT) - p.said], 3);
	hear_answer(&p, 3, fork);
	assert_proven(&p, &log->name);
	sim_store_free(&other);
	probe_free(&p);
}

static void an_answer_that_has_moved_on_is_good_too(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct env_rng rng;
	struct probe p;

	(void)state;
	log = holding(&p, 6);
	fork = forked(&p, &other, log, 1, 3);
	hear_held(&p, 2, fork, 4);
	rng = sim_random_env(&p.random);
	sim_log_publish(fork, &cast_actor(ORIGIN)->identity, 9, 10, &rng);
	hear_answer(&p, 2, fork);
	/* Larger than ours by now: asked once more. */
	assert_int_equal(p.splits, 0);
	assert_int_equal(probe_last(&p, WIRE_PROOF_WANT)->proof_want.first, 6);
	hear_answer(&p, 2, fork);
	assert_proven(&p, &log->name);
	sim_store_free(&other);
	probe_free(&p);
}

/* A feed may wait until tomorrow, and what lies ahead of it has been shown to go on from here. */
static void what_has_been_answered_is_not_asked_again(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = holding(&p, 4);
	probe_published(&p, ORIGIN, CLEAR, 3, 10);
	probe_hear_head(&p, 2, &log->complete);
	probe_tick(&p, 3000);
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), 1);
	hear_answer(&p, 2, log);
	for (int i = 0; i < 4; i++)
		probe_tick(&p, 31000);
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), 1);
	/* More lies ahead. */
	probe_published(&p, ORIGIN, CLEAR, 2, 10);
	probe_hear_head(&p, 2, &log->complete);
	hear_held(&p, 2, log, 9);
	for (int i = 0; i < 4; i++)
		probe_tick(&p, 31000);
	assert_int_equal(p.splits, 0);
	probe_free(&p);
}

static const struct gossip_action *completed(const struct probe *p)
{
	for (size_t i = 0; i < p->kept_len; i++)
		if (p->kept[i].type == GOSSIP_COMPLETE)
			return &p->kept[i];
	return NULL;
}

/* What it claims lay ahead when that was answered. Then a run led past it, under a checkpoint whose
 * rest never comes: now its signature is all that lacks. */
static void what_a_run_has_led_past_is_asked_for_again(void **state)
{
	struct sim_log *log, small;
	struct probe p;

	(void)state;
	log = holding(&p, 2);
	probe_published(&p, ORIGIN, CLEAR, 7, 10);
	small = *log;
	sim_log_sign(log, 5, &cast_actor(ORIGIN)->identity, &small.complete);
	hear_held(&p, 2, log, 4);
	probe_tick(&p, 2000);
	hear_answer(&p, 2, &small);
	probe_hear_run(&p, 2, log, 2, 6);
	assert_int_equal(p.jobs_len, 1);
	probe_store(&p);
	probe_forget(&p);
	probe_tick(&p, 31000);
	assert_non_null(probe_last(&p, WIRE_PROOF_WANT));
	assert_int_equal(probe_last(&p, WIRE_PROOF_WANT)->proof_want.first, 4);
	hear_answer(&p, 2, &small);
	probe_tick(&p, 2000);
	assert_non_null(completed(&p));
	assert_int_equal(completed(&p)->checkpoint.size, 5);
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), 1);
	assert_int_equal(p.closed, 0);
	probe_free(&p);
}

/* The same where the one that is asked has gone on by then, and shows what it has now: another has
 * said the same, and stands there still. */
static void who_has_said_the_same_is_asked_when_the_first_has_moved_on(void **state)
{
	struct sim_log *log, small;
	struct probe p;

	(void)state;
	log = part_held(&p, 0);
	another_comes(&p, 3, FIFTH, TLP_BIT(TLP_CLEAR));
	small = *log;
	sim_log_sign(log, 2, &cast_actor(ORIGIN)->identity, &small.complete);
	hear_held(&p, 2, log, 2);
	hear_held(&p, 3, log, 2);
	probe_tick(&p, 2000);
	assert_asked(&p, 2);
	hear_answer(&p, 2, log);
	probe_tick(&p, 2000);
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), 2);
	assert_int_equal(p.said_to[probe_last(&p, WIRE_PROOF_WANT) - p.said], 3);
	hear_answer(&p, 3, &small);
	probe_tick(&p, 2000);
	assert_non_null(completed(&p));
	assert_int_equal(completed(&p)->checkpoint.size, 2);
	assert_int_equal(p.closed, 0);
	probe_free(&p);
}

/* --- blame ------------------------------------------------------------------------------------ */

/* PEER sends a run that does not lead to the signed root, and is asked. */
static struct sim_log *lying_run(struct probe *p)
{
	struct sim_log *log = holding(p, 4);

	probe_published(p, ORIGIN, CLEAR, 3, 10);
	hear_held(p, 1, log, 7);
	probe_hear_run(p, 1, log, 4, 7);
	probe_reject(p, ENT_EPROOF);
	assert_int_equal(p->closed, 0);
	assert_non_null(probe_last(p, WIRE_PROOF_WANT));
	return log;
}

static void a_run_that_no_fork_explains_is_the_neighbours_lie(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = lying_run(&p);
	hear_answer(&p, 1, log); /* its tree is ours */
	assert_blamed(&p, 1, PEER);
	assert_int_equal(p.splits, 0);
	probe_free(&p);

	lying_run(&p); /* or it says nothing */
	probe_tick(&p, 59000);
	assert_int_equal(p.closed, 0);
	probe_tick(&p, 2000);
	assert_blamed(&p, 1, PEER);
	assert_string_equal(p.alarm, "peer-silent");
	probe_free(&p);
}

/* An answer may be behind much else. Until it is there the feed is not taken from there, whatever
 * it says that it has, and the other who says the same is asked. */
static void a_slow_answer_for_a_run_blames_nobody(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct env_rng rng;
	struct probe p;

	(void)state;
	for (unsigned slow = 0; slow < 2; slow++) {
		log = holding(&p, 4);
		rng = sim_random_env(&p.random);
		fork = forked(&p, &other, log, 2, 5);
		another_comes(&p, 3, FIFTH, TLP_BIT(TLP_CLEAR));
		probe_hear_head(&p, 1, &fork->complete);
		probe_hear_run(&p, 1, fork, 4, 7);
		probe_reject(&p, ENT_EPROOF);
		hear_held(&p, 3, fork, 7);
		probe_forget(&p);
		probe_tick(&p, 9000);
		assert_null(probe_last(&p, WIRE_PROOF_WANT));
		probe_tick(&p, 2000);
		probe_tick(&p, 2000);
		assert_asked(&p, 3);
		probe_tick(&p, 31000);
		hear_answer(&p, slow ? 1 : 3, fork);
		assert_proven(&p, &log->name);
		assert_int_equal(p.closed, 0);
		probe_tick(&p, 31000);
		assert_int_equal(p.closed, 0);
		sim_store_free(&other);
		probe_free(&p);
	}
	log = lying_run(&p);
	rng = sim_random_env(&p.random);
	probe_forget(&p);
	probe_tick(&p, 31000);
	sim_log_publish(log, &cast_actor(ORIGIN)->identity, 3, 10, &rng);
	hear_held(&p, 1, log, 10);
	assert_null(probe_last(&p, WIRE_SUBSCRIBE));
	probe_free(&p);
}

static void an_answer_that_proves_nothing_is_blamed(void **state)
{
	struct wire_message m = {.type = WIRE_PROOF};
	static const uint8_t rubbish[3][32];
	struct sim_log *log;
	struct checkpoint own;
	struct probe p;

	(void)state;
	log = lying_run(&p);
	m.proof.feed = log->name;
	m.proof.first = 4;
	m.proof.second = 7;
	m.proof.hashes = rubbish;
	m.proof.hashes_len = 3;
	checkpoint_to_wire(&m.proof.checkpoint, &log->complete);
	probe_hear(&p, 1, &m);
	assert_blamed(&p, 1, PEER);
	assert_int_equal(p.splits, 0);
	probe_free(&p);

	/* Signed by itself. */
	log = lying_run(&p);
	sim_log_sign(log, 7, &cast_actor(PEER)->identity, &own);
	checkpoint_to_wire(&m.proof.checkpoint, &own);
	probe_hear(&p, 1, &m);
	assert_blamed(&p, 1, PEER);
	assert_int_equal(p.splits, 0);
	probe_free(&p);
}

static void a_root_that_is_not_accounted_for_is_told_to_the_operator(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = holding(&p, 6);
	probe_hear_held(&p, 2, &log->name, 4); /* a root of zeros */
	assert_non_null(probe_last(&p, WIRE_PROOF_WANT));
	hear_answer(&p, 2, log);
	assert_string_equal(p.alarm, "root-differs");
	assert_int_equal(p.closed, 0);
	assert_int_equal(p.splits, 0);
	probe_free(&p);
}

static void answers_that_nobody_asked_for_are_passed_over(void **state)
{
	struct sim_store other = {0};
	struct wire_message m = {.type = WIRE_PROOF};
	struct sim_log *log, *fork;
	struct probe p;

	(void)state;
	log = holding(&p, 5);
	fork = forked(&p, &other, log, 3, 4);
	m.proof.feed = log->name;
	m.proof.first = 5;
	m.proof.second = 7;
	checkpoint_to_wire(&m.proof.checkpoint, &fork->complete);
	probe_hear(&p, 2, &m);
	assert_silence(&p);
	sim_store_free(&other);
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_sizes_with_other_roots_are_proof_at_once),
		cmocka_unit_test(a_smaller_fork_is_proven_from_ones_own_tree),
		cmocka_unit_test(a_larger_fork_is_asked_for_and_proven),
		cmocka_unit_test(a_run_of_a_fork_is_the_origins_doing),
		cmocka_unit_test(a_run_that_may_not_be_asked_about_blames_nobody),
		cmocka_unit_test(a_run_of_an_origin_with_two_cards_blames_nobody),
		cmocka_unit_test(a_question_that_may_have_met_no_terms_blames_nobody),
		cmocka_unit_test(who_may_not_account_for_what_it_gave_ends_the_session),
		cmocka_unit_test(a_run_that_does_not_fit_is_not_asked_for_again),
		cmocka_unit_test(a_run_behind_one_on_its_way_to_the_disk_blames_nobody),
		cmocka_unit_test(a_run_of_an_own_former_feed_blames_nobody),
		cmocka_unit_test(a_reduced_head_is_enough_to_find_out),
		cmocka_unit_test(who_is_subscribed_beyond_what_is_held_hears_of_it),
		cmocka_unit_test(what_lies_ahead_is_compared_when_it_is_reached),
		cmocka_unit_test(nothing_that_is_said_meanwhile_is_forgotten),
		cmocka_unit_test(who_has_said_the_same_is_asked_instead),
		cmocka_unit_test(who_has_it_is_asked_though_another_has_seen_it),
		cmocka_unit_test(who_has_said_the_same_is_asked_after_silence),
		cmocka_unit_test(an_answer_that_has_moved_on_is_good_too),
		cmocka_unit_test(what_has_been_answered_is_not_asked_again),
		cmocka_unit_test(what_a_run_has_led_past_is_asked_for_again),
		cmocka_unit_test(who_has_said_the_same_is_asked_when_the_first_has_moved_on),
		cmocka_unit_test(a_run_that_no_fork_explains_is_the_neighbours_lie),
		cmocka_unit_test(a_slow_answer_for_a_run_blames_nobody),
		cmocka_unit_test(an_answer_that_proves_nothing_is_blamed),
		cmocka_unit_test(a_root_that_is_not_accounted_for_is_told_to_the_operator),
		cmocka_unit_test(answers_that_nobody_asked_for_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
