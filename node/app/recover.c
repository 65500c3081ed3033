/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Mute and not: the engine decides (gossip/recover.c), here it is carried out, told to the people
 * who run the node, and their word taken.
 */
#include "app/impl.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "keys/file.h"

#define NODE_ID_TEXT_LEN (NODE_ID_TEXT_SIZE - 1)
/* A line for each peer that there can be. */
#define RECOVER_WITHOUT_BYTES_MAX (GOSSIP_PEERS_MAX * NODE_ID_TEXT_SIZE)
#define ACTS_LATER_MAX            8u

/* --- start ------------------------------------------------------------------------------------ */

int recover_open(struct app *a, struct err_text *err)
{
	struct gossip_guard guard = {.feeds_len = a->guard.feeds_len};
	struct gossip_guard_feed *feeds = calloc(a->guard.feeds_len + 1, sizeof(*feeds));
	struct gossip_recovery_view v;
	int rc;

	if (!feeds)
		abort();
	for (size_t i = 0; i < a->guard.feeds_len; i++)
		feeds[i] = (struct gossip_guard_feed){
			a->guard.feeds[i].log, a->guard.feeds[i].size, a->guard.feeds[i].root};
	guard.feeds = feeds;
	if ((rc = known_open(a, err)) != 0) {
		free(feeds);
		return rc;
	}
	rc = gossip_recover_start(a->gossip, app_now(a), a->has_guard ? &guard : NULL);
	free(feeds);
	gossip_recovery_view(a->gossip, &v);
	a->mute = v.state != RECOVERY_GOES_ON;
	if (rc != 0)
		return err_set(err, rc, "%s: %s", a->guard_path, err_sentence(rc));
	return left_open(a, err);
}

/* --- whom it goes on without ------------------------------------------------------------------ */

/*
 * The operator's word holds for the muteness that there is, over restarts: a node id a line. The
 * file is left out of backups, for who restores one has not been asked yet.
 */
static int without_path(const struct app *a, char out[600])
{
	return file_path(out, 600, a->options->home, RECOVER_WITHOUT_NAME);
}

static void without_forget(const struct app *a)
{
	char path[600];

	if (without_path(a, path) == 0)
		unlink(path);
}

/* True when the peer is one that is waited for. */
static bool without_apply(struct app *a, struct bytes line)
{
	struct node_id node;

	return node_id_parse(line, &node) &&
	       gossip_recover_without(a->gossip, app_now(a), &node) == 0;
}

void recover_started(struct app *a)
{
	struct buf text = buf_with_max(RECOVER_WITHOUT_BYTES_MAX);
	struct err_text err;
	char path[600];

	a->recover_begun = true;
	if (!a->mute)
		left_forget(a);
	if (!a->mute)
		without_forget(a);
	else if (without_path(a, path) == 0 && file_read(path, &text, &err) == 0)
		for (struct bytes left = buf_view(&text); left.len > NODE_ID_TEXT_LEN;
			left = bytes_skip(left, NODE_ID_TEXT_LEN + 1))
			if (without_apply(a, bytes_from(left.data, NODE_ID_TEXT_LEN)))
				log_notice("recover", "does not wait for %.26s, as it was told",
					(const char *)left.data);
	buf_free(&text);
}

/* Durable before it is answered. */
static int without_keep(struct app *a, const struct node_id *node)
{
	struct buf text = buf_with_max(RECOVER_WITHOUT_BYTES_MAX);
	char path[600], id[NODE_ID_TEXT_SIZE];
	struct err_text err;
	int rc = without_path(a, path);

	if (rc == 0)
		rc = file_read(path, &text, &err);
	if (rc == ENT_ENOTFOUND)
		rc = 0;
	node_id_text(id, node);
	buf_printf(&text, "%s\n", id);
	if (rc == 0)
		rc = buf_failed(&text) ? ENT_ELIMIT : file_write(path, buf_view(&text), 0600, &err);
	if (rc != 0)
		log_error("recover", "the word is not kept, a restart will ask again: %s",
			err_sentence(rc));
	buf_free(&text);
	return rc;
}

/* --- actions and events ----------------------------------------------------------------------- */

static void go_mute(struct app *a, const struct gossip_action *action)
{
	struct node_id none = {{0}};
	struct act_body act = {.act = ACT_RESTORED,
		.rule = bytes_str(action->rule),
		.text = bytes_str(action->text),
		.has_peer = !node_id_eq(&action->peer, &none),
		.peer = action->peer,
		.has_log = action->feed.audience.kind != 0,
		.log = action->feed};

	/* What this process has entered as an old copy goes into a log of its own; at the start
	 * that one has begun already. */
	if (!a->mute &&
		(strcmp(action->rule, "own-ahead") == 0 || strcmp(action->rule, "clone") == 0))
		app_provenance_anew(a);
	/* That was another one. */
	if (a->recover_begun)
		without_forget(a);
	if (a->recover_begun)
		left_keep(a);
	a->mute = true;
	pipeline_mute(a->pipeline);
	app_alarm_clear(a, "mute");
	app_alarm(a, "mute", "page", a->options->home, action->text,
		"entente recover says what it waits for; docs/OPERATING.md, Mute");
	app_enter(a, &act);
}

/*
 * No witness takes a log that began before the newest that it knows, and that of a life that is
 * lost began later where the clock was behind when this one did. So often in a life of the process,
 * since a second copy may always be ahead.
 */
static void acts_rewound(struct app *a, const struct log_name *log)
{
	bool in_use = log_name_eq(log, &a->provenance);
	bool later = log->incarnation == a->provenance.incarnation &&
		     log->audience.id > a->provenance.audience.id;

	if (later && a->acts_later++ < ACTS_LATER_MAX)
		a->provenance.audience.id = log->audience.id;
	else if (!in_use)
		return; /* of a former one it has been said already */
	app_provenance_anew(a);
}

void recover_action(struct app *a, const struct gossip_action *action)
{
	switch (action->type) {
	case GOSSIP_MUTE:
		go_mute(a, action);
		return;
	case GOSSIP_RECOVERED:
		/* Behind this a restart is not mute. */
		known_keep(a);
		pipeline_unmute(a->pipeline);
		return;
	case GOSSIP_MAY_SEAL:
		a->sealing = true;
		pipeline_allow_sealing(a->pipeline);
		return;
	case GOSSIP_REWOUND:
		acts_rewound(a, &action->feed);
		return;
	case GOSSIP_CUT:
		pipeline_cut(a->pipeline, &action->feed);
		return;
	default: /* GOSSIP_KEEP */
		pipeline_keep(a->pipeline, &action->checkpoint);
		return;
	}
}

static void was_cut(struct app *a, const struct pipeline_event *e)
{
	char feed[LOG_NAME_TEXT_SIZE];

	if (e->code != 0) {
		log_error("recover", "unsigned entries were not dropped: %s",
			err_sentence(e->code));
		gossip_cut(a->gossip, app_now(a), &e->feed, 0, false);
		return;
	}
	log_name_text(feed, &e->feed);
	app_alarm(a, "unsigned-dropped", "today", feed,
		"entries that were never signed were dropped: they cannot be signed any more",
		"publish the last file again: what came back counts as unchanged");
	/* The index may have them. */
	pipeline_reindex(a->pipeline, NULL);
	gossip_cut(a->gossip, app_now(a), &e->feed, e->size, true);
}

void recover_event(struct app *a, const struct pipeline_event *e)
{
	struct act_body recovered = {.act = ACT_RECOVERED};

	switch (e->type) {
	case PIPELINE_WAS_CUT:
		was_cut(a, e);
		return;
	case PIPELINE_UNMUTED:
		a->mute = false;
		without_forget(a);
		left_forget(a);
		app_alarm_clear(a, "mute");
		app_enter(a, &recovered);
		log_notice("recover", "has back what it had signed, and signs again");
		requests_tick(a);
		return;
	default: /* PIPELINE_CORRUPT */
		gossip_corrupt(a->gossip, app_now(a), &e->feed);
		return;
	}
}

/* --- what people are told, and their word ----------------------------------------------------- */

static const char *what_to_do(const struct gossip_recovery_view *v, bool waiting, bool missing)
{
	if (v->conflict)
		return strcmp(v->rule, "corrupt") == 0
			       ? "do not use this machine; move the home to another one"
			       : "make sure that no second copy runs; then only a new incarnation "
				 "goes on: entente card new-incarnation";
	if (v->state == RECOVERY_STOPPED)
		return "find the second copy of this node and stop it for good, then: entente "
		       "recover --confirm";
	if (v->alone)
		return "no agreement is in force, so there is no peer to ask; if this copy is the "
		       "newest: entente recover --confirm";
	if (waiting && v->state == RECOVERY_HEARS)
		return "bring up the link to the peers named, each with every agreement in force "
		       "that you have with it; if one is gone for good, or has no agreement any "
		       "more and nothing newer of yours: entente recover --without NAME";
	if (waiting)
		return "bring up the link to the peers named: they may have what is missing";
	if (missing)
		return "no peer has given what is missing; if it is lost for good: entente card "
		       "new-incarnation";
	return "nothing: it goes on within seconds";
}

/* Of a former peer there may be no card any more. */
static const char *peer_name(struct app *a, const struct node_id *node, char id[NODE_ID_TEXT_SIZE])
{
	const char *name = status_name(a, node);

	node_id_text(id, node);
	return name[0] ? name : id;
}

json_t *recover_json(struct app *a)
{
	json_t *peers = json_array(), *feeds = json_array();
	struct gossip_recovery_feed f;
	struct gossip_recovery_view v;
	char id[NODE_ID_TEXT_SIZE];
	struct node_id node;

	gossip_recovery_view(a->gossip, &v);
	for (size_t at = 0; gossip_recovery_peer(a->gossip, &at, &node);)
		json_array_append_new(peers, json_string(peer_name(a, &node, id)));
	for (size_t at = 0; gossip_recovery_feed(a->gossip, &at, &f);) {
		char audience[AUDIENCE_TEXT_SIZE];

		audience_text(audience, f.log.audience);
		json_array_append_new(feeds,
			json_pack("{s:s,s:I,s:I}", "audience", audience, "held", (json_int_t)f.held,
				"wanted", (json_int_t)f.wanted));
	}
	return json_pack("{s:s,s:s,s:o,s:o,s:s}", "rule", v.rule ? v.rule : "", "why",
		v.why ? v.why : "", "waiting_for", peers, "feeds", feeds, "do",
		what_to_do(&v, json_array_size(peers) > 0, json_array_size(feeds) > 0));
}

/* Whose word it was that the node went on. */
static void enter_word(struct app *a, const json_t *q, const char *text,
	const struct node_id *without)
{
	char who[ACT_OPERATOR_MAX + 1];
	struct act_body act = {.act = ACT_RECOVERY_WORD, .text = bytes_str(text)};

	app_operator(who, q);
	act.operator_name = bytes_str(who);
	act.has_peer = without != NULL;
	if (without)
		act.peer = *without;
	app_enter(a, &act);
}

/* 0, or the status of the failure that was answered. */
static int take_word(struct app *a, struct control_client *c, const json_t *q)
{
	const json_t *without = json_object_get(q, "without");
	int rc;

	if (json_is_true(json_object_get(q, "confirm"))) {
		rc = gossip_recover_confirm(a->gossip, app_now(a));
		if (rc == ENT_EPROOF)
			control_fail(c, 3,
				"two histories are signed: nobody's word mends that; entente card "
				"new-incarnation");
		else if (rc != 0)
			control_fail(c, 3, "the node does not wait for anybody's word");
		if (rc != 0)
			return rc;
		enter_word(a, q, "no second copy runs", NULL);
	}
	for (size_t i = 0; i < json_array_size(without); i++) {
		const char *id = json_string_value(json_array_get(without, i));
		struct node_id node;

		if (!id || !node_id_parse(bytes_str(id), &node) ||
			gossip_recover_without(a->gossip, app_now(a), &node) != 0) {
			control_fail(c, 1, "no peer that is waited for: %s", id ? id : "");
			return ENT_ENOTFOUND;
		}
		if (a->mute && without_keep(a, &node) != 0) {
			control_fail(c, 5, "the word could not be kept: a restart asks again");
			return ENT_EIO;
		}
		enter_word(a, q, "without", &node);
	}
	return 0;
}

void recover_request(struct app *a, struct control_client *c, const json_t *q)
{
	if (take_word(a, c, q) != 0)
		return;
	control_answer(c, json_pack("{s:b,s:b,s:o}", "ok", 1, "mute", a->mute, "recovery",
				  a->mute ? recover_json(a) : json_null()));
}
