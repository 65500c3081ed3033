/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A node's own keys when they change: files of its keys directory, in steps of which each may be
 * the last before a crash.
 *
 *     keys/next-<incarnation>.key   a new seed whose card is not installed yet
 *     keys/own.card                 installing the card that names it is the moment of change
 *     keys/former.key               the seed before: its transport key is honoured for a while
 *     keys/node.key                 the seed in use
 *
 * So whoever finds a card in force whose incarnation has a file of its own finishes what was begun
 * (rotation_settle): the daemon at its start, the command that installed the card. All are secret
 * files of one form (identity.h), 0600, under the passphrase of node.key.
 */
#pragma once

#include "keys/card.h"
#include "keys/identity.h"

/* keys/next-<incarnation>.key under dir into out. */
int rotation_next_path(char *out, size_t cap, const char *dir, uint64_t incarnation) MUST_CHECK;
int rotation_former_path(char *out, size_t cap, const char *dir) MUST_CHECK;

/*
 * If the newest incarnation of the own card has a seed that waits, node.key becomes former.key and
 * the new seed node.key; what waited for earlier cards goes. *changed tells. Two that do it at once
 * wait for each other.
 */
int rotation_settle(const char *dir, const struct card *own, bool *changed,
	struct err_text *err) MUST_CHECK;

/* The seed before, as former.key has it; incarnation: that of the card before. ENT_ENOTFOUND when
 * there is none. */
int rotation_former_read(const char *dir, struct bytes passphrase, uint64_t incarnation,
	struct identity *id, struct err_text *err) MUST_CHECK;
/* Overwrites it, syncs, removes it. What a file system keeps of it beyond that is not in our hands.
 */
int rotation_former_wipe(const char *dir, struct err_text *err) MUST_CHECK;
