/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside of the ledger:
 *
 *     ledger.c  life, the run of a group, telling
 *     group.c   the commit: items and acts into one transaction
 *     forget.c  erasures carried out, what lies below floors
 *     retain.c  floors moved, own claims said again before
 *     over.c    what may not be held after the end of agreements
 *     hold.c    values kept from exports
 *     seal.c    re-reading, guard, signatures; what a crash left unsigned
 *     close.c   all of it for a small group, within its transaction
 *     succession.c  what a new incarnation says of the former
 *     reading.c what the engine reads
 *     restore.c going on after a recovery: cutting tails, a new provenance log, unmuting
 */
#pragma once

#include <stdatomic.h>

#include "ledger/ledger.h"
#include "provenance/act.h"

/* Bytes in one group commit. */
#define GROUP_BYTES (8u * 1024u * 1024u)
/* Acts of one group, packed. */
#define GROUP_ACTS_BYTES (64u * 1024u * 1024u)
/* Own logs that one group touches: a feed for each audience, and the provenance log. */
#define GROUP_LOGS_MAX  32

#define FORGOT_ERASED   0x01u
#define FORGOT_RECALLED 0x02u
#define FORGOT_HASTENED 0x04u /* a recall of what was erased before */

/* An own log that has grown beyond its last signed size. */
struct grown {
	struct log_name log;
	struct range before; /* as signed last */
	struct range after;  /* as committed */
	bool urgent;
	bool corrupt; /* reads back with another root: never signed */
	bool checked; /* read again in this turn, with the same root */
};

struct plan;

struct ledger {
	struct ledger_config config;
	atomic_uint mute;   /* the epoch in which it is mute; 0: it is not */
	atomic_uint epochs; /* so many there have been */
	atomic_bool sealing;
	struct grown grown[GROUP_LOGS_MAX]; /* committed, not signed yet */
	size_t grown_len;
	bool unsealed;                             /* some are signed as soon as it is possible */
	struct checkpoint pending[GROUP_LOGS_MAX]; /* signed, put with the next commit */
	size_t pending_len;

	uint32_t unmute;       /* the epoch that is to end; 0: none */
	bool tails_wait;       /* some unsigned ones do until their agreement is in force */
	bool guard_behind;     /* of what the store has signed; saved before anything else */
	bool succeeding;       /* former feeds want a succession, */
	bool succeeded;        /* which is in this group */
	bool succession_waits; /* some are under agreements that are not in force */
	bool saying;           /* one is being put */

	/* --- the group -------------------------------------------------------------------- */
	struct ledger_item *items, *last; /* in order */
	size_t bytes;
	uint32_t own_entries;
	size_t own_bytes;
	struct grown growing[GROUP_LOGS_MAX]; /* `grown` once committed */
	size_t growing_len;
	bool closed;    /* it was small: what could be signed was, in its transaction */
	bool whole;     /* the next one takes the long way: the short one has just failed */
	int64_t now_ms; /* of every act in it: times in the log follow its order */
	bool fresh;     /* the provenance log in use began in this life */
	bool beginning; /* one begins with this group, */
	struct log_name begins, former; /* this one, citing that one */
	struct buf acts;                /* packed entries for the provenance log */
	uint32_t acts_len;
	struct act_body received; /* the act RECEIVED being gathered */
	bool receiving;
	uint8_t received_session[16], received_root[HASH_BYTES];
	unsigned forgot;    /* by the item at hand: a set of FORGOT_… */
	bool prune;         /* there is more below floors that may go, */
	bool prune_waits;   /* or there may be once erasures are carried out; */
	bool prune_alone;   /* it has failed with a group: it goes in one of its own */
	struct plan *plans; /* of retention, for the group at hand */
	uint32_t retain_at; /* number of the log that retention looked at last */
	struct buf floors;  /* struct floor_moved: in this group */
	struct buf said;    /* struct store_said: likewise */
	struct buf overs;   /* names of feeds that may not be held any more */
	struct buf erased;  /* names of the feeds whose erasures are carried out in it */
};

/* --- ledger.c --------------------------------------------------------------------------------- */
void ledger_at(struct ledger *l, enum ledger_step step);
void ledger_tell(struct ledger *l, const struct ledger_news *news);
bool is_feed(const struct log_name *log);
/* What the group has committed of this feed: ahead of the checkpoint that was signed upon it. */
void runs_tell(struct ledger *l, const struct log_name *feed);

/* --- group.c ---------------------------------------------------------------------------------- */
int group_commit(struct ledger *l) MUST_CHECK;
void group_act(struct ledger *l, const struct act_body *act);
void received_flush(struct ledger *l);

/* 0 where the error is about one item, and leaves the transaction as it was. */
int of_store(int code) MUST_CHECK;

int append_own(struct ledger *l, struct store_txn *txn, const struct log_name *name,
	struct bytes entries, const struct hash *leaves, uint32_t count, bool urgent,
	uint64_t *from) MUST_CHECK;

/* --- retain.c --------------------------------------------------------------------------------- */

struct floor_moved {
	struct log_name log;
	uint64_t floor;
};

/*
 * Finds what is to be done, before the transaction: it reads what is committed, and the index. Then
 * it is done before anything else of the group.
 */
int retain_plan(struct ledger *l, const struct ledger_retention *r) MUST_CHECK;
int retain_apply(struct ledger *l, struct store_txn *txn) MUST_CHECK;
void retain_drop(struct ledger *l);
void tell_floors(struct ledger *l);

/* --- forget.c --------------------------------------------------------------------------------- */
int apply_forget(struct ledger *l, struct store_txn *txn, bool prune) MUST_CHECK;
void tell_erased(struct ledger *l);

/* --- over.c ----------------------------------------------------------------------------------- */
int over_plan(struct ledger *l, const struct ledger_retention *r) MUST_CHECK;
int over_apply(struct ledger *l, struct store_txn *txn,
	const struct ledger_retention *r) MUST_CHECK;

/* --- hold.c ----------------------------------------------------------------------------------- */
int apply_hold(struct ledger *l, struct store_txn *txn, const struct ledger_item *i) MUST_CHECK;

/* --- restore.c -------------------------------------------------------------------------------- */
int apply_cut(struct ledger *l, struct store_txn *txn, struct ledger_item *i) MUST_CHECK;
int apply_keep(struct store_txn *txn, const struct ledger_item *i) MUST_CHECK;
int apply_complete(struct ledger *l, struct store_txn *txn, const struct ledger_item *i) MUST_CHECK;
int epoch_begin(struct ledger *l, struct store_txn *txn) MUST_CHECK;
int unmute(struct ledger *l) MUST_CHECK;
int guard_catch_up(struct ledger *l) MUST_CHECK;

/* --- succession.c ----------------------------------------------------------------------------- */
/* Are there former feeds without a succession? */
int successions_look(struct ledger *l) MUST_CHECK;
/* A feed has become complete up to a checkpoint: a former one without a succession gets one. */
void succession_due(struct ledger *l, const struct log_name *log);
int successions_write(struct ledger *l, struct store_txn *txn) MUST_CHECK;
/* An entry that says how far a former feed is good, packed behind what is in out, and its leaf. */
int succession_entry(struct ledger *l, const struct log_name *former, uint64_t size,
	const struct hash *root, struct buf *out, struct hash *leaf) MUST_CHECK;
/* The own feed is about to grow: one that waits, for its agreement or for room, comes first. */
int succession_first(struct ledger *l, struct store_txn *txn,
	const struct log_name *name) MUST_CHECK;
/* Is the feed's agreement in force, if it is under one? Where none is nobody hears what is said,
 * and nobody could tell an old copy that it has been said before: it says nothing. */
bool is_heard(const struct ledger *l, struct audience audience);
/* What others say of their former feeds, by what the group has stored. */
void said_take(struct ledger *l, const struct store_txn *txn);
void tell_said(struct ledger *l);

/* --- close.c ---------------------------------------------------------------------------------- */
/* May the transaction, complete but for checkpoints, be committed by journal? */
bool group_is_small(const struct ledger *l, const struct store_txn *txn);
/* Does so. As group_commit; l->grown is what could not be signed. */
int group_close(struct ledger *l, struct store_txn *txn) MUST_CHECK;
/* What the last attempt may have left in guard and journal is taken out of them. */
int doubt_end(struct ledger *l) MUST_CHECK;

/* --- seal.c ----------------------------------------------------------------------------------- */
int group_seal(struct ledger *l) MUST_CHECK;
/* Reads again what these have grown by, of the transaction or (NULL) of the store, and says of each
 * whether it may be signed. Where another root comes out the node is mute from here on. */
int group_recompute(struct ledger *l, struct grown *logs, size_t len,
	struct store_txn *txn) MUST_CHECK;
bool may_seal(struct ledger *l, const struct grown *w);
void grown_sign(const struct ledger *l, const struct grown *w, struct checkpoint *c);
void tell_signed(struct ledger *l, const struct checkpoint *c, bool urgent);
/* Sizes and roots of what is to be signed; *feeds: there are some. */
int guard_set(struct ledger *l, const struct grown *logs, size_t len, bool *feeds) MUST_CHECK;
/* What lies in own logs beyond their newest checkpoint becomes `grown`. */
int tails_find(struct ledger *l) MUST_CHECK;
