/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The work thread: verifies runs of other origins, judges own claims and turns them into entries.
 * It reads the store and never writes it. What is small the loop does itself (may_at_once).
 */
#include "app/pipeline_impl.h"

#include <sodium.h>
#include <stdlib.h>

/* --- handing over ----------------------------------------------------------------------------- */

/* Together when they come together: what a publication adds and its end are then one commit. */
#define HAND_OVER_BYTES (1024u * 1024u)

static void hand_over_now(struct pipeline *p)
{
	if (p->out)
		queue_put_all(&p->to_writer, p->out);
	p->out = NULL;
	p->out_end = &p->out;
	p->out_bytes = 0;
}

static void hand_over(struct pipeline *p, struct ledger_item *i)
{
	i->next = NULL;
	*p->out_end = i;
	p->out_end = &i->next;
	p->out_bytes += i->bytes;
	if (p->out_bytes >= HAND_OVER_BYTES)
		hand_over_now(p);
}

/* What the loop verifies itself: a tenth of a millisecond at most. */
#define AT_ONCE_ENTRIES 16u
#define AT_ONCE_BYTES   16384u
#define AT_ONCE_CLAIMS  1024u /* bytes: a few */

/* --- runs ------------------------------------------------------------------------------------- */

static struct ingest_frontier *frontier_of(struct pipeline *p, const struct log_name *feed)
{
	uint8_t key[LOG_NAME_BYTES];
	struct ingest_frontier *f;

	log_name_pack(key, feed);
	f = map_get(&p->frontiers, key);
	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f || map_put(&p->frontiers, key, f) != 0)
		abort();          /* feeds are bounded by the engine */
	f->tree.end = UINT64_MAX; /* nowhere: the store says where */
	return f;
}

/* The store's own place: at first, and after a write has failed. */
static int frontier_load(struct pipeline *p, const struct log_name *feed, struct ingest_frontier *f)
{
	struct store_reader *r;
	struct store_log log;
	int rc = store_reader_open(p->config.store, &r);

	if (rc != 0)
		return rc;
	rc = store_log_get(r, feed, &log);
	if (rc == 0)
		f->tree = log.tree;
	else if (rc == ENT_ENOTFOUND)
		range_init(&f->tree, 0), rc = 0;
	store_reader_close(r);
	return rc;
}

static void work_ingest(struct pipeline *p, struct ledger_item *i)
{
	struct ingest_frontier *f = frontier_of(p, &i->job->feed);
	int rc = 0;

	if (!i->job->joins && f->tree.end != i->job->start)
		rc = frontier_load(p, &i->job->feed, f);
	if (rc == 0)
		rc = ingest_verify(f, i->job);
	if (rc != 0) {
		struct pipeline_event *e = event_new(p, PIPELINE_REJECTED);

		e->job = i->job;
		e->code = rc;
		i->job = NULL;
		ledger_item_free(i);
		event_send(p, e);
		return;
	}
	ingest_drop_mismarked(i->job);
	i->tag = WORK_PASS;
	i->tree = f->tree;
	hand_over(p, i);
}

/*
 * On the loop, when the work thread has nothing to do and will have nothing before the loop gives
 * it something: what is small is done in less time than waking the other thread takes. Whatever
 * else is the work thread's own may be used, for `working` orders what it did before. Where
 * something waits for the writer already nothing would be won: so it is about one for each commit.
 */
static bool may_at_once(struct pipeline *p, size_t bytes)
{
	return bytes <= AT_ONCE_BYTES && atomic_load(&p->working) == 0 &&
	       queue_empty(&p->to_writer);
}

bool work_run_at_once(struct pipeline *p, struct ledger_item *i)
{
	if (i->job->count > AT_ONCE_ENTRIES || !may_at_once(p, i->job->entries_len))
		return false;
	work_ingest(p, i);
	hand_over_now(p);
	return true;
}

/* --- own claims ------------------------------------------------------------------------------- */

static void send_own(struct pipeline *p, struct ledger_item *i)
{
	pthread_mutex_lock(&p->progress.lock);
	p->progress.sent++;
	pthread_mutex_unlock(&p->progress.lock);
	hand_over(p, i);
}

static uint64_t sent_so_far(struct pipeline *p)
{
	uint64_t sent;

	pthread_mutex_lock(&p->progress.lock);
	sent = p->progress.sent;
	pthread_mutex_unlock(&p->progress.lock);
	return sent;
}

/* Items of one batch that may not be sent yet. */
#define OPEN_MAX 8u

/* The index has all that was said: the set that stands in for it is emptied. Where the index fails
 * that is done all the same: a claim said twice does no harm, one taken for said that the store has
 * refused would be lost. */
static void seen_forget(struct pipeline *p)
{
	hand_over_now(p);
	progress_wait_indexed(p, sent_so_far(p));
	intake_seen_reset(&p->seen);
}

/* So many marks are kept beyond the publications that made them. */
#define SEEN_KEPT_MAX 16384u

/*
 * Publications share the set, so that small ones follow each other into one commit. It is emptied
 * when they have all ended and the index has caught up with them anyway; a larger one at once.
 */
static bool seen_is_over(struct pipeline *p)
{
	return p->publications_open == 0 && progress_is_indexed(p, sent_so_far(p));
}

static void seen_begin(struct pipeline *p, struct publication *pub)
{
	if (pub->number != 0)
		return;
	if (p->seen.count > 0 && seen_is_over(p))
		intake_seen_reset(&p->seen);
	pub->number = ++p->publications;
	p->publications_open++;
}

static void seen_end(struct pipeline *p, bool begun)
{
	if (begun)
		p->publications_open--;
	if (p->seen.count > SEEN_KEPT_MAX)
		seen_forget(p);
}

static void count_rule(struct publication *pub, const char *name, bool lifted)
{
	struct publication_rule *r;

	for (size_t i = 0; i < pub->rules_len; i++) {
		r = &pub->rules[i];
		if (r->lifted == lifted && strcmp(r->name, name) == 0) {
			r->count++;
			return;
		}
	}
	if (pub->rules_len == PUBLICATION_RULES_MAX)
		return; /* the table of rules is smaller */
	r = &pub->rules[pub->rules_len++];
	*r = (struct publication_rule){name, 1, lifted};
}

static void refuse(struct publication *pub, const struct intake_claim *c, const char *rule)
{
	struct publication_refusal *r;

	pub->refused++;
	count_rule(pub, rule, false);
	if (pub->refusals_len == PUBLICATION_REFUSALS_MAX)
		return;
	if (!pub->refusals) {
		pub->refusals = calloc(PUBLICATION_REFUSALS_MAX, sizeof(*pub->refusals));
		if (!pub->refusals)
			abort();
	}
	r = &pub->refusals[pub->refusals_len++];
	r->line = c->line;
	r->rule = rule;
	r->value = strndup((const char *)c->value.data, c->value.len < 256 ? c->value.len : 256);
}

/* The open item of an audience in this batch; sent when it is full. */
struct batch {
	struct pipeline *p;
	struct publication *publication;
	struct object_key key;
	const struct cursor *claims; /* what of them has not been read yet */
	struct ledger_item *open[OPEN_MAX];
	size_t open_len;
};

static void batch_flush(struct batch *b, size_t at)
{
	struct ledger_item *i = b->open[at];

	b->open[at] = b->open[--b->open_len];
	intake_commit(&i->data, i->count, i->leaves);
	i->bytes += i->data.len;
	send_own(b->p, i);
}

/* An entry takes a little more than its claim. What grows by doubling is copied again and again; of
 * what is reserved for nothing no page is ever touched. */
static void item_reserve(struct ledger_item *i, size_t claims_bytes)
{
	size_t room = claims_bytes + claims_bytes / 2;

	if (room > i->data.max)
		room = i->data.max;
	if (room > 0 && buf_extend(&i->data, room))
		i->data.len = 0;
}

static struct ledger_item *batch_item(struct batch *b, struct audience audience)
{
	struct ledger_item *i;

	for (size_t at = 0; at < b->open_len; at++) {
		i = b->open[at];
		if (!audience_eq(i->audience, audience))
			continue;
		if (i->count < BATCH_ENTRIES_MAX &&
			i->data.len < BATCH_BYTES_MAX - ENTRY_PACKED_MAX)
			return i;
		batch_flush(b, at);
		break;
	}
	if (b->open_len == sizeof(b->open) / sizeof(b->open[0]))
		batch_flush(b, 0);
	i = ledger_item_new(LEDGER_OWN);
	i->publication = b->publication;
	i->audience = audience;
	i->data.max = BATCH_BYTES_MAX;
	item_reserve(i, cursor_left(b->claims));
	/* Written when all are there: not emptied before, for most items have few entries. */
	i->leaves = malloc(BATCH_ENTRIES_MAX * sizeof(*i->leaves));
	if (!i->leaves)
		abort();
	b->open[b->open_len++] = i;
	return i;
}

/*
 * The system would take longer to give each entry its salt than all else takes that makes it. It
 * gives a seed for a few hundred, which libsodium's ChaCha20 draws out, as the system does itself;
 * the seed is wiped at once. What has been given out is wiped too: an erasure takes the salt, and
 * no copy may be left, nor anything that it could be made from again.
 */
static void salt_fill(void *ctx, void *out, size_t len)
{
	struct pipeline *p = ctx;
	uint8_t seed[randombytes_SEEDBYTES];

	if (len > SALTS_BYTES) {
		env_random(&p->config.rng, out, len);
		return;
	}
	if (p->salts.left < len) {
		env_random(&p->config.rng, seed, sizeof(seed));
		randombytes_buf_deterministic(p->salts.bytes, SALTS_BYTES, seed);
		sodium_memzero(seed, sizeof(seed));
		p->salts.left = SALTS_BYTES;
	}
	p->salts.left -= len;
	memcpy(out, p->salts.bytes + p->salts.left, len);
	sodium_memzero(p->salts.bytes + p->salts.left, len);
}

/* Is what this index does not show not there? Not while it is rebuilt, or catches up after a start,
 * or fails; else the set of what was said stands in for what it has not reached yet. */
static bool index_is_whole(struct pipeline *p, struct store_reader *r)
{
	uint64_t last = store_arrival_last(r), must;

	pthread_mutex_lock(&p->progress.lock);
	must = p->progress.index_failing ? last : p->progress.whole_at;
	pthread_mutex_unlock(&p->progress.lock);
	return store_index_position(r) >= (must < last ? must : last);
}

/* In a feed of a former incarnation it may be, too. */
static int stood(struct publication *pub, const struct intake *in, struct store_reader *r,
	const struct intake_result *result)
{
	struct log_name feed = {in->self, in->incarnation, result->audience};
	struct store_log log;
	int rc = result->stands ? store_log_at(r, result->standing, &log) : 0;

	if (rc == 0)
		publication_stood(pub, result->stands ? &log.name : &feed);
	return rc;
}

static int claim_publish(struct batch *b, const struct intake *in, struct store_reader *r,
	struct intake_claim *c, struct arena *a)
{
	struct publication *pub = b->publication;
	struct intake_result result;
	const struct env_rng salts = {salt_fill, b->p};
	struct ledger_item *i;
	int rc = intake_judge(in, r, c, a, &result);

	if (rc != 0)
		return rc; /* ENT_ELIMIT: the set is full */
	if (result.verdict == INTAKE_REFUSED) {
		refuse(pub, c, result.rule);
		return 0;
	}
	/* Said twice does no harm; taken back, as was told, when it is not, does. */
	if (result.verdict == INTAKE_UNCHANGED &&
		(c->kind == KIND_RETRACTION || c->kind == KIND_ERASURE) && !index_is_whole(b->p, r))
		return ENT_EBUSY;
	if (result.verdict == INTAKE_UNCHANGED) {
		pub->unchanged++;
		return stood(pub, in, r, &result);
	}
	if (result.lifted)
		count_rule(pub, result.lifted_rule, true);
	if (pub->urgent)
		c->flags |= ENTRY_FLAG_URGENT;
	i = batch_item(b, result.audience);
	rc = intake_entry(c, &b->key, in->now_ms, &salts, &i->data);
	if (rc != 0)
		return rc;
	i->count++;
	i->urgent |= pub->urgent || c->kind == KIND_RETRACTION || c->kind == KIND_ERASURE;
	pub->published++;
	return 0;
}

/* The loop takes the lock to replace the keys: it is held for a few claims, never while the index
 * or the writer is waited for. */
static void keys_hold(struct pipeline *p, struct intake *in)
{
	pthread_rwlock_rdlock(&p->config.keys->lock);
	in->guard = p->config.keys->guard;
	in->agreements = p->config.keys->agreements;
	in->agreements_len = p->config.keys->agreements_len;
}

static void keys_release(struct pipeline *p)
{
	pthread_rwlock_unlock(&p->config.keys->lock);
}

/* So many claims are known before their turn, while the memory fetches what they will ask for. */
#define CLAIMS_AHEAD 16u

struct claims {
	struct cursor in;
	struct intake_claim list[CLAIMS_AHEAD];
	struct intake_mark marks[CLAIMS_AHEAD];
	size_t len;
};

/* The next claims; what comes before one that cannot be read is among them. */
static int claims_next(struct claims *cs, const struct intake *intake)
{
	int rc = 0;

	for (cs->len = 0; rc == 0 && cs->len < CLAIMS_AHEAD && cursor_left(&cs->in) > 0;) {
		rc = intake_claim_decode(&cs->in, &cs->list[cs->len]);
		if (rc == 0)
			rc = intake_ahead(intake, &cs->list[cs->len], &cs->marks[cs->len]);
		if (rc == 0)
			cs->len++;
	}
	return rc;
}

/* The set is full: the index catches up, which a new reader then shows. */
static int reader_renew(struct pipeline *p, struct batch *b, struct store_reader **r)
{
	while (b->open_len)
		batch_flush(b, 0);
	/* A reader that stands would hold up the store's growing. */
	store_reader_close(*r);
	*r = NULL;
	seen_forget(p);
	return store_reader_open(p->config.store, r);
}

/* The writer takes nothing: it may be that it waits for all readers (store/compact.c). */
static int writer_await(struct pipeline *p, struct store_reader **r)
{
	if (!queue_is_above(&p->to_writer, WRITE_AHEAD_BYTES))
		return 0;
	store_reader_close(*r);
	*r = NULL;
	queue_wait_below(&p->to_writer, WRITE_AHEAD_BYTES);
	return store_reader_open(p->config.store, r);
}

static int claims_judge(struct pipeline *p, struct batch *b, struct intake *intake,
	struct store_reader **r, struct claims *cs, struct arena *a)
{
	int rc = 0;

	keys_hold(p, intake);
	for (size_t at = 0; rc == 0 && b->publication->code == 0 && at < cs->len; at++) {
		intake->mark = &cs->marks[at];
		rc = claim_publish(b, intake, *r, &cs->list[at], a);
		if (rc == ENT_ELIMIT) {
			keys_release(p);
			rc = reader_renew(p, b, r);
			keys_hold(p, intake);
			if (rc == 0)
				rc = claim_publish(b, intake, *r, &cs->list[at], a);
		}
		arena_reset(a);
	}
	keys_release(p);
	return rc;
}

/* ended: the end of the publication is here already, so nobody waits to send more of it. */
static void work_claims(struct pipeline *p, struct ledger_item *i, bool ended)
{
	struct publication *pub = i->publication;
	struct claims cs = {.in = cursor_of(buf_view(&i->data))};
	struct batch b = {.p = p, .publication = pub, .claims = &cs.in};
	struct record_memo memo = {.known = false};
	struct intake intake = {.self = p->config.self,
		.incarnation = p->config.identity->incarnation,
		.lifted = (const char *const *)pub->lifted,
		.seen = &p->seen,
		.publication = pub->number,
		.memo = &memo,
		.now_ms = wall_ms()};
	struct pipeline_event *e;
	struct arena a = {0};
	struct store_reader *r = NULL;
	int rc, next;

	object_key_init(&b.key, p->config.identity->object_secret);
	rc = store_reader_open(p->config.store, &r);
	while (rc == 0 && pub->code == 0 && cursor_left(&cs.in) > 0) {
		next = claims_next(&cs, &intake);
		rc = claims_judge(p, &b, &intake, &r, &cs, &a);
		rc = rc == 0 ? next : rc;
		if (rc == 0)
			rc = writer_await(p, &r);
	}
	if (r)
		store_reader_close(r);
	if (rc != 0 && pub->code == 0)
		pub->code = rc;
	while (b.open_len)
		batch_flush(&b, 0);
	object_key_wipe(&b.key);
	record_memo_free(&memo);
	arena_free(&a);
	ledger_item_free(i);
	if (ended)
		return;
	e = event_new(p, PIPELINE_TAKEN);
	e->publication = pub;
	event_send(p, e);
}

static void work_end(struct pipeline *p, struct ledger_item *i)
{
	bool begun = i->publication->number != 0;

	send_own(p, i);
	seen_end(p, begun);
}

/* Only where nothing was said that the index does not show: else it might have to be waited for,
 * and where the disk fails that would be for long. */
bool work_claims_at_once(struct pipeline *p, struct ledger_item *claims, struct ledger_item *end)
{
	if (claims->data.len > AT_ONCE_CLAIMS || !may_at_once(p, claims->data.len) ||
		(p->seen.count > 0 && !seen_is_over(p)))
		return false;
	seen_begin(p, claims->publication);
	work_claims(p, claims, true);
	work_end(p, end);
	hand_over_now(p);
	return true;
}

void *work_run(void *ctx)
{
	struct pipeline *p = ctx;
	struct ledger_item *list;
	bool closed;
	size_t done = 0;

	pthread_setname_np(pthread_self(), "work"); /* seen in top -H, and by the benchmark */
	thread_yields(NICE_BEHIND);
	while ((list = queue_take_all(&p->to_work, 0, &closed))) {
		while (list) {
			struct ledger_item *i = list;

			list = i->next;
			done++;
			queue_wait_below(&p->to_writer, WRITE_AHEAD_BYTES);
			switch (i->tag) {
			case WORK_INGEST:
				work_ingest(p, i);
				break;
			case WORK_CLAIMS:
				seen_begin(p, i->publication);
				work_claims(p, i,
					list && list->tag == WORK_END &&
						list->publication == i->publication);
				break;
			default: /* WORK_END */
				work_end(p, i);
				break;
			}
		}
		if (queue_empty(&p->to_work)) {
			hand_over_now(p);
			atomic_fetch_sub(&p->working, done);
			done = 0;
		}
	}
	hand_over_now(p);
	return NULL;
}
