/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What is stored. The watcher keeps the line of each feed: the leaves that its origin has put its
 * name to, as the first checkpoints covered them. Whatever anybody stores must lie on it.
 */
#include <inttypes.h>
#include <string.h>

#include "base/vocab.h"
#include "proto/limits.h"
#include "sim/watch_impl.h"
#include "sim/world_impl.h"

static const uint8_t hash_key[16];

void line_forget(struct line *line)
{
	for (size_t i = 0; i < line->len; i++)
		free(line->checked[i].bytes);
	free(line->checked);
	free(line->leaves);
}

struct watch *watch_new(struct world *w)
{
	struct watch *watch = need(calloc(1, sizeof(*watch)));

	watch->world = w;
	map_init(&watch->lines, LOG_NAME_BYTES, SIZE_MAX, hash_key);
	return watch;
}

void watch_free(struct watch *watch)
{
	void *value;

	for (size_t at = 0; map_next(&watch->lines, &at, NULL, &value);) {
		line_forget(value);
		free(value);
	}
	map_free(&watch->lines);
	for (size_t i = 0; i < watch->nodes_len; i++) {
		for (size_t at = 0; map_next(&watch->nodes[i].told, &at, NULL, &value);)
			free(value);
		map_free(&watch->nodes[i].told);
		map_free(&watch->nodes[i].accepted);
	}
	free(watch->nodes);
	free(watch->feeds);
	free(watch);
}

struct watch_node *node_of(struct watch *watch, const struct world_node *n)
{
	while (watch->nodes_len <= n->index) {
		watch->nodes =
			need(realloc(watch->nodes, (watch->nodes_len + 1) * sizeof(*watch->nodes)));
		watch->nodes[watch->nodes_len] = (struct watch_node){0};
		map_init(&watch->nodes[watch->nodes_len].accepted, NODE_ID_BYTES, SIZE_MAX,
			hash_key);
		map_init(&watch->nodes[watch->nodes_len++].told, LOG_NAME_BYTES, SIZE_MAX,
			hash_key);
	}
	return &watch->nodes[n->index];
}

struct told *told_of(struct world *w, const struct world_node *n, const struct log_name *feed)
{
	struct map *map = &node_of(w->watch, n)->told;
	uint8_t key[LOG_NAME_BYTES];
	struct told *t;

	log_name_pack(key, feed);
	t = map_get(map, key);
	if (t)
		return t;
	t = need(calloc(1, sizeof(*t)));
	t->feed = *feed;
	if (map_put(map, key, t) != 0)
		abort();
	return t;
}

struct watch_cosigned *watch_cosigned(struct world *w, const struct world_node *n,
	const struct log_name *log)
{
	return &told_of(w, n, log)->cosigned;
}

/* --- lines ------------------------------------------------------------------------------------ */

struct line *line_find(const struct world *w, const struct log_name *name)
{
	uint8_t key[LOG_NAME_BYTES];

	log_name_pack(key, name);
	return map_get(&w->watch->lines, key);
}

struct line *line_of(struct world *w, const struct log_name *name)
{
	struct watch *watch = w->watch;
	struct line *line = line_find(w, name);
	uint8_t key[LOG_NAME_BYTES];

	if (line)
		return line;
	line = need(calloc(1, sizeof(*line)));
	line->name = *name;
	range_init(&line->tree, 0);
	log_name_pack(key, name);
	if (map_put(&watch->lines, key, line) != 0)
		abort();
	watch->feeds = need(realloc(watch->feeds, (watch->feeds_len + 1) * sizeof(*watch->feeds)));
	watch->feeds[watch->feeds_len++] = *name;
	return line;
}

void line_add(struct line *line, const struct hash *leaf)
{
	if (line->len == line->cap) {
		line->cap = line->cap ? line->cap * 2 : 64;
		line->leaves = need(realloc(line->leaves, line->cap * sizeof(*line->leaves)));
		line->checked = need(realloc(line->checked, line->cap * sizeof(*line->checked)));
	}
	line->checked[line->len] = (struct checked){0};
	line->leaves[line->len++] = *leaf;
	range_append(&line->tree, leaf);
}

void line_root(const struct line *line, uint64_t size, struct hash *root)
{
	struct range tree;

	if (size == line->len) {
		range_root(&line->tree, root);
		return;
	}
	range_init(&tree, 0);
	for (uint64_t i = 0; i < size; i++)
		range_append(&tree, &line->leaves[i]);
	range_root(&tree, root);
}

static bool is_disowned(const struct world *w, const struct log_name *feed)
{
	const struct world_node *origin = world_node_of(w, &feed->node);

	return origin && node_of(w->watch, origin)->disowned;
}

uint64_t watch_said_size(const struct world *w, const struct log_name *feed)
{
	const struct line *line = line_find(w, feed);

	return line && !line->forked ? line->len : 0;
}

bool watch_forked(const struct world *w, const struct log_name *feed)
{
	const struct line *line = line_find(w, feed);

	return (line && line->forked) || is_disowned(w, feed);
}

size_t watch_feeds(const struct world *w, const struct log_name **feeds)
{
	*feeds = w->watch->feeds;
	return w->watch->feeds_len;
}

/* --- what is stored (I2, I3) ------------------------------------------------------------------ */

struct stored {
	struct world *w;
	struct world_node *node;
	struct line *line; /* NULL: the origin is not to be trusted */
};

static bool was_checked(const struct checked *c, const struct entry *e)
{
	const uint8_t *rest = c->bytes + e->leaf.len;

	return c->bytes && !e->erased && c->len == e->leaf.len + e->salt.len + e->body.len &&
	       memcmp(c->bytes, e->leaf.data, e->leaf.len) == 0 &&
	       memcmp(rest, e->salt.data, e->salt.len) == 0 &&
	       memcmp(rest + e->salt.len, e->body.data, e->body.len) == 0;
}

static void checked_keep(struct checked *c, const struct entry *e)
{
	c->len = e->leaf.len + e->salt.len + e->body.len;
	c->bytes = need(malloc(c->len));
	memcpy(c->bytes, e->leaf.data, e->leaf.len);
	memcpy(c->bytes + e->leaf.len, e->salt.data, e->salt.len);
	memcpy(c->bytes + e->leaf.len + e->salt.len, e->body.data, e->body.len);
}

static void check_entry(void *ctx, uint64_t index, const struct entry *e)
{
	struct stored *s = ctx;
	struct checked *checked = s->line && index < s->line->len ? &s->line->checked[index] : NULL;
	struct hash hash;

	if (checked && was_checked(checked, e))
		return;
	if (!e->erased) {
		hash_commitment(&hash, e->salt, e->body);
		if (memcmp(hash.bytes, e->leaf.data + ENTRY_COMMITMENT_OFFSET, HASH_BYTES) != 0)
			world_fail(s->w, "I3: n%u has stored a body that does not match",
				s->node->index);
	}
	if (!s->line)
		return;
	hash_leaf(&hash, e->leaf);
	if (index >= s->line->len || !hash_eq(&hash, &s->line->leaves[index]))
		world_fail(s->w, "I3: n%u has stored what the origin has not said", s->node->index);
	else if (!e->erased && !checked->bytes && !world_failure(s->w))
		checked_keep(checked, e);
}

#define DAY_MS ((int64_t)86400000)
/* The node may count what it stores now for the day before. */
#define DAY_BEGINS_MS 1500u

struct world_amount watch_brought_today(const struct world_node *n, const struct world_peer *p)
{
	static const struct world_amount nothing;

	return p->brought_day == world_time(n).wall_ms / DAY_MS ? p->brought_today : nothing;
}

/* Of bodies that come later only the bytes count. */
static void amount_add(struct world_amount *a, const struct ingest_job *job)
{
	a->records += job->bodies ? 0 : job->count;
	a->bytes += job->packed_bytes;
}

/* What a node takes back of its own counts for nobody. */
void watch_brought(const struct world_node *n, const struct ingest_job *job)
{
	struct world_peer *p = world_peer_of(n, cast_actor_of(&job->peer)->number);
	int64_t now_ms = world_time(n).wall_ms;

	if (node_id_eq(&job->feed.node, &n->actor->node))
		return;
	amount_add(&told_of(n->world, n, &job->feed)->brought, job);
	amount_add(&p->brought, job);
	p->brought_today = watch_brought_today(n, p);
	p->brought_day = now_ms / DAY_MS;
	if (now_ms % DAY_MS > DAY_BEGINS_MS &&
		(n->stepped_ms == 0 || n->world->now_ms - n->stepped_ms > DAY_BEGINS_MS))
		amount_add(&p->brought_today, job);
}

struct world_amount watch_brought_of(const struct world_node *n, const struct node_id *origin)
{
	struct world_amount all = {0};
	void *value;

	for (size_t at = 0; map_next(&node_of(n->world->watch, n)->told, &at, NULL, &value);) {
		const struct told *t = value;

		if (!node_id_eq(&t->feed.node, origin))
			continue;
		all.records += t->brought.records;
		all.bytes += t->brought.bytes;
	}
	return all;
}

/* What was on its way when a quota was used up comes at once; else it was asked for since. */
#define ON_ITS_WAY_MS 2000u
#define BURST_MS      30000u

void watch_dropped(const struct world_node *n, const struct world_node *by,
	const struct log_name *feed, size_t bytes)
{
	struct told *t = told_of(n->world, n, feed);
	uint64_t now_ms = n->world->now_ms;

	if (!t->dropped_of || now_ms - t->dropped_ms > BURST_MS) {
		t->dropped_ms = now_ms;
		t->dropped_bytes = 0;
		t->dropped_of = by;
	}
	if (t->dropped_of == by && now_ms - t->dropped_ms <= ON_ITS_WAY_MS)
		t->dropped_bytes += bytes;
}

uint64_t watch_over_quota(const struct world_node *n, uint64_t since_ms)
{
	uint64_t bytes = 0;
	void *value;

	for (size_t at = 0; map_next(&node_of(n->world->watch, n)->told, &at, NULL, &value);) {
		const struct told *t = value;

		if (t->dropped_of && t->dropped_ms >= since_ms &&
			watch_may_be_spent(n, t->dropped_of, &t->feed))
			bytes += t->dropped_bytes;
	}
	return bytes;
}

/* Bodies that came later: they too are what was committed to. */
static void bodies_stored_by(struct world *w, struct world_node *n, const struct ingest_job *job)
{
	struct stored s = {.w = w, .node = n};
	struct arena arena = {0};
	struct wire_message m;

	if (wire_decode(WIRE_BODIES, bytes_from(job->entries, job->entries_len), &arena, &m) != 0)
		world_fail(w, "n%u has stored bodies that do not decode", n->index);
	else
		for (size_t i = 0; i < m.bodies.bodies_len; i++) {
			uint64_t at = m.bodies.bodies[i].index;

			if (entries_each(n, &job->feed, at, at + 1, check_entry, &s) != 0)
				world_fail(w, "I2: n%u lost an entry whose body it has stored",
					n->index);
		}
	arena_free(&arena);
}

static void stored_by(struct world *w, struct world_node *n, const struct ingest_job *job)
{
	const struct world_node *origin = world_node_of(w, &job->feed.node);
	struct line *line = line_find(w, &job->feed);
	struct stored s = {w, n, line};
	struct told *t = told_of(w, n, &job->feed);
	uint64_t end = job->start + job->count;

	/* Who is not in the world, or lies, may have said anything. */
	if (origin && !origin->hand && !line)
		world_fail(w, "I3: n%u has stored what the origin has not said", n->index);
	if (!origin || origin->hand || (line && line->forked))
		s.line = NULL;
	if (job->start != t->durable && (!job->joins || job->start < t->durable))
		world_fail(w, "I2: n%u stores from %" PRIu64 " on and has %" PRIu64, n->index,
			job->start, t->durable);
	if (entries_each(n, &job->feed, job->start, end, check_entry, &s) != 0)
		world_fail(w, "I2: n%u tells of entries that are not in its store", n->index);
	t->durable = end;
	if (s.line && node_id_eq(&job->feed.node, &n->actor->node) && job->checkpoint.size <= end)
		knows_own(w, n, &job->checkpoint);
	node_log(n, &job->feed)->size = end;
	watch_brought(n, job);
}

/* --- news ------------------------------------------------------------------------------------- */

static void grown(struct world *w, struct world_node *n, const struct checkpoint *c)
{
	struct told *t = told_of(w, n, &c->log);

	if (t->durable < c->size)
		t->durable = c->size;
	if (node_log(n, &c->log)->size < c->size)
		node_log(n, &c->log)->size = c->size;
}

/* Only what was never signed may go. */
static void cut(struct world *w, struct world_node *n, const struct ledger_news *news)
{
	struct told *t = told_of(w, n, &news->feed);

	if (news->code != 0)
		return;
	if (news->size < t->held)
		world_fail(w, "I2: n%u drops what it has told of", n->index);
	t->durable = news->size;
	node_log(n, &news->feed)->size = news->size;
}

void watch_news(struct world *w, struct world_node *n, const struct ledger_news *news)
{
	struct world_session *s;

	switch (news->type) {
	case LEDGER_STORED:
		if (news->job->bodies)
			bodies_stored_by(w, n, news->job);
		else
			stored_by(w, n, news->job);
		return;
	case LEDGER_SEALED:
		n->seals++;
		if (news->checkpoint.log.incarnation != n->identity->incarnation)
			world_fail(w, "I1: n%u signs a feed of another incarnation", n->index);
		if (told_of(w, n, &news->checkpoint.log)->guarded < news->checkpoint.size)
			world_fail(w, "I1: n%u signs %" PRIu64 " entries, its guard has fewer",
				n->index, news->checkpoint.size);
		signed_by(w, n, &news->checkpoint);
		grown(w, n, &news->checkpoint);
		return;
	case LEDGER_PROVENANCE:
		watch_acts_signed(w, n, &news->checkpoint);
		grown(w, n, &news->checkpoint);
		return;
	case LEDGER_WAS_CUT:
		cut(w, n, news);
		return;
	case LEDGER_ENTERED:
		s = news->session ? w->sessions[news->session - 1] : NULL;
		if (s)
			watch_entered(w, s, s->ends[1].node == n, &news->feed);
		return;
	case LEDGER_CORRUPT:
		world_fail(w, "n%u reads back another hash", n->index);
		return;
	default:
		return;
	}
}

void watch_told(struct world *w, struct world_node *n, const struct log_name *feed, uint64_t held)
{
	struct told *t = told_of(w, n, feed);

	if (held > t->durable)
		world_fail(w, "I11: n%u tells that it holds %" PRIu64 " and has %" PRIu64, n->index,
			held, t->durable);
	if (held > t->held)
		t->held = held;
}

void watch_receipted(struct world *w, struct world_node *n, const struct log_name *feed,
	const struct wire_checkpoint *c)
{
	const struct line *line = line_find(w, feed);
	struct hash root;

	watch_told(w, n, feed, c->size);
	if (!line || watch_forked(w, feed) || world_failure(w))
		return;
	line_root(line, c->size, &root);
	if (memcmp(root.bytes, c->root, sizeof(root.bytes)) != 0)
		world_fail(w, "I11: n%u gives a receipt for another root", n->index);
	watch_confirms(w, n, feed, c->size);
}

/* --- ends and starts (I11, I12) --------------------------------------------------------------- */

/* What it has seen signed and does not hold it has forgotten; what it holds it knows of, though it
 * may have died before it could tell, or be a copy. */
static void knows_at_start(struct world *w, const struct world_node *n, struct told *t,
	const struct store_log *log)
{
	const struct line *line = line_find(w, &t->feed);
	struct hash root;

	if (t->heard > log->size)
		t->heard = log->size;
	if (!line || node_id_eq(&t->feed.node, &n->actor->node) || !log->has_held ||
		log->held.size <= t->heard || log->held.size > line->len)
		return;
	line_root(line, log->held.size, &root);
	if (hash_eq(&root, &log->held.root))
		t->heard = log->held.size;
}

/* What was signed and committed by journal, and of which it did not come to tell before it died:
 * meanwhile a clone may have signed something else. */
static void signed_before_death(struct world_node *n, const struct store_log *log)
{
	if (node_id_eq(&log->name.node, &n->actor->node) && log->has_held &&
		log->name.audience.kind != AUDIENCE_PROVENANCE)
		signed_by(n->world, n, &log->held);
}

static int check_log(void *ctx, const struct store_log *log)
{
	struct world_node *n = ctx;
	struct told *t = told_of(n->world, n, &log->name);

	signed_before_death(n, log);
	knows_at_start(n->world, n, t, log);
	if (log->size < t->held || log->size < t->durable)
		world_fail(n->world,
			"I11: n%u has told of %" PRIu64 " entries, %" PRIu64 " are left", n->index,
			t->durable, log->size);
	t->durable = log->size;
	return 0;
}

struct acts {
	struct world_node *node;
	struct opened {
		uint8_t session[16];
		struct log_name log;
		uint64_t from;
	} * opened;
	size_t len;
};

static void collect_opened(void *ctx, uint64_t index, const struct entry *e)
{
	struct acts *acts = ctx;
	struct arena arena = {0};
	struct act_body act;

	(void)index;
	if (!e->erased && act_body_decode(e->body, &arena, &act) == 0 &&
		(act.act == ACT_SENDING_OPENED || act.act == ACT_BODIES_SENT) &&
		act.session.len == 16) {
		acts->opened = need(realloc(acts->opened, (acts->len + 1) * sizeof(*acts->opened)));
		acts->opened[acts->len] = (struct opened){.log = act.log, .from = act.from};
		memcpy(acts->opened[acts->len++].session, act.session.data, 16);
	}
	arena_free(&arena);
}

static bool was_opened(const struct acts *acts, const struct world_session *s,
	const struct world_sending *sending)
{
	for (size_t i = 0; i < acts->len; i++)
		if (memcmp(acts->opened[i].session, s->binding, 16) == 0 &&
			acts->opened[i].from == sending->from &&
			log_name_eq(&acts->opened[i].log, &sending->feed))
			return true;
	return false;
}

static int collect_acts(void *ctx, const struct store_log *log)
{
	struct acts *acts = ctx;

	if (log->name.audience.kind != AUDIENCE_PROVENANCE || log->size == 0)
		return 0;
	return entries_each(acts->node, &log->name, 0, log->size, collect_opened, acts);
}

/* What was sent in the life before, a provenance log must know. */
static void check_sendings(struct world *w, struct world_node *n, struct store_reader *r)
{
	struct acts acts = {.node = n};

	if (store_log_each(r, collect_acts, &acts) != 0)
		world_fail(w, "I12: n%u cannot read its provenance logs", n->index);
	for (size_t i = 0; i < w->sessions_len; i++) {
		const struct world_session *s = w->sessions[i];
		const struct world_end *e = &s->ends[s->ends[1].node == n];

		if (e->node != n || e->life + 1 != n->life)
			continue;
		for (size_t k = 0; k < e->sendings_len; k++)
			if (e->sendings[k].to > e->sendings[k].from &&
				!was_opened(&acts, s, &e->sendings[k]))
				world_fail(w,
					"I12: n%u has sent what its provenance log does not tell",
					n->index);
	}
	free(acts.opened);
}

void watch_up(struct world *w, struct world_node *n)
{
	struct map *told = &node_of(w->watch, n)->told;
	struct store_reader *r;
	void *value;

	if (store_reader_open(n->store, &r) != 0) {
		world_fail(w, "n%u cannot read its store", n->index);
		return;
	}
	if (store_log_each(r, check_log, n) != 0)
		world_fail(w, "n%u cannot read its logs", n->index);
	for (size_t at = 0; map_next(told, &at, NULL, &value);) {
		struct told *t = value;
		struct store_log log;

		if (store_log_get(r, &t->feed, &log) == 0)
			continue;
		t->heard = 0;
		if (t->durable)
			world_fail(w, "I11: n%u has lost a whole log", n->index);
	}
	if (n->life > 0)
		check_sendings(w, n, r);
	store_reader_close(r);
}

void watch_backed_up(struct world *w, const struct world_node *n)
{
	struct map *told = &node_of(w->watch, n)->told;
	void *value;

	for (size_t at = 0; map_next(told, &at, NULL, &value);) {
		struct told *t = value;

		t->backed = t->heard < t->durable ? t->heard : t->durable;
	}
}

void watch_restored(struct world *w, struct world_node *n, enum world_guard guard)
{
	struct watch_node *wn = node_of(w->watch, n);
	void *value;

	/* What the copy has lies there before the machine is up again, and comes out then. */
	for (size_t at = 0; map_next(&wn->told, &at, NULL, &value);) {
		struct told *t = value;

		*t = (struct told){.feed = t->feed, .heard = t->backed};
	}
	map_free(&wn->accepted);
	map_init(&wn->accepted, NODE_ID_BYTES, SIZE_MAX, hash_key);
	wn->may_fork |= guard == GUARD_OF_BACKUP;
	wn->bare |= guard != GUARD_OF_TODAY;
	wn->restored = true;
	/* What it sent since the backup was made is known to nobody but those who got it. */
	for (size_t i = 0; i < w->sessions_len; i++)
		for (unsigned end = 0; end < 2; end++)
			if (w->sessions[i]->ends[end].node == n)
				w->sessions[i]->ends[end].sendings_len = 0;
}

void watch_gives_up(struct world *w, struct world_node *n)
{
	node_of(w->watch, n)->may_fork = true;
}

bool watch_is_copy(const struct world_node *n)
{
	return n->twin || node_of(n->world->watch, n)->restored;
}

void watch_cloned(struct world *w, struct world_node *n, struct world_node *clone)
{
	node_of(w->watch, n)->may_fork = true;
	/* The copy of a copy is one. */
	node_of(w->watch, clone)->restored = node_of(w->watch, n)->restored;
	for (size_t i = 0; i < w->watch->feeds_len; i++)
		if (node_id_eq(&w->watch->feeds[i].node, &n->actor->node))
			line_find(w, &w->watch->feeds[i])->may_fork = true;
}

void watch_disown(struct world *w, const struct world_node *n)
{
	node_of(w->watch, n)->disowned = true;
}

bool watch_accepted(struct world *w, const struct world_node *n, const struct node_id *origin)
{
	struct map *accepted = &node_of(w->watch, n)->accepted;
	bool before = map_get(accepted, origin->bytes) != NULL;

	if (!before && map_put(accepted, origin->bytes, w->watch) != 0)
		abort();
	return before;
}
