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
	enum kind kind)
{
	struct intake_claim c = {.kind = (uint8_t)kind,
		.tlp = TLP_GREEN,
		.type = TYPE_DOMAIN,
		.value = bytes_str(value)};
	struct intake_mark m;

	assert_int_equal(intake_seen_mark(&s->seen, &c, audience, &m), 0);
	return m;
}

static void tells_the_last_word_about_an_object(void **state)
{
	struct intake_mark a, b;
	struct set s;

	(void)state;
	set_init(&s, 100);
	a = mark(&s, green, "evil.com", KIND_INDICATOR);
	b = mark(&s, green, "evil.com", KIND_RETRACTION);
	assert_int_equal(intake_seen_same(&s.seen, &a), ENT_ENOTFOUND);
	assert_int_equal(intake_seen_put(&s.seen, &a), 0);
	assert_int_equal(intake_seen_same(&s.seen, &a), 1);
	assert_int_equal(intake_seen_same(&s.seen, &b), 0);
	assert_int_equal(intake_seen_put(&s.seen, &b), 0);
	assert_int_equal(intake_seen_same(&s.seen, &a), 0); /* it was said, but not last */
	assert_int_equal(s.seen.count, 1);
	a = mark(&s, clear, "evil.com", KIND_INDICATOR);
	assert_int_equal(intake_seen_same(&s.seen, &a), ENT_ENOTFOUND);
	a = mark(&s, green, "other.com", KIND_INDICATOR);
	assert_int_equal(intake_seen_same(&s.seen, &a), ENT_ENOTFOUND);
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
			m = mark(&s, green, value, KIND_INDICATOR);
			assert_int_equal(intake_seen_same(&s.seen, &m), ENT_ENOTFOUND);
			assert_int_equal(intake_seen_put(&s.seen, &m), 0);
		}
		m = mark(&s, green, "7.com", KIND_INDICATOR);
		assert_int_equal(intake_seen_same(&s.seen, &m), 1);
		assert_int_equal(intake_seen_put(&s.seen, &m), 0);
		m = mark(&s, green, "one-too-many.com", KIND_INDICATOR);
		assert_int_equal(intake_seen_put(&s.seen, &m), ENT_ELIMIT);
		assert_int_equal(intake_seen_same(&s.seen, &m), ENT_ENOTFOUND);
		intake_seen_reset(&s.seen);
	}
	set_free(&s);
}

static void leaves_what_another_publication_said_to_the_store(void **state)
{
	struct intake_mark m;
	struct set s;

	(void)state;
	set_init(&s, 100);
	m = mark(&s, green, "a.com", KIND_INDICATOR);
	m.publication = 1;
	assert_int_equal(intake_seen_put(&s.seen, &m), 0);
	assert_int_equal(intake_seen_same(&s.seen, &m), 1);
	m.publication = 2;
	assert_int_equal(intake_seen_same(&s.seen, &m), ENT_ESTATE);
	m = mark(&s, green, "b.com", KIND_INDICATOR);
	m.publication = 2;
	assert_int_equal(intake_seen_same(&s.seen, &m), ENT_ENOTFOUND);
	set_free(&s);
}

/* A retraction names the object, what it takes back its value: neither says what the other has. */
static void leaves_what_may_have_another_name_to_the_store(void **state)
{
	struct intake_claim by_id = {.kind = KIND_RETRACTION, .tlp = TLP_GREEN, .has_object = true};
	struct intake_mark value, id;
	struct set s;

	(void)state;
	set_init(&s, 100);
	value = mark(&s, green, "a.com", KIND_INDICATOR);
	assert_int_equal(intake_seen_mark(&s.seen, &by_id, green, &id), 0);
	assert_int_equal(intake_seen_put(&s.seen, &id), 0);
	assert_int_equal(intake_seen_same(&s.seen, &id), 1);
	assert_int_equal(intake_seen_same(&s.seen, &value), ENT_ESTATE);
	intake_seen_reset(&s.seen);
	assert_int_equal(intake_seen_same(&s.seen, &value), ENT_ENOTFOUND);
	assert_int_equal(intake_seen_put(&s.seen, &value), 0);
	assert_int_equal(intake_seen_same(&s.seen, &value), 1);
	assert_int_equal(intake_seen_same(&s.seen, &id), ENT_ESTATE);
	set_free(&s);
}

/* Else every small publication after a large one would empty megabytes. */
static void gives_back_what_a_large_publication_took(void **state)
{
	struct intake_mark m;
	struct set s;

	(void)state;
	set_init(&s, 200000);
	for (unsigned i = 0; i < 100000; i++) {
		char value[32];

		snprintf(value, sizeof(value), "%u.com", i);
		m = mark(&s, green, value, KIND_INDICATOR);
		assert_int_equal(intake_seen_put(&s.seen, &m), 0);
	}
	intake_seen_reset(&s.seen);
	assert_true(s.seen.cap * sizeof(*s.seen.slots) <= 2u << 20);
	assert_int_equal(intake_seen_same(&s.seen, &m), ENT_ENOTFOUND);
	assert_int_equal(intake_seen_put(&s.seen, &m), 0);
	assert_int_equal(intake_seen_same(&s.seen, &m), 1);
	set_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_last_word_about_an_object),
		cmocka_unit_test(grows_to_its_limit_and_starts_again),
		cmocka_unit_test(leaves_what_may_have_another_name_to_the_store),
		cmocka_unit_test(leaves_what_another_publication_said_to_the_store),
		cmocka_unit_test(gives_back_what_a_large_publication_took),
	};

	return cmocka_run_group_tests_name("intake/seen", tests, NULL, NULL);
}
