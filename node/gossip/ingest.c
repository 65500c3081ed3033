/* SPDX-License-Identifier: EUPL-1.2 */
#include "gossip/ingest.h"

#include <assert.h>
#include <stdlib.h>

#include "base/vocab.h"
#include "merkle/leaves.h"

/* What the entries take is filled at once: it is not emptied before. */
static struct ingest_job *job_alloc(size_t entries_len)
{
	struct ingest_job *job = malloc(sizeof(*job) + entries_len);

	if (job)
		memset(job, 0, sizeof(*job));
	return job;
}

struct ingest_job *ingest_job_new(const struct wire_data *data, const uint8_t log_key[32])
{
	struct ingest_job *job = job_alloc(data->entries.len);

	if (!job)
		return NULL;
	job->feed = data->feed;
	job->start = data->start;
	job->count = data->count;
	checkpoint_from_wire(&job->checkpoint, &data->feed, &data->checkpoint);
	memcpy(job->log_key, log_key, sizeof(job->log_key));
	job->right_len = data->right_len;
	if (data->right_len)
		memcpy(job->right, data->right, data->right_len * sizeof(job->right[0]));
	job->entries_len = data->entries.len;
	if (data->entries.len)
		memcpy(job->entries, data->entries.data, data->entries.len);
	return job;
}

struct ingest_job *ingest_bodies_new(const struct log_name *feed, size_t count,
	struct bytes payload)
{
	struct ingest_job *job = job_alloc(payload.len);

	if (!job)
		return NULL;
	job->feed = *feed;
	job->bodies = true;
	job->count = (uint32_t)count;
	job->entries_len = payload.len;
	memcpy(job->entries, payload.data, payload.len);
	return job;
}

void ingest_job_join(struct ingest_job *job, const struct wire_data *data)
{
	assert(data->left_len <= RANGE_LEFT_MAX);
	job->joins = true;
	job->left_len = data->left_len;
	if (data->left_len)
		memcpy(job->left, data->left, data->left_len * sizeof(job->left[0]));
}

int ingest_job_left(const struct ingest_job *job, struct range *left)
{
	return range_set(left, 0, job->start, job->left, job->left_len) == 0 ? 0 : ENT_EPROOF;
}

void ingest_job_free(struct ingest_job *job)
{
	free(job);
}

int ingest_job_skip(struct ingest_job *job, uint64_t count)
{
	struct cursor c = cursor_of(bytes_from(job->entries, job->entries_len));
	struct entry entry;

	for (uint64_t i = 0; i < count; i++) {
		int rc = entry_next(&c, &entry);

		if (rc != 0)
			return rc;
	}
	job->start += count;
	job->count -= (uint32_t)count;
	job->entries_len = cursor_left(&c);
	memmove(job->entries, c.at, job->entries_len);
	return 0;
}

/* One signature covers thousands of entries: the runs under it look it up here. */
static int verify_signature(struct ingest_frontier *f, const struct ingest_job *job)
{
	const struct checkpoint *c = &job->checkpoint;
	int rc;

	if (f->verified.size == c->size && hash_eq(&f->verified.root, &c->root) &&
		memcmp(f->verified_key, job->log_key, sizeof(f->verified_key)) == 0 &&
		memcmp(f->verified.signature, c->signature, sizeof(c->signature)) == 0)
		return 0;
	rc = checkpoint_verify(c, job->log_key);
	if (rc == 0) {
		f->verified = *c;
		memcpy(f->verified_key, job->log_key, sizeof(f->verified_key));
	}
	return rc;
}

static int append_entries(struct range *tree, const struct ingest_job *job)
{
	struct cursor c = cursor_of(bytes_from(job->entries, job->entries_len));

	for (uint32_t left = job->count; left > 0;) {
		struct leaves leaves;
		int rc = leaves_read(&leaves, &c, left);

		if (rc != 0)
			return rc;
		if (!leaves_committed(&leaves))
			return ENT_ECRYPTO;
		range_append_all(tree, leaves.hashes, leaves.len, NULL, NULL);
		left -= (uint32_t)leaves.len;
	}
	return cursor_done(&c) ? 0 : ENT_EINVALID;
}

int ingest_verify(struct ingest_frontier *f, struct ingest_job *job)
{
	const struct checkpoint *c = &job->checkpoint;
	struct range tree, whole;
	struct hash root;
	int rc;

	if (!job->joins && job->start != f->tree.end)
		return ENT_ESTATE;
	if (job->count == 0 || c->size < job->start || c->size - job->start < job->count)
		return ENT_EINVALID;
	rc = verify_signature(f, job);
	if (rc != 0)
		return rc;
	tree = f->tree;
	/* The root binds what it brings: only the true range of [0, start) leads there. */
	rc = job->joins ? ingest_job_left(job, &tree) : 0;
	if (rc != 0)
		return rc;
	rc = append_entries(&tree, job);
	if (rc != 0)
		return rc;
	whole = tree;
	if (c->size > tree.end) {
		struct range right;

		rc = range_set(&right, tree.end, c->size, job->right, job->right_len);
		if (rc == 0)
			rc = range_merge(&whole, &right);
		if (rc != 0)
			return ENT_EPROOF;
	} else if (job->right_len != 0) {
		return ENT_EPROOF;
	}
	range_root(&whole, &root);
	if (!hash_eq(&root, &c->root))
		return ENT_EPROOF;
	f->tree = tree;
	job->verified = true;
	return 0;
}

uint32_t ingest_drop_mismarked(struct ingest_job *job)
{
	struct cursor c = cursor_of(bytes_from(job->entries, job->entries_len));
	uint8_t marking = job->feed.audience.kind == AUDIENCE_CLEAR ? TLP_CLEAR : TLP_GREEN;
	uint8_t *end = job->entries;
	uint32_t dropped = 0;

	if (!audience_is_community(job->feed.audience))
		return 0;
	/* In place: an erased entry is the start of a whole one, so writing never overtakes
	 * reading. */
	for (uint32_t i = 0; i < job->count; i++) {
		const uint8_t *start = c.at;
		struct entry entry;
		int rc = entry_next(&c, &entry);
		size_t len = ENTRY_HEADER_BYTES + 1;
		bool drop;

		assert(rc == 0);
		drop = !entry.erased && entry.leaf.data[ENTRY_TLP_OFFSET] != marking;
		if (!drop)
			len = (size_t)(c.at - start);
		memmove(end, start, len);
		if (drop) {
			end[ENTRY_HEADER_BYTES] = ENTRY_STATE_ERASED;
			dropped++;
		}
		end += len;
	}
	job->entries_len = (size_t)(end - job->entries);
	job->mismarked = dropped;
	return dropped;
}

bool ingest_absent(const struct ingest_job *job)
{
	struct cursor c = cursor_of(bytes_from(job->entries, job->entries_len));
	struct entry entry;

	for (uint32_t i = 0; i < job->count && entry_next(&c, &entry) == 0; i++)
		if (entry.erased)
			return true;
	return false;
}

bool ingest_urgent(const struct ingest_job *job)
{
	struct cursor c = cursor_of(bytes_from(job->entries, job->entries_len));

	for (uint32_t i = 0; i < job->count; i++) {
		struct entry entry;
		uint8_t kind;

		if (entry_next(&c, &entry) != 0)
			return false;
		kind = entry.leaf.data[ENTRY_KIND_OFFSET];
		if (kind == KIND_RETRACTION || kind == KIND_ERASURE ||
			(entry.leaf.data[ENTRY_FLAGS_OFFSET] & ENTRY_FLAG_URGENT))
			return true;
	}
	return false;
}
