/* SPDX-License-Identifier: EUPL-1.2 */
/* What came lately: quotas are counted from it after a restart. */
#include "store/impl.h"

/* Were the clock set back by years, everything would be newer than a moment ago. */
#define RECEIVED_BUNDLES_MAX 1000000u

static int received_visit(struct store_reader *r, const struct bundle *b,
	int (*visit)(void *ctx, const struct store_received *received), void *ctx)
{
	struct store_received got = {.via = b->via,
		.received_ms = b->received_ms,
		.count = b->count,
		.bytes = b->entries.len};
	static const struct node_id own;
	struct store_log log;
	int rc;

	if (node_id_eq(&b->via, &own))
		return 0;
	rc = store_log_at(r, b->log, &log);
	got.log = &log.name;
	return rc ? rc : visit(ctx, &got);
}

int store_received_since(struct store_reader *r, int64_t since_ms,
	int (*visit)(void *ctx, const struct store_received *received), void *ctx)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	struct bundle b;
	int rc = mdb_cursor_open(r->log, r->store->log.tables[LOG_ENTRIES], &cursor);

	if (rc)
		return db_err(rc);
	for (unsigned i = 0; i < RECEIVED_BUNDLES_MAX; i++) {
		rc = mdb_cursor_get(cursor, &key, &value, i == 0 ? MDB_LAST : MDB_PREV);
		if (rc) {
			rc = rc == MDB_NOTFOUND ? 0 : db_err(rc);
			break;
		}
		if ((rc = bundle_decode(db_bytes(value), &b)) != 0 || b.received_ms < since_ms)
			break;
		if ((rc = received_visit(r, &b, visit, ctx)) != 0)
			break;
	}
	mdb_cursor_close(cursor);
	return rc;
}
