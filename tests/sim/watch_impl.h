/* SPDX-License-Identifier: EUPL-1.2 */
/* What the watcher keeps of feeds and nodes: inside of watch_logs.c and watch_signed.c. */
#pragma once

#include "sim/watch.h"

/* An entry that was held against its line and its commitment: one that is byte for byte the same
 * need not be hashed again. */
struct checked {
	uint8_t *bytes; /* leaf, salt, body; NULL: none yet */
	size_t len;
};

struct line {
	struct log_name name;
	struct hash *leaves;
	struct checked *checked; /* as many */
	size_t len, cap;
	struct range tree;
	bool may_fork; /* an old copy of its origin runs, or a clone */
	bool forked;
};

/* What a node has told of a feed. */
struct told {
	struct log_name feed;
	uint64_t durable; /* its store has had so much */
	uint64_t held;    /* it has told others of so much */
	uint64_t guarded; /* its guard has so much, durably */
	uint64_t heard;   /* the largest size that it has seen signed and still knows of */
	uint64_t backed;  /* its backup has so much of that */
	struct watch_cosigned cosigned;
	struct world_amount brought; /* it has stored so much, in all */
	/* Of runs that came one behind the other and were not taken: */
	uint64_t dropped_ms, dropped_bytes;
	const struct world_node *dropped_of; /* by whom */
};

struct watch_node {
	struct map told; /* packed name -> struct told */
	bool may_fork;
	bool bare;     /* was restored without today's guard, */
	bool restored; /* or with it */
	bool disowned;
	struct map accepted; /* node ids of origins */
};

struct watch {
	struct world *world;
	struct map lines; /* packed name -> struct line */
	struct log_name *feeds;
	size_t feeds_len;
	struct watch_node *nodes;
	size_t nodes_len;
};

/* --- watch_logs.c ----------------------------------------------------------------------------- */

struct watch_node *node_of(struct watch *watch, const struct world_node *n);
struct told *told_of(struct world *w, const struct world_node *n, const struct log_name *feed);
struct line *line_find(const struct world *w, const struct log_name *name); /* NULL: none yet */
struct line *line_of(struct world *w, const struct log_name *name);
void line_add(struct line *line, const struct hash *leaf);
/* Of its first entries, so many. */
void line_root(const struct line *line, uint64_t size, struct hash *root);
/* Gives back what belongs to it. */
void line_forget(struct line *line);

/* --- watch_signed.c --------------------------------------------------------------------------- */

/* Calls back for every entry [from, to) that lies in the node's store. */
int entries_each(struct world_node *n, const struct log_name *log, uint64_t from, uint64_t to,
	void (*visit)(void *ctx, uint64_t index, const struct entry *e), void *ctx);
/* What the node has itself of what was signed in its name it may show any time. */
void knows_own(struct world *w, const struct world_node *n, const struct checkpoint *c);
/* It has signed this of its own feed. */
void signed_by(struct world *w, struct world_node *n, const struct checkpoint *c);
