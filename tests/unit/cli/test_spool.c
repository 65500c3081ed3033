/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdlib.h>

#include "cli/spool.h"
#include "control/control.h"

/* What a walk over a range must bring: claims of these lines, in order, in batches that a daemon
 * takes. */
struct walk {
	uint32_t next, end;
	size_t batches_len;
};

static int walk_batch(void *ctx, struct bytes batch)
{
	struct cursor in = cursor_of(batch);
	struct walk *w = ctx;

	w->batches_len++;
	assert_true(batch.len > 0 && batch.len <= CONTROL_BATCH_BYTES);
	while (cursor_left(&in) > 0) {
		struct intake_claim c;

		assert_int_equal(intake_claim_decode(&in, &c), 0);
		assert_int_equal(c.line, w->next);
		assert_int_equal(c.body.len, c.line % 5000);
		for (size_t i = 0; i < c.body.len; i += 97)
			assert_int_equal(c.body.data[i], (uint8_t)c.line);
		w->next++;
	}
	return 0;
}

static void add(struct spool *s, uint32_t from, uint32_t to)
{
	uint8_t body[5000];

	for (uint32_t line = from; line < to; line++) {
		struct intake_claim c = {.line = line,
			.value = bytes_str("v"),
			.body = bytes_from(body, line % 5000)};

		memset(body, (uint8_t)line, sizeof(body));
		assert_int_equal(spool_add(s, &c), 0);
	}
}

static void assert_range(struct spool *s, struct spool_range range, uint32_t from, uint32_t to)
{
	struct walk w = {.next = from};

	assert_int_equal(spool_each(s, range, walk_batch, &w), 0);
	assert_int_equal(w.next, to);
}

static void gives_back_what_stayed_in_memory(void **state)
{
	struct spool_range one = {0}, none, two;
	struct spool s;

	(void)state;
	spool_init(&s);
	assert_int_equal(spool_mark(&s, &one.from), 0);
	add(&s, 0, 10);
	assert_int_equal(spool_mark(&s, &one.to), 0);
	none.from = none.to = one.to;
	two.from = one.to;
	add(&s, 10, 30);
	assert_int_equal(spool_mark(&s, &two.to), 0);
	assert_int_equal(s.fd, -1);
	assert_range(&s, one, 0, 10);
	assert_range(&s, none, 10, 10);
	assert_range(&s, two, 10, 30);
	assert_range(&s, (struct spool_range){one.from, two.to}, 0, 30);
	spool_free(&s);
}

static void gives_back_what_went_to_the_file(void **state)
{
	struct spool_range ranges[4];
	struct spool s;

	(void)state;
	spool_init(&s);
	for (uint32_t i = 0; i < COUNT_OF(ranges); i++) {
		assert_int_equal(spool_mark(&s, &ranges[i].from), 0);
		add(&s, i * 2500, (i + 1) * 2500);
		assert_int_equal(spool_mark(&s, &ranges[i].to), 0);
	}
	assert_true(s.fd >= 0);
	assert_true(s.spilled > 8u << 20);
	for (uint32_t i = COUNT_OF(ranges); i-- > 0;)
		assert_range(&s, ranges[i], i * 2500, (i + 1) * 2500);
	spool_free(&s);
}

static int stop(void *ctx, struct bytes batch)
{
	(void)batch;
	return ++*(int *)ctx == 2 ? ENT_ESTATE : 0;
}

static void stops_when_the_visitor_does(void **state)
{
	struct spool_range all;
	struct spool s;
	int batches = 0;

	(void)state;
	spool_init(&s);
	assert_int_equal(spool_mark(&s, &all.from), 0);
	add(&s, 0, 2000);
	assert_int_equal(spool_mark(&s, &all.to), 0);
	assert_int_equal(spool_each(&s, all, stop, &batches), ENT_ESTATE);
	assert_int_equal(batches, 2);
	spool_free(&s);
}

static void refuses_what_no_record_holds(void **state)
{
	static const uint8_t zeros[ENTRY_BODY_MAX + 1];
	struct intake_claim c = {.body = BYTES_OF(zeros)};
	struct spool_range all;
	struct walk w = {0};
	struct spool s;

	(void)state;
	spool_init(&s);
	assert_int_equal(spool_mark(&s, &all.from), 0);
	assert_int_equal(spool_add(&s, &c), ENT_ELIMIT);
	assert_int_equal(spool_mark(&s, &all.to), 0);
	assert_int_equal(spool_each(&s, all, walk_batch, &w), 0);
	assert_int_equal(w.batches_len, 0);
	spool_free(&s);
}

static void says_when_there_is_no_room_for_a_file(void **state)
{
	struct intake_claim c = {.value = bytes_str("v")};
	static const uint8_t zeros[ENTRY_BODY_MAX];
	struct spool s;
	int rc = 0;

	(void)state;
	spool_init(&s);
	assert_int_equal(setenv("TMPDIR", "/nowhere/at/all", 1), 0);
	c.body = BYTES_OF(zeros);
	for (unsigned i = 0; rc == 0 && i < 1000; i++)
		rc = spool_add(&s, &c);
	assert_int_equal(unsetenv("TMPDIR"), 0);
	assert_int_equal(rc, ENT_EIO);
	spool_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_stayed_in_memory),
		cmocka_unit_test(gives_back_what_went_to_the_file),
		cmocka_unit_test(stops_when_the_visitor_does),
		cmocka_unit_test(refuses_what_no_record_holds),
		cmocka_unit_test(says_when_there_is_no_room_for_a_file),
	};

	return cmocka_run_group_tests_name("cli/spool", tests, NULL, NULL);
}
