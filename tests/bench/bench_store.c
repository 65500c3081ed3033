/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: store */
/*
 * How fast the store takes records in, indexes and finds them.
 *
 *     bench_store <directory> [records] [group]
 *
 * Records are domain indicators of 158 bytes packed, appended in synced batches of 4,096, then
 * indexed in groups (65,536 unless given), merging included. Each million is reported by itself, so
 * that decay shows; bytes written and on the disk are of all until then. CPU time is of indexing,
 * look-ups are CPU time too. A directory that holds a store already is filled on; one that holds as
 * many records only answers look-ups. Budget on two shared vCPUs with SHA-NI: append 500 k/s, index
 * 400 k/s and flat, look-up 5 us at one million and 8 us at ten.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"
#include "base/vocab.h"
#include "intel/object_id.h"
#include "intel/value.h"
#include "store/store.h"

#define MILLION 1000000u
#define LOOKUPS 200000u

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of this process: what other programs do meanwhile does not count. */
static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bench_store: %s: %s\n", what, err_sentence(rc));
	exit(1);
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static struct bytes value_of(uint64_t i, char out[64])
{
	int len = snprintf(out, 64, "%" PRIx64 ".example%" PRIu64 ".org", mix(i), i % 1000);

	return bytes_from(out, (size_t)len);
}

static void make(struct buf *out, struct buf *body, uint64_t i, const uint8_t secret[32])
{
	static const struct bytes labels[] = {
		{(const uint8_t *)"attack:T1566", 12}, {(const uint8_t *)"phase:delivery", 14}};
	char text[64];
	struct record_indicator r = {.value = value_of(i, text),
		.has_confidence = true,
		.confidence = 80,
		.valid_from = 1780000000000,
		.labels = labels,
		.labels_len = 2,
		.valid_until = 1790000000000 + mix(i) % 2592000000};
	struct entry_header h = {.version = ENTRY_VERSION,
		.kind = KIND_INDICATOR,
		.tlp = TLP_GREEN,
		.type = TYPE_DOMAIN,
		.time_ms = 1780000000000 + i};
	uint8_t leaf[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES] = {0};
	struct hash commitment;
	struct entry e = {.leaf = BYTES_OF(leaf), .salt = BYTES_OF(salt)};

	buf_reset(body);
	check(record_indicator_encode(body, &r), "encode");
	value_object_id(h.object, secret, TYPE_DOMAIN, r.value);
	h.body_len = (uint16_t)body->len;
	hash_commitment(&commitment, BYTES_OF(salt), buf_view(body));
	memcpy(h.commitment, commitment.bytes, sizeof(h.commitment));
	entry_header_encode(leaf, &h);
	e.body = buf_view(body);
	entry_pack(buf_extend(out, entry_packed_len(&e)), &e);
}

/* Seconds that the store took; the making of records is not counted. */
static double append(struct store *s, const struct log_name *name, struct range *tree,
	uint64_t count)
{
	static const uint8_t secret[32] = {1};
	struct buf run = buf_with_max(8u << 20), body = buf_with_max(4096);
	double spent = 0;

	for (uint64_t done = 0; done < count; done += BATCH_ENTRIES_MAX) {
		struct store_run r = {
			.log = *name, .start = tree->end, .count = BATCH_ENTRIES_MAX, .tree = tree};
		struct store_txn *txn;
		struct cursor c;
		double start;

		buf_reset(&run);
		for (unsigned i = 0; i < BATCH_ENTRIES_MAX; i++)
			make(&run, &body, tree->end + i, secret);
		c = cursor_of(buf_view(&run));
		for (unsigned i = 0; i < BATCH_ENTRIES_MAX; i++) {
			struct entry e;
			struct hash leaf;

			check(entry_next(&c, &e), "entry");
			hash_leaf(&leaf, e.leaf);
			range_append(tree, &leaf);
		}
		r.entries = buf_view(&run);
		start = now();
		check(store_begin(s, &txn), "begin");
		check(store_append(txn, &r), "append");
		check(store_commit(txn), "commit");
		spent += now() - start;
	}
	buf_free(&run);
	buf_free(&body);
	return spent;
}

static int count_one(void *ctx, const struct store_entry *e)
{
	(void)e;
	++*(uint64_t *)ctx;
	return 0;
}

static double look_up(struct store *s, uint64_t records)
{
	uint64_t found = 0;
	double start = cpu();

	for (uint64_t i = 0; i < LOOKUPS; i++) {
		struct store_reader *r;
		char text[64];

		check(store_reader_open(s, &r), "reader");
		check(store_find_value(r, TYPE_DOMAIN, value_of(mix(i + 7) % records, text),
			      count_one, &found),
			"find");
		store_reader_close(r);
	}
	if (found != LOOKUPS)
		fprintf(stderr, "bench_store: found %" PRIu64 " of %u\n", found, LOOKUPS);
	return cpu() - start;
}

static double walk(struct store *s)
{
	struct store_place at = {0, 0};
	struct store_reader *r;
	struct store_entry e;
	double start = now();

	check(store_reader_open(s, &r), "reader");
	while (store_entry_next(r, at, &e) == 0)
		at = (struct store_place){e.place.arrival, e.place.slot + 1};
	store_reader_close(r);
	return now() - start;
}

/* Until it has caught up and nothing is left to be merged. */
static void index_all(struct store *s, uint32_t group)
{
	int rc;

	while ((rc = store_index_step(s, NULL, group)) == 1)
		;
	check(rc, "index");
	while ((rc = store_index_merge(s)) == 1)
		;
	check(rc, "merge");
}

/* How long it takes until the store answers again. */
static void reopen(struct store **s, const char *dir)
{
	struct err_text err;
	struct store_reader *r;
	double start;

	store_close(*s);
	start = now();
	check(store_open(s, dir, STORE_WRITE, &err), "open");
	check(store_reader_open(*s, &r), "reader");
	store_reader_close(r);
	printf("opened again in %.2f ms\n", (now() - start) * 1e3);
}

int main(int argc, char **argv)
{
	uint64_t records = argc > 2 ? strtoull(argv[2], NULL, 10) : MILLION;
	uint32_t group = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 65536;
	struct log_name name = {.incarnation = 1, .audience = audience_of(AUDIENCE_GREEN)};
	struct store_txn *txn;
	struct store_log log;
	struct store *s;
	struct range tree;
	struct rusage use;
	struct err_text err;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_store <directory> [records] [group]\n");
		return 2;
	}
	check(hash_init(), "hash");
	check(store_open(&s, argv[1], STORE_WRITE, &err), "open");
	check(store_begin(s, &txn), "begin");
	check(store_txn_log(txn, &name, true, &log), "log");
	check(store_commit(txn), "commit");
	tree = log.tree;
	if (tree.end >= records && look_up(s, tree.end) > 0) /* warm: pages are mapped */
		printf("%9" PRIu64 " records: look-up %.2f us\n", tree.end,
			look_up(s, tree.end) / LOOKUPS * 1e6);
	while (tree.end < records) {
		uint64_t from = tree.end;
		double put = append(s, &name, &tree, MILLION);
		double indexed = now(), spent = cpu();
		double count = (double)(tree.end - from);

		index_all(s, group);
		indexed = now() - indexed;
		spent = cpu() - spent;
		getrusage(RUSAGE_SELF, &use);
		printf("%9" PRIu64
		       " records: append %.0f k/s, index %.0f k/s, CPU %.2f us a record, "
		       "look-up %.2f us, walk %.0f k/s, written %.0f B a record, disk %.0f B, rss "
		       "%ld MB\n",
			tree.end, count / put / 1e3, count / indexed / 1e3, spent / count * 1e6,
			look_up(s, tree.end) / LOOKUPS * 1e6, (double)tree.end / walk(s) / 1e3,
			(double)use.ru_oublock * 512 / (double)tree.end,
			(double)store_disk_bytes(s) / (double)tree.end, use.ru_maxrss / 1024);
		fflush(stdout);
	}
	reopen(&s, argv[1]);
	store_close(s);
	return 0;
}
