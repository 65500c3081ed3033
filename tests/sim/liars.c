/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/liars.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vocab.h"
#include "ledger/reading.h"
#include "proto/entry.h"
#include "proto/limits.h"
#include "sim/world_impl.h"

/* --- runs, each with one thing changed ------------------------------------------------------- */

static bool foreign(const struct world_node *from, const struct wire_message *m)
{
	return m->type == WIRE_DATA && !node_id_eq(&m->data.feed.node, &from->actor->node);
}

/* Writable, in the arena. */
static uint8_t *entries_copy(struct wire_message *m, struct arena *arena)
{
	m->data.entries = arena_copy(arena, m->data.entries);
	return (uint8_t *)(uintptr_t)m->data.entries.data;
}

bool liar_withholds(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	return !foreign(from, m);
}

/* Says nothing new, and tells of more than there is. */
bool liar_boasts(void *ctx, struct world_node *from, struct world_node *to, struct wire_message *m,
	struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	if (m->type == WIRE_HELD)
		m->held.size = UINT64_MAX;
	return !foreign(from, m);
}

bool liar_corrupts_a_body(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to;
	if (foreign(from, m))
		entries_copy(m, arena)[m->data.entries.len - 1] ^= 1;
	return true;
}

bool liar_corrupts_a_header(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to;
	if (foreign(from, m))
		entries_copy(m, arena)[2] ^= 1;
	return true;
}

bool liar_erases_half_of_the_last_entry(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	if (foreign(from, m))
		m->data.entries.len -= 40;
	return true;
}

bool liar_reorders_entries(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	struct bytes first, rest;
	struct entry entry;
	struct cursor c;
	uint8_t *copy;

	(void)ctx, (void)to;
	if (!foreign(from, m) || m->data.count < 2)
		return true;
	c = cursor_of(m->data.entries);
	if (entry_next(&c, &entry) != 0)
		return true;
	first = bytes_from(m->data.entries.data, entry_packed_len(&entry));
	rest = bytes_skip(m->data.entries, first.len);
	copy = arena_alloc(arena, m->data.entries.len);
	memcpy(copy, rest.data, rest.len);
	memcpy(copy + rest.len, first.data, first.len);
	m->data.entries.data = copy;
	return true;
}

bool liar_changes_the_root(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	if (foreign(from, m))
		m->data.checkpoint.root[7] ^= 1;
	return true;
}

/* The right root, signed by the liar itself. */
bool liar_signs_itself(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	struct checkpoint c;

	(void)ctx, (void)to, (void)arena;
	if (!foreign(from, m))
		return true;
	checkpoint_from_wire(&c, &m->data.feed, &m->data.checkpoint);
	checkpoint_sign(&c, from->identity->log_secret);
	checkpoint_to_wire(&m->data.checkpoint, &c);
	return true;
}

bool liar_counts_one_more(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	if (foreign(from, m))
		m->data.count++;
	return true;
}

bool liar_counts_one_less(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	if (foreign(from, m) && m->data.count > 1)
		m->data.count--;
	return true;
}

bool liar_adds_a_hash(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	uint8_t(*right)[32];

	(void)ctx, (void)to;
	if (!foreign(from, m))
		return true;
	right = arena_alloc(arena, (m->data.right_len + 1) * sizeof(*right));
	if (m->data.right_len)
		memcpy(right, m->data.right, m->data.right_len * sizeof(*right));
	m->data.right = (const uint8_t(*)[32])right;
	m->data.right_len++;
	return true;
}

/* Only runs that do not reach up to their checkpoint have such hashes. */
bool liar_changes_a_hash(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	uint8_t(*right)[32];

	(void)ctx, (void)to;
	if (!foreign(from, m) || m->data.right_len == 0)
		return true;
	right = arena_alloc(arena, m->data.right_len * sizeof(*right));
	memcpy(right, m->data.right, m->data.right_len * sizeof(*right));
	right[m->data.right_len - 1][3] ^= 1;
	m->data.right = (const uint8_t(*)[32])right;
	return true;
}

/* --- serving, or not -------------------------------------------------------------------------- */

/* The hashes that complete a run which ends at `end`; false: the liar has not got them. */
static bool right_of(struct world_node *n, struct wire_data *m, uint64_t end, struct arena *arena)
{
	struct gossip_store reads = ledger_reads(n->store);
	struct range right;
	uint8_t(*copy)[32];

	if (reads.range(reads.ctx, &m->feed, end, m->checkpoint.size, &right) != 0)
		return false;
	copy = arena_alloc(arena, (right.hashes_len + 1) * sizeof(*copy));
	memcpy(copy, right.hashes, right.hashes_len * sizeof(*copy));
	m->right = (const uint8_t(*)[32])copy;
	m->right_len = right.hashes_len;
	return true;
}

/* Of every run only the first entry, as true as the run was: what follows then begins beyond what
 * has arrived. */
bool liar_serves_an_entry_at_a_time(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	struct entry first;
	struct cursor c;

	(void)ctx, (void)to;
	if (!foreign(from, m) || m->data.count < 2)
		return true;
	c = cursor_of(m->data.entries);
	if (entry_next(&c, &first) != 0 || !right_of(from, &m->data, m->data.start + 1, arena))
		return false;
	m->data.count = 1;
	m->data.entries.len = entry_packed_len(&first);
	return true;
}

/* Asks for what it was to give: each would be the other's source. */
bool liar_leans_on_whom_it_serves(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to, (void)arena;
	if (foreign(from, m))
		*m = (struct wire_message){
			.type = WIRE_SUBSCRIBE, .subscribe = {m->data.feed, m->data.start}};
	return true;
}

/* Of every other entry the body, as if it had been erased. */
static void strip(struct wire_data *m, struct arena *arena)
{
	uint8_t *out = arena_alloc(arena, m->entries.len);
	struct cursor c = cursor_of(m->entries);
	struct bytes kept = {out, 0};

	for (uint32_t i = 0; i < m->count; i++) {
		struct entry e;

		if (entry_next(&c, &e) != 0)
			abort();
		if ((m->start + i) % 2) {
			e.erased = true;
			e.salt = e.body = bytes_from(NULL, 0);
		}
		entry_pack(out + kept.len, &e);
		kept.len += entry_packed_len(&e);
	}
	m->entries = kept;
}

/* Whoever asks it for them is told that it has none. */
bool liar_strips_bodies(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)to;
	if (foreign(from, m))
		strip(&m->data, arena);
	if (m->type == WIRE_BODIES)
		m->bodies.bodies_len = 0;
	return true;
}

/* Whoever asks it for them is given what nobody has said. */
bool liar_gives_other_bodies(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	struct wire_body *bodies;

	(void)ctx, (void)to;
	if (foreign(from, m))
		strip(&m->data, arena);
	if (m->type != WIRE_BODIES || m->bodies.bodies_len == 0)
		return true;
	bodies = arena_alloc(arena, m->bodies.bodies_len * sizeof(*bodies));
	memcpy(bodies, m->bodies.bodies, m->bodies.bodies_len * sizeof(*bodies));
	bodies[0].salt[0] ^= 1;
	m->bodies.bodies = bodies;
	return true;
}

/* Packed entries as they were before anybody erased them, by their commitment. */
struct liar_memory {
	struct map entries; /* commitment -> struct bytes */
	struct arena arena;
	unsigned used;
};

struct liar_memory *liar_memory_new(void)
{
	static const uint8_t hash_key[16];
	struct liar_memory *memory = calloc(1, sizeof(*memory));

	assert(memory);
	map_init(&memory->entries, HASH_BYTES, SIZE_MAX, hash_key);
	return memory;
}

void liar_memory_free(struct liar_memory *memory)
{
	map_free(&memory->entries);
	arena_free(&memory->arena);
	free(memory);
}

unsigned liar_memory_used(const struct liar_memory *memory)
{
	return memory->used;
}

/* The entry as it is known; NULL: it was never seen with its body. */
static const struct bytes *recall(struct liar_memory *memory, const struct entry *e,
	struct bytes packed)
{
	const uint8_t *commitment = e->leaf.data + ENTRY_COMMITMENT_OFFSET;
	struct bytes *known = map_get(&memory->entries, commitment);

	memory->used += known && e->erased;
	if (known || e->erased)
		return known;
	known = arena_alloc(&memory->arena, sizeof(*known));
	*known = arena_copy(&memory->arena, packed);
	if (map_put(&memory->entries, commitment, known) != 0)
		abort();
	return known;
}

bool liar_gives_back_what_was_erased(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	struct buf out = buf_with_max(WIRE_MESSAGE_MAX);
	struct cursor c;

	(void)to;
	if (!ctx || !foreign(from, m))
		return true;
	c = cursor_of(m->data.entries);
	for (uint32_t i = 0; i < m->data.count; i++) {
		struct bytes packed = {c.at, 0};
		const struct bytes *known;
		struct entry e;

		if (entry_next(&c, &e) != 0)
			abort();
		packed.len = entry_packed_len(&e);
		known = recall(ctx, &e, packed);
		buf_bytes(&out, known ? *known : packed);
	}
	m->data.entries = arena_copy(arena, buf_view(&out));
	buf_free(&out);
	return m->data.entries.len <= WIRE_DATA_BYTES_MAX;
}

/* --- everything else that is said ------------------------------------------------------------- */

bool liar_keeps_its_heads(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)from, (void)to, (void)arena;
	return m->type != WIRE_HEADS && m->type != WIRE_HELD;
}

bool liar_grants_endless_credit(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)from, (void)to, (void)arena;
	if (m->type == WIRE_HELD)
		*m = (struct wire_message){.type = WIRE_CREDIT, .credit = {UINT64_MAX / 2}};
	return true;
}

bool liar_holds_more_than_was_signed(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	struct wire_head *heads;

	(void)ctx, (void)from, (void)to;
	if (m->type != WIRE_HEADS || m->heads.heads_len == 0)
		return true;
	heads = arena_alloc(arena, m->heads.heads_len * sizeof(*heads));
	memcpy(heads, m->heads.heads, m->heads.heads_len * sizeof(*heads));
	heads[0].held = heads[0].newest.size + 1;
	m->heads.heads = heads;
	return true;
}

bool liar_signs_heads_of_others(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	struct wire_head *heads;

	(void)ctx, (void)from, (void)to;
	if (m->type != WIRE_HEADS || m->heads.heads_len == 0)
		return true;
	heads = arena_alloc(arena, m->heads.heads_len * sizeof(*heads));
	memcpy(heads, m->heads.heads, m->heads.heads_len * sizeof(*heads));
	for (size_t i = 0; i < m->heads.heads_len; i++) {
		heads[i].newest.size += 1000;
		heads[i].newest.root[0] ^= 1;
	}
	m->heads.heads = heads;
	return true;
}

/* The same silence as for what does not exist. */
bool liar_asks_for_what_it_may_not_see(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)from, (void)arena;
	if (m->type == WIRE_HELD) {
		struct log_name feed = {
			to->actor->node, to->identity->incarnation, audience_agreement(0xdead)};

		*m = (struct wire_message){.type = WIRE_SUBSCRIBE, .subscribe = {feed, 0}};
	}
	return true;
}

bool liar_tells_of_strangers(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)from, (void)to, (void)arena;
	if (m->type == WIRE_HELD) {
		memset(m->held.feed.node.bytes, 0xee, sizeof(m->held.feed.node.bytes));
		m->held.size = UINT64_MAX;
	}
	return true;
}

bool liar_greets_again(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)from, (void)to, (void)arena;
	if (m->type == WIRE_HELD)
		*m = (struct wire_message){.type = WIRE_HELLO,
			.hello = {.version = WIRE_VERSION,
				.credit = SESSION_CREDIT_BYTES,
				.software = bytes_str("again")}};
	return true;
}

bool liar_never_reads(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)from, (void)to, (void)arena;
	return m->type != WIRE_CREDIT;
}

/* Others, of what it has signed itself in their names. */
bool liar_accuses(void *ctx, struct world_node *from, struct world_node *to, struct wire_message *m,
	struct arena *arena)
{
	struct checkpoint c[2];

	(void)ctx, (void)to, (void)arena;
	if (m->type != WIRE_HELD || m->held.size == 0 ||
		node_id_eq(&m->held.feed.node, &from->actor->node))
		return true;
	for (unsigned i = 0; i < 2; i++) {
		c[i] = (struct checkpoint){.log = m->held.feed, .size = m->held.size};
		c[i].root.bytes[0] = (uint8_t)i;
		checkpoint_sign(&c[i], from->identity->log_secret);
	}
	*m = (struct wire_message){.type = WIRE_SPLIT, .split = {.feed = c[0].log}};
	checkpoint_to_wire(&m->split.first, &c[0]);
	checkpoint_to_wire(&m->split.second, &c[1]);
	return true;
}

/* Another byte in the signature of somebody else's card. */
bool liar_forges_cards(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	struct bytes *notes;
	size_t last;

	(void)ctx, (void)to;
	if (m->type != WIRE_CARDS || bytes_eq(m->cards.cards[0], from->actor->chain.notes[0]))
		return true;
	notes = arena_alloc(arena, m->cards.cards_len * sizeof(*notes));
	memcpy(notes, m->cards.cards, m->cards.cards_len * sizeof(*notes));
	last = m->cards.cards_len - 1;
	notes[last] = arena_copy(arena, notes[last]);
	((uint8_t *)(uintptr_t)notes[last].data)[notes[last].len - 10] ^= 1;
	m->cards.cards = notes;
	return true;
}

/* Asks for a feed of the other's under an agreement in this keys directory, at this moment. */
static void ask_for(struct wire_message *m, const struct world_node *to, const struct agreement *a)
{
	struct log_name feed = {
		to->actor->node, to->identity->incarnation, audience_agreement(a->id)};

	*m = (struct wire_message){.type = WIRE_SUBSCRIBE, .subscribe = {feed, 0}};
}

/* Feeds that exist, under agreements between the other and third parties. */
bool liar_asks_for_the_feeds_of_others(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)arena;
	if (m->type == WIRE_HELD && to->agreements_len)
		ask_for(m, to, to->agreements[from->said % to->agreements_len]);
	return true;
}

/* Does not say that it has heard of an end, and goes on as if there were none. */
bool liar_keeps_to_what_has_ended(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	(void)ctx, (void)arena;
	if (m->type == WIRE_HELD && from->agreements_len)
		ask_for(m, to, from->agreements[from->said % from->agreements_len]);
	return m->type != WIRE_TERMS && m->type != WIRE_UNSUBSCRIBE;
}

/* It has the root that another has given up for the next one, and signs a card with keys of its own
 * with it. Whoever has not heard of the change takes that for news, until he does. */
bool liar_has_a_former_root(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	const struct guise *g;
	struct node_id node;
	struct bytes text;

	(void)ctx, (void)to;
	if (m->type != WIRE_CARDS)
		return true;
	text = bytes_skip(m->cards.cards[0], strlen("entente/card/v1\nnode: "));
	if (!node_id_parse(bytes_from(text.data, NODE_ID_TEXT_SIZE - 1), &node))
		abort();
	g = world_node_of(from->world, &node)->guise;
	while (g->former && g->former->root == g->root)
		g = g->former;
	if (!g->former)
		return true;
	g = cast_follow(g->former, LIAR_KEYS, false, arena);
	m->cards.cards = g->chain.notes;
	m->cards.cards_len = g->chain.cards_len;
	return true;
}

/* --- the library ------------------------------------------------------------------------------ */

const struct liar *liars(size_t *len)
{
	static const struct liar all[] = {
		{"withholds", "T26, T28", liar_withholds, LIAR_IGNORED, 0},
		{"boasts", "T19, T32", liar_boasts, LIAR_IGNORED, 0},
		{"keeps its heads", "T34", liar_keeps_its_heads, LIAR_IGNORED, 0},
		{"never reads", "T31", liar_never_reads, LIAR_IGNORED, 0},
		{"asks for what it may not see", "T35, T43", liar_asks_for_what_it_may_not_see,
			LIAR_IGNORED, 0},
		{"tells of strangers", "T30", liar_tells_of_strangers, LIAR_IGNORED, 0},
		{"grants endless credit", "T31", liar_grants_endless_credit, LIAR_PUNISHED, 0},
		{"holds more than was signed", "T19", liar_holds_more_than_was_signed,
			LIAR_PUNISHED, 0},
		{"signs heads of others", "T20", liar_signs_heads_of_others, LIAR_PUNISHED, 0},
		{"greets again", "T12", liar_greets_again, LIAR_PUNISHED, 0},
		{"corrupts a body", "T24", liar_corrupts_a_body, LIAR_LIED, 0},
		{"corrupts a header", "T24", liar_corrupts_a_header, LIAR_LIED, 0},
		{"cuts an entry short", "T24", liar_erases_half_of_the_last_entry, LIAR_LIED, 0},
		{"reorders entries", "T23", liar_reorders_entries, LIAR_LIED, 0},
		{"changes the root", "T18", liar_changes_the_root, LIAR_LIED, 0},
		{"signs itself", "T18", liar_signs_itself, LIAR_LIED, 0},
		{"counts one more", "T23", liar_counts_one_more, LIAR_LIED, 0},
		{"counts one less", "T23", liar_counts_one_less, LIAR_LIED, 0},
		{"adds a hash", "T23", liar_adds_a_hash, LIAR_LIED, 0},
		{"changes a hash", "T23", liar_changes_a_hash, LIAR_LIED, 0},
		{"serves an entry at a time", "T27", liar_serves_an_entry_at_a_time, LIAR_IGNORED,
			0},
		{"leans on whom it serves", "T29", liar_leans_on_whom_it_serves, LIAR_IGNORED, 0},
		{"strips bodies", "T24, T26", liar_strips_bodies, LIAR_IGNORED, 0},
		{"gives other bodies", "T24", liar_gives_other_bodies, LIAR_TEMPTED, 0},
		{"asks for the feeds of others", "T35, T43", liar_asks_for_the_feeds_of_others,
			LIAR_IGNORED, 0},
		{"keeps to what has ended", "T40", liar_keeps_to_what_has_ended, LIAR_IGNORED, 0},
		{"gives back what was erased", "T44", liar_gives_back_what_was_erased, LIAR_IGNORED,
			0},
		{"accuses", "T22", liar_accuses, LIAR_PUNISHED, 0},
		{"has a former root", "T37, T55", liar_has_a_former_root, LIAR_IGNORED, 0},
		{"forges cards", "T55", liar_forges_cards, LIAR_PUNISHED, 0},
		{"tells two stories", "T16", liar_tells_two_stories, LIAR_FROZEN, 0},
		{"tells two stories of two sizes", "T17", liar_tells_two_stories_of_two_sizes,
			LIAR_FROZEN, 0},
		{"has two cards", "T37, T55", liar_has_two_cards, LIAR_FROZEN, 0},
		{"marks wrongly", "T36", liar_marks_wrongly, LIAR_HIDDEN, TLP_AMBER},
	};

	*len = sizeof(all) / sizeof(all[0]);
	return all;
}

void liar_begin(const struct liar *liar, struct world_node *n)
{
	n->hand = liar->hand;
	n->marks = liar->marks;
}
