/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The floor program (floor.h).
 *
 *     floor <empty directory> <list of values> <records>
 *
 * Makes its input from the list first, then takes it in; prints one JSON object. `at`: seconds at
 * each million. `stages`: CPU, us a record.
 */
#include "floor/floor.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/vocab.h"

void floor_check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "floor: %s: %s\n", what, err_sentence(rc));
	exit(1);
}

static double clock_read(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double floor_now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

double floor_cpu(void)
{
	return clock_read(CLOCK_THREAD_CPUTIME_ID);
}

static void peer_make(struct floor_peer *p)
{
	*p = (struct floor_peer){
		.log = {.incarnation = 1, .audience = audience_of(AUDIENCE_GREEN)}};
	crypto_sign_keypair(p->log_public, p->log_secret);
	randombytes_buf(p->session_key, sizeof(p->session_key));
}

static uint64_t file_bytes(const char *dir, const char *name)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static void print(const struct floor_result *r, const char *dir)
{
	static const char *const names[FLOOR_STAGES] = {
		"decrypt", "decode", "hash", "signature", "log, sync", "index"};
	double records = (double)r->records;

	printf("{\"records\": %" PRIu64
	       ", \"seconds\": %.3f, \"cpu_us\": %.3f, \"log_bytes\": %" PRIu64
	       ", \"index_bytes\": %" PRIu64 ", \"stages\": {",
		r->records, r->seconds, r->cpu / records * 1e6, file_bytes(dir, "log"),
		file_bytes(dir, "data.mdb"));
	for (size_t i = 0; i < FLOOR_STAGES; i++)
		printf("%s\"%s\": %.3f", i ? ", " : "", names[i], r->stage[i] / records * 1e6);
	printf("}, \"at\": [");
	for (size_t i = 0; i < r->at_len; i++)
		printf("%s%.3f", i ? ", " : "", r->at[i]);
	printf("]}\n");
}

int main(int argc, char **argv)
{
	struct floor_peer peer;
	struct floor_result result;
	char frames[4096];

	if (argc != 4) {
		fprintf(stderr, "usage: floor <empty directory> <list of values> <records>\n");
		return 2;
	}
	floor_check(hash_init(), "hash");
	peer_make(&peer);
	snprintf(frames, sizeof(frames), "%s/frames", argv[1]);
	floor_check(floor_input_make(frames, argv[2], strtoull(argv[3], NULL, 10), &peer) > 0
			    ? 0
			    : ENT_EINVALID,
		argv[2]);
	floor_run(frames, argv[1], &peer, &result);
	print(&result, argv[1]);
	return 0;
}
