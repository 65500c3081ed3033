/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the commands about records share: which entries stand about a value or an object, and in
 * which feed each one is. Views live as long as the command's store reader.
 */
#pragma once

#include "cli/cli.h"
#include "intel/value.h"
#include "keys/identity.h"

/* The name of a log and how far it is believed, remembered by number: a value may stand in hundreds
 * of feeds and a command may ask for thousands of values. */
struct records_log {
	bool known;
	struct store_trust trust;
	struct log_name name;
};

struct records {
	struct cli *cli;
	struct records_log *logs;
	size_t logs_cap;
	bool has_self; /* this node has a card */
	struct node_id self;
	bool own_asked, own_known; /* node.key: records_by_own_value */
	struct identity own;
};

/*
 * Opens the store and waits, briefly, until the index shows what the store already holds, so that a
 * command sees what the one before it has published. 0 or the exit status after cli_fail.
 */
int records_open(struct records *r, struct cli *c) MUST_CHECK;
/* NULL when the store has no such log; then cli->err says so. Valid until the next call. */
const struct records_log *records_log(struct records *r, uint32_t number);

/* What stands of one object in one audience: its newest claim that is no retraction. */
struct record_claim {
	struct log_name log;
	bool disputed;  /* its origin signed two histories, and this is not settled */
	bool retracted; /* a retraction stands over it */
	bool erased;
	uint32_t standing; /* the log of what stands over it, or its own */
	struct store_entry entry;
};

struct record_claims {
	struct record_claim *list; /* in the arena of the command */
	size_t len, cap;
};

/* An argument VALUE|OBJECT-ID: what it can mean. */
struct record_target {
	bool has_value;
	struct value value;
	uint8_t prefix[OBJECT_ID_BYTES]; /* of an object id */
	unsigned digits;                 /* hex digits of it, 0: no object id */
};

#define RECORD_PREFIX_DIGITS_MIN 4

/* Reads the argument; ENT_EINVALID with the reason in err when it is neither. */
int record_target_parse(struct record_target *t, struct bytes text,
	struct err_text *err) MUST_CHECK;

/* The value in its canonical form, else the argument as it was given. */
static inline struct bytes record_target_text(const struct record_target *t, const char *given)
{
	return t->has_value ? bytes_from(t->value.text, t->value.len) : bytes_str(given);
}

/* Does an object id begin like the target's? */
bool record_target_fits(const struct record_target *t, const uint8_t object[OBJECT_ID_BYTES]);

/* Enters an entry: of one object in one audience the newest stays. */
int records_claim_add(struct records *r, struct record_claims *claims,
	const struct store_entry *e) MUST_CHECK;

/* The claims about a value, in order of arrival. 0 or an ENT_E. */
int records_by_value(struct records *r, enum type type, struct bytes value,
	struct record_claims *claims) MUST_CHECK;

/*
 * The claims about a value, or, when nothing is known of it, about the object whose id begins like
 * the target's. ENT_ELIMIT when several objects do; claims may be empty.
 */
int records_by_target(struct records *r, const struct record_target *t,
	struct record_claims *claims) MUST_CHECK;

/*
 * What is erased is found by its value no more. Of this node's own claims the value still leads to
 * the object id, under the object secret, where the operator's own files give it: so whoever has
 * recalled a value can ask by that value who has confirmed, and recall it once more. The target
 * becomes that object. Behind it records_own_forget() wipes the secret.
 */
int records_by_own_value(struct records *r, struct record_target *target,
	struct record_claims *claims) MUST_CHECK;
void records_own_forget(struct records *r);

/* Calls visit for each non-blank line of FILE ("-": standard input) that is no "#" comment, without
 * white space around it. 0, the visitor's value if not 0, or the exit status after cli_fail. */
int records_lines(struct cli *c, const char *path,
	int (*visit)(void *ctx, unsigned line, struct bytes text), void *ctx) MUST_CHECK;
