/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How nodes, audiences and logs are named (PROTOCOL.md, "Names").
 *
 * A node id is 16 bytes, written as 26 base32 characters. A log is named by its node, incarnation
 * and audience; its origin line, the first line of its checkpoints, is that name as text:
 *
 *     entente/<node id>/<incarnation>/<audience>
 *
 * audience is clear, green, local, the 16 hex digits of an agreement id, or
 * provenance-<UTC second of the log's start>. A feed is a log whose audience is not provenance.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define NODE_ID_BYTES      16
#define NODE_ID_TEXT_SIZE  27 /* with NUL */
#define AUDIENCE_TEXT_SIZE 32
#define LOG_NAME_TEXT_SIZE 96 /* an origin line with NUL */
#define LOG_NAME_BYTES     33 /* packed: node id, incarnation, audience kind, audience id */

struct node_id {
	uint8_t bytes[NODE_ID_BYTES];
};

enum audience_kind {
	AUDIENCE_CLEAR = 1,
	AUDIENCE_GREEN = 2,
	AUDIENCE_AGREEMENT = 3,
	AUDIENCE_LOCAL = 4,
	AUDIENCE_PROVENANCE = 5,
};

struct audience {
	enum audience_kind kind;
	uint64_t id; /* agreement id, or start second of a provenance log; else 0 */
};

struct log_name {
	struct node_id node;
	uint64_t incarnation; /* UTC second of its making */
	struct audience audience;
};

static inline bool node_id_eq(const struct node_id *a, const struct node_id *b)
{
	return memcmp(a->bytes, b->bytes, NODE_ID_BYTES) == 0;
}

static inline int node_id_cmp(const struct node_id *a, const struct node_id *b)
{
	return memcmp(a->bytes, b->bytes, NODE_ID_BYTES);
}

static inline bool audience_eq(struct audience a, struct audience b)
{
	return a.kind == b.kind && a.id == b.id;
}

/* Relayed as far as agreements reach. */
static inline bool audience_is_community(struct audience a)
{
	return a.kind == AUDIENCE_CLEAR || a.kind == AUDIENCE_GREEN;
}

static inline bool log_name_eq(const struct log_name *a, const struct log_name *b)
{
	return a->incarnation == b->incarnation && audience_eq(a->audience, b->audience) &&
	       node_id_eq(&a->node, &b->node);
}

static inline struct audience audience_agreement(uint64_t id)
{
	return (struct audience){AUDIENCE_AGREEMENT, id};
}

static inline struct audience audience_of(enum audience_kind kind)
{
	return (struct audience){kind, 0};
}

void node_id_text(char out[NODE_ID_TEXT_SIZE], const struct node_id *id);
bool node_id_parse(struct bytes text, struct node_id *id);

void audience_text(char out[AUDIENCE_TEXT_SIZE], struct audience a);
bool audience_parse(struct bytes text, struct audience *a);

/* The origin line, without LF. */
void log_name_text(char out[LOG_NAME_TEXT_SIZE], const struct log_name *name);
bool log_name_parse(struct bytes text, struct log_name *name);

/* Fixed form for keys and messages: node id, u64 incarnation, u8 audience kind, u64 audience id. */
void log_name_pack(uint8_t out[LOG_NAME_BYTES], const struct log_name *name);
bool log_name_unpack(struct bytes packed, struct log_name *name);
