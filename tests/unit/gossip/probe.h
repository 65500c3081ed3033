/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One engine, driven by hand: the test is network, store and clock, and plays its peers. The engine
 * is actor 0 of the cast; sessions are numbered as the test likes.
 */
#pragma once

#include "lib/test.h"

#include <stdlib.h>

#include "base/vocab.h"
#include "merkle/hash.h"
#include "proto/entry.h"
#include "merkle/proof.h"
#include "provenance/act.h"
#include "sim/cast.h"
#include "sim/random.h"
#include "sim/store.h"

#define SELF      0u
#define PEER      1u
#define THIRD     2u

#define CLEAR     audience_of(AUDIENCE_CLEAR)
#define GREEN     audience_of(AUDIENCE_GREEN)

#define PROBE_MAX 512u

struct probe {
	struct gossip *g;
	struct sim_random random;
	struct sim_store store;  /* what the engine reads */
	struct sim_store theirs; /* what others have published */
	struct arena arena;
	uint64_t now_ms;
	const struct agreement *agreements[8];
	size_t agreements_len;
	/* since probe_forget */
	struct wire_message said[PROBE_MAX]; /* views into the arena */
	uint32_t said_to[PROBE_MAX];
	size_t said_len;
	struct ingest_job *jobs[PROBE_MAX];
	size_t jobs_len;
	const char *alarm;         /* rule of the last */
	struct node_id alarm_peer; /* whom it names */
	uint32_t closed;           /* the last session that was closed, */
	enum wire_bye_reason reason;
	uint32_t penalty_ms;
	bool dropped;                         /* without a farewell */
	uint64_t revoked;                     /* the last agreement to be kept as such */
	struct gossip_action kept[PROBE_MAX]; /* to be kept; without what they point to */
	size_t kept_len;
	uint32_t act;    /* the last */
	unsigned rivals; /* kept, of all its life */
	unsigned aside;  /* likewise */
	unsigned acts, openings, pins, freezes, splits, recovered, may_seal, cuts, ahead, rewound;
	const char *mute; /* rule of the last time it went mute */
};

static inline struct gossip_time probe_time(const struct probe *p)
{
	return (struct gossip_time){
		p->now_ms, ((int64_t)CAST_EPOCH + 3600) * 1000 + (int64_t)p->now_ms};
}

static inline void probe_forget(struct probe *p)
{
	while (p->jobs_len)
		ingest_job_free(p->jobs[--p->jobs_len]);
	p->said_len = p->kept_len = 0;
	p->act = 0;
	p->alarm = NULL;
	p->closed = p->penalty_ms = 0;
	p->revoked = 0;
	p->dropped = false;
	p->acts = p->openings = p->pins = p->freezes = p->splits = 0;
	p->recovered = p->may_seal = p->cuts = p->ahead = p->rewound = 0;
	p->mute = NULL;
}

static inline void probe_said(struct probe *p, const struct gossip_action *action)
{
	struct bytes copy = arena_copy(&p->arena, action->message);

	assert_true(p->said_len < PROBE_MAX);
	assert_int_equal(wire_decode(copy.data[4], bytes_skip(copy, WIRE_PREFIX_BYTES), &p->arena,
				 &p->said[p->said_len]),
		0);
	p->said_to[p->said_len++] = action->session;
}

static inline void probe_actions(struct probe *p)
{
	struct gossip_action action;
	uint32_t closed = 0;

	while (gossip_action_next(p->g, &action)) {
		switch (action.type) {
		case GOSSIP_SEND:
			probe_said(p, &action);
			break;
		case GOSSIP_CLOSE:
			p->closed = closed = action.session;
			p->reason = action.reason;
			p->penalty_ms = action.penalty_ms;
			p->dropped = action.drop;
			break;
		case GOSSIP_INGEST:
			assert_true(p->jobs_len < PROBE_MAX);
			p->jobs[p->jobs_len++] = action.job;
			break;
		case GOSSIP_ENTER:
			p->acts++;
			p->act = action.act.act;
			p->openings += action.act.act == ACT_SENDING_OPENED;
			break;
		case GOSSIP_PIN:
			p->pins++;
			break;
		case GOSSIP_RIVAL:
			p->rivals++;
			break;
		case GOSSIP_FREEZE:
			p->freezes++;
			break;
		case GOSSIP_PUT_ASIDE:
			p->aside++;
			break;
		case GOSSIP_SPLIT:
			sim_log_accuse(sim_store_need(&p->store, &action.feed), action.message);
			p->splits++;
			break;
		case GOSSIP_ALARM:
			p->alarm = action.rule;
			p->alarm_peer = action.peer;
			break;
		case GOSSIP_RECEIPT:
		case GOSSIP_WITNESS:
		case GOSSIP_COMPLETE:
			assert_true(p->kept_len < PROBE_MAX);
			p->kept[p->kept_len++] = action;
			break;
		case GOSSIP_REVOKED:
			p->revoked = action.agreement;
			break;
		case GOSSIP_MUTE:
			p->mute = action.rule;
			break;
		case GOSSIP_RECOVERED:
			p->recovered++;
			break;
		case GOSSIP_MAY_SEAL:
			p->may_seal++;
			break;
		case GOSSIP_CUT:
			p->cuts++;
			break;
		case GOSSIP_KEEP:
			p->ahead++;
			break;
		case GOSSIP_REWOUND:
			p->rewound++;
			break;
		}
	}
	if (closed) {
		gossip_closed(p->g, probe_time(p), closed, "closed");
		probe_actions(p);
	}
}

static inline void probe_tick(struct probe *p, uint64_t ms)
{
	for (uint64_t until = p->now_ms + ms; p->now_ms < until;) {
		p->now_ms += 250;
		gossip_tick(p->g, probe_time(p));
		probe_actions(p);
	}
}

/* The entry of another log, with or without its body. */
static inline void entry_append(struct sim_log *here, const struct sim_log *log, uint64_t index,
	bool bare)
{
	struct cursor c = cursor_of(sim_log_entries(log, index, index + 1));
	uint8_t packed[ENTRY_PACKED_MAX];
	struct entry e;

	assert_int_equal(entry_next(&c, &e), 0);
	e.erased = bare;
	if (bare)
		e.salt = e.body = BYTES_NONE;
	entry_pack(packed, &e);
	sim_log_append(here, bytes_from(packed, entry_packed_len(&e)), 1);
}

/* --- what peers say --------------------------------------------------------------------------- */

static inline void probe_hear(struct probe *p, uint32_t session, const struct wire_message *m)
{
	struct buf b = buf_with_max(WIRE_MESSAGE_MAX);

	assert_int_equal(wire_encode(&b, m), 0);
	gossip_message(p->g, probe_time(p), session, (uint8_t)m->type,
		bytes_skip(buf_view(&b), WIRE_PREFIX_BYTES));
	probe_actions(p);
	buf_free(&b);
}

/* What the peers read: as the engine does itself. Returns how many. */
static inline size_t probe_agreements(const struct probe *p, struct wire_agreement list[8])
{
	for (size_t i = 0; i < p->agreements_len; i++) {
		list[i] = (struct wire_agreement){
			.id = p->agreements[i]->id, .serial = p->agreements[i]->serial};
		memcpy(list[i].hash, p->agreements[i]->hash, sizeof(list[i].hash));
	}
	return p->agreements_len;
}

static inline void probe_hear_hello(struct probe *p, uint32_t session, uint64_t credit)
{
	struct wire_agreement list[8];
	struct wire_message m = {.type = WIRE_HELLO,
		.hello = {.version = WIRE_VERSION,
			.agreements = list,
			.agreements_len = probe_agreements(p, list),
			.credit = credit,
			.software = bytes_str("probe")}};

	probe_hear(p, session, &m);
}

static inline void probe_hear_terms(struct probe *p, uint32_t session)
{
	struct wire_agreement list[8];
	struct wire_message m = {.type = WIRE_TERMS, .terms = {list, probe_agreements(p, list)}};

	probe_hear(p, session, &m);
}

static inline void probe_hear_cards(struct probe *p, uint32_t session,
	const struct card_chain *chain)
{
	struct wire_message m = {.type = WIRE_CARDS, .cards = {chain->notes, chain->cards_len}};

	probe_hear(p, session, &m);
}

static inline void probe_hear_floor(struct probe *p, uint32_t session,
	const struct checkpoint *newest, uint64_t floor)
{
	struct wire_head head = {.feed = newest->log, .floor = floor, .held = newest->size};
	struct wire_message m = {.type = WIRE_HEADS, .heads = {&head, 1}};

	checkpoint_to_wire(&head.newest, newest);
	probe_hear(p, session, &m);
}

static inline void probe_hear_head(struct probe *p, uint32_t session,
	const struct checkpoint *newest)
{
	probe_hear_floor(p, session, newest, 0);
}

static inline void probe_hear_held(struct probe *p, uint32_t session, const struct log_name *feed,
	uint64_t size)
{
	struct wire_message m = {.type = WIRE_HELD, .held = {.feed = *feed, .size = size}};

	probe_hear(p, session, &m);
}

static inline void probe_hear_subscribe(struct probe *p, uint32_t session,
	const struct log_name *feed, uint64_t from)
{
	struct wire_message m = {.type = WIRE_SUBSCRIBE, .subscribe = {*feed, from}};

	probe_hear(p, session, &m);
}

/* Under a checkpoint of the log; what joins says the range before it, but for its last left_cut
 * hashes. */
static inline void probe_hear_data(struct probe *p, uint32_t session, const struct sim_log *log,
	const struct checkpoint *under, uint64_t from, uint64_t to, bool joins, size_t left_cut)
{
	struct wire_message m = {.type = WIRE_DATA,
		.data = {.feed = log->name,
			.start = from,
			.count = (uint32_t)(to - from),
			.entries = sim_log_entries(log, from, to)}};
	struct range left, right;

	checkpoint_to_wire(&m.data.checkpoint, under);
	sim_log_range(log, 0, from, &left);
	sim_log_range(log, to, under->size, &right);
	if (joins) {
		m.data.left = (const uint8_t(*)[32])left.hashes;
		m.data.left_len = left.hashes_len - left_cut;
	}
	m.data.right = (const uint8_t(*)[32])right.hashes;
	m.data.right_len = right.hashes_len;
	probe_hear(p, session, &m);
}

static inline void probe_hear_run(struct probe *p, uint32_t session, const struct sim_log *log,
	uint64_t from, uint64_t to)
{
	probe_hear_data(p, session, log, &log->complete, from, to, false, 0);
}

static inline void probe_hear_join(struct probe *p, uint32_t session, const struct sim_log *log,
	const struct checkpoint *under, uint64_t from, uint64_t to)
{
	probe_hear_data(p, session, log, under, from, to, true, 0);
}

static inline void probe_hear_proof_want(struct probe *p, uint32_t session,
	const struct log_name *feed, uint64_t first, uint64_t second)
{
	struct wire_message m = {.type = WIRE_PROOF_WANT, .proof_want = {*feed, first, second}};

	probe_hear(p, session, &m);
}

/* --- what is there ---------------------------------------------------------------------------- */

static inline struct log_name probe_name(unsigned origin, struct audience audience)
{
	const struct actor *a = cast_actor(origin);

	return (struct log_name){a->node, a->identity.incarnation, audience};
}

/* A feed grows at its origin. */
static inline struct sim_log *probe_published(struct probe *p, unsigned origin,
	struct audience audience, uint32_t count, size_t body_len)
{
	struct log_name name = probe_name(origin, audience);
	struct sim_log *log = sim_store_need(origin == SELF ? &p->store : &p->theirs, &name);
	struct env_rng rng = sim_random_env(&p->random);

	sim_log_publish(log, &cast_actor(origin)->identity, count, body_len, &rng);
	if (origin == SELF) {
		gossip_sealed(p->g, probe_time(p), &log->complete, false);
		probe_actions(p);
	}
	return log;
}

/* The oldest job's run is stored. */
static inline void probe_store(struct probe *p)
{
	struct ingest_job *job = p->jobs[0];
	struct sim_log *log = sim_store_need(&p->store, &job->feed);

	sim_log_append(log, bytes_from(job->entries, job->entries_len), job->count);
	if (job->checkpoint.size == log->size)
		log->complete = job->checkpoint;
	memmove(p->jobs, p->jobs + 1, --p->jobs_len * sizeof(p->jobs[0]));
	gossip_stored(p->g, probe_time(p), job);
	ingest_job_free(job);
	probe_actions(p);
}

static inline void probe_reject(struct probe *p, int code)
{
	struct ingest_job *job = p->jobs[0];

	memmove(p->jobs, p->jobs + 1, --p->jobs_len * sizeof(p->jobs[0]));
	gossip_rejected(p->g, probe_time(p), job, code);
	ingest_job_free(job);
	probe_actions(p);
}

static inline const struct wire_message *probe_last(const struct probe *p, enum wire_type type)
{
	for (size_t i = p->said_len; i-- > 0;)
		if (p->said[i].type == type)
			return &p->said[i];
	return NULL;
}

static inline unsigned probe_count(const struct probe *p, enum wire_type type)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->said_len; i++)
		n += p->said[i].type == type;
	return n;
}

/* Nothing at all has happened: what a stranger to a feed sees of it. */
#define assert_silence(p)                                                                          \
	do {                                                                                       \
		assert_int_equal((p)->said_len, 0);                                                \
		assert_int_equal((p)->jobs_len, 0);                                                \
		assert_int_equal((p)->acts, 0);                                                    \
		assert_int_equal((p)->closed, 0);                                                  \
		assert_null((p)->alarm);                                                           \
	} while (0)

/* The session was closed for misbehaviour, and this peer is shunned. */
#define assert_blamed(p, session, actor)                                                           \
	do {                                                                                       \
		assert_int_equal((p)->closed, session);                                            \
		assert_int_equal((p)->reason, BYE_MISBEHAVED);                                     \
		assert_true((p)->penalty_ms > 0);                                                  \
		assert_non_null((p)->alarm);                                                       \
		assert_true(node_id_eq(&(p)->alarm_peer, &cast_actor(actor)->node));               \
	} while (0)

/* --- life ------------------------------------------------------------------------------------- */

static inline void probe_agree(struct probe *p, const struct cast_terms *terms)
{
	p->agreements[p->agreements_len++] = cast_agreement(terms, &p->arena);
	for (unsigned i = 0; i < CAST_TERMS_MAX; i++)
		if (terms->parties & cast_bit(i))
			assert_int_equal(gossip_origin(p->g, &cast_actor(i)->chain, NULL), 0);
	gossip_agreements(p->g, probe_time(p), p->agreements, p->agreements_len);
	probe_actions(p);
}

static inline void probe_open(struct probe *p, uint32_t session, unsigned actor)
{
	static const uint8_t binding[16];

	gossip_opened(p->g, probe_time(p), session, &cast_actor(actor)->node, binding);
	probe_actions(p);
}

/* An engine that has this chain, and knows nobody. */
static inline void probe_init_of(struct probe *p, const struct card_chain *self)
{
	struct gossip_config config = {.software = "probe"};

	memset(p, 0, sizeof(*p));
	assert_int_equal(hash_init(), 0);
	p->now_ms = 1000;
	config.self = cast_actor(SELF)->node;
	config.rng = sim_random_env(&p->random);
	config.store = sim_store_gossip(&p->store);
	config.signer = cast_signer(&cast_actor(SELF)->identity);
	assert_int_equal(gossip_new(&p->g, &config), 0);
	assert_int_equal(gossip_origin(p->g, self, NULL), 0);
}

static inline void probe_init(struct probe *p)
{
	probe_init_of(p, &cast_actor(SELF)->chain);
}

static inline struct cast_terms probe_terms(unsigned other)
{
	struct cast_terms terms = {.id = 0x100 + other,
		.serial = 1,
		.parties = 1u << SELF | 1u << other,
		.introduces = 1u << other};

	terms.gives[SELF] = terms.gives[other] = TLP_BIT(TLP_CLEAR) | TLP_BIT(TLP_AMBER);
	return terms;
}

/* An engine with one greeted session, 1, with PEER, who gives clear and introduces. */
static inline void probe_greeted(struct probe *p)
{
	struct cast_terms terms = probe_terms(PEER);

	probe_init(p);
	probe_agree(p, &terms);
	probe_open(p, 1, PEER);
	probe_hear_hello(p, 1, SESSION_CREDIT_BYTES);
	assert_int_equal(p->closed, 0);
	probe_forget(p);
}

static inline void probe_free(struct probe *p)
{
	probe_forget(p);
	gossip_free(p->g);
	sim_store_free(&p->store);
	sim_store_free(&p->theirs);
	arena_free(&p->arena);
}
