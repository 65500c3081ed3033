/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What is signed (I1). Whatever an origin signs continues the line of its feed (watch_logs.c); an
 * old copy may have forgotten what nobody can tell it.
 */
#include <inttypes.h>
#include <string.h>

#include "base/vocab.h"
#include "sim/watch_impl.h"
#include "sim/world_impl.h"

int entries_each(struct world_node *n, const struct log_name *log, uint64_t from, uint64_t to,
	void (*visit)(void *ctx, uint64_t index, const struct entry *e), void *ctx)
{
	struct store_reader *r;
	int rc = store_reader_open(n->store, &r);

	while (rc == 0 && from < to) {
		struct buf entries = buf_with_max((size_t)1 << 30);
		struct cursor c;
		uint32_t count = 0;

		rc = store_run_read(r, log, from, to, (size_t)1 << 20, &entries, &count);
		c = cursor_of(buf_view(&entries));
		for (uint32_t i = 0; i < count && rc == 0; i++) {
			struct entry e;

			rc = entry_next(&c, &e);
			if (rc == 0)
				visit(ctx, from + i, &e);
		}
		from += count;
		buf_free(&entries);
	}
	store_reader_close(r);
	return rc;
}

static void add_to_line(void *ctx, uint64_t index, const struct entry *e)
{
	struct hash leaf;

	(void)index;
	hash_leaf(&leaf, e->leaf);
	line_add(ctx, &leaf);
}

void watch_line_heard(struct world *w, const struct world_node *by, const struct log_name *feed,
	const struct wire_checkpoint *c)
{
	struct line *line = line_find(w, feed);
	struct hash root;
	struct told *t;

	if (!line || node_id_eq(&feed->node, &by->actor->node) || c->size > line->len)
		return;
	t = told_of(w, by, feed);
	if (c->size <= t->heard)
		return;
	line_root(line, c->size, &root);
	if (memcmp(root.bytes, c->root, HASH_BYTES) == 0) /* else a liar has said it */
		t->heard = c->size;
}

/* The largest signed size that any machine knows of; or one of these actors. */
static uint64_t line_heard(struct world *w, const struct line *line, uint64_t actors)
{
	uint64_t heard = 0;

	for (unsigned i = 0; i < w->nodes_len; i++) {
		if (!(actors & world_party_bit(w->nodes[i].actor)))
			continue;

		const struct told *t = told_of(w, &w->nodes[i], &line->name);

		if (t->heard > heard)
			heard = t->heard;
	}
	return heard;
}

static uint64_t floor_of(const struct world_node *n, const struct log_name *name)
{
	struct store_reader *r;
	struct store_log log = {0};

	if (store_reader_open(n->store, &r) != 0)
		abort();
	if (store_log_get(r, name, &log) != 0)
		log.floor = 0;
	store_reader_close(r);
	return log.floor;
}

/*
 * What the node signs has all that was signed of the line up to there, and goes on otherwise; anew:
 * all of it. Its entries below the floor are gone: the root says that they were these.
 */
static bool continues(struct world_node *n, const struct line *line, uint64_t size,
	const struct checkpoint *c, struct line *anew)
{
	uint64_t floor = floor_of(n, &c->log);
	struct hash said, stands;

	range_init(&anew->tree, 0);
	if (c->size < size || floor > size)
		return false;
	for (uint64_t i = 0; i < floor; i++)
		line_add(anew, &line->leaves[i]);
	if (entries_each(n, &c->log, floor, c->size, add_to_line, anew) != 0)
		return false;
	line_root(anew, c->size, &stands);
	if (!hash_eq(&stands, &c->root))
		return false;
	line_root(line, size, &said);
	line_root(anew, size, &stands);
	return hash_eq(&said, &stands);
}

/*
 * Without today's guard a node that has heard every peer cannot know of what it signed and nobody
 * has been shown, or only such as died before they held it. Nobody can ever hold that against it
 * either: the line begins anew where the last that is known of ends. What a machine has that runs
 * with the same keys is known of, whether anybody has been shown it yet or not.
 */
static bool forgets_unheard(struct world *w, struct world_node *n, struct line *line,
	const struct checkpoint *c)
{
	const uint64_t heard = line_heard(w, line, UINT64_MAX);
	struct line anew = {0};

	if (!node_of(w->watch, n)->bare)
		return false;
	if (!continues(n, line, heard, c, &anew)) {
		line_forget(&anew);
		return false;
	}
	watch_unsaid(w, &line->name, heard);
	line_forget(line);
	line->leaves = anew.leaves;
	line->checked = anew.checked;
	line->len = anew.len;
	line->cap = anew.cap;
	line->tree = anew.tree;
	return true;
}

/* The largest that one of these actors knows of whichever of its machines is asked; a liar says
 * what it likes. */
static uint64_t line_told(struct world *w, const struct line *line, uint64_t actors)
{
	uint64_t told = 0;

	for (unsigned i = 0; i < w->nodes_len; i++) {
		const struct world_node *n = &w->nodes[i];
		uint64_t heard = told_of(w, n, &line->name)->heard;

		if (n->hand || (n->twin && told_of(w, n->twin, &line->name)->heard < heard))
			continue;
		if ((actors & world_party_bit(n->actor)) && heard > told)
			told = heard;
	}
	return told;
}

/*
 * Nor of what has gone to those alone with whom it agreed after the copy was made, and does no
 * more: nothing that it has tells of them; or to one machine of a peer that runs two, and it has
 * heard the other; or to a liar. Then two histories are signed, and have to come out.
 */
static bool forgets_unknown(struct world *w, struct world_node *n, const struct line *line,
	const struct checkpoint *c)
{
	const uint64_t own = line_heard(w, line, world_party_bit(n->actor));
	const uint64_t told = line_told(w, line, n->known);
	const uint64_t heard = own > told ? own : told;
	struct line anew = {0};
	bool does = node_of(w->watch, n)->bare && continues(n, line, heard, c, &anew);

	line_forget(&anew);
	return does;
}

/* The newest former feed of the same audience that the node holds, of those up to an incarnation;
 * size 0: there is none. */
struct former {
	const struct log_name *feed;
	uint64_t newest;
	uint64_t incarnation, size;
};

static int former_look(void *ctx, const struct store_log *log)
{
	struct former *f = ctx;

	if (node_id_eq(&log->name.node, &f->feed->node) &&
		audience_eq(log->name.audience, f->feed->audience) && log->has_held &&
		log->name.incarnation <= f->newest && log->name.incarnation >= f->incarnation) {
		f->incarnation = log->name.incarnation;
		f->size = log->held.size;
	}
	return 0;
}

static void first_entry(void *ctx, uint64_t index, const struct entry *e)
{
	struct record_succession *s = ctx;

	if (index == 0 && (e->leaf.data[ENTRY_KIND_OFFSET] != KIND_SUCCESSION ||
				  record_succession_decode(e->body, s) != 0))
		s->size = 0;
}

/* What a new incarnation says first tells how far the former one's feed is good: as far as it lies
 * here, which is what its origin has signed. */
static void check_succession(struct world *w, struct world_node *n, const struct line *line)
{
	struct former former = {.feed = &line->name, .newest = line->name.incarnation - 1};
	const bool restored = node_of(w->watch, n)->restored;
	struct record_succession said = {0};
	const struct line *old;
	struct store_reader *r;
	struct hash root;

	if (entries_each(n, &line->name, 0, 1, first_entry, &said) != 0)
		abort();
	/* An old copy may have had less when it began, even of an older feed, and got the rest back
	 * since. */
	if (said.size && restored && said.old_log.incarnation < former.newest)
		former.newest = said.old_log.incarnation;
	if (store_reader_open(n->store, &r) != 0 || store_log_each(r, former_look, &former) != 0)
		abort();
	store_reader_close(r);
	if (said.size && said.old_log.incarnation != former.incarnation)
		world_fail(w, "n%u begins an incarnation that does not name the newest former feed",
			n->index);
	if (said.size > former.size || (said.size < former.size && !restored))
		world_fail(w,
			"n%u begins an incarnation that says %" PRIu64 " entries of the former "
			"are good and has %" PRIu64,
			n->index, said.size, former.size);
	old = said.size ? line_find(w, &said.old_log) : NULL;
	if (!old || old->forked || said.size > old->len)
		return;
	line_root(old, said.size, &root);
	if (memcmp(root.bytes, said.root, HASH_BYTES) != 0)
		world_fail(w, "n%u begins an incarnation with another root than it signed",
			n->index);
}

void watch_guarded(struct world *w, struct world_node *n, const struct guardfile *g)
{
	for (size_t i = 0; i < g->feeds_len; i++)
		if (node_id_eq(&g->feeds[i].log.node, &n->actor->node))
			told_of(w, n, &g->feeds[i].log)->guarded = g->feeds[i].size;
}

void knows_own(struct world *w, const struct world_node *n, const struct checkpoint *c)
{
	struct told *t = told_of(w, n, &c->log);

	if (c->size > t->heard)
		t->heard = c->size;
}

void signed_by(struct world *w, struct world_node *n, const struct checkpoint *c)
{
	struct line *line = line_of(w, &c->log);
	size_t before = line->len;
	struct hash root;

	if (line->forked)
		return;
	line->may_fork |= node_of(w->watch, n)->may_fork;
	if (c->size > line->len &&
		entries_each(n, &c->log, line->len, c->size, add_to_line, line) != 0) {
		world_fail(w, "I1: n%u signs what it cannot read", n->index);
		return;
	}
	if (before == 0 && n->guise->keys > 0)
		check_succession(w, n, line);
	line_root(line, c->size, &root);
	if (hash_eq(&root, &c->root) || forgets_unheard(w, n, line, c))
		knows_own(w, n, c);
	else if (line->may_fork || forgets_unknown(w, n, line, c))
		line->forked = true;
	else
		world_fail(w,
			"I1: n%u signs %" PRIu64 " entries that do not continue the %zu it signed",
			n->index, c->size, before);
}
