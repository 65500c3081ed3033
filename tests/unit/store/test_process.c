/* SPDX-License-Identifier: EUPL-1.2 */
/* Other processes, full disks, killed writers. LMDB is never open across a fork here. */
#include "store/db.h"
#include "unit/store/model.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SMALL_MAP (2u << 20)

/* --- a full map, a full disk ------------------------------------------------------------------ */

/* Appends until the store is full; what did not fit is not in m->size. */
static int fill(struct store *s, struct model_log *m, const struct env_rng *rng)
{
	for (;;) {
		struct store_txn *txn;
		int rc;

		if (m->made == m->size)
			model_entries(m, rng, 500, 200);
		assert_ok(store_begin(s, &txn));
		rc = model_append(txn, m);
		/* An error sticks: half a batch is never committed. */
		if (rc)
			assert_int_equal(store_commit(txn), rc);
		else
			rc = store_commit(txn);
		if (rc)
			return rc;
		m->size = m->made;
	}
}

static void check(struct store *s, const struct model_log *m, const struct env_rng *rng)
{
	struct store_reader *r;

	assert_ok(store_reader_open(s, &r));
	model_compare(r, m, rng, 20);
	store_reader_close(r);
}

static void a_full_map_loses_nothing_and_a_larger_one_goes_on(void **state)
{
	const char *dir = test_dir();
	const size_t map = db_map_bytes();
	uint64_t seed = 21;
	struct env_rng rng = test_rng(&seed);
	struct model_log m;
	struct store *s;
	uint64_t size;

	(void)state;
	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	db_map_bytes_set(SMALL_MAP);
	s = model_open(dir, STORE_WRITE);
	assert_int_equal(fill(s, &m, &rng), ENT_EFULL);
	assert_true(m.size > 1000);
	check(s, &m, &rng);
	size = m.size;
	assert_int_equal(fill(s, &m, &rng), ENT_EFULL);
	assert_true(m.size == size);
	check(s, &m, &rng);
	store_close(s);
	db_map_bytes_set(2 * SMALL_MAP);
	s = model_open(dir, STORE_WRITE);
	check(s, &m, &rng);
	assert_int_equal(fill(s, &m, &rng), ENT_EFULL);
	assert_true(m.size > size + 1000);
	check(s, &m, &rng);
	store_close(s);
	db_map_bytes_set(map);
	model_log_free(&m);
	test_dir_remove(dir);
}

static void a_map_grows_by_itself_before_it_is_full(void **state)
{
	const char *dir = test_dir();
	const size_t map = db_map_bytes();
	uint64_t seed = 23;
	struct env_rng rng = test_rng(&seed);
	struct store_reader *long_one;
	struct model_log m;
	struct store *s;

	(void)state;
	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	db_map_bytes_set(SMALL_MAP);
	db_map_bytes_max_set(8 * SMALL_MAP);
	s = model_open(dir, STORE_WRITE);
	/* A reader that stays holds up growing, and nothing else. */
	assert_ok(store_reader_open(s, &long_one));
	assert_int_equal(fill(s, &m, &rng), ENT_EFULL);
	store_reader_close(long_one);
	for (uint64_t before = m.size; m.size < 3 * before;) {
		model_entries(&m, &rng, 100, 500);
		model_store(s, &m);
	}
	check(s, &m, &rng);
	/* As far as it may. */
	assert_int_equal(fill(s, &m, &rng), ENT_EFULL);
	check(s, &m, &rng);
	store_close(s);
	db_map_bytes_set(map);
	model_log_free(&m);
	test_dir_remove(dir);
}

static void a_full_disk_loses_nothing_and_space_mends_it(void **state)
{
	const char *dir = test_dir();
	uint64_t seed = 22;
	struct env_rng rng = test_rng(&seed);
	struct store *s = model_open(dir, STORE_WRITE);
	struct rlimit before, limit;
	struct model_log m;
	uint64_t size;

	(void)state;
	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	signal(SIGXFSZ, SIG_IGN);
	assert_ok(getrlimit(RLIMIT_FSIZE, &before));
	limit = before;
	/* Not at a page's end: the last write comes back short. */
	limit.rlim_cur = SMALL_MAP + 1000;
	assert_ok(setrlimit(RLIMIT_FSIZE, &limit));
	assert_int_equal(fill(s, &m, &rng), ENT_EFULL);
	size = m.size;
	check(s, &m, &rng);
	assert_ok(setrlimit(RLIMIT_FSIZE, &before));
	model_store(s, &m);
	assert_true(m.size > size);
	check(s, &m, &rng);
	store_close(s);
	s = model_open(dir, STORE_READ);
	check(s, &m, &rng);
	store_close(s);
	model_log_free(&m);
	test_dir_remove(dir);
}

/* --- readers in another process --------------------------------------------------------------- */

/* One byte each way keeps the two in step. */
struct steps {
	int to_child[2], to_parent[2];
};

static void step_send(int fd)
{
	if (write(fd, "x", 1) != 1)
		abort();
}

static void step_await(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		abort();
}

static uint64_t size_seen(struct store *s, const struct log_name *name)
{
	struct buf out = buf_with_max(1u << 20);
	struct store_reader *r;
	struct store_log log;
	uint32_t count;

	if (store_reader_open(s, &r) != 0 || store_log_get(r, name, &log) != 0)
		abort();
	if (store_run_read(r, name, log.size - 1, log.size, 1, &out, &count) != 0 || count != 1)
		abort();
	store_reader_close(r);
	buf_free(&out);
	return log.size;
}

/* Reads beside the writer, beyond its own map, and with the writer gone. No cmocka in here. */
static int reader_main(const char *dir, const struct log_name *name, struct steps *st)
{
	struct store *s;

	/* Only the ends it uses: when the parent fails, it sees that and ends. */
	close(st->to_child[1]);
	close(st->to_parent[0]);
	db_map_bytes_set(SMALL_MAP);
	step_await(st->to_child[0]);
	if (store_open(&s, dir, STORE_READ, NULL) != 0)
		return 1;
	if (size_seen(s, name) != 100)
		return 2;
	step_send(st->to_parent[1]);
	step_await(st->to_child[0]);
	if (size_seen(s, name) != 50100)
		return 3;
	store_close(s);
	step_send(st->to_parent[1]);
	step_await(st->to_child[0]);
	if (store_open(&s, dir, STORE_READ, NULL) != 0)
		return 4;
	if (size_seen(s, name) != 50100)
		return 5;
	store_close(s);
	return 0;
}

static void another_process_reads_beside_the_writer_and_after_it(void **state)
{
	const char *dir = test_dir();
	uint64_t seed = 23;
	struct env_rng rng = test_rng(&seed);
	struct model_log m;
	struct store *s;
	struct steps st;
	int status;
	pid_t child;

	(void)state;
	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	assert_ok(pipe(st.to_child));
	assert_ok(pipe(st.to_parent));
	child = fork();
	if (child == 0)
		_exit(reader_main(dir, &m.name, &st));
	close(st.to_child[0]);
	close(st.to_parent[1]);
	s = model_open(dir, STORE_WRITE);
	model_entries(&m, &rng, 100, 100);
	model_store(s, &m);
	step_send(st.to_child[1]);
	step_await(st.to_parent[0]);
	/* Far more than the other process has mapped. */
	model_entries(&m, &rng, 50000, 100);
	model_store(s, &m);
	assert_true(store_disk_bytes(s) > 2 * SMALL_MAP);
	step_send(st.to_child[1]);
	step_await(st.to_parent[0]);
	store_close(s);
	step_send(st.to_child[1]);
	close(st.to_child[1]);
	close(st.to_parent[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	model_log_free(&m);
	test_dir_remove(dir);
}

/* Opens a reader and stands still until it is told to go. */
static int pinning_main(const char *dir, struct steps *st)
{
	struct store_reader *r;
	struct store *s;

	close(st->to_child[1]);
	close(st->to_parent[0]);
	step_await(st->to_child[0]);
	if (store_open(&s, dir, STORE_READ, NULL) != 0 || store_reader_open(s, &r) != 0)
		return 1;
	step_send(st->to_parent[1]);
	step_await(st->to_child[0]);
	return 0; /* as if killed: nothing is closed */
}

/* A store, and a process that will open a reader of it when told so. */
struct pinned {
	const char *dir;
	uint64_t seed;
	struct env_rng rng;
	struct model_log m;
	struct store *s;
	struct steps st;
	pid_t child;
};

static void pinned_open(struct pinned *p, uint64_t seed)
{
	p->dir = test_dir();
	p->seed = seed;
	p->rng = test_rng(&p->seed);
	model_log_init(&p->m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	assert_ok(pipe(p->st.to_child));
	assert_ok(pipe(p->st.to_parent));
	p->child = fork();
	if (p->child == 0)
		_exit(pinning_main(p->dir, &p->st));
	close(p->st.to_child[0]);
	close(p->st.to_parent[1]);
	p->s = model_open(p->dir, STORE_WRITE);
}

static void pinned_close(struct pinned *p)
{
	close(p->st.to_child[1]);
	close(p->st.to_parent[0]);
	store_close(p->s);
	model_log_free(&p->m);
	test_dir_remove(p->dir);
}

/* Commits of one entry; how large the file is then. */
static uint64_t grow(struct pinned *p, int commits)
{
	for (int i = 0; i < commits; i++) {
		model_entries(&p->m, &p->rng, 1, 100);
		model_store(p->s, &p->m);
	}
	return store_disk_bytes(p->s);
}

static void a_reader_that_stands_still_is_named(void **state)
{
	struct store_pin pin;
	struct pinned p;
	int status;

	(void)state;
	pinned_open(&p, 24);
	store_oldest_reader(p.s, &pin);
	assert_int_equal(pin.pid, 0);
	step_send(p.st.to_child[1]);
	step_await(p.st.to_parent[0]);
	grow(&p, 50);
	store_oldest_reader(p.s, &pin);
	assert_int_equal(pin.behind, 50);
	assert_int_equal(pin.pid, p.child);
	/* Each commit has replaced pages, at least its root and a leaf of some tables. */
	assert_true(pin.bytes > 50 * 4 * 4096);
	step_send(p.st.to_child[1]);
	assert_int_equal(waitpid(p.child, &status, 0), p.child);
	assert_int_equal(status, 0);
	/* Its slot is freed without anybody being asked. */
	store_oldest_reader(p.s, &pin);
	assert_int_equal(pin.pid, 0);
	pinned_close(&p);
}

static void a_stopped_reader_is_ended_and_the_file_grows_no_more(void **state)
{
	uint64_t before, pinned, after;
	struct store_pin pin, other;
	struct pinned p;
	int status;

	(void)state;
	pinned_open(&p, 25);
	before = grow(&p, 200);
	step_send(p.st.to_child[1]);
	step_await(p.st.to_parent[0]);
	assert_ok(kill(p.child, SIGSTOP));
	assert_int_equal(waitpid(p.child, &status, WUNTRACED), p.child);
	pinned = grow(&p, 200);
	assert_true(pinned - before > 200 * 4 * 4096);
	store_oldest_reader(p.s, &pin);
	assert_int_equal(pin.pid, p.child);
	/* One that has begun anew meanwhile, or somebody else, is not ended. */
	other = pin;
	other.txn++;
	assert_int_equal(store_reader_end(p.s, &other), ENT_ENOTFOUND);
	other = pin;
	other.pid = (int)getppid();
	assert_int_equal(store_reader_end(p.s, &other), ENT_ENOTFOUND);
	assert_int_equal(waitpid(p.child, &status, WNOHANG), 0);
	assert_ok(store_reader_end(p.s, &pin));
	assert_int_equal(waitpid(p.child, &status, 0), p.child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	store_oldest_reader(p.s, &pin);
	assert_int_equal(pin.pid, 0);
	/* What it kept is used again: as many commits take nothing but their entries. */
	after = grow(&p, 200);
	assert_true(after - pinned < 200 * 4096);
	check(p.s, &p.m, &p.rng);
	pinned_close(&p);
}

/* --- a killed writer -------------------------------------------------------------------------- */

/* Two logs grow by the same run in each transaction; what is committed is told through the pipe. */
static void writer_main(const char *dir, int announce, uint64_t seed)
{
	struct env_rng rng = test_rng(&seed);
	struct model_log a, b;
	struct store *s;

	model_log_init(&a, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	model_log_init(&b, model_name(2, 1, audience_of(AUDIENCE_CLEAR)));
	if (store_open(&s, dir, STORE_WRITE, NULL) != 0)
		_exit(1);
	for (;;) {
		struct store_txn *txn;
		uint32_t count = 1 + (uint32_t)(env_random_u64(&rng) % 600);

		model_entries(&a, &rng, count, 100);
		model_entries(&b, &rng, count, 100);
		if (store_begin(s, &txn) != 0 || model_append(txn, &a) != 0 ||
			model_append(txn, &b) != 0 || store_commit(txn) != 0)
			_exit(2);
		a.size = b.size = a.made;
		if (write(announce, &a.size, sizeof(a.size)) != sizeof(a.size))
			_exit(3);
		while (store_index_step(s, NULL, 200) == 1)
			;
	}
}

/* The same logs as the writer's, up to size. */
static void writer_replay(struct model_log *a, struct model_log *b, uint64_t seed, uint64_t size)
{
	struct env_rng rng = test_rng(&seed);

	while (a->made < size) {
		uint32_t count = 1 + (uint32_t)(env_random_u64(&rng) % 600);

		model_entries(a, &rng, count, 100);
		model_entries(b, &rng, count, 100);
	}
	a->size = b->size = size;
}

static void killed_once(uint64_t seed)
{
	const char *dir = test_dir();
	struct env_rng rng = test_rng(&seed);
	const uint64_t writer_seed = env_random_u64(&rng);
	uint64_t announced = 0, latest;
	struct store_reader *r;
	struct model_log a, b;
	struct store_log log;
	struct store *s;
	int fds[2], status;
	pid_t child;

	assert_ok(pipe(fds));
	child = fork();
	if (child == 0)
		writer_main(dir, fds[1], writer_seed);
	close(fds[1]);
	/* Some commits, then a moment that falls anywhere in the next. */
	for (uint64_t i = env_random_u64(&rng) % 20; i < 21; i++)
		assert_int_equal(read(fds[0], &announced, sizeof(announced)), sizeof(announced));
	poll(NULL, 0, (int)(env_random_u64(&rng) % 4));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(fds[0], &latest, sizeof(latest)) == sizeof(latest))
		announced = latest;
	close(fds[0]);

	s = model_open(dir, STORE_WRITE);
	assert_ok(store_reader_open(s, &r));
	model_log_init(&a, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	model_log_init(&b, model_name(2, 1, audience_of(AUDIENCE_CLEAR)));
	assert_ok(store_log_get(r, &a.name, &log));
	/* All that was announced is there, and no transaction by half. */
	assert_true(log.size >= announced);
	writer_replay(&a, &b, writer_seed, log.size);
	assert_true(a.made == log.size);
	model_compare(r, &a, &rng, 20);
	model_compare(r, &b, &rng, 20);
	/* The index of a killed writer is good: the machine did not go down. */
	assert_true(store_index_position(r) > 0);
	assert_true(store_index_position(r) <= store_arrival_last(r));
	store_reader_close(r);
	model_entries(&a, &rng, 10, 100);
	model_store(s, &a);
	check(s, &a, &rng);
	store_close(s);
	model_log_free(&a);
	model_log_free(&b);
	test_dir_remove(dir);
}

static void a_killed_writer_leaves_whole_transactions(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++)
		killed_once(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_map_loses_nothing_and_a_larger_one_goes_on),
		cmocka_unit_test(a_map_grows_by_itself_before_it_is_full),
		cmocka_unit_test(a_reader_that_stands_still_is_named),
		cmocka_unit_test(a_stopped_reader_is_ended_and_the_file_grows_no_more),
		cmocka_unit_test(a_full_disk_loses_nothing_and_space_mends_it),
		cmocka_unit_test(another_process_reads_beside_the_writer_and_after_it),
		cmocka_unit_test(a_killed_writer_leaves_whole_transactions),
	};

	return hash_init() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
