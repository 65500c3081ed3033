/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One record, proved by itself: a proof in the form c2sp.org/tlog-proof@v1 (place, hashes, signed
 * checkpoint with its cosignatures), the 64 bytes of its leaf, and where they were handed over salt
 * and body. Tools that others wrote check it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "base/text.h"
#include "keys/file.h"
#include "merkle/proof.h"

struct node_wanted {
	unsigned level;
	uint64_t index;
	bool has;
	struct hash hash;
};

struct proving {
	struct ask *ask;
	bool found;
	unsigned rank;
	struct bundle *bundle;
	struct section *section;
	uint64_t index;
	uint8_t leaf[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES];
	bool opened;
	struct buf body;
	struct range tree;
	size_t nodes_len;
	struct node_wanted nodes[PROOF_HASHES_MAX];
};

/* --- the record ------------------------------------------------------------------------------- */

/* One that is opened tells more, and its origin has the receipts; else the last stands. */
static int record_find(void *ctx, const struct walk_entry *e)
{
	struct proving *p = ctx;
	bool opened = e->entry->state == ENTRY_STATE_PRESENT;
	unsigned rank =
		2u * opened + node_id_eq(&e->bundle->about.node, &e->section->log.name.node);

	if (!object_fits(p->ask->what, e->entry->leaf.data + 16) || rank < p->rank)
		return 0;
	p->rank = rank;
	p->found = true;
	p->bundle = e->bundle;
	p->section = e->section;
	p->index = e->index;
	p->opened = opened;
	memcpy(p->leaf, e->entry->leaf.data, sizeof(p->leaf));
	buf_reset(&p->body);
	if (opened) {
		buf_bytes(&p->body, e->entry->salt);
		buf_bytes(&p->body, e->entry->body);
	}
	return 0;
}

/* --- its proof -------------------------------------------------------------------------------- */

/* Asked once to learn what is wanted, once more when it is there. */
static int node_get(void *ctx, unsigned level, uint64_t index, struct hash *hash)
{
	struct proving *p = ctx;

	for (size_t i = 0; i < p->nodes_len; i++)
		if (p->nodes[i].level == level && p->nodes[i].index == index) {
			*hash = p->nodes[i].hash;
			return p->nodes[i].has ? 0 : ENT_ENOTFOUND;
		}
	if (p->nodes_len == PROOF_HASHES_MAX)
		return ENT_ELIMIT;
	p->nodes[p->nodes_len++] = (struct node_wanted){.level = level, .index = index};
	*hash = (struct hash){0};
	return 0;
}

static void node_seen(void *ctx, unsigned level, uint64_t index, const struct hash *hash)
{
	struct proving *p = ctx;

	for (size_t i = 0; i < p->nodes_len; i++)
		if (p->nodes[i].level == level && p->nodes[i].index == index) {
			p->nodes[i].hash = *hash;
			p->nodes[i].has = true;
		}
}

static void range_seen(struct proving *p, const struct range *r)
{
	for (unsigned i = 0; i < r->hashes_len; i++) {
		unsigned level;
		uint64_t index;

		range_subtree(r->begin, r->end, i, &level, &index);
		node_seen(p, level, index, &r->hashes[i]);
	}
}

static int leaf_add(void *ctx, const struct walk_entry *e)
{
	struct proving *p = ctx;
	struct hash leaf;

	hash_leaf(&leaf, e->entry->leaf);
	range_append_visit(&p->tree, &leaf, node_seen, p);
	return 0;
}

static int proof_make(struct proving *p, struct proof *proof)
{
	const struct bundle_log *log = &p->section->log;
	uint64_t size = log->checkpoint.size;
	struct hash leaf;
	int rc = proof_inclusion_build(proof, p->index, size, node_get, p);

	p->tree = log->left;
	range_seen(p, &log->left);
	range_seen(p, &log->right);
	if (rc == 0)
		rc = walk_section(p->ask->audit, p->bundle, p->section, leaf_add, p);
	if (rc == 0)
		rc = proof_inclusion_build(proof, p->index, size, node_get, p);
	if (rc != 0)
		return rc;
	hash_leaf(&leaf, BYTES_OF(p->leaf));
	return proof_inclusion_verify(p->index, size, &leaf, proof->hashes, proof->hashes_len,
		&log->checkpoint.root);
}

/* The checkpoint as a note, with the cosignatures of those who hold so much. */
static bool note_make(struct proving *p, struct buf *out)
{
	struct audit *a = p->ask->audit;
	const struct checkpoint *c = &p->section->log.checkpoint;
	const struct note_key *key = log_key(a, &c->log);
	const struct claim *k;
	size_t len;

	if (!key || checkpoint_verify(c, key->public_key) != 0)
		return false;
	checkpoint_note(out, c, key->public_key);
	k = claims_of(a, &c->log, &len);
	for (size_t i = 0; i < len; i++) {
		const struct card_chain *by = chain_of(a, &k[i].by);
		uint8_t blob[8 + 64];

		if (!k[i].serial || k[i].checkpoint.size != c->size ||
			!hash_eq(&k[i].checkpoint.root, &c->root) || !by ||
			(i && k[i - 1].serial && node_id_eq(&k[i - 1].by, &k[i].by) &&
				k[i - 1].checkpoint.size == c->size))
			continue;
		for (size_t j = 0; j < by->cards_len; j++) {
			const struct card *card = &by->cards[j];

			if (card->serial != k[i].serial)
				continue;
			be64_put(blob, k[i].time);
			memcpy(blob + 8, k[i].cosignature, 64);
			note_signature_line(out, bytes_str(card->receipt.name), card->receipt.id,
				BYTES_OF(blob));
		}
	}
	return !buf_failed(out);
}

static void proof_text(struct proving *p, const struct proof *proof, struct buf *out)
{
	buf_str(out, "c2sp.org/tlog-proof@v1\n");
	buf_printf(out, "index %" PRIu64 "\n", p->index);
	for (size_t i = 0; i < proof->hashes_len; i++) {
		char base64[BASE64_TEXT_SIZE(HASH_BYTES)];

		text_base64_encode(base64, BYTES_OF(proof->hashes[i].bytes));
		buf_printf(out, "%s\n", base64);
	}
	buf_str(out, "\n");
}

/* --- the files -------------------------------------------------------------------------------- */

static int file_put(struct proving *p, const char *end, struct bytes data)
{
	char path[4096];

	if ((size_t)snprintf(path, sizeof(path), "%s%s", p->ask->out, end) >= sizeof(path))
		return ENT_ELIMIT;
	return file_write(path, data, 0644, &p->ask->audit->err);
}

static int prove(struct proving *p)
{
	struct audit *a = p->ask->audit;
	struct buf text = buf_with_max(1 << 20);
	struct proof proof;
	int rc;

	if (!(p->section->log.flags & BUNDLE_FLAG_SIGNED))
		return err_set(&a->err, ENT_ENOTFOUND, "it is not signed yet");
	rc = proof_make(p, &proof);
	if (rc == ENT_ENOTFOUND)
		return err_set(&a->err, rc, "this bundle was cut (--until): it has not the hashes");
	if (rc != 0)
		return err_set(&a->err, rc, "its entries do not lead to the signed root");
	proof_text(p, &proof, &text);
	if (!note_make(p, &text))
		rc = err_set(&a->err, ENT_ECRYPTO, "its checkpoint does not verify");
	if (rc == 0)
		rc = file_put(p, ".tlog-proof", buf_view(&text));
	if (rc == 0)
		rc = file_put(p, ".leaf", BYTES_OF(p->leaf));
	if (rc == 0 && p->opened)
		rc = file_put(p, ".opened", buf_view(&p->body));
	buf_free(&text);
	return rc;
}

static int tell(const struct proving *p)
{
	const struct bundle_log *log = &p->section->log;
	json_t *row = json_pack("{s:s, s:I, s:I, s:b, s:s}", "feed",
		log_text(p->ask->audit, &log->name), "index", NUM(p->index), "size",
		NUM(log->checkpoint.size), "opened", (int)p->opened, "file", p->ask->out);

	if (p->ask->audit->json)
		return print_json(row, AUDIT_CLEAN);
	print_row("{file}.tlog-proof: {feed}, entry {index} of {size}; {file}.leaf[, and "
		  ".opened: salt and body{opened:.0}]",
		row);
	json_decref(row);
	return AUDIT_CLEAN;
}

int ask_prove(struct ask *q)
{
	struct proving p = {.ask = q, .body = buf_with_max(ENTRY_PACKED_MAX)};
	int rc;

	if (!object_digits(q->what))
		return ask_refused(q, q->what, "is no object id");
	rc = walk_feeds(q->audit, record_find, &p);
	if (rc == 0 && p.found)
		rc = prove(&p);
	buf_free(&p.body);
	if (rc != 0)
		return ask_failed(q, rc);
	if (p.found)
		return tell(&p);
	err_set(&q->audit->err, ENT_ENOTFOUND, "no entry here is about %s", q->what);
	return AUDIT_FOUND;
}
