/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * make sim-scale: federations of 43 nodes in four topologies, and one of 10,000 with light traffic.
 *
 *     scale PLOT.svg [NODES [RECORDS]]        of the large one
 *
 * Single records are published one after the other by a few origins; the time that counts is from
 * the moment at which an entry is handed to its origin's writer until it is durable at the last
 * node. Every node is whole: engine, verifier, ledger, store. What is measured is printed, and
 * drawn.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/vocab.h"
#include "sim/plot.h"
#include "sim/topology.h"
#include "sim/world.h"

#define SEED            1u
#define SMALL           43u
#define LOOK_MS         5u /* so often it is looked who has a record */
#define CONNECT_MS      5000u
#define LATE_MS         120000u /* a record that is not everywhere by then is lost */
#define CURVE_MS        5u
#define CURVE_LEN       2000u
#define BODY_LEN        200u
#define RECORDS_MAX     1000u
#define LINES_MAX       16u

#define MUST_MS         2000u
#define MUST_REDUNDANCY 1.05

struct scenario {
	const char *name;
	enum topology topology;
	unsigned nodes, origins, records;
	unsigned gap_ms; /* from one record to the next */
};

/* Entries (of records and nodes) that had arrived so long after they were published. */
struct curve {
	double x[CURVE_LEN], y[CURVE_LEN];
	uint64_t count[CURVE_LEN], total;
	size_t len;
};

struct outcome {
	size_t links;
	unsigned took_ms[RECORDS_MAX]; /* until the last node */
	struct curve first,
		later; /* the first record of an origin makes its feed known; the others */
	double redundancy, wire_kib, memory_kib; /* the latter two of a node */
	double seconds;                          /* of this machine */
	uint64_t events;
};

/* A record under way. */
struct record {
	struct log_name feed;
	unsigned origin;
	uint64_t size, since_ms;
	unsigned missing;
	uint8_t *has; /* of each node */
};

/* --- building --------------------------------------------------------------------------------- */

/* Of the processor: the machine may have other things to do. */
static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Resident: what was asked for and never touched costs nothing. */
static double memory_kib(void)
{
	char line[128] = "", *second;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || !fgets(line, sizeof(line), f))
		abort();
	fclose(f);
	strtoul(line, &second, 10);
	return (double)strtoul(second, NULL, 10) * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* An agreement for every link: both give their community feeds, and introduce. */
static size_t federate(struct world *w, const struct scenario *s)
{
	uint32_t gives = TLP_BIT(TLP_CLEAR) | TLP_BIT(TLP_GREEN);
	struct topology_link *links;
	size_t len = topology_make(s->topology, s->nodes, SEED, &links);

	for (size_t i = 0; i < len; i++) {
		struct cast_terms terms = {.id = i + 1, .serial = 1, .quota_origins = s->nodes};
		struct cast_party parties[2] = {
			{links[i].a, gives, true}, {links[i].b, gives, true}};
		const struct agreement *a = cast_agreement_of(&terms, parties, 2, &w->agreements);

		world_place(w, links[i].a, a);
		world_place(w, links[i].b, a);
	}
	free(links);
	return len;
}

/* --- publishing and looking ------------------------------------------------------------------- */

static void curve_add(struct curve *c, uint64_t ms)
{
	size_t at = ms / CURVE_MS < CURVE_LEN ? ms / CURVE_MS : CURVE_LEN - 1;

	c->count[at]++;
	c->total++;
}

static void curve_end(struct curve *c)
{
	uint64_t sum = 0;

	for (c->len = 0; c->len < CURVE_LEN && sum < c->total; c->len++) {
		sum += c->count[c->len];
		c->x[c->len] = (double)((c->len + 1) * CURVE_MS);
		c->y[c->len] = (double)sum / (double)c->total;
	}
}

static void record_publish(struct world *w, struct record *r, const struct scenario *s, unsigned i)
{
	/* Origins lie apart. */
	r->origin = (unsigned)((uint64_t)(i % s->origins) * s->nodes / s->origins);
	r->feed = world_feed(w, r->origin, audience_of(AUDIENCE_GREEN));
	r->size = i / s->origins + 1;
	r->since_ms = w->now_ms;
	r->missing = s->nodes;
	r->has = calloc(s->nodes, 1);
	if (!r->has)
		abort();
	world_publish(w, r->origin, audience_of(AUDIENCE_GREEN), 1, BODY_LEN);
}

/* Who has got it since the last look. */
static void record_look(struct world *w, struct record *r, struct curve *c)
{
	for (unsigned i = 0; i < w->nodes_len; i++) {
		if (r->has[i] || world_held(w, i, &r->feed) < r->size)
			continue;
		r->has[i] = 1;
		r->missing--;
		curve_add(c, w->now_ms - r->since_ms);
	}
}

/* False: something is wrong, or a record does not arrive. */
static bool traffic(struct world *w, const struct scenario *s, struct outcome *o)
{
	struct record *records = calloc(s->records, sizeof(*records));
	unsigned published = 0, arrived = 0, oldest = 0;
	uint64_t next_ms = w->now_ms;

	if (!records)
		abort();
	while (arrived < s->records && !world_failure(w)) {
		if (published < s->records && w->now_ms >= next_ms) {
			record_publish(w, &records[published], s, published);
			published++;
			next_ms += s->gap_ms;
		}
		world_run(w, LOOK_MS);
		for (unsigned i = oldest; i < published; i++) {
			struct record *r = &records[i];

			if (r->missing == 0)
				continue;
			record_look(w, r, i < s->origins ? &o->first : &o->later);
			if (r->missing > 0 && w->now_ms - r->since_ms > LATE_MS)
				world_fail(w, "record %u has not reached %u nodes", i, r->missing);
			if (r->missing > 0)
				continue;
			o->took_ms[i] = (unsigned)(w->now_ms - r->since_ms);
			arrived++;
		}
		while (oldest < published && records[oldest].missing == 0)
			oldest++;
	}
	for (unsigned i = 0; i < published; i++)
		free(records[i].has);
	free(records);
	return !world_failure(w);
}

static void count(struct world *w, struct outcome *o)
{
	uint64_t sent = 0;

	for (unsigned i = 0; i < w->nodes_len; i++)
		sent += w->nodes[i].sent_bytes;
	o->wire_kib = (double)sent / 1024 / w->nodes_len;
	o->redundancy = world_redundancy(w);
	o->events = w->events;
	curve_end(&o->first);
	curve_end(&o->later);
}

static bool play(const struct scenario *s, struct outcome *o)
{
	double began = seconds(), before;
	struct world *w;
	bool well;

	*o = (struct outcome){0};
	for (unsigned i = 0; i < s->nodes; i++)
		cast_actor(i);
	w = world_new(SEED);
	before = memory_kib();
	world_nodes(w, s->nodes);
	o->links = federate(w, s);
	world_run(w, CONNECT_MS);
	well = traffic(w, s, o);
	o->memory_kib = (memory_kib() - before) / s->nodes;
	count(w, o);
	if (!well)
		printf("%s: %s\n", s->name, world_failure(w));
	world_free(w);
	o->seconds = seconds() - began;
	return well;
}

/* In a process of its own: none finds memory that another has left. o is shared with it. */
static bool play_apart(const struct scenario *s, struct outcome *o)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		bool well = play(s, o);

		fflush(stdout);
		_exit(well ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/* --- telling ---------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

/* Of n values from first on, the one that so many in a hundred do not exceed. */
static unsigned percentile(const unsigned *values, size_t n, unsigned percent)
{
	unsigned *sorted = malloc(n * sizeof(*sorted)), value;

	if (!sorted)
		abort();
	memcpy(sorted, values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	value = sorted[(n * percent + 99) / 100 - 1];
	free(sorted);
	return value;
}

static void tell(char line[160], const struct scenario *s, const struct outcome *o)
{
	snprintf(line, 160,
		"%-14s %6u nodes %6zu links %4u records: at all nodes p50 %5u ms, p99 %5u ms; "
		"redundancy %.3f; wire %6.0f KiB, memory %4.0f KiB a node",
		s->name, s->nodes, o->links, s->records, percentile(o->took_ms, s->records, 50),
		percentile(o->took_ms, s->records, 99), o->redundancy, o->wire_kib, o->memory_kib);
	printf("%s\n    (%.0f s, %" PRIu64 " events)\n", line, o->seconds, o->events);
	fflush(stdout);
}

/* Each byte comes once; 43 nodes have a record within two seconds. */
static bool misses(const struct scenario *s, const struct outcome *o)
{
	bool slow = s->nodes == SMALL && percentile(o->took_ms, s->records, 99) > MUST_MS;

	if (slow || o->redundancy > MUST_REDUNDANCY)
		printf("    MISSED: %u ms at p99 for %u nodes, redundancy %.2f\n", MUST_MS, SMALL,
			MUST_REDUNDANCY);
	return slow || o->redundancy > MUST_REDUNDANCY;
}

static void panel_curve(struct plot_panel *p, const char *name, const struct curve *c)
{
	if (c->total)
		p->series[p->series_len++] =
			(struct plot_series){.name = name, .x = c->x, .y = c->y, .len = c->len};
}

static void panel_bar(struct plot_panel *p, const char *name, double value)
{
	p->series[p->series_len++] = (struct plot_series){.name = name, .value = value};
}

static int draw(const char *path, const struct scenario *scenarios, const struct outcome *outcomes,
	size_t len, char lines[][160])
{
	struct plot_panel panels[4] = {{.title = "43 nodes: how far a record has come",
					       .x_label = "ms since it was published",
					       .y_label = "nodes that have it"},
		{.title = "The large federation: the same",
			.x_label = "ms since it was published",
			.y_label = "nodes that have it"},
		{.title = "Memory of a node, simulated disk included",
			.x_label = "KiB",
			.format = "%.0f"},
		{.title = "Everything that a node has sent", .x_label = "KiB", .format = "%.0f"}};
	const char *shown[LINES_MAX];
	FILE *out = fopen(path, "w");

	if (!out) {
		perror(path);
		return 1;
	}
	for (size_t i = 0; i < len; i++) {
		shown[i] = lines[i];
		panel_bar(&panels[2], scenarios[i].name, outcomes[i].memory_kib);
		panel_bar(&panels[3], scenarios[i].name, outcomes[i].wire_kib);
		if (i + 1 < len)
			panel_curve(&panels[0], scenarios[i].name, &outcomes[i].later);
	}
	panel_curve(&panels[1], "first record of an origin", &outcomes[len - 1].first);
	panel_curve(&panels[1], "records after it", &outcomes[len - 1].later);
	plot_write(out, "Records on their way through simulated federations", panels, 4, shown,
		len);
	return fclose(out) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct scenario scenarios[] = {
		{"sparse", TOPOLOGY_SPARSE, SMALL, SMALL, 430, 50},
		{"ring", TOPOLOGY_RING, SMALL, SMALL, 430, 50},
		{"hub-like", TOPOLOGY_HUBS, SMALL, SMALL, 430, 50},
		{"two camps", TOPOLOGY_CAMPS, SMALL, SMALL, 430, 50},
		{"10,000 nodes", TOPOLOGY_SPARSE, 10000, 5, 50, 500},
	};
	enum { LEN = sizeof(scenarios) / sizeof(scenarios[0]) };
	struct outcome *outcomes;
	static char lines[LEN][160];
	bool missed = false;

	if (argc < 2)
		return 2;
	if (argc > 2)
		scenarios[LEN - 1].nodes = (unsigned)strtoul(argv[2], NULL, 10);
	if (argc > 3)
		scenarios[LEN - 1].records = (unsigned)strtoul(argv[3], NULL, 10);
	if (scenarios[LEN - 1].records > RECORDS_MAX || scenarios[LEN - 1].nodes > CAST_MAX)
		return 2;
	outcomes = mmap(NULL, LEN * sizeof(*outcomes), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcomes == MAP_FAILED)
		abort();
	for (size_t i = 0; i < LEN; i++) {
		if (!play_apart(&scenarios[i], &outcomes[i]))
			return 1;
		tell(lines[i], &scenarios[i], &outcomes[i]);
		missed |= misses(&scenarios[i], &outcomes[i]);
	}
	if (missed)
		return 1;
	return draw(argv[1], scenarios, outcomes, LEN, lines);
}
