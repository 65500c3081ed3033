/* SPDX-License-Identifier: EUPL-1.2 */
/* The work itself, batch after batch, each stage by itself so that it can be told what it costs. */
#include "floor/floor.h"

#include <fcntl.h>
#include <pb_decode.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "floor.pb.h"
#include "merkle/leaves.h"
#include "proto/entry.h"

#define MILLION 1000000u

struct receiver {
	FILE *frames;
	const struct floor_peer *peer;
	struct noise_cipher cipher;
	struct range tree;
	struct floor_index index;
	int log;
	uint8_t hash_key[crypto_shorthash_KEYBYTES];
	struct floor_result *result;
	double stage_from;
	uint8_t *plain;
	struct entry entries[FLOOR_BATCH];
	struct floor_key keys[FLOOR_BATCH]; /* what: of the value; place: end of validity */
};

static void stage_begin(struct receiver *r)
{
	r->stage_from = floor_cpu();
}

static void stage_end(struct receiver *r, enum floor_stage stage)
{
	double now = floor_cpu();

	r->result->stage[stage] += now - r->stage_from;
	r->stage_from = now;
}

/* One frame; the bytes that it held, 0 at the end. */
static size_t frame_open(struct receiver *r, uint8_t *out)
{
	uint8_t sealed[NOISE_MESSAGE_MAX], prefix[2];
	size_t len;

	if (fread(prefix, 1, sizeof(prefix), r->frames) != sizeof(prefix))
		return 0;
	len = be16_get(prefix);
	floor_check(fread(sealed, 1, len, r->frames) == len ? 0 : ENT_EIO, "frame");
	floor_check(noise_open(&r->cipher, bytes_from(sealed, len), out), "open");
	return len - NOISE_TAG_BYTES;
}

static bool batch_open(struct receiver *r, struct floor_head *head)
{
	size_t len = frame_open(r, r->plain), all;

	if (len == 0)
		return false;
	memcpy(head, r->plain, sizeof(*head));
	all = sizeof(*head) + head->bytes;
	floor_check(head->count <= FLOOR_BATCH && all <= FLOOR_BATCH_BYTES ? 0 : ENT_ELIMIT,
		"batch");
	while (len < all)
		len += frame_open(r, r->plain + len);
	return true;
}

static void body_decode(struct receiver *r, const struct entry *e, struct floor_key *key)
{
	uint8_t raw[1 + sizeof(((floor_Record *)0)->value.bytes)];
	pb_istream_t in = pb_istream_from_buffer(e->body.data, e->body.len);
	floor_Record record;
	uint64_t hash;

	/* What is not in the body stays as it is: what is looked at is emptied here. */
	record.value.size = 0;
	record.valid_until = 0;
	record.labels_count = 0;
	floor_check(pb_decode_ex(&in, floor_Record_fields, &record, PB_DECODE_NOINIT)
			    ? 0
			    : ENT_EINVALID,
		"decode");
	raw[0] = e->leaf.data[4];
	memcpy(raw + 1, record.value.bytes, record.value.size);
	crypto_shorthash((uint8_t *)&hash, raw, 1u + record.value.size, r->hash_key);
	*key = (struct floor_key){hash, record.valid_until};
}

static void batch_decode(struct receiver *r, const struct floor_head *head)
{
	struct cursor c = cursor_of(bytes_from(r->plain + sizeof(*head), head->bytes));

	for (uint32_t i = 0; i < head->count; i++) {
		floor_check(entry_next(&c, &r->entries[i]), "entry");
		body_decode(r, &r->entries[i], &r->keys[i]);
	}
}

static void batch_hash(struct receiver *r, const struct floor_head *head)
{
	struct cursor c = cursor_of(bytes_from(r->plain + sizeof(*head), head->bytes));
	struct leaves leaves;

	for (uint32_t left = head->count; left > 0; left -= (uint32_t)leaves.len) {
		floor_check(leaves_read(&leaves, &c, left), "entry");
		floor_check(leaves_committed(&leaves) ? 0 : ENT_ECRYPTO, "commitment");
		range_append_all(&r->tree, leaves.hashes, leaves.len, NULL, NULL);
	}
}

static void batch_verify(struct receiver *r, const struct floor_head *head)
{
	struct hash root;

	range_root(&r->tree, &root);
	floor_check(hash_eq(&root, &head->checkpoint.root) ? 0 : ENT_EPROOF, "root");
	floor_check(checkpoint_verify(&head->checkpoint, r->peer->log_public), "signature");
}

static void batch_log(struct receiver *r, const struct floor_head *head)
{
	size_t len = sizeof(*head) + head->bytes;

	floor_check(write(r->log, r->plain, len) == (ssize_t)len && fdatasync(r->log) == 0
			    ? 0
			    : ENT_EIO,
		"log");
}

static void batch_index(struct receiver *r, const struct floor_head *head)
{
	uint64_t first = r->tree.end - head->count;

	for (uint32_t i = 0; i < head->count; i++)
		if (floor_index_add(&r->index, r->keys[i].what, r->keys[i].place, first + i))
			floor_index_write(&r->index);
}

static void take_in(struct receiver *r, double from)
{
	struct floor_result *result = r->result;
	struct floor_head head;

	for (;;) {
		stage_begin(r);
		if (!batch_open(r, &head))
			return;
		stage_end(r, STAGE_OPEN);
		batch_decode(r, &head);
		stage_end(r, STAGE_DECODE);
		batch_hash(r, &head);
		stage_end(r, STAGE_HASH);
		batch_verify(r, &head);
		stage_end(r, STAGE_VERIFY);
		batch_log(r, &head);
		stage_end(r, STAGE_LOG);
		batch_index(r, &head);
		stage_end(r, STAGE_INDEX);
		while (r->tree.end / MILLION > result->at_len && result->at_len < FLOOR_MARKS)
			result->at[result->at_len++] = floor_now() - from;
	}
}

void floor_run(const char *frames, const char *dir, const struct floor_peer *peer,
	struct floor_result *result)
{
	struct receiver *r = calloc(1, sizeof(*r));
	char path[4096];
	double from, cpu;

	floor_check(r ? 0 : ENT_ENOMEM, "receiver");
	*result = (struct floor_result){0};
	r->peer = peer;
	r->result = result;
	r->plain = malloc(FLOOR_BATCH_BYTES + NOISE_PLAIN_MAX);
	r->frames = fopen(frames, "r");
	snprintf(path, sizeof(path), "%s/log", dir);
	r->log = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	floor_check(r->plain && r->frames && r->log >= 0 ? 0 : ENT_EIO, dir);
	memcpy(r->cipher.key, peer->session_key, sizeof(r->cipher.key));
	randombytes_buf(r->hash_key, sizeof(r->hash_key));
	range_init(&r->tree, 0);
	floor_index_open(&r->index, dir);

	from = floor_now();
	cpu = floor_cpu();
	take_in(r, from);
	stage_begin(r);
	floor_index_write(&r->index);
	stage_end(r, STAGE_INDEX);
	result->records = r->tree.end;
	result->seconds = floor_now() - from;
	result->cpu = floor_cpu() - cpu;

	floor_check(floor_index_count(&r->index) == r->tree.end ? 0 : ENT_ESTATE, "count");
	floor_index_close(&r->index);
	close(r->log);
	fclose(r->frames);
	free(r->plain);
	free(r);
}
