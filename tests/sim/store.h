/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A store in memory: logs of packed entries with their leaf hashes, for worlds and for tests that
 * drive one engine by hand. Everything in it counts as durable.
 */
#pragma once

#include "base/buf.h"
#include "gossip/engine.h"
#include "keys/identity.h"

struct sim_log {
	struct log_name name;
	uint64_t size;
	uint64_t *ends; /* where in `entries` each entry ends */
	struct hash *leaves;
	struct buf entries;               /* packed, one behind the other */
	struct checkpoint complete, seen; /* as the engine wants them at start; size 0: none */
	struct ingest_frontier frontier;  /* of the verifier; tree.end UINT64_MAX: not loaded */
	bool frozen;
	struct buf proof; /* of its split view, as the engine gave it; empty: none */
	struct sim_log *next;
};

struct sim_store {
	struct sim_log *logs; /* oldest first */
	unsigned ranges_read; /* by the engine */
};

void sim_store_free(struct sim_store *s);

/* What the engine reads; s must stay where it is. */
struct gossip_store sim_store_gossip(struct sim_store *s);

struct sim_log *sim_store_find(const struct sim_store *s, const struct log_name *name);
struct sim_log *sim_store_need(struct sim_store *s, const struct log_name *name);

/* Appends count packed entries. */
void sim_log_append(struct sim_log *log, struct bytes entries, uint32_t count);
/* The packed entries [from, to). */
struct bytes sim_log_entries(const struct sim_log *log, uint64_t from, uint64_t to);
/* The compact range [begin, end). */
void sim_log_range(const struct sim_log *log, uint64_t begin, uint64_t end, struct range *out);
/* Keeps the proof of a split view. */
void sim_log_accuse(struct sim_log *log, struct bytes proof);
/* A checkpoint over the first size entries. */
void sim_log_sign(const struct sim_log *log, uint64_t size, const struct identity *identity,
	struct checkpoint *c);

/* Appends count entries of random content with bodies of body_len bytes, and signs. */
void sim_log_publish(struct sim_log *log, const struct identity *identity, uint32_t count,
	size_t body_len, const struct env_rng *rng);
