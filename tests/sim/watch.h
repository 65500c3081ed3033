/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The watcher of a world: knows every keys directory, clock and disk, and holds what happens
 * against DESIGN 14, without asking the code under test:
 *
 *     I1   what a node signs continues what it signed before
 *     I2   held sizes only grow, and each entry is stored once
 *     I3   what is stored is, byte for byte, what its origin said, and matches its commitments
 *     I4   nothing of a feed is said to a node that is not entitled to it
 *     I5   after healing, whatever may arrive has arrived (watch_settled)
 *     I7   what a node keeps for others stays within its limits
 *     I8   two histories at connected nodes end in proof at all of them (watch_split)
 *     I9   what an erasure covers is not served once it has arrived (watch_erased)
 *     I10  nothing is said under an agreement that has ended
 *     I11  what was told as held no crash loses, and nothing is told before it is durable
 *     I12  what is sent lies in a sending that the provenance log has, also after a crash
 *
 * watch.c looks at what is said and heard, watch_signed.c at what is signed, watch_logs.c at what
 * is stored, watch_erased.c at what is to be forgotten, watch_witness.c at what is cosigned;
 * watch_settled.c, watch_whole.c, watch_over.c and watch_split.c at what has come to rest.
 */
#pragma once

#include "sim/world.h"

struct watch *watch_new(struct world *w);
void watch_free(struct watch *watch);

/* --- watch.c: sessions ------------------------------------------------------------------------ */

/* A correct node is about to say this from that end. */
void watch_said(struct world *w, struct world_session *s, unsigned end,
	const struct wire_message *m);
/* It arrives at that end. */
void watch_heard(struct world *w, struct world_session *s, unsigned end,
	const struct wire_message *m);
/* An act goes to the provenance log; and an opened sending stands there durably. */
void watch_act(struct world *w, struct world_session *s, unsigned end, const struct act_body *act);
void watch_entered(struct world *w, struct world_session *s, unsigned end,
	const struct log_name *feed);
/* The program at that end is gone. */
void watch_lost(struct world *w, struct world_session *s, unsigned end);
/* A run was accepted at that end to be verified. */
void watch_taken(struct world *w, struct world_session *s, unsigned end,
	const struct ingest_job *job);
/* An origin was accepted, or a newer card of it; introducer all zero: none was needed. */
void watch_pinned(struct world *w, struct world_node *n, const struct node_id *origin,
	const struct node_id *introducer);
/* No session lasts longer than its agreements; to be asked on every tick. */
void watch_lasting(struct world *w, struct world_node *n);
/* Fails the world unless every sending of sessions that are over is closed. */
void watch_closed(struct world *w);

/* --- watch_signed.c: what origins sign -------------------------------------------------------- */

/* Its guard is durable so. */
void watch_guarded(struct world *w, struct world_node *n, const struct guardfile *g);
/* A checkpoint of the feed has arrived at that node. */
void watch_line_heard(struct world *w, const struct world_node *by, const struct log_name *feed,
	const struct wire_checkpoint *c);

/* --- watch_logs.c: what lies on disks --------------------------------------------------------- */

/* The ledger of the node tells this: signed, stored, entered. */
void watch_news(struct world *w, struct world_node *n, const struct ledger_news *news);
/* The node says that it holds so much of the feed. */
void watch_told(struct world *w, struct world_node *n, const struct log_name *feed, uint64_t held);
/* It gives a receipt for so much. */
void watch_receipted(struct world *w, struct world_node *n, const struct log_name *feed,
	const struct wire_checkpoint *c);
/* What the node has cosigned of this log of acts, as far as its machine remembers. */
struct watch_cosigned {
	uint64_t size; /* 0: nothing */
	struct hash root;
};
struct watch_cosigned *watch_cosigned(struct world *w, const struct world_node *n,
	const struct log_name *log);
/* Notes that the node has accepted the origin; had it before? */
bool watch_accepted(struct world *w, const struct world_node *n, const struct node_id *origin);
void watch_up(struct world *w, struct world_node *n);
void watch_backed_up(struct world *w, const struct world_node *n);
/* From here on the node may lack what it had, and with an old guard contradict itself. */
void watch_restored(struct world *w, struct world_node *n, enum world_guard guard);
void watch_cloned(struct world *w, struct world_node *n, struct world_node *clone);
/* Its operator gives up a peer that may have more of it: what comes of that is his. */
void watch_gives_up(struct world *w, struct world_node *n);
/* It was restored once, or cloned. */
bool watch_is_copy(const struct world_node *n);
/* The node lies as an origin: nobody is held to what it has signed. */
void watch_disown(struct world *w, const struct world_node *n);
void watch_alarm(struct world *w, struct world_node *n, const struct gossip_action *action);
void watch_tick(struct world *w, struct world_node *n);

/* For quotas: the node has stored this. */
void watch_brought(const struct world_node *n, const struct ingest_job *job);
/* What the peer has brought to the node today of others. */
struct world_amount watch_brought_today(const struct world_node *n, const struct world_peer *p);
/* What the node has stored of the origin since the start. */
struct world_amount watch_brought_of(const struct world_node *n, const struct node_id *origin);
/* A run came that the node did not take. */
void watch_dropped(const struct world_node *n, const struct world_node *by,
	const struct log_name *feed, size_t bytes);
/* What came so since then, and was on its way when the quota for it was used up: PROTOCOL.md has
 * that dropped. */
uint64_t watch_over_quota(const struct world_node *n, uint64_t since_ms);
/* Has so much been brought? */
static inline bool watch_spent(struct world_amount brought, struct world_amount quota)
{
	return brought.records >= quota.records || brought.bytes >= quota.bytes;
}
/* What its origin has signed of the feed, in all; 0 for a feed that is not known, or where there
 * are several truths. */
uint64_t watch_said_size(const struct world *w, const struct log_name *feed);
/* The feeds that their origins have signed, in order of first signing. */
size_t watch_feeds(const struct world *w, const struct log_name **feeds);
/* Has the origin said two different things? */
bool watch_forked(const struct world *w, const struct log_name *feed);

/* --- watch_erased.c --------------------------------------------------------------------------- */

/* A correct node sends this. */
void watch_serves(struct world *w, struct world_node *n, const struct wire_data *data);
void watch_serves_bodies(struct world *w, struct world_node *n, const struct wire_bodies *m);
bool watch_has_body(struct world_node *n, const struct log_name *feed, uint64_t index);
/* So much of the feed lies at the node under a checkpoint; 0 where it is frozen. */
uint64_t watch_complete(struct world_node *n, const struct log_name *feed);
/* What the origin said from there on nobody has, and it says something else now. */
void watch_unsaid(struct world *w, const struct log_name *feed, uint64_t size);
/* A correct node confirms to have done what erasures among the first `size` entries ask for. */
void watch_confirms(struct world *w, struct world_node *n, const struct log_name *feed,
	uint64_t size);
/* Fails the world unless every origin has it under the hand of its neighbours that its erasures are
 * carried out; to be asked when all has come to rest. */
void watch_confirmed(struct world *w);
/* Fails the world unless everybody who has an erasure has carried it out; to be asked when disks
 * are well. */
void watch_forgotten(struct world *w);

/* --- watch_witness.c -------------------------------------------------------------------------- */

/* The node cosigns what the owner's machine has shown it of its log of acts. */
void watch_witnesses(struct world *w, struct world_node *n, struct world_node *owner,
	const struct wire_witness *m);
/* The node signs its log of acts, */
void watch_acts_signed(struct world *w, struct world_node *n, const struct checkpoint *c);
/* or finds at its start what it had signed; death may have come before anybody knew of it. */
void watch_acts_found(struct world *w, struct world_node *n, const struct checkpoint *c);
/* An older copy of it may sign those logs once more. */
void watch_acts_restored(struct world_node *n);
/* Has that machine signed two histories of this log of acts? */
bool watch_acts_twice(const struct world_node *n, const struct log_name *log);

/* --- watch_settled.c -------------------------------------------------------------------------- */

/* Fails the world unless everything that permitted paths lead to has arrived; to be asked when
 * links are whole and agreements have not changed for a while. */
void watch_settled(struct world *w);
/* Does the node know the origin, or could it by what its neighbours may introduce: at node *
 * nodes_len + the origin's number; to be freed. */
bool *watch_vouched(struct world *w);
/* Does a roster that counts at the node list the origin? */
bool watch_listed(const struct world_node *n, const struct node_id *origin);
/* Fails the world unless whoever is joined to a node knows its newest card, and none that a thief
 * of its former root has signed. */
void watch_cards(struct world *w);
/* Fails the world unless everybody has heard of ends that a neighbour knows of. */
void watch_revoked(struct world *w);
/* Are the two up, in each other's reach, and is an agreement in force on both sides? */
bool watch_linked(const struct world_node *a, const struct world_node *b);

/* --- watch_whole.c ---------------------------------------------------------------------------- */

/* How many nodes lack bodies that a neighbour has and may give them; fails the world where there is
 * one and `must` says so. */
unsigned watch_whole(struct world *w, bool must);

/* --- watch_over.c ----------------------------------------------------------------------------- */

/* What is in force at the node now; to be asked on every tick, and when agreements have changed. */
void watch_terms(struct world_node *n);
/* Fails the world unless everybody has let go of what no agreement lets him hold any more, and of
 * nothing else. */
void watch_over(struct world *w);

/* --- watch_split.c ---------------------------------------------------------------------------- */

/* Fails the world unless two histories of a feed, where connected nodes have them, have ended in
 * proof; to be asked when links are whole. */
void watch_split(struct world *w);

/* What the node may take from that one in a day, by all agreements that name both; or by those that
 * are in force at both alone. */
struct world_amount watch_quota(const struct world_node *n, const struct world_node *by,
	bool in_force);
/*
 * The peer may have brought what it may in a day: then what else it has waits. Of an origin that is
 * known by introduction no more is taken than its introducer may bring, whoever that was.
 */
bool watch_may_be_spent(const struct world_node *n, const struct world_node *by,
	const struct log_name *feed);

/* Does the text of an agreement let the feed go from one node to the other? (watch.c) */
bool watch_allows(const struct world_node *at, const struct world_node *from,
	const struct world_node *to, const struct world_end *session, const struct log_name *feed);
