/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A bad place to live: preloaded into a real daemon (LD_PRELOAD) it makes writes and syncs below
 * FAULT_DIR fail, and the wall clock wrong, as the file FAULT_FILE says from moment to moment:
 *
 *     i32 sync     errno of fsync, fdatasync, msync and of writes that sync; 0: they work
 *     i32 write    errno of write, writev, pwrite
 *     i32 commit   errno of writes to the pages by which LMDB commits
 *     i32 die      the so many-th call that changes a file kills the process instead; 0: none
 *     i64 clock    seconds that the wall clock is ahead
 *     i32 behind   errno of fdatasync alone
 *     i32 names    seconds that looking up a name takes, which then fails
 *
 * Compiled by tests/integration/test_faults.py; no part of any program.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct faults {
	volatile int32_t sync, write, commit;
	int32_t die;
	volatile int64_t clock;
	volatile int32_t behind, names;
};

static struct faults *faults;
static const char *dir;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULT_FILE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	dir = getenv("FAULT_DIR");
	if (fd < 0 || !dir)
		_exit(99);
	faults = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (faults == MAP_FAILED)
		_exit(99);
	close(fd);
}

/* Every call that changes a file is counted, so that a test may die before each of them. */
static void count_down(void)
{
	if (__atomic_load_n(&faults->die, __ATOMIC_RELAXED) > 0 &&
		__atomic_sub_fetch(&faults->die, 1, __ATOMIC_RELAXED) == 0)
		kill(getpid(), SIGKILL);
}

static void count_path(const char *path)
{
	if (faults && strncmp(path, dir, strlen(dir)) == 0)
		count_down();
}

static int below(int fd)
{
	char link[64], path[4096];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return 0;
	path[len] = '\0';
	return strncmp(path, dir, strlen(dir)) == 0;
}

static int fails(int error, int fd)
{
	if ((!error && !faults->die) || !below(fd))
		return 0;
	count_down();
	if (!error)
		return 0;
	errno = error;
	return 1;
}

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

int fsync(int fd)
{
	return fails(faults->sync, fd) ? -1 : REAL("fsync", int (*)(int))(fd);
}

int fdatasync(int fd)
{
	return fails(faults->sync ? faults->sync : faults->behind, fd)
		       ? -1
		       : REAL("fdatasync", int (*)(int))(fd);
}

/* The two pages by which LMDB commits lie first, and less than a page of them is written. */
static int commits(size_t len, off_t at)
{
	return at < 2 * 4096 && len < 4096;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	int synced = faults->sync && fcntl(fd, F_GETFL) & O_DSYNC;

	if (fails(synced ? faults->sync : faults->write, fd) ||
		(commits(len, at) && fails(faults->commit, fd)))
		return -1;
	return REAL("pwrite64", ssize_t(*)(int, const void *, size_t, off64_t))(fd, data, len, at);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	return pwrite64(fd, data, len, at);
}

/* LMDB writes several pages so. */
ssize_t writev(int fd, const struct iovec *parts, int count)
{
	if (fails(faults->write, fd))
		return -1;
	return REAL("writev", ssize_t(*)(int, const struct iovec *, int))(fd, parts, count);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **list)
{
	if (!faults->names)
		return REAL("getaddrinfo",
			int (*)(const char *, const char *, const struct addrinfo *,
				struct addrinfo **))(node, service, hints, list);
	poll(NULL, 0, 1000 * faults->names);
	return EAI_AGAIN;
}

ssize_t write(int fd, const void *data, size_t len)
{
	if (faults && fails(faults->write, fd))
		return -1;
	return REAL("write", ssize_t(*)(int, const void *, size_t))(fd, data, len);
}

int rename(const char *from, const char *to)
{
	count_path(to);
	return REAL("rename", int (*)(const char *, const char *))(from, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	count_path(to);
	return REAL("renameat2", int (*)(int, const char *, int, const char *, unsigned))(from_dir,
		from, to_dir, to, flags);
}

int link(const char *from, const char *to)
{
	count_path(to);
	return REAL("link", int (*)(const char *, const char *))(from, to);
}

int unlink(const char *path)
{
	count_path(path);
	return REAL("unlink", int (*)(const char *))(path);
}

int mkdir(const char *path, mode_t mode)
{
	count_path(path);
	return REAL("mkdir", int (*)(const char *, mode_t))(path, mode);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc = REAL("clock_gettime", int (*)(clockid_t, struct timespec *))(clock, t);

	if (rc == 0 && clock == CLOCK_REALTIME && faults)
		t->tv_sec += (time_t)faults->clock;
	return rc;
}

int gettimeofday(struct timeval *t, void *zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
