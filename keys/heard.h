/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How far the news of a change of keys has come, by what sessions have shown: keys/heard, text, a
 * line for each node:
 *
 *     <node id> <named> <knows> <told>
 *
 * named: the highest serial of its own card that the node has named in HELLO: its keys before that
 * card are honoured no more. knows: the highest serial of this node's card whose transport key it
 * has used: it needs our keys before that card no more. told: the highest serial of this node's
 * card that it was sent: with which key it is dialled first. A file that is lost or broken costs
 * that former keys are honoured a little longer, thirty days at most.
 */
#pragma once

#include "base/buf.h"
#include "base/name.h"

#define HEARD_MAX 1024u /* nodes: each with a card in the keys directory */

struct heard_node {
	struct node_id node;
	uint32_t named, knows, told;
};

struct heard {
	size_t nodes_len;
	struct heard_node nodes[HEARD_MAX];
};

/* Lines that make no sense are passed over. */
void heard_read(struct heard *h, struct bytes text);
void heard_text(struct buf *out, const struct heard *h);

/* Zeros for a node that nothing was heard of. */
struct heard_node heard_of(const struct heard *h, const struct node_id *node);
/* True if this is more than was known; a serial 0 says nothing. */
bool heard_named(struct heard *h, const struct node_id *node, uint32_t serial);
bool heard_knows(struct heard *h, const struct node_id *node, uint32_t serial);
bool heard_told(struct heard *h, const struct node_id *node, uint32_t serial);
