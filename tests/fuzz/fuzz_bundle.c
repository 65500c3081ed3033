/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: provenance */
/* The parts of a bundle: the first byte says which, the rest is its payload. What an auditor reads
 * was made by who may lie. */
#include <stdlib.h>

#include "provenance/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What reads well has one form. */
static void same(const struct buf *out, struct bytes payload)
{
	if (buf_failed(out) || out->len != payload.len + BUNDLE_HEAD_BYTES ||
		!bytes_eq(bytes_skip(buf_view(out), BUNDLE_HEAD_BYTES), payload))
		abort();
}

static void entries(struct bytes payload)
{
	struct bundle_entries e;
	struct bundle_entry entry;
	struct cursor c;

	if (bundle_entries_read(payload, &e) != 0)
		return;
	c = cursor_of(e.packed);
	while (cursor_left(&c) && bundle_entry_next(&c, &entry) == 0)
		if (entry.leaf.len != ENTRY_HEADER_BYTES || entry.body.len > ENTRY_BODY_MAX)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes payload = bytes_skip(bytes_from(data, size), 1);
	struct buf out = buf_with_max(BUNDLE_FRAME_MAX);
	struct bundle_about about;
	struct bundle_witness witness;
	struct bundle_log log;
	struct bundle_cosignature k;

	if (size == 0 || size > BUNDLE_FRAME_MAX / 2)
		return 0;
	if (data[0] == BUNDLE_ABOUT && bundle_about_read(payload, &about) == 0) {
		bundle_about_put(&out, &about);
		same(&out, payload);
	} else if (data[0] == BUNDLE_WITNESS && bundle_witness_read(payload, &witness) == 0) {
		bundle_witness_put(&out, &witness);
		same(&out, payload);
	} else if (data[0] == BUNDLE_LOG && bundle_log_read(payload, &log) == 0) {
		bundle_log_put(&out, &log);
		same(&out, payload);
		if (log.left.begin != 0 || log.left.end != log.from || log.right.begin != log.to)
			abort();
	} else if (data[0] == BUNDLE_COSIGNATURE &&
		   bundle_cosignature_read(payload,
			   &(struct log_name){.incarnation = 1, .audience = {AUDIENCE_CLEAR, 0}},
			   &k) == 0) {
		bundle_cosignature_put(&out, &k);
		same(&out, payload);
	} else if (data[0] == BUNDLE_ENTRIES) {
		entries(payload);
	}
	buf_free(&out);
	return 0;
}
