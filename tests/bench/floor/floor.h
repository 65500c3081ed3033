/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The least that a receiving node can do, in one process on one thread, against which the product
 * is measured in the same run: it decrypts frames of 64 KiB, decodes every body with nanopb, checks
 * it against its commitment, hashes leaf and tree, verifies one signature for 4,096 records, syncs
 * an append log for each such batch, and indexes by value and by end of validity in LMDB, in groups
 * of 65,536. The index is derived, as the product's, so its commits are not synced.
 *
 * Records are those of the product, byte for byte: made by its publish door from the same list.
 * What is left away: sockets, policy, guard rails, the log of acts, receipts, object ids, counts,
 * whoever reads meanwhile, and every other reason for a program to be longer than this one.
 */
#pragma once

#include <lmdb.h>
#include <stdio.h>

#include "merkle/checkpoint.h"
#include "merkle/range.h"
#include "noise/handshake.h"

#define FLOOR_BATCH       4096u
#define FLOOR_GROUP       65536u
#define FLOOR_BATCH_BYTES (8u << 20)

/* Ends the program unless rc is 0 or more. */
void floor_check(int rc, const char *what);
/* Seconds. */
double floor_now(void);
double floor_cpu(void);

/* --- input ------------------------------------------------------------------------------------ */

/* In front of a batch, in its first frame. */
struct floor_head {
	uint32_t count, bytes; /* entries, and how long they are packed */
	struct checkpoint checkpoint;
};

/* What both ends know. */
struct floor_peer {
	struct log_name log;
	uint8_t log_secret[64], log_public[32];
	uint8_t session_key[NOISE_KEY_BYTES];
};

/* Writes frames of the list's first records, at most so many, into a file; gives how many. */
uint64_t floor_input_make(const char *path, const char *list, uint64_t records,
	const struct floor_peer *peer);

/* --- index ------------------------------------------------------------------------------------ */

struct floor_key {
	uint64_t what, place;
};

struct floor_index {
	MDB_env *env;
	MDB_dbi value, time;
	struct floor_key *values, *times; /* of the group at hand */
	size_t len;
};

void floor_index_open(struct floor_index *x, const char *dir);
/* True when the group is full and wants to be written. */
bool floor_index_add(struct floor_index *x, uint64_t value, uint64_t time, uint64_t place);
void floor_index_write(struct floor_index *x);
/* How many keys both tables have; they must have as many. */
uint64_t floor_index_count(struct floor_index *x);
void floor_index_close(struct floor_index *x);

/* --- the work --------------------------------------------------------------------------------- */

enum floor_stage { STAGE_OPEN, STAGE_DECODE, STAGE_HASH, STAGE_VERIFY, STAGE_LOG, STAGE_INDEX };
#define FLOOR_STAGES 6

#define FLOOR_MARKS  256u /* points of the curve, one each million */

struct floor_result {
	uint64_t records;
	double seconds, cpu;
	double stage[FLOOR_STAGES]; /* CPU */
	double at[FLOOR_MARKS];     /* seconds when the n-th million was done */
	size_t at_len;
};

/* Takes the frames in; dir gets log and index. */
void floor_run(const char *frames, const char *dir, const struct floor_peer *peer,
	struct floor_result *result);
