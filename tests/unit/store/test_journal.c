/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Commits by journal: whatever of them was on the disk when the machine died, the store opens with
 * all of what the journal tells of. The pages that reached the disk are any, the meta page first or
 * last.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keys/file.h"
#include "store/impl.h"
#include "store/slot.h"
#include "unit/store/model.h"

enum death { BEFORE_JOURNAL, BEFORE_COMMIT, BEFORE_SETTLE, SETTLE_FAILS, ALIVE };

struct life {
	const char *dir;
	enum death death;
};

static const char *in(const char *dir, const char *name)
{
	static char path[8][512];
	static unsigned turn;
	char *out = path[turn++ % 8];

	snprintf(out, sizeof(path[0]), "%s/log/%s", dir, name);
	return out;
}

static void contents(const char *path, struct buf *out)
{
	*out = buf_with_max(64u << 20);
	assert_ok(file_read(path, out, NULL));
}

static void put_file(const char *path, struct bytes data)
{
	struct err_text err;

	assert_ok(file_write(path, data, 0600, &err));
}

/* --- a writer that dies ----------------------------------------------------------------------- */

static int journal(void *ctx, struct bytes redo)
{
	const struct life *l = ctx;
	struct buf file = buf_with_max(2 * SLOT_BYTES);
	struct err_text err;
	int rc;

	if (l->death == BEFORE_JOURNAL)
		_exit(0);
	if (!slot_print(&file, 1, BYTES_NONE, redo))
		_exit(1);
	memset(buf_extend(&file, 2 * SLOT_BYTES - file.len), 0, 2 * SLOT_BYTES - file.len);
	rc = file_write(in(l->dir, JOURNAL_NAME), buf_view(&file), 0600, &err);
	buf_free(&file);
	if (rc != 0 || l->death == BEFORE_COMMIT)
		_exit(rc != 0);
	return 0;
}

/* From now on nothing can be synced. */
static void sync_break(struct store *s)
{
	int fd, ends[2];

	assert_ok(mdb_env_get_fd(s->log.env, &fd));
	assert_ok(pipe(ends));
	assert_true(dup2(ends[1], fd) == fd);
}

static int append(struct store *s, const struct model_log *m, struct life *l)
{
	struct store_txn *txn;
	int rc = store_begin(s, &txn);

	if (rc == 0)
		rc = model_append(txn, m);
	if (rc != 0)
		return rc;
	return store_commit_journaled(txn, journal, l);
}

static void child(const char *dir, const struct model_log *m, enum death death)
{
	struct life l = {dir, death};
	struct store_txn *txn;
	struct store *s;

	if (store_open(&s, dir, STORE_WRITE, NULL) != 0 || append(s, m, &l) != 0)
		_exit(2);
	if (death == SETTLE_FAILS) {
		sync_break(s);
		_exit(store_settle(s) == ENT_EIO && store_given_up(s) &&
					store_begin(s, &txn) == ENT_EIO
				? 0
				: 3);
	}
	if (death == ALIVE)
		store_close(s);
	_exit(0);
}

/* Appends to the log what was made of it since, in a process that dies over it. */
static void dies(const char *dir, struct model_log *m, enum death death)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		child(dir, m, death);
	assert_true(waitpid(pid, &status, 0) == pid && status == 0);
	if (death != BEFORE_JOURNAL)
		m->size = m->made;
}

/* --- what is there afterwards ----------------------------------------------------------------- */

static void holds(struct store *s, const struct model_log *m)
{
	struct buf have = buf_with_max(64u << 20);
	struct store_reader *r;
	struct store_log log;
	uint32_t count;

	assert_ok(store_reader_open(s, &r));
	assert_ok(store_log_get(r, &m->name, &log));
	assert_int_equal(log.size, m->size);
	assert_ok(store_run_read(r, &m->name, 0, m->size, 64u << 20, &have, &count));
	assert_int_equal(count, m->size);
	assert_bytes_equal(buf_view(&have), model_run(m, 0, m->size));
	buf_free(&have);
	store_reader_close(r);
}

/* Opened so, and then to write: it holds that, and goes on. */
static void opens(const char *dir, const struct model_log *m, enum store_mode mode)
{
	struct err_text err;
	struct store *s;

	assert_ok(store_open(&s, dir, mode, &err));
	holds(s, m);
	store_close(s);
	assert_true(mode == STORE_READ || access(in(dir, JOURNAL_NAME), F_OK) != 0);
}

static struct model_log begun(const char *dir, struct env_rng *rng)
{
	struct model_log m;
	struct store *s;

	model_log_init(&m, model_name(1, 1, audience_of(AUDIENCE_CLEAR)));
	model_entries(&m, rng, 300, 400);
	assert_ok(store_open(&s, dir, STORE_WRITE, NULL));
	model_store(s, &m);
	store_close(s);
	return m;
}

static void all_of_it_or_none_wherever_it_dies(void **state)
{
	uint64_t seed = 1;
	struct env_rng rng = test_rng(&seed);

	(void)state;
	for (unsigned turn = 0; turn < 10; turn++) {
		const char *dir = test_dir();
		struct model_log m = begun(dir, &rng);
		uint64_t before = m.made;

		model_entries(&m, &rng, 3, 400);
		dies(dir, &m, (enum death)(turn / 2));
		assert_true(m.size == m.made || m.size == before);
		opens(dir, &m, turn % 2 ? STORE_READ : STORE_WRITE);
		opens(dir, &m, STORE_READ);
		model_log_free(&m);
		test_dir_remove(dir);
	}
}

/* Of every page of the file either what was there before or what was written, at random. */
static void pages_mix(const char *path, const struct buf *before, const struct buf *after,
	struct env_rng *rng, unsigned metas)
{
	struct buf disk = buf_with_max(64u << 20);
	size_t len = env_random_u64(rng) % 2 ? after->len : before->len;

	for (size_t at = 0; at < len; at += 4096) {
		bool new = env_random_u64(rng) % 2;

		if (at < 2 * 4096)
			new = metas >> at / 4096 & 1;
		if (new || at < before->len)
			buf_append(&disk, (new ? after : before)->data + at, 4096);
		else
			memset(buf_extend(&disk, 4096), 0xa5, 4096);
	}
	put_file(path, buf_view(&disk));
	buf_free(&disk);
}

static void whatever_reached_the_disk_it_is_done_again(void **state)
{
	const char *dir = test_dir();
	uint64_t seed = 2;
	struct env_rng rng = test_rng(&seed);
	struct model_log m = begun(dir, &rng);
	struct buf before, after, journal_file;

	(void)state;
	for (unsigned turn = 0; turn < 48; turn++) {
		contents(in(dir, "data.mdb"), &before);
		model_entries(&m, &rng, 1 + turn % 5, 300);
		dies(dir, &m, turn % 3 ? BEFORE_SETTLE : BEFORE_COMMIT);
		contents(in(dir, "data.mdb"), &after);
		contents(in(dir, JOURNAL_NAME), &journal_file);
		for (unsigned again = 0; again < 2; again++) {
			pages_mix(in(dir, "data.mdb"), &before, &after, &rng, turn / 3 % 4);
			put_file(in(dir, JOURNAL_NAME), buf_view(&journal_file));
			unlink(in(dir, "lock.mdb"));
			opens(dir, &m, again ? STORE_READ : STORE_WRITE);
		}
		/* And once more upon what was done again. */
		put_file(in(dir, JOURNAL_NAME), buf_view(&journal_file));
		opens(dir, &m, STORE_WRITE);
		buf_free(&before);
		buf_free(&after);
		buf_free(&journal_file);
	}
	model_log_free(&m);
	test_dir_remove(dir);
}

static void what_has_gone_on_or_is_another_is_left_alone(void **state)
{
	const char *dir = test_dir(), *other = test_dir();
	uint64_t seed = 3;
	struct env_rng rng = test_rng(&seed);
	struct model_log m = begun(dir, &rng), another = begun(other, &rng);
	struct buf journal_file;
	struct store *s;

	(void)state;
	model_entries(&m, &rng, 3, 100);
	dies(dir, &m, BEFORE_COMMIT);
	contents(in(dir, JOURNAL_NAME), &journal_file);
	put_file(in(other, JOURNAL_NAME), buf_view(&journal_file));
	opens(other, &another, STORE_WRITE);
	opens(dir, &m, STORE_WRITE);
	for (unsigned i = 0; i < 3; i++) {
		assert_ok(store_open(&s, dir, STORE_WRITE, NULL));
		model_entries(&m, &rng, 2, 100);
		model_store(s, &m);
		store_close(s);
		put_file(in(dir, JOURNAL_NAME), buf_view(&journal_file));
		opens(dir, &m, i % 2 ? STORE_READ : STORE_WRITE);
	}
	buf_free(&journal_file);
	model_log_free(&m);
	model_log_free(&another);
	test_dir_remove(dir);
	test_dir_remove(other);
}

/* A process that has the environment open until it is killed. */
static pid_t onlooker(const char *dir)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_ok(pipe(ready));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct store *s;

		if (store_open(&s, dir, STORE_READ, NULL) != 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_true(waitpid(pid, NULL, 0) == pid);
}

static void under_the_eyes_of_others_nothing_is_taken_back(void **state)
{
	const char *dir = test_dir();
	uint64_t seed = 4;
	struct env_rng rng = test_rng(&seed);
	struct model_log m = begun(dir, &rng);
	struct store *s;
	pid_t pid = onlooker(dir);

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		model_entries(&m, &rng, 2, 100);
		dies(dir, &m, i % 2 ? BEFORE_COMMIT : BEFORE_SETTLE);
		opens(dir, &m, STORE_WRITE);
	}
	/* What looks written may not be: nobody builds on it, and with the last of them gone it is
	 * done again. */
	model_entries(&m, &rng, 2, 100);
	dies(dir, &m, SETTLE_FAILS);
	assert_int_equal(store_open(&s, dir, STORE_WRITE, NULL), ENT_EBUSY);
	end(pid);
	opens(dir, &m, STORE_WRITE);
	pid = onlooker(dir);
	opens(dir, &m, STORE_WRITE);
	end(pid);
	model_log_free(&m);
	test_dir_remove(dir);
}

/* A reader that does again what the journal tells of has the lock for a moment. */
static void a_writer_waits_for_whoever_finishes(void **state)
{
	const struct timespec moment = {0, 300000000};
	const char *dir = test_dir();
	uint64_t seed = 11;
	struct env_rng rng = test_rng(&seed);
	struct model_log m = begun(dir, &rng);
	char path[4096], ready;
	int fds[2];
	pid_t pid;

	(void)state;
	snprintf(path, sizeof(path), "%s/lock", dir);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(path, O_RDWR);

		if (flock(fd, LOCK_EX) != 0 || write(fds[1], "", 1) != 1)
			_exit(1);
		nanosleep(&moment, NULL);
		_exit(0);
	}
	assert_int_equal(read(fds[0], &ready, 1), 1);
	opens(dir, &m, STORE_WRITE);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fds[0]);
	close(fds[1]);
	model_log_free(&m);
	test_dir_remove(dir);
}

static int refuses(void *ctx, struct bytes redo)
{
	(void)ctx, (void)redo;
	return ENT_EIO;
}

static void in_doubt_nothing_else_is_committed(void **state)
{
	const char *dir = test_dir();
	uint64_t seed = 5;
	struct env_rng rng = test_rng(&seed);
	struct model_log m = begun(dir, &rng);
	struct store_txn *txn;
	struct store *s;

	(void)state;
	assert_ok(store_open(&s, dir, STORE_WRITE, NULL));
	model_entries(&m, &rng, 2, 100);
	assert_ok(store_begin(s, &txn));
	assert_ok(model_append(txn, &m));
	assert_true(store_txn_redo_len(txn) < STORE_REDO_MAX);
	assert_int_equal(store_commit_journaled(txn, refuses, NULL), ENT_EIO);
	assert_true(store_in_doubt(s));
	assert_ok(store_begin(s, &txn));
	assert_ok(model_append(txn, &m));
	assert_int_equal(store_commit(txn), ENT_EIO);
	store_doubt_over(s);
	model_store(s, &m);
	holds(s, &m);
	/* More than a record takes. */
	model_entries(&m, &rng, 200, 1000);
	assert_ok(store_begin(s, &txn));
	assert_ok(model_append(txn, &m));
	assert_true(store_txn_redo_len(txn) == SIZE_MAX);
	assert_int_equal(store_commit_journaled(txn, refuses, NULL), ENT_ELIMIT);
	assert_false(store_in_doubt(s));
	m.made = m.size;
	store_close(s);
	model_log_free(&m);
	test_dir_remove(dir);
}

/* --- slots ------------------------------------------------------------------------------------ */

static void slot_file(struct buf *out, const uint64_t numbers[2], struct bytes redo)
{
	static const char *const lines[] = {"one\n", "two two\n"};

	*out = buf_with_max(2 * SLOT_BYTES);
	for (size_t i = 0; i < 2; i++) {
		assert_true(slot_print(out, numbers[i], bytes_str(lines[i]), redo));
		memset(buf_extend(out, (i + 1) * SLOT_BYTES - out->len), 0,
			(i + 1) * SLOT_BYTES - out->len);
	}
}

static void a_slot_that_is_not_whole_does_not_count(void **state)
{
	uint8_t redo[3000];
	uint64_t seed = 6;
	struct env_rng rng = test_rng(&seed);
	struct slot slot;
	struct buf file;

	(void)state;
	env_random(&rng, redo, sizeof(redo));
	slot_file(&file, (uint64_t[]){7, 8}, BYTES_OF(redo));
	assert_true(slot_newest(buf_view(&file), &slot));
	assert_bytes_equal(slot.lines, bytes_str("two two\n"));
	assert_bytes_equal(slot.redo, BYTES_OF(redo));
	for (size_t at = 0; at < 3100; at += 1 + at / 20) {
		uint8_t was = file.data[SLOT_BYTES + at];

		file.data[SLOT_BYTES + at] ^= (uint8_t)(1 + env_random_u64(&rng) % 255);
		if (slot_newest(buf_view(&file), &slot))
			assert_true(slot.number == 7 || at > 3050);
		file.data[SLOT_BYTES + at] = was;
	}
	for (size_t cut = 0; cut < 3000; cut += 1 + cut / 20) {
		struct buf torn = buf_with_max(2 * SLOT_BYTES);

		buf_bytes(&torn, buf_view(&file));
		memset(torn.data + SLOT_BYTES + cut, 0, SLOT_BYTES - cut);
		assert_true(slot_newest(buf_view(&torn), &slot) && slot.number == 7);
		buf_free(&torn);
	}
	assert_false(slot_newest(bytes_from(file.data, file.len - 1), &slot));
	buf_free(&file);
	file = buf_with_max(2 * SLOT_BYTES);
	static const uint8_t large[SLOT_BYTES];

	assert_false(slot_print(&file, 1, BYTES_OF(redo), BYTES_OF(large)));
	assert_int_equal(file.len, 0);
	buf_free(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_writer_waits_for_whoever_finishes),
		cmocka_unit_test(all_of_it_or_none_wherever_it_dies),
		cmocka_unit_test(whatever_reached_the_disk_it_is_done_again),
		cmocka_unit_test(what_has_gone_on_or_is_another_is_left_alone),
		cmocka_unit_test(under_the_eyes_of_others_nothing_is_taken_back),
		cmocka_unit_test(in_doubt_nothing_else_is_committed),
		cmocka_unit_test(a_slot_that_is_not_whole_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
