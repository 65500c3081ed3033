/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The store: LMDB behind a small interface (docs/STORE.md describes every table).
 *
 * Environment `log` is the truth: logs with their entries in order of arrival, tree hashes,
 * checkpoints, cards of origins. One writer thread begins and commits every transaction; a commit
 * is synced before anything derived from it is announced. Environment `index` is derived from it
 * and may be lost at any time: look-up by value, by object id, by expiry. It is written by the
 * index thread alone, not synced, and thrown away when the machine went down under it.
 *
 * Readers (any thread, any process) take a struct store_reader: a short read transaction on both.
 * Views into it die with it.
 *
 * Logs live under a local number (u32). Entries lie in bundles: one value per append, keyed by
 * arrival number (u64, from 1), holding packed entries (proto/entry.h) exactly as received. A
 * place is (arrival, slot): the slot-th entry of that bundle.
 */
#pragma once

#include "base/buf.h"
#include "base/name.h"
#include "base/vocab.h"
#include "merkle/checkpoint.h"
#include "merkle/proof.h"
#include "merkle/range.h"
#include "proto/codec.h"
#include "proto/entry.h"

struct store;
struct store_txn;
struct store_reader;

enum store_mode {
	STORE_READ,  /* for commands: nothing is created */
	STORE_WRITE, /* for the daemon: creates what is missing; one process at a time */
};

/*
 * data is the node's data directory (holds log/ and index/). ENT_EBUSY: another process writes.
 * ENT_ENOTFOUND: nothing there (STORE_READ). ENT_EVERSION: a schema this program does not know.
 * Once per process and directory, and never across fork (LMDB). STORE_READ works beside a daemon
 * and without one; an index that cannot be trusted, or is not there, reads as an empty one.
 */
int store_open(struct store **s, const char *data, enum store_mode mode,
	struct err_text *err) MUST_CHECK;
void store_close(struct store *s);
/* Writes a copy of the truth as it is now, compacted, into an open file: data.mdb of a directory
 * log/. Beside a daemon too: as long as it takes, pages that it frees are not used again. */
int store_copy(struct store *s, int fd) MUST_CHECK;
uint64_t store_disk_bytes(const struct store *s);
/* LMDB could not write the page that commits and refuses everything until the store is opened anew.
 * Any thread. */
bool store_given_up(const struct store *s);
/*
 * The oldest reader of another process. While it stands no page that was freed since can be used
 * again, and the file grows instead.
 */
struct store_pin {
	int pid;         /* 0: nobody */
	bool of_index;   /* it is the index that it keeps, */
	uint64_t txn;    /* as it was after this commit; */
	uint64_t behind; /* commits since then, */
	uint64_t bytes;  /* and what they could not use again */
};
void store_oldest_reader(struct store *s, struct store_pin *pin);
/*
 * Ends that process, if its reader still stands there. ENT_ENOTFOUND: it does not. ENT_ESTATE: its
 * number means another one here. ENT_EIO: it cannot be ended by this one.
 */
int store_reader_end(struct store *s, const struct store_pin *pin) MUST_CHECK;

/* --- logs ------------------------------------------------------------------------------------- */

struct store_log {
	uint32_t number;
	struct log_name name;
	uint64_t size;     /* entries stored: held, once committed */
	uint64_t floor;    /* oldest entry still here */
	struct range tree; /* compact range [0, size) */
	bool has_checkpoint;
	struct checkpoint
		checkpoint; /* newest verified or own; its size may exceed or trail .size */
	bool has_held;
	struct checkpoint held; /* newest of those put that lies within .size: all of it is here */
	bool frozen;
	struct node_id via; /* whom the newest entries came from; all zero: own */
	int64_t received_ms;
	uint32_t receipts; /* cosignatures of the newest checkpoint held */
};

/*
 * From now on a page that cannot be read ends the process with status 5 and this line on standard
 * error, instead of by SIGBUS without a word. STORE_BUS is what there is to say. The line is kept.
 */
#define STORE_BUS                                                                                  \
	"a page of the store cannot be read: the disk fails, or a file was cut short "             \
	"(docs/OPERATING.md, A broken disk)\n"
void store_bus_explain(const char *line);

/* --- writing: the writer thread only ---------------------------------------------------------- */

int store_begin(struct store *s, struct store_txn **txn) MUST_CHECK;
/*
 * Syncs. On error nothing of the transaction remains, and it is gone either way. ENT_EFULL: disk
 * or map is full, the same may succeed once there is room. ENT_EIO: the same, except where the
 * very page that commits could not be written: then store_begin gives ENT_EIO until the store is
 * opened anew.
 */
int store_commit(struct store_txn *txn) MUST_CHECK;
void store_abort(struct store_txn *txn);

/*
 * The same for small transactions, with one round to the disk (STORE.md, "Journal"): the callback
 * makes the redo durable, as data/log/journal, then the transaction is committed without syncing,
 * and durable. store_settle syncs it, at the latest the next store_begin. On error it is not
 * committed; whether the journal has it nobody knows, so until a journal without it is durable
 * (store_doubt_over) store_commit gives ENT_EIO. Where the process dies first it is done again,
 * or not, as a whole.
 */
#define STORE_REDO_MAX 49152u
int store_commit_journaled(struct store_txn *txn, int (*journal)(void *ctx, struct bytes redo),
	void *ctx) MUST_CHECK;
/* Bytes of it until now; SIZE_MAX: more than STORE_REDO_MAX, it cannot be journaled. */
size_t store_txn_redo_len(const struct store_txn *txn);
/* ENT_EIO: that cannot be synced, and the store has to be opened anew (store_given_up). */
int store_settle(struct store *s) MUST_CHECK;
/* Something is to be synced, and can be. */
bool store_unsettled(const struct store *s);
bool store_in_doubt(const struct store *s);
void store_doubt_over(struct store *s);

/* As store_run_read, of what the transaction has put. */
int store_txn_run_read(struct store_txn *txn, const struct log_name *name, uint64_t from,
	uint64_t to, size_t bytes_max, struct buf *out, uint32_t *count) MUST_CHECK;

/* The log as this transaction sees it; created empty when create is set, else ENT_ENOTFOUND. */
int store_txn_log(struct store_txn *txn, const struct log_name *name, bool create,
	struct store_log *log) MUST_CHECK;

struct store_run {
	struct log_name log;
	uint64_t start; /* must be the log's size */
	uint32_t count;
	struct bytes entries; /* packed */
	/* What the caller has verified or computed: [0, start + count), or each leaf hash. */
	const struct range *tree;
	const struct hash *leaves;
	struct node_id via; /* all zero: own */
	int64_t received_ms;
};

/*
 * Appends; keeps perfect subtrees of level 8 and above. ENT_ESTATE when start is not the size or
 * the log is frozen, ENT_ENOTFOUND when there is no such log, ENT_EINVALID when entries are not
 * count packed entries, ENT_EPROOF when they do not lead to tree or have not these leaves: every
 * leaf is hashed once more here, so that nothing is announced that the store does not hold. These
 * leave the transaction as it was.
 */
int store_append(struct store_txn *txn, const struct store_run *run) MUST_CHECK;
/*
 * Keeps the newer of the log's checkpoint and this one, and the newest that is held.
 * ENT_ENOTFOUND: no such log; ENT_ESTATE: it is frozen.
 */
int store_checkpoint_put(struct store_txn *txn, const struct checkpoint *c) MUST_CHECK;
/* The same of one that may be of another history than what lies here: none of it counts as held. */
int store_checkpoint_keep(struct store_txn *txn, const struct checkpoint *c) MUST_CHECK;
int store_log_freeze(struct store_txn *txn, const struct log_name *name) MUST_CHECK;
/*
 * What is stored of the log was signed by a key to which its name does not belong any more: it
 * stays, frozen, under the name with the first incarnation from 0 on that is free (given), which no
 * card names, and what it said of former logs, or erased in them, is taken back. ENT_ENOTFOUND: no
 * such log.
 */
int store_log_put_aside(struct store_txn *txn, const struct log_name *name,
	uint64_t *incarnation) MUST_CHECK;
/*
 * Drops the entries of an own log that no checkpoint covers: tree is [0, size of the newest
 * checkpoint held). The index is then of another truth: drop it (store_index_drop), or the next
 * opening does. ENT_ENOTFOUND, ENT_ESTATE (nothing to drop, frozen), ENT_EPROOF (tree is not that
 * of the checkpoint) leave the transaction as it was.
 */
int store_log_cut(struct store_txn *txn, const struct log_name *name,
	const struct range *tree) MUST_CHECK;

/*
 * A cosignature of a peer: a receipt of a feed, or of one of this node's provenance logs by a
 * witness. differs: its root is not that of the tree here, and it is kept as evidence.
 */
struct store_receipt {
	struct node_id node;          /* who signed it */
	struct checkpoint checkpoint; /* what it cosigns, with the origin's signature */
	struct cosignature cosignature;
	bool differs;
};
/*
 * Keeps the newest of each node, and earlier ones so far apart that when it had an entry is known
 * to the minute (STORE.md, "receipts": they are bounded). One that is not newer changes nothing.
 * Of a log of which nothing is held the receipt may come first: it is begun, empty. ENT_ELIMIT:
 * evidence enough of this node.
 */
int store_receipt_put(struct store_txn *txn, const struct store_receipt *r) MUST_CHECK;

/* The newest checkpoint of a peer's provenance log that this node has cosigned as a witness. */
struct store_witness {
	struct checkpoint checkpoint;
	uint64_t time;  /* of the cosignature, s */
	bool rewritten; /* the peer has signed another one, below, that it does not lead to: */
	struct checkpoint other;
};
/*
 * Compare and swap: what stands there for the log must be smaller, or the same (ENT_ESTATE). With
 * rewritten set it may be any, and stays: only `other` is added, once. Of one node the last
 * STORE_WITNESS_LOGS logs are kept, and those that were rewritten; ENT_ELIMIT when all were.
 */
#define STORE_WITNESS_LOGS 32u
int store_witness_put(struct store_txn *txn, const struct store_witness *w) MUST_CHECK;

/* The proof of its split view, as SPLIT carries it. ENT_ENOTFOUND: no such log. */
int store_split_put(struct store_txn *txn, const struct log_name *name,
	struct bytes proof) MUST_CHECK;

/*
 * Pinned origins: chain as card_chain_write gives it; introduced_by all zero: party of an
 * agreement.
 */
int store_origin_put(struct store_txn *txn, const struct node_id *node, struct bytes chain,
	const struct node_id *introduced_by, int64_t when_ms) MUST_CHECK;

/* The chain that contradicts the one pinned; a later one of the same node takes its place. */
int store_rival_put(struct store_txn *txn, const struct node_id *node,
	struct bytes chain) MUST_CHECK;

/* Small named values (the node's own settings), key 1 to 64 bytes, not beginning with a dot
 * (ENT_EINVALID). */
int store_meta_put(struct store_txn *txn, const char *key, struct bytes value) MUST_CHECK;
/* Is something other than nothing put under the key, as this transaction sees it? */
bool store_meta_set(struct store_txn *txn, const char *key);

/*
 * Values that this node holds back from every export, whatever origins say (DESIGN, the stop
 * button). store_hold_get is what every export asks.
 */
struct store_hold {
	enum type type;
	struct bytes value;         /* canonical */
	struct bytes operator_name; /* at most 128 bytes */
	int64_t since_ms;
};
int store_hold_put(struct store_txn *txn, const struct store_hold *hold) MUST_CHECK;
/* ENT_ENOTFOUND. */
int store_hold_remove(struct store_txn *txn, enum type type, struct bytes value) MUST_CHECK;

/* --- erasure ---------------------------------------------------------------------------------- */

/*
 * An erasure obliges every holder to delete salt and body of whatever its origin had said about
 * the object before it in that audience, earlier incarnations included; what takes back (erasures,
 * retractions, successions) stays. store_append notes it together with the entries, and from then
 * on store_run_read gives nothing of what it covers. Carrying it out takes the index, where the
 * places are: first store_index_erase takes the values away there (they are gone with the bodies,
 * and could not be found any more), then store_erase the bodies. A crash between any two steps
 * only means that they are done again. What arrives later and is covered goes in the same way.
 */

/* Erasures of one log that have been carried out: all of it that lie in [from, to). */
struct store_erased {
	struct log_name log;
	uint64_t from, to;
	bool now;        /* recalls: to be done at once */
	bool late;       /* no erasures: entries that came after the erasure that covers them */
	bool over;       /* no erasures: all entries, which no agreement lets be held (below) */
	uint64_t bodies; /* how many are gone by it */
};

/*
 * Carries out some of what the index has let go, in order of arrival; visit is called for each
 * stretch. 1: there is more that could be done now; 0: nothing is left to be done now. After an
 * error visit is called for those that have lost bodies, which is in the transaction.
 */
int store_erase(struct store_txn *txn, void (*visit)(void *ctx, const struct store_erased *e),
	void *ctx) MUST_CHECK;

/*
 * Writes all that is left into a new file in the place of the old one, so that no byte of what was
 * erased stands in it any more; takes as much room again while it does. The writer thread, and for
 * the index the index thread, with no transaction open. ENT_EBUSY: a reader took too long.
 */
int store_compact(struct store *s) MUST_CHECK;
int store_index_compact(struct store *s) MUST_CHECK;
/* Settings: since when (i64, ms) bodies that were erased, or recalled, may still have bytes in the
 * files; empty or absent: none have. store_compacted empties both. */
#define STORE_ERASED_SINCE   "erased-since"
#define STORE_RECALLED_SINCE "recalled-since"
int store_compacted(struct store_txn *txn) MUST_CHECK;

/*
 * Bodies of entries that came without one (store_missing). Taken are those that are missing, fit
 * the commitment, and are covered by no erasure; the others are passed over. They become known now:
 * each stands under a new arrival number, and the index comes to it there.
 */
struct store_bodies {
	struct log_name log;
	const struct wire_body *bodies; /* ascending */
	size_t len;
	struct node_id via;
	int64_t received_ms;
	uint64_t taken, first, last; /* given: how many, the least index and the highest */
};
int store_bodies_put(struct store_txn *txn, struct store_bodies *b) MUST_CHECK;

/* --- agreements, and after their end ---------------------------------------------------------- */

/* A version of an agreement that is or was in force here, for ever. */
struct store_agreement {
	uint64_t id;
	uint32_t serial;
	int64_t ended_ms;  /* when it was over; 0: it is in force */
	struct bytes note; /* put empty: as it stands there already (else ENT_ENOTFOUND) */
};
#define STORE_AGREEMENT_MAX 65536u
int store_agreement_put(struct store_txn *txn, const struct store_agreement *a) MUST_CHECK;

/*
 * The bodies of a log below an index may not be held any more, as the agreements are over by which
 * they came. From this word on store_run_read gives none of them, and none of them is missing, so
 * one that comes late does not come back. They go in steps behind the index, as what lies below a
 * floor does. ENT_EINVALID: beyond the log's size. Never down.
 */
int store_txn_over(struct store_txn *txn, uint32_t log, uint64_t *mark) MUST_CHECK;
int store_over_set(struct store_txn *txn, const struct log_name *name, uint64_t mark) MUST_CHECK;
/* Carries out some of it, as store_erase does. 1: there is more. */
int store_over_carry(struct store_txn *txn, void (*visit)(void *ctx, const struct store_erased *e),
	void *ctx) MUST_CHECK;

/* --- floors ----------------------------------------------------------------------------------- */

/*
 * The floor of a log is the oldest entry that is still here. Below it headers and bodies go, and
 * what stays is the compact range [0, floor), so that everything above can be proved. Moving it is
 * a word; the entries go after it in steps, once the index has let go of them.
 */
#define STORE_FLOOR_STEP FLOOR_STEP

/* Up to a multiple of STORE_FLOOR_STEP, all of it held (else ENT_EINVALID); never down. */
int store_floor_move(struct store_txn *txn, const struct log_name *name, uint64_t floor) MUST_CHECK;
/*
 * The log goes on at left->end, a multiple of STORE_FLOOR_STEP beyond its size (else ENT_ESTATE):
 * that is its size and its floor from now on, left its tree. What was here goes.
 */
int store_join(struct store_txn *txn, const struct log_name *name,
	const struct range *left) MUST_CHECK;
/* Deletes some of what lies below the floors. 1: there is more; 2: nothing may go before the
 * erasures that wait are carried out. */
int store_prune(struct store_txn *txn) MUST_CHECK;

/* --- reading ---------------------------------------------------------------------------------- */

int store_reader_open(struct store *s, struct store_reader **r) MUST_CHECK;
void store_reader_close(struct store_reader *r);
/* For long walks: lets go of the pages that have been read, which else count as memory of this
 * process, as much as the file has. Views stay valid. */
void store_reader_relax(struct store_reader *r);

int store_log_get(struct store_reader *r, const struct log_name *name,
	struct store_log *log) MUST_CHECK;
/* By number. */
int store_log_at(struct store_reader *r, uint32_t number, struct store_log *log) MUST_CHECK;
/* Walks all logs in order of number: 0 or the visitor's error, which ends the walk. */
int store_log_each(struct store_reader *r, int (*visit)(void *ctx, const struct store_log *log),
	void *ctx) MUST_CHECK;

/* ENT_ENOTFOUND: nothing is known against the log. */
int store_split_get(struct store_reader *r, uint32_t log, struct bytes *proof) MUST_CHECK;

/*
 * What a later incarnation says of a log in its own feed of that audience: good up to size and
 * root, void beyond. Of several the newest incarnation has the last word, and in its feed the
 * latest, in whatever order they came; the old log need not be here. ENT_ENOTFOUND.
 */
struct store_succession {
	uint64_t incarnation, index; /* where it is said */
	uint64_t size;
	struct hash root;
};
int store_succession_get(struct store_reader *r, const struct log_name *old,
	struct store_succession *s) MUST_CHECK;

/* One of them, with the old log. */
struct store_said {
	struct log_name old;
	struct store_succession by;
};
/* 0 or the visitor's error, which ends the walk. */
int store_succession_each(struct store_reader *r,
	int (*visit)(void *ctx, const struct store_said *said), void *ctx) MUST_CHECK;
/* What the transaction has heard so far, in force with its commit; until it ends. */
const struct store_said *store_txn_said(const struct store_txn *txn, size_t *len);

/*
 * May something be appended under this checkpoint? To a frozen log only under the one that a
 * succession names, and no further: so whoever froze it below gets the rest of the good history.
 */
bool store_log_takes(struct store_txn *txn, const struct store_log *log,
	const struct checkpoint *under);

/* Is there any? Else nothing is void, and look-ups do not pay for it. */
bool store_has_successions(struct store_reader *r);

/* Is this entry a succession that counts? What both the store and the writer of one go by. */
bool succession_read(const struct log_name *feed, const struct entry *entry,
	struct record_succession *s);

/* How far the entries of a log are to be believed. */
struct store_trust {
	uint64_t good;         /* entries below are, the others are disputed, */
	uint64_t until;        /* and from here on void: rule "void" */
	uint64_t succeeded_by; /* incarnation; 0: none */
};
int store_log_trust(struct store_reader *r, const struct store_log *log,
	struct store_trust *t) MUST_CHECK;

/*
 * Packed entries [from, to') of a log, to' <= to, as many as fit in bytes_max, at least one.
 * Appends to out. ENT_ENOTFOUND when from is not in [floor, size) or below to.
 */
int store_run_read(struct store_reader *r, const struct log_name *name, uint64_t from, uint64_t to,
	size_t bytes_max, struct buf *out, uint32_t *count) MUST_CHECK;
/* How many erasures wait to be carried out, and late entries that one covers. */
uint64_t store_erasing(struct store_reader *r);
/*
 * The index of the oldest erasure of this log that is not carried out, or of one that covers
 * entries of this log: up to there, and no further, the log's erasures are done. UINT64_MAX: none.
 */
uint64_t store_erasing_from(struct store_reader *r, const struct log_name *name);
/*
 * Indexes from `from` on of entries whose body is absent though no erasure covers them, ascending:
 * somebody has withheld them. Only while all of the log up to its newest checkpoint held is here;
 * before that the erasure may still come.
 */
int store_missing(struct store_reader *r, const struct log_name *name, uint64_t from,
	uint64_t *indexes, size_t max, size_t *len) MUST_CHECK;

/*
 * Hash of a perfect subtree of a log (levels below 8 from the entries); ENT_ENOTFOUND when it is
 * not complete here. For proof_range_build etc.:
 */
struct store_tree {
	struct store_reader *reader;
	uint32_t log;
};
proof_subtree store_tree_subtree; /* ctx: struct store_tree */

struct store_place {
	uint64_t arrival;
	uint32_t slot;
};

/* An entry with everything a command wants to know of it; views die with the reader. */
struct store_entry {
	struct store_place place;
	uint32_t log;
	uint64_t index;
	struct node_id via;
	int64_t received_ms;
	struct entry entry;
	struct entry_header header;
};

int store_entry_at(struct store_reader *r, struct store_place place,
	struct store_entry *e) MUST_CHECK;
int store_entry_get(struct store_reader *r, uint32_t log, uint64_t index,
	struct store_entry *e) MUST_CHECK;
/* The first entry at or after place in order of arrival (of any log, provenance included);
 * ENT_ENOTFOUND at the end. The next place is {place.arrival, place.slot + 1}. */
int store_entry_next(struct store_reader *r, struct store_place from,
	struct store_entry *e) MUST_CHECK;

/* Up to which index store_over_set has taken the bodies of a log; 0: nothing of it. */
int store_over_get(struct store_reader *r, uint32_t log, uint64_t *mark) MUST_CHECK;
/* By id, then by serial. */
int store_agreement_each(struct store_reader *r,
	int (*visit)(void *ctx, const struct store_agreement *a), void *ctx) MUST_CHECK;

struct store_origin {
	struct node_id node;
	struct bytes chain;
	struct node_id introduced_by;
	int64_t when_ms;
};
int store_origin_get(struct store_reader *r, const struct node_id *node,
	struct store_origin *o) MUST_CHECK;
int store_origin_each(struct store_reader *r, int (*visit)(void *ctx, const struct store_origin *o),
	void *ctx) MUST_CHECK;
/* Chains that contradict those pinned, by node. */
int store_rival_each(struct store_reader *r, int (*visit)(void *ctx, struct bytes chain),
	void *ctx) MUST_CHECK;
int store_meta_get(struct store_reader *r, const char *key, struct bytes *value) MUST_CHECK;

/* The receipts kept of a log, by node and then by size; evidence behind all others. None is no
 * error, nor is a log that is not here. */
int store_receipt_each(struct store_reader *r, const struct log_name *log,
	int (*visit)(void *ctx, const struct store_receipt *receipt), void *ctx) MUST_CHECK;
/* By node, then in order of incarnation and start. */
int store_witness_each(struct store_reader *r,
	int (*visit)(void *ctx, const struct store_witness *w), void *ctx) MUST_CHECK;

/* ENT_ENOTFOUND: it is not held back. Views die with the reader. */
int store_hold_get(struct store_reader *r, enum type type, struct bytes value,
	struct store_hold *hold) MUST_CHECK;
/* In no order that means anything. */
int store_hold_each(struct store_reader *r, int (*visit)(void *ctx, const struct store_hold *hold),
	void *ctx) MUST_CHECK;

/* What came from others since then, newest first, a bundle at a time. */
struct store_received {
	const struct log_name *log;
	struct node_id via;
	int64_t received_ms;
	uint32_t count;
	size_t bytes; /* packed */
};
int store_received_since(struct store_reader *r, int64_t since_ms,
	int (*visit)(void *ctx, const struct store_received *received), void *ctx) MUST_CHECK;

/* --- the index -------------------------------------------------------------------------------- */

/*
 * Says why an entry is hidden from the index (a rule's name, at most 255 bytes), or NULL. Called
 * by the index thread for every record that is readable and canonical; indicator is NULL for
 * other kinds and for an indicator whose body is erased.
 */
struct store_index_ops {
	const char *(*hidden)(void *ctx, const struct log_name *log, const struct store_entry *e,
		const struct record_indicator *indicator);
	void *ctx;
};

/*
 * Indexes what the truth has beyond the index, about entries_max entries in one transaction (whole
 * bundles, at least one, at most 2^18 entries). ops may be NULL: nothing more is hidden.
 * 1: there is more; 0: caught up. The index thread only.
 */
int store_index_step(struct store *s, const struct store_index_ops *ops,
	uint32_t entries_max) MUST_CHECK;
/*
 * The index is kept as sorted runs that are merged (STORE.md, "Runs"). For what a step has added so
 * much is merged that however fast entries come, no more runs come about than are merged: here, or
 * else by the next step, so that what can be found now may be told before. 0 or an error. The index
 * thread only.
 */
int store_index_keep_up(struct store *s) MUST_CHECK;
/* Merges on by a portion, for moments with nothing else to do. 1: there is more; 0: done. The index
 * thread only. */
int store_index_merge(struct store *s) MUST_CHECK;
/*
 * Takes out of the index what erasures cover that are not carried out yet and lie within its
 * position; store_erase follows. 1: there is more; 0: done. The index thread only.
 */
int store_index_erase(struct store *s, const struct store_index_ops *ops) MUST_CHECK;
/* Takes out of the index what lies below the floors. 1: there is more; 0: done. */
int store_index_prune(struct store *s) MUST_CHECK;
/* Is there anything for it to do? */
bool store_index_prunable(struct store_reader *r);
/* Empties the index; the next steps rebuild it. The index thread, or a command without a daemon. */
int store_index_drop(struct store *s) MUST_CHECK;
/* Arrivals up to here are indexed. */
uint64_t store_index_position(struct store_reader *r);
uint64_t store_arrival_last(struct store_reader *r);

struct store_counts {
	uint64_t records; /* indexed entries of record kinds */
	uint64_t values;  /* different values */
	uint64_t hidden;
};
int store_counts(struct store_reader *r, struct store_counts *c) MUST_CHECK;

/* Every indexed entry with this type and value, in order of arrival. */
int store_find_value(struct store_reader *r, enum type type, struct bytes value,
	int (*visit)(void *ctx, const struct store_entry *e), void *ctx) MUST_CHECK;

/* Every indexed entry whose object id starts with prefix (len bytes), in order of object id, log,
 * index. */
int store_find_object(struct store_reader *r, const uint8_t *prefix, size_t len,
	int (*visit)(void *ctx, const struct store_entry *e), void *ctx) MUST_CHECK;

/*
 * Every indexed indicator that is valid until a moment in [from_ms, to_ms), in order of that
 * moment.
 */
int store_find_expiry(struct store_reader *r, int64_t from_ms, int64_t to_ms,
	int (*visit)(void *ctx, const struct store_entry *e), void *ctx) MUST_CHECK;

/*
 * The entry that stands for an object id in a node's audience: the latest by incarnation, then
 * index (DESIGN 7). ENT_ENOTFOUND.
 */
int store_object_standing(struct store_reader *r, const struct node_id *node,
	struct audience audience, const uint8_t object[OBJECT_ID_BYTES],
	struct store_entry *e) MUST_CHECK;

/*
 * NULL, or the rule that hides the entry at this place; a view like the others. Rules of the
 * store's own: "unreadable" (the body does not decode), "not-canonical" (no value of its type)
 * and "void" (a later incarnation does not stand by it), which is worked out at every look-up and
 * so holds in whatever order entries came.
 */
const char *store_hidden(struct store_reader *r, struct store_place place);
