/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: app */
/*
 * What the index costs a record, and what look-ups cost while it comes about.
 *
 *     bench_index <data directory> [entries a step] [look-ups a second] [list of values]
 *
 * Drops the index of a store that nobody else uses and goes through its truth again, as the daemon
 * does under load: in steps of 65,536 entries unless said otherwise, each judged by the receive
 * door and merged behind. Prints a line for each million: CPU of the index's thread, and written.
 * With a list another thread looks values of it up meanwhile, those that are there already and
 * those that are not, and at last both p50 and p99 of them are told, in time and in CPU.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "intake/intake.h"
#include "intel/value.h"
#include "merkle/hash.h"
#include "intel/suffix.h"
#include "keys/file.h"
#include "store/store.h"

#define MILLION       1000000u
#define SAMPLES_MAX   (1u << 20)
#define LINE_BYTES    1024
#define LOOKUPS_A_SEC 1000

static void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bench_index: %s: %s\n", what, err_sentence(rc));
	exit(1);
}

static double clock_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- looking up meanwhile --------------------------------------------------------------------- */

struct lookups {
	struct store *store;
	FILE *list;
	uint64_t bytes;
	unsigned a_second;
	atomic_bool over;
	size_t len, found;
	double *wall, *cpu; /* us */
};

static int count_one(void *ctx, const struct store_entry *e)
{
	(void)e;
	++*(uint64_t *)ctx;
	return 0;
}

static void draw(struct lookups *l, struct value *v)
{
	static uint64_t z = 88172645463325252u;
	char line[LINE_BYTES];
	struct err_text err;

	do {
		z ^= z << 13, z ^= z >> 7, z ^= z << 17;
		check(fseeko(l->list, (off_t)(z % l->bytes), SEEK_SET) == 0 ? 0 : ENT_EIO, "list");
	} while (!fgets(line, sizeof(line), l->list) || !fgets(line, sizeof(line), l->list));
	check(value_parse(v, bytes_from(line, strcspn(line, "\n")), TYPE_NONE, &err), "value");
}

static void look_up(struct lookups *l)
{
	double wall, used;
	struct store_reader *r;
	uint64_t claims = 0;
	struct value v;

	draw(l, &v);
	wall = clock_of(CLOCK_MONOTONIC);
	used = clock_of(CLOCK_THREAD_CPUTIME_ID);
	check(store_reader_open(l->store, &r), "reader");
	check(store_find_value(r, v.type, bytes_from(v.text, v.len), count_one, &claims), "find");
	store_reader_close(r);
	l->cpu[l->len] = (clock_of(CLOCK_THREAD_CPUTIME_ID) - used) * 1e6;
	l->wall[l->len++] = (clock_of(CLOCK_MONOTONIC) - wall) * 1e6;
	l->found += claims > 0;
}

static void *look_ups(void *ctx)
{
	struct lookups *l = ctx;
	const struct timespec pause = {0, 1000000000L / l->a_second};

	while (!atomic_load(&l->over) && l->len < SAMPLES_MAX) {
		look_up(l);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int number_cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void tell(const char *what, double *us, size_t len)
{
	qsort(us, len, sizeof(*us), number_cmp);
	printf("%s p50 %.2f us, p99 %.2f us, most %.0f us\n", what, us[len / 2], us[len * 99 / 100],
		us[len - 1]);
}

static void lookups_begin(struct lookups *l, struct store *s, const char *path, pthread_t *thread)
{
	struct stat st;

	l->store = s;
	l->list = fopen(path, "r");
	l->wall = malloc(SAMPLES_MAX * sizeof(double));
	l->cpu = malloc(SAMPLES_MAX * sizeof(double));
	check(l->list && l->wall && l->cpu && fstat(fileno(l->list), &st) == 0 ? 0 : ENT_EIO, path);
	l->bytes = (uint64_t)st.st_size;
	check(pthread_create(thread, NULL, look_ups, l) == 0 ? 0 : ENT_EIO, "thread");
}

static void lookups_end(struct lookups *l, pthread_t thread)
{
	atomic_store(&l->over, true);
	pthread_join(thread, NULL);
	printf("%zu look-ups meanwhile, %zu found something\n", l->len, l->found);
	if (l->len > 0) {
		tell("    time:", l->wall, l->len);
		tell("    CPU: ", l->cpu, l->len);
	}
	free(l->wall);
	free(l->cpu);
	fclose(l->list);
}

/* --- the index -------------------------------------------------------------------------------- */

static const char *hidden(void *ctx, const struct log_name *log, const struct store_entry *e,
	const struct record_indicator *indicator)
{
	static const struct node_id nobody;

	return intake_hidden(&nobody, ctx, 1780000000, log, &e->header, indicator);
}

static uint64_t records(struct store *s)
{
	struct store_counts counts;
	struct store_reader *r;

	check(store_reader_open(s, &r), "reader");
	check(store_counts(r, &counts), "counts");
	store_reader_close(r);
	return counts.records;
}

static void line(uint64_t now, uint64_t last, double used, double all)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	printf("%9" PRIu64 " records: CPU %.3f us a record of these, %.3f of all; written %.0f B "
	       "a record, rss %ld MB\n",
		now, used / (double)(now - last) * 1e6, all / (double)now * 1e6,
		(double)use.ru_oublock * 512 / (double)now, use.ru_maxrss / 1024);
	fflush(stdout);
}

static void rebuild(struct store *s, struct guard *guard, uint32_t group)
{
	const struct store_index_ops ops = {hidden, guard};
	double start = clock_of(CLOCK_THREAD_CPUTIME_ID), at = start, now;
	uint64_t last = 0, have;
	int rc;

	check(store_index_drop(s), "drop");
	do {
		check(rc = store_index_step(s, &ops, group), "step");
		have = records(s);
		if (have - last < MILLION && rc == 1)
			continue;
		now = clock_of(CLOCK_THREAD_CPUTIME_ID);
		if (have > last)
			line(have, last, now - at, now - start);
		at = now;
		last = have;
	} while (rc == 1);
	while ((rc = store_index_merge(s)) == 1)
		;
	check(rc, "merge");
	now = clock_of(CLOCK_THREAD_CPUTIME_ID);
	printf("at rest: %.3f us a record more\n", (now - at) / (double)have * 1e6);
}

int main(int argc, char **argv)
{
	uint32_t group = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 65536;
	struct lookups l = {
		.a_second = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : LOOKUPS_A_SEC};
	pthread_t thread;
	struct buf list = buf_with_max(4u << 20);
	struct guard *guard;
	struct err_text err;
	struct store *s;
	char path[4096];

	if (argc < 2) {
		fprintf(stderr, "usage: bench_index <data directory> [entries a step] "
				"[look-ups a second] [list]\n");
		return 2;
	}
	check(hash_init(), "hash");
	if (suffixes_text_path(path, sizeof(path)))
		check(file_read(path, &list, &err), "the list of public suffixes");
	check(guard_new(&guard, buf_view(&list)), "guard");
	buf_free(&list);
	check(store_open(&s, argv[1], STORE_WRITE, &err), err.text);
	if (argc > 4)
		lookups_begin(&l, s, argv[4], &thread);
	rebuild(s, guard, group);
	if (argc > 4)
		lookups_end(&l, thread);
	store_close(s);
	guard_free(guard);
	return 0;
}
