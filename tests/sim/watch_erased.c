/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * I9: after an erasure has arrived at a correct node, that node serves the body no more, and soon
 * has it no more; and says so to the origin, under its hand, and not before. Where an erasure
 * stands is found in the feed of any node that has it.
 */
#include "sim/watch.h"

#include <stdlib.h>

#include "base/vocab.h"
#include "sim/world_impl.h"

/* Where others have the erasure another entry may stand here: of two histories, and in what the
 * origin or a clone of it has not signed yet. */
static bool may_differ(const struct world_node *n, const struct world_erasure *e)
{
	return watch_forked(n->world, &e->feed) || node_id_eq(&n->actor->node, &e->feed.node);
}

/* The first erasure of the object behind it in the node's copy of the feed; 0: not there, or where
 * it always is. */
static uint64_t erasure_find(struct world_node *n, const struct world_erasure *e, uint64_t *size)
{
	bool known = e->at && !may_differ(n, e);
	struct store_reader *r;
	struct store_log log;
	uint64_t at = 0;

	*size = 0;
	if (!n->store || store_reader_open(n->store, &r) != 0)
		return 0;
	if (store_log_get(r, &e->feed, &log) == 0) {
		*size = log.size;
		for (uint64_t i = e->index + 1; !known && !at && i < log.size; i++) {
			struct store_entry entry;

			if (store_entry_get(r, log.number, i, &entry) == 0 &&
				entry.header.kind == KIND_ERASURE &&
				memcmp(entry.header.object, e->object, sizeof(e->object)) == 0)
				at = i;
		}
	}
	store_reader_close(r);
	return at;
}

/* Where the erasure stands that has come to the node; 0: it has not. Its place is learnt from any
 * node whose copy cannot differ. */
static uint64_t erased_at(struct world_node *n, struct world_erasure *e)
{
	uint64_t size, at = erasure_find(n, e, &size);

	if (may_differ(n, e))
		return at;
	if (at)
		e->at = at;
	return e->at < size ? e->at : 0;
}

void watch_unsaid(struct world *w, const struct log_name *feed, uint64_t size)
{
	for (size_t k = 0; k < w->erasures_len; k++)
		if (w->erasures[k].at >= size && log_name_eq(&w->erasures[k].feed, feed))
			w->erasures[k].at = 0;
}

static void check_entry(struct world *w, struct world_node *n, struct world_erasure *e)
{
	const uint64_t at = erased_at(n, e);

	if (at)
		world_fail(w, "I9: n%u serves entry %llu, which was erased at %llu", n->index,
			(unsigned long long)e->index, (unsigned long long)at);
}

void watch_serves(struct world *w, struct world_node *n, const struct wire_data *data)
{
	struct cursor c = cursor_of(data->entries);
	struct entry entry;

	for (uint32_t i = 0; w->erasures_len && i < data->count; i++) {
		if (entry_next(&c, &entry) != 0)
			return;
		for (size_t k = 0; !entry.erased && k < w->erasures_len; k++) {
			struct world_erasure *e = &w->erasures[k];

			if (e->index == data->start + i && log_name_eq(&e->feed, &data->feed))
				check_entry(w, n, e);
		}
	}
}

void watch_serves_bodies(struct world *w, struct world_node *n, const struct wire_bodies *m)
{
	for (size_t i = 0; i < m->bodies_len; i++)
		for (size_t k = 0; k < w->erasures_len; k++)
			if (w->erasures[k].index == m->bodies[i].index &&
				log_name_eq(&w->erasures[k].feed, &m->feed))
				check_entry(w, n, &w->erasures[k]);
}

bool watch_has_body(struct world_node *n, const struct log_name *feed, uint64_t index)
{
	struct store_reader *r;
	struct store_entry e;
	struct store_log log;
	bool has;

	if (!n->store || store_reader_open(n->store, &r) != 0)
		return false;
	has = store_log_get(r, feed, &log) == 0 && store_entry_get(r, log.number, index, &e) == 0 &&
	      !e.entry.erased;
	store_reader_close(r);
	return has;
}

void watch_forgotten(struct world *w)
{
	for (size_t k = 0; k < w->erasures_len; k++) {
		struct world_erasure *e = &w->erasures[k];

		for (unsigned i = 0; i < w->nodes_len && !watch_forked(w, &e->feed); i++) {
			struct world_node *n = &w->nodes[i];

			if (erased_at(n, e) && n->up && watch_has_body(n, &e->feed, e->index))
				world_fail(w, "I9: n%u still has entry %llu, which was erased", i,
					(unsigned long long)e->index);
		}
	}
}

/* --- confirmations ---------------------------------------------------------------------------- */

/* A receipt speaks of what lies above the floor; what is below goes soon. */
static uint64_t floor_of(struct world_node *n, const struct log_name *feed)
{
	struct store_reader *r;
	struct store_log log;
	uint64_t floor = 0;

	if (store_reader_open(n->store, &r) != 0)
		return 0;
	if (store_log_get(r, feed, &log) == 0)
		floor = log.floor;
	store_reader_close(r);
	return floor;
}

void watch_confirms(struct world *w, struct world_node *n, const struct log_name *feed,
	uint64_t size)
{
	for (size_t k = 0; k < w->erasures_len; k++) {
		struct world_erasure *e = &w->erasures[k];
		const uint64_t at = log_name_eq(&e->feed, feed) ? erased_at(n, e) : 0;

		if (at && at < size && watch_has_body(n, feed, e->index) &&
			e->index >= floor_of(n, feed))
			world_fail(w, "I9: n%u confirms an erasure that it has not carried out",
				n->index);
	}
}

/* Who has confirmed how much of a feed, by what its origin has stored. */
struct confirmed {
	const struct node_id *by;
	uint64_t size;
};

static int collect(void *ctx, const struct store_receipt *r)
{
	struct confirmed *c = ctx;

	if (!r->differs && node_id_eq(&r->node, c->by) && r->checkpoint.size > c->size)
		c->size = r->checkpoint.size;
	return 0;
}

static uint64_t confirmed_by(struct world_node *origin, const struct log_name *feed,
	const struct world_node *by)
{
	struct confirmed c = {.by = &by->actor->node};
	struct store_reader *r;

	if (store_reader_open(origin->store, &r) != 0 ||
		store_receipt_each(r, feed, collect, &c) != 0)
		abort();
	store_reader_close(r);
	return c.size;
}

uint64_t watch_complete(struct world_node *n, const struct log_name *feed)
{
	struct store_reader *r;
	struct store_log log;
	uint64_t size = 0;

	if (!n->up || store_reader_open(n->store, &r) != 0)
		return 0;
	if (store_log_get(r, feed, &log) == 0 && log.has_held && !log.frozen)
		size = log.held.size;
	store_reader_close(r);
	return size;
}

/* It may say so to the origin, which takes that from whom it lets have the feed. What the disk
 * there could not keep, and what came before an old copy had its feed back, is said again when
 * there is more to say, or with the next session. */
static bool may_confirm(const struct world_node *n, const struct world_node *origin,
	const struct log_name *feed)
{
	return n != origin && !watch_is_copy(origin) && !n->hand && watch_linked(n, origin) &&
	       !world_peer_of(origin, n->actor->number)->receipt_lost &&
	       watch_allows(n, n, origin, NULL, feed) &&
	       watch_allows(origin, origin, n, NULL, feed);
}

static void check_confirmed(struct world *w, struct world_node *origin,
	const struct world_erasure *e, struct world_node *n)
{
	uint64_t confirmed = confirmed_by(origin, &e->feed, n);
	char text[LOG_NAME_TEXT_SIZE];

	if (confirmed > e->at)
		return;
	log_name_text(text, &e->feed);
	world_fail(w, "I9: n%u has confirmed %llu of %s to n%u, and not the erasure at %llu",
		n->index, (unsigned long long)confirmed, text, origin->index,
		(unsigned long long)e->at);
}

void watch_confirmed(struct world *w)
{
	for (size_t k = 0; k < w->erasures_len; k++) {
		const struct world_erasure *e = &w->erasures[k];
		struct world_node *origin = world_node_of(w, &e->feed.node);

		if (!e->at || !origin->up || origin->hand || watch_forked(w, &e->feed) ||
			watch_complete(origin, &e->feed) <= e->at)
			continue;
		for (unsigned i = 0; i < w->nodes_len; i++) {
			struct world_node *n = &w->nodes[i];

			if (may_confirm(n, origin, &e->feed) && watch_complete(n, &e->feed) > e->at)
				check_confirmed(w, origin, e, n);
		}
	}
}
