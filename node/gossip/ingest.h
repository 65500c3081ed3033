/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Verifying a run of entries on arrival (PROTOCOL.md, "Runs"): pure, heavy on hashing, meant for a
 * thread of its own.
 *
 * A run is verified against the tree of what is held before it: the leaves are appended to the
 * compact range [0, start), the hashes that came along are put to its right, and the root of the
 * whole must be that of the named checkpoint, which the origin's log key must have signed. So every
 * byte is known to be the origin's before it is stored, and blame is exact: an honest neighbour has
 * made the same check.
 */
#pragma once

#include "base/name.h"
#include "merkle/checkpoint.h"
#include "merkle/range.h"
#include "proto/codec.h"
#include "proto/entry.h"

/* Hashes that a range from 0 can have. */
#define RANGE_LEFT_MAX 64

/* Also of bodies that come later (bodies.c), which are verified when they come: then `bodies` is
 * set, count is how many, and entries the payload of a BODIES. */
struct ingest_job {
	uint32_t session;
	struct node_id peer;
	uint8_t binding[16];
	struct log_name feed;
	uint64_t start;
	uint32_t count;
	struct checkpoint checkpoint;
	uint8_t log_key[32];
	size_t right_len;
	struct hash right[WIRE_HASHES_MAX];
	size_t wire_bytes;   /* of the message, for credit */
	size_t packed_bytes; /* of the entries as they came, for the quota */
	bool bodies;
	bool verified; /* ingest_verify has found it good */
	bool joins;    /* at a floor beyond what is held: left is [0, start) */
	size_t left_len;
	struct hash left[RANGE_LEFT_MAX];
	uint32_t mismarked; /* bodies dropped: ingest_drop_mismarked */
	size_t entries_len;
	uint8_t entries[]; /* packed */
};

/* A job with a copy of the message's entries; NULL when out of memory. Free with ingest_job_free.
 * */
struct ingest_job *ingest_job_new(const struct wire_data *data, const uint8_t log_key[32]);
struct ingest_job *ingest_bodies_new(const struct log_name *feed, size_t count,
	struct bytes payload);
/* The run joins at a floor; left_len of the message is right. */
void ingest_job_join(struct ingest_job *job, const struct wire_data *data);
void ingest_job_free(struct ingest_job *job);

/* Drops the first count entries; count < job->count. ENT_EINVALID when they are malformed. */
int ingest_job_skip(struct ingest_job *job, uint64_t count) MUST_CHECK;

/* Where a feed stands in the verifier: everything up to tree.end is verified. */
struct ingest_frontier {
	struct range tree;
	struct checkpoint verified; /* last one whose signature was checked; size 0: none */
	uint8_t verified_key[32];   /* by this key: a newer card may give the name to another */
};

/* The compact range [0, start) of a job that joins. ENT_EPROOF. */
int ingest_job_left(const struct ingest_job *job, struct range *left) MUST_CHECK;

/*
 * Verifies the job against the frontier (one that joins: against the range it brings) and, when it
 * holds, moves the frontier on. ENT_ESTATE: the job does not start at the frontier. ENT_EINVALID:
 * an entry is malformed, or the count is wrong. ENT_ECRYPTO: the signature fails, or a body does
 * not match its commitment. ENT_EPROOF: the entries and hashes do not lead to the signed root. Then
 * the frontier stays.
 */
int ingest_verify(struct ingest_frontier *f, struct ingest_job *job) MUST_CHECK;

/*
 * A community feed carries one marking. Of an entry with another the body goes, before anything is
 * stored or passed on; the leaf stays, so the feed stays whole and the mistake provable (DESIGN 6).
 * Gives how many bodies went. The job must have been verified.
 */
uint32_t ingest_drop_mismarked(struct ingest_job *job);

/* True if an entry of the run has no body. The job must have been verified. */
bool ingest_absent(const struct ingest_job *job);

/* True if the run holds what goes before everything else: a retraction, an erasure, or an entry
 * that its origin marked urgent. The job must have been verified. */
bool ingest_urgent(const struct ingest_job *job);
