/* SPDX-License-Identifier: EUPL-1.2 */
/* Origins that sign two histories, and one engine between neighbours that have them. */
#pragma once

#include "unit/gossip/probe.h"

#include "merkle/split.h"

#define FOURTH 3u
#define FIFTH  4u

/* The origin of all feeds here, whom PEER introduces. */
#define ORIGIN THIRD

/* What the origin says to others: the first `keep` entries of a feed, then others. */
static inline struct sim_log *forked(struct probe *p, struct sim_store *to,
	const struct sim_log *log, uint64_t keep, uint32_t count)
{
	struct sim_log *fork = sim_store_need(to, &log->name);
	struct env_rng rng = sim_random_env(&p->random);

	sim_log_append(fork, sim_log_entries(log, 0, keep), (uint32_t)keep);
	sim_log_publish(fork, &cast_actor(ORIGIN)->identity, count, 10, &rng);
	return fork;
}

/* Another neighbour; what it is given: a set of TLPs. */
static inline void another_comes(struct probe *p, uint32_t session, unsigned actor, uint32_t given)
{
	struct cast_terms terms = probe_terms(actor);

	terms.gives[SELF] = given;
	probe_agree(p, &terms);
	probe_open(p, session, actor);
	probe_hear_hello(p, session, SESSION_CREDIT_BYTES);
}

/* A second neighbour of the same kind, session 2. */
static inline void fourth_comes(struct probe *p)
{
	another_comes(p, 2, FOURTH, probe_terms(FOURTH).gives[SELF]);
}

/* The engine holds so much of the origin's clear feed, by PEER. */
static inline struct sim_log *holding(struct probe *p, uint32_t size)
{
	struct sim_log *log;

	probe_greeted(p);
	probe_hear_cards(p, 1, &cast_actor(ORIGIN)->chain);
	fourth_comes(p);
	log = probe_published(p, ORIGIN, CLEAR, size, 10);
	probe_hear_head(p, 1, &log->complete);
	probe_hear_run(p, 1, log, 0, size);
	probe_store(p);
	probe_tick(p, 2000);
	assert_int_equal(p->closed, 0);
	assert_null(p->alarm);
	probe_forget(p);
	return log;
}

static inline void hear_held(struct probe *p, uint32_t session, const struct sim_log *log,
	uint64_t size)
{
	struct wire_message m = {.type = WIRE_HELD, .held = {.feed = log->name, .size = size}};
	struct range tree;
	struct hash root;

	sim_log_range(log, 0, size, &tree);
	range_root(&tree, &root);
	memcpy(m.held.root, root.bytes, sizeof(m.held.root));
	probe_hear(p, session, &m);
}

static inline int log_subtree(void *ctx, unsigned level, uint64_t index, struct hash *hash)
{
	struct range r;

	sim_log_range(ctx, index << level, (index + 1) << level, &r);
	*hash = r.hashes[0];
	return 0;
}

/* What a holder of the log answers to the engine's last question. */
static inline void hear_answer(struct probe *p, uint32_t session, struct sim_log *log)
{
	const struct wire_message *want = probe_last(p, WIRE_PROOF_WANT);
	struct wire_message m = {.type = WIRE_PROOF};
	struct proof proof = {0};

	assert_non_null(want);
	m.proof.feed = log->name;
	m.proof.first = want->proof_want.first;
	m.proof.second = log->complete.size;
	assert_true(want->proof_want.second <= log->complete.size);
	if (m.proof.first < m.proof.second)
		assert_int_equal(proof_split_build(&proof, m.proof.first, m.proof.second,
					 log_subtree, log),
			0);
	m.proof.hashes = (const uint8_t(*)[32])proof.hashes;
	m.proof.hashes_len = proof.hashes_len;
	checkpoint_to_wire(&m.proof.checkpoint, &log->complete);
	probe_hear(p, session, &m);
}

/* The proof for two logs of the origin, as whoever holds the larger one makes it. */
static inline struct wire_message accusation(struct probe *p, const struct sim_log *smaller,
	struct sim_log *larger)
{
	struct wire_message m = {.type = WIRE_SPLIT};
	struct proof *proof = arena_alloc(&p->arena, sizeof(*proof));

	*proof = (struct proof){0};
	m.split.feed = smaller->name;
	checkpoint_to_wire(&m.split.first, &smaller->complete);
	checkpoint_to_wire(&m.split.second, &larger->complete);
	if (smaller->size < larger->size)
		assert_int_equal(proof_split_build(proof, smaller->size, larger->size, log_subtree,
					 larger),
			0);
	m.split.hashes = (const uint8_t(*)[32])proof->hashes;
	m.split.hashes_len = proof->hashes_len;
	return m;
}

static inline unsigned told_to(const struct probe *p, uint32_t session)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->said_len; i++)
		n += p->said[i].type == WIRE_SPLIT && p->said_to[i] == session;
	return n;
}

static inline const uint8_t *cast_log_key(unsigned actor)
{
	return card_chain_last(&cast_actor(actor)->chain)->logs[0].key.public_key;
}

static inline void assert_proof_holds(const struct wire_split *w)
{
	struct split split;

	split_from_wire(&split, w);
	assert_int_equal(split_verify(&split, cast_log_key(ORIGIN)), 0);
}

/* Proven, kept, frozen, and told to those who may see it; nobody here is to blame. */
static inline void assert_proven(struct probe *p, const struct log_name *feed)
{
	struct sim_log *log = sim_store_find(&p->store, feed);
	struct gossip_feed_view v;
	struct wire_message m;

	assert_int_equal(p->splits, 1);
	assert_int_equal(p->freezes, 1);
	assert_int_equal(p->closed, 0);
	assert_non_null(p->alarm);
	assert_string_equal(p->alarm, "split-view");
	assert_true(gossip_feed_view(p->g, feed, &v) && v.frozen);
	assert_non_null(log);
	assert_int_equal(wire_decode(WIRE_SPLIT, buf_view(&log->proof), &p->arena, &m), 0);
	assert_proof_holds(&m.split);
	assert_non_null(probe_last(p, WIRE_SPLIT));
	assert_proof_holds(&probe_last(p, WIRE_SPLIT)->split);
}
