/* SPDX-License-Identifier: EUPL-1.2 */
/* Cosignatures of peers and the witness's memory: what is kept, how much of it, and what never
 * goes back. */
#include "unit/store/model.h"

#include <stdio.h>

#include "store/impl.h"

#define T0 1795336200u

static struct node_id peer(unsigned n)
{
	struct node_id id = {{0}};

	be32_put(id.bytes, 100 + n);
	return id;
}

static struct store_receipt receipt(const struct log_name *log, unsigned node, uint64_t size,
	uint64_t time)
{
	struct store_receipt r = {.node = peer(node), .checkpoint = {.log = *log, .size = size}};

	r.cosignature.time = time;
	memset(r.checkpoint.root.bytes, (int)size, HASH_BYTES);
	memset(r.checkpoint.signature, 7, sizeof(r.checkpoint.signature));
	memset(r.cosignature.signature, (int)node + 1, sizeof(r.cosignature.signature));
	return r;
}

struct fixture {
	const char *dir;
	struct store *s;
	struct store_txn *txn;
	struct model_log m;
};

/* A store with a log of ten entries under a checkpoint, and a transaction at hand. */
static void open_fixture(struct fixture *f, struct audience audience)
{
	static const uint8_t zeros[32];
	struct entry_header header = {.kind = 200, .tlp = TLP_CLEAR};
	struct checkpoint c = {.size = 10};

	f->dir = test_dir();
	f->s = model_open(f->dir, STORE_WRITE);
	model_log_init(&f->m, model_name(1, 5, audience));
	for (int i = 0; i < 10; i++)
		model_entry(&f->m, header, BYTES_OF(zeros), false);
	c.log = f->m.name;
	assert_ok(store_begin(f->s, &f->txn));
	assert_ok(model_append(f->txn, &f->m));
	assert_ok(store_checkpoint_put(f->txn, &c));
	f->m.size = 10;
}

static void close_fixture(struct fixture *f)
{
	store_close(f->s);
	model_log_free(&f->m);
	test_dir_remove(f->dir);
}

struct rows {
	struct store_receipt list[8192];
	size_t len;
};

static int row_take(void *ctx, const struct store_receipt *r)
{
	struct rows *rows = ctx;

	rows->list[rows->len++] = *r;
	return 0;
}

static struct rows *rows_of(struct fixture *f)
{
	static struct rows rows;
	struct store_reader *r;

	rows.len = 0;
	assert_ok(store_reader_open(f->s, &r));
	assert_ok(store_receipt_each(r, &f->m.name, row_take, &rows));
	store_reader_close(r);
	return &rows;
}

static uint32_t counted(struct fixture *f)
{
	struct store_reader *r;
	struct store_log log;

	assert_ok(store_reader_open(f->s, &r));
	assert_ok(store_log_get(r, &f->m.name, &log));
	store_reader_close(r);
	return log.receipts;
}

static void reads_back_what_was_put_after_a_restart(void **state)
{
	struct fixture f;
	struct store_receipt a, b;
	struct rows *rows;

	(void)state;
	open_fixture(&f, audience_of(AUDIENCE_CLEAR));
	a = receipt(&f.m.name, 1, 9, T0);
	b = receipt(&f.m.name, 2, 10, T0 + 5);
	assert_ok(store_receipt_put(f.txn, &b));
	assert_ok(store_receipt_put(f.txn, &a));
	assert_ok(store_commit(f.txn));
	store_close(f.s);
	f.s = model_open(f.dir, STORE_WRITE);
	rows = rows_of(&f);
	assert_int_equal(rows->len, 2);
	assert_true(node_id_eq(&rows->list[0].node, &a.node));
	assert_int_equal(rows->list[0].checkpoint.size, 9);
	assert_int_equal(rows->list[1].cosignature.time, T0 + 5);
	assert_memory_equal(rows->list[1].cosignature.signature, b.cosignature.signature, 64);
	assert_memory_equal(rows->list[1].checkpoint.root.bytes, b.checkpoint.root.bytes, 32);
	assert_memory_equal(rows->list[1].checkpoint.signature, b.checkpoint.signature, 64);
	close_fixture(&f);
}

static void counts_who_has_receipted_the_newest_checkpoint(void **state)
{
	struct checkpoint c = {.size = 12};
	struct store_receipt r;
	struct fixture f;

	(void)state;
	open_fixture(&f, audience_of(AUDIENCE_CLEAR));
	for (unsigned node = 0; node < 5; node++) {
		r = receipt(&f.m.name, node, node < 2 ? 9 : 10, T0);
		assert_ok(store_receipt_put(f.txn, &r));
	}
	assert_ok(store_commit(f.txn));
	assert_int_equal(counted(&f), 3);
	/* A party may hold a feed of others before it is here: its receipt counts once it is. */
	assert_ok(store_begin(f.s, &f.txn));
	r = receipt(&f.m.name, 1, 12, T0 + 1);
	assert_ok(store_receipt_put(f.txn, &r));
	c.log = f.m.name;
	assert_ok(store_checkpoint_put(f.txn, &c));
	assert_ok(store_commit(f.txn));
	assert_int_equal(counted(&f), 1);
	close_fixture(&f);
}

static void one_that_is_not_newer_changes_nothing(void **state)
{
	struct store_receipt r;
	struct fixture f;

	(void)state;
	open_fixture(&f, audience_of(AUDIENCE_CLEAR));
	r = receipt(&f.m.name, 1, 9, T0);
	assert_ok(store_receipt_put(f.txn, &r));
	r = receipt(&f.m.name, 1, 9, T0 + 500);
	assert_ok(store_receipt_put(f.txn, &r));
	r = receipt(&f.m.name, 1, 8, T0 + 500);
	assert_ok(store_receipt_put(f.txn, &r));
	assert_ok(store_commit(f.txn));
	assert_int_equal(rows_of(&f)->len, 1);
	assert_int_equal(rows_of(&f)->list[0].cosignature.time, T0);
	close_fixture(&f);
}

/* A party that is quicker cosigns what has not come here yet. */
static void a_receipt_may_come_before_the_first_entry(void **state)
{
	struct log_name early = model_name(9, 9, audience_of(AUDIENCE_CLEAR));
	struct store_receipt r = receipt(&early, 1, 9, T0);
	struct fixture f;

	(void)state;
	open_fixture(&f, audience_of(AUDIENCE_CLEAR));
	assert_ok(store_receipt_put(f.txn, &r));
	assert_ok(store_commit(f.txn));
	f.m.name = early;
	assert_int_equal(rows_of(&f)->len, 1);
	close_fixture(&f);
}

static void refuses_receipts_of_sizes_that_cannot_be(void **state)
{
	struct store_receipt r;
	struct fixture f;

	(void)state;
	open_fixture(&f, audience_of(AUDIENCE_CLEAR));
	r = receipt(&f.m.name, 1, 0, T0);
	assert_int_equal(store_receipt_put(f.txn, &r), ENT_EINVALID);
	r = receipt(&f.m.name, 1, UINT64_MAX, T0);
	assert_int_equal(store_receipt_put(f.txn, &r), ENT_EINVALID);
	assert_ok(store_commit(f.txn));
	assert_int_equal(rows_of(&f)->len, 0);
	close_fixture(&f);
}

/* The property that thinning must keep, on receipts that come in bursts and after pauses. */
static void the_first_that_covers_an_entry_is_known_to_the_minute(void **state)
{
	static uint64_t came[3001]; /* by size */
	uint64_t time = T0, seed = 42;
	struct fixture f;
	struct rows *rows;

	(void)state;
	open_fixture(&f, audience_of(AUDIENCE_CLEAR));
	for (uint64_t size = 1; size <= 3000; size++) {
		struct store_receipt r;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		time += seed >> 60 ? 1 : (seed >> 32) % 900;
		r = receipt(&f.m.name, 1, size, time);
		came[size] = time;
		assert_ok(store_receipt_put(f.txn, &r));
	}
	assert_ok(store_commit(f.txn));
	rows = rows_of(&f);
	assert_true(rows->len < 700);
	assert_int_equal(rows->list[rows->len - 1].checkpoint.size, 3000);
	for (uint64_t size = 1, at = 0; size <= 3000; size++) {
		while (rows->list[at].checkpoint.size < size)
			at++;
		assert_true(rows->list[at].cosignature.time - came[size] < 60);
	}
	close_fixture(&f);
}

static void a_peer_and_log_never_have_more_rows_than_the_bound(void **state)
{
	struct store_receipt r;
	struct fixture f;
	struct rows *rows;

	(void)state;
	open_fixture(&f, audience_of(AUDIENCE_CLEAR));
	for (uint64_t size = 1; size <= 7000; size++) {
		r = receipt(&f.m.name, 1, size, T0 + 100 * size);
		assert_ok(store_receipt_put(f.txn, &r));
	}
	assert_ok(store_commit(f.txn));
	rows = rows_of(&f);
	assert_true(rows->len > 2048 && rows->len <= 4096);
	assert_int_equal(rows->list[0].checkpoint.size, 1);
	assert_int_equal(rows->list[rows->len - 1].checkpoint.size, 7000);
	close_fixture(&f);
}

static void evidence_is_kept_beside_and_bounded(void **state)
{
	struct store_receipt r;
	struct fixture f;
	struct rows *rows;

	(void)state;
	open_fixture(&f, audience_of(AUDIENCE_CLEAR));
	r = receipt(&f.m.name, 1, 10, T0);
	assert_ok(store_receipt_put(f.txn, &r));
	for (uint64_t size = 1; size <= 20; size++) {
		r = receipt(&f.m.name, 2, size, T0);
		r.differs = true;
		assert_int_equal(store_receipt_put(f.txn, &r), size <= 16 ? 0 : ENT_ELIMIT);
	}
	assert_ok(store_commit(f.txn));
	rows = rows_of(&f);
	assert_int_equal(rows->len, 17);
	assert_false(rows->list[0].differs);
	assert_true(rows->list[1].differs);
	assert_int_equal(counted(&f), 1);
	close_fixture(&f);
}

static void provenance_logs_have_a_table_of_their_own(void **state)
{
	struct store_receipt r;
	struct fixture f;

	(void)state;
	open_fixture(&f, (struct audience){AUDIENCE_PROVENANCE, T0});
	r = receipt(&f.m.name, 1, 10, T0);
	assert_ok(store_receipt_put(f.txn, &r));
	assert_ok(store_commit(f.txn));
	assert_int_equal(rows_of(&f)->len, 1);
	assert_int_equal(counted(&f), 1);
	close_fixture(&f);
}

/* --- the witness ------------------------------------------------------------------------------ */

static struct store_witness witnessed(unsigned node, uint64_t start, uint64_t size, uint8_t root)
{
	struct store_witness w = {.time = T0};

	w.checkpoint.log = (struct log_name){
		.node = peer(node), .incarnation = 3, .audience = {AUDIENCE_PROVENANCE, start}};
	w.checkpoint.size = size;
	memset(w.checkpoint.root.bytes, root, HASH_BYTES);
	return w;
}

struct witnesses {
	struct store_witness list[128];
	size_t len;
};

static int witness_take(void *ctx, const struct store_witness *w)
{
	struct witnesses *all = ctx;

	all->list[all->len++] = *w;
	return 0;
}

static void witnesses_read(struct store *s, struct witnesses *all)
{
	struct store_reader *r;

	all->len = 0;
	assert_ok(store_reader_open(s, &r));
	assert_ok(store_witness_each(r, witness_take, all));
	store_reader_close(r);
}

static void a_witness_never_goes_back(void **state)
{
	const char *dir = test_dir();
	struct store *s = model_open(dir, STORE_WRITE);
	struct witnesses all;
	struct store_witness w = witnessed(1, 100, 50, 1);
	struct store_txn *txn;

	(void)state;
	assert_ok(store_begin(s, &txn));
	assert_ok(store_witness_put(txn, &w));
	assert_ok(store_witness_put(txn, &w));
	w = witnessed(1, 100, 49, 2);
	assert_int_equal(store_witness_put(txn, &w), ENT_ESTATE);
	w = witnessed(1, 100, 50, 2);
	assert_int_equal(store_witness_put(txn, &w), ENT_ESTATE);
	w = witnessed(1, 100, 51, 3);
	assert_ok(store_witness_put(txn, &w));
	w = witnessed(1, 200, 1, 4);
	assert_ok(store_witness_put(txn, &w));
	assert_ok(store_commit(txn));
	store_close(s);
	s = model_open(dir, STORE_WRITE);
	witnesses_read(s, &all);
	assert_int_equal(all.len, 2);
	assert_int_equal(all.list[0].checkpoint.size, 51);
	assert_int_equal(all.list[0].checkpoint.root.bytes[0], 3);
	assert_int_equal(all.list[1].checkpoint.log.audience.id, 200);
	store_close(s);
	test_dir_remove(dir);
}

static void both_checkpoints_of_a_rewritten_log_stay(void **state)
{
	const char *dir = test_dir();
	struct store *s = model_open(dir, STORE_WRITE);
	struct store_witness w = witnessed(1, 100, 50, 1);
	struct witnesses all;
	struct store_txn *txn;

	(void)state;
	assert_ok(store_begin(s, &txn));
	assert_ok(store_witness_put(txn, &w));
	w.rewritten = true;
	w.other = witnessed(1, 100, 60, 9).checkpoint;
	assert_ok(store_witness_put(txn, &w));
	w.other.size = 70; /* the first is enough */
	assert_ok(store_witness_put(txn, &w));
	w = witnessed(1, 100, 80, 3);
	assert_int_equal(store_witness_put(txn, &w), ENT_ESTATE);
	assert_ok(store_commit(txn));
	witnesses_read(s, &all);
	assert_int_equal(all.len, 1);
	assert_true(all.list[0].rewritten);
	assert_int_equal(all.list[0].checkpoint.size, 50);
	assert_int_equal(all.list[0].other.size, 60);
	store_close(s);
	test_dir_remove(dir);
}

static void a_peer_that_begins_log_after_log_takes_no_more_room(void **state)
{
	const char *dir = test_dir();
	struct store *s = model_open(dir, STORE_WRITE);
	struct store_witness w;
	struct witnesses all;
	struct store_txn *txn;

	(void)state;
	assert_ok(store_begin(s, &txn));
	for (unsigned i = 1; i <= 100; i++) {
		w = witnessed(1, i, 5, 1);
		w.rewritten = i == 3;
		assert_ok(store_witness_put(txn, &w));
	}
	w = witnessed(2, 1, 5, 1);
	assert_ok(store_witness_put(txn, &w));
	assert_ok(store_commit(txn));
	witnesses_read(s, &all);
	assert_int_equal(all.len, STORE_WITNESS_LOGS + 1);
	assert_int_equal(all.list[0].checkpoint.log.audience.id, 3);
	assert_int_equal(all.list[STORE_WITNESS_LOGS - 1].checkpoint.log.audience.id, 100);
	store_close(s);
	test_dir_remove(dir);
}

/* --- the former version ----------------------------------------------------------------------- */

/* As version 1 left it: without the tables, and saying so. */
static void downgrade(const char *dir)
{
	static const char *const tables[] = {"meta", "receipts", "cosigned", "witness"};
	MDB_val key = db_val(".schema", 7), value = db_val("\0\0\0\1", 4);
	struct db db = {0};
	char path[2048];
	MDB_txn *txn;

	snprintf(path, sizeof(path), "%s/log", dir);
	assert_ok(db_open(&db, path, true, 0, tables, COUNT_OF(tables)));
	assert_ok(mdb_txn_begin(db.env, NULL, 0, &txn));
	assert_ok(mdb_put(txn, db.tables[0], &key, &value, 0));
	for (size_t i = 1; i < COUNT_OF(tables); i++)
		assert_ok(mdb_drop(txn, db.tables[i], 1));
	assert_ok(mdb_txn_commit(txn));
	db_close(&db);
}

static void a_store_of_the_former_version_takes_them(void **state)
{
	struct store_receipt r;
	struct fixture f;

	(void)state;
	open_fixture(&f, audience_of(AUDIENCE_CLEAR));
	assert_ok(store_commit(f.txn));
	store_close(f.s);
	downgrade(f.dir);
	for (int turn = 0; turn < 2; turn++) {
		f.s = model_open(f.dir, STORE_WRITE);
		assert_ok(store_begin(f.s, &f.txn));
		r = receipt(&f.m.name, 1, 10, T0);
		assert_ok(store_receipt_put(f.txn, &r));
		assert_ok(store_commit(f.txn));
		assert_int_equal(rows_of(&f)->len, 1);
		store_close(f.s);
	}
	f.s = model_open(f.dir, STORE_READ);
	assert_int_equal(rows_of(&f)->len, 1);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_what_was_put_after_a_restart),
		cmocka_unit_test(counts_who_has_receipted_the_newest_checkpoint),
		cmocka_unit_test(one_that_is_not_newer_changes_nothing),
		cmocka_unit_test(a_receipt_may_come_before_the_first_entry),
		cmocka_unit_test(refuses_receipts_of_sizes_that_cannot_be),
		cmocka_unit_test(the_first_that_covers_an_entry_is_known_to_the_minute),
		cmocka_unit_test(a_peer_and_log_never_have_more_rows_than_the_bound),
		cmocka_unit_test(evidence_is_kept_beside_and_bounded),
		cmocka_unit_test(provenance_logs_have_a_table_of_their_own),
		cmocka_unit_test(a_witness_never_goes_back),
		cmocka_unit_test(both_checkpoints_of_a_rewritten_log_stay),
		cmocka_unit_test(a_peer_that_begins_log_after_log_takes_no_more_room),
		cmocka_unit_test(a_store_of_the_former_version_takes_them),
	};

	return hash_init() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
