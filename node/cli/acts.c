/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/acts.h"

#include <stdlib.h>

/* Provenance logs are read in pieces of this size, so that memory stays flat. */
#define PIECE_BYTES (256u * 1024u)

struct walk {
	struct cli *cli;
	struct node_id self;
	int (*visit)(void *ctx, uint64_t index, uint64_t time_ms, const struct act_body *act);
	void *ctx;
	struct arena arena; /* of one act */
	struct buf piece;
	size_t list_len, list_cap;
	struct store_log *list; /* provenance logs of this node, oldest first */
};

static int entry_visit(struct walk *w, uint64_t index, const struct entry *entry)
{
	struct entry_header header;
	struct act_body act;

	entry_header_decode(entry->leaf, &header);
	if (header.time_ms > INT64_MAX)
		return 0;
	arena_reset(&w->arena);
	/* An entry of another kind is one of a later version: it is counted, not read. */
	if (header.kind != KIND_ACT || entry->erased ||
		act_body_decode(entry->body, &w->arena, &act) != 0)
		act = (struct act_body){0};
	return w->visit(w->ctx, index, header.time_ms, &act);
}

static int log_visit(struct walk *w, const struct store_log *log, uint64_t end)
{
	uint64_t at = log->floor;
	int rc = 0;

	while (rc == 0 && at < end) {
		struct cursor in;
		struct entry entry;
		uint32_t count;

		buf_reset(&w->piece);
		rc = store_run_read(w->cli->reader, &log->name, at, end, PIECE_BYTES, &w->piece,
			&count);
		in = cursor_of(buf_view(&w->piece));
		for (uint32_t i = 0; rc == 0 && i < count; i++) {
			rc = entry_next(&in, &entry);
			if (rc == 0)
				rc = entry_visit(w, at + i, &entry);
		}
		at += count;
	}
	return rc;
}

static int list_add(void *ctx, const struct store_log *log)
{
	struct walk *w = ctx;

	if (log->name.audience.kind != AUDIENCE_PROVENANCE ||
		!node_id_eq(&log->name.node, &w->self))
		return 0;
	if (w->list_len == w->list_cap) {
		size_t cap = w->list_cap ? 2 * w->list_cap : 16;
		struct store_log *list = realloc(w->list, cap * sizeof(*list));

		if (!list)
			return ENT_ENOMEM;
		w->list = list;
		w->list_cap = cap;
	}
	w->list[w->list_len++] = *log;
	return 0;
}

static int log_cmp(const void *a, const void *b)
{
	const struct store_log *one = a, *other = b;

	return (one->name.audience.id > other->name.audience.id) -
	       (one->name.audience.id < other->name.audience.id);
}

static int walk_open(struct cli *c, struct walk **out)
{
	struct walk *w = calloc(1, sizeof(*w));
	int rc;

	*out = w;
	if (!w)
		return ENT_ENOMEM;
	w->cli = c;
	w->self = cli_own(c)->node;
	w->piece = buf_with_max(PIECE_BYTES + ENTRY_PACKED_MAX);
	rc = store_log_each(c->reader, list_add, w);
	if (w->list_len)
		qsort(w->list, w->list_len, sizeof(w->list[0]), log_cmp);
	return rc;
}

static void walk_close(struct walk *w)
{
	if (!w)
		return;
	buf_free(&w->piece);
	arena_free(&w->arena);
	free(w->list);
	free(w);
}

/* What was not signed of a former log stands in the next one again (epoch_begin). */
static uint64_t log_end(const struct walk *w, size_t at)
{
	const struct store_log *log = &w->list[at];

	if (at + 1 == w->list_len)
		return log->size;
	return log->has_held ? log->held.size : log->floor;
}

int acts_each(struct cli *c,
	int (*visit)(void *ctx, uint64_t index, uint64_t time_ms, const struct act_body *act),
	void *ctx)
{
	struct walk *w;
	int rc = walk_open(c, &w);

	if (rc == 0) {
		w->visit = visit;
		w->ctx = ctx;
	}
	for (size_t i = 0; rc == 0 && i < w->list_len; i++)
		rc = log_visit(w, &w->list[i], log_end(w, i));
	walk_close(w);
	return rc;
}

int acts_log_newest(struct cli *c, struct store_log *log)
{
	struct walk *w;
	int rc = walk_open(c, &w);

	if (rc == 0 && w->list_len == 0)
		rc = ENT_ENOTFOUND;
	if (rc == 0)
		*log = w->list[w->list_len - 1];
	walk_close(w);
	return rc;
}

const struct note_key *receipt_key_of(struct cli *c, const struct store_receipt *r)
{
	const struct card_chain *chain = cli_chain(c, &r->node);
	bool witness = r->checkpoint.log.audience.kind == AUDIENCE_PROVENANCE;

	for (size_t i = chain ? chain->cards_len : 0; i-- > 0;) {
		const struct card *card = &chain->cards[i];
		const struct note_key *key = witness ? &card->witness : &card->receipt;

		if (cosignature_verify(&r->cosignature, &r->checkpoint, key->public_key) == 0)
			return key;
	}
	return NULL;
}
