/* SPDX-License-Identifier: EUPL-1.2 */
#include "ledger/reading.h"

static int read_run(void *ctx, const struct log_name *feed, uint64_t from, uint64_t to,
	size_t bytes_max, struct buf *out, uint32_t *count)
{
	struct store_reader *r;
	int rc = store_reader_open(ctx, &r);

	if (rc != 0)
		return rc;
	rc = store_run_read(r, feed, from, to, bytes_max, out, count);
	store_reader_close(r);
	return rc;
}

static int read_range(void *ctx, const struct log_name *feed, uint64_t begin, uint64_t end,
	struct range *out)
{
	struct store_tree tree;
	struct store_log log;
	int rc = store_reader_open(ctx, &tree.reader);

	if (rc != 0)
		return rc;
	rc = store_log_get(tree.reader, feed, &log);
	tree.log = log.number;
	if (rc == 0)
		rc = proof_range_build(out, begin, end, store_tree_subtree, &tree);
	store_reader_close(tree.reader);
	return rc;
}

static int read_missing(void *ctx, const struct log_name *feed, uint64_t from, uint64_t *indexes,
	size_t max, size_t *len)
{
	struct store_reader *r;
	int rc = store_reader_open(ctx, &r);

	if (rc != 0)
		return rc;
	rc = store_missing(r, feed, from, indexes, max, len);
	store_reader_close(r);
	return rc;
}

/* What cannot be read is not known to be done. */
static uint64_t read_erasing(void *ctx, const struct log_name *feed)
{
	struct store_reader *r;
	uint64_t from;

	if (store_reader_open(ctx, &r) != 0)
		return 0;
	from = store_erasing_from(r, feed);
	store_reader_close(r);
	return from;
}

struct gossip_store ledger_reads(struct store *s)
{
	return (struct gossip_store){s, read_run, read_range, read_missing, read_erasing};
}
