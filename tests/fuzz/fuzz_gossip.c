/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: gossip */
/*
 * An engine with one greeted session hears whatever the input says, while its jobs are verified and
 * stored. It says nothing that cannot be read, and what it keeps stays bounded.
 *
 * The input is a row of events: u8 type, u16 length, payload. A type below EVENTS is a message of
 * that type, the others are what happens around the engine.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vocab.h"
#include "merkle/hash.h"
#include "proto/codec.h"
#include "sim/cast.h"
#include "sim/random.h"
#include "sim/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SELF 0u
#define PEER 1u
/* A second neighbour is known by its agreement alone. */
#define THIRD      2u

#define AGREEMENTS 2u
#define QUOTA      4u
#define JOBS_MAX   1024u

enum event {
	EVENTS = 0xf0,
	EVENT_SECOND = EVENTS, /* a second passes */
	EVENT_WORK,            /* the oldest job is verified and stored */
	EVENT_FULL,            /* the oldest job cannot be stored */
	EVENT_ENTERED,         /* the act of sending the own feed is durable */
	EVENT_FLUSHED,
	EVENT_PUBLISH,
};

struct fuzz {
	struct gossip *g;
	struct sim_random random;
	struct sim_store store;
	struct gossip_time now;
	struct ingest_job *jobs[JOBS_MAX];
	size_t jobs_len;
	struct log_name own;
	struct log_name acts; /* its log of acts */
	bool closed;
};

static const struct agreement *const *agreements(void)
{
	static const struct agreement *list[AGREEMENTS];
	static struct arena arena; /* kept for good */
	struct cast_terms terms = {.serial = 1, .quota_origins = QUOTA};

	for (unsigned i = 0; i < AGREEMENTS && !list[i]; i++) {
		unsigned other = i ? THIRD : PEER;

		terms.id = 0x100 + i;
		terms.parties = 1u << SELF | 1u << other;
		terms.introduces = 1u << other;
		terms.gives[SELF] = terms.gives[other] = TLP_BIT(TLP_CLEAR) | TLP_BIT(TLP_AMBER);
		list[i] = cast_agreement(&terms, &arena);
	}
	return list;
}

static void check_said(struct bytes message)
{
	struct arena arena = {0};
	struct wire_message m;

	assert(message.len >= WIRE_PREFIX_BYTES &&
		be32_get(message.data) == message.len - WIRE_PREFIX_BYTES);
	assert(wire_decode(message.data[4], bytes_skip(message, WIRE_PREFIX_BYTES), &arena, &m) ==
		0);
	arena_free(&arena);
}

/* The store has room for all that the engine wants kept. */
static void keep(struct fuzz *f, const struct gossip_action *action)
{
	const struct checkpoint c = action->checkpoint;

	assert(c.size > 0);
	if (action->type == GOSSIP_RECEIPT && !action->differs)
		gossip_receipted(f->g, &action->peer, &c, true);
	else if (action->type == GOSSIP_WITNESS && !action->rewritten)
		gossip_witnessed(f->g, f->now, action->session, &c, true);
	else if (action->type == GOSSIP_COMPLETE)
		gossip_completed(f->g, f->now, &c, true);
}

static void carry_out(struct fuzz *f)
{
	struct gossip_action action;
	bool closed = false;

	while (gossip_action_next(f->g, &action)) {
		if (action.type == GOSSIP_SEND)
			check_said(action.message);
		closed |= action.type == GOSSIP_CLOSE;
		if (action.type == GOSSIP_RECEIPT || action.type == GOSSIP_WITNESS ||
			action.type == GOSSIP_COMPLETE)
			keep(f, &action);
		if (action.type != GOSSIP_INGEST)
			continue;
		assert(f->jobs_len < JOBS_MAX);
		f->jobs[f->jobs_len++] = action.job;
	}
	if (!closed)
		return;
	assert(!f->closed);
	f->closed = true;
	gossip_closed(f->g, f->now, 1, "closed");
	carry_out(f);
}

static void check_bounds(const struct fuzz *f)
{
	struct gossip_counts c;

	gossip_counts(f->g, &c);
	assert(c.ingest_bytes <= SESSION_CREDIT_BYTES);
	assert(c.origins <= 1 + AGREEMENTS + QUOTA);
	/* Clear, green and that of its agreement, of each incarnation of each origin. */
	assert(c.feeds <= c.origins * 3 * CARD_LOGS_MAX);
}

static void finish_job(struct fuzz *f, bool full)
{
	struct ingest_job *job = f->jobs[0];
	struct sim_log *log = sim_store_need(&f->store, &job->feed);
	int rc;

	memmove(f->jobs, f->jobs + 1, --f->jobs_len * sizeof(struct ingest_job *));
	if (log->frontier.tree.end != log->size)
		sim_log_range(log, 0, log->size, &log->frontier.tree);
	/* Bodies that came later were verified by the engine, and are not kept here. */
	rc = full ? ENT_EFULL : job->bodies ? 0 : ingest_verify(&log->frontier, job);
	if (rc == 0 && job->bodies) {
		gossip_stored(f->g, f->now, job);
	} else if (rc == 0) {
		sim_log_append(log, bytes_from(job->entries, job->entries_len), job->count);
		gossip_stored(f->g, f->now, job);
	} else {
		gossip_rejected(f->g, f->now, job, rc);
	}
	ingest_job_free(job);
}

static void publish(struct fuzz *f)
{
	struct sim_log *log = sim_store_need(&f->store, &f->own);
	struct env_rng rng = sim_random_env(&f->random);

	if (log->size > 100)
		return;
	sim_log_publish(log, &cast_actor(SELF)->identity, 3, 50, &rng);
	gossip_sealed(f->g, f->now, &log->complete, false);
	log = sim_store_need(&f->store, &f->acts);
	sim_log_publish(log, &cast_actor(SELF)->identity, 2, 20, &rng);
	gossip_provenance(f->g, &log->complete);
}

static void on_event(struct fuzz *f, uint8_t type, struct bytes payload)
{
	switch (type) {
	case EVENT_SECOND:
		f->now.mono_ms += 1000;
		f->now.wall_ms += 1000;
		gossip_tick(f->g, f->now);
		break;
	case EVENT_WORK:
	case EVENT_FULL:
		if (f->jobs_len)
			finish_job(f, type == EVENT_FULL);
		break;
	case EVENT_ENTERED:
		gossip_entered(f->g, f->now, 1, &f->own);
		break;
	case EVENT_FLUSHED:
		gossip_flushed(f->g, f->now, 1, SIZE_MAX);
		break;
	case EVENT_PUBLISH:
		publish(f);
		break;
	default:
		gossip_message(f->g, f->now, 1, type, payload);
		break;
	}
	carry_out(f);
	check_bounds(f);
}

static void hear_hello(struct fuzz *f)
{
	struct wire_agreement list = {.id = agreements()[0]->id, .serial = 1};
	struct wire_message m = {.type = WIRE_HELLO,
		.hello = {.version = WIRE_VERSION,
			.agreements = &list,
			.agreements_len = 1,
			.credit = SESSION_CREDIT_BYTES,
			.software = bytes_str("fuzz")}};
	struct buf b = buf_with_max(WIRE_MESSAGE_MAX);

	memcpy(list.hash, agreements()[0]->hash, sizeof(list.hash));
	assert(wire_encode(&b, &m) == 0);
	gossip_message(f->g, f->now, 1, WIRE_HELLO, bytes_skip(buf_view(&b), WIRE_PREFIX_BYTES));
	buf_free(&b);
	carry_out(f);
}

static void fuzz_init(struct fuzz *f)
{
	static const uint8_t binding[16];
	struct gossip_config config = {.software = "fuzz"};

	assert(hash_init() == 0);
	f->now = (struct gossip_time){1000, ((int64_t)CAST_EPOCH + 3600) * 1000};
	config.self = cast_actor(SELF)->node;
	config.rng = sim_random_env(&f->random);
	config.store = sim_store_gossip(&f->store);
	config.signer = cast_signer(&cast_actor(SELF)->identity);
	assert(gossip_new(&f->g, &config) == 0);
	for (unsigned i = SELF; i <= THIRD; i++)
		assert(gossip_origin(f->g, &cast_actor(i)->chain, NULL) == 0);
	gossip_agreements(f->g, f->now, agreements(), AGREEMENTS);
	f->own = (struct log_name){cast_actor(SELF)->node, cast_actor(SELF)->identity.incarnation,
		audience_of(AUDIENCE_CLEAR)};
	f->acts = f->own;
	f->acts.audience = (struct audience){AUDIENCE_PROVENANCE, CAST_EPOCH};
	publish(f);
	gossip_opened(f->g, f->now, 1, &cast_actor(PEER)->node, binding);
	carry_out(f);
	hear_hello(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(bytes_from(data, size));
	struct fuzz f = {0};

	fuzz_init(&f);
	while (cursor_left(&c) && cursor_ok(&c) && !f.closed) {
		uint8_t type = cursor_u8(&c);
		struct bytes payload = cursor_bytes(&c, cursor_u16(&c));

		if (!cursor_ok(&c))
			break;
		on_event(&f, type, payload);
	}
	while (f.jobs_len)
		ingest_job_free(f.jobs[--f.jobs_len]);
	gossip_free(f.g);
	sim_store_free(&f.store);
	return 0;
}
