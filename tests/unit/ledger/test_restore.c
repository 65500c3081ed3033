/* SPDX-License-Identifier: EUPL-1.2 */
/* The ledger over a real store: what a crash or a restore leaves, and how it goes on. */
#include "lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/vocab.h"
#include "ledger/ledger.h"
#include "provenance/act.h"
#include "store/db.h"

#define FIRST 1795336200u

struct life {
	const char *dir;
	uint64_t seed;
	struct identity identity;
	struct store *store;
	struct ledger *ledger;
	struct guardfile guard; /* in memory, */
	struct guardfile saved; /* and as it is kept */
	struct node_id self;
	struct log_name provenance;
	uint8_t object; /* that publications are about */
	bool guard_fails;
	bool by_journal; /* guard_save takes a redo, */
	bool has_redo;   /* and the last one brought one */
	unsigned saves;
	enum ledger_step steps[32]; /* of the run at hand */
	size_t steps_len;
	size_t flips; /* where in a publication a bit flips before it is stored; 0: nowhere */
	/* what was told */
	struct checkpoint sealed;
	unsigned seals, provenances, unmuted;
	uint64_t stored_to, sealed_before_stored;
	uint64_t cut_to;
	int published;
	unsigned corrupt;
};

static int64_t wall_ms(void *ctx)
{
	(void)ctx;
	return (int64_t)FIRST * 1000;
}

static int guard_save(void *ctx, const struct guardfile *g, struct bytes redo)
{
	struct life *l = ctx;

	l->saves++;
	if (l->guard_fails)
		return ENT_EIO;
	l->has_redo = redo.len > 0;
	guardfile_free(&l->saved);
	for (size_t i = 0; i < g->feeds_len; i++)
		assert_int_equal(guardfile_set(&l->saved, &g->feeds[i].log, g->feeds[i].size,
					 &g->feeds[i].root),
			0);
	return 0;
}

static enum ledger_journal journal_state(void *ctx)
{
	const struct life *l = ctx;

	return l->by_journal ? LEDGER_JOURNAL_READY : LEDGER_JOURNAL_NEVER;
}

static void step(void *ctx, enum ledger_step at)
{
	struct life *l = ctx;

	if (l->steps_len < COUNT_OF(l->steps))
		l->steps[l->steps_len++] = at;
}

static void tell(void *ctx, const struct ledger_news *news)
{
	struct life *l = ctx;

	switch (news->type) {
	case LEDGER_STORED:
		l->stored_to = news->job->start + news->job->count;
		l->sealed_before_stored = l->sealed.size;
		break;
	case LEDGER_SEALED:
		l->sealed = news->checkpoint;
		l->seals++;
		break;
	case LEDGER_PROVENANCE:
		l->provenances++;
		break;
	case LEDGER_WAS_CUT:
		assert_int_equal(news->code, 0);
		l->cut_to = news->size;
		break;
	case LEDGER_UNMUTED:
		l->unmuted++;
		break;
	case LEDGER_CORRUPT:
		l->corrupt++;
		break;
	case LEDGER_PUBLISHED:
		l->published = news->code;
		publication_free(news->publication);
		break;
	default:
		break;
	}
	ingest_job_free(news->job);
}

static struct log_name feed_of(const struct life *l, uint64_t incarnation)
{
	(void)l;
	return (struct log_name){l->self, incarnation, audience_of(AUDIENCE_CLEAR)};
}

static void life_begin(struct life *l, bool mute, bool begin_provenance, const char *dir)
{
	struct ledger_config config = {.identity = &l->identity, .guard = &l->guard, .mute = mute};
	struct err_text err;

	l->dir = dir ? dir : test_dir();
	assert_int_equal(store_open(&l->store, l->dir, STORE_WRITE, &err), 0);
	config.store = l->store;
	config.self = l->self;
	config.rng = test_rng(&l->seed);
	config.former = l->provenance;
	if (begin_provenance)
		l->provenance = (struct log_name){l->self, l->identity.incarnation,
			{AUDIENCE_PROVENANCE, l->provenance.audience.id + FIRST}};
	config.provenance = l->provenance;
	config.begin_provenance = begin_provenance;
	config.ops = (struct ledger_ops){l, wall_ms, guard_save, tell, step, journal_state};
	assert_int_equal(ledger_new(&l->ledger, &config), 0);
	(void)!ledger_recover(l->ledger);
}

static void life_end(struct life *l)
{
	ledger_free(l->ledger);
	store_close(l->store);
	l->ledger = NULL;
	l->store = NULL;
}

static void life_init(struct life *l)
{
	struct env_rng rng;

	memset(l, 0, sizeof(*l));
	l->seed = 7;
	l->self.bytes[0] = 9;
	rng = test_rng(&l->seed);
	assert_int_equal(identity_generate(&l->identity, FIRST, &rng), 0);
	life_begin(l, false, true, NULL);
}

static void life_free(struct life *l)
{
	life_end(l);
	identity_free(&l->identity);
	guardfile_free(&l->guard);
	guardfile_free(&l->saved);
	test_dir_remove(l->dir);
}

static int run(struct life *l)
{
	struct ledger_done done;

	l->steps_len = 0;
	return ledger_run(l->ledger, &done);
}

/* One publication of count entries; an erasure is of none of the objects. */
static void put_entries(struct life *l, uint32_t count, enum kind kind)
{
	struct ledger_item *own = ledger_item_new(LEDGER_OWN);
	struct ledger_item *end = ledger_item_new(LEDGER_PUBLICATION_END);
	struct env_rng rng = test_rng(&l->seed);

	own->publication = end->publication = publication_new();
	own->audience = audience_of(AUDIENCE_CLEAR);
	own->count = count;
	own->leaves = calloc(count, sizeof(*own->leaves));
	for (uint32_t i = 0; i < count; i++) {
		uint8_t raw[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES], body[8];
		struct entry_header header = {.version = ENTRY_VERSION,
			.kind = (uint8_t)kind,
			.tlp = TLP_CLEAR,
			.body_len = 8,
			.object = {kind == KIND_ERASURE ? 1 : l->object}};
		struct entry entry = {BYTES_OF(raw), BYTES_OF(salt), BYTES_OF(body), false};
		struct hash commitment;

		env_random(&rng, body, sizeof(body));
		env_random(&rng, salt, sizeof(salt));
		hash_commitment(&commitment, entry.salt, entry.body);
		memcpy(header.commitment, commitment.bytes, HASH_BYTES);
		entry_header_encode(raw, &header);
		entry_pack(buf_extend(&own->data, entry_packed_len(&entry)), &entry);
		hash_leaf(&own->leaves[i], entry.leaf);
	}
	if (l->flips)
		own->data.data[l->flips] ^= 1;
	ledger_put(l->ledger, own);
	ledger_put(l->ledger, end);
	l->published = 1;
}

static int publish(struct life *l, uint32_t count)
{
	put_entries(l, count, KIND_OBJECT);
	return run(l);
}

static struct store_log log_of(struct life *l, const struct log_name *name)
{
	struct store_reader *r;
	struct store_log log = {0};

	assert_int_equal(store_reader_open(l->store, &r), 0);
	(void)!store_log_get(r, name, &log);
	store_reader_close(r);
	return log;
}

/* The first entry of a log. */
static void first_entry(struct life *l, const struct log_name *name, struct entry_header *h,
	struct buf *body)
{
	struct store_log log = log_of(l, name);
	struct store_reader *r;
	struct store_entry e;

	assert_int_equal(store_reader_open(l->store, &r), 0);
	assert_int_equal(store_entry_get(r, log.number, 0, &e), 0);
	*h = e.header;
	buf_reset(body);
	buf_bytes(body, e.entry.body);
	store_reader_close(r);
}

static void put(struct life *l, enum ledger_item_type type, const struct log_name *feed)
{
	struct ledger_item *i = ledger_item_new(type);

	if (feed)
		i->feed = *feed;
	i->epoch = ledger_epoch(l->ledger);
	ledger_put(l->ledger, i);
}

static void act(struct life *l)
{
	struct ledger_item *i = ledger_item_new(LEDGER_ACT);
	struct act_body body = {.act = ACT_STARTED};
	struct env_rng rng = test_rng(&l->seed);

	assert_int_equal(act_entry(&i->data, &body, wall_ms(NULL), &rng), 0);
	ledger_put(l->ledger, i);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void a_mute_ledger_signs_no_feed_and_goes_on_when_told(void **state)
{
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 5), 0);
	ledger_mute(l.ledger);
	(void)!publish(&l, 5);
	assert_int_equal(l.published, ENT_EMUTE);
	assert_int_equal(log_of(&l, &feed).size, 5);
	put(&l, LEDGER_UNMUTE, NULL);
	assert_int_equal(run(&l), 0);
	assert_int_equal(l.unmuted, 1);
	assert_int_equal(publish(&l, 5), 0);
	assert_int_equal(l.sealed.size, 10);
	assert_int_equal(guardfile_find(&l.saved, &feed)->size, 10);
	life_free(&l);
}

/* The word was given for an earlier time. */
static void a_word_ends_only_the_muteness_it_was_given_for(void **state)
{
	struct life l;

	(void)state;
	life_init(&l);
	ledger_allow_sealing(l.ledger);
	ledger_mute(l.ledger);
	put(&l, LEDGER_UNMUTE, NULL);
	ledger_mute(l.ledger);
	assert_int_equal(run(&l), 0);
	assert_int_equal(l.unmuted, 0);
	assert_true(ledger_muted(l.ledger));
	life_free(&l);
}

static void without_a_guard_that_is_kept_it_stays_mute(void **state)
{
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 5), 0);
	assert_int_equal(run(&l), 0); /* the checkpoint is carried to the store */
	guardfile_free(&l.guard);
	ledger_mute(l.ledger);
	put(&l, LEDGER_UNMUTE, NULL);
	l.guard_fails = true;
	assert_int_equal(run(&l), ENT_EIO);
	assert_true(ledger_muted(l.ledger) && ledger_owes(l.ledger));
	l.guard_fails = false;
	assert_int_equal(run(&l), 0);
	assert_false(ledger_muted(l.ledger));
	assert_int_equal(guardfile_find(&l.saved, &feed)->size, 5);
	life_free(&l);
}

static void a_tail_that_was_never_signed_is_cut_and_the_loss_entered(void **state)
{
	struct log_name feed;
	struct life l;
	uint64_t acts;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 5), 0);
	l.guard_fails = true; /* committed, and never signed */
	assert_int_equal(publish(&l, 3), ENT_EIO);
	assert_int_equal(log_of(&l, &feed).size, 8);
	ledger_mute(l.ledger);
	acts = log_of(&l, &l.provenance).size;
	put(&l, LEDGER_CUT, &feed);
	l.guard_fails = false;
	(void)!run(&l);
	assert_int_equal(l.cut_to, 5);
	assert_int_equal(log_of(&l, &feed).size, 5);
	assert_int_equal(log_of(&l, &l.provenance).size, acts + 1);
	put(&l, LEDGER_UNMUTE, NULL);
	assert_int_equal(run(&l), 0);
	assert_int_equal(publish(&l, 2), 0);
	assert_int_equal(l.sealed.size, 7);
	life_free(&l);
}

static void nothing_is_put_where_more_was_signed(void **state)
{
	struct ledger_item *keep;
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 5), 0);
	keep = ledger_item_new(LEDGER_KEEP);
	keep->checkpoint = (struct checkpoint){.log = feed, .size = 9};
	ledger_put(l.ledger, keep);
	assert_int_equal(run(&l), 0);
	(void)!publish(&l, 1);
	assert_int_equal(l.published, ENT_EMUTE);
	assert_int_equal(log_of(&l, &feed).size, 5);
	life_free(&l);
}

/* An old copy with its guard commits a tail before it hears that others were signed there. */
static void what_was_shown_is_kept_though_a_tail_is_longer(void **state)
{
	struct ledger_item *keep;
	struct log_name feed;
	struct store_log log;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 5), 0);
	assert_int_equal(run(&l), 0);
	life_end(&l);
	life_begin(&l, false, false, l.dir);
	assert_int_equal(publish(&l, 4), ENT_EMUTE);
	assert_int_equal(log_of(&l, &feed).size, 9);
	ledger_mute(l.ledger);
	keep = ledger_item_new(LEDGER_KEEP);
	keep->checkpoint = (struct checkpoint){.log = feed, .size = 7};
	ledger_put(l.ledger, keep);
	(void)!run(&l);
	assert_int_equal(log_of(&l, &feed).held.size, 5);
	put(&l, LEDGER_CUT, &feed);
	(void)!run(&l);
	log = log_of(&l, &feed);
	assert_int_equal(log.size, 5);
	assert_int_equal(log.checkpoint.size, 7);
	life_free(&l);
}

static void a_new_provenance_log_cites_the_former_and_takes_its_tail_along(void **state)
{
	struct buf body = buf_with_max(ENTRY_BODY_MAX);
	struct log_name former, next;
	struct entry_header h;
	struct act_body act_of;
	struct arena arena = {0};
	struct life l;

	(void)state;
	life_init(&l);
	act(&l);
	assert_int_equal(run(&l), 0);
	assert_int_equal(run(&l), 0);
	former = l.provenance;
	assert_int_equal(log_of(&l, &former).held.size, 1);
	/* The next life does not know yet whether it is an old copy: it signs nothing. */
	life_end(&l);
	life_begin(&l, false, false, l.dir);
	act(&l);
	assert_int_equal(run(&l), ENT_EMUTE);
	assert_int_equal(log_of(&l, &former).size, 2);
	next = former;
	next.audience.id++;
	put(&l, LEDGER_EPOCH, &next);
	act(&l);
	(void)!run(&l);
	assert_int_equal(run(&l), 0);
	assert_int_equal(log_of(&l, &next).size, 3);
	assert_int_equal(log_of(&l, &next).held.size, 3);
	assert_int_equal(log_of(&l, &former).held.size, 1);
	first_entry(&l, &next, &h, &body);
	assert_int_equal(act_body_decode(buf_view(&body), &arena, &act_of), 0);
	assert_int_equal(act_of.act, ACT_EPOCH);
	assert_true(log_name_eq(&act_of.log, &former));
	assert_int_equal(act_of.to, 1);
	l.provenance = next;
	arena_free(&arena);
	buf_free(&body);
	life_free(&l);
}

static void a_new_incarnation_says_first_how_far_the_former_is_good(void **state)
{
	struct buf body = buf_with_max(ENTRY_BODY_MAX);
	struct record_succession record;
	struct log_name former, feed;
	struct entry_header h;
	struct life l;

	(void)state;
	life_init(&l);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 5), 0);
	assert_int_equal(run(&l), 0);
	former = feed_of(&l, FIRST);
	life_end(&l);
	identity_free(&l.identity);
	{
		struct env_rng rng = test_rng(&l.seed);

		assert_int_equal(identity_generate(&l.identity, FIRST + 1, &rng), 0);
	}
	feed = feed_of(&l, FIRST + 1);
	for (unsigned lives = 0; lives < 2; lives++) {
		life_begin(&l, false, lives == 0, l.dir);
		(void)!run(&l);
		/* Nothing may be signed yet, and what is published now stands behind it. */
		assert_int_equal(log_of(&l, &feed).size, lives ? 3 : 1);
		ledger_allow_sealing(l.ledger);
		assert_true(lives == 1 || ledger_owes(l.ledger));
		(void)!publish(&l, 2);
		assert_int_equal(l.published, 0);
		assert_int_equal(log_of(&l, &feed).size, lives ? 5 : 3);
		if (lives == 0) {
			first_entry(&l, &feed, &h, &body);
			assert_int_equal(h.kind, KIND_SUCCESSION);
			assert_int_equal(h.tlp, TLP_CLEAR);
			assert_int_equal(record_succession_decode(buf_view(&body), &record), 0);
			assert_true(log_name_eq(&record.old_log, &former));
			assert_int_equal(record.size, 5);
			assert_int_equal(run(&l), 0);
			life_end(&l);
		}
	}
	buf_free(&body);
	life_free(&l);
}

/* The word itself was never signed, and went with the rest. */
static void a_feed_that_is_cut_to_nothing_begins_with_it_again(void **state)
{
	struct buf body = buf_with_max(ENTRY_BODY_MAX);
	struct log_name feed;
	struct entry_header h;
	struct life l;

	(void)state;
	life_init(&l);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 5), 0);
	assert_int_equal(run(&l), 0);
	life_end(&l);
	identity_free(&l.identity);
	{
		struct env_rng rng = test_rng(&l.seed);

		assert_int_equal(identity_generate(&l.identity, FIRST + 1, &rng), 0);
	}
	feed = feed_of(&l, FIRST + 1);
	life_begin(&l, false, true, l.dir);
	(void)!run(&l);
	assert_int_equal(log_of(&l, &feed).size, 1);
	ledger_mute(l.ledger);
	put(&l, LEDGER_CUT, &feed);
	(void)!run(&l);
	assert_int_equal(log_of(&l, &feed).size, 0);
	put(&l, LEDGER_UNMUTE, NULL);
	(void)!run(&l);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 2), 0);
	first_entry(&l, &feed, &h, &body);
	assert_int_equal(h.kind, KIND_SUCCESSION);
	assert_int_equal(l.sealed.size, 3);
	buf_free(&body);
	life_free(&l);
}

/* T25. A bit that flips in memory between hashing and storing. In a header it does not come as far
 * as the store; in salt or body the second path finds it, nothing is signed, and nothing more until
 * somebody has looked. */
static void a_bit_that_flips_before_the_seal_is_never_signed(void **state)
{
	static const size_t places[] = {ENTRY_TIME_OFFSET, ENTRY_COMMITMENT_OFFSET + 5,
		ENTRY_HEADER_BYTES + 3, ENTRY_HEADER_BYTES + 1 + ENTRY_SALT_BYTES + 4};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(places); i++) {
		const size_t place = places[i / 2];
		bool header = place < ENTRY_HEADER_BYTES;
		struct life l;

		life_init(&l);
		ledger_allow_sealing(l.ledger);
		l.by_journal = i % 2;
		assert_int_equal(publish(&l, 3), 0);
		assert_int_equal(l.seals, 1);
		l.flips = place;
		(void)!publish(&l, 3);
		assert_int_equal(l.seals, 1);
		assert_int_equal(l.corrupt, !header);
		assert_int_not_equal(l.published, 0);
		l.flips = 0;
		(void)!publish(&l, 3);
		assert_int_equal(l.seals, 1 + header);
		life_free(&l);
	}
}

/* --- small groups ----------------------------------------------------------------------------- */

static void a_small_group_is_signed_and_stored_with_one_save(void **state)
{
	static const enum ledger_step in_order[] = {LEDGER_STEP_REREAD, LEDGER_STEP_SIGN,
		LEDGER_STEP_GUARD, LEDGER_STEP_COMMIT, LEDGER_STEP_TELL, LEDGER_STEP_FINISHED};
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 2), 0); /* a log of acts begins: not by journal */
	l.by_journal = true;
	for (unsigned i = 1; i < 5; i++) {
		unsigned saves = l.saves;

		assert_int_equal(publish(&l, 2), 0);
		assert_int_equal(l.published, 0);
		assert_int_equal(l.saves, saves + 1);
		assert_true(l.has_redo);
		assert_int_equal(l.steps_len, COUNT_OF(in_order));
		assert_memory_equal(l.steps, in_order, sizeof(in_order));
		assert_int_equal(l.sealed.size, 2 + 2 * i);
		/* The checkpoints are there, of the log of acts as well. */
		assert_int_equal(log_of(&l, &feed).held.size, 2 + 2 * i);
		assert_int_equal(log_of(&l, &l.provenance).held.size,
			log_of(&l, &l.provenance).size);
		assert_false(ledger_owes(l.ledger));
		assert_int_equal(ledger_settle(l.ledger), 0);
	}
	/* Too much for the journal: the long way, in which the guard has no redo. */
	assert_int_equal(publish(&l, 600), 0);
	assert_false(l.has_redo);
	assert_int_equal(log_of(&l, &feed).held.size, 610);
	assert_int_equal(guardfile_find(&l.saved, &feed)->size, 610);
	life_free(&l);
}

static void a_save_that_fails_leaves_store_and_guard_as_they_were(void **state)
{
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	l.by_journal = true;
	assert_int_equal(publish(&l, 2), 0);
	assert_int_equal(publish(&l, 2), 0);
	l.guard_fails = true;
	assert_int_equal(publish(&l, 3), ENT_EIO);
	assert_int_equal(l.published, ENT_EIO);
	assert_int_equal(l.seals, 2);
	assert_int_equal(log_of(&l, &feed).size, 4);
	assert_int_equal(guardfile_find(&l.guard, &feed)->size, 4);
	/* Before anything else is committed the word that was not kept goes out of guard and
	 * journal. */
	assert_int_equal(publish(&l, 3), ENT_EIO);
	assert_int_equal(log_of(&l, &feed).size, 4);
	l.guard_fails = false;
	l.saves = 0;
	act(&l);
	assert_int_equal(run(&l), 0);
	assert_int_equal(l.saves, 1);
	assert_false(l.has_redo);
	assert_int_equal(guardfile_find(&l.saved, &feed)->size, 4);
	assert_int_equal(publish(&l, 5), 0);
	assert_true(l.has_redo);
	assert_int_equal(l.sealed.size, 9);
	assert_int_equal(guardfile_find(&l.saved, &feed)->size, 9);
	life_free(&l);
}

/* What was signed by journal is in the store after a death, whatever the guard says. */
static void a_guard_that_is_behind_the_store_catches_up_first(void **state)
{
	struct log_name feed;
	struct hash root = {{1}};
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 7), 0);
	act(&l);
	assert_int_equal(run(&l), 0); /* takes the checkpoint to the store */
	life_end(&l);
	assert_int_equal(guardfile_set(&l.guard, &feed, 3, &root), 0);
	l.saves = 0;
	life_begin(&l, false, false, l.dir);
	assert_int_equal(l.saves, 1);
	assert_int_equal(guardfile_find(&l.saved, &feed)->size, 7);
	life_free(&l);
}

/* What a life has signed, as a peer gives it back to another of the same node. */
static struct ledger_item *run_of(struct life *from)
{
	struct ledger_item *i = ledger_item_new(LEDGER_RUN);
	struct buf entries = buf_with_max(BATCH_BYTES_MAX);
	struct store_log log = log_of(from, &from->sealed.log);
	struct store_reader *r;
	uint32_t count;

	assert_int_equal(store_reader_open(from->store, &r), 0);
	assert_int_equal(store_run_read(r, &log.name, 0, log.size, BATCH_BYTES_MAX, &entries,
				 &count),
		0);
	store_reader_close(r);
	i->job = calloc(1, sizeof(*i->job) + entries.len);
	i->job->feed = log.name;
	i->job->count = count;
	i->job->checkpoint = from->sealed;
	i->job->entries_len = entries.len;
	memcpy(i->job->entries, entries.data, entries.len);
	i->tree = log.tree;
	buf_free(&entries);
	return i;
}

/* In one group, too, each is told in the order in which it lies in the feed. */
static void what_is_taken_back_is_told_before_what_is_signed_upon_it(void **state)
{
	(void)state;
	for (int by_journal = 0; by_journal < 2; by_journal++) {
		struct life former, copy; /* of one seed: one node */

		life_init(&former);
		life_init(&copy);
		ledger_allow_sealing(former.ledger);
		ledger_allow_sealing(copy.ledger);
		assert_int_equal(publish(&former, 5), 0);
		act(&copy);
		assert_int_equal(run(&copy), 0); /* a log of acts begins: not by journal */
		copy.by_journal = by_journal;
		ledger_put(copy.ledger, run_of(&former));
		assert_int_equal(publish(&copy, 2), 0);
		assert_int_equal(copy.has_redo, by_journal);
		assert_int_equal(copy.stored_to, 5);
		assert_int_equal(copy.sealed_before_stored, 0);
		assert_int_equal(copy.sealed.size, 7);
		life_free(&copy);
		life_free(&former);
	}
}

/* What the thread of the index does after each step; meanwhile: before the writer is asked. */
static void forget(struct life *l, bool meanwhile)
{
	struct ledger_item *i = ledger_item_new(LEDGER_FORGET);
	struct store_reader *r;
	int rc;

	while ((rc = store_index_step(l->store, NULL, 65536)) > 0)
		;
	assert_int_equal(rc, 0);
	assert_int_equal(store_reader_open(l->store, &r), 0);
	i->count = store_index_prunable(r);
	store_reader_close(r);
	while (store_index_erase(l->store, NULL) > 0)
		;
	while (i->count && store_index_prune(l->store) > 0)
		;
	if (meanwhile)
		put_entries(l, 1, KIND_ERASURE);
	ledger_put(l->ledger, i);
	assert_int_equal(run(l), 0);
}

static void what_lies_below_the_floor_goes_though_an_erasure_came_between(void **state)
{
	struct store_txn *txn;
	struct store_reader *r;
	struct store_entry e;
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 2000), 0);
	assert_int_equal(publish(&l, 1), 0);
	assert_int_equal(store_begin(l.store, &txn), 0);
	assert_int_equal(store_floor_move(txn, &feed, 1792), 0);
	assert_int_equal(store_commit(txn), 0);
	forget(&l, true);
	assert_false(ledger_owes(l.ledger)); /* the index goes first */
	forget(&l, false);
	assert_int_equal(store_reader_open(l.store, &r), 0);
	assert_int_equal(store_erasing(r), 0);
	assert_int_equal(store_entry_get(r, log_of(&l, &feed).number, 0, &e), ENT_ENOTFOUND);
	store_reader_close(r);
	life_free(&l);
}

/* Spoils the bundle that has an entry, in the file; a new life begins. */
static void bundle_spoil(struct life *l, const struct log_name *name, uint64_t index)
{
	static const char *const tables[] = {"entries"};
	struct store_log log = log_of(l, name);
	MDB_val key, value = db_val("", 1);
	struct store_reader *r;
	struct store_entry e;
	struct db db = {0};
	uint8_t arrival[8];
	char path[2048];
	MDB_txn *txn;

	assert_int_equal(store_reader_open(l->store, &r), 0);
	assert_int_equal(store_entry_get(r, log.number, index, &e), 0);
	store_reader_close(r);
	be64_put(arrival, e.place.arrival);
	key = db_val(arrival, sizeof(arrival));
	life_end(l);
	snprintf(path, sizeof(path), "%s/log", l->dir);
	assert_int_equal(db_open(&db, path, true, 0, tables, COUNT_OF(tables)), 0);
	assert_int_equal(mdb_txn_begin(db.env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_put(txn, db.tables[0], &key, &value, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	db_close(&db);
	life_begin(l, false, false, l->dir);
	ledger_allow_sealing(l->ledger);
}

/* The index has let go of what is erased, and of what lies below the floor. */
static void index_lets_go(struct life *l)
{
	int rc;

	while ((rc = store_index_step(l->store, NULL, 65536)) > 0)
		;
	assert_int_equal(rc, 0);
	while ((rc = store_index_erase(l->store, NULL)) > 0)
		;
	assert_int_equal(rc, 0);
	while ((rc = store_index_prune(l->store)) > 0)
		;
	assert_int_equal(rc, 0);
}

static void forget_and_prune(struct life *l)
{
	struct ledger_item *i = ledger_item_new(LEDGER_FORGET);

	i->count = 1;
	ledger_put(l->ledger, i);
}

static void an_erasure_that_does_not_read_keeps_nobody_from_the_short_way(void **state)
{
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 2), 0);
	put_entries(&l, 1, KIND_ERASURE);
	assert_int_equal(run(&l), 0);
	index_lets_go(&l);
	bundle_spoil(&l, &feed, 2);
	forget_and_prune(&l);
	assert_int_equal(run(&l), 0);
	assert_int_equal(run(&l), 0); /* takes the checkpoints to the store */
	assert_false(ledger_owes(l.ledger));
	l.by_journal = true;
	assert_int_equal(publish(&l, 1), 0);
	assert_true(l.has_redo);
	life_free(&l);
}

static bool is_set(struct life *l, const char *key)
{
	struct store_txn *txn;
	bool set;

	assert_int_equal(store_begin(l->store, &txn), 0);
	set = store_meta_set(txn, key);
	store_abort(txn);
	return set;
}

/* The act of the group at hand that says that bodies are gone; 0: none does. */
static uint64_t bodies_gone(struct life *l)
{
	struct store_log log = log_of(l, &l->provenance);
	struct store_reader *r;
	uint64_t gone = 0;

	assert_int_equal(store_reader_open(l->store, &r), 0);
	for (uint64_t i = 0; i < log.size; i++) {
		struct store_entry e;
		struct act_body a;
		struct arena arena = {0};

		assert_int_equal(store_entry_get(r, log.number, i, &e), 0);
		assert_int_equal(act_body_decode(e.entry.body, &arena, &a), 0);
		gone += a.act == ACT_ERASED ? a.count : 0;
		arena_free(&arena);
	}
	store_reader_close(r);
	return gone;
}

/* One commit takes what reads; of that the bytes are still in the file. */
static void what_goes_beside_a_bundle_that_does_not_read_is_told(void **state)
{
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	l.object = 1;
	assert_int_equal(publish(&l, 3), 0);
	assert_int_equal(publish(&l, 2), 0);
	put_entries(&l, 1, KIND_ERASURE);
	assert_int_equal(run(&l), 0);
	index_lets_go(&l);
	bundle_spoil(&l, &feed, 4);
	forget_and_prune(&l);
	assert_int_equal(run(&l), 0);
	assert_int_equal(bodies_gone(&l), 3);
	assert_true(is_set(&l, STORE_ERASED_SINCE));
	life_free(&l);
}

/* The group at hand, on a disk that takes nothing. */
static void run_without_room(struct life *l)
{
	struct rlimit before, none;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(run(l), ENT_EFULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

/* The index lets go once: nobody asks for it a second time. */
static void what_was_to_go_when_the_disk_was_full_goes_later(void **state)
{
	struct store_txn *txn;
	struct store_reader *r;
	struct store_entry e;
	struct log_name feed;
	struct life l;

	(void)state;
	life_init(&l);
	feed = feed_of(&l, FIRST);
	ledger_allow_sealing(l.ledger);
	assert_int_equal(publish(&l, 2000), 0);
	put_entries(&l, 1, KIND_ERASURE);
	assert_int_equal(run(&l), 0);
	assert_int_equal(store_begin(l.store, &txn), 0);
	assert_int_equal(store_floor_move(txn, &feed, 1792), 0);
	assert_int_equal(store_commit(txn), 0);
	index_lets_go(&l);
	forget_and_prune(&l);
	run_without_room(&l);
	assert_int_equal(publish(&l, 1), 0); /* it keeps nobody waiting */
	assert_int_equal(run(&l), 0);
	assert_int_equal(run(&l), 0);
	assert_false(ledger_owes(l.ledger));
	assert_int_equal(store_reader_open(l.store, &r), 0);
	assert_int_equal(store_erasing(r), 0);
	assert_int_equal(store_entry_get(r, log_of(&l, &feed).number, 0, &e), ENT_ENOTFOUND);
	store_reader_close(r);
	life_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mute_ledger_signs_no_feed_and_goes_on_when_told),
		cmocka_unit_test(a_word_ends_only_the_muteness_it_was_given_for),
		cmocka_unit_test(without_a_guard_that_is_kept_it_stays_mute),
		cmocka_unit_test(a_tail_that_was_never_signed_is_cut_and_the_loss_entered),
		cmocka_unit_test(nothing_is_put_where_more_was_signed),
		cmocka_unit_test(what_was_shown_is_kept_though_a_tail_is_longer),
		cmocka_unit_test(a_new_provenance_log_cites_the_former_and_takes_its_tail_along),
		cmocka_unit_test(a_new_incarnation_says_first_how_far_the_former_is_good),
		cmocka_unit_test(a_feed_that_is_cut_to_nothing_begins_with_it_again),
		cmocka_unit_test(a_bit_that_flips_before_the_seal_is_never_signed),
		cmocka_unit_test(a_small_group_is_signed_and_stored_with_one_save),
		cmocka_unit_test(a_save_that_fails_leaves_store_and_guard_as_they_were),
		cmocka_unit_test(a_guard_that_is_behind_the_store_catches_up_first),
		cmocka_unit_test(what_is_taken_back_is_told_before_what_is_signed_upon_it),
		cmocka_unit_test(what_lies_below_the_floor_goes_though_an_erasure_came_between),
		cmocka_unit_test(an_erasure_that_does_not_read_keeps_nobody_from_the_short_way),
		cmocka_unit_test(what_goes_beside_a_bundle_that_does_not_read_is_told),
		cmocka_unit_test(what_was_to_go_when_the_disk_was_full_goes_later),
	};

	if (hash_init() != 0)
		abort();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
