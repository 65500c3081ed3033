/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * After the end of agreements: others' feeds that may not be held any more lose their bodies
 * (`after-end`). Here the mark is set, and entered with the agreements that say so; the index lets
 * go next, and then forget.c carries it out.
 */
#include <stdlib.h>

#include "ledger/impl.h"
#include "policy/bond.h"

/* Feeds marked in one group: an act each. */
#define OVER_MAX 256u

struct over_look {
	struct ledger *l;
	const struct ledger_retention *r;
	struct store_reader *reader;
	unsigned found;
};

static int feed_look(void *ctx, const struct store_log *log)
{
	struct over_look *w = ctx;
	uint64_t mark, ids[POLICY_OVER_MAX];
	size_t ids_len;
	int rc;

	if (!is_feed(&log->name) || node_id_eq(&log->name.node, &w->l->config.self) ||
		log->size == log->floor ||
		!policy_over(w->r->bonds, w->r->bonds_len, log->name.audience, w->l->now_ms / 1000,
			ids, &ids_len))
		return 0;
	rc = store_over_get(w->reader, log->number, &mark);
	if (rc || mark >= log->size)
		return rc;
	buf_append(&w->l->overs, &log->name, sizeof(log->name));
	return ++w->found == OVER_MAX;
}

int over_plan(struct ledger *l, const struct ledger_retention *r)
{
	struct over_look w = {.l = l, .r = r};
	int rc;

	buf_reset(&l->overs);
	if (r->bonds_len == 0)
		return 0;
	rc = store_reader_open(l->config.store, &w.reader);
	if (rc != 0)
		return rc;
	rc = store_log_each(w.reader, feed_look, &w);
	store_reader_close(w.reader);
	return rc < 0 ? rc : 0;
}

static int mark_set(struct ledger *l, struct store_txn *txn, const struct ledger_retention *r,
	const struct log_name *name)
{
	struct wire_agreement terms[POLICY_OVER_MAX] = {{0}};
	struct act_body act = {.act = ACT_AFTER_END, .has_log = true, .log = *name, .terms = terms};
	uint64_t mark, ids[POLICY_OVER_MAX];
	struct store_log log;
	int rc = store_txn_log(txn, name, false, &log);

	if (rc == 0)
		rc = store_txn_over(txn, log.number, &mark);
	if (rc || !policy_over(r->bonds, r->bonds_len, name->audience, l->now_ms / 1000, ids,
			  &act.terms_len))
		return rc;
	for (size_t i = 0; i < act.terms_len; i++)
		for (size_t k = 0; k < r->bonds_len; k++)
			if (r->bonds[k].agreement == ids[i] &&
				r->bonds[k].serial >= terms[i].serial) {
				terms[i].id = ids[i];
				terms[i].serial = r->bonds[k].serial;
				memcpy(terms[i].hash, r->bonds[k].hash, sizeof(terms[i].hash));
			}
	act.from = mark > log.floor ? mark : log.floor;
	act.to = log.size;
	if (act.to <= act.from)
		return 0;
	rc = store_over_set(txn, name, log.size);
	if (rc == 0)
		group_act(l, &act);
	return rc;
}

int over_apply(struct ledger *l, struct store_txn *txn, const struct ledger_retention *r)
{
	const struct log_name *names = (const struct log_name *)(const void *)l->overs.data;
	int rc = 0;

	for (size_t i = 0; i < l->overs.len / sizeof(*names) && rc == 0; i++)
		rc = mark_set(l, txn, r, &names[i]);
	buf_reset(&l->overs);
	return rc;
}

void ledger_retention_free(struct ledger_retention *r)
{
	if (!r)
		return;
	free(r->bonds);
	free(r);
}
