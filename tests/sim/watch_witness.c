/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Witnesses: a node cosigns of a neighbour's log of acts what it has durably remembered, what is
 * there, and what continues all that it has cosigned before. And what they look for: nobody but an
 * old copy or a clone signs a log of acts twice.
 */
#include "ledger/reading.h"
#include "sim/watch.h"
#include "sim/world_impl.h"

struct remembered {
	const struct log_name *log;
	uint64_t size;
};

static int look(void *ctx, const struct store_witness *s)
{
	struct remembered *r = ctx;

	if (log_name_eq(&s->checkpoint.log, r->log) && s->checkpoint.size > r->size)
		r->size = s->checkpoint.size;
	return 0;
}

static bool remembers(struct world_node *n, const struct log_name *log, uint64_t size)
{
	struct remembered remembered = {log, 0};
	struct store_reader *r;
	int rc = store_reader_open(n->store, &r);

	if (rc == 0)
		rc = store_witness_each(r, look, &remembered);
	store_reader_close(r);
	return rc == 0 && remembered.size >= size;
}

/* The root of the first so many acts as they lie on that machine; false: they do not. */
static bool root_at(struct world_node *n, const struct log_name *log, uint64_t size,
	struct hash *root)
{
	struct gossip_store reads = ledger_reads(n->store);
	struct range range;

	if (!n->store || size == 0 || reads.range(reads.ctx, log, 0, size, &range) != 0)
		return false;
	range_root(&range, root);
	return true;
}

void watch_witnesses(struct world *w, struct world_node *n, struct world_node *owner,
	const struct wire_witness *m)
{
	struct watch_cosigned *before = watch_cosigned(w, n, &m->log);
	struct hash root;

	if (!node_id_eq(&m->log.node, &owner->actor->node))
		world_fail(w, "n%u cosigns for n%u what is not its", n->index, owner->index);
	if (!remembers(n, &m->log, m->size))
		world_fail(w, "I11: n%u cosigns acts of n%u that it does not remember", n->index,
			owner->index);
	if (m->size < before->size)
		world_fail(w, "n%u cosigns less of the acts of n%u than before", n->index,
			owner->index);
	if (!owner->hand && !watch_is_copy(owner) && root_at(owner, &m->log, m->size, &root) &&
		memcmp(root.bytes, m->root, HASH_BYTES) != 0)
		world_fail(w, "n%u cosigns acts that n%u has not entered", n->index, owner->index);
	/* Whose log of acts it is: a second machine is told of what the first one has shown. */
	if (!owner->hand && m->size > before->size && root_at(owner, &m->log, m->size, &root) &&
		memcmp(root.bytes, m->root, HASH_BYTES) == 0 &&
		root_at(owner, &m->log, before->size, &root) && !hash_eq(&root, &before->root))
		world_fail(w, "n%u cosigns acts of n%u that were rewritten", n->index,
			owner->index);
	before->size = m->size;
	memcpy(before->root.bytes, m->root, HASH_BYTES);
}

/* What the node has signed of its log of acts, in any of its lives. */
static struct world_acts *acts_of(struct world_node *n, const struct log_name *log)
{
	for (size_t i = 0; i < n->acts_len; i++)
		if (log_name_eq(&n->acts[i].newest.log, log))
			return &n->acts[i];
	n->acts = need(realloc(n->acts, (n->acts_len + 1) * sizeof(*n->acts)));
	n->acts[n->acts_len] = (struct world_acts){.newest.log = *log};
	return &n->acts[n->acts_len++];
}

/* A copy may first sign more than there ever was: then what was signed is not in it. */
static bool continues(struct world_node *n, const struct checkpoint *before,
	const struct checkpoint *c)
{
	struct hash root = c->root;

	if (c->size < before->size)
		return false;
	if (c->size > before->size && !root_at(n, &c->log, before->size, &root))
		return true; /* there was nothing, or it cannot be read */
	return hash_eq(&root, &before->root);
}

void watch_acts_signed(struct world *w, struct world_node *n, const struct checkpoint *c)
{
	struct world_acts *acts = acts_of(n, &c->log);
	bool twice = !continues(n, &acts->newest, c);

	if (c->size > acts->newest.size)
		acts->newest = *c;
	acts->twice |= twice;
	if (twice && !n->twin && !acts->copied)
		world_fail(w, "n%u signs two histories of its acts", n->index);
}

void watch_acts_found(struct world *w, struct world_node *n, const struct checkpoint *c)
{
	if (c->size > acts_of(n, &c->log)->newest.size)
		watch_acts_signed(w, n, c);
}

void watch_acts_restored(struct world_node *n)
{
	for (size_t i = 0; i < n->acts_len; i++)
		n->acts[i].copied = true;
}

bool watch_acts_twice(const struct world_node *n, const struct log_name *log)
{
	for (size_t i = 0; i < n->acts_len; i++)
		if (log_name_eq(&n->acts[i].newest.log, log))
			return n->acts[i].twice;
	return false;
}
