/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: store */
/*
 * Everything that a node holds, verified as if it had just come: every body against its commitment,
 * every leaf into the tree, the root against the newest checkpoint within it, that against the key
 * on the origin's card. Beside the daemon, or without it.
 *
 *     bench_verify <home of the node>
 *
 * Prints one JSON object; ends with 1 when something is not as signed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keys/keydir.h"
#include "store/store.h"

#define READ_BYTES (1u << 20)

struct verify {
	struct keydir keys;
	struct store_reader *reader;
	struct buf run;
	uint64_t logs, entries, bodies, signatures;
};

static void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bench_verify: %s: %s\n", what, err_sentence(rc));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Appends the entries of a run to the tree; the root of [0, signed_size) when it comes by there. */
static int run_take(struct verify *v, uint32_t count, struct range *tree, uint64_t signed_size,
	struct hash *root)
{
	struct cursor c = cursor_of(buf_view(&v->run));

	for (uint32_t i = 0; i < count; i++) {
		struct hash hash;
		struct entry e;
		int rc = entry_next(&c, &e);

		if (rc != 0)
			return rc;
		if (!e.erased) {
			hash_commitment(&hash, e.salt, e.body);
			if (memcmp(hash.bytes, e.leaf.data + ENTRY_COMMITMENT_OFFSET, HASH_BYTES) !=
				0)
				return ENT_ECRYPTO;
			v->bodies++;
		}
		hash_leaf(&hash, e.leaf);
		range_append(tree, &hash);
		if (tree->end == signed_size)
			range_root(tree, root);
	}
	v->entries += count;
	return 0;
}

static int signature_check(struct verify *v, const struct checkpoint *c)
{
	const struct card_chain *chain = keydir_chain(&v->keys, &c->log.node);
	const struct note_key *key =
		chain ? card_log_key(card_chain_last(chain), c->log.incarnation) : NULL;

	if (!key)
		return ENT_ENOTFOUND;
	v->signatures++;
	return checkpoint_verify(c, key->public_key);
}

static int log_verify(void *ctx, const struct store_log *log)
{
	struct verify *v = ctx;
	uint64_t signed_size = log->has_held ? log->held.size : 0;
	struct range tree;
	struct hash root;
	int rc = 0;

	/* What was forgotten below a floor cannot be hashed again. */
	if (log->floor > 0 || log->size == 0)
		return 0;
	range_init(&tree, 0);
	while (rc == 0 && tree.end < log->size) {
		uint32_t count;

		buf_reset(&v->run);
		rc = store_run_read(v->reader, &log->name, tree.end, log->size, READ_BYTES, &v->run,
			&count);
		if (rc == 0)
			rc = run_take(v, count, &tree, signed_size, &root);
	}
	v->logs++;
	if (rc == 0 && signed_size > 0 && !hash_eq(&root, &log->held.root))
		rc = ENT_EPROOF;
	return rc == 0 && signed_size > 0 ? signature_check(v, &log->held) : rc;
}

int main(int argc, char **argv)
{
	struct verify v = {.run = buf_with_max(2 * READ_BYTES)};
	struct err_text err;
	struct store *s;
	char path[4096];
	double from;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_verify <home of the node>\n");
		return 2;
	}
	check(hash_init(), "hash");
	snprintf(path, sizeof(path), "%s/keys", argv[1]);
	check(keydir_read(&v.keys, path, NULL, &err), path);
	snprintf(path, sizeof(path), "%s/data", argv[1]);
	check(store_open(&s, path, STORE_READ, &err), path);
	check(store_reader_open(s, &v.reader), "reader");
	from = now();
	check(store_log_each(v.reader, log_verify, &v), "what is stored");
	printf("{\"logs\": %" PRIu64 ", \"entries\": %" PRIu64 ", \"bodies\": %" PRIu64
	       ", \"signatures\": %" PRIu64 ", \"seconds\": %.2f}\n",
		v.logs, v.entries, v.bodies, v.signatures, now() - from);
	store_reader_close(v.reader);
	store_close(s);
	keydir_free(&v.keys);
	buf_free(&v.run);
	return 0;
}
