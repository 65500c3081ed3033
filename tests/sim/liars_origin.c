/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Origins that lie under their own signature. The story that some are told is made from the node's
 * own store whenever it speaks: every entry of it bears another flag, so it parts from the truth at
 * its first leaf, and is as well signed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/vocab.h"
#include "merkle/proof.h"
#include "proto/entry.h"
#include "proto/limits.h"
#include "sim/liars.h"
#include "sim/watch.h"

#define OTHER_FLAG 0x40u /* of a header; readers pass it over */

/* --- a story ---------------------------------------------------------------------------------- */

static void other_flags(struct bytes entries)
{
	struct cursor c = cursor_of(entries);
	struct entry e;

	while (!cursor_done(&c)) {
		int rc = entry_next(&c, &e);

		assert(rc == 0);
		((uint8_t *)(uintptr_t)e.leaf.data)[ENTRY_FLAGS_OFFSET] ^= OTHER_FLAG;
	}
}

/* The first size entries of an own feed as some are told them; NULL: they are not all here. */
static struct sim_log *story_of(struct sim_store *s, struct world_node *n,
	const struct log_name *feed, uint64_t size)
{
	struct sim_log *story = sim_store_need(s, feed);
	struct store_reader *r;
	int rc = store_reader_open(n->store, &r);

	if (rc != 0)
		return NULL;
	while (rc == 0 && story->size < size) {
		struct buf entries = buf_with_max((size_t)1 << 30);
		uint32_t count = 0;

		rc = store_run_read(r, feed, story->size, size, (size_t)1 << 20, &entries, &count);
		if (rc == 0) {
			other_flags(buf_view(&entries));
			sim_log_append(story, buf_view(&entries), count);
		}
		buf_free(&entries);
	}
	store_reader_close(r);
	return rc == 0 ? story : NULL;
}

static void story_sign(const struct sim_log *story, const struct world_node *n, uint64_t size,
	struct wire_checkpoint *out)
{
	struct checkpoint c;

	sim_log_sign(story, size,
		cast_keys(n->actor->number, (unsigned)(story->name.incarnation - CAST_EPOCH)), &c);
	checkpoint_to_wire(out, &c);
}

static int story_subtree(void *ctx, unsigned level, uint64_t index, struct hash *hash)
{
	struct range range;

	sim_log_range(ctx, index << level, (index + 1) << level, &range);
	*hash = range.hashes[0];
	return 0;
}

static const uint8_t (*hashes_copy(struct arena *arena, const struct hash *hashes, size_t len))[32]
{
	uint8_t(*copy)[32] = arena_alloc(arena, (len + 1) * sizeof(*copy));

	if (len)
		memcpy(copy, hashes, len * sizeof(*copy));
	return (const uint8_t(*)[32])copy;
}

/* --- telling it ------------------------------------------------------------------------------- */

/* less: by so many entries the story is shorter than the truth. */
struct telling {
	struct world_node *node;
	struct sim_store store;
	uint64_t less;
	struct arena *arena;
};

static bool own(const struct telling *t, const struct log_name *feed)
{
	return feed->audience.kind != AUDIENCE_PROVENANCE &&
	       node_id_eq(&feed->node, &t->node->actor->node);
}

/* Of a feed that stands at size in truth. */
static struct sim_log *begin(struct telling *t, const struct log_name *feed, uint64_t size)
{
	return size > t->less ? story_of(&t->store, t->node, feed, size - t->less) : NULL;
}

static bool tell_heads(struct telling *t, struct wire_heads *m)
{
	struct wire_head *heads = arena_alloc(t->arena, (m->heads_len + 1) * sizeof(*heads));
	size_t len = 0;

	for (size_t i = 0; i < m->heads_len; i++) {
		struct sim_log *story;

		heads[len] = m->heads[i];
		if (own(t, &m->heads[i].feed)) {
			story = begin(t, &m->heads[i].feed, m->heads[i].newest.size);
			if (!story)
				continue;
			story_sign(story, t->node, story->size, &heads[len].newest);
			heads[len].held = story->size;
		}
		len++;
	}
	m->heads = heads;
	m->heads_len = len;
	return true;
}

static bool tell_held(struct telling *t, struct wire_held *m)
{
	struct sim_log *story = begin(t, &m->feed, m->size);
	struct wire_checkpoint c;

	if (!story)
		return false;
	story_sign(story, t->node, story->size, &c);
	m->size = c.size;
	memcpy(m->root, c.root, sizeof(m->root));
	return true;
}

static bool tell_data(struct telling *t, struct wire_data *m)
{
	struct sim_log *story = begin(t, &m->feed, m->checkpoint.size);
	uint64_t end = m->start + m->count;
	struct range right;

	if (!story || m->start >= story->size)
		return false;
	if (end > story->size)
		end = story->size;
	m->count = (uint32_t)(end - m->start);
	m->entries = arena_copy(t->arena, sim_log_entries(story, m->start, end));
	story_sign(story, t->node, story->size, &m->checkpoint);
	sim_log_range(story, end, story->size, &right);
	m->right = hashes_copy(t->arena, right.hashes, right.hashes_len);
	m->right_len = right.hashes_len;
	return true;
}

static bool tell_proof(struct telling *t, struct wire_proof *m)
{
	struct sim_log *story = begin(t, &m->feed, m->second);
	struct proof proof = {0};

	if (!story || m->first > story->size)
		return false;
	m->second = story->size;
	if (m->first < m->second &&
		proof_split_build(&proof, m->first, m->second, story_subtree, story) != 0)
		return false;
	m->hashes = hashes_copy(t->arena, proof.hashes, proof.hashes_len);
	m->hashes_len = proof.hashes_len;
	story_sign(story, t->node, story->size, &m->checkpoint);
	return true;
}

static bool tell(struct telling *t, struct wire_message *m)
{
	switch (m->type) {
	case WIRE_HEADS:
		return tell_heads(t, &m->heads);
	case WIRE_HELD:
		return !own(t, &m->held.feed) || tell_held(t, &m->held);
	case WIRE_DATA:
		return !own(t, &m->data.feed) || tell_data(t, &m->data);
	case WIRE_PROOF:
		return !own(t, &m->proof.feed) || tell_proof(t, &m->proof);
	default:
		return true;
	}
}

/* Every other neighbour is told the story. */
static bool tell_half(struct world_node *from, const struct world_node *to, struct wire_message *m,
	struct arena *arena, uint64_t less)
{
	struct telling t = {.node = from, .less = less, .arena = arena};
	bool said;

	if (to->actor->number % 2 == 0)
		return true;
	watch_disown(from->world, from);
	said = tell(&t, m);
	sim_store_free(&t.store);
	return said;
}

bool liar_tells_two_stories(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx;
	return tell_half(from, to, m, arena, 0);
}

/* The story ends one entry before the truth. */
bool liar_tells_two_stories_of_two_sizes(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx;
	return tell_half(from, to, m, arena, 1);
}

/* --- cards and markings ----------------------------------------------------------------------- */

/* Every other neighbour is shown another card that follows the first. */
bool liar_has_two_cards(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	struct card_chain chain;

	(void)ctx;
	watch_disown(from->world, from);
	if (m->type != WIRE_CARDS || !bytes_eq(m->cards.cards[0], from->actor->chain.notes[0]))
		return true;
	chain = cast_next_card(from->actor->number, to->actor->number % 2, arena);
	m->cards.cards = chain.notes;
	m->cards.cards_len = chain.cards_len;
	return true;
}

/* It says all that it says as it is; what it publishes is wrong. */
bool liar_marks_wrongly(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)from, (void)to, (void)m, (void)arena;
	return true;
}
