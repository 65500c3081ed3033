/* SPDX-License-Identifier: EUPL-1.2 */
/* Old copies in a small world: what one of its peers may tell, and what is remembered of it. */
#include "unit/gossip/shapes.h"

static void what_was_shown_outlives_a_stop_where_a_tail_is_longer(void **state)
{
	struct world *w = world_chain(1, 2);
	struct log_name feed = world_feed(w, 0, CLEAR);

	(void)state;
	world_publish(w, 0, CLEAR, 5, 50);
	world_run(w, 3000);
	world_backup(w, 0);
	world_publish(w, 0, CLEAR, 2, 50);
	world_run(w, 3000);
	assert_int_equal(world_held(w, 1, &feed), 7);
	world_cut(w, 0, 1, true);
	world_restore(w, 0, GUARD_OF_BACKUP, 500);
	world_run(w, 700);
	/* An importer goes on at once: before any peer is heard nothing is signed. */
	world_publish(w, 0, CLEAR, 4, 50);
	world_run(w, 200);
	world_cut(w, 0, 1, false);
	for (unsigned i = 0; i < 300 && w->nodes[0].mutes == 0; i++)
		world_run(w, 5);
	assert_int_equal(w->nodes[0].mutes, 1);
	assert_int_equal(world_held(w, 0, &feed), 5);
	world_cut(w, 0, 1, true);
	world_run(w, 200);
	/* The operator starts it again, with the peer out of reach. */
	world_kill(w, 0, 500);
	world_run(w, 6000);
	world_cut(w, 0, 1, false);
	world_run(w, 8000);
	assert_world(w);
	assert_int_equal(world_held(w, 0, &feed), 7);
	assert_false(world_alarmed(&w->nodes[1], "split-view"));
	world_free(w);
}

/* The two have no agreement in common for a while, each has one with the other: what comes then is
 * an empty list of heads. */
static void a_peer_that_may_tell_nothing_has_told_nothing(void **state)
{
	struct world *w = world_chain(1, 2);
	struct cast_terms first = terms_open(0, 1), next = terms_open(0, 1);
	struct log_name feed = world_feed(w, 0, CLEAR);
	const struct agreement *b;

	(void)state;
	next.id++;
	world_publish(w, 0, CLEAR, 5, 50);
	world_run(w, 3000);
	world_backup(w, 0);
	world_publish(w, 0, CLEAR, 2, 50);
	world_run(w, 3000);
	/* The peer goes over to the next agreement; here its file is not placed yet. */
	b = world_draw_up(w, &next);
	world_place(w, 1, b);
	world_remove(w, 1, first.id);
	world_restore(w, 0, GUARD_LOST, 500);
	world_run(w, 10000);
	assert_world(w);
	assert_true(w->nodes[0].mute);
	/* Both are in force here then, and the peer does not know of the first. */
	world_place(w, 0, b);
	world_run(w, 10000);
	assert_true(w->nodes[0].mute);
	world_remove(w, 0, first.id);
	world_run(w, 5000);
	assert_false(w->nodes[0].mute);
	assert_int_equal(world_held(w, 0, &feed), 7);
	world_publish(w, 0, CLEAR, 1, 50);
	world_run(w, 5000);
	assert_world(w);
	assert_int_equal(world_held(w, 1, &feed), 8);
	world_free(w);
}

/* Node 0 has a copy from before an agreement under which it has signed since; from_now: it begins
 * by the clock of then. */
static struct world *copied_before(struct cast_terms *terms, const struct agreement **y,
	bool from_now)
{
	struct world *w = world_chain(1, 2);
	struct log_name feed;

	*terms = terms_open(0, 1);
	terms->id++;
	feed = world_feed(w, 0, audience_agreement(terms->id));
	world_publish(w, 0, CLEAR, 5, 50);
	world_run(w, 3000);
	world_backup(w, 0);
	if (from_now) {
		terms->from = world_wall_s(w);
		terms->until = terms->from + 100000;
	}
	*y = world_agree(w, terms);
	world_run(w, 3000);
	world_publish(w, 0, audience_agreement(terms->id), 5, 50);
	world_run(w, 3000);
	assert_int_equal(world_held(w, 1, &feed), 5);
	return w;
}

/* It comes back as that copy; the file is not there at `without`. */
static struct world *restored_before(struct cast_terms *terms, const struct agreement **y,
	unsigned without)
{
	struct world *w = copied_before(terms, y, false);

	world_remove(w, without, terms->id);
	world_restore(w, 0, GUARD_LOST, 500);
	world_run(w, 10000);
	return w;
}

static void goes_on_under(struct world *w, const struct cast_terms *terms)
{
	struct log_name feed = world_feed(w, 0, audience_agreement(terms->id));

	world_run(w, 10000);
	assert_world(w);
	assert_false(w->nodes[0].mute);
	assert_int_equal(world_held(w, 0, &feed), 5);
	world_publish(w, 0, audience_agreement(terms->id), 2, 50);
	world_run(w, 5000);
	assert_world(w);
	assert_int_equal(world_held(w, 1, &feed), 7);
	world_free(w);
}

static void a_peer_that_has_put_an_agreement_aside_is_not_heard(void **state)
{
	const struct agreement *y;
	struct cast_terms terms;
	struct world *w = restored_before(&terms, &y, 1);

	(void)state;
	assert_true(w->nodes[0].mute);
	world_place(w, 1, y);
	goes_on_under(w, &terms);
}

/* Its file is placed after the recovery, and something published at once. */
static void under_an_agreement_that_is_placed_again_the_parties_are_heard_first(void **state)
{
	const struct agreement *y;
	struct cast_terms terms;
	struct world *w = restored_before(&terms, &y, 0);

	(void)state;
	assert_false(w->nodes[0].mute);
	world_place(w, 0, y);
	world_publish(w, 0, audience_agreement(terms.id), 2, 50);
	goes_on_under(w, &terms);
}

static void however_long_they_are_away(void **state)
{
	const struct agreement *y;
	struct cast_terms terms;
	struct world *w = restored_before(&terms, &y, 0);

	(void)state;
	world_cut(w, 0, 1, true);
	world_place(w, 0, y);
	world_run(w, 20000);
	assert_true(w->nodes[0].mute);
	world_cut(w, 0, 1, false);
	goes_on_under(w, &terms);
}

static void a_new_agreement_makes_nobody_mute(void **state)
{
	struct world *w = world_chain(1, 2);
	struct cast_terms terms = terms_open(0, 1);

	(void)state;
	world_backup(w, 0);
	world_restore(w, 0, GUARD_LOST, 500);
	world_run(w, 10000);
	assert_false(w->nodes[0].mute);
	terms.id++;
	terms.from = CAST_EPOCH + 11;
	terms.until = CAST_EPOCH + 1000;
	world_cut(w, 0, 1, true);
	world_run(w, 5000);
	world_place(w, 0, world_draw_up(w, &terms));
	world_run(w, 3000);
	assert_int_equal(w->nodes[0].mutes, 1);
	assert_world(w);
	world_free(w);
}

/* Nothing that is signed under the agreement from now on contradicts what the lost life signed. */
static void signs_only_when_heard(struct world *w, const struct cast_terms *terms)
{
	struct log_name feed = world_feed(w, 0, audience_agreement(terms->id));

	for (unsigned i = 0; i < 120; i++) {
		world_run(w, 100);
		if (world_wall_s(w) >= terms->from && i % 2 == 0)
			world_publish(w, 0, audience_agreement(terms->id), 1, 50);
	}
	assert_world(w);
	assert_int_equal(w->nodes[0].mutes, 2);
	assert_true(world_held(w, 0, &feed) == 0 || world_held(w, 0, &feed) >= 5);
}

/* Its file lies there already when a next version begins, and something is published in that
 * second. */
static void one_that_begins_by_the_clock_makes_mute_before(void **state)
{
	(void)state;
	for (unsigned known = 0; known < 2; known++) {
		const struct agreement *y;
		struct cast_terms terms;
		struct world *w = restored_before(&terms, &y, 0);

		assert_false(w->nodes[0].mute);
		world_remove(w, 1, terms.id);
		terms.serial = 2;
		terms.from = world_wall_s(w) + 5;
		terms.until = terms.from + 100000;
		y = world_draw_up(w, &terms);
		world_place(w, 0, y);
		if (known)
			world_place(w, 1, y);
		signs_only_when_heard(w, &terms);
		world_place(w, 1, y);
		world_run(w, 10000);
		assert_world(w);
		assert_false(w->nodes[0].mute);
		world_free(w);
	}
}

/* The peer was heard before that, and does not know of it yet. */
static void one_that_begins_while_it_is_mute_is_heard_of_too(void **state)
{
	const struct agreement *y;
	struct cast_terms terms;
	struct world *w = copied_before(&terms, &y, false);
	struct log_name feed = world_feed(w, 0, audience_agreement(terms.id));

	(void)state;
	world_remove(w, 0, terms.id);
	world_remove(w, 1, terms.id);
	world_restore(w, 0, GUARD_LOST, 500);
	world_run(w, 600);
	assert_true(w->nodes[0].mute);
	terms.serial = 2;
	terms.from = world_wall_s(w) + 1;
	terms.until = terms.from + 100000;
	y = world_draw_up(w, &terms);
	world_place(w, 0, y);
	for (unsigned i = 0; i < 60; i++) {
		world_run(w, 200);
		world_publish(w, 0, audience_agreement(terms.id), 1, 50);
	}
	assert_world(w);
	assert_true(w->nodes[0].mute);
	world_place(w, 1, y);
	world_run(w, 10000);
	assert_world(w);
	assert_false(w->nodes[0].mute);
	assert_int_equal(world_held(w, 0, &feed), 5);
	world_free(w);
}

/* A machine that has no time yet: by its clock the agreement is to come, and begins after the
 * recovery. */
static void a_clock_that_was_behind_hides_no_agreement(void **state)
{
	const struct agreement *y;
	struct cast_terms terms;
	struct world *w = copied_before(&terms, &y, true);

	(void)state;
	world_remove(w, 0, terms.id);
	world_restore(w, 0, GUARD_LOST, 500);
	world_clock(w, 0, -200000);
	world_run(w, 10000);
	assert_false(w->nodes[0].mute);
	world_clock(w, 0, 0);
	world_run(w, 3000);
	world_place(w, 0, y);
	world_publish(w, 0, audience_agreement(terms.id), 2, 50);
	goes_on_under(w, &terms);
}

/* Machines without a battery begin each life in the past. */
static void nor_does_one_that_is_behind_at_a_start_make_new_ones_old(void **state)
{
	struct world *w = world_chain(1, 2);
	struct cast_terms terms = terms_open(0, 1);

	(void)state;
	world_backup(w, 0);
	world_restore(w, 0, GUARD_LOST, 500);
	world_run(w, 10000);
	assert_false(w->nodes[0].mute);
	terms.id++;
	terms.from = world_wall_s(w) + 1;
	terms.until = terms.from + 100000;
	world_clock(w, 0, -200000);
	world_kill(w, 0, 500);
	world_run(w, 5000);
	world_clock(w, 0, 0);
	world_run(w, 5000);
	world_place(w, 0, world_draw_up(w, &terms));
	world_run(w, 3000);
	assert_int_equal(w->nodes[0].mutes, 1);
	assert_world(w);
	world_free(w);
}

struct seen_acts {
	struct log_name log;
	uint64_t size;
};

static int acts_look(void *ctx, const struct store_witness *s)
{
	struct seen_acts *a = ctx;

	if (log_name_eq(&s->checkpoint.log, &a->log) && s->checkpoint.size > a->size)
		a->size = s->checkpoint.size;
	return 0;
}

/* How much its neighbour has cosigned of the acts that the node enters now. */
static uint64_t acts_witnessed(const struct world *w)
{
	struct seen_acts a = {.log = w->nodes[0].provenance};
	struct store_reader *r;

	assert_int_equal(store_reader_open(w->nodes[1].store, &r), 0);
	assert_int_equal(store_witness_each(r, acts_look, &a), 0);
	store_reader_close(r);
	return a.size;
}

/* The log of acts that a copy begins is named after its second. The witness remembers a later one,
 * of a life that is lost. */
static void what_is_entered_by_a_clock_that_is_behind_is_witnessed(void **state)
{
	struct world *w = world_chain(1, 2);
	struct disk *old;
	uint64_t lost;

	(void)state;
	world_run(w, 3000);
	world_backup(w, 0);
	old = w->nodes[0].backup;
	w->nodes[0].backup = NULL;
	world_backup(w, 0);
	world_restore(w, 0, GUARD_LOST, 500);
	world_run(w, 10000);
	assert_false(w->nodes[0].mute);
	assert_true(acts_witnessed(w) > 0);
	lost = w->nodes[0].provenance.audience.id;
	w->nodes[0].backup = old;
	world_restore(w, 0, GUARD_LOST, 500);
	world_clock(w, 0, -200000);
	world_run(w, 10000);
	assert_false(w->nodes[0].mute);
	world_run(w, 600000);
	assert_world(w);
	assert_true(acts_witnessed(w) > 0);
	assert_true(w->nodes[0].provenance.audience.id > lost);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_shown_outlives_a_stop_where_a_tail_is_longer),
		cmocka_unit_test(a_peer_that_may_tell_nothing_has_told_nothing),
		cmocka_unit_test(a_peer_that_has_put_an_agreement_aside_is_not_heard),
		cmocka_unit_test(
			under_an_agreement_that_is_placed_again_the_parties_are_heard_first),
		cmocka_unit_test(however_long_they_are_away),
		cmocka_unit_test(a_new_agreement_makes_nobody_mute),
		cmocka_unit_test(one_that_begins_by_the_clock_makes_mute_before),
		cmocka_unit_test(one_that_begins_while_it_is_mute_is_heard_of_too),
		cmocka_unit_test(a_clock_that_was_behind_hides_no_agreement),
		cmocka_unit_test(what_is_entered_by_a_clock_that_is_behind_is_witnessed),
		cmocka_unit_test(nor_does_one_that_is_behind_at_a_start_make_new_ones_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
