/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * I10 for what is held: what came under agreements that are over is let go of, when all of them say
 * so and their time has passed; and nothing goes while one of them is in force.
 */
#include "base/vocab.h"
#include "sim/watch.h"
#include "sim/world_impl.h"

#define START_MS 3000u  /* what is in force by then was so from the beginning */
#define SLACK_MS 20000u /* until a node has noticed, and done it */

/* What the watcher has seen of an agreement at a node. */
struct world_term {
	uint64_t id;
	uint32_t serial;  /* the last version that was in force says: */
	bool keep;        /* for good, */
	uint64_t keep_ms; /* or so long */
	uint32_t gives;   /* TLP_BIT of what others let pass, by any version */
	uint64_t seen_ms; /* in force, the last time */
	uint32_t always;  /* TLP_BIT of what they let pass from the beginning on, while it lasts */
	bool lasts;       /* it was in force at the beginning, and ever since */
};

static struct world_term *term_of(struct world_node *n, uint64_t id)
{
	struct world_term *t;

	for (size_t i = 0; i < n->terms_len; i++)
		if (n->terms[i].id == id)
			return &n->terms[i];
	n->terms = need(realloc(n->terms, (n->terms_len + 1) * sizeof(*n->terms)));
	t = &n->terms[n->terms_len++];
	*t = (struct world_term){.id = id, .lasts = n->world->now_ms < START_MS};
	return t;
}

void watch_terms(struct world_node *n)
{
	for (size_t i = 0; i < n->agreements_len; i++) {
		const struct agreement *a = n->agreements[i];
		struct world_term *t;

		if (!world_in_force(n, i))
			continue;
		t = term_of(n, a->id);
		t->seen_ms = n->world->now_ms;
		for (size_t k = 0; k < a->parties_len; k++)
			if (!node_id_eq(&a->parties[k].node, &n->actor->node))
				t->gives |= a->parties[k].gives;
		if (n->world->now_ms < START_MS)
			t->always = t->gives;
		if (a->serial < t->serial)
			continue;
		t->serial = a->serial;
		t->keep = a->after_end_keep;
		t->keep_ms = (uint64_t)a->after_end_erase_s * 1000;
	}
	for (size_t i = 0; i < n->terms_len; i++)
		n->terms[i].lasts &= n->terms[i].seen_ms == n->world->now_ms;
}

/* Has something of this audience come under it? */
static bool bears(const struct world_term *t, uint32_t gives, struct audience audience)
{
	switch (audience.kind) {
	case AUDIENCE_AGREEMENT:
		return audience.id == t->id;
	case AUDIENCE_CLEAR:
		return gives & TLP_BIT(TLP_CLEAR);
	case AUDIENCE_GREEN:
		return gives & TLP_BIT(TLP_GREEN);
	default:
		return false;
	}
}

static bool must_go(const struct world_node *n, struct audience audience)
{
	bool any = false;

	for (size_t i = 0; i < n->terms_len; i++) {
		const struct world_term *t = &n->terms[i];

		if (!bears(t, t->gives, audience))
			continue;
		any = true;
		if (t->keep || n->world->now_ms < t->seen_ms + t->keep_ms + SLACK_MS)
			return false;
	}
	return any;
}

static bool must_stay(const struct world_node *n, struct audience audience)
{
	for (size_t i = 0; i < n->terms_len; i++) {
		const struct world_term *t = &n->terms[i];

		if (t->lasts && bears(t, t->always, audience))
			return true;
	}
	return false;
}

struct look {
	struct world_node *node;
	struct store_reader *reader;
};

/* An entry of the feed that has its body still, and says no more than others' words; or none. */
static bool body_left(struct store_reader *r, const struct store_log *log, uint64_t *index)
{
	for (uint64_t i = log->floor; i < log->size; i++) {
		struct store_entry e;

		if (store_entry_get(r, log->number, i, &e) != 0 || e.entry.erased ||
			e.header.kind == KIND_ERASURE || e.header.kind == KIND_RETRACTION ||
			e.header.kind == KIND_SUCCESSION)
			continue;
		*index = i;
		return true;
	}
	return false;
}

static int check_log(void *ctx, const struct store_log *log)
{
	struct look *l = ctx;
	struct world_node *n = l->node;
	char text[LOG_NAME_TEXT_SIZE];
	uint64_t mark, index;

	if (node_id_eq(&log->name.node, &n->actor->node))
		return 0;
	log_name_text(text, &log->name);
	if (must_go(n, log->name.audience) && body_left(l->reader, log, &index))
		world_fail(n->world,
			"I10: n%u still has entry %llu of %s, whose agreements are over", n->index,
			(unsigned long long)index, text);
	if (store_over_get(l->reader, log->number, &mark) != 0)
		abort();
	if (mark && must_stay(n, log->name.audience))
		world_fail(n->world, "I10: n%u lets go of %s under an agreement in force", n->index,
			text);
	return 0;
}

void watch_over(struct world *w)
{
	for (unsigned i = 0; i < w->nodes_len && w->letting_go; i++) {
		struct look l = {.node = &w->nodes[i]};

		if (!l.node->up || store_reader_open(l.node->store, &l.reader) != 0)
			continue;
		if (store_log_each(l.reader, check_log, &l) != 0)
			abort();
		store_reader_close(l.reader);
	}
}
