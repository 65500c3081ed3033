/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside of the engine, shared by its files only.
 *
 *     engine.c   life, actions, origins, agreements, looking in
 *     session.c  opening, HELLO, entitlement, announcing, time
 *     receive.c  messages
 *     feed.c     where a feed comes from: subscribing, changing over, storing
 *     floor.c    where it begins: floors of neighbours and our own, joining at one
 *     revocation.c  ends of agreements that travel
 *     orphan.c   stored feeds whose origin is not known
 *     aside.c    feeds whose name has another key by a newer card
 *     send.c     where it goes: pushing runs, reduced heads
 *     bodies.c   bodies that are missing, asked for and given
 *     receipt.c  what is held is receipted, and who holds what is ours
 *     witness.c  peers cosign each other's logs of acts
 *     doubt.c    what neighbours say and our trees do not bear out
 *     split.c    proof that an origin signed two histories
 *     settle.c   frozen feeds that a later incarnation calls good, so far
 *     quota.c    what a party may bring in a day
 *     pause.c    the stop button
 *     recover.c  when the node may sign; taking own feeds back
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "base/mark.h"
#include "gossip/engine.h"
#include "merkle/proof.h"
#include "merkle/split.h"
#include "policy/decide.h"
#include "proto/limits.h"
#include "provenance/act.h"

/* A neighbour that is behind the best offer for so long loses the subscription; while it gives of
 * other feeds it has GOSSIP_STALL_MS. */
#define CHANGE_OVER_MS 1000u
/* A neighbour that gives nothing of what it offers, and nobody else offers it, is asked again. */
#define ASK_AGAIN_MS 10000u
/* A source that was left is not chosen again for so long while there is another. */
#define DISTRUST_MS 30000u
/* After the store has failed nothing is asked for during so long. */
#define STORE_RETRY_MS 2000u
/* The same when too much waits for the store, if half of that is not done before; and then until a
 * run finds room. */
#define CROWDED_MS 2000u
/* A session that has not greeted by then is closed. */
#define GREET_MS 10000u
/* By then a session whose line is whole has brought what it was asked for. */
#define ANSWERED_MS 60000u
/* After a lie: neither dialled nor answered. */
#define PENALTY_MS 60000u
/* Bytes of one session on their way to the kernel before pushing waits, beside the one rule that a
 * DATA is only made when the one before is gone: after an agreement has ended at most one message
 * follows. */
#define PUSH_AHEAD (512u * 1024u)
/* Bytes of one session on their way to the kernel before the rest of all heads, and of the cards
 * ahead of them, waits: with thousands of origins they are more than may be queued for a peer. So
 * are the proofs against a few rogue ones. */
#define TELL_AHEAD (1024u * 1024u)
/* Room in a DATA message beside the entries: names, checkpoint, two borders of hashes. */
#define DATA_OVERHEAD 16384u
/* A sending is marked in the provenance log every so many entries, or this long. */
#define MARK_ENTRIES 65536u
#define MARK_MS      60000u
/* A question for bodies that has no answer by then will have none. Who had none of what was asked
 * for is not asked again about the feed for a while, which doubles up to the last; and in one
 * session there is time between two questions. */
#define BODIES_ANSWER_MS    10000u
#define BODIES_AGAIN_MS     5000u
#define BODIES_AGAIN_MS_MAX 320000u
#define BODIES_PAUSE_MS     500u

/* Entries of others, and their packed bytes. */
struct quota_use {
	uint64_t records, bytes;
};

struct quota {
	struct quota_use taken;     /* stored, today */
	struct quota_use in_flight; /* being verified and stored */
	bool spent;                 /* used up today, and entered as such */
	bool waits;                 /* a feed was not asked for because of it */
};

/* A proof of a log of acts that was asked for comes within this time, or there is an alarm. */
#define UNPROVEN_MS 60000u

struct feed;

struct origin {
	struct node_id node;
	struct node_id introduced_by; /* all zero: own, or party of an agreement, or never */
	bool introduced;              /* by that alone: no roster in force lists it */
	bool frozen;                  /* two chains contradict each other, */
	size_t parted;                /* which share so many cards */
	bool rotated; /* its cards are not all of one root: a name may have had another key */
	bool beaten;  /* a chain that the one here beats was seen: some go by its keys */
	struct node_id told_by; /* the chain here, in a session; all zero: files and the store */
	uint32_t serial;
	uint64_t chain_stamp;      /* another with each chain taken */
	char name[PARTY_NAME_MAX]; /* on its card, cut: for people */
	uint8_t receipt_key[32], witness_key[32];
	struct quota quota; /* counts while it is introduced */
	size_t logs_len;
	struct origin_log {
		uint64_t incarnation;
		uint8_t key[32];
	} * logs;
	struct bytes chain; /* as card_chain_write gives it, owned */
	struct bytes rival; /* the first that contradicted it, likewise; data NULL: none has */
	struct feed *feeds; /* of all incarnations */
};

struct session;
struct bodies_ask;
struct bodies_give;

enum sink_state { SINK_NONE, SINK_OPENING, SINK_OPEN };

/* A feed at one neighbour. */
struct link {
	struct session *session;
	struct feed *feed;
	struct link *next_of_feed;
	struct link *next_of_session, *prev_of_session;

	/* as a source */
	bool announced; /* the neighbour has told of it */
	uint64_t peer_held;
	uint64_t peer_floor;
	uint64_t distrust_until_ms;
	uint64_t subscribed_ms; /* last; 0: never */
	uint64_t asked_ms;    /* since when it leads, is asked, and has given nothing; 0: not so */
	unsigned vain;        /* how often it was asked so to join at its floor, in vain */
	struct doubt *doubt;  /* what it has said and is not borne out; NULL: nothing */
	uint64_t same_size;   /* what it has said as another had, where that was looked into; 0: */
	uint8_t same_root[8]; /* nothing */
	uint64_t agrees;      /* up to there its history is ours: what it has said was borne out */
	uint64_t bodies_again_ms; /* not asked for bodies before */
	uint32_t bodies_wait_ms;  /* how long it was left alone for having none */
	/* it has given a run that does not fit: how far it was said to be, and how much was held
	 * here; 0: nothing */
	uint64_t unfit_told, unfit_held;
	bool split_told;       /* either side has told the other of the feed's split view */
	uint32_t splits_heard; /* how often the neighbour has */

	/* as a sink */
	bool told;           /* we have told of it */
	uint64_t head_stamp; /* of the last whole head; see struct session */
	uint64_t told_size;
	uint64_t told_ms;
	bool held_due; /* a reduced head waits for its time */
	enum sink_state sink;
	unsigned entering;    /* openings that are not in the provenance log yet */
	uint64_t opened_from; /* asked for */
	uint64_t next;        /* next entry to push */
	bool given;           /* a run has gone out */
	uint64_t marked;      /* last mark in the provenance log */
	uint64_t marked_ms;
	uint64_t terms_stamp; /* of the entitlement under which it was opened */
	bool ready;           /* open, and there is more to push */

	uint64_t receipt_size; /* receipted in the session */
	uint64_t receipt_ms;
	bool receipt_due; /* a receipt waits for its time */

	struct link *next_ready;
};

/* The newest receipt of a peer. */
struct receipt {
	struct node_id node;
	uint64_t size; /* verified */
	uint64_t kept; /* durable */
};

struct feed {
	struct log_name name;
	uint8_t key[LOG_NAME_BYTES];
	uint8_t log_key[32]; /* that what is here was taken by */
	struct origin *origin;
	struct feed *next_of_origin;
	bool own; /* of this node's incarnation in force: it alone appends here */
	bool frozen;
	bool aside;          /* what was here is another's, and is being put aside */
	unsigned jobs;       /* so many runs are being verified and stored */
	bool cutting;        /* its unsigned tail is being dropped */
	uint64_t guard_size; /* own, while mute: what the guard has; 0: nothing */
	struct hash guard_root;
	uint64_t urgent_until; /* a retraction or an urgent record stands before this index */
	uint64_t held;         /* durable here */
	uint64_t expected;     /* held and what is being verified and stored */
	uint64_t floor;
	uint64_t joining; /* floor that was asked for at upstream, beyond what is here; 0: none */
	uint64_t cut_ms;  /* since when nobody who leads goes on from here; 0: somebody does */
	struct checkpoint complete;    /* newest all of which is held; size 0: none */
	uint64_t completing;           /* a larger one of this size is being kept; 0: none is */
	struct checkpoint seen;        /* newest verified; size 0: none */
	struct checkpoint least;       /* own: smallest shown and not here yet; size 0: none */
	struct checkpoint ground;      /* newest known to contain all that is held; size 0: none */
	bool ground_guessed;           /* since the start: it may be of another history */
	const struct settled *settled; /* what a later incarnation says of it; NULL: nothing */
	struct split *split;           /* proof of a split view; NULL: none is known */
	struct link *links;
	struct link *upstream;
	uint64_t progress_ms; /* last time upstream gave something new, or was chosen */
	uint64_t behind_ms;   /* since when another neighbour is ahead; 0: none is */
	struct feed *next_lagging, *prev_lagging;
	bool lagging;        /* somebody, in doubt or not, offers more than is here or on its way */
	bool lacks;          /* bodies, maybe: in g->lacking */
	bool lacks_known;    /* and the store has said so */
	uint64_t lacks_from; /* those before it have been asked for */
	uint64_t lacks_ms;   /* nobody is asked before */
	bool lacks_fewer;    /* some have come since the first was asked for */
	struct bodies_ask *ask; /* the question that is open; NULL: none */
	struct feed *next_lacking, *prev_lacking;
	struct receipt *receipts; /* of others */
	size_t receipts_len;
	uint64_t receipted_size; /* of this node's newest receipt; 0: none since start */
	struct cosignature receipted;
};

/* Two logs of acts at one session: theirs, and ours as they have been shown it. */
struct witnessing {
	struct checkpoint theirs; /* as they said last; size 0: nothing */
	uint64_t heard_ms;
	bool judged;            /* its signature holds, and it has been compared */
	uint64_t proof_first;   /* a proof from there has been asked for */
	uint64_t asked_ms;      /* at that time; 0: none is awaited */
	struct checkpoint told; /* ours */
	uint64_t told_ms;
	uint32_t answers; /* so many WITNESS may come */
};

/* What this node has cosigned of a peer's log of acts. */
struct watched {
	struct checkpoint newest;  /* durable; size 0: none yet */
	struct checkpoint keeping; /* is with the writer, one at a time; size 0: none is */
	bool rewritten; /* the peer has signed another history: nothing of this log is cosigned */
};

/* What a peer has cosigned of this node's. */
struct cosigner {
	struct checkpoint newest;
	struct checkpoint reported; /* not here; size 0: none */
};

/* The end of an agreement, told by one side to the other. */
struct told_end {
	uint64_t agreement, stamp;
};

struct session {
	uint32_t id;
	struct node_id peer;
	uint8_t binding[16];
	bool greeted; /* their HELLO is here */
	bool heard;   /* and all their heads are, of what both have in force */
	bool closing;
	bool old_card;    /* it has shown an older card of its own than the one here */
	bool own_shown;   /* and what it has of ours is not what is here */
	bool missed;      /* they told of what nobody vouched for here, since they were asked */
	bool ask_heads;   /* what we passed over may be of interest now: ask for the heads again */
	bool telling;     /* them all heads, of which some wait until others are on their way */
	bool splits_wait; /* proofs of split views wait likewise */
	bool tell_heads;  /* tell them the heads again, but for those told since they asked: */
	uint64_t terms_stamp; /* a count of both, another with each head and each TERMS */
	uint64_t data_ms;     /* when the last run that we wanted came, */
	uint64_t done_ms;     /* and when the store had last done with one */
	uint64_t opened_ms;
	struct wire_agreement theirs[WIRE_AGREEMENTS_MAX];
	size_t theirs_len;
	struct told_end ends[WIRE_AGREEMENTS_MAX]; /* that they know, if they can read them */
	size_t ends_len;
	/* Of their own, with which they begin to answer HELLO and TERMS: so many may come of what
	 * they were told so far, and so many come before the heads that count. */
	unsigned cards_open, cards_due;
	uint64_t terms_ms; /* when they were told last */
	uint64_t ends_ms;  /* when they were last told one, */
	uint32_t ends_run; /* and how many since ten seconds without any */
	const struct agreement *shared[WIRE_AGREEMENTS_MAX]; /* in force on both sides */
	size_t shared_len;
	uint64_t shared_stamp; /* changes whenever shared does */
	bool unapplied;        /* it has, and what goes on goes on as before */
	uint64_t told_terms;   /* fingerprint of the list last told to them */
	uint32_t terms_sent;   /* how often they were told, and asked for all heads by it */
	struct map links;      /* by packed feed name */
	struct link *first_link;
	uint64_t sinks_ms;      /* before then no link has anything due */
	struct link *ready;     /* links with something to push, in this order */
	struct map chains_told; /* node id -> chain_stamp, as an integer in the pointer */
	uint64_t credit_out;    /* bytes of DATA they will still take */
	uint64_t window;        /* what we have granted in all: still to come, in work, owed */
	uint64_t credit_in;     /* bytes of DATA we will still take */
	uint64_t credit_owed;   /* taken and stored, not granted again yet */
	size_t unflushed;
	size_t data_unflushed;      /* of these, up to the end of the last DATA */
	uint64_t asks_ms;           /* a window of forty seconds, */
	uint32_t asks;              /* and how often they subscribed or changed terms in it */
	uint64_t dear_ms;           /* a window of ten seconds, */
	uint32_t dear;              /* and what of that costs more than to subscribe in it */
	uint64_t again_ms;          /* a window of ten seconds, */
	uint32_t again;             /* and how often they were asked for a feed again in it */
	uint64_t receipts_ms;       /* a window of ten seconds, */
	size_t receipts;            /* and how many receipts they gave in it */
	struct feed *asked;         /* for bodies of it; NULL: for none */
	struct bodies_ask *late;    /* what it was asked last, if no answer came in time */
	uint64_t bodies_ms;         /* not asked again before */
	struct bodies_give *giving; /* bodies that it has asked for; NULL: none */
	struct witnessing witness;
	struct session *next;
};

/* Totals of a peer over all its sessions. */
struct peer_totals {
	uint64_t received_entries, sent_entries, data_bytes, redundant_bytes;
	uint64_t introduced; /* origins that are known by its word alone */
	struct quota quota;
	bool heard;    /* has told all its heads since it mattered, and may tell of all our feeds */
	bool given_up; /* the operator does not wait for it */
};

/* An agreement that is over for good, with the note that says so (owned). */
struct revoked {
	uint64_t id;
	struct bytes note;
};

struct queued_action {
	struct gossip_action action;
	struct arena arena;
	struct buf message;
	struct queued_action *next;
};

struct gossip {
	struct gossip_config config;
	struct gossip_time now;
	const struct agreement *const *agreements;
	size_t agreements_len;
	const struct roster *const *rosters;
	size_t rosters_len;
	struct revoked *revoked;
	size_t revoked_len;
	uint8_t hash_key[16];
	struct map origins;   /* node id -> struct origin */
	struct map feeds;     /* packed name -> struct feed */
	struct map totals;    /* node id -> struct peer_totals */
	struct map settled;   /* packed name -> struct settled */
	struct map watched;   /* node id -> struct watched */
	struct map cosigners; /* node id -> struct cosigner */
	struct session *sessions;
	struct feed *lagging, *lagging_last; /* who has waited longest first */
	struct feed *lacking, *lacking_next; /* a list, and where a walk through it goes on */
	struct doubt *doubts, *doubt_next;   /* a list, and where a walk through it goes on */
	unsigned reads_left, asks_left;      /* for doubts, until the next tick */
	size_t splits;                       /* feeds with one */
	struct queued_action *first, *last, *current;
	struct checkpoint provenance;
	struct checkpoint shown; /* of these, the one that peers are shown for a while */
	uint64_t shown_ms;
	uint64_t shown_acts;     /* witnessed_acts then */
	uint64_t witnessed_acts; /* so many of its entries say that a peer has cosigned it */
	uint64_t stamp;
	uint64_t store_retry_ms; /* the store has failed: take nothing before this, */
	bool store_doubted;      /* and one feed alone until something is stored again */
	uint64_t crowded_ms;     /* too much waits for it, and nothing is asked for */
	bool crowded;            /* since then */
	uint64_t second_ms;      /* last time the slow part of the tick ran */
	size_t ingest_bytes;
	uint64_t origins_ignored, heads_ignored;
	bool heads_heard;
	int64_t quota_day; /* UTC day that quotas count; 0: before the first tick */
	bool origins_wait; /* one of them, at least */
	size_t origins_over_quota;
	struct gossip_pause pause; /* peers owned */
	bool refusing;             /* the store cannot take anything */
	struct orphan *orphans;    /* stored feeds of origins that are not known */
	struct {
		enum gossip_recovery state;
		const char *rule, *why;
		uint64_t incarnation; /* the one in force */
		uint64_t started_ms, quiet_ms;
		unsigned recoveries; /* in this life */
		bool started, may_seal, has_signed;
		bool conflict, confirmed;
		int64_t heard_s; /* UTC: since then all who had more have said so; 0: never */
		int64_t heard_offset_ms; /* wall minus monotonic, by the clock of then */
		uint64_t *terms;         /* ids of agreements whose parties were to say so, */
		size_t terms_len;        /* or that have come since */
		uint64_t *late;          /* those for which alone it is mute; none: for all */
		size_t late_len;
		/* Parties of agreements that were in force when the store was left. */
		struct node_id *former;
		size_t former_len;
	} recovery;
	struct arena scratch; /* of one event */
};

/* --- engine.c --------------------------------------------------------------------------------- */
struct queued_action *action_new(struct gossip *g, enum gossip_action_type type);
void send_message(struct gossip *g, struct session *s, const struct wire_message *m);
void close_session(struct gossip *g, struct session *s, enum wire_bye_reason reason,
	const char *why, uint32_t penalty_ms);
void enter_act(struct gossip *g, struct session *s, enum act act, const struct feed *f,
	uint64_t from, uint64_t to, bool wait);
void raise_alarm(struct gossip *g, const char *rule, const char *text, const struct node_id *peer,
	const struct log_name *feed);
struct origin *origin_find(const struct gossip *g, const struct node_id *node);
/* Whose log it is; NULL while nobody vouches for it: the node is not known, or not by a card that
 * names the incarnation. */
struct origin *origin_of(const struct gossip *g, const struct log_name *log);
const uint8_t *origin_key(const struct origin *o, uint64_t incarnation);
/* Takes a chain: 0 known or accepted, ENT_EDENIED ignored, ENT_EPROOF contradicts (frozen).
 * told_by: whose session it came in; NULL: from the files or the store. */
int origin_learn(struct gossip *g, const struct card_chain *chain,
	const struct node_id *introduced_by, const struct node_id *told_by, bool *news);
struct feed *feed_find(const struct gossip *g, const struct log_name *name);
struct feed *feed_need(struct gossip *g, const struct log_name *name, struct origin *origin);
void feed_load(const struct gossip *g, struct feed *f, uint64_t size, uint64_t floor,
	const struct checkpoint *held, const struct checkpoint *seen, bool frozen);
struct peer_totals *peer_totals(struct gossip *g, const struct node_id *peer);

/* --- orphan.c --------------------------------------------------------------------------------- */
/* ENT_ENOTFOUND: it is kept for later. */
int orphan_keep(struct gossip *g, const struct log_name *name, uint64_t size, uint64_t floor,
	const struct checkpoint *held, const struct checkpoint *seen, bool frozen);
/* The same of a proof against it. */
int orphan_split(struct gossip *g, const struct split *split);
bool orphan_is(const struct gossip *g, const struct log_name *name);
/* The store has given up what lies before. */
void orphan_floor(struct gossip *g, const struct log_name *name, uint64_t floor);
/* The origin is known, or known better, from now on. */
void orphans_adopt(struct gossip *g, struct origin *origin);
void orphans_free(struct gossip *g);

/* --- aside.c ---------------------------------------------------------------------------------- */
/* The chain names another key for the feed than the one by which what is here was taken. */
void feed_aside(struct gossip *g, struct feed *f);
/* At start, what the store has of it: is it of the key that the chain names? */
void feed_aside_stored(struct gossip *g, struct feed *f);
/* A run is no longer on its way. True: it was of what is being put aside. */
bool feed_aside_run(struct gossip *g, struct feed *f);

/* --- session.c -------------------------------------------------------------------------------- */
struct session *session_find(const struct gossip *g, uint32_t id);
bool may_send(const struct gossip *g, const struct session *s, const struct log_name *feed);
/* The same, paused or not: what has gone out before is out. */
bool may_have(const struct gossip *g, const struct session *s, const struct log_name *feed);
/* By the agreements in force here, whether the peer is there or not. */
bool entitled(const struct gossip *g, const struct node_id *peer, const struct log_name *feed);
bool may_take(const struct gossip *g, const struct session *s, const struct log_name *feed);
struct link *link_find(const struct session *s, const struct feed *f);
struct link *link_need(struct gossip *g, struct session *s, struct feed *f);
/* True when this has changed what both sides have in force. */
bool session_terms(struct gossip *g, struct session *s, const struct wire_agreement *list,
	size_t len);
/* Has the peer in force whatever this node has with it? Else it passes over some of our feeds. */
bool session_may_tell_all(const struct gossip *g, const struct session *s);
void session_review(struct gossip *g, struct session *s);
/* An agreement is over, in all sessions. */
void sessions_end(struct gossip *g, uint64_t agreement);
/* They want to hear what they may have passed over. */
void session_ask(struct gossip *g, struct session *s);
/* What may be sent and taken has changed. */
void session_apply(struct gossip *g, struct session *s);
void session_announce_all(struct gossip *g, struct session *s);
void chain_tell_news(struct gossip *g, const struct origin *o);
void feed_announce(struct gossip *g, struct feed *f);
void session_announce(struct gossip *g, struct session *s, struct feed *f);
void session_free(struct gossip *g, struct session *s);

void chain_tell(struct gossip *g, struct session *s, const struct origin *o);
/* May a feed of the origin pass between the two, in one direction or the other? Then a card may. */
bool card_concerns(const struct gossip *g, const struct session *s, const struct origin *o);
/* Another chain, which s has shown, contradicts that of the origin: everybody who has the one hears
 * of the other. */
void chain_contradicted(struct gossip *g, struct session *s, struct origin *o,
	const struct card_chain *rival);

/* --- bodies.c --------------------------------------------------------------------------------- */
/* Nothing of it is here any more. */
void bodies_forget(struct gossip *g, struct feed *f);
/* Bodies of it may be missing: the store is to be asked. */
void bodies_suspect(struct gossip *g, struct feed *f);
/* The same of all incarnations of it: an erasure in a later one takes from the others. */
void bodies_suspect_all(struct gossip *g, struct feed *f);
void bodies_tick(struct gossip *g);
void on_bodies(struct gossip *g, struct session *s, struct wire_bodies *m, size_t wire_bytes);
void bodies_stored(struct gossip *g, const struct ingest_job *job, bool durable);
void on_bodies_want(struct gossip *g, struct session *s, const struct wire_bodies_want *want);
/* An act about the feed is durable: true if it was that of giving bodies. */
bool bodies_entered(struct gossip *g, struct link *l);
/* Gives them, when nothing else is on its way to the kernel. */
void bodies_push(struct gossip *g, struct session *s);
void bodies_closed(struct session *s);
void bodies_free(struct feed *f);

/* --- receipt.c -------------------------------------------------------------------------------- */
bool receipt_concerns(const struct gossip *g, const struct link *l);
/* Gives what is due and may be given. */
void link_receipt(struct gossip *g, struct link *l);
uint64_t receipt_due_ms(const struct link *l);
void on_receipt(struct gossip *g, struct session *s, const struct wire_receipt *m);
bool checkpoint_same(const struct checkpoint *a, const struct checkpoint *b);
int cosignature_check(struct gossip *g, const struct node_id *peer, bool witness,
	const struct cosignature *s, const struct checkpoint *c);

/* --- witness.c -------------------------------------------------------------------------------- */
void witness_hear(struct gossip *g, struct session *s, const struct log_name *log,
	const struct wire_checkpoint *c);
/* The card of that peer is another: what it has shown may be judged now. */
void witness_consider(struct gossip *g, const struct node_id *peer);
/* The checkpoint of the own log of acts that the peer is shown now. */
const struct checkpoint *witness_show(struct gossip *g, struct session *s);
void witness_tick(struct gossip *g, struct session *s);
void witness_kept(struct gossip *g, const struct node_id *node, const struct checkpoint *c,
	bool durable);
void witness_proof_want(struct gossip *g, struct session *s, const struct wire_proof_want *want);
void on_witness_want(struct gossip *g, struct session *s, const struct wire_witness_want *m);
void on_witness_proof(struct gossip *g, struct session *s, const struct wire_proof *m);
void on_witness(struct gossip *g, struct session *s, const struct wire_witness *m);

/* --- revocation.c ----------------------------------------------------------------------------- */
bool revoked(const struct gossip *g, uint64_t id);
void revoked_free(struct gossip *g);
/* Sends what they do not know of the agreements that they name. */
void revocations_tell(struct gossip *g, struct session *s);
/* NULL, or how the peer has misbehaved. */
const char *revocation_heard(struct gossip *g, struct session *s, struct bytes note);

/* --- receive.c -------------------------------------------------------------------------------- */
uint64_t credit_window(const struct gossip *g);
void credit_return(struct gossip *g, struct session *s, size_t bytes);
void misbehaved(struct gossip *g, struct session *s, const char *what);
/* The same of who shows what no key of the origin's chain here has signed: but it may go by a chain
 * that contradicts that one, or that is beaten, of which it is told. */
void not_signed(struct gossip *g, struct session *s, const struct origin *o, const char *what);
/* Subtrees of a stored log, for proofs; ctx: struct log_tree. */
struct log_tree {
	const struct gossip *g;
	const struct log_name *log;
};
proof_subtree log_subtree;
/* The root of a stored log at size; ENT_ENOTFOUND when it is not so long. */
int log_root(const struct gossip *g, const struct log_name *log, uint64_t size, struct hash *root);
bool asks_too_often(struct gossip *g, struct session *s);
/* The same of what takes so much of GOSSIP_DEAR_MAX. */
bool asks_too_dearly(struct gossip *g, struct session *s, uint32_t cost);
/* The roster in force that lists the node; NULL. Without a chain: that names it. */
const struct roster *roster_of(const struct gossip *g, const struct node_id *node,
	const struct card_chain *chain);

/* --- feed.c ----------------------------------------------------------------------------------- */
void feed_offer(struct gossip *g, struct link *l, uint64_t peer_held);
void feed_choose(struct gossip *g, struct feed *f);
/* May what the neighbour has be asked for now? */
bool link_may_ask(const struct gossip *g, const struct link *l);
/* Makes it the feed's upstream. */
void link_ask(struct gossip *g, struct link *l, uint64_t from);
bool feed_leads(const struct gossip *g, const struct link *l);
/* It has given a run that does not fit what is held here. */
void link_unfit(struct gossip *g, struct link *l);
void feed_leave(struct gossip *g, struct feed *f, bool say);
void feed_unlag(struct gossip *g, struct feed *f);
void feed_grown(struct gossip *g, struct feed *f);
/* A neighbour has shown a signed checkpoint: if all of it is held here, though it lies below the
 * one that what came last stood under, it can be shown to others too. */
void feed_complete(struct gossip *g, struct feed *f, const struct checkpoint *c);
void feeds_tick(struct gossip *g);
void feed_freeze(struct gossip *g, struct session *s, struct feed *f);
/* It sent what it cannot account for. */
void peer_lied(struct gossip *g, struct session *s, const struct log_name *feed, const char *what);
/* The same as far as one can tell: for a minute it has not answered for it. */
void peer_silent(struct gossip *g, struct session *s, const struct log_name *feed);
/* Every feed of an origin whose cards contradict each other. */
void origin_freeze(struct gossip *g, struct session *s, const struct origin *o);

/* --- floor.c ---------------------------------------------------------------------------------- */
/* Does the neighbour still have what comes next here? */
bool link_continues(const struct link *l);
/* Asked for longer than it is given, and nothing came. */
bool link_in_vain(const struct gossip *g, const struct link *l);
/* Asks to join at a floor, when all who lead have one beyond what is here, and have had time. */
void floor_consider(struct gossip *g, struct feed *f);
/* Is this the run that joins? */
bool floor_joins(const struct feed *f, const struct wire_data *data);
/* It is stored: what was here before is no longer. */
void floor_joined(struct gossip *g, struct feed *f, uint64_t floor);
/* Ends a sending that the floor has overtaken; true when it had. */
bool floor_overtakes(struct gossip *g, struct link *l);

/* --- send.c ----------------------------------------------------------------------------------- */
void sink_open(struct gossip *g, struct link *l, uint64_t from);
void sink_close(struct gossip *g, struct link *l);
void session_push(struct gossip *g, struct session *s);
/* Does the subscriber hear of what is here by what comes? One that stands beyond it does not, and
 * may stand in another history. */
bool sink_gives(const struct link *l);
void sink_ready(struct link *l);
void sink_unready(struct link *l);
void link_held(struct gossip *g, struct link *l);
void sinks_tick(struct gossip *g, struct session *s);
/* At a tick from then on the session's links are looked at: one has something due. */
static inline void sinks_by(struct session *s, uint64_t ms)
{
	if (s->sinks_ms > ms)
		s->sinks_ms = ms;
}

/* --- quota.c ---------------------------------------------------------------------------------- */
/* The day's quota of the neighbour or of the feed's origin is used up. */
bool quota_spent(const struct gossip *g, const struct session *s, const struct feed *f);
/* It is, and another day there is one: there may be none on any. */
bool quota_ends(const struct gossip *g, const struct session *s, const struct feed *f);
/* If a quota keeps who has more of the feed from being asked, what ends that is watched for. */
void quota_notice(struct gossip *g, struct feed *f);
/* All feeds are looked at anew. */
void feeds_resume(struct gossip *g);
/* Gives up what the session may bring no more of today; f: whose run has come. */
void quota_wait(struct gossip *g, struct session *s, struct feed *f);
void quota_on_its_way(struct gossip *g, struct session *s, struct feed *f,
	const struct ingest_job *job);
void quota_arrived(struct gossip *g, const struct feed *f, const struct ingest_job *job,
	bool stored);
/* Bodies that came later, stored. */
void quota_bodies(struct gossip *g, const struct feed *f, const struct node_id *peer, size_t bytes);
void quota_tick(struct gossip *g);

/* --- pause.c ---------------------------------------------------------------------------------- */
bool paused(const struct gossip *g, const struct session *s, const struct log_name *feed,
	enum door door);

/* --- recover.c -------------------------------------------------------------------------------- */
/* A checkpoint of an own feed, its signature verified; s: NULL if that session is over. */
void recover_shown(struct gossip *g, struct session *s, struct feed *f, const struct checkpoint *c);
/* Two histories of an own feed are signed; peer may be NULL. */
void recover_conflict(struct gossip *g, const struct node_id *peer, const struct feed *f);
/* The store does not take back what goes on from all that is known to stand there: more does, which
 * was committed when the node went mute and so was never signed. True when that is being cut. */
bool recover_misfit(struct gossip *g, struct feed *f, uint64_t start);
bool recover_takes(const struct gossip *g, const struct feed *f);
void recover_stored(struct gossip *g, struct feed *f);
/* More of an own feed is here under a checkpoint: what was shown may be compared with it. */
void recover_grown(struct gossip *g, struct feed *f);
/* All heads of a session are here. */
void recover_heard(struct gossip *g, struct session *s);
/* They are, and terms may have changed since. */
void recover_hear(struct gossip *g, struct session *s);
/* Agreements have come or gone. */
void recover_terms(struct gossip *g);
void recover_incarnation(struct gossip *g, const struct origin *self);
void recover_tick(struct gossip *g);
/* Of former agreements nothing is remembered any more. */
void recover_free(struct gossip *g);

/* --- former.c --------------------------------------------------------------------------------- */
/* Agreements of which the node itself is a party: in force now, or in a second; some begin then. */
bool terms_in_force(const struct gossip *g, const struct agreement *a);
bool terms_begun_soon(const struct gossip *g, const struct agreement *a);
bool terms_come(const struct gossip *g);
/* Have its parties been heard, or is nothing of a former life under it? */
bool terms_known(const struct gossip *g, uint64_t id);
/* Adds those in force; anew: without the others. */
void terms_note(struct gossip *g, bool anew);
/* Was it, or a version of it, in force in a life that is lost? */
bool terms_former(const struct gossip *g, const struct agreement *a);
/* All have been heard now; or so it was before this life, if ever. */
void terms_heard(struct gossip *g);
void terms_start(struct gossip *g);

/* --- doubt.c ---------------------------------------------------------------------------------- */
/* A neighbour has told of a root, or shown a checkpoint; verified: its signature holds. */
void split_claim(struct gossip *g, struct link *l, uint64_t size, const uint8_t root[8]);
void split_checkpoint(struct gossip *g, struct link *l, const struct checkpoint *c, bool verified);
/* More is held: what lay ahead may be within reach. */
void split_grown(struct gossip *g, struct feed *f);
/* A run does not lead from our tree to its checkpoint, which is signed. True: it is looked into,
 * and the neighbour not to blame yet. */
bool split_run(struct gossip *g, struct session *s, struct feed *f, const struct ingest_job *job);
void splits_tick(struct gossip *g);
void doubt_free(struct gossip *g, struct link *l);
/* The neighbour shows nothing any more: others who have said the same may. */
void doubt_pass_on(struct gossip *g, struct link *l);
/* What was here is no longer: what did not fit it is no lie any more. */
void doubts_rejoin(const struct feed *f);
/* Has it been asked about a run that did not fit, and has not answered? */
bool doubt_waits(const struct link *l);
void on_proof(struct gossip *g, struct session *s, const struct wire_proof *p);
void on_proof_want(struct gossip *g, struct session *s, const struct wire_proof_want *want);

/* --- settle.c --------------------------------------------------------------------------------- */
/* A feed is new here: has anything been said of it? */
void feed_settle(const struct gossip *g, struct feed *f);
/* It is frozen below what is good of it. */
bool feed_thaws(const struct feed *f);
/* So many of its entries are good, as far as is known; of one that is frozen maybe none. */
uint64_t feed_good(const struct feed *f);
/* May a run under that checkpoint be taken? */
bool feed_takes(const struct feed *f, const struct wire_checkpoint *c);
/* May the neighbour have such a run? Of a feed that is not frozen it may. */
bool link_thaws(const struct link *l);
void link_no_thaw(struct gossip *g, struct link *l);

/* --- split.c ---------------------------------------------------------------------------------- */
/* Who may see the feed: from us, or by giving it to us. */
bool may_see(const struct gossip *g, const struct session *s, const struct feed *f);
/* Two checkpoints, and the hashes for their sizes where these differ; somebody's word, s, has led
 * to them. False: they prove nothing. */
bool split_prove(struct gossip *g, struct session *s, struct feed *f, const struct checkpoint *a,
	const struct checkpoint *b, const struct hash *hashes, size_t hashes_len);
/* A signed checkpoint that is not a prefix of our tree, of a size that it has reached. */
bool split_prove_own(struct gossip *g, struct session *s, struct feed *f,
	const struct checkpoint *c);
/* A proof that the store has: at the start, or when its origin is known again. */
int split_load(struct gossip *g, struct feed *f, const struct split *split);
/* Tells a session of every split view that it may know of and does not yet. */
void split_tell_all(struct gossip *g, struct session *s);
void on_split(struct gossip *g, struct session *s, const struct wire_split *w);
