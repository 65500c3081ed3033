/* SPDX-License-Identifier: EUPL-1.2 */
#include "provenance/bundle.h"

#include <assert.h>

/* --- writing ---------------------------------------------------------------------------------- */

size_t bundle_begin(struct buf *out, enum bundle_frame kind)
{
	size_t at = out->len;

	buf_u8(out, (uint8_t)kind);
	buf_u32(out, 0);
	return at;
}

void bundle_end(struct buf *out, size_t begun)
{
	if (buf_failed(out))
		return;
	assert(out->len >= begun + BUNDLE_HEAD_BYTES);
	be32_put(out->data + begun + 1, (uint32_t)(out->len - begun - BUNDLE_HEAD_BYTES));
}

static void log_put(struct buf *out, const struct log_name *log)
{
	uint8_t packed[LOG_NAME_BYTES];

	log_name_pack(packed, log);
	buf_bytes(out, BYTES_OF(packed));
}

static void checkpoint_put(struct buf *out, const struct checkpoint *c)
{
	buf_u64(out, c->size);
	buf_bytes(out, BYTES_OF(c->root.bytes));
	buf_bytes(out, BYTES_OF(c->signature));
}

static void range_put(struct buf *out, const struct range *r)
{
	buf_u8(out, (uint8_t)r->hashes_len);
	buf_append(out, r->hashes, r->hashes_len * sizeof(r->hashes[0]));
}

void bundle_about_put(struct buf *out, const struct bundle_about *a)
{
	size_t at = bundle_begin(out, BUNDLE_ABOUT);

	buf_bytes(out, BYTES_OF(a->node.bytes));
	buf_u64(out, (uint64_t)a->made_ms);
	buf_u64(out, (uint64_t)a->since_ms);
	buf_u64(out, (uint64_t)a->until_ms);
	buf_u8(out, a->flags);
	buf_bytes(out, a->software);
	bundle_end(out, at);
}

void bundle_witness_put(struct buf *out, const struct bundle_witness *w)
{
	size_t at = bundle_begin(out, BUNDLE_WITNESS);

	log_put(out, &w->checkpoint.log);
	buf_u8(out, w->flags);
	buf_u64(out, w->time);
	checkpoint_put(out, &w->checkpoint);
	if (w->flags & BUNDLE_FLAG_REWRITTEN)
		checkpoint_put(out, &w->other);
	bundle_end(out, at);
}

void bundle_log_put(struct buf *out, const struct bundle_log *log)
{
	size_t at = bundle_begin(out, BUNDLE_LOG);

	log_put(out, &log->name);
	buf_u8(out, log->flags);
	buf_u64(out, log->size);
	buf_u64(out, log->floor);
	buf_u64(out, log->from);
	buf_u64(out, log->to);
	if (log->flags & BUNDLE_FLAG_SIGNED)
		checkpoint_put(out, &log->checkpoint);
	range_put(out, &log->left);
	range_put(out, &log->right);
	bundle_end(out, at);
}

void bundle_cosignature_put(struct buf *out, const struct bundle_cosignature *c)
{
	size_t at = bundle_begin(out, BUNDLE_COSIGNATURE);

	buf_bytes(out, BYTES_OF(c->node.bytes));
	buf_u8(out, c->flags);
	checkpoint_put(out, &c->checkpoint);
	buf_u64(out, c->cosignature.time);
	buf_bytes(out, BYTES_OF(c->cosignature.signature));
	bundle_end(out, at);
}

void bundle_entries_head(uint8_t out[BUNDLE_ENTRIES_BYTES], const struct bundle_entries *e)
{
	be64_put(out, e->first);
	memcpy(out + 8, e->via.bytes, NODE_ID_BYTES);
	be64_put(out + 8 + NODE_ID_BYTES, (uint64_t)e->received_ms);
	be32_put(out + 16 + NODE_ID_BYTES, e->count);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool log_read(struct cursor *c, struct log_name *log)
{
	struct bytes packed = cursor_bytes(c, LOG_NAME_BYTES);

	return packed.len && log_name_unpack(packed, log);
}

static void checkpoint_read(struct cursor *c, const struct log_name *log, struct checkpoint *k)
{
	k->log = *log;
	k->size = cursor_u64(c);
	cursor_copy(c, k->root.bytes, sizeof(k->root.bytes));
	cursor_copy(c, k->signature, sizeof(k->signature));
}

/* Times are those of the vocabulary: they can be printed. */
static bool time_read(struct cursor *c, int64_t *ms)
{
	uint64_t raw = cursor_u64(c);

	*ms = (int64_t)raw;
	return raw <= RECORD_TIME_MAX_MS;
}

int bundle_about_read(struct bytes payload, struct bundle_about *a)
{
	struct cursor c = cursor_of(payload);
	bool good;

	cursor_copy(&c, a->node.bytes, NODE_ID_BYTES);
	good = time_read(&c, &a->made_ms);
	good &= time_read(&c, &a->since_ms);
	good &= time_read(&c, &a->until_ms);
	a->flags = cursor_u8(&c);
	a->software = cursor_bytes(&c, cursor_left(&c));
	return good && cursor_ok(&c) && a->made_ms ? 0 : ENT_EINVALID;
}

int bundle_witness_read(struct bytes payload, struct bundle_witness *w)
{
	struct cursor c = cursor_of(payload);
	struct log_name log;

	if (!log_read(&c, &log) || log.audience.kind != AUDIENCE_PROVENANCE)
		return ENT_EINVALID;
	w->flags = cursor_u8(&c);
	w->time = cursor_u64(&c);
	checkpoint_read(&c, &log, &w->checkpoint);
	if (w->flags & BUNDLE_FLAG_REWRITTEN)
		checkpoint_read(&c, &log, &w->other);
	return cursor_done(&c) ? 0 : ENT_EINVALID;
}

static int range_read(struct cursor *c, uint64_t begin, uint64_t end, struct range *r)
{
	uint8_t len = cursor_u8(c);
	struct hash hashes[RANGE_HASHES_MAX];

	if (len > RANGE_HASHES_MAX)
		return ENT_EINVALID;
	cursor_copy(c, hashes, len * sizeof(hashes[0]));
	return cursor_ok(c) ? range_set(r, begin, end, hashes, len) : ENT_EINVALID;
}

int bundle_log_read(struct bytes payload, struct bundle_log *log)
{
	struct cursor c = cursor_of(payload);
	uint64_t end;

	*log = (struct bundle_log){0};
	if (!log_read(&c, &log->name))
		return ENT_EINVALID;
	log->flags = cursor_u8(&c);
	log->size = cursor_u64(&c);
	log->floor = cursor_u64(&c);
	log->from = cursor_u64(&c);
	log->to = cursor_u64(&c);
	if (log->flags & BUNDLE_FLAG_SIGNED)
		checkpoint_read(&c, &log->name, &log->checkpoint);
	end = log->to;
	if ((log->flags & BUNDLE_FLAG_SIGNED) && log->checkpoint.size > end)
		end = log->checkpoint.size;
	/* Sizes that no log reaches would only be a way to make sums overflow. */
	if (log->size >= 1ull << 62 || log->from < log->floor || log->from > log->to ||
		end > log->size || range_read(&c, 0, log->from, &log->left) != 0 ||
		range_read(&c, log->to, end, &log->right) != 0)
		return ENT_EINVALID;
	return cursor_done(&c) ? 0 : ENT_EINVALID;
}

int bundle_cosignature_read(struct bytes payload, const struct log_name *log,
	struct bundle_cosignature *k)
{
	struct cursor c = cursor_of(payload);

	cursor_copy(&c, k->node.bytes, NODE_ID_BYTES);
	k->flags = cursor_u8(&c);
	checkpoint_read(&c, log, &k->checkpoint);
	k->cosignature.time = cursor_u64(&c);
	cursor_copy(&c, k->cosignature.signature, sizeof(k->cosignature.signature));
	return cursor_done(&c) ? 0 : ENT_EINVALID;
}

int bundle_entries_read(struct bytes payload, struct bundle_entries *e)
{
	struct cursor c = cursor_of(payload);
	bool good;

	e->first = cursor_u64(&c);
	cursor_copy(&c, e->via.bytes, NODE_ID_BYTES);
	good = time_read(&c, &e->received_ms);
	e->count = cursor_u32(&c);
	e->packed = cursor_bytes(&c, cursor_left(&c));
	return good && cursor_ok(&c) && e->count ? 0 : ENT_EINVALID;
}

int bundle_entry_next(struct cursor *c, struct bundle_entry *e)
{
	uint16_t body_len;

	e->leaf = cursor_bytes(c, ENTRY_HEADER_BYTES);
	e->state = cursor_u8(c);
	e->salt = e->body = BYTES_NONE;
	if (!cursor_ok(c) || e->state > BUNDLE_STATE_KEPT)
		return ENT_EINVALID;
	if (e->state != ENTRY_STATE_PRESENT)
		return 0;
	body_len = be16_get(e->leaf.data + 6);
	e->salt = cursor_bytes(c, ENTRY_SALT_BYTES);
	e->body = cursor_bytes(c, body_len);
	return cursor_ok(c) && body_len <= ENTRY_BODY_MAX ? 0 : ENT_EINVALID;
}

/* --- the digest ------------------------------------------------------------------------------- */

void bundle_digest_begin(struct hash *digest)
{
	hash_sha256(digest, bytes_str(BUNDLE_MAGIC));
}

void bundle_digest_add(struct hash *digest, struct bytes frame)
{
	const struct bytes parts[] = {BYTES_OF(digest->bytes), frame};

	hash_sha256_parts(digest, parts, 2);
}
