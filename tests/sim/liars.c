/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/liars.h"

#include <string.h>

#include "proto/entry.h"
#include "proto/limits.h"

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
	checkpoint_sign(&c, from->actor->identity.log_secret);
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
		struct log_name feed = {to->actor->node, to->actor->identity.incarnation,
			audience_agreement(0xdead)};

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

/* --- the library ------------------------------------------------------------------------------ */

const struct liar *liars(size_t *len)
{
	static const struct liar all[] = {
		{"withholds", "T26, T28", liar_withholds, LIAR_IGNORED},
		{"boasts", "T19, T32", liar_boasts, LIAR_IGNORED},
		{"keeps its heads", "T34", liar_keeps_its_heads, LIAR_IGNORED},
		{"never reads", "T31", liar_never_reads, LIAR_IGNORED},
		{"asks for what it may not see", "T35, T43", liar_asks_for_what_it_may_not_see,
			LIAR_IGNORED},
		{"tells of strangers", "T30", liar_tells_of_strangers, LIAR_IGNORED},
		{"grants endless credit", "T31", liar_grants_endless_credit, LIAR_PUNISHED},
		{"holds more than was signed", "T19", liar_holds_more_than_was_signed,
			LIAR_PUNISHED},
		{"signs heads of others", "T20", liar_signs_heads_of_others, LIAR_PUNISHED},
		{"greets again", "T12", liar_greets_again, LIAR_PUNISHED},
		{"corrupts a body", "T24", liar_corrupts_a_body, LIAR_LIED},
		{"corrupts a header", "T24", liar_corrupts_a_header, LIAR_LIED},
		{"cuts an entry short", "T24", liar_erases_half_of_the_last_entry, LIAR_LIED},
		{"reorders entries", "T23", liar_reorders_entries, LIAR_LIED},
		{"changes the root", "T18", liar_changes_the_root, LIAR_LIED},
		{"signs itself", "T18", liar_signs_itself, LIAR_LIED},
		{"counts one more", "T23", liar_counts_one_more, LIAR_LIED},
		{"counts one less", "T23", liar_counts_one_less, LIAR_LIED},
		{"adds a hash", "T23", liar_adds_a_hash, LIAR_LIED},
		{"changes a hash", "T23", liar_changes_a_hash, LIAR_LIED},
	};

	*len = sizeof(all) / sizeof(all[0]);
	return all;
}
