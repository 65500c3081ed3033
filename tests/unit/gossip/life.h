/* SPDX-License-Identifier: EUPL-1.2 */
/* One engine that may be an old copy of itself, driven by hand. */
#pragma once

#include "unit/gossip/probe.h"

#define HELD_FIRST 5u
#define SIGNED     9u

/* An engine that starts with `held` of `all` entries of an own feed, the first
 * `checkpointed` of them under a checkpoint, and knows two peers. */
struct life {
	struct probe p;
	struct sim_log *own; /* what the store has */
	struct sim_log all;  /* what was ever signed */
	struct gossip_guard_feed line;
};

static inline void sign_at(const struct sim_log *log, uint64_t size, struct checkpoint *c)
{
	sim_log_sign(log, size, &cast_actor(SELF)->identity, c);
}

static inline void life_init_of(struct life *l, struct audience audience, uint64_t held,
	uint64_t checkpointed)
{
	struct cast_terms peer = probe_terms(PEER), third = probe_terms(THIRD);
	static const struct checkpoint none;
	struct sim_store whole = {0};
	struct log_name name = probe_name(SELF, audience);
	struct env_rng rng;
	struct checkpoint c = none;

	memset(l, 0, sizeof(*l));
	probe_init(&l->p);
	rng = sim_random_env(&l->p.random);
	l->own = sim_store_need(&whole, &name);
	sim_log_publish(l->own, &cast_actor(SELF)->identity, SIGNED, 20, &rng);
	l->all = *l->own;
	free(l->own); /* its content goes on in `all` */
	l->own = sim_store_need(&l->p.store, &name);
	if (held)
		sim_log_append(l->own, sim_log_entries(&l->all, 0, held), (uint32_t)held);
	if (checkpointed)
		sign_at(&l->all, checkpointed, &c);
	l->own->complete = c;
	assert_int_equal(gossip_feed(l->p.g, &name, held, 0, &c, &c, false), 0);
	probe_agree(&l->p, &peer);
	probe_agree(&l->p, &third);
	l->line.log = name;
}

/* Of its clear feed. */
static inline void life_init(struct life *l, uint64_t held, uint64_t checkpointed)
{
	life_init_of(l, CLEAR, held, checkpointed);
}

static inline void life_free(struct life *l)
{
	buf_free(&l->all.entries);
	free(l->all.ends);
	free(l->all.leaves);
	probe_free(&l->p);
}

static inline void start_without_guard(struct life *l)
{
	assert_int_equal(gossip_recover_start(l->p.g, probe_time(&l->p), NULL), 0);
	probe_actions(&l->p);
}

/* The guard says that so much was signed; 0: nothing. */
static inline void start_with_guard(struct life *l, uint64_t size)
{
	struct gossip_guard guard = {&l->line, size ? 1 : 0};
	struct checkpoint c;

	if (size) {
		sign_at(&l->all, size, &c);
		l->line.size = size;
		l->line.root = c.root;
	}
	assert_int_equal(gossip_recover_start(l->p.g, probe_time(&l->p), &guard), 0);
	probe_actions(&l->p);
}

/* A session on which the peer tells all its heads: the own feed up to size, or none. */
static inline void meet(struct life *l, uint32_t session, unsigned actor, uint64_t size)
{
	struct wire_message none = {.type = WIRE_HEADS};
	struct checkpoint c;

	probe_open(&l->p, session, actor);
	probe_hear_hello(&l->p, session, SESSION_CREDIT_BYTES);
	probe_hear_cards(&l->p, session, &cast_actor(actor)->chain);
	if (!size) {
		probe_hear(&l->p, session, &none);
		return;
	}
	sign_at(&l->all, size, &c);
	probe_hear_head(&l->p, session, &c);
}

/* Gives what is asked for, and stores it. */
static inline void give(struct life *l, uint32_t session, uint64_t from, uint64_t to)
{
	const struct wire_message *m = probe_last(&l->p, WIRE_SUBSCRIBE);
	struct sim_log upto = l->all;

	assert_non_null(m);
	assert_int_equal(m->subscribe.from, from);
	sign_at(&l->all, to, &upto.complete);
	probe_hear_run(&l->p, session, &upto, from, to);
	assert_int_equal(l->p.jobs_len, 1);
	probe_store(&l->p);
}

static inline enum gossip_recovery state_of(struct life *l)
{
	struct gossip_recovery_view v;

	gossip_recovery_view(l->p.g, &v);
	return v.state;
}
