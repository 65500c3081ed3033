/* SPDX-License-Identifier: EUPL-1.2 */
#include "ledger/ledger.h"

#include <stdlib.h>

#include "base/mark.h"
#include "ledger/impl.h"
#include "proto/limits.h"

/* --- items ------------------------------------------------------------------------------------ */

struct ledger_item *ledger_item_new(enum ledger_item_type type)
{
	struct ledger_item *i = calloc(1, sizeof(*i));

	if (!i)
		abort(); /* queues are bounded; without memory nothing can be said either */
	i->type = type;
	i->bytes = sizeof(*i);
	i->data = buf_with_max(CARD_CHAIN_MAX * (CARD_BYTES_MAX + 8));
	return i;
}

void ledger_item_free(struct ledger_item *i)
{
	ingest_job_free(i->job);
	buf_free(&i->data);
	free(i->leaves);
	ledger_retention_free(i->retention);
	free(i->receipt);
	free(i->witness);
	free(i);
}

/* --- life ------------------------------------------------------------------------------------- */

int ledger_new(struct ledger **out, const struct ledger_config *config)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (!l)
		return ENT_ENOMEM;
	l->config = *config;
	atomic_init(&l->mute, config->mute);
	atomic_init(&l->epochs, config->mute);
	atomic_init(&l->sealing, false);
	l->beginning = config->begin_provenance;
	l->begins = config->provenance;
	l->former = config->former;
	l->acts = buf_with_max(GROUP_ACTS_BYTES);
	l->erased = buf_with_max(GROUP_ACTS_BYTES);
	l->floors = buf_with_max(GROUP_ACTS_BYTES);
	l->said = buf_with_max(GROUP_ACTS_BYTES);
	l->overs = buf_with_max(GROUP_ACTS_BYTES);
	*out = l;
	return 0;
}

void ledger_free(struct ledger *l)
{
	if (!l)
		return;
	while (l->items) {
		struct ledger_item *i = l->items;

		l->items = i->next;
		ledger_item_free(i);
	}
	retain_drop(l);
	buf_free(&l->acts);
	buf_free(&l->erased);
	buf_free(&l->floors);
	buf_free(&l->said);
	buf_free(&l->overs);
	free(l);
}

void ledger_mute(struct ledger *l)
{
	atomic_store(&l->mute, atomic_fetch_add(&l->epochs, 1) + 1);
}

bool ledger_muted(const struct ledger *l)
{
	return atomic_load(&l->mute) != 0;
}

uint32_t ledger_epoch(const struct ledger *l)
{
	return atomic_load(&l->mute);
}

void ledger_allow_sealing(struct ledger *l)
{
	atomic_store(&l->sealing, true);
}

const char *ledger_step_name(enum ledger_step step)
{
	static const char *const names[LEDGER_STEPS] = {
		"commit", "reread", "guard", "sign", "tell", "carry", "finished", "settle"};

	return step < LEDGER_STEPS ? names[step] : NULL;
}

void ledger_at(struct ledger *l, enum ledger_step step)
{
	if (l->config.ops.step)
		l->config.ops.step(l->config.ops.ctx, step);
}

bool is_feed(const struct log_name *log)
{
	return log->audience.kind != AUDIENCE_PROVENANCE;
}

/* --- gathering -------------------------------------------------------------------------------- */

bool ledger_fits(const struct ledger *l, const struct ledger_item *i)
{
	if (l->bytes >= GROUP_BYTES)
		return false;
	return i->type != LEDGER_OWN || l->own_entries == 0 ||
	       (l->own_entries + i->count <= BATCH_ENTRIES_MAX &&
		       l->own_bytes + i->data.len <= BATCH_BYTES_MAX);
}

void ledger_put(struct ledger *l, struct ledger_item *i)
{
	i->next = NULL;
	if (l->last)
		l->last->next = i;
	else
		l->items = i;
	l->last = i;
	if (i->type == LEDGER_EPOCH) {
		if (!l->beginning)
			l->former = l->config.provenance;
		l->beginning = true;
		l->begins = i->feed;
	}
	l->bytes += i->bytes;
	if (i->type != LEDGER_OWN)
		return;
	l->own_entries += i->count;
	l->own_bytes += i->data.len;
}

bool ledger_owes(const struct ledger *l)
{
	return l->pending_len > 0 || l->items || l->unsealed || l->unmute || l->beginning ||
	       l->prune || (l->succeeding && !ledger_muted(l));
}

/* --- telling ---------------------------------------------------------------------------------- */

void ledger_tell(struct ledger *l, const struct ledger_news *news)
{
	l->config.ops.tell(l->config.ops.ctx, news);
}

static void tell_publication(struct ledger *l, struct publication *pub, int code)
{
	struct ledger_news news = {.type = LEDGER_PUBLISHED, .publication = pub};

	if (pub->code == 0)
		pub->code = code;
	news.code = pub->code;
	ledger_tell(l, &news);
}

/* One item of the group is done (code 0) or has failed. */
static void tell_item(struct ledger *l, struct ledger_item *i, int code)
{
	struct ledger_news news = {.code = code ? code : i->code};

	if (i->type == LEDGER_RUN || i->type == LEDGER_BODIES) {
		news.type = news.code ? LEDGER_REJECTED : LEDGER_STORED;
		news.job = i->job;
		i->job = NULL;
		ledger_tell(l, &news);
	} else if (i->type == LEDGER_OWN && news.code != 0) {
		i->publication->code = news.code;
	} else if (i->type == LEDGER_CUT) {
		news.type = LEDGER_WAS_CUT;
		news.feed = i->feed;
		news.size = i->size;
		ledger_tell(l, &news);
	} else if (i->type == LEDGER_ASIDE) {
		news.type = LEDGER_IS_ASIDE;
		news.feed = i->feed;
		ledger_tell(l, &news);
	} else if (i->type == LEDGER_PUBLICATION_END) {
		tell_publication(l, i->publication, news.code);
	} else if (i->type == LEDGER_HOLD) {
		news.type = LEDGER_HELD;
		news.user = i->hold.user;
		ledger_tell(l, &news);
	} else if (i->type == LEDGER_ACT && i->wait) {
		news = (struct ledger_news){.type = LEDGER_ENTERED,
			.session = i->session,
			.feed = i->feed,
			.user = i->user};
		ledger_tell(l, &news);
	} else if (i->type == LEDGER_RECEIPT && !i->receipt->differs) {
		news.type = LEDGER_RECEIPTED;
		news.node = i->receipt->node;
		news.checkpoint = i->receipt->checkpoint;
		ledger_tell(l, &news);
	} else if (i->type == LEDGER_WITNESS && !i->witness->rewritten) {
		news.type = LEDGER_WITNESSED;
		news.session = i->session;
		news.checkpoint = i->witness->checkpoint;
		ledger_tell(l, &news);
	} else if (i->type == LEDGER_COMPLETE) {
		news.type = LEDGER_COMPLETED;
		news.checkpoint = i->checkpoint;
		ledger_tell(l, &news);
	}
}

void runs_tell(struct ledger *l, const struct log_name *feed)
{
	for (struct ledger_item *i = l->items; i; i = i->next)
		if (i->type == LEDGER_RUN && i->code == 0 && i->job &&
			log_name_eq(&i->job->feed, feed))
			tell_item(l, i, 0);
}

static bool was_told(const struct ledger_item *i)
{
	return i->type == LEDGER_RUN && !i->job;
}

/* A receipt that could not be stored is given again with the next one, a log of acts is shown
 * again: they do not wait, and what waits is bounded. */
static bool may_wait(const struct ledger_item *i)
{
	switch (i->type) {
	case LEDGER_CUT:
	case LEDGER_ASIDE:
		/* It would spoil every group to come: what is there stays, and that is told. */
		return i->code != ENT_ECORRUPT;
	case LEDGER_ACT:
	case LEDGER_PIN:
	case LEDGER_RIVAL:
	case LEDGER_FREEZE:
	case LEDGER_SPLIT:
	case LEDGER_AGREEMENT:
	case LEDGER_KEEP:
	case LEDGER_EPOCH:
	case LEDGER_UNMUTE:
		return true;
	default:
		return false;
	}
}

static void publication_grown(const struct ledger *l, const struct ledger_item *i)
{
	for (size_t k = 0; k < l->growing_len; k++)
		if (audience_eq(l->growing[k].log.audience, i->audience))
			publication_feed_set(i->publication, i->audience, l->growing[k].after.end);
}

/* Needs the signature; what came from others is durable with the commit. */
static bool is_own(const struct ledger_item *i)
{
	return i->type == LEDGER_OWN || i->type == LEDGER_PUBLICATION_END || i->type == LEDGER_ACT;
}

/* Tells of every item, frees it, and keeps for later those that wait for better times. */
static void group_finish(struct ledger *l, int committed, int sealed, struct ledger_done *done)
{
	struct ledger_item *next, *items = l->items;

	l->items = l->last = NULL;
	for (struct ledger_item *i = items; i; i = next) {
		next = i->next;
		if (committed != 0 && may_wait(i)) {
			MARK("act-waits-for-the-store");
			ledger_put(l, i);
			continue;
		}
		done->own += i->type == LEDGER_OWN || i->type == LEDGER_PUBLICATION_END;
		done->acts += i->type == LEDGER_ACT;
		if (i->type == LEDGER_OWN)
			publication_grown(l, i);
		if (!was_told(i))
			tell_item(l, i, is_own(i) && committed == 0 ? sealed : committed);
		ledger_item_free(i);
	}
	if (committed == 0) {
		tell_erased(l);
		tell_floors(l);
		tell_said(l);
	}
	/* What is kept does not count: what comes next is not to wait for it. */
	l->bytes = l->own_bytes = 0;
	l->own_entries = 0;
}

/* --- the run ---------------------------------------------------------------------------------- */

static bool ends_publication(const struct ledger *l)
{
	for (const struct ledger_item *i = l->items; i; i = i->next)
		if (i->type == LEDGER_PUBLICATION_END)
			return true;
	return false;
}

/*
 * Whoever has published may look at once, with a command that reads the store by itself: then the
 * checkpoints are there before the answer. A failure is no harm: they go with a later commit.
 */
static void checkpoints_carry(struct ledger *l)
{
	struct store_txn *txn;
	int rc;

	ledger_at(l, LEDGER_STEP_CARRY);
	rc = store_begin(l->config.store, &txn);
	if (rc != 0)
		return;
	for (size_t i = 0; i < l->pending_len && rc == 0; i++)
		rc = store_checkpoint_put(txn, &l->pending[i]);
	if (rc != 0)
		store_abort(txn);
	else if (store_commit(txn) == 0)
		l->pending_len = 0;
}

int ledger_settle(struct ledger *l)
{
	ledger_at(l, LEDGER_STEP_SETTLE);
	return store_settle(l->config.store);
}

bool ledger_unsettled(const struct ledger *l)
{
	return store_unsettled(l->config.store);
}

int ledger_run(struct ledger *l, struct ledger_done *done)
{
	int committed = group_commit(l);
	int sealed = committed == 0 && l->unmute ? unmute(l) : committed;

	if (l->closed)
		sealed = l->grown_len > 0 ? ENT_EMUTE : 0;
	else if (sealed == 0)
		sealed = group_seal(l);
	*done = (struct ledger_done){0};
	if (sealed == 0 && l->pending_len > 0 && ends_publication(l))
		checkpoints_carry(l);
	group_finish(l, committed, sealed, done);
	ledger_at(l, LEDGER_STEP_FINISHED);
	return sealed;
}
