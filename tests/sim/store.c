/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/store.h"

#include <assert.h>
#include <stdlib.h>

#include "base/vocab.h"
#include "proto/entry.h"

#define LOG_BYTES_MAX ((size_t)1 << 30)

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static void log_free(struct sim_log *log)
{
	buf_free(&log->proof);
	buf_free(&log->entries);
	free(log->ends);
	free(log->leaves);
	free(log);
}

void sim_store_free(struct sim_store *s)
{
	struct sim_log *next;

	for (struct sim_log *log = s->logs; log; log = next) {
		next = log->next;
		log_free(log);
	}
	s->logs = NULL;
}

struct sim_log *sim_store_find(const struct sim_store *s, const struct log_name *name)
{
	for (struct sim_log *log = s->logs; log; log = log->next)
		if (log_name_eq(&log->name, name))
			return log;
	return NULL;
}

struct sim_log *sim_store_need(struct sim_store *s, const struct log_name *name)
{
	struct sim_log **at = &s->logs;

	for (; *at; at = &(*at)->next)
		if (log_name_eq(&(*at)->name, name))
			return *at;
	*at = need(calloc(1, sizeof(**at)));
	(*at)->name = *name;
	(*at)->entries = buf_with_max(LOG_BYTES_MAX);
	(*at)->proof = buf_with_max(WIRE_MESSAGE_MAX);
	(*at)->frontier.tree.end = UINT64_MAX;
	return *at;
}

/* --- a log ------------------------------------------------------------------------------------ */

/* Twice as much each time: sanitisers copy whenever anything grows. */
static uint64_t room_for(uint64_t count)
{
	uint64_t room = 64;

	while (room < count)
		room *= 2;
	return room;
}

void sim_log_append(struct sim_log *log, struct bytes entries, uint32_t count)
{
	struct cursor c = cursor_of(entries);
	size_t base = log->entries.len;

	if (!log->ends || room_for(log->size + count) != room_for(log->size)) {
		uint64_t room = room_for(log->size + count);

		log->ends = need(realloc(log->ends, room * sizeof(*log->ends)));
		log->leaves = need(realloc(log->leaves, room * sizeof(*log->leaves)));
	}
	buf_bytes(&log->entries, entries);
	for (uint32_t i = 0; i < count; i++) {
		struct entry entry;
		int rc = entry_next(&c, &entry);

		assert(rc == 0);
		base += entry_packed_len(&entry);
		log->ends[log->size] = base;
		hash_leaf(&log->leaves[log->size], entry.leaf);
		log->size++;
	}
	assert(base == log->entries.len && !buf_failed(&log->entries));
}

void sim_log_accuse(struct sim_log *log, struct bytes proof)
{
	buf_reset(&log->proof);
	buf_bytes(&log->proof, proof);
}

static size_t log_offset(const struct sim_log *log, uint64_t index)
{
	return index ? log->ends[index - 1] : 0;
}

struct bytes sim_log_entries(const struct sim_log *log, uint64_t from, uint64_t to)
{
	size_t begin = log_offset(log, from);

	assert(from <= to && to <= log->size);
	return bytes_from(log->entries.data + begin, log_offset(log, to) - begin);
}

void sim_log_range(const struct sim_log *log, uint64_t begin, uint64_t end, struct range *out)
{
	assert(begin <= end && end <= log->size);
	range_init(out, begin);
	for (uint64_t i = begin; i < end; i++)
		range_append(out, &log->leaves[i]);
}

void sim_log_sign(const struct sim_log *log, uint64_t size, const struct identity *identity,
	struct checkpoint *c)
{
	struct range tree;

	sim_log_range(log, 0, size, &tree);
	c->log = log->name;
	c->size = size;
	range_root(&tree, &c->root);
	checkpoint_sign(c, identity->log_secret);
}

/* --- publishing ------------------------------------------------------------------------------- */

static void entry_make(struct buf *out, const struct log_name *feed, size_t body_len,
	const struct env_rng *rng)
{
	static uint8_t body[ENTRY_BODY_MAX];
	uint8_t leaf[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES];
	struct entry entry = {BYTES_OF(leaf), BYTES_OF(salt), bytes_from(body, body_len), false};
	struct entry_header header = {.version = ENTRY_VERSION,
		.kind = KIND_OBJECT,
		.tlp = feed->audience.kind == AUDIENCE_CLEAR   ? TLP_CLEAR
		       : feed->audience.kind == AUDIENCE_GREEN ? TLP_GREEN
							       : TLP_AMBER,
		.body_len = (uint16_t)body_len};
	struct hash commitment;
	size_t len;

	assert(body_len <= sizeof(body));
	/* Enough chance to tell bodies apart; the rest costs time only. */
	env_random(rng, body, body_len < 32 ? body_len : 32);
	env_random(rng, salt, sizeof(salt));
	env_random(rng, header.object, sizeof(header.object));
	hash_commitment(&commitment, entry.salt, entry.body);
	memcpy(header.commitment, commitment.bytes, sizeof(header.commitment));
	entry_header_encode(leaf, &header);
	len = entry_packed_len(&entry);
	entry_pack(need(buf_extend(out, len)), &entry);
}

void sim_log_publish(struct sim_log *log, const struct identity *identity, uint32_t count,
	size_t body_len, const struct env_rng *rng)
{
	struct buf entries = buf_with_max(LOG_BYTES_MAX);

	for (uint32_t i = 0; i < count; i++)
		entry_make(&entries, &log->name, body_len, rng);
	sim_log_append(log, buf_view(&entries), count);
	buf_free(&entries);
	sim_log_sign(log, log->size, identity, &log->complete);
	log->seen = log->complete;
}

/* --- what the engine reads -------------------------------------------------------------------- */

static int read_run(void *ctx, const struct log_name *feed, uint64_t from, uint64_t to,
	size_t bytes_max, struct buf *out, uint32_t *count)
{
	const struct sim_log *log = sim_store_find(ctx, feed);
	uint64_t end = from + 1;

	if (!log || from >= to || to > log->size)
		return ENT_ENOTFOUND;
	while (end < to && log->ends[end] - log_offset(log, from) <= bytes_max)
		end++;
	buf_bytes(out, sim_log_entries(log, from, end));
	*count = (uint32_t)(end - from);
	return 0;
}

static int read_range(void *ctx, const struct log_name *feed, uint64_t begin, uint64_t end,
	struct range *out)
{
	const struct sim_log *log = sim_store_find(ctx, feed);

	((struct sim_store *)ctx)->ranges_read++;
	if (!log || begin > end || end > log->size)
		return ENT_ENOTFOUND;
	sim_log_range(log, begin, end, out);
	return 0;
}

/* Whatever has no body under a complete checkpoint: nothing is ever erased here. */
static int read_missing(void *ctx, const struct log_name *feed, uint64_t from, uint64_t *indexes,
	size_t max, size_t *len)
{
	const struct sim_log *log = sim_store_find(ctx, feed);

	*len = 0;
	for (uint64_t i = from; log && i < log->complete.size && *len < max; i++) {
		struct cursor c = cursor_of(sim_log_entries(log, i, i + 1));
		struct entry e;

		if (entry_next(&c, &e) == 0 && e.erased)
			indexes[(*len)++] = i;
	}
	return 0;
}

struct gossip_store sim_store_gossip(struct sim_store *s)
{
	return (struct gossip_store){
		.ctx = s, .run = read_run, .range = read_range, .missing = read_missing};
}
