/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Readers of other processes. Pages that a reader sees are not used again while it stands, so one
 * that stands still makes the file grow with every commit, and its slot must not be taken from it:
 * were it to go on later it would read pages that hold something else by then. So who keeps too
 * much is ended as a whole.
 */
#include "store/db.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define PATH_BYTES 4096
#define GONE_MS    100

struct pin_search {
	struct db_pin *pin;
	uint64_t last;
};

/* One line of mdb_reader_list: pid, thread, transaction (or "-"). The first is a heading. */
static int pin_line(const char *line, void *ctx)
{
	struct pin_search *p = ctx;
	struct bytes rest = bytes_str(line), words[3];
	uint64_t pid, txn;

	if (rest.len && rest.data[rest.len - 1] == '\n')
		rest.len--;
	for (int i = 0; i < 3; i++)
		if (!text_word_next(&rest, &words[i]))
			return 0;
	if (!text_u64_parse(words[0], &pid) || !text_u64_parse(words[2], &txn) ||
		pid == (uint64_t)getpid() || txn > p->last ||
		(p->pin->pid && p->last - txn <= p->pin->behind))
		return 0;
	p->pin->pid = (int)pid;
	p->pin->txn = txn;
	p->pin->behind = p->last - txn;
	return 0;
}

/*
 * LMDB lists the pages that each commit has freed under its number: what was freed since the reader
 * began is not used again. The list's rows begin with how many pages they name.
 */
static uint64_t kept_bytes(struct db *db, uint64_t txn_from)
{
	const MDB_dbi free_pages = 0;
	size_t from = (size_t)txn_from, count, pages = 0;
	MDB_val key = db_val(&from, sizeof(from)), value;
	MDB_cursor *cursor;
	MDB_stat stat;
	MDB_txn *txn;
	int rc;

	if (mdb_env_stat(db->env, &stat) != 0 ||
		mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn) != 0)
		return 0;
	if (mdb_cursor_open(txn, free_pages, &cursor) == 0) {
		rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
		for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
			if (value.mv_size < sizeof(count))
				break;
			memcpy(&count, value.mv_data, sizeof(count));
			pages += count;
		}
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return (uint64_t)pages * stat.ms_psize;
}

static int pin_find(struct db *db, struct db_pin *pin)
{
	struct pin_search p = {.pin = pin};
	MDB_envinfo info;
	int dead;

	*pin = (struct db_pin){0};
	/* Slots of processes that are gone are freed by this. */
	if (!db->env || mdb_reader_check(db->env, &dead) != 0 || mdb_env_info(db->env, &info) != 0)
		return ENT_ENOTFOUND;
	p.last = info.me_last_txnid;
	if (mdb_reader_list(db->env, pin_line, &p) < 0)
		*pin = (struct db_pin){0};
	return pin->pid ? 0 : ENT_ENOTFOUND;
}

void db_oldest_pin(struct db *db, struct db_pin *pin)
{
	if (pin_find(db, pin) == 0)
		pin->bytes = kept_bytes(db, pin->txn);
}

/* One line of the kernel's list: "1: POSIX ADVISORY WRITE holder major:minor:inode from to". */
static bool lock_is(const char *line, int pid, uint64_t inode_wanted)
{
	enum { KIND = 1, HOLDER = 4, FILE_OF, FROM, WORDS };
	struct bytes rest = bytes_str(line), words[WORDS];
	uint64_t holder, inode, from;
	struct bytes *file = &words[FILE_OF];

	for (int i = 0; i < WORDS; i++)
		if (!text_word_next(&rest, &words[i]))
			return false;
	for (size_t i = file->len; i > 0; i--)
		if (file->data[i - 1] == ':') {
			*file = bytes_from(file->data + i, file->len - i);
			break;
		}
	return bytes_eq(words[KIND], bytes_str("POSIX")) &&
	       text_u64_parse(words[HOLDER], &holder) && text_u64_parse(*file, &inode) &&
	       text_u64_parse(words[FROM], &from) && inode == inode_wanted &&
	       holder == (uint64_t)pid && from == holder;
}

/*
 * Who reads holds a lock on one byte of lock.mdb, the one of its number. Where holder and byte do
 * not agree the reader counts processes in another way (another PID namespace), and the number
 * names somebody else here. The kernel's list is read, and the file not opened: closing it would
 * give up the locks that this process has on it.
 */
static bool lock_is_of(struct db *db, int pid)
{
	char path[PATH_BYTES], line[256];
	const char *dir;
	struct stat st;
	bool found = false;
	FILE *f;

	if (mdb_env_get_path(db->env, &dir) != 0 ||
		snprintf(path, sizeof(path), "%s/lock.mdb", dir) >= (int)sizeof(path) ||
		stat(path, &st) != 0 || !(f = fopen("/proc/locks", "re")))
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = lock_is(line, pid, st.st_ino);
	fclose(f);
	return found;
}

/* Its slot is free once it is gone, which is at once unless it waits for a disk. */
static void pin_kill(struct db *db, int process, int *rc)
{
	struct pollfd gone = {.fd = process, .events = POLLIN};
	int dead;

	if (pidfd_send_signal(process, SIGKILL, NULL, 0) != 0) {
		*rc = errno == ESRCH ? ENT_ENOTFOUND : ENT_EIO;
		return;
	}
	*rc = 0;
	if (poll(&gone, 1, GONE_MS) == 1)
		mdb_reader_check(db->env, &dead);
}

/* The handle is taken before anything is looked at: a number that is given to another process
 * meanwhile does not mean that one. */
int db_pin_end(struct db *db, const struct db_pin *pin)
{
	int process = pidfd_open(pin->pid, 0);
	struct db_pin now;
	int rc = ENT_ENOTFOUND;

	if (process < 0)
		return errno == ESRCH ? ENT_ENOTFOUND : ENT_EIO;
	if (pin_find(db, &now) == 0 && now.pid == pin->pid && now.txn == pin->txn) {
		if (!lock_is_of(db, pin->pid))
			rc = ENT_ESTATE;
		else
			pin_kill(db, process, &rc);
	}
	close(process);
	return rc;
}
