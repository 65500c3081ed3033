/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdio.h>

#include "base/vocab.h"
#include "intake/intake.h"

static const struct audience green = {AUDIENCE_GREEN, 0}, clear = {AUDIENCE_CLEAR, 0};

struct set {
	struct intake_seen seen;
	struct buf body;
	uint64_t seed;
	struct env_rng rng;
};

static void set_init(struct set *s, size_t max)
{
	s->seed = 1;
	s->rng = test_rng(&s->seed);
	s->body = buf_with_max(ENTRY_BODY_MAX);
	intake_seen_init(&s->seen, max, &s->rng);
}

static void set_free(struct set *s)
{
	intake_seen_free(&s->seen);
	buf_free(&s->body);
}

static struct intake_mark mark(struct set *s, struct audience audience, const char *value,
	struct record_indicator r)
{
	struct intake_claim c = {.kind = KIND_INDICATOR,
		.tlp = TLP_GREEN,
		.type = TYPE_DOMAIN,
		.value = bytes_str(value)};
	struct intake_mark m;

	r.value = c.value;
	assert_int_equal(intake_seen_mark(&s->seen, &c, audience, &r, &m), 0);
	return m;
}

static void tells_the_last_word_about_an_object(void **state)
{
	struct record_indicator first = {.confidence = 1}, second = {.confidence = 2};
	struct intake_mark a, b;
	struct set s;

	(void)state;
	set_init(&s, 100);
	a = mark(&s, green, "evil.com", first);
	b = mark(&s, green, "evil.com", second);
	assert_int_equal(intake_seen_same(&s.seen, &a), ENT_ENOTFOUND);
	assert_int_equal(intake_seen_put(&s.seen, &a), 0);
	assert_int_equal(intake_seen_same(&s.seen, &a), 1);
	assert_int_equal(intake_seen_same(&s.seen, &b), 0);
	assert_int_equal(intake_seen_put(&s.seen, &b), 0);
	assert_int_equal(intake_seen_same(&s.seen, &a), 0); /* it was said, but not last */
	assert_int_equal(s.seen.count, 1);
	a = mark(&s, clear, "evil.com", first);
	assert_int_equal(intake_seen_same(&s.seen, &a), ENT_ENOTFOUND);
	a = mark(&s, green, "other.com", first);
	assert_int_equal(intake_seen_same(&s.seen, &a), ENT_ENOTFOUND);
	set_free(&s);
}

static void hears_no_difference_in_times_alone(void **state)
{
	struct record_indicator early = {.last_seen = 1}, late = {.last_seen = 2, .valid_until = 9};
	struct intake_mark a, b;
	struct set s;

	(void)state;
	set_init(&s, 100);
	a = mark(&s, green, "evil.com", early);
	b = mark(&s, green, "evil.com", late);
	assert_memory_equal(&a, &b, sizeof(a));
	set_free(&s);
}

static void keeps_fields_apart(void **state)
{
	const struct bytes one[] = {bytes_str("ab")}, two[] = {bytes_str("a"), bytes_str("b")};
	struct record_indicator x = {.name = bytes_str("ab")}, y = {.description = bytes_str("ab")};
	struct record_indicator v = {.labels = one, .labels_len = 1},
				w = {.labels = two, .labels_len = 2};
	struct intake_mark a, b;
	struct set s;

	(void)state;
	set_init(&s, 100);
	a = mark(&s, green, "evil.com", x);
	b = mark(&s, green, "evil.com", y);
	assert_true(a.said != b.said);
	a = mark(&s, green, "evil.com", v);
	b = mark(&s, green, "evil.com", w);
	assert_true(a.said != b.said);
	set_free(&s);
}

static void grows_to_its_limit_and_starts_again(void **state)
{
	struct set s;

	(void)state;
	set_init(&s, 20000);
	for (unsigned round = 0; round < 2; round++) {
		struct intake_mark m;
		char value[32];

		for (unsigned i = 0; i < 20000; i++) {
			snprintf(value, sizeof(value), "%u.com", i);
			m = mark(&s, green, value, (struct record_indicator){0});
			assert_int_equal(intake_seen_same(&s.seen, &m), ENT_ENOTFOUND);
			assert_int_equal(intake_seen_put(&s.seen, &m), 0);
		}
		m = mark(&s, green, "7.com", (struct record_indicator){0});
		assert_int_equal(intake_seen_same(&s.seen, &m), 1);
		assert_int_equal(intake_seen_put(&s.seen, &m), 0);
		m = mark(&s, green, "one-too-many.com", (struct record_indicator){0});
		assert_int_equal(intake_seen_put(&s.seen, &m), ENT_ELIMIT);
		assert_int_equal(intake_seen_same(&s.seen, &m), ENT_ENOTFOUND);
		intake_seen_reset(&s.seen);
	}
	set_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_last_word_about_an_object),
		cmocka_unit_test(hears_no_difference_in_times_alone),
		cmocka_unit_test(keeps_fields_apart),
		cmocka_unit_test(grows_to_its_limit_and_starts_again),
	};

	return cmocka_run_group_tests_name("intake/seen", tests, NULL, NULL);
}
