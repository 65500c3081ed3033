/* SPDX-License-Identifier: EUPL-1.2 */
/* What reading and installing share. For the files of the keys directory only. */
#pragma once

#include "keys/keydir.h"

#define KEYDIR_PATH_MAX  4096
#define KEYDIR_CHAIN_MAX ((size_t)CARD_CHAIN_MAX * CARD_BYTES_MAX)

/* The names in a directory, sorted; of regular files, as far as the directory tells. */
struct keydir_names {
	char **list;
	size_t len;
};

/* A directory that is not there is empty. */
int keydir_names_read(struct keydir_names *names, struct arena *arena, const char *dir,
	const char *sub, struct err_text *err) MUST_CHECK;

/* The same; false when it fails: that is told in k, and none of the names counts. What cannot be
 * listed says nothing of what is gone, so what was known stays. */
bool keydir_names_known(struct keydir *k, struct keydir_names *names, const char *dir,
	const char *sub);

/* Copies a chain of the former state into this one. It was good then, so it can only run out of
 * memory now, and then there is none. */
void keydir_keep_chain(struct keydir *k, struct card_chain *to, const struct card_chain *from);
/* transports.c: behind all cards. */
void keydir_check_transports(struct keydir *k, const char *dir, const struct keydir *former);

void keydir_add_problem(struct keydir *k, const char *file, const struct err_text *error);
/* A file of the directory; path gets its name. */
int keydir_read_below(char path[KEYDIR_PATH_MAX], const char *dir, const char *sub,
	const char *name, struct buf *out, struct err_text *err) MUST_CHECK;
/* <16 hex><end>: false for other names. */
bool keydir_name_id(const char *name, const char *end, uint64_t *id);
int keydir_write_below(const char *dir, const char *sub, const char *name, struct bytes data,
	struct err_text *err) MUST_CHECK;
/* rosters.c */
int keydir_read_rosters(struct keydir *k, const char *dir, const struct keydir *former) MUST_CHECK;

/*
 * Whether an agreement may follow what history has of its id: the same parties, no lower serial,
 * no other text under the same serial. *known: it is there already. Broken files of history are
 * reported as problems of k and passed over.
 */
int keydir_check_history(struct keydir *k, const char *dir, const struct keydir_names *history,
	const struct agreement *a, const char *file, bool *known, struct err_text *err) MUST_CHECK;
/* The same against one version; place names it in errors. */
int keydir_check_version(const struct agreement *before, const char *place,
	const struct agreement *a, const char *file, bool *known, struct err_text *err) MUST_CHECK;

/* Whether the party's root is in its chain: the root in force, or with any_root one of all. */
int keydir_check_root(const struct agreement *a, size_t party, const struct card_chain *chain,
	bool any_root, const char *file, struct err_text *err) MUST_CHECK;

/* Complete, and own a party of it. */
int keydir_check_complete(const struct agreement *a, const struct card_chain *own, const char *file,
	struct err_text *err) MUST_CHECK;
