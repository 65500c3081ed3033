/* SPDX-License-Identifier: EUPL-1.2 */
/* Feeds with a pending retraction go before all others. */
#include "unit/gossip/probe.h"

/* Credit for one run of about 64 KiB, so that what comes next can be seen. */
#define ONE_RUN   (ENTRY_PACKED_MAX + DATA_ROOM)
#define DATA_ROOM 20000u

static void grant(struct probe *p, uint64_t bytes)
{
	struct wire_message m = {.type = WIRE_CREDIT, .credit = {bytes}};

	probe_forget(p);
	probe_hear(p, 1, &m);
}

static void publish(struct probe *p, const struct log_name *name, uint32_t count, bool urgent)
{
	struct sim_log *log = sim_store_need(&p->store, name);
	struct env_rng rng = sim_random_env(&p->random);

	sim_log_publish(log, &cast_actor(SELF)->identity, count, 500, &rng);
	gossip_sealed(p->g, probe_time(p), &log->complete, urgent);
	probe_actions(p);
}

static void subscribed(struct probe *p, const struct log_name *name, uint64_t from)
{
	probe_hear_subscribe(p, 1, name, from);
	gossip_entered(p->g, probe_time(p), 1, name);
	probe_actions(p);
}

/* Gives which feed is pushed first, of a long one that has waited and one that grew after it. */
static struct log_name first_pushed(bool urgent)
{
	struct cast_terms terms = probe_terms(PEER);
	struct log_name longer = probe_name(SELF, CLEAR);
	struct log_name shorter = probe_name(SELF, audience_agreement(terms.id));
	struct log_name first;
	struct probe p;

	probe_init(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, 0);
	publish(&p, &longer, 1000, false);
	publish(&p, &shorter, 1, false);
	subscribed(&p, &longer, 0);
	subscribed(&p, &shorter, 1);
	publish(&p, &shorter, 1, urgent);
	grant(&p, ONE_RUN);
	assert_non_null(probe_last(&p, WIRE_DATA));
	first = p.said[0].data.feed;
	probe_free(&p);
	return first;
}

static void a_pending_retraction_brings_its_feed_forward(void **state)
{
	struct log_name calm = first_pushed(false), urgent = first_pushed(true);

	(void)state;
	assert_int_equal(calm.audience.kind, AUDIENCE_CLEAR);
	assert_int_equal(urgent.audience.kind, AUDIENCE_AGREEMENT);
}

static void a_run_is_urgent_by_kind_or_flag(void **state)
{
	static const struct {
		uint8_t kind, flags;
		bool urgent;
	} cases[] = {
		{KIND_INDICATOR, 0, false},
		{KIND_OBJECT, 0x80, false},
		{KIND_INDICATOR, ENTRY_FLAG_URGENT, true},
		{KIND_RETRACTION, 0, true},
		{KIND_ERASURE, 0, true},
	};
	static const uint8_t key[32];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t packed[2 * (ENTRY_HEADER_BYTES + 1)] = {0};
		struct entry_header h = {.version = ENTRY_VERSION, .kind = KIND_INDICATOR};
		struct wire_data data = {.count = 2, .entries = BYTES_OF(packed)};
		struct ingest_job *job;

		entry_header_encode(packed, &h);
		packed[ENTRY_HEADER_BYTES] = ENTRY_STATE_ERASED;
		h.kind = cases[i].kind;
		h.flags = cases[i].flags;
		entry_header_encode(packed + ENTRY_HEADER_BYTES + 1, &h);
		packed[sizeof(packed) - 1] = ENTRY_STATE_ERASED;
		job = ingest_job_new(&data, key);
		assert_int_equal(ingest_urgent(job), cases[i].urgent);
		ingest_job_free(job);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pending_retraction_brings_its_feed_forward),
		cmocka_unit_test(a_run_is_urgent_by_kind_or_flag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
