/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keys directory while running: read at start, when something in it changes, on SIGHUP and
 * every half minute. What comes into force and what ends is entered in the provenance log, told to
 * the engine (sessions) and to the network (whom to dial).
 */
#include "app/impl.h"

#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "intel/suffix.h"
#include "keys/file.h"

#define NODES_MAX    4096
#define SUFFIXES_MAX (4u << 20) /* bytes; the list has 250,000 */

#define ALARM_PSK    "psk-unreadable"
#define ALARM_FILE   "broken-key-file"
#define ALARM_KEYS   "keys-unreadable"
#define ALARM_UNKEPT "key-file-unkept"
#define ALARM_TAKEN  "transport-taken"
#define ALARM_NOCARD "card-missing"
#define ALARM_ENDS   "card-ends"
#define ALARM_OVER   "card-over"
#define ENDS_SOON_S  (30 * 86400)

/* --- who may connect -------------------------------------------------------------------------- */

bool keys_joined(const struct app *a, const struct node_id *peer)
{
	return policy_joined(a->shared.agreements, a->shared.agreements_len, &a->self, peer,
		app_now(a).wall_ms / 1000);
}

/* The PSK of the lowest agreement id between the two that names one, else zero (DESIGN 9). */
static int psk_of(struct app *a, const struct node_id *peer, uint8_t psk[32])
{
	const struct agreement *lowest = NULL;
	char id[NODE_ID_TEXT_SIZE];
	struct err_text err;
	int rc;

	memset(psk, 0, 32);
	for (size_t i = 0; i < a->shared.agreements_len; i++) {
		const struct agreement *g = a->shared.agreements[i];

		if (g->has_psk && agreement_party_of(g, peer) &&
			agreement_in_time(g, app_now(a).wall_ms / 1000) &&
			(!lowest || g->id < lowest->id))
			lowest = g;
	}
	if (!lowest)
		return 0;
	rc = keydir_psk(a->keys_dir, lowest->psk_id, psk, &err);
	if (rc != 0) {
		node_id_text(id, peer);
		app_alarm(a, ALARM_PSK, "today", id, err.text,
			"bring the pre-shared key of the agreement; there is no link without it");
	}
	return rc;
}

bool keys_authorize(struct app *a, const uint8_t transport_key[32], struct node_id *peer,
	uint8_t psk[32])
{
	int64_t now_s = app_now(a).wall_ms / 1000;

	app_clock_look(a);
	/* A step is dealt with at the next tick or message, and until then nobody comes in. */
	if (a->clock_stepped)
		return false;
	for (size_t i = 0; i < a->keys->chains_len; i++) {
		const struct card *c = card_chain_last(&a->keys->chains[i]);

		if (!rotation_admits(a, &a->keys->chains[i], transport_key))
			continue;
		/* Another may name the same key, if both lay here at the start. */
		if (now_s < c->valid_from || now_s >= c->valid_until || !keys_joined(a, &c->node))
			continue;
		*peer = c->node;
		return psk_of(a, peer, psk) == 0;
	}
	return false;
}

/* --- whom to dial ----------------------------------------------------------------------------- */

static void peer_dial(struct app *a, const struct card *c)
{
	const char *endpoints[CARD_ENDPOINTS_MAX + 1];
	size_t len = 0;
	uint8_t psk[32];
	int rc;

	/* The operator's word goes before the card's. */
	for (size_t i = 0; i < a->conf.endpoints_len && len < CARD_ENDPOINTS_MAX; i++)
		if (node_id_eq(&a->conf.endpoints[i].node, &c->node))
			endpoints[len++] = a->conf.endpoints[i].address;
	for (size_t i = 0; len == 0 && i < c->endpoints_len; i++)
		endpoints[i] = c->endpoints[i];
	if (len == 0)
		len = c->endpoints_len;
	if (psk_of(a, &c->node, psk) != 0)
		return;
	rc = net_peer_set(a->net, &c->node, c->transport, psk, endpoints, len);
	if (rc != 0)
		log_error("keys", "peer not dialled: %s", err_sentence(rc));
	sodium_memzero(psk, sizeof(psk));
}

/* It is in force, and nothing goes: nothing else says so. */
static void cards_missing(struct app *a, const struct agreement *g)
{
	char id[NODE_ID_TEXT_SIZE], what[200];

	for (size_t i = 0; i < g->parties_len; i++) {
		if (keydir_chain(a->keys, &g->parties[i].node))
			continue;
		node_id_text(id, &g->parties[i].node);
		snprintf(what, sizeof(what),
			"agreement %016llx: cards/ has no card of %s: it is not let in, nor is it "
			"dialled by a start",
			(unsigned long long)g->id, g->parties[i].name);
		app_alarm(a, ALARM_NOCARD, "today", id, what,
			"entente agreement accept AGREEMENT FILE.card, giving the file that is in "
			"force");
	}
}

static void peers_update(struct app *a)
{
	int64_t now_s = app_now(a).wall_ms / 1000;

	app_alarm_review(a, ALARM_NOCARD);
	for (size_t i = 0; i < a->shared.agreements_len; i++)
		if (agreement_in_time(a->shared.agreements[i], now_s))
			cards_missing(a, a->shared.agreements[i]);
	app_alarm_reviewed(a, ALARM_NOCARD);
	app_alarm_review(a, ALARM_PSK);
	for (size_t i = 0; i < a->keys->chains_len; i++) {
		const struct card *c = card_chain_last(&a->keys->chains[i]);

		if (keys_joined(a, &c->node))
			peer_dial(a, c);
		else
			net_peer_remove(a->net, &c->node);
	}
	app_alarm_reviewed(a, ALARM_PSK);
}

/* --- what comes into force and ends ----------------------------------------------------------- */

void in_force_enter(struct app *a, enum act act, const char *what, const struct in_force *f,
	const char *rule)
{
	struct wire_agreement term = {.id = f->id, .serial = f->serial};
	struct act_body body = {.act = act,
		.terms = &term,
		.terms_len = 1,
		.rule = bytes_str(rule),
		.operator_name = bytes_str(a->by)};

	memcpy(term.hash, f->hash, sizeof(term.hash));
	app_enter(a, &body);
	log_notice("keys", "%s %s=%016llx serial=%u %s", act_name(act), what,
		(unsigned long long)f->id, f->serial, rule);
}

static const char *why_ended(const struct app *a, const struct in_force *f)
{
	const struct agreement *g = keydir_agreement(a->keys, f->id);

	for (size_t i = 0; i < a->keys->revocations_len; i++)
		if (a->keys->revocations[i].revocation.agreement == f->id)
			return "revoked";
	if (!g)
		return "removed";
	return agreement_in_time(g, app_now(a).wall_ms / 1000) ? "replaced" : "expired";
}

bool in_force_listed(const struct in_force *list, size_t len, const struct in_force *one)
{
	for (size_t i = 0; i < len; i++)
		if (list[i].id == one->id &&
			memcmp(list[i].hash, one->hash, sizeof(one->hash)) == 0)
			return true;
	return false;
}

/* A file that somebody placed by hand is kept in the history of its id like one that `agreement
 * accept` installed: so that the id stays bound to its parties, and no lower serial comes back. */
static void remember(struct app *a, uint64_t id)
{
	struct err_text err;

	for (size_t i = 0; i < a->keys->agreements_len; i++)
		if (a->keys->agreements[i]->id == id &&
			keydir_remember(a->keys_dir, a->keys->agreements[i],
				a->keys->agreement_notes[i], &err) != 0)
			history_unkept(a, err.text);
}

/* A restart has only history to know by that an agreement was signed before its parties changed
 * their roots, and no auditor a text that is nowhere. */
void history_unkept(struct app *a, const char *why)
{
	if (!a->history_unkept)
		log_error("keys", "%s", why);
	a->history_unkept = true;
	app_alarm(a, ALARM_UNKEPT, "page", "history", why,
		"make room, or let the daemon write in keys/: it tries again, and what is not "
		"there may not count after a restart");
}

static void history_retry(struct app *a)
{
	if (!a->history_unkept)
		return;
	a->history_unkept = false;
	for (size_t i = 0; i < a->in_force_len && !a->history_unkept; i++)
		remember(a, a->in_force[i].id);
	for (size_t i = 0; i < a->keys->rosters_len && !a->history_unkept; i++)
		roster_remember(a, i);
	if (!a->history_unkept)
		app_alarm_end(a, ALARM_UNKEPT, "history");
}

/* True when something has come into force or ended. */
static bool in_force_update(struct app *a)
{
	struct in_force *now = calloc(a->keys->agreements_len + 1, sizeof(*now));
	size_t len = 0;
	bool changed = false;

	if (!now)
		abort();
	for (size_t i = 0; i < a->keys->agreements_len; i++) {
		const struct agreement *g = a->keys->agreements[i];

		if (!agreement_in_time(g, app_now(a).wall_ms / 1000) || clock_waits(&a->clock, g))
			continue;
		now[len].id = g->id;
		now[len].serial = g->serial;
		memcpy(now[len++].hash, g->hash, sizeof(g->hash));
	}
	for (size_t i = 0; i < a->in_force_len; i++) {
		if (in_force_listed(now, len, &a->in_force[i]))
			continue;
		in_force_enter(a, ACT_AGREEMENT_ENDED, "agreement", &a->in_force[i],
			why_ended(a, &a->in_force[i]));
		changed = true;
	}
	for (size_t i = 0; i < len; i++) {
		if (in_force_listed(a->in_force, a->in_force_len, &now[i]))
			continue;
		in_force_enter(a, ACT_AGREEMENT_IN_FORCE, "agreement", &now[i], "");
		remember(a, now[i].id);
		changed = true;
	}
	free(a->in_force);
	a->in_force = now;
	a->in_force_len = len;
	bonds_update(a);
	return changed;
}

/* --- cards ------------------------------------------------------------------------------------ */

/* True when it was told of already. */
static bool card_remember(struct app *a, const struct node_id *node, const uint8_t hash[32])
{
	struct card_told *list = a->cards_told;
	size_t at = 0;

	while (at < a->cards_told_len && !node_id_eq(&list[at].node, node))
		at++;
	if (at < a->cards_told_len && memcmp(list[at].hash, hash, 32) == 0)
		return true;
	if (at == a->cards_told_len) {
		list = realloc(list, (at + 1) * sizeof(*list));
		if (!list)
			abort();
		a->cards_told = list;
		a->cards_told_len++;
		list[at].node = *node;
	}
	memcpy(list[at].hash, hash, 32);
	return false;
}

/* Of those only whose file lies here: what is pinned is told of once, when it comes. */
void card_entered(struct app *a, const struct node_id *node, struct bytes hash)
{
	if (hash.len == 32 && keydir_chain(a->keys, node))
		card_remember(a, node, hash.data);
}

static void card_enter(struct app *a, const struct card_chain *chain)
{
	const struct card *card = card_chain_last(chain);
	struct act_body act = {.act = ACT_CARD,
		.has_log = true,
		.log = {.node = card->node,
			.incarnation = card->logs[card->logs_len - 1].incarnation,
			.audience = audience_of(AUDIENCE_CLEAR)},
		.serial = card->serial,
		.hash = BYTES_OF(card->hash),
		.operator_name = bytes_str(a->by)};

	if (!card_remember(a, &card->node, card->hash))
		app_enter(a, &act);
}

/* Those that came by a file, our own too; what came in a session has its act (exchange.c). */
static void cards_enter(struct app *a)
{
	card_enter(a, &a->keys->own);
	for (size_t i = 0; i < a->keys->chains_len; i++)
		card_enter(a, &a->keys->chains[i]);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The guard rails must know the federation's own endpoints: those of every card we have. */
static void guard_update(struct app *a)
{
	const char **endpoints = calloc(NODES_MAX, sizeof(*endpoints));
	size_t len = 0;

	if (!endpoints)
		abort();
	for (size_t i = 0; i <= a->keys->chains_len; i++) {
		const struct card_chain *chain =
			i < a->keys->chains_len ? &a->keys->chains[i] : &a->keys->own;
		const struct card *c = card_chain_last(chain);

		for (size_t k = 0; k < c->endpoints_len && len < NODES_MAX; k++)
			endpoints[len++] = c->endpoints[k];
	}
	if (guard_endpoints_set(a->shared.guard, endpoints, len) != 0)
		log_error("keys", "own endpoints are not guarded: out of memory");
	free(endpoints);
}

static bool is_own_card(const struct app *a, const char *file)
{
	size_t len = strlen(a->keys_dir);

	return strncmp(file, a->keys_dir, len) == 0 && strcmp(file + len, "/own.card") == 0;
}

/* Files that are broken, and no other trouble with keys/. */
static void problems_alarm(struct app *a)
{
	app_alarm_review(a, ALARM_FILE);
	app_alarm_review(a, ALARM_KEYS);
	for (size_t i = 0; i < a->keys->problems_len; i++) {
		const struct keydir_problem *p = &a->keys->problems[i];

		if (is_own_card(a, p->file))
			app_alarm(a, ALARM_KEYS, "page", p->file, p->error.text,
				"bring it back from a backup: without it the daemon does not start "
				"again");
		else
			app_alarm(a, ALARM_FILE, "today", p->file, p->error.text,
				"mend or remove the file; its last valid version stays in force "
				"until its end");
	}
	app_alarm_reviewed(a, ALARM_FILE);
	app_alarm_reviewed(a, ALARM_KEYS);
}

/* With the own card every link ends, one by one as sessions do, and nobody is told why. */
static void own_card_alarm(struct app *a)
{
	static const char *const what_to_do = "entente card renew (or draft, sign, install)";
	const struct card *own = card_chain_last(&a->keys->own);
	int64_t left_s = own->valid_until - app_now(a).wall_ms / 1000;
	char until[TEXT_TIME_SIZE], what[160];

	app_alarm_review(a, ALARM_ENDS);
	app_alarm_review(a, ALARM_OVER);
	text_time_s(until, own->valid_until);
	if (left_s <= 0) {
		snprintf(what, sizeof(what),
			"this node's card was valid until %s: peers let it in no more", until);
		app_alarm(a, ALARM_OVER, "page", "own.card", what, what_to_do);
	} else if (left_s <= ENDS_SOON_S) {
		snprintf(what, sizeof(what),
			"this node's card is valid until %s: no peer lets it in from then on",
			until);
		app_alarm(a, ALARM_ENDS, "today", "own.card", what, what_to_do);
	}
	app_alarm_reviewed(a, ALARM_ENDS);
	app_alarm_reviewed(a, ALARM_OVER);
}

static void shared_set(struct app *a)
{
	const struct agreement **counted =
		calloc(a->keys->agreements_len + 1, sizeof(struct agreement *));

	if (!counted)
		abort();
	pthread_rwlock_wrlock(&a->shared.lock);
	a->shared.agreements_len =
		clock_filter(&a->clock, (const struct agreement *const *)a->keys->agreements,
			a->keys->agreements_len, counted);
	a->shared.agreements = counted;
	guard_update(a);
	pthread_rwlock_unlock(&a->shared.lock);
}

/* After the engine has been given the new ones. */
static void counted_set(struct app *a)
{
	free(a->counted);
	a->counted = (const struct agreement **)(uintptr_t)a->shared.agreements;
}

static void revocations_tell(struct app *a)
{
	for (size_t i = 0; i < a->keys->revocations_len; i++)
		gossip_revocation(a->gossip, app_now(a),
			a->keys->revocations[i].revocation.agreement, a->keys->revocations[i].note);
}

static int read_dir(struct app *a, struct keydir **out, struct err_text *err)
{
	struct keydir *fresh = calloc(1, sizeof(*fresh));
	int rc;

	if (!fresh)
		return err_set(err, ENT_ENOMEM, "%s", err_sentence(ENT_ENOMEM));
	rc = keydir_read(fresh, a->keys_dir, a->keys, err);
	if (rc != 0) {
		free(fresh);
		return rc;
	}
	unkept_count(a, fresh);
	a->keys_read_ms = app_now(a).mono_ms;
	*out = fresh;
	return 0;
}

/* With the text of the system's list of public suffixes, if libpsl's own is not newer. */
static int guard_open(struct guard **guard)
{
	struct buf text = buf_with_max(SUFFIXES_MAX);
	char path[PATH_MAX];
	struct err_text err;
	struct stat st;
	int rc;

	if (suffixes_text_path(path, sizeof(path)) && stat(path, &st) == 0 &&
		st.st_mtime >= suffixes_built_in_time() && file_read(path, &text, &err) != 0)
		buf_reset(&text);
	rc = guard_new(guard, buf_view(&text));
	buf_free(&text);
	return rc;
}

int keys_open(struct app *a, struct err_text *err)
{
	int rc = read_dir(a, &a->keys, err);

	/* What is over brings erasures with it: a start that cannot see does not begin. */
	if (rc == 0 && a->keys->unlisted.text[0])
		rc = err_set(err, ENT_EIO, "%s", a->keys->unlisted.text);
	if (rc == 0)
		rc = app_clock_open(a, err);
	if (rc != 0)
		return rc;
	if (a->keys->own.cards_len == 0)
		return err_set(err, ENT_ESTATE,
			"%s/own.card: there is no card yet; sign the draft and install it (entente "
			"card)",
			a->keys_dir);
	pthread_rwlock_init(&a->shared.lock, NULL);
	rc = guard_open(&a->shared.guard);
	if (rc != 0)
		return err_set(err, rc, "guard rails: %s", err_sentence(rc));
	shared_set(a);
	return 0;
}

void keys_reload(struct app *a)
{
	struct keydir *fresh = NULL, *former = a->keys;
	struct err_text err;
	int rc = read_dir(a, &fresh, &err);

	if (rc == 0 && fresh->own.cards_len == 0)
		rc = err_set(&err, ENT_ENOTFOUND, "own.card is gone");
	/* Told to others, a card with keys that are not here would lock us out. What else has
	 * changed has nothing to do with it: what is over is over. */
	if (rc == 0 && rotation_wanted(a, card_chain_last(&fresh->own)) &&
		rotation_check(a, card_chain_last(&fresh->own), &err) != 0)
		keydir_keep_own(fresh, former, a->keys_dir, &err);
	if (rc != 0) {
		app_alarm(a, ALARM_KEYS, "page", a->keys_dir, err.text,
			"restore the directory; what was in force stays in force");
		if (fresh) {
			keydir_free(fresh);
			free(fresh);
		}
		return;
	}
	a->keys = fresh;
	a->turnover = rotation_wanted(a, card_chain_last(&fresh->own));
	shared_set(a);
	problems_alarm(a);
	own_card_alarm(a);
	cards_enter(a);
	in_force_update(a);
	revocations_tell(a);
	/* What has ended is over before a new card or roster lets more be told. */
	gossip_agreements(a->gossip, app_now(a), a->shared.agreements, a->shared.agreements_len);
	counted_set(a);
	if (gossip_origin(a->gossip, &fresh->own, NULL) != 0)
		log_error("keys", "own.card is not taken: it contradicts the one known");
	for (size_t i = 0; i < fresh->chains_len; i++)
		if (gossip_origin(a->gossip, &fresh->chains[i], NULL) != 0)
			log_error("keys", "a card is not taken: it contradicts the one known");
	rosters_update(a);
	history_retry(a);
	/* Heads of origins that were not known yet are asked for again. */
	gossip_agreements(a->gossip, app_now(a), a->shared.agreements, a->shared.agreements_len);
	/* What there is to say is said before sessions end. */
	exchange_actions(a);
	peers_update(a);
	keydir_free(former);
	free(former);
	rotation_sessions(a);
	rotation_review(a, false);
	exchange_actions(a);
}

void keys_tick(struct app *a)
{
	unkept_tick(a);
	if (a->clock_stepped || app_now(a).mono_ms - a->keys_read_ms >= KEYS_RESCAN_MS) {
		a->clock_stepped = false;
		keys_reload(a);
		return;
	}
	rosters_update(a);
	if (in_force_update(a)) {
		peers_update(a);
		exchange_actions(a);
	}
}

/* The card that names another's key would let the other in as its own node, or nobody. The former
 * one goes on. */
static bool transport_taken(struct app *a, const struct node_id *node, struct bytes text)
{
	char id[NODE_ID_TEXT_SIZE], others[NODE_ID_TEXT_SIZE], what[160];
	const struct card_chain *other = NULL;
	struct arena arena = {0};
	struct card_chain seen;

	node_id_text(id, node);
	if (card_chain_read(text, "card", &arena, &seen, NULL) == 0)
		other = keydir_transport_other(a->keys, &seen);
	if (other) {
		node_id_text(others, &card_chain_last(other)->node);
		snprintf(what, sizeof(what),
			"its new card names the transport key of %s: it is not taken", others);
		app_alarm_of_others(a, ALARM_TAKEN, "today", id, what,
			"call both: one has copied the other's key; its former card stays in "
			"force");
	} else {
		app_alarm_end(a, ALARM_TAKEN, id);
	}
	arena_free(&arena);
	return other != NULL;
}

/* A peer's newer card came in a session: it is what admits and finds that peer from now on, so it
 * goes where its former one lies. */
void keys_card_seen(struct app *a, const struct node_id *node, struct bytes chain)
{
	if (!keydir_chain(a->keys, node) || transport_taken(a, node, chain))
		return;
	unkept_card(a, node, chain);
	keys_touched(a);
}

void keys_revoked(struct app *a, uint64_t agreement, const struct node_id *node, struct bytes note)
{
	char id[NODE_ID_TEXT_SIZE];

	node_id_text(id, node);
	log_notice("keys", "revocation received agreement=%016llx of=%s",
		(unsigned long long)agreement, id);
	unkept_revocation(a, agreement, node, note);
	keys_touched(a);
}

/* --- watching --------------------------------------------------------------------------------- */

static void on_settled(uv_timer_t *t)
{
	keys_reload(t->data);
}

void keys_touched(struct app *a)
{
	if (!a->stopping)
		uv_timer_start(&a->settle, on_settled, KEYS_SETTLE_MS, 0);
}

static void on_change(uv_fs_event_t *w, const char *name, int events, int status)
{
	(void)name, (void)events, (void)status;
	keys_touched(w->data);
}

/* keys/ itself: this daemon writes there too, and none of that is news. */
static void on_keys_change(uv_fs_event_t *w, const char *name, int events, int status)
{
	(void)events, (void)status;
	if (name && strcmp(name, "own.card") == 0)
		keys_touched(w->data);
}

void keys_watch(struct app *a)
{
	static const char *const dirs[] = {".", "agreements", "cards", "rosters", "psk"};

	_Static_assert(sizeof(a->watch) / sizeof(a->watch[0]) == sizeof(dirs) / sizeof(dirs[0]),
		"one for each");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		char path[600];

		snprintf(path, sizeof(path), "%s/%s", a->keys_dir, dirs[i]);
		/* Events are hints; without them the half-minute rescan remains. */
		if (uv_fs_event_start(&a->watch[i], i == 0 ? on_keys_change : on_change, path, 0) !=
				0 &&
			access(path, F_OK) == 0)
			log_warn("keys", "not watched: %s", path);
	}
	problems_alarm(a);
	own_card_alarm(a);
	rosters_update(a);
	cards_enter(a);
	in_force_update(a);
	revocations_tell(a);
	gossip_agreements(a->gossip, app_now(a), a->shared.agreements, a->shared.agreements_len);
	counted_set(a);
	peers_update(a);
	rotation_review(a, true);
	exchange_actions(a);
}

void keys_close(struct app *a)
{
	if (a->keys)
		unkept_close(a);
	if (a->keys)
		keydir_free(a->keys);
	free(a->keys);
	guard_free(a->shared.guard);
	free(a->in_force);
	rosters_close(a);
	free(a->cards_told);
	bonds_close(a);
	/* Those given to the engine last, and any that never were. */
	if (a->shared.agreements != a->counted)
		free((void *)(uintptr_t)a->shared.agreements);
	free(a->counted);
}
