/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A year of retention in two stores: what comes each day goes after a month, what holds is said
 * again, and the disks are as full at the end of the year as they were in its third month, but for
 * the logs of acts, which stay.
 */
#include "unit/gossip/shapes.h"

#define DAYS     365u
#define KEPT     30u /* days */
#define STANDING 40u /* claims that hold for good */
#define DAILY    90u /* entries a day that nobody says again */
#define DAY_MS   ((int64_t)86400000)

static uint64_t floor_of(struct world *w, unsigned node, const struct log_name *feed)
{
	struct store_reader *r;
	struct store_log log = {0};

	assert_int_equal(store_reader_open(w->nodes[node].store, &r), 0);
	assert_int_equal(store_log_get(r, feed, &log), 0);
	store_reader_close(r);
	return log.floor;
}

static void a_day(struct world *w, uint32_t day)
{
	for (unsigned i = 0; i < 2; i++)
		world_clock(w, i, day * DAY_MS);
	world_publish_kind(w, 0, CLEAR, KIND_SIGHTING, false, DAILY, 300);
	world_run(w, 1000);
	for (unsigned i = 0; i < 2; i++)
		world_retain(w, i, KEPT * DAY_MS);
	world_run(w, 1000);
}

static void disk_use_levels_off(void **state)
{
	struct world *w = world_chain(1, 2);
	struct log_name feed = world_feed(w, 0, CLEAR);
	size_t third_month[2] = {0};

	(void)state;
	world_publish(w, 0, CLEAR, STANDING, 300);
	for (uint32_t day = 1; day <= DAYS && !world_failure(w); day++) {
		a_day(w, day);
		for (unsigned i = 0; i < 2; i++) {
			size_t bytes = disk_bytes(w->nodes[i].disk);

			if (day <= 90 && bytes > third_month[i])
				third_month[i] = bytes;
		}
	}
	assert_world(w);
	for (unsigned i = 0; i < 2; i++) {
		/* Nothing is lost on the way, and a month and a block at most are kept. */
		assert_true(world_held(w, i, &feed) >= DAYS * DAILY);
		assert_true(world_held(w, i, &feed) - floor_of(w, i, &feed) <
			    (KEPT + 4) * (DAILY + STANDING));
		assert_true(disk_bytes(w->nodes[i].disk) < third_month[i] * 5 / 4);
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(disk_use_levels_off)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
