/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Acts as sentences for people: one line an act, the same in `entente log` and in what an auditor
 * prints. Names of nodes come from the caller, who knows the cards.
 */
#pragma once

#include "base/buf.h"
#include "proto/codec.h"

struct sentence_names {
	/* The short name of a node, or NULL: then its id is written. */
	const char *(*name)(void *ctx, const struct node_id *node);
	void *ctx;
};

/*
 * Appends the sentence of an act, without time and without LF, e.g. "sent fr/green up to 12 to de".
 * An act of an unknown number is "unknown act 77". Control characters in what others wrote become
 * "?", so that no log can move a reader's cursor.
 */
void sentence_act(struct buf *out, const struct act_body *act, const struct sentence_names *names);

/* Appends a node's name, and a log's as NAME/AUDIENCE. */
void sentence_node(struct buf *out, const struct node_id *node, const struct sentence_names *names);
void sentence_log(struct buf *out, const struct log_name *log, const struct sentence_names *names);

/* Appends text with every control character replaced. */
void sentence_text(struct buf *out, struct bytes text);
