/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What is forgotten: erasures carried out, and what lies below floors. The store finds the places
 * and takes the bodies out; the acts that tell of it become durable in the same commit.
 */
#include "ledger/impl.h"

/* Of one group, each some thousand bodies: the others of the group do not wait for longer. */
#define FORGET_STEPS_MAX 8u

static void erased_enter(void *ctx, const struct store_erased *e)
{
	struct ledger *l = ctx;
	struct act_body act = {.act = e->now ? ACT_RECALLED : ACT_ERASED,
		.has_log = true,
		.log = e->log,
		.from = e->from,
		.to = e->to,
		.count = e->bodies,
		.rule = bytes_str(e->late   ? "late"
				  : e->over ? "after-end"
					    : "")};

	received_flush(l);
	group_act(l, &act);
	/* A recall of what is erased already makes haste for what is still in the files. */
	l->forgot |= e->now      ? (e->bodies ? FORGOT_RECALLED : FORGOT_HASTENED)
		     : e->bodies ? FORGOT_ERASED
				 : 0;
	buf_append(&l->erased, &e->log, sizeof(e->log));
}

/* The first erasure whose bytes may still be in the files sets the time. */
static int since_put(struct ledger *l, struct store_txn *txn, const char *key)
{
	uint8_t now[8];

	be64_put(now, (uint64_t)l->now_ms);
	return store_meta_set(txn, key) ? 0 : store_meta_put(txn, key, BYTES_OF(now));
}

/* What has gone has gone, whatever failed behind it. */
static int since_note(struct ledger *l, struct store_txn *txn)
{
	unsigned forgot = l->forgot;
	int rc = 0;

	l->forgot = 0;
	if (forgot & FORGOT_ERASED)
		rc = since_put(l, txn, STORE_ERASED_SINCE);
	if (rc == 0 &&
		((forgot & FORGOT_RECALLED) ||
			((forgot & FORGOT_HASTENED) && store_meta_set(txn, STORE_ERASED_SINCE))))
		rc = since_put(l, txn, STORE_RECALLED_SINCE);
	return rc;
}

int apply_forget(struct ledger *l, struct store_txn *txn, bool prune)
{
	bool more = false;
	int noted, rc = 1;

	for (unsigned i = 0; rc == 1 && i < FORGET_STEPS_MAX; i++)
		rc = store_erase(txn, erased_enter, l);
	/* What is left of this goes with the next group, too. */
	for (unsigned i = 0; rc >= 0 && i < FORGET_STEPS_MAX; i++) {
		rc = store_over_carry(txn, erased_enter, l);
		more = rc == 1;
		if (!more)
			break;
	}
	if ((noted = since_note(l, txn)) != 0)
		rc = noted;
	/* What is left goes with the next group, or when the erasures that it waits for have. */
	l->prune = l->prune || l->prune_waits || prune || more;
	for (unsigned i = 0; l->prune && rc >= 0 && i < FORGET_STEPS_MAX; i++) {
		rc = store_prune(txn);
		l->prune = rc < 0 || rc == 1 || more;
		l->prune_waits = rc == 2;
		if (rc != 1)
			break;
	}
	/* What does not read is not tried with every group, until the index has let go of more. */
	if (rc < 0) {
		l->prune_waits = l->prune;
		l->prune = false;
	}
	/* A bundle that does not read spoils nobody else's commit; the erasure goes on waiting. */
	return rc == ENT_ECORRUPT ? ENT_EINVALID : rc < 0 ? rc : 0;
}

/* It may be receipted now. */
void tell_erased(struct ledger *l)
{
	const struct log_name *names = (const struct log_name *)(const void *)l->erased.data;
	size_t len = l->erased.len / sizeof(*names);

	for (size_t i = 0; i < len; i++) {
		struct ledger_news news = {.type = LEDGER_ERASED, .feed = names[i]};

		if (i == 0 || !log_name_eq(&names[i], &names[i - 1]))
			ledger_tell(l, &news);
	}
	buf_reset(&l->erased);
}
