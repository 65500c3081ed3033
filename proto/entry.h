/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An entry: header, salt, body (PROTOCOL.md, "Entries").
 *
 * The 64 header bytes are the leaf of the tree, hashed, stored and forwarded exactly as received:
 *
 *      0  u8   version, 1       5  u8   flags
 *      1  u8   kind             6  u16  body length
 *      2  u8   tlp              8  u64  origin time, ms since 1970 UTC
 *      3  u8   pap             16  16   object id
 *      4  u8   type            32  32   commitment = SHA-256(0x10 || salt || body)
 *
 * Numbers are big-endian. Packed, as it travels and lies in the store:
 *
 *     header (64) | u8 state | salt (16) | body        state 0: body present
 *     header (64) | u8 state                           state 1: body erased
 *
 * A header of another version is stored and relayed: only body length and commitment are read.
 */
#pragma once

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/err.h"
#include "proto/limits.h"

#define ENTRY_VERSION           1
#define ENTRY_KIND_OFFSET       1
#define ENTRY_FLAGS_OFFSET      5
#define ENTRY_TLP_OFFSET        2
#define ENTRY_TIME_OFFSET       8
#define ENTRY_COMMITMENT_OFFSET 32
#define ENTRY_STATE_PRESENT     0
#define ENTRY_STATE_ERASED      1

struct entry_header {
	uint8_t version;
	uint8_t kind; /* enum kind, or unknown */
	uint8_t tlp;
	uint8_t pap;
	uint8_t type;
	uint8_t flags;
	uint16_t body_len;
	uint64_t time_ms;
	uint8_t object[OBJECT_ID_BYTES];
	uint8_t commitment[32];
};

struct entry {
	struct bytes leaf; /* the 64 header bytes */
	struct bytes salt; /* 16 bytes, or empty when erased */
	struct bytes body; /* body_len bytes, or empty when erased */
	bool erased;
};

void entry_header_encode(uint8_t out[ENTRY_HEADER_BYTES], const struct entry_header *header);
/* leaf must be ENTRY_HEADER_BYTES long; every byte pattern decodes. */
void entry_header_decode(struct bytes leaf, struct entry_header *header);

/* Reads the packed entry at the cursor. ENT_EINVALID: cut short, unknown state, body too long. */
int entry_next(struct cursor *c, struct entry *entry) MUST_CHECK;

/* Bytes that the entry takes when packed. */
size_t entry_packed_len(const struct entry *entry);
void entry_pack(uint8_t *out, const struct entry *entry); /* out: entry_packed_len bytes */
