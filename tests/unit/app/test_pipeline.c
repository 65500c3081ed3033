/* SPDX-License-Identifier: EUPL-1.2 */
/* The threads behind the loop, on a real store, with a writer that can be made to stand still. */
#include "app/pipeline.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/vocab.h"
#include "lib/test.h"
#include "provenance/act.h"

#define BATCH_CLAIMS 30000u
#define BATCHES      4u
#define WAIT_MS      60000

struct fixture {
	const char *dir;
	struct store *store;
	struct identity identity;
	struct guardfile guard;
	struct pipeline_keys keys;
	struct pipeline *p;
	char guard_path[600], journal_path[600];
	/* what makes the writer, or the thread so named, stand still */
	const char *who;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stands, stood;
};

static void random_fill(void *ctx, void *out, size_t len)
{
	(void)ctx;
	randombytes_buf(out, len);
}

static void notified(void *ctx)
{
	struct fixture *d = ctx;
	char name[16] = "";

	pthread_getname_np(pthread_self(), name, sizeof(name));
	if (strcmp(name, "writer") != 0 && strcmp(name, "index") != 0)
		return;
	pthread_mutex_lock(&d->lock);
	while (d->stands && strcmp(name, d->who) == 0) {
		d->stood = true;
		pthread_cond_broadcast(&d->changed);
		pthread_cond_wait(&d->changed, &d->lock);
	}
	pthread_mutex_unlock(&d->lock);
}

static void stand(struct fixture *d, const char *who)
{
	pthread_mutex_lock(&d->lock);
	d->who = who;
	d->stands = true;
	pthread_mutex_unlock(&d->lock);
}

static void stood_await(struct fixture *d)
{
	pthread_mutex_lock(&d->lock);
	while (!d->stood)
		pthread_cond_wait(&d->changed, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

static void writer_stand(struct fixture *d)
{
	const struct act_body act = {.act = ACT_STARTED};

	stand(d, "writer");
	pipeline_enter(d->p, &act, false, 0, NULL);
	stood_await(d);
}

static void go(struct fixture *d)
{
	pthread_mutex_lock(&d->lock);
	d->stands = d->stood = false;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

static int setup(void **state)
{
	struct fixture *d = calloc(1, sizeof(*d));
	const struct env_rng rng = {random_fill, NULL};
	struct pipeline_config config;

	assert_non_null(d);
	assert_true(sodium_init() >= 0);
	log_level_set(LOG_ERROR);
	d->dir = test_dir();
	assert_int_equal(store_open(&d->store, d->dir, STORE_WRITE, NULL), 0);
	assert_int_equal(identity_generate(&d->identity, 1, &rng), 0);
	assert_int_equal(guard_new(&d->keys.guard, BYTES_NONE), 0);
	pthread_rwlock_init(&d->keys.lock, NULL);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	snprintf(d->guard_path, sizeof(d->guard_path), "%s/guard", d->dir);
	snprintf(d->journal_path, sizeof(d->journal_path), "%s/log/journal", d->dir);
	config = (struct pipeline_config){.store = d->store,
		.identity = &d->identity,
		.self = {{1}},
		.provenance = {{{1}}, 1, {AUDIENCE_PROVENANCE, 1}},
		.begin_provenance = true,
		.guard = &d->guard,
		.guard_path = d->guard_path,
		.journal_path = d->journal_path,
		.keys = &d->keys,
		.rng = rng,
		.notify = notified,
		.ctx = d};
	assert_int_equal(pipeline_new(&d->p, &config), 0);
	pipeline_allow_sealing(d->p);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *d = *state;

	pipeline_stop(d->p);
	pipeline_free(d->p);
	store_close(d->store);
	guard_free(d->keys.guard);
	guardfile_free(&d->guard);
	identity_free(&d->identity);
	pthread_rwlock_destroy(&d->keys.lock);
	test_dir_remove(d->dir);
	free(d);
	return 0;
}

static void batch_fill(struct buf *out, unsigned batch)
{
	struct buf body = buf_with_max(ENTRY_BODY_MAX);
	char name[64];

	buf_reset(out);
	for (unsigned i = 0; i < BATCH_CLAIMS; i++) {
		struct record_indicator record = {0};
		struct intake_claim c = {.line = i + 1,
			.kind = KIND_INDICATOR,
			.tlp = TLP_GREEN,
			.type = TYPE_DOMAIN};

		snprintf(name, sizeof(name), "host-%u-%u.bad.net", batch, i);
		record.value = c.value = bytes_str(name);
		buf_reset(&body);
		assert_int_equal(record_indicator_encode(&body, &record), 0);
		c.body = buf_view(&body);
		intake_claim_encode(out, &c);
	}
	assert_false(buf_failed(out));
	buf_free(&body);
}

static void published_await(struct fixture *d)
{
	struct pipeline_event e;

	for (int left = WAIT_MS; left > 0; left--) {
		while (pipeline_event_next(d->p, &e))
			if (e.type == PIPELINE_PUBLISHED)
				return;
		usleep(1000);
	}
	fail_msg("the publication did not end");
}

static int64_t busy_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Every thread waits for something. */
static void quiet_await(void)
{
	int64_t before;

	do {
		before = busy_us();
		usleep(200000);
	} while (busy_us() - before > 5000);
}

/* More is judged than the writer may be behind with, and it takes nothing: the loop can replace the
 * keys all the same, and the writer can change the files for others, which waits for all readers.
 */
static void whoever_waits_for_the_writer_holds_nothing(void **state)
{
	struct fixture *d = *state;
	struct publication *pub = publication_new();
	struct buf claims = buf_with_max(CONTROL_MESSAGE_MAX);
	int locked, compacted;

	assert_non_null(pub);
	writer_stand(d);
	for (unsigned i = 0; i < BATCHES; i++) {
		batch_fill(&claims, i);
		pipeline_publish_batch(d->p, pub, buf_view(&claims));
	}
	pipeline_publish_end(d->p, pub);
	quiet_await();
	locked = pthread_rwlock_trywrlock(&d->keys.lock);
	if (locked == 0)
		pthread_rwlock_unlock(&d->keys.lock);
	compacted = store_compact(d->store); /* in the place of the writer */
	go(d);
	published_await(d);
	assert_int_equal(locked, 0);
	assert_int_equal(compacted, 0);
	assert_int_equal(pub->code, 0);
	assert_int_equal(pub->published, BATCHES * BATCH_CLAIMS);
	publication_free(pub);
	buf_free(&claims);
}

static void reindexed_await(struct fixture *d, const void *user)
{
	struct pipeline_event e;

	for (int left = WAIT_MS; left > 0; left--) {
		while (pipeline_event_next(d->p, &e)) {
			if (e.type != PIPELINE_REINDEXED)
				continue;
			assert_int_equal(e.code, 0);
			assert_ptr_equal(e.user, user);
			return;
		}
		usleep(1000);
	}
	fail_msg("the index was not rebuilt for everybody");
}

/* In a rebuilding that was asked for, and not behind something before it. */
static void index_stand(struct fixture *d, void *user)
{
	quiet_await();
	stand(d, "index");
	pipeline_reindex(d->p, user);
	stood_await(d);
}

/* What is asked for while the index is rebuilt may be of what that has gone past. */
static void a_rebuilding_of_the_index_begins_after_it_was_asked_for(void **state)
{
	struct fixture *d = *state;
	int first, second, third;

	index_stand(d, &first);
	pipeline_reindex(d->p, &second);
	pipeline_reindex(d->p, &third);
	go(d);
	reindexed_await(d, &first);
	reindexed_await(d, &second);
	reindexed_await(d, &third);
}

static void index_failing_await(struct fixture *d)
{
	struct pipeline_event e;

	for (int left = WAIT_MS; left > 0; left--) {
		while (pipeline_event_next(d->p, &e)) {
			assert_false(e.type == PIPELINE_REINDEXED && e.code != 0);
			if (e.type == PIPELINE_INDEX && e.code != 0)
				return;
		}
		usleep(1000);
	}
	fail_msg("the index does not fail");
}

/* On a disk that takes nothing for a while. What was cut is still in it: nobody asks twice. */
static void an_index_that_could_not_be_dropped_is_dropped_later(void **state)
{
	struct fixture *d = *state;
	struct rlimit before, none;
	int first;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	index_stand(d, &first);
	pipeline_reindex(d->p, NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	go(d);
	reindexed_await(d, &first);
	index_failing_await(d);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	reindexed_await(d, NULL);
}

static void publish_one(struct fixture *d, struct publication *pub, const struct intake_claim *c)
{
	struct buf claims = buf_with_max(CONTROL_MESSAGE_MAX);

	assert_non_null(pub);
	intake_claim_encode(&claims, c);
	pipeline_publish_batch(d->p, pub, buf_view(&claims));
	pipeline_publish_end(d->p, pub);
	published_await(d);
	buf_free(&claims);
}

static int object_visit(void *ctx, const struct store_entry *e)
{
	memcpy(ctx, e->header.object, OBJECT_ID_BYTES);
	return 0;
}

/* What is taken back would be told to be, though it stands everywhere. */
static void nothing_is_taken_back_by_an_index_that_is_not_whole(void **state)
{
	struct fixture *d = *state;
	struct record_indicator indicator = {.value = bytes_str("one.bad.net")};
	struct record_retraction reason = {.reason = bytes_str("sinkholed")};
	struct publication *said = publication_new(), *back = publication_new(),
			   *again = publication_new(), *twice = publication_new();
	struct buf body = buf_with_max(ENTRY_BODY_MAX);
	struct intake_claim c = {.line = 1,
		.kind = KIND_INDICATOR,
		.tlp = TLP_GREEN,
		.type = TYPE_DOMAIN,
		.value = indicator.value};
	struct store_reader *r;
	int asked;

	assert_int_equal(record_indicator_encode(&body, &indicator), 0);
	c.body = buf_view(&body);
	publish_one(d, said, &c);
	assert_int_equal(said->published, 1);
	index_stand(d, &asked);
	assert_int_equal(store_reader_open(d->store, &r), 0);
	assert_int_equal(store_find_value(r, TYPE_DOMAIN, c.value, object_visit, c.object), 0);
	store_reader_close(r);
	assert_int_equal(store_index_drop(d->store), 0); /* as in the midst of it */

	c.kind = KIND_RETRACTION;
	c.type = TYPE_NONE;
	c.has_object = true;
	buf_reset(&body);
	assert_int_equal(record_retraction_encode(&body, &reason), 0);
	c.body = buf_view(&body);
	publish_one(d, back, &c);
	go(d);
	reindexed_await(d, &asked);
	pipeline_reindex(d->p, &asked);
	reindexed_await(d, &asked);
	publish_one(d, again, &c);
	publish_one(d, twice, &c);
	assert_int_equal(back->code, ENT_EBUSY);
	assert_int_equal(back->unchanged, 0);
	assert_int_equal(again->published, 1);
	assert_int_equal(twice->unchanged, 1);
	publication_free(said);
	publication_free(back);
	publication_free(again);
	publication_free(twice);
	buf_free(&body);
}

/* What has been done to the mute node comes to the loop when that has muted it anew: heard then, it
 * would tell everybody that the node signs, and forget whom it waits for. */
static void nobody_hears_of_an_end_of_muteness_after_the_next_has_begun(void **state)
{
	struct fixture *d = *state;
	struct pipeline_event e;
	bool early = false, ended = false;

	pipeline_mute(d->p);
	quiet_await();
	stand(d, "writer");
	pipeline_unmute(d->p);
	stood_await(d);
	pipeline_mute(d->p);
	while (pipeline_event_next(d->p, &e))
		early |= e.type == PIPELINE_UNMUTED;
	go(d);
	assert_false(early);
	pipeline_unmute(d->p);
	for (int left = WAIT_MS; left > 0 && !ended; left--) {
		while (pipeline_event_next(d->p, &e))
			ended |= e.type == PIPELINE_UNMUTED;
		usleep(1000);
	}
	assert_true(ended);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whoever_waits_for_the_writer_holds_nothing, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_rebuilding_of_the_index_begins_after_it_was_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(an_index_that_could_not_be_dropped_is_dropped_later,
			setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_taken_back_by_an_index_that_is_not_whole,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			nobody_hears_of_an_end_of_muteness_after_the_next_has_begun, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
