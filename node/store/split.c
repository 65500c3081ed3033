/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What is known against a log, and what settles it (PROTOCOL.md, "Split views", "Successions"): the
 * proof that its origin signed two histories of it, and the word of a later incarnation on how far
 * the log is good.
 */
#include "store/impl.h"

#define SUCCESSION_BYTES (8 + 8 + 8 + HASH_BYTES)
/* Of one transaction: a group holds no more. */
#define SAID_BYTES_MAX (16u * 1024u * 1024u)

/* --- proofs ----------------------------------------------------------------------------------- */

int store_split_put(struct store_txn *txn, const struct log_name *name, struct bytes proof)
{
	struct store_log log;
	uint8_t raw[4];
	int rc = store_txn_log(txn, name, false, &log);

	if (rc)
		return rc;
	be32_put(raw, log.number);
	return txn_put(txn, LOG_SPLITS, db_val(raw, sizeof(raw)), db_val(proof.data, proof.len), 0);
}

int store_split_get(struct store_reader *r, uint32_t log, struct bytes *proof)
{
	uint8_t raw[4];
	MDB_val key = db_val(raw, sizeof(raw));
	MDB_val value;
	int rc;

	be32_put(raw, log);
	rc = mdb_get(r->log, r->store->log.tables[LOG_SPLITS], &key, &value);
	if (rc)
		return db_err(rc);
	*proof = db_bytes(value);
	return 0;
}

/* --- successions ------------------------------------------------------------------------------ */

bool succession_read(const struct log_name *feed, const struct entry *entry,
	struct record_succession *s)
{
	struct entry_header h;

	if (entry->erased || feed->audience.kind == AUDIENCE_PROVENANCE)
		return false;
	entry_header_decode(entry->leaf, &h);
	return h.version == ENTRY_VERSION && h.kind == KIND_SUCCESSION &&
	       record_succession_decode(entry->body, s) == 0 &&
	       node_id_eq(&s->old_log.node, &feed->node) &&
	       audience_eq(s->old_log.audience, feed->audience) &&
	       s->old_log.incarnation < feed->incarnation;
}

static int succession_decode(struct bytes row, struct store_succession *out)
{
	struct cursor c = cursor_of(row);

	out->incarnation = cursor_u64(&c);
	/* Up to schema 5 it could only be the first entry. */
	out->index = row.len < SUCCESSION_BYTES ? 0 : cursor_u64(&c);
	out->size = cursor_u64(&c);
	cursor_copy(&c, out->root.bytes, HASH_BYTES);
	return cursor_done(&c) ? 0 : MDB_CORRUPTED;
}

static void succession_encode(uint8_t raw[SUCCESSION_BYTES], const struct store_succession *s)
{
	be64_put(raw, s->incarnation);
	be64_put(raw + 8, s->index);
	be64_put(raw + 16, s->size);
	memcpy(raw + 24, s->root.bytes, HASH_BYTES);
}

/* The row of an old log, which need not be here itself. Returns LMDB's code. */
static int succession_row(struct store *s, MDB_txn *txn, const struct log_name *old,
	struct store_succession *out)
{
	uint8_t packed[LOG_NAME_BYTES];
	MDB_val key = db_val(packed, sizeof(packed));
	MDB_val value;
	int rc;

	log_name_pack(packed, old);
	rc = mdb_get(txn, s->log.tables[LOG_SUCCESSIONS], &key, &value);
	return rc ? rc : succession_decode(db_bytes(value), out);
}

int succession_note(struct store_txn *txn, const struct log_name *feed, uint64_t index,
	const struct entry *entry)
{
	struct record_succession s;
	struct store_succession known;
	struct store_said said;
	uint8_t packed[LOG_NAME_BYTES], raw[SUCCESSION_BYTES];
	int rc;

	if (!succession_read(feed, entry, &s))
		return 0;
	/* What is said last counts, in whatever order it comes. */
	rc = succession_row(txn->store, txn->mdb, &s.old_log, &known);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return txn_result(txn, rc);
	if (rc == 0 && (known.incarnation > feed->incarnation ||
			       (known.incarnation == feed->incarnation && known.index >= index)))
		return 0;
	said = (struct store_said){s.old_log, {feed->incarnation, index, s.size, {{0}}}};
	memcpy(said.by.root.bytes, s.root, HASH_BYTES);
	if (!txn->said.max)
		txn->said = buf_with_max(SAID_BYTES_MAX);
	buf_append(&txn->said, &said, sizeof(said));
	log_name_pack(packed, &s.old_log);
	succession_encode(raw, &said.by);
	return txn_put(txn, LOG_SUCCESSIONS, db_val(packed, sizeof(packed)),
		db_val(raw, sizeof(raw)), 0);
}

struct cut_said {
	const struct log_name *feed;
	uint64_t size;
	struct buf rows; /* struct store_said: what was said beyond */
};

static int cut_visit(void *ctx, const struct store_said *said)
{
	struct cut_said *c = ctx;

	if (node_id_eq(&said->old.node, &c->feed->node) &&
		audience_eq(said->old.audience, c->feed->audience) &&
		said->by.incarnation == c->feed->incarnation && said->by.index >= c->size)
		buf_append(&c->rows, said, sizeof(*said));
	return buf_failed(&c->rows) ? ENT_ENOMEM : 0;
}

/* The first entry of a feed says it (PROTOCOL.md, "Recovery"), later ones only say it again: what
 * is left of the feed has said it there, or nothing has. */
int succession_cut(struct store_txn *txn, const struct log_name *feed, uint64_t size)
{
	struct store_reader r = {.store = txn->store, .log = txn->mdb};
	struct cut_said c = {feed, size, buf_with_max(SAID_BYTES_MAX)};
	const struct store_said *rows;
	int rc = store_succession_each(&r, cut_visit, &c);

	rows = (const struct store_said *)(const void *)c.rows.data;
	for (size_t i = 0; rc == 0 && i < c.rows.len / sizeof(*rows); i++) {
		uint8_t packed[LOG_NAME_BYTES], raw[SUCCESSION_BYTES];

		log_name_pack(packed, &rows[i].old);
		succession_encode(raw, &rows[i].by);
		be64_put(raw + 8, 0);
		rc = size == 0 ? txn_del(txn, LOG_SUCCESSIONS, db_val(packed, sizeof(packed)))
			       : txn_put(txn, LOG_SUCCESSIONS, db_val(packed, sizeof(packed)),
					 db_val(raw, sizeof(raw)), 0);
	}
	buf_free(&c.rows);
	return rc;
}

const struct store_said *store_txn_said(const struct store_txn *txn, size_t *len)
{
	*len = buf_failed(&txn->said) ? 0 : txn->said.len / sizeof(struct store_said);
	return (const struct store_said *)(const void *)txn->said.data;
}

bool succession_lets(struct store_txn *txn, const struct store_log *log, uint64_t size)
{
	struct store_succession s;

	return !log->frozen ||
	       (succession_row(txn->store, txn->mdb, &log->name, &s) == 0 && size <= s.size);
}

bool store_log_takes(struct store_txn *txn, const struct store_log *log,
	const struct checkpoint *under)
{
	struct store_succession s;

	return !log->frozen || (succession_row(txn->store, txn->mdb, &log->name, &s) == 0 &&
				       under->size == s.size && hash_eq(&under->root, &s.root));
}

int store_succession_each(struct store_reader *r,
	int (*visit)(void *ctx, const struct store_said *said), void *ctx)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_SUCCESSIONS], &cursor);

	if (rc)
		return db_err(rc);
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		struct store_said said;
		int stop = ENT_ECORRUPT;

		if (log_name_unpack(db_bytes(key), &said.old) &&
			succession_decode(db_bytes(value), &said.by) == 0)
			stop = visit(ctx, &said);
		if (stop) {
			mdb_cursor_close(cursor);
			return stop;
		}
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : db_err(rc);
}

int store_succession_get(struct store_reader *r, const struct log_name *old,
	struct store_succession *s)
{
	int rc = succession_row(r->store, r->log, old, s);

	return rc ? db_err(rc) : 0;
}

/* There are few successions, mostly none: then look-ups must not pay for them. */
bool store_has_successions(struct store_reader *r)
{
	MDB_stat stat;

	if (!r->successions_known) {
		r->successions_known = true;
		r->successions =
			mdb_stat(r->log, r->store->log.tables[LOG_SUCCESSIONS], &stat) == 0 &&
			stat.ms_entries > 0;
	}
	return r->successions;
}

bool reader_void(struct store_reader *r, uint32_t number, uint64_t index)
{
	struct store_succession s;
	struct store_log log;

	if (!store_has_successions(r))
		return false;
	/* Entries of one log come in rows. */
	if (number != r->void_log) {
		r->void_log = number;
		r->void_from = UINT64_MAX;
		if (store_log_at(r, number, &log) == 0 &&
			store_succession_get(r, &log.name, &s) == 0)
			r->void_from = s.size;
	}
	return index >= r->void_from;
}

bool reader_void_at(struct store_reader *r, struct store_place place)
{
	return store_has_successions(r) && reader_bundle(r, place.arrival) == 0 &&
	       reader_void(r, r->bundle.log, r->bundle.first + place.slot);
}

int store_log_trust(struct store_reader *r, const struct store_log *log, struct store_trust *t)
{
	struct store_tree tree = {r, log->number};
	struct store_succession s;
	struct range range;
	struct hash root;
	int rc;

	*t = (struct store_trust){.good = log->frozen ? 0 : UINT64_MAX, .until = UINT64_MAX};
	rc = store_has_successions(r) ? store_succession_get(r, &log->name, &s) : ENT_ENOTFOUND;
	if (rc)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	t->succeeded_by = s.incarnation;
	t->until = s.size;
	/* As long as the tree is shorter its root at that size cannot be compared. */
	if (log->size < s.size)
		return 0;
	rc = proof_range_build(&range, 0, s.size, store_tree_subtree, &tree);
	if (rc)
		return rc;
	range_root(&range, &root);
	t->good = hash_eq(&root, &s.root) ? s.size : 0;
	return 0;
}
