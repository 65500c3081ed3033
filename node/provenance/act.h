/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Acts: what a node enters in its provenance log (DESIGN 12; PROTOCOL.md, "Provenance"). One
 * entry an act on a range, not a record. An entry is an ordinary one, kind act, whose body is an
 * act_body.
 */
#pragma once

#include "base/env.h"
#include "base/err.h"
#include "base/name.h"
#include "base/buf.h"
#include "proto/codec.h"
#include "proto/entry.h"

/* What each act gives besides its name:
 *
 *     started            text: program version
 *     agreement-in-force terms[0]
 *     agreement-ended    terms[0]; rule: expired, revoked, removed, replaced
 *     session-opened     peer, session, terms; serial: of its card, text: its program, as it says
 *     session-closed     peer, session; text: why
 *     received           peer, session, log, [from, to), root
 *     sending-opened     peer, session, terms, log, from; entered before the first byte goes
 *     sending-mark       peer, session, log, to
 *     sending-closed     peer, session, log, to
 *     published          log, [from, to), operator, publication, hash and salt of the file
 *     refused            rule, count, operator or peer, publication
 *     guard-lifted       rule, count, operator, publication
 *     erased, recalled   log, [from, to): its erasures there are carried out; count: bodies gone;
 *                        rule: late, where entries came after what covers them; after-end, where
 *                        bodies go because of act 41
 *     floor-moved        log, [from, to): its entries there are forgotten; rule: what let them go
 *     joined-at-floor    peer, log, from: what was held; to: the floor; consistency is unproven
 *     card               peer, serial, hash: a chain came into force
 *     introduced         log.node: whom; peer: by whom; hash of the card
 *     alarm              rule, text, peer, log
 *     clock-step         from, to: ms; or text and operator: the word that the time is right
 *     frozen             log
 *     put-aside          log, to: so much of it here is another's; from: the incarnation under
 *                        whose name that stands from now on
 *     incarnation        log: a former feed; to, root: how far the new one says it is good
 *     restored           rule; peer and log that showed it: mute from here on
 *     recovered          signs again
 *     epoch              log: the former provenance log; to, root: the last of it that is here
 *     witnessed          peer, log, to, root: it has cosigned this log of acts so far
 *     witness-report     peer, log, to, root: it remembers this much of it, which is not here
 *     split-proven       log, from and to: the two sizes; peer: who showed it
 *     paused, resumed    text: out, in, all, peer; peer; operator
 *     hold, unhold       hash and salt of the value; rule: its type; operator
 *     over-quota         peer, session, count; log: of an origin that is over its own
 *     revocation-received peer: by whom it came; terms[0]: what it ends; text: whose it is
 *     recovery-word      text: confirm, or without and peer; operator: goes on by his word
 *     keys-changed       serial, hash of the own card that brought them; log: its incarnation
 *     bodies-sent        peer, session, terms, log, [from, to), count: bodies that were missing
 *                        there; entered before the first byte goes
 *     bodies-received    peer, session, log, [from, to), count: bodies that were missing here
 *     after-end          log, [from, to), terms: its bodies there may not be held any more, as all
 *                        agreements are over under which they came, these
 *     roster-in-force    terms[0]: id, serial and hash of a roster; operator
 *     roster-ended       the same; rule: expired, removed, replaced
 *     reindexed          text: done, or why not; operator
 *     compacted          the same; rule: asked, or due, when an erasure demands it
 *     queried            text: the command; count. Or one by itself: operator, from: when (ms),
 *                        hash and salt of what was asked
 */
#define PROVENANCE_ACTS(X)                                                                         \
	X(STARTED, 1, "started")                                                                   \
	X(STOPPED, 2, "stopped")                                                                   \
	X(AGREEMENT_IN_FORCE, 3, "agreement-in-force")                                             \
	X(AGREEMENT_ENDED, 4, "agreement-ended")                                                   \
	X(SESSION_OPENED, 5, "session-opened")                                                     \
	X(SESSION_CLOSED, 6, "session-closed")                                                     \
	X(RECEIVED, 7, "received")                                                                 \
	X(SENDING_OPENED, 8, "sending-opened")                                                     \
	X(SENDING_MARK, 9, "sending-mark")                                                         \
	X(SENDING_CLOSED, 10, "sending-closed")                                                    \
	X(PUBLISHED, 11, "published")                                                              \
	X(REFUSED, 12, "refused")                                                                  \
	X(LIFTED, 13, "guard-lifted")                                                              \
	X(EXPORTED, 14, "exported")                                                                \
	X(ERASED, 15, "erased")                                                                    \
	X(CARD, 16, "card")                                                                        \
	X(INTRODUCED, 17, "introduced")                                                            \
	X(ALARM, 18, "alarm")                                                                      \
	X(CLOCK_STEP, 19, "clock-step")                                                            \
	X(FROZEN, 20, "frozen")                                                                    \
	X(INCARNATION, 21, "incarnation")                                                          \
	X(RESTORED, 22, "restored")                                                                \
	X(RECOVERED, 23, "recovered")                                                              \
	X(EPOCH, 24, "epoch")                                                                      \
	X(WITNESSED, 25, "witnessed")                                                              \
	X(WITNESS_REPORT, 36, "witness-report")                                                    \
	X(SPLIT_PROVEN, 26, "split-proven")                                                        \
	X(PAUSED, 27, "paused")                                                                    \
	X(RESUMED, 28, "resumed")                                                                  \
	X(HOLD, 29, "hold")                                                                        \
	X(UNHOLD, 30, "unhold")                                                                    \
	X(REVOCATION_RECEIVED, 31, "revocation-received")                                          \
	X(FLOOR_MOVED, 32, "floor-moved")                                                          \
	X(JOINED, 33, "joined-at-floor")                                                           \
	X(OVER_QUOTA, 34, "over-quota")                                                            \
	X(RECALLED, 35, "recalled")                                                                \
	X(KEYS_CHANGED, 37, "keys-changed")                                                        \
	X(RECOVERY_WORD, 38, "recovery-word")                                                      \
	X(BODIES_SENT, 39, "bodies-sent")                                                          \
	X(BODIES_RECEIVED, 40, "bodies-received")                                                  \
	X(AFTER_END, 41, "after-end")                                                              \
	X(ROSTER_IN_FORCE, 42, "roster-in-force")                                                  \
	X(ROSTER_ENDED, 43, "roster-ended")                                                        \
	X(REINDEXED, 44, "reindexed")                                                              \
	X(COMPACTED, 45, "compacted")                                                              \
	X(QUERIED, 46, "queried")                                                                  \
	X(PUT_ASIDE, 47, "put-aside")

enum act {
#define X(name, number, text) ACT_##name = (number),
	PROVENANCE_ACTS(X)
#undef X
};

const char *act_name(unsigned act); /* "unknown" for others */

/*
 * Appends the packed entry of an act: encodes the body, draws a salt, computes the commitment. The
 * object id of an act is all zero. ENT_EINVALID when a field is out of bounds.
 */
int act_entry(struct buf *out, const struct act_body *act, int64_t now_ms,
	const struct env_rng *rng) MUST_CHECK;
