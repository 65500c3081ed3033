/* SPDX-License-Identifier: EUPL-1.2 */
/* What one party says against what the other says: what came must have been sent, what is
 * receipted must have come. */
#include <inttypes.h>
#include <stdlib.h>

#include "verify/verify.h"

/* Which sending a receiving is of: sorted by session and log. */
static int sending_cmp(const void *one, const void *other)
{
	const struct said *x = *(struct said *const *)one, *y = *(struct said *const *)other;
	uint8_t x_log[LOG_NAME_BYTES], y_log[LOG_NAME_BYTES];
	int order = memcmp(x->session, y->session, ACT_ID_BYTES);

	if (order)
		return order;
	log_name_pack(x_log, &x->log);
	log_name_pack(y_log, &y->log);
	order = memcmp(x_log, y_log, LOG_NAME_BYTES);
	if (order == 0)
		order = (x->count > 0) - (y->count > 0);
	return order ? order : x->from < y->from ? -1 : x->from > y->from;
}

/* How far one account lets a range of a session have come: from `from` on, without holes. Bodies
 * that came by themselves are covered by bodies only, of as many. */
static uint64_t sent_reach(const struct account *sender, const struct said *r)
{
	const struct saids *sent = &sender->kept[KEPT_SENT];
	struct said probe = {.log = r->log, .count = r->count}, *key = &probe;
	size_t low = 0, high = sent->len;
	uint64_t reach = r->from;

	memcpy(probe.session, r->session, ACT_ID_BYTES);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sending_cmp(&sent->list[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < sent->len; low++) {
		const struct said *s = sent->list[low];

		if (memcmp(s->session, r->session, ACT_ID_BYTES) != 0 ||
			!log_name_eq(&s->log, &r->log) || (s->count > 0) != (r->count > 0) ||
			s->from > reach)
			break;
		if (s->to > reach && s->count >= r->count)
			reach = s->to;
	}
	return reach;
}

static int64_t account_until(const struct account *t)
{
	const struct bundle_about *about = &t->bundle->about;

	return about->until_ms ? about->until_ms : about->made_ms;
}

static void received_check(struct audit *a, const struct account *t, const struct said *r)
{
	struct account *sender = party_get(a, &r->peer)->account;
	uint64_t reach = sent_reach(sender, r);

	if (reach >= r->to)
		return;
	if (r->until_ms > account_until(sender) - AUDIT_FRESH_MS ||
		(sender->lenient && r->when_ms < sender->first_ms + AUDIT_SLACK_MS))
		found(a, FOUND_SENT_LATE, &r->peer, &r->log, reach, r->to, r->until_ms, "to %s",
			party_name(a, &t->self));
	else if (account_lost(sender, r->when_ms))
		found(a, FOUND_ACTS_LOST, &r->peer, &r->log, reach, r->to, r->when_ms,
			"its sending to %s is not among its acts", party_name(a, &t->self));
	else
		found(a, FOUND_SENDING_HIDDEN, &r->peer, &r->log, reach, r->to, r->when_ms,
			"%s has %s %" PRIu64 " to %" PRIu64 " from it", party_name(a, &t->self),
			r->count ? "bodies among" : "entries", r->from, r->to);
}

/* How far a node says it had come with a feed. */
static uint64_t held_by(struct account *t, const struct log_name *log)
{
	uint8_t packed[LOG_NAME_BYTES];
	const struct holding *h;
	uint64_t most = 0;

	log_name_pack(packed, log);
	h = map_get(&t->holdings, packed);
	for (size_t i = 0; h && i < h->spans_len; i++)
		if (h->spans[i].to > most)
			most = h->spans[i].to;
	return most;
}

/* Of a feed that only two nodes may have, only the one can have given it to the other. */
static bool of_two(const struct audit *a, const struct log_name *log)
{
	if (log->audience.kind != AUDIENCE_AGREEMENT)
		return false;
	for (size_t i = 0; i < a->texts_len; i++)
		if (a->texts[i]->good && a->texts[i]->agreement.id == log->audience.id)
			return a->texts[i]->agreement.parties_len == 2;
	return false;
}

static uint64_t released_reach(const struct account *t, const struct node_id *peer,
	const struct log_name *log)
{
	const uint64_t *reach;
	uint8_t key[32];

	session_key(key, BYTES_OF(peer->bytes), log);
	reach = map_get(&t->released, key);
	return reach ? *reach : 0;
}

/* A receipt that holds: the one who gave it must say how it came, the origin that it went. */
static void receipt_check(struct audit *a, const struct claim *k)
{
	const struct checkpoint *c = &k->checkpoint;
	const struct party *by = party_get(a, &k->by), *origin = party_get(a, &c->log.node);
	int64_t when_ms = (int64_t)(k->time % (RECORD_TIME_MAX_MS / 1000)) * 1000;
	struct account *t = by ? by->account : NULL;
	uint64_t held;

	if (t && !t->lenient && when_ms <= account_until(t) - AUDIT_FRESH_MS &&
		(held = held_by(t, &c->log)) < c->size)
		found(a, account_lost(t, when_ms) ? FOUND_ACTS_LOST : FOUND_RECEIPT_UNTRUE, &k->by,
			&c->log, held, c->size, when_ms, "%s has its receipt",
			party_name(a, &a->bundles[k->bundle].about.node));
	/* Its own feed nobody had to give it. */
	t = origin && origin != by ? origin->account : NULL;
	if (t && !t->lenient && of_two(a, &c->log) &&
		when_ms <= account_until(t) - AUDIT_FRESH_MS &&
		(held = released_reach(t, &k->by, &c->log)) < c->size)
		found(a, account_lost(t, when_ms) ? FOUND_ACTS_LOST : FOUND_SENDING_HIDDEN,
			&c->log.node, &c->log, held, c->size, when_ms,
			"%s has receipted it, and nobody else can have given it",
			party_name(a, &k->by));
}

/* When the key under a cosignature was replaced, by the node's own account. */
static void retired_check(struct audit *a, const struct claim *k)
{
	const struct party *by = party_get(a, &k->by);
	const struct account *t = by ? by->account : NULL;

	for (size_t i = 0; t && i < t->kept[KEPT_KEYS].len; i++) {
		const struct said *card = t->kept[KEPT_KEYS].list[i];

		if (card->count <= k->serial ||
			(int64_t)k->time * 1000 <= card->when_ms + AUDIT_SLACK_MS)
			continue;
		found(a, FOUND_KEY_RETIRED, &k->by, &k->checkpoint.log, 0, k->checkpoint.size,
			(int64_t)k->time * 1000,
			"by a key of card %u; card %" PRIu64 " came into force %s", k->serial,
			card->count, time_text(a, card->when_ms));
		return;
	}
}

static void scope_check(struct audit *a)
{
	for (size_t i = 0; i < a->parties.count; i++) {
		const struct party *p = a->party_list[i];
		bool named = false;

		for (size_t j = 0; j < a->texts_len && !named; j++)
			named = agreement_party_of(&a->texts[j]->agreement, &p->node) != NULL;
		if (named && !p->account)
			FOUND(a, FOUND_SCOPE, &p->node, "%s", "");
	}
}

void between_check(struct audit *a)
{
	for (size_t i = 0; i < a->bundles_len; i++) {
		struct saids *sent = &a->bundles[i].account.kept[KEPT_SENT];

		if (sent->len)
			qsort(sent->list, sent->len, sizeof(struct said *), sending_cmp);
	}
	for (size_t i = 0; i < a->bundles_len; i++) {
		const struct account *t = &a->bundles[i].account;

		for (size_t j = 0; !a->bundles[i].doubtful && j < t->kept[KEPT_RECEIVED].len; j++)
			received_check(a, t, t->kept[KEPT_RECEIVED].list[j]);
	}
	for (size_t i = 0; i < a->claims_len; i++) {
		const struct claim *k = &a->claims[i];

		if (!k->serial || !k->signed_by_log || k->time > RECORD_TIME_MAX_MS / 1000)
			continue;
		retired_check(a, k);
		if (k->checkpoint.log.audience.kind != AUDIENCE_PROVENANCE && !k->differs)
			receipt_check(a, k);
	}
	scope_check(a);
}
