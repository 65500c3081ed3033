/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the tests of the store compare it with: logs as plain arrays in memory, and tree hashes
 * straight from RFC 6962, section 2.1, without ranges.
 */
#pragma once

#include "lib/test.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/vocab.h"
#include "merkle/hash.h"
#include "store/store.h"

#define assert_ok(call) assert_int_equal(call, 0)

struct model_log {
	struct log_name name;
	struct buf packed; /* all entries, those not appended yet included */
	size_t *offsets;   /* of each entry in packed */
	struct hash *leaves;
	uint64_t made;     /* entries in packed */
	uint64_t size;     /* entries appended */
	struct range tree; /* [0, made) */
};

static inline struct log_name model_name(unsigned node, uint64_t incarnation,
	struct audience audience)
{
	struct log_name name = {.incarnation = incarnation, .audience = audience};

	name.node.bytes[0] = (uint8_t)node;
	name.node.bytes[NODE_ID_BYTES - 1] = 0xff;
	return name;
}

static inline void model_log_init(struct model_log *m, struct log_name name)
{
	*m = (struct model_log){.name = name, .packed = buf_with_max(1u << 30)};
	range_init(&m->tree, 0);
}

static inline void model_log_free(struct model_log *m)
{
	buf_free(&m->packed);
	free(m->offsets);
	free(m->leaves);
}

/* The salt of an entry: no two commitments are alike. */
static inline void model_salt(const struct model_log *m, uint64_t index,
	uint8_t salt[ENTRY_SALT_BYTES])
{
	be64_put(salt, index);
	be64_put(salt + 8, m->name.incarnation);
}

/* Makes the next entry of the log; erased: it comes without its body. */
static inline void model_entry(struct model_log *m, struct entry_header header, struct bytes body,
	bool erased)
{
	uint8_t leaf[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES];
	struct entry entry = {.leaf = BYTES_OF(leaf), .erased = erased};
	struct hash commitment;

	header.version = header.version ? header.version : ENTRY_VERSION;
	header.body_len = (uint16_t)body.len;
	model_salt(m, m->made, salt);
	hash_commitment(&commitment, BYTES_OF(salt), body);
	memcpy(header.commitment, commitment.bytes, sizeof(header.commitment));
	entry_header_encode(leaf, &header);
	if (!erased) {
		entry.salt = BYTES_OF(salt);
		entry.body = body;
	}
	/* Twice as long each time it is full: sanitisers copy whenever anything grows. */
	if ((m->made & (m->made - 1)) == 0) {
		size_t room = m->made ? 2 * (size_t)m->made : 1;

		m->offsets = realloc(m->offsets, room * sizeof(*m->offsets));
		m->leaves = realloc(m->leaves, room * sizeof(*m->leaves));
		assert_true(m->offsets && m->leaves);
	}
	m->offsets[m->made] = m->packed.len;
	hash_leaf(&m->leaves[m->made], entry.leaf);
	range_append(&m->tree, &m->leaves[m->made]);
	m->made++;
	entry_pack(buf_extend(&m->packed, entry_packed_len(&entry)), &entry);
	assert_false(buf_failed(&m->packed));
}

/* Entries of a kind that no index reads, with bodies of up to body_max bytes. */
static inline void model_entries(struct model_log *m, const struct env_rng *rng, uint32_t count,
	size_t body_max)
{
	uint8_t body[ENTRY_BODY_MAX];

	while (count-- > 0) {
		struct entry_header header = {.kind = 200, .tlp = TLP_CLEAR};
		size_t len = env_random_u64(rng) % (body_max + 1);

		env_random(rng, body, len);
		model_entry(m, header, bytes_from(body, len), false);
	}
}

/* Entries [from, to) of the log, packed. */
static inline struct bytes model_run(const struct model_log *m, uint64_t from, uint64_t to)
{
	size_t begin = from < m->made ? m->offsets[from] : m->packed.len;
	size_t end = to < m->made ? m->offsets[to] : m->packed.len;

	return bytes_from(m->packed.data + begin, end - begin);
}

/* Appends what was made since; the caller sets m->size once it is committed. */
static inline int model_append(struct store_txn *txn, const struct model_log *m)
{
	struct store_log log;
	struct store_run run = {
		.log = m->name,
		.start = m->size,
		.count = (uint32_t)(m->made - m->size),
		.entries = model_run(m, m->size, m->made),
		.tree = &m->tree,
		.received_ms = (int64_t)m->made,
	};
	int rc = store_txn_log(txn, &m->name, true, &log);

	run.via.bytes[3] = m->name.node.bytes[0];
	return rc ? rc : store_append(txn, &run);
}

static inline void model_store(struct store *s, struct model_log *m)
{
	struct store_txn *txn;

	assert_ok(store_begin(s, &txn));
	assert_ok(model_append(txn, m));
	assert_ok(store_commit(txn));
	m->size = m->made;
}

/* MTH of RFC 6962. */
static inline struct hash model_tree(const struct hash *leaves, uint64_t count)
{
	struct hash left, right, out;
	uint64_t split = 1;

	if (count == 1)
		return leaves[0];
	while (split * 2 < count)
		split *= 2;
	left = model_tree(leaves, split);
	right = model_tree(leaves + split, count - split);
	hash_node(&out, &left, &right);
	return out;
}

static inline struct store *model_open(const char *dir, enum store_mode mode)
{
	struct err_text err = {{0}};
	struct store *s;
	int rc = store_open(&s, dir, mode, &err);

	if (rc)
		fail_msg("store_open: %s", err.text);
	return s;
}

/* The log in the store is the log of the model, as a reader sees it. */
static inline void model_compare(struct store_reader *r, const struct model_log *m,
	const struct env_rng *rng, unsigned probes)
{
	struct buf out = buf_with_max(1u << 30);
	struct store_log log;
	struct store_tree tree = {.reader = r};

	assert_ok(store_log_get(r, &m->name, &log));
	assert_true(log.size == m->size);
	tree.log = log.number;
	if (m->size == m->made)
		assert_memory_equal(log.tree.hashes, m->tree.hashes,
			m->tree.hashes_len * HASH_BYTES);
	for (unsigned i = 0; i < probes && m->size > 0; i++) {
		uint64_t from = env_random_u64(rng) % m->size;
		uint64_t to = from + 1 + env_random_u64(rng) % (m->size - from);
		unsigned level = (unsigned)(env_random_u64(rng) % 13);
		uint64_t subtrees = m->size >> level;
		size_t bytes_max = env_random_u64(rng) % 300000;
		struct hash expected, got;
		struct store_entry e;
		uint32_t count;

		buf_reset(&out);
		assert_ok(store_run_read(r, &m->name, from, to, bytes_max, &out, &count));
		assert_in_range(count, 1, to - from);
		assert_bytes_equal(buf_view(&out), model_run(m, from, from + count));
		assert_true(out.len <= bytes_max || count == 1);
		/* As many as fit: one more would have been too much. */
		assert_true(from + count == to ||
			    model_run(m, from, from + count + 1).len > bytes_max);

		assert_ok(store_entry_get(r, log.number, from, &e));
		assert_true(e.index == from && e.log == log.number);
		assert_memory_equal(e.entry.leaf.data, m->packed.data + m->offsets[from],
			ENTRY_HEADER_BYTES);

		assert_int_equal(store_tree_subtree(&tree, level, subtrees, &got), ENT_ENOTFOUND);
		if (subtrees == 0)
			continue;
		subtrees = env_random_u64(rng) % subtrees;
		expected = model_tree(m->leaves + (subtrees << level), 1ull << level);
		assert_ok(store_tree_subtree(&tree, level, subtrees, &got));
		assert_memory_equal(&got, &expected, HASH_BYTES);
	}
	buf_free(&out);
}
