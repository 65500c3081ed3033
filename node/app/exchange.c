/* SPDX-License-Identifier: EUPL-1.2 */
/* The engine between network and pipeline: events in, actions carried out. */
#include "app/impl.h"

#include "base/text.h"
#include "base/version.h"
#include "ledger/reading.h"

/* --- how the node cosigns --------------------------------------------------------------------- */

static void sign_receipt(void *ctx, const struct checkpoint *c, uint64_t time,
	struct cosignature *out)
{
	struct app *a = ctx;

	cosignature_sign(out, c, time, a->identity.receipt_secret);
}

static void sign_witness(void *ctx, const struct checkpoint *c, uint64_t time,
	struct cosignature *out)
{
	struct app *a = ctx;

	cosignature_sign(out, c, time, a->identity.witness_secret);
}

/* --- start: what the store has ---------------------------------------------------------------- */

static int load_origin(void *ctx, const struct store_origin *o)
{
	struct app *a = ctx;
	struct node_id none = {{0}};
	struct arena arena = {0};
	struct card_chain chain;
	struct err_text err;
	int rc = card_chain_read(o->chain, "store", &arena, &chain, &err);

	if (rc == 0)
		rc = gossip_origin(a->gossip, &chain,
			node_id_eq(&o->introduced_by, &none) ? NULL : &o->introduced_by);
	if (rc != 0)
		log_warn("exchange", "a pinned origin is not taken: %s", err_sentence(rc));
	arena_free(&arena);
	return 0;
}

/* It may contradict the one that is pinned, which somebody else has brought: that is an alarm, as
 * while the daemon runs, and nothing that others could keep it from starting by. */
static void load_file(struct app *a, const struct card_chain *chain)
{
	char id[NODE_ID_TEXT_SIZE];
	int rc = gossip_origin(a->gossip, chain, NULL);

	if (rc == 0)
		return;
	node_id_text(id, &card_chain_last(chain)->node);
	log_error("exchange", "a card in keys/ is not taken node=%s: %s", id,
		rc == ENT_EPROOF ? "it contradicts the one known" : err_sentence(rc));
}

/* What was seen of its cards before the restart. */
static int load_rival(void *ctx, struct bytes text)
{
	struct app *a = ctx;
	struct arena arena = {0};
	struct card_chain chain;

	if (card_chain_read(text, "store", &arena, &chain, NULL) == 0)
		gossip_rival(a->gossip, &chain);
	arena_free(&arena);
	return 0;
}

static int load_receipt(void *ctx, const struct store_receipt *r)
{
	struct app *a = ctx;

	if (!r->differs)
		gossip_receipted(a->gossip, &r->node, &r->checkpoint, true);
	return 0;
}

static int load_witness(void *ctx, const struct store_witness *w)
{
	struct app *a = ctx;

	if (gossip_witness(a->gossip, &w->checkpoint, w->rewritten) != 0)
		log_warn("exchange", "a witnessed log is not taken: there are too many");
	return 0;
}

struct feeds_load {
	struct app *app;
	struct store_reader *reader;
};

/* The proof against a feed goes on being told, and its alarm stands until it is settled. */
static void load_split(struct feeds_load *load, const struct store_log *log)
{
	struct store_trust trust;
	struct bytes proof;
	int rc;

	if (store_split_get(load->reader, log->number, &proof) != 0)
		return;
	rc = gossip_split(load->app->gossip, proof);
	if (rc != 0 && rc != ENT_ENOTFOUND) {
		log_warn("exchange", "a stored proof of a split view does not hold");
		return;
	}
	if (store_log_trust(load->reader, log, &trust) == 0 && trust.succeeded_by == 0)
		app_alarm_split(load->app, &log->name);
}

static int load_feed(void *ctx, const struct store_log *log)
{
	struct feeds_load *load = ctx;
	struct app *a = load->app;
	static const struct checkpoint none;

	if (log->name.audience.kind == AUDIENCE_PROVENANCE)
		return 0;
	if (gossip_feed(a->gossip, &log->name, log->size, log->floor,
		    log->has_held ? &log->held : &none,
		    log->has_checkpoint ? &log->checkpoint : &none, log->frozen) != 0)
		log_warn("exchange", "a stored feed has no known origin");
	load_split(load, log);
	return 0;
}

static int load_settled(void *ctx, const struct store_said *said)
{
	struct checkpoint good = {.log = said->old, .size = said->by.size, .root = said->by.root};
	struct app *a = ctx;

	gossip_settled(a->gossip, app_now(a), &good);
	return 0;
}

struct receipts_walk {
	struct app *app;
	struct store_reader *reader;
};

/* Of the provenance logs only that in use has cosignatures that still grow. */
static int load_receipts_of(void *ctx, const struct store_log *log)
{
	struct receipts_walk *w = ctx;

	if (log->name.audience.kind == AUDIENCE_PROVENANCE &&
		!log_name_eq(&log->name, &w->app->provenance))
		return 0;
	return store_receipt_each(w->reader, &log->name, load_receipt, w->app);
}

static int load_receipts(struct app *a, struct store_reader *r)
{
	struct receipts_walk w = {a, r};

	return store_log_each(r, load_receipts_of, &w);
}

int exchange_open(struct app *a, struct err_text *err)
{
	struct gossip_config config = {.self = a->self,
		.rng = a->rng,
		.store = ledger_reads(a->store),
		.signer = {a, sign_receipt, sign_witness},
		.software = "entente " ENTENTE_VERSION};
	struct feeds_load load = {a, NULL};
	uint8_t hash_key[16];
	struct store_reader *r;
	int rc = gossip_new(&a->gossip, &config);

	if (rc != 0)
		return err_set(err, rc, "%s", err_sentence(rc));
	env_random(&a->rng, hash_key, sizeof(hash_key));
	map_init(&a->sessions, sizeof(uint32_t), SESSIONS_MAX * 2, hash_key);
	rc = store_reader_open(a->store, &r);
	if (rc == 0) {
		rc = gossip_origin(a->gossip, &a->keys->own, NULL);
		if (rc == 0)
			rc = store_origin_each(r, load_origin, a);
		for (size_t i = 0; i < a->keys->chains_len && rc == 0; i++)
			load_file(a, &a->keys->chains[i]);
		if (rc == 0)
			rc = store_rival_each(r, load_rival, a);
		load.reader = r;
		if (rc == 0)
			rc = store_log_each(r, load_feed, &load);
		if (rc == 0)
			rc = store_succession_each(r, load_settled, a);
		if (rc == 0)
			rc = place_quotas_load(a, r);
		if (rc == 0)
			rc = load_receipts(a, r);
		if (rc == 0)
			rc = store_witness_each(r, load_witness, a);
		store_reader_close(r);
	}
	if (rc == 0)
		return recover_open(a, err);
	return rc == 0 ? 0 : err_set(err, rc, "%s: %s", a->data_dir, err_sentence(rc));
}

/* --- actions ---------------------------------------------------------------------------------- */

static struct net_session *session_of(struct app *a, uint32_t id)
{
	return map_get(&a->sessions, &id);
}

/* The peer, the feed, or "peer feed": whoever reads of a lie wants to know whose. */
static void subject_of(char out[160], const struct gossip_action *action)
{
	struct node_id none = {{0}};
	char peer[NODE_ID_TEXT_SIZE] = "", feed[LOG_NAME_TEXT_SIZE] = "";

	if (!node_id_eq(&action->peer, &none))
		node_id_text(peer, &action->peer);
	if (action->feed.audience.kind)
		log_name_text(feed, &action->feed);
	snprintf(out, 160, "%s%s%s", peer, peer[0] && feed[0] ? " " : "", feed);
}

/* What calls for somebody at once is counted by itself: no flood of the other kind hides it. */
static bool peer_alarm_allowed(struct app *a, bool page)
{
	uint64_t now = uv_now(&a->loop);

	if (now - a->peer_alarms_ms > 60000) {
		a->peer_alarms_ms = now;
		a->peer_alarms[false] = a->peer_alarms[true] = 0;
	}
	if (++a->peer_alarms[page] <= PEER_ALARMS_MAX)
		return true;
	/* What is passed over is at least known to be. */
	a->alarm_flood_ms = now;
	app_alarm(a, "alarm-flood", "page", "peers",
		"peers have caused more alarms in a minute than are entered: some are not shown",
		"see who causes those that are shown, and `entente pause` them");
	return false;
}

static void carry_alarm(struct app *a, const struct gossip_action *action)
{
	static const char *const what_to_do =
		"look at the peer and the feed named; docs/OPERATING.md, Alarms";
	struct act_body act = {.act = ACT_ALARM,
		.rule = bytes_str(action->rule),
		.text = text_utf8_prefix(bytes_str(action->text), ACT_TEXT_MAX)};
	const char *severity = action->severity ? action->severity : "today";
	struct node_id none = {{0}};
	char subject[160];

	subject_of(subject, action);
	if (app_alarm_stands(a, action->rule, subject) ||
		!peer_alarm_allowed(a, strcmp(severity, "page") == 0))
		return;
	if (!node_id_eq(&action->peer, &none)) {
		act.has_peer = true;
		act.peer = action->peer;
	}
	if (action->feed.audience.kind) {
		act.has_log = true;
		act.log = action->feed;
	}
	if (node_id_eq(&action->feed.node, &a->self))
		app_alarm(a, action->rule, severity, subject, action->text, what_to_do);
	else
		app_alarm_of_others(a, action->rule, severity, subject, action->text, what_to_do);
	alarm_entered(a, action->rule, subject);
	app_enter(a, &act);
}

static void carry_receipt(struct app *a, const struct gossip_action *action)
{
	const struct store_receipt r = {.node = action->peer,
		.checkpoint = action->checkpoint,
		.cosignature = action->cosignature,
		.differs = action->differs};

	pipeline_receipt(a->pipeline, &r);
}

static void carry_witness(struct app *a, const struct gossip_action *action)
{
	const struct store_witness w = {.checkpoint = action->checkpoint,
		.time = (uint64_t)(app_now(a).wall_ms / 1000),
		.rewritten = action->rewritten,
		.other = action->other};

	pipeline_witness(a->pipeline, action->session, &w);
}

static void carry_out(struct app *a, struct gossip_action *action)
{
	struct net_session *s = session_of(a, action->session);
	int rc;

	switch (action->type) {
	case GOSSIP_SEND:
		rc = s ? net_send(s, action->message) : 0;
		if (rc != 0)
			log_debug("exchange", "not sent: %s", err_sentence(rc));
		return;
	case GOSSIP_CLOSE:
		if (action->penalty_ms)
			net_peer_penalty(a->net, &action->peer, action->penalty_ms);
		if (!(s = session_of(a, action->session)))
			return;
		if (action->drop)
			net_drop(s, action->text);
		else
			net_close(s, action->reason, action->text);
		return;
	case GOSSIP_INGEST:
		pipeline_ingest(a->pipeline, action->job);
		return;
	case GOSSIP_ENTER:
		if (action->act.act == ACT_SESSION_OPENED)
			rotation_named(a, &action->act.peer, action->act.serial);
		if (action->act.act == ACT_CARD || action->act.act == ACT_INTRODUCED)
			card_entered(a, &action->act.log.node, action->act.hash);
		pipeline_enter(a->pipeline, &action->act, action->wait, action->session,
			&action->feed);
		return;
	case GOSSIP_PIN:
		pipeline_pin(a->pipeline, &action->node, action->chain, &action->peer);
		keys_card_seen(a, &action->node, action->chain);
		return;
	case GOSSIP_RIVAL:
		pipeline_rival(a->pipeline, &action->node, action->chain);
		return;
	case GOSSIP_FREEZE:
		pipeline_freeze(a->pipeline, &action->feed);
		return;
	case GOSSIP_PUT_ASIDE:
		pipeline_put_aside(a->pipeline, &action->feed);
		return;
	case GOSSIP_SPLIT:
		pipeline_split(a->pipeline, &action->feed, action->message);
		return;
	case GOSSIP_ALARM:
		carry_alarm(a, action);
		return;
	case GOSSIP_RECEIPT:
		carry_receipt(a, action);
		return;
	case GOSSIP_WITNESS:
		carry_witness(a, action);
		return;
	case GOSSIP_COMPLETE:
		pipeline_complete(a->pipeline, &action->checkpoint);
		return;
	case GOSSIP_REVOKED:
		keys_revoked(a, action->agreement, &action->node, action->chain);
		return;
	case GOSSIP_MUTE:
	case GOSSIP_RECOVERED:
	case GOSSIP_MAY_SEAL:
	case GOSSIP_CUT:
	case GOSSIP_KEEP:
	case GOSSIP_REWOUND:
		recover_action(a, action);
		return;
	}
}

void exchange_actions(struct app *a)
{
	struct gossip_action action;

	while (gossip_action_next(a->gossip, &action))
		carry_out(a, &action);
}

/* --- events of the pipeline ------------------------------------------------------------------- */

static void on_event(struct app *a, struct pipeline_event *e)
{
	struct gossip_time now = app_now(a);

	switch (e->type) {
	case PIPELINE_STORED:
		gossip_stored(a->gossip, now, e->job);
		place_well(a);
		break;
	case PIPELINE_REJECTED:
		gossip_rejected(a->gossip, now, e->job, e->code);
		break;
	case PIPELINE_SEALED:
		gossip_sealed(a->gossip, now, &e->checkpoint, e->urgent);
		place_well(a);
		break;
	case PIPELINE_PROVENANCE:
		gossip_provenance(a->gossip, &e->checkpoint);
		place_well(a);
		break;
	case PIPELINE_ENTERED:
		if (e->user)
			entered_for(a, e->user);
		else
			gossip_entered(a->gossip, now, e->session, &e->feed);
		break;
	case PIPELINE_RECEIPTED:
		gossip_receipted(a->gossip, &e->node, &e->checkpoint, e->code == 0);
		break;
	case PIPELINE_WITNESSED:
		gossip_witnessed(a->gossip, now, e->session, &e->checkpoint, e->code == 0);
		break;
	case PIPELINE_TAKEN:
		requests_taken(a, e->publication);
		break;
	case PIPELINE_PUBLISHED:
		requests_published(a, e->publication);
		break;
	case PIPELINE_HELD:
		stop_held(a, e->user, e->code);
		break;
	case PIPELINE_COMPACTED:
		compact_done(a, e->code);
		break;
	case PIPELINE_REINDEXED:
		requests_reindexed(a, e->user, e->code);
		break;
	case PIPELINE_TROUBLE:
		place_trouble(a, e->code);
		break;
	case PIPELINE_INDEX:
		if (e->code == 0)
			app_alarm_clear(a, "index-trouble");
		else
			app_alarm(a, "index-trouble", "page", a->data_dir, err_sentence(e->code),
				"make room on the disk, or rebuild the index (entente reindex)");
		break;
	case PIPELINE_COMPLETED:
		gossip_completed(a->gossip, now, &e->checkpoint, e->code == 0);
		break;
	case PIPELINE_SETTLED:
		gossip_settled(a->gossip, now, &e->checkpoint);
		break;
	case PIPELINE_FLOOR:
		gossip_floor(a->gossip, now, &e->feed, e->floor);
		break;
	case PIPELINE_ERASED:
		gossip_erased(a->gossip, now, &e->feed);
		break;
	case PIPELINE_IS_ASIDE:
		/* What it had erased in former logs, and said to be void, is back. */
		if (e->code == 0)
			pipeline_reindex(a->pipeline, NULL);
		gossip_put_aside(a->gossip, now, &e->feed, e->code == 0);
		break;
	case PIPELINE_WAS_CUT:
	case PIPELINE_UNMUTED:
	case PIPELINE_CORRUPT:
		recover_event(a, e);
		break;
	}
	ingest_job_free(e->job);
	exchange_actions(a);
}

void exchange_events(struct app *a)
{
	struct pipeline_event e;

	while (pipeline_event_next(a->pipeline, &e))
		on_event(a, &e);
}

/* By a clock that is in doubt nothing is old, nor has anything expired: what goes below a floor
 * does not come back. */
static void retain(struct app *a)
{
	size_t len = app_clock_doubted(a) ? 0 : a->keys->agreements_len;
	struct ledger_retention *r = calloc(1, sizeof(*r) + len * sizeof(r->agreements[0]));

	if (!r)
		return; /* the next time */
	if (!app_clock_doubted(a)) {
		r->retain_ms = a->conf.retain_s * 1000;
		r->expired_ms = a->conf.retain_expired_s * 1000;
	}
	for (size_t i = 0; i < len; i++) {
		const struct agreement *g = a->keys->agreements[i];

		r->agreements[r->agreements_len++] =
			(struct ledger_retention_of){g->id, g->retain_s * 1000};
	}
	bonds_give(a, r);
	pipeline_retain(a->pipeline, r);
}

/* Every session costs acts, and acts that cannot be written stay in memory: at some point it is
 * better to be away, as a node is whose store is gone. */
void exchange_tick(struct app *a)
{
	size_t waiting = pipeline_acts_waiting(a->pipeline), at = 0;
	void *s;

	if (waiting >= ACTS_WAITING_MAX && !a->choked) {
		log_error("exchange", "the store takes no acts: sessions end until it does");
		a->choked = true;
		while (map_next(&a->sessions, &at, NULL, &s))
			net_close(s, BYE_STOPPING, "the store fails");
	} else if (waiting < ACTS_WAITING_MAX / 2) {
		a->choked = false;
	}
	if (a->alarm_flood_ms && uv_now(&a->loop) - a->alarm_flood_ms >= ALARM_FLOOD_MS) {
		app_alarm_clear(a, "alarm-flood");
		a->alarm_flood_ms = 0;
	}
	if (uv_now(&a->loop) - a->retained_ms >= RETAIN_MS) {
		a->retained_ms = uv_now(&a->loop);
		retain(a);
		compact_tick(a);
	}
}

/* --- events of the network -------------------------------------------------------------------- */

static bool on_authorize(void *ctx, const uint8_t transport_key[32], struct node_id *peer,
	uint8_t psk[32])
{
	return keys_authorize(ctx, transport_key, peer, psk);
}

/* A clock that has stepped is dealt with before anything is decided by it. */
static struct gossip_time peer_time(struct app *a)
{
	app_clock_look(a);
	if (a->clock_stepped)
		keys_tick(a);
	return app_now(a);
}

static void on_opened(void *ctx, struct net_session *s)
{
	struct app *a = ctx;
	uint32_t id = net_session_id(s);

	if (a->choked || map_put(&a->sessions, &id, s) != 0) {
		net_close(s, BYE_STOPPING, "no room for a session");
		return;
	}
	rotation_opened(a, s);
	gossip_opened(a->gossip, peer_time(a), id, net_session_peer(s), net_session_hash(s));
	exchange_actions(a);
}

static void on_message(void *ctx, struct net_session *s, uint8_t type, struct bytes payload)
{
	struct app *a = ctx;

	gossip_message(a->gossip, peer_time(a), net_session_id(s), type, payload);
	exchange_actions(a);
}

static void on_flushed(void *ctx, struct net_session *s, size_t bytes)
{
	struct app *a = ctx;

	gossip_flushed(a->gossip, app_now(a), net_session_id(s), bytes);
	exchange_actions(a);
}

static void on_closed(void *ctx, struct net_session *s, bool clean, const char *reason)
{
	struct app *a = ctx;
	uint32_t id = net_session_id(s);
	char why[160];

	snprintf(why, sizeof(why), "%s%s", clean ? "" : "without farewell: ", reason ? reason : "");
	map_remove(&a->sessions, &id);
	gossip_closed(a->gossip, app_now(a), id, why);
	exchange_actions(a);
}

const struct net_ops exchange_net_ops = {
	.authorize = on_authorize,
	.opened = on_opened,
	.message = on_message,
	.flushed = on_flushed,
	.closed = on_closed,
};
