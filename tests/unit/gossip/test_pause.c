/* SPDX-License-Identifier: EUPL-1.2 */
/* The stop button: nothing goes or is taken until it is resumed, and then all of it is. */
#include "unit/gossip/probe.h"
#include "unit/gossip/shapes.h"

static void probe_pause(struct probe *p, bool out, bool in, const struct node_id *peer)
{
	struct gossip_pause pause = {
		.out = out, .in = in, .peers = peer, .peers_len = peer ? 1 : 0};

	assert_int_equal(gossip_pause(p->g, probe_time(p), &pause), 0);
	probe_actions(p);
}

static void assert_no_heads(const struct probe *p)
{
	for (size_t i = 0; i < p->said_len; i++)
		if (p->said[i].type == WIRE_HEADS)
			assert_int_equal(p->said[i].heads.heads_len, 0);
}

/* PEER is subscribed to a feed of SELF, and has all of it. */
static struct log_name subscribed(struct probe *p)
{
	struct log_name name = probe_name(SELF, CLEAR);

	probe_greeted(p);
	probe_published(p, SELF, CLEAR, 5, 100);
	probe_hear_subscribe(p, 1, &name, 0);
	gossip_entered(p->g, probe_time(p), 1, &name);
	probe_actions(p);
	assert_int_equal(probe_count(p, WIRE_DATA), 1);
	gossip_flushed(p->g, probe_time(p), 1, 1u << 20);
	probe_forget(p);
	return name;
}

static void paused_out_nothing_is_sent_or_told(void **state)
{
	struct log_name name;
	struct probe p;

	(void)state;
	name = subscribed(&p);
	probe_pause(&p, true, false, NULL);
	assert_int_equal(p.acts, 1);   /* the sending is closed in provenance, */
	assert_int_equal(p.closed, 0); /* and the session stays */
	probe_published(&p, SELF, CLEAR, 5, 100);
	probe_published(&p, SELF, audience_agreement(0x100 + PEER), 5, 100);
	probe_hear_subscribe(&p, 1, &name, 0);
	probe_tick(&p, 3000);
	assert_no_heads(&p);
	assert_int_equal(probe_count(&p, WIRE_HEADS), p.said_len);
	assert_int_equal(p.openings, 0);

	probe_pause(&p, false, false, NULL);
	assert_true(probe_count(&p, WIRE_HEADS) > 0);
	/* What the peer has told of feeds that it may only have from here was passed over. */
	assert_int_equal(probe_count(&p, WIRE_TERMS), 1);
	probe_hear_subscribe(&p, 1, &name, 5);
	gossip_entered(p.g, probe_time(&p), 1, &name);
	probe_actions(&p);
	assert_int_equal(probe_last(&p, WIRE_DATA)->data.start, 5);
	probe_free(&p);
}

static void what_waits_for_the_kernel_goes_with_its_session(void **state)
{
	struct probe p;

	(void)state;
	subscribed(&p);
	probe_published(&p, SELF, CLEAR, 5, 100); /* pushed, and not flushed yet */
	assert_int_equal(probe_count(&p, WIRE_DATA), 1);
	probe_pause(&p, true, false, NULL);
	assert_int_equal(p.closed, 1);
	assert_true(p.dropped);
	assert_int_equal(p.penalty_ms, 0);
	probe_forget(&p);
	/* Its successor begins paused. */
	probe_open(&p, 2, PEER);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	assert_int_equal(probe_count(&p, WIRE_DATA), 0);
	assert_no_heads(&p);
	probe_free(&p);
}

/* Nothing leaves, an answer neither; were it silent, the other would blame it. */
static void asked_about_what_it_gave_before_the_pause_it_ends_the_session(void **state)
{
	struct log_name feed;
	struct probe p;

	(void)state;
	feed = subscribed(&p);
	gossip_flushed(p.g, probe_time(&p), 1, SIZE_MAX);
	probe_pause(&p, true, false, NULL);
	assert_int_equal(p.closed, 0);
	probe_forget(&p);
	probe_hear_proof_want(&p, 1, &feed, 3, 5);
	assert_int_equal(p.closed, 1);
	assert_true(p.dropped);
	assert_int_equal(p.penalty_ms, 0);
	assert_int_equal(p.said_len, 0);
	assert_null(p.alarm);
	probe_free(&p);
}

static void paused_in_nothing_is_taken(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, 20, 100);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 5);
	probe_store(&p);
	probe_forget(&p);
	probe_pause(&p, false, true, NULL);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 1);
	probe_hear_run(&p, 1, log, 5, 10); /* was on its way */
	probe_hear_head(&p, 1, &log->complete);
	probe_tick(&p, 12000);
	assert_int_equal(p.jobs_len, 0);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 0);
	assert_int_equal(p.closed, 0);
	/* Sending goes on. */
	probe_published(&p, SELF, CLEAR, 5, 100);
	assert_true(probe_count(&p, WIRE_HEADS) > 0);
	probe_forget(&p);

	probe_pause(&p, false, false, NULL);
	assert_int_equal(probe_count(&p, WIRE_TERMS), 1); /* asks for the heads again */
	probe_hear_head(&p, 1, &log->complete);
	assert_int_equal(probe_last(&p, WIRE_SUBSCRIBE)->subscribe.from, 5);
	probe_free(&p);
}

static void paused_in_it_still_hears_that_it_is_an_old_copy(void **state)
{
	struct checkpoint c;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_published(&p, SELF, CLEAR, 5, 100);
	probe_pause(&p, false, true, NULL);
	c = (struct checkpoint){.log = probe_name(SELF, CLEAR), .size = 9};
	checkpoint_sign(&c, cast_actor(SELF)->identity.log_secret);
	probe_hear_head(&p, 1, &c);
	assert_string_equal(p.mute, "own-ahead");
	probe_free(&p);
}

static void one_peer_is_paused_and_the_others_go_on(void **state)
{
	struct world *w = world_hub(3, 4);
	struct gossip_pause pause = {.peers = &w->nodes[2].actor->node, .peers_len = 1};
	struct log_name own, theirs;

	(void)state;
	own = world_feed(w, 0, CLEAR);
	theirs = world_feed(w, 2, CLEAR);
	world_run(w, 2000);
	assert_int_equal(gossip_pause(w->nodes[0].gossip, world_time(&w->nodes[0]), &pause), 0);
	world_publish(w, 0, CLEAR, 100, 100);
	world_publish(w, 2, CLEAR, 100, 100);
	world_run(w, 5000);
	assert_world(w);
	assert_int_equal(world_held(w, 1, &own), 100);
	assert_int_equal(world_held(w, 3, &own), 100);
	assert_int_equal(world_held(w, 2, &own), 0);
	assert_int_equal(world_held(w, 0, &theirs), 0);
	pause.peers_len = 0;
	assert_int_equal(gossip_pause(w->nodes[0].gossip, world_time(&w->nodes[0]), &pause), 0);
	world_run(w, 5000);
	assert_world(w);
	assert_int_equal(world_held(w, 2, &own), 100);
	assert_int_equal(world_held(w, 1, &theirs), 100);
	watch_settled(w);
	assert_world(w);
	world_free(w);
}

/* Pausing and resuming at any moment, in any node, loses nothing and leaves nothing standing. */
static void whatever_was_paused_arrives_when_it_is_resumed(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_ring(seed, 5);
		struct sim_random random = {.state = seed * 77};

		for (int i = 0; i < 60; i++) {
			unsigned n = (unsigned)sim_random_below(&random, 5);
			struct gossip_pause pause = {.out = sim_random_below(&random, 2),
				.in = sim_random_below(&random, 2)};

			assert_int_equal(gossip_pause(w->nodes[n].gossip, world_time(&w->nodes[n]),
						 &pause),
				0);
			world_publish(w, (unsigned)sim_random_below(&random, 5), GREEN, 20, 1000);
			world_run(w, sim_random_below(&random, 400));
			assert_world(w);
		}
		for (unsigned n = 0; n < 5; n++) {
			struct gossip_pause none = {0};

			assert_int_equal(gossip_pause(w->nodes[n].gossip, world_time(&w->nodes[n]),
						 &none),
				0);
		}
		world_run(w, 60000);
		watch_settled(w);
		assert_world(w);
		world_free(w);
	}
}

static bool told_chain(const struct probe *p, uint32_t session, const struct card_chain *chain)
{
	struct bytes last = chain->notes[chain->cards_len - 1];

	for (size_t i = 0; i < p->said_len; i++) {
		const struct wire_cards *cards = &p->said[i].cards;

		if (p->said[i].type == WIRE_CARDS && p->said_to[i] == session &&
			cards->cards_len > 0 && bytes_eq(cards->cards[cards->cards_len - 1], last))
			return true;
	}
	return false;
}

/* Actor 4 has signed two cards in one place; THIRD has the one, and is paused when the other comes
 * from PEER. */
static void a_contradiction_of_cards_is_told_when_it_is_resumed(void **state)
{
	struct cast_terms third = probe_terms(THIRD);
	struct card_chain one, other;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_agree(&p, &third);
	probe_open(&p, 2, THIRD);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	one = cast_next_card(4, false, &p.arena);
	other = cast_next_card(4, true, &p.arena);
	probe_hear_cards(&p, 1, &one);
	log = probe_published(&p, 4, CLEAR, 4, 10);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 4);
	probe_store(&p);
	assert_true(told_chain(&p, 2, &one));
	gossip_flushed(p.g, probe_time(&p), 2, SIZE_MAX);
	probe_forget(&p);
	probe_pause(&p, false, false, &cast_actor(THIRD)->node);
	probe_hear_cards(&p, 1, &other);
	assert_string_equal(p.alarm, "card-contradiction");
	assert_int_equal(p.closed, 0);
	assert_false(told_chain(&p, 2, &other));
	probe_pause(&p, false, false, NULL);
	assert_true(told_chain(&p, 2, &one));
	assert_true(told_chain(&p, 2, &other));
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paused_out_nothing_is_sent_or_told),
		cmocka_unit_test(what_waits_for_the_kernel_goes_with_its_session),
		cmocka_unit_test(asked_about_what_it_gave_before_the_pause_it_ends_the_session),
		cmocka_unit_test(paused_in_nothing_is_taken),
		cmocka_unit_test(paused_in_it_still_hears_that_it_is_an_old_copy),
		cmocka_unit_test(one_peer_is_paused_and_the_others_go_on),
		cmocka_unit_test(whatever_was_paused_arrives_when_it_is_resumed),
		cmocka_unit_test(a_contradiction_of_cards_is_told_when_it_is_resumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
