/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * decide(): may this pass this door, and which rule said so (PROTOCOL.md, "Policy"). One pure
 * function for the daemon, for `entente why` and for the auditor's replay. Deny by default.
 *
 * Doors: publish (an own record into an own feed), receive (an entry of a feed from a peer into the
 * index: only hides), forward (a feed to a peer: decided for the feed, never for an entry), serve
 * and export (a record out of the exchange). Guard rails need the value and stand outside; their
 * verdict comes in by name and denies.
 */
#pragma once

#include <stdbool.h>

#include "base/name.h"
#include "base/vocab.h"
#include "keys/agreement.h"
#include "proto/entry.h"

enum door { DOOR_PUBLISH = 1, DOOR_RECEIVE, DOOR_FORWARD, DOOR_SERVE, DOOR_EXPORT };

/* What the far side of a serve or export door does with a record. */
enum purpose { PURPOSE_DETECT = 1, PURPOSE_BLOCK, PURPOSE_PUBLISH };

/* Rules, one table: name in `why`, --json, provenance and PROTOCOL.md; sentence for people. */
#define POLICY_RULES(X)                                                                            \
	X(ALLOW_OWN, "own", "it is the node's own")                                                \
	X(ALLOW_LOCAL, "local", "the feed is local: it goes to nobody")                            \
	X(ALLOW_GIVES, "gives", "an agreement in force lets this community feed pass")             \
	X(ALLOW_PARTY, "party", "it belongs to an agreement to which both are party")              \
	X(ALLOW_TARGET, "target", "the marking permits what the target does with it")              \
	X(GUARD, "guard-rail", "a guard rail refuses the value")                                   \
	X(UNMARKED, "unmarked", "there is no marking that we know")                                \
	X(NO_AUDIENCE, "no-audience", "this marking needs an agreement to be named")               \
	X(MARKING_AUDIENCE, "marking-audience", "the marking is not that of its community feed")   \
	X(NO_AGREEMENT, "no-agreement", "no agreement in force joins the two nodes")               \
	X(NOT_GIVEN, "not-given", "no agreement in force gives this marking to that peer")         \
	X(NOT_PARTY, "not-a-party", "the peer is no party to the feed's agreement")                \
	X(ORIGIN_NOT_PARTY, "origin-not-a-party", "the origin is no party to that agreement")      \
	X(ENDED, "agreement-ended", "the feed's agreement is not in force")                        \
	X(TLP_NOT_GIVEN, "tlp-not-given", "the agreement does not let it give this TLP")           \
	X(TYPE_NOT_GIVEN, "type-not-given", "the agreement does not let it give this type")        \
	X(RED_PARTIES, "red-parties", "RED goes to a two-party agreement's feed only")             \
	X(RED_RECIPIENTS, "red-recipients", "RED names its human recipients")                      \
	X(RED_STAYS, "red-stays", "RED is never served or exported")                               \
	X(LOCAL_STAYS, "local-stays", "a local or provenance log is offered to nobody")            \
	X(TLP_TARGET, "tlp-target", "the TLP does not permit this target's readers")               \
	X(PAP_TARGET, "pap-target", "the PAP does not permit what the target does")                \
	X(UNKNOWN_DOOR, "unknown-door", "there is no such door")

enum policy_rule {
#define X(name, text, sentence) RULE_##name,
	POLICY_RULES(X)
#undef X
};

struct policy_query {
	enum door door;
	const struct log_name *feed;       /* origin and audience */
	const struct entry_header *header; /* NULL at forward */
	bool has_recipients;               /* of a RED record */
	const struct node_id *self;
	const struct node_id *peer;                /* forward, receive; NULL elsewhere */
	enum purpose purpose;                      /* serve, export */
	const char *guard;                         /* verdict of the guard rails, NULL for none */
	const struct agreement *const *agreements; /* of this node; time is checked here */
	size_t agreements_len;
	int64_t now_s;
};

struct policy_verdict {
	bool allow;
	enum policy_rule rule;
	const char *rule_name;  /* of the rule, or of the guard rail */
	uint64_t agreements[8]; /* that let it pass, lowest ids first */
	size_t agreements_len;
};

void decide(const struct policy_query *q, struct policy_verdict *v);

const char *policy_rule_name(enum policy_rule rule);
const char *policy_rule_sentence(enum policy_rule rule);

/* True if an agreement in force at now names both: without one there are no bytes. */
bool policy_joined(const struct agreement *const *agreements, size_t agreements_len,
	const struct node_id *a, const struct node_id *b, int64_t now_s);

/* True if introducer's introductions of further origins are accepted by self at now. */
bool policy_introduces(const struct agreement *const *agreements, size_t agreements_len,
	const struct node_id *self, const struct node_id *introducer, int64_t now_s);
