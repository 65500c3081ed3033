/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The acts of one node, replayed: what it held, which agreements were in force, with whom it spoke;
 * and for each sending and receiving whether it was allowed then, by the same decide() that the
 * node is to ask itself.
 */
#include "verify/verify.h"

#include <stdlib.h>

#define BACK_ACTS_MAX 64u /* acts that may come before the clock step that explains them */

/* --- tables ----------------------------------------------------------------------------------- */

void session_key(uint8_t key[32], struct bytes session, const struct log_name *log)
{
	uint8_t packed[LOG_NAME_BYTES];
	const struct bytes parts[] = {session, BYTES_OF(packed)};
	struct hash hash;

	log_name_pack(packed, log);
	hash_sha256_parts(&hash, parts, 2);
	memcpy(key, hash.bytes, 32);
}

/* What a map has under a key, made when it is not there yet. */
static void *map_need(struct map *m, const void *key, size_t size)
{
	void *value = map_get(m, key);

	if (!value)
		map_set(m, key, value = need(calloc(1, size)));
	return value;
}

static void map_free_all(struct map *m)
{
	const void *key;
	void *value;
	size_t at = 0;

	while (map_next(m, &at, &key, &value))
		free(value);
	map_free(m);
}

/* Does a feed follow a former one, as an act says? Its first entry is then in: the succession. */
static bool follows(const struct account *t, const struct log_name *log)
{
	for (size_t i = 0; i < t->followed_len; i++)
		if (node_id_eq(&log->node, &t->followed[i].node) &&
			audience_eq(log->audience, t->followed[i].audience) &&
			log->incarnation > t->followed[i].incarnation)
			return true;
	return false;
}

static void span_add(struct holding *h, uint64_t from, uint64_t to)
{
	struct span *last = h->spans_len ? &h->spans[h->spans_len - 1] : NULL;

	if (last && from >= last->from && from <= last->to) {
		if (to > last->to)
			last->to = to;
		return;
	}
	h->spans = grow(h->spans, &h->spans_cap, h->spans_len, sizeof(*h->spans));
	h->spans[h->spans_len++] = (struct span){from, to};
}

struct holding *account_holding(struct account *t, const struct log_name *log)
{
	uint8_t packed[LOG_NAME_BYTES];
	struct holding *h;

	log_name_pack(packed, log);
	h = map_get(&t->holdings, packed);
	if (h)
		return h;
	h = map_need(&t->holdings, packed, sizeof(*h));
	h->log = *log;
	h->known = !t->lenient;
	if (follows(t, log)) {
		span_add(h, 0, 1);
		h->held = 1;
	}
	return h;
}

void account_begin(struct account *t, struct audit *a, struct bundle *b)
{
	*t = (struct account){.audit = a, .bundle = b, .self = b->about.node};
	map_init(&t->holdings, LOG_NAME_BYTES, SIZE_MAX, a->key);
	map_init(&t->sessions, ACT_ID_BYTES, SIZE_MAX, a->key);
	map_init(&t->open_sendings, 32, SIZE_MAX, a->key);
	map_init(&t->receiving_now, 32, SIZE_MAX, a->key);
	map_init(&t->released, 32, SIZE_MAX, a->key);
}

void account_free(struct account *t)
{
	const void *key;
	void *value;
	size_t at = 0;

	while (map_next(&t->holdings, &at, &key, &value))
		free(((struct holding *)value)->spans);
	map_free_all(&t->holdings);
	map_free_all(&t->sessions);
	map_free_all(&t->released);
	map_free(&t->open_sendings);
	map_free(&t->receiving_now);
	for (size_t i = 0; i < t->sendings_len; i++)
		free(t->sendings[i]);
	for (size_t i = 0; i < t->receivings_len; i++)
		free(t->receivings[i]);
	free(t->sendings);
	free(t->receivings);
	free(t->terms);
	free(t->counting);
	free(t->bodies);
	free(t->erased);
	free(t->overs);
	free(t->changes);
	free(t->lost);
	free(t->followed);
}

void account_say(struct account *t, enum audit_rule rule, const struct act_body *act,
	const char *text)
{
	found(t->audit, rule, &t->self, act->has_log ? &act->log : &t->acts_log, act->from, act->to,
		t->now_ms, "act %llu (%s)%s%s", (unsigned long long)t->index, act_name(act->act),
		*text ? ": " : "", text);
}

/* --- sessions --------------------------------------------------------------------------------- */

static struct session *session_of(struct account *t, const struct act_body *act)
{
	struct session *s =
		act->session.len == ACT_ID_BYTES ? map_get(&t->sessions, act->session.data) : NULL;

	if (!s && !t->lenient)
		account_say(t, FOUND_SESSION_UNKNOWN, act, "");
	if (s && act->has_peer && !node_id_eq(&s->peer, &act->peer)) {
		account_say(t, FOUND_SESSION_UNKNOWN, act, "it was opened with another peer");
		return NULL;
	}
	return s;
}

static void on_session_opened(struct account *t, const struct act_body *act)
{
	const struct agreement *list[AGREEMENTS_MAX];
	struct session *s;
	bool all;
	size_t len;

	if (!act->has_peer || act->session.len != ACT_ID_BYTES)
		return account_say(t, FOUND_SESSION_UNKNOWN, act, "names no peer");
	all = terms_now(t, false, list, &len);
	if (all && !policy_joined(list, len, &t->self, &act->peer, t->now_ms / 1000))
		account_say(t, FOUND_SESSION_FORBIDDEN, act, "no agreement in force joins the two");
	for (size_t i = 0; i < act->terms_len; i++)
		if (!terms_active(t, &act->terms[i]))
			account_say(t, FOUND_SESSION_FORBIDDEN, act,
				"it names one that is not in force");
	s = map_need(&t->sessions, act->session.data, sizeof(*s));
	t->sessions_count += s->opened_ms == 0;
	*s = (struct session){.peer = act->peer, .opened_ms = t->now_ms, .open = true};
}

static void on_session_closed(struct account *t, const struct act_body *act)
{
	struct session *s = session_of(t, act);

	if (s)
		s->open = false;
}

static void sessions_end(struct account *t, enum audit_rule rule, const char *why)
{
	const void *key;
	void *value;
	size_t at = 0;
	uint64_t open = 0;

	while (map_next(&t->sessions, &at, &key, &value)) {
		struct session *s = value;

		open += s->open;
		s->open = false;
	}
	if (open)
		found(t->audit, rule, &t->self, &t->acts_log, t->index, t->index, t->now_ms,
			"%llu: %s", (unsigned long long)open, why);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void released_to(struct account *t, const struct sending *s)
{
	uint64_t *reach;
	uint8_t key[32];

	session_key(key, BYTES_OF(s->peer.bytes), &s->log);
	reach = map_need(&t->released, key, sizeof(*reach));
	if (s->reach > *reach)
		*reach = s->reach;
}

/* What only its own account tells of is not kept: there is nothing to compare it with. */
static void sending_keep(struct account *t, struct sending *s)
{
	const struct party *peer = party_get(t->audit, &s->peer);

	if (!peer || !peer->account) {
		free(s);
		return;
	}
	t->sendings = grow(t->sendings, &t->sendings_cap, t->sendings_len, sizeof(s));
	t->sendings[t->sendings_len++] = s;
}

static void sending_done(struct account *t, struct sending *s)
{
	released_to(t, s);
	sending_keep(t, s);
}

/* What every sending is held to that begins. */
static bool sending_begins(struct account *t, const struct act_body *act)
{
	if (!act->has_peer || !act->has_log || act->session.len != ACT_ID_BYTES) {
		account_say(t, FOUND_SENT_UNOPENED, act, "names no peer or feed");
		return false;
	}
	(void)session_of(t, act);
	if (!terms_allow(t, DOOR_FORWARD, &act->log, &act->peer, false))
		account_say(t, FOUND_SENT_FORBIDDEN, act, party_name(t->audit, &act->peer));
	for (size_t i = 0; i < act->terms_len; i++)
		if (!terms_active(t, &act->terms[i]))
			account_say(t, FOUND_SENT_TERMS, act, party_name(t->audit, &act->peer));
	return true;
}

static struct sending *sending_new(const struct act_body *act)
{
	struct sending *s = need(calloc(1, sizeof(*s)));

	*s = (struct sending){
		.peer = act->peer, .log = act->log, .from = act->from, .reach = act->from};
	memcpy(s->session, act->session.data, ACT_ID_BYTES);
	return s;
}

static void on_sending_opened(struct account *t, const struct act_body *act)
{
	struct sending *s, *before;
	uint8_t key[32];

	/* From where says the peer, who may hold more: nothing goes before it is held here too. */
	if (!sending_begins(t, act))
		return;
	session_key(key, act->session, &act->log);
	before = map_get(&t->open_sendings, key);
	if (before) {
		map_remove(&t->open_sendings, key);
		sending_done(t, before);
	}
	s = sending_new(act);
	s->open = true;
	map_set(&t->open_sendings, key, s);
}

/* Bodies by themselves, of entries that the peer has from others (PROTOCOL.md, "Missing bodies").
 * Whether they were still there then is seen when the feed itself is read (walk.c). */
static void on_bodies_sent(struct account *t, const struct act_body *act)
{
	const struct holding *h;
	struct sending *s;

	if (!sending_begins(t, act))
		return;
	if (act->to <= act->from || act->count == 0 || act->count > act->to - act->from)
		return account_say(t, FOUND_ACT_OUTSIDE, act, "names no bodies");
	h = account_holding(t, &act->log);
	if (h->known && act->to > h->held)
		account_say(t, FOUND_SENT_NOT_HELD, act, "");
	s = sending_new(act);
	s->reach = act->to;
	s->bodies = act->count;
	t->bodies = grow(t->bodies, &t->bodies_cap, t->bodies_len, sizeof(*t->bodies));
	t->bodies[t->bodies_len++] = (struct bodies_sent){.log = act->log,
		.index = t->index,
		.from = act->from,
		.to = act->to,
		.count = act->count,
		.there = act->to - act->from,
		.when_ms = t->now_ms};
	sending_keep(t, s);
}

static void on_sending_reached(struct account *t, const struct act_body *act)
{
	const struct holding *h;
	struct sending *s;
	uint8_t key[32];

	if (!act->has_peer || !act->has_log || act->session.len != ACT_ID_BYTES)
		return account_say(t, FOUND_SENT_UNOPENED, act, "names no peer or feed");
	session_key(key, act->session, &act->log);
	s = map_get(&t->open_sendings, key);
	if (!s) {
		if (!t->lenient)
			account_say(t, FOUND_SENT_UNOPENED, act, "");
		return;
	}
	h = account_holding(t, &act->log);
	/* What stands at the beginning of a sending says the peer, and nothing has gone by that. */
	if (h->known && act->to > s->reach && act->to > h->held)
		account_say(t, FOUND_SENT_NOT_HELD, act, "");
	if (act->to > s->reach) {
		if (!terms_allow(t, DOOR_FORWARD, &act->log, &act->peer, true))
			account_say(t, FOUND_SENT_FORBIDDEN, act, party_name(t->audit, &act->peer));
		t->sent += act->to - s->reach;
		s->reach = act->to;
	}
	if (act->act == ACT_SENDING_MARK)
		return;
	s->open = false;
	map_remove(&t->open_sendings, key);
	sending_done(t, s);
}

/* Whose end is not entered: all that was held then may have left (DESIGN 12). */
static void sendings_end(struct account *t, bool crashed)
{
	const void *key;
	void *value;
	size_t at = 0;

	while (map_next(&t->open_sendings, &at, &key, &value)) {
		struct sending *s = value;
		const struct holding *h = account_holding(t, &s->log);

		if (h->held > s->reach)
			s->reach = h->held;
		s->open = !crashed;
		sending_done(t, s);
	}
	map_free(&t->open_sendings);
	map_init(&t->open_sendings, 32, SIZE_MAX, t->audit->key);
}

/* --- receiving and publishing ----------------------------------------------------------------- */

static struct receiving *receiving_new(struct account *t, const struct act_body *act)
{
	struct receiving *r = need(calloc(1, sizeof(*r)));

	*r = (struct receiving){.peer = act->peer,
		.log = act->log,
		.from = act->from,
		.to = act->to,
		.first_ms = t->now_ms,
		.last_ms = t->now_ms};
	memcpy(r->session, act->session.data, ACT_ID_BYTES);
	t->receivings = grow(t->receivings, &t->receivings_cap, t->receivings_len, sizeof(r));
	t->receivings[t->receivings_len++] = r;
	return r;
}

static void receiving_note(struct account *t, const struct act_body *act)
{
	const struct party *peer = party_get(t->audit, &act->peer);
	struct receiving *r;
	uint8_t key[32];

	if (!peer || !peer->account)
		return;
	if (act->act == ACT_BODIES_RECEIVED) {
		receiving_new(t, act)->bodies = act->count;
		return;
	}
	session_key(key, act->session, &act->log);
	r = map_get(&t->receiving_now, key);
	if (r && r->to == act->from) {
		r->to = act->to;
		r->last_ms = t->now_ms;
		return;
	}
	map_set(&t->receiving_now, key, receiving_new(t, act));
}

/* Others have signed that they held it before: so it was there. Of a node's own receipts the same
 * clock counts. */
static void time_check(struct account *t, const struct act_body *act)
{
	bool own = node_id_eq(&act->log.node, &t->self);
	const struct claim *claims;
	size_t len, low = 0, high;

	claims = claims_of(t->audit, &act->log, &len);
	for (high = len; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (claims[middle].checkpoint.size <= act->from)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < len && claims[low].checkpoint.size <= act->to; low++) {
		const struct claim *k = &claims[low];

		if (k->serial == 0 || k->time > INT64_MAX / 1000 ||
			(!own && !node_id_eq(&k->by, &t->self)) ||
			(int64_t)k->time * 1000 >= t->now_ms - AUDIT_SLACK_MS)
			continue;
		found(t->audit, FOUND_TIME_CONTRADICTED, &t->self, &act->log, act->from, act->to,
			t->now_ms, "act %llu (%s): %s has receipted it %s",
			(unsigned long long)t->index, act_name(act->act),
			party_name(t->audit, &k->by), time_text(t->audit, (int64_t)k->time * 1000));
		return;
	}
}

static bool receiving_holds(struct account *t, const struct act_body *act)
{
	struct session *s;

	if (!act->has_peer || !act->has_log || act->session.len != ACT_ID_BYTES ||
		act->to <= act->from) {
		account_say(t, FOUND_ACT_OUTSIDE, act, "names no peer or range");
		return false;
	}
	s = session_of(t, act);
	if (s)
		s->carried = true;
	if (!terms_allow(t, DOOR_RECEIVE, &act->log, &act->peer, true))
		account_say(t, FOUND_RECEIVED_FORBIDDEN, act, party_name(t->audit, &act->peer));
	return true;
}

/* A range of a feed is there now, and how. */
static void holding_grows(struct account *t, const struct act_body *act)
{
	struct holding *h = account_holding(t, &act->log);

	if (h->known && act->from > h->held)
		account_say(t, FOUND_RECEIVED_GAP, act, "");
	span_add(h, act->from, act->to);
	h->held = act->to;
	h->known = true;
	h->last_ms = t->now_ms;
	time_check(t, act);
}

static void on_received(struct account *t, const struct act_body *act)
{
	if (!receiving_holds(t, act))
		return;
	holding_grows(t, act);
	t->received += act->to - act->from;
	receiving_note(t, act);
}

static void on_bodies_received(struct account *t, const struct act_body *act)
{
	const struct holding *h;

	if (!receiving_holds(t, act))
		return;
	h = account_holding(t, &act->log);
	if (h->known && act->to > h->held)
		account_say(t, FOUND_RECEIVED_GAP, act, "bodies of entries that are not there");
	receiving_note(t, act);
}

static void on_published(struct account *t, const struct act_body *act)
{
	const struct holding *h;

	if (!act->has_log || act->to <= act->from || !node_id_eq(&act->log.node, &t->self))
		return account_say(t, FOUND_ACT_OUTSIDE, act, "names no range of an own feed");
	h = account_holding(t, &act->log);
	if (h->known && act->from < h->held)
		account_say(t, FOUND_PUBLISHED_TWICE, act, "");
	holding_grows(t, act);
	t->published += act->to - act->from;
}

/* The succession of that former feed is entered with it. */
static void on_incarnation(struct account *t, const struct act_body *act)
{
	if (!act->has_log || !node_id_eq(&act->log.node, &t->self))
		return;
	t->followed = grow(t->followed, &t->followed_cap, t->followed_len, sizeof(*t->followed));
	t->followed[t->followed_len++] = act->log;
}

static void on_joined(struct account *t, const struct act_body *act)
{
	struct holding *h;

	if (!act->has_log)
		return;
	h = account_holding(t, &act->log);
	h->held = act->to;
	h->known = true;
	h->floor = act->to;
	account_say(t, FOUND_JOINED, act, "");
}

static void on_after_end(struct account *t, const struct act_body *act)
{
	if (!act->has_log || act->to <= act->from)
		return;
	t->overs = grow(t->overs, &t->overs_cap, t->overs_len, sizeof(*t->overs));
	t->overs[t->overs_len++] = (struct over){
		.log = act->log, .from = act->from, .to = act->to, .when_ms = t->now_ms};
}

/* Bodies go in steps: it is done when the last of them has gone. */
static void over_done(struct account *t, const struct act_body *act)
{
	for (size_t i = 0; i < t->overs_len; i++)
		if (log_name_eq(&t->overs[i].log, &act->log) && !t->overs[i].done_ms &&
			act->to >= t->overs[i].to)
			t->overs[i].done_ms = t->now_ms;
}

static void on_floor_moved(struct account *t, const struct act_body *act)
{
	struct holding *h = act->has_log ? account_holding(t, &act->log) : NULL;

	if (h && act->to > h->floor)
		h->floor = act->to;
}

static void on_erased(struct account *t, const struct act_body *act)
{
	if (!act->has_log || act->to <= act->from)
		return;
	if (bytes_eq_str(act->rule, "after-end"))
		return over_done(t, act);
	t->erased = grow(t->erased, &t->erased_cap, t->erased_len, sizeof(*t->erased));
	t->erased[t->erased_len++] = (struct erased){act->log, act->from, act->to, t->now_ms};
}

/* --- the node itself -------------------------------------------------------------------------- */

static void on_started(struct account *t)
{
	if (t->running) {
		found(t->audit, FOUND_CRASHED, &t->self, &t->acts_log, t->index, t->index,
			t->now_ms, "act %llu", (unsigned long long)t->index);
		sessions_end(t, FOUND_SESSION_CUT, "it started anew");
	}
	sendings_end(t, true);
	terms_sleep(t);
	t->running = true;
}

static void on_epoch(struct account *t, const struct act_body *act)
{
	t->lost = grow(t->lost, &t->lost_cap, t->lost_len, sizeof(*t->lost));
	t->lost[t->lost_len++] = (struct lost){act->log, act->to, t->clock_ms, t->now_ms};
}

static void on_alarm(struct account *t, const struct act_body *act)
{
	/* What was never signed has been dropped: the places are free again. */
	if (bytes_eq_str(act->rule, "unsigned-dropped") && act->has_log)
		account_holding(t, &act->log)->held = act->from;
}

static void on_key_change(struct account *t, const struct act_body *act)
{
	t->changes = grow(t->changes, &t->changes_cap, t->changes_len, sizeof(*t->changes));
	t->changes[t->changes_len++] = (struct key_change){act->serial, t->now_ms};
}

/* Times run forward, except where a clock step says otherwise; acts that were committed while the
 * step was not yet noticed may stand before it, and a clock that was set while the node was down is
 * seen at its start. */
static void clock_back(struct account *t)
{
	found(t->audit, FOUND_CLOCK_BACK, &t->self, &t->acts_log, t->back_index, t->back_index,
		t->back_ms, "act %llu", (unsigned long long)t->back_index);
	t->back_ms = 0;
}

static void clock_watch(struct account *t, const struct act_body *act)
{
	bool back = t->now_ms < t->clock_ms - AUDIT_SLACK_MS;

	if (act->act == ACT_EPOCH)
		return; /* what was not signed before it is entered again behind it */
	if (act->act == ACT_CLOCK_STEP || (act->act == ACT_STARTED && back)) {
		account_say(t, FOUND_CLOCK_STEP, act,
			act->act == ACT_STARTED ? "while it was not running" : "");
		if (act->act == ACT_CLOCK_STEP && act->from != act->to) {
			t->stepped_ms = t->now_ms;
			t->before_ms = (int64_t)(act->from % RECORD_TIME_MAX_MS);
		}
		t->clock_ms = t->now_ms;
		t->back_ms = 0;
		return;
	}
	if (back && !t->back_ms) {
		t->back_ms = t->now_ms;
		t->back_index = t->index;
	} else if (t->back_ms && (!back || t->index > t->back_index + BACK_ACTS_MAX)) {
		/* It has gone on as if nothing had been, or no step came. */
		clock_back(t);
		t->clock_ms = t->now_ms;
	}
	if (t->now_ms > t->clock_ms)
		t->clock_ms = t->now_ms;
}

void account_act(struct account *t, uint64_t index, int64_t when_ms, const struct act_body *act)
{
	t->index = index;
	t->now_ms = when_ms;
	t->acts++;
	if (!t->first_ms)
		t->first_ms = t->clock_ms = when_ms;
	clock_watch(t, act);
	switch (act->act) {
	case ACT_STARTED:
		return on_started(t);
	case ACT_STOPPED:
		t->running = false;
		return;
	case ACT_AGREEMENT_IN_FORCE:
		return terms_in_force(t, act);
	case ACT_AGREEMENT_ENDED:
		return terms_ended(t, act);
	case ACT_SESSION_OPENED:
		return on_session_opened(t, act);
	case ACT_SESSION_CLOSED:
		return on_session_closed(t, act);
	case ACT_RECEIVED:
		return on_received(t, act);
	case ACT_SENDING_OPENED:
		return on_sending_opened(t, act);
	case ACT_SENDING_MARK:
	case ACT_SENDING_CLOSED:
		return on_sending_reached(t, act);
	case ACT_PUBLISHED:
		return on_published(t, act);
	case ACT_BODIES_SENT:
		return on_bodies_sent(t, act);
	case ACT_BODIES_RECEIVED:
		return on_bodies_received(t, act);
	case ACT_REVOCATION_RECEIVED:
		return terms_revoked(t, act);
	case ACT_REFUSED:
		t->refused += act->count;
		return;
	case ACT_ERASED:
	case ACT_RECALLED:
		return on_erased(t, act);
	case ACT_AFTER_END:
		return on_after_end(t, act);
	case ACT_JOINED:
		return on_joined(t, act);
	case ACT_FLOOR_MOVED:
		return on_floor_moved(t, act);
	case ACT_INCARNATION:
		return on_incarnation(t, act);
	case ACT_ALARM:
		return on_alarm(t, act);
	case ACT_KEYS_CHANGED:
		return on_key_change(t, act);
	case ACT_EPOCH:
		return on_epoch(t, act);
	case ACT_RESTORED:
		t->restored = true;
		return account_say(t, FOUND_RESTORED, act, "");
	case ACT_WITNESS_REPORT:
		t->restored = true;
		return account_say(t, FOUND_ACTS_LOST, act, "");
	default:
		if (strcmp(act_name(act->act), "unknown") == 0)
			account_say(t, FOUND_ACT_UNKNOWN, act, "");
		return;
	}
}

/* --- its logs --------------------------------------------------------------------------------- */

static void epoch_check(struct account *t, const struct section *s, const struct section *former,
	const struct act_body *first)
{
	const struct checkpoint *c = &former->log.checkpoint;
	const char *what = NULL;

	if (first->act != ACT_EPOCH || !first->has_log) {
		found(t->audit, FOUND_EPOCH_MISSING, &t->self, &s->log.name, 0, 0, 0, "%s", "");
		return;
	}
	if (!log_name_eq(&first->log, &former->log.name))
		what = "it cites a log that is not the one before it";
	else if (first->to != ((former->log.flags & BUNDLE_FLAG_SIGNED) ? c->size : 0))
		what = "it cites another size than the log before it has";
	else if (first->to && (first->root.len != HASH_BYTES ||
				      memcmp(first->root.data, c->root.bytes, HASH_BYTES) != 0))
		what = "it cites another root";
	if (what)
		found(t->audit, FOUND_EPOCH_OTHER, &t->self, &s->log.name, 0, 0, 0, "%s", what);
}

void account_first(struct account *t, const struct section *s, const struct section *former,
	const struct act_body *first)
{
	t->acts_log = s->log.name;
	if (!former && (s->log.from > 0 || first->act == ACT_EPOCH)) {
		found(t->audit, FOUND_ACTS_BEFORE, &t->self, &s->log.name, 0, s->log.from, 0,
			s->log.from ? "%llu of this log" : "all of the log before this one",
			(unsigned long long)s->log.from);
		t->lenient = true;
	}
	if (former && s->log.from == 0)
		epoch_check(t, s, former, first);
}

void account_end(struct account *t)
{
	sendings_end(t, false);
	map_free(&t->receiving_now);
	if (t->back_ms)
		found(t->audit, FOUND_CLOCK_BACK, &t->self, &t->acts_log, t->back_index,
			t->back_index, t->back_ms, "act %llu", (unsigned long long)t->back_index);
}
