/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include "policy/clock.h"

#define NOW 1800000000
#define DAY 86400

static struct clock_watch c;
static struct agreement a, b; /* a is in force at NOW, b over since yesterday */
static const struct agreement *const known[] = {&a, &b};

static int setup(void **state)
{
	(void)state;
	memset(&c, 0, sizeof(c));
	a = (struct agreement){
		.id = 1, .hash = {1}, .valid_from = NOW - DAY, .valid_until = NOW + DAY};
	b = (struct agreement){
		.id = 2, .hash = {2}, .valid_from = NOW - 9 * DAY, .valid_until = NOW - DAY};
	assert_int_equal(clock_look(&c, 1000, (int64_t)NOW * 1000), 0);
	return 0;
}

/* The wall clock is off by so many seconds from now on; a step if it was not before. */
static int64_t off_by(uint64_t mono_ms, int64_t seconds)
{
	return clock_look(&c, mono_ms, ((int64_t)NOW + seconds) * 1000 + (int64_t)mono_ms - 1000);
}

static size_t counting(void)
{
	const struct agreement *out[2];

	return clock_filter(&c, known, 2, out);
}

static void five_minutes_are_a_step_and_less_is_none(void **state)
{
	(void)state;
	assert_int_equal(off_by(2000, 299), 0);
	assert_int_equal(off_by(3000, 598), 0);
	assert_int_equal(off_by(4000, 898), 300000);
	assert_int_equal(off_by(900000, 898), 0);
	assert_int_equal(off_by(900001, 0), -898000);
}

static void what_a_step_back_would_bring_back_waits(void **state)
{
	(void)state;
	assert_int_equal(off_by(2000, -2 * DAY), -2 * DAY * 1000);
	assert_true(clock_hold(&c, known, 2));
	assert_false(clock_waits(&c, &a));
	assert_true(clock_waits(&c, &b));
	assert_int_equal(counting(), 1);
	clock_confirm(&c);
	assert_int_equal(counting(), 2);
}

/* Forth by ten years and back: both have ended in between, and nothing comes back by itself. */
static void what_a_step_has_ended_stays_ended_when_the_clock_is_set_right(void **state)
{
	(void)state;
	assert_true(off_by(2000, 3650 * (int64_t)DAY) > 0);
	clock_hold(&c, known, 2);
	assert_false(clock_waits(&c, &a));
	assert_true(off_by(4000, 0) < 0);
	assert_true(clock_hold(&c, known, 2));
	assert_int_equal(counting(), 0);
	assert_false(clock_hold(&c, known, 2));
}

static void what_is_placed_afterwards_is_the_operators_word(void **state)
{
	(void)state;
	assert_true(off_by(2000, -2 * DAY) < 0);
	clock_hold(&c, known, 1);
	assert_int_equal(counting(), 2);
}

static void what_waits_outlives_a_restart(void **state)
{
	struct buf text = buf_with_max(1000);

	(void)state;
	assert_true(off_by(2000, -2 * DAY) < 0);
	assert_true(clock_hold(&c, known, 2));
	clock_text(&text, &c);
	buf_str(&text, "nonsense\n");
	memset(&c, 0, sizeof(c));
	clock_read(&c, buf_view(&text));
	assert_int_equal(c.waiting_len, 1);
	assert_true(clock_waits(&c, &b));
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(five_minutes_are_a_step_and_less_is_none, setup),
		cmocka_unit_test_setup(what_a_step_back_would_bring_back_waits, setup),
		cmocka_unit_test_setup(
			what_a_step_has_ended_stays_ended_when_the_clock_is_set_right, setup),
		cmocka_unit_test_setup(what_is_placed_afterwards_is_the_operators_word, setup),
		cmocka_unit_test_setup(what_waits_outlives_a_restart, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
