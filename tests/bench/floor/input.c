/* SPDX-License-Identifier: EUPL-1.2 */
/* What a sending node would have sent: outside of what is timed. */
#include "floor/floor.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "intake/intake.h"
#include "intel/value.h"

#define VALID_DAYS_MS (90ull * 86400 * 1000)

struct maker {
	FILE *out;
	const struct floor_peer *peer;
	struct noise_cipher cipher;
	struct range tree;
	struct buf body, entries, plain;
	uint32_t count;
	struct hash leaves[FLOOR_BATCH];
	uint64_t now_ms;
	struct object_key object_key;
};

static void random_fill(void *ctx, void *out, size_t len)
{
	(void)ctx;
	randombytes_buf(out, len);
}

/* As `publish` makes them with the options that run.py gives it. */
static void record_make(struct maker *m, struct bytes line)
{
	static const struct bytes labels[] = {{(const uint8_t *)"attack:T1566.002", 16},
		{(const uint8_t *)"phase:delivery", 14},
		{(const uint8_t *)"malware:lumma-stealer", 21}};
	struct env_rng rng = {random_fill, NULL};
	struct record_indicator r = {.has_confidence = true,
		.confidence = 80,
		.valid_from = m->now_ms,
		.valid_until = m->now_ms + VALID_DAYS_MS,
		.labels = labels,
		.labels_len = 3};
	struct intake_claim c = {.kind = KIND_INDICATOR, .tlp = TLP_GREEN};
	struct err_text err;
	struct value v;

	floor_check(value_parse(&v, line, TYPE_NONE, &err), "value");
	r.value = bytes_from(v.text, v.len);
	buf_reset(&m->body);
	floor_check(record_indicator_encode(&m->body, &r), "body");
	c.type = (uint8_t)v.type;
	c.value = r.value;
	c.body = buf_view(&m->body);
	floor_check(intake_entry(&c, &m->object_key, (int64_t)m->now_ms, &rng, &m->entries),
		"entry");
	m->count++;
}

static void frames_write(struct maker *m)
{
	struct bytes plain = buf_view(&m->plain);
	uint8_t frame[2 + NOISE_MESSAGE_MAX];

	while (plain.len > 0) {
		size_t len = plain.len < NOISE_PLAIN_MAX ? plain.len : NOISE_PLAIN_MAX;

		floor_check(noise_seal(&m->cipher, bytes_from(plain.data, len), frame + 2), "seal");
		be16_put(frame, (uint16_t)(len + NOISE_TAG_BYTES));
		len += 2 + NOISE_TAG_BYTES;
		floor_check(fwrite(frame, 1, len, m->out) == len ? 0 : ENT_EIO, "frames");
		plain = bytes_skip(plain, len - 2 - NOISE_TAG_BYTES);
	}
}

static void batch_end(struct maker *m)
{
	struct floor_head head = {.count = m->count, .bytes = (uint32_t)m->entries.len};

	if (m->count == 0)
		return;
	intake_commit(&m->entries, m->count, m->leaves);
	range_append_all(&m->tree, m->leaves, m->count, NULL, NULL);
	head.checkpoint = (struct checkpoint){.log = m->peer->log, .size = m->tree.end};
	range_root(&m->tree, &head.checkpoint.root);
	checkpoint_sign(&head.checkpoint, m->peer->log_secret);
	buf_reset(&m->plain);
	buf_append(&m->plain, &head, sizeof(head));
	buf_bytes(&m->plain, buf_view(&m->entries));
	floor_check(buf_failed(&m->entries) || buf_failed(&m->plain) ? ENT_ELIMIT : 0, "batch");
	frames_write(m);
	buf_reset(&m->entries);
	m->count = 0;
}

uint64_t floor_input_make(const char *path, const char *list, uint64_t records,
	const struct floor_peer *peer)
{
	struct maker m = {.peer = peer,
		.body = buf_with_max(ENTRY_BODY_MAX),
		.entries = buf_with_max(FLOOR_BATCH_BYTES),
		.plain = buf_with_max(FLOOR_BATCH_BYTES + sizeof(struct floor_head)),
		.now_ms = 1790000000000};
	FILE *in = fopen(list, "r");
	char line[RECORD_VALUE_MAX + 2];
	uint8_t object_secret[32];
	uint64_t made = 0;

	m.out = fopen(path, "w");
	floor_check(in && m.out ? 0 : ENT_EIO, list);
	memcpy(m.cipher.key, peer->session_key, sizeof(m.cipher.key));
	randombytes_buf(object_secret, sizeof(object_secret));
	object_key_init(&m.object_key, object_secret);
	range_init(&m.tree, 0);
	while (made < records && fgets(line, sizeof(line), in)) {
		m.now_ms += made++ % 8 == 0;
		record_make(&m, bytes_from(line, strcspn(line, "\n")));
		if (m.count == FLOOR_BATCH)
			batch_end(&m);
	}
	batch_end(&m);
	floor_check(fclose(m.out) == 0 ? 0 : ENT_EIO, path);
	fclose(in);
	buf_free(&m.body);
	buf_free(&m.entries);
	buf_free(&m.plain);
	return m.tree.end;
}
