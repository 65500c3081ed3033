/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The commit: every item of the group and the acts that tell of it, in one synced transaction.
 */
#include <stdlib.h>

#include "base/mark.h"
#include "ledger/impl.h"

/* --- gathering acts --------------------------------------------------------------------------- */

void group_act(struct ledger *l, const struct act_body *act)
{
	if (act_entry(&l->acts, act, l->now_ms, &l->config.rng) != 0)
		abort(); /* what the daemon enters is within bounds */
	l->acts_len++;
}

void received_flush(struct ledger *l)
{
	if (l->receiving)
		group_act(l, &l->received);
	l->receiving = false;
}

/* Adjacent runs of one feed from one session are one act. */
static void received_add(struct ledger *l, const struct ingest_job *job)
{
	struct act_body *r = &l->received;

	if (!l->receiving || !log_name_eq(&r->log, &job->feed) || r->to != job->start ||
		memcmp(l->received_session, job->binding, sizeof(job->binding)) != 0) {
		received_flush(l);
		memcpy(l->received_session, job->binding, sizeof(l->received_session));
		*r = (struct act_body){.act = ACT_RECEIVED,
			.has_peer = true,
			.peer = job->peer,
			.session = BYTES_OF(l->received_session),
			.has_log = true,
			.log = job->feed,
			.from = job->start};
		l->receiving = true;
	}
	r->to = job->start + job->count;
	r->count = r->to - r->from;
	memcpy(l->received_root, job->checkpoint.root.bytes, HASH_BYTES);
	r->root = BYTES_OF(l->received_root);
}

static void file_enter(struct act_body *act, const struct publication *pub)
{
	if (!pub->has_file)
		return;
	act->hash = BYTES_OF(pub->file_hash);
	act->salt = BYTES_OF(pub->file_salt);
}

static void published_enter(struct ledger *l, const struct publication *pub,
	const struct log_name *log, uint64_t from, uint64_t to)
{
	struct act_body act = {.act = ACT_PUBLISHED,
		.has_log = true,
		.log = *log,
		.from = from,
		.to = to,
		.count = to - from,
		.operator_name = bytes_str(pub->operator_name),
		.publication = BYTES_OF(pub->id)};

	file_enter(&act, pub);
	group_act(l, &act);
}

/* What a publication was refused, and which guard rails were lifted for it. */
static void rules_enter(struct ledger *l, const struct publication *pub)
{
	for (size_t i = 0; i < pub->rules_len; i++) {
		struct act_body act = {.act = pub->rules[i].lifted ? ACT_LIFTED : ACT_REFUSED,
			.rule = bytes_str(pub->rules[i].name),
			.count = pub->rules[i].count,
			.operator_name = bytes_str(pub->operator_name),
			.publication = BYTES_OF(pub->id)};

		file_enter(&act, pub);
		group_act(l, &act);
	}
}

/* --- applying items --------------------------------------------------------------------------- */

/* The log's place among those that have grown, the one behind the last when it is new there; NULL
 * when there are too many. One is kept for the provenance log. */
static struct grown *grown_of(struct ledger *l, const struct log_name *log)
{
	size_t max = is_feed(log) ? GROUP_LOGS_MAX - 1 : GROUP_LOGS_MAX;

	for (size_t i = 0; i < l->growing_len; i++)
		if (log_name_eq(&l->growing[i].log, log))
			return &l->growing[i];
	return l->growing_len < max ? &l->growing[l->growing_len] : NULL;
}

int append_own(struct ledger *l, struct store_txn *txn, const struct log_name *name,
	struct bytes entries, const struct hash *leaves, uint32_t count, bool urgent,
	uint64_t *from)
{
	struct store_run run = {.log = *name,
		.count = count,
		.entries = entries,
		.leaves = leaves,
		.received_ms = l->now_ms};
	struct grown *w;
	struct range before;
	struct store_log log;
	int rc = succession_first(l, txn, name);

	if (rc == 0)
		rc = store_txn_log(txn, name, true, &log);
	if (rc != 0)
		return rc;
	w = grown_of(l, name);
	if (!w)
		return ENT_ELIMIT;
	/* More has been signed than is here: nothing goes into its place. */
	if (log.has_checkpoint && log.checkpoint.size > log.size)
		return ENT_EMUTE;
	before = log.tree;
	*from = run.start = log.size;
	rc = store_append(txn, &run);
	if (rc == 0)
		rc = store_txn_log(txn, name, false, &log);
	if (rc != 0)
		return rc;
	if (w == &l->growing[l->growing_len]) {
		*w = (struct grown){.log = *name, .before = before};
		l->growing_len++;
	}
	w->after = log.tree;
	w->urgent |= urgent;
	return 0;
}

static int apply_own(struct ledger *l, struct store_txn *txn, struct ledger_item *i)
{
	struct log_name name = {.node = l->config.self,
		.incarnation = l->config.identity->incarnation,
		.audience = i->audience};
	uint64_t from;
	int rc;

	if (ledger_muted(l))
		return ENT_EMUTE;
	rc = append_own(l, txn, &name, buf_view(&i->data), i->leaves, i->count, i->urgent, &from);
	if (rc == 0)
		published_enter(l, i->publication, &name, from, from + i->count);
	return rc;
}

/* Where every neighbour begins later than what is here ends. */
static int join(struct ledger *l, struct store_txn *txn, const struct ingest_job *job,
	uint64_t from)
{
	struct act_body act = {.act = ACT_JOINED,
		.has_peer = true,
		.peer = job->peer,
		.has_log = true,
		.log = job->feed,
		.from = from,
		.to = job->start};
	struct range left;
	int rc = ingest_job_left(job, &left);

	if (rc == 0)
		rc = store_join(txn, &job->feed, &left);
	if (rc != 0)
		return rc;
	received_flush(l);
	group_act(l, &act);
	return 0;
}

static int apply_run(struct ledger *l, struct store_txn *txn, struct ledger_item *i)
{
	const struct ingest_job *job = i->job;
	struct store_run run = {.log = job->feed,
		.start = job->start,
		.count = job->count,
		.entries = bytes_from(job->entries, job->entries_len),
		.tree = &i->tree,
		.via = job->peer,
		.received_ms = l->now_ms};
	struct store_log log;
	int rc = store_txn_log(txn, &job->feed, true, &log);

	if (rc != 0)
		return rc;
	if (!store_log_takes(txn, &log, &job->checkpoint))
		return ENT_ESTATE;
	if (job->joins && log.size < job->start) {
		if ((rc = join(l, txn, job, log.size)) != 0)
			return rc;
		/* Nothing of it may stay behind without the run. */
		rc = store_append(txn, &run) ? ENT_ECORRUPT : 0;
	} else {
		/* An earlier one failed to be stored: this comes too early. */
		rc = log.size == job->start ? store_append(txn, &run) : ENT_ESTATE;
	}
	if (rc == 0)
		rc = store_checkpoint_put(txn, &job->checkpoint);
	if (rc == 0) {
		received_add(l, job);
		succession_due(l, &job->feed);
	}
	return rc;
}

/* What of it is still missing: an erasure may have come since it was asked for. */
static int apply_bodies(struct ledger *l, struct store_txn *txn, const struct ingest_job *job)
{
	struct store_bodies put = {.log = job->feed, .via = job->peer, .received_ms = l->now_ms};
	struct act_body act = {.act = ACT_BODIES_RECEIVED,
		.has_peer = true,
		.peer = job->peer,
		.session = BYTES_OF(job->binding),
		.has_log = true,
		.log = job->feed};
	struct arena arena = {0};
	struct wire_message m;
	int rc = wire_decode(WIRE_BODIES, bytes_from(job->entries, job->entries_len), &arena, &m);

	if (rc == 0) {
		put.bodies = m.bodies.bodies;
		put.len = m.bodies.bodies_len;
		rc = store_bodies_put(txn, &put);
	}
	arena_free(&arena);
	if (rc != 0 || put.taken == 0)
		return rc;
	MARK("bodies-restored");
	act.from = put.first;
	act.to = put.last + 1;
	act.count = put.taken;
	received_flush(l);
	group_act(l, &act);
	return 0;
}

/* Nothing is known here of a feed that forked before its first entry came. */
static int apply_freeze(struct store_txn *txn, const struct ledger_item *i)
{
	struct store_log log;
	int rc = store_txn_log(txn, &i->feed, true, &log);

	return rc != 0 ? rc : store_log_freeze(txn, &i->feed);
}

/* Its name belongs to another key: whoever reads the acts finds it under the name it has now. */
static int apply_aside(struct ledger *l, struct store_txn *txn, const struct ledger_item *i)
{
	struct act_body act = {.act = ACT_PUT_ASIDE, .has_log = true, .log = i->feed};
	struct store_log log;
	int rc = store_txn_log(txn, &i->feed, false, &log);

	if (rc == 0)
		rc = store_log_put_aside(txn, &i->feed, &act.from);
	if (rc != 0)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	received_flush(l);
	act.to = log.size;
	group_act(l, &act);
	return 0;
}

static int apply_split(struct store_txn *txn, const struct ledger_item *i)
{
	struct store_log log;
	int rc = store_txn_log(txn, &i->feed, true, &log);

	return rc != 0 ? rc : store_split_put(txn, &i->feed, buf_view(&i->data));
}

static int apply_agreement(struct store_txn *txn, const struct ledger_item *i)
{
	struct store_agreement a = {.id = i->agreement.id,
		.serial = i->agreement.serial,
		.ended_ms = i->agreement.ended_ms,
		.note = buf_view(&i->data)};

	return store_agreement_put(txn, &a);
}

/* Errors that are about the item and leave the transaction as it was (store.h): the others are
 * about the store. */
static bool of_item(int code)
{
	switch (code) {
	case ENT_EINVALID:
	case ENT_ELIMIT:
	case ENT_EMUTE:
	case ENT_ENOTFOUND:
	case ENT_EPROOF:
	case ENT_ESTATE:
		return true;
	default:
		return false;
	}
}

int of_store(int code)
{
	return of_item(code) ? 0 : code;
}

static int apply_item(struct ledger *l, struct store_txn *txn, struct ledger_item *i)
{
	switch (i->type) {
	case LEDGER_RUN:
		return apply_run(l, txn, i);
	case LEDGER_BODIES:
		return apply_bodies(l, txn, i->job);
	case LEDGER_OWN:
		return apply_own(l, txn, i);
	case LEDGER_ACT:
		received_flush(l);
		be64_put(i->data.data + ENTRY_TIME_OFFSET, (uint64_t)l->now_ms);
		buf_bytes(&l->acts, buf_view(&i->data));
		l->acts_len++;
		return 0;
	case LEDGER_PIN:
		return store_origin_put(txn, &i->node, buf_view(&i->data), &i->introduced_by,
			l->now_ms);
	case LEDGER_RIVAL:
		return store_rival_put(txn, &i->node, buf_view(&i->data));
	case LEDGER_FREEZE:
		return apply_freeze(txn, i);
	case LEDGER_ASIDE:
		return apply_aside(l, txn, i);
	case LEDGER_FORGET:
		return apply_forget(l, txn, i->count > 0);
	case LEDGER_RETAIN:
		return over_apply(l, txn, i->retention); /* floors: before all others */
	case LEDGER_AGREEMENT:
		return apply_agreement(txn, i);
	case LEDGER_HOLD:
		return apply_hold(l, txn, i);
	case LEDGER_RECEIPT:
		return store_receipt_put(txn, i->receipt);
	case LEDGER_WITNESS:
		return store_witness_put(txn, i->witness);
	case LEDGER_CUT:
		received_flush(l);
		return apply_cut(l, txn, i);
	case LEDGER_KEEP:
		return apply_keep(txn, i);
	case LEDGER_COMPLETE:
		return apply_complete(l, txn, i);
	case LEDGER_EPOCH:
		return 0; /* of the whole group */
	case LEDGER_UNMUTE:
		l->unmute = i->epoch;
		return 0;
	case LEDGER_SPLIT:
		return apply_split(txn, i);
	default: /* LEDGER_PUBLICATION_END */
		rules_enter(l, i->publication);
		return 0;
	}
}

static int apply_acts(struct ledger *l, struct store_txn *txn)
{
	struct hash *leaves;
	struct cursor c;
	uint64_t from;
	int rc = 0;

	received_flush(l);
	if (l->acts_len == 0)
		return 0;
	if (buf_failed(&l->acts))
		return ENT_ENOMEM;
	leaves = calloc(l->acts_len, sizeof(*leaves));
	if (!leaves)
		return ENT_ENOMEM;
	c = cursor_of(buf_view(&l->acts));
	for (uint32_t i = 0; i < l->acts_len && rc == 0; i++) {
		struct entry e;

		rc = entry_next(&c, &e);
		if (rc == 0)
			hash_leaf(&leaves[i], e.leaf);
	}
	if (rc == 0)
		rc = append_own(l, txn, l->beginning ? &l->begins : &l->config.provenance,
			buf_view(&l->acts), leaves, l->acts_len, false, &from);
	free(leaves);
	return rc;
}

static int pending_put(const struct ledger *l, struct store_txn *txn)
{
	for (size_t i = 0; i < l->pending_len; i++) {
		int rc = store_checkpoint_put(txn, &l->pending[i]);

		if (rc != 0 && rc != ENT_ESTATE) /* frozen since */
			return rc;
	}
	return 0;
}

/* What cannot be found out now is asked again soon. */
static void retention_plan(struct ledger *l)
{
	for (const struct ledger_item *i = l->items; i; i = i->next)
		if (i->type == LEDGER_RETAIN) {
			l->succeeding |= l->succession_waits;
			if (l->tails_wait && !ledger_muted(l) && tails_find(l) != 0)
				l->tails_wait = true;
			if (retain_plan(l, i->retention) != 0)
				retain_drop(l);
			if (over_plan(l, i->retention) != 0)
				buf_reset(&l->overs);
		}
}

/* What the group has done is in the store. */
static void group_committed(struct ledger *l)
{
	l->pending_len = 0;
	if (l->beginning) {
		l->config.provenance = l->begins;
		l->fresh = true;
	}
	l->beginning = false;
	l->succeeding = l->succeeding && !l->succeeded;
}

/* What former groups have left to go. */
static int prune_rest(struct ledger *l, struct store_txn *txn)
{
	int rc;

	if (!l->prune || (l->prune_alone && l->items))
		return 0;
	rc = apply_forget(l, txn, true);
	return rc < 0 ? of_store(rc) : 0;
}

static bool forgets(const struct ledger *l)
{
	for (const struct ledger_item *i = l->items; i; i = i->next)
		if (i->type == LEDGER_FORGET)
			return true;
	return l->prune || l->prune_waits;
}

static int group_try(struct ledger *l)
{
	struct store_txn *txn;
	int rc;

	l->closed = false;
	for (struct ledger_item *i = l->items; i; i = i->next)
		i->code = 0; /* of an attempt before */
	rc = doubt_end(l);
	if (rc != 0)
		return rc;
	l->now_ms = l->config.ops.wall_ms(l->config.ops.ctx);
	retention_plan(l);
	rc = store_begin(l->config.store, &txn);
	if (rc != 0) {
		retain_drop(l);
		return rc;
	}
	memcpy(l->growing, l->grown, l->grown_len * sizeof(l->grown[0]));
	l->growing_len = l->grown_len;
	l->acts_len = 0;
	buf_reset(&l->acts);
	buf_reset(&l->erased);
	buf_reset(&l->floors);
	buf_reset(&l->said);
	l->receiving = false;
	rc = pending_put(l, txn);
	if (rc == 0)
		rc = epoch_begin(l, txn);
	/* A log that has no room, or may not be signed, spoils nobody else's commit. */
	if (rc == 0)
		rc = successions_write(l, txn);
	if (rc == 0)
		rc = of_store(retain_apply(l, txn));
	for (struct ledger_item *i = l->items; i && rc == 0; i = i->next) {
		i->code = apply_item(l, txn, i);
		rc = of_store(i->code);
	}
	if (rc == 0)
		rc = prune_rest(l, txn);
	if (rc == 0)
		rc = apply_acts(l, txn);
	if (rc != 0) {
		retain_drop(l);
		store_abort(txn);
		return rc;
	}
	said_take(l, txn);
	if (group_is_small(l, txn)) {
		rc = group_close(l, txn);
		l->whole = rc != 0;
		if (rc == 0)
			group_committed(l);
		return rc;
	}
	ledger_at(l, LEDGER_STEP_COMMIT);
	rc = store_commit(txn);
	l->whole = rc != 0; /* while the disk fails nothing is told upon the journal alone */
	if (rc != 0)
		return rc;
	memcpy(l->grown, l->growing, l->growing_len * sizeof(l->grown[0]));
	l->grown_len = l->growing_len;
	group_committed(l);
	return 0;
}

int group_commit(struct ledger *l)
{
	bool forgot = forgets(l);
	int rc = group_try(l);

	/* The index lets go once and does not ask again. It needs room itself: what others want
	 * committed does not fail with it a second time. */
	if (rc != 0 && forgot)
		l->prune = l->prune_alone = true;
	else if (!l->prune)
		l->prune_alone = false;
	return rc;
}
