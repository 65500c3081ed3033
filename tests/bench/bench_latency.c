/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: cli */
/*
 * How long a record takes from the publish call at one node until another holds it durably, and
 * until it can be found there.
 *
 *     bench_latency <its socket> <the other's> <feed> <size> <records> <a second>
 *
 * One process and one clock: it asks the other node to say when the feed has one entry more, and
 * when that can be found, waits until the record is due, publishes it over the control socket, and
 * looks at the clock when the other node answers. Records are due at fixed times, whatever
 * becomes of those before them: several threads take turns, and one that comes late counts from
 * when it was due.
 * Prints microseconds, a line each: until the other node has it, and until it is found there.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "control/control.h"
#include "intake/intake.h"
#include "intel/value.h"

#define ANSWER_MS 20000
#define THREADS   16u

struct bench {
	const char *here, *there, *feed;
	uint64_t size, records;
	int64_t began, each; /* ns */
	struct took {
		int64_t durable, findable;
	} * took;
};

/* One of those who take turns. */
struct turn {
	pthread_t thread;
	const struct bench *bench;
	uint64_t first;
	struct buf body, batch;
};

static void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bench_latency: %s: %s\n", what, err_sentence(rc));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void sleep_until(int64_t ns)
{
	struct timespec t = {ns / 1000000000, ns % 1000000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

static struct control_call *call(const char *socket, json_t *request)
{
	struct control_call *c;
	struct err_text err;

	check(control_call_open(&c, socket, request, &err), socket);
	return c;
}

/* Waits for the answer; it must be a good one. */
static void answer(struct control_call *c, const char *what)
{
	json_t *said;

	check(control_call_answer(c, &said, ANSWER_MS), what);
	if (!json_is_true(json_object_get(said, "ok"))) {
		fprintf(stderr, "bench_latency: %s: %s\n", what, json_dumps(said, 0));
		exit(1);
	}
	json_decref(said);
	control_call_close(c);
}

static void claim_make(struct turn *t, uint64_t i)
{
	struct intake_claim c = {
		.line = 1, .kind = KIND_INDICATOR, .tlp = TLP_GREEN, .type = TYPE_DOMAIN};
	struct record_indicator r = {.has_confidence = true, .confidence = 80};
	char text[96];
	int len = snprintf(text, sizeof(text), "single-%" PRIu64 "-%d-%lld.latency-example.net", i,
		(int)getpid(), (long long)now_ns());

	r.value = c.value = bytes_from(text, (size_t)len);
	buf_reset(&t->body);
	check(record_indicator_encode(&t->body, &r), "body");
	c.body = buf_view(&t->body);
	buf_reset(&t->batch);
	intake_claim_encode(&t->batch, &c);
}

static struct control_call *wait_for(const struct bench *b, uint64_t i, bool durable)
{
	return call(b->there, json_pack("{s:s, s:s, s:I, s:b, s:I}", "command", "wait", "feed",
				      b->feed, "size", (json_int_t)(b->size + i + 1), "durable",
				      (int)durable, "timeout_ms", (json_int_t)ANSWER_MS));
}

/* From the call, or from when it was due if that has passed already. */
static struct took one(struct turn *t, uint64_t i)
{
	const struct bench *b = t->bench;
	int64_t due = b->began + (int64_t)i * b->each, from;
	struct control_call *durable, *findable, *here;
	struct took took;

	claim_make(t, i);
	durable = wait_for(b, i, true);
	findable = wait_for(b, i, false);
	from = now_ns();
	if (from < due) {
		sleep_until(due);
		from = now_ns();
	} else {
		from = due;
	}
	here = call(b->here, json_pack("{s:s, s:s, s:s, s:[]}", "command", "publish", "operator",
				     "bench", "file", "bench", "allow"));
	check(control_call_batch(here, buf_view(&t->batch)), "publish");
	check(control_call_end(here), "publish");
	answer(durable, "the other node");
	took.durable = now_ns() - from;
	answer(findable, "the other node");
	took.findable = now_ns() - from;
	answer(here, "publish");
	return took;
}

static void *take_turns(void *arg)
{
	struct turn *t = arg;

	for (uint64_t i = t->first; i < t->bench->records; i += THREADS)
		t->bench->took[i] = one(t, i);
	return NULL;
}

static void run(struct bench *b)
{
	struct turn turns[THREADS];

	b->began = now_ns() + 10000000;
	for (unsigned i = 0; i < THREADS; i++) {
		turns[i] = (struct turn){.bench = b,
			.first = i,
			.body = buf_with_max(4096),
			.batch = buf_with_max(8192)};
		check(pthread_create(&turns[i].thread, NULL, take_turns, &turns[i]) == 0
				? 0
				: ENT_ENOMEM,
			"thread");
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(turns[i].thread, NULL);
		buf_free(&turns[i].body);
		buf_free(&turns[i].batch);
	}
}

int main(int argc, char **argv)
{
	struct bench b;

	if (argc != 7) {
		fprintf(stderr, "usage: bench_latency <socket> <socket> <feed> <size> <records> "
				"<records a second>\n");
		return 2;
	}
	b = (struct bench){.here = argv[1],
		.there = argv[2],
		.feed = argv[3],
		.size = strtoull(argv[4], NULL, 10),
		.records = strtoull(argv[5], NULL, 10),
		.each = (int64_t)(1000000000 / strtoull(argv[6], NULL, 10))};
	b.took = calloc(b.records, sizeof(*b.took));
	check(b.took ? 0 : ENT_ENOMEM, "records");
	run(&b);
	for (uint64_t i = 0; i < b.records; i++)
		printf("%" PRId64 " %" PRId64 "\n", b.took[i].durable / 1000,
			b.took[i].findable / 1000);
	free(b.took);
	return 0;
}
