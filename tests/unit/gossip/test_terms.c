/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Terms that change while sessions stand: what is allowed flows again by itself, what is not stops
 * at once. Each of these was once a feed that stood still, or a byte too many.
 */
#include "unit/gossip/shapes.h"

#define EVERYTHING (TLP_BIT(TLP_CLEAR) | TLP_BIT(TLP_GREEN))

/* Whatever may arrive has arrived after so long, without anything new being published. */
static void assert_settles(struct world *w, uint64_t ms)
{
	world_run(w, ms);
	watch_settled(w);
	assert_world(w);
}

static void nothing_is_said_after_an_agreement_has_ended_by_the_clock(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct world *w = world_new(seed);
		struct cast_terms terms = terms_open(0, 1), rest = terms_open(0, 1);
		struct log_name green;

		world_nodes(w, 2);
		green = world_feed(w, 0, GREEN);
		terms.from = world_wall_s(w) - 10;
		terms.until = world_wall_s(w) + 4;
		world_agree(w, &terms);
		/* With another agreement the session lives on. */
		rest.id++;
		rest.gives[0] = TLP_BIT(TLP_CLEAR);
		if (seed % 2)
			world_agree(w, &rest);
		for (int i = 0; i < 300; i++) {
			world_publish(w, 0, GREEN, 1, 50);
			world_run(w, 20);
			assert_world(w);
		}
		assert_in_range(world_held(w, 1, &green), 100, 250);
		world_free(w);
	}
}

/* The clock is looked at once a second: what meets the end before that was said to nobody. */
static void what_is_extended_in_the_second_of_its_end_goes_on(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 16; seed++) {
		struct world *w = world_new(seed);
		struct cast_terms terms = terms_open(0, 1), rest = terms_open(0, 1);
		const struct agreement *longer;
		struct log_name green;
		unsigned late = seed % 2;

		world_nodes(w, 2);
		green = world_feed(w, 0, GREEN);
		terms.from = world_wall_s(w) - 10;
		terms.until = world_wall_s(w) + 4;
		world_agree(w, &terms);
		rest.id++;
		rest.gives[0] = TLP_BIT(TLP_CLEAR);
		world_agree(w, &rest);
		world_publish(w, 0, GREEN, 1, 50);
		world_run(w, 2000);
		assert_int_equal(world_held(w, 1, &green), 1);
		terms.until += 1000;
		terms.serial++;
		longer = world_draw_up(w, &terms);
		world_place(w, !late, longer);
		while (world_wall_s(w) <= terms.until - 1000)
			world_run(w, 20);
		world_publish(w, 0, GREEN, 1, 50);
		world_run(w, 20 * seed);
		world_place(w, late, longer);
		assert_settles(w, 15000);
		assert_int_equal(world_held(w, 1, &green), 2);
		world_free(w);
	}
}

static void widening_is_mutual_whoever_learns_of_it_first(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		struct world *w = world_new(first);
		struct cast_terms terms = terms_open(0, 1);
		const struct agreement *wide;
		struct log_name green;

		world_nodes(w, 2);
		green = world_feed(w, 0, GREEN);
		terms.gives[0] = TLP_BIT(TLP_CLEAR);
		world_agree(w, &terms);
		world_publish(w, 0, CLEAR, 1, 50);
		world_publish(w, 0, GREEN, 1, 50);
		world_run(w, 3000);
		assert_int_equal(world_held(w, 1, &green), 0);
		terms.gives[0] = EVERYTHING;
		terms.serial++;
		wide = world_draw_up(w, &terms);
		world_place(w, first, wide);
		world_run(w, 3000);
		assert_int_equal(world_held(w, 1, &green), 0);
		world_place(w, !first, wide);
		assert_settles(w, 3000);
		assert_int_equal(world_held(w, 1, &green), 1);
		world_free(w);
	}
}

static void narrowing_is_immediate_whoever_learns_of_it_first(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		struct world *w = world_new(first);
		struct cast_terms terms = terms_open(0, 1);
		struct log_name green;

		world_nodes(w, 2);
		green = world_feed(w, 0, GREEN);
		world_agree(w, &terms);
		world_publish(w, 0, GREEN, 1, 50);
		world_run(w, 3000);
		terms.gives[0] = TLP_BIT(TLP_CLEAR);
		terms.serial++;
		world_place(w, first, world_draw_up(w, &terms));
		world_publish(w, 0, GREEN, 1, 50);
		world_run(w, 3000);
		assert_world(w);
		assert_int_equal(world_held(w, 1, &green), 1);
		world_free(w);
	}
}

static void what_one_side_takes_back_and_gives_again_flows_again(void **state)
{
	(void)state;
	for (unsigned side = 0; side < 2; side++) {
		struct world *w = world_new(side);
		struct cast_terms terms = terms_open(0, 1);

		world_nodes(w, 2);
		world_agree(w, &terms);
		world_publish(w, 0, GREEN, 1, 50);
		world_run(w, 3000);
		terms.gives[0] = TLP_BIT(TLP_CLEAR);
		terms.serial++;
		world_place(w, side, world_draw_up(w, &terms));
		world_run(w, 3000);
		world_publish(w, 0, GREEN, 1, 50);
		world_run(w, 3000);
		terms.gives[0] = EVERYTHING;
		terms.serial++;
		world_place(w, side, world_draw_up(w, &terms));
		assert_settles(w, 3000);
		world_publish(w, 0, GREEN, 1, 50);
		assert_settles(w, 1000);
		world_free(w);
	}
}

/* 0 - 1 - 2, and 2 later agrees with 0 but cannot reach it: 1, who introduces nobody, can serve. */
static void an_origin_that_becomes_known_is_had_from_who_told_of_it_before(void **state)
{
	(void)state;
	for (unsigned grows = 0; grows < 2; grows++) {
		struct world *w = world_new(grows);
		struct cast_terms first = terms_open(0, 1), second = terms_open(1, 2);
		struct log_name feed;

		world_nodes(w, 3);
		feed = world_feed(w, 0, CLEAR);
		first.introduces = second.introduces = 0;
		world_agree(w, &first);
		world_agree(w, &second);
		world_publish(w, 0, CLEAR, 2, 50);
		world_run(w, 3000);
		assert_int_equal(world_held(w, 1, &feed), 2);
		assert_int_equal(world_held(w, 2, &feed), 0);
		world_cut(w, 0, 2, true);
		agree_open(w, 0, 2);
		if (grows)
			world_publish(w, 0, CLEAR, 2, 50);
		assert_settles(w, 4000);
		assert_int_equal(world_held(w, 2, &feed), grows ? 4 : 2);
		world_free(w);
	}
}

static void who_may_introduce_from_now_on_is_heard_again(void **state)
{
	struct world *w = world_new(1);
	struct cast_terms terms = terms_open(1, 2);
	struct log_name feed;

	(void)state;
	world_nodes(w, 3);
	feed = world_feed(w, 0, CLEAR);
	agree_open(w, 0, 1);
	terms.introduces = 0;
	world_agree(w, &terms);
	world_publish(w, 0, CLEAR, 2, 50);
	world_run(w, 3000);
	assert_int_equal(world_held(w, 2, &feed), 0);
	terms.introduces = 1u << 1;
	terms.serial++;
	world_place(w, 2, world_draw_up(w, &terms));
	assert_settles(w, 3000);
	assert_int_equal(world_held(w, 2, &feed), 2);
	world_free(w);
}

/* The origin has stopped giving to 2, which does not know; 1 has more. */
static void a_neighbour_that_has_more_comes_before_an_origin_that_gives_nothing(void **state)
{
	struct world *w = world_mesh(1, 3);
	struct cast_terms terms = terms_open(0, 2);
	struct log_name feed = world_feed(w, 0, CLEAR);

	(void)state;
	world_publish(w, 0, CLEAR, 1, 50);
	world_run(w, 3000);
	terms.gives[0] = 0;
	terms.serial++;
	world_place(w, 0, world_draw_up(w, &terms));
	for (int i = 0; i < 5; i++) {
		world_publish(w, 0, CLEAR, 1, 50);
		assert_settles(w, 4000);
	}
	assert_int_equal(world_held(w, 2, &feed), 6);
	world_free(w);
}

static void a_full_disk_heals_without_anything_new(void **state)
{
	struct world *w = world_chain(1, 2);

	(void)state;
	world_health(w, 1, DISK_FULL);
	world_publish(w, 0, CLEAR, 20, 30000);
	world_publish(w, 0, GREEN, 20, 30000);
	world_run(w, 10000);
	world_health(w, 1, DISK_WELL);
	assert_settles(w, 5000);
	assert_int_equal(w->nodes[1].alarms_len, 0);
	world_free(w);
}

/* Two nodes with so many agreements, all of which have something new for 1, whose disk is full. */
static struct world *full_disk_and_many_feeds(uint64_t seed, struct cast_terms *terms, unsigned len)
{
	struct world *w = world_chain(seed, 2);

	for (unsigned i = 0; i < len; i++) {
		terms[i] = terms_open(0, 1);
		terms[i].id = 0x5000 + i;
		world_agree(w, &terms[i]);
	}
	world_run(w, 3000);
	world_health(w, 1, DISK_FULL);
	for (unsigned i = 0; i < len; i++)
		world_publish(w, 0, audience_agreement(terms[i].id), 1, 100);
	return w;
}

/* Each retry asks for one feed alone: many feeds asked for again and again look like a flood. */
static void a_disk_that_stays_full_is_nobodys_flood(void **state)
{
	struct cast_terms terms[40];
	struct world *w = full_disk_and_many_feeds(2, terms, 40);

	(void)state;
	world_run(w, 60000);
	world_health(w, 1, DISK_WELL);
	assert_settles(w, 5000);
	assert_int_equal(w->nodes[0].punished, 0);
	world_free(w);
}

/* Gives of one agreement's feed alone; ctx: its id. */
static bool gives_one(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	const uint64_t *given = ctx;

	(void)from, (void)to, (void)arena;
	return m->type != WIRE_DATA || m->data.feed.audience.id == *given;
}

/* Each retry asks for another feed: those that are offered and not given keep nothing waiting. */
static void a_disk_that_is_well_again_takes_what_is_given(void **state)
{
	struct cast_terms terms[12];
	struct world *w = full_disk_and_many_feeds(3, terms, 12);

	(void)state;
	world_run(w, 5000);
	world_health(w, 1, DISK_WELL);
	for (unsigned i = 0; i < 12; i += 11) {
		struct log_name feed = world_feed(w, 0, audience_agreement(terms[i].id));

		w->nodes[0].hand = gives_one;
		w->nodes[0].hand_ctx = &terms[i].id;
		assert_true(world_run_until_held(w, &feed, 1, everybody(w), 40000) != UINT64_MAX);
	}
	assert_world(w);
	world_free(w);
}

static void the_end_of_the_last_agreement_ends_the_session(void **state)
{
	struct world *w = world_chain(1, 2);

	(void)state;
	world_publish(w, 0, CLEAR, 1, 50);
	world_run(w, 3000);
	assert_non_null(world_session_of(w, 0, 1));
	world_remove(w, 1, terms_open(0, 1).id);
	world_publish(w, 0, CLEAR, 1, 50);
	world_run(w, 1000);
	assert_null(world_session_of(w, 0, 1));
	assert_null(world_session_of(w, 1, 0));
	watch_closed(w);
	assert_world(w);
	assert_int_equal(w->nodes[0].alarms_len, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_said_after_an_agreement_has_ended_by_the_clock),
		cmocka_unit_test(what_is_extended_in_the_second_of_its_end_goes_on),
		cmocka_unit_test(widening_is_mutual_whoever_learns_of_it_first),
		cmocka_unit_test(narrowing_is_immediate_whoever_learns_of_it_first),
		cmocka_unit_test(what_one_side_takes_back_and_gives_again_flows_again),
		cmocka_unit_test(an_origin_that_becomes_known_is_had_from_who_told_of_it_before),
		cmocka_unit_test(who_may_introduce_from_now_on_is_heard_again),
		cmocka_unit_test(
			a_neighbour_that_has_more_comes_before_an_origin_that_gives_nothing),
		cmocka_unit_test(a_full_disk_heals_without_anything_new),
		cmocka_unit_test(a_disk_that_stays_full_is_nobodys_flood),
		cmocka_unit_test(a_disk_that_is_well_again_takes_what_is_given),
		cmocka_unit_test(the_end_of_the_last_agreement_ends_the_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
