/* SPDX-License-Identifier: EUPL-1.2 */
#include "store/bundle.h"

#include "unit/store/model.h"

static void fill(struct bundle *b, struct cursor *c, uint32_t max, struct buf *raw)
{
	uint8_t marks[2 * BUNDLE_MARKS_MAX];

	assert_ok(bundle_fill(b, c, max, marks));
	buf_reset(raw);
	bundle_encode(buf_extend(raw, bundle_len(b)), b);
}

static void reaches_every_slot_after_coding(void **state)
{
	static const size_t bodies[] = {0, 1, 100, 700, ENTRY_BODY_MAX};
	uint64_t seed = 1;
	struct env_rng rng = test_rng(&seed);
	struct buf raw = buf_with_max(BUNDLE_BYTES_MAX);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct model_log m;
		struct cursor c;
		uint64_t first = 0;

		model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
		model_entries(&m, &rng, 1500, bodies[i]);
		c = cursor_of(buf_view(&m.packed));
		while (first < m.made) {
			/* Those of older stores are read for ever. */
			struct bundle b = {.log = 7,
					      .first = first,
					      .received_ms = -5,
					      .sparse = env_random_u64(&rng) % 2},
				      back;

			fill(&b, &c, (uint32_t)(m.made - first), &raw);
			assert_in_range(raw.len, 1, BUNDLE_BYTES_MAX);
			assert_ok(bundle_decode(buf_view(&raw), &back));
			assert_true(back.log == 7 && back.first == first && back.count == b.count);
			assert_true(back.received_ms == -5 && back.sparse == b.sparse);
			for (uint32_t slot = 0; slot <= back.count; slot++) {
				struct cursor at;

				assert_ok(bundle_seek(&back, slot, &at));
				assert_bytes_equal(bytes_from(at.at, cursor_left(&at)),
					model_run(&m, first + slot, first + b.count));
			}
			first += b.count;
		}
		model_log_free(&m);
	}
	buf_free(&raw);
}

static void is_filled_to_the_last_entry_that_fits(void **state)
{
	uint64_t seed = 2;
	struct env_rng rng = test_rng(&seed);
	struct buf raw = buf_with_max(BUNDLE_BYTES_MAX);
	struct bundle b = {.log = 1};
	struct model_log m;
	struct cursor c;

	(void)state;
	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	model_entries(&m, &rng, 1000, 300);
	c = cursor_of(buf_view(&m.packed));
	fill(&b, &c, 1000, &raw);
	assert_in_range(b.count, 100, 999);
	assert_true(raw.len + model_run(&m, b.count, b.count + 1).len > BUNDLE_BYTES_MAX - 2);
	model_log_free(&m);
	buf_free(&raw);
}

static void refuses_what_is_cut_short(void **state)
{
	uint64_t seed = 3;
	struct env_rng rng = test_rng(&seed);
	struct buf raw = buf_with_max(BUNDLE_BYTES_MAX);
	uint8_t marks[2 * BUNDLE_MARKS_MAX];
	struct bundle b = {.log = 1}, back;
	struct model_log m;
	struct cursor c;

	(void)state;
	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	model_entries(&m, &rng, 40, 20);
	c = cursor_of(buf_view(&m.packed));
	assert_int_equal(bundle_fill(&b, &c, 41, marks), ENT_EINVALID);
	c = cursor_of(buf_view(&m.packed));
	fill(&b, &c, 40, &raw);
	for (size_t len = 0; len < BUNDLE_HEADER_BYTES + 4; len++)
		assert_int_equal(bundle_decode(bytes_from(raw.data, len), &back), ENT_ECORRUPT);
	assert_int_equal(raw.data[12], 0x80);
	/* A mark that leads nowhere. */
	raw.data[BUNDLE_HEADER_BYTES] = 0xff;
	assert_ok(bundle_decode(buf_view(&raw), &back));
	assert_int_equal(bundle_seek(&back, 1, &c), ENT_ECORRUPT);
	b.sparse = true;
	c = cursor_of(buf_view(&m.packed));
	fill(&b, &c, 40, &raw);
	raw.data[BUNDLE_HEADER_BYTES] = 0xff;
	assert_ok(bundle_decode(buf_view(&raw), &back));
	assert_int_equal(bundle_seek(&back, 17, &c), ENT_ECORRUPT);
	model_log_free(&m);
	buf_free(&raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reaches_every_slot_after_coding),
		cmocka_unit_test(is_filled_to_the_last_entry_that_fits),
		cmocka_unit_test(refuses_what_is_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
