/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The acts of one node, replayed: what it held, which agreements were in force, with whom it spoke;
 * and for each sending and receiving whether it was allowed then, by the same decide() that the
 * node is to ask itself.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "verify/verify.h"

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

/* --- what is kept ----------------------------------------------------------------------------- */

static struct said *said_new(const struct account *t, const struct act_body *act)
{
	struct said *s = need(calloc(1, sizeof(*s)));

	*s = (struct said){.peer = act->peer,
		.log = act->log,
		.index = t->index,
		.from = act->from,
		.to = act->to,
		.count = act->count,
		.when_ms = t->now_ms};
	if (act->session.len == ACT_ID_BYTES)
		memcpy(s->session, act->session.data, ACT_ID_BYTES);
	return s;
}

static void keep(struct account *t, enum kept kept, struct said *s)
{
	struct saids *all = &t->kept[kept];

	all->list = grow(all->list, &all->cap, all->len, sizeof(s));
	all->list[all->len++] = s;
}

static struct said *said_keep(struct account *t, enum kept kept, const struct act_body *act)
{
	struct said *s = said_new(t, act);

	keep(t, kept, s);
	return s;
}

struct said *account_kept(const struct account *t, enum kept kept, const struct log_name *log,
	uint64_t index)
{
	for (size_t i = 0; i < t->kept[kept].len; i++) {
		struct said *s = t->kept[kept].list[i];

		if (s->from <= index && index < s->to && log_name_eq(&s->log, log))
			return s;
	}
	return NULL;
}

/* Between the last act that it still has and the first after it was set back. */
bool account_lost(const struct account *t, int64_t ms)
{
	for (size_t i = 0; t->restored && i < t->kept[KEPT_LOST].len; i++) {
		const struct said *s = t->kept[KEPT_LOST].list[i];

		if (ms >= s->when_ms - AUDIT_SLACK_MS && ms <= s->until_ms + AUDIT_SLACK_MS)
			return true;
	}
	return false;
}

/* Does a feed follow a former one, as an act says? Its first entry is then in: the succession. */
static bool follows(const struct account *t, const struct log_name *log)
{
	for (size_t i = 0; i < t->kept[KEPT_FORMER].len; i++) {
		const struct log_name *former = &t->kept[KEPT_FORMER].list[i]->log;

		if (node_id_eq(&log->node, &former->node) &&
			audience_eq(log->audience, former->audience) &&
			log->incarnation > former->incarnation)
			return true;
	}
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
	for (unsigned kept = 0; kept < KEPT_COUNT; kept++) {
		for (size_t i = 0; i < t->kept[kept].len; i++)
			free(t->kept[kept].list[i]);
		free(t->kept[kept].list);
	}
	free(t->terms);
	free(t->rosters);
	free(t->counting);
}

void account_say(struct account *t, enum audit_rule rule, const struct act_body *act,
	const char *text)
{
	found(t->audit, rule, &t->self, act->has_log ? &act->log : &t->acts_log, act->from, act->to,
		t->now_ms, "act %" PRIu64 " (%s)%s%s", t->index, act_name(act->act),
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

static void sessions_cut(struct account *t)
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
		found(t->audit, FOUND_SESSION_CUT, &t->self, &t->acts_log, t->index, t->index,
			t->now_ms, "%" PRIu64 ": it started anew", open);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* Does its peer's own account say something to hold it against? */
static bool peer_accounts(const struct account *t, const struct node_id *node)
{
	const struct party *peer = party_get(t->audit, node);

	return peer && peer->account;
}

static void sending_done(struct account *t, struct said *s)
{
	uint64_t *reach;
	uint8_t key[32];

	session_key(key, BYTES_OF(s->peer.bytes), &s->log);
	reach = map_need(&t->released, key, sizeof(*reach));
	if (s->to > *reach)
		*reach = s->to;
	if (peer_accounts(t, &s->peer))
		keep(t, KEPT_SENT, s);
	else
		free(s);
}

/* What every sending is held to that begins. */
static void sending_begins(struct account *t, const struct act_body *act)
{
	(void)session_of(t, act);
	if (!terms_allow(t, DOOR_FORWARD, &act->log, &act->peer, false))
		account_say(t, FOUND_SENT_FORBIDDEN, act, party_name(t->audit, &act->peer));
	for (size_t i = 0; i < act->terms_len; i++)
		if (!terms_active(t, &act->terms[i]))
			account_say(t, FOUND_SENT_TERMS, act, party_name(t->audit, &act->peer));
}

static void on_sending_opened(struct account *t, const struct act_body *act)
{
	struct said *s, *before;
	uint8_t key[32];

	/* From where says the peer, who may hold more: nothing goes before it is held here too. */
	sending_begins(t, act);
	session_key(key, act->session, &act->log);
	before = map_remove(&t->open_sendings, key);
	if (before)
		sending_done(t, before);
	s = said_new(t, act);
	s->to = s->from;
	s->count = 0;
	map_set(&t->open_sendings, key, s);
}

/* Bodies by themselves, of entries that the peer has from others (PROTOCOL.md, "Missing bodies").
 * Whether they were still there then is seen when the feed itself is read (walk.c). */
static void on_bodies_sent(struct account *t, const struct act_body *act)
{
	const struct holding *h;

	sending_begins(t, act);
	if (act->to <= act->from || act->count == 0 || act->count > act->to - act->from)
		return account_say(t, FOUND_ACT_OUTSIDE, act, "names no bodies");
	h = account_holding(t, &act->log);
	if (h->known && act->to > h->held)
		account_say(t, FOUND_SENT_NOT_HELD, act, "");
	said_keep(t, KEPT_BODIES, act);
	if (peer_accounts(t, &act->peer))
		said_keep(t, KEPT_SENT, act);
}

static void on_sending_reached(struct account *t, const struct act_body *act)
{
	const struct holding *h;
	struct said *s;
	uint8_t key[32];

	session_key(key, act->session, &act->log);
	s = map_get(&t->open_sendings, key);
	if (!s) {
		if (!t->lenient)
			account_say(t, FOUND_SENT_UNOPENED, act, "");
		return;
	}
	h = account_holding(t, &act->log);
	/* What stands at the beginning of a sending says the peer, and nothing has gone by that. */
	if (h->known && act->to > s->to && act->to > h->held)
		account_say(t, FOUND_SENT_NOT_HELD, act, "");
	if (act->to > s->to) {
		if (!terms_allow(t, DOOR_FORWARD, &act->log, &act->peer, true))
			account_say(t, FOUND_SENT_FORBIDDEN, act, party_name(t->audit, &act->peer));
		s->to = act->to;
	}
	if (act->act == ACT_SENDING_MARK)
		return;
	map_remove(&t->open_sendings, key);
	sending_done(t, s);
}

/* Whose end is not entered: all that was held then may have left (DESIGN 12). */
static void sendings_end(struct account *t)
{
	const void *key;
	void *value;
	size_t at = 0;

	while (map_next(&t->open_sendings, &at, &key, &value)) {
		struct said *s = value;
		const struct holding *h = account_holding(t, &s->log);

		if (h->held > s->to)
			s->to = h->held;
		sending_done(t, s);
	}
	map_free(&t->open_sendings);
	map_init(&t->open_sendings, 32, SIZE_MAX, t->audit->key);
}

/* --- receiving and publishing ----------------------------------------------------------------- */

/* Ranges of one session that follow each other are one. */
static void receiving_note(struct account *t, const struct act_body *act)
{
	struct said *s;
	uint8_t key[32];

	if (!peer_accounts(t, &act->peer))
		return;
	session_key(key, act->session, &act->log);
	s = act->act == ACT_RECEIVED ? map_get(&t->receiving_now, key) : NULL;
	if (!s || s->to != act->from) {
		s = said_keep(t, KEPT_RECEIVED, act);
		if (act->act == ACT_RECEIVED) {
			s->count = 0;
			map_set(&t->receiving_now, key, s);
		}
	}
	s->to = act->to;
	s->until_ms = t->now_ms;
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
			t->now_ms, "act %" PRIu64 " (%s): %s has receipted it %s", t->index,
			act_name(act->act), party_name(t->audit, &k->by),
			time_text(t->audit, (int64_t)k->time * 1000));
		return;
	}
}

static void receiving_holds(struct account *t, const struct act_body *act)
{
	(void)session_of(t, act);
	if (!terms_allow(t, DOOR_RECEIVE, &act->log, &act->peer, true))
		account_say(t, FOUND_RECEIVED_FORBIDDEN, act, party_name(t->audit, &act->peer));
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
	receiving_holds(t, act);
	holding_grows(t, act);
	t->received += act->to - act->from;
	receiving_note(t, act);
}

static void on_bodies_received(struct account *t, const struct act_body *act)
{
	const struct holding *h;

	receiving_holds(t, act);
	h = account_holding(t, &act->log);
	if (h->known && act->to > h->held)
		account_say(t, FOUND_RECEIVED_GAP, act, "bodies of entries that are not there");
	receiving_note(t, act);
}

static void on_published(struct account *t, const struct act_body *act)
{
	const struct holding *h = account_holding(t, &act->log);

	if (h->known && act->from < h->held)
		account_say(t, FOUND_PUBLISHED_TWICE, act, "");
	holding_grows(t, act);
	t->published += act->to - act->from;
}

/* The succession of that former feed is entered with it. */
static void on_incarnation(struct account *t, const struct act_body *act)
{
	said_keep(t, KEPT_FORMER, act);
}

static void on_joined(struct account *t, const struct act_body *act)
{
	struct holding *h = account_holding(t, &act->log);

	h->held = act->to;
	h->known = true;
	h->floor = act->to;
	account_say(t, FOUND_JOINED, act, "");
}

/* What was held under the name stands under another, and of the name nothing is held. */
static void on_put_aside(struct account *t, const struct act_body *act)
{
	struct log_name name = {act->log.node, act->from, act->log.audience};
	struct holding *to = account_holding(t, &name), *h = account_holding(t, &act->log);

	free(to->spans);
	*to = *h;
	to->log = name;
	*h = (struct holding){.log = act->log, .known = true};
}

static void on_floor_moved(struct account *t, const struct act_body *act)
{
	struct holding *h = account_holding(t, &act->log);

	if (act->to > h->floor)
		h->floor = act->to;
}

static void on_after_end(struct account *t, const struct act_body *act)
{
	said_keep(t, KEPT_AFTER_END, act);
}

static void on_erased(struct account *t, const struct act_body *act)
{
	struct saids *over = &t->kept[KEPT_AFTER_END];

	if (!bytes_eq_str(act->rule, "after-end")) {
		said_keep(t, KEPT_ERASED, act);
		return;
	}
	/* Bodies go in steps: it is done when the last of them has gone. */
	for (size_t i = 0; i < over->len; i++)
		if (log_name_eq(&over->list[i]->log, &act->log) && !over->list[i]->until_ms &&
			act->to >= over->list[i]->to)
			over->list[i]->until_ms = t->now_ms;
}

/* --- the node itself -------------------------------------------------------------------------- */

static void on_started(struct account *t, const struct act_body *act)
{
	(void)act;
	if (t->running) {
		found(t->audit, FOUND_CRASHED, &t->self, &t->acts_log, t->index, t->index,
			t->now_ms, "act %" PRIu64, t->index);
		sessions_cut(t);
	}
	sendings_end(t);
	terms_sleep(t);
	rosters_sleep(t);
	t->running = true;
}

static void on_stopped(struct account *t, const struct act_body *act)
{
	(void)act;
	t->running = false;
}

static void on_epoch(struct account *t, const struct act_body *act)
{
	struct said *s = said_keep(t, KEPT_LOST, act);

	s->when_ms = t->clock_ms;
	s->until_ms = t->now_ms;
}

static void on_alarm(struct account *t, const struct act_body *act)
{
	/* What was never signed has been dropped: the places are free again. */
	if (bytes_eq_str(act->rule, "unsigned-dropped"))
		account_holding(t, &act->log)->held = act->from;
}

static void on_key_change(struct account *t, const struct act_body *act)
{
	said_keep(t, KEPT_KEYS, act)->count = act->serial;
}

static void on_refused(struct account *t, const struct act_body *act)
{
	t->refused += act->count;
}

static void on_set_back(struct account *t, const struct act_body *act)
{
	t->restored = true;
	account_say(t, act->act == ACT_RESTORED ? FOUND_RESTORED : FOUND_ACTS_LOST, act, "");
}

/* Times run forward, except where a clock step says otherwise; acts that were committed while the
 * step was not yet noticed may stand before it, and a clock that was set while the node was down is
 * seen at its start. */
static void clock_back(struct account *t)
{
	found(t->audit, FOUND_CLOCK_BACK, &t->self, &t->acts_log, t->back_index, t->back_index,
		t->back_ms, "act %" PRIu64, t->back_index);
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
		/* The operator's word has one time. */
		if (act->act == ACT_CLOCK_STEP)
			t->clock_doubted = act->from != act->to;
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

/* What an act must name for its handler to be asked, and what is found where it does not; -1:
 * nothing. Of acts that are not here nothing follows. */
enum { PEER = 1, LOG = 2, SESSION = 4, RANGE = 8, OWN = 16 };

#define SENDS     (PEER | LOG | SESSION), FOUND_SENT_UNOPENED, "names no peer or feed"
#define COMES     (PEER | LOG | SESSION | RANGE), FOUND_ACT_OUTSIDE, "names no peer or range"
#define MAY(must) (must), -1, ""

static const struct handler {
	enum act act;
	unsigned must;
	int rule;
	const char *lacks;
	void (*on)(struct account *t, const struct act_body *act);
} handlers[] = {
	{ACT_STARTED, MAY(0), on_started},
	{ACT_STOPPED, MAY(0), on_stopped},
	{ACT_AGREEMENT_IN_FORCE, MAY(0), terms_in_force},
	{ACT_AGREEMENT_ENDED, MAY(0), terms_ended},
	{ACT_REVOCATION_RECEIVED, MAY(0), terms_revoked},
	{ACT_ROSTER_IN_FORCE, MAY(0), roster_in_force},
	{ACT_ROSTER_ENDED, MAY(0), roster_ended},
	{ACT_INTRODUCED, MAY(LOG), roster_introduced},
	{ACT_SESSION_OPENED, PEER | SESSION, FOUND_SESSION_UNKNOWN, "names no peer",
		on_session_opened},
	{ACT_SESSION_CLOSED, MAY(0), on_session_closed},
	{ACT_SENDING_OPENED, SENDS, on_sending_opened},
	{ACT_SENDING_MARK, SENDS, on_sending_reached},
	{ACT_SENDING_CLOSED, SENDS, on_sending_reached},
	{ACT_BODIES_SENT, SENDS, on_bodies_sent},
	{ACT_RECEIVED, COMES, on_received},
	{ACT_BODIES_RECEIVED, COMES, on_bodies_received},
	{ACT_PUBLISHED, LOG | RANGE | OWN, FOUND_ACT_OUTSIDE, "names no range of an own feed",
		on_published},
	{ACT_REFUSED, MAY(0), on_refused},
	{ACT_ERASED, MAY(LOG | RANGE), on_erased},
	{ACT_RECALLED, MAY(LOG | RANGE), on_erased},
	{ACT_AFTER_END, MAY(LOG | RANGE), on_after_end},
	{ACT_JOINED, MAY(LOG), on_joined},
	{ACT_PUT_ASIDE, MAY(LOG), on_put_aside},
	{ACT_FLOOR_MOVED, MAY(LOG), on_floor_moved},
	{ACT_INCARNATION, MAY(LOG | OWN), on_incarnation},
	{ACT_ALARM, MAY(LOG), on_alarm},
	{ACT_KEYS_CHANGED, MAY(0), on_key_change},
	{ACT_EPOCH, MAY(0), on_epoch},
	{ACT_RESTORED, MAY(0), on_set_back},
	{ACT_WITNESS_REPORT, MAY(0), on_set_back},
};

static unsigned named(const struct account *t, const struct act_body *act)
{
	return (act->has_peer ? PEER : 0u) | (act->has_log ? LOG : 0u) |
	       (act->session.len == ACT_ID_BYTES ? SESSION : 0u) |
	       (act->to > act->from ? RANGE : 0u) |
	       (node_id_eq(&act->log.node, &t->self) ? OWN : 0u);
}

void account_act(struct account *t, uint64_t index, int64_t when_ms, const struct act_body *act)
{
	t->index = index;
	t->now_ms = when_ms;
	t->acts++;
	if (!t->first_ms)
		t->first_ms = t->clock_ms = when_ms;
	clock_watch(t, act);
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		const struct handler *h = &handlers[i];

		if (h->act != act->act)
			continue;
		if ((named(t, act) & h->must) == h->must)
			h->on(t, act);
		else if (h->rule >= 0)
			account_say(t, (enum audit_rule)h->rule, act, h->lacks);
		return;
	}
	if (strcmp(act_name(act->act), "unknown") == 0)
		account_say(t, FOUND_ACT_UNKNOWN, act, "");
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
			s->log.from ? "%" PRIu64 " of this log" : "all of the log before this one",
			s->log.from);
		t->lenient = true;
	}
	if (former && s->log.from == 0)
		epoch_check(t, s, former, first);
}

void account_end(struct account *t)
{
	sendings_end(t);
	map_free(&t->receiving_now);
	if (t->back_ms)
		clock_back(t);
}
