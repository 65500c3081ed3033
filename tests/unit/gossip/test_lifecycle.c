/* SPDX-License-Identifier: EUPL-1.2 */
/* What an end of terms leaves behind: nothing that was not on its way already. */
#include "unit/gossip/probe.h"

/* A peer that takes a clear feed of many runs; the first has been made. */
static struct log_name bulk_begin(struct probe *p)
{
	struct log_name clear = probe_name(SELF, CLEAR);

	probe_greeted(p);
	probe_published(p, SELF, CLEAR, 3000, 400);
	probe_hear_subscribe(p, 1, &clear, 0);
	probe_forget(p);
	gossip_entered(p->g, probe_time(p), 1, &clear);
	probe_actions(p);
	return clear;
}

static void at_most_one_run_waits_for_the_network(void **state)
{
	struct probe p;

	(void)state;
	bulk_begin(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 1);
	probe_tick(&p, 1000);
	assert_int_equal(probe_count(&p, WIRE_DATA), 1);
	/* Half of it is gone: the other half still waits. */
	gossip_flushed(p.g, probe_time(&p), 1, 1000);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 1);
	gossip_flushed(p.g, probe_time(&p), 1, SIZE_MAX);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 2);
	probe_free(&p);
}

static void nothing_is_made_after_the_terms_have_ended(void **state)
{
	struct probe p;

	(void)state;
	bulk_begin(&p);
	gossip_agreements(p.g, probe_time(&p), NULL, 0);
	gossip_flushed(p.g, probe_time(&p), 1, SIZE_MAX);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 1);
	assert_int_equal(p.closed, 1);
	assert_int_equal(p.reason, BYE_ENDED);
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_most_one_run_waits_for_the_network),
		cmocka_unit_test(nothing_is_made_after_the_terms_have_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
