/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What nodes hand over, verified (docs/AUDIT.md): bundles of several parties, held against
 * themselves and against each other, into findings. Everything is read twice: once for what people
 * signed and for what anybody has signed about a log (load.c), once for the entries, in order
 * (walk.c), so that memory does not grow with them. One thread, files only: nothing here opens a
 * socket or a store. entente-audit asks further (node/audit), `entente audit check` asks no more.
 *
 *     file.c     a bundle as a file, frame by frame
 *     load.c     bundles: digest, cards, agreements, checkpoints, cosignatures, erasures
 *     signed.c   whose signature is whose: cards, agreements, checkpoints, cosignatures
 *     walk.c     logs: entries to roots, what others have signed of them, each feed's own rules
 *     account.c  the log of acts of one node, replayed
 *     terms.c    what it had in force, and what that allowed
 *     rosters.c  by which lists it took origins
 *     between.c  what one party says against what the other says
 *     print.c    findings, for people and as JSON
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/map.h"
#include "keys/agreement.h"
#include "keys/card.h"
#include "keys/roster.h"
#include "merkle/split.h"
#include "policy/decide.h"
#include "proto/codec.h"
#include "provenance/act.h"
#include "provenance/bundle.h"
#include "provenance/sentence.h"

#define AUDIT_BUNDLES_MAX 256u
#define AUDIT_NODES_MAX   (2u * GOSSIP_ORIGINS_MAX)
/* Versions of agreements, and revocations, of all bundles together. */
#define AUDIT_TEXTS_MAX 16384u
/* Of one rule and node so many findings are told one by one; the others are counted. */
#define AUDIT_SHOWN_MAX 20u
/* Clocks of honest nodes differ by less, and what is under way settles sooner. */
#define AUDIT_SLACK_MS (5 * 60 * 1000)
/* I10: what was in flight when an agreement ended. */
#define AUDIT_GRACE_MS (60 * 1000)
/* What one node had durable another may not have signed yet when its bundle was made. */
#define AUDIT_FRESH_MS (10 * 1000)

enum { AUDIT_CLEAN = 0, AUDIT_FOUND = 1, AUDIT_USAGE = 2, AUDIT_UNREADABLE = 6 };

/* A breach is proven from what was handed over; a gap is one that the node itself declares; a note
 * is what a reader should know. */
enum audit_class { AUDIT_BREACH, AUDIT_GAP, AUDIT_NOTE };

/* check: which line of `check` it belongs to. */
#define AUDIT_RULES(X)                                                                             \
	X(CHAIN_BROKEN, BREACH, CARDS, "card-chain-broken", "a chain of cards does not hold")      \
	X(CHAINS_CONTRADICT, BREACH, CARDS, "card-chains-contradict",                              \
		"two chains of cards of one node contradict each other")                           \
	X(ROOT_OTHER, BREACH, CARDS, "root-other", "its first root is not the one that was given") \
	X(ROOT_TAKEN, NOTE, CARDS, "root-taken-from-bundle",                                       \
		"its root was not given: it is taken from the bundles")                            \
	X(NO_CARD, BREACH, CARDS, "no-card", "no card names the key under which it signs")         \
	X(AGREEMENT_BROKEN, BREACH, AGREEMENTS, "agreement-broken",                                \
		"the text of an agreement, or a signature under it, does not hold")                \
	X(AGREEMENT_MISSING, BREACH, AGREEMENTS, "agreement-missing",                              \
		"an agreement was in force whose text, signed by all, is not here")                \
	X(AGREEMENT_TWO, BREACH, AGREEMENTS, "agreement-two-texts",                                \
		"two texts of one agreement bear the same serial")                                 \
	X(AGREEMENT_ROOT, BREACH, AGREEMENTS, "agreement-root",                                    \
		"an agreement names a root that is none of the party's")                           \
	X(AGREEMENT_TIME, BREACH, AGREEMENTS, "agreement-out-of-time",                             \
		"an agreement was taken for in force outside its time")                            \
	X(REVOCATION_BROKEN, BREACH, AGREEMENTS, "revocation-broken",                              \
		"a revocation does not hold: no party's root has signed it")                       \
	X(ROSTER_BROKEN, BREACH, AGREEMENTS, "roster-broken",                                      \
		"a roster does not hold: its text, or too few signatures under it")                \
	X(ROSTER_MISSING, BREACH, AGREEMENTS, "roster-missing",                                    \
		"a roster was in force whose text, signed by as many as it wants, is not here")    \
	X(ROSTER_ROOT, BREACH, AGREEMENTS, "roster-root",                                          \
		"a roster names a root that is none of the signer's")                              \
	X(CHECKPOINT_BAD, BREACH, SIGNATURES, "checkpoint-signature",                              \
		"a checkpoint is not signed by the key of its incarnation")                        \
	X(COSIGNATURE_BAD, BREACH, SIGNATURES, "cosignature-forged",                               \
		"a cosignature is not made by a key of whom it names")                             \
	X(KEY_RETIRED, BREACH, SIGNATURES, "key-retired",                                          \
		"a cosignature is made by a key that had been replaced")                           \
	X(ROOT_MISMATCH, BREACH, TREES, "root-mismatch",                                           \
		"the entries do not lead to the signed root")                                      \
	X(ENTRY_MISMATCH, BREACH, TREES, "entry-mismatch",                                         \
		"salt and body of an entry do not match its commitment")                           \
	X(SPLIT_VIEW, BREACH, TREES, "split-view", "its key has signed two histories of one feed") \
	X(NOT_SIGNED, NOTE, TREES, "not-signed", "a log, or its end, is not signed yet")           \
	X(FROZEN, NOTE, TREES, "frozen", "a feed is frozen")                                       \
	X(REWRITTEN, BREACH, WITNESSES, "history-rewritten",                                       \
		"its log of acts is not the one that was witnessed")                               \
	X(TRUNCATED, BREACH, WITNESSES, "history-truncated",                                       \
		"a log of its own ends before what it has signed")                                 \
	X(HISTORY_HIDDEN, BREACH, WITNESSES, "history-hidden",                                     \
		"a log of acts was witnessed that is not handed over")                             \
	X(UNWITNESSED, NOTE, WITNESSES, "unwitnessed",                                             \
		"no peer has cosigned its log of acts in what is here")                            \
	X(EPOCH_MISSING, BREACH, ACTS, "epoch-missing",                                            \
		"a new log of acts does not say where the former one ended")                       \
	X(EPOCH_OTHER, BREACH, ACTS, "epoch-other",                                                \
		"a new log of acts cites another end of the former one")                           \
	X(ACT_OUTSIDE, BREACH, ACTS, "act-outside",                                                \
		"a log of acts has entries that are no acts, or is not of its own node")           \
	X(RESTORED, GAP, ACTS, "restored", "it was restored, and says so")                         \
	X(ACTS_LOST, GAP, ACTS, "acts-lost",                                                       \
		"it says that it was set back, and something of its own is lost")                  \
	X(ACTS_BEFORE, GAP, ACTS, "acts-before",                                                   \
		"its acts before the first one here are not handed over")                          \
	X(CRASHED, NOTE, ACTS, "ended-without-stop", "it started anew without having stopped")     \
	X(ACT_UNKNOWN, NOTE, ACTS, "act-unknown", "an act that this program does not know")        \
	X(CLOCK_BACK, BREACH, CLOCK, "clock-back",                                                 \
		"its times go back, and no clock step is entered")                                 \
	X(TIME_CONTRADICTED, BREACH, CLOCK, "time-contradicted",                                   \
		"others have signed that it was earlier than it says")                             \
	X(CLOCK_STEP, NOTE, CLOCK, "clock-step", "its clock was set")                              \
	X(SESSION_UNKNOWN, BREACH, SESSIONS, "session-unknown",                                    \
		"an act names a session that was never opened")                                    \
	X(SESSION_FORBIDDEN, BREACH, SESSIONS, "session-forbidden",                                \
		"a session without an agreement in force")                                         \
	X(SESSION_CUT, NOTE, SESSIONS, "session-without-end", "sessions whose end is not entered") \
	X(SENT_FORBIDDEN, BREACH, SENDING, "sent-forbidden",                                       \
		"it sent what no agreement in force then let it send")                             \
	X(SENT_TERMS, BREACH, SENDING, "sent-under-other-terms",                                   \
		"it sent under an agreement that was not in force there then")                     \
	X(SENT_NOT_HELD, BREACH, SENDING, "sent-before-held",                                      \
		"it says it sent what it did not hold yet")                                        \
	X(SENT_UNOPENED, BREACH, SENDING, "sent-unopened", "a sending that was never opened")      \
	X(SENDING_HIDDEN, BREACH, SENDING, "sending-hidden",                                       \
		"another says it has from it what it does not say it sent: one of the two is "     \
		"false")                                                                           \
	X(SENT_ERASED, BREACH, SENDING, "sent-after-erased",                                       \
		"it says it sent bodies that were erased before")                                  \
	X(SENT_LATE, NOTE, SENDING, "not-handed-over-yet",                                         \
		"it came to another after this bundle was made")                                   \
	X(RECEIVED_FORBIDDEN, BREACH, RECEIVING, "received-forbidden",                             \
		"it took what no agreement in force then let it take")                             \
	X(RECEIVED_GAP, BREACH, RECEIVING, "received-gap",                                         \
		"a range came, and what lies before it did not")                                   \
	X(TAKEN_UNLISTED, BREACH, RECEIVING, "taken-unlisted",                                     \
		"it took an origin by a roster that did not list it, or did not count then")       \
	X(UNACCOUNTED, BREACH, RECEIVING, "unaccounted",                                           \
		"it holds entries and does not say how they came")                                 \
	X(RECEIPT_UNTRUE, BREACH, RECEIVING, "receipt-without-receiving",                          \
		"it has receipted what it does not say it received")                               \
	X(JOINED, GAP, RECEIVING, "joined-at-floor",                                               \
		"it joined a feed at a floor: before it consistency is unproven")                  \
	X(PUBLISHED_FORBIDDEN, BREACH, PUBLISHING, "published-forbidden",                          \
		"an entry stands in a feed where its marking or type may not")                     \
	X(PUBLISHED_TWICE, BREACH, PUBLISHING, "published-over",                                   \
		"it published into a place that was taken")                                        \
	X(ERASURE_FAKED, BREACH, ERASURE, "erasure-faked",                                         \
		"it says a body is erased, and holds it")                                          \
	X(ERASURE_LATE, BREACH, ERASURE, "erasure-late",                                           \
		"an erasure was not carried out within the agreed time")                           \
	X(KEPT_BEYOND, BREACH, ERASURE, "kept-after-end",                                          \
		"it holds bodies beyond the time that agreements leave them after their end")      \
	X(ERASURE_PENDING, NOTE, ERASURE, "erasure-pending", "an erasure is not carried out yet")  \
	X(BODY_MISSING, NOTE, ERASURE, "body-missing", "bodies are absent that no erasure covers") \
	X(SCOPE, NOTE, SCOPE, "not-handed-over", "a party whose bundle is not here")

#define AUDIT_CHECKS(X)                                                                            \
	X(CARDS, "cards", "chains of cards, and the roots under them")                             \
	X(AGREEMENTS, "agreements", "texts, signatures of all parties, times")                     \
	X(SIGNATURES, "signatures", "checkpoints and cosignatures, key by key")                    \
	X(TREES, "trees", "every entry under its signed root, one history of each log")            \
	X(WITNESSES, "witnesses", "the logs of acts are those that peers have cosigned")           \
	X(ACTS, "acts", "logs of acts without holes that are not declared")                        \
	X(CLOCK, "clock", "times run forward and agree with what others signed")                   \
	X(SESSIONS, "sessions", "every session under an agreement in force")                       \
	X(SENDING, "sending", "everything sent was allowed, held, and entered")                    \
	X(RECEIVING, "receiving", "everything held came in a way that is entered")                 \
	X(PUBLISHING, "publishing", "markings and types are those of the feed")                    \
	X(ERASURE, "erasure", "erasures carried out, in time, and truly")                          \
	X(SCOPE, "scope", "what was not handed over")

enum audit_check {
#define X(name, text, sentence) CHECK_##name,
	AUDIT_CHECKS(X)
#undef X
		CHECK_COUNT
};

enum audit_rule {
#define X(name, class, check, text, sentence) FOUND_##name,
	AUDIT_RULES(X)
#undef X
		FOUND_COUNT
};

struct finding {
	enum audit_rule rule;
	struct node_id node; /* whose; zeros: nobody's */
	bool has_log;
	struct log_name log;
	uint64_t from, to; /* entries */
	int64_t when_ms;   /* 0: no moment */
	char *text;        /* what was seen; NULL: nothing more */
	uint64_t more;     /* so many of the kind are not told one by one */
};

/* --- what was handed over --------------------------------------------------------------------- */

struct party {
	struct node_id node;
	struct card_chain chain; /* the newest; cards_len 0: none is here */
	bool pinned;
	struct account *account; /* of its bundle; NULL: none is here */
};

/* A revocation as it was shown; judged when all agreements and cards are read. */
struct revoking {
	struct bytes note;
	struct node_id shown_by;
};

struct text {
	struct agreement agreement;
	struct bytes note;
	bool good; /* signed by all, under roots of their chains */
};

struct roster_text {
	struct roster roster;
	struct bytes note;
	struct node_id shown_by;
	bool good; /* signed by as many as it wants, under roots of their chains */
};

/* A signed checkpoint of a log and who shows it. Sorted by log and size after loading. */
struct claim {
	struct checkpoint checkpoint;
	uint8_t log[LOG_NAME_BYTES];
	struct node_id by; /* who has cosigned it; zeros: the log's own */
	uint64_t time;     /* of the cosignature, s; 0: none */
	uint8_t cosignature[64];
	bool differs, witness; /* witness: kept by the witness itself */
	bool signed_by_log;
	uint32_t serial; /* of the newest card whose key made the cosignature; 0: none */
	size_t bundle;   /* that shows it */
};

/* The last erasure of an object, as a bundle has it. */
struct erasure {
	struct log_name log;
	uint64_t index;
};

struct section {
	struct bundle_log log;
	long at; /* place of its frame in the file */
};

/* An agreement that a node had in force. Moments are counted by acts, since clocks are set. */
struct term {
	struct wire_agreement ref;
	const struct text *text;   /* NULL: not here */
	uint64_t from, until;      /* so many acts before it came, and ended; until 0: it has not */
	int64_t from_ms, until_ms; /* the times of these */
	int64_t revoked_ms;        /* a peer has brought its revocation; 0: none has */
	bool asleep;               /* the node has started anew, and not yet said that it counts */
};

struct roster_term {
	struct wire_agreement ref;
	const struct roster_text *text; /* NULL: not here */
	int64_t until_ms;               /* 0: it counts */
	bool asleep, replaced;
};

/* How a stretch of a log came to be here. */
struct span {
	uint64_t from, to;
};

struct holding {
	struct log_name log;
	uint64_t held;
	uint64_t floor;  /* as acts say it has been moved, or joined at */
	int64_t last_ms; /* when it last grew */
	bool known;      /* held is known, not only assumed */
	size_t spans_len, spans_cap;
	struct span *spans;
};

struct session {
	struct node_id peer;
	int64_t opened_ms;
	bool open;
};

/* What an act tells of a range of a log, as it is kept for later. */
struct said {
	uint8_t session[ACT_ID_BYTES];
	struct node_id peer;
	struct log_name log;
	uint64_t index, from, to; /* index: of the act */
	uint64_t count;           /* bodies that went by themselves; 0: entries */
	int64_t when_ms, until_ms;
};

enum kept {
	KEPT_SENT,      /* to a peer whose bundle is here: there is something to compare it with */
	KEPT_RECEIVED,  /* from such a peer; until: when the last of it came */
	KEPT_BODIES,    /* sent by themselves */
	KEPT_ERASED,    /* its erasures there are carried out */
	KEPT_AFTER_END, /* it may hold no bodies there; until: they are gone; 0: nothing says so */
	KEPT_LOST,   /* a former log of acts up to what is still here, between the times around */
	KEPT_KEYS,   /* an own card that brought new keys; count: its serial */
	KEPT_FORMER, /* an own feed that another follows */
	KEPT_COUNT
};

struct saids {
	size_t len, cap;
	struct said **list;
};

/* The acts of one node, replayed. */
struct account {
	struct audit *audit;
	struct bundle *bundle;
	struct node_id self;
	int64_t now_ms, first_ms, clock_ms; /* of the act at hand; of the first; the highest seen */
	bool lenient;                       /* it begins in the middle */
	bool running, restored;
	struct log_name acts_log;
	uint64_t index;              /* of the act at hand */
	size_t terms_len, terms_cap; /* all of them, in order */
	struct term *terms;
	size_t rosters_len, rosters_cap;
	struct roster_term *rosters;
	size_t counting_len, counting_cap; /* those that count, or did a moment ago: their places */
	size_t *counting;
	struct map holdings, sessions, open_sendings, receiving_now;
	struct map released; /* peer and log -> uint64_t: how far the peer may have it from here */
	struct saids kept[KEPT_COUNT];
	bool clock_doubted;            /* it has stepped, and nobody has said that it is right */
	int64_t stepped_ms, before_ms; /* the last clock step, and what it would be without */
	int64_t back_ms; /* the time went back to here, and no clock step is entered yet; 0: not */
	uint64_t back_index;
	uint64_t acts, sessions_count, published, received, refused;
};

struct bundle {
	bool doubtful; /* its acts are not surely its own: it accuses nobody */
	const char *path;
	struct bundle_about about;
	char software[WIRE_SOFTWARE_MAX + 1];
	size_t sections_len, sections_cap;
	struct section *sections;
	uint64_t acts, entries;
	struct account account;
};

struct audit {
	struct arena arena;
	bool json;
	size_t roots_len;
	const char *const *roots;
	struct map parties; /* node id -> struct party; the list of them in the order of mention */
	size_t party_list_cap;
	struct party **party_list;
	size_t bundles_len;
	struct bundle *bundles;
	size_t texts_len, texts_cap;
	struct text **texts;
	size_t rosters_len, rosters_cap;
	struct roster_text **rosters;
	size_t splits_len, splits_cap;
	struct split **splits;
	size_t revocations_len, revocations_cap;
	struct revoking *revocations;
	size_t claims_len, claims_cap;
	struct claim *claims;
	struct map erasures; /* hash of node, audience, object -> struct erasure */
	size_t findings_len, findings_cap;
	struct finding *findings;
	uint64_t counts[FOUND_COUNT];
	uint64_t acts, entries, signatures;
	uint8_t key[16]; /* of the maps */
	struct err_text err;
};

/* --- file.c ----------------------------------------------------------------------------------- */

struct frames {
	FILE *file;
	const char *path;
	struct buf data; /* the frame at hand, with its head */
	enum bundle_frame kind;
	struct bytes payload;
};

/* ENT_EIO, ENT_EINVALID, with the reason in err. */
int frames_open(struct frames *f, const char *path, struct err_text *err) MUST_CHECK;
/* 1: there is a frame; 0: the file is at its end; or an error. */
int frames_next(struct frames *f, struct err_text *err) MUST_CHECK;
int frames_seek(struct frames *f, long at, struct err_text *err) MUST_CHECK;
void frames_close(struct frames *f);

/* --- load.c ----------------------------------------------------------------------------------- */

/* 0, or an ENT_E with the reason in a->err: then nothing can be said. */
int audit_check(struct audit *a, const char *const *paths, size_t len) MUST_CHECK;
void audit_free(struct audit *a);

struct party *party_get(const struct audit *a, const struct node_id *node); /* NULL */
struct party *party_need(struct audit *a, const struct node_id *node);
const struct card_chain *chain_of(const struct audit *a, const struct node_id *node); /* NULL */
const struct text *text_find(const struct audit *a, const uint8_t hash[32]);
/* The claims of a log, in order of size. */
const struct claim *claims_of(const struct audit *a, const struct log_name *log, size_t *len);
void erasure_key(uint8_t key[32], size_t bundle, const struct log_name *log, const uint8_t *object);
/* Room for one more in an array that grows; memory that is there; a value in a map: these end the
 * program when memory is out. */
void *grow(void *list, size_t *cap, size_t len, size_t size);
void *need(void *memory);
void map_set(struct map *m, const void *key, void *value);

/* --- signed.c --------------------------------------------------------------------------------- */

int signed_cards(struct audit *a, struct bytes chain, const struct node_id *shown_by) MUST_CHECK;
int signed_agreement(struct audit *a, struct bytes note, const struct node_id *shown_by) MUST_CHECK;
int signed_revocation(struct audit *a, struct bytes note,
	const struct node_id *shown_by) MUST_CHECK;
/* Can this be one of the roots that an auditor was given: a verifier key, or the words of an
 * agreement, which bind the roots of all its parties? */
bool root_form(const char *text);
/* That which the newest card names; NULL. */
const struct note_key *log_key(const struct audit *a, const struct log_name *log);
bool chain_has_root(const struct card_chain *chain, const struct note_key *root);
/* After everything is loaded. */
void signed_check(struct audit *a);

/* --- walk.c ----------------------------------------------------------------------------------- */

/* Goes through every log of every bundle, the logs of acts of each first. */
int walk_all(struct audit *a) MUST_CHECK;

/* When the node says that the erasure at that place was carried out; 0: it does not. */
int64_t carried_out(const struct account *t, const struct log_name *log, uint64_t index);
/* The erasure that covers an entry about object there, in what a bundle has; NULL. */
const struct erasure *erasure_over(const struct audit *a, const struct bundle *b,
	const struct log_name *log, const uint8_t *object, uint64_t index);

struct walk_entry {
	struct bundle *bundle;
	struct section *section;
	uint64_t index;
	const struct bundle_entries *batch;
	const struct bundle_entry *entry;
};
typedef int entry_visit(void *ctx, const struct walk_entry *e);
/* Calls visit for every entry of a section in order, or of every feed of every bundle; 0, an error,
 * or what visit gave. */
int walk_section(struct audit *a, struct bundle *b, struct section *s, entry_visit *visit,
	void *ctx) MUST_CHECK;
int walk_feeds(struct audit *a, entry_visit *visit, void *ctx) MUST_CHECK;

struct walk_act {
	struct bundle *bundle;
	uint64_t index;
	uint64_t acts; /* before it, in all logs of the node */
	int64_t when_ms;
	const struct act_body *act;
};
typedef int act_visit(void *ctx, const struct walk_act *w);
/* Every act of a bundle's node in order of its logs, or with b NULL of every bundle's. */
int walk_acts(struct audit *a, struct bundle *b, act_visit *visit, void *ctx) MUST_CHECK;

/* --- account.c -------------------------------------------------------------------------------- */

void account_begin(struct account *t, struct audit *a, struct bundle *b);
/* A log of acts begins, with this act; former is the one before it, NULL for the first. */
void account_first(struct account *t, const struct section *s, const struct section *former,
	const struct act_body *first);
void account_act(struct account *t, uint64_t index, int64_t when_ms, const struct act_body *act);
void account_end(struct account *t);
void account_free(struct account *t);
/* The first kept that covers that entry; NULL. */
struct said *account_kept(const struct account *t, enum kept kept, const struct log_name *log,
	uint64_t index);
/* Has the node lost its acts of that moment, by its own word? */
bool account_lost(const struct account *t, int64_t ms);
struct holding *account_holding(struct account *t, const struct log_name *log);
void session_key(uint8_t key[32], struct bytes session, const struct log_name *log);
void account_say(struct account *t, enum audit_rule rule, const struct act_body *act,
	const char *text);

/* --- terms.c ---------------------------------------------------------------------------------- */

void terms_in_force(struct account *t, const struct act_body *act);
void terms_ended(struct account *t, const struct act_body *act);
void terms_revoked(struct account *t, const struct act_body *act);
void terms_sleep(struct account *t); /* the node starts */
struct term *terms_active(struct account *t, const struct wire_agreement *ref);
/* What counts at the act at hand, with grace also what ended a moment before. False when a text
 * of it is not here. */
bool terms_now(const struct account *t, bool grace, const struct agreement *list[AGREEMENTS_MAX],
	size_t *len);
bool terms_allow(struct account *t, enum door door, const struct log_name *log,
	const struct node_id *peer, bool grace);
/* What decide() says of a passing under what an account had in force when so many acts had been.
 * False when the text of an agreement of it is not here. */
bool terms_then(const struct account *t, uint64_t acts, int64_t ms, enum door door,
	const struct log_name *log, const struct node_id *peer, struct policy_verdict *v);
/* Under which agreement what an act tells of may have passed: that of its feed, or the lowest that
 * lets it; 0: none. */
uint64_t terms_under(const struct walk_act *w, enum door door);

/* Had the time come when bodies of such feeds may not be held any more, by what it had in force?
 * False when that is not sure. */
bool terms_over(const struct account *t, struct audience audience, int64_t now_s);

/* --- rosters.c -------------------------------------------------------------------------------- */

int signed_roster(struct audit *a, struct bytes note, const struct node_id *shown_by) MUST_CHECK;
void rosters_check(struct audit *a); /* after everything is loaded */
void roster_in_force(struct account *t, const struct act_body *act);
void roster_ended(struct account *t, const struct act_body *act);
void rosters_sleep(struct account *t); /* the node starts */
void roster_introduced(struct account *t, const struct act_body *act);

/* --- between.c -------------------------------------------------------------------------------- */

void between_check(struct audit *a);

/* --- print.c ---------------------------------------------------------------------------------- */

extern const struct rule {
	enum audit_class class;
	enum audit_check check;
	const char *name, *sentence;
} audit_rules[FOUND_COUNT];

void found(struct audit *a, enum audit_rule rule, const struct node_id *node,
	const struct log_name *log, uint64_t from, uint64_t to, int64_t when_ms, const char *format,
	...) PRINTF_LIKE(8, 9);
/* The same of no log. */
#define FOUND(a, rule, node, ...) found(a, rule, node, NULL, 0, 0, 0, __VA_ARGS__)
uint64_t class_count(const struct audit *a, enum audit_class class);
int audit_status(const struct audit *a); /* clean, or a breach */
/* The name on the newest card, else the id; in the arena. */
const char *party_name(struct audit *a, const struct node_id *node);
const char *log_text(struct audit *a, const struct log_name *log); /* NAME/AUDIENCE */
struct sentence_names party_names(struct audit *a);
const char *time_text(struct audit *a, int64_t ms);

#define NUM(n) ((json_int_t)(n)) /* for json_pack's I */
json_t *json_node(const struct node_id *node);
json_t *json_time(int64_t ms);
json_t *json_text(struct bytes text);
json_t *json_hex(struct bytes bytes);
json_t *json_log(const struct log_name *log); /* its origin line */
json_t *json_agreement(uint64_t id);          /* null for 0 */
json_t *findings_json(struct audit *a, enum audit_class class);
/* All that `check` says. */
json_t *check_json(struct audit *a);
/* Prints a document and gives status; takes the reference. */
int print_json(json_t *document, int status);

/* Appends what a template makes of a row: {FIELD} is a field of it, [...] is left out when a field
 * in it is not there or 0. In HTML the template's own text stands as it is. */
void row_text(struct buf *out, const char *template, const json_t *row, bool html);
void print_row(const char *template, const json_t *row); /* with LF */
/* What `check` prints; gives the exit status. */
int print_check(struct audit *a);
