/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The writer thread: the only one that writes the truth.
 *
 * It takes everything that waits as one group, commits it in one synced transaction, then seals the
 * own logs that grew: re-read the entries and recompute the root by a second path, write the guard
 * file, sign, announce. The checkpoint itself goes into the store with the next commit: were it
 * lost in a crash, entries and guard are there and signing again gives the same bytes.
 *
 * When a commit fails nothing of the group has happened: runs and publications are told so; acts,
 * pins and freezes wait and are tried again. What is wrong with one item (its log was frozen, say)
 * fails that item alone.
 */
#include "app/pipeline_impl.h"

#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "provenance/act.h"

#define RETRY_MS 500

struct group {
	struct pipeline *p;
	struct item *items, *last;          /* in order */
	struct grown grown[GROUP_LOGS_MAX]; /* pipeline.grown once committed */
	size_t grown_len;
	int64_t now_ms;  /* of every act in it: times in the log follow its order */
	struct buf acts; /* packed entries for the provenance log */
	uint32_t acts_len;
	/* the act RECEIVED being gathered */
	struct act_body received;
	bool receiving;
	uint8_t received_session[16], received_root[HASH_BYTES];
};

/* --- gathering acts --------------------------------------------------------------------------- */

static void group_act(struct group *g, const struct act_body *act)
{
	if (act_entry(&g->acts, act, g->now_ms, &g->p->config.rng) != 0)
		abort(); /* what the daemon enters is within bounds */
	g->acts_len++;
}

static void received_flush(struct group *g)
{
	if (g->receiving)
		group_act(g, &g->received);
	g->receiving = false;
}

/* Adjacent runs of one feed from one session are one act. */
static void received_add(struct group *g, const struct ingest_job *job)
{
	struct act_body *r = &g->received;

	if (!g->receiving || !log_name_eq(&r->log, &job->feed) || r->to != job->start ||
		memcmp(g->received_session, job->binding, sizeof(job->binding)) != 0) {
		received_flush(g);
		memcpy(g->received_session, job->binding, sizeof(g->received_session));
		*r = (struct act_body){.act = ACT_RECEIVED,
			.has_peer = true,
			.peer = job->peer,
			.session = BYTES_OF(g->received_session),
			.has_log = true,
			.log = job->feed,
			.from = job->start};
		g->receiving = true;
	}
	r->to = job->start + job->count;
	r->count = r->to - r->from;
	memcpy(g->received_root, job->checkpoint.root.bytes, HASH_BYTES);
	r->root = BYTES_OF(g->received_root);
}

static void published_enter(struct group *g, const struct publication *pub,
	const struct log_name *log, uint64_t from, uint64_t to)
{
	struct act_body act = {.act = ACT_PUBLISHED,
		.has_log = true,
		.log = *log,
		.from = from,
		.to = to,
		.count = to - from,
		.operator_name = bytes_str(pub->operator_name),
		.publication = BYTES_OF(pub->id)};

	if (pub->has_file) {
		act.hash = BYTES_OF(pub->file_hash);
		act.salt = BYTES_OF(pub->file_salt);
	}
	group_act(g, &act);
}

/* What a publication was refused, and which guard rails were lifted for it. */
static void rules_enter(struct group *g, const struct publication *pub)
{
	for (size_t i = 0; i < pub->rules_len; i++) {
		struct act_body act = {.act = pub->rules[i].lifted ? ACT_LIFTED : ACT_REFUSED,
			.rule = bytes_str(pub->rules[i].name),
			.count = pub->rules[i].count,
			.operator_name = bytes_str(pub->operator_name),
			.publication = BYTES_OF(pub->id)};

		group_act(g, &act);
	}
}

/* --- applying items --------------------------------------------------------------------------- */

static bool is_feed(const struct log_name *log)
{
	return log->audience.kind != AUDIENCE_PROVENANCE;
}

/* The log's place among those that have grown, the one behind the last when it is new there; NULL
 * when there are too many. One is kept for the provenance log. */
static struct grown *grown_of(struct group *g, const struct log_name *log)
{
	size_t max = is_feed(log) ? GROUP_LOGS_MAX - 1 : GROUP_LOGS_MAX;

	for (size_t i = 0; i < g->grown_len; i++)
		if (log_name_eq(&g->grown[i].log, log))
			return &g->grown[i];
	return g->grown_len < max ? &g->grown[g->grown_len] : NULL;
}

static int append_own(struct group *g, struct store_txn *txn, const struct log_name *name,
	struct bytes entries, const struct hash *leaves, uint32_t count, bool urgent,
	uint64_t *from)
{
	struct store_run run = {
		.log = *name, .count = count, .entries = entries, .received_ms = g->now_ms};
	struct grown *w = grown_of(g, name);
	struct range before;
	struct store_log log;
	int rc = store_txn_log(txn, name, true, &log);

	if (rc != 0)
		return rc;
	if (!w)
		return ENT_ELIMIT;
	before = log.tree;
	*from = run.start = log.size;
	for (uint32_t i = 0; i < count; i++)
		range_append(&log.tree, &leaves[i]);
	run.tree = &log.tree;
	rc = store_append(txn, &run);
	if (rc != 0)
		return rc;
	if (w == &g->grown[g->grown_len]) {
		*w = (struct grown){.log = *name, .before = before};
		g->grown_len++;
	}
	w->after = log.tree;
	w->urgent |= urgent;
	return 0;
}

static int apply_own(struct group *g, struct store_txn *txn, struct item *i)
{
	struct log_name name = {.node = g->p->config.self,
		.incarnation = g->p->config.identity->incarnation,
		.audience = i->audience};
	uint64_t from;
	int rc;

	if (atomic_load(&g->p->mute))
		return ENT_EMUTE;
	rc = append_own(g, txn, &name, buf_view(&i->data), i->leaves, i->count, i->urgent, &from);
	if (rc == 0)
		published_enter(g, i->publication, &name, from, from + i->count);
	return rc;
}

static int apply_run(struct group *g, struct store_txn *txn, struct item *i)
{
	const struct ingest_job *job = i->job;
	struct store_run run = {.log = job->feed,
		.start = job->start,
		.count = job->count,
		.entries = bytes_from(job->entries, job->entries_len),
		.tree = &i->tree,
		.via = job->peer,
		.received_ms = g->now_ms};
	struct store_log log;
	int rc = store_txn_log(txn, &job->feed, true, &log);

	if (rc != 0)
		return rc;
	if (log.size != job->start) /* an earlier one failed to be stored: this comes too early */
		return ENT_ESTATE;
	rc = store_append(txn, &run);
	if (rc == 0)
		rc = store_checkpoint_put(txn, &job->checkpoint);
	if (rc == 0)
		received_add(g, job);
	return rc;
}

/* Nothing is known here of a feed that forked before its first entry came. */
static int apply_freeze(struct store_txn *txn, const struct item *i)
{
	struct store_log log;
	int rc = store_txn_log(txn, &i->feed, true, &log);

	return rc != 0 ? rc : store_log_freeze(txn, &i->feed);
}

/* Errors that are about the item and leave the transaction as it was (store.h): the others are
 * about the store. */
static bool of_item(int code)
{
	switch (code) {
	case ENT_EINVALID:
	case ENT_ELIMIT:
	case ENT_EMUTE:
	case ENT_ENOTFOUND:
	case ENT_EPROOF:
	case ENT_ESTATE:
		return true;
	default:
		return false;
	}
}

static int apply_item(struct group *g, struct store_txn *txn, struct item *i)
{
	switch (i->type) {
	case ITEM_RUN:
		return apply_run(g, txn, i);
	case ITEM_OWN:
		return apply_own(g, txn, i);
	case ITEM_ACT:
		received_flush(g);
		be64_put(i->data.data + ENTRY_TIME_OFFSET, (uint64_t)g->now_ms);
		buf_bytes(&g->acts, buf_view(&i->data));
		g->acts_len++;
		return 0;
	case ITEM_PIN:
		return store_origin_put(txn, &i->node, buf_view(&i->data), &i->introduced_by,
			g->now_ms);
	case ITEM_FREEZE:
		return apply_freeze(txn, i);
	default: /* ITEM_PUBLICATION_END */
		rules_enter(g, i->publication);
		return 0;
	}
}

static int apply_acts(struct group *g, struct store_txn *txn)
{
	struct hash *leaves;
	struct cursor c;
	uint64_t from;
	int rc = 0;

	received_flush(g);
	if (g->acts_len == 0)
		return 0;
	if (buf_failed(&g->acts))
		return ENT_ENOMEM;
	leaves = calloc(g->acts_len, sizeof(*leaves));
	if (!leaves)
		return ENT_ENOMEM;
	c = cursor_of(buf_view(&g->acts));
	for (uint32_t i = 0; i < g->acts_len && rc == 0; i++) {
		struct entry e;

		rc = entry_next(&c, &e);
		if (rc == 0)
			hash_leaf(&leaves[i], e.leaf);
	}
	if (rc == 0)
		rc = append_own(g, txn, &g->p->config.provenance, buf_view(&g->acts), leaves,
			g->acts_len, false, &from);
	free(leaves);
	return rc;
}

static int group_commit(struct group *g)
{
	struct pipeline *p = g->p;
	struct store_txn *txn;
	int rc = store_begin(p->config.store, &txn);

	if (rc != 0)
		return rc;
	memcpy(g->grown, p->grown, sizeof(g->grown));
	g->grown_len = p->grown_len;
	g->now_ms = wall_ms();
	g->acts_len = 0;
	buf_reset(&g->acts);
	g->receiving = false;
	for (size_t i = 0; i < p->pending_len && rc == 0; i++) {
		rc = store_checkpoint_put(txn, &p->pending[i]);
		if (rc == ENT_ESTATE) /* frozen since */
			rc = 0;
	}
	for (struct item *i = g->items; i && rc == 0; i = i->next) {
		i->code = apply_item(g, txn, i);
		if (!of_item(i->code))
			rc = i->code;
	}
	if (rc == 0)
		rc = apply_acts(g, txn);
	if (rc != 0) {
		store_abort(txn);
		return rc;
	}
	rc = store_commit(txn);
	if (rc != 0)
		return rc;
	p->pending_len = 0;
	memcpy(p->grown, g->grown, sizeof(p->grown));
	p->grown_len = g->grown_len;
	return 0;
}

/* --- sealing ---------------------------------------------------------------------------------- */

/* The second path: what lies in the store now, read again and hashed again. */
static int recompute(struct pipeline *p, const struct grown *w)
{
	struct range tree = w->before;
	struct store_reader *r;
	struct hash want, have;
	int rc = store_reader_open(p->config.store, &r);

	while (rc == 0 && tree.end < w->after.end) {
		struct buf entries = buf_with_max(BATCH_BYTES_MAX + ENTRY_PACKED_MAX);
		struct cursor c;
		uint32_t count = 0;

		rc = store_run_read(r, &w->log, tree.end, w->after.end, BATCH_BYTES_MAX, &entries,
			&count);
		c = cursor_of(buf_view(&entries));
		for (uint32_t i = 0; i < count && rc == 0; i++) {
			struct hash leaf, commitment;
			struct entry e;

			rc = entry_next(&c, &e);
			if (rc != 0)
				break;
			hash_commitment(&commitment, e.salt, e.body);
			if (memcmp(commitment.bytes, e.leaf.data + ENTRY_COMMITMENT_OFFSET,
				    HASH_BYTES) != 0)
				rc = ENT_ECORRUPT;
			hash_leaf(&leaf, e.leaf);
			range_append(&tree, &leaf);
		}
		buf_free(&entries);
	}
	store_reader_close(r);
	if (rc != 0)
		return rc;
	range_root(&tree, &have);
	range_root(&w->after, &want);
	return hash_eq(&have, &want) ? 0 : ENT_ECORRUPT;
}

/* What lies corrupt in the store is not signed, nor is any feed while the node is mute, or before
 * a peer has had the time to say that this is a clone. */
static bool may_seal(struct pipeline *p, const struct grown *w)
{
	if (w->corrupt)
		return false;
	return !is_feed(&w->log) || (atomic_load(&p->sealing) && !atomic_load(&p->mute));
}

static int guard_write(struct pipeline *p)
{
	struct err_text err;
	bool feeds = false;
	int rc = 0;

	for (size_t i = 0; i < p->grown_len && rc == 0; i++) {
		const struct grown *w = &p->grown[i];
		struct hash root;

		if (!is_feed(&w->log) || !w->checked)
			continue;
		range_root(&w->after, &root);
		rc = guardfile_set(p->config.guardfile, &w->log, w->after.end, &root);
		feeds = true;
	}
	if (rc == 0 && feeds) {
		rc = guardfile_write(p->config.guardfile, &err);
		if (rc != 0)
			log_error("writer", "guard file not written: %s", err.text);
	}
	return rc;
}

static void publication_feed_set(struct publication *pub, const struct log_name *log, uint64_t size)
{
	for (size_t i = 0; i < pub->feeds_len; i++) {
		if (audience_eq(pub->feeds[i].audience, log->audience)) {
			pub->feeds[i].size = size;
			return;
		}
	}
	pub->feeds = realloc(pub->feeds, (pub->feeds_len + 1) * sizeof(*pub->feeds));
	if (!pub->feeds)
		abort();
	pub->feeds[pub->feeds_len++] = (struct publication_feed){log->audience, size};
}

static void seal_one(struct pipeline *p, const struct grown *w)
{
	struct pipeline_event *e =
		event_new(p, is_feed(&w->log) ? PIPELINE_SEALED : PIPELINE_PROVENANCE);
	struct checkpoint *c = &e->checkpoint;

	c->log = w->log;
	c->size = w->after.end;
	range_root(&w->after, &c->root);
	checkpoint_sign(c, p->config.identity->log_secret);
	e->urgent = w->urgent;
	p->pending[p->pending_len++] = *c;
	event_send(p, e);
}

/* Reads what has grown again; where another root comes out the node is mute from here on. */
static int group_recompute(struct pipeline *p)
{
	int rc = 0;

	for (size_t i = 0; i < p->grown_len && rc == 0; i++) {
		struct grown *w = &p->grown[i];
		struct pipeline_event *e;

		w->checked = false;
		if (!may_seal(p, w))
			continue;
		rc = recompute(p, w);
		w->checked = rc == 0;
		if (rc != ENT_ECORRUPT)
			continue;
		w->corrupt = true;
		atomic_store(&p->mute, true);
		e = event_new(p, PIPELINE_CORRUPT);
		e->feed = w->log;
		event_send(p, e);
		rc = 0;
	}
	return rc;
}

/* Signs what has been committed and not been signed, from this group or from one whose sealing
 * failed. ENT_EMUTE: all but feeds, which stay as they are until the next start. */
static int group_seal(struct pipeline *p)
{
	size_t kept = 0;
	int rc = group_recompute(p);

	if (rc == 0)
		rc = guard_write(p);
	p->unsealed = rc != 0;
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < p->grown_len; i++) {
		/* The node may have gone mute since. */
		if (p->grown[i].checked && may_seal(p, &p->grown[i]))
			seal_one(p, &p->grown[i]);
		else
			p->grown[kept++] = p->grown[i];
	}
	p->unsealed = kept && !atomic_load(&p->mute);
	p->grown_len = kept;
	return kept ? ENT_EMUTE : 0;
}

/*
 * After a crash between commit and signature (or before the signature was stored): what lies in the
 * store beyond its newest checkpoint is sealed now, by the same steps.
 */
static int find_unsealed(void *ctx, const struct store_log *log)
{
	struct pipeline *p = ctx;
	struct grown *w = &p->grown[p->grown_len];
	uint64_t signed_size = log->has_checkpoint ? log->checkpoint.size : 0;

	if (!node_id_eq(&log->name.node, &p->config.self) || log->size <= signed_size ||
		log->name.incarnation != p->config.identity->incarnation ||
		(is_feed(&log->name) && atomic_load(&p->mute)))
		return 0;
	if (p->grown_len == GROUP_LOGS_MAX)
		return ENT_ELIMIT;
	*w = (struct grown){.log = log->name, .after = log->tree};
	w->before.end = signed_size; /* its hashes are read below, outside of this walk */
	p->grown_len++;
	return 0;
}

static int recover(struct pipeline *p)
{
	struct store_reader *r;
	int rc = store_reader_open(p->config.store, &r);

	if (rc != 0)
		return rc;
	rc = store_log_each(r, find_unsealed, p);
	for (size_t i = 0; i < p->grown_len && rc == 0; i++) {
		struct grown *w = &p->grown[i];
		struct store_log log;
		struct store_tree tree = {.reader = r};

		rc = store_log_get(r, &w->log, &log);
		tree.log = log.number;
		if (rc == 0)
			rc = proof_range_build(&w->before, 0, w->before.end, store_tree_subtree,
				&tree);
	}
	store_reader_close(r);
	if (rc != 0) {
		p->grown_len = 0; /* nothing half known may be taken for what was signed */
		return rc;
	}
	return group_seal(p);
}

/* --- telling ---------------------------------------------------------------------------------- */

static void progress_written(struct pipeline *p, uint64_t items)
{
	struct store_reader *r;
	uint64_t arrival = 0;

	if (store_reader_open(p->config.store, &r) == 0) {
		arrival = store_arrival_last(r);
		store_reader_close(r);
	}
	pthread_mutex_lock(&p->progress.lock);
	p->progress.written += items;
	if (arrival > p->progress.arrival)
		p->progress.arrival = arrival;
	pthread_cond_broadcast(&p->progress.changed);
	pthread_mutex_unlock(&p->progress.lock);
}

static void tell_publication(struct pipeline *p, struct publication *pub, int code)
{
	struct pipeline_event *e = event_new(p, PIPELINE_PUBLISHED);

	if (pub->code == 0)
		pub->code = code;
	e->publication = pub;
	e->code = pub->code;
	event_send(p, e);
}

/* One item of the group is done (code 0) or has failed. */
static void tell(struct pipeline *p, struct item *i, int code)
{
	struct pipeline_event *e;

	if (code == 0)
		code = i->code;
	if (i->type == ITEM_RUN) {
		e = event_new(p, code ? PIPELINE_REJECTED : PIPELINE_STORED);
		e->job = i->job;
		e->code = code;
		i->job = NULL;
		event_send(p, e);
	} else if (i->type == ITEM_OWN && code != 0) {
		i->publication->code = code;
	} else if (i->type == ITEM_PUBLICATION_END) {
		tell_publication(p, i->publication, code);
	} else if (i->type == ITEM_ACT && i->wait) {
		e = event_new(p, PIPELINE_ENTERED);
		e->session = i->session;
		e->feed = i->feed;
		event_send(p, e);
	}
}

static bool may_wait(const struct item *i)
{
	return i->type == ITEM_ACT || i->type == ITEM_PIN || i->type == ITEM_FREEZE;
}

/* Tells of every item, frees it, and keeps for later those that wait for better times. */
static void group_finish(struct group *g, int committed, int sealed)
{
	struct item *next, *kept = NULL, **end = &kept;
	uint64_t own = 0;

	g->last = NULL;
	for (struct item *i = g->items; i; i = next) {
		next = i->next;
		own += i->type == ITEM_OWN || i->type == ITEM_PUBLICATION_END;
		if (committed != 0 && may_wait(i)) {
			i->next = NULL;
			*end = i;
			end = &i->next;
			g->last = i;
			continue;
		}
		if (i->type == ITEM_ACT)
			atomic_fetch_sub(&g->p->acts_waiting, 1);
		for (size_t k = 0; i->type == ITEM_OWN && k < g->grown_len; k++)
			if (audience_eq(g->grown[k].log.audience, i->audience))
				publication_feed_set(i->publication, &g->grown[k].log,
					g->grown[k].after.end);
		/* What came from others is durable with the commit; what is our own needs the
		 * signature. */
		tell(g->p, i, i->type == ITEM_RUN || committed != 0 ? committed : sealed);
		item_free(i);
	}
	g->items = kept;
	progress_written(g->p, own);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void trouble(struct pipeline *p, int code)
{
	struct pipeline_event *e = event_new(p, PIPELINE_TROUBLE);
	struct timespec pause = {0, RETRY_MS * 1000000L};

	e->code = code;
	event_send(p, e);
	nanosleep(&pause, NULL);
}

/*
 * Whoever has published may look at once, with a command that reads the store by itself: then the
 * checkpoints are there before the answer. A failure is no harm: they go with a later commit.
 */
static void checkpoints_commit(struct pipeline *p)
{
	struct store_txn *txn;
	int rc = store_begin(p->config.store, &txn);

	if (rc != 0)
		return;
	for (size_t i = 0; i < p->pending_len && rc == 0; i++)
		rc = store_checkpoint_put(txn, &p->pending[i]);
	if (rc != 0)
		store_abort(txn);
	else if (store_commit(txn) == 0)
		p->pending_len = 0;
}

static bool ends_publication(const struct group *g)
{
	for (const struct item *i = g->items; i; i = i->next)
		if (i->type == ITEM_PUBLICATION_END)
			return true;
	return false;
}

static void group_run(struct group *g)
{
	int committed = group_commit(g);
	int sealed = committed == 0 ? group_seal(g->p) : committed;

	if (sealed == 0 && g->p->pending_len > 0 && ends_publication(g))
		checkpoints_commit(g->p);
	group_finish(g, committed, sealed);
	if (sealed != 0 && sealed != ENT_EMUTE)
		trouble(g->p, sealed);
}

/* One signature covers at most so many entries and bytes (DESIGN 6); the first item always fits. */
struct own_size {
	uint32_t entries;
	size_t bytes;
};

static bool own_fits(const struct item *i, struct own_size *own)
{
	if (i->type != ITEM_OWN)
		return true;
	if (own->entries > 0 && (own->entries + i->count > BATCH_ENTRIES_MAX ||
					own->bytes + i->data.len > BATCH_BYTES_MAX))
		return false;
	own->entries += i->count;
	own->bytes += i->data.len;
	return true;
}

void *writer_run(void *ctx)
{
	struct pipeline *p = ctx;
	struct group g = {.p = p, .acts = buf_with_max(64u * 1024u * 1024u)};
	struct item *waiting;
	bool closed;
	int rc = recover(p);

	pthread_setname_np(pthread_self(), "writer"); /* seen in top -H, and by the benchmark */
	if (rc != 0 && rc != ENT_EMUTE)
		trouble(p, rc);
	do {
		bool left = p->pending_len > 0 || g.items || p->unsealed;

		waiting = queue_take_all(&p->to_writer, left ? IDLE_MS : 0, &closed);
		/* Nothing came to carry the newest checkpoints to the store, or what the store
		 * refused before: they go by themselves. */
		if (!waiting && left)
			group_run(&g);
		while (waiting) {
			size_t bytes = 0;
			struct own_size own = {0, 0};

			while (waiting && bytes < GROUP_BYTES && own_fits(waiting, &own)) {
				struct item *i = waiting;

				waiting = i->next;
				i->next = NULL;
				bytes += i->bytes;
				if (g.last)
					g.last->next = i;
				else
					g.items = i;
				g.last = i;
			}
			group_run(&g);
		}
	} while (!closed);
	if (p->pending_len || g.items)
		group_run(&g);
	while (g.items) { /* the store still refuses: said in the log, told by the next start */
		struct item *i = g.items;

		g.items = i->next;
		item_free(i);
	}
	buf_free(&g.acts);
	return NULL;
}
