/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdlib.h>

#include "base/vocab.h"
#include "gossip/ingest.h"

/* One packed entry of the given marking and body length; every body byte tells which one it is. */
static void put_entry(struct buf *out, uint8_t tlp, uint16_t body_len, uint8_t mark)
{
	struct entry_header h = {
		.version = ENTRY_VERSION, .kind = KIND_INDICATOR, .tlp = tlp, .body_len = body_len};
	uint8_t leaf[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES] = {mark}, body[512];
	struct entry e = {.leaf = BYTES_OF(leaf), .salt = BYTES_OF(salt)};

	memset(body, mark, sizeof(body));
	e.body = bytes_from(body, body_len);
	entry_header_encode(leaf, &h);
	entry_pack(buf_extend(out, entry_packed_len(&e)), &e);
}

static void drops_the_body_of_another_marking_and_nothing_else(void **state)
{
	static const uint8_t tlps[] = {TLP_GREEN, TLP_AMBER, TLP_GREEN, TLP_RED, 77, TLP_GREEN};
	static const uint8_t key[32];
	struct buf packed = buf_with_max(65536);
	struct wire_data data = {.count = COUNT_OF(tlps)};
	struct ingest_job *job;
	struct cursor c;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(tlps); i++)
		put_entry(&packed, tlps[i], (uint16_t)(100 * i), (uint8_t)i);
	data.feed.audience = audience_of(AUDIENCE_GREEN);
	data.entries = buf_view(&packed);
	job = ingest_job_new(&data, key);
	assert_non_null(job);
	assert_int_equal(ingest_drop_mismarked(job), 3);
	assert_int_equal(job->mismarked, 3);
	c = cursor_of(bytes_from(job->entries, job->entries_len));
	for (size_t i = 0; i < COUNT_OF(tlps); i++) {
		struct entry e;

		assert_int_equal(entry_next(&c, &e), 0);
		assert_int_equal(e.leaf.data[ENTRY_TLP_OFFSET], tlps[i]);
		assert_int_equal(e.erased, tlps[i] != TLP_GREEN);
		if (!e.erased && e.body.len)
			assert_int_equal(e.body.data[e.body.len - 1], i);
	}
	assert_true(cursor_done(&c));
	ingest_job_free(job);
	buf_free(&packed);
}

static void leaves_an_agreements_feed_alone(void **state)
{
	static const uint8_t key[32];
	struct buf packed = buf_with_max(65536);
	struct wire_data data = {.count = 1};
	struct ingest_job *job;

	(void)state;
	put_entry(&packed, TLP_AMBER, 10, 1);
	data.feed.audience = audience_agreement(7);
	data.entries = buf_view(&packed);
	job = ingest_job_new(&data, key);
	assert_int_equal(ingest_drop_mismarked(job), 0);
	assert_bytes_equal(bytes_from(job->entries, job->entries_len), buf_view(&packed));
	ingest_job_free(job);
	buf_free(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_the_body_of_another_marking_and_nothing_else),
		cmocka_unit_test(leaves_an_agreements_feed_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
