/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: audit */
/*
 * Writes the bundle of a node that has published much, for entente-audit to be timed with.
 *
 *     bench_audit FILE ENTRIES ACTS
 *
 * ENTRIES in its clear feed, told of by ACTS acts. Wanted on one core: 100,000 checked in a
 * second, ten million in thirty, in less than 256 MB.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/vocab.h"
#include "keys/card.h"
#include "provenance/act.h"
#include "provenance/bundle.h"

#define BATCH       4096u
#define INCARNATION 1790000000u
#define BEGAN_MS    (1790000000000)

struct writer {
	FILE *file;
	struct hash digest;
	struct buf out;
	uint8_t root[64], root_public[32], log[64], log_public[32];
	struct node_id node;
	uint64_t entries, acts;
	struct range tree;
};

static void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bench_audit: %s: %s\n", what, err_sentence(rc));
	exit(1);
}

static void random_fill(void *ctx, void *out, size_t len)
{
	(void)ctx;
	randombytes_buf(out, len);
}

static void flush(struct writer *w)
{
	check(buf_failed(&w->out) ? ENT_ELIMIT : 0, "frame");
	bundle_digest_add(&w->digest, buf_view(&w->out));
	check(fwrite(w->out.data, 1, w->out.len, w->file) == w->out.len ? 0 : ENT_EIO, "write");
	buf_reset(&w->out);
}

/* --- a node ----------------------------------------------------------------------------------- */

static void key_named(struct writer *w, struct note_key *key, const char *role, uint8_t type,
	const uint8_t public_key[32])
{
	char name[128], id[NODE_ID_TEXT_SIZE];

	node_id_text(id, &w->node);
	snprintf(name, sizeof(name), "entente/%s/%s", id, role);
	check(note_key_init(key, name, type, public_key), role);
}

static void node_make(struct writer *w)
{
	const struct bytes parts[] = {bytes_str("entente/node/v1\n"), BYTES_OF(w->root_public)};
	struct hash hash;

	crypto_sign_keypair(w->root_public, w->root);
	crypto_sign_keypair(w->log_public, w->log);
	hash_sha256_parts(&hash, parts, 2);
	memcpy(w->node.bytes, hash.bytes, NODE_ID_BYTES);
}

static void card_put(struct writer *w)
{
	struct card card = {.node = w->node, .name = "fr", .org = "CERT-FR", .serial = 1};
	struct buf text = buf_with_max(CARD_BYTES_MAX), note = buf_with_max(CARD_BYTES_MAX);
	uint8_t public_key[32], secret[64];
	size_t at = bundle_begin(&w->out, BUNDLE_CARDS);

	key_named(w, &card.root, "root", NOTE_TYPE_ED25519, w->root_public);
	card.logs_len = 1;
	card.logs[0].incarnation = INCARNATION;
	key_named(w, &card.logs[0].key, "log", NOTE_TYPE_ED25519, w->log_public);
	crypto_sign_keypair(public_key, secret);
	key_named(w, &card.receipt, "receipt", NOTE_TYPE_COSIGNATURE, public_key);
	crypto_sign_keypair(public_key, secret);
	key_named(w, &card.witness, "witness", NOTE_TYPE_COSIGNATURE, public_key);
	randombytes_buf(card.next_root, sizeof(card.next_root));
	crypto_box_keypair(card.transport, secret);
	card.valid_from = INCARNATION;
	card.valid_until = INCARNATION + 365 * 86400;
	card_text(&text, &card);
	buf_bytes(&note, buf_view(&text));
	buf_str(&note, "\n");
	note_sign(&note, buf_view(&text), &card.root, w->root);
	buf_bytes(&w->out, BYTES_OF((uint8_t[NODE_ID_BYTES]){0}));
	buf_bytes(&w->out, buf_view(&note));
	bundle_end(&w->out, at);
	flush(w);
	buf_free(&text);
	buf_free(&note);
}

/* --- its logs --------------------------------------------------------------------------------- */

static uint64_t place_of(const struct writer *w, uint64_t act)
{
	return act * w->entries / w->acts;
}

static void act_put(struct writer *w, const struct log_name *feed, uint64_t i)
{
	static const struct env_rng rng = {random_fill, NULL};
	uint8_t publication[8] = {0};
	struct act_body act = {.act = ACT_PUBLISHED,
		.has_log = true,
		.log = *feed,
		.from = i ? place_of(w, i - 1) : 0,
		.to = i ? place_of(w, i) : 0,
		.operator_name = bytes_str("analyst"),
		.publication = BYTES_OF(publication)};

	if (i == 0)
		act = (struct act_body){.act = ACT_STARTED, .text = bytes_str("entented 0.1.0")};
	be64_put(publication, i);
	check(act_entry(&w->out, &act, BEGAN_MS + (int64_t)i, &rng), "act");
}

static void header_put(struct writer *w, uint64_t i)
{
	struct entry_header h = {.version = ENTRY_VERSION,
		.kind = KIND_INDICATOR,
		.tlp = TLP_CLEAR,
		.pap = PAP_CLEAR,
		.type = TYPE_DOMAIN,
		.body_len = 30,
		.time_ms = BEGAN_MS + i};
	uint8_t raw[ENTRY_HEADER_BYTES];

	memcpy(h.object, &i, sizeof(i));
	memcpy(h.commitment, &i, sizeof(i));
	entry_header_encode(raw, &h);
	buf_bytes(&w->out, BYTES_OF(raw));
	buf_u8(&w->out, BUNDLE_STATE_KEPT);
}

static void leaves_add(struct writer *w, struct bytes packed)
{
	struct cursor c = cursor_of(packed);

	while (cursor_left(&c)) {
		struct bundle_entry e;
		struct hash leaf;

		check(bundle_entry_next(&c, &e), "entry");
		hash_leaf(&leaf, e.leaf);
		range_append(&w->tree, &leaf);
	}
}

/* Once for its root, once for the file. */
static void entries_put(struct writer *w, const struct log_name *feed, uint64_t size, bool acts,
	bool keep)
{
	for (uint64_t at = 0; at < size;) {
		struct bundle_entries e = {.first = at, .received_ms = BEGAN_MS};
		size_t begun = bundle_begin(&w->out, BUNDLE_ENTRIES);
		size_t head = begun + BUNDLE_HEAD_BYTES;

		check(buf_extend(&w->out, BUNDLE_ENTRIES_BYTES) ? 0 : ENT_ENOMEM, "memory");
		for (; e.count < BATCH && at < size; e.count++, at++) {
			if (acts)
				act_put(w, feed, at);
			else
				header_put(w, at);
		}
		bundle_entries_head(w->out.data + head, &e);
		bundle_end(&w->out, begun);
		leaves_add(w, bytes_skip(buf_view(&w->out), head + BUNDLE_ENTRIES_BYTES));
		if (keep)
			flush(w);
		buf_reset(&w->out);
	}
}

static void log_put(struct writer *w, const struct log_name *name, const struct log_name *feed,
	uint64_t size, bool acts, FILE *aside)
{
	struct bundle_log log = {
		.name = *name, .flags = BUNDLE_FLAG_SIGNED, .size = size, .to = size};
	FILE *file = w->file;
	struct hash digest = w->digest;

	/* Acts have salts, so they are made once, into a file aside. */
	range_init(&w->tree, 0);
	w->file = aside;
	entries_put(w, feed, size, acts, acts);
	w->file = file;
	w->digest = digest;
	log.checkpoint = (struct checkpoint){.log = *name, .size = size};
	range_root(&w->tree, &log.checkpoint.root);
	checkpoint_sign(&log.checkpoint, w->log);
	range_init(&log.left, 0);
	range_init(&log.right, size);
	bundle_log_put(&w->out, &log);
	flush(w);
	if (!acts)
		entries_put(w, feed, size, false, true);
}

static void copy_aside(struct writer *w, FILE *aside)
{
	uint8_t head[BUNDLE_HEAD_BYTES];

	rewind(aside);
	while (fread(head, 1, sizeof(head), aside) == sizeof(head)) {
		uint8_t *room;

		buf_bytes(&w->out, BYTES_OF(head));
		room = buf_extend(&w->out, be32_get(head + 1));
		check(room && fread(room, 1, be32_get(head + 1), aside) == be32_get(head + 1)
				? 0
				: ENT_EIO,
			"aside");
		flush(w);
	}
}

static void bundle_put(struct writer *w)
{
	struct bundle_about about = {.node = w->node,
		.made_ms = BEGAN_MS + 86400000,
		.software = bytes_str("bench_audit")};
	struct log_name feed = {w->node, INCARNATION, {AUDIENCE_CLEAR, 0}};
	struct log_name acts = {w->node, INCARNATION, {AUDIENCE_PROVENANCE, INCARNATION}};
	FILE *aside = tmpfile();
	size_t at;

	check(aside ? 0 : ENT_EIO, "temporary file");
	fputs(BUNDLE_MAGIC, w->file);
	bundle_digest_begin(&w->digest);
	bundle_about_put(&w->out, &about);
	flush(w);
	card_put(w);
	log_put(w, &acts, &feed, w->acts + 1, true, aside);
	copy_aside(w, aside);
	log_put(w, &feed, &feed, w->entries, false, NULL);
	at = bundle_begin(&w->out, BUNDLE_END);
	buf_bytes(&w->out, BYTES_OF(w->digest.bytes));
	bundle_end(&w->out, at);
	flush(w);
	fclose(aside);
}

int main(int argc, char **argv)
{
	struct writer w = {.out = buf_with_max(BUNDLE_FRAME_MAX)};

	if (argc != 4) {
		fputs("usage: bench_audit FILE ENTRIES ACTS\n", stderr);
		return 2;
	}
	check(hash_init(), "hash");
	w.entries = strtoull(argv[2], NULL, 10);
	w.acts = strtoull(argv[3], NULL, 10);
	w.file = fopen(argv[1], "wbe");
	check(w.file && w.acts ? 0 : ENT_EIO, argv[1]);
	node_make(&w);
	bundle_put(&w);
	check(fclose(w.file) == 0 ? 0 : ENT_EIO, argv[1]);
	buf_free(&w.out);
	return 0;
}
