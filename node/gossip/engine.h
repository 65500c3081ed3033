/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The replication engine (PROTOCOL.md, "Replication"): a pure function of events and time. One
 * event in, a list of actions out; no socket, no disk, no clock. The daemon and the simulator drive
 * the same code.
 *
 *     gossip_message(g, now, session, type, payload);
 *     while (gossip_action_next(g, &action))
 *             carry_out(&action);
 *
 * What it does: tells neighbours which feeds stand here and how far (heads), subscribes for each
 * feed at one neighbour, moves the subscription when that one stalls, lies or falls behind, takes
 * runs of entries in order and hands them over for verification and storing, pushes to subscribers
 * what is durably held, and does all this only as far as decide() allows. A feed that either side
 * is not entitled to is passed over without an answer, exactly as one that does not exist.
 *
 * A feed at one neighbour (a link) is
 *
 *     as a source:   unknown -> announced -> subscribed here (upstream)
 *     as a sink:     none -> opening -> open
 *
 * where opening waits until the provenance log has the sending entered.
 *
 * Thread: whoever owns the engine, one at a time.
 */
#pragma once

#include "base/env.h"
#include "base/name.h"
#include "gossip/ingest.h"
#include "keys/agreement.h"
#include "keys/card.h"
#include "keys/roster.h"
#include "merkle/checkpoint.h"
#include "merkle/range.h"
#include "proto/codec.h"

struct gossip;

struct gossip_time {
	uint64_t mono_ms; /* never steps */
	int64_t wall_ms;  /* UTC, for what agreements say */
};

/* What the engine reads of the store, answered at once. */
struct gossip_store {
	void *ctx;
	/* Packed entries [from, to') with to' <= to, as many as fit in bytes_max, at least one.
	 * ENT_ENOTFOUND: from lies below the feed's floor. */
	int (*run)(void *ctx, const struct log_name *feed, uint64_t from, uint64_t to,
		size_t bytes_max, struct buf *out, uint32_t *count);
	/* The compact range [begin, end) of what is stored. */
	int (*range)(void *ctx, const struct log_name *feed, uint64_t begin, uint64_t end,
		struct range *out);
	/* store_missing: which bodies are absent without a reason, from an index on; NULL: none. */
	int (*missing)(void *ctx, const struct log_name *feed, uint64_t from, uint64_t *indexes,
		size_t max, size_t *len);
	/* store_erasing_from: up to which index the feed's erasures are done; NULL: all are. */
	uint64_t (*erasing_from)(void *ctx, const struct log_name *feed);
};

/* How this node cosigns, so that the engine holds no secret. A NULL function: it does not. */
struct gossip_signer {
	void *ctx;
	/* With the receipt key; time: s. */
	void (*receipt)(void *ctx, const struct checkpoint *c, uint64_t time,
		struct cosignature *out);
	/* With the witness key. */
	void (*witness)(void *ctx, const struct checkpoint *c, uint64_t time,
		struct cosignature *out);
};

struct gossip_config {
	struct node_id self;
	struct env_rng rng;
	struct gossip_store store;
	struct gossip_signer signer;
	const char *software; /* for HELLO; printable, at most 64 bytes */
	size_t ingest_max;    /* bytes received and not stored; 0: GOSSIP_INGEST_MAX */
};

/* --- actions ---------------------------------------------------------------------------------- */

enum gossip_action_type {
	GOSSIP_SEND,   /* session, message: an encoded message */
	GOSSIP_CLOSE,  /* session, reason, text; penalty_ms > 0: the peer misbehaved */
	GOSSIP_INGEST, /* job: verify, store, then report gossip_stored or gossip_rejected */
	GOSSIP_ENTER,  /* act: into the provenance log; wait: report gossip_entered when durable */
	GOSSIP_PIN,   /* origin: keep its card chain (chain, node, peer = introducer or all zero) */
	GOSSIP_RIVAL, /* node: keep the chain that contradicts the one pinned */
	GOSSIP_FREEZE,    /* feed: keep that it is frozen */
	GOSSIP_PUT_ASIDE, /* feed: what is stored of it is another's; report gossip_put_aside */
	GOSSIP_SPLIT,     /* feed, message: the payload of SPLIT: keep the proof */
	GOSSIP_ALARM,     /* rule, text, peer, feed */
	GOSSIP_REVOKED,   /* agreement, node: whose revocation; chain: the note; peer: by whom */
	GOSSIP_RECEIPT,   /* peer, checkpoint, cosignature: keep it, then report gossip_receipted;
			     differs: as evidence, without a report */
	GOSSIP_WITNESS,   /* session, checkpoint: remember it, then report gossip_witnessed;
			     rewritten: that and other, as evidence, without a report */
	GOSSIP_MUTE,      /* rule, text, peer, feed: sign no feed from now on */
	GOSSIP_RECOVERED, /* keep in the guard what now stands, then sign again */
	GOSSIP_MAY_SEAL,  /* the first seal since the start may happen */
	GOSSIP_CUT,       /* feed: drop its unsigned tail, then report gossip_cut */
	GOSSIP_KEEP,      /* feed, checkpoint: own, shown by a peer, to be remembered */
	GOSSIP_COMPLETE,  /* checkpoint, all of which is held, though more is: keep it, then report
			     gossip_completed */
	GOSSIP_REWOUND    /* feed: a witness remembers more of this log of acts than is here */
};

struct gossip_action {
	enum gossip_action_type type;
	uint32_t session;
	struct bytes message;
	enum wire_bye_reason reason;
	const char *text;
	const char *rule;
	uint32_t penalty_ms;
	bool drop; /* GOSSIP_CLOSE: what waits for the kernel is thrown away, no farewell */
	struct ingest_job *job; /* taken by whoever carries the action out: ingest_job_free */
	struct act_body act;
	bool wait;
	struct node_id node, peer;
	struct bytes chain;
	uint64_t agreement;
	struct log_name feed;
	struct checkpoint checkpoint, other;
	struct cosignature cosignature;
	bool differs, rewritten;
	const char *severity; /* GOSSIP_ALARM; NULL: today */
};

/* The next action, or false. What it points to is valid until the next call on the engine. */
bool gossip_action_next(struct gossip *g, struct gossip_action *action);

/* --- life ------------------------------------------------------------------------------------- */

int gossip_new(struct gossip **out, const struct gossip_config *config) MUST_CHECK;
void gossip_free(struct gossip *g);

/* --- events ----------------------------------------------------------------------------------- */

/*
 * Agreements of this node that are complete and not revoked (time is looked at here), borrowed
 * until the next call. Sessions learn of a change; what has ended ends.
 */
void gossip_agreements(struct gossip *g, struct gossip_time now,
	const struct agreement *const *agreements, size_t agreements_len);

/* Rosters that the operator has accepted, complete (time is looked at here), borrowed until the
 * next call. */
void gossip_rosters(struct gossip *g, struct gossip_time now, const struct roster *const *rosters,
	size_t rosters_len);

/* A verified revocation from the keys directory, before the agreements without it: whoever still
 * names the agreement is sent the note. Revoked is revoked: the engine keeps it. */
void gossip_revocation(struct gossip *g, struct gossip_time now, uint64_t id, struct bytes note);

/* A card chain from the keys directory or the store. introduced_by NULL: own, or party of an
 * agreement. */
int gossip_origin(struct gossip *g, const struct card_chain *chain,
	const struct node_id *introduced_by) MUST_CHECK;

/* At start, behind the chains: one that contradicts that of its node, as GOSSIP_RIVAL gave it.
 * Where it does not any more nothing happens. */
void gossip_rival(struct gossip *g, const struct card_chain *rival);

/* A log as the store has it, at start: size and floor, newest checkpoint all of which is held (its
 * size 0: none), newest seen. ENT_ENOTFOUND: its origin is not known; it counts once it is. */
int gossip_feed(struct gossip *g, const struct log_name *name, uint64_t size, uint64_t floor,
	const struct checkpoint *held, const struct checkpoint *seen, bool frozen) MUST_CHECK;

/* At start, behind its feed: a proof of a split view as GOSSIP_SPLIT gave it. ENT_ENOTFOUND: its
 * origin is not known; it counts once it is. */
int gossip_split(struct gossip *g, struct bytes proof) MUST_CHECK;

/* An own feed has grown under a new checkpoint, durable. */
void gossip_sealed(struct gossip *g, struct gossip_time now, const struct checkpoint *c,
	bool urgent);

/* Erasures of this feed have been carried out, durably: it may be receipted further. */
void gossip_erased(struct gossip *g, struct gossip_time now, const struct log_name *feed);

/* At start, behind the feeds, and when it is heard: what a later incarnation of the origin says of
 * a feed, which need not be here if a card in force names it. Its signature is not looked at. */
void gossip_settled(struct gossip *g, struct gossip_time now, const struct checkpoint *good);

/* The floor of a feed has moved up here. */
void gossip_floor(struct gossip *g, struct gossip_time now, const struct log_name *feed,
	uint64_t floor);

/* What GOSSIP_PUT_ASIDE asked for is durable: nothing is stored under the name. Or it is not, and
 * nothing of the feed is taken. */
void gossip_put_aside(struct gossip *g, struct gossip_time now, const struct log_name *feed,
	bool done);

/* Own provenance checkpoint, for HELLO and for witnesses. */
void gossip_provenance(struct gossip *g, const struct checkpoint *c);

/* binding: the first 16 bytes of the handshake hash. */
void gossip_opened(struct gossip *g, struct gossip_time now, uint32_t session,
	const struct node_id *peer, const uint8_t binding[16]);
void gossip_message(struct gossip *g, struct gossip_time now, uint32_t session, uint8_t type,
	struct bytes payload);
/* So many bytes of GOSSIP_SEND are on their way: more may follow. */
void gossip_flushed(struct gossip *g, struct gossip_time now, uint32_t session, size_t bytes);
void gossip_closed(struct gossip *g, struct gossip_time now, uint32_t session, const char *why);

/* The job's entries are verified and durable. */
void gossip_stored(struct gossip *g, struct gossip_time now, const struct ingest_job *job);
/* ENT_EPROOF, ENT_ECRYPTO, ENT_EINVALID: the peer lied. ENT_ESTATE: the job came after a rejected
 * one, nobody is to blame. Others: the store failed, before the job was verified or behind. */
void gossip_rejected(struct gossip *g, struct gossip_time now, const struct ingest_job *job,
	int code);

void gossip_entered(struct gossip *g, struct gossip_time now, uint32_t session,
	const struct log_name *feed);

/*
 * What was brought and stored today (UTC) before this start: by peer, of origin. So a quota is not
 * begun anew by a restart. Before the first session.
 */
void gossip_taken_today(struct gossip *g, struct gossip_time now, const struct node_id *peer,
	const struct node_id *origin, uint64_t records, uint64_t bytes);

/* What the operator has stopped: all sending, all taking, both with single peers. */
struct gossip_pause {
	bool out, in;
	const struct node_id *peers;
	size_t peers_len;
};
/* From now on, until the next call; copied. Heads of own feeds are heard all the same. */
int gossip_pause(struct gossip *g, struct gossip_time now,
	const struct gossip_pause *pause) MUST_CHECK;

/* This node can store nothing: nothing is taken until it can. */
void gossip_refuse(struct gossip *g, struct gossip_time now, bool refuse);
/* What GOSSIP_RECEIPT asked for is durable, or could not be stored. At start: what the store has
 * of receipts, and of cosignatures of the own log of acts in use. */
void gossip_receipted(struct gossip *g, const struct node_id *node, const struct checkpoint *c,
	bool durable);
/* What GOSSIP_COMPLETE asked for is durable, or could not be stored. */
void gossip_completed(struct gossip *g, struct gossip_time now, const struct checkpoint *c,
	bool durable);
/* What GOSSIP_WITNESS asked for is durable, or could not be stored. */
void gossip_witnessed(struct gossip *g, struct gossip_time now, uint32_t session,
	const struct checkpoint *c, bool durable);
/* At start: what the store has of a peer's log of acts. The latest log counts. */
int gossip_witness(struct gossip *g, const struct checkpoint *c, bool rewritten) MUST_CHECK;

/* At least four times a second. */
void gossip_tick(struct gossip *g, struct gossip_time now);

/* --- recovery (recover.c; PROTOCOL.md, "Recovery") -------------------------------------------- */

struct gossip_guard_feed {
	struct log_name log;
	uint64_t size;
	struct hash root;
};

/* What was signed last, as the guard has it. */
struct gossip_guard {
	const struct gossip_guard_feed *feeds;
	size_t feeds_len;
};

/*
 * After every gossip_feed of the start, before the first session: decides whether this is an old
 * copy, and from then on when the node may sign: GOSSIP_MUTE, GOSSIP_RECOVERED, GOSSIP_MAY_SEAL.
 * guard NULL: there is none. An error is one of the store.
 */
int gossip_recover_start(struct gossip *g, struct gossip_time now,
	const struct gossip_guard *guard) MUST_CHECK;
/*
 * What a node that was restored once has to remember over its stops: since when all who had more
 * of it have said so, and under which agreements, by their ids. Under another that is older, or a
 * later version, it may have signed in the life that is lost.
 */
struct gossip_recovered {
	int64_t since_s; /* UTC; 0: it was never restored, or has not recovered yet */
	const uint64_t *agreements;
	size_t agreements_len;
};
/* From the last life, before gossip_recover_start. */
void gossip_recovered_before(struct gossip *g, const struct gossip_recovered *r);
/* As it is now; it changes with GOSSIP_RECOVERED and when an agreement comes into force. Valid
 * until the next event. */
void gossip_recovered(const struct gossip *g, struct gossip_recovered *out);
/*
 * Behind it: an agreement with that node was in force when the store was left, so it may have what
 * was signed since. A mute node waits for it as for every party of an agreement in force now,
 * though it can only be heard when there is an agreement again: else the operator has to give it
 * up.
 */
void gossip_recover_former(struct gossip *g, const struct node_id *node);
/* Those, from *at = 0 until false; none any more once it has signed. */
bool gossip_recovery_former(const struct gossip *g, size_t *at, struct node_id *node);
/* The unsigned tail of an own feed is gone: its size, which is that of its newest checkpoint. Or
 * the store has refused to drop it, and it stays. */
void gossip_cut(struct gossip *g, struct gossip_time now, const struct log_name *feed,
	uint64_t size, bool done);
/* What was written reads back otherwise: nothing of this incarnation is signed any more. */
void gossip_corrupt(struct gossip *g, struct gossip_time now, const struct log_name *feed);
/* The operator gives a peer up: it is not waited for. ENT_ENOTFOUND: no such party. */
int gossip_recover_without(struct gossip *g, struct gossip_time now,
	const struct node_id *node) MUST_CHECK;
/* The operator says that no second copy of this node runs. ENT_EPROOF: two histories are signed,
 * which nobody's word mends; ENT_ESTATE: nobody has asked. */
int gossip_recover_confirm(struct gossip *g, struct gossip_time now) MUST_CHECK;

enum gossip_recovery {
	RECOVERY_GOES_ON, /* signs */
	RECOVERY_PULLS,   /* mute until the store has what the guard names */
	RECOVERY_HEARS,   /* mute until every direct peer was heard, and all it showed is here */
	RECOVERY_STOPPED, /* mute until the operator has looked */
};

struct gossip_recovery_view {
	enum gossip_recovery state;
	const char *rule, *why; /* static; of the last time it went mute */
	bool conflict;          /* two histories are signed, or corrupt: nobody's word mends it */
	bool alone;             /* there is nobody to ask */
};
void gossip_recovery_view(const struct gossip *g, struct gossip_recovery_view *v);

/* The peers that are waited for, the own feeds that are not back: from *at = 0 until false. */
bool gossip_recovery_peer(struct gossip *g, size_t *at, struct node_id *node);
struct gossip_recovery_feed {
	struct log_name log;
	uint64_t held, wanted;
};
bool gossip_recovery_feed(struct gossip *g, size_t *at, struct gossip_recovery_feed *feed);

/* --- looking in ------------------------------------------------------------------------------- */

struct gossip_peer_view {
	bool connected;
	uint64_t received_entries, sent_entries; /* since start */
	uint64_t lag_entries;     /* held here, entitled, and not there as far as we know */
	uint64_t data_bytes;      /* of entries received, wanted and new */
	uint64_t redundant_bytes; /* of DATA that came a second time or unasked */
	bool over_quota;          /* something waits for the next day */
	const struct agreement *const
		*agreements; /* shared and in force; valid until the next event */
	size_t agreements_len;
};
void gossip_peer_view(struct gossip *g, const struct node_id *peer, struct gossip_peer_view *v);

struct gossip_feed_view {
	struct log_name name;
	uint64_t held, seen;
	bool frozen;
	bool has_upstream;
	struct node_id upstream;
};
/* How many peers' durable receipts cover a feed up to size: of those who may have it now. */
unsigned gossip_receipts(const struct gossip *g, const struct log_name *feed, uint64_t size);

/* False when the feed is unknown. */
bool gossip_feed_view(struct gossip *g, const struct log_name *name, struct gossip_feed_view *v);

/* Do two card chains of that origin contradict each other, and nothing has settled it? */
bool gossip_contradicted(const struct gossip *g, const struct node_id *node);

struct gossip_counts {
	size_t sessions, sessions_greeted, feeds, origins;
	bool heads_heard;         /* from a peer that may tell of all our feeds, since start */
	uint64_t origins_ignored; /* introduced by somebody who may not, or beyond a quota */
	uint64_t heads_ignored;
	size_t ingest_bytes;       /* received, not stored yet */
	size_t origins_over_quota; /* introduced ones whose feeds wait for the next day */
};
void gossip_counts(const struct gossip *g, struct gossip_counts *c);

/* The newest incarnation of a known origin; false when it is unknown. */
bool gossip_incarnation(const struct gossip *g, const struct node_id *node, uint64_t *incarnation);

/* The name on a known origin's card; "" when it is unknown. */
const char *gossip_name(const struct gossip *g, const struct node_id *node);

/* The public log key of an incarnation of a known origin; NULL. */
const uint8_t *gossip_log_key(const struct gossip *g, const struct node_id *node,
	uint64_t incarnation);
