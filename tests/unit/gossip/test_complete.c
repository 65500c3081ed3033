/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What was taken under a checkpoint whose rest never comes is told to nobody, as nothing signed
 * covers it. But what others hold of it meanwhile is signed: so far it can be told.
 */
#include "unit/gossip/probe.h"

#define SIGNED 9u
#define HELD   6u
#define OTHERS 5u

/* PEER gave HELD entries of its feed under a checkpoint of SIGNED, and is gone. */
static struct sim_log *left_between(struct probe *p, struct checkpoint *others)
{
	struct cast_terms terms = probe_terms(THIRD);
	struct sim_log *log;

	probe_greeted(p);
	probe_agree(p, &terms);
	probe_open(p, 2, THIRD);
	probe_hear_hello(p, 2, SESSION_CREDIT_BYTES);
	log = probe_published(p, PEER, CLEAR, SIGNED, 20);
	sim_log_sign(log, OTHERS, &cast_actor(PEER)->identity, others);
	probe_hear_head(p, 1, &log->complete);
	probe_hear_run(p, 1, log, 0, HELD);
	probe_store(p);
	gossip_closed(p->g, probe_time(p), 1, "gone");
	probe_actions(p);
	probe_forget(p);
	return log;
}

static const struct gossip_action *completing(const struct probe *p)
{
	for (size_t i = 0; i < p->kept_len; i++)
		if (p->kept[i].type == GOSSIP_COMPLETE)
			return &p->kept[i];
	return NULL;
}

static void completed(struct probe *p, const struct checkpoint *c, bool durable)
{
	gossip_completed(p->g, probe_time(p), c, durable);
	probe_actions(p);
}

/* So much of the feed has been told to session 2; 0: nothing. */
static uint64_t told(const struct probe *p)
{
	const struct wire_message *m = probe_last(p, WIRE_HEADS);

	return m && m->heads.heads_len > 0 ? m->heads.heads[0].held : 0;
}

static void what_another_holds_signed_is_told_once_it_is_kept(void **state)
{
	struct checkpoint others;
	struct probe p;

	(void)state;
	left_between(&p, &others);
	probe_hear_head(&p, 2, &others);
	assert_null(completing(&p)); /* more may be on its way */
	probe_tick(&p, 2000);
	assert_non_null(completing(&p));
	assert_true(completing(&p)->checkpoint.size == OTHERS);
	assert_int_equal(told(&p), 0);
	p.kept_len = 0;
	completed(&p, &others, false);
	assert_int_equal(told(&p), 0);
	probe_tick(&p, 3000); /* the store is tried again */
	assert_non_null(completing(&p));
	completed(&p, &others, true);
	assert_int_equal(told(&p), OTHERS);
	p.kept_len = 0;
	probe_tick(&p, 3000);
	assert_null(completing(&p));
	assert_null(p.alarm);
	probe_free(&p);
}

/* A reduced head has no signature: it is asked for. */
static void the_signature_that_lacks_is_asked_for(void **state)
{
	struct wire_message held = {.type = WIRE_HELD}, proof = {.type = WIRE_PROOF};
	const struct wire_message *want;
	struct checkpoint others;
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = left_between(&p, &others);
	held.held = (struct wire_held){.feed = log->name, .size = OTHERS};
	memcpy(held.held.root, others.root.bytes, sizeof(held.held.root));
	probe_hear(&p, 2, &held);
	probe_tick(&p, 2000);
	assert_null(completing(&p));
	want = probe_last(&p, WIRE_PROOF_WANT);
	assert_non_null(want);
	assert_true(want->proof_want.first == OTHERS && want->proof_want.second == OTHERS);
	proof.proof.feed = log->name;
	proof.proof.first = proof.proof.second = OTHERS;
	checkpoint_to_wire(&proof.proof.checkpoint, &others);
	probe_hear(&p, 2, &proof);
	probe_tick(&p, 500);
	assert_non_null(completing(&p));
	completed(&p, &others, true);
	assert_int_equal(told(&p), OTHERS);
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), 1);
	probe_free(&p);
}

/* Who has said it before, and does not hold so much itself, is not waited for. */
static void whoever_holds_it_is_asked_for_the_signature(void **state)
{
	struct cast_terms terms = probe_terms(3);
	struct wire_message held = {.type = WIRE_HELD}, proof = {.type = WIRE_PROOF};
	struct wire_head head = {.held = 2};
	struct wire_message heads = {.type = WIRE_HEADS, .heads = {&head, 1}};
	struct checkpoint others, small;
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = left_between(&p, &others);
	probe_agree(&p, &terms);
	probe_open(&p, 3, 3);
	probe_hear_hello(&p, 3, SESSION_CREDIT_BYTES);
	sim_log_sign(log, 2, &cast_actor(PEER)->identity, &small);
	head.feed = held.held.feed = log->name;
	checkpoint_to_wire(&head.newest, &others);
	held.held.size = 2;
	memcpy(held.held.root, small.root.bytes, sizeof(held.held.root));
	probe_hear(&p, 2, &heads);
	probe_hear(&p, 2, &held);
	probe_tick(&p, 2000);
	proof.proof.feed = log->name;
	proof.proof.first = proof.proof.second = 2;
	checkpoint_to_wire(&proof.proof.checkpoint, &small);
	probe_hear(&p, 2, &proof);
	probe_tick(&p, 500);
	assert_non_null(completing(&p));
	completed(&p, &small, true);
	probe_forget(&p);
	held.held.size = OTHERS;
	memcpy(held.held.root, others.root.bytes, sizeof(held.held.root));
	probe_hear(&p, 3, &held);
	probe_tick(&p, 2000);
	probe_tick(&p, 2000);
	assert_non_null(probe_last(&p, WIRE_PROOF_WANT));
	assert_int_equal(probe_last(&p, WIRE_PROOF_WANT)->proof_want.second, OTHERS);
	probe_free(&p);
}

/* Nobody else need show it: a run under the next one has led past it. */
static void what_a_run_has_led_past_is_told_too(void **state)
{
	struct cast_terms terms = probe_terms(THIRD);
	struct checkpoint passed;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 2, THIRD);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	log = probe_published(&p, PEER, CLEAR, OTHERS, 20);
	passed = log->complete;
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 3);
	probe_store(&p);
	assert_null(completing(&p));
	probe_published(&p, PEER, CLEAR, SIGNED - OTHERS, 20);
	probe_hear_run(&p, 1, log, 3, HELD);
	probe_store(&p);
	assert_non_null(completing(&p));
	assert_true(completing(&p)->checkpoint.size == OTHERS);
	completed(&p, &passed, true);
	assert_int_equal(told(&p), OTHERS);
	probe_free(&p);
}

static void what_does_not_lie_in_the_own_tree_completes_nothing(void **state)
{
	struct sim_store store = {0};
	struct checkpoint others;
	struct sim_log *log, *fork;
	struct env_rng rng;
	struct probe p;

	(void)state;
	log = left_between(&p, &others);
	rng = sim_random_env(&p.random);
	fork = sim_store_need(&store, &log->name);
	sim_log_append(fork, sim_log_entries(log, 0, OTHERS - 1), OTHERS - 1);
	sim_log_publish(fork, &cast_actor(PEER)->identity, 1, 20, &rng);
	probe_hear_head(&p, 2, &fork->complete);
	probe_tick(&p, 5000);
	assert_null(completing(&p));
	/* More than is held is another matter. */
	sim_log_sign(log, HELD + 1, &cast_actor(PEER)->identity, &others);
	probe_hear_head(&p, 2, &others);
	probe_tick(&p, 5000);
	assert_null(completing(&p));
	sim_store_free(&store);
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_another_holds_signed_is_told_once_it_is_kept),
		cmocka_unit_test(what_a_run_has_led_past_is_told_too),
		cmocka_unit_test(the_signature_that_lacks_is_asked_for),
		cmocka_unit_test(whoever_holds_it_is_asked_for_the_signature),
		cmocka_unit_test(what_does_not_lie_in_the_own_tree_completes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
