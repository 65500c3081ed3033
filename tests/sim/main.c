/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Runs seeds of a mix (mix.h), the standard one if none is named, one worker a core.
 *
 *     main SEEDS [FIRST [MIX]]
 *
 * Every 64th seed is played twice, and must give the same trace (I13). NARRATE=1 tells on stderr
 * what happens; UNREACHED=1 names the branches that no seed has reached; TRACES=1 gives the trace
 * of each seed, which a change that only makes things quicker leaves as it was. The last line is
 *
 *     N seeds, V violations, B of M branches reached
 *
 * and the exit status is 1 when there were violations.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mark.h"
#include "sim/memo.h"
#include "sim/mix.h"

#define WORKERS_MAX  64
#define TWICE_EVERY  64
#define FAILURES_MAX 100 /* shown */
#define MARKS_MAX    512

extern const struct mark __start_marks[] __attribute__((weak));
extern const struct mark __stop_marks[] __attribute__((weak));

/* Of the seeds played so far, by this worker. */
static uint8_t reached[MARKS_MAX];

void mark_reached(const struct mark *m)
{
	reached[(size_t)(m - __start_marks) % MARKS_MAX] = 1;
}

static size_t marks_len(void)
{
	return (size_t)(__stop_marks - __start_marks);
}

/* What a worker tells of a seed before it plays it, and after; small enough for a pipe to keep it
 * whole. */
struct told {
	unsigned worker;
	bool begins;
	uint64_t seed, events, nodes, trace;
	char failure[512];
	uint8_t reached[MARKS_MAX];
};

_Static_assert(sizeof(struct told) <= 4096, "a write of so much is atomic");

struct totals {
	uint64_t seeds, violations, events, nodes;
	const char *mix;
	bool traces; /* are told */
	uint8_t reached[MARKS_MAX];
	unsigned workers;
	pid_t pids[WORKERS_MAX];
	uint64_t at[WORKERS_MAX]; /* the seed that each plays */
};

/* --- a worker --------------------------------------------------------------------------------- */

static void play(const struct mix_kind *kind, uint64_t seed, struct told *told)
{
	struct mix_result r, again;

	mix_play(kind, seed, &r);
	*told = (struct told){.seed = seed, .events = r.events, .nodes = r.nodes, .trace = r.trace};
	snprintf(told->failure, sizeof(told->failure), "%s", r.failure);
	if (!r.failure[0] && seed % TWICE_EVERY == 0) {
		mix_play(kind, seed, &again);
		if (again.trace != r.trace)
			snprintf(told->failure, sizeof(told->failure),
				"I13: seed %" PRIu64 " gives two traces", seed);
	}
	memcpy(told->reached, reached, sizeof(told->reached));
}

static void tell(int out, const struct told *told)
{
	if (write(out, told, sizeof(*told)) != (ssize_t)sizeof(*told))
		exit(2);
}

static void work(const struct totals *t, int out, unsigned worker, uint64_t first, uint64_t end)
{
	const struct mix_kind *kind = mix_kind(t->mix);
	struct told told;

	for (uint64_t seed = first + worker; seed < end; seed += t->workers) {
		told = (struct told){.worker = worker, .begins = true, .seed = seed};
		tell(out, &told);
		play(kind, seed, &told);
		told.worker = worker;
		tell(out, &told);
	}
	exit(0);
}

/* --- all of them ------------------------------------------------------------------------------ */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void progress(const struct totals *t, uint64_t seeds, double since)
{
	static double shown;
	double now = seconds();

	if (now - shown < (isatty(STDOUT_FILENO) ? 1 : 30))
		return;
	shown = now;
	printf("%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " violations, %.0f seeds an hour\n",
		t->seeds, seeds, t->violations, (double)t->seeds / (now - since) * 3600);
	fflush(stdout);
}

static void count(struct totals *t, const struct told *told)
{
	t->seeds++;
	t->events += told->events;
	t->nodes += told->nodes;
	for (size_t i = 0; i < MARKS_MAX; i++)
		t->reached[i] |= told->reached[i];
	if (t->traces)
		printf("seed %" PRIu64 " trace %016" PRIx64 "\n", told->seed, told->trace);
	if (!told->failure[0])
		return;
	if (t->violations++ < FAILURES_MAX)
		printf("%s\n    again: make sim SEEDS=1 SEED=%" PRIu64 " MIX=%s NARRATE=1\n",
			told->failure, told->seed, t->mix);
}

/* A worker that dies takes its seed along: that is a violation too. */
static void reap(struct totals *t)
{
	for (unsigned i = 0; i < t->workers; i++) {
		int status = 0;

		if (waitpid(t->pids[i], &status, 0) == t->pids[i] && WIFEXITED(status) &&
			WEXITSTATUS(status) == 0)
			continue;
		t->violations++;
		printf("seed %" PRIu64 ", a worker died: %s %d\n", t->at[i],
			WIFSIGNALED(status) ? "signal" : "status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
}

static unsigned cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		return 1;
	return n < WORKERS_MAX ? (unsigned)n : WORKERS_MAX;
}

static void run(struct totals *t, uint64_t first, uint64_t seeds)
{
	double since = seconds();
	struct told told;
	int pipes[2];

	t->workers = seeds < cores() ? (unsigned)seeds : cores();
	if (pipe(pipes) != 0)
		abort();
	fflush(stdout);
	for (unsigned i = 0; i < t->workers; i++) {
		t->pids[i] = fork();
		if (t->pids[i] < 0)
			abort();
		if (t->pids[i] == 0) {
			close(pipes[0]);
			work(t, pipes[1], i, first, first + seeds);
		}
	}
	close(pipes[1]);
	while (read(pipes[0], &told, sizeof(told)) == (ssize_t)sizeof(told)) {
		if (told.begins) {
			t->at[told.worker] = told.seed;
			continue;
		}
		count(t, &told);
		progress(t, seeds, since);
	}
	close(pipes[0]);
	reap(t);
}

static size_t marks_count(const struct totals *t, bool name_others)
{
	size_t n = 0;

	for (size_t i = 0; i < marks_len(); i++) {
		n += t->reached[i];
		if (!t->reached[i] && name_others)
			printf("never reached: %s\n", __start_marks[i].name);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct totals t = {0};
	uint64_t seeds, first;
	size_t branches;

	t.mix = argc > 3 ? argv[3] : "standard";
	if (argc < 2 || marks_len() > MARKS_MAX || !mix_kind(t.mix))
		return 2;
	seeds = strtoull(argv[1], NULL, 10);
	first = argc > 2 && argv[2][0] ? strtoull(argv[2], NULL, 10) : 1;
	/* What a node says of its full disk is no news here. */
	if (!getenv("NARRATE"))
		log_level_set(LOG_NOTHING);
	memo_idealise();
	t.traces = getenv("TRACES") != NULL;
	run(&t, first, seeds);
	branches = marks_count(&t, getenv("UNREACHED") != NULL);
	printf("%.0f events a node\n", t.nodes ? (double)t.events / (double)t.nodes : 0);
	printf("%" PRIu64 " seeds, %" PRIu64 " violations, %zu of %zu branches reached\n", t.seeds,
		t.violations, branches, marks_len());
	return t.violations != 0 || t.seeds != seeds;
}
