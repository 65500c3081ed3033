/* SPDX-License-Identifier: EUPL-1.2 */
/* A life of a ledger over a real store, for tests: what it is given, and what it tells. */
#pragma once

#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>

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
	uint8_t object;           /* that publications are about */
	struct audience audience; /* of all of them; kind 0: clear */
	bool over;                /* no agreement is in force */
	int64_t later_ms;         /* than FIRST it is now */
	bool guard_fails;
	bool by_journal; /* guard_save takes a redo, */
	bool has_redo;   /* and the last one brought one */
	unsigned saves;
	enum ledger_step mute_at;   /* goes mute there, from another thread; 0: nowhere */
	enum ledger_step steps[32]; /* of the run at hand */
	size_t steps_len;
	size_t flips; /* where in a publication a bit flips before it is stored; 0: nowhere */
	/* what was told */
	struct checkpoint sealed;
	unsigned seals, provenances, unmuted;
	uint64_t stored_to, sealed_before_stored;
	uint64_t cut_to;
	int cut_code;
	unsigned aside;
	int published;
	unsigned corrupt;
};

static inline int64_t wall_ms(void *ctx)
{
	const struct life *l = ctx;

	return (int64_t)FIRST * 1000 + (l ? l->later_ms : 0);
}

static inline int guard_save(void *ctx, const struct guardfile *g, struct bytes redo)
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

static inline enum ledger_journal journal_state(void *ctx)
{
	const struct life *l = ctx;

	return l->by_journal ? LEDGER_JOURNAL_READY : LEDGER_JOURNAL_NEVER;
}

static inline bool in_force(void *ctx, uint64_t agreement)
{
	const struct life *l = ctx;

	(void)agreement;
	return !l->over;
}

static inline void step(void *ctx, enum ledger_step at)
{
	struct life *l = ctx;

	if (l->steps_len < COUNT_OF(l->steps))
		l->steps[l->steps_len++] = at;
	if (at == l->mute_at && at != LEDGER_STEP_COMMIT)
		ledger_mute(l->ledger);
}

static inline void tell(void *ctx, const struct ledger_news *news)
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
		l->cut_code = news->code;
		l->cut_to = news->size;
		break;
	case LEDGER_IS_ASIDE:
		l->aside += news->code == 0;
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

static inline struct log_name feed_of(const struct life *l, uint64_t incarnation)
{
	return (struct log_name){
		l->self, incarnation, l->audience.kind ? l->audience : audience_of(AUDIENCE_CLEAR)};
}

static inline void life_begin(struct life *l, bool mute, bool begin_provenance, const char *dir)
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
	config.ops =
		(struct ledger_ops){l, wall_ms, guard_save, tell, step, journal_state, in_force};
	assert_int_equal(ledger_new(&l->ledger, &config), 0);
	(void)!ledger_recover(l->ledger);
}

static inline void life_end(struct life *l)
{
	ledger_free(l->ledger);
	store_close(l->store);
	l->ledger = NULL;
	l->store = NULL;
}

static inline void life_init(struct life *l)
{
	struct env_rng rng;

	memset(l, 0, sizeof(*l));
	l->seed = 7;
	l->self.bytes[0] = 9;
	rng = test_rng(&l->seed);
	assert_int_equal(identity_generate(&l->identity, FIRST, &rng), 0);
	life_begin(l, false, true, NULL);
}

static inline void life_free(struct life *l)
{
	life_end(l);
	identity_free(&l->identity);
	guardfile_free(&l->guard);
	guardfile_free(&l->saved);
	test_dir_remove(l->dir);
}

static inline int run(struct life *l)
{
	struct ledger_done done;

	l->steps_len = 0;
	return ledger_run(l->ledger, &done);
}

/* One publication of count entries: indicators, or what does not read; an erasure is of none of the
 * objects. */
static inline void put_entries(struct life *l, uint32_t count, enum kind kind)
{
	struct ledger_item *own = ledger_item_new(LEDGER_OWN);
	struct ledger_item *end = ledger_item_new(LEDGER_PUBLICATION_END);
	struct env_rng rng = test_rng(&l->seed);

	own->publication = end->publication = publication_new();
	own->audience = feed_of(l, 0).audience;
	own->count = count;
	own->leaves = calloc(count, sizeof(*own->leaves));
	for (uint32_t i = 0; i < count; i++) {
		uint8_t raw[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES], random[8];
		struct record_indicator said = {.value = bytes_str("evil.example")};
		struct buf body = buf_with_max(ENTRY_BODY_MAX);
		struct entry_header header = {.version = ENTRY_VERSION,
			.kind = (uint8_t)kind,
			.type = kind == KIND_INDICATOR ? TYPE_DOMAIN : TYPE_NONE,
			.tlp = TLP_CLEAR,
			.object = {kind == KIND_ERASURE ? 1 : l->object}};
		struct entry entry = {BYTES_OF(raw), BYTES_OF(salt), BYTES_NONE, false};
		struct hash commitment;

		env_random(&rng, random, sizeof(random));
		if (kind != KIND_INDICATOR)
			buf_bytes(&body, BYTES_OF(random));
		else if (record_indicator_encode(&body, &said) != 0)
			abort();
		header.body_len = (uint16_t)body.len;
		entry.body = buf_view(&body);
		env_random(&rng, salt, sizeof(salt));
		hash_commitment(&commitment, entry.salt, entry.body);
		memcpy(header.commitment, commitment.bytes, HASH_BYTES);
		entry_header_encode(raw, &header);
		entry_pack(buf_extend(&own->data, entry_packed_len(&entry)), &entry);
		hash_leaf(&own->leaves[i], entry.leaf);
		buf_free(&body);
	}
	if (l->flips)
		own->data.data[l->flips] ^= 1;
	ledger_put(l->ledger, own);
	ledger_put(l->ledger, end);
	l->published = 1;
}

static inline int publish(struct life *l, uint32_t count)
{
	put_entries(l, count, KIND_OBJECT);
	return run(l);
}

static inline struct store_log log_of(struct life *l, const struct log_name *name)
{
	struct store_reader *r;
	struct store_log log = {0};

	assert_int_equal(store_reader_open(l->store, &r), 0);
	(void)!store_log_get(r, name, &log);
	store_reader_close(r);
	return log;
}

/* The first entry of a log. */
static inline void first_entry(struct life *l, const struct log_name *name, struct entry_header *h,
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

static inline void put(struct life *l, enum ledger_item_type type, const struct log_name *feed)
{
	struct ledger_item *i = ledger_item_new(type);

	if (feed)
		i->feed = *feed;
	i->epoch = ledger_epoch(l->ledger);
	ledger_put(l->ledger, i);
}

static inline void act(struct life *l)
{
	struct ledger_item *i = ledger_item_new(LEDGER_ACT);
	struct act_body body = {.act = ACT_STARTED};
	struct env_rng rng = test_rng(&l->seed);

	assert_int_equal(act_entry(&i->data, &body, wall_ms(NULL), &rng), 0);
	ledger_put(l->ledger, i);
}

/* Spoils the bundle that has an entry, in the file; a new life begins. */
static inline void bundle_spoil(struct life *l, const struct log_name *name, uint64_t index)
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
