/* SPDX-License-Identifier: EUPL-1.2 */
/* A publication under way: what one call said, by whom, from which file, and what became of it. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"
#include "proto/limits.h"

#define PUBLICATION_REFUSALS_MAX 10000u
#define PUBLICATION_RULES_MAX    32u
#define PUBLICATION_ID_BYTES     8u
#define PUBLICATION_UNSENT_MAX   8u

struct publication_refusal {
	uint32_t line;
	const char *rule; /* static */
	char *value;      /* at most 256 bytes of it */
};

struct publication {
	void *user;
	char operator_name[128];
	uint8_t id[PUBLICATION_ID_BYTES];
	bool has_file;
	uint8_t file_hash[32], file_salt[16];
	char **lifted; /* NULL-terminated, or NULL */
	bool urgent;
	uint64_t number; /* in order of their first claims; 0: none yet */
	/* results, complete when all of it has been told */
	_Atomic int code;
	uint64_t published, unchanged, refused;
	struct publication_refusal *refusals;
	size_t refusals_len;
	struct publication_rule {
		const char *name;
		uint64_t count;
		bool lifted;
	} rules[PUBLICATION_RULES_MAX];
	size_t rules_len;
	char unsent[PUBLICATION_UNSENT_MAX][ACT_RULE_MAX + 1]; /* names of the command's rules */
	struct publication_feed {
		struct audience audience;
		uint64_t size;
	} * feeds;
	size_t feeds_len;
	struct log_name *standing; /* feeds where what was unchanged stands; each once */
	size_t standing_len;
};

struct publication *publication_new(void);
void publication_free(struct publication *pub);
/* How far the feed of that audience has grown by it. */
void publication_feed_set(struct publication *pub, struct audience audience, uint64_t size);
/* Something of it stood there already. */
void publication_stood(struct publication *pub, const struct log_name *feed);
