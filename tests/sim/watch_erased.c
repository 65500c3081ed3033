/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * I9: after an erasure has arrived at a correct node, that node serves the body no more, and soon
 * has it no more. Where an erasure stands is found in the feed of any node that has it.
 */
#include "sim/watch.h"

#include "base/vocab.h"

/* The first erasure of the object behind `from` in the node's copy of the feed; 0: not there. */
static uint64_t erasure_find(struct world_node *n, const struct world_erasure *e, uint64_t *size)
{
	struct store_reader *r;
	struct store_log log;
	uint64_t at = 0;

	*size = 0;
	if (!n->store || store_reader_open(n->store, &r) != 0)
		return 0;
	if (store_log_get(r, &e->feed, &log) == 0) {
		*size = log.size;
		for (uint64_t i = e->index + 1; !e->at && !at && i < log.size; i++) {
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

static void check_entry(struct world *w, struct world_node *n, struct world_erasure *e)
{
	uint64_t size, at = erasure_find(n, e, &size);

	if (at)
		e->at = at;
	if (e->at && e->at < size)
		world_fail(w, "I9: n%u serves entry %llu, which was erased at %llu", n->index,
			(unsigned long long)e->index, (unsigned long long)e->at);
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
			uint64_t size, at = erasure_find(n, e, &size);

			if (at)
				e->at = at;
			if (n->up && e->at && e->at < size && watch_has_body(n, &e->feed, e->index))
				world_fail(w, "I9: n%u still has entry %llu, which was erased", i,
					(unsigned long long)e->index);
		}
	}
}
