/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What `publish` and `retract` share: claims in a spool, one publication of them through the daemon
 * or a judgement of them here, and the account that is printed.
 */
#pragma once

#include "cli/cli.h"
#include "cli/spool.h"

#define PUBLISH_LISTED_MAX 10000u /* refusals that are named one by one */

/* One file or list of arguments. */
struct publish_input {
	const char *name; /* as given, for messages */
	struct spool_range claims;
	/* Reads it and adds its claims to the spool, while they are handed on; NULL: they are there
	 * already. */
	int (*read)(void *ctx, struct publish_input *input);
	void *ctx;
	bool sent; /* a claim of it, at least */
	bool has_hash;
	uint8_t hash[32], salt[ENTRY_SALT_BYTES];
	json_t *unsent; /* rule -> how often: refused here, before anything was sent; or NULL */
};

struct publish_refusal {
	const struct publish_input *input;
	unsigned line; /* 0: the input has no lines */
	const char *value, *rule;
	const char *reason; /* or NULL */
};

/* A publication and its account: read = published + unchanged + refused. */
struct publish {
	struct cli *cli;
	struct spool spool;
	struct publish_input *inputs; /* in the command's arena */
	size_t inputs_len;
	const char *operator_name;
	const char **lifted; /* --allow, NULL-terminated */
	size_t lifted_len;
	bool urgent;
	bool takes_back; /* what is never refused for want of room */
	bool strict;     /* one refusal: nothing goes out, and all the rest is unchanged */

	uint64_t receipts_wanted, receipts_timeout_s; /* --receipts */
	uint64_t receipts;                            /* so many peers durably hold all of it */
	bool receipts_unknown; /* the node went away while it was waited for them */

	uint64_t published, unchanged, refused;
	size_t list_len, list_cap; /* of refusals: the first PUBLISH_LISTED_MAX */
	struct publish_refusal *list;
	json_t *rules;     /* rule -> how often, as far as rules were named */
	json_t *feeds;     /* audience -> size */
	json_t *awaited;   /* feed -> size, or true: where what was unchanged stands */
	json_t *unknown;   /* what cannot be retracted, as asked; NULL where that cannot be */
	uint64_t not_kept; /* entries of the publication that is taken back */
	char id[17];       /* of the publication; "" before there is one */
};

/* --operator, else the login name. */
const char *publish_operator(struct cli *c);
/* Reads --operator, --allow, --urgent, --strict and --receipts as far as the command has them. 0 or
 * the exit status. */
int publish_init(struct publish *p, struct cli *c) MUST_CHECK;
void publish_free(struct publish *p);

/* Counts a claim that says nothing new, about what stands in that feed. */
void publish_unchanged(struct publish *p, const struct log_name *feed);

/* Enters a refusal; value is what was seen. */
void publish_refuse(struct publish *p, const struct publish_input *input, unsigned line,
	struct bytes value, const char *rule, const char *reason);

/* The same for what never gets as far as the daemon, which is told how much there was of it. */
void publish_refuse_unsent(struct publish *p, struct publish_input *input, unsigned line,
	struct bytes value, const char *rule, const char *reason);

/* Judges every claim as the daemon would, against the store as it is, without telling anybody. 0 or
 * the exit status after cli_fail. */
int publish_judge(struct publish *p) MUST_CHECK;
/* Hands every claim to the daemon and waits until it is durable and signed, and as long as
 * --receipts says for peers. Likewise; that too few have confirmed shows in the account. */
int publish_send(struct publish *p) MUST_CHECK;
/* Sends no claim, and tells the daemon what was refused here: a refusal is an act. Likewise. */
int publish_tell_refused(struct publish *p) MUST_CHECK;

/* What follows --receipts, for the command's table of options. */
#define PUBLISH_RECEIPTS_OPTIONS                                                                   \
	{"--receipts", "K", false, "waits until K peers have confirmed that they hold it too"},    \
	{                                                                                          \
		"--receipts-timeout", "SECONDS", false, "exit 4 when they have not by then (30)"   \
	}
#define PUBLISH_RECEIPTS_S 30u

/* Prints the account; gives the exit status (CLI.md, publish). */
int publish_print(struct publish *p, bool dry_run);
