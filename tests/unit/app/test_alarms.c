/* SPDX-License-Identifier: EUPL-1.2 */
/* Which alarms give way when there are too many, and what does not depend on them. */
#include "app/impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "keys/file.h"
#include "lib/test.h"

static struct app_options options;

static int setup(void **state)
{
	struct app *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	log_level_set(LOG_ERROR);
	options.home = test_dir();
	a->options = &options;
	snprintf(a->keys_dir, sizeof(a->keys_dir), "%s/keys", options.home);
	assert_int_equal(mkdir(a->keys_dir, 0700), 0);
	*state = a;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	test_dir_remove(options.home);
	return 0;
}

/* As many feeds as somebody likes, who signs two histories of each. */
static void splits(struct app *a, uint64_t count)
{
	struct log_name feed = {{{1}}, 1, {AUDIENCE_AGREEMENT, 0}};

	while (feed.audience.id++ < count)
		app_alarm_split(a, &feed);
}

static void what_others_cause_takes_no_place_of_what_is_wrong_here(void **state)
{
	struct app *a = *state;
	struct log_name last = {{{1}}, 1, {AUDIENCE_AGREEMENT, 3 * APP_ALARMS_MAX}};
	char subject[LOG_NAME_TEXT_SIZE];

	splits(a, APP_ALARMS_MAX / 2);
	app_alarm(a, "broken-key-file", "today", "keys", "does not verify", "mend it");
	app_alarm(a, "index-trouble", "page", "data", "no room", "make room");
	splits(a, 3 * APP_ALARMS_MAX);
	log_name_text(subject, &last);
	assert_true(app_alarm_stands(a, "broken-key-file", "keys"));
	assert_true(app_alarm_stands(a, "index-trouble", "data"));
	assert_true(app_alarm_stands(a, "split-view", subject));
	assert_int_equal(a->alarms_len, APP_ALARMS_MAX);
}

static void one_that_pages_stays_before_one_that_does_not(void **state)
{
	struct app *a = *state;
	char subject[32];

	app_alarm(a, "index-trouble", "page", "data", "no room", "make room");
	for (unsigned i = 0; i < 2 * APP_ALARMS_MAX; i++) {
		snprintf(subject, sizeof(subject), "file %u", i);
		app_alarm(a, "broken-key-file", "today", subject, "does not verify", "mend it");
	}
	assert_true(app_alarm_stands(a, "index-trouble", "data"));
	assert_true(app_alarm_stands(a, "broken-key-file", subject));
}

/* After a restart as before it: nobody is to ask the origin, which is this node. */
static void two_histories_of_our_own_are_told_as_ours(void **state)
{
	struct app *a = *state;
	struct log_name feed = {{{2}}, 1, {AUDIENCE_GREEN, 0}};
	char subject[LOG_NAME_TEXT_SIZE];

	a->self = feed.node;
	log_name_text(subject, &feed);
	app_alarm_split(a, &feed);
	assert_non_null(strstr(a->alarms[0].text, "our own log key"));
	splits(a, 2 * APP_ALARMS_MAX);
	assert_true(app_alarm_stands(a, "split-view", subject));
}

/* Bodies go by the clock, and do not come back. */
static void the_clock_is_doubted_until_somebody_confirms_it_whatever_else_stands(void **state)
{
	static const char hash[] =
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
	struct app *a = *state;
	struct err_text err;
	char path[600], subject[32];

	assert_int_equal(file_path(path, sizeof(path), a->keys_dir, "clock.waiting"), 0);
	assert_int_equal(file_write(path, bytes_str(hash), 0600, &err), 0);
	assert_false(app_clock_doubted(a));
	assert_int_equal(app_clock_open(a, &err), 0);
	assert_true(app_clock_doubted(a));
	for (unsigned i = 0; i < 2 * APP_ALARMS_MAX; i++) {
		snprintf(subject, sizeof(subject), "peer %u", i);
		app_alarm(a, "provenance-rewritten", "page", subject, "two histories", "call");
	}
	assert_true(app_clock_doubted(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_others_cause_takes_no_place_of_what_is_wrong_here, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_pages_stays_before_one_that_does_not,
			setup, teardown),
		cmocka_unit_test_setup_teardown(two_histories_of_our_own_are_told_as_ours, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			the_clock_is_doubted_until_somebody_confirms_it_whatever_else_stands, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
